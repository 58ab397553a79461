/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CUSE sessions and the thread that serves them.
 *
 * libfuse's own function to start a session (cuse_lowlevel_setup) serves one device and
 * takes the whole process. Here each session is set up by hand: open /dev/cuse, pass its
 * descriptor to the session, and reply to the kernel's first request at once. So when
 * daxd_cuse_session_add() returns, the node exists or the kernel has refused it.
 */
#define FUSE_USE_VERSION 314

#include "cuse-daxd/frontend/cuse_session.h"

#include <cuse_lowlevel.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/event.h"
#include "libcore/reason.h"
#include "libcore/state.h"
#include "libcore/verdict.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"

#define INIT_MS 5000 /* the kernel sends its first request at once */
#define STOP_ID 0

/* The daemon's own request to its nodes; other processes get an error. */
#define IOC_WHO  _IO('d', 0xda)
#define WHO_OURS 1

struct daxd_cuse {
	const struct dax_state *state;
	void (*on_opened)(void *ctx, const char *name);
	void *ctx;
	pthread_t worker;
	bool has_worker;
	int epoll;
	int stop;
	int news; /* eventfd: some device was opened for the first time */
	GSource *news_source;
	/* Guards all below. Held for one request at a time, never while waiting. */
	pthread_mutex_t lock;
	GHashTable *by_name; /* struct node, owned */
	GHashTable *by_id;   /* struct node */
	uint64_t last_id;
	struct fuse_buf buf;
};

struct node {
	struct daxd_cuse *cuse;
	uint64_t id;
	char name[DAX_NAME_LEN];
	dev_t rdev;
	int fd; /* the session's */
	struct fuse_session *session;
	unsigned int handles;
	bool has_news; /* opened, and on_opened() not called yet */
};

static void __attribute__((format(printf, 2, 0)))
log_fuse(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char text[256];

	(void)level;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	daxd_debug("libfuse: %s", text);
}

/*
 * Requests of programs: the worker handles them, with the lock held.
 *
 * These are the calls that the kernel passes on. It handles lseek and mmap itself
 * (fs/fuse/cuse.c), and the VFS all others, as for device-dax.
 */

static int open_error(const struct node *node, int flags)
{
	int slot = dax_state_find(node->cuse->state, 0, node->rdev, 0);
	struct dax_device dev;

	if (slot < 0)
		return ENXIO;
	dax_state_read(node->cuse->state, (uint32_t)slot, &dev);
	return dax_open_verdict(&dev, flags, node->handles > 0).error;
}

static void log_refusal(const struct node *node, pid_t pid, int error)
{
	const struct daxd_subject subject = {
		.device = node->name,
		.pid = pid,
		.verdict = dax_errno_name(error),
	};

	daxd_log_about(DAXD_LOG_INFO, &subject, "%s: pid %d: open: %s", node->name, pid,
		       strerror(error));
}

static void on_open(fuse_req_t req, struct fuse_file_info *fi)
{
	struct node *node = fuse_req_userdata(req);
	int error = open_error(node, fi->flags);

	if (error) {
		log_refusal(node, fuse_req_ctx(req)->pid, error);
		fuse_reply_err(req, error);
		return;
	}
	node->handles++;
	if (fuse_reply_open(req, fi) < 0) {
		node->handles--; /* the caller was interrupted, no release follows */
		return;
	}
	node->has_news = true;
	eventfd_write(node->cuse->news, 1);
}

static void on_release(fuse_req_t req, struct fuse_file_info *fi)
{
	struct node *node = fuse_req_userdata(req);

	(void)fi;
	node->handles--;
	fuse_reply_err(req, 0);
}

/* O_RDWR, as the kernel has checked the open mode. */
static int call_error(enum dax_call call, int64_t a)
{
	return dax_fd_verdict(DAX_KERNEL_NEWEST, call, O_RDWR, a, 0, 0).error;
}

static void on_read(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)size;
	(void)off;
	(void)fi;
	fuse_reply_err(req, call_error(DAX_CALL_READ, 0));
}

static void on_write(fuse_req_t req, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	(void)buf;
	(void)size;
	(void)off;
	(void)fi;
	fuse_reply_err(req, call_error(DAX_CALL_WRITE, 0));
}

