# SPDX-License-Identifier: BSD-2-Clause
"""A device is the same by its name and by a symbolic link, whose target the kernel does not find."""

import pytest

from conftest import both_users, needs_root
from daxrun import prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized


@both_users
@pytest.mark.parametrize("program", ["by_path", "by_path_static"])
def test_links(daxrun, program):
    (daxrun.dir / "link").symlink_to("/dev/dax0.0")
    (daxrun.dir / "relative").symlink_to(f"{'../' * 20}dev/dax0.0")
    (daxrun.dir / "chain").symlink_to("link")
    (daxrun.dir / "folder").symlink_to("/dev")
    paths = ["/dev/dax0.0", "link", "relative", "chain", "folder/dax0.0", f"{daxrun.dir}/link"]
    command = "; ".join(f"echo :; {prog(program)} {path}" for path in paths)
    _, named, *others = daxrun("-q", "-d", "dax0.0,size=16M", "--", "sh", "-c", command).split(":\n")
    assert "open: ok\n" in named and "truncate: EINVAL\n" in named and "statvfs: ok\n" in named
    assert "and errno" not in named
    for path, other in zip(paths[1:], others, strict=True):
        assert other == named, path


@needs_root
def test_copies(daxrun):
    """cp -a makes a node; here that is a link, and cp gives it the rights of the device."""
    out = daxrun("-q", "-d", "dax0.0,size=16M", "--", "sh", "-ec",
                 "cp -a /dev/dax0.0 copy; daxio -z -l 2M -o copy; stat -Lc %F copy")
    assert "character special file\n" in out
