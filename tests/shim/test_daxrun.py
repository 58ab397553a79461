# SPDX-License-Identifier: BSD-2-Clause
"""daxrun itself: options, messages, exit status, signals, environment."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from conftest import BUILD, IS_ROOT, NOBODY, TIMEOUT, both_users, needs_root
from daxrun import DAXRUN, MIB, prog, refusals, said, until

PRIVATE = ("import mmap, os\nfd = os.open('/dev/dax0.0', os.O_RDWR)\n"
           "try: mmap.mmap(fd, 2 << 20, flags=mmap.MAP_PRIVATE)\nexcept OSError as e: print(e)")
PYTHON = "/usr/bin/python3"


def fails(daxrun, *args, **kwargs):
    """Run daxrun, which must exit with 125. Return: its messages."""
    result = daxrun.any(*args, **kwargs)
    assert result.returncode == 125, said(result)
    assert result.stdout == ""
    return result.stderr


@both_users
@pytest.mark.parametrize("script, status", [
    ("true", 0), ("exit 1", 1), ("exit 125", 125), ("exit 255", 255),
    ("kill -TERM $$", -15), ("kill -KILL $$", -9), ("kill -ABRT $$", -6),
])
def test_its_status_is_the_commands(daxrun, script, status):
    result = daxrun.any("--", "sh", "-c", script)
    assert (result.returncode, result.stdout, result.stderr) == (status, "", "")


def test_a_command_that_is_not_there(daxrun):
    result = daxrun.any("--", "no-such-command", env={"PATH": "/usr/bin:/bin"})
    assert result.returncode == 127
    assert result.stderr == "daxrun: no-such-command: No such file or directory\n"
    result = daxrun.any("-d", "dax0.0", "size=64M", "--", "true", env={"PATH": "/usr/bin:/bin"})
    assert result.returncode == 127
    assert result.stderr.startswith("daxrun: size=64M: No such file or directory (key=value follows the name")


def test_a_command_that_cannot_be_executed(daxrun):
    daxrun.write("file", "#!/bin/sh\n")
    for name in ("./file", "/etc"):
        result = daxrun.any("--", name)
        assert result.returncode == 126, said(result)
        assert result.stderr == f"daxrun: {name}: Permission denied\n"


def test_what_follows_the_command_is_the_commands(daxrun):
    assert daxrun("echo", "-q", "--help", "--", "-d") == "-q --help -- -d\n"
    assert daxrun("--", "echo", "--trace") == "--trace\n"


def test_standard_input_output_and_descriptors(daxrun):
    assert daxrun("--", "cat", input="through\n") == "through\n"
    r, w = os.pipe()
    p = daxrun.popen("--", "bash", "-c", f"echo hello >&{w}", pass_fds=[w])
    os.close(w)
    with os.fdopen(r) as f:
        assert f.read() == "hello\n"
    assert p.wait(TIMEOUT) == 0
    bare = subprocess.run(["ls", "/proc/self/fd"], text=True, capture_output=True, check=True)
    assert daxrun("--", "ls", "/proc/self/fd") == bare.stdout, "daxrun's own are not inherited"


def test_signals_are_handed_on(daxrun):
    p = daxrun.popen("--", "bash", "-c", "trap 'echo term; exit 5' TERM; trap 'echo int' INT\n"
                     "trap 'echo hup' HUP\necho ready; while :; do sleep 0.05; done",
                     stdout=subprocess.PIPE)
    assert p.stdout.readline() == "ready\n"
    for number, word in ((signal.SIGINT, "int"), (signal.SIGHUP, "hup"), (signal.SIGTERM, "term")):
        p.send_signal(number)
        assert p.stdout.readline() == word + "\n"
    assert p.wait(TIMEOUT) == 5
    p.stdout.close()


def test_signal_dispositions_are_the_callers(daxrun):
    """The command inherits ignored signals, such as nohup's SIGHUP, and has no signal blocked."""
    status = daxrun("--", "grep", "-E", "SigBlk|SigIgn", "/proc/self/status",
                    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    values = dict(line.split() for line in status.splitlines())
    assert int(values["SigBlk:"], 16) == 0
    assert int(values["SigIgn:"], 16) & 1


@both_users
def test_one_device_by_default(daxrun):
    assert daxrun("--", "sh", "-c", "ls /dev/dax*; cat /sys/bus/dax/devices/dax0.0/size\n"
                  "cat /sys/bus/dax/devices/dax0.0/align").split() == \
        ["/dev/dax0.0", str(1 << 30), str(2 * MIB)]


@both_users
def test_devices_as_asked_for(daxrun):
    output = daxrun("-d", "dax0.0,size=4M,align=4K", "--device", "dax1.0,size=6M,mode=0640",
                    "--device=dax2.0,type=dynamic,size=8M", "-d", "dax2.1,size=2M",
                    "-d", f"dax3.0,size=16M,backing=pmem:{daxrun.dir}/image,map=dev", "--",
                    "sh", "-c", "for d in /dev/dax*; do n=${d#/dev/}\n"
                    "echo $n $(stat -c %a $d) $(cat /sys/bus/dax/devices/$n/size) "
                    "$(cat /sys/bus/dax/devices/$n/align); done")
    assert output.splitlines() == [
        f"dax0.0 600 {4 * MIB} 4096", f"dax1.0 640 {6 * MIB} {2 * MIB}",
        f"dax2.0 600 {8 * MIB} {2 * MIB}", f"dax2.1 600 {2 * MIB} {2 * MIB}",
        f"dax3.0 600 {16 * MIB} {2 * MIB}"]


def test_the_path_of_a_node_names_its_device(daxrun):
    result = daxrun.any("-q", "-d", "/dev/dax3.0,size=4M", "--fault",
                        "device:/dev/dax3.0 open errno:EIO", "--", "cat", "/dev/dax3.0")
    assert result.stderr == "cat: /dev/dax3.0: Input/output error\n"


def test_a_config_file(daxrun):
    daxrun.write("config", "[region 3]\nsize=10M\n")
    for args in (["-c", "config"], ["--config=config"], ["--config", "config"]):
        assert daxrun(*args, "--", "sh", "-c", "echo /dev/dax*") == "/dev/dax3.0\n"


def test_bytes_on_a_file_stay(daxrun):
    spec = f"--device=dax0.0,size=4M,backing=pmem:{daxrun.dir}/image"
    store = ("import mmap, os, sys\nm = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 4 << 20)\n"
             "print(m[3 << 20])\nm[3 << 20] = 99")
    assert daxrun(spec, "--", PYTHON, "-c", store) == "0\n"
    assert daxrun(spec, "--", PYTHON, "-c", store) == "99\n"
    assert daxrun(spec.replace("size=4M,", ""), "--", PYTHON, "-c", store) == "99\n"


@pytest.mark.parametrize("spec, words", [
    ("", ["is not the name of a device", "dax0.0"]),
    ("dax0", ["'dax0'", "is not the name of a device"]),
    ("/dev/dax", ["'/dev/dax'", "is not the name of a device"]),
    ("dax0.0,", ["is not a word of a device (try size=, align=, backing=, map=, mode=, type="]),
    ("dax0.0,colour=red", ["'colour'", "is not a word of a device (try size=, align="]),
    ("dax0.0,sise=1G", ["'sise' is not a word of a device (did you mean 'size'? try"]),
    ("dax0.0,size", ["size= has no value"]),
    ("dax0.0,size=", ["size=", "has no value"]),
    ("dax0.0,size=1G,size=2G", ["size= is given twice"]),
    ("dax0.0,size=huge", ["--device 'dax0.0,size=huge': size=: 'huge' is not a size"]),
    ("dax0.0,size=3M", ["--device 'dax0.0,size=3M': size=3M is not a multiple of 2M (try 2M"]),
    ("dax0.0,size=0", ["size", "0"]),
    ("dax0.0,align=3M", ["align", "3M", "4K", "2M", "1G"]),
    ("dax0.0,align=4K,backing=hugetlb",
     ["--device 'dax0.0,align=4K,backing=hugetlb': align=4K is not possible on hugetlb"]),
    ("dax0.0,backing=floppy", ["backing", "floppy", "memfd"]),
    ("dax0.0,backing=pmem:", ["backing"]),
    ("dax0.0,backing=pmem:/nonexistent/file,size=4M", ["/nonexistent"]),
    ("dax0.0,backing=pmem:/etc,size=4M", ["/etc", "is a directory"]),
    ("dax0.0,backing=hugetlbfs:CWD/x,size=4M", ["CWD", "hugetlbfs"]),
    ("dax0.0,backing=hugetlb,size=1T", ["huge page", "nr_hugepages"]),
    ("dax0.0,mode=999", ["mode", "999"]),
    ("dax0.0,mode=rw", ["mode", "rw"]),
    ("dax0.0,map=disk", ["map", "disk"]),
    ("dax0.0,type=magic", ["type", "magic", "static", "dynamic"]),
])
def test_mistakes_name_the_thing(daxrun, spec, words):
    here = str(daxrun.dir)
    stderr = fails(daxrun, "-d", spec.replace("CWD", here), "--", "echo", "started")
    for word in words:
        assert word.replace("CWD", here) in stderr, stderr
    assert "daxrun.conf" not in stderr
    assert all(re.match(r"(daxrun|cuse-daxd): ", line) for line in stderr.splitlines()), stderr


@pytest.mark.parametrize("args, words", [
    ([], ["no command", "--help"]),
    (["--nonsense", "true"], ["unknown option '--nonsense'", "--help"]),
    (["-x", "true"], ["unknown option '-x'"]),
    (["--devise=dax0.0", "true"], ["unknown option '--devise' (did you mean '--device'?"]),
    (["--device"], ["option '--device' needs a value"]),
    (["--device", "--", "true"], ["option '--device' needs a value"]),
    (["--fault", "--", "true"], ["option '--fault' needs a value"]),
    (["--crash", "--verify", "--", "true"], ["option '--verify' needs a value"]),
    (["-d", "--", "true"], ["option '-d' needs a value"]),
    (["--timeout=1s", "true"], ["--timeout needs --sweep or --crash"]),
    (["--jobs=2", "true"], ["--jobs needs --sweep or --crash"]),
    (["--sweep=open errno:EIO nth:1..2", "--max=1", "true"], ["--max needs --crash"]),
    (["--quiet=1", "true"], ["option '--quiet' takes no value"]),
    (["--fault", "mmpa errno:EIO", "true"],
     ["'mmpa' is not a word of a rule: did you mean 'mmap'? expected"]),
    (["--fault", "mmap errno:ENOMEN", "true"], ["did you mean 'ENOMEM'? expected"]),
    (["-c"], ["option '-c' needs a value"]),
    (["-d", "dax0.0", "-d", "dax0.0", "true"], ["dax0.0 is given twice"]),
    (["-d", "dax0.0,align=4K", "-d", "dax0.1,align=2M", "true"], ["region 0", "4K", "2M"]),
    (["-d", "dax0.0,size=50T", "-d", "dax1.0,size=50T", "true"],
     ["--device 'dax0.0,size=50T': all regions together are larger than 64T"]),
    (["-d", "dax0.0,size=4M", "-d", "dax1.0,size=3M", "true"],
     ["--device 'dax1.0,size=3M': size=3M"]),
    (["-d", "dax0.0", "-c", "x", "true"], ["--device and --config"]),
    (["--connect", "-d", "dax0.0", "true"], ["--connect", "--device"]),
    (["--connect=/nonexistent", "true"], ["no cuse-daxd runs at '/nonexistent'", "--runtime-dir"]),
    (["--connect", "true"], ["no cuse-daxd runs", "looked in", "--connect=DIR"]),
    (["-c", "/nonexistent", "true"], ["/nonexistent", "No such file"]),
    (["--trace=/nonexistent/log", "true"], ["/nonexistent/log", "No such file"]),
])
def test_mistakes_on_the_command_line(daxrun, args, words):
    if args[:1] == ["--connect"] and os.path.exists("/run/cuse-daxd/state"):
        args = ["--connect=/nonexistent", *args[1:]]
    stderr = fails(daxrun, *args)
    for word in words:
        assert word in stderr, stderr


@both_users
def test_connect(daxrun, daemon):
    d = daemon("[region 5]\nsize=4M\nmode=0666\n")
    show = ["sh", "-c", "echo /dev/dax*"]
    assert daxrun(f"--connect={d.dir}", "--", *show) == "/dev/dax5.0\n"
    assert daxrun(f"--connect={os.path.relpath(d.dir, daxrun.dir)}", "--", *show) == "/dev/dax5.0\n"
    os.rename(d.dir, daxrun.runtime / "cuse-daxd")
    assert daxrun("--connect", "--", *show) == "/dev/dax5.0\n", "the user's own is found"
    os.rename(daxrun.runtime / "cuse-daxd", d.dir)
    assert d.process.poll() is None
    assert daxrun.left()[0] == []


def test_refusals_of_a_shared_daemon_go_to_who_ran_the_program(daxrun, daemon):
    d = daemon("[region 0]\nsize=4M\nmode=0666\n")
    result = daxrun.any(f"--connect={d.dir}", "--", PYTHON, "-c", PRIVATE)
    assert refusals(result, "python3") == [
        ("dax0.0", "mmap", "fail, attempted private mapping (EINVAL)")]
    assert d.output() == ""


def test_refusals_are_told_unless_quiet(daxrun):
    result = daxrun.any("--", PYTHON, "-c", PRIVATE)
    assert re.fullmatch(r"daxrun: dax0\.0: python3\[\d+\]: mmap: fail, attempted private mapping "
                        r"\(EINVAL\)\n", result.stderr)
    assert result.stdout == "[Errno 22] Invalid argument\n"
    for quiet in ("-q", "--quiet"):
        result = daxrun.any(quiet, "--", PYTHON, "-c", PRIVATE)
        assert (result.stdout, result.stderr) == ("[Errno 22] Invalid argument\n", "")


TRACE = r"\S+\[\d+\] \w+\(\S+?(, \w+=[^,)]*)*\) = (0x[0-9a-f]+|0) OK|" \
        r"\S+\[\d+\] \w+\(\S+?(, \w+=[^,)]*)*\) = E[A-Z]+ [A-Z-]+: .*"


def test_trace(daxrun):
    result = daxrun.any("--trace", "--", PYTHON, "-c", PRIVATE)
    first, *lines = result.stderr.splitlines()
    assert re.fullmatch(r"kernel [67]\.\d+", first)
    assert all(re.fullmatch(TRACE, line) for line in lines), lines
    assert re.fullmatch(r"python3\[\d+\] open\(dax0\.0, flags=RDWR\|CLOEXEC\) = 0x3 OK", lines[0])
    assert re.fullmatch(r"python3\[\d+\] mmap\(dax0\.0, addr=0, len=0x200000, prot=rw-, "
                        r"flags=PRIVATE, offset=0\) = EINVAL MMAP-PRIVATE: fail, attempted "
                        r"private mapping", lines[1])


def test_trace_to_a_file(daxrun):
    result = daxrun.any("--trace=log", "--", PYTHON, "-c", PRIVATE)
    assert result.stderr == ""
    lines = (daxrun.dir / "log").read_text().splitlines()
    assert [line.split("(")[0].split()[1] for line in lines[1:]] == ["open", "mmap"]
    daxrun.any("--trace=log", "--", "true")
    assert (daxrun.dir / "log").read_text() == "", "a new trace begins anew"


def test_a_trace_is_complete(daxrun):
    """A trace has every call of many processes at once, however fast they are."""
    code = ("import mmap, os\nfd = os.open('/dev/dax0.0', os.O_RDWR)\n"
            "for i in range(300): mmap.mmap(fd, 2 << 20).close()")
    daxrun("--trace=log", "--", "sh", "-c", f"for i in 1 2 3; do {PYTHON} -c \"{code}\" & done\nwait")
    text = (daxrun.dir / "log").read_text()
    assert text.count(" mmap(") == text.count(" munmap(") == 900
    assert len(set(re.findall(r"\[(\d+)\] mmap", text))) == 3


def test_help_and_version(daxrun):
    text = daxrun("--help")
    for option in ("-d, --device=", "-c, --config=", "--connect[=DIR]", "--fault=", "--trace[=",
                   "--check", "--print-env", "--print-cdi", "-q, --quiet", "size=", "align=4K|2M|1G", "backing=",
                   "map=mem|dev", "mode=OCTAL", "type=static|dynamic", "125", "126", "127"):
        assert option in text, option
    assert max(map(len, text.splitlines())) <= 84
    assert re.fullmatch(r"daxrun \d\S*\n", daxrun("--version"))
    assert daxrun("-h") == text


KINDS = ("static", "static-pie", "go")


def checks(text):
    return {line.split()[0]: line for line in text.splitlines()}


@both_users
def test_check(daxrun):
    words = checks(daxrun("--check"))
    assert set(words) - {"memory"} == {"cuse-daxd", "shim", "daxrun", "static", "static-pie", "go", "set-user-ID",
                                       "32-bit", "/dev/shm", "directory", "memfd", "pages",
                                       "hugetlb", "userfaultfd", "cuse", "kernel"}
    assert words["daxrun"].endswith(" yes: a daemon, a device, a mapping and a fault work")
    assert words["directory"].split()[1] == str(daxrun.runtime)
    for name in ("memfd", "pages", "hugetlb", "userfaultfd", "cuse"):
        assert re.search(r" yes: | no \(.*\): ", words[name]), words[name]
    parsed = json.loads(daxrun("--check=json"))
    assert [c["name"] for c in parsed] == list(words)
    assert all(isinstance(c["text"], str) for c in parsed)
    assert [c["name"] for c in parsed if c.get("works") and c["name"] in ("daxrun", *KINDS)] == ["daxrun", *KINDS]
    result = daxrun.any("--check=xml")
    assert result.returncode == 125 and "'xml' is not a format" in result.stderr


@both_users
@pytest.mark.plain
def test_check_of_kinds_of_programs(daxrun):
    """One of each kind is tried: where they can have no filter, they see no devices, and run."""
    result = subprocess.run([prog("without"), "seccomp", *daxrun.command("--check")], capture_output=True, text=True,
                            env=daxrun.env(), cwd=daxrun.dir, check=False, timeout=60)
    words = checks(result.stdout)
    assert result.returncode == 0 and " yes: " in words["daxrun"], result
    for kind in KINDS:
        assert re.search(r" no \(exit 1: .*\): .* see no devices$", words[kind]), words[kind]


@both_users
@pytest.mark.plain
def test_check_where_nothing_works(daxrun):
    """With a shim that can't be loaded, --check names the reason, with exit status 1."""
    place = daxrun.workdir / "copy"
    place.mkdir()
    for name in ("daxrun", "cuse-daxd"):
        shutil.copy(BUILD / name, place)
    (place / "libdaxshim.so").write_text("no library")
    command = daxrun.command("--check")
    command[-2] = str(place / "daxrun")
    result = subprocess.run(command, text=True, capture_output=True, env=daxrun.env(),
                            cwd=daxrun.dir, timeout=TIMEOUT, check=False)
    assert result.returncode == 1, said(result)
    assert re.search(r" no \(exit 1: .*libdaxshim.*\): daxrun can run nothing here$",
                     checks(result.stdout)["daxrun"])


@needs_root
@pytest.mark.plain
def test_check_of_limits(daxrun):
    """In a private mount namespace: a small /dev/shm is not used, and /proc is missing."""
    def inside(script):
        return subprocess.run(["unshare", "-m", "sh", "-c", f"{script}; exec {DAXRUN} --check"],
                              text=True, capture_output=True, cwd=daxrun.dir, timeout=TIMEOUT,
                              env=daxrun.env(XDG_RUNTIME_DIR=None, TMPDIR=str(daxrun.dir)),
                              check=False)

    result = inside("mount -t tmpfs -o size=1M none /dev/shm")
    words = checks(result.stdout)
    assert result.returncode == 0 and words["/dev/shm"].split()[1] == "1M", said(result)
    assert words["directory"].split()[1] == str(daxrun.dir)
    result = inside("mount -t tmpfs none /proc")
    assert result.returncode == 1
    assert result.stdout == "/proc        no (not mounted): daxrun and the shim need it\n"


@both_users
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_print_env_in_a_shell(daxrun, shell):
    """The devices of `eval "$(daxrun --print-env)"` exist until the shell ends."""
    script = (f'eval "$({DAXRUN} --print-env -d dax2.0,size=4M)"; ls /dev/dax2.0\n'
              "cat /sys/bus/dax/devices/dax2.0/size\necho $CUSE_DAXD_RUNTIME_DIR\n"
              f"{PYTHON} -c '\nimport mmap, os\nm = mmap.mmap(os.open(\"/dev/dax2.0\", 2), 4 << 20)\n"
              "m[0] = 5'\n"
              f"{PYTHON} -c '\nimport mmap, os\nm = mmap.mmap(os.open(\"/dev/dax2.0\", 2), 4 << 20)\n"
              "print(m[0])'")
    command = daxrun.command()[:-1] + [shell, "-c", script]
    result = subprocess.run(command, text=True, capture_output=True, env=daxrun.env(),
                            cwd=daxrun.dir, timeout=TIMEOUT, check=False)
    assert result.returncode == 0 and result.stderr == "", said(result)
    device, size, directory, byte = result.stdout.split()
    assert (device, size, byte) == ("/dev/dax2.0", str(4 * MIB), "5")
    until(lambda: not os.path.exists(directory), "the daemon ends with the shell")


def test_print_env_does_not_keep_its_reader_waiting(daxrun):
    """A reader of the output and errors of daxrun --print-env to their end does not hang."""
    for args in ([], ["-d", "dax0.0,size=3M"]):
        result = subprocess.run(
            ["sh", "-c", f'{DAXRUN} --print-env "$@" & wait $!; echo $?; kill $$', "sh", *args],
            text=True, capture_output=True, env=daxrun.env(), timeout=TIMEOUT, check=False)
        status = result.stdout.splitlines()[-1]
        assert (status, result.stderr != "") == (("125", True) if args else ("0", False))
        assert "3M" in result.stderr or not args
        until(lambda: daxrun.left() == ([], {}), "the daemon ends with the shell")


def test_print_env_is_quoted(daxrun):
    """The output of --print-env is quoted, whatever characters the names contain."""
    odd = daxrun.dir / "it's $odd"
    odd.mkdir()
    if daxrun.as_nobody:
        os.chown(odd, NOBODY, NOBODY)
    script = f'eval "$({DAXRUN} --print-env)"; ls /dev/dax0.0; echo "$CUSE_DAXD_RUNTIME_DIR"'
    result = subprocess.run(daxrun.command()[:-1] + ["sh", "-c", script], text=True,
                            capture_output=True, check=False, timeout=TIMEOUT,
                            env=daxrun.env(XDG_RUNTIME_DIR=str(odd)))
    assert result.stdout.startswith("/dev/dax0.0\n"), said(result)
    assert f"{odd}/daxrun." in result.stdout
    until(lambda: not os.listdir(odd), "the daemon ends")


def test_print_env_of_a_running_daemon(daxrun, daemon):
    d = daemon("[region 0]\nsize=4M\nmode=0666\n")
    text = daxrun("--connect=" + str(d.dir), "--print-env")
    assert text.splitlines() == [f"export CUSE_DAXD_RUNTIME_DIR='{d.dir}'",
                                 f"export LD_PRELOAD='{BUILD}/libdaxshim.so'"]


@pytest.fixture
def library(daxrun):
    """A preload library of the user."""
    (daxrun.dir / "mine.c").write_text(
        "#include <unistd.h>\nuid_t getuid(void) { return 4711; }\n")
    path = daxrun.dir / "mine.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", path, daxrun.dir / "mine.c"], check=True)
    return path


