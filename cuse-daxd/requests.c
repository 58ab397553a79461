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

#include "libcore/cxl_poison.h"
#include "libcore/device.h"
#include "libcore/event.h"
#include "libcore/fault.h"
#include "libcore/reason.h"
#include "libcore/state.h"
#include "libcore/sysfs_node.h"
#include "libcore/verdict.h"
#include "libcore/wire.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/untrusted_fd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/clients/scan.h"
#include "cuse-daxd/clients/settle.h"
#include "cuse-daxd/control/control.h"
#include "cuse-daxd/faults/inject.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/labels.h"
#include "cuse-daxd/registry/mappings.h"
#include "cuse-daxd/registry/memory.h"
#include "cuse-daxd/registry/registry.h"
#include "cuse-daxd/registry/repair.h"
#include "cuse-daxd/registry/uevents.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/runtime/tree.h"
#include "cuse-daxd/store/collapse.h"
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
	char name[DAX_ERRNO_STRLEN];
	const struct daxd_subject subject = {
		.device = dev->desc.name,
		.pid = peer->pid,
		.verdict = error ? dax_errno_text(-error, name) : "ok",
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
	if (daxd_memory_choose(dev, conn->peer.uid))
		daxd_memory_note(server->reg);
	daxd_repair(server->reg, dev->region);
	daxd_repair_length(dev->store);
	daxd_collapse_hurry();
	daxd_registry_opened(server->reg, dev);
	dev->attaches++;
	server->stats.attaches++;
	ret->fd = accmode == O_RDONLY ? dev->store->ro : dev->store->rw;
	ret->arg[0] = dev->slot;
	ret->arg[1] = dev->life;
	return DAXD_REPLY;
}

/* A process that has sent ADOPT, and whose mappings are being read. */
struct adoption {
	struct daxd_clients *clients;
	pid_t pid;
};

static bool adopt_found(void *ctx, const struct daxd_mapping *mapping)
{
	const struct adoption *adoption = ctx;

	daxd_clients_found(adoption->clients, adoption->pid, mapping->dev);
	return true;
}

static void adopt_done(void *ctx, struct daxd_reply *ret)
{
	(void)ctx;
	(void)ret;
}

static enum daxd_next on_adopt(struct daxd_conn *conn, struct daxd_reply *ret)
{
	static const struct daxd_scan_work work = {
		.found = adopt_found,
		.done = adopt_done,
		.free = g_free,
	};
	struct adoption *adoption;
	int r;

	conn->server->stats.adopts++;
	r = daxd_clients_adopt(&conn->server->clients, &conn->peer);
	if (r < 0)
		return refuse_request(r, ret);
	if (r == 0)
		return DAXD_REPLY;
	adoption = g_new0(struct adoption, 1);
	adoption->clients = &conn->server->clients;
	adoption->pid = conn->peer.pid;
	return daxd_scan_process(conn, adoption->pid, &work, adoption);
}

static enum daxd_next on_settled(struct daxd_conn *conn, const struct daxd_request *q)
{
	daxd_clients_settled(&conn->server->clients, &conn->peer, q->wire.changes);
	return DAXD_REPLY;
}

/*
 * Open the handle of a device. Return: a descriptor, or a negative errno; -ENXIO: there is no
 * such slot, or nodes are real ones, which have no handles. Else @ret receives the device.
 */
static int open_handle(const struct daxd_registry *reg, uint32_t slot, int flags,
		       struct dax_device *ret)
{
	_cleanup_close_ int dir = -1;
	int fd;

