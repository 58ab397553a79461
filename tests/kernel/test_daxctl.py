# SPDX-License-Identifier: BSD-2-Clause
"""daxctl, in addition to the scenarios in test_region_life and test_ndctl."""

import json
import pathlib
import subprocess

import pytest

from conftest import BUILD, ROOT, both_users, environment
from test_ndctl import daxrun

DYNAMIC = "dax0.0,size=1G,type=dynamic"


@both_users
def test_the_steps_of_ndctls_own_tests(user):
    result = daxrun(user, "sh", ROOT / "tests/scenarios/daxctl_scenarios.sh", "dax0.0", device=DYNAMIC)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert result.stdout.endswith("all went well\n")


MEMORY = pathlib.Path("/sys/devices/system/memory")


@pytest.mark.parametrize("device, blocks", [("dax0.0,size=1G,type=dynamic", 8), ("dax0.0,size=510M", 3)])
def test_a_device_is_shown_as_system_ram(user, device, blocks):
    """The machine gets no memory, its own blocks are hidden meanwhile, and the data stays."""
    own = {path.name for path in MEMORY.glob("memory*")}
    result = daxrun(user, "sh", "-c", """
        grep MemTotal /proc/meminfo
        sysprobe fill /dev/dax0.0 3
        daxctl reconfigure-device -m system-ram dax0.0
        sysprobe open /dev/dax0.0
        echo @
        ls -d /sys/devices/system/memory/memory[0-9]*
        echo @
        ls -d /sys/devices/system/node/node0/memory[0-9]*
        echo @
        grep MemTotal /proc/meminfo
        daxctl reconfigure-device -f -m devdax dax0.0 >/dev/null || exit
        sysprobe check /dev/dax0.0 3 32
        ls /sys/devices/system/memory
    """, device=device)
    assert result.returncode == 0, result.stderr
    mode, shown, of_node, rest = result.stdout.split("@\n")
    before, _, listed = mode.split("\n", 2)
    assert json.loads(listed.rsplit("]", 1)[0] + "]")[0] | {"size": 0} == {
        "chardev": "dax0.0", "size": 0, "target_node": 0, "align": 2 << 20, "mode": "system-ram",
        "online_memblocks": blocks, "total_memblocks": blocks, "movable": True}
    assert listed.endswith("open ENXIO\n")
    names = [line.rsplit("/", 1)[1] for line in shown.splitlines()]
    assert len(names) == blocks
    assert [line.rsplit("/", 1)[1] for line in of_node.splitlines()] == names
    after, there, *files = rest.splitlines()
    assert after == before
    assert there == "32 of 32 are there"
    assert {name for name in files if name.startswith("memory")} == own


def test_create_from_a_file(user, workdir):
    """daxctl 76 writes 0-0 for the ranges of the file, which no kernel accepts; since 6.8 the
    write succeeds all the same."""
    listed = workdir / "input.json"
    listed.touch()
    listed.chmod(0o666)
    result = daxrun(user, "sh", "-c", f"""
        daxctl disable-device dax0.0
        daxctl reconfigure-device -s 0 dax0.0
        daxctl create-device -s 64M >/dev/null
        daxctl list -M -u -d dax0.1 >{listed}
        daxctl destroy-device -f dax0.1
        daxctl create-device -r 0 --input {listed}
        echo "? $?"
        daxctl list -M >{listed}
        daxctl create-device -r 0 --input {listed}
        echo "? $?"
    """, device=DYNAMIC)
    assert "failed to set mapping" in result.stderr or "but specified size" in result.stderr
    assert "? 250" in result.stdout


def test_two_regions(user, workdir):
    config = workdir / "config"
    config.write_text("[region 0]\ntype=dynamic\nsize=64M\n[device 0.0]\nsize=0\n"
                      "[region 3]\ntype=dynamic\nsize=128M\nalign=4K\n[device 3.0]\nsize=0\n")
    config.chmod(0o644)
    result = subprocess.run(
        [BUILD / "daxrun", "-q", "-c", config, "--", "sh", "-c", """
            daxctl create-device -r 3 -s 32M >/dev/null
            daxctl create-device -r 0 -s 16M >/dev/null
            daxctl create-device -r 3 >/dev/null
            daxctl list -DR
        """], text=True, capture_output=True, env=environment(), timeout=60, check=False)
    regions = {r["id"]: r for r in json.loads(result.stdout)}
    sizes = {d["chardev"]: d["size"] >> 20 for r in regions.values() for d in r["devices"]}
    assert sizes == {"dax0.1": 16, "dax3.1": 32, "dax3.2": 96}
    assert regions[0]["available_size"] == 48 << 20
    assert "available_size" not in regions[3]
