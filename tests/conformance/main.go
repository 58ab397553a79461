// SPDX-License-Identifier: BSD-2-Clause

// Asks a device-dax the main rules as a Go program does, which makes system calls without
// libc. The cases have the names and answers of those of the C program; a case here runs in
// the process itself, and does not touch what would be a signal. With CGO_ENABLED=1 it is
// linked to libc, because os/user is.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	_ "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const page = 4096

// Numbers that package syscall lacks.
const (
	sysPreadv   = 295
	sysPwritev  = 296
	sysPreadv2  = 327
	sysPwritev2 = 328
	oPath       = 0x200000
	oTmpfile    = 0x410000
	noReplace   = 0x100000
)

var (
	dev   string
	rdev  uint64
	size  uintptr
	align uintptr
	words []string
	glue  bool
	fds   []int
	spots [][2]uintptr
	next  uintptr = 0x200000000000
)

var errors = map[syscall.Errno]string{
	syscall.EPERM: "EPERM", syscall.ENOENT: "ENOENT", syscall.EBADF: "EBADF", syscall.ENOMEM: "ENOMEM",
	syscall.EACCES: "EACCES", syscall.EFAULT: "EFAULT", syscall.EBUSY: "EBUSY", syscall.EEXIST: "EEXIST",
	syscall.ENODEV: "ENODEV", syscall.ENOTDIR: "ENOTDIR", syscall.EISDIR: "EISDIR", syscall.EINVAL: "EINVAL",
	syscall.EMFILE: "EMFILE", syscall.ENOTTY: "ENOTTY", syscall.ESPIPE: "ESPIPE", syscall.EROFS: "EROFS",
	syscall.EOPNOTSUPP: "EOPNOTSUPP", syscall.EOVERFLOW: "EOVERFLOW", syscall.ENXIO: "ENXIO", syscall.EAGAIN: "EAGAIN",
	syscall.ELOOP: "ELOOP", syscall.ENOSYS: "ENOSYS", syscall.EIO: "EIO",
}

func say(format string, args ...interface{}) {
	word := fmt.Sprintf(format, args...)
	if glue {
		words[len(words)-1] += word
	} else {
		words = append(words, word)
	}
	glue = false
}

func label(name string) {
	words = append(words, name+"=")
	glue = true
}

func name(e syscall.Errno) string {
	if e == 0 {
		return "ok"
	}
	if errors[e] != "" {
		return errors[e]
	}
	return fmt.Sprintf("E%d", int(e))
}

type result struct {
	value uintptr
	errno syscall.Errno
}

func call(nr uintptr, args ...uintptr) result {
	var a [6]uintptr
	copy(a[:], args)
	r, _, e := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	return result{r, e}
}

func (r result) sayOk() { say("%s", name(r.errno)) }

func (r result) sayRet() {
	if r.errno != 0 {
		r.sayOk()
	} else {
		say("%d", r.value)
	}
}

func open(flags int) result {
	p, _ := syscall.BytePtrFromString(dev)
	r, _, e := syscall.Syscall(syscall.SYS_OPEN, uintptr(unsafe.Pointer(p)), uintptr(flags), 0600)
	if e == 0 {
		fds = append(fds, int(r))
	}
	return result{r, e}
}

func devOpen(flags int) uintptr {
	r := open(flags | syscall.O_CLOEXEC)
	if r.errno != 0 {
		panic(r.errno)
	}
	return r.value
}

func mmap(at, length uintptr, prot, flags int, fd uintptr, off uintptr) result {
	r := call(syscall.SYS_MMAP, at, length, uintptr(prot), uintptr(flags), fd, off)
	if r.errno == 0 {
		spots = append(spots, [2]uintptr{r.value, length})
	}
	return r
}

func mapped(fd, length uintptr, prot int, off uintptr) uintptr {
	r := mmap(0, length, prot, syscall.MAP_SHARED, fd, off)
	if r.errno != 0 {
		panic(r.errno)
	}
	return r.value
}

const rw = syscall.PROT_READ | syscall.PROT_WRITE

func units(n uintptr) uintptr { return mapped(devOpen(syscall.O_RDWR), n*align, rw, 0) }

// Reserves addresses, and one unit on both sides.
func area(length uintptr) uintptr {
	at := next
	r := mmap(at, length+2*align, 0, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE|noReplace, ^uintptr(0), 0)
	if r.value != at || r.errno != 0 {
		panic("address space")
	}
	next += (length + 4*align - 1) &^ (align - 1)
	return at + align
}

