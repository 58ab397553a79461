# SPDX-License-Identifier: BSD-2-Clause
"""Programs that are linked dynamically to musl, as on Alpine, load the shim as others do; daxrun
warns about those that cannot."""

import subprocess

import pytest

from conftest import BUILD, ROOT, environment

pytestmark = pytest.mark.plain
DAXRUN = BUILD / "daxrun"
SOURCE = ROOT / "tests/progs/main_job.c"


@pytest.fixture
def musl(workdir):
    program = workdir / "main_job"
    subprocess.run(["musl-gcc", "-o", program, SOURCE], check=True)
    assert b"ld-musl" in program.read_bytes()
    return program


def ask(command, **kwargs):
    return subprocess.run([str(c) for c in command], text=True, capture_output=True, check=False,
                          timeout=60, env={**environment(), **kwargs})


def test_its_answers_are_those_of_glibc(musl):
    answers = [ask([DAXRUN, "-q", "--fault", "poison offset:2M length:2M", "--", program])
               for program in (BUILD / "progs/main_job", musl)]
    assert answers[0].returncode == 0, answers[0].stderr
    assert answers[1].stdout == answers[0].stdout
    assert answers[1].stderr == answers[0].stderr


def test_it_shares_a_device_with_a_glibc_program(musl):
    result = ask([DAXRUN, "-q", "--", "sh", "-c",
                  f"{musl} >/dev/null && daxio -i /dev/dax0.0 -l 8192 2>/dev/null | "
                  "tail -c 4096"])
    assert result.stdout.startswith("written by a child\0"), result


def test_a_program_that_needs_no_device_runs(musl, workdir):
    (workdir / "true.c").write_text("int main(void) { return 3; }\n")
    subprocess.run(["musl-gcc", "-o", workdir / "three", workdir / "true.c"], check=True)
    result = ask([DAXRUN, "--", workdir / "three"])
    assert (result.returncode, result.stderr) == (3, "")
    # The environment of daxrun --print-env, too, does no harm.
    result = ask(["sh", "-c", f'eval "$({DAXRUN} --print-env)"; {workdir}/three; echo $?'])
    assert result.stdout == "3\n", result.stderr


GO_NOTE = """
static const struct { int namesz, descsz, type; char name[4], id[4]; } note
    __attribute__((used, aligned(4), section(".note.go.buildid"))) = {4, 4, 4, "Go", "id"};
int main(void) { return 0; }
"""


def test_a_dynamic_go_program_is_told(workdir):
    """It loads the shim, which sees none of its system calls."""
    (workdir / "go.c").write_text(GO_NOTE)
    subprocess.run(["gcc", "-o", workdir / "go", workdir / "go.c"], check=True)
    result = ask([DAXRUN, "--reach=preload", "--", workdir / "go"])
    assert result.returncode == 0
    assert "is written in Go, which does not call libc" in result.stderr


def test_a_program_of_another_architecture_is_told(workdir):
    program = bytearray((BUILD / "progs/main_job").read_bytes())
    program[4] = 1  # ELFCLASS32
    (workdir / "other").write_bytes(program)
    (workdir / "other").chmod(0o755)
    result = ask([DAXRUN, "--", workdir / "other"])
    assert "is no program for 64-bit x86" in result.stderr
