# SPDX-License-Identifier: BSD-2-Clause
"""Memory that goes bad under real programs: fio, libpmemobj, Python, three at once."""

import contextlib
import subprocess
import threading

import pytest

from conftest import BUILD, IS_ROOT, SETPRIV, both_users, environment
from daxrun import prog, until
from faults import MIB, probe_at
from test_faults_memory import control

SIZE = 128 * MIB


def client(daemon, command, **kwargs):
    env = {**environment(), "CUSE_DAXD_RUNTIME_DIR": str(daemon.dir),
           "LD_PRELOAD": str(BUILD / "libdaxshim.so")}
    prefix = SETPRIV if daemon.as_nobody and IS_ROOT else []
    return subprocess.Popen([*prefix, *map(str, command)], env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)


READER = """
import ctypes, mmap, os, signal, sys
m = mmap.mmap(os.open('/dev/dax1.0', os.O_RDWR), 128 << 20)
print('ready', flush=True)
for line in sys.stdin:
    print(sum(m[n << 21] for n in map(int, line.split())), flush=True)
"""


@both_users
def test_three_real_programs(daemon):
    """Each dies by SIGBUS at the next touch of that unit; nobody else notices."""
    # The pool of the third must not be full before its turn, however slow the others are.
    sizes = [SIZE, SIZE, 64 * SIZE]
    d = daemon("".join(f"[region {n}]\nsize={size}\n" for n, size in enumerate(sizes)))
    with contextlib.ExitStack() as stack:
        fio = stack.enter_context(client(d, [
            "fio", "--name=x", "--ioengine=dev-dax", "--filename=/dev/dax0.0",
            "--rw=randread", "--bs=4K", f"--size={SIZE}", "--time_based", "--runtime=120"], cwd="/tmp"))
        python = stack.enter_context(client(d, ["/usr/bin/python3", "-c", READER],
                                            stdin=subprocess.PIPE))
        pmem = stack.enter_context(client(d, [prog("obj_commits"), "work", "/dev/dax2.0"]))
        bystander = stack.enter_context(probe_at(d))
        try:
            assert python.stdout.readline() == "ready\n"
            until(lambda: all(x["clients"] for x in control(d, "list")), "all have mapped")
            assert pmem.stdout.readline().strip()
            # It goes on as long as somebody reads what it says.
            threading.Thread(target=pmem.stdout.read, daemon=True).start()
            bystander("open")
            bystander(f"mmap 0 {SIZE}")

            # One unit of each; only who touches it, and when, is told.
            control(d, "inject", device="dax1.0", offset=8 * MIB, length=2 * MIB)
            python.stdin.write("0 1 2 3 5 6 63\n")
            python.stdin.flush()
            assert python.stdout.readline() == "0\n"
            control(d, "inject", device="dax0.0", offset=0, length=SIZE // 2)
            said = "".join(fio.communicate(timeout=60))
            assert "got signal=7" in said, said
            assert "BUS_MCEERR_AR" in bystander("load 0")
            assert bystander(f"load {SIZE // 2}") == "0"
            python.stdin.write("0\n")
            python.stdin.flush()
            assert python.stdout.readline() == "0\n", "another device's poison hit it"
            control(d, "clear", device="dax1.0")
            python.stdin.write("4\n")
            python.stdin.flush()
            assert python.stdout.readline() == "0\n", "it does not go on after the clear"
            control(d, "inject", device="dax1.0", offset=8 * MIB, length=1)
            python.stdin.write("3\n4\n")
            python.stdin.flush()
            assert python.stdout.readline() == "0\n"
            assert python.wait(60) == -7
            assert pmem.poll() is None, pmem.stderr.read()
            control(d, "inject", device="dax2.0", offset=0, length=sizes[2])
            assert pmem.wait(60) == -7
        finally:
            for process in (fio, python, pmem):
                process.kill()
        control(d, "clear", device="dax0.0")
        assert bystander(f"scan {2 * MIB}").startswith("bad=0")


@pytest.mark.parametrize("nr", [16])
def test_many_processes_at_once(daemon, nr):
    """All have followed when the order is answered, and soon."""
    d = daemon(f"[region 0]\nsize={SIZE}\n")
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(probe_at(d)) for _ in range(nr)]
        for p in probes:
            p("open")
            p(f"mmap 0 {SIZE}")
        control(d, "inject", device="dax0.0", offset=4 * MIB, length=1)
        for p in probes:
            assert p(f"scan {2 * MIB}") == f"BUS_MCEERR_AR@{4 * MIB} bad=1 sum=0"
        control(d, "clear", device="dax0.0")
        for p in probes:
            assert p(f"scan {2 * MIB}") == "bad=0 sum=0"
