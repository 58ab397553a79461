/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inject faults: make calls fail or delay them, as the fault rules demand.
 *
 * The rules are in the state pages, and libcore matches them. This file counts what
 * libcore needs for that: how often each rule has matched in this process. A forked child
 * continues its parent's counts. Each injected fault is reported to the daemon, which
 * does its own part of it before the call goes on.
 */
#include "client/shim/memory/fault.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>

#include "libcore/device.h"
#include "libcore/fault_match.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/vmas.h"
#include "libcore/wire.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/report.h"
#include "client/shim/process/request.h"

/* More than there can be rules at a time, as removed rules keep their counters. */
#define NR_COUNTERS 512

struct counter {
	uint32_t rule;       /* 0: unused entry */
	int32_t refused_pid; /* the process that has reported the rule as impossible */
	uint64_t seen;       /* events that the rule concerns */
	uint64_t injected;   /* faults injected; counted only for rules with "times" */
};

static struct counter counters[NR_COUNTERS];

/* Finds or creates the counter of a rule. Threads may call this at the same time. */
static struct counter *counter_of(uint32_t rule)
{
	struct counter *home = &counters[rule % NR_COUNTERS];
	uint32_t i;

	for (i = 0; i < NR_COUNTERS; i++) {
		struct counter *c = &counters[(rule + i) % NR_COUNTERS];
		uint32_t is = __atomic_load_n(&c->rule, __ATOMIC_ACQUIRE);

		if (!is &&
		    __atomic_compare_exchange_n(&c->rule, &is, rule, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return c;
		if (is == rule)
			return c;
	}
	/* There have been hundreds of rules: reuse the counter of an old one. */
	*home = (struct counter){.rule = rule};
	return home;
}

/**
 * shim_fault_strikes() - count an event, and decide whether a fault rule strikes
 * @rule:	the rule
 * @ev:		the event; counted if it concerns the rule
 * @now_ns:	the current time, shim_self_now_ns()
 *
 * Async-signal-safe.
 *
 * Return: true if the rule strikes.
 */
bool shim_fault_strikes(const struct dax_fault_rule *rule,
			const struct dax_fault_event *ev, uint64_t now_ns)
{
	struct counter *c;
	uint64_t injected;

	if (!dax_fault_concerns(rule, ev, now_ns))
		return false;
	if (rule->file[0] && sys3(faccessat, AT_FDCWD, rule->file, 0) < 0)
		return false;
	c = counter_of(rule->id);
	if (!dax_fault_strikes(rule, __atomic_add_fetch(&c->seen, 1, __ATOMIC_RELAXED)))
		return false;
	if (!rule->times)
		return true;
	injected = __atomic_load_n(&c->injected, __ATOMIC_RELAXED);
	do {
		if (injected >= rule->times)
			return false;
	} while (!__atomic_compare_exchange_n(&c->injected, &injected, injected + 1,
					      false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/**
 * shim_fault_is_refused() - note that a fault rule cannot work in this process
 * @rule:	id of the rule
 *
 * Async-signal-safe.
 *
 * Return: true if this is the first time, and the caller must report it to the daemon.
 */
bool shim_fault_is_refused(uint32_t rule)
{
	const int32_t pid = (int32_t)sys0(getpid);

	return __atomic_exchange_n(&counter_of(rule)->refused_pid, pid,
				   __ATOMIC_RELAXED) != pid;
}

/**
 * shim_fault_init() - initialize the description of an event of this thread
 * @ev:		receives the description
 * @call:	the call
 * @device:	name of the device, or ""
 *
 * Async-signal-safe.
 */
void shim_fault_init(struct dax_fault_event *ev, enum dax_fault_call call,
		     const char *device)
{
	memset(ev, 0, sizeof(*ev));
	ev->call = call;
	ev->pid = (int32_t)sys0(getpid);
	ev->tid = (int32_t)sys0(gettid);
	ev->uid = (uint32_t)sys0(getuid);
	sys5(prctl, PR_GET_NAME, ev->comm, 0, 0, 0);
	memcpy(ev->device, device, strlen(device));
}

/**
 * shim_fault_tell() - report an injected fault to the daemon
 * @s:	the session
 * @ev:	the event, with the id of the rule that struck
 * @fd:	the descriptor that the call is on, or -1: the process has attached the device
 *
 * Returns when the daemon has done its part of the rule. Async-signal-safe.
 */
void shim_fault_tell(const struct shim_session *s, const struct dax_fault_event *ev,
		     int fd)
{
	shim_request(s, &(struct shim_request){.type = DAX_MSG_FAULT,
					       .arg = ev->rule,
					       .body = ev,
					       .len = sizeof(*ev),
					       .fd = fd});
}

/**
 * shim_fault() - apply the fault rules to a call
 * @s:		the session; shim_session_has_faults() was true
 * @call:	the call
 * @device:	name of the device that the call is on, or ""
 * @place:	what the call is on
 *
 * Sleeps for as long as the rules delay the call, so it must not be called with the lock
 * held. Async-signal-safe.
 *
 * Return: 0, or the negative errno with which the call must fail.
 */
SHIM_COLD int shim_fault(const struct shim_session *s, enum dax_fault_call call,
			 const char *device, const struct shim_fault_place *place)
{
	const uint64_t now = shim_self_now_ns();
	struct dax_fault_event ev;
	struct dax_fault_rule rule;
	uint64_t until = 0;
	int error = 0;
	uint32_t i;

	shim_fault_init(&ev, call, device);
	ev.address = place->address;
	ev.off = place->off;
	/* The daemon accepts no range that wraps; the program may have asked for one. */
	ev.len = dax_min(place->len, UINT64_MAX - place->off);
	for (i = 0; !error && dax_state_rule(s->state, i, &rule); i++) {
		if (!shim_fault_strikes(&rule, &ev, now))
			continue;
		ev.rule = rule.id;
		shim_fault_tell(s, &ev, place->fd);
		error = rule.error;
		if (rule.delay_ns)
			until = (until ? until : now) + rule.delay_ns;
	}
	if (until)
		shim_self_sleep_until(until);
	return -error;
}

/**
 * shim_fault_slot() - apply the fault rules to a call on a device, given by its slot
 * @s:		the session; shim_session_has_faults() was true
 * @call:	the call
 * @slot:	slot of the device
 * @place:	what the call is on
 *
 * Sleeps for as long as the rules delay the call, so it must not be called with the lock
 * held. Async-signal-safe.
 *
 * Return: 0, or the negative errno with which the call must fail.
 */
SHIM_COLD int shim_fault_slot(const struct shim_session *s, enum dax_fault_call call,
			      uint32_t slot, const struct shim_fault_place *place)
{
	struct dax_device dev;

	dax_state_read(s->state, slot, &dev);
	return shim_fault(s, call, dev.name, place);
}

/**
 * shim_fault_range() - apply the fault rules to a call on memory
 * @call:	the call
 * @reported:	the same call, as daxrun's reports name it
 * @addr, @len:	its range, as the program passed it
 *
 * A call without a dax mapping in its range is not counted. Takes the lock briefly, and
 * sleeps for as long as the rules delay the call. Async-signal-safe.
 *
 * Return: 0, or the negative errno with which the call must fail.
 */
SHIM_COLD int shim_fault_range(enum dax_fault_call call, enum dax_call reported,
			       uint64_t addr, uint64_t len)
{
	const struct shim_session *s = shim_session_if_known();
	const struct shim_call as_reported = {reported, {addr, len}};
	const struct dax_vma *first;
	struct dax_verdict v;
	struct dax_vma vma;
	uint64_t mask;
	uint64_t start;
	int r;

	if (shim_maps_is_bad_range(addr & ~(uint64_t)4095, len ? len : 1) ||
	    !shim_lock_masked(&mask))
		return 0;
	first = shim_maps_first_in_locked(addr, len ? len : 1);
	if (first)
		vma = *first;
	shim_unlock_masked(mask);
	if (!first)
		return 0;
	start = addr > vma.start ? addr : vma.start;
	r = shim_fault_slot(s, call, vma.slot,
			    &(struct shim_fault_place){
				    .fd = -1,
				    .address = addr,
				    .off = vma.off + (start - vma.start),
				    .len = addr + len - start,
			    });
	if (r < 0) {
		v = dax_refuse(-r, DAX_INJECTED, 0, 0, 0);
		shim_report_vma(&as_reported, &vma, &v, 0);
	}
	return r;
}
