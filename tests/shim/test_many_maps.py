# SPDX-License-Identifier: BSD-2-Clause
"""mmap and munmap cost few system calls, and any number of mappings is right."""

import collections
import pathlib
import re
import signal

import pytest

from conftest import BUILD, both_users, environment, run
from daxrun import prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

PAIRS = 50
# A program may have vm.max_map_count mappings, and has some for itself.
MANY = min(60000, int(pathlib.Path("/proc/sys/vm/max_map_count").read_text()) - 1000)


@pytest.fixture
def place(workdir, user):
    workdir.chmod(0o777)
    return workdir


@both_users
@pytest.mark.parametrize("align", ["4K", "2M"])
def test_system_calls_of_mmap_and_munmap(place, user, align):
    log = place / "trace"
    result = run([BUILD / "daxrun", "-q", "-d", f"dax0.0,size=4M,align={align}", "--",
                  "strace", "-o", log, prog("map_pairs"), "/dev/dax0.0", PAIRS],
                 env=environment(), as_nobody=user == "nobody")
    assert result.returncode == 0, result.stderr
    calls = re.findall(r"^(\w+)\(", log.read_text(), re.M)
    first = calls.index("getppid")
    between = calls[first + 1:calls.index("getppid", first + 1)]
    # On a busy machine, the shim's own thread may hold the lock at that moment.
    if between.count("futex") <= 4:
        between = [call for call in between if call != "futex"]
    # One call that proves what the descriptor is; without a template, one for the memory's, and
    # one that keeps core files small.
    assert collections.Counter(between) == (
        {"mremap": PAIRS, "munmap": PAIRS, "lseek": PAIRS} if align == "2M" else
        {"mmap": PAIRS, "munmap": PAIRS, "lseek": PAIRS, "fstat": PAIRS, "madvise": PAIRS})


AGAIN = """
import mmap, os, signal, subprocess, sys
MIB = 1 << 20
names = ["/dev/dax0.0", "/dev/dax1.0"]
rw = [os.open(name, os.O_RDWR) for name in names]
ro = [os.open(name, os.O_RDONLY) for name in names]
other = os.open("/dev/zero", os.O_RDWR)

def check(fds, prot, lens=(2, 4)):
    for n, fd in enumerate(fds):
        for off in (0, 2, 4):
            for length in lens:
                for _ in range(8):
                    with mmap.mmap(fd, length * MIB, prot=prot, offset=off * MIB) as m:
                        assert m[:2] == bytes([n, off]), (n, off, length, m[:2])

for n, fd in enumerate(rw):
    for off in (0, 2, 4, 6):
        with mmap.mmap(fd, 2 * MIB, offset=off * MIB) as m:
            m[:2] = bytes([n, off])
check(rw, mmap.PROT_READ | mmap.PROT_WRITE)
check(rw, mmap.PROT_READ)
check(ro, mmap.PROT_READ)
for fd in ro:
    try:
        sys.exit(mmap.mmap(fd, 2 * MIB, prot=mmap.PROT_READ | mmap.PROT_WRITE))
    except PermissionError:
        pass
with mmap.mmap(rw[0], 2 * MIB):
    with open("/proc/self/maps") as maps:
        lines = maps.read().splitlines()
assert sum("/dev/dax" in line for line in lines) == 1, lines
assert not any("memfd:" in line for line in lines), lines
pid = os.fork()
if pid == 0:
    check(rw, mmap.PROT_READ | mmap.PROT_WRITE)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
os.dup2(rw[1], rw[0])
with mmap.mmap(rw[0], 2 * MIB) as m:
    assert m[0] == 1
os.dup2(other, rw[0])
with mmap.mmap(rw[0], 2 * MIB) as m:
    assert m[0] == 0 and m[1] == 0
os.close(rw[0])
try:
    sys.exit(mmap.mmap(rw[0], 2 * MIB))
except OSError:
    pass
print("ok", os.lseek(rw[1], 0, os.SEEK_CUR), os.lseek(rw[1], 5, os.SEEK_SET))
subprocess.run([sys.argv[1], "disable", "dax1.0"], check=True, stdout=subprocess.DEVNULL)
try:
    sys.exit(mmap.mmap(rw[1], 2 * MIB))
except OSError as e:
    print(e.strerror)
subprocess.run([sys.argv[1], "enable", "dax1.0"], check=True, stdout=subprocess.DEVNULL)
for _ in range(8):
    with mmap.mmap(rw[1], 2 * MIB) as m:
        assert m[0] == 1
print(*subprocess.check_output([sys.argv[1], "mappings"], text=True).split())
m = mmap.mmap(rw[1], 2 * MIB)
subprocess.run([sys.argv[1], "inject", "dax1.0", "-o0", "-l4K"], check=True,
               stdout=subprocess.DEVNULL)
pid = os.fork()
if pid == 0:
    with mmap.mmap(rw[1], 2 * MIB) as m:
        os._exit(m[0])
print(os.waitpid(pid, 0)[1])
"""


