# SPDX-License-Identifier: BSD-2-Clause
"""The config file: keys and values accepted, messages for the rest, and --dump-config."""

import os
import re
import subprocess

import pytest

from conftest import DAEMON, ROOT, dump, run

MIB = 1 << 20


@pytest.fixture
def check(workdir):
    """check(text) returns the messages of --check-config, one line for each problem."""
    def run_check(text, ok=False):
        path = workdir / "c"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        result = run([DAEMON, f"--config={path}", "--check-config"])
        if ok:
            assert (result.returncode, result.stderr) == (0, "")
            assert result.stdout == f"{path}: ok\n"
            return []
        assert result.returncode == 1 and result.stdout == ""
        return [line.removeprefix("cuse-daxd: ").replace(str(path), "FILE")
                for line in result.stderr.splitlines()]

    return run_check


@pytest.fixture
def dumped(workdir):
    """dumped(text) returns the output of --dump-config as {group: {key: value}}."""
    def run_dump(text, *args):
        path = workdir / "c"
        path.write_text(text)
        groups = {}
        for line in dump(path, *args).splitlines():
            if line.startswith("["):
                group = groups.setdefault(line.strip("[]"), {})
            elif line and not line.startswith("#"):
                key, value = line.split("=", 1)
                group[key] = value
        return groups

    return run_dump


