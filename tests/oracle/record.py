#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the conformance program on real kernels, and record the answers.

Every kernel is booted once with three devices (align 4K, 2M, 1G) and a second one of each
align. The program runs on each through libc and through syscall(2), as root and as nobody, in
ROUNDS rounds. A case whose rounds differ is unstable: its name is printed and nothing is
written, because the program must be corrected first.

The files are recorded/<kernel>-<align>.json, see README.md.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest import Guest, GuestError, KERNELS, TOP  # noqa: E402

ALIGNS = ("4K", "2M", "1G")
MODES = ("root/libc", "root/syscall", "nobody/libc", "nobody/syscall")
ROUNDS = 2
RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")

# A device has 534773760 bytes of 512M, and 2 GiB of 3G. Region I is /dev/daxI.0.
REGIONS = ["512M:4K", "512M:2M", "3G:1G", "128M:4K", "128M:2M", "3G:1G"]

# Cases that write to the driver's files affect every device (new_id binds them all), so they
# run alone.
SCRIPT = """
chmod 0666 /dev/dax*
export TMPDIR=/scratch
ask() {{		# ALIGN DEVICE SECOND USER THROUGH ROUND [OPTIONS]
	name=$1-${{4%:*}}-$5-$6
	device=$2 second=$3 uid=${{4#*:}} through=$5
	shift 6
	conformance --dev $device --second $second --through $through --uid $uid "$@" \
		>>/run/$name 2>/run/error-$name || {{ echo "$name:"; cat /run/error-$name; }}
}}
run() {{
	for round in {rounds}; do
		for through in libc syscall; do
			ask $1 $2 $3 root:0 $through $round --skip 'root.sysfs.*' --skip 'zz_unbind.*' {only}
			ask $1 $2 $3 nobody:65534 $through $round {only}
		done
	done
}}
last() {{
	for round in {rounds}; do
		for through in libc syscall; do
			ask $1 $2 $3 root:0 $through $round {last}
		done
	done
}}
run 4K /dev/dax0.0 /dev/dax3.0 &
run 2M /dev/dax1.0 /dev/dax4.0 &
run 1G /dev/dax2.0 /dev/dax5.0 &
wait
last 4K /dev/dax0.0 /dev/dax3.0
last 2M /dev/dax1.0 /dev/dax4.0
last 1G /dev/dax2.0 /dev/dax5.0
for d in 0 1 2; do
	echo size $d $(cat /sys/bus/dax/devices/dax$d.0/size) >>/run/sizes
done
"""


def parse(text):
    """Parse lines of the program. Return: {case: answer}."""
    answers = {}
    for line in text.splitlines():
        row = json.loads(line)
        answers[row["case"]] = row["answer"]
    return answers


def collapse(by_mode):
    """Reduce {mode: answer}. Return: the answer if all agree, or else a dict with as few keys as
    possible."""
    if len(set(by_mode.values())) == 1:
        return next(iter(by_mode.values()))
    by_user = {}
    for mode, answer in by_mode.items():
        by_user.setdefault(mode.split("/")[0], set()).add(answer)
    if all(len(a) == 1 for a in by_user.values()):
        return {user: a.pop() for user, a in by_user.items()}
    return dict(by_mode)


