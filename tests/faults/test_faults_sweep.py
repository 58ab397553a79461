# SPDX-License-Identifier: BSD-2-Clause
"""daxrun --fault-report and --sweep on real programs."""

import json
import re
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import TIMEOUT
from daxrun import Daxrun, prog, until
from faults import MIB, run_probe


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    yield d
    d.check_gone()


BASELINE = ("baseline", 0, "exit 0", "-", "good")


def table(text):
    """Parse the table of a sweep. Return: [(step, injected, how it ended, hit, verdict)]."""
    return [(m[1], int(m[2]), m[3].strip(), m[4].strip(), m[5]) for m in
            re.finditer(r"^(\S+) +(\d+)  (.{26})  (.{24}) +(\w+) +[\d.]+ ms$", text, re.M)]


def steps(result):
    """Return: the steps of a sweep, without the hit, after a baseline that passed."""
    rows = table(result.stdout)
    assert rows[0] == BASELINE, result.stdout + result.stderr
    return [(step, given, end, verdict) for step, given, end, _, verdict in rows[1:]]


def test_report_of_what_was_survived(daxrun):
    lines = ["open", f"repeat 6 mmap 0 {2 * MIB}", "munmap"]
    out, result = run_probe(daxrun, lines, "--fault-report", "--fault",
                            "mmap errno:EIO every:2", "--fault", "msync errno:EIO")
    assert out.count("EIO") == 3
    assert "daxrun: faults: 3 injected\n" in result.stderr
    assert "daxrun:   3 times, rule 1: mmap errno:EIO every:2\n" in result.stderr
    assert "daxrun:   0 times, rule 2: msync errno:EIO\n" in result.stderr
    assert re.search(r"daxrun:   3 times in fault_probe\[\d+\]\n", result.stderr)
    assert "daxrun: survived all of them; ended with exit 0\n" in result.stderr
    _, result = run_probe(daxrun, ["open"], "--fault-report", "--fault", "msync errno:EIO")
    assert "daxrun: nothing was injected; ended with exit 0\n" in result.stderr


def test_report_of_a_death(daxrun):
    lines = ["open", f"mmap 0 {8 * MIB}", "load 2097155", "handler default", "load 2097156"]
    _, result = run_probe(daxrun, lines, "--fault-report", "--fault",
                          "poison offset:2M length:2M")
    assert result.returncode == -signal.SIGBUS
    assert ("daxrun: survived 1 of them; the last was: touch of dax0.0 at offset 0x200004; "
            "ended by SIGBUS") in result.stderr


PROGRAM = """
import mmap, os, sys
fd = os.open('/dev/dax0.0', os.O_RDWR)
try: mmap.mmap(fd, 2 << 20)
except OSError: sys.exit(3)
mmap.mmap(fd, 2 << 20)
try: mmap.mmap(fd, 2 << 20)
except OSError: os.abort()
"""


def sweep(daxrun, rule, *options, code=PROGRAM):
    return daxrun.any("--sweep", rule, *options, "--", "/usr/bin/python3", "-c", code)


@pytest.mark.parametrize("jobs", [1, 4])
def test_sweep_finds_what_is_not_handled(daxrun, jobs):
    result = sweep(daxrun, "mmap errno:ENOMEM nth:1..N", f"--jobs={jobs}")
    assert steps(result) == [("1", 1, "exit 3", "good"), ("2", 1, "exit 1", "good"),
                             ("3", 1, "SIGABRT", "bad"), ("4", 0, "exit 0", "good")]
    assert table(result.stdout)[1][3] == "mmap dax0.0 0x0"
    assert result.returncode == 1
    assert ("1 of 4 steps crashed or hung; to repeat step 3: daxrun --fault 'mmap errno:ENOMEM "
            "nth:3' -- /usr/bin/python3 -c '") in result.stdout