	if (slot >= reg->rt->state->nr_slots || reg->rt->state->flags & DAX_STATE_CUSE)
		return -ENXIO;
	dax_state_read(reg->rt->state, slot, ret);
	dir = openat(reg->rt->dir, DAXD_HANDLES, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, ret->name, flags | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A disabled device still opens while another descriptor is open (fs/char_dev.c). */
static enum daxd_next on_held(struct daxd_conn *conn, const struct daxd_request *q,
			      struct daxd_reply *ret)
{
	struct daxd_registry *reg = conn->server->reg;
	struct dax_device desc;
	_cleanup_close_ int fd = -1;
	struct dax_verdict v;
	bool is_held;

	/* O_NONBLOCK: a client's lease would make the daemon wait, and means "held". */
	fd = open_handle(reg, q->wire.slot, O_RDONLY | O_NONBLOCK, &desc);
	if (fd == -ENXIO)
		return refuse_request(ENXIO, ret);
	is_held = fd < 0 ? fd == -EWOULDBLOCK : reg->fe->ops->is_held(reg->fe, fd);
	v = dax_open_verdict(&desc, O_RDONLY, is_held);
	return v.error ? refuse_request(v.error, ret) : DAXD_REPLY;
}

/*
 * A client whose own mount of the handles is read-only opens them by the daemon's mount. The
 * descriptor gives no right to read or write: the kernel decides when the client opens it.
 */
static enum daxd_next on_handle(struct daxd_conn *conn, const struct daxd_request *q,
				struct daxd_reply *ret)
{
	struct dax_device desc;
	int fd = open_handle(conn->server->reg, q->wire.slot, O_PATH, &desc);

	if (fd < 0)
		return refuse_request(ENXIO, ret);
	ret->fd = fd;
	ret->owns_fd = true;
	return DAXD_REPLY;
}

/* Do what a write to a debugfs file of CXL has ordered. Return: 0 or a negative errno. */
static int carry_out_poison(struct daxd_registry *reg)
{
	const struct dax_cxl_poison order = dax_cxl_poison_take(&reg->model);
	struct daxd_device *dev;
	struct daxd_why why;
	int r;

	if (order.kind == DAX_CXL_POISON_NONE)
		return 0;
	dev = daxd_devices_find_life(reg, order.life);
	if (!dev)
		return -ENXIO;
	if (order.kind == DAX_CXL_POISON_INJECT)
		r = daxd_inject(reg->faults, dev, order.off, DAX_CXL_POISON_LEN,
				DAX_BAD_POISON, &why);
	else
		r = daxd_inject_clear(reg->faults, dev, order.off, DAX_CXL_POISON_LEN,
				      &why);
	if (r < 0)
		daxd_warning("%s", why.text);
	return r;
}

/* A client that could open the attribute for writing may write to it. */
static enum daxd_next on_store(struct daxd_conn *conn, const struct daxd_request *q,
			       struct daxd_reply *ret)
{
	struct daxd_server *server = conn->server;
	const char *text = q->wire.store.text;
	size_t len = q->wire.store.len;
	g_autofree char *real = NULL;
	int flags;
	int r;

	flags = fcntl(q->fds[0], F_GETFL);
	if (flags < 0 || flags & O_PATH ||
	    ((flags & O_ACCMODE) != O_WRONLY && (flags & O_ACCMODE) != O_RDWR))
		return refuse_request(EBADF, ret);
	r = daxd_tree_find(&server->reg->tree, q->fds[0], q->wire.store.path, &real);
	if (r < 0)
		return refuse_request(r, ret);
	server->stats.stores++;
	r = daxd_registry_store(server->reg, real, text, len);
	if (r == 0)
		r = carry_out_poison(server->reg);
	return r < 0 ? refuse_request(r, ret) : daxd_settle(conn, ret);
}

/* True if one of the parts of a path is @name. */
static bool has_part(const char *path, const char *name)
{
	size_t len = strlen(name);

	for (; path; path = strchr(path, '/') ? strchr(path, '/') + 1 : NULL)
		if (!strncmp(path, name, len) && (!path[len] || path[len] == '/'))
			return true;
	return false;
}

/* True if a descriptor shows that its sender may make the call that it reports. */
static bool is_proof(const struct daxd_registry *reg, int fd,
		     const struct dax_fault_event *ev)
{
	g_autofree char *path = NULL;
	struct daxd_device *dev;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH)
		return false;
	if (ev->call == DAX_FAULT_WRITE)
		return (flags & O_ACCMODE) != O_RDONLY &&
		       daxd_tree_find_fd(&reg->tree, fd, &path) == 0 &&
		       (!ev->device[0] || has_part(path, ev->device));
	return find_by_fd(reg, fd, &dev) == 0 && !strcmp(dev->desc.name, ev->device);
}

/*
 * A report counts only if the client has the device: it has attached it, or sends the
 * descriptor that the call is on. Pid and uid come from the socket, not from the message.
 */
static enum daxd_next on_fault(struct daxd_conn *conn, const struct daxd_request *q,
			       struct daxd_reply *ret)
{
	const struct daxd_server *server = conn->server;
	struct dax_fault_event ev = q->wire.fault;
	int r;

