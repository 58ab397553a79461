// SPDX-License-Identifier: BSD-2-Clause

// Prints what a Go program sees of /dev/dax0.0, or the device of the argument (of 64M, align
// 2M): the lines of answers.c. Go makes its system calls without libc. With a second argument
// it is a child, which maps the device and looks at its memory.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

const (
	mib  = 1 << 20
	unit = 2 * mib
)

var device = "/dev/dax0.0"

func name(err error) string {
	names := map[syscall.Errno]string{syscall.EINVAL: "EINVAL", syscall.ENODEV: "ENODEV", syscall.ENOENT: "ENOENT",
		syscall.ENXIO: "ENXIO"}
	if err == nil {
		return "ok"
	}
	if e, ok := err.(*os.PathError); ok {
		err = e.Err
	}
	if e, ok := err.(syscall.Errno); ok && names[e] != "" {
		return names[e]
	}
	return err.Error()
}

func call(nr uintptr, args ...uintptr) string {
	var all [6]uintptr
	copy(all[:], args)
	_, _, e := syscall.Syscall6(nr, all[0], all[1], all[2], all[3], all[4], all[5])
	if e == 0 {
		return "ok"
	}
	return name(e)
}

func mmap(fd, size, flags int, off int64) ([]byte, error) {
	return syscall.Mmap(fd, off, size, syscall.PROT_READ|syscall.PROT_WRITE, flags)
}

func at(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }

func showFiles(f *os.File) {
	var st syscall.Stat_t
	err := syscall.Stat(device, &st)
	isChr := func() int {
		if st.Mode&syscall.S_IFMT == syscall.S_IFCHR {
			return 1
		}
		return 0
	}
	fmt.Printf("stat %s chr %d minor %d size %d\n", name(err), isChr(), st.Rdev&0xff, st.Size)
	err = syscall.Fstat(int(f.Fd()), &st)
	fmt.Printf("fstat %s chr %d\n", name(err), isChr())
	text, _ := os.ReadFile(fmt.Sprintf("/sys/dev/char/%d:%d/size", st.Rdev>>8&0xfff, st.Rdev&0xff))
	fmt.Printf("size %d %s", len(text), text)
	entries, _ := os.ReadDir("/sys/bus/dax/devices")
	for _, e := range entries {
		fmt.Println("device", e.Name())
	}
	link, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	fmt.Println("link", link)
}

func showCalls(fd int) {
	b := make([]byte, 1)
	_, err := syscall.Read(fd, b)
	fmt.Println("read", name(err))
	_, err = syscall.Write(fd, b)
	fmt.Println("write", name(err))
	_, err = syscall.Pread(fd, b, 0)
	fmt.Println("pread", name(err))
	fmt.Println("ftruncate", name(syscall.Ftruncate(fd, 0)))
	fmt.Println("fallocate", name(syscall.Fallocate(fd, 0, 0, 1)))
	pos, _ := syscall.Seek(fd, 5, 0)
	fmt.Println("lseek", pos)
	fmt.Println("fsync", name(syscall.Fsync(fd)))
	copied, _ := syscall.Dup(fd)
	_, err = syscall.Read(copied, b)
	fmt.Println("dup", name(err))
	syscall.Dup2(fd, 77)
	_, err = syscall.Read(77, b)
	fmt.Println("dup2", name(err))
}

func touch(b []byte, i int) {
	debug.SetPanicOnFault(true)
	defer func() {
		if e, ok := recover().(interface{ Addr() uintptr }); ok {
			fmt.Printf("beyond the end: at %d\n", e.Addr()-at(b)-64*mib)
		}
	}()
	b[i] = 1
	fmt.Println("no fault")
}

func showMappings(fd int) {
	p, err := mmap(fd, 2*unit, syscall.MAP_SHARED, 0)
	if err != nil {
		fmt.Println("mmap", name(err))
		return
	}
	all, _ := mmap(fd, 256*mib, syscall.MAP_SHARED, 0)
	aligned := 0
	if at(p)%unit == 0 {
		aligned = 1
	}
	fmt.Println("mmap ok aligned", aligned)
	_, err = mmap(fd, unit, syscall.MAP_PRIVATE, 0)
	fmt.Println("private", name(err))
	_, err = mmap(fd, 4096, syscall.MAP_SHARED, 0)
	fmt.Println("odd length", name(err))
	_, err = mmap(fd, 2*unit, syscall.MAP_SHARED, 4096)
	fmt.Println("odd offset", name(err))
	copy(p, "from the parent")
	fmt.Println("munmap part", call(syscall.SYS_MUNMAP, at(p), 4096))
	fmt.Println("mprotect part", call(syscall.SYS_MPROTECT, at(p)+4096, 4096, syscall.PROT_READ))
	fmt.Println("mremap part", call(syscall.SYS_MREMAP, at(p), 2*unit, unit+4096, 0))
	fmt.Println("msync", call(syscall.SYS_MSYNC, at(p), unit, syscall.MS_SYNC))
	maps, _ := os.ReadFile("/proc/self/maps")
	for _, line := range strings.Split(string(maps), "\n") {
		if strings.HasPrefix(line, fmt.Sprintf("%x-", at(p))) {
			fmt.Println("maps", line[strings.Index(line, "/"):])
		}
	}
	touch(all, 64*mib+5)
	self, _ := os.Executable()
	err = exec.Command(self, device, "child").Run()
	fmt.Println("child", err.(*exec.ExitError).ExitCode())
	fmt.Println("munmap", name(syscall.Munmap(p)))
}

// What the runtime does all the time: signals that move goroutines, many threads, children.
func crowd() {
	var all sync.WaitGroup
	wrong := make(chan int, 64)
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, syscall.SIGUSR1)
	for i := 0; i < 64; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			bad := 0
			for j := 0; j < 100; j++ {
				fi, err := os.Stat(device)
				if err != nil || fi.Mode()&os.ModeCharDevice == 0 {
					bad++
				}
				if j%20 == 0 {
					syscall.Kill(syscall.Getpid(), syscall.SIGUSR1)
					runtime.Gosched()
				}
			}
			wrong <- bad
		}()
	}
	all.Wait()
	n := 0
	for i := 0; i < 64; i++ {
		n += <-wrong
	}
	out, err := exec.Command("/bin/echo", "echo").Output()
	fmt.Printf("crowd %d signals %v %s %s", n, len(signals) > 0, name(err), out)
}

func main() {
	if len(os.Args) > 1 {
		device = os.Args[1]
	}
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		fmt.Println("open", name(err), -1)
		os.Exit(1)
	}
	if len(os.Args) > 2 {
		q, err := mmap(int(f.Fd()), unit, syscall.MAP_SHARED, 0)
		if err == nil && strings.HasPrefix(string(q[:16]), "from the parent\x00") &&
			call(syscall.SYS_MUNMAP, at(q), 4096) == "EINVAL" {
			os.Exit(7)
		}
		os.Exit(1)
	}
	fmt.Println("open ok", f.Fd())
	showFiles(f)
	showCalls(int(f.Fd()))
	showMappings(int(f.Fd()))
	crowd()
}
