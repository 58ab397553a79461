# SPDX-License-Identifier: BSD-2-Clause
"""Programs that load no preload library see the devices."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from conftest import BUILD, IS_ROOT, ROOT, both_users, environment, needs_root, run
from daxrun import Daxrun, prog

pytestmark = pytest.mark.plain  # the shim, which runs in foreign processes, is never sanitized

CTL = BUILD / "cuse-daxctl"
BUSYBOX = "/usr/bin/busybox"  # Debian's busybox-static
DEVICE = ("-q", "-d", "dax0.0,size=64M")
ALL = (*DEVICE, "--reach=all", "--")
DOORS = """
    execve execv execvp execvpe execl execlp execle clearenv null fexecve execveat syscall_execve
    syscall_execveat vfork posix_spawn posix_spawnp
""".split()


@pytest.fixture(params=["root", "nobody"] if IS_ROOT else ["nobody"])
def daxrun(workdir, request):
    it = Daxrun(workdir, request.param)
    yield it
    it.check_gone()


@pytest.mark.parametrize("kind", ["static", "static_pie"])
def test_same_answers(daxrun, kind):
    """Files, refusals, splits, mappings, SIGBUS and forks, as in a program that loads the shim."""
    wanted = daxrun(*DEVICE, "--", prog("answers"))
    assert wanted.count("\n") > 20
    assert daxrun(*ALL, prog(f"answers_{kind}")) == wanted


def test_not_with_preload_alone(daxrun):
    result = daxrun.any(*DEVICE, "--reach=preload", "--", prog("answers_static"))
    assert (result.returncode, result.stdout) == (1, "open ENOENT -1\n")
    result = daxrun.any("-d", "dax0.0,size=64M", "--reach=preload", "--", prog("answers_static"))
    assert "is statically linked and loads no shim" in result.stderr
    for options in ((), ("--reach=all",)):
        result = daxrun.any("-d", "dax0.0,size=64M", *options, "--", prog("answers_static"))
        assert result.returncode == 0 and "loads no shim" not in result.stderr


def test_a_word_that_is_none(daxrun):
    result = daxrun.any("--reach=some", "--", "true")
    assert (result.returncode, result.stderr) == (125, "daxrun: --reach: 'some' is neither preload nor all\n")


def test_busybox(daxrun):
    listing = daxrun(*ALL, BUSYBOX, "ls", "-l", "/dev/dax0.0")
    assert listing.startswith("crw-------") and listing.endswith(" /dev/dax0.0\n")
    assert daxrun(*ALL, BUSYBOX, "cat", "/sys/bus/dax/devices/dax0.0/size") == f"{64 << 20}\n"
    dd = daxrun.any(*ALL, BUSYBOX, "dd", "if=/dev/dax0.0", "of=/dev/null", "bs=4096", "count=1")
    assert dd.returncode == 1 and "Invalid argument" in dd.stderr
    assert daxrun(*ALL, BUSYBOX, "sh", "-c", "echo /dev/dax*") == "/dev/dax0.0\n"
    found = daxrun(*ALL, BUSYBOX, "find", "/dev", "-maxdepth", "1", "-name", "dax*")
    assert found == "/dev/dax0.0\n"


@pytest.mark.parametrize("door", DOORS)
def test_a_child_of_a_dynamic_program(daxrun, door):
    """With an environment made afresh, too, by each function that starts a program."""
    out = daxrun(*ALL, prog("exec_doors"), door, BUSYBOX, "ls", "/dev/dax0.0")
    assert out == "/dev/dax0.0\n"


def test_a_child_of_a_static_program(daxrun):
    look = "ls /dev/dax0.0"
    assert daxrun(*ALL, BUSYBOX, "sh", "-c", f"{look}; env -i /usr/bin/busybox {look}; /bin/{look}; "
                  f"env -i /bin/{look}; env -i {BUSYBOX} env -i /bin/sh -c '{BUSYBOX} {look}'") == "/dev/dax0.0\n" * 5


def test_a_child_that_takes_the_shim_away(daxrun):
    """A child of a static program inherits its filter, and so the shim; it is told no lies about itself."""
    out = daxrun(*ALL, BUSYBOX, "sh", "-c", f"unset LD_PRELOAD CUSE_DAXD_GRAFT; {BUSYBOX} ls /dev/dax0.0; "
                 "/bin/echo dynamic", env={"CUSE_DAXD_CHILDREN": "exact"})
    assert out == "/dev/dax0.0\ndynamic\n"


RAW = """stat 0 chr 1
read -22
mmap 1
munmap -22
blocked 1
signals 1
/dev/dax0.0
child 0
"""


def test_raw_calls_in_a_static_program(daxrun):
    """Signals that block everything, and a call in a handler, do no harm."""
    assert daxrun(*ALL, prog("raw_calls_static")) == RAW


@pytest.mark.parametrize("command", ["", "env -i", "/bin/sh -c"])
def test_raw_calls_below_a_static_program(daxrun, command):
    """A dynamic program that inherits the filter sees the devices in calls without libc, too."""
    assert daxrun(*ALL, BUSYBOX, "sh", "-c", f"{command} {prog('raw_calls')}") == RAW


def test_python(daxrun):
    script = f"""
