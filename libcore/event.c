/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines that daxrun prints about calls. */
#include "libcore/event.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

#include "libcore/reason.h"
#include "libcore/text.h"
#include "libcore/verdict.h"

/* Formats of arguments. */
enum arg_kind {
	ARG_END,
	ARG_HEX,
	ARG_DEC,
	ARG_PROT,
	ARG_MAP_FLAGS,
	ARG_OPEN_FLAGS,
	ARG_MREMAP_FLAGS,
	ARG_MSYNC_FLAGS,
	ARG_MLOCK_FLAGS,
	ARG_ADVICE,
	ARG_WHENCE,
};

struct arg_desc {
	const char *name;
	enum arg_kind kind;
};

static const struct arg_desc call_args[DAX_CALL_NR][DAX_EVENT_ARGS] = {
	[DAX_CALL_OPEN] = {{"flags", ARG_OPEN_FLAGS}},
	[DAX_CALL_READ] = {{"len", ARG_DEC}},
	[DAX_CALL_WRITE] = {{"len", ARG_DEC}},
	[DAX_CALL_PREAD] = {{"offset", ARG_DEC}, {"len", ARG_DEC}},
	[DAX_CALL_PWRITE] = {{"offset", ARG_DEC}, {"len", ARG_DEC}},
	[DAX_CALL_LSEEK] = {{"whence", ARG_WHENCE}, {"offset", ARG_DEC}},
	[DAX_CALL_FTRUNCATE] = {{"len", ARG_DEC}},
	[DAX_CALL_TRUNCATE] = {{"len", ARG_DEC}},
	[DAX_CALL_COPY_FROM] = {{"len", ARG_DEC}},
	[DAX_CALL_COPY_TO] = {{"len", ARG_DEC}},
	[DAX_CALL_COPY_RANGE] = {{"len", ARG_DEC}},
	[DAX_CALL_FALLOCATE] = {{"mode", ARG_HEX}, {"offset", ARG_DEC}, {"len", ARG_DEC}},
	[DAX_CALL_SYNC_FILE_RANGE] = {{"flags", ARG_HEX},
				      {"offset", ARG_DEC},
				      {"len", ARG_DEC}},
	[DAX_CALL_IOCTL] = {{"request", ARG_HEX}},
	[DAX_CALL_FCNTL] = {{"cmd", ARG_DEC}, {"arg", ARG_HEX}},
	[DAX_CALL_MMAP] = {{"addr", ARG_HEX},
			   {"len", ARG_HEX},
			   {"prot", ARG_PROT},
			   {"flags", ARG_MAP_FLAGS},
			   {"offset", ARG_HEX}},
	[DAX_CALL_MUNMAP] = {{"addr", ARG_HEX}, {"len", ARG_HEX}},
	[DAX_CALL_MPROTECT] = {{"addr", ARG_HEX}, {"len", ARG_HEX}, {"prot", ARG_PROT}},
	[DAX_CALL_MREMAP] = {{"addr", ARG_HEX},
			     {"old_len", ARG_HEX},
			     {"new_len", ARG_HEX},
			     {"flags", ARG_MREMAP_FLAGS},
			     {"new_addr", ARG_HEX}},
	[DAX_CALL_MADVISE] = {{"addr", ARG_HEX},
			      {"len", ARG_HEX},
			      {"advice", ARG_ADVICE}},
	[DAX_CALL_MSYNC] = {{"addr", ARG_HEX},
			    {"len", ARG_HEX},
			    {"flags", ARG_MSYNC_FLAGS}},
	[DAX_CALL_MLOCK] = {{"addr", ARG_HEX},
			    {"len", ARG_HEX},
			    {"flags", ARG_MLOCK_FLAGS}},
	[DAX_CALL_MBIND] = {{"addr", ARG_HEX}, {"len", ARG_HEX}},
	[DAX_CALL_REMAP_FILE_PAGES] = {{"addr", ARG_HEX},
				       {"len", ARG_HEX},
				       {"pgoff", ARG_HEX}},
	[DAX_CALL_USERFAULTFD] = {{"addr", ARG_HEX}, {"len", ARG_HEX}},
	[DAX_CALL_PROCESS_MADVISE] = {{"addr", ARG_HEX},
				      {"len", ARG_HEX},
				      {"advice", ARG_ADVICE}},
	[DAX_CALL_ATTR_OPEN] = {{"flags", ARG_OPEN_FLAGS}},
	[DAX_CALL_ATTR_WRITE] = {{"len", ARG_DEC}},
};

