# SPDX-License-Identifier: BSD-2-Clause
"""A core file has the memory of a device only if bit 8 of coredump_filter asks for it.

The kernel and gdb's gcore leave out what has the flag "dd" in /proc/PID/smaps. The program itself
does not see this flag: the conformance program compares the flags with those of a real device."""

import re
import subprocess

import pytest

from conftest import CTL, both_users

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

MIB = 1 << 20

PROGRAM = """
import ctypes, mmap, os, subprocess, sys
filter, align = int(sys.argv[1], 16), int(sys.argv[2])
if filter:
    open("/proc/self/coredump_filter", "w").write(hex(filter))
fd = os.open("/dev/dax0.0", os.O_RDWR)
libc = ctypes.CDLL(None)
libc.mremap.restype = ctypes.c_void_p
places = []

def new(n=2, off=0):
    m = mmap.mmap(fd, n * align, offset=off * align)
    m[:1] = b"x"
    places.append((ctypes.addressof(ctypes.c_char.from_buffer(m)), n * align))
    return m

def tell(what):
    print(os.getpid(), what, *(f"{addr:x}+{n:x}" for addr, n in places), flush=True)
    sys.stdin.readline()

kept = [new()]
kept[0].madvise(17)     # MADV_DODUMP changes nothing
tell("first")
kept += [new(1, n % 2) for n in range(6)]
tell("again")
subprocess.run([sys.argv[3], "inject", "dax0.0", "--offset", "0", "--length", "4K"], check=True,
               stdout=subprocess.DEVNULL)
tell("poisoned")
if os.fork() == 0:
    os._exit(0)
os.wait()
old, n = places[0]
place = libc.mremap(ctypes.c_void_p(old), ctypes.c_size_t(n), ctypes.c_size_t(n), 3,
                    ctypes.c_void_p((old & -(1 << 30)) - (1 << 32)))
places[0] = place, n
tell("moved")
"""


def flags(pid, start, end):
    """Yield the flags of all mappings in a range."""
    inside = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        for line in smaps:
            if m := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
                inside = int(m[1], 16) < end and int(m[2], 16) > start
            elif inside and line.startswith("VmFlags:"):
                yield line.split()[1:]


@both_users
@pytest.mark.parametrize("bits", [0, 0x133])
@pytest.mark.parametrize("align", ["4K", "2M"])
@pytest.mark.parametrize("kind", ["memory", "pmem"])
def test_what_a_core_file_has(daxrun, kind, align, bits):
    backing = "memory" if kind == "memory" else f"pmem:{daxrun.dir}/image"
    command = ("-q", "-d", f"dax0.0,size=16M,align={align},backing={backing}", "--", "python3", "-c",
               PROGRAM, f"{bits:x}", str(4096 if align == "4K" else 2 * MIB), CTL)
    seen = []
    with daxrun.popen(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        for line in p.stdout:
            pid, what, *places = line.split()
            seen.append(what)
            for place in places:
                start, length = (int(n, 16) for n in place.split("+"))
                found = list(flags(pid, start, start + length))
                assert found and all(("dd" in f) == (bits == 0) for f in found), (what, found)
            p.stdin.write("\n")
            p.stdin.flush()
    assert (seen, p.returncode) == (["first", "again", "poisoned", "moved"], 0)
