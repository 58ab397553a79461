// SPDX-License-Identifier: BSD-2-Clause
/* kernel.*: accesses to a mapping by the kernel itself. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "tests/conformance/call.h"

#define LEN 200 /* of a buffer that lies half beyond the end */

/* Map two units, the second one beyond the end. Return: the first byte beyond. */
static char *edge(void)
{
	char *p = map(dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, S - A);

	fill(p + A - LEN, LEN, 11);
	return p + A;
}

/* Positions of a buffer. */
enum {
	IN,
	LAST,
	STRADDLE,
	BEYOND,
	PROTECTED,
	PLACES
};

static const char *const place_name[] = {"in", "last", "straddle", "beyond", "protected"};

static char *place(int where, bool kernel_reads)
{
	char *p = edge();

	switch (where) {
	case IN:
		fill(p - A, LEN, 11);
		return p - A;
	case LAST:
		return p - LEN;
	case STRADDLE:
		return p - LEN / 2;
	case BEYOND:
		return p + 10;
	default:
		fill(p - A, LEN, 11);
		return map(dev_open(O_RDONLY), A, kernel_reads ? PROT_NONE : PROT_READ,
			   S - A);
	}
}

/* The kernel reads the mapping: write(2) and similar calls. */

static void write_file_case(const long *arg)
{
	int m = memfd();
	char *p = place(arg[0], true);
	char back[LEN];
	long r = write(m, p, LEN);

	say_ret(r);
	if (r > 0) {
		must(pread(m, back, r, 0) == r);
		say("%d", memcmp(back, p, r) == 0);
	}
}

static void write_pipe_case(const long *arg)
{
	int pipes[2];

	must(pipe(pipes) == 0);
	say_ret(write(pipes[1], place(arg[0], true), LEN));
}

static void writev_case(const long *arg)
{
	char good[10] = "123456789";
	struct iovec v[2] = {{good, 10}, {place(arg[0], true), LEN}};

	say_ret(writev(memfd(), v, 2));
}

static void send_case(const long *arg)
{
	int pair[2];
	char back[LEN];
	char *p = place(arg[0], true);
	long r;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	r = send(pair[0], p, LEN, 0);
	say_ret(r);
	if (r > 0) {
		must(recv(pair[1], back, LEN, 0) == r);
		say("%d", memcmp(back, p, r) == 0);
	}
}

/* The kernel writes to the mapping: read(2) and similar calls. */

static int source(char *text)
{
	int m = memfd();

	fill(text, LEN, 12);
	must(write(m, text, LEN) == LEN);
	return m;
}

static void say_arrived(const char *p, const char *text, long r)
{
	int saved = errno;

	say_ret(r);
	if (r > 0)
		say("%d", memcmp(p, text, r) == 0);
	errno = saved;
}

static void pread_case(const long *arg)
{
	char text[LEN];
	int m = source(text);
	char *p = place(arg[0], false);

	say_arrived(p, text, pread(m, p, LEN, 0));
}

static void read_pipe_case(const long *arg)
{
	char text[LEN];
	char *p = place(arg[0], false);
	int pipes[2];

	must(pipe(pipes) == 0 && read(source(text), text, 0) == 0);
	must(write(pipes[1], text, LEN) == LEN);
	say_arrived(p, text, read(pipes[0], p, LEN));
}

static void readv_case(const long *arg)
{
	char good[10];
	char text[LEN];
	int m = source(text);
	char *p = place(arg[0], false);
	struct iovec v[2] = {{good, 10}, {p, LEN - 10}};

	say_ret(preadv(m, v, 2, 0));
}

static void recv_case(const long *arg)
{
	char text[LEN];
	char *p = place(arg[0], false);
	int pair[2];

	source(text);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
	     send(pair[0], text, LEN, 0) == LEN);
	say_arrived(p, text, recv(pair[1], p, LEN, 0));
}

static void getrandom_case(const long *arg)
{
	char *p = place(arg[0], false);
	long r = getrandom(p, LEN, 0);

	say_ret(r);
	if (r > 0)
		say("%d", !is_filled(p, r, 11));
}

/* Other ways into an address space: process_vm_readv(2), /proc/PID/mem. */

