/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do the ioctls of the nd bus's control node that clear poison, as libndctl, and PMDK
 * through it, make them (drivers/acpi/nfit/core.c: ars_get_cap(),
 * acpi_nfit_clear_to_error()).
 */
#include "client/shim/wrap/ndctl.h"

#include <errno.h>
#include <linux/ndctl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "libcore/device.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/wire.h"

#include "client/shim/base/peek.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/request.h"
#include "client/shim/process/session.h"

static int ars_cap(void *arg)
{
	struct nd_cmd_ars_cap cap;

	if (shim_peek(&cap, arg, sizeof(cap)) < 0)
		return -EFAULT;
	cap.status = 0;
	cap.max_ars_out = DAX_PAGE;
	cap.clear_err_unit = DAX_SECTOR;
	cap.flags = 0;
	return (int)shim_poke(arg, &cap, sizeof(cap));
}

static int clear_error(const struct shim_session *s, int fd, void *arg)
{
	struct nd_cmd_clear_error clear;
	uint64_t answer[4];
	uint64_t body[2];
	const struct shim_request req = {.type = DAX_MSG_CLEAR,
					 .body = body,
					 .len = sizeof(body),
					 .fd = fd,
					 .ret_arg = answer};
	int r;

	if (shim_peek(&clear, arg, sizeof(clear)) < 0)
		return -EFAULT;
	body[0] = clear.address;
	body[1] = clear.length;
	r = shim_request(s, &req);
	if (r < 0)
		return r;
	clear.status = 0;
	clear.cleared = answer[0];
	return (int)shim_poke(arg, &clear, sizeof(clear));
}

/**
 * shim_ndctl() - do what an ioctl of the nd bus's control node does
 * @fd:		any descriptor
 * @request:	the number of the ioctl
 * @arg:	its argument; the pointer may be bad
 *
 * Async-signal-safe.
 *
 * Return: 0 or a negative errno; -EXDEV if @fd is not such a node, or if the ioctl does
 * not clear poison.
 */
int shim_ndctl(int fd, unsigned long request, void *arg)
{
	struct shim_ident id = shim_ident_fd(fd);
	struct dax_device dev;

	if (id.kind != SHIM_NODE)
		return -EXDEV;
	dax_state_read(id.session->state, id.slot, &dev);
	if (!(dev.flags & DAX_DEVICE_NDCTL))
		return -EXDEV;
	/* libndctl keeps the number in an int, and its sign is extended. */
	request = (unsigned int)request;
	if (request == ND_IOCTL_ARS_CAP)
		return ars_cap(arg);
	if (request == ND_IOCTL_CLEAR_ERROR)
		return clear_error(id.session, fd, arg);
	return -EXDEV;
}
