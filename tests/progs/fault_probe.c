// SPDX-License-Identifier: BSD-2-Clause
/*
 * Execute commands on a device, one per line of standard input, and print each result, so
 * that a test can make changes in between. usage: fault_probe DEVICE
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *device;
static int fd = -1;
static char *base;
static size_t length;
static unsigned long offset;
static sigjmp_buf env;
static siginfo_t seen;
static int seen_on_altstack;
static char altstack[65536];

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	char here;

	(void)sig;
	(void)context;
	seen = *info;
	seen_on_altstack = &here >= altstack && &here < altstack + sizeof(altstack);
	siglongjmp(env, 1);
}

static void on_plain(int sig)
{
	(void)sig;
	memset(&seen, 0, sizeof(seen));
	siglongjmp(env, 1);
}

/* Map new memory at the fault and continue, as programs do that repair their data. */
static void on_repair(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)((2 << 20) - 1);

	(void)sig;
	(void)context;
	seen = *info;
	mmap((void *)page, 2 << 20, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static const char *handler_name(void)
{
	struct sigaction sa;
	static char text[64];

	sigaction(SIGBUS, NULL, &sa);
	snprintf(text, sizeof(text), "%s flags=%#x",
		 sa.sa_handler == SIG_DFL       ? "default"
		 : sa.sa_handler == SIG_IGN     ? "ignore"
		 : sa.sa_sigaction == on_sigbus ? "siginfo"
		 : sa.sa_handler == on_plain    ? "plain"
		 : sa.sa_sigaction == on_repair ? "repair"
						: "another",
		 sa.sa_flags & ~0x04000000);
	return text;
}

static long set_handler(const char *how)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};

	if (!strcmp(how, "signal"))
		return signal(SIGBUS, on_plain) == SIG_ERR ? -1 : 0;
	if (!strcmp(how, "sysv"))
		return sysv_signal(SIGBUS, on_plain) == SIG_ERR ? -1 : 0;
	if (!strcmp(how, "syscall")) {
		struct {
			void *handler;
			unsigned long flags;
			void *restorer;
			unsigned long mask;
		} raw = {SIG_DFL, 0, NULL, 0};

		return syscall(SYS_rt_sigaction, SIGBUS, &raw, NULL, 8);
	}
	if (!strcmp(how, "default"))
		sa.sa_handler = SIG_DFL;
	else if (!strcmp(how, "ignore"))
		sa.sa_handler = SIG_IGN;
	else if (!strcmp(how, "plain"))
		sa.sa_handler = on_plain, sa.sa_flags = 0;
	else if (!strcmp(how, "repair"))
		sa.sa_sigaction = on_repair;
	else if (!strcmp(how, "resethand"))
		sa.sa_flags |= SA_RESETHAND;
	else if (!strcmp(how, "nodefer"))
		sa.sa_flags |= SA_NODEFER;
	else if (!strcmp(how, "onstack")) {
		stack_t ss = {.ss_sp = altstack, .ss_size = sizeof(altstack)};

		sigaltstack(&ss, NULL);
		sa.sa_flags |= SA_ONSTACK;
	}
	return sigaction(SIGBUS, &sa, NULL);
}

static const char *code_name(int code)
{
	return code == BUS_MCEERR_AR   ? "BUS_MCEERR_AR"
	       : code == BUS_MCEERR_AO ? "BUS_MCEERR_AO"
	       : code == BUS_ADRERR    ? "BUS_ADRERR"
				       : "other";
}

static void say_signal(void)
{
	printf("SIGBUS %s offset=%lu lsb=%d%s\n", code_name(seen.si_code),
	       (unsigned long)((char *)seen.si_addr - base) + offset,
	       seen.si_code == BUS_MCEERR_AR ? seen.si_addr_lsb : 0,
	       seen_on_altstack ? " altstack" : "");
}

static void say(long r)
{
	if (r == -1)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("ok\n");
}

/* Print whether a system call can read the memory at an offset. */
static void kernel_read(unsigned long off)
{
	int fds[2];
	long r;

	if (pipe(fds) < 0)
		abort();
	r = write(fds[1], base + (off - offset), 1);
	say(r == 1 ? 0 : r);
	close(fds[0]);
	close(fds[1]);
}

static volatile char *at(unsigned long off)
{
	return base + (off - offset);
}

