# SPDX-License-Identifier: BSD-2-Clause
"""SIGHUP: the daemon reads the config again while programs use the devices."""

import errno
import mmap
import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import (BUILD, IS_ROOT, NOBODY, SETPRIV, TIMEOUT, both_users, environment, file_mode,
                      load_json, needs_root)
from faults import probe_at
from wire import ALIVE, GONE

MIB = 1 << 20
ONE = "[region 0]\n[device 0.0]\nsize=4M\n"


def wait_for(condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def reload(new_daemon, workdir):
    """reload(daemon, config) makes the daemon read another config. It returns the messages."""
    def do(d, config):
        before = d.output()
        (workdir / "config").write_text(config)
        os.kill(d.pid, signal.SIGHUP)
        wait_for(lambda: "SIGHUP: " in d.output()[len(before):] or d.process.poll() is not None)
        d.control("list")	# returns after the reload
        return d.output()[len(before):]

    return do


def seen(d):
    """Return: everything that is visible of the devices."""
    tree = {}
    for top, _, files in os.walk(d.dir / "sys"):
        for name in files:
            path = os.path.join(top, name)
            st = os.lstat(path)
            tree[path] = (st.st_ino, st.st_mtime_ns)
    return (d.control("list"), tree, [(slot, h.dev, h.ino, bytes(dev)) for slot, h, dev in d.state().devices()])


def names(d):
    return [x["chardev"] for x in d.control("list")]


@both_users
def test_new_devices_appear_beside_the_old(new_daemon, reload):
    d = new_daemon().start(ONE)
    state = d.state()
    slot, handle, device = state.find("dax0.0")
    with d.wire() as wire, d.opened("dax0.0") as fd:
        reply = wire.attach(fd)
        m = mmap.mmap(reply.fd, 4 * MIB)
        reply.close()
        m[7] = 42
        reload(d, ONE + "[device 0.1]\nsize=2M\nmode=0640\n[region 3]\nsize=8M\ntype=dynamic\n"
                        "[region 4]\nbacking=memfd\nsize=6M\nalign=4K\n")
        assert names(d) == ["dax0.0", "dax0.1", "dax3.0", "dax4.0"]
        new_slot, new_handle, new = state.find("dax0.0")
        assert (new_slot, bytes(new), new_handle.ino) == (slot, bytes(device), handle.ino) \
            or new.generation == device.generation and new.life == device.life
        assert file_mode(d.handle("dax0.1")) & 0o777 == 0o640
        assert d.attr("bus/dax/devices/dax3.0/size") == f"{8 * MIB}\n"
        with d.opened("dax4.0") as other:
            reply = wire.attach(other)
            assert reply.error == 0 and os.fstat(reply.fd).st_size == 6 * MIB
            reply.close()
        reply = wire.attach(fd)
        with mmap.mmap(reply.fd, 4 * MIB) as again:
            assert again[7] == 42
        reply.close()
    # Another reload keeps the new devices, as if they had been there since the start.
    before = seen(d)
    reload(d, ONE + "[device 0.1]\nsize=2M\nmode=0640\n[region 3]\nsize=8M\ntype=dynamic\n"
                    "[region 4]\nbacking=memfd\nsize=6M\nalign=4K\n")
    assert seen(d) == before


@both_users
def test_what_is_not_in_it_any_more_goes(new_daemon, reload):
    d = new_daemon().start(ONE + "[device 0.1]\nsize=2M\n[region 1]\nsize=4M\ntype=dynamic\n")
    state = d.state()
    slots = {name: state.find(name)[0] for name in ("dax0.0", "dax0.1", "dax1.0")}
    with d.opened("dax0.1") as old, d.wire() as wire:
        reload(d, ONE)
        assert names(d) == ["dax0.0"]
        assert state.slot(slots["dax0.1"]).flags == GONE and state.slot(slots["dax1.0"]).flags == GONE
        assert state.slot(slots["dax0.0"]).flags & ALIVE
        assert wire.attach(old).error == errno.ENXIO
    assert sorted(os.listdir(d.dir / "dev")) == ["dax0.0", "ndctl0"]
    assert os.listdir(d.dir / "sys/bus/dax/devices") == ["dax0.0"]
    reload(d, ONE + "[device 0.1]\nsize=6M\n")
    assert names(d) == ["dax0.0", "dax0.1"]
    assert d.control("list")[1]["size"] == 6 * MIB


@both_users
@pytest.mark.parametrize("config, says", [
    ("[region 0]\nsize=3\n", "config:1: [region 0] size=3 is not a multiple of 2M"),
    ("nonsense", "config:1: "),
    ("[region 0]\n[device 0.0]\nsize=8M\n", "[device 0.0] its size can't change while it exists"),
    ("[region 0]\nalign=4K\n[device 0.0]\nsize=4M\n", "[region 0] can't change while it exists"),
    ("[region 0]\ntype=dynamic\nsize=4M\n", "[region 0] can't change while it exists"),
    (ONE + "minor=5\n", "[device 0.0] its minor can't change while it exists"),
    (ONE + "[region 1]\nsize=2M\n[device 1.0]\nminor=0\n", "[device 1.0] minor=0 is in use"),
    (ONE + "[device 0.1]\nsize=2M\n[region 1]\nsize=2M\n[region 2]\nbacking=pmem:/nowhere/x\nsize=2M\n",
     "the directory /nowhere can't be used"),
    # Detected only when other new devices have already been made.
    (ONE + "[device 0.1]\nsize=2M\nminor=9\n[region 1]\nsize=4M\ntype=dynamic\n[region 2]\n"
     "backing=hugetlb\nalign=1G\nsize=512G\n", "huge pages"),
])
def test_a_bad_config_leaves_everything_as_it_was(new_daemon, reload, config, says):
    d = new_daemon().start(ONE)
    fds = d.fds()
    before = seen(d)
    said = reload(d, config)
    assert says in said and "everything stays as it was" in said, said
    assert seen(d) == before
    wait_for(lambda: d.fds() <= fds)	# the daemon may still be closing connections of this test
    # A correct config can still be loaded.
    reload(d, ONE + "[device 0.1]\nsize=2M\nminor=9\n")
    assert names(d) == ["dax0.0", "dax0.1"] and d.control("list")[1]["dev"].endswith(":9")


def test_a_file_of_a_config_that_fails_is_not_made(new_daemon, reload, workdir):
    d = new_daemon().start(ONE)
    reload(d, ONE + f"[region 1]\nbacking=pmem:{workdir}/image\nsize=2M\n"
                    "[region 2]\nbacking=hugetlb\nalign=1G\nsize=512G\n")
    assert not (workdir / "image").exists()
    reload(d, ONE + f"[region 1]\nbacking=pmem:{workdir}/image\nsize=2M\n")
    assert (workdir / "image").exists() and names(d) == ["dax0.0", "dax1.0"]
    with d.wire() as wire, d.opened("dax1.0") as fd:
        start = d.state().find("dax1.0")[2].ranges[0].start
        reply = wire.attach(fd)
        with mmap.mmap(reply.fd, 2 * MIB, offset=start) as m:
            m[0:4] = b"kept"
        reply.close()
    reload(d, ONE)
    reload(d, ONE + f"[region 1]\nbacking=pmem:{workdir}/image\n")
    with d.wire() as wire, d.opened("dax1.0") as fd:
        reply = wire.attach(fd)
        with mmap.mmap(reply.fd, 2 * MIB, offset=start) as m:
            assert m[0:4] == b"kept"
        reply.close()


@needs_root
def test_modes_and_owners_follow(new_daemon, reload):
    d = new_daemon().start(ONE + "[device 0.1]\nsize=2M\n")
    inode = os.stat(d.handle("dax0.0")).st_ino
    reload(d, f"[region 0]\n[device 0.0]\nsize=4M\nmode=0640\nowner={NOBODY}\ngroup=7\n[device 0.1]\nsize=2M\n")
    st = os.stat(d.handle("dax0.0"))
    assert (st.st_ino, st.st_mode & 0o777, st.st_uid, st.st_gid) == (inode, 0o640, NOBODY, 7)
    assert file_mode(d.handle("dax0.1")) & 0o777 == 0o600


def test_there_is_no_room_behind_a_region(new_daemon, reload):
    """A region cannot grow over the next one, since addresses of existing devices never change."""
    config = ONE + "[region 1]\nsize=2M\n"
    d = new_daemon().start(config)
    before = seen(d)
    assert "there is no room behind its region" in reload(d, config + "[device 0.1]\nsize=4G\n")
    assert seen(d) == before
    reload(d, config + "[device 0.1]\nsize=64M\n[device 0.2]\nsize=2M\n[region 2]\nsize=16G\n")
    assert names(d) == ["dax0.0", "dax0.1", "dax0.2", "dax1.0", "dax2.0"]


def test_standard_input_cannot_be_read_again(new_daemon):
    d = new_daemon().start(None, "--config=-")
    os.kill(d.pid, signal.SIGHUP)
    wait_for(lambda: "SIGHUP: the config was read from standard input" in d.output())


@pytest.mark.plain
@both_users
def test_a_hundred_reloads_leave_nothing(new_daemon, reload):
    d = new_daemon().start(ONE)
    other = ONE + "[device 0.1]\nsize=2M\n[region 1]\nsize=4M\ntype=dynamic\n"

    def counts():
        with open(f"/proc/{d.pid}/status") as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        return d.fds(), d.threads(), rss

    for _ in range(3):
        reload(d, other)
        reload(d, ONE)
    before = counts()
    for _ in range(50):
        reload(d, other)
        reload(d, ONE)
    after = counts()
    print(f"descriptors, threads, kB: {before} before, {after} after 100 reloads")
    # The daemon may still be closing two connections of this test.
    assert after[0] <= before[0] + 2 and after[1] == before[1] and after[2] < before[2] + 1024
    assert names(d) == ["dax0.0"]


FAULTS = ("[fault 1]\nrule=mmap errno:ENOMEM nth:1000\n"
          "[fault 2]\nrule=poison device:dax0.0 offset:2M length:2M\n")


@both_users
def test_fault_rules_come_and_go(new_daemon, reload):
    def rules(d):
        return {r["rule"]: (r["id"], r["given"]) for r in load_json(d.ctl("fault", "list"))}

    d = new_daemon().start(ONE + FAULTS)
    first, second = rules(d)
    load_json(d.ctl("fault", "add", "munmap errno:EIO nth:1000"))
    with probe_at(d) as probe:
        assert probe("open") == probe("mmap 0 0x400000") == "ok"
        assert probe("load 0x200000").startswith("SIGBUS BUS_MCEERR_AR")
        before = rules(d)
        # The first rule is replaced; the second one, and the rule added by a request, stay.
        new = ONE + FAULTS.replace("mmap errno:ENOMEM nth:1000", "msync errno:EIO")
        reload(d, new)
        after = rules(d)
        assert first not in after and after[second] == before[second] == (2, 1)
        assert list(after.values()) == [(2, 1), (3, 0), (4, 0)]
        assert probe("load 0x200000").startswith("SIGBUS BUS_MCEERR_AR")
        assert "config:7: " in reload(d, new.replace("offset:2M", "offset:x"))
        before = rules(d)
        assert before.keys() == after.keys()
    # The successor of a killed daemon keeps the numbers of the rules.
    d.kill()
    d.start(new)
    assert {r: n[0] for r, n in rules(d).items()} == {r: n[0] for r, n in before.items()}
    with probe_at(d) as probe:
        assert probe("open") == probe("mmap 0 0x400000") == "ok" and probe("msync") == "EIO"
        assert probe("load 0x200000").startswith("SIGBUS BUS_MCEERR_AR")
        reload(d, ONE)
        assert [n[0] for n in rules(d).values()] == [3]
        assert probe("load 0x200000") == "0" and probe("msync") == "ok"


@both_users
def test_programs_under_the_shim_go_on(new_daemon, reload):
    """A program keeps its mapping through a reload, and can map a new device afterwards."""
    d = new_daemon().start(ONE)
    code = ("import mmap,os,sys\nfd=os.open('/dev/dax0.0',os.O_RDWR)\nm=mmap.mmap(fd,4<<20)\nm[0]=1\n"
            "print('up',flush=True)\nsys.stdin.readline()\nm[1]=m[0]+1\n"
            "n=mmap.mmap(os.open('/dev/dax0.1',os.O_RDWR),2<<20)\nn[0]=m[1]\nprint(n[0],m[1],flush=True)\n")
    env = {**environment(), "LD_PRELOAD": str(BUILD / "libdaxshim.so"), "CUSE_DAXD_RUNTIME_DIR": str(d.dir)}
    command = (SETPRIV if d.as_nobody and IS_ROOT else []) + [sys.executable, "-c", code]
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True, env=env)
    assert p.stdout.readline() == "up\n"
    reload(d, "broken")
    reload(d, ONE + "[device 0.1]\nsize=2M\n")
    p.stdin.write("\n")
    p.stdin.flush()
    assert p.stdout.read() == "2 2\n" and p.wait(TIMEOUT) == 0
    p.stdin.close()
    p.stdout.close()
