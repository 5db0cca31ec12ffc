//! Manual 1.5 and 1.6.

use super::{TOPIC, URC_3S, sn};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Needs, Param, ParamKind, Problem};
use crate::request::Request;
use crate::turn::Turn;

const FILTER: Param = Param::new("Topic/Topic id", ParamKind::TopicFilter(TOPIC));

pub(super) const MQTTSUB: Command = Command {
    name: "+MQTTSUB",
    source: "manual 1.5",
    summary: "Subscribes to a topic filter.",
    params: &[Param::client(Clients::All), FILTER, Param::number("Qos", 0, 2)],
    returns: URC_3S,
    errors: ErrorStyle::Plain,
    needs: Needs::DataCall,
    set: Some(subscribe),
    ..Command::ROW
};

fn subscribe(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let id = args.client(0)?;
    turn.request(&MQTTSUB, id, Request::Subscribe(sn::subject(id, args, 1)?, args.qos(2)))
}

pub(super) const MQTTUNSUB: Command = Command {
    name: "+MQTTUNSUB",
    source: "manual 1.6",
    summary: "Unsubscribes from a topic filter.",
    params: &[Param::client(Clients::All), FILTER],
    returns: URC_3S,
    errors: ErrorStyle::Plain,
    needs: Needs::DataCall,
    set: Some(unsubscribe),
    ..Command::ROW
};

fn unsubscribe(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let id = args.client(0)?;
    turn.request(&MQTTUNSUB, id, Request::Unsubscribe(sn::subject(id, args, 1)?))
}
