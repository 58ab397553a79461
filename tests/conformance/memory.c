// SPDX-License-Identifier: BSD-2-Clause
/* msync.*, mlock.*, mincore.*, numa.*: other calls on mapped memory. */
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sys/resource.h>

#include "tests/conformance/call.h"

static void msync_case(const long *arg)
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, 2 * A, PROT_READ | PROT_WRITE, 0);
	char *ro = map(fd, A, PROT_READ, 0);
	char *rdonly = map(dev_open(O_RDONLY), A, PROT_READ, 0);
	char *beyond = map(fd, A, PROT_READ | PROT_WRITE, S);

	put(p, 0xb1);
	label("whole"), say_ok(c_msync(p, 2 * A, arg[0]));
	label("unit"), say_ok(c_msync(p, A, arg[0]));
	label("page"), say_ok(c_msync(p + 2 * A - P, P, arg[0]));
	label("byte"), say_ok(c_msync(p, 1, arg[0]));
	label("empty"), say_ok(c_msync(p, 0, arg[0]));
	label("odd"), say_ok(c_msync(p + 1, A, arg[0]));
	label("read-only"), say_ok(c_msync(ro, A, arg[0]));
	label("rdonly-fd"), say_ok(c_msync(rdonly, A, arg[0]));
	label("beyond"), say_ok(c_msync(beyond, A, arg[0]));
	say_load(p);
}

static void msync_hole_case(const long *arg)
{
	char *at =
		map_at(area(3 * A), dev_open(O_RDWR), 3 * A, PROT_READ | PROT_WRITE, 0);

	must(c_munmap(at + A, A) == 0);
	label("over-hole"), say_ok(c_msync(at, 3 * A, arg[0]));
	label("in-hole"), say_ok(c_msync(at + A, A, arg[0]));
	label("overflow"), say_ok(c_msync(at, -A, arg[0]));
}

MATRIX
{
	static const struct {
		const char *name;
		int flags;
	} list[] = {{"none", 0},
		    {"async", MS_ASYNC},
		    {"sync", MS_SYNC},
		    {"invalidate", MS_INVALIDATE},
		    {"sync_invalidate", MS_SYNC | MS_INVALIDATE},
		    {"async_invalidate", MS_ASYNC | MS_INVALIDATE},
		    {"both", MS_SYNC | MS_ASYNC},
		    {"unknown", 0x100}};
	size_t i;

	for (i = 0; i < COUNT(list); i++) {
		case_make(msync_case, ARGS(list[i].flags), "msync.%s", list[i].name);
		case_make(msync_hole_case, ARGS(list[i].flags), "msync.hole.%s",
			  list[i].name);
	}
}

CASE("msync.locked_invalidate")
{
	char *p = map_units(1);

	if (c_mlock(p, A) < 0)
		skip("mlock not permitted");
	say_ok(c_msync(p, A, MS_INVALIDATE));
	say_ok(c_msync(p, A, MS_ASYNC | MS_INVALIDATE));
}

static void lock_case(const long *arg)
{
	static const struct {
		const char *name;
		int units, pages, len_units, len_pages;
	} part[] = {{"whole", 0, 0, 3, 0},
		    {"unit", 1, 0, 1, 0},
		    {"page", 0, 1, 0, 1},
		    {"page-at-unit", 1, 0, 0, 1},
		    {"across", 1, -1, 0, 2}};
	char *at =
		map_at(area(3 * A), dev_open(O_RDWR), 3 * A, PROT_READ | PROT_WRITE, 0);
	size_t i;

	for (i = 0; i < COUNT(part); i++) {
		char *p = at + part[i].units * (off_t)A + part[i].pages * (off_t)P;
		size_t len = part[i].len_units * A + part[i].len_pages * P;

		label("%s", part[i].name);
		say_ok(arg[0] == 0   ? c_mlock(p, len)
		       : arg[0] == 1 ? c_mlock2(p, len, 0)
		       : arg[0] == 2 ? c_mlock2(p, len, MLOCK_ONFAULT)
				     : c_munlock(p, len));
	}
	say_layout(at, 3 * A);
}

MATRIX
{
	case_make(lock_case, ARGS(0), "mlock.mlock");
	case_make(lock_case, ARGS(1), "mlock.mlock2");
	case_make(lock_case, ARGS(2), "mlock.onfault");
	case_make(lock_case, ARGS(3), "mlock.munlock");
}

