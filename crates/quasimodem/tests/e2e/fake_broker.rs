//! A broker that says what the test tells it, to see what real ones keep to themselves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::{PollFd, PollFlags, poll};

use crate::LIMIT;

/// A port at which the test is the broker.
pub(crate) struct FakeBroker {
    listener: TcpListener,
}

/// The modem's connection to it.
pub(crate) struct Session {
    stream: TcpStream,
}

impl FakeBroker {
    pub(crate) fn start() -> FakeBroker {
        FakeBroker { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Takes a connection and answers its CONNECT.
    pub(crate) fn accept(&self) -> Session {
        let mut polled = [PollFd::new(&self.listener, PollFlags::IN)];
        assert_eq!(poll(&mut polled, Some(&LIMIT.try_into().unwrap())).unwrap(), 1, "nobody connected");
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut session = Session { stream };
        let mut head = [0; 2];
        session.read(&mut head);
        assert_eq!(head[0], 0x10, "not a CONNECT");
        assert!(head[1] < 0x80, "a longer CONNECT than this broker reads");
        session.read(&mut vec![0; usize::from(head[1])]);
        session.stream.write_all(&[0x20, 2, 0, 0]).unwrap();
        session
    }
}

impl Session {
    /// The packet identifier of the SUBSCRIBE that comes next.
    pub(crate) fn subscribe_id(&mut self) -> u16 {
        let mut head = [0; 4];
        self.read(&mut head);
        assert_eq!(head[0], 0x82, "not a SUBSCRIBE");
        u16::from_be_bytes([head[2], head[3]])
    }

    /// Reads all that comes until the modem closes the connection.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("the connection did not end in order");
        rest
    }

    fn read(&mut self, bytes: &mut [u8]) {
        self.stream.read_exact(bytes).expect("the modem sent too little");
    }
}
