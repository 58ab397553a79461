# SPDX-License-Identifier: BSD-2-Clause
"""`make install` installs everything, and the programs run from there."""

import pytest

from conftest import BUILD, ROOT, run

pytestmark = pytest.mark.plain


def make(destdir, *targets):
    result = run(["make", "-s", "-C", ROOT, f"B={BUILD}", f"DESTDIR={destdir}", "PREFIX=/usr",
                  *targets])
    assert result.returncode == 0, result.stderr


@pytest.fixture
def installed(workdir):
    make(workdir / "dest", "install")
    return workdir / "dest"


def test_it_runs_from_there(installed):
    result = run([installed / "usr/bin/daxrun", "--", "daxctl", "list"])
    assert result.returncode == 0 and '"chardev":"dax0.0"' in result.stdout, result.stderr
    for name in ("usr/sbin/cuse-daxd", "usr/lib/cuse-daxd/libdaxshim.so",
                 "usr/lib/cuse-daxd/libdaxcrash.so", "usr/lib/cuse-daxd/daxgraft", "usr/lib/cuse-daxd/daxprobe-static",
                 "usr/lib/cuse-daxd/daxprobe-pie", "usr/lib/cuse-daxd/daxprobe-go",
                 "usr/lib/cuse-daxd/libdaxtrap.so",
                 "etc/cuse-daxd.conf", "usr/share/doc/cuse-daxd/README.md",
                 "usr/share/doc/cuse-daxd/NEWS.md", "usr/share/doc/cuse-daxd/hacking.md",
                 "usr/share/zsh/site-functions/_cuse-daxd", "usr/include/cuse_daxd.h",
                 "usr/lib/libcuse-daxd.so.0", "usr/lib/pkgconfig/libcuse-daxd.pc",
                 "usr/share/fish/vendor_completions.d/daxrun.fish",
                 "usr/share/cuse-daxd/schema/common.json",
                 "usr/share/cuse-daxd/schema/list.json",
                 "usr/share/doc/cuse-daxd/examples/Containerfile",
                 "usr/share/doc/cuse-daxd/examples/memfd.conf"):
        assert (installed / name).is_file()


def test_completion_runs_from_there(installed):
    script = (f"source {installed}/usr/share/bash-completion/completions/cuse-daxctl\n"
              "COMP_WORDS=(cuse-daxctl ena) COMP_CWORD=1\ncompopt() { :; }\n"
              f"_cuse_daxd {installed}/usr/bin/cuse-daxctl ena cuse-daxctl\n"
              "echo ${COMPREPLY[@]}")
    result = run(["bash", "-c", script])
    assert (result.returncode, result.stdout, result.stderr) == (0, "enable\n", "")


def test_a_config_that_is_there_is_kept(installed):
    config = installed / "etc/cuse-daxd.conf"
    config.write_text("# mine\n")
    make(installed, "install")
    assert config.read_text() == "# mine\n"
