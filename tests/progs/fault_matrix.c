// SPDX-License-Identifier: BSD-2-Clause
/*
 * Execute commands on many devices, one per line of standard input, and answer each with
 * a line of JSON: the result, when it happened, and whether anything has changed. Devices
 * are numbered, and each has a fixed range of addresses (ARENA).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NR_DEVICES 128
#define ARENA      UINT64_C(0x600000000000)
#define ROOM       (UINT64_C(64) << 20)

static struct device {
	int fd;
	char *base; /* NULL: not mapped */
	size_t len;
	bool is_moved;
} devices[NR_DEVICES];

static sigjmp_buf env;
static siginfo_t seen;
static char before[1 << 18];
static char after[1 << 18];

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	seen = *info;
	siglongjmp(env, 1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t number(char **rest)
{
	char *word = strsep(rest, " ");

	return word ? strtoull(word, NULL, 0) : 0;
}

/* Read a small file into @buf. Return: its length, or 0 if it cannot be opened. */
static size_t slurp(const char *path, char *buf, size_t size)
{
	size_t len = 0;
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	close(fd);
	return len;
}

/* List the mappings of devices; others, such as stacks of threads, change at any time. */
static void look(char *buf)
{
	char *line;
	char *to = buf;
	char *rest;

	slurp("/proc/self/maps", buf, sizeof(before));
	for (rest = buf; (line = strsep(&rest, "\n"));) {
		uint64_t start = strtoull(line, NULL, 16);
		size_t len = strlen(line);

		if (start < ARENA || start >= ARENA + 2 * NR_DEVICES * ROOM)
			continue;
		memmove(to, line, len);
		to[len] = '\n';
		to += len + 1;
	}
	*to = '\0';
}

/* Return: the lowest free descriptor. */
static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static char *line_at(char *maps, const char *base)
{
	char start[32];

	snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)base);
	return strstr(maps, start);
}

static char *place(const struct device *d, bool is_moved)
{
	return (char *)(uintptr_t)(ARENA + (uint64_t)(d - devices) * 2 * ROOM +
				   (is_moved ? ROOM : 0));
}

static void *map(const struct device *d, size_t len)
{
	return mmap(place(d, d->is_moved), len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | (d->base ? MAP_FIXED : MAP_FIXED_NOREPLACE), d->fd, 0);
}

/* Start and end of the last call, in nanoseconds, for its answer. */
static uint64_t begun;
static uint64_t ended;

static const char *said(bool is_ok)
{
	return is_ok ? "ok" : strerrorname_np(errno);
}

/* Print the answer. @is_done: the call took effect; @is_same: no mapping has changed. */
static void answer(const char *r, bool is_done, bool is_same)
{
	printf("{\"r\": \"%s\", \"done\": %s, \"same\": %s, \"b\": %lu, \"e\": %lu}\n", r,
	       is_done ? "true" : "false", is_same ? "true" : "false", begun, ended);
}

static void do_open(struct device *d, char *rest)
{
	int first = next_fd();
	bool is_same;
	const char *r;
	int fd;

	begun = now();
	fd = open(rest, O_RDWR);
	ended = now();
	r = said(fd >= 0);
	if (fd >= 0 && d->fd >= 0)
		close(fd);
	else if (fd >= 0)
		d->fd = fd, first = -1;
	/* A thread of the shim may hold a descriptor for a moment: being free once is enough. */
	is_same = first < 0 || next_fd() <= first;
	while (!is_same && now() < ended + 5000000000) {
		usleep(100);
		is_same = next_fd() <= first;
	}
	answer(r, fd >= 0, is_same);
}

static void do_mmap(struct device *d, size_t len)
{
	const char *r;
	char *p;

	look(before);
	begun = now();
	p = map(d, len);
	ended = now();
	r = said(p != MAP_FAILED);
	look(after);
	if (p != MAP_FAILED)
		d->base = p, d->len = len;
	answer(r, line_at(after, place(d, d->is_moved)), !strcmp(before, after));
}

/* Map in the other, free place; unmap again unless it is the device's first mapping. */
static void do_mmap2(struct device *d, size_t len)
{
	const char *r;
	char *p;

	if (!d->base) {
		do_mmap(d, len);
		return;
	}
	look(before);
	begun = now();
	p = mmap(place(d, !d->is_moved), len, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE,
		 d->fd, 0);
	ended = now();
	r = said(p != MAP_FAILED);
	look(after);
	answer(r, line_at(after, place(d, !d->is_moved)), !strcmp(before, after));
	if (p != MAP_FAILED)
		munmap(p, len);
}

/* Unmap, and on success map again, so that the next munmap has something to unmap. */
static void do_munmap(struct device *d)
{
	const char *r;
	int n;

	look(before);
	begun = now();
	n = munmap(d->base, d->len);
	ended = now();
	r = said(n == 0);
	look(after);
	answer(r, !line_at(after, d->base), !strcmp(before, after));
	if (n)
		return;
	d->base = NULL;
	d->base = map(d, d->len);
	if (d->base == MAP_FAILED)
		abort();
}

/* Toggle between read-only and read-write. */
static void do_mprotect(struct device *d)
{
	const char *r;
	char *line;
	bool is_rw;
	int n;

	look(before);
	line = line_at(before, d->base);
	is_rw = line && !strncmp(strchr(line, ' '), " rw", 3);
	begun = now();
	n = mprotect(d->base, d->len, is_rw ? PROT_READ : PROT_READ | PROT_WRITE);
	ended = now();
	r = said(n == 0);
	look(after);
	line = line_at(after, d->base);
	answer(r, line && !strncmp(strchr(line, ' '), is_rw ? " r-" : " rw", 3),
	       !strcmp(before, after));
	/*
	 * Without toggling, the effect of the next call could not be told from that of
	 * this one, and stores need write access again.
	 */
}

