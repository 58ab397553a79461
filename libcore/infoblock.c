/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The info block of a pmem namespace in devdax mode.
 *
 *	0x000 signature		0x030 flags, u32	0x048 mode, u32
 *	0x010 uuid		0x034 version, 2 u16	0x04c start_pad, u32
 *	0x020 parent_uuid	0x038 dataoff, u64	0x050 end_trunc, u32
 *				0x040 npfns, u64	0x054 align, u32
 *	0x058 page_size, u32	0x05c page_struct_size, u16
 *	0xff8 checksum, u64	the rest is zero; all little-endian
 *
 * A namespace consists of: start_pad, 4 KiB unused, this block, page structs if they
 * are on the media, the device from dataoff on (counted behind start_pad), end_trunc.
 */
#include "libcore/infoblock.h"

#include <errno.h>
#include <string.h>

#include "libcore/bytes.h"
#include "libcore/model.h"
#include "libcore/size.h"

#define OFF_FLAGS            0x30
#define OFF_MAJOR            0x34
#define OFF_MINOR            0x36
#define OFF_DATAOFF          0x38
#define OFF_NPFNS            0x40
#define OFF_MODE             0x48
#define OFF_START_PAD        0x4c
#define OFF_END_TRUNC        0x50
#define OFF_ALIGN            0x54
#define OFF_PAGE_SIZE        0x58
#define OFF_PAGE_STRUCT_SIZE 0x5c
#define OFF_PADDING          0x5e
#define OFF_CHECKSUM         0xff8

#define VERSION_MAJOR 1
#define VERSION_MINOR 4

#define COMPAT_ALIGN     (2 * DAX_MIB)  /* x86-64: memremap_compat_align() */
#define NS_ALIGN         (16 * DAX_MIB) /* nd region's align */
#define RESERVE          (8 * DAX_KIB)  /* nd_info_block_reserve() */
#define PAGE_STRUCT_SIZE 64

static const uint8_t signature[16] = "NVDIMM_DAX_INFO";

/* Compute the checksum, in which its own bytes count as zero. */
static uint64_t checksum(const uint8_t *buf)
{
	return dax_fletcher64(buf, DAX_INFOBLOCK_SIZE);
}

/* Fill in fields that the block's version does not have yet (nd_pfn_validate()). */
static void fill_old_version(struct dax_infoblock *block)
{
	if (block->version_minor < 1) {
		block->start_pad = 0;
		block->end_trunc = 0;
	}
	if (block->version_minor < 2)
		block->align = 0;
	if (block->version_minor < 4) {
		block->page_size = DAX_PAGE;
		block->page_struct_size = PAGE_STRUCT_SIZE;
	}
	/* "1 << ilog2(dataoff)" */
	if (!block->align && block->dataoff && block->dataoff <= UINT32_MAX)
		block->align = UINT32_C(1)
			       << (31 - __builtin_clz((uint32_t)block->dataoff));
}

/**
 * dax_infoblock_decode() - read a block
 * @buf:	4096 bytes from byte 4096 of the namespace
 * @ret:	receives the fields, also with the last two errors
 *
 * In a block of version 1.3 and later, padding and flags are zero; anything else there
 * is an unknown feature. Fields that an older version does not have are filled in with
 * the values that it implies.
 *
 * Return: 0; -ENODATA: all zeroes, so there is no block; -EILSEQ: no signature, so this
 * is something else; -EBADMSG: the checksum does not match, the block is torn or
 * damaged; -EPROTONOSUPPORT: a version or feature that is newer than this code.
 */
