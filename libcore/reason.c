/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of calls and reasons, and the sentences that explain verdicts. */
#include "libcore/reason.h"

#include <inttypes.h>
#include <stdio.h>

#define CALL(name) [DAX_CALL_##name]
static const char *const call_name[DAX_CALL_NR] = {
	CALL(OPEN) = "open",
	CALL(READ) = "read",
	CALL(WRITE) = "write",
	CALL(PREAD) = "pread",
	CALL(PWRITE) = "pwrite",
	CALL(LSEEK) = "lseek",
	CALL(FTRUNCATE) = "ftruncate",
	CALL(FALLOCATE) = "fallocate",
	CALL(FSYNC) = "fsync",
	CALL(SYNC_FILE_RANGE) = "sync_file_range",
	CALL(READAHEAD) = "readahead",
	CALL(FADVISE) = "posix_fadvise",
	CALL(IOCTL) = "ioctl",
	CALL(FCNTL) = "fcntl",
	CALL(COPY_FROM) = "splice",
	CALL(COPY_TO) = "splice",
	CALL(COPY_RANGE) = "copy_file_range",
	CALL(MMAP) = "mmap",
	CALL(MUNMAP) = "munmap",
	CALL(MPROTECT) = "mprotect",
	CALL(MREMAP) = "mremap",
	CALL(MADVISE) = "madvise",
	CALL(MSYNC) = "msync",
	CALL(MLOCK) = "mlock",
	CALL(MBIND) = "mbind",
	CALL(REMAP_FILE_PAGES) = "remap_file_pages",
	CALL(USERFAULTFD) = "userfaultfd",
	CALL(PROCESS_MADVISE) = "process_madvise",
	CALL(TRUNCATE) = "truncate",
	CALL(CHANGE) = "change",
	CALL(ATTR_OPEN) = "open",
	CALL(ATTR_READ) = "read",
	CALL(ATTR_WRITE) = "write",
	CALL(EXEC) = "exec",
};

/*
 * The identifier that docs/semantics.md and --trace use, and the sentence. A sentence
 * takes its verdict's arguments in order, each as %#PRIx64.
 */
