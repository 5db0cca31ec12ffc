//! What a run is like, drawn from its seed.

use std::collections::VecDeque;
use std::time::Duration;

use quasimodem_core::mqtt::Qos;
use quasimodem_core::sn::{Packet, ReturnCode};
use quasimodem_core::{Imei, Instant, Modem, Outbox, Settings};

use super::super::Summary;
use super::super::host::{Client, End, Manner, Messages};
use super::super::network::{Network, Weather};
use super::super::numbers::PREDEFINED;
use super::super::watch::{Unanswered, Watch};
use super::super::wills::Wills;
use super::{Fault, Line, World};
use crate::gateway::{self, Gateway};
use crate::random::Random;

/// Within these milliseconds something begins to go wrong, and so long it takes at most.
const STORM: u64 = 30_000;

impl World {
    pub(in super::super) fn draw(seed: u64) -> World {
        let mut random = Random::new(seed ^ 0x0a5e_55ed);
        let ends = random.chance(50);
        let doubled = random.pick([0, 0, 5, 15, 30]);
        let repeated = if ends { random.pick([0, 0, 10, 30]) } else { 0 };
        let slowest = random.pick([5, 50, 300]);
        let retry_gateway = random.pick([300, 700, 1500]);
        let single = doubled == 0 && repeated == 0 && 2 * slowest < retry_gateway;
        let weather = Weather {
            lost: random.pick([0, 5, 15, 30]),
            doubled,
            slowest: random.millis(1, slowest),
            repeated,
            shared: if random.chance(50) { u16::try_from(PREDEFINED.len()).unwrap_or_default() } else { 0 },
        };
        // Often enough that hardly any request fails, as it is by default, and seldom.
        let (retry, retries) = random.pick([(200, 14), (220, 10), (700, 3)]);
        let settings = Settings {
            sn_retry: Duration::from_millis(retry),
            sn_retries: retries,
            echo: random.chance(25),
            window: 16,
            boot: Duration::from_millis(random.pick([0, 3000])),
            seed: Some(random.bits()),
            ..Settings::default()
        };
        let config = gateway::Config {
            retry: Duration::from_millis(retry_gateway),
            retries: random.pick([1, 3, 6]),
            predefined: (1..).zip(PREDEFINED.map(Into::into)).collect(),
            ..gateway::Config::default()
        };
        let rivals = ends && random.chance(10);
        let manners = [101, 102].map(|id| manner(id, rivals, &mut random));
        let watches = [0, 1].map(|index: usize| {
            let manner = manners.get(index);
            Watch::new(
                &settings,
                manner.is_some_and(|manner| manner.clean),
                manner.map(|manner| manner.keep_alive).unwrap_or_default(),
            )
        });
        let [first, second] = manners;
        let clients = [Client::new(101, first, &mut random), Client::new(102, second, &mut random)];
        let (faults, calm) = if ends { faults(&mut random) } else { (VecDeque::new(), None) };
        World {
            now: Instant::START,
            modem: Modem::new(settings.clone().into(), Imei::default()),
            out: Outbox::default(),
            line: Line {
                bytes: Vec::new(),
                echo: settings.echo,
                typed: None,
                starts: None,
                data: Vec::new(),
                plain: None,
            },
            settings,
            clients,
            watches,
            unanswered: [Unanswered::new(), Unanswered::new()],
            rivals,
            gateway: Gateway::new(config.clone()),
            config,
            gateway_out: gateway::Outbox::default(),
            network: Network::new(weather, Random::new(random.bits())),
            wills: Wills::default(),
            messages: Messages::new(),
            lookups: Vec::new(),
            summary: Summary::default(),
            random,
            single,
            faults,
            calm,
            sim: true,
            again: None,
            recorder: None,
        }
    }
}

fn manner(id: u8, rivals: bool, random: &mut Random) -> Manner {
    let named = random.chance(30);
    Manner {
        clean: random.chance(50),
        keep_alive: random.pick([5, 10, 30]),
        name: if rivals { Some("rival".into()) } else { named.then(|| format!("named-{id}")) },
        has_will: random.chance(80),
        rival: rivals,
        end: random.pick([End::Close, End::Close, End::Vanish]),
    }
}

/// What goes wrong, and when that is over.
fn faults(random: &mut Random) -> (VecDeque<(Instant, Fault)>, Option<Instant>) {
    let mut faults = Vec::new();
    for _ in 0..random.between(0, 4) {
        let at = Instant::START + random.millis(1000, STORM);
        match random.below(10) {
            0..3 => {
                faults.push((at, Fault::Silence(true)));
                faults.push((at + random.millis(500, STORM), Fault::Silence(false)));
            }
            3 | 4 => faults.push((at, Fault::Restart)),
            5 => {
                faults.push((at, Fault::Sim(false)));
                faults.push((at + random.millis(100, 5000), Fault::Sim(true)));
            }
            6 => faults.push((at, Fault::Echo(random.chance(50)))),
            _ => faults.push((at, Fault::Reset)),
        }
    }
    for _ in 0..random.between(0, 10) {
        faults.push((Instant::START + random.millis(1000, STORM), Fault::Unasked));
    }
    // In the end everything is there, and not before its time.
    let last = faults.iter().map(|(at, _)| *at).max().unwrap_or(Instant::START + random.millis(1000, STORM));
    faults.push((last, Fault::Sim(true)));
    faults.push((last, Fault::Silence(false)));
    faults.sort_by_key(|(at, _)| *at);
    (faults.into(), Some(last))
}

/// Something that a gateway may say at any time, with an identifier that nobody uses.
pub(super) fn strange(id: u16, random: &mut Random) -> Packet<'static> {
    let (topic, code) = (2, ReturnCode::Accepted);
    match random.below(8) {
        0 => Packet::Puback { topic, id, code },
        1 => Packet::Puback { topic, id, code: ReturnCode::Congestion },
        2 => Packet::Pubrec(id),
        3 => Packet::Pubcomp(id),
        4 => Packet::Suback { qos: Qos::AtLeastOnce, topic, id, code },
        5 => Packet::Unsuback(id),
        6 => Packet::Connack(code),
        _ => Packet::Regack { topic, id, code },
    }
}
