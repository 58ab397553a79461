# SPDX-License-Identifier: BSD-2-Clause
"""
Each effect x each condition of fault rules, on each kind of store with each align, from the
config, from daxrun and added while programs run. Judge what the programs saw, and that nothing
else was affected. faultmatrix.py runs the programs.

`make test` takes each condition with each way and with each kind of store, but only a third of
the triples; DAXD_MATRIX_ALL=1 (make matrix) takes all.
"""

import os
import pathlib

import pytest

from conftest import BUILD, DAEMON, Daemon, IS_ROOT, new_workdir, run
from faultmatrix import (AFTER, BAD, CALLS, FEW, LATE, MANY, SIZE, STORES, WAYS, WHATS, WHENS,
                         Cell, once)
from faults import ALIGN, SHIFT

NS = 1000000  # in a millisecond

# The addresses where fault_matrix maps each device.
ARENA = 0x600000000000
ROOM = 64 << 20


@pytest.fixture(scope="session")
def place(session_place):
    """The directory where the workers of this session keep their records."""
    return session_place("fault-matrix")


def marks(store, align, way, when):
    """Return: the marks of a run. Only huge pages need root; with sanitizers one run is enough."""
    found = [pytest.mark.xdist_group(f"{store}-{align}-{way}-{when}")]
    if store.startswith("huge"):
        found.append(pytest.mark.needs_root)
    if (store, align, way, when) != ("memfd", "2M", "running", "nth"):
        found.append(pytest.mark.plain)
    return found


DEVICES = [(store, align) for store, aligns in STORES.items() for align in aligns]
RUNS = [(*device, way, when) for d, device in enumerate(DEVICES) for y, way in enumerate(WAYS)
        for n, when in enumerate(WHENS)
        if "DAXD_MATRIX_ALL" in os.environ or (d + y + n) % 3 == 1]
CELLS = [(*run, what) for run in RUNS for what in WHATS if (run[0], what) != ("pmem", "touch")]


class Seen:
    """A cell, and the record of what the programs saw."""

    def __init__(self, record, align, way, when, what):
        self.__dict__.update(record)
        self.record = record
        self.cell = Cell(what, when)
        self.what = self.cell.what
        self.when = self.cell.when
        self.way = way
        self.unit = ALIGN[align]
        self.shift = SHIFT[align]
        self.device = f"dax{self.number}.0"
        self.byte = self.number % 200 + 11
        self.actor = self.cell.actor

    def hits(self, calls, who):
        """Return: (calls that must have been hit, calls that may have been), counted from 0."""
        if self.when is WHENS["after"]:
            begin, end = (t + AFTER * NS for t in self.came)
            return ([n for n, c in enumerate(calls) if c["b"] > end],
                    [n for n, c in enumerate(calls) if c["e"] >= begin])
        if self.when is WHENS["while"]:
            must = [2, 3, 4] if who == self.actor else []
        else:
            must = [n - 1 for n in self.when.hits(who, len(calls), self.what)]
        return must, must

    def points(self):
        inside = [BAD, BAD + 9, BAD + self.unit - 1]
        if self.what.kind == "touch":
            return [n * self.unit + 5 for n in range(MANY)]
        if not self.cell.is_memory:
            return [0, BAD, SIZE - 1]
        return sorted([0, BAD - 1, *inside, BAD + self.unit, SIZE - 1])

    def is_inside(self, point):
        return self.cell.is_memory and BAD <= point < BAD + self.unit

    def stored(self, point):
        """Return: the byte at a point, which was stored before the faults, or 0."""
        points = self.points()
        if self.way != "running" and self.cell.is_memory:
            points = [p for p in points if not self.is_inside(p)]
        values = self.prepared.get("bytes", {}).get("v", [])
        return self.byte if point in points[:len(values)] \
            and values[points.index(point)] == self.byte else 0

    def signal(self, point):
        """Return: the signal of an access to bad memory, or to a disabled device."""
        if self.what.kind in ("poison", "latent"):
            return ["BUS_MCEERR_AR", point, self.shift]
        return ["BUS_ADRERR", point, 0]

    def check_log(self, expected):
        """Check log and counters against [(who, call)] of all faults, ordered for each process."""
        pids = {pid: who for who, pid in self.pids.items()}
        got = [(pids[e["pid"]], e["call"]) for e in self.events]
        # Touches are reported late, and by each process separately.
        assert sorted(got, key=lambda x: x[0]) == sorted(expected, key=lambda x: x[0])
        assert self.device_events == self.events, "another rule has struck here"
        assert self.given == [len(expected)] and self.given_by_device == len(expected)
        for e in self.events:
            assert e["device"] == self.device
            assert e["comm"] == ("fault_other" if pids[e["pid"]] == "B" else "fault_matrix")
            assert e["fault"] == self.rule[0]
            self.check_place(e, int(e["address"], 16) - ARENA - self.number * 2 * ROOM)
        assert self.late_events == 0, "faults after all rules were gone"

    def check_place(self, event, at):
        """Check an event's address: programs map a device at one of two places."""
        if event["call"] in ("open", "write"):
            assert event["address"] == "0x0" and event["offset"] == 0
        elif event["call"] == "touch":
            assert at % ROOM == event["offset"] and 0 <= at < 2 * ROOM
        else:
            assert at in (0, ROOM) and event["offset"] == 0

    def check_end(self, expected):
        """Check that after the removal of all rules the device can be opened, mapped and read."""
        for at_last in (self.actor_at_last, self.other_at_last):
            assert [c["r"] for c in at_last["calls"]] == ["ok", "ok"]
            assert at_last["bytes"]["v"] == [expected(p) for p in self.points()]
        assert self.listed_at_last == {"list": [], "state": None, "sysfs": ""}


