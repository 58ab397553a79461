/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuse-daxctl: asks a running cuse-daxd, in JSON; prints what it answers.
 *
 * Exit status: 0; 1: it could not be done; 2: the command line is wrong.
 */
#include "client/cuse-daxctl/daxctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct verb {
	const char *name;
	const char *help;
	void (*print)(struct json_object *json); /* with --human */
} verbs[] = {
	{"list", "the devices", ctl_print_list},
	{"mappings", "which process has which device mapped where", ctl_print_mappings},
	{"stats", "the daemon, and how its devices are used", ctl_print_stats},
};

static const struct {
	int letter;
	const char *name;
	const char *arg;
	const char *help;
} table[] = {
	{'r', "runtime-dir", "DIR", "of the daemon to ask"},
	{'u', "human", NULL, "columns and sizes for people instead of JSON"},
	{'h', "help", NULL, "print this, and end"},
	{'V', "version", NULL, "print the version, and end"},
};

#define VERBS   (sizeof(verbs) / sizeof(verbs[0]))
#define OPTIONS (sizeof(table) / sizeof(table[0]))

void ctl_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "cuse-daxctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void print_help(void)
{
	unsigned int i;

	printf("usage: cuse-daxctl [OPTIONS] VERB\nAsks a running cuse-daxd.\n\n");
	for (i = 0; i < OPTIONS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "-%c, --%s%s%s", table[i].letter,
			 table[i].name, table[i].arg ? "=" : "",
			 table[i].arg ? table[i].arg : "");
		printf("  %-24s %s\n", left, table[i].help);
	}
	printf("\nVerbs:\n");
	for (i = 0; i < VERBS; i++)
		printf("  %-24s %s\n", verbs[i].name, verbs[i].help);
	printf("\nThe daemon is looked for in --runtime-dir, else in "
	       "$CUSE_DAXD_RUNTIME_DIR,\nelse in the system's place and then in the "
	       "user's.\n");
}

static const struct verb *find_verb(const char *name)
{
	unsigned int i;

	for (i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int run(const struct verb *verb, const char *runtime_dir, bool is_human)
{
	struct json_object *question;
	struct json_object *answer;
	int fd;

	fd = ctl_connect(runtime_dir);
	if (fd < 0)
		return 1;
	question = json_object_new_object();
	json_object_object_add(question, "verb", json_object_new_string(verb->name));
	answer = ctl_ask(fd, question);
	json_object_put(question);
	close(fd);
	if (!answer)
		return 1;
	if (is_human)
		verb->print(answer);
	else
		printf("%s\n", json_object_to_json_string_ext(
				       answer, JSON_C_TO_STRING_PRETTY |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(answer);
	if (fflush(stdout) != 0) {
		ctl_error("standard output: %m");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct option longs[OPTIONS + 1] = {0};
	const char *runtime_dir = NULL;
	const struct verb *verb;
	bool is_human = false;
	unsigned int i;
	int c;

	for (i = 0; i < OPTIONS; i++)
		longs[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].arg ? required_argument : no_argument,
			.val = table[i].letter,
		};
	while ((c = getopt_long(argc, argv, "r:uhV", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			runtime_dir = optarg;
			break;
		case 'u':
			is_human = true;
			break;
		case 'h':
			print_help();
			return 0;
		case 'V':
			printf("cuse-daxctl %s\n", DAXD_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	if (argc - optind != 1) {
		ctl_error(argc == optind ? "no verb given (see --help)"
					 : "one verb at a time (see --help)");
		return 2;
	}
	verb = find_verb(argv[optind]);
	if (!verb) {
		ctl_error("'%s': there is no such verb (see --help)", argv[optind]);
		return 2;
	}
	return run(verb, runtime_dir, is_human);
}
