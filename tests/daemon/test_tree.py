# SPDX-License-Identifier: BSD-2-Clause
"""The sysfs tree as files: modes, writes, and keeping up with changes of the devices."""

import errno
import os
import stat
import threading

import pytest

from conftest import IS_ROOT, ROOT, both_users, needs_root
from wire import ALIVE, GONE

DYNAMIC = "[region 0]\ntype=dynamic\nsize=64M\n[device 0.0]\nsize=16M\n"
REGION = "devices/platform/hmem.0/dax_region"
DAX = "bus/dax/devices"
DRIVER = "bus/dax/drivers/device_dax"

# The marks of libcore/attrmode.h: an attribute, only for its owner, fails to be read.
VTX, FAILS = stat.S_ISVTX, stat.S_IXGRP


def mode(d, path):
    return stat.S_IMODE(os.lstat(d.dir / "sys" / path).st_mode)


def snapshot(d):
    """Return: {path: type, mode and content} of everything in the tree."""
    top = d.dir / "sys"
    tree = {}
    for directory, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(directory, name)
            key = os.path.relpath(path, top)
            if os.path.islink(path):
                tree[key] = os.readlink(path)
            elif os.path.isfile(path):
                tree[key] = (mode(d, key), open(path, "rb").read() if os.access(path, os.R_OK)
                             else None)
            else:
                tree[key] = None
    return tree


@both_users
def test_modes_tell_the_real_ones(daemon):
    d = daemon("[region 0]\nsize=4M\n[region 1]\ntype=dynamic\n")
    assert mode(d, f"{DAX}/dax0.0/size") == 0o444 | VTX
    assert mode(d, f"{DAX}/dax0.0/resource") == 0o400 | VTX
    assert mode(d, f"{DAX}/dax0.0/uevent") == 0o644 | VTX
    assert mode(d, f"{DAX}/dax1.0/size") == 0o644 | VTX
    assert mode(d, f"{DAX}/dax1.0/mapping") == 0o200 | VTX
    assert mode(d, f"{DRIVER}/bind") == 0o200 | VTX
    seed = "devices/platform/e820_pmem/ndbus0/region0/dax0.1"
    assert mode(d, f"{seed}/size") == 0o444 | VTX | FAILS
    assert mode(d, f"{seed}/resource") == 0o400 | VTX | FAILS
    assert d.attr(f"{seed}/size") == ""
    assert mode(d, "bus/dax") == 0o755


@both_users
def test_everybody_reads_what_root_reads(daemon):
    d = daemon("[region 0]\nsize=4M\n")
    assert d.attr(f"{DAX}/dax0.0/size") == f"{4 << 20}\n"
    assert d.attr(f"{DAX}/dax0.0/resource").startswith("0x")
    major = d.state().pages.major
    assert d.attr(f"dev/char/{major}:0/dev") == f"{major}:0\n"
    assert os.path.realpath(d.dir / f"sys/dev/char/{major}:0/subsystem") == \
        f"{d.dir}/sys/bus/dax"


@both_users
def test_create_resize_bind_delete(daemon):
    d = daemon(DYNAMIC)
    before = snapshot(d)
    assert d.store(f"{REGION}/create", "1") == 0
    assert os.path.lexists(d.handle("dax0.1"))
    assert stat.S_IMODE(os.stat(d.handle("dax0.1")).st_mode) == 0o600 | VTX
    assert d.attr(f"{DAX}/dax0.1/size") == "0\n"
    assert d.attr(f"{REGION}/seed") == "dax0.1\n"
    slot, _, device = d.state().find("dax0.1")
    assert (device.size, device.flags & ALIVE) == (0, 0)
    assert d.store(f"{DAX}/dax0.1/size", "0x1000000\n\0") == 0
    assert d.attr(f"{DAX}/dax0.1/mapping0/page_offset") == "0x0\n"
    assert d.store(f"{DRIVER}/bind", "dax0.1") == 0
    device = d.state().slot(slot)
    assert (device.size, device.flags & ALIVE, device.ranges[0].start) == (16 << 20, ALIVE, 16 << 20)
    assert os.path.islink(d.dir / "sys" / DRIVER / "dax0.1")
    assert d.store(f"{REGION}/delete", "dax0.1") == errno.EBUSY
    assert d.store(f"{DRIVER}/unbind", "dax0.1") == 0
    assert not d.state().slot(slot).flags & ALIVE
    assert d.store(f"{DAX}/dax0.1/size", "0") == 0
    assert d.store(f"{REGION}/delete", "dax0.1") == 0
    assert not os.path.lexists(d.handle("dax0.1"))
    assert d.state().slot(slot).flags & GONE
    assert snapshot(d) == before


