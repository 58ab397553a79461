/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of devices in the numbers that tell how much memory a process has touched. */
#include "libcore/rss_text.h"

#include <stdbool.h>
#include <string.h>

#include "libcore/size.h"

/* Digits are written from the end of this many bytes. */
#define DIGITS 20

/**
 * dax_rss_in_smaps() - tell how much of a mapping its block in smaps counts
 * @kernel:	whose count
 * @align:	align of the device
 * @touched:	bytes of the units that were touched
 *
 * No kernel counts PUD entries there (fs/proc/task_mmu.c: smaps_pte_range()).
 *
 * Return: bytes.
 */
uint64_t dax_rss_in_smaps(enum dax_kernel kernel, uint64_t align, uint64_t touched)
{
	if (align >= DAX_GIB)
		return 0;
	if (dax_kernel_has(kernel, DAX_RULE_COUNTS_UNITS) ||
	    (align > DAX_PAGE && dax_kernel_has(kernel, DAX_RULE_COUNTS_PMD)))
		return touched;
	return 0;
}

/**
 * dax_rss_in_status() - tell how much of a device the counters of the process count
 * @kernel:	whose count
 * @touched:	bytes of the units that were touched, of any align
 *
 * Return: bytes, of pages of files (mm/memory.c: insert_page_into_pte_locked();
 * mm/huge_memory.c: insert_pmd(), insert_pud()).
 */
