# SPDX-License-Identifier: BSD-2-Clause
"""libcuse-daxd as it is installed: a program that is built with its .pc file does all verbs."""

import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, run

pytestmark = pytest.mark.plain  # a program of the library's users is not sanitized


@pytest.fixture
def program(workdir):
    """tests/library/control.c, built against what `make install` installs."""
    dest = workdir / "dest"
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    subprocess.run(["make", "-s", "-C", ROOT, f"B={BUILD}", f"DESTDIR={dest}", "PREFIX=/usr",
                    "install"], check=True, env=env)
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libcuse-daxd"], check=True, text=True,
        stdout=subprocess.PIPE, env={**env, "PKG_CONFIG_LIBDIR": f"{dest}/usr/lib/pkgconfig",
                                     "PKG_CONFIG_SYSROOT_DIR": str(dest)}).stdout.split()
    subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror",
                    f"-I{dest}/usr/include", f"-L{dest}/usr/lib",
                    "-o", workdir / "control", ROOT / "tests/library/control.c", *flags,
                    f"-Wl,-rpath,{dest}/usr/lib"], check=True)
    needed = run(["readelf", "-d", workdir / "control"]).stdout
    assert "[libcuse-daxd.so.0]" in needed
    for path in (workdir, dest):
        path.chmod(0o755)
    return workdir / "control"


CONFIG = "[region 0]\nsize=16M\ntype=dynamic\n[device 0.0]\nsize=8M\n"

TOLD = """\
request: Transport endpoint is not connected
  not connected to a daemon
connect: ok
dax0.0 region 0 size 8M align 2048K bad 0K clients 0 enabled
no event: ok
create: ok
created dax0.1 size 4M
event appear dax0.1 whole
create: Invalid argument
  SENTENCE
disable: ok
event change dax0.1 whole
disable: No such device
  SENTENCE
enable: ok
event change dax0.1 whole
inject: ok
event inject dax0.0 whole
latent: ok
dax0.0 region 0 size 8M align 2048K bad 2048K clients 0 enabled
dax0.1 region 0 size 4M align 2048K bad 0K clients 0 enabled
clear: ok
event clear dax0.0 whole
rule: ok
rule: Invalid argument
  SENTENCE
it is listed
remove: ok
remove: No such file or directory
  SENTENCE
destroy: ok
event vanish dax0.1 whole
destroy: Device or resource busy
  SENTENCE
"""


def test_all_verbs(daemon, program):
    d = daemon(CONFIG)
    for args, env in (([d.dir], {}), ([], {"CUSE_DAXD_RUNTIME_DIR": str(d.dir)})):
        result = run([program, *args], env={**os.environ, **env})
        assert (result.returncode, result.stderr) == (0, "")
        assert re.sub(r"(?m)^  (?!not connected).+$", "  SENTENCE", result.stdout) == TOLD


def test_no_daemon(program, workdir):
    result = run([program, workdir / "none"])
    assert "connect: No such file or directory\n  cannot reach a daemon: " in result.stdout


def test_what_it_exports_and_needs():
    """Only its own functions are visible, and it needs no library but libc."""
    symbols = run(["nm", "-D", "--defined-only", BUILD / "libcuse-daxd.so"]).stdout.split("\n")
    header = (ROOT / "client/lib/cuse_daxd.h").read_text()
    declared = set(re.findall(r"\b(cuse_daxd_\w+)\(", header))
    assert {line.split()[2] for line in symbols if line} == declared
    needed = re.findall(r"NEEDED.*\[(.*)\]", run(["readelf", "-d", BUILD / "libcuse-daxd.so"]).stdout)
    assert needed == ["libc.so.6"]
    page = (ROOT / "docs/man/libcuse-daxd.3").read_text()
    assert set(re.findall(r'(?m)^\.F[no] "?(?:[a-z_ ]+\*?)?(cuse_daxd_\w+)', page)) == declared
