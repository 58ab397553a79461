# SPDX-License-Identifier: BSD-2-Clause
"""Fault rules that make calls fail or delay them, and the messages for rules with mistakes."""

import re

import pytest

from conftest import load_json, run
from daxrun import DAXRUN, Daxrun
from faults import MIB, bare, events, run_probe


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    yield d
    d.check_gone()


def config_file(daxrun, text):
    daxrun.write("config", text)
    return daxrun.dir / "config"


MAPPED = ["open", f"mmap 0 {4 * MIB}", "store 0 7"]
CALLS = {"mmap": f"mmap 0 {4 * MIB}", "munmap": "munmap", "mprotect": "mprotect",
         "mremap": "mremap", "msync": "msync", "madvise": "madvise", "open": "open"}

STORES = ["align=2M", "align=4K", "type=dynamic,align=2M", "type=dynamic,align=4K",
          "align=2M,backing=pmem:{dir}/file", "align=4K,backing=pmem:{dir}/file"]


@pytest.mark.parametrize("store", STORES)
def test_each_call_fails_once_and_nothing_has_changed(daxrun, store):
    device = f"dax0.0,size=64M,{store.format(dir=daxrun.dir)}"
    rules = []
    lines = list(MAPPED)
    for call, line in CALLS.items():
        # The first open and mmap, in MAPPED, are counted as well.
        nth = 2 if call in ("mmap", "open") else 1
        rules += ["--fault", f"device:0.0 {call} errno:EIO nth:{nth}"]
        lines += [line, "load 0", line, "load 0"] if call != "munmap" else [
            line, "load 0"]
    out, result = run_probe(daxrun, lines, "--fault-log", daxrun.dir / "log", "-d", device,
                            *rules)
    assert result.returncode == 0, result.stderr
    assert out[:3] == ["ok"] * 3
    expected = []
    for call in CALLS:
        expected += ["EIO", "7", "ok", "7"] if call != "munmap" else ["EIO", "7"]
    assert out[3:] == expected
    log = events(daxrun.dir / "log")
    assert [e["call"] for e in log] == list(CALLS)
    assert [e["rule"] for e in log] == list(range(1, len(CALLS) + 1))
    assert all(e["device"] == "dax0.0" and e["comm"] == "fault_probe" for e in log)
    assert all(set(e) >= {"time", "rule", "pid", "thread", "comm", "call", "address",
                          "offset"} for e in log)


@pytest.mark.parametrize("call", CALLS)
def test_each_call_is_late(daxrun, call):
    """Each call is delayed by the rule's time, and only once. The log proves that, as any call can
    be slow by itself."""
    lines = [*MAPPED, f"timed {CALLS[call]}"]
    nth = 2 if call in ("mmap", "open") else 1
    out, _ = run_probe(daxrun, lines, "--fault", f"{call} delay:150ms nth:{nth}",
                       "--fault-log", daxrun.dir / "log")
    assert out[3] == "ok"
    assert int(out[4].removeprefix("us=")) >= 150000
    assert [e["call"] for e in events(daxrun.dir / "log")] == [call]


def test_late_and_then_it_fails(daxrun):
    out, _ = run_probe(daxrun, [*MAPPED, "timed munmap", "load 0"], "--fault",
                       "munmap delay:50ms errno:ENOMEM")
    assert out[3] == "ENOMEM" and int(out[4].removeprefix("us=")) >= 50000
    assert out[5] == "7"


def test_writes_to_sysfs(daxrun):
    unbind = "/sys/bus/dax/drivers/device_dax/unbind"
    size = "/sys/bus/dax/devices/dax0.0/size"
    lines = ["open", f"write {unbind} dax0.0", f"mmap 0 {2 * MIB}",
             f"write {unbind} dax0.0", f"mmap 0 {2 * MIB}",
             f"write {size} 0"]
    out, result = run_probe(daxrun, lines, "-d", "dax0.0,type=dynamic", "--fault",
                            "write errno:EAGAIN nth:1", "--fault",
                            "write device:0.0 errno:EPERM")
    assert out == ["ok", "EAGAIN", "ok", "ok", "ENXIO", "EPERM"], result.stderr


SIX = [*MAPPED[:1], f"repeat 6 mmap 0 {2 * MIB}"]