func mapAt(at, fd, length uintptr, prot int) uintptr {
	r := mmap(at, length, prot, syscall.MAP_SHARED|syscall.MAP_FIXED, fd, 0)
	if r.value != at || r.errno != 0 {
		panic("fixed address")
	}
	return at
}

// The compiler must not know that this is no memory of Go's.
func at(p uintptr) *byte { return *(**byte)(unsafe.Pointer(&p)) }

func sayLoad(p uintptr) { say("0x%02x", *at(p)) }

func inUnits(n uintptr) string {
	a := n / align
	rest := n % align
	switch {
	case rest == 0:
		return fmt.Sprintf("%dA", a)
	case rest <= align/2:
		return fmt.Sprintf("%dA+%dP", a, rest/page)
	default:
		return fmt.Sprintf("%dA-%dP", a+1, (align-rest)/page)
	}
}

type vma struct {
	start, end, offset uintptr
	perms              string
}

func maps(base, length uintptr) (found []vma) {
	text, _ := os.ReadFile("/proc/self/maps")
	for _, line := range strings.Split(string(text), "\n") {
		var v vma
		if n, _ := fmt.Sscanf(line, "%x-%x %s %x", &v.start, &v.end, &v.perms, &v.offset); n == 4 && v.end > base && v.start < base+length {
			found = append(found, v)
		}
	}
	return
}

func sayLayout(base, length uintptr) {
	found := maps(base, length)
	if len(found) == 0 {
		say("nothing")
	}
	for _, v := range found {
		start, end := v.start, v.end
		if start < base {
			start = base
		}
		if end > base+length {
			end = base + length
		}
		if v.perms[3] == 's' {
			say("[%s %s len %s off %s]", v.perms, inUnits(start-base), inUnits(end-start), inUnits(v.offset))
		} else {
			say("[%s %s len %s other]", v.perms, inUnits(start-base), inUnits(end-start))
		}
	}
}

type flagName struct {
	name string
	flag int
}

var modes = []flagName{{"rdonly", syscall.O_RDONLY}, {"wronly", syscall.O_WRONLY}, {"rdwr", syscall.O_RDWR}, {"accmode", 3}}

type asker func(name string, f func())

func askMappings(ask asker) {
	prots := []string{"none", "r", "w", "rw", "x", "rx", "wx", "rwx"}
	for _, kind := range []flagName{{"shared", 1}, {"private", 2}, {"validate", 3}} {
		for _, mode := range modes {
			for prot := range prots {
				ask("mmap.prot."+kind.name+"."+mode.name+"."+prots[prot], func() {
					mmap(0, align, prot, kind.flag, devOpen(mode.flag), 0).sayOk()
				})
			}
		}
	}
	for kind := 0; kind < 16; kind++ {
		ask(fmt.Sprintf("mmap.type.%d", kind), func() { mmap(0, align, rw, kind, devOpen(syscall.O_RDWR), 0).sayOk() })
	}
	lengths := map[string]uintptr{
		"0": 0, "1": 1, "1P-1": page - 1, "1P": page, "1A-2P": align - 2*page, "1A-1P": align - page, "1A-4095": align - 4095,
		"1A-1": align - 1, "1A": align, "1A+1": align + 1, "1A+1P": align + page, "2A-1P": 2*align - page, "2A-4095": 2*align - 4095,
		"2A-1": 2*align - 1, "2A": 2 * align, "2A+1P": 2*align + page, "3A": 3 * align,
	}
	for name, length := range lengths {
		ask("mmap.length."+name, func() {
			r := mmap(0, length, syscall.PROT_READ, syscall.MAP_SHARED, devOpen(syscall.O_RDONLY), 0)
			r.sayOk()
			if r.errno == 0 {
				v := maps(r.value, 1)[0]
				say("%s", inUnits(v.end-v.start))
			}
		})
	}
	offsets := map[string]uintptr{
		"0": 0, "1": 1, "4095": 4095, "1P": page, "1A": align, "1A-1P": align - page, "1A+1P": align + page, "1A-1": align - 1, "2A": 2 * align,
	}
	for name, off := range offsets {
		ask("mmap.offset."+name, func() {
			r := mmap(0, 2*align, syscall.PROT_READ, syscall.MAP_SHARED, devOpen(syscall.O_RDONLY), off)
			r.sayOk()
			if r.errno == 0 {
				sayLayout(r.value, 2*align)
			}
		})
	}
}

