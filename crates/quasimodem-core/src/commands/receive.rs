//! Manual 1.8 and 1.11.

use core::fmt::Write;
use core::mem;

use crate::at::{Answer, Args, Clients, Command, Needs, Param, Problem};
use crate::profile::Switches;
use crate::reports::Topic;
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
    let mut reports = mem::take(&mut turn.modem.reports);
    reports.read(id, READ_MAX, |message| {
        let message = message.map(|(qos, topic, payload)| (qos, turn.shown(id, topic), payload));
        turn.info(|line| {
            let Some((qos, topic, payload)) = message else { return write!(line, "+MQTTREAD: {id},0,0,0") };
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
    });
    turn.modem.reports = reports;
    Ok(Answer::Done)
}
