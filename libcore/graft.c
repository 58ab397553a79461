/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of programs that name an interpreter.
 *
 * The kernel loads the interpreter that PT_INTERP names, and starts it instead of the
 * program. A program without one is thus started by the shim if a copy of it names the
 * shim; nothing else of it changes, and all of it lies at the same addresses.
 */
#include "libcore/graft.h"

#include <elf.h>
#include <string.h>

#include "libcore/size.h"

#ifndef PT_GNU_PROPERTY
#define PT_GNU_PROPERTY 0x6474e553
#endif

#ifdef __aarch64__
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_X86_64
#endif

static const Elf64_Phdr *header(const void *head, int i)
{
	const Elf64_Ehdr *eh = head;

	return (const Elf64_Phdr *)((const char *)head + eh->e_phoff) + i;
}

/* True if all program headers are in the head. */
static bool is_program(const Elf64_Ehdr *eh, size_t len)
{
	return len >= sizeof(*eh) && !memcmp(eh->e_ident, ELFMAG, SELFMAG) &&
	       eh->e_ident[EI_CLASS] == ELFCLASS64 && eh->e_machine == OWN_MACHINE &&
	       eh->e_phentsize == sizeof(Elf64_Phdr) && eh->e_phoff <= len &&
	       eh->e_phoff % 8 == 0 &&
	       eh->e_phnum <= (len - eh->e_phoff) / sizeof(Elf64_Phdr);
}

static bool is_foreign(const Elf64_Ehdr *eh, size_t len)
{
	return len >= sizeof(*eh) && !memcmp(eh->e_ident, ELFMAG, SELFMAG) &&
	       (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != OWN_MACHINE);
}

/* True if the linker of Go has noted its build ID there. */
static bool is_note_of_go(const void *head, size_t len, const Elf64_Phdr *ph)
{
	const uint64_t end = ph->p_offset + ph->p_filesz;
	uint64_t at = ph->p_offset;

	if (at % 4 || end < at)
		return false;
	while (at < end && at <= len - sizeof(Elf64_Nhdr) - 4) {
		const Elf64_Nhdr *note =
			(const Elf64_Nhdr *)(const void *)((const char *)head + at);

		if (note->n_namesz == 4 && !memcmp(note + 1, "Go\0", 4))
			return true;
		at += sizeof(*note) + (((uint64_t)note->n_namesz + 3) & ~UINT64_C(3)) +
		      (((uint64_t)note->n_descsz + 3) & ~UINT64_C(3));
	}
	return false;
}

/**
 * dax_graft_look() - tell the kind of a program
 * @head:	the beginning of its file, aligned to 8 bytes
 * @len:	bytes there, DAX_GRAFT_HEAD unless the file is shorter
 * @ret:	receives the kind
 */
void dax_graft_look(const void *head, size_t len, struct dax_graft *ret)
{
	const Elf64_Ehdr *eh = head;
	bool has_interpreter = false;
	bool is_loaded = false;
	bool is_go = false;
	int i;

	*ret = (struct dax_graft){.kind = DAX_GRAFT_OTHER};
	if (len >= 2 && !memcmp(head, "#!", 2))
		ret->kind = DAX_GRAFT_SCRIPT;
	if (is_foreign(eh, len))
		ret->kind = DAX_GRAFT_FOREIGN;
	if (!is_program(eh, len))
		return;
	for (i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = header(head, i);

		if (ph->p_type == PT_INTERP)
			has_interpreter = true;
		if (ph->p_type == PT_NOTE && is_note_of_go(head, len, ph))
			is_go = true;
		if (ph->p_type == PT_DYNAMIC)
			ret->dynamic = ph->p_offset;
		is_loaded |= ph->p_type == PT_LOAD;
	}
	if (has_interpreter)
		ret->kind = is_go ? DAX_GRAFT_GO : DAX_GRAFT_OTHER;
	else if (is_loaded && eh->e_type == ET_EXEC)
		ret->kind = DAX_GRAFT_STATIC;
	else if (is_loaded && eh->e_type == ET_DYN && ret->dynamic)
		ret->kind = DAX_GRAFT_PIE;
}

/**
 * dax_graft_is_program() - tell a static-pie program from a library
 * @dynamic:	its dynamic section, or the beginning, aligned to 8 bytes
 * @len:	bytes there
 *
 * Libraries can be executed as well, as the dynamic linker is; but that brings its own
 * program.
 *
 * Return: true if it is a program.
 */
bool dax_graft_is_program(const void *dynamic, size_t len)
{
	const Elf64_Dyn *dyn = dynamic;
	size_t i;

	for (i = 0; i < len / sizeof(*dyn) && dyn[i].d_tag != DT_NULL; i++)
		if (dyn[i].d_tag == DT_FLAGS_1)
			return dyn[i].d_un.d_val & DF_1_PIE;
	return false;
}

/* True if the program can do without a header of this kind. */
static bool is_replaceable(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_NOTE || ph->p_type == PT_GNU_PROPERTY ||
	       (ph->p_type == PT_GNU_STACK && !(ph->p_flags & PF_X));
}

