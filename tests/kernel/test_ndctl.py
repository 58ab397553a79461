# SPDX-License-Identifier: BSD-2-Clause
"""ndctl and daxctl on a static region, as namespace_life.sh uses them.

Their output with a real namespace of 512 MiB is in oracle/recorded/namespace-life-KERNEL.txt, with
version 76; that of 81 and 85 in namespace-life-7.3-ndctl-VERSION.txt. To record:

    export PYTHONPATH=tests:tests/lib
    python3 tests/kernel/test_ndctl.py 6.1 > tests/oracle/recorded/namespace-life-6.1.txt
    python3 tests/kernel/test_ndctl.py 7.3 81 > tests/oracle/recorded/namespace-life-7.3-ndctl-81.txt

`test_ndctl.py --here FOLDER VERSION` compares with the programs of FOLDER; tests/peers/cxl.py
does so for 81 and 85.
"""

import json
import re
import subprocess
import sys

import pytest

from conftest import BUILD, IS_ROOT, ROOT, SETPRIV, environment

sys.path.insert(0, str(ROOT / "tests/oracle"))
from suites import NdctlGuest  # noqa: E402
from test_region_life import PROBE, compare, search_path  # noqa: E402

SCRIPT = ROOT / "tests/scenarios/namespace_life.sh"


def recorded(name):
    return (ROOT / f"tests/oracle/recorded/namespace-life-{name}.txt").read_text()


def on_real_kernel(kernel, version):
    guest = NdctlGuest(kernel, regions=["512M:2M"], modules=["kmem", "fsdev_dax"] if kernel == "7.3" else ["kmem"])
    guest.version = version
    result = guest.run(SCRIPT.read_text(), programs=[PROBE], timeout=900)
    assert result.status == 0, result.output
    assert not result.oops(), result.oops()
    return result.output


def daxrun(user, *args, device="dax0.0,size=510M", kernel="host", path=None):
    devices = [device] if isinstance(device, str) else device
    command = [BUILD / "daxrun", "-q", f"--kernel={kernel}", *(f"--device={d}" for d in devices), "--", *args]
    if user == "nobody" and IS_ROOT:
        command = SETPRIV + command
    env = environment()
    env["PATH"] = search_path(path)
    return subprocess.run([str(c) for c in command], text=True, capture_output=True, env=env,
                          timeout=300, check=False, cwd="/")


def normal(output):
    """Return: the output without addresses, device numbers and uuids."""
    output = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", output)
    output = re.sub(r"(MAJOR=|node \d+ )\d+", r"\1MAJ", output)
    output = re.sub(r"\b0x[0-9a-f]{8,}\b", "ADDRESS", output)
    return re.sub(r'"(start|end)":\d+', r'"\1":ADDRESS', output)


def on_emulator(kernel, user="root", path=None):
    result = daxrun(user, "sh", SCRIPT, kernel=kernel, path=path)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return normal(result.stdout)


@pytest.mark.parametrize("user, kernel", ([("root", "6.1")] if IS_ROOT else []) + [("nobody", "7.3")])
def test_it_is_as_on_the_recorded_kernel(user, kernel):
    compare(on_emulator(kernel, user), recorded(kernel))


def test_a_namespace_is_not_destroyed(user):
    """ndctl fails to destroy a namespace, as it needs a block device for that; the device can be
    enabled again with its bytes."""
    result = daxrun(user, "sh", "-c", """
        sysprobe fill /dev/dax0.0 7
        ndctl destroy-namespace -f namespace0.0 2>&1; echo "? $?"
        ndctl enable-namespace namespace0.0 2>&1
        sysprobe check /dev/dax0.0 7 255
    """)
    assert "failed to enable for zeroing" in result.stdout
    assert "destroyed 0 namespaces" in result.stdout
    assert "255 of 255 are there" in result.stdout


def test_several_regions_and_namespaces(workdir, user):
    """Every region and namespace is listed and can be disabled and enabled separately."""
    config = workdir / "config"
    config.write_text("[region 0]\nsize=96M\n[device 0.0]\nsize=32M\n[device 0.1]\nsize=64M\n"
                      "[region 1]\nalign=4K\nsize=64M\n[region 2]\ntype=dynamic\nsize=64M\n")
    result = subprocess.run(
        [BUILD / "daxrun", "-q", "-c", config, "--", "sh", "-c", """
            ndctl list -RN
            ndctl disable-namespace namespace0.1 >&2
            ls /dev/dax* >&2
            ndctl list
            ndctl disable-region region0 >&2
            ls /dev/dax* >&2
            ndctl enable-region region0 >&2
            ls /dev/dax* >&2
            ndctl list
        """], text=True, capture_output=True, env=environment(), timeout=60, check=False)
    whole, without, again = [json.loads(t) for t in re.split(r"(?m)(?<=^[\]}])\n(?=[\[{])",
                                                             result.stdout)]
    names = {n["dev"]: (n["chardev"], n["size"]) for r in whole["regions"]
             for n in r["namespaces"]}
    assert names == {"namespace0.0": ("dax0.0", 32 << 20), "namespace0.1": ("dax0.1", 64 << 20),
                     "namespace1.0": ("dax1.0", 64 << 20)}
    assert {n["dev"] for n in without} == {"namespace0.0", "namespace1.0"}
    assert {n["dev"]: (n["chardev"], n["size"]) for n in again} == names
    assert result.stderr.splitlines() == [
        "disabled 1 namespace", "/dev/dax0.0", "/dev/dax1.0", "/dev/dax2.0",
        "disabled 1 region", "/dev/dax1.0", "/dev/dax2.0",
        "enabled 1 region", "/dev/dax0.0", "/dev/dax0.1", "/dev/dax1.0", "/dev/dax2.0"]


def main(kernel, version="76", *more):
    if kernel == "--here":
        compare(on_emulator("7.3", path=version), recorded(f"7.3-ndctl-{more[0]}"))
    else:
        print(normal(on_real_kernel(kernel, version)), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
