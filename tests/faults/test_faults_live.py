# SPDX-License-Identifier: BSD-2-Clause
"""Memory that goes bad under three real programs at once: fio, libpmemobj and Python."""

import contextlib
import json
import subprocess
import sys

import pytest

from conftest import BUILD, IS_ROOT, ROOT, SETPRIV, both_users, environment
from daxrun import prog
from faults import MIB, probe_at
from test_faults_memory import control

sys.path.insert(0, str(ROOT / "tests/guest"))
from live import CONFIG, Live  # noqa: E402

SIZE = 128 * MIB


def client(daemon, command, **kwargs):
    env = [f"CUSE_DAXD_RUNTIME_DIR={daemon.dir}", f"LD_PRELOAD={BUILD / 'libdaxshim.so'}"]
    prefix = SETPRIV if daemon.as_nobody and IS_ROOT else []
    return subprocess.Popen([*prefix, *daemon.prefix, "env", *env, *command], env=environment(), **kwargs)


@pytest.mark.parametrize("is_allowed", [True, False], ids=["userfaultfd", "no-userfaultfd"])
@both_users
def test_three_real_programs(new_daemon, is_allowed):
    """Each program gets SIGBUS at its next access to bad memory; the others notice nothing."""
    d = new_daemon()
    d.prefix = [] if is_allowed else [prog("without"), "userfaultfd"]
    log = d.workdir / "faults"
    d.start(CONFIG, f"--fault-log={log}")

    def ctl(*args):
        result = d.ctl(*map(str, args))
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout or "null")

    Live(lambda argv, **kw: client(d, argv, **kw), ctl, log, prog("obj_commits")).run()


@pytest.mark.parametrize("nr", [16])
def test_many_processes_at_once(daemon, nr):
    """All processes have followed, and soon, when the daemon replies to the request."""
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(probe_at(d)) for _ in range(nr)]
        for p in probes:
            p("open")
            p(f"mmap 0 {SIZE}")
        control(d, "inject", device="dax0.0", offset=4 * MIB, length=1)
        for p in probes:
            assert p(f"scan {2 * MIB}") == f"BUS_MCEERR_AR@{4 * MIB} bad=1 sum=0"
        control(d, "clear", device="dax0.0")
        for p in probes:
            assert p(f"scan {2 * MIB}") == "bad=0 sum=0"
