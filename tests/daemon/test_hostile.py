# SPDX-License-Identifier: BSD-2-Clause
"""Users who mean harm: numbers out of range, false reports, floods, locks."""

import contextlib
import errno
import fcntl
import json
import os
import signal
import struct
import subprocess
import time

import pytest

import hostile
from conftest import NOBODY, TIMEOUT, both_users, needs_root
from wire import ADOPT, CLEAR, CONTROL, HELD, LABELS, SETTLED, Dropped, Wire, pack

MIB = 1 << 20
TOUCH, MMAP = 8, 1
CONFIG = "[region 0]\nsize=8M\nmode=0600\n[region 1]\nsize=4M\nmode=0666\n"
RULE = "[fault 1]\nrule=mmap errno:EIO nth:1000000\n"


def run_as(uid, function, *args):
    """Run a function as another user. Return: its JSON result."""
    r, w = os.pipe()

    def run():
        os.write(w, json.dumps(function(*args)).encode())

    pid = hostile.as_user(uid, run)
    os.close(w)
    with os.fdopen(r) as f:
        text = f.read()
    assert os.waitpid(pid, 0)[1] == 0
    return json.loads(text)


def ask(d, data, fds=()):
    with d.wire() as wire:
        try:
            reply = wire.ask(data, fds)
        except Dropped:
            return "dropped"
        reply.close()
        return reply.error


def attached(wire, d, name):
    fd = os.open(d.handle(name), os.O_RDWR)
    reply = wire.attach(fd)
    os.close(fd)
    assert reply.error == 0
    reply.close()


OUT_OF_RANGE = [
    {"error": 4096}, {"error": 1 << 31}, {"error": (1 << 32) - 1}, {"call": 9},
    {"call": (1 << 32) - 1}, {"pid": -1}, {"tid": -1}, {"comm": b"x" * 16},
    {"device": b"d" * 16}, {"device": b"dax0"}, {"device": b""}, {"device": b"../../x"},
    {"off": (1 << 64) - 1, "length": 1}, {"rule": 0, "error": 5},
]


@both_users
def test_numbers_out_of_range(daemon):
    d = daemon(CONFIG + RULE)
    for fields in OUT_OF_RANGE:
        with d.wire() as wire:
            attached(wire, d, "dax0.0")
            with pytest.raises(Dropped):
                wire.ask(hostile.event(**{"rule": 1, **fields}))
    assert d.control("stats")["faults"]["given"] == 0


def test_other_numbers_out_of_range(daemon):
    d = daemon(CONFIG)
    for data in (pack(SETTLED, args=(1 << 32, 0, 0, 0)), pack(HELD, args=(1024, 0, 0, 0)),
                 pack(HELD, args=((1 << 64) - 1, 0, 0, 0)), pack(ADOPT, args=(1, 0, 0, 0)),
                 pack(CONTROL, b"{}", args=(0, 0, 0, 1)), pack(CLEAR, b"x" * 16)):
        assert ask(d, data) == "dropped"
    assert d.control("list")


def test_a_range_that_wraps_is_refused(daemon):
    d = daemon(CONFIG)
    with d.opened("ndctl0") as fd:
        assert ask(d, pack(CLEAR, struct.pack("QQ", 1, (1 << 64) - 1)), [fd]) == errno.EINVAL


def test_labels_need_the_open_memory_device(daemon):
    d = daemon("[region 0]\ntype=cxl\nsize=256M\n")
    with d.opened("dax0.0") as fd:
        assert ask(d, pack(LABELS), [fd]) == errno.EBADF
    with d.opened("cxl/mem0") as fd:
        assert ask(d, pack(CLEAR, bytes(16)), [fd]) == errno.EBADF
        with d.wire() as wire:
            reply = wire.ask(pack(LABELS), [fd])
            assert reply.error == 0
            assert os.fstat(reply.fd).st_size == 1 << 20
            for size in (0, 1 << 21):
                with pytest.raises(PermissionError):
                    os.ftruncate(reply.fd, size)
            reply.close()
    with d.opened("cxl/mem0", os.O_PATH) as fd:
        assert ask(d, pack(LABELS), [fd]) == errno.EBADF


@both_users
@pytest.mark.parametrize("where", ["log", "watch", "neither"])
def test_an_errno_without_a_name(daemon, workdir, where):
    """It ended the daemon. A seccomp filter may answer userfaultfd(2) with any errno."""
    log = workdir / "faults"
    d = daemon((f"[daemon]\nfault-log={log}\n" if where == "log" else "") + CONFIG + RULE)
    with d.wire() as wire, d.wire() as other:
        stream = other.ask(hostile.question("watch")).fds[0] if where == "watch" else None
        attached(wire, d, "dax0.0")
        for error in (1234, 4095, 88):
            assert wire.ask(hostile.event(rule=1, error=error)).error == 0
    assert d.control("stats")["faults"]["rules"][0]["refused"] == 3
    if where == "log":
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [line["refused"] for line in lines] == ["errno 1234", "errno 4095", "errno 88"]
        assert log.stat().st_mode & 0o777 == 0o600  # it names the processes of all users
    if where == "watch":
        with os.fdopen(stream) as f:
            events = [json.loads(f.readline()) for _ in range(4)]
        assert events[1]["refused"] == "errno 1234"


