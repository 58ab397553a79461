# SPDX-License-Identifier: BSD-2-Clause
"""The control socket: permission by descriptor, and malicious clients."""

import array
import errno
import json
import os
import random
import select
import socket
import stat
import struct
import subprocess
import time

import pytest

import hangfs
from conftest import IS_ROOT, ROOT, SETPRIV, TIMEOUT, both_users, needs_root, run
from wire import (ADOPT, ATTACH, BODY_MAX, CONTROL, HEADER, MAGIC, OPENED, REPLY, SETTLED, STORE,
                  Dropped, Wire, pack)

CONFIG = "[region 0]\nsize=4M\nmode=0666\n[region 1]\ntype=dynamic\nsize=8M\n"


@pytest.fixture
def d(daemon):
    return daemon(CONFIG)


def alive(d):
    with d.wire() as wire:
        assert [x["chardev"] for x in wire.control("list")] == ["dax0.0", "dax1.0"]


@both_users
def test_attach(daemon):
    d = daemon(CONFIG)
    slot, _, device = d.state().find("dax0.0")
    with d.wire() as wire, d.opened("dax0.0") as fd:
        reply = wire.attach(fd)
        assert (reply.kind, reply.error, reply.args[:2]) == (REPLY, 0, [slot, device.life])
        assert os.fstat(reply.fd).st_size == 4 << 20
        reply.close()


def test_attach_tells_that_the_device_was_opened(d):
    assert not d.state().find("dax0.0")[2].flags & OPENED
    generation = d.state().find("dax0.0")[2].generation
    with d.wire() as wire, d.opened("dax0.0") as fd:
        wire.attach(fd).close()
    device = d.state().find("dax0.0")[2]
    assert device.flags & OPENED and device.generation == generation


@pytest.mark.parametrize("flags, error", [
    (os.O_RDONLY, 0), (os.O_RDWR, 0), (os.O_WRONLY, errno.EACCES), (os.O_ACCMODE, errno.EACCES),
    (os.O_PATH, errno.EBADF), (os.O_RDWR | os.O_NONBLOCK | os.O_APPEND, 0),
])
def test_attach_goes_by_the_access_mode(d, flags, error):
    with d.wire() as wire, d.opened("dax0.0", flags) as fd:
        reply = wire.attach(fd)
        assert reply.error == error and bool(reply.fds) == (not error)
        if not error:
            import fcntl
            mode = fcntl.fcntl(reply.fd, fcntl.F_GETFL) & os.O_ACCMODE
            assert mode == flags & os.O_ACCMODE
        reply.close()


def test_attach_survives_dup_rename_and_unlink_of_the_name(d, workdir):
    """ATTACH identifies the device by the inode of the descriptor, not by a name."""
    with d.wire() as wire, d.opened("dax0.0") as fd:
        copy = os.dup(fd)
        os.rename(d.handle("dax0.0"), d.dir / "dev/other")
        reply = wire.attach(copy)
        assert reply.error == 0
        reply.close()
        os.close(copy)


def test_attach_with_what_is_no_handle(d, workdir):
    (workdir / "mine").touch(0o666)
    (workdir / "mine").chmod(0o666 | stat.S_ISVTX)
    r, w = os.pipe()
    sock = socket.socket()
    files = [os.open(workdir / "mine", os.O_RDWR), os.open("/dev/null", os.O_RDWR),
             os.open(d.dir, os.O_RDONLY), os.open(d.dir / "state", os.O_RDONLY), r, w,
             sock.fileno(), os.memfd_create("dax0.0"), os.open("/proc/self/maps", os.O_RDONLY)]
    with d.wire() as wire:
        for fd in files:
            assert wire.attach(fd).error == errno.EBADF
    for fd in set(files) - {sock.fileno()}:
        os.close(fd)
    sock.close()


def test_attach_to_ndctl(d):
    with d.wire() as wire, d.opened("ndctl0") as fd:
        assert wire.attach(fd).error == errno.ENODEV


def test_attach_to_a_disabled_device(d):
    with d.wire() as wire, d.opened("dax0.0") as fd:
        assert d.store("bus/dax/drivers/device_dax/unbind", "dax0.0") == 0
        assert wire.attach(fd).error == errno.ENXIO
        assert d.store("bus/dax/drivers/device_dax/bind", "dax0.0") == 0
        reply = wire.attach(fd)
        assert reply.error == 0
        reply.close()


