# SPDX-License-Identifier: BSD-2-Clause
"""cxl_walk.py [--kernel KERNEL] [--guest] SEED STEPS

Random raw writes to the CXL bus, right and wrong, compared with tests/lib/cxl_model.py after
each. test_cxl_walk.py runs it under daxrun; --guest boots a kernel with QEMU's memory devices
and makes the same writes there.

Prints the number of steps, of differences, and how many writes had which result.
"""

import argparse
import collections
import errno
import os
import random
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("DAXD_BUILD", os.path.join(TOP, "build"))
sys.path[:0] = [os.path.join(TOP, "tests/lib"), os.path.join(TOP, "tests/oracle")]
from cxl_model import ACTIVE, COMMIT, IDLE, Error, Machine  # noqa: E402  pylint: disable=wrong-import-position

B = "/sys/bus/cxl/devices/"
D = "/sys/bus/cxl/drivers/"
M = 1 << 20
FAR = 1 << 44	# where the first window starts in a plan for a guest
SIZES = [0, 256 * M, 512 * M, 512 * M, 1024 * M, 1024 * M, 1536 * M, 100 * M, 4096 * M]


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
    try:
        with open(path, encoding="ascii") as f:
            return f.read().rstrip("\n")
    except FileNotFoundError:
        return None


