/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault rules: the grammar, every mistake that it reports, and matching. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/fault.h"
#include "libcore/fault_format.h"
#include "libcore/fault_match.h"
#include "libcore/model.h"

#include "tests/unit/tap.h"

/*
 * Check that a rule parses, is formatted as @want, and that @want parses to the same
 * rule.
 */
static void good(const char *text, const char *want)
{
	struct dax_fault_mistake why = {.text = ""};
	struct dax_fault_rule rule;
	struct dax_fault_rule again;
	char buf[DAX_FAULT_TEXT_MAX];

	if (!ok(dax_fault_parse(text, &rule, &why) == 0, "'%s' is a rule", text)) {
		printf("# %zu: %s\n", why.pos, why.text);
		return;
	}
	dax_fault_format(&rule, buf, sizeof(buf));
	if (!ok(!strcmp(buf, want), "it is '%s'", want))
		printf("# it is '%s'\n", buf);
	ok(dax_fault_parse(buf, &again, &why) == 0 &&
		   !memcmp(&rule, &again, sizeof(rule)),
	   "which is the same");
}

static void bad(const char *text, size_t pos, const char *part)
{
	struct dax_fault_mistake why = {.text = ""};
	struct dax_fault_rule rule;

	ok(dax_fault_parse(text, &rule, &why) == -EINVAL, "'%s' is a mistake", text);
	if (!ok(strstr(why.text, part) && strstr(why.text, "expected"), "it says '%s'",
		part))
		printf("# it says '%s'\n", why.text);
	is(why.pos, pos, "at %zu", pos);
}

static void test_good(void)
{
	good("device:0.0 mmap errno:ENOMEM nth:3", "device:0.0 mmap errno:ENOMEM nth:3");
	good("device=dax1.2,mmap,errno=EIO", "device:1.2 mmap errno:EIO");
	good("  mmap\t errno:EIO ,\n", "mmap errno:EIO");
	good("device:* poison offset:4096 length:2MiB", "offset:4K length:2M poison");
	good("device:all sigbus offset:0x200000", "offset:2M sigbus");
	good("poison latent", "poison latent");
	good("poison:latent", "poison latent");
	good("poison=true latent=yes", "poison latent");
	good("poison=true latent=no", "poison");
	good("poison:false sigbus", "sigbus");
	good("mmap delay:1.5ms", "mmap delay:1500us");
	good("mmap delay:1500ns", "mmap delay:1500ns");
	good("mmap delay:4.3s", "mmap delay:4300ms");
	good("mmap delay:4.300000001s", "mmap delay:4300000001ns");
	good("mmap delay:3599.999999999s", "mmap delay:3599999999999ns");
	good("mmap delay:5000us", "mmap delay:5ms");
	good("mmap delay:2000ms after:0s", "mmap delay:2s after:0s");
	good("msync munmap delay:50us errno:EIO", "munmap msync errno:EIO delay:50us");
	good("touch delay:50us every:2", "touch delay:50us every:2");
	good("call=mprotect+mremap what=errno:EAGAIN", "mprotect mremap errno:EAGAIN");
	good("call:madvise|write errno:EWOULDBLOCK when:nth:2",
	     "madvise write errno:EAGAIN nth:2");
	good("open errno:ENOTSUP", "open errno:EOPNOTSUPP");
	good("mmap:errno:ENOMEM", "mmap errno:ENOMEM");
	good("where:device:0.0 what:poison when:after:3s", "device:0.0 poison after:3s");
	good("mmap errno:EIO probability:0.5 seed:7",
	     "mmap errno:EIO probability:0.5 seed:7");
	good("mmap errno:EIO probability:25%", "mmap errno:EIO probability:0.25");
	good("mmap errno:EIO probability:100%", "mmap errno:EIO probability:1");
	good("mmap errno:EIO probability:1", "mmap errno:EIO probability:1");
	good("mmap errno:EIO probability:0", "mmap errno:EIO probability:0");
	good("mmap errno:EIO always", "mmap errno:EIO always");
	good("mmap errno:EIO pid:12 uid:0 comm:fio times:4 every:3",
	     "mmap errno:EIO every:3 pid:12 uid:0 comm:fio times:4");
	good("mmap errno:EIO while:/tmp/x", "mmap errno:EIO while:/tmp/x");
	good("mmap errno:EIO while:\"/tmp/a b\" comm:\"x, y\"",
	     "mmap errno:EIO while:\"/tmp/a b\" comm:\"x, y\"");
	good("unit:align poison offset:5632 length:512",
	     "offset:5632 length:512 unit:align poison");
	good("sigbus mmap unit=align", "unit:align mmap sigbus");
	good("disable", "disable");
	good("disable nth:2", "mmap disable nth:2");
	good("disable pid:3", "mmap disable pid:3");
	good("disable uid:3 munmap", "munmap disable uid:3");
	good("disable comm:x", "mmap disable comm:x");
	good("poison comm:x", "poison comm:x");
	good("poison offset:2M nth:2", "offset:2M mmap poison nth:2");
	good("poison msync offset:2M length:2M", "offset:2M length:2M msync poison");
	good("poison open offset:2M length:2M", "offset:2M length:2M open poison");
}

