# SPDX-License-Identifier: BSD-2-Clause
"""The memory that a process has touched and mapped, as each kernel counts and changes it."""

import json
import os
import re

import pytest

from conftest import BUILD, both_users, run

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

KERNELS = ["6.1", "6.12", "6.18", "7.3"]
COUNTING = ["6.18", "7.3"]
SIZE = {"4K": 32 << 20, "2M": 32 << 20, "1G": 2 << 30}
ALIGN = {"4K": 4096, "2M": 2 << 20, "1G": 1 << 30}
UNITS = {"4K": 2048, "2M": 3, "1G": 1}	# that are touched

PRELUDE = """
import ctypes, errno, json, mmap, os, re
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
fd = os.open("/dev/dax0.0", os.O_RDWR)
def map(length, addr=None, flags=1):
    return libc.mmap(addr, length, 3, flags, fd, 0)
def answer(r):
    return "ok" if r not in (-1, 2**64 - 1) else errno.errorcode[ctypes.get_errno()]
def touch(addr):
    child = os.fork()
    if not child:
        ctypes.c_char.from_address(addr).value = b"x"
        os._exit(0)
    return os.waitpid(child, 0)[1]
"""

COUNT = PRELUDE + """
def counts():
    found = {}
    for name in ("status", "smaps_rollup"):
        for key, n in re.findall(r"(\\w+):\\s+(\\d+) kB", open("/proc/self/" + name).read()):
            found[name + "." + key] = int(n)
    statm = open("/proc/self/statm").read().split()
    found["statm.resident"], found["statm.shared"] = int(statm[1]) * 4, int(statm[2]) * 4
    found["stat.rss"] = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[21]) * 4
    return found
def block(addr):
    found, ours = {}, False
    for line in open("/proc/self/smaps"):
        first = re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line)
        ours = int(first[1], 16) == addr if first else ours
        key = re.match(r"(\\w+):\\s+(\\d+) kB", line)
        if ours and key:
            found[key[1]] = int(key[2])
    return found
p = map(LENGTH)
counts()
before = counts()
for i in range(UNITS):
    ctypes.c_char.from_address(p + i * ALIGN).value = b"x"
after = counts()
print(json.dumps([{k: after[k] - before[k] for k in after}, block(p)]))
"""


def daxrun(user, kernel, align, script, backing="memory", **more):
    size = more.get("size", SIZE[align])
    result = run([BUILD / "daxrun", "-q", f"--kernel={kernel}", "-d",
                  f"dax0.0,size={size},align={align},backing={backing}", "--",
                  "/usr/bin/python3", "-c", script], as_nobody=user == "nobody")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def count(user, kernel, align, backing="memory", size=None):
    size = size or SIZE[align]
    script = COUNT.replace("LENGTH", str(size)).replace("UNITS", str(UNITS[align])).replace("ALIGN", str(ALIGN[align]))
    return daxrun(user, kernel, align, script, backing, size=size)


def check_counts(kernel, align, counts, block):
    touched = UNITS[align] * ALIGN[align] // 1024
    counter = touched if kernel in COUNTING else 0
    walked = 0 if align == "1G" else touched if kernel in COUNTING or (kernel, align) == ("6.1", "2M") else 0
    noise = 1024	# Python's own memory
    for name in ("status.VmRSS", "status.RssFile", "statm.resident", "statm.shared", "stat.rss"):
        assert abs(counts[name] - counter) <= noise, (name, counts[name], counter)
    assert abs(counts["status.RssShmem"]) <= 64, counts
    for name in ("Rss", "Pss", "Private_Dirty"):
        assert abs(counts[f"smaps_rollup.{name}"] - walked) <= noise, (name, counts)
        assert block[name] == walked, (name, block)
    assert block["Referenced"] == walked
    assert block["KernelPageSize"] == ALIGN[align] // 1024
    assert counts["status.VmSize"] <= noise


