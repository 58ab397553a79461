// SPDX-License-Identifier: BSD-2-Clause
/* clang-format off */
/*
 * Replay sequences of mapping operations and print one answer per line. A property test
 * generates the sequences and compares the answers of the emulator, of a model and of a
 * real kernel.
 *
 *	replay [--through libc|syscall] DEVICE [DEVICE] <SCRIPT >ANSWERS
 *
 * The script: one operation per line, words separated by blanks, # begins a comment.
 *
 *	begin NAME                 start a new sequence in a new process; answer: the line
 *	open N MODE                reopen device N (0, 1): r, w or rw. All begin as rw
 *	put N OFF VALUE            store a byte into the device by a separate mapping
 *	get N OFF                  load a byte in the same way
 *	map ID N LEN PROT FLAGS OFF PLACE
 *	anon ID LEN PROT PLACE     private anonymous memory
 *	unmap ID OFF LEN
 *	protect ID OFF LEN PROT
 *	remap ID OFF OLD NEW FLAGS NEWID
 *	                           NEWID is the result; it may be ID itself
 *	advise ID OFF LEN ADVICE
 *	sync ID OFF LEN FLAGS
 *	lock ID OFF LEN
 *	unlock ID OFF LEN
 *	store ID OFF VALUE
 *	load ID OFF
 *	layout                     list the pieces of the area, as PERMS:WHERE:LENGTH
 *
 * N	number of the device on the command line, from 0
 * ID	0 to 63: a mapping; OFF counts from its beginning and may lie outside of it
 * LEN OFF OLD NEW	sums of numbers with a unit: A (the largest align of the devices),
 *	P (page), S (size of device 0), none (bytes): 2A  1A-1P  S+1A  4096  0
 * PROT	letters of rwx, or - for none
 * FLAGS	words joined by commas. map: shared private validate sync populate locked
 *	stack noreserve hugetlb growsdown. remap: - maymove dontunmap to:EXPR (fixed, in
 *	the area). sync: - async sync invalidate
 * PLACE	any (the kernel chooses), hint:EXPR, fixed:EXPR, noreplace:EXPR: EXPR counts
 *	from the area
 * ADVICE	name as in madvise(2), small letters without MADV_
 *
 * The area is AREA units of reserved address space (PROT_NONE), aligned to A, far from
 * the addresses that the kernel chooses by itself. An operation that would leave the area
 * (or the mapping, if the kernel placed it) is not carried out; the answer is "outside".
 * The answer for an ID that was never mapped is "none".
 *
 * Answers: ok, the name of an errno, 0x5a for load, BUS_ADRERR, SEGV_ACCERR or
 * SEGV_MAPERR for accesses (with @DELTA if si_addr is not the accessed byte). With PLACE
 * any, and for remap: "ok aligned" or "ok unaligned". A sequence that dies answers
 * "killed SIG...".
 *
 * A script must not contain operations whose result the kernel leaves to chance: a hint
 * to a place that is taken; PLACE any with an offset off the unit and a length of one
 * unit; growing a mapping that the kernel placed without maymove; at align 1G, protecting
 * or moving memory that was touched.
 */
/* clang-format on */
#include <setjmp.h>

#include "tests/conformance/call.h"

#define AREA  32
#define IDS   64
#define WORDS 10

struct target t;

struct device {
	const char *path;
	uint64_t size;
	uint64_t align;
	int fd;
};

struct mapping {
	char *at;
	size_t len;
	bool free; /* placed by the kernel */
};

static struct device device[2];
static int devices;
static struct mapping mapping[IDS];
static char *area_start;

struct word {
	const char *name;
	long value;
};

static const struct word map_flags[] = {{"shared", MAP_SHARED},
					{"private", MAP_PRIVATE},
					{"validate", MAP_SHARED_VALIDATE},
					{"sync", MAP_SYNC},
					{"populate", MAP_POPULATE},
					{"locked", MAP_LOCKED},
					{"stack", MAP_STACK},
					{"noreserve", MAP_NORESERVE},
					{"hugetlb", MAP_HUGETLB},
					{"growsdown", MAP_GROWSDOWN},
					{"-", 0},
					{NULL, 0}};

