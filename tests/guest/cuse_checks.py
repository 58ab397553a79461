# SPDX-License-Identifier: BSD-2-Clause
"""Character devices made with CUSE, next to a real device-dax: /dev/dax0.0, align 2M.

Runs in a guest, see harness.py; tests/daemon/test_cuse.py shows the results.
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

from harness import Daemon, GROUP, OTHER, RT, SHIM, TIMEOUT, WORKER, let_users_see_resources, nodes, run, wait_for

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


def check_node():
    """The node has the config's mode and owner, and disappears with the daemon."""
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


def start_program():
    """Return: seconds from start to end of a program, as the mean of 16."""
    start = time.time()
    for _ in range(16):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    return (time.time() - start) / 16


def check_many():
    """256 nodes exist soon after the start and are gone after the stop; test_cuse.py judges the time."""
    times = [(start_many(), start_program()) for _ in range(3)]
    many, program = map(min, zip(*times))
    print(f"best of 3: 256 nodes {many:.2f} s, a program {program:.4f} s")


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
    """A device whose name or number is taken causes an error; the others come up."""
    os.mknod("/dev/dax7.0", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    try:
        with Daemon("[region 0]\nsize=2M\n[region 7]\nsize=2M\n[region 8]\nsize=2M\n") as d:
            said = d.said()
            print(said)
            assert [x["chardev"] for x in d.ctl("list")] == ["dax8.0"]
            for name in ("dax0.0", "dax7.0"):
                assert f"/dev/{name}: exists already and does not belong to this daemon" in said
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
        assert d.p.returncode == 1 and "another device has the number 10:203" in d.said()
    # A number of another CUSE device.
    with Daemon("[daemon]\nmajor=334\n[region 5]\nsize=2M\n[device 5.0]\nminor=3\n"):
        with Daemon("[daemon]\nmajor=334\n[region 6]\nsize=2M\n[device 6.0]\nminor=3\n[region 7]\n"
                    "size=2M\n[device 7.0]\nminor=4\n", rt="/run/second") as d:
            print(d.said())
            assert [x["chardev"] for x in d.ctl("list")] == ["dax7.0"]
            assert "/dev/dax6.0: the kernel refuses it: another device has the number 334:3" in d.said()
        assert os.path.exists(NODE)


def ask(path):
    """Return: what a program without the shim can find out about a node."""
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
    """Differences that the kernel's CUSE causes are those in README and docs/semantics.md."""
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
        assert d.device("dax5.0")["handles"] == 1	# the kernel reports the close at once
        p = subprocess.Popen(["sleep", "1000"], pass_fds=[fds[0]])
        os.close(fds[0])
        assert d.device("dax5.0")["handles"] == 1
        p.kill()
        p.wait()
        wait_for(lambda: d.device("dax5.0")["handles"] == 0)
        refused = sum(answer(os.open, NODE, os.O_RDWR | os.O_DIRECT) == "EINVAL" for _ in range(3))
        assert refused == 3 and d.device("dax5.0")["handles"] == 0


def check_a_disabled_device_cannot_be_opened():
    """A disabled device cannot be opened, unless it is still held: then its node keeps working."""
    with Daemon("[region 5]\nsize=64M\ntype=dynamic\n") as d:
        old = os.open(NODE, os.O_RDWR)
        run("daxctl", "disable-device", "dax5.0", shim=True)
        assert d.device("dax5.0")["state"] == "disabled"
        late = os.open(NODE, os.O_RDWR)
        code = f"import mmap,os\nmmap.mmap(os.open('{NODE}',2),2<<20)"
        assert "[Errno 6]" in run("python3", "-c", code, shim=True, check=False).stderr
        os.close(os.open(NODE, os.O_PATH))
        assert stat.S_ISCHR(os.stat(NODE).st_mode) and answer(os.read, old, 10) == "EINVAL"
        assert answer(os.lseek, old, 0, 2) == 0
        run("daxctl", "enable-device", "dax5.0", shim=True)
        os.close(os.open(NODE, os.O_RDWR))
        os.close(old)
        os.close(late)
        wait_for(lambda: d.device("dax5.0")["handles"] == 0)
        run("daxctl", "disable-device", "dax5.0", shim=True)
        for shim in False, True:
            r = run("python3", "-c", f"import os\nos.open('{NODE}',2)", shim=shim, check=False)
            assert "[Errno 6]" in r.stderr, r.stderr


def check_devices_come_and_go():
    """Nodes appear and disappear as daxctl creates and destroys devices."""
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


def open_times(path):
    """Open and close a node 50 times. Return: the sorted seconds of each time."""
    def hang(*_):
        raise TimeoutError(f"{path}: open or close hangs")

    times = []
    signal.signal(signal.SIGALRM, hang)
    signal.alarm(TIMEOUT)
    for _ in range(50):
        start = time.monotonic()
        os.close(os.open(path, os.O_RDWR))
        times.append(time.monotonic() - start)
    signal.alarm(0)
    return sorted(times)


def check_a_stuck_client_blocks_nobody():
    """A client that is stopped in any call blocks no other, on the same device or another one."""
    with Daemon("[region 5]\nsize=4M\n[device 5.0]\nsize=2M\n[device 5.1]\nsize=2M\n") as d:
        code = f"import os\nwhile 1:\n fd=os.open('{NODE}',2)\n try: os.read(fd,1<<20)\n except OSError: pass\n os.close(fd)"
        alone = {path: open_times(path) for path in ("/dev/dax5.1", NODE)}
        stuck = [subprocess.Popen(["python3", "-c", code]) for _ in range(4)]
        wait_for(lambda: d.device("dax5.0")["handles"])
        for p in stuck:
            p.send_signal(signal.SIGSTOP)
        for path in ("/dev/dax5.1", NODE):
            beside = open_times(path)
            print(f"{path}: 45 of 50 open+close take at most {alone[path][44] * 1000:.1f} ms alone and "
                  f"{beside[44] * 1000:.1f} ms beside 4 stopped programs")
            assert beside[44] < 20 * alone[path][44]
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


def check_programs_on_the_node():
    """Programs of an ordinary user in the group need only LD_PRELOAD; the shim finds the system's
    daemon."""
    with Daemon(ONE.replace("64M", "128M")) as d:
        def user(*argv, **kw):
            return run(*argv, user=WORKER, groups=[GROUP], shim=True, timeout=300, **kw)

        out = user("fio", "--name=v", "--ioengine=dev-dax", f"--filename={NODE}", "--rw=randwrite", "--bs=2M",
                   "--size=32M", "--verify=crc32c", "--do_verify=1", "--output-format=json").stdout
        job = json.loads(out[out.index("{"):])["jobs"][0]
        assert job["error"] == 0 and job["write"]["io_bytes"] == 32 * MIB == job["read"]["io_bytes"]
        print("fio dev-dax: 32 MiB written and verified")
        assert json.loads(user("daxctl", "list").stdout) == [
            {"chardev": "dax5.0", "size": 128 * MIB, "target_node": 0, "align": 2 * MIB, "mode": "devdax"}]
        with open("/tmp/in", "wb") as f:
            f.write(os.urandom(3 * MIB))
        os.chmod("/tmp/in", 0o666)	# daxio opens it for writing as well
        refused = user("daxio", "-z", "-o", NODE, check=False).stderr
        assert "failed to clear bad blocks" in refused and "not enough permissions" in refused
        let_users_see_resources()
        print(user("daxio", "-z", "-o", NODE).stderr)
        print(user("daxio", "-i", "/tmp/in", "-o", NODE).stderr)
        print(user("daxio", "-i", NODE, "-o", "/tmp/out-worker", "-l", "3M").stderr)
        with open("/tmp/in", "rb") as a, open("/tmp/out-worker", "rb") as b:
            assert a.read() == b.read()
        user("daxio", "-z", "-o", NODE)
        user("pmempool", "create", "obj", "--layout=commits", NODE)
        print(user("pmempool", "info", NODE).stdout[:200])
        assert "consistent" in user("pmempool", "check", "-v", NODE).stdout
        print(user("/job/obj_commits", "kill", NODE).stdout[-100:], user("/job/obj_commits", "check", NODE).stdout)
        assert d.device("dax5.0")["clients"] == 0


def check_static_and_go_programs_on_the_node():
    """They answer as a glibc program does, and share the memory with it; all that their parent has
    is LD_PRELOAD."""
    look = f"import mmap,os\nm=mmap.mmap(os.open('{NODE}',2),2<<20)\nprint(m[:16])\nm[:]=bytes(2<<20)"
    size = f"{NODE} {64 * MIB} {MIB}"

    def answers(program, **kw):
        out = run(f"/job/{program} {NODE}", shim=True, **kw).stdout
        # musl does not know the names of errors.
        out = out.replace("Invalid argument", "EINVAL").replace("No such device", "ENODEV").splitlines()
        assert run("python3", "-c", look, shim=True).stdout == r"b'from the parent\x00'" + "\n", program
        return out

    with Daemon(ONE) as d:
        wanted = answers("answers")
        print(*wanted, sep="\n")
        assert len(wanted) > 20 and "read EINVAL" in wanted and "odd offset EINVAL" in wanted
        assert f"maps {NODE}" in wanted and "beyond the end: signal 7 code 2 at 5" in wanted
        for who in {}, {"user": WORKER, "groups": [GROUP]}:
            for kind in "static", "static_pie", "musl":
                assert answers(f"answers_{kind}", **who) == wanted, kind
            assert answers("answers_go", **who) == [
                *(line.replace("signal 7 code 2 ", "") for line in wanted), "crowd 0 signals true ok echo"]
        for dd in "dd", "/job/busybox dd":
            for copy in f"if={NODE} of=/dev/null", f"if=/dev/zero of={NODE}":
                r = run(f"{dd} {copy} bs=4096 count=1", shim=True, check=False)
                assert r.returncode == 1 and "Invalid argument" in r.stderr, r
        kinds = "daxbytes", "daxbytes_static"
        for seed, kind in enumerate(kinds, 1):
            run(f"/job/{kind} fill {size} {seed}", shim=True)
            shown = [run(f"/job/{kind} show {size} | sha256sum", shim=True).stdout for kind in kinds]
            assert shown[0] == shown[1]
        assert run("/opt/daxd/daxrun", "-q", "--connect", "--", "/job/answers_static", NODE).stdout.splitlines() == wanted
        d.stop()
    assert not os.path.exists(RT)
    assert run(f"/job/answers_static {NODE}", shim=True, check=False).stdout == "open ENOENT -1\n"


def check_static_and_go_programs_are_struck():
    """Poison and a device that is disabled under them, as in a glibc program."""
    with Daemon(ONE + "[fault 1]\nrule=poison offset:4M length:2M\n") as d:
        at = 4 * MIB + 77
        c = [f"code 4 at {at} lsb 21", "code 2", "mmap ENXIO"]
        for program, wanted in (("struck", c), ("struck_static", c),
                                ("struck_go", [f"at {at}", "at 0", "mmap ENXIO"])):
            p = subprocess.Popen(["bash", "-c", f"/job/{program} {NODE}"], stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "LD_PRELOAD": SHIM})
            out = p.stdout.readline()
            d.ctl("disable", "dax5.0")
            out += p.communicate(timeout=TIMEOUT)[0]
            assert (p.returncode, out.splitlines()) == (0, wanted), program
            wait_for(lambda: d.device("dax5.0")["handles"] == 0)
            for kind in "static", "go":
                r = run(f"/job/answers_{kind} {NODE}", shim=True, check=False)
                assert r.stdout == "open ENXIO -1\n", r
            d.ctl("enable", "dax5.0")


