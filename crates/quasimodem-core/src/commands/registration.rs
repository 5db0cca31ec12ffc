//! Manual 1.17: devices register themselves at clouds, with what all devices of a product share.

use alloc::boxed::Box;
use alloc::string::ToString;

use super::cloud::{case, clock, number, secret, text};
use crate::at::{Answer, Args, Command, Limit, Param, ParamKind, Problem, Returns};
use crate::cloud::{AlibabaRegistration, TencentRegistration, Unicom, UnicomAuth, alibaba_instance, unicom_topic};
use crate::errand::{self, Goal, Target, Told, UnicomKept};
use crate::net::Transport;
use crate::reports::Report;
use crate::secret::Secret;
use crate::turn::Turn;

pub(super) const MQTTAUTHDYN: Command = Command {
    name: "+MQTTAUTHDYN",
    source: "manual 1.17",
    summary: "Registers a device at a cloud, which answers with the device's own secret.",
    on: |model| model.cloud,
    cases: &[
        case(&[
            number(ALIBABA),
            Param::new("host", ParamKind::Host(255)),
            Param::number("port", 1, 65535),
            text("productkey"),
            secret("productsecret"),
            text("devicename"),
        ]),
        case(&[
            number(TENCENT),
            Param::new("url", ParamKind::Text(Limit::Fixed(255))),
            text("productkey"),
            secret("productsecret"),
            text("devicename"),
        ]),
        case(&[
            number(UNICOM),
            text("productkey"),
            secret("productsecret"),
            text("devicekey"),
            Param::number("clearflag", 0, 1),
            Param::number("authmode", 1, 2),
        ]),
    ],
    returns: Returns::Urc { within: errand::PATIENCE },
    set: Some(set),
    ..Command::ROW
};

/// `<cloudtype>`, which has other numbers here than with `+MQTTAUTHCFG`.
const ALIBABA: u8 = 1;
const TENCENT: u8 = 2;
const UNICOM: u8 = 3;

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    match args.small(0) {
        ALIBABA => alibaba(turn, args),
        TENCENT => tencent(turn, args),
        UNICOM => unicom(turn, args),
        _ => Err(Problem::Missing("cloudtype")),
    }
}

fn alibaba(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let (host, port) = (args.text(1), args.word(2));
    // The cloud gives secrets over TLS only.
    if !turn.modem.settings.model.tls {
        return Err(Problem::NoTls);
    }
    let registration = AlibabaRegistration {
        product_key: args.text(3),
        product_secret: Secret(args.text(4)),
        device_name: args.text(5),
        random: number_once(turn),
        instance: alibaba_instance(host),
        listed: true,
    };
    let speech = errand::talk(turn.now, registration.credentials()?, None);
    let target = Target { transport: Transport::Tls(turn.modem.tls.clone()), host: host.into(), port };
    let goal =
        Goal::Alibaba { product_key: registration.product_key.into(), device_name: registration.device_name.into() };
    turn.start_registration(goal, (speech, target))?;
    Ok(Answer::Done)
}

fn tencent(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let registration = TencentRegistration {
        url: args.text(1),
        product_id: args.text(2),
        product_secret: Secret(args.text(3)),
        device_name: args.text(4),
        timestamp: clock(turn)?,
        nonce: number_once(turn),
    };
    let request = registration.request()?;
    if request.tls && !turn.modem.settings.model.tls {
        return Err(Problem::NoTls);
    }
    let goal = Goal::Tencent {
        url: registration.url.into(),
        product_id: registration.product_id.into(),
        product_secret: Secret(registration.product_secret.0.into()),
        device_name: registration.device_name.into(),
    };
    let post = errand::post(request, &turn.modem.tls);
    turn.start_registration(goal, post)?;
    Ok(Answer::Done)
}

/// A number that is not seen again soon; 31 bits, since clouds may take it for a signed one.
fn number_once(turn: &mut Turn<'_>) -> u32 {
    u32::try_from(turn.random() >> 33).unwrap_or_default()
}

/// Where China Unicom DMP is, over TLS and without; the command does not say.
const DMP: &str = "dmp-mqtt.cuiot.cn";
const DMP_TLS: u16 = 8883;
const DMP_PLAIN: u16 = 1883;

fn unicom(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let (product_key, device_key) = (args.text(1), args.text(3));
    let (clear, registered) = (args.flag(4), args.number(5) == Some(1));
    if turn.is_busy_with_cloud() {
        return Err(Problem::Busy);
    }
    if let Some(cloud) = turn.modem.cloud() {
        if clear {
            cloud.unicom = None;
        }
        let own = |kept: &&UnicomKept| *kept.product_key == *product_key && *kept.device_key == *device_key;
        if let Some(kept) = cloud.unicom.as_ref().filter(own) {
            let told = Told::Unicom(Some(kept.registered.clone()));
            turn.modem.reports.push(Report::Cloud(Box::new(told)));
            return Ok(Answer::Done);
        }
    }
    let secret = Secret(args.text(2));
    let choices = &turn.modem.settings.cloud;
    let imei = turn.modem.imei.to_string();
    let unicom = Unicom {
        device_id: choices.unicom_device_id.of(&imei, device_key),
        device_key,
        product_key,
        auth: if registered { UnicomAuth::Registered(secret) } else { UnicomAuth::Unregistered(secret) },
        operator: choices.unicom_operator,
    };
    let topic = unicom_topic(product_key, device_key, registered);
    let speech = errand::talk(turn.now, unicom.credentials()?, Some(&topic));
    let (transport, port) = match turn.modem.settings.model.tls {
        true => (Transport::Tls(turn.modem.tls.clone()), DMP_TLS),
        false => (Transport::Tcp, DMP_PLAIN),
    };
    let goal = Goal::Unicom { product_key: product_key.into(), device_key: device_key.into(), topic: topic.into() };
    let target = Target { transport, host: DMP.into(), port };
    turn.start_registration(goal, (speech, target))?;
    Ok(Answer::Done)
}
