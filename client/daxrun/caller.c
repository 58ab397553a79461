/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Say where in a program an address is: in which function, and in which line of which
 * source, as far as symbols and debug information are there.
 *
 * elfutils' libdw reads them. It is loaded when it is needed: daxrun itself has to start
 * fast, and works without it.
 */
#include "client/daxrun/caller.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/daxrun/util.h"

#define LIBRARY "libdw.so.1"

/* The functions of libdw. */
#define FUNCTIONS(X)                                                                     \
	X(dwfl_begin)                                                                    \
	X(dwfl_end)                                                                      \
	X(dwfl_report_offline)                                                           \
	X(dwfl_report_end)                                                               \
	X(dwfl_module_getelf)                                                            \
	X(dwfl_module_addrname)                                                          \
	X(dwfl_module_getsrc)                                                            \
	X(dwfl_lineinfo)                                                                 \
	X(dwfl_module_addrdie)                                                           \
	X(dwarf_getscopes)                                                               \
	X(dwarf_tag)                                                                     \
	X(dwarf_attr)                                                                    \
	X(dwarf_formudata)                                                               \
	X(dwarf_getsrcfiles)                                                             \
	X(dwarf_filesrc)                                                                 \
	X(dwfl_build_id_find_elf)                                                        \
	X(dwfl_standard_find_debuginfo)                                                  \
	X(dwfl_offline_section_address)

static struct {
#define X(name) __typeof__(&(name)) name;
	FUNCTIONS(X)
#undef X
} dw;

static bool load(void)
{
	static void *library;
	bool is_whole = true;

	if (library)
		return dw.dwfl_begin != NULL;
	/* Debug information comes from this machine, never from the net. */
	unsetenv("DEBUGINFOD_URLS");
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return false;
#define X(name) is_whole &= (*(void **)&dw.name = dlsym(library, #name)) != NULL;
	FUNCTIONS(X)
#undef X
	if (!is_whole)
		dw.dwfl_begin = NULL;
	return is_whole;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* True if a source is the compiler's or the system's: an intrinsic, most likely. */
static bool is_system(const char *file)
{
	return !strncmp(file, "/usr/", 5) || !strncmp(file, "/rustc/", 7) ||
	       strstr(file, "/library/core/");
}

static unsigned int get_number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;

	dw.dwarf_formudata(dw.dwarf_attr(die, name, &attribute), &value);
	return (unsigned int)value;
}

/* Go out of functions of the system that the compiler has put into the program's. */
static void leave_inlined(Dwfl_Module *module, uint64_t addr, const char **file,
			  int *number)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = dw.dwfl_module_addrdie(module, addr, &bias);
	Dwarf_Files *files;
	Dwarf_Die *scopes = NULL;
	int nr = unit ? dw.dwarf_getscopes(unit, addr - bias, &scopes) : 0;
	int i;

	if (nr <= 0 || dw.dwarf_getsrcfiles(unit, &files, NULL) != 0)
		nr = 0;
	for (i = 0; i < nr && is_system(*file); i++) {
		const char *from;

		if (dw.dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
			continue;
		from = dw.dwarf_filesrc(files, get_number(&scopes[i], DW_AT_call_file),
					NULL, NULL);
		if (!from)
			break;
		*file = from;
		*number = (int)get_number(&scopes[i], DW_AT_call_line);
	}
	free(scopes);
}

/* Describe an address with libdw. Return: the text; NULL: it does not know more. */
static char *describe(Dwfl *dwfl, const char *path, uint64_t addr)
{
	Dwfl_Module *module = dw.dwfl_report_offline(dwfl, path, path, -1);
	const char *function;
	const char *file = NULL;
	GElf_Addr bias = 0;
	Dwfl_Line *line;
	int number = 0;

	if (!module || !dw.dwfl_module_getelf(module, &bias))
		return NULL;
	dw.dwfl_report_end(dwfl, NULL, NULL);
	addr += bias;
	function = dw.dwfl_module_addrname(module, addr);
	line = dw.dwfl_module_getsrc(module, addr);
	if (line)
		file = dw.dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
	if (file)
		leave_inlined(module, addr, &file, &number);
	if (file)
		return run_format("%s (%s:%d)", function ? function : "?", file, number);
	return function ? run_format("%s (%s+0x%" PRIx64 ")", function, base_name(path),
				     addr - bias)
			: NULL;
}

/**
 * run_caller_describe() - say where in a program an address is
 * @path:	the file of the program or library
 * @addr:	the address, as the file has it
 *
 * Return: a text such as "append (journal.c:84)", "append (journal+0x1234)" or
 * "journal+0x1234", for the caller to free(3).
 */
char *run_caller_describe(const char *path, uint64_t addr)
{
	Dwfl_Callbacks callbacks = {0};
	char *text = NULL;
	Dwfl *dwfl;

	if (load()) {
		callbacks.find_elf = dw.dwfl_build_id_find_elf;
		callbacks.find_debuginfo = dw.dwfl_standard_find_debuginfo;
		callbacks.section_address = dw.dwfl_offline_section_address;
		dwfl = dw.dwfl_begin(&callbacks);
		if (dwfl) {
			text = describe(dwfl, path, addr);
			dw.dwfl_end(dwfl);
		}
	}
	return text ? text : run_format("%s+0x%" PRIx64, base_name(path), addr);
}
