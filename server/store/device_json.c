// SPDX-License-Identifier: BSD-2-Clause
#include "device_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define RETENTION_DAYS_MAX 36500

static int take(const json_t *root, struct store_device *out, char *err, size_t err_size)
{
	const char *key;
	json_t *value;

	if (!json_is_object(root)) {
		snprintf(err, err_size, "expected an object of label, settings and retention_days");
		return -EBADMSG;
	}
	json_object_foreach((json_t *)root, key, value)
	{
		if (strcmp(key, "label") == 0) {
			if (!json_is_string(value) ||
			    json_string_length(value) >= sizeof(out->label) ||
			    strlen(json_string_value(value)) != json_string_length(value)) {
				snprintf(err, err_size,
					 "label: expected a text of at most %zu bytes",
					 sizeof(out->label) - 1);
				return -EBADMSG;
			}
			memcpy(out->label, json_string_value(value), json_string_length(value) + 1);
		} else if (strcmp(key, "settings") == 0) {
			size_t size = json_is_object(value)
					      ? json_dumpb(value, out->settings,
							   sizeof(out->settings) - 1,
							   JSON_COMPACT | JSON_SORT_KEYS)
					      : 0;

			if (size == 0 || size >= sizeof(out->settings)) {
				snprintf(err, err_size,
					 "settings: expected an object of at most %zu bytes",
					 sizeof(out->settings) - 1);
				return -EBADMSG;
			}
			out->settings[size] = '\0';
		} else if (strcmp(key, "retention_days") == 0) {
			out->retention_days = json_is_integer(value) ? json_integer_value(value)
								     : -1;
			if (out->retention_days < 0 || out->retention_days > RETENTION_DAYS_MAX) {
				snprintf(err, err_size,
					 "retention_days: expected 0 (for ever) to %d",
					 RETENTION_DAYS_MAX);
				return -EBADMSG;
			}
		} else {
			snprintf(err, err_size, "%.40s: expected label, settings or retention_days",
				 key);
			return -EBADMSG;
		}
	}
	return 0;
}

int device_json_decode(const void *data, size_t size, struct store_device *out, char *err,
		       size_t err_size)
{
	json_error_t error;
	json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
	int rc;

	memset(out, 0, sizeof(*out));
	out->retention_days = -1;
	if (root == NULL) {
		snprintf(err, err_size, "byte %d: %s", error.position, error.text);
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	}
	rc = take(root, out, err, err_size);
	json_decref(root);
	return rc;
}

char *device_json_encode(const struct store_device *d)
{
	json_t *root = json_object();
	char *text;

	if (d->label[0] != '\0') {
		json_object_set_new(root, "label", json_string(d->label));
	}
	if (d->settings[0] != '\0') {
		json_object_set_new(root, "settings", json_loads(d->settings, 0, NULL));
	}
	if (d->retention_days >= 0) {
		json_object_set_new(root, "retention_days",
				    json_integer((json_int_t)d->retention_days));
	}
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}