@pytest.mark.parametrize("path, data, error", [
    (f"{REGION}/create", "2", errno.EINVAL),
    (f"{REGION}/delete", "dax0.9", errno.ENXIO),
    (f"{REGION}/delete", "dax0.0", errno.EBUSY),
    (f"{DAX}/dax0.0/size", "4194304", errno.EBUSY),
    (f"{DRIVER}/bind", "dax0.0", errno.EBUSY),
    (f"{DRIVER}/unbind", "nothing", errno.ENODEV),
    (f"{DRIVER}/new_id", "foo", errno.EINVAL),
    (f"{DAX}/dax0.0/uevent", "garbage", errno.EINVAL),
    (f"{DAX}/dax0.0/uevent", "change", 0),
    (f"{DAX}/dax0.0/uevent", "", 0),
])
def test_a_refused_write_changes_nothing(daemon, path, data, error):
    d = daemon(DYNAMIC)
    before = snapshot(d)
    assert d.store(path, data) == error
    assert snapshot(d) == before


def test_links_in_the_path_of_a_write(daemon):
    """daxctl writes through driver links; the daemon accepts a path with links and without."""
    d = daemon(DYNAMIC)
    assert d.store(f"{DAX}/dax0.0/driver/unbind", "dax0.0") == 0
    assert not d.state().find("dax0.0")[2].flags & ALIVE


def test_one_descriptor_for_several_writes(daemon):
    """A descriptor of `create` stays usable, although the first write replaces the file."""
    d = daemon(DYNAMIC)
    with d.wire() as wire:
        fd = os.open(d.dir / "sys" / REGION / "create", os.O_WRONLY)
        for n in range(1, 4):
            assert wire.store(fd, f"{REGION}/create", b"1") == 0
            assert d.attr(f"{REGION}/create") == f"dax0.{n}\n"
        os.close(fd)


def test_the_device_of_a_descriptor_is_gone(daemon):
    d = daemon(DYNAMIC)
    assert d.store(f"{REGION}/create", "1") == 0
    path = "devices/platform/hmem.0/dax0.1/size"
    fd = os.open(d.dir / "sys" / path, os.O_WRONLY)
    assert d.store(f"{REGION}/delete", "dax0.1") == 0
    with d.wire() as wire:
        assert wire.store(fd, path, b"0") == errno.ENOENT
        # A new device has the same name, but this is not its file.
        assert d.store(f"{REGION}/create", "1") == 0
        assert wire.store(fd, path, b"0") in (0, errno.EBADF)
    os.close(fd)


@needs_root
def test_permission_is_what_the_file_says(daemon):
    """A user who can open the attribute for writing may write it: chmod, chown and ACLs count."""
    d = daemon(DYNAMIC)
    path = f"{REGION}/create"
    from conftest import SETPRIV, run
    code = ((ROOT / "tests/lib/wire.py").read_text() +
        f"\nfd = os.open('{d.dir}/sys/{path}', os.O_WRONLY)\n"
        f"print(Wire('{d.dir}').store(fd, '{path}', b'1'))\n")
    result = run(SETPRIV + ["/usr/bin/python3", "-c", code])
    assert "PermissionError" in result.stderr
    os.chmod(d.dir / "sys" / path, 0o646 | VTX)
    assert run(SETPRIV + ["/usr/bin/python3", "-c", code]).stdout == "0\n"
    assert d.attr(path) == "dax0.1\n"


def test_a_descriptor_of_another_file_is_no_permission(daemon, workdir):
    d = daemon(DYNAMIC)
    path = f"{REGION}/create"
    uevent = f"{DAX}/dax0.0/uevent"
    (workdir / "mine").touch()
    cases = [
        (workdir / "mine", os.O_RDWR, path, errno.EBADF),
        (d.dir / "sys" / uevent, os.O_WRONLY, path, errno.EBADF),
        (d.dir / "sys" / path, os.O_RDONLY, path, errno.EBADF),
        (d.dir / "sys" / path, os.O_PATH, path, errno.EBADF),
        (d.dir / "sys" / path, os.O_WRONLY, "no/such/path", errno.ENOENT),
        (d.dir / "sys" / path, os.O_WRONLY, REGION, errno.ENOENT),
        (d.dir / "sys" / path, os.O_WRONLY, f"../../{d.dir.name}/sys/{path}", errno.ENOENT),
        (d.handle("dax0.0"), os.O_RDWR, path, errno.EBADF),
    ]
    # A tree of the client's own, which a daemon that follows ".." literally would find.
    evil = workdir / path
    evil.parent.mkdir(parents=True)
    evil.touch()
    cases.append((evil, os.O_RDWR, f"../../{path}", errno.ENOENT))
    with d.wire() as wire:
        for file, flags, claimed, error in cases:
            fd = os.open(file, flags)
            assert wire.store(fd, claimed, b"1") == error, (file, claimed)
            os.close(fd)
        assert wire.store(0, path, b"1") == errno.EBADF
    assert d.attr(path) == "\n"


def test_a_deleted_file_of_the_same_name_elsewhere_is_no_permission(daemon, workdir):
    """A client's file that looks like a replaced attribute gives no permission."""
    d = daemon(DYNAMIC)
    path = f"{REGION}/create"
    fake = workdir / "create (deleted)"
    fd = os.open(fake, os.O_RDWR | os.O_CREAT)
    os.fchmod(fd, 0o644 | VTX)
    os.unlink(fake)
    with d.wire() as wire:
        assert wire.store(fd, path, b"1") == errno.EBADF
    os.close(fd)


