/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuse-daxctl: send requests to a running cuse-daxd, in JSON; print the replies.
 *
 * Exit status: 0; 1: the request failed; 2: the command line is wrong.
 */
#include <getopt.h>
#include <glib.h>
#include <json-c/json.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/nearest.h"
#include "libcore/option_text.h"

#include "client/cuse-daxctl/connect.h"
#include "client/cuse-daxctl/error.h"
#include "client/cuse-daxctl/human.h"
#include "client/cuse-daxctl/inspect.h"
#include "client/cuse-daxctl/watch.h"

static const struct verb {
	const char *name;
	const char *arg; /* its argument; in brackets if optional */
	const char *key; /* name of the argument in the request */
	const char *help;
	void (*print)(struct json_object *json); /* with --human */
	bool is_offline;                         /* needs no daemon */
	bool is_long;                            /* further arguments are its rule */
} verbs[] = {
	{"list", NULL, NULL, "list the devices", ctl_human_list},
	{"mappings", NULL, NULL, "show which process has which device mapped where",
	 ctl_human_mappings},
	{"stats", NULL, NULL, "show the state of the daemon and the use of its devices",
	 ctl_human_stats},
	{"create", "[REGION]", "region",
	 "make a device in a dynamic region and enable it", ctl_human_device},
	{"destroy", "DEVICE", "device", "disable and delete a device", ctl_human_device},
	{"enable", "DEVICE", "device", "let programs use a device again",
	 ctl_human_device},
	{"disable", "DEVICE", "device", "take a device from all programs; its data stays",
	 ctl_human_device},
	{"inspect", "FILE", "file",
	 "show what is in the file of a region; needs no daemon", ctl_human_image,
	 .is_offline = true},
	{"inject", "DEVICE", "device", "poison memory: --offset and --length",
	 ctl_human_device},
	{"clear", "DEVICE", "device", "clear poisoned memory, which is then zero",
	 ctl_human_device},
	{"fault", "[add RULE|remove ID|list]", "action",
	 "add, remove or list fault rules", ctl_human_faults, .is_long = true},
	{"map", "DEVICE", "device", "show the device as a strip of its units",
	 ctl_human_map},
	{"watch", "[DEVICE]", "device",
	 "print one line for each event, until interrupted", ctl_human_event},
};

static const struct {
	int letter;
	const char *name;
	const char *arg;
	const char *help;
	const char *verb; /* the verbs that take it; its text goes to the daemon */
	bool is_local;    /* the daemon does not get it */
} table[] = {
	{'r', "runtime-dir", "DIR", "runtime directory of the daemon to contact"},
	{'u', "human", NULL, "print columns and readable sizes instead of JSON"},
	{'R', "region", "REGION",
	 "create: the region; default: the first dynamic one with room", "create"},
	{'s', "size", "SIZE", "create: its size, such as 256M; default: all that is left",
	 "create"},
	{'a', "align", "ALIGN", "create: 4K, 2M or 1G; default: the region's", "create"},
	{'o', "offset", "SIZE",
	 "inject, clear: offset in the device; default for clear: 0", "inject clear"},
	{'l', "length", "SIZE",
	 "inject, clear: length of the range; default for clear: the rest",
	 "inject clear"},
	{'L', "latent", NULL, "inject: the poison is unknown until it is touched",
	 "inject"},
	{'f', "follow", NULL, "watch: when the daemon exits, wait for the next one",
	 "watch", .is_local = true},
	{'w', "watch", NULL, "map: print it again whenever it has changed", "map",
	 .is_local = true},
	{'h', "help", NULL, "print the options and verbs and exit"},
	{'V', "version", NULL, "print the version and exit"},
};

#define VERBS   (sizeof(verbs) / sizeof(verbs[0]))
#define OPTIONS (sizeof(table) / sizeof(table[0]))

struct command {
	const char *runtime_dir;
	bool is_human;
	bool is_follow;
	bool is_watch;
	const char *text[OPTIONS]; /* arguments of options that go to the daemon */
};

