//! Manual 1.2 and 1.3.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

use super::pending::{Pending, WaitsFor};
use super::{URC_3S, sn};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Needs, Param, ParamKind, Problem, Returns};
use crate::client::Client;
use crate::client_id::ClientId;
use crate::failure::Failure;
use crate::model::DefaultClientId;
use crate::modem::Modem;
use crate::mqtt::{Connect, Key, Session, Will};
use crate::net::Transport;
use crate::note::StoredNote;
use crate::settings::RefusalStyle;
use crate::ticket::Stage;
use crate::turn::Turn;

/// Manual 1.2: characters of a host name.
const HOST: usize = 255;

/// Manual 1.1: "will not exceed 23 bytes in length".
const DEFAULT_CLIENT_ID_MAX: usize = 23;

/// How long a final result code waits for the broker's answer ("Max Response Duration" of manual 1.2).
const REFUSAL_WAIT: Duration = Duration::from_millis(1000);

pub(super) const MQTTOPEN: Command = Command {
    name: "+MQTTOPEN",
    source: "manual 1.2",
    summary: "Connects a client to an MQTT broker, or to an MQTT-SN gateway.",
    params: &[
        Param::client(Clients::All),
        Param::new("Remote IP/URL", ParamKind::Host(HOST)),
        Param::number("RemotePort", 1, 65535),
        Param::number("Cleansession flag", 0, 1),
        Param::number("Keepalive time", 1, 300),
        Param::new(
            "Usetls",
            ParamKind::Number { min: 0, max: 2, offered: Some(|model| if model.tls { 2 } else { 0 }) },
        )
        .optional(),
    ],
    returns: Returns::Urc { within: Duration::from_millis(5000) },
    needs: Needs::DataCall,
    set: Some(open),
    read: Some(|turn, _| list(turn, "+MQTTOPEN", |stage| stage.is_none())),
    ..Command::ROW
};

fn open(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let id = args.client(0)?;
    if turn.modem.stage(id).is_some() {
        return Err(Problem::AlreadyOpen);
    }
    if id.is_sn() {
        sn::open(turn, args, id)?;
        turn.stage_changed(id);
        return Ok(accepted(turn, id));
    }
    // The manual reserves 1, but hosts use it for TLS with client certificates.
    let transport = match args.number(5) {
        None | Some(0) => Transport::Tcp,
        Some(_) => Transport::Tls(turn.modem.tls.clone()),
    };
    let (host, port) = (args.text(1), args.word(2));
    let (ticket, until) = turn.owe(&MQTTOPEN, id);
    let default = default_client_id(turn.modem, id);
    let Some(Client { user, will, session }) = turn.modem.client_mut(id) else { return Err(Problem::NoSuchClient) };
    let user = user.as_deref();
    let (name, password) = user.map_or(("", &[][..]), |user| (&*user.name, &*user.password));
    let own_id = user.and_then(|user| user.client_id.as_deref()).filter(|own_id| !own_id.is_empty());
    let connect = Connect {
        level: Connect::LEVEL,
        client_id: own_id.unwrap_or(&default),
        clean_session: args.flag(3),
        keep_alive: args.word(4),
        will: will.as_deref().map(|will| Will {
            topic: &will.topic,
            payload: &will.payload,
            qos: will.qos,
            retain: will.retain,
        }),
        // MQTT-3.1.2-22: no password without a user name, so that an empty name stands for one.
        user_name: (!name.is_empty() || !password.is_empty()).then_some(name),
        password: (!password.is_empty()).then_some(password),
    };
    let key = Key::new(host, port, connect.client_id);
    let plain = matches!(transport, Transport::Tcp);
    *session = Some(Box::new(Session::open(turn.now, &connect, key, plain, ticket, until)));
    if let Transport::Tls(_) = transport {
        turn.modem.forget_tls_error();
    }
    turn.out.open(id.link(), transport, host, port);
    turn.stage_changed(id);
    Ok(accepted(turn, id))
}

