# SPDX-License-Identifier: BSD-2-Clause
"""The fuzzers of tests/fuzz run for some seconds each, always with the same inputs.

`make fuzz` builds them; build/fuzz/words CORPUS runs one until it is stopped.
"""

import json
import re
import struct

import pytest

from conftest import BUILD, ROOT, run
from daxrun import Daxrun
from wire import ADOPT, ATTACH, CLEAR, CONTROL, FAULT, HANDLE, HELD, LABELS, SETTLED, STORE, pack

pytestmark = [pytest.mark.plain, pytest.mark.xdist_group("fuzz")]

RUNS = {"vmas": 3000, "image": 10000, "daemon": 5000}       # the slower ones

# The daemon's memory outlives an input, and libFuzzer would look for leaks after most of them;
# the sanitizer looks for them at the end.
FLAGS = {"daemon": ["-detect_leaks=0"]}

TARGETS = sorted(path.stem for path in (ROOT / "tests/fuzz").glob("*.c"))


@pytest.fixture(scope="module")
def built():
    result = run(["make", "-s", "-j2", "-C", ROOT, f"B={BUILD}", "WERROR=1", "fuzz"], timeout=600)
    assert result.returncode == 0, result.stderr
    return BUILD / "fuzz"


def rules():
    """Yield the fault rules of the documentation and of the examples."""
    text = "".join(p.read_text() for p in [ROOT / "README.md", *(ROOT / "config/examples").glob("*.conf")])
    for group in re.findall(r"^\[fault[^\]]*\]\n((?:[^\[\n].*\n|\n)*)", text, re.M):
        yield " ".join(line for line in group.splitlines() if line and line[0] != "#")
    yield from ("device=dax0.0 offset=4K length=2M what=poison", "what=errno:EIO on=mmap nth:3",
                "what=delay:10ms on=touch probability:0.5 seed=7", "what=disable after:2s")


def image(workdir):
    """Return: the beginning and the size of a region's file that the daemon has made."""
    path = workdir / "image"
    Daxrun(workdir, "root")("-q", "-d", f"dax0.0,size=16M,backing=pmem:{path}", "--", "true")
    return path.read_bytes()[:16384], path.stat().st_size


def conversations():
    """Yield inputs of the daemon's fuzzer: type, flags, length, body for each message."""
    def message(kind, body=b"", fd=None, is_stranger=False):
        flags = 2 * is_stranger | (4 | fd << 3 if fd is not None else 0)
        if len(body) > 255:
            body = body.ljust(-len(body) % 16 + len(body))
            flags |= 1
        return bytes([kind, flags, len(body) // (16 if flags & 1 else 1)]) + body

    def verb(name, **more):
        return message(CONTROL, json.dumps({"verb": name, **more}).encode())

    event = struct.pack("<6I16s16s3Q", 1, 1, 5, 5, 0, 5, b"comm", b"dax0.0", 4096, 0, 4096)
    yield message(ATTACH, fd=0) + message(ADOPT) + message(SETTLED) + message(HELD, b"\0") + \
        message(HANDLE, b"\0") + verb("list")
    yield verb("create", region=0, size="4M", align="2M") + verb("disable", device="dax0.1") + \
        verb("enable", device="dax0.1") + verb("map", device="dax0.1") + verb("destroy", device="dax0.1")
    yield verb("inject", device="dax0.0", offset=0, length="4K") + verb("clear", device="dax0.0") + \
        message(CLEAR, struct.pack("<QQ", 1 << 32, 1 << 21), fd=2) + message(LABELS, fd=2)
    for rule in rules():
        yield verb("watch") + verb("fault", action="add", rule=rule) + message(FAULT, event) + verb("stats") + \
            verb("fault", action="list") + verb("fault", action="remove", rule="1")
    for path, text in (("bus/dax/devices/dax0.0/size", "0"), ("bus/dax/drivers/device_dax/unbind", "dax1.0"),
                       ("devices/platform/hmem.0/dax_region/create", "1"),
                       ("devices/platform/hmem.0/dax_region/delete", "dax0.0")):
        yield message(STORE, path.encode() + b"\0" + text.encode()) + verb("list")
    yield verb("watch") + verb("mappings") + message(ATTACH, fd=1, is_stranger=True)


def seeds(target, workdir):
    if target == "words":
        yield from (w.encode() for w in ["1G", "16 MiB", "0x1000", "2T", "4096", "1.5G", "0x10-0x1f", "yes",
                                         "dax0.0", "add", *rules()])
    elif target == "path":
        for p in ("/dev/dax0.0", "/dev/ndctl0", "/sys/dev/char/252:0", "/sys/bus/dax/devices/dax0.0/size",
                  "../dax12.3", "/proc/devices", "/sys/bus/nd", "//dev///dax0.0/", "/sys/module/device_dax"):
            yield p.encode()
    elif target == "messages":
        yield pack(ATTACH)
        yield pack(CONTROL, b'{"verb":"list"}')
        yield bytes(range(256))
        for call in range(24):
            yield b"\xff\x01" + struct.pack("<IIii16s64s", 0x45786164, call, 1, 1, b"fio", b"dax0.0") + bytes(96)
    elif target == "image":
        head, size = image(workdir)
        yield struct.pack(">Q", size) + b"\2" + head[1:]
        yield struct.pack(">Q", size) + b"\0" + head[4096:8192]
        yield struct.pack(">Q", size) + b"\1" + head[4096:8192]
    elif target == "maps":
        for line in ("Size:               2048 kB\n", "VmFlags: rd wr sh mr mw me ms sd \n",
                     "KernelPageSize:        4 kB\n", "THPeligible:           0\n"):
            yield bytes(range(39)) + line.encode()
    elif target == "daemon":
        yield from conversations()
    elif target == "vmas":
        yield bytes((n * 37) % 256 for n in range(400))


@pytest.mark.parametrize("target", TARGETS)
def test_fuzzer_finds_nothing(target, built, workdir):
    corpus = workdir / "corpus"
    corpus.mkdir()
    count = 0
    for count, seed in enumerate(seeds(target, workdir), 1):
        (corpus / f"seed{count}").write_bytes(seed)
    assert count, f"{target} has no seeds"
    result = run([built / target, "-seed=1", f"-runs={RUNS.get(target, 40000)}", "-max_total_time=60", "-print_final_stats=1", *FLAGS.get(target, []),
                  f"-artifact_prefix={workdir}/", corpus], timeout=200, cwd=workdir)
    assert result.returncode == 0, result.stderr[-3000:]
    tried = int(re.search(r"number_of_executed_units: (\d+)", result.stderr)[1])
    assert tried > 1000, result.stderr[-1000:]
