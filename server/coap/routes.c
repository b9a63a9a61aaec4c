// SPDX-License-Identifier: BSD-2-Clause
#include "routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authorise.h"
#include "pending_query.h"
#include "post.h"
#include "refusal_log.h"
#include "request.h"
#include "upload.h"
#include "server/store/device_json.h"
#include "time/now.h"
#include "userspace/coaps/coaps_answer.h"
#include "userspace/reading/senml.h"

struct routes {
	enum coaps_client_auth client_auth;
	struct post post;
	struct pending_queries queries;
	struct transfers uploads;
	struct refusals refusals;
	coap_context_t *context;
};

/* A request under way. */
struct call {
	struct routes *routes;
	coap_session_t *session;
	const coap_pdu_t *request;
	coap_pdu_t *response;
	/* of the path, as far as it has them */
	char device[READING_DEVICE_SIZE];
	uint64_t epoch, seq;
	struct upload_body body; /* of a POST or PUT */
};

static struct routes *routes_of(const coap_session_t *session)
{
	return coaps_server_user(coap_context_get_app_data(coap_session_get_context(session)));
}

/* --- what handlers share -------------------------------------------------- */

/* CBOR unless Accept says JSON; false if it is something else. */
static bool choose_format(struct call *c, struct query *query)
{
	int accept = request_number(c->request, COAP_OPTION_ACCEPT);
	bool gaps = query->kind == QUERY_GAPS;

	query->format = accept == SENML_JSON ? SENML_JSON : SENML_CBOR;
	if (accept == -1 ||
	    (gaps ? accept == REQUEST_FORMAT_JSON : accept == SENML_JSON || accept == SENML_CBOR)) {
		return true;
	}
	request_refuse(c->response, COAP_RESPONSE_CODE_NOT_ACCEPTABLE, -1, "there is %s only",
		       gaps ? "50 (JSON)" : "112 (SenML CBOR) and 110 (SenML JSON)");
	return false;
}

static bool allow(struct call *c, enum authorise_action action, const char *device)
{
	struct coaps_identity who;

	coaps_identity_of(c->session, &who);
	if (authorise(c->routes->client_auth, &who, action, device)) {
		return true;
	}
	request_refuse(c->response, COAP_RESPONSE_CODE_FORBIDDEN, -1,
		       "the certificate%s names %s, which may not %s %s",
		       who.revoked ? " (revoked)" : "",
		       who.name[0] != '\0' ? who.name : "no device",
		       action == AUTHORISE_REMOVE ? "remove from"
		       : action == AUTHORISE_SET  ? "set"
						  : "read",
		       device);
	return false;
}

static bool read_parameters(struct call *c, struct query *query)
{
	struct request_track track;
	char err[160];

	if (request_track(c->request, &track, err, sizeof(err)) < 0) {
		request_refuse(c->response, COAP_RESPONSE_CODE_BAD_REQUEST, -1, "%s", err);
		return false;
	}
	query->track = (struct store_track){ .from_known = track.from_known,
					     .from_us = track.from_us,
					     .to_us = track.to_us,
					     .limit = track.limit };
	query->fields = track.fields;
	return true;
}

static struct query query_of(const struct call *c, enum query_kind kind)
{
	struct query query = { .kind = kind, .epoch = c->epoch, .seq = c->seq };

	memcpy(query.device, c->device, sizeof(query.device));
	return query;
}

static void submit(struct call *c, const struct query *query, struct store_device *settings)
{
	pending_query_submit(&c->routes->queries, query, settings, c->session, c->request,
			     c->response);
}

/* --- handlers ------------------------------------------------------------- */

static void get_newest(struct call *c)
{
	struct query query = query_of(c, QUERY_NEWEST);
	struct coaps_identity who;

	if (!read_parameters(c, &query)) {
		return;
	}
	coaps_identity_of(c->session, &who);
	if (!authorise(c->routes->client_auth, &who, AUTHORISE_READ, NULL)) {
		/* A node may read its own device. */
		if (!allow(c, AUTHORISE_READ, who.name)) {
			return;
		}
		snprintf(query.device, sizeof(query.device), "%s", who.name);
	}
	if (choose_format(c, &query)) {
		submit(c, &query, NULL);
	}
}

