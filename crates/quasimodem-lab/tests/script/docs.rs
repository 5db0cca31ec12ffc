//! The examples of docs/SCRIPTS.md, run as they stand there.

use std::time::Duration;

use quasimodem_core::{Imei, Instant, Settings};
use quasimodem_lab::broker;
use quasimodem_lab::pipe::Conditions;
use quasimodem_lab::script::{Host, Mode, Program, Who};
use quasimodem_lab::watch::Watch;
use quasimodem_lab::world::{Change, Route, World};

struct Nobody;

impl Watch for Nobody {}

/// The blocks of this language in the page.
fn examples() -> Vec<&'static str> {
    let blocks = include_str!("../../../../docs/SCRIPTS.md").split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix("chat\n")).collect()
}

#[test]
fn examples_go_as_written() {
    let examples = examples();
    assert!(examples.len() >= 5, "{} examples", examples.len());
    for text in examples {
        let program = Program::parse(text, &[]).unwrap_or_else(|mistake| panic!("{mistake}\n{text}"));
        let mut world = World::new(1, [broker::Config::default()]);
        let who = Who { modem: "modem1".into(), index: 0, imei: Imei::default(), seed: 1 };
        let host = Host::new(program.into(), who, Mode::Strict);
        let station = world.add(Settings::default(), Imei::default(), Conditions::default(), Route::default(), host);
        world.plan(Instant::START, Change::Attach(station, true));
        // Those that never end are well after an hour.
        world.pass(Instant::START + Duration::from_secs(3600), &mut Nobody);
        let host = world.host(station).unwrap();
        let is_endless = text.lines().any(|line| line == "repeat" || line.starts_with("repeat every"));
        let due = if is_endless { None } else { Some(Ok(())) };
        assert_eq!(host.outcome(), due, "at line {}\n{text}", host.at_line());
    }
}
