# SPDX-License-Identifier: BSD-2-Clause
"""The rules of docs/hacking.md about folders, names and comments hold, and breaking one is found."""

import shutil
import subprocess

import pytest

import layers
from conftest import BUILD, ROOT
from layers import FLOORS, House, RULES, part_of

pytestmark = pytest.mark.plain


@pytest.fixture(scope="module")
def house():
    return House(ROOT, BUILD)


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_keeps(rule, house):
    found = getattr(house, rule)()
    assert not found, f"{len(found)} violations:\n" + "\n".join(found)


def test_the_whole_tree_is_looked_at(house):
    assert {part_of(path) for path in house.sources} == set(FLOORS)
    assert len(house.wrapped) > 150
    assert len(house.functions) > 80
    assert {"README.md", "Makefile", "tools/run-tests", "docs/man/daxrun.1"} <= set(house.texts())


# A small tree that keeps all rules; each of VIOLATIONS breaks one of them.
TREE = {
    "libcore/size.h": """
/* Sizes. */
struct dax_size;
extern int dax_size_max;
int dax_size_parse(const char *text);
static inline int dax_size_double(int size)
{
	return 2 * dax_size_parse("x");
}
""",
    "libcore/size.c": """
#include "libcore/size.h"
int dax_size_max = 3;
/**
 * dax_size_parse() - Read a size.
 *
 * Return: the size. What else? What it says, "Who" says.
 */
int dax_size_parse(const char *text)
{
	return text[0];
}
""",
    "libcore/kind.h": "extern int dax_kind_max;\n",
    "libcore/kind.c": """
#include "libcore/kind.h"
#include "libcore/size.h"
int dax_kind_max;
int *dax_kind_size = &dax_size_max;
""",
    "cuse-daxd/base/log.h": "int daxd_log_open(void);\n",
    "cuse-daxd/base/log.c": """
#include "cuse-daxd/base/log.h"
#include "libcore/size.h"
/**
 * daxd_log_open() - Open the log.
 */
int daxd_log_open(void)
{
	return dax_size_parse("Who is there. What is it.") + dax_size_max;
}
""",
    "cuse-daxd/base/util.h": "#define DAXD_UTIL 1\n",
    "cuse-daxd/faults/rules.h": "int daxd_rule_add(void);\n",
    "cuse-daxd/faults/rules.c": """
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/base/log.h"
/**
 * daxd_rule_add() - Add a rule.
 */
int daxd_rule_add(void)
{
	return daxd_log_open();
}
""",
    "cuse-daxd/clients/conn.c": "static int unused __attribute__((unused));\n",
    "client/shim/wrap/wrap.def": "FD(read, int, (int fd), (fd), READ, 0, 0, 0)\n",
    "client/shim/wrap/fd.c": "int read(int fd)\n{\n\treturn fd;\n}\n",
    "tests/test_it.py": '"""Tests."""\n# Is it so? What else?\nNAME = "Who is it."\n',
    "tools/build": "#!/bin/sh\n# Build it.\necho 'What a mess.'\n",
    "README.md": "# It\n\nIt is so.\n\n```\n$ echo What a mess.\n```\n",
    "docs/man/it.1": ".Sh NAME\n.Nm it\n.Nd does it\n",
}

EXTRA_LINE = "\nextern int daxd_rule_add(void);\nint daxd_log_twice(void);\n" \
             "/**\n * daxd_log_twice() - Log.\n */\nint daxd_log_twice(void)\n{\n\treturn %s;\n}\n"

