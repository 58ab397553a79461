# SPDX-License-Identifier: BSD-2-Clause
"""Images made by the daemon are the same devices in a real kernel, and vice versa."""

import hashlib
import json
import os
import struct
import sys
import uuid

import pytest

from conftest import BUILD, CTL, ROOT, load_json, run

sys.path.insert(0, str(ROOT / "tests/oracle"))
from guest import Guest  # noqa: E402

pytestmark = [pytest.mark.guest, pytest.mark.plain]

MIB = 1 << 20
GIB = 1 << 30
DAXRUN = BUILD / "daxrun"
BYTES = BUILD / "progs/daxbytes"
SIZES = {"4K": 4096, "2M": 2 * MIB, "1G": GIB}

# Devices written here: map, align, size, with sizes that are no multiple of 16 MiB.
OURS = [("mem", "4K", 34 * MIB), ("dev", "4K", 16 * MIB), ("mem", "2M", 100 * MIB),
        ("dev", "2M", 48 * MIB), ("mem", "1G", GIB), ("dev", "1G", GIB)]
# Namespaces that the real ndctl makes: map, align, size of the file.
THEIRS = [("mem", "4K", 32 * MIB), ("dev", "4K", 32 * MIB), ("mem", "2M", 48 * MIB),
          ("dev", "2M", 112 * MIB), ("mem", "1G", 2 * GIB), ("dev", "1G", 2 * GIB)]


# Regions that are divided into several devices here: map, config lines.
CUT = [("mem", "type=dynamic\nsize=64M\n"), ("dev", "type=dynamic\nsize=64M\n"),
       ("dev", "[device 0.0]\nsize=16M\n[device 0.3]\nsize=48M\n")]


class Image:
    """An image file, and the parts of it that the test compares."""

    def __init__(self, path, mapping, align, size=None):
        self.path = path
        self.map = mapping
        self.align = align
        self.size = size

    @property
    def step(self):
        return {"4K": 4096 if self.map == "dev" else 256 << 10, "2M": 256 << 10, "1G": 16 * MIB}[
            self.align]

    @property
    def dataoff(self):
        with open(self.path, "rb") as f:
            return struct.unpack("<Q", os.pread(f.fileno(), 8, 4096 + 0x38))[0]

    def blocks(self):
        """Return: the bytes that `daxbytes show` prints, read from the file."""
        places = range(0, self.size - 4096, self.step)
        with open(self.path, "rb") as f:
            return b"".join(os.pread(f.fileno(), 4096, self.dataoff + at)
                            for at in [*places, self.size - 4096])

    def sum(self):
        return hashlib.sha256(self.blocks()).hexdigest()

    def here(self, *command, **kwargs):
        return run([DAXRUN, "-d", f"dax0.0,backing=pmem:{self.path}", "--", *command], **kwargs)

    def fill_here(self, seed):
        result = self.here(BYTES, "fill", "/dev/dax0.0", self.size, self.step, seed)
        assert result.returncode == 0, result.stderr

    def sum_here(self):
        result = self.here("sh", "-c",
                           f"{BYTES} show /dev/dax0.0 {self.size} {self.step} | sha256sum")
        assert result.returncode == 0, result.stderr
        return result.stdout.split()[0]

    def listed_here(self):
        return load_json(self.here("daxctl", "list"))[0]


GUEST_SCRIPT = r"""
pick() { # the name of the device of image $1
	region=$(cat /run/nvdimm/$1)
	dev=dax$region.0
	at=/sys/bus/dax/devices/$dev
	n=0
	while [ ! -c /dev/$dev ]; do
		n=$((n + 1)); [ $n -lt 300 ] || { echo "no /dev/$dev for image $1"; exit 1; }
		sleep 0.1
	done
}
report() { # image, step
	pick $1
	size=$(cat $at/size)
	sum=$(daxbytes show /dev/$dev $size $2 | sha256sum)
	echo "$1 namespace$region.0 $size $(cat $at/align) ${sum%% *}"
}
change() { # image, step, seed
	pick $1
	daxbytes fill /dev/$dev $(cat $at/size) $2 $3 || exit 1
}
make() { # image, align, map
	ndctl create-namespace -f -e namespace$(cat /run/nvdimm/$1).0 -m devdax -a $2 --map=$3 \
		>/dev/null || exit 1
}
"""


class Cut(Image):
    """An image with a device record, which a real kernel ignores."""

    def __init__(self, path, mapping, keys):
        super().__init__(path, mapping, "2M", 64 * MIB)
        self.config = f"[region 0]\nbacking=pmem:{path}\nmap={mapping}\n{keys}"

    def here(self, *command, **kwargs):
        path = self.path.with_suffix(".conf")
        path.write_text(self.config)
        return run([DAXRUN, "-q", f"--config={path}", "--", *command], **kwargs)

    def make(self):
        """Make the devices. Return: them, as inspect shows them."""
        orders = "true"
        if "dynamic" in self.config:
            orders = ("daxctl disable-device dax0.0 && daxctl reconfigure-device -s 8M dax0.0 && "
                      "daxctl create-device -s 4M && daxctl create-device -s 20M && "
                      "daxctl destroy-device -f dax0.1 && daxctl create-device -s 12M")
        result = self.here("sh", "-c", orders)
        assert result.returncode == 0, result.stderr
        return self.record()

    def record(self):
        return load_json(run([CTL, "inspect", self.path]))["record"]


