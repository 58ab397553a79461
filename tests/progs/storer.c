/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Store into a device continuously until stopped by a signal.
 *
 *	storer DEVICE SIZE ACKNOWLEDGED
 *
 * Round n stores n into the first word of every 64 KiB, and then into the file
 * ACKNOWLEDGED. The number in that file has reached every word.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static void *map(const char *path, size_t size)
{
	int fd = open(path, O_RDWR);
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	return p;
}

int main(int argc, char **argv)
{
	volatile uint64_t *acknowledged;
	uint64_t round;
	uint8_t *device;
	size_t size;
	size_t at;

	if (argc != 4)
		return 2;
	size = strtoull(argv[2], NULL, 0);
	signal(SIGTERM, on_term);
	device = map(argv[1], size);
	acknowledged = map(argv[3], 4096);
	for (round = *acknowledged + 1; !is_over; round++) {
		for (at = 0; at < size; at += 65536)
			__atomic_store_n((uint64_t *)(device + at), round,
					 __ATOMIC_RELEASE);
		*acknowledged = round;
		usleep(1000);
	}
	return 0;
}
