# SPDX-License-Identifier: BSD-2-Clause
"""The life of a dynamic region in region_life.sh, here and on a real kernel.

It begins with the region as the kernel leaves it. The output of each kernel is in
oracle/recorded/region-life-KERNEL.txt, normalized by normal(); one test boots a kernel and
compares again. They are daxctl 76's; those of 81 and 85 are in
region-life-7.3-daxctl-VERSION.txt. To record:

    export PYTHONPATH=tests:tests/lib
    python3 tests/kernel/test_region_life.py 7.3 > tests/oracle/recorded/region-life-7.3.txt
    python3 tests/kernel/test_region_life.py 7.3 85 > tests/oracle/recorded/region-life-7.3-daxctl-85.txt

`test_region_life.py --here FOLDER VERSION` compares with the daxctl of FOLDER; tests/peers/cxl.py
does so for 81 and 85.
"""

import difflib
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import BUILD, IS_ROOT, ROOT, SETPRIV, both_users, environment

sys.path.insert(0, str(ROOT / "tests/oracle"))
from guest import KERNELS  # noqa: E402
from suites import NdctlGuest  # noqa: E402

pytestmark = pytest.mark.plain

SCRIPT = ROOT / "tests/scenarios/region_life.sh"
PROBE = BUILD / "progs/sysprobe"
REGION_BYTES = 1 << 30


def recorded(name):
    return (ROOT / f"tests/oracle/recorded/region-life-{name}.txt").read_text()


def on_real_kernel(kernel, version="76"):
    """Run the script on memory marked soft-reserved, as firmware does, and its driver.

    Where it is kept for kmem, that driver would take it, and is not loaded.
    """
    modules = ["kmem", "dax_hmem"] if kernel == "6.1" else ["dax_hmem"]
    guest = NdctlGuest(kernel, memmap="1G%4G-1+0xefffffff", memory="6G", modules=modules)
    guest.version = version
    result = guest.run(SCRIPT.read_text(), programs=[PROBE], timeout=900)
    assert result.status == 0, result.output
    assert not result.oops(), result.oops()
    return result.output


def search_path(folder=None):
    """Return: PATH with the probe, and with the programs of a folder before all others."""
    return ":".join([*([str(folder)] if folder else []), str(PROBE.parent), os.environ["PATH"]])


def on_emulator(kernel, user="root", path=None):
    command = [BUILD / "daxrun", "-q", f"--kernel={kernel}", "-d", "dax0.0,size=1G,type=dynamic,start=kernel", "--",
               "sh", SCRIPT]
    if user == "nobody" and IS_ROOT:
        command = SETPRIV + command
    env = environment()
    env["PATH"] = search_path(path)
    result = subprocess.run([str(c) for c in command], text=True, capture_output=True, env=env,
                            timeout=300, check=False, cwd="/")
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return result.stdout


def in_order(value):
    """Sort lists of devices, since daxctl lists them in the reverse order of readdir."""
    if isinstance(value, dict):
        return {k: in_order(v) for k, v in value.items()}
    if isinstance(value, list):
        return sorted((in_order(v) for v in value), key=lambda v: json.dumps(v.get("chardev", v))
                      if isinstance(v, dict) else str(v))
    return value


def normal(output, kernel):
    """Return: the output without values that differ between machines: addresses, numbers, order.
    """
    if kernel != "6.1":	# they were not loaded
        output = re.sub(r"(?m)^/sys/bus/dax/drivers/(kmem|fsdev_dax)/.*\n", "", output)
    start = int(re.search(r'"start":(\d+)', output)[1])
    major = re.search(r"/dev/dax0\.0 node \d+ (\d+):", output)[1]

    def address(match):
        number = int(match[0], 16 if match[0][:2] == "0x" else 10)
        return f"START+{number - start:#x}" if start <= number <= start + 3 * REGION_BYTES \
            else match[0]

    lines = []
    block = []
    for line in output.splitlines():
        # A list printed by daxctl extends from a bracket at the margin to the closing one.
        if block or line in ("[", "{"):
            block.append(line)
            if line in ("]", "}"):
                text = json.dumps(in_order(json.loads("\n".join(block))), indent=1)
                lines += text.splitlines()
                block = []
            continue
        lines.append(line)
    assert not block
    text = "\n".join(lines)
    text = re.sub(r"\b0x[0-9a-f]{9,}\b|\b\d{10,11}\b", address, text)
    text = re.sub(rf"\b{major}:(\d+)", r"MAJ:\1", text)
    text = text.replace(f"MAJOR={major}|", "MAJOR=MAJ|")
    # daxctl reports active devices in the order of readdir as well.
    return re.sub(r"(?m)(^dax\S+ is active.*\n)+",
                  lambda m: "".join(sorted(m[0].splitlines(keepends=True))), text) + "\n"


def compare(ours, real):
    diff = list(difflib.unified_diff(real.splitlines(), ours.splitlines(), "real", "ours",
                                     lineterm="", n=4))
    assert not diff, "\n".join(diff[:120])


@both_users
@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_as_on_the_recorded_kernel(user, kernel):
    compare(normal(on_emulator(kernel, user), kernel), recorded(kernel))


@pytest.mark.guest
def test_the_recording_is_of_a_real_kernel():
    compare(normal(on_real_kernel("6.1"), "6.1"), recorded("6.1"))


def main(kernel, version="76", *more):
    if kernel == "--here":
        compare(normal(on_emulator("7.3", path=version), "7.3"), recorded(f"7.3-daxctl-{more[0]}"))
    else:
        print(normal(on_real_kernel(kernel, version), kernel), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
