/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of CXL memory devices (core/memdev.c). */
#include "libcore/sysfs_cxl_memdev.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "libcore/cxl.h"
#include "libcore/kstr.h"

static int show_memdev_dev(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 ":%" PRIu32 "\n", obj->model->cxl->major, obj->n);
}

static int show_memdev_uevent(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl *cxl = obj->model->cxl;

	return sprintf(buf,
		       "MAJOR=%" PRIu32 "\nMINOR=%" PRIu32 "\nDEVNAME=cxl/mem%" PRIu32
		       "\nDEVTYPE=cxl_memdev\n%sMODALIAS=cxl:t5\n",
		       cxl->major, obj->n, obj->n,
		       cxl->memdevs[obj->n].is_bound ? "DRIVER=cxl_mem\n" : "");
}

static int show_serial(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", dax_cxl_serial(obj->n));
}

static int show_label_storage_size(const struct sysfs_obj *obj, char *buf)
{
	(void)obj;
	return sprintf(buf, "%ju\n", (uintmax_t)DAX_CXL_LABELS);
}

static int show_payload_max(const struct sysfs_obj *obj, char *buf)
{
	(void)obj;
	return sprintf(buf, "%d\n", DAX_CXL_PAYLOAD_MAX);
}

static int show_size(const struct sysfs_obj *obj, char *buf, enum dax_cxl_mode partition)
{
	const struct dax_cxl *cxl = obj->model->cxl;

	return sprintf(buf, "0x%" PRIx64 "\n",
		       cxl->partition == partition ? cxl->memdev_size : 0);
}

static int show_ram_size(const struct sysfs_obj *obj, char *buf)
{
	return show_size(obj, buf, DAX_CXL_RAM);
}

static int show_pmem_size(const struct sysfs_obj *obj, char *buf)
{
	return show_size(obj, buf, DAX_CXL_PMEM);
}

/* The list goes to tracefs, which does not exist (core/memdev.c). */
static int store_trigger_poison_list(const struct sysfs_at *at, char *text)
{
	bool is_on;

	return !at->model->cxl->memdevs[at->n].is_bound ||
			       dax_kstr_bool(text, &is_on) < 0 || !is_on
		       ? -EINVAL
		       : 0;
}

const struct sysfs_attr dax_sysfs_cxl_memdev_attrs[] = {
	{.name = "dev", .mode = 0444, .show = show_memdev_dev},
	{.name = "firmware_version", .mode = 0444, .text = DAX_CXL_FIRMWARE "\n"},
	{.name = "label_storage_size", .mode = 0444, .show = show_label_storage_size},
	{.name = "numa_node", .mode = 0444, .text = "-1\n"},
	{.name = "payload_max", .mode = 0444, .show = show_payload_max},
	{.name = "serial", .mode = 0444, .show = show_serial},
	{.name = "trigger_poison_list", .mode = 0200, .store = store_trigger_poison_list},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_memdev_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static const struct sysfs_attr pmem_attrs[] = {
	{.name = "size", .mode = 0444, .show = show_pmem_size},
	{0},
};

static const struct sysfs_attr ram_attrs[] = {
	{.name = "size", .mode = 0444, .show = show_ram_size},
	{0},
};

static const struct sysfs_attr security_attrs[] = {
	{.name = "state", .mode = 0444, .text = "disabled\n"},
	{0},
};

static int show_firmware_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "FIRMWARE=mem%" PRIu32 "\nTIMEOUT=60\nASYNC=0\n", obj->n);
}

/* As while another program uploads (drivers/base/firmware_loader/sysfs_upload.c). */
static int store_loading(const struct sysfs_at *at, char *text)
{
	(void)at;
	(void)text;
	return -EBUSY;
}

static const struct sysfs_attr firmware_attrs[] = {
	{.name = "cancel", .mode = 0200, .store = dax_sysfs_store_nodev},
	{.name = "data", .mode = 0644, .text = "", .store = dax_sysfs_store_nodev},
	{.name = "error", .mode = 0444, .text = ""},
	{.name = "loading", .mode = 0644, .text = "0\n", .store = store_loading},
	{.name = "remaining_size", .mode = 0444, .text = "0\n"},
	{.name = "status", .mode = 0444, .text = "idle\n"},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_firmware_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

/**
 * dax_sysfs_walk_cxl_memdev() - visit what is below the directory of a memory device
 * @walk:	the walk
 * @obj:	the memory device
 * @dir:	its directory
 */
void dax_sysfs_walk_cxl_memdev(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			       const char *dir)
{
	dax_sysfs_dir(walk, NULL, NULL, "%s/firmware", dir);
	dax_sysfs_dir(walk, obj, firmware_attrs, "%s/firmware/mem%" PRIu32, dir, obj->n);
	dax_sysfs_link(walk, dir, "%s/firmware/mem%" PRIu32 "/device", dir, obj->n);
	dax_sysfs_link(walk, "class/firmware", "%s/firmware/mem%" PRIu32 "/subsystem",
		       dir, obj->n);
	dax_sysfs_dir(walk, obj, pmem_attrs, "%s/pmem", dir);
	dax_sysfs_dir(walk, obj, ram_attrs, "%s/ram", dir);
	dax_sysfs_dir(walk, obj, security_attrs, "%s/security", dir);
}
