# SPDX-License-Identifier: BSD-2-Clause
"""Images: their device records, cuse-daxctl inspect, and when they may be overwritten."""

import hashlib
import json
import mmap
import os
import struct

import pytest

from conftest import BUILD, CTL, both_users, load_json, run
from wire import ALIVE, GONE

MIB = 1 << 20
REGION = "devices/platform/hmem.0/dax_region"
DRIVER = "bus/dax/drivers/device_dax"


@pytest.fixture(params=["pmem", "pmem,map=dev", "hugetlbfs"])
def kept_file(request, workdir):
    """Config lines for a region whose file stays when the daemon ends."""
    kind, _, mapping = request.param.partition(",")
    if kind == "hugetlbfs":
        request.getfixturevalue("hugepages")(40)
        return f"backing=hugetlbfs:{request.getfixturevalue('hugetlbfs')}/file\n"
    return f"backing=pmem:{workdir}/file\n{mapping}\n"


def path_of(config):
    return config.split("backing=")[1].split("\n")[0].partition(":")[2]


def layout(d):
    """Return: {name: (align, ranges, enabled)} of all devices."""
    return {device.name.decode(): (device.align,
                                   [(r.start, r.len) for r in device.ranges[:device.nr_ranges]],
                                   bool(device.flags & ALIVE))
            for _, _, device in d.state().devices() if not device.flags & GONE and device.major
            and device.name.startswith(b"dax")}


def write(d, path, text):
    assert d.store(path, text) == 0, (path, text)


def poke(d, name, byte):
    """Store a byte at both ends of each of the device's ranges."""
    with d.wire() as wire, d.opened(name) as handle:
        reply = wire.attach(handle)
        _, ranges, _ = layout(d)[name]
        for start, length in ranges:
            with mmap.mmap(reply.fd, length, offset=start) as m:
                m[0] = m[length - 1] = byte
        reply.close()


def peek(d, name):
    seen = set()
    with d.wire() as wire, d.opened(name) as handle:
        reply = wire.attach(handle)
        for start, length in layout(d)[name][1]:
            with mmap.mmap(reply.fd, length, offset=start) as m:
                seen |= {m[0], m[length - 1]}
        reply.close()
    return seen


def cut_up(d):
    """Make three devices of a region of 64 MiB. The last has two ranges; one device is disabled."""
    write(d, f"{DRIVER}/unbind", "dax0.0")
    write(d, "bus/dax/devices/dax0.0/size", str(8 * MIB))
    for n, size in ((1, 4), (2, 6), (3, 2)):
        write(d, f"{REGION}/create", "1")
        write(d, f"bus/dax/devices/dax0.{n}/size", str(size * MIB))
    write(d, "bus/dax/devices/dax0.1/size", "0")
    write(d, f"{REGION}/delete", "dax0.1")
    write(d, "bus/dax/devices/dax0.3/size", str(20 * MIB))
    write(d, "bus/dax/devices/dax0.2/align", "4096")
    for name in ("dax0.0", "dax0.3"):
        write(d, f"{DRIVER}/bind", name)


@both_users
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_devices_of_a_dynamic_region_come_back(new_daemon, kept_file, end):
    config = f"[region 0]\n{kept_file}type=dynamic\nsize=64M\n"
    d = new_daemon().start(config)
    cut_up(d)
    before = layout(d)
    assert len(before) == 3 and len(before["dax0.3"][1]) == 3 and not before["dax0.2"][2]
    for n in (0, 3):
        poke(d, f"dax0.{n}", 17 + n)
    getattr(d, end)()
    # With the same config, and with one that gives only the path.
    for config in (config, f"[region 0]\n{kept_file}type=dynamic\n"):
        d.start(config)
        assert layout(d) == before
        assert d.attr(f"{REGION}/available_size") == f"{(64 - 8 - 6 - 20) * MIB}\n"
        assert [peek(d, f"dax0.{n}") for n in (0, 3)] == [{17}, {20}]
        d.stop()
    # Free memory is used again, with the lowest free id.
    d.start(config)
    write(d, f"{REGION}/create", "1")
    assert d.attr(f"{REGION}/create") == "dax0.1\n"
    d.stop()
    d.start(config)
    assert layout(d)["dax0.1"] == (2 * MIB, [], False)
    assert d.attr(f"{REGION}/create") == "dax0.1\n"
    d.stop()


