/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxrun --check: the mechanisms that work here, and the cost of those that do not.
 *
 * Everything is tried, not looked up: no file says what a container allows.
 */
#include "client/daxrun/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "libcore/kernel.h"
#include "libcore/size.h"

#include "client/daxrun/dir.h"
#include "client/daxrun/cgroup.h"
#include "client/daxrun/files.h"
#include "client/daxrun/job.h"
#include "client/daxrun/json.h"
#include "client/daxrun/options.h"
#include "client/daxrun/util.h"

#define WHOLE_MS 60000

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* 0: it works; otherwise an errno, and perhaps a hint of a remedy. */
struct outcome {
	int error;
	const char *hint;
};

static struct outcome from_errno(const char *hint)
{
	return (struct outcome){.error = errno, .hint = hint};
}

static const struct outcome works;

static struct outcome try_memfd(void)
{
	int fd = memfd_create("check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct outcome o = works;

	if (fd < 0)
		return from_errno(
			"the kernel or a seccomp profile refuses memfd_create(2)");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		o = from_errno("the kernel does not support seals");
	close(fd);
	return o;
}

static struct outcome try_hugetlb(void)
{
	const char *hint = "no free huge pages: as root, sysctl vm.nr_hugepages=N";
	int fd = memfd_create("check", MFD_CLOEXEC | MFD_HUGETLB);
	struct outcome o = works;
	void *p;

	if (fd < 0)
		return from_errno("the kernel does not support hugetlb");
	if (ftruncate(fd, 2 << 20) < 0)
		o = from_errno(hint);
	p = mmap(NULL, 2 << 20, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		o = from_errno(hint);
	else
		munmap(p, 2 << 20);
	close(fd);
	return o;
}

static struct outcome try_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		return from_errno(
			"a container's seccomp profile or the kernel does not allow it");
	close(fd);
	return works;
}

static struct outcome try_cuse(void)
{
	int fd = open("/dev/cuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return from_errno(errno == ENOENT ? "as root: modprobe cuse"
						  : "only root may open it");
	close(fd);
	return works;
}

static const struct {
	const char *name;
	struct outcome (*try)(void);
	const char *gives;
	const char *lost;
} mechanisms[] = {
	{"memfd", try_memfd, "devices in memory (backing=memory)",
	 "no default devices; use backing=pmem:PATH"},
	{"hugetlb", try_hugetlb,
	 "devices of huge pages (backing=hugetlb, hugetlbfs:PATH)",
	 "no such devices; other processes see 4 kB pages in smaps"},
	{"userfaultfd", try_userfaultfd, "delays at the first touch of memory",
	 "rules with touch are refused"},
	{"cuse", try_cuse,
	 "real character devices, even for programs without the shim; mmap still needs "
	 "the "
	 "shim (otherwise ENODEV)",
	 "only programs with the shim see the nodes"},
};

/* Print one line, or one entry of JSON. */
struct check {
	bool is_json;
	int nr;
};

static void print_check(struct check *c, const char *name, const char *word,
			const char *text)
{
	if (!c->is_json) {
		printf("%-12s %s%s%s\n", name, word ? word : "", word ? " " : "", text);
		return;
	}
	printf("%s\n  {\"name\": \"%s\", ", c->nr++ ? "," : "[", name);
	if (word)
		printf("\"works\": %s, ", !strncmp(word, "yes", 3) ? "true" : "false");
	printf("\"text\": ");
	run_json_put(stdout, text);
	printf("}");
}

/**
 * run_check_probe() - use a device, as the command of run_check()
 *
 * Its daemon has a rule that lets the first mmap fail.
 *
 * Return: the exit status: 0 if all worked, after a message if not.
 */
int run_check_probe(void)
{
	const size_t len = 2 << 20;
	int fd = open("/dev/dax0.0", O_RDWR | O_CLOEXEC);
	volatile char *p;

	if (fd < 0) {
		run_warn("open of /dev/dax0.0: %s (is the shim loaded?)",
			 strerror(errno));
		return 1;
	}
	if (mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED ||
	    errno != EIO) {
		run_warn("the fault rule of the first mmap was not obeyed");
		return 1;
	}
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		run_warn("mmap of /dev/dax0.0: %s", strerror(errno));
		return 1;
	}
	p[len - 1] = 1;
	return p[len - 1] != 1;
}

