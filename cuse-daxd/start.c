/* SPDX-License-Identifier: BSD-2-Clause */
/* Start all devices, in the order in which clients see them, and stop them. */
#include "cuse-daxd/start.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "libcore/cxl.h"
#include "libcore/kernel.h"
#include "libcore/model.h"
#include "libcore/state.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/note.h"
#include "cuse-daxd/registry/reclaim.h"
#include "cuse-daxd/registry/record.h"
#include "cuse-daxd/registry/recover.h"
#include "cuse-daxd/registry/registry.h"
#include "cuse-daxd/registry/repair.h"
#include "cuse-daxd/registry/setup.h"
#include "cuse-daxd/registry/uevents.h"
#include "cuse-daxd/runtime/majors.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/runtime/tree.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/store.h"

static void on_opened(void *ctx, const char *name)
{
	struct daxd_device *dev = daxd_devices_find_name(ctx, name);

	if (dev)
		daxd_registry_opened(ctx, dev);
}

/* Some devices may be missing, but a daemon without any device is useless. */
static int check_shown(const struct daxd_registry *reg, struct daxd_why *why)
{
	bool is_any = false; /* of CXL there may be no region at the start */
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (dev->region && dev->is_shown)
			return 0;
		is_any |= dev->region != NULL;
	}
	if (!is_any)
		return 0;
	return daxd_fail(why, EEXIST, "none of the devices could be created");
}

static bool has_cxl(const struct daxd_config *cfg)
{
	const struct daxd_region_cfg *region;

	for (region = cfg->regions; region; region = region->next)
		if (region->type == DAX_REGION_CXL)
			return true;
	return false;
}

/* Choose the kernel whose answers all clients give. */
static void choose_kernel(struct daxd_registry *reg, struct dax_state *state)
{
	enum dax_kernel kernel = reg->cfg->kernel;
	struct utsname host;

	if (kernel == DAX_KERNEL_HOST)
		kernel = dax_kernel_of_host(uname(&host) < 0 ? "" : host.release);
	reg->model.kernel = kernel;
	state->kernel = (uint32_t)kernel;
}

/**
 * daxd_start_devices() - create all devices and show them
 * @reg:	from daxd_setup_open()
 * @rt:		the runtime directory, with state pages; kept
 * @fe:		the front end; kept
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_start_devices(struct daxd_registry *reg, struct daxd_runtime *rt,
		       struct daxd_frontend *fe, struct daxd_why *why)
{
	g_autofree char *proc_devices = daxd_majors_read();
	struct stat st;
	int proc;
	int r;

	reg->rt = rt;
	reg->fe = fe;
	r = daxd_majors_choose(proc_devices, rt->state, reg->cfg->major,
			       has_cxl(reg->cfg), why);
	if (r < 0)
		return r;
	dax_model_init(&reg->model, rt->state->major, rt->state->ndctl_major);
	choose_kernel(reg, rt->state);
	reg->model.last_life = daxd_recover_last_life(rt->state);
	daxd_reclaim_memory(reg);
	daxd_setup_reserve_minors(reg, reg->cfg);
	r = daxd_setup_make_all(reg, why);
	daxd_file_offer_done();
	if (r < 0)
		return r;
	daxd_setup_give_minors(reg, reg->cfg);
	rt->state->runtime_dev = fstat(rt->dir, &st) < 0 ? 0 : st.st_dev;
	daxd_recover_devices(reg);
	fe->on_opened = on_opened;
	fe->ctx = reg;
	r = daxd_rules_start(reg, why);
	if (r == 0)
		r = daxd_registry_sync(reg, why);
	if (r == 0)
		r = check_shown(reg, why);
	if (r == 0)
		r = reg->cfg->is_tree_late
			    ? daxd_tree_init_later(&reg->tree, rt, &reg->model, why)
			    : daxd_tree_init(&reg->tree, rt, &reg->model, why);
	if (r < 0)
		return r;
	proc = daxd_runtime_mkdir(rt, "proc", why);
	if (proc < 0)
		return proc;
	close(proc);
	daxd_setup_hand_over_stores(reg);
	r = daxd_majors_write(proc_devices, rt, &reg->model);
	if (r == 0)
		r = daxd_note_write(reg);
	if (r < 0)
		return daxd_fail(why, -r,
				 "%s: can't be written to: %s (check the room "
				 "there)",
				 rt->path, strerror(-r));
	r = daxd_record_save(reg, why);
	if (r < 0)
		return r;
	daxd_setup_keep_stores(reg);
	return 0;
}

/**
 * daxd_start_undo() - stop all devices and free the registry
 * @reg:	after daxd_setup_open(), also if that failed
 *
 * Flushes the data of programs to the backing stores that can keep it.
 */
void daxd_start_undo(struct daxd_registry *reg)
{
	guint i;

	daxd_rules_done(reg->faults);
	reg->faults = NULL;
	for (i = 0; reg->regions && i < reg->regions->len; i++)
		daxd_repair(reg, g_ptr_array_index(reg->regions, i));
	for (i = 0; reg->regions && i < reg->regions->len; i++) {
		struct daxd_region *region = g_ptr_array_index(reg->regions, i);
		int r = 0;

		if (region->store && region->store->is_kept)
			r = daxd_store_sync(region->store);
		if (r < 0)
			daxd_error("%s: fsync: %s; the data stored last may be lost",
				   region->store->path, strerror(-r));
		daxd_store_free(region->store);
	}
	daxd_uevents_close(reg);
	daxd_tree_done(&reg->tree);
	g_clear_pointer(&reg->devices, g_ptr_array_unref);
	g_clear_pointer(&reg->gone, g_ptr_array_unref);
	g_clear_pointer(&reg->parked, g_ptr_array_unref);
	g_clear_pointer(&reg->regions, g_ptr_array_unref);
	dax_cxl_remove(&reg->model);
	dax_model_done(&reg->model);
}
