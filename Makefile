# SPDX-License-Identifier: BSD-2-Clause
#
# One makefile, no configuration step.
#
#   make            build everything into build/
#   make demo       install what is missing, build, run the main job on real programs
#   make test       install what is missing, build all variants, run every test
#   make fuzz       build fuzzers of libcore's parsers into build/fuzz
#   make oracle     boot real kernels again, write tests/oracle/recorded
#   make oracle-full  compare all devices with all recorded kernels, boot each of them, and
#                   compare devices on machines with each of them (in guests)
#   make inject     let each call of the daemon fail, one after the other (an hour)
#   make matrix     give each fault on each kind of device in each way (some minutes)
#   make fuzz-run   run all fuzzers, N=100000000 inputs in all
#   make kills      kill -9 the daemon 1,000 times on each store, under clients that verify
#   make peers      fetch PMDK, run its example maps in crash states, and tests of bad blocks;
#                   fetch cxl, daxctl and ndctl 81 and 85, compare them with recordings
#   make stress     let threads use a device under a timer, here and in guests with three kernels;
#                   run 100,000 operations on regions, from many processes
#   make bench      measure ratios to the raw backing store and to peers
#   make coverage   list the lines and branches of libcore that no unit test reaches
#   make format     format all C files; make format-check lists those that differ
#   make check      build and run the unit tests; needs no package but those to build
#   make install    install; DESTDIR, PREFIX and LIBDIR are honoured
#   make uninstall  remove what `make install` installs
#   make dist       pack the sources of HEAD into build/cuse-daxd-VERSION.tar.xz
#   make deb        build Debian packages into build/deb
#   make rpm        build RPM packages of HEAD into build/rpm
#   make portability  build with the compilers of Debian 12, 13 and sid; run on aarch64, in containers
#
# V=1 shows the commands. B=DIR builds elsewhere; SAN=address,undefined or
# SAN=thread builds a sanitized variant; WERROR=1 turns warnings into errors.

B ?= build
# One name for the build folder, however it is given: dependency files contain it.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))
# make's own default is cc.
ifeq ($(origin CC),default)
CC = gcc
endif
PREFIX ?= /usr/local
PYTHON ?= /usr/bin/python3
SAN ?=
WERROR ?=
V ?=
# Other versions format differently.
CLANG_FORMAT ?= clang-format-14
VERSION := 0.2

BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
LIBDIR = $(PREFIX)/lib/cuse-daxd
# LIBDIR is a folder of the project's own, below the one for libraries.
LIBRARYDIR = $(patsubst %/cuse-daxd,%,$(LIBDIR))
MANDIR = $(PREFIX)/share/man
DOCDIR = $(PREFIX)/share/doc/cuse-daxd
# Programs find it beside the folder that they are in, and in it where the rest is.
SHAREDIR = $(PREFIX)/share/cuse-daxd
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)

Q = $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),@true,@printf '  %-7s %s\n' $(1) $(2))

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wswitch-enum -Wundef -Wpointer-arith -Wwrite-strings \
	-Wno-missing-field-initializers \
	-Werror=implicit-function-declaration -Werror=return-type \
	-Werror=incompatible-pointer-types -Werror=int-conversion \
	-Werror=format-security -Werror=missing-prototypes \
	$(if $(WERROR),-Werror)
OPT ?= -O2 -g
IS_X86 := $(findstring x86_64,$(shell $(CC) -dumpmachine))
# Sanitizers check what _FORTIFY_SOURCE checks, and need the plain functions. Distributions may
# predefine another _FORTIFY_SOURCE; if the builder sets one, it holds.
IS_FORTIFIED = $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))
# gcc before 12 warns that it takes 3 for 2.
FORTIFY := $(shell $(CC) -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -Werror -fsyntax-only \
	-include features.h -xc /dev/null 2>/dev/null && echo 3 || echo 2)
HARDEN = $(if $(SAN)$(IS_FORTIFIED),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY)) -fstack-protector-strong \
	-fstack-clash-protection \
	$(if $(IS_X86),-fcf-protection=full)
SANFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)

