/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * procmap FILE OTHER: map 4 MiB of FILE and ask PROCMAP_QUERY about it, from descriptors of
 * /proc/self/maps that were opened before and after, and about memory that OTHER backs.
 * Prints "DESCRIPTOR WHAT: ANSWER" for each query; addresses relative to the mapping.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN     ((size_t)4 << 20)
#define PLACE   0x100000000000UL
#define QUERY   0xc0686611UL
#define OR_NEXT 0x10

struct query {
	uint64_t size, flags, addr;
	uint64_t start, end, vma_flags, page_size, off, ino;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name_addr, build_id_addr;
};

static const char *door;
static int maps;
static struct stat node;

static void ask(const char *what, uint64_t addr, uint64_t flags, uint32_t room)
{
	static char name[4096];
	static struct query q;

	q = (struct query){.size = sizeof(q),
			   .flags = flags,
			   .addr = addr,
			   .name_size = room,
			   .name_addr = room ? (uintptr_t)name : 0};
	printf("%s %s: ", door, what);
	if (ioctl(maps, QUERY, &q) < 0) {
		puts(strerror(errno));
		return;
	}
	if (q.addr != addr)
		printf("(other address) ");
	if (q.ino != node.st_ino || makedev(q.major, q.minor) != node.st_dev)
		printf("(another file) ");
	printf("%s%s %#lx+%#lx from %#lx, flags %lx, pages %lu\n", room ? name : "-",
	       room && q.name_size != strlen(name) + 1 ? " (other length)" : "",
	       (unsigned long)(q.start - PLACE), (unsigned long)(q.end - q.start),
	       (unsigned long)q.off, (unsigned long)q.vma_flags,
	       (unsigned long)q.page_size);
}

static void ask_all(const char *path)
{
	ask("first byte", PLACE, 0, 256);
	ask("last byte", PLACE + LEN - 1, 0, 256);
	ask("without name", PLACE + 4096, 0, 0);
	ask("below", PLACE - 4096, 0, 256);
	ask("next", PLACE - 4096, OR_NEXT, 256);
	ask("next writable", PLACE - 4096, OR_NEXT | 2 | 8, 256);
	ask("executable", PLACE, 4, 256);
	ask("behind", PLACE + LEN, 0, 256);
	ask("just enough room", PLACE, 0, (uint32_t)strlen(path) + 1);
	ask("too little room", PLACE, 0, (uint32_t)strlen(path));
	printf("%s bad pointer: %s\n", door,
	       ioctl(maps, QUERY, (void *)8) < 0 ? strerror(errno) : "?");
	ask("bad flags", PLACE, 1 << 20, 256);
}

static int open_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);

	if (fd < 0)
		err(1, "/proc/self/maps");
	return fd;
}

int main(int argc, char **argv)
{
	int early = open_maps();
	int fd;
	int other;
	char *p;

	if (argc != 3)
		errx(2, "usage: procmap FILE OTHER");
	fd = open(argv[1], O_RDWR);
	other = open(argv[2], O_RDONLY);
	if (fd < 0 || other < 0 || stat(argv[1], &node) < 0)
		err(1, "open");
	if (ioctl(early, QUERY, &(struct query){.size = sizeof(struct query)}) < 0 &&
	    errno == ENOTTY)
		errx(3, "this kernel has no PROCMAP_QUERY");
	flock(fd, LOCK_EX); /* has the shim map an anchor */
	if (mmap((void *)PLACE, LEN, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) == MAP_FAILED)
		err(1, "mmap");
	p = mmap((void *)(PLACE + 8 * LEN), 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED,
		 other, 0);
	if (p == MAP_FAILED)
		err(1, "mmap of %s", argv[2]);
	door = "early";
	maps = early;
	ask_all(argv[1]);
	door = "late";
	maps = open_maps();
	ask_all(argv[1]);
	if (stat(argv[2], &node) < 0)
		err(1, "%s", argv[2]);
	ask("another file", (uintptr_t)p, 0, 256);
	closefrom(maps + 1);
	ask("after closefrom", (uintptr_t)p, 0, 256);
	fflush(stdout);
	if (fork() == 0) {
		door = "child";
		munmap((void *)PLACE, LEN);
		ask("a copy is of the child", PLACE, 0, 256);
		maps = early;
		ask("the parent's list", PLACE, 0, 0);
		return 0;
	}
	wait(NULL);
	return 0;
}
