# SPDX-License-Identifier: BSD-2-Clause
"""The backing stores: their guarantees, and the message of each when it fails."""

import errno
import fcntl
import hashlib
import mmap
import os
import struct

import pytest

from conftest import IS_ROOT, NOBODY, SETPRIV, both_users, file_mode, needs_root, pool, run

MIB = 1 << 20
F_GET_SEALS = 1034
SEALS = 0x1 | 0x2 | 0x4  # SEAL, SHRINK, GROW
SEAL_EXEC = 0x20
INFO = 4096


def stores(d, name):
    """Return: the two descriptors of a device's store that the daemon hands out."""
    with d.wire() as wire:
        fds = []
        for flags in (os.O_RDWR, os.O_RDONLY):
            with d.opened(name, flags) as handle:
                reply = wire.attach(handle)
                assert reply.error == 0
                fds.append(reply.fd)
    return fds


def close(*fds):
    for fd in fds:
        os.close(fd)


def offset(d, name):
    return d.state().find(name)[2].ranges[0].start


@both_users
def test_a_store_holds_bytes_for_all_who_have_it(daemon, backing):
    d = daemon(f"[region 0]\nbacking={backing}\nsize=8M\n")
    rw, ro = stores(d, "dax0.0")
    start = offset(d, "dax0.0")
    with mmap.mmap(rw, 8 * MIB, mmap.MAP_SHARED, offset=start) as m:
        assert m[:4096] == bytes(4096)
        m[5 * MIB:5 * MIB + 5] = b"hello"
        with mmap.mmap(ro, 8 * MIB, mmap.MAP_SHARED, mmap.PROT_READ, offset=start) as r:
            assert r[5 * MIB:5 * MIB + 5] == b"hello"
    close(rw, ro)


@both_users
def test_the_read_only_descriptor_stays_read_only(daemon, backing, user):
    d = daemon(f"[region 0]\nbacking={backing}\nsize=4M\nmode=0666\n")
    _, ro = fds = stores(d, "dax0.0")
    with pytest.raises(PermissionError):
        mmap.mmap(ro, 2 * MIB, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    with pytest.raises(OSError):
        os.write(ro, b"x")
    if IS_ROOT and user == "root":
        # A user who is neither root nor the daemon's user cannot reopen it either.
        code = (f"import os\ntry:\n  os.open('/proc/self/fd/{ro}', os.O_RDWR)\n"
                "except PermissionError:\n  print('refused')")
        result = run(SETPRIV + ["/usr/bin/python3", "-c", code], pass_fds=[ro])
        assert result.stdout == "refused\n", result.stderr
    close(*fds)


@pytest.mark.parametrize("backing", ["memfd", "hugetlb"])
def test_sealed_and_exactly_as_large(daemon, backing, hugepages):
    hugepages(8)
    d = daemon(f"[region 0]\nbacking={backing}\nsize=6M\nmode=0660\n")
    fds = stores(d, "dax0.0")
    for fd in fds:
        assert os.fstat(fd).st_size == 6 * MIB
        assert fcntl.fcntl(fd, F_GET_SEALS) & ~SEAL_EXEC == SEALS
        assert os.fstat(fd).st_mode & 0o777 == 0
    for size in (4 * MIB, 8 * MIB, 0):
        with pytest.raises(PermissionError):
            os.ftruncate(fds[0], size)
    close(*fds)


def test_devices_of_a_static_region_have_a_memory_each(daemon):
    d = daemon("[region 0]\n[device 0.0]\nsize=4M\n[device 0.1]\nsize=6M\n")
    a = stores(d, "dax0.0")
    b = stores(d, "dax0.1")
    assert os.fstat(a[0]).st_ino != os.fstat(b[0]).st_ino
    assert (os.fstat(a[0]).st_size, os.fstat(b[0]).st_size) == (4 * MIB, 6 * MIB)
    assert offset(d, "dax0.0") == offset(d, "dax0.1") == 0
    close(*a, *b)


def test_devices_of_a_dynamic_region_share_one(daemon):
    d = daemon("[region 0]\ntype=dynamic\nsize=16M\n[device 0.0]\nsize=4M\n[device 0.1]\nsize=6M\n")
    a = stores(d, "dax0.0")
    b = stores(d, "dax0.1")
    assert os.fstat(a[0]).st_ino == os.fstat(b[0]).st_ino
    assert os.fstat(a[0]).st_size == 16 * MIB
    assert (offset(d, "dax0.0"), offset(d, "dax0.1")) == (0, 4 * MIB)
    assert d.attr("devices/platform/hmem.0/dax_region/available_size") == f"{6 * MIB}\n"
    close(*a, *b)


def test_a_memfd_is_sparse(daemon):
    d = daemon("[region 0]\nsize=64T\nalign=1G\n")
    rw, ro = stores(d, "dax0.0")
    assert os.fstat(rw).st_blocks == 0
    assert os.fstat(rw).st_size == 64 << 40
    close(rw, ro)


def test_small_align(daemon):
    d = daemon("[region 0]\nalign=4K\n[device 0.0]\nsize=1028K\n[device 0.1]\nsize=4K\n")
    assert d.state().find("dax0.0")[2].size == 1028 << 10
    assert d.attr("bus/dax/devices/dax0.1/size") == "4096\n"


def test_file_size_limit(new_daemon):
    import resource
    says = new_daemon().fail("[region 0]\nsize=8M\n", preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB)))
    assert "dax0.0: its memfd can't have 8388608 bytes: File too large (make it smaller, or raise " \
        "ulimit -f)" in says


