# SPDX-License-Identifier: BSD-2-Clause
"""Memory that goes bad and becomes good again: poison, sigbus, disabled devices."""

import json
import os
import signal
import subprocess
import sys

import pytest

from conftest import BUILD, CTL, IS_ROOT, ROOT, both_users, environment, needs_root, run
from daxrun import DAXRUN, Daxrun, prog, until
from faults import ALIGN, MIB, SHIFT, events, probe_at, run_probe

STORES = ["memfd", "collapse", "plain", "dynamic", "pmem", "hugetlb", "hugetlbfs"]
SIZE = 64 * MIB
BADBLOCKS = "bus/nd/devices/region0/badblocks"


def region(store, align, workdir, hugetlbfs=None, faults=""):
    backing = {"pmem": f"pmem:{workdir}/image", "hugetlb": "hugetlb",
               "hugetlbfs": f"hugetlbfs:{hugetlbfs}/file"}.get(store, "memfd")
    kind = "dynamic" if store == "dynamic" else "static"
    return (f"[region 0]\nsize={SIZE}\nalign={align}\nbacking={backing}\ntype={kind}\n"
            f"{faults}")


@pytest.fixture(params=[(s, a) for s in STORES for a in ("2M", "4K")
                        if a == "2M" or s not in ("collapse", "plain", "hugetlb", "hugetlbfs")],
                ids=lambda p: f"{p[0]}-{p[1]}")
