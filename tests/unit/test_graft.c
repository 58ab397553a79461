/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of programs that name an interpreter, and scripts. */
#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "libcore/graft.h"

#include "tests/unit/tap.h"

/* A small static program: headers, and nothing behind them. */
static struct {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[8];
	char rest[DAX_GRAFT_HEAD - sizeof(Elf64_Ehdr) - 8 * sizeof(Elf64_Phdr)];
} file;

#ifdef __aarch64__
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_X86_64
#endif

static void make(uint16_t type, int nr, const uint32_t *types)
{
	int i;

	memset(&file, 0, sizeof(file));
	memcpy(file.eh.e_ident, ELFMAG, SELFMAG);
	file.eh.e_ident[EI_CLASS] = ELFCLASS64;
	file.eh.e_machine = OWN_MACHINE;
	file.eh.e_type = type;
	file.eh.e_phoff = offsetof(__typeof__(file), ph);
	file.eh.e_phentsize = sizeof(Elf64_Phdr);
	file.eh.e_phnum = (uint16_t)nr;
	for (i = 0; i < nr; i++)
		file.ph[i].p_type = types[i];
	for (i = 0; i < nr; i++)
		if (types[i] == PT_LOAD) {
			file.ph[i].p_filesz = file.ph[i].p_memsz = 0x1000;
			break;
		}
}

#define MAKE(type, ...)                                                                  \
	make(type, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                 \
	     (uint32_t[]){__VA_ARGS__})

static enum dax_graft_kind look(size_t len)
{
	struct dax_graft found;

	dax_graft_look(&file, len, &found);
	return found.kind;
}

/* A program with libraries and two notes, of which the second has @name. */
static enum dax_graft_kind with_note(const char *name, uint64_t off, size_t len)
{
	const Elf64_Nhdr notes[] = {{4, 5, 1}, {4, 4, 4}};
	char *to = (char *)&file + off;

	MAKE(ET_EXEC, PT_LOAD, PT_NOTE, PT_INTERP);
	file.ph[1].p_offset = off;
	file.ph[1].p_filesz = 24 + 20;
	if (off <= sizeof(file) - 44) {
		memcpy(to, &notes[0], sizeof(notes[0]));
		memcpy(to + 12, "GNU", 4);
		memcpy(to + 24, &notes[1], sizeof(notes[1]));
		memcpy(to + 36, name, 4);
	}
	return look(len);
}

static void test_go(void)
{
	is(with_note("Go\0", 0x800, sizeof(file)), DAX_GRAFT_GO, "Go with libraries");
	is(with_note("GNU", 0x800, sizeof(file)), DAX_GRAFT_OTHER, "another note");
	is(with_note("Go\0", 0x800, 0x800 + 39), DAX_GRAFT_OTHER, "cut in its name");
	is(with_note("Go\0", sizeof(file) - 44, sizeof(file)), DAX_GRAFT_GO,
	   "at the end");
	is(with_note("Go\0", 0x802, sizeof(file)), DAX_GRAFT_OTHER, "not aligned");
	is(with_note("Go\0", UINT64_MAX - 3, sizeof(file)), DAX_GRAFT_OTHER, "too far");
	with_note("Go\0", 0x800, sizeof(file));
	file.ph[2].p_type = PT_NULL;
	is(look(sizeof(file)), DAX_GRAFT_STATIC, "Go without libraries");
}

