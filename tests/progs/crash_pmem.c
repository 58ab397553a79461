// SPDX-License-Identifier: BSD-2-Clause
// LIBS: -lpmem
/*
 * A journal of records on /dev/dax0.0, with libpmem, in right and wrong ways:
 *
 *   crash_pmem right|copy|no-flush|no-fence|order|early|nodrain|twice|unfenced N
 *   crash_pmem thread|threads|fork|many N
 *   crash_pmem check
 *
 * A record counts once the head's count includes it. "check" reads all that count, and
 * compares their number with what was said on standard output ($CRASH_SAID).
 */
#include <libpmem.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 23

struct record {
	uint64_t number;
	uint64_t words[WORDS]; /* three lines in all */
};

struct journal {
	uint64_t count;
	uint64_t note;
	uint64_t padding[6];
	struct record records[1000];
};

static struct journal *journal;
static const char *way;

static int is(const char *name)
{
	return !strcmp(way, name);
}

static void count(uint64_t n)
{
	journal->count = n;
	pmem_persist(&journal->count, sizeof(journal->count));
}

static void append(uint64_t n)
{
	struct record *r = &journal->records[n - 1];
	struct record filled = {.number = n};
	int i;

	for (i = 0; i < WORDS; i++)
		filled.words[i] = n * 1000 + (uint64_t)i;
	if (is("order"))
		count(n);
	if (is("copy")) {
		pmem_memcpy_persist(r, &filled, sizeof(filled));
	} else if (is("nodrain")) {
		pmem_memcpy(r, &filled, sizeof(filled), PMEM_F_MEM_NODRAIN);
		journal->count = n;
		pmem_flush(&journal->count, sizeof(journal->count));
	} else {
		memcpy(r, &filled, sizeof(filled));
		if (is("no-flush"))
			pmem_persist(r, 64);
		else if (is("no-fence"))
			pmem_flush(r, sizeof(*r));
		else
			pmem_persist(r, sizeof(*r));
		if (is("twice"))
			pmem_persist(r, sizeof(*r));
	}
	if (is("early"))
		printf("%ju\n", (uintmax_t)n);
	if (is("nodrain"))
		pmem_drain();
	else if (!is("order"))
		count(n);
	if (!is("early"))
		printf("%ju\n", (uintmax_t)n);
}

static void *append_all(void *arg)
{
	uint64_t nr = *(uint64_t *)arg;

	while (journal->count < nr)
		append(journal->count + 1);
	return NULL;
}

/* Flush here, and let another thread or process do the fence: that is not enough. */
static void *drain(void *arg)
{
	(void)arg;
	pmem_drain();
	return NULL;
}

static void append_by_two(uint64_t n)
{
	struct record *r = &journal->records[n - 1];
	pthread_t thread;
	int i;

	r->number = n;
	for (i = 0; i < WORDS; i++)
		r->words[i] = n * 1000 + (uint64_t)i;
	pmem_flush(r, sizeof(*r));
	if (is("fork")) {
		fflush(stdout);
		if (fork() == 0) {
			pmem_drain();
			_exit(0);
		}
		wait(NULL);
	} else {
		pthread_create(&thread, NULL, drain, NULL);
		pthread_join(thread, NULL);
	}
	journal->count = n;
	pmem_flush(&journal->count, sizeof(journal->count));
	pmem_drain();
	printf("%ju\n", (uintmax_t)n);
}

static int check(void)
{
	const char *path = getenv("CRASH_SAID");
	FILE *said = path ? fopen(path, "r") : NULL;
	uintmax_t last = 0;
	uint64_t n;
	int i;

	for (n = 1; n <= journal->count; n++) {
		const struct record *r = &journal->records[n - 1];

		if (r->number != n) {
			printf("record %ju has number %ju\n", (uintmax_t)n,
			       (uintmax_t)r->number);
			return 1;
		}
		for (i = 0; i < WORDS; i++) {
			if (r->words[i] == n * 1000 + (uint64_t)i)
				continue;
			printf("record %ju: word %d\n", (uintmax_t)n, i);
			return 1;
		}
	}
	while (said && fscanf(said, "%ju", &last) == 1)
		;
	if (last > journal->count) {
		printf("%ju said, %ju there\n", last, (uintmax_t)journal->count);
		return 1;
	}
	printf("%ju records\n", (uintmax_t)journal->count);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t nr = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	pthread_t thread;
	size_t len;
	int is_pmem;

	way = argv[1];
	journal = pmem_map_file("/dev/dax0.0", 0, 0, 0, &len, &is_pmem);
	if (!journal) {
		perror("pmem_map_file");
		return 2;
	}
	if (is("check"))
		return check();
	for (; is("many") && nr; nr--) {
		journal->note = nr;
		pmem_persist(&journal->note, sizeof(journal->note));
	}
	if (is("threads")) {
		pthread_create(&thread, NULL, append_all, &nr);
		pthread_join(thread, NULL);
		nr += 2;
		append_all(&nr);
		return 0;
	}
	while (journal->count < nr)
		if (is("thread") || is("fork"))
			append_by_two(journal->count + 1);
		else
			append(journal->count + 1);
	if (is("unfenced")) {
		journal->note = 1;
		pmem_flush(&journal->note, 8); /* no fence follows */
	}
	return 0;
}
