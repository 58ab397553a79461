/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two processes that share nothing but a device
 *
 *   pingpong DEVICE UNIT ping|pong
 *
 * pass 20000 balls through its first page and write a line for each behind it. Both check
 * the lines of the other at the end. A child of ping plays the second half of ping's
 * part.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BALLS 20000

struct table {
	_Atomic uint32_t ball; /* even: ping's turn */
	uint32_t pad[1023];
	char line[BALLS][32];
};

static void play(struct table *t, const char *name, uint32_t first, uint32_t last)
{
	uint32_t n;

	for (n = first; n < last; n += 2) {
		while (atomic_load(&t->ball) != n)
			sched_yield();
		snprintf(t->line[n], sizeof(t->line[n]), "%s %u", name, n);
		atomic_store(&t->ball, n + 1);
	}
}

int main(int argc, char **argv)
{
	size_t unit = argc == 4 ? strtoul(argv[2], NULL, 0) : 4096;
	size_t len = (sizeof(struct table) + unit - 1) / unit * unit;
	int fd = open(argc == 4 ? argv[1] : "", O_RDWR);
	struct table *t = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int status = 1;
	uint32_t n;

	if (t == MAP_FAILED) {
		perror("pingpong");
		return 1;
	}
	close(fd);
	if (!strcmp(argv[3], "pong")) {
		play(t, "pong", 1, BALLS);
	} else {
		play(t, "ping", 0, BALLS / 2);
		if (fork() == 0) {
			play(t, "child", BALLS / 2, BALLS);
			_exit(0);
		}
		if (wait(&status) < 0 || status)
			return 1;
	}
	while (atomic_load(&t->ball) != BALLS)
		sched_yield();
	for (n = 0; n < BALLS; n++) {
		char line[32];

		snprintf(line, sizeof(line), "%s %u",
			 n & 1           ? "pong"
			 : n < BALLS / 2 ? "ping"
					 : "child",
			 n);
		if (strcmp(line, t->line[n])) {
			fprintf(stderr, "pingpong: '%s' instead of '%s'\n", t->line[n],
				line);
			return 1;
		}
	}
	printf("%s saw %d balls\n", argv[3], BALLS);
	return 0;
}
