// SPDX-License-Identifier: BSD-2-Clause
/*
 * Realistic programs with threads, signals, forks, limits and filters, all at once.
 *
 *	robust CASE [DEVICE]
 *
 * Every case uses the device as a program may, in circumstances that are hard on an
 * interposed library, checks its bytes, and prints "ok". SIGALRM kills a case that hangs.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNIT  (2UL << 20)
#define UNITS 32

extern char **environ;

static const char *device = "/dev/dax0.0";
static int opened_early = -2; /* by a constructor */

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	const int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "robust: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, " (errno %d)\n", saved);
	va_end(ap);
	_exit(1);
}

#define CHECK(cond)                                                                      \
	do {                                                                             \
		if (!(cond))                                                             \
			fail("line %d: %s", __LINE__, #cond);                            \
	} while (0)

static int open_device(void)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("open");
	return fd;
}

static void *map(int fd, unsigned long unit)
{
	void *p = mmap(NULL, UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)(unit * UNIT));

	if (p == MAP_FAILED)
		fail("mmap of unit %lu", unit);
	if ((uintptr_t)p % UNIT)
		fail("mmap: off the align");
	return p;
}

/*
 * Open, map, write, map again, read, and give everything back. Every thread uses a word
 * of its own.
 */
static void use(unsigned long unit)
{
	const long at = syscall(SYS_gettid) % (long)(UNIT / sizeof(uint64_t));
	int fd = open_device();
	volatile uint64_t *p = map(fd, unit);
	uint64_t value = (uint64_t)(uintptr_t)p + unit;
	volatile uint64_t *q;

	p[at] = value;
	q = map(fd, unit);
	CHECK(q[at] == value);
	CHECK(munmap((void *)p, UNIT) == 0);
	CHECK(munmap((void *)q, UNIT) == 0);
	CHECK(close(fd) == 0);
}

static atomic_long done;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int count_fds(void)
{
	int n = 0;
	int fd;

	for (fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void wait_for(pid_t pid, int status)
{
	int got;
	pid_t r;

	do {
		r = waitpid(pid, &got, 0);
	} while (r < 0 && errno == EINTR);
	if (r != pid || got != status)
		fail("child %d: status 0x%x, not 0x%x", (int)pid, (unsigned int)got,
		     (unsigned int)status);
}

static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = flags};

	CHECK(sigaction(sig, &sa, NULL) == 0);
}

/*
 * True if a case has run for its second and has also done enough. On a busy machine it
 * may need longer; only main()'s alarm decides that nothing moves.
 */
static bool has_enough(double end, long count)
{
	return now() >= end && done >= count;
}

#define THREADS 6

static atomic_bool stop;
static pthread_t thread[1024];

static void start(int n, void *(*fn)(void *))
{
	long i;

	for (i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, fn, (void *)i))
			fail("pthread_create %ld", i);
}