static void do_mremap(struct device *d)
{
	char *to = place(d, !d->is_moved);
	const char *r;
	char *p;

	look(before);
	begun = now();
	p = mremap(d->base, d->len, d->len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ended = now();
	r = said(p != MAP_FAILED);
	look(after);
	answer(r, line_at(after, to) && !line_at(after, d->base), !strcmp(before, after));
	if (p != MAP_FAILED)
		d->base = p, d->is_moved = !d->is_moved;
}

/* Call msync or madvise; neither has a visible effect. */
static void do_nothing(struct device *d, bool is_msync)
{
	const char *r;
	int n;

	look(before);
	begun = now();
	n = is_msync ? msync(d->base, d->len, MS_ASYNC)
		     : madvise(d->base, d->len, MADV_NORMAL);
	ended = now();
	r = said(n == 0);
	look(after);
	answer(r, n == 0, !strcmp(before, after));
}

/* write ATTRIBUTE ONE OTHER: write the text that the attribute does not show yet. */
static void do_write(char *rest)
{
	const char *path = strsep(&rest, " ");
	const char *one = strsep(&rest, " ");
	int fd = open(path, O_WRONLY);
	const char *value;
	const char *r;
	ssize_t n;

	if (!slurp(path, before, sizeof(before)))
		before[0] = 0;
	value = strncmp(before, one, strlen(one)) ? one : rest;
	begun = now();
	n = write(fd, value, strlen(value));
	ended = now();
	r = said(n == (ssize_t)strlen(value));
	close(fd);
	if (!slurp(path, after, sizeof(after)))
		after[0] = 0;
	answer(r, !strncmp(after, value, strlen(value)), !strcmp(before, after));
}

static const char *code_name(int code)
{
	return code == BUS_MCEERR_AR   ? "BUS_MCEERR_AR"
	       : code == BUS_MCEERR_AO ? "BUS_MCEERR_AO"
	       : code == BUS_ADRERR    ? "BUS_ADRERR"
				       : "other";
}

/*
 * peek DEVICE OFFSET...: load the bytes there. poke DEVICE VALUE OFFSET...: store VALUE
 * there first.
 */
static void do_touch(const struct device *d, char *rest, bool is_store)
{
	static volatile uint64_t value;
	static volatile uint64_t off;
	static char *words;
	static bool is_first;

	words = rest;
	value = is_store ? number(&words) : 0;
	printf("{\"v\": [");
	is_first = true;
	begun = now();
	while (words) {
		off = number(&words);
		printf(is_first ? "" : ", ");
		is_first = false;
		if (sigsetjmp(env, 1)) {
			printf("[\"%s\", %ld, %d]", code_name(seen.si_code),
			       (long)((char *)seen.si_addr - d->base),
			       seen.si_code == BUS_MCEERR_AR ? seen.si_addr_lsb : 0);
			continue;
		}
		if (is_store)
			*(volatile char *)(d->base + off) = (char)value;
		printf("%d", *(volatile char *)(d->base + off) & 0xff);
	}
	ended = now();
	printf("], \"b\": %lu, \"e\": %lu}\n", begun, ended);
}

/* kernel DEVICE OFFSET: let a system call read the memory there. */
static void do_kernel(const struct device *d, char *rest)
{
	const char *from = d->base + number(&rest);
	int fds[2];
	ssize_t n;

	if (pipe(fds) < 0)
		abort();
	begun = now();
	n = write(fds[1], from, 1);
	ended = now();
	answer(said(n == 1), n == 1, true);
	close(fds[0]);
	close(fds[1]);
}

static void hello(void)
{
	const char *dir = getenv("CUSE_DAXD_RUNTIME_DIR");
	const char *preload = getenv("LD_PRELOAD");

	printf("{\"pid\": %d, \"dir\": \"%s\", \"preload\": \"%s\"}\n", getpid(),
	       dir ? dir : "", preload ? preload : "");
}

static void run(char *line, char **argv)
{
	char *word = strsep(&line, " ");
	struct device *d;

	/* Execute itself again with the shim, as the same process. */
	if (!strcmp(word, "join")) {
		setenv("CUSE_DAXD_RUNTIME_DIR", strsep(&line, " "), 1);
		setenv("LD_PRELOAD", line, 1);
		execv(argv[0], argv);
		abort();
	}
	d = &devices[number(&line) % NR_DEVICES];
	if (!strcmp(word, "open"))
		do_open(d, line);
	else if (!strcmp(word, "write"))
		do_write(line);
	else if (!strcmp(word, "mmap") && d->fd >= 0)
		do_mmap(d, number(&line));
	else if (!strcmp(word, "mmap2") && d->fd >= 0)
		do_mmap2(d, number(&line));
	else if (!d->base)
		printf("{\"r\": \"none\"}\n");
	else if (!strcmp(word, "munmap"))
		do_munmap(d);
	else if (!strcmp(word, "mprotect"))
		do_mprotect(d);
	else if (!strcmp(word, "mremap"))
		do_mremap(d);
	else if (!strcmp(word, "msync") || !strcmp(word, "madvise"))
		do_nothing(d, !strcmp(word, "msync"));
	else if (!strcmp(word, "peek") || !strcmp(word, "poke"))
		do_touch(d, line, !strcmp(word, "poke"));
	else if (!strcmp(word, "kernel"))
		do_kernel(d, line);
	else
		printf("{\"r\": \"?\"}\n");
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	char line[1024];
	int i;

	(void)argc;
	for (i = 0; i < NR_DEVICES; i++)
		devices[i].fd = -1;
	sigaction(SIGBUS, &sa, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IOLBF, 0);
	hello();
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run(line, argv);
	}
	return 0;
}
