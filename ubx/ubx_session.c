/* SPDX-License-Identifier: BSD-2-Clause */
#include "ubx_session.h"

#include <errno.h>
#include <string.h>

#define MS 1000000ull

#define PROBE_MS 100		/* an answer at 115200 takes 5 ms and what the receiver needs to think */
#define SETTLE_MS 2		/* bytes still in a UART's FIFO when the wire should be idle */
/* A sleeping receiver needs about 500 ms after the first edge (V14 section 11.2.3.1): the first dwell outlasts that. */
#define FIRST_DWELL_MS 480
/* Two sweeps (2 x 117 ms) never fall into one second: newer parts stop listening for the rest of a second with
 * more than 100 framing errors. */
#define DWELL_MS 1100
#define HEARD_DWELL_MS 30000	/* frames arrive but no answers: only ask, do not disturb */
#define EPOCH_MARGIN_MS 200
#define SILENCE_MS 300
#define GARBAGE_LIMIT 24	/* unreadable bytes in RUN; less may be noise */
#define SAVE_TIMEOUT_MS 2500
#define STEPS_AT_ONCE 4		/* 4 answers of at most 76 bytes: no flood in the receiver's buffers */

#define WAKE_BYTE 0xFF

const uint32_t ubx_session_rates[UBX_RATE_COUNT] = { 115200, 57600, 38400, 19200, 9600, 4800 };

/* Patience with one question. In all 5.75 s: a receiver may take 1.5 s, or drop what comes within 0.3 s of CFG-PRT. */
static const uint16_t step_timeout_ms[] = { 250, 500, 1000, 2000, 2000 };
#define STEP_TRIES (sizeof(step_timeout_ms) / sizeof(step_timeout_ms[0]))
static const uint16_t link_poll_ms[] = { 100, 250, 250, 500 };

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t wire_ns(size_t len, uint32_t baud)
{
	return (uint64_t)len * 10000000000ull / baud;
}

/* --- out --- */

static void send(struct ubx_session *s, uint8_t cls, uint8_t id, const void *payload, size_t len)
{
	if (s->tx_sent) {
		memmove(s->tx, s->tx + s->tx_sent, s->tx_len - s->tx_sent);
		s->tx_len -= s->tx_sent;
		s->tx_sent = 0;
	}
	/* Does not fit: the same as lost on the wire, and so asked again. */
	s->tx_len += ubx_frame_make(s->tx + s->tx_len, sizeof(s->tx) - s->tx_len, cls, id, payload, len);
}

static void poll(struct ubx_session *s, enum ubx_message m)
{
	send(s, ubx_messages[m].cls, ubx_messages[m].id, NULL, 0);
}

static void set_baud(struct ubx_session *s, uint32_t baud)
{
	s->baud_due = s->baud_due || s->baud != baud;
	s->baud = baud;
}

/* All written bytes have left at the old baud, so that it may change. */
static bool wire_is_idle(const struct ubx_session *s, uint64_t now)
{
	return s->tx_len == s->tx_sent && now >= s->wire_idle_ns;
}

bool ubx_session_output(struct ubx_session *s, struct ubx_output *out)
{
	*out = (struct ubx_output){ 0 };
	if (s->baud_due) {
		s->baud_due = false;
		out->baud = s->baud;
		return true;
	}
	out->bytes = s->tx + s->tx_sent;
	out->len = s->tx_len - s->tx_sent;
	return out->len != 0;
}

void ubx_session_written(struct ubx_session *s, size_t len, uint64_t now)
{
	s->tx_sent += len;
	s->counters.tx_bytes += len;
	s->wire_idle_ns = later(s->wire_idle_ns, now) + wire_ns(len, s->baud);
	if (s->tx_sent == s->tx_len) {
		s->tx_sent = s->tx_len = 0;
		s->wire_idle_ns += SETTLE_MS * MS;
	}
}

/* --- finding the receiver --- */

static void enter(struct ubx_session *s, enum ubx_phase phase, uint64_t now)
{
	s->phase = phase;
	s->phase_ns = now;
}