def test_sweep_of_a_closed_range(daxrun):
    """A sweep with a numeric end runs every step, also behind one without a fault."""
    result = sweep(daxrun, "mmap errno:ENOMEM nth:2..5/3")
    assert steps(result) == [("2", 1, "exit 1", "good"), ("5", 0, "exit 0", "good")]
    assert result.returncode == 0 and "no crash in 2 steps\n1 of them injected nothing" in \
        result.stdout
    result = sweep(daxrun, "mmap errno:ENOMEM probability:0.5 seed:1..4",
                   code="import mmap, os; f = os.open('/dev/dax0.0', os.O_RDWR)\n"
                        "try: mmap.mmap(f, 2 << 20)\nexcept OSError: pass")
    assert [step for step, *_ in steps(result)] == ["1", "2", "3", "4"]


def test_what_cannot_be_judged_is_no_success(daxrun):
    """A command that is missing, that always fails, or in which nothing is injected: exit 125."""
    for command, end in (("/missing/command", "exit 127"), ("false", "exit 1")):
        result = daxrun.any("--sweep", "mmap errno:EIO nth:1..3", "--", command)
        assert result.returncode == 125 and "no crash" not in result.stdout
        assert [row[2] for row in table(result.stdout)] == [end]
        assert f"without faults, '{command}' ended with {end}:" in result.stderr
        assert "No such file" in result.stderr or command == "false"
    result = daxrun.any("--sweep", "mmap errno:EIO nth:1..2", "--", "true")
    assert result.returncode == 125 and len(steps(result)) == 2
    assert "nothing was injected in 2 steps: nothing was tested" in result.stdout


def test_a_step_that_can_never_strike_is_not_judged(daxrun):
    """A range that leaves the device makes no step that looks like a good one."""
    result = daxrun.any("-d", "dax0.0,size=8M", "--sweep", "poison offset:4M..8M/4M length:2M", "--", "true")
    assert [(step, verdict) for step, *_, verdict in steps(result)] == [("4M", "good"), ("8M", "unjudged")]
    assert result.returncode == 125 and "offset 8M is behind the end of every device (8M)" in result.stderr


@pytest.mark.plain
@pytest.mark.parametrize("script, end", [
    ("$P; exit $?", "exit 134 (SIGABRT)"),
    ("$P; [ $? = 0 ] || exit 2", "exit 2 (python3: SIGABRT)"),
    ("($P; [ $? = 0 ]) && true", "exit 1 (python3: SIGABRT)"),
])
def test_a_death_below_the_command_is_a_crash(daxrun, script, end):
    daxrun.write("prog.py", PROGRAM)
    result = daxrun.any("--sweep", "mmap errno:EIO nth:3..3", "--", "sh", "-c",
                        script.replace("$P", "/usr/bin/python3 prog.py"))
    assert [row[1:] for row in steps(result)] == [(1, end, "bad")], result.stdout
    assert result.returncode == 1


@pytest.mark.plain
def test_deaths_of_the_baseline_do_not_count(daxrun):
    """A test suite with children that die on purpose can be swept."""
    result = daxrun.any("--sweep", "open errno:EIO nth:1..1", "--", "sh", "-c",
                        "sh -c 'kill -ABRT $$'; : </dev/null; true; dd if=/dev/dax0.0 "
                        "of=/dev/null count=0; true")
    assert [row[1:] for row in steps(result)] == [(1, "exit 0", "doubtful")], result.stdout
    assert "1 ended with exit 0 although a fault was injected: was the error swallowed?" in \
        result.stdout and result.returncode == 0


def test_a_step_that_hangs(daxrun):
    """--timeout ends a step with all processes below it; Daxrun.check_gone() looks for them."""
    result = daxrun.any("--sweep", "open errno:EIO nth:1..2", "--timeout=5s", "--keep=kept", "--",
                        "sh", "-c", "dd if=/dev/dax0.0 count=0 2>/dev/null || "
                                    "{ echo asleep >&2; sleep 1000; }")
    rows = steps(result)
    assert re.fullmatch(r"hung \(\d+ s\)", rows[0][2]) and rows[0][3] == "bad", result.stdout
    assert rows[1][1:] == (0, "exit 0", "good") and result.returncode == 1
    assert (daxrun.dir / "kept/1.stderr").read_text() == "asleep\n"


