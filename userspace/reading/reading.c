// SPDX-License-Identifier: BSD-2-Clause
#include "reading.h"

#include <errno.h>
#include <string.h>

#include "userspace/reading/hex.h"

#define X(id, type, member, name_, unit_, exponent_)        \
	[READING_##id] = {                                  \
		.name = name_,                              \
		.unit = unit_,                              \
		.exponent = exponent_,                      \
		.size = sizeof(type),                       \
		.is_signed = (type)(~0) < (type)1,          \
		.offset = offsetof(struct reading, member), \
	},
const struct reading_scalar_info reading_scalars[READING_SCALAR_COUNT] = { READING_SCALARS(X) };
#undef X

void reading_init(struct reading *r)
{
	memset(r, 0, sizeof(*r));
	r->time_acc_ns = UINT64_MAX;
}

int64_t reading_scalar_get(const struct reading *r, enum reading_scalar id)
{
	const struct reading_scalar_info *info = &reading_scalars[id];
	const uint8_t *at = (const uint8_t *)r + info->offset;

	switch (info->size) {
	case 1: {
		uint8_t v;

		memcpy(&v, at, sizeof(v));
		return info->is_signed ? (int64_t)(int8_t)v : (int64_t)v;
	}
	case 2: {
		uint16_t v;

		memcpy(&v, at, sizeof(v));
		return info->is_signed ? (int64_t)(int16_t)v : (int64_t)v;
	}
	case 4: {
		uint32_t v;

		memcpy(&v, at, sizeof(v));
		return info->is_signed ? (int64_t)(int32_t)v : (int64_t)v;
	}
	default: {
		int64_t v;

		memcpy(&v, at, sizeof(v));
		return v;
	}
	}
}

int reading_scalar_put(struct reading *r, enum reading_scalar id, int64_t value)
{
	const struct reading_scalar_info *info = &reading_scalars[id];
	uint8_t *at = (uint8_t *)r + info->offset;

	if (info->size < 8) {
		int64_t span = INT64_C(1) << (8 * info->size);
		int64_t min = info->is_signed ? -span / 2 : 0;

		if (value < min || value >= min + span) {
			return -ERANGE;
		}
	}
	switch (info->size) {
	case 1:
		*at = (uint8_t)value;
		break;
	case 2:
		memcpy(at, &(uint16_t){ (uint16_t)value }, 2);
		break;
	case 4:
		memcpy(at, &(uint32_t){ (uint32_t)value }, 4);
		break;
	default:
		memcpy(at, &value, 8);
		break;
	}
	r->known |= UINT64_C(1) << id;
	return 0;
}

static bool temperature_equal(const struct thermometer_sample *a,
			      const struct thermometer_sample *b)
{
	return memcmp(a->rom, b->rom, sizeof(a->rom)) == 0 &&
	       a->scratchpad_known == b->scratchpad_known &&
	       (!a->scratchpad_known ||
		memcmp(a->scratchpad, b->scratchpad, sizeof(a->scratchpad)) == 0) &&
	       a->temp_known == b->temp_known && (!a->temp_known || a->temp_mc == b->temp_mc) &&
	       a->resolution_bits == b->resolution_bits && a->retries == b->retries &&
	       a->quality == b->quality;
}

static bool is_time_equal(const struct reading *a, const struct reading *b)
{
	return a->time_source == b->time_source &&
	       (a->time_source == READING_TIME_NONE || a->utc_us == b->utc_us) &&
	       a->time_acc_ns == b->time_acc_ns;
}

static bool is_equal_but_time(const struct reading *a, const struct reading *b)
{
	if (strcmp(a->device, b->device) != 0 || a->epoch != b->epoch || a->seq != b->seq ||
	    a->boot_ns != b->boot_ns || a->known != b->known || strcmp(a->host, b->host) != 0 ||
	    strcmp(a->version, b->version) != 0 || strcmp(a->note, b->note) != 0 ||
	    a->n_temperatures != b->n_temperatures) {
		return false;
	}
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		if (reading_knows(a, i) && reading_scalar_get(a, i) != reading_scalar_get(b, i)) {
			return false;
		}
	}
	for (unsigned i = 0; i < a->n_temperatures; i++) {
		if (!temperature_equal(&a->temperatures[i], &b->temperatures[i])) {
			return false;
		}
	}
	return true;
}

bool reading_equal(const struct reading *a, const struct reading *b)
{
	return is_time_equal(a, b) && is_equal_but_time(a, b);
}

bool reading_is_same_sample(const struct reading *a, const struct reading *b)
{
	return (a->boot_ns != 0 || is_time_equal(a, b)) && is_equal_but_time(a, b);
}

int reading_device_check(const char *device)
{
	size_t length = 0;

	if (strncmp(device, "urn:dev:", 8) != 0) {
		return -EINVAL;
	}
	for (; device[length] != '\0'; length++) {
		char c = device[length];

		if (length >= READING_DEVICE_SIZE - 1 ||
		    !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == ':' || c == '.' || c == '_')) {
			return -EINVAL;
		}
	}
	return length > 8 ? 0 : -EINVAL;
}

void reading_device_from_mac(const uint8_t mac[6], char device[READING_DEVICE_SIZE])
{
	static const char prefix[] = "urn:dev:mac:";
	/* RFC 9039 4.1: an EUI-48 becomes an EUI-64 by ff:fe in its middle, bits unchanged. */
	const uint8_t eui64[8] = { mac[0], mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

	memcpy(device, prefix, sizeof(prefix) - 1);
	hex_format(device + sizeof(prefix) - 1, eui64, sizeof(eui64));
}

const char *reading_time_source_name(enum reading_time_source source)
{
	static const char *const names[] = {
		[READING_TIME_NONE] = "none",	  [READING_TIME_GNSS] = "gnss",
		[READING_TIME_NTP] = "ntp",	  [READING_TIME_HOST] = "host",
		[READING_TIME_SERVER] = "server",
	};

	return (size_t)source < sizeof(names) / sizeof(names[0]) ? names[source] : "none";
}

const char *reading_start_name(uint64_t start)
{
	static const char *const names[] = {
		[READING_START_NEW] = "new outbox",
		[READING_START_STOP] = "stop",
		[READING_START_CRASH] = "crash",
		[READING_START_POWER] = "power cut",
	};

	return start < sizeof(names) / sizeof(names[0]) ? names[start] : "unknown";
}
