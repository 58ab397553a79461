# SPDX-License-Identifier: BSD-2-Clause
"""The recipes of docs/ci.md and the Containerfile, as far as a machine without a network can."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess

import pytest
import yaml

from conftest import BUILD, ROOT, SETPRIV, TIMEOUT, both_users, environment, needs_root, run
from daxrun import DAXRUN, Daxrun, said, until
from github import NAME, RUNNER
from test_documents import fenced

pytestmark = pytest.mark.plain

# Steps that need root, packages or the whole build.
NOT_HERE = re.compile(r"^(sudo )?\S*tools/install-deps |^make |^apt-get ")


@pytest.fixture
def daxrun(workdir, user):
    d = Daxrun(workdir, user)
    (d.dir / "cuse-daxd").mkdir()
    (d.dir / "cuse-daxd/build").symlink_to(BUILD)
    yield d
    try:
        d.check_gone()
    finally:
        # A daemon without a runner ends with no process, so a failed test would leave it.
        for pid in d.left()[1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def blocks(tag):
    """Return: the blocks of docs/ci.md with this tag."""
    return [b for t, b in fenced((ROOT / "docs/ci.md").read_text()) if t == tag]


def recipe(begin):
    """Return: the recipe of docs/ci.md that begins with this word."""
    return yaml.safe_load(next(b for b in blocks("yaml") if b.startswith(begin)))


def runner(daxrun, steps, name=NAME):
    """Run steps below a process with this name. Return: CompletedProcess."""
    daxrun.write(name, RUNNER)
    (daxrun.dir / name).chmod(0o755)
    daxrun.write("github", b"")
    return subprocess.run((SETPRIV if daxrun.as_nobody else []) + [daxrun.dir / name, *steps], text=True,
                          capture_output=True, check=False, cwd=daxrun.dir, timeout=3 * TIMEOUT,
                          env=daxrun.env(GITHUB_ENV=str(daxrun.dir / "github"), LD_PRELOAD=None))


@both_users
def test_github_actions(daxrun):
    """All steps see the devices, and the daemon ends with the job."""
    steps = [s["run"] for s in recipe("on:")["jobs"]["dax"]["steps"] if "run" in s]
    here = [s for s in steps if not NOT_HERE.match(s)]
    assert len(here) == 3 and len(steps) == 5
    result = runner(daxrun, here)
    assert result.returncode == 0 and result.stdout.count("step ended with 0") == 3, said(result)
    assert '"chardev":"dax0.0"' in result.stdout and "err= 0" in result.stdout
    assert '"badblock_count":8' in result.stdout


def test_github_without_a_runner(daxrun):
    """Elsewhere the daemon stays until it is ended."""
    end = 'kill "$(cuse-daxd/build/cuse-daxctl stats | jq .daemon.pid)"'
    assert end.replace("cuse-daxd/build/", "") in (ROOT / "docs/ci.md").read_text()
    result = runner(daxrun, [f"{DAXRUN} --print-env=github", "ls /dev/dax0.0", end], "other")
    assert result.returncode == 0 and "/dev/dax0.0\n" in result.stdout, said(result)


@both_users
def test_github_env_that_is_no_file(daxrun):
    for path, word in (("", "GITHUB_ENV is not set"), (str(daxrun.dir), "Is a directory"),
                       ("/dev/full", "No space left")):
        result = daxrun.any("--print-env=github", env={"GITHUB_ENV": path})
        assert result.returncode == 125 and word in result.stderr and not result.stdout, said(result)
    result = daxrun.any("--print-env=gitlab")
    assert result.returncode == 125 and "'gitlab' is not a format (try github)" in result.stderr


def test_github_keeps_what_is_there(daxrun, daemon):
    d = daemon("[region 0]\nsize=4M\n")
    daxrun.write("github", "A=b\n")
    daxrun(f"--connect={d.dir}", "--print-env=github", env={"GITHUB_ENV": str(daxrun.dir / "github")})
    assert (daxrun.dir / "github").read_text() == \
        f"A=b\nCUSE_DAXD_RUNTIME_DIR={d.dir}\nLD_PRELOAD={BUILD}/libdaxshim.so\n"


def test_gitlab(daxrun):
    job = recipe("dax:")["dax"]
    here = [line for line in job["before_script"] + job["script"] if not NOT_HERE.match(line)]
    assert len(here) == 4
    result = subprocess.run((SETPRIV if daxrun.as_nobody else []) + ["bash", "-eo", "pipefail", "-c", "\n".join(here)],
                            text=True, capture_output=True, check=False, cwd=daxrun.dir,
                            env=daxrun.env(), timeout=3 * TIMEOUT)
    assert result.returncode == 0 and '"chardev":"dax0.0"' in result.stdout, said(result)
    assert (daxrun.dir / "dax.xml").read_text().count("<testcase") > 1


def test_cdi(daxrun, daemon):
    """A container made with the edits of the CDI file sees the devices and writes to one."""
    d = daemon("[region 0]\nsize=8M\nmode=0666\n")
    (device,) = json.loads(daxrun(f"--connect={d.dir}", "--print-cdi"))["devices"]
    edits = device["containerEdits"]
    sandbox = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
               "--tmpfs", "/run", "--tmpfs", "/opt", "--tmpfs", "/tmp"]
    for mount in edits["mounts"]:
        assert set(mount["options"]) in ({"rbind", "rw"}, {"bind", "ro"})
        sandbox += ["--ro-bind" if "ro" in mount["options"] else "--bind", mount["hostPath"], mount["containerPath"]]
    for variable in edits["env"]:
        sandbox += ["--setenv", *variable.split("=", 1)]
    env = {k: v for k, v in environment().items() if k not in ("LD_PRELOAD", "CUSE_DAXD_RUNTIME_DIR")}
    result = run([*sandbox, "--chdir", "/", "sh", "-c", "daxctl list; daxio -z -l 2M -o /dev/dax0.0"], env=env)
    assert result.returncode == 0 and '"chardev":"dax0.0"' in result.stdout, said(result)
    assert "copied 2097152 bytes" in result.stdout + result.stderr


PODMAN = """set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /run/cdi
cp "$1" /run/cdi
exec podman --root "$2/root" --runroot /run/podman --storage-driver=vfs --cgroup-manager=cgroupfs \\
    --runtime=crun run --rm --cgroups=disabled --network=none --ulimit=nofile=1024:1024 \\
    --ulimit=nproc=1000:1000 --device="$3=all" --rootfs /:O sh -c 'daxctl list; daxio -z -l 2M -o /dev/dax0.0'