func askOpen(ask asker) {
	const c, t, d, p = syscall.O_CREAT, syscall.O_TRUNC, syscall.O_DIRECT, oPath
	flags := []flagName{
		{"none", 0}, {"append", syscall.O_APPEND}, {"async", syscall.O_ASYNC}, {"cloexec", syscall.O_CLOEXEC}, {"creat", c},
		{"creat_directory", c | syscall.O_DIRECTORY}, {"creat_excl", c | syscall.O_EXCL}, {"creat_excl_path", c | syscall.O_EXCL | p},
		{"creat_trunc", c | t}, {"direct", d}, {"direct_append", d | syscall.O_APPEND}, {"direct_path", d | p},
		{"directory", syscall.O_DIRECTORY}, {"directory_direct", syscall.O_DIRECTORY | d}, {"directory_path", syscall.O_DIRECTORY | p},
		{"dsync", syscall.O_DSYNC}, {"excl", syscall.O_EXCL}, {"noatime", syscall.O_NOATIME}, {"noctty", syscall.O_NOCTTY},
		{"nofollow", syscall.O_NOFOLLOW}, {"nonblock", syscall.O_NONBLOCK}, {"path", p}, {"path_nofollow", p | syscall.O_NOFOLLOW},
		{"sync", syscall.O_SYNC}, {"tmpfile", oTmpfile}, {"tmpfile_creat", oTmpfile | c}, {"trunc", t},
		{"trunc_append_sync_nonblock", t | syscall.O_APPEND | syscall.O_SYNC | syscall.O_NONBLOCK}, {"unknown_bit", 0x10000000},
	}
	for _, mode := range modes {
		for _, f := range flags {
			ask("open.flag."+mode.name+"."+f.name, func() {
				r := open(mode.flag | f.flag)
				r.sayOk()
				if r.errno == 0 {
					say("0x%x", call(syscall.SYS_FCNTL, r.value, syscall.F_GETFL).value)
				}
			})
		}
	}
}

func askDescriptors(ask asker) {
	type vector struct{ base, length uintptr }
	transfers := []struct {
		name  string
		nr    uintptr
		isVec bool
	}{
		{"read", syscall.SYS_READ, false}, {"pread", syscall.SYS_PREAD64, false}, {"readv", syscall.SYS_READV, true},
		{"preadv", sysPreadv, true}, {"preadv2", sysPreadv2, true}, {"write", syscall.SYS_WRITE, false},
		{"pwrite", syscall.SYS_PWRITE64, false}, {"writev", syscall.SYS_WRITEV, true}, {"pwritev", sysPwritev, true},
		{"pwritev2", sysPwritev2, true},
	}
	for _, tr := range transfers {
		for _, mode := range modes {
			ask("fd.io."+tr.name+"."+mode.name, func() {
				buf := make([]byte, 64)
				mine := uintptr(unsafe.Pointer(&buf[0]))
				fd := devOpen(mode.flag)
				io := func(word string, p, n, off uintptr) {
					label(word)
					if tr.isVec {
						v := &vector{p, n}
						r, _, e := syscall.Syscall6(tr.nr, fd, uintptr(unsafe.Pointer(v)), 1, off, 0, 0)
						result{r, e}.sayRet()
					} else {
						call(tr.nr, fd, p, n, off).sayRet()
					}
				}
				io("buf", mine, 64, 0)
				io("empty", mine, 0, 0)
				io("badptr", 8, 64, 0)
				io("badptr-empty", 8, 0, 0)
				io("neg", mine, 64, ^uintptr(4095))
				io("huge", mine, ^uintptr(0), 0)
				io("past-end", mine, 64, size)
				_ = buf[0]
			})
		}
	}
	seeks := []flagName{{"set", 0}, {"cur", 1}, {"end", 2}, {"data", 3}, {"hole", 4}, {"whence_5", 5}, {"whence_6", 6}, {"whence_100", 100}, {"whence_-1", -1}}
	for _, s := range seeks {
		ask("fd.lseek."+s.name, func() {
			fd := devOpen(syscall.O_RDWR)
			for _, off := range []uintptr{0, 100, ^uintptr(0), size, size + 1, -size, 1<<63 - 1, 1 << 63} {
				call(syscall.SYS_LSEEK, fd, off, uintptr(s.flag)).sayRet()
			}
		})
	}
}

