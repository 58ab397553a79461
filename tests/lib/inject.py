# SPDX-License-Identifier: BSD-2-Clause
"""A daemon in which one call fails (tests/inject/inject.c), and a script of what users do.

Each step of the script ends in success or in an error that says why. After an error all is
as before, after success the change is in force, whatever the daemon's next reply says.
"""

import collections
import contextlib
import json
import mmap
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import time

from conftest import BUILD, IS_ROOT, SETPRIV, SUSPICIOUS, environment, unmount_handles
from wire import CONTROL, Dropped, State, Wire, pack

INJECTED = BUILD / "cuse-daxd-inject"
MIB = 1 << 20
WAIT = 60
STAMP_AT = 6 * MIB      # in the image, inside of dax0.0
HOWS = ["ok", "error", "dropped"]
DAX = "bus/dax/devices"

# The errno with which each kind of call fails here; 0: half of the bytes.
ERRNOS = {
    "alloc": ["ENOMEM"], "open": ["EMFILE"], "openat": ["ENFILE"], "fopen": ["EMFILE"],
    "read": ["EIO", 0], "pread": ["EIO", 0], "write": ["ENOSPC", 0], "pwrite": ["EIO", 0],
    "ftruncate": ["ENOSPC"], "fallocate": ["ENOSPC"], "fsync": ["EIO"], "fdatasync": ["EIO"],
    "mmap": ["ENOMEM"], "memfd_create": ["EMFILE"], "fcntl": ["EINVAL"], "fchmod": ["EPERM"],
    "fchmodat": ["EPERM"], "fchown": ["EPERM"], "fchownat": ["EPERM"], "fstat": ["EIO"],
    "fstatat": ["EIO"], "stat": ["EACCES"], "lstat": ["EACCES"], "statx": ["EIO"],
    "fstatfs": ["EIO"], "lseek": ["EINVAL"], "access": ["EACCES"], "faccessat": ["EACCES"],
    "mkdir": ["ENOSPC"], "mkdirat": ["ENOSPC"], "rmdir": ["EBUSY"], "unlink": ["EIO"],
    "unlinkat": ["EIO"], "rename": ["ENOSPC"], "renameat": ["ENOSPC"], "renameat2": ["EINVAL"],
    "symlinkat": ["ENOSPC"], "flock": ["ENOLCK"], "opendir": ["EMFILE"], "fdopendir": ["ENOMEM"],
    "socket": ["EMFILE"], "bind": ["ENOSPC"], "listen": ["ENOBUFS"], "accept4": ["EMFILE"],
    "getsockopt": ["ENOBUFS"], "setsockopt": ["ENOBUFS"], "sendmsg": ["ENOBUFS"],
    "recvmsg": ["ENOMEM"], "recv": ["ENOMEM"], "signalfd": ["EMFILE"], "eventfd": ["EMFILE"],
    "getrandom": ["EINTR"], "syscall": ["ENOMEM"],
}

# The next daemon removes what is left if one of these fails.
REMOVING = ("flock", "fstat", "fstatat", "unlinkat", "unlink", "rmdir", "openat", "syscall", "alloc", "renameat")


class Died(Exception):
    """Raised when the daemon has ended, as it may if there is no memory."""


class Fault(AssertionError):
    """A broken promise."""


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def sizes_of(devices):
    """The part of devices that outlives the daemon."""
    return {n: v[0] for n, v in devices.items() if n.startswith("dax0.")}


