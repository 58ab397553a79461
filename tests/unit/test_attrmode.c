/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes as plain files: how the file's mode encodes the mode of the real attribute.
 */
#include "libcore/attrmode.h"
#include "libcore/model.h"
#include "libcore/sysfs.h"
#include "libcore/sysfs_node.h"

#include "tests/unit/tap.h"

static void test_mode(uint32_t shown, uint32_t file)
{
	uint32_t encoded = dax_attr_mode_encode(shown, false);

	is(encoded, file, "%04o is kept as %04o", shown, file);
	is(dax_attr_mode_decode(S_IFREG | encoded), shown, "%04o is shown again", shown);
	ok(dax_attr_mode_is_ours(S_IFREG | encoded) && !dax_attr_mode_read_error(encoded),
	   "%04o is ours and can be read", shown);
	encoded = dax_attr_mode_encode(shown, true);
	is(encoded, file | S_IXGRP, "%04o with a read error", shown);
	is(dax_attr_mode_decode(S_IFREG | encoded), shown, "%04o is shown with one",
	   shown);
	is(dax_attr_mode_read_error(encoded), shown & S_IWUSR ? EIO : ENXIO,
	   "%04o tells the error", shown);
	is(dax_attr_mode_change(S_IFREG | file, 0750), 01640, "chmod of %04o", shown);
	is(dax_attr_mode_change(S_IFREG | encoded, 0440), 01450,
	   "chmod of %04o keeps the read error", shown);
}

/* Two mode bits are enough to encode every node of the tree. */
static int check_node(void *ctx, const struct dax_sysfs_node *node)
{
	bool *is_good = ctx;
	uint32_t file = S_IFREG | dax_attr_mode_encode(node->mode, node->read_error);

	if (node->kind == DAX_SYSFS_FILE &&
	    (dax_attr_mode_decode(file) != node->mode ||
	     dax_attr_mode_read_error(file) != node->read_error))
		*is_good = false;
	return 0;
}

static void test_tree(void)
{
	const struct dax_region fixed = {
		.type = DAX_REGION_STATIC,
		.start = UINT64_C(1) << 32,
		.size = 64 << 20,
		.align = 2 << 20,
		.has_pages = true,
	};
	const struct dax_region dynamic = {
		.id = 1,
		.type = DAX_REGION_DYNAMIC,
		.start = UINT64_C(1) << 33,
		.size = 64 << 20,
		.align = 2 << 20,
		.has_pages = true,
	};
	struct dax_model model;
	bool is_good = true;

	dax_model_init(&model, 252, 246);
	ok(dax_model_add_region(&model, &fixed, NULL) == 0 &&
		   dax_model_add_region(&model, &dynamic, NULL) == 0,
	   "a region of each type");
	dax_sysfs_walk(&model, check_node, &is_good);
	ok(is_good, "every attribute's mode and read error can be kept");
	dax_model_done(&model);
}

int main(void)
{
	test_mode(0444, 01444);
	test_mode(0644, 01644);
	test_mode(0400, 01400);
	test_mode(0600, 01600);
	test_mode(0200, 01200);
	ok(!dax_attr_mode_is_ours(S_IFREG | 0644) &&
		   !dax_attr_mode_is_ours(S_IFDIR | 01777),
	   "other people's files and directories are not ours");
	test_tree();
	return tap_done();
}
