# SPDX-License-Identifier: BSD-2-Clause
"""daxrun --crash: planted faults are found, right programs have no bad state, and a run that
proves nothing is refused.

docs/crash.md describes the states; tests/unit/test_crash.c tests their choice."""

import ctypes
import json
import os
import pathlib
import platform
import re
import shlex
import signal
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import BUILD, ROOT, both_users
from crash_table import (ROW, SMALL, TIMEOUT, assert_bad, assert_good, assert_refused, bad_states,
                         crash)
from daxrun import Daxrun, prog, said, until

pytestmark = pytest.mark.plain


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    yield d
    d.check_gone()


@pytest.fixture
def pool(daxrun):
    """An image with a libpmemobj pool."""
    daxrun("-q", "-d", f"dax0.0,size=8M,backing=pmem:{daxrun.dir}/pool", "--", prog("crash_obj"), "create")
    return "pool"


def journal(daxrun, *args, options=SMALL, **kwargs):
    """Record crash_pmem ARGS, and verify with its check."""
    return crash(daxrun, f"{prog('crash_pmem')} check", prog("crash_pmem"), *args, options=options,
                 **kwargs)


@both_users
def test_a_right_program_has_no_bad_state(daxrun):
    assert_good(journal(daxrun, "right", 3), 25)


@pytest.mark.parametrize("way", ["copy", "twice", "threads"])
def test_other_right_ways(daxrun, way):
    assert_good(journal(daxrun, way, 2), 17)


@pytest.mark.parametrize("way, last_line", [
    ("no-flush", "record [12]: word"),
    ("no-fence", "record [12]( has number 0|: word)"),
    ("nodrain", "record [12]( has number 0|: word)"),
    ("order", "record [12]( has number 0|: word)"),
    ("early", "[12] said, [01] there"),
    ("thread", "record [12]( has number 0|: word)"),
    ("fork", "record [12]( has number 0|: word)"),
])
def test_planted_faults_of_libpmem(daxrun, way, last_line):
    """The fence of another thread or process does not help what this one has flushed."""
    assert_bad(journal(daxrun, way, 2), last_line)


def test_said_before_it_was_persistent(daxrun):
    """Only what was said reveals this fault: all content is consistent."""
    result = journal(daxrun, "early", 2)
    assert [state for _, _, state, _ in bad_states(result)] == ["none", "none"]


@pytest.mark.parametrize("way, is_right", [("right", True), ("set", True), ("nodrain", False),
                                           ("no-flush", False)])
def test_libpmem2(daxrun, way, is_right):
    result = crash(daxrun, f"{prog('crash_pmem2')} check", prog("crash_pmem2"), way)
    if is_right:
        assert_good(result, 13)
    else:
        assert_bad(result, "exit 1 +there is no message")


@pytest.mark.parametrize("way", ["tx", "atomic", "no-add", "no-persist", "order"])
def test_libpmemobj(daxrun, pool, way):
    """The check recovers the pool, reads all of it and inserts something."""
    result = crash(daxrun, f"{prog('crash_obj')} check", prog("crash_obj"), way, 1,
                   options=("--image", pool, "--states", "none,all,only,but"))
    if way in ("tx", "atomic"):
        assert_good(result, 80)
    else:
        assert_bad(result, "exit 1 +(node|slot) 1")


def test_the_same_seed_gives_the_same_table(daxrun):
    def table(seed):
        result = journal(daxrun, "no-flush", 1, options=(*SMALL, "--states=rand:6", f"--seed={seed}"))
        assert result.returncode == 1, said(result)
        return result.stdout

    first = table(7)
    assert table(7) == first
    assert ROW.search(first) and "--seed 7 --crash=" in first
    assert table(8) != first