struct flag_name {
	unsigned int bit;
	const char *name;
};

static const struct flag_name map_flags[] = {
	{MAP_FIXED, "FIXED"},         {MAP_ANONYMOUS, "ANONYMOUS"},
	{MAP_32BIT, "32BIT"},         {MAP_GROWSDOWN, "GROWSDOWN"},
	{MAP_DENYWRITE, "DENYWRITE"}, {MAP_EXECUTABLE, "EXECUTABLE"},
	{MAP_LOCKED, "LOCKED"},       {MAP_NORESERVE, "NORESERVE"},
	{MAP_POPULATE, "POPULATE"},   {MAP_NONBLOCK, "NONBLOCK"},
	{MAP_STACK, "STACK"},         {MAP_HUGETLB, "HUGETLB"},
	{MAP_SYNC, "SYNC"},           {MAP_FIXED_NOREPLACE, "FIXED_NOREPLACE"},
};

static const struct flag_name mremap_flags[] = {
	{1, "MAYMOVE"},
	{2, "FIXED"},
	{4, "DONTUNMAP"},
};

static const struct flag_name msync_flags[] = {
	{MS_ASYNC, "ASYNC"},
	{MS_INVALIDATE, "INVALIDATE"},
	{MS_SYNC, "SYNC"},
};

static const struct flag_name mlock_flags[] = {
	{1, "ONFAULT"},
};

/* Indexed by number: the machine's headers may be older than an advice. */
static const char *const advices[] = {
	[0] = "NORMAL",           [1] = "RANDOM",         [2] = "SEQUENTIAL",
	[3] = "WILLNEED",         [4] = "DONTNEED",       [8] = "FREE",
	[9] = "REMOVE",           [10] = "DONTFORK",      [11] = "DOFORK",
	[12] = "MERGEABLE",       [13] = "UNMERGEABLE",   [14] = "HUGEPAGE",
	[15] = "NOHUGEPAGE",      [16] = "DONTDUMP",      [17] = "DODUMP",
	[18] = "WIPEONFORK",      [19] = "KEEPONFORK",    [20] = "COLD",
	[21] = "PAGEOUT",         [22] = "POPULATE_READ", [23] = "POPULATE_WRITE",
	[24] = "DONTNEED_LOCKED", [25] = "COLLAPSE",      [100] = "HWPOISON",
	[101] = "SOFT_OFFLINE",
};

static const char *const whences[] = {"SET", "CUR", "END", "DATA", "HOLE"};

static const struct flag_name open_flags[] = {
	{O_CREAT, "CREAT"},         {O_EXCL, "EXCL"},         {O_NOCTTY, "NOCTTY"},
	{O_TRUNC, "TRUNC"},         {O_APPEND, "APPEND"},     {O_NONBLOCK, "NONBLOCK"},
	{O_DIRECT, "DIRECT"},       {O_NOFOLLOW, "NOFOLLOW"}, {O_CLOEXEC, "CLOEXEC"},
	{O_DIRECTORY, "DIRECTORY"}, {O_PATH, "PATH"},
};

#define NR(a) (sizeof(a) / sizeof((a)[0]))

/* Append the names of bits, with "|" between them; @is_behind: also before the first. */
static void add_flags(struct dax_text *t, const struct flag_name *names, size_t nr,
		      unsigned int flags, bool is_behind)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (flags & names[i].bit) {
			dax_text_add(t, "%s%s", is_behind ? "|" : "", names[i].name);
			flags &= ~names[i].bit;
			is_behind = true;
		}
	}
	if (flags)
		dax_text_add(t, "%s%#x", is_behind ? "|" : "", flags);
}

/* Append "MAYMOVE|FIXED", or 0 if no bit is set. */
static void add_only_flags(struct dax_text *t, const struct flag_name *names, size_t nr,
			   unsigned int flags)
{
	if (flags)
		add_flags(t, names, nr, flags, false);
	else
		dax_text_add(t, "0");
}

static void add_named(struct dax_text *t, const char *const *names, size_t nr,
		      uint64_t value)
{
	if (value < nr && names[value])
		dax_text_add(t, "%s", names[value]);
	else
		dax_text_add(t, "%" PRId64, (int64_t)value);
}

