/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: one table of the options, their help and their checks. */
#include "client/daxrun/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/crash_text.h"
#include "libcore/fault.h"
#include "libcore/kernel.h"
#include "libcore/option_text.h"

#include "client/daxrun/util.h"

enum option_id {
	OPT_DEVICE = 'd',
	OPT_CONFIG = 'c',
	OPT_QUIET = 'q',
	OPT_HELP = 'h',
	OPT_VERSION = 'V',
	OPT_CONNECT = CHAR_MAX + 1,
	OPT_KERNEL,
	OPT_REACH,
	OPT_FAULT,
	OPT_FAULT_LOG,
	OPT_FAULT_REPORT,
	OPT_SWEEP,
	OPT_JOBS,
	OPT_TIMEOUT,
	OPT_KEEP,
	OPT_REPORT,
	OPT_CRASH,
	OPT_VERIFY,
	OPT_VERIFY_FAULT,
	OPT_STATES,
	OPT_SEED,
	OPT_FENCES,
	OPT_MAX,
	OPT_INSTRUCTIONS,
	OPT_IMAGE,
	OPT_TRACE,
	OPT_CHECK,
	OPT_PRINT_ENV,
	OPT_PRINT_CDI,
};

/* Options that mean nothing without another one. */
enum needs {
	NEEDS_NOTHING,
	NEEDS_RUNS, /* --sweep or --crash */
	NEEDS_CRASH,
	NEEDS_NR,
};