def test_too_few_descriptors(new_daemon):
    import resource
    config = "[region 0]\nalign=4K\n" + "".join(f"[device 0.{n}]\nsize=4K\n" for n in range(64))
    says = new_daemon().fail(config, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (64, 64)))
    assert "Too many open files" in says


@both_users
def test_huge_pages_are_reserved_at_the_start_and_given_back(daemon, hugepages):
    hugepages(8)
    before = pool()
    d = daemon("[region 0]\nbacking=hugetlb\n[device 0.0]\nsize=4M\n[device 0.1]\nsize=6M\n")
    assert pool()["resv_hugepages"] == before["resv_hugepages"] + 5
    rw, ro = stores(d, "dax0.1")
    smaps = None
    with mmap.mmap(rw, 6 * MIB) as m:
        m[0] = 1
        with open("/proc/self/smaps") as f:
            lines = f.read().split("\n")
        at = next(i for i, line in enumerate(lines) if "dax0.1" in line)
        smaps = [line for line in lines[at:at + 25] if line.startswith("KernelPageSize")]
    assert smaps[0].split()[1:] == ["2048", "kB"]
    close(rw, ro)
    d.stop()
    assert pool() == before


@both_users
def test_too_few_huge_pages(new_daemon, hugepages):
    hugepages(3)
    d = new_daemon()
    assert d.fail("[region 0]\nbacking=hugetlb\nsize=8M\n") == (
        "cuse-daxd: dax0.0: 4 huge pages of 2 MiB are needed, 3 are free (as root: sysctl "
        "vm.nr_hugepages=4; or backing=memory)\n")
    # Pages that another daemon has reserved are not free.
    first = new_daemon("first").start("[region 0]\nbacking=hugetlb\nsize=4M\n")
    assert "2 huge pages of 2 MiB are needed, 1 are free (as root: sysctl vm.nr_hugepages=4" in \
        d.fail("[region 0]\nbacking=hugetlb\nsize=4M\n")
    first.stop()
    assert pool()["free_hugepages"] == 3 and pool()["resv_hugepages"] == 0


def test_align_1g_on_2m_pages(daemon, hugepages):
    """Without a pool of 1 GiB pages, 2 MiB pages are used."""
    hugepages(512)
    d = daemon("[region 0]\nbacking=hugetlb\nalign=1G\nsize=1G\n")
    rw, ro = stores(d, "dax0.0")
    assert os.fstat(rw).st_blksize == 2 * MIB
    close(rw, ro)