def check_sysfs_of_the_node():
    """Under the shim the dax bus shows the device with the node's own number."""
    with Daemon(ONE):
        st = os.stat(NODE)
        number = f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"

        def read(path):
            return run("cat", path, shim=True).stdout

        assert read("/sys/bus/dax/devices/dax5.0/dev") == number + "\n"
        assert run("readlink", "-f", f"/sys/dev/char/{number}/subsystem", shim=True).stdout == "/sys/bus/dax\n"
        assert read(f"/sys/dev/char/{number}/size") == f"{64 * MIB}\n"
        assert f"MAJOR={os.major(st.st_rdev)}\nMINOR={os.minor(st.st_rdev)}\n" in read(
            "/sys/bus/dax/devices/dax5.0/uevent")
        shown = run("stat", "-c", "%F %a %U %G %t %T %s", NODE, shim=True).stdout
        assert shown == run("stat", "-c", "%F %a %U %G %t %T %s", NODE).stdout
        print(shown, run("ls", "-l", "/dev/dax5.0", shim=True).stdout)
        # The real device's node stays visible.
        assert run("bash", "-c", "ls /dev/dax*", shim=True).stdout.split() == [REAL, NODE]


# Try all known ways of writing to a device that the user may only read; print those that work.
WAYS = r"""
import ctypes, errno, fcntl, glob, mmap, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
NODE, MIB, BAD = "/dev/dax5.0", 1 << 20, ctypes.c_void_p(-1).value
R, W, X, SHARED = 1, 2, 4, 1
got = []
def tried(name, function):
    try:
        value = function()
    except OSError as e:
        print(f"{name}: {errno.errorcode[e.errno]}")
        return None
    if value is None:
        print(f"{name}: no")
        return None
    got.append(name)
    print(f"{name}: WORKED: {value}")
def mapped(fd, prot, flags=SHARED):
    p = libc.mmap(None, 2 * MIB, prot, flags, fd, 0)
    if p == BAD:
        raise OSError(ctypes.get_errno(), "")
    return p
def protected(p, prot):
    if libc.mprotect(p, 2 * MIB, prot):
        raise OSError(ctypes.get_errno(), "")
    return "mprotect"
for name, flags in (("open rdwr", os.O_RDWR), ("open wronly", os.O_WRONLY), ("open trunc", os.O_RDWR | os.O_TRUNC)):
    tried(name, lambda: os.open(NODE, flags))
fd = os.open(NODE, os.O_RDONLY)
m = mapped(fd, R)		# this is allowed
ctypes.string_at(m, 1)
tried("mmap rw", lambda: mapped(fd, R | W))
tried("mmap w", lambda: mapped(fd, W))
tried("mmap rwx", lambda: mapped(fd, R | W | X))
tried("mmap validate", lambda: mapped(fd, R | W, 3))
tried("mmap validate sync", lambda: mapped(fd, R | W, 3 | 0x80000))
tried("mmap private", lambda: mapped(fd, R | W, 2))
tried("mprotect", lambda: protected(m, R | W))
p = mapped(fd, R)
tried("mprotect of another", lambda: protected(p, W))
for path in (f"/proc/self/fd/{fd}", f"/dev/fd/{fd}", f"/proc/{os.getpid()}/fd/{fd}", f"/proc/thread-self/fd/{fd}"):
    tried(f"reopen {path.split('/')[1]}", lambda: os.open(path, os.O_RDWR))
opath = os.open(NODE, os.O_PATH)
tried("reopen O_PATH", lambda: os.open(f"/proc/self/fd/{opath}", os.O_RDWR))
tried("mmap O_PATH", lambda: mapped(opath, R | W))
tried("fcntl", lambda: None if not fcntl.fcntl(fd, fcntl.F_SETFL, os.O_RDWR) and fcntl.fcntl(fd, fcntl.F_GETFL) & 3 == 0 else 1)
# The shim hides the descriptor that it got from the daemon, so ask for one, as the shim does.
def attached(what):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("/run/cuse-daxd/control.sock")
    s.sendmsg([struct.pack("<IHHIIQQQQ", 0x30786164, 1, 1, 0, 0, 0, 0, 0, 0)],
              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", what))])
    data, anc, *_ = s.recvmsg(4096, 1000)
    error = struct.unpack_from("<I", data, 12)[0]
    if error:
        raise OSError(error, "")
    return struct.unpack("i", anc[0][2])[0]
backing = [attached(fd)]
for n in backing:
    tried("write to the backing", lambda: os.write(n, b"x"))
    tried("pwrite to the backing", lambda: os.pwrite(n, b"x", 0))
    tried("mmap the backing", lambda: mapped(n, R | W))
    tried("reopen the backing", lambda: os.open(f"/proc/self/fd/{n}", os.O_RDWR))
    tried("truncate the backing", lambda: os.ftruncate(n, 0) or "truncated")
    tried("truncate the backing by name", lambda: os.truncate(f"/proc/self/fd/{n}", 0) or "truncated")
    tried("chmod the backing", lambda: os.fchmod(n, 0o777) or "chmod")
    tried("punch a hole", lambda: None if libc.fallocate(n, 3, ctypes.c_long(0), ctypes.c_long(4096)) else "punched")
    q = mapped(n, R)
    tried("mprotect the backing", lambda: protected(q, R | W))
    pid = os.fork()
    if not pid:
        try:
            fcntl.fcntl(n, fcntl.F_ADD_SEALS, 0x20)
            print("seals added")
        except OSError:
            pass
        os._exit(0)
    os.waitpid(pid, 0)
for path in glob.glob("/proc/self/map_files/*"):
    tried("map_files", lambda: os.open(path, os.O_RDWR))
tried("/proc/self/mem", lambda: os.pwrite(os.open("/proc/self/mem", os.O_RDWR), b"x", m))
tried("process_vm_writev", lambda: None)
def ask(what):
    n = attached(what)
    return n if fcntl.fcntl(n, fcntl.F_GETFL) & 3 else os.close(n)
tried("ATTACH with a read-only descriptor", lambda: ask(fd))
tried("ATTACH with O_PATH", lambda: ask(opath))
tried("ATTACH with /dev/null", lambda: ask(os.open("/dev/null", os.O_RDWR)))
tried("ATTACH with the backing", lambda: ask(backing[0]))
tried("ATTACH with a socket", lambda: ask(socket.socket(socket.AF_UNIX).fileno()))
tried("ATTACH with a directory", lambda: ask(os.open("/dev", os.O_RDONLY)))
tried("mknod", lambda: os.mknod("/tmp/mine", 0o20666, os.stat(NODE).st_rdev) or "made")
print("backing size", os.fstat(backing[0]).st_size)
sys.exit(1 if got else 0)
"""


