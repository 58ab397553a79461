/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do what mmap(2) of a device does: carry out libcore's verdict.
 *
 * The functions return what the system call would: a value or a negative errno.
 */
#include "client/shim/memory/mmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/verdict.h"
#include "libcore/vma_verdict.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/agent.h"
#include "client/shim/memory/fault.h"
#include "client/shim/memory/map_plan.h"
#include "client/shim/memory/ranges.h"
#include "client/shim/memory/refresh.h"
#include "client/shim/memory/template.h"
#include "client/shim/memory/touch.h"
#include "client/shim/process/backing.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/lock_anchor.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/mark.h"
#include "client/shim/process/path.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"

struct mapping {
	const struct shim_session *s;
	const struct dax_mmap_request *req;
	const struct dax_mmap_answer *ans;
	const struct dax_device *dev;
	uint32_t slot;
	uint64_t file;
	int backing; /* -1 until it is needed */
	int fd;      /* the program's descriptor */
	bool is_writable;
};

static long map_at(const struct mapping *m, uint64_t addr, int how)
{
	const int flags = m->req->flags & ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT);
	const struct shim_map_plan map = {.dev = m->dev,
					  .addr = addr,
					  .len = m->ans->len,
					  .off = m->req->off,
					  .prot = m->req->prot,
					  .flags = flags | how,
					  .backing = m->backing};

	return shim_map_plan(&map);
}

/* Kernels before Linux 4.17 do not know MAP_FIXED_NOREPLACE: they take a mere hint. */
static long map_noreplace(const struct mapping *m, uint64_t addr)
{
	long p = map_at(m, addr, MAP_FIXED_NOREPLACE);

	if (!sys_is_error(p) && (uint64_t)p != addr) {
		sys2(munmap, p, m->ans->len);
		return -EEXIST;
	}
	return p;
}

/* Maps at an address of the shim's choice, congruent to the offset modulo the align. */
static long map_congruent(const struct mapping *m)
{
	const uint64_t align = m->dev->align;
	const uint64_t len = m->ans->len;
	uint64_t end = shim_map_plan_hint();
	long p;

	if (likely(end > len && !(m->req->flags & MAP_32BIT))) {
		p = map_noreplace(m, dax_round_down(end - len, align));
		if (likely(!sys_is_error(p)))
			return p;
	}
	p = shim_map_plan_reserve(len, align, m->req->off, m->req->flags);
	if (sys_is_error(p))
		return p;
	end = (uint64_t)p;
	p = map_at(m, end, MAP_FIXED);
	if (sys_is_error(p))
		sys2(munmap, end, len);
	return p;
}

/* Maps where the kernel chooses, and fails unless that happens to be on the align. */
static long map_anywhere(const struct mapping *m, struct dax_verdict *v)
{
	long p = map_at(m, 0, m->req->flags & MAP_32BIT);

	if (sys_is_error(p))
		return p;
	*v = dax_mmap_place_verdict(m->dev, (uint64_t)p, m->ans->len);
	if (v->error) {
		sys2(munmap, p, m->ans->len);
		return -v->error;
	}
	return p;
}

/* Adds a new mapping to the list. */
static void note_locked(const struct mapping *m, uint64_t addr)
{
	struct dax_vma vma = {
		.start = addr,
		.end = addr + m->ans->len,
		.off = m->req->off,
		.align = m->dev->align,
		.life = m->dev->life,
		.slot = m->slot,
		.flags = ((uint32_t)m->req->prot & DAX_VMA_PROT) |
			 (m->is_writable ? DAX_VMA_MAYWRITE : 0) |
			 dax_vma_flags_of_mmap(m->req->kernel, m->req->flags) |
			 dax_vma_flags_of(m->dev),
		.file = m->file,
	};
	const bool is_off_align = shim_refresh_is_off_align_locked(vma.start, vma.end);

	if (unlikely(vma.flags & DAX_VMA_DONTFORK)) {
		sys3(madvise, addr, m->ans->len, MADV_DONTFORK);
		shim_maps_has_no_pages = true;
	}
	dax_vmas_map(shim_vmas, &vma, m->req->kernel);
	shim_maps_changed_locked();
	if (unlikely(is_off_align)) /* it merged with an off-align mapping, or cut one */
		shim_refresh_range_locked(vma.start, vma.end);
	shim_agent_follow_new_locked(m->s, m->slot, m->dev);
}

