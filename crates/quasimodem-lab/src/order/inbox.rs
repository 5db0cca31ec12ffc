//! How orders reach the stations of a thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::Order;
use crate::event::{Condition, Event, Listener, Names, Reporter, Stamp};
use crate::fault::{self, Cue, Plan};
use crate::flat::Bad;
use crate::state::State;
use crate::watch::Watch;

/// Orders and questions on their way to the stations of a thread, each with the number of its station, and what faults of
/// these stations wait for. Whoever gives orders shares it with the thread, which takes them when nothing else is under way.
#[derive(Default)]
pub struct Inbox {
    inner: Mutex<Inner>,
    names: Names,
}

#[derive(Default)]
struct Inner {
    mail: VecDeque<(usize, Mail)>,
    waker: Option<Waker>,
    waits: Vec<Wait>,
    /// Somebody has been asked to watch.
    listens: bool,
    /// Nobody takes anything any more.
    closed: bool,
}

/// What reaches a station.
pub enum Mail {
    /// An order, and who hears what came of it, if anybody does.
    Order(Order, Option<Answer>),
    /// Somebody wants to know how it is.
    Look(Look),
}

/// Hears whether an order was carried out, on the thread of the station, as soon as it is: this must not wait.
pub type Answer = Box<dyn FnOnce(Result<(), Bad>) + Send>;

/// Looks at a station, in the same way.
pub type Look = Box<dyn FnOnce(State) + Send>;

/// A fault that an event begins or ends.
struct Wait {
    station: usize,
    id: String,
    cue: Cue,
    condition: Condition,
}

/// How much mail may wait.
const MOST: usize = 10_000;

impl Inbox {
    /// An inbox of the modems of these names.
    pub fn new(names: Names) -> Arc<Inbox> {
        Arc::new(Inbox { inner: Mutex::default(), names })
    }

    /// Gives an order to a station, and wakes its thread. False: too many wait.
    pub fn put(&self, station: usize, order: Order) -> bool {
        self.send(station, Mail::Order(order, None))
    }

    /// Brings mail to a station, and wakes its thread. False: too much waits, or nobody takes any more.
    pub fn send(&self, station: usize, mail: Mail) -> bool {
        let mut inner = self.lock();
        let has_room = inner.mail.len() < MOST && !inner.closed;
        if has_room {
            inner.mail.push_back((station, mail));
            if let Some(waker) = inner.waker.take() {
                waker.wake();
            }
        }
        has_room
    }

    /// The next mail, and its station. If there is none, the waker is woken when some comes.
    pub fn take(&self, waker: Option<&Waker>) -> Option<(usize, Mail)> {
        let mut inner = self.lock();
        let mail = inner.mail.pop_front();
        if mail.is_none() {
            inner.waker = waker.cloned();
        }
        mail
    }

    /// Nobody takes mail any more: what waits is thrown away, and those who wait for its answers learn it.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.mail.clear();
    }

    /// Listens for the events that faults of a station wait for, and for no others of this station. True the first time that
    /// there are any: then [`ears`](Self::ears) are to watch.
    pub fn listen(&self, station: usize, plan: &Plan) -> bool {
        let mut inner = self.lock();
        inner.waits.retain(|wait| wait.station != station);
        inner.waits.extend(plan.conditions().map(|(id, cue, condition)| Wait {
            station,
            id: id.into(),
            cue,
            condition: condition.clone(),
        }));
        !inner.waits.is_empty() && !std::mem::replace(&mut inner.listens, true)
    }

    /// What has to watch so that faults hear of events. What an event causes is an order, which is taken later at the same
    /// time.
    pub fn ears(self: &Arc<Self>) -> impl Watch + Send + use<> {
        Reporter::new(self.names.clone(), Ears(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Ears(Arc<Inbox>);

impl Listener for Ears {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let Ears(inbox) = self;
        let inner = &mut *inbox.lock();
        for wait in &inner.waits {
            let is_meant = stamp.station.is_none_or(|station| station == wait.station);
            if is_meant && wait.condition.fits(stamp, event) && inner.mail.len() < MOST {
                let order = Order::Fault(fault::Order::Cue(wait.id.clone(), wait.cue));
                inner.mail.push_back((wait.station, Mail::Order(order, None)));
                if let Some(waker) = inner.waker.take() {
                    waker.wake();
                }
            }
        }
    }
}
