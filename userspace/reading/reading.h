/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reading: the Reading, the one domain type: everything sampled at one instant.
 *
 * Integers only, units in the names. Unknown is a value, never zero: a scalar
 * counts only if its bit is set in `known`, a temperature only if temp_known, the time
 * only if its source is not READING_TIME_NONE.
 *
 * The key (device, epoch, seq) is unique everywhere: sending twice stores once.
 * Plain data: no pointers, copyable, comparable with reading_equal().
 */
#ifndef READING_H
#define READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpio-w1/ds18b20.h" /* struct thermometer_sample */

#define READING_DEVICE_SIZE 96 /* URN with its NUL; RFC 9039, or configured */
#define READING_HOST_SIZE 64 /* host name with its NUL (HOST_NAME_MAX) */
#define READING_VERSION_SIZE 32
#define READING_TEMPERATURES_MAX 64

/*
 * A known time lies from 2000-01-01 to before 2106-01-01: nothing of ours measured earlier, a
 * receiver or host without the time reports 1970 or 1980, and 32-bit seconds end in 2106.
 */
#define READING_UTC_MIN_US (INT64_C(946684800) * 1000000)
#define READING_UTC_MAX_US (INT64_C(4291747200) * 1000000) /* the first that is too late */

/*
 * The epoch of records of legacy clients (legacy_text.h): seq is the record's TIME in
 * us, so a repeated record has the same key. Such numbers are never contiguous: no gaps are
 * counted in this epoch.
 */
#define READING_EPOCH_LEGACY UINT64_C(0x6c65676163790000) /* "legacy" */

enum reading_time_source { /* on disk and on the wire: never renumber */
			   READING_TIME_NONE = 0, /* utc_us is meaningless */
			   READING_TIME_GNSS = 1,
			   READING_TIME_NTP = 2,
			   READING_TIME_HOST = 3, /* the host's clock, set by an unknown source */
			   READING_TIME_SERVER = 4, /* /time of the server */
};

/* Why a node made no reading before its start. On disk and on the wire: never renumber. */
enum reading_start {
	READING_START_NEW = 0, /* a new outbox: nothing is known */
	READING_START_STOP = 1,
	READING_START_CRASH = 2,
	READING_START_POWER = 3,
};

/*
 * The scalars, one row each: id, C type, member, SenML name, unit (SenML
 * registry, or "" where it has none), exponent: value in `unit` = member * 10^exponent.
 * The codecs and the store walk this table; the bit of a row in `known` is its position.
 * The order is not on the wire, but append anyway.
 */
/* clang-format off */
#define READING_SCALARS(X) \
	X(LAT, int32_t, lat_e7, "lat", "lat", -7) \
	X(LON, int32_t, lon_e7, "lon", "lon", -7) \
	X(HEIGHT, int32_t, height_mm, "height", "m", -3)	/* above the ellipsoid */ \
	X(ALT, int32_t, hmsl_mm, "alt", "m", -3)	/* above mean sea level */ \
	X(HACC, uint32_t, hacc_mm, "hacc", "m", -3) \
	X(VACC, uint32_t, vacc_mm, "vacc", "m", -3) \
	X(SPEED, int32_t, speed_mm_s, "speed", "m/s", -3) \
	X(HEADING, int32_t, heading_e5, "heading", "", -5)	/* deg */ \
	X(PDOP, uint16_t, pdop_e2, "pdop", "", -2) \
	X(FIX_TYPE, uint8_t, fix_type, "fix", "", 0) \
	X(FIX_OK, uint8_t, fix_ok, "fixok", "", 0)	/* gnssFixOK: 0 or 1 */ \
	X(NUM_SV, uint8_t, num_sv, "sats", "count", 0) \
	X(FIX_AGE, uint32_t, fix_age_ms, "fixage", "s", -3) \
	X(PULSES, uint64_t, flow_pulses, "pulses", "count", 0) \
	X(FLOW, int32_t, flow_ul_s, "flow", "l/s", -6) \
	X(UPTIME, uint32_t, uptime_s, "uptime", "s", 0) \
	X(CPU_TEMP, int32_t, cpu_mc, "cputemp", "Cel", -3) \
	X(LOAD, uint32_t, load_e2, "load", "", -2) \
	X(MEM_FREE, uint64_t, mem_free_b, "memfree", "B", 0) \
	X(THROTTLED, uint32_t, throttled, "throttled", "", 0)	/* the firmware's bit mask */ \
	X(W1_VIOLATIONS, uint32_t, w1_violations, "w1viol", "count", 0)	/* since the last reading */ \
	X(W1_RETRIES, uint32_t, w1_retries, "w1retry", "count", 0) \
	X(UBX_ERRORS, uint32_t, ubx_errors, "ubxerr", "count", 0) \
	X(UPLINK_FAILURES, uint32_t, uplink_failures, "upfail", "count", 0) \
	X(START, uint8_t, start_cause, "start", "", 0)	/* enum reading_start; known in the first since a start */
