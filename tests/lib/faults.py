# SPDX-License-Identifier: BSD-2-Clause
"""Helpers for tests of faults: a program that executes commands, line by line."""

import contextlib
import json
import os
import select
import subprocess

from conftest import IS_ROOT, SETPRIV, TIMEOUT, BUILD, environment
from daxrun import DAXRUN, prog

MIB = 1 << 20
ALIGN = {"4K": 4096, "2M": 2 * MIB, "1G": 1 << 30}
SHIFT = {"4K": 12, "2M": 21, "1G": 30}


class Probe:
    """build/progs/fault_probe, executing one command at a time."""

    def __init__(self, command, **kwargs):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1,
                                        **kwargs)
        self.buffer = b""

    @property
    def pid(self):
        return self.process.pid

    def __call__(self, line):
        """Execute a command. Return: the line that the program prints."""
        self.process.stdin.write(line + "\n")
        return self.line()

    def line(self):
        while b"\n" not in self.buffer:
            assert select.select([self.process.stdout], [], [], TIMEOUT)[0], "no answer"
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                return ""
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def lines(self, line, count):
        return [self(line)] + [self.line() for _ in range(count - 1)]

    def timed(self, line):
        """Execute a command. Return: its result, and how many microseconds it took."""
        answer = self("timed " + line)
        return answer, int(self.line().removeprefix("us="))

    def end(self):
        """Let the program end. Return: its exit status."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        status = self.process.wait(TIMEOUT)
        self.process.stdout.close()
        return status


@contextlib.contextmanager
def probe_at(daemon, device="dax0.0", as_nobody=None, prefix=(), **kwargs):
    """Run the program as a client of a running daemon."""
    env = {**environment(), "CUSE_DAXD_RUNTIME_DIR": str(daemon.dir),
           "LD_PRELOAD": str(BUILD / "libdaxshim.so")}
    if as_nobody is None:
        as_nobody = daemon.as_nobody
    user = SETPRIV if as_nobody and IS_ROOT else []
    probe = Probe([*user, *prefix, prog("fault_probe"), f"/dev/{device}"], env=env, **kwargs)
    try:
        yield probe
    finally:
        if probe.process.poll() is None:
            probe.process.kill()
        probe.end()


def run_probe(run, lines, *options, device="dax0.0"):
    """Run daxrun OPTIONS -- fault_probe with these lines. Return: its output lines, the result."""
    result = run.any("-q", *options, "--", prog("fault_probe"), f"/dev/{device}",
                     input="\n".join(lines) + "\n")
    return result.stdout.splitlines(), result


def events(path):
    """Return: the events in the log of faults."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def bare(event):
    return {k: v for k, v in event.items() if k not in ("time", "pid", "thread")}


__all__ = ["ALIGN", "DAXRUN", "MIB", "Probe", "SHIFT", "bare", "events", "os", "probe_at",
           "run_probe"]