/* Run a program with a device and a fault. Return: what it said and how it ended. */
static struct outcome try_command(char *command[], enum run_reach reach, char **ret_text)
{
	const char *device = "dax0.0,size=4M";
	const char *fault = "mmap errno:EIO nth:1";
	const struct run_options o = {
		.devices = &device,
		.nr_devices = 1,
		.faults = &fault,
		.nr_faults = 1,
		.command = command,
		.reach = reach,
	};
	struct run_job job = {.name = "check"};
	struct outcome ret = works;
	char ended[RUN_JOB_TEXT];
	char *output;

	run_job_init();
	run_job_start(&job, &o);
	if (!run_job_wait(&job, 1, WHOLE_MS, NULL)) {
		run_job_end_all(&job, 1);
		run_die("interrupted");
	}
	if (run_job_judge(&job, 0, ended) != RUN_VERDICT_GOOD || job.data->status != 0)
		ret.error = EIO;
	output = run_job_output(&job);
	output[strcspn(output, "\n")] = '\0';
	*ret_text = run_format("%s: %s", ended, output[0] ? output : "no message");
	free(output);
	run_job_close(&job);
	return ret;
}

/* Try it all: a daemon, a device, a mapping, a fault. Return: true if it works. */
static bool check_whole(struct check *c)
{
	char self[PATH_MAX] = "";
	char option[] = "--check=probe";
	char *command[] = {self, option, NULL};
	bool is_good;
	char *why;
	char *text;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		self[0] = '\0';
	is_good = try_command(command, RUN_REACH_PRELOAD, &why).error == 0;
	text = run_format("(%s): daxrun can run nothing here", why);
	print_check(c, "daxrun", is_good ? "yes:" : "no",
		    is_good ? "a daemon, a device, a mapping and a fault work" : text);
	free(text);
	free(why);
	return is_good;
}

/* The kinds of programs that do not call libc; one of each is tried. */
static const struct {
	const char *name;
	const char *probe;
	const char *programs;
} kinds[] = {
	{"static", "static", "static programs, as of busybox, musl, Go and Rust,"},
	{"static-pie", "pie", "static programs at any address"},
	{"go", "go", "Go programs that are linked to libc"},
};

/* Try a program of a kind. Return: NULL if it sees the device, else why not. */
static char *try_kind(const char *probe)
{
	char *path = run_files_probe(probe);
	char *command[] = {path, NULL};
	char *why;

	if (!path)
		return run_format("daxprobe-%s is not there: x86-64 only", probe);
	if (try_command(command, RUN_REACH_ALL, &why).error == 0) {
		free(why);
		why = NULL;
	}
	free(path);
	return why;
}

/* Tell which kinds of programs see the devices. */
static void check_kinds(struct check *c)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char *why = try_kind(kinds[i].probe);
		char *text = why ? run_format("(%s): %s see no devices", why,
					      kinds[i].programs)
				 : run_format("%s see the devices", kinds[i].programs);

		print_check(c, kinds[i].name, why ? "no" : "yes:", text);
		free(text);
		free(why);
	}
	print_check(c, "set-user-ID", "no",
		    "(the kernel gives them no preload library): programs with rights of "
		    "their own see no devices; run them as the user that they become");
	print_check(c, "32-bit", "no",
		    "(the shim is for 64-bit programs): programs for another processor "
		    "see no devices; build them for this one");
}

