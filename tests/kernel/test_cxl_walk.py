# SPDX-License-Identifier: BSD-2-Clause
"""Random raw writes to two windows, two host bridges, three memory devices and their regions
against a model of the kernel's rules. `make walk` makes 20,000 steps of new seeds."""

import os
import time

import pytest

from conftest import ROOT
from test_ndctl import daxrun

DEVICE = "dax0.0,size=1536M,type=cxl,memdevs=3,bridges=2,window=2G+2G:0,start=none"
STEPS = int(os.environ.get("DAXD_WALK_STEPS", "2500"))
WALKS = [(kernel, f"{time.time_ns()}" if STEPS > 2500 else seed)
         for kernel, seed in (("7.3", "1"), ("6.12", "2"))]


@pytest.mark.parametrize("kernel, seed", WALKS)
def test_random_walk(kernel, seed):
    result = daxrun("nobody", "/usr/bin/python3", ROOT / "tests/kernel/cxl_walk.py",
                    f"--kernel={kernel}", seed, STEPS, device=DEVICE, kernel=kernel)
    assert result.returncode == 0, f"seed {seed}:\n" + result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1] == f"{STEPS} steps, 0 differences"
    # The walk is worth something only if it reaches every state.
    for result in ("bind ok", "bind EBUSY", "commit ok", "commit ENXIO", "target ok", "target EBUSY",
                   "target EINVAL", "target ENXIO", "target ENODEV", "size ERANGE", "unbind ok",
                   "dpa_size ENOSPC", "dpa_size EBUSY", "delete_region ok"):
        assert any(line.startswith(result + " ") for line in lines), result
