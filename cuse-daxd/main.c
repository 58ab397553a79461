/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuse-daxd: gives programs Device DAX without persistent memory.
 *
 * The steps of a start; those that can fail come before those that programs see:
 *
 *	1. read and check the options and the config
 *	2. lock the runtime directory: there is only one daemon in it
 *	3. open the stores and set all sizes; so far nothing has changed
 *	4. create state pages, stores, model, nodes and the sysfs tree
 *	5. give the socket its name, then report ready to --ready-fd and the starter
 *
 * A stop reverses the steps. Step 4 takes over the state of a daemon that died; if the
 * start fails, the state remains for the next start.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcore/option_text.h"
#include "libcore/paths_text.h"
#include "libcore/slice.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/systemd.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/config/check.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/config/dump.h"
#include "cuse-daxd/faults/tally.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/frontend/handle_fs.h"
#include "cuse-daxd/options.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/setup.h"
#include "cuse-daxd/reload.h"
#include "cuse-daxd/runtime/gone.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/runtime/tree.h"
#include "cuse-daxd/server.h"
#include "cuse-daxd/store/store.h"
#include "cuse-daxd/start.h"

struct daemon {
	struct daxd_options options;
	char *config_path; /* absolute; "-"; or NULL: the default path */
	struct daxd_config *config;
	struct daxd_runtime runtime;
	struct daxd_frontend frontend;
	struct daxd_registry registry;
	struct daxd_server server;
	GMainLoop *loop;
};

/* SYSCONFDIR of `make install`; /etc if the daemon has not been installed. */
static char *system_config_path(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *dir = g_path_get_dirname(self ? self : "/");
	g_autofree char *path = g_build_filename(dir, "..", DAX_PATHS_FILE, NULL);
	g_autofree char *text = NULL;
	char found[PATH_MAX];

	if (!g_file_get_contents(path, &text, NULL, NULL) ||
	    !dax_paths_text_find(text, "SYSCONFDIR", found, sizeof(found)))
		strcpy(found, "/etc");
	return g_build_filename(found, "cuse-daxd.conf", NULL);
}

static char *default_config_path(void)
{
	const char *xdg = secure_getenv("XDG_CONFIG_HOME");
	const char *home = secure_getenv("HOME");
	g_autofree char *path = NULL;

	if (geteuid() == 0)
		path = system_config_path();
	else if (xdg && xdg[0] == '/')
		path = g_build_filename(xdg, "cuse-daxd.conf", NULL);
	else if (home)
		path = g_build_filename(home, ".config", "cuse-daxd.conf", NULL);
	return path && access(path, F_OK) == 0 ? g_steal_pointer(&path) : NULL;
}

/* Options on the command line override the file. */
static void apply_options(struct daxd_config *cfg, const struct daxd_options *options)
{
	g_autofree char *dir = NULL;
	guint i;

	if (options->frontend >= 0)
		cfg->frontend = (enum daxd_frontend_kind)options->frontend;
	if (options->kernel >= 0)
		cfg->kernel = (enum dax_kernel)options->kernel;
	if (options->runtime_dir)
		dir = g_canonicalize_filename(options->runtime_dir, NULL);
	else if (cfg->runtime_dir)
		dir = g_canonicalize_filename(cfg->runtime_dir, NULL);
	else
		dir = daxd_runtime_default_path();
	for (i = 0; options->faults && i < options->faults->len; i++)
		g_ptr_array_add(cfg->faults,
				g_strdup(g_ptr_array_index(options->faults, i)));
	if (options->fault_log) {
		g_free(cfg->fault_log);
		cfg->fault_log = g_strdup(options->fault_log);
	}
	cfg->may_wipe = options->may_wipe;
	cfg->is_tree_late = options->is_tree_late;
	g_free(cfg->runtime_dir);
	cfg->runtime_dir = g_steal_pointer(&dir);
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
		daxd_check_config(cfg, problems);
	for (i = 0; i < problems->len; i++)
		daxd_error("%s", (const char *)g_ptr_array_index(problems, i));
	if (problems->len) {
		daxd_config_free(cfg);
		return NULL;
	}
	apply_options(cfg, options);
	return cfg;
}

static void report_to_systemd(const struct daemon *d)
{
	const GPtrArray *devices = d->registry.devices;
	unsigned int count = 0;
	guint i;

	for (i = 0; i < devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(devices, i);

		count += dev->region != NULL; /* ndctl0 has none */
	}
	daxd_systemd_ready("%u device%s, %s", count, count == 1 ? "" : "s",
			   d->runtime.path);
}

