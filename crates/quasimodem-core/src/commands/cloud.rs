//! Manual 1.18.

use alloc::format;
use core::fmt::Write;

use crate::at::{Answer, Args, Case, Command, ErrorStyle, Limit, Needs, Param, ParamKind, Problem, Texts};
use crate::cloud::{
    Aep, Alibaba, Baidu, BaiduTime, Cloud, Credentials, Expiry, Flaw, Huawei, OneNet, Tencent, Unicom, UnicomAuth,
};
use crate::errand::Tuya;
use crate::secret::Secret;
use crate::sink::{InSecret, Sink};
use crate::turn::Turn;

pub(super) const MQTTAUTHCFG: Command = Command {
    name: "+MQTTAUTHCFG",
    source: "manual 1.18",
    summary: "Computes what a cloud wants to see: user name, password and client id, as +MQTTUSER takes them.",
    on: |model| model.cloud,
    cases: &[
        case(&[of(Cloud::Alibaba), text("productkey"), text("devicename"), secret("devicesecret"), TLS]),
        case(&[of(Cloud::Tencent), text("productkey"), text("devicename"), secret("devicesecret")]),
        case(&[of(Cloud::Huawei), text("deviceid"), secret("devicesecret")]),
        case(&[
            of(Cloud::Tuya),
            Param::number("actiontype", 0, 1),
            text("productkey").optional(),
            text("uuid").optional(),
            secret("authkey").optional(),
        ]),
        case(&[of(Cloud::OneNet), long("productid"), text("devicename"), secret("accesskey")]),
        case(&[of(Cloud::Baidu), text("iotcoreid"), text("devicekey"), secret("devicesecret")]),
        case(&[of(Cloud::Amazon)]),
        case(&[of(Cloud::Aep), long("productid"), long("devicenumber"), long("token").secret(), long("aepusername")]),
        // The only one that the manual has without +CME ERROR.
        Case {
            params: &[
                of(Cloud::Unicom),
                text("productkey"),
                text("devicekey"),
                secret("devicesecret"),
                long("token").secret(),
            ],
            errors: ErrorStyle::Plain,
        },
    ],
    needs: Needs::Registration,
    set: Some(set),
    ..Command::ROW
};

const TLS: Param = Param::new("tls", ParamKind::Switch);

pub(super) const fn case(params: &'static [Param]) -> Case {
    Case { params, errors: ErrorStyle::Cme }
}

/// The parameter that tells this cloud's case from the others.
const fn of(cloud: Cloud) -> Param {
    number(cloud.number())
}

pub(super) const fn number(cloud: u8) -> Param {
    Param::number("cloudtype", cloud as u32, cloud as u32)
}

pub(super) const fn text(name: &'static str) -> Param {
    Param::new(name, ParamKind::Text(Limit::Fixed(128)))
}

pub(super) const fn secret(name: &'static str) -> Param {
    text(name).secret()
}

const fn long(name: &'static str) -> Param {
    Param::new(name, ParamKind::Text(Limit::Fixed(255)))
}

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let cloud = args.number(0).and_then(Cloud::from_number).ok_or(Problem::Missing("cloudtype"))?;
    let credentials = match cloud {
        Cloud::Alibaba => alibaba(turn, args)?,
        Cloud::Tencent => tencent(turn, args)?,
        Cloud::Huawei => huawei(turn, args)?,
        Cloud::Tuya => return tuya(turn, args),
        Cloud::OneNet => onenet(turn, args)?,
        Cloud::Baidu => baidu(turn, args)?,
        // Its devices show certificates.
        Cloud::Amazon => return Ok(Answer::Done),
        Cloud::Aep => aep(args)?,
        Cloud::Unicom => unicom(turn, args)?,
    };
    let Credentials { username, password: Secret(password), client_id } = credentials;
    let model = turn.modem.settings.model;
    for (name, text, max) in [
        ("Username", &username, model.user_name),
        ("Password", &password, model.password),
        ("ClientIDStr", &client_id, model.client_id),
    ] {
        if text.len() > usize::from(max) {
            return Err(Problem::TooLongForUser(name, max.into()));
        }
    }
    let escapes = turn.modem.settings.escapes;
    turn.info(|line| {
        write!(line, "{}: {},", MQTTAUTHCFG.name, cloud.number())?;
        escapes.put(Texts::Plain, username.as_bytes(), line);
        line.put(b",");
        escapes.put(Texts::Plain, password.as_bytes(), &mut InSecret(line));
        line.put(b",");
        escapes.put(Texts::Plain, client_id.as_bytes(), line);
        Ok(())
    });
    Ok(Answer::Done)
}

fn alibaba(turn: &Turn<'_>, args: &Args<'_>) -> Result<Credentials, Problem> {
    let (tls, settings) = (args.flag(4), &turn.modem.settings);
    let choices = &settings.cloud;
    let id = format!("{}{}{}", args.text(1), choices.alibaba_joint, args.text(2));
    if tls && !settings.model.tls {
        return Err(Problem::NoTls);
    }
    let alibaba = Alibaba {
        product_key: args.text(1),
        device_name: args.text(2),
        device_secret: Secret(args.text(3)),
        tls,
        hash: choices.alibaba_hash,
        id: Some(&id),
        timestamp: choices.alibaba_timestamp,
        capitals: choices.alibaba_capitals,
    };
    Ok(alibaba.credentials()?)
}

