# SPDX-License-Identifier: BSD-2-Clause
#
# One makefile, no configuration step.
#
#   make            build everything into build/
#   make demo       install what is missing, build, run the main job on real programs
#   make test       install what is missing, build all variants, run every test
#   make fuzz       build fuzzers of libcore's parsers into build/fuzz
#   make oracle     boot real kernels again, write tests/oracle/recorded
#   make stress     run 100,000 operations on regions, from many processes
#   make bench      measure ratios to the raw backing store and to peers
#   make coverage   list the lines and branches of libcore that no unit test reaches
#   make format     format all C files; make format-check lists those that differ
#   make install    install; DESTDIR and PREFIX are honoured
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
VERSION := 0.1

BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
LIBDIR = $(PREFIX)/lib/cuse-daxd
MANDIR = $(PREFIX)/share/man
DOCDIR = $(PREFIX)/share/doc/cuse-daxd
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
HARDEN = $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong
SANFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)

CPPFLAGS += -D_GNU_SOURCE -I. -DDAXD_VERSION='"$(VERSION)"' -DDAXD_LIBDIR='"$(LIBDIR)"' \
	-DDAXD_SYSCONFDIR='"$(SYSCONFDIR)"'
CFLAGS += -std=gnu11 $(OPT) $(WARN) $(HARDEN) -fvisibility=hidden -fPIC
LDFLAGS += -Wl,-z,relro,-z,now -Wl,--as-needed

# If pkg-config does not know a package, the compiler reports the missing header;
# tools/install-deps has the package's name.
pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

# ---- sources and targets ----------------------------------------------------

