# SPDX-License-Identifier: BSD-2-Clause
"""The runtime directory: its content, its permissions, and its removal."""

import os
import pathlib
import re
import select
import signal
import stat
import subprocess

import pytest

from conftest import (DAEMON, IS_ROOT, NOBODY, TIMEOUT, both_users, environment, file_mode,
                      needs_root, run)
from wire import ALIVE, GONE, NDCTL

STICKY = stat.S_ISVTX


@both_users
def test_what_is_there(daemon):
    d = daemon("[region 0]\n[device 0.0]\nsize=4M\n[device 0.1]\nsize=4M\n")
    assert sorted(os.listdir(d.dir)) == ["control.sock", "dev", "lock", "proc", "state", "stores",
                                         "sys"]
    assert sorted(os.listdir(d.dir / "dev")) == ["dax0.0", "dax0.1", "ndctl0"]
    assert file_mode(d.dir) == 0o755
    assert file_mode(d.dir / "control.sock") == 0o666
    assert file_mode(d.dir / "state") == 0o444
    assert file_mode(d.dir / "stores") == 0o600
    assert (d.dir / "lock").read_text().split()[0] == str(d.pid)


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o377])
def test_the_umask_does_not_count(new_daemon, mask):
    d = new_daemon()
    before = os.umask(mask)
    try:
        d.start("[region 0]\nmode=0664\nsize=4M\n")
    finally:
        os.umask(before)
    assert file_mode(d.dir) == 0o755
    assert file_mode(d.dir / "dev") == 0o755
    assert file_mode(d.dir / "sys/bus/dax") == 0o755
    assert file_mode(d.handle("dax0.0")) == 0o664 | STICKY
    assert file_mode(d.dir / "sys/bus/dax/devices/dax0.0/size") == 0o444 | STICKY


def test_no_ndctl_without_a_static_region(daemon):
    d = daemon("[region 0]\ntype=dynamic\n")
    assert os.listdir(d.dir / "dev") == ["dax0.0"]


@needs_root
def test_handles_carry_mode_and_owner(daemon):
    d = daemon("[region 0]\nmode=0640\nowner=3\ngroup=5\n[device 0.0]\nsize=4M\n"
               "[device 0.1]\nsize=4M\nmode=0\nowner=7\n")
    st = os.stat(d.handle("dax0.0"))
    assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (0o640 | STICKY, 3, 5)
    st = os.stat(d.handle("dax0.1"))
    assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (STICKY, 7, 5)
    st = os.stat(d.handle("ndctl0"))
    assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_size) == (0o600 | STICKY, 0, 0)


@needs_root
@pytest.mark.parametrize("user", ["nobody"], indirect=True)
def test_an_owner_that_cannot_be_given(new_daemon):
    assert "dax0.0: can't be given to uid 3 and gid 65534: Operation not permitted (run the " \
        "daemon as root, or" in new_daemon().fail("[region 0]\nowner=3\nsize=4M\n")


@both_users
def test_state_pages(daemon):
    d = daemon("[region 0]\n[device 0.0]\nsize=4M\n[device 0.7]\nsize=8M\n[region 2]\npages=no\n"
               "align=4K\nsize=16K\n")
    state = d.state()
    pages = state.pages
    assert bytes(state.map[:8]) == b"daxstate"
    assert (pages.version, pages.size, pages.flags, pages.nr_slots) == (2, state.size, 0, 4)
    assert pages.devtmpfs_dev == os.stat("/dev").st_dev
    assert pages.sysfs_dev == os.stat("/sys").st_dev
    assert pages.runtime_dev == os.stat(d.dir).st_dev
    names = {}
    for _, handle, device in state.devices():
        name = device.name.decode()
        st = os.stat(d.handle(name))
        assert (handle.dev, handle.ino) == (st.st_dev, st.st_ino)
        names[name] = (device.region_id, device.id, device.size, device.align, device.flags,
                       device.major, device.minor)
    major, ndctl = pages.major, pages.ndctl_major
    assert names == {
        "dax0.0": (0, 0, 4 << 20, 2 << 20, ALIVE, major, 0),
        "dax0.7": (0, 7, 8 << 20, 2 << 20, ALIVE, major, 1),
        "dax2.0": (2, 0, 16 << 10, 4096, ALIVE | 1 << 3, major, 2),
        "ndctl0": (0, 0, 0, 0, ALIVE | NDCTL, ndctl, 0),
    }
    lives = [device.life for _, _, device in state.devices()]
    assert len(set(lives)) == 4 and 0 not in lives


def test_clients_cannot_write_the_state_pages(daemon):
    d = daemon()
    result = run(["dd", "if=/dev/zero", f"of={d.dir}/state", "count=1", "conv=notrunc"],
                 as_nobody=True)
    assert result.returncode != 0 and "Permission denied" in result.stderr