def test_one_state_again(daxrun):
    """The printed command repeats a state, and shows all that CMD prints."""
    result = journal(daxrun, "order", 1)
    command = shlex.split(re.search(r"^to repeat one: daxrun (.*)$", result.stdout, re.M)[1])
    again = daxrun.any(*command, timeout=TIMEOUT)
    assert again.returncode == 1, said(again)
    assert [row[:3] for row in bad_states(again)] == [row[:3] for row in bad_states(result)[:1]]
    assert "record 1 has number 0\n" in again.stdout
    result = daxrun.any(*SMALL, "--crash=99:none", "--verify", "true", "--", prog("crash_pmem"), "right", 1)
    assert_refused(result, "there is no fence 99: the last one is 2$")


def test_a_bad_state_is_kept(daxrun):
    result = journal(daxrun, "order", 1, options=(*SMALL, "--keep=kept", "--states=all", "--fences=1"))
    assert [(fence, state) for fence, _, state, _ in bad_states(result)] == [(1, "all")]
    assert sorted(p.name for p in (daxrun.dir / "kept").iterdir()) == ["1-all", "1-all.said"]
    again = daxrun.any("-d", f"dax0.0,backing=pmem:{daxrun.dir}/kept/1-all", "--", prog("crash_pmem"), "check")
    assert again.returncode == 1 and again.stdout == "record 1 has number 0\n"


def test_fences_and_a_maximum(daxrun):
    result = journal(daxrun, "right", 2, options=(*SMALL, "--fences=2..3", "--max=5"))
    assert "No bad state in 5 of" in result.stdout and "of some of 4 fences" in result.stdout
    assert ", the first 5;" in result.stdout


def test_lines_that_are_flushed_too_seldom_or_too_often(daxrun):
    result = journal(daxrun, "twice", 1)
    assert re.search(r"^flushed again without a change between: 3 lines: 0x40 0x80 0xc0\n"
                     r"  0x40  0x80  0xc0: flushed again in append \(\S*crash_pmem\.c:\d+\)$", result.stdout, re.M)
    result = journal(daxrun, "no-flush", 1)
    assert re.search(r"^stored and never flushed: 2 lines: 0x80 0xc0\n"
                     r"  0x80  0xc0: the next flush or fence is in append \(\S*crash_pmem\.c:\d+\)$",
                     result.stdout, re.M)
    result = crash(daxrun, "true", "sh", "-c", f"{prog('crash_pmem')} no-fence 1; exit 3")
    assert result.returncode == 0 and "never" not in result.stdout
    assert result.stderr == "daxrun: sh ended with exit 3, continuing with what it did\n"


def lines_of(daxrun, kind):
    """Return: {offset: caller} of a kind of lines in the report."""
    lines = {entry["kind"]: entry for entry in json.loads((daxrun.dir / "r.json").read_text())["lines"]}
    return {line["offset"]: line.get("caller") for line in lines[kind]["some"]}


def source_line(name, text):
    """Return: the place of the only line of a test program that has this text."""
    lines = [i for i, line in enumerate((ROOT / "tests/progs" / name).read_text().splitlines(), 1)
             if text in line]
    assert len(lines) == 1, (text, lines)
    return f"{name}:{lines[0]}"


@pytest.mark.parametrize("options", [(), ("--instructions",)])
def test_callers(daxrun, pool, options):
    """The caller is the program's, also if libpmemobj flushes, by whichever way it is seen."""
    options = (*options, "--states=all", "--report=json:r.json")
    program, way = ("crash_insn", "clwb,unfenced") if options[0] == "--instructions" else ("crash_pmem", "unfenced")
    result = crash(daxrun, "true", prog(program), way, 1, options=(*SMALL, *options))
    assert not lines_of(daxrun, "never flushed"), said(result)
    (caller,) = lines_of(daxrun, "never fenced").values()
    assert re.fullmatch(rf"main \(\S*{source_line(program + '.c', 'no fence follows')}\)", caller), caller
    assert f"flushed and never fenced: 1 line: 0x0\n  0x0: flushed in {caller}\n" in result.stdout
    crash(daxrun, "true", prog("crash_obj"), "tx", 1, options=("--image", pool, *options))
    callers = set(lines_of(daxrun, "flushed again").values())
    assert callers and all(re.fullmatch(r"(main|insert) \(\S*crash_obj\.c:\d+\)", c) for c in callers)


