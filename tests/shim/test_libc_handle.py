# SPDX-License-Identifier: BSD-2-Clause
"""Functions that a program takes from libc's handle see the devices, too."""

import pytest

from conftest import both_users, run
from daxrun import prog

pytestmark = [pytest.mark.plain, both_users]  # the shim is never sanitized

DEVICE = ("-q", "-d", "dax0.0,size=4M", "--")

CTYPES = """
import ctypes, os, sys
libc = ctypes.CDLL("libc.so.6", use_errno=True)
libc.mmap.restype = ctypes.c_void_p
fd = libc.open(b"/dev/dax0.0", os.O_RDWR)
assert fd >= 0
assert libc.mmap(None, 4096, 3, 1, fd, ctypes.c_long(0)) == 2 ** 64 - 1
assert ctypes.get_errno() == 22
assert libc.read(fd, ctypes.create_string_buffer(1), 1) == -1 and ctypes.get_errno() == 22
p = libc.mmap(None, 2 << 20, 3, 1, fd, ctypes.c_long(0))
assert p % (2 << 20) == 0
ctypes.memset(p, 1, 2 << 20)
"""

# A library that wraps open(2), and looks for libc's own in libc's handle.
WRAPPER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
int open(const char *path, int flags, ...)
{
	int (*libcs)(const char *, int, ...) = dlsym(%s, "open");
	va_list ap;
	va_start(ap, flags);
	int mode = va_arg(ap, int);
	va_end(ap);
	fprintf(stderr, "wrapped %%s\\n", path);
	return libcs(path, flags, mode);
}
"""

# A library that uses a device, and returns 0 or the line that is wrong.
LIBRARY = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
int (*const opened)(const char *, int, ...) = open;
int use(const char *device)
{
	int fd = open(device, O_RDWR);
	char *p, byte;
	if (fd < 0 || read(fd, &byte, 1) >= 0 || errno != EINVAL)
		return __LINE__;
	p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED || errno != EINVAL)
		return __LINE__;
	p = mmap(0, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || (unsigned long)p % (2 << 20))
		return __LINE__;
	if (++*p != 1 || munmap(p, 2 << 20) || close(fd))
		return __LINE__;
	fd = opened(device, O_RDONLY);
	return fd < 0 || read(fd, &byte, 1) >= 0 || close(fd) ? __LINE__ : 0;
}
"""

# A program that loads it past all preloaded libraries, by its name alone.
LOADER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	void *lib = dlopen("libuse.so", RTLD_DEEPBIND | (argc > 2 ? RTLD_NOW : RTLD_LAZY));
	int (*use)(const char *) = lib ? dlsym(lib, "use") : 0;
	printf("%d\\n", use ? use(argv[1]) : puts(dlerror()));
	return 0;
}
"""


@pytest.fixture
def loader(daxrun):
    """Return: a function that makes a program and its library, with options of the linker for it."""
    def make(library, *options):
        daxrun.write("use.c", library)
        daxrun.write("loader.c", LOADER)
        for words in (["-shared", "-fPIC", "-o", "libuse.so", "use.c", *options],
                      ["-o", "loader", "loader.c", "-Wl,--enable-new-dtags,-rpath,$ORIGIN"]):
            compiled = run(["cc", *words], cwd=daxrun.dir)
            assert compiled.returncode == 0, compiled.stderr
        return daxrun.dir / "loader"
    return make


@pytest.mark.parametrize("how", [[], ["now"]], ids=["lazy", "now"])
@pytest.mark.parametrize("options", ["lazy", "now,-z,relro"])
def test_library_past_the_shim(daxrun, loader, options, how):
    """A library that RTLD_DEEPBIND binds to libc itself sees the devices."""
    program = loader(LIBRARY, f"-Wl,-z,{options}")
    assert daxrun(*DEVICE, program, "/dev/dax0.0", *how) == "0\n"


def test_own_function_of_a_library_past_the_shim(daxrun, loader):
    """A function that such a library defines stays its own, as without the shim."""
    program = loader("int open(const char *path) { return 7; }\n"
                     "int use(const char *device) { return open(device); }\n")
    assert daxrun(*DEVICE, program, "/dev/dax0.0") == "7\n"


def test_ctypes(daxrun):
    daxrun(*DEVICE, "python3", "-c", CTYPES)


def test_each_way(daxrun):
    assert daxrun(*DEVICE, prog("by_handle")) == "ok\n"


@pytest.mark.parametrize("where", ['dlopen("libc.so.6", RTLD_LAZY)', "RTLD_NEXT"])
@pytest.mark.parametrize("order, how", [("lib.so:$LD_PRELOAD", ""), ("$LD_PRELOAD:lib.so", "plain")],
                         ids=["before", "behind"])
def test_another_library_that_wraps(daxrun, order, how, where):
    """The program has the device, and no wrapper calls itself for ever."""
    daxrun.write("lib.c", WRAPPER % where)
    library = daxrun.dir / "lib.so"
    compiled = run(["cc", "-shared", "-fPIC", "-o", library, daxrun.dir / "lib.c"])
    assert compiled.returncode == 0, compiled.stderr
    result = daxrun.any(*DEVICE, "sh", "-c", f"LD_PRELOAD={order.replace('lib.so', str(library))} "
                        f"exec {prog('by_handle')} /dev/dax0.0 {how}")
    assert (result.returncode, result.stdout) == (0, "ok\n"), result.stderr
    assert f"wrapped {'/etc/passwd' if how else '/dev/dax0.0'}" in result.stderr
