// SPDX-License-Identifier: BSD-2-Clause

// The work of crowd.c in a Go program: 16 goroutines, each on a thread of its own, and
// children, while a timer interrupts them, and as long as it.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	unit    = 2 << 20
	threads = 16
	rounds  = 60
)

var (
	checks, wrong, seen int64
	end                 time.Time // zero: after so many rounds
)

func check(isRight bool) {
	atomic.AddInt64(&checks, 1)
	if !isRight {
		atomic.AddInt64(&wrong, 1)
	}
}

func isDevice(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

func munmap(addr, size uintptr) syscall.Errno {
	_, _, e := syscall.Syscall(syscall.SYS_MUNMAP, addr, size, 0)
	return e
}

func mmap(fd, size int, off int64) (uintptr, error) {
	p, _, e := syscall.Syscall6(syscall.SYS_MMAP, 0, uintptr(size), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED, uintptr(fd), uintptr(off))
	if e != 0 {
		return 0, e
	}
	return p, nil
}

func child() {
	fd, err := syscall.Open("/dev/dax0.0", syscall.O_RDWR, 0)
	check(err == nil && isDevice("/dev/dax0.0"))
	p, err := mmap(fd, unit, 0)
	check(err == nil && munmap(p, 4096) == syscall.EINVAL && munmap(p, unit) == 0)
	os.Exit(int(wrong))
}

func work(me int) {
	runtime.LockOSThread()
	self, _ := os.Executable()
	b := make([]byte, 1)
	for i := 0; end.IsZero() && i < rounds || time.Now().Before(end); i++ {
		fd, err := syscall.Open("/dev/dax0.0", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
		check(err == nil && isDevice("/dev/dax0.0"))
		_, err = syscall.Read(fd, b)
		check(err == syscall.EINVAL)
		p, err := mmap(fd, 2*unit, int64(me%4*unit))
		check(err == nil && p%unit == 0)
		if err != nil {
			return
		}
		byte := (*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p)))
		_ = *byte
		check(munmap(p, 4096) == syscall.EINVAL)
		if i%20 == 0 {
			check(exec.Command(self, "child").Run() == nil)
		}
		check(munmap(p, 2*unit) == 0 && syscall.Close(fd) == nil)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		child()
	}
	if len(os.Args) > 1 {
		seconds, _ := strconv.Atoi(os.Args[1])
		end = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, syscall.SIGALRM)
	go func() {
		for range signals {
			check(isDevice("/dev/null"))
			atomic.AddInt64(&seen, 1)
		}
	}()
	every := [4]int64{0, 500, 0, 500}
	syscall.Syscall(syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&every)), 0)
	var all sync.WaitGroup
	for i := 0; i < threads; i++ {
		all.Add(1)
		go func(me int) {
			defer all.Done()
			work(me)
		}(i)
	}
	all.Wait()
	fmt.Printf("wrong %d of %d, signals %d\n", atomic.LoadInt64(&wrong), atomic.LoadInt64(&checks), atomic.LoadInt64(&seen))
	if wrong != 0 {
		os.Exit(1)
	}
}
