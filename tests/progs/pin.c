// LIBS: -luring
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Try the operations on mapped memory that pin its pages, and those that copy it.
 *
 *	pin DEVICE SIZE FILE
 *
 * Print a line for each: its name, and ok or the errno. FILE must allow O_DIRECT.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN 65536

static char *map;
static size_t size;
static int direct;
static int plain;

static void tell(const char *name, long r, long want)
{
	if (r == want)
		printf("%s ok\n", name);
	else if (r < 0)
		printf("%s %s\n", name, strerrorname_np(errno));
	else
		printf("%s %ld\n", name, r);
	fflush(stdout);
}

static void files(const char *prefix, int fd)
{
	struct iovec iov[] = {{map, LEN / 2}, {map + LEN, LEN / 2}};
	char name[64];

#define TELL(what, call)                                                                 \
	do {                                                                             \
		snprintf(name, sizeof(name), "%s-%s", prefix, what);                     \
		lseek(fd, 0, SEEK_SET);                                                  \
		tell(name, call, LEN);                                                   \
	} while (0)
	TELL("write", write(fd, map, LEN));
	TELL("pwrite", pwrite(fd, map, LEN, 0));
	TELL("writev", writev(fd, iov, 2));
	TELL("pwritev", pwritev(fd, iov, 2, 0));
	TELL("syscall", syscall(SYS_pwrite64, fd, map, (size_t)LEN, 0L));
	TELL("read", read(fd, map, LEN));
	TELL("pread", pread(fd, map, LEN, 0));
	TELL("readv", readv(fd, iov, 2));
	TELL("preadv", preadv(fd, iov, 2, 0));
}

static void pipes(void)
{
	struct iovec iov = {map, 4096};
	int fds[2];

	if (pipe(fds) < 0)
		return;
	tell("vmsplice", vmsplice(fds[1], &iov, 1, 0), 4096);
}

static void processes(void)
{
	static char other[4096];
	struct iovec ours = {other, sizeof(other)};
	struct iovec mapped = {map, sizeof(other)};

	tell("process_vm_readv", process_vm_readv(getpid(), &ours, 1, &mapped, 1, 0),
	     4096);
	tell("process_vm_writev", process_vm_writev(getpid(), &ours, 1, &mapped, 1, 0),
	     4096);
	tell("process_vm_readv-into", process_vm_readv(getpid(), &mapped, 1, &ours, 1, 0),
	     4096);
}

static void ring(void)
{
	struct iovec iov = {map, LEN};
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring r;

	errno = -io_uring_queue_init(4, &r, 0);
	if (errno) {
		tell("io_uring", -1, 0);
		return;
	}
	errno = -io_uring_register_buffers(&r, &iov, 1);
	tell("io_uring-register", errno ? -1 : 0, 0);
	if (errno)
		return;
	memset(map, 0x5a, LEN);
	sqe = io_uring_get_sqe(&r);
	io_uring_prep_write_fixed(sqe, direct, map, LEN, 0, 0);
	io_uring_submit(&r);
	io_uring_wait_cqe(&r, &cqe);
	errno = cqe->res < 0 ? -cqe->res : 0;
	tell("io_uring-write_fixed", cqe->res, LEN);
	io_uring_cqe_seen(&r, cqe);
	memset(map, 0, LEN);
	sqe = io_uring_get_sqe(&r);
	io_uring_prep_read_fixed(sqe, direct, map, LEN, 0, 0);
	io_uring_submit(&r);
	io_uring_wait_cqe(&r, &cqe);
	errno = cqe->res < 0 ? -cqe->res : 0;
	tell("io_uring-read_fixed", cqe->res, LEN);
	printf("io_uring-data %s\n", map[LEN - 1] == 0x5a ? "ok" : "lost");
}

static void child(const char *name)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(*(volatile char *)map == 7 ? 0 : 1);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s SIG%s\n", name, sigabbrev_np(WTERMSIG(status)));
	else
		printf("%s %s\n", name, WEXITSTATUS(status) ? "other" : "ok");
	printf("%s-parent %s\n", name, map[0] == 7 ? "ok" : "lost");
}

static void children(void)
{
	char *again;

	map[0] = 7;
	child("fork");
	tell("dofork", madvise(map, size, MADV_DOFORK), 0);
	child("fork-again");
	tell("dontfork", madvise(map, size, MADV_DONTFORK), 0);
	again = mremap(map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, map - (1UL << 36));
	tell("mremap", again == MAP_FAILED ? -1 : 0, 0);
	if (again == MAP_FAILED)
		return;
	map = again;
	child("fork-moved");
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 4)
		return 2;
	size = strtoull(argv[2], NULL, 0);
	fd = open(argv[1], O_RDWR);
	direct = open(argv[3], O_RDWR | O_CREAT | O_DIRECT, 0600);
	plain = open(argv[3], O_RDWR);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || direct < 0 || plain < 0 || map == MAP_FAILED) {
		perror("pin");
		return 1;
	}
	memset(map, 1, 2 * LEN);
	files("plain", plain);
	files("direct", direct);
	pipes();
	processes();
	ring();
	children();
	return 0;
}
