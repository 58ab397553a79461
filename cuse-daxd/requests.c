/* SPDX-License-Identifier: BSD-2-Clause */
/* Handle the requests of clients, except those in JSON (control.c). */
#include "cuse-daxd/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include "libcore/device.h"
#include "libcore/event.h"
#include "libcore/fault.h"
#include "libcore/reason.h"
#include "libcore/state.h"
#include "libcore/sysfs_node.h"
#include "libcore/verdict.h"
#include "libcore/wire.h"

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/untrusted_fd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/clients/rebind.h"
#include "cuse-daxd/clients/settle.h"
#include "cuse-daxd/control/control.h"
#include "cuse-daxd/faults/inject.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/registry.h"
#include "cuse-daxd/registry/repair.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/runtime/tree.h"
#include "cuse-daxd/store/file.h"

static enum daxd_next refuse_request(int error, struct daxd_reply *ret)
{
	ret->error = error < 0 ? -error : error;
	return DAXD_REPLY;
}

/*
 * Find a device by its number. A descriptor opened when an earlier daemon had the number
 * belongs to the device if that is still the same.
 */
static int find_by_number(const struct daxd_registry *reg, int fd, dev_t rdev,
			  struct daxd_device **ret)
{
	const struct daxd_frontend *fe = reg->fe;
	int r;

	if (!(fe->ops->state_flags & DAX_STATE_CUSE))
		return -EBADF;
	r = daxd_devices_find(reg, 0, rdev, 0, ret);
	if (r == 0 && !(*ret)->is_same && !fe->ops->is_live(reg->fe, fd))
		return -ENXIO;
	return r;
}

/* Find the device that a descriptor belongs to. */
static int find_by_fd(const struct daxd_registry *reg, int fd, struct daxd_device **ret)
{
	struct statx stx;
	int r;

	r = daxd_untrusted_fd_stat(fd, &stx);
	if (r < 0)
		return -EBADF;
	if (S_ISCHR(stx.stx_mode))
		return find_by_number(reg, fd,
				      makedev(stx.stx_rdev_major, stx.stx_rdev_minor),
				      ret);
	if (!S_ISREG(stx.stx_mode))
		return -EBADF;
	return daxd_devices_find(reg, makedev(stx.stx_dev_major, stx.stx_dev_minor),
				 stx.stx_ino, stx.stx_nlink, ret);
}

static void tell_attach(const struct daxd_peer *peer, const struct daxd_device *dev,
			int error)
{
	const struct daxd_subject subject = {
		.device = dev->desc.name,
		.pid = peer->pid,
		.verdict = error ? dax_errno_name(-error) : "ok",
	};

	daxd_log_about(DAXD_LOG_INFO, &subject, "%s: pid %d, uid %u: may %smap it%s%s",
		       dev->desc.name, peer->pid, peer->uid, error ? "not " : "",
		       error ? ": " : "", error ? strerror(-error) : "");
}

static enum daxd_next on_attach(struct daxd_conn *conn, const struct daxd_request *q,
				struct daxd_reply *ret)
{
	struct daxd_server *server = conn->server;
	struct daxd_device *dev;
	int accmode;
	int r;

	if (q->nr_fds != 1 || q->msg->len)
		return DAXD_DROP;
	accmode = fcntl(q->fds[0], F_GETFL);
	if (accmode < 0)
		return refuse_request(EBADF, ret);
	accmode &= O_ACCMODE | O_PATH;
	r = find_by_fd(server->reg, q->fds[0], &dev);
	if (r < 0)
		return refuse_request(r, ret);
	r = -dax_attach_verdict(&dev->desc, accmode).error;
	if (r == 0)
		r = daxd_clients_attach(&server->clients, &conn->peer, dev);
	tell_attach(&conn->peer, dev, r);
	if (r < 0) {
		dev->refusals++;
		return refuse_request(r, ret);
	}
	daxd_repair(server->reg, dev->region);
	daxd_registry_opened(server->reg, dev);
	dev->attaches++;
	server->stats.attaches++;
	ret->fd = accmode == O_RDONLY ? dev->store->ro : dev->store->rw;
	ret->arg[0] = dev->slot;
	ret->arg[1] = dev->life;
	return DAXD_REPLY;
}

static enum daxd_next on_adopt(struct daxd_conn *conn, const struct daxd_request *q,
			       struct daxd_reply *ret)
{
	int r;

	if (q->nr_fds || q->msg->len)
		return DAXD_DROP;
	conn->server->stats.adopts++;
	r = daxd_clients_adopt(&conn->server->clients, &conn->peer);
	return r < 0 ? refuse_request(r, ret) : DAXD_REPLY;
}

static enum daxd_next on_settled(struct daxd_conn *conn, const struct daxd_request *q)
{
	if (q->nr_fds || q->msg->len)
		return DAXD_DROP;
	daxd_clients_settled(&conn->server->clients, &conn->peer,
			     (uint32_t)q->msg->arg[0]);
	return DAXD_REPLY;
}

/* A disabled device still opens while another descriptor is open (fs/char_dev.c). */
static enum daxd_next on_held(struct daxd_conn *conn, const struct daxd_request *q,
			      struct daxd_reply *ret)
{
	struct daxd_registry *reg = conn->server->reg;
	_cleanup_close_ int dir = -1;
	_cleanup_close_ int fd = -1;
	struct dax_device desc;
	struct dax_verdict v;

