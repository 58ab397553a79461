# SPDX-License-Identifier: BSD-2-Clause
"""cxl and raw writes on a region of type cxl.

tests/data/cxl-writes-7.3.txt has the writes that Linux 7.3 was given on a machine with
QEMU's type-3 devices, with its answers, in their order.
"""

import functools
import json
import random
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, TIMEOUT, both_users, environment
from test_ndctl import daxrun as daxrun_any

# The kernel that was recorded.
daxrun = functools.partial(daxrun_any, kernel="7.3")

WRITES = ROOT / "tests/data/cxl-writes-7.3.txt"
DEFAULT = "dax0.0,size=1G,type=cxl"
TWO = "dax0.0,size=1G,type=cxl,memdevs=2"

# Helpers for the programs below, which run under daxrun with /usr/bin/python3 -c.
PRELUDE = """
import errno, mmap, os, signal, subprocess, sys, time
B = "/sys/bus/cxl/devices/"
D = "/sys/bus/cxl/drivers/"
def write(path, text):
    try:
        fd = os.open(path, os.O_WRONLY)
    except OSError as e:
        return errno.errorcode[e.errno]
    try:
        os.write(fd, text.encode())
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]
    finally:
        os.close(fd)
def read(path):
    with open(path) as f:
        return f.read()
def make(region, granularity, decoders, size):
    R = B + region + "/"
    done = [write(B + "decoder0.0/create_ram_region", region),
            write(R + "interleave_granularity", str(granularity)),
            write(R + "interleave_ways", str(len(decoders))),
            write(R + "size", hex(size * len(decoders)))]
    for i, decoder in enumerate(decoders):
        done += [write(B + decoder + "/dpa_size", "0"), write(B + decoder + "/mode", "ram"),
                 write(B + decoder + "/dpa_size", hex(size)),
                 write(R + "target%d" % i, decoder)]
    done += [write(R + "commit", "1"), write(D + "cxl_region/bind", region)]
    assert set(done) == {"ok"}, done
def opened(name="/dev/dax0.0"):
    fd = os.open(name, os.O_RDWR)
    return fd, mmap.mmap(fd, 2 << 20)
"""


def python(user, program, *args, device=DEFAULT, kernel="7.3"):
    result = daxrun_any(user, "/usr/bin/python3", "-c", PRELUDE + program, *args, device=device,
                        kernel=kernel)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


def tool(user, *args, device=DEFAULT):
    result = daxrun(user, *args, device=device)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return json.loads(result.stdout)


@both_users
def test_cxl_list(user):
    """The forms of cxl 76 on a real machine, but for names of hosts and addresses."""
    assert tool(user, "cxl", "list", "-M") == [
        {"memdev": "mem0", "ram_size": 1 << 30, "serial": 1, "host": "7f00:0d:00.0"}]
    assert tool(user, "cxl", "list", "-RT") == [
        {"region": "region0", "resource": 64 << 30, "size": 1 << 30, "interleave_ways": 1,
         "interleave_granularity": 256, "decode_state": "commit",
         "mappings": [{"position": 0, "memdev": "mem0", "decoder": "decoder2.0"}]}]
    assert tool(user, "cxl", "list", "-B") == [{"bus": "root0", "provider": "ACPI.CXL"}]
    [bus] = tool(user, "cxl", "list", "-BPEDRMT")
    assert bus["dports"] == [{"dport": "pci7f00:0c", "alias": "ACPI0016:00", "id": 12}]
    [port] = bus["ports:root0"]
    assert (port["port"], port["host"], port["depth"]) == ("port1", "pci7f00:0c", 1)
    [endpoint] = port["endpoints:port1"]
    assert endpoint["endpoint"] == "endpoint2"
    assert [d["decoder"] for d in endpoint["decoders:endpoint2"]] == ["decoder2.0"]
    [window] = bus["decoders:root0"]
    assert (window["size"], window["volatile_capable"]) == (4 << 30, True)
    [listed] = tool(user, "daxctl", "list", "-DR")
    assert listed["path"] == ("/platform/ACPI0017:00/root0/decoder0.0/region0/dax_region0")
    assert listed["devices"][0]["chardev"] == "dax0.0"
    assert listed["devices"][0]["target_node"] == 1
    assert listed["devices"][0]["mode"] == "devdax"


def test_two_way_region(user):
    [region] = tool(user, "cxl", "list", "-RT", device=TWO + ",granularity=4K")
    assert region["interleave_ways"] == 2
    assert region["interleave_granularity"] == 4096
    assert sorted(m["memdev"] for m in region["mappings"]) == ["mem0", "mem1"]