static void on_ioctl(fuse_req_t req, int cmd, void *arg, struct fuse_file_info *fi,
		     unsigned int flags, const void *in_buf, size_t in_size,
		     size_t out_size)
{
	int error = call_error(DAX_CALL_IOCTL, (unsigned int)cmd);

	(void)arg;
	(void)fi;
	(void)flags;
	(void)in_buf;
	(void)in_size;
	(void)out_size;
	if ((unsigned int)cmd == IOC_WHO && fuse_req_ctx(req)->pid == getpid())
		fuse_reply_ioctl(req, WHO_OURS, NULL, 0);
	else
		fuse_reply_err(req, error ? error : ENOTTY);
}

/*
 * Without poll libfuse replies ENOSYS, and the kernel reports "always ready", as for
 * device-dax.
 */
static const struct cuse_lowlevel_ops operations = {
	.open = on_open,
	.release = on_release,
	.read = on_read,
	.write = on_write,
	.ioctl = on_ioctl,
};

/*
 * Handle one request, if there is one. Return: 0, or a negative errno if the session has
 * ended.
 */
static int serve_one(struct node *node)
{
	struct daxd_cuse *cuse = node->cuse;
	int r = fuse_session_receive_buf(node->session, &cuse->buf);

	if (r == -EINTR || r == -EAGAIN)
		return 0;
	if (r <= 0)
		return r ? r : -ENODEV;
	fuse_session_process_buf(node->session, &cuse->buf);
	return 0;
}

static void serve_id(struct daxd_cuse *cuse, uint64_t id)
{
	struct node *node;
	int r;

	pthread_mutex_lock(&cuse->lock);
	/* It may have been removed since epoll saw it. */
	node = g_hash_table_lookup(cuse->by_id, GSIZE_TO_POINTER(id));
	r = node ? serve_one(node) : 0;
	if (r < 0) {
		daxd_warning("/dev/%s: its CUSE session was aborted: %s; "
			     "it can't be opened until the daemon is restarted",
			     node->name, strerror(-r));
		epoll_ctl(cuse->epoll, EPOLL_CTL_DEL, node->fd, NULL);
	}
	pthread_mutex_unlock(&cuse->lock);
}

static void *work(void *data)
{
	struct daxd_cuse *cuse = data;
	struct epoll_event event;

	pthread_setname_np(pthread_self(), "cuse");
	for (;;) {
		int n = epoll_wait(cuse->epoll, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			break;
		if (n != 1)
			continue;
		if (event.data.u64 == STOP_ID)
			break;
		serve_id(cuse, event.data.u64);
	}
	return NULL;
}

static void watch(struct daxd_cuse *cuse, int fd, uint64_t id)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = id};

	epoll_ctl(cuse->epoll, EPOLL_CTL_ADD, fd, &event);
}

static gboolean on_news(gint fd, GIOCondition condition, gpointer data)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct daxd_cuse *cuse = data;
	GHashTableIter iter;
	struct node *node;
	eventfd_t count;
	guint i;

	(void)condition;
	eventfd_read(fd, &count);
	pthread_mutex_lock(&cuse->lock);
	g_hash_table_iter_init(&iter, cuse->by_name);
	while (g_hash_table_iter_next(&iter, NULL, (void **)&node)) {
		if (node->has_news)
			g_ptr_array_add(names, g_strdup(node->name));
		node->has_news = false;
	}
	pthread_mutex_unlock(&cuse->lock);
	for (i = 0; i < names->len; i++)
		cuse->on_opened(cuse->ctx, g_ptr_array_index(names, i));
	return G_SOURCE_CONTINUE;
}

/* Its open files are dead afterwards: calls fail with ECONNABORTED or ENOTCONN. */
static void node_free(void *data)
{
	struct node *node = data;

	if (node->session)
		fuse_session_destroy(node->session); /* closes fd */
	else
		daxd_close_fd(&node->fd);
	g_free(node);
}

