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
 * that has inherited such mappings. libc does not know this thread: it does not count for
 * pthread_exit(3), and takes no signals. The program does not see it in /proc either, and it
 * ends for a moment where the kernel would refuse a call because of it: shim_agent_leave().
 * It keeps only the rights that it needs, and none of root's: the program may later give
 * up its own, and cannot do so for a thread that libc does not know. To reach a daemon
 * whose directory only root may enter, the agent has a working directory of its own, which
 * is that directory.
 */
#include "client/shim/memory/agent.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
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
#include "client/shim/process/own_fd.h"
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
/* Not 0: the agent must end. */
static uint32_t must_leave;
/* The word on which the agent sleeps. */
static const uint32_t *sleeps_on;

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

	__atomic_store_n(&sleeps_on, word, __ATOMIC_RELEASE);
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
		if (__atomic_load_n(&must_leave, __ATOMIC_ACQUIRE))
			sys1(exit, 0);
		ns = shim_badblocks_follow_settle();
		ts.tv_sec = (time_t)(ns / 1000000000);
		ts.tv_nsec = (long)(ns % 1000000000);
		sys6(futex, word, FUTEX_WAIT, seen, ns ? &ts : NULL, NULL, 0);
	}
}

/*
 * The agent does not exist any more, or not in this process: the next mmap must start one.
 * Also called in a child in which no atfork handler has run.
 */
static void note_end(void)
{
	shim_request_inside(0);
	__atomic_store_n(&shim_own_fd_thread, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&must_leave, 0, __ATOMIC_RELAXED);
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
	note_end();
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
	shim_hook_set(&shim_lock_on_lost, note_end);
	if (likely(__atomic_exchange_n(&is_running, 1, __ATOMIC_ACQ_REL)))
		return;
	if (!shim_thread_is_of_libc()) {
		__atomic_store_n(&is_running, 0, __ATOMIC_RELEASE);
		return;
	}
	__atomic_store_n(&shim_own_fd_thread, shim_thread_start(thread_block, run_agent),
			 __ATOMIC_RELAXED);
}

/**
 * shim_agent_leave() - end the agent for a moment
 *
 * For a call that the kernel allows only to a process with one thread. Afterwards,
 * shim_agent_start() starts the agent again. Until then, mappings do not follow the
 * devices. Takes the time that the agent needs for its work; async-signal-safe, but
 * not while the lock is held.
 *
 * Return: true if the agent was running, and has ended.
 */
SHIM_COLD bool shim_agent_leave(void)
{
	const int32_t tid = __atomic_load_n(&shim_own_fd_thread, __ATOMIC_RELAXED);
	const long pid = sys0(getpid);

	/* In a child of vfork(2), there is none. */
	if (!tid || sys3(tgkill, pid, tid, 0) < 0 ||
	    __atomic_exchange_n(&must_leave, 1, __ATOMIC_ACQ_REL))
		return false;
	/* Again and again, as it may be about to sleep. The agents of others just look. */
	do {
		sys6(futex, __atomic_load_n(&sleeps_on, __ATOMIC_ACQUIRE), FUTEX_WAKE,
		     INT_MAX, NULL, NULL, 0);
		sys0(sched_yield);
	} while (sys3(tgkill, pid, tid, 0) == 0);
	note_end();
	return true;
}