@both_users
def test_hugetlbfs_file_is_made_and_stays(new_daemon, hugepages, hugetlbfs):
    hugepages(8)
    path = hugetlbfs / "file"
    config = f"[region 0]\nbacking=hugetlbfs:{path}\nsize=8M\n"
    d = new_daemon().start(config)
    assert path.stat().st_size == 8 * MIB and file_mode(path) == 0o600
    assert pool()["resv_hugepages"] == 4
    rw, ro = stores(d, "dax0.0")
    with mmap.mmap(rw, 8 * MIB) as m:
        m[7 * MIB] = 7
    close(rw, ro)
    d.stop()
    # Without size=, the size of the file applies.
    d = new_daemon("second").start(f"[region 0]\nbacking=hugetlbfs:{path}\n")
    assert d.state().find("dax0.0")[2].size == 8 * MIB
    rw, ro = stores(d, "dax0.0")
    with mmap.mmap(ro, 8 * MIB, prot=mmap.PROT_READ) as m:
        assert m[7 * MIB] == 7
    close(rw, ro)
    d.stop()
    path.unlink()


def test_hugetlbfs_several_devices_share_the_file(daemon, hugepages, hugetlbfs):
    hugepages(8)
    d = daemon(f"[region 0]\nbacking=hugetlbfs:{hugetlbfs}/file\nsize=12M\n[device 0.0]\nsize=4M\n"
               "[device 0.1]\n")
    assert (offset(d, "dax0.0"), offset(d, "dax0.1")) == (0, 4 * MIB)
    assert d.state().find("dax0.1")[2].size == 8 * MIB


def test_hugetlbfs_one_device_takes_the_rest_of_the_file(daemon, hugepages, hugetlbfs):
    hugepages(8)
    with open(hugetlbfs / "file", "wb") as f:
        f.truncate(12 * MIB)
    d = daemon(f"[region 0]\nbacking=hugetlbfs:{hugetlbfs}/file\n[device 0.0]\nsize=4M\n"
               "[device 0.1]\n")
    assert d.state().find("dax0.1")[2].size == 8 * MIB


def test_hugetlbfs_dynamic_region_of_a_file(daemon, hugepages, hugetlbfs):
    hugepages(8)
    with open(hugetlbfs / "file", "wb") as f:
        f.truncate(12 * MIB)
    d = daemon(f"[region 0]\nbacking=hugetlbfs:{hugetlbfs}/file\ntype=dynamic\n[device 0.0]\n"
               "size=4M\n")
    assert d.attr("devices/platform/hmem.0/dax_region/size") == f"{12 * MIB}\n"
    assert d.attr("devices/platform/hmem.0/dax_region/available_size") == f"{8 * MIB}\n"


def test_hugetlbfs_rest_of_nothing(new_daemon, hugepages, hugetlbfs):
    hugepages(8)
    config = (f"[region 0]\nbacking=hugetlbfs:{hugetlbfs}/file\n[device 0.0]\nsize=4M\n"
              "[device 0.1]\n")
    assert ":5: [device 0.1] has no size, and the size of its region is unknown" in new_daemon().fail(config)
    with open(hugetlbfs / "file", "wb") as f:
        f.truncate(4 * MIB)
    assert "leave nothing for the one without size" in new_daemon().fail(config)


def test_hugetlbfs_other_size(new_daemon, hugepages, hugetlbfs):
    hugepages(8)
    path = hugetlbfs / "file"
    with open(path, "wb") as f:
        f.truncate(4 * MIB)
    assert new_daemon().fail(f"[region 0]\nbacking=hugetlbfs:{path}\nsize=8M\n") == (
        f"cuse-daxd: {path}: exists and has 4M, but [region 0] says 8M (leave out size, or give "
        "another path)\n")
    assert path.stat().st_size == 4 * MIB


def test_hugetlbfs_too_few_pages_leaves_no_file(new_daemon, hugepages, hugetlbfs):
    hugepages(3)
    says = new_daemon().fail(f"[region 0]\nbacking=hugetlbfs:{hugetlbfs}/file\nsize=8M\n")
    assert "region 0: 4 huge pages of 2 MiB are needed, 3 are free" in says
    assert os.listdir(hugetlbfs) == []


def test_hugetlbfs_elsewhere(new_daemon, workdir):
    says = new_daemon().fail(f"[region 0]\nbacking=hugetlbfs:{workdir}/file\nsize=4M\n")
    assert says == (f"cuse-daxd: {workdir}/file: {workdir} is not on a hugetlbfs (as root: mount "
                    "-t hugetlbfs -o pagesize=2M none DIR; or backing=memory)\n")
    assert not (workdir / "file").exists()


