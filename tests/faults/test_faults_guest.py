# SPDX-License-Identifier: BSD-2-Clause
"""Bad memory on Debian's own kernel; see tests/guest/faults_checks.py."""

import pytest

from conftest import BUILD, ROOT
from guests import boot_once, checks_of, show

pytestmark = [pytest.mark.guest, pytest.mark.xdist_group("faults_checks")]


@pytest.fixture(scope="session")
def guest(tmp_path_factory, worker_id):
    return boot_once(tmp_path_factory, worker_id, "faults_checks",
                     files={**{f"/opt/daxd/{name}": str(BUILD / "progs" / name)
                                for name in ("fault_probe", "without", "obj_commits")},
                             "/job/live.py": str(ROOT / "tests/guest/live.py")})


@pytest.mark.parametrize("check", checks_of("faults_checks"))
def test_in_a_guest(guest, check):
    show(guest, check)


def test_the_kernel_is_well(guest):
    print(f"Linux {guest['release']}, the whole run took {guest['seconds']:.0f} s")
    assert not guest["oops"]