def test_devices_of_a_static_region_come_back(new_daemon, kept_file):
    devices = "[device 0.0]\nsize=8M\n[device 0.1]\nsize=4M\n[device 0.5]\nsize=20M\n"
    d = new_daemon().start(f"[region 0]\n{kept_file}{devices}")
    before = layout(d)
    assert list(before) == ["dax0.0", "dax0.1", "dax0.5"]
    for n in (0, 1, 5):
        poke(d, f"dax0.{n}", 30 + n)
    d.stop()
    d.start(f"[region 0]\n{kept_file}")
    assert layout(d) == before
    assert [peek(d, f"dax0.{n}") for n in (0, 1, 5)] == [{30}, {31}, {35}]
    d.stop()
    # A config that names one of the devices without a size, as daxrun -d dax0.1,backing=... does,
    # brings back all of them.
    d.start(f"[region 0]\n{kept_file}[device 0.1]\n")
    assert layout(d) == before
    d.stop()
    d.start(f"[region 0]\n{kept_file}{devices}")
    assert layout(d) == before
    d.stop()
    for other in (devices.replace("4M", "6M").replace("20M", "18M"), "type=dynamic\n",
                  devices.replace("0.1", "0.2"), "[device 0.7]\n"):
        said = d.fail(f"[region 0]\n{kept_file}{other}")
        assert "holds 3 devices of a static region, but [region 0] says otherwise (" in said


def test_a_region_with_one_device_keeps_no_record(new_daemon, workdir):
    path = workdir / "file"
    new_daemon().start(f"[region 0]\nbacking=pmem:{path}\nsize=32M\n").stop()
    data = path.read_bytes()
    block = data[4096:8192]
    assert not any(data[:4096]) and not any(data[8192:])
    assert block.startswith(b"NVDIMM_DAX_INFO")


def test_a_record_that_is_full_refuses_more(new_daemon, workdir):
    """When the record is full, no more devices can be made; with map=dev it has little room."""
    config = f"[region 0]\nbacking=pmem:{workdir}/file\nmap=dev\ntype=dynamic\nsize=512M\n"
    d = new_daemon().start(config)
    write(d, f"{DRIVER}/unbind", "dax0.0")
    write(d, "bus/dax/devices/dax0.0/size", str(2 * MIB))
    error = count = 0
    while not error:
        count += 1
        before = layout(d)
        error = d.store(f"{REGION}/create", "1") or \
            d.store(f"bus/dax/devices/dax0.{count}/size", str(2 * MIB))
        assert count < 120
    assert count > 50 and os.strerror(error) == "No space left on device"
    after = layout(d)
    assert {n: v for n, v in after.items() if v[1]} == {n: v for n, v in before.items() if v[1]}
    assert "has no room for more in the record of its devices (destroy some" in d.output()
    d.kill()
    assert layout(d.start(config)) == after
    # After deleting one device there is room for another one.
    write(d, "bus/dax/devices/dax0.5/size", "0")
    write(d, f"{REGION}/delete", "dax0.5")
    write(d, f"{REGION}/create", "1")
    write(d, "bus/dax/devices/dax0.5/size", str(2 * MIB))


def test_a_file_that_was_cut_off_refuses_changes(new_daemon, workdir):
    path = workdir / "file"
    d = new_daemon().start(f"[region 0]\nbacking=pmem:{path}\ntype=dynamic\nsize=32M\n")
    os.truncate(path, 4096)
    assert d.store(f"{DRIVER}/unbind", "dax0.0") != 0
    assert layout(d)["dax0.0"][2]
    assert "the record of its devices can't be written" in d.output()


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def patch(path, at, data):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def slots_of(path):
    with open(path, "rb") as f:
        return (512 << 10, 1 << 20) if os.pread(f.fileno(), 1, 4096 + 0x48) == b"\1" else (0, 2048)


