// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "resources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authorise.h"
#include "blockwise.h"
#include "server/store/device_json.h"
#include "observers.h"
#include "post.h"
#include "userspace/daemon/refusals.h"
#include "request.h"
#include "userspace/daemon/log.h"
#include "userspace/reading/senml.h"

#define DOWN_MAX_AGE_S 5
#define FORMAT_JSON 50 /* application/json */
#define EXPIRE_EVERY_MS (3600 * 1000)
#define EXPIRE_FIRST_MS 1000 /* after the start */

struct resources {
	struct coaps_server *coaps;
	enum coaps_client_auth client_auth;
	struct reads *reads;
	struct post post;
	struct blockwise blockwise;
	struct observers observers;
	struct refusals refusals;
	const struct peers *peers;
	int64_t retention_days;
	bool keeps_all;
	uint64_t expire_ms; /* when to look for what is too old */
	bool expiring;
};

/* A GET or DELETE on its way through the store. */
struct asked {
	struct read_job read; /* first: the job is the asked */
	struct resources *resources;
	struct blockwise_request request;
	bool observe;
	struct store_device *set; /* of a PUT; freed with this */
	struct observer *observer; /* not NULL: not a request, but to tell it */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct resources *resources_of(coap_session_t *session)
{
	return coaps_server_user(coap_context_get_app_data(coap_session_get_context(session)));
}

static void asked_free(struct asked *a)
{
	free(a->set);
	free(a);
}

/* --- answers -------------------------------------------------------------- */

static int format_of(const struct read_job *read)
{
	return read->kind == READ_GAPS || read->kind == READ_DEVICE ? FORMAT_JSON : read->format;
}

/* Ours, and those of the other workers. */
static void tell_observers(void *arg, const char *device)
{
	struct resources *r = arg;

	observers_changed(&r->observers, device);
	peers_tell(r->peers, device);
}

/* What an observer is to be told. */
static void looked(struct asked *a)
{
	struct observers *os = &a->resources->observers;

	if (a->read.result >= 0) {
		observers_told(os, a->observer, &a->resources->blockwise, format_of(&a->read),
			       a->read.body, a->read.body_size);
	} else {
		observers_failed(os, a->observer);
	}
	free(a);
}

static void found(struct job *job)
{
	struct asked *a = (struct asked *)job;
	const struct read_job *read = &a->read;

	if (a->observer != NULL) {
		looked(a);
		return;
	}
	/* One chunk is gone; others had their turn. */
	if (read->kind == READ_FORGET && read->result >= 0 && !read->expiry.done &&
	    reads_submit(a->resources->reads, &a->read) == 0) {
		return;
	}
	if (read->result == STORE_DOWN || read->result == STORE_BUSY) {
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, DOWN_MAX_AGE_S,
			       "the store is not available");
	} else if (read->result == -EEXIST) {
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_PRECONDITION_FAILED, -1,
			       "it is not as If-Match or If-None-Match says");
	} else if (read->result == -E2BIG) {
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_BAD_REQUEST, -1,
			       "too many readings for one answer");
	} else if (read->result < 0) {
		log_error("GET: %s", read->why);
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_INTERNAL_ERROR, -1, read->why);
	} else if (read->result == 0 && read->kind != READ_NEWEST && read->kind != READ_TRACK) {
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_NOT_FOUND, -1,
			       "there is nothing of that name");
		free(read->body);
	} else if (read->kind == READ_FORGET && !read->expiry.done) {
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, DOWN_MAX_AGE_S,
			       "not all is removed yet: ask again");
	} else if (read->kind == READ_SET_DEVICE) {
		log_notice("set device=%s label=%s", read->device, a->set->label);
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_CHANGED, -1, "");
	} else if (read->kind == READ_REMOVE || read->kind == READ_FORGET) {
		log_notice("removed device=%s epoch=%016" PRIx64 " seq=%" PRIu64 "%s", read->device,
			   read->epoch, read->seq,
			   read->kind == READ_FORGET ? ": all its readings" : "");
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_DELETED, -1, "");
		tell_observers(a->resources, read->device);
	} else {
		if (a->observe) {
			observers_add(&a->resources->observers, &a->request, read,
				      blockwise_etag(read->body, read->body_size));
		}
		blockwise_answer(&a->resources->blockwise, &a->request, format_of(read), read->body,
				 read->body_size);
	}
	asked_free(a);
}

