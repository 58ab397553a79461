# SPDX-License-Identifier: BSD-2-Clause
"""Character devices made with CUSE, beside a real device-dax: /dev/dax0.0, align 2M.

Runs in a guest, see harness.py; tests/test_cuse.py shows what came out.
"""

import errno
import fcntl
import grp
import json
import mmap
import os
import select
import signal
import stat
import subprocess
import time

from harness import Daemon, GROUP, OTHER, RT, SHIM, TIMEOUT, WORKER, nodes, run, wait_for

MIB = 1 << 20
REAL = "/dev/dax0.0"
NODE = "/dev/dax5.0"
ONE = "[region 5]\nsize=64M\nmode=0660\ngroup=users-of-dax\n"


def setup():
    run("modprobe", "cuse")
    assert nodes() == ["dax0.0"], nodes()


def answer(function, *args):
    try:
        value = function(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return value if isinstance(value, (int, str, tuple)) else repr(value)


# ---- the node ------------------------------------------------------------------

def check_node():
    """It is what the config says, for everybody, and gone with the daemon."""
    with Daemon(ONE) as d:
        st = os.stat(NODE)
        assert stat.S_ISCHR(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o660
        assert (st.st_uid, st.st_gid, st.st_size) == (0, GROUP, 0)
        device = d.device("dax5.0")
        assert device["dev"] == f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"
        print(run("ls", "-l", NODE).stdout, run("stat", NODE).stdout)
        assert run("ls", "-l", NODE).stdout.startswith("crw-rw---- 1 root users-of-dax ")
        assert os.path.basename(os.path.realpath(f"/sys/dev/char/{device['dev']}/subsystem")) == "cuse"
        assert os.path.exists(f"{RT}/state") and not os.path.exists(f"{RT}/dev/dax5.0")
        d.stop()
    assert nodes() == ["dax0.0"] and not os.path.exists(RT)


def start_many():
    config = "".join(f"[region {10 + r}]\n" + "".join(
        f"[device {10 + r}.{i}]\nsize=2M\nmode=0640\ngroup=users-of-dax\n" for i in range(32))
        for r in range(8))
    want = {f"dax{10 + r}.{i}" for r in range(8) for i in range(32)}
    start = time.time()
    d = Daemon(config)
    ready = time.time() - start
    with d:
        assert set(nodes()) == want | {"dax0.0"}
        stats = [os.stat(f"/dev/{name}") for name in want]
        up = max(st.st_ctime for st in stats) - start
        print(f"256 nodes after {up:.2f} s, clients can connect after {ready:.2f} s (emulated CPU)")
        for st in stats:
            assert stat.S_ISCHR(st.st_mode) and st.st_mode & 0o777 == 0o640 and st.st_gid == GROUP
        assert len({st.st_rdev for st in stats}) == 256
        for name in sorted(want)[::37]:
            os.close(os.open(f"/dev/{name}", os.O_RDWR))
        start = time.time()
        d.stop()
        print(f"all removed after {time.time() - start:.2f} s")
    assert nodes() == ["dax0.0"]
    return up


def check_many():
    """256 devices within a second of the start, all gone at the stop."""
    # The machine may be busy with something else for a moment.
    assert any(start_many() < 1 for _ in range(3))


def check_chosen_numbers():
    with Daemon("[daemon]\nmajor=333\n[region 5]\n[device 5.0]\nsize=2M\nminor=77\n[device 5.1]\n"
                "size=2M\n[region 6]\nsize=4M\ntype=dynamic\n[device 6.0]\nminor=0\n") as d:
        numbers = [os.stat(f"/dev/{n}").st_rdev for n in ("dax5.0", "dax5.1", "dax6.0")]
        assert numbers[0] == os.makedev(333, 77) and numbers[2] == os.makedev(333, 0)
        assert os.major(numbers[1]) == 333 and len(set(numbers)) == 3
        for name in ("dax5.0", "dax5.1", "dax6.0"):
            m = os.minor(os.stat(f"/dev/{name}").st_rdev)
            assert d.device(name)["dev"] == f"333:{m}"
            assert run("cat", f"/sys/bus/dax/devices/{name}/dev", shim=True).stdout == f"333:{m}\n"
            os.close(os.open(f"/dev/{name}", os.O_RDWR))
        assert "333 dax\n" in run("cat", "/proc/devices", shim=True).stdout


def check_names_and_numbers_taken():
    """An error for the one, the others come up."""
    os.mknod("/dev/dax7.0", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    try:
        with Daemon("[region 0]\nsize=2M\n[region 7]\nsize=2M\n[region 8]\nsize=2M\n") as d:
            said = d.said()
            print(said)
            assert [x["chardev"] for x in d.ctl("list")] == ["dax8.0"]
            for name in ("dax0.0", "dax7.0"):
                assert f"/dev/{name}: is there already, and not of this daemon" in said
            assert os.stat("/dev/dax7.0").st_rdev == os.makedev(1, 3)
            assert said.count("continuing without this device") == 2
        assert nodes() == ["dax0.0", "dax7.0"]
        refused = Daemon("[region 7]\nsize=2M\n", ready=False)
        assert refused.p.returncode == 1 and not os.path.exists(RT)
        print(refused.said())
    finally:
        os.unlink("/dev/dax7.0")
    # 10:203 is /dev/cuse.
    with Daemon("[daemon]\nmajor=10\n[region 5]\nsize=2M\n[device 5.0]\nminor=203\n", ready=False) as d:
        print(d.said())
        assert d.p.returncode == 1 and "number, 10:203" in d.said()
    # A number that another CUSE device has.
    with Daemon("[daemon]\nmajor=334\n[region 5]\nsize=2M\n[device 5.0]\nminor=3\n"):
        with Daemon("[daemon]\nmajor=334\n[region 6]\nsize=2M\n[device 6.0]\nminor=3\n[region 7]\n"
                    "size=2M\n[device 7.0]\nminor=4\n", rt="/run/second") as d:
            print(d.said())
            assert [x["chardev"] for x in d.ctl("list")] == ["dax7.0"]
            assert "/dev/dax6.0: the kernel does not make it: its number, 334:3" in d.said()
        assert os.path.exists(NODE)


# ---- what it answers to programs that know nothing of us --------------------------

def ask(path):
    """What a program without the shim learns of a node."""
    out = {}
    for name, flags in (("rdonly", os.O_RDONLY), ("wronly", os.O_WRONLY), ("rdwr", os.O_RDWR),
                        ("accmode", 3), ("trunc", os.O_RDWR | os.O_TRUNC),
                        ("creat", os.O_RDWR | os.O_CREAT), ("append", os.O_RDWR | os.O_APPEND),
                        ("excl", os.O_RDWR | os.O_CREAT | os.O_EXCL), ("direct", os.O_RDWR | os.O_DIRECT),
                        ("nonblock", os.O_RDWR | os.O_NONBLOCK), ("directory", os.O_DIRECTORY),
                        ("nofollow", os.O_NOFOLLOW), ("path", os.O_PATH),
                        ("tmpfile", os.O_TMPFILE | os.O_RDWR)):
        try:
            fd = os.open(path, flags)
        except OSError as e:
            out[f"open {name}"] = errno.errorcode[e.errno]
        else:
            out[f"open {name}"] = hex(fcntl.fcntl(fd, fcntl.F_GETFL))
            os.close(fd)
    st = os.stat(path)
    out["stat"] = (stat.S_IFMT(st.st_mode), st.st_size, st.st_blocks, st.st_blksize, st.st_nlink)
    for name, flags in (("rdwr", os.O_RDWR), ("rdonly", os.O_RDONLY), ("wronly", os.O_WRONLY)):
        fd = os.open(path, flags)
        calls = {
            "read": (os.read, fd, 4096), "write": (os.write, fd, b"x" * 4096),
            "pread": (os.pread, fd, 10, 5), "pwrite": (os.pwrite, fd, b"x", 5),
            "readv": (os.readv, fd, [bytearray(9), bytearray(3)]), "writev": (os.writev, fd, [b"a", b"b"]),
            "pread -1": (os.pread, fd, 10, -1),
            "lseek set": (os.lseek, fd, 12345, 0), "lseek cur": (os.lseek, fd, -5, 1),
            "lseek end": (os.lseek, fd, 0, 2), "lseek data": (os.lseek, fd, 0, os.SEEK_DATA),
            "lseek 9": (os.lseek, fd, 0, 9),
            "ftruncate": (os.ftruncate, fd, 4096), "fsync": (os.fsync, fd), "fdatasync": (os.fdatasync, fd),
            "fallocate": (os.posix_fallocate, fd, 0, 4096),
            "sendfile": (os.sendfile, 1, fd, 0, 10),
            "copy": (os.copy_file_range, fd, fd, 10, 0, 10),
            "TCGETS": (fcntl.ioctl, fd, 0x5401), "BLKGETSIZE64": (fcntl.ioctl, fd, 0x80081272, b"12345678"),
            "FIONREAD": (fcntl.ioctl, fd, 0x541b, b"1234"), "FIONBIO": (fcntl.ioctl, fd, 0x5421, b"\0\0\0\0"),
            "FIGETBSZ": (fcntl.ioctl, fd, 2, b"1234"), "FIEMAP": (fcntl.ioctl, fd, 0xc020660b, bytes(32)),
            "random": (fcntl.ioctl, fd, 0x12345678, b"0" * 0x234), "who": (fcntl.ioctl, fd, 0x64da),
            "flock": (fcntl.flock, fd, fcntl.LOCK_EX), "lockf": (fcntl.lockf, fd, fcntl.LOCK_SH if flags != 1
                                                               else fcntl.LOCK_EX),
        }
        for call, (function, *args) in calls.items():
            out[f"{name} {call}"] = answer(function, *args)
        p = select.poll()
        p.register(fd, select.POLLIN | select.POLLOUT | select.POLLRDNORM | select.POLLWRNORM | select.POLLPRI)
        out[f"{name} poll"] = [events for _, events in p.poll(0)]
        out[f"{name} select"] = [len(x) for x in select.select([fd], [fd], [fd], 0)]
        os.close(fd)
    out["fdinfo"] = run(f"exec 9<>{path}; cut -f1 /proc/self/fdinfo/9").stdout
    out["shell"] = run(f"exec 9<>{path}; readlink /proc/self/fd/9; echo x >&9; echo $?; read -u 9 y; echo $?; "
                       f"[ -c {path} ]; echo $?; [ -s {path} ]; echo $?", check=False).stdout.replace(path, "NODE")
    out["dd"] = run(f"dd if={path} of=/dev/null bs=4096 count=1 2>&1 | head -1; dd if=/dev/zero of={path} "
                    "count=1 2>&1 | head -1").stdout.replace(path, "NODE")
    out["empty environment"] = run(
        "env", "-i", "/usr/bin/python3", "-c",
        f"import os,errno\nfd=os.open('{path}',os.O_RDWR)\ntry: os.read(fd,4096)\nexcept OSError as e:"
        " print(errno.errorcode[e.errno])\nprint(os.fstat(fd).st_size)").stdout
    out["statx"] = [line.split(None, 1)[0] for line in run("stat", path).stdout.splitlines()]
    return out


def check_answers_equal_the_real_device():
    with Daemon(ONE):
        ours, real = ask(NODE), ask(REAL)
    different = {k: (ours[k], real[k]) for k in real if ours[k] != real[k]}
    print(f"{len(real)} questions, the same answers but for: {different}")
    assert not different


def check_differences_are_those_we_know():
    """What the kernel's CUSE decides without asking: README and docs/semantics.md say so."""
    with Daemon(ONE):
        out = {}
        for path in (REAL, NODE):
            fd = os.open(path, os.O_RDWR)
            epoll = select.epoll()
            out[path] = {"mmap": answer(mmap.mmap, fd, 2 * MIB).__class__.__name__ if path == REAL
                         else answer(mmap.mmap, fd, 2 * MIB),
                         "epoll": answer(epoll.register, fd) if path == REAL else epoll.register(fd),
                         "read of nothing": answer(os.read, fd, 0)}
            epoll.close()
            os.close(fd)
        print(out)
        assert out[NODE] == {"mmap": "ENODEV", "epoll": None, "read of nothing": "b''"}
        assert out[REAL]["epoll"] == "EPERM" and out[REAL]["read of nothing"] == "EINVAL"


def check_handles_are_counted():
    with Daemon(ONE) as d:
        fds = [os.open(NODE, os.O_RDONLY) for _ in range(5)]
        fds.append(os.dup(fds[0]))
        assert d.device("dax5.0")["handles"] == 5
        for fd in fds[1:]:
            os.close(fd)
        assert d.device("dax5.0")["handles"] == 1	# closed when the kernel says so: at once
        p = subprocess.Popen(["sleep", "1000"], pass_fds=[fds[0]])
        os.close(fds[0])
        assert d.device("dax5.0")["handles"] == 1
        p.kill()
        p.wait()
        wait_for(lambda: d.device("dax5.0")["handles"] == 0)
        refused = sum(answer(os.open, NODE, os.O_RDWR | os.O_DIRECT) == "EINVAL" for _ in range(3))
        assert refused == 3 and d.device("dax5.0")["handles"] == 0


def check_a_disabled_device_cannot_be_opened():
    with Daemon("[region 5]\nsize=64M\ntype=dynamic\n") as d:
        old = os.open(NODE, os.O_RDWR)
        run("daxctl", "disable-device", "dax5.0", shim=True)
        assert d.device("dax5.0")["state"] == "disabled"
        assert answer(os.open, NODE, os.O_RDWR) == "ENXIO"
        os.close(os.open(NODE, os.O_PATH))
        assert stat.S_ISCHR(os.stat(NODE).st_mode) and answer(os.read, old, 10) == "EINVAL"
        assert answer(os.lseek, old, 0, 2) == 0
        run("daxctl", "enable-device", "dax5.0", shim=True)
        os.close(os.open(NODE, os.O_RDWR))
        os.close(old)


def check_devices_come_and_go():
    """daxctl makes and destroys devices: nodes follow."""
    with Daemon("[region 5]\nsize=64M\ntype=dynamic\nmode=0640\ngroup=users-of-dax\n[device 5.0]\nsize=32M\n"):
        run("daxctl", "create-device", "-r", "5", "-s", "16M", shim=True)
        st = os.stat("/dev/dax5.1")
        assert stat.S_IMODE(st.st_mode) == 0o640 and st.st_gid == GROUP
        fd = os.open("/dev/dax5.1", os.O_RDWR)
        print(run("daxctl", "disable-device", "dax5.1", shim=True).stderr)
        run("daxctl", "destroy-device", "dax5.1", shim=True)
        assert not os.path.exists("/dev/dax5.1") and os.path.exists(NODE)
        assert os.fstat(fd).st_nlink == 0
        assert answer(os.read, fd, 1) in ("ENOTCONN", "ECONNABORTED")
        os.close(fd)
        run("daxctl", "create-device", "-r", "5", "-s", "8M", shim=True)
        os.close(os.open("/dev/dax5.1", os.O_RDWR))


def check_a_stuck_client_blocks_nobody():
    """Stopped in the middle of whatever it does; a device of its own or the same one."""
    with Daemon("[region 5]\nsize=4M\n[device 5.0]\nsize=2M\n[device 5.1]\nsize=2M\n") as d:
        code = f"import os\nwhile 1:\n fd=os.open('{NODE}',2)\n try: os.read(fd,1<<20)\n except OSError: pass\n os.close(fd)"
        stuck = [subprocess.Popen(["python3", "-c", code]) for _ in range(4)]
        wait_for(lambda: d.device("dax5.0")["handles"])
        for p in stuck:
            p.send_signal(signal.SIGSTOP)
        for path in ("/dev/dax5.1", NODE):
            worst = 0
            for _ in range(50):
                start = time.monotonic()
                os.close(os.open(path, os.O_RDWR))
                worst = max(worst, time.monotonic() - start)
            print(f"{path}: the slowest of 50 open+close took {worst * 1000:.1f} ms beside 4 stopped programs")
            assert worst < 1
        for p in stuck:
            p.kill()
            p.wait()
        wait_for(lambda: d.device("dax5.0")["handles"] == 0)


def check_auto():
    with Daemon(ONE, frontend="auto") as d:
        assert stat.S_ISCHR(os.stat(NODE).st_mode)
        assert d.ctl("stats")["daemon"]["frontend"] == "cuse"
    with Daemon(ONE, frontend="none") as d:
        assert not os.path.exists(NODE) and d.ctl("stats")["daemon"]["frontend"] == "none"
    r = run("/opt/daxd/cuse-daxd", "--foreground", "--frontend=cuse", "--runtime-dir=/tmp/w", user=WORKER, check=False)
    print(r.stderr)
    assert r.returncode == 1 and "/dev/cuse: Permission denied" in r.stderr
    r = run("/opt/daxd/daxrun", "--check")
    print(r.stdout)
    assert "ENODEV" in next(line for line in r.stdout.splitlines() if line.startswith("cuse "))