static void vm_read_case(const long *arg)
{
	char here[LEN];
	char *p = place(arg[0], true);
	struct iovec l = {here, LEN}, r = {p, LEN};
	long n = syscall(SYS_process_vm_readv, getpid(), &l, 1L, &r, 1L, 0L);

	if (n < 0 && (errno == ENOSYS || errno == EPERM))
		skip("no process_vm_readv");
	say_ret(n);
	if (n > 0)
		say("%d", memcmp(here, p, n) == 0);
}

static void vm_write_case(const long *arg)
{
	char text[LEN];
	char *p = place(arg[0], false);
	struct iovec l = {text, LEN}, r = {p, LEN};
	long n;

	fill(text, LEN, 13);
	n = syscall(SYS_process_vm_writev, getpid(), &l, 1L, &r, 1L, 0L);
	if (n < 0 && (errno == ENOSYS || errno == EPERM))
		skip("no process_vm_writev");
	say_arrived(p, text, n);
}

static void mem_read_case(const long *arg)
{
	char here[LEN];
	char *p = place(arg[0], true);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	long n;

	if (arg[0] == PROTECTED)
		skip_at_1g(); /* the kernel faults for ever, until a signal comes */
	n = pread(fd, here, LEN, (off_t)(uintptr_t)p);
	say_ret(n);
	if (n > 0)
		say("%d", arg[0] == PROTECTED ? is_filled(here, n, 11)
					      : memcmp(here, p, n) == 0);
}

static void mem_write_case(const long *arg)
{
	char text[LEN];
	char *p = place(arg[0], false);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	fill(text, LEN, 13);
	say_arrived(p, text, pwrite(fd, text, LEN, (off_t)(uintptr_t)p));
}

static void vmsplice_case(const long *arg)
{
	char *p = place(arg[0], true);
	struct iovec v = {p, LEN};
	char back[LEN];
	int pipes[2];
	long n;

	must(pipe(pipes) == 0);
	n = c_vmsplice(pipes[1], &v, 1, arg[1]);
	say_ret(n);
	if (n > 0) {
		must(read(pipes[0], back, n) == n);
		say("%d", memcmp(back, p, n) == 0);
	}
}

static void direct_case(const long *arg)
{
	int fd = temp_file("direct", O_DIRECT);
	char *p = edge() + (arg[0] == IN         ? -(off_t)A
			    : arg[0] == LAST     ? -(off_t)P * 2
			    : arg[0] == STRADDLE ? -(off_t)P
						 : 0);
	size_t len = 2 * P;
	char *text;

	if (fd < 0)
		skip("no O_DIRECT in the temporary folder");
	must(posix_memalign((void **)&text, P, len) == 0);
	if (A == P && arg[0] == IN)
		p -= A; /* two pages do not fit before the edge */
	if (A == P && arg[0] <= LAST)
		p = map(dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, 0);
	if (arg[1]) { /* from the mapping to the file */
		if (arg[0] <= LAST)
			fill(p, len, 14);
		say_ret(pwrite(fd, p, len, 0));
		if (arg[0] <= LAST)
			say("%d", pread(fd, text, len, 0) == (long)len &&
					  is_filled(text, len, 14));
	} else {
		fill(text, len, 15);
		must(pwrite(fd, text, len, 0) == (long)len);
		if (arg[0] == PROTECTED)
			p = map(dev_open(O_RDONLY), 2 * A, PROT_READ, 0);
		say_ret(pread(fd, p, len, 0));
		if (arg[0] <= LAST)
			say("%d", is_filled(p, len, 15));
	}
}

MATRIX
{
	static const struct {
		const char *name;
		void (*fn)(const long *arg);
		long arg;
	} list[] = {
		{"write_file", write_file_case, 0},
		{"write_pipe", write_pipe_case, 0},
		{"writev", writev_case, 0},
		{"send", send_case, 0},
		{"pread", pread_case, 0},
		{"read_pipe", read_pipe_case, 0},
		{"preadv", readv_case, 0},
		{"recv", recv_case, 0},
		{"getrandom", getrandom_case, 0},
		{"process_vm_readv", vm_read_case, 0},
		{"process_vm_writev", vm_write_case, 0},
		{"proc_mem_read", mem_read_case, 0},
		{"proc_mem_write", mem_write_case, 0},
		{"vmsplice", vmsplice_case, 0},
		{"vmsplice_gift", vmsplice_case, SPLICE_F_GIFT},
		{"direct_read", direct_case, 0},
		{"direct_write", direct_case, 1},
	};
	size_t i;
	int w;

	for (i = 0; i < COUNT(list); i++)
		for (w = 0; w < PLACES; w++)
			if (!(w == PROTECTED && list[i].fn == direct_case && list[i].arg))
				case_make(list[i].fn, ARGS(w, list[i].arg),
					  "kernel.%s.%s", list[i].name, place_name[w]);
}