@pytest.mark.plain
@both_users
def test_a_preload_that_is_there_is_kept(daxrun, library):
    env = {"LD_PRELOAD": str(library)}
    assert daxrun("--", "sh", "-c", "echo $LD_PRELOAD", env=env) == \
        f"{BUILD}/libdaxshim.so:{library}\n"
    assert daxrun("--", PYTHON, "-c", "import os; print(os.getuid())", env=env) == "4711\n"
    assert daxrun("--", "sh", "-c", "echo /dev/dax*", env=env) == "/dev/dax0.0\n"


@pytest.mark.plain
@pytest.mark.parametrize("before, after", [
    ("SHIM", "SHIM"), ("a.so:SHIM", "SHIM:a.so"), ("a.so b.so", "SHIM:a.so:b.so"),
    ("a.so:libasan.so.8", "libasan.so.8:SHIM:a.so"), ("", "SHIM"),
    ("/usr/lib/libtsan.so.2:a.so", "/usr/lib/libtsan.so.2:SHIM:a.so"),
])
def test_the_order_of_preloads(daxrun, before, after):
    """The shim comes first, except after a sanitizer's runtime, and only once."""
    shim = f"{BUILD}/libdaxshim.so"
    text = subprocess.run(["sh", "-c", f"{DAXRUN} --print-env; :"], text=True, check=True,
                          env=daxrun.env(LD_PRELOAD=before.replace("SHIM", shim)),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    assert f"export LD_PRELOAD='{after.replace('SHIM', shim)}'" in text
    until(lambda: daxrun.left() == ([], {}), "the daemon ends with its caller")


def test_daxrun_in_daxrun(daxrun):
    """A program under nested daxruns sees the devices of the inner one."""
    output = daxrun("-d", "dax0.0,size=4M", "--", "sh", "-c",
                    f"set -e; echo /dev/dax*; {DAXRUN} -d dax7.0,size=4M -- sh -c 'echo /dev/dax*'\n"
                    "echo /dev/dax*")
    assert output == "/dev/dax0.0\n/dev/dax7.0\n/dev/dax0.0\n"


@pytest.fixture
def static_program(daxrun):
    (daxrun.dir / "static.c").write_text(
        "#include <unistd.h>\nint main(void)"
        "{ return access(\"/dev/dax0.0\", F_OK) ? 3 : 0; }\n")
    path = daxrun.dir / "static"
    subprocess.run(["gcc", "-static", "-o", path, daxrun.dir / "static.c"], check=True)
    return path


def test_static_programs_are_told(daxrun, static_program):
    result = daxrun.any("--", static_program)
    if result.returncode == 3:
        assert "statically linked" in result.stderr and "will not see the devices" in result.stderr
        assert daxrun.any("-q", "--", static_program).stderr == ""
    else:
        assert (result.returncode, result.stderr) == (0, ""), said(result)


@needs_root
def test_set_user_id_programs_are_told(daxrun):
    daxrun.user = "nobody"
    path = daxrun.workdir / "ls"
    shutil.copy("/bin/ls", path)
    path.chmod(0o4755)
    os.chown(daxrun.dir, NOBODY, NOBODY)
    os.chown(daxrun.runtime, NOBODY, NOBODY)
    result = daxrun.any("--", path, "/dev/null")
    assert result.returncode == 0
    assert "set-user-ID" in result.stderr and "not see the devices" in result.stderr
    assert daxrun.any("-q", "--", path, "/dev/null").stderr == ""


def test_the_daemons_death_hurts_nobody(daxrun):
    """When the daemon dies, mappings stay, the first mmap of another device fails with ENXIO, and
    daxrun prints a message."""
    code = ("import mmap, os, sys\n"
            "m = mmap.mmap(os.open('/dev/dax0.0', os.O_RDWR), 2 << 20)\nm[0] = 1\n"
            "other = os.open('/dev/dax1.0', os.O_RDWR)\n"
            "print('ready', flush=True)\nsys.stdin.readline()\nm[1] = m[0] + 1\n"
            "try: mmap.mmap(other, 2 << 20)\nexcept OSError as e: print(m[1], e)")
    p = daxrun.popen("-d", "dax0.0,size=4M", "-d", "dax1.0,size=4M", "--", PYTHON, "-c", code,
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.readline() == "ready\n"
    _, processes = daxrun.left()
    daemons = [pid for pid, command in processes.items() if "cuse-daxd --" in command or
               "cuse-daxd -c" in command]
    assert len(daemons) == 1, processes
    os.kill(daemons[0], signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{daemons[0]}"), "daxrun reaps it")
    out, err = p.communicate("go on\n", timeout=TIMEOUT)
    assert out == "2 [Errno 6] No such device or address\n"
    assert "cuse-daxd has exited: new mappings will fail with ENXIO, continuing" in err
    assert p.returncode == 0
