# SPDX-License-Identifier: BSD-2-Clause
"""A sealed mapping can't be changed by the program, and is disabled and poisoned like any other."""

import sys

import pytest

from conftest import CTL, ROOT, both_users
from daxrun import prog

sys.path.insert(0, str(ROOT / "tests/oracle"))

from guest import Guest  # noqa: E402

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

ANSWERS = """\
flags: EINVAL
off a page: EINVAL
part of a unit: EINVAL
part of two: EINVAL
a gap: ENOMEM
unit: ok
again, a page of it: ok
plain memory: ok
smaps: sl
munmap: EPERM
munmap of all: EPERM
mprotect: EPERM
mremap: EPERM
mmap over it: EPERM
munmap of plain memory: EPERM
madvise: ok
munmap of another unit: ok
"""


def sealed(daxrun, command):
    result = daxrun.any("-q", "-d", "dax0.0,size=16M", "--", prog("sealed"), "/dev/dax0.0",
                        f"exec >&2; {command}")
    if result.returncode == 3:
        pytest.skip("kernel: mseal is of Linux 6.10")
    assert result.returncode == 0, result.stderr
    return result.stdout


@both_users
def test_disabled(daxrun):
    assert sealed(daxrun, "daxctl disable-device dax0.0") == \
        ANSWERS + "unit 0: SIGBUS\nunit 1: SIGBUS\nunit 2: SIGBUS\n"


@both_users
def test_poisoned(daxrun):
    assert sealed(daxrun, f"{CTL} inject dax0.0 --offset 2M --length 2M") == \
        ANSWERS + "unit 0: 2\nunit 1: SIGBUS\nunit 2: 2\n"


@pytest.mark.guest
@pytest.mark.xdist_group("mseal")
def test_a_real_device_answers_alike():
    result = Guest("6.12", regions=["128M:2M"]).run(
        "sealed /dev/dax0.0 'echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind'\n",
        programs=[prog("sealed")])
    assert result.status == 0, result.output
    assert ANSWERS + "unit 0: SIGBUS\nunit 1: SIGBUS\nunit 2: SIGBUS\n" in result.output
