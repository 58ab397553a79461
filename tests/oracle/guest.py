#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A real kernel in QEMU, for tests that need one.

    from guest import Guest
    r = Guest("6.12", regions=["512M:2M"]).run("daxctl list", programs=["build/conformance"])
    print(r.status, r.output)

Guest() describes the kernel and the machine; run() boots it, runs a shell script in it as root
and returns the script's output. Every run boots a new machine, so nothing is left over from
the one before. No KVM is needed (TCG).

Kernels are fetched and unpacked once, into a cache folder (build/oracle or
$DAXD_ORACLE_CACHE), under a lock; a cached kernel needs no network.

As a program:  guest.py [--kernel 6.1] [--region 512M:2M] [--program P] [SCRIPT]
"""

import argparse
import contextlib
import dataclasses
import fcntl
import glob
import io
import json
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# Each kernel's suite, the names of its image in that suite, and the packages that it is split
# into; {} is the release. 6.1 comes from the machine's own apt sources.
SOURCES = {
    "6.1": (None, r"linux-image-(6\.1\.\S+)", ("linux-image-{}",)),
    "6.12": ("bookworm-backports", r"linux-image-(6\.12\.[\d.+]+deb12[.\d]*-amd64)", ("linux-image-{}",)),
    "6.18": ("trixie-backports", r"linux-image-(6\.18\.[\d.+]+deb13[.\d]*-amd64)", ("linux-image-{}",)),
    "7.3": ("trixie-backports", r"linux-image-(7\.3\.[\d.+]+deb13[.\d]*-amd64)",
            ("linux-binary-{}", "linux-modules-{}", "linux-base-{}")),
}
KERNELS = tuple(SOURCES)
MIRROR = os.environ.get("DAXD_ORACLE_MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Modules that the guest needs to work, and for a /dev/daxX.Y.
MODULES_IO = ("virtio_pci", "virtio_console")
MODULES_DISK = ("crc32c_generic", "virtio_blk", "ext4")
GONE = {"crc32c_generic": ("6.18", "7.3")}	# built into these kernels, without a module's name
MODULES_DAX = ("libnvdimm", "nfit", "nd_btt", "nd_pmem", "nd_e820", "dax_pmem", "device_dax")
MODULES_ASIDE = ("kmem",)		# on disk for daxctl to load, not loaded at boot
PROGRAMS = ("ndctl", "daxctl")

GIB = 1 << 30


class GuestError(Exception):
    """The guest could not be made or did not finish; the text names the cause."""


class KernelDied(GuestError):
    """The guest's kernel panicked before the script began."""


@dataclasses.dataclass
class Result:
    status: int		# exit status of the script
    output: str		# what it printed, stdout and stderr in order
    files: dict		# path in the guest -> bytes, for the paths in fetch=
    console: str	# kernel messages
    release: str	# uname -r
    version: str	# the Debian package's version
    seconds: float

    def oops(self):
        """Return: lines of the console that report damage of the kernel itself."""
        bad = re.compile(r"\bOops\b|\bBUG:|general protection|refcount_t:|list_(add|del) corruption"
                         r"|Kernel panic")
        return [line for line in self.console.splitlines() if bad.search(line)]


def cache_dir():
    return os.path.abspath(os.environ.get("DAXD_ORACLE_CACHE", os.path.join(TOP, "build/oracle")))


