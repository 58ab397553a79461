# SPDX-License-Identifier: BSD-2-Clause
"""Programs in Rust."""

import os
import subprocess
import tempfile

from conftest import ROOT
from daxrun import PROGS


def rust_program(name, tmp_path_factory):
    """Build tests/progs/NAME.rs. Return: the path of the program."""
    source = ROOT / "tests/progs" / f"{name}.rs"
    program = PROGS / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        if not os.access(PROGS, os.W_OK):
            program = tmp_path_factory.mktemp("rust") / name
        # Another worker may build it as well, and object files are named after the crate.
        with tempfile.TemporaryDirectory(dir=program.parent) as alone:
            new = f"{alone}/{name}"
            subprocess.run(["/usr/bin/rustc", "-O", "-g", "--crate-name", name, "-o", new, source], check=True)
            os.rename(new, program)
    return program