def check_who_may_open():
    with Daemon(ONE) as d:
        for user, groups, want in ((WORKER, [GROUP], "2"), (OTHER, [], "EACCES"), (WORKER, [], "EACCES")):
            for shim in (False, True):
                code = (f"import os,errno,fcntl\ntry: fd=os.open('{NODE}',2)\nexcept OSError as e: print(errno.errorcode[e.errno])\n"
                        "else: print(fcntl.fcntl(fd,fcntl.F_GETFL)&3)")
                assert run("python3", "-c", code, user=user, groups=groups, shim=shim).stdout.strip() == want
        code = f"import mmap,os\nm=mmap.mmap(os.open('{NODE}',2),2<<20)\nm[0]=7\nprint(m[0])"
        assert run("python3", "-c", code, user=WORKER, groups=[GROUP], shim=True).stdout == "7\n"
        r = run("python3", "-c", code, user=WORKER, groups=[GROUP], check=False)
        assert "OSError: [Errno 19] No such device" in r.stderr, r.stderr	# without the shim: ENODEV
        r = run("daxrun", "--connect", "--", "python3", "-c", code, user=WORKER, groups=[GROUP],
                env={"PATH": "/opt/daxd:" + os.environ["PATH"]})
        assert r.stdout == "7\n"
        assert d.device("dax5.0")["clients"] == 0


