/* SPDX-License-Identifier: BSD-2-Clause */
/* Print what libpmem2 and libpmem report about a device, one fact per line. */
// LIBS: -lpmem2 -lpmem
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpmem.h>
#include <libpmem2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path = "/dev/dax0.0";

static void say_int(const char *what, int r, uint64_t value)
{
	if (r)
		printf("%s: %d %s\n", what, r, pmem2_errormsg());
	else
		printf("%s: %" PRIu64 "\n", what, value);
}

static void source(int flags, const char *name)
{
	int fd = open(path, flags);
	struct pmem2_source *src = NULL;
	size_t value = 0;
	int r;

	printf("-- source %s\n", name);
	r = pmem2_source_from_fd(&src, fd);
	say_int("pmem2_source_from_fd", r, 0);
	if (r)
		return;
	r = pmem2_source_alignment(src, &value);
	say_int("pmem2_source_alignment", r, value);
	r = pmem2_source_size(src, &value);
	say_int("pmem2_source_size", r, value);
	pmem2_source_delete(&src);
	close(fd);
}

static void identity(void)
{
	int fd = open(path, O_RDWR);
	struct pmem2_source *src;
	struct pmem2_badblock_context *ctx;
	struct pmem2_badblock bb;
	char id[256] = "";
	size_t len = 0;
	uint64_t usc = 0;
	int node = -1;
	int r;

	pmem2_source_from_fd(&src, fd);
	r = pmem2_source_device_id(src, NULL, &len);
	say_int("pmem2_source_device_id length", r, len);
	len = sizeof(id);
	r = pmem2_source_device_id(src, id, &len);
	printf("pmem2_source_device_id: %d '%s'\n", r, id);
	r = pmem2_source_device_usc(src, &usc);
	say_int("pmem2_source_device_usc", r, usc);
	r = pmem2_source_numa_node(src, &node);
	printf("pmem2_source_numa_node: %d %d\n", r, node);
	r = pmem2_badblock_context_new(&ctx, src);
	say_int("pmem2_badblock_context_new", r, 0);
	if (r == 0) {
		r = pmem2_badblock_next(ctx, &bb);
		printf("pmem2_badblock_next: %d\n", r);
		bb = (struct pmem2_badblock){.offset = 0, .length = 4096};
		r = pmem2_badblock_clear(ctx, &bb);
		printf("pmem2_badblock_clear: %d\n", r);
		pmem2_badblock_context_delete(&ctx);
	}
	pmem2_source_delete(&src);
	close(fd);
}

static void map_as(enum pmem2_granularity granularity, enum pmem2_sharing_type sharing,
		   size_t off, size_t len, unsigned int prot)
{
	int fd = open(path, prot & PMEM2_PROT_WRITE ? O_RDWR : O_RDONLY);
	struct pmem2_source *src;
	struct pmem2_config *cfg;
	struct pmem2_map *map;
	char *p;
	int r;

	printf("-- map granularity %d sharing %d offset %zu length %zu prot %u\n",
	       (int)granularity, (int)sharing, off, len, prot);
	pmem2_source_from_fd(&src, fd);
	pmem2_config_new(&cfg);
	say_int("granularity",
		pmem2_config_set_required_store_granularity(cfg, granularity), 0);
	say_int("sharing", pmem2_config_set_sharing(cfg, sharing), 0);
	say_int("offset", pmem2_config_set_offset(cfg, off), 0);
	say_int("length", pmem2_config_set_length(cfg, len), 0);
	say_int("protection", pmem2_config_set_protection(cfg, prot), 0);
	r = pmem2_map_new(&map, cfg, src);
	say_int("pmem2_map_new", r, 0);
	if (r == 0) {
		p = pmem2_map_get_address(map);
		printf("store granularity %d size %zu unaligned %d\n",
		       (int)pmem2_map_get_store_granularity(map), pmem2_map_get_size(map),
		       (int)((uintptr_t)p % 4096));
		if (prot & PMEM2_PROT_WRITE) {
			pmem2_get_memcpy_fn(map)(p + 64, "hello", 6, 0);
			pmem2_get_persist_fn(map)(p, 4096);
			pmem2_get_flush_fn(map)(p, 64);
			pmem2_get_drain_fn(map)();
			r = pmem2_deep_flush(map, p, 4096);
			say_int("pmem2_deep_flush", r, 0);
		}
		printf("loaded '%s'\n", p + 64);
		say_int("pmem2_map_delete", pmem2_map_delete(&map), 0);
	}
	pmem2_config_delete(&cfg);
	pmem2_source_delete(&src);
	close(fd);
}