CASE("kernel.write_large")
{
	char *p = map_units(1);
	int m = memfd();
	size_t len = A < 1 << 20 ? A : 1 << 20;
	char *back = malloc(len);

	fill(p, len, 16);
	say("%d", write(m, p, len) == (long)len);
	must(back && pread(m, back, len, 0) == (long)len);
	say("%d", is_filled(back, len, 16));
	fill(back, len, 17);
	must(pwrite(m, back, len, 0) == (long)len);
	say("%d", pread(m, p, len, 0) == (long)len);
	say("%d", is_filled(p, len, 17));
}

CASE("kernel.from_device_to_device_memory")
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, 2 * A, PROT_READ | PROT_WRITE, 0);
	struct iovec l = {p, 4096}, r = {p + A, 4096};
	long n;

	fill(p + A, 4096, 18);
	n = syscall(SYS_process_vm_readv, getpid(), &l, 1L, &r, 1L, 0L);
	if (n < 0 && (errno == ENOSYS || errno == EPERM))
		skip("no process_vm_readv");
	say_ret(n);
	say("%d", is_filled(p, 4096, 18));
}

/* Structures and strings in the mapping; beyond the end each gives EFAULT. */
static void argument_case(const long *arg)
{
	char *p = arg[0] ? edge() : map_units(1);
	struct iovec v = {p, 1};
	size_t n;

	if (!arg[0])
		strcpy(p, t.dev);
	label("stat"), say_ok(stat("/", (struct stat *)p));
	if (!arg[0])
		strcpy(p, t.dev);
	label("open"), say_ok(c_open(p, O_RDONLY, 0));
	label("uname"), say_ok(uname((struct utsname *)p));
	label("pipe"), say_ok(pipe((int *)p));
	label("iovec"), say_ok(writev(memfd(), arg[0] ? (struct iovec *)p : &v, 1));
	n = readlink("/proc/self/exe", p, 100) > 0;
	label("readlink"), say_ok(n ? 0 : -1);
	label("getcwd"), say_ok(syscall(SYS_getcwd, p, 100L));
	label("sigaction"), say_ok(syscall(SYS_rt_sigaction, SIGUSR1, NULL, p, 8L));
	label("clock"), say_ok(syscall(SYS_clock_getres, CLOCK_MONOTONIC, p));
	label("prlimit"), say_ok(syscall(SYS_prlimit64, 0, 0, NULL, p));
	label("mincore"), say_ok(c_mincore((void *)((uintptr_t)&v & ~(P - 1)), P,
					   (unsigned char *)p));
	label("getdents"), say_ok(c_getdents64(c_open("/", O_RDONLY, 0), p, 1024));
}

MATRIX
{
	case_make(argument_case, ARGS(0), "kernel.arguments.in");
	case_make(argument_case, ARGS(1), "kernel.arguments.beyond");
}

static void ptrace_case(const long *arg)
{
	char *p = arg[0] == 2 ? map(dev_open(O_RDONLY), A, PROT_READ, 0) : edge();
	char *at = arg[0] == 1 ? p : arg[0] == 2 ? p : p - 8;
	long word;
	pid_t pid;
	int status;

	put(map_units(1), 0);
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFSTOPPED(status))
		skip("no ptrace");
	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, pid, at, NULL);
	label("peek");
	if (errno)
		say("%s", err_name(errno));
	else
		say("%d", memcmp(&word, at, 8) == 0);
	label("poke"), say_ok(ptrace(PTRACE_POKEDATA, pid, at, 0x4242424242424242));
	if (arg[0] != 1)
		say_load(at);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

MATRIX
{
	case_make(ptrace_case, ARGS(0), "kernel.ptrace.in");
	case_make(ptrace_case, ARGS(1), "kernel.ptrace.beyond");
	case_make(ptrace_case, ARGS(2), "kernel.ptrace.read_only");
}