def test_nodes(user):
    """/dev/cxl/memN as a character device that only ioctl is for."""
    python(user, """
assert sorted(os.listdir("/dev/cxl")) == ["mem0", "mem1"]
assert "cxl" in os.listdir("/dev")
for n in range(2):
    path = "/dev/cxl/mem%d" % n
    st = os.stat(path)
    want = read(B + "mem%d/dev" % n).strip()
    assert "%d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev)) == want
    assert st.st_mode == 0o20600
    assert os.path.realpath("/sys/dev/char/" + want) == os.path.realpath(B + "mem%d" % n)
    fd = os.open(path, os.O_RDWR)
    for call in (lambda: os.read(fd, 1), lambda: os.write(fd, b"x")):
        try:
            call()
        except OSError as e:
            assert e.errno == errno.EINVAL
        else:
            raise AssertionError("allowed")
    try:
        mmap.mmap(fd, 4096)
    except OSError as e:
        assert e.errno == errno.ENODEV
    else:
        raise AssertionError("mapped")
major = os.major(os.stat("/dev/cxl/mem0").st_rdev)
assert "%3d cxl\\n" % major in read("/proc/devices")
""", device=TWO)


@both_users
def test_list_asks_the_device(user):
    """The parts of `cxl list` that are asked of the device itself."""
    [mem0, mem1] = tool(user, "cxl", "list", "-MIHA", device=TWO)
    assert mem0["memdev"] != mem1["memdev"]
    for listed in (mem0, mem1):
        assert listed["partition_info"] == {
            "total_size": 512 << 20, "volatile_only_size": 512 << 20, "persistent_only_size": 0,
            "partition_alignment_size": 0}
        assert listed["health"]["media_normal"] is True
        assert listed["health"]["temperature"] == 30
        assert listed["alert_config"]["life_used_crit_alert_threshold"] == 90


@both_users
def test_labels(user, workdir):
    """cxl writes labels, and another process reads the same bytes, of this device only."""
    data = random.Random(16).randbytes(1 << 20)
    (workdir / "in").write_bytes(data)
    (workdir / "in").chmod(0o644)
    result = daxrun(user, "sh", "-e", "-c", """
        size=$(cat /sys/bus/cxl/devices/mem0/label_storage_size)
        test $size = 1048576
        cxl read-labels mem0 | cmp -n $size - /dev/zero
        cxl write-labels mem0 -i "$0"
        cxl read-labels mem0 | cmp - "$0"
        cxl read-labels mem1 | cmp -n $size - /dev/zero
        cxl disable-memdev -f mem0
        cxl read-labels mem0 | cmp - "$0"
        cxl zero-labels mem0 -O 4096 -s 100000
        cxl read-labels mem0 | cmp -n 4096 - "$0"
        cxl read-labels mem0 -O 4096 -s 100000 | cmp -n 100000 - /dev/zero
        cxl read-labels mem0 -O 104096 -s 500000 | cmp -n 500000 -i 0:104096 - "$0"
        ! cxl write-labels mem0 -i "$0" -O 1 -s $size
    """, str(workdir / "in"), device=TWO)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "wrote 1 mem" in result.stderr
    assert "firmware status: 2" in result.stderr  # behind the end


