#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/peers/cxl.py [--build BUILD] [VERSION]...

Run cxl, daxctl and ndctl of newer Debian suites under daxrun, and compare texts and exit statuses
with those of a real machine with Linux 7.3: cxl's commands and lists as nobody, if root runs this
(tests/data/cxl-commands-7.3.txt); cxl_story.sh and cxl_list.sh of tests/scenarios with 81, as
test_cxl_story.py does with 76; and region_life.sh, mode_life.sh and namespace_life.sh with each, as
test_region_life.py, test_modes.py and test_ndctl.py do with 76. The programs are fetched with their
libraries into BUILD/peers the first time; nothing is installed.
VERSION is 81 (trixie) or 85 (sid); default: both.

Prints a line for each. Exit status: 0 if there is no difference, 1 if there is one.
"""

import argparse
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))
from suites import NDCTL, Suite  # noqa: E402  pylint: disable=wrong-import-position

DEVICE = "dax0.0,size=1536M,type=cxl,memdevs=3,window=4G,start=none"
PROGRAMS = ("cxl", "daxctl", "ndctl")
LIVES = ("test_region_life.py", "test_modes.py", "test_ndctl.py")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def fetch(build, version):
    """Make the folder with scripts that run the programs of a version."""
    place = build / "peers" / f"ndctl-{version}"
    suite = Suite(NDCTL[version], place, *PROGRAMS)
    (place / "bin").mkdir(exist_ok=True)
    for program in PROGRAMS:
        suite.wrapper(program, place / "bin" / program)


def replay(build, version, what):
    """Return: True if all commands, or lists, have the recorded results."""
    program = build / f"peers/ndctl-{version}/bin/cxl"
    words = [build / "daxrun", "-q", "--kernel=7.3", "-d", DEVICE, "--", sys.executable,
             HERE.parent / f"lib/cxl_{what}.py",
             HERE.parent / f"data/cxl-{what}-7.3.txt", version, program]
    if os.geteuid() == 0:
        words = NOBODY + words
    result = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=600, check=False)
    print(f"cxl {version}: {result.stdout.strip()}", flush=True)
    return result.returncode == 0


def story(build, version, test, *script):
    """Return: True if a test's script prints what it prints on a real machine with this version."""
    env = {**os.environ, "DAXD_BUILD": str(build), "PYTHONPATH": f"{HERE.parent}:{HERE.parent}/lib"}
    result = subprocess.run([sys.executable, HERE.parent / "kernel" / test, "--here",
                             build / "peers" / f"ndctl-{version}/bin", *script, version],
                            env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            timeout=600, check=False)
    print(f"{version}:", test, *script, result.stdout.strip() or "is as recorded", flush=True)
    return result.returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", help="not used")
    parser.add_argument("version", nargs="*", choices=[[], *NDCTL])
    args = parser.parse_args()
    build, versions = args.build.resolve(), args.version or NDCTL
    for version in versions:
        fetch(build, version)
    good = [replay(build, v, "commands") for v in versions]
    good += [replay(build, v, "lists") for v in versions if v == "85"]
    if "81" in versions:
        good += [story(build, "81", "test_cxl_story.py", script) for script in ("story", "list")]
    good += [story(build, v, test) for v in versions for test in LIVES]
    sys.exit(not all(good))


main()
