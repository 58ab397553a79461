/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts a program with a fresh environment, by each function that can.
 *
 * exec_doors: lists the functions. exec_doors FUNCTION PROGRAM ARGUMENT ARGUMENT: calls it.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[] = "PATH=/usr/bin:/bin";
static char *fresh[] = {path, NULL};
static char **args;

static void do_execve(void)
{
	execve(args[0], args, fresh);
}

static void do_execv(void)
{
	environ = fresh;
	execv(args[0], args);
}

static void do_execvp(void)
{
	environ = fresh;
	execvp(args[0], args);
}

static void do_execvpe(void)
{
	execvpe(args[0], args, fresh);
}

static void do_execl(void)
{
	environ = fresh;
	execl(args[0], args[0], args[1], args[2], NULL);
}

static void do_execlp(void)
{
	environ = fresh;
	execlp(args[0], args[0], args[1], args[2], NULL);
}

static void do_execle(void)
{
	execle(args[0], args[0], args[1], args[2], NULL, fresh);
}

static void do_clearenv(void)
{
	clearenv();
	execv(args[0], args);
}

static void do_null(void)
{
	execve(args[0], args, NULL);
}

static void do_fexecve(void)
{
	fexecve(open(args[0], O_RDONLY | O_CLOEXEC), args, fresh);
}

static void do_execveat(void)
{
	execveat(AT_FDCWD, args[0], args, fresh, 0);
}

static void do_syscall_execve(void)
{
	syscall(SYS_execve, args[0], args, fresh);
}

static void do_syscall_execveat(void)
{
	syscall(SYS_execveat, AT_FDCWD, args[0], args, fresh, 0);
}

static void wait_for(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		exit(WEXITSTATUS(status));
}

static void do_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execve(args[0], args, fresh);
		_exit(9);
	}
	wait_for(pid);
}

static void do_posix_spawn(void)
{
	pid_t pid;

	if (posix_spawn(&pid, args[0], NULL, NULL, args, fresh) == 0)
		wait_for(pid);
}

static void do_posix_spawnp(void)
{
	pid_t pid;

	if (posix_spawnp(&pid, args[0], NULL, NULL, args, fresh) == 0)
		wait_for(pid);
}

static const struct {
	const char *name;
	void (*call)(void);
} doors[] = {
	{"execve", do_execve},
	{"execv", do_execv},
	{"execvp", do_execvp},
	{"execvpe", do_execvpe},
	{"execl", do_execl},
	{"execlp", do_execlp},
	{"execle", do_execle},
	{"clearenv", do_clearenv},
	{"null", do_null},
	{"fexecve", do_fexecve},
	{"execveat", do_execveat},
	{"syscall_execve", do_syscall_execve},
	{"syscall_execveat", do_syscall_execveat},
	{"vfork", do_vfork},
	{"posix_spawn", do_posix_spawn},
	{"posix_spawnp", do_posix_spawnp},
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		if (argc < 2) {
			puts(doors[i].name);
		} else if (argc == 5 && !strcmp(argv[1], doors[i].name)) {
			args = argv + 2;
			doors[i].call();
			perror(argv[1]);
			return 1;
		}
	}
	return argc < 2 ? 0 : 2;
}
