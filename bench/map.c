/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map DEVICE ROUNDS: compare mmap and munmap of 2 MiB of the device with the same calls
 * on a memfd, made through libc's own functions, past any preloaded library.
 */
// LIBS: -ldl

#include "bench/harness.h"
#include "bench/libc.h"

typedef void *mmap_fn(void *addr, size_t len, int prot, int flags, int fd, off_t off);
typedef int munmap_fn(void *addr, size_t len);

struct side {
	int fd;
	mmap_fn *mmap;
	munmap_fn *munmap;
};

static void map_unmap(void *arg, long nr)
{
	const struct side *s = arg;

	while (nr--) {
		void *p = s->mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				  s->fd, 0);

		if (p == MAP_FAILED || s->munmap(p, HUGE_PAGE) < 0)
			err(1, "mmap and munmap");
	}
}

int main(int argc, char **argv)
{
	struct side device = {.mmap = mmap, .munmap = munmap};
	struct side plain = {0};

	if (argc != 3)
		errx(2, "usage: map DEVICE ROUNDS");
	device.fd = open(argv[1], O_RDWR);
	if (device.fd < 0)
		err(1, "%s", argv[1]);
	plain.fd = open_plain("memfd", HUGE_PAGE);
	*(void **)&plain.mmap = libc_function("mmap");
	*(void **)&plain.munmap = libc_function("munmap");
	compare("map", map_unmap, &device, &plain, 100, atoi(argv[2]));
	return 0;
}
