// SPDX-License-Identifier: BSD-2-Clause
#include "node_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gpio-w1/w1_crc.h"
#include "time/civil.h"
#include "userspace/reading/hex.h"
#include "userspace/reading/rom.h"

static const char *const simulate_words[] = { "never", "if-absent", NULL };
static const char *const proof_words[] = { "parallel", "strict", NULL }; /* enum w1_proof */
static const char *const bus_words[] = { "auto", "userspace", "kernel", "simulated", "none", NULL };
static const char *const format_words[] = { "senml", "legacy", NULL };
static const char *const order_words[] = { "oldest-first", "newest-first", NULL };

/* CFG-NAV5 dynModel (u-blox 7 protocol specification, section 35.10); 1 is not assigned */
static const char *const model_words[] = { "portable",	  "stationary",	 "pedestrian",
					   "automotive",  "sea",	 "airborne-1g",
					   "airborne-2g", "airborne-4g", NULL };
static const uint8_t model_numbers[] = { 0, 2, 3, 4, 5, 6, 7, 8 };

#define AT(member) offsetof(struct node_config, member)
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* "2026-01-01" in us since 1970 */
static bool parse_day(const char *text, void *member, char *why, size_t why_size)
{
	struct civil day = { 0 };
	int used = 0;

	(void)why;
	(void)why_size;
	if (sscanf(text, "%4d-%2d-%2d%n", &day.year, &day.month, &day.day, &used) != 3 ||
	    text[used] != '\0' || day.year < 1970 || day.year > 2100 || !civil_is_valid(&day)) {
		return false;
	}
	*(int64_t *)member = civil_to_s(&day) * 1000000;
	return true;
}

static bool parse_bits(const char *text, uint8_t *bits)
{
	unsigned number;
	int used;

	if (sscanf(text, "%2u%n", &number, &used) != 1 || text[used] != '\0' ||
	    (number != 0 && (number < 9 || number > 12))) {
		return false;
	}
	*bits = (uint8_t)number;
	return true;
}

bool node_config_parse_rom(const char *text, uint8_t rom[8], char *why, size_t why_size)
{
	if (rom_parse(text, rom)) {
		return true;
	}
	if (strlen(text) != 16 || !hex_parse(text, rom, 8)) {
		snprintf(
			why, why_size,
			"%s is no sensor: expected a name such as 28-00008412dfde, or its 16 hex digits",
			text);
		return false;
	}
	if (w1_crc8(rom, 7) != rom[7]) {
		snprintf(why, why_size, "no sensor is named %s: its last two digits would be %02x",
			 text, w1_crc8(rom, 7));
		return false;
	}
	return true;
}

/* "BITS" for all, or "ROM=BITS" */
static bool parse_resolution(struct w1_resolutions *r, char *item, char *why, size_t why_size)
{
	char *bits = strchr(item, '=');
	uint8_t rom[8];
	unsigned i = 0;

	if (bits == NULL) {
		return parse_bits(item, &r->all_bits);
	}
	*bits++ = '\0';
	if (!node_config_parse_rom(item, rom, why, why_size)) {
		return false;
	}
	while (i < r->n_own && memcmp(r->own[i].rom, rom, 8) != 0) {
		i++;
	}
	if (i == W1_RESOLUTIONS_OWN || !parse_bits(bits, &r->own[i].bits)) {
		return false;
	}
	memcpy(r->own[i].rom, rom, 8);
	r->n_own += i == r->n_own;
	return true;
}

#define ITEM_SIZE 64

/* The next of a list with commas or blanks between; false at its end. */
static bool next_item(const char **text, char item[ITEM_SIZE])
{
	size_t length;

	*text += strspn(*text, ", \t");
	length = strcspn(*text, ", \t");
	snprintf(item, ITEM_SIZE, "%.*s", (int)length, *text);
	*text += length;
	return length > 0;
}

/* "BITS, ROM=BITS, ..." */
static bool parse_resolutions(const char *text, void *member, char *why, size_t why_size)
{
	struct w1_resolutions *r = member;
	char item[ITEM_SIZE];

	*r = (struct w1_resolutions){ .all_bits = 12 };
	while (next_item(&text, item)) {
		if (!parse_resolution(r, item, why, why_size)) {
			return false;
		}
	}
	return true;
}

/* "4, 17" */
static bool parse_pins(const char *text, void *member, char *why, size_t why_size)
{
	struct node_pins *pins = member;
	char item[ITEM_SIZE];

	memset(pins, 0, sizeof(*pins)); /* compared whole */
	while (next_item(&text, item)) {
		unsigned gpio;
		int used = 0;

		if (pins->n == THERMOMETERS_BUSES || strspn(item, "0123456789") != strlen(item) ||
		    sscanf(item, "%3u%n", &gpio, &used) != 1 || item[used] != '\0' || gpio > 511) {
			return false;
		}
		for (unsigned i = 0; i < pins->n; i++) {
			if (pins->gpio[i] == gpio) {
				snprintf(why, why_size, "GPIO%u is given twice", gpio);
				return false;
			}
		}
		pins->gpio[pins->n++] = gpio;
	}
	return pins->n > 0;
}

