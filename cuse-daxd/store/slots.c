/* SPDX-License-Identifier: BSD-2-Clause */
/* The two slots of a record in the file of a store: read them, compare them. */
#include "cuse-daxd/store/slots.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/layout.h"
#include "libcore/size.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/store/file.h"

/**
 * daxd_slots_remember() - remember the current content of both slots
 * @record:	the record
 * @unsealed:	the content without sequence number and checksum; copied
 * @length:	bytes of it
 */
void daxd_slots_remember(struct daxd_record *record, const uint8_t *unsealed,
			 size_t length)
{
	g_free(record->last);
	record->last = g_memdup2(unsealed, length);
	record->last_length = length;
	record->first = 0;
}

/* If both slots hold it, there is nothing to write until something changes. */
static void remember_found(struct daxd_record *record)
{
	const struct dax_layout *found = &record->found;
	g_autofree uint8_t *copy = NULL;

	if (memcmp(record->slots[0], record->slots[1], found->length)) {
		record->first = found->record == record->slots[0];
		return;
	}
	copy = g_memdup2(found->record, found->length);
	dax_layout_unseal(copy, found->length);
	daxd_slots_remember(record, copy, found->length);
}

/* Read of each slot as many bytes as its header says. */
static int read_slots(struct daxd_store *store, struct daxd_why *why)
{
	struct daxd_record *record = &store->record;
	unsigned int i;

	for (i = 0; i < DAX_LAYOUT_SLOTS; i++) {
		off_t at = (off_t)record->area.offset[i];
		size_t size = record->area.slot_size;
		uint8_t *slot = record->slots[i] = g_malloc0(size);

		if (pread(store->rw, slot, DAX_LAYOUT_HEADER, at) < 0 ||
		    pread(store->rw, slot, dax_layout_length(slot, size), at) < 0)
			return daxd_fail(why, errno, "%s: can't be read: %s", store->path,
					 strerror(errno));
	}
	return 0;
}

/**
 * daxd_slots_read() - read the record, if there is one
 * @store:	its file is open, and record.area set
 * @uuid:	of the namespace; zero if there is none
 * @size:	usable bytes of the region
 * @why:	receives the reason if the record can't be used
 *
 * Return: 0, also if there is no record; or a negative errno.
 */
int daxd_slots_read(struct daxd_store *store, const uint8_t uuid[DAX_UUID_LEN],
		    uint64_t size, struct daxd_why *why)
{
	struct daxd_record *record = &store->record;
	const struct dax_layout *found = &record->found;
	char was[DAX_SIZE_STRLEN];
	char is[DAX_SIZE_STRLEN];
	int r;

	r = read_slots(store, why);
	if (r < 0)
		return r;
	r = dax_layout_pick((const uint8_t *const *)record->slots, record->area.slot_size,
			    uuid, &record->found);
	if (r == -ENODATA)
		return 0;
	if (r == -EBADMSG)
		return daxd_fail(why, EBADMSG,
				 "%s: the record of its devices is damaged: no checksum "
				 "matches; nothing was changed (restore the image; "
				 "cuse-daxd --force-format overwrites it)",
				 store->path);
	if (r < 0)
		return daxd_fail(why, -r,
				 "%s: the record of its devices has a newer "
				 "version than 1, the newest one known; nothing was "
				 "changed (use a newer cuse-daxd; cuse-daxd "
				 "--force-format overwrites it)",
				 store->path);
	if (found->size != size)
		return daxd_fail(why, EINVAL,
				 "%s: the file was made longer or shorter: the record of "
				 "its devices is for %s, now there would be %s; nothing "
				 "was changed (truncate it to its former size, or "
				 "restore it; cuse-daxd --force-format overwrites it)",
				 store->path, dax_size_format(found->size, was),
				 dax_size_format(size, is));
	record->has_found = true;
	record->sequence = found->sequence;
	remember_found(record);
	return 0;
}

/**
 * daxd_slots_done() - free the memory of a record
 * @record:	in any state; zeroed afterwards
 */
void daxd_slots_done(struct daxd_record *record)
{
	unsigned int i;

	for (i = 0; i < DAX_LAYOUT_SLOTS; i++)
		g_free(record->slots[i]);
	g_free(record->last);
	memset(record, 0, sizeof(*record));
}

/**
 * daxd_slots_are_intact() - check that both slots hold the record last written to them
 * @store:	any store with a file
 *
 * Return: true if they do, or if the store keeps no record. If false, the next
 * daxd_record_save() writes the record.
 */
bool daxd_slots_are_intact(struct daxd_store *store)
{
	struct daxd_record *record = &store->record;
	g_autofree uint8_t *slot = NULL;
	unsigned int i;

	if (!store->wants_record || !record->last_length)
		return true;
	slot = g_malloc0(record->last_length);
	for (i = 0; i < DAX_LAYOUT_SLOTS; i++) {
		uint64_t at = record->area.offset[i];

		if (pread(store->rw, slot, record->last_length, (off_t)at) < 0)
			return true;
		dax_layout_unseal(slot, record->last_length);
		if (memcmp(slot, record->last, record->last_length)) {
			record->last_length = 0;
			return false;
		}
	}
	return true;
}
