/* SPDX-License-Identifier: BSD-2-Clause */
/* The session: the daemon whose client this process is. */
#ifndef SHIM_SESSION_H
#define SHIM_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/fault.h"
#include "libcore/kernel.h"
#include "libcore/path.h"
#include "libcore/state.h"

#include "client/shim/base/compiler.h"

/* The calls that are reported to daxrun. */
enum shim_log {
	SHIM_LOG_NONE,
	SHIM_LOG_REFUSALS,
	SHIM_LOG_ALL,
};

struct shim_session {
	const struct dax_state *state;
	uint64_t state_ino; /* of the file of the state pages */
	struct dax_path_names names;
	enum shim_log log;
	char log_path[108]; /* datagram socket of daxrun */
	size_t dir_len;
	char dir[108]; /* the runtime directory: absolute, no slash at the end */
	/* Bytes of dir that tell where pivot_root(2) has put the daemon's root directory. */
	size_t root_len;
};

const struct shim_session *shim_session(void);
bool shim_session_is_out_of_maps(void);
const struct shim_session *shim_session_if_known(void);
bool shim_session_exists(void);
void shim_session_pin(void);
const struct shim_session *shim_session_renew(const struct shim_session *s);
void shim_session_move_root(const char *root);
void shim_session_await_tree(const struct shim_session *s);

/* True if prctl(PR_SET_THP_DISABLE) forbids huge pages in the whole process. */
extern bool shim_session_thp_disabled;

/**
 * shim_session_kernel() - tell whose answers the process gives
 *
 * For calls on a mapping, which no process without a session has. Async-signal-safe.
 *
 * Return: the daemon's kernel; the newest without a session.
 */
static inline enum dax_kernel shim_session_kernel(void)
{
	const struct shim_session *s = shim_session_if_known();

	return s ? dax_state_kernel(s->state) : DAX_KERNEL_NEWEST;
}

/**
 * shim_session_has_faults() - tell whether there is any fault rule for a call
 * @s:		the session, or NULL
 * @call:	the call
 *
 * Reads one word, which is all that programs without fault rules pay. Async-signal-safe.
 *
 * Return: true if there is one.
 */
static inline bool shim_session_has_faults(const struct shim_session *s,
					   enum dax_fault_call call)
{
	return unlikely(s && __atomic_load_n(&s->state->fault_calls, __ATOMIC_RELAXED) >>
					     call &
				     1);
}

#endif