static void join(int n)
{
	int i;

	for (i = 0; i < n; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
}

/* Make all calls on memory, on a unit of this thread's own. */
static void all_calls(int fd, unsigned long unit)
{
	char *p = map(fd, unit);
	char *q;

	memset(p, (int)unit + 1, 64);
	CHECK(mprotect(p, UNIT, PROT_READ) == 0);
	CHECK(p[63] == (char)(unit + 1));
	CHECK(mprotect(p, UNIT, PROT_READ | PROT_WRITE) == 0);
	CHECK(mprotect(p, 4096, PROT_READ) < 0 && errno == EINVAL);
	q = mremap(p, UNIT, 2 * UNIT, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q[63] == (char)(unit + 1));
	CHECK(madvise(q, UNIT, MADV_DONTNEED) == 0);
	CHECK(munmap(q + UNIT, 4096) < 0 && errno == EINVAL);
	CHECK(munmap(q + UNIT, UNIT) == 0);
	CHECK(q[0] == (char)(unit + 1));
	CHECK(msync(q, UNIT, MS_SYNC) < 0 && errno == EINVAL);
	CHECK(munmap(q, UNIT) == 0);
	CHECK(mmap(NULL, UNIT, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED &&
	      errno == EINVAL);
}

static void *storm(void *arg)
{
	unsigned long unit = (unsigned long)arg;
	int fd = open_device();

	while (!stop) {
		all_calls(fd, unit);
		use(unit);
		done++;
	}
	close(fd);
	return NULL;
}

/* A signal handler that uses the device, whatever it interrupts. */
static void use_in_handler(int sig)
{
	const int saved = errno;
	int fd = open(device, O_RDWR);
	volatile char *p;

	CHECK(fd >= 0);
	p = mmap(NULL, UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 (off_t)((UNITS - 1) * UNIT));
	CHECK(p != MAP_FAILED);
	*p = (char)sig;
	CHECK(munmap((void *)p, UNIT) == 0);
	CHECK(close(fd) == 0);
	done++;
	errno = saved;
}

static void case_storm(void)
{
	double end = now() + 1;
	int i;

	handle(SIGUSR1, use_in_handler, SA_RESTART);
	start(THREADS, storm);
	for (i = 0; !has_enough(end, 100); i++) {
		pthread_kill(thread[i % THREADS], SIGUSR1);
		sched_yield();
	}
	stop = true;
	join(THREADS);
}

static void case_storm_quiet(void)
{
	double end = now() + 1;

	start(THREADS, storm);
	while (now() < end)
		usleep(10000);
	stop = true;
	join(THREADS);
}

static void *use_once(void *arg)
{
	use((unsigned long)arg % (UNITS - 1));
	return NULL;
}

static void case_thousand_threads(void)
{
	pthread_attr_t attr;
	long i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (i = 0; i < 1000; i++)
		if (pthread_create(&thread[i], &attr, use_once, (void *)i))
			fail("pthread_create %ld", i);
	join(1000);
	use(0);
}

static void *until_cancelled(void *arg)
{
	for (;;) {
		use((unsigned long)arg);
		done++;
		pthread_testcancel();
	}
	return NULL;
}

static void case_cancel(void)
{
	int round;

	for (round = 0; round < 20; round++) {
		void *result;
		int i;

		start(THREADS, until_cancelled);
		while (done < 50 * (round + 1))
			sched_yield();
		for (i = 0; i < THREADS; i++)
			CHECK(pthread_cancel(thread[i]) == 0);
		for (i = 0; i < THREADS; i++) {
			CHECK(pthread_join(thread[i], &result) == 0);
			CHECK(result == PTHREAD_CANCELED);
		}
	}
	use(1);
}

static void case_exit_race(void)
{
	int round;

	for (round = 0; round < 30; round++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			start(THREADS, storm);
			while (done < 3 * THREADS)
				sched_yield();
			exit(0);
		}
		wait_for(pid, 0);
	}
}

static __thread sigjmp_buf back;
static __thread volatile sig_atomic_t may_jump;

static void jump(int sig)
{
	(void)sig;
	if (may_jump)
		siglongjmp(back, 1);
}

static void *fault_and_jump(void *arg)
{
	int fd = open_device();
	int i;

	for (i = 0; i < 300; i++) {
		volatile char *p = mmap(NULL, 2 * UNIT, PROT_READ | PROT_WRITE,
					MAP_SHARED, fd, (off_t)((UNITS - 1) * UNIT));

		CHECK(p != MAP_FAILED);
		may_jump = 1;
		if (sigsetjmp(back, 1) == 0) {
			memset((char *)p + UNIT - 100, (int)(intptr_t)arg, 200);
			fail("no SIGBUS");
		}
		may_jump = 0;
		CHECK(munmap((void *)p, 2 * UNIT) == 0);
	}
	return NULL;
}

static void case_sigbus_jump(void)
{
	handle(SIGBUS, jump, 0);
	start(THREADS, fault_and_jump);
	join(THREADS);
	use(2);
}

/*
 * Leave a signal handler by a jump, whatever it has interrupted. The memory and
 * descriptors of that moment are lost, as on any system; nothing else may be lost.
 */
static void *jumped_over(void *arg)
{
	volatile unsigned long unit = (unsigned long)arg;
	volatile int lost = 0;
	int fd = open_device();

	while (!stop) {
		if (sigsetjmp(back, 1)) {
			lost++;
			continue;
		}
		may_jump = 1;
		while (!stop) {
			void *p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd,
				       (off_t)(unit * UNIT));

			CHECK(p != MAP_FAILED);
			CHECK(munmap(p, UNIT) == 0);
			done++;
		}
	}
	may_jump = 0;
	close(fd);
	return NULL;
}