CASE("kernel.futex.beyond")
{
	int *f = (int *)edge();
	struct timespec ts = {0, 1000};

	label("wait"), say_ret(syscall(SYS_futex, f, FUTEX_WAIT, 0, &ts, NULL, 0));
	label("wake"), say_ret(syscall(SYS_futex, f, FUTEX_WAKE, 1, NULL, NULL, 0));
	label("wait-private"),
		say_ret(syscall(SYS_futex, f, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0));
	label("wake-private"),
		say_ret(syscall(SYS_futex, f, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
}

CASE("kernel.futex.in")
{
	int *f = (int *)map_units(1);
	struct timespec ts = {0, 1000};

	*f = 7;
	label("value"), say_ret(syscall(SYS_futex, f, FUTEX_WAIT, 8, &ts, NULL, 0));
	label("wait"), say_ret(syscall(SYS_futex, f, FUTEX_WAIT, 7, &ts, NULL, 0));
	label("wake"), say_ret(syscall(SYS_futex, f, FUTEX_WAKE, 1, NULL, NULL, 0));
}

/* Waiter and waker use different mappings of the word, in different processes. */
CASE("kernel.futex.between_mappings")
{
	volatile int *f = (int *)map_units(1);
	pid_t pid;
	int status;

	f[0] = 0;
	f[1] = 0;
	pid = fork();
	if (pid == 0) {
		volatile int *g = (int *)map_units(1);
		long r;

		g[1] = 1;
		r = syscall(SYS_futex, g, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(r == 0 ? 42 : errno == EAGAIN ? 43 : 44);
	}
	while (!f[1])
		usleep(1000);
	while (syscall(SYS_futex, f, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
		usleep(1000);
	waitpid(pid, &status, 0);
	say_status(status);
}

struct shared {
	pthread_mutex_t mutex;
	long count;
};

static void add_thousand(void *data)
{
	struct shared *s = data;
	int i;

	for (i = 0; i < 1000; i++) {
		pthread_mutex_lock(&s->mutex);
		s->count++;
		pthread_mutex_unlock(&s->mutex);
	}
}

CASE("kernel.mutex.shared")
{
	struct shared *s = (struct shared *)map_units(1);
	pthread_mutexattr_t at;
	int status;
	pid_t pid;

	pthread_mutexattr_init(&at);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->mutex, &at);
	s->count = 0;
	pid = fork();
	if (pid == 0) {
		add_thousand(map_units(1));
		_exit(0);
	}
	add_thousand(s);
	waitpid(pid, &status, 0);
	say("%ld", s->count);
}

static void die_with_lock(void *data)
{
	pthread_mutex_lock(&((struct shared *)data)->mutex);
	_exit(0);
}

CASE("kernel.mutex.robust")
{
	struct shared *s = (struct shared *)map_units(1);
	pthread_mutexattr_t at;

	pthread_mutexattr_init(&at);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&s->mutex, &at);
	in_child(die_with_lock, s);
	say("%s", err_name(pthread_mutex_lock(&s->mutex)));
	say("%s", err_name(pthread_mutex_consistent(&s->mutex)));
}

static void *deep(void *data)
{
	volatile char here[4096];
	char *stack = data;

	here[0] = 1;
	here[4095] = 2;
	say("%d", (char *)here > stack && (char *)here < stack + (1 << 18));
	return NULL;
}

CASE("kernel.stack.of_a_thread")
{
	size_t units = ((1 << 18) + A - 1) / A;
	char *p = map_units(units);
	pthread_attr_t at;
	pthread_t id;

	pthread_attr_init(&at);
	must(pthread_attr_setstack(&at, p, 1 << 18) == 0);
	must(pthread_create(&id, &at, deep, p) == 0);
	pthread_join(id, NULL);
}

static char *signal_low;

static void on_signal_stack(int sig)
{
	char here;

	(void)sig;
	say("%d", &here >= signal_low && &here < signal_low + 65536);
}

CASE("kernel.stack.of_a_signal")
{
	struct sigaction sa = {.sa_handler = on_signal_stack, .sa_flags = SA_ONSTACK};
	stack_t ss = {.ss_size = 65536};

	signal_low = ss.ss_sp = map_units((65536 + A - 1) / A);
	must(sigaltstack(&ss, NULL) == 0 && sigaction(SIGUSR1, &sa, NULL) == 0);
	raise(SIGUSR1);
}
