# SPDX-License-Identifier: BSD-2-Clause
"""CXL regions of persistent memory, with the nd bus, the namespace and the device.

tests/data/cxl-pmem-tree-7.3.txt has the tree of a region and of the nd bus on a machine with
Linux 7.3, where ndctl had made a devdax namespace of the region.
"""

import re

from conftest import ROOT, both_users
from test_cxl import python, tool

TREE = ROOT / "tests/data/cxl-pmem-tree-7.3.txt"
DEVICE = "dax0.0,size=512M,type=cxl,partition=pmem"
TWO = "dax0.0,size=1G,type=cxl,memdevs=2,partition=pmem"

DUMP = r"""
import stat
A = "/sys/devices/platform/ACPI0017:00/root0/"
def show(path):
    st = os.lstat(path)
    mode = stat.S_IMODE(st.st_mode)
    if stat.S_ISLNK(st.st_mode):
        return print("l", path, "->", os.readlink(path))
    if stat.S_ISDIR(st.st_mode):
        print("d %o %s/" % (mode, path))
        for name in sorted(os.listdir(path)):
            if name != "power":
                show(path + "/" + name)
        return None
    try:
        with open(path) as f:
            text = f.read().replace("\n", "|")
    except OSError as e:
        text = "cat: read error: %s|" % os.strerror(e.errno)
    print("f %o %s: %s" % (mode, path, text))
show(A + "decoder0.0/region0")
show(A + "nvdimm-bridge0/ndbus0")
"""


