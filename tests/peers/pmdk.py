#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/peers/pmdk.py [--build BUILD] [--jobs N] [NAME]...

Run PMDK's own programs on emulated devices, from the sources of Debian 13, which are
fetched and built in BUILD/peers the first time. NAME is the name of a map or of a test;
default: all.

  maps    libpmemobj's example maps under "daxrun --crash". hashmap_atomic replaces its table
          by a store of two words that lie in two lines: it must fail to recover if the
          second one survives alone. The others must have no bad state.
  tests   PMDK's tests of bad blocks, unchanged; bin/ndctl and bin/sudo stand in for those
          commands. They build most of PMDK, which takes minutes.
  plugin  Scripts of PMDK that use device dax, unchanged, as tests of the pytest plugin
          (pmdk_scripts.py): each with four devices of its own; and with faults, which they notice.
  ci      The same by the recipe of docs/ci.md for GitHub Actions (pmdk_ci.yaml), step by step.
  shell-BUILD, python-BUILD
          All tests of PMDK's two frameworks that use device dax, unchanged, on four devices of
          64 MiB, two with an align of 4 KiB and two of 2 MiB. They build all of PMDK's tests.

pmempool_check/TEST32 must end with SIGBUS: it reads the good half of a page with a bad sector,
and an emulated page is bad as a whole.

Prints a line for each. Exit status: 0 if all are as expected, 1 if one is not.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

from common import command

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "lib"))
from github import NAME, RUNNER  # noqa: E402

PYTHON = "/usr/bin/python3"  # Debian's, for which Debian's pytest is
VERSION = "1.13.1"
SOURCES = ("deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
           "http://deb.debian.org/debian trixie main\n")

MAPS = ("hashmap_atomic", "btree", "ctree", "rbtree", "hashmap_tx", "hashmap_rp", "skiplist")
MAP_FILES = ("map/map.c", "map/map_{}.c", "hashmap/{}.c", "tree_map/{}_map.c", "list_map/{}_map.c")
KEYS = 12
STATES_MIN = 400
LINE = 64


def fetch(place):
    """Fetch PMDK's sources with apt, which keeps its lists in place. Return: their folder."""
    source = place / f"pmdk-{VERSION}"
    if source.exists():
        return source
    (place / "lists/partial").mkdir(parents=True, exist_ok=True)
    (place / "status").touch()
    (place / "sources.list").write_text(SOURCES)
    options = [f"-oDir::State={place}", f"-oDir::State::status={place}/status", f"-oDir::Cache={place}",
               f"-oDir::Etc::sourcelist={place}/sources.list", "-oDir::Etc::sourceparts=/dev/null"]
    if os.geteuid() == 0:
        options.append("-oAPT::Sandbox::User=root")
    command("apt-get", "-q", *options, "update")
    # Only the tarball, as mirrors may lack the rest. The signed list has its checksum.
    uris = command("apt-get", "-q", *options, "source", "--print-uris", "pmdk")
    uri = re.search(rf"^'(\S+)' (pmdk_{re.escape(VERSION)}\.orig\.tar\.gz) \d+ (SHA256:\w+)$", uris, re.M)
    if not uri:
        sys.exit(f"pmdk.py: Debian has no PMDK {VERSION} there:\n{uris}")
    command("/usr/lib/apt/apt-helper", *options, "download-file", uri[1], str(place / uri[2]), uri[3])
    unpacked = place / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(place / uri[2]) as tar:
        tar.extractall(unpacked)
    (unpacked / source.name).rename(source)
    unpacked.rmdir()
    return source


# ---- maps ----------------------------------------------------------------------


def build_maps(source, place):
    """Build maps.c with PMDK's example maps and the machine's libpmemobj."""
    program = place / "maps"
    if program.exists() and program.stat().st_mtime > (HERE / "maps.c").stat().st_mtime:
        return program
    examples = source / "src/examples"
    objects = examples / "libpmemobj"
    files = sorted({path for name in MAPS for pattern in MAP_FILES
                    if (path := objects / pattern.format(name)).exists()})
    folders = [examples, objects, *(objects / name for name in ("map", "hashmap", "tree_map", "list_map"))]
    command("gcc", "-D_GNU_SOURCE", "-O1", "-g", "-o", str(program), str(HERE / "maps.c"), *map(str, files),
            *(f"-I{folder}" for folder in folders), "-lpmemobj")
    return program