static int look(void *arg, struct observer *o)
{
	struct resources *r = arg;
	struct asked *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		return -ENOMEM;
	}
	a->resources = r;
	a->read = o->read;
	a->observer = o;
	if (reads_submit(r->reads, &a->read) < 0) {
		free(a);
		return -EAGAIN;
	}
	return 0;
}

static void lost(coap_session_t *session, const coap_pdu_t *sent, const coap_nack_reason_t reason,
		 const coap_mid_t mid)
{
	(void)sent;
	(void)reason;
	observers_lost(&resources_of(session)->observers, session, mid);
}

/* Sends a job on its way: the response stays silent, unless something is in the way of that. */
static void ask(struct resources *r, const struct read_job *read, struct store_device *set,
		coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response)
{
	struct asked *a = calloc(1, sizeof(*a));
	char key[BLOCKWISE_KEY_SIZE];
	bool once;
	int rc;

	if (a == NULL) {
		free(set);
		request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, DOWN_MAX_AGE_S,
			       "out of memory");
		return;
	}
	a->resources = r;
	a->read = *read;
	a->set = a->read.set = set;
	a->read.job.done = found;
	snprintf(key, sizeof(key),
		 "%d %s %016" PRIx64 " %" PRIu64 " %d %" PRId64 " %" PRId64 " %u %d %d%d%d%d%d"
		 "%" PRIx64,
		 read->kind, read->device, read->epoch, read->seq, read->track.from_known,
		 read->track.from_us, read->track.to_us, read->track.limit, read->format,
		 read->fields.some, read->fields.temperatures, read->fields.host,
		 read->fields.version, read->fields.note, read->fields.scalars);
	if (read->kind == READ_NEWEST || read->kind == READ_TRACK) {
		int observe = request_number(request, COAP_OPTION_OBSERVE);

		a->observe = observe == COAP_OBSERVE_ESTABLISH;
		if (observe >= 0) {
			observers_forget(&r->observers, session, coap_pdu_get_token(request));
		}
	}
	once = read->kind == READ_SET_DEVICE || read->kind == READ_REMOVE ||
	       read->kind == READ_FORGET;
	rc = blockwise_open(&r->blockwise, &a->request, session, request, response,
			    once ? COAPS_ONCE : 0, key);
	if (rc != 0) {
		asked_free(a);
		if (rc == -ENOMEM) {
			request_refuse(response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE,
				       DOWN_MAX_AGE_S, "out of memory");
		} else if (rc < 0) {
			request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1,
				       "the Block2 option is none");
		}
		return;
	}
	if (reads_submit(r->reads, &a->read) < 0) {
		blockwise_fail(&a->request, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, DOWN_MAX_AGE_S,
			       "too many requests wait for the store");
		asked_free(a);
	}
}

/* --- handlers ------------------------------------------------------------- */

/* CBOR unless Accept says JSON; false if it says something else. */
static bool choose_format(const coap_pdu_t *request, struct read_job *read, coap_pdu_t *response)
{
	int accept = request_number(request, COAP_OPTION_ACCEPT);
	bool gaps = read->kind == READ_GAPS;

	if (read->kind == READ_TRACK && accept == FORMAT_JSON) {
		read->kind = READ_DEVICE;
		return true;
	}
	read->format = accept == SENML_JSON ? SENML_JSON : SENML_CBOR;
	if (accept == -1 ||
	    (gaps ? accept == FORMAT_JSON : accept == SENML_JSON || accept == SENML_CBOR)) {
		return true;
	}
	request_refuse(response, COAP_RESPONSE_CODE_NOT_ACCEPTABLE, -1, "there is %s only",
		       gaps ? "50 (JSON)" : "112 (SenML CBOR) and 110 (SenML JSON)");
	return false;
}

