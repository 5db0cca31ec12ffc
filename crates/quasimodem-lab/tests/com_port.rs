//! The filter for serial ports over telnet: RFC 2217 by examples, and what holds for any bytes.

use proptest::prelude::*;
use quasimodem_lab::com_port::{ANSWER_MAX, ComPort, Event};

const SIGNATURE: &str = "quasimodem 0.0.0";

/// What came of some bytes.
#[derive(Default, PartialEq, Eq, Debug)]
struct Came {
    data: Vec<u8>,
    wire: Vec<u8>,
    events: Vec<Event>,
}

impl Came {
    fn take(&mut self, port: &mut ComPort, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.events.extend(port.take(&mut bytes, &mut self.data, &mut self.wire));
        }
    }
}

fn take(port: &mut ComPort, bytes: &[u8]) -> Came {
    let mut came = Came::default();
    came.take(port, bytes);
    came
}

/// A subnegotiation about the port.
fn about(request: &[u8]) -> Vec<u8> {
    let escaped: Vec<u8> = request.iter().flat_map(|byte| vec![*byte; if *byte == 255 { 2 } else { 1 }]).collect();
    [&[255, 250, 44], &escaped[..], &[255, 240]].concat()
}

/// A port whose client agreed to everything.
fn agreed() -> ComPort {
    let mut port = ComPort::new(SIGNATURE);
    let mut wire = Vec::new();
    port.greet(&mut wire);
    let answers: Vec<u8> = wire
        .chunks(3)
        .flat_map(|asked| match asked {
            [255, 251, option] => [255, 253, *option],
            [255, 253, option] => [255, 251, *option],
            other => panic!("not asked for an option: {other:?}"),
        })
        .collect();
    let came = take(&mut port, &answers);
    assert_eq!(came.wire, about(&[107, 0x30]), "the lines DSR and CTS are told, and nothing asked again");
    port
}

#[test]
fn requests_are_answered() {
    // Request, answer, what is asked of the port.
    let cases: &[(&[u8], &[u8], Option<Event>)] = &[
        (&[0], b"\x64quasimodem 0.0.0", None),
        (b"\x00a client", b"", None),
        (&[1, 0, 0, 0, 0], &[101, 0, 1, 0xc2, 0], None),
        (&[1, 0, 0, 0x25, 0x80], &[101, 0, 0, 0x25, 0x80], Some(Event::Settings)),
        (&[1, 0, 0, 0x25, 0x80], &[101, 0, 0, 0x25, 0x80], None),
        (&[1, 0, 0, 0, 0], &[101, 0, 0, 0x25, 0x80], None),
        (&[1, 0xff, 0xff, 0, 0], &[101, 0xff, 0xff, 0, 0], Some(Event::Settings)),
        (&[1, 9], b"", None),
        (&[2, 0], &[102, 8], None),
        (&[2, 7], &[102, 7], Some(Event::Settings)),
        (&[2, 9], &[102, 7], None),
        (&[3, 3], &[103, 3], Some(Event::Settings)),
        (&[3, 6], &[103, 3], None),
        (&[4, 2], &[104, 2], Some(Event::Settings)),
        (&[5, 0], &[105, 1], None),
        (&[5, 3], &[105, 3], None),
        (&[5, 19], &[105, 19], None),
        (&[5, 13], &[105, 14], None),
        (&[5, 16], &[105, 16], None),
        (&[5, 4], &[105, 6], None),
        (&[5, 5], &[105, 5], None),
        (&[5, 7], &[105, 8], None),
        (&[5, 8], &[105, 8], None),
        (&[5, 9], &[105, 9], Some(Event::Dtr(false))),
        (&[5, 9], &[105, 9], None),
        (&[5, 8], &[105, 8], Some(Event::Dtr(true))),
        (&[5, 12], &[105, 12], None),
        (&[5, 10], &[105, 12], None),
        (&[5, 20], b"", None),
        (&[6], &[106, 0x60], None),
        (&[7], &[107, 0x30], None),
        (&[10, 2], &[110, 2], None),
        (&[11, 0x80], &[111, 0x80], None),
        (&[12, 1], &[112, 1], Some(Event::PurgeOutput)),
        (&[12, 2], &[112, 2], Some(Event::PurgeInput)),
        (&[12, 3], &[112, 3], Some(Event::PurgeBoth)),
        (&[12, 4], b"", None),
        (&[99], b"", None),
        (&[], b"", None),
    ];
    let mut port = agreed();
    for (request, answer, event) in cases {
        let came = take(&mut port, &about(request));
        let due = if answer.is_empty() { Vec::new() } else { about(answer) };
        assert_eq!(came, Came { wire: due, events: event.iter().copied().collect(), ..Came::default() }, "{request:?}");
    }
    assert!(!port.rts());
    assert_eq!(port.rate(), Some(0xffff_0000));
}

