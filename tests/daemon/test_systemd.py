# SPDX-License-Identifier: BSD-2-Clause
"""The systemd units, here and in a Debian with systemd; see tests/guest/systemd_checks.py."""

import os
import subprocess

import pytest

from conftest import BUILD, ROOT
from guests import boot_once, checks_of, show

pytestmark = [pytest.mark.guest, pytest.mark.xdist_group("systemd_checks")]


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A directory with the files that `make install` installs for a distribution."""
    path = tmp_path_factory.mktemp("installed")
    subprocess.run(["make", "-s", "-C", ROOT, "install", f"B={os.path.relpath(BUILD, ROOT)}",
                    f"DESTDIR={path}", "PREFIX=/usr"], check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="session")
def guest(installed, tmp_path_factory, worker_id):
    files = {f"/{p.relative_to(installed)}": str(p) for p in installed.rglob("*")
             if p.is_file() and "share" not in p.parts and "/etc/" not in str(p)}
    return boot_once(tmp_path_factory, worker_id, "systemd_checks", files=files, init="systemd")


@pytest.mark.parametrize("check", checks_of("systemd_checks"))
def test_systemd(guest, check):
    show(guest, check)


def test_the_kernel_is_well(guest):
    print(f"Linux {guest['release']}, the whole run took {guest['seconds']:.0f} s")
    assert not guest["oops"]


def test_exposure(installed):
    """The exposure level is low, as in the guest, according to this machine's systemd."""
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                          f"{installed}/usr/lib/systemd/system/cuse-daxd.service"],
                         check=True, capture_output=True, text=True).stdout
    print(out.splitlines()[-1])
    assert float(out.split("exposure level for cuse-daxd.service:")[1].split()[0]) <= 1.5
