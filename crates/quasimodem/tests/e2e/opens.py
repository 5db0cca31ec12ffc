"""Opens a port by pyserial again and again, as a host does that then waits to be told that the module is there.

Usage: opens.py URL COUNT
"""

import sys
import time

import serial

LIMIT = 20.0

READY = b"\r\n+SIM READY\r\n"


def main(url, count):
    for number in range(1, int(count) + 1):
        # It empties its input buffer by itself, some time after the port is open.
        with serial.serial_for_url(url, baudrate=115200, timeout=0.1) as port:
            deadline = time.monotonic() + LIMIT
            read = b""
            while READY not in read:
                if time.monotonic() > deadline:
                    sys.exit(f"open {number} of {count}: {READY!r} did not come, but {read!r}")
                read += port.read(max(1, port.in_waiting))
            if read != READY:
                sys.exit(f"open {number} of {count}: {read!r} came, more than {READY!r}")
    print(f"{count} of {count}")


if __name__ == "__main__":
    main(*sys.argv[1:])
