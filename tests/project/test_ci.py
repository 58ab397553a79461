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


def recipe(begin):
    """Return: the recipe of docs/ci.md that begins with this word."""
    blocks = [b for tag, b in fenced((ROOT / "docs/ci.md").read_text()) if tag == "yaml"]
    return yaml.safe_load(next(b for b in blocks if b.startswith(begin)))


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
