/* SPDX-License-Identifier: BSD-2-Clause */
/* The file in which `make install` says where it has put things. */
#include <string.h>

#include "libcore/paths_text.h"

#include "tests/unit/tap.h"

int main(void)
{
	static const char text[] = "LIBDIR=/opt/x/lib\nSYS=etc\nSYSCONFDIR=/etc";
	char buf[16];

	ok(dax_paths_text_find(text, "LIBDIR", buf, sizeof(buf)) == buf &&
		   !strcmp(buf, "/opt/x/lib"),
	   "the first line");
	ok(dax_paths_text_find(text, "SYSCONFDIR", buf, sizeof(buf)) == buf &&
		   !strcmp(buf, "/etc"),
	   "the last line, without a newline");
	ok(!dax_paths_text_find(text, "SYS", buf, sizeof(buf)), "no relative path");
	ok(!dax_paths_text_find(text, "LIB", buf, sizeof(buf)), "no part of a key");
	ok(!dax_paths_text_find(text, "LIBDIR", buf, 10), "no path that is too long");
	ok(!dax_paths_text_find("", "LIBDIR", buf, sizeof(buf)),
	   "nothing in an empty file");
	return tap_done();
}