/* Maps at the program's address (MAP_FIXED), replacing the memory there. */
static long map_fixed(const struct mapping *m, struct dax_verdict *v)
{
	uint64_t mask;
	long p;

	if (!shim_lock_masked(&mask))
		return -EAGAIN;
	*v = dax_replace_verdict(m->req->kernel,
				 shim_maps_unmap_verdict_locked(m->ans->addr,
								m->ans->len));
	if (v->error)
		p = -v->error;
	else if (!shim_maps_has_room_locked())
		p = -ENOMEM;
	else
		p = map_at(m, m->ans->addr, MAP_FIXED);
	if (!sys_is_error(p))
		note_locked(m, (uint64_t)p);
	shim_unlock_masked(mask);
	return p;
}

/* Gets the descriptor of the backing store. Return: 0 or a negative errno. */
static long need_backing(struct mapping *m, struct dax_verdict *v)
{
	m->backing = shim_backing(m->s, m->slot, m->dev, m->is_writable, m->fd);
	if (m->backing >= 0)
		return 0;
	*v = dax_refuse(-m->backing, DAX_NO_DAEMON, 0, 0, 0);
	return m->backing;
}

/* Maps at a place of the kernel's or the shim's choice that is free. */
static long map_free(struct mapping *m, struct dax_verdict *v)
{
	const struct shim_template_part part = {
		.off = m->req->off,
		.len = m->ans->len,
		.life = m->dev->life,
		.generation = m->dev->generation,
		.bad_generation = m->dev->bad_generation,
		.slot = m->slot,
		.prot = m->req->prot,
		.flags = m->req->flags,
		.is_writable = m->is_writable,
	};
	const bool may_have_template = m->ans->place == DAX_PLACE_CONGRUENT &&
				       shim_template_may_serve(&part, m->dev);
	long p = -ENOENT;

	if (may_have_template)
		p = shim_template_map(&part, m->dev->align);
	if (likely(!sys_is_error(p)))
		return p;
	p = need_backing(m, v);
	if (p < 0)
		return p;
	switch (m->ans->place) {
	case DAX_PLACE_NOREPLACE:
		p = map_noreplace(m, m->ans->addr);
		if (p == -EEXIST)
			*v = dax_refuse(EEXIST, DAX_MMAP_OCCUPIED, m->ans->addr, 0, 0);
		break;
	case DAX_PLACE_HINT:
		p = map_noreplace(m, m->ans->addr);
		if (sys_is_error(p))
			p = map_anywhere(m, v);
		break;
	case DAX_PLACE_CONGRUENT:
		p = map_congruent(m);
		if (may_have_template && !sys_is_error(p))
			shim_template_count(&part, m->dev, m->backing);
		break;
	case DAX_PLACE_FIXED: /* map_fixed() */
	case DAX_PLACE_ANY:
	default:
		p = map_anywhere(m, v);
		break;
	}
	return p;
}

static long map_new(struct mapping *m, struct dax_verdict *v)
{
	bool has_room;
	long p;

	if (m->ans->place == DAX_PLACE_FIXED) {
		p = need_backing(m, v);
		return p < 0 ? p : map_fixed(m, v);
	}
	p = map_free(m, v);
	if (sys_is_error(p))
		return p;
	shim_map_plan_set_hint((uint64_t)p);
	if (!shim_lock())
		return p; /* a handler that interrupted the owner: mapped, not listed */
	has_room = shim_maps_has_room_locked();
	if (likely(has_room))
		note_locked(m, (uint64_t)p);
	shim_unlock();
	if (unlikely(!has_room)) {
		sys2(munmap, p, m->ans->len);
		return -ENOMEM;
	}
	return p;
}

/*
 * Does what the kernel does before the driver refuses a mapping: it looks for room, and
 * unmaps what is in the way (mm/mmap.c: mmap_region()). Return: the refusal.
 */
