// SPDX-License-Identifier: BSD-2-Clause
/*
 * The conformance program: run more than two thousand small cases on a device-dax and print
 * each answer as one line of JSON. The program does not judge; the answers of real
 * kernels are in tests/oracle/recorded.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <grp.h>
#include <sys/sysmacros.h>

#include "tests/conformance/call.h"
#include "tests/conformance/run.h"

#define PATTERNS_MAX 32

struct target t = {.dev = "/dev/dax0.0"};

struct options {
	const char *only[PATTERNS_MAX];
	const char *skip[PATTERNS_MAX];
	int only_count;
	int skip_count;
	bool list;
	long uid;
};

static const char usage[] =
	"usage: conformance [OPTIONS]\n"
	"Ask a device-dax small questions; print each answer as a line of JSON.\n"
	"      --dev PATH         the device (default /dev/dax0.0)\n"
	"      --second PATH      another device, for the cases that want two\n"
	"      --through libc|syscall\n"
	"                         how calls are made (default libc)\n"
	"      --only PATTERN     only cases that match (shell pattern, repeatable)\n"
	"      --skip PATTERN     not those (repeatable)\n"
	"      --uid NUMBER       become this user first\n"
	"      --list             print the names of the cases and stop\n"
	"Answers that begin with 'skip:' mean that this machine can't be asked.\n";

static int read_number(const char *attribute, uint64_t *ret_value)
{
	char path[128];
	char text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t.sys, attribute);
	fd = c_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	n = c_read(fd, text, sizeof(text) - 1);
	c_close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	*ret_value = strtoull(text, NULL, 0);
	return 0;
}

int target_find(void)
{
	const char *slash = strrchr(t.dev, '/');
	struct stat st;
	int r;

	if (c_stat(t.dev, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	t.name = slash ? slash + 1 : t.dev;
	if (sscanf(t.name, "dax%d.%d", &t.region, &t.index) != 2)
		return -EINVAL;
	t.dev_t = st.st_rdev;
	snprintf(t.rdev, sizeof(t.rdev), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	snprintf(t.sys, sizeof(t.sys), "/sys/dev/char/%s", t.rdev);
	r = read_number("size", &t.size);
	if (r == 0)
		r = read_number("align", &t.align);
	t.page = sysconf(_SC_PAGESIZE);
	t.root = geteuid() == 0;
	return r;
}

/* Become that user and execute again: only an exec makes /proc/self this user's again. */
static int become(uid_t uid, char **argv)
{
	char **rest = calloc(64, sizeof(*rest));
	int n = 0;
	int i;

	for (i = 0; argv[i] && rest && n < 62; i++) {
		if (strcmp(argv[i], "--uid") == 0 && argv[i + 1])
			i++;
		else if (strncmp(argv[i], "--uid=", 6) != 0)
			rest[n++] = argv[i];
	}
	if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0) {
		perror("conformance: --uid");
		return 2;
	}
	execv("/proc/self/exe", rest);
	perror("conformance: --uid: exec");
	return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	enum {
		DEV = 1,
		SECOND,
		THROUGH,
		ONLY,
		SKIP,
		UID,
		LIST,
		HELP
	};
	static const struct option opts[] = {
		{"dev", required_argument, NULL, DEV},
		{"second", required_argument, NULL, SECOND},
		{"through", required_argument, NULL, THROUGH},
		{"only", required_argument, NULL, ONLY},
		{"skip", required_argument, NULL, SKIP},
		{"uid", required_argument, NULL, UID},
		{"list", no_argument, NULL, LIST},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case DEV:
			t.dev = optarg;
			break;
		case SECOND:
			t.second = optarg;
			break;
		case THROUGH:
			t.raw = strcmp(optarg, "syscall") == 0;
			if (!t.raw && strcmp(optarg, "libc") != 0)
				goto bad;
			break;
		case ONLY:
			if (o->only_count < PATTERNS_MAX)
				o->only[o->only_count++] = optarg;
			break;
		case SKIP:
			if (o->skip_count < PATTERNS_MAX)
				o->skip[o->skip_count++] = optarg;
			break;
		case UID:
			o->uid = strtol(optarg, NULL, 10);
			break;
		case LIST:
			o->list = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			goto bad;
		}
	}
	if (optind == argc)
		return 0;
bad:
	fputs(usage, stderr);
	return -1;
}

static bool matches(const char *name, const char *const *pattern, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (fnmatch(pattern[i], name, 0) == 0)
			return true;
	return false;
}

static bool is_wanted(const struct dax_case *c, const struct options *o)
{
	if (o->only_count && !matches(c->name, o->only, o->only_count))
		return false;
	if (matches(c->name, o->skip, o->skip_count))
		return false;
	if (o->list)
		return true;
	if (!t.root && (case_in_group(c, "root") || case_in_group(c, "zz_unbind")))
		return false;
	if (t.raw && case_in_group(c, "libc"))
		return false;
	return t.second || !case_in_group(c, "second");
}

int main(int argc, char **argv)
{
	struct options o = {.uid = -1};
	struct dax_case **list;
	struct stat st = {0};
	int r;

	/* exec_helper(): this program again, in another process image. */
	if (argc == 5 && strcmp(argv[1], "--helper") == 0) {
		t.raw = argv[4][0] == 's';
		helper_main(argv[2], atoi(argv[3]));
		return 0;
	}
	if (parse(argc, argv, &o) < 0)
		return 2;
	if (o.uid >= 0)
		return become(o.uid, argv);
	cases_sorted(&list);
	if (!o.list) {
		r = target_find();
		if (r == 0 && c_stat(t.dev, &st) < 0)
			r = -errno;
		if (r < 0) {
			fprintf(stderr, "conformance: %s: no usable device: %s\n", t.dev,
				strerror(-r));
			return 1;
		}
	}
	for (; *list; list++) {
		if (!is_wanted(*list, &o))
			continue;
		if (o.list) {
			puts((*list)->name);
			continue;
		}
		case_run(*list);
		if (!case_in_group(*list, "zz_unbind"))
			continue;
		r = unbind_restore(st.st_mode & 07777);
		if (r < 0) {
			fprintf(stderr,
				"conformance: %s did not come back after %s: %s\n", t.dev,
				(*list)->name, strerror(-r));
			return 1;
		}
	}
	return 0;
}
