/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of a run that is recorded for crash states: the device's image before and
 * during the run, the log, and what the processes of the run share.
 */
#include "client/daxrun/crash_files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcore/bytes.h"
#include "libcore/crash_log.h"
#include "libcore/image.h"

#include "client/daxrun/daemon.h"
#include "client/daxrun/dir.h"
#include "client/daxrun/util.h"

#define START          "start" /* the image before the run */
#define NEW            "new"   /* the same, as the daemon has made it */
#define DEFAULT_DEVICE "dax0.0"
#define DEFAULT_SIZE   "size=64M"

/**
 * run_crash_files_path() - name one of the files
 * @files:	the files
 * @name:	its name in the directory
 *
 * Return: the path, for the caller to free(3).
 */
char *run_crash_files_path(const struct run_crash_files *files, const char *name)
{
	return run_format("%s/%s", files->dir, name);
}

/**
 * run_crash_files_device() - describe the device with an image as its backing
 * @o:		the options
 * @image:	the image's path
 *
 * Return: an argument of --device, for the caller to free(3).
 */
char *run_crash_files_device(const struct run_options *o, const char *image)
{
	const char *device = o->nr_devices ? o->devices[0] : DEFAULT_DEVICE;
	bool has_size = o->nr_devices || o->crash.image;

	return run_format("%s,%s%sbacking=pmem:%s", device, has_size ? "" : DEFAULT_SIZE,
			  has_size ? "" : ",", image);
}

static int open_file(const struct run_crash_files *files, const char *name, int flags)
{
	char *path = run_crash_files_path(files, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		run_die("%s: %s", path, strerror(errno));
	free(path);
	return fd;
}

static void write_all(int fd, const uint8_t *data, uint64_t len, uint64_t off)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, (off_t)off);

		if (n < 0)
			run_die("the images have no room: %s (set XDG_RUNTIME_DIR to "
				"another "
				"directory)",
				strerror(errno));
		data += n;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
}

/* Write the pages of a range that are not zero. */
static void write_pages(int fd, const uint8_t *data, uint64_t len, uint64_t off)
{
	uint64_t run = 0; /* bytes of such pages before @at */
	uint64_t at;

	for (at = 0; at < len; at += DAX_CRASH_PAGE) {
		uint64_t n = len - at < DAX_CRASH_PAGE ? len - at : DAX_CRASH_PAGE;

		if (!dax_is_zero(data + at, n)) {
			run += n;
			continue;
		}
		write_all(fd, data + at - run, run, off + at - run);
		run = 0;
	}
	write_all(fd, data + len - run, run, off + len - run);
}

/**
 * run_crash_files_copy() - copy the start image, leaving its holes
 * @files:	the files
 * @fd:		the copy, an empty file
 * @from:	where to begin, in bytes; becomes the copy's first byte
 *
 * Pages of zeroes become holes: the recorder looks at all other pages at each fence.
 */
void run_crash_files_copy(const struct run_crash_files *files, int fd, uint64_t from)
{
	off_t at = (off_t)from;

	if (ftruncate(fd, (off_t)(files->image_size - from)) < 0)
		run_die("ftruncate: %s", strerror(errno));
	while ((at = lseek(files->start_fd, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(files->start_fd, at, SEEK_HOLE);

		write_pages(fd, files->start + at, (uint64_t)(end - at),
			    (uint64_t)at - from);
		at = end;
	}
}

/*
 * Make holes of a copy's data where the start image has none. Return: false if the file
 * system can't.
 */
static bool punch_foreign(const struct run_crash_files *files, int fd)
{
	off_t at = 0;

	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(fd, at, SEEK_HOLE);

		while (at < end) {
			off_t ours = lseek(files->start_fd, at, SEEK_DATA);

			if (ours < 0 || ours > end)
				ours = end;
			if (ours > at &&
			    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
				      ours - at) < 0)
				return false;
			at = ours < end ? lseek(files->start_fd, ours, SEEK_HOLE) : end;
		}
	}
	return true;
}

/* Write the pages of a range of the start image that differ in a copy. */
static void write_changed(const struct run_crash_files *files, int fd, off_t at,
			  off_t end)
{
	uint8_t copy[16 * DAX_CRASH_PAGE];
	ssize_t n;
	ssize_t i;

	for (; at < end; at += n) {
		n = pread(fd, copy,
			  end - at < (off_t)sizeof(copy) ? (size_t)(end - at)
							 : sizeof(copy),
			  at);
		if (n <= 0)
			run_die("a state's image can't be read: %s", strerror(errno));
		for (i = 0; i < n; i += DAX_CRASH_PAGE) {
			size_t len =
				n - i < DAX_CRASH_PAGE ? (size_t)(n - i) : DAX_CRASH_PAGE;

			if (memcmp(copy + i, files->start + at + i, len) != 0)
				write_all(fd, files->start + at + i, len,
					  (uint64_t)(at + i));
		}
	}
}

