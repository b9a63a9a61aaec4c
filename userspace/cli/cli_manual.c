// SPDX-License-Identifier: BSD-2-Clause
/* The commands of geotherm, their options and help texts. */
#include "cli.h"
#include "node_status.h"
#include "when.h"
#include "userspace/sim/ublox7_faults.h"

/* clang-format off */
#define FILES \
	{ CLI_CA, "ca", "FILE", "The CA that signed the server's certificate (environment: GEOTHERM_CA)." }, \
	{ CLI_CERT, "cert", "FILE", "Our certificate, and its key where they are in one file (GEOTHERM_CERT)." }, \
	{ CLI_KEY, "key", "FILE", "The key, where it has a file of its own (GEOTHERM_KEY)." }, \
	{ CLI_NAME, "server-name", "NAME", "What the server's certificate must name, if not the host of the URI." }
#define CREDENTIALS FILES, { CLI_TIMEOUT, "timeout", "SECONDS", "For a whole request (60)." }
#define CIPHERS { CLI_CIPHERS, "ciphers", "POLICY", "Such as ECDHE+AESGCM, or suite names." }
#define FORMATS "text|link|json|cbor|senml+json|senml+cbor"
#define ANSWER \
	{ CLI_ACCEPT, "accept", FORMATS, "Format of the answer, by name or number." }, \
	{ CLI_JSON, "json", NULL, "Shows readings as SenML JSON, whatever their format." }
#define BODY { CLI_FORMAT, "format", FORMATS, "The format of the payload, or its number; default: none, which means text." }
/* clang-format on */

static const struct manual_option get_options[] = {
	CREDENTIALS,
	CIPHERS,
	ANSWER,
	{ CLI_FROM, "from", "TIME",
	  "Of a track: the first time (UTC), such as " WHEN_EXPECTED "." },
	{ CLI_TO, "to", "TIME", "Likewise the last." },
};
static const struct manual_option reading_options[] = { CREDENTIALS, CIPHERS, ANSWER };
static const struct manual_option sending_options[] = { CREDENTIALS, CIPHERS, ANSWER, BODY };

static const struct manual_option doctor_options[] = {
	{ 'c', "config", "FILE", "The node's configuration; default /etc/geotherm/node.conf." },
	{ 'o', NULL, "SECTION.KEY=VALUE", "Overrides the file; may be repeated." },
	{ CLI_OWN, "wait", "SECONDS", "How long to wait for a pending link (20)." },
};

/* clang-format off */
#define STATUS_FILE                                                                               \
	{                                                                                         \
		CLI_FILE, "file", "FILE", "The node's status file; default " NODE_STATUS_FILE "." \
	}
/* clang-format on */
static const struct manual_option status_options[] = {
	STATUS_FILE,
	{ CLI_JSON, "json", NULL, "The status file unchanged; unknown values are null." },
	{ CLI_WATCH, "watch", NULL, "Again each second, until interrupted." },
};
static const struct manual_option sensor_options[] = {
	STATUS_FILE,
	{ CLI_JSON, "json", NULL, "list: as JSON; unknown values are null." },
};
static const struct manual_option wait_options[] = {
	STATUS_FILE,
	{ CLI_FIX, "fix", NULL, "Until the receiver has a fix." },
	{ CLI_SENT, "sent", NULL,
	  "Until the server acknowledges a reading after the wait has begun." },
};

