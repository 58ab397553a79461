/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disable_load [-p PROCESSES] [-m MAPPINGS] [-t THREADS] [-r ROUNDS] [-i] [-s] DEVICE
 *
 * Store into a device from several processes, each through its own mappings, while the
 * device is disabled and enabled. Every thread must get SIGBUS at a store and no other
 * signal, and must find all its bytes when the device is enabled again. Print one JSON
 * object, and exit with 0 if all went well.
 *
 *  -i  the mappings are made before the processes are forked, which inherit them
 *  -s  the processes are stopped by a debugger while the device is disabled
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DRIVER    "/sys/bus/dax/drivers/device_dax/"
#define THREADS   256
#define MAPS      64
#define PROCESSES 256

struct thread {
	volatile uint64_t stores;
	volatile uint32_t faults;
	volatile uint32_t resumed;
	volatile uint32_t wrong_signals;
	volatile uint32_t wrong_bytes;
	volatile uint64_t fault_at; /* ns */
};

static struct {
	volatile uint32_t round; /* counts how often the device was enabled */
	volatile uint32_t is_over;
	struct thread threads[PROCESSES * THREADS];
} * shared;

static int nr_processes = 4, nr_maps = 2, nr_threads = 1, nr_rounds = 3;
static bool is_inherited, is_stopped;
static const char *device, *name;
static uint64_t unit;
static char *maps[MAPS];
static __thread sigjmp_buf back;
static __thread struct thread *me;
static __thread volatile bool may_fault;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	printf("{\"error\": \"%s: %s\"}\n", what, strerror(errno));
	exit(1);
}

static void on_signal(int sig, siginfo_t *si, void *uc)
{
	char *at = si->si_addr;
	bool is_ours = false;
	int i;

	(void)uc;
	for (i = 0; i < nr_maps; i++)
		is_ours |= at >= maps[i] && at < maps[i] + unit;
	if (sig != SIGBUS || si->si_code != BUS_ADRERR || !is_ours || !may_fault) {
		if (me)
			me->wrong_signals++;
		_exit(99);
	}
	me->fault_at = now();
	siglongjmp(back, 1);
}

/* Return: the address of the counter of thread number @n in a mapping. */
static volatile uint64_t *cell(int map, int n)
{
	return (volatile uint64_t *)(maps[map] + 64 * (uint64_t)(n % (PROCESSES * 4)));
}

static void *store(void *arg)
{
	int n = (int)(intptr_t)arg;
	volatile uint32_t round = 0;
	volatile uint64_t value = 1;
	volatile int map = 0;
	volatile uint64_t ahead_of = 0; /* the value of @ahead */
	volatile int ahead = 0;         /* cells that have got the next value */
	int i;

	me = &shared->threads[n];
	while (!shared->is_over) {
		if (sigsetjmp(back, 1)) {
			may_fault = false;
			me->faults++;
			round++;
			while (shared->round < round && !shared->is_over)
				usleep(1000);
			if (shared->is_over)
				break;
			/*
			 * The store that faulted did not happen; all stores before it
			 * did, and those of an earlier pass that was not completed.
			 */
			if (ahead_of != me->stores + 1 || ahead < map)
				ahead = map;
			ahead_of = me->stores + 1;
			for (i = 0; i < nr_maps; i++)
				if (*cell(i, n) !=
				    (i < ahead ? me->stores + 1 : me->stores))
					me->wrong_bytes++;
			value = me->stores + 1;
			me->resumed++;
		}
		may_fault = true;
		for (; !shared->is_over; value++) {
			for (map = 0; map < nr_maps; map++)
				*cell(map, n) = value;
			me->stores = value;
		}
	}
	return NULL;
}

static void map_all(int process)
{
	int fd = open(device, O_RDWR);
	int i;

	if (fd < 0)
		die("open");
	for (i = 0; i < nr_maps; i++) {
		uint64_t at =
			(uint64_t)((is_inherited ? 0 : process) * nr_maps + i) * unit;

		maps[i] = mmap(NULL, unit, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			       (off_t)at);
		if (maps[i] == MAP_FAILED)
			die("mmap");
	}
	close(fd);
}

static void work(int process)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	pthread_t threads[THREADS];
	int i;

	if (!is_inherited)
		map_all(process);
	for (i = 1; i < 32; i++)
		if (i != SIGKILL && i != SIGSTOP && i != SIGTERM && i != SIGCONT)
			sigaction(i, &sa, NULL);
	for (i = 1; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, store,
				   (void *)(intptr_t)(process * nr_threads + i)))
			_exit(98);
	store((void *)(intptr_t)(process * nr_threads));
	for (i = 1; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static int driver(const char *what)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), DRIVER "%s", what);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		die(path);
	n = write(fd, name, strlen(name));
	close(fd);
	return n < 0 ? -1 : 0;
}

enum {
	STORES,
	FAULTS,
	RESUMED
};

