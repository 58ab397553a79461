# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of all tests: the build, daemons in directories of their own, checks for leftovers."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time

import pytest

from wire import State, Wire

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = (ROOT / os.environ.get("DAXD_BUILD", "build")).resolve()
DAEMON = BUILD / "cuse-daxd"
CTL = BUILD / "cuse-daxctl"

NOBODY = 65534
IS_ROOT = os.geteuid() == 0


def load():
    """Return: processes that want a CPU, for each CPU."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


TIMEOUT = int(60 * min(10, max(1, load())))

SETPRIV = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
           "--bounding-set=-all", "--no-new-privs", "--"]

SUSPICIOUS = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|"
                        r"ThreadSanitizer|GLib-CRITICAL|GLib-WARNING|Assertion|ERROR:")

needs_root = pytest.mark.needs_root
ROOT_FIXTURES = {"hugepages", "hugetlbfs", "small_fs"}


def is_left_out(item, names):
    """Return: true for tests that need root, without it, as they run when root runs the tests. With
    DAXD_ONE_USER, for sanitized builds, also for those as nobody that run as root as well."""
    if not IS_ROOT:
        return item.get_closest_marker("needs_root") or ROOT_FIXTURES & set(item.fixturenames)
    test, _, case = item.nodeid.partition("[")
    if "DAXD_ONE_USER" not in os.environ or "nobody" not in case:
        return False
    return f"{test}[{case.replace('nobody', 'root')}" in names


def pytest_collection_modifyitems(config, items):
    names = {i.nodeid for i in items}
    left_out = [i for i in items if is_left_out(i, names)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [i for i in items if not is_left_out(i, names)]


def pytest_make_parametrize_id(val):
    """Name long texts by their beginning: one of them has 16 MiB."""
    return repr(val[:40]) if isinstance(val, (bytes, str)) and len(val) > 100 else None


# ---- Runs under nohup, in the background, on a busy machine ----

LIMIT = int(os.environ.get("DAXD_LIMIT", "900"))  # seconds for each test, and for what prepares it
LIMIT_GUEST = 3600  # with a guest to boot, maybe by another worker


def pytest_configure():
    """Let no test inherit an ignored signal, as from nohup or from a shell's background job.

    The handler keeps pytest running, as before, and exec(2) resets it in all programs. Workers,
    which are started with it reset, find the signals in the environment."""
    were = os.environ.get("DAXD_IGNORED_SIGNALS", "").split()
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN or str(int(number)) in were:
            signal.signal(number, lambda *_: None)
            were.append(str(int(number)))
    os.environ["DAXD_IGNORED_SIGNALS"] = " ".join(were)


def pytest_report_header():
    return f"load {load():.1f} for each CPU, waiting up to {TIMEOUT} s; huge pages: {pool()}"


def children(pid):
    """Return: all processes below this one."""
    below = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                below += [child, *children(child)]
    return below


@contextlib.contextmanager
def limited(item):
    """Fail what takes too long, and kill the processes that were started in it."""
    limit = LIMIT_GUEST if item.get_closest_marker("guest") else LIMIT
    before = set(children(os.getpid()))

    def kill_new():
        for pid in set(children(os.getpid())) - before:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def too_late(*_):
        kill_new()
        pytest.fail(f"not done after {limit} s, at a load of {load():.1f} for each CPU; its "
                    "processes were killed")

    # A worker of xdist does not always run the tests in its main thread, the only one that
    # gets signals. The test then fails because its processes are killed.
    if threading.current_thread() is not threading.main_thread():
        timer = threading.Timer(limit, kill_new)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        return
    old = signal.signal(signal.SIGALRM, too_late)
    # Again, in case the test catches the failure.
    signal.setitimer(signal.ITIMER_REAL, limit, 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    with limited(item):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    with limited(item):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    with limited(item):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_logreport(report):
    """Say in a failure's report what else may be its cause."""
    if report.failed and not any(name == "machine" for name, _ in report.sections):
        report.sections.append(("machine", f"load {load():.1f} for each CPU; huge pages: {pool()}"))
    yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """In CI, turn a skip into a failure, unless this kernel lacks a feature (a guest runs the
    test), or the test needs root (root's run includes it)."""
    report = (yield).get_result()
    if report.skipped and "DAXD_NO_SKIP" in os.environ and not hasattr(report, "wasxfail") \
            and not str(report.longrepr[2]).startswith(
                "Skipped: kernel: " if IS_ROOT else ("Skipped: kernel: ", "Skipped: needs root")):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr[2]}"