def check_calls(seen, calls, who):
    """Check the calls of one program. Return: the numbers of those that were hit."""
    must, may = seen.hits(calls, who)
    error = CALLS[seen.what.call]
    if seen.what.kind == "delay":
        pids = [e for e in seen.events if e["pid"] == seen.pids[who]]
        hit = may[len(may) - len(pids):]  # those that may be late are late from some call on
        assert all(c["e"] - c["b"] >= LATE for n, c in enumerate(calls) if n in hit)
    else:
        hit = [n for n, c in enumerate(calls) if c["r"] == error]
    assert set(must) <= set(hit) <= set(may), (must, hit, may)
    for n, call in enumerate(calls):
        if n in hit and seen.what.kind == "errno":
            assert call["r"] == error and call["same"], call
            assert not call["done"] or seen.what.call == "mmap", call
        else:
            assert call["r"] == "ok" and call["done"], call
    return hit


def judge_calls(seen):
    assert len(seen.calls) == MANY and len(seen.other) == FEW
    if seen.what.call == "mmap" and seen.what.kind == "errno" and seen.way != "running":
        # Nothing is mapped before the first call that succeeds.
        first = next((n for n, c in enumerate(seen.calls) if c["r"] == "ok"), MANY)
        assert not any(c["done"] for c in seen.calls[:first])
    expected = []
    for who, calls in ((seen.actor, seen.calls), ("B", seen.other)):
        expected += [(who, seen.what.call)] * len(check_calls(seen, calls, who))
    seen.check_log(expected)
    if seen.what.call != "write":
        is_mapped = seen.way == "running" or any(c["r"] == "ok" for c in seen.calls)
        if seen.what.call == "open" and seen.way != "running":
            want = "none"
        else:
            want = "ok" if is_mapped or seen.what.call not in ("mmap", "open") else "none"
        for n, call in enumerate(seen.others):
            is_open = seen.what.call == "mmap" and n == 0
            assert call["r"] == ("ok" if is_open else want), seen.others
    seen.check_end(seen.stored)


def check_look(seen, look, is_bad, touched):
    """Check one look of a program at memory that may be bad; add its touches to touched."""
    want = [seen.signal(p) if is_bad and seen.is_inside(p) else seen.stored(p)
            for p in seen.points()]
    assert look["load"]["v"] == want
    if not is_bad:
        assert "store" not in look
        return
    inside = [p for p in seen.points() if seen.is_inside(p)]
    assert look["store"]["v"] == [seen.signal(p) for p in inside]
    assert look["kernel"]["r"] == "EFAULT"
    touched += inside + inside


