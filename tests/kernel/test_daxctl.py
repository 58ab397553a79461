# SPDX-License-Identifier: BSD-2-Clause
"""daxctl, in addition to the scenarios in test_region_life and test_ndctl."""

import json
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


@pytest.mark.parametrize("device", ["dax0.0,size=1G,type=dynamic", "dax0.0,size=510M"])
@pytest.mark.parametrize("options", ["", "-N", "--no-online", "-N --no-movable", "--no-movable",
                                     "-f", "-N -f"])
def test_no_ram_is_made_of_a_device(user, device, options):
    """daxctl prints a clear error and the device is unchanged, also for a process that maps it."""
    result = daxrun(user, "sh", "-c", f"""
        daxctl list -DRMi
        daxctl reconfigure-device --mode=system-ram {options} dax0.0 2>&1 >/dev/null
        status=$?
        for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            [ -h /sys/bus/dax/devices/dax0.0/driver ] && break
            sleep 0.1
        done
        daxctl list -DRMi
        sysprobe span /dev/dax0.0 0 4194304
        exit $status
    """, device=device)
    assert result.returncode not in (0, 1, 126, 127)
    before, rest = result.stdout.split("\n]\n", 1)
    error, rest = rest.split("[\n", 1)
    after, probe = rest.split("\n]\n", 1)
    assert "[\n" + after == before
    assert "error reconfiguring devices: " in error
    assert error.endswith("reconfigured 0 devices\n")
    assert probe.splitlines()[0] == "ok ok ok"


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
