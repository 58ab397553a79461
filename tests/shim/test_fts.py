# SPDX-License-Identifier: BSD-2-Clause
"""fts(3) lists the devices and shows emulated paths, and walks as libc's does."""

import os
import subprocess

import pytest

from conftest import IS_ROOT
from daxrun import Daxrun, prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

DEVICE = ("-q", "-d", "dax0.0,size=64M", "--")


@pytest.fixture(params=["root", "nobody"] if IS_ROOT else ["nobody"])
def daxrun(workdir, request):
    it = Daxrun(workdir, request.param)
    yield it
    it.check_gone()


def read(out):
    """Return: [(fts_info, path)] of what fts_read found."""
    return [(int(line.split()[1]), line.split()[4]) for line in out.splitlines() if line.startswith("read")]


# X: the trees that other tests have in /dev/shm are not walked.
@pytest.mark.parametrize("how", ["PX", "PNX", "LXs", "PNXs", "PSXs", "PNXc"])
def test_the_device(daxrun, how):
    found = read(daxrun(*DEVICE, prog("walk_fts"), how, "/dev"))
    assert [info for info, path in found if path == "/dev/dax0.0"] == [11 if "S" in how else 3]
    assert len(found) > 5 and found[-1] == (6, "/dev")


def test_paths_of_sysfs(daxrun):
    """No path of the runtime directory is shown."""
    found = read(daxrun(*DEVICE, prog("walk_fts"), "Lsk", "/sys/bus/dax/devices/dax0.0"))
    assert found[0] == (1, "/sys/bus/dax/devices/dax0.0") and (8, "/sys/bus/dax/devices/dax0.0/size") in found
    assert all(path.startswith("/sys/bus/dax/devices/dax0.0") for _, path in found)


def test_children(daxrun):
    out = daxrun(*DEVICE, prog("walk_fts"), "PNcX", "/dev")
    assert "child dax0.0 1\n" in out
    assert "child dax0.0 1\n" in daxrun(*DEVICE, prog("walk_fts"), "PnX", "/dev")


@pytest.mark.parametrize("how", "Ps PNs Ls PCs PSs PDs PNDs Psk Pskf PNsf PXs Psc Psn PNSsn L P".split())
def test_as_libc(daxrun, how):
    """The same walk, by libc and by the shim: files, folders, links, cycles, and what cannot be read."""
    script = """mkdir tree tree/a tree/a/skip tree/b tree/empty; echo text >tree/a/f; echo 1 >tree/a/skip/g
        ln -s ../b tree/a/follow; ln -s nowhere tree/dangling; ln -s .. tree/b/up; ln -s f tree/a/to_f; mkfifo tree/pipe
        mkdir tree/closed; chmod 0 tree/closed"""
    subprocess.run(["sh", "-c", script], cwd=daxrun.dir, check=True)
    if daxrun.as_nobody:
        subprocess.run(["chown", "-R", "nobody", daxrun.dir / "tree"], check=True)
    roots = [f"/dev/..{daxrun.dir}/tree{end}" for end in ("", "/", "/a/f", "/a/follow", "/missing", "/dangling")]
    command = daxrun.command()[:-1] + [prog("walk_fts"), how]
    for some in (roots[:1], roots[1:2], roots[2:], roots):
        bare = subprocess.run([*command, *some], capture_output=True, text=True, env=daxrun.env(), cwd=daxrun.dir,
                              check=False, timeout=60)
        shim = daxrun.any(*DEVICE, prog("walk_fts"), how, *some)
        assert (shim.returncode, shim.stdout) == (bare.returncode, bare.stdout)
        assert bare.stdout.count("\n") > 1
    os.chmod(daxrun.dir / "tree/closed", 0o700)


@pytest.mark.parametrize("arguments", [("LPX", "/dev"), ("Ps",), ("Ps", ""), ("Ps", "/dev/missing"), ("Ps", "/dev/null", "/dev/zero")])
def test_odd_arguments(daxrun, arguments):
    bare = subprocess.run([prog("walk_fts"), *arguments], capture_output=True, text=True, check=False, timeout=60)
    shim = daxrun.any(*DEVICE, prog("walk_fts"), *arguments)
    if arguments[0] == "LPX":
        assert shim.returncode == bare.returncode
    else:
        assert (shim.returncode, shim.stdout) == (bare.returncode, bare.stdout)