def test_several_processes_share_the_device(daxrun):
    """Processes one after the other add to one log, with one order of fences."""
    program = prog("crash_pmem")
    result = crash(daxrun, f"{program} check", "sh", "-c", f"{program} right 1; {program} early 2")
    assert {fence for fence, *_ in bad_states(result)} == {4}, said(result)


# Fence 1 lets the recorder look at written pages only. Before fence 2, line 0x40 is stored
# and flushed, and {way} stores to line 0x300000, which nothing flushes. A huge page
# holds none of the other lines beside it.
WRITER = """
import ctypes, mmap, os, sys, threading, time
lib = ctypes.CDLL(None)
fd = os.open("/dev/dax0.0", os.O_RDWR)
m = mmap.mmap(fd, 4 << 20)

def persist(off):
    base = ctypes.addressof(ctypes.c_char.from_buffer(m))
    lib.pmem_persist(ctypes.c_void_p(base + off), ctypes.c_size_t(1))

def store(m=m, off=3 << 20):
    m[off] = 1

store(off=0)
persist(0)
{way}
store(off=64)
persist(64)
"""

SECOND = ("import mmap, os\n"
          "mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 4 << 20)[3 << 20] = 1\n")

WAYS = {
    "store": "store()",
    "thread": "t = threading.Thread(target=store); t.start(); t.join()",
    "second mapping": "store(mmap.mmap(fd, 4 << 20))",
    "mapped again": "m.close(); m = mmap.mmap(fd, 4 << 20); store(m)\nstore.__defaults__ = (m, 3 << 20)",
    "read": "open('/proc/self/exe', 'rb').readinto(memoryview(m)[3 << 20:][:1])",
    "without descriptors": "os.closerange(3, 4096); store()",
    "fork": "os.fork() or (store(), os._exit(0)); os.wait()",
    "exec": f"os.spawnl(os.P_WAIT, sys.executable, 'python3', '-c', {SECOND!r})",
    "old child": ("r, w = os.pipe()\n"
                  "if not os.fork(): os.read(r, 1); store(); os._exit(0)\n"
                  "store(off=128); persist(128); os.write(w, b'x'); os.wait()"),
}


def may_protect():
    """Tell whether this kernel tracks written pages for this user: Linux 6.7's userfaultfd."""
    libc = ctypes.CDLL(None)
    fd = libc.syscall(323, os.O_CLOEXEC | 1) if platform.machine() == "x86_64" else -1
    if fd < 0:
        return False
    api = (ctypes.c_uint64 * 3)(0xaa, 1 << 15, 0)
    result = libc.ioctl(fd, ctypes.c_ulong(0xc018aa3f), api)
    os.close(fd)
    return result == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_allowed", [True, False], ids=["userfaultfd", "compare"])
def test_every_store_before_a_fence_is_in_doubt(daxrun, is_allowed, way):
    """Whoever stored it, and whether the kernel tracks written pages or not."""
    prefix = [] if is_allowed else [prog("without"), "userfaultfd"]
    result = crash(daxrun, "true", *prefix, "/usr/bin/python3", "-c", WRITER.replace("{way}", WAYS[way]),
                   options=(*SMALL, "--states=all", "--report=json:r.json"))
    rows = json.loads((daxrun.dir / "r.json").read_text())["rows"]
    assert result.returncode == 0 and result.stderr == "", said(result)
    assert rows[-2]["in doubt"] == 2, rows  # before the last fence
    assert "stored and never flushed: 1 line: 0x300000\n" in result.stdout