@both_users
@pytest.mark.parametrize("kind", ["huge", "collapse", "plain"])
def test_what_is_mapped_again_and_again_is_never_wrong(user, monkeypatch, kind):
    monkeypatch.setenv("DAXD_MEMORY", kind)
    result = run([BUILD / "daxrun", "-q", "-d", "dax0.0,size=8M", "-d", "dax1.0,size=8M", "--",
                  "/usr/bin/python3", "-c", AGAIN, BUILD / "cuse-daxctl"],
                 as_nobody=user == "nobody")
    assert (result.stdout.splitlines(), result.stderr) == (
        ["ok 0 0", "No such device or address", "[ ]", str(int(signal.SIGBUS))], "")


@both_users
def test_as_many_mappings_as_the_kernel_allows(place, user):
    result = run([BUILD / "daxrun", "-q", "-d", "dax0.0,size=256M,align=4K", "--",
                  prog("map_pairs"), "--many", "/dev/dax0.0", MANY],
                 as_nobody=user == "nobody")
    assert (result.stdout.split(), result.stderr) == ([str(MANY), str(MANY // 2), "0"], "")


@both_users
def test_a_descriptor_that_was_replaced_unseen(place, user):
    other = place / "other"
    other.write_text("x" * 4096)
    other.chmod(0o666)
    result = run([BUILD / "daxrun", "-q", "-d", "dax0.0,size=4M", "--", prog("map_pairs"),
                  "--replaced", "/dev/dax0.0", other], as_nobody=user == "nobody")
    assert (result.stdout.split("\n"), result.stderr) == (["x", "Permission denied", ""], "")


LOCKS = """
import fcntl, mmap, os, sys
fd = os.open("/dev/dax0.0", os.O_RDWR)
for _ in range(8):
    mmap.mmap(fd, 2 << 20).close()
if sys.argv[1] == "lockf":
    os.lockf(fd, os.F_TLOCK, 100)
else:
    fcntl.lockf(fd, fcntl.LOCK_EX, 100, 0, os.SEEK_CUR)
if os.fork() == 0:
    other = os.open("/dev/dax0.0", os.O_RDWR)
    os.lseek(other, 0, os.SEEK_SET)
    try:
        os.lockf(other, os.F_TLOCK, 10)
        print("locked twice")
    except BlockingIOError:
        print("busy")
    sys.exit()
os.wait()
print(os.lseek(fd, 0, os.SEEK_CUR))
"""


@both_users
@pytest.mark.parametrize("call", ["lockf", "fcntl"])
def test_locks_start_from_the_first_byte(user, call):
    """Also if the shim has marked the descriptor by its position."""
    result = run([BUILD / "daxrun", "-q", "-d", "dax0.0,size=4M", "--", "/usr/bin/python3", "-c",
                  LOCKS, call], as_nobody=user == "nobody")
    assert (result.stdout.split("\n"), result.stderr) == (["busy", "0", ""], "")
