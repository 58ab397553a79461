# SPDX-License-Identifier: BSD-2-Clause
"""A small Debian in QEMU, with or without systemd, for tests of the whole system.

    from debian import Debian
    r = Debian(init="systemd").run("python3 /job/checks.py", files={"/job/checks.py": "..."})

The root file system is made once from Debian's packages, without root and without running any
of their scripts, and kept in the cache folder of guest.py, which also provides the kernel.
Changes that a run makes in it are discarded.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import time

from guest import (Archive, GuestError, MODULES_DAX, MODULES_IO, Guest, add_modules,
                   cache_dir, cache_lock, command, kernel, modules_disk,
                   need)

PACKAGES = ("base-files", "base-passwd", "dash", "debianutils", "tar", "grep", "sed", "findutils",
            "gzip", "diffutils", "hostname", "libc-bin", "systemd", "systemd-sysv", "udev", "dbus", "python3", "fio", "ndctl", "daxctl", "pmdk-tools",
            "bubblewrap", "util-linux", "mount", "login", "passwd", "coreutils", "bash", "kmod",
            "procps", "psmisc", "strace", "acl", "libpmemobj1", "libpmem1", "libfuse3-3",
            "libglib2.0-0", "libjson-c5", "libnss-systemd")

# Files that postinst scripts would make, as far as the tests need them.
FILES = {
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost guest\n",
    "etc/machine-id": "",
    "etc/fstab": "",
    "etc/nsswitch.conf": "passwd: files systemd\ngroup: files systemd\nhosts: files\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/pam.d/common-account": "account required pam_permit.so\n",
    "etc/pam.d/common-auth": "auth required pam_permit.so\n",
    "etc/pam.d/common-password": "password required pam_permit.so\n",
    "etc/pam.d/common-session": "session required pam_permit.so\n",
    "etc/pam.d/common-session-noninteractive": "session required pam_permit.so\n",
    # logind would set this, but it is not running.
    "etc/systemd/system/user@.service.d/dir.conf": "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n",
    "etc/systemd/system/job.service": """[Unit]
Description=what the test runs
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/job/main
StandardOutput=null
StandardError=journal
TimeoutStartSec=infinity
""",
    "etc/systemd/system/job.target": """[Unit]
Description=the test
Requires=multi-user.target
Wants=job.service
AllowIsolate=yes
""",
}

# Units of packages that would only cost time here.
MASKED = ("systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
          "systemd-random-seed.service", "systemd-logind.service", "getty.target",
          "systemd-ask-password-wall.path", "e2scrub_reap.service", "fstrim.timer",
          "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
          "systemd-journal-flush.service", "systemd-pcrphase.service",
          "systemd-pcrphase-sysinit.service", "kmod-static-nodes.service.off")

USERS = "worker:x:1000:1000::/tmp:/bin/bash\nother:x:1001:1001::/tmp:/bin/bash\n"
GROUPS = "worker:x:1000:\nother:x:1001:\nusers-of-dax:x:2000:worker\n"

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /newroot
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in {modules}; do
	modprobe $m || echo "GUEST: modprobe $m failed" >/dev/console
done
mount -t ext4 /dev/vda /newroot || {{ echo "GUEST: no root" >/dev/console; poweroff -f; }}
cp -a /overlay/. /newroot/
mkdir -p /newroot/usr/lib/modules
cp -a /lib/modules/. /newroot/usr/lib/modules/
cp /bin/busybox /newroot/job/busybox
umount /proc /sys
mount --move /dev /newroot/dev
exec switch_root /newroot {init}
"""