@both_users
@pytest.mark.parametrize("is_allowed", [True, False], ids=["userfaultfd", "compare"])
def test_written_pages_are_tracked_where_allowed(daxrun, is_allowed):
    prefix = [] if is_allowed else [prog("without"), "userfaultfd"]
    wait = ("open('pid', 'w').write(f'{os.getpid()}\\n')\n"
            "while not os.path.exists('go'): time.sleep(0.01)\n"
            "store()")
    process = daxrun.popen(*SMALL, "--crash", "--verify", "true", "--states=all", "--", *prefix,
                           "/usr/bin/python3", "-c", WRITER.replace("{way}", wait), stdout=-1, stderr=-1)
    pid = daxrun.dir / "pid"
    until(lambda: pid.exists() and pid.read_text().endswith("\n"), "the first fence is over")
    smaps = pathlib.Path(f"/proc/{pid.read_text().strip()}/smaps").read_text()
    daxrun.write("go", "")
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, ""), out
    flags = re.findall(r"^\S+ rw-s \S+ \S+ \S+ +\S+/image$.*?^VmFlags: (.*?)$", smaps, re.M | re.S)
    assert len(flags) == 1, smaps
    assert ("uw" in flags[0].split()) == (is_allowed and may_protect()), flags


def test_reports(daxrun):
    result = journal(daxrun, "early", 1, options=(*SMALL, "--report=json:r.json", "--report=junit:r.xml"))
    report = json.loads((daxrun.dir / "r.json").read_text())
    assert report["bad"] == 1 and report["good"] == len(report["rows"]) - 1 and report["complete"]
    row = next(r for r in report["rows"] if r["verdict"] == "bad")
    assert (row["fence"], row["in doubt"], row["state"], row["ended"]) == (2, 1, "none", "exit 1")
    assert row["last line"] == "1 said, 0 there" and "--crash=2:none" in row["repeat"]
    suite = ElementTree.parse(daxrun.dir / "r.xml").getroot()
    assert suite.get("failures") == "1" and suite.get("tests") == str(len(report["rows"]))
    assert result.returncode == 1


def test_tap(daxrun):
    result = journal(daxrun, "early", 1, options=(*SMALL, "--report=tap"))
    lines = result.stdout.splitlines()
    good = [line for line in lines if line.startswith("ok ")]
    bad = [line for line in lines if line.startswith("not ok ")]
    assert lines[0] == "TAP version 13" and lines[-1] == f"1..{len(good) + len(bad)}", result.stdout
    assert len(bad) == 1 and bad[0].endswith(" - fence 2: none"), result.stdout
    assert "# 1 of " in result.stdout and result.returncode == 1


def test_faults_for_both(daxrun):
    """--fault is for COMMAND, --verify-fault for CMD."""
    result = journal(daxrun, "right", 1, options=(*SMALL, "--verify-fault", "poison offset:0 length:2M"))
    assert_refused(result, "--verify fails without a crash, on the start image: exit 135 .*: Bus error")
    result = journal(daxrun, "right", 1, options=(*SMALL, "-q", "--fault", "mmap errno:ENOMEM"))
    assert result.returncode == 125 and "ended with exit 2" in result.stderr
    assert "stored nothing on the device" in result.stderr


TOUCH = ("import mmap, os\n"
         "mmap.mmap(os.open('/dev/dax0.0', os.O_RDONLY), 4 << 20, prot=mmap.PROT_READ)[3 << 20]\n")


def test_recovery_on_a_page_that_went_bad(daxrun):
    """A rule for COMMAND alone, and one for CMD alone, in one run."""
    program = prog("crash_pmem")
    touch = shlex.join(["/usr/bin/python3", "-c", TOUCH])
    run = ("sh", "-c", f"{touch} || {program} right 1")
    has_no_mapping = ("--fault", "mmap errno:EIO comm:python3")
    goes_bad = ("--verify-fault", "poison offset:3M length:4K")
    result = crash(daxrun, f"{program} check && ! {touch}", *run, options=(*SMALL, "-q", *has_no_mapping, *goes_bad))
    assert_good(result, 8)
    result = crash(daxrun, f"{program} check && {touch}", *run, options=(*SMALL, "-q", *has_no_mapping))
    assert_good(result, 8)