static const struct manual_option replay_options[] = {
	{ CLI_JSON, "json", NULL, "As SenML JSON, a pack for each reading." },
};
#define FAULT_HELP(name, member, max, help) "\n" name ": " help
static const struct manual_option sim_options[] = {
	{ CLI_LINK, "link", "FILE",
	  "A symbolic link to the pseudo terminal, for as long as it exists." },
	{ CLI_BAUD, "baud", "4800|9600|19200|38400|57600|115200|230400|460800",
	  "The receiver's rate at first (9600)." },
	{ CLI_MODE, "mode", "nmea|ubx|mixed|silent|asleep", "Its output at first (nmea)." },
	{ CLI_KIND, "kind", "genuine|nmea-only|no-version|wrong-protver|ublox8|ublox6",
	  "A u-blox 7, one of three clones, a u-blox 8 or 6 (genuine)." },
	{ CLI_RUNNING, "running", NULL, "It has been running before: no boot banner." },
	{ CLI_SEED, "seed", "N", "Of its drive and of all chance (1)." },
	{ CLI_RECORDING, "recording", "FILE",
	  "Plays the positions of the UBX-NAV-PVT frames in FILE, in a loop." },
	{ CLI_FAULT, "fault", "NAME=N", "May be given again." UBLOX7_FAULTS(FAULT_HELP) },
};
static const struct manual_option bench_options[] = {
	FILES,
	{ CLI_CIPHERS, "ciphers", "POLICY",
	  "The suites to be measured (all that a node may use): such as ECDHE+AESGCM, or suite "
	  "names with ':' between." },
	{ CLI_COUNT, "count", "N", "Of each (20)." },
};
static const struct manual_option ca_options[] = {
	{ CLI_DIR, "dir", "DIR", "Where the authority is; default geotherm-ca." },
	{ CLI_ROLE, "role", "node|server|operator", "Whom the certificate is for (node)." },
	{ CLI_SAN, "also", "NAME", "A further host name or address of a server; may be repeated." },
	{ CLI_DAYS, "days", "N", "How long the certificate is valid (365)." },
	{ CLI_EXPIRING, "expiring", "N", "list: only certificates that expire within N days." },
	{ CLI_OUT, "out", "FILE", "bundle: the archive; default NAME.tar in the directory." },
	{ CLI_FORCE, "force", NULL, "bundle: replaces an archive of the same name." },
};

static const struct manual_option demo_options[] = {
	{ CLI_DIR, "dir", "DIR", "Where everything is; default ~/.local/state/geotherm-demo." },
	{ CLI_OWN, "seconds", "N", "Ends after so many seconds." },
};

#define PATHS                                                                                                      \
	"Paths: /gpsflowtemp, /gpsflowtemp/DEVICE?from=&to=&limit=, /gpsflowtemp/DEVICE/EPOCH.SEQ, /gaps/DEVICE, " \
	"/time, /.well-known/core (docs/protocol.md). The port is 5684 for coaps and 5683 for coap."
#define PAYLOAD "The payload is the argument, the content of @FILE, or stdin (-, the default)."
#define N(array) array, sizeof(array) / sizeof(array[0])