def check_read_only_users_cannot_write():
    with Daemon(ONE.replace("0660", "0644")) as d:
        code = f"import mmap,os\nm=mmap.mmap(os.open('{NODE}',2),64<<20)\nm[:]=b'A'*len(m)"
        run("python3", "-c", code, shim=True)
        r = run("python3", "-c", WAYS, user=OTHER, shim=True, check=False)
        print(r.stdout, r.stderr)
        assert r.returncode == 0 and "seals added" not in r.stdout
        assert r.stdout.count("\n") > 30
        code = f"import mmap,os\nm=mmap.mmap(os.open('{NODE}',0),64<<20,prot=1)\nassert m[:]==b'A'*len(m)"
        run("python3", "-c", code, shim=True)
        # A user who may only write cannot map at all, as on the real device.
        os.chmod(NODE, 0o622)
        code = f"import mmap,os\nmmap.mmap(os.open('{NODE}',1),2<<20,prot=2)"
        r = run("python3", "-c", code, user=OTHER, shim=True, check=False)
        assert "PermissionError: [Errno 13]" in r.stderr
        assert d.ctl("stats")["devices"][0]["attaches"] >= 2


def check_a_container():
    """A container with its own mount, pid, user and network namespaces needs only the node and the
    socket."""
    with Daemon(ONE):
        os.makedirs("/tmp/box", exist_ok=True)
        box = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib",
               "/lib", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--ro-bind", "/opt", "/opt",
               "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dev-bind", NODE, NODE, "--bind", RT, RT,
               "--setenv", "LD_PRELOAD", SHIM, "--chdir", "/tmp", "--"]
        out = run(*box, "fio", "--name=v", "--ioengine=dev-dax", f"--filename={NODE}", "--rw=randwrite", "--bs=2M",
                  "--size=16M", "--verify=crc32c", "--do_verify=1", "--output-format=json", timeout=300).stdout
        job = json.loads(out[out.index("{"):])["jobs"][0]
        assert job["error"] == 0 and job["write"]["io_bytes"] == 16 * MIB
        out = run(*box, "bash", "-c", "echo $$; id -u; ls /dev; daxctl list").stdout
        print(out)
        assert out.startswith("2\n") and '"chardev":"dax5.0"' in out and "dax0.0" not in out
        # The node's mode counts inside a container as well: this user is in the group.
        out = run(*box, "python3", "-c", f"import mmap,os\nm=mmap.mmap(os.open('{NODE}',2),2<<20)\nm[0]=1\nprint('ok')",
                  user=WORKER, groups=[GROUP]).stdout
        assert out == "ok\n"
        r = run(*box, "python3", "-c", f"import os\nos.open('{NODE}',2)", user=OTHER, check=False)
        assert "PermissionError" in r.stderr