@contextlib.contextmanager
def cache_lock():
    os.makedirs(cache_dir(), exist_ok=True)
    with open(os.path.join(cache_dir(), "lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def need(program, package):
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise GuestError(f"guest: {program} is missing: apt-get install {package}")
    return path


def command(*argv, **kw):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if p.returncode:
        raise GuestError(f"guest: {' '.join(argv)}: exit status {p.returncode}\n{p.stdout.strip()}")
    return p.stdout


def size_of(text):
    m = re.fullmatch(r"(\d+)([KMGT]?)", text)
    if not m:
        raise GuestError(f"guest: '{text}' is no size (512M, 3G)")
    return int(m[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[m[2]]


@dataclasses.dataclass
class Kernel:
    root: str		# where the package is unpacked
    release: str	# 6.1.0-56-amd64
    version: str	# 6.1.192-2

    @property
    def tree(self):
        """The folder of the modules: below /usr where the package is split."""
        below = "usr/lib" if os.path.isdir(f"{self.root}/usr/lib/modules") else "lib"
        return f"{self.root}/{below}/modules/{self.release}"

    @property
    def vmlinuz(self):
        image = f"{self.tree}/vmlinuz"
        return image if os.path.exists(image) else f"{self.root}/boot/vmlinuz-{self.release}"


def suite_options(suite):
    """Return: apt options for a private state folder that knows only one suite."""
    state = os.path.join(cache_dir(), f"apt-{suite}")
    for d in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(state, d), exist_ok=True)
    with open(f"{state}/sources.list", "w") as f:
        f.write(f"deb [signed-by={KEYRING}] {MIRROR} {suite} main\n")
    return ["-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache",
            "-o", f"Dir::Etc::SourceList={state}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null"]


def newest(package_re, options):
    """Return: the matching package with the highest version number in its name, or None."""
    names = [n for n in command("apt-cache", *options, "pkgnames", "linux-image-").split()
             if re.fullmatch(package_re, n)]
    return max(names, key=lambda n: [int(x) for x in re.findall(r"\d+", n)], default=None)


def fetch_kernel(name, into):
    """Download one kernel's packages and unpack them into a new folder."""
    need("apt-get", "apt")
    need("dpkg-deb", "dpkg")
    suite, image_re, packages = SOURCES[name]
    options = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    if suite is None:
        m = re.search(f"Depends: {image_re}", command("apt-cache", "depends", "linux-image-amd64"))
        image = m and m[0].removeprefix("Depends: ")
        hint = "apt-get update; is bookworm in the machine's apt sources?"
    else:
        options += suite_options(suite)
        command("apt-get", *options, "update")
        image = newest(image_re, options)
        hint = f"does {MIRROR} still carry {suite}?"
    if not image:
        raise GuestError(f"guest: apt knows no kernel {name}: {hint}")
    release = re.fullmatch(image_re, image)[1]
    with tempfile.TemporaryDirectory(dir=cache_dir()) as tmp:
        try:
            command("apt-get", *options, "download", *(p.format(release) for p in packages), cwd=tmp)
        except GuestError as e:
            raise GuestError(f"{e}\nguest: kernel {name} could not be fetched: {hint}") from None
        debs = glob.glob(f"{tmp}/*.deb")
        for deb in debs:
            command("dpkg-deb", "-x", deb, f"{into}/root")
        version = command("dpkg-deb", "-f", debs[0], "Version").strip()
    return release, version


def kernel(name):
    """Return: the kernel of that name ("6.1", "7.3"), from the cache or fetched."""
    if name not in KERNELS:
        raise GuestError(f"guest: no kernel '{name}', only {', '.join(KERNELS)}")
    place = os.path.join(cache_dir(), f"linux-{name}")
    with cache_lock():
        if not os.path.exists(f"{place}/package.json"):
            shutil.rmtree(place, ignore_errors=True)
            os.makedirs(place)
            release, version = fetch_kernel(name, place)
            with open(f"{place}/package.json.new", "w") as f:
                json.dump({"release": release, "version": version}, f)
            os.rename(f"{place}/package.json.new", f"{place}/package.json")
    with open(f"{place}/package.json") as f:
        return Kernel(root=f"{place}/root", **json.load(f))


def modules_disk(kernel):
    """Return: the modules that a kernel needs for a file system on a disk."""
    return [m for m in MODULES_DISK if kernel not in GONE.get(m, ())]


class Archive:
    """A cpio archive (newc), built in memory; no root and no cpio needed."""

    def __init__(self):
        self.out = io.BytesIO()
        self.seen = set()
        self.ino = 0

    def _member(self, name, mode, data=b"", rdev=(0, 0)):
        self.ino += 1
        name = name.encode() + b"\0"
        head = b"070701" + b"".join(b"%08X" % v for v in (
            self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(name), 0))
        for part in (head + name, data):
            self.out.write(part)
            self.out.write(b"\0" * (-self.out.tell() % 4))

    def directory(self, name, mode=0o755):
        name = name.strip("/")
        if not name or name in self.seen:
            return
        self.directory(os.path.dirname(name))
        self.seen.add(name)
        self._member(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644):
        name = name.strip("/")
        if name in self.seen:
            return
        self.directory(os.path.dirname(name))
        self.seen.add(name)
        self._member(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.directory(os.path.dirname(name.strip("/")))
        self._member(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self.directory(os.path.dirname(name.strip("/")))
        self._member(name.strip("/"), stat.S_IFCHR | 0o600, rdev=(major, minor))

    def program(self, src, dst):
        """Add a program and its libraries, at the paths where it looks for them."""
        with open(src, "rb") as f:
            self.file(dst, f.read(), 0o755)
        if subprocess.run(["ldd", src], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return		# static, or a script
        for line in command("ldd", src).splitlines():
            if "not found" in line:
                raise GuestError(f"guest: {src}: {line.strip()}")
            m = re.search(r"(?:=> )?(/\S+) \(0x", line)
            if m:
                with open(m[1], "rb") as f:
                    self.file(m[1], f.read(), 0o755)

    def bytes(self):
        self._member("TRAILER!!!", 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
        return self.out.getvalue()


def add_modules(archive, k, names):
    """Add modules and all their dependencies to the archive; depmod makes their index."""
    depmod = need("depmod", "kmod")
    tree = k.tree
    found = {}
    for path in glob.glob(f"{tree}/kernel/**/*.ko*", recursive=True):
        found[re.sub(r"\.ko(\.xz)?$", "", os.path.basename(path)).replace("-", "_")] = path
    with open(f"{tree}/modules.builtin") as f:
        builtin = {os.path.basename(n.strip())[:-3].replace("-", "_") for n in f}
    with tempfile.TemporaryDirectory() as tmp:
        base = f"{tmp}/lib/modules/{k.release}"
        os.makedirs(base)
        todo, done = list(names), set()
        while todo:
            name = todo.pop().replace("-", "_")
            if name in done or name in builtin:
                continue
            if name not in found:
                raise GuestError(f"guest: kernel {k.release} has no module {name}")
            done.add(name)
            src = found[name]
            with open(src, "rb") as f:
                data = lzma.decompress(f.read()) if src.endswith(".xz") else f.read()
            dst = base + src[len(tree):].removesuffix(".xz")
            os.makedirs(os.path.dirname(dst), exist_ok=True)
            with open(dst, "wb") as f:
                f.write(data)
            for m in re.findall(rb"\0depends=([^\0]*)\0", b"\0" + data):
                todo += [d for d in m.decode().split(",") if d]
        for n in ("order", "builtin", "builtin.modinfo"):
            if os.path.exists(f"{tree}/modules.{n}"):
                shutil.copy(f"{tree}/modules.{n}", base)
        command(depmod, "-b", tmp, k.release)
        for path in sorted(glob.glob(f"{base}/**", recursive=True)):
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    archive.file(path[len(tmp):], f.read())


INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /root /scratch
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=dumb LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t debugfs debug /sys/kernel/debug
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmp /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs run /run
ln -s /proc/self/fd /dev/fd
for n in 0:in 1:out 2:err; do ln -s fd/${{n%:*}} /dev/std${{n#*:}}; done
ip link set lo up
for m in {modules}; do
	modprobe $m || echo "GUEST: modprobe $m failed" >/dev/console
done
for p in /sys/class/virtio-ports/*; do
	mkdir -p /run/port
	ln -s /dev/${{p##*/}} /run/port/$(cat $p/name)
done
if [ ! -e /run/port/output ]; then
	echo "GUEST: no output port" >/dev/console
	poweroff -f
fi
(
	{setup}
) >/run/setup.log 2>&1 </dev/null
if [ $? != 0 ]; then
	cat /run/setup.log
	status=setup
else
	echo "GUEST: the script begins" >/dev/console
	cd /tmp
	sh /job/script </dev/null
	status=$?
fi >/run/port/output 2>&1
mkdir -p /run/back
echo $status >/run/back/status
uname -r >/run/back/release
for f in {fetch}; do
	[ -e "$f" ] && mkdir -p "/run/back/files/$(dirname $f)" && cp "$f" "/run/back/files/$f"
done
tar -C /run/back -cf /run/port/back .
sync
poweroff -f
"""

# Region number I becomes device I of that align. There is no udev, so wait for the node.
DEVDAX = """
i={index}
ndctl create-namespace -f -e namespace$i.0 -m devdax -a {align} --map=mem >/dev/null || exit 1
n=0
while [ ! -c /dev/dax$i.0 ]; do
	n=$((n + 1)); [ $n -lt 100 ] || exit 1
	sleep 0.1
done
"""

NVDIMM = """
for r in /sys/bus/nd/devices/region*; do
	[ $(($(cat $r/resource))) = $(({address})) ] || continue
	mkdir -p /run/nvdimm
	echo ${{r##*/region}} >/run/nvdimm/{index}
done
[ -e /run/nvdimm/{index} ] || exit 1
"""

SCRATCH = """
mount -t ext4 /dev/vda /scratch || exit 1
chmod 1777 /scratch
"""


class Guest:
    """A machine to boot.

    kernel	one of KERNELS
    regions	persistent memory: "SIZE" (left as it is), or "SIZE:ALIGN" (made a device
                daxN.0 of that align, N counting from 0, --map=mem). They lie from 4 GiB up.
    nvdimms	files that become shared NVDIMMs: stores of the guest go to the file.
                Sizes are multiples of 16 MiB. /run/nvdimm/N in the guest holds the number of
                the region that file N has become (the kernel numbers regions in any order).
    memmap	instead of regions: a value for the kernel's memmap=, with memory= to match
    memory	for QEMU's -m; by default 1 GiB and the regions
    modules	more kernel modules to load; aside: more to have on disk
    cmdline	more words for the kernel
    qemu_args	more arguments for QEMU; machine: for its -machine
    scratch	size of an ext4 file system at /scratch, which all users may write to
    """

    QEMU = ("qemu-system-x86_64", "qemu-system-x86")	# the program, and its package
    CONSOLE = "ttyS0"

    def __init__(self, kernel="6.1", regions=(), memmap=None, memory=None, modules=(), aside=(),
                 cmdline="", qemu_args=(), machine="pc", cpus=2, scratch=None, nvdimms=()):
        self.kernel = kernel
        self.cmdline = [f"console={self.CONSOLE}", "panic=-1", "quiet", "loglevel=4", "no5lvl", "no_timer_check",
                        cmdline]
        self.modules = [*MODULES_IO, *(modules_disk(kernel) if scratch else ()), *MODULES_DAX, *modules]
        self.aside = [*MODULES_ASIDE, *aside]
        self.qemu_args = list(qemu_args)
        self.machine = machine
        self.cpu = "max"
        self.node = ["-machine", "memory-backend=ram"]
        self.memory = memory or "1G"
        self.cpus = cpus
        self.scratch = scratch
        self.setup = SCRATCH if scratch else ""
        if regions:
            self._place(regions, memory)
        if nvdimms:
            self._plug(nvdimms)
        if memmap:
            self.cmdline.append(f"memmap={memmap}")

    def _place(self, regions, memory):
        """Place the regions one after another from 4 GiB, with low memory limited to 1 GiB.

        2 GiB of ordinary memory above make them part of NUMA node 0 and let private
        1 GiB mappings pass the guest's overcommit check.
        """
        at = 4 * GIB
        ranges = []
        for i, region in enumerate(regions):
            size, _, align = region.partition(":")
            unit = GIB if align == "1G" else 128 << 20
            at = -(-at // unit) * unit
            ranges.append(f"{size}!{at >> 20}M")
            at += size_of(size)
            if align:
                self.setup += DEVDAX.format(index=i, align=align)
        self.cmdline.append("memmap=" + ",".join(ranges))
        self.machine += ",max-ram-below-4g=1G"
        self.memory = memory or f"{(at - GIB) >> 20}M"

    def _plug(self, paths):
        """Place NVDIMMs one after another in QEMU's hot-plug memory, each aligned to 1 GiB."""
        at = 4 * GIB
        for i, path in enumerate(paths):
            size = os.path.getsize(path)
            self.qemu_args += [
                "-object", f"memory-backend-file,id=nv{i},share=on,mem-path={path},size={size},"
                           f"align={GIB if size % GIB == 0 else 16 << 20}",
                "-device", f"nvdimm,id=nvdimm{i},memdev=nv{i},addr={at:#x}"]
            self.setup += NVDIMM.format(index=i, address=at)
            at += -(-size // GIB) * GIB
        self.machine += ",nvdimm=on"
        self.memory += f",slots={len(paths)},maxmem={(at >> 30) + 1}G"

    def qemu(self):
        """Return: the words that run QEMU."""
        return [need(*self.QEMU)]

    def add(self, archive):
        """Add files to the guest's initramfs that a kind of machine needs."""

    def _initramfs(self, k, path, script, files, programs, fetch):
        a = Archive()
        busybox = need("busybox", "busybox-static")
        if subprocess.run(["ldd", busybox], capture_output=True).returncode == 0:
            raise GuestError("guest: busybox is not static: apt-get install busybox-static")
        a.program(busybox, "/bin/busybox")
        a.device("/dev/console", 5, 1)
        a.file("/etc/passwd", b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n")
        a.file("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
        a.file("/init", INIT.format(modules=" ".join(self.modules), setup=self.setup or ":",
                                    fetch=" ".join(fetch)).encode(), 0o755)
        a.file("/job/script", script.encode())
        for dst, src in (files or {}).items():
            if isinstance(src, bytes):
                a.file(dst, src, 0o755 if src[:2] == b"#!" else 0o644)
            else:
                with open(src, "rb") as f:
                    a.file(dst, f.read(), os.stat(src).st_mode & 0o777)
        self.add(a)
        for p in PROGRAMS:
            a.program(need(p, p), f"/usr/bin/{p}")
        for p in programs:
            src, dst = p if isinstance(p, tuple) else (p, "/bin/" + os.path.basename(p))
            if not os.path.exists(src):
                raise GuestError(f"guest: no program {src}: is it built?")
            a.program(src, dst)
        add_modules(a, k, [*self.modules, *self.aside])
        with open(path, "wb") as f:
            f.write(a.bytes())

    def run(self, script, files=None, programs=(), fetch=(), timeout=180):
        """Boot, run a shell script as root, power off.

        files	path in the guest -> path here, or bytes
        programs	paths of programs, put into /bin with their libraries; or (path, path in guest)
        fetch	paths of files in the guest to return in Result.files
        timeout	seconds for the whole run

        Return: Result. Raises GuestError if the guest could not be made, did not come up or
        did not finish. A failing script raises nothing; see Result.status.
        """
        try:
            return self._boot(script, files, programs, fetch, timeout)
        except KernelDied as e:
            # Seen with Debian's 6.12: a panic in sched_clock_cpu() while TCG runs code that the kernel
            # patches. The script has not begun, so nothing of it is lost or done twice.
            warnings.warn(f"booted again: {e}", stacklevel=2)
            return self._boot(script, files, programs, fetch, timeout)

    def _kernel(self):
        return kernel(self.kernel)

    def _boot(self, script, files, programs, fetch, timeout):
        k = self._kernel()
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="guest-") as tmp:
            self._initramfs(k, f"{tmp}/initrd", script, files, programs, fetch)
            argv = [*self.qemu(), "-accel", "tcg,thread=multi", "-cpu", self.cpu, "-smp", str(self.cpus),
                    "-machine", self.machine, *self.node, "-m", self.memory,
                    # only memory that the guest touches is allocated here
                    "-object", f"memory-backend-ram,id=ram,reserve=off,size={self.memory.split(',')[0]}",
                    "-display", "none", "-nodefaults", "-no-reboot", "-serial", f"file:{tmp}/console",
                    "-kernel", k.vmlinuz, "-initrd", f"{tmp}/initrd", "-append", " ".join(self.cmdline),
                    "-device", "virtio-serial"]
            for port in ("output", "back"):
                argv += ["-chardev", f"file,id={port},path={tmp}/{port}",
                         "-device", f"virtserialport,chardev={port},name={port}"]
            if self.scratch:
                with open(f"{tmp}/scratch", "wb") as f:
                    f.truncate(size_of(self.scratch))
                command(need("mkfs.ext4", "e2fsprogs"), "-qF", f"{tmp}/scratch")
                argv += ["-drive", f"if=virtio,format=raw,file={tmp}/scratch,cache=unsafe"]
            argv += self.qemu_args
            late = False
            with open(f"{tmp}/qemu", "w") as log:
                p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                try:
                    p.wait(timeout)
                except subprocess.TimeoutExpired:
                    late = True
                finally:
                    p.kill()
                    p.wait()
            return self._result(k, tmp, p.returncode, timeout if late else None, time.monotonic() - start)

    def _result(self, k, tmp, code, late, seconds):
        def text(name):
            try:
                with open(f"{tmp}/{name}", errors="replace") as f:
                    return f.read()
            except FileNotFoundError:
                return ""

        console, output, said = text("console").replace("\r", ""), text("output"), text("qemu")
        tail = "".join(f"\n  {name}: {line}" for name, t in (("qemu", said), ("console", console), ("output", output))
                       for line in t.strip().splitlines()[-15:])
        if "Kernel panic" in console and "GUEST: the script begins" not in console:
            raise KernelDied(f"guest: {self.kernel} panicked before its script began{tail}")
        if late:
            raise GuestError(f"guest: {self.kernel} did not finish in {late} s{tail}")
        if code:
            raise GuestError(f"guest: QEMU failed, exit status {code}{tail}")
        try:
            with tarfile.open(f"{tmp}/back") as tar:
                back = {m.name[1:]: tar.extractfile(m).read() for m in tar if m.isfile()}
        except (OSError, tarfile.TarError):
            raise GuestError(f"guest: {self.kernel} went down before its script ended{tail}") from None
        status = back.pop("/status").decode().strip()
        release = back.pop("/release").decode().strip()
        if status == "setup":
            raise GuestError(f"guest: {self.kernel}: devices or file systems could not be made{tail}")
        files = {name[len("/files"):]: data for name, data in back.items()}
        return Result(int(status), output, files, console, release, k.version, seconds)


def main():
    p = argparse.ArgumentParser(description="Run a shell script in a real kernel.")
    p.add_argument("--kernel", default="6.1", choices=KERNELS)
    p.add_argument("--region", action="append", default=[], metavar="SIZE[:ALIGN]",
                   help="persistent memory, a device daxN.0 when an align is given")
    p.add_argument("--program", action="append", default=[], help="program to take along")
    p.add_argument("--module", action="append", default=[], help="kernel module to load")
    p.add_argument("--cmdline", default="", help="more words for the kernel")
    p.add_argument("--scratch", metavar="SIZE", help="an ext4 file system at /scratch")
    p.add_argument("--timeout", type=float, default=180, metavar="SECONDS")
    p.add_argument("--console", action="store_true", help="show the kernel's messages too")
    p.add_argument("--fetch-only", action="store_true", help="fill the cache and stop")
    p.add_argument("script", nargs="?", help="a shell script (default: standard input)")
    a = p.parse_args()
    try:
        if a.fetch_only:
            print(kernel(a.kernel).release)
            return 0
        script = open(a.script).read() if a.script else sys.stdin.read()
        g = Guest(a.kernel, regions=a.region, modules=a.module, cmdline=a.cmdline, scratch=a.scratch)
        r = g.run(script, programs=a.program, timeout=a.timeout)
    except GuestError as e:
        print(e, file=sys.stderr)
        return 125
    sys.stdout.write(r.output)
    if a.console:
        sys.stderr.write(r.console)
    return r.status


if __name__ == "__main__":
    sys.exit(main())
