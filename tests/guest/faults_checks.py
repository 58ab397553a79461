# SPDX-License-Identifier: BSD-2-Clause
"""Bad memory on Debian's own kernel, as root and as nobody."""

import os
import re
import struct
import subprocess

import live
from harness import Daemon, RT, SHIM, WORKER, let_users_see_resources, run, wait_for

DAXRUN = ["/opt/daxd/daxrun", "-q", "-d", "dax0.0,size=64M"]
PROBE = ["--", "/opt/daxd/fault_probe", "/dev/dax0.0"]
MIB = 1 << 20
ALONE = 1879048192  # the first uid that agents of root's programs use


def setup():
    os.chmod("/opt/daxd", 0o755)


def probe(rule, *lines, user=None):
    with open("/tmp/lines", "w") as f:
        f.write("\n".join(lines) + "\n")
    with open("/tmp/lines") as f:
        return run(*DAXRUN, "--fault", rule, *PROBE, stdin=f, user=user).stdout.splitlines()


def poison(user):
    out = probe("poison offset:8M length:2M", "open", "mmap 0 0x4000000", "load 0x800005",
                "kernel 0x800000", "fork load 0x800000", "load 0x7fffff", "scan 0x200000",
                user=user)
    assert out == ["ok", "ok", f"SIGBUS BUS_MCEERR_AR offset={8 * MIB + 5} lsb=21", "EFAULT",
                   f"SIGBUS BUS_MCEERR_AR offset={8 * MIB} lsb=21", "0",
                   f"BUS_MCEERR_AR@{8 * MIB} bad=1 sum=0"], out


def check_poison():
    poison(None)


def check_poison_as_nobody():
    poison(65534)


def check_hwpoison():
    out = probe("msync errno:EIO", "open", "mmap 0 0x4000000", "store 0x200005 7",
                "hwpoison 0x201000", "load 0x200005", "msync")
    assert out == ["ok", "ok", "ok", f"SIGBUS BUS_MCEERR_AR offset={2 * MIB} lsb=21", "7",
                   "EIO"], out


def slow(user):
    out = probe("touch delay:300ms", "open", "mmap 0 0x4000000", "timed load 0",
                "timed store 0x200000 1", *["timed load 5"] * 5, user=user)
    first, other, *again = (int(line.removeprefix("us=")) for line in out[3::2])
    assert first >= 300000 and other >= 300000, out
    assert min(again) < min(first, other) / 2, out


def check_touch():
    slow(None)


def check_touch_as_nobody():
    slow(65534)


def siginfo_of(core):
    """Return: si_signo, si_code, si_addr, si_addr_lsb of a core file's NT_SIGINFO."""
    offset, = struct.unpack_from("<Q", core, 32)
    size, count = struct.unpack_from("<HH", core, 54)
    for n in range(count):
        kind, _, at, _, _, length = struct.unpack_from("<IIQQQQ", core, offset + n * size)
        end = at + length
        while kind == 4 and at < end:  # PT_NOTE
            name, desc, note = struct.unpack_from("<III", core, at)
            at += 12 + (name + 3 & ~3)
            if note == 0x53494749:
                signo, _, code, addr, lsb = struct.unpack_from("<iii4xQh", core, at)
                return signo, code, addr, lsb
            at += desc + 3 & ~3
    raise AssertionError("no NT_SIGINFO")


def check_dumpable():
    """A program of root stays dumpable although the shim's agent in it gives up root, until the
    program gives up root itself. The agents of two programs have different uids."""
    program = ("import ctypes, mmap, os\n"
               "prctl = ctypes.CDLL(None).prctl\n"
               "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 2 << 20)\n"
               "def uids():\n"
               "    # The program itself does not see the agent.\n"
               "    lines = os.popen(f'grep -h Uid: /proc/{os.getpid()}/task/*/status').read().splitlines()\n"
               "    return {int(line.split()[1]) for line in lines}\n"
               "while len(uids()) != 2 or prctl(3, 0, 0, 0, 0) != 1: pass\n"
               "print(max(uids()))\n"
               "os.setuid(65534)\n"
               "print(prctl(3, 0, 0, 0, 0))\n")
    with open("/proc/sys/fs/suid_dumpable") as f:
        assert f.read() == "0\n"
    said = [run(*DAXRUN, "--", "python3", "-c", program).stdout.split() for _ in range(2)]
    print(said)
    assert said[0][1] == said[1][1] == "0"
    assert len({uid for uid, _ in said}) == 2 and all(int(uid) >= ALONE for uid, _ in said)


def core_of(rule):
    """Let a program without a handler touch bad memory. Return: si_code and lsb of its core file."""
    with open("/proc/sys/kernel/core_pattern", "w") as f:
        f.write("/tmp/core.of.%e\n")
    with Daemon(f"[region 0]\nsize=64M\n[fault 1]\nrule={rule}\n", frontend="none"):
        p = subprocess.Popen(["prlimit", "--core=unlimited", "env", f"LD_PRELOAD={SHIM}",
                              "/opt/daxd/fault_probe", "/dev/dax0.0"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        p.stdin.write(f"open\nmmap 0 {16 * MIB}\nhandler default\n")
        p.stdin.flush()
        assert [p.stdout.readline() for _ in range(3)] == ["ok\n"] * 3
        # Once the agent has given up root, its files in /proc belong to its uid if the process is
        # dumpable.
        tasks = f"/proc/{p.pid}/task"
        wait_for(lambda: any(os.stat(f"{tasks}/{t}").st_uid >= ALONE for t in os.listdir(tasks)), "the agent is small")
        said, _ = p.communicate(f"load {8 * MIB + 5}\n", timeout=60)
    assert p.returncode == -7 and not said, (p.returncode, said)
    with open("/tmp/core.of.fault_probe", "rb") as f:
        signo, code, addr, lsb = siginfo_of(f.read())
    os.unlink("/tmp/core.of.fault_probe")
    assert signo == 7 and addr % (2 * MIB) == 5, (signo, hex(addr))
    return code, lsb if code == 4 else 0


def check_core():
    assert core_of(f"poison offset:{8 * MIB} length:2M") == (4, 21)
    assert core_of(f"sigbus offset:{8 * MIB} length:2M") == (2, 0)


def three_programs(user, is_allowed):
    prefix = [] if is_allowed else ["/opt/daxd/without", "userfaultfd"]
    found = run(*prefix, "/opt/daxd/daxrun", "--check").stdout
    assert re.search(r"^userfaultfd +(\w+)", found, re.M)[1] == ("yes" if is_allowed else "no"), found
    as_user = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]

    def start(argv, **kw):
        return subprocess.Popen([*as_user, *prefix, "env", f"LD_PRELOAD={SHIM}", f"CUSE_DAXD_RUNTIME_DIR={RT}",
                                 *argv], **kw)

    with Daemon(live.CONFIG, "--fault-log=/tmp/faults", frontend="none", prefix=prefix) as d:
        if user is not None:
            let_users_see_resources()
        live.Live(start, d.ctl, "/tmp/faults", "/opt/daxd/obj_commits").run()
    os.unlink("/tmp/faults")


def check_three_programs():
    three_programs(None, True)


def check_three_programs_without_userfaultfd():
    three_programs(None, False)


def check_three_programs_without_userfaultfd_as_worker():
    three_programs(WORKER, False)
