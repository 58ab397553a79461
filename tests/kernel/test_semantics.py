# SPDX-License-Identifier: BSD-2-Clause
"""Rules of docs/semantics.md that the conformance program cannot check."""

from conftest import both_users

PYTHON = "/usr/bin/python3"
MEMFD = "[region 0]\nbacking=memfd\nsize=64M\nalign=2M\n[device 0.0]\nmode=0666\n"

MAP = """
import errno, mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
print("open", flush=True)
sys.stdin.readline()
try:
    mmap.mmap(fd, 2 << 20)
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])
"""


@both_users
def test_control_node_has_no_mmap(daxrun, user):
    assert daxrun("-q", "--", PYTHON, "-c", MAP, "/dev/ndctl0", input="\n") == "open\nENODEV\n"


@both_users
def test_without_a_daemon_nothing_new_is_mapped(daemon, daxrun, user):
    import subprocess
    d = daemon(MEMFD)
    p = daxrun.popen("-q", f"--connect={d.dir}", "--", PYTHON, "-c", MAP, "/dev/dax0.0",
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "open\n"
    d.stop()
    assert p.communicate("\n", timeout=60)[0] == "ENXIO\n"


@both_users
def test_memory_of_this_machine_is_never_broken(daxrun, user):
    """No MADV_HWPOISON or MADV_SOFT_OFFLINE, by libc or syscall(2), reaches the kernel."""
    script = """
import ctypes, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
p = libc.mmap(None, 4 << 20, 3, 1, os.open("/dev/dax0.0", os.O_RDWR), 1022 << 20)
r = [libc.madvise(p + (2 << 20), 4096, advice) and ctypes.get_errno() for advice in (100, 101)]
print(*(os.strerror(e) for e in r))
r = libc.syscall(28, ctypes.c_void_p(p), ctypes.c_size_t(4096), 101) and ctypes.get_errno()
print(os.strerror(r))
"""
    assert daxrun("-q", "--", PYTHON, "-c", script) == "Bad address Bad address\nInput/output error\n"
