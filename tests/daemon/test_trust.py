# SPDX-License-Identifier: BSD-2-Clause
"""One user's files and directories do no harm to another user or to root. The promises are in
docs/security.md."""

import errno
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import textwrap

import pytest

from conftest import BUILD, CTL, DAEMON, IS_ROOT, ROOT, Daemon, environment, file_mode, needs_root, run
from daxrun import until

pytestmark = [needs_root, pytest.mark.plain]

DAXRUN = BUILD / "daxrun"
SHIM = BUILD / "libdaxshim.so"
PYTHON = "/usr/bin/python3"
# Users that no machine has; each test that names a directory by the uid has its own.
MALLORY, ALICE, BOB = 64001, 64002, 64003
ONE = "[region 0]\nsize=4M\nmode=0666\n"
LOOK = "import os; print(os.path.exists('/dev/dax0.0'))"


def as_user(uid, *command):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", *map(str, command)]


def run_as(uid, *command, env=None, **kwargs):
    return run(as_user(uid, *command), env={**environment(), **(env or {})}, **kwargs)


class UserDaemon(Daemon):
    """A daemon of any user."""

    def __init__(self, workdir, uid, directory):
        super().__init__(workdir, "root")
        self.dir = directory
        self.uid = uid
        self.log = workdir / f"log-{uid}"

    def command(self, config=None, *args):
        command = super().command(config, *args)
        return as_user(self.uid, *command) if self.uid else command


@pytest.fixture
def user_daemon(workdir):
    """user_daemon(UID, DIR) starts a daemon of a user."""
    started = []

    def start(uid, directory, config=ONE):
        d = UserDaemon(workdir, uid, pathlib.Path(directory))
        started.append(d)
        return d.start(config)

    yield start
    for d in started:
        if d.process:
            d.stop()


def make(path, uid, mode=0o755):
    path.mkdir()
    os.chown(path, uid, uid)
    path.chmod(mode)
    return path


@pytest.fixture
def sticky(workdir):
    """A directory that is used as /tmp is."""
    return make(workdir / "sticky", 0, 0o1777)


def clients(uid, directory):
    """Let each kind of client use a runtime directory. Return: for each whether it did, and stderr."""
    env = {"CUSE_DAXD_RUNTIME_DIR": str(directory)}
    connect = run_as(uid, DAXRUN, f"--connect={directory}", "--", PYTHON, "-c", LOOK)
    ctl = run_as(uid, CTL, f"--runtime-dir={directory}", "list")
    ctl_env = run_as(uid, CTL, "list", env=env)
    # Not setpriv itself, which begins as root.
    shim = run_as(uid, "env", f"LD_PRELOAD={SHIM}", PYTHON, "-c", LOOK, env=env)
    return {"connect": (connect.stdout == "True\n", connect.stderr),
            "ctl": (ctl.returncode == 0, ctl.stderr),
            "ctl_env": (ctl_env.returncode == 0, ctl_env.stderr),
            "shim": (shim.stdout == "True\n", shim.stderr)}


def all_use(uid, directory):
    for kind, (used, text) in clients(uid, directory).items():
        assert used and not text, (kind, text)


def all_refuse(uid, directory, *words):
    for kind, (used, text) in clients(uid, directory).items():
        assert not used and all(w in text for w in words), (kind, text)


# ---- who made this directory? ------------------------------------------------


def test_a_directory_planted_where_a_user_searches(user_daemon):
    """Another user made /tmp/cuse-daxd-UID first."""
    victim = 64011
    d = user_daemon(MALLORY, f"/tmp/cuse-daxd-{victim}")
    connect = run_as(victim, DAXRUN, "--connect", "--", PYTHON, "-c", LOOK)
    assert connect.returncode == 125 and f"belongs to uid {MALLORY}" in connect.stderr
    assert str(d.dir) in connect.stderr and connect.stdout == ""
    ctl = run_as(victim, CTL, "list")
    assert ctl.returncode and f"belongs to uid {MALLORY}" in ctl.stderr
    d.stop()


def test_a_directory_of_ones_own_or_of_root(user_daemon, sticky):
    user_daemon(ALICE, sticky / "alice")
    all_use(ALICE, sticky / "alice")
    all_refuse(BOB, sticky / "alice", f"{sticky}/alice: belongs to uid {ALICE}")
    all_refuse(0, sticky / "alice", "neither root nor you (uid 0)")
    user_daemon(0, sticky / "root")
    all_use(ALICE, sticky / "root")
    all_use(0, sticky / "root")


