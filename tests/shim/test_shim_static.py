# SPDX-License-Identifier: BSD-2-Clause
"""The shim as a guest in foreign processes: its exports, its imports, and its system calls."""

import collections
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, run
from daxrun import prog

pytestmark = pytest.mark.plain

SHIM = BUILD / "libdaxshim.so"
OBJECTS = BUILD / "shim-obj"

# Imports from libc, besides the wrapped functions, which the shim finds by dlsym. stdio is used
# only for streams on attributes, malloc only where the caller frees (scandir).
FROM_LIBC = {
    "__errno_location", "__register_atfork", "__stack_chk_fail", "_r_debug", "_dl_debug_addr", "dl_iterate_phdr", "secure_getenv",
    "getauxval", "environ", "__environ",
    "clearerr", "fclose", "fflush", "fopencookie", "setvbuf", "stdin", "stdout", "stderr", "dirfd", "qsort", "qsort_r", "globfree", "malloc",
    "calloc", "realloc", "free", "sigqueue", "pthread_self", "pthread_getcpuclockid",
    # for the linker
    "__tls_get_addr",
}
MALLOC_IN = {"dir.o", "fts.o"}


def wrapped():
    text = (ROOT / "client/shim/wrap/wrap.def").read_text()
    return re.findall(r"^(?:PATH|PATH_ASK|FD|OWN)\((\w+)", text, re.M)


def symbols(*args):
    lines = run(["nm", *args]).stdout.splitlines()
    return {line.split()[-1].split("@")[0]: line.split()[-2] for line in lines
            if len(line.split()) >= 2}


def test_one_list_of_wrapped_functions():
    names = wrapped()
    assert len(names) == len(set(names)) > 150


def test_wrappers_and_nothing_else_are_exported():
    exported = symbols("-D", "--defined-only", SHIM)
    assert sorted(exported) == sorted(wrapped())
    assert set(exported.values()) == {"T"}


def test_every_wrapper_is_a_function_of_libc():
    """Every wrapped name exists in libc, so none is misspelt. Old functions stay in libc without a
    declaration."""
    import ctypes
    libc = ctypes.CDLL("libc.so.6")
    not_in_libc = {"mbind", "io_submit", "getdents"}  # libnuma's, libaio's, musl's
    newer = {"openat2", "mseal"}  # since glibc 2.42 or 2.43
    assert {name for name in wrapped() if not hasattr(libc, name)} - newer == not_in_libc


def test_what_is_taken_from_libc():
    undefined = set(symbols("-D", "--undefined-only", SHIM))
    assert undefined <= FROM_LIBC, undefined - FROM_LIBC
    assert not undefined & set(wrapped())


def objects(folder=""):
    """Return: the shim's object files, except those of sources that no longer exist, and those of
    the library that only daxrun --crash loads, and of programs that load none (client/graft)."""
    return sorted(obj for obj in (OBJECTS / folder).rglob("*.o")
                  if (ROOT / obj.relative_to(OBJECTS)).with_suffix(".c").exists()
                  and not any(f"client/{part}/" in str(obj) for part in ("crash", "graft", "trap")))


def calls(obj):
    """Return: functions that an object file calls, not those whose address it only takes."""
    text = run(["readelf", "-rW", obj]).stdout
    return set(re.findall(r"R_X86_64_PLT32\s+[0-9a-f]+\s+(\w+) [-+]", text))


# Wrappers that call wrapped functions on purpose, as they replace a libc function that would
# call them: syscall(2) with any number, and reading directories that also have emulated entries.
ON_BEHALF = {
    "syscall.o": set(wrapped()),
    "dir.o": {"glob", "opendir", "readdir", "readdir64", "closedir", "scandir", "scandir64"},
    "fts.o": {"opendir", "readdir", "closedir", "stat", "lstat"},
}


def test_nothing_inside_calls_a_wrapped_function():
    assert len(objects()) > 30
    for obj in objects():
        used = calls(obj) & set(wrapped())
        assert bool(used) == (obj.name in ON_BEHALF), (obj.name, used)
        assert used <= ON_BEHALF.get(obj.name, set()), (obj.name, used)