static void test_bad(void)
{
	char text[DAX_FAULT_TEXT_MAX + 2];

	bad("", 0, "what happens");
	bad("mmap nth:3", 10, "what happens");
	bad("mmap errno:EFOO", 11, "'EFOO'");
	bad("mmap errno", 5, "not the name of an error");
	bad("mmap errno:", 11, "no value");
	bad("errno:EIO", 9, "needs a call");
	bad("delay:5us", 9, "needs a call");
	bad("poison delay:5us", 16, "needs a call");
	bad("disable delay:5us", 17, "needs a call");
	bad("bogus errno:EIO", 0, "'bogus'");
	bad("verylongwordthatisnokeyatall", 0, "not a word");
	bad("mmap what", 5, "not a word");
	bad("mmap bogus:3", 5, "'bogus'");
	bad("mmap errno:EIO nth:0", 19, "'0'");
	bad("mmap errno:EIO nth:x", 19, "'x'");
	bad("mmap errno:EIO nth:-1", 19, "'-1'");
	bad("mmap errno:EIO nth:99999999999999999999", 19, "not a value of nth");
	bad("mmap errno:EIO nth:184467440737095516160", 19, "not a value of nth");
	bad("mmap errno:EIO nth", 15, "no value");
	bad("mmap errno:EIO nth:1 nth:2", 21, "given twice");
	bad("mmap errno:EIO every:0", 21, "not a value of every");
	bad("mmap errno:EIO times:0", 21, "not a value of times");
	bad("mmap errno:EIO errno:EIO", 15, "given twice");
	bad("mmap errno:EIO sigbus", 15, "exclude");
	bad("poison sigbus", 7, "exclude");
	bad("poison:maybe", 7, "not a value of poison");
	bad("poison latent:maybe", 14, "not a value of latent");
	bad("sigbus latent", 13, "latent goes with");
	bad("poison unit:page", 12, "not a value of unit");
	bad("poison unit", 7, "unit has no value");
	bad("mmap errno:EIO unit:align", 25, "unit goes with bad memory");
	bad("device:nvdimm0 poison", 7, "not a value of device");
	bad("device:dax0 poison", 7, "not a value of device");
	bad("device:0.0.0.0.0.0.0.0.0 poison", 7, "not a value of device");
	bad("offset:x poison", 7, "not a value of offset");
	bad("length:0 poison", 7, "not a value of length");
	bad("length:x poison", 7, "not a value of length");
	bad("mmap delay:5", 11, "not a value of delay");
	bad("mmap delay:x", 11, "not a value of delay");
	bad("mmap delay:1.s", 11, "not a value of delay");
	bad("mmap delay:3601s", 11, "not a value of delay");
	bad("mmap delay:99999999999s", 11, "not a value of delay");
	bad("mmap delay:18446744073709551616ns", 11, "not a value of delay");
	bad("mmap delay:18446744073709551617ns", 11, "not a value of delay");
	bad("mmap delay:18446744074s", 11, "not a value of delay");
	bad("mmap delay:18446744073709551615.9ns", 11, "not a value of delay");
	bad("mmap delay:184467440737095516160ns", 11, "not a value of delay");
	bad("mmap delay:4000000000s", 11, "not a value of delay");
	bad("mmap errno:EIO after:5", 21, "not a value of after");
	bad("mmap errno:EIO probability:2", 27, "not a value of probability");
	bad("mmap errno:EIO probability:4294967295", 27, "not a value of probability");
	bad("mmap errno:EIO probability:/", 27, "not a value of probability");
	bad("mmap errno:EIO nth:\"\"", 19, "no value");
	bad("mmap delay:1.:s", 11, "not a value of delay");
	bad("mmap delay:1./s", 11, "not a value of delay");
	bad("mmap errno:EIO probability:x", 27, "not a value of probability");
	bad("mmap errno:EIO probability:1x", 27, "not a value of probability");
	bad("mmap errno:EIO seed:1", 21, "seed needs");
	bad("mmap errno:EIO seed:x probability:1", 20, "not a value of seed");
	bad("mmap errno:EIO pid:0", 19, "not a value of pid");
	bad("mmap errno:EIO pid:2147483648", 19, "not a value of pid");
	bad("mmap errno:EIO uid:4294967295", 19, "not a value of uid");
	bad("mmap errno:EIO comm:0123456789abcdef", 20, "not a value of comm");
	bad("mmap errno:EIO comm:\"\"", 20, "no value");
	bad("mmap errno:EIO comm:\"x", 22, "closing quote");
	bad("mmap errno:EIO comm:\"x\"y", 23, "follows a quoted");
	bad("mmap errno:EIO while:tmp/x", 21, "not a value of while");
	bad("mmap errno:EIO always nth:3", 27, "always excludes");
	bad("touch errno:EIO", 15, "touch goes with");
	bad("touch poison", 12, "touch goes with");
	bad("touch mmap delay:1us", 20, "exclude");
	bad("open errno:EIO offset:1M", 24, "no part");
	bad("write errno:EIO length:1M", 25, "no part");
	bad("disable offset:2M", 17, "whole device");
	bad("poison call:fork", 12, "not a call");
	bad("poison call:averyveryverylongname", 12, "not a call");
	bad("poison call:+", 7, "no call is named");
	bad("poison call", 7, "no call is named");
	bad("mmap:errno:EFOO", 11, "'EFOO'");
	bad("what:errno:EFOO mmap", 11, "'EFOO'");
	memset(text, ' ', sizeof(text));
	text[DAX_FAULT_TEXT_MAX] = '\0';
	bad(text, DAX_FAULT_TEXT_MAX, "too long");
	memcpy(text, "mmap errno:EIO while:/", 22);
	memset(text + 22, 'x', 300);
	text[322] = '\0';
	bad(text, 21, "not a value of while");
}

