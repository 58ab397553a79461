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

#include "cuse-daxd/store/file.h"

static int make_reply_memfd(const char *text)
{
	_cleanup_close_ int fd = -1;
	size_t len = strlen(text);

	fd = daxd_file_make_memfd("cuse-daxd-answer", MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/**
 * daxd_reply_json() - reply with JSON, in a sealed memfd
 * @json:	the reply; taken over
 * @error:	errno, or 0
 * @ret:	receives the reply
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_reply_json(struct json_object *json, int error,
			       struct daxd_reply *ret)
{
	int fd = make_reply_memfd(json_object_to_json_string_ext(
		json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(json);
	if (fd < 0) {
		ret->error = -fd;
		return DAXD_REPLY;
	}
	ret->error = error;
	ret->fd = fd;
	ret->owns_fd = true;
	return DAXD_REPLY;
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