#[test]
fn what_is_not_known_is_refused_once() {
    let mut port = agreed();
    assert_eq!(take(&mut port, &[255, 253, 24]).wire, [255, 252, 24], "DO");
    assert_eq!(take(&mut port, &[255, 251, 31]).wire, [255, 254, 31], "WILL");
    assert_eq!(take(&mut port, &[255, 251, 1]).wire, [255, 254, 1], "WILL ECHO: the modem's part");
    assert_eq!(take(&mut port, &[255, 254, 24, 255, 252, 31]).wire, b"", "DONT and WONT of what is off");
    assert_eq!(take(&mut port, &[255, 254, 1]).wire, [255, 252, 1], "DONT of what is on");
    assert_eq!(take(&mut port, &[255, 254, 1]).wire, b"");
    assert_eq!(take(&mut port, &[255, 253, 1]).wire, [255, 251, 1]);
    assert_eq!(take(&mut port, &[255, 253, 1]).wire, b"", "DO of what is on");
    let refused = take(&mut port, &[255, 253, 1, 255, 254, 1].repeat(20)).wire;
    assert!(refused.ends_with(&[255, 252, 1].repeat(5)), "who changes its mind for ever is refused in the end");
    assert_eq!(take(&mut port, &[255, 241, 255, 243, 255, 246, 255, 240]), Came::default(), "NOP, break, AYT, SE");
    assert_eq!(take(&mut port, b"\xff\xfa\x18\x01\xff\xf0"), Came::default(), "about another option");
}

#[test]
fn lines_are_told_to_who_wants_to_know() {
    let told = |mask: Option<u8>, change: &dyn Fn(&mut ComPort, &mut Vec<u8>)| {
        let mut port = agreed();
        if let Some(mask) = mask {
            take(&mut port, &about(&[11, mask]));
        }
        let mut wire = Vec::new();
        change(&mut port, &mut wire);
        wire
    };
    let dcd = |port: &mut ComPort, wire: &mut Vec<u8>| port.set_dcd(true, wire);
    assert_eq!(told(None, &dcd), about(&[107, 0xb8]));
    assert_eq!(told(Some(0x80), &dcd), about(&[107, 0x80]));
    assert_eq!(told(Some(0x40), &dcd), b"");
    let twice = |port: &mut ComPort, wire: &mut Vec<u8>| {
        port.set_dcd(true, &mut Vec::new());
        port.set_dcd(true, wire);
    };
    assert_eq!(told(None, &twice), b"");
    let ring = |port: &mut ComPort, wire: &mut Vec<u8>| {
        port.set_ri(true, wire);
        port.set_ri(false, wire);
    };
    assert_eq!(told(None, &ring), [about(&[107, 0x70]), about(&[107, 0x34])].concat());
    assert_eq!(told(Some(4), &ring), about(&[107, 4]), "only the trailing edge");

    let mut port = agreed();
    let mut wire = Vec::new();
    port.overrun(&mut wire);
    assert_eq!(wire, b"", "nobody asked");
    take(&mut port, &about(&[10, 0xff]));
    port.overrun(&mut wire);
    assert_eq!(wire, about(&[106, 0x62]));

    // A plain telnet client hears nothing of it.
    let mut plain = ComPort::new(SIGNATURE);
    wire.clear();
    plain.set_dcd(true, &mut wire);
    plain.overrun(&mut wire);
    assert_eq!(wire, b"");
}

