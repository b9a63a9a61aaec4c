// SPDX-License-Identifier: BSD-2-Clause
#include "node_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gpio-w1/w1_crc.h"
#include "userspace/daemon/config.h"
#include "userspace/reading/reading.h"

static const char *const simulate_words[] = { "never", "if-absent", NULL };
static const char *const bus_words[] = { "auto", "userspace", "kernel", "simulated", "none", NULL };
static const char *const format_words[] = { "senml", "legacy", NULL };
static const char *const order_words[] = { "oldest-first", "newest-first", NULL };

/* CFG-NAV5 dynModel (u-blox 7 protocol specification, section 35.10); 1 is not assigned */
static const char *const model_words[] = { "portable",	  "stationary",	 "pedestrian",
					   "automotive",  "sea",	 "airborne-1g",
					   "airborne-2g", "airborne-4g", NULL };
static const uint8_t model_numbers[] = { 0, 2, 3, 4, 5, 6, 7, 8 };

#define AT(member) offsetof(struct node_config, member)

static const struct config_key table[] = {
	{ "node", "device", CONFIG_STRING, AT(device), NULL, 0, 0, NULL,
	  "The URN that names this node in every reading and in its certificate. Default: urn:dev:mac: and the MAC of "
	  "the first network interface (RFC 9039)." },
	{ "node", "period", CONFIG_SECONDS, AT(period_ms), "10", 0, 86400000, NULL,
	  "From one reading to the next; 0: one reading for each fix of the receiver. At 12 bits a cycle of "
	  "the sensors takes about 0.8 s: with a shorter period some readings have no temperature." },
	{ "node", "simulate", CONFIG_CHOICE, AT(simulate), "never", 0, 0, simulate_words,
	  "if-absent: where no sensor or no receiver is found at the start, take a simulated one and say so in the log and "
	  "in every reading. never: a node that is installed never invents data." },
	{ "node", "status", CONFIG_STRING, AT(status), "/run/geotherm/status.json", 0, 0, NULL,
	  "The file in which `geotherm status` reads how the node is; written anew each period." },
	{ "node", "log_level", CONFIG_STRING, AT(log_level_name), "info", 0, 0, NULL,
	  "error, warning, notice, info or debug." },

	{ "w1", "bus", CONFIG_CHOICE, AT(w1_bus), "auto", 0, 0, bus_words,
	  "Who speaks 1-Wire: userspace (libgpiod), the kernel's w1_therm, or auto: userspace, and the kernel "
	  "while that is not possible. simulated: sensors that do not exist. none: no thermometers." },
	{ "w1", "chip", CONFIG_STRING, AT(w1_chip), NULL, 0, 0, NULL,
	  "Label of the GPIO chip, such as pinctrl-bcm2835. Default: the header's chip of any Pi." },
	{ "w1", "gpio", CONFIG_UINT, AT(w1_gpio), "4", 0, 511, NULL,
	  "Line of that chip (BCM number) with the sensors." },
	{ "w1", "resolution", CONFIG_STRING, AT(w1_resolution), "12", 0, 0, NULL,
	  "Bits of a conversion, 9 to 12; 0 leaves the sensors as they are set. Single sensors may have their own: "
	  "12, 28dedf128400003b=9." },
	{ "w1", "search_every", CONFIG_UINT, AT(w1_search_every), "10", 1, 1000000, NULL,
	  "Look for plugged and unplugged sensors every so many cycles." },
	{ "w1", "alarms", CONFIG_STRING, AT(w1_alarms), NULL, 0, 0, NULL,
	  "LOW..HIGH in whole degrees Celsius, such as -20..60: a sensor at or beyond one is told in log and status. They are set "
	  "in the sensors themselves, until these lose their power. Single sensors may have their own: "
	  "-20..60, 28dedf128400003b=0..95." },

	{ "gnss", "port", CONFIG_STRING, AT(gnss_port), "/dev/serial0", 0, 0, NULL,
	  "Serial port of the u-blox receiver; simulated: a receiver that does not exist; none: no receiver." },
	{ "gnss", "baud", CONFIG_UINT, AT(gnss_baud), "115200", 4800, 921600, NULL,
	  "What the receiver is switched to; it is found at any rate." },
	{ "gnss", "rate", CONFIG_SECONDS, AT(gnss_rate_ms), "1", 100, 60000, NULL,
	  "From one fix to the next." },
	{ "gnss", "model", CONFIG_CHOICE, AT(gnss_model), "portable", 0, 0, model_words,
	  "The receiver's dynamic platform model." },
	{ "gnss", "max_hacc", CONFIG_UINT, AT(gnss_max_hacc_m), "100", 1, 100000, NULL,
	  "A position with a worse horizontal accuracy, in m, is unknown." },
	{ "gnss", "not_before", CONFIG_STRING, AT(gnss_not_before), "2026-01-01", 0, 0, NULL,
	  "YYYY-MM-DD: no source of time is believed when it says an earlier day. Lower it to play recordings." },

	{ "server", "uri", CONFIG_STRING, AT(server_uri), NULL, 0, 0, NULL,
	  "coaps://HOST[:PORT][/PATH]; port 5684 and path /gpsflowtemp if not given. Up to 4, with commas between them: "
	  "the first that serves is used, and the first of all again when it is well; they should store into one place. "
	  "Without it readings stay in the outbox." },
	{ "server", "ca", CONFIG_STRING, AT(server_ca), "/etc/geotherm/pki/ca.pem", 0, 0, NULL,
	  "PEM file with the certificates that may sign the server's." },
	{ "server", "certificate", CONFIG_STRING, AT(server_certificate),
	  "/etc/geotherm/pki/node.pem", 0, 0, NULL,
	  "PEM file with the node's certificate and its chain, and its key if there is no file of its own for that." },
	{ "server", "key", CONFIG_STRING, AT(server_key), NULL, 0, 0, NULL,
	  "PEM file with the node's private key. Default: the file of the certificate." },
	{ "server", "server_name", CONFIG_STRING, AT(server_name), NULL, 0, 0, NULL,
	  "The name (or address) that every server's certificate must have. Default: the host of its URI." },
	{ "server", "ciphers", CONFIG_STRING, AT(server_ciphers), NULL, 0, 0, NULL,
	  "Cipher policy: OpenSSL-style tokens such as ECDHE+AESGCM, or mbedTLS suite names." },
	{ "server", "format", CONFIG_CHOICE, AT(server_format), "senml", 0, 0, format_words,
	  "senml: everything, as SenML in CBOR. legacy: the older program's text, for a server that is still the old one: "
	  "of each reading the first temperature, the position and the time; the device must be named by a MAC." },
	{ "server", "batch", CONFIG_UINT, AT(server_batch), "64", 1, 256, NULL,
	  "Readings in one POST at most, when there is a backlog; no more than fit a datagram." },
	{ "server", "order", CONFIG_CHOICE, AT(server_order), "oldest-first", 0, 0, order_words,
	  "Which readings of a backlog go first." },
	{ "server", "retry_max", CONFIG_SECONDS, AT(server_retry_max_ms), "1min", 1000, 3600000,
	  NULL,
	  "The longest wait before the server is tried again; it begins at 1 s and doubles, with jitter." },

	{ "outbox", "path", CONFIG_STRING, AT(outbox_path), "/var/lib/geotherm/outbox.db", 0, 0,
	  NULL,
	  "The file that keeps readings until the server has them. A new file begins a new epoch." },
	{ "outbox", "max_rows", CONFIG_UINT, AT(outbox_max_rows), "1000000", 10, 100000000, NULL,
	  "Readings that it keeps at most; then the oldest go, and that is recorded." },
	{ "outbox", "max_mb", CONFIG_UINT, AT(outbox_max_mb), "512", 1, 1000000, NULL,
	  "The same in MB (10^6 bytes)." },
	{ "outbox", "sync", CONFIG_STRING, AT(outbox_sync), "each", 0, 0, NULL,
	  "each: a reading is on the disk before the next step. A time such as 30 or 5min: at most one disk sync in it, "
	  "which spares SD cards; a power cut (not a crash) can then cost what was measured in it." },
};
#define TABLE_ROWS (sizeof(table) / sizeof(table[0]))

