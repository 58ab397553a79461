# SPDX-License-Identifier: BSD-2-Clause
"""docs/security.md: a handle stores nothing, by whatever door the bytes come."""

import os
import platform

import pytest

from conftest import BUILD, both_users, environment, needs_root, run
from daxrun import until

DOORS = BUILD / "progs/doors"
CONFIG = "[region 0]\nsize=4M\nmode=0666\n"
# The doors that write; a real device answers EINVAL.
WRITES = {"write", "pwrite", "writev", "dprintf", "stream", "stdout", "uring", "sendfile", "splice"}


def answers(result):
    assert result.returncode == 0, result.stderr
    return dict(line.split() for line in result.stderr.splitlines())


def mounted(d):
    return os.stat(d.dir / "dev").st_dev != os.stat(d.dir).st_dev


def without_shim(d, as_nobody):
    return answers(run([DOORS, d.handle("dax0.0")], as_nobody=as_nobody))


def inherited(d, as_nobody):
    """The program that opens has the shim, the one that writes has not."""
    return answers(run([BUILD / "daxrun", "-q", f"--connect={d.dir}", "--", "sh", "-c",
                        f"exec 3<>/dev/dax0.0; exec env -u LD_PRELOAD {DOORS} 3"], as_nobody))


def with_shim(d, as_nobody):
    return answers(run([BUILD / "daxrun", "-q", f"--connect={d.dir}", "--", DOORS, "/dev/dax0.0"],
                       as_nobody))


@needs_root
@pytest.mark.plain
@pytest.mark.parametrize("as_nobody", [False, True])
@pytest.mark.parametrize("way", [without_shim, inherited, with_shim])
def test_a_handle_of_root_stores_nothing(daemon, way, as_nobody):
    """Every write is EINVAL, as on the real device, for root and for another user. Where hugetlbfs
    has no leases, it is ENOSPC, and attributes are kept."""
    d = daemon(CONFIG)
    refusal, kept = ("EINVAL", set()) if int(platform.release().split(".")[0]) < 7 else ("ENOSPC", {"xattr"})
    assert mounted(d)
    found = way(d, as_nobody)
    assert {found[door] for door in WRITES} == {refusal}, found
    assert {door for door, answer in found.items() if answer == "ok"} <= kept, found
    st = os.stat(d.handle("dax0.0"))
    assert (st.st_size, st.st_blocks) == (0, 0)


@needs_root
@pytest.mark.plain
def test_a_handle_on_a_full_tmpfs_stores_nothing(workdir):
    """Where no hugetlbfs can be mounted, as in a user namespace, writes are ENOSPC."""
    script = (f'{BUILD}/daxrun -q -d dax0.0,size=4M -- sh -c \''
              f'exec 3<>/dev/dax0.0; env -u LD_PRELOAD {DOORS} 3; '
              f'stat --format="dev %b" $CUSE_DAXD_RUNTIME_DIR/dev/dax0.0 >&2\'')
    result = run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script + "; exit"],
                 env={**environment(), "XDG_RUNTIME_DIR": str(workdir)})
    found = answers(result)
    assert found.pop("dev") == "0"
    assert {found[door] for door in WRITES} == {"ENOSPC"}, found


@both_users
@pytest.mark.parametrize("way", [without_shim, inherited])
def test_bytes_in_a_handle_without_a_mount_do_not_stay(new_daemon, way):
    """A daemon that may not mount throws the bytes away."""
    d = new_daemon()
    if not d.as_nobody:
        # A mount namespace of its own, as systemd's PrivateMounts= makes one: no mount there.
        d.prefix = ["unshare", "--mount"]
    d.start(CONFIG)
    assert not mounted(d)
    way(d, d.as_nobody)
    until(lambda: "dax0.0: a program without the shim has written to this handle" in d.output(),
          "the daemon sees the write")
    # A block for the extended attribute may remain, but not the 2M of fallocate.
    until(lambda: not os.stat(d.handle("dax0.0")).st_size and
          os.stat(d.handle("dax0.0")).st_blocks <= 256, "the bytes are gone")


@needs_root
def test_a_killed_daemon_leaves_its_mount_to_the_next(new_daemon):
    d = new_daemon().start(CONFIG)
    before = os.stat(d.handle("dax0.0"))
    for _ in range(3):
        d.kill()
        assert mounted(d)
        with d.opened("dax0.0") as old:
            d.start(CONFIG)
            assert os.stat(d.dir / "dev").st_dev == before.st_dev
            assert os.fstat(old).st_nlink == 0, "nobody had its memory any more"
    d.stop()
    assert not d.dir.exists() and str(d.dir) not in open("/proc/self/mountinfo").read()


@needs_root
def test_daxrun_removes_the_mount_of_a_killed_daemon(daxrun):
    place = daxrun("-q", "-d", "dax0.0,size=4M", "--", "sh", "-c",
                   "echo $CUSE_DAXD_RUNTIME_DIR; read pid rest <$CUSE_DAXD_RUNTIME_DIR/lock; "
                   "grep -q $CUSE_DAXD_RUNTIME_DIR/dev /proc/self/mountinfo && kill -9 $pid").strip()
    assert place and place not in open("/proc/self/mountinfo").read()
