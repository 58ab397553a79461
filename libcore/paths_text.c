/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file in which `make install` says where it has put things.
 *
 * Nothing of that is compiled in, so that the prefix is chosen when installing.
 */
#include "libcore/paths_text.h"

#include <stddef.h>
#include <string.h>

/**
 * dax_paths_text_find() - find a path in the text of the file
 * @text:	lines "KEY=PATH"
 * @key:	the key
 * @buf:	receives the path
 * @size:	of @buf
 *
 * Return: @buf; NULL if the key is missing, or the path is not absolute or too long.
 */
const char *dax_paths_text_find(const char *text, const char *key, char *buf, size_t size)
{
	size_t key_len = strlen(key);
	size_t len;

	while (*text) {
		len = strcspn(text, "\n");
		if (len > key_len && !strncmp(text, key, key_len) &&
		    text[key_len] == '=') {
			text += key_len + 1;
			len -= key_len + 1;
			if (*text != '/' || len >= size)
				return NULL;
			memcpy(buf, text, len);
			buf[len] = '\0';
			return buf;
		}
		text += len + (text[len] == '\n');
	}
	return NULL;
}