static void post_pack(struct call *c)
{
	post_readings(&c->routes->post, NULL, c->session, c->request, &c->body, c->response);
}

static void get_time(struct call *c)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, now_utc_us()),
	    accept = request_number(c->request, COAP_OPTION_ACCEPT);

	if (accept != -1 && accept != 0) {
		request_refuse(c->response, COAP_RESPONSE_CODE_NOT_ACCEPTABLE, -1,
			       "there is 0 (text) only");
		return;
	}
	coap_pdu_set_code(c->response, COAP_RESPONSE_CODE_CONTENT);
	coap_add_option(c->response, COAP_OPTION_CONTENT_FORMAT, 0, NULL); /* text/plain */
	coap_add_option(c->response, COAP_OPTION_MAXAGE, 0, NULL);
	coap_add_data(c->response, (size_t)n, (const uint8_t *)text);
}

/* A track, or with Accept 50 the device's label and settings. */
static void get_device(struct call *c)
{
	bool json = request_number(c->request, COAP_OPTION_ACCEPT) == REQUEST_FORMAT_JSON;
	struct query query = query_of(c, json ? QUERY_DEVICE : QUERY_TRACK);

	if ((json || choose_format(c, &query)) && allow(c, AUTHORISE_READ, c->device) &&
	    (json || read_parameters(c, &query))) {
		submit(c, &query, NULL);
	}
}

static void get_reading(struct call *c)
{
	struct query query = query_of(c, QUERY_ONE);

	if (choose_format(c, &query) && allow(c, AUTHORISE_READ, c->device)) {
		submit(c, &query, NULL);
	}
}

static void get_gaps(struct call *c)
{
	struct query query = query_of(c, QUERY_GAPS);
	char err[160];

	if (request_epoch(c->request, &query.epoch, err, sizeof(err)) < 0) {
		request_refuse(c->response, COAP_RESPONSE_CODE_BAD_REQUEST, -1, "%s", err);
		return;
	}
	if (choose_format(c, &query) && allow(c, AUTHORISE_READ, c->device)) {
		submit(c, &query, NULL);
	}
}

static void remove_as(struct call *c, enum query_kind kind)
{
	struct query query = query_of(c, kind);

	if (allow(c, AUTHORISE_REMOVE, c->device)) {
		submit(c, &query, NULL);
	}
}

static void delete_device(struct call *c)
{
	remove_as(c, QUERY_FORGET);
}

static void delete_reading(struct call *c)
{
	remove_as(c, QUERY_REMOVE);
}

static void put_device(struct call *c)
{
	struct store_device *settings = calloc(1, sizeof(*settings));
	struct query query = query_of(c, QUERY_SET_DEVICE);
	coap_opt_iterator_t at;
	char err[160] = "there is no payload";

	if (settings == NULL) {
		request_refuse(c->response, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, -1,
			       "out of memory");
	} else if (request_number(c->request, COAP_OPTION_CONTENT_FORMAT) != REQUEST_FORMAT_JSON) {
		request_refuse(c->response, COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT, -1,
			       "expected 50 (JSON)");
	} else if (allow(c, AUTHORISE_SET, c->device)) {
		if (c->body.size > 0 && device_json_decode(c->body.data, c->body.size, settings,
							   err, sizeof(err)) == 0) {
			query.if_match = request_etag(c->request, COAP_OPTION_IF_MATCH);
			query.if_none_match =
				coap_check_option(c->request, COAP_OPTION_IF_NONE_MATCH, &at) !=
				NULL;
			submit(c, &query, settings);
			return;
		}
		request_refuse(c->response, COAP_RESPONSE_CODE_BAD_REQUEST, -1, "%s", err);
	}
	free(settings);
}

static void put_reading(struct call *c)
{
	post_readings(&c->routes->post, &(struct post_key){ c->device, c->epoch, c->seq },
		      c->session, c->request, &c->body, c->response);
}

static void post_gap_list(struct call *c)
{
	post_gaps(&c->routes->post, c->device, c->session, c->request, &c->body, c->response);
}

/* --- the table ------------------------------------------------------------ */

