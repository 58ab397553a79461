# SPDX-License-Identifier: BSD-2-Clause
"""A client's view of the daemon's socket and state pages (libcore/wire.h, state.h)."""

import array
import ctypes
import json
import math
import mmap
import os
import socket
import struct

MAGIC = 0x30786164
VERSION = 1
ATTACH, ADOPT, SETTLED, STORE, CONTROL, REPLY, FAULT, HELD, CLEAR, LABELS, UEVENTS, HANDLE = range(1, 13)
BODY_MAX = 32768
HEADER = struct.Struct("<IHHII4Q")

ALIVE, GONE, OPENED, NO_PAGES, NDCTL = (1 << n for n in range(5))


def pack(kind, body=b"", args=(0, 0, 0, 0), magic=MAGIC, version=VERSION, length=None):
    return HEADER.pack(magic, version, kind, len(body) if length is None else length, 0,
                       *args) + body


class Reply:
    def __init__(self, data, fds):
        self.magic, self.version, self.kind, _, self.error, *self.args = HEADER.unpack(
            data[:HEADER.size])
        self.fds = fds

    @property
    def fd(self):
        return self.fds[0]

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []


class Dropped(Exception):
    """Raised when the daemon has closed the connection."""


class Wire:
    """One connection to the daemon."""

    def __init__(self, runtime_dir, timeout=10):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Wait as a client waits while too many others connect: the kernel's own time limit.
        # Python's would make the socket non-blocking, and connect(2) answer EAGAIN at once.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                             struct.pack("ll", math.ceil(timeout or 0), 0))
        directory = os.open(runtime_dir, os.O_PATH)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/control.sock")
        finally:
            os.close(directory)
        self.sock.settimeout(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data, fds=()):
        ancillary = []
        if fds:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        self.send_ancillary(data, ancillary)

    def send_ancillary(self, data, ancillary):
        """Send a message with control messages as sendmsg(2) of Python takes them."""
        try:
            self.sock.sendmsg([data], ancillary)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Dropped from e

    def receive(self):
        try:
            data, ancillary, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(64))
        except ConnectionResetError as e:
            raise Dropped from e
        fds = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
        if not data:
            raise Dropped
        return Reply(data, list(fds))

    def ask(self, data, fds=()):
        self.send(data, fds)
        return self.receive()

    def attach(self, fd):
        return self.ask(pack(ATTACH), [fd])

    def adopt(self):
        return self.ask(pack(ADOPT))

    def settled(self, generation):
        return self.ask(pack(SETTLED, args=(generation, 0, 0, 0)))

    def store(self, fd, path, data):
        return self.ask(pack(STORE, path.encode() + b"\0" + data), [fd]).error

    def control_raw(self, text):
        reply = self.ask(pack(CONTROL, text))
        assert reply.fds, reply.error
        with os.fdopen(reply.fds.pop(), "rb") as f:
            return reply.error, json.load(f)

    def control(self, verb):
        error, answer = self.control_raw(json.dumps({"verb": verb}).encode())
        assert error == 0, answer
        return answer


SLOTS = 1024
RANGES_MAX = 32


class Range(ctypes.Structure):
    _fields_ = [("start", ctypes.c_uint64), ("len", ctypes.c_uint64)]


class Device(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char * 16), ("region_id", ctypes.c_uint32), ("id", ctypes.c_uint32),
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("flags", ctypes.c_uint32),
        ("nr_ranges", ctypes.c_uint32), ("align", ctypes.c_uint64), ("size", ctypes.c_uint64),
        ("life", ctypes.c_uint64), ("generation", ctypes.c_uint64),
        ("bad_generation", ctypes.c_uint64),
        ("ranges", Range * RANGES_MAX),
    ]


class Handle(ctypes.Structure):
    _fields_ = [("dev", ctypes.c_uint64), ("ino", ctypes.c_uint64)]


class Slot(ctypes.Structure):
    _fields_ = [("seq", ctypes.c_uint32), ("pad", ctypes.c_uint32), ("copy", Device * 2)]


class StatePages(ctypes.Structure):
    _fields_ = [
        ("magic", ctypes.c_uint64), ("version", ctypes.c_uint32), ("size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32), ("nr_slots", ctypes.c_uint32),
        ("changes", ctypes.c_uint32), ("tree_pending", ctypes.c_uint32),
        ("major", ctypes.c_uint32),
        ("ndctl_major", ctypes.c_uint32), ("devtmpfs_dev", ctypes.c_uint64),
        ("sysfs_dev", ctypes.c_uint64), ("runtime_dev", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64 * 8), ("handles", Handle * SLOTS),
        ("slots", Slot * SLOTS),
    ]


class State:
    """The state pages, mapped as a client maps them."""

    def __init__(self, runtime_dir):
        fd = os.open(os.path.join(runtime_dir, "state"), os.O_RDONLY)
        self.size = os.fstat(fd).st_size
        self.map = mmap.mmap(fd, ctypes.sizeof(StatePages), mmap.MAP_SHARED, mmap.PROT_READ)
        os.close(fd)

    @property
    def pages(self):
        return StatePages.from_buffer_copy(self.map)

    def slot(self, number):
        slot = self.pages.slots[number]
        return slot.copy[slot.seq & 1]

    def devices(self):
        """Yield (slot, handle, device) of all slots that were ever used."""
        pages = self.pages
        for n in range(pages.nr_slots):
            slot = pages.slots[n]
            device = slot.copy[slot.seq & 1]
            if device.life:
                yield n, pages.handles[n], device

    def find(self, name):
        for n, handle, device in self.devices():
            if device.name.decode() == name and not device.flags & GONE:
                return n, handle, device
        raise KeyError(name)
