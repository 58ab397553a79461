/* SPDX-License-Identifier: BSD-2-Clause */
/* Parser of fault rules, from a text or key by key. */
#include "libcore/fault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/event.h"
#include "libcore/fault_format.h"
#include "libcore/fault_match.h"
#include "libcore/nearest.h"
#include "libcore/size.h"

#define NR(a) (sizeof(a) / sizeof((a)[0]))

#define ALL_CALLS "open, mmap, munmap, mprotect, mremap, msync, madvise or write"

static int __attribute__((format(printf, 2, 3)))
fail(struct dax_fault_mistake *why, const char *fmt, ...)
{
	va_list ap;

	why->pos = 0;
	why->is_value = false;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Note that the mistake is in the value, not in the key. */
static int in_value(struct dax_fault_mistake *why)
{
	why->is_value = true;
	return -EINVAL;
}

/* Read a decimal number; the value of a key is never empty. */
static int parse_number(const char *value, uint64_t *ret)
{
	uint64_t n = 0;

	for (; *value; value++) {
		if (*value < '0' || *value > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*value - '0'), &n))
			return -EINVAL;
	}
	*ret = n;
	return 0;
}

/*
 * Read "12" or "0.25" times @scale, which is at most 2^32; excess digits are cut off.
 * Return: the text behind it, or NULL.
 */
static const char *parse_decimal(const char *p, uint64_t scale, uint64_t *ret)
{
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return NULL;
	}
	if (__builtin_mul_overflow(n, scale, &n))
		return NULL;
	if (*p == '.') {
		unsigned __int128 part = 0;
		uint64_t of = 1;

		if (p[1] < '0' || p[1] > '9')
			return NULL;
		for (p++; *p >= '0' && *p <= '9'; p++) {
			if (of < UINT64_C(1000000000000)) {
				part = part * 10 + (unsigned int)(*p - '0');
				of *= 10;
			}
		}
		if (__builtin_add_overflow(n, (uint64_t)((part * scale + of / 2) / of),
					   &n))
			return NULL;
	}
	*ret = n;
	return p;
}

static int parse_time(const char *value, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
	uint64_t ns;
	size_t i;

	for (i = 0; i < NR(units); i++) {
		const char *end = parse_decimal(value, units[i].ns, &ns);

		if (!end)
			return -EINVAL;
		if (!strcmp(end, units[i].unit)) {
			if (ns > DAX_FAULT_TIME_MAX)
				return -ERANGE;
			*ret = ns;
			return 0;
		}
	}
	return -EINVAL;
}

/* Read a probability, from 0 to 1 or in percent. */
static int parse_chance(const char *value, uint64_t *ret)
{
	uint64_t chance;
	const char *end = parse_decimal(value, DAX_FAULT_CERTAIN, &chance);

	if (!end || (*end && strcmp(end, "%")))
		return -EINVAL;
	if (*end)
		chance /= 100;
	if (chance > DAX_FAULT_CERTAIN)
		return -EINVAL;
	*ret = chance;
	return 0;
}

/* Return: the number, or -EINVAL; then @n has been offered all names. */
static int parse_errno(const char *name, struct dax_nearest *n)
{
	static const struct {
		const char *name;
		int error;
	} others[] = {{"EWOULDBLOCK", EWOULDBLOCK}, {"ENOTSUP", ENOTSUP}};
	size_t i;
	int error;

	dax_nearest_begin(n, name);
	for (i = 0; i < NR(others); i++)
		if (!strcmp(name, others[i].name))
			return others[i].error;
	for (error = 1; error < 200; error++) {
		const char *is = dax_errno_name(error);

		if (is && !strcmp(is, name))
			return error;
		if (is)
			dax_nearest_offer(n, is);
	}
	return -EINVAL;
}

static int parse_device(const char *value, char ret[DAX_NAME_LEN])
{
	char name[DAX_NAME_LEN + 4];
	uint32_t region;
	uint32_t id;

	if (!strcmp(value, "*") || !strcmp(value, "all")) {
		ret[0] = '\0';
		return 0;
	}
	value = dax_name_of_node(value);
	if (strlen(value) >= DAX_NAME_LEN)
		return -EINVAL;
	snprintf(name, sizeof(name), "%s%s", value[0] == 'd' ? "" : "dax", value);
	if (strlen(name) >= DAX_NAME_LEN || dax_name_parse(name, &region, &id) < 0)
		return -EINVAL;
	memset(ret, 0, DAX_NAME_LEN);
	strcpy(ret, name);
	return 0;
}

