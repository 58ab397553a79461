# SPDX-License-Identifier: BSD-2-Clause
"""The daemon is killed more than a thousand times without losing any acknowledged change."""

import collections
import ctypes
import mmap
import os
import pathlib
import random
import re
import select
import signal
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import BUILD, IS_ROOT, TIMEOUT, environment, run
from wire import ALIVE, GONE, Dropped, Slot, StatePages, Wire

pytestmark = pytest.mark.plain

MIB = 1 << 20
UNIT = 2 * MIB
SIZE = 64 * MIB
CRASHER = BUILD / "cuse-daxd-crash"
CTL = BUILD / "cuse-daxctl"
REGION = "devices/platform/hmem.0/dax_region"
DRIVER = "bus/dax/drivers/device_dax"

Shown = collections.namedtuple("Shown", "align ranges enabled")


class Crasher:
    """A daemon that is killed, and its successors in the same directory."""

    def __init__(self, workdir, config, env=None):
        self.dir = workdir / "rt"
        self.log = workdir / "log"
        self.config = workdir / "config"
        self.config.write_text(config)
        self.env = {**environment(), **(env or {})}
        self.process = None
        self.point = None
        self.kills = 0

    def start(self, point=None, *args):
        """Return: False if the daemon died while starting."""
        self.point = point
        r, w = os.pipe()
        env = {**self.env, "DAXD_CRASH_POINT": point} if point else self.env
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [CRASHER, "--foreground", f"--config={self.config}", f"--runtime-dir={self.dir}",
                 f"--ready-fd={w}", *args], pass_fds=[w], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=env)
        os.close(w)
        with os.fdopen(r) as ready:
            assert select.select([ready], [], [], TIMEOUT)[0], "the daemon is not ready"
            if ready.readline():
                return True
        self.died()
        return False

    def died(self):
        """Check that the daemon died of SIGKILL and of nothing else."""
        status = self.process.wait(TIMEOUT)
        assert status == -signal.SIGKILL, (status, self.log.read_text()[-2000:])
        self.process = None
        self.kills += 1

    def kill(self):
        self.process.kill()
        self.died()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(TIMEOUT) == 0
        self.process = None

    def layout(self):
        """Read the layout from the state pages with pread(2); page faults of a mapping would take
        most of the test's time."""
        with open(self.dir / "state", "rb", buffering=0) as f:
            count, = struct.unpack("<I", os.pread(f.fileno(), 4, StatePages.nr_slots.offset))
            slots = (Slot * count).from_buffer_copy(
                os.pread(f.fileno(), ctypes.sizeof(Slot) * count, StatePages.slots.offset))
        devices = [slot.copy[slot.seq & 1] for slot in slots]
        return {d.name.decode(): Shown(d.align, tuple((r.start, r.len) for r in
                                                      d.ranges[:d.nr_ranges]),
                                       bool(d.flags & ALIVE))
                for d in devices if d.name.startswith(b"dax0.") and not d.flags & GONE}

    def points(self):
        return collections.Counter(re.findall(r"^crash point (\S+)$", self.log.read_text(), re.M))


@pytest.fixture
def memory():
    """A directory in memory, since each start creates and removes some hundred files."""
    with tempfile.TemporaryDirectory(prefix="crash-", dir="/dev/shm") as directory:
        yield pathlib.Path(directory)


@pytest.fixture
def crasher(memory):
    made = []

    def make(*args, **kwargs):
        made.append(Crasher(memory, *args, **kwargs))
        return made[-1]

    yield make
    for c in made:
        if c.process:
            c.stop()
        assert not c.dir.exists()


def sizes(layout):
    return {name: (sum(length for _, length in v.ranges), v.enabled, v.align)
            for name, v in layout.items()}


