/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: one table for parsing and for --help. */
#include "cuse-daxd/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "libcore/fault.h"
#include "libcore/fault_format.h"
#include "libcore/kernel.h"
#include "libcore/option_text.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/config/keys.h"
#include "cuse-daxd/faults/rules.h"

/* An option with a letter has it as its number. */
enum option_id {
	OPT_CONFIG = 'c',
	OPT_HELP = 'h',
	OPT_VERSION = 'V',
	OPT_RUNTIME_DIR = 256,
	OPT_FRONTEND,
	OPT_KERNEL,
	OPT_FOREGROUND,
	OPT_FORCE_FORMAT,
	OPT_CHECK_CONFIG,
	OPT_DUMP_CONFIG,
	OPT_CHECK_MEMORY,
	OPT_READY_FD,
	OPT_READY_EARLY,
	OPT_EXIT_WITH,
	OPT_FAULT,
	OPT_FAULT_LOG,
	OPT_FAULT_REPORT_FD,
};

static const struct {
	enum option_id id;
	const char *name;
	const char *arg; /* NULL: none */
	const char *help;
} table[] = {
	{OPT_CONFIG, "config", "FILE", "read this config file (- is stdin)"},
	{OPT_RUNTIME_DIR, "runtime-dir", "DIR",
	 "directory in which clients find the daemon"},
	{OPT_FRONTEND, "frontend", "auto|cuse|none", "how devices get their nodes"},
	{OPT_KERNEL, "kernel", "6.1|6.12|6.18|7.3|host", "whose answers devices give"},
	{OPT_FOREGROUND, "foreground", NULL, "stay in the foreground and log to stderr"},
	{OPT_FORCE_FORMAT, "force-format", NULL,
	 "overwrite files that contain other data or a damaged image"},
	{OPT_CHECK_CONFIG, "check-config", NULL, "report errors in the config and exit"},
	{OPT_DUMP_CONFIG, "dump-config", NULL,
	 "print the config with all defaults and exit"},
	{OPT_CHECK_MEMORY, "check-memory", NULL,
	 "print which pages the memory of a device with align 2M has here, and exit"},
	{OPT_READY_FD, "ready-fd", "N",
	 "write the runtime directory to descriptor N once clients can connect"},
	{OPT_READY_EARLY, "ready-early", NULL,
	 "report ready before the sysfs tree is written; programs that look there wait"},
	{OPT_EXIT_WITH, "exit-with", "PID", "exit when this process has exited"},
	{OPT_FAULT, "fault", "RULE", "an additional fault rule; repeatable"},
	{OPT_FAULT_LOG, "fault-log", "FILE|FD",
	 "write a line of JSON for each injected fault"},
	{OPT_FAULT_REPORT_FD, "fault-report-fd", "N",
	 "write to descriptor N at exit which faults were injected"},
	{OPT_HELP, "help", NULL, "print the options and exit"},
	{OPT_VERSION, "version", NULL, "print the version and exit"},
};

#define OPTIONS (sizeof(table) / sizeof(table[0]))

/**
 * daxd_options_help() - print the options
 */
void daxd_options_help(void)
{
	unsigned int i;

	printf("usage: cuse-daxd [OPTIONS]\n"
	       "Gives programs Device DAX without persistent memory.\n\n");
	for (i = 0; i < OPTIONS; i++) {
		bool has_letter = table[i].id < 256;
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", has_letter ? '-' : ' ',
			 has_letter ? (char)table[i].id : ' ', has_letter ? "," : " ",
			 table[i].name, table[i].arg ? "=" : "",
			 table[i].arg ? table[i].arg : "");
		printf("  %-30s %s\n", left, table[i].help);
	}
	printf("\nWithout a config file there is one device, dax0.0, of 1 GiB.\n");
}

static int parse_frontend_option(const char *text, int *ret, struct daxd_why *why)
{
	enum daxd_frontend_kind kind = DAXD_FRONTEND_AUTO;

	if (daxd_keys_parse_frontend(text, &kind) < 0)
		return daxd_fail(why, EINVAL,
				 "--frontend: '%s' is not one of auto, cuse, "
				 "none",
				 text);
	*ret = (int)kind;
	return 0;
}

static int parse_kernel_option(const char *text, int *ret, struct daxd_why *why)
{
	enum dax_kernel kernel = DAX_KERNEL_HOST;
	char mistake[DAX_KERNEL_MISTAKE_LEN];

	if (dax_kernel_parse(text, &kernel) < 0)
		return daxd_fail(why, EINVAL, "--kernel: %s",
				 dax_kernel_mistake(text, mistake));
	*ret = (int)kernel;
	return 0;
}

