# SPDX-License-Identifier: BSD-2-Clause
"""The conformance program here, compared with the answers of real kernels (tests/oracle).

Every run has more than two thousand cases on one device, with one kernel's answers (daxrun
--kernel). An answer is right if that kernel gave it; every other one needs a row, with its
kernels and its reason, in the second table of docs/semantics.md. The figures are printed at the
end of the test session and are in build/conformance-summary.txt.

Every run has, with each of the kernels, one run on each device in memory and one on each other
store; the rest has one kernel each, in turn. CONFORMANCE_FULL=1 (make oracle-full) takes all.
"""

import contextlib
import dataclasses
import fcntl
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

from conftest import BUILD, IS_ROOT, NOBODY, ROOT, SETPRIV, environment, hugepage_pool

sys.path.insert(0, str(ROOT / "tests/oracle"))
from compare import compare, load_recorded, parse_deviations, parse_lines  # noqa: E402
from guest import Guest, KERNELS  # noqa: E402

PROGRAM = BUILD / "conformance"
DAXRUN = BUILD / "daxrun"
DAEMON = BUILD / "cuse-daxd"
SUMMARY = BUILD / "conformance-summary.txt"
DEVIATIONS = {k: parse_deviations((ROOT / "docs/semantics.md").read_text(), k) for k in KERNELS}
IS_FULL = bool(os.environ.get("CONFORMANCE_FULL"))

ALIGNS = ("4K", "2M", "1G")
DOORS = ("libc", "syscall")
# The answers of programs that are linked to musl: {case: reason}.
OF_MUSL = {name: reason for names, reason in re.findall(
    r"^\| ((?:`[\w.*]+` )+)\| musl \| (.*) \|$", (ROOT / "docs/semantics.md").read_text(), re.MULTILINE)
    for name in re.findall(r"`([\w.*]+)`", names)}
# The program leaves out what only glibc has.
ONLY_GLIBC = ("libc.names.*", "libc.open.checked_names")
RUN_TIMEOUT = 300

# The recorded devices' sizes; no answer depends on them.
SIZE = {"4K": "534773760", "2M": "534773760", "1G": "2G"}
SECOND_SIZE = {"4K": "16M", "2M": "16M", "1G": "2G"}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the program: the device, the user, and the door (libc or syscall)."""
    store: str
    align: str
    user: str		# root, owner (an ordinary user with devices of their own), nobody
    door: str
    kind: str = ""  # how the program is linked, if not to glibc dynamically (needs --reach=all)
    kernel: str = ""	# whose answers

    @property
    def name(self):
        return f"{self.kernel}-{self.store}-{self.align}-{self.user}-{self.door}" + \
            (f"-{self.kind}" if self.kind else "")

    @property
    def mode(self):
        return f"{self.user}/{self.door}"


USERS = ("root", "owner") if IS_ROOT else ("owner",)
MEMFD_RUNS = [Run("memfd", a, u, d) for a in ALIGNS for u in USERS for d in DOORS]
STORE_RUNS = [Run("pmem", a, USERS[0], "libc") for a in ("4K", "1G")] + \
    [Run("pmem", "2M", USERS[0], d) for d in DOORS] + \
    ([Run(s, "2M", "root", d) for s in ("hugetlb", "hugetlbfs") for d in DOORS] if IS_ROOT else [])
# Two devices of one region, which must not see each other's bytes. The tree in /sys differs.
REGION_RUNS = [Run(s, "2M", USERS[0], "libc") for s in ("region", "dynamic")]
KINDS = ("static", "static-pie")
STATIC_RUNS = [Run("memfd", "2M", u, d, k) for k in KINDS for u in USERS for d in DOORS] + \
    [Run("pmem", "2M", u, "libc", k) for k in KINDS for u in USERS]
MUSL = ("musl", "musl-static")
MUSL_RUNS = [Run(s, "2M", u, d, k) for k in MUSL for u in USERS for d in DOORS for s in ("memfd", "pmem")] if IS_FULL else \
    [Run("memfd", "2M", USERS[0], "libc", k) for k in MUSL] + [Run("pmem", "2M", "owner", "syscall", MUSL[1])]
# They ask the main rules, by system calls without libc.
GO = ("go", "cgo")
GO_RUNS = [Run(s, "2M", u, "syscall", k) for k in GO for u in USERS for s in ("memfd", "pmem")]
CONNECT_RUNS = [Run("connect", a, u, d) for a in ALIGNS for d in DOORS
                for u in (("root", "nobody") if IS_ROOT else ("owner",))]


def of_kernels(runs, each=lambda run: False):
    """Give each run a kernel, in turn; all of them to those that `each` chooses."""
    turn = itertools.cycle(KERNELS)
    return [dataclasses.replace(run, kernel=kernel) for run in runs
            for kernel in (KERNELS if IS_FULL or each(run) else [next(turn)])]


MEMFD_RUNS = of_kernels(MEMFD_RUNS, lambda run: run.mode == f"{USERS[0]}/libc")
STORE_RUNS = of_kernels(STORE_RUNS, lambda run: run.align == "2M" and run.door == "libc")
REGION_RUNS = of_kernels(REGION_RUNS)
STATIC_RUNS = of_kernels(STATIC_RUNS)
MUSL_RUNS = of_kernels(MUSL_RUNS)
GO_RUNS = of_kernels(GO_RUNS)
# The clients of one daemon have one kernel.
CONNECT_RUNS = [dataclasses.replace(r, kernel=k.kernel)
                for k in of_kernels([Run("connect", a, "", d) for a in ALIGNS for d in DOORS])
                for r in CONNECT_RUNS if (r.align, r.door) == (k.align, k.door)]
RUNS = MEMFD_RUNS + STORE_RUNS + REGION_RUNS + STATIC_RUNS + MUSL_RUNS + GO_RUNS + CONNECT_RUNS


def as_user(user, command):
    return (SETPRIV if user != "root" and IS_ROOT else []) + [str(c) for c in command]


@contextlib.contextmanager
def folder():
    """A directory that every user of these runs may write to, with room for huge files."""
    with folder_of_its_own() as path:
        if IS_ROOT:
            os.chown(path, NOBODY, NOBODY)
        yield path


@contextlib.contextmanager
def folder_of_its_own():
    """A directory that every user may enter."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="daxd-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def ask(user, where, command):
    """Start the program, which writes its answers to the file `where`. Return: Popen."""
    with open(where, "w") as out:
        return subprocess.Popen(as_user(user, command), stdout=out, stderr=subprocess.PIPE, text=True,
                                env={**environment(), "TMPDIR": str(where.parent)}, cwd=where.parent)


