#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compare answers of the conformance program with the recorded ones of a real kernel.

    c = compare(parse_lines(output), "root/libc", load_recorded("2M", "6.18"), deviations)
    print(c.report()); sys.exit(0 if c.is_good() else 1)

An answer is right if the one kernel gives it whose answers were asked for (daxrun --kernel). A
case is left out if it could not be run on this machine or on that kernel ("skip: ..."). A
documented deviation is a name or a shell pattern of names, with the kernels whose answer it is
not and its reason; one that no longer deviates is reported as stale, so that the document
stays correct.

A mode is USER/DOOR as in the recording. "owner/libc" is an ordinary user who has made the
devices. The answer of root or of nobody is right then, since the node and /sys belong to that
user as they belong to root on a real machine, without giving any other right.

As a program:
    compare.py --kernel 6.18 --align 2M --mode root/libc [--deviations FILE] LINES.jsonl
    compare.py [--deviations FILE] RECORD.json        all modes of a fresh record
"""

import argparse
import dataclasses
import fnmatch
import json
import os
import re
import sys

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")


@dataclasses.dataclass
class Deviation:
    name: str
    ours: str
    theirs: str		# the kernel's answer
    reason: str = ""	# documented, if not empty


@dataclasses.dataclass
class Comparison:
    mode: str
    kernel: str
    compared: int = 0
    equal: int = 0
    skipped: dict = dataclasses.field(default_factory=dict)		# name -> why
    documented: list = dataclasses.field(default_factory=list)		# of Deviation
    deviating: list = dataclasses.field(default_factory=list)		# of Deviation
    missing: list = dataclasses.field(default_factory=list)		# recorded, but not answered
    unknown: list = dataclasses.field(default_factory=list)		# answered, but not recorded
    stale: list = dataclasses.field(default_factory=list)		# documented, but equal now
    used: set = dataclasses.field(default_factory=set)		# patterns that were needed

    @property
    def share(self):
        return self.equal / self.compared if self.compared else 0.0

    def is_good(self):
        return not (self.deviating or self.missing or self.unknown)

    def report(self, quiet=False):
        out = [f"{self.kernel} {self.mode}: {self.compared} compared, {self.equal} equal, {len(self.deviating)} deviating, "
               f"{len(self.documented)} documented, {len(self.skipped)} skipped, "
               f"{len(self.missing)} missing, {len(self.unknown)} not recorded"]
        for d in self.deviating:
            out.append(f"  {d.name}\n      ours: {d.ours}\n    {self.kernel + ':':>7} {d.theirs}")
        out += [f"  missing: {name}" for name in self.missing]
        out += [f"  not recorded: {name}" for name in self.unknown]
        if not quiet:
            out += [f"  documented: {d.name}: {d.reason}" for d in self.documented]
            out += [f"  skipped: {name}: {why}" for name, why in self.skipped.items()]
        out += [f"  documented as deviating, but equal: {name}" for name in self.stale]
        return "\n".join(out)


def parse_lines(text):
    """Parse lines of the conformance program. Return: {case: answer}."""
    rows = (json.loads(line) for line in text.splitlines() if line.strip())
    return {row["case"]: row["answer"] for row in rows}


def load_recorded(align, kernel, folder=RECORDED):
    """Load what a kernel answered on a device of an align.

    Return: {"about":..., "cases":...}
    """
    path = os.path.join(folder, f"{kernel}-{align}.json")
    if not os.path.exists(path):
        raise FileNotFoundError(f"no recorded answers of {kernel} for align {align} in {folder}: run make oracle")
    with open(path) as f:
        return json.load(f)


def parse_deviations(text, kernel, host=None):
    """Parse the documented deviations from a kernel. Return: {name or pattern: reason}.

    One per line: "name reason", which is for all kernels, or a row of a Markdown table: the
    name, or several, in backquotes; "all" or the kernels; the reason. A row with one more cell
    before the reason is only for machines whose own kernel, @host, is one of those there.
    Other lines are text.
    """
    found = {}
    for line in text.splitlines():
        row = re.fullmatch(r"\s*\|\s*((?:`[^`]+`[\s,]*)+)\|\s*(all|[67][\d. ]+?)\s*\|"
                           r"(?:\s*([67][\d. ]+?)\s*\|)?([^|]*)\|\s*", line)
        plain = re.fullmatch(r"([a-z][\w.*?+\[\]!-]*\.[\w.*?+\[\]!-]+)\s+(.+)", line)
        if row:
            if (row[2] == "all" or kernel in row[2].split()) and (not row[3] or host in row[3].split()):
                found.update((name, row[4].strip()) for name in re.findall(r"`([^`]+)`", row[1]))
        elif plain:
            found[plain[1]] = plain[2].strip()
    return found


def in_mode(answer, mode):
    """Return: the recorded answer for a mode such as "root/libc", or None."""
    if isinstance(answer, str) or answer is None:
        return answer
    return answer.get(mode, answer.get(mode.split("/")[0]))


def right_answers(answer, mode):
    """Return: all answers of a recorded kernel that are right in a mode."""
    user, through = mode.split("/")
    users = ("nobody", "root") if user == "owner" else (user,)
    answers = [in_mode(answer, f"{u}/{through}") for u in users]
    return [a for a in answers if a is not None]


def was_asked(name, mode):
    """True if the program runs this case in that mode; see main.c."""
    user, through = mode.split("/")
    if name.startswith(("root.", "zz_unbind.")) and user != "root":
        return False
    return not (name.startswith("libc.") and through == "syscall")


def compare(fresh, mode, record, deviations=None, only=None, skip=None):
    """Judge fresh answers.

    @fresh: {case: answer}
    @mode: "root/libc", "root/syscall", "nobody/libc", "owner/syscall"...
    @record: of load_recorded()
    @deviations: of parse_deviations(), for the same kernel
    @only, @skip: the patterns given to the program; cases that it did not run are not missing

    Return: Comparison
    """
    c = Comparison(mode, record["about"]["kernel"])
    deviations = deviations or {}
    names = set(fresh) | {n for n in record["cases"] if was_asked(n, mode)
                          and (not only or any(fnmatch.fnmatchcase(n, p) for p in only))
                          and not any(fnmatch.fnmatchcase(n, p) for p in skip or ())}
    for name in sorted(names):
        answers = right_answers(record["cases"].get(name), mode)
        ours = fresh.get(name)
        pattern = next((p for p in deviations if fnmatch.fnmatchcase(name, p)), None)
        if ours is None:
            c.missing.append(name)
        elif not answers:
            c.unknown.append(name)
        elif ours.startswith("skip:"):
            c.skipped[name] = ours[5:].strip()
        elif all(t.startswith("skip:") for t in answers):
            c.skipped[name] = "not asked on the real kernel: " + answers[0][5:].strip()
        else:
            c.compared += 1
            if ours in answers:
                c.equal += 1
            else:
                theirs = " or ".join(dict.fromkeys(answers))
                d = Deviation(name, ours, theirs, deviations.get(pattern, ""))
                (c.documented if pattern else c.deviating).append(d)
                c.used.add(pattern)
    c.stale = sorted(p for p in deviations if p not in c.used and
                     any(fnmatch.fnmatchcase(n, p) for n in fresh))
    return c


def main():
    p = argparse.ArgumentParser(description="Compare answers with those of a real kernel.")
    p.add_argument("--kernel", help="whose answers were asked for")
    p.add_argument("--align", choices=("4K", "2M", "1G"), help="of the device that was asked")
    p.add_argument("--mode", default="root/libc", help="how it was asked (default root/libc)")
    p.add_argument("--deviations", metavar="FILE", help="documented deviations")
    p.add_argument("--recorded", default=RECORDED, metavar="FOLDER")
    p.add_argument("--only", action="append", metavar="PATTERN", help="only these were asked")
    p.add_argument("--skip", action="append", metavar="PATTERN",
                   help="these were not (without a second device: 'second.*')")
    p.add_argument("--quiet", action="store_true", help="no word about documented and skipped ones")
    p.add_argument("fresh", help="lines of the program, or a file that record.py wrote; - is standard input")
    a = p.parse_args()
    with (sys.stdin if a.fresh == "-" else open(a.fresh)) as f:
        text = f.read()
    if '"about"' in text[:20]:
        fresh = json.loads(text)
        record = load_recorded(fresh["about"]["align"], a.kernel or fresh["about"]["kernel"], a.recorded)
        by_mode = {m: {n: in_mode(v, m) for n, v in fresh["cases"].items()
                       if was_asked(n, m) and in_mode(v, m) is not None}
                   for m in ("root/libc", "root/syscall", "nobody/libc", "nobody/syscall")}
    elif not a.align or not a.kernel:
        p.error("--align and --kernel are needed to judge lines")
    else:
        record = load_recorded(a.align, a.kernel, a.recorded)
        by_mode = {a.mode: parse_lines(text)}
    deviations = {}
    if a.deviations:
        with open(a.deviations) as f:
            deviations = parse_deviations(f.read(), record["about"]["kernel"])
    good = True
    for mode, fresh in by_mode.items():
        c = compare(fresh, mode, record, deviations, a.only, a.skip)
        print(c.report(a.quiet))
        good = good and c.is_good()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
