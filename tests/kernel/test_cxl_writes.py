# SPDX-License-Identifier: BSD-2-Clause
"""The life of CXL regions by plain writes, right and wrong, and what each changes in the tree.

The writes are those of tests/data/cxl-writes-7.3.txt, and more for regions of two ways. After
each, all attributes of the first memory devices, of the host bridge and of the regions are read.
The answers of real kernels are in oracle/recorded/cxl-writes-KERNEL.txt: a line for each write,
and below it one for each attribute that has another value than before.
tests/oracle/record_cxl.py records them.
"""

import re
import sys

import pytest

from conftest import ROOT
from test_ndctl import daxrun
from test_region_life import PROBE, compare

sys.path.insert(0, str(ROOT / "tests/oracle"))
from cxlguest import CxlGuest  # noqa: E402

pytestmark = pytest.mark.plain

B = "/sys/bus/cxl/devices/"
D = "/sys/bus/cxl/drivers/"
KERNELS = ("6.12", "7.3")
DEVICE = "dax0.0,size=1536M,type=cxl,memdevs=3,window=4G,start=none"

DECODER = ("region", "size", "start", "interleave_ways", "interleave_granularity", "locked")
REGION = ("commit", "interleave_granularity", "interleave_ways", "locked", "mode", "resource", "size",
          "uuid", "target0", "target1", "target2")
READ = [f"decoder0.0/{a}" for a in ("create_ram_region", "create_pmem_region")] + \
    [f"decoder1.{n}/{a}" for n in (0, 1) for a in (*DECODER, "target_list")] + \
    [f"decoder{d}/{a}" for d in ("2.0", "2.1", "3.0") for a in (*DECODER, "mode", "dpa_size", "dpa_resource")] + \
    [f"{p}/decoders_committed" for p in ("port1", "endpoint2", "endpoint3")] + \
    [f"region{n}/{a}" for n in (0, 1) for a in REGION]

TWO_WAYS = """
decoder0.0/create_ram_region <- region0
region0/interleave_granularity <- 16384
region0/interleave_ways <- 2
region0/size <- 0x10000000
region0/size <- 0x20000000
region0/target2 <- decoder2.0
decoder2.0/mode <- ram
decoder2.0/dpa_size <- 0x10000000
decoder3.0/dpa_size <- 0x10000000
decoder3.0/mode <- ram
decoder3.0/dpa_size <- 0x10000000
region0/target0 <- decoder3.0
region0/target1 <- decoder3.0
region0/target0 <- decoder2.0
region0/commit <- 1
region0/target1 <- decoder2.0
region0/target1 <- \\n
region0/target1 <- decoder2.0
cxl_region/bind <- region0
region0/commit <- on
cxl_region/bind <- region0\\n
decoder0.0/create_ram_region <- region1
region1/interleave_ways <- 1
region1/interleave_granularity <- 256
region1/size <- 0x10000000
region1/target0 <- decoder2.0
decoder2.1/mode <- ram
decoder2.1/dpa_size <- 0x10000000
region1/target0 <- decoder2.1
region1/commit <- 1
cxl_region/bind <- region1
region0/target1 <- \\n
region0/commit <- 1
region1/target0 <- \\n
decoder2.0/dpa_size <- 0
decoder2.1/dpa_size <- 0
decoder2.0/mode <- pmem
region0/target1 <- decoder2.0
region0/commit <- 1
cxl_region/bind <- region1
cxl_mem/unbind <- mem0
cxl_mem/unbind <- mem0
region0/target1 <- decoder2.0
cxl_mem/bind <- mem0
cxl_mem/bind <- mem0
cxl_mem/bind <- mem9
decoder0.0/delete_region <- foo
decoder0.0/delete_region <- region01
decoder0.0/delete_region <- region1\\n
decoder0.0/delete_region <- region0
cxl_port/unbind <- port1
decoder0.0/create_ram_region <- region0
cxl_mem/bind <- mem0
cxl_port/bind <- port1
cxl_port/bind <- port1
cxl_mem/bind <- mem1
cxl_mem/bind <- mem0
"""


def writes():
    """Return: pairs of a path below the bus's devices or drivers, and a text."""
    recorded = (ROOT / "tests/data/cxl-writes-7.3.txt").read_text()
    return re.findall(r'^(\S+) <- "(.*)": ', recorded, re.M) + \
        re.findall(r"^(\S+) <- (.*)$", TWO_WAYS, re.M)


def plan():
    """Return: the lines for `sysprobe replay`."""
    reads = [f"read {B}{path}" for path in READ] + [f"list {B}"]
    lines = list(reads)
    for path, text in writes():
        lines.append(f"write {D if path.startswith('cxl_') else B}{path} {text}")
        if path.endswith("/unbind"):
            lines.append("write /sys/bus/cxl/flush 1")
        lines += reads
    return lines


def transcript(output):
    """Return: the answers as they are recorded, with addresses relative to the window."""
    start, *answers = output.splitlines()
    shown, values = [], {}

    def relative(path, value):
        number = int(value, 16) if re.search("/(start|resource)$", path) and value[:2] == "0x" else 0
        return f"START+{number - int(start, 16):#x}" if 0 < number < 1 << 63 else value

    for line, answer in zip(plan(), answers, strict=True):
        verb, path, *text = line.split(" ", 2)
        name = path.removeprefix(B).removeprefix(D)
        if verb == "write":
            shown.append(f'{name} <- "{text[0]}": {answer.removeprefix("write ")}')
        elif verb == "read" and values.setdefault(path, "(ENOENT)") != answer:
            values[path] = answer
            shown.append(f"  {name} = {relative(path, answer)}")
        elif verb == "list":
            before, values[path] = values.get(path, ""), answer
            names, old = ({n for n in s.split() if n != "nvdimm-bridge0"} for s in (answer, before))
            shown += [f"  +{n}" for n in sorted(names - old)] + [f"  -{n}" for n in sorted(old - names)]
    return "\n".join(shown) + "\n"


def on_real_kernel(kernel):
    guest = CxlGuest(kernel, memdevs=["512M"] * 3)
    result = guest.run(f"cat {B}decoder0.0/start; sysprobe replay /job/plan", programs=[PROBE],
                       files={"/job/plan": "\n".join(plan()).encode()}, timeout=600)
    assert result.status == 0, result.output
    assert not result.oops(), result.oops()
    return result.output


def recorded(kernel):
    return (ROOT / f"tests/oracle/recorded/cxl-writes-{kernel}.txt").read_text()


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_as_on_the_recorded_kernel(workdir, kernel):
    (workdir / "plan").write_text("\n".join(plan()))
    (workdir / "plan").chmod(0o644)
    result = daxrun("nobody", "sh", "-c", f"cat {B}decoder0.0/start; sysprobe replay $0",
                    workdir / "plan", device=DEVICE, kernel=kernel)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    compare(transcript(result.stdout), recorded(kernel))


if __name__ == "__main__":
    print(transcript(on_real_kernel(sys.argv[1])), end="")
