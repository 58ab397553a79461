# SPDX-License-Identifier: BSD-2-Clause
"""CXL memory in cxl_story.sh and cxl_list.sh, here and on a real kernel.

Their output on Linux 7.3 with QEMU's memory devices is in oracle/recorded/cxl-*-CXL-7.3.txt,
normalized by normal(), for two versions of cxl: 76, bookworm's, and 81, trixie's, which
`make peers` runs; tests/oracle/record_cxl.py records them. QEMU reports no bad memory to its
guest: there, sysprobe asks the kernel by madvise(2) to behave as if it had.
"""

import argparse
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import BUILD, IS_ROOT, ROOT, SETPRIV, both_users, environment
from test_region_life import PROBE, compare, in_order

sys.path.insert(0, str(ROOT / "tests/oracle"))
from cxlguest import CxlGuest  # noqa: E402

pytestmark = pytest.mark.plain

SCRIPTS = ("story", "list")
DEVICE = "dax0.0,size=1G,type=cxl,memdevs=2,start=none"


def script(name):
    return ROOT / f"tests/scenarios/cxl_{name}.sh"


def recorded(name, version):
    return (ROOT / f"tests/oracle/recorded/cxl-{name}-{version}-7.3.txt").read_text()


def on_real_kernel(name, version):
    guest = CxlGuest("7.3", memdevs=["512M"] * 2, cxl=version)
    result = guest.run(script(name).read_text(), programs=[PROBE, "/usr/bin/fio"], timeout=600)
    assert result.status == 0, result.output
    assert not result.oops(), result.oops()
    return result.output


def on_emulator(name, user="root", tools=()):
    """Run it, with the folders @tools before those of PATH."""
    command = [BUILD / "daxrun", "-q", "--kernel=7.3", "-d", DEVICE, "--", "sh", script(name)]
    if user == "nobody" and IS_ROOT:
        command = SETPRIV + command
    env = environment()
    env["PATH"] = os.pathsep.join([*map(str, tools), str(PROBE.parent), env["PATH"]])
    result = subprocess.run([str(c) for c in command], text=True, capture_output=True, env=env,
                            timeout=300, check=False, cwd="/")
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return result.stdout


def normal(output):
    """Return: the output without names of the host, addresses and order."""
    start = int(re.search(r'"resource":(\d+)', output)[1])
    output = re.sub(r"\b(pci)?(0000|7f00):(\w\w)\b", r"\1HOST:\3", output)
    output = re.sub(r'"resource":"?(0x\w+|\d+)"?',
                    lambda m: f'"resource":"START+{int(m[1], 0) - start:#x}"', output)
    lines, block = [], []
    for line in output.splitlines():
        # A list printed by cxl extends from a bracket at the margin to the closing one.
        if block or line in ("[", "{"):
            block.append(line)
            if line in ("]", "}"):
                lines += json.dumps(in_order(json.loads("\n".join(block))), indent=1).splitlines()
                block = []
            continue
        lines.append(line)
    assert not block
    return "\n".join(lines) + "\n"


@both_users
@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_as_on_the_recorded_kernel(user, name):
    compare(normal(on_emulator(name, user)), recorded(name, "76"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--here", metavar="DIR",
                        help="compare with what the programs in DIR do under daxrun")
    parser.add_argument("script", choices=SCRIPTS)
    parser.add_argument("version", help="of cxl: 76 or 81")
    args = parser.parse_args()
    if args.here:
        compare(normal(on_emulator(args.script, "nobody", [args.here])),
                recorded(args.script, args.version))
    else:
        print(normal(on_real_kernel(args.script, args.version)), end="")


if __name__ == "__main__":
    main()
