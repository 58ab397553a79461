/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interface for the files of cases: how a case is written and answers, and small tools to
 * map, access and examine memory.
 *
 * A case is a function that checks one thing and says the answer:
 *
 *	CASE("mmap.private.prot_none")
 *	{
 *		say_ok(try_map(dev_open(O_RDWR), A, PROT_NONE, MAP_PRIVATE, 0));
 *	}
 *
 * It runs in a child of its own and may die there; dying is an answer too. It never sees
 * effects of another case except the bytes in the device, so it must write every byte
 * before it reads it. The first part of the name is the group, and some groups have a
 * meaning: root.* needs root, libc.* is about functions that only libc has, second.*
 * needs a second device, and zz_unbind.* runs last because it takes the device away.
 *
 * An answer must never contain an address, a time, or the number of a process or device.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __GLIBC__
#include "tests/conformance/musl.h"
#endif

/* The device under test. */

struct target {
	const char *dev;    /* /dev/dax0.0 */
	const char *second; /* another device, or NULL */
	const char *name;   /* dax0.0 */
	char sys[64];       /* /sys/dev/char/M:m */
	char rdev[32];      /* M:m as text */
	int region;         /* the 0 of dax0.1 */
	int index;          /* the 1 of dax0.1 */
	dev_t dev_t;
	uint64_t size;
	uint64_t align;
	uint64_t page;
	bool raw; /* --through syscall */
	bool root;
};

extern struct target t;

#define A (t.align)
#define S (t.size)
#define P (t.page)

/* Find M:m, the sysfs folder, size and align of t.dev. Return: 0, or -errno. */
int target_find(void);

struct dax_case {
	struct dax_case *next;
	const char *name;
	void (*run)(const long *arg);
	long arg[4];
};

void case_add(struct dax_case *c);
/* Add the same function under another name, for matrices of cases. */
void case_make(void (*run)(const long *arg), const long *arg, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define CASE_CAT_(a, b) a##b
#define CASE_CAT(a, b)  CASE_CAT_(a, b)
#define CASE(text)      CASE_(text, CASE_CAT(case_at_, __LINE__))
#define CASE_(text, id)                                                                  \
	static void id(const long *arg);                                                 \
	__attribute__((constructor)) static void CASE_CAT(id, _add)(void)                \
	{                                                                                \
		static struct dax_case row = {.name = text, .run = id};                  \
		case_add(&row);                                                          \
	}                                                                                \
	static void id(const long *arg __attribute__((unused)))

#define MATRIX                                                                           \
	__attribute__((constructor)) static void CASE_CAT(matrix_at_, __LINE__)(void)
#define ARGS(...)    ((const long[4]){__VA_ARGS__})
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An answer consists of words separated by a blank. */

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_ok(long ret);       /* ok, or the name of errno */
void say_ret(long ret);      /* the number, or the name of errno */
void say_map(const void *p); /* ok, or the name of errno */
void say_flags(int flags);   /* of an open file, as numbered where they were recorded */
unsigned int flags_as_recorded(long flags);
void say_text(const char *text); /* with names and numbers of this machine replaced */
/* Put a label before the next word: "fd=" then "EINVAL". */
void label(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *err_name(int err);
const char *sig_name(int sig);

/* End a case that cannot be run here; its answer is not compared. */
__attribute__((noreturn)) void skip(const char *why);
/* End a case because of a failure that is not its subject. */
__attribute__((noreturn)) void broken(const char *what);
#define must(cond)                                                                       \
	do {                                                                             \
		if (!(cond))                                                             \
			broken(#cond);                                                   \
	} while (0)

/*
 * End a case at align 1G, if its result is undefined there on the real kernel (stale TLB
 * entries, hangs).
 */
void skip_at_1g(void);

/* Mapping the device. */

int dev_open(int flags); /* must succeed */
/* mmap with a NULL hint, and unmap again. Return: 0, or -1 and errno. */
int try_map(int fd, size_t len, int prot, int flags, off_t off);
/* mmap with MAP_SHARED and a NULL hint; must succeed. */
char *map(int fd, size_t len, int prot, off_t off);
/* Open O_RDWR and map @units units read-write from offset 0. */
char *map_units(unsigned int units);
/*
 * Reserve @len bytes of address space (PROT_NONE) at an address aligned to A, and one
 * more unit on both sides.
 */
char *area(size_t len);
/* Map at a fixed address; must succeed. */
char *map_at(char *at, int fd, size_t len, int prot, off_t off);
int temp_file(const char *suffix, int flags); /* unlinked at once */
char *temp_name(const char *suffix);          /* a path that no other process uses */
const char *temp_folder(void);
int memfd(void);
void *bad_pointer(uintptr_t value); /* the compiler cannot see that it is bad */

/* Accesses that may fault. */

struct touch {
	int sig; /* 0: nothing happened */
	int code;
	int err; /* si_errno */
	int lsb;
	long trap;
	long trap_err;
	char *addr; /* si_addr */
	uint8_t value;
};

void touch_load(struct touch *r, const volatile void *p);
void touch_store(struct touch *r, volatile void *p, uint8_t value);
/* Say the result of a load or store: 0x5a, or SIGBUS/BUS_ADRERR[@+1][/lsb21]. */
void say_load(const volatile void *p);
void say_store(volatile void *p, uint8_t value);
void say_touch(const struct touch *r, const volatile void *p);
const char *code_name(int sig, int code);

/* Write a byte without catching signals. */
static inline void put(volatile void *p, uint8_t value)
{
	*(volatile uint8_t *)p = value;
}

static inline uint8_t get(const volatile void *p)
{
	return *(const volatile uint8_t *)p;
}

void fill(void *p, size_t len, uint32_t seed);
bool is_filled(const void *p, size_t len, uint32_t seed);

/* The address space. */

struct vma {
	uintptr_t start;
	uintptr_t end;
	uint64_t offset;
	char perms[5];
	char path[256];
	char ident[64]; /* "00:05 105" */
};

/* List the mappings that overlap [p, p + len). Return: their number. */
int vma_list(const void *p, size_t len, struct vma *ret, int max);
/*
 * Say each mapping as perms:start:length:offset, counted from @base in units and pages.
 */
void say_layout(const void *base, size_t len);
void say_units(const char *sign, uint64_t bytes);
/* Get a field of the smaps entry of @p, such as "VmFlags"; empty if it is missing. */
void smaps_field(const void *p, const char *field, char *ret, size_t size);

/* Other processes. */

/* Run @fn in a child. Return: its wait status. */
int in_child(void (*fn)(void *), void *data);
void say_status(int status);
/* Execute this program again as a helper on an inherited descriptor (see main.c). */
int exec_helper(const char *what, int fd, char *const *env);
void helper_main(const char *what, int fd);

#endif