# Flags of the builder, in the environment or on the command line, follow the makefile's own
# flags and never replace them.
OWN_CPPFLAGS = -D_GNU_SOURCE -I. -DDAXD_VERSION='"$(VERSION)"'
OWN_CFLAGS = -std=gnu11 $(OPT) $(WARN) $(HARDEN) -fvisibility=hidden -fPIC
OWN_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--as-needed
ALL_CPPFLAGS = $(OWN_CPPFLAGS) $(CPPFLAGS)
ALL_CFLAGS = $(OWN_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(OWN_LDFLAGS) $(LDFLAGS)

# With -flto only the compiler's own archiver writes an index of symbols.
ifeq ($(origin AR),default)
COMPILERS_AR := $(patsubst %gcc,%gcc-ar,$(filter %gcc,$(lastword $(CC))))$(if \
	$(findstring clang,$(CC)),llvm-ar)
AR := $(if $(COMPILERS_AR),$(shell command -v $(COMPILERS_AR) || echo ar),ar)
endif

pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

OBJCOPY ?= objcopy

# ---- sources and targets ----------------------------------------------------

SRC_libcore	:= $(wildcard libcore/*.c)
SRC_daxd	:= $(wildcard cuse-daxd/*.c cuse-daxd/*/*.c)
SRC_shim	:= $(wildcard client/shim/*/*.c)
SRC_graft	:= $(wildcard client/graft/*.c)
SRC_traplib	:= $(wildcard client/trap/*.c)
SRC_crashlib	:= $(wildcard client/crash/*.c)
SRC_daxrun	:= $(wildcard client/daxrun/*.c)
SRC_daxctl	:= $(wildcard client/cuse-daxctl/*.c)
SRC_lib		:= $(wildcard client/lib/*.c)
SRC_unit	:= $(wildcard tests/unit/*.c)
SRC_progs	:= $(wildcard tests/progs/*.c)
SRC_bench	:= $(wildcard bench/*.c)
SRC_conf	:= $(filter-out %/replay.c,$(wildcard tests/conformance/*.c))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
OBJ_all := $(call obj,$(SRC_libcore) $(SRC_daxd) $(SRC_shim) $(SRC_daxrun) $(SRC_daxctl) $(SRC_lib))

# --reach=all is written for x86-64.
PROBES := $(addprefix $(B)/daxprobe-,static pie go)
GRAFT := $(if $(IS_X86),$(B)/daxgraft $(B)/libdaxtrap.so $(PROBES))
PROGRAMS := $(if $(SRC_daxd),$(B)/cuse-daxd) $(if $(SRC_daxrun),$(B)/daxrun) \
	$(if $(SRC_daxctl),$(B)/cuse-daxctl) $(if $(SRC_shim),$(B)/libdaxshim.so) \
	$(B)/libdaxcrash.so $(GRAFT) $(B)/libcuse-daxd.so
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(SRC_unit))
PROGS := $(patsubst tests/progs/%.c,$(B)/progs/%,$(SRC_progs))
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(SRC_bench))

.PHONY: all programs units progs benches fuzz fuzz-run inject matrix walk demo test bench peers stress kills hostile check install uninstall dist deb rpm portability clean oracle oracle-full coverage format format-check
.DELETE_ON_ERROR:

all: programs
programs: $(PROGRAMS)
units: $(UNITS)
progs: $(PROGS)
benches: $(BENCHES)

# Libraries that are missing are named before the first header of theirs is.
PKGS = $(DAXD_PKGS) $(DAXCTL_PKGS) fuse3 libdw libpmem libsystemd
$(call obj,$(SRC_daxd) $(SRC_daxctl) $(SRC_daxrun)): | libraries
.PHONY: libraries
libraries:
	@pkg-config --exists $(PKGS) 2>/dev/null || for pkg in $(sort $(PKGS)); do \
		pkg-config --exists $$pkg 2>/dev/null || missing="$$missing $$pkg"; \
	done; [ -z "$$missing" ] || { \
		echo "pkg-config does not find:$$missing (run tools/install-deps build)" >&2; \
		exit 1; }
ifdef IS_X86
	@echo '#include <Zydis/Zydis.h>' | $(CC) $(CPPFLAGS) -E -o /dev/null - 2>/dev/null || { \
		echo "the compiler does not find Zydis/Zydis.h (run tools/install-deps build)" >&2; \
		exit 1; }
endif

# ---- libcore: libc only ----------------------------------------------------

$(B)/libcore.a: $(call obj,$(SRC_libcore))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# ---- the daemon and the control program ------------------------------------

DAXD_PKGS = glib-2.0 json-c
DAXCTL_PKGS = glib-2.0 json-c smartcols

$(call obj,$(SRC_daxd)): OWN_CPPFLAGS += $(call pkg,--cflags,$(DAXD_PKGS) fuse3 libpmem libsystemd)
$(B)/cuse-daxd: $(call obj,$(SRC_daxd)) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,--libs,$(DAXD_PKGS) fuse3) -ldl

$(call obj,$(SRC_daxctl)): OWN_CPPFLAGS += $(call pkg,--cflags,$(DAXCTL_PKGS))
$(B)/cuse-daxctl: $(call obj,$(SRC_daxctl) $(SRC_lib)) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,--libs,$(DAXCTL_PKGS))

# The library for programs that control a daemon; cuse-daxctl has it inside. Libc only.
LIB_SONAME = libcuse-daxd.so.0
$(B)/libcuse-daxd.so: $(call obj,$(SRC_lib)) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(ALL_LDFLAGS) $(if $(SAN),,-Wl,-z,defs) -shared \
		-Wl,--exclude-libs,ALL -Wl,-soname,$(LIB_SONAME) -o $@ $^
	$(Q)ln -sf $(@F) $(B)/$(LIB_SONAME)

# ---- the launcher and the shim: libc only; the launcher loads libdw if it needs it ----

# It executes the command as the shim's wrappers would.
$(B)/daxrun: $(call obj,$(SRC_daxrun) client/shim/base/graft.c client/shim/base/self.c) \
		$(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(ALL_LDFLAGS) -o $@ $^

# The shim is never sanitized: it is loaded into sanitized programs, and must work in
# front of and behind their runtimes. So it has objects of libcore of its own.
SHIM_OBJ := $(patsubst %.c,$(B)/shim-obj/%.o,$(SRC_shim) $(SRC_libcore))
# It defines functions that the compiler and the fortified headers call by themselves, so it
# has neither -flto nor _FORTIFY_SOURCE, whatever the builder says.
without_fortify = $(foreach flag,$(1),$(if $(findstring _FORTIFY_SOURCE,$(flag)),,$(flag)))
SHIM_CPPFLAGS = $(OWN_CPPFLAGS) $(call without_fortify,$(CPPFLAGS))
SHIM_CFLAGS = $(OWN_CFLAGS) $(call without_fortify,$(CFLAGS)) -fno-lto -U_FORTIFY_SOURCE \
	-fno-delete-null-pointer-checks \
	-ftls-model=initial-exec -ffunction-sections -fdata-sections
# Every program that starts pays for loading the shim. So symbols are bound when they are
# needed, unused parts of libcore are left out, there are two segments instead of five, no
# start files (they search all libraries for symbols that do not exist), and no change of
# protection at the end (RELRO), which could not cover lazily bound symbols anyway.
# docs/benchmarks.md has the figures.
SHIM_LDFLAGS = -nostartfiles -Wl,-z,defs,-z,lazy,-z,nodelete,-z,noseparate-code,-z,norelro \
	-Wl,--as-needed -Wl,--gc-sections -Wl,-Bsymbolic-functions -Wl,-u,shim_symbol_end \
	-Wl,-soname,libdaxshim.so
$(B)/libdaxshim.so: $(SHIM_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(SHIM_CFLAGS) $(SHIM_LDFLAGS) -shared -o $@ $^

# The recorder of daxrun --crash stands in front of the shim, and is as little sanitized. It
# alone needs a disassembler, which has no file for pkg-config in Debian 12.
CRASHLIB_OBJ := $(patsubst %.c,$(B)/shim-obj/%.o,$(SRC_crashlib) libcore/crash_log.c)
$(CRASHLIB_OBJ): OWN_CPPFLAGS += $(call pkg,--cflags,libpmem)
$(CRASHLIB_OBJ): | libraries
$(B)/libdaxcrash.so: $(CRASHLIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(SHIM_CFLAGS) $(ALL_LDFLAGS) -Wl,-z,defs,-z,nodelete -Wl,-soname,libdaxcrash.so \
		-shared -o $@ $^ $(if $(IS_X86),-lZydis)

# The shim again, as the ELF interpreter of programs that load no library: it has no libc,
# and its own files run where even the thread pointer is the program's.
GRAFT_OBJ := $(patsubst %.c,$(B)/shim-obj/%.o,$(SRC_graft))
$(GRAFT_OBJ): SHIM_CFLAGS += -fno-stack-protector -fno-builtin -mfsgsbase
$(B)/daxgraft: $(GRAFT_OBJ) $(filter-out %/symbol.o %/rebind.o,$(SHIM_OBJ))
	$(call say,LD,$@)
	$(Q)$(CC) $(SHIM_CFLAGS) -nostdlib -static-pie -Wl,-z,noseparate-code,-z,norelro \
		-Wl,--gc-sections -Wl,-e,graft_start_here -o $@ $^

# The same as a library in front of the shim, in programs that make calls without libc.
# Nobody else sees the shim in it.
TRAPLIB_OBJ := $(patsubst %.c,$(B)/shim-obj/%.o,$(SRC_traplib))
TRAP_NAMES := graft_begin graft_initial_find graft_signal_change_app
$(B)/shim-obj/trap.o: $(filter-out %/start.o,$(GRAFT_OBJ)) $(filter-out %/symbol.o %/rebind.o,$(SHIM_OBJ))
	$(call say,LD,$@)
	$(Q)$(CC) $(SHIM_CFLAGS) -nostdlib -r -o $@.whole $^
	$(Q)$(OBJCOPY) $(TRAP_NAMES:%=-G %) $@.whole $@
$(B)/libdaxtrap.so: $(TRAPLIB_OBJ) $(B)/shim-obj/trap.o
	$(call say,LD,$@)
	$(Q)$(CC) $(SHIM_CFLAGS) $(ALL_LDFLAGS) -Wl,-z,nodelete,-z,noseparate-code,--gc-sections \
		-Wl,-z,defs -Wl,-soname,libdaxtrap.so -shared -o $@ $^

# Programs of each kind, without libc, for daxrun --check to try.
PROBE_CFLAGS = $(SHIM_CFLAGS) -fno-stack-protector -nostdlib
$(B)/daxprobe-static: PROBE_CFLAGS += -static -fno-pie
$(B)/daxprobe-pie: PROBE_CFLAGS += -static-pie
$(B)/daxprobe-go: PROBE_CFLAGS += -pie -DPROBE_GO
$(PROBES): client/probe/probe.c client/shim/base/sys.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_CPPFLAGS) $(PROBE_CFLAGS) -o $@ $<

# It defines memcpy() and its kin; the compiler must not make them call themselves.
$(B)/shim-obj/client/shim/base/string.o: SHIM_CFLAGS += -fno-builtin

$(B)/shim-obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_CPPFLAGS) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests' own programs ---------------------------------------------------

$(B)/unit/%: tests/unit/%.c $(B)/libcore.a
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(SANFLAGS) -MMD -MP -o $@ $< $(filter %.o %.a,$^)

$(B)/unit/test_json_text: $(call obj,client/lib/json_text.c)
$(B)/unit/test_sysfs: $(wildcard tests/data/sysfs-*.txt)

# A program names its libraries in a line "// LIBS: -lpmemobj".
$(B)/progs/%: tests/progs/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(PROG_CFLAGS) -MMD -MP -o $@ $< -pthread \
		$(shell sed -n 's|^// LIBS: ||p' $<)

$(B)/bench/%: bench/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(shell sed -n 's|^// LIBS: ||p' $<)

# The daemon for the crash test can kill itself at each step of a change.
SRC_crash := $(shell grep -l daxd_crash_point $(SRC_daxd))
OBJ_crash := $(patsubst %.c,$(B)/crash-obj/%.o,$(SRC_crash))
$(OBJ_crash): OWN_CPPFLAGS += $(call pkg,--cflags,$(DAXD_PKGS) fuse3 libpmem libsystemd)
$(B)/crash-obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) -DDAXD_CRASH_POINTS $(ALL_CFLAGS) $(SANFLAGS) -MMD -MP -c -o $@ $<
progs: $(B)/cuse-daxd-crash
$(B)/cuse-daxd-crash: $(OBJ_crash) $(call obj,$(filter-out $(SRC_crash),$(SRC_daxd))) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,--libs,$(DAXD_PKGS) fuse3) -ldl

# The daemon for the test of failing calls has its own functions in front of libc's. It
# doesn't use the fortified variants of functions, which are not replaced.
INJECT_FLAGS = -U_FORTIFY_SOURCE -fno-builtin
OBJ_inject := $(patsubst %.c,$(B)/inject-obj/%.o,$(SRC_daxd) tests/inject/inject.c)
$(OBJ_inject): OWN_CPPFLAGS += $(call pkg,--cflags,$(DAXD_PKGS) fuse3 libpmem libsystemd)
$(B)/inject-obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(INJECT_FLAGS) $(SANFLAGS) -MMD -MP -c -o $@ $<
progs: $(B)/cuse-daxd-inject
$(B)/cuse-daxd-inject: $(OBJ_inject) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,--libs,$(DAXD_PKGS) fuse3) -ldl

# Fuzzers of libcore's parsers: clang's libFuzzer, with its sanitizers.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))
fuzz: $(FUZZERS)
FUZZ_OBJ := $(patsubst %.c,$(B)/fuzz-obj/%.o,$(SRC_libcore))
FUZZ_CFLAGS = -std=gnu11 -O1 -g $(WARN) -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=address,undefined
$(B)/fuzz-obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)clang $(ALL_CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
# This one has the daemon in it, all but main().
FUZZ_DAXD := $(patsubst %.c,$(B)/fuzz-obj/%.o,$(filter-out cuse-daxd/main.c,$(SRC_daxd)))
$(FUZZ_DAXD) $(B)/fuzz/daemon: OWN_CPPFLAGS += $(call pkg,--cflags,$(DAXD_PKGS) fuse3 libpmem libsystemd)
$(B)/fuzz/daemon: tests/fuzz/daemon.c $(FUZZ_DAXD) $(FUZZ_OBJ)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)clang $(ALL_CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(FUZZ_DAXD) \
		$(FUZZ_OBJ) $(call pkg,--libs,$(DAXD_PKGS) fuse3) -ldl
$(B)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJ)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)clang $(ALL_CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(FUZZ_OBJ)

# The conformance program asks a device-dax how it behaves: the emulator here, real devices
# in tests/oracle. It is never sanitized, because it asks about faults and the address space.
CONF_OBJ := $(call obj,$(SRC_conf) tests/conformance/replay.c)
CONFORMANCE := $(B)/conformance $(B)/conformance-static $(B)/conformance-static-pie
$(CONF_OBJ) $(CONFORMANCE) $(B)/replay: SANFLAGS =
$(CONFORMANCE): $(call obj,$(SRC_conf))
$(B)/replay: $(call obj,tests/conformance/replay.c)
progs: $(CONFORMANCE) $(B)/replay
$(B)/conformance-static: STATIC = -static
$(B)/conformance-static-pie: STATIC = -static-pie
$(CONFORMANCE) $(B)/replay:
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANFLAGS) $(ALL_LDFLAGS) $(STATIC) -o $@ $^ -pthread

# The same linked to musl, where musl-gcc is installed. musl has no headers of the kernel: they
# are those beside glibc's. glibc alone has the names that names.c asks about.
ifeq ($(SAN),)
ifneq ($(shell command -v musl-gcc),)
MUSL_OBJ := $(patsubst %.c,$(B)/musl-obj/%.o,$(filter-out %/names.c,$(SRC_conf)))
CONF_MUSL := $(B)/conformance-musl $(B)/conformance-musl-static
progs: $(CONF_MUSL)
$(B)/conformance-musl-static: STATIC = -static
$(CONF_MUSL): $(MUSL_OBJ)
	$(call say,LD,$@)
	$(Q)musl-gcc $(STATIC) -o $@ $^ -pthread
$(B)/musl-include/linux:
	$(Q)mkdir -p $(@D)
	$(Q)ln -sf /usr/include/asm-generic /usr/include/$(shell gcc -print-multiarch)/asm $(@D)
	$(Q)ln -sfT /usr/include/linux $@
$(B)/musl-obj/%.o: %.c | $(B)/musl-include/linux
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)musl-gcc -std=gnu11 -O1 $(WARN) -D_GNU_SOURCE -I. -isystem $(B)/musl-include \
		-MMD -MP -c -o $@ $<
-include $(MUSL_OBJ:.o=.d)
endif
# The main rules once more, by Go programs: a static one, and one that is linked to libc.
ifneq ($(shell command -v go),)
CONF_GO := $(B)/conformance-go $(B)/conformance-cgo
PROGS_GO := $(if $(IS_X86),$(patsubst tests/progs/%.go,$(B)/progs/%_go,$(wildcard tests/progs/*.go)))
progs: $(CONF_GO) $(PROGS_GO)
$(B)/conformance-cgo: USES_LIBC = 1
$(CONF_GO): tests/conformance/main.go
$(PROGS_GO): $(B)/progs/%_go: tests/progs/%.go
$(CONF_GO) $(PROGS_GO):
	$(call say,GO,$@)
	@mkdir -p $(@D)
	$(Q)CGO_ENABLED=$(or $(USES_LIBC),0) GOCACHE=$(abspath $(B))/go-cache GOFLAGS=-p=1 \
		go build -o $@ $<
endif
endif

$(B)/obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(SANFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJ_all:.o=.d) $(OBJ_crash:.o=.d) $(OBJ_inject:.o=.d) $(SHIM_OBJ:.o=.d) $(CRASHLIB_OBJ:.o=.d) $(GRAFT_OBJ:.o=.d) $(TRAPLIB_OBJ:.o=.d) $(CONF_OBJ:.o=.d) $(UNITS:=.d) $(PROGS:=.d) $(BENCHES:=.d) $(FUZZ_OBJ:.o=.d) $(FUZZ_DAXD:.o=.d) $(FUZZERS:=.d)

# ---- jobs ------------------------------------------------------------------

demo:
	$(Q)tools/install-deps build demo
	$(Q)$(MAKE) --no-print-directory programs
	$(Q)tools/demo $(B)

test:
	$(Q)tools/install-deps build demo test
	$(Q)tools/run-tests $(B)

# Needs no root and no KVM; fetches four kernels and a QEMU the first time.
oracle: all $(B)/conformance $(B)/progs/sysprobe
	$(Q)$(PYTHON) tests/oracle/record.py --program $(B)/conformance
	$(Q)$(PYTHON) tests/oracle/record_cxl.py --build $(B)

oracle-full: all progs
	$(Q)CONFORMANCE_FULL=1 DAXD_BUILD=$(B) $(PYTHON) -m pytest tests/kernel/test_conformance.py tests/kernel/hosts.py

inject: all progs
	$(Q)DAXD_INJECT_ALL=1 DAXD_LIMIT=86400 DAXD_BUILD=$(B) $(PYTHON) -m pytest -s tests/daemon/test_inject.py

matrix: all progs
	$(Q)DAXD_MATRIX_ALL=1 DAXD_BUILD=$(B) $(PYTHON) -m pytest -n 3 --dist loadgroup tests/faults/test_faults_matrix.py

# GUEST=7.3: make the writes on that kernel too, in a guest.
walk: all $(B)/progs/sysprobe
	$(Q)DAXD_WALK_STEPS=20000 DAXD_LIMIT=3600 DAXD_BUILD=$(B) $(PYTHON) -m pytest -s tests/kernel/test_cxl_walk.py
	$(Q)$(if $(GUEST),DAXD_BUILD=$(B) $(PYTHON) tests/kernel/cxl_walk.py --guest --kernel $(GUEST) $$(date +%s) 20000)

N ?= 100000000
fuzz-run: fuzz
	$(Q)$(PYTHON) tests/fuzz/run.py --build $(B) --runs $(N)

# Kills of each of the three ways: a thousand in all on each store.
KILLS ?= 334
kills: all progs
	$(Q)DAXD_KILLS=$(KILLS) DAXD_LIMIT=86400 $(PYTHON) -m pytest -s tests/daemon/test_kills.py

# CPU time: a minute for each map, and some to build PMDK the first time.
peers: all $(B)/progs/sysprobe
	$(Q)tools/install-deps build test
	$(Q)$(PYTHON) tests/peers/pmdk.py --build $(B)
	$(Q)$(PYTHON) tests/peers/cxl.py --build $(B)

# SECONDS: how long the crowd of each kind of program runs here, and in a guest of each kernel.
SECONDS ?= 60
stress: all progs
	$(Q)$(PYTHON) tests/lib/crowds.py --build $(B) --seconds $(SECONDS)
	$(Q)$(PYTHON) tests/lib/crowds.py --build $(B) --seconds $(SECONDS) $(patsubst %,--kernel %,6.1 6.12 7.3)
	$(Q)DAXD_STRESS_OPS=100000 DAXD_LIMIT=86400 $(PYTHON) -m pytest -s tests/daemon/test_region_stress.py

# A hostile user at full speed for a minute, while root works; needs root.
hostile: all
	$(Q)DAXD_BUILD=$(B) $(PYTHON) tests/lib/hostile.py 60

bench:
	$(Q)tools/install-deps build demo bench
	$(Q)$(MAKE) --no-print-directory programs benches $(B)/progs/crash_obj $(B)/progs/without
	$(Q)bench/run $(B)

# Not optimised, so that every branch in the source is one in the code.
coverage:
	$(Q)$(MAKE) --no-print-directory B=$(B)/coverage CC=gcc SAN= HARDEN= \
		OPT="-O0 -g --coverage -fprofile-update=atomic" units
	$(Q)find $(B)/coverage -name "*.gcda" -delete
	$(Q)for unit in $(SRC_unit:tests/unit/%.c=%); do \
		$(B)/coverage/unit/$$unit >$(B)/coverage/log || \
			{ grep -A1 '^not ok' $(B)/coverage/log; echo "$$unit failed"; exit 1; }; \
	done
	$(Q)tools/coverage $(B)/coverage

FORMATTED = $(sort $(shell find bench client cuse-daxd libcore tests -name '*.[ch]'))
format:
	$(Q)tools/check-includes --fix $(FORMATTED)
	$(Q)$(CLANG_FORMAT) -i $(FORMATTED)

format-check:
	$(Q)tools/check-includes $(FORMATTED)
	$(Q)$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

# Units name the path of the installed daemon.
define install_unit
install -d $(DESTDIR)$(PREFIX)/lib/systemd/$(2)
sed 's|/usr/sbin/|$(SBINDIR)/|' systemd/$(1) >$(DESTDIR)$(PREFIX)/lib/systemd/$(2)/$(1)
chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/$(2)/$(1)

endef

COMPLETIONS = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

# A config that is already installed belongs to the administrator and is kept.
install: programs
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR) \
		$(DESTDIR)$(SYSCONFDIR) $(DESTDIR)$(DOCDIR)/examples
	install $(B)/daxrun $(B)/cuse-daxctl $(DESTDIR)$(BINDIR)
	install $(B)/cuse-daxd $(DESTDIR)$(SBINDIR)
	install -m 644 $(B)/libdaxshim.so $(B)/libdaxcrash.so \
		$(filter %.so,$(GRAFT)) $(DESTDIR)$(LIBDIR)
	$(if $(GRAFT),install $(filter-out %.so,$(GRAFT)) $(DESTDIR)$(LIBDIR))
	[ -e $(DESTDIR)$(SYSCONFDIR)/cuse-daxd.conf ] || \
		install -m 644 config/cuse-daxd.conf $(DESTDIR)$(SYSCONFDIR)
	$(foreach unit,cuse-daxd.service cuse-daxd.socket,$(call install_unit,$(unit),system))
	$(call install_unit,cuse-daxd-user.service,user)
	install -D -m 644 systemd/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/cuse-daxd.conf
	install -D -m 644 systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/cuse-daxd.conf
	install -D -m 644 systemd/modules-load.conf \
		$(DESTDIR)$(PREFIX)/lib/modules-load.d/cuse-daxd.conf
	install -D -m 644 systemd/udev.rules \
		$(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-cuse-daxd.rules
	install -m 644 LICENSE $(wildcard *.md docs/*.md) $(DESTDIR)$(DOCDIR)
	install -m 644 config/examples/*.conf config/examples/Containerfile \
		$(DESTDIR)$(DOCDIR)/examples
	$(foreach name,daxrun cuse-daxd cuse-daxctl, \
		install -D -m 644 completions/cuse-daxd.bash \
			$(DESTDIR)$(COMPLETIONS)/$(name) && \
		install -D -m 644 completions/cuse-daxd.fish \
			$(DESTDIR)$(FISHDIR)/$(name).fish &&) :
	install -D -m 644 completions/_cuse-daxd $(DESTDIR)$(ZSHDIR)/_cuse-daxd
	install -D completions/complete $(DESTDIR)$(SHAREDIR)/complete
	install -d $(DESTDIR)$(SHAREDIR)/schema
	install -m 644 docs/schema/*.json $(DESTDIR)$(SHAREDIR)/schema
	install -d $(DESTDIR)$(LIBRARYDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 $(B)/libcuse-daxd.so $(DESTDIR)$(LIBRARYDIR)/$(LIB_SONAME)
	ln -sf $(LIB_SONAME) $(DESTDIR)$(LIBRARYDIR)/libcuse-daxd.so
	install -m 644 client/lib/cuse_daxd.h $(DESTDIR)$(PREFIX)/include
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBRARYDIR@|$(LIBRARYDIR)|; s|@VERSION@|$(VERSION)|' \
		client/lib/libcuse-daxd.pc.in >$(DESTDIR)$(LIBRARYDIR)/pkgconfig/libcuse-daxd.pc
	chmod 644 $(DESTDIR)$(LIBRARYDIR)/pkgconfig/libcuse-daxd.pc
	printf 'LIBDIR=%s\nSYSCONFDIR=%s\n' '$(LIBDIR)' '$(SYSCONFDIR)' >$(DESTDIR)$(SHAREDIR)/paths
	chmod 644 $(DESTDIR)$(SHAREDIR)/paths
	$(foreach page,$(wildcard docs/man/*.[1-8]), \
		install -D -m 644 $(page) $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page)) &&) :

# Everything that `make install` makes, found by installing into an empty folder. The config
# belongs to the administrator and stays.
uninstall: programs
	$(Q)dest=$$(mktemp -d) && $(MAKE) -s --no-print-directory install DESTDIR=$$dest && \
	(cd $$dest && find . ! -type d ! -path './etc/*' ! -name cuse-daxd.conf) | \
		while read -r file; do rm -fv "$(DESTDIR)/$${file#./}"; done; rm -rf $$dest
	$(Q)rmdir $(DESTDIR)$(LIBDIR) $(DESTDIR)$(SHAREDIR)/schema $(DESTDIR)$(SHAREDIR) $(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(DOCDIR) 2>/dev/null || :

check: units
	$(Q)for unit in $(UNITS); do \
		$$unit >$(B)/unit.log || { grep -A1 '^not ok' $(B)/unit.log; exit 1; }; \
	done; echo "all unit tests passed"

portability:
	$(Q)tools/install-deps test deb
	$(Q)tools/portability

DIST = cuse-daxd-$(VERSION)
dist:
	$(Q)mkdir -p $(B) && git archive --prefix=$(DIST)/ HEAD | xz >$(B)/$(DIST).tar.xz
	$(Q)echo $(B)/$(DIST).tar.xz

# Debian's rpm does not know Debian's packages, so the script checks the dependencies.
rpm: dist
	$(Q)tools/install-deps build rpm
	$(Q)rpmbuild -bb --nodeps --define "_topdir $(abspath $(B))/rpm" \
		--define "_sourcedir $(abspath $(B))" rpm/cuse-daxd.spec >$(B)/rpm.log 2>&1 || \
		{ tail -n 40 $(B)/rpm.log; exit 1; }
	$(Q)find $(B)/rpm/RPMS -name '*.rpm'

# In a copy, because dpkg-buildpackage writes beside the sources; with Debian's Python, and
# without the variables of this make's command line.
deb:
	$(Q)tools/install-deps build deb
	$(Q)rm -rf $(B)/deb && mkdir -p $(B)/deb/$(DIST)
	$(Q)git ls-files -z | xargs -0 cp --parents -t $(B)/deb/$(DIST)
	$(Q)cd $(B)/deb/$(DIST) && env -u MAKEFLAGS -u MFLAGS CC="$(CC)" \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg-buildpackage -us -uc -b >../build.log 2>&1 || \
		{ tail -n 40 ../build.log; exit 1; }
	$(Q)ls $(B)/deb/*.deb

clean:
	rm -rf build
