//! Manual 1.8 and 1.11.

use core::fmt::Write;

use crate::at::{Answer, Args, Clients, Command, Needs, Param, Problem};
use crate::client;
use crate::message::{Part, Topic};
use crate::profile::Switches;
use crate::sink::Sink;
use crate::turn::Turn;

/// Manual 1.11: bytes of payload that one `+MQTTREAD` gives.
pub(crate) const READ_MAX: usize = 1024;

pub(super) const MQTTCONF: Command = Command {
    name: "+MQTTCONF",
    source: "manual 1.8",
    summary: "Reports messages with +MQTTMSG (0), or their lengths with +MQTTMSGI (1), to be read with +MQTTREAD.",
    params: &[Param::number("mode", 0, 1)],
    needs: Needs::DataCall,
    set: Some(|turn, args| {
        turn.modem.profile.switches.set(Switches::INDICATES, args.flag(0));
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let mode = u8::from(turn.modem.profile.switches.has(Switches::INDICATES));
        turn.info(|line| write!(line, "+MQTTCONF: {mode}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const MQTTREAD: Command = Command {
    name: "+MQTTREAD",
    source: "manual 1.11",
    summary: "Reads the oldest unread message of a client.",
    params: &[Param::client(Clients::All)],
    set: Some(read),
    ..Command::ROW
};

fn read(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let id = args.client(0)?;
    let (teller, clients) = turn.teller();
    let part = teller.reports.unread(id, READ_MAX);
    let shown_id = part.and_then(|part| client::shown(id, part.topic, teller.settings, clients).id());
    turn.info_of(|modem, line| {
        let Some(Part { qos, topic, payload }) = modem.reports.unread(id, READ_MAX) else {
            return write!(line, "+MQTTREAD: {id},0,0,0");
        };
        let topic = shown_id.map_or(Topic::Name(topic.name()), Topic::Id);
        write!(line, "+MQTTREAD: {id},{},{},{},", qos.number(), topic.length(), payload.len())?;
        match topic {
            Topic::Name(name) => {
                line.put(b"\"");
                line.put(name);
                line.put(b"\"");
            }
            Topic::Id(number) | Topic::Registered(number, _) => write!(line, "{number}")?,
        }
        line.put(b",\"");
        line.put(payload);
        line.put(b"\"");
        Ok(())
    });
    turn.modem.reports.read(id, READ_MAX);
    Ok(Answer::Done)
}