def check_kill_9():
    """When the daemon is killed, its nodes go and mappings stay; the next daemon makes new nodes."""
    config = "[region 5]\nbacking=pmem:/tmp/pool\nsize=16M\n[region 6]\nsize=4M\n"
    code = ("import mmap,os,sys\nfd=os.open('/dev/dax5.0',2)\nm=mmap.mmap(fd,16<<20)\nm[0]=1\nprint('up',flush=True)\n"
            "sys.stdin.readline()\nm[1]=2\nn=mmap.mmap(fd,2<<20)\nassert n[0:2]==b'\\1\\2'\nprint('on',flush=True)\n")
    old = {}
    with Daemon(config) as d:
        p = subprocess.Popen(["python3", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "LD_PRELOAD": SHIM})
        assert p.stdout.readline() == "up\n"
        for name in ("dax5.0", "dax6.0"):
            old[name] = os.open(f"/dev/{name}", os.O_RDWR)
        numbers = {n: os.stat(f"/dev/{n}").st_rdev for n in old}
        d.stop(signal.SIGKILL)
        assert nodes() == ["dax0.0"]
        assert answer(os.read, old["dax5.0"], 1) in ("ENOTCONN", "ECONNABORTED")
    with Daemon(config) as d:
        assert {n: os.stat(f"/dev/{n}").st_rdev for n in old} == numbers
        p.stdin.write("\n")
        p.stdin.flush()
        assert p.stdout.read() == "on\n" and p.wait(TIMEOUT) == 0
        # An old descriptor of dax5.0, which is the same device again, is good. The memory of dax6.0
        # belonged to the old daemon, and the new device has only its number in common.
        for name, want in (("dax5.0", ""), ("dax6.0", "[Errno 6]")):
            r = run("python3", "-c", "import mmap,sys\nmmap.mmap(int(sys.argv[1]),2<<20)", old[name], shim=True,
                    check=False, pass_fds=[old[name]])
            assert (want in r.stderr) if want else r.returncode == 0, (name, r.stderr)
            r = run("python3", "-c", f"import mmap,os\nmmap.mmap(os.open('/dev/{name}',2),2<<20)", shim=True)
        for fd in old.values():
            os.close(fd)
    os.unlink("/tmp/pool")