def test_each_component_of_the_path_counts(user_daemon, workdir, sticky):
    """A user's directory, where that of another user is on the way."""
    top = make(workdir / "mallory", MALLORY, 0o777)
    user_daemon(ALICE, top / "rt")
    for name in ("rt", "./rt", "../mallory//rt/"):
        all_refuse(ALICE, f"{top}/{name}", f"{top}: belongs to uid {MALLORY}")
    # Links to a good directory: one that the other user can change, one that nobody can.
    os.symlink(workdir / "good", sticky / "trap")
    os.lchown(sticky / "trap", MALLORY, MALLORY)
    os.symlink(workdir / "good", sticky / "mine")
    os.lchown(sticky / "mine", ALICE, ALICE)
    os.symlink("good", workdir / "root")
    user_daemon(0, workdir / "good")
    all_use(ALICE, sticky / "mine")
    all_use(ALICE, workdir / "root")
    all_refuse(ALICE, sticky / "trap", f"{sticky}/trap: is a link that uid {MALLORY} can change")


def test_others_who_may_write(user_daemon, workdir):
    """Group, others, and an access control list, for the directory and for one above it."""
    home = make(workdir / "alice", ALICE)
    d = user_daemon(ALICE, home / "rt")
    all_use(ALICE, d.dir)
    for path in (home, d.dir):
        for mode in (0o775, 0o757, 0o777):
            path.chmod(mode)
            all_refuse(ALICE, d.dir, f"{path}: other users may write to it")
        path.chmod(0o755)
    if shutil.which("setfacl"):
        run(["setfacl", "-m", f"u:{MALLORY}:rwx", home])
        if home.stat().st_mode & stat.S_IWGRP:
            all_refuse(ALICE, d.dir, f"{home}: other users may write to it")
            run(["setfacl", "-b", home])
    all_use(ALICE, d.dir)


PRETEND = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def mount(source, target, kind, flags):
    if libc.mount(source.encode(), target.encode(), kind, flags, None):
        raise OSError(ctypes.get_errno(), "mount")
rt, box, client = sys.argv[1], sys.argv[2], sys.argv[3:]
if box != "-":
    mount(rt, box, None, 4096 | 16384)  # MS_BIND, MS_REC: with the handles
    rt = box
os.execv(client[0], [a.replace("RT", rt) for a in client])
"""


def in_namespace(uid, rt, box):
    return run(as_user(uid, "unshare", "-Urm", "--", PYTHON, "-c", PRETEND, rt, box,
                       DAXRUN, "--connect=RT", "--", PYTHON, "-c", LOOK))


@pytest.fixture
def namespaces():
    if run(as_user(ALICE, "unshare", "-Urm", "true")).returncode:
        pytest.skip("kernel: no user namespaces for users")


def test_a_user_namespace_does_not_hide_who_made_it(user_daemon, namespaces, request):
    """There, root's directories and another user's look alike; only a mount tells them apart."""
    # Not in /tmp, where a user could have made each of them.
    top = pathlib.Path(tempfile.mkdtemp(prefix="daxd-test-", dir="/run"))
    request.addfinalizer(lambda: shutil.rmtree(top))
    top.chmod(0o755)
    sticky = make(top / "sticky", 0, 0o1777)
    theirs = user_daemon(MALLORY, sticky / "theirs")
    mine = user_daemon(ALICE, sticky / "mine")
    root = user_daemon(0, sticky / "root")
    box = make(sticky / "box", ALICE)
    for d in (theirs, root):
        result = in_namespace(ALICE, d.dir, "-")
        assert result.returncode == 125 and "without a number in this user namespace" in result.stderr
    for rt, mounted in ((mine.dir, "-"), (mine.dir, box), (root.dir, box)):
        result = in_namespace(ALICE, rt, str(mounted))
        assert result.stdout == "True\n", (rt, mounted, result.stderr)
    for d in (theirs, mine, root):
        d.stop()


def test_root_in_another_users_environment(workdir, user_daemon):
    """After su and sudo -E, root makes no directory where that user can replace it, connects to no
    daemon of that user, and removes nothing there."""
    home = make(workdir / "alice", ALICE)
    (home / "keep").write_text("x")
    user_daemon(ALICE, home / "cuse-daxd")
    env = {**environment(), "XDG_RUNTIME_DIR": str(home), "TMPDIR": str(home), "HOME": str(home)}
    result = run([DAXRUN, "-q", "--", "sh", "-c", f"echo $CUSE_DAXD_RUNTIME_DIR; ls {home}"], env=env)
    directory, *there = result.stdout.split()
    assert not directory.startswith(str(home)) and there == ["cuse-daxd", "keep"]
    assert not os.path.exists(directory)
    result = run([DAXRUN, "--connect", "--", "true"], env=env)
    if not os.path.exists("/run/cuse-daxd/state"):
        assert result.returncode == 125 and f"belongs to uid {ALICE}" in result.stderr
        assert run([CTL, "list"], env=env).returncode
    assert sorted(os.listdir(home)) == ["cuse-daxd", "keep"]


# ---- only the attribute orders -------------------------------------------------

POSE = """
import array, ctypes, os, socket, sys
sys.path.insert(0, sys.argv[1])
from wire import STORE, pack, HEADER
top, attr, text, ready, go = sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6])
rt = top + "/rt"
libc = ctypes.CDLL(None, use_errno=True)
def mount(source, target, kind, flags):
    if libc.mount(source.encode(), target.encode(), kind, flags, None):
        raise OSError(ctypes.get_errno(), "mount")
