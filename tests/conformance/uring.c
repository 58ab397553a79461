// SPDX-License-Identifier: BSD-2-Clause
/*
 * fd.io_uring.*: requests on a descriptor of the device through io_uring. Writes have
 * length zero, so that they do no harm where they are not refused.
 */
#include <linux/io_uring.h>
#include <stdint.h>

#include "tests/conformance/call.h"

struct ring {
	int fd;
	struct io_uring_params params;
	char *rings; /* submission and completion */
	struct io_uring_sqe *sqes;
};

static void ring_open(struct ring *r)
{
	size_t size;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 2, &r->params);
	if (r->fd < 0)
		skip("no io_uring");
	if (!(r->params.features & IORING_FEAT_SINGLE_MMAP))
		skip("an old io_uring");
	size = r->params.cq_off.cqes + r->params.cq_entries * sizeof(struct io_uring_cqe);
	r->rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			r->fd, IORING_OFF_SQ_RING);
	r->sqes = mmap(NULL, 2 * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	must(r->rings != MAP_FAILED && r->sqes != MAP_FAILED);
}

/* Submit one request and wait for it. Return: its result, which may be -errno. */
static int ring_ask(struct ring *r, const struct io_uring_sqe *sqe)
{
	uint32_t *tail = (uint32_t *)(void *)(r->rings + r->params.sq_off.tail);
	uint32_t *array = (uint32_t *)(void *)(r->rings + r->params.sq_off.array);
	uint32_t *head = (uint32_t *)(void *)(r->rings + r->params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(r->rings + r->params.cq_off.cqes);
	uint32_t mask = r->params.cq_entries - 1;
	int result;

	r->sqes[0] = *sqe;
	array[*tail & (r->params.sq_entries - 1)] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	must(syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) ==
	     1);
	result = cqes[*head & mask].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static void say_result(int result)
{
	say("%s", result < 0 ? err_name(-result) : "ok");
}

static const struct {
	const char *name;
	uint8_t opcode;
	bool has_buffer;
	bool has_vector;
	uint32_t flags;
} request[] = {
	{"read", IORING_OP_READ, true, false, 0},
	{"write", IORING_OP_WRITE, true, false, 0},
	{"readv", IORING_OP_READV, false, true, 0},
	{"writev", IORING_OP_WRITEV, false, true, 0},
	{"fsync", IORING_OP_FSYNC, false, false, 0},
	{"fdatasync", IORING_OP_FSYNC, false, false, IORING_FSYNC_DATASYNC},
};

/* All requests are one case, since a kernel that refuses one refuses all. */
CASE("fd.io_uring.requests")
{
	static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
	struct ring r;
	char buffer[64] = "";
	size_t i, n;

	ring_open(&r);
	for (n = 0; n < COUNT(request); n++) {
		bool is_read = request[n].opcode == IORING_OP_READ ||
			       request[n].opcode == IORING_OP_READV;
		struct iovec v = {buffer, is_read ? sizeof(buffer) : 0};

		label("%s", request[n].name);
		for (i = 0; i < COUNT(modes); i++) {
			struct io_uring_sqe sqe = {
				.opcode = request[n].opcode,
				.fd = dev_open(modes[i]),
				.fsync_flags = request[n].flags,
			};

			if (request[n].has_buffer) {
				sqe.addr = (uintptr_t)buffer;
				sqe.len = v.iov_len;
			} else if (request[n].has_vector) {
				sqe.addr = (uintptr_t)&v;
				sqe.len = 1;
			}
			say_result(ring_ask(&r, &sqe));
		}
	}
}

CASE("fd.io_uring.poll")
{
	struct ring r;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = dev_open(O_RDWR),
		.poll_events = POLLIN | POLLOUT,
	};

	ring_open(&r);
	say_result(ring_ask(&r, &sqe));
}

CASE("fd.io_uring.openat")
{
	struct ring r;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)t.dev,
		.open_flags = O_RDWR | O_CLOEXEC,
	};
	int fd;

	ring_open(&r);
	fd = ring_ask(&r, &sqe);
	say_result(fd);
	if (fd >= 0)
		say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, 0));
}

/* Transfers to and from the device's memory. */
CASE("fd.io_uring.memory")
{
	struct ring r;
	int fd = temp_file("", O_RDWR);
	char *p = map_units(1);
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE, .fd = fd, .addr = (uintptr_t)p, .len = 4096};

	ring_open(&r);
	fill(p, 4096, 77);
	say_result(ring_ask(&r, &sqe));
	memset(p, 0, 4096);
	sqe.opcode = IORING_OP_READ;
	say_result(ring_ask(&r, &sqe));
	say("%d", is_filled(p, 4096, 77));
	sqe.addr = (uintptr_t)map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, S);
	say_result(ring_ask(&r, &sqe));
}
