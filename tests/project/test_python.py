# SPDX-License-Identifier: BSD-2-Clause
"""The Python module and the pytest plugin, as a project that uses them would."""

import os
import re
import subprocess
import sys

import pytest

from conftest import BUILD, ROOT, environment

sys.path.insert(0, str(ROOT / "python"))
from cuse_daxd import Client, DaxError, Devices  # noqa: E402

pytestmark = pytest.mark.plain
DAXRUN = BUILD / "daxrun"

SUITE = '''
import pytest

@pytest.mark.dax("dax0.0,size=16M,align=4K", "dax1.0,size=32M")
@pytest.mark.parametrize("nth", range(4))
def test_devices_of_its_own(dax, nth, tmp_path):
    assert [d["chardev"] for d in dax.list()] == ["dax0.0", "dax1.0"]
    data = tmp_path / "data"
    dax.run(["daxio", "-i", "/dev/dax0.0", "-o", data, "-l", "4096"], check=True)
    # Another test's data would be seen here.
    assert data.read_bytes() == bytes(4096)
    data.write_bytes(b"%d" % nth * 4096)
    dax.run(["daxio", "-i", data, "-o", "/dev/dax0.0"], check=True)

def test_a_refused_mmap_for_one_run(dax):
    fio = ["fio", "--name=v", "--ioengine=dev-dax", "--filename=/dev/dax0.0", "--size=2M",
           "--bs=2M", "--rw=write"]
    broken = dax.run(fio, fault="mmap errno:ENOMEM")
    assert broken.returncode != 0 and "Cannot allocate memory" in broken.stderr + broken.stdout
    assert dax.rules() == []
    assert dax.run(fio).returncode == 0

@pytest.mark.dax_fault("poison offset:2M length:2M")
def test_poison_from_the_start(dax):
    assert dax.device("/dev/dax0.0")["badblocks"]
'''


@pytest.fixture
def suite(workdir):
    (workdir / "test_suite.py").write_text(SUITE)
    return workdir


def run_suite(suite, *args, env=None):
    return subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
         "cuse_daxd.pytest_plugin", "--strict-markers", *args, "test_suite.py"],
        cwd=suite, text=True, capture_output=True, check=False, timeout=120,
        env={**environment(), "PYTHONPATH": str(ROOT / "python"),
             "PYTHONDONTWRITEBYTECODE": "1", **(env or {})})


def test_the_plugin_gives_each_test_its_own_devices(suite):
    result = run_suite(suite, f"--daxrun={DAXRUN}", "-n", "2")
    assert result.returncode == 0 and "6 passed" in result.stdout, result.stdout


def test_a_machine_without_daxrun_is_an_error_and_no_skip(suite):
    result = run_suite(suite, env={"PATH": "/nonexistent", "DAXRUN": ""})
    assert result.returncode == 1 and "6 errors" in result.stdout, result.stdout
    assert "daxrun is not installed" in result.stdout


def test_mistakes_are_told_in_the_words_of_daxrun():
    with pytest.raises(OSError, match="'sise' is not a word of a device"):
        Devices("dax0.0,sise=3", daxrun=DAXRUN)


def test_the_verbs():
    with Devices("dax0.0,size=64M,type=dynamic", daxrun=DAXRUN) as devices:
        events = devices.watch()
        assert devices.inject("dax0.0", offset="2M", length=4096)["badblock_count"] == 8
        assert next(events)["event"] in ("change", "inject")
        assert "badblocks" not in devices.clear("/dev/dax0.0")
        devices.disable("dax0.0")
        assert '"state":"disabled"' in devices.run(["daxctl", "list"]).stdout
        devices.enable("dax0.0")
        with pytest.raises(DaxError, match="there is no such device") as refused:
            devices.destroy("dax0.9")
        assert refused.value.errno == 19  # ENODEV
        with devices.fault("mmap errno:ENOMEM", "open errno:EIO nth:9") as rules:
            assert [r["id"] for r in devices.rules()] == [r["id"] for r in rules]
        assert devices.rules() == []
        with Client(devices.runtime_dir) as client:
            assert client.stats()["daemon"]["runtime_dir"] == devices.runtime_dir
            assert client.mappings() == []
    assert not os.path.exists(devices.runtime_dir)
    with pytest.raises(DaxError, match="no daemon at"):
        Client(devices.runtime_dir)


def test_one_version():
    """Makefile, Debian package and Python package agree."""
    version = re.search(r"^VERSION := (.*)", (ROOT / "Makefile").read_text(), re.M)[1]
    assert f'version = "{version}"' in (ROOT / "python/pyproject.toml").read_text()
    assert f"cuse-daxd ({version}) " in (ROOT / "debian/changelog").read_text()
    assert f"## {version}" in (ROOT / "NEWS.md").read_text()