static int set_what(struct dax_fault_rule *rule, enum dax_fault_what what,
		    struct dax_fault_mistake *why)
{
	if (rule->what == what)
		return fail(why, "'%s' is given twice: expected it once",
			    dax_fault_what_name(what));
	if (rule->what)
		return fail(why,
			    "'%s' and '%s' exclude each other: expected one of "
			    "poison, sigbus, errno:NAME, disable",
			    dax_fault_what_name(rule->what), dax_fault_what_name(what));
	rule->what = what;
	return 0;
}

static int find_call(const char *name)
{
	int i;

	for (i = 0; i < DAX_FAULT_CALL_NR; i++)
		if (!strcmp(name, dax_fault_call_name((enum dax_fault_call)i)))
			return i;
	return -1;
}

static void offer_calls(struct dax_nearest *n)
{
	int i;

	for (i = 0; i < DAX_FAULT_CALL_NR; i++)
		dax_nearest_offer(n, dax_fault_call_name((enum dax_fault_call)i));
}

/* Add the calls of "call=mmap msync" or "call:mmap+msync". */
static int add_calls(struct dax_fault_rule *rule, const char *value,
		     struct dax_fault_mistake *why)
{
	char near[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;
	char word[16];

	while (*value) {
		size_t len = strcspn(value, " \t,+|");
		int call;

		if (!len) {
			value++;
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)len, value);
		call = len < sizeof(word) ? find_call(word) : -1;
		if (call < 0) {
			dax_nearest_begin(&n, word);
			offer_calls(&n);
			fail(why,
			     "'%.*s' is not a call: %sexpected " ALL_CALLS ", or touch",
			     (int)len, value, dax_nearest_text(&n, "", near));
			return in_value(why);
		}
		rule->calls |= 1u << call;
		value += len;
	}
	if (!rule->calls)
		return fail(why, "no call is named: expected " ALL_CALLS);
	return 0;
}

static const struct key {
	const char *name;
	uint32_t given;
	const char *expected; /* NULL: the key takes no value, or "true" */
} keys[] = {
	{"device", DAX_FAULT_G_DEVICE, "a device such as 0.0 or dax0.0"},
	{"offset", DAX_FAULT_G_OFFSET, "a size such as 4096, 0x200000, 2M"},
	{"length", DAX_FAULT_G_LENGTH, "a size above 0, such as 4096, 0x200000, 2M"},
	{"unit", DAX_FAULT_G_UNIT, "align"},
	{"delay", DAX_FAULT_G_DELAY, "a time with its unit (ns, us, ms, s) up to 1 hour"},
	{"latent", DAX_FAULT_G_LATENT, NULL},
	{"always", DAX_FAULT_G_ALWAYS, NULL},
	{"nth", DAX_FAULT_G_NTH, "a number above 0"},
	{"every", DAX_FAULT_G_EVERY, "a number above 0"},
	{"times", DAX_FAULT_G_TIMES, "a number above 0"},
	{"probability", DAX_FAULT_G_PROBABILITY, "a number from 0 to 1, or 0% to 100%"},
	{"seed", DAX_FAULT_G_SEED, "a number"},
	{"after", DAX_FAULT_G_AFTER, "a time with its unit (ns, us, ms, s) up to 1 hour"},
	{"while", DAX_FAULT_G_WHILE,
	 "the absolute path of a file, of less than 256 bytes"},
	{"pid", DAX_FAULT_G_PID, "a process id"},
	{"uid", DAX_FAULT_G_UID, "a user id"},
	{"comm", DAX_FAULT_G_COMM, "a program's name of at most 15 bytes"},
};

