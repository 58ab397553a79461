// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tools for the cases: mapping the device, accesses that may fault, describing the
 * address space, other processes.
 */
#include <setjmp.h>
#include <ucontext.h>

#include "tests/conformance/call.h"

int dev_open(int flags)
{
	int fd = c_open(t.dev, flags | O_CLOEXEC, 0);

	if (fd < 0)
		broken("open of the device");
	return fd;
}

int try_map(int fd, size_t len, int prot, int flags, off_t off)
{
	void *p = c_mmap(NULL, len, prot, flags, fd, off);

	if (p == MAP_FAILED)
		return -1;
	c_munmap(p, (len + P - 1) & ~(P - 1));
	return 0;
}

char *map(int fd, size_t len, int prot, off_t off)
{
	char *p = c_mmap(NULL, len, prot, MAP_SHARED, fd, off);

	if (p == MAP_FAILED)
		broken("mmap of the device");
	return p;
}

char *map_units(unsigned int units)
{
	return map(dev_open(O_RDWR), units * A, PROT_READ | PROT_WRITE, 0);
}

/*
 * Areas lie far below the addresses where the kernel first looks for room, so that no
 * mapping moves by chance into an area or into a hole that a case makes there.
 */
char *area(size_t len)
{
	static uintptr_t next = 0x200000000000;
	char *p = mmap((void *)next, len + 2 * A, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
		       -1, 0);

	if (p != (void *)next)
		broken("address space");
	next += (len + 4 * A - 1) & ~(A - 1);
	return p + A;
}

char *map_at(char *at, int fd, size_t len, int prot, off_t off)
{
	char *p = c_mmap(at, len, prot, MAP_SHARED | MAP_FIXED, fd, off);

	if (p == MAP_FAILED)
		broken("mmap of the device at a fixed address");
	return p;
}

const char *temp_folder(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

char *temp_name(const char *suffix)
{
	char *path;

	if (asprintf(&path, "%s/conformance-%d-%s", temp_folder(), getpid(), suffix) < 0)
		abort();
	return path;
}

int temp_file(const char *suffix, int flags)
{
	char *path = temp_name(suffix);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

int memfd(void)
{
	int fd = memfd_create("conformance", MFD_CLOEXEC);

	if (fd < 0)
		broken("memfd_create");
	return fd;
}

void *bad_pointer(uintptr_t value)
{
	return (void *)value;
}

static sigjmp_buf touch_jump;
static struct touch *touch_now;

static void touch_fault(int sig, siginfo_t *si, void *context)
{
	touch_now->sig = sig;
	touch_now->code = si->si_code;
	touch_now->err = si->si_errno;
	touch_now->addr = si->si_addr;
	touch_now->lsb = sig == SIGBUS && si->si_code != BUS_ADRERR ? si->si_addr_lsb : 0;
#ifdef __x86_64__
	touch_now->trap = ((ucontext_t *)context)->uc_mcontext.gregs[REG_TRAPNO];
	touch_now->trap_err = ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR];
#else
	(void)context;
#endif
	siglongjmp(touch_jump, 1);
}

static void touch(struct touch *r, volatile uint8_t *p, bool store, uint8_t value)
{
	struct sigaction sa = {.sa_sigaction = touch_fault, .sa_flags = SA_SIGINFO};
	struct sigaction old_bus;
	struct sigaction old_segv;

	memset(r, 0, sizeof(*r));
	touch_now = r;
	sigaction(SIGBUS, &sa, &old_bus);
	sigaction(SIGSEGV, &sa, &old_segv);
	if (sigsetjmp(touch_jump, 1) == 0) {
		if (store)
			*p = value;
		else
			r->value = *p;
	}
	sigaction(SIGBUS, &old_bus, NULL);
	sigaction(SIGSEGV, &old_segv, NULL);
}

void touch_load(struct touch *r, const volatile void *p)
{
	touch(r, (volatile uint8_t *)(uintptr_t)p, false, 0);
}

void touch_store(struct touch *r, volatile void *p, uint8_t value)
{
	touch(r, p, true, value);
}

const char *code_name(int sig, int code)
{
	static char number[32];

	if (sig == SIGBUS && code == BUS_ADRERR)
		return "BUS_ADRERR";
	if (sig == SIGBUS && code == BUS_MCEERR_AR)
		return "BUS_MCEERR_AR";
	if (sig == SIGBUS && code == BUS_MCEERR_AO)
		return "BUS_MCEERR_AO";
	if (sig == SIGSEGV && code == SEGV_MAPERR)
		return "SEGV_MAPERR";
	if (sig == SIGSEGV && code == SEGV_ACCERR)
		return "SEGV_ACCERR";
	if (code == SI_USER)
		return "SI_USER";
	if (code == SI_KERNEL)
		return "SI_KERNEL";
	if (code == SI_TKILL)
		return "SI_TKILL";
	snprintf(number, sizeof(number), "code%d", code);
	return number;
}

void say_touch(const struct touch *r, const volatile void *p)
{
	long delta = r->addr - (const volatile char *)p;
	char text[96];
	int n;

	if (!r->sig) {
		say("0x%02x", r->value);
		return;
	}
	n = snprintf(text, sizeof(text), "%s", code_name(r->sig, r->code));
	if (delta)
		n += snprintf(text + n, sizeof(text) - n, "@%+ld", delta);
	if (r->lsb)
		n += snprintf(text + n, sizeof(text) - n, "/lsb%d", r->lsb);
	if (r->err)
		snprintf(text + n, sizeof(text) - n, "/errno%d", r->err);
	say("%s", text);
}

void say_load(const volatile void *p)
{
	struct touch r;

	touch_load(&r, p);
	say_touch(&r, p);
}

void say_store(volatile void *p, uint8_t value)
{
	struct touch r;

	touch_store(&r, p, value);
	if (r.sig)
		say_touch(&r, p);
	else
		say("ok");
}

static uint8_t pattern(uint32_t seed, size_t i)
{
	return (seed * 2654435761u + (uint32_t)i * 40503u) >> 13;
}

void fill(void *p, size_t len, uint32_t seed)
{
	volatile uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++)
		b[i] = pattern(seed, i);
}

