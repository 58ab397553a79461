/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of devices in the numbers of /proc/PID/status, statm, stat, smaps and
 * smaps_rollup that tell how much memory a process has touched.
 *
 * The machine's kernel counts pages of the backing store. They are taken out, and what
 * the chosen kernel counts of a device is put in: nothing, or whole units.
 */
#ifndef DAX_RSS_TEXT_H
#define DAX_RSS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "libcore/kernel.h"
#include "libcore/maps_text.h"

/* Bytes of all device mappings of a process, and what else is not the program's. */
struct dax_rss {
	uint64_t shmem; /* of backing stores, as the machine's kernel counts them */
	uint64_t file;
	uint64_t hugetlb;
	uint64_t device; /* as the chosen kernel counts the devices */
	int threads;     /* that the program must not see */
};

/* Differences of the fields of smaps_rollup, in kB. */
#define DAX_ROLLUP_FIELDS 22

struct dax_rollup {
	int64_t kb[DAX_ROLLUP_FIELDS];
};

#define DAX_RSS_STATM_MAX 256
#define DAX_RSS_STAT_MAX  2048

uint64_t dax_rss_in_smaps(enum dax_kernel kernel, uint64_t align, uint64_t touched);
uint64_t dax_rss_in_status(enum dax_kernel kernel, uint64_t touched);

size_t dax_rss_status_line(const struct dax_rss *rss, const char *line, size_t len,
			   char buf[DAX_MAPS_LINE_MAX]);
size_t dax_rss_statm(const struct dax_rss *rss, const char *text,
		     char buf[DAX_RSS_STATM_MAX]);
size_t dax_rss_stat(const struct dax_rss *rss, const char *text, size_t len,
		    char buf[DAX_RSS_STAT_MAX]);

void dax_rss_rollup_add(struct dax_rollup *rollup, const char *line, size_t len,
			int sign);
size_t dax_rss_rollup_line(const struct dax_rollup *rollup, const char *line, size_t len,
			   char buf[DAX_MAPS_LINE_MAX]);

#endif