static int read_value(struct dax_fault_rule *rule, uint32_t given, const char *value)
{
	uint64_t n = 0;
	int r;

	switch (given) {
	case DAX_FAULT_G_DEVICE:
		return parse_device(value, rule->device);
	case DAX_FAULT_G_OFFSET:
		return dax_size_parse(value, &rule->off);
	case DAX_FAULT_G_LENGTH:
		r = dax_size_parse(value, &rule->len);
		return r < 0 || rule->len ? r : -EINVAL;
	case DAX_FAULT_G_UNIT:
		return strcmp(value, "align") ? -EINVAL : 0;
	case DAX_FAULT_G_DELAY:
		return parse_time(value, &rule->delay_ns);
	case DAX_FAULT_G_AFTER:
		return parse_time(value, &rule->after_ns);
	case DAX_FAULT_G_PROBABILITY:
		return parse_chance(value, &rule->chance);
	case DAX_FAULT_G_WHILE:
		if (value[0] != '/' || strlen(value) >= sizeof(rule->file))
			return -EINVAL;
		strcpy(rule->file, value);
		return 0;
	case DAX_FAULT_G_COMM:
		if (!value[0] || strlen(value) >= sizeof(rule->who.comm))
			return -EINVAL;
		strcpy(rule->who.comm, value);
		return 0;
	default:
		break;
	}
	r = parse_number(value, &n);
	if (r < 0)
		return r;
	switch (given) {
	case DAX_FAULT_G_SEED:
		rule->seed = n;
		return 0;
	case DAX_FAULT_G_PID:
		rule->who.pid = (int32_t)n;
		return n && n <= INT32_MAX ? 0 : -EINVAL;
	case DAX_FAULT_G_UID:
		rule->who.uid = (uint32_t)n;
		return n < UINT32_MAX ? 0 : -EINVAL;
	case DAX_FAULT_G_NTH:
		rule->nth = n;
		break;
	case DAX_FAULT_G_EVERY:
		rule->every = n;
		break;
	case DAX_FAULT_G_TIMES:
	default:
		rule->times = n;
		break;
	}
	return n ? 0 : -EINVAL;
}

/* Read the value of a flag. Return: 1, 0, or a negative errno with @why. */
static int read_bool(const char *key, const char *value, struct dax_fault_mistake *why)
{
	if (!value || !strcmp(value, "true") || !strcmp(value, "yes"))
		return 1;
	if (!strcmp(value, "false") || !strcmp(value, "no"))
		return 0;
	fail(why, "'%.64s' is not a value of %s: expected true, or no value", value, key);
	return in_value(why);
}

static int add_key(struct dax_fault_rule *rule, const struct key *key, const char *value,
		   struct dax_fault_mistake *why)
{
	int r;

	if (rule->given & key->given)
		return fail(why, "%s is given twice: expected it once", key->name);
	if (!key->expected) {
		r = read_bool(key->name, value, why);
		if (r > 0)
			rule->given |= key->given;
		return r < 0 ? r : 0;
	}
	if (!value)
		return fail(why, "%s has no value: expected %s", key->name,
			    key->expected);
	if (read_value(rule, key->given, value) < 0) {
		fail(why, "'%.64s' is not a value of %s: expected %s", value, key->name,
		     key->expected);
		return in_value(why);
	}
	/* A rule for every device is the same as one without a device. */
	if (key->given != DAX_FAULT_G_DEVICE || rule->device[0])
		rule->given |= key->given;
	return 0;
}

