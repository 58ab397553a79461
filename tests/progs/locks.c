/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Print how long locks on a device last, one line for each situation. The output is the
 * same on a real device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN (2 << 20)

static const char *path;

static int lock(int fd, int is_ofd)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return is_ofd ? fcntl(fd, F_OFD_SETLK, &fl) : flock(fd, LOCK_EX | LOCK_NB);
}

/* Print whether another open file can take the lock. */
static void ask(const char *what, int is_ofd)
{
	int fd = open(path, O_RDWR);

	printf("%s: %s\n", what, lock(fd, is_ofd) == 0 ? "free" : strerror(errno));
	close(fd);
}

static int open_locked(int is_ofd)
{
	int fd = open(path, O_RDWR);

	if (fd < 0 || lock(fd, is_ofd) < 0) {
		perror("lock");
		exit(1);
	}
	return fd;
}

static char *map(int fd)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static void run(int is_ofd)
{
	int fd = open_locked(is_ofd);
	char *q;
	char *p;
	int status;
	pid_t pid;

	ask("held", is_ofd);
	close(fd);
	ask("closed without a mapping", is_ofd);

	fd = open_locked(is_ofd);
	p = map(fd);
	q = map(fd);
	close(fd);
	ask("closed with two mappings", is_ofd);
	munmap(p, LEN);
	ask("one of them gone", is_ofd);
	munmap(q, LEN);
	ask("both gone", is_ofd);

	/* Take the lock after mapping. */
	fd = open(path, O_RDWR);
	p = map(fd);
	lock(fd, is_ofd);
	close(fd);
	ask("mapped, locked, closed", is_ofd);
	q = mremap(p, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, p + 64 * LEN);
	ask("moved", is_ofd);
	if (q != MAP_FAILED)
		p = q;
	mmap(p, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ask("mapped over", is_ofd);
	munmap(p, LEN);

	fd = open_locked(is_ofd);
	p = map(fd);
	close(fd);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	munmap(p, LEN);
	ask("a child has it mapped", is_ofd);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ask("the child is dead", is_ofd);

	fd = open_locked(is_ofd);
	p = map(fd);
	flock(fd, LOCK_UN);
	lock(fd, is_ofd);
	munmap(p, LEN);
	ask("unmapped with the descriptor open", is_ofd);
	close(fd);
	ask("and closed", is_ofd);
}

int main(int argc, char **argv)
{
	path = argc > 1 ? argv[1] : "/dev/dax0.0";
	puts("flock");
	run(0);
	puts("OFD lock");
	run(1);
	return 0;
}