def test_device_numbers_are_nobody_elses(daemon):
    d = daemon()
    pages = d.state().pages
    taken = set()
    for line in pathlib.Path("/proc/devices").read_text().split("\n\n")[0].splitlines()[1:]:
        taken.add(int(line.split()[0]))
    taken |= {int(name.split(":")[0]) for name in os.listdir("/sys/dev/char")}
    for major in (pages.major, pages.ndctl_major):
        assert major not in taken
        assert 234 <= major <= 254 or 384 <= major <= 511
    assert pages.major != pages.ndctl_major


def test_proc_devices(daemon):
    d = daemon()
    pages = d.state().pages
    host = pathlib.Path("/proc/devices").read_text()
    ours = (d.dir / "proc/devices").read_text()
    characters, blocks = ours.split("\nBlock devices:\n")
    lines = characters.splitlines()
    assert lines[0] == "Character devices:"
    assert f"{pages.major:3} dax" in lines and f"{pages.ndctl_major:3} ndctl" in lines
    majors = [int(line.split()[0]) for line in lines[1:]]
    assert majors == sorted(majors)
    assert [line for line in lines if line.split()[-1] not in ("dax", "ndctl")] == \
        [line for line in host.split("\nBlock devices:\n")[0].splitlines()
         if line.split()[-1] not in ("dax", "ndctl")]
    assert blocks == host.split("\nBlock devices:\n")[1]
    assert sum(line.endswith(" dax") for line in lines) == 1
    assert file_mode(d.dir / "proc/devices") == 0o444 | STICKY


@both_users
def test_a_second_daemon_is_refused(new_daemon):
    d = new_daemon().start()
    assert new_daemon().fail() == (f"cuse-daxd: {d.dir}: is in use by the daemon with pid {d.pid} "
                                   "(stop it, or give another --runtime-dir)\n")
    assert d.control("list")
    d.stop()
    new_daemon().start()


def test_of_many_that_start_at_once_one_wins(new_daemon, workdir):
    d = new_daemon()
    others = [subprocess.Popen(d.command(None), stderr=subprocess.PIPE, text=True,
                               env=environment()) for _ in range(8)]
    losers = []
    while len(losers) < 7:
        pid, status = os.waitpid(-1, 0)
        loser = next(p for p in others if p.pid == pid)
        assert os.waitstatus_to_exitcode(status) == 1
        assert "is in use by the daemon" in loser.stderr.read()
        loser.returncode = 1
        loser.stderr.close()
        losers.append(loser)
    winner = next(p for p in others if p not in losers)
    winner.terminate()
    assert winner.communicate(timeout=TIMEOUT)[1] == ""
    assert winner.returncode == 0


def test_parent_that_is_not_there(new_daemon, workdir):
    d = new_daemon()
    d.dir = workdir / "no" / "rt"
    assert "can't be made: No such file or directory (make its parent, or give another" in d.fail()


def test_a_file_in_its_place(new_daemon, workdir):
    d = new_daemon()
    d.dir.touch()
    assert f"{d.dir}: is not a directory that can be used" in d.fail()
    d.dir.unlink()
    (workdir / "elsewhere").mkdir()
    d.dir.symlink_to("elsewhere")
    assert "is not a directory that can be used" in d.fail()
    assert os.listdir(workdir / "elsewhere") == []
    d.dir.unlink()


@needs_root
def test_a_directory_of_somebody_else(new_daemon):
    d = new_daemon()
    d.dir.mkdir()
    os.chown(d.dir, NOBODY, NOBODY)
    assert f"{d.dir}: belongs to uid 65534, the daemon is uid 0 (remove it, or give" in d.fail()
    os.chown(d.dir, 0, 0)
    d.dir.chmod(0o777)
    assert f"{d.dir}: others may write to it (chmod 0755 it, or" in d.fail()
    assert os.listdir(d.dir) == []
    d.dir.rmdir()


def test_long_paths(new_daemon, workdir):
    """The runtime directory's path may be longer than a socket address."""
    long = workdir / ("x" * 200)
    long.mkdir()
    d = new_daemon()
    d.dir = long / "rt"
    d.start()
    assert d.control("list")
    assert d.ctl("list").returncode == 0


@both_users
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_removes_all(daemon, number):
    d = daemon()
    d.stop(number)
    assert not d.dir.exists()
    assert d.output() == ""


def test_a_directory_that_was_there_stays(new_daemon):
    d = new_daemon()
    d.dir.mkdir()
    d.start().stop()
    assert os.listdir(d.dir) == []
    (d.dir / "mine").touch()
    d.start().stop()
    assert os.listdir(d.dir) == ["mine"]
    (d.dir / "mine").unlink()
    d.dir.rmdir()


def test_foreign_files_in_our_directory_stay(daemon):
    d = daemon()
    (d.dir / "mine").touch()
    d.stop()
    assert os.listdir(d.dir) == ["mine"]
    (d.dir / "mine").unlink()
    d.dir.rmdir()


