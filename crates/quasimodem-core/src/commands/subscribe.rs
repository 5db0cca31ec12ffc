//! Manual 1.5 and 1.6.

use super::{TOPIC, URC_3S, sn};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Needs, Param, ParamKind, Problem};
use crate::sn::Request;
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
    let qos = args.qos(2);
    if id.is_sn() {
        return turn.sn_request(&MQTTSUB, id, Request::Subscribe(sn::subject(args, 1)?, qos));
    }
    let window = turn.modem.settings.window;
    turn.request(&MQTTSUB, id, |session, wire, ticket| session.subscribe(wire, args.text(1), qos, ticket, window))
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
    if id.is_sn() {
        return turn.sn_request(&MQTTUNSUB, id, Request::Unsubscribe(sn::subject(args, 1)?));
    }
    let window = turn.modem.settings.window;
    turn.request(&MQTTUNSUB, id, |session, wire, ticket| session.unsubscribe(wire, args.text(1), ticket, window))
}
