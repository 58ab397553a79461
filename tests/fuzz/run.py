#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run all fuzzers side by side, and print a table: tests/fuzz/run.py [--runs N | --seconds S].

The inputs are shared out so that all targets take about as long. Corpora stay in
BUILD/fuzz/corpus, where the next run goes on; what makes a target fail, beside them.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
SHARES = {"daemon": 2, "vmas": 1, "image": 5, "maps": 30, "messages": 33, "path": 4, "words": 25}  # %

# Of libFuzzer's output: inputs, inputs a second, branches covered, inputs kept.
PATTERNS = (r"number_of_executed_units: (\d+)", r"average_exec_per_sec: +(\d+)", r"cov: (\d+)",
            r"corp: (\d+)")


def corpus_of(place, target):
    from test_fuzz import seeds

    corpus = place / target
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as workdir:
        for n, seed in enumerate(seeds(target, pathlib.Path(workdir))):
            (corpus / f"seed{n}").write_bytes(seed)
    return corpus


def command_of(build, target, args):
    from test_fuzz import FLAGS

    limit = [f"-max_total_time={args.seconds}"] if args.seconds else \
        [f"-runs={args.runs * SHARES.get(target, 5) // sum(SHARES.values())}"]
    return [build / "fuzz" / target, *limit, *FLAGS.get(target, []), "-print_final_stats=1", "-max_len=4096",
            f"-artifact_prefix={build}/fuzz/{target}-", corpus_of(build / "fuzz/corpus", target)]


def run_targets(build, targets, args):
    """Run as many at a time as there are processors. Yield: target, status, stderr."""
    waiting = list(targets)
    running = {}
    while waiting or running:
        while waiting and len(running) < args.jobs:
            target = waiting.pop(0)
            log = tempfile.TemporaryFile("w+", errors="replace")
            process = subprocess.Popen(command_of(build, target, args), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=log)
            running[process.pid] = target, process, log
        pid, status = os.wait()
        target, process, log = running.pop(pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        yield target, process.returncode, log.read()
        log.close()


def last_number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=TESTS.parent / "build")
    parser.add_argument("--runs", type=int, default=10**8, help="inputs, of all targets together")
    parser.add_argument("--seconds", type=int, help="time for each target, instead of --runs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("targets", nargs="*")
    args = parser.parse_args()
    build = args.build.resolve()
    os.environ["DAXD_BUILD"] = str(build)
    sys.path[:0] = [str(TESTS), str(TESTS / "lib"), str(TESTS / "project")]
    from test_fuzz import TARGETS
    failed = []
    total = 0
    print(f"{'target':<10}{'inputs':>12}{'a second':>10}{'covered':>9}{'corpus':>8}  result", flush=True)
    for target, status, text in run_targets(build, args.targets or TARGETS, args):
        inputs, speed, covered, corpus = (last_number(pattern, text) for pattern in PATTERNS)
        total += inputs
        print(f"{target:<10}{inputs:>12,}{speed:>10,}{covered:>9,}{corpus:>8,}  "
              f"{'FAILED' if status else 'ok'}", flush=True)
        if status:
            failed.append(target)
            print(text[-4000:])
    print(f"{'all':<10}{total:>12,}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
