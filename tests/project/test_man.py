# SPDX-License-Identifier: BSD-2-Clause
"""Manual pages list the same options as --help."""

import re
import shutil

import pytest

from conftest import BUILD, ROOT, environment, run

pytestmark = pytest.mark.plain

MAN = ROOT / "docs/man"
PAGES = ["daxrun.1", "cuse-daxctl.1", "cuse-daxd.8", "cuse-daxd.conf.5", "libdaxshim.7",
         "libcuse-daxd.3"]
PROGRAMS = {"daxrun": "daxrun.1", "cuse-daxd": "cuse-daxd.8", "cuse-daxctl": "cuse-daxctl.1"}

# Matches "-c, --config=FILE" at the start of a line, as in --help.
OPTION = re.compile(r"(?m)^\s+(?:(-\w), )?(--[a-z][a-z-]*)")


def page(name):
    """Return: the text of a page as a reader sees it."""
    result = run(["man", "--warnings", "-l", "-Tutf8", MAN / name],
                 env={**environment(), "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""})
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    text = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
    return re.sub(".\b", "", text).replace("\u2010", "-").replace("\u2212", "-")


def section(text, title):
    match = re.search(rf"(?ms)^{title}\n(.*?)(?=^\S|\Z)", text)
    assert match, title
    return match[1]


def help_of(program):
    result = run([BUILD / program, "--help"])
    assert result.returncode == 0
    return result.stdout


def options_of(text):
    return {(short or "", name) for short, name in OPTION.findall(text)}


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_clean(name):
    assert shutil.which("mandoc"), "mandoc is missing: tools/install-deps test"
    result = run(["mandoc", "-Tlint", "-Wwarning", MAN / name])
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    text = page(name)
    for title in ("NAME", "DESCRIPTION", "SEE ALSO"):
        section(text, title)


def test_pages_that_are_named_are_there():
    ours = {p.rpartition(".")[0] for p in PAGES}
    others = {"cxl", "daxctl", "ndctl", "mmap", "ld.so", "ptrace", "poll", "free", "setns", "unshare"}
    for name in PAGES:
        for other in re.findall(r"(?m)^\.Xr (\S+) (\d)", (MAN / name).read_text()):
            assert ".".join(other) in PAGES or other[0] in others, (name, other)
    assert len(ours) == len(PAGES)


@pytest.mark.parametrize("program", PROGRAMS)
def test_options_are_those_of_help(program):
    told = options_of(help_of(program))
    assert told
    documented = options_of(section(page(PROGRAMS[program]), "OPTIONS"))
    assert documented == told


def verbs():
    part = help_of("cuse-daxctl").partition("\nVerbs:\n")[2].partition("\n\n")[0]
    return re.findall(r"(?m)^  ([a-z]\S*(?: (?:add|remove|list)\b)?)", part)


def test_verbs_are_those_of_help():
    text = section(page("cuse-daxctl.1"), "VERBS")
    documented = re.findall(r"(?m)^ {4,8}([a-z]\S*(?: (?:add|remove|list)\b)?)(?=$| )", text)
    for verb in verbs():
        assert any(d == verb or d.startswith(verb + " ") or verb.startswith(d + " ")
                   for d in documented), (verb, documented)
    protocol = (ROOT / "docs/protocol.md").read_text()
    for verb in verbs():
        assert f"`{verb.split()[0]}`" in protocol or verb.split()[0] == "inspect", verb


def test_config_keys_are_those_of_the_shipped_config():
    """The manual page has every key that config/cuse-daxd.conf explains."""
    shipped = (ROOT / "config/cuse-daxd.conf").read_text()
    keys = set(re.findall(r"(?m)^#\s*([a-z][a-z-]*)=", shipped))
    assert {"backing", "minor", "frontend"} <= keys
    text = page("cuse-daxd.conf.5")
    documented = set(re.findall(r"(?:^|[ ,])([a-z][a-z-]*)=", text))
    assert keys <= documented, keys - documented


@pytest.mark.parametrize("program", PROGRAMS)
def test_version_is_the_makefiles(program):
    """All programs and packages have the version of the Makefile."""
    version = re.search(r"(?m)^VERSION := (\S+)$", (ROOT / "Makefile").read_text())[1]
    for option in ("-V", "--version"):
        result = run([BUILD / program, option])
        assert (result.returncode, result.stdout) == (0, f"{program} {version}\n")
    assert f'version = "{version}"' in (ROOT / "python/pyproject.toml").read_text()
    assert re.search(r"(?m)^Version: +(\S+)$", (ROOT / "rpm/cuse-daxd.spec").read_text())[1] == version
    assert (ROOT / "debian/changelog").read_text().startswith(f"cuse-daxd ({version})")
    assert f"\n## {version}" in (ROOT / "NEWS.md").read_text()


def test_protocol_says_the_numbers():
    """The numbers in docs/protocol.md are those of libcore/wire.h."""
    header = (ROOT / "libcore/wire.h").read_text()
    text = (ROOT / "docs/protocol.md").read_text()
    body = header.partition("enum dax_msg_type {")[2].partition("};")[0]
    body = re.sub(r"(?s)/\*.*?\*/", "", body)
    names = re.findall(r"DAX_MSG_(\w+)", body)
    assert names[-1] == "NR"
    for number, name in enumerate(names[:-1], 1):
        assert f"| {number} {name} |" in text
    assert str(re.search(r"DAX_WIRE_BODY_MAX (\d+)", header)[1]) in text
