#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A hostile user at full speed, while root attaches, lists and injects.

`make hostile` runs it for a minute and prints the longest waits of root, and the memory and
descriptors of the daemon before, during and after. A short run of it is a test
(tests/daemon/test_hostile.py).
"""

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import pathlib
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

from wire import (ATTACH, CONTROL, FAULT, HELD, SETTLED, Dropped, State, Wire, pack)

EVENT = struct.Struct("<IIiiII16s16sQQQ")
MIB = 1 << 20
HOSTILE = 2001
NAMESPACE = range(100000, 100040)  # the users of a user namespace of the same person

CONFIG = """
[daemon]
fault-log={log}
[region 0]
size=16M
mode=0600
[region 1]
size=64M
mode=0666
[region 2]
size=4M
mode=0600
owner=2001
[region 3]
size=4M
mode=0600
[fault 1]
rule=mmap errno:EIO device:dax1.0 nth:1000000
"""


def event(call=1, rule=0, error=0, comm=b"x", device=b"dax0.0", address=0, off=0, length=0,
          pid=1, tid=1, uid=0):
    return pack(FAULT, EVENT.pack(call, rule, pid, tid, uid, error, comm, device, address, off,
                                  length))


def question(verb, **members):
    return pack(CONTROL, json.dumps({"verb": verb, **members}).encode())


def as_user(uid, function, *args):
    """Run a function in a process of another user. Return: its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        if uid:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        status = function(*args) or 0
    except BaseException:  # the parent must not go on twice, whatever happens
        traceback.print_exc()
    os._exit(status)


def forever(function):
    """Repeat an attack; the daemon may drop the connection, or have none left."""
    def repeat(runtime, *args):
        while True:
            try:
                function(runtime, *args)
            except (Dropped, OSError):
                time.sleep(0.001)
    return repeat


def map_often(fd, count):
    """Map a descriptor very often, with pieces that no kernel joins."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
    base = libc.mmap(None, count * 8192, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    for i in range(count):
        libc.mmap(base + i * 8192, 4096, mmap.PROT_READ, mmap.MAP_SHARED | 0x10, fd, 0)


@forever
def hog(runtime, count):
    """A process with a very long list of mappings, of a device and of other memory."""
    with Wire(runtime) as wire:
        handle = os.open(f"{runtime}/dev/dax1.0", os.O_RDWR)
        fd = wire.attach(handle).fd
    map_often(fd, count // 2)
    map_often(os.memfd_create("x"), count // 2)
    signal.pause()


@forever
def ask(runtime, verb, count):
    """Many connections that all ask, and ask again as soon as they have a reply."""
    wires = {}
    poll = select.poll()
    request = question(verb)

    def connect():
        wire = Wire(runtime)
        wires[wire.sock.fileno()] = wire
        poll.register(wire.sock.fileno(), select.POLLIN)
        wire.send(request)

    while True:
        while len(wires) < count:
            connect()
        for fd, _ in poll.poll(100):
            try:
                wires[fd].receive().close()
                wires[fd].send(request)
            except (Dropped, OSError):
                poll.unregister(fd)
                wires.pop(fd).close()


@forever
def claim(runtime, rng):
    """Faults of a device that the user may not open, numbers out of range, and a flood of
    those that it may report."""
    handle = os.open(f"{runtime}/dev/dax1.0", os.O_RDWR)
    with Wire(runtime) as wire:
        wire.attach(handle).close()
        for _ in range(1000):
            wire.ask(event(rule=1, device=b"dax1.0", comm=b"%015d" % rng.getrandbits(32)))
    os.close(handle)
    for _ in range(100):
        with Wire(runtime) as wire, contextlib.suppress(Dropped):
            wire.ask(event(call=rng.choice([1, 8]), rule=rng.choice([0, 1]),
                           error=rng.choice([0, 0, 9999, 1234, 1 << 31]),
                           off=rng.choice([0, 1 << 63, (1 << 64) - 1]),
                           device=rng.choice([b"dax0.0", b"dax%d.0" % rng.getrandbits(30)])))


@forever
def connect_only(runtime, rng):
    """Connections of many users, which root's must survive."""
    wires = []
    while True:
        wires.append(Wire(runtime))
        wires[-1].send(pack(rng.choice([SETTLED, ATTACH])))
        if len(wires) > 200:
            for wire in wires[:100]:
                wire.close()
            del wires[:100]


def crowd(runtime, count):
    """Processes that are clients, with mappings that the daemon has to read."""
    map_often(os.memfd_create("x"), 2000)
    for _ in range(count):
        if os.fork() == 0:
            with contextlib.suppress(Dropped, OSError):
                with Wire(runtime, timeout=60) as wire:
                    wire.adopt()
            signal.pause()
    signal.pause()


