# SPDX-License-Identifier: BSD-2-Clause
# geotherm: plain make. `make help` lists the targets.

ifneq ($(KERNELRELEASE),)
include $(src)/Kbuild
else

.DEFAULT_GOAL := all
SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules

VERSION := $(shell cat VERSION)
BUILD ?= build
# Built dependencies live here, outside $(BUILD): `make clean` keeps them.
DEPS_DIR ?= $(CURDIR)/.deps
PREFIX ?= /usr/local

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# --- packages: say what and why, then install; DEPS=no only prints the list ---
# Every goal that compiles goes through deps/packages first: cheap when all is there.
NO_SETUP_GOALS := clean distclean help print-% setup deb deb-all modules modules_install results
ifneq ($(filter-out $(NO_SETUP_GOALS),$(or $(MAKECMDGOALS),all)),)
ifndef GEOTHERM_SETUP_DONE
SETUP_STAGE := $(if $(filter tests bench check check-%,$(filter-out check-static,$(MAKECMDGOALS))),check,build)
SETUP_RESULT := $(shell DEPS='$(DEPS)' deps/packages $(SETUP_STAGE) >&2; echo $$?)
ifneq ($(SETUP_RESULT),0)
$(error packages are missing: see above)
endif
export GEOTHERM_SETUP_DONE := 1
endif
endif

include deps/config.mk

CC ?= gcc
AR ?= ar
WERROR ?= -Werror
OPT ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla $(WERROR)
# Cores take the stricter set: no silent narrowing where bytes and signs meet.
WARN_CORE := -Wconversion -Wno-sign-conversion

SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)

CFLAGS_ALL = -std=c11 $(OPT) $(WARN) $(HARDEN) $(SAN_FLAGS) -I. -I$(BUILD) \
	-DGEOTHERM_VERSION='"$(VERSION)"' -pthread -MMD -MP $(CFLAGS)
LDFLAGS_ALL = $(SAN_FLAGS) -pthread $(if $(SAN),,-Wl,-z,relro,-z,now) $(LDFLAGS)

