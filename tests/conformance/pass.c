// SPDX-License-Identifier: BSD-2-Clause
/* pass.*: descriptors of the device passed on by dup, fork, exec, sockets, /proc. */
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "tests/conformance/call.h"

/* Check what every holder of a descriptor must get: the memory, with all its rules. */
static void say_rules(int fd)
{
	char *p = c_mmap(NULL, 2 * A, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char b;

	if (p == MAP_FAILED) {
		say_map(p);
		return;
	}
	label("data"), say("%d", is_filled(p, 64, 7));
	label("private"), say_ok(try_map(fd, A, PROT_READ, MAP_PRIVATE, 0));
	if (A > P) {
		label("odd"), say_ok(try_map(fd, A - P, PROT_READ, MAP_SHARED, 0));
		label("split"), say_ok(c_munmap(p, P));
	}
	label("msync"), say_ok(c_msync(p, A, MS_SYNC));
	label("read"), say_ok(c_read(fd, &b, 1));
	label("end"), say_ret(c_lseek(fd, 0, SEEK_END));
	put(p + 64, 0x41);
}

static char *prepare(void)
{
	char *p = map_units(1);

	fill(p, 65, 7);
	put(p + 64, 0);
	return p;
}

static void say_back(const char *p)
{
	label("back"), say("%d", get(p + 64) == 0x41);
}

CASE("pass.dup")
{
	char *p = prepare();

	say_rules(c_dup(dev_open(O_RDWR)));
	say_back(p);
}

CASE("pass.dup2")
{
	say_ret(c_dup2(dev_open(O_RDWR), 400));
	prepare();
	say_rules(400);
}

CASE("pass.dup2_over_device")
{
	int a = dev_open(O_RDWR);
	int m = memfd();
	char *p;

	must(ftruncate(m, A) == 0);
	c_dup2(m, a); /* the number now refers to another file */
	p = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, a, 0);
	say_map(p);
	say_ret(c_write(a, "abc", 3));
	c_dup2(dev_open(O_RDWR), m); /* and this one refers to the device */
	say_ok(try_map(m, A, PROT_READ, MAP_PRIVATE, 0));
	say_ret(c_read(m, p, 1));
}

CASE("pass.dup3")
{
	int fd = dev_open(O_RDWR);

	say_ret(c_dup3(fd, 400, O_CLOEXEC));
	say_ret(c_fcntl(400, F_GETFD, 0));
	say_ret(c_dup3(fd, fd, 0));
	prepare();
	say_rules(400);
}

CASE("pass.number_is_reused")
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ | PROT_WRITE, 0);
	char b[4] = "";
	int other;

	fill(p, 64, 7);
	c_close(fd);
	other = memfd();
	say("%d", other == fd);
	say_ret(write(other, "abcd", 4));
	say_ret(pread(other, b, 4, 0));
	say("%d", memcmp(b, "abcd", 4) == 0);
	label("mapping"), say("%d", is_filled(p, 64, 7));
}

CASE("pass.close_range")
{
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ | PROT_WRITE, 0);

	say_ok(syscall(SYS_close_range, fd, ~0U, 0));
	say_ok(c_fcntl(fd, F_GETFD, 0));
	say_ok(try_map(fd, A, PROT_READ, MAP_SHARED, 0));
	put(p, 0x42);
	say_load(p);
}

CASE("pass.proc_fd_reopen_upgrade")
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev_open(O_RDONLY));
	fd = c_open(path, O_RDWR, 0);
	prepare();
	say_rules(fd);
}

CASE("pass.status_flags_are_shared")
{
	int a = dev_open(O_RDWR);
	int b = c_dup(a);
	int other = dev_open(O_RDWR);

	c_fcntl(a, F_SETFL, O_NONBLOCK);
	say_flags(c_fcntl(b, F_GETFL, 0));
	say_flags(c_fcntl(other, F_GETFL, 0));
}

CASE("pass.fdinfo")
{
	char path[64];
	char line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		 dev_open(O_RDWR | O_NONBLOCK));
	f = fopen(path, "re");
	must(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "pos:", 4) == 0) {
			*strchr(line, '\t') = ' ';
			say("%s", line);
		} else if (strncmp(line, "flags:", 6) == 0) {
			say("flags: 0%o", flags_as_recorded(strtol(line + 6, NULL, 8)));
		} else {
			line[strcspn(line, ":")] = '\0';
			say("%s", line);
		}
	}
}

static void rules_child(void *data)
{
	say_rules(*(int *)data);
}

CASE("pass.fork")
{
	char *p = prepare();
	int fd = dev_open(O_RDWR);

	say_status(in_child(rules_child, &fd));
	say_back(p);
}

CASE("pass.fork.after_parent_closed")
{
	char *p = prepare();
	int fd = dev_open(O_RDWR);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		say_rules(fd);
		_exit(0);
	}
	c_close(fd);
	waitpid(pid, &status, 0);
	say_status(status);
	say_back(p);
}

static int inheritable(int flags)
{
	return c_open(t.dev, flags, 0);
}