static const struct route {
	const char *first; /* segment of the path, of so many; then the device, then the reading */
	unsigned segments;
	coap_request_t method;
	void (*handle)(struct call *c);
} table[] = {
	{ "gpsflowtemp", 1, COAP_REQUEST_GET, get_newest },
	{ "gpsflowtemp", 1, COAP_REQUEST_POST, post_pack },
	{ "gpsflowtemp", 2, COAP_REQUEST_GET, get_device },
	{ "gpsflowtemp", 2, COAP_REQUEST_PUT, put_device },
	{ "gpsflowtemp", 2, COAP_REQUEST_DELETE, delete_device },
	{ "gpsflowtemp", 3, COAP_REQUEST_GET, get_reading },
	{ "gpsflowtemp", 3, COAP_REQUEST_PUT, put_reading },
	{ "gpsflowtemp", 3, COAP_REQUEST_DELETE, delete_reading },
	{ "gaps", 2, COAP_REQUEST_GET, get_gaps },
	{ "gaps", 2, COAP_REQUEST_POST, post_gap_list },
	{ "time", 1, COAP_REQUEST_GET, get_time },
};

/* The row of path and method; NULL: the response has the error. */
static const struct route *find_route(const coap_pdu_t *request, const struct request_path *path,
				      coap_pdu_t *response)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct route *route = &table[i];

		if (route->segments == path->n && strcmp(route->first, path->segment[0]) == 0) {
			if ((int)route->method == (int)coap_pdu_get_code(request)) {
				return route;
			}
			known = true;
		}
	}
	if (known) {
		request_refuse(response, COAP_RESPONSE_CODE_NOT_ALLOWED, -1,
			       "this resource does not have that method");
	} else {
		request_refuse(response, COAP_RESPONSE_CODE_NOT_FOUND, -1, "no such resource");
	}
	return NULL;
}

/* Device and reading of the path. False: the response has the error. */
static bool read_names(const struct request_path *path, struct call *c)
{
	const char *device = path->segment[1], *key = path->segment[2];

	if (path->n >= 2) {
		if (strlen(device) >= sizeof(c->device) || reading_device_check(device) < 0) {
			request_refuse(c->response, COAP_RESPONSE_CODE_NOT_FOUND, -1,
				       "%.100s is no device: expected urn:dev:...", device);
			return false;
		}
		memcpy(c->device, device, strlen(device) + 1);
	}
	if (path->n == 3 && request_key(key, &c->epoch, &c->seq) < 0) {
		request_refuse(
			c->response, COAP_RESPONSE_CODE_NOT_FOUND, -1,
			"%.100s is no reading: expected 16 hex digits of the epoch, a dot, the seq",
			key);
		return false;
	}
	return true;
}

/* False: it is not whole, and the response is set. */
static bool receive_body(struct call *c)
{
	coap_pdu_code_t code = coap_pdu_get_code(c->request);
	coap_opt_iterator_t at;

	if (code != COAP_REQUEST_CODE_POST && code != COAP_REQUEST_CODE_PUT) {
		return true;
	}
	if (coap_check_option(c->request, COAP_OPTION_BLOCK1, &at) != NULL &&
	    coaps_answer_repeat(c->session, c->request, c->response)) {
		return false;
	}
	return upload_receive(&c->routes->uploads, c->session, c->request, c->response, &c->body);
}

/* If-Match and If-None-Match are critical (RFC 7252 5.4.1): where they cannot be obeyed they must
 * not be ignored. */
static bool is_conditional(struct call *c, void (*handle)(struct call *c))
{
	coap_opt_iterator_t at;

	if (handle == put_device ||
	    (request_etag(c->request, COAP_OPTION_IF_MATCH) == 0 &&
	     (handle == put_reading ||
	      coap_check_option(c->request, COAP_OPTION_IF_NONE_MATCH, &at) == NULL))) {
		return false;
	}
	request_refuse(
		c->response, COAP_RESPONSE_CODE_BAD_OPTION, -1,
		"If-Match is for a device's settings, If-None-Match for those and the PUT of "
		"a reading; a reading never changes");
	return true;
}