static bool all_have(int what, uint64_t least)
{
	int i;

	for (i = 0; i < nr_processes * nr_threads; i++) {
		const struct thread *t = &shared->threads[i];
		uint64_t has = what == STORES   ? t->stores
			       : what == FAULTS ? t->faults
						: t->resumed;

		if (has < least)
			return false;
	}
	return true;
}

static void wait_for(int what, uint64_t least, const char *words)
{
	uint64_t end = now() + 60000000000ULL;

	while (!all_have(what, least)) {
		if (now() > end) {
			printf("{\"error\": \"not all threads %s\"}\n", words);
			kill(0, SIGKILL);
		}
		usleep(500);
	}
}

static uint64_t most_stores(void)
{
	uint64_t most = 0;
	int i;

	for (i = 0; i < nr_processes * nr_threads; i++)
		if (shared->threads[i].stores > most)
			most = shared->threads[i].stores;
	return most;
}

static pid_t pids[PROCESSES];

static void stop_all(void)
{
	int status;
	int i;

	for (i = 0; i < nr_processes; i++) {
		if (ptrace(PTRACE_SEIZE, pids[i], 0, 0) < 0 ||
		    ptrace(PTRACE_INTERRUPT, pids[i], 0, 0) < 0)
			die("ptrace");
		if (waitpid(pids[i], &status, __WALL) < 0)
			die("waitpid");
	}
}

static void let_go_all(void)
{
	int i;

	for (i = 0; i < nr_processes; i++)
		ptrace(PTRACE_DETACH, pids[i], 0, 0);
}

int main(int argc, char **argv)
{
	uint64_t slowest = 0, after = 0, slowest_write = 0;
	uint64_t total = 0, wrong_signals = 0, wrong_bytes = 0, bad_ends = 0;
	int c, i, round;
	struct stat st;

	while ((c = getopt(argc, argv, "p:m:t:r:is")) != -1) {
		if (c == 'p')
			nr_processes = atoi(optarg);
		else if (c == 'm')
			nr_maps = atoi(optarg);
		else if (c == 't')
			nr_threads = atoi(optarg);
		else if (c == 'r')
			nr_rounds = atoi(optarg);
		else if (c == 'i')
			is_inherited = true;
		else if (c == 's')
			is_stopped = true;
		else
			return 2;
	}
	if (optind != argc - 1 || nr_processes > PROCESSES || nr_maps > MAPS ||
	    nr_threads > THREADS)
		return 2;
	device = argv[optind];
	name = strrchr(device, '/') + 1;
	if (stat(device, &st) < 0 || !S_ISCHR(st.st_mode))
		die(device);
	{
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/align",
			 major(st.st_rdev), minor(st.st_rdev));
		f = fopen(path, "r");
		if (!f || fscanf(f, "%lu", &unit) != 1)
			die(path);
		fclose(f);
	}
	setpgid(0, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	if (is_inherited)
		map_all(0);
	for (i = 0; i < nr_processes; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (!pids[i])
			work(i);
	}
	wait_for(STORES, 100, "have begun");
	for (round = 1; round <= nr_rounds; round++) {
		uint64_t began, written, released;

		if (is_stopped)
			stop_all();
		began = now();
		if (driver("unbind") < 0)
			die("unbind");
		written = now();
		if (is_stopped)
			let_go_all();
		released = is_stopped ? now() : began;
		wait_for(FAULTS, (uint64_t)round, "were stopped by a SIGBUS");
		for (i = 0; i < nr_processes * nr_threads; i++) {
			uint64_t at = shared->threads[i].fault_at;

			if (at > released && at - released > slowest)
				slowest = at - released;
			if (at > written && at - written > after)
				after = at - written;
		}
		if (written - began > slowest_write)
			slowest_write = written - began;
		if (driver("bind") < 0)
			die("bind");
		shared->round = (uint32_t)round;
		wait_for(RESUMED, (uint64_t)round, "have gone on");
		wait_for(STORES, most_stores() / 1000 + 1, "store again");
	}
	usleep(20000);
	shared->is_over = 1;
	for (i = 0; i < nr_processes; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) != pids[i] || status)
			bad_ends++;
	}
	for (i = 0; i < nr_processes * nr_threads; i++) {
		total += shared->threads[i].stores;
		wrong_signals += shared->threads[i].wrong_signals;
		wrong_bytes += shared->threads[i].wrong_bytes;
		if (shared->threads[i].faults != (uint32_t)nr_rounds)
			wrong_signals++;
	}
	printf("{\"threads\": %d, \"mappings\": %d, \"rounds\": %d, \"sigbus_ms\": %.1f, "
	       "\"sigbus_after_write_ms\": %.1f, \"write_ms\": %.1f, \"stores\": %lu, "
	       "\"wrong_signals\": %lu, \"wrong_bytes\": %lu, \"bad_ends\": %lu}\n",
	       nr_processes * nr_threads, nr_processes * nr_maps, nr_rounds,
	       (double)slowest / 1e6, (double)after / 1e6, (double)slowest_write / 1e6,
	       total, wrong_signals, wrong_bytes, bad_ends);
	return wrong_signals || wrong_bytes || bad_ends;
}
