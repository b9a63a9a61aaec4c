/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_config: the configuration of geotherm-node, from file and -o options. The table in
 * node_config.c is the manual of each key; `geotherm-node --print-config` shows it.
 *
 * Ownership: node_config_load() fills, node_config_free() frees what it filled.
 */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpio-w1/thermometers.h"
#include "ubx/receiver.h"
#include "userspace/daemon/config.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/reading.h"

#define NODE_CONFIG_FILE "/etc/geotherm/node.conf" /* the default */
#define NODE_SERVERS_MAX 4

enum node_simulate { NODE_SIMULATE_NEVER, NODE_SIMULATE_IF_ABSENT };
enum node_format { NODE_FORMAT_SENML, NODE_FORMAT_LEGACY };
enum node_w1_bus {
	NODE_W1_AUTO,
	NODE_W1_USERSPACE,
	NODE_W1_KERNEL,
	NODE_W1_SIMULATED,
	NODE_W1_NONE
};

struct node_pins {
	unsigned n;
	unsigned gpio[THERMOMETERS_BUSES];
};

/* In this order; n = 0: as they are found. */
struct node_sensors {
	unsigned n;
	uint8_t rom[READING_TEMPERATURES_MAX][8];
};

struct node_config {
	char *device;
	unsigned period_ms;
	int simulate; /* enum node_simulate */
	char *status;
	enum log_level log_level;

	int w1_bus; /* enum node_w1_bus */
	char *w1_chip;
	struct node_pins w1_pins; /* a bus each */
	struct node_sensors w1_sensors;
	struct w1_resolutions w1_resolutions;
	int w1_proof; /* enum w1_proof */
	unsigned w1_search_every;

	char *gnss_port; /* a path, "simulated" or "none" */
	char *gnss_pps; /* a path, or "none" */
	unsigned gnss_baud;
	unsigned gnss_rate_ms;
	int gnss_model; /* index into the choices; see gnss_dyn_model */
	unsigned gnss_max_hacc_m;
	int64_t not_before_us;

	char *server_uri;
	char *server_ca;
	char *server_certificate;
	char *server_key;
	char *server_name;
	char *server_ciphers;
	int server_format; /* enum node_format */
	unsigned server_batch;
	int server_order; /* enum outbox_order */
	unsigned server_retry_max_ms;

	char *outbox_path;
	unsigned outbox_max_rows;
	unsigned outbox_max_mb;
	unsigned outbox_keep_ms;
	unsigned outbox_max_memory;
	unsigned outbox_sync_ms; /* 0: each */

	/* by node_config_load(), from the above */
	char servers[NODE_SERVERS_MAX][256]; /* the URIs of server_uri */
	unsigned n_servers;
	uint8_t gnss_dyn_model; /* CFG-NAV5 dynModel */
};

/* As config_load(). */
int node_config_load(struct node_config *config, const struct config_source *source, char *err,
		     size_t err_size);
void node_config_free(struct node_config *config);

/* "28-00008412dfde", or all eight bytes as hex digits: family code first, CRC last. False: why. */
bool node_config_parse_rom(const char *text, uint8_t rom[8], char *why, size_t why_size);

/* What the receiver on port is to be set to. Borrows port. */
struct receiver_config node_config_receiver(const struct node_config *config, const char *port);

/* Every key with its meaning. */
extern const struct config_table node_config_table;

#endif