static void case_signal_jump(void)
{
	double end;
	int i = 0;

	handle(SIGUSR1, jump, 0);
	start(THREADS, jumped_over);
	for (end = now() + 1; now() < end; i++) {
		pthread_kill(thread[i % THREADS], SIGUSR1);
		if (i % 64 == 0)
			sched_yield();
	}
	stop = true;
	join(THREADS);
	use(3);
}

static void case_altstack(void)
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	double end;

	CHECK(sigaltstack(&ss, NULL) == 0);
	handle(SIGALRM, use_in_handler, SA_ONSTACK | SA_RESTART);
	setitimer(ITIMER_REAL, &(struct itimerval){{.tv_usec = 500}, {.tv_usec = 500}},
		  NULL);
	for (end = now() + 1; !has_enough(end, 10);)
		use(4);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static void *spawn(void *arg)
{
	static char path[] = "/bin/true";
	char *argv[] = {path, NULL};
	unsigned long unit = (unsigned long)arg;
	pid_t pid;

	while (!stop) {
		switch (done++ % 4) {
		case 0:
			pid = fork();
			if (pid == 0) {
				use(unit);
				_exit(0);
			}
			break;
		case 1:
			pid = vfork();
			if (pid == 0) {
				execv(argv[0], argv);
				_exit(127);
			}
			break;
		case 2:
			CHECK(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == 0);
			break;
		default:
			pid = vfork();
			if (pid == 0)
				_exit(0);
			break;
		}
		CHECK(pid > 0);
		wait_for(pid, 0);
	}
	return NULL;
}

static void *mapper(void *arg)
{
	while (!stop)
		use((unsigned long)arg);
	return NULL;
}

static void case_fork_storm(void)
{
	pthread_t mappers[2];
	double end = now() + 1;
	long i;

	for (i = 0; i < 2; i++)
		CHECK(pthread_create(&mappers[i], NULL, mapper, (void *)(10 + i)) == 0);
	start(3, spawn);
	while (!has_enough(end, 12))
		usleep(10000);
	stop = true;
	join(3);
	for (i = 0; i < 2; i++)
		CHECK(pthread_join(mappers[i], NULL) == 0);
}

/* A chain of children, each of which inherits the mapping of its parent. */
static void case_fork_chain(void)
{
	volatile int *p = map(open_device(), 5);
	int depth;

	*p = 0;
	for (depth = 0; depth < 20; depth++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid) {
			wait_for(pid, 0);
			CHECK(*p == 20);
			if (depth)
				_exit(0);
			return;
		}
		use(6);
		++*p;
	}
	_exit(0);
}

/* Children made without libc, so that no atfork handlers run. */
static void case_fork_raw(void)
{
	double end = now() + 1;
	long i;

	for (i = 0; i < 3; i++)
		CHECK(pthread_create(&thread[i], NULL, mapper, (void *)(10 + i)) == 0);
	use(9); /* so that the shim has looked up all functions */
	while (!has_enough(end, 6)) {
		pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		CHECK(pid >= 0);
		if (pid == 0) {
			use(9);
			_exit(0);
		}
		wait_for(pid, 0);
		done++;
	}
	stop = true;
	join(3);
}

static int clone_body(void *arg)
{
	use((unsigned long)arg);
	return 0;
}

static void case_clone_vm(void)
{
	const int flags[] = {
		CLONE_VM | SIGCHLD,
		CLONE_VM | CLONE_VFORK | SIGCHLD,
		CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD,
		CLONE_FILES | SIGCHLD,
	};
	char *stack = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	size_t i;
	int round;

	CHECK(stack != MAP_FAILED);
	for (round = 0; round < 20; round++)
		for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
			pid_t pid =
				clone(clone_body, stack + (1 << 20), flags[i], (void *)i);

			CHECK(pid > 0);
			wait_for(pid, 0);
			use(7);
		}
}

