# SPDX-License-Identifier: BSD-2-Clause
"""Slow memory: delayed first touches, and the fallback without userfaultfd."""

import re
import subprocess

import pytest

from conftest import both_users
from daxrun import Daxrun, prog, until
from faults import DAXRUN, MIB, events, probe_at, run_probe
from test_faults_memory import AT, SIZE, control, store  # noqa: F401

LATE = 60000  # microseconds


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    yield d
    d.check_gone()


def assert_soon(first, again):
    """Check that no first touch waits for LATE, by comparing the fastest with the fastest repeated
    touch."""
    assert min(first) < min(again) + LATE, (first, again)


@both_users
def test_each_unit_is_late_once(daemon, store):  # noqa: F811
    """The first touch of each unit is delayed once, in memory; rules for files are refused, as files
    cannot be registered with a userfaultfd."""
    d = daemon(store["text"]())
    rule = {"action": "add", "rule": f"device:0.0 touch delay:{LATE}us"}
    if store["name"] == "pmem":
        result = d.ctl("fault", "add", rule["rule"])
        assert result.returncode == 1 and "it is in a file" in result.stderr
        return
    unit = store["bytes"]

    def given():
        return control(d, "stats")["faults"]["given"]

    with probe_at(d) as p:
        assert p("open") == "ok" and p(f"mmap 0 {SIZE}") == "ok"
        assert p("store 5 3") == "ok"
        control(d, "fault", **rule)
        # Memory touched before the rule counts as untouched from here on.
        for off, first in ((0, True), (5, False), (unit - 1, False), (unit, True),
                           (unit + 8, False), (AT, True)):
            answer, us = p.timed(f"load {off}")
            assert answer == ("3" if off == 5 else "0")
            assert us >= LATE or not first, off
        answer, us = p.timed(f"store {20 * MIB} 7")
        assert answer == "ok" and us >= LATE
        # Count reported delays, as a busy machine can be slow by itself: each unit once.
        until(lambda: given() >= 4, "all have been told")
        assert given() == 4
        # Another process has its own first touches, and so has another mapping.
        answer = p("fork timed load 0")
        assert answer == "0" and int(p.line().removeprefix("us=")) >= LATE
        assert p(f"mmap 0 {SIZE}") == "ok"
        assert p.timed(f"load {20 * MIB}")[1] >= LATE
        # Touches are reported late; those of the child perhaps not before it ended.
        until(lambda: given() >= 5, "all have been told")
        control(d, "fault", action="remove", rule="1")
        before = given()
        assert before <= 6
        lines = [f"load {off * MIB}" for off in range(40, 60, 2)]
        assert_soon([p.timed(line)[1] for line in lines], [p.timed(line)[1] for line in lines])
        assert given() == before


