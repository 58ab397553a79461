/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queries of sysfs and devices that a shell script cannot make; one line for each result.
 *
 *	sysprobe write FILE TEXT	errno of one write(2); TEXT may contain \n and \0
 *	sysprobe replay FILE		a result for each line of FILE: `write PATH [TEXT]`,
 *					`read PATH` or `list DIR`
 *	sysprobe tree DIR...		everything below, sorted, with its content
 *	sysprobe fill DEV SEED		store a different word into each 2 MiB
 *	sysprobe check DEV SEED N	check that the first N of those words are there
 *	sysprobe span DEV OFF LEN	map, store and load at each 2 MiB, at the end, beyond
 *	sysprobe open DEV		errno of open(2)
 *	sysprobe calls DEV		errno of read, write, lseek and mmap, after open
 *	sysprobe hold DEV CMD...	open and map, run CMD, and print what is left
 *	sysprobe load DEV OFF		load a byte
 *	sysprobe poison DEV OFF CMD...	load a byte, let CMD make it bad, load it again
 */
#include <dirent.h>
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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP (2UL << 20)

static const char *word(int error)
{
	return error ? strerrorname_np(error) : "ok";
}

static size_t unescape(char *text)
{
	char *to = text;
	char *from;

	for (from = text; *from; from++) {
		if (from[0] == '\\' && (from[1] == 'n' || from[1] == '0'))
			*to++ = *++from == 'n' ? '\n' : '\0';
		else
			*to++ = *from;
	}
	return (size_t)(to - text);
}

static int do_write(const char *path, char *text)
{
	size_t len = unescape(text);
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0) {
		printf("open %s\n", word(errno));
		return 1;
	}
	n = write(fd, text, len);
	printf("write %s\n", n < 0 ? word(errno) : n == (ssize_t)len ? "ok" : "short");
	close(fd);
	return n < 0;
}

static void read_line(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n < 0)
		printf("(%s)\n", word(errno));
	else
		printf("%.*s\n", (int)(n && buf[n - 1] == '\n' ? n - 1 : n), buf);
	if (fd >= 0)
		close(fd);
}

static void list_line(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int i;

	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			printf("%s ", names[i]->d_name);
		free(names[i]);
	}
	printf("\n");
	if (n >= 0)
		free(names);
}

static int replay(const char *path)
{
	char line[4096];
	char nothing[] = "";
	FILE *f = fopen(path, "r");

	if (!f)
		return 1;
	setlinebuf(stdout);
	while (fgets(line, sizeof(line), f)) {
		char *verb = strtok(line, " \n");
		char *name = strtok(NULL, " \n");
		char *text = strtok(NULL, "\n");

		if (!strcmp(verb, "write"))
			do_write(name, text ? text : nothing);
		else if (!strcmp(verb, "read"))
			read_line(name);
		else
			list_line(name);
	}
	fclose(f);
	return 0;
}

static void show_file(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n;
	ssize_t i;

	if (fd < 0) {
		printf(" open=%s\n", word(errno));
		return;
	}
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		printf(" read=%s", word(errno));
	else
		printf(" = ");
	for (i = 0; i < n; i++)
		putchar(buf[i] == '\n' ? '|' : buf[i]);
	putchar('\n');
	close(fd);
}

static void tree(const char *path)
{
	struct dirent **names;
	char target[4096];
	struct stat st;
	ssize_t len;
	int n;
	int i;

	if (lstat(path, &st) < 0) {
		printf("%s %s\n", path, word(errno));
		return;
	}
	printf("%s", path);
	if (S_ISLNK(st.st_mode)) {
		len = readlink(path, target, sizeof(target) - 1);
		target[len < 0 ? 0 : len] = '\0';
		printf(" -> %s\n", target);
	} else if (S_ISREG(st.st_mode)) {
		printf(" %04o", st.st_mode & 07777);
		show_file(path);
	} else if (S_ISCHR(st.st_mode)) {
		printf(" node %04o %u:%u\n", st.st_mode & 07777, major(st.st_rdev),
		       minor(st.st_rdev));
	}
	if (!S_ISDIR(st.st_mode))
		return;
	printf("/\n");
	n = scandir(path, &names, NULL, alphasort);
	for (i = 0; i < n; i++) {
		char below[4096];

		if (strcmp(names[i]->d_name, ".") && strcmp(names[i]->d_name, "..") &&
		    strcmp(names[i]->d_name, "power")) {
			snprintf(below, sizeof(below), "%.3000s/%s", path,
				 names[i]->d_name);
			tree(below);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static uint64_t size_of(const char *dev)
{
	const char *name = strrchr(dev, '/') + 1;
	char path[128];
	uint64_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/size", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lu", &size) != 1)
		size = 0;
	if (f)
		fclose(f);
	return size;
}

static char *map(const char *dev, uint64_t off, uint64_t len, int *ret_fd)
{
	int fd = open(dev, O_RDWR);
	char *p;

	if (fd < 0) {
		printf("open %s\n", word(errno));
		return NULL;
	}
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)off);
	if (p == MAP_FAILED) {
		printf("mmap %s\n", word(errno));
		close(fd);
		return NULL;
	}
	if (ret_fd)
		*ret_fd = fd;
	else
		close(fd);
	return p;
}

