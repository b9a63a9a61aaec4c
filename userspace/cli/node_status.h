/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_status: the status of the node on this machine (userspace/node/status.h), read and judged;
 * from its socket (control.h), which has it as of now, or else from its file.
 *
 * Ownership: node_status_read() fills, node_status_free() frees. Plain functions.
 */
#ifndef CLI_NODE_STATUS_H
#define CLI_NODE_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "userspace/node/control.h"

#define NODE_STATUS_FILE "/run/geotherm/status.json"
#define NODE_STATUS_PROBLEMS 16

struct node_status {
	json_t *json;
	double age_s; /* since it was written: an age in it has grown by this */
	bool running; /* its process exists, and it is of this boot */
};

/* request: CONTROL_STATUS or CONTROL_SATELLITES. 0, or -1 with err: there is none, it is no status,
 * or of a newer program. */
int node_status_read(const char *path, const char *request, struct node_status *status, char *err,
		     size_t err_size);
void node_status_free(struct node_status *status);

/* The answer of the node that writes this status file, or NULL with err: it does not run, or not
 * answer, or this user may not. */
json_t *node_status_request(const char *path, const char *request, char *err, size_t err_size);

/* A number of it, such as ("outbox", "waiting"); section NULL: at the top. False where it is
 * unknown. */
bool node_status_number(const struct node_status *status, const char *section, const char *key,
			double *number);
double node_status_number_or(const struct node_status *status, const char *section, const char *key,
			     double fallback);
/* A text of it, or "". Valid as long as the status. */
const char *node_status_text(const struct node_status *status, const char *section,
			     const char *key);

/* The same of any object of it, such as a sensor. */
const char *node_status_word(const json_t *object, const char *key);

/* The object of that sensor in ("w1", list), "sensors" or "known"; NULL: none. */
const json_t *node_status_sensor(const struct node_status *status, const char *list,
				 const char *rom);

/* The longest normal time between two readings. */
double node_status_interval_s(const struct node_status *status);

/* What needs attention, a line each; how many. */
struct node_problem {
	char text[600];
};
size_t node_status_judge(const struct node_status *status,
			 struct node_problem problems[NODE_STATUS_PROBLEMS]);

/* "3 s", "4 min", "2 h 14 min", "12 days". */
void node_status_span(double seconds, char *text, size_t size);

#endif
