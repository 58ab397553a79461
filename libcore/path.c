/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths that the emulator serves. */
#include "libcore/path.h"

#include <string.h>

/*
 * A path of a table. Each call on a path asks the tables for each of its components. Without
 * pointers, the tables need no relocation, which each program that starts would pay for.
 */
struct place {
	uint8_t len;
	char path[47];
};

#define PLACE(path)                                                                      \
	{                                                                                \
		sizeof(path) - 1, path                                                   \
	}

/* Roots whose names do not depend on the devices. */
static const struct place fixed_roots[] = {
	PLACE("/sys/bus/cxl"),
	PLACE("/sys/bus/dax"),
	PLACE("/sys/bus/nd"),
	PLACE("/sys/bus/platform/devices/e820_pmem"),
	PLACE("/sys/bus/platform/drivers/e820_pmem"),
	PLACE("/sys/bus/platform/devices/hmem_platform.0"),
	PLACE("/sys/bus/platform/drivers/hmem"),
	PLACE("/sys/bus/platform/drivers/hmem_platform"),
	PLACE("/sys/class/nd"),
	PLACE("/sys/devices/pci7f00:0c"),
	PLACE("/sys/devices/platform/ACPI0017:00"),
	PLACE("/sys/devices/platform/e820_pmem"),
	PLACE("/sys/devices/platform/hmem_platform.0"),
	PLACE("/sys/kernel/debug/cxl"),
	PLACE("/sys/module/cxl_acpi"),
	PLACE("/sys/module/cxl_core"),
	PLACE("/sys/module/cxl_mem"),
	PLACE("/sys/module/cxl_pci"),
	PLACE("/sys/module/cxl_pmem"),
	PLACE("/sys/module/cxl_port"),
	PLACE("/sys/module/dax_cxl"),
	PLACE("/sys/module/dax_hmem"),
	PLACE("/sys/module/dax_pmem"),
	PLACE("/sys/module/device_dax"),
	PLACE("/sys/module/fsdev_dax"),
	PLACE("/sys/module/kmem"),
	PLACE("/sys/module/libnvdimm"),
	PLACE("/sys/module/nd_e820"),
	PLACE("/sys/module/nd_pmem"),
	PLACE("/proc/devices"),
	PLACE("/sys/devices/system/memory/auto_online_blocks"),
};

/* Directories that hold both roots and entries of the host. */
static const struct place shared_dirs[] = {
	PLACE("/dev"),
	PLACE("/sys/bus"),
	PLACE("/sys/bus/platform/devices"),
	PLACE("/sys/bus/platform/drivers"),
	PLACE("/sys/class"),
	PLACE("/sys/dev/char"),
	PLACE("/sys/devices/platform"),
	PLACE("/sys/devices/system/memory"),
	PLACE("/sys/module"),
};

/* Directories above those, without entries of the emulator. */
static const struct place above_dirs[] = {
	PLACE(""),
	PLACE("/sys"),
	PLACE("/sys/bus/platform"),
	PLACE("/sys/dev"),
	PLACE("/sys/devices"),
	PLACE("/sys/devices/system"),
	PLACE("/sys/devices/system/node"),
	PLACE("/sys/kernel"),
	PLACE("/sys/kernel/debug"),
	PLACE("/proc"),
};

