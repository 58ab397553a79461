/* SPDX-License-Identifier: BSD-2-Clause */
/* The launcher, between its modules. It is one process without threads. */
#ifndef DAXRUN_H
#define DAXRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Exit statuses of our own, as env(1) and the shells have them. */
enum {
	RUN_EXIT_FAILED = 125,
	RUN_EXIT_NOT_EXECUTABLE = 126,
	RUN_EXIT_NOT_FOUND = 127,
};

#define RUN_DIR_LEN 96 /* of a runtime directory's name: sun_path is short */

/* -- util.c ------------------------------------------------------------------------- */

void run_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void run_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void *run_alloc(size_t size);
char *run_strdup(const char *s);
char *run_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void run_remove_tree(const char *dir);

/* -- options.c ------------------------------------------------------------------------
 */

struct run_options {
	const char **devices; /* -d, as given */
	int nr_devices;
	const char **faults;
	int nr_faults;
	const char *fault_log; /* NULL: none */
	bool is_report;
	int report_fd;     /* the daemon's end of it; -1: none */
	const char *sweep; /* a rule with a range in it; NULL: none */
	int nr_jobs;
	const char *config;
	bool is_connect;
	const char *connect_dir; /* NULL: look for one */
	bool is_trace;
	const char *trace_file; /* NULL: stderr */
	bool is_quiet;
	bool is_check;
	bool is_print_env;
	char **command; /* NULL-terminated; empty with --check or --print-env */
};

void run_parse_options(int argc, char **argv, struct run_options *ret);

/* -- config.c -------------------------------------------------------------------------
 */

void run_write_config(const struct run_options *o, FILE *f);

/* -- files.c: where the other parts are ------------------------------------------------
 */

char *run_find_daemon(void);
char *run_find_shim(void);
/* Files that we put into the daemon's directory; it removes them (cuse-daxd/runtime/runtime.c). */
#define RUN_CONFIG_FILE "daxrun.conf"
#define RUN_LOG_FILE    "daxrun.log"
#define RUN_LOG_SOCKET  "daxrun.sock"

void run_make_dir(char dir[RUN_DIR_LEN]);
void run_find_running(const char *wanted, char dir[RUN_DIR_LEN]);

/* -- daemon.c: the private daemon
 * -------------------------------------------------------- */

struct run_daemon {
	pid_t pid; /* 0: not ours */
	char dir[RUN_DIR_LEN];
	FILE *ready; /* what it has to say while it starts */
};

void run_start_daemon(const struct run_options *o, pid_t ends_with,
		      struct run_daemon *ret);
void run_await_daemon(struct run_daemon *d);
void run_stop_daemon(struct run_daemon *d);

/* -- environment.c: what the command needs
 * ------------------------------------------------- */

struct run_log;
struct run_program;
void run_set_environment(const struct run_options *o, const char *dir,
			 const struct run_program *program, const struct run_log *log);
void run_print_environment(const char *dir);

/* -- elf.c: what kind of program is it?
 * --------------------------------------------------- */

struct run_program {
	bool is_static; /* an ELF file that loads no shim */
	bool is_set_id; /* that ignores LD_PRELOAD */
	char asan[32];  /* soname of ASan's runtime, if it is linked to one */
};

void run_look_at(const char *command, struct run_program *ret);

/* -- log.c: what the shim tells
 * ------------------------------------------------------------ */

struct run_log {
	int fd; /* -1: nobody listens */
	bool is_trace;
	FILE *out;
	char path[RUN_DIR_LEN + 16]; /* of the socket; '@': in the abstract namespace */
	long nr_lines;               /* in the current second */
	long second;
	long nr_left_out;
};

void run_open_log(const struct run_options *o, const struct run_daemon *d,
		  struct run_log *log);
void run_read_log(struct run_log *log);
void run_close_log(struct run_log *log);

/* -- command.c
 * -------------------------------------------------------------------------------- */

pid_t run_start_command(char **command);
int run_wait_command(pid_t pid, struct run_log *log, struct run_daemon *d);
void run_exit_like(int status) __attribute__((noreturn));

/* -- report.c: which faults were given, and what became of it -------------------------- */

int run_open_report(void);
long run_report_given(int fd);
void run_print_report(int fd, int status);
const char *run_status_text(int status, char buf[64]);

/* -- sweep.c: a command once for each step of a rule ------------------------------------ */

int run_sweep(const struct run_options *o);

/* -- run.c -------------------------------------------------------------------------------- */

int run_once(const struct run_options *o);

/* -- check.c
 * ---------------------------------------------------------------------------------- */

int run_check(void);

#endif
