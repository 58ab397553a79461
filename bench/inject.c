/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject DEVICE CTL PROCESSES ROUNDS: measure how long a request to poison memory takes
 * until every process that maps the memory gets SIGBUS from it.
 *
 * The processes sleep meanwhile, so the time includes reaching each process, but not
 * waiting until each gets a turn on the processor. After the request, check that every
 * process was reached.
 */
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "bench/harness.h"

extern char **environ;

static sigjmp_buf jump;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

/* Access the memory for each byte received, and reply whether that raised SIGBUS. */
static void be_process(const char *device, int in, int out)
{
	const struct sigaction action = {.sa_handler = on_sigbus, .sa_flags = SA_NODEFER};
	int fd = open(device, O_RDWR);
	volatile char *p =
		mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char c;

	if (p == MAP_FAILED)
		err(1, "%s", device);
	sigaction(SIGBUS, &action, NULL);
	do {
		if (sigsetjmp(jump, 1)) {
			c = 1;
		} else {
			p[0] = 1;
			c = 0;
		}
	} while (write(out, &c, 1) == 1 && read(in, &c, 1) == 1);
	_exit(0);
}

struct process {
	int in;
	int out;
};

static struct process start(const char *device)
{
	int from[2];
	int to[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(to[1]);
		be_process(device, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	return (struct process){.in = from[0], .out = to[1]};
}

/*
 * Let @nr processes access the memory (@again), then read their replies. Return: how many
 * of them got SIGBUS.
 */
static int ask(const struct process *list, int nr, bool again)
{
	int count = 0;
	int i;
	char c = 0;

	for (i = 0; i < nr && again; i++)
		if (write(list[i].out, &c, 1) != 1)
			err(1, "write");
	for (i = 0; i < nr; i++) {
		if (read(list[i].in, &c, 1) != 1)
			errx(1, "a process has died");
		count += c;
	}
	return count;
}

static double order(const char *ctl, const char *verb, const char *device)
{
	const char *argv[] = {ctl, verb, device, "--offset=0", "--length=2M", NULL};
	const double start = now_ns();
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
					 0);
	if (posix_spawn(&pid, ctl, &actions, NULL, (char *const *)(uintptr_t)argv,
			environ))
		err(1, "%s", ctl);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "%s %s: status %#x", ctl, verb, status);
	posix_spawn_file_actions_destroy(&actions);
	return now_ns() - start;
}

int main(int argc, char **argv)
{
	int processes = argc == 5 ? atoi(argv[3]) : 0;
	int rounds = argc == 5 ? atoi(argv[4]) : 0;
	double *times = calloc((size_t)rounds + 1, sizeof(*times));
	struct process *list = calloc((size_t)processes + 1, sizeof(*list));
	const char *name;
	double middle;
	int i;

	if (argc != 5 || processes < 1 || rounds < 1 || !times || !list)
		errx(2, "usage: inject DEVICE CTL PROCESSES ROUNDS");
	name = strrchr(argv[1], '/') + 1;
	for (i = 0; i < processes; i++)
		list[i] = start(argv[1]);
	if (ask(list, processes, false))
		errx(1, "SIGBUS before anything was injected");
	for (i = 0; i < rounds; i++) {
		times[i] = order(argv[2], "inject", name);
		if (ask(list, processes, true) != processes)
			errx(1,
			     "the order was answered, and not every process gets SIGBUS");
		order(argv[2], "clear", name);
		if (ask(list, processes, true))
			errx(1, "cleared, and a process still gets SIGBUS");
	}
	middle = median(times, rounds); /* this sorts them */
	printf("inject %.0f %.0f\n", middle, times[rounds - 1]);
	return 0;
}