static void enter_probe(struct ubx_session *s, uint64_t now)
{
	enter(s, UBX_PROBE, now);
	s->link_baud = s->config.baud;
	s->cycle = 0;
	s->heard_any = s->heard_nmea = false;
	s->last_frame_ns = 0;
	s->verified = false;
	s->tx_len = s->tx_sent = 0;
	set_baud(s, s->link_baud);
	s->tx[s->tx_len++] = WAKE_BYTE;
	poll(s, UBX_CFG_PRT);
	poll(s, UBX_NAV_PVT);
	s->deadline_ns = now + PROBE_MS * MS;
}

static void enter_sweep(struct ubx_session *s, uint64_t now)
{
	enter(s, UBX_SWEEP, now);
	s->sweep_index = 0;
	s->counters.sweeps++;
	/* Every fourth time elsewhere, if there is something alive that we cannot reach at the
	 * wanted baud: a bad cable at 115200, or a receiver that only talks. */
	s->link_baud = s->config.baud;
	if (s->cycle % 4 == 3 && s->heard_any) {
		static const uint32_t elsewhere[] = { 9600, 38400, 57600, 19200, 4800, 115200 };

		s->link_baud = elsewhere[s->cycle / 4 % UBX_RATE_COUNT];
	}
	s->cycle++;
	s->deadline_ns = now;
}

static void enter_dwell(struct ubx_session *s, uint64_t now)
{
	enter(s, UBX_DWELL, now);
	s->poll_ns = now;
	s->poll_count = 0;
	s->deadline_ns = now + (s->cycle == 1 ? FIRST_DWELL_MS : DWELL_MS) * MS;
}

/* One rate after the other: set it, send CFG-PRT there, wait until the bytes have left. */
static void sweep(struct ubx_session *s, uint64_t now)
{
	uint8_t payload[20];

	if (!wire_is_idle(s, now)) {
		return;
	}
	if (s->sweep_index == UBX_RATE_COUNT) {
		set_baud(s, s->link_baud);
		enter_dwell(s, now);
		return;
	}
	set_baud(s, ubx_session_rates[s->sweep_index++]);
	ubx_profile_blind_port(payload, s->link_baud);
	send(s, 0x06, 0x00, payload, sizeof(payload));
}

static void dwell(struct ubx_session *s, uint64_t now)
{
	bool heard = s->last_frame_ns >= s->phase_ns && s->last_frame_ns != 0;

	if (now >= s->poll_ns) {
		unsigned last = sizeof(link_poll_ms) / sizeof(link_poll_ms[0]) - 1;

		poll(s, UBX_CFG_PRT);
		poll(s, UBX_NAV_PVT);
		s->poll_ns = now + link_poll_ms[s->poll_count < last ? s->poll_count : last] * MS *
			     (heard ? 4 : 1);
		s->poll_count++;
	}
	if (now >= s->deadline_ns && (!heard || now >= s->phase_ns + HEARD_DWELL_MS * MS)) {
		enter_sweep(s, now);
	}
}

/* --- configuring --- */

static bool step_is_over(const struct ubx_step_state *st)
{
	return st->phase >= UBX_STEP_OK;
}

static void step_poll(struct ubx_session *s, unsigned i, uint64_t now)
{
	const struct ubx_step *step = &s->profile.step[i];
	struct ubx_step_state *st = &s->step[i];
	const struct ubx_message_row *m = &ubx_messages[step->message];

	send(s, m->cls, m->id, step->selector, step->selector_len);
	st->polls++;
	st->deadline_ns = later(now, s->wire_idle_ns) + step_timeout_ms[st->tries] * MS;
}

static void step_set(struct ubx_session *s, unsigned i, const uint8_t *answer, size_t len, uint64_t now)
{
	const struct ubx_step *step = &s->profile.step[i];
	const struct ubx_message_row *m = &ubx_messages[step->message];
	struct ubx_step_state *st = &s->step[i];
	uint8_t payload[UBX_PAYLOAD_CFG_MAX];

	memcpy(payload, answer, len);
	ubx_step_apply(step, payload, len);
	send(s, m->cls, m->id, payload, len);
	s->counters.sets++;
	st->sets++;
	st->tries = 0;
	st->phase = UBX_STEP_SET;
	st->polls_at_set = st->polls;
	step_poll(s, i, now);
}

#define SETS_MAX 2

