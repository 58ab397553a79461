# SPDX-License-Identifier: BSD-2-Clause
"""docs/semantics.md: every rule has a test, and every verdict and every case has a row."""

import fnmatch
import re
import subprocess

import pytest

from conftest import BUILD, ROOT

pytestmark = pytest.mark.plain

DOC = (ROOT / "docs/semantics.md").read_text()
RULES = DOC[DOC.index("## Rules"):DOC.index("## Deviations")]
DEVIATIONS = DOC[DOC.index("## Deviations"):]


def words(cell):
    """Return: the words in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def rows(text):
    """Return: the rows of all tables, as lists of cells, without heads."""
    found = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    return [r for i, r in enumerate(found)
            if not set(r[0]) <= {"-"} and not (i + 1 < len(found) and set(found[i + 1][0]) <= {"-"})]


def is_test(name, cases):
    """True if the name is a case of the conformance program, or a test in this repository."""
    if "::" in name or name.endswith((".py", ".c")):
        path, _, function = name.partition("::")
        files = [ROOT / path] if "/" in path else list((ROOT / "tests").rglob(path))
        return len(files) == 1 and files[0].exists() and \
            (not function or re.search(rf"^def {function}\(", files[0].read_text(), re.M))
    return any(fnmatch.fnmatchcase(case, name) for case in cases)


@pytest.fixture(scope="module")
def cases():
    result = subprocess.run([BUILD / "conformance", "--list"], capture_output=True, text=True, check=True)
    return result.stdout.split()


def reasons():
    """Return: the names of all reasons that a verdict can have."""
    text = (ROOT / "libcore/reason.c").read_text()
    return re.findall(r'^\t\[DAX_\w+\] = \{\s*"([A-Z0-9-]+)"', text, re.M)


def verdict_functions():
    """Return: the names of the functions of libcore that return a verdict."""
    found = set()
    for header in (ROOT / "libcore").glob("*.h"):
        found |= set(re.findall(r"\b(dax_\w+_verdict)\(", header.read_text()))
    return found


def test_every_rule_has_a_test(cases):
    for rule, source, verdict, tests in rows(RULES):
        assert rule and source and verdict and words(tests), rule
        assert [name for name in words(tests) if not is_test(name, cases)] == [], rule


def functions():
    text = "".join(header.read_text() for header in (ROOT / "libcore").glob("*.h"))
    return set(re.findall(r"\b(dax_\w+)\(", text))


def test_every_verdict_of_a_rule_is_one_of_libcore():
    known = set(reasons()) | functions()
    for rule, _, verdict, _ in rows(RULES):
        assert verdict == "kernel" or words(verdict), rule
        assert set(words(verdict)) <= known, (rule, set(words(verdict)) - known)


def test_every_reason_has_a_rule():
    described = {word for row in rows(RULES) for word in words(row[2])}
    assert len(reasons()) > 40
    assert set(reasons()) <= described, set(reasons()) - described


def test_every_verdict_function_has_a_rule():
    described = {word for row in rows(RULES) for word in words(row[2])}
    assert len(verdict_functions()) > 10
    assert verdict_functions() <= described, verdict_functions() - described


def test_every_reason_is_given_somewhere():
    text = "".join(p.read_text() for folder in ("libcore", "client/shim", "cuse-daxd")
                   for p in (ROOT / folder).rglob("*.c"))
    names = dict(re.findall(r'^\t\[(DAX_\w+)\] = \{\s*"([A-Z0-9-]+)"', text, re.M))
    for name in names:
        assert name == "DAX_OK" or len(re.findall(rf"\b{name}\b", text)) > 1, name


def test_every_question_has_a_rule(cases):
    patterns = [word for row in rows(RULES) for word in words(row[3])]
    assert [c for c in cases if not any(fnmatch.fnmatchcase(c, p) for p in patterns)] == []


def test_every_deviation_has_a_reason(cases):
    # test_conformance.py checks whether each documented deviation still deviates.
    # hosts.py does for the rows that have a cell for the machine's own kernel.
    for names, kernels, *machine, reason in rows(DEVIATIONS):
        assert kernels in ("all", "musl") or set(kernels.split()) < {"6.1", "6.12", "6.18", "7.3"}, names
        assert {word for cell in machine for word in cell.split()} < {"6.1", "6.12", "6.18", "7.3"}, names
        assert len(reason) > 60, names
        for name in words(names):
            assert any(fnmatch.fnmatchcase(c, name) for c in cases), name
