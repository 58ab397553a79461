/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of the command for each step of a rule: "mmap errno:ENOMEM nth:1..N".
 *
 * Each step is a process of its own that does what daxrun does for one command, with
 * one more rule. The results are in memory that all processes share.
 */
#include "client/daxrun/sweep.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libcore/fault.h"

#include "client/daxrun/files.h"
#include "client/daxrun/options.h"
#include "client/daxrun/report.h"
#include "client/daxrun/run.h"
#include "client/daxrun/util.h"

#define STEPS_MAX 100000
#define HANGS_S   60

struct step {
	pid_t pid;    /* 0: not running */
	long started; /* in microseconds */
	bool is_done; /* the fields below are valid */
	bool is_hung;
	int status; /* of the command */
	long given;
	long us;
};

struct sweep {
	const struct run_options *o;
	char *before; /* the rule before the range */
	char *after;
	long first;
	long last; /* STEPS_MAX steps if it is open */
	struct step *steps;
};

static long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Find the range, as in "nth:1..N", and cut the rule there. */
static void parse(struct sweep *s)
{
	const char *dots = strstr(s->o->sweep, "..");
	const char *start = dots;
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;
	char *text;
	char *end;

	while (start && start > s->o->sweep && isdigit((unsigned char)start[-1]))
		start--;
	if (!dots || start == dots)
		run_die("--sweep '%s': expected a range in it, such as nth:1..N or "
			"nth:1..20",
			s->o->sweep);
	s->first = strtol(start, NULL, 10);
	dots += 2;
	if (*dots == 'N') {
		s->last = s->first + STEPS_MAX - 1;
		end = (char *)(uintptr_t)dots + 1;
	} else {
		s->last = strtol(dots, &end, 10);
		if (end == dots || s->last < s->first || s->last - s->first >= STEPS_MAX)
			run_die("--sweep '%s': at character %zu: expected N or a number "
				"from %ld on",
				s->o->sweep, (size_t)(dots - s->o->sweep) + 1, s->first);
	}
	s->before = run_format("%.*s", (int)(start - s->o->sweep), s->o->sweep);
	s->after = run_strdup(end);
	text = run_format("%s%ld%s", s->before, s->first, s->after);
	if (dax_fault_parse(text, &rule, &why) < 0)
		run_die("--sweep '%s': at character %zu: %s", text, why.pos + 1,
			why.text);
	free(text);
}

/* Open the config as the daemon understands it. */
static FILE *open_dump(const char *config, pid_t *ret)
{
	char *daemon = run_files_daemon();
	int fds[2];
	FILE *f;

	if (pipe2(fds, O_CLOEXEC) < 0)
		run_die("pipe: %s", strerror(errno));
	*ret = fork();
	if (*ret < 0)
		run_die("fork: %s", strerror(errno));
	if (*ret == 0) {
		unsetenv("LD_PRELOAD");
		dup2(fds[1], STDOUT_FILENO);
		execl(daemon, daemon, "--dump-config", "-c", config, NULL);
		run_die("%s: %s", daemon, strerror(errno));
	}
	close(fds[1]);
	free(daemon);
	f = fdopen(fds[0], "r");
	if (!f)
		run_die("fdopen: %s", strerror(errno));
	return f;
}

/*
 * End daxrun if a region is in a file that stays, which all steps would share. The same
 * holds for --device.
 */
static void check_config(const char *config)
{
	static const char *const files[] = {"backing=pmem:", "backing=hugetlbfs:"};
	char *line = NULL;
	size_t size = 0;
	int status;
	pid_t pid;
	FILE *f;
	int i;

	f = open_dump(config, &pid);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		for (i = 0; i < 2; i++)
			if (!strncmp(line, files[i], strlen(files[i])))
				run_die("--sweep: %s: '%s' is not fresh in every step "
					"(use backing=memfd or hugetlb)",
					config, line);
	}
	free(line);
	fclose(f);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		run_die("--sweep: %s: cuse-daxd does not accept this config", config);
}

