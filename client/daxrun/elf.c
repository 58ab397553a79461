/* SPDX-License-Identifier: BSD-2-Clause */
/* The kind of program of a command. A hint only, never trusted. */
#include "client/daxrun/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/graft.h"

#include "client/daxrun/util.h"

struct image {
	const uint8_t *p;
	size_t len;
};

/* Return: @len bytes at @off; NULL if the file does not have them. */
static const void *at(const struct image *im, uint64_t off, uint64_t len)
{
	if (off > im->len || len > im->len - off)
		return NULL;
	return im->p + off;
}

static const Elf64_Phdr *header(const struct image *im, const Elf64_Ehdr *eh, int i)
{
	return at(im, eh->e_phoff + (uint64_t)i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
}

/* The file offset of an address of the program; UINT64_MAX if it has none. */
static uint64_t to_offset(const struct image *im, const Elf64_Ehdr *eh, uint64_t addr)
{
	int i;

	for (i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = header(im, eh, i);

		if (ph && ph->p_type == PT_LOAD && addr >= ph->p_vaddr &&
		    addr - ph->p_vaddr < ph->p_filesz)
			return addr - ph->p_vaddr + ph->p_offset;
	}
	return UINT64_MAX;
}

static void find_asan(const struct image *im, const Elf64_Ehdr *eh,
		      const Elf64_Phdr *dynamic, struct run_program *ret)
{
	uint64_t nr = dynamic->p_filesz / sizeof(Elf64_Dyn);
	const Elf64_Dyn *dyn = at(im, dynamic->p_offset, nr * sizeof(*dyn));
	uint64_t strings = UINT64_MAX;
	uint64_t i;

	for (i = 0; dyn && i < nr && dyn[i].d_tag != DT_NULL; i++)
		if (dyn[i].d_tag == DT_STRTAB)
			strings = to_offset(im, eh, dyn[i].d_un.d_ptr);
	for (i = 0; dyn && i < nr && dyn[i].d_tag != DT_NULL; i++) {
		const char *name;

		if (dyn[i].d_tag != DT_NEEDED || strings == UINT64_MAX)
			continue;
		name = at(im, strings + dyn[i].d_un.d_val, sizeof(ret->asan));
		if (name && memchr(name, '\0', sizeof(ret->asan)) &&
		    (!strncmp(name, "libasan.so", 10) ||
		     !strncmp(name, "libclang_rt.asan", 16)))
			strcpy(ret->asan, name);
	}
}

static void look_at_image(const struct image *im, struct run_program *ret)
{
	const Elf64_Ehdr *eh = at(im, 0, sizeof(*eh));
	const Elf64_Phdr *dynamic = NULL;
	bool has_interpreter = false;
	struct dax_graft graft;
	int i;

	if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return;
	dax_graft_look(im->p, im->len < DAX_GRAFT_HEAD ? im->len : DAX_GRAFT_HEAD,
		       &graft);
	ret->is_other = graft.kind == DAX_GRAFT_FOREIGN;
	if (ret->is_other)
		return;
	for (i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = header(im, eh, i);

		if (ph && ph->p_type == PT_INTERP)
			has_interpreter = true;
		else if (ph && ph->p_type == PT_DYNAMIC)
			dynamic = ph;
	}
	ret->is_static = !has_interpreter;
	ret->is_go = graft.kind == DAX_GRAFT_GO;
	if (dynamic)
		find_asan(im, eh, dynamic, ret);
}

/* Open the command's file as execvp(3) finds it. */
static int open_command(const char *command)
{
	const char *path = getenv("PATH");
	char *copy;
	char *rest;
	char *dir;
	int fd = -1;

	if (strchr(command, '/'))
		return open(command, O_RDONLY | O_CLOEXEC);
	copy = rest = run_strdup(path ? path : "/usr/bin:/bin");
	while (fd < 0 && (dir = strsep(&rest, ":"))) {
		char *full = run_format("%s/%s", *dir ? dir : ".", command);

		if (access(full, X_OK) == 0)
			fd = open(full, O_RDONLY | O_CLOEXEC);
		free(full);
	}
	free(copy);
	return fd;
}

/**
 * run_elf_look_at() - examine a command before it runs
 * @command:	as for execvp(3)
 * @ret:	receives the facts; all zero if the file is unreadable or not ELF
 */
void run_elf_look_at(const char *command, struct run_program *ret)
{
	struct image im = {0};
	struct stat st;
	int fd = open_command(command);

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		ret->is_set_id = (st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
				 (st.st_mode & S_ISGID && st.st_gid != getegid());
		im.len = (size_t)st.st_size;
		im.p = mmap(NULL, im.len, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (im.p && im.p != MAP_FAILED) {
		look_at_image(&im, ret);
		munmap((void *)(uintptr_t)im.p, im.len);
	}
	close(fd);
}