static const struct word remap_flags[] = {
	{"maymove", MREMAP_MAYMOVE}, {"dontunmap", 4}, {"-", 0}, {NULL, 0}};

static const struct word sync_flags[] = {{"async", MS_ASYNC},
					 {"sync", MS_SYNC},
					 {"invalidate", MS_INVALIDATE},
					 {"-", 0},
					 {NULL, 0}};

static const struct word advices[] = {{"normal", MADV_NORMAL},
				      {"random", MADV_RANDOM},
				      {"sequential", MADV_SEQUENTIAL},
				      {"willneed", MADV_WILLNEED},
				      {"dontneed", MADV_DONTNEED},
				      {"free", MADV_FREE},
				      {"remove", MADV_REMOVE},
				      {"dontfork", MADV_DONTFORK},
				      {"dofork", MADV_DOFORK},
				      {"mergeable", MADV_MERGEABLE},
				      {"unmergeable", MADV_UNMERGEABLE},
				      {"hugepage", MADV_HUGEPAGE},
				      {"nohugepage", MADV_NOHUGEPAGE},
				      {"dontdump", MADV_DONTDUMP},
				      {"dodump", MADV_DODUMP},
				      {"wipeonfork", MADV_WIPEONFORK},
				      {"keeponfork", MADV_KEEPONFORK},
				      {"cold", MADV_COLD},
				      {"pageout", MADV_PAGEOUT},
				      {"populate_read", 22},
				      {"populate_write", 23},
				      {"dontneed_locked", 24},
				      {"collapse", 25},
				      {NULL, 0}};

static void fail(int line, const char *what, const char *text)
{
	fprintf(stderr, "replay: line %d: %s '%s'\n", line, what, text);
	exit(2);
}

/* Parse words joined by commas; the caller handles "to:EXPR". */
static long words_value(int line, const struct word *table, const char *text)
{
	char copy[256];
	char *word, *rest = NULL;
	long value = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		const struct word *w;

		if (strncmp(word, "to:", 3) == 0)
			continue;
		for (w = table; w->name && strcmp(w->name, word); w++)
			;
		if (!w->name)
			fail(line, "unknown word", word);
		value |= w->value;
	}
	return value;
}

static int prot_value(int line, const char *text)
{
	int prot = 0;

	for (; *text; text++) {
		if (*text == 'r')
			prot |= PROT_READ;
		else if (*text == 'w')
			prot |= PROT_WRITE;
		else if (*text == 'x')
			prot |= PROT_EXEC;
		else if (*text != '-')
			fail(line, "unknown protection", text);
	}
	return prot;
}

/* Parse a sum such as 2A+1P-17, S or 4096. */
static long sum(int line, const char *text)
{
	const char *p = text;
	long value = 0;

	while (*p && *p != ',') {
		long sign = *p == '-' ? -1 : 1;
		char *end;
		long n;

		if (*p == '-' || *p == '+')
			p++;
		n = *p == 'S' ? 1 : strtol(p, &end, 0);
		if (*p != 'S' && end == p)
			fail(line, "not a number", text);
		p = *p == 'S' ? p : end;
		if (*p == 'A')
			n *= A, p++;
		else if (*p == 'P')
			n *= P, p++;
		else if (*p == 'S')
			n *= S, p++;
		value += sign * n;
	}
	return value;
}

static struct mapping *id_of(int line, const char *text)
{
	long n = strtol(text, NULL, 10);

	if (n < 0 || n >= IDS)
		fail(line, "no such id", text);
	return &mapping[n];
}

static struct device *device_of(int line, const char *text)
{
	long n = strtol(text, NULL, 10);

	if (n < 0 || n >= devices)
		fail(line, "no such device", text);
	return &device[n];
}

static void answer(long r)
{
	if (r < 0)
		puts(strerrorname_np(errno));
	else
		puts("ok");
}

static bool in_area(const char *p, long len)
{
	uintptr_t at = (uintptr_t)p;
	uintptr_t start = (uintptr_t)area_start;

	return at >= start && at <= start + AREA * A && len >= 0 &&
	       (size_t)len <= start + AREA * A - at;
}