@pytest.mark.parametrize("when, want", [
    ("always", "EEEEEE"), ("nth:4", "...E.."), ("every:2", ".E.E.E"), ("times:2", "EE...."),
    ("every:2 times:1", ".E...."), ("probability:0", "......"), ("probability:1", "EEEEEE"),
    ("probability:50% seed:7", None), ("after:3600s", "......"), ("after:0s", "EEEEEE"),
    ("while:/", "EEEEEE"), ("while:/there/is/none", "......"), ("pid:1", "......"),
    ("uid:4294967294", "......"), ("comm:fault_probe", "EEEEEE"), ("comm:other", "......"),
    ("comm:fault_probe every:3 times:1", "..E..."), ("offset:2M", "......"),
    ("offset:1M length:1M", "EEEEEE"), ("device:1.0", "......"), ("device:*", "EEEEEE"),
])
def test_when_and_where(daxrun, when, want):
    devices = ["-ddax0.0", "-ddax1.0"]
    out, result = run_probe(daxrun, SIX, *devices, "--fault", f"mmap errno:EAGAIN {when}")
    got = "".join("E" if x == "EAGAIN" else "." for x in out[1:])
    assert result.returncode == 0 and len(got) == 6
    if want is None:
        again, _ = run_probe(daxrun, SIX, "--fault", f"mmap errno:EAGAIN {when}")
        assert again == out and set(got) == {"E", "."}
    else:
        assert got == want


def test_after_a_time(daxrun):
    out, _ = run_probe(daxrun, ["open", f"repeat 600 timed mmap 0 {2 * MIB}", "munmap"],
                       "--fault", "mmap delay:5ms", "--fault", "mmap errno:EIO after:2s")
    results = out[1:-1:2]
    first = results.index("EIO")
    assert 0 < first and set(results[:first]) == {"ok"} and set(results[first:]) == {"EIO"}


def test_while_a_file_is_there(daxrun):
    path = daxrun.dir / "file"
    program = ("import os, mmap, pathlib\n"
               f"file = pathlib.Path('{path}')\n"
               "fd = os.open('/dev/dax0.0', os.O_RDWR)\n"
               "def go():\n"
               "    try:\n"
               "        mmap.mmap(fd, 2 << 20)\n"
               "        print('ok')\n"
               "    except OSError as e:\n"
               "        print(e.errno)\n"
               "go(); file.touch(); go(); file.unlink(); go()\n")
    out = daxrun("-q", "--fault", f"mmap errno:EIO while:{path}", "--", "/usr/bin/python3",
                 "-c", program)
    assert out.split() == ["ok", "5", "ok"]


def test_a_child_goes_on_counting_and_others_begin_anew(daxrun):
    lines = ["open", f"mmap 0 {2 * MIB}", f"fork mmap 0 {2 * MIB}", f"mmap 0 {2 * MIB}",
             f"mmap 0 {2 * MIB}"]
    out, _ = run_probe(daxrun, lines, "--fault", "mmap errno:EIO nth:2")
    assert out == ["ok", "ok", "EIO", "EIO", "ok"]


@pytest.mark.parametrize("rule", ["mmap errno:ENOMEM probability:0.1 seed:42",
                                  "munmap errno:EINVAL every:7 probability:0.5 seed:1"])
def test_the_same_seed_gives_the_same_faults(daxrun, rule):
    """Three runs of 10,000 calls differ only in times and pids."""
    program = ("import os, ctypes\n"
               "c = ctypes.CDLL(None, use_errno=True)\n"
               "c.mmap.restype = ctypes.c_void_p\n"
               "fd = os.open('/dev/dax0.0', os.O_RDWR)\n"
               "bad = ''\n"
               "for i in range(10000):\n"
               "    p = c.mmap(ctypes.c_void_p(0x600000000000 + (i & 1) * (2 << 20)),\n"
               "               ctypes.c_size_t(2 << 20), 3, 1, fd, ctypes.c_long(0))\n"
               "    if p == 2 ** 64 - 1: continue\n"
               "    while c.munmap(ctypes.c_void_p(p), ctypes.c_size_t(2 << 20)): pass\n")
    logs = []
    for n in range(3):
        path = daxrun.dir / f"log{n}"
        daxrun("-q", "--fault", rule, "--fault-log", path, "--", "/usr/bin/python3", "-c",
               program, timeout=120)
        logs.append([bare(e) for e in events(path)])
    assert 500 < len(logs[0]) < 1500
    assert logs[0] == logs[1] == logs[2]


def test_the_log_may_be_a_descriptor(daxrun):
    result = daxrun.any("-q", "--fault", "open errno:EIO", "--fault-log=2", "--", "cat",
                        "/dev/dax0.0")
    assert '"call": "open"' in result.stderr and '"comm": "cat"' in result.stderr


def test_it_is_told(daxrun):
    result = daxrun.any("--fault", "open errno:EIO", "--", "cat", "/dev/dax0.0")
    assert re.search(r"daxrun: dax0.0: cat\[\d+\]: open: fail, injected by a fault rule \(EIO\)",
                     result.stderr)


@pytest.mark.parametrize("rule, pos, part", [
    ("mmap errno:EFOO", 12, "'EFOO'"), ("errno:ENOMEM", 13, "needs a call"),
    ("mmap nth:3", 11, "what happens"), ("mmap errno:EIO nth:none", 20, "number"),
    ("pisson offset:2M", 1, "not a word of a rule"), ("", 1, "what happens"),
])
def test_a_mistake_is_answered_with_its_place(daxrun, rule, pos, part):
    for program in ([DAXRUN, "--fault", rule, "--", "true"],):
        result = run(program)
        assert result.returncode == 125
        assert f"at character {pos}:" in result.stderr and part in result.stderr
        assert "expected" in result.stderr
    result = run([DAXRUN.parent / "cuse-daxd", f"--fault={rule}", "--check-config"])
    assert result.returncode == 2 and f"at character {pos}:" in result.stderr