var advices = []flagName{
	{"normal", 0}, {"random", 1}, {"sequential", 2}, {"willneed", 3}, {"dontneed", 4}, {"free", 8}, {"remove", 9}, {"dontfork", 10},
	{"dofork", 11}, {"mergeable", 12}, {"unmergeable", 13}, {"hugepage", 14}, {"nohugepage", 15}, {"dontdump", 16}, {"dodump", 17},
	{"wipeonfork", 18}, {"keeponfork", 19}, {"cold", 20}, {"pageout", 21}, {"populate_read", 22}, {"populate_write", 23},
	{"dontneed_locked", 24}, {"collapse", 25}, {"5", 5}, {"6", 6}, {"7", 7}, {"26", 26}, {"99", 99}, {"minus_one", -1},
}

func askAdvice(ask asker) {
	for _, a := range advices {
		advise := func(word string, p, length uintptr) {
			if word != "" {
				label(word)
			}
			call(syscall.SYS_MADVISE, p, length, uintptr(a.flag)).sayOk()
		}
		ask("madvise.other."+a.name, func() {
			ro := mapped(devOpen(syscall.O_RDONLY), align, syscall.PROT_READ, 0)
			none := mapped(devOpen(syscall.O_RDWR), align, 0, 0)
			beyond := mapped(devOpen(syscall.O_RDWR), align, rw, size)
			advise("read-only", ro, align)
			advise("none", none, align)
			advise("beyond", beyond, align)
		})
		if a.flag < 0 || (a.flag > 4 && a.flag < 8) || a.flag > 25 {
			continue
		}
		for name, part := range map[string][2]uintptr{"unit": {align, align}, "page_at_unit": {align, page}, "page": {page, page}} {
			ask("madvise."+name+"."+a.name, func() {
				p := mapAt(area(3*align), devOpen(syscall.O_RDWR), 3*align, rw)
				*at(units(1) + 5) = 0xa2
				advise("", p+part[0], part[1])
				sayLayout(p, 3*align)
				sayLoad(p + 5)
			})
		}
		ask("madvise.wrong."+a.name, func() {
			p := mapAt(area(2*align), devOpen(syscall.O_RDWR), align, rw)
			call(syscall.SYS_MUNMAP, p+align, align)
			advise("odd-address", p+1, align)
			advise("empty", p, 0)
			advise("overflow", p, -align)
			advise("unmapped", p+align, align)
			advise("into-hole", p, 2*align)
		})
	}
}

func askParts(ask asker) {
	a, p := int(align), page
	parts := map[string][2]int{
		"all": {0, 3 * a}, "head": {0, a}, "middle": {a, a}, "tail": {2 * a, a}, "head_two": {0, 2 * a}, "tail_two": {a, 2 * a},
		"first_byte": {0, 1}, "first_page": {0, p}, "second_page": {p, p}, "last_page": {3*a - p, p}, "unit_less_page": {0, a - p},
		"unit_less_byte": {0, a - 1}, "unit_plus_byte": {0, a + 1}, "unit_plus_page": {0, a + p}, "page_at_middle": {a, p},
		"page_before_middle": {a - p, p}, "unit_off_by_page": {p, a}, "middle_less_page": {a, a - p}, "middle_less_byte": {a, a - 1},
		"tail_less_page": {2 * a, a - p}, "tail_less_byte": {2 * a, a - 1}, "all_less_page": {0, 3*a - p}, "all_less_byte": {0, 3*a - 1},
		"all_from_second_page": {p, 3*a - p}, "with_space_behind": {a, 3 * a}, "with_page_behind": {2 * a, a + p},
		"with_space_before": {-a, 2 * a}, "with_page_before": {-p, a + p}, "before_and_a_page": {-a, a + p},
		"behind_and_a_page": {3*a - p, a + p}, "odd_address": {1, a}, "empty": {0, 0}, "too_long": {0, -1},
	}
	for name, part := range parts {
		for word, prot := range map[string]int{"read": syscall.PROT_READ, "same": rw} {
			ask("mprotect."+word+"."+name, func() {
				fd := devOpen(syscall.O_RDWR)
				p := area(5*align) + align
				mapAt(p, fd, 3*align, rw)
				call(syscall.SYS_MPROTECT, p+uintptr(part[0]), uintptr(part[1]), uintptr(prot)).sayOk()
				sayLayout(p-align, 5*align)
			})
		}
	}
}