static void test_kinds(void)
{
	struct dax_graft found;

	MAKE(ET_EXEC, PT_LOAD, PT_NOTE);
	is(look(sizeof(file)), DAX_GRAFT_STATIC, "static, at fixed addresses");
	is(look(sizeof(Elf64_Ehdr) - 1), DAX_GRAFT_OTHER, "cut in its header");
	is(look(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)), DAX_GRAFT_OTHER,
	   "cut in its program headers");
	file.eh.e_machine = EM_386;
	is(look(sizeof(file)), DAX_GRAFT_FOREIGN, "for another machine");
	MAKE(ET_EXEC, PT_LOAD);
	file.eh.e_phoff = DAX_GRAFT_HEAD + 8;
	is(look(sizeof(file)), DAX_GRAFT_OTHER, "headers elsewhere");
	MAKE(ET_EXEC, PT_INTERP, PT_LOAD, PT_NOTE);
	is(look(sizeof(file)), DAX_GRAFT_OTHER, "with an interpreter");
	MAKE(ET_EXEC, PT_NOTE);
	is(look(sizeof(file)), DAX_GRAFT_OTHER, "nothing is loaded");
	MAKE(ET_DYN, PT_LOAD, PT_NOTE);
	is(look(sizeof(file)), DAX_GRAFT_OTHER,
	   "neither fixed nor with a dynamic section");
	MAKE(ET_DYN, PT_LOAD, PT_DYNAMIC, PT_NOTE);
	file.ph[1].p_offset = 0x2340;
	dax_graft_look(&file, sizeof(file), &found);
	is(found.kind, DAX_GRAFT_PIE, "static-pie, or a library");
	is(found.dynamic, 0x2340, "its dynamic section");
	MAKE(ET_REL, PT_LOAD, PT_DYNAMIC);
	is(look(sizeof(file)), DAX_GRAFT_OTHER, "an object");
	memcpy(&file, "#!/bin/sh\n", 10);
	is(look(sizeof(file)), DAX_GRAFT_SCRIPT, "a script");
	is(look(1), DAX_GRAFT_OTHER, "a single byte");
}

static void test_programs(void)
{
	Elf64_Dyn dyn[3] = {{.d_tag = DT_SONAME},
			    {.d_tag = DT_FLAGS_1, .d_un.d_val = DF_1_PIE | DF_1_NOW}};

	ok(dax_graft_is_program(dyn, sizeof(dyn)), "the flag of a program");
	ok(!dax_graft_is_program(dyn, sizeof(dyn[0])), "cut before its flags");
	dyn[1].d_un.d_val = DF_1_NOW;
	ok(!dax_graft_is_program(dyn, sizeof(dyn)), "a library with flags");
	dyn[1].d_tag = DT_NULL;
	dyn[2].d_tag = DT_FLAGS_1;
	ok(!dax_graft_is_program(dyn, sizeof(dyn)), "nothing counts behind the end");
}

static bool is_name(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_INTERP && ph->p_offset == 0x8000 && ph->p_filesz == 20 &&
	       ph->p_memsz == 20 && ph->p_flags == PF_R;
}

static bool name(size_t len)
{
	return dax_graft_name(&file, len, 0x8000, 20);
}

static void test_replaced(void)
{
	MAKE(ET_EXEC, PT_LOAD, PT_NOTE, PT_TLS, PT_NOTE, 0x6474e553, PT_GNU_STACK);
	ok(name(sizeof(file)), "a program with notes");
	ok(is_name(&file.ph[3]), "the last note is replaced");
	is(file.ph[1].p_type, PT_NOTE, "the others stay");
	is(file.eh.e_phnum, 6, "the number of headers stays");
	MAKE(ET_EXEC, PT_LOAD, PT_GNU_STACK);
	ok(name(sizeof(file)) && is_name(&file.ph[1]), "a stack that holds no code");
	MAKE(ET_EXEC, PT_LOAD, PT_GNU_STACK);
	file.ph[1].p_flags = PF_X;
	ok(name(sizeof(file)), "a stack that holds code");
	is(file.ph[1].p_type, PT_GNU_STACK, "stays");
}

