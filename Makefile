# SPDX-License-Identifier: BSD-2-Clause
# geotherm: plain make. `make help` lists the targets; those that are not below are in
#	tests/tests.mk			tests, checks, bench
#	gpio-w1/kernel/modules.mk	the kernel module
#	scripts/install.mk		install and Debian packages

.DEFAULT_GOAL := all
SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules

# --- settings: make NAME=value -------------------------------------------------------------------
comma := ,
# The newest entry of debian/changelog is the one place of the version (a package's suffix, ~deb12, is not part of it).
VERSION := $(shell sed -n '1s/^geotherm .\([0-9.]*\).*/\1/p' debian/changelog)
# Sanitizers, such as SAN=address,undefined or SAN=thread: each set builds in a folder of its own.
SAN ?=
BUILD ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
# Built dependencies live here, outside $(BUILD): `make clean` keeps them.
DEPS_DIR ?= $(CURDIR)/.deps
PREFIX ?= /usr/local
CC ?= gcc
AR ?= ar
OPT ?= $(if $(SAN),-O1,-O2) -g
WERROR ?= -Werror

# V=1 shows the commands.
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# --- packages: says what and why, then installs; DEPS=no only prints the list --------------------
# Every goal that compiles goes through deps/packages first: cheap when all is there.
NO_SETUP_GOALS := clean distclean help dist deb deb-all modules modules_install results
ifneq ($(filter-out $(NO_SETUP_GOALS),$(or $(MAKECMDGOALS),all)),)
ifndef GEOTHERM_SETUP_DONE
SETUP_STAGE := $(if $(filter test tests bench check check-%,$(filter-out check-static,$(MAKECMDGOALS))),check,build)
SETUP_RESULT := $(shell DEPS='$(DEPS)' deps/packages $(SETUP_STAGE) >&2; echo $$?)
ifneq ($(SETUP_RESULT),0)
$(error packages are missing: see above)
endif
export GEOTHERM_SETUP_DONE := 1
endif
endif

include deps/config.mk

# --- flags ---------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla $(WERROR)
# Cores take the stricter set: no silent narrowing where bytes and signs meet.
WARN_CORE := -Wconversion -Wno-sign-conversion
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
CFLAGS_ALL = -std=c11 $(OPT) $(WARN) $(HARDEN) $(SAN_FLAGS) -I. -I$(BUILD) \
	-DGEOTHERM_VERSION='"$(VERSION)"' -pthread -MMD -MP $(CFLAGS)
LDFLAGS_ALL = $(SAN_FLAGS) -pthread $(if $(SAN),,-Wl,-z,relro,-z,now) $(LDFLAGS)

