# SPDX-License-Identifier: BSD-2-Clause
"""Run the conformance program on CUSE nodes; tests/daemon/test_cuse.py judges the answers."""

import os
import subprocess

from harness import Daemon, SHIM, nodes, run

SIZES = "[region 0]\nsize=534773760\n[device 0.0]\nmode=0600\n[region 3]\nsize=16M\n[device 3.0]\nmode=0600\n"


def setup():
    run("modprobe", "cuse")
    assert nodes() == []


def check_conformance():
    with Daemon(SIZES), open("/run/answers", "w") as out:
        p = subprocess.run(["/opt/daxd/conformance", "--dev", "/dev/dax0.0", "--second", "/dev/dax3.0"],
                           stdout=out, stderr=subprocess.PIPE, text=True, cwd="/tmp", check=False,
                           stdin=subprocess.DEVNULL, timeout=500, env={**os.environ, "LD_PRELOAD": SHIM})
        assert p.returncode == 0 and not p.stderr, p.stderr
