# SPDX-License-Identifier: BSD-2-Clause
"""pages=yes: mapped memory can be pinned. pages=no: it cannot, and children do not inherit it."""

import pytest

from conftest import BUILD, both_users, run

SIZE = 8 << 20
DIRECT = [f"direct-{call}" for call in ("write", "pwrite", "writev", "pwritev", "syscall", "read",
                                        "pread", "readv", "preadv")]
PINS = [*DIRECT, "vmsplice", "process_vm_readv", "process_vm_writev"]
COPIES = [name.replace("direct", "plain") for name in DIRECT] + ["process_vm_readv-into"]


def answers(workdir, user, keys):
    config = workdir / "config"
    config.write_text(f"[region 0]\nsize={SIZE}\n{keys}")
    result = run([BUILD / "daxrun", "-q", f"--config={config}", "--", BUILD / "progs/pin",
                  "/dev/dax0.0", SIZE, workdir / "file"], as_nobody=user == "nobody")
    assert result.returncode == 0, result.stderr
    return dict(line.split() for line in result.stdout.splitlines())


@pytest.fixture
def place(workdir, user):
    workdir.chmod(0o777)
    return workdir


@both_users
@pytest.mark.parametrize("align", ["4K", "2M"])
def test_memory_with_pages_can_be_pinned(place, user, align):
    said = answers(place, user, f"align={align}\n")
    assert {name: said[name] for name in PINS + COPIES} == dict.fromkeys(PINS + COPIES, "ok")
    assert {said[f"fork{n}{who}"] for n in ("", "-again") for who in ("", "-parent")} == {"ok"}
    assert said["fork-moved"] == "SIGSEGV", "the program has asked for that"
    # The machine may forbid io_uring to this user (by a sysctl or RLIMIT_MEMLOCK).
    if "io_uring" not in said and said["io_uring-register"] != "ENOMEM":
        assert [said[f"io_uring-{n}"] for n in ("register", "write_fixed", "read_fixed", "data")] \
            == ["ok"] * 4


@both_users
@pytest.mark.parametrize("align", ["4K", "2M"])
def test_memory_without_pages_can_not(place, user, align):
    said = answers(place, user, f"align={align}\npages=no\n")
    assert {name: said[name] for name in PINS} == dict.fromkeys(PINS, "EFAULT")
    assert {name: said[name] for name in COPIES} == dict.fromkeys(COPIES, "ok")


@both_users
def test_memory_without_pages_is_not_inherited(place, user):
    said = answers(place, user, "pages=no\n")
    assert said["dofork"] == "EINVAL"
    for when in ("fork", "fork-again", "fork-moved"):
        assert (said[when], said[f"{when}-parent"]) == ("SIGSEGV", "ok")


def test_the_refusal_is_the_kernels(place):
    config = place / "config"
    config.write_text(f"[region 0]\nsize={SIZE}\npages=no\n")
    result = run([BUILD / "daxrun", f"--config={config}", "--", BUILD / "progs/pin", "/dev/dax0.0",
                  SIZE, place / "file"])
    assert "madvise: fail, dax range requires MADV_DONTFORK (EINVAL)" in result.stderr
