/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec PROGRAM ROUNDS: how long it takes to execute a program and to wait for its end, by
 * the shim's execve(2) and by libc's, in nanoseconds. Runs with the shim.
 */
#include <string.h>
#include <sys/wait.h>

#include "bench/harness.h"
#include "bench/libc.h"

#define EXECS 20

struct side {
	__typeof__(&execve) execve;
	char **envp;
	char *path;
};

static void run(void *data, long nr)
{
	const struct side *side = data;
	char *argv[] = {side->path, NULL};

	while (nr--) {
		const pid_t pid = vfork();
		int status;

		if (pid == 0) {
			side->execve(side->path, argv, side->envp);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
			errx(1, "%s did not run", side->path);
	}
}

int main(int argc, char **argv)
{
	char *none[] = {NULL};
	struct side sides[2] = {{.execve = execve, .envp = environ}, {.envp = none}};
	void *next = libc_function("execve");

	if (argc != 3)
		errx(2, "usage: exec PROGRAM ROUNDS");
	memcpy(&sides[1].execve, &next, sizeof(next));
	sides[0].path = argv[1];
	sides[1].path = argv[1];
	compare("exec", run, &sides[0], &sides[1], EXECS, atoi(argv[2]));
	return 0;
}