# --- libraries: a folder is a library ------------------------------------------------------------
time_SRC := $(wildcard time/*.c)
# One of two backends: that for the libgpiod which this machine has.
GPIOD_OTHER := $(filter-out %/w1_gpiod$(GPIOD_MAJOR).c,gpio-w1/w1_gpiod1.c gpio-w1/w1_gpiod2.c)
w1_SRC := $(filter-out $(GPIOD_OTHER),$(wildcard gpio-w1/*.c))
ubx_SRC := $(wildcard ubx/*.c)
reading_SRC := $(wildcard userspace/reading/*.c)
daemon_SRC := $(wildcard userspace/daemon/*.c)
coaps_SRC := $(wildcard userspace/coaps/*.c)
sim_SRC := $(wildcard userspace/sim/*.c)
node_SRC := $(filter-out %/main.c,$(wildcard userspace/node/*.c))
server_SRC := $(filter-out %/main.c,$(wildcard server/*.c server/*/*.c))
cli_SRC := $(filter-out %/main.c,$(wildcard userspace/cli/*.c))
selftest_SRC := $(filter-out %/main.c,$(wildcard userspace/selftest/*.c))
MAIN_SRC := userspace/node/main.c server/main.c userspace/cli/main.c userspace/selftest/main.c

# In link order: users first.
LIB_NAMES := selftest cli server node sim coaps daemon reading ubx w1 time
lib = $(foreach l,$(1),$(BUILD)/lib$(l).a)
LIBS := $(call lib,$(LIB_NAMES))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

# Which library may use whose headers.
$(call obj,$(time_SRC) $(w1_SRC) $(ubx_SRC) $(reading_SRC)): WARN += $(WARN_CORE)
$(call obj,gpio-w1/w1_gpiod$(GPIOD_MAJOR).c): CFLAGS_ALL += $(GPIOD_CFLAGS)
$(call obj,$(reading_SRC)): CFLAGS_ALL += $(CBOR_CFLAGS) $(JANSSON_CFLAGS)
$(call obj,$(daemon_SRC)): CFLAGS_ALL += $(INIH_CFLAGS)
$(call obj,$(coaps_SRC) $(node_SRC) $(server_SRC) $(cli_SRC) $(selftest_SRC) $(MAIN_SRC)): \
	CFLAGS_ALL += $(COAP_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS)
$(call obj,$(server_SRC)): CFLAGS_ALL += $(MARIADB_CFLAGS) $(MICROHTTPD_CFLAGS)

ALL_LIBS_LDLIBS := $(CBOR_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(COAP_LIBS) $(SQLITE_LIBS) \
	$(MARIADB_LIBS) $(MICROHTTPD_LIBS) $(GPIOD_LIBS) -lm

# --- how things are made -------------------------------------------------------------------------
# A file that changes when a text does: what depends on it is made again then.
# $(call remember,FILE,VARIABLE) is its rule.
define remember
$(1): FORCE
	@mkdir -p $$(@D) && printf '%s\n' '$$(subst ','\'',$$($(2)))' >$$@.now && \
		if cmp -s $$@.now $$@; then rm $$@.now; else mv $$@.now $$@; fi
endef
FLAGS := $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(COAP_CFLAGS) $(ALL_LIBS_LDLIBS)
$(eval $(call remember,$(BUILD)/flags,FLAGS))

$(BUILD)/%.o: %.c $(BUILD)/flags | $(DEPS_STAMP)
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

define library
$$(eval $$(call remember,$(BUILD)/lib$(1).list,$(1)_SRC))
$(BUILD)/lib$(1).a: $(call obj,$($(1)_SRC)) $(BUILD)/lib$(1).list
	$$(say) AR $$@
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach l,$(LIB_NAMES),$(eval $(call library,$(l))))

link = $(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

# The migrations are embedded by .incbin, which -MMD does not see.
$(BUILD)/server/store/migrations.o: $(wildcard server/store/migrations/*/*.sql)

# The overlay is for the Pi's firmware: old fragment@N form, which dtc has an opinion on.
$(BUILD)/dts/geotherm.dtbo: dts/geotherm-overlay.dts
	$(say) DTC $@
	$(Q)mkdir -p $(@D)
	$(Q)dtc -@ -Hepapr -I dts -O dtb -Wno-unit_address_vs_reg -o $@ $<

# --- programs: a main.c and libraries ------------------------------------------------------------
##@ Programs
PROGRAMS := $(addprefix $(BUILD)/,geotherm-node geotherm-server geotherm geotherm-selftest geotherm-ca geotherm-demo make-test-ca)

all: $(PROGRAMS) ## Builds the programs

$(BUILD)/geotherm-ca: certs/geotherm-ca
	$(Q)mkdir -p $(@D) && cp $< $@

$(BUILD)/geotherm-demo: scripts/run
	$(Q)mkdir -p $(@D) && cp $< $@

$(BUILD)/make-test-ca: certs/make-test-ca
	$(Q)mkdir -p $(@D) && cp $< $@

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

run: all ## Server and node on this machine, readings shown as they are stored (SECONDS=20 ends by itself)
	$(Q)scripts/run --build '$(BUILD)' $(if $(filter command,$(origin SECONDS)),--seconds '$(SECONDS)')

clean: ## Removes what was built here (dependencies stay, see distclean)
	rm -rf $(BUILD)

distclean: clean ## Also removes built dependencies
	rm -rf $(DEPS_DIR)

help: ## This list
	@sed -n 's/^##@ \(.*\)/\n\1/p; s/^\([a-z0-9_-]*\):.*## \(.*\)/  make \1\t\2/p' $(HELP_FILES) | expand -t 24

include tests/tests.mk gpio-w1/kernel/modules.mk scripts/install.mk
HELP_FILES := $(filter-out deps/%,$(MAKEFILE_LIST))

# What each object was made from, as the compiler saw it.
-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)

.PHONY: all run clean distclean help FORCE
.DELETE_ON_ERROR:
