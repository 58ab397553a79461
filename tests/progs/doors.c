/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tries to store bytes in a descriptor, by every door that there is.
 *
 *   doors PATH|FD
 *
 * Prints a line "DOOR ERRNO" for each; ERRNO is "ok" if the call succeeds.
 */
// LIBS: -luring
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static char text[] = "these bytes must not stay";

static void say(const char *door, long r)
{
	fprintf(stderr, "%s %s\n", door, r < 0 ? strerrorname_np(errno) : "ok");
}

static long by_uring(int fd)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	long r;

	/* Where io_uring is not to be had, nothing can come in by it. */
	r = io_uring_queue_init(1, &ring, 0);
	if (r == 0) {
		io_uring_prep_write(io_uring_get_sqe(&ring), fd, text, sizeof(text), 0);
		io_uring_submit(&ring);
		r = io_uring_wait_cqe(&ring, &cqe) ?: cqe->res;
		io_uring_queue_exit(&ring);
	}
	errno = (int)-r;
	return r < 0 ? -1 : 0;
}

/* A stream of the descriptor, as a program has it that got the descriptor as its stdout. */
static long by_stream(int fd)
{
	FILE *f = fdopen(dup(fd), "w");
	long r;

	if (!f)
		return -1;
	fputs(text, f);
	r = fflush(f);
	fclose(f);
	return r;
}

static long by_stdout(int fd)
{
	dup2(fd, STDOUT_FILENO);
	printf("%s\n", text);
	return fflush(stdout);
}

static long by_splice(int fd)
{
	int ends[2];

	if (pipe(ends) < 0 || write(ends[1], text, sizeof(text)) < 0)
		return -1;
	return splice(ends[0], NULL, fd, NULL, sizeof(text), 0);
}

int main(int argc, char **argv)
{
	struct iovec iov = {text, sizeof(text)};
	int self = open("/proc/self/exe", O_RDONLY);
	off_t at = 0;
	char *end;
	int fd;

	if (argc != 2)
		return 2;
	fd = (int)strtol(argv[1], &end, 10);
	if (*end)
		fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	say("write", write(fd, text, sizeof(text)));
	say("pwrite", pwrite(fd, text, sizeof(text), 4096));
	say("writev", writev(fd, &iov, 1));
	say("dprintf", dprintf(fd, "%s", text));
	say("stream", by_stream(fd));
	say("stdout", by_stdout(fd));
	say("uring", by_uring(fd));
	say("sendfile", sendfile(fd, self, &at, 4096));
	say("splice", by_splice(fd));
	say("copy", copy_file_range(self, NULL, fd, NULL, 4096, 0));
	say("fallocate", fallocate(fd, 0, 0, 2 << 20));
	say("keep", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 << 20));
	say("xattr", fsetxattr(fd, "user.bytes", text, sizeof(text), 0));
	return 0;
}