class Walk:
    def __init__(self, seed, kernel, start):
        self.random = random.Random(seed)
        self.machine = Machine(3, 512 * M, 2, [(2048 * M, [0, 1]), (2048 * M, [0])], 256, start, kernel)

    def pick(self, items):
        return self.random.choice(list(items))

    def step(self):
        """One write. Return: path, text, and a function that does it in the model."""
        kinds = [self.create, self.delete, self.ways, self.granularity, self.size,
                 self.mode, self.dpa_size, self.target, self.commit, self.bind, self.memdev,
                 self.port, self.advance]
        weights = [3, 1.5, 3, 3, 5, 3, 6, 12, 4, 5, 0.6, 0.15, 60]
        return self.random.choices(kinds, weights)[0]()

    def create(self):
        n = self.random.randrange(2)
        window = self.machine.windows[n]
        number = window.next_id if self.random.random() < 0.8 else self.random.randrange(6)
        if len(self.machine.regions) > 4:
            return self.delete()
        return (B + f"decoder0.{n}/create_ram_region", f"region{number}",
                lambda: self.machine.create(window, number, "ram"))

    def delete(self):
        n = self.random.randrange(2)
        number = self.random.randrange(6)
        return (B + f"decoder0.{n}/delete_region", f"region{number}\n",
                lambda: self.machine.delete(self.machine.windows[n], number))

    def on_region(self, attribute, text, act):
        if not self.machine.regions:
            return self.create()
        region = self.pick(self.machine.regions.values())
        return B + f"{region.name}/{attribute}", text, lambda: act(region)

    def ways(self):
        ways = self.pick([1, 1, 2, 2, 2, 3, 4, 0, 8])
        return self.on_region("interleave_ways", str(ways),
                              lambda r: self.machine.set_ways(r, ways))

    def granularity(self):
        granularity = self.pick([256, 256, 256, 512, 16384, 300, 128])
        return self.on_region("interleave_granularity", f"{granularity}\n",
                              lambda r: self.machine.set_granularity(r, granularity))

    def size(self):
        size = self.pick(SIZES)
        return self.on_region("size", hex(size), lambda r: self.machine.set_size(r, size))

    def decoder(self):
        decoders = self.machine.decoders()
        if not decoders:
            return None
        lower = [d for d in decoders.values() if d.id < 2]
        return self.pick(lower if self.random.random() < 0.9 else decoders.values())

    def mode(self):
        d, mode = self.decoder(), self.pick(["ram", "ram", "ram", "ram", "pmem", "none"])
        if not d:
            return self.memdev()
        return B + d.name + "/mode", mode, lambda: self.machine.set_mode(d, mode)

    def dpa_size(self):
        d, size = self.decoder(), self.pick([0, 256 * M, 256 * M, 512 * M, 128 * M, 1024 * M])
        if not d:
            return self.memdev()
        return B + d.name + "/dpa_size", hex(size), lambda: self.machine.dpa_size(d, size)

    def target(self):
        regions = [r for r in self.machine.regions.values() if r.ways]
        d = self.decoder()
        if not regions or not d:
            return self.create()
        region = self.pick([r for r in regions if r.state != IDLE] or regions)
        position = self.random.randrange(min(region.ways, 4))
        path = B + f"{region.name}/target{position}"
        what = self.random.random()
        if what < 0.12:
            target = region.targets[position]
            return path, "\n", lambda: target and self.machine.detach(target)
        if what < 0.16:
            name, why = self.pick([("decoder0.0", "EINVAL"), ("port1", "EINVAL"),
                                   ("decoder9.9", "ENODEV"), ("x", "ENODEV")])
            return path, name, lambda: self.fail(why)
        fits = [o for o in self.machine.decoders().values()
                if o.dpa and region.res and o.dpa[1] * region.ways == region.res[1]]
        if fits and what < 0.8:
            d = self.pick(fits)
        return path, d.name, lambda: self.machine.attach(region, d, position)

    @staticmethod
    def fail(why):
        raise Error(why)

    def commit(self):
        on = self.random.random() < 0.85
        return self.on_region("commit", "1" if on else "0",
                              lambda r: self.machine.commit(r, on))

    def bind(self):
        if not self.machine.regions:
            return self.create()
        region = self.pick(self.machine.regions.values())
        if self.random.random() < 0.7:
            return D + "cxl_region/bind", region.name, lambda: self.machine.region_bind(region)
        return D + "cxl_region/unbind", region.name, lambda: self.machine.region_unbind(region)

    def memdev(self):
        n = self.random.randrange(3)
        if self.machine.endpoints[n] is None or self.random.random() < 0.2:
            return D + "cxl_mem/bind", f"mem{n}", lambda: self.machine.mem_bind(n)
        return D + "cxl_mem/unbind", f"mem{n}\n", lambda: self.machine.mem_unbind(n)

    def port(self):
        b = self.random.randrange(2)
        if self.machine.ports[b].bound:
            return D + "cxl_port/unbind", f"port{b + 1}", lambda: self.machine.port_unbind(b)
        return D + "cxl_port/bind", f"port{b + 1}", lambda: self.machine.port_bind(b)

    def advance(self):
        """A write that brings a region nearer to its use."""
        machine = self.machine
        if not machine.regions:
            return self.create()
        r = self.pick(machine.regions.values())
        top = B + r.name + "/"
        if r.state == COMMIT:
            return D + "cxl_region/bind", r.name, lambda: machine.region_bind(r)
        if r.state == ACTIVE:
            return top + "commit", "y", lambda: machine.commit(r, True)
        if not r.granularity:
            return top + "interleave_granularity", "256", lambda: machine.set_granularity(r, 256)
        if not r.ways:
            ways = len(r.window.bridges) * self.pick([1, 1, 2])
            return top + "interleave_ways", f"{ways}", lambda: machine.set_ways(r, ways)
        if not r.res:
            size = r.ways * self.pick([256 * M, 512 * M])
            return top + "size", f"{size}\n", lambda: machine.set_size(r, size)
        free = [n for n in range(r.ways) if r.targets[n] is None]
        position = self.pick(free or range(r.ways))
        bridge = r.window.bridges[position % len(r.window.bridges)]
        taken = [t.port for t in r.targets if t]
        size = r.res[1] // r.ways
        below = [d for d in machine.decoders().values() if d.region is None and d.id < 2
                 and machine.bridge(d.port.memdev) == bridge and d.port not in taken]
        ready = [d for d in below if d.dpa and d.dpa[1] == size]
        if ready:
            d = self.pick(ready)
            return (f"{top}target{position}", d.name + "\n",
                    lambda: machine.attach(r, d, position))
        if not below:
            return self.memdev() if self.random.random() < 0.1 else self.delete()
        d = self.pick(below)
        if d.mode == "none":
            return B + d.name + "/mode", "ram\n", lambda: machine.set_mode(d, "ram")
        return B + d.name + "/dpa_size", f"{size}", lambda: machine.dpa_size(d, size)

    def differences(self):
        """The lines in which tree and model differ."""
        found = [f"{path} = {read(B + path)!r}, model {want!r}"
                 for path, want in self.machine.tree().items() if read(B + path) != want]
        names = set(os.listdir(B))
        if names != self.machine.names():
            found.append(f"devices: {sorted(names ^ self.machine.names())}")
        return found


