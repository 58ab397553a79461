#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run crowds: 16 threads that stat, open, map, unmap and fork under a timer of 0.5 ms.

Static programs of glibc, of musl and of Go, and a Go program with cgo, take turns, each under a
daxrun of its own, until each has had its time; with --kernel also in guests with Debian's
kernels. Prints how many answers were checked, and every one that was wrong, every crash and
every run that did not end, with what each of its threads waits for. The exit status is 0 if
there was none.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "tests/progs/crowd.c"
RIGHT = re.compile(r"wrong 0 of (\d+), signals [1-9]\d*\n")
USES_LIBC = 'package main\n\nimport "C"\n\nfunc init() { _ = C.int(1) }\n'
BUILT = ("cuse-daxd", "daxrun", "libdaxshim.so", "daxgraft", "libdaxtrap.so")


def build(folder, build_folder):
    """Build what is not built, and put a program of each kind into a folder."""
    shutil.copy(build_folder / "progs/crowd_static", folder / "glibc")
    shutil.copy(build_folder / "progs/crowd_go", folder / "go")
    subprocess.run(["musl-gcc", "-O2", "-D_GNU_SOURCE", "-static", "-o", folder / "musl", SOURCE], check=True)
    with tempfile.TemporaryDirectory(prefix="daxd-crowds-") as name:
        shutil.copy(SOURCE.with_suffix(".go"), name)
        (pathlib.Path(name) / "libc.go").write_text(USES_LIBC)
        subprocess.run(["go", "build", "-o", folder / "cgo", "crowd.go", "libc.go"], cwd=name, check=True,
                       env={**os.environ, "CGO_ENABLED": "1", "GOCACHE": str(build_folder / "go-cache")})


def below(pid):
    """Return: this process, and all below it."""
    found = [pid]
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in path.read_text().split():
                found += below(int(child))
    return found


def states(pids):
    """Return: what each thread of the processes waits for, and where its process has which code."""
    text = []
    for pid in pids:
        for task in sorted(pathlib.Path(f"/proc/{pid}/task").glob("*")):
            for name in ("status", "syscall", "wchan", "stack"):
                with contextlib.suppress(OSError):
                    lines = (task / name).read_text().splitlines()
                    if name == "status":
                        lines = [line for line in lines if re.match("Name|State|Pid|PPid|Sig|Shd|Secc", line)]
                    text += [f"{pid} {task.name} {name}: {line}" for line in lines]
        with contextlib.suppress(OSError):
            text += [f"{pid} maps: {line}" for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return "\n".join(text)


def run(daxrun, program, seconds, patience):
    """Let a crowd live so long. Return: how many answers were right; what happened, or None."""
    command = [daxrun, "-q", "-d", "dax0.0,size=64M", "--reach=all", "--", program, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=seconds + patience)
        except subprocess.TimeoutExpired:
            pids = below(process.pid)
            what = f"did not end in {seconds + patience} s\n{states(pids)}"
            for pid in pids:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            return 0, what
    right = RIGHT.fullmatch(out)
    if process.returncode == 0 and right:
        return int(right[1]), None
    return 0, f"exit status {process.returncode}: {out[-500:]} {err[-2000:]}"


def crowds(build_folder, programs, seconds, life, patience):
    """Let all kinds take turns. Return: how often something was wrong."""
    runs, checks, bad = (collections.Counter() for _ in range(3))
    for left in range(seconds, 0, -life):
        for program in programs:
            kind = program.name
            right, what = run(build_folder / "daxrun", program, min(left, life), patience)
            runs[kind] += 1
            checks[kind] += right
            if what:
                bad[kind] += 1
                print(f"{kind}, run {runs[kind]}: {what}", flush=True)
    for kind, number in runs.items():
        print(f"{kind}: {number} runs of {min(seconds, life)} s, {checks[kind]} answers right, "
              f"{bad[kind]} runs bad", flush=True)
    return bad.total()


def in_guest(kernel, build_folder, programs, args):
    """Do the same in a guest. Return: how often something was wrong."""
    sys.path.insert(0, str(ROOT / "tests/oracle"))
    from debian import Debian  # pylint: disable=import-outside-toplevel
    files = {f"/opt/daxd/{name}": str(build_folder / name) for name in BUILT}
    files |= {f"/job/crowds/{path.name}": str(path) for path in programs}
    files["/job/crowds.py"] = __file__
    # An emulated processor is slow.
    patience = 5 * args.patience
    script = (f"python3 /job/crowds.py --build /opt/daxd --programs /job/crowds --seconds {args.seconds} "
              f"--life {args.life} --patience {patience}")
    result = Debian(kernel=kernel).run(script, files=files, timeout=600 + len(files) * (args.seconds + 5 * patience))
    print(f"Linux {result.release}, {result.seconds:.0f} s:\n{result.output}", *result.oops(), sep="\n", flush=True)
    return result.status + len(result.oops())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--seconds", default=15, type=int, help="of each kind of program")
    parser.add_argument("--life", default=10, type=int, help="seconds of one run")
    parser.add_argument("--patience", default=60, type=int, help="seconds after which a run hangs")
    parser.add_argument("--kernel", default=[], action="append", help="run it in a guest, not here")
    parser.add_argument("--programs", type=pathlib.Path, help="a folder with programs that are built")
    parser.add_argument("--kind", action="append", help="run this kind of program only")
    args = parser.parse_args()
    folder = args.build.resolve()
    with tempfile.TemporaryDirectory(prefix="daxd-crowds-") as name:
        if not args.programs:
            build(pathlib.Path(name), folder)
        programs = [path for path in sorted((args.programs or pathlib.Path(name)).iterdir())
                    if not args.kind or path.name in args.kind]
        if args.kernel:
            return any([in_guest(kernel, folder, programs, args) for kernel in args.kernel])
        return crowds(folder, programs, args.seconds, args.life, args.patience) != 0


if __name__ == "__main__":
    sys.exit(main())
