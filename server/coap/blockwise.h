/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blockwise: answers to GET that come later and may be long (RFC 7959 Block2).
 *
 * The handler opens one and returns; nothing is sent. When the representation is ready, the
 * requested block is sent, with an ETag of the whole. Long representations are kept by their key
 * and reader (transfers.h), so that a client's next blocks come from the one it began with: libcoap
 * distinguishes its own transfers by query only, which is not enough where one handler serves many
 * paths.
 *
 * Threads: the loop's.
 */
#ifndef BLOCKWISE_H
#define BLOCKWISE_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transfers.h"
#include "userspace/coaps/coaps_answer.h"

#define BLOCKWISE_KEY_SIZE 256
#define BLOCKWISE_PEER_BYTES (8 * 1024 * 1024)
#define BLOCKWISE_ETAGS 4

/* One request that waits for its answer. */
struct blockwise_request {
	struct coaps_deferred *deferred; /* NULL: a notification, a message of its own, of this type
					    and mid */
	coap_session_t *session; /* a reference */
	coap_pdu_type_t type;
	coap_mid_t mid;
	uint8_t token[8];
	size_t token_size;
	uint32_t block;
	unsigned szx;
	int32_t observe; /* -1: no Observe option in the answer */
	uint64_t etags[BLOCKWISE_ETAGS]; /* of the client's copy; 0: none */
	char key[BLOCKWISE_KEY_SIZE];
};

struct blockwise_how {
	const char *key; /* of the representation, below BLOCKWISE_KEY_SIZE */
	unsigned defer; /* as `how` of coaps_defer() */
};

/*
 * In a handler: 1: answered, from what was kept, or a message that came before; 0: *r is open,
 * answer later; -ENAMETOOLONG: the key does not fit, -EINVAL: the block option is invalid, -ENOMEM.
 */
int blockwise_open(struct transfers *kept, struct blockwise_request *r, coap_session_t *session,
		   const coap_pdu_t *request, coap_pdu_t *response,
		   const struct blockwise_how *how);
/* Takes data. If the client already has it (its ETag options), the answer is 2.03 alone. */
void blockwise_answer(struct transfers *kept, struct blockwise_request *r, int content_format,
		      void *data, size_t size);
/* An answer without a representation: success, or an error with its text. Not for a notification.
 */
void blockwise_reply(struct blockwise_request *r, coap_pdu_code_t code, int64_t max_age_s,
		     const char *text);

#endif
