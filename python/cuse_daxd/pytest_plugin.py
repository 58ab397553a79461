# SPDX-License-Identifier: BSD-2-Clause
"""pytest plugin: the fixture `dax` gives a test devices of its own.

    @pytest.mark.dax("dax0.0,size=64M,align=4K")
    def test_my_program(dax):
        assert dax.run(["./my-program", "/dev/dax0.0"]).returncode == 0

    def test_it_reports_bad_memory(dax):
        dax.inject("dax0.0", offset="64M", length="2M")
        assert "SIGBUS" in dax.run(["./my-program", "/dev/dax0.0"]).stderr

    def test_it_survives_a_refused_mmap(dax):
        assert dax.run(["./my-program"], fault="mmap errno:ENOMEM nth:1").returncode == 1

Each test has a daemon of its own, so tests run in parallel. A machine without daxrun fails
these tests: a test that was skipped has tested nothing.
"""

import pytest

from .devices import Devices


def pytest_addoption(parser):
    group = parser.getgroup("cuse-daxd")
    group.addoption("--daxrun", metavar="PROGRAM",
                    help="the daxrun to use (default: $DAXRUN, or else daxrun of $PATH)")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "dax(*devices): devices of the fixture `dax`, in the words of daxrun's "
        "--device; default: one of 1 GiB")
    config.addinivalue_line(
        "markers", "dax_fault(*rules): fault rules that hold from the start, in the words of "
        "daxrun's --fault")


def _arguments(request, marker):
    closest = request.node.get_closest_marker(marker)
    return closest.args if closest else ()


@pytest.fixture
def dax(request):
    """Devices of this test's own (cuse_daxd.Devices)."""
    with Devices(*_arguments(request, "dax"), faults=_arguments(request, "dax_fault"),
                 daxrun=request.config.getoption("--daxrun")) as devices:
        yield devices
