#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Send messages that are nearly right to a daemon: tests/fuzz/live_messages.py RUNTIME_DIR [OPTIONS].

Each message is one of the protocol's (docs/protocol.md) with arguments and descriptors at
random, and a third of them are then damaged. The same seed gives the same messages. The daemon
may refuse a message, and may close the connection; it must answer the next one.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import socket
import struct
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / "lib")]

from wire import (ADOPT, ATTACH, BODY_MAX, CLEAR, CONTROL, FAULT, HANDLE, HEADER, HELD, LABELS,  # noqa: E402
                  REPLY, SETTLED, STORE, UEVENTS, Dropped, Wire, pack)

EVENT = struct.Struct("<6I16s16s3Q")      # struct dax_fault_event
KEPT_MAX = 16
NUMBERS = [0, 1, 2, 4095, 4096, 1 << 20, 2 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32,
           (1 << 63) - 1, 1 << 63, (1 << 64) - 4096, (1 << 64) - 1]
VERBS = ["create", "destroy", "disable", "enable", "list", "stats", "inject", "clear", "fault", "fault", "fault", "map",
         "mappings", "watch", "nothing", ""]
RULES = ["device=dax0.0 what=errno:EIO on=mmap", "what=delay:1ms on=open nth:3", "what=poison offset=0 length=4K",
         "what=disable after:1ms", "on=touch what=errno:5", "device=dax9.9 what=", "\0", "what=errno:ENAME"]
NAMES = ["dax0.0", "dax0.1", "dax1.0", "ndctl0", "dax", "", "dax4294967296.0", "x" * 300, "../dev/dax0.0"]
ATTRIBUTES = ["size", "align", "mapping", "target_node", "uevent", "driver_override", "numa_node"]


class LiveFuzz:
    def __init__(self, runtime_dir, seed=1):
        self.dir = pathlib.Path(runtime_dir)
        self.rng = random.Random(seed)
        self.wire = None
        self.kept = []
        self.sent = self.answered = self.refused = self.dropped = 0

    def number(self):
        rng = self.rng
        return rng.choice([rng.choice(NUMBERS), rng.getrandbits(64), rng.randrange(64)])

    def value(self):
        rng = self.rng
        return rng.choice([self.number(), -self.number(), str(self.number()), rng.choice(NAMES), "2M", "1G", None, True,
                           1.5e300, [], {}, [[[[[[[[[1]]]]]]]]], "\u20ac\x01"])

    def verb(self):
        rng = self.rng
        request = {"verb": rng.choice(VERBS)}
        for key in ("device", "region", "size", "align", "offset", "length", "latent"):
            if rng.random() < 0.4:
                request[key] = rng.choice(NAMES) if key == "device" else self.value()
        if request["verb"] == "fault":
            request |= {"action": rng.choice(["add"] * 5 + ["remove", "list", "x"]),
                        "rule": rng.choice([*RULES, self.value()])}
        return json.dumps(request).encode()

    def fault(self):
        """A fault event (libcore/fault.h), with numbers of which few are in range."""
        rng = self.rng
        small = [rng.choice([0, 1, 2, rng.randrange(10), rng.randrange(300), rng.getrandbits(32)]) for _ in range(6)]
        return EVENT.pack(*small, rng.choice([b"comm", rng.randbytes(16)]),
                          rng.choice(NAMES).encode()[:16], *(self.number() for _ in range(3)))

    def attribute(self):
        rng = self.rng
        return rng.choice([f"bus/dax/devices/{rng.choice(NAMES[:4])}/{rng.choice(ATTRIBUTES)}",
                           "bus/dax/drivers/device_dax/bind", "bus/dax/drivers/device_dax/unbind",
                           "devices/platform/hmem.0/dax_region/create", "../state", "/etc/passwd", "x" * 400])

    def descriptor(self, path=None):
        rng = self.rng
        path = path or rng.choice([self.dir / "dev/dax0.0", self.dir / "dev/dax1.0", self.dir / "dev/ndctl0",
                                   self.dir / "state", self.dir, "/dev/null", "/proc/self/maps"])
        with contextlib.suppress(OSError, ValueError):
            return os.open(path, rng.choice([os.O_RDONLY, os.O_RDWR, os.O_WRONLY, os.O_PATH]) | os.O_NONBLOCK)
        return rng.choice([os.memfd_create("x"), os.eventfd(0)])

    def message(self):
        """Return: the bytes and the descriptors of a message."""
        rng = self.rng
        kind = rng.choice([ATTACH, ADOPT, SETTLED, STORE, STORE, CONTROL, CONTROL, CONTROL, REPLY, FAULT, FAULT, HELD,
                           CLEAR, LABELS, UEVENTS, HANDLE, 0, 13, 65535])
        body = b""
        path = None
        if kind == STORE:
            name = self.attribute()
            path = self.dir / "sys" / name if rng.random() < 0.8 else None
            body = name.encode() + b"\0" + str(self.value()).encode()
        elif kind == CONTROL:
            body = self.verb()
        elif kind == FAULT:
            body = self.fault()
        elif kind == CLEAR:
            body = self.number().to_bytes(8, "little") + self.number().to_bytes(8, "little")
        takes_one = kind in (ATTACH, STORE, CLEAR, LABELS)
        count = rng.choice([takes_one] * 9 + [rng.randrange(4)])
        fds = [self.descriptor(path) for _ in range(count)]
        # Only these have an argument; others with one are no client's.
        arguments = [self.number() if kind in (SETTLED, HELD, HANDLE) or rng.random() < 0.02 else 0, 0, 0, 0]
        data = pack(kind, body, arguments)
        return self.damage(data) if rng.random() < 0.3 else data, fds

    def damage(self, data):
        rng = self.rng
        data = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            how = rng.randrange(4)
            if how == 0 and data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            elif how == 1:
                del data[rng.randrange(len(data) + 1):]
            elif how == 2:
                data += rng.randbytes(rng.choice([1, 7, 64, BODY_MAX + HEADER.size]))
            elif len(data) > HEADER.size:
                data[rng.randrange(HEADER.size, len(data))] = rng.randrange(256)
        return bytes(data[:65000])

    def send(self, data, fds):
        """Send a message, wait for what the daemon does with it."""
        self.sent += 1
        if self.wire is None:
            self.wire = Wire(self.dir, timeout=60)
        try:
            if self.rng.random() < 0.05:
                self.wire.send(data, fds)       # and does not wait for the reply
                raise Dropped
            reply = self.wire.ask(data, fds)
            self.answered += 1
            self.refused += reply.error != 0
            self.kept += reply.fds      # a watcher gets events as long as it has its pipe
            while len(self.kept) > KEPT_MAX:
                os.close(self.kept.pop(0))
        except (Dropped, ConnectionError):
            self.dropped += 1
            self.wire.close()
            self.wire = None

    def run(self, messages):
        for _ in range(messages):
            data, fds = self.message()
            try:
                self.send(data, fds)
            except socket.timeout:
                raise AssertionError(f"no answer to {data[:200]!r}") from None
            finally:
                for fd in fds:
                    os.close(fd)
        if self.wire:
            self.wire.close()
            self.wire = None
        while self.kept:
            os.close(self.kept.pop())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runtime_dir", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=100000)
    args = parser.parse_args()
    fuzz = LiveFuzz(args.runtime_dir, args.seed)
    fuzz.run(args.messages)
    print(f"{fuzz.sent} messages: {fuzz.answered} answered, {fuzz.refused} of them refused; "
          f"{fuzz.dropped} connections dropped")


if __name__ == "__main__":
    main()
