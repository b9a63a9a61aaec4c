// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* st_ctim */
#include "node_uplink.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "userspace/coaps/coaps_credentials.h"
#include "userspace/daemon/log.h"

#define NS_PER_MS UINT64_C(1000000)

/* From here on the log has a warning each day that the certificate must be renewed. */
#define CERTIFICATE_DAYS 30

static struct coaps_credentials credentials_of(const struct node_config *c)
{
	return (struct coaps_credentials){ .certificate = c->server_certificate,
					   .key = c->server_key,
					   .ca = c->server_ca };
}

/* --- the files ------------------------------------------------------------- */

static void stat_files(struct credential_files *files, const struct node_config *c)
{
	const char *const paths[] = { c->server_certificate, c->server_key, c->server_ca };
	struct stat st;

	memset(files, 0, sizeof(*files)); /* of a file that cannot be seen */
	for (unsigned i = 0; i < 3; i++) {
		if (paths[i] != NULL && stat(paths[i], &st) == 0) {
			files->file[i].device = st.st_dev;
			files->file[i].inode = st.st_ino;
			files->file[i].size = st.st_size;
			files->file[i].mode = st.st_mode;
			files->file[i].changed = st.st_ctim;
		}
	}
}

static void check_exposed(struct node_uplink *n)
{
	const struct coaps_credentials files = credentials_of(n->config);

	if (!coaps_credentials_exposed(&files, n->exposed, sizeof(n->exposed))) {
		n->exposed[0] = '\0';
	} else {
		log_warning("%s", n->exposed);
	}
}

/* Logs a cause once. */
static void keep_error(struct node_uplink *n, const char *error, uint64_t now_ns)
{
	if (strcmp(n->error, error) != 0) {
		snprintf(n->error, sizeof(n->error), "%s", error);
		log_error("%s: %s", error,
			  n->uplink == NULL ? "readings wait in the outbox until it can be used"
					    : "keeping the old certificate, key and CA");
	}
	n->error_ns = now_ns;
}

/* --- open and close ----------------------------------------------------------- */

/* 0, or a code of uplink_open(): -EINVAL is permanent, any other may succeed later. */
static int try_files(struct node_uplink *n, int64_t utc_s, uint64_t now_ns)
{
	const struct coaps_credentials files = credentials_of(n->config);
	struct coaps_certificate_info info = { .not_after_s = 0 };
	struct uplink *fresh;
	char err[sizeof(n->error)], ignored[sizeof(n->error)];
	int code = 0;

	fresh = uplink_open(n->config, n->device, utc_s, &code, err, sizeof(err));
	if (fresh == NULL) {
		keep_error(n, err, now_ns);
		coaps_credentials_check(&files, COAPS_CLIENT, 0, &info, ignored, sizeof(ignored));
		n->not_after_s = info.not_after_s;
		return code;
	}
	uplink_close(n->uplink);
	n->uplink = fresh;
	n->error[0] = '\0';
	n->logged_days = INT_MIN;
	check_exposed(n);
	return 0;
}

static void schedule(struct node_uplink *n, uint64_t now_ns)
{
	n->due_ns = now_ns + n->config->server_retry_max_ms * NS_PER_MS;
}

int node_uplink_open(struct node_uplink *n, const struct node_config *config, const char *device,
		     int64_t utc_s, uint64_t now_ns)
{
	*n = (struct node_uplink){ .config = config, .device = device, .due_ns = UINT64_MAX };
	if (config->n_servers == 0) {
		log_warning("no [server] uri: readings stay in the outbox");
		return 0;
	}
	for (unsigned i = 0; i < config->n_servers; i++) {
		if (strncmp(config->servers[i], "coap://", 7) == 0) {
			log_warning("%s: plain CoAP: no encryption, no authentication",
				    config->servers[i]);
		}
	}
	schedule(n, now_ns);
	stat_files(&n->files, config);
	return try_files(n, utc_s, now_ns) == -EINVAL ? -EINVAL : 0;
}

void node_uplink_close(struct node_uplink *n)
{
	uplink_close(n->uplink);
	n->uplink = NULL;
}

static bool are_same(const struct credential_files *a, const struct credential_files *b)
{
	for (unsigned i = 0; i < 3; i++) {
		const struct credential_file *x = &a->file[i], *y = &b->file[i];

		if (x->device != y->device || x->inode != y->inode || x->size != y->size ||
		    x->mode != y->mode || x->changed.tv_sec != y->changed.tv_sec ||
		    x->changed.tv_nsec != y->changed.tv_nsec) {
			return false;
		}
	}
	return true;
}

bool node_uplink_check(struct node_uplink *n, int64_t utc_s, uint64_t now_ns)
{
	struct credential_files files;
	bool missing = n->uplink == NULL;

	if (now_ns < n->due_ns) {
		return false;
	}
	schedule(n, now_ns);
	stat_files(&files, n->config);
	if (!missing && are_same(&files, &n->files)) {
		return false;
	}
	n->files = files;
	if (try_files(n, utc_s, now_ns) != 0) {
		return false;
	}
	log_notice("%s: %s", n->config->server_certificate,
		   missing ? "can be used now: sending the readings that wait"
			   : "certificate, key or CA replaced: using the new ones");
	return true;
}

void node_uplink_set_utc(struct node_uplink *n, int64_t utc_s, uint64_t now_ns)
{
	if (n->uplink != NULL) {
		uplink_set_utc(n->uplink, utc_s);
	} else if (n->due_ns != UINT64_MAX) {
		n->due_ns = now_ns;
	}
}

void node_uplink_stats(const struct node_uplink *n, struct uplink_stats *stats)
{
	if (n->uplink != NULL) {
		uplink_stats(n->uplink, stats);
	} else {
		*stats = (struct uplink_stats){ .state = "off", .last_error = "" };
	}
	if (n->uplink == NULL && n->config->n_servers > 0) {
		stats->state = "no-credentials";
		stats->server = n->config->servers[0];
		stats->retry_ns = n->due_ns;
		stats->certificate_not_after_s = n->not_after_s;
		for (unsigned i = 0; i < n->config->n_servers; i++) {
			stats->servers[stats->n_servers++] = n->config->servers[i];
		}
	}
	stats->exposed = n->exposed;
	if (n->error[0] != '\0') {
		stats->credentials_error = n->error;
		stats->last_error = n->error;
		stats->last_error_ns = n->error_ns;
	}
}

int node_uplink_days(struct node_uplink *n, const struct clock_stamp *now)
{
	struct uplink_stats stats;
	int days;

	node_uplink_stats(n, &stats);
	if (stats.certificate_not_after_s == 0 || now->source == READING_TIME_NONE) {
		return INT_MIN;
	}
	days = (int)((stats.certificate_not_after_s - now->utc_us / 1000000) / 86400);
	if (n->uplink == NULL || days > CERTIFICATE_DAYS || days == n->logged_days) {
		return days;
	}
	n->logged_days = days;
	if (days < 0) {
		log_error("%s has expired: the server will reject this node; replace the file",
			  n->config->server_certificate);
	} else {
		log_warning("%s expires in %d days: renew it and replace the file",
			    n->config->server_certificate, days);
	}
	return days;
}
