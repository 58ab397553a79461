/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Use io_uring with O_DIRECT on a file, with buffers in a device.
 *
 *   uring_direct FILE DEVICE SIZE
 *
 * Write the device's first SIZE bytes to the file, read them back to the next SIZE bytes
 * of the device, and compare.
 */
// LIBS: -luring
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK (64 << 10)
#define DEPTH 16

static void die(const char *what, int error)
{
	fprintf(stderr, "uring_direct: %s: %s\n", what, strerror(error));
	exit(1);
}

static void transfer(struct io_uring *ring, int fd, char *buf, size_t size, int is_write)
{
	size_t asked = 0;
	size_t done = 0;

	while (done < size) {
		struct io_uring_cqe *cqe;

		while (asked < size && asked - done < DEPTH * (size_t)BLOCK) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

			if (!sqe)
				break;
			if (is_write)
				io_uring_prep_write(sqe, fd, buf + asked, BLOCK, asked);
			else
				io_uring_prep_read(sqe, fd, buf + asked, BLOCK, asked);
			asked += BLOCK;
		}
		io_uring_submit(ring);
		if (io_uring_wait_cqe(ring, &cqe) < 0)
			die("wait", EIO);
		if (cqe->res != BLOCK)
			die(is_write ? "write" : "read", cqe->res < 0 ? -cqe->res : EIO);
		io_uring_cqe_seen(ring, cqe);
		done += BLOCK;
	}
}

int main(int argc, char **argv)
{
	size_t size = argc == 4 ? strtoul(argv[3], NULL, 0) : 0;
	struct io_uring ring;
	uint64_t *words;
	int file;
	int dev;
	char *p;
	size_t i;

	if (!size)
		return 2;
	dev = open(argv[2], O_RDWR);
	p = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED, dev, 0);
	if (p == MAP_FAILED)
		die(argv[2], errno);
	file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
	if (file < 0)
		die(argv[1], errno);
	i = (size_t)io_uring_queue_init(DEPTH, &ring, 0);
	if (i)
		die("io_uring_queue_init", -(int)i);
	words = (uint64_t *)p;
	for (i = 0; i < size / sizeof(*words); i++)
		words[i] = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
	transfer(&ring, file, p, size, 1);
	transfer(&ring, file, p + size, size, 0);
	io_uring_queue_exit(&ring);
	if (memcmp(p, p + size, size))
		die("compare", EIO);
	printf("%zu bytes there and back\n", size);
	return 0;
}
