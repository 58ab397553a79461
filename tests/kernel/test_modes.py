# SPDX-License-Identifier: BSD-2-Clause
"""The modes of a device, devdax, system-ram and famfs, here and on a real kernel.

The output of mode_life.sh on each kernel is in oracle/recorded/mode-life-KERNEL.txt, with daxctl
76; those of daxctl 81 and of 85, which knows famfs, in mode-life-7.3-daxctl-VERSION.txt. To record:

    export PYTHONPATH=tests:tests/lib
    python3 tests/kernel/test_modes.py 7.3 > tests/oracle/recorded/mode-life-7.3.txt
    python3 tests/kernel/test_modes.py 7.3 85 > tests/oracle/recorded/mode-life-7.3-daxctl-85.txt

`test_modes.py --here FOLDER VERSION` compares with the daxctl of FOLDER; tests/peers/cxl.py does so
for 81.
"""

import re
import subprocess
import sys

import pytest

from conftest import BUILD, IS_ROOT, ROOT, SETPRIV, both_users, environment, needs_root
from test_region_life import compare, normal, search_path

sys.path.insert(0, str(ROOT / "tests/oracle"))
from guest import KERNELS  # noqa: E402
from suites import NdctlGuest, newer_ndctl  # noqa: E402

pytestmark = pytest.mark.plain

SCRIPT = ROOT / "tests/scenarios/mode_life.sh"
PROBE = BUILD / "progs/sysprobe"
DEVICE = "dax0.0,size=1G,type=dynamic,start=kernel"


def recorded(name):
    return (ROOT / f"tests/oracle/recorded/mode-life-{name}.txt").read_text()


def modes_of(version):
    """Return: the argument of the script: a mode that only some versions know."""
    return "famfs" if version == "85" else ""


def tidy(output, kernel):
    """Return: the output without what differs between machines."""
    return normal(output.replace("\\/", "/"), kernel)


def on_real_kernel(kernel, version):
    """Run the script on memory marked soft-reserved, with new memory blocks offline."""
    text = f"export PATH=/bin:$PATH; set -- {modes_of(version)}\n{SCRIPT.read_text()}"
    guest = NdctlGuest(kernel, memmap="1G%4G-1+0xefffffff", memory="6G", cmdline="memhp_default_state=offline",
                        modules=["kmem", "dax_hmem"] if kernel == "6.1" else ["dax_hmem"],
                        aside=["fsdev_dax"] if kernel == "7.3" else [])
    guest.version = version
    result = guest.run(text, programs=[PROBE], timeout=900)
    assert result.status == 0, result.output
    assert not result.oops(), result.oops()
    return result.output


def run(*command, kernel, user="root", path=None, device=DEVICE):
    """Run a command under daxrun. Return: its result."""
    words = [BUILD / "daxrun", "-q", f"--kernel={kernel}", "-d", device, "--", *command]
    if user == "nobody" and IS_ROOT:
        words = SETPRIV + words
    env = environment()
    env["PATH"] = search_path(path)
    return subprocess.run([str(word) for word in words], text=True, capture_output=True, env=env,
                          timeout=300, check=False, cwd="/")


def on_emulator(kernel, *args, **kw):
    result = run("sh", SCRIPT, *args, kernel=kernel, **kw)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return result.stdout


@pytest.mark.parametrize("kernel", KERNELS)
def test_system_ram_is_as_on_the_recorded_kernel(kernel):
    compare(tidy(on_emulator(kernel), kernel), recorded(kernel))


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """A folder with daxctl 85."""
    folder = tmp_path_factory.mktemp("newer")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    newer_ndctl("85").wrapper("daxctl", folder / "daxctl")
    return folder


def test_daxctl_85_goes_through_all_modes(newer):
    compare(tidy(on_emulator("7.3", "famfs", path=newer), "7.3"), recorded("7.3-daxctl-85"))


STRACE = "strace -f -qq -e trace=execve,init_module,finit_module -e signal=none -o"


