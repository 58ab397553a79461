# SPDX-License-Identifier: BSD-2-Clause
"""daxrun --trace: every dax call with its arguments, its result, and the reason."""

import re
import textwrap

from conftest import both_users

PYTHON = "/usr/bin/python3"
A = 2 << 20

PRELUDE = """
import ctypes, fcntl, mmap, os, sys
A = 2 << 20
libc = ctypes.CDLL(None, use_errno=True)
P, L, I = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
libc.mmap.argtypes, libc.mmap.restype = [P, L, I, I, I, ctypes.c_long], P
libc.mremap.argtypes, libc.mremap.restype = [P, L, L, I, P], P
for name in ("munmap", "mprotect", "madvise", "msync", "mlock"):
    getattr(libc, name).argtypes = [P, L, I]
libc.mbind.argtypes = [P, L, I, P, L, I] if hasattr(libc, "mbind") else None
def attempt(call, *args):
    try:
        return call(*args)
    except OSError:
        return None
def map(length=A, prot=3, flags=1, fd=None, off=0, addr=None):
    p = libc.mmap(addr, length, prot, flags, fd if fd is not None else dev, off)
    return None if p == 2**64 - 1 else p
"""

OPEN = "dev = os.open('/dev/dax0.0', os.O_RDWR)\n"


def trace(daxrun, script, first=OPEN):
    """Run a script under --trace. Return: the lines, with ADDR for the address of each mapping."""
    daxrun.write("script.py", PRELUDE + first + textwrap.dedent(script))
    path = daxrun.dir / "trace"
    daxrun(f"--trace={path}", "--", PYTHON, "script.py")
    first, *lines = path.read_text().splitlines()
    assert re.fullmatch(r"kernel (6\.1|6\.12|6\.18|7\.3)", first)
    assert all(re.match(r"python3\[\d+\] ", line) for line in lines), lines
    lines = [line.split("] ", 1)[1] for line in lines]
    return [re.sub(r"0x7[0-9a-f]{11}", "ADDR", line) for line in lines]


@both_users
def test_open_and_mmap_with_names(daxrun, user):
    lines = trace(daxrun, """
        map()
        map(flags=2)
        map(length=4096)
        map(prot=5, flags=0x80003)
        map(flags=0x8001, off=4096, length=2 * A)
        map(flags=0x100003, addr=A * 4096)
        map(off=1 << 40)
    """)
    assert lines == [
        "open(dax0.0, flags=RDWR|CLOEXEC) = 0x3 OK",
        "mmap(dax0.0, addr=0, len=0x200000, prot=rw-, flags=SHARED, offset=0) = ADDR OK",
        "mmap(dax0.0, addr=0, len=0x200000, prot=rw-, flags=PRIVATE, offset=0) = "
        "EINVAL MMAP-PRIVATE: fail, attempted private mapping",
        "mmap(dax0.0, addr=0, len=0x1000, prot=rw-, flags=SHARED, offset=0) = "
        "EINVAL MMAP-UNALIGNED-LENGTH: fail, unaligned vma (length 0x1000 is no multiple of "
        "the align 0x200000)",
        "mmap(dax0.0, addr=0, len=0x200000, prot=r-x, flags=SHARED_VALIDATE|SYNC, offset=0) = ADDR OK",
        "mmap(dax0.0, addr=0, len=0x400000, prot=rw-, flags=SHARED|POPULATE, offset=0x1000) = "
        "EINVAL MMAP-UNALIGNED-OFFSET: fail, unaligned vma (offset 0x1000 is no multiple of "
        "the align 0x200000)",
        "mmap(dax0.0, addr=0x200000000, len=0x200000, prot=rw-, flags=SHARED_VALIDATE|FIXED_NOREPLACE, "
        "offset=0) = EOPNOTSUPP MMAP-UNKNOWN-FLAG: fail, MAP_SHARED_VALIDATE and unknown flags 0x100000",
        lines[-1],
    ]
    assert lines[-1].startswith("mmap(dax0.0, addr=0, len=0x200000, prot=rw-, flags=SHARED, "
                                "offset=0x10000000000) = ADDR ")
    assert "MMAP-BEYOND-END" in lines[-1]


