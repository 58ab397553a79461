# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 of the daemon under programs that write and verify: none loses a byte or is hurt.

`make kills` does 1,000 kills for each store; a plain run does a few.
"""

import os
import random
import re
import subprocess
import time

import pytest

from conftest import BUILD, IS_ROOT, TIMEOUT, environment

KILLS = int(os.environ.get("DAXD_KILLS", "8"))
CLIENTS = 8
SIZE = f"{CLIENTS * 4}M"

pytestmark = pytest.mark.plain


@pytest.fixture(params=["pmem", "memfd", "collapse", "plain"] + (["hugetlb"] if IS_ROOT else []))
def store(request, workdir, monkeypatch):
    if request.param in ("collapse", "plain"):
        monkeypatch.setenv("DAXD_MEMORY", request.param)
        return "memory"
    if request.param == "hugetlb":
        request.getfixturevalue("hugepages")(CLIENTS * 2)
    return f"pmem:{workdir}/image" if request.param == "pmem" else request.param


def start_later(d, config, rng):
    """The next daemon starts some time after the kill."""
    d.kill()
    time.sleep(rng.uniform(0, 0.05))
    d.start(config)


def start_at_once(d, config, _):
    d.kill()
    d.start(config)


def kill_while_starting(d, config, rng):
    """The next daemon is killed before it is ready, the one after that lives."""
    d.kill()
    d.process = subprocess.Popen(d.command(config), stdin=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=environment(),
                                 start_new_session=True)
    time.sleep(rng.uniform(0, 0.02))
    d.kill()
    d.start(config)


def start_clients(d):
    return [subprocess.Popen([BUILD / "daxrun", "-q", f"--connect={d.dir}", "--",
                              BUILD / "progs/kill_client", "/dev/dax0.0", str(n)],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env=environment()) for n in range(CLIENTS)]


def wait_until_mapped(d):
    deadline = time.monotonic() + TIMEOUT
    while len({m["pid"] for m in d.control("mappings")}) < CLIENTS:
        assert time.monotonic() < deadline, "a client has not mapped the device"


@pytest.mark.parametrize("way", [start_later, start_at_once, kill_while_starting])
def test_a_kill_costs_no_byte_and_hurts_nobody(new_daemon, store, way):
    rng = random.Random(KILLS)
    config = f"[region 0]\nbacking={store}\nsize={SIZE}\nalign=2M\n"
    d = new_daemon().start(config)
    clients = start_clients(d)
    try:
        wait_until_mapped(d)
        life = d.state().find("dax0.0")[2].life
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.002, 0.08))
            way(d, config, rng)
            assert d.state().find("dax0.0")[2].life == life, "it is another device"
    finally:
        for client in clients:
            client.terminate()
        ends = [(client.communicate(timeout=TIMEOUT)[0], client.returncode) for client in clients]
    rounds = 0
    for text, status in ends:
        found = re.fullmatch(r"rounds (\d+) lost (\d+) errors((?: \w+:\d+)*)\n", text)
        assert status == 0 and found, (status, text)
        assert int(found[1]) > 0 and int(found[2]) == 0, text
        rounds += int(found[1])
        # While no daemon runs, a device cannot be mapped for the first time.
        assert {e.split(":")[0] for e in found[3].split()} <= {"ENXIO"}, text
    print(f"{way.__name__}: {KILLS} kills, {rounds} rounds of {CLIENTS} clients: 0 bytes lost, "
          "0 clients hurt")