@pytest.mark.parametrize("text, expected", [
    ("[region 0]\nsizes=1G\n", "FILE:2: [region 0] has no key 'sizes' (did you mean 'size'? it has backing, size, "),
    ("\n\n[regoin 0]\n", "FILE:3: there is no group [regoin 0] (only [daemon], "),
    ("[daemon]\nkernel=6.14\n", "FILE:2: kernel=: '6.14' is not one of 6.1, 6.12, 6.18, 7.3, host (did you mean "
                                 "'6.12'? "),
    ("[daemon]\nkernel=hots\n", "FILE:2: kernel=: 'hots' is not one of 6.1, 6.12, 6.18, 7.3, host (did you mean "
                                 "'host'? "),
    ("[daemon]\nkernel=\n", "FILE:2: kernel=: '' is not one of 6.1, 6.12, 6.18, 7.3, host ("),
    ("[region 0]\n[region x]\n", "FILE:2: there is no group [region x]"),
    ("[region 00]\n", "FILE:1: there is no group [region 00]"),
    ("[region 100000]\n", "FILE:1: there is no group [region 100000]"),
    ("[device 0]\n", "FILE:1: there is no group [device 0]"),
    ("[region 0]\n[device 1.0]\n", "FILE:2: [device 1.0] is in no region (add [region 1])"),
    ("[fault 1]\n", "FILE:1: [fault 1]: the rule does not say what happens"),
    ("size=1G\n", "FILE:1: size= is in no group"),
    ("[region 0]\nsize\n", "FILE:2: 'size' is neither [group], key=value nor # comment"),
    ("[region 0]\n=1G\n", "FILE:2: '=1G' is neither"),
    ("[region 0\n", "FILE:1: '[region 0' is not a group"),
    ("[region 0]\nsize=1G\nsize=2G\n", "FILE:3: size= is defined already in line 2"),
    ("[region 0]\n[daemon]\n[region 0]\n", "FILE:3: [region 0] is defined already in line 1"),
    ("[region 0]\nsize=1X\n", "FILE:2: size=: '1X' is not a size (try 4096, "),
    ("[region 0]\nsize=-1\n", "FILE:2: size=: '-1' is not a size"),
    ("[region 0]\nsize=\n", "FILE:2: size=: '' is not a size"),
    ("[region 0]\nsize=1.5G\n", "FILE:2: size=: '1.5G' is not a size"),
    ("[region 0]\nsize=65T\n", "FILE:2: size=: '65T' is too large (64T is"),
    ("[region 0]\nalign=3M\n", "FILE:2: align=: '3M' is not one of 4K, 2M, 1G"),
    ("[region 0]\ntype=fast\n", "FILE:2: type=: 'fast' is not one of static, dynamic"),
    ("[region 0]\nmap=disk\n", "FILE:2: map=: 'disk' is not one of mem, dev"),
    ("[region 0]\npages=true\n", "FILE:2: pages=: 'true' is not one of yes, no"),
    ("[region 0]\nbacking=disk\n", "FILE:2: backing=: 'disk' is not one of memory (or memfd), "
                                   "hugetlb, hugetlbfs:PATH, pmem:PATH"),
    ("[region 0]\nbacking=pmem\n", "FILE:2: backing=: pmem needs a path (write pmem:PATH)"),
    ("[region 0]\nbacking=memfd:/x\n", "FILE:2: backing=: memfd has no path (write memfd)"),
    ("[region 0]\nbacking=pmem:x\n", "FILE:2: backing=: 'x' is not an absolute path"),
    ("[region 0]\nmode=0888\n", "FILE:2: mode=: '0888' is not a mode (octal, 0000 to 0777; or devdax, "
     "system-ram, famfs)"),
    ("[region 0]\nmode=1777\n", "FILE:2: mode=: '1777' is not a mode"),
    ("[region 0]\nowner=no-such-user\n", "FILE:2: owner=: there is no user 'no-such-user'"),
    ("[region 0]\ngroup=no-such-group\n", "FILE:2: group=: there is no group 'no-such-group'"),
    ("[region 0]\nowner=4294967295\n", "FILE:2: owner=: there is no user '4294967295'"),
    ("[region 0]\nnuma-node=-2\n", "FILE:2: numa-node=: '-2' is not a node (0 to 1023, or -1"),
    ("[region 0]\ntarget-node=1024\n", "FILE:2: target-node=: '1024' is not a node"),
    ("[daemon]\nfrontend=fuse\n", "FILE:2: frontend=: 'fuse' is not one of auto, cuse, none"),
    ("[daemon]\nruntime-dir=here\n", "FILE:2: runtime-dir=: 'here' is not an absolute path"),
    (b"[region 0]\nsize=1G\xff\n", "FILE: is not UTF-8 text"),
    (b"[region 0]\n\0size=1G\n", "FILE: is not UTF-8 text"),
    # sizes
    ("[region 0]\nsize=1000000\n", "FILE:1: [region 0] size=1000000 is not a multiple of 2M (try "
                                   "2M)"),
    ("[region 0]\nalign=1G\n[device 0.0]\nsize=1536M\n",
     "FILE:3: [device 0.0] size=1536M is not a multiple of 1G (try 1G or 2G)"),
    ("[region 0]\nsize=0\n", "FILE:1: [region 0] size=0 is too small (the smallest size is 2M"),
    ("[region 0]\n[device 0.0]\nsize=0\n", "FILE:2: [device 0.0] size=0 is too small"),
    ("[region 0]\ntype=dynamic\nalign=4K\nsize=1028K\n", "FILE:1: [region 0] size=1028K is not a "
                                                        "multiple of 2M"),
    ("[region 0]\nbacking=pmem:/x\nalign=4K\nsize=1028K\n", "FILE:1: [region 0] size=1028K is not "),
    ("[region 0]\nsize=4M\n[device 0.0]\nsize=6M\n", "FILE:1: [region 0] has 4M, but its devices "
                                                    "take 6M (make the region larger"),
    ("[region 0]\nsize=4M\n[device 0.0]\nsize=4M\n[device 0.1]\n",
     "FILE:1: [region 0] has 4M, but its devices take 4M and leave nothing for the one without"),
    ("[region 0]\nsize=8M\n[device 0.0]\nsize=4M\n", "FILE:1: [region 0] has 8M, but its devices "
                                                    "take only 4M"),
    ("[region 0]\n[device 0.0]\n[device 0.1]\n", "FILE:3: [device 0.1] has no size, and neither "
                                                "has [device 0.0]"),
    ("[region 0]\n[device 0.0]\nsize=4M\n[device 0.1]\n", "FILE:4: [device 0.1] has no size, and "
                                                         "the size of its region is unknown"),
    ("[region 0]\nsize=40T\n[region 1]\nsize=40T\n", "FILE: all regions together are larger than"),
    # values that contradict each other
    ("[region 0]\nbacking=hugetlb\nalign=4K\n", "FILE:1: [region 0] align=4K is not possible on "
                                                "hugetlb"),
    ("[region 0]\nbacking=hugetlbfs:/x\nalign=4K\n", "FILE:1: [region 0] align=4K is not possible"),
    ("[region 0]\nbacking=hugetlbfs:/x\nsize=8M\n[device 0.0]\nsize=4M\n[device 0.1]\nmode=0666\n",
     "FILE:6: [device 0.1] differs in mode, owner or group"),
    ("[region 0]\ntype=dynamic\n[device 0.0]\nowner=7\n",
     "FILE:3: [device 0.0] differs in mode, owner or group"),
])
def test_refused(check, text, expected):
    problems = check(text)
    assert len(problems) == 1, problems
    assert problems[0].startswith(expected)
    assert re.search(r"\(.*\)|is not one of|is neither .* nor", problems[0]), \
        "it does not say what to do"


