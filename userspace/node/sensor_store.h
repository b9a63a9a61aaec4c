/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sensor_store: the list of sensors on the disk: in the outbox, and a copy in "PATH-sensors" beside
 * it, which is read only where the outbox has no list: it was set aside as damaged, or removed.
 *
 * It is written when a sensor enters or is forgotten, once a day, and at the end: after a crash or
 * a power cut what is known of when a sensor was last seen, and of its make, is a day old at most.
 */
#ifndef NODE_SENSOR_STORE_H
#define NODE_SENSOR_STORE_H

#include "outbox.h"
#include "sensor_list.h"

/* The list as it was saved, else an empty one. Logs what cannot be read. */
void sensor_store_load(struct outbox *o, const char *outbox_path, struct sensor_list *list);

/* 0 and the list is no longer changed, or an error of outbox.h. */
int sensor_store_save(struct outbox *o, const char *outbox_path, struct sensor_list *list);

#endif
