# SPDX-License-Identifier: BSD-2-Clause
"""
Tables of effects ("what") and conditions ("when") of fault rules, and runs in which each pair, a
cell, has a device of its own.

A run is one daemon on one kind of store, whose rules come in one of three ways. It records what
programs saw of each cell, and test_faults_matrix.py judges. Programs in a run:

  A  the actor; for cells with pid: it is P, a program whose pid is known before the start
  B  another program: a witness, for which calls are counted separately
"""

import collections
import contextlib
import errno
import fcntl
import functools
import json
import os
import pathlib
import select
import subprocess
import time
import traceback

from conftest import (BUILD, CTL, IS_ROOT, NOBODY, SETPRIV, TIMEOUT, Daemon, environment,
                      hugepage_pool, in_memory, new_workdir, unmount_hugetlbfs)
from daxrun import Daxrun, prog, until
from faults import ALIGN, MIB
from wire import Wire

CALLS = {"open": "EMFILE", "mmap": "ENOMEM", "munmap": "EINVAL", "mprotect": "EACCES",
         "mremap": "EFAULT", "msync": "EIO", "madvise": "EAGAIN", "write": "ENOSPC"}
COMM = "fault_matrix"
LATE = 1000000  # ns
MANY = 8        # calls of the actor
FEW = 4         # calls of the other program

What = collections.namedtuple("What", "kind call words")
WHATS = {
    "poison": What("poison", None, "poison"),
    "latent": What("latent", None, "poison latent"),
    "sigbus": What("sigbus", None, "sigbus"),
    "disable": What("disable", None, "disable"),
    "touch": What("touch", "touch", f"touch delay:{LATE // 1000}us"),
    **{f"{c}-errno": What("errno", c, f"{c} errno:{e}") for c, e in CALLS.items()},
    **{f"{c}-delay": What("delay", c, f"{c} delay:{LATE // 1000}us") for c in CALLS},
}
MEMORY = ("poison", "latent", "sigbus")

class When:
    """A condition such as nth:3, as words of a rule and with its meaning."""

    def __init__(self, text):
        self.text = text
        self.words = dict(w.split(":") if ":" in w else (w, "") for w in text.split())

    def has(self, *names):
        return any(n in self.words for n in names)

    @property
    def counts(self):
        return self.has("nth", "every", "probability", "times")

    @property
    def has_whom(self):
        return self.has("pid", "uid", "comm")

    def rule(self, run, cell):
        words = self.text.replace("{P}", str(run.pid_of_p)).replace("{uid}", str(run.uid))
        return words.replace("{file}", str(cell.file)).replace("{there}", "/proc/self")

    def is_for(self, who):
        """True if the condition allows the program "A", "B" or "P"."""
        return (self.words.get("pid") in (None, "{P}" if who == "P" else None)
                and self.words.get("uid") in (None, "{uid}")
                and self.words.get("comm") in (None, COMM if who != "B" else "fault_other"))

    def hits(self, who, nr, what):
        """Return: which of the first nr calls of a process are hit, counted from 1."""
        if not self.is_for(who):
            return []
        found = [n for n in range(1, nr + 1)
                 if ("nth" not in self.words or n == int(self.words["nth"]))
                 and ("every" not in self.words or n % int(self.words["every"]) == 0)
                 and ("probability" not in self.words or self.chance(n, what))]
        return found[:int(self.words["times"])] if "times" in self.words else found

    def chance(self, count, what):
        """True if the call with this count is hit by chance; must equal libcore/fault.c for ever."""
        kinds = ["", "poison", "sigbus", "errno", "disable", "delay"]
        kind = {"latent": "poison", "touch": "delay"}.get(what.kind, what.kind)
        call = what.call or "mmap"
        number = [*CALLS, "touch"].index(call)
        error = getattr(errno, CALLS[call]) if kind == "errno" else 0
        off = BAD if kind in MEMORY else 0
        x = mix(int(self.words.get("seed", 0)))
        x = mix(x ^ (1 << number << 32 | kinds.index(kind) << 16 | error))
        x = mix(x ^ off ^ (LATE if kind == "delay" else 0))
        part = self.words["probability"]
        part = float(part[:-1]) / 100 if part.endswith("%") else float(part)
        return mix(x ^ count) >> 32 < part * (1 << 32)


def mix(x):
    mask = (1 << 64) - 1
    x = (x + 0x9e3779b97f4a7c15) & mask
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & mask
    x = (x ^ x >> 27) * 0x94d049bb133111eb & mask
    return x ^ x >> 31


