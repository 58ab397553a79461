/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Touches poison in /dev/dax0.0, or the device of the argument (of 64M), at 4M, then
 * touches the memory at 0 until the device is disabled, and maps it again. Prints the
 * signals and the errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1UL << 20)

static sigjmp_buf back;
static siginfo_t caught;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	caught = *info;
	siglongjmp(back, 1);
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	int fd = open(argc > 1 ? argv[1] : "/dev/dax0.0", O_RDWR);
	volatile char *p = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	sigaction(SIGBUS, &act, NULL);
	if (!sigsetjmp(back, 1))
		p[4 * MIB + 77] = 1;
	printf("code %d at %ld lsb %d\n", caught.si_code,
	       (long)((volatile char *)caught.si_addr - p), caught.si_addr_lsb);
	fflush(stdout);
	if (!sigsetjmp(back, 1))
		for (;;)
			p[0] = 1;
	printf("code %d\n", caught.si_code);
	if (mmap(NULL, 2 * MIB, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		printf("mmap %s\n", strerrorname_np(errno));
	return 0;
}
