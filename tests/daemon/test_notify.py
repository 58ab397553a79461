# SPDX-License-Identifier: BSD-2-Clause
"""The daemon with a fake systemd, which receives notifications and keeps descriptors."""

import array
import contextlib
import fcntl
import mmap
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import IS_ROOT, NOBODY, TIMEOUT, both_users, environment
from wire import ALIVE, GONE

MIB = 1 << 20
ONE = "[region 0]\n[device 0.0]\nsize=4M\n"


class Manager:
    """Listen on NOTIFY_SOCKET as systemd does, and keep the descriptors handed over."""

    def __init__(self, path):
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o777)
        self.store = {}		# name -> descriptor
        self.said = []
        self.nr_settled = 0
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            fds = array.array("i")
            data, anc, *_ = self.sock.recvmsg(4096, socket.CMSG_SPACE(16 * 4))
            for level, kind, part in anc:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(part[:len(part) - len(part) % 4])
            if data == b"end":
                return
            if data == b"settle":
                with self.news:
                    self.nr_settled += 1
                    self.news.notify_all()
                continue
            fields = dict(line.split("=", 1) for line in data.decode().splitlines())
            with self.news:
                if "FDSTORE" in fields:
                    self.forget(fields["FDNAME"])
                    self.store[fields["FDNAME"]] = fds.pop()
                elif "FDSTOREREMOVE" in fields:
                    self.forget(fields["FDNAME"])
                for fd in fds:		# of a barrier: closing it is the reply
                    os.close(fd)
                if "BARRIER" not in fields:
                    self.said.append(fields)
                self.news.notify_all()

    def send(self, data):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(data, self.path)

    def settle(self):
        """Wait until all that was sent before has been received."""
        wanted = self.nr_settled + 1
        self.send(b"settle")
        self.wait_for(lambda: self.nr_settled >= wanted)

    def forget(self, name):
        if name in self.store:
            os.close(self.store.pop(name))

    def wait_for(self, condition):
        """Wait for a condition; check it after each notification, and periodically."""
        end = time.monotonic() + TIMEOUT
        with self.news:
            while not condition():
                assert time.monotonic() < end, self.said
                self.news.wait(0.05)

    def close(self):
        self.send(b"end")
        self.thread.join()
        self.sock.close()
        for name in list(self.store):
            self.forget(name)


@pytest.fixture
def manager(workdir, new_daemon):
    m = Manager(workdir / "notify")
    yield m
    m.close()


class Service:
    """Start the daemon as systemd would, with the socket and the descriptors kept for it."""

    def __init__(self, daemon, manager, config):
        self.d = daemon
        self.manager = manager
        (daemon.workdir / "config").write_text(config)
        if daemon.as_nobody and IS_ROOT:
            os.chown(manager.path, NOBODY, NOBODY)
        daemon.dir.mkdir()
        if daemon.as_nobody and IS_ROOT:
            os.chown(daemon.dir, NOBODY, NOBODY)

    def start(self, listen=None):
        self.manager.settle()
        passed = [("control", listen.fileno())] if listen else []
        passed += list(self.manager.store.items())
        args = self.d.command((self.d.workdir / "config").read_text())
        env = {**environment(), "NOTIFY_SOCKET": self.manager.path}
        if passed:
            env |= {"LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": ":".join(n for n, _ in passed)}
        copies = [os.dup(fd) for _, fd in passed]

        def renumber():
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in copies]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        before = len(self.manager.said)
        with open(self.d.log, "ab") as log:
            self.d.process = subprocess.Popen(
                ["sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh", *args], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=env, start_new_session=True,
                preexec_fn=renumber if passed else None, pass_fds=range(3, 3 + len(passed)))
        for fd in copies:
            os.close(fd)
        self.manager.wait_for(lambda: any("READY" in f for f in self.manager.said[before:])
                              or self.d.process.poll() is not None)
        assert self.d.process.poll() is None, self.d.output()
        return self.d


@contextlib.contextmanager
def mapped(d, name, size=4 * MIB):
    with d.wire() as wire, d.opened(name) as fd:
        reply = wire.attach(fd)
        assert reply.error == 0
        with mmap.mmap(reply.fd, size) as m:
            reply.close()
            yield m


@pytest.fixture
def service(new_daemon, manager):
    made = []

    def make(config=ONE):
        made.append(Service(new_daemon(), manager, config))
        return made[-1]

    yield make
    for s in made:
        if s.d.process:
            s.d.stop()
        for name in ("state.kept", "stores"):
            (s.d.dir / name).unlink(missing_ok=True)
        assert os.listdir(s.d.dir) == []
        s.d.dir.rmdir()


@both_users
def test_it_says_what_it_does(service, manager):
    d = service().start()
    assert manager.said[-1]["STATUS"] == f"1 device, {d.dir}"
    os.kill(d.pid, signal.SIGHUP)
    manager.wait_for(lambda: [bool(f.get("READY")) for f in manager.said[-2:]] == [False, True]
                     and "RELOADING" in manager.said[-2])
    (d.workdir / "config").write_text("nonsense")
    os.kill(d.pid, signal.SIGHUP)
    manager.wait_for(lambda: "reload failed: the config has errors" in manager.said[-1].get("STATUS", ""))
    d.stop()
    manager.wait_for(lambda: "STOPPING" in manager.said[-1])


