/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delay the first touch of memory: fault rules "touch delay:TIME".
 *
 * While there is such a rule, the mappings of its devices are registered with a
 * userfaultfd. A thread of the shim receives an event for the first touch of each unit,
 * waits, and then unregisters the unit: the access continues, and later ones run at full
 * speed. Units that were touched before the rule was added are made untouched again.
 *
 * Without CAP_SYS_PTRACE or vm.unprivileged_userfaultfd, only user-mode accesses can be
 * delayed: a system call on an untouched unit fails with EFAULT.
 */
#include "client/shim/memory/touch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>

#include "libcore/fault_match.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/thread.h"
#include "client/shim/memory/fault.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_MINOR_SHMEM
#define UFFD_FEATURE_MINOR_SHMEM (1 << 10)
#endif
#ifndef UFFDIO_REGISTER_MODE_MINOR
#define UFFDIO_REGISTER_MODE_MINOR (UINT64_C(1) << 2)
#endif

#define FEATURES                                                                         \
	(UFFD_FEATURE_MISSING_HUGETLBFS | UFFD_FEATURE_MISSING_SHMEM |                   \
	 UFFD_FEATURE_MINOR_HUGETLBFS | UFFD_FEATURE_MINOR_SHMEM |                       \
	 UFFD_FEATURE_THREAD_ID)

#define NR_WAITING 64
/* The least time that an access takes on the way to the thread and back. */
#define WAY_NS UINT64_C(2000)
/* How long before a unit is due the thread spins instead of sleeping. */
#define SPIN_NS UINT64_C(60000)

static char thread_block[SHIM_THREAD_BYTES] __attribute__((aligned(64)));
static int32_t fd_plus_1; /* the userfaultfd; 0: none yet; negative: not available */
static int32_t why_not;   /* the errno, if memory could not be registered */

/* Touched units whose delay has not passed. Only the thread uses them. */
struct waiting {
	uint64_t start;
	uint64_t end;
	uint64_t until_ns;
	struct dax_fault_event ev;
	bool is_told;
};

static struct waiting waiting[NR_WAITING];
static uint32_t nr_waiting;

/* Touches that are not reported to the daemon yet. Only the thread uses them. */
#define NR_UNTOLD 256
#define IDLE_NS   UINT64_C(1000000)
static struct dax_fault_event untold[NR_UNTOLD];
static uint32_t nr_untold;
static uint64_t tell_ns = 50000; /* average time that a report takes */

static long open_uffd(int flags)
{
	struct uffdio_api api = {.api = UFFD_API, .features = FEATURES};
	long fd = sys1(userfaultfd, O_CLOEXEC | O_NONBLOCK | flags);
	long high;

	if (fd < 0)
		return fd;
	if (sys3(ioctl, fd, UFFDIO_API, &api) < 0) {
		sys1(close, fd);
		return -ENOSYS;
	}
	high = sys3(fcntl, fd, F_DUPFD_CLOEXEC, 900);
	if (high >= 0) {
		sys1(close, fd);
		fd = high;
	}
	return fd;
}

static void serve_touches(void);

static void set_why_not(long error)
{
	__atomic_store_n(&why_not, (int32_t)-error, __ATOMIC_RELEASE);
}

/*
 * Gets the userfaultfd; creates it and starts its thread at the first call. Return: the
 * descriptor, or -1 if it is not available.
 */
