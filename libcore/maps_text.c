/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of device-dax in the text of /proc/PID/maps, smaps and numa_maps. */
#include "libcore/maps_text.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "libcore/size.h"
#include "libcore/vmas.h"

/* Column of the name: seq_setwidth() in show_vma_header_prefix(). */
#define NAME_COLUMN 73

struct text {
	char *buf;
	size_t len;
};

static void add_char(struct text *t, char c)
{
	if (t->len < DAX_MAPS_LINE_MAX - 1)
		t->buf[t->len++] = c;
}

static void add_string(struct text *t, const char *s)
{
	while (*s)
		add_char(t, *s++);
}

/* Append a number of at least @width characters, padded with @fill. */
static void add_number(struct text *t, uint64_t n, unsigned int base, int width,
		       char fill)
{
	char digits[20];
	int i = 0;

	do {
		digits[i++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	for (; width > i; width--)
		add_char(t, fill);
	while (i)
		add_char(t, digits[--i]);
}

static void add_path(struct text *t, const struct dax_maps_node *node)
{
	add_string(t, "/dev/");
	add_string(t, node->name);
	if (node->is_gone)
		add_string(t, " (deleted)");
}

/**
 * dax_maps_path() - format the path that the kernel shows for a mapping
 * @node:	its node
 * @buf:	receives the path, terminated
 *
 * Return: the path's length.
 */
size_t dax_maps_path(const struct dax_maps_node *node, char buf[DAX_MAPS_LINE_MAX])
{
	struct text t = {.buf = buf};

	add_path(&t, node);
	buf[t.len] = '\0';
	return t.len;
}

/**
 * dax_maps_line() - format a line of /proc/PID/maps, or the first of a block in smaps
 * @vma:	the mapping
 * @node:	its node
 * @buf:	receives the line, newline included; not terminated
 *
 * fs/proc/task_mmu.c: show_map_vma().
 *
 * Return: the line's length.
 */
size_t dax_maps_line(const struct dax_vma *vma, const struct dax_maps_node *node,
		     char buf[DAX_MAPS_LINE_MAX])
{
	struct text t = {.buf = buf};

	add_number(&t, vma->start, 16, 8, '0');
	add_char(&t, '-');
	add_number(&t, vma->end, 16, 8, '0');
	add_char(&t, ' ');
	add_char(&t, vma->flags & DAX_VMA_READ ? 'r' : '-');
	add_char(&t, vma->flags & DAX_VMA_WRITE ? 'w' : '-');
	add_char(&t, vma->flags & DAX_VMA_EXEC ? 'x' : '-');
	add_string(&t, "s ");
	add_number(&t, vma->off, 16, 8, '0');
	add_char(&t, ' ');
	add_number(&t, major(node->dev), 16, 2, '0');
	add_char(&t, ':');
	add_number(&t, minor(node->dev), 16, 2, '0');
	add_char(&t, ' ');
	add_number(&t, node->ino, 10, 1, ' ');
	add_char(&t, ' ');
	while (t.len < NAME_COLUMN)
		add_char(&t, ' ');
	add_path(&t, node);
	add_char(&t, '\n');
	return t.len;
}

/* Append the VmFlags in the order of their bits (show_smap_vma_flags()). */
static void add_flags(struct text *t, const struct dax_vma *vma)
{
	static const struct {
		uint32_t flag; /* 0: always */
		const char *name;
	} names[] = {
		{DAX_VMA_READ, "rd"},
		{DAX_VMA_WRITE, "wr"},
		{DAX_VMA_EXEC, "ex"},
		{DAX_VMA_MAYWRITE, "sh"},
		{0, "mr"},
		{DAX_VMA_MAYWRITE, "mw"},
		{0, "me"},
		{0, "ms"},
		{DAX_VMA_SEQUENTIAL, "sr"},
		{DAX_VMA_RANDOM, "rr"},
		{DAX_VMA_DONTFORK, "dc"},
		{DAX_VMA_NORESERVE, "nr"},
		{DAX_VMA_SYNC, "sf"},
		{DAX_VMA_DONTDUMP, "dd"},
		{0, "sd"},
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!names[i].flag || vma->flags & names[i].flag) {
			add_string(t, names[i].name);
			add_char(t, ' ');
		}
	}
	/* drivers/dax/device.c: dax_mmap() sets VM_HUGEPAGE, madvise may change it */
	if (!(vma->flags & DAX_VMA_NOHUGEPAGE))
		add_string(t, "hg ");
	if (vma->flags & DAX_VMA_NO_HUGE)
		add_string(t, "nh ");
	if (vma->flags & DAX_VMA_SEALED)
		add_string(t, "sl ");
}

/**
 * dax_maps_is_key() - true for the line "KEY: ..." of smaps, smaps_rollup or status
 * @line:	the line, which need not be terminated
 * @len:	its length
 * @key:	the key, without the colon
 */
bool dax_maps_is_key(const char *line, size_t len, const char *key)
{
	size_t n = strlen(key);

	return len > n && !memcmp(line, key, n) && line[n] == ':';
}

/**
 * dax_maps_copy_line() - copy a line that stays as it is
 * @line:	the line, which need not be terminated
 * @len:	its length
 * @buf:	receives the line, or as much of it as has room; not terminated
 *
 * Return: the bytes in @buf.
 */
size_t dax_maps_copy_line(const char *line, size_t len, char buf[DAX_MAPS_LINE_MAX])
{
	if (len > DAX_MAPS_LINE_MAX)
		len = DAX_MAPS_LINE_MAX;
	memcpy(buf, line, len);
	return len;
}

/* True for the line of a field that counts touched memory of a device. */
static bool is_counted(const char *line, size_t len)
{
	static const char *const keys[] = {"Rss", "Pss", "Pss_Dirty", "Private_Dirty",
					   "Referenced"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (dax_maps_is_key(line, len, keys[i]))
			return true;
	return false;
}

/**
 * dax_smaps_line() - turn a line of a block in /proc/PID/smaps into that of device-dax
 * @vma:	the mapping
 * @counted:	bytes of it that count as touched: dax_rss_in_smaps()
 * @line:	the same line of the backing store's block, with its newline
 * @len:	its length
 * @buf:	receives the line; not terminated
 *
 * The pages of a device have the size of its align. Those that count are private and
 * dirty (fs/proc/task_mmu.c: smaps_account()).
 *
 * Return: the line's length.
 */
size_t dax_smaps_line(const struct dax_vma *vma, uint64_t counted, const char *line,
		      size_t len, char buf[DAX_MAPS_LINE_MAX])
{
	const char *colon = memchr(line, ':', len);
	struct text t = {.buf = buf};
	uint64_t kb = 0;

	if (dax_maps_is_key(line, len, "VmFlags")) {
		add_string(&t, "VmFlags: ");
		add_flags(&t, vma);
		add_char(&t, '\n');
		return t.len;
	}
	/* The backing store may be; device-dax is not (mm/huge_memory.c). */
	if (dax_maps_is_key(line, len, "THPeligible")) {
		add_string(&t, "THPeligible:           0\n");
		return t.len;
	}
	if (!colon || len < 4 || memcmp(line + len - 4, " kB\n", 4))
		return dax_maps_copy_line(line, len, buf);
	if (dax_maps_is_key(line, len, "Size"))
		kb = (vma->end - vma->start) / DAX_KIB;
	else if (dax_maps_is_key(line, len, "KernelPageSize") ||
		 dax_maps_is_key(line, len, "MMUPageSize"))
		kb = vma->align / DAX_KIB;
	else if (is_counted(line, len))
		kb = counted / DAX_KIB;
	/* "Size:               2048 kB": key and number take 24 columns */
	while (line <= colon && t.len < 24)
		add_char(&t, *line++);
	add_number(&t, kb, 10, 24 - (int)t.len, ' ');
	add_string(&t, " kB\n");
	return t.len;
}

/**
 * dax_numa_maps_line() - format a line of /proc/PID/numa_maps
 * @vma:	the mapping
 * @node:	its node
 * @buf:	receives the line, newline included; not terminated
 *
 * The pages of a device are counted at no node (fs/proc/task_mmu.c: show_numa_map()).
 *
 * Return: the line's length.
 */
size_t dax_numa_maps_line(const struct dax_vma *vma, const struct dax_maps_node *node,
			  char buf[DAX_MAPS_LINE_MAX])
{
	struct text t = {.buf = buf};

	add_number(&t, vma->start, 16, 8, '0');
	add_string(&t, " default file=");
	add_path(&t, node);
	add_char(&t, '\n');
	return t.len;
}