def test_a_private_daemon_and_its_report(daxrun):
    """One message ended daxrun's daemon, too. Its report counts what really happened."""
    script = """if 1:
        import mmap, os, sys
        fd = os.open('/dev/dax0.0', os.O_RDWR)
        m = mmap.mmap(fd, 2 << 20)
        print(os.environ['CUSE_DAXD_RUNTIME_DIR'], flush=True)
        sys.stdin.readline()
        try:
            mmap.mmap(fd, 2 << 20)
        except OSError as e:
            print(e.errno, flush=True)
    """
    process = daxrun.popen("-d", "dax0.0,size=8M", "--fault-report", "--fault",
                           "mmap errno:EIO nth:2", "--", "/usr/bin/python3", "-c", script,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    runtime = process.stdout.readline().strip()
    for error in (9999, 88):
        with Wire(runtime) as wire, contextlib.suppress(Dropped):
            assert wire.ask(hostile.event(rule=1, error=error)).error == errno.EACCES
    out, err = process.communicate("\n", timeout=TIMEOUT)
    assert (out, process.returncode) == (f"{errno.EIO}\n", 0), err
    assert "faults: 1 injected" in err


@needs_root
def test_a_report_counts_only_from_who_has_the_device(daemon):
    """Nobody learns where latent poison is, or disables a device, without opening it."""
    d = daemon(CONFIG + "[fault 1]\nrule=mmap disable nth:1000000 device:dax0.0\n"
               "[fault 2]\nrule=poison latent device:dax0.0 offset:4M length:2M\n")
    before = d.control("list")

    def lie():
        return [ask(d, hostile.event(call=TOUCH, off=4 * MIB)),
                ask(d, hostile.event(call=MMAP, rule=1)),
                ask(d, hostile.event(call=TOUCH, device=b"dax1.0", rule=2, off=4 * MIB)),
                ask(d, hostile.event(call=7, device=b"", rule=1))]

    def lie_with_other_files():
        fds = [os.open(d.handle("dax1.0"), os.O_RDWR), os.open(d.handle("dax0.0"), os.O_PATH),
               os.open("/dev/null", os.O_RDWR), os.open(d.dir / "state", os.O_RDONLY)]
        return [ask(d, hostile.event(rule=1, call=call), [fd]) for fd in fds for call in (MMAP, 7)]

    assert set(run_as(hostile.HOSTILE, lie)) == {errno.EACCES}
    assert set(run_as(hostile.HOSTILE, lie_with_other_files)) == {errno.EACCES}
    assert d.control("list") == before
    assert d.control("stats")["faults"]["given"] == 0
    # A descriptor of the device, or an ATTACH, is the proof.
    with d.opened("dax0.0") as fd:
        assert ask(d, hostile.event(call=TOUCH, rule=2, off=4 * MIB), [fd]) == 0
    assert d.control("list")[0]["badblock_count"] == 4096 // 512
    with d.opened("dax0.0") as fd:
        assert ask(d, hostile.event(rule=1), [fd]) == 0
    assert d.control("list")[0]["state"] == "disabled"


def lines_of(stream, count):
    with os.fdopen(stream) as f:
        return [json.loads(f.readline()) for _ in range(count)]


@needs_root
def test_a_user_sees_its_own_processes_only(daemon):
    d = daemon(CONFIG + RULE)
    with d.wire() as wire:
        mine = wire.ask(hostile.question("watch")).fds[0]
    ready, told = os.pipe(), os.pipe()

    def look():
        with d.wire() as wire:
            stream = wire.ask(hostile.question("watch")).fds[0]
        os.write(ready[1], b"x")
        os.read(told[0], 1)
        with d.wire() as wire:
            attached(wire, d, "dax1.0")
            wire.ask(hostile.event(rule=1, device=b"dax1.0", comm=b"theirs"))
            processes = wire.control("stats")["faults"]["processes"]
        return [lines_of(stream, 3), processes, os.getpid()]

    r, w = os.pipe()
    pid = hostile.as_user(hostile.HOSTILE, lambda: os.write(w, json.dumps(look()).encode()) * 0)
    os.read(ready[0], 1)
    with d.wire() as wire:
        attached(wire, d, "dax0.0")
        wire.ask(hostile.event(rule=1, comm=b"roots"))
    d.ctl("inject", "dax1.0", "--offset=0", "--length=4K", "--latent")
    os.write(told[1], b"x")
    os.waitpid(pid, 0)
    os.close(w)
    with os.fdopen(r) as f:
        (events, processes, theirs) = json.loads(f.read())
    for fd in (*ready, *told):
        os.close(fd)
    # That the device has changed is no secret, but where it is bad is one.
    assert [(e["event"], e.get("pid")) for e in events] == \
        [("change", None), ("attach", theirs), ("fault", theirs)]
    assert "badblocks" not in events[0]
    assert [(p["pid"], p["comm"]) for p in processes] == [(theirs, "theirs")]
    seen = lines_of(mine, 6)
    assert {e["event"] for e in seen} >= {"attach", "fault", "inject"}
    assert {e.get("pid") for e in seen} >= {os.getpid(), theirs}
    assert len(d.control("stats")["faults"]["processes"]) == 2


@pytest.mark.plain
@needs_root
def test_mappings_take_little_memory_and_time(daemon):
    """126 requests about 64,000 mappings took 6 GiB and 40 seconds."""
    d = daemon(CONFIG)

    def memory():
        return hostile.status(d.pid)[0]

    def hog():
        with d.wire() as wire:
            handle = os.open(d.handle("dax1.0"), os.O_RDWR)
            hostile.map_often(wire.attach(handle).fd, 20000)
        os.write(w, b"x")
        signal.pause()

    r, w = os.pipe()
    before = memory()
    hogs = [hostile.as_user(hostile.HOSTILE, hog) for _ in range(2)]
    for _ in hogs:
        os.read(r, 1)

    def flood():
        wires = [d.wire(timeout=TIMEOUT) for _ in range(100)]
        for wire in wires:
            wire.send(hostile.question("mappings"))
        reply = wires[0].receive()
        with os.fdopen(reply.fds[0]) as f:
            answer = json.load(f)
        os.write(w, b"x")
        signal.pause() if answer else None

    flooder = hostile.as_user(hostile.HOSTILE, flood)
    try:
        os.read(r, 1)
        for _ in range(20):
            assert d.control("list")
        assert memory() - before < 100 << 10
        answer = d.control("mappings")
        of_hogs = [m for m in answer if m["pid"] in hogs]
        assert sum("omitted" in m for m in of_hogs) == 2
        assert 2 * 4096 == sum("chardev" in m for m in of_hogs)
    finally:
        hostile.wait_for_end([*hogs, flooder])
        os.close(r)
        os.close(w)


@needs_root
def test_a_lease_makes_nobody_wait(daemon):
    """open(2) of a handle with a lease on it waits for 45 seconds (fs/locks.c)."""
    d = daemon("[region 0]\nsize=4M\nmode=0600\nowner=2001\n[region 1]\ntype=dynamic\nsize=8M\n"
               "owner=2001\n")
    slots = {name: d.state().find(name)[0] for name in ("dax0.0", "dax1.0")}
    r, w = os.pipe()

    def lease():
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        for name in slots:
            fcntl.fcntl(os.open(d.handle(name), os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
        os.write(w, b"x")
        signal.pause()

    holder = hostile.as_user(2001, lease)
    os.read(r, 1)
    start = time.monotonic()
    assert d.store("bus/dax/drivers/device_dax/unbind", "dax0.0") == 0
    assert ask(d, pack(HELD, args=(slots["dax0.0"], 0, 0, 0))) == 0, "the lease's owner holds it"
    assert d.ctl("create-device", "--size=2M").returncode in (0, 1, 2)
    d.store("devices/platform/hmem.1/dax_region/delete", "dax1.0")
    assert d.control("list") is not None
    assert time.monotonic() - start < 40
    hostile.wait_for_end([holder])
    os.close(r)
    os.close(w)
    assert ask(d, pack(HELD, args=(slots["dax0.0"], 0, 0, 0))) == errno.ENXIO


@needs_root
def test_users_leave_a_reserve_for_root(new_daemon):
    """With few descriptors, and as many users as in a user namespace."""
    d = new_daemon()
    d.prefix = ["prlimit", "--nofile=256:256"]
    d.start(CONFIG)
    r, w = os.pipe()

    def crowd(wires):
        for _ in range(30):
            if os.fork() == 0:
                with contextlib.suppress(Dropped, OSError):
                    with d.wire(timeout=TIMEOUT) as wire:
                        wire.adopt()
                os.write(w, b"x")
                signal.pause()
        wires = [d.wire() for _ in range(wires)]
        with contextlib.suppress(Dropped, OSError):
            for wire in wires:
                wire.adopt()
        signal.pause()

    def leader():
        os.setpgid(0, 0)
        for uid in range(100000, 100004):
            hostile.as_user(uid, crowd, 30)
        signal.pause()

    pid = hostile.as_user(0, leader)
    try:
        for _ in range(120):
            os.read(r, 1)
        stats = d.control("stats")["daemon"]
        assert stats["clients"] <= 96, "three quarters of half of the descriptors"
        assert stats["connections_now"] <= 64
        for _ in range(20):
            with d.wire() as wire:
                attached(wire, d, "dax0.0")
        assert d.fds() < 256
    finally:
        hostile.wait_for_end([pid])
        os.close(r)
        os.close(w)


def test_the_fault_log_has_a_limit_which_it_tells(daemon, workdir, user):
    log = workdir / "faults"
    with open(log, "wb") as f:
        f.truncate(64 * MIB - 1000)
    if user == "nobody" and os.geteuid() == 0:
        os.chown(log, NOBODY, NOBODY)
    d = daemon(f"[daemon]\nfault-log={log}\n" + CONFIG + RULE)
    with d.wire() as wire:
        attached(wire, d, "dax0.0")
        for _ in range(50):
            assert wire.ask(hostile.event(rule=1)).error == 0
    assert log.stat().st_size < 64 * MIB + 200
    lines = log.read_bytes().rsplit(b"\0", 1)[1].splitlines()
    assert json.loads(lines[-1])["full"] is True and len(lines) > 2
    faults = d.control("stats")["faults"]
    assert (faults["given"], faults["log_lost"]) == (50, 50 - (len(lines) - 1))
    assert "has reached its limit of 64 MiB" in d.output()


def test_a_fault_log_that_nobody_reads(daemon, workdir):
    """A pipe that is full costs lines, not time."""
    fifo = workdir / "fifo"
    os.mkfifo(fifo, 0o666)
    fifo.chmod(0o666)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    d = daemon(f"[daemon]\nfault-log={fifo}\n" + CONFIG + RULE)
    with d.wire() as wire:
        attached(wire, d, "dax0.0")
        for _ in range(1000):
            assert wire.ask(hostile.event(rule=1)).error == 0
    assert d.control("stats")["faults"]["log_lost"] > 100
    os.close(reader)


@needs_root
def test_an_order_that_is_not_in_force_is_refused(new_daemon, small_fs):
    """Without room, an order is not answered with success, and nothing is half done. Root's daemon
    has its handles on a file system of their own, another user's in the runtime directory."""
    fs = small_fs("size=8M,nr_inodes=2000")
    os.chown(fs, NOBODY, NOBODY)
    d = new_daemon()
    d.user = "nobody"
    d.dir = fs / "rt"
    d.start("[region 0]\nsize=4M\n[region 1]\ntype=dynamic\nsize=64M\n[device 1.0]\nsize=4M\n")
    before = d.control("list")
    filler = os.open(fs / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(filler, bytes(4096)):
            pass
    for request in ({"verb": "fault", "action": "add", "rule": "mmap errno:EIO"},
                    {"verb": "inject", "device": "dax0.0", "offset": 0, "length": 4096}):
        with d.wire() as wire:
            assert ask(d, pack(CONTROL, json.dumps(request).encode())) == errno.ENOSPC
    assert d.control("fault") == [] and d.control("list") == before
    os.close(filler)
    os.unlink(fs / "filler")
    made = 0
    with contextlib.suppress(OSError):
        while True:
            os.close(os.open(fs / f"file{made}", os.O_WRONLY | os.O_CREAT))
            made += 1
    assert ask(d, hostile.question("create", size=2 * MIB)) == errno.ENOSPC
    assert d.control("list") == before
    for n in range(made):
        os.unlink(fs / f"file{n}")
    with d.wire() as wire:
        error, answer = wire.control_raw(b'{"verb": "create", "size": 2097152}')
        assert error == 0, (answer, d.output())
    assert ask(d, hostile.question("fault", action="add", rule="mmap errno:EIO")) == 0
    assert len(d.control("fault")) == 1 and len(d.control("list")) == len(before) + 1


@pytest.mark.plain
@needs_root
def test_hostile_users_at_full_speed(daemon, workdir):
    """All of it at once, while root works. `make hostile` does it for a minute."""
    d = daemon(hostile.CONFIG.format(log=workdir / "faults"))
    result = hostile.attack(str(d.dir), d.pid, 4, hogs=2, mappings=20000, clients=100)
    hostile.report(result)
    assert all(len(waits) > 2 for waits in result["waits"].values())
    assert result["during"][0] < 256 << 10
    assert result["after"][1] <= result["before"][1] + 4
    # Nobody got at what is not theirs.
    assert not any(p.get("badblocks") for p in d.control("list"))
    with d.wire() as wire:
        attached(wire, d, "dax0.0")
