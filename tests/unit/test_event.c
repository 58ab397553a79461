/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines that daxrun prints for the events of calls. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/event.h"
#include "libcore/reason.h"

#include "tests/unit/tap.h"

static struct dax_event event(enum dax_call call)
{
	struct dax_event ev = {
		.magic = DAX_EVENT_MAGIC, .call = call, .pid = 412, .tid = 413};

	strcpy(ev.comm, "fio");
	strcpy(ev.dev, "dax0.0");
	return ev;
}

static void traced(const struct dax_event *ev, const char *want)
{
	char text[DAX_EVENT_TEXT];
	size_t len = dax_event_trace(ev, text, sizeof(text));

	if (!ok(!strcmp(text, want) && len == strlen(want), "%s", want))
		printf("# got %s\n", text);
}

static void refused(const struct dax_event *ev, const char *want)
{
	char text[DAX_EVENT_TEXT];
	size_t len = dax_event_refusal(ev, text, sizeof(text));

	if (!ok(!strcmp(text, want) && len == strlen(want), "%s", want))
		printf("# got %s\n", text);
}

static void test_check(void)
{
	struct dax_event ev = event(DAX_CALL_MMAP);

	is(dax_event_check(&ev, sizeof(ev)), 0, "an event");
	is(dax_event_check(&ev, sizeof(ev) - 1), -EBADMSG, "cut short");
	is(dax_event_check(&ev, sizeof(ev) + 1), -EBADMSG, "too long");
	ev.magic++;
	is(dax_event_check(&ev, sizeof(ev)), -EBADMSG, "of another magic");
	ev = event(DAX_CALL_NR);
	is(dax_event_check(&ev, sizeof(ev)), -EBADMSG, "of no call");
	ev = event(DAX_CALL_MMAP);
	ev.v.reason = DAX_REASON_NR;
	is(dax_event_check(&ev, sizeof(ev)), -EBADMSG, "for no reason");
	memset(&ev.v.reason, 0xff, sizeof(ev.v.reason));
	is(dax_event_check(&ev, sizeof(ev)), -EBADMSG, "not even a negative one");
}

static void test_refusal(void)
{
	struct dax_event ev = event(DAX_CALL_MMAP);

	ev.v = dax_refuse(EINVAL, DAX_MMAP_PRIVATE, 0, 0, 0);
	refused(&ev, "dax0.0: fio[412]: mmap: fail, attempted private mapping (EINVAL)");
	ev.v = dax_refuse(0, DAX_MMAP_BEYOND_END, 0x1000, 0x200000, 0);
	refused(&ev,
		"dax0.0: fio[412]: mmap: the last 0x1000 bytes are behind the end of the "
		"device (0x200000): touching them fails (SIGBUS)");
	ev.v = dax_refuse(4000, DAX_INJECTED, 0, 0, 0);
	refused(&ev,
		"dax0.0: fio[412]: mmap: fail, injected by a fault rule (errno 4000)");
	/* A process chooses its own name: escape what a terminal would interpret. */
	strcpy(ev.comm, "a b\033[31m\x80");
	memset(ev.dev, 'd', sizeof(ev.dev));
	ev.v = dax_refuse(ENXIO, DAX_NOT_ALIVE, 0, 0, 0);
	refused(&ev,
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd: "
		"a?b?[31m?[412]: mmap: fail, the device is disabled or gone (ENXIO)");
}