def test_commands(user):
    """CXL_MEM_QUERY_COMMANDS and CXL_MEM_SEND_COMMAND, right and wrong."""
    python(user, r"""
import ctypes, fcntl, struct
QUERY, SEND = 0x8008ce01, 0xc030ce02
libc = ctypes.CDLL(None, use_errno=True)
def ioctl(fd, request, address):
    return 0 if libc.ioctl(fd, ctypes.c_ulong(request), ctypes.c_void_p(address)) == 0 \
        else ctypes.get_errno()
def send(id, data=b"", room=0, flags=0, reserved=0, in_size=None, into=None, data_at=None):
    "Return: the errno, or the device's code and the bytes that it has replied."
    i = ctypes.create_string_buffer(data, len(data) or 1)
    o = ctypes.create_string_buffer(b"x" * 4096, 4096)
    command = ctypes.create_string_buffer(struct.pack(
        "<IIIIIIQIIQ", id, flags, reserved, 0xdead, len(data) if in_size is None else in_size, 0,
        data_at or ctypes.addressof(i), room, 0, into or ctypes.addressof(o)), 48)
    error = ioctl(fd, SEND, ctypes.addressof(command))
    if error:
        return errno.errorcode[error]
    fields = struct.unpack("<IIIIIIQIIQ", command)
    assert o.raw[fields[7]:] == b"x" * (4096 - fields[7])
    return fields[3], o.raw[:fields[7]]
fd = os.open("/dev/cxl/mem0", os.O_RDWR)
buf = ctypes.create_string_buffer(8 + 30 * 16)
assert ioctl(fd, QUERY, ctypes.addressof(buf)) == 0
assert struct.unpack_from("<I", buf)[0] == 25
struct.pack_into("<I", buf, 0, 30)
assert ioctl(fd, QUERY - (1 << 32), ctypes.addressof(buf)) == 0  # as libcxl, in an int
infos = [struct.unpack_from("<4I", buf, 8 + 16 * n) for n in range(30)]
assert infos[1] == (1, 1, 0, 67) and infos[6] == (6, 1, 8, (1 << 32) - 1), infos
assert [info[0] for info in infos if info[1]] == [1, 4, 5, 6, 7, 10, 11], infos
assert infos[0] == infos[2] == infos[25] == (0, 0, 0, 0)
some = ctypes.create_string_buffer(struct.pack("<I", 2), 8 + 4 * 16)
assert ioctl(fd, QUERY, ctypes.addressof(some)) == 0
assert struct.unpack_from("<4I", some, 24)[0] == 1 and some.raw[40:] == bytes(32)

code, reply = send(1, room=4096)
assert code == 0 and len(reply) == 67
assert reply[:16] == b"BWFW VERSION 00\0"
assert struct.unpack_from("<4Q", reply, 16) == (4, 4, 0, 0)
assert struct.unpack_from("<I", reply, 56)[0] == 1 << 20
code, reply = send(4, room=80)
assert code == 0 and reply[:4] == b"\2\1\1\0" and reply[16:32] == b"BWFW VERSION 0\0\0"
assert send(5, room=32) == (0, struct.pack("<4Q", 4, 0, 0, 0))
assert send(10, struct.pack("<II", 100, 0) + b"labels") == (0, b"")
assert send(6, struct.pack("<II", 98, 10), 10) == (0, b"\0\0labels\0\0")
assert send(6, struct.pack("<II", 100, 10), 3) == (0, b"lab")
assert send(6, struct.pack("<II", 1 << 20, 1), 3) == (2, b"\0\0\0")
assert send(10, b"1234567") == (0x16, b"")

for want, got in {
    "none": ("ENOTTY", send(0)), "later": ("ENOTTY", send(25)), "long": ("EINVAL", send(10, bytes(2049))),
    "raw": ("EPERM", send(2)), "flags": ("EINVAL", send(1, room=67, flags=2)),
    "reserved": ("EINVAL", send(1, room=67, reserved=1)), "logs": ("ENOTTY", send(3, room=100)),
    "short": ("ENOMEM", send(1, room=66)), "input": ("ENOMEM", send(6, b"1234567", 8)),
    "bad payload": ("EFAULT", send(6, in_size=8, data_at=4096)),
    "bad room": ("EFAULT", send(1, room=67, into=4096)),
}.items():
    assert got[0] == got[1], (want, got)
assert ioctl(fd, SEND, 4096) == ioctl(fd, QUERY, 4096) == errno.EFAULT
assert ioctl(fd, 0xce03, 4096) == errno.ENOTTY
ro = os.open("/dev/cxl/mem0", os.O_RDONLY)
path = os.open("/dev/cxl/mem0", os.O_PATH)
other = os.open("/dev/dax0.0", os.O_RDWR)
assert ioctl(ro, QUERY, ctypes.addressof(buf)) == 0
assert ioctl(path, QUERY, ctypes.addressof(buf)) == errno.EBADF
assert ioctl(other, QUERY, ctypes.addressof(buf)) == errno.ENOTTY
""", device="dax0.0,size=1G,type=cxl")


def test_labels_without_the_daemon(user):
    """The daemon has them; without it a command fails, and the program goes on."""
    python(user, """
import array, fcntl, json, struct
fd = os.open("/dev/cxl/mem0", os.O_RDWR)
request, room = array.array("I", [0, 4]), array.array("B", bytes(67))
def send(id, size, room_size):
    fcntl.ioctl(fd, 0xc030ce02, struct.pack("<IIIIIIQIIQ", id, 0, 0, 0, size, 0,
                request.buffer_info()[0], room_size, 0, room.buffer_info()[0]))
send(1, 0, 67)
send(6, 8, 4)
shown = subprocess.run([sys.argv[1], "stats"], stdout=subprocess.PIPE, check=True).stdout
os.kill(json.loads(shown)["daemon"]["pid"], signal.SIGKILL)
send(1, 0, 67)
try:
    send(6, 8, 4)
except OSError as e:
    assert e.errno == errno.ENXIO
else:
    raise AssertionError("read")
""", str(BUILD / "cuse-daxctl"))


POISON = r"""
P = "/sys/kernel/debug/cxl/"
def order(memdev, what, dpa):
    return write(P + "mem%d/%s_poison" % (memdev, what), dpa + "\n")
def touch(offset, *ordered):
    "Map dax0.0, give an order, and return a byte of dax0.0, or the signal of the touch."
    child = os.fork()
    if not child:
        fd = os.open("/dev/dax0.0", os.O_RDWR)
        mem = mmap.mmap(fd, 1 << 30)
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        if mem[offset] != 7 or (ordered and order(*ordered) != "ok"):
            os._exit(99)
        os._exit(mem[offset])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return signal.Signals(-status).name if status < 0 else status
"""