	if (q->nr_fds || q->msg->len)
		return DAXD_DROP;
	if (q->msg->arg[0] >= reg->rt->state->nr_slots)
		return refuse_request(ENXIO, ret);
	dax_state_read(reg->rt->state, (uint32_t)q->msg->arg[0], &desc);
	if (reg->rt->state->flags & DAX_STATE_CUSE)
		return refuse_request(ENXIO, ret);
	dir = openat(reg->rt->dir, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = dir < 0 ? -1 : openat(dir, desc.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	v = dax_open_verdict(&desc, O_RDONLY,
			     fd >= 0 && reg->fe->ops->is_held(reg->fe, fd));
	return v.error ? refuse_request(v.error, ret) : DAXD_REPLY;
}

/* A client that could open the attribute for writing may write to it. */
static enum daxd_next on_store(struct daxd_conn *conn, const struct daxd_request *q,
			       struct daxd_reply *ret)
{
	struct daxd_server *server = conn->server;
	const char *path = (const char *)q->msg->body;
	size_t path_len = strnlen(path, q->msg->len);
	const char *text = path + path_len + 1;
	size_t len = q->msg->len - path_len - 1;
	g_autofree char *real = NULL;
	int flags;
	int r;

	if (q->nr_fds != 1 || path_len == q->msg->len || path_len > DAX_SYSFS_PATH_MAX)
		return DAXD_DROP;
	flags = fcntl(q->fds[0], F_GETFL);
	if (flags < 0 || flags & O_PATH ||
	    ((flags & O_ACCMODE) != O_WRONLY && (flags & O_ACCMODE) != O_RDWR))
		return refuse_request(EBADF, ret);
	r = daxd_tree_find(&server->reg->tree, q->fds[0], path, &real);
	if (r < 0)
		return refuse_request(r, ret);
	server->stats.stores++;
	r = daxd_registry_store(server->reg, real, text, len);
	daxd_rebind_saw(conn, real, text, len, r);
	return r < 0 ? refuse_request(r, ret) : daxd_settle(conn, ret);
}

/* Nothing in it may disturb who reads the log. */
static void make_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* The client's pid and uid come from the socket, not from its message. */
static enum daxd_next on_fault(struct daxd_conn *conn, const struct daxd_request *q,
			       struct daxd_reply *ret)
{
	struct dax_fault_event ev;
	int r;

	if (q->nr_fds || q->msg->len != sizeof(ev))
		return DAXD_DROP;
	memcpy(&ev, q->msg->body, sizeof(ev));
	if (ev.call >= DAX_FAULT_CALL_NR)
		return DAXD_DROP;
	ev.pid = conn->peer.pid;
	ev.uid = conn->peer.uid;
	make_text(ev.comm, sizeof(ev.comm));
	make_text(ev.device, sizeof(ev.device));
	r = daxd_rules_struck(conn->server->reg->faults, &ev);
	if (r < 0)
		return refuse_request(r, ret);
	return r ? daxd_settle(conn, ret) : DAXD_REPLY;
}

/* A client that could open the bus's node for writing may clear poison. */
static enum daxd_next on_clear(struct daxd_conn *conn, const struct daxd_request *q,
			       struct daxd_reply *ret)
{
	struct daxd_registry *reg = conn->server->reg;
	struct daxd_device *node;
	uint64_t body[2];
	int flags;
	int r;

	if (q->nr_fds != 1 || q->msg->len != sizeof(body))
		return DAXD_DROP;
	memcpy(body, q->msg->body, sizeof(body));
	flags = fcntl(q->fds[0], F_GETFL);
	r = find_by_fd(reg, q->fds[0], &node);
	if (r < 0 || flags < 0 || (flags & (O_ACCMODE | O_PATH)) != O_RDWR ||
	    !(node->desc.flags & DAX_DEVICE_NDCTL))
		return refuse_request(EBADF, ret);
	daxd_inject_clear_physical(reg->faults, body[0], body[1]);
	ret->arg[0] = body[1];
	return daxd_settle(conn, ret);
}

/**
 * daxd_request_answer() - handle a request
 * @conn:	the connection of the client
 * @q:		checked by dax_msg_check()
 * @ret:	receives the reply; its fd must be -1
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_request_answer(struct daxd_conn *conn, const struct daxd_request *q,
				   struct daxd_reply *ret)
{
	switch ((enum dax_msg_type)q->msg->type) {
	case DAX_MSG_ATTACH:
		return on_attach(conn, q, ret);
	case DAX_MSG_ADOPT:
		return on_adopt(conn, q, ret);
	case DAX_MSG_SETTLED:
		return on_settled(conn, q);
	case DAX_MSG_STORE:
		return on_store(conn, q, ret);
	case DAX_MSG_CONTROL:
		if (q->nr_fds)
			return DAXD_DROP;
		conn->server->stats.controls++;
		return daxd_control(conn, (const char *)q->msg->body, q->msg->len, ret);
	case DAX_MSG_FAULT:
		return on_fault(conn, q, ret);
	case DAX_MSG_HELD:
		return on_held(conn, q, ret);
	case DAX_MSG_CLEAR:
		return on_clear(conn, q, ret);
	case DAX_MSG_REPLY:
	case DAX_MSG_NR:
		break;
	}
	return DAXD_DROP;
}