def checksum(block):
    low = high = 0
    for (word,) in struct.iter_unpack("<I", block[:-8] + bytes(8)):
        low = (low + word) & 0xffffffff
        high = (high + low) & 0xffffffffffffffff
    return (high << 32 | low) & 0xffffffffffffffff


def read_block(path):
    with open(path, "rb") as f:
        f.seek(INFO)
        return bytearray(f.read(4096))


def write_block(path, block, fix=True):
    if fix:
        block[-8:] = struct.pack("<Q", checksum(block))
    with open(path, "r+b") as f:
        f.seek(INFO)
        f.write(block)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


@both_users
def test_pmem_new_file(daemon, workdir):
    path = workdir / "image"
    d = daemon(f"[region 0]\nbacking=pmem:{path}\nsize=102M\n")
    block = read_block(path)
    assert block[:16] == b"NVDIMM_DAX_INFO\0"
    assert struct.unpack_from("<Q", block, 4088)[0] == checksum(block)
    dataoff, = struct.unpack_from("<Q", block, 0x38)
    mode, start_pad, end_trunc, align = struct.unpack_from("<IIII", block, 0x48)
    size = path.stat().st_size
    assert size % (16 * MIB) == 0
    assert size - dataoff - start_pad - end_trunc == 102 * MIB
    assert (mode, align) == (1, 2 * MIB)
    assert path.stat().st_blocks * 512 >= size, "a full disk would be found too late"
    assert file_mode(path) == 0o600
    assert offset(d, "dax0.0") == dataoff
    uuid = bytes(block[16:32]).hex()
    assert d.attr("bus/nd/devices/dax0.0/uuid").replace("-", "").strip() == uuid
    assert d.attr("bus/nd/devices/namespace0.0/size") == f"{size}\n"


def test_pmem_map_dev(daemon, workdir):
    d = daemon(f"[region 0]\nbacking=pmem:{workdir}/image\nsize=64M\nmap=dev\n")
    block = read_block(workdir / "image")
    assert struct.unpack_from("<I", block, 0x48)[0] == 2
    assert d.attr("bus/nd/devices/dax0.0/mode") == "pmem\n"


@both_users
def test_pmem_existing_file_decides(new_daemon, workdir):
    path = workdir / "image"
    d = new_daemon().start(f"[region 0]\nbacking=pmem:{path}\nsize=64M\nmap=dev\nalign=4K\n")
    fds = stores(d, "dax0.0")
    start = offset(d, "dax0.0")
    with mmap.mmap(fds[0], 64 * MIB, offset=start) as m:
        m[64 * MIB - 1] = 9
    close(*fds)
    d.stop()
    before = digest(path)
    d = new_daemon("second").start(f"[region 0]\nbacking=pmem:{path}\n")
    device = d.state().find("dax0.0")[2]
    assert (device.size, device.align) == (64 * MIB, 4096)
    assert d.control("list")[0]["map"] == "dev"
    fds = stores(d, "dax0.0")
    with mmap.mmap(fds[1], 64 * MIB, offset=start, prot=mmap.PROT_READ) as m:
        assert m[64 * MIB - 1] == 9
    close(*fds)
    d.stop()
    assert digest(path) == before


@pytest.mark.parametrize("key, has, says", [
    ("size=66M", "has 64M", "says 66M (leave out size"),
    ("align=4K", "was made with align=2M", "says 4K (leave out align"),
    ("map=dev", "was made with map=mem", "says dev (leave out map"),
])
def test_pmem_existing_file_is_another(new_daemon, workdir, key, has, says):
    path = workdir / "image"
    new_daemon().start(f"[region 0]\nbacking=pmem:{path}\nsize=64M\n").stop()
    before = digest(path)
    said = new_daemon().fail(f"[region 0]\nbacking=pmem:{path}\n{key}\n")
    assert has in said and says in said
    assert digest(path) == before


def test_pmem_existing_empty_file_is_formatted(daemon, workdir):
    """An existing empty file is formatted at its size, and its blocks are allocated."""
    path = workdir / "image"
    with open(path, "wb") as f:
        f.truncate(64 * MIB)
    d = daemon(f"[region 0]\nbacking=pmem:{path}\n")
    assert path.stat().st_size == 64 * MIB
    assert path.stat().st_blocks * 512 >= 64 * MIB
    assert d.state().find("dax0.0")[2].size == 62 * MIB


