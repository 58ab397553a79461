// SPDX-License-Identifier: BSD-2-Clause
// LIBS: -ldl
/*
 * Records on /dev/dax0.0 and their number, flushed and fenced by instructions:
 *
 *   crash_insn FLUSH|STORE[,no-flush|,no-fence|,other-fence|,unfenced] N
 *   crash_insn all-stores|trap|blocked|fault|dlopen 1
 *   crash_insn check
 *
 * FLUSH is clwb, clflushopt or clflush; STORE is movnti or movntdq. The CPU need not have
 * clwb and clflushopt, as long as the recorder takes their place.
 */
#ifdef __x86_64__
#include <cpuid.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <immintrin.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE  (2 << 20)
#define WORDS 16

struct area {
	uint64_t count;
	uint64_t padding[7];
	uint64_t records[1000][WORDS]; /* two lines each */
	uint64_t stores[64][8];        /* a line each, for all-stores */
};

static struct area *area;
static const char *way;

static int is(const char *word)
{
	return strstr(way, word) != NULL;
}

__attribute__((target("clwb,clflushopt"))) static void flush(void *p)
{
	if (is("clflushopt"))
		_mm_clflushopt(p);
	else if (is("clflush"))
		_mm_clflush(p);
	else
		_mm_clwb(p);
}

static void fence(void)
{
	if (is("mfence"))
		_mm_mfence();
	else
		_mm_sfence();
}

static void *other_thread(void *arg)
{
	(void)arg;
	_mm_sfence();
	return NULL;
}

static void fill(uint64_t *record, uint64_t n)
{
	int i;

	for (i = 0; i < WORDS; i += 2) {
		if (is("movnti")) {
			_mm_stream_si64((long long *)&record[i], (long long)n + i);
			_mm_stream_si64((long long *)&record[i + 1],
					(long long)n + i + 1);
		} else if (is("movntdq")) {
			_mm_stream_si128((__m128i *)&record[i],
					 _mm_set_epi64x((long long)n + i + 1,
							(long long)n + i));
		} else {
			record[i] = n + (uint64_t)i;
			record[i + 1] = n + (uint64_t)i + 1;
		}
	}
	if (is("movnt"))
		return;
	flush(record);
	if (!is("no-flush"))
		flush(record + 8);
}

static void append(uint64_t n)
{
	pthread_t thread;

	fill(area->records[n - 1], n);
	if (is("other-fence")) {
		pthread_create(&thread, NULL, other_thread, NULL);
		pthread_join(thread, NULL);
	} else if (!is("no-fence")) {
		fence();
	}
	__atomic_store_n(&area->count, n, __ATOMIC_RELAXED);
	flush(&area->count);
	fence();
	printf("%ju\n", (uintmax_t)n);
}

/* ---- all stores past the cache ---------------------------------------------- */

static const uint8_t bytes[64] __attribute__((
	aligned(64))) = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
			 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
			 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
			 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64};
static const uint8_t some[16] __attribute__((aligned(16))) = {0x80, 0, 0, 0xff, 0, 0x80};

/* Store with the registers that a store can name; check what is there then. */
#define STORE(len, load, insn, ...)                                                      \
	do {                                                                             \
		__asm__ volatile(load "\n\t" insn                                        \
				 :                                                       \
				 : [from] "m"(bytes), [to] "r"(to), [one] "r"(1L),       \
				   [some] "m"(some)                                      \
				 : "memory", "rax", "rdi", "r13", ##__VA_ARGS__);        \
		if (memcmp(to, bytes, len) != 0)                                         \
			return line(insn);                                               \
		to += 64;                                                                \
	} while (0)

static int line(const char *insn)
{
	printf("not stored: %s\n", insn);
	return 1;
}

static int store_vectors(uint8_t *to)
{
	if (__builtin_cpu_supports("avx")) {
		STORE(16, "vmovdqu %[from], %%xmm3", "vmovntdq %%xmm3, (%[to])", "xmm3");
		STORE(32, "vmovdqu %[from], %%ymm12", "vmovntdq %%ymm12, (%[to])",
		      "xmm12");
		STORE(32, "vmovdqu %[from], %%ymm2", "vmovntps %%ymm2, (%[to])", "xmm2");
		STORE(32, "vmovdqu %[from], %%ymm2", "vmovntpd %%ymm2, (%[to])", "xmm2");
	}
	if (__builtin_cpu_supports("avx512f")) {
		STORE(64, "vmovdqu64 %[from], %%zmm5", "vmovntdq %%zmm5, (%[to])",
		      "xmm5");
		STORE(64, "vmovdqu64 %[from], %%zmm29",
		      "vmovntps %%zmm29, -8(%[to],%[one],8)");
		STORE(64, "vmovdqu64 %[from], %%zmm18",
		      "sub $64, %[to]\n\tvmovntpd %%zmm18, 64(%[to])\n\tadd $64, %[to]");
	}
	return 0;
}

static int store_all(void)
{
	uint8_t *to = (uint8_t *)area->stores;
	unsigned int a, b, c, d;
	int i;

	STORE(4, "movl %[from], %%r13d", "movnti %%r13d, (%[to])");
	STORE(8, "movq %[from], %%r13", "movnti %%r13, -8(%[to],%[one],8)");
	STORE(8, "movq %[from], %%mm6", "movntq %%mm6, (%[to])\n\temms", "mm6");
	STORE(16, "movdqa %[from], %%xmm9", "movntdq %%xmm9, (%[to])", "xmm9");
	STORE(16, "movdqa %[from], %%xmm0", "movntps %%xmm0, (%[to])", "xmm0");
	STORE(16, "movdqa %[from], %%xmm0", "movntpd %%xmm0, (%[to])", "xmm0");
	__asm__ volatile("movdqa %1, %%xmm1\n\tmovdqa %2, %%xmm11\n\t"
			 "maskmovdqu %%xmm11, %%xmm1"
			 :
			 : "D"(to), "m"(bytes), "m"(some)
			 : "memory", "xmm1", "xmm11");
	for (i = 0; i < 16; i++)
		if (to[i] != (some[i] & 0x80 ? bytes[i] : 0))
			return line("maskmovdqu");
	to += 64;
	__asm__ volatile(
		"movq %1, %%mm1\n\tmovq %2, %%mm2\n\tmaskmovq %%mm2, %%mm1\n\temms"
		:
		: "D"(to), "m"(bytes), "m"(some)
		: "memory", "mm1", "mm2");
	for (i = 0; i < 8; i++)
		if (to[i] != (some[i] & 0x80 ? bytes[i] : 0))
			return line("maskmovq");
	to += 64;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && c >> 28 & 1) {
		/* movdir64b bytes, to */
		__asm__ volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02"
				 :
				 : "a"(to), "d"(bytes)
				 : "memory");
		if (memcmp(to, bytes, 64) != 0)
			return line("movdir64b");
		to += 64;
	}
	if (store_vectors(to))
		return 1;
	_mm_sfence();
	return 0;
}