def damaged_record(path):
    for slot in slots_of(path):
        patch(path, slot + 0x58, b"\xff")


def newer_record(path):
    """Make a record of a later version, with a correct checksum."""
    for slot in slots_of(path):
        with open(path, "rb") as f:
            f.seek(slot)
            record = bytearray(f.read(2040))
        length, = struct.unpack_from("<I", record, 0x14)
        struct.pack_into("<H", record, 0x10, 9)
        low = high = 0
        for (word,) in struct.iter_unpack("<I", record[:length - 8] + bytes(8)):
            low = (low + word) & 0xffffffff
            high = (high + low) & 0xffffffff
        struct.pack_into("<Q", record, length - 8, high << 32 | low)
        patch(path, slot, record[:length])


# How to damage an image; the daemon's message; how inspect calls the image, and its record.
DAMAGES = [
    (lambda p: patch(p, 4096 + 0x50, b"\1"), "its info block is damaged", "damaged", None),
    (lambda p: os.truncate(p, 32 * MIB), "was made longer or shorter", "resized", "ok"),
    (lambda p: os.truncate(p, 96 * MIB), "was made longer or shorter", "resized", "ok"),
    (lambda p: patch(p, 4096, b"QEMU"), "holds data without an info block", "foreign", None),
    (lambda p: patch(p, 4096, bytes(4096)), "holds data without an info block", "foreign", None),
    (damaged_record, "the record of its devices is damaged", "ok", "damaged"),
    (newer_record, "the record of its devices has a newer version", "ok", "newer"),
]


@pytest.mark.parametrize("damage, says, state, record", DAMAGES)
@pytest.mark.parametrize("mapping", ["mem", "dev"])
def test_a_bad_image_is_refused_shown_and_only_overwritten_by_force(
        new_daemon, workdir, mapping, damage, says, state, record):
    path = workdir / "file"
    config = f"[region 0]\nbacking=pmem:{path}\ntype=dynamic\nmap={mapping}\n"
    d = new_daemon().start(config + "size=64M\n")
    cut_up(d)
    d.stop()
    if state == "foreign" and mapping == "mem":
        patch(path, 9000, b"not only the record of ours, which is behind the head")
    damage(path)
    before = digest(path)
    said = new_daemon("b").fail(config)
    assert f"{path}: " in said and says in said and "nothing was changed (" in said
    assert "cuse-daxd --force-format overwrites it)" in said
    assert digest(path) == before
    result = run([CTL, "inspect", path])
    shown = json.loads(result.stdout)
    assert result.returncode == 1
    assert shown["state"] == state and (shown.get("record") or {}).get("state") == record
    if state == "damaged":
        assert shown["checksum"] == "wrong"
    d = new_daemon("c").start(config + "size=32M\n", "--force-format")
    assert layout(d) == {"dax0.0": (2 * MIB, [(layout(d)["dax0.0"][1][0][0], 32 * MIB)], True)}
    assert peek(d, "dax0.0") == {0}
    d.stop()
    shown = load_json(run([CTL, "inspect", path]))
    assert (shown["state"], shown["size"]) == ("ok", 32 * MIB)


def test_force_format_keeps_good_images(new_daemon, workdir):
    path = workdir / "file"
    config = f"[region 0]\nbacking=pmem:{path}\n"
    d = new_daemon().start(config + "size=32M\n")
    poke(d, "dax0.0", 99)
    d.stop()
    before = digest(path)
    new_daemon("b").start(config, "--force-format").stop()
    assert digest(path) == before
    assert "has 32M, but [region 0] says 64M" in new_daemon("c").fail(config + "size=64M\n",
                                                                      "--force-format")
    assert digest(path) == before


def test_force_format_takes_the_size_of_the_file(new_daemon, workdir):
    path = workdir / "file"
    path.write_bytes(b"x" * (48 * MIB))
    d = new_daemon().start(f"[region 0]\nbacking=pmem:{path}\n", "--force-format")
    assert layout(d)["dax0.0"][1][0][1] == 46 * MIB
    d.stop()
    assert path.stat().st_size == 48 * MIB