def test_pmem_existing_empty_file_with_a_size(new_daemon, workdir):
    path = workdir / "image"
    with open(path, "wb") as f:
        f.truncate(64 * MIB + 4096)
    d = new_daemon().start(f"[region 0]\nbacking=pmem:{path}\nsize=4M\n")
    assert d.state().find("dax0.0")[2].size == 4 * MIB
    d.stop()
    assert path.stat().st_size == 64 * MIB + 4096
    d = new_daemon("second").start(f"[region 0]\nbacking=pmem:{path}\n")
    assert d.state().find("dax0.0")[2].size == 4 * MIB


def test_pmem_existing_empty_file_too_small(new_daemon, workdir):
    path = workdir / "image"
    with open(path, "wb") as f:
        f.truncate(64 * MIB)
    config = f"[region 0]\nbacking=pmem:{path}\n"
    assert "exists and is empty, with room for a namespace of 64M, but a device of 64M needs one of " \
        "80M (leave out size, or truncate -s 80M it)" in new_daemon().fail(config + "size=64M\n")
    with open(path, "wb") as f:
        f.truncate(1 * MIB)
    assert "is empty, but its 1048576 bytes are too few" in new_daemon().fail(config)
    with open(path, "wb") as f:
        f.truncate(1024 * MIB)
    assert "exists and is empty, but too small for a device" in new_daemon().fail(config + "align=1G\n")
    assert path.stat().st_blocks == 0


def test_pmem_file_of_length_0_is_as_good_as_none(daemon, workdir):
    (workdir / "image").touch()
    d = daemon(f"[region 0]\nbacking=pmem:{workdir}/image\nsize=4M\n")
    assert d.state().find("dax0.0")[2].size == 4 * MIB


@pytest.mark.parametrize("at, magic, says", [
    (4096, b"NVDIMM_PFN_INFO\0", "a namespace in fsdax mode"),
    (4096, b"BTT_ARENA_INFO\0\0", "a namespace in sector mode"),
    (0, b"NAMESPACE_INDEX\0", "the label area of an NVDIMM"),
    (1080, b"\x53\xef", "an ext2, ext3 or ext4 file system"),
    (0, b"XFSB", "an XFS file system"),
    (0, b"QFI\xfb", "a qcow2 image"),
    (512, b"EFI PART", "a partitioned disk"),
    (0, b"hello", "data without an info block"),
    (16383, b"x", "data without an info block"),
])
def test_pmem_foreign_file(new_daemon, workdir, at, magic, says):
    path = workdir / "image"
    with open(path, "wb") as f:
        f.truncate(32 * MIB)
        f.seek(at)
        f.write(magic)
    before = digest(path)
    said = new_daemon().fail(f"[region 0]\nbacking=pmem:{path}\n")
    assert f"holds {says}" in said and "nothing was changed (" in said
    assert digest(path) == before


def broken_checksum(block):
    block[0x50] ^= 1
    return False


def torn(block):
    block[2048:] = bytes(2048)
    return False


def too_new(block):
    struct.pack_into("<H", block, 0x36, 5)
    return True


def cut_off(block):
    struct.pack_into("<I", block, 0x50, 1 << 31)
    return True


def wrong_align(block):
    struct.pack_into("<I", block, 0x54, 65536)
    return True


def wrong_mode(block):
    struct.pack_into("<I", block, 0x48, 7)
    return True


@pytest.mark.parametrize("damage, says", [
    (broken_checksum, "its info block is damaged: the checksum does not match"),
    (torn, "its info block is damaged: the checksum does not match"),
    (too_new, "its info block has version 1.5 or a feature that is newer"),
    (cut_off, "its info block does not fit: the namespace is too small for it"),
    (wrong_align, "its info block does not fit: its alignment is not 4K, 2M or 1G"),
    (wrong_mode, "its info block does not fit: its mode is neither ram nor pmem"),
])
def test_pmem_bad_info_block(new_daemon, workdir, damage, says):
    path = workdir / "image"
    config = f"[region 0]\nbacking=pmem:{path}\n"
    new_daemon().start(config + "size=32M\n").stop()
    block = read_block(path)
    write_block(path, block, damage(block))
    before = digest(path)
    said = new_daemon().fail(config)
    assert says in said and "(" in said
    assert digest(path) == before