/// Answers at once, or once the broker did.
fn accepted(turn: &Turn<'_>, id: ClientId) -> Answer {
    match turn.modem.settings.refusal {
        RefusalStyle::Result => Answer::Done,
        RefusalStyle::Cme => {
            let until = turn.now + REFUSAL_WAIT;
            Answer::Later(Pending::new(&MQTTOPEN, until, WaitsFor::Connect(id)))
        }
    }
}

/// The client id with which this client connects.
pub(crate) fn client_id(modem: &Modem, id: ClientId) -> String {
    if id.is_sn() {
        return sn::client_id(modem.own_sn_id(id), modem.imei, id);
    }
    match modem.user(id).and_then(|user| user.client_id.as_deref()).filter(|own_id| !own_id.is_empty()) {
        Some(own_id) => own_id.into(),
        None => default_client_id(modem, id),
    }
}

fn default_client_id(modem: &Modem, id: ClientId) -> String {
    let mut text = match modem.settings.model.default_client_id {
        DefaultClientId::Imei => format!("{}", modem.imei),
        DefaultClientId::ImeiAndNumber => format!("{}{id}", modem.imei),
    };
    text.truncate(DEFAULT_CLIENT_ID_MAX);
    text
}

pub(super) const MQTTCLOSE: Command = Command {
    name: "+MQTTCLOSE",
    source: "manual 1.3",
    summary: "Closes the connection of a client and forgets its unread messages.",
    params: &[Param::client(Clients::All)],
    returns: URC_3S,
    errors: ErrorStyle::Plain,
    set: Some(close),
    read: Some(|turn, _| list(turn, "+MQTTCLOSE", |stage| matches!(stage, Some(Stage::Open(_))))),
    ..Command::ROW
};

fn close(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let id = args.client(0)?;
    let is_open = match turn.modem.stage(id) {
        Some(Stage::Open(_)) => true,
        Some(Stage::Opening(_)) => false,
        Some(Stage::Closing(_)) | None => return Err(Problem::NotConnected),
    };
    let unread = turn.modem.reports.discard_unread(id);
    if unread > 0 {
        turn.out.note(StoredNote::Unread(id, unread));
    }
    turn.modem.reports.fail_all(id);
    let (ticket, until) = turn.owe(&MQTTCLOSE, id);
    if is_open && let Ok((session, mut wire)) = turn.sn_session(id) {
        // Its link stays until the gateway knows, since the DISCONNECT may get lost.
        session.close(&mut wire, ticket, until);
        turn.stage_changed(id);
        return Ok(Answer::Done);
    }
    if let Ok((session, mut wire)) = turn.sn_session(id) {
        session.disconnect(&mut wire);
    }
    if let Ok((session, mut wire)) = turn.session(id) {
        session.disconnect(&mut wire);
    }
    if !is_open {
        turn.out.note(StoredNote::OpenFailed(id, Failure::ClosedByHost));
        turn.modem.last_failure = Some(Box::new(Failure::ClosedByHost));
    }
    turn.end(id);
    turn.out.close(id.link());
    turn.stage_changed(id);
    turn.modem.reports.decide(ticket, true);
    Ok(Answer::Done)
}

/// Prints the ids for whose connection `which` holds, or 0.
fn list(turn: &mut Turn<'_>, name: &str, which: fn(Option<Stage>) -> bool) -> Result<Answer, Problem> {
    let Turn { modem, .. } = turn;
    let model = modem.settings.model;
    let ids: [bool; ClientId::ALL.len()] = core::array::from_fn(|index| which(modem.stage(ClientId::ALL[index])));
    turn.info(|line| {
        write!(line, "{name}: ")?;
        let mut separator = "";
        for (_, id) in ids.iter().zip(ClientId::ALL).filter(|(shown, _)| **shown) {
            if Clients::All.of(model).any(|known| known == id) {
                write!(line, "{separator}{id}")?;
                separator = ",";
            }
        }
        if separator.is_empty() { line.write_str("0") } else { Ok(()) }
    });
    Ok(Answer::Done)
}
