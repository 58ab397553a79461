/* SPDX-License-Identifier: BSD-2-Clause */
/* The info block: its bytes, the blocks that are refused, and the arithmetic of sizes. */
#include <errno.h>
#include <string.h>

#include "libcore/infoblock.h"
#include "libcore/model.h"
#include "libcore/size.h"

#include "tests/unit/tap.h"

static uint64_t get_le(const uint8_t *p, int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

static void put_le(uint8_t *p, int bytes, uint64_t value)
{
	for (; bytes--; value >>= 8)
		*p++ = (uint8_t)value;
}

/* A second implementation of Fletcher-64, independent of libcore's. */
static void seal(uint8_t *buf)
{
	uint64_t lo = 0;
	uint64_t hi = 0;
	int i;

	memset(buf + 4088, 0, 8);
	for (i = 0; i < 1024; i++) {
		lo = (lo + get_le(buf + 4 * i, 4)) % 4294967296;
		hi = (hi + lo) % 4294967296;
	}
	put_le(buf + 4088, 8, hi * 4294967296 + lo);
}

/* The block that a real kernel wrote for 256 MiB, --map=dev, align 2M. */
static void real_block(uint8_t *buf)
{
	int i;

	memset(buf, 0, 4096);
	memcpy(buf, "NVDIMM_DAX_INFO", 16);
	for (i = 0; i < 16; i++)
		buf[16 + i] = (uint8_t)(0xa0 + i);
	put_le(buf + 0x34, 2, 1);
	put_le(buf + 0x36, 2, 4);
	put_le(buf + 0x38, 8, 0x600000);
	put_le(buf + 0x40, 8, 0xfa00);
	put_le(buf + 0x48, 4, 2);
	put_le(buf + 0x54, 4, 0x200000);
	put_le(buf + 0x58, 4, 4096);
	put_le(buf + 0x5c, 2, 64);
	seal(buf);
}

static void test_real_block(void)
{
	struct dax_infoblock block;
	const char *why = NULL;
	uint8_t again[4096];
	uint8_t buf[4096];

	real_block(buf);
	is(dax_infoblock_decode(buf, &block), 0, "a real block is read");
	ok(!memcmp(block.uuid, buf + 16, 16), "uuid");
	ok(!memcmp(block.parent_uuid, buf + 32, 16), "parent uuid");
	is(block.flags, 0, "flags");
	is(block.version_major, 1, "major");
	is(block.version_minor, 4, "minor");
	is(block.dataoff, 0x600000, "dataoff");
	is(block.npfns, 0xfa00, "npfns");
	is(block.mode, DAX_INFOBLOCK_PMEM, "mode");
	is(block.start_pad, 0, "start_pad");
	is(block.end_trunc, 0, "end_trunc");
	is(block.align, 0x200000, "align");
	is(block.page_size, 4096, "page size");
	is(block.page_struct_size, 64, "page struct size");
	is(dax_infoblock_usable(&block, 256 * DAX_MIB), 262144000, "its device's size");
	is(dax_infoblock_validate(&block, DAX_GIB, 256 * DAX_MIB, &why), 0,
	   "it is valid");
	ok(!why, "and no reason is given");
	memset(again, 0xff, sizeof(again));
	dax_infoblock_encode(&block, again);
	ok(!memcmp(buf, again, sizeof(buf)), "written again it is the same");
}

/* Encoding and decoding preserve every field. */
static void test_round_trip(void)
{
	struct dax_infoblock in = {
		.flags = 0,
		.version_major = 1,
		.version_minor = 4,
		.dataoff = 0x1122334455667788,
		.npfns = 0x99aabbccddeeff00,
		.mode = 0x12345678,
		.start_pad = 0x87654321,
		.end_trunc = 0xabcdef01,
		.align = 0x01fedcba,
		.page_size = 0x55aa55aa,
		.page_struct_size = 0xaa55,
	};
	struct dax_infoblock out;
	uint8_t buf[4096];

	memcpy(in.uuid, "0123456789abcdef", sizeof(in.uuid));
	memcpy(in.parent_uuid, "fedcba9876543210", sizeof(in.parent_uuid));
	memset(&out, 0, sizeof(out));
	dax_infoblock_encode(&in, buf);
	is(dax_infoblock_decode(buf, &out), 0, "any fields are read back");
	ok(!memcmp(out.uuid, in.uuid, 16) && !memcmp(out.parent_uuid, in.parent_uuid, 16),
	   "uuids");
	ok(out.dataoff == in.dataoff && out.npfns == in.npfns, "64 bits");
	ok(out.mode == in.mode && out.start_pad == in.start_pad &&
		   out.end_trunc == in.end_trunc && out.align == in.align &&
		   out.page_size == in.page_size,
	   "32 bits");
	is(out.page_struct_size, in.page_struct_size, "16 bits");
}

static void test_refusals(void)
{
	struct dax_infoblock block;
	uint8_t buf[4096];

	memset(buf, 0, sizeof(buf));
	is(dax_infoblock_decode(buf, &block), -ENODATA, "zeroes are no block");
	buf[4095] = 1;
	is(dax_infoblock_decode(buf, &block), -EILSEQ, "a byte is something else");
	real_block(buf);
	memcpy(buf, "NVDIMM_PFN_INFO", 16);
	seal(buf);
	is(dax_infoblock_decode(buf, &block), -EILSEQ, "fsdax is something else");
	real_block(buf);
	buf[15] = 1;
	seal(buf);
	is(dax_infoblock_decode(buf, &block), -EILSEQ, "the whole signature counts");

	real_block(buf);
	put_le(buf + 0x34, 2, 2);
	seal(buf);
	is(dax_infoblock_decode(buf, &block), -EPROTONOSUPPORT, "version 2.4 is newer");
	is(block.dataoff, 0x600000, "but was read");
	real_block(buf);
	put_le(buf + 0x36, 2, 5);
	seal(buf);
	is(dax_infoblock_decode(buf, &block), -EPROTONOSUPPORT, "version 1.5 is newer");
	real_block(buf);
	put_le(buf + 0x30, 4, 1);
	seal(buf);
	is(dax_infoblock_decode(buf, &block), -EPROTONOSUPPORT, "a flag is new");
	real_block(buf);
	buf[0x5e] = 1;
	seal(buf);
	is(dax_infoblock_decode(buf, &block), -EPROTONOSUPPORT, "padding is new, first");
	real_block(buf);
	buf[4087] = 1;
	seal(buf);
	is(dax_infoblock_decode(buf, &block), -EPROTONOSUPPORT, "padding is new, last");
	put_le(buf + 0x36, 2, 2);
	seal(buf);
	is(dax_infoblock_decode(buf, &block), 0, "version 1.2 promised no zeroes there");
}

/* A single flipped bit is detected, wherever it is. */
static void test_bits(void)
{
	struct dax_infoblock block;
	uint8_t buf[4096];
	int missed = 0;
	int i;

	real_block(buf);
	for (i = 0; i < 4096 * 8; i++) {
		buf[i / 8] ^= (uint8_t)(1 << i % 8);
		if (dax_infoblock_decode(buf, &block) != (i < 128 ? -EILSEQ : -EBADMSG))
			missed++;
		buf[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is(missed, 0, "each flipped bit is found");
}

/* Decode a block of which only the first @n lines of 64 bytes have been written. */
static int decode_torn(const uint8_t *before, const uint8_t *after, int n)
{
	struct dax_infoblock block;
	uint8_t buf[4096];

	memcpy(buf, before, 4096);
	memcpy(buf, after, (size_t)n * 64);
	return dax_infoblock_decode(buf, &block);
}

static void test_torn(void)
{
	uint8_t zero[4096] = {0};
	uint8_t ones[4096];
	uint8_t old[4096];
	uint8_t new[4096];
	int i;

	memset(ones, 0xff, sizeof(ones));
	real_block(new);
	memcpy(old, new, sizeof(old));
	put_le(old + 0x38, 8, 0x800000);
	seal(old);
	is(decode_torn(zero, new, 0), -ENODATA, "nothing written on zeroes");
	is(decode_torn(ones, new, 0), -EILSEQ, "nothing written on other data");
	is(decode_torn(old, new, 0), 0, "nothing written on an old block");
	for (i = 1; i < 64; i++) {
		is(decode_torn(zero, new, i), -EBADMSG, "%d bytes on zeroes", i * 64);
		is(decode_torn(ones, new, i), -EBADMSG, "%d bytes on other data", i * 64);
		is(decode_torn(old, new, i), -EBADMSG, "%d bytes on an old block",
		   i * 64);
		/* Erase it line by line. Only the last line holds the checksum. */
		is(decode_torn(new, zero, i), -EILSEQ, "%d bytes erased", i * 64);
	}
	is(decode_torn(zero, new, 64), 0, "all written");
	is(decode_torn(old, new, 64), 0, "all written over an old block");
}

static void test_old_versions(void)
{
	struct dax_infoblock block;
	uint8_t buf[4096];

	real_block(buf);
	put_le(buf + 0x36, 2, 3);
	put_le(buf + 0x58, 4, 0);
	put_le(buf + 0x5c, 2, 0);
	seal(buf);
	ok(dax_infoblock_decode(buf, &block) == 0 && block.page_size == 4096 &&
		   block.page_struct_size == 64,
	   "1.3: page sizes are the usual");
	put_le(buf + 0x36, 2, 2);
	put_le(buf + 0x54, 4, 0x40000000);
	put_le(buf + 0x4c, 4, 0x1000000);
	seal(buf);
	ok(dax_infoblock_decode(buf, &block) == 0 && block.align == 0x40000000 &&
		   block.start_pad == 0x1000000,
	   "1.2: has an align");
	put_le(buf + 0x36, 2, 1);
	seal(buf);
	ok(dax_infoblock_decode(buf, &block) == 0 && block.align == 0x400000 &&
		   block.start_pad == 0x1000000,
	   "1.1: the align is the data offset's highest bit");
	put_le(buf + 0x36, 2, 0);
	put_le(buf + 0x50, 4, 0x1000000);
	seal(buf);
	ok(dax_infoblock_decode(buf, &block) == 0 && block.start_pad == 0 &&
		   block.end_trunc == 0,
	   "1.0: has no pads");
	put_le(buf + 0x38, 8, 0);
	seal(buf);
	ok(dax_infoblock_decode(buf, &block) == 0 && block.align == 0,
	   "1.0: no align from no data offset");
	put_le(buf + 0x38, 8, UINT64_C(1) << 32);
	seal(buf);
	ok(dax_infoblock_decode(buf, &block) == 0 && block.align == 0,
	   "1.0: no align from a data offset of 4G");
}

static const struct dax_infoblock good = {
	.version_major = 1,
	.version_minor = 4,
	.dataoff = 2 * DAX_MIB,
	.npfns = 130560,
	.mode = DAX_INFOBLOCK_RAM,
	.align = 2 * DAX_MIB,
	.page_size = 4096,
	.page_struct_size = 64,
};

static void invalid(const struct dax_infoblock *block, uint64_t start, uint64_t size,
		    const char *what)
{
	const char *why = NULL;

	if (ok(dax_infoblock_validate(block, start, size, &why) == -EINVAL && why,
	       "refused: %s", what))
		printf("# %s\n", why);
}

static void valid(const struct dax_infoblock *block, uint64_t start, uint64_t size,
		  const char *what)
{
	const char *why = "";

	ok(dax_infoblock_validate(block, start, size, &why) == 0, "taken: %s (%s)", what,
	   why);
}

#define INVALID(what, field, value)                                                      \
	do {                                                                             \
		struct dax_infoblock bad = good;                                         \
                                                                                         \
		bad.field = (value);                                                     \
		invalid(&bad, DAX_GIB, 512 * DAX_MIB, what);                             \
	} while (0)

static void test_validate(void)
{
	struct dax_infoblock block = good;

	valid(&good, DAX_GIB, 512 * DAX_MIB, "512M of page structs in RAM");
	INVALID("parent uuid", parent_uuid[15], 1);
	INVALID("mode 0", mode, 0);
	INVALID("mode 3", mode, 3);
	INVALID("no align", align, 0);
	INVALID("align 4M", align, 4 * DAX_MIB);
	INVALID("align 1G of 512M", align, DAX_GIB);
	INVALID("data offset is the size", dataoff, 512 * DAX_MIB);
	INVALID("data offset beyond all", dataoff, UINT64_MAX - 4095);
	INVALID("data offset 0", dataoff, 0);
	INVALID("data offset 4K", dataoff, 4096);
	INVALID("data offset not of pages", dataoff, 2 * DAX_MIB + 1);
	INVALID("data offset 1M", dataoff, DAX_MIB);
	INVALID("start_pad 1M", start_pad, DAX_MIB);
	INVALID("end_trunc 1M", end_trunc, DAX_MIB);
	INVALID("end_trunc takes all", end_trunc, 512 * DAX_MIB);
	INVALID("end_trunc takes the device", end_trunc, 510 * DAX_MIB);
	INVALID("end_trunc takes more", end_trunc, UINT32_MAX);
	invalid(&good, DAX_GIB, 2 * DAX_MIB, "namespace of the data offset");
	invalid(&good, DAX_GIB, 0, "no namespace");
	invalid(&good, DAX_GIB + DAX_MIB, 512 * DAX_MIB, "namespace at 1M");
	invalid(&good, DAX_GIB, 511 * DAX_MIB, "namespace ends at 1M");
	invalid(&good, UINT64_MAX - 2 * DAX_MIB + 1, 512 * DAX_MIB, "the last address");

	block.start_pad = 4 * DAX_MIB;
	valid(&block, DAX_GIB, 512 * DAX_MIB, "start_pad 4M");
	is(dax_infoblock_usable(&block, 512 * DAX_MIB), 506 * DAX_MIB, "and its size");
	block.end_trunc = 6 * DAX_MIB;
	valid(&block, DAX_GIB, 512 * DAX_MIB, "end_trunc 6M");
	is(dax_infoblock_usable(&block, 512 * DAX_MIB), 500 * DAX_MIB, "and its size");
	is(dax_infoblock_usable(&block, 12 * DAX_MIB), 0, "nothing is left of 12M");
	is(dax_infoblock_usable(&block, 10 * DAX_MIB), 0, "nor of 10M");
	is(dax_infoblock_usable(&block, 8 * DAX_MIB), 0, "nor of 8M");

	/*
	 * Align 4K with an offset of 8K, as old kernels made. The end must still be on
	 * 2M.
	 */
	block = good;
	block.align = 4096;
	block.dataoff = 8192;
	valid(&block, DAX_GIB, 512 * DAX_MIB, "align 4K, offset 8K");
	block.end_trunc = 4096;
	invalid(&block, DAX_GIB, 512 * DAX_MIB, "align 4K, end at 4K");
	/* Start and offset may be unaligned if their sum is aligned, but not to 2M. */
	block = good;
	block.start_pad = DAX_MIB;
	block.dataoff = DAX_MIB;
	invalid(&block, DAX_GIB, 512 * DAX_MIB, "start_pad and offset 1M each");

	block = good;
	block.align = DAX_GIB;
	block.dataoff = DAX_GIB;
	valid(&block, 4 * DAX_GIB, 2 * DAX_GIB, "align 1G");
	invalid(&block, 4 * DAX_GIB + 2 * DAX_MIB, 2 * DAX_GIB, "align 1G at 2M");
	invalid(&block, 4 * DAX_GIB, 2 * DAX_GIB + 512 * DAX_MIB, "align 1G, 1.5G left");

	block = good;
	block.mode = DAX_INFOBLOCK_PMEM;
	block.dataoff = 10 * DAX_MIB;
	valid(&block, DAX_GIB, 512 * DAX_MIB, "512M of page structs on the media");
	block.dataoff = 8 * DAX_MIB;
	invalid(&block, DAX_GIB, 512 * DAX_MIB, "no room for page structs");
	block.end_trunc = 2 * DAX_MIB;
	valid(&block, DAX_GIB, 512 * DAX_MIB, "room if the end is cut");
	block.page_size = 65536;
	invalid(&block, DAX_GIB, 512 * DAX_MIB, "pages of 64K");
	block.page_size = 4096;
	block.page_struct_size = 56;
	invalid(&block, DAX_GIB, 512 * DAX_MIB, "page structs of 56");
	block.page_struct_size = 128;
	valid(&block, DAX_GIB, 512 * DAX_MIB, "page structs of 128");
	block.mode = DAX_INFOBLOCK_RAM;
	block.page_struct_size = 56;
	block.page_size = 65536;
	valid(&block, DAX_GIB, 512 * DAX_MIB, "neither matters in RAM");
}

static void test_layout(uint64_t size, uint64_t align, enum dax_region_map map,
			uint64_t want_ns_size, uint64_t want_dataoff, uint64_t want_trunc)
{
	struct dax_infoblock block;
	uint64_t ns_size = 0;
	char name[64];

	snprintf(name, sizeof(name), "%llu MiB, align %llu, map=%s",
		 (unsigned long long)(size / DAX_MIB), (unsigned long long)align,
		 map == DAX_MAP_DEV ? "dev" : "mem");
	is(dax_infoblock_layout(size, align, map, &block, &ns_size), 0, "%s", name);
	is(ns_size, want_ns_size, "%s: namespace", name);
	is(block.dataoff, want_dataoff, "%s: dataoff", name);
	is(block.end_trunc, want_trunc, "%s: end_trunc", name);
	is(block.npfns, size / 4096, "%s: npfns", name);
	is(dax_infoblock_usable(&block, ns_size), size, "%s: usable", name);
}

static void test_no_layout(uint64_t size, uint64_t align)
{
	struct dax_infoblock block;
	uint64_t ns_size;

	is(dax_infoblock_layout(size, align, DAX_MAP_MEM, &block, &ns_size), -EINVAL,
	   "no device of %llu bytes, align %llu", (unsigned long long)size,
	   (unsigned long long)align);
}

/*
 * Check for many sizes that the namespace fits exactly, that the kernel accepts it, that
 * the next smaller namespace would be too small, and that the offset equals the one that
 * the kernel computes (drivers/nvdimm/pfn_devs.c: nd_pfn_init()).
 */
static void test_many_layouts(uint64_t align, enum dax_region_map map)
{
	uint64_t step = align == DAX_GIB ? DAX_GIB : 2 * DAX_MIB;
	uint64_t granule = align > 2 * DAX_MIB ? align : 2 * DAX_MIB;
	const char *why = "";
	uint8_t buf[4096];
	int failures = 0;
	uint64_t i;

	for (i = 1; i <= 3000; i++) {
		/* Sizes close together first, then further and further apart. */
		uint64_t size = step * (i < 1500 ? i : i * i / 1000 * (i - 1490));
		struct dax_infoblock block;
		struct dax_infoblock again;
		uint64_t ns_size;
		uint64_t offset;
		uint64_t below;

		if (size > DAX_SIZE_MAX)
			break;
		if (dax_infoblock_layout(size, align, map, &block, &ns_size) < 0) {
			failures++;
			continue;
		}
		dax_infoblock_encode(&block, buf);
		offset = 8192;
		below = 8192;
		if (map == DAX_MAP_DEV) {
			offset += (ns_size - 8192) / 4096 * 64;
			below += (ns_size - 16 * DAX_MIB - 8192) / 4096 * 64;
		}
		offset = (offset + granule - 1) / granule * granule;
		below = (below + granule - 1) / granule * granule;
		if (ns_size % (16 * DAX_MIB) || block.end_trunc >= 16 * DAX_MIB ||
		    block.dataoff != offset ||
		    (ns_size > 16 * DAX_MIB && ns_size - 16 * DAX_MIB >= below + size) ||
		    dax_infoblock_usable(&block, ns_size) != size ||
		    dax_infoblock_decode(buf, &again) < 0 ||
		    dax_infoblock_validate(&again, 64 * DAX_GIB, ns_size, &why) < 0)
			failures++;
	}
	is(failures, 0, "many sizes, align %llu, map=%s (%s)", (unsigned long long)align,
	   map == DAX_MAP_DEV ? "dev" : "mem", why);
}

static void test_layouts(void)
{
	/* Layouts seen on real kernels. */
	test_layout(250 * DAX_MIB, 2 * DAX_MIB, DAX_MAP_DEV, 256 * DAX_MIB, 0x600000, 0);
	test_layout(100 * DAX_MIB, 2 * DAX_MIB, DAX_MAP_MEM, 112 * DAX_MIB, 0x200000,
		    10 * DAX_MIB);
	test_layout(534773760, 2 * DAX_MIB, DAX_MAP_MEM, 512 * DAX_MIB, 0x200000, 0);

	test_layout(2 * DAX_MIB, 4096, DAX_MAP_MEM, 16 * DAX_MIB, 0x200000, 12 * DAX_MIB);
	test_layout(DAX_GIB, 2 * DAX_MIB, DAX_MAP_MEM, DAX_GIB + 16 * DAX_MIB, 0x200000,
		    14 * DAX_MIB);
	test_layout(DAX_GIB, DAX_GIB, DAX_MAP_MEM, 2 * DAX_GIB, DAX_GIB, 0);
	test_layout(64 * DAX_GIB, DAX_GIB, DAX_MAP_DEV, 66 * DAX_GIB, 2 * DAX_GIB, 0);
	test_layout(DAX_SIZE_MAX, DAX_GIB, DAX_MAP_MEM, DAX_SIZE_MAX + DAX_GIB, DAX_GIB,
		    0);
	test_no_layout(0, 2 * DAX_MIB);
	test_no_layout(DAX_MIB, 2 * DAX_MIB);
	test_no_layout(DAX_MIB, 4096);
	test_no_layout(2 * DAX_MIB + 4096, 4096);
	test_no_layout(2 * DAX_MIB, DAX_GIB);
	test_no_layout(2 * DAX_MIB, 8192);
	test_no_layout(DAX_SIZE_MAX + 2 * DAX_MIB, 2 * DAX_MIB);
	test_many_layouts(4096, DAX_MAP_MEM);
	test_many_layouts(4096, DAX_MAP_DEV);
	test_many_layouts(2 * DAX_MIB, DAX_MAP_MEM);
	test_many_layouts(2 * DAX_MIB, DAX_MAP_DEV);
	test_many_layouts(DAX_GIB, DAX_MAP_MEM);
	test_many_layouts(DAX_GIB, DAX_MAP_DEV);
}

int main(void)
{
	test_real_block();
	test_round_trip();
	test_refusals();
	test_bits();
	test_torn();
	test_old_versions();
	test_validate();
	test_layouts();
	return tap_done();
}
