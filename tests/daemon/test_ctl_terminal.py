# SPDX-License-Identifier: BSD-2-Clause
"""cuse-daxctl on terminals: lines fit, colours, and output that is kept current."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from conftest import CTL, environment

MIB = 1 << 20
LONG = "l" * 60


class Terminal:
    """cuse-daxctl on a terminal of this width."""

    def __init__(self, daemon, *args, columns=80, **env):
        self.end_ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
        full = {**environment(), "TERM": "xterm", **env}
        full = {k: v for k, v in full.items() if v is not None}
        self.process = subprocess.Popen([CTL, f"--runtime-dir={daemon.dir}", *args],
                                        stdin=theirs, stdout=theirs, stderr=theirs, env=full)
        os.close(theirs)
        self.text = ""

    def read(self, until=None):
        """Read until this text is there, or to the end. Return: all text so far."""
        deadline = time.monotonic() + 60
        while not (until and until in self.text):
            assert select.select([self.end_ours], [], [], 60)[0], self.text
            assert time.monotonic() < deadline, self.text
            try:
                data = os.read(self.end_ours, 4096)
            except OSError:  # EIO: the program has exited
                break
            if not data:
                break
            self.text += data.decode().replace("\r\n", "\n")
        return self.text

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.end_ours)


@pytest.fixture
def terminal():
    with contextlib.ExitStack() as stack:
        def start(*args, **kwargs):
            t = Terminal(*args, **kwargs)
            stack.callback(t.close)
            return t
        yield start


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def two_regions(workdir):
    return (f"[region 0]\nsize=64M\n[region 1]\nsize=128M\n"
            f"backing=pmem:{workdir}/{LONG}\n")


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_tables_fit(daemon, workdir, terminal, columns):
    d = daemon(two_regions(workdir))
    for verb in ("list", "stats", "mappings"):
        text = plain(terminal(d, "-u", verb, columns=columns).read())
        assert max(map(len, text.splitlines())) <= columns, text
    lines = plain(terminal(d, "-u", "list", columns=columns).read()).splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["DEVICE", "SIZE"], ["dax0.0", "64M"], ["dax1.0", "128M"]]


def test_nothing_is_cut_off_in_a_pipe(daemon, workdir):
    d = daemon(two_regions(workdir))
    lines = d.ctl("-u", "list").stdout.splitlines()
    assert lines[0].split() == ["DEVICE", "SIZE", "ALIGN", "STATE", "TYPE", "NODE", "DEV",
                                "CLIENTS", "BAD", "KERNEL", "BACKING", "PATH"]
    assert lines[2].endswith(f"/{LONG}") and "\x1b" not in "".join(lines)
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("env, is_colored", [
    ({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False),
    ({"TERM": None}, False)])
def test_colors(daemon, terminal, env, is_colored):
    """Bad memory is red, on terminals only and unless the user declines."""
    d = daemon("[region 0]\nsize=64M\n")
    d.ctl("inject", "dax0.0", "--offset=2M", "--length=4M")
    listed = terminal(d, "-u", "list", **env).read()
    strip = terminal(d, "-u", "map", "dax0.0", **env).read()
    assert ("\x1b[31m" in listed) == ("\x1b[1;31mXX\x1b[0m" in strip) == is_colored
    assert plain(listed).splitlines()[1].split()[8] == "4M"
    assert plain(strip).splitlines()[1:] == [". 60M free  - 0 mapped  # 0 touched  X 4M bad",
                                             "         0  .XX" + 29 * "."]


@pytest.mark.parametrize("columns, width", [(200, 64), (76, 64), (75, 48), (60, 48), (30, 16), (20, 8)])
def test_a_map_fits(daemon, terminal, columns, width):
    d = daemon("[region 0]\nsize=256M\n")
    lines = terminal(d, "-u", "map", "dax0.0", columns=columns).read().splitlines()
    assert [line.split()[1] for line in lines[2:]] == [width * "."] * (128 // width) + \
        [128 % width * "."] * (128 % width > 0)


def test_a_map_is_kept_current(daemon, terminal):
    d = daemon("[region 0]\nsize=8M\n")
    t = terminal(d, "-u", "map", "--watch", "/dev/dax0.0", NO_COLOR="1")
    t.read("0  ....\n")
    d.ctl("inject", "dax0.0", "--offset=2M", "--length=2M")
    assert "\x1b[H\x1b[J" in t.read("0  .X..\n")
    d.ctl("clear", "dax0.0")
    assert t.read("0  .X..\n" + "\x1b[H\x1b[J").count("each 2M") >= 2
    d.stop()
    t.read()
    assert t.process.wait(60) == 1 and "the daemon does not reply" in t.text


def test_a_map_in_a_pipe_is_a_line_for_each_change(daemon):
    d = daemon("[region 0]\nsize=8M\n")
    with subprocess.Popen([CTL, f"--runtime-dir={d.dir}", "map", "-w", "dax0.0"], text=True,
                          stdout=subprocess.PIPE) as process:
        try:
            assert json.loads(process.stdout.readline())["map"] == "...."
            d.ctl("inject", "dax0.0", "--offset=6M", "--length=2M")
            assert json.loads(process.stdout.readline())["map"] == "...X"
        finally:
            process.kill()
