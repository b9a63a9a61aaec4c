// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coaps_endpoint.h"
#include "time/now.h"

#define BUCKETS 1024
#define NS_PER_MS UINT64_C(1000000)
#define PAYLOAD_MAX 1024 /* RFC 7252 4.6 */

struct token {
	size_t size;
	uint8_t bytes[8]; /* RFC 7252: at most 8 */
};

struct coaps_deferred {
	coap_session_t *session; /* referenced */
	coap_mid_t mid;
	bool confirmable;
	int64_t block1; /* of the answer, RFC 7959 2.3; -1: none */
	bool held; /* the empty ACK was sent: the answer is a separate message */
	unsigned how;
	unsigned unwanted; /* RFC 7967 2.1: bit n - 1 for answers n.xx */
	uint64_t since_ns;
	struct token token;
	struct coaps_deferred *next; /* in its bucket */
	struct coaps_deferred *older, *newer; /* of those that may be held */
};

struct coaps_answers {
	/* By (session, message id): RFC 7252 4.5 asks to know a retransmission. */
	struct coaps_deferred *pending[BUCKETS];
	/* Those that may get an empty ACK and have not yet. */
	struct coaps_deferred *oldest, *newest;
};

struct coaps_answers *coaps_answers_new(void)
{
	return calloc(1, sizeof(struct coaps_answers));
}

void coaps_answers_free(struct coaps_answers *answers)
{
	free(answers);
}

static struct coaps_answers *answers_of(const coap_context_t *context)
{
	return ((const struct coaps_endpoint *)coap_context_get_app_data(context))->answers;
}

/* Answered requests: a list per session, the newest first. */
struct answered {
	struct answered *next;
	coap_mid_t mid;
	bool confirmable, bare; /* bare: the acknowledgement is an empty one */
	int64_t block1;
	uint64_t at_ns;
	struct token token;
	struct coaps_reply reply; /* its payload is ours */
	uint8_t payload[];
};

/* --- messages ------------------------------------------------------------- */

/* What a session that has ended is sent, libcoap would keep, and the session with it. NULL: nothing
 * is. */
static void transmit(coap_session_t *session, coap_pdu_t *pdu)
{
	if (pdu == NULL) {
		return;
	}
	if (coap_session_get_state(session) == COAP_SESSION_STATE_ESTABLISHED) {
		coap_send(session, pdu);
	} else {
		coap_delete_pdu(pdu);
	}
}

static void acknowledge(coap_session_t *session, coap_mid_t mid)
{
	transmit(session, coap_pdu_init(COAP_MESSAGE_ACK, COAP_EMPTY_CODE, mid,
					coap_session_max_pdu_size(session)));
}

static coap_pdu_t *answer_to(coap_session_t *session, coap_mid_t mid, bool confirmable, bool held,
			     const struct token *token)
{
	bool piggyback = confirmable && !held;
	coap_pdu_type_t type = piggyback     ? COAP_MESSAGE_ACK
			       : confirmable ? COAP_MESSAGE_CON
					     : COAP_MESSAGE_NON;
	coap_pdu_t *pdu = coap_pdu_init(type, COAP_RESPONSE_CODE_CONTENT,
					piggyback ? mid : coap_new_message_id(session),
					coap_session_max_pdu_size(session));

	if (pdu != NULL && !coap_add_token(pdu, token->size, token->bytes)) {
		coap_delete_pdu(pdu);
		pdu = NULL;
	}
	return pdu;
}

static void add_uint_option(coap_pdu_t *pdu, coap_option_num_t number, unsigned value)
{
	uint8_t bytes[4];

	coap_add_option(pdu, number, coap_encode_var_safe(bytes, sizeof bytes, value), bytes);
}

/* Options in the order of their numbers: Content-Format 12, Max-Age 14, Block1 27. */
static coap_pdu_t *fill(coap_pdu_t *pdu, const struct coaps_reply *reply, int64_t block1)
{
	if (pdu == NULL) {
		return NULL;
	}
	coap_pdu_set_code(pdu, reply->code);
	if (reply->content_format >= 0) {
		add_uint_option(pdu, COAP_OPTION_CONTENT_FORMAT, (unsigned)reply->content_format);
	}
	if (reply->max_age_s >= 0) {
		add_uint_option(pdu, COAP_OPTION_MAXAGE, (unsigned)reply->max_age_s);
	}
	if (block1 >= 0 && COAP_RESPONSE_CLASS(reply->code) == 2) {
		add_uint_option(pdu, COAP_OPTION_BLOCK1, (unsigned)block1);
	}
	if (reply->payload_size > 0) {
		coap_add_data(pdu,
			      reply->payload_size < PAYLOAD_MAX ? reply->payload_size : PAYLOAD_MAX,
			      reply->payload);
	}
	return pdu;
}

