/* SPDX-License-Identifier: BSD-2-Clause */
/* The file `stores`: the backing file of each device, for the next daemon. */
#include "cuse-daxd/registry/note.h"

#include <glib.h>
#include <string.h>

#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/store.h"

#define NOTE     "stores"
#define NOTE_MAX (256 << 10)

/**
 * daxd_note_write() - note the backing file of each device
 * @reg:	the registry
 *
 * Lines "LIFE DEV INO", only of devices whose memory outlives the daemon.
 *
 * Return: 0 or a negative errno.
 */
int daxd_note_write(const struct daxd_registry *reg)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (dev->store && !daxd_store_is_volatile(dev->store))
			g_string_append_printf(text, "%ju %ju %ju\n",
					       (uintmax_t)dev->life,
					       (uintmax_t)dev->store->dev,
					       (uintmax_t)dev->store->ino);
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
	g_autofree char *line =
		g_strdup_printf("%ju %ju %ju\n", (uintmax_t)life, (uintmax_t)store->dev,
				(uintmax_t)store->ino);
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
