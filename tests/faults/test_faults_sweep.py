# SPDX-License-Identifier: BSD-2-Clause
"""daxrun --fault-report and --sweep on real programs."""

import re
import signal

import pytest

from daxrun import Daxrun, prog, until
from faults import MIB, run_probe


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    yield d
    d.check_gone()


def table(text):
    """Parse the table of a sweep. Return: [(step, injected, how it ended)]."""
    return [(int(m[1]), int(m[2]), m[3].strip()) for m in
            re.finditer(r"^ *(\d+) +(-?\d+)  (.{20}) +[\d.]+ ms$", text, re.M)]


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


@pytest.mark.parametrize("jobs", [1, 4])
def test_sweep_finds_what_is_not_handled(daxrun, jobs):
    result = daxrun.any("--sweep", "mmap errno:ENOMEM nth:1..N", f"--jobs={jobs}", "--",
                        "/usr/bin/python3", "-c", PROGRAM)
    assert table(result.stdout) == [(1, 1, "exit 3"), (2, 1, "exit 1"), (3, 1, "SIGABRT"),
                                    (4, 0, "exit 0")], result.stderr
    assert result.returncode == 1 and "1 of 4 steps crashed or hung" in result.stdout


def test_sweep_of_a_closed_range(daxrun):
    result = daxrun.any("--sweep", "mmap errno:ENOMEM nth:2..2", "--", "/usr/bin/python3",
                        "-c", PROGRAM)
    assert table(result.stdout) == [(2, 1, "exit 1")]
    assert result.returncode == 0


def test_each_step_has_fresh_devices(daxrun):
    program = ("import mmap, os, sys\n"
               "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 2 << 20)\n"
               "old = m[0]; m[0] = 7\n"
               "sys.exit(old)\n")
    result = daxrun.any("--sweep", "msync errno:EIO nth:1..1", "--", "/usr/bin/python3",
                        "-c", program)
    assert table(result.stdout) == [(1, 0, "exit 0")]
    result = daxrun.any("-d", f"dax0.0,size=64M,backing=pmem:{daxrun.dir}/x", "--sweep",
                        "mmap errno:EIO nth:1..N", "--", "true")
    assert result.returncode == 125 and "not fresh" in result.stderr


def test_a_config_with_files_is_refused(daxrun):
    """A sweep with files as backing is refused before anything runs or is made, because a step would
    find changes of earlier steps."""
    def sweep(text):
        daxrun.write("config", text)
        return daxrun.any("-c", daxrun.dir / "config", "--sweep", "mmap errno:ENOMEM nth:1..1", "--",
                          "/usr/bin/python3", "-c", PROGRAM)

    for backing in (f"pmem:{daxrun.dir}/x", f"hugetlbfs:{daxrun.dir}/x"):
        result = sweep(f"[region 0]\nsize=64M\n[region 1]\nbacking = {backing}\nsize=64M\n")
        assert result.returncode == 125 and result.stdout == ""
        assert re.fullmatch(r"daxrun: --sweep: \S+/config: 'backing=\S+' is not fresh in every step "
                            r"\(use backing=memfd or hugetlb\)\n", result.stderr)
        assert not (daxrun.dir / "x").exists()
    result = sweep("[region 0]\nsize=64M\ncolour=red\n")
    assert result.returncode == 125 and "colour" in result.stderr and result.stdout == ""
    result = sweep("[region 0]\nsize=64M\n")
    assert table(result.stdout) == [(1, 1, "exit 3")], result.stderr


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
    steps = table(result.stdout)
    assert len(steps) > 1 and steps[-1][1:] == (0, "exit 0"), result.stdout
    assert all(given == 1 for _, given, _ in steps[:-1])
    ends = {end for _, _, end in steps[:-1]}
    assert ends <= ({"exit 1"} if "munmap" not in call else {"SIGABRT", "exit 0", "exit 1"})


def test_sweep_over_a_libpmemobj_program(daxrun):
    for call in ("mmap errno:ENOMEM", "mprotect errno:EACCES", "open errno:EMFILE"):
        result = daxrun.any("-d", "dax0.0,size=64M", "--sweep", f"{call} nth:1..N",
                            "--jobs=2", "--", prog("obj_once"), "/dev/dax0.0")
        steps = table(result.stdout)
        assert len(steps) >= 1 and steps[-1][1:] == (0, "exit 0"), result.stdout
        assert not any(end.startswith("SIG") for _, _, end in steps), result.stdout


def test_a_sweep_that_is_killed_leaves_nothing(daxrun):
    process = daxrun.popen("--sweep", "mmap errno:EIO nth:1..N", "--jobs=2", "--", "sleep",
                           "60")
    until(lambda: len([c for c in daxrun.left()[1].values() if c.startswith("sleep")]) == 2,
          "two steps run")
    process.kill()
    process.wait()
