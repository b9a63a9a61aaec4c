# SPDX-License-Identifier: BSD-2-Clause
# Tests, checks and figures. tests/run runs test files, each of which is
#	tests/unit/FOLDER/test_*.c	one program each, linked with every library and the rigs that it uses
#	tests/e2e/test_*.py		the real programs on loopback

# --- what is built -------------------------------------------------------------------------------
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
RIG_SRC := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*/*.c))
TOOL_SRC := $(wildcard tests/tools/*.c)
TEST_TOOLS := $(patsubst %.c,$(BUILD)/%,$(TOOL_SRC))
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCHES := $(patsubst %.c,$(BUILD)/%,$(BENCH_SRC))

$(call obj,$(UNIT_SRC) $(RIG_SRC) $(TOOL_SRC) $(BENCH_SRC)): CFLAGS_ALL += $(CMOCKA_CFLAGS) $(COAP_CFLAGS) \
	$(SQLITE_CFLAGS) $(MARIADB_CFLAGS) $(JANSSON_CFLAGS) $(CBOR_CFLAGS) -Itests

# What several tests share, a noun each, whose name begins its symbols: the linker takes out of it what a test uses. (What
# stands in for a header of the system stays a header: fake_gpiod1.h, fake_gpiod2.h.)
rigs_SRC := $(RIG_SRC)
$(eval $(call library,rigs))

$(UNIT_TESTS) $(TEST_TOOLS) $(BENCHES): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/librigs.a $(LIBS)
	$(say) LD $@
	$(link) $(CMOCKA_LIBS) $(ALL_LIBS_LDLIBS)
.PRECIOUS: $(BUILD)/tests/unit/%.o $(BUILD)/tests/tools/%.o $(BUILD)/tests/bench/%.o

# It switches guards of the master off. private: its objects are built as everyone's.
$(BUILD)/tests/unit/gpio-w1/test_w1_mutation: private LDFLAGS_ALL += \
	$(addprefix -Wl$(comma)--wrap=,w1_convert_start ds18b20_judge w1_slots_watch w1_crc8)

# What reads in a guest; tests/qemu/lab builds it for the guest's processor.
$(BUILD)/tests/qemu/guest/w1_reads: $(BUILD)/tests/qemu/guest/w1_reads.o $(call lib,w1 time)
	$(say) LD $@
	$(link) $(GPIOD_LIBS)

# Cores that never read a clock, a descriptor or the environment and never allocate: nm -u says so.
PURE_SRC := time/civil.c \
	gpio-w1/w1_crc.c gpio-w1/w1_slot.c gpio-w1/w1_bus.c gpio-w1/w1_search.c \
	gpio-w1/w1_rise.c gpio-w1/w1_convert.c gpio-w1/w1_scratchpad.c gpio-w1/w1_cycle.c gpio-w1/ds18b20.c \
	gpio-w1/ds18b20_identify.c \
	ubx/ubx_frame.c ubx/ubx_msg.c ubx/ubx_profile.c ubx/ubx_session.c ubx/ubx_steps.c ubx/ubx_tx.c \
	ubx/ubx_health.c ubx/ubx_assist.c ubx/gnss_fix.c ubx/nmea_line.c ubx/ubx_timing.c ubx/ubx_evidence.c \
	ubx/ubx_search.c ubx/ubx_pulse.c ubx/fix_queue.c \
	userspace/reading/utf8.c userspace/reading/hex.c userspace/reading/reading.c userspace/reading/rom.c userspace/reading/senml_number.c \
	userspace/reading/legacy_text.c userspace/reading/legacy_reading.c \
	userspace/sim/w1_slave.c userspace/sim/w1_model.c userspace/sim/w1_sim_judge.c userspace/sim/w1_sim_wire.c \
	userspace/node/clock.c userspace/node/sampler.c userspace/node/uplink_plan.c userspace/daemon/refusals.c \
	server/store/gaps.c server/store/store_row.c server/coap/authorise.c

tests: $(UNIT_TESTS) $(TEST_TOOLS) $(call obj,$(PURE_SRC)) $(PROGRAMS) $(BUILD)/dts/geotherm.dtbo

# --- make check and what belongs to it -----------------------------------------------------------
##@ Tests (CHECK_ARGS go to tests/run)
RUN_TESTS := $(Q)tests/run --build '$(BUILD)'

check: tests ## Unit, property and end-to-end tests (the README's test command)
	$(RUN_TESTS) --pure '$(call obj,$(PURE_SRC))' $(CHECK_ARGS)

check-unit: tests ## Only the unit and property tests
	$(RUN_TESTS) --pure '$(call obj,$(PURE_SRC))' --no-e2e $(CHECK_ARGS)

# An end-to-end test file needs all programs, a unit test only itself.
test: $(if $(filter e2e/%,$(T)),tests,$(BUILD)/tests/unit/$(T)) ## One test file: T=ubx/test_ubx_frame or T=e2e/test_chain; SAN=address,undefined or thread
	$(RUN_TESTS) --only '$(T)' --verbose $(CHECK_ARGS)

# Threads are where libraries of ours meet: ThreadSanitizer sees their tests and both daemons. libcoap and mbedTLS
# are built without it: they are called from one thread at a time, which it sees in our callers.
TSAN_ONLY := time/*,gpio-w1/test_thermometers,gpio-w1/test_w1_process,coaps/*,daemon/*,ingest/*,coap/*,store/*,node/*,ubx/test_receiver*,selftest/*,e2e/test_chain,e2e/test_protocol,e2e/test_server_operation

check-sanitized: ## make check under AddressSanitizer and UndefinedBehaviorSanitizer, then what has threads under ThreadSanitizer
	$(Q)$(MAKE) BUILD='$(BUILD)-address-undefined' SAN=address,undefined check
	$(Q)$(MAKE) BUILD='$(BUILD)-thread' SAN=thread CHECK_ARGS="--only '$(TSAN_ONLY)' $$CHECK_ARGS" check

check-static: $(DEPS_STAMP) ## Form, words, complexity; cppcheck, clang-tidy, shellcheck; what git must not hold
	$(Q)deps/packages static
	$(Q)tests/static --build '$(BUILD)' --flags '$(STATIC_FLAGS)' --without '$(GPIOD_OTHER)'	# it does not compile here
STATIC_FLAGS := -std=c11 -I. -I$(BUILD) $(COAP_CFLAGS) $(GPIOD_CFLAGS) $(CBOR_CFLAGS) $(JANSSON_CFLAGS) \
	$(INIH_CFLAGS) $(SQLITE_CFLAGS) $(MARIADB_CFLAGS) $(MICROHTTPD_CFLAGS) $(CMOCKA_CFLAGS)

# --- one area at full length ---------------------------------------------------------------------
##@ Tests of one area at full length

# READS: how many the campaigns make together. Each value that the master accepts is logged in $(BUILD)/w1 and counted again.
check-w1: tests ## The 1-Wire tests, with 1,000,000 reads on any wire, of every make, under every fault; READS= for another number
	$(Q)rm -rf '$(BUILD)/w1' && mkdir -p '$(BUILD)/w1' && started=$$(date +%s) && \
		GEOTHERM_W1_READS=$(or $(READS),1000000) GEOTHERM_W1_LOG='$(abspath $(BUILD))/w1' tests/run --long --build '$(BUILD)' \
			--only 'gpio-w1/*,sim/test_w1*' --verbose $(CHECK_ARGS) && \
		tests/w1_recount.py --build '$(BUILD)' --seconds $$(($$(date +%s) - started))

check-ubx: tests ## The receiver's tests: starts, mutations, brown-outs, fuzz corpus, gpsd and ubxtool as judges
	$(Q)GEOTHERM_UBX_STARTS=10000 tests/run --build '$(BUILD)' --only 'ubx/*,*ublox7*,*clock*,*replay*' --verbose $(CHECK_ARGS)

check-node: tests ## The node's tests: 1,000 kills, 10,000 readings of backlog
	$(Q)GEOTHERM_KILLS=1000 tests/run --long --results check-node --build '$(BUILD)' \
		--only 'node/*,coaps/*,e2e/test_node*' --verbose $(CHECK_ARGS)

check-server: tests ## The server's tests: stores, gaps, ingest, bad input with 20,000 mutations of each kept one, databases in trouble
	$(Q)GEOTHERM_FUZZ_ROUNDS=20000 tests/run --long --build '$(BUILD)' \
		--only 'coap/*,coaps/*,ingest/*,store/*,reading/test_senml*,reading/test_legacy,reading/test_gap_list,*server*,*disk*,*mariadb*' --verbose $(CHECK_ARGS)

check-selftest: tests ## geotherm-selftest and geotherm doctor: each fault that the simulators can have is named by the right check
	$(RUN_TESTS) --long --only 'selftest/*,e2e/test_selftest,e2e/test_doctor' --verbose $(CHECK_ARGS)

check-setup: ## geotherm-setup on boot partitions of every shape, cut short at each write, taken off byte for byte
	$(Q)deps/packages static
	$(Q)$(MAKE) -s $(BUILD)/dts/geotherm.dtbo
	$(RUN_TESTS) --pytest tests/setup $(CHECK_ARGS)

check-overlay: ## The overlay: its parameters as the firmware applies them, on Pi 3 and Pi 4 trees, and booted in QEMU
	$(Q)deps/packages qemu
	$(Q)$(MAKE) -s $(BUILD)/dts/geotherm.dtbo
	$(Q)DEPS_DIR='$(DEPS_DIR)' tests/run --build '$(BUILD)' --pytest tests/dts $(CHECK_ARGS)

check-galera: all ## A 3-node Galera cluster on loopback, its nodes killed, stopped, frozen and cut off under load
	$(Q)deps/packages galera
	$(RUN_TESTS) --pytest tests/galera --verbose $(CHECK_ARGS)

# A machine without network need not have them; without an archive for the roots, single tests skip.
skip_without_tools = echo '$@: skipped: packages are missing (above) and cannot be installed'; exit 0

check-deb: all ## The packages: made for all six, run by emulation, installed, upgraded and purged in Debian roots
	$(Q)ARCH=all deps/packages deb || { $(skip_without_tools); }; \
	DEPS_DIR='$(DEPS_DIR)' tests/run --long --build '$(BUILD)' --pytest tests/deb $(CHECK_ARGS)

check-boot: ## Debian 12 and 13 booted in QEMU, systemd as PID 1: the packages from install to purge, through every fault
	$(Q)deps/packages deb && deps/packages boot || { $(skip_without_tools); }; \
	DEPS_DIR='$(DEPS_DIR)' tests/run --long --results check-boot --build '$(BUILD)' --pytest tests/boot $(CHECK_ARGS)

# READS: how many readings each guest that reads makes.
check-qemu: ## Real kernels in QEMU: modules, libgpiod, the kernel's masters and our programs on simulated sensors
	$(Q)deps/packages qemu
	$(Q)DEPS_DIR='$(DEPS_DIR)' tests/qemu/lab --build '$(BUILD)' $(if $(READS),--reads '$(READS)') $(QEMU_ARGS)

# Ratios against a peer in the same run; never part of a test.
bench: tests $(BENCHES) ## Figures beside a peer in the same run, each with its target: 1-Wire, UBX, stores, first fix, node, flood, server
	@CC='$(CC)' DEPS_DIR='$(DEPS_DIR)' MBEDTLS_SYSTEM='$(MBEDTLS_SYSTEM)' V='$(V)' deps/build --example '$(DEPS_PREFIX)-example'
	$(Q)tests/bench/run --build '$(BUILD)' --example '$(DEPS_PREFIX)-example/bin/coap-server' $(BENCH_ARGS)

results: ## Copies what the targets measured since the last clean into docs/results.md
	$(Q)tests/results.py --build '$(BUILD)'

.PHONY: tests check check-unit test check-sanitized check-static check-w1 check-ubx check-node check-server check-selftest \
	check-setup check-overlay check-galera check-deb check-boot check-qemu bench results
