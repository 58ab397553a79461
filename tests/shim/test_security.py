# SPDX-License-Identifier: BSD-2-Clause
"""docs/security.md: limits of what a client can do to other clients and the daemon."""

import errno
import fcntl
import mmap
import os
import threading

import pytest

from conftest import BUILD, CTL, both_users, load_json, needs_root, run

MIB = 1 << 20
SIZE = 8 * MIB
ESCAPE = BUILD / "progs/escape"


def attach(d, name="dax0.0", flags=os.O_RDWR):
    with d.wire() as wire, d.opened(name, flags) as handle:
        reply = wire.attach(handle)
        assert reply.error == 0
        return reply.fd


def device(d, name="dax0.0"):
    found = d.state().find(name)[2]
    return found.ranges[0].start, found.size


def store(d, byte):
    fd = attach(d)
    start, size = device(d)
    with mmap.mmap(fd, size, offset=start) as m:
        m[:] = bytes([byte]) * size
    os.close(fd)


def load(d):
    fd = attach(d, flags=os.O_RDONLY)
    start, size = device(d)
    with mmap.mmap(fd, size, prot=mmap.PROT_READ, offset=start) as m:
        data = set(m[:])
    os.close(fd)
    return data


@needs_root
def test_nobody_gets_from_reading_to_writing(daemon, backing):
    """Another user's program under the shim, open for reading only, cannot write by any of its
    descriptors."""
    d = daemon(f"[region 0]\nbacking={backing}\nsize={SIZE}\nmode=0644\n")
    store(d, 1)
    result = run([BUILD / "daxrun", "-q", f"--connect={d.dir}", "--", ESCAPE, "/dev/dax0.0", SIZE],
                 as_nobody=True)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    tried = {line.split()[0] for line in result.stderr.splitlines() if "refused" in line}
    assert {"mmap", "mprotect", "write", "ftruncate", "fallocate", "fchmod", "setfl", "proc",
            "proc-pid", "dev-fd", "o_path", "mapping-mprotect", "process_vm_writev", "proc-mem",
            "mremap", "ptrace", "map_files"} <= tried, result.stderr
    assert load(d) == {1}


@both_users
def test_a_descriptor_for_reading_is_for_reading(daemon, backing):
    d = daemon(f"[region 0]\nbacking={backing}\nsize={SIZE}\n")
    store(d, 1)
    fd = attach(d, flags=os.O_RDONLY)
    start, size = device(d)
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_RDWR)
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    with pytest.raises(PermissionError):
        mmap.mmap(fd, size, offset=start)
    for call in (lambda: os.ftruncate(fd, 0), lambda: os.pwrite(fd, b"x", start),
                 lambda: os.posix_fallocate(fd, 0, 2 * SIZE)):
        with pytest.raises(OSError) as e:
            call()
        assert e.value.errno in (errno.EBADF, errno.EINVAL)
    os.close(fd)
    assert load(d) == {1}


def test_a_handle_for_writing_alone_maps_nothing(daemon):
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    for flags, error in ((os.O_WRONLY, errno.EACCES), (os.O_PATH, errno.EBADF)):
        with d.wire() as wire, d.opened("dax0.0", flags) as handle:
            assert wire.attach(handle).error == error


@needs_root
def test_who_may_not_open_gets_nothing(daemon):
    """A user who cannot open the node gets no memory with descriptors of other files."""
    d = daemon(f"[region 0]\nsize={SIZE}\nmode=0600\n")
    result = run([BUILD / "daxrun", "-q", f"--connect={d.dir}", "--", "sh", "-c",
                  "exec 3<>/dev/dax0.0"], as_nobody=True)
    assert result.returncode != 0 and "Permission denied" in result.stderr
    with d.wire() as wire, open(d.dir / "state", "rb") as state:
        assert wire.attach(state.fileno()).error == errno.EBADF


@both_users
@pytest.mark.parametrize("kind", ["memfd", "hugetlb"])
def test_nobody_changes_the_size_under_others(daemon, hugepages, kind):
    hugepages(8)
    d = daemon(f"[region 0]\nbacking={kind}\nsize={SIZE}\nmode=0660\n")
    store(d, 3)
    fd = attach(d)
    with mmap.mmap(fd, SIZE) as m:
        for call in (lambda: os.ftruncate(fd, 0), lambda: os.ftruncate(fd, 2 * SIZE),
                     lambda: os.posix_fallocate(fd, SIZE, SIZE),
                     lambda: fcntl.fcntl(fd, 1033, 0x8)):
            with pytest.raises(PermissionError):
                call()
        assert m[SIZE - 1] == 3
    os.close(fd)


@both_users
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_what_is_ours_in_a_file_is_put_back(daemon, workdir, kind):
    """After a client with write access overwrites info block and record and truncates the file, the
    daemon repairs the file."""
    path = workdir / "image"
    d = daemon(f"[region 0]\nbacking=pmem:{path}\nsize={SIZE}\ntype={kind}\n")
    store(d, 5)
    length = path.stat().st_size
    before = path.read_bytes()
    fd = attach(d)
    os.pwrite(fd, b"\xff" * (device(d)[0]), 0)
    os.close(fd)
    assert load(d) == {5}
    assert "its info block was overwritten; written again" in d.output()
    fd = attach(d)
    os.pwrite(fd, bytes(8192), 0)
    os.ftruncate(fd, device(d)[0] + MIB)
    os.close(fd)
    # The next client is not affected.
    assert load(d) == {0, 5}
    assert f"extended to {length} bytes again" in d.output()
    fd = attach(d)
    os.pwrite(fd, bytes(4096), 4096)
    os.close(fd)
    d.stop()
    assert path.stat().st_size == length
    assert path.read_bytes()[4096:8192] == before[4096:8192]
    shown = load_json(run([CTL, "inspect", path]))
    assert shown["state"] == "ok" and ("record" in shown) == (kind == "dynamic")


def test_records_of_several_regions_are_put_back_at_the_end(daemon, workdir):
    paths = [workdir / f"image{n}" for n in range(3)]
    d = daemon("".join(f"[region {n}]\nbacking=pmem:{path}\nsize={SIZE}\ntype=dynamic\n"
                       for n, path in enumerate(paths)))
    for path in paths:
        with open(path, "r+b") as f:
            f.seek(8192)
            f.write(b"\xff" * (2 * MIB - 8192))
    d.stop()
    assert d.output().count("the record of its devices was overwritten") == 3
    for path in paths:
        assert load_json(run([CTL, "inspect", path]))["record"]["state"] == "ok"


def test_a_file_that_grows_and_shrinks_all_the_time(daemon, workdir):
    """The daemon survives writing its record while a client keeps changing the file's size."""
    d = daemon(f"[region 0]\nbacking=pmem:{workdir}/image\nsize={SIZE}\ntype=dynamic\n")
    fd = attach(d)
    is_over = threading.Event()

    def saw():
        while not is_over.is_set():
            os.ftruncate(fd, 4096)
            os.ftruncate(fd, 48 * MIB)

    thread = threading.Thread(target=saw)
    thread.start()
    try:
        errors = {d.store(f"bus/dax/drivers/device_dax/{verb}", "dax0.0")
                  for _ in range(200) for verb in ("unbind", "bind")}
    finally:
        is_over.set()
        thread.join()
    os.close(fd)
    assert errors - {0, errno.ENOSPC, errno.ENODEV, errno.EBUSY} == set()
    assert d.control("list")[0]["chardev"] == "dax0.0"
