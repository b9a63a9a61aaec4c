/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device_json: the label and settings of a device, as the body of PUT and GET
 * /gpsflowtemp/{device} (Content-Format 50):
 *
 *	{"label": "garden", "settings": {"interval": 30}, "retention_days": 365}
 *
 * Each may be left out: then there is none. settings is any JSON object, for the node to interpret.
 * retention_days: 0 keeps for ever.
 */
#ifndef DEVICE_JSON_H
#define DEVICE_JSON_H

#include <stddef.h>

#include "store.h"

/* 0; -EBADMSG with err, which names the field and what was expected; -ENOMEM. */
int device_json_decode(const void *data, size_t size, struct store_device *out, char *err,
		       size_t err_size);
/* malloc'ed; NULL without memory. The same bytes for the same content. */
char *device_json_encode(const struct store_device *d);

#endif