SRC_libcore	:= $(wildcard libcore/*.c)
SRC_daxd	:= $(wildcard cuse-daxd/*.c cuse-daxd/*/*.c)
SRC_shim	:= $(wildcard client/shim/*/*.c)
SRC_daxrun	:= $(wildcard client/daxrun/*.c)
SRC_daxctl	:= $(wildcard client/cuse-daxctl/*.c)
SRC_unit	:= $(wildcard tests/unit/*.c)
SRC_progs	:= $(wildcard tests/progs/*.c)
SRC_bench	:= $(wildcard bench/*.c)
SRC_conf	:= $(filter-out %/replay.c,$(wildcard tests/conformance/*.c))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
OBJ_all := $(call obj,$(SRC_libcore) $(SRC_daxd) $(SRC_shim) $(SRC_daxrun) $(SRC_daxctl))

PROGRAMS := $(if $(SRC_daxd),$(B)/cuse-daxd) $(if $(SRC_daxrun),$(B)/daxrun) \
	$(if $(SRC_daxctl),$(B)/cuse-daxctl) $(if $(SRC_shim),$(B)/libdaxshim.so)
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(SRC_unit))
PROGS := $(patsubst tests/progs/%.c,$(B)/progs/%,$(SRC_progs))
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(SRC_bench))

.PHONY: all programs units progs benches fuzz demo test bench stress install clean oracle coverage format format-check
.DELETE_ON_ERROR:

all: programs
programs: $(PROGRAMS)
units: $(UNITS)
progs: $(PROGS)
benches: $(BENCHES)

# ---- libcore: libc only ----------------------------------------------------

$(B)/libcore.a: $(call obj,$(SRC_libcore))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# ---- the daemon and the control program ------------------------------------

DAXD_PKGS = glib-2.0 json-c
DAXCTL_PKGS = glib-2.0 json-c

$(call obj,$(SRC_daxd)): CPPFLAGS += $(call pkg,--cflags,$(DAXD_PKGS) fuse3 libpmem libsystemd)
$(B)/cuse-daxd: $(call obj,$(SRC_daxd)) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,--libs,$(DAXD_PKGS) fuse3) -ldl

$(call obj,$(SRC_daxctl)): CPPFLAGS += $(call pkg,--cflags,$(DAXCTL_PKGS))
$(B)/cuse-daxctl: $(call obj,$(SRC_daxctl)) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,--libs,$(DAXCTL_PKGS))

# ---- the launcher and the shim: libc only -----------------------------------

$(B)/daxrun: $(call obj,$(SRC_daxrun)) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^

# The shim is never sanitized: it is loaded into sanitized programs, and must work in
# front of and behind their runtimes. So it has objects of libcore of its own.
SHIM_OBJ := $(patsubst %.c,$(B)/shim-obj/%.o,$(SRC_shim) $(SRC_libcore))
SHIM_CFLAGS = $(CFLAGS) -U_FORTIFY_SOURCE -fno-delete-null-pointer-checks \
	-ftls-model=initial-exec -ffunction-sections -fdata-sections
# Every program that starts pays for loading the shim. So symbols are bound when they are
# needed, unused parts of libcore are left out, there are two segments instead of five, no
# start files (they search all libraries for symbols that do not exist), and no change of
# protection at the end (RELRO), which could not cover lazily bound symbols anyway.
# docs/benchmarks.md has the figures.
SHIM_LDFLAGS = -nostartfiles -Wl,-z,lazy,-z,nodelete,-z,noseparate-code,-z,norelro \
	-Wl,--as-needed -Wl,--gc-sections -Wl,-Bsymbolic-functions \
	-Wl,-soname,libdaxshim.so
$(B)/libdaxshim.so: $(SHIM_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(SHIM_CFLAGS) $(SHIM_LDFLAGS) -shared -o $@ $^

# It defines memcpy() and its kin; the compiler must not make them call themselves.
$(B)/shim-obj/client/shim/base/string.o: SHIM_CFLAGS += -fno-builtin

$(B)/shim-obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests' own programs ---------------------------------------------------

$(B)/unit/%: tests/unit/%.c $(B)/libcore.a
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) -MMD -MP -o $@ $< $(B)/libcore.a

$(B)/unit/test_sysfs: $(wildcard tests/data/sysfs-*.txt)

# A program names its libraries in a line "// LIBS: -lpmemobj".
$(B)/progs/%: tests/progs/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(PROG_CFLAGS) -MMD -MP -o $@ $< -pthread \
		$(shell sed -n 's|^// LIBS: ||p' $<)

$(B)/bench/%: bench/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(shell sed -n 's|^// LIBS: ||p' $<)

# The daemon for the crash test can kill itself at each step of a change.
SRC_crash := $(shell grep -l daxd_crash_point $(SRC_daxd))
OBJ_crash := $(patsubst %.c,$(B)/crash-obj/%.o,$(SRC_crash))
$(OBJ_crash): CPPFLAGS += $(call pkg,--cflags,$(DAXD_PKGS) fuse3 libpmem libsystemd)
$(B)/crash-obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DDAXD_CRASH_POINTS $(CFLAGS) $(SANFLAGS) -MMD -MP -c -o $@ $<
progs: $(B)/cuse-daxd-crash
$(B)/cuse-daxd-crash: $(OBJ_crash) $(call obj,$(filter-out $(SRC_crash),$(SRC_daxd))) $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,--libs,$(DAXD_PKGS) fuse3) -ldl

# Fuzzers of libcore's parsers: clang's libFuzzer, with its sanitizers.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))
fuzz: $(FUZZERS)
FUZZ_OBJ := $(patsubst %.c,$(B)/fuzz-obj/%.o,$(SRC_libcore))
FUZZ_CFLAGS = -std=gnu11 -O1 -g $(WARN) -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=address,undefined
$(B)/fuzz-obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(B)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJ)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(FUZZ_OBJ)

# The conformance program asks a device-dax how it behaves: the emulator here, real devices
# in tests/oracle. It is never sanitized, because it asks about faults and the address space.
CONF_OBJ := $(call obj,$(SRC_conf) tests/conformance/replay.c)
$(CONF_OBJ) $(B)/conformance $(B)/replay: SANFLAGS =
$(B)/conformance: $(call obj,$(SRC_conf))
$(B)/replay: $(call obj,tests/conformance/replay.c)
progs: $(B)/conformance $(B)/replay
$(B)/conformance $(B)/replay:
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ -pthread

$(B)/obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJ_all:.o=.d) $(OBJ_crash:.o=.d) $(SHIM_OBJ:.o=.d) $(CONF_OBJ:.o=.d) $(UNITS:=.d) $(PROGS:=.d) $(BENCHES:=.d) $(FUZZ_OBJ:.o=.d) $(FUZZERS:=.d)

# ---- jobs ------------------------------------------------------------------

demo:
	$(Q)tools/install-deps build demo
	$(Q)$(MAKE) --no-print-directory programs
	$(Q)tools/demo $(B)

test:
	$(Q)tools/install-deps build demo test
	$(Q)tools/run-tests $(B)

# Needs no root and no KVM; fetches two kernels the first time.
oracle: $(B)/conformance
	$(Q)$(PYTHON) tests/oracle/record.py --program $(B)/conformance

stress: all progs
	$(Q)DAXD_STRESS_OPS=100000 $(PYTHON) -m pytest -s tests/daemon/test_region_stress.py

bench:
	$(Q)tools/install-deps build demo bench
	$(Q)$(MAKE) --no-print-directory programs benches
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

# A config that is already installed belongs to the administrator and is kept.
install: programs
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR) \
		$(DESTDIR)$(SYSCONFDIR) $(DESTDIR)$(DOCDIR)/examples
	install $(B)/daxrun $(B)/cuse-daxctl $(DESTDIR)$(BINDIR)
	install $(B)/cuse-daxd $(DESTDIR)$(SBINDIR)
	install -m 644 $(B)/libdaxshim.so $(DESTDIR)$(LIBDIR)
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
	install -m 644 config/examples/*.conf $(DESTDIR)$(DOCDIR)/examples
	$(foreach name,daxrun cuse-daxd cuse-daxctl, \
		install -D -m 644 completions/cuse-daxd.bash \
			$(DESTDIR)$(COMPLETIONS)/$(name) &&) :
	$(foreach page,$(wildcard docs/man/*.[1-8]), \
		install -D -m 644 $(page) $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page)) &&) :

clean:
	rm -rf build