static const struct manual_command commands[] = {
	{ "get", "URI",
	  "read a resource: the newest readings, a track, one reading, gaps, the time",
	  PATHS
	  "\n\nTimes may also stand in the URI: ?from=-1d. /time is shown as a date; with --accept text as the server "
	  "has it, in microseconds since 1970.",
	  N(get_options), cmd_request },
	{ "post", "URI [PAYLOAD | @FILE | -]", "send readings", PAYLOAD "\n\n" PATHS,
	  N(sending_options), cmd_request },
	{ "put", "URI [PAYLOAD | @FILE | -]",
	  "store one reading under its own number, or a device's label", PAYLOAD "\n\n" PATHS,
	  N(sending_options), cmd_request },
	{ "delete", "URI", "remove a reading or a device (operators)", PATHS, N(reading_options),
	  cmd_request },
	{ "observe", "URI", "show each change of a resource until interrupted", PATHS,
	  N(reading_options), cmd_request },
	{ "doctor", NULL,
	  "check the way from the 1-Wire slot to the stored row, up to the first failure",
	  "On the machine of a running node: checks the node, its bus, receiver, clock and outbox, the session, the server, and "
	  "the newest reading's row, in this order, and ends at the first failure with its cause and the next step. It "
	  "uses the node's own certificate, which only root and the node's user may read.",
	  N(doctor_options), cmd_doctor },
	{ "status", NULL, "show the state of the node on this machine",
	  "Needs no rights. Ends with 0 if all is well, 1 if something needs attention (named in a line with !), 3 "
	  "where no node runs. Colours only on a terminal, and not where NO_COLOR is set.",
	  N(status_options), cmd_status },
	{ "sensor", "list | forget SENSOR",
	  "show the node's list of sensors, or forget one of them",
	  "The node gives each sensor that it finds a place in its readings, which it keeps, absent or not. forget removes "
	  "one that is gone for good, named such as 28-00008412dfde or by its 16 hex digits; those behind it move up. It needs "
	  "a running node, and the rights of root or of the group geotherm.\n\n"
	  "list shows when a sensor was first and last seen (after a crash of the node up to a day early), and its make as "
	  "far as its number and its constants show it: geotherm-selftest --only sensors/identity examines that.",
	  N(sensor_options), cmd_sensor },
	{ "wait", "[SECONDS]", "wait until the node has a fix or has sent",
	  "Waits for 60 s, or SECONDS. Exit status after that: 1, or 3 if no node runs.",
	  N(wait_options), cmd_wait },
	{ "bench", "handshake|post URI", "measure handshakes and POSTs from here, cipher by cipher",
	  "handshake: full ones, each of a new client without a ticket. post: readings one after the other over one session, each "
	  "answered when it is on disk; they are stored under the device of --cert, in an epoch of their own with the note "
	  "\"geotherm bench\".\n\n"
	  "A suite that does not fit the server's certificate or policy has the reason in its line. Ends with 3 if none does.",
	  N(bench_options), cmd_bench },
	{ "ca",
	  "init [TITLE] | issue NAME | sign CSR NAME | renew NAME | revoke NAME|SERIAL | list | bundle NAME | install BUNDLE",
	  "keep a certificate authority for nodes, servers and operators",
	  "NAME is the URN of a node (urn:dev:mac:..., as [node] device has it), the host name or address of a server, or an "
	  "operator's name.\n\n"
	  "init makes the authority. issue makes a key and signs it. sign signs the key of a request that was made on the "
	  "device, under the NAME given here, whatever the request has. renew signs the same key and names again. "
	  "revoke writes a new crl.pem, for [server] crl. "
	  "list shows what was signed and until when. bundle packs what belongs into /etc/geotherm/pki of that machine: "
	  "node.pem, server.pem or operator.pem (the certificate, and the key if it was made here), ca.pem, and a server's "
	  "crl.pem. install, run as root on that machine, unpacks a bundle into /etc/geotherm/pki (or the directory) so that the "
	  "service's user can read it, and reloads the service if it runs; a bundle that is unusable, or that the service "
	  "refuses, changes nothing.\n\n"
	  "It works with openssl(1). Keys are ECDSA P-256, in files of mode 0600 that are never overwritten. Keep the "
	  "directory off line.",
	  N(ca_options), cmd_ca },
	{ "demo", NULL, "run a server and a node with simulated sensors, without hardware",
	  "Needs the packages geotherm-server and geotherm-node, no rights and no hardware. Server and node run on loopback with "
	  "certificates of their own; each reading is shown as it is stored. Everything is in one folder, which may be removed. "
	  "Ends by Ctrl-C with a summary.",
	  N(demo_options), cmd_ca },
	{ "replay", "FILE | -",
	  "show the readings that a node makes of a recording of its receiver",
	  "FILE holds the bytes of the serial port, UBX among anything else, such as `cat /dev/serial0` writes while the node is "
	  "stopped. Every UBX-NAV-PVT makes a reading, by the node's own code and with its doubts; what was received is counted at the "
	  "end, on stderr. Ends with 1 if there was none.",
	  N(replay_options), cmd_replay },
	{ "sim", "ublox7", "simulate hardware: a u-blox 7 receiver (NEO-7M) on a pseudo terminal",
	  "The first line printed is the path of the terminal. SIGUSR1: the supply fails for 0.5 s. SIGUSR2: the output hangs; "
	  "the next one frees it. SIGINT, SIGTERM: exit.",
	  N(sim_options), cmd_sim },
};

static const struct manual_exit exits[] = {
	{ CLI_OK, "done" },
	{ CLI_FAILED, "the server refused, or the command or its check failed" },
	{ CLI_USAGE, "wrong usage" },
	{ CLI_UNREACHABLE, "no connection, or no status to be read" },
};

const struct manual cli_manual = {
	.name = "geotherm",
	.section = 1,
	.brief = "talks to geotherm nodes and servers",
	.about =
		"Reads and writes the resources of a server, shows the state of this machine's node, and keeps the certificates of "
		"both.",
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
	.exits = exits,
	.n_exits = sizeof(exits) / sizeof(exits[0]),
	.see_also = "geotherm-node(8), geotherm-server(8), geotherm-selftest(8)",
};