uint64_t dax_rss_in_status(enum dax_kernel kernel, uint64_t touched)
{
	return dax_kernel_has(kernel, DAX_RULE_COUNTS_UNITS) ? touched : 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Write a number at the end of a field of @width characters. Return: its length. */
static size_t put_number(char *to, size_t width, uint64_t n)
{
	char digits[DIGITS];
	size_t i = DIGITS;
	size_t pad;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	pad = width > DIGITS - i ? width - (DIGITS - i) : 0;
	memset(to, ' ', pad);
	memcpy(to + pad, digits + i, DIGITS - i);
	return pad + DIGITS - i;
}

/* Add to a count, which stays at 0 if it would be less. */
static uint64_t add(uint64_t n, int64_t more)
{
	return more < 0 && (uint64_t)-more > n ? 0 : n + (uint64_t)more;
}

static int64_t kb(uint64_t bytes)
{
	return (int64_t)(bytes / DAX_KIB);
}

/* Touched memory that the chosen kernel counts, less that of the machine's own. */
static int64_t counted_kb(const struct dax_rss *rss)
{
	return kb(rss->device) - kb(rss->shmem) - kb(rss->file);
}

static int64_t counted_pages(const struct dax_rss *rss)
{
	return counted_kb(rss) * (int64_t)DAX_KIB / (int64_t)DAX_PAGE;
}

/*
 * The same without " kB". "Threads:\t2\n" (fs/proc/array.c: task_sig()) becomes the count
 * less @threads. Return: the line's length; 0: it is another line.
 */
static size_t change_threads(int threads, const char *line, size_t len,
			     char buf[DAX_MAPS_LINE_MAX])
{
	static const char key[] = "Threads:\t";
	const size_t at = sizeof(key) - 1;
	uint64_t n = 0;
	size_t i;

	if (len < at || memcmp(line, key, at))
		return 0;
	for (i = at; i < len && is_digit(line[i]); i++)
		n = n * 10 + (uint64_t)(line[i] - '0');
	memcpy(buf, key, at);
	i = at + put_number(buf + at, 0, add(n, -threads));
	buf[i] = '\n';
	return i + 1;
}

/* Find the number in "Key:   12 kB\n". Return: where it begins; 0: there is none. */
static size_t find_number(const char *line, size_t len, uint64_t *ret)
{
	size_t at = 0;
	size_t i;

	if (len < 5 || len > DAX_MAPS_LINE_MAX - DIGITS ||
	    memcmp(line + len - 4, " kB\n", 4))
		return 0;
	while (at < len && !is_digit(line[at]))
		at++;
	for (i = at, *ret = 0; i < len && is_digit(line[i]); i++)
		*ret = *ret * 10 + (uint64_t)(line[i] - '0');
	return i == len - 4 && at ? at : 0;
}

/* Write a line anew with another number; the blanks before it are part of its field. */
static size_t change_line(const char *line, size_t at, uint64_t n, char *buf)
{
	size_t key = (size_t)((const char *)memchr(line, ':', at) - line) + 1;
	size_t width = at - key;
	size_t i = at;

	while (is_digit(line[i]))
		i++;
	width += i - at;
	if (line[key] == '\t') { /* status has a tab before the field */
		key++;
		width--;
	}
	memcpy(buf, line, key);
	at = key + put_number(buf + key, width, n);
	memcpy(buf + at, " kB\n", 4);
	return at + 4;
}

/**
 * dax_rss_status_line() - turn a line of /proc/PID/status into that of the chosen kernel
 * @rss:	the process's memory of devices
 * @line:	the line, with its newline
 * @len:	its length
 * @buf:	receives the line; not terminated
 *
 * fs/proc/task_mmu.c: task_mem().
 *
 * Return: the line's length.
 */
size_t dax_rss_status_line(const struct dax_rss *rss, const char *line, size_t len,
			   char buf[DAX_MAPS_LINE_MAX])
{
	const int64_t all = counted_kb(rss);
	uint64_t n = 0;
	size_t at = find_number(line, len, &n);
	int64_t more;

	if (!at) {
		at = change_threads(rss->threads, line, len, buf);
		return at ? at : dax_maps_copy_line(line, len, buf);
	}
	if (dax_maps_is_key(line, len, "VmRSS") || dax_maps_is_key(line, len, "VmHWM"))
		more = all;
	else if (dax_maps_is_key(line, len, "RssFile"))
		more = kb(rss->device) - kb(rss->file);
	else if (dax_maps_is_key(line, len, "RssShmem"))
		more = -kb(rss->shmem);
	else if (dax_maps_is_key(line, len, "HugetlbPages"))
		more = -kb(rss->hugetlb);
	else
		return dax_maps_copy_line(line, len, buf);
	return change_line(line, at, add(n, more), buf);
}

/* Copy a text of numbers with blanks, and add to some of them. @more: in pages. */
static size_t change_numbers(const char *text, size_t len, const int *which,
			     const int64_t *more, int nr, char *buf, size_t max)
{
	size_t out = 0;
	int field = 0;
	int k = 0;
	size_t i;

	for (i = 0; i < len && out + DIGITS < max; i++) {
		uint64_t n = 0;

		if (k == nr || field != which[k] || !is_digit(text[i])) {
			field += text[i] == ' ';
			buf[out++] = text[i];
			continue;
		}
		for (; i < len && is_digit(text[i]); i++)
			n = n * 10 + (uint64_t)(text[i] - '0');
		i--;
		out += put_number(buf + out, 0, add(n, more[k++]));
	}
	return out;
}

/**
 * dax_rss_statm() - turn /proc/PID/statm into that of the chosen kernel
 * @rss:	the process's memory of devices
 * @text:	the file, terminated
 * @buf:	receives the text; not terminated
 *
 * "size resident shared text lib data dt" (fs/proc/task_mmu.c: task_statm()).
 *
 * Return: the text's length.
 */
size_t dax_rss_statm(const struct dax_rss *rss, const char *text,
		     char buf[DAX_RSS_STATM_MAX])
{
	static const int which[] = {1, 2};
	const int64_t pages = counted_pages(rss);
	const int64_t more[] = {pages, pages};

	return change_numbers(text, strlen(text), which, more, 2, buf, DAX_RSS_STATM_MAX);
}

/**
 * dax_rss_stat() - turn /proc/PID/stat into that of the chosen kernel
 * @rss:	the process's memory of devices
 * @text:	the file
 * @len:	its length
 * @buf:	receives the text; not terminated
 *
 * `num_threads` and `rss` are the 18th and 22nd fields behind the name, which may contain
 * blanks and parentheses
 * (fs/proc/array.c: do_task_stat()).
 *
 * Return: the text's length.
 */
size_t dax_rss_stat(const struct dax_rss *rss, const char *text, size_t len,
		    char buf[DAX_RSS_STAT_MAX])
{
	static const int which[] = {18, 22};
	const int64_t more[] = {-rss->threads, counted_pages(rss)};
	size_t name = len;

	if (len > DAX_RSS_STAT_MAX - 2 * DIGITS)
		len = DAX_RSS_STAT_MAX - 2 * DIGITS;
	while (name && text[name - 1] != ')')
		name--;
	if (name > len)
		name = len;
	memcpy(buf, text, name);
	return name + change_numbers(text + name, len - name, which, more, 2, buf + name,
				     DAX_RSS_STAT_MAX - name);
}

/* The fields of smaps that smaps_rollup sums up. */
static const char *const rollup_fields[DAX_ROLLUP_FIELDS] = {
	"Rss",
	"Pss",
	"Pss_Dirty",
	"Pss_Anon",
	"Pss_File",
	"Pss_Shmem",
	"Shared_Clean",
	"Shared_Dirty",
	"Private_Clean",
	"Private_Dirty",
	"Referenced",
	"Anonymous",
	"KSM",
	"LazyFree",
	"AnonHugePages",
	"ShmemPmdMapped",
	"FilePmdMapped",
	"Shared_Hugetlb",
	"Private_Hugetlb",
	"Swap",
	"SwapPss",
	"Locked",
};

static int rollup_field(const char *line, size_t len)
{
	int i;

	for (i = 0; i < DAX_ROLLUP_FIELDS; i++)
		if (dax_maps_is_key(line, len, rollup_fields[i]))
			return i;
	return -1;
}

/**
 * dax_rss_rollup_add() - note a line of smaps that smaps_rollup must count or not
 * @rollup:	the differences; zeroed at first
 * @line:	the line, with its newline
 * @len:	its length
 * @sign:	1: it counts for the chosen kernel, as a file's; -1: the machine's kernel
 *		has counted it, as shmem
 */
void dax_rss_rollup_add(struct dax_rollup *rollup, const char *line, size_t len, int sign)
{
	uint64_t n = 0;
	int field;

	if (!find_number(line, len, &n))
		return;
	field = rollup_field(line, len);
	if (field < 0)
		return;
	rollup->kb[field] += sign * (int64_t)n;
	if (!strcmp(rollup_fields[field], "Pss")) {
		const char *kind = sign > 0 ? "Pss_File:" : "Pss_Shmem:";

		rollup->kb[rollup_field(kind, strlen(kind))] += sign * (int64_t)n;
	}
}

/**
 * dax_rss_rollup_line() - turn a line of /proc/PID/smaps_rollup into the chosen kernel's
 * @rollup:	from dax_rss_rollup_add()
 * @line:	the line, with its newline
 * @len:	its length
 * @buf:	receives the line; not terminated
 *
 * Return: the line's length.
 */
size_t dax_rss_rollup_line(const struct dax_rollup *rollup, const char *line, size_t len,
			   char buf[DAX_MAPS_LINE_MAX])
{
	uint64_t n = 0;
	size_t at = find_number(line, len, &n);
	int field = at ? rollup_field(line, len) : -1;

	if (field < 0)
		return dax_maps_copy_line(line, len, buf);
	return change_line(line, at, add(n, rollup->kb[field]), buf);
}