def check_a_hundred_cycles():
    """100 cycles of disable and enable, and of start and stop, leave nothing behind."""
    config = "[region 5]\nsize=16M\ntype=dynamic\nmode=0666\n"
    code = f"import mmap,os\nfd=os.open('{NODE}',2)\nm=mmap.mmap(fd,2<<20)\nm[0]=1\nm.close()\n"
    with Daemon(config) as d:
        def cycle():
            d.ctl("disable", "dax5.0")
            assert answer(os.open, NODE, os.O_RDWR) == "ENXIO"
            d.ctl("enable", "dax5.0")
            os.close(os.open(NODE, os.O_RDWR))

        run("python3", "-c", code, shim=True)
        for _ in range(5):
            cycle()
        before = d.counts()
        for _ in range(100):
            cycle()
        run("python3", "-c", code, shim=True)
        wait_for(lambda: d.counts()[0] <= before[0] + 1)
        after = d.counts()
        print(f"100 times disabled and enabled: descriptors, threads, kB: {before} before, {after} after")
        assert after[1] == before[1] and after[2] < before[2] + 512
        assert d.device("dax5.0")["handles"] == 0 and nodes() == ["dax0.0", "dax5.0"]

    def memory():
        with open("/proc/meminfo") as f:
            return {line.split(":")[0]: int(line.split()[1]) for line in f}

    def start():
        with Daemon(config) as d:
            assert os.path.exists(NODE)
            d.stop()
        assert nodes() == ["dax0.0"] and not os.path.exists(RT)

    for _ in range(5):
        start()
    before = memory()
    for _ in range(100):
        start()
    after = memory()
    with open("/proc/sys/fs/file-nr") as f:
        files = f.read().split()[0]
    print(f"100 starts and stops: Shmem {before['Shmem']} kB before, {after['Shmem']} after; "
          f"Slab {before['Slab']}, {after['Slab']}; files open {files}; no node, no directory left")
    # The growth includes the logs of these 100 daemons.
    assert after["Shmem"] <= before["Shmem"] + 2048 and after["Slab"] < before["Slab"] + 8192