def environment():
    env = {k: v for k, v in os.environ.items()
           if k not in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "CUSE_DAXD_RUNTIME_DIR", "HOME",
                        "PYTEST_CURRENT_TEST")}
    env.setdefault("ASAN_OPTIONS", "abort_on_error=0:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


def run(command, as_nobody=False, **kwargs):
    """Run a command to its end. Return: CompletedProcess with text."""
    command = [str(c) for c in command]
    if as_nobody and IS_ROOT:
        command = SETPRIV + command
    kwargs.setdefault("env", environment())
    kwargs.setdefault("timeout", TIMEOUT)
    result = subprocess.run(command, text=True, capture_output=True, check=False, **kwargs)
    assert not SUSPICIOUS.search(result.stderr), result.stderr
    return result


def in_memory(workdir):
    """Return: where a test has its runtime directories. They are on a tmpfs, as /run/user is:
    the tree of a device has hundreds of files."""
    return pathlib.Path("/dev/shm", workdir.name)


class Daemon:
    """A daemon with a runtime directory of its own."""

    def __init__(self, workdir, user):
        self.workdir = workdir
        self.user = user
        self.dir = in_memory(workdir) / "rt"
        self.log = workdir / "log"
        self.process = None
        self.prefix = []  # a command that runs the daemon

    @property
    def as_nobody(self):
        return self.user == "nobody"

    def command(self, config=None, *args):
        command = [str(DAEMON), "--foreground", f"--runtime-dir={self.dir}"]
        if config is not None:
            path = self.workdir / "config"
            path.write_text(config)
            path.chmod(0o644)
            command.append(f"--config={path}")
        command += [str(a) for a in args]
        # Where CUSE works, parallel tests would compete for /dev/dax0.0.
        if not any("frontend=" in str(a) for a in (config or "", *args)):
            command.append("--frontend=none")
        return (SETPRIV if self.as_nobody and IS_ROOT else []) + self.prefix + command

    def start(self, config=None, *args, env=None):
        """Start the daemon and wait until clients can connect. Return: self."""
        assert self.process is None
        r, w = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(config, f"--ready-fd={w}", *args), pass_fds=[w],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**environment(), **(env or {})}, start_new_session=True)
        os.close(w)
        with os.fdopen(r) as ready:
            assert select.select([ready], [], [], TIMEOUT)[0], "the daemon is not ready"
            line = ready.readline()
            assert not line or ready.read() == ""
        if not line:
            self.process.wait(TIMEOUT)
            self.process = None
            raise AssertionError("the daemon failed: " + self.output())
        assert line == f"{self.dir}\n"
        return self

    def fail(self, config=None, *args, **kwargs):
        """Start the daemon, which must fail. Return: its message."""
        existed = self.dir.exists()
        result = subprocess.run(self.command(config, *args), text=True, capture_output=True,
                                env=environment(), timeout=TIMEOUT, check=False, **kwargs)
        assert result.returncode == 1, (result.returncode, result.stderr)
        assert not SUSPICIOUS.search(result.stderr), result.stderr
        assert result.stderr.startswith("cuse-daxd: "), result.stderr
        if not existed:
            assert not self.dir.exists()
        return result.stderr

    def stop(self, number=signal.SIGTERM, status=0):
        process, self.process = self.process, None
        process.send_signal(number)
        assert process.wait(TIMEOUT) == status, self.output()
        assert not SUSPICIOUS.search(self.output()), self.output()

    def kill(self):
        self.stop(signal.SIGKILL, -signal.SIGKILL)

    def output(self):
        return self.log.read_text() if self.log.exists() else ""

    @property
    def pid(self):
        return self.process.pid

    def wire(self, **kwargs):
        return Wire(self.dir, **kwargs)

    def state(self):
        return State(self.dir)

    def handle(self, name):
        return self.dir / "dev" / name

    def attr(self, path):
        return (self.dir / "sys" / path).read_text()

    @contextlib.contextmanager
    def opened(self, name, flags=os.O_RDWR):
        fd = os.open(self.handle(name), flags)
        try:
            yield fd
        finally:
            os.close(fd)

    def control(self, verb):
        with self.wire() as wire:
            return wire.control(verb)

    def store(self, path, data):
        """Write to an attribute. Return: the errno, or 0."""
        with self.wire() as wire:
            fd = os.open(self.dir / "sys" / path, os.O_WRONLY)
            try:
                return wire.store(fd, path, data.encode() if isinstance(data, str) else data)
            finally:
                os.close(fd)

    def ctl(self, *args, **kwargs):
        # Not as root: a client trusts only its own user's daemon, and root's.
        return run([CTL, f"--runtime-dir={self.dir}", *args],
                   **{"as_nobody": self.as_nobody, **kwargs})

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