static const struct {
	const char *name;
	int id;
	int has_arg;
	const char *arg;
	const char *help;
	enum needs needs;
} options[] = {
	{"device", OPT_DEVICE, required_argument, "NAME[,size=SIZE][,...]",
	 "a device; daxX.Y is device Y of region X; repeatable\n"
	 "size=SIZE        usable size (default 1G, or the size in the file)\n"
	 "align=4K|2M|1G   (default 2M)\n"
	 "backing=SPEC     memory (default), hugetlb, hugetlbfs:PATH, pmem:PATH\n"
	 "map=mem|dev      place where the kernel would keep its page structs\n"
	 "mode=OCTAL       of the node (default 0600); or devdax, system-ram, "
	 "famfs\n"
	 "type=static|dynamic|cxl  like pmem namespaces (default), dax_hmem's, CXL's\n"
	 "memdevs=N interleave=N granularity=SIZE bridges=N window=SIZE\n"
	 "start=devdax|kernel|none  of type=dynamic and cxl, see cuse-daxd.conf(5)"},
	{"config", OPT_CONFIG, required_argument, "FILE",
	 "use the devices of this cuse-daxd.conf(5) instead"},
	{"connect", OPT_CONNECT, optional_argument, "DIR",
	 "use a running daemon (default: the system's, or else the user's)"},
	{"kernel", OPT_KERNEL, required_argument, "6.1|6.12|6.18|7.3|host",
	 "answer as this Linux does (default host: the newest of these that is not\n"
	 "newer than the machine's own)"},
	{"reach", OPT_REACH, required_argument, "preload|all",
	 "which programs see the devices: those that load a preload library,\n"
	 "or static ones and Go programs, too, as copies (default: all)"},
	{"fault", OPT_FAULT, required_argument, "RULE",
	 "a fault rule; repeatable\n"
	 "where  device:0.0 offset:SIZE length:SIZE, and the call: open, mmap,\n"
	 "       munmap, mprotect, mremap, msync, madvise, write (sysfs), touch\n"
	 "what   poison [latent] or sigbus, [unit:align]; errno:NAME, delay:TIME,\n"
	 "       disable\n"
	 "when   always, nth:N, every:N, probability:P seed:N, times:N, after:TIME,\n"
	 "       while:FILE, pid:N, uid:N, comm:NAME"},
	{"fault-log", OPT_FAULT_LOG, required_argument, "FILE|FD",
	 "write a line of JSON for each injected fault"},
	{"fault-report", OPT_FAULT_REPORT, no_argument, NULL,
	 "at the end, print which faults were injected and how COMMAND ended"},
	{"sweep", OPT_SWEEP, required_argument, "RULE",
	 "run COMMAND once for each step of the range in the rule, with fresh\n"
	 "devices each time: 'mmap errno:ENOMEM nth:1..N', where N is up to the\n"
	 "first step in which nothing is injected, 'seed:1..8' or, with a step,\n"
	 "'offset:0..64M/2M'; repeatable: every combination. Print a table; exit\n"
	 "with 1 if COMMAND crashed or hung in any step, 125 if nothing was tested"},
	{"crash", OPT_CRASH, optional_argument, "FENCE:STATE",
	 "run COMMAND once, and CMD on each state in which a power failure may\n"
	 "leave the device (default 64M) at each fence of libpmem or libpmem2.\n"
	 "Print a table of bad states; exit with 1 if there is one, 125 if they\n"
	 "could not be judged. FENCE:STATE, as in 71:only:0x3c0600: this one only"},
	{"verify", OPT_VERIFY, required_argument, "CMD",
	 "a shell command that succeeds if the device is as it may be; it has\n"
	 "$CRASH_FENCE, $CRASH_STATE, and $CRASH_SAID, a file with what COMMAND\n"
	 "had printed by then",
	 NEEDS_CRASH},
	{"verify-fault", OPT_VERIFY_FAULT, required_argument, "RULE",
	 "a fault rule for CMD, as --fault is for COMMAND; repeatable", NEEDS_CRASH},
	{"states", OPT_STATES, required_argument, "KIND,...",
	 "of the lines in doubt survive: none, all, only one, all but one, or\n"
	 "K random choices, rand:K (default " DAX_CRASH_CHOICE ")",
	 NEEDS_CRASH},
	{"seed", OPT_SEED, required_argument, "N", "for random choices (default 1)",
	 NEEDS_CRASH},
	{"fences", OPT_FENCES, required_argument, "A..B", "of these fences only",
	 NEEDS_CRASH},
	{"max", OPT_MAX, required_argument, "N", "check N states at most", NEEDS_CRASH},
	{"instructions", OPT_INSTRUCTIONS, no_argument, NULL,
	 "find flushes and fences as instructions, in COMMAND's code and its\n"
	 "libraries' (with breakpoints; x86-64), not as calls of libpmem",
	 NEEDS_CRASH},
	{"image", OPT_IMAGE, required_argument, "FILE",
	 "start with a copy of this file, made with backing=pmem:FILE", NEEDS_CRASH},
	{"jobs", OPT_JOBS, required_argument, "N",
	 "number of steps to run at the same time (default 1)", NEEDS_RUNS},
	{"timeout", OPT_TIMEOUT, required_argument, "TIME",
	 "a step that takes longer hangs (default 60s; 0: never)", NEEDS_RUNS},
	{"keep", OPT_KEEP, required_argument, "DIR",
	 "keep what each failing step wrote on stderr in DIR/STEP.stderr", NEEDS_RUNS},
	{"report", OPT_REPORT, required_argument, "FORMAT",
	 "junit:FILE or json:FILE in addition to the table, or tap instead of it;\n"
	 "repeatable",
	 NEEDS_RUNS},
	{"trace", OPT_TRACE, optional_argument, "FILE",
	 "print one line for every dax call to FILE (default: stderr)"},
	{"quiet", OPT_QUIET, no_argument, NULL,
	 "print no lines about refused calls on stderr"},
	{"check", OPT_CHECK, optional_argument, "json",
	 "try a daemon, a device, a mapping and a fault; report what works here,\n"
	 "and what the absence of the rest costs; exit with 1 if nothing can work"},
	{"print-env", OPT_PRINT_ENV, optional_argument, "github",
	 "print the environment that a program needs, for eval; without\n"
	 "--connect, start a daemon that exits with the shell. github: append it to\n"
	 "$GITHUB_ENV for the next steps of the job, with which the daemon exits"},
	{"print-cdi", OPT_PRINT_CDI, no_argument, NULL,
	 "print a CDI file, with which podman and containerd give containers the\n"
	 "devices; without --connect, start a daemon that exits with the shell"},
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

static void parse_check(struct run_options *ret, const char *arg)
{
	ret->is_check_json = arg && !strcmp(arg, "json");
	ret->is_check_probe = arg && !strcmp(arg, "probe");
	if (arg && !ret->is_check_json && !ret->is_check_probe)
		run_die("--check: '%s' is not a format (try json)", arg);
}

static void parse_kernel(const char *text, struct run_options *ret)
{
	char mistake[DAX_KERNEL_MISTAKE_LEN];

	if (dax_kernel_parse(text, &ret->kernel) < 0)
		run_die("--kernel: %s", dax_kernel_mistake(text, mistake));
	ret->has_kernel = true;
}

static enum run_reach parse_reach(const char *text)
{
	if (strcmp(text, "all") != 0 && strcmp(text, "preload") != 0)
		run_die("--reach: '%s' is neither preload nor all", text);
#ifndef __x86_64__
	if (!strcmp(text, "all"))
		run_die("--reach=all: works on x86-64 only");
#endif
	return strcmp(text, "all") ? RUN_REACH_PRELOAD : RUN_REACH_ALL;
}

static enum run_print parse_print(const char *arg)
{
	if (arg && strcmp(arg, "github") != 0)
		run_die("--print-env: '%s' is not a format (try github)", arg);
	return arg ? RUN_PRINT_GITHUB : RUN_PRINT_SHELL;
}

/* Read "500ms", "10s", "2m"; a number alone counts seconds. Return: milliseconds. */
static long parse_time(const char *text)
{
	static const struct {
		const char *name;
		long ms;
	} units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}};
	char *end;
	long n = strtol(text, &end, 10);
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end != text && n >= 0 && n <= 86400 && !strcmp(end, units[i].name))
			return n * units[i].ms;
	run_die("--timeout: '%s' is not a time (try 10s or 500ms)", text);
}