@both_users
def test_poison(user):
    """An address of a memory device becomes bad where the interleave puts it in the dax
    device, and good again."""
    python(user, POISON + r"""
first, second = 0x6040, 0x4140  # 0x3040 of mem0, 0x2040 of mem1
fd = os.open("/dev/dax0.0", os.O_RDWR)
mem = mmap.mmap(fd, 1 << 30)
for offset in (0, first, second):
    mem[offset] = 7
assert touch(second, 1, "inject", "0x2040") == "SIGBUS"
assert order(1, "inject", "0x2040") == "ok"
assert [touch(o) for o in (0, first, second)] == [7, 7, "SIGBUS"]
assert order(0, "inject", "12352") == "ok"
assert [touch(o) for o in (0, first, second)] == [7, "SIGBUS", "SIGBUS"]
assert write(B + "mem1/trigger_poison_list", "1") == "ok"
assert order(1, "clear", "0x2040") == "ok"
assert order(1, "clear", "0x2040") == "ok"
assert mem[second] == 0
mem[second] = 7
assert [touch(o) for o in (0, first, second)] == [7, "SIGBUS", 7]
for dpa in ("0x2041", "32", "0x20000000", "-64", "", "x", "0x40 "):
    assert order(0, "inject", dpa) == order(0, "clear", dpa) == "EINVAL", dpa
assert order(0, "clear", "0x1fffffc0") == "ok"
""", device=TWO)


def test_poison_without_a_region(user):
    """There is no dax device that could have it; a disabled memory device has no files."""
    python(user, POISON + """
assert sorted(os.listdir(P)) == ["mem0", "mem1"]
assert sorted(os.listdir(P + "mem0")) == ["clear_poison", "dpamem", "inject_poison"]
assert read(P + "mem0/dpamem") == "00000000-1fffffff : ram\\n"
assert os.stat(P + "mem0/inject_poison").st_mode & 0o777 == 0o200
assert order(1, "inject", "0x41") == "EINVAL"
assert order(1, "inject", "0x40") == "ENXIO"
assert order(1, "clear", "0x40") == "ok"
assert write(B + "mem1/trigger_poison_list", "0") == "EINVAL"
assert write(B + "mem1/trigger_poison_list", "1") == "ok"
assert write(D + "cxl_mem/unbind", "mem1") == "ok"
assert os.listdir(P) == ["mem0"]
assert order(1, "inject", "0x40") == "ENOENT"
assert write(B + "mem1/trigger_poison_list", "1") == "EINVAL"
""", device=TWO + ",start=none")


@both_users
def test_poison_of_a_region(user):
    """debugfs of a region takes offsets in it, as long as the region has its driver."""
    program = POISON + r"""
R = P + "region0/"
def order_region(what, offset):
    return write(R + what + "_poison", offset + "\n")
if sys.argv[1:]:
    assert sorted(os.listdir(P)) == ["mem0", "mem1"], os.listdir(P)
    sys.exit()
assert sorted(os.listdir(R)) == ["clear_poison", "inject_poison"]
assert read(P + "mem1/dpamem") == "00000000-1fffffff : ram\n  00000000-1fffffff : decoder3.0\n"
offset = 0x4140  # 0x2040 of mem1
with open("/dev/dax0.0", "r+b") as f:
    mem = mmap.mmap(f.fileno(), 2 << 20)
mem[offset] = 7
assert order_region("inject", hex(offset)) == "ok"
assert order_region("inject", hex(offset)) == "ok"
assert touch(offset) == "SIGBUS"
assert order(1, "clear", "0x2040") == "ok"
assert mem[offset] == 0
assert order_region("inject", str(offset)) == "ok"
assert order_region("clear", str(offset)) == "ok"
assert mem[offset] == 0
for what in ("inject", "clear"):
    assert [order_region(what, o) for o in ("0x41", "0x40000000", "x", "", "-64")] == ["EINVAL"] * 5
assert write(D + "cxl_region/unbind", "region0") == "ok"
assert sorted(os.listdir(P)) == ["mem0", "mem1"]
assert order_region("inject", "0") == "ENOENT"
"""
    python(user, program, device=TWO)
    python(user, program, "older", device=TWO, kernel="6.12")


def test_find_sees_every_entry(user):
    """find relies on the link counts of directories."""
    python(user, """
tops = ["/sys/bus/cxl", "/sys/devices/platform/ACPI0017:00", "/sys/devices/pci7f00:0c"]
found = subprocess.run(["find", *tops], stdout=subprocess.PIPE, text=True, check=True)
walked = list(tops)
for top in tops:
    for dir, dirs, files in os.walk(top):
        walked += [os.path.join(dir, name) for name in dirs + files]
assert sorted(found.stdout.splitlines()) == sorted(walked)
assert len(walked) > 300, len(walked)
""", device=TWO)


def test_no_cxl_without_a_region_of_it(user):
    python(user, """
assert not os.path.exists("/sys/bus/cxl") and not os.path.exists("/dev/cxl")
assert " cxl\\n" not in read("/proc/devices")
""", device="dax0.0,size=1G,type=dynamic")