static int add_what(struct dax_fault_rule *rule, enum dax_fault_what what,
		    const char *value, struct dax_fault_mistake *why)
{
	char near[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;
	int r;

	if (what == DAX_FAULT_POISON && value && !strcmp(value, "latent")) {
		rule->given |= DAX_FAULT_G_LATENT;
		return set_what(rule, what, why);
	}
	if (what != DAX_FAULT_ERRNO) {
		r = read_bool(dax_fault_what_name(what), value, why);
		return r > 0 ? set_what(rule, what, why) : r;
	}
	r = parse_errno(value ? value : "", &n);
	if (r < 0) {
		fail(why,
		     "'%.32s' is not the name of an error: %sexpected errno:NAME such as "
		     "errno:ENOMEM or errno:EIO",
		     value ? value : "errno", dax_nearest_text(&n, "", near));
		return value ? in_value(why) : r;
	}
	rule->error = r;
	return set_what(rule, what, why);
}

static int add_text(struct dax_fault_rule *rule, const char *text,
		    struct dax_fault_mistake *why);

/* Add a value that consists of words of a rule. */
static int add_inner(struct dax_fault_rule *rule, const char *value,
		     struct dax_fault_mistake *why)
{
	return add_text(rule, value, why) < 0 ? in_value(why) : 0;
}

/**
 * dax_fault_init() - begin an empty rule
 * @rule:	receives it, for dax_fault_add() and dax_fault_finish()
 */
void dax_fault_init(struct dax_fault_rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->who.uid = UINT32_MAX;
}

static const enum dax_fault_what whats[] = {DAX_FAULT_POISON, DAX_FAULT_SIGBUS,
					    DAX_FAULT_ERRNO, DAX_FAULT_DISABLE};

static int refuse_word(const char *key, struct dax_fault_mistake *why)
{
	char near[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;
	size_t i;

	dax_nearest_begin(&n, key);
	offer_calls(&n);
	for (i = 0; i < NR(whats); i++)
		dax_nearest_offer(&n, dax_fault_what_name(whats[i]));
	for (i = 0; i < NR(keys); i++)
		dax_nearest_offer(&n, keys[i].name);
	return fail(why,
		    "'%.32s' is not a word of a rule: %sexpected a call (" ALL_CALLS
		    " or touch), poison, latent, sigbus, errno:, delay:, disable, "
		    "device:, nth:...",
		    key, dax_nearest_text(&n, "", near));
}

/**
 * dax_fault_add() - add a word to a rule
 * @rule:	from dax_fault_init()
 * @key:	"nth", "errno", "mmap"
 * @value:	the value of the word, or NULL; several words for the keys what, when,
 *		where and call
 * @why:	receives the mistake on -EINVAL
 *
 * Return: 0, or -EINVAL if the word is a mistake.
 */
int dax_fault_add(struct dax_fault_rule *rule, const char *key, const char *value,
		  struct dax_fault_mistake *why)
{
	size_t i;
	int call;

	for (i = 0; i < NR(keys); i++)
		if (!strcmp(key, keys[i].name))
			return add_key(rule, &keys[i], value, why);
	for (i = 0; i < NR(whats); i++)
		if (!strcmp(key, dax_fault_what_name(whats[i])))
			return add_what(rule, whats[i], value, why);
	if (!strcmp(key, "call"))
		return add_calls(rule, value ? value : "", why);
	if (value &&
	    (!strcmp(key, "what") || !strcmp(key, "when") || !strcmp(key, "where")))
		return add_inner(rule, value, why);
	call = find_call(key);
	if (call < 0)
		return refuse_word(key, why);
	/* "mmap:errno:ENOMEM" */
	rule->calls |= 1u << call;
	return value ? add_inner(rule, value, why) : 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '\n';
}

/* Add the word at @text. Return: its length, or a negative errno with @why. */
static long add_word(struct dax_fault_rule *rule, const char *text,
		     struct dax_fault_mistake *why)
{
	char key[16];
	char value[DAX_FAULT_PATH_LEN + 1];
	size_t len = strcspn(text, " \t\n,:=");
	const char *p = text + len;
	size_t n = 0;
	int r;

	snprintf(key, sizeof(key), "%.*s", (int)len, text);
	if (*p != ':' && *p != '=') {
		r = dax_fault_add(rule, key, NULL, why);
		return r < 0 ? r : (long)len;
	}
	p++;
	if (*p == '"') {
		for (p++; *p && *p != '"' && n < sizeof(value) - 1; p++)
			value[n++] = *p;
		if (*p != '"') {
			fail(why, "the value of %s has no closing quote: expected \"",
			     key);
			why->pos = (size_t)(p - text);
			return -EINVAL;
		}
		p++;
		if (*p && !is_blank(*p)) {
			fail(why, "'%c' follows a quoted value: expected a blank", *p);
			why->pos = (size_t)(p - text);
			return -EINVAL;
		}
	} else {
		for (; *p && !is_blank(*p) && n < sizeof(value) - 1; p++)
			value[n++] = *p;
	}
	value[n] = '\0';
	r = n ? dax_fault_add(rule, key, value, why)
	      : fail(why, "%s has no value: expected one after it", key);
	if (r == 0)
		return p - text;
	if (why->is_value || !n)
		why->pos += len + 1;
	return r;
}

static int add_text(struct dax_fault_rule *rule, const char *text,
		    struct dax_fault_mistake *why)
{
	const char *p = text;

	for (;;) {
		long n;

		while (is_blank(*p))
			p++;
		if (!*p)
			return 0;
		n = add_word(rule, p, why);
		if (n < 0) {
			why->pos += (size_t)(p - text);
			return (int)n;
		}
		p += n;
	}
}

#define COUNTING                                                                         \
	(DAX_FAULT_G_NTH | DAX_FAULT_G_EVERY | DAX_FAULT_G_PROBABILITY |                 \
	 DAX_FAULT_G_TIMES)
#define WHEN                                                                             \
	(DAX_FAULT_G_NTH | DAX_FAULT_G_EVERY | DAX_FAULT_G_PROBABILITY |                 \
	 DAX_FAULT_G_AFTER | DAX_FAULT_G_WHILE)
#define WHOM    (DAX_FAULT_G_PID | DAX_FAULT_G_UID | DAX_FAULT_G_COMM)
#define TOUCH   (1u << DAX_FAULT_TOUCH)
#define PATHS   (1u << DAX_FAULT_OPEN | 1u << DAX_FAULT_WRITE)
#define STRETCH (DAX_FAULT_G_OFFSET | DAX_FAULT_G_LENGTH)

/**
 * dax_fault_finish() - check that the words of a rule fit together
 * @rule:	with all its words
 * @why:	receives the mistake on -EINVAL
 *
 * Return: 0, or -EINVAL if a word is missing or excludes another.
 */
int dax_fault_finish(struct dax_fault_rule *rule, struct dax_fault_mistake *why)
{
	uint32_t counted = 0;
	uint64_t end;

	if (!rule->what && rule->given & DAX_FAULT_G_DELAY)
		rule->what = DAX_FAULT_DELAY;
	if (!rule->what)
		return fail(why, "the rule does not say what happens: expected poison, "
				 "sigbus, errno:NAME, delay:TIME or disable");
	if (rule->given & DAX_FAULT_G_LATENT && rule->what != DAX_FAULT_POISON)
		return fail(why, "latent goes with poison only: expected poison");
	if (rule->given & DAX_FAULT_G_UNIT && !dax_fault_is_memory(rule))
		return fail(why, "unit goes with bad memory only: expected poison or "
				 "sigbus");
	if (rule->given & DAX_FAULT_G_ALWAYS && rule->given & WHEN)
		return fail(why,
			    "always excludes nth, every, probability, after and while: "
			    "expected one of them");
	if (rule->given & DAX_FAULT_G_SEED && !(rule->given & DAX_FAULT_G_PROBABILITY))
		return fail(why, "seed needs a probability: expected probability:P");
	if (__builtin_add_overflow(rule->off, rule->len, &end))
		return fail(why,
			    "offset plus length is beyond any device: expected less");
	/* A rule about memory or a device counts mappings if it names no call. */
	if (dax_fault_is_memory(rule))
		counted = COUNTING;
	else if (rule->what == DAX_FAULT_DISABLE)
		counted = COUNTING | WHOM; /* it can't disappear for one process only */
	if (!rule->calls && rule->given & counted)
		rule->calls = 1u << DAX_FAULT_MMAP;
	if (!rule->calls && rule->what == DAX_FAULT_ERRNO)
		return fail(why, "errno needs a call: expected " ALL_CALLS);
	if (!rule->calls && rule->given & DAX_FAULT_G_DELAY)
		return fail(why, "delay needs a call: expected " ALL_CALLS ", or touch");
	if (rule->calls & TOUCH && rule->what != DAX_FAULT_DELAY)
		return fail(why, "touch goes with delay only: expected delay:TIME, or "
				 "poison or sigbus without a call");
	if (rule->calls & TOUCH && rule->calls & ~TOUCH)
		return fail(why, "touch and calls exclude each other: expected one rule "
				 "for each");
	if (rule->given & STRETCH && rule->calls & PATHS && !dax_fault_is_memory(rule))
		return fail(why, "open and write concern no part of a device: expected "
				 "no offset and no length");
	if (rule->given & STRETCH && rule->what == DAX_FAULT_DISABLE)
		return fail(why, "disable concerns the whole device: expected no offset "
				 "and no length");
	return 0;
}

/**
 * dax_fault_parse() - read a rule
 * @text:	"device:0.0 mmap errno:ENOMEM nth:3"
 * @ret:	receives the rule; id and since_ns are 0
 * @why:	receives the mistake on -EINVAL: its position, and the expected words
 *
 * Return: 0, or -EINVAL if @text is not a rule.
 */
int dax_fault_parse(const char *text, struct dax_fault_rule *ret,
		    struct dax_fault_mistake *why)
{
	size_t len = strlen(text);
	int r;

	dax_fault_init(ret);
	if (len >= DAX_FAULT_TEXT_MAX) {
		fail(why, "the rule is too long: expected less than %d bytes",
		     DAX_FAULT_TEXT_MAX);
		why->pos = DAX_FAULT_TEXT_MAX;
		return -EINVAL;
	}
	r = add_text(ret, text, why);
	if (r < 0)
		return r;
	r = dax_fault_finish(ret, why);
	if (r < 0)
		why->pos = len;
	return r;
}
