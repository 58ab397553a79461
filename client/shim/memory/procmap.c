/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answer PROCMAP_QUERY, an ioctl on /proc/self/maps, about this process's own mappings.
 *
 * The kernel answers first, and says whether there is a mapping; where it is one of a
 * device, the list says what the program must see of it. The descriptor may be the
 * kernel's own file, opened before the first device was mapped, or a copy of it
 * (proc_maps.c), which knows no ioctl: then the shim asks a descriptor of its own.
 *
 * Programs ask thousands of times, so an answer costs one small system call besides the
 * query: a descriptor is known by its inode, and a pointer that the kernel has just
 * accepted is not checked again.
 */
#include "client/shim/memory/procmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libcore/device.h"
#include "libcore/procmap.h"
#include "libcore/size.h"
#include "libcore/vmas.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/proc_maps.h"
#include "client/shim/process/fd_limit.h"
#include "client/shim/process/lock.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"

enum kind {
	UNKNOWN,
	FOREIGN, /* no list of this process: the kernel answers alone */
	KERNELS, /* the kernel's list of this process */
	COPY,    /* a copy of that */
};

#define NR_KNOWN 8

struct known {
	uint64_t dev;
	uint64_t ino;
	uint64_t kind; /* 0: unused entry */
};

/*
 * Descriptors that were identified. Zero in a forked child (MADV_WIPEONFORK), for which the
 * list that its parent has opened is a foreign one.
 */
static struct {
	struct known known[NR_KNOWN];
	uint32_t nr; /* entries ever used */
	int32_t own_plus_1;
} __attribute__((aligned(DAX_PAGE))) page;

/* The last pointer that the kernel has read and written through. */
static uintptr_t accepted;

static SHIM_COLD enum kind look_at(int fd, const struct stat *st)
{
	char path[PATH_MAX];
	enum kind kind = FOREIGN;
	uint32_t i;

	if (shim_path_of_fd(fd, path) > 0 && !strcmp(path, SHIM_PROC_MAPS_COPY))
		kind = COPY;
	else if (shim_proc_maps_is_own(path))
		kind = KERNELS;
	if (!shim_lock())
		return kind;
	if (!page.nr)
		sys3(madvise, &page, sizeof(page), MADV_WIPEONFORK);
	i = page.nr++ % NR_KNOWN;
	page.known[i] =
		(struct known){.dev = st->st_dev, .ino = st->st_ino, .kind = kind};
	shim_unlock();
	return kind;
}

/* Return: the kind of a descriptor, or UNKNOWN if it is not open. */
static enum kind kind_of(int fd)
{
	enum kind kind = UNKNOWN;
	struct stat st;
	int i;

	if (sys2(fstat, fd, &st) < 0 || !S_ISREG(st.st_mode))
		return FOREIGN;
	if (!shim_lock())
		return FOREIGN;
	for (i = 0; i < NR_KNOWN; i++)
		if (page.known[i].kind && page.known[i].ino == st.st_ino &&
		    page.known[i].dev == st.st_dev)
			kind = (enum kind)page.known[i].kind;
	shim_unlock();
	return likely(kind != UNKNOWN) ? kind : look_at(fd, &st);
}

