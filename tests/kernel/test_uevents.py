# SPDX-License-Identifier: BSD-2-Clause
"""uevents of dax, nd and CXL devices, as netlink sockets and libudev get them.

tests/data/cxl-uevents-7.3.txt has those of a region's life on a real machine with CXL memory.
"""

import functools
import re

import pytest

from conftest import ROOT, both_users, needs_root
from test_cxl import DEFAULT, PRELUDE
from test_ndctl import daxrun as daxrun_any

# The kernel that was recorded.
daxrun = functools.partial(daxrun_any, kernel="7.3")

RECORDED = ROOT / "tests/data/cxl-uevents-7.3.txt"

SOCKET = PRELUDE + r"""
import ctypes, select, socket, struct
def listen(groups, kind=socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_NETLINK, kind | socket.SOCK_NONBLOCK, 15)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    s.bind((0, groups))
    return s
def received(s):
    "Return: all messages so far. They are there when the write that caused them returns."
    messages = []
    while True:
        try:
            data, ancillary, flags, address = s.recvmsg(8192, 100)
        except BlockingIOError:
            return messages
        # The kernel's sender and credentials, which libudev insists on.
        assert address[1] == (2 if data.startswith(b"libudev") else 1), address
        assert [struct.unpack("3i", c[2]) for c in ancillary] == [(0, 0, 0)]
        messages.append(data)
def text(message):
    assert message.endswith(b"\0")
    return message.decode().rstrip("\0").replace("\0", " ")
"""


def python(user, program, device=DEFAULT, prefix=()):
    result = daxrun(user, *prefix, "/usr/bin/python3", "-c", SOCKET + program, device=device)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


@both_users
def test_life_of_a_region(user):
    """The order and the keys of Linux 7.3."""
    out = python(user, r"""
assert write(B + "decoder0.0/delete_region", "region0") == "ok"
s = listen(1)
make("region0", 256, ["decoder2.0"], 512 << 20)
assert write("/sys/bus/dax/drivers/device_dax/unbind", "dax0.0") == "ok"
assert write("/sys/bus/dax/drivers/device_dax/bind", "dax0.0") == "ok"
assert write(D + "cxl_mem/unbind", "mem0") == "ok"
assert write(D + "cxl_mem/bind", "mem0") == "ok"
make("region1", 256, ["decoder2.0"], 512 << 20)
numbers = []
for message in received(s):
    line, _, number = text(message).partition(" SEQNUM=")
    numbers.append(int(number))
    print(line)
assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
""")

    def normal(line):
        line = re.sub(r"MAJOR=\d+", "MAJOR=N", line)
        return line.replace("pci0000", "pci7f00").replace("/0000:", "/7f00:")

    want = [normal(line) for line in RECORDED.read_text().splitlines()]
    # There, kmem was loaded when dax0.0 came, and not any more when dax1.0 did.
    want = [line.replace("DRIVER=kmem", "DRIVER=device_dax") for line in want]
    got = [line for line in map(normal, out.splitlines())
           if not (line.startswith("bind@") and "/dax1.0 " in line)]
    assert got == want


@both_users
@pytest.mark.parametrize("device, lines", [
    ("dax0.0,size=1G,type=dynamic", [
        "unbind@/devices/platform/hmem_platform.0/hmem.0/dax0.0 SUBSYSTEM=dax MAJOR=N MINOR=0 DEVNAME=dax0.0",
        "bind@/devices/platform/hmem_platform.0/hmem.0/dax0.0 SUBSYSTEM=dax MAJOR=N MINOR=0 DEVNAME=dax0.0 "
        "DRIVER=device_dax MODALIAS=dax:t0"]),
    ("dax0.0,size=1G", None),
])
def test_other_types(user, device, lines):
    out = python(user, r"""
s = listen(1)
for what in ("unbind", "bind"):
    assert write("/sys/bus/dax/drivers/device_dax/" + what, "dax0.0") == "ok"
for message in received(s):
    print(text(message))
""", device=device)
    got = [re.sub(r"MAJOR=\d+", "MAJOR=N", re.sub(r" (ACTION|DEVPATH|SEQNUM)=\S+", "", line))
           for line in out.splitlines()]
    if lines:
        assert got == lines
    else:
        assert [line.split("@")[0] for line in got] == ["unbind", "bind"]
        assert all("/ndbus0/region0/dax0.0/dax0.0 " in line for line in got)


@both_users
def test_daxctl_creates_and_destroys(user):
    """A device comes and goes; its attributes are there when the event is."""
    python(user, r"""
s = listen(1)
def daxctl(*args):
    subprocess.run(["daxctl", *args], check=True, stdout=subprocess.DEVNULL)
    return [re.sub("@.*/", "@", text(m).split(" ")[0]) for m in received(s)]
import re
assert write("/sys/bus/dax/drivers/device_dax/unbind", "dax0.0") == "ok"
assert write("/sys/bus/dax/devices/dax0.0/size", "0") == "ok"
assert len(received(s)) == 1
assert daxctl("create-device", "-s", "256M")[0] == "add@dax0.1"
assert daxctl("disable-device", "dax0.1") == ["unbind@dax0.1"]
assert daxctl("destroy-device", "dax0.1") == ["remove@dax0.1"]
""", device="dax0.0,size=1G,type=dynamic")


