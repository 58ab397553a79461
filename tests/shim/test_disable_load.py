# SPDX-License-Identifier: BSD-2-Clause
"""A device is disabled while many programs store into it continuously."""

import json
import os
import subprocess

import pytest

from conftest import BUILD, IS_ROOT, SETPRIV, both_users, environment

pytestmark = pytest.mark.plain

pytestmark = pytest.mark.plain

DAXRUN = BUILD / "daxrun"
PROGRAM = BUILD / "progs/disable_load"


def load(user, args, device="dax0.0,size=2G", timeout=180):
    command = [DAXRUN, "-d", device, "--", PROGRAM, *args, "/dev/dax0.0"]
    if user == "nobody" and IS_ROOT:
        command = SETPRIV + command
    result = subprocess.run([str(c) for c in command], text=True, capture_output=True,
                            env=environment(), timeout=timeout, check=False, cwd="/")
    assert result.stdout, result.stderr
    figures = json.loads(result.stdout)
    print(args, figures)
    assert result.returncode == 0, (figures, result.stderr)
    assert (figures["wrong_signals"], figures["wrong_bytes"], figures["bad_ends"]) == (0, 0, 0)
    # An idle machine needs less than 100 ms; 20 s are for a very busy one.
    assert figures["sigbus_ms"] < 20000
    return figures


@both_users
def test_64_processes_with_16_mappings(user):
    figures = load(user, ["-p", "64", "-m", "16", "-r", "5"])
    assert (figures["threads"], figures["mappings"]) == (64, 1024)


@both_users
def test_mappings_that_were_forked(user):
    load(user, ["-p", "16", "-m", "16", "-i"])


def test_hundreds_of_threads(user):
    figures = load(user, ["-p", "2", "-m", "16", "-t", "200"])
    assert figures["threads"] == 400


@both_users
def test_stopped_in_a_debugger(user):
    load(user, ["-p", "4", "-m", "16", "-s"])


@pytest.mark.parametrize("device", ["dax0.0,size=64M,align=4K", "dax0.0,size=64M,type=dynamic",
                                    "dax0.0,size=64M,align=4K,type=dynamic"])
def test_other_devices(user, device):
    load(user, ["-p", "8", "-m", "4"], device=device)


def test_of_a_file(user, workdir):
    load(user, ["-p", "8", "-m", "4"], device=f"dax0.0,size=64M,backing=pmem:{workdir}/image")
