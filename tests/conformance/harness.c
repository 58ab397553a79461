// SPDX-License-Identifier: BSD-2-Clause
/*
 * Run a case in a child and assemble its answer.
 *
 * The child writes the answer word by word into a page shared with the parent, so that
 * nothing written before its death is lost. The parent prints the line, so the child may
 * do whatever it likes to its descriptors and signals.
 */
#include "tests/conformance/harness.h"

#include <stdarg.h>
#include <sys/resource.h>

#include "tests/conformance/run.h"

#define ANSWER_MAX 16384

/* Under TCG, with another guest running, a case can take seconds. */
#define TIMEOUT_S 30

struct answer {
	size_t len;
	bool glue; /* the next word belongs to the label before it */
	char text[ANSWER_MAX];
};

static struct answer *answer;
static struct dax_case *cases;

void case_add(struct dax_case *c)
{
	c->next = cases;
	cases = c;
}

void case_make(void (*run)(const long *arg), const long *arg, const char *fmt, ...)
{
	struct dax_case *c = calloc(1, sizeof(*c));
	char *name;
	va_list ap;

	va_start(ap, fmt);
	if (!c || vasprintf(&name, fmt, ap) < 0)
		abort();
	va_end(ap);
	c->name = name;
	c->run = run;
	memcpy(c->arg, arg, sizeof(c->arg));
	case_add(c);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct dax_case *const *)a)->name,
		      (*(struct dax_case *const *)b)->name);
}

/**
 * cases_sorted() - list all cases, sorted by name
 * @ret_list:	set to an array of cases, terminated by NULL, which is never freed
 *
 * Two cases with the same name are a mistake and abort the program.
 */
void cases_sorted(struct dax_case ***ret_list)
{
	struct dax_case **list;
	struct dax_case *c;
	size_t n = 0;
	size_t i;

	for (c = cases; c; c = c->next)
		n++;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		abort();
	for (c = cases, i = 0; c; c = c->next)
		list[i++] = c;
	qsort(list, n, sizeof(*list), by_name);
	for (i = 0; i + 1 < n; i++) {
		if (strcmp(list[i]->name, list[i + 1]->name) == 0) {
			fprintf(stderr, "conformance: two cases named %s\n",
				list[i]->name);
			exit(2);
		}
	}
	*ret_list = list;
}

bool case_in_group(const struct dax_case *c, const char *group)
{
	size_t n = strlen(group);

	return strncmp(c->name, group, n) == 0 && c->name[n] == '.';
}

static void append(const char *text)
{
	size_t n = strlen(text);

	if (answer->len && !answer->glue && answer->len + 1 < ANSWER_MAX)
		answer->text[answer->len++] = ' ';
	answer->glue = false;
	if (n > ANSWER_MAX - 1 - answer->len)
		n = ANSWER_MAX - 1 - answer->len;
	memcpy(answer->text + answer->len, text, n);
	answer->len += n;
	answer->text[answer->len] = '\0';
}

void say(const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(text);
}

/* Those of aarch64, in the order of x86-64's: DIRECT, LARGEFILE, DIRECTORY, NOFOLLOW. */
unsigned int flags_as_recorded(long flags)
{
	const unsigned int f = (unsigned int)flags;

#ifdef __aarch64__
	return (f & ~0x3c000U) | (f >> 16 & 1) << 14 | (f >> 17 & 1) << 15 |
	       (f >> 14 & 1) << 16 | (f >> 15 & 1) << 17;
#else
	return f;
#endif
}

void say_flags(int flags)
{
	say("0x%x", flags_as_recorded(flags));
}

void label(const char *fmt, ...)
{
	char text[128];
	size_t n;
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	n = strlen(text);
	text[n] = '=';
	text[n + 1] = '\0';
	append(text);
	answer->glue = true;
	errno = saved;
}

const char *err_name(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "E?";
}

const char *sig_name(int sig)
{
	static char name[32];
	const char *abbrev = sigabbrev_np(sig);

	snprintf(name, sizeof(name), "SIG%s", abbrev ? abbrev : "?");
	return name;
}

void say_ok(long ret)
{
	append(ret < 0 ? err_name(errno) : "ok");
}

void say_ret(long ret)
{
	if (ret < 0)
		append(err_name(errno));
	else
		say("%ld", ret);
}

void say_map(const void *p)
{
	append(p == MAP_FAILED ? err_name(errno) : "ok");
}

void say_status(int status)
{
	if (WIFSIGNALED(status))
		say("killed-by-%s", sig_name(WTERMSIG(status)));
	else
		say("exit-%d", WEXITSTATUS(status));
}

void skip(const char *why)
{
	answer->len = 0;
	answer->glue = false;
	say("skip: %s", why);
	_exit(0);
}

void broken(const char *what)
{
	int err = errno;

	say("broken: %s: %s", what, err_name(err));
	_exit(0);
}

