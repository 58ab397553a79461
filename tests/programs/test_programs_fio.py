# SPDX-License-Identifier: BSD-2-Clause
"""fio writes to devices and verifies its data."""

import pytest

from conftest import both_users
from daxrun import MIB, refusals, said

pytestmark = pytest.mark.plain


def job(size, *more, engine="dev-dax"):
    return ["fio", "--name=v", f"--ioengine={engine}", "--filename=/dev/dax0.0", "--rw=randwrite",
            "--bs=2M", f"--size={size}", "--verify=crc32c", "--do_verify=1", *more]


def check(result, nr_jobs=1):
    assert result.returncode == 0, said(result)
    assert result.stdout.count("err= 0") == nr_jobs, said(result)
    assert "verify" not in result.stderr, said(result)
    assert refusals(result) == []


@both_users
def test_the_command_of_the_readme(daxrun):
    result = daxrun.any("--", *job("256M"))
    check(result)
    assert "io=256MiB" in result.stdout


@both_users
def test_writes_and_verifies_on_each_store(daxrun, device):
    check(daxrun.any(device(32 * MIB), "--", *job("32M", "--verify_fatal=1")))


@both_users
def test_finds_what_was_changed_behind_its_back(daxrun):
    """fio's verify finds a byte that another program has changed, or else it would prove nothing."""
    script = (" ".join(job("8M")) + " --do_verify=0 >/dev/null && "
              "/usr/bin/python3 -c 'import mmap, os\n"
              "m = mmap.mmap(os.open(\"/dev/dax0.0\", os.O_RDWR), 8 << 20)\n"
              "m[5 << 20] ^= 1' && " + " ".join(job("8M")) + " --verify_only=1")
    result = daxrun.any("-d", "dax0.0,size=8M", "--", "sh", "-c", script)
    assert result.returncode != 0 and "crc32c: verify failed" in result.stderr, said(result)


@pytest.mark.parametrize("more", [["--thread"], []], ids=["threads", "processes"])
def test_four_jobs_at_once(daxrun, more):
    """Four jobs work at once, as threads and as forked processes that inherit mappings. (Jobs that
    share one device with offsets verify each other's blocks on a real device as well, since the
    engine ignores the offset.)"""
    jobs = [f"--name=j{n} --filename=/dev/dax{n}.0".split() for n in range(4)]
    common = [a for a in job("16M", *more) if a not in ("--name=v", "--filename=/dev/dax0.0")]
    check(daxrun.any(*[f"--device=dax{n}.0,size=16M" for n in range(4)], "--", *common,
                     *sum(jobs, [])), 4)


def test_mmap_engine_with_a_size(daxrun):
    check(daxrun.any("--", *job("16M", engine="mmap")))


def test_libpmem_engine_aborts_as_on_a_real_device(daxrun):
    result = daxrun.any("--", *job("16M", engine="libpmem"))
    assert result.returncode == -6, said(result)
    assert "f->filetype == FIO_TYPE_FILE" in result.stderr


def test_engines_that_read_and_write_fail(daxrun):
    result = daxrun.any("--", *job("16M", engine="psync"))
    assert result.returncode != 0 and "Invalid argument" in result.stdout + result.stderr
    assert refusals(result)[0][:2] == ("dax0.0", "pwrite")


def test_buffers_in_the_device(daxrun):
    """fio reads and writes a file on disk with O_DIRECT, with buffers in the device."""
    result = daxrun.any("-d", "dax0.0,size=64M", "--", "fio", "--name=v", "--ioengine=psync",
                        "--filename=data", "--rw=randwrite", "--bs=64k", "--size=8M",
                        "--iomem=mmaphuge:/dev/dax0.0", "--verify=crc32c", "--do_verify=1")
    check(result)
