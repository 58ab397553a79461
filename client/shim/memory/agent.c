/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent: a thread in the client that keeps its mappings up to date with the devices.
 *
 * When a device is disabled, its mappings must become inaccessible, although no thread of
 * the program makes a call. No other process can do that to shared memory without losing
 * the contents; so a thread of the client must map holes over it. The agent sleeps on a
 * word of the state pages until the daemon changes something.
 *
 * The agent is started with the process's first dax mapping, and again in a forked child
 * that has inherited such mappings. libc does not know this thread: the program sees it
 * only in /proc, it does not count for pthread_exit(3), and it takes no signals. It keeps
 * only the rights that it needs, and none of root's: the program may later give up its
 * own, and cannot do so for a thread that libc does not know. To reach a daemon whose
 * directory only root may enter, the agent has a working directory of its own, which is
 * that directory.
 */
#include "client/shim/memory/agent.h"

#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>

#include "libcore/state.h"
#include "libcore/vmas.h"
#include "libcore/wire.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/hook.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/request.h"
#include "client/shim/process/thread.h"
#include "client/shim/memory/badblocks_follow.h"
#include "client/shim/memory/refresh.h"
#include "client/shim/memory/touch.h"

/* Generation of each device that the mappings show; 0: the device was never mapped. */
static uint64_t followed[DAX_STATE_SLOTS];
/* The same for the generation of each device's bad memory. */
static uint64_t followed_bad[DAX_STATE_SLOTS];

static char thread_block[SHIM_THREAD_BYTES] __attribute__((aligned(64)));
static uint32_t is_running;

/*
 * Refreshes every mapping whose device has changed. Return: true if any device that was
 * ever mapped has changed.
 */
static bool follow_locked(const struct shim_session *s)
{
	uint64_t changed[DAX_STATE_SLOTS / 64] = {0};
	bool is_any = false;
	bool is_changed;
	const struct dax_vma *vma;
	uint32_t i;

	for (i = 0; i < DAX_STATE_SLOTS && i < s->state->nr_slots; i++) {
		struct dax_device dev;

		if (!followed[i])
			continue;
		dax_state_read(s->state, i, &dev);
		is_changed = dev.generation != followed[i];
		if (!is_changed && dev.bad_generation == followed_bad[i])
			continue;
		/* Never map over memory that is no longer a dax mapping. */
		if (!is_any)
			shim_maps_drop_stale_locked();
		followed[i] = dev.generation;
		followed_bad[i] = dev.bad_generation;
		is_changed |= shim_badblocks_follow_locked(s, &dev, is_changed);
		shim_touch_follow_locked(s, &dev);
		if (is_changed)
			changed[i / 64] |= UINT64_C(1) << (i % 64);
		is_any = true;
	}
	if (!is_any)
		return false;
	for (vma = dax_vmas_first(shim_vmas); vma; vma = dax_vmas_next(shim_vmas, vma)) {

		if (changed[vma->slot / 64] >> (vma->slot % 64) & 1)
			shim_refresh_locked(vma);
	}
	return true;
}

/* The same with the lock taken. Return: false also if the lock cannot be taken. */
static bool follow_devices(const struct shim_session *s)
{
	bool is_any;
	uint64_t mask;

	if (!shim_lock_masked(&mask))
		return false;
	is_any = follow_locked(s);
	shim_unlock_masked(mask);
	return is_any;
}

/**
 * shim_agent_follow_new_locked() - follow the device of a new mapping
 * @s:		the session
 * @slot:	slot of the device
 * @dev:	the device, as it was when the mapping was made
 *
 * The device may have changed before the mapping was in the list, so that the agent has
 * already run without finding it. Async-signal-safe.
 */
void shim_agent_follow_new_locked(const struct shim_session *s, uint32_t slot,
				  const struct dax_device *dev)
{
	struct dax_device now;

	if (!followed[slot]) {
		followed[slot] = dev->generation;
		followed_bad[slot] = dev->bad_generation;
		if (unlikely(dev->flags & DAX_DEVICE_BAD))
			shim_badblocks_follow_locked(s, dev, true);
	}
	dax_state_read(s->state, slot, &now);
	if (likely(followed[slot] == now.generation &&
		   dev->generation == now.generation &&
		   followed_bad[slot] == now.bad_generation &&
		   dev->bad_generation == now.bad_generation))
		return;
	followed[slot] = UINT64_MAX; /* refresh all mappings of the device */
	follow_locked(s);
}

static void run_agent(void)
{
	const struct shim_session *s = shim_session_if_known();
	const uint32_t *word = &s->state->changes;

	sys5(prctl, PR_SET_NAME, "daxshim", 0, 0, 0);
	if (shim_thread_be_small())
		shim_request_inside((int32_t)sys0(gettid));
	for (;;) {
		bool is_any = false;
		struct timespec ts;
		uint32_t seen;
		uint64_t ns;

		do {
			seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
			is_any |= follow_devices(s);
		} while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != seen);
		shim_touch_tell(s);
		if (is_any)
			shim_request(s, &(struct shim_request){.type = DAX_MSG_SETTLED,
							       .arg = seen,
							       .fd = -1});
		ns = shim_badblocks_follow_settle();
		ts.tv_sec = (time_t)(ns / 1000000000);
		ts.tv_nsec = (long)(ns % 1000000000);
		sys6(futex, word, FUTEX_WAIT, seen, ns ? &ts : NULL, NULL, 0);
	}
}

/* In a child in which no atfork handler has run, the next mmap must start an agent. */
static void after_lost_fork(void)
{
	shim_request_inside(0);
	__atomic_store_n(&is_running, 0, __ATOMIC_RELEASE);
}

/*
 * Starts the agent of a forked child, which has not inherited its parent's.
 *
 * The new agent would find by itself what has changed at the devices in the meantime;
 * but the child's only thread must not run before that, so it looks first.
 */
static void after_fork(void)
{
	const struct shim_session *s = shim_session_if_known();

	if (!__atomic_load_n(&is_running, __ATOMIC_ACQUIRE))
		return;
	is_running = 0;
	shim_request_inside(0);
	if (!s || !shim_maps_touch(0, UINT64_MAX))
		return;
	shim_request(s, &(struct shim_request){.type = DAX_MSG_ADOPT, .fd = -1});
	shim_touch_forked();
	follow_devices(s);
	shim_touch_tell(s);
	shim_agent_start();
}

/**
 * shim_agent_start() - start the agent unless it is running
 *
 * If it cannot be started (a limit of processes, a program with very many thread-local
 * variables), the program goes on, but its mappings follow the devices only when it makes
 * a call. Async-signal-safe.
 */
void shim_agent_start(void)
{
	shim_hook_set(&shim_maps_on_fork, after_fork);
	shim_hook_set(&shim_lock_on_lost, after_lost_fork);
	if (likely(__atomic_exchange_n(&is_running, 1, __ATOMIC_ACQ_REL)))
		return;
	if (!shim_thread_is_of_libc()) {
		__atomic_store_n(&is_running, 0, __ATOMIC_RELEASE);
		return;
	}
	shim_thread_start(thread_block, run_agent);
}
