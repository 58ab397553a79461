/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record the flushes and fences of this process in the log of the run.
 *
 * All processes of the run share the log and the copy of the device, under one lock. A
 * flush and a fence log the lines that have changed since the last look. The fence looks
 * at the pages that were written to, if the kernel can tell them and no other process has
 * the device mapped; else at all pages that the image has.
 */
#include "client/crash/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <libpmem.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/crash_log.h"

#include "client/shim/base/sys.h"
#include "client/crash/caller.h"
#include "client/crash/maps.h"
#include "client/crash/written.h"

#define PATH_LEN  160
#define THREADS   (1 << 20) /* numbers of threads; more share the last one */
#define BIG_RANGE (256 << 10)

enum state {
	UNKNOWN,
	IS_ON,
	IS_OFF,
};

static enum state state;
static pthread_mutex_t attach_lock = PTHREAD_MUTEX_INITIALIZER;
static struct dax_crash_shared *shared;
static const uint8_t *live;
static uint8_t *seen;
static char image_path[PATH_LEN];
static char log_path[PATH_LEN];
static char said_path[PATH_LEN];

static __thread bool is_inside; /* a signal handler must not wait for its own thread */
static __thread uint32_t number;

static void before_fork(void);

/* The child's thread is another one: what the parent's has flushed is not its own. */
static void in_child(void)
{
	number = 0;
	crash_caller_in_child();
}

static void *map_file(const char *dir, const char *name, int prot, size_t *ret_size)
{
	char path[PATH_LEN];
	struct stat st;
	long fd;
	long p;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = sys4(openat, AT_FDCWD, path, O_CLOEXEC | (prot & PROT_WRITE ? O_RDWR : 0),
		  0);
	if (fd < 0)
		return NULL;
	p = -1;
	if (sys2(fstat, fd, &st) == 0)
		p = sys6(mmap, 0, st.st_size, prot, MAP_SHARED, fd, 0);
	sys1(close, fd);
	*ret_size = (size_t)st.st_size;
	return sys_is_error(p) ? NULL : (void *)p;
}

static bool attach(void)
{
	const char *dir = getenv(DAX_CRASH_ENV);
	const uint8_t *image;
	size_t size;

	if (!dir || strlen(dir) > PATH_LEN - 16)
		return false;
	shared = map_file(dir, DAX_CRASH_SHARED, PROT_READ | PROT_WRITE, &size);
	seen = map_file(dir, DAX_CRASH_SEEN, PROT_READ | PROT_WRITE, &size);
	image = map_file(dir, DAX_CRASH_IMAGE, PROT_READ, &size);
	if (!shared || !seen || !image || size < shared->data + shared->size)
		return false;
	live = image + shared->data;
	crash_maps_init(image, shared->data, shared->size);
	snprintf(image_path, PATH_LEN, "%s/" DAX_CRASH_IMAGE, dir);
	snprintf(log_path, PATH_LEN, "%s/" DAX_CRASH_LOG, dir);
	snprintf(said_path, PATH_LEN, "%s/" DAX_CRASH_SAID, dir);
	pthread_atfork(before_fork, NULL, in_child);
	return true;
}

/* True if this process is recorded. */
static bool is_on(void)
{
	if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == UNKNOWN) {
		pthread_mutex_lock(&attach_lock);
		if (state == UNKNOWN)
			__atomic_store_n(&state, attach() ? IS_ON : IS_OFF,
					 __ATOMIC_RELEASE);
		pthread_mutex_unlock(&attach_lock);
	}
	return state == IS_ON;
}

/*
 * Begin to record something. Return: false if this process is not recorded, or if this is
 * a signal handler or a function that interrupts or serves the recorder itself.
 */
static bool enter(void)
{
	if (is_inside)
		return false;
	is_inside = true;
	if (is_on())
		return true;
	is_inside = false;
	return false;
}

/* Take the lock, after enter(). */
static void lock(void)
{
	if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&shared->lock);
	if (!number)
		number = shared->nr_threads < THREADS ? ++shared->nr_threads : THREADS;
}