static void warn_of_ignored(const struct daxd_config *is, const struct daxd_config *was)
{
	if (is->frontend != was->frontend || is->major != was->major ||
	    is->kernel != was->kernel || strcmp(is->runtime_dir, was->runtime_dir) ||
	    g_strcmp0(is->fault_log, was->fault_log))
		daxd_warning("SIGHUP: changes in [daemon] take effect at the next start");
}

/* Return: NULL, or the reason why the reload failed. */
static const char *try_reload(struct daemon *d, struct daxd_why *why)
{
	struct daxd_options options = d->options;
	struct daxd_config *config;

	/* The working directory may have changed since the start. */
	options.config = d->config_path;
	/* --force-format applies only to the files of the start. */
	options.may_wipe = false;
	if (options.config && !strcmp(options.config, "-"))
		return "the config was read from standard input";
	config = load_config(&options);
	if (!config)
		return "the config has errors";
	if (daxd_reload(&d->registry, config, why) < 0) {
		daxd_config_free(config);
		return why->text;
	}
	warn_of_ignored(config, d->config);
	daxd_config_free(d->config);
	d->config = config;
	return NULL;
}

static void reload_config(struct daemon *d)
{
	struct daxd_why why;
	const char *problem;

	daxd_systemd_reloading();
	problem = try_reload(d, &why);
	if (problem) {
		daxd_error("SIGHUP: %s; everything stays as it was", problem);
		daxd_systemd_ready("reload failed: %s; everything stays as it was",
				   problem);
		return;
	}
	daxd_info("SIGHUP: the config was read again");
	report_to_systemd(d);
}

static void quit(struct daemon *d)
{
	daxd_tree_leave_off(&d->registry.tree);
	g_main_loop_quit(d->loop);
}

static gboolean on_signal(gint fd, GIOCondition condition, gpointer data)
{
	struct daemon *d = data;
	struct signalfd_siginfo info;

	(void)condition;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return G_SOURCE_CONTINUE;
	if (info.ssi_signo == SIGHUP) {
		reload_config(d);
		return G_SOURCE_CONTINUE;
	}
	daxd_debug("%s: stopping", strsignal((int)info.ssi_signo));
	quit(d);
	return G_SOURCE_CONTINUE;
}

/* No handlers: GLib's would need a thread. */
static int watch_signals(struct daemon *d, struct daxd_why *why)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return daxd_fail(why, errno, "signalfd: %s", strerror(errno));
	g_unix_fd_add(fd, G_IO_IN, on_signal, d);
	/* Calls report these by an errno as well, or the daemon does not need them. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	return 0;
}

static gboolean on_other_ended(gint fd, GIOCondition condition, gpointer data)
{
	struct daemon *d = data;

	(void)fd;
	(void)condition;
	daxd_debug("process %d has ended: stopping", d->options.exit_with);
	quit(d);
	return G_SOURCE_REMOVE;
}

static int watch_other(struct daemon *d, struct daxd_why *why)
{
	int fd;

	if (!d->options.exit_with)
		return 0;
	fd = (int)syscall(SYS_pidfd_open, d->options.exit_with, 0);
	if (fd < 0)
		return daxd_fail(why, errno,
				 "--exit-with: process %d can't be watched: %s",
				 d->options.exit_with, strerror(errno));
	g_unix_fd_add(fd, G_IO_IN, on_other_ended, d);
	return 0;
}

/*
 * Fork. The parent waits for one byte, which the child writes when the daemon is ready.
 * Return: the descriptor to which the child must write it; the parent does not return.
 */
static int go_background(void)
{
	int fds[2];
	char byte;
	pid_t pid;
	int status;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		daxd_error("can't go to the background: %s (--foreground)",
			   strerror(errno));
		exit(1);
	}
	if (pid == 0) {
		close(fds[0]);
		setsid();
		return fds[1];
	}
	close(fds[1]);
	if (read(fds[0], &byte, 1) == 1)
		_exit(0);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		_exit(WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
	daxd_error("the daemon died while starting");
	_exit(1);
}

static void leave_terminal(int tell)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	daxd_log_to_syslog();
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	if (chdir("/") < 0 || write(tell, "", 1) != 1)
		daxd_debug("leaving the terminal: %s", strerror(errno));
	close(tell);
}

static void report_ready(int fd, const char *runtime_dir)
{
	if (fd < 0)
		return;
	if (dprintf(fd, "%s\n", runtime_dir) < 0)
		daxd_warning("--ready-fd: %s, continuing", strerror(errno));
	close(fd);
}

/* Each device costs descriptors, and so does each client. */
static void raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Ask for a short time slice: the daemon has little work at a time, but no delay. */
static void hurry(void)
{
	struct dax_sched_attr attr = {.size = sizeof(attr)};

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0)
		return;
	attr.runtime = DAX_SLICE_NS;
	if (attr.policy == SCHED_OTHER)
		syscall(SYS_sched_setattr, 0, &attr, 0);
}