/* True if the operation on that range may be carried out; otherwise print the answer. */
static bool is_allowed(const struct mapping *m, long off, long len)
{
	bool good;

	if (!m->at) {
		puts("none");
		return false;
	}
	if (m->free)
		good = off >= 0 && len >= 0 && (size_t)off <= m->len &&
		       (size_t)len <= m->len - off;
	else
		good = in_area(m->at + off, len);
	if (!good)
		puts("outside");
	return good;
}

static sigjmp_buf back;
static siginfo_t info;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	info = *si;
	siglongjmp(back, 1);
}

static const char *code(void)
{
	if (info.si_signo == SIGBUS)
		return info.si_code == BUS_ADRERR      ? "BUS_ADRERR"
		       : info.si_code == BUS_MCEERR_AR ? "BUS_MCEERR_AR"
						       : "BUS_OTHER";
	return info.si_code == SEGV_ACCERR   ? "SEGV_ACCERR"
	       : info.si_code == SEGV_MAPERR ? "SEGV_MAPERR"
					     : "SEGV_OTHER";
}

/* Store @value, or load and print a byte if it is negative. */
static void touch(volatile uint8_t *p, int value)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	struct sigaction old[2];
	volatile int seen = 0;
	bool fault = true;

	sigaction(SIGBUS, &sa, &old[0]);
	sigaction(SIGSEGV, &sa, &old[1]);
	if (sigsetjmp(back, 1) == 0) {
		if (value < 0)
			seen = *p;
		else
			*p = value;
		fault = false;
	}
	sigaction(SIGBUS, &old[0], NULL);
	sigaction(SIGSEGV, &old[1], NULL);
	if (fault && info.si_addr != p)
		printf("%s@%+ld\n", code(), (long)((char *)info.si_addr - (char *)p));
	else if (fault)
		puts(code());
	else if (value < 0)
		printf("0x%02x\n", seen);
	else
		puts("ok");
}

/*
 * Parse PLACE. Return: 1 and the address and flags, or 0 if it would reach out of the
 * area (the answer is printed then).
 */
static int place(int line, const char *text, long len, char **ret_at, int *ret_flags)
{
	static const struct word kind[] = {{"hint:", 0},
					   {"fixed:", MAP_FIXED},
					   {"noreplace:", MAP_FIXED_NOREPLACE},
					   {NULL, 0}};
	const struct word *w;

	*ret_at = NULL;
	*ret_flags = 0;
	if (strcmp(text, "any") == 0)
		return 1;
	for (w = kind; w->name; w++) {
		size_t n = strlen(w->name);

		if (strncmp(text, w->name, n) == 0) {
			*ret_at = area_start + sum(line, text + n);
			*ret_flags = w->value;
			if (in_area(*ret_at, len))
				return 1;
			puts("outside");
			return 0;
		}
	}
	fail(line, "unknown place", text);
	return 0;
}

static void do_map(int line, char **w)
{
	struct mapping *m = id_of(line, w[1]);
	struct device *d = device_of(line, w[2]);
	long len = sum(line, w[3]);
	int flags = words_value(line, map_flags, w[5]);
	char *at, *p;
	int how;

	if (!place(line, w[7], len, &at, &how))
		return;
	p = c_mmap(at, len, prot_value(line, w[4]), flags | how, d->fd, sum(line, w[6]));
	if (p == MAP_FAILED) {
		answer(-1);
		return;
	}
	*m = (struct mapping){p, (len + P - 1) & ~(P - 1), !in_area(p, len)};
	if (strcmp(w[7], "any") == 0)
		puts((uintptr_t)p & (A - 1) ? "ok unaligned" : "ok aligned");
	else
		puts(p == (char *)((uintptr_t)at & ~(P - 1)) ? "ok" : "ok elsewhere");
}

static void do_anon(int line, char **w)
{
	struct mapping *m = id_of(line, w[1]);
	long len = sum(line, w[2]);
	char *at, *p;
	int how;

	if (!place(line, w[4], len, &at, &how))
		return;
	p = mmap(at, len, prot_value(line, w[3]),
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how, -1, 0);
	if (p != MAP_FAILED)
		*m = (struct mapping){p, (len + P - 1) & ~(P - 1), !in_area(p, len)};
	answer(p == MAP_FAILED ? -1 : 0);
}

