#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run crowds: 16 threads that stat, open, map, unmap and fork under a timer of 0.5 ms.

Static programs of glibc, of musl and of Go, and a Go program with cgo, take turns, each under a
daxrun of its own, until the time is over. Prints how often each ran, and every answer that
was wrong, every crash and every run that did not end. The exit status is 0 if there was none.
"""

import argparse
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "tests/progs/crowd.c"
RIGHT = "wrong 0, signals 1\n"
USES_LIBC = 'package main\n\nimport "C"\n\nfunc init() { _ = C.int(1) }\n'


def build(folder, build_folder):
    """Build what is not built. Return: {kind: program}."""
    found = {"glibc": build_folder / "progs/crowd_static"}
    if shutil.which("musl-gcc"):
        found["musl"] = folder / "musl"
        subprocess.run(["musl-gcc", "-O2", "-D_GNU_SOURCE", "-static", "-o", found["musl"], SOURCE], check=True)
    if shutil.which("go"):
        shutil.copy(ROOT / "tests/progs/crowd.go", folder)
        (folder / "libc.go").write_text(USES_LIBC)
        for kind, cgo, files in (("go", "0", ["crowd.go"]), ("cgo", "1", ["crowd.go", "libc.go"])):
            found[kind] = folder / kind
            subprocess.run(["go", "build", "-o", found[kind], *files], cwd=folder, check=True,
                           env={**os.environ, "CGO_ENABLED": cgo, "GOCACHE": str(folder / "cache")})
    return found


def run(daxrun, program, timeout):
    """Return: None if all was right, else what happened."""
    command = [daxrun, "-q", "-d", "dax0.0,size=64M", "--reach=all", "--", program]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as late:
        return f"did not end in {timeout} s: {late.stdout} {late.stderr}"
    if (result.returncode, result.stdout) == (0, RIGHT):
        return None
    return f"exit status {result.returncode}: {result.stdout[-500:]} {result.stderr[-2000:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--seconds", default=60, type=float, help="of all programs together")
    parser.add_argument("--timeout", default=120, type=float, help="seconds after which a run hangs")
    args = parser.parse_args()
    counts = collections.Counter()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="daxd-crowds-") as name:
        programs = build(pathlib.Path(name), args.build.resolve())
        end = time.monotonic() + args.seconds
        while time.monotonic() < end:
            for kind, program in programs.items():
                what = run(args.build.resolve() / "daxrun", program, args.timeout)
                counts[kind] += 1
                if what:
                    bad += 1
                    print(f"{kind}, run {counts[kind]}: {what}", flush=True)
    print(", ".join(f"{kind}: {n} runs" for kind, n in counts.items()) + f"; {bad} bad")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