static int start_daemon(struct daemon *d, struct daxd_why *why)
{
	const struct daxd_frontend_ops *ops;
	int fd = -1;
	int r;

	r = daxd_frontend_choose(d->config->frontend, &ops, why);
	if (r == 0)
		r = watch_signals(d, why);
	if (r == 0)
		r = daxd_runtime_open(&d->runtime, d->config->runtime_dir, why);
	/* If the process has exited already, remove the directory that it created. */
	if (r == 0)
		r = watch_other(d, why);
	if (r == 0)
		r = daxd_setup_open(&d->registry, d->config, why);
	if (r == 0)
		r = daxd_runtime_open_state(&d->runtime, why);
	if (r == 0)
		r = daxd_frontend_init(&d->frontend, ops, &d->runtime, why);
	if (r == 0)
		r = daxd_start_devices(&d->registry, &d->runtime, &d->frontend, why);
	if (r == 0) {
		fd = daxd_systemd_take_socket();
		d->runtime.has_socket = fd >= 0;
		r = daxd_server_start(&d->server, &d->registry, fd, why);
	}
	if (r == 0)
		daxd_gone_watch(&d->runtime);
	return r;
}

static void stop_daemon(struct daemon *d, bool has_run)
{
	enum daxd_leave leave = DAXD_LEAVE_NOTHING;

	daxd_systemd_stopping();
	daxd_tally_report(d->registry.faults, d->options.fault_report);
	daxd_server_stop(&d->server);
	if (d->registry.regions)
		daxd_start_undo(&d->registry);
	daxd_frontend_done(&d->frontend);
	if (!d->runtime.path)
		return;
	if (!has_run && d->runtime.is_recovered)
		leave = DAXD_LEAVE_ALL;
	else if (has_run && daxd_systemd_has_store())
		leave = DAXD_LEAVE_STATE;
	daxd_runtime_close(&d->runtime, leave);
}

static int run_daemon(struct daemon *d)
{
	struct daxd_why why;
	int tell = -1;
	int r;

	umask(0);
	raise_nofile();
	hurry();
	if (!d->options.is_foreground)
		tell = go_background();
	d->loop = g_main_loop_new(NULL, FALSE);
	r = start_daemon(d, &why);
	if (r < 0) {
		daxd_error("%s", why.text);
	} else {
		report_ready(d->options.ready_fd, d->runtime.path);
		report_to_systemd(d);
		if (tell >= 0)
			leave_terminal(tell);
		g_main_loop_run(d->loop);
	}
	stop_daemon(d, r == 0);
	g_main_loop_unref(d->loop);
	return r < 0;
}

static int print_config(const struct daxd_options *options)
{
	struct daxd_config *cfg = load_config(options);
	g_autofree char *dump = NULL;

	if (!cfg)
		return 1;
	if (options->job == DAXD_JOB_CHECK) {
		printf("%s: ok\n", cfg->file);
	} else {
		dump = daxd_dump_config(cfg);
		fputs(dump, stdout);
	}
	daxd_config_free(cfg);
	return 0;
}

static int check_memory(void)
{
	g_autofree char *text = daxd_store_check_memory();

	puts(text);
	return 0;
}

static int run_job(const struct daxd_options *options)
{
	struct daemon d = {.options = *options};
	int status = 1;

	daxd_handle_fs_init();
	if (options->config)
		d.config_path = !strcmp(options->config, "-")
					? g_strdup("-")
					: g_canonicalize_filename(options->config, NULL);
	d.config = load_config(options);
	if (d.config) {
		status = run_daemon(&d);
		daxd_config_free(d.config);
		daxd_systemd_done();
	}
	g_free(d.config_path);
	return status;
}

int main(int argc, char **argv)
{
	struct daxd_options options;
	struct daxd_why why;
	int status = 0;

	daxd_log_init();
	daxd_systemd_init();
	if (daxd_options_parse(argc, argv, &options, &why) < 0) {
		daxd_error("%s", why.text);
		return DAX_EXIT_USAGE;
	}
	switch (options.job) {
	case DAXD_JOB_RUN:
		return run_job(&options);
	case DAXD_JOB_CHECK:
	case DAXD_JOB_DUMP:
		status = print_config(&options);
		break;
	case DAXD_JOB_MEMORY:
		status = check_memory();
		break;
	case DAXD_JOB_HELP:
		daxd_options_help();
		break;
	case DAXD_JOB_VERSION:
		printf(DAX_VERSION_TEXT("cuse-daxd"));
		break;
	}
	if (fflush(stdout) != 0) {
		daxd_error("standard output: %s", strerror(errno));
		return 1;
	}
	return status;
}