def test_from_a_config_file(daxrun):
    config = config_file(daxrun, (
        "[daemon]\n" f"fault-log={daxrun.dir}/log\n"
        "[region 0]\nsize=64M\n"
        "[fault 2]\ndevice=0.0\ncall=mmap munmap\nwhat=errno:ENOMEM\nnth=3\n"
        "[fault 1]\nrule=mmap errno:EIO nth:2\n"
        "[fault 10]\nerrno=EACCES\ncall=madvise\nprobability=1\nseed=3\ncomm=fault_probe\n"))
    out, result = run_probe(daxrun, ["open", f"repeat 5 mmap 0 {2 * MIB}", "madvise"], "-c",
                            config)
    # Rules behind the one that makes a call fail do not see the call.
    assert out == ["ok", "ok", "EIO", "ok", "ENOMEM", "ok", "EACCES"], result.stderr
    assert [e["rule"] for e in events(daxrun.dir / "log")] == [1, 2, 3]


@pytest.mark.parametrize("text, line, part", [
    ("rule=mmap errno:EFOO", 2, "rule=: at character 12: 'EFOO'"),
    ("call=mmap\nerrno=EFOO", 3, "errno=: 'EFOO'"),
    ("call=mmap\nnth=3", 1, "what happens"),
    ("errno=EIO\ncall=fork", 3, "call=: 'fork'"),
    ("poison=perhaps", 2, "poison=: 'perhaps'"),
    ("color=red", 2, "'color' is not a word of a rule"),
])
def test_a_mistake_in_a_config_file(daxrun, text, line, part):
    path = config_file(daxrun, f"[fault 1]\n{text}\n")
    result = run([DAXRUN.parent / "cuse-daxd", "-c", path, "--check-config"])
    assert result.returncode == 1
    assert f"{path}:{line}: " in result.stderr and part in result.stderr, result.stderr


def test_the_config_is_dumped_and_read_back(daxrun):
    path = config_file(daxrun, "[fault 3]\npoison=true\noffset=2M\nlength=4M\nlatent=true\n"
                                   "[fault 7]\nrule=mmap delay:1ms comm:\"a b\"\n")
    daemon = DAXRUN.parent / "cuse-daxd"
    first = run([daemon, "-c", path, "--dump-config"])
    assert "[fault 1]\nrule=offset:2M length:4M poison latent\n" in first.stdout
    assert '[fault 2]\nrule=mmap delay:1ms comm:"a b"\n' in first.stdout, first.stdout
    again = run([daemon, "-c", config_file(daxrun, first.stdout), "--dump-config"])
    assert again.stdout == first.stdout


def test_no_fault_no_difference(daxrun):
    """A rule for one device does not affect another."""
    out, _ = run_probe(daxrun, ["open", f"mmap 0 {2 * MIB}", "store 1 3", "load 1", "munmap"],
                       "-d", "dax0.0", "-d", "dax1.0", "--fault", "device:1.0 mmap errno:EIO",
                       "--fault", "device:1.0 open errno:EIO", "--fault",
                       "device:1.0 munmap errno:EIO")
    assert out == ["ok", "ok", "ok", "3", "ok"]


@pytest.mark.parametrize("rule, want", [
    ("poison device:5.0", "there is no device dax5.0"),
    ("mmap errno:EIO device:0.1", "there is no device dax0.1"),
    ("poison offset:64M", "offset 64M is behind the end of every device (64M)"),
    ("poison device:0.0 offset:1G", "offset 1G is behind the end of dax0.0 (64M)"),
])
def test_rules_that_can_never_strike(daxrun, new_daemon, rule, want):
    """A rule without a device is refused at the start, in a config, by `fault add` and in a sweep."""
    config = "[region 0]\nsize=64M\n"
    result = daxrun.any("-d", "dax0.0,size=64M", "--fault", rule, "--", "touch", "ran")
    assert result.returncode == 125 and want in result.stderr
    assert not (daxrun.dir / "ran").exists()
    assert want in new_daemon().fail(f"{config}[fault 1]\nrule={rule}\n")
    d = new_daemon().start(config)
    result = d.ctl("fault", "add", rule)
    assert result.returncode == 1 and want in result.stderr
    assert load_json(d.ctl("fault", "list")) == []
    result = daxrun.any("-d", "dax0.0,size=64M", "--sweep", f"{rule} pid:1..3", "--", "true")
    assert result.returncode == 125 and want in result.stderr and "no crash" not in result.stdout
