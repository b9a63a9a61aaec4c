// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* PATH_MAX */
#include "sensor_store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "userspace/daemon/file_replace.h"
#include "userspace/daemon/log.h"

static bool read_copy(const char *path, char text[SENSOR_LIST_TEXT_SIZE])
{
	FILE *file = fopen(path, "re");
	size_t size = 0;

	if (file == NULL && errno != ENOENT) {
		log_warning("%s: %s: the sensors get new places", path, strerror(errno));
	}

	if (file != NULL) {
		size = fread(text, 1, SENSOR_LIST_TEXT_SIZE - 1, file);
		fclose(file);
	}
	text[size] = '\0';
	return size > 0;
}

void sensor_store_load(struct outbox *o, const char *outbox_path, struct sensor_list *list)
{
	char text[SENSOR_LIST_TEXT_SIZE] = "", copy[PATH_MAX];
	const char *from = "";
	int rc = outbox_sensors(o, text, sizeof(text));

	if (rc < 0) {
		log_warning("outbox %s: list of sensors: %s", outbox_path, outbox_reason(o));
	}
	snprintf(copy, sizeof(copy), "%s-sensors", outbox_path);
	if (rc == 1) {
		rc = sensor_list_read(list, text) == 0 ? 1 : -EINVAL;
	}
	if (rc != 1 && read_copy(copy, text)) {
		rc = sensor_list_read(list, text);
		from = " from the list beside the outbox";
	}
	if (rc == -EINVAL) {
		log_warning(
			"outbox %s: the list of sensors is damaged behind the first %u: the others get new places",
			outbox_path, list->n);
	}
	list->changed = *from != '\0';
	if (list->n > 0) {
		log_notice("1-Wire: list of sensors: %u known%s", list->n, from);
	}
}

int sensor_store_save(struct outbox *o, const char *outbox_path, struct sensor_list *list)
{
	char text[SENSOR_LIST_TEXT_SIZE], copy[PATH_MAX];
	int rc;

	sensor_list_write(list, text);
	rc = outbox_put_sensors(o, text);
	if (rc == 0) {
		snprintf(copy, sizeof(copy), "%s-sensors", outbox_path);
		file_replace(copy, 0600, true, text, strlen(text)); /* the outbox has it */
		list->changed = false;
	}
	return rc;
}
