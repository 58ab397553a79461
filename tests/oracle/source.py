# SPDX-License-Identifier: BSD-2-Clause
"""Upstream sources of a Debian package, for tests that build upstream tests.

    top = source("ndctl", ("bookworm", "trixie", "sid"))

The first suite that really has the sources is used. As for kernels, they are fetched through a
private apt state that leaves the machine's sources alone, and kept in the cache folder of
guest.py.
"""

import glob
import os
import shutil
import tempfile

from guest import KEYRING, MIRROR, GuestError, cache_dir, cache_lock, command, need


def options(suite):
    state = os.path.join(cache_dir(), f"apt-source-{suite}")
    for d in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(state, d), exist_ok=True)
    with open(f"{state}/sources.list", "w") as f:
        f.write(f"deb-src [signed-by={KEYRING}] {MIRROR} {suite} main\n")
    out = ["-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache",
           "-o", f"Dir::Etc::SourceList={state}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null"]
    return out + (["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else [])


def fetch(package, suite, into):
    """Download only the upstream tar file, and unpack it into a new folder."""
    command("apt-get", *options(suite), "update")
    with tempfile.TemporaryDirectory(dir=cache_dir()) as tmp:
        command("apt-get", *options(suite), "source", "--download-only", "--tar-only", package, cwd=tmp)
        tars = glob.glob(f"{tmp}/*.orig.tar.*[!c]")
        if not tars:
            raise GuestError(f"source: apt-get source {package} from {suite} has brought nothing")
        os.makedirs(into)
        command("tar", "-x", "--strip-components=1", "-C", into, "-f", tars[0])


def source(package, suites):
    """Return: the folder with the unpacked sources, fetched if it is missing."""
    need("apt-get", "apt")
    place = os.path.join(cache_dir(), f"source-{package}")
    with cache_lock():
        if os.path.exists(place):
            return place
        said = []
        for suite in suites:
            try:
                shutil.rmtree(f"{place}.new", ignore_errors=True)
                fetch(package, suite, f"{place}.new")
            except GuestError as e:
                said.append(f"{suite}: {e}")
                continue
            os.rename(f"{place}.new", place)
            return place
    raise GuestError(f"source: no suite of {MIRROR} has {package}'s sources:\n" + "\n".join(said))
