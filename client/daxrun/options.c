/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: one table of the options, their help and their checks. */
#include "client/daxrun/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/fault.h"

#include "client/daxrun/util.h"

enum option_id {
	OPT_DEVICE = 'd',
	OPT_CONFIG = 'c',
	OPT_QUIET = 'q',
	OPT_HELP = 'h',
	OPT_CONNECT = CHAR_MAX + 1,
	OPT_FAULT,
	OPT_FAULT_LOG,
	OPT_FAULT_REPORT,
	OPT_SWEEP,
	OPT_JOBS,
	OPT_TRACE,
	OPT_CHECK,
	OPT_PRINT_ENV,
	OPT_VERSION,
};

static const struct {
	const char *name;
	int id;
	int has_arg;
	const char *arg;
	const char *help;
} options[] = {
	{"device", OPT_DEVICE, required_argument, "NAME[,size=SIZE][,...]",
	 "a device; daxX.Y is device Y of region X; repeatable\n"
	 "size=SIZE        usable size (default 1G, or the size in the file)\n"
	 "align=4K|2M|1G   (default 2M)\n"
	 "backing=SPEC     memfd (default), hugetlb, hugetlbfs:PATH, pmem:PATH\n"
	 "map=mem|dev      place where the kernel would keep its page structs\n"
	 "mode=OCTAL       mode of the node (default 0600)\n"
	 "type=static|dynamic  like a pmem namespace (default), or like dax_hmem's"},
	{"config", OPT_CONFIG, required_argument, "FILE",
	 "use the devices of this cuse-daxd.conf(5) instead"},
	{"connect", OPT_CONNECT, optional_argument, "DIR",
	 "use a running daemon (default: the system's, or else the user's)"},
	{"fault", OPT_FAULT, required_argument, "RULE",
	 "a fault rule; repeatable\n"
	 "where  device:0.0 offset:SIZE length:SIZE, and the call: open, mmap,\n"
	 "       munmap, mprotect, mremap, msync, madvise, write (sysfs), touch\n"
	 "what   poison [latent], sigbus, errno:NAME, delay:TIME, disable\n"
	 "when   always, nth:N, every:N, probability:P seed:N, times:N, after:TIME,\n"
	 "       while:FILE, pid:N, uid:N, comm:NAME"},
	{"fault-log", OPT_FAULT_LOG, required_argument, "FILE|FD",
	 "write a line of JSON for each injected fault"},
	{"fault-report", OPT_FAULT_REPORT, no_argument, NULL,
	 "at the end, print which faults were injected and how COMMAND ended"},
	{"sweep", OPT_SWEEP, required_argument, "RULE",
	 "run COMMAND once for each step of the range in the rule, such as\n"
	 "'mmap errno:ENOMEM nth:1..N', with fresh devices each time; N: up to the\n"
	 "first step in which nothing is injected. Print a table; the exit status\n"
	 "is 1 if COMMAND crashed or hung (60 s) in any step"},
	{"jobs", OPT_JOBS, required_argument, "N",
	 "number of steps to run at the same time (default 1)"},
	{"trace", OPT_TRACE, optional_argument, "FILE",
	 "print one line for every dax call to FILE (default: stderr)"},
	{"quiet", OPT_QUIET, no_argument, NULL,
	 "print no lines about refused calls on stderr"},
	{"check", OPT_CHECK, no_argument, NULL,
	 "report which mechanisms work here and what the absence of the others\n"
	 "costs; run nothing"},
	{"print-env", OPT_PRINT_ENV, no_argument, NULL,
	 "print the environment that a program needs, for eval; without\n"
	 "--connect, start a daemon that exits with the shell"},
	{"help", OPT_HELP, no_argument, NULL, "print the options and exit"},
	{"version", OPT_VERSION, no_argument, NULL, "print the version and exit"},
};

#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))

static void print_help(void)
{
	size_t i;

	printf("Usage: daxrun [OPTIONS] [--] COMMAND [ARG...]\n"
	       "\n"
	       "Run COMMAND with /dev/dax devices, and start a private daemon that exits "
	       "with\n"
	       "it, unless told to connect to one. With no options there is one device, "
	       "dax0.0,\n"
	       "of 1 GiB with align 2M, in memory.\n"
	       "\n");
	for (i = 0; i < NR_OPTIONS; i++) {
		const char *p = options[i].help;
		char left[64] = "    ";
		const char *nl;

		if (options[i].id < CHAR_MAX)
			snprintf(left, sizeof(left), "-%c, ", options[i].id);
		snprintf(left + 4, sizeof(left) - 4, "--%s%s%s%s", options[i].name,
			 options[i].has_arg == optional_argument ? "[="
			 : options[i].arg                        ? "="
								 : "",
			 options[i].arg ? options[i].arg : "",
			 options[i].has_arg == optional_argument ? "]" : "");
		printf("  %s\n", left);
		while ((nl = strchr(p, '\n'))) {
			printf("          %.*s\n", (int)(nl - p), p);
			p = nl + 1;
		}
		printf("          %s\n", p);
	}
	printf("\n"
	       "Exit status: COMMAND's; 125 daxrun failed, 126 cannot execute, 127 not "
	       "found.\n"
	       "See daxrun(1).\n");
}

