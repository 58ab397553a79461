# SPDX-License-Identifier: BSD-2-Clause
"""Programs give the same output here and on a real device in a booted kernel."""

import difflib
import json
import re
import sys

import pytest

from conftest import ROOT, both_users
from daxrun import PROGS, Daxrun, prog, said

sys.path.insert(0, str(ROOT / "tests/oracle"))
from guest import Guest  # noqa: E402

pytestmark = [pytest.mark.plain, pytest.mark.guest, pytest.mark.xdist_group("facts")]

DEVICES = {"2M": ("dax0.0", 2 << 20), "4K": ("dax1.0", 4096)}
REGIONS = ["512M:2M", "128M:4K"]

# Commands for every device D of align A. Standard error is compared as well.
EACH = {
    "pmem2": "facts_pmem2 D",
    "locks": "locks D",
    "pmempool": "pmempool create --layout=x obj D; pmempool info D | "
                "grep -vE 'UUID|Time|Checksum|uuid'; pmempool check -v D; pmempool rm D; echo $?",
    "commits": "obj_commits check D",
    "dd": "dd if=D of=/dev/null bs=4096 count=1; dd if=/dev/zero of=D count=1; cat D; cp D x; rm -f x",
    "stat": "stat -c '%F %a %s %b %B %h' D; ls -l D | cut -c1-10; test -c D && echo char; "
            "test -s D || echo empty",
    "sysfs": "cd /sys/bus/dax/devices/${D#/dev/}; for a in *; do test -f $a || continue; "
             # since 6.8; the emulated attributes are those of 6.1
             "test $a = memmap_on_memory && continue; "
             "echo $a $(stat -c '%a %s' $a) $(cat $a 2>&1); done; readlink driver subsystem",
}
REFUSED = ("private length short offset offset-off-page address write-of-read-only closed read "
           "write direct ftruncate fallocate fsync ioctl msync munmap-half munmap-middle "
           "mprotect-half anonymous-over-half madvise-remove").split()
EACH |= {f"refuse {case}": f"refuse {case} D A" for case in REFUSED}
ONCE = {
    "ndctl": "facts_ndctl",
    "daxctl list": "daxctl list -DRM",
    "daxctl list -u": "daxctl list -DRMu",
    "daxctl list -d": "daxctl list -Di -d dax0.0",
    "daxctl list -r": "daxctl list -R -r 1",
    "ndctl list": "ndctl list -NXDR",
    "ndctl list -v": "ndctl list -vvv -BDFNRX",
    "ndctl list -u": "ndctl list -NXDRu -n namespace0.0",
    "tree": "ls /sys/bus/nd/devices; cd /sys/bus/dax && find . | grep -v kmem; ls /sys/class/nd",
}
TOOLS = ["/usr/bin/pmempool", "/usr/bin/dd", "/usr/bin/cat", "/usr/bin/cp", "/usr/bin/stat",
         "/usr/bin/ls", "/usr/bin/grep", "/usr/bin/find", "/usr/bin/sort", "/usr/bin/cut",
         "/usr/bin/readlink"]
OWN = ["facts_pmem2", "facts_ndctl", "locks", "obj_commits", "refuse"]


def questions():
    for name, command in ONCE.items():
        yield name, command
    for align, (device, size) in DEVICES.items():
        for name, command in EACH.items():
            command = re.sub(r"\bA\b", str(size), command)
            yield f"{align} {name}", f"D=/dev/{device}; " + re.sub(r"\bD\b(?!#)", "$D", command)


def bin_path(match):
    return f"/usr/bin/{match[0]}"


def script(path):
    # The guest's sh has builtin tools of these names; call the programs by their paths.
    lines = [f"PATH={path}:$PATH", "export PATH"]
    full = re.compile(r"\b(" + "|".join(t.split("/")[-1] for t in TOOLS) + r") (?=[-|./A-Z$a-z])")
    for name, command in questions():
        lines.append(f"echo '== {name}'; ( {full.sub(bin_path, command)} ) </dev/null 2>&1")
    return "\n".join(lines) + "\n"


def parse(text):
    """Return: {command name: output}, sorted and without values that differ between machines."""
    answers = {}
    for part in re.split(r"^== ", text, flags=re.M)[1:]:
        name, _, answer = part.partition("\n")
        answer = normal(answer)
        if " list" in name and answer.strip():
            answer = json.dumps(in_order(json.loads(answer)), indent=1)
        elif name in ("ndctl", "tree") or name.endswith("sysfs"):
            answer = "".join(sorted(answer.splitlines(keepends=True)))
        answers[name] = answer
    return answers


def in_order(value):
    """Return: JSON data with sorted lists, since directories are read in any order."""
    if isinstance(value, dict):
        return {k: in_order(v) for k, v in value.items()}
    if isinstance(value, list):
        return sorted(map(in_order, value), key=json.dumps)
    return value


def normal(text):
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r'"(resource|start|end)":("0x)?[0-9a-f]+"?', r'"\1":0', text)
    text = re.sub(r"\b(resource|start|end) (\d+ \d+) 0x[0-9a-f]+", r"\1 \2 PLACE", text)
    text = re.sub(r"(?m)^(dev \d+ \d+) .*|((?:MAJOR|MINOR)=)\d+", r"\1\2", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "ADDRESS", text)
    text = re.sub(r"copied, .*", "copied", text)
    text = re.sub(r"0x[0-9a-f]{10,}\[OK\]", "OK", text)
    # daxrun's lines, if stdout and stderr go to one place
    text = re.sub(r"daxrun: \w+\.\w+: .*\[\d+\]: .*\n", "", text)
    return text.rstrip() + "\n"


@pytest.fixture(scope="module")
def real():
    r = Guest("6.12", regions=REGIONS).run(
        script("/opt"), timeout=400,
        programs=[*[(t, t) for t in TOOLS], *[(str(PROGS / p), f"/opt/{p}") for p in OWN]])
    assert not r.oops(), r.oops()
    return parse(r.output)


@both_users
def test_same_answers_as_a_real_kernel(real, daxrun):
    sizes = {d["chardev"]: d["size"] for r in json.loads(real["daxctl list"]) for d in r["devices"]}
    (daxrun.dir / "script").write_text(script(PROGS))
    result = daxrun.any("-q", "-d", f"dax0.0,size={sizes['dax0.0']},align=2M",
                        "-d", f"dax1.0,size={sizes['dax1.0']},align=4K", "--", "sh", "script",
                        timeout=120)
    ours = parse(result.stdout)
    assert list(ours) == list(real) == [name for name, _ in questions()], said(result)
    different = []
    for name, theirs in real.items():
        if ours[name] != theirs:
            different += [f"== {name}", *difflib.unified_diff(
                theirs.splitlines(), ours[name].splitlines(), "real", "ours", lineterm="", n=1)]
    assert not different, "\n".join(different)