def test_limits_of_the_text(check):
    path = "/" + "x" * 4094
    check(f"[region 0]\nbacking=pmem:{path}\n", ok=True)
    assert check(f"[region 0]\nbacking=pmem:{path}x\n") == \
        ["FILE:2: backing=: the path is longer than 4095 bytes (shorten it)"]
    check("#" * MIB, ok=True)
    assert check("#" * (MIB + 1)) == ["FILE: is larger than 1M (check -c)"]


def test_all_problems_are_told(check):
    problems = check("[region 0]\nsize=x\nalign=x\n[nonsense]\n[device 1.0]\n")
    assert [p.split(":")[1] for p in problems] == ["2", "3", "4", "5"]


def test_there_is_an_end_to_problems(check):
    problems = check("[region 0]\n" + "".join(f"x{n}=1\n" for n in range(1000)))
    assert len(problems) == 50 and problems[-1] == "too many problems, giving up"


@pytest.mark.parametrize("name, remedy", [
    ("/nonexistent/c", "No such file or directory (check -c)"),
    ("/", "Is a directory (check -c)"),
])
def test_unreadable_file(name, remedy):
    result = run([DAEMON, "-c", name, "--check-config"])
    assert result.returncode == 1 and remedy in result.stderr


def test_a_broken_config_starts_nothing(new_daemon):
    assert ":1: there is no group" in new_daemon().fail("[nonsense]\n")


def test_defaults(dumped):
    groups = dumped("", "--runtime-dir=/x")
    assert groups == {
        "daemon": {"frontend": "auto", "kernel": "host", "runtime-dir": "/x"},
        "region 0": {"backing": "memory", "size": "1G", "align": "2M", "type": "static",
                     "map": "mem", "pages": "yes", "numa-node": "0", "target-node": "0",
                     "mode": "0600", "owner": str(os.geteuid()), "group": str(os.getegid())},
        "device 0.0": {"size": "1G", "mode": "0600", "owner": str(os.geteuid()),
                       "group": str(os.getegid())},
    }


def test_a_region_without_a_size_is_the_sum_of_its_devices(dumped):
    groups = dumped("[region 0]\n[device 0.0]\nsize=4M\n[device 0.3]\nsize=6M\n")
    assert groups["region 0"]["size"] == "10M"


def test_one_device_takes_what_is_left(dumped):
    groups = dumped("[device 0.1]\n[device 0.0]\nsize=4M\n[region 0]\nsize=10M\n")
    assert groups["device 0.1"]["size"] == "6M"


def test_devices_inherit_permissions(dumped):
    groups = dumped("[region 0]\nmode=0640\nowner=7\n[device 0.0]\nsize=4M\ngroup=9\n"
                    "[device 0.1]\nsize=4M\nmode=0666\n")
    assert [groups["device 0.0"][k] for k in ("mode", "owner", "group")] == \
        ["0640", "7", "9"]
    assert groups["device 0.1"]["mode"] == "0666"


