// SPDX-License-Identifier: BSD-2-Clause

// Touches bad memory of a device, as struck.c does. Prints where it panics, and the errno.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"unsafe"
)

const mib = 1 << 20

// Touches a byte so often. Go tells where the memory is bad, but not why.
func touch(b []byte, i int, times int) {
	debug.SetPanicOnFault(true)
	defer func() {
		if e, ok := recover().(interface{ Addr() uintptr }); ok {
			fmt.Println("at", e.Addr()-uintptr(unsafe.Pointer(&b[0])))
		}
	}()
	for ; times != 0; times-- {
		b[i] = 1
	}
	fmt.Println("no fault")
}

func main() {
	device := "/dev/dax0.0"
	if len(os.Args) > 1 {
		device = os.Args[1]
	}
	fd, _ := syscall.Open(device, syscall.O_RDWR, 0)
	b, _ := syscall.Mmap(fd, 0, 8*mib, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	touch(b, 4*mib+77, 1)
	touch(b, 0, -1)
	_, err := syscall.Mmap(fd, 0, 2*mib, syscall.PROT_READ, syscall.MAP_SHARED)
	if err == syscall.ENXIO {
		fmt.Println("mmap ENXIO")
	}
}
