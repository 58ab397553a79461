#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the demo and the conformance program of a build for aarch64, on Debian's kernel in QEMU.

    aarch64.py --build DIR

apt must know the packages of arm64 (dpkg --add-architecture arm64), in the suite whose libraries
the build uses: tools/portability runs this in a root of its own. The answers of the conformance
program are compared with those recorded on x86-64, except for CASES; those of OWN_CASES only if
the kernel is one of the recorded ones.
Prints the figures. Exit status: 0 if all is well, 1 if not.
"""

import argparse
import glob
import os
import re
import shutil
import sys

from compare import compare, load_recorded, parse_deviations, parse_lines
from debian import Debian, fetch_packages, make_image
from guest import TOP, GuestError, KERNELS, Kernel, cache_dir, command

BUILT = ("cuse-daxd", "daxrun", "cuse-daxctl", "libdaxshim.so", "conformance")
TOOLS = ("base-files", "base-passwd", "dash", "debianutils", "tar", "grep", "sed", "findutils", "gzip", "diffutils",
         "hostname", "libc-bin", "python3", "fio", "ndctl", "daxctl", "pmdk-tools", "util-linux", "mount", "login",
         "passwd", "coreutils", "bash", "kmod", "procps", "libpmem1", "libjson-c5", "busybox-static")
# By suite.
LIBRARIES = (("libfuse3-4", "libfuse3-3"), ("libglib2.0-0t64", "libglib2.0-0"))
KERNEL_DEBS = r"linux-(image|binary|modules|base)-\d.*_arm64\.deb"
MODULES = ("virtio_pci", "virtio_console", "crc32c_generic", "virtio_blk", "ext4")
APT = ("-o", "APT::Architecture=arm64", "-o", "APT::Architectures::=arm64")
SIZE = 534773760  # of the recorded devices

# Cases of x86-64: its instructions, flag and address space, and how its copying meets a hole. From
# glibc 2.41 on, getrandom(3) is no system call.
CASES = ("fault.straddle.*", "mmap.flag.*.32bit", "mmap.length.128T", "kernel.getrandom.*")
# Cases that the guest's own kernel decides, where it has changed between the recorded ones.
OWN_CASES = ("kernel.proc_mem_*",)

SCRIPT = """
set -e
DAXRUN=/opt/daxd/daxrun sh /opt/daxd/tools/demo
# A tmpfs copies what is read directly, the recorded machines had no such /tmp.
TMPDIR=/var/tmp /opt/daxd/daxrun -q -d dax0.0,size={size} -d dax1.0,size=16M -- /opt/daxd/conformance \\
	--dev /dev/dax0.0 --second /dev/dax1.0 {skip} >/run/answers
"""


def first_known(names):
    known = command("apt-cache", *APT, "pkgnames", os.path.commonprefix(names)).split()
    return next((name for name in names if name in known), names[0])


class Aarch64(Debian):
    """A Debian for aarch64, with the tools of the demo."""

    QEMU = ("qemu-system-aarch64", "qemu-system-arm")
    CONSOLE = "ttyAMA0"

    def __init__(self):
        super().__init__(machine="virt", memory="3G")
        self.place = os.path.join(cache_dir(), "aarch64")
        self.aside = []
        if not os.path.exists(f"{self.place}/root.ext4"):
            self._fetch()
        (tree,) = glob.glob(f"{self.place}/kernel/lib/modules/*") or \
            glob.glob(f"{self.place}/kernel/usr/lib/modules/*")
        self.release = os.path.basename(tree)
        files = {os.path.basename(path).partition(".ko")[0].replace("-", "_")
                 for path in glob.glob(f"{tree}/kernel/**/*.ko*", recursive=True)}
        self.modules = [name for name in MODULES if name in files]
        self.kernel = next(k for k in reversed(KERNELS) if number(k) <= number(self.release))

    def _fetch(self):
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(self.place)
        debs = fetch_packages(f"{self.place}/apt", ["linux-image-arm64", *TOOLS, *map(first_known, LIBRARIES)], APT)
        kernel = [deb for deb in debs if re.fullmatch(KERNEL_DEBS, os.path.basename(deb))]
        os.makedirs(f"{self.place}/kernel")
        for deb in kernel:
            command("dpkg-deb", "-x", deb, f"{self.place}/kernel")
        busybox = next(deb for deb in debs if "busybox-static_" in deb)
        command("dpkg-deb", "-x", busybox, f"{self.place}/busybox")
        make_image([deb for deb in debs if "linux-" not in os.path.basename(deb)], f"{self.place}/root.ext4")
        shutil.rmtree(f"{self.place}/apt")

    def _kernel(self):
        return Kernel(root=f"{self.place}/kernel", release=self.release, version=self.release)

    def _busybox(self):
        return next(path for path in (f"{self.place}/busybox/{b}/busybox" for b in ("bin", "usr/bin"))
                    if os.path.exists(path))

    def _image(self):
        return f"{self.place}/root.ext4"


def number(release):
    """Return: [6, 12] for 6.12.57+deb13-arm64, to compare."""
    return [int(n) for n in release.split("-")[0].split(".")[:2]]


def main():
    p = argparse.ArgumentParser(description="Run a build for aarch64 in a guest.")
    p.add_argument("--build", required=True)
    p.add_argument("--timeout", type=float, default=3000, metavar="SECONDS")
    a = p.parse_args()
    files = {f"/opt/daxd/{name}": f"{a.build}/{name}" for name in BUILT}
    files["/opt/daxd/tools/demo"] = f"{TOP}/tools/demo"
    try:
        guest = Aarch64()
        cases = CASES if number(guest.release) == number(guest.kernel) else CASES + OWN_CASES
        script = SCRIPT.format(size=SIZE, skip=" ".join(f"--skip '{case}'" for case in cases))
        r = guest.run(script, files=files, fetch=["/run/answers"], timeout=a.timeout)
    except GuestError as e:
        print(e, file=sys.stderr)
        return 1
    if r.status or "/run/answers" not in r.files:
        print(f"exit status {r.status} on Linux {r.release}:\n{r.output}", file=sys.stderr)
        return 1
    with open(f"{TOP}/docs/semantics.md") as f:
        deviations = parse_deviations(f.read(), guest.kernel)
    c = compare(parse_lines(r.files["/run/answers"].decode()), "root/libc", load_recorded("2M", guest.kernel),
                deviations, skip=cases)
    print(f"demo and conformance program on Linux {r.release} in {r.seconds:.0f} s")
    print(c.report(quiet=True))
    return 0 if c.is_good() else 1


if __name__ == "__main__":
    sys.exit(main())
