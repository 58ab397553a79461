/* SPDX-License-Identifier: BSD-2-Clause */
/* Examination of files that back a static region, each the image of a namespace. */
#include "libcore/image.h"

#include <errno.h>

#include "libcore/bytes.h"
#include "libcore/infoblock.h"
#include "libcore/size.h"

/* Other known contents, recognised by how they begin. */
static const struct {
	size_t offset;
	const char *magic;
	size_t len;
	const char *what;
} known[] = {
	{4096, "NVDIMM_PFN_INFO", 16,
	 "a namespace in fsdax mode (info block NVDIMM_PFN_INFO)"},
	{4096, "BTT_ARENA_INFO", 15, "a namespace in sector mode (BTT_ARENA_INFO)"},
	{0, "NAMESPACE_INDEX", 16, "the label area of an NVDIMM"},
	{1080, "\x53\xef", 2, "an ext2, ext3 or ext4 file system"},
	{0, "XFSB", 4, "an XFS file system"},
	{0, "QFI\xfb", 4, "a qcow2 image (convert it: qemu-img convert -O raw)"},
	{512, "EFI PART", 8, "a partitioned disk (GPT)"},
	{510, "\x55\xaa", 2, "a partitioned disk (MBR)"},
};

static const char *what_is(const uint8_t *head)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!memcmp(head + known[i].offset, known[i].magic, known[i].len))
			return known[i].what;
	return "data without an info block";
}

static enum dax_image_state examine_block(const uint8_t *head, struct dax_image *image)
{
	switch (dax_infoblock_decode(head + DAX_INFOBLOCK_OFFSET, &image->block)) {
	case 0:
		break;
	case -EBADMSG:
		image->what = "the checksum does not match";
		return DAX_IMAGE_DAMAGED;
	case -EPROTONOSUPPORT:
		image->what = "a version or a feature that is newer than 1.4";
		return DAX_IMAGE_NEWER;
	default:
		image->what = what_is(head);
		return DAX_IMAGE_FOREIGN;
	}
	if (dax_infoblock_validate(&image->block, DAX_IMAGE_NS_START, image->ns_size,
				   &image->what) < 0)
		return DAX_IMAGE_MISFIT;
	image->size = dax_infoblock_usable(&image->block, image->ns_size);
	if (dax_infoblock_is_resized(&image->block, image->ns_size)) {
		image->what = "the file was made longer or shorter";
		return DAX_IMAGE_RESIZED;
	}
	image->what = "a namespace in devdax mode";
	return DAX_IMAGE_OK;
}

/**
 * dax_image_examine() - find out what a file contains
 * @head:	its first bytes, zero-filled if the file is shorter
 * @file_size:	size of the file, in bytes
 * @ret:	receives the result
 */
void dax_image_examine(const uint8_t head[DAX_IMAGE_HEAD], uint64_t file_size,
		       struct dax_image *ret)
{
	*ret = (struct dax_image){
		.file_size = file_size,
		.ns_size = dax_round_down(file_size, DAX_IMAGE_NS_ALIGN),
	};
	ret->is_ours = !memcmp(head + DAX_IMAGE_MARK_OFFSET, DAX_IMAGE_MARK_OURS,
			       DAX_IMAGE_MARK_LEN);
	if (ret->is_ours ||
	    !memcmp(head + DAX_IMAGE_MARK_OFFSET, DAX_IMAGE_MARK, DAX_IMAGE_MARK_LEN)) {
		ret->state = DAX_IMAGE_EMPTY;
		ret->what = "an image whose formatting was interrupted";
	} else if (!dax_is_zero(head, DAX_IMAGE_HEAD)) {
		ret->state = examine_block(head, ret);
	} else if (file_size && !ret->ns_size) {
		ret->state = DAX_IMAGE_TOO_SMALL;
		ret->what = "empty, with too few bytes for a namespace";
	} else {
		ret->state = DAX_IMAGE_EMPTY;
		ret->what = "empty";
	}
}

/**
 * dax_image_state_name() - name a state in one or two words
 * @state:	the state
 *
 * Return: "ok", "foreign" or the like.
 */
const char *dax_image_state_name(enum dax_image_state state)
{
	static const char *const names[] = {
		[DAX_IMAGE_OK] = "ok",
		[DAX_IMAGE_EMPTY] = "empty",
		[DAX_IMAGE_TOO_SMALL] = "too small",
		[DAX_IMAGE_FOREIGN] = "foreign",
		[DAX_IMAGE_DAMAGED] = "damaged",
		[DAX_IMAGE_NEWER] = "newer",
		[DAX_IMAGE_MISFIT] = "misfit",
		[DAX_IMAGE_RESIZED] = "resized",
	};

	return names[state];
}