def store(request, workdir, user, monkeypatch):
    """A kind of backing store and its align: config maker, align in bytes, and more."""
    name, align = request.param
    if name in ("collapse", "plain"):
        monkeypatch.setenv("DAXD_MEMORY", name)
    huge = None
    if name.startswith("huge"):
        request.getfixturevalue("hugepages")(SIZE // (2 * MIB))
    if name == "hugetlbfs":
        huge = request.getfixturevalue("hugetlbfs")
    config = {"name": name, "align": align, "bytes": ALIGN[align], "lsb": SHIFT[align]}
    config["text"] = lambda faults="": region(name, align, workdir, huge, faults)
    return config


def control(daemon, verb, **fields):
    with daemon.wire() as wire:
        error, answer = wire.control_raw(json.dumps({"verb": verb, **fields}).encode())
    assert error == 0, answer
    return answer


def badblocks(daemon):
    return [tuple(map(int, line.split())) for line in daemon.attr(BADBLOCKS).splitlines()]


def begin(probe):
    """Map the whole device, and store a number in every 2 MiB."""
    assert probe("open") == "ok"
    assert probe(f"mmap 0 {SIZE}") == "ok"
    for n in range(SIZE // (2 * MIB)):
        assert probe(f"store {n * 2 * MIB + 9} {n + 1}") == "ok"


def sees_only(probe, at, code, lsb, unit):
    """Check that only this unit of 2 MiB or 4 KiB faults, and that all other bytes are unchanged."""
    for off in (at, at + 9, at + unit - 1):
        assert probe(f"load {off}") == f"SIGBUS {code} offset={off} lsb={lsb}"
        assert probe(f"store {off} 1") == f"SIGBUS {code} offset={off} lsb={lsb}"
    assert probe(f"kernel {at}") == "EFAULT"
    assert not probe(f"load {at - 1}").startswith("SIGBUS")
    assert not probe(f"load {at + unit}").startswith("SIGBUS")
    for n in range(SIZE // (2 * MIB)):
        off = n * 2 * MIB + 9
        if not at <= off < at + unit:
            assert probe(f"load {off}") == str(n + 1), hex(off)


AT = 8 * MIB


@both_users
@pytest.mark.parametrize("what", ["poison", "sigbus"])
@pytest.mark.parametrize("how", ["config", "rule", "inject"])
def test_bad_memory(daemon, store, what, how):
    """Memory is bad by the config or at run time, for processes that have it mapped, map it later,
    or are forked."""
    unit, lsb = store["bytes"], store["lsb"] if what == "poison" else 0
    code = "BUS_MCEERR_AR" if what == "poison" else "BUS_ADRERR"
    rule = f"device:0.0 offset:{AT} length:1 unit:align {what}"
    if how == "inject" and what == "sigbus":
        return  # inject can only poison
    d = daemon(store["text"](f"[fault 1]\nrule={rule}\n" if how == "config" else ""))
    with probe_at(d) as early, probe_at(d) as late:
        if how == "config":
            assert early("open") == "ok" and early(f"mmap 0 {SIZE}") == "ok"
            for n in range(SIZE // (2 * MIB)):
                early(f"store {n * 2 * MIB + 9} {n + 1}")
        else:
            begin(early)
            if how == "rule":
                assert control(d, "fault", action="add", rule=rule)["id"] == 1
            else:
                control(d, "inject", device="dax0.0", offset=AT, length=unit)
        sees_only(early, AT, code, lsb, unit)
        assert early(f"fork load {AT}") == f"SIGBUS {code} offset={AT} lsb={lsb}"
        assert early("mremap") == "ok"
        sees_only(early, AT, code, lsb, unit)
        assert late("open") == "ok" and late(f"mmap 0 {SIZE}") == "ok"
        sees_only(late, AT, code, lsb, unit)

        listed = control(d, "list")[0].get("badblocks", [])
        if what == "poison":
            assert listed == [{"offset": AT // 512, "length": unit // 512}]
        else:
            assert listed == []
        if store["name"] != "dynamic":
            assert [n for _, n in badblocks(d)] == [e["length"] for e in listed]

        if how == "inject":
            control(d, "clear", device="dax0.0")
        else:
            control(d, "fault", action="remove", rule="1")
        was = AT // (2 * MIB) + 1 if what == "sigbus" and how == "rule" else 0
        for probe in (early, late):
            # Poisoned bytes are lost; bytes that were only out of reach are not.
            assert probe(f"load {AT + 9}") == str(was)
            assert probe(f"load {2 * MIB + 9}") == "2"
            assert probe("which") == "siginfo flags=0x4"
        assert early(f"store {AT + 9} 77") == "ok"
        assert late(f"load {AT + 9}") == "77"
        assert "badblocks" not in control(d, "list")[0]
        if store["name"] != "dynamic":
            assert badblocks(d) == []


SECTOR = 512
LOST = 5632  # the twelfth sector, in the second page


def page_of(store):
    return 2 * MIB if store["name"].startswith("huge") else 4096


def bytes_around(store):
    """Offsets around the bad sector and its page, with a number for each."""
    page = page_of(store)
    start = (AT + LOST) // page * page
    edges = [start - 1, start, AT + LOST - 1, AT + LOST, AT + LOST + SECTOR - 1,
             AT + LOST + SECTOR, start + page - 1, start + page]
    return {off: n + 20 for n, off in enumerate(edges)}, start, start + page


@both_users
@pytest.mark.parametrize("how", ["config", "rule", "inject"])
def test_only_the_sectors_that_were_asked_for(daemon, store, how):
    """Poison is listed as it was asked for; the page of the store that holds it is out of reach; and
    clearing loses these sectors, nothing else."""
    numbers, start, end = bytes_around(store)
    rule = f"offset:{AT + LOST + 7} length:500 poison"
    d = daemon(store["text"](f"[fault 1]\nrule={rule}\n" if how == "config" else ""))
    with probe_at(d) as early, probe_at(d) as late:
        begin_again(early, numbers, start, end, how == "config")
        if how == "rule":
            control(d, "fault", action="add", rule=rule)
        elif how == "inject":
            control(d, "inject", device="dax0.0", offset=AT + LOST, length=SECTOR)
        assert control(d, "list")[0]["badblocks"] == [
            {"offset": (AT + LOST) // SECTOR, "length": 1}]
        assert control(d, "list")[0]["badblock_count"] == 1
        if store["name"] != "dynamic":
            (first, count), = badblocks(d)
            assert (first % 8, count) == (LOST // SECTOR % 8, 1)
        assert late("open") == "ok" and late(f"mmap 0 {SIZE}") == "ok"
        for probe in (early, late):
            for off, number in numbers.items():
                if start <= off < end:
                    assert probe(f"load {off}") == \
                        f"SIGBUS BUS_MCEERR_AR offset={off} lsb={store['lsb']}"
                else:
                    assert probe(f"load {off}") == str(number)
            assert probe(f"kernel {AT + LOST}") == "EFAULT"
        assert early(f"fork load {start}").startswith("SIGBUS BUS_MCEERR_AR")

        control(d, "clear", device="dax0.0", offset=AT + LOST, length=SECTOR)
        assert "badblocks" not in control(d, "list")[0]
        for probe in (early, late):
            for off, number in numbers.items():
                is_lost = AT + LOST <= off < AT + LOST + SECTOR
                is_new = how == "config" and start <= off < end
                assert probe(f"load {off}") == ("0" if is_lost or is_new else str(number))


def begin_again(probe, numbers, start, end, is_bad):
    """Map the whole device, and store a number at each offset that can be touched."""
    assert probe("open") == "ok" and probe(f"mmap 0 {SIZE}") == "ok"
    for off, number in numbers.items():
        if not is_bad or not start <= off < end:
            assert probe(f"store {off} {number}") == "ok"


def test_sectors_of_one_page(daemon, store):
    """A page is out of reach until the last of its bad sectors is cleared."""
    d = daemon(store["text"]())
    page = page_of(store)
    with probe_at(d) as p:
        begin(p)
        for off in (AT, AT + 1024, AT + page - SECTOR):
            control(d, "inject", device="dax0.0", offset=off, length=SECTOR)
        control(d, "fault", action="add", rule=f"sigbus offset:{AT + page - 1} length:2")
        for off in (AT, AT + 1024):
            control(d, "clear", device="dax0.0", offset=off, length=1)
            assert p(f"load {AT}").startswith("SIGBUS BUS_")
        assert p(f"load {AT + page}").startswith("SIGBUS BUS_ADRERR")
        assert "badblocks" not in control(d, "list")[0]
        control(d, "fault", action="remove", rule="1")
        assert p(f"load {AT + 9}") == "0" and p(f"load {AT + page + 9}") != "SIGBUS"
        assert p(f"scan {2 * MIB}").startswith("bad=0")


def test_a_touch_reveals_the_sectors_of_its_page(daemon, store):
    d = daemon(store["text"]())
    page = page_of(store)
    with probe_at(d) as p:
        begin(p)
        for off in (AT + 512, AT + 2048, AT + page):
            control(d, "inject", device="dax0.0", offset=off, length=SECTOR, latent=True)
        assert "badblocks" not in control(d, "list")[0]
        assert p(f"load {AT}").startswith("SIGBUS BUS_MCEERR_AR")
        assert control(d, "list")[0]["badblocks"] == [
            {"offset": (AT + off) // SECTOR, "length": 1} for off in (512, 2048)]
        control(d, "fault", action="add",
                rule=f"poison latent unit:align offset:0 length:{2 * store['bytes']}")
        assert p("load 0").startswith("SIGBUS BUS_MCEERR_AR")
        assert control(d, "list")[0]["badblocks"][0] == {
            "offset": 0, "length": store["bytes"] // SECTOR}


@both_users
def test_the_words_of_the_tools(workdir, user):
    """inject, list, ndctl, sysfs and FILE.badblocks agree about one sector."""
    daxrun = Daxrun(workdir, user)
    image = workdir / "image"
    script = (f"{BUILD}/cuse-daxctl inject dax0.0 --offset 5632 --length 512\n"
              "cat /sys/bus/nd/devices/region0/badblocks\n"
              "ndctl list -M\n"
              f"cat {image}.badblocks\n")
    if user == "nobody" and IS_ROOT:
        os.chown(workdir, 65534, 65534)
    out = daxrun("-q", "-d", f"dax0.0,size=64M,backing=pmem:{image}", "--", "bash", "-c", script)
    decoder = json.JSONDecoder()
    injected, end = decoder.raw_decode(out)
    assert injected["badblocks"] == [{"offset": 11, "length": 1}]
    sysfs, rest = out[end:].lstrip().split("\n", 1)
    listed, end = decoder.raw_decode(rest)
    namespace, = listed if isinstance(listed, list) else [listed]
    assert namespace["badblock_count"] == 1
    assert [(b["offset"], b["length"]) for b in namespace["badblocks"]] == [(11, 1)]
    data = int(rest[end:].split()[0]) - 5632
    assert rest[end:].split() == [str(data + 5632), "512"]
    assert sysfs == f"{data // SECTOR + 11} 1"
    daxrun.check_gone()


def test_three_programs_at_once(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    with probe_at(d) as a, probe_at(d) as b, probe_at(d) as c:
        for probe in (a, b, c):
            begin(probe)
        for n in range(5):
            at = (2 + n) * 2 * MIB
            control(d, "inject", device="dax0.0", offset=at, length=2 * MIB)
            for probe in (a, b, c):
                assert probe(f"scan {2 * MIB}") == f"BUS_MCEERR_AR@{at} bad=1 sum=0"
            control(d, "clear", device="dax0.0", offset=at, length=2 * MIB)
            for probe in (a, b, c):
                assert probe(f"scan {2 * MIB}") == "bad=0 sum=0"


def test_latent_poison_shows_itself_when_it_is_touched(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    with probe_at(d) as p:
        begin(p)
        control(d, "inject", device="dax0.0", offset=AT, length=4 * MIB, latent=True)
        assert badblocks(d) == [] and "badblocks" not in control(d, "list")[0]
        assert p(f"load {AT + 2 * MIB + 5}").startswith("SIGBUS BUS_MCEERR_AR")
        assert [n for _, n in badblocks(d)] == [8]
        assert control(d, "list")[0]["badblocks"] == [
            {"offset": (AT + 2 * MIB) // 512, "length": 8}]
        assert p(f"load {AT}").startswith("SIGBUS BUS_MCEERR_AR")
        assert control(d, "list")[0]["badblock_count"] == 16
        control(d, "clear", device="dax0.0", offset=AT, length=2 * MIB)
        assert p(f"load {AT + 9}") == "0"
        assert p(f"load {AT + 2 * MIB}").startswith("SIGBUS")
        assert control(d, "list")[0]["badblock_count"] == 8


HANDLERS = {
    "siginfo": ["SIGBUS BUS_MCEERR_AR offset=8388608 lsb=21", "siginfo flags=0x4"],
    "nodefer": ["SIGBUS BUS_MCEERR_AR offset=8388608 lsb=21", "siginfo flags=0x40000004"],
    "onstack": ["SIGBUS BUS_MCEERR_AR offset=8388608 lsb=21 altstack",
                "siginfo flags=0x8000004"],
    "resethand": ["SIGBUS BUS_MCEERR_AR offset=8388608 lsb=21", "default flags=0x80000004"],
    "repair": ["0", "repair flags=0x4"],
    "plain": [None, "plain flags=0"],
    "signal": [None, "plain flags=0x10000000"],
    "sysv": [None, "default flags=0xc0000000"],
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("handler", HANDLERS)
def test_handlers_are_the_programs_own(daemon, handler, when):
    """The program's SIGBUS handler works, set before or after the poison, and stays its own."""
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    with probe_at(d) as p:
        begin(p)
        if when == "before":
            assert p(f"handler {handler}") == "ok"
        control(d, "inject", device="dax0.0", offset=AT, length=1)
        if when == "after":
            assert p(f"handler {handler}") == "ok"
        touch, after = HANDLERS[handler]
        answer = p(f"load {AT}")
        assert answer == touch if touch else answer.startswith("SIGBUS")
        assert p("which") == after
        control(d, "clear", device="dax0.0")
        assert p("which") == after


@pytest.mark.parametrize("handler, line, status", [
    ("default", f"load {AT}", "killed by Bus error"),
    ("ignore", f"load {AT}", "killed by Bus error"),
    ("syscall", f"load {AT}", "killed by Bus error"),
    ("default", "raise", "killed by Bus error"),
    ("ignore", "raise", "ok"),
    ("siginfo", "raise", "handled"),
])
def test_who_has_no_handler_dies_as_ever(daemon, handler, line, status):
    d = daemon(f"[region 0]\nsize={SIZE}\n[fault 1]\nrule=poison offset:{AT} length:2M\n")
    with probe_at(d) as p:
        assert p("open") == "ok" and p(f"mmap 0 {SIZE}") == "ok"
        assert p(f"handler {handler}") == "ok"
        assert p(f"fork {line}") == status
        assert p("load 0") == "0"


SIGINFO = """
import gdb
for is_first in (True, False):
    info = gdb.parse_and_eval("$_siginfo")
    fault = info["_sifields"]["_sigfault"]
    pc = int(gdb.parse_and_eval("$pc"))
    print("siginfo", int(info["si_signo"]), int(info["si_code"]), int(fault["si_addr"]) % (1 << 21),
          int(fault["_addr_lsb"]) if int(info["si_code"]) == 4 else 0, hex(pc))
    if is_first:
        gdb.execute("continue")
"""


@pytest.mark.parametrize("what, codes", [("poison", [2, 4]), ("sigbus", [2, 2])])
def test_what_it_dies_of_is_told(daemon, workdir, what, codes):
    """A debugger sees the siginfo of the fault, with the registers of the access. (The core file is
    checked in tests/guest/faults_checks.py.)"""
    d = daemon(f"[region 0]\nsize={SIZE}\n[fault 1]\nrule={what} offset:{AT} length:2M\n")
    script = workdir / "siginfo.py"
    script.write_text(SIGINFO)
    (workdir / "in").write_text(f"open\nmmap 0 {SIZE}\nhandler default\nload {AT + 5}\n")
    env = {**environment(), "CUSE_DAXD_RUNTIME_DIR": str(d.dir)}
    result = run(["gdb", "-batch", "-nx", "-ex", f"set environment LD_PRELOAD {BUILD}/libdaxshim.so",
                  "-ex", f"run /dev/dax0.0 <{workdir}/in", "-x", script, prog("fault_probe")], env=env)
    stops = [line.split()[1:] for line in result.stdout.splitlines() if line.startswith("siginfo")]
    assert [stop[:4] for stop in stops] == [["7", str(code), "5", "21" if code == 4 else "0"]
                                            for code in codes], result.stdout + result.stderr
    assert stops[0][4] == stops[1][4]


@both_users
def test_after_a_crash_and_after_a_stop(new_daemon, workdir, user):
    """Bad memory of a file survives a daemon that is killed, and one that stops and starts."""
    config = region("pmem", "2M", workdir)
    d = new_daemon().start(config)
    with probe_at(d) as p:
        begin(p)
        control(d, "inject", device="dax0.0", offset=AT, length=1)
        before = badblocks(d)
        d.kill()
        assert p(f"load {AT}").startswith("SIGBUS BUS_MCEERR_AR")
        d.start(config)
        assert badblocks(d) == before and len(before) == 1
        assert p(f"load {AT}").startswith("SIGBUS BUS_MCEERR_AR")
        with probe_at(d) as q:
            assert q("open") == "ok" and q(f"mmap 0 {SIZE}") == "ok"
            assert q(f"scan {2 * MIB}") == f"BUS_MCEERR_AR@{AT} bad=1 sum=0"
    d.stop()
    d.start(config)
    assert badblocks(d) == before
    with probe_at(d) as q:
        assert q("open") == "ok" and q(f"mmap 0 {SIZE}") == "ok"
        assert q(f"load {AT}").startswith("SIGBUS BUS_MCEERR_AR")
        assert q("load 9") == "1"
        control(d, "clear", device="dax0.0")
        assert q(f"load {AT + 9}") == "0"
    d.stop()
    assert not (workdir / "image.badblocks").exists()
    d.start(config)
    assert badblocks(d) == []
    d.stop()


@both_users
def test_two_files_after_a_stop(new_daemon, workdir, user):
    """The bad memory of both of two regions survives a stop."""
    config = "".join(f"[region {n}]\nbacking=pmem:{workdir}/image{n}\nsize=64M\n" for n in range(2))
    d = new_daemon().start(config)
    for n in range(2):
        control(d, "inject", device=f"dax{n}.0", offset=AT, length=1)
    before = [(workdir / f"image{n}.badblocks").read_text() for n in range(2)]
    d.stop()
    d.start(config)
    assert [(workdir / f"image{n}.badblocks").read_text() for n in range(2)] == before
    for n in range(2):
        control(d, "clear", device=f"dax{n}.0")
    d.stop()
    assert not list(workdir.glob("*.badblocks"))


def test_rules_over_a_crash(new_daemon, workdir, user):
    """Rules added by requests survive a crash with their numbers; the config's rules do not apply
    twice."""
    config = region("pmem", "2M", workdir, faults=f"[fault 1]\nrule=poison offset:{AT} "
                                                  "length:2M\n")
    d = new_daemon().start(config)
    assert control(d, "fault", action="add", rule="mmap errno:EIO nth:2")["id"] == 2
    control(d, "clear", device="dax0.0")
    d.kill()
    d.start(config)
    assert [(r["id"], r["rule"]) for r in control(d, "fault", action="list")] == [
        (1, f"offset:8M length:2M poison"), (2, "mmap errno:EIO nth:2")]
    assert badblocks(d) == []
    assert control(d, "fault", action="add", rule="msync errno:EIO")["id"] == 3
    with probe_at(d) as p:
        assert p("open") == "ok"
        assert [p(f"mmap 0 {2 * MIB}") for _ in range(3)] == ["ok", "EIO", "ok"]


def test_while_a_file_is_there(daemon, workdir):
    for what, code in (("poison", "BUS_MCEERR_AR"), ("sigbus", "BUS_ADRERR"),
                       ("disable", "BUS_ADRERR")):
        path = workdir / f"{what}-now"
        where = "" if what == "disable" else f"offset:{AT} length:2M"
        d = daemon(f"[region 0]\nsize={SIZE}\n[fault 1]\nrule={what} {where} while:{path}\n")
        with probe_at(d) as p:
            begin(p)
            path.touch()
            until(lambda: p(f"load {AT}").startswith(f"SIGBUS {code}"), what)
            assert p("load 9") == "1" if what != "disable" else "SIGBUS" in p("load 9")
            path.unlink()
            until(lambda: not p(f"load {AT}").startswith("SIGBUS"), f"the end of {what}")
            assert p("load 9") == "1"
            assert p(f"load {AT + 9}") == ("0" if what == "poison" else "5")
        d.stop()


def test_after_a_time(daemon):
    for what in ("poison offset:8M length:2M", "disable"):
        d = daemon(f"[region 0]\nsize={SIZE}\n")
        with probe_at(d) as p:
            begin(p)
            control(d, "fault", action="add", rule=f"{what} after:700ms")
            until(lambda: p(f"load {AT}").startswith("SIGBUS"), what)
        d.stop()


@pytest.mark.parametrize("call, line", [
    ("msync", "msync"), ("madvise", "madvise"), ("mprotect", "mprotect"),
    ("mmap", f"mmap 0 {SIZE}"), ("open", "open"), ("mremap", "mremap")])
def test_a_call_sets_it_off(daemon, call, line):
    nth = 3 if call in ("open", "mmap") else 2
    d = daemon(f"[region 0]\nsize={SIZE}\n[fault 1]\n"
               f"rule={call} poison offset:{AT} length:2M nth:{nth}\n")
    with probe_at(d) as p, probe_at(d) as other:
        begin(p)
        begin(other)
        assert p(line) == "ok" and p(f"scan {2 * MIB}") == "bad=0 sum=0"
        assert p(line) == "ok"
        for probe in (p, other):
            assert probe(f"scan {2 * MIB}") == f"BUS_MCEERR_AR@{AT} bad=1 sum=0"
        # The call that triggered the rule, and two touches.
        assert control(d, "stats")["faults"]["rules"][0]["given"] == 3


def test_pulled_at_the_second_mmap(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n[fault 1]\nrule=disable nth:2\n")
    with probe_at(d) as p:
        begin(p)
        assert p(f"mmap 0 {SIZE}") == "ENXIO"
        assert p("load 9").startswith("SIGBUS BUS_ADRERR")
        assert control(d, "list")[0]["state"] == "disabled"
        control(d, "fault", action="remove", rule="1")
        assert p("load 9") == "1"


def test_for_one_process_only(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    with probe_at(d) as p, probe_at(d) as other:
        begin(p)
        begin(other)
        rule = control(d, "fault", action="add",
                       rule=f"poison offset:{AT} length:2M pid:{p.pid}")["id"]
        assert p(f"scan {2 * MIB}") == f"BUS_MCEERR_AR@{AT} bad=1 sum=0"
        assert other(f"scan {2 * MIB}") == "bad=0 sum=0"
        assert badblocks(d) == []
        control(d, "fault", action="remove", rule=str(rule))
        # Only the access was bad, not the memory.
        assert p(f"load {AT + 9}") == "5"
        control(d, "fault", action="add", rule="sigbus comm:fault_probe offset:0 length:1")
        assert other("load 0").startswith("SIGBUS BUS_ADRERR")
        control(d, "fault", action="add", rule="sigbus comm:other offset:4M length:1")
        assert other("load 4194313") == "3"


def test_devices_of_two_regions(daemon):
    """A rule for one device affects no other; a rule that names no device affects all."""
    d = daemon(f"[region 0]\nsize={SIZE}\n[region 1]\nsize={SIZE}\ntype=dynamic\n"
               "[fault 1]\nrule=device:0.0 poison offset:0 length:2M\n"
               f"[fault 2]\nrule=poison offset:{AT} length:2M\n")
    with probe_at(d) as p, probe_at(d, "dax1.0") as q:
        for probe in (p, q):
            probe("open")
            probe(f"mmap 0 {SIZE}")
        assert p(f"scan {2 * MIB}").endswith("bad=2 sum=0")
        assert q(f"scan {2 * MIB}") == f"BUS_MCEERR_AR@{AT} bad=1 sum=0"


@needs_root  # a second user
def test_only_whom_it_may_concern(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    for words in (["inject", "dax0.0", "--offset=0", "--length=2M"], ["clear", "dax0.0"],
                  ["fault", "add", "mmap errno:EIO"], ["fault", "remove", "1"]):
        result = d.ctl(*words, as_nobody=True)
        assert result.returncode == 1 and "only root" in result.stderr


@pytest.mark.parametrize("words, part", [
    (["inject", "dax0.0"], '"offset" is missing'),
    (["inject", "dax0.0", "--offset=0"], '"length" is missing'),
    (["inject", "dax0.0", "--offset=64M", "--length=2M"], "beyond its end"),
    (["inject", "dax0.0", "--offset=62M", "--length=4M"], "beyond its end"),
    (["inject", "dax0.0", "--offset=x", "--length=4M"], "offset: 'x' is not a size"),
    (["inject", "dax0.0", "--offset=0", "--length=0"], "length: '0' is not a size"),
    (["inject", "dax9.0", "--offset=0", "--length=2M"], "no such device"),
    (["clear", "dax0.0", "--offset=65M"], "beyond its end"),
    (["fault", "add", "mmap", "errno:EFOO"], "at character 12:"),
    (["fault", "add", ""], "at character 1:"),
    (["fault", "remove", "9"], "no fault rule 9"),
    (["fault", "remove", "x"], "fault: 'x' is not the number of a rule"),
])
def test_orders_that_are_refused(daemon, words, part):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    result = d.ctl(*words)
    assert result.returncode == 1 and part in result.stderr, result.stderr


@pytest.mark.parametrize("words, part", [
    (["fault", "add"], "fault add: RULE is missing"),
    (["fault", "remove"], "fault remove: ID is missing"),
    (["fault", "bend"], "fault: unknown action 'bend' (add RULE"),
    (["fault", "lst"], "fault: unknown action 'lst' (did you mean 'list'? add RULE"),
])
def test_fault_needs_an_action(words, part):
    result = run([CTL, *words])
    assert result.returncode == 2 and part in result.stderr, result.stderr


def test_orders_in_words(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    listed = json.loads(d.ctl("inject", "dax0.0", "--offset", "4M", "--length", "4M").stdout)
    assert listed["badblocks"] == [{"offset": 8192, "length": 8192}]
    with probe_at(d) as p:
        p("open")
        p(f"mmap 0 {32 * MIB}")
        p("store 0 1")
        strip = json.loads(d.ctl("map", "/dev/dax0.0").stdout)
        assert strip["map"] == "#-XX" + "-" * 12 + "." * 16 and strip["unit"] == 2 * MIB
        assert "#-XX" in d.ctl("map", "dax0.0", "--human").stdout
        rule = json.loads(d.ctl("fault", "add", "madvise", "errno:EIO", "times:1").stdout)
        assert rule == {"id": 1, "rule": "madvise errno:EIO times:1", "given": 0}
        assert p("madvise") == "EIO" and p("madvise") == "ok"
        assert "madvise errno:EIO" in d.ctl("fault", "list", "--human").stdout
        stats = json.loads(d.ctl("stats").stdout)
        assert stats["faults"]["rules"][0]["given"] == 1
        assert stats["faults"]["processes"] == [
            {"pid": p.pid, "comm": "fault_probe", "given": 1}]
        assert stats["devices"][0]["faults"] == 1
    assert d.ctl("fault", "remove", "1").returncode == 0
    assert json.loads(d.ctl("fault", "list").stdout) == []
    assert "badblocks" not in json.loads(d.ctl("clear", "dax0.0").stdout)


def test_ndctl_lists_it_and_sees_it_go(new_daemon, workdir, user):
    """As in ndctl's test daxdev-errors, badblocks are listed, an access gives SIGBUS, and after clear
    the list is empty."""
    daxrun = Daxrun(workdir, user)
    script = ("ndctl list -M | grep -q '\"badblock_count\":4096' || exit 1\n"
              "cat /sys/bus/nd/devices/region0/badblocks\n"
              f"printf 'open\\nmmap 0 {SIZE}\\nscan {2 * MIB}\\n' | "
              f"{BUILD}/progs/fault_probe /dev/dax0.0\n"
              f"{BUILD}/cuse-daxctl clear dax0.0 > /dev/null || exit 2\n"
              "ndctl list -M | grep badblock && exit 3\n"
              "cat /sys/bus/nd/devices/region0/badblocks\n"
              f"printf 'open\\nmmap 0 {SIZE}\\nscan {2 * MIB}\\n' | "
              f"{BUILD}/progs/fault_probe /dev/dax0.0\n")
    out = daxrun("-q", "-d", "dax0.0,size=64M", "--fault", f"poison offset:{AT} length:2M",
                 "--", "bash", "-c", script).splitlines()
    assert out[1:] == ["ok", "ok", f"BUS_MCEERR_AR@{AT} bad=1 sum=0", "ok", "ok",
                       "bad=0 sum=0"]
    assert out[0].split()[1] == "4096"
    daxrun.check_gone()


@needs_root
@pytest.mark.parametrize("align", ["4K", "2M", "1G"])
def test_hwpoison_as_real_kernels_answer(workdir, user, align):
    """Poison by MADV_HWPOISON, as in ndctl's dax-poison, gives the recorded answers of real kernels."""
    daxrun = Daxrun(workdir, user)
    lines = ""
    only = ["--only=root.zz_poison*", "--only=root.soft_offline",
            "--only=root.identity.rights_lost"]
    size = "4G" if align == "1G" else "1G"
    lines = daxrun("-q", "--kernel=6.12", "-d", f"dax0.0,size={size},align={align}", "--",
                   BUILD / "conformance", *only)
    result = subprocess.run([sys.executable, ROOT / "tests/oracle/compare.py", "--kernel=6.12",
                             "--align", align, *only, "-"], input=lines, text=True,
                            capture_output=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "9 compared, 9 equal" in result.stdout
    daxrun.check_gone()


def test_hwpoison_without_privilege(workdir):
    daxrun = Daxrun(workdir, "nobody")
    if IS_ROOT:
        os.chown(workdir, 65534, 65534)
    out, result = run_probe(daxrun, ["open", f"mmap 0 {4 * MIB}", "store 2097160 7",
                                     f"softoffline {2 * MIB}", f"hwpoison {2 * MIB + 4096}",
                                     "load 2097160"])
    assert out == ["ok", "ok", "ok", "EIO", f"SIGBUS BUS_MCEERR_AR offset={2 * MIB} lsb=21",
                   "7"], result.stderr
    daxrun.check_gone()


def test_touches_are_in_the_log(workdir, user):
    daxrun = Daxrun(workdir, user)
    run_probe(daxrun, ["open", f"mmap 0 {SIZE}", f"load {AT + 3}"], "--fault",
              f"poison offset:{AT} length:2M", "--fault-log", daxrun.dir / "log")
    event, = events(daxrun.dir / "log")
    assert (event["call"], event["offset"], event["rule"]) == ("touch", AT + 3, 1)
    assert int(event["address"], 16) % (2 * MIB) == 3
    daxrun.check_gone()


def test_it_can_be_watched(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    with subprocess.Popen([BUILD / "cuse-daxctl", f"--runtime-dir={d.dir}", "watch"],
                          stdout=subprocess.PIPE, text=True) as watch:
        until(lambda: control(d, "stats")["daemon"]["watchers"] == 1, "it watches")
        control(d, "inject", device="dax0.0", offset=AT, length=2 * MIB)
        with probe_at(d) as p:
            p("open")
            p(f"mmap 0 {SIZE}")
            p(f"load {AT}")
        control(d, "clear", device="dax0.0")
        seen = []
        while "clear" not in seen:
            seen.append(json.loads(watch.stdout.readline())["event"])
        watch.kill()
    assert [e for e in seen if e in ("inject", "fault", "clear")] == ["inject", "fault",
                                                                       "clear"]


def test_run_from_the_examples(workdir, user):
    daxrun = Daxrun(workdir, user)
    for example in sorted((ROOT / "config/examples").glob("faults*.conf")):
        assert daxrun("-q", "-c", example, "--", "daxctl", "list")
        assert run([DAXRUN.parent / "cuse-daxd", "-c", example,
                    "--check-config"]).returncode == 0
    daxrun.check_gone()


@both_users
def test_pmdk_sees_and_clears_it(workdir, user):
    """pmempool refuses a device with bad blocks until they are cleared; daxio clears them."""
    daxrun = Daxrun(workdir, user)
    script = ("cat /sys/bus/nd/devices/ndbus0/commands\n"
              "pmempool create obj /dev/dax0.0 2>&1 | grep -c 'contains bad blocks'\n"
              "pmempool create --clear-bad-blocks obj /dev/dax0.0 || exit 1\n"
              "cat /sys/bus/nd/devices/region0/badblocks\n"
              f"{BUILD}/cuse-daxctl inject dax0.0 --offset=16M --length=4K > /dev/null\n"
              "daxio --zero --output=/dev/dax0.0 2>&1\n"
              "cat /sys/bus/nd/devices/region0/badblocks\n"
              "cat /sys/bus/nd/devices/ndbus0/commands\n")
    out = daxrun("-q", "-d", "dax0.0,size=64M", "--fault", f"poison offset:{AT} length:2M",
                 "--", "bash", "-c", script)
    if user == "nobody" and IS_ROOT:
        os.chown(workdir, 65534, 65534)
    assert out.splitlines() == ["ars_cap ars_start ars_status clear_error", "1",
                                'daxio: copied 67108864 bytes to device "/dev/dax0.0"', ""]
    daxrun.check_gone()
