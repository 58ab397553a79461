# SPDX-License-Identifier: BSD-2-Clause
"""Every JSON output is as its schema in docs/schema says, and the schemas are strict."""

import contextlib
import copy
import json
import subprocess

import jsonschema
import pytest

from conftest import CTL, ROOT, environment
from daxrun import Daxrun, prog, until

pytestmark = pytest.mark.plain

FOLDER = ROOT / "docs/schema"
NAMES = sorted(p.stem for p in FOLDER.glob("*.json"))

HOLD = ("import mmap, os, sys\n"
        "fd = os.open(sys.argv[1], os.O_RDWR)\n"
        "try: mmap.mmap(fd, 2 << 20)\n"
        "except OSError: pass\n"
        "m = mmap.mmap(fd, 2 << 20)\n"
        "print('mapped', flush=True)\n"
        "sys.stdin.read()\n")


def validator(name):
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    kind = jsonschema.Draft202012Validator
    return kind(schema, resolver=jsonschema.RefResolver(f"{FOLDER.as_uri()}/{name}.json", schema))


def holders(value, steps=()):
    """Find the objects in a value. Return: [their steps from the top]."""
    inner = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    found = [steps] if isinstance(value, dict) else []
    for key, part in inner:
        found += holders(part, (*steps, key))
    return found


def at(value, steps):
    for step in steps:
        value = value[step]
    return value


def check(name, text):
    """Validate an output, and see that it is invalid with one member more. Return: its value."""
    value = json.loads(text)
    validator(name).validate(value)
    for steps in holders(value):
        other = copy.deepcopy(value)
        at(other, steps)["surplus"] = 1
        assert not validator(name).is_valid(other), (name, steps)
    return value


def schema_objects(value):
    return [at(value, s) for s in holders(value) if at(value, s).get("type") == "object"]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_strict(name):
    """Objects have no other members than the listed ones, and most of these are required."""
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema") and schema["title"]
    open_ones = [schema["$defs"]["device"]] if name == "common" else []
    for part in schema_objects(schema):
        assert part in open_ones or part["additionalProperties"] is False, part
        assert set(part["required"]) <= set(part["properties"]) and part["required"], part


@pytest.fixture
def daxrun(workdir, user):
    return Daxrun(workdir, user)


