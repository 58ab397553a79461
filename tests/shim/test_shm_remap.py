# SPDX-License-Identifier: BSD-2-Clause
"""shmat(SHM_REMAP) over a mapping of a device: the segment is then the program's own."""

import sys

import pytest

from conftest import CTL, ROOT, both_users
from daxrun import prog

sys.path.insert(0, str(ROOT / "tests/oracle"))

from guest import Guest  # noqa: E402

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

ANSWERS = """\
occupied: EINVAL
odd: EINVAL
nowhere: EINVAL
off a page: EINVAL
more than a unit: EINVAL
no segment: EINVAL
unit: ok
"""
DISABLED = ANSWERS + "unit 0: SIGBUS\nunit 1: s\nunit 2: SIGBUS\nunit 3: SIGBUS\ndetach: ok\n"


def remapped(daxrun, program, command):
    return daxrun("-q", "-d", "dax0.0,size=16M", "--", prog(program), "/dev/dax0.0", f"exec >&2; {command}")


@both_users
@pytest.mark.parametrize("program", ["shm_remap", "shm_remap_static"])
def test_disabled(daxrun, program):
    assert remapped(daxrun, program, "daxctl disable-device dax0.0") == DISABLED


@both_users
def test_poisoned(daxrun):
    assert remapped(daxrun, "shm_remap", f"{CTL} inject dax0.0 --offset 2M --length 4M") == \
        ANSWERS + "unit 0: 0\nunit 1: s\nunit 2: SIGBUS\nunit 3: 3\ndetach: ok\n"


@pytest.mark.guest
@pytest.mark.xdist_group("shm_remap")
def test_a_real_device_answers_alike():
    result = Guest("6.12", regions=["128M:2M"]).run(
        "shm_remap /dev/dax0.0 'echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind'\n", programs=[prog("shm_remap")])
    assert result.status == 0, result.output
    assert DISABLED in result.output