/* An answer to a poll of this step. */
static void step_answer(struct ubx_session *s, unsigned i, const uint8_t *p, size_t len, uint64_t now)
{
	const struct ubx_step *step = &s->profile.step[i];
	const struct ubx_message_row *m = &ubx_messages[step->message];
	struct ubx_step_state *st = &s->step[i];
	int differs = ubx_step_differs(step, p, len);

	st->answers++;
	if (differs < 0) {
		st->phase = UBX_STEP_OK;
		return;
	}
	st->want = (uint8_t)differs;
	st->got = ubx_step_value(step, (unsigned)differs, p, len);
	if (st->phase == UBX_STEP_POLLED) {
		st->original_len = (uint8_t)len;
		memcpy(st->original, p, len);
		step_set(s, i, p, len, now);
	} else if (st->answers <= st->polls_at_set) {
		return;		/* stale: asked before the set */
	} else if (st->sets < SETS_MAX) {
		step_set(s, i, p, len, now);
	} else {
		send(s, m->cls, m->id, st->original, st->original_len);
		s->counters.sets++;
		st->phase = UBX_STEP_DIFFERS;
	}
}

static void step_timeout(struct ubx_session *s, unsigned i, uint64_t now)
{
	struct ubx_step_state *st = &s->step[i];

	s->counters.timeouts++;
	if (++st->tries < STEP_TRIES) {
		step_poll(s, i, now);
	} else {
		st->phase = st->phase == UBX_STEP_SET ? UBX_STEP_DIFFERS : UBX_STEP_UNANSWERED;
	}
}

/* Two steps of one message are not at work together: their ACKs could not be told apart. */
static bool step_may_start(const struct ubx_session *s, unsigned i)
{
	for (unsigned j = 0; j < i; j++) {
		if (s->profile.step[j].message == s->profile.step[i].message && !step_is_over(&s->step[j])) {
			return false;
		}
	}
	return true;
}

static void enter_configure(struct ubx_session *s, uint64_t now)
{
	struct ubx_settings settings = {
		.baud = s->link_baud,
		.rate_ms = ubx_profile_rate_ms(s->link_baud, s->config.rate_ms),
		.dyn_model = s->config.dyn_model, .week = s->config.week, .port = s->port,
	};

	enter(s, UBX_CONFIGURE, now);
	ubx_profile_build(&s->profile, &settings);
	memset(s->step, 0, sizeof(s->step));
	s->sets_before = s->counters.sets;
	s->save_wanted = s->config.save_to_bbr;
	s->save_tries = 0;
	s->identity[0] = '\0';
	s->msss = 0;
	poll(s, UBX_NAV_PVT);
	poll(s, UBX_MON_VER);
}

static void save(struct ubx_session *s, uint64_t now)
{
	uint8_t payload[13] = { 0 };

	if (s->save_tries == 2) {
		s->save_wanted = false;
		return;
	}
	/* Ports, messages, INF, navigation, receiver manager and antenna; into battery-backed RAM
	 * only: the other devices do not exist on a ROM part and bit 3 of the mask is reserved. */
	ubx_msg_put(payload, UBX_CFG_CFG_saveMask, 0, 0x041F);
	ubx_msg_put(payload, UBX_CFG_CFG_devBBR, 0, 1);
	send(s, 0x06, 0x09, payload, sizeof(payload));
	s->save_tries++;
	s->save_deadline_ns = now + SAVE_TIMEOUT_MS * MS;
}

static void enter_run(struct ubx_session *s, uint64_t now)
{
	enter(s, UBX_RUN, now);
	s->missed = 0;
	s->garbage_since_frame = 0;
	s->epoch_due_ns = now + (s->config.rate_ms + EPOCH_MARGIN_MS) * MS;
}

