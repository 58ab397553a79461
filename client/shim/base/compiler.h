/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The preload library, between its modules.
 *
 * wrap.def lists the functions of libc that are wrapped. wrap_*.c hold the wrappers,
 * which libc's callers see; everything else is hidden. The rules inside, because this
 * runs in other people's processes:
 *
 *  - no malloc, no stdio, no constructor, no static path buffer;
 *  - nothing here calls a wrapped function: sys.h, or real.h's REAL(name) where the
 *    next library in the chain shall have its turn;
 *  - errno changes only when a call fails; helpers answer negative errnos;
 *  - in doubt the call is passed through.
 */
#ifndef SHIM_H
#define SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcore/event.h"
#include "libcore/path.h"
#include "libcore/state.h"
#include "libcore/vmas.h"

#include "client/shim/base/hook.h"
#include "client/shim/base/join.h"

struct stat;

#define SHIM_EXPORT __attribute__((visibility("default")))
#define SHIM_COLD   __attribute__((noinline, cold))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* -- session.c: the daemon that this process is a client of ------------------- */

enum shim_log {
	SHIM_LOG_NONE,
	SHIM_LOG_REFUSALS,
	SHIM_LOG_ALL,
};

struct shim_session {
	const struct dax_state *state;
	struct dax_path_names names;
	enum shim_log log;
	char log_path[108]; /* a datagram socket */
	size_t dir_len;
	char dir[108]; /* the runtime directory: absolute, no slash at the end */
};

const struct shim_session *shim_session(void);
const struct shim_session *shim_session_if_known(void);
void shim_await_tree(const struct shim_session *s);
void shim_session_inside(int32_t tid);
int shim_request(const struct shim_session *s, int type, uint64_t arg, const void *body,
		 size_t len, int fd, int *ret_fd, uint64_t ret_arg[4]);

/* -- ident.c: whose descriptor is this? ------------------------------------------- */

enum shim_kind {
	SHIM_OTHER,
	SHIM_NODE, /* a handle of a device, or of /dev/ndctlN */
	SHIM_ATTR, /* a file of the sysfs tree */
};

struct shim_ident {
	enum shim_kind kind;
	uint32_t slot; /* NODE */
	const struct shim_session *session;
};

struct shim_ident shim_ident_stat(const struct stat *st);
struct shim_ident shim_ident_fd(int fd);
bool shim_fd_is_other(int fd);
void shim_fd_forget(int fd);
void shim_fd_forget_all(void);
void shim_fd_opened(int fd, uint32_t slot);
void shim_attr_unread(int fd, bool is_unread);
bool shim_attr_is_unread(int fd);
bool shim_attr_any_unread(void);
uint64_t shim_fd_file(int fd);
void shim_fd_copied(int from, int to);
bool shim_was_opened(uint32_t slot);
void shim_fix_stat(const struct shim_ident *id, struct stat *st);

void shim_self_path_of(int dirfd, char buf[32]);
void shim_self_sleep_until(uint64_t ns);

/* -- path.c: where does this path lead? ----------------------------------------- */

enum shim_follow {
	SHIM_FOLLOW,
	SHIM_NOFOLLOW, /* the last component itself, as lstat(2) */
};

const char *shim_redirect(int dirfd, const char *path, enum shim_follow follow,
			  char buf[PATH_MAX]);
bool shim_is_dangling(int dirfd, const char *path);
bool shim_is_readable(const char *path);
ssize_t shim_fd_path(int fd, char buf[PATH_MAX]);
/* Holds "/proc/self/task/", a number, and a short name. */
#define SHIM_TASK_PATH 48
void shim_task_path(int32_t tid, const char *name, char buf[SHIM_TASK_PATH]);
ssize_t shim_unredirect(char *path, size_t len);
bool shim_is_shared_dir(int dirfd, const char *path, char extra[PATH_MAX]);

/* -- backing.c: descriptors of backing stores ------------------------------------- */