static void add_arg(struct dax_text *t, enum arg_kind kind, uint64_t value)
{
	static const char *const types[] = {"0", "SHARED", "PRIVATE", "SHARED_VALIDATE"};
	static const char *const accs[] = {"RDONLY", "WRONLY", "RDWR", "ACCMODE"};
	unsigned int flags = (unsigned int)value;

	switch (kind) {
	case ARG_END: /* dax_event_trace() stops there */
	case ARG_HEX:
		dax_text_add(t, "%#" PRIx64, value);
		break;
	case ARG_DEC:
		dax_text_add(t, "%" PRId64, (int64_t)value);
		break;
	case ARG_PROT:
		dax_text_add(t, "%c%c%c", value & PROT_READ ? 'r' : '-',
			     value & PROT_WRITE ? 'w' : '-',
			     value & PROT_EXEC ? 'x' : '-');
		break;
	case ARG_MAP_FLAGS:
		if ((flags & 15) < NR(types))
			dax_text_add(t, "%s", types[flags & 15]);
		else
			dax_text_add(t, "%#x", flags & 15);
		add_flags(t, map_flags, NR(map_flags), flags & ~15u, true);
		break;
	case ARG_OPEN_FLAGS:
		dax_text_add(t, "%s", accs[flags & O_ACCMODE]);
		add_flags(t, open_flags, NR(open_flags), flags & ~(unsigned int)O_ACCMODE,
			  true);
		break;
	case ARG_MREMAP_FLAGS:
		add_only_flags(t, mremap_flags, NR(mremap_flags), flags);
		break;
	case ARG_MSYNC_FLAGS:
		add_only_flags(t, msync_flags, NR(msync_flags), flags);
		break;
	case ARG_MLOCK_FLAGS:
		add_only_flags(t, mlock_flags, NR(mlock_flags), flags);
		break;
	case ARG_ADVICE:
		add_named(t, advices, NR(advices), value);
		break;
	case ARG_WHENCE:
		add_named(t, whences, NR(whences), value);
		break;
	}
}

/**
 * dax_errno_name() - name an error as programs do
 * @error:	an errno
 *
 * Return: "EINVAL" or the like; NULL for an errno that neither verdicts nor fault rules
 * use.
 */
const char *dax_errno_name(int error)
{
	switch (error) {
#define NAME(e)                                                                          \
	case e:                                                                          \
		return #e
		NAME(EPERM);
		NAME(ENOENT);
		NAME(ESRCH);
		NAME(EINTR);
		NAME(EIO);
		NAME(ENXIO);
		NAME(E2BIG);
		NAME(ENOEXEC);
		NAME(EBADF);
		NAME(ECHILD);
		NAME(EAGAIN);
		NAME(ENOMEM);
		NAME(EACCES);
		NAME(EFAULT);
		NAME(ENOTBLK);
		NAME(EBUSY);
		NAME(EEXIST);
		NAME(EXDEV);
		NAME(ENODEV);
		NAME(ENOTDIR);
		NAME(EISDIR);
		NAME(EINVAL);
		NAME(ENFILE);
		NAME(EMFILE);
		NAME(ENOTTY);
		NAME(ETXTBSY);
		NAME(EFBIG);
		NAME(ENOSPC);
		NAME(ESPIPE);
		NAME(EROFS);
		NAME(EMLINK);
		NAME(EPIPE);
		NAME(EDOM);
		NAME(ERANGE);
		NAME(EDEADLK);
		NAME(ENAMETOOLONG);
		NAME(ENOLCK);
		NAME(ENOSYS);
		NAME(ENOTEMPTY);
		NAME(ELOOP);
		NAME(ENODATA);
		NAME(ETIME);
		NAME(EREMOTEIO);
		NAME(EOVERFLOW);
		NAME(EBADMSG);
		NAME(EPROTO);
		NAME(EUSERS);
		NAME(EOPNOTSUPP);
		NAME(ENOBUFS);
		NAME(EALREADY);
		NAME(EINPROGRESS);
		NAME(ESTALE);
		NAME(EDQUOT);
		NAME(ENOMEDIUM);
		NAME(EMEDIUMTYPE);
		NAME(ECANCELED);
		NAME(ETIMEDOUT);
		NAME(ECONNRESET);
		NAME(ECONNREFUSED);
		NAME(EHWPOISON);
		NAME(EUCLEAN);
#undef NAME
	default:
		return NULL;
	}
}

/**
 * dax_errno_text() - name any error, for a message
 * @error:	an errno, or any other number
 * @buf:	room for the text
 *
 * Return: dax_errno_name(), or "errno 4000" in @buf if the errno has no name; never NULL.
 */
