# SPDX-License-Identifier: BSD-2-Clause
"""--ready-early: the daemon writes the sysfs tree while the first program starts and waits."""

import ctypes
import mmap
import os
import pathlib
import platform
import signal
import subprocess

import pytest

from conftest import BUILD, TIMEOUT, both_users, environment, needs_root
from daxrun import Daxrun, said, until
from test_tree import snapshot
from wire import StatePages

FUTEX = {"x86_64": 202, "aarch64": 98}[platform.machine()]
# Enough regions that writing their tree takes a while, on a disk as well.
MANY = 16
REGIONS = "".join(f"[region {n}]\ntype=dynamic\nsize=4M\n[device {n}.0]\nsize=2M\n"
                  for n in range(MANY))
LAST = f"bus/dax/devices/dax{MANY - 1}.0"


def wait_for_tree(d):
    state = d.state()
    until(lambda: not state.pages.tree_pending, "the tree is whole")


def but_uuids(tree):
    """Remove the uuids, which every start makes anew."""
    return {path: node for path, node in tree.items() if not path.endswith("/uuid")}


@both_users
def test_it_is_the_same_tree(new_daemon):
    config = REGIONS + "[region 1000]\nsize=4M\n"
    other = new_daemon("other").start(config)
    expected = but_uuids(snapshot(other))
    other.stop()
    d = new_daemon().start(config, "--ready-early")
    # Requests are answered before, during and after the writing of the tree.
    for _ in range(20):
        assert len(d.control("list")) == MANY + 1
    wait_for_tree(d)
    assert but_uuids(snapshot(d)) == expected
    d.stop()
    assert not d.dir.exists()


@both_users
def test_what_changes_meanwhile(new_daemon):
    d = new_daemon().start(REGIONS, "--ready-early")
    made = d.ctl("create", "--region=0", "--size=2M")
    assert made.returncode == 0, made.stderr
    wait_for_tree(d)
    assert d.attr("bus/dax/devices/dax0.1/size") == f"{2 << 20}\n"
    assert d.attr(f"{LAST}/size") == f"{2 << 20}\n"


@both_users
def test_a_stop_in_the_middle(new_daemon):
    d = new_daemon()
    for _ in range(3):
        d.start(REGIONS, "--ready-early")
        d.stop()
        assert not d.dir.exists()


@both_users
@pytest.mark.parametrize("how", [(), ("--ready-early",)])
def test_after_a_crash_in_the_middle(new_daemon, how):
    d = new_daemon()
    d.start(REGIONS, "--ready-early")
    d.kill()
    d.start(REGIONS, *how)
    wait_for_tree(d)
    assert d.attr(f"{LAST}/size") == f"{2 << 20}\n"
    d.stop()
    assert not d.dir.exists()


@needs_root
def test_no_room(new_daemon, small_fs):
    """Without room, the daemon prints a message and no program waits for ever. Missing files are
    added once there is room."""
    fs = small_fs("nr_inodes=60")
    d = new_daemon()
    d.dir = fs / "rt"
    d.start("[region 0]\ntype=dynamic\nsize=8M\n[device 0.0]\nsize=2M\n", "--ready-early")
    wait_for_tree(d)
    assert "No space left on device (check the room there), continuing" in d.output()
    subprocess.run(["mount", "-o", "remount,nr_inodes=2000", fs], check=True)
    assert d.ctl("create", "--region=0", "--size=2M").returncode == 0
    assert d.attr("bus/dax/devices/dax0.1/size") == f"{2 << 20}\n"
    assert d.attr("bus/dax/devices/dax0.0/size") == f"{2 << 20}\n"


class Pending:
    """The state pages of a daemon, changed to say that the tree is not complete."""

    def __init__(self, d):
        path = d.dir / "state"
        path.chmod(0o644)
        fd = os.open(path, os.O_RDWR)
        path.chmod(0o444)
        self.map = mmap.mmap(fd, ctypes.sizeof(StatePages))
        os.close(fd)
        self.word = ctypes.c_uint32.from_buffer(self.map, StatePages.tree_pending.offset)
        self.word.value = 1

    def end(self):
        self.word.value = 0
        libc = ctypes.CDLL(None)
        libc.syscall(FUTEX, ctypes.byref(self.word), 1, 1 << 30, None, None, 0)


def is_waiting(process):
    return pathlib.Path(f"/proc/{process.pid}/syscall").read_text().split()[0] == str(FUTEX)


@pytest.mark.parametrize("command, expected", [
    (["cat", "/sys/bus/dax/devices/dax0.0/size"], "4194304\n"),
    (["readlink", "/sys/bus/dax/devices/dax0.0/driver"], "/device_dax\n"),
    (["find", "/sys/bus/dax/drivers", "-name", "dax0.0"], "/dax0.0\n"),
    (["ls", "/sys/bus"], "\ndax\n"),
    (["test", "-e", "/sys/bus/dax/devices/dax0.0/size"], ""),
    (["sh", "-c", "cd /sys/bus/dax/devices/dax0.0 && cat size"], "4194304\n"),
])
def test_a_program_waits(daemon, command, expected):
    d = daemon("[region 0]\nsize=4M\n")
    pending = Pending(d)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True,
        env={**environment(), "LD_PRELOAD": str(BUILD / "libdaxshim.so"),
             "CUSE_DAXD_RUNTIME_DIR": str(d.dir)})
    until(lambda: is_waiting(process), "it waits for the tree")
    assert process.poll() is None
    pending.end()
    out, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0 and expected in "\n" + out


def test_what_is_not_in_sysfs_does_not_wait(daemon):
    d = daemon("[region 0]\nsize=4M\n")
    pending = Pending(d)
    out = subprocess.run(
        ["sh", "-c", "ls /dev/dax0.0 && grep dax /proc/devices && cat /sys/kernel/fscaps"],
        env={**environment(), "LD_PRELOAD": str(BUILD / "libdaxshim.so"),
             "CUSE_DAXD_RUNTIME_DIR": str(d.dir)},
        text=True, capture_output=True, check=False, timeout=TIMEOUT)
    assert out.returncode == 0 and out.stdout.startswith("/dev/dax0.0\n"), out
    pending.end()


@both_users
def test_a_command_sees_all_from_the_start(workdir, user):
    run = Daxrun(workdir, user)
    run.write("config", REGIONS)
    assert run("-c", "config", "--", "cat", f"/sys/{LAST}/driver/../../devices/dax0.0/size") == \
        f"{2 << 20}\n"
    names = run("-c", "config", "--", "ls", "/sys/bus/dax/drivers/device_dax").split()
    assert len([n for n in names if n.startswith("dax")]) == MANY
    run.check_gone()


@both_users
def test_a_command_that_ends_at_once(workdir, user):
    """If the command ends while the daemon is still starting, the daemon stops and nothing is left
    when daxrun ends."""
    run = Daxrun(workdir, user)
    run.write("config", REGIONS)
    for command in (["true"], ["sh", "-c", "kill -9 $$"], ["sh", "-c", "kill -TERM $PPID"]):
        result = run.any("-c", "config", "--", *command)
        assert result.stderr == "", said(result)
        assert run.left() == ([], {})


@both_users
def test_a_killed_daxrun_leaves_nothing(workdir, user):
    run = Daxrun(workdir, user)
    run.write("config", REGIONS)
    process = run.popen("-c", "config", "--", "sh", "-c", "kill -9 $PPID; exec sleep 100")
    assert process.wait(TIMEOUT) == -signal.SIGKILL
    run.check_gone()
