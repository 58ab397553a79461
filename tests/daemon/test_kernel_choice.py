# SPDX-License-Identifier: BSD-2-Clause
"""kernel= and --kernel: the one kernel whose answers are given, and where it is told."""

import json
import os
import re

import pytest

from conftest import BUILD, DAEMON, both_users, dump, run

KERNELS = ["6.1", "6.12", "6.18", "7.3"]


def of_this_machine():
    """The newest of the four that is not newer than the machine's own."""
    def version(text):
        return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", text).groups())

    return max((k for k in KERNELS if version(k) <= version(os.uname().release)), key=version, default="6.1")


def listed(daxrun, *options):
    return {d["kernel"] for d in json.loads(daxrun(*options, "--", BUILD / "cuse-daxctl", "list"))}


@both_users
@pytest.mark.parametrize("kernel", KERNELS)
def test_list_tells_the_kernel(daxrun, user, kernel):
    assert listed(daxrun, f"--kernel={kernel}") == {kernel}


@both_users
def test_the_default_is_the_machines_own(daxrun, user):
    assert listed(daxrun) == listed(daxrun, "--kernel=host") == {of_this_machine()}


@both_users
def test_the_command_line_overrides_the_config(daxrun, user):
    daxrun.write("config", "[daemon]\nkernel=6.1\n")
    assert listed(daxrun, "-c", "config") == {"6.1"}
    assert listed(daxrun, "-c", "config", "--kernel=7.3") == {"7.3"}


@both_users
def test_check_and_trace_tell_the_kernel(daxrun, user):
    assert re.search(r"(?m)^kernel +6\.12: ", daxrun("--check", "--kernel=6.12"))
    rows = {r["name"]: r["text"] for r in json.loads(daxrun("--check=json", "--kernel=7.3"))}
    assert rows["kernel"].startswith("7.3: ")
    daxrun(f"--trace={daxrun.dir}/trace", "--kernel=6.1", "--", "sh", "-c", "exec 3<>/dev/dax0.0")
    assert (daxrun.dir / "trace").read_text().splitlines()[0] == "kernel 6.1"


@pytest.mark.parametrize("words, text", [
    (["--kernel=6.15"], "--kernel: '6.15' is not one of 6.1, 6.12, 6.18, 7.3, host (did you mean '6.12'? "),
    (["--kernel=hots"], "--kernel: 'hots' is not one of 6.1, 6.12, 6.18, 7.3, host (did you mean 'host'? "),
    (["--kernel="], "--kernel: '' is not one of 6.1, 6.12, 6.18, 7.3, host ("),
])
def test_a_wrong_kernel(daxrun, words, text):
    result = daxrun.any(*words, "--", "true")
    assert result.returncode == 125 and text in result.stderr
    result = run([DAEMON, *words])
    assert result.returncode != 0 and text in result.stderr


def test_a_running_daemon_has_its_own(daxrun):
    result = daxrun.any("--connect", "--kernel=6.1", "--", "true")
    assert result.returncode == 125 and "leave out --kernel" in result.stderr


def test_the_config_is_dumped(workdir):
    path = workdir / "config"
    path.write_text("[daemon]\nkernel=6.18\n")
    assert "\nkernel=6.18\n" in dump(path)
    assert "\nkernel=7.3\n" in dump(path, "--kernel=7.3")