static sigjmp_buf back;
static volatile int code;

static void on_bus(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	code = si->si_code;
	siglongjmp(back, 1);
}

/* Store and load a byte. */
static const char *touch(volatile char *p, char value)
{
	if (sigsetjmp(back, 1))
		return code == BUS_ADRERR ? "BUS_ADRERR" : "SIGBUS";
	*p = value;
	return *p == value ? "ok" : "other";
}

static uint64_t stamp(uint64_t seed, uint64_t i)
{
	return seed * 1000003 + i;
}

static int fill(const char *dev, uint64_t seed)
{
	uint64_t size = size_of(dev);
	char *p = map(dev, 0, size, NULL);
	uint64_t i;

	if (!p)
		return 1;
	for (i = 0; i * STEP < size; i++)
		*(uint64_t *)(p + i * STEP + 8 * i) = stamp(seed, i);
	printf("filled %lu\n", i);
	return 0;
}

static int check(const char *dev, uint64_t seed, uint64_t nr)
{
	char *p = map(dev, 0, size_of(dev), NULL);
	uint64_t same = 0;
	uint64_t i;

	if (!p)
		return 1;
	for (i = 0; i < nr; i++)
		same += *(uint64_t *)(p + i * STEP + 8 * i) == stamp(seed, i);
	printf("%lu of %lu are there\n", same, nr);
	return 0;
}

static int span(const char *dev, uint64_t off, uint64_t len)
{
	char *p = map(dev, off, len, NULL);
	int pipes[2];
	uint64_t at;

	if (!p)
		return 1;
	for (at = 0; at < len; at += STEP) {
		printf("%s%s", at ? " " : "", touch(p + at, (char)(at / STEP + 1)));
		if (at)
			printf(" %s", touch(p + at - 1, 'e'));
	}
	printf("\n");
	for (at = STEP; at < len; at += STEP) {
		uint64_t value = 0x1122334455667788;

		if (strcmp(touch(p + at, 0), "ok") || strcmp(touch(p + at - 1, 0), "ok"))
			continue;
		/* across the boundary: one store, one write(2) */
		memcpy(p + at - 4, &value, sizeof(value));
		if (pipe(pipes) < 0)
			return 1;
		printf("%ld ", (long)write(pipes[1], p + at - 4, 8));
		value = 0;
		printf("%ld ", (long)read(pipes[0], &value, 8));
		printf("%lx\n", value);
		close(pipes[0]);
		close(pipes[1]);
	}
	return 0;
}

static int calls(const char *dev)
{
	static const int flags[] = {MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE,
				    MAP_SHARED | MAP_POPULATE};
	int fd = open(dev, O_RDWR);
	struct statx st;
	char c = 'x';
	size_t i;

	printf("open %s\n", word(fd < 0 ? errno : 0));
	if (fd < 0)
		return 1;
	printf("read %s\n", word(read(fd, &c, 1) < 0 ? errno : 0));
	printf("write %s\n", word(write(fd, &c, 1) < 0 ? errno : 0));
	printf("lseek %ld\n", (long)lseek(fd, 4096, SEEK_SET));
	printf("fsync %s\n", word(fsync(fd) < 0 ? errno : 0));
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) == 0)
		printf("dax %d\n", !!(st.stx_attributes & STATX_ATTR_DAX));
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		printf("mmap %s\n",
		       word(mmap(NULL, STEP, PROT_READ, flags[i], fd, 0) == MAP_FAILED
				    ? errno
				    : 0));
	close(fd);
	return 0;
}

static pid_t start(char **command, int fd)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(fd);
		execvp(command[0], command);
		_exit(127);
	}
	return pid;
}