@both_users
def test_recorded_writes(user):
    """Each write is answered as the kernel answered it, and what is read then is the same."""
    out = python(user, r"""
import re
nr = wrong = 0
for line in open(sys.argv[1]):
    m = re.match(r'(\S+) <- "(.*)": (\w+)$', line)
    if m:
        path = (D if m[1].startswith("cxl_") else B) + m[1]
        got, want = write(path, m[2].encode().decode("unicode_escape")), m[3]
    else:
        path, want = line.rstrip("\n").split(" = ")
        got = read(B + path).rstrip("\n")
    nr += 1
    if got != want:
        wrong += 1
        print(line.rstrip(), "but here", got)
print(nr, wrong)
""", str(WRITES), device="dax0.0,size=1536M,type=cxl,memdevs=3,start=none")
    assert out == f"{len(WRITES.read_text().splitlines())} 0\n"


TWO_BRIDGES = ("dax0.0,size=1G,type=cxl,memdevs=2,bridges=2,granularity=4K,"
               "window=4G+4G:1")


@both_users
def test_two_windows_and_bridges(user):
    """As Linux 7.3 showed a machine with a x2 window and one of the second bridge only."""
    python(user, """
assert read(B + "decoder0.0/target_list") == "12,222\\n"
assert read(B + "decoder0.1/target_list") == "222\\n"
assert [read(B + "decoder0.%d/interleave_ways" % n) for n in range(2)] == ["2\\n", "1\\n"]
assert read(B + "decoder0.0/interleave_granularity") == "4096\\n"
assert [read(B + "decoder0.%d/create_ram_region" % n) for n in range(2)] == [
    "region0\\n", "region1\\n"]
assert int(read(B + "decoder0.1/start"), 16) - int(read(B + "decoder0.0/start"), 16) == 4 << 30
# A host bridge with one port has one decoder, which is never committed.
assert {n for n in os.listdir(B) if n.startswith("decoder") and n[7] in "12"} == {
    "decoder1.0", "decoder2.0"}
assert read(B + "decoder2.0/interleave_granularity") == "4096\\n"
assert os.path.basename(os.path.realpath(B + "endpoint4/uport")) == "mem1"
assert os.readlink(B + "endpoint4/parent_dport").endswith("pci7f00:de/7f00:de:00.0")

W = [(B + "decoder0.0/create_ram_region", "region0", "ok"),
     (B + "region0/interleave_ways", "1", "EINVAL"),
     (B + "region0/interleave_granularity", "256", "EINVAL"),
     (B + "region0/interleave_granularity", "4096", "ok"),
     (B + "region0/interleave_ways", "2", "ok"),
     (B + "region0/size", "0x40000000", "ok")]
W += [(B + "decoder%d.0/%s" % (n, a), v, "ok") for n in (3, 4)
      for a, v in (("mode", "ram"), ("dpa_size", "0x20000000"))]
W += [(B + "region0/target0", "decoder4.0", "ENXIO"),  # of the other host bridge
      (B + "region0/target0", "decoder3.0", "ok"),
      (B + "region0/target1", "decoder4.0", "ok"),
      (B + "region0/commit", "1", "ok"),
      (D + "cxl_region/bind", "region0", "ok")]
for path, text, want in W:
    got = write(path, text)
    assert got == want, (path, text, got)
assert read(B + "decoder0.0/create_ram_region") == "region2\\n"
for name, ways, granularity in (("decoder1.0", 1, 8192), ("decoder2.0", 1, 8192),
                                ("decoder3.0", 2, 4096), ("decoder4.0", 2, 4096)):
    assert read(B + name + "/interleave_ways") == "%d\\n" % ways, name
    assert read(B + name + "/interleave_granularity") == "%d\\n" % granularity, name
    assert read(B + name + "/size") == "0x40000000\\n", name
assert [read(B + n + "/decoders_committed") for n in ("port1", "port2", "endpoint3")] == [
    "0\\n", "0\\n", "1\\n"]
# There is no decoder left for a second region below the same host bridges.
assert write(B + "decoder0.1/create_ram_region", "region1") == "ok"
assert os.path.isdir("/sys/devices/platform/ACPI0017:00/root0/decoder0.1/region1")
assert write(B + "decoder0.0/delete_region", "region1") == "ENODEV"
assert write(B + "decoder0.1/delete_region", "region1") == "ok"
assert read(B + "decoder0.1/create_ram_region") == "region1\\n"
assert read(B + "dax_region0/dax0.0/target_node") == "1\\n"
""", device=TWO_BRIDGES + ",start=none")
    buses = tool(user, "cxl", "list", "-BPT", device=TWO_BRIDGES)
    assert [d["id"] for d in buses[0]["dports"]] == [12, 222]
    assert sorted(p["port"] for p in buses[0]["ports:root0"]) == ["port1", "port2"]


