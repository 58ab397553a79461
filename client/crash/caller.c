/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Find the code of the program that has called a function of persistent memory.
 *
 * The stack is unwound until it leaves the recorder and PMDK's libraries. Unwinders only
 * read, and are made to work in signal handlers.
 */
#include "client/crash/caller.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <unwind.h>

#define PLACES    4096 /* a power of two */
#define FRAMES    48
#define FULL_FROM (PLACES * 3 / 4)

struct search {
	struct crash_caller *found;
	int nr_frames;
};

static struct crash_caller places[PLACES]; /* hashed by address */
static int nr_places;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_inner(const char *path)
{
	static const char *const names[] = {"libpmem", "libdaxcrash.", "libdaxshim."};
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Return: the place of an address in the table, which is free if it is not there. */
static struct crash_caller *place_locked(uint64_t addr)
{
	uint64_t i = addr * UINT64_C(0x9e3779b97f4a7c15) >> 52;

	while (places[i % PLACES].addr && places[i % PLACES].addr != addr)
		i++;
	return &places[i % PLACES];
}

/* The loader's lock is taken, and another thread may wait for ours with it: not in here. */
static bool describe(uint64_t addr, struct crash_caller *ret)
{
	struct link_map *map;
	Dl_info info;

	if (!dladdr1((void *)addr, &info, (void **)&map, RTLD_DL_LINKMAP))
		return false;
	*ret = (struct crash_caller){.addr = addr,
				     .file_off = addr - map->l_addr,
				     .path = map->l_name,
				     .is_inner = is_inner(map->l_name)};
	return true;
}

static struct crash_caller *look_up(uint64_t addr)
{
	struct crash_caller described;
	struct crash_caller *place;
	bool is_known;

	pthread_mutex_lock(&lock);
	place = place_locked(addr);
	is_known = place->addr == addr;
	pthread_mutex_unlock(&lock);
	if (is_known)
		return place;
	if (!describe(addr, &described))
		return NULL;
	pthread_mutex_lock(&lock);
	place = place_locked(addr);
	if (!place->addr && nr_places < FULL_FROM) {
		nr_places++;
		*place = described;
	}
	is_known = place->addr == addr;
	pthread_mutex_unlock(&lock);
	return is_known ? place : NULL;
}

/* True if code is where a signal's handler returns to: it belongs to nobody. */
static bool is_restorer(uint64_t addr)
{
#ifdef __x86_64__
	/* mov $SYS_rt_sigreturn, %rax; syscall */
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

	return !memcmp((const void *)addr, code, sizeof(code));
#else
	(void)addr;
	return false;
#endif
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *arg)
{
	struct search *search = arg;
	struct crash_caller *caller;

	if (is_restorer(_Unwind_GetIP(context)))
		return _URC_NO_REASON;
	/* The call, or the instruction that the recorder has stepped over, is before it. */
	caller = look_up(_Unwind_GetIP(context) - 1);
	if (!caller || ++search->nr_frames == FRAMES)
		return _URC_END_OF_STACK;
	if (caller->is_inner)
		return _URC_NO_REASON;
	search->found = caller;
	return _URC_END_OF_STACK;
}

/**
 * crash_caller_find() - find the caller of the function that calls this one
 *
 * Thread-safe. May be called in the handler of a signal that the program's own code has
 * raised. Must not be called with a lock that another thread may wait for in dlopen(3).
 *
 * Return: the caller, whose number belongs to the user of this function; NULL: not known.
 */
struct crash_caller *crash_caller_find(void)
{
	struct search search = {0};

	_Unwind_Backtrace(visit, &search);
	return search.found;
}

/**
 * crash_caller_in_child() - release what a thread of the parent held at the fork
 */
void crash_caller_in_child(void)
{
	pthread_mutex_init(&lock, NULL);
}