/* Keep the command's output out of the table. */
static void be_silent(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		run_die("/dev/null: %s", strerror(errno));
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

static void run_step(const struct sweep *s, long n)
{
	struct step *step = &s->steps[n - s->first];
	struct run_options o = *s->o;
	const char **faults = run_alloc(((size_t)o.nr_faults + 1) * sizeof(*faults));
	long start = now_us();

	be_silent();
	for (int i = 0; i < o.nr_faults; i++)
		faults[i] = o.faults[i];
	faults[o.nr_faults++] = run_format("%s%ld%s", s->before, n, s->after);
	o.faults = faults;
	o.is_quiet = true;
	o.is_trace = false;
	o.report_fd = run_report_open();
	step->status = run_once(&o);
	step->us = now_us() - start;
	step->given = run_report_given(o.report_fd);
	step->is_done = true;
}

static void start_step(const struct sweep *s, long n)
{
	pid_t parent = getpid();
	pid_t pid;

	s->steps[n - s->first].started = now_us();
	pid = fork();
	if (pid < 0)
		run_die("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(RUN_EXIT_FAILED);
		run_step(s, n);
		_exit(0);
	}
	s->steps[n - s->first].pid = pid;
}

/* Wait until a step ends; kill a step that takes too long. */
static void wait_for_one(const struct sweep *s, long from, long to)
{
	const struct timespec nap = {.tv_nsec = 2000000};
	pid_t pid = 0;
	long n;

	while (!pid) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			run_die("waitpid: %s", strerror(errno));
		for (n = from; n <= to; n++) {
			struct step *step = &s->steps[n - s->first];

			if (step->pid && pid == step->pid) {
				step->pid = 0;
				return;
			}
			if (step->pid && !step->is_hung &&
			    now_us() - step->started > HANGS_S * 1000000L) {
				step->is_hung = true;
				kill(step->pid, SIGKILL);
			}
		}
		if (!pid)
			nanosleep(&nap, NULL);
	}
}

/* Print a step. Return: true if the command crashed or hung, or daxrun failed. */
static bool print_step(const struct sweep *s, long n)
{
	const struct step *step = &s->steps[n - s->first];
	char text[64] = "daxrun failed";

	if (step->is_hung)
		snprintf(text, sizeof(text), "hung (%d s)", HANGS_S);
	else if (step->is_done)
		run_report_status_text(step->status, text);
	printf("%6ld  %8ld  %-20s %8.1f ms\n", n, step->given, text,
	       (double)step->us / 1000);
	fflush(stdout);
	return step->is_hung || !step->is_done || WIFSIGNALED(step->status);
}

/**
 * run_sweep() - run the command once for each step
 * @o:		the options
 *
 * Return: the exit status: 1 if the command crashed or hung in any step, else 0.
 */
int run_sweep(const struct run_options *o)
{
	struct sweep s = {.o = o};
	bool is_over = false;
	int nr_running = 0;
	int nr_bad = 0;
	long started;
	long shown;
	long n;

	parse(&s);
	if (o->config)
		check_config(o->config);
	s.steps = mmap(NULL, STEPS_MAX * sizeof(*s.steps), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s.steps == MAP_FAILED)
		run_die("mmap: %s", strerror(errno));
	printf("%6s  %8s  %-20s %11s\n", "step", "injected", "ended", "time");
	fflush(stdout);
	started = shown = s.first - 1;
	while (shown < s.last) {
		while (!is_over && started < s.last && nr_running < o->nr_jobs) {
			start_step(&s, ++started);
			nr_running++;
		}
		if (!nr_running)
			break;
		wait_for_one(&s, shown + 1, started);
		nr_running--;
		/* Print in order of the steps; those behind the end are not printed. */
		for (n = shown + 1; n <= started && !s.steps[n - s.first].pid; n++) {
			if (is_over)
				break;
			nr_bad += print_step(&s, n);
			shown = n;
			is_over = s.steps[n - s.first].is_done &&
				  !s.steps[n - s.first].given;
		}
	}
	if (nr_bad)
		printf("%d of %ld steps crashed or hung; to repeat a step: daxrun "
		       "--fault "
		       "'%sSTEP%s' "
		       "-- %s\n",
		       nr_bad, shown - s.first + 1, s.before, s.after, o->command[0]);
	else
		printf("no crash in %ld steps\n", shown - s.first + 1);
	free(s.before);
	free(s.after);
	return nr_bad ? 1 : fflush(stdout) != 0;
}
