//! Stand-ins for clouds, and the conversations of `examples/` with them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::program::{Outcome, Program, command, run_to_end};

/// Each conversation, and the options of the lab that it is for.
const EXAMPLES: [(&str, &[&str]); 13] = [
    ("aep", &["--cloud", "aep"]),
    ("alibaba", &["--cloud", "alibaba"]),
    ("alibaba-register", &["--cloud", "alibaba"]),
    ("amazon", &["--cloud", "amazon"]),
    ("baidu", &["--cloud", "baidu"]),
    ("huawei", &["--cloud", "huawei"]),
    ("onenet", &["--cloud", "onenet"]),
    ("tencent", &["--cloud", "tencent"]),
    ("tencent-register", &["--cloud", "tencent"]),
    ("tuya", &["--cloud", "tuya", "--tuya-unbind", "500"]),
    ("tuya-stop", &["--cloud", "tuya", "--tuya-scan", "never"]),
    ("unicom", &["--cloud", "unicom"]),
    ("unicom-register", &["--cloud", "unicom"]),
];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).with_extension("chat")
}

/// Runs a lab until a conversation has ended.
fn converse(options: &[&str], script: &Path) -> Outcome {
    let script = script.to_str().unwrap();
    run_to_end(&[&["lab", "--mqtt", "0", "--script", script], options].concat(), "")
}

#[track_caller]
fn goes_well(options: &[&str], script: &Path) -> Outcome {
    let outcome = converse(options, script);
    assert_eq!(outcome.code, Some(0), "{options:?} {}\n{}", outcome.stdout, outcome.stderr);
    outcome
}