# The first process if there is no systemd.
PLAIN = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=0755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
for n in 0:in 1:out 2:err; do ln -s fd/${n%:*} /dev/std${n#*:}; done
/job/busybox ip link set lo up
/job/main
"""

MAIN = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8
mkdir -p /run/port
for p in /sys/class/virtio-ports/*; do
	ln -s /dev/${{p##*/}} /run/port/$(cat $p/name)
done
cd /tmp
(
	{setup}
) >/run/setup.log 2>&1 </dev/null
if [ $? != 0 ]; then
	cat /run/setup.log >/run/port/output
	status=setup
else
	echo "GUEST: the script begins" >/dev/console
	bash /job/script </dev/null >/run/port/output 2>&1
	status=$?
fi
mkdir -p /run/back
echo $status >/run/back/status
uname -r >/run/back/release
for f in {fetch}; do
	[ -e "$f" ] && mkdir -p "/run/back/files/$(dirname $f)" && cp "$f" "/run/back/files/$f"
done
tar -C /run/back -cf /run/port/back .
sync
/job/busybox poweroff -f
"""


def own_namespace():
    """Return: a command prefix under which the caller's files appear to belong to root."""
    return [] if os.geteuid() == 0 else [need("unshare", "util-linux"), "-r"]


def fetch_packages(into, packages, options=()):
    """Fetch packages and their dependencies, but not those that are only recommended; `options` are
    more ones of apt. Return: their files."""
    need("apt-get", "apt")
    os.makedirs(f"{into}/archives/partial", exist_ok=True)
    options = [*options, "-o", "Dir::State::status=/dev/null", "-o", f"Dir::Cache={into}",
               "-o", "Debug::NoLocking=1", "-o", "APT::Install-Recommends=0"]
    if os.geteuid() == 0:
        options += ["-o", "APT::Sandbox::User=root"]
    try:
        command("apt-get", *options, "--download-only", "-y", "install", *packages)
    except GuestError as e:
        raise GuestError(f"{e}\nguest: Debian's packages could not be fetched: apt-get update?") from None
    return sorted(glob.glob(f"{into}/archives/*.deb"))


def unpack(debs, root):
    for name in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(f"{root}/usr/{name}")
        os.symlink(f"usr/{name}", f"{root}/{name}")
    for deb in debs:
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
        command("tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", root, stdin=tar.stdout)
        if tar.wait():
            raise GuestError(f"guest: {deb}: dpkg-deb failed")
    for name in ("doc", "man", "locale", "info", "lintian"):
        shutil.rmtree(f"{root}/usr/share/{name}", ignore_errors=True)
    shutil.rmtree(f"{root}/usr/lib/udev/hwdb.d", ignore_errors=True)


def configure(root):
    def write(name, text, mode=0o644):
        os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
        with open(f"{root}/{name}", "w") as f:
            f.write(text)
        os.chmod(f"{root}/{name}", mode)

    for name, text in FILES.items():
        write(name, text)
    for name, more in (("passwd", USERS), ("group", GROUPS)):
        with open(f"{root}/usr/share/base-passwd/{name}.master") as f:
            write(f"etc/{name}", f.read().replace("*", "x") + more)
    if not os.path.lexists(f"{root}/usr/bin/sh"):
        os.symlink("dash", f"{root}/usr/bin/sh")
    for unit in MASKED:
        if not os.path.lexists(f"{root}/etc/systemd/system/{unit}"):
            os.symlink("/dev/null", f"{root}/etc/systemd/system/{unit}")
    for name in ("dev", "proc", "sys", "run", "tmp", "root", "job", "var/log/journal", "scratch"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    shutil.rmtree(f"{root}/var/log/journal")	# in memory
    command(need("ldconfig", "libc-bin"), "-r", root)


def make_image(debs, image):
    """Make an image of a root file system of packages; it appears when it is complete."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(image)) as tmp:
        os.chmod(tmp, 0o755)
        root = f"{tmp}/root"
        os.makedirs(root)
        unpack(debs, root)
        configure(root)
        command(*own_namespace(), need("mke2fs", "e2fsprogs"), "-q", "-t", "ext4", "-O", "^has_journal",
                "-E", "root_owner=0:0", "-d", root, f"{tmp}/image", "1500M")
        os.rename(f"{tmp}/image", image)


def root_image():
    """Return: the path of the image of the root file system, which is made if it is missing."""
    with open(__file__, "rb") as f:
        key = hashlib.sha256(f.read()).hexdigest()[:12]
    place = os.path.join(cache_dir(), "debian")
    image = f"{place}/root-{key}.ext4"
    kernel("6.1")	# takes the lock by itself
    with cache_lock():
        if os.path.exists(image):
            return image
        os.makedirs(place, exist_ok=True)
        for old in glob.glob(f"{place}/root-*.ext4"):
            os.unlink(old)
        make_image(fetch_packages(f"{place}/apt", PACKAGES), image)
    return image


class Debian(Guest):
    """A Debian to boot. It has Guest's arguments regions, modules, cmdline, memory and cpus, and

    init	"plain": run nothing but the job; "systemd": run the job when everything is up
    """

    def __init__(self, init="plain", modules=(), **kw):
        super().__init__(modules=modules, **kw)
        self.init = init
        self.modules = [*MODULES_IO, *modules_disk(self.kernel), *(MODULES_DAX if kw.get("regions") else ()), *modules]
        self.aside = ["cuse", "overlay"]
        self.cmdline += ["net.ifnames=0", "systemd.unit=job.target", "systemd.log_target=journal",
                         "rd.systemd.show_status=0", "systemd.show_status=0"]

    def _busybox(self):
        return need("busybox", "busybox-static")

    def _image(self):
        return root_image()

    def _initramfs(self, k, path, script, files, programs, fetch):
        a = Archive()
        a.program(self._busybox(), "/bin/busybox")
        a.device("/dev/console", 5, 1)
        init = "/sbin/init" if self.init == "systemd" else "/job/init"
        a.file("/init", INIT.format(modules=" ".join(self.modules), init=init).encode(), 0o755)
        a.file("/overlay/job/init", PLAIN.encode(), 0o755)
        a.file("/overlay/job/main", MAIN.format(fetch=" ".join(fetch), setup=self.setup or ":").encode(),
               0o755)
        a.file("/overlay/job/script", script.encode())
        for dst, src in (files or {}).items():
            if isinstance(src, bytes):
                a.file(f"/overlay{dst}", src, 0o755 if src[:2] == b"#!" else 0o644)
            elif isinstance(src, tuple):
                a.link(f"/overlay{dst}", src[0])
            else:
                with open(src, "rb") as f:
                    a.file(f"/overlay{dst}", f.read(), os.stat(src).st_mode & 0o777)
        add_modules(a, k, [*self.modules, *self.aside])
        with open(path, "wb") as f:
            f.write(a.bytes())

    def run(self, script, **kw):
        """Do the same as Guest.run(). A value in files may also be (target,): a symbolic link."""
        image = self._image()
        before, self.qemu_args = self.qemu_args, [
            *self.qemu_args, "-drive", f"if=virtio,format=raw,file={image},snapshot=on,cache=unsafe"]
        try:
            return super().run(script, **kw)
        finally:
            self.qemu_args = before


def main():
    start = time.monotonic()
    print(root_image(), f"{time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