/* "2026-01-01" in us since 1970, by the proleptic Gregorian calendar. */
static bool parse_day(const char *text, int64_t *us)
{
	static const unsigned before_month[] = { 0,   31,  59,	90,  120, 151,
						 181, 212, 243, 273, 304, 334 };
	static const unsigned month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year, month, day;
	bool leap;
	int used = 0;
	int64_t days;

	if (sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) != 3 || text[used] != '\0' ||
	    year < 1970 || year > 2100 || month < 1 || month > 12 || day < 1 ||
	    day > month_days[month - 1]) {
		return false;
	}
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (month == 2 && day == 29 && !leap) {
		return false;
	}
	days = (int64_t)(year - 1970) * 365 + (year - 1969) / 4 -
	       (year > 2000 ? (year - 2001) / 100 : 0) + (year > 2000 ? (year - 2001) / 400 : 0);
	days += before_month[month - 1] + day - 1 + (leap && month > 2);
	*us = days * 86400 * 1000000;
	return true;
}

/* A time written as the table's own times are. */
static int parse_sync(const char *text, unsigned *ms, char *err, size_t err_size)
{
	static const struct config_key row = { "outbox", "sync",  CONFIG_SECONDS, 0, NULL,
					       1000,	 3600000, NULL,		  "" };
	char assignment[128], why[200];

	if (strcmp(text, "each") == 0) {
		*ms = 0;
		return 0;
	}
	snprintf(assignment, sizeof(assignment), "outbox.sync=%.100s", text);
	if (config_override(&row, 1, ms, assignment, why, sizeof(why)) != 0) {
		snprintf(err, err_size, "%s, or the word each", why);
		return -EINVAL;
	}
	return 0;
}

