# SPDX-License-Identifier: BSD-2-Clause
"""The system service, in a Debian with systemd; see harness.py and tests/daemon/test_systemd.py."""

import json
import mmap
import os
import stat
import subprocess
import time

from harness import GROUP, OTHER, RT, TIMEOUT, WORKER, nodes, run, wait_for

MIB = 1 << 20
SHIM = "/usr/lib/cuse-daxd/libdaxshim.so"
CONF = "/etc/cuse-daxd.conf"
NODE = "/dev/dax0.0"
ONE = "[region 0]\n[device 0.0]\nsize=16M\nmode=0660\ngroup=users-of-dax\n"

# Stores a rising number continuously in two places; prints the last one at SIGTERM.
STORES = """
import mmap, os, signal, struct, sys
fd = os.open("/dev/dax0.0", os.O_RDWR)
m = mmap.mmap(fd, 16 << 20)
stop = False
def on(*a):
    global stop
    stop = True
signal.signal(signal.SIGTERM, on)
n = struct.unpack_from("<Q", m, 0)[0]
print("start", n, flush=True)
while not stop:
    n += 1
    struct.pack_into("<Q", m, 0, n)
    struct.pack_into("<Q", m, 9 << 20, n)
assert struct.unpack_from("<Q", m, 0)[0] == n == struct.unpack_from("<Q", m, 9 << 20)[0]
again = mmap.mmap(fd, 2 << 20)
assert struct.unpack_from("<Q", again, 0)[0] == n
print("stop", n, flush=True)
"""

# Prints both numbers, read through a new mapping in a new process.
SHOWS = """
import mmap, os, struct
m = mmap.mmap(os.open("/dev/dax0.0", os.O_RDONLY), 16 << 20, prot=mmap.PROT_READ)
print(*struct.unpack_from("<Q", m, 0), *struct.unpack_from("<Q", m, 9 << 20))
"""


def systemctl(*args, **kw):
    return run("systemctl", *args, **kw)


def show(what, unit="cuse-daxd.service"):
    return systemctl("show", "-P", what, unit).stdout.strip()


def configure(text):
    with open(CONF, "w") as f:
        f.write(text)


def devices():
    return json.loads(run("cuse-daxctl", "list").stdout)


def journal(*matches):
    lines = run("journalctl", "-o", "json", "-u", "cuse-daxd", "--no-pager", *matches).stdout
    return [json.loads(line) for line in lines.splitlines()]


def program(code, **kw):
    argv = ["setpriv", f"--reuid={WORKER}", f"--regid={WORKER}", f"--groups={GROUP}", "--",
            "python3", "-c", code]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "LD_PRELOAD": SHIM}, **kw)


def numbers():
    a, b = run("python3", "-c", SHOWS, user=WORKER, groups=[GROUP], env={"LD_PRELOAD": SHIM}).stdout.split()
    return int(a), int(b)


def setup():
    configure(ONE)
    run("systemd-sysusers")


def check_boot():
    print(run("systemd-analyze", check=False).stdout)
    assert stat.S_ISCHR(os.stat("/dev/cuse").st_mode)
    assert show("ActiveState") == "inactive" and nodes() == []
    assert "dax:" in run("getent", "group", "dax").stdout
    assert stat.S_IMODE(os.stat(RT).st_mode) == 0o755