/// Writes a conversation.
fn written(directory: &TempDir, text: &str) -> PathBuf {
    let path = directory.path().join("test.chat");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn every_example_goes_as_written() {
    let there: BTreeSet<String> = fs::read_dir(example("x").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "chat"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().into())
        .collect();
    assert_eq!(there, EXAMPLES.map(|(name, _)| name.into()).into());
    for (name, options) in EXAMPLES {
        let path = example(name);
        goes_well(options, &path);
        // What the file says of how to run it is how it is run.
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\n< +MQTTPUB: 1,1\n") || name == "tuya-stop", "{name} publishes nothing");
        let told = format!("quasimodem lab {} --script examples/{name}.chat", options.join(" "));
        assert!(text.contains(&told), "{name} does not say {told}");
    }
}

#[test]
fn all_clouds_stand_side_by_side() {
    for (name, options) in EXAMPLES {
        goes_well(&[&["--cloud", "all"], &options[2..]].concat(), &example(name));
    }
    goes_well(&["--cloud", "baidu,alibaba"], &example("baidu"));
}

#[test]
fn a_conversation_that_goes_wrong_is_told_by_line() {
    let directory = TempDir::new().unwrap();
    let script = written(&directory, "# Wrong\n> AT\n> AT+NONSENSE\n");
    let outcome = converse(&["--cloud", "aep"], &script);
    assert_eq!(outcome.code, Some(1));
    let told = format!("quasimodem: {}:3: expected OK, got ERROR after ", script.display());
    let last = outcome.stderr.lines().last().unwrap();
    assert!(last.starts_with(&told) && last.ends_with(" ms"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("AT+NONSENSE\r\nERROR\r\n"), "{}", outcome.stdout);
    // It does not stand there to be typed.
    assert!(!outcome.stderr.contains("Type"), "{}", outcome.stderr);

    let script = written(&directory, "within 100ms\n< +NEVER\n");
    let words = "test.chat:2: +NEVER did not come within 10";
    let said = converse(&[], &script).stderr;
    assert!(said.contains(words) && said.ends_with(" ms; what came instead: \"+SIM READY\"\n"), "{said}");
    let script = written(&directory, "AT\n");
    let outcome = converse(&[], &script);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("test.chat:1: expected a line that begins with"));
    // A line that is not read would be a check that is not made.
    let script = written(&directory, "> AT\n<+NEVER\n");
    let outcome = converse(&[], &script);
    let words = "test.chat:2: expected < and one space after it: < +NEVER\n";
    assert!(outcome.code == Some(2) && outcome.stderr.ends_with(words), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    fs::write(&script, b"> AT\n< \xff\n").unwrap();
    assert_eq!(converse(&[], &script).code, Some(2));
    assert_eq!(converse(&[], directory.path()).code, Some(2));
    assert_eq!(converse(&[], Path::new("/nowhere/there")).code, Some(2));
}

/// Whoever ends it early is told where it was.
#[test]
fn a_conversation_that_is_ended_is_not_done() {
    let directory = TempDir::new().unwrap();
    let script = written(&directory, "> AT\n< +NEVER\n");
    let mut command = command(&["run", "--script", script.to_str().unwrap()]);
    command.stdout(Stdio::piped());
    let mut program = Program::start(command);
    let mut heard = BufReader::new(program.stdout()).lines();
    while heard.next().unwrap().unwrap() != "OK" {}
    program.signal(Signal::TERM);
    program.wait_for("test.chat:2: ended before this was done");
    assert_eq!(program.wait().code(), Some(1));
}

#[test]
fn conversations_need_no_lab() {
    let directory = TempDir::new().unwrap();
    let script = written(&directory, "> AT+CGSN\n< +CGSN: \"$imei\"\n> AT+NONSENSE\n< ERROR\n> ATI\n< OK\n");
    let outcome = run_to_end(&["run", "--script", script.to_str().unwrap()], "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

/// A script orders what its lab does, and hears what its broker sees.
#[test]
fn a_script_gives_orders_and_hears_of_events() {
    let directory = TempDir::new().unwrap();
    let text = "< +SIM READY\n> AT+MQTTOPEN=1,\"127.0.0.1\",$port,1,60\n~ client.open client=1\n\
                < +MQTTOPEN: 1,1\n> AT+MQTTSUB=1,\"down\",1\n< +MQTTSUB: 1,1\n\
                ! broker-publish topic=down payload='reboot now'\n< +MQTTMSG: 1,0,\"down\",\"reboot now\"\n\
                ! fault packet-drop type=PUBACK dir=down times=1\n> AT+MQTTPUB=1,\"up\",1,0,\"done\"\n\
                ~ broker.published topic=up\n~ fault.hit item=PUBACK\n< +MQTTPUB: 1,0\n! power state=reset\n\
                < +SIM READY\n";
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let script = written(&directory, &text.replace("$port", &port));
    let script = script.to_str().unwrap();
    let outcome = run_to_end(&["lab", "--mqtt", &port, "--sn", "127.0.0.1:0", "--script", script], "");
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);

    // Elsewhere nobody would carry them out, or it does not happen.
    let outcome = run_to_end(&["run", "--script", script], "");
    assert_eq!(outcome.code, Some(2));
    let words = "test.chat:7: only the broker of quasimodem lab takes orders\n";
    assert!(outcome.stderr.ends_with(words), "{}", outcome.stderr);
    let script = written(&directory, "> AT\nwithin 100ms\n~ client.open\n");
    let outcome = converse(&[], &script);
    assert_eq!(outcome.code, Some(1));
    let words = "test.chat:3: client.open did not happen within 100 ms; none of that name did\n";
    assert!(outcome.stderr.ends_with(words), "{}", outcome.stderr);
}

/// A conversation that opens a client with what a cloud's credentials are, and how that is answered.
fn login(config: &str, host: &str, result: u8) -> String {
    let number = config.split(',').next().unwrap();
    format!(
        "> AT+MQTTAUTHCFG={config}\n< +MQTTAUTHCFG: {number},$login\n> AT+MQTTUSER=1,$login\n\
         > AT+MQTTOPEN=1,\"{host}\",1883,1,60\n< +MQTTOPEN: 1,{result}\n> AT+CEER\n"
    )
}

#[test]
fn devices_are_those_of_the_file() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("devices.toml");
    let text = "[[device]]\ncloud = \"huawei\"\ndeviceid = \"mine\"\ndevicesecret = \"secret\"\n\n\
                [[device]]\ncloud = \"huawei\"\ndeviceid = \"locked\"\ndevicesecret = \"secret\"\nallowed = false\n";
    fs::write(&file, text).unwrap();
    let options = ["--cloud", "huawei", "--cloud-devices", file.to_str().unwrap()];
    for (config, result, cause) in [
        ("3,\"mine\",\"secret\"", 1, "< +CEER: 0,\"$words\""),
        ("3,\"mine\",\"wrong\"", 0, "< +CEER: 703,\"Bad user name or password\""),
        ("3,\"locked\",\"secret\"", 0, "< +CEER: 704,\"Not authorized\""),
        ("3,\"0123456789abcdef01234567_meter\",\"00112233445566778899aabbccddeeff\"", 0, "< +CEER: 703,$words"),
    ] {
        let text = login(config, "iot-mqtts.cn-north-4.myhuaweicloud.com", result);
        let text = if result == 0 { text + cause } else { text };
        goes_well(&options, &written(&directory, &text));
    }

    fs::write(&file, "[[device]]\ncloud = \"huawei\"\n").unwrap();
    let outcome = converse(&options, &example("huawei"));
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr, format!("quasimodem: {}:1: deviceid is missing\n", file.display()));
}

#[test]
fn modems_of_other_processes_are_led_there() {
    let directory = TempDir::new().unwrap();
    let map = directory.path().join("modem.toml");
    let mut lab = command(&["lab", "--mqtt", "0", "--at", "tcp:0", "--cloud", "alibaba,onenet"]);
    // The others run elsewhere.
    lab.args(["--cloud-map", "modem.toml", "--tls-dir", "tls"]).current_dir(&directory);
    let lab = Program::start(lab);
    for name in ["alibaba", "alibaba-register", "onenet"] {
        let (map, script) = (map.to_str().unwrap(), example(name));
        let outcome = run_to_end(&["run", "--config", map, "--script", script.to_str().unwrap()], "");
        assert_eq!(outcome.code, Some(0), "{name}: {}\n{}", outcome.stdout, outcome.stderr);
    }
    lab.terminate();
}

#[test]
fn answers_are_spoiled_on_demand() {
    const ASK: &str = "> AT+MQTTAUTHDYN=2,\"http://gateway.tencentdevices.com/device/register\",\"LABPRODUCT\",\
                       \"labProductSecret0123456\",\"newcomer\"\n";
    let directory = TempDir::new().unwrap();
    let failed = format!("{ASK}< +MQTTAUTHDYN: 2,,\n{ASK}< +MQTTAUTHDYN: 2,2,$secret\n");
    let failed = written(&directory, &failed);
    for fault in ["status=503:1", "truncated=60:1", "garbage:1"] {
        goes_well(&["--cloud", "tencent", "--cloud-fault", fault], &failed);
    }
    let well = written(&directory, &format!("{ASK}< +MQTTAUTHDYN: 2,2,$secret\n"));
    for fault in ["chunked", "slow=200"] {
        goes_well(&["--cloud", "tencent", "--cloud-fault", fault], &well);
    }
}

/// The same by name, for a while; and logins that a cloud refuses.
#[test]
fn clouds_have_bad_days() {
    const ASK: &str = "> AT+MQTTAUTHDYN=2,\"http://gateway.tencentdevices.com/device/register\",\"LABPRODUCT\",\
                       \"labProductSecret0123456\",\"newcomer\"\n";
    let directory = TempDir::new().unwrap();
    let script = format!(
        "! fault cloud-answer how=status status=503\n{ASK}< +MQTTAUTHDYN: 2,,\n! clear id=cloud-answer\n\
         {ASK}< +MQTTAUTHDYN: 2,2,$secret\n"
    );
    goes_well(&["--cloud", "tencent"], &written(&directory, &script));
    let example = fs::read_to_string(example("onenet")).unwrap();
    let refused = format!("! fault cloud-refuse code=4\n{}", example.replacen("+MQTTOPEN: 1,1", "+MQTTOPEN: 1,0", 1));
    let (refused, _) = refused.split_once("+MQTTOPEN: 1,0").unwrap();
    let refused = written(
        &directory,
        &format!("{refused}+MQTTOPEN: 1,0\n> AT+CEER\n< +CEER: 703,\"Bad user name or password\"\n"),
    );
    goes_well(&["--cloud", "onenet"], &refused);
    // Where no cloud stands, nobody can be told.
    let outcome = run_to_end(&["lab", "--mqtt", "0", "--script", refused.to_str().unwrap()], "");
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let outcome = run_to_end(&["lab", "--mqtt", "0", "--fault", "cloud-refuse"], "");
    let words =
        "quasimodem: --fault: cloud-refuse needs what stands in for clouds: quasimodem lab --cloud NAME has it\n";
    assert_eq!((outcome.code, &*outcome.stderr), (Some(2), words));
}

#[test]
fn what_is_asked_of_clouds_makes_sense_or_not() {
    let usage = |options: &[&str], words: &str| {
        let outcome = run_to_end(&[&["lab"], options].concat(), "");
        assert_eq!(outcome.code, Some(2), "{options:?}");
        assert!(outcome.stderr.contains(words), "{options:?}: {}", outcome.stderr);
    };
    usage(&["--cloud", "nobody"], "expected all or some of alibaba,tencent,huawei,tuya,onenet,baidu,amazon,aep,unicom");
    usage(&["--cloud-map", "x"], "--cloud <NAME[,NAME]|all>");
    usage(&["--tls-dir", "x"], "required");
    usage(&["--cloud", "tuya", "--cloud-fault", "slow"], "expected slow=MS");
    usage(&["--cloud", "tuya", "--tuya-scan", "soon"], "expected milliseconds or never");
    usage(&["--at", "stdio", "--script", "x"], "cannot be used with");
}

#[test]
fn the_greeting_tells_what_to_type() {
    let mut program = Program::start_after(
        command(&["lab", "--mqtt", "0", "--at", "tcp:0", "--cloud", "all"]),
        "What +MQTTAUTHCFG answers behind its number goes into",
    );
    let (mut clouds, mut told) = (Vec::new(), String::new());
    loop {
        let line = program.lines(1).remove(0);
        if line == "Ctrl-C ends modem and broker." {
            break;
        }
        assert!(!line.contains("00112233"), "a secret: {line}");
        told += &line;
        clouds.extend(line.strip_prefix("  AT+MQTTAUTHCFG=").and_then(|rest| rest.chars().next()));
    }
    assert_eq!(String::from_iter(clouds), "123456789");
    for words in [
        "\"labcore\",\"meter\",<devicesecret>        at labcore.iot.gz.baidubce.com:1883",
        "AT+MQTTAUTHCFG=7        at lab-ats.iot.us-east-1.amazonaws.com:8883, over TLS",
        "<authkey>        it tells where",
        "examples/ has their secrets",
    ] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
}
