/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The value of window=: "auto", or windows "SIZE" or "SIZE:BRIDGE.BRIDGE" with "+" between
 * them. A window without host bridges interleaves all of them.
 */
#include "cuse-daxd/config/window.h"

#include <errno.h>
#include <string.h>

#include "libcore/size.h"

/* Parse "0.1". Return: true if it names host bridges. */
static bool parse_bridges(const char *text, struct dax_cxl_window *window)
{
	const char *p = text;

	while (window->ways < DAX_CXL_BRIDGES && *p >= '0' &&
	       *p < '0' + DAX_CXL_BRIDGES) {
		window->bridges[window->ways++] = (uint32_t)(*p++ - '0');
		if (!*p)
			return true;
		if (*p++ != '.')
			return false;
	}
	return false;
}

static int parse_window(char *text, struct dax_cxl_window *window, struct daxd_why *why)
{
	char *rest = text;
	const char *size = strsep(&rest, ":");

	*window = (struct dax_cxl_window){0};
	if (strcmp(size, "auto") && (dax_size_parse(size, &window->size) < 0 ||
				     !window->size || window->size % DAX_CXL_UNIT))
		return daxd_fail(why, EINVAL, "'%s' is not a multiple of 256M (try 4G)",
				 size);
	if (rest && !parse_bridges(rest, window))
		return daxd_fail(why, EINVAL,
				 "'%s' does not name host bridges (try 0 or 0.1)", rest);
	return 0;
}

/**
 * daxd_windows_parse() - parse the value of window=
 * @value:	the value
 * @cxl:	receives the windows
 * @why:	receives the reason of a failure
 *
 * Return: 0 or -EINVAL.
 */
int daxd_windows_parse(const char *value, struct daxd_cxl_cfg *cxl, struct daxd_why *why)
{
	g_auto(GStrv) words = g_strsplit(value, "+", -1);
	const guint nr = g_strv_length(words);
	guint i;
	int r;

	if (!nr || nr > DAX_CXL_WINDOWS)
		return daxd_fail(why, EINVAL,
				 "'%s' is not 1 to %d windows (try auto or "
				 "4G+4G:0)",
				 value, DAX_CXL_WINDOWS);
	for (i = 0; i < nr; i++) {
		r = parse_window(words[i], &cxl->windows[i], why);
		if (r < 0)
			return r;
	}
	cxl->nr_windows = nr;
	return 0;
}

/**
 * daxd_windows_print() - the windows as daxd_windows_parse() reads them
 * @cxl:	the windows
 *
 * Return: the value, owned by the caller.
 */
char *daxd_windows_print(const struct daxd_cxl_cfg *cxl)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char size[DAX_SIZE_STRLEN];
	uint32_t i;
	uint32_t b;

	for (i = 0; i < cxl->nr_windows; i++) {
		const struct dax_cxl_window *window = &cxl->windows[i];

		if (i)
			g_string_append_c(text, '+');
		g_string_append(text, window->size ? dax_size_format(window->size, size)
						   : "auto");
		for (b = 0; b < window->ways; b++)
			g_string_append_printf(text, "%c%u", b ? '.' : ':',
					       window->bridges[b]);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Fill in all host bridges. */
static void interleave_all(const struct daxd_cxl_cfg *cxl, struct dax_cxl_window *window)
{
	while (window->ways < cxl->nr_bridges) {
		window->bridges[window->ways] = window->ways;
		window->ways++;
	}
}

/**
 * daxd_windows_complete() - replace what is left to us by values, and check all
 * @cxl:	the windows, host bridges, memory devices and the region at the start
 * @size:	bytes of all memory devices together
 *
 * Return: NULL, or what is wrong, with what to do.
 */
const char *daxd_windows_complete(struct daxd_cxl_cfg *cxl, uint64_t size)
{
	uint32_t i;
	uint32_t b;
	uint32_t c;

	for (i = 0; i < cxl->nr_windows; i++) {
		struct dax_cxl_window *window = &cxl->windows[i];

		if (!window->size)
			window->size = 4 * size;
		if (!window->ways)
			interleave_all(cxl, window);
		if (window->ways & (window->ways - 1))
			return "window= interleaves 1, 2 or 4 host bridges (leave one "
			       "out)";
		for (b = 0; b < window->ways; b++) {
			if (window->bridges[b] >= cxl->nr_bridges)
				return "window= names a host bridge that does not exist "
				       "(make bridges= larger)";
			for (c = 0; c < b; c++)
				if (window->bridges[b] == window->bridges[c])
					return "window= names a host bridge twice (leave "
					       "it out)";
		}
		window->granularity = window->ways > 1 ? cxl->granularity : 256;
	}
	return NULL;
}

/**
 * daxd_windows_has_region() - true if the region at the start fits into the first window
 * @cxl:	complete windows
 */
bool daxd_windows_has_region(const struct daxd_cxl_cfg *cxl)
{
	const struct dax_cxl_window *window = &cxl->windows[0];
	const uint32_t deep = cxl->ways / window->ways;
	uint32_t b;

	if (!deep || deep > DAX_CXL_FANOUT ||
	    (cxl->ways > 1 && cxl->granularity * cxl->ways > 32768))
		return false;
	/* Memory device N is below host bridge N modulo their number. */
	for (b = 0; b < window->ways; b++)
		if (window->bridges[b] + (deep - 1) * cxl->nr_bridges >= cxl->nr_memdevs)
			return false;
	return true;
}
