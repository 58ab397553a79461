# SPDX-License-Identifier: BSD-2-Clause
"""The shim's descriptors are none of the program's: it finds, counts and closes only its own."""

import pytest

from conftest import BUILD, IS_ROOT
from daxrun import Daxrun, prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

NOTHING = """mapped: 0 more entries, 0 more of fdinfo, 0 scanned, 0 raw, 0 found
room for 0 fewer
after: 0 more entries, 0 found, room for 0 fewer
mapped again
"""


@pytest.fixture(params=["root", "nobody"] if IS_ROOT else ["nobody"])
def daxrun(workdir, request):
    it = Daxrun(workdir, request.param)
    yield it
    it.check_gone()


@pytest.mark.parametrize("limit", [256, 1024])
@pytest.mark.parametrize("program", ["own_fds", "own_fds_static"])
def test_nothing_is_found(daxrun, program, limit):
    """Neither by number nor in /proc, and as many files can be opened as without a device."""
    limited = f"ulimit -Sn {limit} && exec {prog(program)} /dev/dax0.0"
    assert daxrun("-q", "-d", "dax0.0,size=64M", "--reach=all", "--", "sh", "-c", limited) == NOTHING


@pytest.mark.parametrize("program", ["own_fds", "own_fds_static"])
def test_nothing_is_found_below_a_high_limit(daxrun, program):
    """Where the shim cannot put its descriptors above the limit, each call must hide them."""
    limited = f"ulimit -Sn 5000 && exec {prog(program)} /dev/dax0.0"
    out = daxrun("-q", "-d", "dax0.0,size=64M", "--reach=all", "--", "sh", "-c", limited)
    assert "0 scanned, 0 raw, 0 found\n" in out and "0 more entries, 0 found" in out


def test_a_query_of_the_maps(daxrun):
    """Asking for mappings by ioctl takes a descriptor of the shim's own, too."""
    program = """
import fcntl, mmap, os, struct
fd = os.open("/dev/dax0.0", os.O_RDWR)
m = mmap.mmap(fd, 4 << 20)
maps = open("/proc/self/maps", "rb")
before = sorted(os.listdir("/proc/self/fd"))
query = bytearray(struct.pack("=QQQQQQQQQIIIIQQ", 104, 0x10, *(13 * [0])))
for _ in range(3):
    try:
        fcntl.ioctl(maps.fileno(), 0xC0686611, query)
    except OSError as error:
        assert error.errno in (25, 2), error
assert sorted(os.listdir("/proc/self/fd")) == before
"""
    daxrun("-q", "-d", "dax0.0,size=64M", "--", "/usr/bin/python3", "-c", program)


THREAD = """
import ctypes, mmap, os
fd = os.open("/dev/dax0.0", os.O_RDWR)
m = mmap.mmap(fd, 4 << 20)
m[0] = 1

def threads():
    status, = [line for line in open("/proc/self/status") if line.startswith("Threads:")]
    stat = open("/proc/self/stat").read().rpartition(")")[2].split()[17]
    return status.strip(), stat, len(os.listdir("/proc/self/task"))

print(*threads())
print(ctypes.CDLL(None).unshare(0x10000000), m[0], *threads(), flush=True)
while True:
    m[0]
"""
WATCH = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "thread"], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), child.stdout.readline(), sep="", end="", flush=True)
print(subprocess.run([sys.argv[1], "disable", "dax0.0"], stdout=subprocess.DEVNULL).returncode, child.wait())
"""


def test_the_thread_steps_aside(daxrun):
    """The program finds no thread of the shim, not even where one would be in its way; and yet its mappings
    follow the device afterwards."""
    daxrun.write("thread", THREAD)
    daxrun.write("watch", WATCH)
    out = daxrun("-q", "-d", "dax0.0,size=64M", "--", "/usr/bin/python3", "watch", BUILD / "cuse-daxctl")
    assert out == "Threads:\t1 1 1\n0 1 Threads:\t1 1 1\n0 -7\n"