above = os.open(top, os.O_PATH)
mount("tmpfs", "/mnt", b"tmpfs", 0)
open("/mnt/h", "w").close()
mount(rt + "/dev/dax0.0", "/mnt/h", None, 4096)
mount("tmpfs", top, b"tmpfs", 0)
path = rt + "/sys/" + attr
os.makedirs(os.path.dirname(path))
open(path, "w").close()
mount("/mnt/h", path, None, 4096)
fd = os.open(path, os.O_RDWR)
os.write(ready, b"r")
os.read(go, 1)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(f"/proc/self/fd/{above}/rt/control.sock")
s.sendmsg([pack(STORE, attr.encode() + b"\\0" + text.encode())],
          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
print(os.readlink(f"/proc/self/fd/{fd}"), os.fstat(fd).st_nlink, HEADER.unpack(s.recv(1000)[:HEADER.size])[4])
"""


@pytest.mark.parametrize("how", ["restart", "kill", "unlink"])
def test_a_handle_does_not_pose_as_an_attribute(new_daemon, namespaces, how):
    """In a mount namespace of its own a user gives a deleted handle the name of an attribute."""
    config = "[region 0]\ntype=dynamic\nsize=64M\nmode=0666\n[region 1]\nsize=4M\nmode=0600\n"
    attr = "bus/dax/drivers/device_dax/unbind"
    d = new_daemon()
    d.start(config)
    ready, go = os.pipe(), os.pipe()
    p = subprocess.Popen(as_user(MALLORY, "unshare", "-Urm", "--", PYTHON, "-c", POSE, ROOT / "tests/lib", d.dir.parent,
                                 attr, "dax1.0", ready[1], go[0]),
                         pass_fds=[ready[1], go[0]], stdout=subprocess.PIPE, text=True)
    os.close(ready[1])
    assert os.read(ready[0], 1) == b"r"
    if how == "unlink":
        (d.dir / "dev/dax0.0").unlink()
    else:
        d.stop() if how == "restart" else d.kill()
        if how == "kill":  # a new handle takes the old one's place
            (d.dir / "dev/dax0.0").unlink()
        d.start(config)
    os.write(go[1], b"g")
    name, links, error = p.communicate(timeout=60)[0].rsplit(" ", 2)
    # A handle whose file system was unmounted is not deleted.
    assert name.removesuffix(" (deleted)").endswith(f"/sys/{attr}"), "as the real attribute would look"
    assert links == "0" or how == "restart"
    assert int(error) == errno.EBADF
    assert d.state().find("dax1.0"), "the device is there"
    for fd in (ready[0], go[0], go[1]):
        os.close(fd)


def test_an_attribute_that_was_replaced_orders_still(new_daemon):
    """Also over the restart of a daemon that was killed."""
    path = "devices/platform/hmem.0/dax0.0/size"
    d = new_daemon()
    d.start("[region 0]\ntype=dynamic\nsize=64M\n")
    assert d.store("bus/dax/drivers/device_dax/unbind", "dax0.0") == 0
    with open(d.dir / "sys" / path, "wb", buffering=0) as f:
        def write(text):
            with d.wire() as wire:
                return wire.store(f.fileno(), path, text)
        for size in (b"0", b"4194304", b"0", b"8388608"):
            assert write(size) == 0
            assert d.attr(path) == size.decode() + "\n"
        # Not another attribute of the same daemon, though.
        with d.wire() as wire:
            assert wire.store(f.fileno(), "bus/dax/drivers/device_dax/bind", b"dax0.0") == errno.EBADF
    with open(d.dir / "sys" / path, "wb", buffering=0) as f:
        d.kill()
        d.start("[region 0]\ntype=dynamic\nsize=64M\n")
        with d.wire() as wire:
            assert wire.store(f.fileno(), path, b"0") in (0, errno.EBUSY)


# ---- removing what is ours -----------------------------------------------------


def test_a_directory_in_the_place_of_the_daemons_stays(new_daemon):
    d = new_daemon()
    d.start(ONE)
    moved = d.dir.rename(d.dir.parent / "moved")
    d.dir.mkdir()
    (d.dir / "state").write_text("another's")
    d.stop()
    assert (d.dir / "state").read_text() == "another's"
    assert os.listdir(moved) == []
    shutil.rmtree(d.dir)


@pytest.mark.parametrize("kind", ["link", "directory", "mount"])
def test_daxrun_removes_only_what_it_made(workdir, kind):
    """While the command runs, something else takes the place of the private directory, or is mounted
    in it."""
    base = make(workdir / "run", 0)
    victim = make(workdir / "victim", 0)
    (victim / "sub").mkdir()
    (victim / "sub/file").write_text("x")
    command = {"link": f"mv $D {workdir}/moved; ln -s {victim} $D",
               "directory": f"mv $D {workdir}/moved; mkdir -p $D/sub; echo x >$D/sub/file",
               "mount": f"mkdir $D/sub; mount --bind {victim} $D/sub"}[kind]
    result = run([DAXRUN, "-q", "--", "sh", "-c", f"D=$CUSE_DAXD_RUNTIME_DIR; {command}; echo $D"],
                 env={**environment(), "XDG_RUNTIME_DIR": str(base)})
    directory = pathlib.Path(result.stdout.strip())
    assert directory.parent == base and result.returncode == 0, result.stderr
    if kind == "mount":
        run(["umount", directory / "sub"])
    else:
        assert (directory / "sub/file").read_text().strip() == "x"
        assert os.listdir(workdir / "moved") == [], "what daxrun made is empty"
    assert (victim / "sub/file").read_text() == "x"


def test_nobody_keeps_the_daemon_out(new_daemon):
    d = new_daemon()
    d.start(ONE)
    assert file_mode(d.dir / "lock") == 0o600
    result = run_as(MALLORY, "flock", d.dir / "lock", "true")
    assert result.returncode and "ermission denied" in result.stderr


# ---- files beside an image -----------------------------------------------------


def image_daemon(d, image, mode="0600"):
    return d.start(f"[region 0]\nbacking=pmem:{image}\nsize=8M\nmode={mode}\n")


def bad(d):
    """Return: [(offset, length)] of the bad memory, which the daemon lists in sectors."""
    return [(b["offset"] * 512, b["length"] * 512) for b in d.control("list")[0].get("badblocks", [])]


def inject(d, *where):
    result = d.ctl("inject", "dax0.0", *where)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("owner,mode", [(0, 0o600), (0, 0o664), (ALICE, 0o640)])
def test_the_list_has_the_images_owner_and_mode(new_daemon, workdir, owner, mode):
    d = new_daemon()
    image = workdir / "image"
    beside = workdir / "image.badblocks"
    image_daemon(d, image).stop()
    os.chown(image, owner, owner)
    image.chmod(mode)
    image_daemon(d, image)
    inject(d, "--offset=0", "--length=2M")
    st = beside.stat()
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (owner, owner, mode)
    d.stop()
    assert "overwritten" not in d.output()
    image_daemon(d, image)
    assert bad(d) == [(0, 2 << 20)]
    assert d.ctl("clear", "dax0.0").returncode == 0
    assert not beside.exists()
    assert sorted(p.name for p in workdir.glob("image*")) == ["image"]


def plant_fifo(path, victim):
    os.mkfifo(path, 0o666)


def plant_link(path, victim):
    os.symlink(victim, path)


def plant_directory(path, victim):
    path.mkdir()


def plant_large(path, victim):
    path.write_text("0 1\n" * (1 << 18) + "0 1\n")


def plant_open(path, victim):
    path.write_text("0 2097152\n")
    path.chmod(0o666)


def plant_other(path, victim):
    path.write_text("0 2097152\n")
    os.chown(path, MALLORY, MALLORY)


@pytest.mark.parametrize("plant", [plant_fifo, plant_link, plant_directory, plant_large, plant_open, plant_other])
def test_a_planted_list_is_left_alone(new_daemon, workdir, plant):
    """The daemon starts at once, tells it, and neither reads nor replaces the file."""
    d = new_daemon()
    image, beside, victim = workdir / "image", workdir / "image.badblocks", workdir / "victim"
    image_daemon(d, image).stop()
    victim.write_text("0 2097152\n")
    plant(beside, victim)
    before = os.lstat(beside)
    image_daemon(d, image)
    assert bad(d) == []
    assert f"{beside}: " in d.output() and "remove it" in d.output()
    inject(d, "--offset=2M", "--length=2M")
    d.stop()
    after = os.lstat(beside)
    assert (before.st_ino, before.st_size, before.st_mode) == (after.st_ino, after.st_size, after.st_mode)
    assert victim.read_text() == "0 2097152\n"
    if beside.is_dir():
        beside.rmdir()
    else:
        beside.unlink()


NUMBERS = ["{s} 8388609", "{s} 18446744073709551615", "{s4} 18446744073709547520", "{s} 0", "{e} 1", "0 1",
           "18446744073709551615 1", "{s} -1", "-1 1", "{s}", "x", "{s} 99999999999999999999999", " {s} 1", "{s}  1"]


def test_each_number_in_the_list_is_checked(new_daemon, workdir):
    d = new_daemon()
    image, beside = workdir / "image", workdir / "image.badblocks"
    image_daemon(d, image)
    inject(d, "--offset=0", "--length=2M")
    start = int(beside.read_text().split()[0])
    d.stop()
    lines = [n.format(s=start, s4=start + 4096, e=start + (8 << 20)) for n in NUMBERS]
    # Good ones: a part of a sector, an overlap, the last byte.
    lines += [f"{start + 1} 7", f"{start} 2097152", f"{start + 4096} 4194304", f"{start + (8 << 20) - 1} 1"]
    beside.write_text("\n".join(lines) + "\n")
    beside.chmod(0o600)
    image_daemon(d, image)
    assert bad(d) == [(0, (4 << 20) + 4096), ((8 << 20) - 512, 512)]
    assert f"{len(NUMBERS)} lines left out" in d.output()
    assert d.ctl("clear", "dax0.0").returncode == 0 and bad(d) == []
    d.stop()
    beside.write_text(f"{start} 2097152\n" * 30000)
    beside.chmod(0o600)
    image_daemon(d, image)
    assert bad(d) == [(0, 2 << 20)]
    assert d.ctl("clear", "dax0.0").returncode == 0


def test_another_users_image_in_a_sticky_directory(new_daemon, sticky):
    """As fs.protected_regular: it is refused, the directory's owner's is not; a link changes nothing."""
    d = new_daemon()
    image, link = sticky / "image", sticky.parent / "link"
    image_daemon(d, image).stop()
    os.symlink(image, link)
    os.chown(image, MALLORY, MALLORY)
    content = image.read_bytes()
    for path in (image, link):
        text = d.fail(f"[region 0]\nbacking=pmem:{path}\nsize=8M\n")
        assert f"belongs to uid {MALLORY}" in text and "sticky" in text
    assert image.read_bytes() == content
    os.chown(sticky, MALLORY, MALLORY)
    image_daemon(d, image)


# ---- limits and leftovers --------------------------------------------------------


@pytest.mark.parametrize("user", ["root", "nobody"] if IS_ROOT else ["nobody"], indirect=True)
def test_no_false_report_of_damage(new_daemon, workdir):
    """The info block is as the daemon wrote it, whatever lies between the fields in memory."""
    d = new_daemon()
    for _ in range(2):
        image_daemon(d, workdir / "image")
        inject(d, "--offset=0", "--length=2M")
        with d.opened("dax0.0") as handle, d.wire() as wire:
            wire.attach(handle).close()
        d.stop()
    assert "overwritten" not in d.output(), d.output()


def test_too_few_descriptors(workdir):
    """Each start with fewer descriptors than it needs says what to do, and leaves nothing."""
    config = workdir / "config"
    config.write_text(ONE)
    nr_told = 0
    for limit in range(5, 40):
        result = run(["prlimit", f"--nofile={limit}", DAXRUN, "-q", "-c", config, "--", "true"],
                     env={**environment(), "XDG_RUNTIME_DIR": str(workdir)})
        if result.returncode == 0:
            break
        if "Too many open files" in result.stderr and "cuse-daxd: " in result.stderr:
            assert "ulimit -n" in result.stderr, result.stderr
            nr_told += 1
        assert not list(workdir.glob("daxrun.*")), (limit, result.stderr)
    assert result.returncode == 0 and nr_told


def test_no_room_for_the_lock(workdir, small_fs):
    """No directory is left where the daemon cannot start."""
    top = small_fs("size=64k,nr_inodes=3")
    config = workdir / "config"
    config.write_text(ONE)
    (top / "one").touch()
    result = run([DAEMON, "-c", config, f"--runtime-dir={top}/rt", "--foreground", "--frontend=none"])
    assert result.returncode == 1 and os.listdir(top) == ["one"], result.stderr


def test_a_daemon_that_cannot_be_loaded(workdir):
    lib = make(workdir / "lib", 0)
    (lib / "libglib-2.0.so.0").touch()
    for job in (["--", "true"], ["--print-env"], ["--sweep=mmap errno:EIO nth:1..2", "--", "true"]):
        result = run([DAXRUN, *job], env={**environment(), "XDG_RUNTIME_DIR": str(workdir),
                                          "LD_LIBRARY_PATH": str(lib)})
        assert result.returncode in (1, 125), result.stderr
        assert "cuse-daxd did not start" in result.stderr or job[0].startswith("--sweep")
        assert not list(workdir.glob("daxrun.*"))


@pytest.mark.parametrize("uid", [0, ALICE])
@pytest.mark.parametrize("limit", ["0", "0:", "4096", "4096:"])
def test_a_limit_of_the_size_of_files(workdir, uid, limit):
    """The soft limit is the command's alone; a hard one ends daxrun with a reason. The command has the
    signal's usual action in both."""
    base = make(workdir / "run", uid)
    code = "grep SigIgn /proc/self/status; test -e /dev/dax0.0 && echo there"
    result = run(as_user(uid, "prlimit", f"--fsize={limit}", DAXRUN, "-q", "--", "sh", "-c", code),
                 env={**environment(), "XDG_RUNTIME_DIR": str(base)})
    if limit.endswith(":"):
        ignored, there = result.stdout.splitlines()
        assert there == "there"
        assert not int(ignored.split()[1], 16) & 1 << 24, "SIGXFSZ is not ignored"
    elif result.returncode:
        assert result.returncode == 125 and "File too large" in result.stderr, result.stderr
    assert os.listdir(base) == []


@pytest.mark.parametrize("how", ["rm", "mv"])
def test_a_runtime_directory_that_is_deleted(new_daemon, how):
    d = new_daemon()
    d.start(ONE)
    if how == "rm":
        shutil.rmtree(d.dir, ignore_errors=True)  # the handles' file system is busy
    else:
        d.dir.rename(d.dir.parent / "moved")
    until(lambda: f"{d.dir}: was deleted" in d.output(), "the log tells it")
    d.stop()
    assert d.output().count("was deleted") == 1


WAIT_AND_LOOK = """
    import mmap, os, sys
    print(os.path.exists("/dev/dax0.0"), flush=True)
    for line in sys.stdin:
        fd = os.open("/dev/dax0.0", os.O_RDWR)
        size = int(open("/sys/bus/dax/devices/dax0.0/size").read())
        mmap.mmap(fd, size)[0]
        print(size, flush=True)
"""


def test_a_process_follows_to_the_new_directory(new_daemon):
    """A process from before, which has no device, gets those of the new daemon."""
    d = new_daemon()
    d.start(ONE)
    with subprocess.Popen([PYTHON, "-c", textwrap.dedent(WAIT_AND_LOOK)], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env={**environment(), "LD_PRELOAD": str(SHIM),
                               "CUSE_DAXD_RUNTIME_DIR": str(d.dir)}) as program:
        assert program.stdout.readline() == "True\n"
        shutil.rmtree(d.dir, ignore_errors=True)
        d.stop()
        d.start("[region 0]\nsize=8M\n")
        program.stdin.write("\n")
        program.stdin.close()
        assert program.stdout.readline() == f"{8 << 20}\n"
    assert program.returncode == 0
    d.stop()
