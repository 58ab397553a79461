/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json-c, without memory: it returns NULL, or an error, which nobody could do anything
 * about. Let the daemon abort as GLib does; the next start takes over from it.
 *
 * Include it behind json-c's own header.
 */
#ifndef DAXD_BASE_JSON_H
#define DAXD_BASE_JSON_H

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stddef.h>

static inline void *daxd_json_made(void *made)
{
	if (!made)
		g_error("no memory for a reply in JSON");
	return made;
}

static inline void daxd_json_added(int result)
{
	if (result < 0)
		g_error("no memory for a reply in JSON");
}

/* json-c leaves out of a text what it has no memory for, and says so by errno only. */
static inline const char *daxd_json_text(struct json_object *json, int flags,
					 size_t *ret_len)
{
	const char *text;

	errno = 0;
	text = json_object_to_json_string_length(json, flags, ret_len);
	if (!text || errno == ENOMEM)
		g_error("no memory for a reply in JSON");
	return text;
}

#define json_object_new_object()        daxd_json_made(json_object_new_object())
#define json_object_new_array()         daxd_json_made(json_object_new_array())
#define json_object_new_string(text)    daxd_json_made(json_object_new_string(text))
#define json_object_new_int(number)     daxd_json_made(json_object_new_int(number))
#define json_object_new_int64(number)   daxd_json_made(json_object_new_int64(number))
#define json_object_new_uint64(number)  daxd_json_made(json_object_new_uint64(number))
#define json_object_new_boolean(is_set) daxd_json_made(json_object_new_boolean(is_set))
#define json_object_new_double_s(number, text)                                           \
	daxd_json_made(json_object_new_double_s(number, text))
#define json_object_object_add(json, key, value)                                         \
	daxd_json_added(json_object_object_add(json, key, value))
#define json_object_array_add(json, value)                                               \
	daxd_json_added(json_object_array_add(json, value))
#define json_object_to_json_string_ext(json, flags)                                      \
	daxd_json_text(json, flags, &(size_t){0})
#define json_object_to_json_string_length(json, flags, len)                              \
	daxd_json_text(json, flags, len)

#endif