static void map_file(const char *what, size_t len, int flags)
{
	size_t mapped = 0;
	int is_pmem = -1;
	char *p;
	int r;

	errno = 0;
	p = pmem_map_file(path, len, flags, 0600, &mapped, &is_pmem);
	if (!p) {
		printf("pmem_map_file %s: %s: %s\n", what, strerror(errno),
		       pmem_errormsg());
		return;
	}
	printf("pmem_map_file %s: %zu is_pmem %d %d\n", what, mapped, is_pmem,
	       pmem_is_pmem(p, 4096));
	pmem_memcpy_persist(p + 128, "world", 6);
	pmem_persist(p, 64);
	errno = 0;
	r = pmem_msync(p, 64);
	printf("pmem_msync: %d %s\n", r, strerror(errno));
	errno = 0;
	r = pmem_deep_persist(p, 64);
	printf("pmem_deep_persist: %d %s\n", r, strerror(errno));
	printf("pmem_unmap: %d\n", pmem_unmap(p, mapped));
}

int main(int argc, char **argv)
{
	struct stat st;
	char link[64];
	char target[256];
	ssize_t n;

	if (argc > 1)
		path = argv[1];
	if (stat(path, &st) < 0) {
		perror(path);
		return 1;
	}
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/subsystem",
		 (unsigned int)(st.st_rdev >> 8), (unsigned int)(st.st_rdev & 0xff));
	n = readlink(link, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	printf("subsystem %s\n", target);
	source(O_RDWR, "rdwr");
	source(O_RDONLY, "rdonly");
	source(O_WRONLY, "wronly");
	identity();
	map_as(PMEM2_GRANULARITY_BYTE, PMEM2_SHARED, 0, 0,
	       PMEM2_PROT_READ | PMEM2_PROT_WRITE);
	map_as(PMEM2_GRANULARITY_CACHE_LINE, PMEM2_SHARED, 0, 0,
	       PMEM2_PROT_READ | PMEM2_PROT_WRITE);
	map_as(PMEM2_GRANULARITY_PAGE, PMEM2_SHARED, 0, 0,
	       PMEM2_PROT_READ | PMEM2_PROT_WRITE);
	map_as(PMEM2_GRANULARITY_PAGE, PMEM2_SHARED, 2 << 20, 4 << 20,
	       PMEM2_PROT_READ | PMEM2_PROT_WRITE);
	map_as(PMEM2_GRANULARITY_PAGE, PMEM2_SHARED, 4096, 4 << 20, PMEM2_PROT_READ);
	map_as(PMEM2_GRANULARITY_PAGE, PMEM2_SHARED, 0, 4096, PMEM2_PROT_READ);
	map_as(PMEM2_GRANULARITY_PAGE, PMEM2_PRIVATE, 0, 0, PMEM2_PROT_READ);
	map_as(PMEM2_GRANULARITY_PAGE, PMEM2_SHARED, 1UL << 40, 0, PMEM2_PROT_READ);
	map_file("0", 0, 0);
	map_file("0 create", 0, PMEM_FILE_CREATE);
	map_file("4096", 4096, 0);
	map_file("4096 create", 4096, PMEM_FILE_CREATE);
	map_file("exclusive", 0, PMEM_FILE_CREATE | PMEM_FILE_EXCL);
	map_file("tmpfile", 1 << 21, PMEM_FILE_CREATE | PMEM_FILE_TMPFILE);
	map_file("sparse", 0, PMEM_FILE_CREATE | PMEM_FILE_SPARSE);
	return 0;
}