/* --- what has been answered ----------------------------------------------- */

/* Frees the list from here on. */
static void forget(struct answered **at)
{
	struct answered *a = *at, *next;

	*at = NULL;
	for (; a != NULL; a = next) {
		next = a->next;
		free(a);
	}
}

void coaps_answers_forget(coap_session_t *session)
{
	struct answered *first = coap_session_get_app_data(session);

	forget(&first);
	coap_session_set_app_data(session, NULL);
}

static bool is_unwanted(const struct coaps_deferred *d, coap_pdu_code_t code)
{
	return (d->unwanted & 1u << ((code >> 5) - 1)) != 0;
}

/* Without memory the answer is forgotten. */
static void keep(const struct coaps_deferred *d, const struct coaps_reply *reply)
{
	size_t size = reply->payload_size < PAYLOAD_MAX ? reply->payload_size : PAYLOAD_MAX;
	struct answered *a = malloc(sizeof(*a) + size), **at;
	unsigned n = 1;

	if (a == NULL) {
		return;
	}
	*a = (struct answered){
		.next = coap_session_get_app_data(d->session),
		.mid = d->mid,
		.confirmable = d->confirmable,
		.bare = d->held || is_unwanted(d, reply->code),
		.block1 = d->block1,
		.at_ns = now_ns(),
		.token = d->token,
		.reply = *reply,
	};
	a->reply.payload = a->payload;
	a->reply.payload_size = size;
	if (size > 0) {
		memcpy(a->payload, reply->payload, size);
	}
	coap_session_set_app_data(d->session, a);
	for (at = &a->next; *at != NULL; at = &(*at)->next) {
		if (n++ == COAPS_ANSWERS_KEPT ||
		    a->at_ns - (*at)->at_ns > COAPS_ANSWER_LIFETIME_S * 1000 * NS_PER_MS) {
			forget(at);
			return;
		}
	}
}

/* True if the message was answered before; the answer was sent again. */
static bool answer_again(coap_session_t *session, coap_mid_t mid)
{
	const struct answered *a = coap_session_get_app_data(session);

	while (a != NULL && a->mid != mid) {
		a = a->next;
	}
	if (a == NULL || now_ns() - a->at_ns > COAPS_ANSWER_LIFETIME_S * 1000 * NS_PER_MS) {
		return false;
	}
	if (a->confirmable && a->bare) { /* libcoap repeats a separate answer */
		acknowledge(session, mid);
	} else if (a->confirmable) {
		transmit(session, fill(answer_to(session, mid, true, false, &a->token), &a->reply,
				       a->block1));
	}
	return true;
}

/* --- what is pending ------------------------------------------------------- */

static unsigned unwanted_by(const coap_pdu_t *request)
{
	coap_opt_iterator_t at;
	const coap_opt_t *option = coap_check_option(request, COAP_OPTION_NORESPONSE, &at);

	return option != NULL
		       ? coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option))
		       : 0;
}

/* Of the last block of a request: its number and size, no more to come. */
static int64_t block1_of(const coap_pdu_t *request, unsigned how)
{
	coap_block_t block;

	return (how & COAPS_PIGGYBACK) == 0 && coap_get_block(request, COAP_OPTION_BLOCK1, &block)
		       ? (int64_t)block.num << 4 | block.szx
		       : -1;
}

static struct coaps_deferred **bucket(coap_session_t *session, coap_mid_t mid)
{
	struct coaps_answers *answers = answers_of(coap_session_get_context(session));

	return &answers->pending[(((uintptr_t)session >> 6) ^ (unsigned)mid) % BUCKETS];
}

static bool may_be_held(const struct coaps_deferred *d)
{
	return d->confirmable && !d->held && (d->how & COAPS_PIGGYBACK) == 0;
}

