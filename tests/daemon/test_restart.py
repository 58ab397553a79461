# SPDX-License-Identifier: BSD-2-Clause
"""The restart of a daemon that died, in the same directory."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import re
import signal
import stat
import subprocess
import threading

import pytest

from conftest import NOBODY, TIMEOUT, both_users, environment, file_mode, needs_root
from wire import ALIVE, GONE, OPENED, Dropped

MIB = 1 << 20


def names(state):
    """Return: {name: slot} of the devices that exist."""
    return {device.name.decode(): slot for slot, _, device in state.devices()
            if not device.flags & GONE}


@both_users
def test_after_a_crash_everything_is_clean(new_daemon):
    d = new_daemon().start("[region 0]\nsize=4M\n")
    d.kill()
    assert os.listdir(d.dir)
    d.start("[region 0]\nsize=4M\n")
    assert [x["chardev"] for x in d.control("list")] == ["dax0.0"]
    assert (d.dir / "lock").read_text().split() == [str(d.pid), "made"]
    assert sorted(os.listdir(d.dir)) == ["control.sock", "dev", "lock", "proc", "state", "stores",
                                         "sys"]
    d.stop()
    assert not d.dir.exists(), "the first daemon had made it"


def test_a_directory_that_was_there_stays_over_a_crash(new_daemon):
    d = new_daemon()
    d.dir.mkdir()
    d.start().kill()
    d.start().stop()
    assert os.listdir(d.dir) == []
    d.dir.rmdir()


@pytest.fixture(params=["pmem", "hugetlbfs"])
def file_backing(request, workdir):
    if request.param == "hugetlbfs":
        request.getfixturevalue("hugepages")(8)
        return f"hugetlbfs:{request.getfixturevalue('hugetlbfs')}/file"
    return f"pmem:{workdir}/image"


@both_users
def test_a_device_on_a_file_goes_on(new_daemon, file_backing):
    """A device on a file keeps its handle, slot, life and bytes; old clients go on with the same
    state pages."""
    config = f"[region 0]\nbacking={file_backing}\nsize=8M\nmode=0640\n"
    d = new_daemon().start(config)
    state = d.state()
    slot, handle, device = state.find("dax0.0")
    numbers = (state.pages.major, state.pages.ndctl_major)
    old = os.open(d.handle("dax0.0"), os.O_RDWR)
    with d.wire() as wire:
        reply = wire.attach(old)
        m = mmap.mmap(reply.fd, 2 * MIB, offset=device.ranges[0].start)
        reply.close()
    m[5] = 77
    d.kill()
    m[6] = 78
    d.start(config)
    # Read through the old mapping of the state pages.
    new_slot, new_handle, new = state.find("dax0.0")
    assert (new_slot, new.life, new.size) == (slot, device.life, device.size)
    assert (new_handle.dev, new_handle.ino) == (handle.dev, handle.ino)
    assert new.flags & ALIVE and new.flags & OPENED
    assert new.generation > device.generation
    assert (state.pages.major, state.pages.ndctl_major) == numbers
    assert os.fstat(old).st_ino == os.stat(d.handle("dax0.0")).st_ino
    with d.wire() as wire:
        reply = wire.attach(old)
        assert reply.args[:2] == [slot, device.life]
        with mmap.mmap(reply.fd, 2 * MIB, offset=new.ranges[0].start) as again:
            assert again[5:7] == bytes([77, 78])
        reply.close()
    m.close()
    os.close(old)


@both_users
def test_a_device_whose_memory_died_is_another(new_daemon):
    d = new_daemon().start("[region 0]\nsize=4M\n")
    state = d.state()
    slot, handle, device = state.find("dax0.0")
    old = os.open(d.handle("dax0.0"), os.O_RDWR)
    d.kill()
    d.start("[region 0]\nsize=4M\n")
    assert state.slot(slot).flags == GONE
    assert state.slot(slot).life == device.life
    new_slot, new_handle, new = state.find("dax0.0")
    assert new_slot != slot and new.life > device.life and new_handle.ino != handle.ino
    assert (new.major, new.minor) == (device.major, device.minor)
    assert os.fstat(old).st_nlink == 0
    with d.wire() as wire, d.opened("dax0.0") as fd:
        assert wire.attach(old).error == errno.ENXIO
        reply = wire.attach(fd)
        assert reply.error == 0
        reply.close()
    os.close(old)


def holder(d, what):
    """Start a process of the daemon's user that has dax0.0 mapped, or only open. Return: it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        assert os.read(read, 1) == b"x"
        os.close(read)
        return pid
    status = 1
    try:
        if d.as_nobody:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            # A process that has changed its identity may not be inspected without this.
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
        with d.wire() as wire, d.opened("dax0.0") as fd:
            reply = wire.attach(fd)
        m = mmap.mmap(reply.fd, 4 * MIB)  # Python keeps a descriptor of its own
        m[0] = 1
        if what == "mapped":
            for fd in os.listdir("/proc/self/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/self/fd/{fd}").startswith("/memfd:"):
                        os.close(int(fd))
        os.write(write, b"x")
        signal.pause()
        status = 0
    finally:
        os._exit(status)


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def first_byte(d):
    with d.wire() as wire, d.opened("dax0.0") as fd:
        reply = wire.attach(fd)
    with mmap.mmap(reply.fd, 4 * MIB) as m:
        byte = m[0]
    reply.close()
    return byte