@both_users
@pytest.mark.parametrize("what, said", [("commands", "51 commands, 0 differences"),
                                        ("lists", "18 forms, 0 differences")])
def test_recorded(user, what, said):
    """cxl 76's texts and exit statuses; tests/peers/cxl.py does the same with 81 and 85."""
    result = daxrun(user, "/usr/bin/python3", ROOT / f"tests/lib/cxl_{what}.py",
                    ROOT / f"tests/data/cxl-{what}-7.3.txt", "76", "cxl",
                    device="dax0.0,size=1536M,type=cxl,memdevs=3,window=4G,start=none")
    assert result.stdout.splitlines()[-1] == said, result.stdout


@both_users
def test_debugfs_is_mounted(user):
    """cxl 85 looks for it, and crashes where there is none."""
    python(user, r"""
line = "debugfs /sys/kernel/debug debugfs rw,nosuid,nodev,noexec,relatime 0 0\n"
real = [open("/proc/self/task/%d/mounts" % os.getpid()).read(), line]
if " /sys/kernel/debug " in real[0]:
    real.pop()
for path in ("/proc/mounts", "/proc/self/mounts"):
    assert read(path) == "".join(real)
    with os.fdopen(os.open(path, os.O_RDONLY)) as f:
        assert f.read() == "".join(real)
import ctypes
libc = ctypes.CDLL(None)
libc.setmntent.restype = ctypes.c_void_p
class Entry(ctypes.Structure):
    _fields_ = [(n, ctypes.c_char_p) for n in ("name", "dir", "type", "opts")]
libc.getmntent.restype = ctypes.POINTER(Entry)
f = ctypes.c_void_p(libc.setmntent(b"/proc/mounts", b"r"))
found = set()
while entry := libc.getmntent(f):
    found.add((entry.contents.dir, entry.contents.type))
assert (b"/sys/kernel/debug", b"debugfs") in found and (b"/proc", b"proc") in found
assert read("/proc/self/mountinfo")
""")
    without = daxrun(user, "cat", "/proc/mounts", device="dax0.0,size=64M")
    with open("/proc/mounts", encoding="utf-8") as f:
        assert ("/sys/kernel/debug" in without.stdout) == ("/sys/kernel/debug " in f.read())


@both_users
def test_hwloc(user):
    """hwloc finds the memory devices and the dax device."""
    result = daxrun(user, "lstopo-no-graphics", "-v", "--whole-io", "--of", "console", device=TWO)
    found = [line for line in result.stdout.splitlines() if re.search(r'"(mem|dax)\d', line)]
    assert sorted(re.search(r'"(\S+)"', line)[1] for line in found) == ["dax0.0", "mem0", "mem1"], found
    for line in found:
        assert ("CXLRAMSize=524288" if '"mem' in line else
                "DAXParent=ACPI0017:00/root0/decoder0.0/region0/dax_region0") in line, line


@both_users
def test_pyudev(user):
    """pyudev lists the devices, finds one by its node, and observes changes."""
    python(user, """
import pyudev, threading
context = pyudev.Context()
names = [d.sys_name for d in context.list_devices(subsystem="cxl")]
assert {"root0", "port1", "decoder0.0", "endpoint2", "mem0", "mem1", "region0"} < set(names), names
[dax] = context.list_devices(subsystem="dax")
assert (dax.device_node, dax.driver, dax.parent.sys_name) == ("/dev/dax0.0", "device_dax", "dax_region0")
mem1 = pyudev.Devices.from_device_file(context, "/dev/cxl/mem1")
assert (mem1.sys_name, mem1.attributes.asstring("serial")) == ("mem1", "0x2")
monitor = pyudev.Monitor.from_netlink(context, "kernel")
monitor.filter_by("cxl")
monitor.filter_by("dax")
seen, done = [], threading.Event()
def note(device):
    seen.append((device.action, device.sys_name))
    if seen[-1] == ("unbind", "region0"):
        done.set()
monitor.start()  # the observer does so in its thread, perhaps too late
observer = pyudev.MonitorObserver(monitor, callback=note)
observer.start()
assert write(D + "cxl_region/unbind", "region0") == "ok"
assert done.wait(60), seen
observer.stop()
assert seen == [("unbind", "dax0.0"), ("remove", "dax0.0"), ("unbind", "dax_region0"),
                ("remove", "dax_region0"), ("unbind", "region0")], seen
""", device=TWO)