def pool():
    directory = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
    return {name: int((directory / name).read_text())
            for name in ("nr_hugepages", "free_hugepages", "resv_hugepages")} \
        if directory.exists() else {}


def unmount_handles(top):
    """Remove the file systems of handles below a directory: a killed daemon of root leaves its."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        where, source = line.split()[4], line.split(" - ")[1].split()[1]
        if source == "cuse-daxd" and where.startswith(f"{top}/"):
            subprocess.run(["umount", "--lazy", where], check=True)


@contextlib.contextmanager
def new_workdir():
    """Yield a directory that all users may enter and only its owner may write to."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="daxd-test-"))
    in_memory(path).mkdir()
    for top in (path, in_memory(path)):
        top.chmod(0o755)
    try:
        yield path
    finally:
        for top in (path, in_memory(path)):
            unmount_handles(top)
            shutil.rmtree(top)


@pytest.fixture
def workdir():
    with new_workdir() as path:
        yield path


@pytest.fixture(scope="session")
def session_place(tmp_path_factory, worker_id):
    """session_place(name): a directory that all workers of this session share."""
    def make(name):
        path = tmp_path_factory.getbasetemp()
        path = (path if worker_id == "master" else path.parent) / name
        path.mkdir(exist_ok=True)
        return path

    return make


@pytest.fixture
def user(request):
    return getattr(request, "param", "root" if IS_ROOT else "nobody")


# Tests that need no privilege run both as root and as nobody.
both_users = pytest.mark.parametrize("user", ["root", "nobody"] if IS_ROOT else ["nobody"],
                                     indirect=True)


def shared_memory():
    """Names in /dev/shm that could be a daemon's. Other tests use it at the same time."""
    return {name for name in os.listdir("/dev/shm") if "cuse-daxd" in name}


class Daemons(list):
    def stop_all(self):
        for d in self:
            if d.process:
                d.stop()


@pytest.fixture
def daemons():
    """The daemons of this test. Fixtures that a daemon uses stop them all before their own end."""
    return Daemons()


@pytest.fixture
def new_daemon(workdir, user, daemons):
    """A factory of daemons. At the end, stop them and check that they leave nothing behind."""
    shm = shared_memory()
    if user == "nobody" and IS_ROOT:
        for path in (workdir, in_memory(workdir)):
            os.chown(path, NOBODY, NOBODY)

    def make(name="rt"):
        d = Daemon(workdir, user)
        d.dir = in_memory(workdir) / name
        d.log = workdir / f"{name.replace('/', '-')}.log"
        daemons.append(d)
        return d

    yield make
    daemons.stop_all()
    for d in daemons:
        assert not SUSPICIOUS.search(d.output()), d.output()
        assert not d.dir.exists(), list(d.dir.glob("*"))
    assert shared_memory() <= shm


@pytest.fixture
def daemon(new_daemon):
    """daemon(config, ...) starts a daemon and returns it."""
    def start(config=None, *args, **kwargs):
        return new_daemon().start(config, *args, **kwargs)

    return start


