# SPDX-License-Identifier: BSD-2-Clause
"""backing=memory: pages of 2 MiB for every user, the fallbacks, and what protects whom."""

import contextlib
import fcntl
import mmap
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD, IS_ROOT, NOBODY, SETPRIV, both_users, environment, needs_root, \
    run
from daxrun import DAXRUN, prog, until

MIB = 1 << 20
SIZE = 64 * MIB
UNITS = SIZE // (2 * MIB)
CONTAINED = BUILD / "progs/contained"


def attach(d, name="dax0.0", flags=os.O_RDWR):
    with d.wire() as wire, d.opened(name, flags) as handle:
        reply = wire.attach(handle)
        assert reply.error == 0
        return reply.fd


@contextlib.contextmanager
def toucher(user, *options, via=(), length=SIZE):
    """A program that maps dax0.0 under daxrun. Yield its process and a function that asks it for
    the faults of a pass."""
    become = SETPRIV if IS_ROOT and user == "nobody" else []
    with subprocess.Popen([*become, *via, DAXRUN, "-q", *options, "--", prog("touch_all"),
                           "/dev/dax0.0", str(SIZE), str(length)], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout.readline() == "mapped\n"

        def touch():
            process.stdin.write("\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield process, touch
        process.communicate("\n")
    assert process.returncode == 0


def child_of(pid):
    """The program that daxrun has started: the one with the device's memory."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next(int(c) for c in children
                if "touch_all" in pathlib.Path(f"/proc/{c}/comm").read_text())


def pmd_mapped(pid):
    """Bytes that page tables map as 2 MiB, seen from outside."""
    smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    return sum(int(kib) << 10 for kib in re.findall(r"^ShmemPmdMapped: +(\d+) kB", smaps, re.M))


@both_users
@pytest.mark.plain
@pytest.mark.parametrize("align", ["2M", "1G"])
def test_one_fault_maps_one_unit(user, align):
    """As the default store promises: no setting of the machine, no capability."""
    length = 1 << 30 if align == "1G" else SIZE
    with toucher(user, "-d", f"dax0.0,size={length},align={align}",
                 length=length) as (process, touch):
        # The rest are pages of the program itself and of libc.
        assert touch() <= UNITS + 8
        assert pmd_mapped(child_of(process.pid)) == SIZE
        assert touch() <= 8


FILE_FAULTS = """
import mmap, os, resource, sys

def faults(path, length):
    with mmap.mmap(os.open(path, os.O_RDWR), length) as m:
        if not path.startswith("/dev/"):
            m.madvise(mmap.MADV_HUGEPAGE)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for at in range(0, size, 4096):
            m[at] = 1
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

size, length = map(int, sys.argv[2:])
print(faults("/dev/dax0.0", length), faults(sys.argv[1], size))
"""


@both_users
@pytest.mark.plain
@pytest.mark.parametrize("align", ["2M", "1G"])
def test_a_file_has_the_pages_that_its_file_system_gives(user, workdir, align):
    """As many faults as on a file that is advised to have huge pages."""
    workdir.chmod(0o777)
    raw = workdir / "raw"
    with open(raw, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, SIZE)
    raw.chmod(0o666)
    size = 1 << 30 if align == "1G" else SIZE
    result = run([DAXRUN, "-q", "-d", f"dax0.0,size={size},align={align},"
                  f"backing=pmem:{workdir}/image", "--", "/usr/bin/python3", "-c", FILE_FAULTS,
                  raw, str(SIZE), str(size)], as_nobody=IS_ROOT and user == "nobody")
    assert result.returncode == 0, result.stderr
    ours, raw_faults = map(int, result.stdout.split())
    assert ours <= raw_faults + 16, f"{ours} faults, {raw_faults} on a raw file"


def has_small_pages(pid):
    """True if a page table maps pages of 4 KiB of the device: a collapse leaves none behind."""
    smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    found = re.search(r"^[0-9a-f-]+ rw-s .*memfd:dax0\.0.*\n(?:[A-Z].*\n)*?Rss: +(\d+) kB\n"
                      r"(?:[A-Z].*\n)*?ShmemPmdMapped: +(\d+) kB", smaps, re.M)
    return found[1] != found[2]


@both_users
@pytest.mark.plain
def test_in_a_container_units_become_huge_after_their_first_touch(user):
    with toucher(user, "-d", f"dax0.0,size={SIZE}", via=[CONTAINED]) as (process, touch):
        touch()
        pid = child_of(process.pid)
        until(lambda: not has_small_pages(pid), "all units are huge")
        # The kernel maps a collapsed unit at its next fault.
        touch()
        assert pmd_mapped(pid) == SIZE


# Follows orders from stdin: "touch FROM TO", "fork FROM TO", "inject AT"; prints faults.
ORDERS = """
import mmap, os, resource, subprocess, sys
m = mmap.mmap(os.open("/dev/dax0.0", os.O_RDWR), int(sys.argv[1]))

def touch(first, end):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for at in range(first, end, 4096):
        m[at] = m[at] + 1 & 255
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(os.getpid(), flush=True)
for word, *numbers in map(str.split, sys.stdin):
    numbers = list(map(int, numbers))
    if word == "touch":
        print(touch(*numbers), flush=True)
    elif word == "inject":
        subprocess.run([sys.argv[2], "inject", "dax0.0", f"--offset={numbers[0]}",
                        "--length=1"], check=True, stdout=subprocess.DEVNULL)
        print(0, flush=True)
    elif os.fork() == 0:
        print(touch(*numbers), flush=True)
        os._exit(0)
    else:
        os.wait()
print(m[0], flush=True)
"""


@contextlib.contextmanager
def ordered(user, via):
    """Yield the pid of a program that has dax0.0 mapped, and a function that orders it."""
    become = SETPRIV if IS_ROOT and user == "nobody" else []
    with subprocess.Popen([*become, *via, DAXRUN, "-q", "-d", f"dax0.0,size={SIZE}", "--",
                           "/usr/bin/python3", "-c", ORDERS, str(SIZE), BUILD / "cuse-daxctl"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=environment()) as process:
        pid = int(process.stdout.readline())

        def order(*words):
            process.stdin.write(" ".join(map(str, words)) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield pid, order
        last = process.communicate()[0]
    assert (process.returncode, last) == (0, "2\n")


KINDS = pytest.mark.parametrize("via", [[], [CONTAINED]], ids=["huge", "contained"])


def make_huge(pid, order):
    """Touch all twice, the second time when each unit is huge."""
    order("touch", 0, SIZE)
    until(lambda: not has_small_pages(pid), "all units are huge")
    order("touch", 0, SIZE)
    assert pmd_mapped(pid) == SIZE


@both_users
@pytest.mark.plain
@KINDS
def test_poison_of_a_unit_splits_none_of_its_neighbours(user, via):
    at = 8 * MIB
    with ordered(user, via) as (pid, order):
        make_huge(pid, order)
        order("inject", at)
        assert pmd_mapped(pid) == SIZE - 2 * MIB
        # Neither are they mapped again.
        assert order("touch", 2 * MIB, at) + order("touch", at + 2 * MIB, SIZE) <= 8
        assert pmd_mapped(pid) == SIZE - 2 * MIB


@both_users
@pytest.mark.plain
@KINDS
def test_a_forked_child_has_the_same_pages(user, via):
    """Its parent's page tables are not copied: one fault for each unit."""
    with ordered(user, via) as (pid, order):
        order("touch", 0, SIZE)
        until(lambda: not has_small_pages(pid), "all units are huge")
        # Python itself takes some faults after a fork.
        assert order("fork", 0, SIZE) <= UNITS + 400
        # A unit that has just been made huge is mapped at its next touch.
        order("touch", 4096, SIZE)
        assert pmd_mapped(pid) in (0, SIZE)


@both_users
@pytest.mark.parametrize("kind", ["huge", "collapse", "plain"])
def test_memory_is_sparse_and_zero(daemon, monkeypatch, kind):
    monkeypatch.setenv("DAXD_MEMORY", kind)
    d = daemon("[region 0]\nsize=64T\nalign=1G\n")
    assert d.control("list")[0]["pages"] == (4096 if kind == "plain" else 2 * MIB)
    fd = attach(d)
    assert (os.fstat(fd).st_blocks, os.fstat(fd).st_size) == (0, 64 << 40)
    with mmap.mmap(fd, 4 * MIB, offset=1 << 40) as m:
        assert m[:] == bytes(4 * MIB)
        m[3 * MIB] = 1
        if kind == "collapse":
            until(lambda: os.fstat(fd).st_blocks * 512 == 4 * MIB, "the unit is huge")
        assert os.fstat(fd).st_blocks * 512 <= 4 * MIB
        assert m[3 * MIB] == 1
    os.close(fd)


@both_users
def test_nothing_of_the_tmpfs_is_left(daemon):
    """No process, no mount that anybody sees, and no descriptor in clients but the memory's."""
    d = daemon(f"[region 0]\nsize={SIZE}\n")

    def tmpfs_mounts():
        """Not those that other tests mount at the same time."""
        lines = pathlib.Path(f"/proc/{d.process.pid}/mountinfo").read_text().splitlines()
        return [line for line in lines if "daxd-test-" not in line and " - tmpfs " in line]

    mounts = tmpfs_mounts()
    namespaces = {name: os.readlink(f"/proc/{d.process.pid}/ns/{name}") for name in ("user", "mnt")}
    os.close(attach(d))
    assert pathlib.Path(f"/proc/{d.process.pid}/task/{d.process.pid}/children").read_text() == ""
    assert tmpfs_mounts() == mounts
    assert namespaces == {name: os.readlink(f"/proc/{d.process.pid}/ns/{name}")
                          for name in ("user", "mnt")}


@both_users
def test_nobody_else_gets_memory_without_seals(daemon):
    """A file of the tmpfs can be truncated: only if the daemon's user alone may write to it."""
    d = daemon(f"[region 0]\nsize={SIZE}\nmode=0600\n[region 1]\nsize={SIZE}\nmode=0660\n"
               f"[region 2]\nsize={SIZE}\nmode=0602\n[region 3]\nsize={SIZE}\nmode=0644\n")
    for n, is_sealed in enumerate((False, True, True, False)):
        fd = attach(d, f"dax{n}.0")
        assert bool(fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK) == is_sealed
        os.close(fd)


@needs_root
def test_a_changed_owner_or_mode_counts(daemon):
    d = daemon("".join(f"[region {n}]\nsize=4M\n" for n in range(2)))
    os.chmod(d.handle("dax0.0"), 0o666)
    os.chown(d.handle("dax1.0"), NOBODY, NOBODY)
    for n in range(2):
        fd = attach(d, f"dax{n}.0")
        assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK
        os.close(fd)


@both_users
def test_a_private_device_that_its_user_truncates_is_whole_for_the_next_client(daemon):
    d = daemon("[region 0]\nsize=8M\n")
    fd = attach(d)
    os.pwrite(fd, b"kept", 0)
    os.ftruncate(fd, 4096)
    os.close(fd)
    fd = attach(d)
    assert os.fstat(fd).st_size == 8 * MIB
    assert os.pread(fd, 4, 0) == b"kept"
    os.close(fd)
    assert "dax0.0: was truncated; extended to 8388608 bytes again" in d.output()


@pytest.mark.parametrize("word", ["memory", "memfd"])
def test_both_words_are_valid(daemon, word):
    d = daemon(f"[region 0]\nbacking={word}\nsize=4M\n")
    assert (d.control("list")[0]["backing"], d.control("list")[0]["pages"]) == (word, 2 * MIB)


@both_users
@pytest.mark.parametrize("via,kind,says", [
    ([], "huge", "yes: 2M, one fault for each"),
    ([CONTAINED], "huge", r"yes: 2M, .* \(no huge tmpfs: Operation not permitted\)"),
    ([], "plain", r"no \(.*\): a fault for each 4K"),
], ids=["huge", "contained", "plain"])
def test_check_tells_the_pages(user, monkeypatch, via, kind, says):
    monkeypatch.setenv("DAXD_MEMORY", kind)
    result = run([*via, DAXRUN, "--check"], as_nobody=IS_ROOT and user == "nobody")
    line = next(line for line in result.stdout.splitlines() if line.startswith("pages"))
    assert re.match(f"pages +{says}", line)


def memory_cgroup():
    """A directory for a new memory cgroup, and its file of the limit; or None."""
    lines = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    for number, controller, path in (line.split(":", 2) for line in lines):
        if controller == "memory":
            return pathlib.Path(f"/sys/fs/cgroup/memory{path}/daxd-{os.getpid()}"), \
                "memory.limit_in_bytes"
        if number == "0" and os.path.exists("/sys/fs/cgroup/cgroup.subtree_control") and \
                "memory" in pathlib.Path("/sys/fs/cgroup/cgroup.subtree_control").read_text():
            return pathlib.Path(f"/sys/fs/cgroup/daxd-{os.getpid()}"), "memory.max"
    return None, None


@needs_root
@pytest.mark.plain
def test_a_memory_limit_is_told(user):
    directory, name = memory_cgroup()
    if directory is None:
        pytest.skip("no memory cgroups here")
    directory.mkdir()
    try:
        (directory / name).write_text(str(48 * MIB))

        def enter():
            (directory / "cgroup.procs").write_text(str(os.getpid()))

        check = run([DAXRUN, "--check"], preexec_fn=enter)
        assert f"a control group allows 48M ({directory}/{name}): " in check.stdout
        killed = run([DAXRUN, "-q", "-d", f"dax0.0,size={SIZE}", "--", prog("touch_all"),
                      "/dev/dax0.0", str(SIZE), str(SIZE)], input="\n\n\n", preexec_fn=enter)
        assert killed.returncode == -9
        assert "touch_all was killed because its cgroup has no memory left (48 MiB in " \
            f"{directory}/{name})\n" in killed.stderr
    finally:
        until(lambda: not (directory / "cgroup.procs").read_text(), "the cgroup is empty")
        directory.rmdir()