@both_users
def test_bytes_survive(user):
    """cxl disables, enables and destroys a region; made again, it has the same bytes."""
    python(user, """
def cxl(*args):
    subprocess.run(["cxl", *args], check=True)
    return None
fd, mem = opened()
mem[:4] = b"abcd"
mem.close(); os.close(fd)
cxl("disable-region", "region0")
assert not os.path.exists("/dev/dax0.0")
cxl("enable-region", "region0")
fd, mem = opened()
assert mem[:4] == b"abcd"
mem[4:8] = b"efgh"
mem.close(); os.close(fd)
cxl("destroy-region", "-f", "region0")
assert not os.path.exists(B + "region0")
make("region0", 256, ["decoder2.0", "decoder3.0"], 512 << 20)
fd, mem = opened()
assert mem[:8] == b"abcdefgh"
mem.close(); os.close(fd)
# The second half is mem1's: alone it is another region, with its own bytes.
with open("/dev/dax0.0", "r+b") as f:
    half = mmap.mmap(f.fileno(), 2 << 20, offset=512 << 20)
    half[:4] = b"half"
    half.close()
assert write(B + "decoder0.0/delete_region", "region0") == "ok"
make("region0", 256, ["decoder2.0"], 512 << 20)
make("region1", 256, ["decoder3.0"], 512 << 20)
fd, mem = opened("/dev/dax1.0")
assert mem[:4] == b"half"
mem.close(); os.close(fd)
""", device=TWO)


@both_users
@pytest.mark.parametrize("path, text", [("cxl_region/unbind", "region0"),
                                        ("cxl_mem/unbind", "mem0"),
                                        ("cxl_port/unbind", "port1"),
                                        ("decoder0.0/delete_region", "region0"),
                                        ("region0/target0", "\n"),
                                        ("region0/commit", "0")])
def test_mapped_region_goes(user, path, text):
    """The write succeeds at once; a touch is SIGBUS, mmap ENXIO, and the name is gone."""
    python(user, """
path, text = sys.argv[1:]
fd, mem = opened()
mem[0] = 1
child = os.fork()
if not child:
    signal.signal(signal.SIGBUS, signal.SIG_DFL)
    assert write((D if path.startswith("cxl_") else B) + path, text) == "ok"
    assert not os.path.exists("/dev/dax0.0")
    assert os.fstat(fd).st_nlink == 0
    try:
        mmap.mmap(fd, 2 << 20)
        os._exit(3)
    except OSError as e:
        assert e.errno == errno.ENXIO
    mem[0]
    os._exit(4)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGBUS
""", path, text)


def test_start_as_the_kernel_does(user):
    """Reserved for kmem: disabled until daxctl makes it devdax."""
    result = daxrun(user, "sh", "-c", """
        daxctl list -D
        dd if=/dev/dax0.0 count=0
        daxctl reconfigure-device -m devdax dax0.0
        daxctl list -D
    """, device=DEFAULT + ",start=kernel")
    assert '"state":"disabled"' in result.stdout.split("]")[0]
    assert "No such device or address" in result.stderr
    assert '"mode":"devdax"' in result.stdout.rpartition("[")[2]
    assert '"state":"disabled"' not in result.stdout.rpartition("[")[2]


def test_dynamic_rules_below_the_region(user):
    [region] = tool(user, "sh", "-c", """
        daxctl disable-device dax0.0 >/dev/null
        daxctl reconfigure-device -s 256M dax0.0 >/dev/null
        daxctl create-device -s 512M >/dev/null
        daxctl list -DR
    """)
    assert region["available_size"] == 256 << 20
    assert [(d["chardev"], d["size"]) for d in region["devices"]] == [
        ("dax0.0", 256 << 20), ("dax0.1", 512 << 20)]


@pytest.mark.plain
@both_users
def test_conformance(user):
    """Each answer of the conformance program is that of a dynamic device."""
    def ask(kind):
        result = daxrun(user, BUILD / "conformance", "--second", "/dev/dax3.0", "--skip=*sysfs.*",
                        "--skip=zz_unbind.removed.*",
                        device=(f"dax0.0,size=256M,type={kind}", "dax3.0,size=16M,type=dynamic"))
        assert (result.returncode, result.stderr) == (0, ""), result.stderr
        return result.stdout.splitlines()
    cxl, dynamic = ask("cxl"), ask("dynamic")
    assert [pair for pair in zip(cxl, dynamic) if pair[0] != pair[1]] == []
    assert len(cxl) == len(dynamic) > 1000


def test_nodes_and_memmap(user):
    """The first device has its page structs in itself, those that programs create do not."""
    python(user, """
def shown(device):
    return [read(B + "dax_region0/%s/%s" % (device, name)).strip()
            for name in ("numa_node", "target_node", "memmap_on_memory")]
assert shown("dax0.0") == ["-1", "1", "1"]
assert write("/sys/bus/dax/drivers/device_dax/unbind", "dax0.0") == "ok"
assert write(B + "dax_region0/dax0.0/size", "0x10000000") == "ok"
assert write(B + "dax_region0/dax_region/create", "1") == "ok"
assert shown("dax0.1") == ["-1", "1", "0"]
""")