static int get_fd(void)
{
	int32_t seen = __atomic_load_n(&fd_plus_1, __ATOMIC_ACQUIRE);
	long fd;

	if (likely(seen))
		return seen > 0 ? seen - 1 : -1;
	fd = open_uffd(0);
	if (fd < 0)
		fd = open_uffd(UFFD_USER_MODE_ONLY);
	if (!__atomic_compare_exchange_n(&fd_plus_1, &seen, fd < 0 ? -1 : (int32_t)fd + 1,
					 false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		if (fd >= 0)
			sys1(close, fd);
		return seen > 0 ? seen - 1 : -1;
	}
	if (fd < 0) {
		set_why_not(fd);
		return -1;
	}
	if (!shim_thread_start(thread_block, serve_touches)) {
		set_why_not(-EAGAIN);
		__atomic_store_n(&fd_plus_1, -1, __ATOMIC_RELEASE);
		sys1(close, fd);
		return -1;
	}
	return (int)fd;
}

static bool has_touch_rule(const struct shim_session *s, const struct dax_device *dev)
{
	struct dax_fault_rule rule;
	uint32_t i;

	if (!shim_session_has_faults(s, DAX_FAULT_TOUCH))
		return false;
	for (i = 0; dax_state_rule(s->state, i, &rule); i++)
		if (rule.calls >> DAX_FAULT_TOUCH & 1 &&
		    (!rule.device[0] || !strcmp(rule.device, dev->name)))
			return true;
	return false;
}

/* Unregisters memory, and lets the threads go on that wait for it. */
static void cast_off(int fd, uint64_t start, uint64_t end)
{
	struct uffdio_range range = {.start = start, .len = end - start};

	sys3(ioctl, fd, UFFDIO_UNREGISTER, &range);
	sys3(ioctl, fd, UFFDIO_WAKE, &range);
}

/**
 * shim_touch_mapped() - apply the touch rules to a new mapping
 * @dev:	the device
 * @addr, @len:	the mapping, none of which may have been touched yet
 *
 * May be called with or without the lock held. Async-signal-safe.
 */
SHIM_COLD void shim_touch_mapped(const struct dax_device *dev, uint64_t addr,
				 uint64_t len)
{
	const struct shim_session *s = shim_session_if_known();
	struct uffdio_register reg = {
		.range = {.start = addr, .len = len},
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR,
	};
	int fd;
	long r;

	if (!s || !dax_device_is_alive(dev) || !has_touch_rule(s, dev))
		return;
	fd = get_fd();
	if (fd < 0)
		return;
	r = sys3(ioctl, fd, UFFDIO_REGISTER, &reg);
	if (r < 0)
		set_why_not(r);
}

/**
 * shim_touch_follow_locked() - apply the touch rules that were added or removed
 * @s:		the session
 * @dev:	a device that they may concern
 *
 * If there is a rule, memory that was touched before is made untouched again.
 * Async-signal-safe.
 */
void shim_touch_follow_locked(const struct shim_session *s, const struct dax_device *dev)
{
	const int32_t seen = __atomic_load_n(&fd_plus_1, __ATOMIC_ACQUIRE);
	const bool is_on = has_touch_rule(s, dev);
	const struct dax_vma *vma;

	if (!is_on && seen <= 0)
		return;
	for (vma = dax_vmas_first(shim_vmas); vma; vma = dax_vmas_next(shim_vmas, vma)) {

		if (vma->life != dev->life)
			continue;
		if (is_on) {
			sys3(madvise, vma->start, vma->end - vma->start, MADV_DONTNEED);
			shim_touch_mapped(dev, vma->start, vma->end - vma->start);
		} else {
			cast_off(seen - 1, vma->start, vma->end);
		}
	}
}

/**
 * shim_touch_forked() - set up the touch rules in a forked child
 *
 * The child has inherited only the descriptor, which is still its parent's userfaultfd.
 * Must be called by the only thread of the child.
 */
void shim_touch_forked(void)
{
	const struct shim_session *s = shim_session_if_known();
	const struct dax_vma *vma;

	if (!fd_plus_1)
		return;
	if (fd_plus_1 > 0)
		sys1(close, fd_plus_1 - 1);
	fd_plus_1 = 0;
	why_not = 0;
	nr_waiting = 0;
	if (!shim_session_has_faults(s, DAX_FAULT_TOUCH))
		return;
	for (vma = dax_vmas_first(shim_vmas); vma; vma = dax_vmas_next(shim_vmas, vma)) {
		struct dax_device dev;

		dax_state_read(s->state, vma->slot, &dev);
		if (dev.life == vma->life)
			shim_touch_mapped(&dev, vma->start, vma->end - vma->start);
	}
}

/**
 * shim_touch_forbid() - use no userfaultfd from now on
 *
 * Called when the program has installed a seccomp filter that kills it for
 * userfaultfd(2). A userfaultfd that exists already stays in use. Async-signal-safe.
 */
void shim_touch_forbid(void)
{
	int32_t none = 0;

	if (__atomic_compare_exchange_n(&fd_plus_1, &none, -1, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		set_why_not(-EPERM);
}

/* True if a touch rule concerns a mapping of this process. @dev: receives its device. */
static bool is_rule_mapped(const struct shim_session *s,
			   const struct dax_fault_rule *rule, struct dax_device *dev)
{
	bool is_any = false;
	uint64_t mask;
	const struct dax_vma *vma;

	if (!shim_lock_masked(&mask))
		return false;
	for (vma = dax_vmas_first(shim_vmas); vma && !is_any;
	     vma = dax_vmas_next(shim_vmas, vma)) {
		dax_state_read(s->state, vma->slot, dev);
		is_any = dev->life == vma->life &&
			 (!rule->device[0] || !strcmp(rule->device, dev->name));
	}
	shim_unlock_masked(mask);
	return is_any;
}

/**
 * shim_touch_tell_refused() - report touch rules that cannot work here to the daemon
 * @s:	the session; shim_session_has_faults() was true
 *
 * Reports each rule once. Takes the lock briefly. Async-signal-safe.
 */
SHIM_COLD void shim_touch_tell_refused(const struct shim_session *s)
{
	const int32_t error = __atomic_load_n(&why_not, __ATOMIC_ACQUIRE);
	struct dax_fault_event ev;
	struct dax_fault_rule rule;
	struct dax_fault_who me;
	struct dax_device dev;
	uint32_t i;

	if (likely(!error))
		return;
	shim_self_who(&me);
	for (i = 0; dax_state_rule(s->state, i, &rule); i++) {
		if (!(rule.calls >> DAX_FAULT_TOUCH & 1) ||
		    !dax_fault_is_for(&rule.who, &me) ||
		    !is_rule_mapped(s, &rule, &dev) || !shim_fault_is_refused(rule.id))
			continue;
		shim_fault_init(&ev, DAX_FAULT_TOUCH, dev.name);
		memcpy(ev.comm, me.comm, sizeof(ev.comm));
		ev.rule = rule.id;
		ev.error = (uint32_t)error;
		shim_fault_tell(s, &ev, -1);
	}
}

/*
 * Finds the unit that an address lies in. @w: receives its range, and the offset of the
 * address in the device. Return: false if the address is no longer in a dax mapping.
 */
static bool find_unit(uint64_t addr, struct waiting *w, struct dax_device *ret_dev)
{
	const struct shim_session *s = shim_session_if_known();
	const struct dax_vma *vma;
	uint64_t mask;
	uint64_t base;

	if (!shim_lock_masked(&mask))
		return false;
	vma = shim_maps_first_in_locked(addr, 1);
	if (vma) {
		base = vma->start - vma->off;
		w->start = base + dax_round_down(addr - base, vma->align);
		w->end = dax_min(w->start + vma->align, vma->end);
		w->start = dax_max(w->start, vma->start);
		w->ev.off = vma->off + (addr - vma->start);
		dax_state_read(s->state, vma->slot, ret_dev);
	}
	shim_unlock_masked(mask);
	return vma;
}

/* Return: the delay of a touch in nanoseconds; 0 if no rule strikes. */
static uint64_t delay_of(const struct shim_session *s, struct dax_fault_event *ev,
			 uint64_t now)
{
	struct dax_fault_rule rule;
	uint64_t delay = 0;
	uint32_t i;

	for (i = 0; dax_state_rule(s->state, i, &rule); i++) {
		if (!shim_fault_strikes(&rule, ev, now))
			continue;
		ev->rule = rule.id;
		delay += rule.delay_ns;
	}
	return delay;
}

static void on_touch(int fd, uint64_t addr, int32_t tid)
{
	const struct shim_session *s = shim_session_if_known();
	const uint64_t now = shim_self_now_ns();
	struct waiting *w = &waiting[nr_waiting];
	struct dax_device dev;
	uint64_t delay;
	uint32_t i;

	for (i = 0; i < nr_waiting; i++)
		if (addr >= waiting[i].start && addr < waiting[i].end)
			return; /* another thread is waiting for the same unit */
	if (!find_unit(addr, w, &dev)) {
		cast_off(fd, dax_round_down(addr, DAX_PAGE),
			 dax_round_down(addr, DAX_PAGE) + DAX_PAGE);
		return;
	}
	w->ev = (struct dax_fault_event){
		.call = DAX_FAULT_TOUCH,
		.pid = (int32_t)sys0(getpid),
		.tid = tid,
		.uid = shim_self_uid(tid),
		.address = addr,
		.off = w->ev.off,
		.len = 1,
	};
	memcpy(w->ev.device, dev.name, sizeof(w->ev.device));
	shim_self_comm(tid, w->ev.comm);
	delay = delay_of(s, &w->ev, now);
	if (!delay) {
		cast_off(fd, w->start, w->end);
		return;
	}
	w->until_ns = now + (delay > WAY_NS ? delay - WAY_NS : 0);
	w->is_told = false;
	nr_waiting++;
}

static void read_touches(int fd)
{
	struct uffd_msg msg;

	while (nr_waiting < NR_WAITING &&
	       sys3(read, fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			on_touch(fd, msg.arg.pagefault.address,
				 (int32_t)msg.arg.pagefault.feat.ptid);
}

static void tell_touch(const struct dax_fault_event *ev)
{
	const uint64_t start = shim_self_now_ns();

	shim_fault_tell(shim_session_if_known(), ev, -1);
	tell_ns = (3 * tell_ns + (shim_self_now_ns() - start)) / 4;
}

static void tell_untold(void)
{
	uint32_t i;

	for (i = 0; i < nr_untold; i++)
		tell_touch(&untold[i]);
	nr_untold = 0;
}

static void tell_later(const struct dax_fault_event *ev)
{
	if (nr_untold == NR_UNTOLD)
		tell_untold();
	untold[nr_untold++] = *ev;
}

/* Unregisters the units that are due. Return: when the next one is due, or 0 if none. */
static uint64_t let_go(int fd)
{
	uint64_t next = 0;
	uint32_t i;

	for (i = 0; i < nr_waiting;) {
		if (shim_self_now_ns() < waiting[i].until_ns) {
			if (!next || waiting[i].until_ns < next)
				next = waiting[i].until_ns;
			i++;
			continue;
		}
		cast_off(fd, waiting[i].start, waiting[i].end);
		if (!waiting[i].is_told)
			tell_later(&waiting[i].ev);
		waiting[i] = waiting[--nr_waiting];
	}
	return next;
}

/* Reports touches while their units wait, if there is enough time before they are due. */
static void tell_early(void)
{
	uint32_t i;

	for (i = 0; i < nr_waiting; i++) {
		if (waiting[i].is_told ||
		    shim_self_now_ns() + 4 * tell_ns + SPIN_NS > waiting[i].until_ns)
			continue;
		/* Report the touches in their order. */
		if (nr_untold)
			tell_untold();
		tell_touch(&waiting[i].ev);
		waiting[i].is_told = true;
	}
}

static void serve_touches(void)
{
	const int fd = __atomic_load_n(&fd_plus_1, __ATOMIC_ACQUIRE) - 1;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	sys5(prctl, PR_SET_NAME, "daxshim-touch", 0, 0, 0);
	sys5(prctl, PR_SET_TIMERSLACK, 1, 0, 0, 0);
	shim_thread_be_small();
	for (;;) {
		struct timespec ts;
		uint64_t next;
		uint64_t now;
		long r;

		read_touches(fd);
		tell_early();
		next = let_go(fd);
		now = shim_self_now_ns();
		/* A sleep may end some microseconds late: spin for the rest. */
		if (next && next < now + SPIN_NS)
			continue;
		next = next ? next - now - SPIN_NS : nr_untold ? IDLE_NS : 0;
		ts.tv_sec = (time_t)(next / 1000000000);
		ts.tv_nsec = (long)(next % 1000000000);
		r = sys5(ppoll, &pfd, 1, next ? &ts : NULL, NULL, 0);
		if (r == 0 && !nr_waiting)
			tell_untold();
		if (r < 0)
			continue;
		/* The program has closed the userfaultfd: all memory is unregistered. */
		if (pfd.revents & POLLNVAL)
			break;
	}
	__atomic_store_n(&fd_plus_1, -1, __ATOMIC_RELEASE);
	set_why_not(-EBADF);
	for (;;)
		sys1(exit, 0);
}