/**
 * daxd_cuse_session_start() - start the thread that serves nodes
 * @state:	the state pages, which describe the devices
 * @on_opened:	called with @ctx, by the main loop, after a device was opened
 * @ctx:	passed to @on_opened
 * @ret:	receives the sessions, for daxd_cuse_session_stop()
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_cuse_session_start(const struct dax_state *state,
			    void (*on_opened)(void *ctx, const char *name), void *ctx,
			    struct daxd_cuse **ret, struct daxd_why *why)
{
	struct daxd_cuse *cuse;
	int r;

	fuse_set_log_func(log_fuse);
	cuse = g_new0(struct daxd_cuse, 1);
	cuse->state = state;
	cuse->on_opened = on_opened;
	cuse->ctx = ctx;
	pthread_mutex_init(&cuse->lock, NULL);
	cuse->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, node_free);
	cuse->by_id = g_hash_table_new(g_direct_hash, g_direct_equal);
	cuse->epoll = epoll_create1(EPOLL_CLOEXEC);
	cuse->stop = eventfd(0, EFD_CLOEXEC);
	cuse->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cuse->epoll >= 0 && cuse->stop >= 0 && cuse->news >= 0) {
		watch(cuse, cuse->stop, STOP_ID);
		cuse->news_source = g_unix_fd_source_new(cuse->news, G_IO_IN);
		g_source_set_callback(cuse->news_source, G_SOURCE_FUNC(on_news), cuse,
				      NULL);
		g_source_attach(cuse->news_source, NULL);
		cuse->has_worker = !pthread_create(&cuse->worker, NULL, work, cuse);
	}
	if (!cuse->has_worker) {
		r = daxd_fail(
			why, errno,
			"the CUSE thread can't be started: %s (raise ulimit -n, -u)",
			strerror(errno));
		daxd_cuse_session_stop(cuse);
		return r;
	}
	*ret = cuse;
	return 0;
}

/**
 * daxd_cuse_session_stop() - remove all nodes and end the thread
 * @cuse:	from daxd_cuse_session_start(), or NULL
 */
void daxd_cuse_session_stop(struct daxd_cuse *cuse)
{
	if (!cuse)
		return;
	if (cuse->has_worker) {
		eventfd_write(cuse->stop, 1);
		pthread_join(cuse->worker, NULL);
	}
	g_hash_table_unref(cuse->by_id);
	g_hash_table_unref(cuse->by_name);
	if (cuse->news_source) {
		g_source_destroy(cuse->news_source);
		g_source_unref(cuse->news_source);
	}
	daxd_close_fd(&cuse->epoll);
	daxd_close_fd(&cuse->stop);
	daxd_close_fd(&cuse->news);
	free(cuse->buf.mem);
	pthread_mutex_destroy(&cuse->lock);
	g_free(cuse);
}

