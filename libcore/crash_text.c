/* SPDX-License-Identifier: BSD-2-Clause */
/* Crash states as people write them. */
#include "libcore/crash_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_text[DAX_CRASH_KINDS] = {
	[DAX_CRASH_NONE] = "none", [DAX_CRASH_ALL] = "all",   [DAX_CRASH_ONLY] = "only",
	[DAX_CRASH_BUT] = "but",   [DAX_CRASH_RAND] = "rand",
};

/* Read a kind of states up to a separator. Return: the kind; DAX_CRASH_KINDS: none. */
static enum dax_crash_kind read_kind(const char **text)
{
	size_t len = strcspn(*text, ",: ");
	enum dax_crash_kind kind;

	for (kind = 0; kind < DAX_CRASH_KINDS; kind++)
		if (strlen(kind_text[kind]) == len &&
		    !strncmp(*text, kind_text[kind], len))
			break;
	*text += len;
	return kind;
}

static bool read_number(const char **text, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*ret = strtoull(*text, &end, 0);
	*text = end;
	return errno == 0;
}

/**
 * dax_crash_text_choice() - read kinds of states, such as "none,all,rand:4"
 * @text:	the text
 * @ret:	receives the kinds; its seed stays
 *
 * Return: 0; -EINVAL.
 */
int dax_crash_text_choice(const char *text, struct dax_crash_choice *ret)
{
	uint64_t n;

	memset(ret->kinds, 0, sizeof(ret->kinds));
	ret->nr_rand = 0;
	for (;; text++) {
		enum dax_crash_kind kind = read_kind(&text);

		if (kind == DAX_CRASH_KINDS)
			return -EINVAL;
		if (kind == DAX_CRASH_RAND) {
			if (*text++ != ':' || !read_number(&text, &n) || n < 1 ||
			    n > DAX_CRASH_RAND_MAX)
				return -EINVAL;
			ret->nr_rand = (unsigned int)n;
		}
		ret->kinds[kind] = true;
		if (!*text)
			return 0;
		if (*text != ',')
			return -EINVAL;
	}
}

/**
 * dax_crash_text_state() - read a fence and a state, such as "71:only:0x3c0600"
 * @text:	the text
 * @ret_fence:	receives the fence
 * @ret:	receives the state
 *
 * Return: 0; -EINVAL.
 */
int dax_crash_text_state(const char *text, uint64_t *ret_fence,
			 struct dax_crash_state *ret)
{
	if (!read_number(&text, ret_fence) || *text++ != ':')
		return -EINVAL;
	ret->kind = read_kind(&text);
	ret->arg = 0;
	if (ret->kind == DAX_CRASH_KINDS)
		return -EINVAL;
	if (ret->kind >= DAX_CRASH_ONLY &&
	    (*text++ != ':' || !read_number(&text, &ret->arg)))
		return -EINVAL;
	return *text ? -EINVAL : 0;
}

/**
 * dax_crash_text_fences() - read a range of fences: "A..B", "A..", "..B" or "A"
 * @text:	the text
 * @ret:	receives the first and the last one
 *
 * Return: 0; -EINVAL.
 */
int dax_crash_text_fences(const char *text, uint64_t ret[2])
{
	bool has_first = read_number(&text, &ret[0]);

	if (!has_first)
		ret[0] = 1;
	if (has_first && !*text) {
		ret[1] = ret[0];
		return 0;
	}
	if (strncmp(text, "..", 2) != 0)
		return -EINVAL;
	text += 2;
	if (!read_number(&text, &ret[1]))
		ret[1] = UINT64_MAX;
	return *text || ret[1] < ret[0] ? -EINVAL : 0;
}

/**
 * dax_crash_text_format() - write a state's name
 * @state:	the state
 * @separator:	stands between its words: ' ' for people, ':' for options
 * @buf:	receives the name
 *
 * Return: @buf.
 */
const char *dax_crash_text_format(const struct dax_crash_state *state, char separator,
				  char buf[DAX_CRASH_STATE_LEN])
{
	const char *kind = kind_text[state->kind];

	if (state->kind < DAX_CRASH_ONLY)
		snprintf(buf, DAX_CRASH_STATE_LEN, "%s", kind);
	else if (state->kind == DAX_CRASH_RAND)
		snprintf(buf, DAX_CRASH_STATE_LEN, "%s%c%" PRIu64, kind, separator,
			 state->arg);
	else
		snprintf(buf, DAX_CRASH_STATE_LEN, "%s%c0x%" PRIx64, kind, separator,
			 state->arg);
	return buf;
}
