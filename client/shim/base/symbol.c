/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Find functions by their names: the shim's own, and those of the libraries behind it.
 *
 * dlsym(3) does the latter, but the shim wraps dlsym, and nothing but dlsym itself could
 * tell where the next one is. So the dynamic linker's list of loaded objects is searched
 * for it (link.h: struct link_map), in the table that the linker itself uses, DT_GNU_HASH.
 * All libraries that a program is started with have one, and are never unloaded.
 */
#include "client/shim/base/symbol.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/shim/base/compiler.h"

/*
 * The end of the read-only part, at the beginning of a page: the data that the dynamic
 * linker relocates, which follows in the next page at the same offset, then lies in one
 * page, which is all that a program copies when it starts.
 */
__asm__(".pushsection .gcc_except_table, \"a\"\n"
	".balign 4096\n"
	".globl shim_symbol_end\n"
	".hidden shim_symbol_end\n"
	"shim_symbol_end: .byte 0\n"
	".popsection\n");

/* glibc has the first, musl the second. */
extern struct r_debug _r_debug __attribute__((weak));
extern struct r_debug *_dl_debug_addr __attribute__((weak));

/* The head of a DT_GNU_HASH table. A filter, buckets and chains follow. */
struct gnu_hash {
	uint32_t nr_buckets;
	uint32_t first_symbol; /* those before it are not in the table */
	uint32_t nr_filter;    /* words */
	uint32_t filter_shift;
};

