/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that users write: sizes, numbers, fault rules. */
#include "libcore/fault.h"
#include "libcore/fault_format.h"
#include "libcore/kstr.h"
#include "libcore/size.h"

#include "tests/fuzz/fuzz.h"

static void sizes(const char *text)
{
	char buf[DAX_SIZE_STRLEN];
	uint64_t size, again;

	if (dax_size_parse(text, &size) < 0)
		return;
	HOLDS(size <= DAX_SIZE_MAX);
	HOLDS(dax_size_parse(dax_size_format(size, buf), &again) == 0);
	HOLDS(again == size);
}

static void numbers(const uint8_t *data, size_t size, const char *text)
{
	char *copy = text_of(data, size);
	uint64_t a, b;
	bool is_on;
	int n;

	dax_kstr_u64(text, 0, &a);
	dax_kstr_u64(text, 10, &a);
	dax_kstr_u64(text, 16, &b);
	dax_kstr_int(text, &n);
	dax_kstr_bool(text, &is_on);
	dax_kstr_is_dax_id(text);
	dax_kstr_is_uevent(text);
	dax_kstr_range(copy, &a, &b);
	free(copy);
	copy = text_of(data, size);
	HOLDS(strlen(dax_kstr_chomp(copy)) <= strlen(text));
	free(copy);
}

/* A rule that parses can be formatted, and the result parses to the same rule. */
static void rules(const char *text)
{
	struct dax_fault_mistake why = {0};
	char first[DAX_FAULT_TEXT_MAX + 1024];
	char second[DAX_FAULT_TEXT_MAX + 1024];
	struct dax_fault_rule rule;

	if (dax_fault_parse(text, &rule, &why) < 0) {
		HOLDS(why.pos <= strlen(text));
		HOLDS(memchr(why.text, '\0', sizeof(why.text)));
		return;
	}
	HOLDS(memchr(rule.device, '\0', sizeof(rule.device)));
	HOLDS(memchr(rule.file, '\0', sizeof(rule.file)));
	HOLDS(memchr(rule.who.comm, '\0', sizeof(rule.who.comm)));
	dax_fault_format(&rule, first, sizeof(first));
	HOLDS(dax_fault_parse(first, &rule, &why) == 0);
	dax_fault_format(&rule, second, sizeof(second));
	HOLDS(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);

	sizes(text);
	numbers(data, size, text);
	rules(text);
	free(text);
	return 0;
}