@needs_root
def test_another_user_attaches_what_it_could_open(d):
    with open(ROOT / "tests/lib/wire.py", encoding="utf-8") as f:
        code = f.read() + (
            f"\nfd = os.open('{d.handle('dax0.0')}', os.O_RDWR)\n"
            f"print(Wire('{d.dir}').attach(fd).error)\n"
            f"os.open('{d.handle('dax1.0')}', os.O_RDWR)\n")
    result = run(SETPRIV + ["/usr/bin/python3", "-c", code])
    assert result.stdout == "0\n" and "PermissionError" in result.stderr


def header(**kwargs):
    return pack(ATTACH, **kwargs)


@pytest.mark.parametrize("data", [
    b"x", header()[:-1], header() + b"x", header(magic=MAGIC + 1), header(version=2),
    header(length=1), header(length=0xffffffff), header(length=BODY_MAX),
    pack(0), pack(REPLY), pack(9), pack(0xffff), bytes(HEADER.size), b"\xff" * 48,
    pack(CONTROL, b"x" * (BODY_MAX + 1)), pack(CONTROL, b"x" * 100000), b"x" * 150000,
    pack(ADOPT, b"x"), pack(SETTLED, b"x"), pack(STORE), pack(ATTACH, b"x"), pack(ATTACH),
    pack(STORE, b"path without end"),
], ids=lambda data: f"{len(data)}-{data[:12].hex()}")
def test_nonsense_is_dropped(d, data):
    with d.wire() as wire:
        with pytest.raises(Dropped):
            wire.ask(data)
    alive(d)


def test_descriptors_where_there_should_be_none(d):
    for kind in (ADOPT, SETTLED, CONTROL, REPLY):
        with d.wire() as wire, pytest.raises(Dropped):
            wire.ask(pack(kind, b'{"verb": "list"}' if kind == CONTROL else b""), [0])
    alive(d)


@pytest.mark.parametrize("count", [2, 4, 5, 100, 253])
def test_too_many_descriptors(d, count):
    before = d.fds()
    with d.opened("dax0.0") as fd:
        for kind in (ATTACH, STORE, CONTROL):
            with d.wire() as wire, pytest.raises(Dropped):
                wire.ask(pack(kind), [fd] * count)
    alive(d)
    settle(lambda: d.fds() == before)


def settle(condition):
    """Poll a condition: the daemon learns of a closed connection only from the kernel."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "it did not happen"


def test_no_descriptor_is_kept(d, workdir):
    """The daemon keeps no descriptor of a request, valid or not."""
    (workdir / "mine").touch()
    with d.wire() as wire, d.opened("dax0.0") as good, d.opened("dax0.0", os.O_PATH) as path:
        wire.attach(good).close()
        before = d.fds()
        bad = os.open(workdir / "mine", os.O_RDWR)
        for _ in range(50):
            wire.attach(good).close()
            wire.attach(path)
            wire.attach(bad)
            wire.store(bad, "bus/dax/uevent", b"x")
        os.close(bad)
        settle(lambda: d.fds() == before)


def test_a_message_for_each_question(d):
    """Every request gets one reply, in order, so that no reply is taken for another's."""
    with d.wire() as wire:
        assert wire.settled(3).error == 0
        assert wire.adopt().error == 0
        assert wire.settled(4).error == 0
        assert wire.control("list")


def test_who_does_not_read_is_dropped(d):
    with d.wire() as wire:
        with pytest.raises(Dropped):
            for _ in range(10000):
                wire.send(pack(CONTROL, b'{"verb": "list"}'))
                if select.select([], [wire.sock], [], 1)[1] == []:
                    raise AssertionError("the daemon waits for the client")
    alive(d)


def test_asking_again_before_the_answer(d):
    """The protocol forbids a request before the last reply; `mappings` takes long enough for it."""
    with d.wire() as wire:
        with pytest.raises(Dropped):
            for _ in range(100):
                wire.send(pack(CONTROL, b'{"verb": "mappings"}'))
            while True:
                wire.receive().close()
    alive(d)


def test_leaving_before_the_answer(d):
    before = d.fds()
    for _ in range(50):
        with d.wire() as wire:
            wire.send(pack(CONTROL, b'{"verb": "mappings"}'))
    alive(d)
    settle(lambda: d.fds() == before)


def test_connections_of_a_user_are_limited(d):
    """At the limit of connections of a user, the one that was idle longest is closed."""
    first = d.wire()
    busy = d.wire()
    others = []
    for _ in range(127):
        others.append(d.wire())
        assert busy.adopt().error == 0
    assert others[-1].adopt().error == 0  # so it was accepted
    with pytest.raises(Dropped):
        first.adopt()
    assert busy.adopt().error == 0
    assert others[-1].adopt().error == 0
    assert d.control("stats")["daemon"]["connections_now"] <= 128
    for wire in [first, busy, *others]:
        wire.close()


