/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read and write the JSON of requests and replies, without a tree.
 *
 * The daemon writes valid JSON. Other text is read without harm, but not refused.
 */
#include "client/lib/json_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* Return: the text behind a string, which begins at its quote. */
static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* Return: the text behind a value. Depth is counted, so nothing is recursive. */
static const char *skip_value(const char *p)
{
	int depth = 0;

	do {
		p = skip_blanks(p);
		if (*p == '"') {
			p = skip_string(p);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (*p == ',' || *p == ':') {
			p++;
		} else {
			p += strcspn(p, ",:{}[]\" \t\r\n");
		}
	} while (depth > 0 && *p);
	return p;
}

static bool is_key(const char *p, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(p + 1, key, len) && p[len + 1] == '"';
}

/**
 * cuse_daxd_json_member() - find a member of an object
 * @object:	the text of the object; NULL: none
 * @key:	its name, without characters that need an escape
 *
 * Return: the text of its value, or NULL.
 */
const char *cuse_daxd_json_member(const char *object, const char *key)
{
	const char *p = object ? skip_blanks(object) : "";

	if (*p != '{')
		return NULL;
	for (p = skip_blanks(p + 1); *p == '"'; p = skip_blanks(p + 1)) {
		bool is_found = is_key(p, key);

		p = skip_blanks(skip_string(p));
		if (*p != ':')
			return NULL;
		p = skip_blanks(p + 1);
		if (is_found)
			return p;
		p = skip_blanks(skip_value(p));
		if (*p != ',')
			return NULL;
	}
	return NULL;
}

/**
 * cuse_daxd_json_first() - find the first element of an array
 * @array:	the text of the array; NULL: none
 *
 * Return: the text of the element, or NULL if there is none.
 */
const char *cuse_daxd_json_first(const char *array)
{
	const char *p = array ? skip_blanks(array) : "";

	if (*p != '[')
		return NULL;
	p = skip_blanks(p + 1);
	return *p == ']' || !*p ? NULL : p;
}

/**
 * cuse_daxd_json_next() - find the next element of an array
 * @element:	the text of an element
 *
 * Return: the text of the next one, or NULL if it was the last.
 */
const char *cuse_daxd_json_next(const char *element)
{
	const char *p = skip_blanks(skip_value(element));

	return *p == ',' ? skip_blanks(p + 1) : NULL;
}

/**
 * cuse_daxd_json_number() - read a whole number
 * @value:	the text of the value; NULL: none
 *
 * Return: the number; 0 if it is not one.
 */
uint64_t cuse_daxd_json_number(const char *value)
{
	return value ? strtoull(value, NULL, 10) : 0;
}

/**
 * cuse_daxd_json_real() - read a number with a fraction
 * @value:	the text of the value; NULL: none
 *
 * Return: the number; 0 if it is not one.
 */
double cuse_daxd_json_real(const char *value)
{
	double n = value ? (double)strtoull(value, NULL, 10) : 0;
	double unit = 0.1;
	const char *p = value ? value + strspn(value, "0123456789") : "";

	/* Not strtod(), which expects the locale's decimal point. */
	for (p += *p == '.'; *p >= '0' && *p <= '9'; p++, unit /= 10)
		n += unit * (*p - '0');
	return n;
}

/* Read "\n" or "\u0041". Return: the text behind it, with the character in @ret. */
static const char *read_escape(const char *p, unsigned int *ret)
{
	static const char names[] = "nrtbf";
	static const char values[] = "\n\r\t\b\f";
	const char *name = strchr(names, p[1]);
	char digits[5] = "";

	if (p[1] != 'u') {
		*ret = (unsigned char)(name && *name ? values[name - names] : p[1]);
		return p + 2;
	}
	strncat(digits, p + 2, 4);
	*ret = (unsigned int)strtoul(digits, NULL, 16);
	return p + 2 + strlen(digits);
}

/* Write a character of the basic plane as UTF-8. Return: the number of bytes. */
static size_t encode(unsigned int c, char out[3])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | c >> 12);
	out[1] = (char)(0x80 | (c >> 6 & 0x3f));
	out[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

/**
 * cuse_daxd_json_string() - read a string
 * @value:	the text of the value; NULL: none
 * @buf:	receives the string, cut off if it is too long; "" if the value is none
 * @size:	of @buf, above 0
 *
 * Return: the length of the string in @buf.
 */
size_t cuse_daxd_json_string(const char *value, char *buf, size_t size)
{
	const char *p = value && *value == '"' ? value + 1 : "";
	size_t used = 0;

	while (*p && *p != '"') {
		unsigned int c = (unsigned char)*p;
		char bytes[3] = {*p};
		size_t n = 1;

		if (c == '\\' && p[1]) {
			p = read_escape(p, &c);
			n = encode(c, bytes);
		} else {
			p++;
		}
		if (used + n >= size)
			break;
		memcpy(buf + used, bytes, n);
		used += n;
	}
	buf[used] = '\0';
	return used;
}

/**
 * cuse_daxd_json_put() - write a string with its quotes
 * @f:		the file
 * @text:	the string
 */
void cuse_daxd_json_put(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(f, "\\u%04x", (unsigned int)*text);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}