static struct dax_verdict late_refusal(const struct dax_mmap_answer *ans, int flags)
{
	const int place = ans->place == DAX_PLACE_NOREPLACE ? MAP_FIXED_NOREPLACE : 0;
	/* These flags may fail for lack of room below 4 GiB, or of a right. */
	const int kept = flags & (MAP_32BIT | MAP_LOCKED);
	long p = sys6(mmap, place ? ans->addr : 0, ans->len, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | place | kept, -1, 0);

	if (p == -EEXIST)
		return dax_refuse(EEXIST, DAX_MMAP_OCCUPIED, ans->addr, 0, 0);
	if (sys_is_error(p))
		return dax_refuse((int)-p, DAX_MMAP_NO_ROOM, ans->addr, ans->len, 0);
	if (!sys_is_error(p))
		sys2(munmap, p, ans->len);
	if (ans->place == DAX_PLACE_FIXED)
		shim_ranges_munmap(ans->addr, ans->len);
	return ans->v;
}

/**
 * shim_mmap() - do what mmap of a device does
 * @asked:	mmap's arguments; a negative accmode is not known yet
 * @fd:		mmap's descriptor
 * @id:		the node that the descriptor belongs to
 *
 * Takes the lock, and sleeps if a fault rule delays the call. Async-signal-safe, except
 * for the first mapping of the process.
 *
 * Return: the address, or a negative errno.
 */
long shim_mmap(const struct dax_mmap_request *asked, int fd, const struct shim_ident *id)
{
	struct dax_mmap_request req = *asked;
	struct dax_mmap_answer ans;
	struct dax_verdict v = dax_allow();
	struct dax_device dev;
	struct mapping m = {.s = id->session,
			    .req = &req,
			    .ans = &ans,
			    .dev = &dev,
			    .slot = id->slot,
			    .file = shim_ident_file(fd),
			    .fd = fd,
			    .backing = -1};
	bool has_no_huge;
	long p;

	req.kernel = dax_state_kernel(id->session->state);
	if (req.accmode < 0) {
		req.accmode = (int)sys2(fcntl, fd, F_GETFL) & (O_ACCMODE | O_PATH);
		shim_mark_count(fd, id, req.accmode);
	}
	if (shim_session_has_faults(id->session, DAX_FAULT_MMAP) &&
	    !(req.accmode & O_PATH)) {
		p = shim_fault_slot(id->session, DAX_FAULT_MMAP, id->slot,
				    &(struct shim_fault_place){
					    .fd = fd,
					    .address = req.addr,
					    .off = req.off,
					    .len = req.len,
				    });
		if (p < 0) {
			v = dax_refuse((int)-p, DAX_INJECTED, 0, 0, 0);
			goto out;
		}
	}
	dax_state_read(id->session->state, id->slot, &dev);
	dax_mmap_verdict(&dev, &req, &ans);
	if (unlikely(ans.v.error)) {
		v = ans.is_late ? late_refusal(&ans, req.flags) : ans.v;
		p = -v.error;
		goto out;
	}
	has_no_huge = shim_session_thp_disabled ||
		      dax_vma_flags_of_mmap(req.kernel, req.flags) & DAX_VMA_NO_HUGE;
	if (unlikely(has_no_huge) && dev.align > DAX_PAGE)
		dev.flags = 0; /* without huge pages, none of it can be accessed */
	m.is_writable = req.accmode == O_RDWR;
	p = map_new(&m, &v);
	if (unlikely(v.reason == DAX_NO_DAEMON))
		goto out;
	if (likely(!sys_is_error(p)))
		v = ans.v; /* may hold a remark */
	shim_lock_anchor_on_map(fd, m.file);
	/* Here, not in the agent, as the program does not wait for the agent. */
	shim_touch_tell(id->session);
	shim_agent_start();
out:
	if (unlikely(id->session->log != SHIM_LOG_NONE)) {
		const struct shim_call call = {DAX_CALL_MMAP,
					       {req.addr, req.len, (uint64_t)req.prot,
						(uint64_t)req.flags, req.off}};

		if (sys_is_error(p) && !v.error)
			v = dax_refuse((int)-p, DAX_KERNEL, 0, 0, 0);
		shim_report(id->session, &call, id->slot, &v, (uint64_t)p);
	}
	return p;
}

