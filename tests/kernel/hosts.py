# SPDX-License-Identifier: BSD-2-Clause
"""The conformance program under daxrun on machines with other kernels than this one, in guests.

`make oracle-full` runs this, `make test` does not: each kernel boots once, for some ten
minutes (this machine's own is test_conformance.py's). The answers on each store are compared
with the recording of the kernel that `kernel=host` chooses there, and on one device with that
of a kernel that is chosen with `--kernel=` and far from it. Rows of docs/semantics.md with a
cell for the machine hold here. The figures are in build/hosts-summary.txt.
"""

import platform
import shlex
import sys

import pytest

from conftest import BUILD, ROOT, SETPRIV
from guests import BUILT
from test_conformance import SECOND_SIZE, SIZE, Run

sys.path.insert(0, str(ROOT / "tests/oracle"))
from compare import compare, load_recorded, parse_deviations, parse_lines  # noqa: E402
from debian import Debian  # noqa: E402
from guest import KERNELS  # noqa: E402

pytestmark = [pytest.mark.guest, pytest.mark.plain]

HOSTS = [k for k in KERNELS if not platform.release().startswith(f"{k}.")]
FAR = {"6.1": "7.3", "6.12": "7.3", "6.18": "6.1", "7.3": "6.1"}
SUMMARY = BUILD / "hosts-summary.txt"
DOC = (ROOT / "docs/semantics.md").read_text()
PROGRAMS = (*BUILT, "daxgraft", "libdaxtrap.so", "conformance", "conformance-static")


def on_host(store, align, user="root", door="libc", kind=""):
    return Run(store, align, user, door, kind, "host")


FAR_RUN = Run("memfd", "2M", "root", "libc", kernel="far")
RUNS = [on_host("memfd", "4K"), on_host("memfd", "2M"), on_host("memfd", "2M", "owner", "syscall"),
        on_host("hugetlb", "2M"), on_host("pmem", "4K"), on_host("pmem", "2M"),
        on_host("memfd", "1G"), on_host("memfd", "2M", "root", "syscall", "static"), FAR_RUN]
# A guest takes longer to fill a unit of 1G than a question may.
LEFT_OUT = {"1G": ["madvise.populate.*", "madvise.*.populate_*"]}

SCRIPT = """
echo 64 >/proc/sys/vm/nr_hugepages
ask() {		# NAME COMMAND...
	name=$1
	shift
	mkdir -p -m 1777 /scratch/$name
	cd /scratch/$name
	TMPDIR=$PWD "$@" >/run/$name 2>/run/$name-error || echo "$name: exit status $?"
	sed "s/^/$name: /" /run/$name-error
}
"""


def command(run, host):
    """Return: a line of the script, which puts the answers into /run/NAME."""
    backing = {"pmem": [f"pmem:/scratch/{run.name}/{name}" for name in ("first", "second")]}
    first, second = backing.get(run.store, [run.store] * 2)
    kernel = FAR[host] if run is FAR_RUN else "host"
    size = SIZE[run.align] if run.store == "memfd" else "64M"
    words = ["ask", run.name, *(SETPRIV if run.user == "owner" else []), "/opt/daxd/daxrun", "-q",
             f"--kernel={kernel}", *(["--reach=all"] if run.kind else []),
             "-d", f"dax0.0,size={size},align={run.align},backing={first}",
             "-d", f"dax3.0,size={SECOND_SIZE[run.align]},align={run.align},backing={second}", "--",
             "/opt/daxd/conformance" + (f"-{run.kind}" if run.kind else ""), "--through", run.door,
             "--dev", "/dev/dax0.0", "--second", "/dev/dax3.0", *(f"--skip={p}" for p in LEFT_OUT.get(run.align, ()))]
    return shlex.join(words) + " &\n"


@pytest.fixture(scope="module", params=HOSTS)
def guest(request):
    """Boot one kernel and run everything. Return: (its name, the answers of each run as text)."""
    host = request.param
    # Three at a time, as when the answers are recorded.
    script = SCRIPT + "".join(command(run, host) + "wait\n" * (i % 3 == 2) for i, run in enumerate(RUNS))
    result = Debian(kernel=host, memory="4G").run(
        script, files={f"/opt/daxd/{name}": str(BUILD / name) for name in PROGRAMS},
        fetch=[f"/run/{run.name}" for run in RUNS], timeout=3000)
    assert result.output == "" and result.status == 0 and not result.oops(), (result.output, result.oops())
    print(f"{host}: {result.seconds:.0f} s")
    return host, {run: result.files[f"/run/{run.name}"].decode() for run in RUNS}


@pytest.fixture(scope="module")
def summary():
    lines = []
    yield lines
    SUMMARY.write_text("conformance on other kernels:\n" + "".join(f"  {line}\n" for line in lines))


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_answers_on_another_kernel(guest, run, summary):
    host, answers = guest
    kernel = FAR[host] if run is FAR_RUN else host
    deviations = parse_deviations(DOC, kernel, host)
    c = compare(parse_lines(answers[run]), run.mode, load_recorded(run.align, kernel), deviations,
                skip=LEFT_OUT.get(run.align))
    summary.append(f"{host} as {kernel}, {run.name}: {c.compared} compared, {c.equal} equal ({c.share:.2%}), "
                   f"{len(c.documented)} deviating with a reason, {len(c.deviating)} without")
    assert c.is_good(), f"not in docs/semantics.md:\n{c.report(quiet=True)}"
    assert c.compared > 1500, c.report()
    if run is FAR_RUN:
        stale = set(deviations) - set(parse_deviations(DOC, kernel)) - c.used
        assert not stale, f"docs/semantics.md lists these for the machine, but they do not deviate: {sorted(stale)}"
    else:
        assert c.share >= 0.985, c.report(quiet=True)
