# SPDX-License-Identifier: BSD-2-Clause
"""daxrun --crash --instructions: flushes, fences and stores past the cache that a program
executes by itself are recorded, whatever language and library they come from."""

import re
import shlex

import pytest

from conftest import both_users, needs_root
from crash_table import SMALL, assert_bad, assert_good, assert_refused, bad_states, crash
from daxrun import Daxrun, prog, said
from rust import rust_program

pytestmark = pytest.mark.plain

BY_INSTRUCTIONS = (*SMALL, "--instructions")


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    yield d
    d.check_gone()


def record(daxrun, program, *args, options=BY_INSTRUCTIONS, check="check"):
    """Record PROGRAM ARGS, and verify with its check. COMMAND itself has to succeed."""
    result = crash(daxrun, f"{program} {check}", program, *args, options=options)
    assert result.stderr == "" or result.returncode == 125, said(result)
    return result


@both_users
@pytest.mark.parametrize("way", ["clwb", "movntdq"])
def test_right_and_wrong_intrinsics(daxrun, way):
    assert_good(record(daxrun, prog("crash_insn"), way, 2), 10)
    assert_bad(record(daxrun, prog("crash_insn"), f"{way},no-fence", 2), "record [12]: word")


@pytest.mark.parametrize("way", ["clwb,mfence", "clflushopt", "clflush", "clflush,no-fence", "movnti"])
def test_other_right_ways(daxrun, way):
    """Later stores do not overtake clflush: it needs no fence."""
    assert_good(record(daxrun, prog("crash_insn"), way, 2), 10)


@pytest.mark.parametrize("way", ["clwb,no-flush", "clwb,other-fence", "clflushopt,no-fence",
                                 "clflush,no-flush", "movnti,no-fence"])
def test_other_planted_faults(daxrun, way):
    assert_bad(record(daxrun, prog("crash_insn"), way, 2), "record [12]: word")


def test_all_stores_past_the_cache(daxrun):
    """The program compares what each instruction has stored, and flushes nothing."""
    result = record(daxrun, prog("crash_insn"), "all-stores", 1)
    assert_good(result, 20)
    assert "never" not in result.stdout


@pytest.mark.parametrize("way, was_said", [("trap", "1 2 signals 2"), ("blocked", "1 2"),
                                           ("fault", "1 1 signal, 0 blocked")])
def test_signals_of_the_program(daxrun, way, was_said):
    """It has SIGTRAP as without daxrun, may block all signals, and may jump out of a fault."""
    check = f'[ "$CRASH_STATE" != end ] || echo $(cat $CRASH_SAID) >{daxrun.dir}/end; {prog("crash_insn")} check'
    result = crash(daxrun, check, prog("crash_insn"), way, options=BY_INSTRUCTIONS)
    assert_good(result, 6)
    assert result.stderr == "" and (daxrun.dir / "end").read_text() == was_said + "\n"


def test_libraries_that_come_and_go(daxrun):
    assert_good(record(daxrun, prog("crash_insn"), "dlopen", check="check,first"), 6)


@both_users
def test_static_libpmem(daxrun):
    program = prog("crash_static")
    assert_good(record(daxrun, program, "right", 2), 17)
    assert_bad(record(daxrun, program, "no-fence", 2), "record [12]( has number 0|: word)")
    result = record(daxrun, program, "right", 2, options=SMALL)
    assert_refused(result, r"stored to 7 lines, but no flush .* was seen: .* \(try --instructions\)$")


@pytest.mark.parametrize("way, is_right", [("right", True), ("copy", True), ("threads", True),
                                           ("no-flush", False), ("thread", False), ("fork", False)])
def test_libpmem(daxrun, way, is_right):
    result = record(daxrun, prog("crash_pmem"), way, 2)
    if is_right:
        assert_good(result, 17)
    else:
        assert_bad(result, "record [12]( has number 0|: word)")


@pytest.mark.parametrize("names", ["PMEM_NO_CLWB", "PMEM_NO_CLWB PMEM_NO_CLFLUSHOPT", "PMEM_NO_MOVNT",
                                   "PMEM_AVX", "PMEM_MOVNT_THRESHOLD"])
def test_all_code_of_libpmem(daxrun, names):
    """libpmem has a variant for each CPU; some may be chosen by hand."""
    settings = " ".join(f"{name}=0" if "THRESHOLD" in name else f"{name}=1" for name in names.split())
    result = record(daxrun, "env", *settings.split(), prog("crash_pmem"), "copy", 2,
                    check=f"true; {prog('crash_pmem')} check")
    assert_good(result, 12)
    result = record(daxrun, "env", *settings.split(), prog("crash_pmem"), "order", 2,
                    check=f"true; {prog('crash_pmem')} check")
    assert_bad(result, "record [12]( has number 0|: word)")