static int open_session(struct node *node, struct daxd_why *why)
{
	g_autofree char *devname = g_strdup_printf("DEVNAME=%s", node->name);
	const char *info[] = {devname};
	const struct cuse_info ci = {
		.dev_major = major(node->rdev),
		.dev_minor = minor(node->rdev),
		.dev_info_argc = 1,
		.dev_info_argv = info,
	};
	char *argv[] = {(char *)(uintptr_t) "cuse-daxd", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	char path[32];

	node->fd = open(DAXD_CUSE_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (node->fd < 0)
		return daxd_fail(why, errno, "%s: " DAXD_CUSE_PATH ": %s%s", node->name,
				 strerror(errno),
				 errno == EMFILE ? " (raise ulimit -n)" : "");
	node->session = cuse_lowlevel_new(&args, &ci, &operations, node);
	if (!node->session)
		return daxd_fail(why, ENOMEM, "%s: libfuse can't create a session",
				 node->name);
	snprintf(path, sizeof(path), "/dev/fd/%d", node->fd);
	if (fuse_session_mount(node->session, path) < 0) {
		daxd_close_fd(&node->fd);
		return daxd_fail(why, EIO, "%s: libfuse can't use " DAXD_CUSE_PATH,
				 node->name);
	}
	return 0;
}

/* Reply to the kernel's first request: it then creates the device, or refuses it. */
static int serve_init(struct node *node, struct daxd_why *why)
{
	struct pollfd pfd = {.fd = node->fd, .events = POLLIN};
	char path[64];
	struct stat st;

	if (poll(&pfd, 1, INIT_MS) != 1 || serve_one(node) < 0)
		return daxd_fail(why, EIO, "%s: the kernel's CUSE does not respond",
				 node->name);
	snprintf(path, sizeof(path), "/dev/%s", node->name);
	if (stat(path, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != node->rdev)
		return daxd_fail(
			why, EEXIST,
			"%s: the kernel refuses it: another device has the number %u:%u "
			"or the name (see the kernel's log)",
			path, major(node->rdev), minor(node->rdev));
	return 0;
}

/**
 * daxd_cuse_session_add() - create a node
 * @cuse:	started
 * @name:	of the device
 * @major:	its major number
 * @minor:	its minor number
 * @why:	receives the reason of a failure
 *
 * The node exists when this returns, with owner root and mode 0600. A program that opens
 * it waits until daxd_cuse_session_serve().
 *
 * Return: 0; -EEXIST: the name or the number is taken; or another negative errno.
 */
int daxd_cuse_session_add(struct daxd_cuse *cuse, const char *name, uint32_t major,
			  uint32_t minor, struct daxd_why *why)
{
	struct node *node = g_new0(struct node, 1);
	int r;

	node->cuse = cuse;
	node->rdev = makedev(major, minor);
	g_strlcpy(node->name, name, sizeof(node->name));
	pthread_mutex_lock(&cuse->lock);
	node->id = ++cuse->last_id;
	r = open_session(node, why);
	if (r == 0)
		r = serve_init(node, why);
	if (r == 0) {
		g_hash_table_replace(cuse->by_name, node->name, node);
		g_hash_table_insert(cuse->by_id, GSIZE_TO_POINTER(node->id), node);
	}
	pthread_mutex_unlock(&cuse->lock);
	if (r < 0)
		node_free(node);
	return r;
}

/**
 * daxd_cuse_session_serve() - start to serve a node
 * @cuse:	started
 * @name:	of a node; its device is in the state pages
 */
void daxd_cuse_session_serve(struct daxd_cuse *cuse, const char *name)
{
	const struct node *node = g_hash_table_lookup(cuse->by_name, name);

	if (node)
		watch(cuse, node->fd, node->id);
}

/**
 * daxd_cuse_session_remove() - remove a node, if it exists
 * @cuse:	started
 * @name:	its name
 */
void daxd_cuse_session_remove(struct daxd_cuse *cuse, const char *name)
{
	struct node *node;

	pthread_mutex_lock(&cuse->lock);
	node = g_hash_table_lookup(cuse->by_name, name);
	if (node) {
		g_hash_table_remove(cuse->by_id, GSIZE_TO_POINTER(node->id));
		g_hash_table_steal(cuse->by_name, name);
	}
	pthread_mutex_unlock(&cuse->lock);
	/* Without the lock: the kernel waits for a program that is opening it. */
	if (node)
		node_free(node);
}

/**
 * daxd_cuse_session_has() - check whether there is a node of this name and number
 * @cuse:	started
 * @name:	of a device
 * @rdev:	its number
 *
 * Return: true if there is.
 */
bool daxd_cuse_session_has(struct daxd_cuse *cuse, const char *name, dev_t rdev)
{
	const struct node *node = g_hash_table_lookup(cuse->by_name, name);

	return node && node->rdev == rdev;
}

/**
 * daxd_cuse_session_is_live() - check whether a descriptor belongs to a current node
 * @fd:		of a character device with the number of a node
 *
 * The number does not suffice: it may have been reused after a node was removed. The
 * ioctl fails on a descriptor of a removed node. Only for the main thread, which may
 * wait for the worker.
 *
 * Return: true if it does.
 */
bool daxd_cuse_session_is_live(int fd)
{
	return ioctl(fd, IOC_WHO) == WHO_OURS;
}

/**
 * daxd_cuse_session_handles() - count the open files of a node
 * @cuse:	started
 * @name:	of a node
 *
 * Return: the number; 0 if there is no such node.
 */
unsigned int daxd_cuse_session_handles(struct daxd_cuse *cuse, const char *name)
{
	const struct node *node;
	unsigned int n;

	pthread_mutex_lock(&cuse->lock);
	node = g_hash_table_lookup(cuse->by_name, name);
	n = node ? node->handles : 0;
	pthread_mutex_unlock(&cuse->lock);
	return n;
}
