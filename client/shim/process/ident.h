/* SPDX-License-Identifier: BSD-2-Clause */
/* Identify descriptors of devices and of sysfs attributes. */
#ifndef SHIM_IDENT_H
#define SHIM_IDENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "client/shim/process/session.h"

enum shim_kind {
	SHIM_OTHER, /* neither of these */
	SHIM_NODE,  /* a handle of a device, or of /dev/ndctlN */
	SHIM_ATTR,  /* a file of the sysfs tree */
	SHIM_OWN,   /* a descriptor of the shim: not open, to the program */
};

struct shim_ident {
	enum shim_kind kind;
	uint32_t slot;                      /* if NODE: slot of the device */
	const struct shim_session *session; /* may be NULL if OTHER */
	mode_t mode;                        /* if ATTR: of the daemon's file */
};

struct shim_ident shim_ident_stat(const struct stat *st);
struct shim_ident shim_ident_fd(int fd);
void shim_ident_fix_stat(const struct shim_ident *id, struct stat *st);
bool shim_ident_is_other(int fd);
void shim_ident_forget(int fd);
void shim_ident_forget_all(void);
void shim_ident_opened(int fd, uint32_t slot);
void shim_ident_copied(int from, int to);
uint64_t shim_ident_file(int fd);
bool shim_ident_was_opened(uint32_t slot);
void shim_ident_set_unread(int fd, bool is_unread);
bool shim_ident_is_unread(int fd);
bool shim_ident_any_unread(void);

#endif