@both_users
def test_memory_that_a_process_has_open_goes_on(new_daemon):
    """The device keeps its slot, life, handle and bytes, as one on a file does."""
    d = new_daemon().start("[region 0]\nsize=4M\n")
    slot, handle, device = d.state().find("dax0.0")
    pid = holder(d, "open")
    for _ in range(2):
        d.kill()
        d.start("[region 0]\nsize=4M\n")
        new_slot, new_handle, new = d.state().find("dax0.0")
        assert (new_slot, new.life, new_handle.ino) == (slot, device.life, handle.ino)
        assert first_byte(d) == 1
    d.kill()
    end(pid)
    # Nobody has it any more.
    d.start("[region 0]\nsize=4M\n")
    assert d.state().find("dax0.0")[2].life > device.life and first_byte(d) == 0


@both_users
def test_who_only_looks_at_memory_does_not_keep_it(new_daemon):
    """Another daemon that starts has it with O_PATH for a moment, while it looks for its own."""
    d = new_daemon().start("[region 0]\nsize=4M\n")
    life = d.state().find("dax0.0")[2].life
    pid = holder(d, "open")
    looks = [os.open(f"/proc/{pid}/fd/{n}", os.O_PATH) for n in os.listdir(f"/proc/{pid}/fd")]
    try:
        d.kill()
        end(pid)
        d.start("[region 0]\nsize=4M\n")
        assert d.state().find("dax0.0")[2].life > life and first_byte(d) == 0
    finally:
        for fd in looks:
            os.close(fd)


@both_users
def test_memory_with_the_same_numbers_is_not_taken(new_daemon):
    """Another tmpfs may get the device number, and so a file the numbers, of memory that is gone:
    the time when it was made differs."""
    d = new_daemon().start("[region 0]\nsize=4M\n")
    life = d.state().find("dax0.0")[2].life
    pid = holder(d, "open")
    d.kill()
    note = d.dir / "stores"
    born = re.search(r"^memory \d+ \d+ (\d+) ", note.read_text(), re.M)[1]
    note.write_text(note.read_text().replace(f" {born}", f" {int(born) - 1}"))
    d.start("[region 0]\nsize=4M\n")
    assert d.state().find("dax0.0")[2].life > life and first_byte(d) == 0
    end(pid)


@both_users
@pytest.mark.parametrize("kind,pages", [("huge", 2 * MIB), ("collapse", 2 * MIB),
                                        ("plain", 4096)])
def test_memory_keeps_its_pages_over_a_restart(new_daemon, monkeypatch, kind, pages):
    monkeypatch.setenv("DAXD_MEMORY", kind)
    d = new_daemon().start("[region 0]\nsize=4M\n")
    life = d.state().find("dax0.0")[2].life
    pid = holder(d, "open")
    assert d.control("list")[0]["pages"] == pages
    d.kill()
    d.start("[region 0]\nsize=4M\n")
    assert d.state().find("dax0.0")[2].life == life and first_byte(d) == 1
    assert d.control("list")[0]["pages"] == pages
    end(pid)


