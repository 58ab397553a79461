/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps /dev/dax0.0 (of 64M, align 2M) behind a seccomp filter of its own, which kills it for
 * some calls and raises SIGSYS for getppid(2).
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KILL(name)                                                                       \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static volatile int nr_traps;

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	nr_traps += info->si_syscall == SYS_getppid;
}

int main(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL(ptrace),
		KILL(process_vm_readv),
		KILL(process_vm_writev),
		KILL(userfaultfd),
		KILL(socket),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};
	struct sigaction act = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
	int fd = open("/dev/dax0.0", O_RDWR);
	sigset_t all;
	char *p;

	sigaction(SIGSYS, &act, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("filter %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
	syscall(SYS_getppid);
	printf("traps %d\n", nr_traps);
	p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	printf("mmap %d munmap %d\n", p != MAP_FAILED, munmap(p, 4096));
	sigfillset(&all);
	printf("mask %d\n", sigprocmask(SIG_SETMASK, &all, NULL));
	printf("read %zd open %d\n", read(fd, &all, 1),
	       open("/etc/passwd", O_RDONLY) >= 0);
	return 0;
}