def normal(text, start, serial, cookie):
    """The lines without numbers that differ between machines."""
    text = text.replace(f"cxl/id: {serial}|", "cxl/id: SERIAL|")
    text = text.replace(f"set_cookie: {cookie}|", "set_cookie: COOKIE|")
    text = re.sub(r"0x[0-9a-f]{9,10}\b", lambda m: hex(int(m[0], 0) - start), text)
    text = re.sub(r"provider: pmem\d", "provider: pmemN", text)
    text = re.sub(r"decoder[23]\.0\|", "decoderN.0|", text)
    text = re.sub(r"/dev: \d+:\d+|MAJOR=\d+\|MINOR=\d+", "NUMBER", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return sorted(text.splitlines())


@both_users
def test_tree(user):
    """Every attribute of the region and of the nd bus, with its mode, as recorded."""
    ours = normal(python(user, DUMP, device=DEVICE), 64 << 30, 1, "0x200000001")
    real = normal(TREE.read_text(), 0x690000000, 0x5678, "0xacf000005678")
    assert [line for line in ours if line not in real] == []
    assert [line for line in real if line not in ours] == []
    assert len(real) > 180


def test_objects(user):
    """The bridge, the DIMM and the driver of the region on the CXL bus."""
    python(user, r"""
for name, devtype, modalias in (("nvdimm-bridge0", "cxl_nvdimm_bridge", "cxl:t1"),
                                ("pmem0", "cxl_nvdimm", "cxl:t2"),
                                ("pmem_region0", "cxl_pmem_region", "cxl:t7")):
    assert read(B + name + "/devtype") == devtype + "\n"
    assert read(B + name + "/modalias") == modalias + "\n"
    assert os.path.basename(os.readlink(B + name + "/driver")) == devtype
    assert os.listdir(D + devtype).count(name) == 1
    assert os.path.basename(os.readlink(D + devtype + "/module")) == "cxl_pmem"
assert os.path.realpath(B + "pmem0") == os.path.realpath(B + "mem0") + "/pmem0"
assert read(B + "mem0/pmem/size") == "0x20000000\n" and read(B + "mem0/ram/size") == "0x0\n"
assert write(D + "cxl_mem/unbind", "mem0") == "ok"
assert not os.path.exists(B + "pmem0") and not os.path.exists("/sys/bus/nd/devices/nmem0")
assert os.listdir("/sys/bus/nd/devices") == ["ndbus0"]
""", device=DEVICE)


def test_writes(user):
    """A region of persistent memory needs a uuid; the memory devices have no other memory."""
    for kernel, mode in (("7.3", "EINVAL"), ("6.12", "ENXIO")):
        python(user, r"""
U = "ee8b1884-cde6-4292-851d-375f95ba349e\n"
for path, text, want in (
    ("decoder0.0/create_pmem_region", "region1", "EBUSY"),
    ("decoder0.0/create_pmem_region", "region0", "ok"),
    ("region0/interleave_granularity", "256", "ok"),
    ("region0/interleave_ways", "1", "ok"),
    ("region0/size", "0x20000000", "ENXIO"),
    ("region0/uuid", "x\n", "EINVAL"),
    ("region0/uuid", "00000000-0000-0000-0000-000000000000\n", "EINVAL"),
    ("region0/uuid", U, "ok"),
    ("region0/size", "0x20000000", "ok"),
    ("decoder2.0/mode", "ram", sys.argv[1]),
    ("decoder2.0/mode", "pmem", "ok"),
    ("decoder2.0/dpa_size", "0x20000000", "ok"),
    ("region0/target0", "decoder2.0", "ok"),
    ("region0/uuid", U.replace("e", "f"), "EBUSY"),
    ("region0/commit", "1", "ok"),
):
    got = write(B + path, text)
    assert got == want, (path, text, got)
assert write(D + "cxl_region/bind", "region0") == "ok"
assert read(B + "region0/mode") == "pmem\n"
N = "/sys/bus/nd/devices/"
# No labels describe a namespace.
assert read(N + "region0/available_size") == read(N + "region0/max_available_extent") == "536870912\n"
assert read(N + "region0/namespace_seed") == "namespace0.0\n"
assert read(N + "region0/init_namespaces") == "1/1\n"
assert read(N + "namespace0.0/size") == "0\n"
assert read(N + "nmem0/available_slots") == "4089\n" and read(N + "nmem0/state") == "active\n"
assert write(N + "namespace0.0/size", "0x10000000") == "EBUSY"
assert not os.path.exists("/dev/dax0.0")
""", mode, device=DEVICE + ",start=none", kernel=kernel)


@both_users
def test_lists(user):
    [bus] = tool(user, "ndctl", "list", "-BDRN", device=TWO)
    assert (bus["provider"], bus["dev"]) == ("CXL", "ndbus0")
    assert sorted((d["dev"], d["id"]) for d in bus["dimms"]) == [("nmem0", "1"), ("nmem1", "2")]
    [region] = bus["regions"]
    assert (region["dev"], region["size"], region["available_size"]) == ("region0", 1 << 30, 0)
    assert region["type"] == "pmem" and region["persistence_domain"] == "memory_controller"
    assert sorted((m["dimm"], m["length"], m["position"]) for m in region["mappings"]) == [
        ("nmem0", 512 << 20, 0), ("nmem1", 512 << 20, 1)]
    [namespace] = region["namespaces"]
    assert (namespace["dev"], namespace["mode"], namespace["map"]) == ("namespace0.0", "devdax", "mem")
    assert namespace["size"] == (1 << 30) - (2 << 20) and namespace["chardev"] == "dax0.0"
    mem0 = tool(user, "cxl", "list", "-M", "-m", "mem0", "-I", device=TWO)[0]
    assert mem0["pmem_size"] == 512 << 20 and "ram_size" not in mem0
    assert mem0["partition_info"]["persistent_only_size"] == 512 << 20
    [region] = tool(user, "cxl", "list", "-R", device=TWO)
    assert region["region"] == "region0" and region["decode_state"] == "commit"
    [listed] = tool(user, "daxctl", "list", "-DR", device=TWO)
    assert listed["path"].endswith("/root0/nvdimm-bridge0/ndbus0/region0/dax0.0")


@both_users
def test_namespace_comes_and_goes(user):
    """ndctl and cxl disable and enable; the bytes stay, also in a region made again."""
    python(user, r"""
def run(*args):
    result = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 0, (args, result.stderr)
    return result.stderr
fd, mem = opened()
mem[:4] = b"abcd"
child = os.fork()
if not child:
    signal.signal(signal.SIGBUS, signal.SIG_DFL)
    assert write(D + "cxl_region/unbind", "region0") == "ok"
    mem[0]
    os._exit(4)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGBUS
mem.close(); os.close(fd)
run("cxl", "enable-region", "region0")
for down, up in ((("ndctl", "disable-namespace", "namespace0.0"), ("ndctl", "enable-namespace", "namespace0.0")),
                 (("ndctl", "disable-region", "region0"), ("ndctl", "enable-region", "region0")),
                 (("cxl", "disable-region", "region0"), ("cxl", "enable-region", "region0")),
                 (("cxl", "destroy-region", "-f", "region0"),
                  ("cxl", "create-region", "-t", "pmem", "-s", "1G", "-w", "2", "-d", "decoder0.0", "-m", "mem0", "mem1"))):
    run(*down)
    assert not os.path.exists("/dev/dax0.0"), down
    run(*up)
    fd, mem = opened()
    assert mem[:4] == b"abcd", up
    mem.close(); os.close(fd)
# The same memory in another order is no region of the namespace.
run("cxl", "destroy-region", "-f", "region0")
run("cxl", "create-region", "-t", "pmem", "-s", "1G", "-w", "2", "-d", "decoder0.0", "-m", "mem1", "mem0")
assert os.path.exists("/sys/bus/nd/devices/region0") and not os.path.exists("/dev/dax0.0")
""", device=TWO)


def test_start_as_the_kernel_does(user):
    """A region without a namespace."""
    [region] = tool(user, "ndctl", "list", "-RNi", device=DEVICE + ",start=kernel")["regions"]
    assert region["available_size"] == region["size"] == 512 << 20
    assert [(n["dev"], n["size"], n["state"]) for n in region["namespaces"]] == [
        ("namespace0.0", 0, "disabled")]
    python(user, 'assert not os.path.exists("/dev/dax0.0")', device=DEVICE + ",start=kernel")


def test_labels_are_the_kernels(user):
    """cxl refuses to write labels below an nd bus."""
    python(user, r"""
import fcntl, struct
fd = os.open("/dev/cxl/mem0", os.O_RDWR)
try:
    fcntl.ioctl(fd, 0xc030ce02, struct.pack("<IIIIIIQIIQ", 10, 0, 0, 0, 8, 0, 4096, 0, 0, 0))
except OSError as e:
    assert e.errno == errno.EBUSY
else:
    raise AssertionError("sent")
""", device=DEVICE)


def test_bad_memory_is_listed(user):
    """debugfs poisons by an address in the memory device, and the nd region lists it."""
    python(user, r"""
P = "/sys/kernel/debug/cxl/"
assert write(P + "mem0/inject_poison", "0x40") == "ENXIO"  # the info block is there
assert write(P + "mem0/inject_poison", "0x200000") == "ok"
assert read("/sys/bus/nd/devices/region0/badblocks") == "4096 1\n"
assert read("/sys/bus/nd/devices/ndbus0/commands") == "\n"
assert write(P + "region0/clear_poison", "0x200000") == "ok"
assert read("/sys/bus/nd/devices/region0/badblocks") == ""
assert "pmem\n" in read(P + "mem0/dpamem")
""", device=DEVICE)