@needs_root
def test_memory_that_a_process_has_only_mapped_goes_on(new_daemon):
    """Of a process that has closed all descriptors, root's daemon takes it by the mapping."""
    d = new_daemon().start("[region 0]\nsize=4M\n")
    life = d.state().find("dax0.0")[2].life
    pid = holder(d, "mapped")
    d.kill()
    d.start("[region 0]\nsize=4M\n")
    assert d.state().find("dax0.0")[2].life == life and first_byte(d) == 1
    end(pid)


def test_memory_is_gone_for_a_device_of_another_size(new_daemon):
    d = new_daemon().start("[region 0]\nsize=4M\n")
    life = d.state().find("dax0.0")[2].life
    pid = holder(d, "open")
    d.kill()
    d.start("[region 0]\nsize=8M\n")
    assert "dax0.0: is not what it was before the restart" in d.output()
    assert d.state().find("dax0.0")[2].life > life
    end(pid)


@both_users
def test_false_memory_is_not_taken(new_daemon):
    """A client can imitate all but the inode: it has a memfd of the same name, size and seals."""
    d = new_daemon().start("[region 0]\nsize=4M\n")
    life = d.state().find("dax0.0")[2].life
    assert file_mode(d.dir / "stores") == 0o600
    false = os.memfd_create("dax0.0", os.MFD_ALLOW_SEALING)
    os.ftruncate(false, 4 * MIB)
    os.fchmod(false, 0)
    if d.as_nobody:
        os.fchown(false, NOBODY, NOBODY)
    fcntl.fcntl(false, fcntl.F_ADD_SEALS,
                fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    os.pwrite(false, b"x", 0)
    d.kill()
    d.start("[region 0]\nsize=4M\n")
    assert d.state().find("dax0.0")[2].life > life and first_byte(d) == 0
    os.close(false)


@needs_root
def test_memory_of_another_owner_is_not_taken(new_daemon):
    """The note names the inode, but the memory belongs to somebody else by now."""
    d = new_daemon().start("[region 0]\nsize=4M\n")
    life = d.state().find("dax0.0")[2].life
    with d.wire() as wire, d.opened("dax0.0") as fd:
        reply = wire.attach(fd)
    os.fchown(reply.fd, NOBODY, NOBODY)
    d.kill()
    d.start("[region 0]\nsize=4M\n")
    assert d.state().find("dax0.0")[2].life > life
    reply.close()


def test_another_file_is_another_device(new_daemon, workdir):
    config = f"[region 0]\nbacking=pmem:{workdir}/image\nsize=4M\n"
    d = new_daemon().start(config)
    slot, _, device = d.state().find("dax0.0")
    d.kill()
    os.rename(workdir / "image", workdir / "other")
    d.start(config)
    assert d.state().slot(slot).flags == GONE
    assert d.state().find("dax0.0")[2].life != device.life
    d.kill()
    # The first file is a new device too: it belonged to the last daemon but one.
    d.start(config.replace("image", "other"))
    assert d.state().find("dax0.0")[2].life not in (0, device.life)


def test_devices_that_are_not_in_the_config_any_more(new_daemon, workdir):
    one = f"[region 0]\nbacking=pmem:{workdir}/a\nsize=4M\n"
    two = f"[region 1]\nbacking=pmem:{workdir}/b\nsize=4M\n[region 2]\nsize=4M\n"
    d = new_daemon().start(one + two)
    lives = {n: d.state().find(n)[2].life for n in ("dax0.0", "dax1.0")}
    d.kill()
    d.start(one)
    assert set(names(d.state())) == {"dax0.0", "ndctl0"}
    assert d.state().find("dax0.0")[2].life == lives["dax0.0"]
    assert sorted(os.listdir(d.dir / "dev")) == ["dax0.0", "ndctl0"]
    assert not os.path.lexists(d.dir / "sys/bus/dax/devices/dax1.0")
    d.kill()
    d.start("[region 0]\ntype=dynamic\nsize=4M\n")
    assert set(names(d.state())) == {"dax0.0"}
    assert os.listdir(d.dir / "dev") == ["dax0.0"]


@needs_root
def test_permissions_follow_the_config(new_daemon, workdir):
    config = f"[region 0]\nbacking=pmem:{workdir}/a\nsize=4M\n"
    d = new_daemon().start(config + "mode=0600\n")
    ino = os.stat(d.handle("dax0.0")).st_ino
    d.kill()
    d.start(config + "mode=0664\nowner=3\ngroup=4\n")
    st = os.stat(d.handle("dax0.0"))
    assert (st.st_ino, st.st_uid, st.st_gid) == (ino, 3, 4)
    assert stat.S_IMODE(st.st_mode) == 0o664 | stat.S_ISVTX


def test_dynamic_devices_are_as_in_the_config_again(new_daemon, hugepages, hugetlbfs):
    hugepages(8)
    config = (f"[region 0]\nbacking=hugetlbfs:{hugetlbfs}/f\ntype=dynamic\nsize=16M\n"
              "[device 0.0]\nsize=4M\n")
    d = new_daemon().start(config)
    # The pool has no page left for the record of devices.
    assert f"{hugetlbfs}/f: no huge page is left for the record of its devices" in d.output()
    life = d.state().find("dax0.0")[2].life
    assert d.store("devices/platform/hmem.0/dax_region/create", "1") == 0
    assert d.store("bus/dax/drivers/device_dax/unbind", "dax0.0") == 0
    assert d.store("bus/dax/devices/dax0.0/size", "8388608") == 0
    slot = d.state().find("dax0.1")[0]
    d.kill()
    d.start(config)
    device = d.state().find("dax0.0")[2]
    assert (device.life, device.size, device.flags & ALIVE) == (life, 4 * MIB, ALIVE)
    assert d.state().slot(slot).flags == GONE
    assert os.listdir(d.dir / "dev") == ["dax0.0"]
    # A device of the same name on the same memory is the one created before the crash.
    d.kill()
    d.start(config + "[device 0.1]\nsize=4M\n")
    assert d.state().find("dax0.1")[2].flags & ALIVE


def test_device_numbers_stay(new_daemon):
    d = new_daemon().start()
    before = (d.state().pages.major, d.state().pages.ndctl_major)
    for _ in range(3):
        d.kill()
        d.start()
        assert (d.state().pages.major, d.state().pages.ndctl_major) == before


@pytest.mark.parametrize("damage", [
    lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"x" * p.stat().st_size),
    lambda p: os.truncate(p, p.stat().st_size - 1), lambda p: (p.unlink(), p.mkdir()),
    lambda p: (p.unlink(), p.symlink_to("/etc/passwd")),
    lambda p: p.write_bytes(p.read_bytes()[:8] + b"\2" + p.read_bytes()[9:]),
])
def test_damaged_state_pages(new_daemon, damage):
    d = new_daemon().start()
    d.kill()
    path = d.dir / "state"
    path.chmod(0o644)
    damage(path)
    d.start()
    assert file_mode(path) == 0o444 and path.stat().st_size == d.state().pages.size
    assert set(names(d.state())) == {"dax0.0", "ndctl0"}


