/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings as /proc/pid/maps shows them, with lines taken from real files. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "libcore/maps_text.h"
#include "libcore/procmap.h"
#include "libcore/size.h"
#include "libcore/vmas.h"

#include "tests/unit/tap.h"

static const struct dax_vma rw = {
	.start = 0x7f5a40000000,
	.end = 0x7f5a40200000,
	.off = 0x200000,
	.align = 2 * DAX_MIB,
	.flags = DAX_VMA_READ | DAX_VMA_WRITE | DAX_VMA_MAYWRITE,
};

static struct dax_maps_node node(void)
{
	return (struct dax_maps_node){.name = "dax0.0", .dev = makedev(0, 5), .ino = 263};
}

static void is_text(const char *got, size_t len, const char *want, const char *what)
{
	if (!ok(len == strlen(want) && !memcmp(got, want, len), "%s", what))
		printf("# got %.*s# want %s", (int)len, got, want);
}

static void test_maps(void)
{
	struct dax_maps_node n = node();
	char buf[DAX_MAPS_LINE_MAX];
	struct dax_vma vma = rw;
	char name[300];

	is_text(buf, dax_maps_line(&vma, &n, buf),
		"7f5a40000000-7f5a40200000 rw-s 00200000 00:05 263                       "
		" "
		"/dev/dax0.0\n",
		"a mapping");
	vma.flags = DAX_VMA_READ | DAX_VMA_EXEC;
	n.is_gone = true;
	n.dev = makedev(259, 0x12);
	is_text(buf, dax_maps_line(&vma, &n, buf),
		"7f5a40000000-7f5a40200000 r-xs 00200000 103:12 263                      "
		" "
		"/dev/dax0.0 (deleted)\n",
		"of a device that is gone, on another file system");
	vma.start = 0x10000;
	vma.end = 0x210000;
	vma.flags = 0;
	vma.off = UINT64_C(1) << 62;
	n.ino = UINT64_MAX;
	is_text(buf, dax_maps_line(&vma, &n, buf),
		"00010000-00210000 ---s 4000000000000000 103:12 18446744073709551615     "
		" "
		"/dev/dax0.0 (deleted)\n",
		"numbers are as wide as they have to be, 8 digits at least");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	n.name = name;
	is(dax_maps_line(&vma, &n, buf), DAX_MAPS_LINE_MAX - 1,
	   "what is too long is cut");
}

static void smaps(const struct dax_vma *vma, const char *line, const char *want)
{
	char buf[DAX_MAPS_LINE_MAX];
	char what[64];

	snprintf(what, sizeof(what), "%.30s", want);
	is_text(buf, dax_smaps_line(vma, 0, line, strlen(line), buf), want, what);
}

static void test_smaps(void)
{
	char longest[400];
	char buf[DAX_MAPS_LINE_MAX];
	struct dax_vma vma = rw;

	smaps(&vma, "Size:               1024 kB\n", "Size:               2048 kB\n");
	smaps(&vma, "KernelPageSize:        4 kB\n", "KernelPageSize:     2048 kB\n");
	smaps(&vma, "MMUPageSize:           4 kB\n", "MMUPageSize:        2048 kB\n");
	smaps(&vma, "Rss:                 512 kB\n", "Rss:                   0 kB\n");
	smaps(&vma, "Private_Dirty:       512 kB\n", "Private_Dirty:         0 kB\n");
	smaps(&vma, "THPeligible:           1\n", "THPeligible:           0\n");
	smaps(&vma, "kB\n", "kB\n");
	smaps(&vma, "nothing that is known\n", "nothing that is known\n");
	smaps(&vma, "Sizes:                 4 kB\n", "Sizes:                 0 kB\n");
	smaps(&vma, "VmFlags: rd wr sh mr mw me ms sd \n",
	      "VmFlags: rd wr sh mr mw me ms sd hg \n");
	vma.flags = DAX_VMA_READ;
	smaps(&vma, "VmFlags: \n", "VmFlags: rd mr me ms sd hg \n");
	vma.flags = ~0U;
	smaps(&vma, "VmFlags: \n",
	      "VmFlags: rd wr ex sh mr mw me ms sr rr dc nr sf dd sd nh sl \n");
	vma.align = DAX_GIB;
	smaps(&vma, "KernelPageSize:        4 kB\n", "KernelPageSize:  1048576 kB\n");
	vma.end = vma.start + (UINT64_C(1) << 46);
	smaps(&vma, "Size:                  4 kB\n", "Size:        68719476736 kB\n");

	memset(longest, 'x', sizeof(longest));
	is(dax_smaps_line(&vma, 0, longest, sizeof(longest), buf), DAX_MAPS_LINE_MAX,
	   "a line that is too long is cut");
	memcpy(longest + 100, ": 4 kB\n", 7);
	is_text(buf, dax_smaps_line(&vma, 0, longest, 107, buf),
		"xxxxxxxxxxxxxxxxxxxxxxxx0 kB\n", "a key that is too long, too");
}

static void test_numa_maps(void)
{
	struct dax_maps_node n = node();
	char buf[DAX_MAPS_LINE_MAX];

	is_text(buf, dax_numa_maps_line(&rw, &n, buf),
		"7f5a40000000 default file=/dev/dax0.0\n", "numa_maps");
}

static void test_procmap(void)
{
	struct dax_maps_node n = node();
	char name[DAX_MAPS_LINE_MAX];
	struct dax_procmap q = {.query_addr = 1, .name_size = 12, .build_id_size = 20};
	struct dax_vma vma = rw;

	n.dev = makedev(259, 5);
	is(dax_procmap_answer(&vma, &n, &q, name), 0, "an answer");
	ok(q.start == vma.start && q.end == vma.end && q.off == vma.off,
	   "it has the mapping's addresses");
	ok(q.page_size == vma.align && q.ino == 263 && q.dev_major == 259 &&
		   q.dev_minor == 5,
	   "its page size and node");
	is(q.flags, DAX_PROCMAP_READABLE | DAX_PROCMAP_WRITABLE | DAX_PROCMAP_SHARED,
	   "its rights");
	ok(q.name_size == 12 && !strcmp(name, "/dev/dax0.0") && !q.build_id_size &&
		   q.query_addr == 1,
	   "its name, and no build ID");
	q.name_size = 11;
	is(dax_procmap_answer(&vma, &n, &q, name), -ENAMETOOLONG, "no room for the name");
	vma.flags = DAX_VMA_EXEC;
	q.name_size = 0;
	is(dax_procmap_answer(&vma, &n, &q, name), 0, "an answer without a name");
	is(q.flags, DAX_PROCMAP_EXECUTABLE | DAX_PROCMAP_SHARED, "other rights");
	is(q.name_size, 0, "none was asked for");
}

int main(void)
{
	test_maps();
	test_procmap();
	test_smaps();
	test_numa_maps();
	return tap_done();
}