static void print_help(void)
{
	unsigned int i;

	printf("usage: cuse-daxctl [OPTIONS] VERB [ARGUMENT]\n"
	       "Query and control a running cuse-daxd.\n\n");
	for (i = 0; i < OPTIONS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "-%c, --%s%s%s", table[i].letter,
			 table[i].name, table[i].arg ? "=" : "",
			 table[i].arg ? table[i].arg : "");
		printf("  %-24s %s\n", left, table[i].help);
	}
	printf("\nVerbs:\n");
	for (i = 0; i < VERBS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s", verbs[i].name,
			 verbs[i].arg ? " " : "", verbs[i].arg ? verbs[i].arg : "");
		printf("  %-24s %s\n", left, verbs[i].help);
	}
	printf("\nThe default of --runtime-dir is $CUSE_DAXD_RUNTIME_DIR, then the "
	       "system's directory,\n/run/cuse-daxd, and then the user's.\n");
}

static const struct verb *find_verb(const char *name)
{
	unsigned int i;

	for (i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static void refuse_verb(const char *name)
{
	char near[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;
	unsigned int i;

	dax_nearest_begin(&n, name);
	for (i = 0; i < VERBS; i++)
		dax_nearest_offer(&n, verbs[i].name);
	ctl_error("'%s' is not a verb (%ssee --help)", name,
		  dax_nearest_text(&n, "", near));
}

static void add_string(struct json_object *json, const char *key, const char *value)
{
	json_object_object_add(json, key, json_object_new_string(value));
}

/* Accept "3", and also "region3" as in daxctl. */
static const char *region_number(const char *text)
{
	return strncmp(text, "region", 6) ? text : text + 6;
}

static struct json_object *make_request(const struct verb *verb,
					const struct command *command, const char *arg)
{
	struct json_object *json = json_object_new_object();
	unsigned int i;

	add_string(json, "verb", verb->name);
	for (i = 0; i < OPTIONS; i++)
		if (command->text[i] && !table[i].is_local)
			add_string(json, table[i].name,
				   strcmp(table[i].name, "region")
					   ? command->text[i]
					   : region_number(command->text[i]));
	if (arg)
		add_string(json, verb->key,
			   strcmp(verb->key, "region") ? arg : region_number(arg));
	return json;
}

static void print_json(struct json_object *json)
{
	printf("%s\n",
	       json_object_to_json_string_ext(
		       json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Print a reply. Return: @status, or 1 if it cannot be written. */
static int print_reply(const struct verb *verb, const struct command *command,
		       struct json_object *reply, int status)
{
	if (command->is_human)
		verb->print(reply);
	else
		print_json(reply);
	json_object_put(reply);
	if (fflush(stdout) != 0) {
		ctl_error("standard output: %m");
		return 1;
	}
	return status;
}

static int inspect(const struct verb *verb, const struct command *command,
		   const char *path)
{
	struct json_object *json;
	int r = ctl_inspect(path, &json);

	return json ? print_reply(verb, command, json, r < 0) : 1;
}

/* Print events, or a map; the device may be one that is still to come. */
static int watch(const struct command *command, const char *device)
{
	const struct ctl_watch w = {
		.runtime_dir = command->runtime_dir,
		.device = device ? dax_name_of_node(device) : NULL,
		.is_human = command->is_human,
		.is_follow = command->is_follow,
	};

	if (w.device && dax_name_parse(w.device, &(uint32_t){0}, &(uint32_t){0}) < 0) {
		ctl_error("'%s' is not the name of a device (try dax0.0)", device);
		return DAX_EXIT_USAGE;
	}
	return command->is_watch ? ctl_watch_map(&w) : ctl_watch_events(&w);
}

static int run(const struct verb *verb, const struct command *command, char **args)
{
	const char *arg = args[0];
	struct json_object *request;
	struct json_object *reply;
	struct cuse_daxd *d = ctl_connect(command->runtime_dir);

	if (!d)
		return 1;
	request = make_request(verb, command, arg);
	if (verb->is_long && arg && args[1]) {
		g_autofree char *rest = g_strjoinv(" ", args + 1);

		add_string(request, "rule", rest);
	}
	reply = ctl_connect_ask(d, request);
	json_object_put(request);
	cuse_daxd_free(d);
	if (!reply)
		return 1;
	return print_reply(verb, command, reply, 0);
}

/* Return: -1, or the exit status if cuse-daxctl is done. */
static int take_option(int letter, struct command *command)
{
	unsigned int i;

	switch (letter) {
	case 'r':
		command->runtime_dir = optarg;
		return -1;
	case 'u':
		command->is_human = true;
		return -1;
	case 'f':
		command->is_follow = true;
		break;
	case 'w':
		command->is_watch = true;
		break;
	case 'h':
		print_help();
		return 0;
	case 'V':
		printf(DAX_VERSION_TEXT("cuse-daxctl"));
		return 0;
	default:
		break;
	}
	for (i = 0; i < OPTIONS; i++) {
		if (table[i].letter == letter && table[i].verb) {
			command->text[i] = table[i].arg ? optarg : "true";
			return -1;
		}
	}
	return DAX_EXIT_USAGE;
}

static bool is_one_of(const char *word, const char *words)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);

	return g_strv_contains((const char *const *)list, word);
}

/* True if the arguments of "fault" are an action and what it needs. */
static bool is_fault_fit(char **args, int nr_args)
{
	static const struct {
		const char *name;
		const char *needs;
		int most; /* arguments; a rule may be several words */
	} actions[] = {{"add", "RULE", INT_MAX}, {"remove", "ID", 1}, {"list", NULL, 0}};
	char near[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;
	unsigned int i;

	if (!nr_args)
		return true;
	dax_nearest_begin(&n, args[0]);
	for (i = 0; i < G_N_ELEMENTS(actions); i++) {
		dax_nearest_offer(&n, actions[i].name);
		if (strcmp(actions[i].name, args[0]))
			continue;
		if (actions[i].needs && nr_args == 1)
			ctl_error("fault %s: %s is missing (see --help)", args[0],
				  actions[i].needs);
		else if (nr_args - 1 > actions[i].most)
			ctl_error("fault %s: '%s' is one argument too many (see --help)",
				  args[0], args[1 + actions[i].most]);
		else
			return true;
		return false;
	}
	ctl_error("fault: unknown action '%s' (%sadd RULE, remove ID, list)", args[0],
		  dax_nearest_text(&n, "", near));
	return false;
}

/* True if the options belong to the verb and it has the argument that it needs. */
static bool is_fit(const struct verb *verb, const struct command *command, char **args,
		   int nr_args)
{
	unsigned int i;

	for (i = 0; i < OPTIONS; i++) {
		if (command->text[i] && !is_one_of(verb->name, table[i].verb)) {
			ctl_error("--%s is not for '%s' (see --help)", table[i].name,
				  verb->name);
			return false;
		}
	}
	if (verb->is_long)
		return is_fault_fit(args, nr_args);
	if (nr_args > (verb->arg ? 1 : 0)) {
		ctl_error("%s: '%s' is one argument too many (see --help)", verb->name,
			  args[verb->arg ? 1 : 0]);
		return false;
	}
	if (!nr_args && verb->arg && verb->arg[0] != '[') {
		ctl_error("%s: %s is missing (see --help)", verb->name, verb->arg);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct option longs[OPTIONS + 1] = {0};
	char shorts[2 * OPTIONS + 2] = ":";
	char mistake[DAX_OPTION_TEXT_LEN];
	struct command command = {0};
	const struct verb *verb;
	unsigned int i;
	int c;

	setlocale(LC_CTYPE, "");
	for (i = 0; i < OPTIONS; i++) {
		size_t len = strlen(shorts);

		longs[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].arg ? required_argument : no_argument,
			.val = table[i].letter,
		};
		snprintf(shorts + len, sizeof(shorts) - len, "%c%s", table[i].letter,
			 table[i].arg ? ":" : "");
	}
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		int status = take_option(c, &command);

		if (status == DAX_EXIT_USAGE)
			ctl_error("%s", dax_option_text(longs, argv[optind - 1], optopt,
							mistake));
		if (status >= 0)
			return status;
	}
	if (argc == optind) {
		ctl_error("the verb is missing (see --help)");
		return DAX_EXIT_USAGE;
	}
	verb = find_verb(argv[optind]);
	if (!verb) {
		refuse_verb(argv[optind]);
		return DAX_EXIT_USAGE;
	}
	if (!is_fit(verb, &command, argv + optind + 1, argc - optind - 1))
		return DAX_EXIT_USAGE;
	if (verb->is_offline)
		return inspect(verb, &command, argv[optind + 1]);
	if (command.is_watch || verb->print == ctl_human_event)
		return watch(&command, argv[optind + 1]);
	return run(verb, &command, argv + optind + 1);
}