/* Load a byte. Return: it, or -1 after SIGBUS. */
static int load(const volatile char *p)
{
	return sigsetjmp(back, 1) ? -1 : (unsigned char)*p;
}

/*
 * Where no hardware reports the bad byte, the kernel is asked to behave as if it had. A load
 * in the signal handler's place ends with the signal of either.
 */
static int load_bad(char *p)
{
	int byte = load(p);

	if (byte >= 0 && !sigsetjmp(back, 1)) {
		char *page = p - (uintptr_t)p % 4096;

		if (madvise(page, 4096, MADV_HWPOISON) == 0)
			byte = *(volatile unsigned char *)p;
		return byte;
	}
	return -1;
}

static int show_load(const char *dev, uint64_t off, char **command)
{
	int fd = -1;
	char *p = map(dev, off / STEP * STEP, STEP, &fd);
	int status = 0;
	int byte;

	if (!p)
		return 1;
	p += off % STEP;
	byte = load(p);
	if (command) {
		printf("before: %s\n", byte < 0 ? "SIGBUS" : "ok");
		waitpid(start(command, fd), &status, 0);
		printf("status %d\n", WEXITSTATUS(status));
		byte = load_bad(p);
	}
	if (byte < 0)
		printf("load: SIGBUS %s\n", code == BUS_MCEERR_AR ? "BUS_MCEERR_AR"
					    : code == BUS_ADRERR  ? "BUS_ADRERR"
								  : "other");
	else
		printf("load: %d\n", byte);
	return 0;
}

static int hold(const char *dev, char **command)
{
	struct stat before, st;
	int fd = -1;
	int again;
	int status;
	char *p = map(dev, 0, STEP, &fd);
	char path[64];
	char text[256];
	ssize_t n;

	if (!p || fstat(fd, &before) < 0)
		return 1;
	printf("before: %s\n", touch(p, 5));
	waitpid(start(command, fd), &status, 0);
	printf("status %d\n", WEXITSTATUS(status));
	printf("touch: %s\n", touch(p, 6));
	again = fstat(fd, &st);
	printf("fstat: %s nlink=%lu same=%d\n", word(again < 0 ? errno : 0),
	       (unsigned long)st.st_nlink, st.st_rdev == before.st_rdev);
	printf("mmap: %s\n", mmap(NULL, STEP, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED
				     ? word(errno)
				     : "ok");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	printf("link: %s\n", text);
	again = open(dev, O_RDWR);
	printf("name: %s\n", again < 0 ? word(errno) : "opens");
	printf("write: %s\n", write(fd, "x", 1) < 0 ? word(errno) : "ok");
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	const char *verb = argc > 2 ? argv[1] : "";
	int fd;
	int i;

	sigaction(SIGBUS, &sa, NULL);
	if (!strcmp(verb, "write") && argc == 4)
		return do_write(argv[2], argv[3]);
	if (!strcmp(verb, "replay") && argc == 3)
		return replay(argv[2]);
	if (!strcmp(verb, "tree")) {
		for (i = 2; i < argc; i++)
			tree(argv[i]);
		return 0;
	}
	if (!strcmp(verb, "fill") && argc == 4)
		return fill(argv[2], strtoul(argv[3], NULL, 0));
	if (!strcmp(verb, "check") && argc == 5)
		return check(argv[2], strtoul(argv[3], NULL, 0),
			     strtoul(argv[4], NULL, 0));
	if (!strcmp(verb, "span") && argc == 5)
		return span(argv[2], strtoul(argv[3], NULL, 0),
			    strtoul(argv[4], NULL, 0));
	if (!strcmp(verb, "open") && argc == 3) {
		fd = open(argv[2], O_RDWR);
		printf("open %s\n", word(fd < 0 ? errno : 0));
		return fd < 0;
	}
	if (!strcmp(verb, "calls") && argc == 3)
		return calls(argv[2]);
	if (!strcmp(verb, "load") && argc == 4)
		return show_load(argv[2], strtoul(argv[3], NULL, 0), NULL);
	if (!strcmp(verb, "poison") && argc > 4)
		return show_load(argv[2], strtoul(argv[3], NULL, 0), argv + 4);
	if (!strcmp(verb, "hold") && argc > 3)
		return hold(argv[2], argv + 3);
	fprintf(stderr, "sysprobe: what shall be done? (see the source)\n");
	return 2;
}
