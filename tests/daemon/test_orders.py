# SPDX-License-Identifier: BSD-2-Clause
"""The commands create, destroy, enable, disable and watch of cuse-daxctl."""

import errno
import fcntl
import json
import os
import select
import subprocess
import time

import pytest

from conftest import CTL, IS_ROOT, SETPRIV, both_users, in_memory, load_json, needs_root, run
from daxrun import until
from faults import probe_at
from test_tree import snapshot
from wire import CONTROL, pack

CONFIG = """
[region 0]
type=dynamic
size=64M
[device 0.0]
size=16M
[region 2]
size=8M
"""
REGION = "devices/platform/hmem.0/dax_region"


@both_users
def test_create(daemon):
    d = daemon(CONFIG)
    device = load_json(d.ctl("create", "--size", "8M", "--align=4K"))
    assert device == {
        "chardev": "dax0.1", "size": 8 << 20, "align": 4096, "target_node": 0,
        "mode": "devdax", "region": 0, "type": "dynamic", "backing": "memory", "map": "mem",
        "dev": device["dev"], "clients": 0,
    }
    assert d.handle("dax0.1").exists()
    assert d.attr("bus/dax/devices/dax0.1/size") == f"{8 << 20}\n"
    assert load_json(d.ctl("create", "0", "-s", "2M"))["chardev"] == "dax0.2"
    assert load_json(d.ctl("create", "region0", "-s", "0x200000"))["chardev"] == "dax0.3"
    rest = load_json(d.ctl("create", "--region=0"))
    assert rest["chardev"] == "dax0.4"
    assert rest["size"] == (64 - 16 - 8 - 2 - 2) << 20
    assert rest["align"] == 2 << 20
    assert d.attr(f"{REGION}/available_size") == "0\n"


@pytest.mark.parametrize("args,why", [
    (["-s", "3M"], "region 0: the size is not a multiple of the align, and of 2M (EINVAL)"),
    (["-s", "49M"], "not a multiple"),
    (["-s", "50M"], "region 0: the size is more than the region has left (ENOSPC)"),
    (["-a", "8K"], "region 0: the align is not 4K, 2M or 1G (EINVAL)"),
    (["-a", "1G"], "not a multiple of the align"),
    (["-s", "many"], "size: 'many' is not a size (try 256M or 1G)"),
    (["-s", "-2M"], "size: '-2M' is not a size (try 256M or 1G)"),
    (["-a", ""], "align: '' is not a size (try 4K, 2M or 1G)"),
    (["7"], "region '7': there is no such region (ENXIO)"),
    (["all"], "region 'all': there is no such region (ENXIO)"),
    (["2"], "region 2: a static region has the devices that the config gives it (EINVAL)"),
])
def test_create_that_is_refused_changes_nothing(daemon, args, why):
    d = daemon(CONFIG)
    assert load_json(d.ctl("create", "-s", "2M"))["chardev"] == "dax0.1"
    before = snapshot(d)
    result = d.ctl("create", *args)
    assert result.returncode == 1
    assert result.stdout == ""
    assert why in result.stderr
    assert snapshot(d) == before
    assert d.attr(f"{REGION}/create") == "dax0.1\n"


@both_users
def test_destroy(daemon):
    d = daemon(CONFIG)
    before = snapshot(d)
    device = load_json(d.ctl("create"))
    assert load_json(d.ctl("destroy", "dax0.1")) == device
    assert not d.handle("dax0.1").exists()
    assert snapshot(d) == before
    for name, why in [("dax0.1", "'dax0.1': there is no such device (ENODEV; cuse-daxctl list shows all)"),
                      ("dax0.0", "dax0.0: the first device of a region always stays (EBUSY)"),
                      ("dax2.0", "dax2.0: a static region keeps its devices")]:
        result = d.ctl("destroy", name)
        assert result.returncode == 1
        assert why in result.stderr
    assert snapshot(d) == before


