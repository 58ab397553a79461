/* SPDX-License-Identifier: BSD-2-Clause */
/* Carry out writes to sysfs attributes: each is a request to the daemon. */
#include "client/shim/wrap/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/reason.h"
#include "libcore/sysfs_node.h"
#include "libcore/wire.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/peek.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/path.h"
#include "client/shim/process/report.h"
#include "client/shim/process/request.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/fault.h"
#include "client/shim/wrap/fd_call.h"

/*
 * Applies the fault rules to a write to an attribute. The device is the one in whose
 * directory the attribute lies, if any.
 */
static SHIM_COLD int attr_fault(const struct shim_session *s, int fd, const char *path,
				struct dax_verdict *failed)
{
	char name[DAX_NAME_LEN] = "";
	uint32_t region;
	uint32_t id;
	int r;

	while (*path) {
		size_t len = strcspn(path, "/");
		char word[DAX_NAME_LEN] = "";

		if (len < sizeof(word)) {
			memcpy(word, path, len);
			if (dax_name_parse(word, &region, &id) == 0)
				memcpy(name, word, sizeof(name));
		}
		path += len + (path[len] == '/');
	}
	r = shim_fault(s, DAX_FAULT_WRITE, name, &(struct shim_fault_place){.fd = fd});
	if (r < 0)
		failed->reason = DAX_INJECTED;
	return r;
}

/*
 * Sends a write to an attribute to the daemon. Return: the bytes written, or a negative
 * errno.
 */
static SHIM_COLD ssize_t store_attr(const struct shim_ident *id, int fd, const void *buf,
				    size_t n)
{
	char body[DAX_SYSFS_PATH_MAX + DAX_SYSFS_TEXT_MAX];
	struct dax_verdict failed = {.reason = DAX_ATTR_ERROR};
	const struct shim_call call = {DAX_CALL_ATTR_WRITE, {n}};
	char path[PATH_MAX];
	struct dax_verdict v = {0};
	size_t prefix = id->session->dir_len + strlen("/sys/");
	ssize_t len = shim_path_of_fd(fd, path);
	int r;

	if (len < 0)
		return len;
	if ((size_t)len <= prefix || (size_t)len - prefix >= DAX_SYSFS_PATH_MAX)
		return -EIO;
	len -= (ssize_t)prefix;
	memcpy(body, path + prefix, (size_t)len + 1);
	if (n > DAX_SYSFS_TEXT_MAX - 1) /* fs/sysfs takes a page at a time */
		n = DAX_SYSFS_TEXT_MAX - 1;
	r = (int)shim_peek(body + len + 1, buf, n);
	if (r == 0 && shim_session_has_faults(id->session, DAX_FAULT_WRITE))
		r = attr_fault(id->session, fd, body, &failed);
	if (r == 0)
		r = shim_request(id->session,
				 &(struct shim_request){.type = DAX_MSG_STORE,
							.body = body,
							.len = (size_t)len + 1 + n,
							.fd = fd});
	if (r < 0) {
		v = failed;
		v.error = -r;
	}
	shim_report_name(id->session, &call, path + prefix, &v);
	return r < 0 ? r : (ssize_t)n;
}

/**
 * shim_attr_write() - do what write(2) to a device or attribute does
 * @fd:		any descriptor
 * @buf:	the data; the pointer may be bad
 * @n:		bytes
 *
 * A write to an attribute is a request to the daemon, and fails with its error.
 * Async-signal-safe.
 *
 * Return: the bytes written, or a negative errno; -EXDEV if the descriptor is neither a
 * device nor an attribute.
 */
ssize_t shim_attr_write(int fd, const void *buf, size_t n)
{
	struct shim_ident id = shim_ident_fd(fd);
	int accmode;

	if (id.kind == SHIM_OWN)
		return -EBADF;
	if (id.kind == SHIM_OTHER)
		return -EXDEV;
	if (id.kind == SHIM_NODE)
		return shim_fd_call_node(&id, fd, DAX_CALL_WRITE, (int64_t)n, 0, 0);
	accmode = (int)sys2(fcntl, fd, F_GETFL) & (O_ACCMODE | O_PATH);
	if (accmode != O_WRONLY && accmode != O_RDWR)
		return -EBADF;
	return store_attr(&id, fd, buf, n);
}