def answers(process, where):
    try:
        _, err = process.communicate(timeout=RUN_TIMEOUT)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0 and err == "", (process.returncode, err)
    return parse_lines(where.read_text())


def program(run, first, second, *options):
    name = f"{PROGRAM.name}-{run.kind}" if run.kind else PROGRAM.name
    if run.kind in GO:
        return [BUILD / name, "--dev", f"/dev/{first}"]
    return [BUILD / name, "--through", run.door, "--dev", f"/dev/{first}", "--second", f"/dev/{second}", *options]


def run_own(run, backing=("memfd", "memfd"), small=False):
    """Run with a daemon of its own, as `daxrun -- COMMAND` does."""
    size = "64M" if small else SIZE[run.align]
    with folder() as tmp:
        # FOLDER in the path of a store stands for this folder
        devices = [f"dax0.0,size={size},align={run.align},backing={backing[0]}",
                   f"dax3.0,size={SECOND_SIZE[run.align]},align={run.align},backing={backing[1]}"]
        devices = [d.replace("FOLDER", str(tmp)) for d in devices]
        reach = ["--reach=all"] if run.kind else []
        command = [DAXRUN, "-q", f"--kernel={run.kernel}", *reach, "-d", devices[0], "-d", devices[1], "--",
                   *program(run, "dax0.0", "dax3.0")]
        return {run: answers(ask(run.user, tmp / "answers", command), tmp / "answers")}


def run_hugetlbfs(run):
    with folder() as tmp, hugepage_pool() as resize:
        resize(48)
        subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", tmp], check=True)
        try:
            return run_own(run, (f"hugetlbfs:{tmp}/first", f"hugetlbfs:{tmp}/second"), small=True)
        finally:
            subprocess.run(["umount", tmp], check=True)


def run_hugetlb(run):
    with hugepage_pool() as resize:
        resize(48)
        return run_own(run, ("hugetlb", "hugetlb"), small=True)


OTHER_TREE = ("sysfs.*", "libc.sysfs.*", "root.sysfs.*", "zz_unbind.removed.*")