@pytest.mark.parametrize("content", ["", "x", "1 2\n", "1 2 3\n" * 100000, "\0" * 100])
def test_damaged_note(new_daemon, workdir, content):
    config = f"[region 0]\nbacking=pmem:{workdir}/a\nsize=4M\n"
    d = new_daemon().start(config)
    life = d.state().find("dax0.0")[2].life
    d.kill()
    (d.dir / "stores").write_text(content)
    d.start(config)
    assert d.state().find("dax0.0")[2].life > life


def test_rubbish_in_the_directory(new_daemon):
    d = new_daemon().start()
    d.kill()
    for name in ("new", "sys.new"):
        (d.dir / name).mkdir()
        (d.dir / name / "x").touch()
    (d.dir / "sys" / "left").touch()
    # As if killed between making a node and filling its slot in the state pages.
    (d.dir / "dev" / "dax1.7").touch()
    (d.dir / "control.sock").unlink()
    (d.dir / "control.sock").mkdir()
    said = None
    try:
        d.start()
    except AssertionError as e:
        said = str(e)
    assert said and "Is a directory" in said, "a directory in the place of the socket is not ours"
    (d.dir / "control.sock").rmdir()
    d.start()
    assert not (d.dir / "sys/left").exists()
    assert sorted(os.listdir(d.dir / "dev")) == ["dax0.0", "ndctl0"]


