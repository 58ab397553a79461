/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of devices in status, statm, stat, smaps and smaps_rollup. */
#include <string.h>

#include "libcore/rss_text.h"
#include "libcore/size.h"

#include "tests/unit/tap.h"

static void is_text(const char *got, size_t len, const char *want)
{
	ok(len == strlen(want) && !memcmp(got, want, len), "'%.*s' is '%s'", (int)len,
	   got, want);
}

static void test_counts(void)
{
	is(dax_rss_in_smaps(DAX_KERNEL_6_1, DAX_PAGE, 4096), 0, "6.1 at 4K");
	is(dax_rss_in_smaps(DAX_KERNEL_6_1, 2 * DAX_MIB, 4096), 4096, "6.1 at 2M");
	is(dax_rss_in_smaps(DAX_KERNEL_6_1, DAX_GIB, 4096), 0, "6.1 at 1G");
	is(dax_rss_in_smaps(DAX_KERNEL_6_12, 2 * DAX_MIB, 4096), 0, "6.12");
	is(dax_rss_in_smaps(DAX_KERNEL_6_18, DAX_PAGE, 4096), 4096, "6.18 at 4K");
	is(dax_rss_in_smaps(DAX_KERNEL_7_3, DAX_GIB, 4096), 0, "7.3 at 1G");
	is(dax_rss_in_status(DAX_KERNEL_6_1, 4096), 0, "the counters of 6.1");
	is(dax_rss_in_status(DAX_KERNEL_7_3, 4096), 4096, "and of 7.3");
}

static void status(const struct dax_rss *rss, const char *line, const char *want)
{
	char buf[DAX_MAPS_LINE_MAX];

	is_text(buf, dax_rss_status_line(rss, line, strlen(line), buf), want);
}

static void test_status(void)
{
	struct dax_rss rss = {.shmem = 8 << 20, .device = 2 << 20};
	char line[DAX_MAPS_LINE_MAX + 1];
	char buf[DAX_MAPS_LINE_MAX];

	status(&rss, "VmRSS:\t   10000 kB\n", "VmRSS:\t    3856 kB\n");
	status(&rss, "VmHWM:\t   10000 kB\n", "VmHWM:\t    3856 kB\n");
	status(&rss, "RssFile:\t    1000 kB\n", "RssFile:\t    3048 kB\n");
	status(&rss, "RssShmem:\t    8200 kB\n", "RssShmem:\t       8 kB\n");
	status(&rss, "RssShmem:\t       4 kB\n", "RssShmem:\t       0 kB\n");
	status(&rss, "RssAnon:\t    1000 kB\n", "RssAnon:\t    1000 kB\n");
	status(&rss, "Name:\tVmRSS: 12 kB\n", "Name:\tVmRSS: 12 kB\n");
	status(&rss, "VmRSS:\n", "VmRSS:\n");
	status(&rss, " kB\n", " kB\n");
	rss = (struct dax_rss){.hugetlb = 4 << 20, .file = 1 << 20};
	status(&rss, "HugetlbPages:\t    4096 kB\n", "HugetlbPages:\t       0 kB\n");
	status(&rss, "RssFile:\t    2000 kB\n", "RssFile:\t     976 kB\n");
	status(&rss, "Threads:\t2\n", "Threads:\t2\n");
	rss.threads = 1;
	status(&rss, "Threads:\t100\n", "Threads:\t99\n");
	status(&rss, "Threads", "Threads");
	memset(line, 'x', sizeof(line));
	is(dax_rss_status_line(&rss, line, sizeof(line), buf), DAX_MAPS_LINE_MAX,
	   "a line that is too long");
	rss = (struct dax_rss){.device = UINT64_C(1) << 50};
	status(&rss, "VmRSS:\t       0 kB\n", "VmRSS:\t1099511627776 kB\n");
}

static void test_statm(void)
{
	const struct dax_rss rss = {.shmem = 8192, .device = 2 << 20};
	char buf[DAX_RSS_STATM_MAX];

	is_text(buf, dax_rss_statm(&rss, "900 465 416 1 0 198 0\n", buf),
		"900 975 926 1 0 198 0\n");
	is_text(buf, dax_rss_statm(&rss, "", buf), "");
}

static void test_stat(void)
{
	static const char text[] =
		"12 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 "
		"17 18 19 20 100 22\n";
	const struct dax_rss rss = {.device = 8192};
	char longer[DAX_RSS_STAT_MAX + 1];
	char buf[DAX_RSS_STAT_MAX];

	is_text(buf, dax_rss_stat(&rss, text, strlen(text), buf),
		"12 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 102 "
		"22\n");
	is_text(buf,
		dax_rss_stat(&(struct dax_rss){.threads = 1}, text, strlen(text), buf),
		"12 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 16 18 19 20 100 "
		"22\n");
	is_text(buf, dax_rss_stat(&rss, "no name 1\n", 10, buf), "no name 1\n");
	memset(longer, ')', sizeof(longer));
	ok(dax_rss_stat(&rss, longer, sizeof(longer), buf) < DAX_RSS_STAT_MAX,
	   "too long");
}

static void test_rollup(void)
{
	struct dax_rollup rollup = {0};
	char buf[DAX_MAPS_LINE_MAX];
	size_t i;
	static const struct {
		int sign;
		const char *line;
	} lines[] = {
		{-1, "Rss:                 100 kB\n"},
		{-1, "Pss:                  50 kB\n"},
		{-1, "VmFlags: rd wr\n"},
		{-1, "ProtectionKey:         0\n"},
		{-1, "AnotherField:          4 kB\n"},
		{1, "Rss:                2048 kB\n"},
		{1, "Pss:                2048 kB\n"},
		{1, "Private_Dirty:      2048 kB\n"},
	};
	static const struct {
		const char *line;
		const char *want;
	} rows[] = {
		{"Rss:                1000 kB\n", "Rss:                2948 kB\n"},
		{"Pss:                1000 kB\n", "Pss:                2998 kB\n"},
		{"Pss_File:              0 kB\n", "Pss_File:           2048 kB\n"},
		{"Pss_Shmem:            50 kB\n", "Pss_Shmem:             0 kB\n"},
		{"Private_Dirty:         1 kB\n", "Private_Dirty:      2049 kB\n"},
		{"Shared_Dirty:          1 kB\n", "Shared_Dirty:          1 kB\n"},
		{"7f00-7fff ---p 00000000 00:00 0  [rollup]\n",
		 "7f00-7fff ---p 00000000 00:00 0  [rollup]\n"},
	};

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		dax_rss_rollup_add(&rollup, lines[i].line, strlen(lines[i].line),
				   lines[i].sign);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_text(buf,
			dax_rss_rollup_line(&rollup, rows[i].line, strlen(rows[i].line),
					    buf),
			rows[i].want);
}

int main(void)
{
	test_counts();
	test_status();
	test_statm();
	test_stat();
	test_rollup();
	return tap_done();
}
