//! Manual 1.13 to 1.16: MQTT-SN. The rows are here so that `=?` and the models are right; there is no MQTT-SN client
//! yet, so that none is ever connected.

use super::{PAYLOAD, TOPIC, URC_3S};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Limit, Needs, Param, ParamKind, Problem};
use crate::turn::Turn;

const SN: Command = Command {
    on: |model| model.sn,
    errors: ErrorStyle::Plain,
    needs: Needs::DataCall,
    set: Some(refuse),
    ..Command::ROW
};

fn refuse(_: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    Err(Problem::NoMqttSn)
}

pub(super) const MQTTSNCID: Command = Command {
    name: "+MQTTSNCID",
    source: "manual 1.13",
    summary: "Sets the client id of the client's next MQTT-SN connection.",
    params: &[
        Param::client(Clients::MqttSn),
        Param::new("ClientIDStr", ParamKind::Text(Limit::Of(|model| model.sn_client_id))),
    ],
    read: Some(|_, _| Ok(Answer::Done)),
    ..SN
};

pub(super) const MQTTSNREG: Command = Command {
    name: "+MQTTSNREG",
    source: "manual 1.14",
    summary: "Registers a topic name at the gateway.",
    params: &[Param::client(Clients::MqttSn), Param::new("TopicName", ParamKind::TopicName(TOPIC))],
    returns: URC_3S,
    read: Some(|_, _| Ok(Answer::Done)),
    ..SN
};

pub(super) const MQTTWTOPICUD: Command = Command {
    name: "+MQTTWTOPICUD",
    source: "manual 1.15",
    summary: "Updates the topic of the will at the gateway.",
    params: &[
        Param::client(Clients::MqttSn),
        Param::number("Qos", 0, 2),
        Param::number("Retain flag", 0, 1),
        Param::new("WilltopicName", ParamKind::TopicName(TOPIC)),
    ],
    returns: URC_3S,
    ..SN
};

pub(super) const MQTTWMSGUD: Command = Command {
    name: "+MQTTWMSGUD",
    source: "manual 1.16",
    summary: "Updates the message of the will at the gateway.",
    params: &[Param::client(Clients::MqttSn), Param::new("WillMessage", ParamKind::Message(PAYLOAD))],
    returns: URC_3S,
    ..SN
};