@both_users
@pytest.mark.parametrize("name", ["dax0.0", "dax2.0"])
def test_disable_and_enable(daemon, name):
    d = daemon(CONFIG)
    before = snapshot(d)
    assert load_json(d.ctl("disable", name))["state"] == "disabled"
    assert not os.path.islink(d.dir / f"sys/bus/dax/drivers/device_dax/{name}")
    result = d.ctl("disable", name)
    assert (result.returncode, result.stderr) == (
        1, f"cuse-daxctl: {name}: is disabled already (ENODEV)\n")
    assert "state" not in load_json(d.ctl("enable", name))
    assert snapshot(d) == before
    result = d.ctl("enable", name)
    assert (result.returncode, result.stderr) == (
        1, f"cuse-daxctl: {name}: is enabled already (EBUSY)\n")


def test_human(daemon):
    d = daemon(CONFIG)
    title, row = d.ctl("create", "-u", "-s", "8M").stdout.splitlines()
    assert title.split()[:4] == ["DEVICE", "SIZE", "ALIGN", "STATE"]
    assert row.split()[:4] == ["dax0.1", "8M", "2M", "enabled"]
    assert d.ctl("disable", "--human", "dax0.1").stdout.split()[-8:][0:4] != []
    assert "disabled" in d.ctl("list", "-u").stdout


@needs_root
def test_others_may_not(daemon):
    d = daemon(CONFIG)
    for args in (["create"], ["destroy", "dax0.0"], ["enable", "dax0.0"], ["disable", "dax0.0"]):
        result = d.ctl(*args, as_nobody=True)
        assert result.returncode == 1
        assert "only root and the daemon's user may do that (EACCES)" in result.stderr
    assert d.ctl("list", as_nobody=True).returncode == 0


@needs_root
@pytest.mark.parametrize("user", ["nobody"], indirect=True)
def test_root_may_order_anybodys_daemon(daemon):
    d = daemon(CONFIG)
    assert load_json(d.ctl("disable", "dax0.0"))["state"] == "disabled"


@pytest.mark.parametrize("args", [
    ["destroy"], ["enable"], ["disable"], ["destroy", "dax0.0", "dax0.1"], ["create", "0", "1"],
    ["list", "dax0.0"], ["list", "--size=2M"], ["enable", "--align=2M", "dax0.0"], ["create", "-x"],
    ["watch", "x"],
])
def test_wrong_command_lines(args):
    result = run([CTL, *args])
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr


def test_wrong_questions(daemon):
    d = daemon(CONFIG)
    for question, want in [
        ({"verb": "enable"}, errno.EINVAL),
        ({"verb": "enable", "device": 3}, errno.EINVAL),
        ({"verb": "enable", "device": "dax0.0\n"}, errno.ENODEV),
        ({"verb": "create", "size": []}, errno.EINVAL),
        ({"verb": "create", "size": -1}, errno.EINVAL),
        ({"verb": "create", "size": 1 << 64}, errno.EINVAL),
        ({"verb": "create", "align": {}}, errno.EINVAL),
        ({"verb": "create", "region": None}, errno.ENXIO),
        ({"verb": "create", "region": 1 << 40}, errno.ENXIO),
    ]:
        with d.wire() as w:
            error, answer = w.control_raw(json.dumps(question).encode())
        assert (error, list(answer)) == (want, ["error"]), question
    with d.wire() as w:
        error, answer = w.control_raw(b'{"verb": "create", "size": 2097152, "region": 0}')
    assert (error, answer["size"]) == (0, 2 << 20)


