/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senml_unpack: SenML records, as they come from a codec, to Readings or acknowledgements. Pure.
 *
 * Base values are resolved (RFC 8428 4.6). Records of other names are ignored; one of our
 * names under a name that is neither the device's nor a sensor's is an error, as is whatever
 * is missing, given twice, of another unit, or does not fit.
 */
#ifndef SENML_UNPACK_H
#define SENML_UNPACK_H

#include "userspace/reading/reading.h"
#include "userspace/reading/senml_resolve.h"

struct senml_unpack {
	struct senml_error *err;
	struct senml_base base;
	size_t n, max;
	struct reading *readings; /* one of the two */
	struct reading_ack *acks;
	uint64_t seen; /* device fields of the current reading or ack */
	uint64_t sensor_seen[READING_TEMPERATURES_MAX];
};

void senml_unpack_readings(struct senml_unpack *u, struct reading *readings, size_t max,
			   struct senml_error *err);
void senml_unpack_acks(struct senml_unpack *u, struct reading_ack *acks, size_t max,
		       struct senml_error *err);

/* A senml_record_fn; context is the struct senml_unpack. */
int senml_unpack_record(void *context, const struct senml_record *record);
/* After the last record: how many there are (1 or more), or negative. */
int senml_unpack_end(struct senml_unpack *u);

#endif
