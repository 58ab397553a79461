/* SPDX-License-Identifier: BSD-2-Clause */
/* Write fault rules in the words that fault.c reads. */
#include "libcore/fault_format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libcore/event.h"
#include "libcore/fault.h"
#include "libcore/size.h"

static const char *const call_names[DAX_FAULT_CALL_NR] = {"open",     "mmap",   "munmap",
							  "mprotect", "mremap", "msync",
							  "madvise",  "write",  "touch"};

/**
 * dax_fault_call_name() - as rules and the log of faults name it
 * @call:	the call
 */
const char *dax_fault_call_name(enum dax_fault_call call)
{
	return (unsigned int)call < DAX_FAULT_CALL_NR ? call_names[call] : "?";
}

/**
 * dax_fault_what_name() - the word of a rule for what happens
 * @what:	enum dax_fault_what, not DAX_FAULT_DELAY
 *
 * Return: the word; empty for DAX_FAULT_NONE.
 */
const char *dax_fault_what_name(uint32_t what)
{
	static const char *const names[] = {"", "poison", "sigbus", "errno", "disable"};

	return names[what];
}

struct text {
	char *buf;
	size_t size;
	size_t len;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *fmt, ...)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;
	va_list ap;

	if (t->len && room) {
		snprintf(t->buf + t->len, room, " ");
		t->len++;
		room--;
	}
	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(room ? t->buf + t->len : NULL, room, fmt, ap);
	va_end(ap);
}

/* As it can be read again: digits enough, and no power of ten. */
static void add_chance(struct text *t, uint64_t chance)
{
	char digits[32];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%.12f",
				    (double)chance / (double)DAX_FAULT_CERTAIN);

	while (digits[n - 1] == '0')
		n--;
	digits[digits[n - 1] == '.' ? n - 1 : n] = '\0';
	add(t, "probability:%s", digits);
}

static void add_time(struct text *t, const char *key, uint64_t ns)
{
	if (ns % 1000000000 == 0)
		add(t, "%s:%" PRIu64 "s", key, ns / 1000000000);
	else if (ns % 1000000 == 0)
		add(t, "%s:%" PRIu64 "ms", key, ns / 1000000);
	else if (ns % 1000 == 0)
		add(t, "%s:%" PRIu64 "us", key, ns / 1000);
	else
		add(t, "%s:%" PRIu64 "ns", key, ns);
}

static void add_quoted(struct text *t, const char *key, const char *value)
{
	if (strpbrk(value, " \t\n,"))
		add(t, "%s:\"%s\"", key, value);
	else
		add(t, "%s:%s", key, value);
}

static void format_where(const struct dax_fault_rule *rule, struct text *t)
{
	char size[DAX_SIZE_STRLEN];
	int i;

	if (rule->device[0])
		add(t, "device:%s", rule->device + 3);
	if (rule->given & DAX_FAULT_G_OFFSET)
		add(t, "offset:%s", dax_size_format(rule->off, size));
	if (rule->given & DAX_FAULT_G_LENGTH)
		add(t, "length:%s", dax_size_format(rule->len, size));
	for (i = 0; i < DAX_FAULT_CALL_NR; i++)
		if (rule->calls >> i & 1)
			add(t, "%s", call_names[i]);
}

static void format_what(const struct dax_fault_rule *rule, struct text *t)
{
	if (rule->what == DAX_FAULT_ERRNO)
		add(t, "errno:%s", dax_errno_name(rule->error));
	else if (rule->what != DAX_FAULT_DELAY)
		add(t, "%s", dax_fault_what_name(rule->what));
	if (rule->given & DAX_FAULT_G_LATENT)
		add(t, "latent");
	if (rule->given & DAX_FAULT_G_DELAY)
		add_time(t, "delay", rule->delay_ns);
}

static void format_when(const struct dax_fault_rule *rule, struct text *t)
{
	if (rule->given & DAX_FAULT_G_ALWAYS)
		add(t, "always");
	if (rule->given & DAX_FAULT_G_NTH)
		add(t, "nth:%" PRIu64, rule->nth);
	if (rule->given & DAX_FAULT_G_EVERY)
		add(t, "every:%" PRIu64, rule->every);
	if (rule->given & DAX_FAULT_G_PROBABILITY)
		add_chance(t, rule->chance);
	if (rule->given & DAX_FAULT_G_SEED)
		add(t, "seed:%" PRIu64, rule->seed);
	if (rule->given & DAX_FAULT_G_AFTER)
		add_time(t, "after", rule->after_ns);
	if (rule->given & DAX_FAULT_G_WHILE)
		add_quoted(t, "while", rule->file);
	if (rule->given & DAX_FAULT_G_PID)
		add(t, "pid:%d", rule->who.pid);
	if (rule->given & DAX_FAULT_G_UID)
		add(t, "uid:%u", rule->who.uid);
	if (rule->given & DAX_FAULT_G_COMM)
		add_quoted(t, "comm", rule->who.comm);
	if (rule->given & DAX_FAULT_G_TIMES)
		add(t, "times:%" PRIu64, rule->times);
}

/**
 * dax_fault_format() - a rule in words
 * @rule:	from dax_fault_parse()
 * @buf:	receives the text, always terminated
 * @size:	its bytes; DAX_FAULT_TEXT_MAX are always enough
 *
 * Return: the length of the whole text.
 */
size_t dax_fault_format(const struct dax_fault_rule *rule, char *buf, size_t size)
{
	struct text t = {.buf = buf, .size = size};

	format_where(rule, &t);
	format_what(rule, &t);
	format_when(rule, &t);
	return t.len;
}
