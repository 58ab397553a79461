# SPDX-License-Identifier: BSD-2-Clause
"""mount(2) with a device as the source: a bind mount is the device by another name."""

import shutil

import pytest

from conftest import both_users
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