static void exec_case(const long *arg)
{
	static const char *const what[] = {"map", "private", "odd", "split"};
	char *empty[] = {NULL};
	char *p = map_units(1);
	int status;

	put(p, 0xa1);
	status = exec_helper(what[arg[0]], inheritable(O_RDWR), arg[1] ? empty : NULL);
	if (WIFEXITED(status))
		say("%s", err_name(WEXITSTATUS(status)));
	else
		say_status(status);
	if (arg[0] == 0)
		label("back"), say("%d", get(p + 1) == 0xa2);
}

MATRIX
{
	static const char *const what[] = {"map", "private", "odd", "split"};
	size_t i;

	for (i = 0; i < COUNT(what); i++) {
		case_make(exec_case, ARGS(i, 0), "pass.exec.%s", what[i]);
		case_make(exec_case, ARGS(i, 1), "pass.exec_empty_environment.%s",
			  what[i]);
	}
}

CASE("pass.exec.cloexec")
{
	int status = exec_helper("there", dev_open(O_RDWR), NULL);

	say("%s", err_name(WEXITSTATUS(status)));
	status = exec_helper("there", inheritable(O_RDWR), NULL);
	say("%s", err_name(WEXITSTATUS(status)));
}

CASE("pass.spawn_addopen")
{
	const char *argv[] = {"conformance", "--helper",        "map",
			      "300",         t.raw ? "s" : "l", NULL};
	posix_spawn_file_actions_t fa;
	char *p = map_units(1);
	int status = -1;
	pid_t pid;

	put(p, 0xa1);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 300, t.dev, O_RDWR, 0);
	say("%s", err_name(posix_spawn(&pid, "/proc/self/exe", &fa, NULL,
				       (char *const *)argv, environ)));
	waitpid(pid, &status, 0);
	say("%s", WIFEXITED(status) ? err_name(WEXITSTATUS(status)) : "killed");
	label("back"), say("%d", get(p + 1) == 0xa2);
}

CASE("pass.shell_redirect")
{
	const char *argv[] = {"sh", "-c", NULL, NULL};
	char text[512];
	char self[256];
	char *p = map_units(1);
	pid_t pid;
	int status = -1;
	long n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	must(n > 0);
	self[n] = '\0';
	put(p, 0xa1);
	snprintf(text, sizeof(text), "exec 9<>%s; exec %s --helper map 9 %s", t.dev, self,
		 t.raw ? "s" : "l");
	argv[2] = text;
	pid = fork();
	if (pid == 0) {
		execv("/bin/sh", (char *const *)argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	say("%s", WIFEXITED(status) ? err_name(WEXITSTATUS(status)) : "killed");
	label("back"), say("%d", get(p + 1) == 0xa2);
}

CASE("pass.shell_tests")
{
	static const char *const test[] = {"-c", "-b", "-e", "-f",
					   "-s", "-d", "-L", "-x"};
	const char *argv[] = {"sh", "-c", NULL, NULL};
	char text[256];
	size_t i;

	for (i = 0; i < COUNT(test); i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			snprintf(text, sizeof(text), "test %s %s", test[i], t.dev);
			argv[2] = text;
			execv("/bin/sh", (char *const *)argv);
			_exit(127);
		}
		waitpid(pid, &status, 0);
		label("%s", test[i]), say("%d", WEXITSTATUS(status));
	}
}

static void send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	char byte = 0;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	must(sendmsg(sock, &m, 0) == 1);
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	char byte;
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	int fd = -1;

	must(recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

static void scm_case(const long *arg)
{
	char *p = prepare();
	int pair[2];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		int fd = receive_fd(pair[1]);

		say_flags(c_fcntl(fd, F_GETFL, 0));
		say_rules(fd);
		_exit(0);
	}
	send_fd(pair[0], dev_open(arg[0]));
	waitpid(pid, NULL, 0);
	say_back(p);
}

MATRIX
{
	case_make(scm_case, ARGS(O_RDWR), "pass.scm_rights.rdwr");
	case_make(scm_case, ARGS(O_RDONLY), "pass.scm_rights.rdonly");
}

/* Start a child that waits with the device open as descriptor 300. Return: its pid. */
static pid_t holder(void)
{
	int ready[2];
	char b;
	pid_t pid;

	must(pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c_dup2(dev_open(O_RDWR), 300);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	must(read(ready[0], &b, 1) == 1);
	return pid;
}

CASE("pass.pidfd_getfd")
{
	char *p = prepare();
	pid_t pid = holder();
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int fd;

	if (pidfd < 0)
		skip("no pidfd_open");
	fd = syscall(SYS_pidfd_getfd, pidfd, 300, 0);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		skip("pidfd_getfd not permitted");
	say_ok(fd);
	say_rules(fd);
	say_back(p);
	kill(pid, SIGKILL);
}

CASE("pass.proc_pid_fd")
{
	char *p = prepare();
	pid_t pid = holder();
	char path[64];
	char b[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/300", pid);
	must(readlink(path, b, sizeof(b) - 1) > 0);
	say_text(b);
	say_rules(c_open(path, O_RDWR, 0));
	say_back(p);
	kill(pid, SIGKILL);
}
