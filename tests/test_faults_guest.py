# SPDX-License-Identifier: BSD-2-Clause
"""Memory that fails, on Debian's own kernel: tests/guest/faults_checks.py."""

import pytest

from conftest import BUILD
from guests import boot_once, checks_of, show

pytestmark = pytest.mark.guest


@pytest.fixture(scope="session")
def guest(tmp_path_factory, worker_id):
    return boot_once(tmp_path_factory, worker_id, "faults_checks",
                     files={"/opt/daxd/fault_probe": str(BUILD / "progs/fault_probe")})


@pytest.mark.parametrize("check", checks_of("faults_checks"))
def test_in_a_guest(guest, check):
    show(guest, check)