def is_straddle(bad):
    """Tell whether the bad states are those of one store of two words in two lines.

    That is: the second line alone survives, or all but the first, and the check dies of it.
    """
    states = {(row["fence"], row["state"]) for row in bad}
    seconds = {(fence, int(state.split()[1], 16)) for fence, state in states if state.startswith("only ")}
    expected = {(fence, f"only {line:#x}") for fence, line in seconds} | \
               {(fence, f"but {line - LINE:#x}") for fence, line in seconds}
    return bool(states) and states <= expected and len({line for _, line in seconds}) == 1 and \
        all(re.search("SIGSEGV|Segmentation fault|exit 139", f"{row['ended']} {row['last line']}") for row in bad)


def run_map(run, name):
    program = build_maps(run.source, run.place)
    image = run.place / f"{name}.pool"
    report = run.place / f"{name}.json"
    image.unlink(missing_ok=True)
    daxrun = [str(run.build / "daxrun"), "-q"]
    command(*daxrun, "-d", f"dax0.0,size=10M,backing=pmem:{image}", "--", str(program), "create", name)
    result = subprocess.run(
        [*daxrun, f"--image={image}", f"--jobs={run.jobs}", "--crash", "--states=none,all,only,but",
         f"--report=json:{report}", "--verify", f"exec '{program}' check {name}", "--", str(program), "work", name,
         str(KEYS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode not in (0, 1):
        return False, result.stdout.strip()
    rows = json.loads(report.read_text())["rows"]
    bad = [row for row in rows if row["verdict"] == "bad"]
    text = f"{len(bad)} of {len(rows)} states bad"
    if bad:
        text += ": " + ", ".join(f"{row['fence']} {row['state']} {row['ended']}" for row in bad[:4])
    if name == "hashmap_atomic":
        return is_straddle(bad), text
    return not bad and len(rows) >= STATES_MIN, text


# ---- tests of bad blocks ---------------------------------------------------------

TESTS = ("util_badblock/TEST3", "util_badblock/TEST4", "pmempool_create/TEST10", "pmempool_create/TEST12",
         "pmempool_check/TEST32")
SIGBUS_TEST = "pmempool_check/TEST32"
LIBRARIES = ("libpmem", "libpmem2", "libpmemlog", "libpmemblk", "libpmemobj", "libpmempool", "common", "core")
PROGRAMS = {
    "tools/pmempool": "pmempool",
    "tools/daxio": "daxio",
    "test/unittest": "all",
    "test/tools/pmemdetect": "pmemdetect.static-nondebug",
    "test/util_badblock": "util_badblock",
    "test": "envconfig.sh",
}
CONFIG = """DEVICE_DAX_PATH=(/dev/dax0.0)
NON_PMEM_FS_DIR={place}/files
ENABLE_SUDO_TESTS=y
BADBLOCK_TEST_TYPE=real_pmem
UNITTEST_LOG_LEVEL=2
"""


def build_tests(run):
    """Build what the tests need. Return: their folder."""
    src = run.source / "src"
    make = ("make", "-s", f"-j{run.jobs}", "EXTRA_CFLAGS=-Wno-error", "-C")
    command(*make, str(src), *LIBRARIES)
    for folder, target in PROGRAMS.items():
        command(*make, str(src / folder), target)
    (run.place / "files").mkdir(exist_ok=True)
    (src / "test/testconfig.sh").write_text(CONFIG.format(place=run.place))
    return src / "test"


def run_test(run, name):
    folder, script = name.split("/")
    test = build_tests(run) / folder
    env = {**os.environ, "TEST": "medium", "FS": "any", "BUILD": "nondebug", "CHECK_TYPE": "none",
           "PATH": f"{HERE}/bin:{os.environ['PATH']}", "CUSE_DAXCTL": str(run.build / "cuse-daxctl")}
    result = subprocess.run([str(run.build / "daxrun"), "-q", "-d", "dax0.0,size=64M,align=4K", "--", f"./{script}"],
                            cwd=test, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            errors="replace", check=False)
    lines = result.stdout.strip().splitlines()
    if name == SIGBUS_TEST:
        return "Bus error" in result.stdout, "SIGBUS" if "Bus error" in result.stdout else result.stdout
    is_passed = result.returncode == 0 and lines[-1].startswith(f"{name}: PASS")
    return is_passed, lines[-1] if is_passed else result.stdout


# ---- examples of the documentation ---------------------------------------------------

DEVICES = tuple(f"dax{i}.0,size=64M,align={align}" for i, align in enumerate(("4K", "4K", "2M", "2M")))
SCRIPT_FOLDERS = ("blk_rw", "ctl_cow", "log_basic", "obj_basic_integration", "pmem_is_pmem_posix", "pmem_map_file",
                  "tools/cmpmap", "tools/ddmap", "tools/pmemobjcli", "tools/pmemspoil")
PYTEST = (PYTHON, "-m", "pytest", "-q", "-c", "/dev/null", f"--rootdir={HERE}", f"--confcutdir={HERE}",
          "-p", "no:cacheprovider", "-p", "cuse_daxd.pytest_plugin")


def build_scripts(run):
    """Build what some scripts need, without most of PMDK. Return: the folder of its tests."""
    test = build_tests(run)
    for folder in ("../tools/pmempool", *SCRIPT_FOLDERS):
        command("make", "-s", f"-j{run.jobs}", "EXTRA_CFLAGS=-Wno-error", "-C", str(test / folder))
    configure(run, test)
    return test


def run_plugin(run, _name):
    """Run the scripts as an outsider's tests: without a pytest.ini or conftest.py of this project."""
    env = {**os.environ, "PMDK_TESTS": str(build_scripts(run)), "PYTHONPATH": str(TOP / "python")}
    result = subprocess.run([*PYTEST, f"--daxrun={run.build}/daxrun", str(HERE / "pmdk_scripts.py")], env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = result.stdout.strip()
    is_passed = result.returncode == 0 and re.fullmatch(r"(\d+) passed in .*", said.splitlines()[-1])
    return bool(is_passed), said.splitlines()[-1] if is_passed else said


def recipe_steps():
    """Return: the steps of pmdk_ci.yaml that run in a shell, from "devices" on."""
    steps = json.loads(command(PYTHON, "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))"
                               "['jobs']['dax']['steps']))", str(HERE / "pmdk_ci.yaml")))
    return [step["run"] for step in steps if "run" in step and step.get("name") != "build"]


def run_ci(run, _name):
    """Run the recipe below a runner of GitHub's name, in a workspace as a checkout leaves it."""
    build_scripts(run)
    steps = recipe_steps()
    with tempfile.TemporaryDirectory() as tmp:
        workspace = pathlib.Path(tmp)
        (workspace / "cuse-daxd").mkdir()
        (workspace / "cuse-daxd/build").symlink_to(run.build)
        (workspace / "pmdk").symlink_to(run.source)
        (workspace / "env").touch()
        runner = workspace / NAME
        runner.write_text(RUNNER)
        runner.chmod(0o755)
        result = subprocess.run([runner, *steps], cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, errors="replace", check=False,
                                env={**os.environ, "GITHUB_ENV": str(workspace / "env")})
    passed = re.findall(r"^(\w+/TEST\d+): PASS", result.stdout, re.M)
    is_good = result.returncode == 0 and result.stdout.count("step ended with 0") == len(steps)
    return is_good, f"{len(steps)} steps, {len(passed)} tests passed" if is_good else result.stdout


# ---- frameworks -------------------------------------------------------------------

SHELL_CONFIG = """NON_PMEM_FS_DIR={files}
PMEM_FS_DIR={files}
PMEM_FS_DIR_FORCE_PMEM=1
DEVICE_DAX_PATH=(/dev/dax0.0 /dev/dax1.0 /dev/dax2.0 /dev/dax3.0)
"""
# Page granularity is not forced: it makes libpmem2 call msync(2), which device-dax refuses.
PYTHON_CONFIG = """config = {{
    'unittest_log_level': 1,
    'page_fs_dir': '{files}', 'force_page': False,
    'cacheline_fs_dir': '{files}', 'force_cacheline': True,
    'byte_fs_dir': '{files}', 'force_byte': True,
    'tm': True, 'test_type': 'check', 'build': 'all', 'granularity': 'all', 'keep_going': True,
    'fail_on_skip': False, 'timeout': '3m', 'dump_lines': 30, 'force_enable': None,
    'device_dax_path': ['/dev/dax0.0', '/dev/dax1.0', '/dev/dax2.0', '/dev/dax3.0'],
    'enable_admin_tests': False
}}
"""
FRAMEWORKS = ("shell-debug", "shell-static-nondebug", "python-debug", "python-static_release")
PASSED_MIN = 50  # in each of them


def with_devices(run):
    return [str(run.build / "daxrun"), "-q", *(word for device in DEVICES for word in ("-d", device)), "--"]


def build_all_tests(run):
    """Build all of PMDK's tests; some look at the devices. Return: their folder."""
    test = run.source / "src/test"
    if not (run.place / "all-tests").exists():
        make = ("make", "-s", f"-j{run.jobs}", "EXTRA_CFLAGS=-Wno-error", "-C")
        (run.place / "files").mkdir(exist_ok=True)
        configure(run, test)
        command(*make, str(run.source / "src"), *LIBRARIES, "tools", "deps")
        command(*with_devices(run), *make, str(test))
        (run.place / "all-tests").touch()
    configure(run, test)
    return test


def configure(run, test):
    (test / "testconfig.sh").write_text(SHELL_CONFIG.format(files=run.place / "files"))
    (test / "testconfig.py").write_text(PYTHON_CONFIG.format(files=run.place / "files"))


def shell_test(run, test, build, fs):
    """Run a script. Return: PASS, SKIP or FAIL."""
    env = {**os.environ, "TEST": "all", "FS": fs, "BUILD": build, "CHECK_TYPE": "none"}
    result = subprocess.run([*with_devices(run), f"./{test.name}"], cwd=test.parent, env=env, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if result.returncode == 0 and f"{test.parent.name}/{test.name}: PASS" in result.stdout:
        return "PASS"
    # A script that is not for this file system says so, or nothing.
    is_skipped = result.returncode == 0 and (not result.stdout or ": SKIP" in result.stdout)
    return "SKIP" if is_skipped else "FAIL"


def python_group(run, folder, build):
    """Run a group of tests. Return: a list of (test, PASS, SKIP or FAIL)."""
    result = subprocess.run([*with_devices(run), "/usr/bin/python3", "./RUNTESTS.py", "-b", build, "-t", "short",
                             "medium", "--keep_going", "True", folder.name], cwd=folder.parent,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    found = re.findall(r"^(\w+/TEST\d+): (?:\x1b\[\d+m)?(PASS|SKIP|FAILED)", result.stdout, re.M)
    is_empty = "No testcases to run found" in result.stdout
    if result.returncode and not is_empty and not any(how == "FAILED" for _, how in found):
        found.append((folder.name, "FAILED"))
    return found


def run_framework(run, name):
    kind, build = name.split("-", 1)
    test = build_all_tests(run)
    if kind == "shell":
        scripts = [path for path in sorted(test.glob("*/TEST[0-9]*")) if path.suffix != ".PS1" and
                   re.search("require_dax_device(s|_alignments)", path.read_text(errors="replace"))]
        found = [(f"{path.parent.name}/{path.name}", shell_test(run, path, build, fs))
                 for path in scripts for fs in ("any", "pmem")]
    else:
        folders = [path.parent for path in sorted(test.glob("*/TESTS.py")) if "require_devdax" in path.read_text()]
        found = [result for folder in folders for result in python_group(run, folder, build)]
    counts = {how: sum(h.startswith(how) for _, h in found) for how in ("PASS", "SKIP", "FAIL")}
    text = "{PASS} passed, {SKIP} skipped, {FAIL} failed".format(**counts)
    text += "".join(f" {test}" for test, how in found if how.startswith("FAIL"))
    return not counts["FAIL"] and counts["PASS"] >= PASSED_MIN, text


# ---- main ----------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("names", nargs="*", metavar="NAME")
    run = parser.parse_args()
    known = {**dict.fromkeys(MAPS, run_map), **dict.fromkeys(TESTS, run_test), "plugin": run_plugin, "ci": run_ci,
             **dict.fromkeys(FRAMEWORKS, run_framework)}
    unknown = set(run.names) - set(known)
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    run.build = run.build.absolute()
    run.place = run.build / "peers"
    run.source = fetch(run.place)
    is_good = True
    for name in run.names or known:
        is_right, text = known[name](run, name)
        print(f"{name:22} {'as expected' if is_right else 'WRONG':12} {text}", flush=True)
        is_good &= is_right
    return not is_good


if __name__ == "__main__":
    sys.exit(main())