def test_names_of_owner_and_group(dumped):
    groups = dumped("[region 0]\nowner=nobody\ngroup=daemon\n")
    assert (groups["region 0"]["owner"], groups["region 0"]["group"]) == ("65534", "1")


def test_a_dynamic_region_always_has_device_0(dumped):
    groups = dumped("[region 5]\ntype=dynamic\nsize=1G\n[device 5.2]\nsize=4M\n")
    assert groups["device 5.0"]["size"] == "0"


def test_a_dynamic_region_whose_devices_are_empty(dumped):
    groups = dumped("[region 5]\ntype=dynamic\n[device 5.0]\nsize=0\n")
    assert (groups["region 5"]["size"], groups["device 5.0"]["size"]) == ("1G", "0")


def test_a_file_may_have_more_than_the_devices_of_a_dynamic_region(dumped):
    groups = dumped("[region 5]\ntype=dynamic\nbacking=hugetlbfs:/x\n[device 5.0]\nsize=4M\n")
    assert "size" not in groups["region 5"] and groups["device 5.0"]["size"] == "4M"


def test_comments_behind_values(dumped):
    groups = dumped("[region 0]\nsize=4M # small\nalign=4K\t# smaller\nbacking=pmem:/a#b#\n")
    assert groups["region 0"]["size"] == "4M"
    assert groups["region 0"]["align"] == "4K"
    assert groups["region 0"]["backing"] == "pmem:/a#b#"


def test_blanks_and_windows_line_ends(dumped):
    groups = dumped("  [region 0]  \r\n size = 4M \r\n\r\n  # comment\r\n")
    assert groups["region 0"]["size"] == "4M"


def test_sizes_that_a_file_decides_are_left_open(workdir, dumped):
    text = "[region 0]\nbacking=pmem:/x\n"
    groups = dumped(text)
    assert "size" not in groups["region 0"] and "align" not in groups["region 0"]
    assert "size" not in groups["device 0.0"]
    assert "# size: the file's" in dump(workdir / "c")
    assert dumped(text + "align=4K\nsize=2M\n")["region 0"]["align"] == "4K"


@pytest.mark.parametrize("text", [
    "", "[region 0]\nbacking=pmem:/a b #c\\\\d\n", "[region 0]\nbacking=pmem:/x\\s#y\n",
    "[region 0]\nbacking=hugetlbfs:/x\nsize=8M\n[device 0.0]\nsize=2M\n[device 0.7]\n",
    "[region 1]\ntype=dynamic\n[device 1.4]\nsize=4M\n[region 0]\nmap=dev\npages=no\n"
    "numa-node=-1\ntarget-node=3\nmode=0\n",
    "[daemon]\nfrontend=none\nruntime-dir=/tmp/x y\n",
])
def test_a_dump_reads_back_as_itself(workdir, text):
    (workdir / "1").write_text(text)
    first = dump(workdir / "1")
    (workdir / "2").write_text(first)
    assert dump(workdir / "2") == first


def test_options_override_the_file(dumped):
    groups = dumped("[daemon]\nfrontend=auto\nruntime-dir=/a\n", "--frontend=none",
                    "--runtime-dir=/b/../c")
    assert groups["daemon"] == {"frontend": "none", "kernel": "host", "runtime-dir": "/c"}


def test_config_from_standard_input():
    result = run([DAEMON, "-c", "-", "--check-config"], input="[region 0]\nsize=x\n")
    assert "(standard input):2: size=: 'x'" in result.stderr


def test_the_users_own_config_file(workdir):
    (workdir / "cuse-daxd.conf").write_text("[region 7]\n")
    workdir.joinpath("cuse-daxd.conf").chmod(0o644)
    env = {"XDG_CONFIG_HOME": str(workdir), "PATH": os.environ["PATH"]}
    result = run([DAEMON, "--dump-config"], env=env, as_nobody=True)
    if os.geteuid() == 0:
        assert "[region 7]" in result.stdout