const char *dax_errno_text(int error, char buf[DAX_ERRNO_STRLEN])
{
	const char *name = dax_errno_name(error);

	if (name)
		return name;
	snprintf(buf, DAX_ERRNO_STRLEN, "errno %d", error);
	return buf;
}

static void add_errno(struct dax_text *t, int error)
{
	char buf[DAX_ERRNO_STRLEN];

	dax_text_add(t, "%s", dax_errno_text(error, buf));
}

/* Append a name from another process, without characters that disturb a terminal. */
static void add_name(struct dax_text *t, const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < size && name[i]; i++)
		dax_text_add(t, "%c", name[i] > ' ' && name[i] < 0x7f ? name[i] : '?');
}

/* Append the effect on the program: an errno, or later a signal. */
static void add_outcome(struct dax_text *t, const struct dax_verdict *v)
{
	if (v->error)
		add_errno(t, v->error);
	else
		dax_text_add(t, "SIGBUS");
}

static void add_reason(struct dax_text *t, const struct dax_verdict *v)
{
	char reason[160];

	dax_verdict_text(v, reason, sizeof(reason));
	dax_text_add(t, "%s", reason);
}

/**
 * dax_event_check() - check that a datagram is an event
 * @ev:		the datagram as received
 * @len:	bytes received
 *
 * Return: 0, or -EBADMSG if it is not an event or has fields out of range.
 */
int dax_event_check(const struct dax_event *ev, size_t len)
{
	if (len != sizeof(*ev) || ev->magic != DAX_EVENT_MAGIC ||
	    ev->call >= DAX_CALL_NR || (unsigned int)ev->v.reason >= DAX_REASON_NR)
		return -EBADMSG;
	return 0;
}

/**
 * dax_event_refusal() - format the line that explains a refusal
 * @ev:		checked by dax_event_check(); its verdict is a refusal or a remark
 * @buf:	receives the text, without newline, always terminated
 * @size:	bytes of @buf, not 0
 *
 * "dax0.0: fio[412]: mmap: fail, attempted private mapping (EINVAL)": in the words of
 * the kernel's log (drivers/dax/device.c: check_vma()) where it has any.
 *
 * Return: the length of the text.
 */
size_t dax_event_refusal(const struct dax_event *ev, char *buf, size_t size)
{
	struct dax_text t = {.buf = buf, .size = size};

	add_name(&t, ev->dev, sizeof(ev->dev));
	dax_text_add(&t, ": ");
	add_name(&t, ev->comm, sizeof(ev->comm));
	dax_text_add(&t, "[%d]: %s: ", ev->pid, dax_call_name(ev->call));
	add_reason(&t, &ev->v);
	if (ev->call != DAX_CALL_EXEC) {
		dax_text_add(&t, " (");
		add_outcome(&t, &ev->v);
		dax_text_add(&t, ")");
	}
	return dax_text_length(&t);
}

/**
 * dax_event_trace() - format the line that shows a call
 * @ev:		checked by dax_event_check()
 * @buf:	receives the text, without newline, always terminated
 * @size:	bytes of @buf, not 0
 *
 * "fio[412] mmap(dax0.0, addr=0, len=0x200000, ...) = 0x7f... OK" or
 * "... = EINVAL MMAP-PRIVATE: fail, attempted private mapping".
 *
 * Return: the length of the text.
 */
size_t dax_event_trace(const struct dax_event *ev, char *buf, size_t size)
{
	struct dax_text t = {.buf = buf, .size = size};
	int i;

	add_name(&t, ev->comm, sizeof(ev->comm));
	dax_text_add(&t, "[%d] %s(", ev->tid, dax_call_name(ev->call));
	add_name(&t, ev->dev, sizeof(ev->dev));
	for (i = 0; i < DAX_EVENT_ARGS; i++) {
		const struct arg_desc *desc = &call_args[ev->call][i];

		if (desc->kind == ARG_END)
			break;
		dax_text_add(&t, ", %s=", desc->name);
		add_arg(&t, desc->kind, ev->arg[i]);
	}
	dax_text_add(&t, ") = ");
	if (ev->v.error) {
		add_errno(&t, ev->v.error);
		dax_text_add(&t, " %s: ", dax_reason_id(ev->v.reason));
		add_reason(&t, &ev->v);
	} else {
		dax_text_add(&t, "%#" PRIx64 " OK", ev->result);
		if (dax_verdict_is_told(&ev->v)) {
			dax_text_add(&t, " %s: ", dax_reason_id(ev->v.reason));
			add_reason(&t, &ev->v);
		}
	}
	return dax_text_length(&t);
}
