# SPDX-License-Identifier: BSD-2-Clause
"""Children with an environment of their own see the devices, as they would see real ones."""

import pytest

from conftest import BUILD, run
from daxrun import Daxrun, prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

DOORS = """
    execve execv execvp execvpe execl execlp execle clearenv null fexecve execveat syscall_execve
    syscall_execveat vfork posix_spawn posix_spawnp
""".split()

DEVICE = ("-q", "-d", "dax0.0,size=64M")
LOOK = "test -c /dev/dax0.0 && echo seen || echo not seen"


@pytest.fixture
def daxrun(workdir):
    it = Daxrun(workdir, "root")
    yield it
    it.check_gone()


def test_every_door_is_here():
    assert run([prog("exec_doors")]).stdout.split() == DOORS


@pytest.mark.parametrize("door", DOORS)
def test_fresh_environment(daxrun, door):
    assert daxrun(*DEVICE, "--", prog("exec_doors"), door, "/bin/sh", "-c", LOOK) == "seen\n"


@pytest.mark.parametrize("door", DOORS)
def test_the_switch(daxrun, door):
    out = daxrun(*DEVICE, "--", prog("exec_doors"), door, "/bin/sh", "-c", LOOK,
                 env={"CUSE_DAXD_CHILDREN": "exact"})
    assert out == "not seen\n"


@pytest.mark.parametrize("door", ["execve", "posix_spawnp"])
def test_many_variables(daxrun, door):
    """Each variable of the caller's is there once, in its order, behind the shim's."""
    names = " ".join(f"V{i}={'x' * i}" for i in range(300))
    out = daxrun(*DEVICE, "--", "env", "-i", *names.split(), prog("exec_doors"), door, "/bin/sh", "-c", LOOK)
    assert out == "seen\n"
    lines = daxrun(*DEVICE, "--", "env", "-i", *names.split(), "env").splitlines()
    assert [line for line in lines if line[0] == "V"] == names.split()
    assert len([line for line in lines if line.startswith("LD_PRELOAD=")]) == 1


def test_fresh_again_and_again(daxrun):
    assert daxrun(*DEVICE, "--", *["env", "-i"] * 5, "A=b", "sh", "-c", LOOK) == "seen\n"


def test_what_a_fresh_environment_holds(daxrun):
    """It holds what daxrun has set, and what the caller wants."""
    before = daxrun(*DEVICE, "--", "env", env={"COLOUR": "blue"}).splitlines()
    after = daxrun(*DEVICE, "--", "env", "-i", "A=b", "env", env={"COLOUR": "blue"}).splitlines()
    names = [line.partition("=")[0] for line in after]
    assert names == ["LD_PRELOAD", "CUSE_DAXD_RUNTIME_DIR", "ASAN_OPTIONS", "CUSE_DAXD_GRAFT", "A"]
    assert after[0] in before and after[2] in before and after[3] in before and after[4] == "A=b"


def test_reports_of_a_fresh_child_reach_daxrun(daxrun):
    result = daxrun.any("-d", "dax0.0,size=64M", "--", "env", "-i", "dd", "if=/dev/dax0.0", "count=1")
    assert "dax0.0" in result.stderr and "read" in result.stderr and "(env)" not in result.stderr


@pytest.mark.parametrize("command", [
    "env -u LD_PRELOAD sh -c '{}'",
    "env -u LD_PRELOAD -u CUSE_DAXD_RUNTIME_DIR sh -c '{}'",
    "unset LD_PRELOAD CUSE_DAXD_RUNTIME_DIR; sh -c '{}'",
    "env -i A=b LD_PRELOAD= sh -c '{}'",
    "env -i CUSE_DAXD_CHILDREN=exact sh -c '{}'",
    "LD_PRELOAD=libc.so.6:$LD_PRELOAD sh -c \"LD_PRELOAD=libc.so.6 sh -c '{}'\"",
])
def test_taken_away_on_purpose(daxrun, command):
    assert daxrun(*DEVICE, "--", "sh", "-c", command.format(LOOK)) == "not seen\n"


def test_a_preload_library_of_the_callers(daxrun):
    """A caller that preloads a library of its own does not mean to take away the device."""
    out = daxrun(*DEVICE, "--", "sh", "-c", f"LD_PRELOAD=libc.so.6 sh -c '{LOOK}; echo $LD_PRELOAD'")
    assert out == f"seen\n{BUILD}/libdaxshim.so:libc.so.6\n"


def test_bad_pointers(daxrun):
    """A bad environment is the kernel's to refuse, with EFAULT."""
    code = ("import ctypes, errno, os; libc = ctypes.CDLL(None, use_errno=True)\n"
            "for p in (1, 4095, 2**47, 2**64 - 8):\n"
            "    libc.execve(b'/bin/true', None, ctypes.c_void_p(p))\n"
            "    print(errno.errorcode[ctypes.get_errno()])\n")
    assert daxrun(*DEVICE, "--", "python3", "-c", code).split() == ["EFAULT"] * 4


def test_without_a_daemon():
    """Under the shim alone, the fresh environment gets the shim alone."""
    out = run(["env", "-i", f"LD_PRELOAD={BUILD}/libdaxshim.so", "env", "-i", "A=b", "env"]).stdout
    assert out == f"LD_PRELOAD={BUILD}/libdaxshim.so\nA=b\n"


def test_a_program_without_the_shim_is_left_alone():
    assert run(["env", "-i", "A=b", "env", "-i", "C=d", "env"]).stdout == "C=d\n"