RACE = r"""
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
path, n = sys.argv[1].encode(), int(sys.argv[2])
def opens():
    for _ in range(n):
        libc.close(libc.open(path, 2))
fd = libc.open(path, 2)
def maps():
    for _ in range(n):
        libc.munmap(libc.mmap(None, 2 << 20, 3, 1, fd, 0), 2 << 20)
for f in (opens, maps):
    f()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        f()
        times.append((time.perf_counter() - start) / n * 1e6)
    print(min(times))
"""


def check_ratios():
    """Compare open+close and mmap+munmap of the CUSE node with those of the real device."""
    with Daemon(ONE):
        found = {}
        for path, shim in ((REAL, False), (NODE, False), (NODE, True)):
            out = run("python3", "-c", RACE, path, 200, shim=shim).stdout.split()
            found[path, shim] = [float(x) for x in out]
        real, bare, ours = found[REAL, False], found[NODE, False], found[NODE, True]
        print(f"open+close: real {real[0]:.1f} us, CUSE node {bare[0]:.1f} us (ratio {bare[0] / real[0]:.1f}), "
              f"under the shim {ours[0]:.1f} us (ratio {ours[0] / real[0]:.1f})")
        print(f"mmap+munmap of 2 MiB: real {real[1]:.1f} us, node under the shim {ours[1]:.1f} us "
              f"(ratio {ours[1] / real[1]:.2f})")
        assert ours[1] < 20 * real[1]