SCRIBBLER = """import mmap, os, subprocess, sys
m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 4 << 20)
assert not any(m[1 << 20:]), "bytes of another check"
assert open('/sys/bus/nd/devices/region0/badblocks').read() == "", "poison of another check"
m[:] = b"\\xff" * len(m)
inject = [sys.argv[1], "inject", "dax0.0", "--offset", "2M", "--length", "4K"]
subprocess.run(inject, check=True, stdout=subprocess.DEVNULL)
"""


def test_a_check_that_writes_everywhere(daxrun):
    """No byte that CMD writes, and no poison, is there in the next state."""
    scribble = shlex.join(["/usr/bin/python3", "-c", SCRIBBLER, f"{BUILD}/cuse-daxctl"])
    program = prog("crash_pmem")
    result = daxrun.any(*SMALL, "--jobs=1", "--crash", "--verify", f"{program} check && {scribble}", "--",
                        program, "right", 1, timeout=TIMEOUT)
    assert_good(result, 8)


def between(command):
    """Return: a COMMAND that does something between two records of the journal."""
    program = prog("crash_pmem")
    return "sh", "-c", f"{program} right 1; {command}; {program} right 2"


def daxctl(*commands):
    return "; ".join(f"{BUILD}/cuse-daxctl {command} >/dev/null" for command in commands)


def test_poison_and_its_end_are_recorded(daxrun):
    """Clearing writes zeroes, which no program has flushed."""
    way = "store(); persist(3 << 20)"
    store = shlex.join(["/usr/bin/python3", "-c", WRITER.replace("{way}", way)])
    orders = daxctl("inject dax0.0 --offset 3M --length 4K", "clear dax0.0 --offset 3M --length 4K")
    result = crash(daxrun, "true", "sh", "-c", f"{store}; {orders}")
    assert (result.returncode, result.stderr) == (0, ""), said(result)
    assert "stored and never flushed: 1 line: 0x300000\n" in result.stdout, said(result)


def test_disabled_and_enabled_while_recording(daxrun):
    result = crash(daxrun, f"{prog('crash_pmem')} check", *between(daxctl("disable dax0.0", "enable dax0.0")))
    assert_good(result, 17)
    assert result.stderr == "", said(result)


def test_resize_is_refused_while_recording(daxrun):
    result = crash(daxrun, f"{prog('crash_pmem')} check", *between("echo 4194304 >/sys/bus/dax/devices/dax0.0/size"))
    assert_good(result, 17)
    assert "/dax0.0/size: Permission denied" in result.stderr, said(result)


def test_processes_at_the_same_time(daxrun):
    """Each process's fence commits what it has flushed itself, and the log has one order."""
    way = ("r, w = os.pipe()\n"
           "if not os.fork():\n"
           "    store(); base = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
           "    lib.pmem_flush(ctypes.c_void_p(base + (3 << 20)), ctypes.c_size_t(1))\n"
           "    os.write(w, b'x')\n"
           "    lib.pmem_drain() if {drains} else None\n"
           "    os._exit(0)\n"
           "os.read(r, 1); os.wait()")
    for drains, left in (("True", ""), ("False", "flushed and never fenced: 1 line: 0x300000\n")):
        result = crash(daxrun, "true", "/usr/bin/python3", "-c",
                       WRITER.replace("{way}", way.replace("{drains}", drains)))
        assert result.returncode == 0, said(result)
        assert ("flushed and never fenced" in result.stdout) == bool(left) and left in result.stdout, said(result)


def test_a_check_that_hangs(daxrun):
    result = crash(daxrun, '[ "$CRASH_STATE" != all ] || sleep 600', prog("crash_pmem"), "right", 1,
                   options=(*SMALL, "--timeout=10s", "--states=all", "--fences=1"))
    assert [how for *_, how in bad_states(result)] == ["hung (10 s)"], said(result)
    assert result.returncode == 1


def test_a_check_that_fails_without_a_crash(daxrun):
    result = crash(daxrun, "echo no pool; exit 4", prog("crash_pmem"), "right", 1)
    assert_refused(result, "on the start image: exit 4: no pool; nothing else was run")
    result = crash(daxrun, "test $CRASH_STATE != end", prog("crash_pmem"), "right", 1)
    assert_refused(result, "on the end image: exit 1: ; nothing else was run$")