static void on_request(coap_resource_t *resource, coap_session_t *session,
		       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct call c = { .routes = routes_of(session),
			  .session = session,
			  .request = request,
			  .response = response };
	const struct route *route;
	struct request_path path;

	(void)resource;
	(void)query;
	if (request_path(request, &path) < 0) {
		path.n = 0;
	}
	route = find_route(request, &path, response);
	if (route != NULL && read_names(&path, &c) && !is_conditional(&c, route->handle) &&
	    receive_body(&c)) {
		route->handle(&c);
	}
	upload_body_free(&c.body);
	refusal_log(&c.routes->refusals, session, request, response);
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
		    const coap_nack_reason_t reason, const coap_mid_t mid)
{
	(void)sent;
	(void)reason;
	observers_drop_by_mid(&routes_of(session)->queries.observers, session, mid);
}

/* The server asks nothing: what answers is rejected (RFC 7252 4.2). */
static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
				   const coap_pdu_t *received, const coap_mid_t mid)
{
	(void)session;
	(void)sent;
	(void)received;
	(void)mid;
	return COAP_RESPONSE_FAIL;
}

/* --- registration --------------------------------------------------------- */

/* For /.well-known/core. */
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

static bool register_all(struct routes *r)
{
	/* Interfaces of the CoRE registry: what is posted and read in packs, what is only read. */
	coap_resource_t *pack = add(r->context, "gpsflowtemp", "\"geotherm.readings\"",
				    "\"core.b\"", "\"112 110 0\"");
	coap_resource_t *time = add(r->context, "time", "\"geotherm.time\"", "\"core.rp\"", "0");
	coap_resource_t *others = coap_resource_unknown_init(on_request); /* for PUT */

	if (pack == NULL || time == NULL || others == NULL) {
		return false;
	}
	coap_add_attr(pack, coap_make_str_const("obs"), NULL, 0);
	coap_register_handler(pack, COAP_REQUEST_GET, on_request);
	coap_register_handler(pack, COAP_REQUEST_POST, on_request);
	coap_register_handler(time, COAP_REQUEST_GET, on_request);
	coap_register_handler(others, COAP_REQUEST_GET, on_request);
	coap_register_handler(others, COAP_REQUEST_POST, on_request);
	coap_register_handler(others, COAP_REQUEST_DELETE, on_request);
	for (int method = COAP_REQUEST_FETCH; method <= COAP_REQUEST_IPATCH; method++) {
		coap_register_handler(others, (coap_request_t)method, on_request); /* 4.05 */
	}
	coap_add_resource(r->context, others);
	coap_register_nack_handler(r->context, on_nack);
	coap_register_response_handler(r->context, on_response);
	return true;
}

struct routes *routes_new(const struct routes_config *config)
{
	struct routes *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		return NULL;
	}
	r->client_auth = config->client_auth;
	r->context = coaps_server_context(config->coaps);
	pending_queries_init(&r->queries, config->queries, config->shared);
	r->post = (struct post){
		.ingest = config->ingest,
		.client_auth = config->client_auth,
		.scratch = calloc(POST_READINGS_MAX, sizeof(*r->post.scratch)),
		.observers = &r->queries.observers,
	};
	coaps_server_set_user(config->coaps, r);
	if (r->post.scratch == NULL || !register_all(r)) {
		routes_free(r);
		return NULL;
	}
	return r;
}

/* The earlier one; -1: never. */
static int earlier(int a_ms, int b_ms)
{
	return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

int routes_tick(struct routes *r)
{
	return earlier(earlier(coaps_answers_tick(r->context, now_ns()),
			       observers_tick(&r->queries.observers)),
		       earlier(transfers_tick(&r->uploads, now_ms()),
			       transfers_tick(&r->queries.bodies, now_ms())));
}

struct routes_counts routes_counts(const struct routes *r)
{
	return (struct routes_counts){
		.observers = r->queries.observers.n,
		.observations_refused = r->queries.observers.refused,
		.queries_refused = r->queries.refused,
		.bodies_displaced = r->uploads.displaced + r->queries.bodies.displaced,
	};
}

void routes_free(struct routes *r)
{
	if (r != NULL) {
		/* When the context ends, its sessions drop unacknowledged notifications: no
		 * observer is left to end. */
		coap_register_nack_handler(r->context, NULL);
		pending_queries_free(&r->queries);
		transfers_free(&r->uploads);
		free(r->post.scratch);
		free(r);
	}
}
