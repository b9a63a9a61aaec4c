# SPDX-License-Identifier: BSD-2-Clause
# Programs and what they come with; the packages are made from this.

##@ Installing and packages
INSTALL ?= install
# What runs a program of the target here, where it is another machine's (qemu-aarch64 -L ...).
RUN ?=
install: all $(BUILD)/dts/geotherm.dtbo ## Into $(DESTDIR)$(PREFIX)
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/doc/geotherm
	$(INSTALL) -m 755 $(BUILD)/geotherm $(BUILD)/geotherm-selftest $(DESTDIR)$(PREFIX)/bin/
	$(INSTALL) -m 755 $(BUILD)/geotherm-node $(BUILD)/geotherm-server $(DESTDIR)$(PREFIX)/sbin/
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/libexec/geotherm
	$(INSTALL) -m 755 certs/geotherm-ca certs/make-test-ca $(DESTDIR)$(PREFIX)/libexec/geotherm/
	$(INSTALL) -m 755 scripts/run $(DESTDIR)$(PREFIX)/libexec/geotherm/geotherm-demo
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
	$(INSTALL) -m 644 dts/geotherm-setup.completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/geotherm-setup
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

deb: ## Debian packages: SUITE=bookworm|trixie ARCH=amd64|arm64|armhf (default: this machine's)
	$(Q)DEPS_DIR='$(DEPS_DIR)' scripts/make-deb --build '$(BUILD)' $(if $(SUITE),--suite $(SUITE)) $(if $(ARCH),--arch $(ARCH))

deb-all: ## The packages of all six: Debian 12 and 13 on amd64, arm64 and armhf
	$(Q)for s in bookworm trixie; do for a in amd64 arm64 armhf; do \
		DEPS_DIR='$(DEPS_DIR)' scripts/make-deb --build '$(BUILD)' --suite $$s --arch $$a || exit; done; done

# What git has of the commit, with the same bytes wherever it is made.
dist: ## The source archive of the last commit, build/geotherm-VERSION.tar.xz
	$(Q)mkdir -p '$(BUILD)'
	$(Q)git archive --prefix=geotherm-$(VERSION)/ HEAD | xz -T1 >'$(BUILD)/geotherm-$(VERSION).tar.xz'
	@echo '$(BUILD)/geotherm-$(VERSION).tar.xz'

.PHONY: install install-units deb deb-all dist