static void configure(struct ubx_session *s, uint64_t now)
{
	unsigned at_work = 0;
	bool all_over = true, verified = true;

	for (unsigned i = 0; i < s->profile.n; i++) {
		struct ubx_step_state *st = &s->step[i];

		if (st->phase == UBX_STEP_TODO && at_work < STEPS_AT_ONCE && step_may_start(s, i)) {
			st->phase = UBX_STEP_POLLED;
			step_poll(s, i, now);
		}
		if (!step_is_over(st) && st->phase != UBX_STEP_TODO && now >= st->deadline_ns) {
			step_timeout(s, i, now);
		}
		if (st->phase > UBX_STEP_OK && s->profile.step[i].required) {
			ubx_session_restart(s, UBX_CAUSE_CONFIG, now);
			return;
		}
		at_work += !step_is_over(st) && st->phase != UBX_STEP_TODO;
		all_over = all_over && step_is_over(st);
		verified = verified && (st->phase == UBX_STEP_OK || st->phase == UBX_STEP_UNSUPPORTED);
	}
	if (!all_over) {
		return;
	}
	s->verified = verified;
	if (s->save_wanted && verified && s->counters.sets != s->sets_before) {
		if (s->save_tries == 0 || now >= s->save_deadline_ns) {
			save(s, now);
		}
		if (s->save_wanted) {
			return;
		}
	}
	enter_run(s, now);
}

/* --- running --- */

static void run(struct ubx_session *s, uint64_t now)
{
	if (s->garbage_since_frame >= GARBAGE_LIMIT) {
		ubx_session_restart(s, UBX_CAUSE_GARBAGE, now);
		return;
	}
	if (now < s->epoch_due_ns) {
		return;
	}
	s->counters.epochs_missed++;
	s->epoch_due_ns += s->config.rate_ms * MS;
	if (++s->missed == 2) {
		ubx_session_restart(s, UBX_CAUSE_SILENT, now);
	}
}

/* --- in --- */

static void link_is_up(struct ubx_session *s, uint8_t port, uint64_t now)
{
	s->port = port;
	if (s->link_baud != s->config.baud && !s->wanted_baud_failed && port == 1) {
		/* Met elsewhere: one more try with the wanted baud before this is accepted. */
		s->wanted_baud_failed = true;
		s->cycle = 0;
		enter_sweep(s, now);
		return;
	}
	s->wanted_baud_failed = s->link_baud != s->config.baud;
	enter_configure(s, now);
}

static void on_pvt(struct ubx_session *s, const struct ubx_item *f, uint64_t now)
{
	struct gnss_fix fix;

	if (!gnss_fix_from_pvt(&fix, f->payload, f->payload_len, now, &s->config.limits)) {
		s->counters.bad_lengths++;
		return;
	}
	/* The same epoch again: polled and periodic, or a receiver that is stuck. */
	if (s->fix_ever && fix.itow_ms == s->fix.itow_ms) {
		return;
	}
	s->fix = fix;
	s->fix_ever = true;
	s->fixes++;
	s->missed = 0;
	s->epoch_due_ns = now + (s->config.rate_ms + EPOCH_MARGIN_MS) * MS;
}

static void append(char *out, size_t size, const char *text)
{
	size_t used = strlen(out), len = strlen(text);

	if (used && used + 1 < size) {
		out[used++] = ' ';
	}
	if (len > size - used - 1) {
		len = size - used - 1;
	}
	memcpy(out + used, text, len);
	out[used + len] = '\0';
}

static void on_version(struct ubx_session *s, const struct ubx_item *f)
{
	char text[31], identity[sizeof(s->identity)] = "";

	ubx_msg_text(f->payload, UBX_MON_VER_swVersion, 0, text, sizeof(text));
	append(identity, sizeof(identity), text);
	ubx_msg_text(f->payload, UBX_MON_VER_hwVersion, 0, text, sizeof(text));
	append(identity, sizeof(identity), text);
	for (unsigned g = 0; g < ubx_msg_groups(UBX_MON_VER, f->payload_len); g++) {
		ubx_msg_text(f->payload, UBX_MON_VER_extension, g, text, sizeof(text));
		if (strncmp(text, "PROTVER", 7) == 0) {
			append(identity, sizeof(identity), text);
		}
	}
	memcpy(s->identity, identity, sizeof(identity));
}

static void on_status(struct ubx_session *s, const struct ubx_item *f, uint64_t now)
{
	uint32_t msss = (uint32_t)ubx_msg_get(f->payload, UBX_NAV_STATUS_msss, 0);
	bool rebooted = msss < s->msss;

	s->msss = msss;
	if (rebooted && s->phase >= UBX_CONFIGURE) {
		ubx_session_restart(s, UBX_CAUSE_REBOOT, now);
	}
}