CASE("mlock.where_nothing_is")
{
	int fd = dev_open(O_RDWR);
	char *at = map_at(area(2 * A), fd, A, PROT_READ | PROT_WRITE, 0);
	struct rlimit lim;

	getrlimit(RLIMIT_MEMLOCK, &lim);
	if (!t.root && A > lim.rlim_cur)
		skip("the limit answers first");
	munmap(at + A, A);
	label("beyond"), say_ok(c_mlock(map(fd, A, PROT_READ, S), A));
	label("none"), say_ok(c_mlock(map(fd, A, PROT_NONE, 0), A));
	label("hole"), say_ok(c_mlock(at, 2 * A));
	label("overflow"), say_ok(c_mlock(at, -A));
	label("flags"), say_ok(c_mlock2(at, A, 0x100));
	label("munlock-hole"), say_ok(c_munlock(at, 2 * A));
}

CASE("mlock.beyond_is_counted_nowhere")
{
	char text[64];
	char *p = map_units(1);

	if (c_mlock(p, A) < 0)
		skip("mlock not permitted");
	smaps_field(p, "Locked", text, sizeof(text));
	label("Locked"), say("%s", text);
	smaps_field(p, "VmFlags", text, sizeof(text));
	label("VmFlags"), say("[%s]", text);
}

CASE("mlock.limit")
{
	struct rlimit lim = {0, 0};
	char *p = map_units(1);

	label("64K"), say_ok(c_mlock(p, A));
	setrlimit(RLIMIT_MEMLOCK, &lim);
	label("0"), say_ok(c_mlock(p, P));
	label("0-2"), say_ok(c_mlock2(p, P, 0));
	label("munlock"), say_ok(c_munlock(p, P));
	label("map"), say_ok(try_map(dev_open(O_RDWR), A, PROT_READ,
				     MAP_SHARED | MAP_LOCKED, 0));
	label("all"), say_ok(mlockall(MCL_FUTURE));
}

CASE("mlock.mlockall")
{
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};
	char *p = map_units(1);

	if (!t.root)
		skip("more than the limit");
	setrlimit(RLIMIT_MEMLOCK, &lim);
	put(p, 0xb2);
	say_ok(mlockall(MCL_CURRENT));
	say_ok(mlockall(MCL_FUTURE));
	say_ok(try_map(dev_open(O_RDWR), A, PROT_READ, MAP_SHARED, 0));
	say_ok(try_map(dev_open(O_RDWR), A, PROT_READ, MAP_SHARED, S));
	say_ok(munlockall());
	say_load(p);
}

CASE("mincore.untouched_and_touched")
{
	static unsigned char v[2 << 18];
	size_t pages = A / P;
	size_t i, n = 0;
	char *p = map_units(2);

	label("untouched"), say_ok(c_mincore(p, 2 * A, v));
	for (i = 0; i < 2 * pages; i++)
		n += v[i] & 1;
	say("%zu", n);
	put(p + A / 2, 1);
	label("touched"), say_ok(c_mincore(p, 2 * A, v));
	for (i = n = 0; i < pages; i++)
		n += v[i] & 1;
	say(n == pages ? "all" : n ? "some" : "none");
	for (i = n = 0; i < pages; i++)
		n += v[pages + i] & 1;
	say("%zu", n);
}

CASE("mincore.wrong")
{
	unsigned char v[8];
	char *at = map_at(area(2 * A), dev_open(O_RDWR), A, PROT_READ, 0);

	munmap(at + A, A);
	label("odd"), say_ok(c_mincore(at + 1, P, v));
	label("hole"), say_ok(c_mincore(at + A, P, v));
	label("empty"), say_ok(c_mincore(at, 0, v));
	label("vector"), say_ok(c_mincore(at, P, bad_pointer(8)));
	label("page"), say_ok(c_mincore(at + A - P, P, v));
}

CASE("memory.remap_file_pages")
{
	char *p = map_units(2);

	put(p, 0xb3);
	put(p + A, 0xb4);
	label("unit"), say_ok(c_remap_file_pages(p, A, 0, A / P, 0));
	say_load(p);
	label("same"), say_ok(c_remap_file_pages(p + A, A, 0, A / P, 0));
	label("prot"), say_ok(c_remap_file_pages(p, A, PROT_READ, 0, 0));
	label("odd"), say_ok(c_remap_file_pages(p + 1, A, 0, 0, 0));
	say_layout(p, 2 * A);
}

CASE("memory.remap_file_pages.page")
{
	char *p = map_units(2);

	put(p, 0xb3);
	put(p + P, 0xb5);
	label("first"), say_ok(c_remap_file_pages(p, P, 0, 1, 0));
	label("second"), say_ok(c_remap_file_pages(p + P, P, 0, 0, 0));
	say_load(p);
	say_layout(p, 2 * A);
}

