# SPDX-License-Identifier: BSD-2-Clause
"""mount(2) with a device as the source: a bind mount is the device by another name."""

import os
import shutil

import pytest

from conftest import BUILD, both_users
from daxrun import run_in_namespace

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

BUSYBOX = shutil.which("busybox")


@both_users
@pytest.mark.parametrize("mount", ["mount --bind", f"{BUSYBOX} mount -o bind"], ids=["util-linux", "static"])
@pytest.mark.parametrize("source", ["/dev/dax0.0", "link"])
def test_bind(daxrun, mount, source):
    """Data go through either name to the other."""
    script = f"""set -e; ln -s /dev/dax0.0 link; touch file; {mount} {source} file
        stat -c '%F %s' file; test "$(stat -c %t:%T file)" = "$(stat -c %t:%T /dev/dax0.0)"
        printf stored >text; daxio -i text -o file; daxio -l 6 -i /dev/dax0.0
        head -c1 file 2>&1 || true
        umount file; stat -c '%F' file"""
    assert run_in_namespace(daxrun, script).splitlines() == [
        "character special file 0", "storedhead: error reading 'file': Invalid argument", "regular empty file"]


@both_users
def test_bind_of_sysfs(daxrun):
    script = "mkdir folder; mount --bind /sys/bus/dax/devices/dax0.0 folder; cat folder/size folder/align"
    assert run_in_namespace(daxrun, script) == "4194304\n2097152\n"


@both_users
def test_a_device_holds_no_file_system(daxrun):
    """The answers are those to another character device."""
    said = run_in_namespace(daxrun, """set -e; mkdir folder
        for source in /dev/dax0.0 /dev/full; do
            mount -t ext4 $source folder 2>&1 || echo $?
            mount -t ext4 $source missing 2>&1 || echo $?
        done""")
    assert said.count("/dev/dax0.0 is not a block device") == 1 or daxrun.as_nobody, said
    lines = said.replace("/dev/dax0.0", "/dev/full").splitlines()
    assert lines[:len(lines) // 2] == lines[len(lines) // 2:]


@both_users
def test_nothing_is_mounted_over_a_device(daxrun):
    said = run_in_namespace(daxrun, "touch file; mount --bind file /dev/dax0.0 2>&1 || echo $?; stat -c %F /dev/dax0.0")
    assert said.endswith("32\ncharacter special file\n") and "No such file or directory" in said


@both_users
def test_dev_by_another_name(daxrun):
    """As the /dev of a root directory that somebody prepares for chroot(2)."""
    bind = "rbind" if daxrun.as_nobody else "bind"  # the kernel uncovers nothing in a user namespace
    said = run_in_namespace(daxrun, f"""set -e; mkdir -p root/dev; mount --{bind} /dev root/dev; ln -s root/dev/dax0.0 link
        ls root/dev | grep ^dax; find root/dev -maxdepth 1 -name 'dax*'; stat -c %F root/dev/dax0.0 $PWD/root/dev/dax0.0
        stat -Lc %F link
        test "$(stat -c %i:%t:%T root/dev/dax0.0)" = "$(stat -c %i:%t:%T /dev/dax0.0)"
        printf stored >text; daxio -i text -o root/dev/dax0.0; daxio -l 6 -i /dev/dax0.0; echo; rm text
        echo >root/dev/dax0.1 2>/dev/null || echo refused; ls root/dev/dax0.1 2>/dev/null || echo none""")
    assert said.splitlines() == ["dax0.0", "root/dev/dax0.0", *3 * ["character special file"], "stored", "refused", "none"]


PIVOT = """
import ctypes, mmap, os, subprocess, sys

libc = ctypes.CDLL(None, use_errno=True)
def pivot(new, old):
    if sys.argv[1] == "function":
        r = libc.pivot_root(new, old)
    else:
        r = libc.syscall(%d, new, old)
    return ctypes.get_errno() if r else 0

os.makedirs("root/old")
subprocess.check_call(["mount", "--rbind", "root", "root"])
os.makedirs("root/proc")
subprocess.check_call(["mount", "--rbind", "/proc", "root/proc"])
print(pivot(b"missing", b"missing/old"), os.path.exists("/dev/dax0.0"))
os.chdir("root")
assert pivot(b".", b"old") == 0
for place in ["/old", "../old"]:
    fd = os.open(place + "/dev/dax0.0", os.O_RDWR)
    print(oct(os.stat(place + "/dev/dax0.0").st_mode), os.readlink(f"/proc/self/fd/{fd}"))
    m = mmap.mmap(fd, 2 << 20)
    m[:5] = b"bytes"
print("dax0.0" in os.listdir("/old/dev"), open("/old/sys/bus/dax/devices/dax0.0/size").read(), end="")
print(os.path.exists("/old/old/dev/dax0.0"), os.path.exists("/older/dev/dax0.0"), sorted(os.listdir("/")))
"""


@both_users
@pytest.mark.parametrize("how", ["function", "call"])
def test_the_root_directory_moves(daxrun, how):
    """After pivot_root(2), the node is where the old root directory is."""
    daxrun.write("pivot.py", PIVOT % {"x86_64": 155, "aarch64": 41}[os.uname().machine])
    said = run_in_namespace(daxrun, f"unshare -m /usr/bin/python3 pivot.py {how} && daxio -l 5 -i /dev/dax0.0")
    assert said.splitlines() == ["2 True", *2 * ["0o20600 /old/dev/dax0.0"], "True 4194304",
                                 "False False ['old', 'proc']", "bytes"]


SANDBOX = "bwrap --ro-bind / / --dev /dev --dev-bind /dev/dax0.0 /dev/dax0.0 --chdir /"


@both_users
@pytest.mark.parametrize("more", ["", "--unshare-all --proc /proc --tmpfs /tmp --ro-bind {build} {build} --clearenv"],
                         ids=["plain", "all-unshared"])
def test_a_sandbox_with_the_node(daxrun, more):
    """bwrap makes its mounts after pivot_root(2). The programs inside see a device, not its handle."""
    box = SANDBOX + " " + more.format(build=BUILD)
    said = run_in_namespace(daxrun, f"""set -e; printf stored >text
        {box} -- /bin/sh -c 'stat -c %F /dev/dax0.0; cat /sys/bus/dax/devices/dax0.0/size; daxio -o /dev/dax0.0' <text
        daxio -l 6 -i /dev/dax0.0; {box} --setenv A a {BUSYBOX} stat -c %F /dev/dax0.0""")
    assert said.splitlines() == ["character special file", "4194304", "storedcharacter special file"]


@both_users
def test_a_sandbox_with_the_machines_dev(daxrun):
    """The node is there, and nothing is mounted over it. bwrap makes no file of this name."""
    said = run_in_namespace(daxrun, "bwrap --ro-bind / / --dev-bind /dev/dax0.0 /dev/dax0.0 true 2>&1 || ls /dev/dax*")
    assert "on /newroot/dev/dax0.0: Unable to mount source on destination: No such file" in said
    assert said.endswith("/dev/dax0.0\n")
