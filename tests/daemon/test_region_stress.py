# SPDX-License-Identifier: BSD-2-Clause
"""Several processes create, destroy, enable and disable devices at the same time.

DAXD_STRESS_OPS sets the number of operations; 100000 take about a minute on two cores.
"""

import errno
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import tempfile
import time

import pytest

from conftest import BUILD, NOBODY, both_users
from test_tree import snapshot
from wire import ALIVE, GONE

pytestmark = pytest.mark.plain

SANITIZED = BUILD.name in ("asan", "tsan")
OPS = int(os.environ.get("DAXD_STRESS_OPS", "2000" if SANITIZED else "20000"))
WORKERS = 4
MIB = 1 << 20
CONFIG = """
[region 0]
type=dynamic
size=256M
[device 0.0]
size=0
[region 1]
type=dynamic
size=64M
align=4K
[device 1.0]
size=16M
[region 2]
size=64M
"""
SIZES = {0: 256 * MIB, 1: 64 * MIB}
DRIVER = "bus/dax/drivers/device_dax"

# Errors that are possible because another process acted in between.
EXPECTED = {
    "create": {errno.ENOSPC},
    "destroy": {errno.ENODEV},
    "enable": {errno.ENODEV, errno.EBUSY, errno.ENXIO},
    "disable": {errno.ENODEV},
    "bind": {errno.ENODEV, errno.EBUSY, errno.ENXIO},
    "unbind": {errno.ENODEV},
    "size": {errno.EBUSY, errno.ENOSPC, errno.ENOENT, errno.EBADF},
    "raw create": {errno.ENOSPC},
    "delete": {errno.ENXIO, errno.EBUSY},
}

# The choice is weighted so that most operations find something to do.
VERBS = [*EXPECTED, "create", "create", "enable", "destroy", "delete", "delete"]


class Worker:
    """One process, which makes JSON requests and writes to attributes at random."""

    def __init__(self, daemon, seed):
        self.daemon = daemon
        self.random = random.Random(seed)
        self.wire = daemon.wire(timeout=60)
        self.fds = {}
        self.counts = {}

    def device(self):
        region = self.random.choice([0, 0, 1])
        return f"dax{region}.{self.random.randrange(1, 7)}"

    def order(self, verb, **args):
        return self.wire.control_raw(json.dumps({"verb": verb, **args}).encode())[0]

    def write(self, path, text):
        """Write through a descriptor that stays open while it is usable. Return: the errno, or 0."""
        if path not in self.fds:
            try:
                self.fds[path] = os.open(self.daemon.dir / "sys" / path, os.O_WRONLY)
            except FileNotFoundError:
                return errno.ENOENT
        error = self.wire.store(self.fds[path], path, text.encode())
        if error in (errno.EBADF, errno.ENOENT):
            os.close(self.fds.pop(path))
        return error

    def one(self):
        r = self.random
        what = r.choice(VERBS)
        if what == "create":
            error = self.order("create", region=r.choice([0, 1]), size=2 * MIB * r.randrange(1, 9),
                               **({"align": 4096} if r.random() < .3 else {}))
        elif what in ("destroy", "enable", "disable"):
            error = self.order(what, device=self.device())
        elif what in ("bind", "unbind"):
            error = self.write(f"{DRIVER}/{what}", self.device())
        elif what == "size":
            error = self.write(f"bus/dax/devices/{self.device()}/size",
                               str(2 * MIB * r.randrange(0, 9)))
        else:
            region = r.choice([0, 1])
            path = f"devices/platform/hmem.{region}/dax_region/"
            if what == "delete":
                error = self.write(path + "delete", f"dax{region}.{r.randrange(1, 7)}")
            else:
                error = self.write(path + "create", "1")
        assert error == 0 or error in EXPECTED[what], (what, errno.errorcode[error])
        key = (what, errno.errorcode.get(error, "ok"))
        self.counts[key] = self.counts.get(key, 0) + 1

    def run(self, ops, queue):
        try:
            for _ in range(ops):
                self.one()
            queue.put(self.counts)
        except BaseException as e:
            queue.put(repr(e))
            raise


def check_list(devices):
    for region, size in SIZES.items():
        mine = [d for d in devices if d["region"] == region]
        assert sum(d["size"] for d in mine) <= size
        names = [d["chardev"] for d in mine]
        assert len(set(names)) == len(names)
        assert f"dax{region}.0" in names
        # The lowest free id is used, so no id exceeds the number of devices.
    numbers = [d["dev"] for d in devices]
    assert len(set(numbers)) == len(numbers)