static void unheld_push(struct coaps_answers *answers, struct coaps_deferred *d)
{
	d->older = answers->newest;
	*(d->older != NULL ? &d->older->newer : &answers->oldest) = d;
	answers->newest = d;
}

static void unheld_remove(struct coaps_answers *answers, const struct coaps_deferred *d)
{
	*(d->older != NULL ? &d->older->newer : &answers->oldest) = d->newer;
	*(d->newer != NULL ? &d->newer->older : &answers->newest) = d->older;
}

static struct coaps_deferred *find_pending(coap_session_t *session, coap_mid_t mid)
{
	struct coaps_deferred *d = *bucket(session, mid);

	while (d != NULL && (d->session != session || d->mid != mid)) {
		d = d->next;
	}
	return d;
}

/* libcoap sends nothing for a NON response without a code. */
static void silence(coap_pdu_t *response)
{
	coap_pdu_set_type(response, COAP_MESSAGE_NON);
	coap_pdu_set_code(response, COAP_EMPTY_CODE);
}

bool coaps_answer_repeat(coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response)
{
	coap_mid_t mid = coap_pdu_get_mid(request);

	if (find_pending(session, mid) == NULL && !answer_again(session, mid)) {
		return false;
	}
	silence(response);
	return true;
}

int coaps_defer(coap_session_t *session, const coap_pdu_t *request, coap_pdu_t *response,
		unsigned how, struct coaps_deferred **out)
{
	coap_mid_t mid = coap_pdu_get_mid(request);
	coap_bin_const_t token = coap_pdu_get_token(request);
	struct coaps_deferred **list = bucket(session, mid), *d;

	if (find_pending(session, mid) != NULL ||
	    ((how & COAPS_ONCE) != 0 && answer_again(session, mid))) {
		silence(response);
		return -EALREADY;
	}
	if (token.length > sizeof d->token.bytes || (d = calloc(1, sizeof *d)) == NULL) {
		return -ENOMEM;
	}
	d->mid = mid;
	d->confirmable = coap_pdu_get_type(request) == COAP_MESSAGE_CON;
	d->block1 = block1_of(request, how);
	d->how = how;
	d->unwanted = unwanted_by(request);
	d->since_ns = now_ns();
	d->token.size = token.length;
	memcpy(d->token.bytes, token.s, token.length);
	d->session = coap_session_reference(session);
	d->next = *list;
	*list = d;
	if (may_be_held(d)) {
		unheld_push(answers_of(coap_session_get_context(session)), d);
	}
	*out = d;
	silence(response);
	return 0;
}

int coaps_answers_tick(const coap_context_t *context, uint64_t now)
{
	struct coaps_answers *answers = answers_of(context);
	struct coaps_deferred *d;

	while ((d = answers->oldest) != NULL) {
		uint64_t due_ns = d->since_ns + COAPS_HOLD_AFTER_MS * NS_PER_MS;

		if (now < due_ns) {
			return (int)((due_ns - now) / NS_PER_MS) + 1;
		}
		unheld_remove(answers, d);
		d->held = true;
		acknowledge(d->session, d->mid);
	}
	return -1;
}

static void drop(struct coaps_deferred *d)
{
	struct coaps_deferred **at = bucket(d->session, d->mid);

	while (*at != d) {
		at = &(*at)->next;
	}
	*at = d->next;
	if (may_be_held(d)) {
		unheld_remove(answers_of(coap_session_get_context(d->session)), d);
	}
	coap_session_release(d->session);
	free(d);
}

coap_pdu_t *coaps_answer_pdu(const struct coaps_deferred *d)
{
	return answer_to(d->session, d->mid, d->confirmable, d->held, &d->token);
}

void coaps_answer_send(struct coaps_deferred *d, coap_pdu_t *pdu)
{
	if (pdu != NULL && is_unwanted(d, coap_pdu_get_code(pdu))) {
		coap_delete_pdu(pdu);
		if (d->confirmable && !d->held) {
			acknowledge(d->session, d->mid);
		}
	} else {
		transmit(d->session, pdu);
	}
	drop(d);
}

void coaps_answer(struct coaps_deferred *d, const struct coaps_reply *reply)
{
	if ((d->how & COAPS_ONCE) != 0) {
		keep(d, reply);
	}
	coaps_answer_send(d, fill(coaps_answer_pdu(d), reply, d->block1));
}
