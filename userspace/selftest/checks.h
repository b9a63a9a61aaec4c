/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checks: the functions of the table in checks.c. Each returns CAUSE_NONE or a cause of its row.
 * The first of each group are what others need: they open it once, or return why it is missing.
 */
#ifndef SELFTEST_CHECKS_H
#define SELFTEST_CHECKS_H

#include "selftest.h"

enum selftest_cause check_board_model(struct selftest *t);
enum selftest_cause check_board_kernel(struct selftest *t);

enum selftest_cause check_gpio_applicable(struct selftest *t); /* a real line is wanted */
enum selftest_cause check_gpio_open(struct selftest *t); /* a line, real or simulated */
enum selftest_cause check_gpio_chip(struct selftest *t);
enum selftest_cause check_gpio_line(struct selftest *t);
void check_gpio_close(struct selftest *t);

enum selftest_cause check_bus_usable(struct selftest *t); /* high when released */
enum selftest_cause check_bus_idle(struct selftest *t);
enum selftest_cause check_bus_noise(struct selftest *t);
enum selftest_cause check_bus_low(struct selftest *t);
enum selftest_cause check_bus_rise(struct selftest *t);
enum selftest_cause check_bus_presence(struct selftest *t);

enum selftest_cause check_sensors_find(struct selftest *t); /* the bus was searched */
enum selftest_cause check_sensors_found(struct selftest *t); /* one sensor at least */
enum selftest_cause check_sensors_search(struct selftest *t);
enum selftest_cause check_sensors_scratchpad(struct selftest *t);
enum selftest_cause check_sensors_power(struct selftest *t);
enum selftest_cause check_sensors_temperature(struct selftest *t);
enum selftest_cause check_sensors_identity(struct selftest *t);

enum selftest_cause check_timing_calls(struct selftest *t);
enum selftest_cause check_timing_slots(struct selftest *t);
enum selftest_cause check_timing_slots_rt(struct selftest *t);
enum selftest_cause check_timing_verdict(struct selftest *t);

enum selftest_cause check_uart_configured(struct selftest *t); /* a real port is wanted */
enum selftest_cause check_uart_port(struct selftest *t);
enum selftest_cause check_uart_console(struct selftest *t);
enum selftest_cause check_uart_holder(struct selftest *t);
enum selftest_cause check_uart_errors(struct selftest *t);

enum selftest_cause check_receiver_port(struct selftest *t); /* it was received at each rate */
enum selftest_cause check_receiver_open(struct selftest *t); /* opened as the node opens it */
enum selftest_cause check_receiver_answers(struct selftest *t);
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

enum selftest_cause check_uplink_secured(struct selftest *t); /* a coaps:// server is configured */
enum selftest_cause check_uplink_client(struct selftest *t); /* a request was tried */
enum selftest_cause check_uplink_connected(struct selftest *t); /* and answered */
enum selftest_cause check_uplink_credentials(struct selftest *t);
enum selftest_cause check_uplink_device(struct selftest *t);
enum selftest_cause check_uplink_session(struct selftest *t);
enum selftest_cause check_uplink_time(struct selftest *t);
enum selftest_cause check_uplink_read(struct selftest *t);
enum selftest_cause check_uplink_store(struct selftest *t);
void check_uplink_close(struct selftest *t);

#endif