class Watch:
    """A running `cuse-daxctl watch` and its output."""

    def __init__(self, daemon, *args):
        before = daemon.control("stats")["daemon"]["watchers"]
        self.process = subprocess.Popen(
            [*(SETPRIV if daemon.as_nobody and IS_ROOT else []), CTL,
             f"--runtime-dir={daemon.dir}", "watch", *args], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 30
        while daemon.control("stats")["daemon"]["watchers"] == before:
            assert time.monotonic() < end and self.process.poll() is None

    def line(self):
        assert select.select([self.process.stdout], [], [], 30)[0], "no event"
        return self.process.stdout.readline()

    def event(self):
        return json.loads(self.line())

    def end(self):
        self.process.kill()
        self.process.communicate()


@both_users
def test_watch(daemon):
    d = daemon(CONFIG)
    watch = Watch(d)
    began = time.time()
    device = load_json(d.ctl("create", "-s", "2M"))
    event = watch.event()
    assert began - 1 < event.pop("time") < time.time() + 1
    assert event == {"event": "appear", **device}
    d.ctl("disable", "dax0.1")
    event = watch.event()
    assert (event["event"], event["chardev"], event["state"]) == ("change", "dax0.1", "disabled")
    # Writes to sysfs cause events as well.
    assert d.store("bus/dax/devices/dax0.1/size", "4194304") == 0
    event = watch.event()
    assert (event["event"], event["chardev"], event["size"]) == ("change", "dax0.1", 4 << 20)
    d.ctl("destroy", "dax0.1")
    event = watch.event()
    assert (event["event"], event["chardev"]) == ("vanish", "dax0.1")
    with d.wire() as w, d.opened("dax0.0") as fd:
        w.attach(fd).close()
        event = watch.event()
        assert (event["event"], event["chardev"], event["pid"]) == ("attach", "dax0.0", os.getpid())
    assert d.control("stats")["daemon"]["watchers"] == 1
    watch.end()
    wait_for(lambda: d.control("stats")["daemon"]["watchers"] == 0)


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end


def test_watch_human(daemon):
    d = daemon(CONFIG)
    watch = Watch(d, "--human")
    d.ctl("disable", "dax0.0")
    words = watch.line().split()
    assert words[1:] == ["change", "dax0.0", "size", "16M", "align", "2M", "state", "disabled",
                         "clients", "0"]
    watch.end()


def test_watch_ends_with_the_daemon(daemon):
    d = daemon(CONFIG)
    watch = Watch(d)
    d.stop()
    out, err = watch.process.communicate(timeout=30)
    assert (watch.process.returncode, out) == (1, "")
    assert err == "cuse-daxctl: the daemon has exited\n"


@both_users
def test_watch_one_device(daemon):
    d = daemon(CONFIG)
    watch = Watch(d, "/dev/dax0.1")
    d.ctl("disable", "dax0.0")
    d.ctl("create", "-s", "2M")
    event = watch.event()
    assert (event["event"], event["chardev"]) == ("appear", "dax0.1")
    watch.end()


def test_watch_follows_the_next_daemon(daemon):
    """With --follow, watch waits for the next daemon and says that there is one."""
    d = daemon(CONFIG)
    watch = Watch(d, "--follow", "dax0.0")
    d.stop()
    assert watch.process.stderr.readline() == (
        "cuse-daxctl: the daemon has exited, waiting for the next one\n")
    d.start()
    event = watch.event()
    assert event["event"] == "restart" and event["time"] <= time.time() + 0.01  # it is rounded
    d.ctl("disable", "dax0.0")
    event = watch.event()
    assert (event["event"], event["chardev"]) == ("change", "dax0.0")
    watch.end()


@pytest.mark.parametrize("args", [["watch", "x"], ["map", "-w"], ["map", "-w", "dax0"],
                                  ["map", "--follow", "dax0.0"], ["list", "--watch"]])
def test_watch_usage_errors(args):
    result = run([CTL, *args])
    assert (result.returncode, result.stdout) == (2, "") and result.stderr


def test_watchers_have_a_limit_and_are_forgotten(daemon):
    d = daemon(CONFIG)
    fds = d.fds()
    watches = [Watch(d) for _ in range(16)]
    result = d.ctl("watch")
    assert result.returncode == 1
    assert "too many watchers" in result.stderr
    for w in watches:
        w.end()
    wait_for(lambda: d.control("stats")["daemon"]["watchers"] == 0 and d.fds() == fds)


def test_who_does_not_read_is_told_what_was_lost(daemon):
    d = daemon(CONFIG)
    with d.wire() as w:
        pipe = w.ask(pack(CONTROL, b'{"verb":"watch"}')).fds.pop()
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    unbind, bind = "bus/dax/drivers/device_dax/unbind", "bus/dax/drivers/device_dax/bind"
    fd_u = os.open(d.dir / "sys" / unbind, os.O_WRONLY)
    fd_b = os.open(d.dir / "sys" / bind, os.O_WRONLY)
    count = 0
    with d.wire() as w:
        for _ in range(40):
            assert w.store(fd_u, unbind, b"dax0.0") == 0
            assert w.store(fd_b, bind, b"dax0.0") == 0
            count += 2
    os.close(fd_u)
    os.close(fd_b)
    os.set_blocking(pipe, False)
    data = b""
    try:
        while True:
            data += os.read(pipe, 1 << 20)
    except BlockingIOError:
        pass
    lines = data.splitlines()
    assert 0 < len(lines) < count
    d.ctl("disable", "dax0.0")
    told = [json.loads(line) for line in os.read(pipe, 1 << 20).splitlines()]
    assert [e["event"] for e in told] == ["lost", "change"]
    assert told[0]["count"] == count - len(lines)
    os.close(pipe)


@needs_root
@pytest.mark.parametrize("user", ["root"], indirect=True)
def test_where_only_root_may_enter(workdir, new_daemon):
    """In a directory that only root may enter, the agent of root's client, which is not root, still
    follows the device; the daemon does not wait in vain."""
    (in_memory(workdir) / "private").mkdir(mode=0o700)
    d = new_daemon("private/rt").start("[region 0]\nsize=64M\n", env={"DAXD_LOG": "debug"})
    with probe_at(d) as probe:
        assert probe("open") == probe("mmap 0 0x4000000") == "ok"
        load_json(d.ctl("disable", "dax0.0"))
        assert "SIGBUS" in probe("load 0"), "the mapping was not taken away"
    assert "not all processes have followed" not in d.output()


@needs_root
@pytest.mark.parametrize("user", ["root"], indirect=True)
def test_a_program_that_gives_up_root_where_only_root_may_enter(workdir, new_daemon):
    """After giving up root, every thread of the program still reports faults, and its mappings still
    follow the device."""
    (in_memory(workdir) / "private").mkdir(mode=0o700)
    log = workdir / "faults"
    d = new_daemon("private/rt").start("[region 0]\nsize=64M\n", f"--fault-log={log}",
                                       env={"DAXD_LOG": "debug"})

    def calls():
        return [json.loads(line)["call"] for line in log.read_text().splitlines()]

    with probe_at(d) as probe:
        assert probe("open") == probe("mmap 0 0x4000000") == probe("nobody") == "ok"
        load_json(d.ctl("fault", "add", "touch delay:20ms times:1"))
        answer, us = probe.timed("load 0")
        assert answer == "0" and us >= 20000
        until(lambda: calls() == ["touch"], "the thread that delays has told it")
        load_json(d.ctl("fault", "add", "poison offset:4M length:2M msync nth:1"))
        assert probe("load 0x400000") == "0" and probe("msync") == "ok"
        assert probe("load 0x400005") == f"SIGBUS BUS_MCEERR_AR offset={0x400005} lsb=21"
        assert calls() == ["touch", "msync", "touch"]
        # A forked child has no agent and no access to the directory. It follows the device all
        # the same, and the daemon does not wait for it.
        probe.process.stdin.write("fork scan 0x200000\n")
        assert probe.line() == f"BUS_MCEERR_AR@{0x400000} bad=1 sum=0"
    assert "not all processes have followed" not in d.output()
