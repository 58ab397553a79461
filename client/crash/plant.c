/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plant breakpoints on the instructions of interest of this process.
 *
 * The code of the program and of its libraries is changed in memory, one byte for each
 * instruction, through /proc/self/mem: the pages stay executable and not writable, and
 * other threads meet either the instruction or the breakpoint. Breakpoints are never
 * taken away again. One more stands where the dynamic loader tells debuggers of libraries
 * that come and go.
 *
 * libc and the loader are left alone: the recorder itself is on them, and a large
 * memcpy(3), which may store past the cache, promises nobody that it does.
 */
#ifdef __x86_64__
#include "client/crash/plant.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "client/shim/base/sys.h"
#include "client/crash/decode.h"

#define INSNS_MAX   (1 << 18)
#define SLOTS       (1 << 20) /* a power of two */
#define MODULES_MAX 1024

struct module {
	uint64_t start;
	uint64_t end;
	bool is_there;
};

static struct crash_insn *insns;
static uint32_t nr_insns;
static uint32_t *slots; /* numbers of instructions plus 1, hashed by address */
static struct module modules[MODULES_MAX];
static int nr_modules;
static int failure; /* a negative errno; 0: none */

static uint32_t *slot_of(uint64_t at)
{
	uint64_t i = at * UINT64_C(0x9e3779b97f4a7c15) >> 44;

	for (;; i++) {
		uint32_t *slot = &slots[i % SLOTS];
		uint32_t number = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

		if (!number || insns[number - 1].at == at)
			return slot;
	}
}

/**
 * crash_plant_find() - find the instruction at an address
 * @at:		the address
 *
 * Thread-safe and async-signal-safe.
 *
 * Return: the instruction; NULL: no breakpoint is there.
 */
const struct crash_insn *crash_plant_find(uint64_t at)
{
	uint32_t number = *slot_of(at);

	if (!number || insns[number - 1].kind == CRASH_INSN_NONE)
		return NULL;
	return &insns[number - 1];
}

/* Note an instruction and put the breakpoint there. @arg: the descriptor of the memory. */
static void plant(void *arg, const struct crash_insn *insn)
{
	static const uint8_t breakpoint = 0xcc;
	uint32_t *slot = slot_of(insn->at);
	long fd = *(const long *)arg;
	long n;

	if (!*slot && nr_insns == INSNS_MAX) {
		failure = -E2BIG;
		return;
	}
	insns[*slot ? *slot - 1 : nr_insns] = *insn;
	if (!*slot)
		__atomic_store_n(slot, ++nr_insns, __ATOMIC_RELEASE);
	n = sys4(pwrite64, fd, &breakpoint, 1, insn->at);
	if (n != 1 && !failure)
		failure = n < 0 ? (int)n : -EIO;
}

static bool holds(const struct module *m, const void *p)
{
	return (uint64_t)p >= m->start && (uint64_t)p < m->end;
}