/* Takes the URIs of [server] uri apart. */
static int parse_servers(struct node_config *c, char *err, size_t err_size)
{
	const char *at = c->server_uri != NULL ? c->server_uri : "";

	c->n_servers = 0;
	while (*(at += strspn(at, ", \t")) != '\0') {
		size_t length = strcspn(at, ", \t");

		if (c->n_servers == NODE_SERVERS_MAX || length >= sizeof(c->servers[0])) {
			snprintf(err, err_size,
				 "[server] uri: at most %d of at most %zu characters",
				 NODE_SERVERS_MAX, sizeof(c->servers[0]) - 1);
			return -EINVAL;
		}
		memcpy(c->servers[c->n_servers], at, length);
		c->servers[c->n_servers++][length] = '\0';
		at += length;
	}
	if (c->server_uri != NULL && c->n_servers == 0) {
		snprintf(err, err_size, "[server] uri = %.40s: must be coaps://HOST[:PORT][/PATH]",
			 c->server_uri);
		return -EINVAL;
	}
	return 0;
}

/* 16 hex digits as status and readings show them: family code first, CRC last. */
static bool parse_rom(const char *text, uint8_t rom[8])
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned byte;

		if (!isxdigit((unsigned char)text[2 * i]) ||
		    !isxdigit((unsigned char)text[2 * i + 1])) {
			return false;
		}
		sscanf(text + 2 * i, "%2x", &byte);
		rom[i] = (uint8_t)byte;
	}
	return true;
}

static bool parse_resolution(const char *value, struct w1_setting *set)
{
	unsigned bits;
	int used;

	if (sscanf(value, "%2u%n", &bits, &used) != 1 || value[used] != '\0' ||
	    (bits != 0 && (bits < 9 || bits > 12))) {
		return false;
	}
	set->resolution_bits = (uint8_t)bits;
	return true;
}

static bool parse_alarms(const char *value, struct w1_setting *set)
{
	int low, high, used;

	if (sscanf(value, "%4d..%4d%n", &low, &high, &used) != 2 || value[used] != '\0' ||
	    low < -55 || high > 125 || low >= high) {
		return false;
	}
	set->alarms = true;
	set->alarm_low = (int8_t)low;
	set->alarm_high = (int8_t)high;
	return true;
}

/* Where to put a sensor's own; at first it is as all are. NULL: too many. */
static struct w1_setting *own_setting(struct w1_settings *s, const uint8_t rom[8])
{
	const struct w1_setting *found = w1_setting_of(s, rom);

	if (found != &s->all) {
		return &s->own[found - s->own];
	}
	if (s->n_own == W1_SETTINGS_OWN) {
		return NULL;
	}
	s->own[s->n_own] = s->all;
	memcpy(s->own[s->n_own].rom, rom, 8);
	return &s->own[s->n_own++];
}

/* "VALUE, ROM=VALUE, ...", in two passes: what is for all comes first wherever it is written. */
static int parse_settings(struct w1_settings *s, const char *key, const char *text,
			  const char *wanted, bool (*parse)(const char *, struct w1_setting *),
			  bool own, char *err, size_t err_size)
{
	const char *at = text != NULL ? text : "";

	while (*(at += strspn(at, ", \t")) != '\0') {
		size_t length = strcspn(at, ", \t");
		char item[64], *value;
		struct w1_setting *set = &s->all;
		uint8_t rom[8];

		snprintf(item, sizeof(item), "%.*s", (int)length, at);
		at += length;
		value = strchr(item, '=');
		if ((value != NULL) != own) {
			continue;
		}
		if (own) {
			*value++ = '\0';
			if (strlen(item) != 16 || !parse_rom(item, rom)) {
				snprintf(
					err, err_size,
					"[w1] %s: %s is no sensor: 16 hex digits are wanted, such as 28dedf128400003b",
					key, item);
				return -EINVAL;
			}
			if (w1_crc8(rom, 7) != rom[7]) {
				snprintf(
					err, err_size,
					"[w1] %s: no sensor is named %s: its last two digits would be %02x",
					key, item, w1_crc8(rom, 7));
				return -EINVAL;
			}
			set = own_setting(s, rom);
		}
		if (set == NULL || !parse(value != NULL ? value : item, set)) {
			snprintf(
				err, err_size,
				"[w1] %s = %.60s: must be %s; for single sensors (at most %d) 28dedf128400003b=...",
				key, text, wanted, W1_SETTINGS_OWN);
			return -EINVAL;
		}
	}
	return 0;
}

