# SPDX-License-Identifier: BSD-2-Clause
# Where each library comes from: the system by pkg-config, libcoap (and mbedTLS
# where the system's lacks fixes) from deps/build.

PKG_CONFIG ?= pkg-config
pkg = $(shell $(PKG_CONFIG) --$(1) $(2))

GPIOD_MAJOR := $(shell $(PKG_CONFIG) --atleast-version=2 libgpiod && echo 2 || echo 1)
GPIOD_CFLAGS := $(call pkg,cflags,libgpiod)
GPIOD_LIBS := $(call pkg,libs,libgpiod)
CBOR_CFLAGS := $(call pkg,cflags,libcbor)
CBOR_LIBS := $(call pkg,libs,libcbor)
JANSSON_CFLAGS := $(call pkg,cflags,jansson)
JANSSON_LIBS := $(call pkg,libs,jansson)
INIH_CFLAGS := $(call pkg,cflags,inih)
INIH_LIBS := $(call pkg,libs,inih)
SQLITE_CFLAGS := $(call pkg,cflags,sqlite3)
SQLITE_LIBS := $(call pkg,libs,sqlite3)
MARIADB_CFLAGS := $(call pkg,cflags,libmariadb)
MARIADB_LIBS := $(call pkg,libs,libmariadb)
MICROHTTPD_CFLAGS := $(call pkg,cflags,libmicrohttpd)
MICROHTTPD_LIBS := $(call pkg,libs,libmicrohttpd)
# Only the tests' stage installs it.
CMOCKA_CFLAGS := $(shell $(PKG_CONFIG) --cflags cmocka 2>/dev/null)
CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

# Mbed TLS of the system where it has the security fixes of 3.6.7: by its version, or in Debian's revision of an older
# 3.6 whose changelog names them (three of the sixteen, of certificates, tickets and DTLS, stand for all). Else deps/build
# makes the pinned one. Our code compiles with 4.x as well; libcoap 4.3.5 does not (deps/README.md): raise the limit
# when deps/sources has a libcoap that does.
HASH := \#
MBEDTLS_BELOW := 0x04000000
MBEDTLS_FIXES := CVE-2026-49300 CVE-2026-50586 CVE-2026-50713
MBEDTLS_CHANGELOG := $(shell $(CC) -print-sysroot 2>/dev/null)/usr/share/doc/libmbedtls-dev/changelog.Debian.gz
MBEDTLS_FIXED := $(shell for cve in $(MBEDTLS_FIXES); do zgrep -q "$$cve" '$(MBEDTLS_CHANGELOG)' 2>/dev/null || exit 0; done; echo 1)
MBEDTLS_SYSTEM := $(shell printf '%s\n' '$(HASH)include <mbedtls/version.h>' \
	'$(HASH)if MBEDTLS_VERSION_NUMBER >= $(if $(MBEDTLS_FIXED),0x03060000,0x03060700) && MBEDTLS_VERSION_NUMBER < $(MBEDTLS_BELOW)' \
	yes '$(HASH)endif' | $(CC) -E -P - 2>/dev/null | grep -x yes)

# Flags for what deps/build makes; packages set those of dpkg-buildflags.
DEPS_CFLAGS ?=
# The key of what deps/build makes: its recipe, its patches, the compiler's target, version and system root, those flags.
DEPS_KEY := $(shell { cat deps/sources deps/build $(sort $(wildcard deps/patches/*.patch)); \
	$(CC) -dumpmachine; $(CC) -dumpfullversion; $(CC) -print-sysroot; echo system-mbedtls=$(MBEDTLS_SYSTEM) $(DEPS_CFLAGS); } 2>/dev/null \
	| sha256sum | cut -c 1-12)
DEPS_PREFIX := $(DEPS_DIR)/$(DEPS_KEY)
DEPS_STAMP := $(DEPS_PREFIX)/complete

COAP_CFLAGS := -isystem $(DEPS_PREFIX)/include
COAP_LIBS := $(DEPS_PREFIX)/lib/libcoap-3.a \
	$(if $(MBEDTLS_SYSTEM),-lmbedtls -lmbedx509 -lmbedcrypto,$(addprefix $(DEPS_PREFIX)/lib/,libmbedtls.a libmbedx509.a libmbedcrypto.a))

# What it is made from is in its name: no prerequisites, whose dates a checkout changes.
$(DEPS_STAMP):
	@CC='$(CC) $(DEPS_CFLAGS)' DEPS_DIR='$(DEPS_DIR)' MBEDTLS_SYSTEM='$(MBEDTLS_SYSTEM)' V='$(V)' deps/build '$(DEPS_PREFIX)'

deps: $(DEPS_STAMP)
.PHONY: deps