static bool allow(const struct resources *r, coap_session_t *session, enum authorise_action action,
		  const char *device, coap_pdu_t *response)
{
	struct coaps_identity who;

	coaps_identity_of(session, &who);
	if (authorise(r->client_auth, &who, action, device)) {
		return true;
	}
	request_refuse(response, COAP_RESPONSE_CODE_FORBIDDEN, -1,
		       "the certificate%s names %s, which may not %s %s",
		       who.revoked ? " (revoked)" : "",
		       who.name[0] != '\0' ? who.name : "no device",
		       action == AUTHORISE_REMOVE ? "remove from"
		       : action == AUTHORISE_SET  ? "set"
						  : "read",
		       device);
	return false;
}

static bool take_query(const coap_pdu_t *request, struct read_job *read, coap_pdu_t *response)
{
	struct request_track track;
	char err[160];

	if (request_track(request, &track, err, sizeof(err)) < 0) {
		request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1, "%s", err);
		return false;
	}
	read->track = (struct store_track){ .from_known = track.from_known,
					    .from_us = track.from_us,
					    .to_us = track.to_us,
					    .limit = track.limit };
	read->fields = track.fields;
	return true;
}

static void get_newest(coap_resource_t *resource, coap_session_t *session,
		       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct resources *r = resources_of(session);
	struct read_job read = { .kind = READ_NEWEST };
	struct coaps_identity who;

	(void)resource;
	(void)query;
	if (!take_query(request, &read, response)) {
		return;
	}
	coaps_identity_of(session, &who);
	if (!authorise(r->client_auth, &who, AUTHORISE_READ, NULL)) {
		/* A node sees itself. */
		if (!allow(r, session, AUTHORISE_READ, who.name, response)) {
			return;
		}
		snprintf(read.device, sizeof(read.device), "%s", who.name);
	}
	if (choose_format(request, &read, response)) {
		ask(r, &read, NULL, session, request, response);
	}
}

static void post_pack(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		      const coap_string_t *query, coap_pdu_t *response)
{
	(void)resource;
	(void)query;
	post_readings(&resources_of(session)->post, NULL, session, request, response);
}