static void on_ack(struct ubx_session *s, const struct ubx_item *f, bool ack)
{
	enum ubx_message m = ubx_msg_find((uint8_t)ubx_msg_get(f->payload, UBX_ACK_ACK_clsID, 0),
					  (uint8_t)ubx_msg_get(f->payload, UBX_ACK_ACK_msgID, 0));

	s->counters.acks += ack;
	s->counters.naks += !ack;
	if (m == UBX_CFG_CFG && s->save_tries) {
		s->saved = ack;
		s->save_wanted = false;
	}
	for (unsigned i = 0; !ack && s->phase == UBX_CONFIGURE && i < s->profile.n; i++) {
		struct ubx_step_state *st = &s->step[i];

		if (s->profile.step[i].message == m &&
		    (st->phase == UBX_STEP_POLLED || st->phase == UBX_STEP_SET)) {
			st->phase = UBX_STEP_UNSUPPORTED;
		}
	}
}

static void on_config(struct ubx_session *s, enum ubx_message m, const struct ubx_item *f, uint64_t now)
{
	if (m == UBX_CFG_PRT && s->phase < UBX_CONFIGURE && s->baud == s->link_baud) {
		link_is_up(s, (uint8_t)ubx_msg_get(f->payload, UBX_CFG_PRT_portID, 0), now);
	}
	for (unsigned i = 0; s->phase == UBX_CONFIGURE && i < s->profile.n; i++) {
		const struct ubx_step *step = &s->profile.step[i];
		const struct ubx_step_state *st = &s->step[i];

		if (step->message == m && f->payload_len >= step->selector_len &&
		    f->payload_len <= UBX_PAYLOAD_CFG_MAX &&
		    memcmp(f->payload, step->selector, step->selector_len) == 0 &&
		    (st->phase == UBX_STEP_POLLED || st->phase == UBX_STEP_SET)) {
			step_answer(s, i, f->payload, f->payload_len, now);
		}
	}
}

static void on_frame(struct ubx_session *s, const struct ubx_item *f, uint64_t now)
{
	enum ubx_message m = ubx_msg_find(f->cls, f->id);

	s->last_frame_ns = now;
	s->garbage_since_frame = 0;
	if (m == UBX_MESSAGE_COUNT) {
		s->counters.unknown_messages++;
		return;
	}
	if (!ubx_msg_length_ok(m, f->payload_len)) {
		s->counters.bad_lengths++;
		return;
	}
	switch (m) {
	case UBX_NAV_PVT:
		on_pvt(s, f, now);
		break;
	case UBX_NAV_STATUS:
		on_status(s, f, now);
		break;
	case UBX_MON_VER:
		on_version(s, f);
		break;
	case UBX_ACK_ACK:
	case UBX_ACK_NAK:
		on_ack(s, f, m == UBX_ACK_ACK);
		break;
	default:
		on_config(s, m, f, now);
		break;
	}
}

static void on_garbage(struct ubx_session *s, const struct ubx_item *g, bool after_silence, uint64_t now)
{
	s->garbage_since_frame += g->len;
	s->heard_nmea = s->heard_nmea || (g->len >= 2 && memchr(g->bytes, '$', g->len - 1) != NULL);
	/* Something has come alive: it wants a sweep now, not at the end of the dwell. */
	if (s->phase == UBX_DWELL && after_silence && now >= s->phase_ns + SILENCE_MS * MS) {
		enter_sweep(s, now);
	}
}

static void feed(struct ubx_session *s, const uint8_t *p, size_t len, bool after_silence, uint64_t now)
{
	struct ubx_item item;

	do {
		size_t eaten = ubx_frame_feed(&s->rx, p, len, &item);

		if (p) {
			p += eaten;
			len -= eaten;
		}
		if (item.kind == UBX_ITEM_FRAME) {
			on_frame(s, &item, now);
		} else if (item.kind == UBX_ITEM_GARBAGE) {
			on_garbage(s, &item, after_silence, now);
		}
	} while (item.kind != UBX_ITEM_NONE);
}