static void test_overflow(void)
{
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;

	dax_fault_init(&rule);
	rule.what = DAX_FAULT_POISON;
	rule.off = UINT64_MAX;
	rule.len = 2;
	is(dax_fault_finish(&rule, &why), -EINVAL, "offset and length do not wrap");
}

/* Keys of a config file, whose values may contain blanks. */
static void test_add(void)
{
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;

	dax_fault_init(&rule);
	is(dax_fault_add(&rule, "call", "mmap munmap", &why), 0, "two calls");
	is(dax_fault_add(&rule, "comm", "my prog", &why), 0, "a name with a blank");
	is(dax_fault_add(&rule, "what", "errno:EIO delay:1ms", &why), 0, "what");
	is(dax_fault_add(&rule, "when", "nth:0", &why), -EINVAL, "a bad when");
	ok(why.is_value && why.pos == 4, "is wrong in its value");
	is(dax_fault_add(&rule, "comm", "my prog", &why), -EINVAL, "twice");
	ok(!why.is_value, "is wrong in its key");
	is(dax_fault_finish(&rule, &why), 0, "they go together");
	is(rule.calls, 1 << DAX_FAULT_MMAP | 1 << DAX_FAULT_MUNMAP, "calls");
	ok(!strcmp(dax_fault_call_name(DAX_FAULT_TOUCH), "touch"), "name of a call");
	ok(!strcmp(dax_fault_call_name(DAX_FAULT_CALL_NR), "?"), "name of none");
}

static void test_format_room(void)
{
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;
	char buf[8];

	is(dax_fault_parse("mmap errno:ENOMEM nth:3", &rule, &why), 0, "a rule");
	is(dax_fault_format(&rule, buf, sizeof(buf)) >= sizeof(buf), 1, "has no room");
	ok(!strcmp(buf, "mmap er"), "is cut ('%s')", buf);
}

static struct dax_fault_rule rule_of(const char *text)
{
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;

	if (dax_fault_parse(text, &rule, &why) < 0) {
		printf("Bail out! %s: %s\n", text, why.text);
		exit(1);
	}
	rule.id = 1;
	rule.since_ns = 1000;
	return rule;
}

static void concerns(const char *text, const struct dax_fault_event *ev, uint64_t now,
		     bool want)
{
	const struct dax_fault_rule rule = rule_of(text);

	ok(dax_fault_concerns(&rule, ev, now) == want, "'%s' %s", text,
	   want ? "concerns it" : "does not concern it");
}

static void test_concerns(void)
{
	const struct dax_fault_event ev = {
		.call = DAX_FAULT_MMAP,
		.pid = 5,
		.uid = 6,
		.comm = "fio",
		.device = "dax0.0",
		.off = 4096,
		.len = 4096,
	};

	concerns("mmap errno:EIO", &ev, 2000, true);
	concerns("munmap errno:EIO", &ev, 2000, false);
	concerns("mmap errno:EIO device:0.0", &ev, 2000, true);
	concerns("mmap errno:EIO device:0.1", &ev, 2000, false);
	concerns("mmap errno:EIO offset:4K", &ev, 2000, true);
	concerns("mmap errno:EIO offset:8K", &ev, 2000, false);
	concerns("mmap errno:EIO offset:0 length:4K", &ev, 2000, false);
	concerns("mmap errno:EIO offset:0 length:4097", &ev, 2000, true);
	concerns("mmap poison offset:1M length:4K", &ev, 2000, true);
	concerns("mmap errno:EIO after:1us", &ev, 1999, false);
	concerns("mmap errno:EIO after:1us", &ev, 2000, true);
	concerns("mmap errno:EIO pid:5 uid:6 comm:fio", &ev, 2000, true);
	concerns("mmap errno:EIO pid:6", &ev, 2000, false);
	concerns("mmap errno:EIO uid:5", &ev, 2000, false);
	concerns("mmap errno:EIO comm:fi", &ev, 2000, false);
}