int dax_infoblock_decode(const uint8_t buf[DAX_INFOBLOCK_SIZE], struct dax_infoblock *ret)
{
	if (dax_is_zero(buf, DAX_INFOBLOCK_SIZE))
		return -ENODATA;
	if (memcmp(buf, signature, sizeof(signature)))
		return -EILSEQ;
	memcpy(ret->uuid, buf + 16, DAX_UUID_LEN);
	memcpy(ret->parent_uuid, buf + 32, DAX_UUID_LEN);
	ret->flags = (uint32_t)dax_get_le(buf + OFF_FLAGS, 4);
	ret->version_major = (uint16_t)dax_get_le(buf + OFF_MAJOR, 2);
	ret->version_minor = (uint16_t)dax_get_le(buf + OFF_MINOR, 2);
	ret->dataoff = dax_get_le(buf + OFF_DATAOFF, 8);
	ret->npfns = dax_get_le(buf + OFF_NPFNS, 8);
	ret->mode = (uint32_t)dax_get_le(buf + OFF_MODE, 4);
	ret->start_pad = (uint32_t)dax_get_le(buf + OFF_START_PAD, 4);
	ret->end_trunc = (uint32_t)dax_get_le(buf + OFF_END_TRUNC, 4);
	ret->align = (uint32_t)dax_get_le(buf + OFF_ALIGN, 4);
	ret->page_size = (uint32_t)dax_get_le(buf + OFF_PAGE_SIZE, 4);
	ret->page_struct_size = (uint16_t)dax_get_le(buf + OFF_PAGE_STRUCT_SIZE, 2);
	fill_old_version(ret);

	if (dax_get_le(buf + OFF_CHECKSUM, 8) != checksum(buf))
		return -EBADMSG;
	if (ret->version_major != VERSION_MAJOR || ret->version_minor > VERSION_MINOR)
		return -EPROTONOSUPPORT;
	if (ret->version_minor >= 3 &&
	    (ret->flags || !dax_is_zero(buf + OFF_PADDING, OFF_CHECKSUM - OFF_PADDING)))
		return -EPROTONOSUPPORT;
	return 0;
}

/**
 * dax_infoblock_encode() - write a block
 * @block:	the fields, written unchanged
 * @buf:	receives all 4096 bytes, checksum included
 */
void dax_infoblock_encode(const struct dax_infoblock *block,
			  uint8_t buf[DAX_INFOBLOCK_SIZE])
{
	memset(buf, 0, DAX_INFOBLOCK_SIZE);
	memcpy(buf, signature, sizeof(signature));
	memcpy(buf + 16, block->uuid, DAX_UUID_LEN);
	memcpy(buf + 32, block->parent_uuid, DAX_UUID_LEN);
	dax_put_le(buf + OFF_FLAGS, 4, block->flags);
	dax_put_le(buf + OFF_MAJOR, 2, block->version_major);
	dax_put_le(buf + OFF_MINOR, 2, block->version_minor);
	dax_put_le(buf + OFF_DATAOFF, 8, block->dataoff);
	dax_put_le(buf + OFF_NPFNS, 8, block->npfns);
	dax_put_le(buf + OFF_MODE, 4, block->mode);
	dax_put_le(buf + OFF_START_PAD, 4, block->start_pad);
	dax_put_le(buf + OFF_END_TRUNC, 4, block->end_trunc);
	dax_put_le(buf + OFF_ALIGN, 4, block->align);
	dax_put_le(buf + OFF_PAGE_SIZE, 4, block->page_size);
	dax_put_le(buf + OFF_PAGE_STRUCT_SIZE, 2, block->page_struct_size);
	dax_put_le(buf + OFF_CHECKSUM, 8, checksum(buf));
}

/* The offset behind @size bytes' page structs, where the device may begin. */
static uint64_t page_structs_end(uint64_t size)
{
	return RESERVE + (size - RESERVE) / DAX_PAGE * PAGE_STRUCT_SIZE;
}

/* The namespace without its pads; 0 if they leave nothing. */
static uint64_t unpadded(const struct dax_infoblock *block, uint64_t ns_size)
{
	uint64_t pads = (uint64_t)block->start_pad + block->end_trunc;

	return pads < ns_size ? ns_size - pads : 0;
}