def test_a_start_that_fails_leaves_what_there_was(new_daemon, workdir):
    config = f"[region 0]\nbacking=pmem:{workdir}/a\nsize=4M\n"
    d = new_daemon().start(config)
    life = d.state().find("dax0.0")[2].life
    d.kill()
    assert "is a directory" in d.fail(config + f"[region 1]\nbacking=pmem:{workdir}\n")
    d.start(config)
    assert d.state().find("dax0.0")[2].life == life


def test_clients_see_the_end_of_the_connection(new_daemon):
    d = new_daemon().start()
    wire = d.wire()
    d.kill()
    with pytest.raises(Dropped):
        wire.adopt()
    wire.close()
    d.start()


def test_killed_at_any_moment(new_daemon, workdir):
    """A kill at any moment, while devices are created and deleted, leaves a clean next start."""
    config = (f"[region 0]\nbacking=pmem:{workdir}/a\nsize=4M\n[region 1]\ntype=dynamic\n"
              "size=64M\n[device 1.0]\nsize=4M\n")
    d = new_daemon().start(config)
    life = d.state().find("dax0.0")[2].life
    for n in range(25):
        stop = threading.Event()
        thread = threading.Thread(target=churn, args=(d, stop))
        thread.start()
        while len(os.listdir(d.dir / "dev")) < 3 + n % 3:
            pass
        d.kill()
        stop.set()
        thread.join()
        d.start(config)
        assert d.state().find("dax0.0")[2].life == life
        assert sorted(os.listdir(d.dir / "dev")) == ["dax0.0", "dax1.0", "ndctl0"]
        assert not os.path.lexists(d.dir / "sys/bus/dax/devices/dax1.1")


def churn(d, stop):
    region = "devices/platform/hmem.1/dax_region"
    while not stop.is_set():
        try:
            for n in range(1, 5):
                d.store(f"{region}/create", "1")
            for n in range(1, 5):
                d.store(f"{region}/delete", f"dax1.{n}")
        except (Dropped, OSError):
            return


def test_killed_while_starting(new_daemon, workdir):
    """A kill at every stage of a start leaves a clean next start. The files that exist show the
    stage."""
    config = f"[region 0]\nbacking=pmem:{workdir}/a\nsize=4M\n[region 1]\nsize=4M\n"
    d = new_daemon()
    stages = ["", "lock", "state", "dev/dax0.0", "dev/dax1.0", "sys", "sys/bus", "proc/devices"]
    for stage in stages * 3:
        process = subprocess.Popen(d.command(config), env=environment())
        while not os.path.lexists(d.dir / stage) and process.poll() is None:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT)
        d.start(config)
        assert set(names(d.state())) == {"dax0.0", "dax1.0", "ndctl0"}
        assert len(d.control("list")) == 2
        d.stop()
        assert not d.dir.exists()


def test_a_stop_and_a_start_at_once(new_daemon):
    """The new daemon either gets the directory or names the daemon that has it."""
    d = new_daemon().start()
    other = new_daemon()
    started = 0
    for _ in range(40):
        d.process.terminate()
        try:
            other.start()
            started += 1
        except AssertionError as e:
            assert "is in use by the daemon" in str(e), e
            other.log.unlink()
        assert d.process.wait(TIMEOUT) == 0
        d.process = None
        if not other.process:
            other.start()
        assert other.control("list")
        d, other = other, d
    assert d.dir.exists()
    d.stop()
    if d.dir.exists():
        assert os.listdir(d.dir) == []
        d.dir.rmdir()