def test_malloc_only_where_the_program_frees():
    assert {obj.name for obj in objects("client/shim")
            if calls(obj) & {"malloc", "calloc", "realloc", "free", "strdup"}} == MALLOC_IN


def test_no_constructor_and_no_destructor():
    sections = set(re.findall(r"\] (\.\w+)", run(["readelf", "-WS", SHIM]).stdout))
    assert not sections & {".init", ".fini", ".init_array", ".fini_array", ".preinit_array"}
    assert "TEXTREL" not in run(["readelf", "-d", SHIM]).stdout


def test_it_needs_libc_only():
    needed = re.findall(r"NEEDED.*\[(.*)\]", run(["readelf", "-d", SHIM]).stdout)
    assert needed == ["libc.so.6"]


def test_it_runs_with_the_oldest_libc_of_its_kind():
    """The shim needs no glibc newer than 2.34 (Debian 12 has 2.36)."""
    versions = re.findall(r"GLIBC_2\.(\d+)", run(["objdump", "-T", SHIM]).stdout)
    assert max(map(int, versions)) <= 34


def test_no_writable_code_and_no_executable_stack():
    text = run(["readelf", "-lW", SHIM]).stdout
    assert not re.search(r"LOAD.* RWE ", text)
    assert re.search(r"GNU_STACK.* RW ", text)


def trace(command, tmp_path, preload=None, env=None):
    """Return: the system calls of a process, by name in order, except those that load the shim."""
    log = tmp_path / "trace"
    words = ["strace", "-f", "-o", log]
    if preload:
        words += ["-E", f"LD_PRELOAD={preload}"]
    for key, value in (env or {}).items():
        words += ["-E", f"{key}={value}"]
    result = run([*words, *command])
    assert result.returncode == 0, result.stderr
    calls = []
    is_loading = False
    for line in log.read_text().splitlines():
        m = re.match(r"(?:\d+ )?\s*(\w+)\((.*)", line)
        if not m:
            continue
        if preload and m[1] == "openat" and str(preload) in m[2]:
            is_loading = True
        if not is_loading:
            calls.append(m[1])
        if is_loading and m[1] == "close":
            is_loading = False
    return calls


NOISE = ("brk", "mmap", "munmap")  # malloc's heap depends on allocations of the loader


def compare(command, tmp_path, env):
    """Return: {system call: difference of its counts with and without the shim}."""
    bare = collections.Counter(trace(command, tmp_path))
    with_shim = collections.Counter(trace(command, tmp_path, SHIM, env))
    assert abs(with_shim["mmap"] - bare["mmap"]) + abs(with_shim["brk"] - bare["brk"]) <= 4
    return {name: with_shim[name] - bare[name] for name in with_shim | bare
            if name not in NOISE and with_shim[name] != bare[name]}


@pytest.fixture(params=["alone", "daemon"])
def client_env(request):
    if request.param == "alone":
        return {}
    return {"CUSE_DAXD_RUNTIME_DIR": str(request.getfixturevalue("daemon")().dir)}


@pytest.mark.parametrize("command", [["/bin/true"], ["/bin/sh", "-c", ":"],
                                     ["/usr/bin/env", "-u", "LD_PRELOAD", "/bin/true"]],
                         ids=lambda c: os.path.basename(c[0]))
def test_three_system_calls_more_at_start_up(tmp_path, client_env, command):
    """Beside the loader's for one more library, start-up only asks what the standard streams are."""
    assert compare(command, tmp_path, client_env) == {"fstat": 3}