def choose(layout, rng):
    """Choose a write that may or may not succeed. Return: path, text, and the sizes after it."""
    name = rng.choice(sorted(layout))
    size, enabled, align = sizes(layout)[name]
    after = dict(sizes(layout))
    kind = rng.choice(["create", "delete", "size", "size", "size", "align", "bind", "unbind"])
    if kind == "create":
        new = next(f"dax0.{n}" for n in range(99) if f"dax0.{n}" not in layout)
        after[new] = (0, False, UNIT)
        return f"{REGION}/create", "1", after
    if kind == "delete":
        del after[name]
        return f"{REGION}/delete", name, after
    if kind == "size":
        size = rng.randrange(0, 9) * UNIT
        after[name] = (size, enabled, align)
        return f"bus/dax/devices/{name}/size", str(size), after
    if kind == "align":
        align = 4096 if align == UNIT else UNIT
        after[name] = (size, enabled, align)
        return f"bus/dax/devices/{name}/align", str(align), after
    after[name] = (size, kind == "bind", align)
    return f"{DRIVER}/{kind}", name, after


def check_whole(layout):
    """Check that no ranges overlap and that all are inside the region."""
    ranges = sorted(r for v in layout.values() for r in v.ranges)
    first = min(start for start, _ in ranges) if ranges else 0
    for (start, length), (then, _) in zip(ranges, ranges[1:]):
        assert start + length <= then, layout
    assert not ranges or ranges[-1][0] + ranges[-1][1] <= first + SIZE


def write(wire, directory, path, text):
    fd = os.open(directory / "sys" / path, os.O_WRONLY)
    try:
        return wire.store(fd, path, text.encode())
    finally:
        os.close(fd)


class Life:
    """Make changes until the daemon dies, and check the state afterwards."""

    def __init__(self, crasher, path, seed):
        self.crasher = crasher
        self.file = os.open(path, os.O_RDWR)
        self.map = None
        self.rng = random.Random(seed)
        self.acknowledged = None	# the layout after the last reply
        self.possible = None		# the sizes after the write that got no reply
        self.stamps = {}		# offset in the file -> 8 bytes that were stored there

    def close(self):
        if self.map:
            self.map.close()
        os.close(self.file)

    def stamp(self, layout):
        """Store into enabled devices, as a program does."""
        for shown in layout.values():
            for start, length in shown.ranges if shown.enabled else ():
                at = start + self.rng.randrange(0, length, UNIT)
                self.stamps[at] = self.rng.randbytes(8)
                self.map[at:at + 8] = self.stamps[at]

    def check(self):
        now = self.crasher.layout()
        check_whole(now)
        if self.acknowledged is not None and now != self.acknowledged:
            assert self.possible is not None and sizes(now) == self.possible, (
                now, self.acknowledged, self.possible)
        for at, stamp in self.stamps.items():
            assert self.map[at:at + 8] == stamp, at
        self.acknowledged, self.possible = now, None
        return now

    def go_on(self, changes):
        """Make some changes. Return: False if the daemon died."""
        if self.map is None:
            self.map = mmap.mmap(self.file, 0)
        layout = self.check()
        try:
            with Wire(self.crasher.dir) as wire:
                for _ in range(changes):
                    path, text, self.possible = choose(layout, self.rng)
                    error = write(wire, self.crasher.dir, path, text)
                    after = self.crasher.layout()
                    assert after == layout or (not error and sizes(after) == self.possible)
                    layout = self.acknowledged = after
                    self.possible = None
                    self.stamp(layout)
        except (Dropped, ConnectionError, FileNotFoundError):
            return False
        return True


@pytest.fixture
def storing(memory, crasher):
    """Start a program that stores into dax1.0 continuously, whatever happens to the daemon."""
    started = []

    def start(c):
        acknowledged = memory / "acknowledged"
        acknowledged.write_bytes(bytes(4096))
        started.append((subprocess.Popen(
            [BUILD / "daxrun", f"--connect={c.dir}", "--", BUILD / "progs/storer", "/dev/dax1.0",
             str(16 * MIB), acknowledged], env=environment()), acknowledged))
        end = time.monotonic() + TIMEOUT
        while not any(acknowledged.read_bytes()[:8]):
            assert started[-1][0].poll() is None and time.monotonic() < end
            time.sleep(0.01)
        return started[-1]

    yield start
    for process, _ in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(params=["tmpfs", "pmem", "dev", "disk", "hugetlbfs"])