"""


@needs_root
def test_cdi_with_podman(daxrun, new_daemon):
    """podman gives a container the devices by the CDI file alone. It runs in a mount namespace,
    as it writes to /run and /dev/shm, and knows only some ways to mount cgroups."""
    d = new_daemon()
    d.dir = daxrun.workdir / "rt"
    d.start("[region 0]\nsize=8M\n")
    cdi = daxrun(f"--connect={d.dir}", "--print-cdi")
    daxrun.write("cuse-daxd.json", cdi)
    env = {k: v for k, v in environment().items() if k not in ("LD_PRELOAD", "CUSE_DAXD_RUNTIME_DIR")}
    result = run(["unshare", "--mount", "--propagation=private", "sh", "-c", PODMAN, "sh",
                  daxrun.dir / "cuse-daxd.json", daxrun.workdir / "podman", json.loads(cdi)["kind"]], env=env)
    assert result.returncode == 0 and '"chardev":"dax0.0"' in result.stdout, said(result)
    assert "copied 2097152 bytes" in result.stdout + result.stderr


def test_a_private_daemon_for_cdi_ends_with_the_shell(daxrun):
    result = subprocess.run((SETPRIV if daxrun.as_nobody else []) +
                            ["sh", "-c", f"{DAXRUN} --print-cdi; ls {daxrun.runtime}/*"], text=True,
                            capture_output=True, check=False, env=daxrun.env(), timeout=TIMEOUT)
    assert "control.sock" in result.stdout, said(result)
    until(lambda: daxrun.left() == ([], {}), "the daemon ends with the shell")


def test_containerfile(daxrun):
    """Each file that the image is made of is there, and its entry point works in a container
    which has the installed tree."""
    text = (ROOT / "config/examples/Containerfile").read_text()
    runs = re.findall(r"(?m)^RUN (.*)$", text)
    assert {shlex.split(r)[0] for r in runs} == {"apt-get", "tools/install-deps", "make"}
    (install,) = [r for r in runs if "DESTDIR" in r]
    dest = daxrun.workdir / "installed"
    result = run([*shlex.split(install.replace("/installed", str(dest))), "-s", f"B={BUILD}"], cwd=ROOT)
    assert result.returncode == 0, said(result)
    command = json.loads(re.search(r"(?m)^ENTRYPOINT (.*)$", text)[1]) + \
        json.loads(re.search(r"(?m)^CMD (.*)$", text)[1])
    result = run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
                  "--tmpfs", "/tmp", "--ro-bind", dest / "usr/local", "/usr/local", "--clearenv",
                  "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--chdir", "/", *command])
    assert result.returncode == 0 and '"chardev":"dax0.0"' in result.stdout, said(result)


def shell(daxrun, script):
    """Run a script as the user of the test, with daxrun in the search path. Return: CompletedProcess."""
    # With CC meson does not look for ccache, which would leave files in the runtime directory.
    env = daxrun.env(PATH=f"{BUILD}:{os.environ['PATH']}", LD_PRELOAD=None, CC="gcc")
    return subprocess.run((SETPRIV if daxrun.as_nobody else []) + ["sh", "-euc", script], text=True, cwd=daxrun.dir,
                          capture_output=True, check=False, env=env, timeout=3 * TIMEOUT)


@both_users
@pytest.mark.parametrize("tag, file, script, passed", [
    ("cmake", "CMakeLists.txt", "cmake -B out . && cmake --build out && ctest --test-dir out -j8 --output-on-failure",
     "100% tests passed, 0 tests failed out of 3"),
    ("meson", "meson.build", "meson setup out && meson test -C out --print-errorlogs", "\nOk:                 2"),
], ids=["cmake", "meson"])
def test_build_systems(daxrun, tag, file, script, passed):
    """The examples build and pass. Without the program's check of mmap, they fail."""
    (program,) = blocks("c")
    check = "if (p == MAP_FAILED)\n\t\terr(1, \"%s\", argv[1]);\n"
    assert check in program
    daxrun.write(file, blocks(tag)[0])
    daxrun.write("fills.c", program)
    result = shell(daxrun, script)
    assert result.returncode == 0 and passed in result.stdout, said(result)
    if tag == "meson":
        assert "Expected Fail:      1" in result.stdout
    daxrun.write("fills.c", program.replace(check, "if (p == MAP_FAILED)\n\t\treturn 0;\n"))
    result = shell(daxrun, f"rm -r out; {script}")
    assert result.returncode != 0 and "no-memory" in result.stdout, said(result)