/* ---- the program's own signals ----------------------------------------------- */

static sigjmp_buf jump;
static volatile int nr_signals;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	nr_signals++;
	if (sig == SIGSEGV)
		siglongjmp(jump, 1);
}

/* A breakpoint of the program's own, a sent signal; then instructions, as ever. */
static int trap(void)
{
	struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct sigaction old;

	if (sigaction(SIGTRAP, &act, &old) || old.sa_handler != SIG_DFL)
		return 1;
	__asm__ volatile("int3");
	raise(SIGTRAP);
	append(1);
	if (sigaction(SIGTRAP, NULL, &old) || old.sa_sigaction != on_signal)
		return 1;
	printf("%d signals\n", nr_signals);
	if (signal(SIGTRAP, SIG_IGN) == SIG_ERR)
		return 1;
	raise(SIGTRAP);
	append(2);
	return nr_signals != 2;
}

static void *append_blocked(void *arg)
{
	append(area->count + 1);
	return arg;
}

static int blocked(void)
{
	pthread_t thread;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	append(1);
	pthread_create(&thread, NULL, append_blocked, NULL);
	pthread_join(thread, NULL);
	return 0;
}

/* A store past the cache faults; the handler jumps away. */
static int fault(void)
{
	struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	sigset_t mask;

	sigaction(SIGSEGV, &act, NULL);
	if (!sigsetjmp(jump, 0))
		_mm_stream_si64(NULL, 1);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	append(1);
	printf("%d signal, %d blocked\n", nr_signals, sigismember(&mask, SIGTERM));
	return 0;
}

/* libpmem comes late, goes, and comes again. */
static int load(void)
{
	int i;

	for (i = 1; i <= 2; i++) {
		void *lib = dlopen("libpmem.so.1", RTLD_NOW | RTLD_LOCAL);
		void (*persist)(const void *addr, size_t len);

		if (!lib)
			return 1;
		*(void **)&persist = dlsym(lib, "pmem_persist");
		area->records[i - 1][0] = (uint64_t)i;
		persist(area->records[i - 1], sizeof(area->records[0]));
		area->count = (uint64_t)i;
		persist(&area->count, sizeof(area->count));
		dlclose(lib);
	}
	return 0;
}

static int check(void)
{
	uint64_t n;
	int i;

	for (n = 1; n <= area->count; n++)
		for (i = 0; i < WORDS; i++) {
			uint64_t word = area->records[n - 1][i];

			if (word == n + (uint64_t)i || (is("first") && i))
				continue;
			printf("record %ju: word %d\n", (uintmax_t)n, i);
			return 1;
		}
	return 0;
}

__attribute__((target("clwb"))) int main(int argc, char **argv)
{
	uint64_t nr = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	int fd = open("/dev/dax0.0", O_RDWR);

	way = argv[1];
	area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (area == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	if (is("check"))
		return check();
	if (is("all-stores"))
		return store_all();
	if (is("trap"))
		return trap();
	if (is("blocked"))
		return blocked();
	if (is("fault"))
		return fault();
	if (is("dlopen"))
		return load();
	while (area->count < nr)
		append(area->count + 1);
	if (is("unfenced")) {
		area->padding[0] = 1;
		_mm_clwb(area->padding); /* no fence follows */
	}
	return 0;
}
#else
int main(void)
{
	return 2; /* there is nothing like it */
}
#endif
