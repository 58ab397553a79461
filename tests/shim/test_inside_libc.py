# SPDX-License-Identifier: BSD-2-Clause
"""Calls that libc makes inside itself, and changes of a mode, are answered as by a real device."""

import os
import pathlib

import pytest

from conftest import IS_ROOT, NOBODY
from daxrun import Daxrun, prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

DEVICE = ("-q", "-d", "dax37.0,size=64M")

CALLS = """
    fdopen ok
    fread EINVAL
    fflush EINVAL
    fdopen for writing EINVAL
    dprintf EINVAL
    vdprintf EINVAL
    lio_listio read EIO
    its request EINVAL
    the other request ok
    lio_listio write EIO
    its request EINVAL
    the other request ok
    aio_fsync ok
    its request EINVAL
    aio_fsync of none EINVAL
    spawn in a directory ok
    its status 0
    __poll_chk ok
    its events 0xa
    ftok ok
    mkfifo EEXIST
    mkfifoat EEXIST
    bind EADDRINUSE
    connect ECONNREFUSED
    openat2 ok
    syscall openat2 ok
"""

MODES = """
    chmod 20601
    fchmod 20602
    fchmodat 20603
    nofollow 20604
    lchmod 20605
    link in /proc 20606
    link to O_PATH 20607
    symbolic link 20610
    fchmodat2 20611
    fchmodat2 nofollow 20612
    fchmodat2 fd 20613
    fchmodat2 O_PATH 20614
"""


def lines(text):
    return [line.strip() for line in text.strip().splitlines()]


@pytest.fixture(params=["root", "nobody"] if IS_ROOT else ["nobody"])
def daxrun(workdir, request):
    if request.param == "nobody" and IS_ROOT:
        os.chown(workdir, NOBODY, NOBODY)
    it = Daxrun(workdir, request.param)
    yield it
    it.check_gone()
    assert not list(pathlib.Path("/dev").glob("dax37*"))


def test_calls(daxrun):
    out = lines(daxrun(*DEVICE, "--", prog("inside_libc"), "calls", "/dev/dax37.0"))
    # Handles of root's daemon are on a hugetlbfs, which has no handles of this kind.
    assert out.pop() in ("name_to_handle_at ok", "name_to_handle_at EOPNOTSUPP")
    assert out == lines(CALLS)


def test_a_mode_never_takes_the_device_away(daxrun):
    out = lines(daxrun(*DEVICE, "--", prog("inside_libc"), "modes", "/dev/dax37.0"))
    for line, want in zip(out, lines(MODES), strict=True):
        name, _, mode = want.rpartition(" ")
        if "fchmodat2" in name and " ENOSYS " in line:  # kernel: before Linux 6.6
            continue
        assert line == f"{name} ok {mode} maps"


def test_a_mode_never_takes_an_attribute_away(daxrun):
    """Root may change its mode, by descriptor as by path, and here that is the devices' user."""
    code = ("import os; p = '/sys/bus/dax/devices/dax37.0/size'\n"
            "fd = os.open(p, os.O_RDONLY)\n"
            "os.chmod(p, 0o640); print(oct(os.stat(p).st_mode))\n"
            "os.fchmod(fd, 0o600); print(oct(os.stat(p).st_mode))\n"
            "os.chmod(f'/proc/self/fd/{fd}', 0o444); print(oct(os.stat(p).st_mode), open(p).read())\n")
    assert daxrun(*DEVICE, "--", "python3", "-c", code).split() == \
        ["0o100640", "0o100600", "0o100444", str(64 << 20)]


def test_no_file_is_made_in_dev(daxrun):
    """A name that no device has is the directory's to refuse: nobody may write to /dev."""
    code = ("import os, socket\n"
            "for call in (os.mkfifo, socket.socket(socket.AF_UNIX).bind):\n"
            "    try:\n"
            "        call('/dev/dax37.9')\n"
            "    except PermissionError as e:\n"
            "        print('refused')\n")
    assert daxrun(*DEVICE, "--", "python3", "-c", code).split() == ["refused"] * 2


@pytest.mark.parametrize("path", ["/sys/bus/dax/devices/dax37.0", "/sys/bus/dax/devices/dax37.0/size", "/sys"])
def test_descriptors_of_sysfs_are_of_sysfs(daxrun, path):
    """libudev asks this of the descriptor of a device's directory."""
    assert daxrun(*DEVICE, "--", "python3", "-c", f"""
import ctypes, os
libc = ctypes.CDLL(None)
buf = (ctypes.c_long * 32)()
fd = os.open("/sys/bus/dax/devices/dax37.0", os.O_RDONLY)
fd = os.open("{path}", os.O_RDONLY)
assert libc.fstatfs(fd, buf) == 0
print(hex(buf[0]))
""") == "0x62656572\n"


WORDS = """
import ctypes
class W(ctypes.Structure):
    _fields_ = [("n", ctypes.c_size_t), ("v", ctypes.POINTER(ctypes.c_char_p)), ("offs", ctypes.c_size_t)]
libc = ctypes.CDLL(None)
w = W()
for text, flags in (("a /dev/dax37* b", 0), ("/dev/dax?7.0", 2), ("'/dev/dax37*'", 2), ("/dev/none*", 2),
                    ("/sys/bus/dax/devices/dax*/size", 2)):
    assert libc.wordexp(text.encode(), ctypes.byref(w), flags) == 0
    print(*[w.v[i].decode() for i in range(w.n)])
    assert not w.v[w.n]
libc.wordfree(ctypes.byref(w))
"""


def test_wordexp(daxrun):
    """Flag 2 is WRDE_APPEND. A quoted pattern is none."""
    words = ["a", "/dev/dax37.0", "/dev/dax37.1", "b", "/dev/dax37.0", "/dev/dax37*", "/dev/none*",
             "/sys/bus/dax/devices/dax37.0/size", "/sys/bus/dax/devices/dax37.1/size"]
    out = daxrun("-q", "-d", "dax37.0,size=16M", "-d", "dax37.1,size=16M", "--", "python3", "-c", WORDS)
    assert out.splitlines() == [" ".join(words[:n]) for n in (4, 5, 6, 7, 9)]


SHELL = """
exec 2>&1
seq 3 >/dev/dax37.0; echo seq $?
sort </dev/dax37.0; echo sort $?
ls /nonexistent 2>/dev/dax37.0; echo ls $?
echo x >/dev/dax37.0; echo echo $?
exec 3>&1 >/dev/dax37.0; printf x; s=$?; exec >&3; echo printf $s
(exec </dev/dax37.0; head -c1; echo head $?)
PROG kept /dev/dax37.0 >/dev/dax37.0; echo kept $?
"""

SAID = """
seq 1
sort 2
ls 2
echo 1
printf 1
head 1
kept 1
"""


def test_standard_streams_of_a_shell(daxrun):
    """Reads and writes inside libc are refused, as on the real device, and nothing is left so later."""
    out = lines(daxrun(*DEVICE, "--", "bash", "-c", SHELL.replace("PROG", prog("inside_libc"))))
    assert [line for line in out if "Invalid argument" not in line and "cannot access" not in line] == lines(SAID)
    assert [line.partition(": ")[0] for line in out if "Invalid argument" in line] == [
        "seq", "sort", "bash", "bash", "head"]
