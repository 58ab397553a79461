/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxrun --check: the mechanisms that work here, and the cost of those that do not.
 *
 * Everything is tried, not looked up: no file says what a container allows.
 */
#include "client/daxrun/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/daxrun/files.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* 0: it works; otherwise an errno, and perhaps a hint of a remedy. */
struct outcome {
	int error;
	const char *hint;
};

static struct outcome from_errno(const char *hint)
{
	return (struct outcome){.error = errno, .hint = hint};
}

static const struct outcome works;

static struct outcome try_memfd(void)
{
	int fd = memfd_create("check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct outcome o = works;

	if (fd < 0)
		return from_errno(
			"the kernel or a seccomp profile refuses memfd_create(2)");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		o = from_errno("the kernel does not support seals");
	close(fd);
	return o;
}

static struct outcome try_hugetlb(void)
{
	const char *hint = "no free huge pages: as root, sysctl vm.nr_hugepages=N";
	int fd = memfd_create("check", MFD_CLOEXEC | MFD_HUGETLB);
	struct outcome o = works;
	void *p;

	if (fd < 0)
		return from_errno("the kernel does not support hugetlb");
	if (ftruncate(fd, 2 << 20) < 0)
		o = from_errno(hint);
	p = mmap(NULL, 2 << 20, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		o = from_errno(hint);
	else
		munmap(p, 2 << 20);
	close(fd);
	return o;
}

static struct outcome try_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		return from_errno(
			"a container's seccomp profile or the kernel does not allow it");
	close(fd);
	return works;
}

static struct outcome try_seccomp(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = 1, .filter = &allow};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long fd = -1;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
			fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				     SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
		_exit(fd >= 0 ? 0 : errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return from_errno(NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return works;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
	return from_errno("the kernel is older than 5.0, or an outer filter has the "
			  "listener");
}

static struct outcome try_cuse(void)
{
	int fd = open("/dev/cuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return from_errno(errno == ENOENT ? "as root: modprobe cuse"
						  : "only root may open it");
	close(fd);
	return works;
}

static const struct {
	const char *name;
	struct outcome (*try)(void);
	const char *gives;
	const char *lost;
	bool is_needed;
} mechanisms[] = {
	{"memfd", try_memfd, "devices in memory (backing=memfd)",
	 "no default devices; use backing=pmem:PATH", true},
	{"hugetlb", try_hugetlb,
	 "devices of huge pages (backing=hugetlb, hugetlbfs:PATH)",
	 "no such devices; other processes see 4 kB pages in smaps", false},
	{"userfaultfd", try_userfaultfd, "delays at the first touch of memory",
	 "rules with touch are refused", false},
	{"seccomp", try_seccomp, "static programs, with a supervisor (planned)",
	 "static programs will see no devices", false},
	{"cuse", try_cuse,
	 "real character devices, even for programs without the shim; mmap still needs "
	 "the "
	 "shim (otherwise ENODEV)",
	 "only programs with the shim see the nodes", false},
};

/**
 * run_check() - print which mechanisms work here
 *
 * Return: the exit status: 0 if daxrun with no options works, else 1.
 */
int run_check(void)
{
	char *daemon = run_files_daemon();
	char *shim = run_files_shim();
	int status = 0;
	size_t i;

	printf("cuse-daxd    %s\n", daemon);
	printf("shim         %s: dynamic programs, glibc\n", shim);
	for (i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		struct outcome o = mechanisms[i].try();

		if (!o.error) {
			printf("%-12s yes: %s\n", mechanisms[i].name,
			       mechanisms[i].gives);
			continue;
		}
		printf("%-12s no (%s%s%s): %s\n", mechanisms[i].name, strerror(o.error),
		       o.hint ? "; " : "", o.hint ? o.hint : "", mechanisms[i].lost);
		if (mechanisms[i].is_needed)
			status = 1;
	}
	free(daemon);
	free(shim);
	return status;
}