static void case_vfork_child_uses(void)
{
	int round;

	for (round = 0; round < 20; round++) {
		volatile int fd = -1;
		void *volatile p = NULL;
		pid_t pid = vfork();

		if (pid == 0) {
			fd = open(device, O_RDWR);
			p = mmap(NULL, UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			_exit(p == MAP_FAILED);
		}
		wait_for(pid, 0);
		/*
		 * The child shares the memory with its parent, but not the descriptors.
		 */
		*(volatile char *)p = 1;
		CHECK(munmap(p, UNIT) == 0);
		use(8);
	}
}

static void daemonize(void)
{
	pid_t pid = fork();
	int fd;

	CHECK(pid >= 0);
	if (pid) {
		int status;

		CHECK(waitpid(pid, &status, 0) == pid);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
	}
	CHECK(setsid() > 0);
	CHECK(chdir("/") == 0);
	for (fd = 3; fd < 4096; fd++)
		close(fd);
}

static void case_daemonize(void)
{
	int fd = open_device();
	volatile char *p = map(fd, 9);

	*p = 42;
	daemonize();
	CHECK(*p == 42);
	CHECK(munmap((void *)p, UNIT) == 0);
	use(9);
}

static void case_close_all(void)
{
	int round;

	for (round = 0; round < 6; round++) {
		int fd = open_device();
		volatile char *p = map(fd, 10);
		int i;

		*p = (char)round;
		if (round % 3 == 0)
			CHECK(close_range(3, ~0U, 0) == 0);
		else if (round % 3 == 1)
			closefrom(3);
		else
			for (i = 3; i < 4096; i++)
				close(i);
		/*
		 * Reuse all numbers, also those that the shim may still take for its own.
		 */
		i = open("/dev/zero", O_RDWR);
		CHECK(i == 3);
		for (i = 4; i < 1024; i++)
			CHECK(dup2(3, i) == i);
		CHECK(*p == (char)round);
		CHECK(close(4) == 0 && open_device() == 4);
		p[1] = 7;
		CHECK(munmap((void *)p, UNIT) == 0);
		for (i = 5; i < 1024; i += 7)
			CHECK(close(i) == 0);
		p = map(4, 10);
		CHECK(p[0] == (char)round && p[1] == 7);
		CHECK(munmap((void *)p, UNIT) == 0);
		/* Descriptors that were not closed are unchanged. */
		for (i = 6; i < 1024; i++) {
			char byte = 1;

			if ((i - 5) % 7)
				CHECK(read(i, &byte, 1) == 1 && byte == 0);
		}
		CHECK(close_range(3, ~0U, 0) == 0);
	}
	use(10);
}

static void case_no_leak(void)
{
	int before;
	int i;

	use(11);
	before = count_fds();
	for (i = 0; i < 10000; i++)
		use(11);
	CHECK(count_fds() == before);
}

/* The agent that the first mapping starts must not take the lowest free descriptor. */
static void case_lowest_number(void)
{
	int status;
	int i;
	int n;

	for (i = 0; i < 100; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			int fd = open_device();

			map(fd, 0);
			for (n = 0; n < 2000; n++) {
				CHECK(open("/dev/null", O_RDONLY) == fd + 1);
				CHECK(close(fd + 1) == 0);
			}
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
}

static void case_no_descriptors(void)
{
	struct rlimit old, low;
	int fd;
	int i;

	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	low = (struct rlimit){20, old.rlim_max};
	CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		;
	CHECK(errno == EMFILE);
	CHECK(open(device, O_RDWR) < 0 && errno == EMFILE);
	CHECK(close(19) == 0 && open(device, O_RDWR) == 19);
	/*
	 * A real device needs no descriptor for mmap; the shim needs one the first time.
	 */
	for (i = 0; i < 3; i++) {
		void *p = mmap(NULL, UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, 19, 0);

		if (p == MAP_FAILED)
			CHECK(errno == EMFILE || errno == ENFILE);
		else
			CHECK(munmap(p, UNIT) == 0);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
	CHECK(munmap(map(19, 0), UNIT) == 0);
	/* From now on the shim needs none. */
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		;
	CHECK(munmap(map(19, 0), UNIT) == 0);
}

static void case_address_space_limit(void)
{
	struct rlimit old, low;
	int fd = open_device();
	void *p;

	CHECK(getrlimit(RLIMIT_AS, &old) == 0);
	low = (struct rlimit){1 << 20, old.rlim_max};
	CHECK(setrlimit(RLIMIT_AS, &low) == 0);
	p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p == MAP_FAILED && errno == ENOMEM);
	CHECK(setrlimit(RLIMIT_AS, &old) == 0);
	use(12);
	CHECK(setrlimit(RLIMIT_AS, &low) == 0);
	p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p == MAP_FAILED && errno == ENOMEM);
	CHECK(setrlimit(RLIMIT_AS, &old) == 0);
	use(12);
}

/* Fill the whole address space, with large pieces first. */
static void case_address_space_full(void)
{
	static void *piece[4096];
	static size_t length[4096];
	int fd = open_device();
	void *kept = map(fd, 13);
	size_t len;
	int n = 0;
	void *p;

	for (len = 1UL << 46; len >= UNIT / 2 && n < 4096; len /= 2)
		while (n < 4096) {
			p = mmap(NULL, len, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
			if (p == MAP_FAILED)
				break;
			length[n] = len;
			piece[n++] = p;
		}
	CHECK(n < 4096);
	p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p == MAP_FAILED && errno == ENOMEM);
	CHECK(mremap(kept, UNIT, 2 * UNIT, MREMAP_MAYMOVE) == MAP_FAILED &&
	      errno == ENOMEM);
	*(volatile char *)kept = 1;
	while (n--)
		CHECK(munmap(piece[n], length[n]) == 0);
	CHECK(munmap(kept, UNIT) == 0);
	use(13);
}

/* Mappings that do not merge, made in no particular order. */
static void case_many_mappings(void)
{
	enum {
		NR = 3000
	};
	static volatile char *p[NR];
	int fd = open_device();
	unsigned int i;

	for (i = 0; i < NR; i++) {
		p[i] = map(fd, i % 2 ? 0 : 2);
		*p[i] = (char)(i % 2 + 1);
	}
	for (i = 0; i < NR; i++) {
		unsigned int n = i * 1237 % NR;

		CHECK(*p[n] == (char)(n % 2 + 1));
		CHECK(munmap((void *)p[n], UNIT) == 0);
	}
	use(14);
}

/* As many mappings as the kernel allows a process, none of them of the device. */
static void case_mapping_count(void)
{
	const size_t len = 70000UL * 8192;
	int fd = open_device();
	char *all = mmap(NULL, len, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *kept = map(fd, 14);
	size_t n;
	void *p;

	CHECK(all != MAP_FAILED);
	for (n = 0; n < 70000; n++)
		if (mprotect(all + n * 8192, 4096, PROT_READ) < 0)
			break;
	CHECK(n < 70000 && errno == ENOMEM);
	p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		CHECK(errno == ENOMEM);
	else
		CHECK(munmap(p, UNIT) == 0);
	*(volatile char *)kept = 1;
	CHECK(munmap(all, len) == 0);
	CHECK(munmap(kept, UNIT) == 0);
	use(14);
}

static void install(uint32_t action, const int *calls, int nr)
{
	struct sock_filter code[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog prog = {.filter = code};
	int n = 1;
	int i;

	for (i = 0; i < nr; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (uint32_t)calls[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (action & 1) /* an odd errno: use seccomp(2) instead of prctl(2) */
		CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0);
	else
		CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
}

static const int network[] = {SYS_socket, SYS_connect, SYS_sendmsg, SYS_recvmsg,
			      SYS_setsockopt};

static void case_seccomp_opened_before(void)
{
	int fd = open_device();

	install(SECCOMP_RET_KILL_PROCESS, network, 5);
	*(volatile char *)map(fd, 15) = 1;
	use(15);
}

static void case_seccomp_mapped_before(void)
{
	use(16);
	install(SECCOMP_RET_KILL_PROCESS, network, 5);
	use(16);
}

/* The filter was installed before the first mmap, which may fail but must not kill. */
static void case_seccomp_opened_after(void)
{
	void *p;
	int fd;

	close(opened_early);
	install(SECCOMP_RET_KILL_PROCESS, network, 5);
	fd = open(device, O_RDWR);
	CHECK(fd >= 0);
	p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		CHECK(errno == ENXIO || errno == EACCES);
	else
		CHECK(munmap(p, UNIT) == 0);
}

static void case_seccomp_errno(void)
{
	void *p;
	int fd;

	close(opened_early);
	install(SECCOMP_RET_ERRNO | EPERM, network, 5);
	fd = open_device();
	p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p == MAP_FAILED);
	CHECK(errno == ENXIO || errno == EPERM || errno == EACCES);
}

/* A filter of calls that the shim never makes. */
static void case_seccomp_harmless(void)
{
	const int calls[] = {SYS_ptrace, SYS_reboot};

	install(SECCOMP_RET_KILL_PROCESS, calls, 2);
	use(17);
}

static void drop_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	CHECK(syscall(SYS_capset, &header, none) == 0);
}

static void case_setuid(void)
{
	int fd = open_device();

	if (geteuid() == 0)
		CHECK(setresgid(65534, 65534, 65534) == 0 &&
		      setresuid(65534, 65534, 65534) == 0);
	drop_all();
	*(volatile char *)map(fd, 18) = 1;
}

static void case_chroot(void)
{
	int fd = open_device();
	char dir[] = "./robust-XXXXXX";

	CHECK(mkdtemp(dir));
	if (geteuid() == 0) {
		CHECK(chroot(dir) == 0 && chdir("/") == 0);
		CHECK(open(device, O_RDWR) < 0 && errno == ENOENT);
	}
	*(volatile char *)map(fd, 19) = 1;
	if (geteuid() == 0)
		CHECK(chroot(".") == 0); /* the test removes the directory */
	else
		rmdir(dir);
}

static void case_strict_umask(void)
{
	umask(0777);
	use(20);
}

static void case_dlopen(void)
{
	int i;

	for (i = 0; i < 200; i++) {
		void *h = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
		void *r = dlopen("libresolv.so.2", RTLD_LAZY);

		CHECK(h);
		use(21);
		CHECK(dlclose(h) == 0);
		if (r)
			CHECK(dlclose(r) == 0);
	}
}

static void case_dlmopen(void)
{
	int i;

	for (i = 0; i < 8; i++) {
		void *h = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);

		CHECK(h);
		use(22);
		CHECK(dlclose(h) == 0);
		use(22);
	}
}

/* Use the device before main() and after it. */
static bool is_late_looked_at;

__attribute__((constructor(101))) static void early(void)
{
	opened_early = open(device, O_RDWR);
}

__attribute__((destructor)) static void late(void)
{
	void *p;

	if (!is_late_looked_at)
		return;
	p = mmap(NULL, UNIT, PROT_READ, MAP_SHARED, opened_early, 0);
	if (p == MAP_FAILED)
		_exit(3);
	munmap(p, UNIT);
}

static void case_constructor(void)
{
	CHECK(opened_early >= 0);
	*(volatile char *)map(opened_early, 23) = 1;
	is_late_looked_at = true;
}

/* Run until standard input ends. The daemon may die meanwhile. */
static void case_until_told(void)
{
	int fd = open_device();
	volatile uint64_t *p = map(fd, 24);
	char byte;

	*p = 0x1234;
	start(THREADS, storm);
	while (done < 2 * THREADS)
		sched_yield();
	puts("started");
	fflush(stdout);
	CHECK(read(0, &byte, 1) == 1);
	done = 0;
	while (done < 10 * THREADS)
		sched_yield();
	stop = true;
	join(THREADS);
	CHECK(*p == 0x1234);
}

static void case_use(void)
{
	use(0);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define CASE(name)                                                                       \
	{                                                                                \
#name, case_##name                                                       \
	}
	CASE(use),
	CASE(storm),
	CASE(storm_quiet),
	CASE(thousand_threads),
	CASE(cancel),
	CASE(exit_race),
	CASE(sigbus_jump),
	CASE(signal_jump),
	CASE(altstack),
	CASE(fork_storm),
	CASE(fork_raw),
	CASE(fork_chain),
	CASE(clone_vm),
	CASE(vfork_child_uses),
	CASE(daemonize),
	CASE(close_all),
	CASE(no_leak),
	CASE(lowest_number),
	CASE(no_descriptors),
	CASE(address_space_limit),
	CASE(address_space_full),
	CASE(many_mappings),
	CASE(mapping_count),
	CASE(seccomp_opened_before),
	CASE(seccomp_mapped_before),
	CASE(seccomp_opened_after),
	CASE(seccomp_errno),
	CASE(seccomp_harmless),
	CASE(setuid),
	CASE(chroot),
	CASE(strict_umask),
	CASE(dlopen),
	CASE(dlmopen),
	CASE(constructor),
	CASE(until_told),
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 2)
		device = argv[2];
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc < 2)
			puts(cases[i].name);
		else if (strcmp(argv[1], cases[i].name) == 0) {
			if (strcmp(argv[1], "altstack"))
				alarm(100);
			cases[i].run();
			puts("ok");
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}
