# SPDX-License-Identifier: BSD-2-Clause
"""PMDK's tools and libraries on a device."""

import re

import pytest

from conftest import both_users
from daxrun import MIB, pattern, prog, refusals, said

pytestmark = pytest.mark.plain


@both_users
def test_daxio_takes_a_file_there_and_back(daxrun, device):
    data = pattern(10 * MIB + 4321)
    daxrun.write("in", data)
    result = daxrun.any(device(16 * MIB), "--", "sh", "-c",
                        "daxio -i in -o /dev/dax0.0 && "
                        f"daxio -i /dev/dax0.0 -o out -l {len(data)}")
    assert result.returncode == 0, said(result)
    assert refusals(result) == []
    assert (daxrun.dir / "out").read_bytes() == data


@both_users
def test_daxio_with_offsets_and_zeroes(daxrun):
    data = pattern(3 * MIB)
    daxrun.write("in", data)
    daxrun("-d", "dax0.0,size=8M", "--", "sh", "-c",
           "set -e; daxio -i in -o /dev/dax0.0 -s 1000001\n"
           "daxio -z -o /dev/dax0.0 -s 1000101 -l 1000\n"
           "daxio -i /dev/dax0.0 -k 1000001 -l 3145728 -o out\n"
           "daxio -i /dev/dax0.0 -k 0 -l 1000001 | od -An -tx1 | sort -u >head")
    expected = bytearray(data)
    expected[100:1100] = bytes(1000)
    assert (daxrun.dir / "out").read_bytes() == expected
    assert set((daxrun.dir / "head").read_text().split()) == {"00", "*"}


@both_users
def test_pmempool_creates_a_pool_and_knows_it(daxrun, device):
    size = 16 * MIB
    result = daxrun.any(device(size), "--", "sh", "-c",
                        "set -e; pmempool create --layout=mine obj /dev/dax0.0\n"
                        "pmempool info /dev/dax0.0; pmempool check -v /dev/dax0.0")
    assert result.returncode == 0, said(result)
    facts = dict(re.findall(r"^(.*?)\s*: (.*)$", result.stdout, re.M))
    assert facts["type"] == "device dax"
    assert facts["size"] == str(size)
    assert facts["alignment"] == str(device.align)
    assert facts["Signature"] == "PMEMOBJ"
    assert facts["Layout"] == "mine"
    assert "[OK]" in facts["Checksum"]
    assert facts["/dev/dax0.0"] == "consistent"
    assert refusals(result) == []


def test_pmempool_refuses_what_it_refuses_on_a_real_device(daxrun):
    result = daxrun.any("-d", "dax0.0,size=16M", "--", "sh", "-c",
                        "pmempool create obj /dev/dax0.0; echo $?\n"
                        "pmempool create obj /dev/dax0.0; echo $?\n"
                        "pmempool rm /dev/dax0.0; echo $?\n"
                        "pmempool info /dev/dax0.0 | grep -c PMEMOBJ; ls /dev/dax0.0")
    assert result.stdout.split() == ["0", "1", "0", "0", "/dev/dax0.0"], said(result)
    assert "Non-empty file detected" in result.stderr


def test_pmempool_blk_and_log(daxrun):
    for kind in (["blk", "--write-layout", "4096"], ["log"]):
        output = daxrun("-d", "dax0.0,size=64M", "--", "sh", "-c",
                        f"set -e; pmempool create {' '.join(kind)} /dev/dax0.0\n"
                        "pmempool info /dev/dax0.0; pmempool check -v /dev/dax0.0")
        assert f"Signature                : PMEM{kind[0].upper()}" in output
        assert "consistent" in output


def test_a_poolset_over_two_devices(daxrun):
    daxrun.write("set", "PMEMPOOLSET\nOPTION SINGLEHDR\nAUTO /dev/dax0.0\nAUTO /dev/dax1.0\n")
    output = daxrun("-d", "dax0.0,size=16M", "-d", "dax1.0,size=16M", "--", "sh", "-c",
                    "set -e; pmempool create --layout=commits obj set\n"
                    f"{prog('obj_commits')} kill set; {prog('obj_commits')} check set\n"
                    "pmempool check -v set; pmempool info set")
    assert "set: consistent" in output
    assert output.count("device dax") == 2


@both_users
def test_transactions_of_a_killed_program_are_there(daxrun, device):
    """After two kills in mid-work, the pool holds all committed transactions and no partial one."""
    commits = prog("obj_commits")
    output = daxrun(device(32 * MIB), "--", "sh", "-c",
                    f"set -e; for i in 1 2; do {commits} kill /dev/dax0.0\n"
                    f"{commits} check /dev/dax0.0; pmempool check -v /dev/dax0.0 | tail -n 1; done")
    said_, found, state, said2, found2, state2 = output.split("\n")[:6]
    assert 300 <= int(said_) <= int(found) <= int(said_) + 1
    assert int(found) < int(said2) <= int(found2) <= int(said2) + 1
    assert state == state2 == "/dev/dax0.0: consistent"


@both_users
def test_a_pool_is_open_once(daxrun):
    """A pool can be opened only once, by a flock on the node, on which PMDK relies."""
    commits = prog("obj_commits")
    result = daxrun.any("-d", "dax0.0,size=16M", "--", "sh", "-c",
                        f"{commits} work /dev/dax0.0 >log & p=$!\n"
                        "while [ ! -s log ]; do :; done\n"
                        f"{commits} check /dev/dax0.0; echo $?; kill $p")
    assert result.stdout == "1\n", said(result)
    assert "Resource temporarily unavailable" in result.stderr


@both_users
def test_a_device_has_blocks_of_4k(daxrun):
    """PMDK's tests of bad blocks ask for it. The memory behind the device may have larger ones."""
    ask = ("import ctypes, os\n"
           "fd = os.open('/dev/dax0.0', os.O_RDWR)\n"
           "lib = ctypes.CDLL(None)\n"
           "def sizes(r, buf): return (r, buf[1], buf[9])\n"
           "by_path, by_fd = (ctypes.c_long * 16)(), (ctypes.c_long * 16)()\n"
           "v = os.statvfs('/dev/dax0.0')\n"
           "print(sizes(lib.statfs(b'/dev/dax0.0', by_path), by_path),\n"
           "      sizes(lib.fstatfs(fd, by_fd), by_fd), (v.f_bsize, v.f_frsize))\n")
    out = daxrun("-d", "dax0.0,size=64M", "--", "sh", "-c",
                 f"stat --file-system --format='%s %S' /dev/dax0.0; /usr/bin/python3 -c \"{ask}\"")
    assert out == "4096 4096\n(0, 4096, 4096) (0, 4096, 4096) (4096, 4096)\n"
