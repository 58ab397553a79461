# SPDX-License-Identifier: BSD-2-Clause
"""gdb, valgrind, strace and sanitizers work on programs under daxrun."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import ROOT, both_users
from daxrun import MIB, prog, said

pytestmark = pytest.mark.plain

SOURCE = ROOT / "tests/progs/patient.c"
DONE = "written to the device, 0\n"
GDB = ["gdb", "-batch", "-nx"]


def ex(*commands):
    return [word for command in commands for word in ("-ex", command)]


@both_users
def test_gdb_runs_a_program(daxrun, device):
    result = daxrun.any(device(8 * MIB), "--", *GDB, *ex("run"), "--args", prog("patient"))
    assert result.returncode == 0, said(result)
    assert DONE in result.stdout, said(result)
    assert re.search(r"\[Inferior 1 \(process \d+\) exited normally\]", result.stdout)


@both_users
def test_gdb_runs_a_static_program(daxrun):
    """It does not stop at the signals by which such a program sees the device."""
    result = daxrun.any("-d", "dax0.0,size=64M", "--", *GDB, *ex("handle SIGBUS nostop noprint pass", "run"),
                        "--args", prog("answers_static"))
    plain = daxrun("-q", "-d", "dax0.0,size=64M", "--", prog("answers_static"))
    assert result.returncode == 0 and plain in result.stdout, said(result)
    assert "SIGSYS" not in result.stdout and "exited normally" in result.stdout


def test_gdb_reads_and_writes_the_device(daxrun):
    result = daxrun.any("--", *GDB, *ex("break stored", "run", "x/s at", "info proc mappings",
                                        "set var *at = 'W'", "continue"), "--args", prog("patient"))
    assert result.returncode == 0, said(result)
    assert re.search(r'0x7\w+000:\s+"written to the device"', result.stdout)
    assert re.search(r"rw-s .*dax0\.0", result.stdout)
    assert "Written to the device, 0" in result.stdout


def test_gdb_stops_at_a_store_beyond_the_end(daxrun):
    result = daxrun.any("-d", "dax0.0,size=8M", "--", *GDB, *ex("run", "bt"), "--args",
                        prog("patient"), "beyond")
    assert "received signal SIGBUS" in result.stdout, said(result)
    assert re.search(r"#0 .* main \(", result.stdout)


def test_gdb_looks_at_a_program_that_runs_already(daxrun):
    p = daxrun.popen("--", prog("hold"), stdout=subprocess.PIPE)
    pid = int(p.stdout.readline().split()[1])
    result = subprocess.run([*GDB, "-p", str(pid), *ex("info proc mappings", "detach")], text=True,
                            capture_output=True, check=True)
    assert "dax0.0" in result.stdout
    p.send_signal(signal.SIGTERM)
    p.wait(20)
    p.stdout.close()


@both_users
def test_valgrind(daxrun):
    result = daxrun.any("--", "valgrind", "-q", "--error-exitcode=9", prog("patient"), timeout=120)
    assert (result.returncode, result.stdout) == (0, DONE), said(result)
    assert result.stderr == "", "the shim itself gives no cause for complaint"


def test_valgrind_finds_the_programs_faults(daxrun):
    for how, words in (("overrun", "Invalid write of size 1"), ("leak", "definitely lost")):
        result = daxrun.any("--", "valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
                            prog("patient"), how, timeout=120)
        assert result.returncode == 9 and words in result.stderr, said(result)
        assert "libdaxshim" not in result.stderr, said(result)


def test_valgrind_on_pmdk(daxrun):
    result = daxrun.any("-d", "dax0.0,size=16M", "--", "valgrind", "-q", "--error-exitcode=9",
                        "--trace-children=yes", "pmempool", "create", "obj", "/dev/dax0.0",
                        timeout=180)
    assert result.returncode == 0, said(result)
    assert "libdaxshim" not in result.stderr, said(result)


def test_strace(daxrun):
    result = daxrun.any("--", "strace", "-f", "-e", "trace=none", prog("patient"))
    assert result.returncode == 0 and DONE in result.stdout, said(result)


BUILDS = {
    "gcc-asan": ["gcc", "-fsanitize=address"], "gcc-tsan": ["gcc", "-fsanitize=thread"],
    "gcc-ubsan": ["gcc", "-fsanitize=undefined"],
    "gcc-static-asan": ["gcc", "-fsanitize=address", "-static-libasan"],
    "clang-asan": ["clang", "-fsanitize=address"], "clang-tsan": ["clang", "-fsanitize=thread"],
    "clang-ubsan": ["clang", "-fsanitize=undefined"],
    "clang-shared-asan": ["clang", "-fsanitize=address", "-shared-libsan"],
}


@pytest.fixture(scope="module")
def sanitized():
    """sanitized(NAME) returns the program patient, built with that sanitizer."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="daxd-sanitized-"))
    folder.chmod(0o755)

    def make(name):
        path = folder / name
        if not path.exists():
            command = [*BUILDS[name], "-g", "-O1", "-o", path, SOURCE, "-pthread"]
            if "shared" in name:
                runtime = subprocess.run(["clang", "-print-file-name=libclang_rt.asan-x86_64.so"],
                                         text=True, capture_output=True, check=True).stdout.strip()
                command.append(f"-Wl,-rpath,{os.path.dirname(runtime)}")
            subprocess.run(command, check=True)
        return path

    yield make
    shutil.rmtree(folder)


@both_users
@pytest.mark.parametrize("name", BUILDS)
def test_sanitized_programs_work(daxrun, sanitized, name):
    result = daxrun.any("--", sanitized(name))
    assert (result.returncode, result.stdout, result.stderr) == (0, DONE, ""), said(result)


@pytest.mark.parametrize("name", BUILDS)
def test_below_a_shell_too(daxrun, sanitized, name):
    """A sanitized program also works below a shell, where daxrun sees only the shell and the shim is
    preloaded before the sanitizer's runtime."""
    result = daxrun.any("--", "sh", "-c", f"{sanitized(name)}; echo $?")
    assert (result.stdout, result.stderr) == (DONE + "0\n", ""), said(result)


@pytest.mark.parametrize("name, how, words", [
    (name, how, words) for name in BUILDS for how, kind, words in
    (("overrun", "asan", "AddressSanitizer: heap-buffer-overflow"),
     ("leak", "asan", "LeakSanitizer: detected memory leaks"),
     ("race", "tsan", "ThreadSanitizer: data race")) if kind in name])
def test_they_find_what_they_look_for(daxrun, sanitized, name, how, words):
    result = daxrun.any("--", sanitized(name), how)
    assert result.returncode != 0 and words in result.stderr, said(result)
    assert re.search(r"patient\.c:\d+", result.stderr), said(result)