int shim_backing(const struct shim_session *s, uint32_t slot,
		 const struct dax_device *dev, bool is_writable, int handle);
bool shim_raise_limit(uint64_t *ret_soft);
void shim_set_limit(uint64_t soft);

/* -- maps.c: the process's dax mappings ---------------------------------------------- */

bool shim_maps_touch(uint64_t addr, uint64_t len);
bool shim_maps_overlap(uint64_t addr, uint64_t len);
void shim_maps_forget(uint64_t addr, uint64_t len);
bool shim_maps_lock(void);
void shim_maps_unlock(void);
bool shim_maps_lock_slow(uint64_t *ret_mask);
void shim_maps_unlock_slow(uint64_t mask);
bool shim_maps_has_room(void);
void shim_maps_changed(void);
bool shim_maps_is_stale(const struct dax_vma *vma);
void shim_maps_drop_stale(void);
void shim_maps_jump(uintptr_t to);
bool shim_maps_is_locked(void);
extern struct dax_vmas shim_vmas;

/* Set by whoever depends on the list; NULL: nobody does. */
extern shim_hook *shim_maps_on_change; /* with the lock held */
extern shim_hook *shim_maps_on_fork;   /* in the child; libc's handlers ran */
extern shim_hook *shim_lock_on_lost;   /* in a child that no handler told */
extern shim_hook *shim_lock_on_broken; /* a change was left half done */
void shim_lock_adopt(void);

/* -- anchor.c: locks that outlive the descriptor ---------------------------------------
 */

void shim_anchor_locked(int fd);
void shim_anchor_mapped(int fd, uint64_t file);
void shim_anchors_follow(void);
bool shim_is_anchor(uint64_t addr);

/* -- place.c: making real mappings -----------------------------------------------------
 */

long shim_reserve(uint64_t len, uint64_t align, uint64_t off, int flags);
long shim_map_plan(const struct dax_device *dev, uint64_t addr, uint64_t len,
		   uint64_t off, int prot, int flags, int backing);
void shim_mend_plan(const struct dax_device *dev, uint64_t addr, uint64_t len,
		    uint64_t off, int prot, int backing);

/* -- mm.c: the calls -------------------------------------------------------------------
 */

long shim_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t off,
	       const struct shim_ident *id);
long shim_mmap_other(uint64_t addr, uint64_t len, int prot, int flags, int fd,
		     uint64_t off);
long shim_munmap(uint64_t addr, uint64_t len);
long shim_mprotect(uint64_t addr, uint64_t len, int prot, int pkey);
long shim_mremap(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags,
		 uint64_t new_addr);
long shim_madvise(uint64_t addr, uint64_t len, int advice);
long shim_msync(uint64_t addr, uint64_t len, int flags);
void shim_set_thp_disabled(bool is_disabled);
void shim_tell_at(enum dax_call call, const uint64_t *args, int nr,
		  const struct dax_verdict *v);
long shim_mincore(uint64_t addr, uint64_t len, unsigned char *vec);
long shim_mlock(uint64_t addr, uint64_t len, int flags);
long shim_mbind(uint64_t addr, uint64_t len, const uint64_t args[4]);
long shim_remap_file_pages(uint64_t addr, uint64_t len, int prot, uint64_t pgoff,
			   int flags);

/* -- wrap_pin.c: memory that can't be pinned ------------------------------------------- */

extern bool shim_has_no_pages;

/* -- agent.c: following what happens to devices ------------------------------------------ */

/* A stack, and what thread-local variables need. */
#define SHIM_THREAD_BYTES (100 * 1024)
bool shim_thread_start(char *at, void (*fn)(void));
bool shim_thread_be_small(void);
bool shim_thread_is_of_libc(void);
void shim_agent_start(void);
void shim_agent_forked(void);
void shim_agent_lost(void);
bool shim_follow(const struct shim_session *s);
void shim_follow_new(const struct shim_session *s, uint32_t slot,
		     const struct dax_device *dev);

/* -- fault.c: calls that fail or are late because a rule says so --------------------- */