def test_memdev_disabled_and_enabled(user):
    result = daxrun(user, "sh", "-c", """
        cxl disable-memdev mem0
        echo "? $?"
        cxl disable-memdev -f mem0
        echo "? $?"
        cxl list -Mi
        cat /sys/bus/cxl/devices/region0/commit /sys/bus/cxl/devices/region0/target0
        cxl enable-memdev mem0
        echo "? $?"
        cxl enable-region region0
        echo "? $?"
    """, device=DEFAULT)
    assert "mem0 is part of an active region" in result.stderr
    assert "disabled 1 mem" in result.stderr
    assert [line for line in result.stdout.splitlines() if line.startswith("?")] == [
        "? 1", "? 0", "? 0", "? 1"]
    assert '"state":"disabled"' in result.stdout
    assert "\n0\n\n" in result.stdout


@pytest.mark.parametrize("words, message", [
    ("memdevs=0", "memdevs=: '0' is not a number from 1 to 16"),
    ("memdevs=17", "memdevs=: '17' is not a number from 1 to 16"),
    ("partition=x", "partition=: 'x' is not one of ram, pmem"),
    ("partition=pmem,align=1G", "size= is too small for a namespace with this align"),
    ("bridges=3", "bridges=: '3' is not one of 1, 2, 4"),
    ("bridges=2", "bridges=2 is more than memdevs=1"),
    ("window=4G+", "window=: '' is not a multiple of 256M (try 4G)"),
    ("window=4G:x", "window=: 'x' does not name host bridges (try 0 or 0.1)"),
    ("window=4G:1", "window= names a host bridge that does not exist"),
    ("memdevs=2,bridges=2,window=4G:0.0", "window= names a host bridge twice"),
    ("memdevs=4,bridges=4,window=4G:0.1.2", "window= interleaves 1, 2 or 4 host bridges"),
    ("memdevs=2,bridges=2,interleave=1", "interleave=1 does not fit the host bridges"),
    ("interleave=3", "interleave=: '3' is not one of 1, 2, 4, 8, 16"),
    ("interleave=2", "interleave=2 is more than memdevs=1"),
    ("granularity=300", "granularity=: '300' is not one of 256, 512, 1K, 2K, 4K, 8K, 16K"),
    ("window=512M", "window= must have room for all memory devices (try 1G)"),
    ("window=x", "window=: 'x' is not a multiple of 256M (try 4G)"),
    ("start=x", "start=: 'x' is not one of devdax, kernel, none"),
    ("size=100M", "size=100M is not a multiple of 256M (try 256M)"),
    ("size=1G,memdevs=3", "size=1G is not a multiple of 768M (try 768M or 1536M)"),
    ("backing=pmem:/tmp/no-such-image", "backing=pmem is not possible with type=cxl"),
])
def test_mistakes(words, message):
    result = daxrun("root", "true", device=f"dax0.0,type=cxl,{words}")
    assert result.returncode
    assert message in result.stderr, result.stderr


@pytest.mark.parametrize("config, message", [
    ("[region 0]\nmemdevs=2\n",
     "[region 0] memdevs=, partition=, interleave=, granularity=, bridges= and window= need "
     "type=cxl"),
    ("[region 0]\ntype=cxl\npartition=pmem\n[region 1]\n",
     "[region 0] partition=pmem is not possible beside [region 1] of type=static"),
    ("[region 0]\nstart=kernel\n", "[region 0] start=kernel needs type=dynamic or cxl, start=none type=cxl"),
    ("[region 0]\ntype=dynamic\nstart=none\n", "[region 0] start=kernel needs type=dynamic or cxl"),
    ("[region 0]\ntype=cxl\n[region 1]\ntype=cxl\n",
     "[region 1] type=cxl is that of [region 0] as well"),
    ("[region 0]\ntype=cxl\n[device 0.0]\n[device 0.1]\n",
     "[region 0] type=cxl has one device at the start, dax0.0"),
    ("[region 0]\ntype=cxl\nsize=2G\n[device 0.0]\nsize=1G\n",
     "[region 0] and [device 0.0] have different sizes"),
])
def test_mistakes_in_a_file(workdir, config, message):
    path = workdir / "config"
    path.write_text(config)
    result = subprocess.run([BUILD / "cuse-daxd", "--check-config", "-c", path], text=True,
                            capture_output=True, env=environment(), timeout=TIMEOUT,
                            check=False)
    assert result.returncode
    assert message in result.stderr + result.stdout


def test_answers_of_612(user="root"):
    out = daxrun_any(user, "/usr/bin/python3", "-c", PRELUDE + """
print([write(B + path, text) for path, text in (
    ("decoder2.0/mode", "pmem"), ("decoder2.0/dpa_size", "0x10000000"),
    ("decoder0.0/delete_region", "foo"), ("decoder0.0/create_ram_region", "region0"))],
    os.path.exists(B + "region0/locked"))
""", device=DEFAULT + ",start=none", kernel="6.12")
    assert out.stdout == "['ENXIO', 'EINVAL', 'ENODEV', 'ok'] False\n", out.stdout + out.stderr
