# SPDX-License-Identifier: BSD-2-Clause
"""Run fio, a libpmemobj program and a Python program at once on one device that goes bad.

Used here (tests/faults/test_faults_live.py) and in a guest (faults_checks.py), so it depends on
neither pytest nor the guest's harness.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time

MIB = 1 << 20
UNIT = 2 * MIB
SIZE = 64 * MIB
CONFIG = f"[region 0]\nsize={SIZE}\n[device 0.0]\nmode=0666\n"
DEVICE = "/dev/dax0.0"
POOL = 0  # the unit with the pool's header and the lane that its transactions use
DATA = range(8, 16)  # units with a pattern in them
LONE = 11  # one of them, which goes bad while only Python uses it
AT = 0x12345  # not at the start of the unit

# Prints the siginfo of SIGBUS, waits for a line, and repeats the access.
PYTHON = """
import ctypes, mmap, os, sys, zlib
UNIT = 2 << 20
m = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), int(sys.argv[2]))
base = ctypes.addressof(ctypes.c_char.from_buffer(m))

@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def on_sigbus(number, info, context):
    code = ctypes.c_int.from_address(info + 8).value
    address = ctypes.c_uint64.from_address(info + 16).value
    lsb = ctypes.c_short.from_address(info + 24).value
    print('SIGBUS', code, address - base, lsb, flush=True)
    sys.stdin.readline()