/**
 * run_crash_files_restore() - make a file a copy of the start image
 * @files:	the files
 * @fd:		open for reading and writing: an empty file, or an earlier copy that has
 *		been written to since
 *
 * An earlier copy keeps its pages, and only what differs is written: to free and to
 * allocate all of them again takes several times as long.
 */
void run_crash_files_restore(const struct run_crash_files *files, int fd)
{
	struct stat st;
	off_t at = 0;

	if (fstat(fd, &st) < 0)
		run_die("fstat: %s", strerror(errno));
	if ((uint64_t)st.st_size != files->image_size || !punch_foreign(files, fd)) {
		if (ftruncate(fd, 0) < 0)
			run_die("ftruncate: %s", strerror(errno));
		run_crash_files_copy(files, fd, 0);
		return;
	}
	while ((at = lseek(files->start_fd, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(files->start_fd, at, SEEK_HOLE);

		write_changed(files, fd, at, end);
		at = end;
	}
}

/* Map the start image; holes must stay, so only its data may be read. */
static void map_start(struct run_crash_files *files)
{
	struct stat st;
	void *p;

	files->start_fd = open_file(files, START, O_RDONLY);
	if (fstat(files->start_fd, &st) < 0)
		run_die("fstat: %s", strerror(errno));
	files->image_size = (uint64_t)st.st_size;
	p = mmap(NULL, files->image_size, PROT_READ, MAP_PRIVATE, files->start_fd, 0);
	if (p == MAP_FAILED)
		run_die("mmap: %s", strerror(errno));
	files->start = p;
}

/* Read which part of the image is the device. */
static void examine(struct run_crash_files *files, const char *name)
{
	uint8_t head[DAX_IMAGE_HEAD] = {0};
	struct dax_image image;

	if (pread(files->start_fd, head, sizeof(head), 0) < 0)
		run_die("%s: %s", name, strerror(errno));
	dax_image_examine(head, files->image_size, &image);
	if (image.state != DAX_IMAGE_OK)
		run_die("--image %s: holds %s, not a namespace in devdax mode (make one "
			"with backing=pmem:FILE)",
			name, image.what);
	files->data = image.block.start_pad + image.block.dataoff;
	files->size = image.size;
}

/* Take the user's image. It is copied: the run must not change it. */
static void take_image(struct run_crash_files *files, const char *path)
{
	struct run_crash_files user = {0};
	struct stat st;
	void *p;
	int fd;

	user.start_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (user.start_fd < 0 || fstat(user.start_fd, &st) < 0)
		run_die("--image %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || !st.st_size)
		run_die("--image %s: is not a file with a device in it", path);
	user.image_size = (uint64_t)st.st_size;
	p = mmap(NULL, user.image_size, PROT_READ, MAP_PRIVATE, user.start_fd, 0);
	if (p == MAP_FAILED)
		run_die("--image %s: %s", path, strerror(errno));
	user.start = p;
	fd = open_file(files, START, O_WRONLY | O_CREAT | O_EXCL);
	run_crash_files_copy(&user, fd, 0);
	munmap(p, user.image_size);
	close(fd);
	close(user.start_fd);
}

/* Let a daemon format a new image. */
static void format_image(const struct run_options *o, struct run_crash_files *files)
{
	char *path = run_crash_files_path(files, NEW);
	const char *device = run_crash_files_device(o, path);
	struct run_options plain = *o;
	struct run_daemon d = {0};

	plain.devices = &device;
	plain.nr_devices = 1;
	plain.nr_faults = 0;
	run_daemon_start(&plain, getpid(), &d);
	run_daemon_await(&d);
	run_daemon_stop(&d);
	take_image(files, path);
	unlink(path);
	free(path);
}

static void make_shared(const struct run_options *o, struct run_crash_files *files)
{
	int fd = open_file(files, DAX_CRASH_SHARED, O_RDWR | O_CREAT | O_EXCL);
	pthread_mutexattr_t attr;
	void *p;
	int r;

	r = posix_fallocate(fd, 0, sizeof(*files->shared));
	if (r)
		run_die("the log has no room: %s", strerror(r));
	p = mmap(NULL, sizeof(*files->shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		run_die("mmap: %s", strerror(errno));
	close(fd);
	files->shared = p;
	files->shared->data = files->data;
	files->shared->size = files->size;
	files->shared->is_by_instructions = o->crash.is_by_instructions;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&files->shared->lock, &attr);
}

/* Remove the files even if daxrun is killed: a process waits for its end. */
static void start_janitor(struct run_crash_files *files)
{
	struct run_dir dir = {0};
	int fds[2];
	char byte;

	if (pipe2(fds, O_CLOEXEC) < 0)
		run_die("pipe: %s", strerror(errno));
	files->janitor = fork();
	if (files->janitor < 0)
		run_die("fork: %s", strerror(errno));
	if (files->janitor == 0) {
		setpgid(0, 0); /* Ctrl-C is not for it */
		close(fds[1]);
		strcpy(dir.path, files->dir);
		run_dir_hold(&dir);
		while (read(fds[0], &byte, 1) < 0 && errno == EINTR)
			;
		run_dir_remove(&dir);
		_exit(0);
	}
	close(fds[0]);
	files->janitor_fd = fds[1];
}

/**
 * run_crash_files_make() - make the files
 * @o:		the options
 * @files:	receives them
 *
 * Ends daxrun if there is no room, or the user's image can't be used.
 */
void run_crash_files_make(const struct run_options *o, struct run_crash_files *files)
{
	int fd;

	memset(files, 0, sizeof(*files));
	files->owner = getpid();
	run_dir_make(files->dir);
	start_janitor(files);
	if (o->crash.image)
		take_image(files, o->crash.image);
	else
		format_image(o, files);
	map_start(files);
	examine(files, o->crash.image ? o->crash.image : "the new image");
	fd = open_file(files, DAX_CRASH_IMAGE, O_WRONLY | O_CREAT | O_EXCL);
	run_crash_files_copy(files, fd, 0);
	close(fd);
	fd = open_file(files, DAX_CRASH_SEEN, O_WRONLY | O_CREAT | O_EXCL);
	run_crash_files_copy(files, fd, files->data);
	close(fd);
	close(open_file(files, DAX_CRASH_LOG, O_WRONLY | O_CREAT | O_EXCL));
	close(open_file(files, DAX_CRASH_SAID, O_WRONLY | O_CREAT | O_EXCL));
	make_shared(o, files);
}

/**
 * run_crash_files_remove() - remove the files
 * @files:	from run_crash_files_make()
 */
void run_crash_files_remove(struct run_crash_files *files)
{
	if (files->owner != getpid())
		return;
	close(files->janitor_fd);
	while (waitpid(files->janitor, NULL, 0) < 0 && errno == EINTR)
		;
}

struct text {
	FILE *file;
};

static void add_store(void *arg, uint64_t off, const uint8_t *data, uint64_t len)
{
	const struct dax_crash_record r = {.event = DAX_CRASH_STORE,
					   .off = off,
					   .len = len};
	struct text *text = arg;

	fwrite(&r, sizeof(r), 1, text->file);
	fwrite(data, len, 1, text->file);
}

/* Add the stores after the last fence: of what is mapped, and of what is not any more. */
static void add_last_stores(const struct run_crash_files *files, FILE *f)
{
	struct text text = {.file = f};
	int image = open_file(files, DAX_CRASH_IMAGE, O_RDONLY);
	int fd = open_file(files, DAX_CRASH_SEEN, O_RDWR);
	uint64_t end = files->data + files->size;
	uint8_t *live = mmap(NULL, end, PROT_READ, MAP_SHARED, image, 0);
	uint8_t *seen =
		mmap(NULL, files->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	off_t at = (off_t)files->data;

	if (live == MAP_FAILED || seen == MAP_FAILED)
		run_die("mmap: %s", strerror(errno));
	while ((at = lseek(image, at, SEEK_DATA)) >= 0 && (uint64_t)at < end) {
		uint64_t to = (uint64_t)lseek(image, at, SEEK_HOLE);

		dax_crash_log_diff(live + files->data, seen, (uint64_t)at - files->data,
				   (to < end ? to : end) - files->data, add_store, &text);
		at = (off_t)to;
	}
	munmap(live, end);
	munmap(seen, files->size);
	close(image);
	close(fd);
}

/**
 * run_crash_files_read_log() - read the log after the run
 * @files:	the files
 * @ret_len:	receives its length, in bytes
 *
 * Return: the log, for the caller to free(3).
 */
uint8_t *run_crash_files_read_log(const struct run_crash_files *files, uint64_t *ret_len)
{
	int fd = open_file(files, DAX_CRASH_LOG, O_RDONLY);
	uint8_t chunk[16384];
	char *log = NULL;
	size_t len;
	FILE *f = open_memstream(&log, &len);
	ssize_t n;

	if (!f)
		run_die("out of memory");
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		fwrite(chunk, (size_t)n, 1, f);
	if (n < 0)
		run_die("the log can't be read: %s", strerror(errno));
	fwrite(files->shared->buffer, files->shared->used, 1, f);
	add_last_stores(files, f);
	if (fclose(f))
		run_die("out of memory");
	close(fd);
	*ret_len = len;
	return (uint8_t *)log;
}
