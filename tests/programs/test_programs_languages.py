# SPDX-License-Identifier: BSD-2-Clause
"""Programs in C, Rust, Java and Python; memory shared by processes; persistence."""

import os
import subprocess

import pytest

from conftest import ROOT, both_users, needs_root
from daxrun import MIB, pattern, prog, refusals, said
from rust import rust_program

pytestmark = pytest.mark.plain

PYTHON = "/usr/bin/python3"
SOURCES = ROOT / "tests/progs"


PYTHON_MMAP = """
import mmap, os, stat
fd = os.open("/dev/dax0.0", os.O_RDWR)
st = os.fstat(fd)
node = f"/sys/dev/char/{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"
size = int(open(node + "/size").read())
print(stat.S_ISCHR(st.st_mode), st.st_size, size, os.path.realpath(node + "/subsystem"))
for what in (lambda: mmap.mmap(fd, 0), lambda: mmap.mmap(fd, size, mmap.MAP_PRIVATE),
             lambda: os.read(fd, 1), lambda: os.write(fd, b"x"), lambda: os.ftruncate(fd, 0),
             lambda: os.fsync(fd), lambda: os.pread(fd, 1, 0)):
    try:
        print(what())
    except OSError as e:
        print(e.errno, end=" ")
print(os.lseek(fd, 0, os.SEEK_END), os.isatty(fd))
with mmap.mmap(fd, size) as m:
    m[0:5] = b"hello"
    m[size - 5:size] = b"world"
    try:
        m.flush()
    except OSError as e:
        print("flush", e.errno)
with mmap.mmap(fd, size, prot=mmap.PROT_READ) as m:
    print(m[0:5] + m[size - 5:size], m.find(b"world") == size - 5)
with open("/dev/dax0.0", "r+b", buffering=0) as f, mmap.mmap(f.fileno(), size) as m:
    print(m[:5])
"""


@both_users
def test_python(daxrun, device):
    output = daxrun(device(8 * MIB), "--", PYTHON, "-c", PYTHON_MMAP)
    assert output.splitlines() == [
        f"True 0 {8 * MIB} /sys/bus/dax", "22 22 22 22 22 22 22 0 False", "flush 22",
        "b'helloworld' True", "b'hello'"]


@both_users
def test_rust(daxrun, tmp_path_factory):
    result = daxrun.any("-d", "dax0.0,size=16M", "--", rust_program("mmap_std", tmp_path_factory))
    assert result.returncode == 0, said(result)
    assert result.stdout.splitlines() == [
        "char device true size 0", f"size {16 * MIB} subsystem /sys/bus/dax", "devices dax0.0",
        "read Some(22)", "write Some(22)", "set_len Some(22)", "sync_all Some(22)",
        "private true 22", "msync -1 22", "munmap 0", "same true"]
    assert [r[1] for r in refusals(result, "mmap_std")] == [
        "read", "write", "ftruncate", "fsync", "mmap", "msync"]


def test_java_fails_as_on_a_real_device(daxrun):
    output = daxrun("--", "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1",
                    SOURCES / "ChannelMap.java", "/dev/dax0.0")
    assert output.splitlines() == [
        "exists: true", "regular: false", "size: 0", "map: IOException: Invalid argument",
        "read: IOException: Invalid argument", "write: IOException: Invalid argument",
        "map read-only: IOException: Channel not open for writing - cannot extend file to "
        "required size", "length: 0", "setLength: IOException: Invalid argument"]


@both_users
def test_direct_input_and_output_with_buffers_in_the_device(daxrun, device):
    """The kernel reads a file on disk into the mapping, and writes it from there, with O_DIRECT."""
    output = daxrun(device(32 * MIB), "--", prog("uring_direct"), "file", "/dev/dax0.0",
                    16 * MIB)
    assert output == f"{16 * MIB} bytes there and back\n"
    words = b"".join((i * 0x9e3779b97f4a7c15 + 1 & (1 << 64) - 1).to_bytes(8, "little")
                     for i in range(1000))
    data = (daxrun.dir / "file").read_bytes()
    assert len(data) == 16 * MIB and data.startswith(words)