@needs_root
@pytest.mark.parametrize("version, kernel", [("76", "7.3"), ("85", "7.3"), ("85", "6.18")])
def test_no_module_of_the_machine_is_loaded(version, kernel, newer, workdir):
    """Where daxctl loads a module for a mode, it finds it loaded already.

    A machine that has the modules, or commands to run instead, would take them.
    """
    marks = workdir / "marks"
    marks.mkdir()
    config = "".join(f"install {name} /usr/bin/touch {marks}/{name}\n" for name in ("kmem", "device_dax", "fsdev_dax"))
    modes = ["system-ram", "devdax"] + (["famfs", "devdax"] if version == "85" else [])
    shown = ["devdax" if mode == "famfs" and kernel != "7.3" else mode for mode in modes]
    lives = "\n".join(f"daxctl reconfigure-device -f -m {mode} dax0.0 >/dev/null; daxctl list | jq -r .[].mode"
                      for mode in modes)
    result = subprocess.run(["unshare", "-m", "sh", "-c", f"""
        mount -t tmpfs none /run && mkdir /run/modprobe.d
        printf '%s' '{config}' >/run/modprobe.d/marks.conf
        {STRACE} {workdir}/control modprobe kmem
        ls {marks}
        rm {marks}/*
        PATH={newer if version == "85" else ""}:$PATH {STRACE} {workdir}/log \\
            {BUILD}/daxrun -q --kernel={kernel} -d {DEVICE} -- sh -c '{lives}'
        ls {marks}
    """], text=True, capture_output=True, env=environment(), timeout=120, check=False)
    assert result.stdout.split() == ["kmem", *shown], result.stderr	# modprobe obeys the configuration
    calls = r'(?m)^\d+ +(?:f?init_module\(|execve\("\S*(?:modprobe|insmod|kmod|touch)", ).*'
    assert re.findall(calls, (workdir / "control").read_text())
    assert not re.findall(calls, (workdir / "log").read_text())


@both_users
@pytest.mark.parametrize("kind", ["", ",type=dynamic", ",type=dynamic,start=kernel"])
@pytest.mark.parametrize("mode, shown", [("system-ram", "ENXIO"), ("famfs", "ok")])
def test_a_device_may_begin_in_another_mode(user, kind, mode, shown):
    result = run("sh", "-c", """
        basename $(readlink /sys/bus/dax/devices/dax0.0/driver)
        sysprobe calls /dev/dax0.0
        daxctl disable-device dax0.0
        daxctl reconfigure-device -m devdax dax0.0 >/dev/null
        sysprobe open /dev/dax0.0
    """, kernel="7.3", user=user, device=f"dax0.0,size=1G,mode={mode}{kind}")
    driver, opened, *calls = result.stdout.splitlines()
    assert driver == {"system-ram": "kmem", "famfs": "fsdev_dax"}[mode], result.stderr
    assert opened == f"open {shown}"
    assert calls[-1] == "open ok"
    assert calls.count("mmap ENODEV") == (4 if mode == "famfs" else 0)


@pytest.mark.parametrize("device, kernel, error", [
    ("dax0.0,mode=famfs", "6.18", "mode=famfs: Linux 6.18 does not have it (use kernel=7.3)"),
    ("dax0.0,size=64M,mode=system-ram", "7.3", "mode=system-ram: Invalid argument (it needs"),
    ("dax0.0,mode=ram", "7.3", "'ram' is not a mode")])
def test_a_mode_that_is_not_possible(device, kernel, error):
    result = run("true", kernel=kernel, device=device)
    assert result.returncode == 125
    assert error in result.stderr


def main(kernel, version="76", *more):
    if kernel == "--here":
        output = on_emulator("7.3", *modes_of(more[0]).split(), path=version)
        compare(tidy(output, "7.3"), recorded(f"7.3-daxctl-{more[0]}"))
    else:
        print(tidy(on_real_kernel(kernel, version), kernel), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