static uint64_t parse_number(const char *option, const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 0);

	if (*end || end == text || *text == '-')
		run_die("--%s: '%s' is not a number", option, text);
	return n;
}

static void parse_crash(const char *text, struct run_crash_options *crash)
{
	if (!text)
		return;
	crash->is_single = true;
	if (dax_crash_text_state(text, &crash->fences[0], &crash->single) < 0)
		run_die("--crash: '%s' is not FENCE:STATE (try 71:none, 71:only:0x40 or "
			"71:rand:1)",
			text);
	crash->fences[1] = crash->fences[0];
}

static void parse_states(const char *text, struct run_crash_options *crash)
{
	crash->states = text;
	if (dax_crash_text_choice(text, &crash->choice) < 0)
		run_die("--states: '%s' is not a list of none, all, only, but and "
			"rand:K, "
			"K up to %d",
			text, DAX_CRASH_RAND_MAX);
}

/* Every step has fresh devices, so none may be in a file that stays. */
static void check_sweep(const struct run_options *o)
{
	int i;

	if (o->print || o->is_check)
		run_die("--sweep needs a command");
	for (i = 0; i < o->nr_devices; i++)
		if (strstr(o->devices[i], "backing=pmem:") ||
		    strstr(o->devices[i], "backing=hugetlbfs:"))
			run_die("--sweep: '%s' is not fresh in every step (use "
				"backing=memory or hugetlb)",
				o->devices[i]);
}

/* The device of a recorded run is in a file of daxrun's own. */
static void check_crash(const struct run_options *o)
{
	const char *other = o->nr_sweeps                ? "sweep"
			    : o->is_connect             ? "connect"
			    : o->config                 ? "config"
			    : o->is_report              ? "fault-report"
			    : o->is_check               ? "check"
			    : o->print == RUN_PRINT_CDI ? "print-cdi"
			    : o->print                  ? "print-env"
							: NULL;

	if (other)
		run_die("--crash and --%s: give one of them", other);
#ifndef __x86_64__
	if (o->crash.is_by_instructions)
		run_die("--instructions: is for x86-64 only");
#endif
	if (!o->crash.verify)
		run_die("--crash needs --verify, a command that checks the device");
	if (o->nr_devices > 1)
		run_die("--crash records one device (give one --device)");
	if (o->nr_devices &&
	    (strstr(o->devices[0], "backing=") || strstr(o->devices[0], "type=dynamic")))
		run_die("--crash: '%s': the device is static, and in a file of daxrun's "
			"own "
			"(leave out backing= and type=; --image takes a file to begin "
			"with)",
			o->devices[0]);
}

/*
 * End daxrun if options exclude each other, or if one is missing; @needing has the name of
 * an option of each kind that was given, or NULL.
 */
static void check(const struct run_options *o, const char *const needing[NEEDS_NR])
{
	if (o->nr_devices && o->config)
		run_die("--device and --config: give one of them");
	if (o->is_connect &&
	    (o->nr_devices || o->config || o->has_kernel || o->nr_faults ||
	     o->fault_log || o->is_report || o->nr_sweeps))
		run_die("--connect uses the devices of a running daemon: leave out --%s",
			o->nr_devices   ? "device"
			: o->config     ? "config"
			: o->has_kernel ? "kernel"
			: o->nr_faults  ? "fault"
			: o->fault_log  ? "fault-log"
			: o->nr_sweeps  ? "sweep"
					: "fault-report");
	if (o->is_crash)
		check_crash(o);
	else if (o->nr_sweeps)
		check_sweep(o);
	else if (needing[NEEDS_RUNS])
		run_die("--%s needs --sweep or --crash", needing[NEEDS_RUNS]);
	if (!o->is_crash && needing[NEEDS_CRASH])
		run_die("--%s needs --crash", needing[NEEDS_CRASH]);
	if (o->reach == RUN_REACH_ALL && o->print)
		run_die("--reach=all needs a command");
	if (!o->command[0] && !o->is_check && !o->print)
		run_die("no command (try 'daxrun --help')");
}