def ask(kernel, program, only=(), timeout=600):
    """Boot one kernel and run all cases.

    Return: ({align: {"about":..., "cases":...}}, [complaint])
    """
    rounds = range(1, ROUNDS + 1)
    names = {(a, m, n): f"/run/{a}-{m.replace('/', '-')}-{n}" for a in ALIGNS for m in MODES for n in rounds}
    guest = Guest(kernel, regions=REGIONS, scratch="128M")
    chosen = " ".join(f"--only '{o}'" for o in only)
    # patterns of both kinds are joined by "or": skip all cases outside the last group
    last = chosen + " --skip '[!rz]*' --skip 'root.[!s]*' --skip 'root.soft*'" if only else \
        "--only 'root.sysfs.*' --only 'zz_unbind.*'"
    script = SCRIPT.format(rounds=" ".join(map(str, rounds)), only=chosen, last=last)
    r = guest.run(script, programs=[program], fetch=[*names.values(), "/run/sizes"], timeout=timeout)
    complaints = [f"{kernel}: {line}" for line in r.output.splitlines()]
    complaints += [f"{kernel}: kernel: {line}" for line in r.oops()]
    if "/run/sizes" not in r.files:
        raise GuestError(f"record: {kernel}: the guest gave nothing back\n{r.output}{r.console[-2000:]}")
    sizes = [line.split()[2] for line in r.files["/run/sizes"].decode().splitlines()]
    result = {}
    for align, size in zip(ALIGNS, sizes):
        cases = {}
        for mode in MODES:
            answers = [parse(r.files[names[align, mode, n]].decode()) for n in rounds]
            for name in sorted(set().union(*answers)):
                said = {a.get(name, "(not there)") for a in answers}
                if len(said) > 1:
                    complaints.append(f"{kernel} {align} {mode}: unstable: {name}: {sorted(said)}")
                cases.setdefault(name, {})[mode] = answers[0].get(name, "(not there)")
        for name, by_mode in cases.items():
            for mode, answer in by_mode.items():
                if answer.startswith(("broken:", "timeout")) or " broken:" in answer:
                    complaints.append(f"{kernel} {align} {mode}: {name}: {answer}")
        result[align] = {
            "about": {"kernel": kernel, "release": r.release, "package": r.version, "align": align,
                      "size": int(size), "cases": len(cases)},
            "cases": {name: collapse(by_mode) for name, by_mode in cases.items()},
        }
    print(f"{kernel} ({r.release}): {len(result['2M']['cases'])} cases in {r.seconds:.0f} s", flush=True)
    return result, complaints


def write(record, folder):
    """Write a record with one case per line, sorted, so that differences are easy to read."""
    about = record["about"]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{about['kernel']}-{about['align']}.json")
    with open(path, "w") as f:
        f.write('{\n"about": ' + json.dumps(about) + ',\n"cases": {\n')
        f.write(",\n".join(f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}"
                           for name, answer in sorted(record["cases"].items())))
        f.write("\n}\n}\n")
    return path


def merge(record, folder):
    """Add the cases of the existing file to @record, where it has no newer ones."""
    with open(os.path.join(folder, f"{record['about']['kernel']}-{record['about']['align']}.json")) as f:
        before = json.load(f)
    record["cases"] = {**before["cases"], **record["cases"]}
    record["about"]["cases"] = len(record["cases"])


def main():
    p = argparse.ArgumentParser(description="Record the answers of real kernels.")
    p.add_argument("--kernel", action="append", choices=KERNELS, help="only this one (repeatable)")
    p.add_argument("--program", default=os.path.join(TOP, "build/conformance"))
    p.add_argument("--folder", default=RECORDED, help="where to write")
    p.add_argument("--only", action="append", default=[], metavar="PATTERN",
                   help="only these cases; then nothing is written unless --folder is given")
    p.add_argument("--merge", action="store_true",
                   help="with --only: put the answers into the files that are there")
    p.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    a = p.parse_args()
    complaints = []
    try:
        results = [ask(k, a.program, a.only, a.timeout) for k in a.kernel or KERNELS]
    except GuestError as e:
        print(e, file=sys.stderr)
        return 125
    for _, c in results:
        complaints += c
    for c in complaints:
        print(c, file=sys.stderr)
    if complaints:
        print(f"record: {len(complaints)} complaints, nothing written", file=sys.stderr)
        return 1
    if a.only and a.folder == RECORDED and not a.merge:
        return 0
    for result, _ in results:
        for record in result.values():
            if a.merge:
                merge(record, a.folder)
            print(write(record, a.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
