# SPDX-License-Identifier: BSD-2-Clause
"""The shim must not break programs with threads, signals, forks, limits and filters."""

import os
import signal
import subprocess

import pytest

from conftest import BUILD, IS_ROOT, NOBODY, SETPRIV, environment, run
from daxrun import Daxrun, prog, said

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

CASES = """
    use storm storm_quiet thousand_threads cancel exit_race sigbus_jump signal_jump altstack
    fork_storm fork_raw fork_chain clone_vm vfork_child_uses daemonize close_all no_leak
    lowest_number no_descriptors address_space_limit address_space_full many_mappings mapping_count
    seccomp_opened_before seccomp_mapped_before seccomp_opened_after seccomp_errno
    seccomp_harmless setuid chroot strict_umask dlopen dlmopen constructor
""".split()

both = pytest.mark.parametrize("user", ["root", "nobody"] if IS_ROOT else ["nobody"], indirect=True)

DEVICE = ("-q", "-d", "dax0.0,size=64M")


@pytest.fixture
def daxrun(workdir, user):
    if user == "nobody" and IS_ROOT:
        os.chown(workdir, NOBODY, NOBODY)
    it = Daxrun(workdir, user)
    yield it
    it.check_gone()


def test_every_case_is_here():
    assert run([prog("robust")]).stdout.split() == [*CASES, "until_told"]


@both
@pytest.mark.parametrize("case", CASES)
def test_case(daxrun, case):
    result = daxrun.any(*DEVICE, "--", prog("robust"), case, timeout=150)
    assert (result.returncode, result.stdout) == (0, "ok\n"), said(result)


@both
def test_the_first_open_without_room_for_a_mapping(daxrun):
    """It needs the state pages: ENOMEM says so; ENOENT would be a lie."""
    assert daxrun(*DEVICE, "--", prog("no_mappings"), "/dev/dax0.0", timeout=150) == "ENOMEM ok\n"


@pytest.mark.parametrize("user", ["root"] if IS_ROOT else ["nobody"], indirect=True)
@pytest.mark.parametrize("case", ["use", "signal_jump", "seccomp_opened_before", "sigbus_jump"])
def test_bound_at_once(daxrun, case):
    """With LD_BIND_NOW the loader binds all symbols of shim and program before any code runs."""
    assert daxrun(*DEVICE, "--", prog("robust"), case, env={"LD_BIND_NOW": "1"}) == "ok\n"


AUDIT = """
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
unsigned int la_version(unsigned int v) { (void)v; return LAV_CURRENT; }
unsigned int la_objopen(struct link_map *m, Lmid_t l, uintptr_t *c)
{
	(void)m; (void)l; (void)c;
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}
uintptr_t la_symbind64(Elf64_Sym *s, unsigned int n, uintptr_t *r, uintptr_t *d,
		       unsigned int *f, const char *name)
{
	(void)n; (void)r; (void)d; (void)f; (void)name;
	return s->st_value;
}
"""


@pytest.mark.parametrize("bind_now", [None, "1"])
@pytest.mark.parametrize("case", ["use", "fork_chain", "dlopen"])
def test_audited(daxrun, workdir, case, bind_now):
    """The shim works with an auditing library, which sees and may redirect every bound symbol."""
    (workdir / "audit.c").write_text(AUDIT)
    built = run(["gcc", "-shared", "-fPIC", "-o", workdir / "audit.so", workdir / "audit.c"])
    assert built.returncode == 0, built.stderr
    out = daxrun(*DEVICE, "--", "env", f"LD_AUDIT={workdir}/audit.so", *(["LD_BIND_NOW=1"] if bind_now else []),
             prog("robust"), case)
    assert out == "ok\n"


@both
def test_malloc_on_the_device(daxrun):
    assert daxrun(*DEVICE, "--", prog("own_malloc")) == "ok\n"


@pytest.mark.parametrize("user", ["root"] if IS_ROOT else ["nobody"], indirect=True)
@pytest.mark.parametrize("library", ["libjemalloc.so.2"])
@pytest.mark.parametrize("where", ["before", "behind"])
def test_other_malloc(daxrun, library, where):
    """The shim works with another malloc, which allocates before other code runs and calls mmap."""
    preload = {"before": f'"{library}:$LD_PRELOAD"', "behind": f'"$LD_PRELOAD:{library}"'}[where]
    for case in ("use", "storm", "thousand_threads"):
        result = daxrun.any(*DEVICE, "--", "sh", "-c", f"LD_PRELOAD={preload} exec {prog('robust')} {case}")
        assert (result.returncode, result.stdout) == (0, "ok\n"), said(result)
        assert library not in result.stderr  # the loader names a missing library


@both
def test_child_without_environment(daxrun):
    """A child with an empty environment uses the device, as does its parent."""
    out = daxrun(*DEVICE, "--", "sh", "-c", f"env -i {prog('robust')} use; {prog('robust')} use")
    assert out == "ok\nok\n"


@both
def test_descriptor_handed_to_a_child_without_environment(daxrun):
    out = daxrun(*DEVICE, "--", "sh", "-c", f"exec 9<>/dev/dax0.0; env -i /bin/echo there; {prog('robust')} use")
    assert out == "there\nok\n"


@pytest.mark.parametrize("user", ["root", "nobody"] if IS_ROOT else ["nobody"], indirect=True)
def test_daemon_dies_in_the_middle(user, new_daemon):
    config = "[region 0]\nbacking=memfd\nsize=64M\nalign=2M\n[device 0.0]\nmode=0666\n"
    daemon = new_daemon().start(config)
    p = subprocess.Popen([*(SETPRIV if user == "nobody" and IS_ROOT else []), BUILD / "daxrun",
                          f"--connect={daemon.dir}", "-q", "--", prog("robust"), "until_told"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, env=environment())
    try:
        assert p.stdout.readline() == "started\n"
        daemon.kill()
        out, err = p.communicate("x", timeout=60)
    finally:
        p.kill()
    assert (p.returncode, out, err) == (0, "ok\n", "")
    daemon.start(config)


def test_stopped_daemon_does_not_hang_forever(new_daemon):
    """If the daemon is stopped, the first mmap, which needs a reply, fails after a timeout."""
    config = "[region 0]\nbacking=memfd\nsize=64M\nalign=2M\n[device 0.0]\nmode=0666\n"
    daemon = new_daemon().start(config)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        result = subprocess.run(
            [BUILD / "daxrun", f"--connect={daemon.dir}", "-q", "--", prog("robust"), "use"],
            capture_output=True, text=True, timeout=60, env=environment(), check=False)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert result.returncode != 0