act = (ctypes.c_uint64 * 19)()  # struct sigaction: handler, 16 words of mask, flags
act[0] = ctypes.cast(on_sigbus, ctypes.c_void_p).value
act[17] = 4  # SA_SIGINFO
assert ctypes.CDLL(None).sigaction(7, act, None) == 0
print('ready', flush=True)
while line := sys.stdin.readline():
    word, *numbers = line.split()
    numbers = [int(n) for n in numbers]
    if word == 'fill':
        for n in numbers:
            m[n * UNIT:(n + 1) * UNIT] = os.urandom(4096) * (UNIT // 4096)
    elif word == 'load':
        print(m[numbers[0]], flush=True)
    else:
        print(*(zlib.crc32(m[n * UNIT:(n + 1) * UNIT]) for n in numbers), flush=True)
"""
BUS_MCEERR_AR = 4


def wait_for(condition, what, timeout=60):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not in {timeout} s: {what}"
        time.sleep(0.02)


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:13]))


class Program:
    """A program that reads commands and prints results, line by line."""

    def __init__(self, stack, start, argv):
        self.p = start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, cwd="/tmp", pipesize=4096)
        # A reader of its output must not wait for ever.
        self.timer = threading.Timer(300, self.p.kill)
        self.timer.start()
        stack.callback(self.end)

    def end(self):
        self.timer.cancel()
        self.p.kill()
        with contextlib.suppress(ValueError):  # its pipes are closed already
            self.p.communicate()

    def __call__(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def line(self):
        line = self.p.stdout.readline()
        assert line, (self.p.wait(60), self.p.stderr.read())
        return line.strip()

    def ask(self, line):
        self(line)
        return self.line()

    def crcs(self, units):
        return dict(zip(units, self.ask("crc " + " ".join(map(str, units))).split()))

    def killed_by(self):
        """Discard the remaining output. Return: the signal that killed the program."""
        self.p.stdin.close()
        self.p.stdout.read()
        return -self.p.wait(60)


class Live:
    """
    start(argv, **popen)	start a client of the daemon's device
    ctl(*args)			run cuse-daxctl; its output, parsed from JSON
    log				the daemon's --fault-log
    obj_commits			the libpmemobj program
    """

    def __init__(self, start, ctl, log, obj_commits):
        self.start = start
        self.ctl = ctl
        self.log = log
        self.obj_commits = obj_commits
        self.nr_seen = 0

    def fio(self, stack, size, *more):
        return Program(stack, self.start, [
            "fio", "--name=x", "--thread", "--ioengine=dev-dax", f"--filename={DEVICE}", "--bs=4K",
            f"--size={size}", *more])

    def fio_for_ever(self, stack, size, *more):
        program = self.fio(stack, size, "--time_based", "--runtime=600", *more)
        wait_for(lambda: program.p.pid in self.pids() or program.p.poll() is not None, "fio has mapped it")
        assert program.p.poll() is None, program.p.communicate()
        return program

    def pids(self):
        return {m["pid"] for m in self.ctl("mappings")}

    def inject(self, unit):
        self.ctl("inject", "dax0.0", "--offset", unit * UNIT, "--length", UNIT)
        assert self.bad() == [(unit * UNIT, UNIT)]

    def clear(self):
        self.ctl("clear", "dax0.0")
        assert self.bad() == []

    def bad(self):
        (device,) = self.ctl("list")
        return [(b["offset"] * 512, b["length"] * 512) for b in device.get("badblocks", [])]

    def met(self):
        """Return: [(comm, pid, unit)] of accesses to bad memory since the last call."""
        with open(self.log) as f:
            events = [json.loads(line) for line in f]
        new, self.nr_seen = events[self.nr_seen:], len(events)
        assert all(e["call"] == "touch" and e["device"] == "dax0.0" for e in new), new
        return sorted((e["comm"], e["pid"], e["offset"] // UNIT) for e in new)

    def run(self):
        with contextlib.ExitStack() as stack:
            self._run(stack)

    def _run(self, stack):
        pmem = Program(stack, self.start, [self.obj_commits, "work", DEVICE])
        assert pmem.line() == "1"
        python = Program(stack, self.start, ["/usr/bin/python3", "-c", PYTHON, DEVICE, str(SIZE)])
        assert python.line() == "ready"
        fio = self.fio_for_ever(stack, 16 * MIB, "--rw=read")
        # This fio maps the whole device but reads only the second half.
        other_fio = self.fio_for_ever(stack, SIZE, "--rw=randread", "--random_distribution=zoned:0/50:100/50")
        want = {x.p.pid for x in (pmem, python, fio, other_fio)}
        assert self.pids() == want, (self.ctl("mappings"), want)
        python("fill " + " ".join(map(str, DATA)))
        filled = python.crcs(DATA)
        assert len(set(filled.values())) == len(DATA)

        def goes_on(*running):
            """Check that programs do their work for some time without meeting bad memory."""
            for program in running:
                if program is pmem:
                    numbers = [int(pmem.line()) for _ in range(2000)]
                    assert numbers == list(range(numbers[0], numbers[0] + 2000))
                else:
                    ticks = cpu_ticks(program.p.pid)
                    wait_for(lambda: cpu_ticks(program.p.pid) > ticks + 10 or program.p.poll() is not None,
                             "fio goes on")
                    assert program.p.poll() is None, program.p.communicate()
            assert self.met() == []

        # Only Python uses this unit.
        everybody = (pmem, fio, other_fio)
        self.inject(LONE)
        goes_on(*everybody)
        others = [n for n in range(SIZE // UNIT) if n != LONE]
        kept = python.crcs(others)
        assert {n: kept[n] for n in DATA if n != LONE} == {n: filled[n] for n in DATA if n != LONE}
        for off in (LONE * UNIT - 1, (LONE + 1) * UNIT):
            assert python.ask(f"load {off}").isdigit()
        assert self.met() == []
        assert python.ask(f"load {LONE * UNIT + AT}") == f"SIGBUS {BUS_MCEERR_AR} {LONE * UNIT + AT} 21"
        assert self.met() == [("python3", python.p.pid, LONE)]
        goes_on(*everybody)
        self.clear()
        assert python.ask("again") == "0"
        goes_on(*everybody)

        # All three programs use this unit; the second fio does not.
        self.inject(POOL)
        assert fio.killed_by() == signal.SIGBUS
        assert pmem.killed_by() == signal.SIGBUS
        assert python.ask(f"load {POOL * UNIT + AT}") == f"SIGBUS {BUS_MCEERR_AR} {POOL * UNIT + AT} 21"
        assert self.met() == sorted([("fio", fio.p.pid, POOL), ("obj_commits", pmem.p.pid, POOL),
                                     ("python3", python.p.pid, POOL)])
        goes_on(other_fio)
        self.clear()
        assert python.ask("again") == "0", "what was bad is lost"
        assert set(python.crcs([POOL, LONE]).values()) == {python.crcs([SIZE // UNIT - 1])[SIZE // UNIT - 1]}

        # All go on, after those that died are started again.
        said, errors = self.fio(stack, 16 * MIB, "--rw=read").p.communicate(timeout=60)
        assert "err= 0" in said and not errors, said + errors
        pmem = Program(stack, self.start, [self.obj_commits, "work", DEVICE])
        goes_on(pmem, other_fio)
        pmem.p.kill()
        assert pmem.killed_by() == signal.SIGKILL
        check = Program(stack, self.start, [self.obj_commits, "check", DEVICE])
        assert int(check.line()) >= 2000 and check.p.wait(60) == 0
        now = python.crcs(DATA)
        assert {n for n in DATA if now[n] != filled[n]} == {LONE}
        assert self.met() == []
        assert python.p.poll() is None