/* Until when the frame begun may take: twice its wire time, and time for a busy host. */
static uint64_t pending_until(const struct ubx_session *s)
{
	size_t size = ubx_frame_pending(&s->rx);

	return size ? s->pending_since_ns + 2 * wire_ns(size, s->baud) + SILENCE_MS * MS : UINT64_MAX;
}

static void note_pending(struct ubx_session *s, uint64_t now)
{
	uint64_t at = s->rx.bytes_in - s->rx.len;

	if (at != s->pending_at) {
		s->pending_at = at;
		s->pending_since_ns = now;
	}
}

static void advance(struct ubx_session *s, uint64_t now)
{
	switch (s->phase) {
	case UBX_PROBE:
		if (now >= s->deadline_ns) {
			enter_sweep(s, now);
			sweep(s, now);
		}
		break;
	case UBX_SWEEP:
		sweep(s, now);
		break;
	case UBX_DWELL:
		dwell(s, now);
		break;
	case UBX_CONFIGURE:
		configure(s, now);
		break;
	case UBX_RUN:
		run(s, now);
		break;
	}
}

void ubx_session_rx(struct ubx_session *s, const uint8_t *p, size_t len, uint64_t now)
{
	bool after_silence = now >= s->last_rx_ns + SILENCE_MS * MS;

	if (len == 0) {
		return;
	}
	s->heard_any = true;
	s->last_rx_ns = now;
	feed(s, p, len, after_silence, now);
	note_pending(s, now);
	advance(s, now);
}

void ubx_session_tick(struct ubx_session *s, uint64_t now)
{
	while (now >= pending_until(s)) {
		ubx_frame_give_up(&s->rx);
		feed(s, NULL, 0, false, now);
		note_pending(s, now);
	}
	advance(s, now);
}

uint64_t ubx_session_deadline(const struct ubx_session *s)
{
	uint64_t at = UINT64_MAX, pending = pending_until(s);

	switch (s->phase) {
	case UBX_PROBE:
		at = s->deadline_ns;
		break;
	case UBX_SWEEP:
		/* While the port takes no bytes there is nothing to wait for here. */
		at = s->tx_len == s->tx_sent ? s->wire_idle_ns : UINT64_MAX;
		break;
	case UBX_DWELL:
		at = s->poll_ns < s->deadline_ns ? s->poll_ns : s->deadline_ns;
		break;
	case UBX_CONFIGURE:
		for (unsigned i = 0; i < s->profile.n; i++) {
			const struct ubx_step_state *st = &s->step[i];

			if (!step_is_over(st) && st->phase != UBX_STEP_TODO && st->deadline_ns < at) {
				at = st->deadline_ns;
			}
		}
		if (at == UINT64_MAX) {
			at = s->save_deadline_ns;
		}
		break;
	case UBX_RUN:
		at = s->epoch_due_ns;
		break;
	}
	return at < pending ? at : pending;
}

int ubx_session_init(struct ubx_session *s, const struct ubx_session_config *config, uint64_t now)
{
	bool known = false;

	for (unsigned i = 0; i < UBX_RATE_COUNT; i++) {
		known = known || ubx_session_rates[i] == config->baud;
	}
	if (!known || config->rate_ms == 0 ||
	    ubx_profile_rate_ms(config->baud, config->rate_ms) != config->rate_ms) {
		return -EINVAL;
	}
	memset(s, 0, sizeof(*s));
	s->config = *config;
	s->baud_due = true;
	s->last_rx_ns = now;
	enter_probe(s, now);
	return 0;
}

void ubx_session_restart(struct ubx_session *s, enum ubx_restart_cause cause, uint64_t now)
{
	s->cause = cause;
	s->counters.restarts++;
	if (cause == UBX_CAUSE_PORT) {
		s->baud_due = true;
		s->wire_idle_ns = now;
	}
	enter_probe(s, now);
}

const struct gnss_fix *ubx_session_fix(const struct ubx_session *s, uint64_t now)
{
	uint64_t rate_ms = s->config.rate_ms > 1000 || s->phase == UBX_RUN ? s->config.rate_ms : 1000;
	bool fresh = s->fix_ever && now < s->fix.received_ns + (2 * rate_ms + EPOCH_MARGIN_MS) * MS;

	return fresh ? &s->fix : NULL;
}
