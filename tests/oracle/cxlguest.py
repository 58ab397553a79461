#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A machine with CXL memory in QEMU, for tests that compare with a real kernel's CXL bus.

    from cxlguest import CxlGuest
    r = CxlGuest("7.3", memdevs=["512M"] * 2).run("cxl list -M")

QEMU and cxl are those of Debian trixie, fetched into the cache folder of guest.py: bookworm's
are too old for volatile memory devices and for ram regions.
"""

import os
import sys

from guest import Guest, GuestError, KERNELS, cache_dir, cache_lock
from suites import Suite

BUSES = (12, 222)	# of the host bridges, as in the recorded machines
MODULES_CXL = ("cxl_core", "cxl_acpi", "cxl_port", "cxl_mem", "dax_cxl", "device_dax")
ASIDE_CXL = ("cxl_pci", "cxl_pmem")

# Memory devices are probed one after the other, so memN is always the same one.
PROBE = """
echo 0 >/sys/bus/pci/drivers_autoprobe
modprobe cxl_pci
for device in {devices}; do
	echo 0000:$device >/sys/bus/pci/drivers/cxl_pci/bind || exit 1
	n=0
	until [ -e /sys/bus/pci/devices/0000:$device/mem*/driver ]; do
		n=$((n + 1)); [ $n -lt 100 ] || exit 1
		sleep 0.1
	done
done
mkdir -p /dev/cxl
"""


def trixie():
    """Return: the Suite with QEMU and cxl, from the cache or fetched."""
    with cache_lock():
        return Suite("trixie", os.path.join(cache_dir(), "trixie"), "qemu-system-x86", "cxl", "daxctl")


class CxlGuest(Guest):
    """A machine to boot. It has Guest's arguments modules, cmdline, memory and cpus, and

    memdevs	sizes of the volatile memory devices; number N is mem N with serial number N + 1,
                below host bridge N modulo their number
    bridges	number of host bridges, 1 or 2
    windows	windows of addresses: (size, [host bridges that it interleaves]); by default one of
                4 GiB that interleaves all
    granularity	of all windows
    cxl		version of the cxl program: "76" (this machine's), or "81" (trixie's)
    """

    def __init__(self, kernel="7.3", memdevs=("512M",), bridges=1, windows=None, granularity=256,
                 cxl="81", modules=(), aside=(), **kw):
        super().__init__(kernel, modules=[*MODULES_CXL, *modules], aside=[*ASIDE_CXL, *aside], **kw)
        self.cxl = cxl
        self.cpu = "max,-hypervisor"	# with the hypervisor bit a region can't be committed
        self.node = ["-numa", "node,memdev=ram"]	# so that windows have NUMA nodes of their own
        self.machine = "q35,cxl=on"
        for b in reversed(range(bridges)):	# the kernel finds the last one first
            self.qemu_args += ["-device", f"pxb-cxl,bus_nr={BUSES[b]},bus=pcie.0,id=cxl.{b}"]
        for i, (size, targets) in enumerate(windows or [("4G", range(bridges))]):
            for j, b in enumerate(targets):
                self.machine += f",cxl-fmw.{i}.targets.{j}=cxl.{b}"
            self.machine += f",cxl-fmw.{i}.size={size},cxl-fmw.{i}.interleave-granularity={granularity}"
        devices = []
        for n, size in enumerate(memdevs):
            bridge, slot = n % bridges, n // bridges
            self.qemu_args += [
                "-object", f"memory-backend-ram,id=memory{n},size={size},share=on,reserve=off",
                "-device", f"cxl-rp,port={slot},bus=cxl.{bridge},id=rp{n},chassis={bridge},slot={slot}",
                "-device", f"cxl-type3,bus=rp{n},volatile-memdev=memory{n},id=cxl-mem{n},sn={n + 1}"]
            devices.append(f"{BUSES[bridge] + 1 + slot:02x}:00.0")
        self.setup += PROBE.format(devices=" ".join(devices))

    def qemu(self):
        suite = trixie()
        return [*suite.argv("qemu-system-x86_64"), "-L", f"{suite.root}/usr/share/qemu",
                "-L", f"{suite.root}/usr/share/seabios"]

    def add(self, archive):
        if self.cxl == "81":
            for program in ("cxl", "daxctl"):
                trixie().into(archive, program, "/opt/trixie")
        else:
            archive.program("/usr/bin/cxl", "/bin/cxl")


def main():
    try:
        r = CxlGuest(sys.argv[1], memdevs=["512M"] * 2).run(sys.stdin.read())
    except GuestError as e:
        print(e, file=sys.stderr)
        return 125
    print(r.output, end="")
    print(r.console[-3000:], f"{r.seconds:.0f} s", file=sys.stderr)
    return r.status


if __name__ == "__main__":
    sys.exit(main())