def test_products_and_units(daxrun):
    code = ("import mmap, os\n"
            "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 8 << 20)\n"
            "m[5 << 20]")
    result = sweep(daxrun, "poison offset:0..6M/2M length:2M", "-ddax0.0,size=8M", code=code)
    assert [(step, end) for step, _, end, _ in steps(result)] == [
        ("0", "exit 0"), ("2M", "exit 0"), ("4M", "SIGBUS"), ("6M", "exit 0")]
    result = sweep(daxrun, "mmap errno:EIO nth:1..N", "--sweep", "munmap delay:1ms..2ms",
                   "--jobs=3", code=code)
    assert [(step, end) for step, _, end, _ in steps(result)] == [
        ("1,1ms", "exit 1"), ("2,1ms", "exit 0"), ("1,2ms", "exit 1"), ("2,2ms", "exit 0")]


def test_reports(daxrun):
    result = sweep(daxrun, "mmap errno:ENOMEM nth:2..3", "--report=junit:r.xml",
                   "--report=json:r.json", "--report=tap")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[:5] == ["TAP version 13", "ok 1 - baseline",
                         "ok 2 - mmap errno:ENOMEM nth:2",
                         "not ok 3 - mmap errno:ENOMEM nth:3", "# SIGABRT"]
    assert lines[-1] == "1..3"
    suite = xml.etree.ElementTree.parse(daxrun.dir / "r.xml").getroot()
    assert suite.attrib["tests"] == "3" and suite.attrib["failures"] == "1"
    assert [c.attrib["name"] for c in suite if c.find("failure") is not None] == [
        "mmap errno:ENOMEM nth:3"]
    report = json.loads((daxrun.dir / "r.json").read_text())
    assert report["complete"] and (report["good"], report["bad"]) == (2, 1)
    assert [(r["step"], r["injected"], r["verdict"]) for r in report["rows"]] == [
        ("baseline", 0, "good"), ("2", 1, "good"), ("3", 1, "bad")]
    again = report["rows"][1]["repeat"]
    assert again.startswith("daxrun --fault 'mmap errno:ENOMEM nth:2' -- /usr/bin/python3")
    for bad in ("junit:", "xml:x", "json:/missing/x"):
        result = daxrun.any("--sweep", "mmap errno:EIO nth:1..1", f"--report={bad}", "--", "true")
        assert result.returncode == 125 and "--report: " in result.stderr and not result.stdout


def test_an_interrupted_sweep_prints_what_it_has(daxrun):
    process = daxrun.popen("--sweep", "mmap errno:EIO nth:1..2", "--report=json:r.json", "--",
                           "sh", "-c", "[ ! -e wait ] || sleep 1000; : >wait",
                           stdout=subprocess.PIPE)
    until(lambda: [c for c in daxrun.left()[1].values() if c.startswith("sleep")], "step 1 runs")
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=TIMEOUT)[0]
    assert process.returncode == 130 and table(text) == [BASELINE]
    assert "interrupted; no crash in 0 steps" in text
    assert not json.loads((daxrun.dir / "r.json").read_text())["complete"]


def test_each_step_has_fresh_devices(daxrun):
    program = ("import mmap, os, sys\n"
               "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 2 << 20)\n"
               "old = m[0]; m[0] = 7\n"
               "sys.exit(old)\n")
    result = sweep(daxrun, "mmap delay:1ms nth:1..2", code=program)
    assert [end for _, _, end, _ in steps(result)] == ["exit 0", "exit 0"]
    result = daxrun.any("-d", f"dax0.0,size=64M,backing=pmem:{daxrun.dir}/x", "--sweep",
                        "mmap errno:EIO nth:1..N", "--", "true")
    assert result.returncode == 125 and "not fresh" in result.stderr