static int parse_sensors(struct node_config *c, char *err, size_t err_size)
{
	c->w1.all.resolution_bits = 12; /* where the text has only single sensors */
	for (int own = 0; own <= 1; own++) {
		if (parse_settings(&c->w1, "resolution", c->w1_resolution, "9, 10, 11, 12, or 0",
				   parse_resolution, own, err, err_size) != 0 ||
		    parse_settings(&c->w1, "alarms", c->w1_alarms,
				   "LOW..HIGH in degrees from -55 to 125, such as -20..60",
				   parse_alarms, own, err, err_size) != 0) {
			return -EINVAL;
		}
	}
	return 0;
}

/* What one key cannot say about itself. */
static int work_out(struct node_config *c, char *err, size_t err_size)
{
	if (log_level_parse(c->log_level_name, &c->log_level) != 0) {
		snprintf(
			err, err_size,
			"[node] log_level = %.40s: must be one of error, warning, notice, info, debug",
			c->log_level_name);
		return -EINVAL;
	}
	if (c->device != NULL && reading_device_check(c->device) != 0) {
		snprintf(err, err_size,
			 "[node] device = %.100s: must be a URN of at most %d characters, such as "
			 "urn:dev:mac:b827ebfffe123456",
			 c->device, READING_DEVICE_SIZE - 1);
		return -EINVAL;
	}
	if (c->period_ms != 0 && c->period_ms < 10) {
		snprintf(err, err_size, "[node] period = %ums: must be 0, or 0.01 s or more",
			 c->period_ms);
		return -EINVAL;
	}
	if (!parse_day(c->gnss_not_before, &c->not_before_us)) {
		snprintf(err, err_size,
			 "[gnss] not_before = %.40s: must be a day such as 2026-01-01",
			 c->gnss_not_before);
		return -EINVAL;
	}
	c->gnss_dyn_model = model_numbers[c->gnss_model];
	if (parse_sensors(c, err, err_size) != 0 || parse_servers(c, err, err_size) != 0) {
		return -EINVAL;
	}
	return parse_sync(c->outbox_sync, &c->outbox_sync_ms, err, err_size);
}

int node_config_load(struct node_config *config, const struct node_config_source *source, char *err,
		     size_t err_size)
{
	int rc;

	memset(config, 0, sizeof(*config));
	rc = config_load(table, TABLE_ROWS, config, source->path, err, err_size);
	for (size_t i = 0; i < source->n && rc == 0; i++) {
		rc = config_override(table, TABLE_ROWS, config, source->assignments[i], err,
				     err_size);
	}
	if (rc == 0) {
		char why[256];

		rc = work_out(config, why, sizeof(why));
		if (rc != 0) {
			snprintf(err, err_size, "%s: %s",
				 source->path != NULL ? source->path : "configuration", why);
		}
	}
	if (rc != 0) {
		node_config_free(config);
	}
	return rc;
}

static bool same_value(const struct config_key *key, const struct node_config *a,
		       const struct node_config *b)
{
	const char *left = (const char *)a + key->offset, *right = (const char *)b + key->offset;

	switch (key->type) {
	case CONFIG_STRING: {
		const char *l = *(char *const *)(const void *)left;
		const char *r = *(char *const *)(const void *)right;

		return l == r || (l != NULL && r != NULL && strcmp(l, r) == 0);
	}
	case CONFIG_BOOL:
		return *(const bool *)left == *(const bool *)right;
	case CONFIG_UINT:
	case CONFIG_SECONDS:
	case CONFIG_CHOICE:
		break;
	}
	return memcmp(left, right, sizeof(unsigned)) == 0;
}

const char *node_config_difference(const struct node_config *a, const struct node_config *b,
				   const char *section)
{
	static char name[64];

	for (size_t i = 0; i < TABLE_ROWS; i++) {
		if ((section == NULL || strcmp(table[i].section, section) == 0) &&
		    !same_value(&table[i], a, b)) {
			snprintf(name, sizeof(name), "[%s] %s", table[i].section, table[i].key);
			return name;
		}
	}
	return NULL;
}

void node_config_free(struct node_config *config)
{
	config_free(table, TABLE_ROWS, config);
}

const struct config_table node_config_table = { table, TABLE_ROWS };