@contextlib.contextmanager
def watching(d, *args):
    """Run cuse-daxctl watch. Yield a list, which has its lines behind the block."""
    lines = []
    process = subprocess.Popen([CTL, f"--runtime-dir={d.dir}", "watch", *args], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
    try:
        until(lambda: json.loads(d.ctl("stats").stdout)["daemon"]["watchers"] == 1, "the watcher is there")
        yield lines
    finally:
        process.terminate()
        lines += process.communicate()[0].splitlines()


@pytest.fixture
def regions(daemon, workdir):
    return daemon("[region 0]\nsize=8M\n[region 1]\ntype=dynamic\nsize=64M\n[device 1.0]\nsize=8M\n"
                  f"[region 2]\nbacking=pmem:{workdir}/image\nsize=16M\n"
                  "[region 3]\ntype=cxl\nsize=256M\n", f"--fault-log={workdir}/log")


def ask(d, name, *args):
    result = d.ctl(*args)
    assert result.returncode == 0, result.stderr
    return check(name, result.stdout)


def test_a_daemon(regions, daxrun, workdir):
    """Each verb of cuse-daxctl, with a busy daemon."""
    d = regions
    with watching(d) as lines:
        ask(d, "fault", "fault", "add", "mmap errno:EIO nth:1 device:0.0")
        client = daxrun.popen("-q", f"--connect={d.dir}", "--", "/usr/bin/python3", "-c", HOLD,
                              "/dev/dax0.0", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert client.stdout.readline() == "mapped\n"
        ask(d, "device", "create", "--size", "4M")
        assert ask(d, "device", "disable", "dax1.1")["state"] == "disabled"
        assert [e["chardev"] for e in ask(d, "list", "list") if "state" in e] == ["dax1.1"]
        ask(d, "device", "enable", "dax1.1")
        ask(d, "device", "destroy", "dax1.1")
        assert ask(d, "device", "inject", "dax0.0", "-o", "4K", "-l", "1K")["badblock_count"] == 2
        assert "X" in ask(d, "map", "map", "dax0.0")["map"]
        listed = ask(d, "list", "list")
        assert {"badblocks", "path"} <= {key for entry in listed for key in entry}
        assert {"static", "dynamic", "cxl"} == {entry["type"] for entry in listed}
        ask(d, "device", "clear", "dax0.0")
        stats = ask(d, "stats", "stats")
        assert stats["faults"]["given"] == 1 and stats["faults"]["processes"]
        assert ask(d, "mappings", "mappings")
        check("cdi", daxrun(f"--connect={d.dir}", "--print-cdi"))
        assert ask(d, "fault-list", "fault")
        assert ask(d, "fault", "fault", "remove", "1")["given"] == 1
        client.communicate("")
        until(lambda: not json.loads(d.ctl("mappings").stdout), "the client is gone")
    events = {check("watch", line)["event"] for line in lines}
    assert events >= {"appear", "change", "vanish", "attach", "inject", "clear", "fault"}
    for line in (workdir / "log").read_text().splitlines():
        assert check("fault-log", line)["refused" if "refused" in line else "fault"]


@pytest.mark.parametrize("event", [
    {"event": "restart"}, {"event": "lost", "count": 3}, {"event": "detach", "chardev": "dax0.0", "pid": 1},
])
def test_rare_events(event):
    validator("watch").validate({"time": 1.5, **event})


@pytest.mark.parametrize("event", [
    {"event": "restart", "chardev": "dax0.0"}, {"event": "lost", "count": 0}, {"event": "inject"},
    {"event": "appear", "chardev": "dax0.0"},
])
def test_events_that_are_none(event):
    assert not validator("watch").is_valid({"time": 1.5, **event})


def test_inspect(new_daemon, workdir):
    d = new_daemon()

    def image(name, config):
        d.start(f"[region 0]\nbacking=pmem:{workdir}/{name}\nsize=16M\n{config}")
        d.stop()
        return bytearray((workdir / name).read_bytes())

    def inspect(name, data, status):
        (workdir / name).write_bytes(data)
        result = d.ctl("inspect", workdir / name)
        assert result.returncode == status, result.stderr
        value = check("inspect", result.stdout)
        return value["state"], value.get("record", {}).get("devices", [{}])[0].get("state")

    assert inspect("static", image("static", ""), 0)[0] == "ok"
    data = image("dynamic", "type=dynamic\n")
    assert inspect("dynamic", data, 0) == ("ok", "enabled")
    data[4096 + 100] ^= 1
    assert inspect("damaged", data, 1)[0] == "damaged"
    assert inspect("foreign", b"XFSB" * (1 << 20), 1)[0] == "foreign"
    assert inspect("empty", bytes(16 << 20), 0)[0] == "empty"
    assert inspect("small", bytes(4096), 1)[0] == "too small"


def test_daxrun(daxrun):
    check("check", daxrun("--check=json"))
    small = ("-d", "dax0.0,size=8M")
    result = daxrun.any(*small, "--sweep", "mmap errno:EIO nth:2..3", "--report=json:sweep", "--",
                        "/usr/bin/python3", "-c", HOLD, "/dev/dax0.0", stdin=subprocess.DEVNULL)
    report = check("report-sweep", (daxrun.dir / "sweep").read_text())
    assert [row["hit"] for row in report["rows"]] == ["-", "mmap dax0.0 0x0", "-"], result.stdout
    result = daxrun.any(*small, "--crash", "--verify", f"{prog('crash_pmem')} check",
                        "--report=json:crash", "--", prog("crash_pmem"), "early", 1)
    report = check("report-crash", (daxrun.dir / "crash").read_text())
    assert report["bad"] == 1 and report["good"], result.stdout
    daxrun.check_gone()


def test_no_schema_is_forgotten():
    """Each schema is used by a test above."""
    text = (ROOT / "tests/project/test_schema.py").read_text()
    for name in NAMES:
        assert f'"{name}"' in text, name
