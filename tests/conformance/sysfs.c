// SPDX-License-Identifier: BSD-2-Clause
/*
 * sysfs.*: content of sysfs for the device, its region and namespace.
 *
 * The folders of a static (pmem) region, from the device upwards:
 *	DEV	the dax device, /sys/dev/char/M:m
 *	NDDAX	its parent, the nd bus's dax instance
 *	REGION	the nd region
 *	NDBUS	the bus
 * Answers replace names and numbers of this machine: daxR.N, regionR, SIZE, ...
 */
#include <limits.h>

#include "tests/conformance/call.h"

enum where {
	DEV,
	NDDAX,
	REGION,
	NDBUS,
	ABSOLUTE
};

/* Return: the path of the folder, or of @below in it; %R and %N in it are replaced. */
static char *sys_path(enum where where, const char *below)
{
	char target[PATH_MAX];
	char out[PATH_MAX];
	char *path;
	const char *p;
	size_t n = 0;
	long len;
	int up;

	for (p = below; *p && n < sizeof(out) - 16; p++) {
		if (p[0] == '%' && p[1] == 'R')
			n += sprintf(out + n, "%d", t.region), p++;
		else if (p[0] == '%' && p[1] == 'N')
			n += sprintf(out + n, "%d.%d", t.region, t.index), p++;
		else
			out[n++] = *p;
	}
	out[n] = '\0';
	if (where == ABSOLUTE)
		return strdup(out);
	len = c_readlink(t.sys, target, sizeof(target) - 1);
	must(len > 6 && strncmp(target, "../../", 6) == 0);
	target[len] = '\0';
	for (up = where; up > 0; up--)
		*strrchr(target, '/') = '\0';
	if (asprintf(&path, "/sys/%s%s%s", target + 6, *out ? "/" : "", out) < 0)
		abort();
	return path;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* True unless the name is of another region, device or module of this machine. */
static bool is_ours(const char *name)
{
	static const char *const numbered[] = {"region", "dax", "namespace", "pfn",
					       "btt"};
	size_t i;
	int n;

	for (i = 0; i < COUNT(numbered); i++) {
		size_t len = strlen(numbered[i]);

		if (strncmp(name, numbered[i], len) == 0 &&
		    sscanf(name + len, "%d", &n) == 1)
			return n == t.region;
	}
	return true;
}

static void say_folder(const char *path)
{
	char *name[256];
	char b[32768];
	int fd = c_open(path, O_RDONLY | O_DIRECTORY, 0);
	size_t count = 0, i;
	long n;

	if (fd < 0) {
		say_ok(fd);
		return;
	}
	while ((n = c_getdents64(fd, b, sizeof(b))) > 0) {
		long at = 0;

		while (at < n && count < COUNT(name)) {
			struct dirent64 *e = (struct dirent64 *)(b + at);

			if (e->d_name[0] != '.' && is_ours(e->d_name) &&
			    asprintf(&name[count++], "%s%s", e->d_name,
				     e->d_type == DT_DIR   ? "/"
				     : e->d_type == DT_LNK ? "@"
							   : "") < 0)
				abort();
			at += e->d_reclen;
		}
	}
	qsort(name, count, sizeof(*name), by_text);
	for (i = 0; i < count; i++)
		say_text(name[i]);
}

struct thing {
	const char *name;
	enum where where;
	const char *path;
};

static const struct thing folder[] = {
	{"device", DEV, ""},
	{"device_power", DEV, "power"},
	{"mapping0", DEV, "mapping0"},
	{"mapping0_power", DEV, "mapping0/power"},
	{"mapping1", DEV, "mapping1"},
	{"device_driver", DEV, "driver"},
	{"dax_region", NDDAX, "dax_region"},
	{"nd_dax", NDDAX, ""},
	{"region", REGION, ""},
	{"namespace", REGION, "namespace%R.0"},
	{"nd_dax_seed", REGION, "dax%R.1"},
	{"pfn_seed", REGION, "pfn%R.0"},
	{"btt_seed", REGION, "btt%R.0"},
	{"nd_bus", NDBUS, ""},
	{"nd_bus_firmware", NDBUS, "firmware"},
	{"nd_bus_nd", NDBUS, "nd"},
	{"ndctl", NDBUS, "nd/ndctl0"},
	{"bus_dax", ABSOLUTE, "/sys/bus/dax"},
	{"bus_dax_devices", ABSOLUTE, "/sys/bus/dax/devices"},
	{"bus_dax_drivers", ABSOLUTE, "/sys/bus/dax/drivers"},
	{"bus_dax_device_dax", ABSOLUTE, "/sys/bus/dax/drivers/device_dax"},
	{"bus_nd", ABSOLUTE, "/sys/bus/nd"},
	{"bus_nd_devices", ABSOLUTE, "/sys/bus/nd/devices"},
	{"bus_nd_drivers", ABSOLUTE, "/sys/bus/nd/drivers"},
	{"class_nd", ABSOLUTE, "/sys/class/nd"},
	{"class_dax", ABSOLUTE, "/sys/class/dax"},
	{"device_block", DEV, "block"},
	{"device_device", DEV, "device"},
};

static void folder_case(const long *arg)
{
	say_folder(sys_path(folder[arg[0]].where, folder[arg[0]].path));
}

static const struct thing link_to[] = {
	{"device", DEV, ""},
	{"char", ABSOLUTE, "/sys/dev/char/%M"},
	{"subsystem", DEV, "subsystem"},
	{"driver", DEV, "driver"},
	{"bus_dax_device", ABSOLUTE, "/sys/bus/dax/devices/dax%N"},
	{"driver_device", ABSOLUTE, "/sys/bus/dax/drivers/device_dax/dax%N"},
	{"driver_module", ABSOLUTE, "/sys/bus/dax/drivers/device_dax/module"},
	{"nd_dax_subsystem", NDDAX, "subsystem"},
	{"nd_dax_driver", NDDAX, "driver"},
	{"region_subsystem", REGION, "subsystem"},
	{"region_driver", REGION, "driver"},
	{"namespace_subsystem", REGION, "namespace%R.0/subsystem"},
	{"namespace_driver", REGION, "namespace%R.0/driver"},
	{"nd_bus_driver", NDBUS, "driver"},
	{"ndctl_device", NDBUS, "nd/ndctl0/device"},
	{"ndctl_subsystem", NDBUS, "nd/ndctl0/subsystem"},
	{"bus_nd_nd_dax", ABSOLUTE, "/sys/bus/nd/devices/dax%R.0"},
	{"bus_nd_region", ABSOLUTE, "/sys/bus/nd/devices/region%R"},
	{"bus_nd_namespace", ABSOLUTE, "/sys/bus/nd/devices/namespace%R.0"},
	{"class_nd_ndctl", ABSOLUTE, "/sys/class/nd/ndctl0"},
};

static void link_case(const long *arg)
{
	const struct thing *l = &link_to[arg[0]];
	char *path = strcmp(l->name, "char") == 0 ? strdup(t.sys)
						  : sys_path(l->where, l->path);
	char b[PATH_MAX];
	struct stat st;
	long n = c_readlink(path, b, sizeof(b) - 1);

	if (n < 0) {
		say_ok(n);
		return;
	}
	b[n] = '\0';
	say_text(b);
	say("%s", c_stat(path, &st) < 0 ? err_name(errno)
		  : S_ISDIR(st.st_mode) ? "folder"
					: "file");
	say("%s", c_lstat(path, &st) < 0 ? err_name(errno)
		  : S_ISLNK(st.st_mode)  ? "link"
					 : "other");
}

static const struct thing file[] = {
	{"align", DEV, "align"},
	{"dev", DEV, "dev"},
	{"modalias", DEV, "modalias"},
	{"numa_node", DEV, "numa_node"},
	{"resource", DEV, "resource"},
	{"size", DEV, "size"},
	{"target_node", DEV, "target_node"},
	{"uevent", DEV, "uevent"},
	{"memmap_on_memory", DEV, "memmap_on_memory"},
	{"mapping", DEV, "mapping"},
	{"available_size", DEV, "available_size"},
	{"mapping0.start", DEV, "mapping0/start"},
	{"mapping0.end", DEV, "mapping0/end"},
	{"mapping0.page_offset", DEV, "mapping0/page_offset"},
	{"mapping0.uevent", DEV, "mapping0/uevent"},
	{"power.control", DEV, "power/control"},
	{"power.runtime_status", DEV, "power/runtime_status"},
	{"power.async", DEV, "power/async"},
	{"power.autosuspend_delay_ms", DEV, "power/autosuspend_delay_ms"},
	{"power.runtime_active_kids", DEV, "power/runtime_active_kids"},
	{"power.runtime_active_time", DEV, "power/runtime_active_time"},
	{"power.runtime_enabled", DEV, "power/runtime_enabled"},
	{"power.runtime_suspended_time", DEV, "power/runtime_suspended_time"},
	{"power.runtime_usage", DEV, "power/runtime_usage"},
	{"dax_region.align", NDDAX, "dax_region/align"},
	{"dax_region.id", NDDAX, "dax_region/id"},
	{"dax_region.size", NDDAX, "dax_region/size"},
	{"dax_region.create", NDDAX, "dax_region/create"},
	{"dax_region.delete", NDDAX, "dax_region/delete"},
	{"dax_region.seed", NDDAX, "dax_region/seed"},
	{"dax_region.available_size", NDDAX, "dax_region/available_size"},
	{"nd_dax.align", NDDAX, "align"},
	{"nd_dax.devtype", NDDAX, "devtype"},
	{"nd_dax.modalias", NDDAX, "modalias"},
	{"nd_dax.mode", NDDAX, "mode"},
	{"nd_dax.namespace", NDDAX, "namespace"},
	{"nd_dax.numa_node", NDDAX, "numa_node"},
	{"nd_dax.resource", NDDAX, "resource"},
	{"nd_dax.size", NDDAX, "size"},
	{"nd_dax.supported_alignments", NDDAX, "supported_alignments"},
	{"nd_dax.target_node", NDDAX, "target_node"},
	{"nd_dax.uevent", NDDAX, "uevent"},
	{"nd_dax.uuid", NDDAX, "uuid"},
	{"region.align", REGION, "align"},
	{"region.badblocks", REGION, "badblocks"},
	{"region.available_size", REGION, "available_size"},
	{"region.max_available_extent", REGION, "max_available_extent"},
	{"region.btt_seed", REGION, "btt_seed"},
	{"region.dax_seed", REGION, "dax_seed"},
	{"region.pfn_seed", REGION, "pfn_seed"},
	{"region.namespace_seed", REGION, "namespace_seed"},
	{"region.devtype", REGION, "devtype"},
	{"region.init_namespaces", REGION, "init_namespaces"},
	{"region.mappings", REGION, "mappings"},
	{"region.modalias", REGION, "modalias"},
	{"region.nstype", REGION, "nstype"},
	{"region.numa_node", REGION, "numa_node"},
	{"region.read_only", REGION, "read_only"},
	{"region.resource", REGION, "resource"},
	{"region.size", REGION, "size"},
	{"region.target_node", REGION, "target_node"},
	{"region.uevent", REGION, "uevent"},
	{"region.deep_flush", REGION, "deep_flush"},
	{"region.persistence_domain", REGION, "persistence_domain"},
	{"region.set_cookie", REGION, "set_cookie"},
	{"namespace.devtype", REGION, "namespace%R.0/devtype"},
	{"namespace.force_raw", REGION, "namespace%R.0/force_raw"},
	{"namespace.holder", REGION, "namespace%R.0/holder"},
	{"namespace.holder_class", REGION, "namespace%R.0/holder_class"},
	{"namespace.modalias", REGION, "namespace%R.0/modalias"},
	{"namespace.mode", REGION, "namespace%R.0/mode"},
	{"namespace.nstype", REGION, "namespace%R.0/nstype"},
	{"namespace.numa_node", REGION, "namespace%R.0/numa_node"},
	{"namespace.resource", REGION, "namespace%R.0/resource"},
	{"namespace.size", REGION, "namespace%R.0/size"},
	{"namespace.target_node", REGION, "namespace%R.0/target_node"},
	{"namespace.uevent", REGION, "namespace%R.0/uevent"},
	{"namespace.uuid", REGION, "namespace%R.0/uuid"},
	{"namespace.alt_name", REGION, "namespace%R.0/alt_name"},
	{"nd_dax_seed.namespace", REGION, "dax%R.1/namespace"},
	{"nd_dax_seed.mode", REGION, "dax%R.1/mode"},
	{"nd_dax_seed.align", REGION, "dax%R.1/align"},
	{"nd_dax_seed.size", REGION, "dax%R.1/size"},
	{"nd_dax_seed.resource", REGION, "dax%R.1/resource"},
	{"nd_dax_seed.uuid", REGION, "dax%R.1/uuid"},
	{"pfn_seed.mode", REGION, "pfn%R.0/mode"},
	{"pfn_seed.size", REGION, "pfn%R.0/size"},
	{"btt_seed.sector_size", REGION, "btt%R.0/sector_size"},
	{"btt_seed.size", REGION, "btt%R.0/size"},
	{"btt_seed.log_zero_flags", REGION, "btt%R.0/log_zero_flags"},
	{"nd_bus.commands", NDBUS, "commands"},
	{"nd_bus.provider", NDBUS, "provider"},
	{"nd_bus.wait_probe", NDBUS, "wait_probe"},
	{"nd_bus.uevent", NDBUS, "uevent"},
	{"ndctl.uevent", NDBUS, "nd/ndctl0/uevent"},
	{"bus_dax.drivers_autoprobe", ABSOLUTE, "/sys/bus/dax/drivers_autoprobe"},
	{"bus_dax.drivers_probe", ABSOLUTE, "/sys/bus/dax/drivers_probe"},
	{"bus_dax.uevent", ABSOLUTE, "/sys/bus/dax/uevent"},
	{"driver.bind", ABSOLUTE, "/sys/bus/dax/drivers/device_dax/bind"},
	{"driver.unbind", ABSOLUTE, "/sys/bus/dax/drivers/device_dax/unbind"},
	{"driver.new_id", ABSOLUTE, "/sys/bus/dax/drivers/device_dax/new_id"},
	{"driver.remove_id", ABSOLUTE, "/sys/bus/dax/drivers/device_dax/remove_id"},
	{"driver.uevent", ABSOLUTE, "/sys/bus/dax/drivers/device_dax/uevent"},
};

/* Say a value; addresses, uuids and the region's size differ from machine to machine. */
static void say_value(const char *name, char *text)
{
	const char *last = strrchr(name, '.');

	last = last ? last + 1 : name;
	if ((strcmp(last, "resource") == 0 || strcmp(last, "start") == 0 ||
	     strcmp(last, "end") == 0) &&
	    strncmp(text, "0x", 2) == 0) {
		text[strspn(text, "0123456789abcdefx")] == '\n' ? say("0xADDRESS|")
								: say("odd");
	} else if (strcmp(last, "uuid") == 0 && strlen(text) == 37) {
		say("UUID|");
	} else if (strcmp(name, "region.size") == 0 ||
		   strcmp(name, "namespace.size") == 0) {
		say(strtoull(text, NULL, 0) > S ? "RAWSIZE|" : "odd");
	} else if (strcmp(name, "dax_region.id") == 0) {
		say(atoi(text) == t.region ? "REGION|" : "odd");
	} else if (strcmp(name, "ndctl.uevent") == 0) {
		char *line;

		for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			say("%.*s", strncmp(line, "M", 1) == 0 ? 5 : 100, line);
	} else {
		say_text(text);
	}
}

static void file_case(const long *arg)
{
	const struct thing *f = &file[arg[0]];
	char text[8192];
	int fd = c_open(sys_path(f->where, f->path), O_RDONLY, 0);
	long n;

	if (fd < 0) {
		say("%s", err_name(errno));
		return;
	}
	n = c_read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		say("read-%s", err_name(errno));
		return;
	}
	text[n] = '\0';
	say_value(f->name, text);
}

