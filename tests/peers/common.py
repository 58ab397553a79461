# SPDX-License-Identifier: BSD-2-Clause
"""The programs of this folder share these functions."""

import pathlib
import subprocess
import sys


def command(*args, **kwargs):
    """Run a command. Return: what it prints. If it fails, end with its errors."""
    result = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            check=False, **kwargs)
    if result.returncode:
        name = pathlib.Path(sys.argv[0]).name
        sys.exit(f"{name}: {args[0]} ended with {result.returncode}:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout
