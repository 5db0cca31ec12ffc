//! One more watch, one more order and one more fault touch one place each.

use std::time::Duration;

use quasimodem_core::{Change, Imei, Instant, Power, Settings};

use crate::broker::Config;
use crate::fault::{self, Act, Happened, Layer, Packets, Spec};
use crate::flat::{Key, Kind};
use crate::order::{self, Make, Order};
use crate::pipe::Conditions;
use crate::watch::Watch;
use crate::world::{self, Route, World};

/// A watch is a type that says what it sees.
#[derive(Default)]
struct Hits(Vec<String>);

impl Watch for Hits {
    fn fault(&mut self, _: Instant, _: usize, what: &Happened<'_>) {
        if let Happened::Hit { id, item, .. } = what {
            self.0.push(format!("{id} {item}"));
        }
    }
}

/// A fault is a row and what it does.
const FAULTS: &[fault::Row] = &[fault::Row {
    name: "ping-becomes",
    layer: Layer::Packet,
    summary: "A PINGREQ goes up as another packet.",
    params: &[Key { key: "first", kind: Kind::Number(0, 255), default: "0xE0", meaning: "Its first byte." }],
    matches: &[],
    act: Act::Packets(Packets::Mqtt("PINGREQ"), |hand| {
        let becomes = hand.values.byte("first");
        hand.each(|packet| packet.iter_mut().take(1).for_each(|first| *first = becomes));
    }),
    example: "ping-becomes",
    source: "a test",
}];

/// An order is a row and what it is.
const ORDERS: &[order::Row] = &[order::Row {
    name: "brown-out",
    summary: "The module is reset.",
    keys: &[],
    needs: &[],
    example: "brown-out",
    make: Make::Values(|_| Order::Power(Power::Reset)),
}];

#[test]
fn one_more_of_each_is_one_place() {
    let mut hits = Hits::default();
    let mut world = World::new(1, [Config::default()]);
    let settings = Settings { gap: Duration::ZERO, ..Settings::default() };
    let station = world.add_by_hand(settings, Imei::default(), Conditions::default(), Route::default());
    world.plan(Instant::START, world::Change::Attach(station, true));
    let spec = Spec::of(FAULTS, "ping-becomes times=1").unwrap();
    world.plan(Instant::START, world::Change::Order(station, Order::Fault(fault::Order::Put(spec))));
    world.pass(Instant::START, &mut hits);
    world.write(station, b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r", &mut hits);
    world.pass(Instant::from_millis(90_000), &mut hits);
    assert_eq!(hits.0, ["ping-becomes PINGREQ"]);
    // The broker took it for a DISCONNECT.
    assert!(String::from_utf8_lossy(&world.read(station, 4096, &mut hits)).contains("+MQTTBREAK: 1,1"));

    let order = Order::of(ORDERS, "brown-out").unwrap();
    world.plan(world.now(), world::Change::Order(station, order));
    world.plan(world.now(), world::Change::Order(station, Order::Radio(vec![Change::Signal(9, 99)])));
    world.pass(Instant::from_millis(100_000), &mut hits);
    assert!(String::from_utf8_lossy(&world.read(station, 4096, &mut hits)).contains("+SIM READY"));
}
