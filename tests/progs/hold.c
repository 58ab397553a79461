/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Map a device, print "ready PID", and wait to be killed. usage: hold [DEVICE [LENGTH]]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/dev/dax0.0";
	size_t len = argc > 2 ? strtoul(argv[2], NULL, 0) : 2 << 20;
	int fd = open(path, O_RDWR);
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		perror(path);
		return 1;
	}
	memset(p, 0xda, len);
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	for (;;)
		pause();
}
