/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory cgroup that daxrun and its command run in.
 *
 * Memory counts against the cgroup of the process that touches it first. When the cgroup
 * or one above it has reached its limit, the kernel kills a process, with SIGKILL and
 * without a word to anybody but its own log.
 */
#include "client/daxrun/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/daxrun/util.h"

/* The files of one version of cgroups. */
struct version {
	const char *controller; /* in /proc/self/cgroup */
	const char *mount;
	const char *limit;
	const char *events;
};

static const struct version versions[] = {
	{"::", "/sys/fs/cgroup", "memory.max", "memory.events"},
	{":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
	 "memory.oom_control"},
};

/* Limits from here on are the kernel's way to say that there is none. */
#define NO_LIMIT (UINT64_C(1) << 62)

/* Read a small file as a string. Return: false if it can't be read. */
static bool read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

/* Return: the cgroup's directory for the caller to free, or NULL. */
static char *find_directory(const struct version *version)
{
	char text[4096];
	char *line;
	char *next;

	if (!read_text("/proc/self/cgroup", text, sizeof(text)))
		return NULL;
	for (line = strtok_r(text, "\n", &next); line;
	     line = strtok_r(NULL, "\n", &next)) {
		char *path = strstr(line, version->controller);

		if (path && path == strchr(line, ':'))
			return run_format("%s%s", version->mount,
					  path + strlen(version->controller));
	}
	return NULL;
}

/* Look for the lowest limit of a cgroup and those above it; cuts @dir while it looks. */
static void find_limit(const struct version *version, char *dir, uint64_t *limit,
		       char **file)
{
	char text[64];

	while (strlen(dir) >= strlen(version->mount)) {
		char *path = run_format("%s/%s", dir, version->limit);
		char *slash = strrchr(dir, '/');
		uint64_t found = NO_LIMIT;

		if (read_text(path, text, sizeof(text)) && text[0] != 'm')
			found = strtoull(text, NULL, 10);
		if (found < *limit) {
			free(*file);
			*limit = found;
			*file = path;
		} else {
			free(path);
		}
		*slash = '\0';
	}
}

/**
 * run_cgroup_limit() - find the memory limit that applies to this process
 * @ret_limit:	receives it, in bytes
 * @ret_file:	receives the file that sets it, to be freed
 *
 * Return: true if there is one.
 */
bool run_cgroup_limit(uint64_t *ret_limit, char **ret_file)
{
	size_t i;

	*ret_limit = NO_LIMIT;
	*ret_file = NULL;
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		char *dir = find_directory(&versions[i]);

		if (dir)
			find_limit(&versions[i], dir, ret_limit, ret_file);
		free(dir);
	}
	return *ret_file;
}

/**
 * run_cgroup_kills() - count the processes of this cgroup killed for want of memory
 *
 * Return: how many the kernel has killed since the cgroup was made; 0 if it does not say.
 */
uint64_t run_cgroup_kills(void)
{
	uint64_t kills = 0;
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		char *dir = find_directory(&versions[i]);
		char *path = dir ? run_format("%s/%s", dir, versions[i].events) : NULL;
		char text[512];
		char *found = NULL;

		if (path && read_text(path, text, sizeof(text)))
			found = strstr(text, "oom_kill ");
		if (found)
			kills += strtoull(found + strlen("oom_kill "), NULL, 10);
		free(path);
		free(dir);
	}
	return kills;
}