static void test_trace(void)
{
	struct dax_event ev = event(DAX_CALL_MMAP);

	ev.arg[1] = 0x200000;
	ev.arg[2] = PROT_READ | PROT_WRITE;
	ev.arg[3] = MAP_SHARED | MAP_FIXED;
	ev.arg[4] = 0x1000;
	ev.result = 0x7f0000000000;
	traced(&ev, "fio[413] mmap(dax0.0, addr=0, len=0x200000, prot=rw-, "
		    "flags=SHARED|FIXED, offset=0x1000) = 0x7f0000000000 OK");
	ev.arg[2] = PROT_EXEC;
	ev.arg[3] = MAP_PRIVATE | 0x200000;
	ev.v = dax_refuse(EINVAL, DAX_MMAP_PRIVATE, 0, 0, 0);
	traced(&ev, "fio[413] mmap(dax0.0, addr=0, len=0x200000, prot=--x, "
		    "flags=PRIVATE|0x200000, offset=0x1000) = EINVAL MMAP-PRIVATE: fail, "
		    "attempted private mapping");
	ev.arg[2] = 0;
	ev.arg[3] = MAP_SHARED_VALIDATE | MAP_SYNC;
	ev.v = dax_refuse(0, DAX_MMAP_BEYOND_END, 0x1000, 0x200000, 0);
	traced(&ev, "fio[413] mmap(dax0.0, addr=0, len=0x200000, prot=---, "
		    "flags=SHARED_VALIDATE|SYNC, offset=0x1000) = 0x7f0000000000 OK "
		    "MMAP-BEYOND-END: the last 0x1000 bytes are behind the end of the "
		    "device (0x200000): touching them fails");
	ev.arg[3] = 15;
	ev.v = dax_refuse(EINVAL, DAX_MMAP_BAD_TYPE, 15, 0, 0);
	traced(&ev,
	       "fio[413] mmap(dax0.0, addr=0, len=0x200000, prot=---, flags=0xf, "
	       "offset=0x1000) = EINVAL MMAP-BAD-TYPE: fail, unknown mapping type 0xf");
}

static void test_arguments(void)
{
	struct dax_event ev = event(DAX_CALL_OPEN);

	ev.arg[0] = O_RDWR | O_CREAT | O_CLOEXEC;
	traced(&ev, "fio[413] open(dax0.0, flags=RDWR|CREAT|CLOEXEC) = 0 OK");
	ev.arg[0] = O_ACCMODE;
	traced(&ev, "fio[413] open(dax0.0, flags=ACCMODE) = 0 OK");

	ev = event(DAX_CALL_PREAD);
	ev.arg[0] = (uint64_t)-1;
	ev.arg[1] = 4096;
	ev.v = dax_refuse(EINVAL, DAX_NEGATIVE_OFFSET, 0, 0, 0);
	traced(&ev,
	       "fio[413] pread(dax0.0, offset=-1, len=4096) = EINVAL NEGATIVE-OFFSET: "
	       "fail, negative offset");

	ev = event(DAX_CALL_LSEEK);
	ev.arg[0] = SEEK_HOLE;
	traced(&ev, "fio[413] lseek(dax0.0, whence=HOLE, offset=0) = 0 OK");
	ev.arg[0] = 5;
	ev.v = dax_refuse(EINVAL, DAX_BAD_WHENCE, 5, 0, 0);
	traced(&ev,
	       "fio[413] lseek(dax0.0, whence=5, offset=0) = EINVAL BAD-WHENCE: fail, "
	       "unknown whence 0x5");

	ev = event(DAX_CALL_MADVISE);
	ev.arg[0] = 0x1000;
	ev.arg[1] = 0x2000;
	ev.arg[2] = MADV_DONTFORK;
	traced(&ev,
	       "fio[413] madvise(dax0.0, addr=0x1000, len=0x2000, advice=DONTFORK) = 0 "
	       "OK");
	ev.arg[2] = 5; /* a number between named ones that has no name */
	traced(&ev, "fio[413] madvise(dax0.0, addr=0x1000, len=0x2000, advice=5) = 0 OK");

	ev = event(DAX_CALL_MREMAP);
	ev.arg[0] = 0x1000;
	ev.arg[1] = ev.arg[2] = 0x2000;
	ev.arg[3] = MREMAP_MAYMOVE | MREMAP_FIXED | 8;
	traced(&ev,
	       "fio[413] mremap(dax0.0, addr=0x1000, old_len=0x2000, new_len=0x2000, "
	       "flags=MAYMOVE|FIXED|0x8, new_addr=0) = 0 OK");
	ev.arg[3] = 0;
	traced(&ev,
	       "fio[413] mremap(dax0.0, addr=0x1000, old_len=0x2000, new_len=0x2000, "
	       "flags=0, new_addr=0) = 0 OK");

	ev = event(DAX_CALL_MSYNC);
	ev.arg[2] = MS_SYNC | MS_INVALIDATE;
	traced(&ev,
	       "fio[413] msync(dax0.0, addr=0, len=0, flags=INVALIDATE|SYNC) = 0 OK");
	ev = event(DAX_CALL_MLOCK);
	ev.arg[2] = 1;
	traced(&ev, "fio[413] mlock(dax0.0, addr=0, len=0, flags=ONFAULT) = 0 OK");
	ev = event(DAX_CALL_FSYNC);
	ev.v = dax_refuse(EINVAL, DAX_NO_FSYNC, 0, 0, 0);
	traced(&ev, "fio[413] fsync(dax0.0) = EINVAL NO-FSYNC: fail, the device has no "
		    "fsync");
}