def check_listed(seen, listed, is_listed):
    assert listed["state"] is None
    if not is_listed:
        assert listed["list"] == [] and listed["sysfs"] == ""
        return
    assert listed["list"] == [{"offset": BAD // 512, "length": seen.unit // 512}]
    assert listed["sysfs"] == f"{(seen.start + BAD) // 512} {seen.unit // 512}\n"


def check_state(seen, state, is_bad, touched):
    """Check both programs while nothing changes: memory is bad for those the rule is for."""
    is_everybodys = is_bad and not seen.when.has_whom and seen.what.kind != "sigbus"
    is_new = not any(touched.values())
    check_listed(seen, state["listed_before"],
                 is_everybodys and not (seen.what.kind == "latent" and is_new))
    for who, name in ((seen.actor, "actor"), ("B", "other")):
        check_look(seen, state[name], is_bad and seen.when.is_for(who), touched[who])
    check_listed(seen, state["listed"], is_everybodys)


def check_touches(seen, touched, struck=()):
    """Check the log: the calls that triggered the rule, then each touch of bad memory."""
    pids = {pid: who for who, pid in seen.pids.items()}
    for who in (seen.actor, "B"):
        got = [e["offset"] for e in seen.events
               if pids[e["pid"]] == who and e["call"] == "touch"]
        assert got == touched[who], who
    others = [(pids[e["pid"]], e["call"]) for e in seen.events if e["call"] != "touch"]
    assert others == list(struck)
    seen.check_log([(pids[e["pid"]], e["call"]) for e in seen.events])


def healed(seen, was_bad):
    """Return: function from a point to its byte after all rules are gone. Poisoned bytes are lost;
    bytes that were only out of reach, or bad for one process only, are not."""
    is_lost = was_bad and seen.what.kind != "sigbus" and (
        not seen.when.has_whom or seen.cell.is_trigger)
    stored = seen.stored
    return lambda p: 0 if is_lost and seen.is_inside(p) else stored(p)


def is_signal(look):
    """True if the look met bad memory, or could not map the device because it was disabled."""
    return "v" not in look or isinstance(look["v"][0], list)


def polled(seen, who, touched):
    """Return: what a program saw while polling, one letter for each look, X if bad."""
    looks = seen.record.get("polled", {}).get(who, [])
    for look in looks:
        if is_signal(look) and "v" in look:
            assert look["v"] == [seen.signal(BAD)]
            touched[who].append(BAD)
    return "".join("X" if is_signal(look) else "." for look in looks)


def judge_after(seen, touched):
    """Check that memory was good, then bad for good, and not before its time."""
    for who, name in ((seen.actor, "actor"), ("B", "other")):
        found = polled(seen, who, touched)
        assert found.lstrip(".").strip("X") == "" and found.endswith("X"), found
        first = found.index("X")
        looks = seen.polled[who]
        since = looks[first].get("e") or min(
            c["e"] for c in seen.prepared[name] if c["r"] == "ENXIO")
        assert since >= seen.came[0] + AFTER * NS, "before its time"
        for look in looks[:first]:
            assert look["v"] == [seen.stored(BAD)]


def judge_memory(seen):
    touched = {seen.actor: [], "B": []}
    is_bad = seen.when.is_for(seen.actor) or seen.when.is_for("B")
    if seen.when is WHENS["while"]:
        judge_while(seen)
        return
    if seen.when is WHENS["after"]:
        judge_after(seen, touched)
    check_state(seen, seen.now, is_bad, touched)
    check_touches(seen, touched)
    seen.check_end(healed(seen, is_bad))


def check_once(found):
    """Check that memory went bad once and became good again once."""
    assert found.strip(".").strip("X") == "" and "X" in found, found


def judge_while(seen):
    touched = {seen.actor: [], "B": []}
    check_state(seen, seen.absent, False, touched)
    there = {seen.actor: [], "B": []}
    for who in there:
        check_once(polled(seen, who, there))
    check_state(seen, seen.there, True, there)
    # The content when the memory became good again stays.
    seen.stored = healed(seen, True)
    check_state(seen, seen.gone, False, touched)
    got = {who: sorted(e["offset"] for e in seen.events if e["pid"] == seen.pids[who])
           for who in (seen.actor, "B")}
    assert got == {who: sorted(there[who]) for who in (seen.actor, "B")}
    assert all(e["call"] == "touch" for e in seen.events)
    seen.check_end(seen.stored)


def judge_memory_trigger(seen):
    hits = seen.when.hits(seen.actor, MANY, seen.what)
    touched = {seen.actor: [], "B": []}
    assert [c["r"] for c in seen.calls] == ["ok"] * MANY
    for n, look in enumerate(seen.seen, 1):
        check_look(seen, look, bool(hits) and n >= hits[0], touched[seen.actor])
    is_listed = seen.what.kind != "sigbus"
    check_listed(seen, seen.listed, is_listed and bool(hits))
    other = seen.when.hits("B", 1, seen.what) if seen.way != "running" else []
    is_bad = bool(hits or other)
    check_look(seen, seen.other_seen, is_bad, touched["B"])
    check_listed(seen, seen.listed_by_other, is_listed and is_bad)
    check_touches(seen, touched, [(seen.actor, "mmap")] * len(hits) + [("B", "mmap")] * len(other))
    seen.check_end(healed(seen, is_bad))


def check_device(seen, look, is_mapped, is_away, is_held=True):
    """Check loads, open and mmap of one program at a device that may be disabled."""
    if is_mapped:
        assert look["load"]["v"] == [seen.signal(p) if is_away else seen.stored(p)
                                     for p in seen.points()]
    else:
        assert look["load"] == {"r": "none"}
    # While it is held, it can still be opened, but not mapped (fs/char_dev.c: chrdev_open()).
    is_open = not is_away or is_held
    assert look["open"]["r"] == ("ok" if is_open else "ENXIO") and look["open"]["same"]
    if "mmap" in look:
        assert look["mmap"]["r"] == ("none" if not is_open else "ENXIO" if is_away else "ok")
        assert look["mmap"]["same"] if is_away and is_open else True


def check_away(seen, state, is_away):
    is_ok = {name: [c["r"] == "ok" for c in seen.prepared[name]] for name in ("actor", "other")}
    is_held = is_ok["actor"][0] or is_ok["other"][0]
    for name in ("listed_before", "listed"):
        assert state[name]["state"] == ("disabled" if is_away else None)
    for name in ("actor", "other"):
        check_device(seen, state[name], is_ok[name][-1], is_away, is_held)


def judge_disable(seen):
    """Check that the device is disabled as soon as the rule exists and its condition holds."""
    if seen.when is WHENS["while"]:
        for name, is_away in (("absent", False), ("there", True), ("gone", False)):
            check_away(seen, seen.record[name], is_away)
        for who in (seen.actor, "B"):
            check_once(polled(seen, who, {seen.actor: [], "B": []}))
    else:
        if seen.when is WHENS["after"]:
            judge_after(seen, {seen.actor: [], "B": []})
        else:
            want = "ok" if seen.way == "running" else "ENXIO"
            assert seen.prepared["actor"][0]["r"] == want
        check_away(seen, seen.now, True)
    seen.check_log([])
    seen.check_end(seen.stored)


def judge_disable_trigger(seen):
    hits = seen.when.hits(seen.actor, MANY, seen.what)
    first = hits[0] if hits else MANY + 1
    for n, (call, look) in enumerate(zip(seen.calls, seen.seen), 1):
        assert call["r"] == ("ENXIO" if n >= first else "ok"), n
        assert n < first or call["same"]
        check_device(seen, look, seen.way == "running" or first > 1, n >= first)
    assert seen.listed["state"] == ("disabled" if hits else None)
    other = seen.when.hits("B", 1, seen.what) if seen.way != "running" else []
    is_away = bool(hits or other)
    if seen.way != "running":
        assert seen.other_call[0]["r"] == ("ENXIO" if is_away else "ok")
    check_device(seen, seen.other_seen, seen.way == "running" or not is_away, is_away)
    assert seen.listed_by_other["state"] == ("disabled" if is_away else None)
    seen.check_log([(seen.actor, "mmap")] * len(hits) + [("B", "mmap")] * len(other))
    seen.check_end(seen.stored)


def judge_touch(seen):
    points = seen.points()
    stored = set()
    expected = []
    for who, calls in ((seen.actor, seen.calls), ("B", seen.other)):
        must, may = seen.hits(calls, who)
        mine = [e for e in seen.events if e["pid"] == seen.pids[who]]
        hit = [e["offset"] // seen.unit for e in mine]
        assert set(must) <= set(hit) <= set(may), (must, hit, may)
        assert len(hit) == len(set(hit))
        for n, call in enumerate(calls):
            assert call["v"] == [seen.byte]
            assert n not in hit or call["e"] - call["b"] >= LATE
        assert hit == sorted(hit)
        expected += [(who, "touch")] * len(hit)
        stored |= set(points[:len(calls)])
    assert [c["v"] for c in seen.again] == [[seen.byte]] * MANY
    seen.check_log(expected)
    seen.check_end(lambda p: seen.byte if p in stored else 0)


def judge(seen):
    if seen.what.kind == "touch":
        judge_touch(seen)
    elif seen.what.kind == "disable":
        (judge_disable_trigger if seen.cell.is_trigger else judge_disable)(seen)
    elif seen.cell.is_memory:
        (judge_memory_trigger if seen.cell.is_trigger else judge_memory)(seen)
    else:
        judge_calls(seen)


@pytest.mark.parametrize("store, align, way, when, what", [
    pytest.param(*c, id="-".join(c), marks=marks(*c[:4])) for c in CELLS])
def test_cell(place, store, align, way, when, what):
    found = once(place, store, align, way, when)
    assert "failed" not in found, found["failed"]
    judge(Seen(found[f"{what}-{when}"], align, way, when, what))


# Wrong conditions, the position of the mistake (None: at the end), and the message.
NO_WHENS = [
    ("nth:0", 4, "'0' is not a value of nth: expected a number above 0"),
    ("nth:", 4, "nth has no value: expected one after it"),
    ("nth:2 nth:3", 6, "nth is given twice: expected it once"),
    ("every:0", 6, "'0' is not a value of every: expected a number above 0"),
    ("times:none", 6, "'none' is not a value of times: expected a number above 0"),
    ("probability:1.01", 12, "expected a number from 0 to 1, or 0% to 100%"),
    ("probability:101%", 12, "expected a number from 0 to 1, or 0% to 100%"),
    ("seed:7", None, "seed needs a probability: expected probability:P"),
    ("after:5", 6, "expected a time with its unit (ns, us, ms, s) up to 1 hour"),
    ("after:3601s", 6, "expected a time with its unit (ns, us, ms, s) up to 1 hour"),
    ("while:here", 6, "expected the absolute path of a file, of less than 256 bytes"),
    ("pid:0", 4, "expected a process id"),
    ("uid:root", 4, "expected a user id"),
    ("comm:sixteen-bytes-ok", 5, "expected a program's name of at most 15 bytes"),
    ("always nth:3", None, "always excludes nth, every, probability, after and while"),
    ("always while:/x", None, "always excludes nth, every, probability, after and while"),
    ("sometimes", 0, "'sometimes' is not a word of a rule: expected a call"),
]
# Wrong effects.
NO_WHATS = [
    ("touch errno:EIO", None, "touch goes with delay only: expected delay:TIME"),
    ("touch poison", None, "touch goes with delay only: expected delay:TIME"),
    ("touch sigbus", None, "touch goes with delay only: expected delay:TIME"),
    ("touch disable", None, "touch goes with delay only: expected delay:TIME"),
    ("touch mmap delay:1ms", None, "expected one rule for each"),
    ("errno:EIO", None, "errno needs a call: expected open, mmap"),
    ("delay:1ms", None, "delay needs a call: expected open, mmap"),
    ("poison delay:1ms", None, "delay needs a call: expected open, mmap"),
    ("poison sigbus", 7, "exclude each other: expected one of poison, sigbus"),
    ("mmap errno:EIO disable", 15, "exclude each other: expected one of poison, sigbus"),
    ("sigbus latent", None, "latent goes with poison only: expected poison"),
    ("open errno:EIO offset:2M", None, "expected no offset and no length"),
    ("write delay:1ms length:2M", None, "expected no offset and no length"),
    ("disable offset:2M", None, "expected no offset and no length"),
    ("mmap errno:EVIL", 11, "'EVIL' is not the name of an error: expected errno:NAME"),
    ("mmap nth:3", None, "expected poison, sigbus, errno:NAME, delay:TIME or disable"),
    ("fork errno:EIO", 0, "'fork' is not a word of a rule: expected a call"),
]
MISTAKES = NO_WHATS + [(f"{what.words} {when}", at if at is None else len(what.words) + 1 + at, said)
                       for what in WHATS.values() for when, at, said in NO_WHENS]


@pytest.fixture(scope="module")
def idle():
    """A daemon without clients, for rules that it refuses."""
    with new_workdir() as path:
        d = Daemon(path, "root" if IS_ROOT else "nobody")
        d.start("[region 0]\nsize=6M\n")
        yield d
        assert d.control("fault") == []
        d.stop()


@pytest.mark.plain
@pytest.mark.parametrize("rule, at, said", MISTAKES, ids=[m[0] for m in MISTAKES])
def test_refused_with_its_place(workdir, idle, rule, at, said):
    """A wrong rule is refused in all three ways with the position of the mistake, without effect."""
    place = f"at character {(len(rule) if at is None else at) + 1}: "
    config = workdir / "config"
    config.write_text(f"[region 0]\nsize=6M\n[fault 1]\nrule={rule}\n")
    for result, status, prefix in (
            (run([DAEMON, f"--config={config}", "--check-config"]), 1, f"{config}:4: rule=: "),
            (run([BUILD / "daxrun", "--fault", rule, "--", "touch", workdir / "ran"]), 125, ""),
            (idle.ctl("fault", "add", rule), 1, f"rule '{rule}': ")):
        assert result.returncode == status and result.stdout == ""
        assert prefix + place in result.stderr and said in result.stderr, result.stderr
    assert not (workdir / "ran").exists()


@pytest.mark.plain
@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("align", ["4K", "2M"])
def test_touches_of_files_are_refused(new_daemon, daxrun, workdir, align, when):
    """Files cannot be registered with a userfaultfd, so touch rules for them are always refused."""
    words = WHENS[when].text.format(P=1, uid=0, file="/x", there="/x")
    rule = f"{WHATS['touch'].words} {words}"
    said = ("touches of dax0.0 can't be delayed, it is in a file (only memory, hugetlb and "
            "hugetlbfs)")
    region = f"[region 0]\nsize=6M\nalign={align}\nbacking=pmem:{workdir}/image\n"
    d = new_daemon()
    assert said in d.fail(region + f"[fault 1]\nrule={rule}\n")
    result = daxrun.any("-d", f"dax0.0,size=6M,align={align},backing=pmem:{daxrun.dir}/image",
                        "--fault", rule, "--", "touch", "ran")
    assert result.returncode == 125 and said in result.stderr
    assert not (daxrun.dir / "ran").exists()
    d.start(region)
    result = d.ctl("fault", "add", rule)
    assert result.returncode == 1 and said in result.stderr
    assert d.control("fault") == []


@pytest.mark.plain
@pytest.mark.parametrize("backing", ["hugetlb", "hugetlbfs:/there/is/none"])
def test_stores_that_can_not_be(workdir, daxrun, backing):
    """Huge pages have 2 MiB, so stores on them refuse align=4K: no 4 KiB unit could go bad alone."""
    said = f"align=4K is not possible on {backing.split(':')[0]}, whose pages are mapped whole"
    config = workdir / "config"
    config.write_text(f"[region 0]\nsize=6M\nalign=4K\nbacking={backing}\n"
                      "[fault 1]\nrule=poison offset:2M length:4K\n")
    result = run([DAEMON, f"--config={config}", "--check-config"])
    assert result.returncode == 1 and said in result.stderr
    result = daxrun.any("-d", f"dax0.0,size=6M,align=4K,backing={backing}", "--fault",
                        "poison offset:2M length:4K", "--", "touch", "ran")
    assert result.returncode == 125 and said in result.stderr
    assert not (daxrun.dir / "ran").exists()
