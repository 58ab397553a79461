/* SPDX-License-Identifier: BSD-2-Clause */
/* The file `stores`: the memory of each device, for the next daemon. */
#include "cuse-daxd/registry/note.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/store.h"

#define NOTE     "stores"
#define NOTE_MAX (256 << 10)

/*
 * Note a store that has no path: by what the kernel calls it in /proc/PID/fd, and by what
 * nobody can imitate, the next daemon finds it in a process that uses it.
 */
static void add_memory(GString *text, const struct daxd_store *store)
{
	char link[64];
	char target[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", store->rw);
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	g_string_append_printf(text, "memory %ju %ju %ju %ju %s\t%s\n",
			       (uintmax_t)store->dev, (uintmax_t)store->ino,
			       (uintmax_t)store->born, (uintmax_t)store->size,
			       store->name, strrchr(target, '/') ?: target);
}

/* Return: the line of a device, for the caller to g_free(). */
static char *line_of(uint64_t life, const struct daxd_store *store)
{
	return g_strdup_printf("%ju %ju %ju %ju\n", (uintmax_t)life,
			       (uintmax_t)store->dev, (uintmax_t)store->ino,
			       (uintmax_t)store->born);
}

/**
 * daxd_note_write() - note the memory of each device
 * @reg:	the registry
 *
 * A line "LIFE DEV INO BORN" for each device, and "memory DEV INO BORN SIZE NAME<TAB>LINK"
 * if its memory is no file with a path. Only the daemon's user can read the note, and write it.
 *
 * Return: 0 or a negative errno.
 */
int daxd_note_write(const struct daxd_registry *reg)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg->devices, i);
		g_autofree char *line =
			dev->store ? line_of(dev->life, dev->store) : NULL;

		if (!line)
			continue;
		g_string_append(text, line);
		if (!dev->store->path)
			add_memory(text, dev->store);
	}
	return daxd_runtime_write(reg->rt, NOTE, 0600, text->str, text->len);
}

/**
 * daxd_note_has() - check whether an earlier daemon had a device on this file
 * @note:	as daxd_note_read() returned it
 * @life:	of the device
 * @store:	the file
 *
 * Return: true if it had.
 */
bool daxd_note_has(const char *note, uint64_t life, const struct daxd_store *store)
{
	g_autofree char *line = line_of(life, store);
	const char *found = strstr(note, line);

	/* Only at the start of a line: otherwise it is the tail of a longer number. */
	return found && (found == note || found[-1] == '\n');
}

/**
 * daxd_note_read() - read the note of the previous daemon
 * @reg:	the registry
 *
 * Return: its text, for the caller to g_free(); empty if there is none.
 */
char *daxd_note_read(const struct daxd_registry *reg)
{
	g_autofree char *path = g_build_filename(reg->rt->path, NOTE, NULL);
	char *note;
	gsize len;

	if (!g_file_get_contents(path, &note, &len, NULL))
		return g_strdup("");
	if (len > NOTE_MAX)
		note[0] = '\0';
	return note;
}
