/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Take back the memory of a daemon that died from the processes that use it.
 *
 * memfd and hugetlb memory has no path. After a kill it lives on in the processes that
 * have it open (the shim keeps a descriptor) or mapped, and the new daemon finds it there
 * through /proc. The daemon asks no process to hand it in: what it takes is the inode that
 * its predecessor noted in a file of its own (note.c), and a client can imitate neither
 * that inode nor its owner. Processes that the daemon may not inspect are passed over.
 *
 * The daemon looks at what clients name without the risk to block: a link of /proc/PID/fd is
 * only followed if the kernel shows the noted name for it, and then only with O_PATH.
 */
#include "cuse-daxd/registry/reclaim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/untrusted_fd.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/mappings.h"
#include "cuse-daxd/registry/note.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"

/* The memory of a store, as the daemon before has noted it. */
struct memory {
	dev_t dev;
	ino_t ino;
	uint64_t born; /* daxd_born() */
	uint64_t size;
	char name[64];
	char link[256]; /* the end of its name in /proc/PID/fd */
	int fd;         /* -1: not found yet */
};

static bool is_wanted(const GArray *wanted, const struct memory *m)
{
	guint i;

	for (i = 0; i < wanted->len; i++) {
		const struct memory *other = &g_array_index(wanted, struct memory, i);

		if (other->ino == m->ino && other->dev == m->dev)
			return true;
	}
	return false;
}

/*
 * Read the lines "memory DEV INO BORN SIZE NAME<TAB>LINK" of the note. The devices of a region
 * may have one store.
 */
static GArray *read_wanted(const struct daxd_registry *reg)
{
	GArray *wanted = g_array_new(FALSE, FALSE, sizeof(struct memory));
	g_autofree char *note = daxd_note_read(reg);
	char *line = note;
	char *next;

	for (; line && *line; line = next) {
		struct memory m = {.fd = -1};
		uint64_t dev;
		uint64_t ino;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line,
			   "memory %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %63[^\t]\t%255[^\n]",
			   &dev, &ino, &m.born, &m.size, m.name, m.link) != 6)
			continue;
		m.dev = (dev_t)dev;
		m.ino = (ino_t)ino;
		if (!is_wanted(wanted, &m))
			g_array_append_val(wanted, m);
	}
	return wanted;
}

/* Check that a descriptor is of the noted memory. Never blocks. */
static bool is_memory(const struct memory *m, int fd)
{
	struct statx stx;

	return daxd_untrusted_fd_stat(fd, &stx) == 0 && S_ISREG(stx.stx_mode) &&
	       makedev(stx.stx_dev_major, stx.stx_dev_minor) == m->dev &&
	       stx.stx_ino == m->ino && daxd_born(&stx) == m->born &&
	       stx.stx_uid == geteuid() && stx.stx_size == m->size;
}

/* Open what an O_PATH descriptor stands for. Its mode forbids that, also to its owner. */
static int open_again(int path_fd)
{
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	if (chmod(link, 0600) < 0)
		return -1;
	fd = open(link, O_RDWR | O_CLOEXEC);
	chmod(link, 0);
	return fd;
}

static bool take(struct memory *m, int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_CLOEXEC);

	if (fd >= 0 && is_memory(m, fd))
		m->fd = open_again(fd);
	return m->fd >= 0;
}

/*
 * True if a descriptor was opened to read or write. Another daemon that starts has the memory
 * with O_PATH for a moment, while it looks for its own: that is no use of it.
 */
static bool is_open(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_mode & (S_IRUSR | S_IWUSR);
}

/* Look at a descriptor of a process. Return: true if it was of noted memory. */
static bool try_fd(GArray *wanted, int dir, const char *name)
{
	char target[256];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	guint i;

	if (n <= 0)
		return false;
	target[n] = '\0';
	for (i = 0; i < wanted->len; i++) {
		struct memory *m = &g_array_index(wanted, struct memory, i);

		if (m->fd < 0 && g_str_has_suffix(target, m->link) &&
		    is_open(dir, name) && take(m, dir, name))
			return true;
	}
	return false;
}

/* Look at all descriptors of a process. Return: how much noted memory was found. */
static guint try_fds(GArray *wanted, pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	guint found = 0;

	while (dir && (entry = readdir(dir)))
		found += try_fd(wanted, dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/* Look at the mappings of a process that has closed the descriptors: root may. */
static guint try_mappings(GArray *wanted, pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/map_files", pid);
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char range[40];
	guint found = 0;
	guint i;

	for (i = 0; dir >= 0 && i < wanted->len; i++) {
		struct memory *m = &g_array_index(wanted, struct memory, i);

		if (m->fd < 0 && daxd_mappings_find_file(pid, m->dev, m->ino, range))
			found += take(m, dir, range);
	}
	return found;
}

/* Return: how much memory is still missing. */
static guint try_all(GArray *wanted, guint missing,
		     guint (*try_process)(GArray *wanted, pid_t pid))
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && missing && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && pid != getpid())
			missing -= try_process(wanted, pid);
	}
	if (proc)
		closedir(proc);
	return missing;
}

/**
 * daxd_reclaim_memory() - offer the stores the memory that the daemon before had
 * @reg:	with the runtime directory; no store is made yet
 *
 * Does nothing if that daemon was stopped: the end of its memory was intended.
 */
void daxd_reclaim_memory(const struct daxd_registry *reg)
{
	g_autoptr(GArray) wanted = read_wanted(reg);
	guint missing = wanted->len;
	guint i;

	if (reg->rt->is_stopped)
		return;
	missing = try_all(wanted, missing, try_fds);
	missing = try_all(wanted, missing, try_mappings);
	for (i = 0; i < wanted->len; i++) {
		const struct memory *m = &g_array_index(wanted, struct memory, i);

		if (m->fd >= 0)
			daxd_file_offer(m->name, m->fd);
		else
			daxd_debug("%s: nobody has its memory any more", m->name);
	}
}