STORE = ("import mmap, os\n"
         "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 2 << 20)\n"
         "m[4096:4100] = b'abcd'\n")


def test_runs_that_prove_nothing(daxrun):
    assert_refused(crash(daxrun, "true", "true"), "true stored nothing on the device")
    assert_refused(crash(daxrun, "true", "/usr/bin/python3", "-c", STORE),
                   "stored to 1 lines, but no flush and no fence of libpmem or libpmem2 was seen")


@pytest.mark.parametrize("options, words", [
    (("--crash",), "--crash needs --verify"),
    (("--crash", "--verify=true", "-d", "dax0.0,backing=memfd"), "leave out backing="),
    (("--crash", "--verify=true", "-d", "dax0.0", "-d", "dax0.1"), "records one device"),
    (("--crash", "--verify=true", "--sweep=mmap errno:EIO nth:1..2"), "--crash and --sweep"),
    (("--crash", "--verify=true", "--states=most"), "--states: 'most'"),
    (("--crash", "--verify=true", "--fences=3..1"), "--fences: '3..1'"),
    (("--crash=1:only", "--verify=true"), "'1:only' is not FENCE:STATE"),
    (("--crash", "--verify=true", "--image=missing"), "--image missing: No such file"),
    (("--crash", "--verify=true", "--image=."), "--image .: is not a file"),
    (("--crash", "--verify=true", "--image=/etc/passwd"), "--image /etc/passwd: holds data without"),
    (("--verify=true",), "--verify needs --crash"),
])
def test_mistakes(daxrun, options, words):
    assert_refused(daxrun.any(*options, "--", "true"), re.escape(words))


def test_a_log_longer_than_its_buffer(daxrun):
    result = journal(daxrun, "many", 9000, options=(*SMALL, "--fences=8999..9000"))
    assert result.returncode == 0 and "of 9000 fences" in result.stdout, said(result)


def test_no_room_for_the_log(daxrun, small_fs):
    place = small_fs("size=32M")
    program = prog("crash_pmem")
    result = crash(daxrun, "true", "sh", "-c",
                   f"{program} many 1; head -c 40M /dev/zero >{place}/fill 2>/dev/null; {program} many 9000",
                   env={"XDG_RUNTIME_DIR": str(place)})
    assert_refused(result, "the log can't be written: No space left on device")


def test_interrupted(daxrun):
    """The table so far is printed, and nothing stays."""
    verify = "case $CRASH_STATE in start|end) ;; none) exit 1;; *) exec sleep 600;; esac"
    process = daxrun.popen(*SMALL, "--crash", "--states=none,all", "--verify", verify, "--",
                           prog("crash_pmem"), "right", 2, stdout=-1, stderr=-1)
    until(lambda: any(c.startswith("sleep 600") for c in daxrun.left()[1].values()), "the second state runs")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130, err
    assert [m[3] for m in ROW.finditer(out)] == ["none"]
    assert "interrupted: the other states were not checked" in out


@pytest.mark.parametrize("name", ["start", "end"])
def test_interrupted_before_the_first_state(daxrun, name):
    verify = f"[ $CRASH_STATE != {name} ] || exec sleep 601"
    process = daxrun.popen(*SMALL, "--crash", "--verify", verify, "--", prog("crash_pmem"), "right", 2,
                           stdout=-1, stderr=-1)
    until(lambda: any(c.startswith("sleep 601") for c in daxrun.left()[1].values()), f"the {name} is checked")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (130, ""), err
    assert err == "daxrun: interrupted: no state was checked\n"


def test_killed(daxrun):
    process = daxrun.popen(*SMALL, "--crash", "--verify", "true", "--", "sleep", "600")
    until(lambda: any(c.startswith("sleep") for c in daxrun.left()[1].values()), "COMMAND runs")
    process.kill()
    process.wait()
