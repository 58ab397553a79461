/* SPDX-License-Identifier: BSD-2-Clause */
/* Locations of the other programs, and runtime directories. */
#include "client/daxrun/files.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/wire.h"

#include "client/daxrun/util.h"

/* Find a file beside daxrun, as in the build tree, or where it is installed. */
static char *find(const char *name, int how, const char *const *installed)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *path;

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		path = run_format("%s/%s", self, name);
		if (access(path, how) == 0)
			return path;
		free(path);
		/* PREFIX/bin/daxrun: PREFIX/sbin, PREFIX/lib/cuse-daxd */
		for (; *installed; installed++) {
			path = run_format("%s/../%s/%s", self, *installed, name);
			if (access(path, how) == 0) {
				char *clean = realpath(path, NULL);

				free(path);
				return clean;
			}
			free(path);
		}
	}
	run_die("%s is neither beside daxrun nor installed (build or install it)", name);
}

/**
 * run_files_daemon() - find cuse-daxd
 *
 * Ends daxrun if it is missing.
 *
 * Return: its path, for the caller to free(3).
 */
char *run_files_daemon(void)
{
	static const char *const dirs[] = {"sbin", NULL};

	return find("cuse-daxd", X_OK, dirs);
}

/**
 * run_files_shim() - find libdaxshim.so
 *
 * Ends daxrun if it is missing.
 *
 * Return: its path, for the caller to free(3).
 */
char *run_files_shim(void)
{
	static const char *const dirs[] = {"lib/cuse-daxd", NULL};

	return find("libdaxshim.so", R_OK, dirs);
}

/**
 * run_files_make_dir() - make the runtime directory of a private daemon
 * @dir:	receives its name
 *
 * Memory is better than a disk: a sysfs tree is a few hundred small files.
 */
void run_files_make_dir(char dir[RUN_DIR_LEN])
{
	const char *bases[] = {getenv("XDG_RUNTIME_DIR"), "/dev/shm", getenv("TMPDIR"),
			       "/tmp"};
	size_t i;

	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		if (!bases[i] || bases[i][0] != '/' || strlen(bases[i]) > 64)
			continue;
		snprintf(dir, RUN_DIR_LEN, "%s/daxrun.XXXXXX", bases[i]);
		if (!mkdtemp(dir))
			continue;
		/*
		 * The command may have another user's identity: setpriv, su. The sticky
		 * bit tells the daemon to remove the directory.
		 */
		if (chmod(dir, 01755) == 0)
			return;
		rmdir(dir);
	}
	run_die("no directory for temporary files: tried $XDG_RUNTIME_DIR, /dev/shm, "
		"$TMPDIR, /tmp: %s",
		strerror(errno));
}

static bool is_daemon_at(const char *dir)
{
	char *path = run_format("%s/%s", dir, DAX_STATE_FILE);
	bool is_there = access(path, R_OK) == 0;

	free(path);
	return is_there;
}

/**
 * run_files_find_running() - find the daemon to connect to
 * @wanted:	its runtime directory; NULL: try the system's, then the user's
 * @dir:	receives the directory
 *
 * Ends daxrun if there is none.
 */
void run_files_find_running(const char *wanted, char dir[RUN_DIR_LEN])
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char candidates[3][RUN_DIR_LEN] = {"/run/cuse-daxd"};
	char full[PATH_MAX];
	int i;

	if (wanted) {
		if (!realpath(wanted, full) || !is_daemon_at(full))
			run_die("no cuse-daxd runs at '%s' (start one with --runtime-dir "
				"%s)",
				wanted, wanted);
		if (strlen(full) >= RUN_DIR_LEN)
			run_die("the name of '%s' is too long", full);
		strcpy(dir, full);
		return;
	}
	if (xdg)
		snprintf(candidates[1], RUN_DIR_LEN, "%s/cuse-daxd", xdg);
	snprintf(candidates[2], RUN_DIR_LEN, "/tmp/cuse-daxd-%u",
		 (unsigned int)geteuid());
	for (i = 0; i < 3; i++) {
		if (candidates[i][0] && is_daemon_at(candidates[i])) {
			strcpy(dir, candidates[i]);
			return;
		}
	}
	run_die("no cuse-daxd runs: looked in %s, %s%s%s (start one, or leave out "
		"--connect)",
		candidates[0], candidates[1], candidates[1][0] ? ", " : "",
		candidates[2]);
}
