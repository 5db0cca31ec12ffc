//! Orders, and events that are waited for.

use quasimodem_core::{Imei, Instant, Settings};
use quasimodem_lab::broker;
use quasimodem_lab::event::{Event as Happened, Stamp};
use quasimodem_lab::order::Order;
use quasimodem_lab::pipe::Conditions;
use quasimodem_lab::script::{Event, Host, Input, Kept, Mode, Outbox, Program, Who};
use quasimodem_lab::watch::Watch;
use quasimodem_lab::world::{Change, Route, World};

use crate::rig::{Rig, parse};

fn published(client_id: &str, topic: &str) -> Kept {
    let stamp = Stamp { seq: 1, t: Instant::START, wall: None, station: None, modem: None };
    let (size, qos, retain, will) = (1, 0, false, false);
    Kept::new(&stamp, &Happened::BrokerPublished { client_id, topic, payload: Some("p"), size, qos, retain, will })
}

fn hears(rig: &mut Rig, event: &Kept) -> String {
    rig.handle(Input::Event(event))
}

#[test]
fn an_event_counts_once_whenever_it_happened() {
    let mut rig = Rig::new("> AT\n~ broker.published topic=a\n~ broker.published\n>> x\n", Mode::Strict);
    rig.begins();
    hears(&mut rig, &published("me", "a"));
    assert_eq!(rig.hears("OK\r\n"), "");
    assert_eq!((rig.host.at_line(), rig.deadline()), (3, Some(10_000)));
    assert_eq!(hears(&mut rig, &published("me", "b")), "x");
    assert_eq!(rig.outcome(), Some(Ok(())));
}

#[test]
fn an_event_must_come_after_the_last_order() {
    let mut rig = Rig::new("> AT\n! broker-restart\nwithin 1s\n~ broker.published qos=0\n", Mode::Strict);
    rig.begins();
    hears(&mut rig, &published("me", "a b"));
    let mut out = Outbox::default();
    rig.host.handle(rig.now, Input::Bytes(b"OK\r\n"), &mut out);
    assert!(matches!(&*out.orders, [order] if order.name() == "broker-restart"));
    rig.waits();
    let words = "line 4: broker.published qos=0 did not happen within 1000 ms; none of that name did";
    assert_eq!(rig.outcome(), Some(Err(words.into())));
}

#[test]
fn what_happened_instead_is_told() {
    let mut rig = Rig::new("~ broker.published topic=$given\n", Mode::Strict);
    rig.begins();
    hears(&mut rig, &published("me", "from inside"));
    rig.waits();
    let words = "line 1: broker.published topic='from outside' did not happen within 10000 ms; what did: \
                 broker.published client_id=me topic='from inside' payload=p size=1 qos=0 retain=false will=false";
    assert_eq!(rig.outcome(), Some(Err(words.into())));
}

/// Blanks and quotes of a value are part of the word that it is in.
#[test]
fn names_may_stand_in_orders_and_events() {
    let text = "< +A: $x\n! broker-publish topic=t/$index payload=$x qos=1\n~ broker.published topic=$x\n>> y\n";
    let mut rig = Rig::new(text, Mode::Strict);
    rig.begins();
    let mut out = Outbox::default();
    rig.host.handle(rig.now, Input::Bytes(b"+A: it's \"a\" b=c\r\n"), &mut out);
    let [order] = &*out.orders else { panic!("{out:?}") };
    let Order::Broker(broker::Order::Publish { topic, payload, .. }) = order else { panic!("{order:?}") };
    assert_eq!((&**topic, &**payload), ("t/2", &b"it's \"a\" b=c"[..]));
    assert_eq!(hears(&mut rig, &published("me", "it's \"a\" b=c")), "y");
}

#[test]
fn an_order_may_make_no_sense_when_it_is_given() {
    let text = "< +A: $x\n! broker-publish topic=t qos=$x\n~ client.open client=$x\n>> y\n";
    let mut rig = Rig::new(text, Mode::Strict);
    rig.begins();
    rig.hears("+A: 7\r\n");
    assert_eq!(rig.outcome(), Some(Err("line 2: qos is \"7\", expected a number from 0 to 2".into())));
    let mut rig = Rig::new(text, Mode::Tolerant);
    rig.begins();
    assert_eq!(rig.hears("+A: x\r\n"), "y");
    assert_eq!(rig.events, [Event::BadOrder(2), Event::NoEvent(3), Event::Ended]);
}

#[test]
fn a_program_says_whether_it_needs_a_broker() {
    let asks = |text| parse(text).unwrap().asks_broker();
    assert_eq!(asks("> AT\n! fault packet-drop\n! broker-publish topic=$given\n! broker-restart\n"), Some(3));
    assert_eq!(asks("> AT\n! power state=reset\n"), None);
}

struct Nobody;

impl Watch for Nobody {}

/// An order is carried out before what is typed after it, and each host hears of its own modem.
#[test]
fn hosts_of_a_world_give_orders_and_hear_of_events() {
    let text = "\
        > AT+MQTTUSER=1,\"\",\"\",\"$modem\"\n\
        > AT+MQTTOPEN=1,\"broker\",1883,1,60\n\
        ~ client.open client=1\n\
        < +MQTTOPEN: 1,1\n\
        ! fault packet-drop type=PUBLISH dir=up times=1\n\
        > AT+MQTTPUB=1,\"t\",1,0,\"lost\"\n\
        ~ fault.hit item=PUBLISH\n\
        < +MQTTPUB: 1,0\n\
        > AT+MQTTPUB=1,\"t/$modem\",1,0,\"x\"\n\
        ~ broker.published topic=t/$modem client_id=$modem\n\
        ! broker-kick client_id=$modem\n\
        < +MQTTBREAK: 1,1\n\
        not < +MQTTBREAK\n\
        repeat 200\n\
        ! radio stat=2\n\
        < +CREG: 2\n\
        ! radio stat=1\n\
        < +CREG: 1\n\
        end\n";
    let text = text.replace("repeat 200", "> AT+CREG=1\nrepeat 200");
    let program = std::sync::Arc::new(Program::parse(&text, &[]).unwrap());
    let mut world = World::new(1, [broker::Config::default()]);
    for index in 0..2 {
        let imei = Imei::from_serial(u64::from(index));
        let who = Who { modem: format!("modem{index}").into(), index, imei, seed: 1 };
        let host = Host::new(program.clone(), who, Mode::Strict);
        let station = world.add(Settings::default(), imei, Conditions::default(), Route::default(), host);
        world.plan(Instant::START, Change::Attach(station, true));
    }
    world.pass(Instant::from_millis(600_000), &mut Nobody);
    for station in 0..2 {
        let host = world.host(station).unwrap();
        assert_eq!(host.outcome(), Some(Ok(())), "{station}, line {}", host.at_line());
    }
}
