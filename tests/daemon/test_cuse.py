# SPDX-License-Identifier: BSD-2-Clause
"""The CUSE front end, in a guest whose kernel has the module; see tests/guest/cuse_checks.py."""

import re
import subprocess

import pytest

from conftest import BUILD, ROOT
from guests import boot_once, checks_of, show
from compare import compare, load_recorded, parse_deviations, parse_lines


pytestmark = [pytest.mark.guest, pytest.mark.xdist_group("cuse_checks")]


PROGS = ("obj_commits", "answers", "answers_static", "answers_static_pie", "answers_go", "daxbytes", "daxbytes_static",
         "struck", "struck_static", "struck_go")


@pytest.fixture(scope="session")
def guest(tmp_path_factory, worker_id):
    musl = tmp_path_factory.mktemp("musl") / "answers"
    subprocess.run(["musl-gcc", "-D_GNU_SOURCE", "-Dstrerrorname_np=strerror", "-static", "-I", ROOT, "-o", musl, ROOT / "tests/progs/answers.c"],
                   check=True)
    return boot_once(tmp_path_factory, worker_id, "cuse_checks", regions=["128M:2M"],
                     files={"/job/answers_musl": str(musl), **{f"/job/{name}": str(BUILD / "progs" / name)
                                                               for name in PROGS}})


@pytest.fixture(scope="session")
def conformance(tmp_path_factory, worker_id):
    return boot_once(tmp_path_factory, worker_id, "conformance_checks", fetch=["/run/answers"],
                     files={"/opt/daxd/conformance": str(BUILD / "conformance")})


# Deviations of CUSE nodes that the end of docs/semantics.md lists.
CUSE_ONLY = {"fd.epoll.rdonly", "fd.epoll.rdwr", "fd.flock.kept_by_mapping",
             "fd.flock.kept_by_mapping_of_parent"}


# This is the first test, so that one worker boots this guest while another boots the other.
@pytest.mark.xdist_group("conformance_checks")
def test_the_conformance_program(conformance):
    """Under the shim a CUSE node answers as the kernel of the guest does, like a plain handle."""
    show(conformance, "check_conformance")
    documented = parse_deviations((ROOT / "docs/semantics.md").read_text(), "6.1")
    c = compare(parse_lines(conformance["files"]["/run/answers"]), "root/libc", load_recorded("2M", "6.1"),
                documented)
    other = [d for d in c.deviating if d.name not in CUSE_ONLY]
    print(f"{c.compared} questions, {c.equal} answered as the real 6.1 does, {len(c.documented)} documented "
          f"deviations, {len(CUSE_ONLY)} more of CUSE's, {len(c.skipped)} could not be asked")
    assert not other and not c.missing and not c.unknown, other
    assert not conformance["oops"]


@pytest.mark.parametrize("check", checks_of("cuse_checks"))
def test_cuse(guest, check):
    show(guest, check)


def test_256_nodes_take_less_than_64_programs(guest):
    """Making 256 nodes takes less time than 64 programs in sequence that do nothing, in the same
    guest."""
    best = re.search(r"best of 3: 256 nodes (\S+) s, a program (\S+) s", guest["check_many"]["output"])
    many, program = map(float, best.groups())
    print(f"256 nodes take as long as {many / program:.0f} programs")
    assert many < 64 * program


def test_the_kernel_is_well(guest):
    print(f"Linux {guest['release']}, the whole run took {guest['seconds']:.0f} s")
    assert not guest["oops"]
