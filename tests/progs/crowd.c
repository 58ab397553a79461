/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that use /dev/dax0.0 (of 64M, align 2M) and fork, while a timer's handler makes
 * calls as well: 60 times, or for as many seconds as the argument says. Exits with 1 if
 * any call was wrong.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNIT       (2UL << 20)
#define NR_THREADS 16
#define ROUNDS     60

static long nr_checks;
static long nr_wrong;
static long nr_signals;
static time_t end; /* 0: after ROUNDS */

static void check(int is_right)
{
	__atomic_fetch_add(&nr_checks, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&nr_wrong, !is_right, __ATOMIC_RELAXED);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void on_timer(int sig)
{
	struct stat st;

	(void)sig;
	check(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
	__atomic_fetch_add(&nr_signals, 1, __ATOMIC_RELAXED);
}

static void in_a_child(int fd)
{
	struct stat st;
	int status;
	pid_t child = fork();

	if (child == 0) {
		char *p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 0);

		_exit(p == MAP_FAILED || fstat(fd, &st) || !S_ISCHR(st.st_mode) ||
		      munmap(p, 4096) == 0);
	}
	while (waitpid(child, &status, 0) < 0)
		;
	check(status == 0);
}

static void *run(void *arg)
{
	const uintptr_t me = (uintptr_t)arg;
	struct stat st;
	char byte;
	int i;

	for (i = 0; end ? now() < end : i < ROUNDS; i++) {
		int fd = open("/dev/dax0.0", O_RDWR | O_CLOEXEC);
		char *p = mmap(NULL, 2 * UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			       (off_t)(me % 4 * UNIT));

		check(stat("/dev/dax0.0", &st) == 0 && S_ISCHR(st.st_mode));
		check(fd >= 0 && read(fd, &byte, 1) < 0);
		check(p != MAP_FAILED && (uintptr_t)p % UNIT == 0);
		p[me] = (char)i;
		check(munmap(p, 4096) < 0 && p[me] == (char)i);
		if (i % 10 == 0)
			in_a_child(fd);
		check(munmap(p, 2 * UNIT) == 0 && close(fd) == 0);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
	struct itimerval timer = {{0, 500}, {0, 500}};
	pthread_t threads[NR_THREADS];
	uintptr_t i;

	if (argc > 1)
		end = now() + atoi(argv[1]);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, run, (void *)i);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("wrong %ld of %ld, signals %ld\n", nr_wrong, nr_checks, nr_signals);
	return nr_wrong != 0;
}
