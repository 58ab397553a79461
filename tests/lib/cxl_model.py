# SPDX-License-Identifier: BSD-2-Clause
"""The rules of drivers/cxl/core of Linux 7.3 and 6.12 (region.c, hdm.c, port.c), written
again for the random walk of test_cxl_walk.py, with the kernel's structures: a port has decoders and,
for each region that is attached to it, a reference with the endpoints behind it.

Writes that end in a warning or a crash in the kernel change nothing here: a last target while
others are behind the last way, or when the host bridge counts twice as many targets as it has;
a target given a second time. A region that is deleted has no targets left.
"""

import itertools

M256 = 256 << 20
IDLE, INTERLEAVE, ACTIVE, COMMIT = range(4)


class Error(Exception):
    """args[0]: the name of the errno; args[1]: whether the write damages Linux 7.3."""


def check(condition, name):
    if not condition:
        raise Error(name)


def power_of_2(n):
    return n > 0 and n & (n - 1) == 0


class Decoder:
    def __init__(self, port, number, granularity=256):
        self.port, self.id = port, number
        self.ways, self.granularity, self.range = 1, granularity, (0, 0)
        self.enabled, self.region = False, None
        self.kept = (1, granularity, [0])  # by the registers, from the last commit
        self.targets = [0]  # of a switch decoder
        self.mode, self.dpa, self.pos = "none", None, -1  # of an endpoint decoder

    @property
    def name(self):
        return f"decoder{self.port.id}.{self.id}"


class Reference:
    """struct cxl_region_ref"""
    def __init__(self, decoder):
        self.decoder, self.endpoints = decoder, []
        self.nr_targets = 0  # not decremented while there are endpoints


class Port:
    """A host bridge's port, or an endpoint."""
    def __init__(self, number, nr_dports, memdev=None):
        self.id, self.nr_dports, self.memdev = number, nr_dports, memdev
        self.bound, self.refs, self.dports = True, {}, set()
        nr, granularity = (1, 4096) if self.passes_through() else (4, 256)
        self.decoders = [Decoder(self, n, granularity) for n in range(nr)]

    def passes_through(self):
        return self.memdev is None and self.nr_dports == 1

    def probe(self):
        """Make the decoders anew, from the registers (init_hdm_decoder())."""
        old = [d.kept for d in self.decoders]
        self.decoders = [Decoder(self, n) for n in range(len(old))]
        for decoder, kept in zip(self.decoders, old):
            decoder.kept = kept
            decoder.ways, decoder.granularity, decoder.targets = kept
        self.dports = set()

    def shows_decoders(self):
        return self.memdev is not None or (self.bound and self.dports)

    def commit_end(self):
        return max([d.id for d in self.decoders if d.enabled], default=-1)


class Region:
    def __init__(self, number, window, mode):
        self.id, self.window, self.mode = number, window, mode
        self.state, self.ways, self.granularity = IDLE, 0, 0
        self.res, self.targets, self.bound = None, [None] * 16, False

    def nr_targets(self):
        return sum(t is not None for t in self.targets)

    name = property(lambda self: f"region{self.id}")


class Window:
    def __init__(self, start, size, bridges, granularity):
        self.start, self.size, self.bridges = start, size, bridges
        self.granularity, self.next_id = granularity, None


