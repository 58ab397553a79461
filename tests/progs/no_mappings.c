/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens a device in a process that has as many mappings as the kernel allows. Prints the
 * errno, and that of another open when there is room again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define NR 70000UL

int main(int argc, char **argv)
{
	char *all = mmap(NULL, NR * 8192, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int before;
	size_t n;

	if (argc != 2 || all == MAP_FAILED)
		return 2;
	for (n = 0; n < NR; n++)
		if (mprotect(all + n * 8192, 4096, PROT_READ) < 0)
			break;
	/* A split needs two mappings: there may be room for one. Neighbours must not merge. */
	while (n < NR && mmap(NULL, 4096, n++ % 2 ? PROT_READ : PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		;
	before = open(argv[1], O_RDWR) < 0 ? errno : 0;
	munmap(all, NR * 8192);
	printf("%s %s\n", before ? strerrorname_np(before) : "ok",
	       open(argv[1], O_RDWR) < 0 ? strerrorname_np(errno) : "ok");
	return 0;
}