static uint32_t hash_of(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/**
 * shim_symbol_value() - get a number of an object's dynamic section
 * @m:		the object; only its base and its section are used
 * @tag:	for example DT_RELASZ
 *
 * Thread-safe and async-signal-safe.
 *
 * Return: the value; 0: there is none.
 */
uintptr_t shim_symbol_value(const struct link_map *m, ElfW(Sxword) tag)
{
	const ElfW(Dyn) * d;

	for (d = m->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return d->d_un.d_ptr;
	return 0;
}

/**
 * shim_symbol_table() - get a table that an object's dynamic section points to
 * @m:		the object; only its base and its section are used
 * @tag:	for example DT_SYMTAB
 *
 * Thread-safe and async-signal-safe.
 *
 * Return: its address; NULL: there is none.
 */
const void *shim_symbol_table(const struct link_map *m, ElfW(Sxword) tag)
{
	const uintptr_t p = shim_symbol_value(m, tag);

	/* glibc has added the base already. */
	return (const void *)(p && p < m->l_addr ? p + m->l_addr : p);
}

/**
 * shim_symbol_in() - find a function that an object defines
 * @m:		the object; only its base and its dynamic section are used
 * @name:	the function's name
 *
 * Thread-safe and async-signal-safe.
 *
 * Return: the function, or NULL.
 */
void *shim_symbol_in(const struct link_map *m, const char *name)
{
	const struct gnu_hash *table = shim_symbol_table(m, DT_GNU_HASH);
	const ElfW(Sym) *symbols = shim_symbol_table(m, DT_SYMTAB);
	const char *strings = shim_symbol_table(m, DT_STRTAB);
	const uint32_t hash = hash_of(name);
	const ElfW(Addr) * filter;
	const uint32_t *buckets;
	const uint32_t *chains;
	uint32_t i;

	if (!table || !symbols || !strings || !table->nr_buckets)
		return NULL;
	filter = (const ElfW(Addr) *)(table + 1);
	buckets = (const uint32_t *)(filter + table->nr_filter);
	chains = buckets + table->nr_buckets;
	i = buckets[hash % table->nr_buckets];
	if (i < table->first_symbol)
		return NULL;
	for (;; i++) {
		const uint32_t chain = chains[i - table->first_symbol];

		if ((chain | 1) == (hash | 1) && symbols[i].st_shndx != SHN_UNDEF &&
		    ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC &&
		    !strcmp(strings + symbols[i].st_name, name))
			return (void *)(m->l_addr + symbols[i].st_value);
		if (chain & 1)
			return NULL;
	}
}

/* Return: the linker's first entry, the program's, or NULL. */
static const struct link_map *first_map(void)
{
	const struct r_debug *list = &_r_debug ? &_r_debug : NULL;

	if (!list && &_dl_debug_addr)
		list = _dl_debug_addr;
	return list ? list->r_map : NULL;
}

/* Return: the linker's entry of the shim, or NULL. */
static const struct link_map *own_map(void)
{
	const struct link_map *m;

	for (m = first_map(); m && m->l_ld != _DYNAMIC; m = m->l_next)
		;
	return m;
}

/* Finds a function in an object and those that follow. */
static void *find_from(const struct link_map *m, const char *name)
{
	void *p = NULL;

	for (; !p && m; m = m->l_next)
		p = shim_symbol_in(m, name);
	return p;
}

/**
 * shim_symbol_behind() - find a function in the objects behind the shim
 * @name:	the name of a function that one has which the program was started with
 *
 * Unlike shim_symbol_next(), it does not call the dynamic linker.
 *
 * Return: the function, or NULL.
 */
SHIM_COLD void *shim_symbol_behind(const char *name)
{
	const struct link_map *m = own_map();

	return find_from(m ? m->l_next : NULL, name);
}

/**
 * shim_symbol_first() - find the function that the program itself calls by a name
 * @name:	the name of a function that an object has which the program was started with
 *
 * Return: the function, or NULL.
 */
SHIM_COLD void *shim_symbol_first(const char *name)
{
	return find_from(first_map(), name);
}

/**
 * shim_symbol_own() - find a function that the shim exports
 * @name:	its name
 *
 * Return: the function, or NULL if the shim has no such function.
 */
void *shim_symbol_own(const char *name)
{
	const struct link_map *m = own_map();

	return m ? shim_symbol_in(m, name) : NULL;
}

/*
 * Not NULL, so that the pointer lies beside others that the linker has written: it is used
 * at the start of each program, and a page less is touched.
 */
static void *not_looked_for(void *handle, const char *name)
{
	(void)handle;
	(void)name;
	return NULL;
}

/**
 * shim_symbol_dlsym() - get the next library's dlsym(3)
 *
 * With RTLD_NEXT and RTLD_DEFAULT the result depends on the library that the call comes
 * from.
 *
 * Return: the function, or NULL.
 */
shim_symbol_dlsym_fn *shim_symbol_dlsym(void)
{
	static shim_symbol_dlsym_fn *found = not_looked_for;

	if (unlikely(__atomic_load_n(&found, __ATOMIC_RELAXED) == not_looked_for))
		__atomic_store_n(&found,
				 (shim_symbol_dlsym_fn *)shim_symbol_behind("dlsym"),
				 __ATOMIC_RELAXED);
	return found;
}

/**
 * shim_symbol_dlvsym() - get the next library's dlvsym(3)
 *
 * As shim_symbol_dlsym(). musl has no such function.
 *
 * Return: the function, or NULL.
 */
shim_symbol_dlvsym_fn *shim_symbol_dlvsym(void)
{
	static shim_symbol_dlvsym_fn *found;

	if (unlikely(!__atomic_load_n(&found, __ATOMIC_RELAXED)))
		__atomic_store_n(&found,
				 (shim_symbol_dlvsym_fn *)shim_symbol_behind("dlvsym"),
				 __ATOMIC_RELAXED);
	return found;
}

/**
 * shim_symbol_next() - find a function in the libraries behind the shim
 * @name:	its name
 *
 * May set errno, and what dlerror(3) tells.
 *
 * Return: the function, or NULL.
 */
void *shim_symbol_next(const char *name)
{
	shim_symbol_dlsym_fn *const next = shim_symbol_dlsym();
	void *volatile p = next ? next(RTLD_NEXT, name) : NULL;

	return p; /* volatile: next() must be called from the shim, not jumped to */
}