@needs_root
def test_one_user_does_not_keep_another_out(d):
    flood = [d.wire() for _ in range(300)]
    result = d.ctl("list", as_nobody=True)
    assert result.returncode == 0, result.stderr
    for wire in flood:
        wire.close()


def test_who_is_silent_is_dropped(d):
    start = time.monotonic()
    with d.wire(timeout=20) as silent, d.wire() as busy:
        while not select.select([silent.sock], [], [], 0.5)[0]:
            assert busy.adopt().error == 0
            assert time.monotonic() - start < TIMEOUT
        assert time.monotonic() - start > 9
        assert silent.sock.recv(100) == b""
        assert busy.adopt().error == 0


def test_a_shortage_of_descriptors_passes(new_daemon):
    """When accept(2) fails for lack of descriptors, the daemon does not spin, and it goes on once
    there are some."""
    import resource
    d = new_daemon().start(CONFIG)
    limit = d.fds() + 3
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (limit, 4096 if IS_ROOT else limit))
    wires = [d.wire() for _ in range(10)]
    served = []
    for wire in wires:
        wire.sock.settimeout(0.2)
        try:
            served.append(wire.adopt().error in (0, errno.EUSERS))
        except TimeoutError:
            served.append(False)
    assert True in served and False in served

    def cpu():
        with open(f"/proc/{d.pid}/stat", encoding="ascii") as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))

    before = cpu()
    select.select([], [], [], 1)
    assert cpu() - before < 20, "it spins"
    for wire in wires:
        wire.close()
    alive(d)


EVIL = """
import sys
fd = os.open(sys.argv[2], os.O_RDWR)
wire = Wire(sys.argv[1])
print(wire.attach(fd).error, wire.store(fd, "bus/dax/uevent", b"x"), flush=True)
sys.stdin.readline()
try:
    for _ in range(50):
        wire.attach(fd)
except Dropped:
    pass
try:
    Wire(sys.argv[1]).adopt()
except Dropped:
    print("banned", flush=True)
sys.stdin.readline()
"""


