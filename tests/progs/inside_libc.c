/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the calls whose work is done inside libc, and those that change a mode, on a device.
 *
 * inside_libc calls|modes DEVICE: prints a line for each call; kept DEVICE: the status tells
 * whether libc's own stream of standard output refuses.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FCHMODAT2 452

struct open_how;
int openat2(int dirfd, const char *path, const struct open_how *how, size_t size)
	__attribute__((weak));

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);

static const char *device;

static void show(const char *what, long r)
{
	printf("%s %s\n", what, r < 0 ? strerrorname_np(errno) : "ok");
}

/* Waits for a request. Return: 0, or -1 with errno set to its error. */
static int wait_for(struct aiocb *cb)
{
	const struct aiocb *list[] = {cb};

	while (aio_error(cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	errno = aio_error(cb);
	return errno ? -1 : 0;
}

__attribute__((format(printf, 2, 3))) static int print(int fd, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vdprintf(fd, format, ap);
	va_end(ap);
	return r;
}

static void show_list(int fd, int opcode, const char *name)
{
	char buf[8] = "";
	int other = open("/dev/zero", O_RDWR);
	struct aiocb cb[] = {{.aio_fildes = fd, .aio_lio_opcode = opcode},
			     {.aio_fildes = other, .aio_lio_opcode = opcode}};
	struct aiocb *list[] = {&cb[0], NULL, &cb[1]};

	cb[0].aio_buf = cb[1].aio_buf = buf;
	cb[0].aio_nbytes = cb[1].aio_nbytes = sizeof(buf);
	show(name, lio_listio(LIO_WAIT, list, 3, NULL));
	show("its request", wait_for(&cb[0]));
	show("the other request", wait_for(&cb[1]));
	close(other);
}

static void show_streams(int fd)
{
	FILE *f = fdopen(dup(fd), "r+");
	char byte;

	printf("fdopen %s\n", f ? "ok" : "NULL");
	show("fread", fread(&byte, 1, 1, f) == 1 ? 0 : -1);
	clearerr(f);
	fputs("x", f);
	show("fflush", fflush(f));
	fclose(f);
	f = fdopen(open(device, O_RDONLY), "w");
	printf("fdopen for writing %s\n", f ? "ok" : strerrorname_np(errno));
	show("dprintf", dprintf(fd, "hello %d", 1));
	show("vdprintf", print(fd, "hello %d", 1));
}

static void show_paths(void)
{
	struct {
		struct file_handle handle;
		char room[MAX_HANDLE_SZ];
	} h = {.handle.handle_bytes = MAX_HANDLE_SZ};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	uint64_t how[3] = {O_RDWR};
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	int mount;

	show("ftok", ftok(device, 'x'));
	show("mkfifo", mkfifo(device, 0600));
	show("mkfifoat", mkfifoat(AT_FDCWD, device, 0600));
	strcpy(name.sun_path, device);
	show("bind", bind(sock, (struct sockaddr *)&name, sizeof(name)));
	show("connect", connect(sock, (struct sockaddr *)&name, sizeof(name)));
	show("openat2",
	     openat2 ? openat2(AT_FDCWD, device, (void *)how, sizeof(how)) : -1);
	show("syscall openat2", syscall(SYS_openat2, AT_FDCWD, device, how, sizeof(how)));
	show("name_to_handle_at",
	     name_to_handle_at(AT_FDCWD, device, &h.handle, &mount, 0));
}

/* In the directory of the device, and on a file that it has there. */
static void show_sysfs(void)
{
	char *const args[] = {(char *)"/usr/bin/test", (char *)"-e", (char *)"size",
			      NULL};
	struct pollfd polled = {.events = POLLPRI};
	posix_spawn_file_actions_t actions;
	char path[128];
	int status = -1;
	pid_t pid;

	snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s", strrchr(device, '/') + 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addchdir_np(&actions, path);
	errno = posix_spawn(&pid, args[0], &actions, NULL, args, environ);
	show("spawn in a directory", errno ? -1 : 0);
	waitpid(pid, &status, 0);
	printf("its status %d\n", status);
	strcat(path, "/size");
	polled.fd = open(path, O_RDONLY);
	show("__poll_chk", __poll_chk(&polled, 1, 0, sizeof(polled)));
	printf("its events %#x\n", (unsigned int)polled.revents);
}

static void show_calls(void)
{
	int fd = open(device, O_RDWR);
	struct aiocb cb = {.aio_fildes = fd};

	show_streams(fd);
	show_list(fd, LIO_READ, "lio_listio read");
	show_list(fd, LIO_WRITE, "lio_listio write");
	show("aio_fsync", aio_fsync(O_SYNC, &cb));
	show("its request", wait_for(&cb));
	show("aio_fsync of none", aio_fsync(99, &cb));
	show_sysfs();
	show_paths();
}

/* Prints the mode after a change, and whether the device can still be mapped. */
static void show_mode(const char *what, long r)
{
	struct stat st = {0};
	int fd = open(device, O_RDWR);
	char *p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	stat(device, &st);
	printf("%s %s %o %s\n", what, r < 0 ? strerrorname_np(errno) : "ok", st.st_mode,
	       p == MAP_FAILED ? "lost" : "maps");
	if (p != MAP_FAILED)
		munmap(p, 2 << 20);
	close(fd);
}

static void show_modes(void)
{
	int fd = open(device, O_RDWR);
	int path_fd = open(device, O_PATH);
	char link[64];

	show_mode("chmod", chmod(device, 0601));
	show_mode("fchmod", fchmod(fd, 0602));
	show_mode("fchmodat", fchmodat(AT_FDCWD, device, 0603, 0));
	show_mode("nofollow", fchmodat(AT_FDCWD, device, 0604, AT_SYMLINK_NOFOLLOW));
	show_mode("lchmod", lchmod(device, 0605));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	show_mode("link in /proc", chmod(link, 0606));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	show_mode("link to O_PATH", chmod(link, 0607));
	if (symlink(device, "link") == 0)
		show_mode("symbolic link", chmod("link", 0610));
	unlink("link");
	show_mode("fchmodat2", syscall(FCHMODAT2, AT_FDCWD, device, 0611, 0));
	show_mode("fchmodat2 nofollow",
		  syscall(FCHMODAT2, AT_FDCWD, device, 0612, AT_SYMLINK_NOFOLLOW));
	show_mode("fchmodat2 fd", syscall(FCHMODAT2, fd, "", 0613, AT_EMPTY_PATH));
	show_mode("fchmodat2 O_PATH",
		  syscall(FCHMODAT2, path_fd, "", 0614, AT_EMPTY_PATH));
}

/* Write to the stream that libc made for stdout, as C++'s cout does. Return: true if it failed. */
static bool is_kept_refused(void)
{
	extern FILE _IO_2_1_stdout_;

	return fputs("x", &_IO_2_1_stdout_) == EOF || fflush(&_IO_2_1_stdout_) == EOF;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	device = argv[2];
	if (!strcmp(argv[1], "calls"))
		show_calls();
	else if (!strcmp(argv[1], "kept"))
		return is_kept_refused();
	else
		show_modes();
	return 0;
}
