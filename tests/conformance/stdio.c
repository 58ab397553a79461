// SPDX-License-Identifier: BSD-2-Clause
/* libc.stdio.*: streams on the node, and mapping through them. */
#include "tests/conformance/call.h"

static void say_getc(FILE *f)
{
	int ch;

	errno = 0;
	ch = fgetc(f);
	say("%d/%s", ch, err_name(errno));
}

static void stream_case(const long *arg)
{
	static const char *const how[] = {"r",  "w",  "a",  "r+", "w+",
					  "a+", "re", "rx", "wx"};
	FILE *f = fopen(t.dev, how[arg[0]]);

	if (!f) {
		say("%s", err_name(errno));
		return;
	}
	say_flags(fcntl(fileno(f), F_GETFL));
	label("getc"), say_getc(f);
	clearerr(f);
	label("putc"), say("%d", fputc('x', f));
	errno = 0;
	label("flush"), say_ret(fflush(f));
	label("close"), say_ret(fclose(f));
}

MATRIX
{
	static const char *const name[] = {"r",      "w",  "a",  "r_plus", "w_plus",
					   "a_plus", "re", "rx", "wx"};
	size_t i;

	for (i = 0; i < COUNT(name); i++)
		case_make(stream_case, ARGS(i), "libc.stdio.fopen_%s", name[i]);
}

CASE("libc.stdio.read_write")
{
	FILE *f = fopen(t.dev, "r+");
	char b[10000];
	size_t n;

	must(f);
	errno = 0;
	n = fread(b, 1, sizeof(b), f);
	label("fread"), say("%zu/%s", n, err_name(errno));
	say("error=%d eof=%d", !!ferror(f), !!feof(f));
	clearerr(f);
	errno = 0;
	memset(b, 0, sizeof(b));
	n = fwrite(b, 1, sizeof(b), f);
	label("fwrite-large"),
		say("%s/%s", n < sizeof(b) ? "short" : "full", err_name(errno));
}

CASE("libc.stdio.seek")
{
	FILE *f = fopen(t.dev, "r");

	must(f);
	label("end"), say_ret(fseek(f, 0, SEEK_END));
	label("tell"), say_ret(ftell(f));
	label("set"), say_ret(fseeko(f, 4096, SEEK_SET));
	label("tell"), say_ret(ftello(f));
	rewind(f);
	label("tell"), say_ret(ftell(f));
}

CASE("libc.stdio.map_fileno")
{
	FILE *f = fopen(t.dev, "r+");
	char *p;

	must(f);
	p = map(fileno(f), A, PROT_READ | PROT_WRITE, 0);
	put(p, 0x31);
	say_load(p);
	say_ok(try_map(fileno(f), A, PROT_READ, MAP_PRIVATE, 0));
}

CASE("libc.stdio.other_names")
{
	FILE *f = fopen64(t.dev, "r");

	say("%s", f ? "ok" : err_name(errno));
	f = freopen(t.dev, "r", f);
	say("%s", f ? "ok" : err_name(errno));
	f = freopen64(t.dev, "r+", f);
	say("%s", f ? "ok" : err_name(errno));
	must(f);
	say_ok(try_map(fileno(f), A, PROT_READ, MAP_SHARED, 0));
	f = fdopen(dev_open(O_RDWR), "r+");
	say("%s", f ? "ok" : err_name(errno));
	f = fdopen(dev_open(O_RDONLY), "w");
	say("%s", f ? "ok" : err_name(errno));
}

CASE("libc.stdio.mmap_stream")
{
	/* glibc's mode "m" asks for mmap; it must fall back to reading. */
	FILE *f = fopen(t.dev, "rm");

	must(f);
	say_getc(f);
}
