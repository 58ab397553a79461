/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts of real device-dax on calls: the rules, each written once.
 *
 * Pure functions of a device's description and the call's arguments. Their callers
 * (shim, daemon, tests) carry the verdict out. Every reason of a verdict has a row in
 * docs/semantics.md, under the name that dax_reason_id() returns.
 */
#ifndef DAX_VERDICT_H
#define DAX_VERDICT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/kernel.h"
#include "libcore/reason.h"

#ifndef MAP_32BIT
#define MAP_32BIT 0 /* a flag of x86 only */
#endif

/*
 * End of the address space without the opt-in to larger addresses (arch/arm64:
 * DEFAULT_MAP_WINDOW_64; arch/x86: DEFAULT_MAP_WINDOW).
 */
#ifdef __aarch64__
#define DAX_TASK_SIZE (UINT64_C(1) << 48)
#else
#define DAX_TASK_SIZE ((UINT64_C(1) << 47) - 4096)
#endif

int dax_open_flags(int flags, int *ret_flags);
struct dax_verdict dax_open_verdict(const struct dax_device *dev, int flags,
				    bool is_held);

/* The argument of an ioctl that the VFS checks before the file. */
enum dax_ioctl_argument {
	DAX_IOCTL_ANY,    /* none */
	DAX_IOCTL_FD,     /* a descriptor */
	DAX_IOCTL_MEMORY, /* an address to read from */
};

enum dax_ioctl_argument dax_ioctl_argument(uint64_t request);
enum dax_call dax_iocb_call(unsigned int opcode);

struct dax_verdict dax_fd_verdict(enum dax_kernel kernel, enum dax_call call, int accmode,
				  int64_t a, int64_t b, int64_t c);

struct dax_mmap_request {
	uint64_t addr;
	uint64_t len;
	uint64_t off;
	int prot;
	int flags;
	int accmode; /* O_ACCMODE and O_PATH of the descriptor */
	enum dax_kernel kernel;
};

enum dax_place {
	DAX_PLACE_ANY,       /* wherever there is room; aligned only by chance */
	DAX_PLACE_CONGRUENT, /* wherever there is room, with (addr - off) % align == 0 */
	DAX_PLACE_HINT,      /* at addr if that is free, else DAX_PLACE_ANY */
	DAX_PLACE_FIXED,     /* at addr, replacing what is there */
	DAX_PLACE_NOREPLACE, /* at addr, EEXIST if anything is there */
};

struct dax_mmap_answer {
	struct dax_verdict v;
	enum dax_place place;
	uint64_t addr; /* page-rounded */
	uint64_t len;  /* page-rounded */
	/*
	 * Refused after the kernel has found an address: if place is NOREPLACE, EEXIST
	 * takes precedence; if it is FIXED, the old mapping at addr is gone nevertheless
	 * (the driver's own mmap refused).
	 */
	bool is_late;
};

void dax_mmap_verdict(const struct dax_device *dev, const struct dax_mmap_request *req,
		      struct dax_mmap_answer *ret);
void dax_attr_mmap_verdict(const struct dax_mmap_request *req,
			   struct dax_mmap_answer *ret);
struct dax_verdict dax_attach_verdict(const struct dax_device *dev, int accmode);
struct dax_verdict dax_mmap_place_verdict(const struct dax_device *dev, uint64_t addr,
					  uint64_t len);

struct dax_verdict dax_userfaultfd_verdict(void);

struct dax_verdict dax_attr_open_verdict(uint32_t mode, int flags);

enum dax_change_kind {
	DAX_CHANGE_REMOVE, /* or rename */
	DAX_CHANGE_MAKE,   /* a directory or a symbolic link */
	DAX_CHANGE_MKNOD,
	DAX_CHANGE_LINK,      /* the new name of a link */
	DAX_CHANGE_LINK_FROM, /* the file that gets another name elsewhere */
	DAX_CHANGE_XATTR,     /* an extended attribute in the user namespace */
};

struct dax_change {
	enum dax_change_kind what;
	bool is_in_sys; /* or in /proc; else in /dev */
	bool is_there;  /* the name is taken */
	bool may_write; /* the caller has the right to write to the directory */
};

struct dax_verdict dax_change_verdict(const struct dax_change *c);

#endif
