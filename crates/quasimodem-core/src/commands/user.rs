//! Manual 1.1.

use alloc::boxed::Box;
use core::fmt::Write;

use crate::at::{Answer, Args, Clients, Command, Limit, Needs, Param, ParamKind, Problem, Texts};
use crate::client::User;
use crate::client_id::ClientId;
use crate::sink::{InSecret, Sink};
use crate::turn::Turn;

pub(super) const MQTTUSER: Command = Command {
    name: "+MQTTUSER",
    source: "manual 1.1",
    summary: "Sets the user name, password and client id of the client's next connection.",
    params: &[
        Param::client(Clients::Mqtt),
        Param::new("Username", ParamKind::Text(Limit::Of(|model| model.user_name))),
        Param::new("Password", ParamKind::Bytes(Limit::Of(|model| model.password))).secret(),
        Param::new("ClientIDStr", ParamKind::Text(Limit::Of(|model| model.client_id))).optional(),
    ],
    needs: Needs::DataCall,
    set: Some(set),
    read: Some(read),
    ..Command::ROW
};

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let Some(client) = turn.modem.client_mut(args.client(0)?) else { return Err(Problem::NoSuchClient) };
    client.user = Some(Box::new(User {
        name: args.text(1).into(),
        password: args.bytes(2).unwrap_or_default().into(),
        client_id: args.bytes(3).map(|_| args.text(3).into()),
    }));
    Ok(Answer::Done)
}

fn read(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    for id in ClientId::mqtt() {
        if turn.modem.user(id).is_none() {
            continue;
        }
        turn.info_of(|modem, line| {
            let (Some(user), escapes) = (modem.user(id), modem.settings.escapes) else { return Ok(()) };
            write!(line, "+MQTTUSER: {id},")?;
            escapes.put(Texts::Plain, user.name.as_bytes(), line);
            line.put(b",");
            escapes.put(Texts::Plain, &user.password, &mut InSecret(line));
            if let Some(client_id) = &user.client_id {
                line.put(b",");
                escapes.put(Texts::Plain, client_id.as_bytes(), line);
            }
            Ok(())
        });
    }
    Ok(Answer::Done)
}
