# SPDX-License-Identifier: BSD-2-Clause
# The kernel's modules: built in a copy, so that the tree stays clean.

##@ Kernel module
KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' '$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
MODULES = $(BUILD)/modules/$(KERNEL)
MODULES_SRC := Kbuild $(wildcard gpio-w1/kernel/* tests/kernel/*) gpio-w1/w1_slot.c gpio-w1/w1_slot.h gpio-w1/w1_rise.c gpio-w1/w1_rise.h gpio-w1/w1_line.h \
	gpio-w1/w1_error.h $(addprefix userspace/sim/,w1_slave.c w1_slave.h w1_model.c w1_model.h w1_random.h w1_sim_judge.c w1_sim_judge.h)
KBUILD_ARGS = -C '$(KDIR)' M='$(abspath $(MODULES))' CONFIG_DEBUG_INFO_BTF_MODULES= \
	$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

modules: ## The kernel's bus master: KDIR=headers (default: of the running kernel), ARCH= and CROSS_COMPILE= as the kernel's
	$(Q)test -n '$(KERNEL)' || { echo "make modules: no kernel headers in $(KDIR): install linux-headers-$$(uname -r)" \
		"(Raspberry Pi OS: linux-headers-rpi-v8 or -v7), or say KDIR=" >&2; exit 1; }
	$(Q)mkdir -p '$(MODULES)' && cp -p --update --parents $(MODULES_SRC) '$(MODULES)'
	$(Q)$(MAKE) $(KBUILD_ARGS) modules

modules_install: modules ## Into /lib/modules (INSTALL_MOD_PATH= goes before it)
	$(Q)$(MAKE) $(KBUILD_ARGS) modules_install

.PHONY: modules modules_install