/* The line of every call with every reason fits the buffer. */
static void test_all(void)
{
	bool is_good = true;
	int call;
	int reason;

	for (call = 0; call < DAX_CALL_NR; call++) {
		for (reason = 0; reason < DAX_REASON_NR; reason++) {
			struct dax_event ev = event((enum dax_call)call);
			char text[DAX_EVENT_TEXT];

			memset(ev.arg, 0xff, sizeof(ev.arg));
			memset(ev.dev, 'd', sizeof(ev.dev));
			memset(ev.comm, 'c', sizeof(ev.comm));
			ev.pid = ev.tid = INT32_MIN;
			ev.v = dax_refuse(EPROTO, (enum dax_reason)reason, UINT64_MAX,
					  UINT64_MAX, UINT64_MAX);
			is_good &= dax_event_trace(&ev, text, sizeof(text)) <
				   sizeof(text) - 1;
			is_good &= dax_event_refusal(&ev, text, sizeof(text)) <
				   sizeof(text) - 1;
		}
	}
	ok(is_good, "%d calls and %d reasons have room", DAX_CALL_NR, DAX_REASON_NR);
}

static void test_cut(void)
{
	struct dax_event ev = event(DAX_CALL_MSYNC);
	char whole[DAX_EVENT_TEXT];
	bool is_good = true;
	size_t size;

	ev.arg[2] = MS_SYNC | MS_ASYNC;
	dax_event_trace(&ev, whole, sizeof(whole));
	for (size = 1; size < sizeof(whole); size++) {
		char text[DAX_EVENT_TEXT];
		size_t len;

		memset(text, 'x', sizeof(text));
		len = dax_event_trace(&ev, text, size);
		is_good &= len < size && text[len] == '\0' && strlen(text) == len &&
			   text[size] == 'x';
	}
	ok(is_good, "with less room a line is cut, and ends");
}

static void test_errno(void)
{
	char text[DAX_ERRNO_STRLEN];
	int named = 0;
	int e;

	for (e = 1; e < 134; e++) {
		const char *name = dax_errno_name(e);

		named += name && name[0] == 'E';
	}
	ok(named > 50, "%d errors have names", named);
	ok(!strcmp(dax_errno_name(EHWPOISON), "EHWPOISON"), "as in errno.h");
	ok(!dax_errno_name(0) && !dax_errno_name(4000), "what is none has none");
	ok(!strcmp(dax_errno_text(EIO, text), "EIO"), "an error has a text");
	ok(!strcmp(dax_errno_text(9999, text), "errno 9999"), "and so has any number");
}

int main(void)
{
	test_check();
	test_refusal();
	test_trace();
	test_arguments();
	test_all();
	test_cut();
	test_errno();
	return tap_done();
}
