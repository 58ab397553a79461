# SPDX-License-Identifier: BSD-2-Clause
"""cxl_walk.py SEED STEPS: random raw writes to the CXL bus, right and wrong, compared with
tests/lib/cxl_model.py after each. test_cxl_walk.py runs it under daxrun.

Prints the number of steps, of differences, and how many writes had which result.
"""

import collections
import errno
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from cxl_model import ACTIVE, COMMIT, IDLE, Error, Machine  # noqa: E402  pylint: disable=wrong-import-position

B = "/sys/bus/cxl/devices/"
D = "/sys/bus/cxl/drivers/"
M = 1 << 20
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
    def __init__(self, seed):
        self.random = random.Random(seed)
        start = int(read(B + "decoder0.0/start"), 16)
        self.machine = Machine(3, 512 * M, 2, [(2048 * M, [0, 1]), (2048 * M, [0])], 256, start)

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
        if what < 0.08:
            target = region.targets[position]
            return path, "\n", lambda: target and self.machine.detach(target)
        if what < 0.12:
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


def main():
    seed, steps = int(sys.argv[1]), int(sys.argv[2])
    walk, results, log = Walk(seed), collections.Counter(), []
    for nr in range(steps):
        path, text, act = walk.step()
        try:
            act()
            want = "ok"
        except Error as e:
            want = e.args[0]
        got = write(path, text)
        attribute = os.path.basename(path).rstrip("0123456789")
        results[attribute, got] += 1
        log.append(f"{path} <- {text.strip()}: {got}, model {want}")
        found = [] if nr % 16 and got == want and nr + 1 < steps else walk.differences()
        if got != want or found:
            print(*log[-30:], *found, sep="\n")
            print(nr + 1, "steps, 1 difference")
            sys.exit(1)
    for (attribute, got), nr in sorted(results.items()):
        print(attribute, got, nr)
    print(steps, "steps, 0 differences")


main()