def run_region(run):
    kind = "static" if run.store == "region" else "dynamic"
    with folder() as tmp:
        command = [DAXRUN, "-q", f"--kernel={run.kernel}", "-d", f"dax0.0,size=64M,type={kind}", "-d", f"dax0.1,size=16M,type={kind}",
                   "--", *program(run, "dax0.0", "dax0.1"), *(f"--skip={p}" for p in OTHER_TREE)]
        return {run: answers(ask(run.user, tmp / "answers", command), tmp / "answers")}


CONFIG = """
[region 0]
size={size}
align={align}
[device 0.0]
mode=0666
[region 3]
size={size}
align={align}
[device 3.0]
mode=0666
"""


@contextlib.contextmanager
def running_daemon(align, kernel, tmp):
    user = "root" if IS_ROOT else "owner"
    (tmp / "config").write_text(CONFIG.format(size=SIZE[align], align=align))
    r, w = os.pipe()
    with open(tmp / "log", "w") as log:
        d = subprocess.Popen(as_user(user, [DAEMON, "--foreground", f"--config={tmp}/config",
                                            f"--kernel={kernel}", f"--runtime-dir={tmp}/rt", f"--ready-fd={w}"]),
                             pass_fds=[w], stdout=log, stderr=log, env=environment())
    os.close(w)
    try:
        with os.fdopen(r) as ready:
            assert ready.read() == f"{tmp}/rt\n", (tmp / "log").read_text()
        yield
        d.terminate()
        assert d.wait(60) == 0
        assert (tmp / "log").read_text() == ""
    finally:
        d.kill()
        d.wait()


# Cases that use the driver's files, or both devices; no other run may be active then.
ALONE = ("root.sysfs.*", "zz_unbind.*", "second.*")


def run_connect(run):
    """Run two processes at once through one running daemon, each on its own device."""
    pair = [r for r in CONNECT_RUNS if (r.kernel, r.align, r.door) == (run.kernel, run.align, run.door)]
    devices = ("dax0.0", "dax3.0")
    # Clients do not trust a daemon in a directory of another user's.
    with folder() as tmp, folder_of_its_own() as home, running_daemon(run.align, run.kernel, home):
        via = [DAXRUN, "-q", f"--connect={home}/rt", "--"]
        skip = [f"--skip={p}" for p in ALONE]
        processes = [ask(r.user, tmp / r.user, [*via, *program(r, devices[i], devices[1 - i], *skip)])
                     for i, r in enumerate(pair)]
        found = {r: answers(p, tmp / r.user) for r, p in zip(pair, processes)}
        for r in pair:
            only = [f"--only={p}" for p in ALONE]
            alone = ask(r.user, tmp / "alone", [*via, *program(r, *devices, *only)])
            found[r].update(answers(alone, tmp / "alone"))
            (tmp / "alone").unlink()
        return found


def make(run):
    if run.store == "connect":
        return run_connect(run)
    if run in REGION_RUNS:
        return run_region(run)
    if run.store == "hugetlbfs":
        return run_hugetlbfs(run)
    if run.store == "hugetlb":
        return run_hugetlb(run)
    if run.store == "pmem":
        return run_own(run, ("pmem:FOLDER/first", "pmem:FOLDER/second"), small=run.align != "1G")
    return run_own(run)


@pytest.fixture(scope="session")
def where(session_place):
    """The directory where the workers of this session keep the answers."""
    return session_place("conformance-answers")


