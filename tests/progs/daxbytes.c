/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Store into a device and show its content, through a mapping.
 *
 *	daxbytes fill DEVICE SIZE STEP SEED	store blocks that depend on seed and place
 *	daxbytes show DEVICE SIZE STEP		write the same blocks to standard output
 *
 * There is a block of 4 KiB at every multiple of STEP, and one at the end of SIZE.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK 4096

static void fill(uint64_t *block, uint64_t at, uint64_t seed)
{
	uint64_t x = (at + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ seed;
	unsigned int i;

	for (i = 0; i < BLOCK / sizeof(x); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		block[i] = x;
	}
}

static int run(uint8_t *map, uint64_t size, uint64_t step, const char *seed)
{
	uint64_t at = 0;

	for (;;) {
		if (seed)
			fill((uint64_t *)(map + at), at, strtoull(seed, NULL, 0));
		else if (fwrite(map + at, BLOCK, 1, stdout) != 1)
			return 1;
		if (at == size - BLOCK)
			break;
		at = at + step < size ? at + step : size - BLOCK;
	}
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	int is_fill = argc > 1 && !strcmp(argv[1], "fill");
	uint64_t size;
	uint8_t *map;
	int fd;

	if (argc != (is_fill ? 6 : 5) || (!is_fill && strcmp(argv[1], "show"))) {
		fprintf(stderr, "usage: daxbytes fill|show DEVICE SIZE STEP [SEED]\n");
		return 2;
	}
	size = strtoull(argv[3], NULL, 0);
	fd = open(argv[2], is_fill ? O_RDWR : O_RDONLY);
	if (fd < 0) {
		fprintf(stderr, "daxbytes: open %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	map = mmap(NULL, size, is_fill ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
		   fd, 0);
	if (map == MAP_FAILED) {
		fprintf(stderr, "daxbytes: mmap %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	return run(map, size, strtoull(argv[4], NULL, 0), is_fill ? argv[5] : NULL);
}