import os, subprocess
print(subprocess.run(["{BUSYBOX}", "ls", "/dev/dax0.0"], capture_output=True, text=True, env={{}}).stdout, end="")
os.waitpid(os.posix_spawn("{BUSYBOX}", ["busybox", "ls", "/dev/dax0.0"], {{}}), 0)
os.execve(os.open("{BUSYBOX}", os.O_RDONLY), ["busybox", "ls", "/dev/dax0.0"], {{}})
"""
    assert daxrun(*ALL, "/usr/bin/python3", "-c", script) == "/dev/dax0.0\n" * 3


def script(daxrun, line, body):
    daxrun.write("script", f"#!{line}\n{body}\n")
    path = daxrun.dir / "script"
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("parent", [(), ("/bin/sh", "-c"), (BUSYBOX, "sh", "-c")], ids=["command", "dynamic", "static"])
def test_below_a_script(daxrun, parent):
    path = script(daxrun, f"{BUSYBOX} sh", 'echo "$0 $1"; ls /dev/dax0.0; cat /proc/$$/comm')
    command = [*parent, f"{path} word"] if parent else [path, "word"]
    assert daxrun(*ALL, *command) == f"{path} word\n/dev/dax0.0\nscript\n"


def test_a_program_is_itself(daxrun):
    """Its name, its path and its environment are those of the original."""
    copy = daxrun.dir / "busybox.own"
    shutil.copy(BUSYBOX, copy)
    copy.chmod(0o755)
    assert daxrun(*ALL, copy, "sh", "-c", "read name </proc/self/comm; echo $name") == "busybox.own\n"
    assert daxrun(*ALL, copy, "readlink", "/proc/self/exe") == f"{copy}\n"
    assert daxrun(*ALL, copy, "cmp", "/proc/self/exe", BUSYBOX) == ""
    names = [line.partition("=")[0] for line in daxrun(*ALL, copy, "env").splitlines()]
    assert "PATH" in names and "CUSE_DAXD_EXE" not in names and "CUSE_DAXD_EXECFN" not in names


def test_an_update_of_the_program(daxrun):
    """A copy serves as long as the file is the same."""
    daxrun.write("program", b"")
    path = daxrun.dir / "program"
    path.chmod(0o755)
    update = f"cat {BUSYBOX} >program; ./program true; echo $?; cat {prog('answers_static')} >program; ./program"
    assert daxrun(*ALL, "sh", "-c", update).startswith("127\nopen ok 3\nstat ok chr 1")


def test_open_descriptors(daxrun):
    """A device that is open when the program starts, and what the program does with its number."""
    out = daxrun.any(*ALL, "sh", "-c", f"exec 5<>/dev/dax0.0; {BUSYBOX} dd bs=1 count=1 <&5; "
                     f"{BUSYBOX} sh -c 'exec 5<&-; exec 5</proc/self/comm; cat <&5'")
    assert "Invalid argument" in out.stderr and out.stdout == "cat\n", out


def test_cannot_be_grafted(daxrun):
    """Programs that cannot be copied run as they always did."""
    path = daxrun.dir / "busybox.suid"
    shutil.copy(BUSYBOX, path)
    path.chmod(0o4755)
    assert daxrun(*ALL, path, "echo", "runs") == "runs\n"
    assert daxrun(*ALL, "sh", "-c", f"{path} echo runs") == "runs\n"
    missing = daxrun.any(*ALL, "./missing")
    assert missing.returncode == 127 and "No such file" in missing.stderr
    daxrun.write("plain", "#!/missing\n")
    plain = daxrun.dir / "plain"
    assert daxrun.any(*ALL, plain).returncode == 126
    plain.chmod(0o755)
    assert daxrun.any(*ALL, plain).returncode == 127


@needs_root
def test_no_room_for_copies(daxrun):
    """Where the runtime directory takes no files to execute, the copy is in memory."""
    program = f"mount -o bind,noexec {daxrun.runtime} {daxrun.runtime} && exec \"$@\""
    command = daxrun.command(*ALL, "sh", "-c", f"{BUSYBOX} ls /dev/dax0.0; {BUSYBOX} readlink /proc/self/exe")
    result = subprocess.run(["unshare", "-m", "sh", "-ec", program, "sh", *command], capture_output=True, text=True,
                            env=daxrun.env(), cwd=daxrun.dir, check=False, timeout=60)
    assert result.stdout == f"/dev/dax0.0\n{BUSYBOX}\n", result


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_trace_and_faults(daxrun, kind):
    """The lines of --trace, and --fault, reach a static program as any other."""
    program = prog("answers_static" if kind == "static" else "answers")
    result = daxrun.any("-d", "dax0.0,size=64M", "--reach=all", "--trace", "--fault", "mmap errno:ENOMEM nth:2",
                        "--", program)
    assert "ENOMEM" in result.stderr and "munmap" in result.stderr, result.stderr
    assert f"{os.path.basename(program)[:15]}[" in result.stderr
    assert "injected" in result.stderr


@pytest.mark.parametrize("kind, signals", [("static", ["code 4 at {} lsb 21", "code 2"]), ("go", ["at {}", "at 0"])])
def test_signals_of_bad_memory(daxrun, kind, signals):
    """Poison and a device that is disabled, in a program that makes no call."""
    program = f"{{ {prog('struck_' + kind)}; }} | {{ read -r line; echo \"$line\"; {CTL} disable dax0.0 >disabled; cat; }}"
    out = daxrun(*DEVICE, "--reach=all", "--fault", "poison offset:4M length:2M", "--", "sh", "-c", program)
    assert out.splitlines() == [*(line.format((4 << 20) + 77) for line in signals), "mmap ENXIO"]


def test_small_alternate_stacks(daxrun):
    """A handler on the smallest stack that the kernel takes may make any call."""
    assert daxrun(*ALL, prog("alt_stack_static")) == "(nil)\n" * 9 + "child 0\ntiny 12\nodd 22\n"


def test_threads_under_a_timer(daxrun):
    out = daxrun(*ALL, prog("crowd_static"))
    assert re.fullmatch(r"wrong 0 of \d+, signals [1-9]\d*\n", out), out


@pytest.mark.parametrize("program", ["vfork_numbers", "vfork_numbers_static"])
def test_a_child_of_vfork_has_other_files(daxrun, program):
    """Its files must not be taken for those of its parent with the same numbers."""
    assert daxrun(*ALL, prog(program)) == "before -22 -22\nchild 0, then -22 -22\n"


def test_a_filter_of_its_own(daxrun):
    """A program that installs a seccomp filter, which forbids what the shim would do, and has SIGSYS itself."""
    wanted = daxrun(*DEVICE, "--", prog("filtered"))
    assert wanted.startswith("filter 0\ntraps 1\nmmap 1 munmap -1\n")
    assert daxrun(*ALL, prog("filtered_static")) == wanted


def test_a_fifo_is_opened_with_the_programs_signals(daxrun):
    """open() of a FIFO waits for its other end, and a signal ends that."""
    out = daxrun.any(*ALL, "sh", "-c", f"mkfifo fifo; timeout -s TERM 1 {BUSYBOX} cat fifo; echo $?")
    assert out.stdout == "124\n"


def test_a_lock_is_awaited_with_the_programs_signals(daxrun):
    assert daxrun(*ALL, prog("lock_static")).splitlines() == [
        "flock ok", "flock again EINTR", "flock at once EAGAIN", "unlock ok", "flock then ok",
        "lock ok", "lock again EINTR", "lock then ok"]


SOURCE = ROOT / "tests/progs/answers.c"
MUSL = ["musl-gcc", "-D_GNU_SOURCE", "-Dstrerrorname_np=strerror", "-I", ROOT, SOURCE]


@pytest.mark.parametrize("options", [["-static"], []], ids=["static", "dynamic"])
def test_musl(daxrun, options):
    """A static program is a graft; a dynamic one loads the shim, as always."""
    built = daxrun.dir / "musl"
    run([*MUSL, *options, "-o", built])
    out = daxrun(*ALL, built)
    glibc = daxrun(*ALL, prog("answers"))
    assert [line.split()[0] for line in out.splitlines()] == [line.split()[0] for line in glibc.splitlines()]
    assert "child 7" in out and "beyond the end: signal 7 code 2 at 5" in out and "read Invalid argument" in out


GO = {
    "cgo": ({"CGO_ENABLED": "1"}, ["-ldflags=-linkmode=external"]),
    "internal": ({"CGO_ENABLED": "1"}, []),
    "pie": ({"CGO_ENABLED": "0"}, ["-buildmode=pie"]),
}
USES_LIBC = 'package main\n\nimport "C"\n\nfunc init() { _ = C.int(1) }\n'
USES_NET = 'package main\n\nimport _ "net"\n'


@pytest.fixture(scope="session", params=["static", *GO])
def go_program(request):
    if request.param == "static":
        yield pathlib.Path(prog("answers_go"))
        return
    more, options = GO[request.param]
    with tempfile.TemporaryDirectory(prefix="daxd-test-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        shutil.copy(ROOT / "tests/progs/answers.go", folder)
        if request.param in ("cgo", "internal"):
            (folder / "libc.go").write_text(USES_LIBC if request.param == "cgo" else USES_NET)
        env = {**os.environ, "GOCACHE": str(folder / "cache"), "GOFLAGS": "-p=1", **more}
        subprocess.run(["go", "build", *options, "-o", "answers", *(path.name for path in folder.glob("*.go"))],
                       cwd=folder, env=env, check=True)
        assert "INTERP" in run(["readelf", "-lW", folder / "answers"]).stdout
        yield folder / "answers"


def wanted_of_go(daxrun):
    lines = daxrun(*DEVICE, "--", prog("answers")).splitlines()
    return [*(line.replace("signal 7 code 2 ", "") for line in lines), "crowd 0 signals true ok echo"]


@pytest.mark.parametrize("parent", [(), ("/bin/sh", "-c"), (BUSYBOX, "sh", "-c"), ("env", "-i")],
                         ids=["command", "dynamic", "static", "fresh"])
def test_go(daxrun, go_program, parent):
    """Go makes system calls without libc, whether it is linked to libc or not."""
    command = [*parent, f"{go_program}; exit $?"] if parent and parent[-1] == "-c" else [*parent, go_program]
    assert daxrun(*ALL, *command).splitlines() == wanted_of_go(daxrun)


def test_go_is_told_without_the_option(daxrun, go_program):
    result = daxrun.any("-d", "dax0.0,size=64M", "--reach=preload", "--", go_program)
    assert (result.returncode, result.stdout) == (1, "open ENOENT -1\n")
    assert "it will not see the devices" in result.stderr
    assert "will not see" not in daxrun.any("-d", "dax0.0,size=64M", "--reach=all", "--", go_program).stderr


def test_go_build(daxrun):
    """The compilers, which are Go programs, make the same bytes."""
    (daxrun.dir / "main.go").write_text('package main\n\nfunc main() { println("made") }\n')
    build = "go build -o $0 main.go"
    env = {"GOCACHE": str(daxrun.dir / "cache"), "GOFLAGS": "-p=1", "CGO_ENABLED": "0"}
    subprocess.run(["sh", "-c", build, "bare"], cwd=daxrun.dir, env={**daxrun.env(), **env}, check=True)
    daxrun(*ALL, "sh", "-c", f"{build} && cmp bare grafted", "grafted", env={**env, "GOCACHE": str(daxrun.dir / "cache2")})


def test_rust(daxrun):
    built = daxrun.dir / "rust"
    run(["/usr/bin/rustc", "-O", "-C", "target-feature=+crt-static", "--crate-name", "mmap_std", "-o", built,
         ROOT / "tests/progs/mmap_std.rs"])
    assert "INTERP" not in run(["readelf", "-lW", built]).stdout
    lines = daxrun(*ALL, built).splitlines()
    assert lines[0] == "char device true size 0" and "read Some(22)" in lines and lines[-1] == "same true"


CONFIG = "[region 0]\nsize=64M\nmode=0666\n"


@both_users
def test_with_nothing_but_ld_preload(new_daemon, user):
    """Children of a program that has the shim see the devices of the system's daemon, or the user's."""
    d = new_daemon("cuse-daxd").start(CONFIG)

    def sh(command, **more):
        env = {**environment(), "LD_PRELOAD": str(BUILD / "libdaxshim.so"), "XDG_RUNTIME_DIR": str(d.dir.parent), **more}
        return run(["sh", "-c", f"{command}; exit $?"], as_nobody=user == "nobody", env=env).stdout

    wanted = sh(prog("answers"))
    assert wanted.startswith("open ok 3\n")
    for kind in "static", "static_pie":
        assert sh(prog(f"answers_{kind}")) == wanted
    assert "read EINVAL" in sh(prog("answers_go")).splitlines()
    look = f"{BUSYBOX} ls /dev/dax0.0"
    assert sh(f"{look}; env -i XDG_RUNTIME_DIR={d.dir.parent} {look}; {BUSYBOX} sh -c '{look}; /bin/ls /dev/dax0.0'") == (
        "/dev/dax0.0\n" * 4)
    assert sh(prog("answers_static"), CUSE_DAXD_GRAFT="") == "open ENOENT -1\n"
    filtered = f"{BUSYBOX} grep ^Seccomp: /proc/self/status"
    assert sh(filtered) == "Seccomp:\t2\n" and not (d.dir / "graft").exists()
    d.stop()
    assert sh(filtered) == "Seccomp:\t0\n"


def test_print_env(daxrun):
    """A shell with what --print-env prints has no shim itself, but its children have."""
    look = f"{BUSYBOX} ls /dev/dax0.0"
    shell = subprocess.run(["sh", "-c", f'eval "$({BUILD}/daxrun --print-env {" ".join(DEVICE)})"; {look}; sh -c "{look}; true"'],
                           env=daxrun.env(), capture_output=True, text=True, timeout=60, check=False)
    assert shell.stdout == "/dev/dax0.0\n" and "No such file" in shell.stderr, shell


def test_it_is_not_turned_off_below_a_filter(daxrun):
    """A child of a static program cannot do without the shim, whose filter it inherits."""
    out = daxrun(*ALL, BUSYBOX, "sh", "-c", f"export CUSE_DAXD_GRAFT=; {prog('answers_static')}; {BUSYBOX} true; echo $?")
    assert out.startswith("open ok 3\n") and out.endswith("\n0\n")


def test_the_daemon_removes_the_copies(daemon, user):
    d = daemon(CONFIG)
    copied = run([BUILD / "daxrun", "-q", f"--connect={d.dir}", "--", BUSYBOX, "ls", "/dev/dax0.0"])
    assert copied.stdout == "/dev/dax0.0\n" and len(list((d.dir / "graft").iterdir())) == 1, user
    d.stop()
    assert not d.dir.exists()


@needs_root
@pytest.mark.parametrize("user", ["nobody"], indirect=True)
def test_no_copy_in_anothers_directory(daemon):
    """Its owner could put another program in the copy's place, for root to execute."""
    d = daemon(CONFIG)
    env = {**environment(), "LD_PRELOAD": str(BUILD / "libdaxshim.so"), "CUSE_DAXD_RUNTIME_DIR": str(d.dir),
           "CUSE_DAXD_GRAFT": str(BUILD / "daxgraft")}
    assert run(["sh", "-c", f"{BUSYBOX} echo runs; exit $?"], env=env).stdout == "runs\n"
    assert not (d.dir / "graft").exists()


