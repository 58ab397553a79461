/* SPDX-License-Identifier: BSD-2-Clause */
/* Choose major numbers that no driver of this host has; write /proc/devices. */
#include "cuse-daxd/runtime/majors.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libcore/attrmode.h"
#include "libcore/majors.h"
#include "libcore/model.h"
#include "libcore/state.h"
#include "libcore/sysfs.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/runtime/runtime.h"

#define CHAR_HEADER "Character devices:\n"
#define CHAR_END    "\nBlock devices:\n"

/**
 * daxd_majors_read() - read the list of drivers of this host
 *
 * Return: the text of /proc/devices, or an empty one; for the caller to g_free().
 */
char *daxd_majors_read(void)
{
	char *text;

	if (!g_file_get_contents("/proc/devices", &text, NULL, NULL))
		text = g_strdup("");
	return text;
}

/*
 * Find the majors of all drivers: those in /proc/devices, and those that only
 * /sys/dev/char shows, as in some containers.
 */
static void find_taken(const char *proc_devices, bool taken[DAX_MAJORS])
{
	g_auto(GStrv) lines = g_strsplit(proc_devices, "\n", -1);
	struct dirent *entry;
	unsigned int i;
	DIR *d;

	for (i = 0; lines[i] && strcmp(lines[i], "Block devices:"); i++) {
		unsigned long major = strtoul(lines[i], NULL, 10);

		if (major < DAX_MAJORS)
			taken[major] = true;
	}
	d = opendir("/sys/dev/char");
	if (!d)
		return;
	while ((entry = readdir(d))) {
		unsigned long major = strtoul(entry->d_name, NULL, 10);

		if (major < DAX_MAJORS)
			taken[major] = true;
	}
	closedir(d);
}

static uint64_t dev_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_dev;
}

/**
 * daxd_majors_choose() - choose the major numbers of dax devices and of ndctl0
 * @proc_devices: from daxd_majors_read()
 * @state:	the state pages; their numbers are kept if they are still free
 * @major:	the configured major, used even if a driver has it; -1: any free one
 * @has_cxl:	true to choose a number for /dev/cxl/memN as well
 * @why:	receives the reason of a failure
 *
 * Also notes st_dev of the nodes in /dev and of the files in /sys of this host.
 *
 * Return: 0, or -EBUSY if there are not enough free majors.
 */
int daxd_majors_choose(const char *proc_devices, struct dax_state *state, int major,
		       bool has_cxl, struct daxd_why *why)
{
	bool taken[DAX_MAJORS] = {0};

	find_taken(proc_devices, taken);
	state->major =
		major >= 0 ? (uint32_t)major : dax_majors_choose(taken, state->major);
	taken[state->major] = true;
	state->ndctl_major = dax_majors_choose(taken, state->ndctl_major);
	taken[state->ndctl_major] = true;
	state->cxl_major = has_cxl ? dax_majors_choose(taken, state->cxl_major) : 0;
	if (!state->major || !state->ndctl_major || (has_cxl && !state->cxl_major))
		return daxd_fail(why, EBUSY,
				 "/proc/devices: not enough major numbers are "
				 "free (234 to 254 and 384 to 511 are searched; unload "
				 "drivers)");
	state->devtmpfs_dev = dev_of("/dev");
	state->sysfs_dev = dev_of("/sys");
	return 0;
}

/* True if a line is about a driver that the daemon emulates, or about its CUSE nodes. */
static bool is_replaced(const char *line, bool has_cxl)
{
	const char *name = strrchr(line, ' ');

	return name && (!strcmp(name, " dax") || !strcmp(name, " ndctl") ||
			(has_cxl && !strcmp(name, " cxl")) ||
			(!strncmp(name, " dax", 4) && strchr(name, '.')));
}

static void merge(GString *out, char *theirs, char *ours, bool has_cxl)
{
	char *line;
	char *mine = strsep(&ours, "\n");

	while ((line = strsep(&theirs, "\n"))) {
		unsigned long major = strtoul(line, NULL, 10);

		if (is_replaced(line, has_cxl))
			continue;
		while (mine && *mine && (!*line || strtoul(mine, NULL, 10) < major)) {
			g_string_append_printf(out, "%s\n", mine);
			mine = strsep(&ours, "\n");
		}
		if (*line)
			g_string_append_printf(out, "%s\n", line);
	}
	for (; mine && *mine; mine = strsep(&ours, "\n"))
		g_string_append_printf(out, "%s\n", mine);
}

/**
 * daxd_majors_write() - write RUNTIME/proc/devices
 * @proc_devices: from daxd_majors_read(); modified
 * @rt:		the runtime directory
 * @model:	the model, which has the emulated lines
 *
 * The host's /proc/devices with the emulated lines, sorted by number. They replace the
 * lines of the host's own dax and ndctl drivers, if there are any: programs do not see
 * the devices of these, and a driver's name stands for one number.
 *
 * Return: 0 or a negative errno.
 */
int daxd_majors_write(char *proc_devices, struct daxd_runtime *rt,
		      const struct dax_model *model)
{
	g_autoptr(GString) out = g_string_new(CHAR_HEADER);
	char *theirs = proc_devices;
	char *end = strstr(theirs, CHAR_END);
	char ours[128];

	if (g_str_has_prefix(theirs, CHAR_HEADER))
		theirs += strlen(CHAR_HEADER);
	dax_sysfs_proc_devices(model, ours, sizeof(ours));
	if (end)
		*end = '\0';
	merge(out, theirs, ours, model->cxl != NULL);
	g_string_append(out, CHAR_END);
	if (end)
		g_string_append(out, end + strlen(CHAR_END));
	return daxd_runtime_write(rt, "proc/devices", dax_attr_mode_encode(0444, false),
				  out->str, out->len);
}