static const char *find_fault(const struct dax_infoblock *block, uint64_t ns_start,
			      uint64_t ns_size)
{
	uint64_t size = unpadded(block, ns_size);
	uint64_t start;
	uint64_t end;

	if (__builtin_add_overflow(ns_start, ns_size, &end))
		return "the namespace ends behind all addresses";
	/* A namespace of an unlabelled region has no uuid that could be a parent's. */
	if (!dax_is_zero(block->parent_uuid, DAX_UUID_LEN))
		return "it belongs to a namespace with labels (parent uuid)";
	if (block->mode != DAX_INFOBLOCK_RAM && block->mode != DAX_INFOBLOCK_PMEM)
		return "its mode is neither ram nor pmem";
	if (block->mode == DAX_INFOBLOCK_PMEM && block->page_size > DAX_PAGE)
		return "it was made for larger pages";
	if (block->mode == DAX_INFOBLOCK_PMEM &&
	    block->page_struct_size < PAGE_STRUCT_SIZE)
		return "it was made for smaller page structs";
	if (!dax_is_align(block->align))
		return "its alignment is not 4K, 2M or 1G";
	if (block->align > ns_size)
		return "its alignment exceeds the namespace";
	if (block->dataoff >= size)
		return "the namespace is too small for it";
	if (block->dataoff < RESERVE || !dax_is_aligned(block->dataoff, DAX_PAGE))
		return "its data offset is not possible";
	start = ns_start + block->start_pad;
	if (!dax_is_aligned(start + block->dataoff, block->align))
		return "its data offset is not aligned";
	if (!dax_is_aligned(start, COMPAT_ALIGN))
		return "the namespace does not start on 2M";
	if (!dax_is_aligned(end - block->end_trunc, COMPAT_ALIGN))
		return "the device does not end on 2M";
	/* bus.c: alloc_dax_region() */
	if (!dax_is_aligned(size - block->dataoff, block->align))
		return "the device's size is not aligned";
	/* Otherwise devm_memremap_pages() fails with ENOMEM. */
	if (block->mode == DAX_INFOBLOCK_PMEM && block->dataoff < page_structs_end(size))
		return "it has no room for the page structs";
	return NULL;
}

/**
 * dax_infoblock_validate() - check that a block fits its namespace
 * @block:	as decoded
 * @ns_start:	physical address of the namespace
 * @ns_size:	size of the namespace, in bytes
 * @ret_why:	receives the reason of -EINVAL, in words that follow "info block: "; a
 *		static string
 *
 * The checks are those of the kernel, and those that make the driver fail later. As in
 * the kernel, npfns is not checked (drivers/nvdimm/pfn_devs.c: nd_pfn_validate(),
 * __nvdimm_setup_pfn()).
 *
 * Return: 0, or -EINVAL if the block does not fit.
 */
int dax_infoblock_validate(const struct dax_infoblock *block, uint64_t ns_start,
			   uint64_t ns_size, const char **ret_why)
{
	const char *why = find_fault(block, ns_start, ns_size);

	if (!why)
		return 0;
	*ret_why = why;
	return -EINVAL;
}

/**
 * dax_infoblock_usable() - compute the device's size
 * @block:	as decoded
 * @ns_size:	size of the namespace, in bytes
 *
 * Return: bytes (pfn_devs.c: size_show()); 0 if the namespace is too small.
 */
uint64_t dax_infoblock_usable(const struct dax_infoblock *block, uint64_t ns_size)
{
	uint64_t size = unpadded(block, ns_size);

	return block->dataoff < size ? size - block->dataoff : 0;
}

/**
 * dax_infoblock_is_resized() - true if the namespace had another size when the block
 *				was written
 * @block:	valid
 * @ns_size:	size of the namespace, in bytes
 *
 * The kernel writes the size of the device into the block, but never checks it.
 */
bool dax_infoblock_is_resized(const struct dax_infoblock *block, uint64_t ns_size)
{
	return block->npfns != dax_infoblock_usable(block, ns_size) / DAX_PAGE;
}

/*
 * The data offset that the kernel chooses in a fresh namespace whose start is aligned
 * (nd_pfn_init()).
 */
