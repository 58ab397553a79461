/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process's dax mappings: the list, its lock and its memory.
 *
 * The list is what the program asked for, kept beside what the kernel really holds.
 * Where the two may differ (somebody unmapped without libc), the kernel is right: a
 * call is refused only after a look at /proc/self/maps.
 *
 * Two ways to take the lock. The quick one is for a few instructions on the list,
 * without a system call. The slow one is for work that takes longer, and keeps signals
 * out. A handler that comes over its own thread inside either is told so and passes
 * its call through. Order: an entry is taken out before the memory is unmapped and
 * put in after it was mapped, so that nobody finds an entry for memory of others.
 */
#include "client/shim/base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "client/shim/base/sys.h"
#include "libcore/size.h"

#define FIRST_ENTRIES 64

static struct dax_vma first_entries[FIRST_ENTRIES];
struct dax_vmas shim_vmas = {.v = first_entries, .max = FIRST_ENTRIES};

void (*shim_maps_on_change)(void);
void (*shim_maps_on_fork)(void);
void (*shim_maps_on_lost)(void);

static void call(void (*const *hook)(void))
{
	void (*fn)(void) = __atomic_load_n(hook, __ATOMIC_ACQUIRE);

	if (unlikely(fn))
		fn();
}

/* All dax mappings are in [lowest, highest); read without the lock. */
static uint64_t lowest;
static uint64_t highest;

/*
 * The lock: 0 if it is free, else the owner, with the lowest bit set if somebody waits.
 * One word says both, so that a handler can never come between the two.
 */
static uint32_t lock_word;
static __thread uint64_t me;

#define WAITED_FOR 1u

/**
 * shim_maps_touch() - may this range have to do with dax mappings?
 * @addr:	first byte
 * @len:	bytes
 *
 * One look at two words: what every munmap of every program pays.
 */
bool shim_maps_touch(uint64_t addr, uint64_t len)
{
	uint64_t end;

	if (__builtin_add_overflow(addr, len, &end))
		end = UINT64_MAX;
	return addr < __atomic_load_n(&highest, __ATOMIC_RELAXED) &&
	       end > __atomic_load_n(&lowest, __ATOMIC_RELAXED);
}

/**
 * shim_maps_overlap() - is there any dax mapping in a range?
 * @addr:	first byte
 * @len:	bytes
 */
bool shim_maps_overlap(uint64_t addr, uint64_t len)
{
	bool is_there;
	uint64_t mask;

	if (!shim_maps_touch(addr, len) || !shim_maps_lock_slow(&mask))
		return false;
	is_there = dax_vmas_overlap(&shim_vmas, addr, addr + len);
	shim_maps_unlock_slow(mask);
	return is_there;
}

/**
 * shim_maps_forget() - the kernel has put something else there
 * @addr:	first byte
 * @len:	bytes
 *
 * So what we thought was there had been unmapped by a way that we do not see.
 */
SHIM_COLD void shim_maps_forget(uint64_t addr, uint64_t len)
{
	uint64_t mask;

	if (!shim_maps_lock_slow(&mask))
		return;
	if (shim_maps_has_room()) {
		dax_vmas_remove(&shim_vmas, addr, dax_round_up(addr + len, DAX_PAGE));
		shim_maps_changed();
	}
	shim_maps_unlock_slow(mask);
}

/* Where this library's thread-local memory is, in this thread. */
const char *shim_maps_me(void)
{
	return (const char *)&me;
}

/*
 * This thread, as an owner. Threads whose memory is 8 GiB apart may look alike; then
 * the one that comes second passes its call through, as a handler's.
 */
static uint32_t my_mark(void)
{
	return (uint32_t)((uintptr_t)&me >> 3) << 1 | 0x80000000;
}

/* -- locks left behind ------------------------------------------------------------------- */

/*
 * In a child that was forked, this is 0. The handlers of fork know the list and its lock
 * well, but not every fork calls them: before the process has mapped anything they are
 * not there, and some programs make their children with syscall(2).
 */
static struct {
	uint32_t is_original;
	char rest[DAX_PAGE - sizeof(uint32_t)];
} mark_page __attribute__((aligned(DAX_PAGE)));