/* "ROM, ROM, ..." */
static bool parse_sensors(const char *text, void *member, char *why, size_t why_size)
{
	struct node_sensors *sensors = member;
	char item[ITEM_SIZE];

	memset(sensors, 0, sizeof(*sensors));
	while (next_item(&text, item)) {
		uint8_t rom[8];

		if (!node_config_parse_rom(item, rom, why, why_size)) {
			return false;
		}
		if (!ds18b20_is_thermometer(rom[0])) {
			snprintf(why, why_size,
				 "%s is no thermometer: family 28, 10, 22, 3b or 42 is one", item);
			return false;
		}
		for (unsigned i = 0; i < sensors->n; i++) {
			if (memcmp(sensors->rom[i], rom, 8) == 0) {
				snprintf(why, why_size, "%s is given twice", item);
				return false;
			}
		}
		if (sensors->n == READING_TEMPERATURES_MAX) {
			return false;
		}
		memcpy(sensors->rom[sensors->n++], rom, 8);
	}
	return true;
}

static const struct config_key table[] = {
	{ "node", "device", CONFIG_STRING, AT(device), NULL,
	  .help = "The URN that names this node in every reading and in its certificate. Default: urn:dev:mac: and the MAC of "
		  "the first network interface (RFC 9039)." },
	{ "node", "period", CONFIG_SECONDS, AT(period_ms), "10", .live = true, .max = 86400000,
	  .help = "From one reading to the next; 0: one reading for each fix of the receiver. At 12 bits a cycle of "
		  "the sensors takes about 0.8 s: with a shorter period some readings have no temperature." },
	{ "node", "simulate", CONFIG_CHOICE, AT(simulate), "never", .live = true,
	  .choices = simulate_words,
	  .help = "if-absent: where no sensor or no receiver answers at the start, use simulated ones, marked as such in the log and "
		  "in every reading. never: an installed node never invents data." },
	{ "node", "status", CONFIG_STRING, AT(status), "/run/geotherm/status.json", .live = true,
	  .help = "The node's state for `geotherm status`; replaced each period." },
	{ "node", "log_level", CONFIG_LOG_LEVEL, AT(log_level), "info", .live = true,
	  .help = "What is logged, and all above it." },

	{ "w1", "bus", CONFIG_CHOICE, AT(w1_bus), "auto", .choices = bus_words,
	  .help = "What reads the 1-Wire bus: userspace (libgpiod), the kernel's w1_therm, or auto: userspace, and the kernel "
		  "while that is not possible. simulated: sensors that do not exist. none: no thermometers." },
	{ "w1", "chip", CONFIG_STRING, AT(w1_chip), NULL,
	  .help = "Label of the GPIO chip, such as pinctrl-bcm2835. Default: the one of the Pi's pin header." },
	{ "w1", "gpio", CONFIG_PARSED, AT(w1_pins), "4", .parse = parse_pins,
	  .size = sizeof(struct node_pins),
	  .allowed =
		  "a line from 0 to 511, or up to " TEXT(THERMOMETERS_BUSES) " with commas between",
	  .help = "Line of that chip (BCM number) with the sensors. Several, such as 4, 17, are a bus each: they are read one after "
		  "the other, about 0.8 s each, into one list." },
	{ "w1", "sensors", CONFIG_PARSED, AT(w1_sensors), NULL, .parse = parse_sensors,
	  .size = sizeof(struct node_sensors),
	  .allowed = "up to 64 sensors, such as 28-00008412dfde, with commas between",
	  .help = "The sensors of this node, in the order of its readings; others are not recorded. Default: every sensor "
		  "that is found, in the order of the list that the node keeps (geotherm sensor list)." },
	{ "w1", "resolution", CONFIG_PARSED, AT(w1_resolutions), "12", .parse = parse_resolutions,
	  .size = sizeof(struct w1_resolutions),
	  .allowed = "9, 10, 11, 12, or 0, and SENSOR=BITS for up to 64 single sensors",
	  .help = "Bits of a conversion, 9 to 12; 0 leaves the sensors as they are set. Single sensors may have their own: "
		  "12, 28-00008412dfde=9." },
	{ "w1", "search_every", CONFIG_UINT, AT(w1_search_every), "10", .min = 1, .max = 1000000,
	  .help = "Search for plugged and unplugged sensors every so many cycles." },
	{ "w1", "proof", CONFIG_CHOICE, AT(w1_proof), "parallel", .choices = proof_words,
	  .help = "parallel: all sensors convert at once, each seen to begin. strict: one after the other, each seen to "
		  "end, 0.77 s a sensor; not even a dip of its supply then passes for a temperature." },
	{ "w1", "alarms", CONFIG_REMOVED, 0, NULL,
	  .help = "the thresholds displaced the mark that shows a loss of power; put limits where the data is stored" },

	{ "gnss", "port", CONFIG_STRING, AT(gnss_port), "/dev/serial0",
	  .help = "Serial port of the u-blox receiver; simulated: a receiver that does not exist; none: no receiver." },
	{ "gnss", "pps", CONFIG_STRING, AT(gnss_pps), "/dev/pps0",
	  .help = "The receiver's time pulse, as the overlay's parameter pps makes it: time to some 0.1 ms. Nothing is "
		  "wrong without one; none: the device is another's." },
	{ "gnss", "baud", CONFIG_UINT, AT(gnss_baud), "115200", .min = 4800, .max = 115200,
	  .help = "Baud rate that the receiver is switched to; its present one is detected." },
	{ "gnss", "rate", CONFIG_SECONDS, AT(gnss_rate_ms), "1", .min = 100, .max = 60000,
	  .help = "From one fix to the next." },
	{ "gnss", "model", CONFIG_CHOICE, AT(gnss_model), "portable", .choices = model_words,
	  .help = "The receiver's dynamic platform model." },
	{ "gnss", "max_hacc", CONFIG_UINT, AT(gnss_max_hacc_m), "100", .min = 1, .max = 100000,
	  .help = "A position with a worse horizontal accuracy, in m, is unknown." },
	{ "gnss", "not_before", CONFIG_PARSED, AT(not_before_us), "2026-01-01", .parse = parse_day,
	  .size = sizeof(int64_t), .allowed = "a day from 1970 to 2100, such as 2026-01-01",
	  .help = "A source of time that gives an earlier day is ignored. Lower it to play recordings." },

	{ "server", "uri", CONFIG_STRING, AT(server_uri), NULL, .live = true,
	  .help = "coaps://HOST[:PORT][/PATH]; port 5684 and path /gpsflowtemp if not given. Up to 4, with commas between them: "
		  "the first that answers is used, and the first of the list again once it does; they should share one store. "
		  "Without it readings stay in the outbox." },
	{ "server", "ca", CONFIG_STRING, AT(server_ca), "/etc/geotherm/pki/ca.pem", .live = true,
	  .help = "PEM file with the certificates that may sign the server's." },
	{ "server", "certificate", CONFIG_STRING, AT(server_certificate),
	  "/etc/geotherm/pki/node.pem", .live = true,
	  .help = "PEM file with the node's certificate and its chain, and its key if there is no file of its own for that." },
	{ "server", "key", CONFIG_STRING, AT(server_key), NULL, .live = true,
	  .help = "PEM file with the node's private key. Default: the file of the certificate." },
	{ "server", "server_name", CONFIG_STRING, AT(server_name), NULL, .live = true,
	  .help = "The name (or address) that every server's certificate must have. Default: the host of its URI." },
	{ "server", "ciphers", CONFIG_STRING, AT(server_ciphers), NULL, .live = true,
	  .help = "Cipher policy: OpenSSL-style tokens such as ECDHE+AESGCM, or mbedTLS suite names." },
	{ "server", "format", CONFIG_CHOICE, AT(server_format), "senml", .live = true,
	  .choices = format_words,
	  .help = "senml: everything, as SenML in CBOR. legacy: the text of the legacy client (Python 2.7, CoAPthon), for a legacy server: "
		  "of each reading the first temperature, the position and the time; the device must be named by a MAC." },
	{ "server", "batch", CONFIG_UINT, AT(server_batch), "64", .live = true, .min = 1,
	  .max = 256,
	  .help = "Maximum of readings in one POST, when there is a backlog; no more than fit a datagram." },
	{ "server", "order", CONFIG_CHOICE, AT(server_order), "oldest-first", .live = true,
	  .choices = order_words, .help = "Which readings of a backlog go first." },
	{ "server", "retry_max", CONFIG_SECONDS, AT(server_retry_max_ms), "1min", .live = true,
	  .min = 1000, .max = 3600000,
	  .help = "Maximum wait before the server is tried again; it begins at 1 s and doubles, with jitter." },

	{ "outbox", "path", CONFIG_STRING, AT(outbox_path), "/var/lib/geotherm/outbox.db",
	  .help = "The file that keeps readings until the server has stored them. A new file begins a new epoch." },
	{ "outbox", "max_rows", CONFIG_UINT, AT(outbox_max_rows), "1000000", .min = 10,
	  .max = 100000000,
	  .help = "Maximum of readings in it; beyond, the oldest are dropped, and recorded as lost." },
	{ "outbox", "max_mb", CONFIG_UINT, AT(outbox_max_mb), "512", .min = 1, .max = 1000000,
	  .help = "Maximum size of its files in MB (10^6 bytes), with the same effect." },
	{ "outbox", "keep", CONFIG_SECONDS, AT(outbox_keep_ms), "7d", .max = 2592000000,
	  .help = "How long a reading stays after the server has confirmed it, as far as max_rows and max_mb allow: a server that "
		  "was restored from a backup gets what it misses again. 0: not at all." },
	{ "outbox", "max_memory", CONFIG_UINT, AT(outbox_max_memory), "5000", .max = 1000000,
	  .help = "Maximum of readings kept in memory while the disk does not take them; they are sent, but a stop of the node "
		  "loses those that were not. Some 700 bytes each. 0: none." },
	{ "outbox", "sync", CONFIG_SECONDS, AT(outbox_sync_ms), "each", .min = 1000, .max = 3600000,
	  .zero = "each",
	  .help = "each: a reading is on the disk before the next step. A time such as 30 or 5min: at most one disk sync in it, "
		  "which spares SD cards; a power cut (not a crash) can then cost what was measured in it." },
};
/* Splits [server] uri. */
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