static void test_added(void)
{
	const size_t end = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);

	MAKE(ET_EXEC, PT_LOAD);
	ok(name(sizeof(file)), "room behind the headers");
	is(file.eh.e_phnum, 2, "one header more");
	ok(is_name(&file.ph[1]), "names the interpreter");
	is(file.ph[0].p_filesz, 0x1000, "the segment is large enough");

	MAKE(ET_EXEC, PT_LOAD);
	file.ph[0].p_filesz = file.ph[0].p_memsz = end;
	ok(name(sizeof(file)), "a segment that ends with the headers");
	is(file.ph[0].p_filesz, end + sizeof(Elf64_Phdr), "is extended");
	is(file.ph[0].p_memsz, end + sizeof(Elf64_Phdr), "in memory, too");

	MAKE(ET_EXEC, PT_LOAD);
	file.ph[0].p_filesz = end + 1;
	ok(!name(sizeof(file)), "a segment that ends in between");
	MAKE(ET_EXEC, PT_LOAD);
	ok(!name(end), "a file that ends with the headers");
	file.ph[0].p_offset = 0x1000;
	ok(!name(sizeof(file)), "headers that are not loaded");
	MAKE(ET_EXEC, PT_LOAD);
	((char *)&file.ph[1])[7] = 1;
	ok(!name(sizeof(file)), "bytes behind the headers");
	is(file.eh.e_phnum, 1, "nothing has changed");
	MAKE(ET_EXEC, PT_LOAD, PT_TLS);
	file.ph[1].p_offset = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) + 8;
	file.ph[1].p_filesz = 8;
	ok(!name(sizeof(file)), "another segment there");
	MAKE(ET_EXEC, PT_TLS);
	ok(!name(sizeof(file)), "no segment");
}

static void is_script(const char *line, const char *interpreter, const char *argument)
{
	char head[DAX_GRAFT_LINE + 1] = "";
	struct dax_graft_script script = {.interpreter = NULL};
	bool is_good;

	strncpy(head, line, sizeof(head) - 1);
	is_good = dax_graft_script(head, strlen(head), &script);
	if (!interpreter) {
		ok(!is_good, "no script: '%s'", line);
		return;
	}
	ok(is_good && !strcmp(script.interpreter, interpreter), "the interpreter: '%s'",
	   line);
	ok(argument ? script.argument && !strcmp(script.argument, argument)
		    : !script.argument,
	   "the argument: '%s'", line);
}

static void test_scripts(void)
{
	char line[DAX_GRAFT_LINE + 1];

	is_script("#!/bin/sh\necho a\n", "/bin/sh", NULL);
	is_script("#! \t/bin/sh \t\n", "/bin/sh", NULL);
	is_script("#!/usr/bin/env  -S a b \n", "/usr/bin/env", "-S a b");
	is_script("#!/bin/sh", "/bin/sh", NULL);
	is_script("#!\n", NULL, NULL);
	is_script("#! \t \n", NULL, NULL);
	is_script("#!", NULL, NULL);
	memset(line, 'a', sizeof(line));
	memcpy(line, "#!/", 3);
	line[DAX_GRAFT_LINE] = '\0';
	is_script(line, NULL, NULL);
	line[9] = ' ';
	line[DAX_GRAFT_LINE - 1] = '\0';
	is_script(line, "/aaaaaa", line + 10);
}

static void test_verdict(void)
{
	struct dax_verdict v = dax_graft_verdict(DAX_GRAFT_FOREIGN, true);

	ok(!v.error && v.reason == DAX_EXEC_FOREIGN, "for another machine");
	v = dax_graft_verdict(DAX_GRAFT_OTHER, true);
	ok(!v.error && v.reason == DAX_EXEC_SET_ID, "set-user-ID");
	v = dax_graft_verdict(DAX_GRAFT_SCRIPT, true);
	ok(!dax_verdict_is_told(&v), "no script is, whatever its mode");
	v = dax_graft_verdict(DAX_GRAFT_STATIC, false);
	ok(!dax_verdict_is_told(&v), "a static program sees devices");
}

int main(void)
{
	test_kinds();
	test_go();
	test_programs();
	test_replaced();
	test_added();
	test_scripts();
	test_verdict();
	return tap_done();
}