@pytest.mark.parametrize("command", [
    ["/bin/cat", "/etc/hostname"], ["/bin/ls", "/usr"], ["/usr/bin/find", "/usr/share/doc/bash"],
    ["/bin/cp", "/etc/hostname", "copy"],
    ["/usr/bin/python3", "-Sc", "import os; os.listdir('/usr')"],
], ids=lambda c: os.path.basename(c[0]))
def test_few_system_calls_more_later(tmp_path, client_env, command):
    """Later there is one query for each new descriptor number (and one whether this is a child of
    vfork, which must not note the answer), one for each missing name (it may be a link to an
    emulated path), and, with the first of these, a search for a daemon."""
    command = [word.replace("copy", str(tmp_path / "copy")) for word in command]
    diff = compare(command, tmp_path, client_env)
    # Of the search, one statx for each component of the directory's path: can it be trusted?
    look_for_daemon = {"openat": 1, "close": 1, "prctl": 1, "madvise": 1, "geteuid": 1, "statx": 8,
                       "mmap": 1, "munmap": 1}
    assert set(diff) <= {"fstat", "gettid", "newfstatat", "readlinkat", *look_for_daemon}
    assert all(diff.get(name, 0) <= most for name, most in look_for_daemon.items())
    # Three of them at the start, whose answers are not kept.
    assert diff.get("fstat", 0) <= 9 and diff.get("newfstatat", 0) <= 1
    assert diff.get("gettid", 0) <= diff["fstat"]
    assert diff.get("readlinkat", 0) <= 25


def test_no_descriptor_is_kept(daxrun):
    """Neither loading the shim nor using a device leaves a descriptor open."""
    count = "len(os.listdir('/proc/self/fd'))"
    bare = subprocess.run(["/usr/bin/python3", "-c", f"import os; print({count})"], text=True,
                          capture_output=True, check=True).stdout
    output = daxrun("--", "/usr/bin/python3", "-c",
                    f"import mmap, os\nprint({count})\nfd = os.open('/dev/dax0.0', os.O_RDWR)\n"
                    "m = mmap.mmap(fd, 2 << 20)\nm[0] = 1\nm.close()\nos.close(fd)\n"
                    f"print({count}, os.open('/dev/null', 0))")
    before, after, lowest = output.split()
    assert before == bare.strip()
    assert int(lowest) == 3
    assert int(after) - int(before) in (0, 1), "one for the backing store is kept, high up"


def test_errno_is_left_alone(daxrun, tmp_path):
    """Calls that succeed do not change errno, on devices and on other files, as with libc."""
    plain = daxrun.dir / "plain"
    plain.touch()
    os.truncate(plain, 16 << 20)
    os.symlink("/dev/dax0.0", daxrun.dir / "link")
    bare = run([prog("errno_kept"), plain]).stdout
    # glibc's own realpath leaves EINVAL of readlink.
    assert re.findall("touched: (.*?)\\(", bare) == ["realpath"]
    for path in ("/dev/dax0.0", plain, daxrun.dir / "link"):
        output = daxrun("--", prog("errno_kept"), path)
        assert re.findall("touched: (.*?)\\(", output) == ["realpath"], output
        assert "failed" not in output


def test_sources_know_no_printf_and_signals_in_one_place():
    sources = list((ROOT / "client/shim").rglob("*.[ch]"))
    assert len(sources) > 30
    for path in sources:
        text = re.sub(r"/\*.*?\*/|//.*", "", path.read_text(), flags=re.S)
        assert not re.search(r"\b(v?[sf]?n?printf|puts|alloca|g_\w+)\(", text), path
        # Only one file deals with signal handlers, and only for SIGBUS.
        assert path.name == "signal.c" or \
            not re.search(r"\b(sigaction|signal)\(", text), path
        assert "glib" not in text, path


def test_state_of_the_build():
    """The tested library is built from the current sources."""
    newest = max(p.stat().st_mtime for d in ("client/shim", "libcore")
                 for p in pathlib.Path(ROOT / d).rglob("*.[ch]"))
    assert SHIM.stat().st_mtime >= newest, "make"


def test_its_data_lies_in_one_page():
    """Each program that starts copies the pages of relocated data: one, not two."""
    text = run(["readelf", "-lW", SHIM]).stdout
    (address, size), = re.findall(r"LOAD +0x\w+ 0x(\w+) 0x\w+ 0x(\w+) 0x\w+ RW", text)
    assert int(address, 16) % 4096 + int(size, 16) <= 4096
