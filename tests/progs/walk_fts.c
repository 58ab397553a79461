/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk_fts OPTIONS PATH...: prints what fts(3) finds. OPTIONS are of "L" logical, "P"
 * physical, "C" follow those that are named, "N" no chdir, "S" no stat, "D" see dots, "X"
 * one file system, "s" sort, "k" skip folders named skip, "f" follow links named follow,
 * "c" and "n" print the children of each folder, or their names.
 */
#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool has_status;

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void print(const char *what, const FTSENT *e)
{
	/* The size of a folder may differ between file systems. */
	printf("%s %d level %d %s name %s len %d %d errno %d size %ld cycle %s\n", what,
	       e->fts_info, e->fts_level, e->fts_path, e->fts_name, e->fts_pathlen,
	       e->fts_namelen, e->fts_errno,
	       e->fts_info == FTS_F && has_status ? (long)e->fts_statp->st_size : 0,
	       e->fts_info == FTS_DC ? e->fts_cycle->fts_name : "-");
}

int main(int argc, char **argv)
{
	static const struct {
		char letter;
		int option;
	} letters[] = {{'L', FTS_LOGICAL}, {'P', FTS_PHYSICAL}, {'C', FTS_COMFOLLOW},
		       {'N', FTS_NOCHDIR}, {'S', FTS_NOSTAT},   {'D', FTS_SEEDOT},
		       {'X', FTS_XDEV}};
	const char *how = argc > 1 ? argv[1] : "P";
	int options = 0;
	FTSENT *e;
	size_t i;
	FTS *f;

	for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (strchr(how, letters[i].letter))
			options |= letters[i].option;
	has_status = !strchr(how, 'S');
	f = fts_open(argv + 2, options, strchr(how, 's') ? by_name : NULL);
	if (!f) {
		printf("open: errno %d\n", errno);
		return 1;
	}
	while ((e = fts_read(f))) {
		print("read", e);
		if (strchr(how, 'k') && !strcmp(e->fts_name, "skip"))
			fts_set(f, e, FTS_SKIP);
		if (strchr(how, 'f') && !strcmp(e->fts_name, "follow") &&
		    e->fts_info == FTS_SL)
			fts_set(f, e, FTS_FOLLOW);
		if (strpbrk(how, "cn") && e->fts_info == FTS_D)
			for (e = fts_children(f, strchr(how, 'n') ? FTS_NAMEONLY : 0); e;
			     e = e->fts_link)
				printf("child %s %d\n", e->fts_name, e->fts_level);
	}
	printf("end: errno %d\n", errno);
	return fts_close(f);
}