/* Install a seccomp filter that kills the process if it calls userfaultfd(2). */
static int kill_for_userfaultfd(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void run(char *word, char *rest);

static void in_child(char *rest)
{
	char *word = strsep(&rest, " ");
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		run(word, rest);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("killed by %s%s\n", strsignal(WTERMSIG(status)),
		       WCOREDUMP(status) ? " core" : "");
}

static unsigned long number(char **rest)
{
	char *word = strsep(rest, " ");

	return word ? strtoul(word, NULL, 0) : 0;
}

static void run(char *word, char *rest)
{
	static unsigned long a;

	if (!strcmp(word, "open")) {
		int n = open(device, rest && !strcmp(rest, "ro") ? O_RDONLY : O_RDWR);

		if (n >= 0) {
			if (fd >= 0)
				close(fd);
			fd = n;
		}
		say(n);
	} else if (!strcmp(word, "mmap")) {
		char *p;

		offset = number(&rest);
		length = number(&rest);
		p = mmap(NULL, length, PROT_READ | PROT_WRITE,
			 MAP_SHARED |
				 (rest && !strcmp(rest, "populate") ? MAP_POPULATE : 0),
			 fd, (off_t)offset);
		if (p != MAP_FAILED)
			base = p;
		say(p == MAP_FAILED ? -1 : 0);
	} else if (!strcmp(word, "munmap")) {
		say(munmap(base, length));
	} else if (!strcmp(word, "mprotect")) {
		say(mprotect(base, length, PROT_READ | PROT_WRITE));
	} else if (!strcmp(word, "mremap")) {
		char *p = mremap(base, length, length, MREMAP_MAYMOVE);

		say(p == MAP_FAILED ? -1 : 0);
	} else if (!strcmp(word, "msync")) {
		say(msync(base, length, MS_ASYNC));
	} else if (!strcmp(word, "madvise")) {
		say(madvise(base, length, MADV_NORMAL));
	} else if (!strcmp(word, "hwpoison")) {
		if (sigsetjmp(env, 1))
			say_signal();
		else
			say(madvise(base + (number(&rest) - offset), 4096,
				    MADV_HWPOISON));
	} else if (!strcmp(word, "softoffline")) {
		say(madvise(base + (number(&rest) - offset), 4096, 101));
	} else if (!strcmp(word, "load")) {
		a = number(&rest);
		if (sigsetjmp(env, 1))
			say_signal();
		else
			printf("%d\n", *at(a) & 0xff);
	} else if (!strcmp(word, "store")) {
		a = number(&rest);
		if (sigsetjmp(env, 1))
			say_signal();
		else
			*at(a) = (char)number(&rest), printf("ok\n");
	} else if (!strcmp(word, "kernel")) {
		kernel_read(number(&rest));
	} else if (!strcmp(word, "write")) {
		char *path = strsep(&rest, " ");
		int n = open(path, O_WRONLY);

		say(n < 0 ? -1 : write(n, rest, strlen(rest)));
		if (n >= 0)
			close(n);
	} else if (!strcmp(word, "handler")) {
		say(set_handler(rest));
	} else if (!strcmp(word, "which")) {
		printf("%s\n", handler_name());
	} else if (!strcmp(word, "raise")) {
		if (sigsetjmp(env, 1))
			printf("handled\n");
		else
			say(raise(SIGBUS));
	} else if (!strcmp(word, "filter")) {
		say(kill_for_userfaultfd());
	} else if (!strcmp(word, "nobody")) {
		say(setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0
			    ? -1
			    : setresuid(65534, 65534, 65534));
	} else if (!strcmp(word, "fork")) {
		in_child(rest);
	} else if (!strcmp(word, "scan")) {
		/*
		 * Print which units of the mapping fault, and the sum of the others'
		 * bytes.
		 */
		unsigned long unit = number(&rest);
		static volatile unsigned long pos, bad, sum;

		bad = 0;
		sum = 0;
		for (pos = 0; pos < length; pos += unit) {
			if (sigsetjmp(env, 1)) {
				printf("%s@%lu ", code_name(seen.si_code), offset + pos);
				bad++;
			} else {
				sum += (unsigned char)base[pos];
			}
		}
		printf("bad=%lu sum=%lu\n", bad, sum);
	} else if (!strcmp(word, "timed")) {
		struct timespec from;
		struct timespec to;

		word = strsep(&rest, " ");
		clock_gettime(CLOCK_MONOTONIC, &from);
		run(word, rest);
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("us=%ld\n", (to.tv_sec - from.tv_sec) * 1000000 +
					   (to.tv_nsec - from.tv_nsec) / 1000);
	} else if (!strcmp(word, "repeat")) {
		unsigned long n = number(&rest);

		word = strsep(&rest, " ");
		while (n--) {
			char line[256];

			snprintf(line, sizeof(line), "%s", rest ? rest : "");
			run(word, rest ? line : NULL);
		}
	} else {
		printf("?\n");
	}
}

int main(int argc, char **argv)
{
	char line[512];

	if (argc < 2)
		return 2;
	device = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_handler("siginfo");
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line;
		char *word;

		line[strcspn(line, "\n")] = '\0';
		word = strsep(&rest, " ");
		run(word, rest);
	}
	return 0;
}