/**
 * shim_mmap_attr() - do what mmap of a sysfs attribute does, which is to fail
 * @asked:	mmap's arguments; its accmode is not used
 * @fd:		mmap's descriptor
 * @id:		the attribute that the descriptor belongs to
 *
 * Takes the lock if it replaces mappings. Async-signal-safe.
 *
 * Return: a negative errno.
 */
SHIM_COLD long shim_mmap_attr(const struct dax_mmap_request *asked, int fd,
			      const struct shim_ident *id)
{
	const struct shim_call call = {DAX_CALL_MMAP,
				       {asked->addr, asked->len, (uint64_t)asked->prot,
					(uint64_t)asked->flags, asked->off}};
	struct dax_mmap_request req = *asked;
	struct dax_mmap_answer ans;
	char path[PATH_MAX];

	req.kernel = dax_state_kernel(id->session->state);
	req.accmode = (int)sys2(fcntl, fd, F_GETFL) & (O_ACCMODE | O_PATH);
	dax_attr_mmap_verdict(&req, &ans);
	if (ans.is_late)
		ans.v = late_refusal(&ans, req.flags);
	if (shim_path_of_fd(fd, path) > 0)
		shim_report_path(id->session, &call, path, &ans.v);
	return -ans.v.error;
}

/*
 * Makes a system call that maps other memory over dax mappings. The memory there is unmapped
 * first; if that is refused, so is the call (mm/mmap.c: mmap_region()).
 */
static long replace(const struct shim_call *call, long nr, const long x[6])
{
	const uint64_t addr = call->args[0];
	const uint64_t len = call->args[1];
	struct dax_verdict v;
	const struct dax_vma *first;
	struct dax_vma vma = {0};
	uint64_t mask;
	long p;

	if (shim_maps_is_bad_range(addr, len) || !shim_lock_masked(&mask))
		return sys_call6(nr, x[0], x[1], x[2], x[3], x[4], x[5]);
	first = shim_maps_first_in_locked(addr, len);
	if (first)
		vma = *first;
	v = dax_replace_verdict(shim_session_kernel(),
				shim_maps_unmap_verdict_locked(addr, len));
	if (v.error) {
		p = -v.error;
	} else {
		p = sys_call6(nr, x[0], x[1], x[2], x[3], x[4], x[5]);
		if (!sys_is_error(p) && shim_maps_has_room_locked())
			shim_refresh_remove_locked(addr, dax_round_up(len, DAX_PAGE));
	}
	shim_unlock_masked(mask);
	if (vma.end) {
		if (sys_is_error(p) && !v.error)
			v = dax_refuse((int)-p, DAX_KERNEL, 0, 0, 0);
		shim_report_vma(call, &vma, &v, (uint64_t)p);
	}
	return p;
}

/**
 * shim_mmap_other() - do what mmap(MAP_FIXED) of another file does over dax mappings
 * @addr, @len, @prot, @flags, @fd, @off: mmap's arguments
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: the address, or a negative errno.
 */
long shim_mmap_other(uint64_t addr, uint64_t len, int prot, int flags, int fd,
		     uint64_t off)
{
	const struct shim_call call = {DAX_CALL_MMAP,
				       {addr, len, (uint64_t)prot, (uint64_t)flags, off}};

	return replace(&call, SYS_mmap,
		       (const long[6]){(long)addr, (long)len, prot, flags, fd,
				       (long)off});
}

/**
 * shim_mmap_shm() - do what shmat(SHM_REMAP) does over dax mappings
 * @id, @addr, @flags:	shmat's arguments, the address as rounded for SHM_RND
 * @len:		bytes of the segment
 *
 * It is an mmap with MAP_FIXED (ipc/shm.c: do_shmat()). Takes the lock. Async-signal-safe.
 *
 * Return: the address, or a negative errno.
 */
SHIM_COLD long shim_mmap_shm(int id, uint64_t addr, uint64_t len, int flags)
{
	const int prot = flags & SHM_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	const struct shim_call call = {
		DAX_CALL_MMAP, {addr, len, (uint64_t)prot, MAP_SHARED | MAP_FIXED, 0}};

	return replace(&call, SYS_shmat, (const long[6]){id, (long)addr, flags});
}
