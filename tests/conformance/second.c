// SPDX-License-Identifier: BSD-2-Clause
/* second.*: two devices side by side (--second). */
#include "tests/conformance/call.h"

static int second_open(int flags)
{
	int fd = c_open(t.second, flags | O_CLOEXEC, 0);

	must(fd >= 0);
	return fd;
}

/* Return: a length that is a multiple of both devices' aligns. */
static size_t common(void)
{
	return A > 1UL << 21 ? A : 1UL << 21;
}

CASE("second.memory_differs")
{
	size_t len = common();
	char *a = map(dev_open(O_RDWR), len, PROT_READ | PROT_WRITE, 0);
	char *b = map(second_open(O_RDWR), len, PROT_READ | PROT_WRITE, 0);

	fill(a, 4096, 50);
	fill(b, 4096, 51);
	say("%d %d", is_filled(a, 4096, 50), is_filled(b, 4096, 51));
}

CASE("second.numbers_differ")
{
	struct stat a, b;

	must(c_stat(t.dev, &a) == 0 && c_stat(t.second, &b) == 0);
	say("rdev=%d ino=%d", a.st_rdev == b.st_rdev, a.st_ino == b.st_ino);
}

CASE("second.neighbours_do_not_merge")
{
	size_t len = common();
	char *at = area(2 * len);

	map_at(at, dev_open(O_RDWR), len, PROT_READ | PROT_WRITE, 0);
	map_at(at + len, second_open(O_RDWR), len, PROT_READ | PROT_WRITE, len);
	say("%d", vma_list(at, 2 * len, (struct vma[8]){0}, 8));
	put(at, 0xd1);
	put(at + len, 0xd2);
	say_load(at);
	say_load(at + len);
	say_ok(c_munmap(at, 2 * len));
}

CASE("second.over_the_first")
{
	size_t len = common();
	char *at = area(2 * len);
	int fd = dev_open(O_RDWR);

	map_at(at, fd, 2 * len, PROT_READ | PROT_WRITE, 0);
	put(at, 0xd3);
	map_at(at, second_open(O_RDWR), len, PROT_READ | PROT_WRITE, 0);
	put(at, 0xd4);
	say_load(map(fd, len, PROT_READ, 0));
	say_load(at);
}

CASE("second.copy_between")
{
	size_t len = common();
	char *a = map(dev_open(O_RDWR), len, PROT_READ | PROT_WRITE, 0);
	char *b = map(second_open(O_RDWR), len, PROT_READ | PROT_WRITE, 0);

	fill(a, 65536 < len ? 65536 : len, 52);
	memcpy(b, a, 65536 < len ? 65536 : len);
	say("%d", is_filled(b, 65536 < len ? 65536 : len, 52));
}

CASE("second.descriptor_calls")
{
	int a = dev_open(O_RDWR);
	int b = second_open(O_RDWR);

	label("sendfile"), say_ret(c_sendfile(b, a, NULL, 10));
	label("copy"), say_ret(c_copy_file_range(a, NULL, b, NULL, 10, 0));
	label("flock"), say_ret(c_flock(a, LOCK_EX | LOCK_NB));
	say_ret(c_flock(b, LOCK_EX | LOCK_NB));
}

CASE("second.dup2_from_one_to_the_other")
{
	size_t len = common();
	int a = dev_open(O_RDWR);
	char *p = map(a, len, PROT_READ | PROT_WRITE, 0);
	int b = second_open(O_RDWR);
	char *q;

	put(p, 0xd5);
	put(map(b, len, PROT_READ | PROT_WRITE, 0), 0xd6);
	must(c_dup2(b, a) == a);
	q = map(a, len, PROT_READ, 0);
	say_load(q);
	say_load(p);
}

CASE("second.sysfs_differs")
{
	struct stat st, other;
	char path[64];

	must(c_stat(t.second, &st) == 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u",
		 (unsigned int)(st.st_rdev >> 8 & 0xfff),
		 (unsigned int)(st.st_rdev & 0xff));
	must(c_stat(path, &other) == 0 && c_stat(t.sys, &st) == 0);
	say("%d", st.st_ino == other.st_ino);
}
