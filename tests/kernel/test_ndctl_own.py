# SPDX-License-Identifier: BSD-2-Clause
"""ndctl's own tests of device-dax, on emulated devices and on real ones of a booted kernel.

From test/device-dax.c and test/dax-pmd.c: data written before is there, MAP_PRIVATE is refused,
direct I/O from and into the device, fork, mremap, smaps, and removal of the device under a
mapping. From test/mmap.c: everything. They are built here from Debian's sources, which are
fetched when they are first needed; tests/ndctl has the glue. Left out are poison (other tests
here cover it) and 1 GiB aligns, for which they fill 2 GiB.
"""

import os
import re
import resource
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD, IS_ROOT, ROOT, run
from daxrun import Daxrun, said

sys.path.insert(0, str(ROOT / "tests/oracle"))
from guest import Guest  # noqa: E402
from source import source  # noqa: E402

# One worker: one boot, one build.
pytestmark = [pytest.mark.plain, pytest.mark.guest, pytest.mark.xdist_group("ndctl_own")]

SUITES = ("bookworm", "trixie", "forky", "sid")
DEVICES = {"4K": ("dax0.0", 4096), "2M": ("dax1.0", 2 << 20)}
MIB = 1 << 20

# Options of test/mmap.c. It does not check whether mmap has failed, so MAP_PRIVATE kills it.
MMAP = ["-s -w -r", "-s -p -w -r", "-s -R -r", "-s -R -p -r", "-s -R -w", "-w -r", "-R -r"]
# Only where the user may lock that much memory; mlockall(2) also locks all other mappings.
MAY_LOCK = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
if MAY_LOCK == resource.RLIM_INFINITY or MAY_LOCK >= 8 << 20:
    MMAP += ["-s -M -w", "-s -S -M -w"]



@pytest.fixture(scope="module")
def programs():
    """Build ndctl's programs. Return: the folder."""
    top = source("ndctl", SUITES)
    out = BUILD / "ndctl"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "config.h").write_text("/* nothing: see meson.build */\n")
    glue = ROOT / "tests/ndctl"
    for name, sources in {
            "device-dax": [glue / "glue.c", f"{top}/test/dax-pmd.c"],
            "mmap": ["-include", glue / "size.h", f"{top}/test/mmap.c"]}.items():
        result = run(["gcc", "-O1", "-w", "-D_GNU_SOURCE", f"-I{out}", f"-I{top}", "-o", out / name,
                      *sources])
        assert result.returncode == 0, result.stderr
    return out


def script(device_dax, mmap):
    """Return: a script that runs them all, with a marker line before each output."""
    lines = ["mkdir test_dax_mnt"]      # the tests would make it with a mode that only root can use
    for align, (name, size) in DEVICES.items():
        lines.append(f'echo "== device-dax {align}"; {device_dax} {name} {size} "$PWD/seed" 2>&1; '
                     f'echo "status $?"')
    # The devices are unbound now.
    lines.append("for d in dax0.0 dax1.0; do echo $d >/sys/bus/dax/drivers/device_dax/bind; done")
    for align, (name, size) in DEVICES.items():
        for options in MMAP:
            lines.append(f'echo "== mmap {align} {options}"; '
                         f'GLUE_SIZE={4 * MIB} {mmap} {options} /dev/{name} 2>&1; echo "status $?"')
    return "\n".join(lines) + "\n"


def answers(output):
    """Return: {command: its output}, without values that differ from run to run."""
    out = {}
    for line in output.splitlines():
        if line.startswith("== "):
            said_ = out[line[3:]] = []
        elif "core dumped" in line or line in ("Segmentation fault", "Bus error"):
            continue    # the shell's
        else:
            line = re.sub(r"0x0x|0x(?=\(nil\))", "0x", line)
            line = re.sub(r"0x[0-9a-f]{9,16}\b", "ADDRESS", line)
            said_.append(re.sub(r" *\d+ usec", " N usec", line).rstrip())
    return out


def show(what, ours, theirs):
    return "\n".join([f"== {what}", "-- ours", *(ours or ["(nothing)"]), "-- real", *(theirs or ["(nothing)"])])


@pytest.fixture(scope="module")
def real(programs):
    """The answers of real devices."""
    result = Guest("6.12", regions=["128M:4K", "128M:2M"], scratch="64M").run(
        "export GLUE_SLOW=100\ncd /scratch\n" + script("device-dax", "mmap-dax"),
        programs=[str(programs / "device-dax"), (str(programs / "mmap"), "/bin/mmap-dax")])
    assert result.status == 0, result.output
    return answers(result.output)


def directory_for_direct_io(workdir):
    """Return: a directory where O_DIRECT works; not every file system supports it."""
    for place in (workdir, BUILD):
        path = place / "direct-io"
        try:
            fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_DIRECT, 0o600)
        except OSError:
            continue
        os.close(fd)
        path.unlink()
        return place
    pytest.fail("no file system here has O_DIRECT")
    return None


def test_real_devices_pass(real):
    """The tests pass on real devices; otherwise the glue is wrong."""
    for align in DEVICES:
        answer = real[f"device-dax {align}"]
        assert answer[-1] == "status 0", answer


@pytest.mark.parametrize("user", ["root", "nobody"] if IS_ROOT else ["nobody"], indirect=True)
def test_ours_answer_alike(user, programs, real, workdir):
    if user == "nobody" and IS_ROOT:
        os.chown(workdir, 65534, 65534)
    daxrun = Daxrun(workdir, user)
    devices = [a for align, (name, _) in DEVICES.items()
               for a in ("-d", f"{name},size=64M,align={align}")]
    result = daxrun.any("-q", *devices, "--", "sh", "-c",
                        script(programs / "device-dax", programs / "mmap"),
                        cwd=directory_for_direct_io(daxrun.dir), timeout=120)
    assert result.returncode == 0, said(result)
    ours = answers(result.stdout)
    assert ours.keys() == real.keys()
    wrong = [show(what, ours[what], real[what]) for what in real if ours[what] != real[what]]
    assert not wrong, f"{len(wrong)} of {len(real)} differ\n" + "\n".join(wrong)
