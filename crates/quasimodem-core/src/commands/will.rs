//! Manual 1.12.

use alloc::boxed::Box;
use core::fmt::Write;

use super::raw::{Headed, RawData, Use};
use super::{PAYLOAD, TOPIC};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Needs, Param, ParamKind, Payload, Problem, Texts};
use crate::client_id::ClientId;
use crate::turn::Turn;
use crate::will::StoredWill;

pub(super) const MQTTWILL: Command = Command {
    name: "+MQTTWILL",
    source: "manual 1.12",
    summary: "Sets the will of the client's next connection.",
    params: &[
        Param::client(Clients::All),
        Param::new("Topic", ParamKind::TopicName(TOPIC)),
        Param::number("Qos", 0, 2),
        Param::number("Retain flag", 0, 1),
        Param::new("Payload/Datasize", ParamKind::Payload { max: PAYLOAD, min_size: 0 }),
    ],
    errors: ErrorStyle::Plain,
    needs: Needs::DataCall,
    set: Some(set),
    read: Some(read),
    ..Command::ROW
};

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let client = args.client(0)?;
    let headed = Headed { client, topic: args.text(1).into(), qos: args.qos(2), retain: args.flag(3) };
    match args.payload(4) {
        Payload::Bytes(payload) => store(turn, headed, payload.into()),
        Payload::Size(size) => Ok(Answer::Raw(RawData::new(turn.now, size, Use::Will(headed)))),
    }
}

pub(super) fn store(turn: &mut Turn<'_>, headed: Headed, payload: Box<[u8]>) -> Result<Answer, Problem> {
    let Headed { client, topic, qos, retain } = headed;
    turn.modem.set_will(client, StoredWill { topic, qos, retain, payload });
    Ok(Answer::Done)
}

fn read(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    for id in ClientId::ALL {
        if !turn.modem.will(id).is_some_and(StoredWill::has_topic) {
            continue;
        }
        turn.info_of(|modem, line| {
            let (Some(will), escapes) = (modem.will(id), modem.settings.escapes) else { return Ok(()) };
            write!(line, "+MQTTWILL: {id},")?;
            escapes.put(Texts::Free, will.topic.as_bytes(), line);
            write!(line, ",{},{},", will.qos.number(), u8::from(will.retain))?;
            escapes.put(Texts::Free, &will.payload, line);
            Ok(())
        });
    }
    Ok(Answer::Done)
}