/* The last header that can be replaced, but a note before all others. NULL if none can. */
static Elf64_Phdr *find_replaceable(void *head)
{
	const Elf64_Ehdr *eh = head;
	const Elf64_Phdr *found = NULL;
	int i;

	for (i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = header(head, i);

		if (is_replaceable(ph) &&
		    (!found || found->p_type != PT_NOTE || ph->p_type == PT_NOTE))
			found = ph;
	}
	return (Elf64_Phdr *)(uintptr_t)found;
}

/*
 * True if the bytes after the last header belong to nothing, and the segment with the
 * headers, @first, can be extended to them.
 */
static bool has_room(const void *head, size_t len, const Elf64_Phdr *first)
{
	const Elf64_Ehdr *eh = head;
	const uint64_t end = eh->e_phoff + eh->e_phnum * sizeof(Elf64_Phdr);
	const uint64_t new_end = end + sizeof(Elf64_Phdr);
	uint64_t at;
	int i;

	if (new_end > len || first->p_offset || first->p_filesz < end ||
	    (first->p_filesz > end && first->p_filesz < new_end))
		return false;
	for (at = end; at < new_end; at++)
		if (((const char *)head)[at])
			return false;
	for (i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = header(head, i);

		if (ph->p_filesz && ph->p_offset >= end && ph->p_offset < new_end)
			return false;
	}
	return true;
}

/* Adds a header after the last one. Return: it, or NULL if there is no room. */
static Elf64_Phdr *add_header(void *head, size_t len)
{
	Elf64_Ehdr *eh = head;
	Elf64_Phdr *first = NULL;
	Elf64_Phdr *new;
	int i;

	for (i = 0; i < eh->e_phnum && !first; i++)
		if (header(head, i)->p_type == PT_LOAD)
			first = (Elf64_Phdr *)(uintptr_t)header(head, i);
	if (!first || !has_room(head, len, first))
		return NULL;
	new = (Elf64_Phdr *)(uintptr_t)header(head, eh->e_phnum);
	eh->e_phnum++;
	if (first->p_filesz < (uint64_t)((char *)(new + 1) - (char *)head)) {
		first->p_filesz += sizeof(*new);
		first->p_memsz = dax_max(first->p_memsz, first->p_filesz);
	}
	return new;
}

/**
 * dax_graft_name() - make a program name an interpreter
 * @head:	the beginning of its file, as for dax_graft_look(), which must have found
 *		STATIC or PIE; is changed
 * @len:	bytes there
 * @off:	offset in the file at which the interpreter's path will be
 * @size:	bytes of the path, with the terminating NUL
 *
 * Return: true; false if there is no place for the name, and the head is as it was.
 */
bool dax_graft_name(void *head, size_t len, uint64_t off, uint64_t size)
{
	Elf64_Phdr *ph = find_replaceable(head);

	if (!ph)
		ph = add_header(head, len);
	if (!ph)
		return false;
	*ph = (Elf64_Phdr){.p_type = PT_INTERP,
			   .p_flags = PF_R,
			   .p_offset = off,
			   .p_filesz = size,
			   .p_memsz = size,
			   .p_align = 1};
	return true;
}

/**
 * dax_graft_verdict() - decide about the execution of a program
 * @kind:	its kind
 * @is_set_id:	true if it gets the rights of another user or group
 *
 * Return: a verdict that allows it, with a remark if the program sees no devices, although
 * daxrun shows them to programs that load no library (--reach=all).
 */
struct dax_verdict dax_graft_verdict(enum dax_graft_kind kind, bool is_set_id)
{
	if (kind == DAX_GRAFT_FOREIGN)
		return dax_refuse(0, DAX_EXEC_FOREIGN, 0, 0, 0);
	if (is_set_id && kind != DAX_GRAFT_SCRIPT)
		return dax_refuse(0, DAX_EXEC_SET_ID, 0, 0, 0);
	return dax_allow();
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/**
 * dax_graft_script() - read the first line of a script
 * @head:	the beginning of its file; receives the terminated words
 * @len:	bytes there, of which the kernel reads DAX_GRAFT_LINE
 * @ret:	receives the interpreter and its argument, which lie in @head
 *
 * fs/binfmt_script.c: load_script().
 *
 * Return: true; false if the kernel would not run the script.
 */
bool dax_graft_script(char *head, size_t len, struct dax_graft_script *ret)
{
	char *end;
	char *p = head + 2;

	len = dax_min(len, (size_t)DAX_GRAFT_LINE - 1);
	if (len < 3)
		return false;
	end = memchr(head, '\n', len);
	if (!end)
		end = head + len;
	while (end > p && is_blank(end[-1]))
		end--;
	while (p < end && is_blank(*p))
		p++;
	if (p == end)
		return false;
	/* A path that the line may have cut off is none. */
	if (end == head + DAX_GRAFT_LINE - 1 && !memchr(p, ' ', (size_t)(end - p)) &&
	    !memchr(p, '\t', (size_t)(end - p)))
		return false;
	ret->interpreter = p;
	ret->argument = NULL;
	while (p < end && !is_blank(*p))
		p++;
	if (p < end) {
		*p++ = '\0';
		while (is_blank(*p))
			p++;
		ret->argument = p;
	}
	*end = '\0';
	return true;
}