class Machine:
    def __init__(self, nr_memdevs, memdev_size, nr_bridges, windows, granularity, start,
                 kernel="7.3"):
        self.has_partitions = kernel != "6.12"  # memory devices have numbered partitions
        self.has_late_ports = kernel != "6.12"  # a port looks below it when a device comes there
        self.is_careful = False  # refuse a write that the kernel takes, and is damaged by later
        self.memdev_size, self.nr_memdevs = memdev_size, nr_memdevs
        below = [len(range(b, nr_memdevs, nr_bridges)) for b in range(nr_bridges)]
        self.ports = [Port(b + 1, below[b]) for b in range(nr_bridges)]
        self.endpoints = [None] * nr_memdevs  # by memory device
        self.unbound = [None] * nr_memdevs
        self.regions, self.windows = {}, []
        for size, bridges in windows:
            self.windows.append(Window(start, size, bridges, granularity))
            start += size
        for window in self.windows:
            window.next_id = self.memregion_alloc()
        self.find_dports()
        for n in range(nr_memdevs):
            self.mem_bind(n)

    # ---- ids

    def memregion_alloc(self):
        taken = set(self.regions) | {w.next_id for w in self.windows}
        return next(n for n in range(1000) if n not in taken)

    # ---- memory devices and ports

    def bridge(self, memdev):
        return memdev % len(self.ports)

    def mem_bind(self, n):
        check(self.endpoints[n] is None, "EBUSY")
        check(self.ports[self.bridge(n)].bound, "ENXIO")
        taken = {e.id for e in self.endpoints if e} | {p.id for p in self.ports}
        number = next(i for i in range(1, 100) if i not in taken)
        port = self.unbound[n] or Port(number, 1, n)
        port.id = number
        port.probe()
        self.endpoints[n] = port
        self.ports[self.bridge(n)].dports.add(n)

    def mem_unbind(self, n):
        check(self.endpoints[n] is not None, "ENODEV")
        for decoder in reversed(self.endpoints[n].decoders):
            self.detach(decoder)
        self.unbound[n], self.endpoints[n] = self.endpoints[n], None

    def port_bind(self, b):
        check(not self.ports[b].bound, "EBUSY")
        self.ports[b].bound = True
        self.find_dports()

    def find_dports(self):
        """Find the ports below each bound port at once, as older kernels do."""
        for b, port in enumerate(self.ports):
            if port.bound and not self.has_late_ports:
                port.dports = set(range(b, self.nr_memdevs, len(self.ports)))

    def port_unbind(self, b):
        check(self.ports[b].bound, "ENODEV")
        for n, endpoint in enumerate(self.endpoints):
            if endpoint and self.bridge(n) == b:
                self.mem_unbind(n)
        self.ports[b].probe()
        self.ports[b].bound = False

    # ---- endpoint decoders

    def dpa_size(self, d, size):
        check(size % M256 == 0, "EINVAL")
        hdm_end = max([o.id for o in d.port.decoders if o.dpa], default=-1)
        if d.dpa:
            check(d.region is None and not d.enabled and d.id == hdm_end, "EBUSY")
            d.dpa, hdm_end = None, hdm_end - 1
        if size == 0:
            return
        check(d.region is None and not d.enabled, "EBUSY")
        check(d.mode != "none", "EBUSY" if self.has_partitions else "EINVAL")
        start = max([o.dpa[0] + o.dpa[1] for o in d.port.decoders if o.dpa], default=0)
        check(start + size <= self.memdev_size, "ENOSPC")
        check(d.id == hdm_end + 1, "EBUSY")
        d.dpa = (start, size)

    def set_mode(self, d, mode):
        check(mode in ("ram", "pmem"), "EINVAL")
        check(not d.enabled, "EBUSY")
        check(mode == "ram", "EINVAL" if self.has_partitions else "ENXIO")
        d.mode = mode

    # ---- regions

    def create(self, window, number, mode):
        new = self.memregion_alloc()
        check(window.next_id == number, "EBUSY")
        self.regions[number] = Region(number, window, mode)
        window.next_id = new

    def delete(self, window, number):
        region = self.regions.get(number)
        check(region is not None and region.window is window, "ENODEV")
        for target in region.targets:
            if target:
                self.detach(target)
        del self.regions[number]
        window.next_id = min(window.next_id, number)

    def set_ways(self, region, ways):
        check(ways in (1, 2, 4, 8, 16, 3, 6, 12), "EINVAL")
        iw = len(region.window.bridges)
        check(power_of_2(ways // iw) and ways % iw == 0, "EINVAL")
        check(region.state < INTERLEAVE, "EBUSY")
        if self.is_careful and any(region.targets[ways:]):
            raise Error("ok", True)
        region.ways = ways

    def set_granularity(self, region, granularity):
        check(granularity in [256 << n for n in range(7)], "EINVAL")
        check(len(region.window.bridges) == 1 or granularity == region.window.granularity,
              "EINVAL")
        check(region.state < INTERLEAVE, "EBUSY")
        region.granularity = granularity

    def set_size(self, region, size):
        if size == 0:
            if region.res:
                check(region.state < ACTIVE, "EBUSY")
                region.res, region.state = None, IDLE
            return
        if region.res and region.res[1] == size:
            return
        check(not region.res and region.state < INTERLEAVE, "EBUSY")
        check(region.ways and region.granularity, "ENXIO")
        check(size % (M256 * region.ways) == 0, "EINVAL")
        region.res = (self.free_mem_region(region.window, size), size)
        region.state = INTERLEAVE

    def free_mem_region(self, window, size):
        used = [r.res for r in self.regions.values() if r.res]
        at = window.start
        while at + size <= window.start + window.size:
            if not any(at < s + n and s < at + size for s, n in used):
                return at
            at += M256
        raise Error("ERANGE")

    @staticmethod
    def interleave_cap(ways, granularity):
        """check_interleave_cap(): bits 8 to 14 of an address can select a target."""
        check(ways in (1, 2, 4, 8, 16), "ENXIO")
        eiw, eig = ways.bit_length() - 1, max(granularity, 256).bit_length() - 9
        check(eiw == 0 or eiw + eig + 7 <= 14, "ENXIO")

    def attach(self, region, d, pos):
        self.interleave_cap(region.ways, region.granularity)
        check(d.mode != "none", "ENODEV" if self.has_partitions else "EINVAL")
        check(d.mode == region.mode, "EINVAL")
        check(region.state <= INTERLEAVE, "EBUSY")
        check(region.state == INTERLEAVE, "ENXIO")
        check(region.nr_targets() < region.ways, "EINVAL")
        check(d.dpa, "ENXIO")
        check(d.dpa[1] * region.ways == region.res[1], "EINVAL")
        if region.targets[pos]:
            raise Error("EBUSY", region.targets[pos] is d)
        check(all(t is None or t.port is not d.port for t in region.targets[:region.ways]),
              "EBUSY")
        iw = len(region.window.bridges)
        check(region.window.bridges[pos % iw] == self.bridge(d.port.memdev), "ENXIO")
        port = self.ports[self.bridge(d.port.memdev)]
        before = port.refs[region].nr_targets if region in port.refs else 0
        self.attach_port(d.port, region, d)
        try:
            self.attach_port(port, region, d)
            region.targets[pos] = d
            self.check_harm(region)
        except Error:
            region.targets[pos] = None
            if region in port.refs:
                port.refs[region].nr_targets = before
            for p in (d.port, port):
                self.detach_port(p, region, d)
            raise
        d.pos = pos
        if region.nr_targets() == region.ways:
            self.setup_targets(region)
            region.state = ACTIVE
        d.ways, d.granularity, d.range = region.ways, region.granularity, region.res

    def check_harm(self, region):
        if region.nr_targets() < region.ways:
            return
        harm = None in region.targets[:region.ways]
        if any(p.refs[region].nr_targets != len(p.refs[region].endpoints) for p in self.above(region)):
            try:
                self.check_targets(region)
                harm = True
            except Error:
                pass
        if harm:
            raise Error("EINVAL", True)

    @staticmethod
    def attach_port(port, region, d):
        ref = port.refs.get(region)
        if ref is None:
            for other in port.refs:
                check(not other.res or other.res[0] < region.res[0], "EBUSY")
            if port.memdev is not None:
                decoder = d
            else:
                decoder = next((o for o in port.decoders if o.id == port.commit_end() + 1),
                               None)
                check(decoder and decoder.region is None, "EBUSY")
                check(all(o.enabled for o in port.decoders[:decoder.id]), "EBUSY")
            check(decoder.region is None, "EBUSY")
            ref = port.refs[region] = Reference(decoder)
        ref.endpoints.append(d)
        ref.nr_targets += 1
        ref.decoder.region = region
        if port.memdev is None:
            check(ref.nr_targets <= (1 if port.passes_through() else 8), "ENXIO")

    @staticmethod
    def detach_port(port, region, d):
        ref = port.refs.get(region)
        if ref and d in ref.endpoints:
            ref.endpoints.remove(d)
            if not ref.endpoints:
                ref.decoder.region = None
                del port.refs[region]

    def above(self, region):
        """The host bridges' ports of a region."""
        return [port for port in self.ports if region in port.refs]

    def check_targets(self, region):
        ig = region.granularity * len(region.window.bridges)
        for port in self.above(region):
            iw = port.refs[region].nr_targets
            check(power_of_2(iw) and ig <= 16384, "EINVAL")
            check(iw <= 8, "ENXIO")
            self.interleave_cap(iw, ig)

    def setup_targets(self, region):
        self.check_targets(region)
        targets = region.targets[:region.ways]
        ig = region.granularity * len(region.window.bridges)
        for port in self.above(region):
            decoder = port.refs[region].decoder
            decoder.ways, decoder.granularity = len(port.refs[region].endpoints), ig
            decoder.range = region.res
            decoder.targets = [t.port.memdev // len(self.ports) for t in targets
                               if self.ports[self.bridge(t.port.memdev)] is port]

    def detach(self, d):
        region = d.region
        if region is None:
            return
        if region.state == COMMIT:
            self.decode_reset(region)
            region.state = ACTIVE
        port = self.ports[self.bridge(d.port.memdev)]
        for p in (d.port, port):
            self.detach_port(p, region, d)
        if region.state == ACTIVE:
            region.state = INTERLEAVE
            for p in self.ports:
                if region in p.refs:
                    p.refs[region].decoder.range = (0, 0)
        region.targets[d.pos] = None
        d.range, d.pos = (0, 0), -1
        region.bound = False

    def decode_reset(self, region):
        for port in self.ports + [e for e in self.endpoints if e]:
            if region in port.refs:
                port.refs[region].decoder.enabled = False

    def commit(self, region, on):
        if not on:
            if region.state == COMMIT:
                region.bound = False
                self.decode_reset(region)
                region.state = ACTIVE
            return
        if region.state == COMMIT:
            return
        check(region.state == ACTIVE, "ENXIO")
        try:
            for target in region.targets[:region.ways]:
                for port in (target.port, self.ports[self.bridge(target.port.memdev)]):
                    decoder = port.refs[region].decoder
                    if decoder.enabled or port.passes_through():
                        continue
                    check(port.commit_end() + 1 == decoder.id, "EBUSY")
                    decoder.enabled = True
                    decoder.kept = (decoder.ways, decoder.granularity, decoder.targets)
        except Error:
            self.decode_reset(region)
            raise
        region.state = COMMIT

    def region_bind(self, region):
        check(not region.bound, "EBUSY")
        check(region.state == COMMIT, "ENXIO")
        region.bound = True

    def region_unbind(self, region):
        check(region.bound, "ENODEV")
        region.bound = False

    # ---- what sysfs shows

    def decoders(self):
        return {d.name: d for e in self.endpoints if e for d in e.decoders}

    def tree(self):
        """Text by path below /sys/bus/cxl/devices; None: the path does not exist."""
        text = {}
        for n, window in enumerate(self.windows):
            text[f"decoder0.{n}/create_ram_region"] = f"region{window.next_id}"
        for port in self.ports + [e for e in self.endpoints if e]:
            kind = "port" if port.memdev is None else "endpoint"
            text[f"{kind}{port.id}/decoders_committed"] = str(port.commit_end() + 1)
            for d in port.decoders if port.shows_decoders() else []:
                top = d.name + "/"
                text[top + "interleave_ways"] = str(d.ways)
                text[top + "interleave_granularity"] = str(d.granularity)
                text[top + "start"], text[top + "size"] = map(hex, d.range)
                text[top + "region"] = d.region.name if d.region else ""
                if port.memdev is None:
                    found = [memdev // len(self.ports) for memdev in port.dports]
                    known = itertools.takewhile(found.__contains__, d.targets)
                    text[top + "target_list"] = ",".join(map(str, known))
                else:
                    text[top + "mode"] = d.mode
                    text[top + "dpa_size"] = f"0x{d.dpa[1] if d.dpa else 0:016x}"
                    text[top + "dpa_resource"] = hex(d.dpa[0] if d.dpa else 2 ** 64 - 1)
        for r in self.regions.values():
            top = r.name + "/"
            text[top + "interleave_ways"] = str(r.ways)
            text[top + "interleave_granularity"] = str(r.granularity)
            text[top + "size"] = hex(r.res[1] if r.res else 0)
            text[top + "resource"] = hex(r.res[0] if r.res else 2 ** 64 - 1)
            text[top + "commit"] = str(int(r.state == COMMIT))
            text[top + "mode"] = r.mode
            for n in range(17):
                if n >= r.ways:
                    text[f"{top}target{n}"] = None
                else:
                    text[f"{top}target{n}"] = r.targets[n].name if r.targets[n] else ""
        return text

    def names(self):
        """The entries of /sys/bus/cxl/devices."""
        names = {"root0"} | {f"decoder0.{n}" for n in range(len(self.windows))}
        for n in range(self.nr_memdevs):
            names.add(f"mem{n}")
        for port in self.ports + [e for e in self.endpoints if e]:
            names.add(("port" if port.memdev is None else "endpoint") + str(port.id))
            names |= {d.name for d in port.decoders if port.shows_decoders()}
        for r in self.regions.values():
            names.add(r.name)
            if r.bound:
                names.add(f"dax_{r.name}")
        return names
