/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where this process maps the device, from /proc/self/maps.
 *
 * The shim maps the image's file, so the kernel's list names it; the list is read again
 * after each call that may have changed it. All but the wrappers runs under the lock of
 * record.c.
 */
#include "client/crash/maps.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "client/shim/base/sys.h"
#include "client/crash/compiler.h"

#define MAPS_MAX 256
#define ID_LEN   48

static struct crash_place places[MAPS_MAX];
static int nr_places;
static bool has_had_places;
static bool is_stale = true;
static bool has_changed; /* since crash_maps_have_changed() */

static uint64_t image_addr;
static uint64_t image_data; /* the device's offset in the image */
static uint64_t device_size;
static char image_id[ID_LEN]; /* the file, as "fe:01 4711" */

static void read_line(const char *line)
{
	char *p;
	uint64_t start = strtoull(line, &p, 16);
	uint64_t end = strtoull(p + 1, &p, 16);
	uint64_t off = strtoull(p + 6, &p, 16);
	size_t len = strcspn(++p, " ") + 1;

	len += strcspn(p + len, " \n");
	if (len >= ID_LEN)
		return;
	if (start == image_addr && !image_id[0]) {
		memcpy(image_id, p, len);
		return;
	}
	if (start == image_addr || strlen(image_id) != len ||
	    memcmp(image_id, p, len) != 0 || nr_places == MAPS_MAX || off < image_data)
		return;
	places[nr_places++] =
		(struct crash_place){.start = start, .end = end, .off = off - image_data};
	has_had_places = true;
}

static void read_maps(void)
{
	static char buf[16384];
	long fd = sys4(openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	size_t have = 0;
	long n;

	nr_places = 0;
	while (fd >= 0 && (n = sys3(read, fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf;
		char *nl;

		buf[have + (size_t)n] = '\0';
		while ((nl = strchr(line, '\n'))) {
			read_line(line);
			line = nl + 1;
		}
		have = strlen(line);
		memmove(buf, line, have);
	}
	if (fd >= 0)
		sys1(close, fd);
}

/**
 * crash_maps_init() - tell which file is the device's
 * @image:	a mapping of that file, of this library's own
 * @data:	the device's offset in the file, in bytes
 * @size:	the device's size, in bytes
 */
void crash_maps_init(const void *image, uint64_t data, uint64_t size)
{
	image_addr = (uint64_t)(uintptr_t)image;
	image_data = data;
	device_size = size;
	read_maps();
}

static void update(void)
{
	if (__atomic_exchange_n(&is_stale, false, __ATOMIC_ACQ_REL))
		read_maps();
}

/**
 * crash_maps_find() - find out which part of the device a range of memory is
 * @addr, @len:	the range; what lies behind the end of the mapping is left out
 * @ret_from, @ret_to: receive the part, in bytes
 *
 * Return: false: @addr is not in a mapping of the device.
 */
bool crash_maps_find(uint64_t addr, uint64_t len, uint64_t *ret_from, uint64_t *ret_to)
{
	int i;

	update();
	for (i = 0; i < nr_places; i++) {
		const struct crash_place *p = &places[i];

		if (addr < p->start || addr >= p->end)
			continue;
		*ret_from = p->off + (addr - p->start);
		if (*ret_from >= device_size)
			return false;
		*ret_to = *ret_from + (len < p->end - addr ? len : p->end - addr);
		if (*ret_to > device_size)
			*ret_to = device_size;
		return true;
	}
	return false;
}

/**
 * crash_maps_are_there() - tell whether this process has ever mapped the device
 *
 * Return: true if it has.
 */
bool crash_maps_are_there(void)
{
	update();
	return has_had_places;
}

/**
 * crash_maps_list() - list the mappings of the device
 * @is_fresh:	read the kernel's list again: the shim may have changed mappings
 * @ret:	receives them; they are valid until the next call of a function of this file
 *
 * Return: their number.
 */
int crash_maps_list(bool is_fresh, struct crash_place **ret)
{
	if (is_fresh)
		__atomic_store_n(&is_stale, true, __ATOMIC_RELEASE);
	update();
	*ret = places;
	return nr_places;
}

/* ---- calls that change the list -------------------------------------------- */

#define NEXT(name)                                                                       \
	({                                                                               \
		static void *next_;                                                      \
		if (!next_)                                                              \
			next_ = dlsym(RTLD_NEXT, #name);                                 \
		(__typeof__(&(name)))next_;                                              \
	})

static void (*on_mmap)(void);

/**
 * crash_maps_watch() - call a function after each mmap(2) that may have mapped a device
 * @after:	the function
 */
void crash_maps_watch(void (*after)(void))
{
	__atomic_store_n(&on_mmap, after, __ATOMIC_RELEASE);
}

static void *changed(void *ret)
{
	__atomic_store_n(&is_stale, true, __ATOMIC_RELEASE);
	__atomic_store_n(&has_changed, true, __ATOMIC_RELEASE);
	return ret;
}

/**
 * crash_maps_have_changed() - tell whether mappings may have come or gone
 *
 * Return: true if that is so since the last call, even if the list is the same again.
 */
bool crash_maps_have_changed(void)
{
	return __atomic_exchange_n(&has_changed, false, __ATOMIC_ACQ_REL);
}

static void *mapped(void *ret, int flags, int fd)
{
	void (*after)(void) = __atomic_load_n(&on_mmap, __ATOMIC_ACQUIRE);
	bool is_shared = fd >= 0 && (flags & MAP_SHARED);

	if (ret == MAP_FAILED)
		return ret;
	if (is_shared || (flags & MAP_FIXED))
		changed(NULL);
	if (is_shared && after)
		after();
	return ret;
}

CRASH_EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return mapped(NEXT(mmap)(addr, len, prot, flags, fd, off), flags, fd);
}

CRASH_EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd,
			  off64_t off)
{
	return mapped(NEXT(mmap64)(addr, len, prot, flags, fd, off), flags, fd);
}

CRASH_EXPORT int munmap(void *addr, size_t len)
{
	int r = NEXT(munmap)(addr, len);

	changed(NULL);
	return r;
}

CRASH_EXPORT void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	va_list ap;
	void *to;

	va_start(ap, flags);
	to = va_arg(ap, void *);
	va_end(ap);
	return changed(NEXT(mremap)(addr, old_len, new_len, flags, to));
}
