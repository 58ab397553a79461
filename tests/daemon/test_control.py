# SPDX-License-Identifier: BSD-2-Clause
"""JSON requests that query the daemon, and cuse-daxctl."""

import ctypes
import fcntl
import mmap
import os
import subprocess
import time

import pytest

import wire

from conftest import CTL, IS_ROOT, SETPRIV, both_users, load_json, needs_root, run
from wire import CONTROL, pack

TWO_REGIONS = """
[region 0]
[device 0.0]
size=4M
[device 0.1]
size=6M
[region 3]
type=dynamic
size=1G
align=4K
map=dev
target-node=2
numa-node=1
"""


@both_users
def test_list(daemon):
    d = daemon(TWO_REGIONS)
    devices = d.control("list")
    major = d.state().pages.major
    assert {x.pop("kernel") for x in devices} <= {"6.1", "6.12", "6.18", "7.3"}
    assert [x["chardev"] for x in devices] == ["dax0.0", "dax0.1", "dax3.0"]
    assert devices[1] == {
        "chardev": "dax0.1", "size": 6 << 20, "align": 2 << 20, "target_node": 0,
        "mode": "devdax", "region": 0, "type": "static", "backing": "memory", "pages": 2 << 20,
        "map": "mem",
        "dev": f"{major}:1", "clients": 0,
    }
    assert devices[2] == {
        "chardev": "dax3.0", "size": 1 << 30, "align": 4096, "target_node": 2,
        "mode": "devdax", "region": 3, "type": "dynamic", "backing": "memory", "pages": 4096,
        "map": "dev",
        "dev": f"{major}:2", "clients": 0,
    }


def test_list_tells_what_is_disabled(daemon):
    d = daemon("[region 0]\nsize=4M\n")
    assert "state" not in d.control("list")[0]
    assert d.store("bus/dax/drivers/device_dax/unbind", "dax0.0") == 0
    assert d.control("list")[0]["state"] == "disabled"


def test_list_names_the_file(daemon, workdir):
    d = daemon(f"[region 0]\nbacking=pmem:{workdir}/image\nsize=4M\n")
    assert d.control("list")[0]["path"] == f"{workdir}/image"


def test_clients_are_counted_while_they_live(daemon, workdir):
    d = daemon("[region 0]\nsize=4M\n")
    client = Client(d, "dax0.0")
    assert d.control("list")[0]["clients"] == 1
    with d.wire() as w, d.opened("dax0.0") as fd:
        w.attach(fd).close()
        w.attach(fd).close()
        assert w.control("list")[0]["clients"] == 2
    client.end()
    wait_for(lambda: d.control("list")[0]["clients"] == 1)


