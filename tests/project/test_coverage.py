# SPDX-License-Identifier: BSD-2-Clause
"""The unit tests cover all lines of libcore, and nearly all branches."""

import re

import pytest

from conftest import ROOT, run

pytestmark = pytest.mark.plain  # a build of its own


def test_libcore_is_covered(workdir):
    result = run(["make", "-s", "-C", ROOT, f"B={workdir}", "coverage"], timeout=600)
    total = re.search(r"^libcore +(\d+) of +(\d+) lines .* (\d+) of +(\d+) branches +([\d.]+) %$",
                      result.stdout, re.M)
    assert total, result.stdout + result.stderr
    if result.returncode:
        missing = run([ROOT / "tools/coverage", "--missing", workdir / "coverage"])
        pytest.fail(missing.stdout)
    lines, all_lines, branches, all_branches = map(int, total.groups()[:4])
    assert lines == all_lines > 2000
    assert branches >= 0.95 * all_branches
    assert (workdir / "coverage/unit/test_verdict").exists()