@forever
def lease(runtime):
    """A lease on a handle, which makes an open(2) wait for 45 seconds."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    slot = State(runtime).find("dax2.0")[0]
    fd = os.open(f"{runtime}/dev/dax2.0", os.O_RDWR)
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    with Wire(runtime) as wire:
        for _ in range(100):
            wire.ask(pack(HELD, args=(slot, 0, 0, 0)))
    os.close(fd)


@forever
def watch(runtime):
    """Watchers that never read."""
    streams = []
    with Wire(runtime) as wire:
        for _ in range(100):
            streams += wire.ask(question("watch")).fds
        time.sleep(0.1)
    for fd in streams:
        os.close(fd)


def attackers(runtime, hogs, mappings, clients):
    """Start them all. Return: their pids."""
    rng = random.Random(1)
    pids = [as_user(HOSTILE, hog, runtime, mappings) for _ in range(hogs)]
    pids += [as_user(HOSTILE, ask, runtime, "mappings", 60),
             as_user(HOSTILE, ask, runtime, "list", 30),
             as_user(HOSTILE, claim, runtime, rng),
             as_user(HOSTILE, crowd, runtime, clients),
             as_user(HOSTILE, lease, runtime),
             as_user(HOSTILE, watch, runtime)]
    for uid in NAMESPACE[::8]:
        pids += [as_user(uid, connect_only, runtime, rng),
                 as_user(uid, ask, runtime, "stats", 40)]
    return pids


def cpu(pid):
    """Return: seconds that a process has run, and that it has waited for a CPU."""
    ran, waited, _ = pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def status(pid):
    """Return: resident memory in KiB, and the number of descriptors."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return (int(text.split("VmRSS:")[1].split()[0]), len(os.listdir(f"/proc/{pid}/fd")))


class Root:
    """The work of root meanwhile: how long it has waited, and how long the daemon has computed
    until it replied, which does not depend on what else the machine does."""

    def __init__(self, runtime, daemon_pid):
        self.runtime = runtime
        self.daemon_pid = daemon_pid
        self.waits = {}
        self.computed = {}
        self.handle = os.open(f"{runtime}/dev/dax0.0", os.O_RDWR)

    def timed(self, what, function):
        ran = cpu(self.daemon_pid)[0]
        start = time.monotonic()
        with Wire(self.runtime, timeout=60) as wire:
            function(wire)
        self.waits.setdefault(what, []).append(time.monotonic() - start)
        self.computed.setdefault(what, []).append(cpu(self.daemon_pid)[0] - ran)

    def attach(self, wire):
        reply = wire.attach(self.handle)
        assert reply.error == 0, reply.error
        reply.close()

    @staticmethod
    def order(verb, **members):
        def run(wire):
            reply = wire.ask(question(verb, **members))
            assert reply.error == 0, (verb, reply.error)
            reply.close()
        return run

    def turn(self):
        self.timed("attach", self.attach)
        self.timed("list", self.order("list"))
        self.timed("inject", self.order("inject", device="dax3.0", offset=0, length=4096))
        self.timed("clear", self.order("clear", device="dax3.0"))


def wait_for_end(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def attack(runtime, daemon_pid, seconds, hogs=3, mappings=60000, clients=600):
    """Attack a running daemon. Return: root's waits, and the daemon before, during, after."""
    root = Root(runtime, daemon_pid)
    root.turn()
    quiet = {what: max(waits) for what, waits in root.waits.items()}
    root.waits.clear()
    root.computed.clear()
    before = peak = status(daemon_pid)
    # A group of their own, so that whatever they have forked ends with them.
    leader = os.fork()
    if leader == 0:
        os.setpgid(0, 0)
        # Measure the daemon, not how the kernel shares the machine.
        os.setpriority(os.PRIO_PROCESS, 0, 19)
        for pid in attackers(runtime, hogs, mappings, clients):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        os._exit(0)
    with contextlib.suppress(OSError):
        os.setpgid(leader, leader)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            root.turn()
            peak = tuple(map(max, peak, status(daemon_pid)))
            time.sleep(0.01)
    finally:
        wait_for_end([leader])
        os.close(root.handle)
    # The daemon notices by itself that they are gone.
    end = time.monotonic() + 30
    while status(daemon_pid)[1] > before[1] + 4 and time.monotonic() < end:
        time.sleep(0.1)
    return {"cpu": cpu(daemon_pid), "quiet": quiet, "waits": root.waits,
            "computed": root.computed, "before": before, "during": peak,
            "after": status(daemon_pid)}


def report(result):
    for what, waits in result["waits"].items():
        print(f"root's {what}: {len(waits)} times, longest wait {max(waits) * 1000:.1f} ms, "
              f"median {sorted(waits)[len(waits) // 2] * 1000:.1f} ms "
              f"(alone: {result['quiet'][what] * 1000:.1f} ms), in which the daemon ran "
              f"{max(result['computed'][what]) * 1000:.1f} ms at most")
    print("cuse-daxd ran {:.1f} s, and waited {:.1f} s for a CPU".format(*result["cpu"]))
    for when in ("before", "during", "after"):
        print(f"cuse-daxd {when}: {result[when][0] / 1024:.1f} MiB, {result[when][1]} descriptors")


def main():
    build = pathlib.Path(os.environ.get("DAXD_BUILD", "build"))
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    if os.geteuid():
        sys.exit("hostile: needs root, to be several users")
    with tempfile.TemporaryDirectory(prefix="daxd-hostile-") as place:
        os.chmod(place, 0o755)
        (pathlib.Path(place) / "config").write_text(CONFIG.format(log=f"{place}/log"))
        r, w = os.pipe()
        with subprocess.Popen([build / "cuse-daxd", "--foreground", "--frontend=none",
                               f"--config={place}/config", f"--runtime-dir={place}/rt",
                               f"--ready-fd={w}"], pass_fds=[w]) as daemon:
            os.close(w)
            if not os.read(r, 4096):
                sys.exit("hostile: the daemon does not start")
            report(attack(f"{place}/rt", daemon.pid, seconds))
            print(f"fault log: {os.path.getsize(f'{place}/log') / MIB:.1f} MiB")
            daemon.terminate()
            if daemon.wait():
                sys.exit(f"hostile: the daemon has ended with {daemon.returncode}")


if __name__ == "__main__":
    main()