@both_users
def test_threads_that_map_while_others_fork(daxrun, device):
    size = {4096: 2 * MIB}.get(device.align, 64 * MIB)
    output = daxrun(device(size), "--", prog("fork_threads"), "/dev/dax0.0", device.align, 200)
    assert output == f"{200 * 16} stores seen\n"


@both_users
def test_a_parent_its_child_and_a_stranger(daxrun, daemon, device):
    """Two programs under daxrun --connect that share only the daemon, and a child of one, exchange
    data through a device."""
    spec = device(4 * MIB).split(",")
    config = "[region 0]\nmode=0666\n" + "".join(word + "\n" for word in spec[1:])
    d = daemon(config)
    players = [daxrun.popen(f"--connect={d.dir}", "--", prog("pingpong"), "/dev/dax0.0",
                            str(device.align), name, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE) for name in ("ping", "pong")]
    for player, name in zip(players, ("ping", "pong")):
        out, err = player.communicate(timeout=60)
        assert (player.returncode, out, err) == (0, f"{name} saw 20000 balls\n", "")


@needs_root  # a second user
def test_users_share_what_the_mode_allows(daxrun, daemon):
    d = daemon("[region 0]\nsize=4M\nmode=0664\n[region 1]\nsize=4M\nmode=0600\n")
    code = ("import mmap, os, sys\nfor name, flags, prot in (('0.0', os.O_RDWR, 3), "
            "('0.0', os.O_RDONLY, 1), ('1.0', os.O_RDONLY, 1)):\n"
            "  try:\n    m = mmap.mmap(os.open('/dev/dax' + name, flags), 2 << 20, prot=prot)\n"
            "    if prot == 3: m[0:4] = b'root'\n"
            "    print(m[0:4])\n  except OSError as e: print(e.strerror)")
    command = (f"--connect={d.dir}", "--", PYTHON, "-c", code)
    assert daxrun(*command).splitlines() == ["b'root'", "b'root'", r"b'\x00\x00\x00\x00'"]
    daxrun.user = "nobody"
    assert daxrun(*command).splitlines() == ["Permission denied", "b'root'", "Permission denied"]


@both_users
@pytest.mark.parametrize("kind, align", [("pmem", "2M"), ("pmem", "4K"), ("hugetlbfs", "2M")])
def test_bytes_outlive_the_daemon(daxrun, new_daemon, request, kind, align):
    """On a file, bytes survive a stop and a kill of the daemon."""
    if kind == "hugetlbfs":
        request.getfixturevalue("hugepages")(8)
        path = request.getfixturevalue("hugetlbfs") / "file"
    else:
        path = daxrun.dir / "image"
    data = pattern(16 * MIB)
    daxrun.write("in", data)
    d = new_daemon()
    config = f"[region 0]\nbacking={kind}:{path}\nsize=16M\nalign={align}\nmode=0666\n"
    d.start(config)
    connect = f"--connect={d.dir}"
    daxrun(connect, "--", "daxio", "-i", "in", "-o", "/dev/dax0.0")
    for stop in (d.stop, d.kill):
        stop()
        d.start(config)
        daxrun(connect, "--", "daxio", "-i", "/dev/dax0.0", "-o", "out")
        assert (daxrun.dir / "out").read_bytes() == data
        (daxrun.dir / "out").unlink()
    d.stop()


def test_memory_does_not(daxrun):
    """In memory, bytes do not survive: the device of the next daxrun is new and empty."""
    code = ("import mmap, os\nm = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 2 << 20)\n"
            "print(m[0])\nm[0] = 1")
    for _ in range(2):
        assert daxrun("-d", "dax0.0,size=4M", "--", PYTHON, "-c", code) == "0\n"
