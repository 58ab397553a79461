# SPDX-License-Identifier: BSD-2-Clause
"""daxrun leaves nothing behind, whatever happens to it."""

import os
import re
import signal
import subprocess

import pytest

from conftest import both_users, pool
from daxrun import prog, until

pytestmark = pytest.mark.plain

MIB = 1 << 20


def start(daxrun, *args, env=None):
    """Start `hold` under daxrun. Return: the process of daxrun, the pid of the command."""
    p = daxrun.popen(*args, "--", prog("hold"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                     env=env)
    line = p.stdout.readline()
    assert line.startswith("ready "), p.stderr.read()
    return p, int(line.split()[1])


def end(p, number):
    p.send_signal(number)
    p.wait(20)
    p.stdout.close()
    stderr = p.stderr.read()
    p.stderr.close()
    return stderr


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL]


@both_users
@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
def test_after_a_signal(daxrun, number):
    p, pid = start(daxrun)
    directories, processes = daxrun.left()
    assert len(directories) == 1 and len(processes) >= 2
    stderr = end(p, number)
    assert p.returncode == -number, "daxrun ends as the command did"
    assert stderr == ""
    daxrun.check_gone()
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the command has ended")


@both_users
def test_after_the_command_was_killed(daxrun):
    p, pid = start(daxrun)
    os.kill(pid, signal.SIGKILL)
    assert p.wait(20) == -signal.SIGKILL
    daxrun.check_gone()
    p.stdout.close()
    p.stderr.close()


@both_users
@pytest.mark.parametrize("script, status", [(":", 0), ("exit 3", 3), ("kill -SEGV $$", -11)])
def test_after_a_normal_end(daxrun, script, status):
    for _ in range(3):
        assert daxrun.any("--", "sh", "-c", script).returncode == status
    assert daxrun.left() == ([], {})


@pytest.mark.parametrize("number", [0, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("backing", ["hugetlb", "hugetlbfs"])
def test_huge_pages_go_back(daxrun, hugepages, request, backing, number):
    spec = backing
    if backing == "hugetlbfs":
        path = request.getfixturevalue("hugetlbfs") / "file"
        spec = f"hugetlbfs:{path}"
    hugepages(8)
    before = pool()
    p, _ = start(daxrun, "-d", f"dax0.0,size=8M,backing={spec}")
    assert pool()["free_hugepages"] < before["free_hugepages"] or \
        pool()["resv_hugepages"] > before["resv_hugepages"]
    end(p, number or signal.SIGINT)
    daxrun.check_gone()
    if backing == "hugetlbfs":
        path.unlink()  # the file belongs to the user and stays
    until(lambda: pool() == before, "the pool is as before")


def test_in_dev_shm(daxrun):
    """Without XDG_RUNTIME_DIR the runtime directory is in /dev/shm, and is removed as well."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        p, pid = start(daxrun, env={"XDG_RUNTIME_DIR": None})
        environ = open(f"/proc/{pid}/environ", encoding="utf-8").read()
        directory = re.search(r"CUSE_DAXD_RUNTIME_DIR=([^\0]+)", environ)[1]
        assert directory.startswith("/dev/shm/daxrun.")
        assert os.path.exists(directory)
        end(p, number)
        until(lambda: not os.path.exists(directory), "the runtime directory goes")


def test_when_it_does_not_start(daxrun):
    for args in (["-d", "dax0.0,size=3M", "true"], ["-c", "/nonexistent", "true"],
                 ["-d", "nonsense", "true"], ["-d", "dax0.0,backing=pmem:/nonexistent/x", "true"],
                 ["--", "/nonexistent/program"], ["--fault", "nonsense", "true"]):
        assert daxrun.any(*args).returncode in (125, 127), args
        assert daxrun.left() == ([], {}), args


def test_killed_while_it_starts(daxrun):
    """A kill at any moment of the start leaves nothing behind."""
    for n in range(30):
        p = daxrun.popen("--", "true")
        if n % 3:
            until(lambda: os.listdir(daxrun.runtime) or p.poll() is not None, "it starts")
        if n % 3 == 2:
            until(lambda: any(os.path.exists(daxrun.runtime / d / "state")
                              for d in os.listdir(daxrun.runtime)) or p.poll() is not None,
                  "the daemon starts")
        p.kill()
        p.wait()
    daxrun.check_gone()


def test_a_stopped_command_and_job_control(daxrun):
    """A stopped and continued command goes on, and the daemon leaves the terminal alone."""
    p, pid = start(daxrun)
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)
    assert p.poll() is None
    end(p, signal.SIGTERM)
    daxrun.check_gone()


def test_children_that_stay_keep_their_memory(daxrun):
    """A child that outlives the command keeps its mapping; everything else is removed."""
    result = daxrun.any("--", "sh", "-c",
                        "/usr/bin/python3 -c '\nimport mmap, os, time\n"
                        "m = mmap.mmap(os.open(\"/dev/dax0.0\", os.O_RDWR), 2 << 20)\n"
                        "m[0] = 7\n"
                        "open(\"mapped\", \"w\").close()\n"
                        "while not os.path.exists(\"go\"): time.sleep(0.01)\n"
                        "m[1] = m[0] + 1\n"
                        "open(\"done.new\", \"w\").write(str(m[1]))\n"
                        "os.rename(\"done.new\", \"done\")' >/dev/null 2>&1 &\n"
                        "while [ ! -e mapped ]; do :; done")
    assert result.returncode == 0, result.stderr
    until(lambda: os.listdir(daxrun.runtime) == [], "the runtime directory goes")
    (daxrun.dir / "go").touch()
    until((daxrun.dir / "done").exists, "the child goes on")
    assert (daxrun.dir / "done").read_text() == "8"
