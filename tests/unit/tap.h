/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP for C: ok(), is(), and "return tap_done();" at the end of main(). */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_count;
static int tap_failures;

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok(bool is_ok, const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	char *p;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (p = text; *p; p++)
		if (*p == '\n' || *p == '#')
			*p = '|';
	printf("%s %d - %s\n", is_ok ? "ok" : "not ok", ++tap_count, text);
	if (!is_ok) {
		printf("# failed at %s:%d\n", file, line);
		tap_failures++;
	}
	return is_ok;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures != 0;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

/* Check that two numbers are equal; print both if they are not. */
#define is(got, want, ...)                                                               \
	do {                                                                             \
		long long tap_got = (long long)(got);                                    \
		long long tap_want = (long long)(want);                                  \
                                                                                         \
		if (!ok(tap_got == tap_want, __VA_ARGS__))                               \
			printf("# got %lld, want %lld\n", tap_got, tap_want);            \
	} while (0)

#endif