static int parse_fd(const char *option, const char *text, int *ret, struct daxd_why *why)
{
	uint64_t fd;

	if (!g_ascii_string_to_unsigned(text, 10, 0, INT_MAX, &fd, NULL) ||
	    fcntl((int)fd, F_GETFD) < 0)
		return daxd_fail(why, EBADF, "--%s: '%s' is not an open descriptor",
				 option, text);
	*ret = (int)fd;
	/* Child processes must not inherit it. */
	fcntl(*ret, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int parse_pid(const char *text, pid_t *ret, struct daxd_why *why)
{
	uint64_t pid;

	if (!g_ascii_string_to_unsigned(text, 10, 1, INT_MAX, &pid, NULL))
		return daxd_fail(why, EINVAL, "--exit-with: '%s' is not a process id",
				 text);
	*ret = (pid_t)pid;
	return 0;
}

static int parse_fault(const char *text, struct daxd_options *ret, struct daxd_why *why)
{
	struct dax_fault_rule rule;
	struct daxd_why mistake;
	char words[DAX_FAULT_TEXT_MAX];

	if (daxd_rules_check(text, &rule, &mistake) < 0)
		return daxd_fail(why, EINVAL, "--fault: %s", mistake.text);
	if (!ret->faults)
		ret->faults = g_ptr_array_new_with_free_func(g_free);
	dax_fault_format(&rule, words, sizeof(words));
	g_ptr_array_add(ret->faults, g_strdup(words));
	return 0;
}

static int apply(enum option_id id, const char *arg, struct daxd_options *ret,
		 struct daxd_why *why)
{
	switch (id) {
	case OPT_CONFIG:
		ret->config = arg;
		return 0;
	case OPT_RUNTIME_DIR:
		ret->runtime_dir = arg;
		return 0;
	case OPT_FRONTEND:
		return parse_frontend_option(arg, &ret->frontend, why);
	case OPT_KERNEL:
		return parse_kernel_option(arg, &ret->kernel, why);
	case OPT_FOREGROUND:
		ret->is_foreground = true;
		return 0;
	case OPT_FORCE_FORMAT:
		ret->may_wipe = true;
		return 0;
	case OPT_CHECK_CONFIG:
		ret->job = DAXD_JOB_CHECK;
		return 0;
	case OPT_DUMP_CONFIG:
		ret->job = DAXD_JOB_DUMP;
		return 0;
	case OPT_CHECK_MEMORY:
		ret->job = DAXD_JOB_MEMORY;
		return 0;
	case OPT_READY_FD:
		return parse_fd("ready-fd", arg, &ret->ready_fd, why);
	case OPT_READY_EARLY:
		ret->is_tree_late = true;
		return 0;
	case OPT_FAULT_REPORT_FD:
		return parse_fd("fault-report-fd", arg, &ret->fault_report, why);
	case OPT_EXIT_WITH:
		return parse_pid(arg, &ret->exit_with, why);
	case OPT_FAULT:
		return parse_fault(arg, ret, why);
	case OPT_FAULT_LOG:
		ret->fault_log = arg;
		return 0;
	case OPT_HELP:
		ret->job = DAXD_JOB_HELP;
		return 0;
	case OPT_VERSION:
		ret->job = DAXD_JOB_VERSION;
		return 0;
	}
	return -EINVAL;
}

static void fill_getopt(char letters[3 * OPTIONS], struct option longs[OPTIONS + 1])
{
	unsigned int i;
	char *p = letters;

	*p++ = ':';
	for (i = 0; i < OPTIONS; i++) {
		longs[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].arg ? required_argument : no_argument,
			.val = (int)table[i].id,
		};
		if (table[i].id >= 256)
			continue;
		*p++ = (char)table[i].id;
		if (table[i].arg)
			*p++ = ':';
	}
	*p = '\0';
	longs[OPTIONS] = (struct option){0};
}

/**
 * daxd_options_parse() - read the command line
 * @argc:	of main()
 * @argv:	of main(); the strings are kept
 * @ret:	receives the options
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_options_parse(int argc, char **argv, struct daxd_options *ret,
		       struct daxd_why *why)
{
	struct option longs[OPTIONS + 1];
	char letters[3 * OPTIONS];
	char mistake[DAX_OPTION_TEXT_LEN];
	int c;
	int r;

	*ret = (struct daxd_options){
		.frontend = -1, .kernel = -1, .ready_fd = -1, .fault_report = -1};
	fill_getopt(letters, longs);
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return daxd_fail(why, EINVAL, "%s",
					 dax_option_text(longs, argv[optind - 1], optopt,
							 mistake));
		r = apply((enum option_id)c, optarg, ret, why);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return daxd_fail(
			why, EINVAL,
			"'%s': no arguments are taken (-c FILE names the config; "
			"see --help)",
			argv[optind]);
	if (ret->runtime_dir && !*ret->runtime_dir)
		return daxd_fail(why, EINVAL, "--runtime-dir: is empty");
	return 0;
}
