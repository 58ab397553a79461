/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing of text that is written to sysfs attributes. */
#include "libcore/kstr.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

/* isdigit() and friends would follow the program's locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Value of a hex digit; 16 for anything else. */
static unsigned int digit_of(char c)
{
	if (is_digit(c))
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

/* Read a number whose sign the caller has removed. */
static int parse_unsigned(const char *p, unsigned int base, uint64_t *ret_value)
{
	bool has_prefix = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	bool has_overflow = false;
	const char *digits;
	uint64_t value = 0;

	if (!base) {
		if (has_prefix && digit_of(p[2]) < 16)
			base = 16;
		else
			base = p[0] == '0' ? 8 : 10;
	}
	if (base == 16 && has_prefix)
		p += 2;
	for (digits = p; digit_of(*p) < base; p++) {
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit_of(*p), &value))
			has_overflow = true;
	}
	/* Overflow is detected before the characters behind the digits are. */
	if (has_overflow)
		return -ERANGE;
	if (p == digits)
		return -EINVAL;
	if (*p == '\n')
		p++;
	if (*p)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

/**
 * dax_kstr_u64() - read an unsigned number as an attribute does
 * @text:	the text written, terminated
 * @base:	16, or 0: "0x" means hexadecimal, a leading zero octal, else decimal
 * @ret_value:	receives the number
 *
 * One "+" in front and one newline behind are allowed, no space and no suffix
 * (lib/kstrtox.c: kstrtoull()).
 *
 * Return: 0; -EINVAL: not a number; -ERANGE: above 2^64 - 1.
 */
int dax_kstr_u64(const char *text, unsigned int base, uint64_t *ret_value)
{
	if (*text == '+')
		text++;
	return parse_unsigned(text, base, ret_value);
}

/**
 * dax_kstr_int() - read a number of the size of an int as an attribute does
 * @text:	the text written, terminated
 * @ret_value:	receives the number
 *
 * The rules are those of dax_kstr_u64() with base 0, and a "-" in front is a sign
 * (lib/kstrtox.c: kstrtoint()).
 *
 * Return: 0; -EINVAL: not a number; -ERANGE: not within an int.
 */
int dax_kstr_int(const char *text, int *ret_value)
{
	bool is_negative = *text == '-';
	uint64_t value;
	int r;

	r = is_negative ? parse_unsigned(text + 1, 0, &value)
			: dax_kstr_u64(text, 0, &value);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT_MAX + is_negative)
		return -ERANGE;
	*ret_value = (int)(is_negative ? -(int64_t)value : (int64_t)value);
	return 0;
}

/**
 * dax_kstr_bool() - read yes or no as an attribute does
 * @text:	the text written, terminated
 * @ret_value:	receives the value
 *
 * Only the first letter counts, or the second of "on" and "off" (lib/kstrtox.c:
 * kstrtobool()).
 *
 * Return: 0, or -EINVAL if the letter means neither.
 */
int dax_kstr_bool(const char *text, bool *ret_value)
{
	char c = text[0];

	if (c == 'o' || c == 'O') {
		c = text[1];
		if (c == 'n' || c == 'N')
			c = 'y';
		else if (c != 'f' && c != 'F')
			return -EINVAL;
	}
	if (!c || !strchr("yYtT1nNfF0", c))
		return -EINVAL;
	*ret_value = strchr("yYtT1", c);
	return 0;
}

/**
 * dax_kstr_range() - read "START-END" as `mapping` does
 * @text:	the text written, terminated; its first dash is overwritten
 * @ret_start:	receives the first byte
 * @ret_end:	receives the last byte, which may be below @ret_start
 *
 * Both are hexadecimal, with or without "0x" (drivers/dax/bus.c: range_parse()).
 *
 * Return: 0; -EINVAL: not of that form; -ERANGE: a half is above 2^64 - 1.
 */
int dax_kstr_range(char *text, uint64_t *ret_start, uint64_t *ret_end)
{
	char *dash = strchr(text, '-');
	uint64_t start;
	uint64_t end;
	int r;

	if (!dash)
		return -EINVAL;
	*dash = '\0';
	r = dax_kstr_u64(text, 16, &start);
	if (r < 0)
		return r;
	r = dax_kstr_u64(dash + 1, 16, &end);
	if (r < 0)
		return r;
	*ret_start = start;
	*ret_end = end;
	return 0;
}

/**
 * dax_kstr_chomp() - cut off the one newline that may follow a name
 * @text:	the text written, terminated; changed
 *
 * Comparing the result with strcmp() then equals the kernel's sysfs_streq().
 *
 * Return: @text.
 */
char *dax_kstr_chomp(char *text)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return text;
}

/* Skip an int in the spelling of "%d". Return: the text behind it, or NULL. */
static const char *skip_int(const char *p)
{
	const char *start = p;
	char digits[12];
	size_t len;
	int value;

	if (*p == '-')
		p++;
	if (*p == '0' && (p > start || is_digit(p[1])))
		return NULL; /* "-0", "01": not what "%d" prints */
	while (is_digit(*p))
		p++;
	len = (size_t)(p - start);
	if (len >= sizeof(digits))
		return NULL;
	memcpy(digits, start, len);
	digits[len] = '\0';
	return dax_kstr_int(digits, &value) < 0 ? NULL : p;
}

/**
 * dax_kstr_is_dax_id() - true if new_id and remove_id accept a text
 * @text:	the text written, without its newline
 *
 * They accept what "dax%d.%d" prints, and nothing else; the device need not exist
 * (drivers/dax/bus.c: do_id_store()).
 */
bool dax_kstr_is_dax_id(const char *text)
{
	const char *p;

	if (strncmp(text, "dax", 3))
		return false;
	p = skip_int(text + 3);
	if (!p || *p != '.')
		return false;
	p = skip_int(p + 1);
	return p && !*p;
}

/* True for "KEY=VALUE KEY=VALUE" of letters and digits. */
static bool is_uevent_env(const char *p)
{
	for (;;) {
		while (is_alnum(*p))
			p++;
		if (*p++ != '=')
			return false;
		if (!*p)
			return false;
		while (is_alnum(*p))
			p++;
		if (!*p)
			return true;
		if (*p++ != ' ')
			return false;
	}
}

/* Skip a uuid. Return: the text behind it, or NULL. */
static const char *skip_uuid(const char *p)
{
	int i;

	for (i = 0; i < 36; i++, p++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (*p != '-')
				return NULL;
		} else if (digit_of(*p) > 15) {
			return NULL;
		}
	}
	return p;
}

/**
 * dax_kstr_is_uevent() - true if `uevent` accepts a text
 * @text:	the text written, without its newline
 *
 * It accepts an action, optionally followed by a uuid and variables for the event
 * (lib/kobject_uevent.c: kobject_synth_uevent()).
 */
bool dax_kstr_is_uevent(const char *text)
{
	static const char *const actions[] = {
		"add", "remove", "change", "move", "online", "offline", "bind", "unbind",
	};
	size_t len = strcspn(text, " ");
	const char *rest = text + len;
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strlen(actions[i]) == len && !memcmp(actions[i], text, len))
			break;
	}
	if (i == sizeof(actions) / sizeof(actions[0]))
		return false;
	if (!*rest)
		return true;
	rest = skip_uuid(rest + 1);
	if (!rest)
		return false;
	return !*rest || (*rest == ' ' && is_uevent_env(rest + 1));
}