static bool is_in(const struct place *list, size_t nr, const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (list[i].len == len && !memcmp(list[i].path, path, len))
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Skip @word at the start of @p. Return: the text behind it, or NULL. */
static const char *skip_word(const char *p, const char *word)
{
	while (*word)
		if (*p++ != *word++)
			return NULL;
	return p;
}

/* True at the end of a path component. */
static bool ends(const char *p)
{
	return !*p || *p == '/';
}

/* True if a path component at @p may be the last one of a root. */
static bool is_word(const char *p)
{
	const char *rest;

	switch (*p) {
	case 'A':
		rest = skip_word(p, "ACPI0017:00");
		return rest && ends(rest);
	case 'a':
		rest = skip_word(p, "auto_online_blocks");
		return rest && ends(rest);
	case 'b':
		rest = skip_word(p, "block_size_bytes");
		return rest && ends(rest);
	case 'c':
		rest = skip_word(p, "cxl"); /* bus cxl, /dev/cxl, cxl_core */
		return rest && (ends(rest) || *rest == '_');
	case 'd':
		rest = skip_word(p, "dax");
		if (rest) /* bus dax, daxX.Y, dax_pmem, dax_hmem */
			return ends(rest) || *rest == '_' || is_digit(*rest);
		rest = skip_word(p, "device_dax");
		return rest && ends(rest);
	case 'n':
		rest = skip_word(p, "nd"); /* bus nd, ndctlN, nd_pmem, nd_e820 */
		return rest && (ends(rest) || *rest == '_' || skip_word(rest, "ctl"));
	case 'e':
		rest = skip_word(p, "e820_pmem");
		return rest && ends(rest);
	case 'h':
		rest = skip_word(p,
				 "hmem"); /* hmem.N, hmem_platform.0, and the drivers */
		return rest && (ends(rest) || *rest == '.' || *rest == '_');
	case 'k':
		rest = skip_word(p, "kmem");
		return rest && ends(rest);
	case 'f':
		rest = skip_word(p, "fsdev_dax");
		return rest && ends(rest);
	case 'm':
		rest = skip_word(p, "memory"); /* memory32 */
		return rest && is_digit(*rest);
	case 'l':
		rest = skip_word(p, "libnvdimm");
		return rest && ends(rest);
	case 'p':
		rest = skip_word(p, "pci7f00:0c");
		return rest && ends(rest);
	default: /* M:m */
		if (!is_digit(*p))
			return false;
		while (is_digit(*p))
			p++;
		return *p == ':' && is_digit(p[1]);
	}
}

/**
 * dax_path_has_word() - true if the emulator may serve a path
 * @path:	any path, absolute or relative
 *
 * The fast check of every path that a program uses: one pass, no system call. A path
 * that fails it leads to the emulator only through a symbolic link of the program's own.
 */
bool dax_path_has_word(const char *path)
{
	const char *p = path;

	if (*p == '/' && skip_word(p, "/proc/devices"))
		return true;
	for (;;) {
		while (*p == '/')
			p++;
		if (!*p)
			return false;
		if (is_word(p))
			return true;
		while (*p && *p != '/')
			p++;
	}
}

/*
 * Return: the last component and its length, if path[0, len) is @dir, a slash and one
 * more component; else NULL.
 */
static const char *last_below(const char *path, size_t len, const char *dir,
			      size_t *ret_len)
{
	size_t n = strlen(dir);

	if (len < n + 2 || memcmp(path, dir, n) || path[n] != '/' ||
	    memchr(path + n + 1, '/', len - n - 1))
		return NULL;
	*ret_len = len - n - 1;
	return path + n + 1;
}

/* The length of a decimal number at the start of p[0, len); 0 if there is none. */
static size_t number_len(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && n < 10 && is_digit(p[n]))
		n++;
	return n;
}

static bool is_dax_name(const char *p, size_t len)
{
	size_t n;

	if (len < 6 || memcmp(p, "dax", 3))
		return false;
	n = number_len(p + 3, len - 3);
	if (!n || 3 + n >= len || p[3 + n] != '.')
		return false;
	n += 4;
	return n < len && number_len(p + n, len - n) == len - n;
}

static bool is_numbered(const char *p, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len > n && !memcmp(p, prefix, n) && number_len(p + n, len - n) == len - n;
}

/* True for "MAJOR:MINOR" of dax devices, of /dev/ndctlN or of /dev/cxl/memN. */
static bool is_ours_devt(const struct dax_path_names *names, const char *p, size_t len)
{
	size_t n = number_len(p, len);
	uint64_t major = 0;
	size_t i;

	if (!n || n + 1 >= len || p[n] != ':' ||
	    number_len(p + n + 1, len - n - 1) != len - n - 1)
		return false;
	for (i = 0; i < n; i++)
		major = major * 10 + (uint64_t)(p[i] - '0');
	return major == names->major || major == names->ndctl_major ||
	       (names->cxl_major && major == names->cxl_major);
}

/* True for the directory of a node, "/sys/devices/system/node/node0". */
static bool is_node_dir(const char *path, size_t len)
{
	size_t n;
	const char *name = last_below(path, len, "/sys/devices/system/node", &n);

	return name && is_numbered(name, n, "node");
}

