/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child of vfork(2) has other files behind the numbers of its parent's: what it does with
 * them must change nothing for the parent. Prints how reads of the device end in both.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char byte;
static int other;
static int fd;

static long raw_read(int from)
{
	return read(from, &byte, 1) < 0 ? -errno : 0;
}

int main(void)
{
	volatile long in_child = 1;
	int copy;
	pid_t pid;

	other = open("/dev/null", O_RDONLY);
	fd = open("/dev/dax0.0", O_RDWR);
	copy = dup(fd);
	printf("before %ld %ld\n", raw_read(fd), raw_read(copy));
	fflush(stdout);
	pid = vfork();
	if (pid == 0) {
		dup2(other, fd);
		close(copy);
		in_child = raw_read(fd) + (open("/dev/null", O_RDONLY) != copy) +
			   raw_read(copy);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	printf("child %ld, then %ld %ld\n", in_child, raw_read(fd), raw_read(copy));
	return 0;
}
