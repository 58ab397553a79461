/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Know the descriptors from which a program maps often by one system call.
 *
 * Before each mmap, the shim asks the kernel which file a number belongs to and how it was
 * opened: the program may have closed it in a way that the shim does not see, and must
 * never map the wrong file. That takes fstat(2) and fcntl(2). An open file also has a
 * position, which a handle has no use for. So the open file of a program that maps again
 * and again gets a random position: whoever has it is that very open file, and one
 * lseek(2) proves it. A program that sets another position only loses this.
 *
 * lseek on a device answers 0 as before, and locks that start from the position start from
 * 0; a program sees the position in /proc/self/fdinfo, or by a system call that bypasses
 * libc.
 */
#include "client/shim/process/mark.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "libcore/state.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/session.h"

#define NR_MARKS   256 /* descriptors with higher numbers have none */
#define FEW_MAPS   3   /* for which a mark is not worth while */
#define MOST_MARKS 16  /* for a number: two processes may take them from each other */

struct mark {
	uint64_t position; /* 0: no mark */
	uint64_t dev;      /* of the handle */
	uint64_t ino;
	uint32_t slot;
	int32_t accmode;
	uint32_t nr_maps; /* since the number was last seen without its mark */
	uint32_t nr_marks;
};

static struct mark marks[NR_MARKS];

/* True if the device in a mark's slot still has the handle that was marked. */
static bool is_of_session(const struct mark *m, const struct shim_session *s)
{
	return s && s->state->handles[m->slot].ino == m->ino &&
	       s->state->handles[m->slot].dev == m->dev;
}

/**
 * shim_mark_find() - identify a descriptor by its mark
 * @fd:			any number
 * @ret_id:		receives the node
 * @ret_accmode:	receives the mode, as for struct dax_mmap_request
 *
 * Costs one system call if the number had a mark, and none else. Async-signal-safe.
 *
 * Return: true; or false if the descriptor must be identified by other means.
 */
bool shim_mark_find(int fd, struct shim_ident *ret_id, int *ret_accmode)
{
	const struct shim_session *s;
	struct mark *m;
	struct mark copy;

	if ((unsigned int)fd >= NR_MARKS)
		return false;
	m = &marks[fd];
	copy.position = __atomic_load_n(&m->position, __ATOMIC_ACQUIRE);
	if (!copy.position)
		return false;
	copy.dev = m->dev;
	copy.ino = m->ino;
	copy.slot = m->slot;
	copy.accmode = m->accmode;
	s = shim_session();
	if (unlikely((uint64_t)sys3(lseek, fd, 0, SEEK_CUR) != copy.position ||
		     __atomic_load_n(&m->position, __ATOMIC_ACQUIRE) != copy.position ||
		     !is_of_session(&copy, s))) {
		__atomic_store_n(&m->nr_maps, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&m->position, 0, __ATOMIC_RELEASE);
		return false;
	}
	*ret_id = (struct shim_ident){SHIM_NODE, copy.slot, s};
	*ret_accmode = copy.accmode;
	return true;
}

static SHIM_COLD void mark_locked(int fd, const struct shim_ident *id, int accmode)
{
	struct mark *m = &marks[fd];
	uint64_t position;

	m->nr_marks++;
	m->slot = id->slot;
	m->dev = id->session->state->handles[id->slot].dev;
	m->ino = id->session->state->handles[id->slot].ino;
	m->accmode = accmode;
	/* A real node (CUSE) has no position of its own. */
	if (!m->dev ||
	    sys3(getrandom, &position, sizeof(position), 0) != sizeof(position))
		return;
	position = position >> 2 | UINT64_C(1) << 60;
	if (sys3(lseek, fd, position, SEEK_SET) == (long)position)
		__atomic_store_n(&m->position, position, __ATOMIC_RELEASE);
}

/**
 * shim_mark_count() - count a mapping, and mark a descriptor that is mapped often
 * @fd:		a descriptor that shim_mark_find() did not know
 * @id:		its node
 * @accmode:	its mode
 *
 * Takes the lock for the mark. Async-signal-safe.
 */
void shim_mark_count(int fd, const struct shim_ident *id, int accmode)
{
	uint64_t mask;

	if ((unsigned int)fd >= NR_MARKS ||
	    likely(__atomic_add_fetch(&marks[fd].nr_maps, 1, __ATOMIC_RELAXED) <=
		   FEW_MAPS) ||
	    marks[fd].nr_marks >= MOST_MARKS || !shim_lock_masked(&mask))
		return;
	if (!marks[fd].position)
		mark_locked(fd, id, accmode);
	shim_unlock_masked(mask);
}

/**
 * shim_mark_remove() - give an open file the position of a device again, 0
 * @fd:		a descriptor of a node
 *
 * For calls that start from the position: lockf(3), and fcntl(2) with SEEK_CUR.
 * Async-signal-safe.
 */
void shim_mark_remove(int fd)
{
	sys3(lseek, fd, 0, SEEK_SET);
}
