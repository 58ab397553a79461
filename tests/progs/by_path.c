/* SPDX-License-Identifier: BSD-2-Clause */
/* by_path PATH: the answers of calls that follow a symbolic link at the end of a path. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#define TELL(name, call)                                                                 \
	do {                                                                             \
		errno = 0;                                                               \
		const long r = (long)(call);                                             \
                                                                                         \
		printf("%s: %s\n", name,                                                 \
		       r >= 0 ? errno ? "ok, and errno" : "ok"                           \
			      : strerrorname_np(errno));                                 \
	} while (0)

int main(int argc, char **argv)
{
	const char *p = argc == 2 ? argv[1] : "";
	const struct timespec times[2] = {{1000, 0}, {1000, 0}};
	struct {
		struct file_handle head;
		char room[MAX_HANDLE_SZ];
	} handle = {{.handle_bytes = MAX_HANDLE_SZ}};
	struct statvfs vfs;
	struct statfs fs;
	struct statx stx;
	struct stat st;
	char buf[256];
	int mount;

	TELL("open", open(p, O_RDWR));
	TELL("open O_PATH", open(p, O_PATH));
	TELL("fopen", fopen(p, "r+") ? 0 : -1);
	TELL("stat", stat(p, &st));
	printf("%d %d\n", S_ISCHR(st.st_mode), st.st_mode & 0777);
	TELL("statx", statx(AT_FDCWD, p, 0, STATX_BASIC_STATS, &stx));
	TELL("access", access(p, R_OK));
	TELL("eaccess", eaccess(p, R_OK));
	TELL("statfs", statfs(p, &fs));
	TELL("statvfs", statvfs(p, &vfs));
	printf("%lx %lu\n", (long)fs.f_type, vfs.f_bsize);
	TELL("pathconf", pathconf(p, _PC_NAME_MAX));
	TELL("realpath", realpath(p, NULL) ? errno = 0 : -1) /* libc changes errno */;
	TELL("chmod", chmod(p, 0600));
	TELL("chown", chown(p, getuid(), getgid()));
	TELL("utime", utime(p, NULL));
	TELL("utimes", utimes(p, NULL));
	TELL("utimensat", utimensat(AT_FDCWD, p, times, 0));
	TELL("setxattr user", setxattr(p, "user.x", "1", 1, 0));
	TELL("setxattr other", setxattr(p, "other.x", "1", 1, 0));
	TELL("getxattr", getxattr(p, "user.x", buf, sizeof(buf)));
	TELL("listxattr", listxattr(p, buf, sizeof(buf)));
	TELL("removexattr", removexattr(p, "user.x"));
	TELL("truncate", truncate(p, 0));
	TELL("truncate64", truncate64(p, 4096));
	TELL("name_to_handle_at",
	     name_to_handle_at(AT_FDCWD, p, &handle.head, &mount, AT_SYMLINK_FOLLOW));
	TELL("inotify", inotify_add_watch(inotify_init(), p, IN_OPEN));
	TELL("chdir", chdir(p));
	TELL("execve", execl(p, p, (char *)NULL));
	return 0;
}