func askSync(ask asker) {
	flags := []flagName{{"none", 0}, {"async", 1}, {"sync", 4}, {"invalidate", 2}, {"sync_invalidate", 6}, {"async_invalidate", 3}, {"both", 5}, {"unknown", 0x100}}
	for _, f := range flags {
		sync := func(word string, p, length uintptr) {
			label(word)
			call(syscall.SYS_MSYNC, p, length, uintptr(f.flag)).sayOk()
		}
		ask("msync."+f.name, func() {
			fd := devOpen(syscall.O_RDWR)
			p := mapped(fd, 2*align, rw, 0)
			ro := mapped(fd, align, syscall.PROT_READ, 0)
			rdonly := mapped(devOpen(syscall.O_RDONLY), align, syscall.PROT_READ, 0)
			beyond := mapped(fd, align, rw, size)
			*at(p) = 0xb1
			sync("whole", p, 2*align)
			sync("unit", p, align)
			sync("page", p+2*align-page, page)
			sync("byte", p, 1)
			sync("empty", p, 0)
			sync("odd", p+1, align)
			sync("read-only", ro, align)
			sync("rdonly-fd", rdonly, align)
			sync("beyond", beyond, align)
			sayLoad(p)
		})
		ask("msync.hole."+f.name, func() {
			p := mapAt(area(3*align), devOpen(syscall.O_RDWR), 3*align, rw)
			call(syscall.SYS_MUNMAP, p+align, align)
			sync("over-hole", p, 3*align)
			sync("in-hole", p+align, align)
			sync("overflow", p, -align)
		})
	}
}

func sayStat(st syscall.Stat_t, err error) {
	if err != nil {
		say("%s", name(err.(syscall.Errno)))
		return
	}
	kind := "other"
	if st.Rdev == rdev {
		kind = "device"
	}
	say("type=0%o size=%d blocks=%d blksize=%d nlink=%d rdev=%s", st.Mode&syscall.S_IFMT, st.Size, st.Blocks, st.Blksize, st.Nlink, kind)
}

func askStat(ask asker) {
	var st syscall.Stat_t
	ask("stat.stat", func() { err := syscall.Stat(dev, &st); sayStat(st, err) })
	ask("stat.lstat", func() { err := syscall.Lstat(dev, &st); sayStat(st, err) })
	ask("stat.fstat", func() {
		for _, flags := range []int{syscall.O_RDWR, syscall.O_WRONLY, oPath} {
			err := syscall.Fstat(int(devOpen(flags)), &st)
			sayStat(st, err)
		}
	})
}

func find() error {
	var st syscall.Stat_t
	if err := syscall.Stat(dev, &st); err != nil {
		return err
	}
	rdev = st.Rdev
	for attribute, to := range map[string]*uintptr{"size": &size, "align": &align} {
		text, err := os.ReadFile(fmt.Sprintf("/sys/dev/char/%d:%d/%s", rdev>>8&0xfff, rdev&0xff, attribute))
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
		if err != nil {
			return err
		}
		*to = uintptr(n)
	}
	return nil
}

func main() {
	only := flag.String("only", "*", "a pattern of cases")
	flag.StringVar(&dev, "dev", "/dev/dax0.0", "the device")
	flag.Parse()
	if err := find(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
	ask := func(name string, f func()) {
		if is, _ := filepath.Match(*only, name); !is {
			return
		}
		words, fds, spots = nil, nil, nil
		f()
		for i := len(spots) - 1; i >= 0; i-- {
			call(syscall.SYS_MUNMAP, spots[i][0], (spots[i][1]+page-1)&^(page-1))
		}
		for _, fd := range fds {
			syscall.Close(fd)
		}
		line, _ := json.Marshal(struct {
			Case   string `json:"case"`
			Answer string `json:"answer"`
		}{name, strings.Join(words, " ")})
		fmt.Println(string(line))
	}
	for _, some := range []func(asker){askMappings, askOpen, askDescriptors, askAdvice, askParts, askSync, askStat} {
		some(ask)
	}
}
