# SPDX-License-Identifier: BSD-2-Clause
"""Mappings on kernels newer than 6.1: PROCMAP_QUERY, THP_DISABLE, MADV_DOFORK."""

import signal

import pytest

from conftest import BUILD, both_users, run
from daxrun import prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

THP = """
import ctypes, mmap, os
m = mmap.mmap(os.open("/dev/dax0.0", os.O_RDWR), 4 << 20)
print(ctypes.CDLL(None).prctl(41, 1, {flags}, 0, 0), flush=True)
m[0] = 1
print("touched")
"""


def daxrun(user, align, *command, backing="memory"):
    return run([BUILD / "daxrun", "-q", "-d", f"dax0.0,size=4M,align={align},backing={backing}",
                "--", *command], as_nobody=user == "nobody")


def expected(door, align):
    size = {"2M": 2 << 20, "4K": 4096}[align]
    mapping = f"0+0x400000 from 0, flags b, pages {size}"
    found = f"/dev/dax0.0 {mapping}"
    answers = {"first byte": found, "last byte": found, "without name": f"- {mapping}",
               "below": "No such file or directory", "next": found, "next writable": found,
               "executable": "No such file or directory", "behind": "No such file or directory",
               "just enough room": found, "too little room": "File name too long",
               "bad pointer": "Bad address", "bad flags": "Invalid argument"}
    return [f"{door} {what}: {answer}" for what, answer in answers.items()]


@both_users
@pytest.mark.parametrize("align", ["2M", "4K"])
@pytest.mark.parametrize("kind", ["huge", "collapse", "plain", "pmem"])
def test_query_of_mappings(user, workdir, align, kind, monkeypatch):
    workdir.chmod(0o777)
    backing = "memory"
    if kind == "pmem":
        backing = f"pmem:{workdir}/i"  # a shorter name than that of the device
    else:
        monkeypatch.setenv("DAXD_MEMORY", kind)
    result = daxrun(user, align, prog("procmap"), "/dev/dax0.0", "/etc/passwd", backing=backing)
    if result.returncode == 3:
        pytest.skip("kernel: PROCMAP_QUERY is of Linux 6.11; a guest with 6.12 has it")
    lines = result.stdout.splitlines()
    other = "/etc/passwd 0x2000000+0x1000 from 0, flags 1, pages 4096"
    assert result.stderr == ""
    assert lines[:-1] == [*expected("early", align), *expected("late", align),
                          f"late another file: {other}", f"late after closefrom: {other}",
                          "child a copy is of the child: No such file or directory"]
    # The kernel answers what it would answer to any other process.
    assert lines[-1].startswith("child the parent's list: ")


@both_users
def test_huge_pages_that_are_only_advised(user):
    result = daxrun(user, "2M", "/usr/bin/python3", "-c", THP.format(flags=2))
    if result.stdout.startswith("-1"):
        pytest.skip("kernel: PR_THP_DISABLE_EXCEPT_ADVISED is of Linux 6.18")
    assert (result.stdout.split(), result.stderr) == (["0", "touched"], "")


@both_users
def test_no_huge_pages_at_all(user):
    result = daxrun(user, "2M", "/usr/bin/python3", "-c", THP.format(flags=0))
    assert (result.stdout.split(), result.returncode) == (["0"], -signal.SIGBUS)


@both_users
@pytest.mark.parametrize("align", ["2M", "4K"])
def test_a_kernel_that_refuses_to_let_memory_be_inherited_again(user, align):
    result = daxrun(user, align, prog("dofork"), "/dev/dax0.0")
    assert (result.stdout.split(), result.stderr) == (["x", "0", "y"], "")
