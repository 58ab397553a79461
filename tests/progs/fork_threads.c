/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Map, store, load and unmap in several threads, and fork meanwhile; the children do the
 * same. In the end every process must have seen the stores of all others.
 *
 *   fork_threads DEVICE UNIT [ROUNDS]
 *
 * The device's first page is the board, with one counter for each thread of each process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS   4
#define PROCESSES 3 /* children */

static const char *path;
static size_t unit;
static int rounds = 100;
static int fd;
static int who; /* 0: parent */
static _Atomic uint64_t *board;

static void die(const char *what)
{
	fprintf(stderr, "fork_threads: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static char *map(size_t len, off_t off)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off);

	if (p == MAP_FAILED)
		die("mmap");
	if ((uintptr_t)p % unit)
		die("unaligned");
	return p;
}

/* Each thread has a unit of its own, after the unit of the board. */
static void *work(void *arg)
{
	const int me = who * THREADS + (int)(intptr_t)arg;
	int i;

	for (i = 1; i <= rounds; i++) {
		volatile uint64_t *p = (uint64_t *)map(unit, (off_t)unit * (1 + me));

		if (p[0] != (uint64_t)(i - 1))
			die("somebody else stored here");
		p[0] = p[unit / 8 - 1] = (uint64_t)i;
		if (munmap((void *)(uintptr_t)p, unit) < 0)
			die("munmap");
		atomic_fetch_add(&board[me], 1);
		atomic_fetch_add(&board[THREADS * (PROCESSES + 1)], 1);
	}
	return NULL;
}

static void run(void)
{
	pthread_t threads[THREADS];
	intptr_t i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			die("pthread_create");
	/* The parent forks while its threads are running. */
	for (i = 1; who == 0 && i <= PROCESSES; i++) {
		fflush(stdout);
		if (fork() == 0) {
			who = (int)i;
			run();
			_exit(0);
		}
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	int status;
	int i;

	if (argc < 3)
		return 2;
	path = argv[1];
	unit = strtoul(argv[2], NULL, 0);
	if (argc > 3)
		rounds = atoi(argv[3]);
	fd = open(path, O_RDWR);
	if (fd < 0)
		die(path);
	board = (_Atomic uint64_t *)map(unit, 0);
	run();
	while (wait(&status) > 0)
		if (status)
			return 1;
	for (i = 0; i < THREADS * (PROCESSES + 1); i++)
		if (board[i] != (uint64_t)rounds)
			return 1;
	if (board[i] != (uint64_t)rounds * THREADS * (PROCESSES + 1))
		return 1;
	printf("%llu stores seen\n", (unsigned long long)board[i]);
	return 0;
}