/* Opens the kernel's own list once more. Return: the descriptor, or a negative errno. */
static SHIM_COLD int open_own(void)
{
	const char *path = "/proc/self/maps";
	int fd = (int)sys3(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	uint64_t soft;

	if (fd == -EMFILE && shim_fd_limit_raise(&soft)) {
		fd = (int)sys3(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
		shim_fd_limit_set(soft);
	}
	if (fd < 0)
		return fd;
	fd = shim_fd_limit_move(fd);
	__atomic_store_n(&page.own_plus_1, fd + 1, __ATOMIC_RELAXED);
	return fd;
}

/*
 * Asks the kernel. @fd: a descriptor of its list, or -1 for the shim's own; the program
 * may have closed that.
 */
static long ask(int fd, void *arg)
{
	int own = __atomic_load_n(&page.own_plus_1, __ATOMIC_RELAXED) - 1;
	long r = -EBADF;

	if (fd >= 0)
		return sys3(ioctl, fd, DAX_PROCMAP_QUERY, arg);
	if (own >= 0)
		r = sys3(ioctl, own, DAX_PROCMAP_QUERY, arg);
	if (likely(r != -EBADF && r != -ENOTTY))
		return r;
	own = open_own();
	return own < 0 ? own : sys3(ioctl, own, DAX_PROCMAP_QUERY, arg);
}

static long read_query(struct dax_procmap *q, const void *arg)
{
	if (likely((uintptr_t)arg == __atomic_load_n(&accepted, __ATOMIC_RELAXED))) {
		memcpy(q, arg, sizeof(*q));
		return 0;
	}
	return shim_peek(q, arg, sizeof(*q));
}

/*
 * Finds the mapping of a device that the program must see where the kernel has found one.
 * Return: false if the kernel's is none of a device.
 */
static bool find_ours_locked(const struct dax_procmap *q, uint64_t start, uint64_t end,
			     struct dax_vma *ret)
{
	const uint64_t addr = q->query_addr < start ? start : q->query_addr;
	const struct dax_vma *vma = dax_vmas_find(shim_vmas, addr);

	if (!vma || vma->start > addr || addr >= end)
		return false;
	*ret = *vma;
	return true;
}

/* Gives the program an answer that is not the kernel's. */
static long answer(const struct dax_vma *vma, struct dax_procmap *q, void *arg)
{
	char name[DAX_MAPS_LINE_MAX];
	const uint32_t room = q->name_size;
	struct dax_maps_node node;
	struct dax_device dev;
	long r;

	shim_proc_maps_node(shim_session_if_known(), vma, &dev, &node);
	r = dax_procmap_answer(vma, &node, q, name);
	if (r < 0)
		return r;
	if (room)
		memcpy((void *)(uintptr_t)q->name_addr, name, q->name_size);
	memcpy(arg, q, sizeof(*q));
	return 0;
}

/*
 * The kernel has no room for the name of the backing store, but there may be room for the
 * device's. Return: what the program must get instead, or -ENAMETOOLONG.
 */
static SHIM_COLD long ask_without_name(int fd, const struct dax_procmap *q, void *arg)
{
	struct dax_procmap copy = *q;
	struct dax_vma vma;
	bool is_ours;
	long r;

	copy.size = sizeof(copy);
	copy.name_size = 0;
	copy.name_addr = 0;
	copy.build_id_size = 0;
	copy.build_id_addr = 0;
	r = ask(fd, &copy);
	if (r < 0 || !shim_lock())
		return -ENAMETOOLONG;
	is_ours = find_ours_locked(q, copy.start, copy.end, &vma);
	shim_unlock();
	copy = *q;
	return is_ours ? answer(&vma, &copy, arg) : -ENAMETOOLONG;
}

/*
 * Answers a query about this process. @fd: as for ask(). Return: 0 or a negative errno.
 */
static long query(int fd, void *arg)
{
	struct dax_procmap *answered = arg;
	struct dax_procmap q;
	struct dax_vma vma;
	uint64_t asked;
	bool is_hidden;
	bool is_ours;
	long r;

	if (read_query(&q, arg) < 0)
		return -EFAULT;
	asked = q.query_addr;
	do {
		r = ask(fd, arg);
		if (unlikely(r == -ENAMETOOLONG && q.size >= sizeof(q)))
			return ask_without_name(fd, &q, arg);
		if (r < 0 || q.size < sizeof(q))
			return r;
		__atomic_store_n(&accepted, (uintptr_t)arg, __ATOMIC_RELAXED);
		if (!shim_lock())
			return r;
		is_hidden = shim_proc_maps_is_hidden_locked(answered->start);
		is_ours = find_ours_locked(&q, answered->start, answered->end, &vma);
		shim_unlock();
		if (likely(!is_hidden)) {
			answered->query_addr = q.query_addr = asked;
			return is_ours ? answer(&vma, &q, arg) : 0;
		}
		/* The program must not see this one: go on behind it, if it may. */
		q.query_addr = answered->end;
		memcpy(arg, &q, sizeof(q));
	} while (q.query_flags & DAX_PROCMAP_OR_NEXT);
	answered->query_addr = asked;
	return -ENOENT;
}

/**
 * shim_procmap_is_list() - tell whether a descriptor is of the list of this process's mappings
 * @fd:		any descriptor
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: true if it is of /proc/self/maps or a copy of that.
 */
bool shim_procmap_is_list(int fd)
{
	const enum kind kind = kind_of(fd);

	return kind == KERNELS || kind == COPY;
}

/**
 * shim_procmap_query() - do what ioctl(PROCMAP_QUERY) does
 * @fd:		any descriptor
 * @arg:	the program's query, a pointer that may be bad
 *
 * Takes the lock. Async-signal-safe.
 *
 * Return: 0, a negative errno, or -EXDEV if the kernel must answer alone.
 */
long shim_procmap_query(int fd, void *arg)
{
	enum kind kind;

	if (!shim_maps_touch(0, UINT64_MAX) &&
	    !__atomic_load_n(&shim_proc_maps_has_copied, __ATOMIC_RELAXED))
		return -EXDEV;
	kind = kind_of(fd);
	if (kind == FOREIGN)
		return -EXDEV;
	return query(kind == COPY ? -1 : fd, arg);
}
