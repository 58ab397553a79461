# SPDX-License-Identifier: BSD-2-Clause
"""Run programs under daxrun, in a directory of their own, as root or as nobody."""

import os
import pathlib
import re
import signal
import subprocess
import time

from conftest import BUILD, IS_ROOT, NOBODY, SETPRIV, TIMEOUT, environment, in_memory

DAXRUN = BUILD / "daxrun"
PROGS = BUILD / "progs"
MIB = 1 << 20


def prog(name):
    """Return: the path of a program of tests/progs, which `make progs` builds."""
    path = PROGS / name
    assert path.exists(), f"{path} is not there: make progs"
    return str(path)


def until(condition, what, timeout=TIMEOUT):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not in {timeout} s: {what}"
        time.sleep(0.002)


def processes(word):
    """Find processes with this word in their command or environment. Return: {pid: command}."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            text = command + pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if word.encode() in text and int(pid) != os.getpid() and state not in "ZX":
            found[int(pid)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def in_foreground():
    """Restore SIGINT and SIGQUIT, which are ignored if a shell runs the tests in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


class Daxrun:
    """Run `daxrun ARGS` for one test, with runtime directories of its own."""

    def __init__(self, workdir, user):
        self.user = user
        self.workdir = workdir
        self.dir = workdir / "cwd"
        self.runtime = in_memory(workdir) / "run"
        for path in (self.dir, self.runtime):
            path.mkdir()
            if self.as_nobody:
                os.chown(path, NOBODY, NOBODY)

    @property
    def as_nobody(self):
        return self.user == "nobody" and IS_ROOT

    def command(self, *args):
        return (SETPRIV if self.as_nobody else []) + [str(DAXRUN), *map(str, args)]

    def env(self, **more):
        env = {**environment(), "XDG_RUNTIME_DIR": str(self.runtime), "HOME": str(self.dir),
               **more}
        return {k: v for k, v in env.items() if v is not None}

    def popen(self, *args, env=None, **kwargs):
        kwargs.setdefault("cwd", self.dir)
        kwargs.setdefault("preexec_fn", in_foreground)
        return subprocess.Popen(self.command(*args), text=True, env=self.env(**(env or {})),
                                **kwargs)

    def any(self, *args, env=None, **kwargs):
        """Run daxrun to its end, successful or not. Return: CompletedProcess."""
        kwargs.setdefault("cwd", self.dir)
        kwargs.setdefault("timeout", TIMEOUT)
        kwargs.setdefault("text", True)
        return subprocess.run(self.command(*args), capture_output=True, check=False,
                              env=self.env(**(env or {})), **kwargs)

    def __call__(self, *args, **kwargs):
        """Run daxrun, which must succeed. Return: its standard output."""
        result = self.any(*args, **kwargs)
        assert result.returncode == 0, said(result)
        return result.stdout

    def write(self, name, data):
        """Write a file that belongs to the user, in the program's directory."""
        path = self.dir / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        if self.as_nobody:
            os.chown(path, NOBODY, NOBODY)

    def left(self):
        """Return: the files and processes of daxrun that exist."""
        return sorted(os.listdir(self.runtime)), processes(str(self.runtime))

    def check_gone(self, timeout=20):
        until(lambda: self.left() == ([], {}), f"nothing is left: {self.left()}", timeout)


def said(result):
    status = result.returncode
    if status < 0:
        status = signal.Signals(-status).name
    return f"{result.args}: {status}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}"


def refusals(result, comm=None):
    """Find the lines that explain refused calls. Return: [(device, call, sentence)]."""
    return [(m[1], m[3], m[4]) for m in
            re.finditer(r"daxrun: (\S+): (\S+)\[\d+\]: (\w+): (.*)$", result.stderr, re.M)
            if comm in (None, m[2])]


def pattern(nr_bytes, seed=1):
    """Return: random bytes that do not repeat."""
    import random
    return random.Random(seed).randbytes(nr_bytes)


def run_in_namespace(daxrun, script, *args, device="dax0.0,size=4M"):
    """Run a shell script in a mount namespace of its own, below daxrun. Return: its output.

    In a user namespace, the folder of the test belongs to nobody that has a number there.
    """
    return daxrun("-q", "-d", device, "--", "unshare", "-Urm" if daxrun.user == "nobody" else "-m", "sh", "-c", script,
                  "sh", *args, env={"XDG_RUNTIME_DIR": None} if daxrun.user == "nobody" else None)