def test_meson_wrapper(daxrun):
    """Tests that know nothing of the devices get them from outside."""
    daxrun.write("meson.build", "project('old', 'c')\ntest('fills', executable('fills', 'fills.c'), args: '/dev/dax0.0')\n")
    daxrun.write("fills.c", blocks("c")[0])
    option = re.search(r"`meson test (--wrapper '.*?')", (ROOT / "docs/ci.md").read_text())[1]
    assert shell(daxrun, "meson setup out && meson test -C out").returncode != 0
    result = shell(daxrun, f"meson test -C out {option}")
    assert result.returncode == 0 and "\nOk:                 1" in result.stdout, said(result)


WRITES = """
import mmap, os, sys
mine = sys.argv[1].encode()
with mmap.mmap(os.open("/dev/dax0.0", os.O_RDWR), 2 << 20) as m:
    assert m[:2] == b"\\0\\0"
    m[:2] = mine
    assert m[:2] == mine
os.write(1, b"wrote " + mine + b"\\n")
"""


@both_users
def test_make_j20(daxrun):
    """Twenty rules at the same time: each has a device of its own, and finds no other's bytes in it."""
    numbers = range(20, 40)
    daxrun.write("writes.py", WRITES)
    daxrun.write("Makefile", f"all: {' '.join(map(str, numbers))}\n{' '.join(map(str, numbers))}:\n"
                 "\t@daxrun -q -d dax0.0,size=16M -- python3 writes.py $@\n")
    result = shell(daxrun, "make -s -j20")
    assert result.returncode == 0, said(result)
    assert sorted(result.stdout.splitlines()) == [f"wrote {n}" for n in numbers]


SHARED = """
import mmap, os
import pytest

@pytest.mark.parametrize("n", range(8))
def test_shared(n):
    with mmap.mmap(os.open("/dev/dax0.0", os.O_RDWR), 16 << 20) as m:
        at = n * (2 << 20)
        assert m[at] == 0
        m[at] = n + 1
"""


@both_users
def test_pytest_below_daxrun(daxrun):
    """The workers of one pytest share the devices."""
    daxrun.write("test_shared.py", SHARED)
    script = """daxrun -q -d dax0.0,size=64M -- sh -euc '
        /usr/bin/python3 -m pytest -q -p no:cacheprovider -n 4 test_shared.py
        /usr/bin/python3 -c "
import mmap, os
m = mmap.mmap(os.open(\\"/dev/dax0.0\\", os.O_RDWR), 16 << 20)
assert [m[n * (2 << 20)] for n in range(8)] == list(range(1, 9))"'"""
    result = shell(daxrun, script)
    assert result.returncode == 0 and "8 passed" in result.stdout, said(result)