/* Ask the daemon, which tries it, what pages the memory of a device with align 2M has. */
static void check_pages(struct check *c, const char *daemon)
{
	char *command = run_format("'%s' --check-memory", daemon);
	FILE *f = popen(command, "re");
	char line[256] = "";
	char *text;

	if (!f || !fgets(line, sizeof(line), f))
		strcpy(line, "no (the daemon can't be run): no memory");
	if (f)
		pclose(f);
	free(command);
	line[strcspn(line, "\n")] = '\0';
	text = strchr(line, ' ');
	if (text)
		*text++ = '\0';
	print_check(c, "pages", line, text ? text : "");
}

/* Describe what limits devices: memory, and the place for runtime directories. */
static void check_limits(struct check *c)
{
	char size[DAX_SIZE_STRLEN];
	char dir[RUN_DIR_LEN];
	struct statvfs st;
	uint64_t room;
	uint64_t limit;
	char *file;
	char *text;

	if (run_cgroup_limit(&limit, &file)) {
		text = run_format("a control group allows %s (%s): more data than that "
				  "in devices in memory ends programs with SIGKILL",
				  dax_size_format(limit, size), file);
		print_check(c, "memory", NULL, text);
		free(text);
	}
	free(file);
	if (statvfs("/dev/shm", &st) == 0) {
		room = st.f_bavail * st.f_frsize;
		if (room > DAX_MIB)
			room = dax_round_down(room, DAX_MIB);
		text = run_format("%s free (data of devices is not there)",
				  dax_size_format(room, size));
	} else {
		text = run_format("%s: $TMPDIR or /tmp is used", strerror(errno));
	}
	print_check(c, "/dev/shm", NULL, text);
	free(text);
	if (access("/tmp", W_OK) < 0) {
		text = run_format("(%s): only $XDG_RUNTIME_DIR, /dev/shm and $TMPDIR "
				  "remain for runtime directories",
				  strerror(errno));
		print_check(c, "/tmp", "no", text);
		free(text);
	}
	run_dir_make(dir);
	rmdir(dir);
	*strrchr(dir, '/') = '\0';
	print_check(c, "directory", NULL, dir);
}

/* Name the kernel whose answers devices give. */
static void check_kernel(struct check *c, enum dax_kernel kernel)
{
	struct utsname host;
	char *text;

	if (uname(&host) < 0)
		strcpy(host.release, "unknown");
	if (kernel == DAX_KERNEL_HOST)
		kernel = dax_kernel_of_host(host.release);
	text = run_format("%s: devices answer as this Linux does; the machine's own is "
			  "%s",
			  dax_kernel_name(kernel), host.release);
	print_check(c, "kernel", NULL, text);
	free(text);
}

/**
 * run_check() - print what works here
 * @options:	the format, and the kernel
 *
 * Return: the exit status: 0 if daxrun with no options works, else 1.
 */
int run_check(const struct run_options *options)
{
	const bool is_json = options->is_check_json;
	struct check c = {.is_json = is_json};
	char *daemon;
	char *shim;
	char *text;
	bool is_good;
	size_t i;

	if (access("/proc/self/maps", R_OK) < 0) {
		print_check(&c, "/proc", "no",
			    "(not mounted): daxrun and the shim need it");
		fputs(is_json ? "\n]\n" : "", stdout);
		return 1;
	}
	daemon = run_files_daemon();
	shim = run_files_shim();
	print_check(&c, "cuse-daxd", NULL, daemon);
	check_pages(&c, daemon);
	free(daemon);
	text = run_format("%s: dynamic programs, glibc and musl", shim);
	print_check(&c, "shim", NULL, text);
	free(text);
	check_kernel(&c, options->kernel);
	is_good = check_whole(&c);
	check_kinds(&c);
	check_limits(&c);
	for (i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		struct outcome o = mechanisms[i].try();

		text = run_format("(%s%s%s): %s", strerror(o.error), o.hint ? "; " : "",
				  o.hint ? o.hint : "", mechanisms[i].lost);
		print_check(&c, mechanisms[i].name, o.error ? "no" : "yes:",
			    o.error ? text : mechanisms[i].gives);
		free(text);
	}
	fputs(is_json ? "\n]\n" : "", stdout);
	free(shim);
	return is_good ? 0 : 1;
}
