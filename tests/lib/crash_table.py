# SPDX-License-Identifier: BSD-2-Clause
"""Run daxrun --crash and read its table."""

import re

from daxrun import said

TIMEOUT = 600  # of a whole table, on a busy machine
SMALL = ("-d", "dax0.0,size=8M")
ROW = re.compile(r"^ *(\d+) +(\d+)  ((?:none|all|only 0x\w+|but 0x\w+|rand \d+)) +(.+?) *$", re.M)


def crash(daxrun, verify, *args, options=SMALL, **kwargs):
    kwargs.setdefault("timeout", TIMEOUT)
    return daxrun.any(*options, "--jobs=2", "--crash", "--verify", verify, "--", *args, **kwargs)


def bad_states(result):
    """Return: [(fence, lines in doubt, state, how it ended and the last line)] of the table."""
    return [(int(m[1]), int(m[2]), m[3], m[4]) for m in ROW.finditer(result.stdout)]


def assert_good(result, at_least):
    assert result.returncode == 0, said(result)
    assert bad_states(result) == []
    m = re.search(r"^No bad state in (\d+) of \d+ possible; chosen: none,all,only,but\S* of all \d+ fences "
                  r"and the end, at most 16 lines of each, seed 1; \d+ equal states left out$",
                  result.stdout, re.M)
    assert m and int(m[1]) >= at_least, result.stdout


def assert_bad(result, last_line):
    assert result.returncode == 1, said(result)
    bad = bad_states(result)
    assert f"{len(bad)} of " in result.stdout and "to repeat one: daxrun " in result.stdout
    assert bad and all(re.search(last_line, how) for _, _, _, how in bad), result.stdout


def assert_refused(result, words):
    """daxrun could not judge: one line, no table."""
    assert result.returncode == 125, said(result)
    assert re.search(words, result.stderr), result.stderr
    assert result.stdout == "" and len(result.stderr.splitlines()) == 1, said(result)