/* GPIO14 and 15 while [gnss] has the UART there. */
static int check_pins(const struct node_config *c, char *err, size_t err_size)
{
	static const char *const uarts[] = { "/dev/serial0", "/dev/ttyAMA0", "/dev/ttyS0" };

	if (c->w1_bus != NODE_W1_AUTO && c->w1_bus != NODE_W1_USERSPACE) {
		return 0;
	}
	for (unsigned i = 0; i < c->w1_pins.n * 3; i++) {
		unsigned gpio = c->w1_pins.gpio[i / 3];

		if ((gpio == 14 || gpio == 15) && strcmp(c->gnss_port, uarts[i % 3]) == 0) {
			snprintf(
				err, err_size,
				"[w1] gpio = %u: that pin is the UART's, which [gnss] port = %s uses: must be another",
				gpio, c->gnss_port);
			return -EINVAL;
		}
	}
	return 0;
}

static int check_strict(const struct node_config *c, char *err, size_t err_size)
{
	char why[128];

	if (c->w1_bus == NODE_W1_NONE || c->w1_bus == NODE_W1_KERNEL ||
	    thermometers_strict_fits(c->w1_sensors.n, c->period_ms, why, sizeof(why))) {
		return 0;
	}
	if (c->w1_proof == W1_PROOF_STRICT) {
		snprintf(err, err_size,
			 "[w1] proof = strict: %s: must be parallel, or [node] period longer", why);
	}
	return c->w1_proof == W1_PROOF_STRICT ? -EINVAL : 0;
}