def test_sighup_is_not_the_end(daemon):
    d = daemon()
    os.kill(d.pid, signal.SIGHUP)
    assert d.control("list")
    d.stop()
    assert "SIGHUP" in d.output()


def test_a_stop_while_clients_are_connected(daemon):
    d = daemon()
    wires = [d.wire() for _ in range(20)]
    with d.opened("dax0.0") as fd:
        wires[0].attach(fd).close()
    d.stop()
    for wire in wires:
        wire.close()


def test_exit_with(new_daemon):
    other = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    d = new_daemon().start(None, f"--exit-with={other.pid}")
    assert d.control("list")
    other.stdin.close()
    other.wait(TIMEOUT)
    assert d.process.wait(TIMEOUT) == 0
    d.process = None
    assert not d.dir.exists()


def test_exit_with_a_process_that_is_not_there(new_daemon):
    other = subprocess.Popen(["true"])
    other.wait(TIMEOUT)
    assert f"--exit-with: process {other.pid} can't be watched: No such process" in \
        new_daemon().fail(None, f"--exit-with={other.pid}")


@both_users
def test_background(new_daemon, user):
    d = new_daemon()
    command = [x for x in d.command("[region 0]\nsize=4M\n") if x != "--foreground"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment(),
                            timeout=TIMEOUT, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    # The daemon is up when the command returns, and has a session of its own.
    pid = d.control("stats")["daemon"]["pid"]
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/fd/2") == "/dev/null" if IS_ROOT else True
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    assert select.select([pidfd], [], [], TIMEOUT)[0]
    os.close(pidfd)
    assert not d.dir.exists()


def test_errors_before_going_to_the_background(new_daemon, workdir):
    d = new_daemon()
    command = [x for x in d.command(f"[region 0]\nbacking=pmem:{workdir}\n")
               if x != "--foreground"]
    result = run(command)
    assert result.returncode == 1 and "is a directory" in result.stderr
    assert not d.dir.exists()


def test_ready_fd_in_the_background(new_daemon):
    d = new_daemon()
    r, w = os.pipe()
    command = [x for x in d.command(None, f"--ready-fd={w}") if x != "--foreground"]
    assert subprocess.run(command, pass_fds=[w], env=environment(), timeout=TIMEOUT,
                          check=False).returncode == 0
    os.close(w)
    with os.fdopen(r) as ready:
        assert ready.read() == f"{d.dir}\n"
    pid = int((d.dir / "lock").read_text().split()[0])
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    assert select.select([pidfd], [], [], TIMEOUT)[0]
    os.close(pidfd)


@needs_root
@pytest.mark.parametrize("user", ["nobody"], indirect=True)
def test_default_directories(new_daemon, workdir):
    for env, expected in (({"XDG_RUNTIME_DIR": str(workdir)}, f"{workdir}/cuse-daxd"),
                          ({}, f"/tmp/cuse-daxd-{NOBODY}")):
        result = run([DAEMON, "--dump-config"], env=env, as_nobody=True)
        assert re.search("^runtime-dir=(.*)$", result.stdout, re.M)[1] == expected
    result = run([DAEMON, "--dump-config"])
    assert "runtime-dir=/run/cuse-daxd\n" in result.stdout


@needs_root
def test_no_room_in_the_runtime_directory(new_daemon, small_fs):
    """Without room, a start fails with a message; a running daemon adds missing files once there is
    room again."""
    fs = small_fs("nr_inodes=60")
    d = new_daemon()
    d.dir = fs / "rt"
    assert "No space left on device (check the room there)" in d.fail()
    subprocess.run(["mount", "-o", "remount,nr_inodes=300", fs], check=True)
    d.start("[region 0]\ntype=dynamic\nsize=64M\n[device 0.0]\nsize=4M\n")

    def tree():
        return sorted(os.path.join(top, name) for top, names, files in os.walk(d.dir / "sys")
                      for name in names + files)

    before = tree()
    region = "devices/platform/hmem.0/dax_region"
    for _ in range(20):
        assert d.store(f"{region}/create", "1") == 0
    assert "No space left on device" in d.output() and "continuing without" in d.output()
    assert not all((d.dir / f"sys/bus/dax/devices/dax0.{n}/size").exists() for n in range(1, 21))
    subprocess.run(["mount", "-o", "remount,nr_inodes=2000", fs], check=True)
    assert d.store(f"{region}/create", "1") == 0
    assert len(os.listdir(d.dir / "dev")) == 22
    assert len(os.listdir(d.dir / "sys/bus/dax/devices")) == 22
    slots = [slot for slot, _, device in d.state().devices() if device.flags != GONE]
    names = [device.name for _, _, device in d.state().devices() if device.flags != GONE]
    assert len(slots) == len(set(slots)) == len(set(names)) == 22
    for n in range(1, 22):
        assert d.attr(f"bus/dax/devices/dax0.{n}/size") == "0\n"
        assert d.store(f"{region}/delete", f"dax0.{n}") == 0
    assert tree() == before
    d.stop()