def test_calls_on_mappings(daxrun):
    lines = trace(daxrun, """
        p = map(length=2 * A)
        libc.mprotect(p, A, 1)
        libc.mprotect(p, 4096, 3)
        libc.madvise(p, A, mmap.MADV_DONTNEED)
        libc.madvise(p, A, mmap.MADV_REMOVE)
        libc.madvise(p, 4096, mmap.MADV_RANDOM)
        libc.msync(p, A, 4)
        libc.msync(p, A, 1)
        libc.mlock(p, A, 0)
        q = libc.mremap(p, A, 2 * A, 1, None)
        libc.munmap(q, 4096, 0)
        libc.munmap(q, 2 * A, 0)
        map(length=A, fd=-1, flags=0x32, addr=p + A)
        map(length=A, fd=-1, flags=0x22)
    """)
    assert lines[2:] == [
        "mprotect(dax0.0, addr=ADDR, len=0x200000, prot=r--) = 0 OK",
        "mprotect(dax0.0, addr=ADDR, len=0x1000, prot=rw-) = EINVAL VMA-SPLIT: "
        "fail, ADDR is inside a unit of the mapping, whose align is 0x200000",
        "madvise(dax0.0, addr=ADDR, len=0x200000, advice=DONTNEED) = 0 OK",
        "madvise(dax0.0, addr=ADDR, len=0x200000, advice=REMOVE) = "
        "ENODEV MADVISE-REMOVE: fail, MADV_REMOVE on a device",
        "madvise(dax0.0, addr=ADDR, len=0x1000, advice=RANDOM) = EINVAL VMA-SPLIT: "
        "fail, ADDR is inside a unit of the mapping, whose align is 0x200000",
        "msync(dax0.0, addr=ADDR, len=0x200000, flags=SYNC) = EINVAL NO-MSYNC: "
        "fail, the device has no fsync",
        "msync(dax0.0, addr=ADDR, len=0x200000, flags=ASYNC) = 0 OK",
        "mlock(dax0.0, addr=ADDR, len=0x200000, flags=0) = 0 OK",
        "mremap(dax0.0, addr=ADDR, old_len=0x200000, new_len=0x400000, flags=MAYMOVE, new_addr=0) = ADDR OK",
        "munmap(dax0.0, addr=ADDR, len=0x1000) = EINVAL VMA-SPLIT: "
        "fail, ADDR is inside a unit of the mapping, whose align is 0x200000",
        "munmap(dax0.0, addr=ADDR, len=0x400000) = 0 OK",
        # a mapping that replaces a dax mapping
        "mmap(dax0.0, addr=ADDR, len=0x200000, prot=rw-, flags=PRIVATE|FIXED|ANONYMOUS, offset=0) = ADDR OK",
    ]


def test_calls_on_descriptors(daxrun):
    lines = trace(daxrun, """
        attempt(os.read, dev, 10)
        attempt(os.write, dev, b"abc")
        attempt(os.pread, dev, 1, 5)
        attempt(os.pwritev, dev, [b"x"], 7)
        os.lseek(dev, 5, os.SEEK_END)
        attempt(os.ftruncate, dev, 0)
        attempt(os.fsync, dev)
        attempt(os.posix_fallocate, dev, 0, 1)
        attempt(fcntl.ioctl, dev, 0x5401)
        attempt(fcntl.fcntl, dev, fcntl.F_SETFL, os.O_DIRECT)
        attempt(os.sendfile, dev, os.open("script.py", os.O_RDONLY), 0, 8)
        attempt(os.copy_file_range, dev, 1, 8)
    """)
    assert [line.split(" = ")[0] for line in lines[1:]] == [
        "read(dax0.0, len=10)", "write(dax0.0, len=3)", "pread(dax0.0, offset=5, len=1)",
        "pwrite(dax0.0, offset=7, len=1)", "lseek(dax0.0, whence=END, offset=5)",
        "ftruncate(dax0.0, len=0)", "fsync(dax0.0)", "fallocate(dax0.0, mode=0, offset=0, len=1)",
        "ioctl(dax0.0, request=0x5401)", "fcntl(dax0.0, cmd=4, arg=0x4000)", "splice(dax0.0, len=8)",
        "copy_file_range(dax0.0, len=8)"]
    assert [line.split(" = ")[1].split(":")[0] for line in lines[1:]] == [
        "EINVAL NO-READ-WRITE", "EINVAL NO-READ-WRITE", "EINVAL NO-READ-WRITE", "EINVAL NO-READ-WRITE",
        "0 OK", "EINVAL NO-TRUNCATE", "EINVAL NO-FSYNC", "ENODEV NO-FALLOCATE", "ENOTTY NO-IOCTL",
        "EINVAL OPEN-DIRECT", "EINVAL NO-COPY", "EINVAL NO-COPY"]