def boot(kernel, directory):
    """Boot a real kernel once, with images made here and empty ones for ndctl."""
    ours = [Image(directory / f"ours{i}", *what) for i, what in enumerate(OURS)]
    theirs = [Image(directory / f"theirs{i}", m, a) for i, (m, a, _) in enumerate(THEIRS)]
    cut = [Cut(directory / f"cut{i}", *what) for i, what in enumerate(CUT)]
    script = GUEST_SCRIPT
    for i, image in enumerate(ours):
        spec = f"dax0.0,backing=pmem:{image.path},map={image.map},align={image.align},size={image.size}"
        result = run([DAXRUN, "-d", spec, "--", BYTES, "fill", "/dev/dax0.0", image.size,
                      image.step, i + 1])
        assert result.returncode == 0, result.stderr
        image.before = image.sum()
        script += f"report {i} {image.step}; change {i} {image.step} {100 + i}\n" \
                  f"report {i} {image.step}\n"
    for i, (image, (_, _, size)) in enumerate(zip(theirs, THEIRS), len(ours)):
        with open(image.path, "wb") as f:
            f.truncate(size)
        script += f"make {i} {image.align} {image.map}\n" \
                  f"change {i} {image.step} {100 + i}; report {i} {image.step}\n"
    for i, image in enumerate(cut, len(ours) + len(theirs)):
        image.before = image.make()
        script += f"change {i} {image.step} {100 + i}; report {i} {image.step}\n"
    script += "echo NDCTL; ndctl list -N\n"
    guest = Guest(kernel, nvdimms=[i.path for i in ours + theirs + cut])
    result = guest.run(script, programs=[BYTES], timeout=400)
    assert result.status == 0, result.output
    assert not result.oops(), result.console
    lines, _, namespaces = result.output.partition("NDCTL\n")
    namespaces = {n["dev"]: n for n in json.loads(namespaces)}
    result.reports = {}
    for line in lines.splitlines():
        number, name, size, align, digest = line.split()
        result.reports.setdefault(int(number), []).append(
            (int(size), int(align), digest, namespaces[name]))
    return result, ours, theirs, cut


def check_ours_are_the_same_devices_in_the_guest(guest, ours):
    for i, image in enumerate(ours):
        size, align, digest, namespace = guest.reports[i][0]
        assert (size, align) == (image.size, SIZES[image.align]), image.path
        assert digest == image.before, image.path
        assert (namespace["mode"], namespace["map"]) == ("devdax", image.map)
        with open(image.path, "rb") as f:
            assert namespace["uuid"] == str(uuid.UUID(bytes=os.pread(f.fileno(), 16, 4096 + 16)))


def check_what_the_guest_wrote_is_read_here(guest, ours):
    for i, image in enumerate(ours):
        digest = guest.reports[i][1][2]
        assert digest != image.before
        assert image.sum() == digest
        assert image.sum_here() == digest
        listed = image.listed_here()
        assert (listed["size"], listed["align"]) == (image.size, SIZES[image.align])


def check_images_made_by_ndctl_open_here(guest, theirs, first):
    for i, image in enumerate(theirs, first):
        image.size, align, digest, real = guest.reports[i][0]
        listed = image.listed_here()
        assert (listed["size"], listed["align"]) == (image.size, align), image.path
        assert image.sum_here() == digest, image.path
        namespace = load_json(image.here("ndctl", "list", "-N"))[0]
        for key in ("mode", "map", "size", "uuid", "align"):
            assert namespace[key] == real[key], key
        # Bytes stored here now are in the place where the kernel looks for them.
        image.fill_here(1000 + i)
        assert image.sum() == image.sum_here() != digest


def check_a_real_kernel_does_not_touch_the_record(guest, cut, first):
    for i, image in enumerate(cut, first):
        size, _, digest, namespace = guest.reports[i][0]
        assert (size, namespace["map"]) == (64 * MIB, image.map)
        assert image.sum() == digest
        assert image.record() == image.before
        listed = load_json(image.here("daxctl", "list"))
        assert {d["chardev"]: d["size"] for d in listed} == {
            f"dax0.{d['id']}": d["size"] for d in image.before["devices"] if d["size"]}
        # The kernel's bytes at a range's offset are at the beginning of the device here.
        for device in image.before["devices"]:
            offset = device["ranges"][0]["offset"]
            shown = image.here("sh", "-c", f"{BYTES} show /dev/dax0.{device['id']} 2097152 262144 "
                               "| sha256sum").stdout.split()[0]
            with open(image.path, "rb") as f:
                places = [*range(0, 2 * MIB - 4096, 262144), 2 * MIB - 4096]
                blocks = b"".join(os.pread(f.fileno(), 4096, image.dataoff + offset + at)
                                  for at in places)
            assert shown == hashlib.sha256(blocks).hexdigest()


# One test for each kernel, so that each boots only once, even with parallel workers.
@pytest.mark.parametrize("kernel", ["6.12", "6.1"])
def test_round_trip_through_a_real_kernel(kernel, workdir):
    guest, ours, theirs, cut = boot(kernel, workdir)
    check_ours_are_the_same_devices_in_the_guest(guest, ours)
    check_what_the_guest_wrote_is_read_here(guest, ours)
    check_images_made_by_ndctl_open_here(guest, theirs, len(ours))
    check_a_real_kernel_does_not_touch_the_record(guest, cut, len(ours) + len(theirs))
