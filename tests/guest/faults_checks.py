# SPDX-License-Identifier: BSD-2-Clause
"""Memory that fails, on Debian's own kernel, as root and as nobody."""

import os
import re
import subprocess

import live
from harness import Daemon, RT, SHIM, WORKER, run

DAXRUN = ["/opt/daxd/daxrun", "-q", "-d", "dax0.0,size=64M"]
PROBE = ["--", "/opt/daxd/fault_probe", "/dev/dax0.0"]
MIB = 1 << 20


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
    out = probe("touch delay:300ms", "open", "mmap 0 0x4000000", "timed load 0", "timed load 5",
                "timed store 0x200000 1", user=user)
    first, again, other = (int(line.removeprefix("us=")) for line in out[3::2])
    assert first >= 300000 and other >= 300000 and again < 300000, out


def check_touch():
    slow(None)


def check_touch_as_nobody():
    slow(65534)


# ---- fio, libpmemobj and Python at once --------------------------------------------

def three_programs(user, is_allowed):
    prefix = [] if is_allowed else ["/opt/daxd/no_uffd"]
    found = run(*prefix, "/opt/daxd/daxrun", "--check").stdout
    assert re.search(r"^userfaultfd +(\w+)", found, re.M)[1] == ("yes" if is_allowed else "no"), found
    as_user = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]

    def start(argv, **kw):
        return subprocess.Popen([*as_user, *prefix, "env", f"LD_PRELOAD={SHIM}", f"CUSE_DAXD_RUNTIME_DIR={RT}",
                                 *argv], **kw)

    with Daemon(live.CONFIG, "--fault-log=/tmp/faults", frontend="none", prefix=prefix) as d:
        live.Live(start, d.ctl, "/tmp/faults", "/opt/daxd/obj_commits").run()
    os.unlink("/tmp/faults")


def check_three_programs():
    three_programs(None, True)


def check_three_programs_without_userfaultfd():
    three_programs(None, False)


def check_three_programs_without_userfaultfd_as_worker():
    three_programs(WORKER, False)
