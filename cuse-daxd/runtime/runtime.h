/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The runtime directory, where clients find a daemon.
 *
 *	lock		locked while a daemon runs; contains its pid
 *	control.sock	the socket on which the daemon listens
 *	state		the state pages, written by the daemon, mapped by every client
 *	stores		the backing file of each device, for the next start
 *	state.kept	the state pages, between the stop and the start of a restart
 *	dev/daxX.Y	handles
 *	sys/...		the sysfs tree
 *	proc/devices	the host's, with the lines of the emulated drivers
 *
 * The daemon accesses all files through the directory's descriptor, so that neither the
 * length of its path nor a rename of it matters.
 */
#ifndef DAXD_RUNTIME_RUNTIME_H
#define DAXD_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dax_state;
struct daxd_why;

/* The folder of the handles. */
#define DAXD_HANDLES "dev"

/* The temporary name of a file that is renamed when it is complete. */
#define DAXD_NEW "new"

struct daxd_runtime {
	char *path; /* absolute */
	char *name; /* in its parent */
	int parent;
	int dir;
	int lock;
	bool is_made;      /* a daemon created the directory: remove it at the end */
	bool is_recovered; /* there are state pages of an earlier daemon */
	bool is_stopped;   /* that daemon was stopped, it did not die */
	bool has_socket;   /* systemd creates and removes the control socket */
	struct dax_state *state;
	int state_fd;
	int inotify;
	unsigned int watch;      /* gone.c: source of its events; 0: none */
	uint64_t state_reserved; /* bytes of the file that have blocks allocated */
	dev_t handle_dev;        /* st_dev of the handles; set by the front end */
};

/* The files that the daemon leaves in the directory when it ends. */
enum daxd_leave {
	DAXD_LEAVE_NOTHING,
	DAXD_LEAVE_STATE, /* for the next daemon; programs see no devices meanwhile */
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
