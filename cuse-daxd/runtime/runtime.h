/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The runtime directory: what clients find of a daemon.
 *
 *	lock		held while a daemon runs; says its pid
 *	control.sock	where it listens
 *	state		the state pages, written by us alone, mapped by every client
 *	stores		which file each device was on, for the next start
 *	state.kept	the state pages, while no daemon runs but one shall go on
 *	dev/daxX.Y	handles
 *	sys/...		the sysfs tree
 *	proc/devices	the host's, with our lines
 *
 * All files are reached through the directory's descriptor, so that neither the
 * length of its path nor somebody who moves it matters.
 */
#ifndef DAXD_RUNTIME_RUNTIME_H
#define DAXD_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dax_state;
struct daxd_why;

/* What becomes a file of another name is made under this one. */
#define DAXD_NEW "new"

struct daxd_runtime {
	char *path; /* absolute */
	int dir;
	int lock;
	bool is_made;      /* by us or by a daemon before us that died: ours to remove */
	bool is_recovered; /* there is what a daemon before us has left */
	bool has_socket;   /* the control socket is somebody else's to make and remove */
	struct dax_state *state;
	int state_fd;
	uint64_t state_reserved; /* bytes of the file that surely have blocks */
};

/* What is left in the directory at the end. */
enum daxd_leave {
	DAXD_LEAVE_NOTHING,
	DAXD_LEAVE_STATE, /* for who comes after us; nobody else sees devices in it */
	DAXD_LEAVE_ALL,   /* as a crash would */
};

char *daxd_runtime_default_path(void);
int daxd_runtime_open(struct daxd_runtime *rt, const char *path, struct daxd_why *why);
int daxd_runtime_open_state(struct daxd_runtime *rt, struct daxd_why *why);
int daxd_runtime_reserve_faults(struct daxd_runtime *rt);
int daxd_runtime_take_slot(struct daxd_runtime *rt, uint32_t *ret_slot);
int daxd_runtime_mkdir(struct daxd_runtime *rt, const char *name, struct daxd_why *why);
int daxd_runtime_write(struct daxd_runtime *rt, const char *name, uint32_t mode,
		       const void *data, size_t len);
int daxd_runtime_remove_tree(int dir, const char *name);
void daxd_runtime_close(struct daxd_runtime *rt, enum daxd_leave leave);

#endif
