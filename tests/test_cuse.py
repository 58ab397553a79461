# SPDX-License-Identifier: BSD-2-Clause
"""The CUSE front end, in a guest whose kernel has the module; see tests/guest/cuse_checks.py."""

import pytest

from conftest import ROOT
from guests import boot_once, checks_of, show


pytestmark = pytest.mark.guest


@pytest.fixture(scope="session")
def guest(tmp_path_factory, worker_id):
    return boot_once(tmp_path_factory, worker_id, "cuse_checks", regions=["128M:2M"])


@pytest.mark.parametrize("check", checks_of("cuse_checks"))
def test_cuse(guest, check):
    show(guest, check)


def test_the_kernel_is_well(guest):
    print(f"Linux {guest['release']}, the whole run took {guest['seconds']:.0f} s")
    assert not guest["oops"]