def test_files_are_replaced_at_once(daemon):
    """A reader sees the old number or the new one, never a part."""
    d = daemon(DYNAMIC)
    file = d.dir / "sys" / DAX / "dax0.0/size"
    assert d.store(f"{DRIVER}/unbind", "dax0.0") == 0
    seen = set()
    done = threading.Event()

    def read():
        while not done.is_set():
            seen.add(file.read_text())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        with d.wire() as wire:
            for n in range(300):
                path = "devices/platform/hmem.0/dax0.0/size"
                fd = os.open(d.dir / "sys" / path, os.O_WRONLY)
                assert wire.store(fd, path, (b"0", b"4194304", b"67108864")[n % 3]) == 0
                os.close(fd)
    finally:
        done.set()
        thread.join()
    assert seen <= {"0\n", "4194304\n", "67108864\n", f"{16 << 20}\n"}


def delete(d, name):
    assert d.store(f"{REGION}/delete", name) == 0


def minor_of(d, name):
    return d.state().find(name)[2].minor


def test_a_minor_is_used_again_when_nobody_holds_the_device(daemon):
    d = daemon(DYNAMIC)
    assert d.store(f"{REGION}/create", "1") == 0
    assert minor_of(d, "dax0.1") == 1
    delete(d, "dax0.1")
    assert d.store(f"{REGION}/create", "1") == 0
    assert minor_of(d, "dax0.1") == 1


@needs_root  # a handle's lease
def test_a_held_minor_is_not_used_again(daemon):
    d = daemon(DYNAMIC)
    assert d.store(f"{REGION}/create", "1") == 0
    with d.opened("dax0.1"):
        delete(d, "dax0.1")
        assert d.store(f"{REGION}/create", "1") == 0
        assert minor_of(d, "dax0.1") == 2
        delete(d, "dax0.1")
    assert d.store(f"{REGION}/create", "1") == 0
    assert minor_of(d, "dax0.1") == 1


def test_a_deleted_device_is_not_the_new_one_of_its_name(daemon):
    d = daemon(DYNAMIC)
    assert d.store(f"{REGION}/create", "1") == 0
    life = d.state().find("dax0.1")[2].life
    with d.opened("dax0.1") as old, d.wire() as wire:
        delete(d, "dax0.1")
        assert d.store(f"{REGION}/create", "1") == 0
        assert d.store(f"{DAX}/dax0.1/size", "4194304") == 0
        assert d.store(f"{DRIVER}/bind", "dax0.1") == 0
        assert os.fstat(old).st_nlink == 0
        assert wire.attach(old).error == errno.ENXIO
        with d.opened("dax0.1") as new:
            reply = wire.attach(new)
            assert reply.error == 0 and reply.args[1] != life
            reply.close()


def test_slots_are_used_again_when_all_are(daemon):
    """Slots are reused when more devices are made in sequence than there are slots."""
    d = daemon(DYNAMIC)
    create = d.dir / "sys" / REGION / "create"
    with d.wire() as wire:
        for _ in range(1100):
            fds = [os.open(create, os.O_WRONLY), os.open(create.parent / "delete", os.O_WRONLY)]
            assert wire.store(fds[0], f"{REGION}/create", b"1") == 0
            assert wire.store(fds[1], f"{REGION}/delete", b"dax0.1") == 0
            for fd in fds:
                os.close(fd)
    assert d.state().pages.nr_slots == 1024
    assert d.store(f"{REGION}/create", "1") == 0
    assert d.state().find("dax0.1")


def test_too_many_devices(daemon):
    """There are 1024 minors; creating more devices fails cleanly."""
    d = daemon(DYNAMIC)
    create = d.dir / "sys" / REGION / "create"
    errors = []
    with d.wire() as wire:
        for _ in range(1030):
            fd = os.open(create, os.O_WRONLY)
            errors.append(wire.store(fd, f"{REGION}/create", b"1"))
            os.close(fd)
    assert errors[:1023] == [0] * 1023
    assert set(errors[1023:]) == {errno.ENOSPC}
    assert len(d.control("list")) == 1024
    assert len(os.listdir(d.dir / "dev")) == 1024


MANY_DEVICES = """
cd /sys/bus/nd/drivers/dax_pmem
for i in $(seq 100); do
    echo dax0.0 >unbind && echo dax0.0 >bind || exit 1
    for a in size align dev target_node uevent; do
        read -r line </sys/bus/dax/devices/dax0.0/$a || exit 1
    done
done
"""


@both_users
def test_an_inode_number_of_a_device_that_is_gone(daxrun):
    """An inode number of a deleted device that an attribute gets soon after, as on ext4, is not
    taken for the device."""
    daxrun("-q", "-d", "dax0.0,size=16M", "--", "sh", "-c", MANY_DEVICES)