static uint64_t fresh_dataoff(uint64_t ns_size, uint64_t align, enum dax_region_map map)
{
	return dax_round_up(map == DAX_MAP_DEV ? page_structs_end(ns_size) : RESERVE,
			    dax_max(align, COMPAT_ALIGN));
}

static struct dax_infoblock make_block(uint64_t ns_size, uint64_t dataoff, uint64_t size,
				       uint64_t align, enum dax_region_map map)
{
	return (struct dax_infoblock){
		.version_major = VERSION_MAJOR,
		.version_minor = VERSION_MINOR,
		.dataoff = dataoff,
		.npfns = size / DAX_PAGE,
		.mode = map == DAX_MAP_DEV ? DAX_INFOBLOCK_PMEM : DAX_INFOBLOCK_RAM,
		.end_trunc = (uint32_t)(ns_size - dataoff - size),
		.align = (uint32_t)align,
		.page_size = DAX_PAGE,
		.page_struct_size = PAGE_STRUCT_SIZE,
	};
}

/**
 * dax_infoblock_fill() - lay out the largest device of a namespace
 * @ns_size:	size of the namespace, in bytes
 * @align:	align of the device, in bytes
 * @map:	where the page structs are
 * @ret:	receives the block; uuid and parent_uuid are zero
 *
 * The namespace must start at a multiple of max(@align, 2 MiB).
 *
 * Return: the size of the device in bytes; 0: the namespace is too small, and @ret stays.
 */
uint64_t dax_infoblock_fill(uint64_t ns_size, uint64_t align, enum dax_region_map map,
			    struct dax_infoblock *ret)
{
	const uint64_t dataoff = fresh_dataoff(ns_size, align, map);
	const uint64_t unit = dax_max(align, COMPAT_ALIGN);
	uint64_t size;

	if (dataoff >= ns_size)
		return 0;
	size = (ns_size - dataoff) / unit * unit;
	if (size)
		*ret = make_block(ns_size, dataoff, size, align, map);
	return size;
}

/**
 * dax_infoblock_layout() - lay out a new namespace for a device of a given size
 * @size:	size of the device, in bytes
 * @align:	align of the device, in bytes
 * @map:	where the page structs are
 * @ret:	receives the block; uuid and parent_uuid are zero
 * @ret_ns_size: receives the size of the namespace in bytes, a multiple of 16 MiB, the
 *		nd region's align
 *
 * The namespace is the smallest possible one. Its data offset is what the kernel would
 * choose for it, and its end_trunc leaves exactly @size bytes. The namespace must start
 * at a multiple of max(@align, 2 MiB).
 *
 * Return: 0; -EINVAL: @align is not an align, or @size is 0, above DAX_SIZE_MAX, or not
 * a multiple of max(@align, 2 MiB): a kernel refuses a namespace that ends elsewhere,
 * also with 4 KiB pages.
 */
int dax_infoblock_layout(uint64_t size, uint64_t align, enum dax_region_map map,
			 struct dax_infoblock *ret, uint64_t *ret_ns_size)
{
	uint64_t dataoff;
	uint64_t ns_size;

	if (!dax_is_align(align) || !size || size > DAX_SIZE_MAX ||
	    !dax_is_aligned(size, dax_max(align, COMPAT_ALIGN)))
		return -EINVAL;
	/*
	 * A larger namespace has more page structs and so a larger offset. Except for the
	 * jump to the next align, the offset grows less than the namespace: enlarge it
	 * until the device fits. Each round adds at least the missing bytes, so there are
	 * few rounds.
	 */
	ns_size = dax_round_up(size + RESERVE, NS_ALIGN);
	for (;;) {
		dataoff = fresh_dataoff(ns_size, align, map);
		if (ns_size >= dataoff + size)
			break;
		ns_size = dax_round_up(dataoff + size, NS_ALIGN);
	}
	*ret = make_block(ns_size, dataoff, size, align, map);
	*ret_ns_size = ns_size;
	return 0;
}