/* Go through the executable sections of a module's file: segments may have data, too. */
static void plant_sections(long fd, const char *path, uint64_t base,
			   const struct module *m,
			   const struct crash_decode_starts *starts)
{
	long file = sys4(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	Elf64_Ehdr ehdr;
	Elf64_Shdr shdr;
	int i;

	if (file < 0)
		return;
	if (sys4(pread64, file, &ehdr, sizeof(ehdr), 0) == sizeof(ehdr))
		for (i = 0; i < ehdr.e_shnum; i++) {
			const uint8_t *from;

			if (sys4(pread64, file, &shdr, sizeof(shdr),
				 ehdr.e_shoff + (uint64_t)i * sizeof(shdr)) !=
			    sizeof(shdr))
				break;
			from = (const uint8_t *)(base + shdr.sh_addr);
			if (shdr.sh_type != SHT_PROGBITS ||
			    !(shdr.sh_flags & SHF_EXECINSTR) || !holds(m, from) ||
			    shdr.sh_size > m->end - (uint64_t)from)
				continue;
			crash_decode(from, from + shdr.sh_size, starts, plant, &fd);
		}
	sys1(close, file);
}

static bool is_left_alone(const struct module *m, const char *path)
{
	const char *slash = strrchr(path, '/');

	return holds(m, (const void *)gnu_get_libc_version) || holds(m, &_r_debug) ||
	       holds(m, modules) || holds(m, (const void *)getauxval(AT_SYSINFO_EHDR)) ||
	       !strcmp(slash ? slash + 1 : path, "libdaxshim.so");
}

static void plant_module(long fd, const struct dl_phdr_info *info, const struct module *m)
{
	const char *path = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
	struct crash_decode_starts starts = {0};
	int i;

	if (is_left_alone(m, path))
		return;
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			crash_decode_starts(&starts,
					    (const uint8_t *)(info->dlpi_addr +
							      info->dlpi_phdr[i].p_vaddr),
					    info->dlpi_phdr[i].p_memsz);
	plant_sections(fd, path, info->dlpi_addr, m, &starts);
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct module m = {.start = UINT64_MAX, .is_there = true};
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *phdr = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + phdr->p_vaddr;

		if (phdr->p_type != PT_LOAD)
			continue;
		if (start < m.start)
			m.start = start;
		if (start + phdr->p_memsz > m.end)
			m.end = start + phdr->p_memsz;
	}
	for (i = 0; i < nr_modules; i++) {
		if (modules[i].start != m.start || modules[i].end != m.end)
			continue;
		modules[i].is_there = true;
		return 0;
	}
	if (nr_modules == MODULES_MAX) {
		failure = -E2BIG;
		return 1;
	}
	modules[nr_modules++] = m;
	plant_module(*(const long *)arg, info, &m);
	return 0;
}

static void forget_module(const struct module *m)
{
	uint32_t i;

	for (i = 0; i < nr_insns; i++)
		if (holds(m, (const void *)insns[i].at))
			insns[i].kind = CRASH_INSN_NONE;
}

/* Plant one where the loader tells debuggers, if it has a form that is known there. */
static void plant_loader(long fd)
{
	const uint8_t *p = (const uint8_t *)(uintptr_t)_r_debug.r_brk;
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	struct crash_insn insn = {.kind = CRASH_INSN_LOADER, .at = (uint64_t)p};

	if (!p)
		return;
	if (*p == 0xc3) /* ret */
		insn.len = 1;
	else if (!memcmp(p, endbr64, sizeof(endbr64)))
		insn.len = sizeof(endbr64);
	else
		return;
	plant(&fd, &insn);
}

/**
 * crash_plant_update() - plant breakpoints in what has been loaded since the last call
 *
 * May be called in the handler of the loader's own breakpoint, by whose lock it is
 * serialized.
 *
 * Return: 0; or a negative errno, if not all could be planted.
 */
int crash_plant_update(void)
{
	long fd = sys4(openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
	int i;

	if (fd < 0)
		return failure = (int)fd;
	for (i = 0; i < nr_modules; i++)
		modules[i].is_there = false;
	dl_iterate_phdr(visit, &fd);
	for (i = 0; i < nr_modules; i++) {
		if (modules[i].is_there)
			continue;
		forget_module(&modules[i]);
		modules[i--] = modules[--nr_modules];
	}
	if (!*slot_of((uint64_t)_r_debug.r_brk))
		plant_loader(fd);
	sys1(close, fd);
	return failure;
}

static void *get_memory(size_t len)
{
	long p = sys6(mmap, 0, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return sys_is_error(p) ? NULL : (void *)p;
}

/**
 * crash_plant_init() - plant breakpoints in all code that is there
 *
 * The handler of SIGTRAP has to stand.
 *
 * Return: as crash_plant_update().
 */
int crash_plant_init(void)
{
	insns = get_memory(INSNS_MAX * sizeof(*insns));
	slots = get_memory(SLOTS * sizeof(*slots));
	if (!insns || !slots)
		return -ENOMEM;
	return crash_plant_update();
}
#endif
