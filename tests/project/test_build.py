# SPDX-License-Identifier: BSD-2-Clause
"""Builds as distributions do them: their flags, their paths, their missing libraries."""

import os
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, run

pytestmark = pytest.mark.plain

COMPILER = "ccache gcc" if shutil.which("ccache") else "gcc"


def make(*args, **env):
    """Run make without the flags of the make that runs the tests."""
    clean = {k: v for k, v in os.environ.items()
             if k not in ("MAKEFLAGS", "MFLAGS", "CFLAGS", "CPPFLAGS", "LDFLAGS", "CC")}
    return subprocess.run(["make", "-C", ROOT, *args], text=True, capture_output=True,
                          check=False, env={**clean, **env}, timeout=800)


def test_a_builders_flags(workdir):
    """The programs and the shim work when built with a distribution's flags."""
    result = make("-s", "-j2", f"B={workdir}/b", f"CC={COMPILER}", "programs",
                  "CFLAGS=-O3 -flto=auto -Wp,-D_FORTIFY_SOURCE=3", "LDFLAGS=-Wl,-O1")
    assert result.returncode == 0, result.stderr
    result = run([workdir / "b/daxrun", "-d", "dax0.0,size=8M", "--", "sh", "-c",
                  "cat /sys/bus/dax/devices/dax0.0/size"])
    assert (result.returncode, result.stdout) == (0, f"{8 << 20}\n"), result.stderr


def test_flags_are_added(workdir):
    """Flags on the command line and in the environment stand behind the makefile's own."""
    flags = {"CFLAGS": "-DFROM_CFLAGS", "CPPFLAGS": "-DFROM_CPPFLAGS", "LDFLAGS": "-Wl,-O1"}
    for args, env in (([f"{k}={v}" for k, v in flags.items()], {}), ([], flags)):
        result = make("-n", "V=1", f"B={workdir}/b", "CC=gcc", "programs", *args, **env)
        assert result.returncode == 0, result.stderr
        lines = [line for line in result.stdout.splitlines() if line.startswith("gcc ")]
        compiled = [line for line in lines if " -c " in line]
        assert compiled and all(
            " -I. " in c and "-std=gnu11" in c and c.index("-I.") < c.index("-DFROM_CPPFLAGS") and
            c.index("-std=gnu11") < c.index("-DFROM_CFLAGS") for c in compiled)
        assert any("-o " in line and "/cuse-daxd " in line and "-Wl,-O1" in line and "relro" in line
                   for line in lines)


def test_missing_libraries_are_named(workdir):
    result = make(f"B={workdir}/b", "programs", PKG_CONFIG_LIBDIR=str(workdir))
    assert result.returncode != 0
    assert ("pkg-config does not find: fuse3 glib-2.0 json-c libdw libpmem libsystemd "
            "smartcols (run tools/install-deps build)") in result.stderr
    assert "No such file" not in result.stderr


def test_undefined_symbols_are_errors():
    """Libraries that are preloaded have no symbol that only a program may define."""
    result = make("-n", "V=1", "-W", "libcore/size.c", "-W", "client/crash/log.c", "programs", f"B={BUILD}")
    shared = [line for line in (result.stdout + make(
        "-n", "V=1", f"B={BUILD}-none", "programs").stdout).splitlines() if " -shared " in line]
    assert shared and all("-z,defs" in line for line in shared)


@pytest.mark.parametrize("libdir", ["/opt/x/lib64/cuse-daxd", "/opt/x/lib/cuse-daxd"])
def test_paths_are_chosen_when_installing(workdir, libdir):
    """`make && make install PREFIX=/opt/x`: programs look there, not in the default's paths."""
    result = make("-s", f"B={BUILD}", "install", f"DESTDIR={workdir}/d", "PREFIX=/opt/x",
                  f"LIBDIR={libdir}")
    assert result.returncode == 0, result.stderr
    # A namespace in which /opt/x is what was installed.
    inner = ("mount --bind $0/d/opt /opt && /opt/x/bin/daxrun -d dax0.0,size=8M -- "
             "sh -c 'echo $LD_PRELOAD; cat /sys/bus/dax/devices/dax0.0/size'")
    result = run(["unshare", "-rm", "sh", "-c", inner, workdir])
    assert (result.returncode, result.stdout) == (
        0, f"{libdir}/libdaxshim.so\n{8 << 20}\n"), result.stderr
    config = workdir / "d/opt/x/etc/cuse-daxd.conf"
    config.write_text("[region 7]\n")
    result = run(["unshare", "-rm", "sh", "-c", "mount --bind $0/d/opt /opt && "
                  "/opt/x/sbin/cuse-daxd --dump-config", workdir])
    assert "[region 7]" in result.stdout, result.stderr
    for program in ("bin/daxrun", "sbin/cuse-daxd", "bin/cuse-daxctl"):
        assert b"/usr/local" not in (workdir / "d/opt/x" / program).read_bytes()


def test_systems_without_dpkg(workdir):
    """tools/install-deps says there what is missing, and is content if nothing is."""
    for tool in ("sh", "tr", "gcc", "make", "pkg-config"):
        (workdir / tool).symlink_to(shutil.which(tool))
    deps = ROOT / "tools/install-deps"
    result = run([deps, "build"], env={**os.environ, "PATH": str(workdir)})
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    (workdir / "make").unlink()
    result = run([deps, "build"], env={**os.environ, "PATH": str(workdir),
                                       "PKG_CONFIG_LIBDIR": str(workdir)})
    assert result.returncode == 1
    assert "no dpkg; install what is missing: make glib-2.0(pkg-config)" in result.stderr
    assert "libglib2.0-dev" in result.stderr