static void mbind_case(const long *arg)
{
	char *at =
		map_at(area(3 * A), dev_open(O_RDWR), 3 * A, PROT_READ | PROT_WRITE, 0);
	unsigned long node0 = 1;
	long r = c_mbind(at + arg[0] * (off_t)A + arg[1] * (off_t)P,
			 arg[2] * A + arg[3] * P, MPOL_BIND, &node0, 64, 0);

	if (r < 0 && (errno == ENOSYS || errno == EPERM))
		skip("no mbind");
	say_ok(r);
	say_layout(at, 3 * A);
}

MATRIX
{
	case_make(mbind_case, ARGS(0, 0, 3, 0), "numa.mbind.whole");
	case_make(mbind_case, ARGS(1, 0, 1, 0), "numa.mbind.unit");
	case_make(mbind_case, ARGS(0, 1, 0, 1), "numa.mbind.page");
	case_make(mbind_case, ARGS(1, 0, 0, 1), "numa.mbind.page_at_unit");
}

CASE("numa.mbind.flags")
{
	char *p = map_units(1);
	unsigned long node0 = 1;

	put(p, 0xb6);
	if (c_mbind(p, A, MPOL_PREFERRED, &node0, 64, 0) < 0 &&
	    (errno == ENOSYS || errno == EPERM))
		skip("no mbind");
	label("strict"), say_ok(c_mbind(p, A, MPOL_BIND, &node0, 64, MPOL_MF_STRICT));
	label("move"), say_ok(c_mbind(p, A, MPOL_BIND, &node0, 64, MPOL_MF_MOVE));
	label("default"), say_ok(c_mbind(p, A, MPOL_DEFAULT, NULL, 0, 0));
	label("odd"), say_ok(c_mbind(p + 1, A, MPOL_DEFAULT, NULL, 0, 0));
	say_load(p);
}

CASE("numa.get_mempolicy")
{
	char *p = map_units(1);
	int mode = -1;
	int r;

	put(p, 0xb7);
	r = c_get_mempolicy(&mode, NULL, 0, p, MPOL_F_NODE | MPOL_F_ADDR);
	if (r < 0 && (errno == ENOSYS || errno == EPERM))
		skip("no get_mempolicy");
	say_ok(r);
	say("%s", mode >= 0 ? "node" : "none");
	say_ok(c_get_mempolicy(&mode, NULL, 0, p, MPOL_F_ADDR));
	say("%d", mode);
	say_ok(c_get_mempolicy(&mode, NULL, 0, map(dev_open(O_RDWR), A, PROT_READ, S),
			       MPOL_F_NODE | MPOL_F_ADDR));
}

CASE("numa.move_pages")
{
	char *p = map_units(2);
	void *pages[2] = {p, p + A};
	int status[2] = {99, 99};
	int r, i;

	put(p, 0xb8);
	r = c_move_pages(0, 2, pages, NULL, status, 0);
	if (r < 0 && (errno == ENOSYS || errno == EPERM))
		skip("no move_pages");
	say_ok(r);
	for (i = 0; i < 2; i++)
		say("%s", status[i] < 0 ? err_name(-status[i]) : "node");
}

static void uffd_case(const long *arg)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = arg[0]};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1); /* user mode only */
	char *p;

	if (fd < 0)
		skip("no userfaultfd");
	p = arg[1] ? map(dev_open(O_RDONLY), A, PROT_READ, 0) : map_units(1);
	must(ioctl(fd, UFFDIO_API, &api) == 0);
	reg.range.start = (uintptr_t)p;
	reg.range.len = A;
	say_ok(ioctl(fd, UFFDIO_REGISTER, &reg));
}

MATRIX
{
	case_make(uffd_case, ARGS(UFFDIO_REGISTER_MODE_MISSING),
		  "memory.userfaultfd.missing");
	case_make(uffd_case, ARGS(UFFDIO_REGISTER_MODE_WP), "memory.userfaultfd.wp");
	case_make(uffd_case, ARGS(UFFDIO_REGISTER_MODE_MINOR),
		  "memory.userfaultfd.minor");
	case_make(uffd_case, ARGS(UFFDIO_REGISTER_MODE_MISSING, 1),
		  "memory.userfaultfd.read_only");
}

static void uring_case(const long *arg)
{
	struct io_uring_params params = {0};
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	char *p = arg[0] ? map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, S)
			 : map_units(1);
	struct iovec v = {p, P};
	struct rlimit lim;

	getrlimit(RLIMIT_MEMLOCK, &lim);
	if (ring < 0)
		skip("no io_uring");
	say_ok(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &v, 1));
}

MATRIX
{
	case_make(uring_case, ARGS(0), "memory.io_uring_buffers.in");
	case_make(uring_case, ARGS(1), "memory.io_uring_buffers.beyond");
}