def check_whole(d):
    """Check all state that clients can see."""
    devices = d.control("list")
    check_list(devices)
    for region, size in SIZES.items():
        ranges = []
        for device in (x for x in devices if x["region"] == region):
            name = device["chardev"]
            directory = d.dir / "sys/bus/dax/devices" / name
            total = 0
            for n in range(100):
                if not (directory / f"mapping{n}").exists():
                    break
                start, end, offset = (int((directory / f"mapping{n}" / a).read_text(), 16)
                                      for a in ("start", "end", "page_offset"))
                assert offset == total // 4096
                ranges.append((start, end))
                total += end - start + 1
            assert total == device["size"] == int((directory / "size").read_text())
            assert total % (2 * MIB) == 0
            bound = (d.dir / "sys" / DRIVER / name).exists()
            assert bound == ("state" not in device)
            _, _, state = d.state().find(name)
            assert bool(state.flags & ALIVE) == bound
            assert state.size == total
            assert d.handle(name).exists()
        ranges.sort()
        assert all(a[1] < b[0] for a, b in zip(ranges, ranges[1:]))
        assert not ranges or ranges[-1][1] - ranges[0][0] < size
        available = int(d.attr(f"devices/platform/hmem.{region}/dax_region/available_size"))
        assert available == size - sum(end - start + 1 for start, end in ranges)
    shown = {slot_device.name.decode() for _, _, slot_device in d.state().devices()
             if not slot_device.flags & GONE}
    assert shown == {x["chardev"] for x in devices} | {"ndctl0"}
    assert set(os.listdir(d.dir / "dev")) == shown


def resident(d):
    """Return: bytes of the daemon's resident memory that it does not share."""
    with open(f"/proc/{d.pid}/statm", encoding="ascii") as f:
        fields = f.read().split()
    return (int(fields[1]) - int(fields[2])) * 4096


def empty(d):
    for device in d.control("list"):
        if not device["chardev"].endswith(".0"):
            with d.wire() as w:
                assert w.control_raw(json.dumps({"verb": "destroy", "device": device["chardev"]})
                                     .encode())[0] == 0


@pytest.fixture
def in_memory(new_daemon, user):
    """A daemon whose runtime directory is in memory, as it usually is."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="stress-", dir="/dev/shm"))
    directory.chmod(0o755)
    if user == "nobody" and os.geteuid() == 0:
        os.chown(directory, NOBODY, NOBODY)
    d = new_daemon()
    d.dir = directory / "rt"
    d.start(CONFIG)
    yield d
    d.stop()
    shutil.rmtree(directory)


@both_users
def test_many_operations(in_memory, user):
    ops = OPS if user == "root" else OPS // 10
    d = in_memory
    before = snapshot(d)
    fds = d.fds()
    warm = Worker(d, 99)
    for _ in range(300):
        warm.one()
    warm.wire.close()
    memory = resident(d)
    queue = multiprocessing.Queue()
    began = time.monotonic()
    processes = [multiprocessing.Process(target=lambda n=n: Worker(d, n).run(ops // WORKERS, queue))
                 for n in range(WORKERS)]
    for p in processes:
        p.start()
    looks = 0
    while any(p.is_alive() for p in processes):
        check_list(d.control("list"))
        looks += 1
        for p in processes:
            p.join(.05)
    counts = {}
    for _ in processes:
        result = queue.get(timeout=30)
        assert isinstance(result, dict), result
        for key, n in result.items():
            counts[key] = counts.get(key, 0) + n
    seconds = time.monotonic() - began
    assert all(p.exitcode == 0 for p in processes)
    total = sum(counts.values())
    check_whole(d)
    grown = resident(d) - memory
    print(f"\n{total} operations by {WORKERS} processes in {seconds:.1f} s, "
          f"{total / seconds:.0f}/s; {looks} looks; the daemon grew by {grown // 1024} KiB")
    for (what, how), n in sorted(counts.items()):
        print(f"  {what:10} {how:8} {n}")
    assert total == ops // WORKERS * WORKERS
    # Every kind of operation has succeeded at least once.
    assert all(counts.get((what, "ok"), 0) > 0 for what in EXPECTED)
    # A sanitizer keeps freed memory, so the growth means nothing there.
    assert grown < 2 * MIB or SANITIZED
    empty(d)
    for region in SIZES:
        assert d.control("list")[0]["chardev"] == "dax0.0"
    # The state is as at the beginning, except for values that depend on history.
    assert d.store("bus/dax/devices/dax1.0/uevent", "change") == 0
    after = snapshot(d)
    assert set(after) == set(before)
    assert d.fds() <= fds + 1
    assert d.threads() == 1