#define X "%#" PRIx64
static const struct {
	const char *id;
	const char *text;
} reasons[DAX_REASON_NR] = {
	[DAX_OK] = {"OK", "ok"},
	[DAX_NOT_ALIVE] = {"NOT-ALIVE", "fail, the device is disabled or gone"},
	[DAX_OPEN_DIRECT] = {"OPEN-DIRECT", "fail, O_DIRECT is not supported"},
	[DAX_FD_NOT_OPEN_FOR_IT] = {"FD-ACCESS", "fail, not opened for that"},
	[DAX_NO_READ_WRITE] = {"NO-READ-WRITE",
			       "fail, the device has no read or write, only mmap"},
	[DAX_NEGATIVE_OFFSET] = {"NEGATIVE-OFFSET", "fail, negative offset"},
	[DAX_BAD_WHENCE] = {"BAD-WHENCE", "fail, unknown whence " X},
	[DAX_NO_TRUNCATE] = {"NO-TRUNCATE", "fail, a device cannot be truncated"},
	[DAX_NO_FALLOCATE] = {"NO-FALLOCATE", "fail, a device cannot be allocated"},
	[DAX_BAD_FALLOCATE_MODE] = {"FALLOCATE-MODE", "fail, unknown mode " X},
	[DAX_BAD_ARGUMENT] = {"BAD-ARGUMENT", "fail, invalid argument"},
	[DAX_NO_FSYNC] = {"NO-FSYNC", "fail, the device has no fsync"},
	[DAX_NOT_SEEKABLE] = {"NOT-A-FILE", "fail, not a regular file"},
	[DAX_NO_IOCTL] = {"NO-IOCTL", "fail, the device has no ioctl " X},
	[DAX_NO_FIEMAP] = {"NO-FIEMAP", "fail, the device has no FIEMAP"},
	[DAX_NO_LEASE] = {"NO-LEASE", "fail, no leases on a device"},
	[DAX_LEASE_NOT_YOURS] = {"LEASE-OWNER",
				 "fail, only its owner may lease the node"},
	[DAX_HINT_NOT_YOURS] = {"HINT-OWNER", "fail, only its owner may set a hint"},
	[DAX_NO_SEALS] = {"NO-SEALS", "fail, no seals on a device"},
	[DAX_NO_COPY] = {"NO-COPY", "fail, a device is no source or target of copies"},
	[DAX_NO_MMAP] = {"NO-MMAP", "fail, the nd bus's control node has no mmap"},
	[DAX_MMAP_OFFSET_OFF_PAGE] = {"MMAP-OFFSET-PAGE",
				      "fail, offset " X " is not on a page"},
	[DAX_MMAP_HUGETLB] = {"MMAP-HUGETLB", "fail, MAP_HUGETLB on a device"},
	[DAX_MMAP_NO_LENGTH] = {"MMAP-NO-LENGTH", "fail, length 0"},
	[DAX_MMAP_TOO_LONG] = {"MMAP-TOO-LONG", "fail, length " X " is too large"},
	[DAX_MMAP_OVERFLOW] = {"MMAP-OVERFLOW",
			       "fail, offset " X " and length " X " overflow"},
	[DAX_MMAP_ADDRESS_OFF_PAGE] = {"MMAP-ADDRESS-PAGE",
				       "fail, fixed address " X " is not on a page"},
	[DAX_MMAP_NO_ROOM] = {"MMAP-NO-ROOM", "fail, no room at " X " for length " X},
	[DAX_MMAP_OCCUPIED] = {"MMAP-OCCUPIED",
			       "fail, something is mapped at " X " already"},
	[DAX_MMAP_UNKNOWN_FLAG] = {"MMAP-UNKNOWN-FLAG",
				   "fail, MAP_SHARED_VALIDATE and unknown flags " X},
	[DAX_MMAP_NO_ACCESS] = {"MMAP-NO-ACCESS",
				"fail, the descriptor's access mode forbids it"},
	[DAX_MMAP_GROWS] = {"MMAP-GROWS", "fail, MAP_GROWSDOWN on a device"},
	[DAX_MMAP_BAD_TYPE] = {"MMAP-BAD-TYPE", "fail, unknown mapping type " X},
	[DAX_MMAP_PRIVATE] = {"MMAP-PRIVATE", "fail, attempted private mapping"},
	[DAX_MMAP_UNALIGNED_LENGTH] = {"MMAP-UNALIGNED-LENGTH",
				       "fail, unaligned vma (length " X
				       " is no multiple of the align " X ")"},
	[DAX_MMAP_UNALIGNED_OFFSET] = {"MMAP-UNALIGNED-OFFSET",
				       "fail, unaligned vma (offset " X
				       " is no multiple of the align " X ")"},
	[DAX_MMAP_UNALIGNED_ADDRESS] = {"MMAP-UNALIGNED-ADDRESS",
					"fail, unaligned vma (" X " - " X ", " X ")"},
	[DAX_MMAP_BEYOND_END] = {"MMAP-BEYOND-END",
				 "the last " X " bytes are behind the end of the device "
				 "(" X "): touching them fails"},
	[DAX_VMA_SPLIT] = {"VMA-SPLIT", "fail, " X " is inside a unit of the mapping, "
					"whose align is " X},
	[DAX_VMA_NO_WRITE] = {"VMA-NO-WRITE",
			      "fail, the mapping's descriptor was not opened for that"},
	[DAX_VMA_IS_SEALED] = {"VMA-SEALED", "fail, the mapping at " X " is sealed"},
	[DAX_MADVISE_REFUSED] = {"MADVISE-REFUSED", "fail, advice " X " on a device"},
	[DAX_MADVISE_NO_REMOVE] = {"MADVISE-REMOVE", "fail, MADV_REMOVE on a device"},
	[DAX_MADVISE_NO_RIGHT] = {"MADVISE-RIGHT",
				  "fail, advice " X " needs CAP_SYS_ADMIN"},
	[DAX_MADVISE_NOTHING_THERE] = {"MADVISE-NOTHING-THERE",
				       "fail, " X " cannot be touched"},
	[DAX_MADVISE_NO_OFFLINE] = {"MADVISE-SOFT-OFFLINE",
				    "fail, MADV_SOFT_OFFLINE on a device"},
	[DAX_MADVISE_NO_PAGES] = {"MADVISE-NO-PAGES",
				  "fail, dax range requires MADV_DONTFORK"},
	[DAX_PIN_NO_PAGES] = {"PIN-NO-PAGES", "fail, memory at " X " has no pages"},
	[DAX_MADVISE_PROCESS] = {"MADVISE-PROCESS",
				 "fail, advice " X " by process_madvise"},
	[DAX_NO_MSYNC] = {"NO-MSYNC", "fail, the device has no fsync"},
	[DAX_MREMAP_ARGUMENT] = {"MREMAP-ARGUMENT", "fail, invalid argument"},
	[DAX_MREMAP_CROSSES] = {"MREMAP-CROSSES",
				"fail, the old range is more than one mapping"},
	[DAX_NO_USERFAULTFD] = {"NO-USERFAULTFD", "fail, no userfaultfd on a device"},
	[DAX_NODE_NOT_YOURS] = {"NODE-PERMISSION",
				"fail, /dev and /sys may not be changed"},
	[DAX_NODE_IS_THERE] = {"NODE-IS-THERE", "fail, the name is taken"},
	[DAX_NO_XATTR] = {"NO-XATTR", "fail, no attributes of users on a device"},
	[DAX_LINK_ACROSS] = {"LINK-ACROSS", "fail, a link to another file system"},
	[DAX_ATTR_MODE] = {"ATTR-MODE", "fail, the attribute's mode forbids it"},
	[DAX_ATTR_ERROR] = {"ATTR-ERROR", "fail, refused by the attribute"},
	[DAX_ATTR_NO_MMAP] = {"ATTR-NO-MMAP", "fail, an attribute has no mmap"},
	[DAX_KERNEL] = {"KERNEL", "fail, refused by the kernel"},
	[DAX_NO_DAEMON] = {"NO-DAEMON", "fail, cuse-daxd does not reply"},
	[DAX_EXEC_FOREIGN] = {"EXEC-FOREIGN",
			      "sees no devices, as it is no program for 64-bit "
			      "x86: run one that is"},
	[DAX_EXEC_SET_ID] = {"EXEC-SET-ID", "sees no devices, as it is set-user-ID or "
					    "set-group-ID: run it as its owner, or a "
					    "copy without the bit"},
	[DAX_INJECTED] = {"FAULT-INJECTED", "fail, injected by a fault rule"},
};
#undef X

/**
 * dax_call_name() - name a call as daxrun prints it
 * @call:	the call
 *
 * Return: "mmap" or the like; "?" for an unknown call.
 */
const char *dax_call_name(enum dax_call call)
{
	return call < DAX_CALL_NR ? call_name[call] : "?";
}

/**
 * dax_reason_id() - name a reason
 * @reason:	the reason
 *
 * Return: the name of its row in docs/semantics.md; "?" for an unknown reason.
 */
const char *dax_reason_id(enum dax_reason reason)
{
	return reason < DAX_REASON_NR ? reasons[reason].id : "?";
}

/**
 * dax_verdict_text() - explain a verdict, as the kernel's log does
 * @v:		the verdict
 * @buf:	receives the text, always terminated
 * @size:	bytes of @buf
 *
 * Return: the length of the whole text, as snprintf(3).
 */
size_t dax_verdict_text(const struct dax_verdict *v, char *buf, size_t size)
{
	const char *text = v->reason < DAX_REASON_NR ? reasons[v->reason].text : "?";
	int n;

	/* All texts are in the table above, and none takes more than these three. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(buf, size, text, v->arg[0], v->arg[1], v->arg[2]);
#pragma GCC diagnostic pop
	return n < 0 ? 0 : (size_t)n;
}
