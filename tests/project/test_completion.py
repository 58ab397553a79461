# SPDX-License-Identifier: BSD-2-Clause
"""Completion of bash, zsh and fish: options, verbs and values."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time

import pytest

from conftest import BUILD, ROOT, TIMEOUT, environment, run

FOLDER = ROOT / "completions"
PROGRAMS = ["daxrun", "cuse-daxd", "cuse-daxctl"]
OPTION = re.compile(r"(?m)^\s+(?:-\w, )?(--[a-z][a-z-]*)")


def env(**more):
    return {**environment(), "PATH": f"{BUILD}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", **more}


def complete(program, *words, **more):
    """Return: what the helper of all three shells offers for the last word."""
    result = run([FOLDER / "complete", program, *words], env=env(**more))
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split("\n")[:-1]


@pytest.mark.parametrize("program", PROGRAMS)
def test_options(program):
    told = set(OPTION.findall(run([BUILD / program, "--help"]).stdout))
    assert {w.rstrip("=") for w in complete(program, "--")} == told and told


@pytest.mark.parametrize("words, offered", [
    ("cuse-daxctl en", ["enable"]),
    ("cuse-daxctl -u en", ["enable"]),
    ("cuse-daxctl --runtime-dir", ["--runtime-dir="]),
    ("cuse-daxctl create --align ", ["4K", "2M", "1G"]),
    ("cuse-daxctl create -a 2", ["2M"]),
    ("cuse-daxctl create --size=24", ["--size=24K", "--size=24M", "--size=24G", "--size=24T"]),
    ("cuse-daxctl fault ", ["add", "remove", "list"]),
    ("cuse-daxctl fault add mm", ["mmap"]),
    ("cuse-daxctl fault add mmap errno:ENOM", ["errno:ENOMEM"]),
    ("cuse-daxctl inspect ", ["@files"]),
    ("cuse-daxctl -r ", ["@dirs"]),
    ("cuse-daxctl list ", []),
    ("cuse-daxd --frontend=c", ["--frontend=cuse"]),
    ("cuse-daxd --frontend ", ["auto", "cuse", "none"]),
    ("cuse-daxd -c ", ["@files"]),
    ("daxrun -d dax0.0,al", ["dax0.0,align="]),
    ("daxrun --device=dax0.0,size=4M,type=", [f"--device=dax0.0,size=4M,type={t}"
                                              for t in ("static", "dynamic", "cxl")]),
    ("daxrun --check=", ["--check=json"]),
    ("daxrun --print-env=", ["--print-env=github"]),
    ("daxrun --fault po", ["poison"]),
    ("daxrun --fault-log ", ["@files"]),
    ("daxrun -q ls", ["@command 2"]),
    ("daxrun -d dax0.0 ls --", ["@command 3"]),
    ("daxrun --connect ls", ["@command 2"]),
    ("daxrun --config x -- ls --", ["@command 4"]),
])
def test_words(words, offered):
    assert complete(*words.split(" ")) == offered


def test_rules_in_quotes():
    assert complete("daxrun", "--fault", "mmap errno:ENOM") == ["mmap errno:ENOMEM"]
    assert complete("daxrun", "--sweep=touch de") == ["--sweep=touch delay:", "--sweep=touch device:"]


def test_words_of_the_daemon(daemon):
    d = daemon("[region 2]\nsize=8M\n[region 7]\nsize=8M\ntype=dynamic\n")
    there = {"CUSE_DAXD_RUNTIME_DIR": str(d.dir)}
    d.ctl("fault", "add", "mmap errno:EIO")
    assert complete("cuse-daxctl", "disable", "", **there) == ["dax2.0", "dax7.0"]
    assert complete("cuse-daxctl", "watch", "dax7", **there) == ["dax7.0"]
    assert complete("cuse-daxctl", "create", "--region", "", **there) == ["2", "7"]
    assert complete("cuse-daxctl", "fault", "remove", "", **there) == ["1"]
    assert "device:dax2.0" in complete("cuse-daxctl", "fault", "add", "device:", **there)
    assert complete("daxrun", "--fault", "device:", **there) == ["device:0.0"]


# ---- The shells ----

LINES = [  # what is typed before the tab, what the line becomes
    ("cuse-daxctl ena", "cuse-daxctl enable "),
    ("cuse-daxctl --run", "cuse-daxctl --runtime-dir="),
    ("cuse-daxctl create --align=2", "cuse-daxctl create --align=2M "),
    ("cuse-daxctl fault add mmap errno:ENOM", "cuse-daxctl fault add mmap errno:ENOMEM "),
    ("daxrun --device=dax0.0,al", "daxrun --device=dax0.0,align="),
    ("cuse-daxd --config=marked-f", "cuse-daxd --config=marked-file "),
    ("daxrun -q -- marked-com", "daxrun -q -- marked-command "),
]


@pytest.fixture
def place(workdir):
    (workdir / "marked-file").write_text("")
    command = workdir / "marked-command"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    return workdir


def typed(place, shell, setup, line):
    """Type a line and a tab in an interactive shell. Return: the line that results."""
    end, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 200, 0, 0))
    process = subprocess.Popen(shell, stdin=theirs, stdout=theirs, stderr=theirs, cwd=place,
                               start_new_session=True, env=env(
                                   TERM="dumb", HOME=str(place), ZDOTDIR=str(place),
                                   INPUTRC="/dev/null", PATH=f"{place}:{env()['PATH']}"))
    os.close(theirs)
    text = ""

    def read(pattern):
        nonlocal text
        deadline = time.monotonic() + TIMEOUT
        while not re.search(pattern, text):
            assert time.monotonic() < deadline, text
            if select.select([end], [], [], 1)[0]:
                text += os.read(end, 4096).decode()
        return text

    try:
        os.write(end, f"{setup}; PS1='re''ady> '\n".encode())
        read("\nready> |\rready> ")
        text = ""
        # Nothing runs: the line is not ended.
        os.write(end, line.encode() + b"\tEND")
        return re.sub(r"[\x00-\x1f]", "", read("END"))
    finally:
        process.kill()
        process.wait()
        os.close(end)


@pytest.mark.parametrize("line, becomes", LINES)
def test_bash(place, line, becomes):
    text = typed(place, ["bash", "--norc", "--noprofile", "-i"],
                 f"source {FOLDER}/cuse-daxd.bash", line)
    assert text.endswith(f"{becomes}END")


@pytest.mark.parametrize("line, becomes", LINES)
def test_zsh(place, line, becomes):
    assert shutil.which("zsh"), "zsh is missing: tools/install-deps test"
    text = typed(place, ["zsh", "-f", "-i"],
                 f"fpath=({FOLDER} $fpath); autoload -U compinit; compinit -u -D", line)
    # zsh may print the blank once more when it displays the line again.
    assert re.sub(" +", " ", text).endswith(f"{becomes}END")


@pytest.mark.parametrize("line, becomes", LINES)
def test_fish(place, line, becomes):
    assert shutil.which("fish"), "fish is missing: tools/install-deps test"
    result = run(["fish", "--no-config", "-c", f"source {FOLDER}/cuse-daxd.fish; complete -C '{line}'"],
                 env=env(HOME=str(place), PATH=f"{place}:{env()['PATH']}"), cwd=place)
    assert (result.returncode, result.stderr) == (0, "")
    offered = [row.partition("\t")[0] for row in result.stdout.splitlines()]
    assert offered == [becomes.rstrip().rpartition(" ")[2]]