class Client:
    """A process that maps a device; it runs as nobody if the daemon does."""

    CODE = """
import sys
fd = os.open(sys.argv[1] + "/dev/" + sys.argv[2], os.O_RDWR)
reply = Wire(sys.argv[1]).attach(fd)
assert reply.error == 0, reply.error
m = mmap.mmap(reply.fd, int(sys.argv[3]), mmap.MAP_SHARED, offset=int(sys.argv[4]))
print("mapped", flush=True)
for line in sys.stdin:
    if line == "fork\\n":
        pid = os.fork()
        if pid == 0:
            reply = Wire(sys.argv[1]).adopt()
            print("adopted", reply.error, flush=True)
            os.read(int(os.environ["HOLD"]), 1)
            os._exit(0)
"""

    def __init__(self, daemon, name, size=2 << 20, offset=0):
        hold, self.hold = os.pipe()
        # Pass the source text, because the user nobody may not be able to read this directory.
        with open(wire.__file__, encoding="utf-8") as f:
            code = f.read() + self.CODE
        self.process = subprocess.Popen(
            (SETPRIV if daemon.as_nobody and IS_ROOT else []) +
            ["/usr/bin/python3", "-c", code, str(daemon.dir), name, str(size), str(offset)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "HOLD": str(hold)}, pass_fds=[hold])
        os.close(hold)
        assert self.process.stdout.readline() == "mapped\n"

    def fork(self):
        self.process.stdin.write("fork\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "adopted 0\n"

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0

    def end_child(self):
        os.close(self.hold)


def wait_for(condition):
    """Poll a condition: the daemon learns of the end of a process only from the kernel."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen"


def test_adopt_takes_over_what_the_parent_uses(daemon):
    d = daemon(TWO_REGIONS)
    client = Client(d, "dax0.1")
    client.fork()
    assert [x["clients"] for x in d.control("list")] == [0, 2, 0]
    client.end()
    wait_for(lambda: [x["clients"] for x in d.control("list")] == [0, 1, 0])
    client.end_child()
    wait_for(lambda: [x["clients"] for x in d.control("list")] == [0, 0, 0])


@both_users
def test_mappings(daemon):
    d = daemon(TWO_REGIONS)
    client = Client(d, "dax0.1", size=4 << 20, offset=2 << 20)
    try:
        mappings = d.control("mappings")
        assert len(mappings) == 1
        m = mappings[0]
        maps = open(f"/proc/{client.process.pid}/maps").read()
        assert int(m.pop("start"), 16) in [int(line.split("-")[0], 16) for line in
                                           maps.splitlines() if "memfd:dax0.1" in line]
        assert m == {"pid": client.process.pid, "comm": "python3", "chardev": "dax0.1",
                     "size": 4 << 20, "offset": 2 << 20, "prot": "rw-"}
    finally:
        client.end()
    assert d.control("mappings") == []


def test_mappings_of_a_shared_store_name_the_device(daemon):
    d = daemon("[region 0]\ntype=dynamic\nsize=8M\n[device 0.0]\nsize=4M\n[device 0.1]\n")
    client = Client(d, "dax0.1", offset=6 << 20)
    try:
        m = d.control("mappings")[0]
        assert (m["chardev"], m["offset"], m["size"]) == ("dax0.1", 2 << 20, 2 << 20)
    finally:
        client.end()


def test_mappings_of_a_pmem_image(daemon, workdir):
    d = daemon(f"[region 0]\nbacking=pmem:{workdir}/image\nsize=4M\n")
    offset = d.state().find("dax0.0")[2].ranges[0].start
    client = Client(d, "dax0.0", offset=offset)
    try:
        m = d.control("mappings")[0]
        assert (m["chardev"], m["offset"], m["size"]) == ("dax0.0", 0, 2 << 20)
    finally:
        client.end()


def test_mappings_are_merged_and_split_as_they_lie(daemon):
    d = daemon("[region 0]\nsize=8M\n")
    with d.wire() as w, d.opened("dax0.0") as fd:
        reply = w.attach(fd)
        m = mmap.mmap(reply.fd, 8 << 20, mmap.MAP_SHARED)
        reply.close()
        libc = ctypes.CDLL(None, use_errno=True)
        address = ctypes.addressof(ctypes.c_char.from_buffer(m))
        assert libc.mprotect(ctypes.c_void_p(address + (2 << 20)), ctypes.c_size_t(2 << 20), 1) == 0
        found = w.control("mappings")
        assert [(int(x["start"], 16) - address, x["size"], x["offset"], x["prot"])
                for x in found] == [(0, 2 << 20, 0, "rw-"), (2 << 20, 2 << 20, 2 << 20, "r--"),
                                    (4 << 20, 4 << 20, 4 << 20, "rw-")]
        # With equal protection the kernel merges them. VMAs that differ only in a flag of the
        # kernel are one mapping in the daemon's list.
        libc.mprotect(ctypes.c_void_p(address + (2 << 20)), ctypes.c_size_t(2 << 20), 3)
        libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(2 << 20), 16)
        assert [x["size"] for x in w.control("mappings")] == [8 << 20]


@needs_root
def test_mappings_of_others_are_not_shown(daemon):
    """Only its own user, the daemon's user and root see the addresses of a process."""
    d = daemon("[region 0]\nsize=4M\nmode=0666\n")
    client = Client(d, "dax0.0")
    try:
        assert len(load_json(d.ctl("mappings"))) == 1
        assert load_json(d.ctl("mappings", as_nobody=True)) == []
    finally:
        client.end()


@both_users
def test_stats(daemon):
    d = daemon(TWO_REGIONS)
    with d.wire() as w, d.opened("dax0.1") as fd, d.opened("dax3.0", os.O_WRONLY) as bad:
        w.attach(fd).close()
        w.attach(fd).close()
        assert w.attach(bad).error
        stats = w.control("stats")
    assert stats["daemon"]["pid"] == d.pid
    assert stats["daemon"]["runtime_dir"] == str(d.dir)
    assert stats["daemon"]["connections"] == 1
    assert stats["daemon"]["attaches"] == 2
    assert stats["daemon"]["refused"] == 1
    assert stats["daemon"]["clients"] == 1
    assert stats["daemon"]["version"]
    assert stats["daemon"]["uptime"] >= 0
    assert [(x["chardev"], x["attaches"], x["refusals"], x["clients"])
            for x in stats["devices"]] == [("dax0.0", 0, 0, 0), ("dax0.1", 2, 0, 1),
                                           ("dax3.0", 0, 1, 0)]


@pytest.mark.parametrize("text", [
    b"", b"{", b"[]", b"7", b'"list"', b"{}", b'{"verb": 7}', b'{"verb": "lost"}',
    b'{"verb": "list"} x', b'{"verb": "list"}\0', b"[" * 32000, b"{" * 100, b"\xff\xfe",
    b'{"verb":' * 50 + b"1" + b"}" * 50,
])
def test_nonsense_is_answered_with_an_error(daemon, text):
    d = daemon()
    with d.wire() as w:
        error, answer = w.control_raw(text)
        assert error == 22 and list(answer) == ["error"]
        assert w.control("list")[0]["chardev"] == "dax0.0"


def test_the_answer_is_sealed(daemon):
    d = daemon()
    with d.wire() as w:
        reply = w.ask(pack(CONTROL, b'{"verb": "list"}'))
        seals = fcntl.fcntl(reply.fd, 1034)  # F_GET_SEALS
        assert seals & 0xf == 0xf
        reply.close()


@both_users
def test_ctl_prints_json(daemon):
    d = daemon(TWO_REGIONS)
    assert load_json(d.ctl("list")) == d.control("list")
    assert load_json(d.ctl("mappings")) == []
    assert load_json(d.ctl("stats"))["daemon"]["pid"] == d.pid


def test_ctl_human(daemon):
    d = daemon(TWO_REGIONS)
    lines = d.ctl("list", "--human").stdout.splitlines()
    assert lines[0].split()[:3] == ["DEVICE", "SIZE", "ALIGN"]
    assert lines[2].split()[:4] == ["dax0.1", "6M", "2M", "enabled"]
    assert "runtime_dir" in d.ctl("-u", "stats").stdout
    assert d.ctl("-u", "mappings").stdout.splitlines()[0].split()[0] == "PID"


def test_ctl_finds_the_daemon_by_the_environment(daemon):
    d = daemon()
    env = {**os.environ, "CUSE_DAXD_RUNTIME_DIR": str(d.dir)}
    assert len(load_json(run([CTL, "list"], env=env))) == 1
    env = {**os.environ, "XDG_RUNTIME_DIR": str(d.dir.parent)}
    os.rename(d.dir, d.dir.parent / "cuse-daxd")
    try:
        assert len(load_json(run([CTL, "list"], env=env))) == 1
    finally:
        os.rename(d.dir.parent / "cuse-daxd", d.dir)


def test_ctl_without_a_daemon(workdir):
    result = run([CTL, "list"], env={"XDG_RUNTIME_DIR": str(workdir)}, as_nobody=True)
    assert result.returncode == 1
    assert "/run/cuse-daxd: No such file" in result.stderr
    assert f"{workdir}/cuse-daxd: No such file" in result.stderr
    assert "start cuse-daxd" in result.stderr
    result = run([CTL, "--runtime-dir=/nonexistent", "list"])
    assert result.returncode == 1 and "/nonexistent" in result.stderr


@needs_root
def test_ctl_does_not_trust_a_directory_of_somebody_else(new_daemon):
    """cuse-daxctl does not connect to another user's daemon in /tmp/cuse-daxd-UID."""
    d = new_daemon("cuse-daxd").start()
    os.chown(d.dir, 12345, 12345)
    try:
        result = run([CTL, "list"], env={"XDG_RUNTIME_DIR": str(d.dir.parent)})
        assert result.returncode == 1 and "belongs to uid 12345" in result.stderr
    finally:
        os.chown(d.dir, 0, 0)


@pytest.mark.parametrize("args", [[], ["lost"], ["list", "list"], ["--lost", "list"], ["-r"]])
def test_ctl_usage_errors(args):
    result = run([CTL, *args])
    assert result.returncode == 2 and result.stderr


@pytest.mark.parametrize("args, says", [
    (["lst"], "'lst' is not a verb (did you mean 'list'? see --help)"),
    (["frobnicate"], "'frobnicate' is not a verb (see --help)"),
    (["--humna", "list"], "unknown option '--humna' (did you mean '--human'? see --help)"),
    (["--human=1", "list"], "option '--human' takes no value (see --help)"),
    (["create", "-s"], "option '-s' needs a value (see --help)"),
    (["-x"], "unknown option '-x' (see --help)"),
    (["list", "dax0.0"], "list: 'dax0.0' is one argument too many (see --help)"),
    (["inject", "dax0.0", "4M"], "inject: '4M' is one argument too many (see --help)"),
    (["fault", "list", "1"], "fault list: '1' is one argument too many (see --help)"),
    (["fault", "remove", "1", "2"], "fault remove: '2' is one argument too many (see --help)"),
])
def test_ctl_explains_usage_errors(args, says):
    result = run([CTL, *args])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"cuse-daxctl: {says}\n"


def test_ctl_help_names_every_verb():
    result = run([CTL, "--help"])
    assert result.returncode == 0
    for verb in ("list", "mappings", "stats"):
        assert f"\n  {verb} " in result.stdout


def test_ctl_says_that_nothing_could_be_printed(daemon):
    d = daemon()
    with open("/dev/full", "w") as full:
        result = subprocess.run([CTL, f"--runtime-dir={d.dir}", "list"], stdout=full,
                                stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1 and "standard output" in result.stderr