static int times_of(const char *text, uint64_t first, uint64_t last)
{
	const struct dax_fault_rule rule = rule_of(text);
	int n = 0;

	for (; first <= last; first++)
		n += dax_fault_strikes(&rule, first);
	return n;
}

static void test_strikes(void)
{
	is(times_of("mmap errno:EIO", 1, 10), 10, "always");
	is(times_of("mmap errno:EIO nth:3", 1, 2), 0, "not before the third");
	is(times_of("mmap errno:EIO nth:3", 3, 3), 1, "the third");
	is(times_of("mmap errno:EIO nth:3", 4, 100), 0, "not after it");
	is(times_of("mmap errno:EIO every:3", 1, 9), 3, "every third");
	is(times_of("mmap errno:EIO every:3 nth:4", 1, 9), 0, "never both");
	is(times_of("mmap errno:EIO probability:0", 1, 1000), 0, "never by chance");
	is(times_of("mmap errno:EIO probability:1", 1, 1000), 1000, "for certain");
	/* These counts must never change, on any machine. */
	is(times_of("mmap errno:EIO probability:0.1 seed:1", 1, 10000), 1009,
	   "one in ten");
	is(times_of("mmap errno:EIO probability:0.1 seed:2", 1, 10000), 974,
	   "one in ten, by another seed");
}

static void test_kinds(void)
{
	const struct dax_fault_rule range = rule_of("poison offset:2M");
	const struct dax_fault_rule trigger = rule_of("sigbus msync");
	const struct dax_fault_rule pull = rule_of("disable munmap");
	const struct dax_fault_rule off = rule_of("disable");
	const struct dax_fault_rule call = rule_of("mmap errno:EIO");

	ok(dax_fault_is_range(&range) && !dax_fault_is_trigger(&range), "a range");
	ok(!dax_fault_is_range(&trigger) && dax_fault_is_trigger(&trigger), "a trigger");
	ok(!dax_fault_is_range(&pull) && dax_fault_is_trigger(&pull), "a trigger, too");
	ok(!dax_fault_is_range(&off) && !dax_fault_is_trigger(&off), "neither");
	ok(!dax_fault_is_range(&call) && !dax_fault_is_trigger(&call), "a call");
}

static void test_reach(void)
{
	struct dax_region dynamic = {.id = 1,
				     .type = DAX_REGION_DYNAMIC,
				     .size = 8 << 20};
	struct dax_region region = {.next = &dynamic, .type = DAX_REGION_STATIC};
	struct dax_dev absent = {.region = &region, .id = 1, .ns_size = 6 << 20};
	struct dax_dev dev = {.region = &region, .nr_ranges = 1};
	struct dax_model model = {.regions = &region};
	const struct {
		const char *rule;
		int want;
		uint64_t end;
	} cases[] = {
		{"poison device:0.0 offset:3M", 0, 4 << 20},
		{"poison device:0.0 offset:4M", -ERANGE, 4 << 20},
		{"poison device:0.1 offset:5M", 0, 6 << 20},
		{"poison device:0.2", -ENODEV, 0},
		{"poison device:1.7 offset:7M", 0, 8 << 20},
		{"poison offset:7M", 0, 8 << 20},
		{"poison offset:8M", -ERANGE, 8 << 20},
		{"mmap errno:EIO", 0, 8 << 20},
		{"mmap errno:EIO device:2.0", -ENODEV, 0},
	};
	const struct dax_model empty = {0};
	struct dax_fault_rule rule;
	uint64_t end;
	size_t i;

	dev.ranges[0].len = 4 << 20;
	region.devices = &dev;
	region.absent = &absent;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rule = rule_of(cases[i].rule);
		is(dax_fault_reach(&rule, &model, &end), cases[i].want, "reach of '%s'",
		   cases[i].rule);
		is(end, cases[i].end, "its end");
	}
	rule = rule_of("poison offset:8M");
	is(dax_fault_reach(&rule, &empty, &end), 0, "a rule waits for the first device");
	strcpy(rule.device, "dax0");
	is(dax_fault_reach(&rule, &model, &end), -ENODEV, "no name of a device");
}

int main(void)
{
	test_good();
	test_bad();
	test_overflow();
	test_add();
	test_format_room();
	test_concerns();
	test_strikes();
	test_kinds();
	test_reach();
	return tap_done();
}
