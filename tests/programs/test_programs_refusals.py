# SPDX-License-Identifier: BSD-2-Clause
"""Calls that a real device refuses fail with the same errno or signal, and one line of reason."""

import re
import signal

import pytest

from conftest import both_users
from daxrun import MIB, prog, refusals, said

pytestmark = pytest.mark.plain

# case: the result in the program, the call, the sentence
CASES = {
    "private": ("EINVAL", "mmap", "fail, attempted private mapping"),
    "length": ("EINVAL", "mmap", "fail, unaligned vma (length 0x201000 is no multiple of the "
               "align 0x200000)"),
    "short": ("EINVAL", "mmap", "fail, unaligned vma (length 0x1000 is no multiple of the "
              "align 0x200000)"),
    "offset": ("EINVAL", "mmap", "fail, unaligned vma (offset 0x1000 is no multiple of the "
               "align 0x200000)"),
    "offset-off-page": ("EINVAL", "mmap", "fail, offset 0x11 is not on a page"),
    "address": ("EINVAL", "mmap", r"fail, unaligned vma \(0x\w+1000 - 0x\w+1000, 0x1fffff\)"),
    "write-of-read-only": ("EACCES", "mmap", "fail, the descriptor's access mode forbids it"),
    "disabled": ("ENXIO", "mmap", "fail, the device is disabled or gone"),
    "read": ("EINVAL", "read", "fail, the device has no read or write, only mmap"),
    "write": ("EINVAL", "write", "fail, the device has no read or write, only mmap"),
    "direct": ("EINVAL", "open", "fail, O_DIRECT is not supported"),
    "ftruncate": ("EINVAL", "ftruncate", "fail, a device cannot be truncated"),
    "fallocate": ("ENODEV", "fallocate", "fail, a device cannot be allocated"),
    "fsync": ("EINVAL", "fsync", "fail, the device has no fsync"),
    "ioctl": ("ENOTTY", "ioctl", "fail, the device has no ioctl 0x1234"),
    "msync": ("EINVAL", "msync", "fail, the device has no fsync"),
    "munmap-half": ("EINVAL", "munmap",
                    r"fail, 0x\w+ is inside a unit of the mapping, whose align is 0x200000"),
    "munmap-middle": ("EINVAL", "munmap",
                      r"fail, 0x\w+ is inside a unit of the mapping, whose align is 0x200000"),
    "mprotect-half": ("EINVAL", "mprotect",
                      r"fail, 0x\w+ is inside a unit of the mapping, whose align is 0x200000"),
    "anonymous-over-half": ("EINVAL", "mmap", r"fail, 0x\w+ is inside a unit of the mapping, "
                            "whose align is 0x200000"),
    "madvise-remove": ("ENODEV", "madvise", "fail, MADV_REMOVE on a device"),
}


def sentence_matches(sentence, expected):
    return sentence == expected or re.fullmatch(expected, sentence)


@both_users
@pytest.mark.parametrize("case", CASES)
def test_refused_and_explained(daxrun, case):
    error, call, text = CASES[case]
    result = daxrun.any("-d", "dax0.0,size=8M", "--", prog("refuse"), case)
    assert result.returncode == 0, said(result)
    name = result.stdout.strip()
    assert name == error, said(result)
    assert len(refusals(result)) == len(result.stderr.splitlines()) == 1, said(result)
    (device, what, sentence), = refusals(result, "refuse")
    assert (device, what) == ("dax0.0", call)
    said_error = sentence[sentence.rindex("(") + 1:-1]
    assert said_error == name
    assert sentence_matches(sentence[:sentence.rindex(" (")], text), sentence


@both_users
@pytest.mark.parametrize("case, nr_bytes", [("store-beyond-end", "0x800000"),
                                            ("store-wholly-beyond", "0x200000")])
def test_a_store_beyond_the_end(daxrun, case, nr_bytes):
    result = daxrun.any("-d", "dax0.0,size=8M", "--", prog("refuse"), case)
    assert result.returncode == -signal.SIGBUS, said(result)
    assert refusals(result, "refuse") == [
        ("dax0.0", "mmap", f"the last {nr_bytes} bytes are behind the end of the device "
         "(0x800000): touching them fails (SIGBUS)")]


def test_on_each_store(daxrun, device):
    """The rules of the device do not depend on its backing store."""
    spec = device(8 * MIB)
    cases = ["private", "offset-off-page", "read", "write", "msync", "write-of-read-only"]
    if device.align > 4096:
        cases += ["length", "short", "offset", "address", "munmap-half", "munmap-middle"]
    script = "".join(f"{prog('refuse')} {c} /dev/dax0.0 {device.align}\n" for c in cases)
    result = daxrun.any(spec, "--", "sh", "-c", script)
    assert result.stdout.split() == [CASES[c][0] for c in cases], said(result)
    assert [r[1] for r in refusals(result)] == [CASES[c][1] for c in cases]
    beyond = daxrun.any(spec, "--", prog("refuse"), "store-beyond-end", "/dev/dax0.0",
                        str(device.align))
    assert beyond.returncode == -signal.SIGBUS


def test_a_closed_descriptor_is_nobodys(daxrun):
    result = daxrun.any("--", prog("refuse"), "closed")
    assert (result.stdout, result.stderr) == ("EBADF\n", "")


def test_4k_devices_take_what_is_on_a_page(daxrun):
    for case in ("short", "offset", "length", "address"):
        result = daxrun.any("-d", "dax0.0,size=8M,align=4K", "--", prog("refuse"), case)
        assert (result.stdout, result.stderr) == ("ok\n", "")


@pytest.mark.parametrize("command", [
    "dd if=/dev/dax0.0 of=/dev/null bs=4096 count=1", "dd if=/dev/zero of=/dev/dax0.0 count=1",
    "cat /dev/dax0.0", "cp /dev/dax0.0 copy", "cp in /dev/dax0.0", "head -c 1 /dev/dax0.0",
    "echo hello >/dev/dax0.0", "truncate -s 0 /dev/dax0.0", "sync /dev/dax0.0",
    "dd if=/dev/dax0.0 of=/dev/null iflag=direct count=1",
])
def test_tools_that_read_and_write(daxrun, command):
    daxrun.write("in", b"x" * 100)
    result = daxrun.any("--", "sh", "-c", command)
    assert result.returncode not in (0, 127), said(result)
    assert "Invalid argument" in result.stderr or "I/O error" in result.stderr, said(result)
    assert all(r[0] == "dax0.0" and r[2].endswith("(EINVAL)") for r in refusals(result))
    assert refusals(result)


def test_many_refusals_are_limited(daxrun):
    """Like the kernel's log, the lines are limited: some are shown, with the number of the others.
    No program waits for the output, so on a busy machine all but a few at a time are lost."""
    for _ in range(50):
        result = daxrun.any("--", "/usr/bin/python3", "-c",
                            "import os\nfd = os.open('/dev/dax0.0', os.O_RDWR)\n"
                            "for i in range(500):\n  try: os.read(fd, 1)\n  except OSError: pass")
        lines = result.stderr.splitlines()
        shown = len(refusals(result))
        left_out = [int(m[1]) for m in re.finditer(r"(\d+) more refusals left out", result.stderr)]
        assert shown < 500 and len(lines) == shown + len(left_out)
        assert shown + sum(left_out) <= 500
        if shown >= 20 and left_out:
            return
    raise AssertionError(result.stderr)