def check_start_and_stop():
    systemctl("start", "cuse-daxd")
    st = os.stat(NODE)
    print(run("ls", "-l", NODE).stdout, systemctl("status", "cuse-daxd").stdout)
    assert stat.S_ISCHR(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o660 and st.st_gid == GROUP
    assert show("StatusText") == f"1 device, {RT}"
    assert show("NRestarts") == "0"
    assert numbers() == (0, 0)
    # The real udev leaves mode and owner alone, and makes a unit for the device.
    run("udevadm", "settle")
    wait_for(lambda: show("ActiveState", "dev-dax0.0.device") == "active", "dev-dax0.0.device")
    st = os.stat(NODE)
    assert stat.S_IMODE(st.st_mode) == 0o660 and st.st_gid == GROUP
    systemctl("stop", "cuse-daxd")
    assert nodes() == [] and show("Result") == "success"
    assert show("NFileDescriptorStore") == "0"
    assert set(os.listdir(RT)) <= {"state.kept", "stores"}, os.listdir(RT)
    r = run("python3", "-c", SHOWS, env={"LD_PRELOAD": SHIM}, check=False)
    assert r.returncode and "FileNotFoundError" in r.stderr


def check_restart_loses_nothing():
    systemctl("start", "cuse-daxd")
    assert numbers() == (0, 0)		# after a real stop nothing is left
    p = program(STORES)
    assert p.stdout.readline() == "start 0\n"
    for _ in range(3):
        before = numbers()[0]
        pid = show("MainPID")
        start = time.monotonic()
        systemctl("restart", "cuse-daxd")
        seconds = time.monotonic() - start
        assert show("MainPID") != pid and p.poll() is None
        wait_for(lambda: numbers()[0] > before)
        print(f"restarted in {seconds:.2f} s; {before} before, {numbers()[0]} now; "
              f"{show('NFileDescriptorStore')} descriptors kept")
    p.terminate()
    last = int(p.stdout.read().split()[1])
    assert p.wait(TIMEOUT) == 0
    assert numbers() == (last, last) and last > 0
    assert [d["chardev"] for d in devices()] == ["dax0.0"] and devices()[0]["clients"] == 0


def check_kill_9_and_automatic_restart():
    p = program(STORES)
    first = int(p.stdout.readline().split()[1])
    assert first > 0
    for i in range(6):		# with systemd's default limit the sixth start within ten seconds would fail
        before = numbers()[0]
        pid = int(show("MainPID"))
        os.kill(pid, 9)
        wait_for(lambda: show("MainPID") not in ("0", str(pid)) and show("ActiveState") == "active")
        assert p.poll() is None
        wait_for(lambda: numbers()[0] > before)
        assert int(show("NRestarts")) == i + 1
    p.terminate()
    last = int(p.stdout.read().split()[1])
    assert p.wait(TIMEOUT) == 0 and numbers() == (last, last)
    print(f"killed six times, from {first} to {last}, nothing lost")


def check_reload():
    p = program(STORES)
    p.stdout.readline()
    inode = os.stat(NODE).st_ino
    pid = show("MainPID")
    # A config with errors changes nothing.
    configure(ONE + "[device 0.1]\nsize=3\n")
    systemctl("reload", "cuse-daxd", check=False)
    wait_for(lambda: "reload failed" in show("StatusText"), "StatusText")
    print(show("StatusText"))
    assert nodes() == ["dax0.0"] and show("ActiveState") == "active"
    assert any("0.1] size=3 is not a multiple" in e["MESSAGE"] for e in journal())
    configure(ONE.replace("16M", "32M"))
    systemctl("reload", "cuse-daxd", check=False)
    wait_for(lambda: "its size can't change" in show("StatusText"), "StatusText")
    # A correct config.
    configure(ONE + "[device 0.1]\nsize=2M\nmode=0644\n[region 3]\nsize=8M\ntype=dynamic\n")
    systemctl("reload", "cuse-daxd")
    wait_for(lambda: nodes() == ["dax0.0", "dax0.1", "dax3.0"], "new nodes")
    wait_for(lambda: "reload failed" not in show("StatusText"))
    assert stat.S_IMODE(os.stat("/dev/dax0.1").st_mode) == 0o644
    assert os.stat(NODE).st_ino == inode and show("MainPID") == pid
    # Devices added by a reload survive a restart as well.
    code = "import mmap,os\nm=mmap.mmap(os.open('/dev/dax0.1',os.O_RDWR),2<<20)\n"
    run("python3", "-c", code + "m[5]=55", env={"LD_PRELOAD": SHIM})
    systemctl("restart", "cuse-daxd")
    assert run("python3", "-c", code + "print(m[5])", env={"LD_PRELOAD": SHIM}).stdout == "55\n"
    configure(ONE)
    systemctl("reload", "cuse-daxd")
    wait_for(lambda: nodes() == ["dax0.0"], "old nodes gone")
    wait_for(lambda: show("NFileDescriptorStore") == "1", "descriptors let go of")
    p.terminate()
    assert p.stdout.read().startswith("stop ") and p.wait(TIMEOUT) == 0


def check_journal_has_fields():
    p = program(STORES)
    p.stdout.readline()
    entries = [e for e in journal("DAX_DEVICE=dax0.0") if e.get("DAX_PID") == str(p.pid)]
    print(json.dumps(entries[-1:], indent=1)[:1500])
    assert entries and entries[-1]["DAX_VERDICT"] == "ok"
    assert entries[-1]["SYSLOG_IDENTIFIER"] == "cuse-daxd"
    p.terminate()
    p.stdout.read()
    assert p.wait(TIMEOUT) == 0
    # A refused call of a program without the shim.
    r = run("python3", "-c", "import os\nos.open('/dev/dax0.0', os.O_RDWR | 0x4000)", check=False)
    assert "Invalid argument" in r.stderr, r.stderr
    assert any(e.get("DAX_VERDICT") == "EINVAL" for e in journal("DAX_DEVICE=dax0.0"))


def check_socket_activation():
    systemctl("stop", "cuse-daxd")
    systemctl("start", "cuse-daxd.socket")
    st = os.stat(f"{RT}/control.sock")
    assert stat.S_IMODE(st.st_mode) == 0o666 and show("ActiveState") == "inactive"
    names = [d["chardev"] for d in devices()]	# the first request starts the daemon
    assert names == ["dax0.0"] and show("ActiveState") == "active" and nodes() == ["dax0.0"]
    assert os.stat(f"{RT}/control.sock").st_ino == st.st_ino
    p = program(STORES)
    p.stdout.readline()
    systemctl("restart", "cuse-daxd")
    assert os.stat(f"{RT}/control.sock").st_ino == st.st_ino
    p.terminate()
    last = int(p.stdout.read().split()[1])
    assert numbers() == (last, last)
    systemctl("stop", "cuse-daxd.socket", "cuse-daxd.service")
    assert not os.path.exists(f"{RT}/control.sock") and nodes() == []


def check_an_ordinary_user():
    """A user in the group can use the device, with LD_PRELOAD alone or with daxrun; others get
    EACCES."""
    systemctl("start", "cuse-daxd")
    numbers()
    r = run("python3", "-c", SHOWS, user=OTHER, env={"LD_PRELOAD": SHIM}, check=False)
    assert r.returncode and "PermissionError: [Errno 13]" in r.stderr
    r = run("daxrun", "--connect", "--", "python3", "-c", SHOWS, user=WORKER, groups=[GROUP])
    assert len(r.stdout.split()) == 2
    out = run("daxrun", "--connect", "--", "daxctl", "list", user=WORKER, groups=[GROUP]).stdout
    assert json.loads(out)[0]["chardev"] == "dax0.0"


def check_the_user_unit():
    """The user unit needs no privilege; daxrun --connect finds its daemon if there is no system
    daemon."""
    systemctl("stop", "cuse-daxd")
    r = systemctl("start", f"user@{WORKER}.service", check=False)
    assert not r.returncode, run("journalctl", "--no-pager", "-n", "40").stdout
    env = {"XDG_RUNTIME_DIR": f"/run/user/{WORKER}", "HOME": "/tmp/worker"}
    os.makedirs("/tmp/worker", exist_ok=True)

    def user(*argv, **kw):
        return run(*argv, user=WORKER, env=env, **kw)

    try:
        user("systemctl", "--user", "start", "cuse-daxd-user")
        out = user("daxrun", "--connect", "--", "daxctl", "list").stdout
        assert json.loads(out)[0]["size"] == 1 << 30, out
        code = "import mmap,os\nm=mmap.mmap(os.open('/dev/dax0.0',os.O_RDWR),2<<20)\n"
        user("daxrun", "--connect", "--", "python3", "-c", code + "m[9]=99")
        user("systemctl", "--user", "restart", "cuse-daxd-user")
        assert user("daxrun", "--connect", "--", "python3", "-c", code + "print(m[9])").stdout == "99\n"
        user("systemctl", "--user", "stop", "cuse-daxd-user")
        assert nodes() == []
    finally:
        print(run("journalctl", "--no-pager", "-n", "20", f"_UID={WORKER}", check=False).stdout)
        systemctl("stop", f"user@{WORKER}.service")


def check_security_and_syntax():
    out = run("systemd-analyze", "security", "--no-pager", "cuse-daxd.service").stdout
    print(out.splitlines()[-1])
    assert float(out.split("exposure level for cuse-daxd.service:")[1].split()[0]) <= 1.5
    r = run("systemd-analyze", "verify", "--man=no", "cuse-daxd.service", "cuse-daxd.socket")
    assert r.stdout + r.stderr == ""
    r = run("systemd-analyze", "verify", "--man=no", "--user", "/usr/lib/systemd/user/cuse-daxd-user.service",
            env={"XDG_RUNTIME_DIR": "/run/user/0"}, check=False)
    assert "cuse-daxd-user" not in r.stderr, r.stderr
    run("udevadm", "test", "/sys/class/misc/cuse", check=False)


def check_cycles_leave_nothing():
    systemctl("start", "cuse-daxd")

    def counts():
        pid = show("MainPID")
        return (nodes(), int(show("NFileDescriptorStore")), len(os.listdir(f"/proc/{pid}/fd")),
                len(os.listdir(f"/proc/{pid}/task")), sorted(os.listdir(RT)))

    systemctl("restart", "cuse-daxd")
    before = counts()
    for _ in range(10):
        systemctl("restart", "cuse-daxd")
    after = counts()
    print(f"after 10 restarts: {before} before, {after} after")
    # The daemon may still be closing a connection of this check.
    assert before[:2] == after[:2] and after[2] <= before[2] + 1 and before[3:] == after[3:]
    systemctl("stop", "cuse-daxd")
    assert nodes() == [] and show("NFileDescriptorStore") == "0"