fn tencent(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Credentials, Problem> {
    let connection = Tencent::connection_id(turn.random());
    let choices = &turn.modem.settings.cloud;
    let tencent = Tencent {
        product_id: args.text(1),
        device_name: args.text(2),
        device_secret: Secret(args.text(3)),
        app_id: choices.tencent_app_id,
        connection: choices.tencent_connection.as_deref().unwrap_or(&connection),
        expiry: expiry(turn, choices.tencent_expiry, Tencent::NEVER)?,
        hash: choices.tencent_hash,
    };
    Ok(tencent.credentials()?)
}

fn huawei(turn: &Turn<'_>, args: &Args<'_>) -> Result<Credentials, Problem> {
    let huawei = Huawei {
        device_id: args.text(1),
        device_secret: Secret(args.text(2)),
        checks_time: turn.modem.settings.cloud.huawei_checks_time,
        time: clock(turn)?,
    };
    Ok(huawei.credentials()?)
}

/// Until the device is activated there is nothing to connect with: the line comes once a user took it.
fn tuya(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    if !args.flag(1) {
        turn.stop_tuya();
        return Ok(Answer::Done);
    }
    if !turn.modem.settings.model.tls {
        return Err(Problem::NoTls);
    }
    let device = Tuya::new(args.text(2), args.text(3), args.text(4))?;
    if let Some(told) = turn.start_kept_tuya(args.text(3)) {
        let escapes = turn.modem.settings.escapes;
        turn.info(|line| told.put(escapes, line));
        return Ok(Answer::Done);
    }
    let bind = device.bind(turn.now, &turn.modem.tls)?;
    turn.start_binding(device, bind)?;
    Ok(Answer::Done)
}

fn onenet(turn: &Turn<'_>, args: &Args<'_>) -> Result<Credentials, Problem> {
    let choices = &turn.modem.settings.cloud;
    let onenet = OneNet {
        product_id: args.text(1),
        device_name: args.text(2),
        access_key: Secret(args.text(3)),
        resource: choices.onenet_resource,
        hash: choices.onenet_hash,
        expiry: expiry(turn, choices.onenet_expiry, OneNet::NEVER)?,
    };
    Ok(onenet.credentials()?)
}

fn baidu(turn: &Turn<'_>, args: &Args<'_>) -> Result<Credentials, Problem> {
    let choices = &turn.modem.settings.cloud;
    let baidu = Baidu {
        core_id: args.text(1),
        device_key: args.text(2),
        device_secret: Secret(args.text(3)),
        hash: choices.baidu_hash,
        time: match choices.baidu_time {
            BaiduTime::At(time) => Some(time),
            BaiduTime::Clock => Some(unsigned_clock(turn)?),
            BaiduTime::Omitted => None,
        },
        client_id: choices.baidu_core_id.then(|| args.text(1)),
    };
    Ok(baidu.credentials()?)
}

fn aep(args: &Args<'_>) -> Result<Credentials, Problem> {
    let aep = Aep {
        product_id: args.text(1),
        device_number: args.text(2),
        token: Secret(args.text(3)),
        username: args.text(4),
    };
    Ok(aep.credentials()?)
}

fn unicom(turn: &Turn<'_>, args: &Args<'_>) -> Result<Credentials, Problem> {
    let (product_key, device_key, token) = (args.text(1), args.text(2), args.text(4));
    let choices = &turn.modem.settings.cloud;
    let imei = format!("{}", turn.modem.imei);
    let unicom = Unicom {
        device_id: choices.unicom_device_id.of(&imei, device_key),
        device_key,
        product_key,
        // A device that has a token was registered without a secret of its own.
        auth: match token {
            "" => UnicomAuth::Device(Secret(args.text(3))),
            _ => UnicomAuth::Token(Secret(token)),
        },
        operator: choices.unicom_operator,
    };
    Ok(unicom.credentials()?)
}

/// When something ends.
fn expiry(turn: &Turn<'_>, expiry: Expiry, never: u64) -> Result<u64, Problem> {
    match expiry {
        Expiry { at: Some(at), .. } => Ok(at),
        Expiry { lifetime, .. } if lifetime.is_zero() => Ok(never),
        Expiry { lifetime, .. } => Ok(unsigned_clock(turn)?.saturating_add(lifetime.as_secs())),
    }
}

fn unsigned_clock(turn: &Turn<'_>) -> Result<u64, Problem> {
    Ok(u64::try_from(clock(turn)?).map_err(|_| Flaw::NoSuchTime)?)
}

/// Seconds since 1970.
pub(super) fn clock(turn: &Turn<'_>) -> Result<i64, Problem> {
    turn.modem.cloud_clock(turn.now).ok_or(Problem::NoClock)
}

impl From<Flaw> for Problem {
    fn from(flaw: Flaw) -> Problem {
        Problem::Cloud(flaw)
    }
}
