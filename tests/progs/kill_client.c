/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes to a device and verifies what it has written, until SIGTERM, while the daemon is
 * killed and started. It has two areas of 2 MiB: one that it maps once, and one that it
 * maps anew for each round. Usage: kill_client DEVICE NUMBER; prints one line:
 *
 *	rounds N lost BYTES errors ERRNO:COUNT...
 *
 * Exits with 77 if a signal hits it, with 1 if bytes are lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define AREA  (2UL << 20)
#define WORDS (AREA / 8)

static volatile sig_atomic_t is_over;
static unsigned long errors[200];

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	char line[80];
	int n = snprintf(line, sizeof(line), "hurt by signal %d, code %d\n", number,
			 info->si_code);

	(void)context;
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(78);
	_exit(77);
}

static uint64_t *map_area(const char *path, unsigned long area)
{
	int fd = open(path, O_RDWR);
	void *map;

	if (fd < 0) {
		errors[errno]++;
		return NULL;
	}
	map = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   (off_t)(area * AREA));
	if (map == MAP_FAILED)
		errors[errno]++;
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static uint64_t word_of(uint64_t round, unsigned long area, size_t i)
{
	return round * 1000003 + area * 7919 + i;
}

/* Verify what the last round wrote, if there was one, and write again. */
static unsigned long verify(uint64_t *map, unsigned long area, uint64_t *round)
{
	unsigned long lost = 0;
	size_t i;

	for (i = 0; *round && i < WORDS; i++)
		lost += map[i] == word_of(*round, area, i) ? 0 : 8;
	++*round;
	for (i = 0; i < WORDS; i++)
		map[i] = word_of(*round, area, i);
	return lost;
}

int main(int argc, char **argv)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	struct sigaction term = {.sa_handler = on_term};
	struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	unsigned long number = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t *kept = NULL;
	uint64_t kept_round = 0;
	uint64_t round = 0;
	unsigned long lost = 0;
	int i;

	if (argc != 3)
		return 2;
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGSEGV, &fault, NULL);
	while (!is_over) {
		uint64_t *map = map_area(argv[1], 2 * number + 1);

		if (!kept)
			kept = map_area(argv[1], 2 * number);
		if (kept)
			lost += verify(kept, 2 * number, &kept_round);
		if (map) {
			lost += verify(map, 2 * number + 1, &round);
			munmap(map, AREA);
		} else {
			nanosleep(&nap, NULL);
		}
	}
	printf("rounds %lu lost %lu errors", (unsigned long)(kept ? round : 0), lost);
	for (i = 0; i < 200; i++)
		if (errors[i])
			printf(" %s:%lu", strerrorname_np(i), errors[i]);
	printf("\n");
	return lost > 0;
}
