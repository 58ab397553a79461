# SPDX-License-Identifier: BSD-2-Clause
"""Programs of other Debian suites, with all their libraries; nothing is installed.

    from suites import Suite
    trixie = Suite("trixie", "build/peers/cxl-81", "cxl")
    trixie.wrapper("cxl", "build/peers/cxl")	# a script that runs it
"""

import fcntl
import os
import pathlib

from guest import KEYRING, MIRROR, Guest, cache_dir, command

# The suites with these versions of ndctl's programs.
NDCTL = {"81": "trixie", "85": "sid"}

LOADER = "usr/lib64/ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


class Suite:
    """A folder with the files of packages and of all that they depend on.

    name	of the suite
    place	the folder, which is made; packages are fetched when it has none yet
    root	where the files are
    """

    def __init__(self, name, place, *packages):
        self.name, self.place = name, pathlib.Path(place).resolve()
        self.root = self.place / "root"
        if not (self.place / "complete").exists():
            self._fetch_once(packages)

    def _fetch_once(self, packages):
        """Fetch, unless another worker of the tests has done so meanwhile."""
        self.place.mkdir(parents=True, exist_ok=True)
        with open(self.place / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.place / "complete").exists():
                self._fetch(packages)
                (self.place / "complete").touch()

    def _fetch(self, packages):
        for folder in ("lists/partial", "archives/partial", "root"):
            (self.place / folder).mkdir(parents=True, exist_ok=True)
        (self.place / "status").touch()
        (self.place / "sources.list").write_text(f"deb [signed-by={KEYRING}] {MIRROR} {self.name} main\n")
        # With an empty status file, apt-get fetches all that the packages need, libc too.
        options = [f"-oDir::State={self.place}", f"-oDir::State::status={self.place}/status",
                   f"-oDir::Cache={self.place}", f"-oDir::Etc::sourcelist={self.place}/sources.list",
                   "-oDir::Etc::sourceparts=/dev/null", "-oAcquire::Languages=none"]
        if os.geteuid() == 0:
            options.append("-oAPT::Sandbox::User=root")
        command("apt-get", "-q", *options, "update")
        command("apt-get", "-q", *options, "-y", "--no-install-recommends", "--download-only",
                "install", *packages)
        for archive in sorted((self.place / "archives").glob("*.deb")):
            command("dpkg-deb", "-x", str(archive), str(self.root))

    def argv(self, program):
        """Return: the words that run a program of usr/bin with its own libraries."""
        return [f"{self.root}/{LOADER}", "--library-path", f"{self.root}/{LIBRARIES}",
                f"{self.root}/usr/bin/{program}"]

    def wrapper(self, program, path):
        """Write a script that runs the program. Return: its path."""
        path = pathlib.Path(path)
        path.write_text(f'#!/bin/sh\nexec {" ".join(self.argv(program))} "$@"\n')
        path.chmod(0o755)
        return path

    def into(self, archive, program, below):
        """Add a program to a guest's initramfs: its files below the folder @below, and a script
        in /bin."""
        run = command(f"{self.root}/{LOADER}", "--library-path", f"{self.root}/{LIBRARIES}", "--list",
                      f"{self.root}/usr/bin/{program}")
        libraries = [word for line in run.splitlines() for word in line.split()
                     if word.startswith(f"{self.root}/{LIBRARIES}/")]
        for path in (f"{self.root}/{LOADER}", *libraries, f"{self.root}/usr/bin/{program}"):
            with open(path, "rb") as f:
                archive.file(f"{below}/{os.path.basename(path)}", f.read(), 0o755)
        archive.file(f"/bin/{program}", (f"#!/bin/sh\nexec {below}/{os.path.basename(LOADER)} "
                                         f'--library-path {below} {below}/{program} "$@"\n').encode(),
                     0o755)


def newer_ndctl(version):
    """Return: the Suite with ndctl and daxctl of a version of NDCTL, which is fetched once."""
    return Suite(NDCTL[version], f"{cache_dir()}/ndctl-{version}", "daxctl", "ndctl")


class NdctlGuest(Guest):
    """A guest whose ndctl and daxctl are those of a version: "76" (this machine's), "81", "85"."""

    version = "76"

    def add(self, archive):
        if self.version in NDCTL:
            for program in ("daxctl", "ndctl"):
                newer_ndctl(self.version).into(archive, program, "/newer")