# A violation: the rule, the file, what is put at its end, what is found.
VIOLATIONS = [
    ("includes", "cuse-daxd/base/log.h", '#include "cuse-daxd/faults/rules.h"\n',
     "cuse-daxd/base/log.h:2: must not include cuse-daxd/faults/rules.h"),
    ("includes", "cuse-daxd/clients/conn.c", '#include "cuse-daxd/faults/rules.h"\n',
     "cuse-daxd/clients/conn.c:2: must not include cuse-daxd/faults/rules.h"),
    ("includes", "libcore/size.c", '#include "cuse-daxd/base/util.h"\n',
     "libcore/size.c:13: must not include cuse-daxd/base/util.h"),
    ("includes", "client/shim/wrap/fd.c", '#  include "cuse-daxd/base/util.h"\n',
     "client/shim/wrap/fd.c:5: must not include cuse-daxd/base/util.h"),
    ("includes", "cuse-daxd/odd/odd.h", "int odd;\n", "cuse-daxd/odd/odd.h:1: cuse-daxd/odd/ is no folder"),
    ("calls_up", "cuse-daxd/base/log.c", EXTRA_LINE % "daxd_rule_add()",
     "cuse-daxd/base/log.c:12: must not use cuse-daxd/faults/rules.c (daxd_rule_add)"),
    ("circles", "cuse-daxd/base/log.c", EXTRA_LINE % "daxd_rule_add()",
     "cuse-daxd/base/log.c:1: a circle of 2 files:\n"
     "    cuse-daxd/base/log.c -> cuse-daxd/faults/rules.c (daxd_rule_add)\n"
     "    cuse-daxd/faults/rules.c -> cuse-daxd/base/log.c (daxd_log_open)"),
    ("circles", "libcore/size.c", "extern int dax_kind_max;\nint *dax_size_kind = &dax_kind_max;\n",
     "libcore/size.c -> libcore/kind.c (dax_kind_max)"),
    ("names", "cuse-daxd/base/log.c", "int daxd_write(void);\nint daxd_write(void)\n{\n\treturn 0;\n}\n",
     "cuse-daxd/base/log.c:12: daxd_write() has no word of its file's name"),
    ("names", "cuse-daxd/base/log.c", "int log_it(void);\nint log_it(void)\n{\n\treturn 0;\n}\n",
     "cuse-daxd/base/log.c:12: log_it() must begin with daxd_"),
    ("docs", "cuse-daxd/base/log.c",
     "int daxd_log_it(void);\n/* daxd_log_it() - Log. */\nint daxd_log_it(void)\n{\n\treturn 0;\n}\n",
     "daxd_log_it() has no kernel-doc comment"),
    ("headers", "cuse-daxd/base/log.h", "int daxd_rule_add(void);\n",
     "cuse-daxd/base/log.h:2: daxd_rule_add is defined in cuse-daxd/faults/rules.c"),
    ("headers", "cuse-daxd/base/util.h", "\nextern int dax_size_max;\n",
     "cuse-daxd/base/util.h:3: dax_size_max is defined in libcore/size.c"),
    ("headers", "libcore/size.h", "int dax_size_print(void);\n", "dax_size_print is defined nowhere"),
    ("headers", "cuse-daxd/base/log.h", None,
     "cuse-daxd/base/log.c:1: others use daxd_log_open, but there is no cuse-daxd/base/log.h"),
    ("words", "libcore/size.c", "/*\n * Sizes. Who calls it\n * knows. It is so. */\n",
     "libcore/size.c:14: Who calls it knows."),
    ("words", "libcore/size.h", "int x; /* What is there */\n", "libcore/size.h:10: What is there"),
    ("words", "tests/test_it.py", "\n\ndef f():\n    '''What is there.'''\n", "tests/test_it.py:7: What is there."),
    ("words", "tools/build", "# It is\n# here. What is there is not.\n", "tools/build:5: What is there is not."),
    ("words", "README.md", "* one\n* What is there\n", "README.md:9: What is there"),
    ("words", "docs/man/it.1", ".Sh DESCRIPTION\nWho calls\n.Nm\nis told.\n", "docs/man/it.1:5: Who calls"),
]


def put(root, path, text):
    """Adds text to a file, and compiles it as make would."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    with (root / path).open("a") as file:
        file.write(text)
    if path.endswith(".c"):
        obj = House.object_of(root / "build", path)
        obj.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-fno-builtin", "-w", f"-I{root}", "-c", "-o", obj, root / path], check=True)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    for path, text in TREE.items():
        put(root, path, text)
    return root


@pytest.fixture
def tree(small, tmp_path, monkeypatch):
    monkeypatch.setattr(layers, "MORE_WORDS", {})
    return shutil.copytree(small, tmp_path / "tree")


def test_a_tree_that_keeps_all_rules(tree):
    house = House(tree, tree / "build")
    assert {rule: getattr(house, rule)() for rule in RULES} == {rule: [] for rule in RULES}


def test_a_word_that_is_not_needed_is_found(tree, monkeypatch):
    monkeypatch.setattr(layers, "MORE_WORDS", {"libcore/size.c": ("odd",)})
    assert House(tree, tree / "build").names() == [
        "libcore/size.c:1: the word 'odd' in MORE_WORDS is not needed"]


@pytest.mark.parametrize(("rule", "path", "text", "message"), VIOLATIONS)
def test_a_violation_is_found(rule, path, text, message, tree):
    if text is None:
        (tree / path).unlink()
    else:
        put(tree, path, text)
    found = getattr(House(tree, tree / "build"), rule)()
    assert any(message in line for line in found), found