def fresh(run, where):
    """Return: {case: answer} of a run, which the first worker that needs it carries out."""
    group = run.name if run.store != "connect" else f"connect-{run.kernel}-{run.align}-{run.door}"
    with open(where / f"{group}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = where / f"{run.name}.json"
        if not path.exists():
            for r, found in make(run).items():
                (where / f"{r.name}.json").write_text(json.dumps(found))
        return json.loads(path.read_text())


def judge(run, where):
    skip = OTHER_TREE if run in REGION_RUNS else ONLY_GLIBC if run.kind in MUSL else None
    found = fresh(run, where)
    deviations = {**DEVIATIONS[run.kernel], **OF_MUSL} if run.kind in MUSL else DEVIATIONS[run.kernel]
    return compare(found, run.mode, load_recorded(run.align, run.kernel), deviations,
                   only=list(found) if run.kind in GO else None, skip=skip)


# One device is enough with sanitizers, or without root.
def marks(run):
    return [] if run in MEMFD_RUNS and run.align == "2M" and run.user == "owner" else pytest.mark.plain


@pytest.mark.parametrize("run", [pytest.param(r, marks=marks(r), id=r.name) for r in RUNS])
def test_answers_as_a_real_kernel(run, where):
    c = judge(run, where)
    assert c.is_good(), f"not in docs/semantics.md:\n{c.report(quiet=True)}"
    # 19 answers of a static program are musl's own, on a real kernel as well.
    assert c.share >= 0.985, c.report(quiet=True)
    # A program that stopped early would have only right answers.
    assert c.compared > (500 if run.kind in GO else 1500), c.report()


@pytest.mark.plain
def test_summary(where):
    """All runs together, and every documented deviation still deviates somewhere, from each of
    the kernels that its row names."""
    judged = {run: judge(run, where) for run in RUNS}
    lines = [f"{run.name}: {c.compared} compared, {c.equal} equal ({c.share:.1%}), {len(c.documented)} "
             f"deviating with a reason, {len(c.deviating)} without" for run, c in judged.items()]
    compared = sum(c.compared for c in judged.values())
    equal = sum(c.equal for c in judged.values())
    cases = set().union(*({d.name for d in c.documented + c.deviating} for c in judged.values()))
    for kernel in KERNELS:
        of_it = [c for run, c in judged.items() if run.kernel == kernel]
        lines.append(f"{kernel}: {len(of_it)} runs, {sum(c.equal for c in of_it) / sum(c.compared for c in of_it):.2%} "
                     f"equal, the least {min(c.share for c in of_it):.1%}")
    lines.append(f"all: {compared} compared, {equal} equal ({equal / compared:.2%}); "
                 f"{len(cases)} cases deviate somewhere")
    SUMMARY.write_text(f"conformance with Linux {', '.join(KERNELS)}, each exactly:\n" + "".join(f"  {line}\n" for line in lines))
    assert equal / compared >= 0.985
    if IS_ROOT:
        used = {k: set().union(*(c.used for run, c in judged.items() if run.kernel == k)) for k in KERNELS}
        everywhere = set.intersection(*(set(d) for d in DEVIATIONS.values()))
        stale = [(k, p) for k in KERNELS for p in DEVIATIONS[k] if p not in used[k] and p not in everywhere]
        of_musl = set().union(*(c.used for run, c in judged.items() if run.kind in MUSL))
        stale += [("musl", p) for p in OF_MUSL if p not in of_musl]
        stale += [("all", p) for p in everywhere if not any(p in u for u in used.values())]
        assert not stale, f"docs/semantics.md lists these, but they deviate nowhere: {sorted(stale)}"


# Where a namespace is probed while its region makes the seeds, the kernel calls the seed pfn0.1
# instead of pfn0.0, which was recorded (drivers/nvdimm: nd_pfn_probe(), nd_region_probe()).
LATE_SEED = 75
BOOTED = f"""
test -e /sys/bus/nd/devices/pfn0.0 -a -e /sys/bus/nd/devices/pfn1.0 || exit {LATE_SEED}
chmod 0666 /dev/dax*
export TMPDIR=/scratch
conformance --dev /dev/dax0.0 --second /dev/dax1.0 --uid 65534 --through syscall >/run/nobody
conformance --dev /dev/dax0.0 --second /dev/dax1.0 >/run/root
"""


@pytest.mark.guest
@pytest.mark.plain
@pytest.mark.parametrize("kernel", KERNELS if IS_FULL else ["6.12"])
def test_the_recording_is_not_stale(kernel):
    """A real kernel still gives the recorded answers."""
    guest = Guest(kernel, regions=["512M:2M", "128M:2M"], scratch="128M")
    for _ in range(5):
        r = guest.run(BOOTED, programs=[str(PROGRAM)], fetch=["/run/root", "/run/nobody"], timeout=600)
        if r.status != LATE_SEED:
            break
        print("booted again: the kernel called a seed pfn0.1")
    assert r.status == 0 and r.output == "" and not r.oops(), (r.output, r.oops())
    recorded = load_recorded("2M", kernel)
    for mode in ("root/libc", "nobody/syscall"):
        c = compare(parse_lines(r.files["/run/" + mode.split("/")[0]].decode()), mode, recorded)
        assert c.is_good(), c.report()
        assert c.equal == c.compared > 1600