@needs_root
def test_a_descriptor_whose_close_hangs(d, workdir):
    """A client's own file system must neither block the daemon nor fill it with threads."""
    directory = workdir / "fs"
    directory.mkdir()
    threads = d.threads()
    with open(ROOT / "tests/lib/wire.py", encoding="utf-8") as f:
        code = f.read() + EVIL
    with hangfs.mounted(str(directory)) as fs:
        # The client's own close(2) hangs as well when it ends, so it is a process of its own.
        client = subprocess.Popen(
            SETPRIV + ["/usr/bin/python3", "-c", code, str(d.dir), str(directory / "file")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdout.readline() == f"{errno.EBADF} {errno.EBADF}\n"
        for _ in range(2):
            assert fs.stdout.readline() == "flush\n"
        alive(d)
        client.stdin.write("\n")
        client.stdin.flush()
        # The daemon ignores such a user until the descriptors are closed.
        assert client.stdout.readline() == "banned\n"
        assert d.ctl("list", as_nobody=True).returncode == 1
        assert 2 < d.threads() < 50
        alive(d)
    client.stdin.close()
    client.stdout.close()
    assert client.wait(TIMEOUT) == 0
    settle(lambda: d.threads() <= threads + 1)  # ThreadSanitizer's own comes late
    assert d.ctl("list", as_nobody=True).returncode == 0


SEED = int(os.environ.get("DAXD_FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("DAXD_FUZZ_ROUNDS", "6000"))


class Fuzz:
    """Requests that are nearly right; the first check finds completely wrong ones anyway."""

    def __init__(self, d, workdir, seed):
        self.rng = random.Random(seed)
        self.d = d
        mine = workdir / "mine"
        mine.touch()
        sys = d.dir / "sys"
        self.paths = [
            "devices/platform/hmem.1/dax_region/create", "devices/platform/hmem.1/dax_region/delete",
            "bus/dax/devices/dax1.0/size", "bus/dax/devices/dax1.0/align",
            "bus/dax/devices/dax1.0/mapping", "bus/dax/drivers/device_dax/bind",
            "bus/dax/drivers/device_dax/unbind", "bus/dax/drivers/device_dax/new_id",
            "bus/dax/devices/dax1.0/uevent", "bus/dax/devices/dax0.0/uevent",
        ]
        self.files = [(d.handle(n), f) for n in ("dax0.0", "dax1.0", "ndctl0")
                      for f in (os.O_RDWR, os.O_RDONLY, os.O_WRONLY, os.O_PATH)]
        self.files += [(sys / p, os.O_WRONLY) for p in self.paths]
        self.files += [(mine, os.O_RDWR), (d.dir, os.O_RDONLY), ("/dev/null", os.O_RDWR)]
        self.fds = [os.open(path, flags) for path, flags in self.files]
        self.fd_of = {str(path): fd for (path, _), fd in zip(self.files, self.fds)}

    def text(self):
        return self.rng.choice([
            b"1", b"0", b"dax1.0", b"dax1.1", b"dax0.0\n", b"4194304\n\0", b"0x200000", b"change",
            b"1000000000-10001fffff", b"", b"\0", b"x" * 5000, self.rng.randbytes(20),
        ])

    def body(self, kind):
        rng = self.rng
        if kind == STORE:
            path = rng.choice(self.paths + ["", "..", "bus", "/", "a" * 5000]).encode()
            return path + rng.choice([b"\0", b""]) + self.text()
        if kind == CONTROL:
            verb = rng.choice(["list", "mappings", "stats", "x", "", 7, None, [], {}])
            text = json.dumps({"verb": verb, "x": [1.5, {"y": "\u00e4"}]}).encode()
            return rng.choice([text, text[:rng.randrange(len(text))], text + b"}", text * 2])
        return b"" if rng.random() < 0.95 else rng.randbytes(rng.randrange(100))

    def message(self):
        rng = self.rng
        kind = rng.choice([ATTACH, ADOPT, SETTLED, STORE, STORE, CONTROL, CONTROL, REPLY, 0, 99])
        body = self.body(kind)
        args = [0, 0, 0, 0]
        if kind == SETTLED or rng.random() < 0.1:
            args[0] = rng.choice([0, 1, rng.getrandbits(32), rng.getrandbits(64)])
        if rng.random() < 0.05:
            args[rng.randrange(1, 4)] = rng.getrandbits(64)
        data = bytearray(pack(kind, body, args))
        right = self.fd_of.get(str(self.d.dir / "sys" / body.split(b"\0")[0].decode("latin1")))
        if kind == STORE and right is not None and rng.random() < 0.7:
            return bytes(data), [right]
        if rng.random() < 0.1:
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(min(len(data), 24))] = rng.randrange(256)
        if rng.random() < 0.05:
            data = data[:rng.randrange(len(data))]
        if rng.random() < 0.02:
            data += rng.randbytes(rng.choice([1, 40000]))
        count = rng.choice([0, 1, 1, 1, 1, 2, 4, 5, 60]) if rng.random() < 0.3 else \
            int(kind in (ATTACH, STORE))
        return bytes(data), [rng.choice(self.fds) for _ in range(count)]

    def run(self, rounds):
        rng = self.rng
        wire = None
        answers = 0
        for _ in range(rounds):
            try:
                wire = wire or Wire(self.d.dir, timeout=TIMEOUT)
                data, fds = self.message()
                wire.send(data, fds) if data else None
                # A reply, or the end of the connection, or nothing for SETTLED.
                if rng.random() < 0.9 and select.select([wire.sock], [], [], 0.05)[0]:
                    wire.receive().close()
                    answers += 1
                if rng.random() < 0.02:
                    wire.close()
                    wire = None
            except (Dropped, BrokenPipeError):
                wire.close()
                wire = None
        if wire:
            wire.close()
        for fd in self.fds:
            os.close(fd)
        return answers


@both_users
def test_fuzz(daemon, workdir, user):
    d = daemon(CONFIG)
    before, threads = d.fds(), d.threads()
    fuzz = Fuzz(d, workdir, SEED)
    assert fuzz.run(ROUNDS) > ROUNDS / 10
    with d.wire() as wire:
        assert wire.control("list")
        stats = wire.control("stats")["daemon"]
        assert min(stats["dropped"], stats["attaches"], stats["stores"]) > ROUNDS / 1000
    settle(lambda: d.fds() <= before + 1)  # this process is a client
    settle(lambda: d.threads() <= threads + 1)  # ThreadSanitizer's own comes late


def test_raw_bytes(d):
    threads = d.threads()
    rng = random.Random(SEED)
    for _ in range(500):
        with d.wire() as wire:
            data = rng.randbytes(rng.randrange(1, 300))
            ancillary = []
            if rng.random() < 0.5:
                ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                              array.array("i", [0] * rng.randrange(1, 20)))]
            elif rng.random() < 0.3:
                ancillary = [(socket.SOL_SOCKET, 2,  # SCM_CREDENTIALS
                              struct.pack("iII", os.getpid(), os.geteuid(), os.getegid()))]
            # While many descriptors of earlier messages are still closing, the daemon
            # closes the connection before it has a message.
            with pytest.raises(Dropped):
                wire.send_ancillary(data, ancillary)
                wire.receive()
    settle(lambda: d.threads() <= threads + 1)  # ThreadSanitizer's own comes late
    alive(d)