bool is_filled(const void *p, size_t len, uint32_t seed)
{
	const volatile uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++)
		if (b[i] != pattern(seed, i))
			return false;
	return true;
}

int vma_list(const void *p, size_t len, struct vma *ret, int max)
{
	uintptr_t from = (uintptr_t)p;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	int n = 0;

	if (!f)
		broken("/proc/self/maps");
	while (fgets(line, sizeof(line), f)) {
		struct vma v = {0};
		char dev[16] = "";
		unsigned long ino = 0;
		unsigned long start, end, offset;
		int skip_to = 0;

		if (sscanf(line, "%lx-%lx %4s %lx %15s %lu %n", &start, &end, v.perms,
			   &offset, dev, &ino, &skip_to) < 6)
			continue;
		if (end <= from || start >= from + len || n >= max)
			continue;
		v.start = start;
		v.end = end;
		v.offset = offset;
		snprintf(v.ident, sizeof(v.ident), "%s %lu", dev, ino);
		snprintf(v.path, sizeof(v.path), "%.255s", line + skip_to);
		v.path[strcspn(v.path, "\n")] = '\0';
		ret[n++] = v;
	}
	fclose(f);
	return n;
}

static void format_units(char *text, size_t size, uint64_t bytes)
{
	uint64_t units = bytes / A;
	uint64_t pages = bytes % A / P;

	if (pages > A / P / 2) /* so that the words are the same for every align */
		snprintf(text, size, "%luA-%luP", (unsigned long)units + 1,
			 (unsigned long)(A / P - pages));
	else if (pages)
		snprintf(text, size, "%luA+%luP", (unsigned long)units,
			 (unsigned long)pages);
	else
		snprintf(text, size, "%luA", (unsigned long)units);
}

void say_units(const char *sign, uint64_t bytes)
{
	char text[64];

	format_units(text, sizeof(text), bytes);
	say("%s%s", sign, text);
}

/*
 * Return: the offset of the device's first byte in the file that maps shows, 0 for a real
 * device. The proc.* cases check that number itself; layouts are only about pieces.
 */
static uint64_t first_offset(void)
{
	int fd = dev_open(O_RDONLY);
	char *p = map(fd, A, PROT_READ, 0);
	struct vma v;

	if (vma_list(p, 1, &v, 1) != 1)
		broken("a mapping in /proc/self/maps");
	c_munmap(p, A);
	c_close(fd);
	return v.offset;
}

/*
 * Format an offset relative to the nearest of zero, the end of the device, or far away.
 */
