/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senml_pack: a Reading or an acknowledgement as a run of SenML records. Pure.
 *
 *   seq       bn = device + "_", bt = UTC in s (0: unknown), v
 *   epoch     vs, 16 hex digits
 *   tsrc      vs, "none" "gnss" "ntp" "host" "server"
 *   tacc boot v, s; only if known
 *   the known scalars of READING_SCALARS; host, version, note (vs) if not empty
 *   then each temperature:
 *   quality   bn = "urn:dev:ow:" + ROM + "_", vs: a name of DS18B20_QUALITIES
 *   temp      v, Cel; sp vd, 9 bytes; res v, bit; retries v, count; each only if known
 *
 * An acknowledgement: epoch (bn = device + "_", vs), complete (v).
 */
#ifndef SENML_PACK_H
#define SENML_PACK_H

#include "userspace/reading/reading.h"
#include "userspace/reading/senml_record.h"

#define SENML_OW_PREFIX "urn:dev:ow:" /* RFC 9039 4.2: a 1-Wire ROM in 16 hex digits */

/* The names of the records that are not scalars. */
/* clang-format off */
#define SENML_DEVICE_FIELDS(X) \
	X(SEQ, "seq") X(EPOCH, "epoch") X(TSRC, "tsrc") X(TACC, "tacc") X(BOOT, "boot") \
	X(HOST, "host") X(VERSION, "version") X(NOTE, "note")
#define SENML_SENSOR_FIELDS(X) \
	X(QUALITY, "quality") X(TEMP, "temp") X(SP, "sp") X(RES, "res") X(RETRIES, "retries")
/* clang-format on */

/* Hands the records to fn, in order. -EINVAL: not a Reading (see senml.h); else 0 or what fn
 * returned.
 */
int senml_pack_reading(const struct reading *reading, senml_record_fn fn, void *context);
int senml_pack_ack(const struct reading_ack *ack, senml_record_fn fn, void *context);

#endif