@both_users
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_loses_nothing(service, manager, end):
    s = service(ONE + "[region 3]\ntype=dynamic\nsize=8M\n")
    d = s.start()
    assert set(manager.store) == {"dax0.0", "region 3"}
    state = d.state()
    before = {n: state.find(n) for n in ("dax0.0", "dax3.0")}
    with mapped(d, "dax0.0") as m, mapped(d, "dax3.0") as other:
        for i in range(3):
            m[i] = other[i] = 10 + i
            getattr(d, end)()
            assert state.find("dax0.0")[2].flags & ALIVE
            if end == "stop":
                # Meanwhile programs find no devices there.
                assert sorted(os.listdir(d.dir)) == ["state.kept", "stores"]
                d.process = None
            m[100 + i] = 20 + i
            s.start()
            for name, (slot, _, device) in before.items():
                new = state.find(name)
                assert (new[0], new[2].life) == (slot, device.life) and new[2].flags & ALIVE
            with mapped(d, "dax0.0") as again, mapped(d, "dax3.0") as third:
                assert again[:i + 1] == bytes(range(10, 11 + i)) == third[:i + 1]
                assert again[100:101 + i] == bytes(range(20, 21 + i))
                again[50] = i
                assert m[50] == i
    assert set(manager.store) == {"dax0.0", "region 3"}
    # A client with a read-only descriptor still cannot get write access.
    with d.wire() as wire, d.opened("dax0.0", os.O_RDONLY) as fd:
        reply = wire.attach(fd)
        assert os.fstat(reply.fd).st_mode & 0o777 == 0
        with pytest.raises(PermissionError):
            mmap.mmap(reply.fd, 4 * MIB)
        reply.close()


@both_users
def test_after_a_stop_for_good_the_bytes_are_gone(service, manager):
    s = service()
    d = s.start()
    state = d.state()
    slot = state.find("dax0.0")[0]
    with mapped(d, "dax0.0") as m:
        m[0] = 7
        d.stop()
        for name in list(manager.store):
            manager.forget(name)
        s.start()
        assert state.slot(slot).flags == GONE and m[0] == 7
        with mapped(d, "dax0.0") as new:
            assert new[0] == 0


@both_users
def test_what_is_kept_follows_the_config(service, manager):
    s = service(ONE + "[device 0.1]\nsize=2M\n")
    d = s.start()
    assert set(manager.store) == {"dax0.0", "dax0.1"}
    with mapped(d, "dax0.0") as m:
        m[0] = 1
    with mapped(d, "dax0.1", 2 * MIB) as m:
        m[0] = 2
    d.stop()
    # A device with a new size cannot keep its bytes; one that is gone is not kept either.
    (d.workdir / "config").write_text("[region 0]\n[device 0.0]\nsize=8M\n")
    s.start()
    assert "dax0.0: is not what it was before the restart" in d.output()
    manager.wait_for(lambda: set(manager.store) == {"dax0.0"})
    assert os.fstat(manager.store["dax0.0"]).st_size == 8 * MIB
    with mapped(d, "dax0.0", 8 * MIB) as m:
        assert m[0] == 0
    # The same by a reload.
    (d.workdir / "config").write_text("[region 0]\n[device 0.0]\nsize=8M\n[region 5]\nsize=2M\n")
    os.kill(d.pid, signal.SIGHUP)
    manager.wait_for(lambda: "dax5.0" in manager.store)
    (d.workdir / "config").write_text("[region 0]\n[device 0.0]\nsize=8M\n")
    os.kill(d.pid, signal.SIGHUP)
    manager.wait_for(lambda: set(manager.store) == {"dax0.0"})


@both_users
def test_a_socket_of_somebody_else(service, manager):
    s = service()
    d = s.d
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listen:
        listen.bind(str(d.dir / "control.sock"))
        os.chmod(d.dir / "control.sock", 0o666)
        listen.listen(100)
        inode = os.stat(d.dir / "control.sock").st_ino
        s.start(listen)
        assert [x["chardev"] for x in d.control("list")] == ["dax0.0"]
        d.stop()
        assert os.stat(d.dir / "control.sock").st_ino == inode
        # A client that connects meanwhile waits for the next daemon.
        with d.wire() as wire:
            s.start(listen)
            assert wire.control("list")[0]["chardev"] == "dax0.0"
        d.stop()
        (d.dir / "control.sock").unlink()


@both_users
def test_a_socket_of_the_wrong_kind(service, manager):
    s = service()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listen:
        listen.bind(str(s.d.dir / "control.sock"))
        listen.listen(1)
        with pytest.raises(AssertionError, match="has the wrong type"):
            s.start(listen)
    s.d.process = None
    (s.d.dir / "control.sock").unlink()
