/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that daxrun --check tries, one of each kind that does not call libc. Each tells by
 * its exit status whether it sees the device as others do.
 *
 * This file is linked as a static program, as a static-pie one, and as one that has a
 * dynamic linker and, with PROBE_GO, the note of a Go program. It has no libc itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "client/shim/base/sys.h"

#ifdef PROBE_GO
static const struct {
	int namesz, descsz, type;
	char name[4], desc[4];
} note __attribute__((used, aligned(4), section(".note.go.buildid"))) = {4, 4, 4, "Go",
									 "id"};
#endif

#define UNIT (2L << 20)

static long map(long fd)
{
	return sys6(mmap, 0, UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/*
 * The daemon has a rule that lets the first mmap fail. Return: 0 if all is right; 1 if there
 * is no device; 2 if calls on it are not answered as they must be.
 */
static int look(void)
{
	const long fd = sys4(openat, AT_FDCWD, "/dev/dax0.0", O_RDWR | O_CLOEXEC, 0);
	volatile char *p;
	long r;

	if (fd < 0)
		return 1;
	if (map(fd) != -EIO)
		return 2;
	r = map(fd);
	if (sys_is_error(r) || r % UNIT)
		return 2;
	p = (volatile char *)r;
	p[UNIT - 1] = 1;
	return sys2(munmap, r, 4096) == -EINVAL && sys3(read, fd, p, 1) == -EINVAL &&
			       sys2(munmap, r, UNIT) == 0
		       ? 0
		       : 2;
}

void probe_start(void);

/* Called by the entry point below. */
__attribute__((used)) void probe_start(void)
{
	sys1(exit_group, look());
}

__asm__(".pushsection .text\n"
	".globl _start\n"
	"_start:\n"
	"	xorl	%ebp, %ebp\n"
	"	andq	$-16, %rsp\n"
	"	call	probe_start\n"
	"	hlt\n"
	".popsection\n");