/* Somebody was interrupted in the middle of a change, and will not end it. */
static void repair(void)
{
	uint64_t end = 0;
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < shim_vmas.nr && i < shim_vmas.max; i++) {
		const struct dax_vma vma = shim_vmas.v[i];

		if (vma.start < end || vma.end <= vma.start ||
		    vma.slot >= DAX_STATE_SLOTS || !vma.align ||
		    vma.align & (vma.align - 1))
			continue;
		shim_vmas.v[n++] = vma;
		end = vma.end;
	}
	shim_vmas.nr = n;
	shim_maps_drop_stale();
}

/*
 * The first lock of a process; of a child, too, that nobody told that it is one. There,
 * who had the lock is not here; and no one of ours can have it yet, as everybody comes by
 * here before.
 */
static SHIM_COLD void be_original(void)
{
	uint32_t seen = __atomic_load_n(&lock_word, __ATOMIC_ACQUIRE);
	uint64_t all = ~UINT64_C(0);
	uint64_t before;

	sys4(rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	sys3(madvise, &mark_page, sizeof(mark_page), MADV_WIPEONFORK);
	if (!__atomic_exchange_n(&mark_page.is_original, 1, __ATOMIC_ACQ_REL)) {
		call(&shim_maps_on_lost);
		if (seen) {
			repair();
			shim_maps_unlock();
		}
	}
	sys4(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
}

/*
 * This thread's stack, about where it has taken the lock: what jumps out of a signal
 * handler to a place above that does not come back to give the lock back.
 */
static __thread uintptr_t lock_frame;

/* Takes the lock that somebody has. */
static SHIM_COLD bool wait_for_lock(uint32_t mine, uint32_t seen)
{
	static const struct timespec a_moment = {.tv_nsec = 20 * 1000 * 1000};

	if ((seen & ~WAITED_FOR) == mine)
		return false;
	for (;;) {
		if (!seen) {
			/* Who else waits is not known: so say that somebody does. */
			if (__atomic_compare_exchange_n(&lock_word, &seen,
							mine | WAITED_FOR, false,
							__ATOMIC_ACQUIRE,
							__ATOMIC_RELAXED))
				return true;
		} else if (seen & WAITED_FOR ||
			   __atomic_compare_exchange_n(&lock_word, &seen,
						       seen | WAITED_FOR, false,
						       __ATOMIC_RELAXED,
						       __ATOMIC_RELAXED)) {
			/* Not for ever: who wakes us may have jumped away. */
			sys6(futex, &lock_word, FUTEX_WAIT_PRIVATE, seen | WAITED_FOR,
			     &a_moment, NULL, 0);
			seen = __atomic_load_n(&lock_word, __ATOMIC_RELAXED);
		}
	}
}

/**
 * shim_maps_lock() - take the lock, the quick way
 *
 * Return: false if this thread has it already: we are in a signal handler over it.
 */
bool shim_maps_lock(void)
{
	const uintptr_t before = lock_frame;
	const uint32_t mine = my_mark();
	uint32_t seen = 0;

	if (unlikely(!__atomic_load_n(&mark_page.is_original, __ATOMIC_RELAXED)))
		be_original();
	__atomic_store_n(&lock_frame, (uintptr_t)__builtin_frame_address(0),
			 __ATOMIC_RELAXED);
	if (likely(__atomic_compare_exchange_n(&lock_word, &seen, mine, false,
					       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		return true;
	if (wait_for_lock(mine, seen))
		return true;
	__atomic_store_n(&lock_frame, before, __ATOMIC_RELAXED);
	return false;
}

void shim_maps_unlock(void)
{
	if (unlikely(__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) & WAITED_FOR))
		sys6(futex, &lock_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/**
 * shim_maps_lock_slow() - take the lock, with signals kept out
 * @ret_mask:	for shim_maps_unlock_slow()
 *
 * Return: as shim_maps_lock().
 */
bool shim_maps_lock_slow(uint64_t *ret_mask)
{
	uint64_t all = ~UINT64_C(0);

	sys4(rt_sigprocmask, SIG_BLOCK, &all, ret_mask, sizeof(all));
	if (shim_maps_lock())
		return true;
	sys4(rt_sigprocmask, SIG_SETMASK, ret_mask, NULL, sizeof(all));
	return false;
}

void shim_maps_unlock_slow(uint64_t mask)
{
	shim_maps_unlock();
	sys4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

/**
 * shim_maps_jump() - this thread jumps out of what it does
 * @to:		the stack pointer at the target
 *
 * If that is a handler that came over our own change, and it jumps beyond that, nobody
 * would ever give the lock back.
 */
SHIM_COLD void shim_maps_jump(uintptr_t to)
{
	stack_t ss;

	if ((__atomic_load_n(&lock_word, __ATOMIC_RELAXED) & ~WAITED_FOR) != my_mark())
		return;
	/* Inside of the handler? Then what it interrupted goes on later. */
	if (sys2(sigaltstack, NULL, &ss) == 0 && ss.ss_flags & SS_ONSTACK) {
		if (to - (uintptr_t)ss.ss_sp < ss.ss_size)
			return;
	} else if (to < __atomic_load_n(&lock_frame, __ATOMIC_RELAXED)) {
		return;
	}
	repair();
	shim_maps_unlock();
}

bool shim_maps_is_locked(void)
{
	return __atomic_load_n(&lock_word, __ATOMIC_RELAXED) != 0;
}

/* -- fork -------------------------------------------------------------------------- */

/* Not if a handler forks over our own lock: then the interrupted code gives it back. */
static bool fork_has_lock;

static void before_fork(void)
{
	fork_has_lock = shim_maps_lock();
}

static void after_fork_parent(void)
{
	if (fork_has_lock)
		shim_maps_unlock();
}

static void after_fork_child(void)
{
	uint32_t i;

	__atomic_store_n(&mark_page.is_original, 1, __ATOMIC_RELAXED);
	for (i = shim_vmas.nr; i-- > 0;) {
		const struct dax_vma vma = shim_vmas.v[i];

		if (vma.flags & DAX_VMA_DONTFORK)
			dax_vmas_remove(&shim_vmas, vma.start, vma.end);
	}
	shim_maps_changed();
	if (fork_has_lock)
		shim_maps_unlock();
	call(&shim_maps_on_fork);
}

/* -- memory ------------------------------------------------------------------------ */

/**
 * shim_maps_has_room() - make room for one more change of the list
 *
 * With the lock held. Return: false if there is no memory for it.
 */
bool shim_maps_has_room(void)
{
	const uint32_t max = shim_vmas.max;
	const size_t size = max * sizeof(shim_vmas.v[0]);
	struct dax_vma *const old = shim_vmas.v;
	long p;

	if (likely(shim_vmas.nr + 2 * DAX_VMAS_GROWTH <= max))
		return true;
	p = sys6(mmap, NULL, 2 * size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys_is_error(p))
		return false;
	memcpy((void *)p, old, size);
	/* At no moment may it point to memory that is gone: see shim_maps_jump(). */
	__atomic_store_n(&shim_vmas.v, (struct dax_vma *)p, __ATOMIC_RELEASE);
	__atomic_store_n(&shim_vmas.max, 2 * max, __ATOMIC_RELEASE);
	if (old != first_entries)
		sys2(munmap, old, size);
	return true;
}

/* The start files have it, which the shim is linked without: we are never unloaded. */
extern void *const __dso_handle __attribute__((visibility("hidden")));
void *const __dso_handle = NULL;

/* After every change of the list, with the lock held. */
void shim_maps_changed(void)
{
	static bool has_handlers;
	uint64_t lo = UINT64_MAX;
	uint64_t hi = 0;

	if (shim_vmas.nr) {
		lo = shim_vmas.v[0].start;
		hi = shim_vmas.v[shim_vmas.nr - 1].end;
		if (unlikely(!has_handlers)) {
			has_handlers = true;
			pthread_atfork(before_fork, after_fork_parent, after_fork_child);
		}
	}
	__atomic_store_n(&lowest, lo, __ATOMIC_RELAXED);
	__atomic_store_n(&highest, hi, __ATOMIC_RELAXED);
	call(&shim_maps_on_change);
}

/* -- the kernel's view -----------------------------------------------------------------
 */

/* Reads one hexadecimal number and the character behind it. */
static uint64_t read_hex(const char **p)
{
	uint64_t n = 0;

	for (;; (*p)++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (**p)
		(*p)++;
	return n;
}

/*
 * Calls @fn for each mapping that the kernel has, in order, until it says stop. Return:
 * false if the list can't be read.
 */
static bool each_mapping(bool (*fn)(void *ctx, uint64_t start, uint64_t end,
				    bool is_shared),
			 void *ctx)
{
	char buf[4096];
	size_t have = 0;
	bool goes_on = true;
	long fd;
	long n;

	fd = sys3(openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (goes_on && (n = sys3(read, fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf;
		char *nl;

		have += (size_t)n;
		buf[have] = '\0';
		while (goes_on && (nl = strchr(line, '\n'))) {
			const char *p = line;
			uint64_t start = read_hex(&p);
			uint64_t end = read_hex(&p);

			/* "rw-s": the fourth letter tells shared from private */
			goes_on = fn(ctx, start, end, p[3] == 's');
			line = nl + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof(buf) - 1)
			have = 0; /* a path that long is none of ours */
	}
	sys1(close, fd);
	return true;
}

struct stale_one {
	uint64_t addr;
	bool is_stale;
};

static bool look_for(void *ctx, uint64_t start, uint64_t end, bool is_shared)
{
	struct stale_one *one = ctx;

	if (end <= one->addr)
		return true;
	one->is_stale = start > one->addr || !is_shared;
	return false;
}

/**
 * shim_maps_is_stale() - is an entry's memory no longer what we made it?
 * @vma:	the entry
 *
 * True if the kernel has nothing there, or private or anonymous memory: the program
 * unmapped it by a way that we do not see. With the lock held.
 */
bool shim_maps_is_stale(const struct dax_vma *vma)
{
	struct stale_one one = {.addr = vma->start, .is_stale = true};

	/* Not to be found out: believe ourselves. */
	return each_mapping(look_for, &one) && one.is_stale;
}

struct cover {
	uint32_t i;     /* entries before are looked at */
	uint64_t until; /* up to here entry i is there */
};

/* All of an entry has to be there, in as many pieces as the kernel likes. */
static bool cover(void *ctx, uint64_t start, uint64_t end, bool is_shared)
{
	struct cover *c = ctx;

	while (c->i < shim_vmas.nr && end > shim_vmas.v[c->i].start) {
		const struct dax_vma vma = shim_vmas.v[c->i];
		uint64_t from = c->until > vma.start ? c->until : vma.start;

		if (!is_shared || start > from) {
			uint64_t gap = is_shared ? dax_min(start, vma.end)
						 : dax_min(end, vma.end);

			/* What is missing is cut out of the entry. */
			if (!shim_maps_has_room())
				return false;
			dax_vmas_remove(&shim_vmas, from, gap);
			if (c->i < shim_vmas.nr && shim_vmas.v[c->i].end == from)
				c->i++;
			c->until = gap;
			continue;
		}
		if (end < vma.end) {
			c->until = end;
			return true;
		}
		c->i++;
		c->until = vma.end;
	}
	return c->i < shim_vmas.nr;
}

/**
 * shim_maps_drop_stale() - throw out of the list what the kernel does not have
 *
 * With the lock held. One look at all of it, before anything is mapped over.
 */
void shim_maps_drop_stale(void)
{
	struct cover c = {0};

	if (each_mapping(cover, &c) && c.i < shim_vmas.nr) {
		const struct dax_vma *vma = &shim_vmas.v[c.i];
		uint64_t from = c.until > vma->start ? c.until : vma->start;

		/* Behind the kernel's last mapping. */
		if (shim_maps_has_room())
			dax_vmas_remove(&shim_vmas, from, UINT64_MAX);
	}
	shim_maps_changed();
}