def test_a_config_with_files_is_refused(daxrun):
    """A sweep with files as backing is refused before anything runs or is made, because a step would
    find changes of earlier steps."""
    def with_config(text):
        daxrun.write("config", text)
        return daxrun.any("-c", daxrun.dir / "config", "--sweep", "mmap errno:ENOMEM nth:1..1", "--",
                          "/usr/bin/python3", "-c", PROGRAM)

    for backing in (f"pmem:{daxrun.dir}/x", f"hugetlbfs:{daxrun.dir}/x"):
        result = with_config(f"[region 0]\nsize=64M\n[region 1]\nbacking = {backing}\nsize=64M\n")
        assert result.returncode == 125 and result.stdout == ""
        assert re.fullmatch(r"daxrun: --sweep: \S+/config: 'backing=\S+' is not fresh in every step "
                            r"\(use backing=memory or hugetlb\)\n", result.stderr)
        assert not (daxrun.dir / "x").exists()
    result = with_config("[region 0]\nsize=64M\ncolour=red\n")
    assert result.returncode == 125 and "colour" in result.stderr and result.stdout == ""
    result = with_config("[region 0]\nsize=64M\n")
    assert steps(result) == [("1", 1, "exit 3", "good")]


@pytest.mark.parametrize("rule, part", [
    ("mmap errno:ENOMEM nth:1", "expected a range"), ("mmap errno:EFOO nth:1..N", "'EFOO'"),
    ("mmap errno:EIO nth:5..3", "from 5 on"), ("mmap errno:EIO nth:1..x", "expected N"),
])
def test_mistakes_in_a_sweep(daxrun, rule, part):
    result = daxrun.any("--sweep", rule, "--", "true")
    assert result.returncode == 125 and part in result.stderr


@pytest.mark.parametrize("call", ["open errno:EIO", "mmap errno:ENOMEM", "munmap errno:EINVAL"])
def test_sweep_over_pmempool_create(daxrun, call):
    """A sweep over pmempool. docs/faults.md describes PMDK's own behaviour: it aborts if its munmap
    fails."""
    result = daxrun.any("--sweep", f"{call} nth:1..N", "--jobs=2", "--", "pmempool", "create",
                        "obj", "/dev/dax0.0")
    rows = steps(result)
    assert len(rows) > 1 and rows[-1][1:3] == (0, "exit 0"), result.stdout
    assert all(given == 1 for _, given, _, _ in rows[:-1])
    ends = {end for _, _, end, _ in rows[:-1]}
    assert ends <= ({"exit 1"} if "munmap" not in call else {"SIGABRT", "exit 0", "exit 1"})


def test_sweep_over_a_libpmemobj_program(daxrun):
    for call in ("mmap errno:ENOMEM", "mprotect errno:EACCES", "open errno:EMFILE"):
        result = daxrun.any("-d", "dax0.0,size=64M", "--sweep", f"{call} nth:1..N",
                            "--jobs=2", "--", prog("obj_once"), "/dev/dax0.0")
        rows = steps(result)
        assert len(rows) >= 1 and rows[-1][1:3] == (0, "exit 0"), result.stdout
        assert not any(end.startswith("SIG") for _, _, end, _ in rows), result.stdout


def test_a_sweep_that_is_killed_leaves_nothing(daxrun):
    process = daxrun.popen("--sweep", "mmap errno:EIO nth:1..N", "--jobs=2", "--",
                           "sh", "-c", "[ ! -e wait ] || sleep 1000; : >wait",
                           stdout=subprocess.DEVNULL)
    until(lambda: len([c for c in daxrun.left()[1].values() if c.startswith("sleep")]) == 2,
          "two steps run")
    process.kill()
    process.wait()