	if (!(q->nr_fds && is_proof(server->reg, q->fds[0], &ev)) &&
	    !daxd_clients_has(&server->clients, &conn->peer, ev.device))
		return refuse_request(EACCES, ret);
	ev.pid = conn->peer.pid;
	ev.uid = daxd_clients_uid_of(&server->clients, &conn->peer);
	r = daxd_rules_struck(server->reg->faults, &ev);
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
	int flags;
	int r;

	flags = fcntl(q->fds[0], F_GETFL);
	r = find_by_fd(reg, q->fds[0], &node);
	if (r < 0 || flags < 0 || (flags & (O_ACCMODE | O_PATH)) != O_RDWR ||
	    !(node->desc.flags & DAX_DEVICE_NDCTL) || node->memdev >= 0)
		return refuse_request(EBADF, ret);
	daxd_inject_clear_physical(reg->faults, q->wire.clear.start, q->wire.clear.len);
	ret->arg[0] = q->wire.clear.len;
	return daxd_settle(conn, ret);
}

/* A client that could open a memory device may read and write its labels. */
static enum daxd_next on_labels(struct daxd_conn *conn, const struct daxd_request *q,
				struct daxd_reply *ret)
{
	struct daxd_device *node;
	int flags;
	int r;

	flags = fcntl(q->fds[0], F_GETFL);
	r = find_by_fd(conn->server->reg, q->fds[0], &node);
	if (r < 0 || flags < 0 || flags & O_PATH || node->memdev < 0)
		return refuse_request(EBADF, ret);
	r = daxd_labels_open(node);
	if (r < 0)
		return refuse_request(r, ret);
	ret->fd = r;
	return DAXD_REPLY;
}

/* Any program may listen to uevents, as on a real machine. */
static enum daxd_next on_uevents(struct daxd_conn *conn, const struct daxd_request *q,
				 struct daxd_reply *ret)
{
	struct daxd_registry *reg = conn->server->reg;
	uint32_t id;
	int r;

	if (q->wire.uevents.id) {
		r = daxd_uevents_join(reg, conn->peer.uid, q->wire.uevents.id,
				      q->wire.uevents.groups);
		return r < 0 ? refuse_request(r, ret) : DAXD_REPLY;
	}
	r = daxd_uevents_open(reg, conn->peer.pid, conn->peer.uid, &id);
	if (r < 0)
		return refuse_request(r, ret);
	ret->fd = r;
	ret->owns_fd = true;
	ret->arg[0] = id;
	return DAXD_REPLY;
}

/**
 * daxd_request_answer() - handle a request
 * @conn:	the connection of the client
 * @q:		as daxd_conn_receive() left it
 * @ret:	receives the reply; its fd must be -1
 *
 * Return: what the server must do with the reply.
 */
enum daxd_next daxd_request_answer(struct daxd_conn *conn, const struct daxd_request *q,
				   struct daxd_reply *ret)
{
	if (q->error)
		return refuse_request(q->error, ret);
	switch (q->wire.type) {
	case DAX_MSG_ATTACH:
		return on_attach(conn, q, ret);
	case DAX_MSG_ADOPT:
		return on_adopt(conn, ret);
	case DAX_MSG_SETTLED:
		return on_settled(conn, q);
	case DAX_MSG_STORE:
		return on_store(conn, q, ret);
	case DAX_MSG_CONTROL:
		conn->server->stats.controls++;
		return daxd_control(conn, q->wire.control.text, q->wire.control.len, ret);
	case DAX_MSG_FAULT:
		return on_fault(conn, q, ret);
	case DAX_MSG_HELD:
		return on_held(conn, q, ret);
	case DAX_MSG_CLEAR:
		return on_clear(conn, q, ret);
	case DAX_MSG_LABELS:
		return on_labels(conn, q, ret);
	case DAX_MSG_UEVENTS:
		return on_uevents(conn, q, ret);
	case DAX_MSG_HANDLE:
		return on_handle(conn, q, ret);
	case DAX_MSG_REPLY:
	case DAX_MSG_NR:
		break;
	}
	return DAXD_DROP;
}
