/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment that the command needs. */
#include "client/daxrun/environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/daxrun/elf.h"
#include "client/daxrun/files.h"
#include "client/daxrun/log.h"
#include "client/daxrun/options.h"
#include "client/daxrun/util.h"

/* Set for the command, or inherited from a daxrun above: DAX_GRAFT_ENV. Empty: off. */
#define GRAFT "CUSE_DAXD_GRAFT"

static bool is_sanitizer(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	return !strncmp(name, "libasan.so", 10) || !strncmp(name, "libtsan.so", 10) ||
	       !strncmp(name, "libclang_rt.", 12);
}

static char *append(char *list, const char *item)
{
	char *more;

	if (!*list) {
		free(list);
		return run_strdup(item);
	}
	more = run_format("%s:%s", list, item);
	free(list);
	return more;
}

/*
 * The new LD_PRELOAD: earlier libraries stay, behind the shim. A sanitizer's runtime must
 * come first: ASan does not start otherwise. The recorder sees a call before the shim.
 */
static char *preload(const char *recorder, const char *shim, const char *asan)
{
	const char *before = getenv("LD_PRELOAD");
	char *copy = run_strdup(before ? before : "");
	char *list = run_strdup(asan);
	char *others = run_strdup("");
	char *rest = copy;
	char *item;
	char *all;

	while ((item = strsep(&rest, ": "))) {
		if (!*item || !strcmp(item, shim) || !strcmp(item, asan))
			continue;
		if (is_sanitizer(item))
			list = append(list, item);
		else
			others = append(others, item);
	}
	if (recorder)
		list = append(list, recorder);
	list = append(list, shim);
	all = *others ? append(list, others) : list;
	free(others);
	free(copy);
	return all;
}

/* Let children of the command that are linked to ASan start behind the shim. */
static void allow_asan_behind(void)
{
	const char *before = getenv("ASAN_OPTIONS");
	char *options;

	if (before && strstr(before, "verify_asan_link_order"))
		return;
	options = run_format("%s%sverify_asan_link_order=0", before ? before : "",
			     before && *before ? ":" : "");
	setenv("ASAN_OPTIONS", options, 1);
	free(options);
}

/* Why a program does not see the devices, as a part of a sentence; NULL if it does. */
static const char *why_not_reached(const struct run_program *program)
{
	const bool is_reached = *getenv(GRAFT);

	if (program->is_other)
		return "is no program for 64-bit x86 and loads no shim";
	if (program->is_static && is_reached && !program->is_set_id)
		return NULL;
	if (program->is_static)
		return "is statically linked and loads no shim";
	if (program->is_go && (!is_reached || program->is_set_id))
		return "is written in Go, which does not call libc";
	if (program->is_set_id)
		return "is set-user-ID or set-group-ID and loads no shim";
	return NULL;
}

/* The recorder of --crash is a preload library, so the default is none else then. */
static void set_reach(const struct run_options *o)
{
	const bool is_all = o->reach == RUN_REACH_ALL ||
			    (o->reach == RUN_REACH_DEFAULT && !o->recorder);
	char *graft = is_all ? run_files_graft(o->reach == RUN_REACH_ALL) : NULL;

	setenv(GRAFT, graft ? graft : "", graft || o->reach == RUN_REACH_PRELOAD);
	free(graft);
}

/**
 * run_environment_set() - set daxrun's environment to what the command needs
 * @o:		the options
 * @dir:	the daemon's runtime directory
 * @program:	the kind of program of the command
 * @log:	receives the shim's events; fd -1: the shim sends none
 */
void run_environment_set(const struct run_options *o, const char *dir,
			 const struct run_program *program, const struct run_log *log)
{
	char *shim = run_files_shim();
	const char *why;
	char *list;

	set_reach(o);
	why = why_not_reached(program);
	if (!o->is_quiet && why)
		run_warn("%s %s: it will not see the devices, continuing", o->command[0],
			 why);
	list = preload(o->recorder, shim, program->asan);
	setenv("LD_PRELOAD", list, 1);
	allow_asan_behind();
	setenv("CUSE_DAXD_RUNTIME_DIR", dir, 1);
	unsetenv("DAXD_LOG");
	if (log->fd >= 0) {
		char *value = run_format("%s:%s", log->is_trace ? "trace" : "refuse",
					 log->path);

		setenv("DAXD_LOG", value, 1);
		free(value);
	}
	free(list);
	free(shim);
}

/**
 * run_environment_preload() - find LD_PRELOAD for a command that daxrun does not start
 *
 * Return: the value, for the caller to free(3).
 */
char *run_environment_preload(void)
{
	char *shim = run_files_shim();
	char *list = preload(NULL, shim, "");

	free(shim);
	return list;
}