def test_the_number_of_devices_has_a_limit(check):
    head = "[region 0]\nalign=4K\n"
    one = "[device 0.{}]\nsize=4K\n"
    check(head + "".join(one.format(n) for n in range(1000)), ok=True)
    problems = check(head + "".join(one.format(n) for n in range(1001)))
    assert problems == ["FILE: there are 1001 devices, more than 1000 (remove some)"]


def test_the_largest_size(check):
    check("[region 0]\nsize=64T\nalign=1G\n", ok=True)


def keys_of_parser():
    """Return: {group: keys}, as the message for an unknown key lists them."""
    keys = {}
    for group in ("daemon", "region 0", "device 0.0"):
        text = f"[{group}]\n?=1\n" + ("[region 0]\n" if "device" in group else "")
        result = run([DAEMON, "-c", "-", "--check-config"], input=text)
        keys[group] = re.search(r"\(it has (.*)\)", result.stderr)[1].split(", ")
    return keys


def test_every_key_is_in_the_shipped_config(workdir):
    text = (ROOT / "config/cuse-daxd.conf").read_text()
    found = {}
    for line in text.splitlines():
        if m := re.match(r"#?\[(.*)\]$", line):
            group = found.setdefault(m[1], [])
        elif m := re.match(r"#([a-z-]+)=", line):
            group.append(m[1])
    assert found == keys_of_parser()
    # Without the comment marks it is a config, and states the defaults.
    text = re.sub(r"^#fault-log=.*$", "", text, flags=re.M)  # there is none by default
    (workdir / "c").write_text(re.sub(r"^#(?=\[|[a-z-]+=)", "", text, flags=re.M))
    (workdir / "empty").write_text("")
    if os.geteuid() == 0:
        assert dump(workdir / "c") == dump(workdir / "empty")


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("**/*.conf")),
                         ids=lambda p: p.name)
def test_shipped_configs_are_right(path):
    result = run([DAEMON, "-c", path, "--check-config"])
    assert (result.returncode, result.stdout) == (0, f"{path}: ok\n"), result.stderr


@pytest.mark.parametrize("args, says", [
    (["--lost"], "unknown option '--lost' (see --help)"),
    (["--runtime-dri=x"], "unknown option '--runtime-dri' (did you mean '--runtime-dir'?"),
    (["--config"], "option '--config' needs a value"),
    (["-c"], "option '-c' needs a value"),
    (["--foreground=1"], "option '--foreground' takes no value"),
    (["--fault-"], "option '--fault-' is ambiguous (--fault-log, --fault-report-fd)"),
    (["list"], "'list': no arguments are taken (-c FILE names the config"),
    (["--frontend=fuse"], "--frontend: 'fuse' is not one of"),
    (["--ready-fd=77"], "--ready-fd: '77' is not an open descriptor"),
    (["--ready-fd=x"], "--ready-fd: 'x' is not an open descriptor"),
    (["--exit-with=0"], "--exit-with: '0' is not a process id"),
    (["--runtime-dir="], "--runtime-dir: is empty"),
])
def test_usage_errors(args, says):
    result = run([DAEMON, *args])
    assert result.returncode == 2 and result.stderr.startswith("cuse-daxd: " + says)


def test_a_mistyped_key_has_a_suggestion(workdir):
    (workdir / "c").write_text("[region 0]\nsise=1G\n")
    result = run([DAEMON, "-c", workdir / "c", "--check-config"])
    assert result.returncode == 1
    assert "[region 0] has no key 'sise' (did you mean 'size'? it has " in result.stderr


@pytest.mark.parametrize("first, second", [
    ("file", "file"), ("file", "hard"), ("file", "soft"), ("soft", "hard"), ("file", "d/../file"),
    ("new", "new"), ("new", "d/../new"), ("d/new", "way/new")])
