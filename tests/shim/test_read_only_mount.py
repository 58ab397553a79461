# SPDX-License-Identifier: BSD-2-Clause
"""A read-only mount keeps nobody from writing to a device, as it does from a file."""

import pytest

from conftest import both_users
from daxrun import run_in_namespace

PYTHON = "/usr/bin/python3"

# The kernel's order (fs/namei.c: may_open()): the mode of the node decides first.
USE = """
import errno, fcntl, mmap, os

N = "/dev/dax0.0"
def tries(flags):
    try:
        fd = os.open(N, flags)
    except OSError as e:
        return errno.errorcode[e.errno]
    try:
        m = mmap.mmap(fd, 2 << 20, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        m[:5] = b"bytes"
        return fd, m[:5]
    finally:
        os.close(fd)

free = os.open("/", os.O_PATH)
os.close(free)
print(tries(os.O_RDWR) == (free, b"bytes"), tries(os.O_RDWR | os.O_CREAT), tries(os.O_RDWR | os.O_NOFOLLOW)[1:],
      tries(os.O_RDWR | os.O_CREAT | os.O_EXCL), tries(os.O_RDWR | os.O_DIRECTORY))
fd = os.open(N, os.O_RDWR | os.O_APPEND | os.O_SYNC)
print(bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND), bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_SYNC),
      fcntl.fcntl(fd, fcntl.F_GETFD), os.readlink(f"/proc/self/fd/{fd}"))
"""
RIGHT = ["True (3, b'bytes') (b'bytes',) EEXIST ENOTDIR", "True True 1 /dev/dax0.0"]

BIND = "mount --{bind} $CUSE_DAXD_RUNTIME_DIR $CUSE_DAXD_RUNTIME_DIR && " \
       "mount -o remount,bind,ro $CUSE_DAXD_RUNTIME_DIR{dev} && "


@both_users
@pytest.mark.parametrize("bind", ["bind", "rbind"])
def test_the_node_opens_for_writing(daxrun, bind):
    """Also where the bind mount has left out root's mount of the handles."""
    script = BIND.format(bind=bind, dev="") + 'exec "$@"'
    said = run_in_namespace(daxrun, script, PYTHON, "-c", USE)
    assert said.splitlines() == RIGHT


@both_users
def test_it_may_be_written_to(daxrun):
    """access(2) says so, too, and O_RDONLY opens as always."""
    dev = "" if daxrun.user == "nobody" else "/dev"
    script = BIND.format(bind="rbind", dev=dev) + \
        "test -r /dev/dax0.0 -a -w /dev/dax0.0 -a ! -x /dev/dax0.0 && exec 3<>/dev/dax0.0 4</dev/dax0.0 && echo opened"
    assert run_in_namespace(daxrun, script) == "opened\n"


@both_users
def test_in_a_sandbox_whose_root_is_read_only(daxrun):
    said = daxrun("-q", "-d", "dax0.0,size=4M", "--", "bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev",
                  "--", "sh", "-c", "exec 3<>/dev/dax0.0 && echo opened")
    assert said == "opened\n"


@pytest.mark.parametrize("user", ["nobody"], indirect=True)
def test_the_mode_of_the_node_still_decides(daxrun):
    script = BIND.format(bind="rbind", dev="") + \
        f"""exec setpriv --bounding-set=-all --inh-caps=-all {PYTHON} -c '
import os
for flags in os.O_RDONLY, os.O_RDWR:
    try:
        print(os.open("/dev/dax0.0", flags) > 0)
    except PermissionError:
        print("EACCES")
'"""
    said = run_in_namespace(daxrun, script, device="dax0.0,size=4M,mode=0444")
    assert said == "True\nEACCES\n"
