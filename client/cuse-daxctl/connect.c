/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections to the daemon, requests and replies: libcuse-daxd with messages. */
#include "client/cuse-daxctl/connect.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/cuse-daxctl/error.h"
#include "client/lib/cuse_daxd.h"

static const char *remedy_of(int error)
{
	return error == EMFILE || error == ENFILE
		       ? " (raise the limit of open files: ulimit -n)"
		       : " (start cuse-daxd, or use --runtime-dir)";
}

/**
 * ctl_connect() - connect to a daemon
 * @runtime_dir:	its runtime directory; NULL: search
 *
 * Return: a handle, for cuse_daxd_free(); or NULL after a message.
 */
struct cuse_daxd *ctl_connect(const char *runtime_dir)
{
	struct cuse_daxd *d = cuse_daxd_new();
	const char *why;
	int r;

	if (!d) {
		ctl_error("out of memory");
		return NULL;
	}
	r = cuse_daxd_connect(d, runtime_dir);
	if (r == 0)
		return d;
	/* A reason that is no errno has its own remedy. */
	why = cuse_daxd_error(d);
	ctl_error("%s%s", why, why[strlen(why) - 1] == ')' ? "" : remedy_of(-r));
	cuse_daxd_free(d);
	return NULL;
}

/**
 * ctl_connect_ask() - send a request and wait for the reply
 * @d:		from ctl_connect()
 * @request:	the request, an object with a "verb"
 *
 * Return: the reply, for the caller to json_object_put(); NULL after a message.
 */
struct json_object *ctl_connect_ask(struct cuse_daxd *d, struct json_object *request)
{
	struct json_object *json;
	char *text = NULL;

	if (cuse_daxd_request(d, json_object_to_json_string(request), &text) < 0) {
		ctl_error("%s", cuse_daxd_error(d));
		return NULL;
	}
	json = json_tokener_parse(text);
	free(text);
	if (!json)
		ctl_error("the daemon's reply is not JSON (is it another version?)");
	return json;
}

/**
 * ctl_connect_ask_stream() - send a request whose reply is a stream
 * @d:		from ctl_connect()
 * @request:	the request, an object with a "verb"
 *
 * Return: a descriptor to read lines from; -1 after a message.
 */
int ctl_connect_ask_stream(struct cuse_daxd *d, struct json_object *request)
{
	int stream = cuse_daxd_request_stream(d, json_object_to_json_string(request));

	if (stream >= 0)
		return stream;
	ctl_error("%s", cuse_daxd_error(d));
	return -1;
}
