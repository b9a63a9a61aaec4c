/* SPDX-License-Identifier: BSD-2-Clause */
/* checks: the functions of the table in checks.c. Each returns CAUSE_NONE or a cause of its row. */
#ifndef SELFTEST_CHECKS_H
#define SELFTEST_CHECKS_H

#include "selftest.h"

enum selftest_cause check_board_model(struct selftest *t);
enum selftest_cause check_board_kernel(struct selftest *t);

enum selftest_cause check_gpio_chip(struct selftest *t);
enum selftest_cause check_gpio_line(struct selftest *t);
/* CAUSE_NONE: the line is open; else why the checks that need it are skipped. */
enum selftest_cause check_gpio_open(struct selftest *t);
void check_gpio_close(struct selftest *t);

enum selftest_cause check_bus_idle(struct selftest *t);
enum selftest_cause check_bus_noise(struct selftest *t);
enum selftest_cause check_bus_low(struct selftest *t);
enum selftest_cause check_bus_rise(struct selftest *t);
enum selftest_cause check_bus_presence(struct selftest *t);

enum selftest_cause check_sensors_search(struct selftest *t);
enum selftest_cause check_sensors_scratchpad(struct selftest *t);
enum selftest_cause check_sensors_power(struct selftest *t);
enum selftest_cause check_sensors_temperature(struct selftest *t);
enum selftest_cause check_sensors_identity(struct selftest *t);

enum selftest_cause check_timing_calls(struct selftest *t);
enum selftest_cause check_timing_slots(struct selftest *t);
enum selftest_cause check_timing_slots_rt(struct selftest *t);
enum selftest_cause check_timing_verdict(struct selftest *t);

enum selftest_cause check_uart_port(struct selftest *t);
enum selftest_cause check_uart_console(struct selftest *t);
enum selftest_cause check_uart_holder(struct selftest *t);
enum selftest_cause check_uart_errors(struct selftest *t);

enum selftest_cause check_receiver_baud(struct selftest *t);
enum selftest_cause check_receiver_answer(struct selftest *t);
enum selftest_cause check_receiver_version(struct selftest *t);
enum selftest_cause check_receiver_settings(struct selftest *t);
enum selftest_cause check_receiver_antenna(struct selftest *t);
enum selftest_cause check_receiver_jamming(struct selftest *t);
enum selftest_cause check_receiver_fix(struct selftest *t);
enum selftest_cause check_receiver_time(struct selftest *t);
void check_receiver_close(struct selftest *t);

enum selftest_cause check_system_clock(struct selftest *t);
enum selftest_cause check_system_power(struct selftest *t);
enum selftest_cause check_system_heat(struct selftest *t);
enum selftest_cause check_system_outbox(struct selftest *t);
enum selftest_cause check_system_storage(struct selftest *t);

/* The disk of the outbox's folder. */
struct disk {
	bool read_only, writable, in_memory;
	unsigned long long free_mb;
};
/* The worst cause. */
enum selftest_cause check_system_judge_disk(const struct disk *disk, unsigned wanted_mb);

enum selftest_cause check_uplink_credentials(struct selftest *t);
enum selftest_cause check_uplink_device(struct selftest *t);
enum selftest_cause check_uplink_session(struct selftest *t);
enum selftest_cause check_uplink_time(struct selftest *t);
enum selftest_cause check_uplink_read(struct selftest *t);
enum selftest_cause check_uplink_store(struct selftest *t);
void check_uplink_close(struct selftest *t);

#endif
