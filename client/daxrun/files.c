/* SPDX-License-Identifier: BSD-2-Clause */
/* Locations of the other programs. */
#include "client/daxrun/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcore/paths_text.h"

#include "client/daxrun/util.h"

/* LIBDIR of `make install`; NULL if it has not been. */
static const char *installed_libdir(const char *self, char buf[PATH_MAX])
{
	char *path = run_format("%s/../" DAX_PATHS_FILE, self);
	FILE *f = fopen(path, "re");
	char text[2 * PATH_MAX];
	size_t len = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	free(path);
	text[len] = '\0';
	return dax_paths_text_find(text, "LIBDIR", buf, PATH_MAX);
}

/* Return: the path of a file that exists, for the caller to free(3); or NULL. */
static char *path_if_there(const char *dir, const char *below, const char *name, int how)
{
	char *path = run_format("%s%s/%s", dir, below, name);
	char *clean = access(path, how) == 0 ? realpath(path, NULL) : NULL;

	free(path);
	return clean;
}

/*
 * Find a file beside daxrun, as in the build tree, or where it is installed: in PREFIX/sbin
 * or PREFIX/lib/cuse-daxd, or else in LIBDIR.
 */
static char *find_if_there(const char *name, int how, const char *installed)
{
	char self[PATH_MAX];
	char libdir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *path = NULL;

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		path = path_if_there(self, "", name, how);
		if (!path)
			path = path_if_there(self, installed, name, how);
		if (!path && installed_libdir(self, libdir))
			path = path_if_there(libdir, "", name, how);
	}
	return path;
}

/* The same for a file that must be there. */
static char *find(const char *name, int how, const char *installed)
{
	char *path = find_if_there(name, how, installed);

	if (!path)
		run_die("%s is neither beside daxrun nor installed (build or install it)",
			name);
	return path;
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
	return find("cuse-daxd", X_OK, "/../sbin");
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
	return find("libdaxshim.so", R_OK, "/../lib/cuse-daxd");
}

/**
 * run_files_graft() - find daxgraft
 * @is_needed:	end daxrun if it is missing
 *
 * Return: its path, for the caller to free(3), or NULL.
 */
char *run_files_graft(bool is_needed)
{
	return (is_needed ? find : find_if_there)("daxgraft", X_OK, "/../lib/cuse-daxd");
}

/**
 * run_files_probe() - find a program that --check tries
 * @kind:	its kind: "static", "pie" or "go"
 *
 * Return: its path, for the caller to free(3), or NULL.
 */
char *run_files_probe(const char *kind)
{
	char *name = run_format("daxprobe-%s", kind);
	char *path = find_if_there(name, X_OK, "/../lib/cuse-daxd");

	free(name);
	return path;
}

/**
 * run_files_recorder() - find libdaxcrash.so
 *
 * Ends daxrun if it is missing.
 *
 * Return: its path, for the caller to free(3).
 */
char *run_files_recorder(void)
{
	return find("libdaxcrash.so", R_OK, "/../lib/cuse-daxd");
}