@contextlib.contextmanager
def hugepage_pool(stop=lambda: None):
    """Yield resize(n), which makes a pool with n free pages of 2 MiB. At the end, call stop() and
    restore the old size."""
    path = pathlib.Path("/proc/sys/vm/nr_hugepages")
    if not IS_ROOT:
        pytest.skip("needs root: vm.nr_hugepages")
    # Parallel tests share the machine's only pool.
    with open("/tmp/daxd-test-hugepages.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = pool()

        def resize(count):
            path.write_text(str(count))
            assert pool()["nr_hugepages"] == count, \
                f"the machine has too little memory, or its pool was changed meanwhile: {pool()}"

        try:
            yield resize
        finally:
            stop()
            # The kernel may free pages late: an io_uring's buffers in a thread of its own.
            end = time.monotonic() + TIMEOUT
            path.write_text(str(before["nr_hugepages"]))
            while pool() != before and time.monotonic() < end:
                time.sleep(0.01)
                path.write_text(str(before["nr_hugepages"]))
        assert pool() == before, \
            f"huge pages are in use still, or something else has changed the pool: {pool()}"


@pytest.fixture
def hugepages(daemons):
    """hugepages(n) makes a pool with n free pages of 2 MiB. The old size is restored at the end."""
    with hugepage_pool(daemons.stop_all) as resize:
        yield resize


def unmount_hugetlbfs(path):
    """Unmount it without its files: a mount namespace of another test, which may keep the file system
    for some time, must not keep pages of the pool."""
    for file in path.iterdir():
        file.unlink()
    subprocess.run(["umount", path], check=True)


@pytest.fixture
def hugetlbfs(workdir, hugepages, daemons):
    """A hugetlbfs of 2 MiB pages that the user nobody may use."""
    path = workdir / "huge"
    path.mkdir()
    subprocess.run(["mount", "-t", "hugetlbfs", "-o", f"pagesize=2M,uid={NOBODY},mode=0755",
                    "none", path], check=True)
    yield path
    daemons.stop_all()
    unmount_hugetlbfs(path)


@pytest.fixture
def small_fs(workdir, daemons):
    """small_fs(options) returns a directory on a tmpfs with these options."""
    mounted = []

    def make(options):
        path = workdir / "small"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=1777", "none", path],
                       check=True)
        mounted.append(path)
        return path

    yield make
    daemons.stop_all()
    for path in mounted:
        subprocess.run(["umount", path], check=True)


@pytest.fixture(params=["memory", "collapse", "plain", "hugetlb", "hugetlbfs", "pmem"])
def backing(request, workdir, monkeypatch):
    """The value of backing= for each kind of store, with room for 16 MiB."""
    if request.param in ("collapse", "plain"):
        monkeypatch.setenv("DAXD_MEMORY", request.param)
        return "memory"
    if request.param in ("hugetlb", "hugetlbfs"):
        request.getfixturevalue("hugepages")(8)
    if request.param == "hugetlbfs":
        return f"hugetlbfs:{request.getfixturevalue('hugetlbfs')}/file"
    return {"pmem": f"pmem:{workdir}/image"}.get(request.param, request.param)


@pytest.fixture
def daxrun(workdir, user, daemons):
    """Run programs under daxrun (daxrun.py). At the end, check that it leaves nothing behind."""
    from daxrun import Daxrun
    runner = Daxrun(workdir, user)
    yield runner
    daemons.stop_all()
    runner.check_gone()


BACKINGS = ["memfd-2M", "hugetlb-2M", "hugetlbfs-2M", "pmem-2M", "memfd-4K", "pmem-4K"]


@pytest.fixture(params=BACKINGS)
def device(request, daxrun):
    """device(SIZE) returns the argument of --device for a dax0.0, for each backing and align."""
    backing, align = request.param.split("-")

    def make(size, *more):
        if backing.startswith("huge"):
            request.getfixturevalue("hugepages")(size // (2 << 20))
        spec = {"hugetlbfs": lambda: f"hugetlbfs:{request.getfixturevalue('hugetlbfs')}/file",
                "pmem": lambda: f"pmem:{daxrun.dir}/image"}.get(backing, lambda: backing)()
        return ",".join([f"--device=dax0.0,size={size},align={align},backing={spec}", *more])

    make.align = {"4K": 4096, "2M": 2 << 20}[align]
    return make


def file_mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def dump(config_path, *args):
    result = run([DAEMON, f"--config={config_path}", "--dump-config", *args])
    assert result.returncode == 0, result.stderr
    return result.stdout


def load_json(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