def test_pmem_resized_image(new_daemon, workdir):
    path = workdir / "image"
    config = f"[region 0]\nbacking=pmem:{path}\n"
    new_daemon().start(config + "size=126M\n").stop()
    for size, now in ((48, 46), (160, 158)):
        os.truncate(path, size * MIB)
        before = digest(path)
        said = new_daemon().fail(config)
        assert f"{path}: the file was made longer or shorter: its info block was written for a " \
            f"device of 126M, now there would be one of {now}M; nothing was changed (" in said
        assert "--force-format" in said
        assert digest(path) == before
    os.truncate(path, 128 * MIB)
    assert new_daemon().start(config).state().find("dax0.0")[2].size == 126 * MIB


@needs_root
def test_pmem_full_disk(new_daemon, small_fs):
    path = small_fs("size=40M") / "image"
    said = new_daemon().fail(f"[region 0]\nbacking=pmem:{path}\nsize=62M\n")
    assert f"{path}: needs 64M, its file system has " in said and "M free (make room" in said
    assert not path.exists()


@needs_root
def test_pmem_full_disk_for_an_empty_file(new_daemon, small_fs):
    path = small_fs("size=40M") / "image"
    with open(path, "wb") as f:
        f.truncate(64 * MIB)
    assert "needs 64M, its file system has" in new_daemon().fail(
        f"[region 0]\nbacking=pmem:{path}\n")
    assert path.exists()


def test_a_failed_start_removes_the_files_it_made(new_daemon, workdir):
    (workdir / "bad").write_bytes(b"x" * 20000)
    (workdir / "old").touch()
    config = ("[region 0]\nbacking=pmem:{0}/new\nsize=4M\n"
              "[region 1]\nbacking=pmem:{0}/bad\n").format(workdir)
    new_daemon().fail(config)
    assert not (workdir / "new").exists()
    # Also if the error occurs only when the second region is made.
    if IS_ROOT:
        huge = "[region 1]\nbacking=hugetlb\nsize=1024G\n"
        assert "huge pages" in new_daemon().fail(config.split("[region 1]")[0] + huge)
        assert not (workdir / "new").exists()


@pytest.mark.parametrize("kind", ["pmem", "hugetlbfs"])
def test_path_problems(new_daemon, workdir, kind):
    config = "[region 0]\nbacking=" + kind + ":{}\nsize=4M\n"
    said = new_daemon().fail(config.format(workdir / "no/file"))
    assert f"the directory {workdir}/no can't be used: No such file or directory (make it" in said
    said = new_daemon().fail(config.format(workdir))
    assert f"{workdir}: is a directory (backing= needs the path of a file" in said
    os.mkfifo(workdir / "fifo")
    assert "is not a regular file (check backing=)" in \
        new_daemon().fail(config.format(workdir / "fifo"))
    (workdir / "loop").symlink_to("loop")
    assert os.strerror(errno.ELOOP) in new_daemon().fail(config.format(workdir / "loop"))
    assert os.strerror(errno.ENOTDIR) in new_daemon().fail(config.format("/etc/passwd/file"))


@needs_root
@pytest.mark.parametrize("user", ["nobody"], indirect=True)
def test_no_permission(new_daemon, workdir):
    closed = workdir / "closed"
    closed.mkdir()
    said = new_daemon().fail(f"[region 0]\nbacking=pmem:{closed}/file\nsize=4M\n")
    assert f"no file can be made in {closed}: Permission denied (give uid {NOBODY} write" in said
    (workdir / "image").touch(0o644)
    said = new_daemon().fail(f"[region 0]\nbacking=pmem:{workdir}/image\nsize=4M\n")
    assert "can't be opened for reading and writing: Permission denied (check its mode" in said


@needs_root
def test_read_only_file_system(new_daemon, small_fs):
    path = small_fs("size=20M")
    (path / "image").touch()
    run(["mount", "-o", "remount,ro", path])
    for name in ("image", "other"):
        said = new_daemon().fail(f"[region 0]\nbacking=pmem:{path}/{name}\nsize=4M\n")
        assert "Read-only file system" in said