/* True for a memory block, a link to one, and the size of all. */
static bool is_memory(const char *path, size_t len)
{
	const char *name;
	size_t dir = len;
	size_t n;

	while (dir && path[--dir] != '/')
		;
	if (!dax_path_has_blocks(path, dir))
		return false;
	name = path + dir + 1;
	n = len - dir - 1;
	return is_numbered(name, n, "memory") ||
	       (n == strlen("block_size_bytes") && !memcmp(name, "block_size_bytes", n));
}

/**
 * dax_path_is_root() - true if a path is a root, where the emulator's part begins
 * @names:	the devices' numbers
 * @path:	absolute, without "." and "..", doubled slashes or symbolic links
 * @len:	bytes of it to examine
 */
bool dax_path_is_root(const struct dax_path_names *names, const char *path, size_t len)
{
	const char *name;
	size_t n;

	name = last_below(path, len, "/dev", &n);
	if (name)
		return (is_dax_name(name, n) && !names->has_real_nodes) ||
		       is_numbered(name, n, "ndctl") ||
		       (n == strlen("cxl") && !memcmp(name, "cxl", n));
	name = last_below(path, len, "/sys/dev/char", &n);
	if (name)
		return is_ours_devt(names, name, n);
	name = last_below(path, len, "/sys/devices/platform", &n);
	if (!name)
		name = last_below(path, len, "/sys/bus/platform/devices", &n);
	if (name && is_numbered(name, n, "hmem."))
		return true;
	if (names->has_memory && is_memory(path, len))
		return true;
	return is_in(fixed_roots, sizeof(fixed_roots) / sizeof(fixed_roots[0]), path,
		     len);
}

/**
 * dax_path_is_above_root() - true if a root lies below this directory
 * @path:	as for dax_path_is_root()
 * @len:	bytes of it to examine
 *
 * Such a directory is not a symbolic link on any Linux, so the caller need not check.
 */
bool dax_path_is_above_root(const char *path, size_t len)
{
	return is_in(above_dirs, sizeof(above_dirs) / sizeof(above_dirs[0]), path, len) ||
	       dax_path_is_shared_dir(path, len);
}

/**
 * dax_path_is_shared_dir() - true for a directory with entries of host and emulator
 * @path:	as for dax_path_is_root()
 * @len:	bytes of it to examine
 */
bool dax_path_is_shared_dir(const char *path, size_t len)
{
	return is_in(shared_dirs, sizeof(shared_dirs) / sizeof(shared_dirs[0]), path,
		     len) ||
	       is_node_dir(path, len);
}

/**
 * dax_path_has_blocks() - true if memory blocks lie in this directory
 * @path:	as for dax_path_is_root()
 * @len:	bytes of it to examine
 *
 * It is shared with the machine, but while has_memory is set, the machine's blocks must
 * not be listed.
 */
bool dax_path_has_blocks(const char *path, size_t len)
{
	static const char memory[] = "/sys/devices/system/memory";

	return (len == sizeof(memory) - 1 && !memcmp(path, memory, len)) ||
	       is_node_dir(path, len);
}

/**
 * dax_path_write_copy() - write the target of a link that stands for another node of a device
 * @name:	the device's name
 * @ret:	receives the target, "/dev////.../dax0.0", terminated
 *
 * mknod(2) makes such links where it can't make nodes. Programs take them for nodes, and the
 * slashes tell them apart from the links of the programs' own.
 */
void dax_path_write_copy(const char *name, char ret[DAX_PATH_COPY_LEN + 1])
{
	const size_t n = strlen(name);

	memset(ret, '/', DAX_PATH_COPY_LEN);
	memcpy(ret, "/dev", 4);
	memcpy(ret + DAX_PATH_COPY_LEN - n, name, n + 1);
}

/**
 * dax_path_is_copy() - true if a symbolic link stands for another node of a device
 * @target:	its target
 * @len:	bytes of it
 */
bool dax_path_is_copy(const char *target, size_t len)
{
	size_t at = 4;

	if (len != DAX_PATH_COPY_LEN || memcmp(target, "/dev", 4))
		return false;
	while (at < len && target[at] == '/')
		at++;
	return is_dax_name(target + at, len - at);
}