static void add(const char ***list, int *nr, const char *value)
{
	const char **more = realloc(*list, ((size_t)*nr + 1) * sizeof(**list));

	if (!more)
		run_die("out of memory");
	more[(*nr)++] = value;
	*list = more;
}

/* End daxrun if a rule has a mistake, with its position and the expected words. */
static void check_fault(const char *text)
{
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;

	if (dax_fault_parse(text, &rule, &why) < 0)
		run_die("--fault '%s': at character %zu: %s", text, why.pos + 1,
			why.text);
}

static int parse_jobs(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < 1 || n > 256)
		run_die("--jobs: '%s' is not a number from 1 to 256", text);
	return (int)n;
}

/* Every step has fresh devices, so none may be in a file that stays. */
static void check_sweep(const struct run_options *o)
{
	int i;

	if (o->is_print_env || o->is_check)
		run_die("--sweep needs a command");
	for (i = 0; i < o->nr_devices; i++)
		if (strstr(o->devices[i], "backing=pmem:") ||
		    strstr(o->devices[i], "backing=hugetlbfs:"))
			run_die("--sweep: '%s' is not fresh in every step (use "
				"backing=memfd or hugetlb)",
				o->devices[i]);
}

/* End daxrun if options exclude each other, or if one is missing. */
static void check(const struct run_options *o)
{
	if (o->nr_devices && o->config)
		run_die("--device and --config: give one of them");
	if (o->is_connect && (o->nr_devices || o->config || o->nr_faults ||
			      o->fault_log || o->is_report || o->sweep))
		run_die("--connect uses the devices of a running daemon: leave out --%s",
			o->nr_devices  ? "device"
			: o->config    ? "config"
			: o->nr_faults ? "fault"
			: o->fault_log ? "fault-log"
			: o->sweep     ? "sweep"
				       : "fault-report");
	if (o->sweep)
		check_sweep(o);
	if (!o->command[0] && !o->is_check && !o->is_print_env)
		run_die("no command (try 'daxrun --help')");
}

/**
 * run_options_parse() - read the command line
 * @argc, @argv: main's
 * @ret:	receives the options; its strings are @argv's
 *
 * Ends daxrun on --help, --version and mistakes.
 */
void run_options_parse(int argc, char **argv, struct run_options *ret)
{
	struct option longs[NR_OPTIONS + 1] = {0};
	size_t i;
	int c;

	memset(ret, 0, sizeof(*ret));
	ret->report_fd = -1;
	ret->nr_jobs = 1;
	for (i = 0; i < NR_OPTIONS; i++)
		longs[i] = (struct option){options[i].name, options[i].has_arg, NULL,
					   options[i].id};
	opterr = 0;
	/* "+": options behind the command belong to the command. */
	while ((c = getopt_long(argc, argv, "+:d:c:qh", longs, NULL)) != -1) {
		switch (c) {
		case OPT_DEVICE:
			add(&ret->devices, &ret->nr_devices, optarg);
			break;
		case OPT_FAULT:
			check_fault(optarg);
			add(&ret->faults, &ret->nr_faults, optarg);
			break;
		case OPT_FAULT_LOG:
			ret->fault_log = optarg;
			break;
		case OPT_FAULT_REPORT:
			ret->is_report = true;
			break;
		case OPT_SWEEP:
			ret->sweep = optarg;
			break;
		case OPT_JOBS:
			ret->nr_jobs = parse_jobs(optarg);
			break;
		case OPT_CONFIG:
			ret->config = optarg;
			break;
		case OPT_CONNECT:
			ret->is_connect = true;
			ret->connect_dir = optarg;
			break;
		case OPT_TRACE:
			ret->is_trace = true;
			ret->trace_file = optarg;
			break;
		case OPT_QUIET:
			ret->is_quiet = true;
			break;
		case OPT_CHECK:
			ret->is_check = true;
			break;
		case OPT_PRINT_ENV:
			ret->is_print_env = true;
			break;
		case OPT_HELP:
			print_help();
			exit(0);
		case OPT_VERSION:
			printf("daxrun " DAXD_VERSION "\n");
			exit(0);
		case ':':
			run_die("%s needs an argument (try 'daxrun --help')",
				argv[optind - 1]);
		default:
			run_die("unknown option '%s' (try 'daxrun --help')",
				argv[optind - 1]);
		}
	}
	ret->command = argv + optind;
	check(ret);
}