static void do_remap(int line, char **w)
{
	struct mapping *m = id_of(line, w[1]);
	struct mapping *to = id_of(line, w[6]);
	long off = sum(line, w[2]), old = sum(line, w[3]), new = sum(line, w[4]);
	int flags = words_value(line, remap_flags, w[5]);
	const char *fixed = strstr(w[5], "to:");
	char *target = NULL;
	char *p;

	if (!is_allowed(m, off, old))
		return;
	if (fixed) {
		flags |= MREMAP_FIXED;
		target = area_start + sum(line, fixed + 3);
		if (!in_area(target, new)) {
			puts("outside");
			return;
		}
	}
	p = c_mremap(m->at + off, old, new, flags, target);
	if (p == MAP_FAILED) {
		answer(-1);
		return;
	}
	*to = (struct mapping){p, (new + P - 1) & ~(P - 1), !in_area(p, new)};
	puts((uintptr_t)p & (A - 1) ? "ok unaligned" : "ok aligned");
}

static void do_device(int line, char **w)
{
	struct device *d = device_of(line, w[1]);
	long off, unit;
	char *p;

	if (strcmp(w[0], "open") == 0) {
		c_close(d->fd);
		d->fd = c_open(d->path,
			       strcmp(w[2], "r") == 0   ? O_RDONLY
			       : strcmp(w[2], "w") == 0 ? O_WRONLY
							: O_RDWR,
			       0);
		answer(d->fd);
		return;
	}
	off = sum(line, w[2]);
	unit = off / (long)A * (long)A;
	p = c_mmap(NULL, A, PROT_READ | PROT_WRITE, MAP_SHARED,
		   c_open(d->path, O_RDWR, 0), unit);
	if (p == MAP_FAILED) {
		answer(-1);
		return;
	}
	touch((uint8_t *)p + (off - unit),
	      w[0][0] == 'p' ? (int)sum(line, w[3]) & 0xff : -1);
	c_munmap(p, A);
}

static void print_units(const char *before, uint64_t bytes)
{
	printf("%s%luA", before, (unsigned long)(bytes / A));
	if (bytes % A)
		printf("+%luP", (unsigned long)(bytes % A / P));
}

static void do_layout(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uintptr_t from = (uintptr_t)area_start, to = from + AREA * A;
	unsigned long start, end, off;
	char line[512], perms[5];
	bool first = true;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %4s %lx", &start, &end, perms, &off) != 4 ||
		    end <= from || start >= to)
			continue;
		start = start < from ? from : start;
		end = end > to ? to : end;
		printf("%s%s", first ? "" : " ", perms);
		print_units(":", start - from);
		print_units(":", end - start);
		first = false;
	}
	if (f)
		fclose(f);
	puts("");
}

static void do_range(int line, char **w)
{
	struct mapping *m = id_of(line, w[1]);
	long off = sum(line, w[2]);
	bool byte = strcmp(w[0], "store") == 0 || strcmp(w[0], "load") == 0;
	long len = byte ? 1 : sum(line, w[3]);
	char *p;

	if (!is_allowed(m, off, len))
		return;
	p = m->at + off;
	if (strcmp(w[0], "unmap") == 0)
		answer(c_munmap(p, len));
	else if (strcmp(w[0], "protect") == 0)
		answer(c_mprotect(p, len, prot_value(line, w[4])));
	else if (strcmp(w[0], "advise") == 0)
		answer(c_madvise(p, len, words_value(line, advices, w[4])));
	else if (strcmp(w[0], "sync") == 0)
		answer(c_msync(p, len, words_value(line, sync_flags, w[4])));
	else if (strcmp(w[0], "lock") == 0)
		answer(c_mlock(p, len));
	else if (strcmp(w[0], "unlock") == 0)
		answer(c_munlock(p, len));
	else
		touch((uint8_t *)p,
		      byte && w[0][0] == 's' ? (int)sum(line, w[3]) & 0xff : -1);
}

static const struct operation {
	const char *name;
	int words; /* with its own name */
	void (*run)(int line, char **w);
} operation[] = {
	{"open", 3, do_device},   {"put", 4, do_device},  {"get", 3, do_device},
	{"map", 8, do_map},       {"anon", 5, do_anon},   {"unmap", 4, do_range},
	{"protect", 5, do_range}, {"remap", 7, do_remap}, {"advise", 5, do_range},
	{"sync", 5, do_range},    {"lock", 4, do_range},  {"unlock", 4, do_range},
	{"store", 4, do_range},   {"load", 3, do_range},  {"layout", 1, NULL},
};