@both_users
def test_paths_and_attributes(daxrun, user):
    lines = trace(daxrun, """
        size = "/sys/bus/dax/devices/dax0.0/size"
        uevent = os.path.realpath("/sys/bus/dax/devices/dax0.0") + "/uevent"
        attempt(os.open, "/dev/dax0.0", os.O_RDWR | os.O_DIRECT)
        attempt(os.open, "/dev/dax0.0", os.O_RDWR | os.O_CREAT | os.O_EXCL)
        attempt(os.open, "/dev/dax7.0", os.O_RDWR)
        attempt(os.truncate, "/dev/dax0.0", 0)
        os.close(os.open(size, os.O_RDONLY))
        attempt(os.open, size, os.O_WRONLY)
        f = os.open(uevent, os.O_WRONLY)
        os.write(f, b"change")
        attempt(os.write, f, b"nonsense")
        attempt(os.unlink, size)
        attempt(os.mkdir, size + "s")
    """, first="")
    where = "devices/platform/e820_pmem/ndbus0/region0/dax0.0/dax0.0"
    assert lines == [
        "open(dax0.0, flags=RDWR|DIRECT|CLOEXEC) = EINVAL OPEN-DIRECT: fail, O_DIRECT is not supported",
        "open(dax0.0, flags=RDWR|CREAT|EXCL|CLOEXEC) = EEXIST KERNEL: fail, refused by the kernel",
        "open(dax7.0, flags=RDWR|CLOEXEC) = ENOENT KERNEL: fail, refused by the kernel",
        "truncate(dax0.0, len=0) = EINVAL NO-TRUNCATE: fail, a device cannot be truncated",
        "open(bus/dax/devices/dax0.0/size, flags=RDONLY|CLOEXEC) = 0 OK",
        "open(bus/dax/devices/dax0.0/size, flags=WRONLY|CLOEXEC) = "
        "EACCES ATTR-MODE: fail, the attribute's mode forbids it",
        f"open({where}/uevent, flags=WRONLY|CLOEXEC) = 0 OK",
        f"write({where}/uevent, len=6) = 0 OK",
        f"write({where}/uevent, len=8) = EINVAL ATTR-ERROR: fail, refused by the attribute",
        "change(bus/dax/devices/dax0.0/size) = EPERM NODE-PERMISSION: fail, /dev and /sys may not be changed",
        "change(bus/dax/devices/dax0.0/sizes) = EPERM NODE-PERMISSION: fail, /dev and /sys may not be changed",
    ]


def test_mmap_of_what_has_no_mmap(daxrun):
    """Refused mmaps of an attribute and of an O_PATH descriptor are traced like all refusals."""
    script = """
        attr = os.open("/sys/bus/dax/devices/dax0.0/size", os.O_RDONLY)
        place = os.open("/dev/dax0.0", os.O_PATH)
        map(4096, prot=1, fd=attr)
        map(4096, prot=2, fd=attr)
        map(0, prot=1, fd=attr)
        map(fd=place)
        map(fd=place, off=1)
    """
    lines = [line for line in trace(daxrun, script, first="") if line.startswith("mmap")]
    assert [re.sub(r"^mmap\(\S*?/?(size|dax0.0),", r"mmap(\1,", line) for line in lines] == [
        "mmap(size, addr=0, len=0x1000, prot=r--, flags=SHARED, offset=0) = "
        "ENODEV ATTR-NO-MMAP: fail, an attribute has no mmap",
        "mmap(size, addr=0, len=0x1000, prot=-w-, flags=SHARED, offset=0) = "
        "EACCES MMAP-NO-ACCESS: fail, the descriptor's access mode forbids it",
        "mmap(size, addr=0, len=0, prot=r--, flags=SHARED, offset=0) = "
        "EINVAL MMAP-NO-LENGTH: fail, length 0",
        "mmap(dax0.0, addr=0, len=0x200000, prot=rw-, flags=SHARED, offset=0) = "
        "EBADF FD-ACCESS: fail, not opened for that",
        "mmap(dax0.0, addr=0, len=0x200000, prot=rw-, flags=SHARED, offset=0x1) = "
        "EINVAL MMAP-OFFSET-PAGE: fail, offset 0x1 is not on a page",
    ]


def test_every_process_and_nothing_of_others(daxrun):
    path = daxrun.dir / "trace"
    daxrun(f"--trace={path}", "--", "sh", "-c",
           "cat /etc/passwd >/dev/null; dd if=/dev/dax0.0 of=/dev/null count=1 2>/dev/null; true")
    _, *lines = path.read_text().splitlines()
    assert {line.split("[")[0] for line in lines} == {"dd"}
    assert any(re.match(r"dd\[\d+\] read\(dax0.0, len=512\) = EINVAL NO-READ-WRITE: ", line) for line in lines)


def test_refusals_alone_without_the_option(daxrun):
    daxrun.write("script.py", PRELUDE + OPEN + "map()\nmap(flags=2)\nattempt(os.open, '/dev/dax7.0', 0)\n")
    result = daxrun.any("--", PYTHON, "script.py")
    assert re.fullmatch(r"daxrun: dax0.0: python3\[\d+\]: mmap: fail, attempted private mapping \(EINVAL\)\n",
                        result.stderr), result.stderr
    assert daxrun.any("--quiet", "--", PYTHON, "script.py").stderr == ""


def test_numbers_and_names_that_nobody_knows(daxrun):
    lines = trace(daxrun, """
        p = map()
        libc.msync(p, A, 8)
        attempt(os.lseek, dev, 0, 9)
        libc.mremap(p, A, A, 64, None)
    """)
    assert lines[2].startswith("msync(dax0.0, addr=ADDR, len=0x200000, flags=0x8) = EINVAL KERNEL")
    assert lines[3] == "lseek(dax0.0, whence=9, offset=0) = EINVAL BAD-WHENCE: fail, unknown whence 0x9"
    assert lines[4].startswith("mremap(dax0.0, addr=ADDR, old_len=0x200000, new_len=0x200000, flags=0x40, "
                               "new_addr=0) = EINVAL MREMAP-ARGUMENT")
