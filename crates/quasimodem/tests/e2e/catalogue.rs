//! What the program says of itself.

use std::fs;
use std::path::Path;

use quasimodem_core::cloud::Cloud;
use quasimodem_core::{COMMANDS, MODELS, SETTINGS};

use crate::program::run_to_end;

fn printed(arguments: &[&str]) -> String {
    let outcome = run_to_end(arguments, "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    outcome.stdout
}

/// The first words of the lines.
fn first_words(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split(' ').next()).collect()
}

#[test]
fn pages_are_fresh() {
    for (page, what) in [("COMMANDS", "commands"), ("EVENTS", "events"), ("FAULTS", "faults")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page).with_extension("md");
        let fresh = fs::read_to_string(&path).unwrap_or_default() == printed(&[what, "--markdown"]);
        assert!(fresh, "docs/{page}.md is stale; write it anew: cargo run -- {what} --markdown > docs/{page}.md");
    }
}

#[test]
fn models_and_settings_are_complete() {
    let models = printed(&["models"]);
    assert_eq!(first_words(&models)[1..=MODELS.len()], MODELS.iter().map(|model| model.name).collect::<Vec<_>>());
    assert!(models.contains("\nL610 (default)  L61x"), "{models}");
    let settings = printed(&["settings"]);
    assert_eq!(first_words(&settings)[1..], SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>());
}

#[test]
fn commands_are_those_of_the_model() {
    let all = printed(&["commands"]);
    for command in COMMANDS {
        assert!(first_words(&all).contains(&&*format!("AT{}", command.name)), "{}", command.name);
    }
    let some = printed(&["commands", "--model", "NL668"]);
    assert!(all.contains("AT+MQTTSNREG") && !some.contains("AT+MQTTSNREG"));
    assert!(some.contains("+MQTTUSER: (1,2),128,128[,256]\n"), "{some}");
}

#[test]
fn json_is_json() {
    let commands: serde_json::Value = serde_json::from_str(&printed(&["commands", "--json"])).unwrap();
    let commands = commands.as_array().unwrap();
    assert_eq!(commands.len(), COMMANDS.len());
    let user = commands.iter().find(|command| command["name"] == "AT+MQTTUSER").unwrap();
    assert_eq!(user["forms"][0], "AT+MQTTUSER=<Clientid>,<Username>,<Password>[,<ClientIDStr>]");
    assert_eq!(user["test"], "+MQTTUSER: (1,2),1024,1024[,1024]");
    assert_eq!(user["parameters"][2]["secret"], true);
    assert_eq!(user["parameters"][1]["bounds"][1]["max_bytes"], 128);
    assert_eq!(user["cases"], serde_json::json!([]));
    let cloud = commands.iter().find(|command| command["name"] == "AT+MQTTAUTHCFG").unwrap();
    assert_eq!(cloud["forms"][2], "AT+MQTTAUTHCFG=3,<deviceid>,<devicesecret>");
    assert_eq!(cloud["test"].as_str().unwrap().lines().count(), Cloud::ALL.len());
    assert_eq!(cloud["cases"][8]["number"], 9);
    assert_eq!((&cloud["cases"][8]["errors"], &cloud["cases"][7]["errors"]), (&"ERROR".into(), &"+CME ERROR".into()));
    assert_eq!(cloud["cases"][8]["parameters"][4]["secret"], true);
}