# --- libraries: a folder is a library; programs are their main.c plus libraries ---
W1_SRC := $(filter-out gpio-w1/w1_gpiod1.c gpio-w1/w1_gpiod2.c,$(wildcard gpio-w1/*.c)) \
	$(wildcard gpio-w1/w1_gpiod$(GPIOD_MAJOR).c)
UBX_SRC := $(wildcard ubx/*.c)
TIME_SRC := $(wildcard time/*.c)
READING_SRC := $(wildcard userspace/reading/*.c)
DAEMON_SRC := $(wildcard userspace/daemon/*.c)
COAPS_SRC := $(wildcard userspace/coaps/*.c)
SIM_SRC := $(wildcard userspace/sim/*.c)
NODE_SRC := $(filter-out %/main.c,$(wildcard userspace/node/*.c))
SERVER_SRC := $(filter-out %/main.c,$(wildcard server/*.c server/*/*.c))
CLI_SRC := $(filter-out %/main.c,$(wildcard userspace/cli/*.c))
SELFTEST_SRC := $(filter-out %/main.c,$(wildcard userspace/selftest/*.c))

# In link order: users first.
LIB_NAMES := selftest cli server node sim coaps daemon reading ubx w1 time
selftest_SRC := $(SELFTEST_SRC)
cli_SRC := $(CLI_SRC)
server_SRC := $(SERVER_SRC)
node_SRC := $(NODE_SRC)
sim_SRC := $(SIM_SRC)
coaps_SRC := $(COAPS_SRC)
daemon_SRC := $(DAEMON_SRC)
reading_SRC := $(READING_SRC)
ubx_SRC := $(UBX_SRC)
time_SRC := $(TIME_SRC)
w1_SRC := $(W1_SRC)

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
define library
LIBS += $(if $($(1)_SRC),$(BUILD)/lib$(1).a)
$(BUILD)/lib$(1).a: $(call obj,$($(1)_SRC))
	$(say) AR $$@
	$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach l,$(LIB_NAMES),$(eval $(call library,$(l))))
lib = $(foreach l,$(1),$(if $($(l)_SRC),$(BUILD)/lib$(l).a))

$(call obj,$(W1_SRC) $(UBX_SRC) $(TIME_SRC) $(READING_SRC)): WARN += $(WARN_CORE)
$(call obj,$(filter gpio-w1/w1_gpiod%,$(W1_SRC))): CFLAGS_ALL += $(GPIOD_CFLAGS)
$(call obj,$(READING_SRC)): CFLAGS_ALL += $(CBOR_CFLAGS) $(JANSSON_CFLAGS)
$(call obj,$(DAEMON_SRC)): CFLAGS_ALL += $(INIH_CFLAGS)
$(call obj,$(COAPS_SRC) $(NODE_SRC) $(SERVER_SRC) $(CLI_SRC) $(SELFTEST_SRC) userspace/node/main.c server/main.c userspace/cli/main.c \
	userspace/selftest/main.c): \
	CFLAGS_ALL += $(COAP_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS)
$(call obj,$(SERVER_SRC)): CFLAGS_ALL += $(MARIADB_CFLAGS) $(MICROHTTPD_CFLAGS)

ALL_LIBS_LDLIBS := $(CBOR_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(COAP_LIBS) $(SQLITE_LIBS) \
	$(MARIADB_LIBS) $(MICROHTTPD_LIBS) $(GPIOD_LIBS) -lm

# A program exists once its main.c does.
program = $(if $(wildcard $(2)/main.c),$(BUILD)/$(1))
PROGRAMS := $(call program,geotherm-node,userspace/node) \
	$(call program,geotherm-server,server) $(call program,geotherm,userspace/cli) \
	$(call program,geotherm-selftest,userspace/selftest) $(BUILD)/geotherm-ca

all: $(PROGRAMS) ## Builds the programs

$(BUILD)/geotherm-ca: certs/geotherm-ca
	$(Q)mkdir -p $(@D) && cp $< $@

$(BUILD)/%.o: %.c $(DEPS_STAMP)
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

link = $(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

$(BUILD)/geotherm-node: $(BUILD)/userspace/node/main.o $(call lib,node sim coaps daemon reading ubx w1 time)
	$(say) LD $@
	$(link) $(COAP_LIBS) $(CBOR_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(SQLITE_LIBS) $(GPIOD_LIBS) -lm

$(BUILD)/geotherm-server: $(BUILD)/server/main.o $(call lib,server coaps daemon reading w1 time)
	$(say) LD $@
	$(link) $(COAP_LIBS) $(CBOR_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(SQLITE_LIBS) $(MARIADB_LIBS) $(MICROHTTPD_LIBS) -lm

$(BUILD)/geotherm: $(BUILD)/userspace/cli/main.o $(call lib,cli node sim coaps daemon reading ubx w1 time)
	$(say) LD $@
	$(link) $(COAP_LIBS) $(CBOR_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(SQLITE_LIBS) -lm

$(BUILD)/geotherm-selftest: $(BUILD)/userspace/selftest/main.o $(call lib,selftest node sim coaps daemon reading ubx w1 time)
	$(say) LD $@
	$(link) $(COAP_LIBS) $(CBOR_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(SQLITE_LIBS) $(GPIOD_LIBS) -lm

# The migrations are embedded by .incbin, which -MMD does not see.
$(BUILD)/server/store/migrations.o: $(wildcard server/store/migrations/*/*.sql)

# --- tests: tests/unit/<folder>/test_*.c, one program each, linked with every library ---
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
$(call obj,$(UNIT_SRC)): CFLAGS_ALL += $(CMOCKA_CFLAGS) $(COAP_CFLAGS) $(SQLITE_CFLAGS) \
	$(MARIADB_CFLAGS) $(JANSSON_CFLAGS) $(CBOR_CFLAGS) -Itests
$(UNIT_TESTS): $(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIBS)
	$(say) LD $@
	$(link) $(CMOCKA_LIBS) $(ALL_LIBS_LDLIBS)
.PRECIOUS: $(BUILD)/tests/unit/%.o

# --- what the end-to-end tests need beside the programs ---
TEST_TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))
$(call obj,$(wildcard tests/tools/*.c)): CFLAGS_ALL += $(COAP_CFLAGS)
$(TEST_TOOLS): $(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(LIBS)
	$(say) LD $@
	$(link) $(ALL_LIBS_LDLIBS)
.PRECIOUS: $(BUILD)/tests/tools/%.o

# Cores that never read a clock, a descriptor or the environment and never allocate.
PURE_SRC := $(wildcard gpio-w1/w1_crc.c gpio-w1/w1_slot.c gpio-w1/w1_bus.c gpio-w1/w1_search.c \
	gpio-w1/w1_cycle.c gpio-w1/ds18b20.c gpio-w1/ds18b20_identify.c \
	ubx/ubx_frame.c ubx/ubx_msg.c ubx/ubx_profile.c ubx/ubx_session.c ubx/ubx_steps.c ubx/ubx_tx.c \
	ubx/ubx_health.c ubx/ubx_assist.c ubx/gnss_fix.c \
	userspace/reading/reading.c userspace/reading/senml_number.c \
	userspace/reading/legacy_text.c userspace/reading/legacy_reading.c \
	userspace/sim/w1_slave.c userspace/sim/w1_model.c userspace/sim/w1_sim_judge.c userspace/sim/w1_sim_wire.c \
	userspace/node/clock.c userspace/node/sampler.c userspace/node/uplink_plan.c \
	time/civil.c userspace/reading/hex.c \
	server/store/gaps.c server/store/store_row.c server/coap/authorise.c userspace/daemon/refusals.c)

tests: $(UNIT_TESTS) $(TEST_TOOLS) $(call obj,$(PURE_SRC)) $(PROGRAMS) $(BUILD)/dts/geotherm.dtbo

check: tests ## Unit, property and end-to-end tests (the README's test command)
	$(Q)tests/run --build '$(BUILD)' --pure '$(call obj,$(PURE_SRC))' $(CHECK_ARGS)

check-w1: tests ## The 1-Wire tests, with twice 1,000,000 reads under preemption (four minutes)
	$(Q)GEOTHERM_W1_READS=1000000 tests/run --build '$(BUILD)' --only '*w1*,*ds18b20*,*thermometers*' --verbose $(CHECK_ARGS)

check-server: tests ## The server's tests: stores, gaps, ingest, bad input with 20,000 mutations of each kept one, databases in trouble
	$(Q)GEOTHERM_FUZZ_ROUNDS=20000 tests/run --long --build '$(BUILD)' \
		--only '*server*,*store*,*disk*,*ingest*,*gap*,*coaps*,*mariadb*,*senml*,*legacy*' --verbose $(CHECK_ARGS)

check-ubx: tests ## The receiver's tests: starts, mutations, brown-outs, fuzz corpus, gpsd and ubxtool as judges
	$(Q)tests/run --build '$(BUILD)' --only '*ubx*,*ublox7*,*receiver*,*gnss*' --verbose $(CHECK_ARGS)

# The overlay is for the Pi's firmware: old fragment@N form, which dtc has an opinion on.
$(BUILD)/dts/geotherm.dtbo: dts/geotherm-overlay.dts
	$(say) DTC $@
	$(Q)mkdir -p $(@D)
	$(Q)dtc -@ -Hepapr -I dts -O dtb -Wno-unit_address_vs_reg -o $@ $<

check-setup: ## geotherm-setup on boot partitions of every shape, cut short at each write, taken off byte for byte
	$(Q)deps/packages static
	$(Q)$(MAKE) -s $(BUILD)/dts/geotherm.dtbo
	$(Q)tests/run --build '$(BUILD)' --pytest tests/setup $(CHECK_ARGS)

.PHONY: check-overlay
check-overlay: ## The overlay: its parameters as the firmware applies them, on Pi 3 and Pi 4 trees, and booted in QEMU
	$(Q)deps/packages qemu
	$(Q)$(MAKE) -s $(BUILD)/dts/geotherm.dtbo
	$(Q)DEPS_DIR='$(DEPS_DIR)' tests/run --build '$(BUILD)' --pytest tests/dts $(CHECK_ARGS)

check-selftest: tests ## geotherm-selftest and geotherm doctor: each fault that the simulators can have is named by the right check
	$(Q)tests/run --long --build '$(BUILD)' --only 'test_selftest*,test_doctor*' --verbose $(CHECK_ARGS)

check-galera: all ## A 3-node Galera cluster on loopback, its nodes killed, stopped, frozen and cut off under load
	$(Q)deps/packages galera
	$(Q)tests/run --build '$(BUILD)' --pytest tests/galera --verbose $(CHECK_ARGS)

check-node: tests ## The node's tests at full length: 1,000 kills, 10,000 readings of backlog (15 minutes)
	$(Q)GEOTHERM_KILLS=1000 tests/run --long --results check-node --build '$(BUILD)' \
		--only '*node*,*outbox*,*uplink*,*sampler*,*clock*,*coaps*' --verbose $(CHECK_ARGS)

# Ratios against a peer in the same run; never part of a test.
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
$(call obj,$(wildcard tests/bench/bench_*.c)): CFLAGS_ALL += $(SQLITE_CFLAGS) $(MARIADB_CFLAGS)
$(BENCHES): $(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(LIBS)
	$(say) LD $@
	$(link) $(ALL_LIBS_LDLIBS)
bench: tests $(BENCHES) ## Figures beside a peer in the same run, each with its target: 1-Wire, UBX, stores, first fix, node, flood, server (5 minutes)
	@CC='$(CC)' DEPS_DIR='$(DEPS_DIR)' MBEDTLS_SYSTEM='$(MBEDTLS_SYSTEM)' V='$(V)' deps/build --example '$(DEPS_PREFIX)-example'
	$(Q)tests/bench/run --build '$(BUILD)' --example '$(DEPS_PREFIX)-example/bin/coap-server' $(BENCH_ARGS)

run: all ## Server and node on this machine, readings shown as they are stored (SECONDS=20 ends by itself)
	$(Q)scripts/run --build '$(BUILD)' $(if $(filter command,$(origin SECONDS)),--seconds '$(SECONDS)')

check-sanitized: ## The same tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)$(MAKE) BUILD='$(BUILD)-sanitized' SAN=address,undefined OPT='-O1 -g' check

check-static: $(DEPS_STAMP) ## cppcheck, clang-tidy, shellcheck, and what git must not hold
	$(Q)deps/packages static
	$(Q)tests/static --build '$(BUILD)' --flags '$(STATIC_FLAGS)' --jobs $(STATIC_JOBS) $(STATIC_SRC)

STATIC_SRC := $(W1_SRC) $(UBX_SRC) $(TIME_SRC) $(READING_SRC) $(DAEMON_SRC) $(COAPS_SRC) $(SIM_SRC) $(NODE_SRC) \
	$(SERVER_SRC) $(CLI_SRC) $(SELFTEST_SRC) $(wildcard userspace/node/main.c server/main.c userspace/cli/main.c \
	userspace/selftest/main.c)
STATIC_FLAGS := -std=c11 -I. -I$(BUILD) $(COAP_CFLAGS) $(GPIOD_CFLAGS) \
	$(CBOR_CFLAGS) $(JANSSON_CFLAGS) $(INIH_CFLAGS) $(SQLITE_CFLAGS) $(MARIADB_CFLAGS) $(MICROHTTPD_CFLAGS) $(CMOCKA_CFLAGS)
STATIC_JOBS := $(shell nproc)

# Programs and what they come with; the packages are made from this.
INSTALL ?= install
# What runs a program of the target here, where it is another machine's (qemu-aarch64 -L ...).
RUN ?=
install: all $(BUILD)/dts/geotherm.dtbo ## Into $(DESTDIR)$(PREFIX)
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/doc/geotherm
	$(INSTALL) -m 755 $(BUILD)/geotherm $(BUILD)/geotherm-selftest $(DESTDIR)$(PREFIX)/bin/
	$(INSTALL) -m 755 $(BUILD)/geotherm-node $(BUILD)/geotherm-server $(DESTDIR)$(PREFIX)/sbin/
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/libexec/geotherm
	$(INSTALL) -m 755 certs/geotherm-ca $(DESTDIR)$(PREFIX)/libexec/geotherm/
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/geotherm
	$(INSTALL) -m 644 $(BUILD)/dts/geotherm.dtbo $(DESTDIR)$(PREFIX)/lib/geotherm/
	sed 's/@VERSION@/$(VERSION)/' dts/geotherm-setup >$(DESTDIR)$(PREFIX)/sbin/geotherm-setup
	chmod 755 $(DESTDIR)$(PREFIX)/sbin/geotherm-setup
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/share/man/man8
	$(INSTALL) -m 644 dts/geotherm-setup.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/share/doc/geotherm/docs/grafana
	$(INSTALL) -m 644 README.md CONTRIBUTING.md SECURITY.md NEWS LICENSE $(DESTDIR)$(PREFIX)/share/doc/geotherm/
	$(INSTALL) -m 644 $(wildcard docs/*.md) $(DESTDIR)$(PREFIX)/share/doc/geotherm/docs/
	$(INSTALL) -m 644 $(wildcard docs/grafana/*) $(DESTDIR)$(PREFIX)/share/doc/geotherm/docs/grafana/
	$(Q)for p in geotherm:1 geotherm-node:8 geotherm-server:8 geotherm-selftest:8; do n=$${p%:*} s=$${p#*:}; \
		$(INSTALL) -d $(DESTDIR)$(PREFIX)/share/man/man$$s $(DESTDIR)$(PREFIX)/share/bash-completion/completions && \
		$(RUN) $(BUILD)/$$n --print-man >$(DESTDIR)$(PREFIX)/share/man/man$$s/$$n.$$s && \
		$(RUN) $(BUILD)/$$n --print-completion >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$n || exit; done
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/share/man/man5
	$(Q)for n in geotherm-node geotherm-server; do \
		$(RUN) $(BUILD)/$$n --print-conf-man >$(DESTDIR)$(PREFIX)/share/man/man5/$$n.conf.5 || exit; done
	$(RUN) $(BUILD)/geotherm-node --print-config >$(DESTDIR)$(PREFIX)/share/doc/geotherm/node.conf.example
	$(RUN) $(BUILD)/geotherm-server --print-config >$(DESTDIR)$(PREFIX)/share/doc/geotherm/server.conf.example

	$(Q)$(MAKE) -s install-units

# Those of a prefix other than /usr are found too: systemd reads $(PREFIX)/lib of /usr/local.
install-units:
	$(Q)$(INSTALL) -d $(addprefix $(DESTDIR)$(PREFIX)/lib/,systemd/system sysusers.d tmpfiles.d udev/rules.d)
	$(Q)for u in $(notdir $(wildcard systemd/*.service systemd/*.socket)); do \
		sed 's,@SBIN@,$(PREFIX)/sbin,' systemd/$$u >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$u || exit; done
	$(Q)for p in geotherm-node geotherm-server; do \
		$(INSTALL) -m 644 systemd/$$p.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/$$p.conf && \
		$(INSTALL) -m 644 systemd/$$p.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/$$p.conf || exit; done
	$(Q)$(INSTALL) -m 644 systemd/60-geotherm.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/

results: ## Copies what the targets measured since the last clean into docs/results.md
	$(Q)tests/results.py --build '$(BUILD)'

deb: ## Debian packages: SUITE=bookworm|trixie ARCH=amd64|arm64|armhf (default: this machine's)
	$(Q)DEPS_DIR='$(DEPS_DIR)' scripts/make-deb --build '$(BUILD)' $(if $(SUITE),--suite $(SUITE)) $(if $(ARCH),--arch $(ARCH))

deb-all: ## The packages of all six: Debian 12 and 13 on amd64, arm64 and armhf
	$(Q)for s in bookworm trixie; do for a in amd64 arm64 armhf; do \
		DEPS_DIR='$(DEPS_DIR)' scripts/make-deb --build '$(BUILD)' --suite $$s --arch $$a || exit; done; done

check-deb: all ## The packages: made for all six, run by emulation, installed, upgraded and purged in Debian roots
	$(Q)ARCH=all deps/packages deb
	$(Q)DEPS_DIR='$(DEPS_DIR)' tests/run --build '$(BUILD)' --pytest tests/deb $(CHECK_ARGS)

# --- kernel modules: built in a copy, so that the tree stays clean ---
KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' '$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
MODULES = $(BUILD)/modules/$(KERNEL)
MODULES_SRC := Kbuild $(wildcard gpio-w1/kernel/* tests/kernel/*) gpio-w1/w1_slot.c gpio-w1/w1_slot.h gpio-w1/w1_line.h \
	gpio-w1/w1_error.h $(addprefix userspace/sim/,w1_slave.c w1_slave.h w1_model.c w1_model.h w1_random.h w1_sim_judge.c w1_sim_judge.h)
KBUILD_ARGS = -C '$(KDIR)' M='$(abspath $(MODULES))' CONFIG_DEBUG_INFO_BTF_MODULES= \
	$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

modules: ## The kernel's bus master: KDIR=headers (default: of the running kernel), ARCH= and CROSS_COMPILE= as the kernel's
	$(Q)test -n '$(KERNEL)' || { echo "make modules: no kernel headers in $(KDIR): install linux-headers-$$(uname -r)" \
		"(Raspberry Pi OS: linux-headers-rpi-v8 or -v7), or say KDIR=" >&2; exit 1; }
	$(Q)mkdir -p '$(MODULES)' && cp -p --update --parents $(MODULES_SRC) '$(MODULES)'
	$(Q)$(MAKE) $(KBUILD_ARGS) modules

# What reads in a guest; tests/qemu/lab builds it for the guest's processor.
$(BUILD)/tests/qemu/guest/w1_reads: $(BUILD)/tests/qemu/guest/w1_reads.o $(call lib,w1 time)
	$(say) LD $@
	$(link) $(GPIOD_LIBS)

modules_install: modules ## Into /lib/modules (INSTALL_MOD_PATH= goes before it)
	$(Q)$(MAKE) $(KBUILD_ARGS) modules_install

# READS: how many readings each guest that reads makes.
check-qemu: ## Real kernels in QEMU: modules, libgpiod, the kernel's masters and our programs on simulated sensors
	$(Q)deps/packages qemu
	$(Q)DEPS_DIR='$(DEPS_DIR)' tests/qemu/lab --build '$(BUILD)' $(if $(READS),--reads '$(READS)') $(QEMU_ARGS)

.PHONY: modules modules_install check-qemu

clean: ## Removes what was built here (dependencies stay, see distclean)
	rm -rf $(BUILD)

distclean: clean ## Also removes built dependencies
	rm -rf $(DEPS_DIR)

help: ## This list
	@sed -n 's/^\([a-z0-9_-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)

.PHONY: all install-units results check-setup check-galera deb deb-all check-deb install tests check check-sanitized check-static check-w1 check-ubx check-server check-node bench run clean distclean help
.DELETE_ON_ERROR:
endif
