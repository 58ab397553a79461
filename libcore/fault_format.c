/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatting of fault rules, in the words that fault.c reads. */
#include "libcore/fault_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/event.h"
#include "libcore/fault.h"
#include "libcore/size.h"
#include "libcore/text.h"

static const char *const call_names[DAX_FAULT_CALL_NR] = {"open",     "mmap",   "munmap",
							  "mprotect", "mremap", "msync",
							  "madvise",  "write",  "touch"};

/**
 * dax_fault_call_name() - name a call as fault rules and their log do
 * @call:	the call
 *
 * Return: the name, or "?" for an unknown call.
 */
const char *dax_fault_call_name(enum dax_fault_call call)
{
	return (unsigned int)call < DAX_FAULT_CALL_NR ? call_names[call] : "?";
}

/**
 * dax_fault_what_name() - the word of a rule for its effect
 * @what:	enum dax_fault_what, not DAX_FAULT_DELAY
 *
 * Return: the word; empty for DAX_FAULT_NONE.
 */
const char *dax_fault_what_name(uint32_t what)
{
	static const char *const names[] = {"", "poison", "sigbus", "errno", "disable"};

	return names[what];
}

/* Append a probability so that it reads back the same: enough digits, no exponent. */
static void add_chance(struct dax_text *t, uint64_t chance)
{
	char digits[32];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%.12f",
				    (double)chance / (double)DAX_FAULT_CERTAIN);

	while (digits[n - 1] == '0')
		n--;
	digits[digits[n - 1] == '.' ? n - 1 : n] = '\0';
	dax_text_add_word(t, "probability:%s", digits);
}

static void add_time(struct dax_text *t, const char *key, uint64_t ns)
{
	if (ns % 1000000000 == 0)
		dax_text_add_word(t, "%s:%" PRIu64 "s", key, ns / 1000000000);
	else if (ns % 1000000 == 0)
		dax_text_add_word(t, "%s:%" PRIu64 "ms", key, ns / 1000000);
	else if (ns % 1000 == 0)
		dax_text_add_word(t, "%s:%" PRIu64 "us", key, ns / 1000);
	else
		dax_text_add_word(t, "%s:%" PRIu64 "ns", key, ns);
}

static void add_quoted(struct dax_text *t, const char *key, const char *value)
{
	if (strpbrk(value, " \t\n,"))
		dax_text_add_word(t, "%s:\"%s\"", key, value);
	else
		dax_text_add_word(t, "%s:%s", key, value);
}

static void format_where(const struct dax_fault_rule *rule, struct dax_text *t)
{
	char size[DAX_SIZE_STRLEN];
	int i;

	if (rule->device[0])
		dax_text_add_word(t, "device:%s", rule->device + 3);
	if (rule->given & DAX_FAULT_G_OFFSET)
		dax_text_add_word(t, "offset:%s", dax_size_format(rule->off, size));
	if (rule->given & DAX_FAULT_G_LENGTH)
		dax_text_add_word(t, "length:%s", dax_size_format(rule->len, size));
	if (rule->given & DAX_FAULT_G_UNIT)
		dax_text_add_word(t, "unit:align");
	for (i = 0; i < DAX_FAULT_CALL_NR; i++)
		if (rule->calls >> i & 1)
			dax_text_add_word(t, "%s", call_names[i]);
}

static void format_what(const struct dax_fault_rule *rule, struct dax_text *t)
{
	if (rule->what == DAX_FAULT_ERRNO)
		dax_text_add_word(t, "errno:%s", dax_errno_name(rule->error));
	else if (rule->what != DAX_FAULT_DELAY)
		dax_text_add_word(t, "%s", dax_fault_what_name(rule->what));
	if (rule->given & DAX_FAULT_G_LATENT)
		dax_text_add_word(t, "latent");
	if (rule->given & DAX_FAULT_G_DELAY)
		add_time(t, "delay", rule->delay_ns);
}

static void format_when(const struct dax_fault_rule *rule, struct dax_text *t)
{
	if (rule->given & DAX_FAULT_G_ALWAYS)
		dax_text_add_word(t, "always");
	if (rule->given & DAX_FAULT_G_NTH)
		dax_text_add_word(t, "nth:%" PRIu64, rule->nth);
	if (rule->given & DAX_FAULT_G_EVERY)
		dax_text_add_word(t, "every:%" PRIu64, rule->every);
	if (rule->given & DAX_FAULT_G_PROBABILITY)
		add_chance(t, rule->chance);
	if (rule->given & DAX_FAULT_G_SEED)
		dax_text_add_word(t, "seed:%" PRIu64, rule->seed);
	if (rule->given & DAX_FAULT_G_AFTER)
		add_time(t, "after", rule->after_ns);
	if (rule->given & DAX_FAULT_G_WHILE)
		add_quoted(t, "while", rule->file);
	if (rule->given & DAX_FAULT_G_PID)
		dax_text_add_word(t, "pid:%d", rule->who.pid);
	if (rule->given & DAX_FAULT_G_UID)
		dax_text_add_word(t, "uid:%u", rule->who.uid);
	if (rule->given & DAX_FAULT_G_COMM)
		add_quoted(t, "comm", rule->who.comm);
	if (rule->given & DAX_FAULT_G_TIMES)
		dax_text_add_word(t, "times:%" PRIu64, rule->times);
}

/**
 * dax_fault_format() - write a rule as text
 * @rule:	from dax_fault_parse()
 * @buf:	receives the text, always terminated
 * @size:	bytes of @buf; DAX_FAULT_TEXT_MAX are always enough
 *
 * Return: the length of the whole text, even if @buf is too small for it.
 */
size_t dax_fault_format(const struct dax_fault_rule *rule, char *buf, size_t size)
{
	struct dax_text t = {.buf = buf, .size = size};

	format_where(rule, &t);
	format_what(rule, &t);
	format_when(rule, &t);
	return t.len;
}
