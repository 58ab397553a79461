/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes calls in handlers on alternate signal stacks as small as the kernel takes them, in
 * threads and children, and prints what sigaltstack(2) says.
 */
// LIBS: -static
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP(n) ((void *)(uintptr_t)(n))

static __thread volatile int in_handler;
static __thread volatile int change_in_handler;
static __thread stack_t mine;

static void on_signal(int sig)
{
	struct stat st;
	stack_t now = {.ss_flags = 0};

	(void)sig;
	in_handler = stat("/dev/dax0.0", &st) == 0 && S_ISCHR(st.st_mode) &&
		     sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_ONSTACK &&
		     now.ss_sp == mine.ss_sp && now.ss_size == mine.ss_size;
	change_in_handler = sigaltstack(&mine, NULL) < 0 ? errno : 0;
}

/* The kernel's own minimum, by the number of the call: libc's may be larger. */
static long set(const stack_t *new, stack_t *old)
{
	return syscall(SYS_sigaltstack, new, old);
}

/* Return: NULL if all is right. */
static void *run(void *unused)
{
	stack_t old = {.ss_flags = 0};
	stack_t off = {.ss_flags = SS_DISABLE};

	mine = (stack_t){.ss_size = getauxval(AT_MINSIGSTKSZ) + 2048};
	mine.ss_sp = malloc(mine.ss_size);
	in_handler = 0;
	if (set(&mine, &old) < 0 || old.ss_flags != SS_DISABLE)
		return STEP(1);
	raise(SIGUSR1);
	if (!in_handler || change_in_handler != EPERM)
		return STEP(2);
	if (set(&off, &old) < 0 || old.ss_sp != mine.ss_sp || old.ss_flags)
		return STEP(3);
	if (set(NULL, &old) < 0 || old.ss_flags != SS_DISABLE)
		return STEP(4);
	free(mine.ss_sp);
	return unused;
}

int main(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	const stack_t tiny = {.ss_size = 1024};
	const stack_t odd = {.ss_size = 1 << 20, .ss_flags = 64};
	pthread_t threads[8];
	void *ret;
	int status;
	int i;

	sigaction(SIGUSR1, &act, NULL);
	printf("%p\n", run(NULL));
	for (i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	for (i = 0; i < 8; i++) {
		pthread_join(threads[i], &ret);
		printf("%p\n", ret);
	}
	fflush(stdout);
	if (!fork())
		_exit(run(NULL) != NULL);
	wait(&status);
	printf("child %d\n", status);
	printf("tiny %d\n", set(&tiny, NULL) < 0 ? errno : 0);
	printf("odd %d\n", set(&odd, NULL) < 0 ? errno : 0);
	return 0;
}