@pytest.mark.parametrize("when, late", [
    ("always", [1, 1, 1, 1, 1, 1]), ("nth:3", [0, 0, 1, 0, 0, 0]),
    ("every:2", [0, 1, 0, 1, 0, 1]), ("times:2", [1, 1, 0, 0, 0, 0]),
    ("offset:4M length:4M", [0, 0, 1, 1, 0, 0]), ("probability:0", [0] * 6),
    ("comm:other", [0] * 6), ("comm:fault_probe", [1] * 6), ("after:3000s", [0] * 6),
    ("while:/there/is/none", [0] * 6),
])
def test_when(daxrun, when, late):
    lines = ["open", f"mmap 0 {16 * MIB}"] + [f"timed load {n * 2 * MIB}" for n in range(6)] * 2
    out, result = run_probe(daxrun, lines, "--fault", f"touch delay:{LATE}us {when}",
                            "--fault-log", daxrun.dir / "log")
    times = [int(line.removeprefix("us=")) for line in out[3::2]]
    first, again = times[:6], times[6:]
    assert all(us >= LATE for us, x in zip(first, late) if x), (times, result.stderr)
    # The log shows the delayed touches; a busy machine may be slow by itself.
    if 0 in late:
        assert_soon([us for us, x in zip(first, late) if not x], again)
    log = events(daxrun.dir / "log")
    assert [e["offset"] // (2 * MIB) for e in log] == [n for n, x in enumerate(late) if x]
    assert all(e["call"] == "touch" and e["comm"] == "fault_probe" for e in log)


def test_not_earlier_than_asked(daxrun):
    """A delay is never shorter than requested. `make bench` measures how much longer it is."""
    lines = ["open", f"mmap 0 {128 * MIB}"] + [f"timed load {n * 2 * MIB}" for n in range(60)]
    out, _ = run_probe(daxrun, lines, "--fault", "touch delay:2ms")
    times = [int(line.removeprefix("us=")) for line in out[3::2]]
    assert len(times) == 60 and min(times) >= 2000, times


def test_threads_wait_side_by_side(daxrun):
    """Eight threads that wait in parallel take less than half of the time of eight waits in a row."""
    program = ("import mmap, os, threading, time\n"
               "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 64 << 20)\n"
               "import ctypes\n"
               "base = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
               "libc = ctypes.CDLL(None)\n"
               "def go(n): libc.memset(ctypes.c_void_p(base + n * (2 << 20)), 1, 8)\n"
               "threads = [threading.Thread(target=go, args=(n,)) for n in range(8)]\n"
               "t = time.monotonic()\n"
               "[x.start() for x in threads]; [x.join() for x in threads]\n"
               "at_once = time.monotonic()\n"
               "[go(8 + n) for n in range(8)]\n"
               "print(at_once - t, time.monotonic() - at_once)\n")
    at_once, in_a_row = map(float, daxrun("-q", "--fault", "touch delay:300ms", "--",
                                          "/usr/bin/python3", "-c", program).split())
    assert 0.3 <= at_once < in_a_row / 2
    assert in_a_row >= 8 * 0.3


def test_without_userfaultfd_it_is_refused_and_said(workdir, user):
    daxrun = Daxrun(workdir, user)
    without = [prog("without"), "userfaultfd"]
    result = daxrun.any("--fault", "mmap errno:EIO", "--", "true")
    assert result.returncode == 0

    def run(*args):
        command = daxrun.command(*args)
        at = command.index(str(DAXRUN))
        return subprocess.run([*command[:at], *without, *command[at:]], text=True,
                              capture_output=True, check=False, env=daxrun.env(),
                              timeout=60)

    result = run("--fault", "touch delay:1ms", "--", "true")
    assert result.returncode == 125 and "userfaultfd(2) fails with EPERM" in result.stderr
    assert re.search(r"^userfaultfd +no \(.*refused$", run("--check").stdout, re.M)
    result = run("-q", "--fault", f"poison offset:{AT} length:2M", "--", "sh", "-c",
                 f"printf 'open\\nmmap 0 {SIZE}\\nscan {2 * MIB}\\n' | "
                 f"{prog('fault_probe')} /dev/dax0.0")
    assert result.stdout.split("\n")[2] == f"BUS_MCEERR_AR@{AT} bad=1 sum=0"
    daxrun.check_gone()


@both_users
def test_a_program_that_may_not_use_it_is_said(new_daemon):
    """If one client may not use userfaultfd, the others are delayed, and the daemon reports that
    one."""
    d = new_daemon()
    log = d.workdir / "faults"
    d.start(f"[region 0]\nsize={SIZE}\n", f"--fault-log={log}")

    def refused():
        (rule,) = control(d, "fault")
        return rule.get("refused", 0)

    with probe_at(d, prefix=[prog("without"), "userfaultfd"]) as barred, probe_at(d) as filtered, probe_at(d) as free:
        for p in (barred, free):
            assert p("open") == p(f"mmap 0 {SIZE}") == "ok"
        assert filtered("open") == filtered("filter") == "ok"
        # Processes that map the device were checked before the reply; later ones when they map it.
        control(d, "fault", action="add", rule=f"touch delay:{LATE}us")
        assert refused() == 1
        assert filtered(f"mmap 0 {SIZE}") == filtered(f"mmap 0 {SIZE}") == "ok"
        assert refused() == 2
        assert filtered("load 0") == barred("load 0") == "0"
        answer, us = free.timed("load 0")
        assert answer == "0" and us >= LATE
        until(lambda: len(events(log)) == 3, "the late touch is told")
        told = [(e["call"], e["pid"], e.get("refused")) for e in events(log)]
        assert told == [("touch", barred.pid, "EPERM"), ("touch", filtered.pid, "EPERM"),
                        ("touch", free.pid, None)]
        # A child counts as a process of its own.
        barred.process.stdin.write("fork load 0\n")
        assert barred.line() == "0" and refused() == 3
        # Rules that do not apply to a process cause no report.
        control(d, "fault", action="remove", rule="1")
        control(d, "fault", action="add", rule="touch delay:1ms comm:other")
        assert refused() == 0
    assert d.output().count("fault_probe[") == 3
    assert (f"fault rule 1 (touch delay:60ms): dax0.0: fault_probe[{barred.pid}]: touches can't be delayed "
            "there, userfaultfd(2) fails with EPERM, continuing without\n") in d.output()


def test_a_report_tells_who_was_not_delayed(daxrun):
    result = daxrun.any("-q", "--fault", "touch delay:1ms", "--fault-report", "--", prog("without"), "userfaultfd",
                        prog("fault_probe"), "/dev/dax0.0", input=f"open\nmmap 0 {SIZE}\nload 0\n")
    assert result.stdout == "ok\nok\n0\n"
    assert "daxrun: faults: 0 injected\n" in result.stderr
    assert "daxrun:   rule 1 had no effect in 1 process\n" in result.stderr
    assert "touches can't be delayed there, userfaultfd(2) fails with EPERM" in result.stderr