AFTER = 700  # ms
WHENS = {
    "always": When("always"),
    "nth": When("nth:3"),
    "every": When("every:2"),
    "probability": When("probability:50% seed:7"),
    "times": When("times:2"),
    "after": When(f"after:{AFTER}ms"),
    "while": When("while:{file}"),
    "pid": When("pid:{P}"),
    "other-pid": When("pid:1"),
    "uid": When("uid:{uid}"),
    "other-uid": When("uid:4242"),
    "comm": When(f"comm:{COMM}"),
    "other-comm": When("comm:nobody_else"),
    "witness-comm": When("comm:fault_other"),
    "every+times": When("every:2 times:2"),
    "nth+comm": When(f"nth:4 comm:{COMM}"),
    "nth+other-comm": When("nth:2 comm:nobody_else"),
    "probability+times": When("probability:0.5 seed:9 times:2"),
    "all-whom+every": When("every:3 uid:{uid} pid:{P} comm:" + COMM),
    "after+nth": When("after:0s nth:2"),
    "while+every": When("while:{there} every:4"),
}

STORES = {"memfd": ("4K", "2M"), "pmem": ("4K", "2M"), "hugetlb": ("2M",), "hugetlbfs": ("2M",)}
WAYS = ("config", "daxrun", "running")

BAD = 2 * MIB  # offset of the unit that goes bad, and of the stretch that a rule names
SIZE = 6 * MIB
UNITS = MANY   # in a device whose first touches are counted


class Cell:
    """An effect with a condition, and its device in a run."""

    def __init__(self, what, when):
        self.name = f"{what}-{when}"
        self.what = WHATS[what]
        self.when = WHENS[when]
        self.is_memory = self.what.kind in MEMORY
        self.number = None
        self.file = None
        self.rule = None
        self.record = {}

    @property
    def actor(self):
        return "P" if self.when.words.get("pid") == "{P}" else "A"

    @property
    def is_trigger(self):
        """True if a call of mmap triggers the rule."""
        if self.what.kind == "disable":
            return self.when.counts or self.when.has_whom
        return self.is_memory and self.when.counts

    def size(self, unit):
        return UNITS * unit if self.what.kind == "touch" and unit > 4096 else SIZE


class Program:
    """build/progs/fault_matrix: sends many lines at once, gets an answer to each."""

    def __init__(self, command, **kwargs):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **kwargs)
        self.buffer = b""
        self.hello = self.line()
        self.pid = self.hello["pid"]

    def line(self):
        while b"\n" not in self.buffer:
            assert select.select([self.process.stdout], [], [], TIMEOUT)[0], "no answer"
            got = os.read(self.process.stdout.fileno(), 65536)
            assert got, f"it has ended: {self.process.wait(TIMEOUT)}"
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def __call__(self, *lines):
        """Let the program execute all lines. Return: the answers."""
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        self.process.stdin.flush()
        return [self.line() for _ in lines]

    def join(self, directory, preload):
        """Let the program execute itself under the shim, as the same process."""
        self.hello, = self(f"join {directory} {preload}")
        assert self.hello == {"pid": self.pid, "dir": str(directory), "preload": str(preload)}

    def end(self, kill=False):
        if kill:
            self.process.kill()
        self.process.stdin.close()
        status = self.process.wait(TIMEOUT)
        self.process.stdout.close()
        return status


