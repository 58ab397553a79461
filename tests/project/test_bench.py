# SPDX-License-Identifier: BSD-2-Clause
"""make bench runs to its end and prints every measure. This test does not judge times."""

import re

import pytest

from conftest import BUILD, ROOT, run

pytestmark = pytest.mark.plain  # the cost of a sanitizer is of no interest

VALUE = re.compile(r"^(?P<name>[^:]+(?: : [^:]+)?): (?P<value>\d+\.\d\d)(?: \(aim ([^)]*)\))?  \S+")

RATIOS = [
    "random 64-byte loads, memfd",
    "streaming stores, memfd",
    "first touch of 4 KiB, raw tmpfs in 2 MiB pages",
    "touch of 4 KiB in a second mapping, raw tmpfs in 2 MiB pages",
    "random loads over 32 MiB, raw tmpfs in 2 MiB pages",
    "first touch of 4 KiB, raw file in 2 MiB pages",
    "mmap+munmap of 2 MiB",
    "mmap+munmap of 2 MiB, with a rule for another call : without",
    "daxrun true : umockdev-run -- true",
    "500 x /bin/true from sh",
    "500 x /bin/true from sh, umockdev's preload",
    "find over 5,000 files",
    "find over 5,000 files, umockdev's preload",
    "CPU time of a crash state : of daxrun with its check alone",
    "CPU time of a recorded fence, 64 MiB in use, without userfaultfd : with",
]


@pytest.fixture(scope="module")
def benches():
    result = run(["make", "-s", "-C", ROOT, f"B={BUILD}", "benches"])
    assert result.returncode == 0, result.stderr
    return BUILD


def bench(*args, **kwargs):
    result = run([ROOT / "bench/run", "--quick", *args, BUILD], **kwargs)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout.splitlines()


@pytest.mark.parametrize("as_nobody", [False, True], ids=["self", "nobody"])
def test_every_measure_is_printed(benches, as_nobody):
    lines = bench(as_nobody=as_nobody)
    ratios = {m["name"]: float(m["value"]) for m in map(VALUE.match, lines) if m}
    assert set(RATIOS) <= set(ratios), lines
    assert all(ratio > 0 for ratio in ratios.values())
    for what in ("random 64-byte loads", "streaming stores"):
        assert any(line.startswith(f"{what}, hugetlb: ") for line in lines), lines
    for name in ("cuse-daxctl inject, until 64 processes that map it are reached",
                 "a delayed first touch, above the delay"):
        assert any(line.startswith(f"{name}: ") for line in lines), lines
    assert any(line.startswith("faults for each GiB, raw tmpfs") for line in lines), lines
    for count in ("1 device", "256 devices", "1000 devices"):
        assert any(line.startswith(f"start of the daemon, {count}: ") for line in lines), lines
    for count in ("1 device", "256 devices"):
        assert any(re.match(rf"daemon's memory, {count}: \d+\.\d MiB resident, ", line)
                   for line in lines), lines


def test_one_measure_alone(benches):
    lines = bench("--only", "daemon-memory")
    assert [line.split(":")[0] for line in lines] == [
        "daemon's memory, 1 device", "daemon's memory, 256 devices"]


def test_an_unknown_measure_is_refused(benches):
    result = run([ROOT / "bench/run", "--only", "nothing", BUILD])
    assert result.returncode == 2
    assert "nothing" in result.stderr