@pytest.mark.parametrize("way, is_right", [("right", True), ("set", True), ("nodrain", False),
                                           ("no-flush", False)])
def test_libpmem2(daxrun, way, is_right):
    result = record(daxrun, prog("crash_pmem2"), way)
    if is_right:
        assert_good(result, 13)
    else:
        assert_bad(result, "exit 1 +there is no message")


@both_users
@pytest.mark.parametrize("way, is_right", [("right", True), ("late", False), ("stream", True),
                                           ("stream-no-fence", False)])
def test_rust(daxrun, tmp_path_factory, way, is_right):
    result = record(daxrun, rust_program("crash_rust", tmp_path_factory), way)
    if is_right:
        assert_good(result, 12)
    else:
        assert_bad(result, "record [123] is not there")


def media(daxrun, pool, way, *options):
    """Return: at each fence, the lines of the media that have changed since the fence before."""
    keep = daxrun.dir / f"kept{len(options)}"
    result = crash(daxrun, "case $CRASH_STATE in start|end) ;; *) exit 1;; esac", prog("crash_obj"), way, 3,
                   options=("--image", pool, "--states=none", f"--keep={keep}", *options))
    assert result.returncode == 1, said(result)
    images = sorted((p for p in keep.iterdir() if p.suffix != ".said"),
                    key=lambda p: int(p.name.partition("-")[0]))
    before = (daxrun.dir / pool).read_bytes()
    changes = []
    for image in images:
        data = image.read_bytes()
        changes.append({at for at in range(0, len(data), 64) if data[at:at + 64] != before[at:at + 64]}
                       if data != before else set())
        before = data
    return changes


@pytest.mark.parametrize("way", ["tx", "atomic"])
def test_names_and_instructions_persist_the_same_lines(daxrun, way):
    daxrun("-q", "-d", f"dax0.0,size=8M,backing=pmem:{daxrun.dir}/pool", "--", prog("crash_obj"), "create")
    by_name = media(daxrun, "pool", way)
    by_instruction = media(daxrun, "pool", way, "--instructions")
    nr = sum(map(len, by_name))
    differing = sum(len(a ^ b) for a, b in zip(by_name, by_instruction))
    assert len(by_name) == len(by_instruction) > 20 and nr > 30
    assert differing <= nr / 100, (differing, nr)


def test_the_same_seed_gives_the_same_table(daxrun):
    def table(seed):
        result = record(daxrun, prog("crash_insn"), "clwb,no-flush", 2,
                        options=(*BY_INSTRUCTIONS, "--states=rand:6", f"--seed={seed}"))
        assert result.returncode == 1, said(result)
        return result.stdout

    first = table(7)
    assert table(7) == first != table(8)
    assert " --instructions --seed 7 --crash=" in first


def test_one_state_again(daxrun):
    result = record(daxrun, prog("crash_insn"), "movnti,no-fence", 1)
    command = shlex.split(re.search(r"^to repeat one: daxrun (.*)$", result.stdout, re.M)[1])
    again = daxrun.any(*command)
    assert again.returncode == 1, said(again)
    assert [row[:3] for row in bad_states(again)] == [row[:3] for row in bad_states(result)[:1]]


@needs_root  # to hide /proc
def test_code_that_can_not_be_changed(daxrun):
    result = crash(daxrun, "true", "unshare", "-m", "sh", "-c",
                   f"mount -t tmpfs none /proc; exec {prog('crash_insn')} clflush 1", options=BY_INSTRUCTIONS)
    assert_refused(result, "--instructions: the code in memory can't be changed: No such file or directory$")


def test_nothing_is_seen(daxrun):
    """A store of Python's, which executes none of the instructions on the device."""
    store = ("import mmap, os\n"
             "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 2 << 20)\n"
             "m[4096:4100] = b'abcd'\n")
    result = crash(daxrun, "true", "/usr/bin/python3", "-c", store, options=BY_INSTRUCTIONS)
    assert_refused(result, "stored to 1 lines, but executed no instruction that flushes or fences$")
    result = crash(daxrun, "true", prog("crash_insn"), "clflush", 1)
    assert_refused(result, r"no flush and no fence of libpmem or libpmem2 was seen: .* \(try --instructions\)$")
    result = daxrun.any("--instructions", "--", "true")
    assert_refused(result, "--instructions needs --crash$")