class Run:
    """One daemon with the cells that it serves."""

    def __init__(self, store, align, way, cells, workdir):
        self.store = store
        self.align = align
        self.unit = ALIGN[align]
        self.way = way
        self.cells = cells
        self.workdir = workdir
        self.hugetlbfs = None
        # Only huge pages need root; everything else runs without privilege.
        self.user = "root" if store.startswith("huge") else "nobody"
        self.as_nobody = self.user == "nobody" and IS_ROOT
        self.uid = NOBODY if self.as_nobody else os.geteuid()
        self.dir = None
        self.log = workdir / "faults.log"
        self.pid_of_p = None
        self.programs = {}
        for number, cell in enumerate(cells):
            cell.number = number
            cell.file = workdir / f"while{number}"

    def backing(self, number):
        return {"pmem": f"pmem:{self.workdir}/image{number}", "memfd": "memfd",
                "hugetlb": "hugetlb",
                "hugetlbfs": f"hugetlbfs:{self.hugetlbfs}/file{number}"}[self.store]

    def config(self):
        return "".join(
            f"[region {c.number}]\nsize={c.size(self.unit)}\nalign={self.align}\n"
            f"backing={self.backing(c.number)}\n"
            f"type={'static' if c.is_memory else 'dynamic'}\n" for c in self.cells)

    def pages(self):
        return sum(c.size(self.unit) // (2 * MIB) + 1 for c in self.cells)

    def rule_of(self, cell):
        where = f" offset:{BAD} length:1 unit:align" if cell.is_memory else ""
        return f"device:{cell.number}.0{where} {cell.what.words} {cell.when.rule(self, cell)}"

    def program(self, name):
        path = self.workdir / name
        if not path.exists():
            path.symlink_to(prog("fault_matrix"))
        return [*(SETPRIV if self.as_nobody else []), path]

    def join(self, name, preload):
        self.programs[name].join(self.dir, preload)

    @contextlib.contextmanager
    def started(self):
        """Start the daemon and the programs, and record when the rules came into force."""
        if self.as_nobody:
            os.chown(self.workdir, NOBODY, NOBODY)
            os.chown(in_memory(self.workdir), NOBODY, NOBODY)
        names = {"A": COMM, "B": "fault_other", "P": COMM}
        with contextlib.ExitStack() as stack:
            def launch(name):
                p = self.programs[name] = Program(self.program(names[name]), env=environment())
                stack.callback(lambda: p.process.poll() is None and p.end(kill=True))

            if self.way == "daxrun":
                d = Daxrun(self.workdir, self.user)
                stack.callback(d.check_gone)
            launch("B")
            launch("P")
            self.pid_of_p = self.programs["P"].pid
            for cell in self.cells:
                cell.rule = self.rule_of(cell)
            begin = time.monotonic_ns()
            if self.way == "daxrun":
                self.start_daxrun(stack, d)
            else:
                launch("A")
                self.start_daemon(stack)
            self.wire = stack.enter_context(Wire(self.dir, timeout=TIMEOUT))
            self.came = {c.number: [begin, time.monotonic_ns()] for c in self.cells}
            yield self

    def start_daemon(self, stack):
        config = f"[daemon]\nfault-log={self.log}\n" + self.config()
        if self.way == "config":
            config += "".join(f"[fault {c.number + 1}]\nrule={c.rule}\n" for c in self.cells)
        d = Daemon(self.workdir, self.user)
        d.start(config)
        stack.callback(lambda: d.process and d.stop())
        self.dir = d.dir
        for name in self.programs:
            self.join(name, BUILD / "libdaxshim.so")

    def start_daxrun(self, stack, d):
        d.write("config", self.config())
        options = []
        for cell in self.cells:
            options += ["--fault", cell.rule]
        command = d.command("-q", "-c", d.dir / "config", "--fault-log", self.log, *options,
                            "--", self.workdir / COMM)
        a = self.programs["A"] = Program(command, env=d.env(), cwd=d.dir)
        stack.callback(lambda: a.process.poll() is None and a.end())
        self.dir = pathlib.Path(a.hello["dir"])
        for name in ("B", "P"):
            self.join(name, a.hello["preload"])

    def control(self, verb, **fields):
        error, answer = self.wire.control_raw(json.dumps({"verb": verb, **fields}).encode())
        assert error == 0, answer
        return answer

    def add_rules(self):
        """Add rules without a condition through cuse-daxctl, others by the same request."""
        for cell in self.cells:
            begin = time.monotonic_ns()
            if cell.when is WHENS["always"]:
                command = [*(SETPRIV if self.as_nobody else []), CTL, f"--runtime-dir={self.dir}",
                           "fault", "add", cell.rule]
                result = subprocess.run(command, env=environment(), text=True,
                                        capture_output=True, check=True, timeout=TIMEOUT)
                answer = json.loads(result.stdout)
            else:
                answer = self.control("fault", action="add", rule=cell.rule)
            self.came[cell.number] = [begin, time.monotonic_ns()]
            assert answer["id"] == cell.number + 1

    def points(self, cell):
        """Return: the offsets where bytes are stored, in the unit that goes bad and around it."""
        if cell.what.kind == "touch":
            return [n * self.unit + 5 for n in range(UNITS)]
        around = [0, BAD - 1, BAD + self.unit, SIZE - 1]
        return sorted([*around, *self.inside()]) if cell.is_memory else [0, BAD, SIZE - 1]

    def inside(self):
        return [BAD, BAD + 9, BAD + self.unit - 1]

    def byte(self, cell):
        return cell.number % 200 + 11

    def do(self, cell, who, *lines):
        return self.programs[who](*[f"{line.split(' ', 1)[0]} {cell.number}"
                                    + (" " + line.split(" ", 1)[1] if " " in line else "")
                                    for line in lines])

    def call(self, cell, who, *words):
        n = cell.number
        extra = {"open": f"open /dev/dax{n}.0", "mmap": f"mmap {cell.size(self.unit)}",
                 "mmap2": f"mmap2 {cell.size(self.unit)}",
                 "write": f"write /sys/bus/dax/devices/dax{n}.0/size {SIZE} {SIZE - 2 * MIB}"}
        return self.do(cell, who, *[extra.get(w, w) for w in words])

    def peek(self, cell, who, points=None):
        points = self.points(cell) if points is None else points
        return self.do(cell, who, "peek " + " ".join(map(str, points)))[0]

    def poke(self, cell, who, points=None):
        points = self.points(cell) if points is None else points
        return self.do(cell, who, f"poke {self.byte(cell)} " + " ".join(map(str, points)))[0]

    def bind(self, cell, word):
        path = f"/sys/bus/dax/drivers/device_dax/{word}"
        answer, = self.do(cell, "A", f"write {path} dax{cell.number}.0 x")
        assert answer["r"] == "ok", answer

    def others(self, cell):
        """Return: calls that the rule does not name and that are possible in the cell."""
        return {"open": ["mprotect", "mprotect", "msync"], "write": [],
                "mmap": ["open", "mprotect", "mprotect", "mremap", "msync", "madvise"],
                }.get(cell.what.call, [c for c in CALLS if c not in (cell.what.call, "write")])

    def prepare(self, cell):
        """Open, map and fill the device, before rules are added or before the cell's calls."""
        both = {cell.actor: "actor", "B": "other"}
        record = cell.record["prepared"] = {}
        if cell.what.call == "write":
            self.bind(cell, "unbind")
            return
        is_running = self.way == "running"
        if cell.what.call == "open" and not is_running:
            return
        for who, name in both.items():
            record[name] = self.call(cell, who, "open")
            if is_running or not (cell.what.call == "mmap" or cell.is_trigger):
                record[name] += self.call(cell, who, "mmap")
        # Store nothing where memory may be bad from the beginning, or where touches count.
        if self.way == "running" or cell.what.kind != "touch":
            record["bytes"] = self.poke(cell, cell.actor, self.stored(cell))

    def stored(self, cell):
        """Return: the offsets where bytes are stored first."""
        if self.way == "running" or not cell.is_memory:
            return self.points(cell)
        return [p for p in self.points(cell) if p not in self.inside()]

    def run_calls(self, cell, part=None):
        """Make the actor's calls, the other program's, and then calls that the rule does not name."""
        record = cell.record
        if part is None:
            part = slice(0, MANY)
        nr = len(range(MANY)[part])
        record.setdefault("calls", [])
        record["calls"] += self.call(cell, cell.actor, *[cell.what.call] * nr)
        if part.stop == MANY:
            record["other"] = self.call(cell, "B", *[cell.what.call] * FEW)
            if cell.what.call != "write":
                record["others"] = self.call(cell, cell.actor, *self.others(cell))

    @staticmethod
    def trigger(cell):
        """Return: the triggering call. mmap2 maps at another place, as a failed mmap of a disabled
        device would remove the mapping at this place."""
        return "mmap" if cell.is_memory else "mmap2"

    def run_trigger(self, cell):
        record = cell.record
        record["calls"] = []
        record["seen"] = []
        for _ in range(MANY):
            record["calls"] += self.call(cell, cell.actor, self.trigger(cell))
            if "v" not in record["prepared"].get("bytes", {}):
                record["prepared"]["bytes"] = self.poke(cell, cell.actor, self.stored(cell))
            record["seen"].append(self.look_at(cell, cell.actor))
        record["listed"] = self.listed(cell)
        if self.way != "running":
            record["other_call"] = self.call(cell, "B", self.trigger(cell))
        record["other_seen"] = self.look_at(cell, "B")
        record["listed_by_other"] = self.listed(cell)

    def look_at(self, cell, who):
        """Load all points. If any is bad, store and use a system call there. If the rule disables the
        device, open and map it."""
        seen = {"load": self.peek(cell, who)}
        if cell.is_memory and any(isinstance(v, list) for v in seen["load"].get("v", [])):
            seen["store"] = self.poke(cell, who, self.inside())
            seen["kernel"], = self.do(cell, who, f"kernel {BAD}")
        if cell.what.kind == "disable":
            seen["open"], = self.call(cell, who, "open")
            if not cell.is_trigger:
                seen["mmap"], = self.call(cell, who, "mmap2")
        return seen

    def listed(self, cell, listed=None):
        path = self.dir / "sys/bus/nd/devices" / f"region{cell.number}" / "badblocks"
        entry = (listed or {d["chardev"]: d for d in self.control("list")})[f"dax{cell.number}.0"]
        return {"list": entry.get("badblocks", []), "state": entry.get("state"),
                "sysfs": path.read_text() if cell.is_memory else ""}

    def start_of(self, cell):
        """Return: the offset of the device in its region."""
        device = self.dir / f"sys/bus/dax/devices/dax{cell.number}.0/resource"
        region = self.dir / f"sys/bus/nd/devices/region{cell.number}/resource"
        return int(device.read_text(), 16) - int(region.read_text(), 16)

    def run_memory(self, cell, name):
        """Record what both programs and the daemon's lists show now."""
        cell.record[name] = {"listed_before": self.listed(cell),
                             "actor": self.look_at(cell, cell.actor),
                             "other": self.look_at(cell, "B"),
                             "listed": self.listed(cell)}

    def await_bad(self, cell, is_bad, what):
        """Wait until both programs have followed; no reply of the daemon says so here."""
        for who in (cell.actor, "B"):
            until(lambda: self.is_bad(cell, who) == is_bad, f"{cell.rule} {what} of {who}")

    def is_bad(self, cell, who):
        seen = self.peek(cell, who, [BAD])
        cell.record.setdefault("polled", {}).setdefault(who, []).append(seen)
        # A program that could not map a disabled device has no memory to load.
        return "v" not in seen or isinstance(seen["v"][0], list)

    def run_touches(self, cell, units):
        points = self.points(cell)
        touch = self.poke if self.way != "running" else self.peek
        record = cell.record
        for n in units:
            record.setdefault("calls", []).append(touch(cell, cell.actor, [points[n]]))
            record.setdefault("again", []).append(self.peek(cell, cell.actor, [points[n]]))
        if units.stop == MANY:
            record["other"] = [self.peek(cell, "B", [points[n]]) for n in range(FEW)]

    def run_cell(self, cell):
        if cell.when.has("after") and not cell.when.counts:
            self.run_part(cell, "before")
        elif cell.when.has("while") and not cell.when.counts:
            self.run_while(cell)
        elif cell.is_trigger:
            self.run_trigger(cell)
        elif cell.is_memory or cell.what.kind == "disable":
            self.run_memory(cell, "now")
        elif cell.what.kind == "touch":
            self.run_touches(cell, range(MANY))
        else:
            self.run_calls(cell)

    def run_part(self, cell, name):
        """Do half of the cell before the time of after:, or the other half afterwards."""
        half = slice(0, MANY // 2) if name == "before" else slice(MANY // 2, MANY)
        if cell.is_memory or cell.what.kind == "disable":
            if name == "after":
                self.await_bad(cell, True, "comes into force")
                self.run_memory(cell, "now")
            else:
                self.is_bad(cell, cell.actor)
                self.is_bad(cell, "B")
        elif cell.what.kind == "touch":
            self.run_touches(cell, range(half.start, half.stop))
        else:
            self.run_calls(cell, half)

    def run_while(self, cell):
        is_held = cell.is_memory or cell.what.kind == "disable"
        for name, part in (("absent", slice(0, 2)), ("there", slice(2, 5)),
                           ("gone", slice(5, MANY))):
            if name == "there":
                cell.file.touch()
            elif name == "gone":
                cell.file.unlink()
            if is_held:
                want = name == "there"
                if name != "absent":
                    self.await_bad(cell, want, name)
                self.run_memory(cell, name)
            elif cell.what.kind == "touch":
                self.run_touches(cell, range(part.start, part.stop))
            else:
                self.run_calls(cell, part)

    def carry_out(self):
        is_running = self.way == "running"
        with self.started():
            late = [c for c in self.cells if c.when.text == WHENS["after"].text]
            for cell in self.cells if is_running else late:
                self.prepare(cell)
            if is_running:
                self.add_rules()
            for cell in late:
                self.run_cell(cell)
            for cell in self.cells:
                if cell not in late:
                    if not is_running:
                        self.prepare(cell)
                    self.run_cell(cell)
            if late:
                end = max(self.came[c.number][1] for c in late) + AFTER * 1000000
                until(lambda: time.monotonic_ns() > end, "the time has come")
            for cell in late:
                self.run_part(cell, "after")
            self.finish()
        return {c.name: c.record for c in self.cells}

    def events(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def finish(self):
        """Record log and counters, then remove all rules and record the state without them."""
        # Touches are reported late: wait for the last ones.
        until(lambda: self.is_told(self.control("stats")["faults"]), "all touches are told")
        all_stats = self.control("stats")
        by_device = {d["chardev"]: d["faults"] for d in all_stats["devices"]}
        stats = all_stats["faults"]
        events = self.events()
        counted = collections.Counter(e["pid"] for e in events)
        assert {p["pid"]: p["given"] for p in stats["processes"]} == counted
        assert stats["given"] == len(events)
        for cell in self.cells:
            rule = cell.number + 1
            mine = [e for e in events if e["rule"] == rule]
            cell.record["events"] = mine
            cell.record["device_events"] = [e for e in events
                                            if e["device"] == f"dax{cell.number}.0"]
            cell.record["given"] = [r["given"] for r in stats["rules"] if r["id"] == rule]
            cell.record["given_by_device"] = by_device[f"dax{cell.number}.0"]
            cell.record["rule"] = [r["rule"] for r in stats["rules"] if r["id"] == rule]
            cell.record["pids"] = {k: p.pid for k, p in self.programs.items()}
            cell.record["came"] = self.came[cell.number]
            cell.record["number"] = cell.number
            if cell.is_memory:
                cell.record["start"] = self.start_of(cell)
        for cell in self.cells:
            self.control("fault", action="remove", rule=str(cell.number + 1))
        nr = len(self.events())
        for cell in self.cells:
            if cell.what.call == "write":
                size = self.dir / f"sys/bus/dax/devices/dax{cell.number}.0/size"
                cell.record["resized"] = self.call(
                    cell, "A", *["write"] * (int(size.read_text()) != SIZE))
                self.bind(cell, "bind")
        for cell in self.cells:
            for who, name in ((cell.actor, "actor_at_last"), ("B", "other_at_last")):
                cell.record[name] = {"calls": self.call(cell, who, "open", "mmap"),
                                     "bytes": self.peek(cell, who)}
        listed = {d["chardev"]: d for d in self.control("list")}
        for cell in self.cells:
            cell.record["listed_at_last"] = self.listed(cell, listed)
        for cell in self.cells:
            cell.record["late_events"] = len(self.events()) - nr

    def is_told(self, stats):
        """True if all touches have been counted; other faults are reported at once."""
        given = {r["id"]: r["given"] for r in stats["rules"]}
        return all(given[c.number + 1] >= self.touched(c) for c in self.cells
                   if c.what.kind == "touch")

    @staticmethod
    def touched(cell):
        if cell.when is WHENS["after"]:
            return MANY // 2 + FEW
        if cell.when is WHENS["while"]:
            return 3
        return len(cell.when.hits(cell.actor, MANY, cell.what)) + \
            len(cell.when.hits("B", FEW, cell.what))


def new_cells(store, whens):
    """Return: the cells of a store. Touches of files are refused (test_faults_matrix.py)."""
    return [Cell(what, when) for when in whens for what in WHATS
            if what != "touch" or store != "pmem"]


@contextlib.contextmanager
def store_for(store, workdir, pages):
    """Provide huge pages, and a file system of them, for the stores that need them."""
    if not store.startswith("huge"):
        yield None
        return
    with hugepage_pool() as resize:
        resize(pages)
        if store == "hugetlb":
            yield None
            return
        path = workdir / "huge"
        path.mkdir()
        subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", path], check=True)
        try:
            yield path
        finally:
            unmount_hugetlbfs(path)


def carry_out(store, align, way, when):
    """Carry out a run. Return: {cell: record}."""
    with contextlib.ExitStack() as stack:
        workdir = stack.enter_context(new_workdir())
        run = Run(store, align, way, new_cells(store, [when]), workdir)
        run.hugetlbfs = stack.enter_context(store_for(store, workdir, run.pages()))
        return run.carry_out()


@functools.lru_cache(maxsize=4)
def once(place, *run):
    """Return: the records of a run, which the first worker that needs them carries out."""
    name = "-".join(run)
    with open(place / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = place / f"{name}.json"
        if not path.exists():
            try:
                path.write_text(json.dumps(carry_out(*run)))
            except Exception:
                path.write_text(json.dumps({"failed": traceback.format_exc()}))
        return json.loads(path.read_text())