static void right_case(const long *arg)
{
	const struct thing *f = &file[arg[0]];
	char *path = sys_path(f->where, f->path);
	struct stat st;

	if (c_stat(path, &st) < 0) {
		say("%s", err_name(errno));
		return;
	}
	say("%04o", st.st_mode & 07777);
	if (st.st_size != (off_t)P || !S_ISREG(st.st_mode))
		say("size=%ld", (long)st.st_size);
	label("open"), say_ok(c_open(path, O_RDONLY, 0));
	say_ok(c_open(path, O_WRONLY, 0));
	say_ok(c_open(path, O_RDWR, 0));
	label("access"), say_ok(c_access(path, R_OK));
	say_ok(c_access(path, W_OK));
}

MATRIX
{
	size_t i;

	for (i = 0; i < COUNT(folder); i++)
		case_make(folder_case, ARGS(i), "sysfs.folder.%s", folder[i].name);
	for (i = 0; i < COUNT(link_to); i++)
		case_make(link_case, ARGS(i), "sysfs.link.%s", link_to[i].name);
	for (i = 0; i < COUNT(file); i++) {
		case_make(file_case, ARGS(i), "sysfs.file.%s", file[i].name);
		case_make(right_case, ARGS(i), "sysfs.right.%s", file[i].name);
	}
}
