/* SPDX-License-Identifier: BSD-2-Clause */
/* Make replies in JSON. */
#include "cuse-daxd/control/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/base/json.h"

static int fill_memfd(int fd, const char *text, size_t len)
{
	ssize_t n = pwrite(fd, text, len, 0);

	if (n != (ssize_t)len)
		return n < 0 ? -errno : -ENOSPC;
	if (fcntl(fd, F_ADD_SEALS,
		  F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

/**
 * daxd_reply_reserve() - make the descriptor of a reply before the request is carried out
 * @ret:	receives it, or the error
 *
 * Return: 0 or a negative errno.
 */
int daxd_reply_reserve(struct daxd_reply *ret)
{
	ret->fd = daxd_file_make_memfd("cuse-daxd-answer", MFD_ALLOW_SEALING);
	ret->owns_fd = ret->fd >= 0;
	ret->error = ret->owns_fd ? 0 : errno;
	return -ret->error;
}

/**
 * daxd_reply_json() - reply with JSON, in a sealed memfd
 * @json:	the reply; taken over
 * @error:	errno, or 0
 * @ret:	receives the reply; its descriptor may be reserved
 *
 * If there is no room for the JSON, the reply to a question is an error. The reply to an
 * order, which has a reserved descriptor, says whether the order is in force; its memfd is
 * empty.
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_reply_json(struct json_object *json, int error,
			       struct daxd_reply *ret)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	daxd_reply_text(text, len, error, ret);
	json_object_put(json);
	return DAXD_REPLY;
}

/**
 * daxd_reply_text() - reply with a text, in a sealed memfd
 * @text:	the reply, in JSON
 * @len:	bytes of it
 * @error:	errno, or 0
 * @ret:	receives the reply; may have been reserved
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_reply_text(const char *text, size_t len, int error,
			       struct daxd_reply *ret)
{
	const bool is_reserved = ret->owns_fd;
	int r;

	if (!is_reserved && daxd_reply_reserve(ret) < 0)
		return DAXD_REPLY;
	r = fill_memfd(ret->fd, text, len);
	ret->error = error;
	if (r == 0)
		return DAXD_REPLY;
	if (is_reserved) {
		if (ftruncate(ret->fd, 0) < 0)
			daxd_debug("reply: ftruncate: %s", strerror(errno));
		return DAXD_REPLY;
	}
	ret->error = -r;
	daxd_close_fd(&ret->fd);
	ret->owns_fd = false;
	return DAXD_REPLY;
}

/**
 * daxd_reply_done() - reply to an order that is in force, with JSON
 * @json:	the reply; taken over
 * @ret:	receives the reply; without JSON if there is no descriptor or memory for it,
 *		as an error would say that the order is not in force
 */
void daxd_reply_done(struct json_object *json, struct daxd_reply *ret)
{
	daxd_reply_json(json, 0, ret);
	ret->error = 0;
}

/**
 * daxd_reply_refuse() - reply with an error and the reason: {"error": "reason"}
 * @ret:	receives the reply
 * @error:	errno, negative or not
 * @fmt:	the reason
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_reply_refuse(struct daxd_reply *ret, int error, const char *fmt, ...)
{
	struct json_object *json = json_object_new_object();
	g_autofree char *why = NULL;
	va_list ap;

	va_start(ap, fmt);
	why = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	daxd_reply_add_string(json, "error", why);
	return daxd_reply_json(json, error < 0 ? -error : error, ret);
}

/**
 * daxd_reply_add_string() - add a text to an object
 * @json:	the object
 * @key:	the name of the member
 * @value:	the text; copied
 */
void daxd_reply_add_string(struct json_object *json, const char *key, const char *value)
{
	json_object_object_add(json, key, json_object_new_string(value));
}

/**
 * daxd_reply_add_number() - add a number to an object
 * @json:	the object
 * @key:	the name of the member
 * @value:	the number
 */
void daxd_reply_add_number(struct json_object *json, const char *key, uint64_t value)
{
	json_object_object_add(json, key, json_object_new_uint64(value));
}

/**
 * daxd_reply_refuse_stranger() - refuse a request of a user who may not change devices
 * @name:	the object of the request, for the message
 * @ret:	receives the reply
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_reply_refuse_stranger(const char *name, struct daxd_reply *ret)
{
	return daxd_reply_refuse(
		ret, EACCES, "%s: only root and the daemon's user may do that (EACCES)",
		name);
}
