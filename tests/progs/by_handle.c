/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Use a device by functions that are taken from libc's handle, or by plain ones:
 * by_handle DEVICE [plain]. Prints "ok" or what is wrong.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNIT (2 << 20)

typedef int open_fn(const char *path, int flags, ...);
typedef void *mmap_fn(void *addr, size_t len, int prot, int flags, int fd, off_t off);
typedef pid_t getpid_fn(void);

#define CHECK(that)                                                                      \
	do {                                                                             \
		if (!(that)) {                                                           \
			printf("line %d: %s\n", __LINE__, #that);                        \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

static void use(const char *device, open_fn *opened, mmap_fn *mapped, char byte)
{
	int fd = opened(device, O_RDWR);
	char *p;

	CHECK(fd >= 0);
	errno = 0;
	CHECK(mapped(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK(errno == EINVAL);
	p = mapped(NULL, UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && (unsigned long)p % UNIT == 0);
	CHECK(*p == byte - 1);
	*p = byte;
	munmap(p, UNIT);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "/dev/dax0.0";
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	void *all = dlopen(NULL, RTLD_LAZY);

	CHECK(libc && all);
	if (argc > 2) {
		use(device, open, mmap, 1);
		CHECK(open("/etc/passwd", O_RDONLY) >= 0);
		puts("ok");
		return 0;
	}
	use(device, (open_fn *)dlsym(libc, "open"), (mmap_fn *)dlsym(libc, "mmap"), 1);
	use(device, (open_fn *)dlsym(all, "open"), (mmap_fn *)dlsym(all, "mmap"), 2);
	use(device, (open_fn *)dlsym(RTLD_DEFAULT, "open"),
	    (mmap_fn *)dlsym(RTLD_NEXT, "mmap"), 3);
#ifdef __x86_64__
	use(device, (open_fn *)dlvsym(libc, "open64", "GLIBC_2.2.5"),
	    (mmap_fn *)dlvsym(RTLD_DEFAULT, "mmap64", "GLIBC_2.2.5"), 4);
	CHECK(!dlvsym(libc, "open", "GLIBC_2.999") && dlerror());
#endif
	CHECK(((getpid_fn *)dlsym(libc, "getpid"))() == getpid());
	dlerror();
	CHECK(!dlsym(libc, "no_such_function") && strstr(dlerror(), "no_such_function"));
	CHECK(!dlsym(RTLD_NEXT, "no_such_function") && dlerror());
	errno = EXDEV;
	CHECK(dlsym(libc, "mmap") && errno == EXDEV);
	puts("ok");
	return 0;
}