static void format_offset(char *text, size_t size, uint64_t off)
{
	char units[64];
	const char *from = "";

	if (off >= 1UL << 63) {
		from = "2_63+";
		off -= 1UL << 63;
	} else if (off >= 1UL << 62) {
		from = "2_62+";
		off -= 1UL << 62;
	} else if (off >= S && off >= 4 * A) {
		from = "S+";
		off -= S;
	} else if (off >= 4 * A) {
		from = "S-";
		off = S - off;
	}
	format_units(units, sizeof(units), off);
	snprintf(text, size, "%s%s", from, units);
}

/*
 * Shared mappings are taken for mappings of the device, so neighbours must be private.
 * Private mappings are shown without an offset. Mappings are cut off at the range.
 */
void say_layout(const void *base, size_t len)
{
	uintptr_t from = (uintptr_t)base;
	uint64_t first = first_offset();
	struct vma v[64];
	int n = vma_list(base, len, v, COUNT(v));
	int i;

	if (n == 0)
		say("nothing");
	for (i = 0; i < n; i++) {
		bool dax = v[i].perms[3] == 's';
		uintptr_t start = v[i].start < from ? from : v[i].start;
		uintptr_t end = v[i].end > from + len ? from + len : v[i].end;
		char where[64], size[64], off[128];

		format_units(where, sizeof(where), start - from);
		format_units(size, sizeof(size), end - start);
		format_offset(off, sizeof(off), v[i].offset - first);
		if (dax)
			say("[%s %s len %s off %s]", v[i].perms, where, size, off);
		else
			say("[%s %s len %s other]", v[i].perms, where, size);
	}
}

void smaps_field(const void *p, const char *field, char *ret, size_t size)
{
	uintptr_t at = (uintptr_t)p;
	FILE *f = fopen("/proc/self/smaps", "re");
	size_t n = strlen(field);
	bool here = false;
	char line[512];

	*ret = '\0';
	if (!f)
		broken("/proc/self/smaps");
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			here = at >= start && at < end;
		} else if (here && strncmp(line, field, n) == 0 && line[n] == ':') {
			char *value = line + n + 1 + strspn(line + n + 1, " ");

			value[strcspn(value, "\n")] = '\0';
			snprintf(ret, size, "%s", value);
			n = strlen(ret);
			while (n && ret[n - 1] == ' ')
				ret[--n] = '\0';
			break;
		}
	}
	fclose(f);
}

int in_child(void (*fn)(void *), void *data)
{
	int status = -1;
	pid_t pid = fork();

	if (pid < 0)
		broken("fork");
	if (pid == 0) {
		fn(data);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/*
 * Try an operation on an inherited descriptor in a new program. It does not share the
 * page for answers, so its exit status is the answer: 0 means yes.
 */
void helper_main(const char *what, int fd)
{
	size_t len = 1UL << 30; /* a multiple of every align */
	char *p;

	if (strcmp(what, "map") == 0) {
		p = c_mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			_exit(errno);
		if (get(p) != 0xa1)
			_exit(200);
		put(p + 1, 0xa2);
		_exit(0);
	}
	if (strcmp(what, "private") == 0) {
		p = c_mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
		_exit(p == MAP_FAILED ? errno : 0);
	}
	if (strcmp(what, "odd") == 0) {
		p = c_mmap(NULL, len - 4096, PROT_READ, MAP_SHARED, fd, 0);
		_exit(p == MAP_FAILED ? errno : 0);
	}
	if (strcmp(what, "split") == 0) {
		p = c_mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			_exit(200);
		_exit(c_munmap(p, 4096) < 0 ? errno : 0);
	}
	_exit(c_fcntl(fd, F_GETFD, 0) < 0 ? errno : 0);
}

struct helper {
	const char *what;
	int fd;
	char *const *env;
};

static void helper_exec(void *data)
{
	struct helper *h = data;
	char fd[16];
	const char *argv[] = {"conformance",     "--helper", h->what, fd,
			      t.raw ? "s" : "l", NULL};

	snprintf(fd, sizeof(fd), "%d", h->fd);
	if (h->env)
		execve("/proc/self/exe", (char *const *)argv, h->env);
	else
		execv("/proc/self/exe", (char *const *)argv);
	_exit(127);
}

int exec_helper(const char *what, int fd, char *const *env)
{
	struct helper h = {what, fd, env};

	return in_child(helper_exec, &h);
}
