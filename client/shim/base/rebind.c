/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lead libraries that are bound to libc past the shim to the shim's functions.
 *
 * A library that dlopen(3) loads with RTLD_DEEPBIND searches its own dependencies first,
 * finds libc there, and never sees a preloaded library; PHP loads its extensions so. The
 * entries of its relocation table that libc's functions were written to, or that are not
 * bound yet, get the shim's. An entry that another library wraps stays what it is.
 *
 * This happens when the program asks for a function of a library for the first time, not in
 * dlopen, which searches the run path of the library that it returns to. So a constructor
 * of such a library still calls libc.
 */
#include "client/shim/base/rebind.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/size.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/symbol.h"
#include "client/shim/base/sys.h"

#ifdef __x86_64__
#define R_SLOT   R_X86_64_JUMP_SLOT
#define R_GLOBAL R_X86_64_GLOB_DAT
#define R_WORD   R_X86_64_64
#else
#define R_SLOT   R_AARCH64_JUMP_SLOT
#define R_GLOBAL R_AARCH64_GLOB_DAT
#define R_WORD   R_AARCH64_ABS64
#endif

/*
 * Objects that the program had before the first such library, and are left alone; 0: none is
 * expected.
 */
static size_t nr_before;

/* Loads of the process when it was last searched. */
static unsigned long long loads_seen;

/* A search through the loaded objects. */
struct search {
	size_t at;        /* objects that it passed */
	const char *name; /* for is_defined_late(): a function, else NULL */
};

/* A loaded object. */
struct object {
	struct link_map map; /* its base and dynamic section; the rest is not set */
	const struct dl_phdr_info *info;
};

static int count(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info;
	(void)size;
	++*(size_t *)arg;
	return 0;
}

/**
 * shim_rebind_expect() - note that a library is about to be loaded past the shim
 *
 * Thread-safe.
 */
void shim_rebind_expect(void)
{
	size_t none = 0;
	size_t n = 0;

	if (__atomic_load_n(&nr_before, __ATOMIC_RELAXED))
		return;
	dl_iterate_phdr(count, &n);
	__atomic_compare_exchange_n(&nr_before, &none, n, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

static struct object object_of(const struct dl_phdr_info *info)
{
	struct object o = {.map = {.l_addr = info->dlpi_addr}, .info = info};
	int i;

	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			o.map.l_ld =
				(void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return o;
}

/* Return: the object's segment of a type that holds an address, or NULL. */
static const ElfW(Phdr) *
	segment_of(const struct object *o, ElfW(Word) type, uintptr_t at)
{
	int i;

	for (i = 0; i < o->info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->info->dlpi_phdr[i];

		if (p->p_type == type && at - o->map.l_addr - p->p_vaddr < p->p_memsz)
			return p;
	}
	return NULL;
}

static int defines(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	const struct object o = object_of(info);

	(void)size;
	return s->at++ >= nr_before && o.map.l_ld && shim_symbol_in(&o.map, s->name);
}

/* Return: whether a library that was loaded later has a function of that name. */
static bool is_defined_late(const char *name)
{
	struct search s = {.name = name};

	return dl_iterate_phdr(defines, &s);
}

/* Return: what the entry for a function of that name must hold; NULL: it is right. */
static void *wanted(const struct object *o, const char *name, uintptr_t holds)
{
	void *own = shim_symbol_own(name);

	if (likely(!own) || holds == (uintptr_t)own)
		return NULL;
	if (holds == (uintptr_t)shim_symbol_behind(name))
		return own;
	/* Not bound yet: it leads to the library's own code that binds it. */
	if (segment_of(o, PT_LOAD, holds) && shim_symbol_first(name) == own &&
	    !is_defined_late(name))
		return own;
	return NULL;
}

static void write_entry(const struct object *o, uintptr_t *entry, void *value)
{
	const uint64_t page = dax_round_down((uintptr_t)entry, DAX_PAGE);
	const ElfW(Phdr) *relro = segment_of(o, PT_GNU_RELRO, (uintptr_t)entry);
	/* A page that is only partly in the segment stays writable. */
	const bool is_readonly =
		relro &&
		page + DAX_PAGE <= o->map.l_addr + relro->p_vaddr + relro->p_memsz;

	if (is_readonly && sys3(mprotect, page, DAX_PAGE, PROT_READ | PROT_WRITE) < 0)
		return;
	__atomic_store_n(entry, (uintptr_t)value, __ATOMIC_RELAXED);
	if (is_readonly)
		sys3(mprotect, page, DAX_PAGE, PROT_READ);
}

static void rebind_table(const struct object *o, const ElfW(Rela) * table, size_t size)
{
	const ElfW(Sym) *symbols = shim_symbol_table(&o->map, DT_SYMTAB);
	const char *strings = shim_symbol_table(&o->map, DT_STRTAB);
	size_t i;

	if (!table || !symbols || !strings)
		return;
	for (i = 0; i < size / sizeof(*table); i++) {
		const uint32_t type = ELF64_R_TYPE(table[i].r_info);
		uintptr_t *entry = (uintptr_t *)(o->map.l_addr + table[i].r_offset);
		const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(table[i].r_info)];
		void *value;

		if ((type != R_SLOT && type != R_GLOBAL && type != R_WORD) ||
		    table[i].r_addend || symbol->st_shndx != SHN_UNDEF)
			continue;
		value = wanted(o, strings + symbol->st_name, *entry);
		if (value)
			write_entry(o, entry, value);
	}
}

static int rebind(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	const struct object o = object_of(info);

	(void)size;
	if (!s->at && __atomic_exchange_n(&loads_seen, info->dlpi_adds,
					  __ATOMIC_RELAXED) == info->dlpi_adds)
		return 1;
	if (s->at++ < nr_before || !o.map.l_ld)
		return 0;
	rebind_table(&o, shim_symbol_table(&o.map, DT_JMPREL),
		     shim_symbol_value(&o.map, DT_PLTRELSZ));
	rebind_table(&o, shim_symbol_table(&o.map, DT_RELA),
		     shim_symbol_value(&o.map, DT_RELASZ));
	return 0;
}

/**
 * shim_rebind() - lead what was loaded past the shim to the shim
 *
 * Costs nothing until shim_rebind_expect() was called, and a look at a counter where nothing
 * was loaded since the last call. Thread-safe; the dynamic linker loads and unloads nothing
 * meanwhile. Preserves errno.
 */
void shim_rebind(void)
{
	struct search s = {0};

	if (unlikely(__atomic_load_n(&nr_before, __ATOMIC_RELAXED)))
		dl_iterate_phdr(rebind, &s);
}