@pytest.mark.parametrize("parent", ["sh", f"{BUSYBOX} sh"], ids=["dynamic", "static"])
def test_a_child_that_sees_no_devices_is_told(daxrun, parent):
    """Once for each kind, with the remedy; the programs run as they would without."""
    foreign = daxrun.dir / "foreign"
    program = bytearray(pathlib.Path(BUSYBOX).read_bytes())
    program[4] = 1  # ELFCLASS32
    foreign.write_bytes(program)
    foreign.chmod(0o755)
    other = daxrun.dir / "other"
    shutil.copy("/bin/true", other)
    if IS_ROOT:
        os.chown(other, 0 if daxrun.as_nobody else 65534, -1)
    other.chmod(0o4755)
    result = daxrun.any(*DEVICE[1:], "--reach=all", "--", *parent.split(), "-c",
                        "for i in 1 2; do ./foreign 2>/dev/null; ./other; done; ./other && echo runs")
    assert result.stdout == "runs\n"
    told = [line for line in result.stderr.splitlines() if "sees no devices" in line]
    kinds = ["foreign", "other"] if IS_ROOT else ["foreign"]
    assert sorted(line.split(": ")[1] for line in told) == [f"./{kind}" for kind in kinds], result.stderr
    assert "run one that is" in result.stderr
