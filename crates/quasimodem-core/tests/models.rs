//! A second reading of the manual's pages "Applicable Model", with the limits of its sections 1.1, 1.9 and 1.13,
//! against the rows of [`MODELS`].

use std::collections::BTreeMap;

use quasimodem_core::{DefaultClientId, MODELS, Model};

/// The 18 series, as numbered on the pages.
const SERIES: [&str; 18] = [
    "L61x", "LC61x", "LG61x", "MC61x", "MG61x", "NL66x", "MC11x", "MG11x", "MC10x", "LC11x", "MA51x", "L71x", "LE",
    "FG13x", "MS18x", "MC66x", "MG66x", "MC91x",
];

/// What the pages say, one line a model. Where they say nothing: TLS, 128, 128, 256 and 256 bytes, 1500, and IMEI with
/// client number. A model with the name of its series stands for all members that the pages do not set apart. MC100E
/// keeps the `+MQTTSNCID` length printed for it, though its series has no MQTT-SN.
///
/// "mqtt-sn" covers +MQTTSNCID, +MQTTSNREG, +MQTTWTOPICUD and +MQTTWMSGUD; "cloud" covers +MQTTAUTHDYN, +MQTTAUTHCFG
/// and +MQTTAUTHEVENT; the lengths are of +MQTTUSER's three strings, +MQTTSNCID's string and +MQTTMSG's payload.
const TABLE: &str = "
model     series  mqtt-sn cloud  tls  user  password client sn-client message default
L610      L61x    yes     yes    yes  1024  1024     1024   1024      1500    imei+number
L61x      L61x    no      no     yes  1024  1024     1024   256       1500    imei+number
LC610N    LC61x   yes     yes    no   1024  1024     1024   256       1500    imei+number
LC61x     LC61x   no      no     yes  1024  1024     1024   256       1500    imei+number
LG61x     LG61x   no      no     yes  1024  1024     1024   256       1500    imei+number
MC610     MC61x   yes     yes    yes  1024  1024     1024   23        1500    imei
MC615     MC61x   yes     yes    no   1024  1024     1024   256       1500    imei
MC61x     MC61x   no      no     yes  1024  1024     1024   256       1500    imei+number
MG61x     MG61x   no      no     yes  1024  1024     1024   256       1500    imei+number
NL668-AM  NL66x   no      no     no   128   128      256    256       1500    imei+number
NL668     NL66x   no      no     yes  128   128      256    256       1500    imei+number
NL66x     NL66x   no      no     yes  128   128      256    256       1500    imei+number
MC11x     MC11x   no      no     yes  128   128      256    256       1500    imei+number
MG11x     MG11x   no      no     yes  128   128      256    256       1500    imei+number
MC100E    MC10x   no      no     yes  128   128      256    23        1024    imei+number
MC10x     MC10x   no      no     yes  128   128      256    256       1500    imei+number
LC11x     LC11x   no      no     yes  128   128      256    256       1500    imei+number
MA510     MA51x   yes     no     yes  128   128      256    23        1024    imei+number
MA51x     MA51x   yes     no     yes  128   128      256    256       1500    imei+number
L71x      L71x    no      no     yes  128   128      256    256       1500    imei+number
LE13x     LE      no      yes    yes  128   128      256    256       1500    imei+number
LE17x     LE      no      yes    yes  128   128      256    256       1500    imei+number
LE        LE      no      yes    yes  128   256      256    256       1500    imei+number
FG13x     FG13x   no      no     yes  128   256      256    256       1500    imei+number
MS18x     MS18x   no      no     yes  128   128      256    256       1500    imei+number
MC665     MC66x   no      yes    yes  128   256      256    256       1500    imei+number
MC66x     MC66x   no      yes    yes  128   256      256    256       1500    imei+number
MG66x     MG66x   no      yes    yes  128   256      256    256       1500    imei+number
MC91x     MC91x   no      no     yes  128   128      256    256       1500    imei+number
";

/// The columns after the model's name, in the words of [`TABLE`].
type Row = [String; 10];

/// The table's heading without "model", and its rows by model.
fn table() -> ([&'static str; 10], BTreeMap<&'static str, Row>) {
    let mut lines = TABLE.trim().lines().map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next().expect("a line begins with a name");
        let columns: [&str; 10] = words.collect::<Vec<_>>().try_into().expect("ten columns follow the name");
        (name, columns)
    });
    let (_, heading) = lines.next().expect("the table has a heading");
    let mut rows = BTreeMap::new();
    for (name, columns) in lines {
        assert!(rows.insert(name, columns.map(String::from)).is_none(), "the table has {name} twice");
    }
    (heading, rows)
}

/// A model in the words of the table. Taken apart in full, so that a field added later has to find its column.
fn words(model: &Model) -> Row {
    let Model {
        name: _,
        series,
        sn,
        cloud,
        tls,
        user_name,
        password,
        client_id,
        sn_client_id,
        message,
        default_client_id,
    } = *model;
    let yes = |it: bool| String::from(if it { "yes" } else { "no" });
    [
        series.to_string(),
        yes(sn),
        yes(cloud),
        yes(tls),
        user_name.to_string(),
        password.to_string(),
        client_id.to_string(),
        sn_client_id.to_string(),
        message.to_string(),
        String::from(match default_client_id {
            DefaultClientId::ImeiAndNumber => "imei+number",
            DefaultClientId::Imei => "imei",
        }),
    ]
}

#[test]
fn the_models_are_those_of_the_manual() {
    let (heading, expected) = table();
    let mut differences = Vec::new();
    for model in MODELS {
        let Some(row) = expected.get(model.name) else {
            differences.push(format!("{}: not in the table", model.name));
            continue;
        };
        for ((column, has), should) in heading.iter().zip(words(model)).zip(row) {
            if has != *should {
                differences.push(format!("{}: {column} is {has}, the manual says {should}", model.name));
            }
        }
    }
    for name in expected.keys() {
        if !MODELS.iter().any(|model| model.name == *name) {
            differences.push(format!("{name}: missing from MODELS"));
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn no_two_models_share_a_name_in_any_case() {
    let mut seen = BTreeMap::new();
    let mut twice = Vec::new();
    for model in MODELS {
        if let Some(other) = seen.insert(model.name.to_ascii_lowercase(), model.name) {
            twice.push((other, model.name));
        }
    }
    assert!(twice.is_empty(), "the same name: {twice:?}");
}

#[test]
fn the_series_are_those_of_the_manual_in_its_order() {
    let mut series: Vec<_> = MODELS.iter().map(|model| model.series).collect();
    series.dedup();
    assert_eq!(series, SERIES);
}

#[test]
fn every_series_has_a_model_by_its_own_name() {
    let without: Vec<_> = SERIES
        .into_iter()
        .filter(|series| !MODELS.iter().any(|model| model.name == *series && model.series == *series))
        .collect();
    assert!(without.is_empty(), "no model stands for the series {without:?}");
}
