/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Make one call that a device refuses: refuse CASE [DEVICE] [ALIGN]. Print the name of
 * the errno, or "ok". Some cases are killed by a signal instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *path = "/dev/dax0.0";
static size_t unit = 2 << 20;
static int fd;

static int map(size_t len, int prot, int flags, off_t off)
{
	return mmap(NULL, len, prot, flags, fd, off) == MAP_FAILED ? -1 : 0;
}

/* Return: a free aligned address with room for two units. */
static char *area(void)
{
	char *p = mmap(NULL, 4 * unit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return (char *)(((uintptr_t)p + unit - 1) & ~(unit - 1));
}

static char *mapped(void)
{
	char *p = mmap(NULL, 2 * unit, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

#define RW (PROT_READ | PROT_WRITE)

static int run(const char *name)
{
	char buf[16] = "";

	if (!strcmp(name, "private"))
		return map(unit, RW, MAP_PRIVATE, 0);
	if (!strcmp(name, "length"))
		return map(unit + 4096, RW, MAP_SHARED, 0);
	if (!strcmp(name, "short"))
		return map(4096, RW, MAP_SHARED, 0);
	if (!strcmp(name, "offset"))
		return map(2 * unit, RW, MAP_SHARED, 4096);
	if (!strcmp(name, "offset-off-page"))
		return map(unit, RW, MAP_SHARED, 17);
	if (!strcmp(name, "address"))
		return mmap(area() + 4096, unit, RW, MAP_SHARED | MAP_FIXED, fd, 0) ==
				       MAP_FAILED
			       ? -1
			       : 0;
	if (!strcmp(name, "write-of-read-only")) {
		fd = open(path, O_RDONLY);
		return map(unit, RW, MAP_SHARED, 0);
	}
	if (!strcmp(name, "closed")) {
		close(fd);
		return map(unit, RW, MAP_SHARED, 0);
	}
	if (!strcmp(name, "disabled")) {
		int driver = open("/sys/bus/dax/drivers/device_dax/unbind", O_WRONLY);

		if (driver < 0 || write(driver, "dax0.0", 6) != 6) {
			perror("unbind");
			exit(2);
		}
		return map(unit, RW, MAP_SHARED, 0);
	}
	if (!strcmp(name, "read"))
		return (int)read(fd, buf, sizeof(buf));
	if (!strcmp(name, "write"))
		return (int)write(fd, buf, sizeof(buf));
	if (!strcmp(name, "direct"))
		return open(path, O_RDWR | O_DIRECT);
	if (!strcmp(name, "ftruncate"))
		return ftruncate(fd, 0);
	if (!strcmp(name, "fallocate"))
		return fallocate(fd, 0, 0, 4096);
	if (!strcmp(name, "fsync"))
		return fsync(fd);
	if (!strcmp(name, "ioctl"))
		return ioctl(fd, 0x1234, 0);
	if (!strcmp(name, "msync"))
		return msync(mapped(), unit, MS_SYNC);
	if (!strcmp(name, "munmap-half"))
		return munmap(mapped(), unit / 2);
	if (!strcmp(name, "munmap-middle"))
		return munmap(mapped() + unit / 2, unit);
	if (!strcmp(name, "mprotect-half"))
		return mprotect(mapped(), unit / 2, PROT_READ);
	if (!strcmp(name, "anonymous-over-half"))
		return mmap(mapped(), unit / 2, RW,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED
			       ? -1
			       : 0;
	if (!strcmp(name, "madvise-remove"))
		return madvise(mapped(), unit, MADV_REMOVE);
	if (!strcmp(name, "store-beyond-end")) {
		/* The device has 8 MiB. */
		volatile char *p = mmap(NULL, 16 << 20, RW, MAP_SHARED, fd, 0);

		p[(8 << 20) - 1] = 1;
		p[8 << 20] = 1;
		return 0;
	}
	if (!strcmp(name, "store-wholly-beyond")) {
		volatile char *p = mmap(NULL, unit, RW, MAP_SHARED, fd, 64 << 20);

		p[0] = 1;
		return 0;
	}
	fprintf(stderr, "refuse: no case '%s'\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	int r;

	if (argc > 2)
		path = argv[2];
	if (argc > 3)
		unit = strtoul(argv[3], NULL, 0);
	fd = open(path, O_RDWR);
	if (fd < 0 || argc < 2) {
		perror(path);
		return 2;
	}
	errno = 0;
	r = run(argv[1]);
	printf("%s\n", r < 0   ? strerrorname_np(errno)
		       : errno ? "errno was touched"
			       : "ok");
	return 0;
}