/* clang-format on */

enum reading_scalar {
#define X(id, type, member, name, unit, exponent) READING_##id,
	READING_SCALARS(X)
#undef X
		READING_SCALAR_COUNT
};
_Static_assert(READING_SCALAR_COUNT <= 64, "known is 64 bits");

struct reading {
	char device[READING_DEVICE_SIZE]; /* "urn:dev:mac:b827ebfffe123456" */
	uint64_t epoch; /* random, made with the outbox file; 0 is not an epoch */
	uint64_t seq; /* 1, 2, 3 ... per (device, epoch) */

	int64_t utc_us; /* UTC since 1970 */
	enum reading_time_source time_source;
	uint64_t time_acc_ns; /* uncertainty; UINT64_MAX: unknown */
	uint64_t boot_ns; /* CLOCK_BOOTTIME of the sample; 0: unknown */

	uint64_t known; /* bit n: scalar n of READING_SCALARS is known */
#define X(id, type, member, name, unit, exponent) type member;
	READING_SCALARS(X)
#undef X

	char host[READING_HOST_SIZE]; /* "" unknown */
	char version[READING_VERSION_SIZE]; /* "" unknown */
	char note[96]; /* health as text: why the kernel's bus, why no receiver; "" none */

	unsigned n_temperatures;
	struct thermometer_sample temperatures[READING_TEMPERATURES_MAX];
};

/* What the server answers to a POST, per (device, epoch) that it touched. */
struct reading_ack {
	char device[READING_DEVICE_SIZE];
	uint64_t epoch;
	uint64_t complete; /* every seq from 1 to this one is accounted for; 0: not even 1 */
};

/* One row of the table above, for code that walks it. */
struct reading_scalar_info {
	const char *name; /* SenML name */
	const char *unit; /* "" where SenML has none */
	int8_t exponent;
	uint8_t size; /* 1, 2, 4 or 8 bytes */
	bool is_signed;
	size_t offset; /* in struct reading */
};
extern const struct reading_scalar_info reading_scalars[READING_SCALAR_COUNT];

void reading_init(struct reading *r); /* everything unknown */

static inline bool reading_knows(const struct reading *r, enum reading_scalar id)
{
	return (r->known >> id) & 1;
}

/* Value of a scalar as a 64-bit integer. is_signed: how to read it. */
int64_t reading_scalar_get(const struct reading *r, enum reading_scalar id);
/* Stores and marks as known: 0, or -ERANGE if the value does not fit the member. */
int reading_scalar_put(struct reading *r, enum reading_scalar id, int64_t value);

bool reading_equal(const struct reading *a, const struct reading *b);
/* Equal, or dated differently since (boot_ns is the same): one sample under one key. */
bool reading_is_same_sample(const struct reading *a, const struct reading *b);

/*
 * "urn:dev:..." of 9 to 95 characters that a SenML name may hold (RFC 8428 4.5.1: letters,
 * digits, "-", ":", ".", "_") and that need no escape in a CoAP path: 0, or -EINVAL.
 */
int reading_device_check(const char *device);
/* The default name of a device by its MAC (EUI-48 mapped to EUI-64, RFC 9039): "urn:dev:mac:...".
 */
void reading_device_from_mac(const uint8_t mac[6], char device[READING_DEVICE_SIZE]);

/* "none", "gnss", "ntp", "host", "server". */
const char *reading_time_source_name(enum reading_time_source source);
/* "new outbox", "stop", "crash", "power cut"; "unknown" for any other number. */
const char *reading_start_name(uint64_t start);

#endif