@both_users
def test_groups(user):
    """A socket gets the messages of the groups that it is in, from then on."""
    python(user, r"""
def change():
    assert write(B + "mem0/uevent", "change") == "ok"
none, kernel, udev = listen(0), listen(1, socket.SOCK_RAW), listen(2)
both = listen(0)
for group in (1, 2):
    both.setsockopt(270, 1, group)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP
assert kernel.getsockname() == (os.getpid(), 1) and none.getsockname() == (0, 0)
kinds = [kernel.getsockopt(socket.SOL_SOCKET, option)
         for option in (socket.SO_DOMAIN, socket.SO_TYPE, socket.SO_PROTOCOL)]
assert kinds == [socket.AF_NETLINK, socket.SOCK_RAW, 15]
assert not select.select([kernel], [], [], 0)[0]
change()
assert select.select([kernel, udev, none], [], [], 0)[0] == [kernel, udev]
assert [len(received(s)) for s in (none, kernel, udev, both)] == [0, 1, 1, 2]
both.setsockopt(270, 2, 2)
change()
data, address = both.recvfrom(8192)
assert data.startswith(b"change@/devices/pci7f00:0c/") and address == (0, 1)
assert len(kernel.recv(10)) == 10  # the rest is gone
change()
[message] = received(kernel)
assert b"\0SYNTH_UUID=0\0" in message and b"\0DEVNAME=cxl/mem0\0" in message
assert write(B + "mem0/uevent", "add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=1") == "ok"
[message] = received(kernel)
assert message.startswith(b"add@")
assert b"\0SYNTH_UUID=fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed\0" in message
assert write(B + "mem0/uevent", "foo") == "EINVAL" and not received(kernel)
# A child has the socket, too.
if not os.fork():
    change()
    os._exit(len(received(kernel)))
assert os.waitstatus_to_exitcode(os.wait()[1]) == 1
for s, why in ((socket.SOCK_STREAM, errno.ESOCKTNOSUPPORT),):
    try:
        socket.socket(socket.AF_NETLINK, s, 15)
    except OSError as e:
        assert e.errno == why
    else:
        raise AssertionError("opened")
for address in ((b"", 22),):
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.bind(kernel.fileno(), address[0], 0) == -1
    assert ctypes.get_errno() == address[1]
""")


UDEV = r"""
libudev = ctypes.CDLL("libudev.so.1")
for name, result in (("udev_new", ctypes.c_void_p), ("udev_monitor_new_from_netlink", ctypes.c_void_p),
                     ("udev_monitor_receive_device", ctypes.c_void_p),
                     ("udev_device_get_action", ctypes.c_char_p),
                     ("udev_device_get_devnode", ctypes.c_char_p),
                     ("udev_device_get_syspath", ctypes.c_char_p)):
    getattr(libudev, name).restype = result
P = ctypes.c_void_p
udev = P(libudev.udev_new())
monitor = P(libudev.udev_monitor_new_from_netlink(udev, sys.argv[1].encode()))
assert monitor.value
assert libudev.udev_monitor_filter_add_match_subsystem_devtype(monitor, sys.argv[2].encode(), None) == 0
assert libudev.udev_monitor_enable_receiving(monitor) == 0
fd = libudev.udev_monitor_get_fd(monitor)
assert write(D + "cxl_region/unbind", "region0") == "ok"
assert write(D + "cxl_region/bind", "region0") == "ok"
while select.select([fd], [], [], 0.2)[0]:
    device = P(libudev.udev_monitor_receive_device(monitor))
    if not device.value:
        continue
    print(libudev.udev_device_get_action(device).decode(),
          os.path.basename(libudev.udev_device_get_syspath(device).decode()),
          libudev.udev_device_get_devnode(device))
"""


@both_users
def test_libudev_monitor(user):
    result = daxrun(user, "/usr/bin/python3", "-c", SOCKET + UDEV, "kernel", "dax", device=DEFAULT)
    assert result.stdout.splitlines() == [
        f"{action} dax0.0 b'/dev/dax0.0'" for action in ("unbind", "remove", "add", "bind")
    ], result.stdout + result.stderr


@needs_root
def test_libudev_monitor_of_udevd():
    """Messages as udevd sends them, through libudev's socket filter."""
    result = daxrun("root", "unshare", "-m", "sh", "-c", """
        mount -t tmpfs none /run && mkdir /run/udev && touch /run/udev/control && exec "$@"
    """, "sh", "/usr/bin/python3", "-c", SOCKET + UDEV, "udev", "cxl", device=DEFAULT)
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["unbind", "dax_region0"], ["remove", "dax_region0"], ["unbind", "region0"],
        ["add", "dax_region0"], ["bind", "region0"], ["bind", "dax_region0"],
    ], result.stdout + result.stderr


@both_users
def test_other_netlink_sockets(user):
    """They are the kernel's."""
    python(user, """
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.bind((0, 0))
assert s.getsockname()[0] and s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == 0
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
k = listen(1)
b.send(b"x")
assert a.recvfrom(10) == (b"x", None)
a.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
b.send(b"x")
[(_, _, credentials)] = a.recvmsg(10, 100)[1]
assert struct.unpack("3i", credentials)[0] == os.getpid()
""")


def test_many_sockets():
    """The daemon has 256 of them; those of processes that ended make room."""
    python("root", r"""
for turn in range(3):
    if not os.fork():
        kept = [listen(1) for _ in range(200)]
        os._exit(0 if kept[199].getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == 16 else 1)
    assert os.wait()[1] == 0
s = listen(1)
assert write(B + "mem0/uevent", "change") == "ok"
assert len(received(s)) == 1
""")