/* Note what an option needs. End daxrun if its value is the "--" in front of the command. */
static void check_option(int id, char *const *last, const struct option *longs,
			 const char *needing[NEEDS_NR])
{
	char mistake[DAX_OPTION_TEXT_LEN];
	size_t i;

	if (optarg && optarg == last[0] && !strcmp(optarg, "--"))
		run_die("%s", dax_option_text(longs, last[-1], id, mistake));
	for (i = 0; i < NR_OPTIONS; i++)
		if (options[i].id == id)
			needing[options[i].needs] = options[i].name;
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
	const char *needing[NEEDS_NR] = {NULL};
	char mistake[DAX_OPTION_TEXT_LEN];
	size_t i;
	int c;

	memset(ret, 0, sizeof(*ret));
	ret->report_fd = -1;
	ret->nr_jobs = 1;
	ret->timeout_ms = 60000;
	parse_states(DAX_CRASH_CHOICE, &ret->crash);
	ret->crash.choice.seed = 1;
	ret->crash.max = UINT64_MAX;
	ret->crash.fences[0] = 1;
	ret->crash.fences[1] = UINT64_MAX;
	for (i = 0; i < NR_OPTIONS; i++)
		longs[i] = (struct option){options[i].name, options[i].has_arg, NULL,
					   options[i].id};
	opterr = 0;
	/* "+": options behind the command belong to the command. */
	while ((c = getopt_long(argc, argv, "+:d:c:qhV", longs, NULL)) != -1) {
		check_option(c, &argv[optind - 1], longs, needing);
		switch (c) {
		case OPT_DEVICE:
			add(&ret->devices, &ret->nr_devices, optarg);
			break;
		case OPT_KERNEL:
			parse_kernel(optarg, ret);
			break;
		case OPT_REACH:
			ret->reach = parse_reach(optarg);
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
			add(&ret->sweeps, &ret->nr_sweeps, optarg);
			break;
		case OPT_JOBS:
			ret->nr_jobs = parse_jobs(optarg);
			break;
		case OPT_TIMEOUT:
			ret->timeout_ms = parse_time(optarg);
			break;
		case OPT_KEEP:
			ret->keep = optarg;
			break;
		case OPT_REPORT:
			add(&ret->reports, &ret->nr_reports, optarg);
			break;
		case OPT_CONFIG:
			ret->config = optarg;
			break;
		case OPT_CONNECT:
			ret->is_connect = true;
			ret->connect_dir = optarg;
			break;
		case OPT_CRASH:
			ret->is_crash = true;
			parse_crash(optarg, &ret->crash);
			break;
		case OPT_VERIFY:
			ret->crash.verify = optarg;
			break;
		case OPT_VERIFY_FAULT:
			check_fault(optarg);
			add(&ret->crash.faults, &ret->crash.nr_faults, optarg);
			break;
		case OPT_STATES:
			parse_states(optarg, &ret->crash);
			break;
		case OPT_SEED:
			ret->crash.choice.seed = parse_number("seed", optarg);
			break;
		case OPT_FENCES:
			if (dax_crash_text_fences(optarg, ret->crash.fences) < 0)
				run_die("--fences: '%s' is not a range A..B", optarg);
			break;
		case OPT_MAX:
			ret->crash.max = parse_number("max", optarg);
			break;
		case OPT_INSTRUCTIONS:
			ret->crash.is_by_instructions = true;
			break;
		case OPT_IMAGE:
			ret->crash.image = optarg;
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
			parse_check(ret, optarg);
			break;
		case OPT_PRINT_ENV:
			ret->print = parse_print(optarg);
			break;
		case OPT_PRINT_CDI:
			ret->print = RUN_PRINT_CDI;
			break;
		case OPT_HELP:
			print_help();
			exit(0);
		case OPT_VERSION:
			printf(DAX_VERSION_TEXT("daxrun"));
			exit(0);
		default:
			run_die("%s", dax_option_text(longs, argv[optind - 1], optopt,
						      mistake));
		}
	}
	ret->command = argv + optind;
	check(ret, needing);
}
