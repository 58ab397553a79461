# SPDX-License-Identifier: BSD-2-Clause
"""A device is the same by its name and by a symbolic link, whose target the kernel does not find."""

import shutil

import pytest

from conftest import both_users, needs_root
from daxrun import prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

BUSYBOX = shutil.which("busybox")


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


COPY_USE = """
import errno, mmap, os

def error(call, *args):
    try:
        return call(*args)
    except OSError as e:
        return errno.errorcode[e.errno]

st, node = os.lstat("copy"), os.stat("/dev/dax0.0")
print((st.st_mode, st.st_rdev, st.st_size) == (node.st_mode, node.st_rdev, 0), st.st_ino != node.st_ino)
fd = os.open("copy", os.O_RDWR | os.O_NOFOLLOW)
m = mmap.mmap(fd, 2 << 20)
m[:5] = b"bytes"
print(os.fstat(fd).st_ino == node.st_ino, error(os.readlink, "copy"), error(os.read, fd, 1))
print(error(os.open, "copy", os.O_CREAT | os.O_EXCL), error(os.open, "own", os.O_NOFOLLOW), os.readlink("own"))
"""


@needs_root
@pytest.mark.parametrize("copy", [
    "cp -a /dev/dax0.0 copy", "rsync -aD /dev/dax0.0 copy && rsync -aDi /dev/dax0.0 copy",
    "tar c -C /dev dax0.0 | tar xp --transform s/dax0.0/copy/", f"{BUSYBOX} cp -a /dev/dax0.0 copy",
    "mknod -m 600 copy c $(stat -c '0x%t 0x%T' /dev/dax0.0)"], ids=lambda copy: copy.split()[0].rpartition("/")[2])
def test_copies(daxrun, copy):
    """A copy of the node, which is a link for the kernel, is a node for programs, also for static ones."""
    daxrun.write("use.py", COPY_USE)
    out = daxrun("-q", "-d", "dax0.0,size=16M", "--", "sh", "-ec", f"""{copy}; ln -s /dev/dax0.0 own
        ls -l copy own | cut -c1; stat -c %F copy; {BUSYBOX} stat -c %F copy; {BUSYBOX} readlink copy || echo node
        python3 use.py; daxio -l 5 -i /dev/dax0.0; daxio -z -l 2M -o copy; mv copy moved; cp -a moved copy; rm moved
        stat -c %F copy; rm copy; ls; stat -c %F /dev/dax0.0""")
    node = "character special file"
    assert out.splitlines() == ["c", "l", node, node, "node", "True True", "True EINVAL EINVAL", "EEXIST ELOOP /dev/dax0.0",
                                f"bytes{node}", "own", "use.py", node]
