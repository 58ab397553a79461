/* SPDX-License-Identifier: BSD-2-Clause */
/* Output that goes on until it is interrupted: events, and a map that is kept current. */
#include "client/cuse-daxctl/watch.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cuse-daxctl/connect.h"
#include "client/cuse-daxctl/error.h"
#include "client/cuse-daxctl/human.h"
#include "client/cuse-daxctl/terminal.h"

#define RECONNECT_US 200000
#define REFRESH_US   500000
#define CLEAR        "\033[H\033[J"

static struct json_object *request_of(const char *verb, const char *device)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "verb", json_object_new_string(verb));
	if (device)
		json_object_object_add(json, "device", json_object_new_string(device));
	return json;
}

/* An event without a device concerns all of them. */
static bool is_wanted(const struct ctl_watch *w, struct json_object *event)
{
	struct json_object *name;

	return !w->device || !json_object_object_get_ex(event, "chardev", &name) ||
	       !strcmp(json_object_get_string(name), w->device);
}

static void print_event(const struct ctl_watch *w, const char *line)
{
	struct json_object *event = json_tokener_parse(line);

	if (!event)
		fputs(line, stdout);
	else if (is_wanted(w, event) && w->is_human)
		ctl_human_event(event);
	else if (is_wanted(w, event))
		fputs(line, stdout);
	json_object_put(event);
}

/* Copy events until the daemon exits. Return: false if they cannot be written. */
static bool copy_events(const struct ctl_watch *w, int fd)
{
	FILE *stream = fdopen(fd, "r");
	bool is_good = stream != NULL;
	char *line = NULL;
	size_t size = 0;

	while (is_good && getline(&line, &size, stream) > 0) {
		print_event(w, line);
		is_good = fflush(stdout) == 0;
	}
	if (!is_good)
		ctl_error("standard output: %m");
	free(line);
	if (stream)
		fclose(stream);
	else
		close(fd);
	return is_good;
}

/* Return: a stream of events, or -1 after a message. */
static int open_stream(struct cuse_daxd *d)
{
	struct json_object *request = request_of("watch", NULL);
	int stream = ctl_connect_ask_stream(d, request);

	json_object_put(request);
	return stream;
}

/* Return: a stream of the next daemon's events. */
static int wait_for_stream(struct cuse_daxd *d, const char *runtime_dir)
{
	int stream;

	for (;;) {
		while (cuse_daxd_connect(d, runtime_dir) < 0)
			usleep(RECONNECT_US);
		/* One that is about to exit, too, may still accept a connection. */
		stream = open_stream(d);
		if (stream >= 0)
			return stream;
		usleep(5 * RECONNECT_US);
	}
}

/* Tell the reader that events may be missing: the daemon is another one. */
static void print_restart(const struct ctl_watch *w)
{
	g_autofree char *line =
		g_strdup_printf("{\"time\":%.3f,\"event\":\"restart\"}\n",
				(double)g_get_real_time() / G_USEC_PER_SEC);

	print_event(w, line);
	fflush(stdout);
}

/**
 * ctl_watch_events() - print a line for each event
 * @w:		what is watched
 *
 * Return: 1, when the daemon has exited (not with is_follow), or after another error.
 */
int ctl_watch_events(const struct ctl_watch *w)
{
	struct cuse_daxd *d = ctl_connect(w->runtime_dir);
	int stream = d ? open_stream(d) : -1;

	while (stream >= 0 && copy_events(w, stream)) {
		ctl_error("the daemon has exited%s",
			  w->is_follow ? ", waiting for the next one" : "");
		if (!w->is_follow)
			break;
		stream = wait_for_stream(d, w->runtime_dir);
		print_restart(w);
	}
	cuse_daxd_free(d);
	return 1;
}

static int print_map(const struct ctl_watch *w, struct json_object *map)
{
	if (!w->is_human) {
		puts(json_object_to_json_string_ext(map, JSON_C_TO_STRING_PLAIN));
	} else {
		if (ctl_terminal_width())
			fputs(CLEAR, stdout);
		ctl_human_map(map);
	}
	if (fflush(stdout) == 0)
		return 0;
	ctl_error("standard output: %m");
	return -1;
}

/**
 * ctl_watch_map() - print the map of a device now, and again whenever it has changed
 * @w:		what is watched
 *
 * Return: 1, when the daemon has exited or the device is gone, or after another error.
 */
int ctl_watch_map(const struct ctl_watch *w)
{
	struct json_object *request = request_of("map", w->device);
	struct json_object *before = NULL;
	struct cuse_daxd *d = ctl_connect(w->runtime_dir);
	int r = d ? 0 : -1;

	while (r == 0) {
		struct json_object *map = ctl_connect_ask(d, request);

		if (!map) {
			r = -1;
		} else if (!json_object_equal(map, before)) {
			r = print_map(w, map);
			json_object_put(before);
			before = map;
		} else {
			json_object_put(map);
		}
		if (r == 0)
			usleep(REFRESH_US);
	}
	json_object_put(before);
	json_object_put(request);
	cuse_daxd_free(d);
	return 1;
}
