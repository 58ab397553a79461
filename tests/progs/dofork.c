/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dofork FILE: map 4 MiB of FILE, and let a forked child print its first byte after
 * MADV_DONTFORK and MADV_DOFORK, where the kernel refuses the latter (as Linux 7.3 does for
 * hugetlbfs).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN ((size_t)4 << 20)

static void refuse_dofork(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_DOFORK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]),
				    .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		err(1, "seccomp");
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int status;

	if (p == MAP_FAILED)
		err(1, "usage: dofork FILE");
	p[0] = 'x';
	refuse_dofork();
	if (madvise(p, LEN, MADV_DONTFORK) < 0 || madvise(p, LEN, MADV_DOFORK) < 0)
		err(1, "madvise");
	if (fork() == 0) {
		printf("%c\n", p[0]);
		fflush(stdout);
		p[1] = 'y';
		_exit(0);
	}
	wait(&status);
	printf("%d %c\n", status, p[1]);
	return 0;
}
