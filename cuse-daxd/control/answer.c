/* SPDX-License-Identifier: BSD-2-Clause */
/* Read the members of requests in JSON, and make replies in JSON. */
#include "cuse-daxd/control/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/size.h"

#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/store/file.h"

static int make_memfd(const char *text)
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
 * daxd_answer_json() - reply with JSON, in a sealed memfd
 * @json:	the reply; taken over
 * @error:	errno, or 0
 * @ret:	receives the reply
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_answer_json(struct json_object *json, int error,
				struct daxd_answer *ret)
{
	int fd = make_memfd(json_object_to_json_string_ext(
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
 * daxd_answer_refuse() - reply with an error and the reason: {"error": "why"}
 * @ret:	receives the reply
 * @error:	errno, negative or not
 * @fmt:	the reason
 *
 * Return: DAXD_REPLY.
 */
enum daxd_next daxd_answer_refuse(struct daxd_answer *ret, int error, const char *fmt,
				  ...)
{
	struct json_object *json = json_object_new_object();
	g_autofree char *why = NULL;
	va_list ap;

	va_start(ap, fmt);
	why = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	daxd_add_string(json, "error", why);
	return daxd_answer_json(json, error < 0 ? -error : error, ret);
}

/**
 * daxd_add_string() - add a text to an object
 * @json:	the object
 * @key:	the name of the member
 * @value:	the text; copied
 */
void daxd_add_string(struct json_object *json, const char *key, const char *value)
{
	json_object_object_add(json, key, json_object_new_string(value));
}

/**
 * daxd_add_number() - add a number to an object
 * @json:	the object
 * @key:	the name of the member
 * @value:	the number
 */
void daxd_add_number(struct json_object *json, const char *key, uint64_t value)
{
	json_object_object_add(json, key, json_object_new_uint64(value));
}

/**
 * daxd_get_string() - read a text of a request
 * @question:	the request
 * @key:	the name of the member
 *
 * Return: the text, the request's own; NULL if it is missing or no text.
 */
const char *daxd_get_string(struct json_object *question, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(question, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/**
 * daxd_may_order() - check whether a client may change devices
 * @conn:	the connection of the client
 *
 * As with the files in sysfs: root, and the user whose files these are.
 *
 * Return: true if it may.
 */
bool daxd_may_order(const struct daxd_conn *conn)
{
	return conn->peer.uid == 0 || conn->peer.uid == geteuid();
}

/**
 * daxd_answer_refuse_stranger() - refuse a request of a user who may not change devices
 * @name:	what the client wants to change
 * @ret:	the reply
 */
enum daxd_next daxd_answer_refuse_stranger(const char *name, struct daxd_answer *ret)
{
	return daxd_answer_refuse(
		ret, EACCES, "%s: only root and the daemon's user may do that (EACCES)",
		name);
}

/**
 * daxd_find_device() - look up the device that a request wants to change
 * @conn:	the connection of the client
 * @question:	the request; its member "device" names the device
 * @ret:	receives the reply if there is no such device or the client may not change it
 *
 * Return: the device, or NULL; then @ret is complete.
 */
struct daxd_device *daxd_find_device(struct daxd_conn *conn, struct json_object *question,
				     struct daxd_answer *ret)
{
	const struct daxd_registry *reg = conn->server->reg;
	const char *name = daxd_get_string(question, "device");
	guint i;

	if (!name) {
		daxd_answer_refuse(ret, EINVAL, "which device? (\"device\" names none)");
		return NULL;
	}
	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (!dev->dev || strcmp(dev->desc.name, name))
			continue;
		if (daxd_may_order(conn))
			return dev;
		daxd_answer_refuse_stranger(name, ret);
		return NULL;
	}
	daxd_answer_refuse(ret, ENODEV, "'%s': there is no such device (ENODEV)", name);
	return NULL;
}

/**
 * daxd_get_size() - read a size of a request, in bytes
 * @question:	the request
 * @key:	the name of the member: a number, or a text with a unit
 * @ret:	the size; 0 if the member is missing
 *
 * Return: false if the member is not a size.
 */
bool daxd_get_size(struct json_object *question, const char *key, uint64_t *ret)
{
	struct json_object *value;

	*ret = 0;
	if (!json_object_object_get_ex(question, key, &value))
		return true;
	if (json_object_is_type(value, json_type_int)) {
		*ret = json_object_get_uint64(value);
		return json_object_get_int64(value) >= 0;
	}
	return json_object_is_type(value, json_type_string) &&
	       dax_size_parse(json_object_get_string(value), ret) == 0;
}

/**
 * daxd_get_bool() - read a boolean of a request
 * @question:	the request
 * @key:	the name of the member
 *
 * Return: true if it is true, or the text "true"; false if it is missing.
 */
bool daxd_get_bool(struct json_object *question, const char *key)
{
	const char *text = daxd_get_string(question, key);
	struct json_object *value;

	if (text)
		return !strcmp(text, "true");
	return json_object_object_get_ex(question, key, &value) &&
	       json_object_get_boolean(value);
}