class Script:
    """One life after the other of a daemon on the same files."""

    def __init__(self, place, as_nobody=False, more=""):
        self.place = place
        self.as_nobody = as_nobody
        self.rt = place / "rt"
        self.log = place / "log"
        self.off = place / "off"
        self.image = place / "image"
        self.base = (f"[region 0]\nbacking=pmem:{self.image}\ntype=dynamic\nsize=32M\n"
                     "[device 0.0]\nsize=8M\n[region 1]\n[device 1.0]\nsize=4M\n" + more)
        self.config = place / "config"
        self.process = None
        self.is_lasting = False     # all calls fail after the first that does
        self.stamp = None
        self.sizes = None       # of the pmem region: name -> bytes, as acknowledged
        self.possible = None    # the same after the change that has no answer yet
        self.good_fds = None    # what is open in the life without failures: link -> number
        self.outcomes = collections.Counter()

    # ---- the daemon ----

    def configure(self, more=""):
        self.config.write_text(self.base + more)
        self.config.chmod(0o644)

    def start(self, inject=None):
        """Return: None, or the message of a start that failed."""
        self.off.unlink(missing_ok=True)
        self.log.write_text("")
        self.is_lasting = bool(inject) and "+" in inject
        env = {**environment(), "DAXD_INJECT_OFF": str(self.off), "PMEM_IS_PMEM_FORCE": "1"}
        if inject:
            env["DAXD_INJECT"] = inject
        r, w = os.pipe()
        command = [INJECTED, "--foreground", "--frontend=none", f"--config={self.config}",
                   f"--runtime-dir={self.rt}", f"--ready-fd={w}"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                (SETPRIV if self.as_nobody and IS_ROOT else []) + command, pass_fds=[w],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, preexec_fn=no_core)
        os.close(w)
        with os.fdopen(r) as ready:
            if not select.select([ready], [], [], WAIT)[0]:
                raise Fault("the start hangs")
            if ready.readline():
                return None
        self.ended((1, 2))  # 2: --ready-fd seems to be closed, a wrong command line
        lines = [line for line in self.said() if line.startswith("cuse-daxd: ")]
        if not lines:
            raise Fault("a failed start says nothing")
        return lines[-1]

    def ended(self, good):
        """The daemon ends now. Raise Died if it had no memory."""
        try:
            status = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            raise Fault("the daemon does not end") from None
        self.process = None
        if SUSPICIOUS.search(self.log.read_text()):
            raise Fault("a sanitizer found something")
        # Without any memory, GLib crashes while it says why it aborts.
        aborts = [-signal.SIGTRAP, -signal.SIGABRT] + [-signal.SIGSEGV] * self.is_lasting
        if status in aborts and self.has_failed("alloc"):
            raise Died
        if status not in good:
            raise Fault(f"the daemon ended with status {status}")
        return status

    def has_failed(self, kind=""):
        return f"inject: {kind}" in re.sub(r"inject: count.*", "", self.log.read_text())

    def said(self):
        return [line for line in self.log.read_text().splitlines() if not line.startswith("inject: ")]

    def counts(self):
        return {k: int(n) for k, n in re.findall(r"^inject: count (\S+) (\d+)$", self.log.read_text(), re.M)}

    def stop(self):
        self.process.terminate()
        self.ended((0,))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    # ---- steps: each returns None or an errno or text, or raises Dropped ----

    def alive(self):
        if self.process.poll() is not None:
            self.ended(())

    def ask(self, call):
        """One request on a connection of its own. Return: one of HOWS, and the reply."""
        self.alive()
        return self.exchange(call)

    def exchange(self, call):
        try:
            with Wire(self.rt, timeout=WAIT) as wire:
                return call(wire)
        except (Dropped, ConnectionError):
            if self.has_failed("alloc"):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.5)
            return "dropped", None
        except socket.timeout:
            raise Fault("a request hangs") from None

    def order(self, **verb):
        def call(wire):
            reply = wire.ask(_control(verb))
            if not reply.fds:
                if not reply.error:
                    raise Fault(f"{verb}: success without a reply")
                return "error", os.strerror(reply.error)
            with os.fdopen(reply.fds.pop(), "rb") as f:
                answer = json.loads(f.read() or b"{}")
            if not reply.error:
                return "ok", answer
            # Without room for the reason, there is the errno.
            return "error", answer.get("error") or os.strerror(reply.error)
        return self.ask(call)

    def store(self, path, text):
        def call(wire):
            try:
                fd = os.open(self.rt / "sys" / path, os.O_WRONLY)
            except FileNotFoundError:
                return "error", "ENOENT"
            try:
                error = wire.store(fd, path, text.encode())
            finally:
                os.close(fd)
            return ("error", os.strerror(error)) if error else ("ok", None)
        return self.ask(call)

    def certain(self, call, is_done=lambda: False):
        """Ask until there is an answer, or the answer was lost, but it is done; meanwhile only one
        call may fail, or none."""
        was_off = self.off.exists()
        self.off.write_text("")
        for _ in range(3):
            kind, reply = call()
            if kind == "ok" or is_done():
                break
        else:
            raise Fault(f"no answer after the failure: {reply}")
        if not was_off:
            self.off.unlink()
        return reply

    def devices(self):
        listed = self.certain(lambda: self.order(verb="list"))
        return {d["chardev"]: (d["size"], d.get("state")) for d in _flat(listed)}

    def rules(self):
        return self.certain(lambda: self.order(verb="fault", action="list"))

    # ---- the script ----

    def attach(self):
        """A program maps a device, stores into it and ends. Return: as ask()."""
        stamp = os.urandom(16)

        def call(wire):
            fd = os.open(self.rt / "dev" / "dax0.0", os.O_RDWR)
            try:
                reply = wire.attach(fd)
            finally:
                os.close(fd)
            if reply.error:
                return "error", os.strerror(reply.error)
            if not reply.fds:
                raise Fault("attached without a descriptor")
            with mmap.mmap(reply.fd, 16 * MIB) as m:
                m[STAMP_AT:STAMP_AT + 16] = stamp
            reply.close()
            return "ok", None

        self.alive()
        pid = os.fork()     # an order would wait a second for this process to follow
        if pid == 0:
            status = 9
            with contextlib.suppress(BaseException):
                status = HOWS.index(self.exchange(call)[0])
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == 9:
            raise Fault("attach fails in another way")
        if HOWS[status] == "ok":
            self.stamp = stamp
        return HOWS[status], None

    def note(self, step, outcome):
        self.outcomes[outcome[0]] += 1
        self.outcome = f"{step}: {outcome[0]}"
        return outcome[0]

    def change(self, step, call, after):
        """A step that changes devices: afterwards they are as before, or as @after says."""
        before = self.devices()
        self.possible = sizes_of(after(dict(before)))
        how = self.note(step, call())
        now = self.devices()
        want = after(dict(before))
        if how == "warned" and now not in (before, want):
            raise Fault(f"{step}: a warning, but {now}")
        if how == "ok" and now != want:
            raise Fault(f"{step}: success, but {now} instead of {want}")
        if how == "error" and now != before:
            raise Fault(f"{step}: an error, but {now} instead of {before}")
        if how == "dropped" and now not in (before, want):
            raise Fault(f"{step}: {now} is neither {before} nor {want}")
        self.remember()
        return how

    def remember(self):
        """Note which sizes the record of the image must have."""
        self.sizes = self.possible = sizes_of(self.devices())

    def reload(self, more):
        """Return: "ok", or "error" if the log says that nothing has changed."""
        seen = len(self.said())
        self.configure(more)
        self.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            self.alive()
            new = "\n".join(self.said()[seen:])
            if "the config was read again" in new:
                return "warned" if ", continuing without" in new else "ok", None
            if "everything stays as it was" in new:
                return "error", new
            time.sleep(0.005)
        raise Fault("a reload hangs")

    def steps(self):
        self.note("attach", self.attach())
        name = "dax0.1"
        self.change("create", lambda: self.order(verb="create", region=0, size="4M", align="2M"),
                    lambda d: {**d, name: (4 * MIB, None)})
        if name in self.devices():
            self.change("disable", lambda: self.order(verb="disable", device=name),
                        lambda d: {**d, name: (d[name][0], "disabled")})
            if self.devices()[name][1]:
                self.change("resize", lambda: self.store(f"{DAX}/{name}/size", str(8 * MIB)),
                            lambda d: {**d, name: (8 * MIB, d[name][1])})
        self.note("inject", self.order(verb="inject", device="dax0.0", offset=0, length=4096))
        before = self.rules()
        how = self.note("fault", self.order(verb="fault", action="add",
                                            rule="device=dax1.0 what=errno:EIO on=mmap nth:1000"))
        now = self.rules()
        if (how == "ok") != (len(now) > len(before)) and how != "dropped":
            raise Fault(f"fault add: {how}, but the rules are {now}")
        self.change("reload", lambda: self.reload("[region 3]\n[device 3.0]\nsize=4M\n"),
                    lambda d: {**d, "dax3.0": (4 * MIB, None)})
        self.note("clear", self.order(verb="clear", device="dax0.0"))

    def reset(self):
        """Back to the first devices. Nothing fails any more."""
        self.off.write_text("")
        self.certain(lambda: self.reload(""))
        for rule in self.rules():
            self.certain(lambda r=rule: self.order(verb="fault", action="remove", rule=str(r["id"])),
                         lambda r=rule: r not in self.rules())
        self.possible = {"dax0.0": self.sizes["dax0.0"]}
        for name in sorted(self.devices()):
            if name.startswith("dax0.") and name != "dax0.0":
                self.certain(lambda n=name: self.order(verb="destroy", device=n),
                             lambda n=name: n not in self.devices())
        self.certain(lambda: self.order(verb="clear", device="dax0.0"))
        if set(self.devices()) != {"dax0.0", "dax1.0"}:
            raise Fault(f"not the first devices: {self.devices()}")
        self.remember()

    def fds(self):
        """Descriptors, once the daemon has closed those of the last connection, and a thread of its
        those of clients: no more than in the life without failures."""
        self.certain(lambda: self.order(verb="list"))
        end = time.monotonic() + WAIT
        while True:
            links = ["socket:"] * 2
            with contextlib.suppress(FileNotFoundError):    # one was closed meanwhile
                links = [os.readlink(f"/proc/{self.process.pid}/fd/{n}")
                         for n in os.listdir(f"/proc/{self.process.pid}/fd")]
            # GLib wakes itself by an eventfd, or if it gets none by a pipe; inotify watches
            # handles that could not be put on a file system of their own. A name that could not
            # be unlinked is only a name.
            found = collections.Counter(
                re.sub(r"\d{3,}| \(deleted\)", "", link) for link in links
                if not link.startswith(("anon_inode:[eventfd]", "pipe:", "anon_inode:inotify")))
            sockets = sum(link.startswith("socket:") for link in links)
            if sockets <= 1 and not (self.good_fds and found - self.good_fds) or \
                    time.monotonic() > end:
                return found

    def run(self, inject=None, kill=False):
        """
        One life with a failing call; with @kill it takes over from a daemon that was killed.
        Then one without. Return: true if the call has failed.
        """
        self.configure()
        if kill:
            if self.start() is not None:
                raise Fault("the first start failed")
            self.attach()
            life = State(self.rt).find("dax0.0")[2].life
            self.remember()
            self.kill()
        died = False
        failed = None
        try:
            failed = self.start(inject)
            if failed is None:
                self.remember()
                self.steps()
                self.reset()
                self.last_fds = self.fds()
                self.stop()
            else:
                self.outcomes["start"] += 1
        except Died:
            died = True
            self.outcomes["died"] += 1
        has_failed = self.has_failed()
        self.last_counts = self.counts()
        kind = inject.split(":")[0] if inject else ""
        if failed and not kill and not died and self.rt.exists() and kind not in REMOVING:
            raise Fault(f"left behind: {os.listdir(self.rt)}")
        if failed is None and not died and self.rt.exists() and kind not in REMOVING:
            raise Fault(f"left behind: {os.listdir(self.rt)}")
        self.afterwards(life if kill and failed else None)
        return has_failed

    def afterwards(self, life):
        """A daemon without failures finds everything, and removes everything."""
        self.configure()
        message = self.start()
        if message is not None:
            raise Fault(f"the next start fails: {message}")
        found = sizes_of(self.devices())
        if self.sizes is not None and found not in (self.sizes, self.possible):
            raise Fault(f"the next start finds {found} instead of {self.sizes}")
        if life is not None and State(self.rt).find("dax0.0")[2].life != life:
            raise Fault("the failed start gave up the device of the daemon before")
        self.stop()
        if self.rt.exists():
            raise Fault(f"left behind: {os.listdir(self.rt)}")
        if self.stamp:
            with open(self.image, "rb") as f:
                found = os.pread(f.fileno(), 16, STAMP_AT)
            if self.stamp != found:
                raise Fault("the bytes that were stored are lost")

    def clean(self):
        """For the next run, whatever this one has left."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        unmount_handles(self.place)
        shutil.rmtree(self.rt, ignore_errors=True)
        self.image.unlink(missing_ok=True)
        self.stamp = None
        self.sizes = None


def _control(verb):
    return pack(CONTROL, json.dumps(verb).encode())


def _flat(listed):
    """Yield the devices of a list, whatever groups it has."""
    if isinstance(listed, list):
        for item in listed:
            yield from _flat(item)
    elif isinstance(listed, dict):
        if "chardev" in listed and "size" in listed:
            yield listed
        else:
            for item in listed.values():
                yield from _flat(item)