def test_inspect_shows_an_image(new_daemon, workdir):
    path = workdir / "file"
    new_daemon().start(f"[region 0]\nbacking=pmem:{path}\nsize=100M\nmap=dev\nalign=4K\n").stop()
    before = digest(path)
    shown = load_json(run([CTL, "inspect", path]))
    with open(path, "rb") as f:
        f.seek(4096)
        block = f.read(4096)
    uuid = shown.pop("uuid")
    assert uuid.replace("-", "") == block[16:32].hex()
    dataoff, = struct.unpack_from("<Q", block, 0x38)
    assert shown == {
        "path": str(path), "file_size": path.stat().st_size, "state": "ok",
        "what": "a namespace in devdax mode", "mode": "devdax", "map": "dev", "align": 4096,
        "dataoff": dataoff, "size": 100 * MIB, "npfns": 25600, "start_pad": 0,
        "end_trunc": path.stat().st_size - dataoff - 100 * MIB,
        "namespace_size": path.stat().st_size, "version": "1.4", "checksum": "ok"}
    human = run([CTL, "inspect", "--human", path]).stdout
    assert "align            4K\n" in human and f"uuid             {uuid}\n" in human
    assert digest(path) == before


def test_inspect_shows_the_devices(new_daemon, kept_file):
    d = new_daemon().start(f"[region 0]\n{kept_file}type=dynamic\nsize=64M\n")
    cut_up(d)
    d.stop()
    shown = load_json(run([CTL, "inspect", path_of(kept_file)]))
    record = shown["record"]
    assert (record["state"], record["type"], record["size"]) == ("ok", "dynamic", 64 * MIB)
    assert [(v["id"], v["size"], v["align"], v["state"], len(v["ranges"]))
            for v in record["devices"]] == [
        (0, 8 * MIB, 2 * MIB, "enabled", 1), (2, 6 * MIB, 4096, "disabled", 1),
        (3, 20 * MIB, 2 * MIB, "enabled", 3)]
    human = run([CTL, "-u", "inspect", path_of(kept_file)]).stdout
    assert human.splitlines()[-1].split() == ["3", "20M", "2M", "enabled", *human.splitlines()[-1]
                                              .split()[4:]]


@pytest.mark.parametrize("content, state, status", [
    (b"", "empty", 0), (bytes(16 * MIB), "empty", 0), (bytes(4096), "too small", 1),
    (b"x" * 5000, "foreign", 1), (b"XFSB" + bytes(20000), "foreign", 1)])
def test_inspect_of_what_is_no_image(workdir, content, state, status):
    (workdir / "f").write_bytes(content)
    result = run([CTL, "inspect", workdir / "f"])
    assert (result.returncode, json.loads(result.stdout)["state"]) == (status, state)


def test_inspect_of_what_is_no_file(workdir):
    result = run([CTL, "inspect", workdir / "none"])
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"cuse-daxctl: {workdir}/none: No such file or directory\n"
    result = run([CTL, "inspect", workdir])
    assert result.returncode == 1 and "is not a regular file" in result.stderr
    assert run([CTL, "inspect"]).returncode == 2


def test_a_new_namespace_makes_an_old_record_void(new_daemon, workdir):
    """A record is void once ndctl has written another info block to the file."""
    path = workdir / "file"
    config = f"[region 0]\nbacking=pmem:{path}\ntype=dynamic\n"
    d = new_daemon().start(config + "size=64M\n")
    cut_up(d)
    d.stop()
    other = workdir / "other"
    new_daemon("b").start(f"[region 0]\nbacking=pmem:{other}\nsize=64M\n").stop()
    with open(other, "rb") as f:
        patch(path, 4096, os.pread(f.fileno(), 4096, 4096))
    d = new_daemon("c").start(config)
    assert [len(layout(d)), layout(d)["dax0.0"][1][0][1]] == [1, 64 * MIB]
