# SPDX-License-Identifier: BSD-2-Clause
"""A model of one process's memory with two device-dax, giving the answers of a Linux kernel.

Written from mm/vma.c, mm/mmap.c, mm/mprotect.c, mm/madvise.c, mm/mremap.c (6.12) and
drivers/dax/device.c, not from this project's code, in order to find where the two differ.
It knows the operations of tests/conformance/replay.c.

    m = Model([(SIZE, ALIGN), (SIZE, ALIGN)])
    answer = m.run("map 0 0 2A rw shared 0 fixed:1A")     "ok"; None: left to chance

An operation that is left to chance changes nothing in the model, and must not be replayed.
"""

import dataclasses
import re

P = 4096
AREA = 32
START = 0x200000000000
FREE = 1 << 52          # from here on the model places mappings whose address the kernel chooses
FREE_STEP = 1 << 42

R, W, X = 1, 2, 4
PROTS = {"r": R, "w": W, "x": X}

# Advice that only changes a mapping's flags: (removed, added).
FLAG_ADVICE = {
    "normal": ({"random", "sequential"}, set()),
    "random": ({"sequential"}, {"random"}),
    "sequential": ({"random"}, {"sequential"}),
    "dontfork": (set(), {"dontfork"}),
    "dofork": ({"dontfork"}, set()),
    "dontdump": (set(), {"dontdump"}),
    "dodump": ({"dontdump"}, set()),
    "nohugepage": ({"hugepage"}, {"nohugepage"}),
    "hugepage": ({"nohugepage"}, {"hugepage"}),
}
# Their result for anonymous memory depends on the kernel's configuration.
DAX_ONLY_ADVICE = {"hugepage", "nohugepage", "free", "remove", "wipeonfork", "keeponfork",
                   "mergeable", "unmergeable", "collapse", "populate_read", "populate_write"}


class Chance(Exception):
    """The kernel's answer is not predictable."""


class Error(Exception):
    """The call fails with this errno."""


@dataclasses.dataclass
class Vma:
    start: int
    end: int
    prot: int
    dev: int = None         # None: anonymous
    off: int = 0
    file: int = 0           # which open file
    may_write: bool = True
    flags: frozenset = frozenset()

    def at(self, addr):
        """Return: the device's offset at an address."""
        return self.off + addr - self.start

    def key(self):
        return self.dev, self.file, self.prot, self.flags, self.may_write


@dataclasses.dataclass
class Mapping:
    at: int
    len: int
    is_free: bool           # outside of replay.c's area


def first_byte(dev, off):
    """Return: the initial value of a device's byte, which the test writes there."""
    return (off * 2654435761 >> 12) % 251 + 1 + dev


