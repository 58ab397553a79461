// SPDX-License-Identifier: BSD-2-Clause
// LIBS: -lpmem2
/*
 * A message in /dev/dax0.0 and a word that announces it, with libpmem2:
 *
 *   crash_pmem2 right|set|nodrain|no-flush
 *   crash_pmem2 check
 */
#include <fcntl.h>
#include <libpmem2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct area {
	uint64_t is_there;
	uint64_t padding[7];
	char message[256];
};

int main(int argc, char **argv)
{
	const char *way = argv[argc - 1];
	int fd = open("/dev/dax0.0", O_RDWR);
	struct pmem2_config *config;
	struct pmem2_source *source;
	struct pmem2_map *map;
	struct area *area;
	char text[256];

	memset(text, 'x', sizeof(text));
	if (fd < 0 || pmem2_config_new(&config) || pmem2_source_from_fd(&source, fd) ||
	    pmem2_config_set_required_store_granularity(config, PMEM2_GRANULARITY_PAGE) ||
	    pmem2_map_new(&map, config, source)) {
		pmem2_perror("pmem2");
		return 2;
	}
	area = pmem2_map_get_address(map);
	if (!strcmp(way, "check")) {
		if (area->is_there && memcmp(area->message, text, sizeof(text)) != 0) {
			printf("there is no message\n");
			return 1;
		}
		return 0;
	}
	if (!strcmp(way, "set"))
		pmem2_get_memset_fn(map)(area->message, 'x', sizeof(text), 0);
	else if (!strcmp(way, "nodrain"))
		pmem2_get_memcpy_fn(map)(area->message, text, sizeof(text),
					 PMEM2_F_MEM_NODRAIN);
	else if (!strcmp(way, "no-flush"))
		pmem2_get_memmove_fn(map)(area->message, text, sizeof(text),
					  PMEM2_F_MEM_NOFLUSH);
	else
		pmem2_get_memmove_fn(map)(area->message, text, sizeof(text), 0);
	area->is_there = 1;
	pmem2_get_flush_fn(map)(&area->is_there, sizeof(area->is_there));
	pmem2_get_drain_fn(map)();
	if (!strcmp(way, "right"))
		pmem2_get_persist_fn(map)(area, sizeof(*area));
	return 0;
}
