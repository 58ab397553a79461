/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before ndctl's test/mmap.c, which maps the size that fstat(2) reports: zero
 * for a character device. $GLUE_SIZE gives the size to report instead.
 */
#include <stdlib.h>
#include <sys/stat.h>

static inline int glue_fstat(int fd, struct stat *st)
{
	int r = fstat(fd, st);

	if (r == 0 && S_ISCHR(st->st_mode))
		st->st_size = strtol(getenv("GLUE_SIZE"), NULL, 10);
	return r;
}

#define fstat glue_fstat
