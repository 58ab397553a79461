# SPDX-License-Identifier: BSD-2-Clause
"""The commands of README, docs and manual pages run as they are typed, and print what is said.

The blocks of a document run one after the other in a directory that looks like a clone with
a build in it. A fenced block without a tag is one of commands; so are the blocks of EXAMPLES."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import BUILD, IS_ROOT, NOBODY, ROOT, SETPRIV, SUSPICIOUS, TIMEOUT, environment, run
from daxrun import processes, until

pytestmark = pytest.mark.plain

BUILDS = "builds and tests the whole project"
# Blocks that don't run here, by their document and the beginning of their first line.
SKIPPED = {
    ("README.md", "make demo"): BUILDS,
    ("README.md", "# modprobe cuse"): "needs root and the kernel module cuse",
    ("README.md", "# make install"): "needs root and systemd",
    ("docs/ci.md", "podman build"): "needs podman and a network; test_ci.py has what is left",
    ("docs/ci.md", "cuse-daxd --runtime-dir=/run"): "needs root and podman; test_ci.py uses bubblewrap",
    ("docs/ci.md", "docker run"): "needs docker; test_ci.py uses bubblewrap",
    ("docs/hacking.md", "make all units"): BUILDS,
    ("docs/hacking.md", "DAXD_INJECT="): "tests/daemon/test_inject.py runs the whole script",
    ("docs/hacking.md", "make fuzz"): BUILDS,
    ("docs/hacking.md", "make    "): BUILDS,
    ("docs/cxl.md", "B=/sys"): "tests/kernel/test_cxl.py makes these writes under daxrun",
}
# Commands that end otherwise than with exit 0, which the document says.
STATUS = {
    "daxrun -d dax0.0,size=8M --crash --verify": (1, "bad states are found"),
    "daxrun -d dax0.0,size=8M --crash --instructions --verify": (1, "bad states are found"),
    "daxrun -d dax0.0,size=64M --jobs 2 --sweep 'munmap": (1, "steps crash"),
    "daxrun --sweep 'munmap errno:ENOMEM": (1, "steps crash"),
    "daxrun --fault 'poison offset:8M": (1, "pmempool refuses a bad device"),
    "cuse-daxctl destroy dax0.0": (1, "device 0 stays"),
    "daxrun -- ./count private": (1, "mmap is refused"),
    "daxrun -d dax0.0,size=64M --sweep 'mmap errno:ENOMEM nth:1..N' -- ./careless": (1, "a step crashes"),
    "daxrun -d dax0.0,size=64M --fault 'poison offset:2M": (128 + signal.SIGBUS, "the memory is bad"),
}
DOCUMENTS = ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md"))),
             *(f"docs/man/{p.name}" for p in sorted((ROOT / "docs/man").glob("*.[1-8]")))]
TAGS = {"text", "json", "yaml", "ini", "python", "c", "cmake", "meson", ""}
OURS = re.compile(r"(?m)^\s*(?:\$ |(?:daxrun|cuse-dax\w+) -)")


def fenced(text):
    """Return: [(tag, block)] of Markdown, also of blocks that are part of a list."""
    return [(tag, re.sub(rf"(?m)^{indent}", "", block)) for indent, tag, block in
            re.findall(r"(?ms)^( *)```(\w*)\n(.*?)^\1```$", text)]


def examples(text):
    """Return: [(tag, block)] of the section EXAMPLES of a page."""
    part = re.search(r"(?ms)^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", text)
    blocks = re.findall(r"(?ms)^\.Bd [^\n]*\n(.*?)^\.Ed$|^\.Dl (.*?)$", part[1] if part else "")
    found = []
    for block in (a or f"{b}\n" for a, b in blocks):
        block = block.replace("\\e", "\\").replace("\\-", "-")
        found.append(("ini" if block[0] == "[" else "c" if block[0] == "#" else "", block))
    return found


def blocks_of(document):
    text = (ROOT / document).read_text()
    return fenced(text) if document.endswith(".md") else examples(text)


def is_whole(command):
    """True unless the shell would ask for more lines; of a here-document it only warns."""
    result = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    return result.returncode == 0 and not result.stderr and not command.endswith("\\\n")


def parts_of(block):
    """Return: the commands of a block, and if there are prompts, the lines that are printed."""
    has_prompts = re.search(r"(?m)^\$ ", block)
    commands, printed = [], []
    for line in block.splitlines(keepends=True):
        if commands and not is_whole(commands[-1]):
            commands[-1] += line
        elif not has_prompts or line.startswith("$ "):
            commands.append(line.removeprefix("$ "))
        else:
            printed.append(line)
    return commands, printed


def plain(text):
    """Return: a text without what differs from run to run: numbers and blanks."""
    return " ".join(re.sub(r"0x[0-9a-f]+|[0-9]+", "N", text).split())


def reason_to_skip(document, block):
    return next((why for (where, begin), why in SKIPPED.items()
                 if where == document and block.startswith(begin)), None)


@pytest.fixture
def clone(workdir):
    """A directory like a clone, writable, with the build in it and libcuse-daxd.pc in pkg."""
    place = workdir / "clone"
    for folder in ("", "home", "tmp", "pkg"):
        (workdir / "clone" / folder).mkdir()
    for path in ROOT.iterdir():
        if path.name != "build" and not path.name.startswith("."):
            (place / path.name).symlink_to(path)
    (place / "build").symlink_to(BUILD)
    template = (ROOT / "client/lib/libcuse-daxd.pc.in").read_text()
    for key, value in (("@PREFIX@/include", ROOT / "client/lib"), ("@LIBRARYDIR@", BUILD),
                       ("${prefix}/include", ROOT / "client/lib"), ("@VERSION@", "1")):
        template = template.replace(key, str(value))
    (place / "pkg/libcuse-daxd.pc").write_text(template)
    for path in (workdir, place, *place.glob("*")):
        if IS_ROOT and not path.is_symlink():
            os.chown(path, NOBODY, NOBODY)
    yield place
    end_all(place)


def end_all(place):
    """End the daemons that the document has started, and what is left of its programs."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes(str(place)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        try:
            until(lambda: not processes(str(place)), "all processes are gone", 10)
            return
        except AssertionError:
            assert number == signal.SIGTERM


