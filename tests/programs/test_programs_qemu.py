# SPDX-License-Identifier: BSD-2-Clause
"""QEMU with a device as a guest's memory."""

import json
import subprocess

import pytest

from conftest import both_users
from daxrun import MIB, pattern, said

pytestmark = pytest.mark.plain

QEMU = ["qemu-system-x86_64", "-accel", "tcg", "-display", "none", "-nodefaults",
        "-S", "-qmp", "stdio"]
SIZE = 64 * MIB


def backend(**options):
    options = {"id": "mem", "mem-path": "/dev/dax0.0", "size": str(SIZE), "align": "2M",
               "share": "on", "pmem": "on", **options}
    return ["-object", "memory-backend-file," + ",".join(f"{k}={v}" for k, v in options.items()
                                                         if v is not None)]


class Qmp:
    def __init__(self, process):
        self.process = process
        assert "QMP" in self.read()
        self("qmp_capabilities")

    def read(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def __call__(self, command, **arguments):
        self.process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        while True:
            answer = self.read()
            if "event" not in answer:
                return answer

    def quit(self):
        assert "return" in self("quit")
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, out + err
        return err


def start(daxrun, *args):
    return Qmp(daxrun.popen(*args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE))


@both_users
def test_guest_memory_is_the_device(daxrun, daemon):
    """The guest sees the device's bytes, and stores of its machine reach the device."""
    d = daemon(f"[region 0]\nsize={SIZE}\nmode=0666\n")
    data = pattern(2 * MIB)
    daxrun.write("in", data)
    connect = f"--connect={d.dir}"
    daxrun(connect, "--", "daxio", "-i", "in", "-o", "/dev/dax0.0", "-s", 32 * MIB)
    qmp = start(daxrun, connect, "--", *QEMU, "-machine", "pc,memory-backend=mem", "-m", "64M",
                *backend(), "-device", "loader,addr=0x1000000,data=0x1122334455667788,data-len=8")
    devices = qmp("query-memdev")["return"]
    assert [(m["id"], m["size"], m["share"]) for m in devices] == [("mem", SIZE, True)]
    assert "return" in qmp("pmemsave", val=32 * MIB, size=2 * MIB, filename="out")
    assert (daxrun.dir / "out").read_bytes() == data
    assert qmp.quit() == ""
    daxrun(connect, "--", "daxio", "-i", "/dev/dax0.0", "-k", 16 * MIB, "-l", 8, "-o", "stored")
    assert (daxrun.dir / "stored").read_bytes() == (0x1122334455667788).to_bytes(8, "little")


@both_users
def test_on_each_store(daxrun, device):
    align = {4096: "4K"}.get(device.align, "2M")
    qmp = start(daxrun, device(SIZE), "--", *QEMU, "-machine", "none", *backend(align=align))
    assert [m["id"] for m in qmp("query-memdev")["return"]] == ["mem"]
    assert qmp.quit() == ""


def test_an_nvdimm_on_the_device(daxrun):
    qmp = start(daxrun, "-d", f"dax0.0,size={SIZE}", "--", *QEMU, "-machine", "pc,nvdimm=on", "-m",
                "64M,slots=2,maxmem=1G", *backend(), "-device", "nvdimm,id=nv,memdev=mem")
    dimms = qmp("query-memory-devices")["return"]
    assert [(x["type"], x["data"]["size"]) for x in dimms] == [("nvdimm", SIZE)]
    assert qmp.quit() == ""


def test_added_and_removed_while_it_runs(daxrun):
    qmp = start(daxrun, "-d", f"dax0.0,size={SIZE}", "--", *QEMU, "-machine", "none")
    for _ in range(3):
        answer = qmp("object-add", **{"qom-type": "memory-backend-file", "id": "mem", "share": True,
                                      "mem-path": "/dev/dax0.0", "size": SIZE, "align": 2 * MIB})
        assert "return" in answer, answer
        assert "return" in qmp("object-del", id="mem")
    assert qmp.quit() == ""


@pytest.mark.parametrize("options", [
    {"align": None}, {"align": "4K"}, {"share": "off"}, {"size": str(33 * MIB)},
], ids=str)
def test_what_a_real_device_refuses(daxrun, options):
    """QEMU fails as on a real device: it aligns its reservation to 2M only with align=."""
    result = daxrun.any("-d", f"dax0.0,size={SIZE}", "--", *QEMU, "-machine", "none",
                        *backend(**options), input="")
    assert result.returncode == 1, said(result)
    assert "Invalid argument" in result.stderr, said(result)


def test_more_than_there_is_is_refused_by_qemu(daxrun):
    """QEMU reads the size in sysfs and refuses more."""
    result = daxrun.any("-d", f"dax0.0,size={SIZE}", "--", *QEMU, "-machine", "none",
                        *backend(size="128M"), input="")
    assert result.returncode == 1
    assert "does not match 'size' option" in result.stderr, said(result)