class Model:
    def __init__(self, devices):
        self.devices = devices
        self.unit = max(align for _, align in devices)
        self.vmas = [Vma(START, START + AREA * self.unit, 0)]
        self.ids = {}
        self.present = set()        # units of devices with huge pages that were touched
        self.anonymous = {}         # address -> byte
        self.bytes = {}             # (dev, off) -> byte
        self.used = set()           # keys of bytes that were read or written
        self.files = [1, 2]
        self.modes = ["rw", "rw"]
        self.next_file = 3
        self.next_free = FREE

    def sum(self, text):
        value = 0
        for sign, number, unit in re.findall(r"([+-]?)(\d+|S)([AP]?)", text):
            n = self.devices[0][0] if number == "S" else int(number)
            n *= {"A": self.unit, "P": P, "": 1}[unit]
            value += -n if sign == "-" else n
        return value

    def units(self, n):
        a, rest = divmod(n, self.unit)
        return f"{a}A" + (f"+{rest // P}P" if rest else "")

    def run(self, line):
        """Return: the answer, or None if it is left to chance."""
        word, *args = line.split()
        saved = (self.vmas, dict(self.ids), set(self.present), dict(self.anonymous),
                 dict(self.bytes), set(self.used), list(self.files), list(self.modes),
                 self.next_file, self.next_free)
        self.vmas = [dataclasses.replace(v) for v in self.vmas]
        try:
            return getattr(self, "do_" + word)(*args)
        except Error as e:
            return str(e)
        except Chance:
            (self.vmas, self.ids, self.present, self.anonymous, self.bytes, self.used,
             self.files, self.modes, self.next_file, self.next_free) = saved
            return None

    def align(self, vma):
        return self.devices[vma.dev][1] if vma.dev is not None else P

    def is_broken(self, vma):
        """True if an access fails because the ends are off the align (check_vma())."""
        return bool((vma.start | vma.end) % self.align(vma))

    def find(self, addr):
        """Return: the first mapping that ends behind an address."""
        return next((v for v in self.vmas if v.end > addr), None)

    def overlapping(self, start, end):
        return [v for v in self.vmas if v.end > start and v.start < end]

    def next_to(self, vma):
        i = self.vmas.index(vma)
        return (self.vmas[i - 1] if i else None,
                self.vmas[i + 1] if i + 1 < len(self.vmas) else None)

    def add(self, vma):
        self.vmas.append(vma)
        self.vmas.sort(key=lambda v: v.start)
        return vma

    def settle(self):
        """Drop huge pages that a border between mappings now splits."""
        for unit in list(self.present):
            v = self.find(unit)
            if v is None or v.dev is None or v.start > unit or v.end < unit + self.align(v):
                self.present.discard(unit)
        return self

    def split(self, vma, addr):
        """Split a mapping (__split_vma()). Return: the upper part."""
        if addr % self.align(vma):
            raise Error("EINVAL")
        upper = dataclasses.replace(vma, start=addr, off=vma.at(addr))
        vma.end = addr
        return self.add(upper)

    @staticmethod
    def fits(low, high):
        """True if neighbours merge (can_vma_merge_after()). Anonymous mappings look alike anyway."""
        return (low is not None and high is not None and low.dev is not None and
                low.end == high.start and low.key() == high.key() and
                low.at(low.end) == high.off)

    def merge_new(self, vma):
        """Merge a new mapping that is in the list already (vma_merge_new_range())."""
        prev, following = self.next_to(vma)
        if self.fits(vma, following):
            vma.end = following.end
            self.vmas.remove(following)
        if self.fits(prev, vma):
            prev.end = vma.end
            self.vmas.remove(vma)

    def modify(self, vma, start, end, **changes):
        """
        Change a part of one mapping (vma_modify()). Merging is tried first, and moves a border
        between neighbours without asking the driver whether it may be there.
        """
        new = dataclasses.replace(vma, start=start, end=end, off=vma.at(start), **changes)
        prev, following = self.next_to(vma)
        is_left = start == vma.start and self.fits(prev, new)
        is_right = end == vma.end and self.fits(new, following)
        if is_left or is_right:
            if start == vma.start and end == vma.end:
                self.vmas.remove(vma)
            elif is_left:
                vma.off, vma.start = vma.at(end), end
            else:
                vma.end = start
            if is_left:
                prev.end = end
            if is_left and is_right:
                prev.end = following.end
                self.vmas.remove(following)
            elif is_right:
                following.off, following.start = new.off, start
            return
        if start > vma.start:
            vma = self.split(vma, start)
        if end < vma.end:
            self.split(vma, end)
        for name, value in changes.items():
            setattr(vma, name, value)

    def unmap(self, start, length):
        """Unmap a range (do_vmi_munmap())."""
        end = start + -(-length // P) * P
        if start % P or end == start:
            raise Error("EINVAL")
        self.no_free_hole(start, end)
        found = self.overlapping(start, end)
        if not found:
            return
        if found[0].start < start:
            self.split(found[0], start)
        for v in self.overlapping(start, end):
            if v.end > end:
                self.split(v, end)
        gone = self.overlapping(start, end)
        self.vmas = [v for v in self.vmas if v not in gone]
        self.forget(start, end)

    def forget(self, start, end):
        for addr in [a for a in self.anonymous if start <= a < end]:
            del self.anonymous[addr]
        self.zap(start, end)

    def zap(self, start, end):
        """Remove page table entries; a huge one is removed as a whole, whatever part is meant."""
        for unit in [u for u in self.present if u < end and u + self.unit > start]:
            self.present.discard(unit)

    def no_free_hole(self, start, end):
        """Raise Chance if the range has holes where the kernel may have placed other mappings."""
        if end <= FREE:
            return
        at = start
        for v in self.overlapping(start, end):
            if v.start > at:
                raise Chance
            at = v.end
        if at < end:
            raise Chance

    def no_hole_in_area(self, length):
        """Raise Chance if the area has a hole of this length, which the kernel may use again."""
        at = START
        for v in [*self.overlapping(START, START + AREA * self.unit), Vma(START + AREA * self.unit, 0, 0)]:
            if v.start - at >= length:
                raise Chance
            at = v.end

    def place_freely(self, vma_off, length, align):
        """Return: an address of the model's that stands for the one that the kernel chooses."""
        self.next_free += FREE_STEP
        return self.next_free + vma_off % align

    def may_merge_by_chance(self, new):
        """True if a mapping may merge with another that the kernel placed next to it by chance."""
        if new.start < FREE:
            return False
        return any(v.start >= FREE and v is not new and v.key() == new.key() and
                   (v.at(v.end) == new.off or new.at(new.end) == v.off) for v in self.vmas)

    def fault_in(self, vma, unit):
        """Fault a unit in (dev_dax_huge_fault()). Return: True if it is present."""
        align = self.align(vma)
        size = self.devices[vma.dev][0]
        if align == P:
            return vma.at(unit) < size
        if unit in self.present:
            return True
        if self.is_broken(vma) or "nohugepage" in vma.flags:
            return False
        off = vma.at(unit)
        if off % align:
            raise Chance        # a huge page entry that is not aligned to its size
        if off + align > size:
            return False
        self.present.add(unit)
        return True

    def touch(self, addr, value):
        self.no_free_hole(addr, addr + 1)
        vma = self.find(addr)
        if vma is None or vma.start > addr:
            return "SEGV_MAPERR"
        if not vma.prot & W if value is not None else not vma.prot:
            return "SEGV_ACCERR"
        if vma.prot == X:
            raise Chance        # a protection key, where the processor has them
        if vma.dev is None:
            if value is None:
                return f"0x{self.anonymous.get(addr, 0):02x}"
            self.anonymous[addr] = value
            return "ok"
        unit = addr - addr % self.align(vma)
        if not self.fault_in(vma, unit):
            return "BUS_ADRERR"
        where = vma.dev, vma.at(addr)
        if vma.off % self.align(vma):
            raise Chance
        self.used.add(where)
        if value is None:
            return f"0x{self.bytes.get(where, first_byte(*where)):02x}"
        self.bytes[where] = value
        return "ok"

    def populate(self, start, end):
        """Touch the whole range. Return: True if nothing failed."""
        for vma in self.overlapping(start, end):
            if vma.dev is None or self.align(vma) == P and vma.at(vma.end) <= self.devices[vma.dev][0]:
                continue
            step = self.align(vma)
            unit = max(start, vma.start) // step * step
            while unit < min(end, vma.end):
                if not self.fault_in(vma, max(unit, vma.start)):
                    return False
                unit += step
        return True

    def range_of(self, ident, off, length):
        m = self.ids.get(ident)
        if m is None:
            raise Error("none")
        if m.is_free:
            good = 0 <= off <= m.len and 0 <= length <= m.len - off
        else:
            good = self.is_in_area(m.at + off, length)
        if not good:
            raise Error("outside")
        if m.at >= FREE:
            self.no_free_hole(m.at + off, m.at + off + length)
        return m.at + off

    def is_in_area(self, addr, length):
        end = START + AREA * self.unit
        return START <= addr <= end and 0 <= length <= end - addr

    def place(self, text, length):
        """Parse PLACE. Return: how, address."""
        how, _, where = text.partition(":")
        if how == "any":
            return how, 0
        addr = START + self.sum(where)
        if not self.is_in_area(addr, length):
            raise Error("outside")
        return how, addr

    def new_id(self, ident, addr, length):
        self.ids[ident] = Mapping(addr, length, not self.is_in_area(addr, length))

    def do_open(self, dev, mode):
        self.files[int(dev)] = self.next_file
        self.next_file += 1
        self.modes[int(dev)] = mode
        return "ok"

    def do_map(self, ident, dev, length, prot, flags, off, place):
        dev, length, off, flags = int(dev), self.sum(length), self.sum(off), flags.split(",")
        prot = sum(PROTS.get(c, 0) for c in prot)
        mode, (_, align) = self.modes[dev], self.devices[dev]
        how, addr = self.place(place, length)
        length = -(-length // P) * P

        # ksys_mmap_pgoff(), do_mmap()
        if off % P or "hugetlb" in flags or not length:
            raise Error("EINVAL")
        if how in ("fixed", "noreplace"):
            if addr % P:
                raise Error("EINVAL")
        else:
            addr -= addr % P
        if how == "noreplace" and self.overlapping(addr, addr + length):
            raise Error("EEXIST")
        if "validate" in flags and how == "noreplace":
            raise Error("EOPNOTSUPP")
        is_shared = "private" not in flags
        if is_shared and prot & W and "w" not in mode or "r" not in mode:
            raise Error("EACCES")
        if "growsdown" in flags:
            raise Error("EINVAL")

        # dax_get_unmapped_area()
        is_freely = how == "any"
        if how == "hint" and self.overlapping(addr, addr + length):
            raise Chance
        if is_freely:
            if length % align == 0 and off % align and (off + length) // align * align - off < align:
                raise Chance
            self.no_hole_in_area(length)
            addr = self.place_freely(off, length, align)

        # mmap_region(), dax_mmap()
        if how == "fixed":
            self.unmap(addr, length)
            self.settle()
        if not is_shared or (addr | length) % align:
            raise Error("EINVAL")
        vma = Vma(addr, addr + length, prot, dev, off, self.files[dev], "w" in mode,
                  frozenset({"hugepage"} | ({"sync", "noreserve"} & set(flags))))
        if self.may_merge_by_chance(vma):
            raise Chance
        if self.vmas[0].start > addr:
            raise Chance        # __mmap_region() merges anew only if there is something below
        self.merge_new(self.add(vma))
        if "populate" in flags and prot:
            self.populate(addr, addr + length)
        self.new_id(ident, addr, length)
        return self.where(addr, align) if is_freely else "ok"

    def do_anon(self, ident, length, prot, place):
        length = self.sum(length)
        how, addr = self.place(place, length)
        length = -(-length // P) * P
        if not length or how in ("fixed", "noreplace") and addr % P:
            raise Error("EINVAL")
        addr -= addr % P
        if how == "any":
            self.no_hole_in_area(length)
            addr = self.place_freely(0, length, P)
        elif how == "fixed":
            self.unmap(addr, length)
        elif self.overlapping(addr, addr + length):
            if how == "hint":
                raise Chance
            raise Error("EEXIST")
        self.add(Vma(addr, addr + length, sum(PROTS.get(c, 0) for c in prot)))
        self.settle()
        self.new_id(ident, addr, length)
        return "ok"

    def do_unmap(self, ident, off, length):
        length = self.sum(length)
        self.unmap(self.range_of(ident, self.sum(off), length), length)
        self.settle()
        return "ok"

    def do_protect(self, ident, off, length, prot):
        length = self.sum(length)
        start = self.range_of(ident, self.sum(off), length)
        end = start + -(-length // P) * P
        prot = sum(PROTS.get(c, 0) for c in prot)
        if start % P:
            raise Error("EINVAL")
        at = start
        try:
            while at < end:
                vma = self.find(at)
                if vma is None or vma.start > at:
                    raise Error("ENOMEM")
                stop = min(vma.end, end)
                if prot & W and not vma.may_write:
                    raise Error("EACCES")
                if vma.prot != prot:
                    self.modify(vma, at, stop, prot=prot)
                at = stop
        finally:
            self.settle()
        return "ok"

    def do_advise(self, ident, off, length, advice):
        length = self.sum(length)
        start = self.range_of(ident, self.sum(off), length)
        end = start + -(-length // P) * P
        if start % P:
            raise Error("EINVAL")
        if end == start:
            return "ok"
        if advice in DAX_ONLY_ADVICE and any(v.dev is None for v in self.overlapping(start, end)):
            raise Chance
        if advice.startswith("populate"):
            return self.advise_populate(start, end, W if advice.endswith("write") else R)
        gap = False
        at = start
        try:
            while at < end:
                vma = self.find(at)
                if vma is None or vma.start >= end:
                    gap = True
                    break
                if vma.start > at:
                    gap = True
                    at = vma.start
                stop = min(vma.end, end)
                self.advise_one(vma, at, stop, advice)
                at = stop
        finally:
            self.settle()
        return "ENOMEM" if gap else "ok"

    def advise_one(self, vma, start, end, advice):
        if advice in FLAG_ADVICE:
            clear, give = FLAG_ADVICE[advice]
            flags = vma.flags - clear | give
            if flags != vma.flags:
                self.modify(vma, start, end, flags=flags)
        elif advice in ("dontneed", "dontneed_locked"):
            self.forget(start, end)
        elif advice == "remove":
            raise Error("ENODEV" if vma.may_write else "EACCES")
        elif advice in ("free", "wipeonfork", "collapse"):
            raise Error("EINVAL")

    def advise_populate(self, start, end, prot):
        """Populate a range (madvise_populate(), faultin_page_range())."""
        at = start
        while at < end:
            vma = self.find(at)
            if vma is None or vma.start > at:
                return "ENOMEM"
            if not vma.prot & prot:
                return "EINVAL"
            stop = min(vma.end, end)
            if not self.populate(at, stop):
                return "EFAULT"
            at = stop
        return "ok"

    def do_sync(self, ident, off, length, flags):
        length, flags = self.sum(length), flags.split(",")
        start = self.range_of(ident, self.sum(off), length)
        end = start + -(-length // P) * P
        if start % P or {"async", "sync"} <= set(flags):
            raise Error("EINVAL")
        if start == end:
            return "ok"
        gap = False
        while start < end:
            vma = self.find(start)
            if vma is None:
                return "ENOMEM"
            if vma.start > start:
                gap = True
                if flags == ["async"]:
                    break
                start = vma.start
                if start >= end:
                    break
            if "sync" in flags and vma.dev is not None and vma.may_write:
                raise Error("EINVAL")   # vfs_fsync_range(): the driver has no fsync
            start = vma.end
        return "ENOMEM" if gap else "ok"

    def do_store(self, ident, off, value):
        return self.touch(self.range_of(ident, self.sum(off), 1), int(value))

    def do_load(self, ident, off):
        return self.touch(self.range_of(ident, self.sum(off), 1), None)

    def do_layout(self):
        area_end = START + AREA * self.unit
        pieces = []
        for v in self.overlapping(START, area_end):
            perms = "".join(c if v.prot & PROTS[c] else "-" for c in "rwx") + \
                ("p" if v.dev is None else "s")
            pieces.append([perms, max(v.start, START) - START, min(v.end, area_end) - START])
        return " ".join(f"{perms}:{self.units(start)}:{self.units(end - start)}"
                        for perms, start, end in join_private(pieces))

    def do_remap(self, ident, off, old, new, flags, to):
        flags = flags.split(",")
        old, new = self.sum(old), self.sum(new)
        target = next((f[3:] for f in flags if f.startswith("to:")), None)
        may_move, dont_unmap = "maymove" in flags, "dontunmap" in flags
        addr = self.range_of(ident, self.sum(off), old)
        if target is not None:
            target = START + self.sum(target)
            if not self.is_in_area(target, new):
                raise Error("outside")
        vma = self.find(addr)
        is_hole = vma is None or vma.start > addr
        if is_hole and (target is not None or dont_unmap) or not is_hole and vma.dev is None:
            raise Chance        # differs between kernels, or depends on how anonymous memory merges
        if (target is not None and not may_move or dont_unmap and (not may_move or old != new) or
                addr % P):
            raise Error("EINVAL")
        old, new = -(-old // P) * P, -(-new // P) * P
        if not new:
            raise Error("EINVAL")
        if addr >= FREE:
            self.no_free_hole(addr, addr + max(old, 1))
        if is_hole:
            raise Error("EFAULT")
        align = self.align(vma)
        try:
            at = self.remap(ident, to, addr, old, new, target, may_move, dont_unmap)
        finally:
            self.settle()
        self.new_id(to, at, new)
        return self.where(at, align)

    def where(self, addr, align):
        if addr >= FREE and align < self.unit:
            return "ok somewhere"
        return "ok aligned" if addr % self.unit == 0 else "ok unaligned"

    def remap(self, ident, to, addr, old, new, target, may_move, dont_unmap):
        """Carry out mremap. Return: the new address."""
        if target is not None or dont_unmap:        # mremap_to()
            if target is not None:
                if target % P or addr + old > target and target + new > addr:
                    raise Error("EINVAL")
                self.unmap(target, new)
            if old > new:
                self.unmap(addr + new, old - new)
                old = new
            vma = self.find(addr)
            self.resize_is_valid(vma, addr, old)
            return self.move(vma, addr, old, new, target, dont_unmap)
        if old >= new:
            if old > new:
                self.unmap(addr + new, old - new)
            return addr
        vma = self.find(addr)
        self.resize_is_valid(vma, addr, old)
        if addr >= FREE and not self.is_alone(ident, to, vma, addr, old, may_move):
            raise Chance
        if old == vma.end - addr and addr < FREE:
            if not self.overlapping(vma.end, addr + new):
                vma.end = addr + new
                following = self.next_to(vma)[1]
                if self.fits(vma, following):
                    vma.end = following.end
                    self.vmas.remove(following)
                return addr
        if not may_move:
            raise Error("ENOMEM")
        return self.move(vma, addr, old, new, None, False)

    def is_alone(self, ident, to, vma, addr, old, may_move):
        """True if growing in place and moving give results that cannot be told apart."""
        if not old and may_move:
            return True
        m = self.ids[ident]
        return (may_move and ident == to and addr == m.at == vma.start and
                old == m.len == vma.end - vma.start and
                not any(other is not m and other.at < addr + old and other.at + other.len > addr
                        for other in self.ids.values()))

    @staticmethod
    def resize_is_valid(vma, addr, old):
        if vma is None or vma.start > addr or old > vma.end - addr:
            raise Error("EFAULT")

    def move(self, vma, addr, old, new, target, dont_unmap):
        """Move a mapping (get_unmapped_area(), move_vma())."""
        align, off = self.align(vma), vma.at(addr)
        may_split = not (vma.start != addr and addr % align or
                         vma.end != addr + old and (addr + old) % align)
        if not may_split:
            raise Error("EINVAL")
        at = target
        if at is None:
            if align > P and (off + new) // align * align - -(-off // align) * align < align:
                raise Chance
            self.no_hole_in_area(new)
            at = self.place_freely(off, new, align)
        moved = dataclasses.replace(vma, start=at, end=at + new, off=off)
        if self.may_merge_by_chance(moved):
            raise Chance
        self.merge_new(self.add(moved))
        if align > P and old:
            for unit in [u for u in self.present if addr <= u < addr + old]:
                self.present.discard(unit)
                if (unit - addr + at) % align == 0 and unit + align <= addr + old:
                    self.present.add(unit - addr + at)
        if old and not dont_unmap:
            self.unmap(addr, old)
        return at


def join_private(pieces):
    """Merge equal private neighbours, since device-dax does not decide how they merge."""
    out = []
    for perms, start, end in pieces:
        if out and perms.endswith("p") and out[-1][0] == perms and out[-1][2] == start:
            out[-1][2] = end
        else:
            out.append([perms, start, end])
    return out


def normal(answer, expected, unit):
    """Return: an answer of replay.c in the words of the model."""
    if expected == "ok somewhere" and answer in ("ok aligned", "ok unaligned"):
        return expected
    if not re.match(r"[r-][w-][x-][ps]:", answer):
        return answer
    pages = unit // P

    def number(text):
        a, _, p = text.partition("A")
        return int(a) * pages + int(p[1:-1] or 0) if p else int(a) * pages

    pieces = []
    for word in answer.split():
        perms, start, length = word.split(":")
        start = number(start)
        pieces.append([perms, start, start + number(length)])
    return " ".join(f"{perms}:{text(start, pages)}:{text(end - start, pages)}"
                    for perms, start, end in join_private(pieces))


def text(n, pages):
    a, rest = divmod(n, pages)
    return f"{a}A" + (f"+{rest}P" if rest else "")