@both_users
@pytest.mark.parametrize("align", SIZE)
@pytest.mark.parametrize("kernel", KERNELS)
def test_touched_memory(user, kernel, align):
    check_counts(kernel, align, *count(user, kernel, align))


@both_users
@pytest.mark.parametrize("kernel", KERNELS)
def test_touched_memory_of_a_file(user, kernel, workdir):
    place = workdir / "store"
    place.mkdir()
    place.chmod(0o777)
    check_counts(kernel, "2M", *count(user, kernel, "2M", f"pmem:{place}/pool"))


GUARD = PRELUDE + """
p = map(LENGTH)
said = [answer(libc.madvise(p + 4096, 4096, 102))]
said += [touch(p), touch(p + 4096), touch(p + ALIGN)]
said += [answer(libc.madvise(p + 4096, 4096, 103))]
said += [touch(p + 4096)]
print(json.dumps(said))
"""


@both_users
@pytest.mark.parametrize("align", ["4K", "2M"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_guard_pages(user, kernel, align):
    """A guard page is SIGSEGV. The rest of a unit that holds one is SIGBUS, and stays so."""
    script = GUARD.replace("LENGTH", str(8 << 20)).replace("ALIGN", str(2 << 20))
    said = daxrun(user, kernel, align, script)
    if kernel not in COUNTING:
        assert said == ["EINVAL", 0, 0, 0, "EINVAL", 0]
    elif align == "4K":
        assert said == ["ok", 0, 11, 0, "ok", 0]
    else:
        assert said == ["ok", 7, 11, 0, "ok", 7]


TARGET = PRELUDE + """
A = 2 << 20
p, other = map(A), map(A)
room = libc.mmap(None, 8 * A, 3, 0x22, -1, 0)
target = (room + A - 1) // A * A
ctypes.c_char.from_address(target).value = b"t"
said = answer(libc.mremap(p, 2 * A, 2 * A, 3, target))
print(json.dumps([said, touch(target)]))
"""


@both_users
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_target_of_a_refused_mremap(user, kernel):
    """Since 6.17 what is mapped there stays."""
    assert daxrun(user, kernel, "2M", TARGET) == ["EFAULT", 0 if kernel in COUNTING else 11]


PRCTL = PRELUDE + """
p = map(4 << 20)
said = [answer(libc.prctl(41, 1, 2, 0, 0))]
print(json.dumps([*said, touch(p)]))
"""


@both_users
@pytest.mark.parametrize("kernel", KERNELS)
def test_thp_disable_except_advised(user, kernel):
    host = tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())
    has_it = kernel in COUNTING and host >= (6, 18)
    assert daxrun(user, kernel, "2M", PRCTL) == ["ok" if has_it else "EINVAL", 0]


ADVICE = PRELUDE + """
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
p = map(4 << 20)
me = os.pidfd_open(os.getpid())
def advise(advice, *parts):
    v = (Vector * len(parts))(*parts)
    r = libc.syscall(440, me, ctypes.byref(v), len(parts), advice, 0)
    return r if r >= 0 else answer(r)
A = 2 << 20
print(json.dumps([advise(20, (p, A)), advise(4, (p, A), (p + A, A)), advise(14, (p, A)), advise(9, (p, A)),
                  advise(15, (p, A), (p + A + 4096, 4096)), touch(p)]))
"""


@both_users
@pytest.mark.parametrize("kernel", KERNELS)
def test_process_madvise_of_itself(user, kernel):
    """Since 6.13 it takes all advice, by the rules of madvise."""
    said = daxrun(user, kernel, "2M", ADVICE)
    unit = 2 << 20
    gentle = "EPERM" if kernel == "6.1" and user == "nobody" else unit
    if kernel in COUNTING:
        # MADV_REMOVE is ENODEV; NOHUGEPAGE of part of a unit is refused after the first range.
        assert said == [gentle, 2 * unit, unit, "ENODEV", unit, 7]
    else:
        assert said == [gentle, "EINVAL", "EINVAL", "EINVAL", "EINVAL", 0]