/* Release the lock, and end what enter() has begun. */
static void leave(void)
{
	pthread_mutex_unlock(&shared->lock);
	is_inside = false;
}

/*
 * Count this process if it maps the device, whether it will flush or not: only while it is
 * the only one are its own stores all that there are.
 */
static void count_mapper(void)
{
	static bool is_counted;

	if (is_counted || !crash_maps_are_there())
		return;
	is_counted = true;
	shared->nr_mappers++;
}

static void after_mmap(void)
{
	if (!enter())
		return;
	lock();
	count_mapper();
	leave();
}

/* The child inherits the mappings. */
static void before_fork(void)
{
	if (!enter())
		return;
	lock();
	if (crash_maps_are_there())
		shared->nr_mappers++;
	leave();
}

/* Standard output is "said" line by line, as on a terminal, although it is a file. */
__attribute__((constructor)) static void prepare(void)
{
	if (!getenv(DAX_CRASH_ENV))
		return;
	setvbuf(stdout, NULL, _IOLBF, 0);
	crash_maps_watch(after_mmap);
}

static void write_buffer(void)
{
	long fd = sys4(openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
	uint64_t done = 0;
	long n = fd;

	while (n >= 0 && done < shared->used) {
		n = sys3(write, fd, shared->buffer + done, shared->used - done);
		if (n > 0)
			done += (uint64_t)n;
	}
	if (n < 0)
		shared->error = (int32_t)-n;
	if (fd >= 0)
		sys1(close, fd);
	shared->used = 0;
}

static void append(uint16_t event, uint16_t caller, uint32_t thread, uint64_t off,
		   uint64_t len, const uint8_t *data)
{
	struct dax_crash_record r = {.event = event,
				     .caller = caller,
				     .thread = thread,
				     .off = off,
				     .len = len};
	uint64_t room = sizeof(r) + (data ? len : 0);

	if (shared->used + room > DAX_CRASH_BUFFER)
		write_buffer();
	if (shared->error)
		return;
	memcpy(shared->buffer + shared->used, &r, sizeof(r));
	if (data)
		memcpy(shared->buffer + shared->used + sizeof(r), data, len);
	shared->used += room;
}

static void emit_store(void *arg, uint64_t off, const uint8_t *data, uint64_t len)
{
	(void)arg;
	append(DAX_CRASH_STORE, 0, number, off, len, data);
}

/* Log where a caller is, the first time. Return: its number; 0: it has none. */
static uint16_t number_locked(struct crash_caller *caller)
{
	static char path[PATH_MAX + 8];
	long n = 0;

	if (!caller || caller->number)
		return caller ? caller->number : 0;
	if (shared->nr_callers == UINT16_MAX)
		return 0;
	memset(path, 0, sizeof(path));
	if (*caller->path)
		n = (long)strnlen(caller->path, PATH_MAX - 1);
	if (n)
		memcpy(path, caller->path, (size_t)n);
	else
		n = sys4(readlinkat, AT_FDCWD, "/proc/self/exe", path, PATH_MAX - 1);
	if (n <= 0)
		return 0;
	caller->number = (uint16_t)(shared->nr_callers + 1);
	append(DAX_CRASH_CALLER, caller->number, 0, caller->file_off,
	       ((uint64_t)n / 8 + 1) * 8, (const uint8_t *)path);
	shared->nr_callers++; /* now: a process that is killed may leave a number twice */
	return caller->number;
}

/*
 * Log the changed lines of a range. Pages that the image does not have are zero and stay
 * untouched: reading them would make them.
 */
static void look(uint64_t from, uint64_t to)
{
	long fd = sys4(openat, AT_FDCWD, image_path, O_RDONLY | O_CLOEXEC, 0);
	uint64_t data = shared->data;

	while (fd >= 0 && from < to) {
		long start = sys3(lseek, fd, from + data, SEEK_DATA);
		uint64_t end;

		if (start < 0 || (uint64_t)start >= to + data)
			break;
		end = (uint64_t)sys3(lseek, fd, start, SEEK_HOLE) - data;
		from = (uint64_t)start - data;
		dax_crash_log_diff(live, seen, from, end < to ? end : to, emit_store,
				   NULL);
		from = end;
	}
	if (fd >= 0)
		sys1(close, fd);
}

static void compare(uint64_t from, uint64_t to)
{
	if (from < shared->size)
		dax_crash_log_diff(live, seen, from,
				   to < shared->size ? to : shared->size, emit_store,
				   NULL);
}

/* Log the lines of a range that have changed, and its flush. */
static void flush_locked(uint16_t caller, uint32_t thread, uint64_t from, uint64_t to)
{
	uint64_t line = DAX_CRASH_LINE;

	from = from / line * line;
	to = (to + line - 1) / line * line;
	if (to - from > BIG_RANGE)
		look(from, to);
	else
		dax_crash_log_diff(live, seen, from, to, emit_store, NULL);
	append(DAX_CRASH_FLUSH, caller, thread, from, to - from, NULL);
	shared->nr_flushes++;
}

static void fence_locked(uint16_t caller, uint32_t thread)
{
	struct stat st = {0};

	count_mapper();
	if (shared->nr_mappers != 1 || !crash_written_find(compare))
		look(0, shared->size);
	sys4(newfstatat, AT_FDCWD, said_path, &st, 0);
	append(DAX_CRASH_FENCE, caller, thread, (uint64_t)st.st_size, 0, NULL);
	shared->nr_fences++;
}

/**
 * crash_record_flush() - record a flush
 * @addr, @len:	what this thread flushes; ignored unless it is in a device's mapping
 *
 * Keeps errno.
 */
void crash_record_flush(const void *addr, size_t len)
{
	struct crash_caller *caller;
	uint64_t from;
	uint64_t to;

	if (!len || !enter())
		return;
	caller = crash_caller_find();
	lock();
	if (!shared->error && crash_maps_find((uint64_t)addr, len, &from, &to))
		flush_locked(number_locked(caller), number, from, to);
	leave();
}

/**
 * crash_record_flush_now() - record a flush of a line which needs no fence
 * @addr:	in the line; ignored unless it is in a device's mapping
 *
 * It is logged as a flush and a fence of thread 0, which is nobody's: what this thread
 * has flushed otherwise still waits for a fence. Keeps errno.
 */
void crash_record_flush_now(const void *addr)
{
	struct crash_caller *caller;
	uint64_t from;
	uint64_t to;
	uint16_t nr;

	if (!enter())
		return;
	caller = crash_caller_find();
	lock();
	if (!shared->error && crash_maps_find((uint64_t)addr, 1, &from, &to)) {
		nr = number_locked(caller);
		flush_locked(nr, 0, from, to);
		fence_locked(nr, 0);
	}
	leave();
}

/**
 * crash_record_fence() - record a fence of this thread
 *
 * Keeps errno.
 */
void crash_record_fence(void)
{
	struct crash_caller *caller;

	if (!enter())
		return;
	caller = crash_caller_find();
	lock();
	if (!shared->error && crash_maps_are_there())
		fence_locked(number_locked(caller), number);
	leave();
}

/**
 * crash_record_is_by_instructions() - tell what is recorded
 *
 * Return: true: instructions, wherever they are; false: calls of functions by name.
 */
bool crash_record_is_by_instructions(void)
{
	return is_on() && shared->is_by_instructions;
}

/**
 * crash_record_code() - note that the code of this process could not be changed
 * @error:	a negative errno; 0 is ignored
 */
void crash_record_code(int error)
{
	if (error < 0)
		__atomic_store_n(&shared->code_error, -error, __ATOMIC_RELAXED);
}

/**
 * crash_record_written() - record a copy to persistent memory
 * @addr, @len:	the destination
 * @flags:	PMEM_F_MEM_..., which libpmem2 has the same
 */
void crash_record_written(const void *addr, size_t len, unsigned int flags)
{
	if (flags & PMEM_F_MEM_NOFLUSH)
		return;
	crash_record_flush(addr, len);
	if (!(flags & PMEM_F_MEM_NODRAIN))
		crash_record_fence();
}