/* What concerns more than one key, and what follows from them. */
static int validate(void *target, size_t *blamed, char *err, size_t err_size)
{
	struct node_config *c = target;
	struct receiver_config receiver;
	char why[200];

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
	if (check_pins(c, err, err_size) != 0) {
		*blamed = AT(w1_pins);
		return -EINVAL;
	}
	if (check_strict(c, err, err_size) != 0) {
		*blamed = AT(w1_proof);
		return -EINVAL;
	}
	c->gnss_dyn_model = model_numbers[c->gnss_model];
	receiver = node_config_receiver(c, c->gnss_port);
	if (!receiver_config_check(&receiver, why, sizeof(why))) {
		snprintf(err, err_size, "[gnss] baud, rate: %s", why);
		return -EINVAL;
	}
	return parse_servers(c, err, err_size);
}

struct receiver_config node_config_receiver(const struct node_config *c, const char *port)
{
	return (struct receiver_config){
		.port = port,
		.pulse = strcmp(port, c->gnss_port) == 0 ? c->gnss_pps : NULL, /* a simulated one
										  has none */
		.baud = c->gnss_baud,
		.rate_ms = c->gnss_rate_ms,
		.dyn_model = c->gnss_dyn_model,
		.max_hacc_mm = c->gnss_max_hacc_m * 1000,
		.build_utc_us = c->not_before_us,
	};
}

const struct config_table node_config_table = { table, sizeof(table) / sizeof(table[0]), validate };

int node_config_load(struct node_config *config, const struct config_source *source, char *err,
		     size_t err_size)
{
	memset(config, 0, sizeof(*config));
	return config_load(&node_config_table, config, source, err, err_size);
}

void node_config_free(struct node_config *config)
{
	config_free(&node_config_table, config);
}
