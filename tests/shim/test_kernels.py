# SPDX-License-Identifier: BSD-2-Clause
"""One program, run as on four kernels, is told four different things.

The answers are those of tests/oracle/recorded, asked there by mmap.flag.*, proc.smaps*, mremap.*,
mincore.*, sysfs.* and region_life.sh."""

import pytest

from conftest import both_users
from daxrun import Daxrun, prog

pytestmark = pytest.mark.plain

DEVICES = ("-d", "dax0.0,size=64M", "-d", "dax1.0,size=1G,align=1G", "-d", "dax2.0,size=1G,type=dynamic,start=kernel")
TOLD = """\
8 MiB touched: Rss {rss} kB, VmRSS {vm_rss}
touch of a mapping with MAP_STACK: {stack}
mremap of more than the mapping: EFAULT, its target is {target}
mincore at 1G: {mincore}
memmap_on_memory: {memmap}
first open: {first}
"""


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    yield d
    d.check_gone()


@both_users
@pytest.mark.parametrize("kernel, rss, vm_rss, stack, target, mincore, memmap, first", [
    ("6.1", 8192, "has not", "ok", "gone", "not resident", "no", "ok"),
    ("6.12", 0, "has not", "SIGBUS", "gone", "not resident", "yes", "ENXIO"),
    ("6.18", 8192, "has it", "SIGBUS", "there", "not resident", "yes", "ENXIO"),
    ("7.3", 8192, "has it", "SIGBUS", "there", "resident", "yes", "ENXIO"),
])
def test_told(daxrun, kernel, rss, vm_rss, stack, target, mincore, memmap, first):
    out = daxrun("-q", f"--kernel={kernel}", *DEVICES, "--", prog("told"), "/dev/dax0.0", "/dev/dax1.0", "/dev/dax2.0")
    assert out == TOLD.format(rss=rss, vm_rss=vm_rss, stack=stack, target=target, mincore=mincore, memmap=memmap,
                              first=first)