def kind(request, workdir, memory):
    """The region's store. Yield: config lines, its file, the environment, the number of kills."""
    env = {}
    if request.param == "hugetlbfs":
        request.getfixturevalue("hugepages")(SIZE // UNIT + 1)
        path = request.getfixturevalue("hugetlbfs") / "file"
        yield f"backing=hugetlbfs:{path}\n", path, env, 150
        return
    if request.param == "pmem":
        env["PMEM_IS_PMEM_FORCE"] = "1"
    path = (workdir if request.param == "disk" else memory) / "file"
    yield (f"backing=pmem:{path}\n" + ("map=dev\n" if request.param == "dev" else ""), path, env,
           {"pmem": 300, "disk": 100}.get(request.param, 250))


def test_nothing_is_lost_when_the_daemon_is_killed(crasher, storing, kind, memory):
    """No acknowledged change is lost. Half of the kills hit a step of a change, half any moment."""
    backing, path, env, kills = kind
    c = crasher(f"[region 0]\n{backing}type=dynamic\nsize={SIZE}\n"
                f"[region 1]\nbacking=pmem:{memory}/stored\ntype=dynamic\nsize=16M\n", env)
    assert c.start()
    life = Life(c, path, str(kind))
    program, acknowledged = storing(c)
    rng = random.Random(1)
    began = time.monotonic()
    while c.kills < kills:
        timer = None
        if not c.point:
            timer = threading.Timer(rng.random() * 0.02, c.process.kill)
            timer.start()
        while life.go_on(50):
            pass
        if timer:
            timer.join()
        c.died()
        # The next daemon dies at its crash point, while it starts or later.
        point = f"*:{rng.randrange(1, 60)}" if c.kills % 2 else None
        while not c.start(point):
            point = None
    life.check()
    assert program.poll() is None, "the program has ended"
    program.terminate()
    assert program.wait(TIMEOUT) == 0
    c.stop()
    life.close()
    # All stores that the program acknowledged are in the file.
    shown = run([CTL, "inspect", memory / "stored"])
    assert shown.returncode == 0
    last, = struct.unpack("<Q", acknowledged.read_bytes()[:8])
    with open(memory / "stored", "rb") as f:
        words = {struct.unpack("<Q", os.pread(f.fileno(), 8, 2 * MIB + at))[0]
                 for at in range(0, 16 * MIB, 65536)}
    assert words == {last}
    assert not c.process and life.stamps
    print(f"\n{c.kills} kills in {time.monotonic() - began:.1f} s, {last} rounds stored,",
          dict(c.points()))
    assert min(c.points()[p] for p in ("write", "write-half", "flushed", "saved")) > 0


@pytest.mark.parametrize("what", ["new", "empty", "several", "dynamic", "forced"])
def test_a_file_is_formatted_or_not_when_the_daemon_is_killed(crasher, memory, what):
    """A kill at each step of formatting is repaired by the next start."""
    path = memory / "file"
    config = f"[region 0]\nbacking=pmem:{path}\nsize=28M\n"
    config += {"several": "[device 0.0]\nsize=8M\n[device 0.3]\n",
               "dynamic": "type=dynamic\n"}.get(what, "")
    c = crasher(config)
    seen = []
    for count in range(1, 100):
        path.unlink(missing_ok=True)
        if what == "empty":
            with open(path, "wb") as f:
                f.truncate(32 * MIB)
        assert what != "forced" or path.write_bytes(b"foreign" * 4096)
        if c.start(f"*:{count}", *["--force-format"] * (what == "forced")):
            break
        assert c.start()
        assert sorted(c.layout()) == (["dax0.0", "dax0.3"] if what == "several" else ["dax0.0"])
        assert sum(length for v in c.layout().values() for _, length in v.ranges) == 28 * MIB
        c.stop()
        assert run([CTL, "inspect", path]).returncode == 0
        assert path.stat().st_size == 32 * MIB
    assert c.kills == sum(c.points().values()) == count - 1 >= 12
    assert {"mark", "marked", "allocated", "write-half", "flushed", "formatted"} <= set(c.points())