def test_two_regions_on_one_file(workdir, first, second):
    """They are refused, however the file is called; also when the daemon starts."""
    (workdir / "file").write_bytes(b"")
    os.link(workdir / "file", workdir / "hard")
    (workdir / "soft").symlink_to("file")
    (workdir / "d").mkdir()
    (workdir / "way").symlink_to("d")
    config = workdir / "c"
    config.write_text(f"[region 0]\nbacking=pmem:{workdir}/{first}\nsize=4M\n"
                      f"[region 3]\nbacking=pmem:{workdir}/{second}\nsize=4M\n")
    for args in (["--check-config"], ["--foreground", f"--runtime-dir={workdir}/rt"]):
        result = run([DAEMON, "-c", config, *args])
        assert result.returncode == 1
        assert f"{config}:4: [region 3] has the backing file of [region 0]" in result.stderr
    config.write_text(config.read_text().replace(f"/{second}\nsize=4M\n", "/other\nsize=4M\n")
                      if first != second else "[region 0]\n")
    assert run([DAEMON, "-c", config, "--check-config"]).returncode == 0


def test_origins_are_named_instead_of_lines(workdir):
    """A generated config names the origin of its lines, and messages quote it."""
    config = workdir / "c"
    config.write_text("[region 0]\nalign=5M\n#@ the form's size\nsize=x\n#@ the last line\n"
                      "[device 0.1]\nmode=9\n")
    result = run([DAEMON, "-c", config, "--check-config"])
    assert [line.partition(" is not ")[0] for line in result.stderr.splitlines()] == [
        f"cuse-daxd: {config}:2: align=: '5M'", "cuse-daxd: the form's size: size=: 'x'",
        "cuse-daxd: the last line: mode=: '9'"]


def test_help_names_every_option():
    result = run([DAEMON, "--help"])
    for name in ("config", "runtime-dir", "frontend", "foreground", "check-config",
                 "dump-config", "ready-fd", "exit-with", "help", "version"):
        assert f"--{name}" in result.stdout
    assert result.returncode == 0 and result.stderr == ""


def test_version():
    result = run([DAEMON, "--version"])
    assert re.fullmatch(r"cuse-daxd \d+\.\d+\n", result.stdout)


def test_cuse_is_refused_clearly(new_daemon):
    """In a sandbox whose /dev has no /dev/cuse, whether the machine has one or not."""
    def refused(*args):
        daemon = new_daemon()
        daemon.prefix = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--"]
        return daemon.fail(*args)

    assert "frontend=cuse: /dev/cuse: No such file or directory (as root: modprobe cuse" in \
        refused(None, "--frontend=cuse")
    assert "frontend=cuse:" in refused("[daemon]\nfrontend=cuse\n")


@pytest.mark.parametrize("text, says", [
    ("[daemon]\nmajor=0\n", "major: '0' is not a number from 1 to 511, or auto"),
    ("[daemon]\nmajor=512\n", "'512' is not a number"),
    ("[region 0]\n[device 0.0]\nminor=1024\n", "minor: '1024' is not a number from 0 to 1023, or auto"),
    ("[region 0]\n[device 0.0]\nsize=2M\nminor=3\n[device 0.1]\nsize=2M\nminor=3\n",
     "[device 0.1] minor=3 is used by [device 0.0] as well (choose another)"),
])
def test_device_numbers_that_cannot_be(check, text, says):
    assert any(says in problem.replace("=: ", ": ") for problem in check(text))


def test_chosen_device_numbers(daemon):
    d = daemon("[daemon]\nmajor=300\n[region 0]\n[device 0.0]\nsize=2M\n[device 0.1]\nsize=2M\nminor=0\n"
               "[device 0.2]\nsize=2M\nminor=1023\n")
    numbers = {x["chardev"]: x["dev"] for x in d.control("list")}
    assert numbers["dax0.1"] == "300:0" and numbers["dax0.2"] == "300:1023"
    assert numbers["dax0.0"].startswith("300:") and len(set(numbers.values())) == 3
    assert d.attr("bus/dax/devices/dax0.2/dev") == "300:1023\n"


def test_failing_to_print_the_dump_is_a_failure():
    with open("/dev/full", "w") as full:
        result = subprocess.run([DAEMON, "--dump-config"], stdout=full, stderr=subprocess.PIPE,
                                check=False)
    assert result.returncode == 1
