/* SPDX-License-Identifier: BSD-2-Clause */
/* cuse-daxd: gives programs Device DAX without persistent memory. */
#include "cuse-daxd/config.h"
#include "cuse-daxd/options.h"

#include <stdio.h>
#include <string.h>

/* ---- config ---------------------------------------------------------------- */

static char *default_config_path(void)
{
	const char *xdg = secure_getenv("XDG_CONFIG_HOME");
	const char *home = secure_getenv("HOME");
	g_autofree char *path = NULL;

	if (geteuid() == 0)
		path = g_strdup(DAXD_SYSCONFDIR "/cuse-daxd.conf");
	else if (xdg && xdg[0] == '/')
		path = g_build_filename(xdg, "cuse-daxd.conf", NULL);
	else if (home)
		path = g_build_filename(home, ".config", "cuse-daxd.conf", NULL);
	return path && access(path, F_OK) == 0 ? g_steal_pointer(&path) : NULL;
}

static struct daxd_config *load_config(const struct daxd_options *options)
{
	g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *path =
		options->config ? g_strdup(options->config) : default_config_path();
	struct daxd_config *cfg;
	guint i;

	cfg = path ? daxd_config_load(path, problems) : daxd_config_default();
	if (!problems->len)
		daxd_config_check(cfg, problems);
	for (i = 0; i < problems->len; i++)
		daxd_error("%s", (const char *)g_ptr_array_index(problems, i));
	if (problems->len) {
		daxd_config_free(cfg);
		return NULL;
	}
	return cfg;
}

int main(int argc, char **argv)
{
	struct daxd_options options;
	struct daxd_config *config;
	g_autofree char *dump = NULL;
	struct daxd_why why;
	int status = 0;

	daxd_log_init();
	if (daxd_options_parse(argc, argv, &options, &why) < 0) {
		daxd_error("%s", why.text);
		return 1;
	}
	if (options.job == DAXD_JOB_HELP) {
		daxd_options_help();
		return 0;
	}
	if (options.job == DAXD_JOB_VERSION) {
		printf("cuse-daxd %s\n", DAXD_VERSION);
		return 0;
	}
	config = load_config(&options);
	if (!config)
		return 1;
	switch (options.job) {
	case DAXD_JOB_CHECK:
		printf("%s: ok\n", config->file);
		break;
	case DAXD_JOB_DUMP:
		dump = daxd_config_dump(config);
		fputs(dump, stdout);
		break;
	case DAXD_JOB_RUN:
	case DAXD_JOB_HELP:
	case DAXD_JOB_VERSION:
		daxd_error("this version only checks and prints configs");
		status = 1;
		break;
	}
	daxd_config_free(config);
	return status;
}