static void run_line(int line, char *text)
{
	char *w[WORDS + 1] = {NULL};
	char *rest = NULL;
	size_t i;
	int n = 0;

	text[strcspn(text, "#\n")] = '\0';
	for (w[n] = strtok_r(text, " \t", &rest); w[n] && n < WORDS;
	     w[n] = strtok_r(NULL, " \t", &rest))
		n++;
	if (n == 0)
		return;
	for (i = 0; i < COUNT(operation); i++) {
		if (strcmp(operation[i].name, w[0]) == 0) {
			if (operation[i].words != n)
				fail(line, "wrong number of words for", w[0]);
			if (operation[i].run)
				operation[i].run(line, w);
			else
				do_layout();
			fflush(stdout);
			return;
		}
	}
	fail(line, "unknown operation", w[0]);
}

static void prepare(void)
{
	int i;

	area_start =
		mmap((void *)0x200000000000, AREA * A, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
		     -1, 0);
	if (area_start == MAP_FAILED) {
		perror("replay: address space");
		exit(1);
	}
	for (i = 0; i < devices; i++) {
		device[i].fd = c_open(device[i].path, O_RDWR, 0);
		if (device[i].fd < 0) {
			perror(device[i].path);
			exit(1);
		}
	}
}

/* Run the lines up to the next begin in a child. Return: false if the script is wrong. */
static bool run_sequence(char **lines, int from, int to)
{
	int status = 0;
	pid_t pid;
	int i;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("replay: fork");
		exit(1);
	}
	if (pid == 0) {
		alarm(60);
		prepare();
		for (i = from; i < to; i++)
			run_line(i + 1, lines[i]);
		exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("killed SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	return WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
}

static int add_device(const char *path)
{
	struct device *d = &device[devices];
	struct stat st;
	char name[128], text[32];
	uint64_t *const number[] = {&d->size, &d->align};
	int i;

	if (c_stat(path, &st) < 0) {
		perror(path);
		return -1;
	}
	for (i = 0; i < 2; i++) {
		FILE *f;

		snprintf(name, sizeof(name), "/sys/dev/char/%u:%u/%s",
			 (unsigned int)(st.st_rdev >> 8 & 0xfff),
			 (unsigned int)(st.st_rdev & 0xff), i ? "align" : "size");
		f = fopen(name, "re");
		if (!f || !fgets(text, sizeof(text), f)) {
			perror(name);
			return -1;
		}
		*number[i] = strtoull(text, NULL, 0);
		fclose(f);
	}
	d->path = path;
	if (devices++ == 0)
		t.size = d->size;
	if (d->align > t.align)
		t.align = d->align;
	return 0;
}

int main(int argc, char **argv)
{
	char **lines = NULL;
	size_t count = 0, size = 0, i, from = 0;
	char *line = NULL;
	bool good = true;
	int a;

	t.page = sysconf(_SC_PAGESIZE);
	for (a = 1; a < argc; a++) {
		if (strcmp(argv[a], "--through") == 0 && a + 1 < argc)
			t.raw = strcmp(argv[++a], "syscall") == 0;
		else if (argv[a][0] == '-' || devices == 2)
			break;
		else if (add_device(argv[a]) < 0)
			return 1;
	}
	if (a < argc || devices == 0) {
		fprintf(stderr, "usage: replay [--through libc|syscall] DEVICE [DEVICE] "
				"<SCRIPT\n");
		return 2;
	}
	while (getline(&line, &size, stdin) >= 0) {
		lines = realloc(lines, (count + 1) * sizeof(*lines));
		if (!lines || !(lines[count++] = strdup(line)))
			abort();
	}
	for (i = 0; i < count && good; i++) {
		if (strncmp(lines[i], "begin", 5) == 0) {
			if (i > from)
				good = run_sequence(lines, from, i);
			printf("%s", lines[i]);
			from = i + 1;
		}
	}
	if (good && count > from)
		good = run_sequence(lines, from, count);
	return good ? 0 : 2;
}