def environment_of(place):
    env = {k: v for k, v in environment().items() if k not in ("LD_PRELOAD", "GITHUB_ENV")}
    return {**env, "HOME": str(place / "home"), "TMPDIR": str(place / "tmp"), "LC_ALL": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(place / "tmp"), "PKG_CONFIG_PATH": str(place / "pkg"),
            "PATH": f"{BUILD}:/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONDONTWRITEBYTECODE": "1"}


def execute(place, script):
    """Run a script as an unprivileged user. Return: its exit status and what it printed."""
    with open(place / "tmp/output", "w+b") as output:
        result = subprocess.run((SETPRIV if IS_ROOT else []) + ["bash", "-uo", "pipefail", "-c", script],
                                cwd=place, env=environment_of(place), stdin=subprocess.DEVNULL,
                                stdout=output, stderr=output, timeout=5 * TIMEOUT, check=False)
        output.seek(0)
        text = output.read().decode(errors="replace")
    (place / "tmp/output").unlink()
    return result.returncode, text


def status_of(command):
    return next((status for begin, (status, _) in STATUS.items() if command.startswith(begin)), 0)


def script_of(block):
    """Return: a script that runs all commands in one shell, and ends at one that fails."""
    return "".join(f"{c}\nended=$?; [ $ended = {status_of(c)} ] || {{ echo \"exit $ended:\" "
                   f"{shlex.quote(c)}; exit 99; }}\n" for c in parts_of(block)[0])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_run(document, clone):
    for tag, block in blocks_of(document):
        if tag == "ini":
            result = run([BUILD / "cuse-daxd", "--check-config", "-c-"], input=block)
            assert result.returncode == 0, (block, result.stderr)
        elif tag == "python":
            compile(block, document, "exec")
        elif tag == "c" and "int main" in block:
            # The command that follows says which name its file has.
            name = re.search(r"(?:cc |executable\(\w+ )(\w+\.c)", (ROOT / document).read_text())[1]
            (clone / name).write_text(block)
        if not tag and not reason_to_skip(document, block):
            status, text = execute(clone, script_of(block))
            assert status == 0, f"{document}:\n{block}\n{text}"
            assert not SUSPICIOUS.search(text.replace("ERROR: ", "")), text
            for line in parts_of(block)[1]:
                assert plain(line) in plain(text), f"{document} has {line}but it is {text}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_command_hides_behind_a_tag(document):
    for tag, block in blocks_of(document):
        assert tag in TAGS, (tag, block)
        if tag in ("text", "json"):
            assert not OURS.search(block), f"{document}: no commands, but with tag {tag}:\n{block}"


def test_no_exception_is_stale():
    """Each entry of the tables above belongs to a block or a command."""
    everything = [(d, b) for d in DOCUMENTS for tag, b in blocks_of(d) if not tag]
    for document, begin in SKIPPED:
        assert any(d == document and b.startswith(begin) for d, b in everything), begin
    commands = [c for _, b in everything for c in parts_of(b)[0]]
    for begin in STATUS:
        assert any(c.startswith(begin) for c in commands), begin


@pytest.mark.parametrize("page", [d for d in DOCUMENTS if d.startswith("docs/man/")])
def test_each_page_has_examples(page):
    """Programs have EXIT STATUS, too."""
    text = (ROOT / page).read_text()
    assert "\n.Sh EXAMPLES\n" in text and examples(text)
    assert "\n.Sh EXIT STATUS\n" in text or Path(page).suffix in (".3", ".5", ".7")
