/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tell another program how to use a daemon: a shell, a CI job or a container.
 *
 * daxrun exits at once. Its daemon lives as long as the reader: the shell that called
 * daxrun, or the whole job of GitHub Actions, in which each step has a shell of its own.
 */
#include "client/daxrun/print_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/daxrun/daemon.h"
#include "client/daxrun/dir.h"
#include "client/daxrun/environment.h"
#include "client/daxrun/files.h"
#include "client/daxrun/json.h"
#include "client/daxrun/options.h"
#include "client/daxrun/quote.h"
#include "client/daxrun/util.h"

/* The process that runs the steps of a job of GitHub Actions, and ends with the job. */
#define RUNNER "Runner.Worker"

/* Places in a container. The system's runtime directory needs no variable there. */
#define CONTAINER_RUNTIME "/run/cuse-daxd"
#define CONTAINER_SHIM    "/opt/cuse-daxd/libdaxshim.so"

/* Read the parent and the name of a process. Return: the parent, or 0. */
static pid_t parent_of(pid_t pid, char name[64])
{
	char *path = run_format("/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	char line[512] = "";
	char *end;
	int parent = 0;

	free(path);
	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		fclose(f);
	}
	/* The name is in parentheses and may contain some. */
	end = strrchr(line, ')');
	name[0] = '\0';
	if (end && sscanf(end, ") %*c %d", &parent) == 1) {
		*end = '\0';
		snprintf(name, 64, "%.63s", strchr(line, '(') + 1);
	}
	return parent;
}

/* Return: the runner below which daxrun runs, or 0: the daemon ends with no process. */
static pid_t find_runner(void)
{
	char name[64];
	pid_t pid = getppid();

	while (pid > 1) {
		pid_t parent = parent_of(pid, name);

		if (!strcmp(name, RUNNER))
			return pid;
		pid = parent;
	}
	return 0;
}

static void print_shell(const char *dir, const char *preload)
{
	printf("export CUSE_DAXD_RUNTIME_DIR=");
	run_quote_put(stdout, dir);
	printf("\nexport LD_PRELOAD=");
	run_quote_put(stdout, preload);
	putchar('\n');
}

/* Open the file in which a step of a job leaves variables for the next steps. */
static int open_github(void)
{
	const char *path = getenv("GITHUB_ENV");
	int fd;

	if (!path || !*path)
		run_die("--print-env=github: GITHUB_ENV is not set (it is in the steps "
			"of "
			"GitHub Actions)");
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		run_die("--print-env=github: '%s' can't be opened: %s", path,
			strerror(errno));
	return fd;
}

/* Append the variables in one write. Return: 0, or -1 with errno. */
static int append_github(int fd, const char *dir, const char *preload)
{
	char *text =
		run_format("CUSE_DAXD_RUNTIME_DIR=%s\nLD_PRELOAD=%s\n", dir, preload);
	size_t len = strlen(text);
	int r = 0;

	if (strchr(dir, '\n') || strchr(preload, '\n')) {
		errno = EINVAL;
		r = -1;
	} else if (write(fd, text, len) != (ssize_t)len) {
		r = -1;
	}
	free(text);
	return r;
}

static void print_mount(const char *from, const char *to, const char *options)
{
	printf("\n          {\"hostPath\": ");
	run_json_put(stdout, from);
	printf(", \"containerPath\": \"%s\", \"options\": [%s]}", to, options);
}

/* Print a device for podman and containerd, in the form of the Container Device Interface. */
static void print_cdi(const char *dir)
{
	char *shim = run_files_shim();

	printf("{\n  \"cdiVersion\": \"0.5.0\",\n  \"kind\": \"cuse-daxd.org/dax\",\n"
	       "  \"devices\": [\n    {\n      \"name\": \"all\",\n"
	       "      \"containerEdits\": {\n        \"env\": ["
	       "\"CUSE_DAXD_RUNTIME_DIR=" CONTAINER_RUNTIME "\", "
	       "\"LD_PRELOAD=" CONTAINER_SHIM "\"],\n        \"mounts\": [");
	/* A file system of handles may be mounted below the directory. */
	print_mount(dir, CONTAINER_RUNTIME, "\"rbind\", \"rw\"");
	putchar(',');
	print_mount(shim, CONTAINER_SHIM, "\"bind\", \"ro\"");
	printf("\n        ]\n      }\n    }\n  ]\n}\n");
	free(shim);
}

/**
 * run_print_env() - print how to use a daemon, and leave it running
 * @o:		the options, with print
 *
 * Ends daxrun if the daemon does not start, or GITHUB_ENV can't be opened.
 *
 * Return: the exit status.
 */
int run_print_env(const struct run_options *o)
{
	bool is_github = o->print == RUN_PRINT_GITHUB;
	int fd = is_github ? open_github() : -1;
	struct run_daemon d = {0};
	char *preload;
	int status = 0;

	if (o->is_connect)
		run_dir_find_running(o->connect_dir, d.dir.path);
	else
		run_daemon_start(o, is_github ? find_runner() : getppid(), &d);
	if (d.pid)
		run_daemon_await(&d);
	preload = run_environment_preload();
	if (o->print == RUN_PRINT_CDI) {
		print_cdi(d.dir.path);
	} else if (!is_github) {
		print_shell(d.dir.path, preload);
	} else if (append_github(fd, d.dir.path, preload) < 0) {
		run_warn("--print-env=github: '%s' can't be written: %s",
			 getenv("GITHUB_ENV"), strerror(errno));
		run_daemon_stop(&d);
		status = RUN_EXIT_FAILED;
	}
	free(preload);
	return status;
}