void skip_at_1g(void)
{
	if (A >= 1UL << 30)
		skip("undefined at 1G");
}

/* Replacement of a name or number of this machine, so that answers can be compared. */

struct rule {
	char from[64];
	const char *to;
};

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Longer and more specific patterns come first. Digits next to a match forbid it. */
static size_t make_rules(struct rule *rule)
{
	size_t n = 0;
	int r = t.region;
	int i;

#define RULE(text, ...)                                                                  \
	snprintf(rule[n].from, sizeof(rule[n].from), __VA_ARGS__), rule[n++].to = (text)
	RULE("/dev/daxR.N", "%s", t.dev);
	for (i = 0; i < 4; i++) {
		static const char *const dax[] = {"daxR.0", "daxR.1", "daxR.2", "daxR.3"};
		static const char *const ns[] = {"namespaceR.0", "namespaceR.1",
						 "namespaceR.2", "namespaceR.3"};
		static const char *const btt[] = {"bttR.0", "bttR.1", "bttR.2", "bttR.3"};
		static const char *const pfn[] = {"pfnR.0", "pfnR.1", "pfnR.2", "pfnR.3"};

		RULE(i == t.index ? "daxR.N" : dax[i], "dax%d.%d", r, i);
		RULE(ns[i], "namespace%d.%d", r, i);
		RULE(btt[i], "btt%d.%d", r, i);
		RULE(pfn[i], "pfn%d.%d", r, i);
	}
	RULE("regionR", "region%d", r);
	RULE("MAJ:MIN", "%s", t.rdev);
	RULE("MAJOR=MAJ", "MAJOR=%u", (unsigned int)(t.dev_t >> 8 & 0xfff));
	RULE("MINOR=MIN", "MINOR=%s", strchr(t.rdev, ':') + 1);
	RULE("SIZE", "%lu", (unsigned long)S);
	if (A != P) /* other values are 4096 as well */
		RULE("ALIGN", "%lu", (unsigned long)A);
#undef RULE
	return n;
}

void say_text(const char *text)
{
	struct rule rule[64];
	size_t rules = make_rules(rule);
	char out[4096];
	size_t n = 0;
	const char *p = text;
	size_t i;

	while (*p && n < sizeof(out) - 80) {
		char before = p == text ? ' ' : p[-1];

		for (i = 0; i < rules; i++) {
			size_t len = strlen(rule[i].from);

			if (strncmp(p, rule[i].from, len) == 0 && !is_word(p[len]) &&
			    !(is_word(before) && is_word(*p)))
				break;
		}
		if (i < rules) {
			n += sprintf(out + n, "%s", rule[i].to);
			p += strlen(rule[i].from);
		} else {
			out[n++] = *p == '\n' ? '|' : *p;
			p++;
		}
	}
	out[n] = '\0';
	append(out);
}

static void child(const struct dax_case *c)
{
	struct rlimit lim = {65536, 65536};

	setsid();
	/* The same limit everywhere, whatever the machine's own is. */
	setrlimit(RLIMIT_MEMLOCK, &lim);
	lim.rlim_cur = lim.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &lim);
	umask(022);
	alarm(TIMEOUT_S);
	c->run(c->arg);
	_exit(0);
}

static void print_escaped(const char *text)
{
	for (; *text; text++) {
		unsigned char ch = *text;

		if (ch == '"' || ch == '\\')
			printf("\\%c", ch);
		else if (ch < ' ' || ch > '~')
			printf("\\u%04x", ch);
		else
			putchar(ch);
	}
}

/**
 * case_run() - run one case in a child and print its answer
 * @c:	the case
 *
 * A child that does not end by itself (it may have blocked SIGALRM, or be stopped) is
 * killed together with all processes that it started.
 */
void case_run(const struct dax_case *c)
{
	struct timespec late = {.tv_sec = TIMEOUT_S + 5};
	sigset_t chld;
	sigset_t old;
	int status = 0;
	pid_t pid;

	if (!answer) {
		answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (answer == MAP_FAILED)
			abort();
	}
	answer->len = 0;
	answer->glue = false;
	answer->text[0] = '\0';
	fflush(stdout);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	pid = fork();
	if (pid < 0) {
		perror("conformance: fork");
		exit(1);
	}
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		child(c);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (sigtimedwait(&chld, NULL, &late) < 0 && errno == EAGAIN) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
	}
	kill(-pid, SIGKILL); /* the session's grandchildren */
	sigprocmask(SIG_SETMASK, &old, NULL);
	answer->glue = false;
	if (WIFSIGNALED(status) &&
	    (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGKILL))
		say("timeout");
	else if (WIFSIGNALED(status))
		say_status(status);
	printf("{\"case\":\"%s\",\"answer\":\"", c->name);
	print_escaped(answer->text);
	printf("\"}\n");
	fflush(stdout);
}