static void get_time(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		     const coap_string_t *query, coap_pdu_t *response)
{
	struct timespec now;
	char text[24];
	int n;

	(void)resource;
	(void)session;
	(void)request;
	(void)query;
	clock_gettime(CLOCK_REALTIME, &now);
	n = snprintf(text, sizeof(text), "%" PRId64,
		     (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	coap_add_option(response, COAP_OPTION_CONTENT_FORMAT, 0, NULL); /* text/plain */
	coap_add_option(response, COAP_OPTION_MAXAGE, 0, NULL);
	coap_add_data(response, (size_t)n, (const uint8_t *)text);
}

/* The paths that name a device. False: there is no such path; the response says so. */
static bool route(const coap_pdu_t *request, struct read_job *read, coap_pdu_t *response)
{
	struct request_path path;
	int rc = request_path(request, &path);

	if (rc == 0 && path.n == 2 && strcmp(path.segment[0], "gpsflowtemp") == 0) {
		read->kind = READ_TRACK;
	} else if (rc == 0 && path.n == 3 && strcmp(path.segment[0], "gpsflowtemp") == 0) {
		read->kind = READ_ONE;
	} else if (rc == 0 && path.n == 2 && strcmp(path.segment[0], "gaps") == 0) {
		read->kind = READ_GAPS;
	} else {
		request_refuse(response, COAP_RESPONSE_CODE_NOT_FOUND, -1,
			       "there is no such resource");
		return false;
	}
	if (strlen(path.segment[1]) >= sizeof(read->device) ||
	    reading_device_check(path.segment[1]) < 0) {
		request_refuse(response, COAP_RESPONSE_CODE_NOT_FOUND, -1,
			       "%.100s is no device: expected urn:dev:...", path.segment[1]);
		return false;
	}
	memcpy(read->device, path.segment[1], strlen(path.segment[1]) + 1);
	if (read->kind == READ_ONE && request_key(path.segment[2], &read->epoch, &read->seq) < 0) {
		request_refuse(
			response, COAP_RESPONSE_CODE_NOT_FOUND, -1,
			"%.100s is no reading: expected 16 hex digits of the epoch, a dot, the seq",
			path.segment[2]);
		return false;
	}
	return true;
}

static void get_device(coap_resource_t *resource, coap_session_t *session,
		       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct resources *r = resources_of(session);
	struct read_job read = { .kind = READ_TRACK };

	(void)resource;
	(void)query;
	if (!route(request, &read, response) || !choose_format(request, &read, response) ||
	    !allow(r, session, AUTHORISE_READ, read.device, response)) {
		return;
	}
	if (read.kind == READ_TRACK && !take_query(request, &read, response)) {
		return;
	}
	ask(r, &read, NULL, session, request, response);
}

/* If-Match is critical (RFC 7252 5.4.1): where it can't be heeded it must not be passed over. */
static bool conditional(const coap_pdu_t *request, coap_pdu_t *response)
{
	if (request_etag(request, COAP_OPTION_IF_MATCH) == 0) {
		return false;
	}
	request_refuse(response, COAP_RESPONSE_CODE_BAD_OPTION, -1,
		       "If-Match is for what is said of a device; a reading never changes");
	return true;
}

static void delete_reading(coap_resource_t *resource, coap_session_t *session,
			   const coap_pdu_t *request, const coap_string_t *query,
			   coap_pdu_t *response)
{
	struct resources *r = resources_of(session);
	struct read_job read = { .kind = READ_ONE };

	(void)resource;
	(void)query;
	if (!route(request, &read, response) || conditional(request, response)) {
		return;
	}
	if (read.kind == READ_GAPS) {
		request_refuse(response, COAP_RESPONSE_CODE_NOT_ALLOWED, -1,
			       "gaps cannot be deleted");
		return;
	}
	if (allow(r, session, AUTHORISE_REMOVE, read.device, response)) {
		read.kind = read.kind == READ_ONE ? READ_REMOVE : READ_FORGET;
		ask(r, &read, NULL, session, request, response);
	}
}

/* Its label and settings. */
static void put_device(struct read_job *read, coap_session_t *session, const coap_pdu_t *request,
		       coap_pdu_t *response)
{
	struct resources *r = resources_of(session);
	struct store_device *set = calloc(1, sizeof(*set));
	size_t size, offset, total;
	const uint8_t *data;
	coap_opt_iterator_t at;
	char err[160] = "there is no payload";

	if (request_number(request, COAP_OPTION_CONTENT_FORMAT) != FORMAT_JSON) {
		request_refuse(response, COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT, -1,
			       "expected 50 (JSON)");
	} else if (set != NULL && allow(r, session, AUTHORISE_SET, read->device, response)) {
		if (coap_get_data_large(request, &size, &data, &offset, &total) != 0 &&
		    device_json_decode(data, size, set, err, sizeof(err)) == 0) {
			read->kind = READ_SET_DEVICE;
			read->if_match = request_etag(request, COAP_OPTION_IF_MATCH);
			read->if_none_match =
				coap_check_option(request, COAP_OPTION_IF_NONE_MATCH, &at) != NULL;
			ask(r, read, set, session, request, response);
			return;
		}
		request_refuse(response, COAP_RESPONSE_CODE_BAD_REQUEST, -1, "%s", err);
	}
	free(set);
}

static void put_reading(coap_resource_t *resource, coap_session_t *session,
			const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct read_job read = { .kind = READ_TRACK };

	(void)resource;
	(void)query;
	if (!route(request, &read, response)) {
		return;
	}
	if (read.kind == READ_GAPS) {
		request_refuse(response, COAP_RESPONSE_CODE_NOT_ALLOWED, -1, "gaps are posted");
		return;
	}
	if (read.kind == READ_TRACK) {
		put_device(&read, session, request, response);
		return;
	}
	if (conditional(request, response)) {
		return;
	}
	post_readings(
		&resources_of(session)->post,
		&(struct post_key){ .device = read.device, .epoch = read.epoch, .seq = read.seq },
		session, request, response);
}

/* Only /gaps/{device} takes a POST. */
static void post_device(coap_resource_t *resource, coap_session_t *session,
			const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct read_job read = { .kind = READ_TRACK };

	(void)resource;
	(void)query;
	if (!route(request, &read, response)) {
		return;
	}
	if (read.kind != READ_GAPS) {
		request_refuse(response, COAP_RESPONSE_CODE_NOT_ALLOWED, -1,
			       "this resource does not have that method");
		return;
	}
	post_gaps(&resources_of(session)->post, read.device, session, request, response);
}

/* --- refusals in the log -------------------------------------------------- */

static void log_refusal(coap_session_t *session, const coap_pdu_t *request,
			const coap_pdu_t *response)
{
	struct resources *r = resources_of(session);
	coap_pdu_code_t code = coap_pdu_get_code(response);
	struct coaps_identity who;
	char address[64] = "";
	const uint8_t *words = (const uint8_t *)"";
	size_t size = 0;
	unsigned unsaid;

	/* What tells of a wrong or hostile client, not what is only not there. */
	if (code != COAP_RESPONSE_CODE_BAD_REQUEST && code != COAP_RESPONSE_CODE_FORBIDDEN &&
	    code != COAP_RESPONSE_CODE_REQUEST_TOO_LARGE &&
	    code != COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT) {
		return;
	}
	coaps_identity_of(session, &who);
	coap_print_ip_addr(coap_session_get_addr_remote(session), address, sizeof(address));
	if (!refusals_tell(&r->refusals, who.name[0] != '\0' ? who.name : address, now_ms(),
			   &unsaid)) {
		return;
	}
	coap_get_data(response, &size, &words);
	log_warning(
		"refused %u.%02u method=%d from=%s certificate=%s: %.*s (%u more since the last word)",
		(unsigned)code >> 5, (unsigned)code & 31, (int)coap_pdu_get_code(request), address,
		who.name[0] != '\0' ? who.name : "none", (int)size, (const char *)words, unsaid);
}

#define LOGGED(handler)                                                                     \
	static void handler##_logged(coap_resource_t *resource, coap_session_t *session,    \
				     const coap_pdu_t *request, const coap_string_t *query, \
				     coap_pdu_t *response)                                  \
	{                                                                                   \
		handler(resource, session, request, query, response);                       \
		log_refusal(session, request, response);                                    \
	}
LOGGED(get_newest)
LOGGED(post_pack)
LOGGED(get_device)
LOGGED(post_device)
LOGGED(delete_reading)
LOGGED(put_reading)

/* --- registration --------------------------------------------------------- */

static coap_resource_t *add(coap_context_t *context, const char *path, const char *type,
			    const char *interface, const char *formats)
{
	coap_resource_t *resource = coap_resource_init(coap_make_str_const(path), 0);

	if (resource != NULL) {
		coap_add_attr(resource, coap_make_str_const("rt"), coap_make_str_const(type), 0);
		coap_add_attr(resource, coap_make_str_const("if"), coap_make_str_const(interface),
			      0);
		coap_add_attr(resource, coap_make_str_const("ct"), coap_make_str_const(formats), 0);
		coap_add_resource(context, resource);
	}
	return resource;
}

struct resources *resources_new(const struct resources_config *config)
{
	coap_context_t *context = coaps_server_context(config->coaps);
	struct resources *r = calloc(1, sizeof(*r));
	coap_resource_t *pack, *time, *devices;

	if (r == NULL) {
		return NULL;
	}
	r->coaps = config->coaps;
	r->client_auth = config->client_auth;
	r->reads = config->reads;
	r->peers = config->peers;
	r->keeps_all = config->keeps_all;
	resources_set_retention(r, config->retention_days);
	r->post = (struct post){ .ingest = config->ingest,
				 .client_auth = config->client_auth,
				 .changed = tell_observers,
				 .arg = r };
	r->observers = (struct observers){ .look = look, .arg = r };
	r->post.scratch = calloc(POST_READINGS_MAX, sizeof(*r->post.scratch));
	/* Interfaces of the CoRE registry: what is posted and read in packs, what is only read. */
	pack = add(context, "gpsflowtemp", "\"geotherm.readings\"", "\"core.b\"", "\"112 110 0\"");
	time = add(context, "time", "\"geotherm.time\"", "\"core.rp\"", "0");
	/* Every other path, and every method on it. */
	devices = coap_resource_unknown_init(put_reading_logged);
	if (r->post.scratch == NULL || pack == NULL || time == NULL || devices == NULL) {
		resources_free(r);
		return NULL;
	}
	coap_add_attr(pack, coap_make_str_const("obs"), NULL, 0);
	coap_register_handler(pack, COAP_REQUEST_GET, get_newest_logged);
	coap_register_handler(pack, COAP_REQUEST_POST, post_pack_logged);
	coap_register_handler(time, COAP_REQUEST_GET, get_time);
	coap_register_handler(devices, COAP_REQUEST_GET, get_device_logged);
	coap_register_handler(devices, COAP_REQUEST_POST, post_device_logged);
	coap_register_handler(devices, COAP_REQUEST_DELETE, delete_reading_logged);
	coap_add_resource(context, devices);
	coap_register_nack_handler(context, lost);
	coaps_server_set_user(config->coaps, r);
	return r;
}

/* --- what is too old ------------------------------------------------------ */

static void expired(struct job *job)
{
	struct asked *a = (struct asked *)job;

	if (a->read.result > 0) {
		log_info("retention: %d readings removed", a->read.result);
	}
	if (a->read.result < 0 || a->read.expiry.done ||
	    reads_submit(a->resources->reads, &a->read) < 0) {
		a->resources->expiring = false;
		free(a);
	}
}

/* Returns in how many ms again. */
static int expire(struct resources *r)
{
	uint64_t now = now_ms();
	struct asked *a;

	if (now < r->expire_ms) {
		return (int)(r->expire_ms - now);
	}
	r->expire_ms = now + EXPIRE_EVERY_MS;
	a = r->expiring ? NULL : calloc(1, sizeof(*a));
	if (a != NULL) {
		a->resources = r;
		a->read.kind = READ_EXPIRE;
		a->read.job.done = expired;
		a->read.expiry.days = r->retention_days;
		r->expiring = reads_submit(r->reads, &a->read) == 0;
		if (!r->expiring) {
			free(a);
		}
	}
	return EXPIRE_EVERY_MS;
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

void resources_set_retention(struct resources *r, int64_t days)
{
	r->retention_days = days;
	r->expire_ms = now_ms() + EXPIRE_FIRST_MS;
}

int resources_tick(struct resources *r)
{
	int next = sooner(coaps_answers_tick(now_ms() * 1000000), observers_tick(&r->observers));

	return r->keeps_all ? next : sooner(next, expire(r));
}

void resources_hear(struct resources *r)
{
	char device[READING_DEVICE_SIZE];

	while (peers_hear(r->peers, device, sizeof(device))) {
		observers_changed(&r->observers, device);
	}
}

unsigned resources_observers(const struct resources *r)
{
	return r->observers.n;
}

void resources_free(struct resources *r)
{
	if (r != NULL) {
		observers_free(&r->observers);
		blockwise_free(&r->blockwise);
		free(r->post.scratch);
		free(r);
	}
}
