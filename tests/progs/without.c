// SPDX-License-Identifier: BSD-2-Clause
/*
 * without CALL COMMAND...: run a command that may not make a system call, as in a default
 * container. CALL is userfaultfd or seccomp; the call fails with EPERM.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned int number;
	} calls[] = {{"userfaultfd", SYS_userfaultfd}, {"seccomp", SYS_seccomp}};
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};
	size_t i = 0;

	while (argc > 2 && i < 2 && strcmp(argv[1], calls[i].name) != 0)
		i++;
	if (argc < 3 || i == 2)
		return 125;
	filter[1].k = calls[i].number;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 125;
	execvp(argv[2], argv + 2);
	return 127;
}
