/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read the config file.
 *
 * GKeyFile reads values, but it reports no line numbers or duplicates and knows no
 * comments behind a value. So scan() reads the text first: it notes the line of every
 * group and key and cuts such comments off. Then the table of keys (keys.c) parses each
 * value.
 */
#include "cuse-daxd/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/fault_format.h"
#include "libcore/nearest.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/keys.h"

#define ORIGIN       "#@ " /* begins a comment that says what made the next lines */
#define PROBLEMS_MAX 50

/* Return: what a line was made from; NULL: it was written. Line 0 is the whole file. */
static const char *origin_of(const struct daxd_config *cfg, int line)
{
	guint i = line ? (guint)line - 1 : 0;

	return i < cfg->origins->len ? g_ptr_array_index(cfg->origins, i) : NULL;
}

static const char *skip_group(const char *text)
{
	const char *end = *text == '[' ? strstr(text, "] ") : NULL;

	return end ? end + 2 : text;
}

/**
 * daxd_config_problem() - add "FILE:LINE: text" to the problems
 *
 * A program that has made the config says with comments "#@ ORIGIN" what it has made the
 * following lines from; the sentence is then "ORIGIN: text", without the group, which the
 * user has not written.
 *
 * @cfg:	the configuration, which has the name of the file
 * @line:	the line; 0: the whole file
 * @problems:	receives the sentence, unless it is full
 * @fmt:	the text
 */
