/* SPDX-License-Identifier: BSD-2-Clause */
/* The content of a file that backs a region. Needs no daemon, and changes nothing. */
#include "client/cuse-daxctl/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <json-c/json.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libcore/image.h"
#include "libcore/infoblock.h"
#include "libcore/layout.h"
#include "libcore/model.h"

#include "client/cuse-daxctl/error.h"

static void add_string(struct json_object *json, const char *key, const char *value)
{
	json_object_object_add(json, key, json_object_new_string(value));
}

static void add_number(struct json_object *json, const char *key, uint64_t value)
{
	json_object_object_add(json, key, json_object_new_uint64(value));
}

static void add_uuid(struct json_object *json, const uint8_t *uuid)
{
	char text[2 * DAX_UUID_LEN + 5];
	char *p = text;
	unsigned int i;

	for (i = 0; i < DAX_UUID_LEN; i++)
		p += sprintf(p, "%s%02x",
			     i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	add_string(json, "uuid", text);
}

static void add_block(struct json_object *json, const struct dax_image *image)
{
	const struct dax_infoblock *block = &image->block;
	char version[16];

	add_uuid(json, block->uuid);
	add_string(json, "mode", "devdax");
	add_string(json, "map", block->mode == DAX_INFOBLOCK_PMEM ? "dev" : "mem");
	add_number(json, "align", block->align);
	add_number(json, "dataoff", block->dataoff);
	add_number(json, "size", dax_infoblock_usable(block, image->ns_size));
	add_number(json, "npfns", block->npfns);
	add_number(json, "start_pad", block->start_pad);
	add_number(json, "end_trunc", block->end_trunc);
	add_number(json, "namespace_size", image->ns_size);
	snprintf(version, sizeof(version), "%u.%u", block->version_major,
		 block->version_minor);
	add_string(json, "version", version);
	add_string(json, "checksum", image->state == DAX_IMAGE_DAMAGED ? "wrong" : "ok");
}

static struct json_object *describe_device(const struct dax_layout_dev *dev)
{
	struct json_object *json = json_object_new_object();
	struct json_object *ranges = json_object_new_array();
	uint64_t size = 0;
	uint32_t i;

	for (i = 0; i < dev->nr_ranges; i++) {
		struct json_object *range = json_object_new_object();

		add_number(range, "offset", dev->ranges[i].start);
		add_number(range, "size", dev->ranges[i].len);
		json_object_array_add(ranges, range);
		size += dev->ranges[i].len;
	}
	add_number(json, "id", dev->id);
	add_number(json, "size", size);
	add_number(json, "align", dev->align);
	add_string(json, "state", dev->flags & DAX_LAYOUT_BOUND ? "enabled" : "disabled");
	json_object_object_add(json, "ranges", ranges);
	return json;
}

static struct json_object *describe_record(const struct dax_layout *layout)
{
	struct json_object *json = json_object_new_object();
	struct json_object *devices = json_object_new_array();
	struct dax_layout_dev dev;
	size_t cursor = 0;

	add_string(json, "state", "ok");
	add_string(json, "type",
		   layout->type == DAX_REGION_DYNAMIC ? "dynamic" : "static");
	add_number(json, "size", layout->size);
	add_number(json, "align", layout->align);
	add_number(json, "sequence", layout->sequence);
	while (dax_layout_next(layout, &cursor, &dev))
		json_object_array_add(devices, describe_device(&dev));
	json_object_object_add(json, "devices", devices);
	return json;
}

/* Return: 0; -ENODATA: there is no record; else a negative errno for a bad record. */
static int add_record(struct json_object *json, int fd,
		      const struct dax_layout_area *area, const uint8_t *uuid)
{
	uint8_t *slots[DAX_LAYOUT_SLOTS];
	struct json_object *record = NULL;
	struct dax_layout layout;
	unsigned int i;
	int r;

	for (i = 0; i < DAX_LAYOUT_SLOTS; i++) {
		slots[i] = g_malloc0(area->slot_size);
		if (pread(fd, slots[i], area->slot_size, (off_t)area->offset[i]) < 0)
			memset(slots[i], 0, area->slot_size);
	}
	r = dax_layout_pick((const uint8_t *const *)slots, area->slot_size, uuid,
			    &layout);
	if (r == 0) {
		record = describe_record(&layout);
	} else if (r != -ENODATA) {
		record = json_object_new_object();
		add_string(record, "state", r == -EBADMSG ? "damaged" : "newer");
	}
	if (record)
		json_object_object_add(json, "record", record);
	for (i = 0; i < DAX_LAYOUT_SLOTS; i++)
		g_free(slots[i]);
	return r;
}

/* A file of huge pages has no info block, only perhaps a record. */
static int inspect_huge(struct json_object *json, int fd, uint64_t size, uint64_t page)
{
	static const uint8_t no_uuid[DAX_UUID_LEN];
	struct dax_layout_area area;
	uint8_t begin[DAX_LAYOUT_SIGNATURE_LEN] = {0};
	int r = -ENODATA;

	add_string(json, "state", "ok");
	add_string(json, "what", "a file on a hugetlbfs");
	if (size > page) {
		dax_layout_area_of_page(size - page, &area);
		if (pread(fd, begin, sizeof(begin), (off_t)area.offset[0]) > 0 &&
		    dax_layout_is_signature(begin))
			r = add_record(json, fd, &area, no_uuid);
	}
	add_number(json, "size", r == -ENODATA ? size : size - page);
	return r == -ENODATA ? 0 : r;
}

static int inspect_image(struct json_object *json, int fd, const char *path,
			 uint64_t size)
{
	uint8_t head[DAX_IMAGE_HEAD] = {0};
	struct dax_layout_area area;
	struct dax_image image;
	int r;

	if (pread(fd, head, sizeof(head), 0) < 0) {
		ctl_error("%s: cannot read it: %m", path);
		return -errno;
	}
	dax_image_examine(head, size, &image);
	add_string(json, "state", dax_image_state_name(image.state));
	add_string(json, "what", image.what);
	switch (image.state) {
	case DAX_IMAGE_EMPTY:
	case DAX_IMAGE_TOO_SMALL:
	case DAX_IMAGE_FOREIGN:
		return image.state == DAX_IMAGE_EMPTY ? 0 : -EILSEQ;
	case DAX_IMAGE_OK:
	case DAX_IMAGE_DAMAGED:
	case DAX_IMAGE_NEWER:
	case DAX_IMAGE_MISFIT:
	case DAX_IMAGE_RESIZED:
		break;
	}
	add_block(json, &image);
	if (image.state == DAX_IMAGE_DAMAGED || image.state == DAX_IMAGE_NEWER)
		return -EBADMSG;
	dax_layout_area_of_image(&image.block, &area);
	r = add_record(json, fd, &area, image.block.uuid);
	if (image.state != DAX_IMAGE_OK)
		return -EINVAL;
	return r == -ENODATA ? 0 : r;
}

/**
 * ctl_inspect() - examine a file
 * @path:	path of the file
 * @ret:	receives the result, for the caller to json_object_put(); NULL after a
 *		message
 *
 * Return: 0 if a daemon would use the file as it is; else a negative errno.
 */
int ctl_inspect(const char *path, struct json_object **ret)
{
	struct json_object *json;
	struct statfs fs;
	struct stat st;
	int fd;
	int r;

	*ret = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0) {
		r = -errno;
		ctl_error("%s: %m", path);
		if (fd >= 0)
			close(fd);
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		ctl_error("%s: is not a regular file", path);
		close(fd);
		return -EINVAL;
	}
	json = json_object_new_object();
	add_string(json, "path", path);
	add_number(json, "file_size", (uint64_t)st.st_size);
	if ((unsigned long)fs.f_type == HUGETLBFS_MAGIC)
		r = inspect_huge(json, fd, (uint64_t)st.st_size, (uint64_t)fs.f_bsize);
	else
		r = inspect_image(json, fd, path, (uint64_t)st.st_size);
	close(fd);
	*ret = json;
	return r;
}