def want_of(act):
    """Do a write in the model. Return: its result, and whether it damages Linux 7.3."""
    try:
        act()
    except Error as e:
        return e.args[0], e.args[1:] == (True,)
    return "ok", False


def attribute_of(path):
    return os.path.basename(path).rstrip("0123456789")


def here(kernel, seed, steps):
    """Make each write, and compare. Return: how many writes had which result, or None."""
    walk = Walk(seed, kernel, int(read(B + "decoder0.0/start"), 16))
    results, log = collections.Counter(), []
    for nr in range(steps):
        path, text, act = walk.step()
        want, _ = want_of(act)
        got = write(path, text)
        results[attribute_of(path), got] += 1
        log.append(f"{path} <- {text.strip()}: {got}, model {want}")
        found = [] if nr % 16 and got == want and nr + 1 < steps else walk.differences()
        if got != want or found:
            print(*log[-30:], *found, sep="\n")
            print(nr + 1, "steps, 1 difference")
            return None
    return results


def plan(kernel, seed, steps):
    """Yield lines for `sysprobe replay` with the answers of the model. Writes that damage the
    kernel are left out."""
    walk = Walk(seed, kernel, FAR)
    walk.machine.is_careful = True
    nr = 0
    while nr < steps:
        path, text, act = walk.step()
        want, harmful = want_of(act)
        if harmful:
            continue
        nr += 1
        yield f"write {path} {text}".replace("\n", "\\n"), want
        if path.endswith("/unbind"):
            yield "write /sys/bus/cxl/flush 1", "ok"	# memory devices go by a work queue
        if nr % 16 == 0 or nr == steps:
            for path, want in walk.machine.tree().items():
                yield f"read {B}{path}", "(ENOENT)" if want is None else want
            yield f"list {B}", " ".join(sorted(walk.machine.names()))


def in_guest(kernel, seed, steps):
    """Make the writes on a real kernel. Return: how many had which result, or None."""
    from cxlguest import CxlGuest  # pylint: disable=import-outside-toplevel
    lines, wants = zip(*plan(kernel, seed, steps))
    guest = CxlGuest(kernel, memdevs=["512M"] * 3, bridges=2, windows=[("2G", [0, 1]), ("2G", [0])])
    result = guest.run("cat /sys/bus/cxl/devices/decoder0.0/start; sysprobe replay /job/plan",
                       files={"/job/plan": "\n".join(lines).encode()},
                       programs=[os.path.join(BUILD, "progs/sysprobe")], timeout=1800)
    start, *gots = result.output.splitlines()
    print(f"{result.release}: {result.seconds:.0f} s", *result.oops(), sep="\n")
    results, wrong = collections.Counter(), 0
    for nr, (line, want) in enumerate(zip(lines, wants)):
        verb, path, *_ = line.split()
        got = gots[nr] if nr < len(gots) else "(nothing)"
        if verb == "write":
            got = got.split()[-1]
            results[attribute_of(path), got] += 1
        elif verb == "list":
            got = " ".join(sorted(set(got.split()) - {"nvdimm-bridge0"}))
        elif want.startswith("0x") and FAR <= int(want, 16) < 2 * FAR:
            want = hex(int(want, 16) - FAR + int(start, 16))
        if got != want:
            wrong += 1
            if wrong < 30:
                writes = [f"{a}: {b}" for a, b in zip(lines[:nr], gots) if a.startswith("write")]
                print(*writes[-20:] if wrong == 1 else (), f"{line}: {got}, model {want}", sep="\n")
    if wrong or result.oops() or len(gots) != len(lines):
        print(steps, "steps,", wrong, "differences")
        return None
    print(sum(line.startswith("read") for line in lines), "attributes read")
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", default="7.3", help="whose rules the model follows")
    parser.add_argument("--guest", action="store_true", help="make the writes on that kernel")
    parser.add_argument("seed", type=int)
    parser.add_argument("steps", type=int)
    args = parser.parse_args()
    results = (in_guest if args.guest else here)(args.kernel, args.seed, args.steps)
    if results is None:
        sys.exit(1)
    for (attribute, got), nr in sorted(results.items()):
        print(attribute, got, nr)
    print(args.steps, "steps, 0 differences")


main()