void daxd_config_problem(const struct daxd_config *cfg, int line, GPtrArray *problems,
			 const char *fmt, ...)
{
	const char *origin = origin_of(cfg, line);
	g_autofree char *text = NULL;
	va_list ap;

	if (problems->len >= PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	if (problems->len == PROBLEMS_MAX - 1)
		g_ptr_array_add(problems, g_strdup("too many problems, giving up"));
	else if (origin)
		g_ptr_array_add(problems,
				g_strdup_printf("%s: %s", origin, skip_group(text)));
	else if (line)
		g_ptr_array_add(problems,
				g_strdup_printf("%s:%d: %s", cfg->file, line, text));
	else
		g_ptr_array_add(problems, g_strdup_printf("%s: %s", cfg->file, text));
}

/**
 * daxd_config_add_region() - add a region with all defaults, sorted by id
 * @cfg:	the configuration
 * @id:		of the region; the configuration has none of this id
 * @line:	of its group; 0: not from the file
 *
 * Return: the region, owned by @cfg.
 */
struct daxd_region_cfg *daxd_config_add_region(struct daxd_config *cfg, uint32_t id,
					       int line)
{
	struct daxd_region_cfg **link = &cfg->regions;
	struct daxd_region_cfg *region = g_new0(struct daxd_region_cfg, 1);

	*region = (struct daxd_region_cfg){
		.id = id,
		.line = line,
		.align = DAXD_DEFAULT_ALIGN,
		.has_pages = true,
		.cxl = {.nr_memdevs = 1,
			.partition = DAX_CXL_RAM,
			.granularity = 256,
			.nr_bridges = 1,
			.nr_windows = 1},
		.perms = {DAXD_DEFAULT_MODE, geteuid(), getegid()},
	};
	while (*link && (*link)->id < id)
		link = &(*link)->next;
	region->next = *link;
	*link = region;
	return region;
}

/**
 * daxd_config_add_device() - add a device, sorted by id
 * @region:	the region
 * @id:		of the device; the region has none of this id
 * @line:	of its group; 0: not from the file
 *
 * Return: the device, owned by @region.
 */
struct daxd_device_cfg *daxd_config_add_device(struct daxd_region_cfg *region,
					       uint32_t id, int line)
{
	struct daxd_device_cfg **link = &region->devices;
	struct daxd_device_cfg *dev = g_new0(struct daxd_device_cfg, 1);

	dev->id = id;
	dev->line = line;
	dev->minor = -1;
	while (*link && (*link)->id < id)
		link = &(*link)->next;
	dev->next = *link;
	*link = dev;
	return dev;
}

static struct daxd_config *new_config(const char *file)
{
	struct daxd_config *cfg = g_new0(struct daxd_config, 1);

	cfg->file = g_strdup(file);
	cfg->origins = g_ptr_array_new_with_free_func(g_free);
	cfg->major = -1;
	cfg->faults = g_ptr_array_new_with_free_func(g_free);
	return cfg;
}

/**
 * daxd_config_default() - make the configuration for a daemon without a config file
 *
 * One region with one device, both still implicit: daxd_check_config() adds them.
 *
 * Return: the configuration, for daxd_config_free().
 */
struct daxd_config *daxd_config_default(void)
{
	return new_config("(defaults)");
}

/**
 * daxd_config_free() - free a configuration
 * @cfg:	may be NULL
 */
void daxd_config_free(struct daxd_config *cfg)
{
	if (!cfg)
		return;
	while (cfg->regions) {
		struct daxd_region_cfg *region = cfg->regions;

		cfg->regions = region->next;
		while (region->devices) {
			struct daxd_device_cfg *dev = region->devices;

			region->devices = dev->next;
			g_free(dev);
		}
		g_free(region->path);
		g_free(region->identity);
		g_free(region);
	}
	g_ptr_array_unref(cfg->origins);
	g_ptr_array_unref(cfg->faults);
	g_free(cfg->fault_log);
	g_free(cfg->runtime_dir);
	g_free(cfg->file);
	g_free(cfg);
}

/**
 * daxd_config_is_shared() - check whether all devices of a region share one store
 * @region:	the region
 *
 * Otherwise each device has a store of its own, so that a client with access to one
 * device cannot access the memory of another.
 *
 * Return: true if they do.
 */
bool daxd_config_is_shared(const struct daxd_region_cfg *region)
{
	return region->path || region->type != DAX_REGION_STATIC;
}

struct reader {
	struct daxd_config *cfg;
	GPtrArray *problems;
	GHashTable *lines; /* "group" or "group\nkey" -> line */
	GString *clean;    /* the text for GKeyFile */
	char *group;       /* the current group while scanning */
};

static int line_of(const struct reader *rd, const char *group, const char *key)
{
	g_autofree char *id =
		key ? g_strdup_printf("%s\n%s", group, key) : g_strdup(group);

	return GPOINTER_TO_INT(g_hash_table_lookup(rd->lines, id));
}

/* Note the line of a group or key. Return: true if it is the first of its name. */
static bool note_line(struct reader *rd, int line, const char *key)
{
	int first = line_of(rd, rd->group, key);

	if (!first) {
		g_hash_table_insert(rd->lines,
				    key ? g_strdup_printf("%s\n%s", rd->group, key)
					: g_strdup(rd->group),
				    GINT_TO_POINTER(line));
		return true;
	}
	daxd_config_problem(rd->cfg, line, rd->problems,
			    "%s%s%s%s is defined already in line %d (join the two)",
			    key ? "" : "[", key ? key : rd->group, key ? "" : "]",
			    key ? "=" : "", first);
	return false;
}

static void scan_group(struct reader *rd, int line, char *text)
{
	size_t len = strlen(text);

	g_clear_pointer(&rd->group, g_free);
	if (len < 3 || text[len - 1] != ']' || strcspn(text + 1, "[]") != len - 2) {
		daxd_config_problem(rd->cfg, line, rd->problems,
				    "'%s' is not a group (write [name])", text);
		return;
	}
	rd->group = g_strndup(text + 1, len - 2);
	note_line(rd, line, NULL);
	g_string_append_printf(rd->clean, "%s\n", text);
}

static void scan_key(struct reader *rd, int line, char *text)
{
	char *equals = strchr(text, '=');
	char *value = equals + 1;
	char *p;

	*equals = '\0';
	g_strchomp(text);
	/* " # comment": GKeyFile knows only comments on lines of their own. */
	for (p = value; *p; p++) {
		if (*p == '#' && (p == value || g_ascii_isspace(p[-1]))) {
			*p = '\0';
			break;
		}
	}
	if (!rd->group) {
		daxd_config_problem(rd->cfg, line, rd->problems,
				    "%s= is in no group (put [daemon], [region N] or "
				    "[device X.Y] above it)",
				    text);
		return;
	}
	if (note_line(rd, line, text))
		g_string_append_printf(rd->clean, "%s=%s\n", text, g_strstrip(value));
}

static void scan(struct reader *rd, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	bool is_lost = false; /* the group is invalid: skip its keys */
	const char *origin = NULL;
	int i;

	for (i = 0; lines[i]; i++) {
		char *line = g_strstrip(lines[i]);

		if (g_str_has_prefix(line, ORIGIN))
			origin = line + strlen(ORIGIN);
		g_ptr_array_add(rd->cfg->origins, g_strdup(origin));
		if (!*line || *line == '#')
			continue;
		if (*line == '[') {
			scan_group(rd, i + 1, line);
			is_lost = !rd->group;
		} else if (*line == '=' || !strchr(line, '=')) {
			daxd_config_problem(rd->cfg, i + 1, rd->problems,
					    "'%s' is neither [group], key=value nor "
					    "# comment",
					    line);
		} else if (!is_lost) {
			scan_key(rd, i + 1, line);
		}
	}
	g_clear_pointer(&rd->group, g_free);
}

static void read_keys(struct reader *rd, GKeyFile *kf, const char *group,
		      const struct daxd_key *keys, void *object, uint32_t *given)
{
	g_auto(GStrv) names = g_key_file_get_keys(kf, group, NULL, NULL);
	char **name;

	for (name = names; name && *name; name++) {
		g_autofree char *value = NULL;
		g_autoptr(GError) error = NULL;
		int line = line_of(rd, group, *name);
		const struct daxd_key *key;
		struct daxd_why why;

		for (key = keys; key->name && strcmp(key->name, *name); key++)
			;
		if (!key->name) {
			g_autoptr(GString) all = g_string_new(NULL);
			char near[DAX_NEAREST_TEXT_LEN];
			struct dax_nearest n;

			dax_nearest_begin(&n, *name);
			for (key = keys; key->name; key++) {
				g_string_append_printf(all, "%s%s", all->len ? ", " : "",
						       key->name);
				dax_nearest_offer(&n, key->name);
			}
			daxd_config_problem(rd->cfg, line, rd->problems,
					    "[%s] has no key '%s' (%sit has %s)", group,
					    *name, dax_nearest_text(&n, "", near),
					    all->str);
			continue;
		}
		value = g_key_file_get_string(kf, group, *name, &error);
		if (!value)
			daxd_config_problem(rd->cfg, line, rd->problems, "%s=: %s", *name,
					    error->message);
		else if (key->parse(value, (char *)object + key->offset, &why) < 0)
			daxd_config_problem(rd->cfg, line, rd->problems, "%s=: %s", *name,
					    why.text);
		else if (given)
			*given |= key->given;
	}
}

static struct daxd_region_cfg *region_by_id(const struct daxd_config *cfg, uint32_t id)
{
	struct daxd_region_cfg *region;

	for (region = cfg->regions; region; region = region->next)
		if (region->id == id)
			return region;
	return NULL;
}

/* "region N": N has the same form as X in daxX.Y. */
static bool parse_region_group(const char *group, uint32_t *ret_id)
{
	g_autofree char *name = NULL;
	uint32_t id;

	if (!g_str_has_prefix(group, "region "))
		return false;
	name = g_strdup_printf("dax%s.0", group + strlen("region "));
	return dax_name_parse(name, ret_id, &id) == 0;
}

static bool parse_device_group(const char *group, uint32_t *ret_region, uint32_t *ret_id)
{
	g_autofree char *name = NULL;

	if (!g_str_has_prefix(group, "device "))
		return false;
	name = g_strdup_printf("dax%s", group + strlen("device "));
	return dax_name_parse(name, ret_region, ret_id) == 0;
}

static void read_device(struct reader *rd, GKeyFile *kf, const char *group,
			uint32_t region_id, uint32_t id)
{
	struct daxd_region_cfg *region = region_by_id(rd->cfg, region_id);
	int line = line_of(rd, group, NULL);
	struct daxd_device_cfg *dev;

	if (!region) {
		daxd_config_problem(rd->cfg, line, rd->problems,
				    "[%s] is in no region (add [region %u])", group,
				    region_id);
		return;
	}
	dev = daxd_config_add_device(region, id, line);
	read_keys(rd, kf, group, daxd_keys_device, dev, &dev->given);
}

static bool parse_fault_group(const char *group, uint32_t *ret_id)
{
	g_autofree char *name = NULL;

	if (!g_str_has_prefix(group, "fault "))
		return false;
	name = g_strdup_printf("dax%s.0", group + strlen("fault "));
	return dax_name_parse(name, ret_id, &(uint32_t){0}) == 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Read one key of a fault rule: one of its words, or with rule= all of them. */
static bool read_fault_key(struct reader *rd, GKeyFile *kf, const char *group,
			   const char *name, struct dax_fault_rule *rule)
{
	int line = line_of(rd, group, name);
	g_autofree char *value = NULL;
	g_autoptr(GError) error = NULL;
	struct dax_fault_mistake why;
	int r;

	value = g_key_file_get_string(kf, group, name, &error);
	if (!value) {
		daxd_config_problem(rd->cfg, line, rd->problems, "%s=: %s", name,
				    error->message);
		return false;
	}
	if (strcmp(name, "rule")) {
		r = dax_fault_add(rule, name, *value ? value : NULL, &why);
		if (r < 0)
			daxd_config_problem(rd->cfg, line, rd->problems, "%s=: %s", name,
					    why.text);
	} else {
		r = dax_fault_add(rule, "what", value, &why);
		if (r < 0)
			daxd_config_problem(rd->cfg, line, rd->problems,
					    "rule=: at character %zu: %s", why.pos + 1,
					    why.text);
	}
	return r == 0;
}

/*
 * Report a rule whose words are valid, but incompatible or incomplete. If rule= holds all
 * of it, the position of the error is its end.
 */
static void report_whole_rule(struct reader *rd, GKeyFile *kf, const char *group,
			      char **names, const struct dax_fault_mistake *why)
{
	g_autofree char *rule = NULL;

	if (names && g_strv_length(names) == 1)
		rule = g_key_file_get_string(kf, group, "rule", NULL);
	if (rule)
		daxd_config_problem(rd->cfg, line_of(rd, group, "rule"), rd->problems,
				    "rule=: at character %zu: %s", strlen(rule) + 1,
				    why->text);
	else
		daxd_config_problem(rd->cfg, line_of(rd, group, NULL), rd->problems,
				    "[%s]: %s (see docs/faults.md)", group, why->text);
}

static void read_fault(struct reader *rd, GKeyFile *kf, const char *group)
{
	g_auto(GStrv) names = g_key_file_get_keys(kf, group, NULL, NULL);
	char text[DAX_FAULT_TEXT_MAX];
	struct dax_fault_mistake why;
	struct dax_fault_rule rule;
	bool is_good = true;
	char **name;

	dax_fault_init(&rule);
	for (name = names; name && *name; name++)
		is_good &= read_fault_key(rd, kf, group, *name, &rule);
	if (!is_good)
		return;
	if (dax_fault_finish(&rule, &why) < 0) {
		report_whole_rule(rd, kf, group, names, &why);
		return;
	}
	dax_fault_format(&rule, text, sizeof(text));
	g_ptr_array_add(rd->cfg->faults, g_strdup(text));
}

/* Regions first: a device may precede its region in the file. */
static void read_groups(struct reader *rd, GKeyFile *kf)
{
	g_auto(GStrv) groups = g_key_file_get_groups(kf, NULL);
	uint32_t region_id;
	uint32_t id;
	char **g;

	for (g = groups; *g; g++) {
		if (parse_region_group(*g, &id)) {
			struct daxd_region_cfg *region =
				daxd_config_add_region(rd->cfg, id,
						       line_of(rd, *g, NULL));

			read_keys(rd, kf, *g, daxd_keys_region, region, &region->given);
		}
	}
	for (g = groups; *g; g++) {
		int line = line_of(rd, *g, NULL);

		if (!strcmp(*g, "daemon"))
			read_keys(rd, kf, *g, daxd_keys_daemon, rd->cfg, NULL);
		else if (parse_device_group(*g, &region_id, &id))
			read_device(rd, kf, *g, region_id, id);
		else if (!parse_region_group(*g, &id) && !parse_fault_group(*g, &id))
			daxd_config_problem(rd->cfg, line, rd->problems,
					    "there is no group [%s] (only [daemon], "
					    "[region N], [device X.Y] and [fault N], as "
					    "in [device 0.0]; numbers below 100000)",
					    *g);
	}
}

/* Rules apply in the order of their numbers, not in that of the file. */
static void read_faults(struct reader *rd, GKeyFile *kf)
{
	g_auto(GStrv) groups = g_key_file_get_groups(kf, NULL);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	uint32_t id;
	char **g;
	guint i;

	for (g = groups; *g; g++)
		if (parse_fault_group(*g, &id))
			g_array_append_val(ids, id);
	g_array_sort(ids, compare_numbers);
	for (i = 0; i < ids->len; i++) {
		g_autofree char *group =
			g_strdup_printf("fault %u", g_array_index(ids, uint32_t, i));

		read_fault(rd, kf, group);
	}
}

static void read_text(struct daxd_config *cfg, const char *text, size_t len,
		      GPtrArray *problems)
{
	g_autoptr(GHashTable) lines =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GString) clean = g_string_new(NULL);
	g_autoptr(GKeyFile) kf = g_key_file_new();
	g_autoptr(GError) error = NULL;
	struct reader rd = {
		.cfg = cfg, .problems = problems, .lines = lines, .clean = clean};

	if (!g_utf8_validate(text, (gssize)len, NULL)) {
		daxd_config_problem(cfg, 0, problems,
				    "is not UTF-8 text (is it a config file?)");
		return;
	}
	scan(&rd, text);
	if (!g_key_file_load_from_data(kf, clean->str, clean->len, G_KEY_FILE_NONE,
				       &error))
		daxd_config_problem(cfg, 0, problems, "%s", error->message);
	else {
		read_groups(&rd, kf);
		read_faults(&rd, kf);
	}
}

/* Unlike g_file_get_contents(), this limits the size and reads pipes as well. */
static int read_file(const char *path, GString *ret, struct daxd_why *why)
{
	_cleanup_close_ int fd = -1;
	char buf[16384];
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return daxd_fail(why, errno, "can't be opened: %s (check -c)",
				 g_strerror(errno));
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		g_string_append_len(ret, buf, n);
		if (ret->len > DAXD_CONFIG_MAX)
			return daxd_fail(why, EFBIG, "is larger than 1M (check -c)");
	}
	if (n < 0)
		return daxd_fail(why, errno, "can't be read: %s (check -c)",
				 g_strerror(errno));
	return 0;
}

/**
 * daxd_config_load() - read a config file
 * @path:	the file; "-" is standard input
 * @problems:	receives a sentence for each problem
 *
 * Return: the configuration, for daxd_check_config() and daxd_config_free(); incomplete
 * if there are problems.
 */
struct daxd_config *daxd_config_load(const char *path, GPtrArray *problems)
{
	g_autoptr(GString) text = g_string_new(NULL);
	bool is_stdin = !strcmp(path, "-");
	struct daxd_config *cfg = new_config(is_stdin ? "(standard input)" : path);
	struct daxd_why why;

	if (read_file(is_stdin ? "/dev/stdin" : path, text, &why) < 0)
		daxd_config_problem(cfg, 0, problems, "%s", why.text);
	else
		read_text(cfg, text->str, text->len, problems);
	return cfg;
}
