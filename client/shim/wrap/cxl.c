/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do the ioctls of CXL memory devices, /dev/cxl/memN: libcore decides, and the daemon has
 * the label storage area (drivers/cxl/core/memdev.c: __cxl_memdev_ioctl()).
 */
#include "client/shim/wrap/cxl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "libcore/cxl_command.h"
#include "libcore/device.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/wire.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/report.h"
#include "client/shim/process/request.h"
#include "client/shim/process/session.h"

static int query_commands(const struct dax_device *dev, struct dax_cxl_query *arg)
{
	struct dax_cxl_command_info info;
	uint32_t nr;
	uint32_t i;

	if (shim_peek(&nr, &arg->nr, sizeof(nr)) < 0)
		return -EFAULT;
	if (!nr) {
		nr = DAX_CXL_COMMANDS;
		return (int)shim_poke(&arg->nr, &nr, sizeof(nr));
	}
	for (i = 0; i < dax_min(nr, DAX_CXL_COMMANDS); i++) {
		dax_cxl_command_describe(dev, i, &info);
		if (shim_poke(&arg->commands[i], &info, sizeof(info)) < 0)
			return -EFAULT;
	}
	return 0;
}

/* Reads or writes the label storage area. Return: 0, or -ENXIO without the daemon. */
static int access_labels(const struct shim_session *s, int fd,
			 struct dax_cxl_reply *reply, const uint8_t *in)
{
	int labels = -1;
	const struct shim_request req = {.type = DAX_MSG_LABELS,
					 .fd = fd,
					 .ret_fd = &labels};
	long r;

	if (!reply->labels_len)
		return 0;
	if (shim_request(s, &req) < 0 || labels < 0)
		return -ENXIO;
	if (reply->access == DAX_CXL_LABELS_READ)
		r = sys4(pread64, labels, reply->payload, reply->labels_len,
			 reply->labels_start);
	else
		r = sys4(pwrite64, labels, in + DAX_CXL_LABELS_HEADER, reply->labels_len,
			 reply->labels_start);
	sys1(close, labels);
	return r == (long)reply->labels_len ? 0 : -ENXIO;
}

static int send_command(const struct shim_ident *id, const struct dax_device *dev, int fd,
			void *arg)
{
	const struct shim_call reported = {DAX_CALL_IOCTL, {DAX_CXL_IOC_SEND}};
	uint8_t in[DAX_CXL_PAYLOAD_MAX];
	struct dax_cxl_reply reply;
	struct dax_cxl_send send;
	struct dax_verdict v;
	int r;

	if (shim_peek(&send, arg, sizeof(send)) < 0)
		return -EFAULT;
	v = dax_cxl_command_verdict(dev, &send);
	shim_report(id->session, &reported, id->slot, &v, 0);
	if (v.error)
		return -v.error;
	if (send.in.size &&
	    shim_peek(in, (void *)(uintptr_t)send.in.payload, send.in.size) < 0)
		return -EFAULT;
	dax_cxl_command_run(dev, &send, in, &reply);
	r = access_labels(id->session, fd, &reply, in);
	if (r < 0)
		return r;
	if (reply.size &&
	    shim_poke((void *)(uintptr_t)send.out.payload, reply.payload, reply.size) < 0)
		return -EFAULT;
	send.out.size = reply.size;
	send.status = reply.status;
	return (int)shim_poke(arg, &send, sizeof(send));
}

/**
 * shim_cxl() - do what an ioctl of a CXL memory device does
 * @fd:		any descriptor
 * @request:	the number of the ioctl
 * @arg:	its argument; the pointer may be bad
 *
 * Async-signal-safe.
 *
 * Return: 0 or a negative errno; -EXDEV if @fd is not such a device, or if it has no such
 * ioctl.
 */
int shim_cxl(int fd, unsigned long request, void *arg)
{
	struct shim_ident id = shim_ident_fd(fd);
	struct dax_device dev;

	if (id.kind != SHIM_NODE || sys2(fcntl, fd, F_GETFL) & O_PATH)
		return -EXDEV;
	dax_state_read(id.session->state, id.slot, &dev);
	if (!(dev.flags & DAX_DEVICE_CXL))
		return -EXDEV;
	/* libcxl keeps the number in an int, and its sign is extended. */
	request = (unsigned int)request;
	if (request == DAX_CXL_IOC_QUERY)
		return query_commands(&dev, arg);
	if (request == DAX_CXL_IOC_SEND)
		return send_command(&id, &dev, fd, arg);
	return -EXDEV;
}
