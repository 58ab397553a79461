# SPDX-License-Identifier: BSD-2-Clause
"""Scripts of PMDK that use device dax, unchanged, with the pytest plugin: each has devices of
its own, from the fixture `dax`.

`pmdk.py plugin` builds what they need and runs this file; $PMDK_TESTS is the folder src/test of
PMDK. By hand, if the plugin is installed: PMDK_TESTS=... python3 -m pytest pmdk_scripts.py
"""

import os
import pathlib

import pytest

DEVICES = tuple(f"dax{i}.0,size=64M,align={align}" for i, align in enumerate(("4K", "4K", "2M", "2M")))
# With the kind of file system that each one asks for.
SCRIPTS = {"blk_rw/TEST10": "any", "ctl_cow/TEST3": "pmem", "daxio/TEST0": "any", "log_basic/TEST7": "any",
           "obj_basic_integration/TEST7": "pmem", "pmem_is_pmem_posix/TEST0": "none", "pmem_map_file/TEST2": "any",
           "pmempool_rm/TEST4": "pmem", "pmempool_sync/TEST6": "any"}

pytestmark = pytest.mark.dax(*DEVICES)


def script(dax, name, **kwargs):
    """Run a script. Return: its output, and whether it says that it passed."""
    path = pathlib.Path(os.environ["PMDK_TESTS"]) / name
    env = {**os.environ, "TEST": "medium", "FS": SCRIPTS[name], "BUILD": "nondebug", "CHECK_TYPE": "none"}
    result = dax.run([f"./{path.name}"], cwd=path.parent, env=env, errors="replace", **kwargs)
    text = result.stdout + result.stderr
    return text, result.returncode == 0 and f"{name}: PASS" in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(dax, name):
    text, is_passed = script(dax, name)
    assert is_passed, text


@pytest.mark.parametrize("name", ["log_basic/TEST7", "pmem_map_file/TEST2"])
def test_script_notices_a_fault(dax, name):
    """The script uses the devices, and does not pass when one of them fails."""
    text, is_passed = script(dax, name, fault="mmap errno:ENOMEM")
    assert not is_passed, text


def test_daxio_clears_bad_memory(dax):
    dax.inject("dax0.0", offset="4K", length="4K")
    text, is_passed = script(dax, "daxio/TEST0")
    assert is_passed, text
    assert not next(d for d in dax.list() if d["chardev"] == "dax0.0").get("badblock_count")