uint64_t shim_now_ns(void);
bool shim_fault_strikes(const struct dax_fault_rule *rule,
			const struct dax_fault_event *ev, uint64_t now_ns);
bool shim_fault_is_refused(uint32_t rule);
void shim_fault_init(struct dax_fault_event *ev, enum dax_fault_call call,
		     const char *device);
void shim_comm_of(int32_t tid, char comm[DAX_FAULT_COMM_LEN]);
uint32_t shim_uid_of(int32_t tid);
void shim_fault_tell(const struct shim_session *s, const struct dax_fault_event *ev);
int shim_fault(const struct shim_session *s, enum dax_fault_call call, const char *device,
	       uint64_t address, uint64_t off, uint64_t len);
int shim_fault_slot(const struct shim_session *s, enum dax_fault_call call, uint32_t slot,
		    uint64_t address, uint64_t off, uint64_t len);
int shim_fault_range(enum dax_fault_call call, enum dax_call told, uint64_t addr,
		     uint64_t len);

/* Is there any rule for a call? All that programs without faults pay. */
static inline bool shim_has_faults(const struct shim_session *s, enum dax_fault_call call)
{
	return unlikely(s && __atomic_load_n(&s->state->fault_calls, __ATOMIC_RELAXED) >>
					     call &
				     1);
}

/* -- bad.c: memory that is bad ------------------------------------------------------ */

void shim_me(struct dax_fault_who *ret);
bool shim_bad_follow(const struct shim_session *s, const struct dax_device *dev,
		     bool is_whole);
uint64_t shim_bad_settle(void);

/* -- touch.c: memory whose first touch is slow ---------------------------------------- */

void shim_touch_mapped(const struct dax_device *dev, uint64_t addr, uint64_t len);
void shim_touch_follow(const struct shim_session *s, const struct dax_device *dev);
void shim_touch_forked(void);
void shim_touch_forbid(void);
void shim_touch_tell_refused(const struct shim_session *s);

/* With rules for touches: are there any that can't be had here? Not with the lock held. */
static inline void shim_touch_tell(const struct shim_session *s)
{
	if (shim_has_faults(s, DAX_FAULT_TOUCH))
		shim_touch_tell_refused(s);
}

/* -- sigbus.c: SIGBUS of bad memory, as the hardware's -------------------------------- */

/* As the kernel has it (include/linux/signal_types.h: struct sigaction). */
struct shim_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

void shim_sigbus_catch(void);
void shim_sigbus_release(void);
void shim_sigbus_forbid(void);
long shim_sigbus_action(const struct shim_sigaction *act, struct shim_sigaction *old);
void *shim_sigbus_restorer(unsigned long *flags);
void shim_sigbus_poisoned(uint64_t addr, uint64_t align);

/* -- lockdown.c: programs that give up rights -------------------------------------------- */

bool shim_may_ask(void);
void shim_request_forbid(void);
/* Longer than any daemon that lives takes on a busy machine, shorter than people wait. */
#define SHIM_REQUEST_TIMEOUT_S 20
struct sock_fprog;
bool shim_bpf_kills(const struct sock_fprog *prog, int nr, uint64_t first);
void shim_before_lockdown(void);
void shim_filter_installed(const void *prog);

/* -- proc.c: /proc/self/maps -------------------------------------------------------- */

int shim_proc_open(const char *path, int flags);

/* -- report.c: what is told to daxrun ---------------------------------------------- */

void shim_report(const struct shim_session *s, enum dax_call call, uint32_t slot,
		 const uint64_t *args, int nr_args, const struct dax_verdict *v,
		 uint64_t result);
void shim_report_name(const struct shim_session *s, enum dax_call call, const char *name,
		      const uint64_t *args, int nr_args, const struct dax_verdict *v);
void shim_report_path(const struct shim_session *s, enum dax_call call, const char *path,
		      const uint64_t *args, int nr_args, const struct dax_verdict *v);

#endif