#[test]
fn a_client_can_ask_for_silence() {
    let mut port = agreed();
    assert!(!port.is_suspended());
    take(&mut port, &about(&[8]));
    assert!(port.is_suspended());
    take(&mut port, &about(&[9]));
    assert!(!port.is_suspended());
}

#[test]
fn an_endless_subnegotiation_takes_no_memory_and_harms_nothing_behind_it() {
    let mut port = agreed();
    let held = format!("{port:?}").len();
    let came = take(&mut port, &[&[255, 250, 44, 12][..], &vec![1; 1_000_000]].concat());
    assert_eq!(came, Came::default());
    assert!(format!("{port:?}").len() < held + 1000);
    assert_eq!(take(&mut port, b"\xff\xff\xff\xf0AT").data, b"AT");
    assert_eq!(take(&mut port, &about(&[7])).wire, about(&[107, 0x30]));
    // One that is cut off by the next.
    assert_eq!(take(&mut port, &[&[255, 250, 44, 12, 1][..], &about(&[7])].concat()).wire, about(&[107, 0x30]));
}

#[test]
fn an_nvt_has_its_line_ends() {
    let mut port = ComPort::new(SIGNATURE);
    assert_eq!(take(&mut port, b"AT\r\0AT\r\nA\0\r\r\0").data, b"AT\rAT\r\nA\0\r\r");
    let mut wire = Vec::new();
    port.put(b"0\r", &mut wire);
    port.put(b"1\r\nOK\r\n", &mut wire);
    assert_eq!(wire, b"0\r\x001\r\nOK\r\n");
}

/// Bytes that mean something are likelier.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => Just(255u8),
        3 => prop::sample::select(vec![240u8, 250, 251, 252, 253, 254, 44, 13, 10, 0]),
        3 => 0..20u8,
        2 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..400)
}

proptest! {
    #[test]
    fn the_split_into_chunks_means_nothing(bytes in bytes(), cuts in prop::collection::vec(0..400usize, 0..10)) {
        let whole = take(&mut agreed(), &bytes);
        let (mut port, mut came, mut rest) = (agreed(), Came::default(), &bytes[..]);
        for cut in cuts {
            let (part, behind) = rest.split_at(cut.min(rest.len()));
            came.take(&mut port, part);
            rest = behind;
        }
        came.take(&mut port, rest);
        prop_assert_eq!(came, whole);
    }

    #[test]
    fn nothing_grows(bytes in bytes()) {
        for mut port in [ComPort::new(SIGNATURE), agreed()] {
            let came = take(&mut port, &bytes);
            prop_assert!(came.data.len() <= bytes.len());
            prop_assert!(came.wire.len() <= bytes.len() * ANSWER_MAX);
            prop_assert!(came.events.len() <= bytes.len());
        }
    }

    #[test]
    fn data_comes_through(data in bytes(), cut in 0..400usize) {
        for binary in [false, true] {
            let (mut from, mut to) = if binary { (agreed(), agreed()) } else { (ComPort::new(""), ComPort::new("")) };
            let (mut wire, (first, second)) = (Vec::new(), data.split_at(cut.min(data.len())));
            from.put(first, &mut wire);
            from.put(second, &mut wire);
            let came = take(&mut to, &wire);
            prop_assert_eq!(came, Came { data: data.clone(), ..Came::default() });
        }
    }

    #[test]
    fn two_that_answer_each_other_come_to_an_end(first in bytes(), second in bytes()) {
        let (mut one, mut other) = (agreed(), agreed());
        let (mut to_one, mut to_other) = (first, second);
        one.greet(&mut to_other);
        for _ in 0..100 {
            if to_one.is_empty() && to_other.is_empty() {
                return Ok(());
            }
            let (from_one, from_other) = (take(&mut one, &to_one).wire, take(&mut other, &to_other).wire);
            (to_one, to_other) = (from_other, from_one);
        }
        prop_assert!(false, "still talking: {to_one:?} {to_other:?}");
    }
}
