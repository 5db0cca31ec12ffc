"""The host's side of a session, by pyserial, over whatever URL it takes: what is read goes to stdout, for comparison.

Usage: session.py URL PORT-OF-THE-BROKER
"""

import sys
import time

import serial

LIMIT = 20.0

ALL_BYTES = bytes(range(256))


class Host:
    def __init__(self, url):
        self.port = serial.serial_for_url(url, baudrate=115200, timeout=0.2)
        self.unread = b""

    def read_to(self, end):
        """All up to and with these bytes."""
        deadline = time.monotonic() + LIMIT
        while end not in self.unread:
            if time.monotonic() > deadline:
                sys.exit(f"{end!r} did not come: {self.unread!r}")
            self.unread += self.port.read(max(1, self.port.in_waiting))
        length = self.unread.index(end) + len(end)
        read, self.unread = self.unread[:length], self.unread[length:]
        return read

    def wake(self):
        """What was said before the host came is nobody's, and what a start says comes once more."""
        self.port.write(b"AT+RESET\r")
        self.read_to(b"AT+RESET\r\nOK\r\n")
        self.read_to(b"\r\n+SIM READY\r\n")

    def step(self, typed, *ends):
        self.port.write(typed)
        print(">", "all bytes" if typed == ALL_BYTES else repr(typed)[1:])
        for end in ends:
            print("<", repr(self.read_to(end))[1:])


def main(url, broker):
    ok, error = b"\r\nOK\r\n", b"ERROR\r\n"
    host = Host(url)
    host.wake()
    host.step(b"ATI\r", ok)
    host.step(b"AT+NOSUCH\r", error)
    host.step(b"AT+CMEE=0;+CMEE?\r", ok)

    # The rate of the port follows the OK.
    host.step(b"AT+IPR?\r", ok)
    host.step(b"AT+IPR=9600\r", ok)
    host.port.baudrate = 9600
    host.step(b"AT+IPR?\r", ok)
    host.step(b"AT+IPR=115200\r", ok)
    host.port.baudrate = 115200
    host.step(b"AT+IFC=0,0;+ICF=3,3;&C1&D1\r", ok)
    host.step(b"AT+IFC?;+ICF?\r", ok)

    host.step(f'AT+MQTTOPEN=1,"127.0.0.1",{broker},1,60\r'.encode(), ok, b"+MQTTOPEN: 1,1\r\n")
    host.step(b'AT+MQTTSUB=1,"all/#",1\r', ok, b"+MQTTSUB: 1,1\r\n")
    host.step(b'AT+MQTTPUB=1,"all/text",0,0,"h\\"i\\""\r', ok, b"+MQTTPUB: 1,1\r\n", b'+MQTTMSG: 1,0,"all/text","h"i""\r\n')
    host.step(b'AT+MQTTPUB=1,"all/bytes",0,0,256\r', b"\r\n> \r\n")
    host.step(ALL_BYTES, ok, b"+MQTTPUB: 1,1\r\n", b'\xfe\xff"\r\n')
    host.step(b"AT+MQTTCONF=1\r", ok)
    host.step(b'AT+MQTTPUB=1,"all/bytes",0,0,256\r', b"\r\n> \r\n")
    host.step(ALL_BYTES, ok, b"+MQTTPUB: 1,1\r\n", b"+MQTTMSGI: 1,0,9,256\r\n")
    host.step(b"AT+MQTTREAD=1\r", b"\xfe\xff", ok)
    host.step(b"AT+MQTTCLOSE=1\r", ok, b"+MQTTCLOSE: 1,1\r\n")
    if host.unread:
        sys.exit(f"more than expected: {host.unread!r}")
    host.port.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
