// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_session.h"

#include <errno.h>
#include <string.h>

#define MS 1000000ull

#define DEFAULT_RATE_MS 1000 /* of a receiver that was not set */
#define PROBE_MS 100 /* an answer at 115200 takes 5 ms and the receiver's processing time */
#define EPOCH_MARGIN_MS 200
#define SILENCE_MS 300
#define ANSWER_MS 2200 /* the slowest answer known takes 1.5 s */
#define BACKOFF_MS 1000 /* before starting over with a receiver that refuses what is needed */
#define GARBAGE_LIMIT 160 /* more than one damaged NAV-PVT and NAV-STATUS */
#define HEALTH_POLL_MS 2000
#define SILENT_RESTARTS_MAX 3

static void enter(struct ubx_session *s, enum ubx_phase phase, uint64_t now)
{
	s->phase = phase;
	s->phase_ns = now;
}

/* --- finding the receiver --- */

static void poll_pvt(struct ubx_session *s, uint64_t now)
{
	ubx_tx_poll(&s->tx, UBX_NAV_PVT);
	ubx_timing_polled(&s->timing, now);
}

static void poll_link(struct ubx_session *s, uint64_t now)
{
	ubx_tx_poll(&s->tx, UBX_CFG_PRT);
	poll_pvt(s, now);
}

static void enter_probe(struct ubx_session *s, uint64_t now)
{
	enter(s, UBX_PROBE, now);
	ubx_search_begin(&s->search, s->config.baud);
	s->rx_any = false;
	s->timing.known = false;
	s->split_epoch = false;
	s->last_frame_ns = 0;
	s->garbage = s->odd_garbage = 0;
	s->verified = false;
	s->hurried = false;
	s->assisted = false;
	s->health.msss_ms = 0;
	ubx_tx_clear(&s->tx);
	ubx_tx_set_baud(&s->tx, s->search.link_baud);
	ubx_tx_wake(&s->tx);
	poll_link(s, now);
	s->deadline_ns = now + PROBE_MS * MS;
}

static void enter_sweep(struct ubx_session *s, uint64_t now)
{
	enter(s, UBX_SWEEP, now);
	ubx_search_next(&s->search, s->rx_any);
	s->counters.sweeps++;
}

static void sweep(struct ubx_session *s, uint64_t now)
{
	if (ubx_search_sweep(&s->search, &s->tx, now)) {
		enter(s, UBX_DWELL, now);
		s->last_frame_ns = 0;
	}
}

static void dwell(struct ubx_session *s, uint64_t now)
{
	if (ubx_search_polls(&s->search, s->last_frame_ns, now)) {
		poll_link(s, now);
	}
	if (ubx_search_is_over(&s->search, now)) {
		s->hurried = false;
		enter_sweep(s, now);
	}
}

static void enter_configure(struct ubx_session *s, uint64_t now)
{
	struct ubx_settings settings = {
		.baud = s->search.link_baud,
		.rate_ms = ubx_profile_rate_ms(s->search.link_baud, s->config.rate_ms,
					       s->split_epoch ? UBX_SPLIT_EPOCH_BYTES
							      : UBX_EPOCH_BYTES),
		.dyn_model = s->config.dyn_model,
		.week = s->config.week,
		.port = s->port,
		.split_epoch = s->split_epoch,
	};

	enter(s, UBX_CONFIGURE, now);
	/* Until it reports its own. */
	s->rate_ms = s->observed_ms > DEFAULT_RATE_MS ? s->observed_ms : DEFAULT_RATE_MS;
	s->last_frame_ns = now;
	s->deadline_ns = UINT64_MAX;
	s->save = (struct ubx_save){ .wanted = s->config.save_to_bbr };
	s->identity[0] = '\0';
	s->assist_due = true;
	s->health = (struct ubx_health){ 0 };
	ubx_steps_begin(&s->steps, &settings);
	poll_pvt(s, now);
	ubx_tx_poll(&s->tx, UBX_MON_VER);
}

static void link_is_up(struct ubx_session *s, uint8_t port, uint64_t now)
{
	s->port = port;
	if (s->search.link_baud != s->config.baud && !s->wanted_baud_failed && port == 1) {
		/* Found at another baud: one more try with the configured one before this is
		 * accepted. */
		s->wanted_baud_failed = true;
		ubx_search_begin(&s->search, s->config.baud);
		enter_sweep(s, now);
		return;
	}
	s->wanted_baud_failed = s->search.link_baud != s->config.baud;
	enter_configure(s, now);
}

/* --- configuring and running --- */

/* true: over (done, refused, unanswered or not wanted). */
static bool save(struct ubx_session *s, uint64_t now)
{
	uint8_t payload[13] = { 0 };

	/* No set was needed: nothing to save. */
	if (!s->save.wanted || !s->verified || !s->steps.changed || s->save.done) {
		return true;
	}
	if (s->save.tries && now < s->save.deadline_ns) {
		return false;
	}
	if (s->save.tries == 2) {
		return true;
	}
	/* Ports, messages, INF, navigation, receiver manager and antenna; into battery-backed RAM
	 * only: the other devices do not exist on a ROM part and bit 3 of the mask is reserved. */
	ubx_msg_put(payload, UBX_CFG_CFG_saveMask, 0, 0x041F);
	ubx_msg_put(payload, UBX_CFG_CFG_devBBR, 0, 1);
	ubx_tx_frame(&s->tx, UBX_CFG_CFG, payload, sizeof(payload));
	s->save.tries++;
	s->save.deadline_ns = now + ANSWER_MS * MS;
	return false;
}

static void enter_run(struct ubx_session *s, uint64_t now)
{
	enter(s, UBX_RUN, now);
	s->missed = 0;
	s->polls = 0;
	s->poll_ns = now + HEALTH_POLL_MS / 4 * MS;
	s->garbage = 0;
	s->epoch_due_ns = now + (s->rate_ms + EPOCH_MARGIN_MS) * MS;
}

/* The receiver answered that it does not send NAV-PVT; a lost answer says nothing. */
static bool has_no_pvt(const struct ubx_steps *steps)
{
	const struct ubx_step *failed = ubx_steps_failed(steps);

	return ubx_step_subject(failed) == UBX_NAV_PVT &&
	       steps->state[failed - steps->profile.step].phase != UBX_STEP_UNANSWERED;
}

static void configure(struct ubx_session *s, uint64_t now)
{
	enum ubx_steps_result result;

	if (s->deadline_ns != UINT64_MAX) { /* refused what is needed: wait before starting over */
		if (now >= s->deadline_ns) {
			ubx_session_restart(s, UBX_CAUSE_CONFIG, now);
		}
		return;
	}
	if (now >= s->last_frame_ns + ANSWER_MS * MS) {
		ubx_session_restart(s, UBX_CAUSE_SILENT, now);
		return;
	}
	if (s->odd_garbage >= GARBAGE_LIMIT) {
		ubx_session_restart(s, UBX_CAUSE_GARBAGE, now);
		return;
	}
	result = ubx_steps_work(&s->steps, &s->tx, now);
	if (result == UBX_STEPS_FAILED && !s->split_epoch && has_no_pvt(&s->steps)) {
		s->split_epoch = true;
		enter_configure(s, now);
	} else if (result == UBX_STEPS_FAILED) {
		s->deadline_ns = now + BACKOFF_MS * MS;
	} else if (result != UBX_STEPS_AT_WORK) {
		s->verified = result == UBX_STEPS_VERIFIED;
		if (save(s, now)) {
			enter_run(s, now);
		}
	}
}

static void poll_health(struct ubx_session *s, uint64_t now)
{
	static const enum ubx_message turns[] = {
		UBX_MON_HW,
		UBX_MON_IO,
		UBX_MON_RXBUF,
		UBX_MON_TXBUF,
	};

	/* A lost MON-VER is polled again by itself. */
	if (s->identity[0] == '\0' && s->polls % 2) {
		ubx_tx_poll(&s->tx, UBX_MON_VER);
	} else {
		ubx_tx_poll(&s->tx, turns[s->polls % (sizeof(turns) / sizeof(turns[0]))]);
	}
	s->polls++;
	s->poll_ns = now + HEALTH_POLL_MS * MS;
}

bool ubx_session_poll_satellites(struct ubx_session *s)
{
	if (s->phase != UBX_RUN) {
		return false;
	}
	s->health.seen &= (uint8_t)~UBX_SEEN_SVINFO;
	ubx_tx_poll(&s->tx, UBX_NAV_SVINFO);
	return true;
}

/* It answers and is configured, but sends no epochs: hot restart. */
static void hot_restart(struct ubx_session *s)
{
	uint8_t payload[4] = { 0 };

	ubx_msg_put(payload, UBX_CFG_RST_resetMode, 0, 1); /* software, hot (mask 0) */
	ubx_tx_frame(&s->tx, UBX_CFG_RST, payload, sizeof(payload));
	s->counters.resets++;
	s->silent_restarts = 0;
}

static void run(struct ubx_session *s, uint64_t now)
{
	if (s->garbage >= GARBAGE_LIMIT) {
		ubx_session_restart(s, UBX_CAUSE_GARBAGE, now);
		return;
	}
	if (now >= s->poll_ns) {
		poll_health(s, now);
	}
	if (now < s->epoch_due_ns) {
		return;
	}
	s->counters.epochs_missed++;
	s->epoch_due_ns += s->rate_ms * MS;
	if (++s->missed == 2) {
		s->silent_restarts++;
		ubx_session_restart(s, UBX_CAUSE_SILENT, now);
	}
}

/* --- messages --- */

static void send_assist(struct ubx_session *s, uint64_t now)
{
	uint8_t payload[UBX_AID_INI_SIZE];
	size_t len = ubx_assist_make(payload, &s->assist, now);

	s->assist_due = false;
	if (len) {
		ubx_tx_frame(&s->tx, UBX_AID_INI, payload, len);
		s->assisted = true;
	}
}

/* An epoch; `size`: bytes on the wire of the message that completed it. */
static void on_epoch(struct ubx_session *s, struct gnss_fix *fix, size_t size, uint64_t now)
{
	if (s->phase >= UBX_CONFIGURE && s->assist_due) {
		s->assist_due = fix->fix_type == 0;
		if (s->assist_due) {
			send_assist(s, now);
		}
	}
	/* A repeated epoch: polled and periodic, or a receiver that hangs. */
	if (s->fix_ever && fix->itow_ms == s->fix.itow_ms) {
		ubx_timing_answered(&s->timing);
		return;
	}
	if (s->fix_ever && fix->itow_ms - s->fix.itow_ms <= UINT16_MAX) {
		s->observed_ms = (uint16_t)(fix->itow_ms - s->fix.itow_ms);
	}
	if (s->fix_ever) {
		gnss_fix_doubt(fix, &s->fix);
	}
	ubx_timing_judge(&s->timing, fix, size, s->tx.baud, s->phase == UBX_CONFIGURE,
			 s->evidence.answer_ns != 0);
	ubx_assist_from_fix(&s->assist, fix);
	s->fix = *fix;
	s->fix_ever = true;
	s->fixes++;
	fix_queue_put(&s->queue, fix);
	if (s->phase == UBX_RUN) {
		s->missed = 0;
		s->silent_restarts = 0;
		s->epoch_due_ns = now + (s->rate_ms + EPOCH_MARGIN_MS) * MS;
	}
}

static void on_pvt(struct ubx_session *s, const struct ubx_item *f, uint64_t now)
{
	struct gnss_fix fix;

	if (gnss_fix_from_pvt(&fix, f->payload, f->payload_len, now, &s->config.limits)) {
		on_epoch(s, &fix, f->len, now);
	} else {
		s->counters.bad_lengths++;
	}
}

/* Of a receiver that has NAV-PVT they are not needed. */
static void on_part(struct ubx_session *s, enum ubx_message m, const struct ubx_item *f,
		    uint64_t now)
{
	struct gnss_fix fix;

	if (!s->has_pvt && gnss_parts_add(&s->parts, m, f->payload) &&
	    gnss_fix_from_parts(&fix, &s->parts, now, &s->config.limits)) {
		on_epoch(s, &fix, f->len, now);
	}
}

static void on_health(struct ubx_session *s, enum ubx_message m, const struct ubx_item *f,
		      uint64_t now)
{
	uint32_t msss = s->health.msss_ms;

	ubx_health_take(&s->health, m, f->payload, f->payload_len, s->port);
	if (m == UBX_MON_VER) {
		ubx_health_identity(&s->health, s->identity, sizeof(s->identity));
	} else if (m == UBX_NAV_STATUS && s->health.msss_ms < msss && s->phase >= UBX_CONFIGURE) {
		ubx_session_restart(s, UBX_CAUSE_REBOOT, now);
	}
}

static void on_ack(struct ubx_session *s, const struct ubx_item *f, bool ack, uint64_t now)
{
	enum ubx_message m = ubx_msg_find((uint8_t)ubx_msg_get(f->payload, UBX_ACK_ACK_clsID, 0),
					  (uint8_t)ubx_msg_get(f->payload, UBX_ACK_ACK_msgID, 0));

	s->evidence.answer_ns = now;
	s->evidence.nak_ns = ack ? s->evidence.nak_ns : now;
	s->counters.acks += ack;
	s->counters.naks += !ack;
	if (m == UBX_CFG_CFG && s->save.tries) {
		s->save.done = ack;
		s->save.wanted = false;
	} else if (!ack && s->phase == UBX_CONFIGURE) {
		ubx_steps_nak(&s->steps, m);
	}
}

static void on_config(struct ubx_session *s, enum ubx_message m, const struct ubx_item *f,
		      uint64_t now)
{
	s->evidence.answer_ns = now;
	if (m == UBX_CFG_RATE) {
		int64_t rate_ms = ubx_msg_get(f->payload, UBX_CFG_RATE_measRate, 0) *
				  ubx_msg_get(f->payload, UBX_CFG_RATE_navRate, 0);

		s->rate_ms = rate_ms > 0 && rate_ms <= UINT16_MAX ? (uint16_t)rate_ms : s->rate_ms;
	}
	if (m == UBX_CFG_PRT && s->phase < UBX_CONFIGURE && s->tx.baud == s->search.link_baud) {
		link_is_up(s, (uint8_t)ubx_msg_get(f->payload, UBX_CFG_PRT_portID, 0), now);
	}
	if (s->phase == UBX_CONFIGURE) {
		ubx_steps_answer(&s->steps, &s->tx, m, f->payload, f->payload_len, now);
	}
}

static bool contains_text(const uint8_t *p, size_t len, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= len; i++) {
		if (memcmp(p + i, text, n) == 0) {
			return true;
		}
	}
	return false;
}

static void on_report(struct ubx_session *s, enum ubx_message m, const struct ubx_item *f,
		      uint64_t now)
{
	switch (m) {
	case UBX_NAV_PVT:
		s->has_pvt = true;
		on_pvt(s, f, now);
		break;
	case UBX_NAV_SOL:
	case UBX_NAV_POSLLH:
	case UBX_NAV_VELNED:
	case UBX_NAV_TIMEUTC:
		on_part(s, m, f, now);
		break;
	default:
		on_health(s, m, f, now);
		break;
	}
}

/* INF: text; id 0 is an error, 1 a warning, 2 a notice, of which one is the boot banner. */
static void on_inf(struct ubx_session *s, const struct ubx_item *f, uint64_t now)
{
	size_t n = f->payload_len < UBX_NOTICE_SIZE - 1 ? f->payload_len : UBX_NOTICE_SIZE - 1;

	if (s->phase == UBX_RUN && contains_text(f->payload, f->payload_len, "PROTVER")) {
		ubx_session_restart(s, UBX_CAUSE_REBOOT, now);
	}
	if (f->id > 1) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t c = f->payload[i];

		s->notice[i] = c >= 0x20 && c < 0x7F ? (char)c : '?';
	}
	s->notice[n] = '\0';
	s->notices++;
}

static void on_frame(struct ubx_session *s, const struct ubx_item *f, uint64_t now)
{
	enum ubx_message m = ubx_msg_find(f->cls, f->id);

	s->last_frame_ns = now;
	s->garbage = s->odd_garbage = 0;
	s->evidence.frame_ns = now;
	if (f->cls == 0x04) {
		on_inf(s, f, now);
		return;
	}
	if (m != UBX_MESSAGE_COUNT && f->payload_len == 0) { /* only a host sends polls */
		s->evidence.echo_ns = now;
		return;
	}
	if (m == UBX_MESSAGE_COUNT) {
		s->counters.unknown_messages++;
		return;
	}
	if (!ubx_msg_length_ok(m, f->payload_len)) {
		s->counters.bad_lengths++;
		return;
	}
	switch (ubx_messages[m].cls) {
	case 0x05:
		on_ack(s, f, m == UBX_ACK_ACK, now);
		break;
	case 0x06:
		on_config(s, m, f, now);
		break;
	default:
		on_report(s, m, f, now);
		break;
	}
}

static void on_garbage(struct ubx_session *s, const struct ubx_item *g, bool after_silence,
		       uint64_t now)
{
	uint32_t odd = 0;

	for (size_t i = 0; i < g->len; i++) {
		uint8_t c = g->bytes[i];

		odd += !((c >= 0x20 && c < 0x7F) || c == '\r' || c == '\n');
	}
	s->odd_garbage += odd;
	s->garbage += (uint32_t)g->len;
	for (size_t i = 0; i < g->len; i++) {
		if (nmea_line_feed(&s->nmea, g->bytes[i])) {
			s->evidence.nmea_ns = now;
		}
	}
	/* Bytes at another baud: sweep now, not at the end of the dwell. But not twice in a row:
	 * sweeps could otherwise synchronise with the receiver's epochs. */
	if (s->phase == UBX_DWELL && after_silence && odd && !s->hurried && s->last_frame_ns == 0 &&
	    now >= s->phase_ns + SILENCE_MS * MS) {
		s->hurried = true;
		enter_sweep(s, now);
	}
}

/* --- in --- */

static void feed(struct ubx_session *s, const uint8_t *p, size_t len, bool after_silence,
		 uint64_t now)
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

/* Deadline for the incomplete frame: twice its wire time, plus time for a busy host. */
static uint64_t pending_until(const struct ubx_session *s)
{
	size_t size = ubx_frame_pending(&s->rx);

	return size ? s->pending_since_ns + 2 * ubx_wire_ns(size, s->tx.baud) + SILENCE_MS * MS
		    : UINT64_MAX;
}

static void note_pending(struct ubx_session *s, uint64_t now)
{
	/* Counted from 1, so that 0 is "no frame has begun": the next one may begin at this very
	 * byte. */
	uint64_t at = s->rx.len > 0 ? s->rx.bytes_in - s->rx.len + 1 : 0;

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
	ubx_timing_rx(&s->timing, len, s->tx.baud, s->last_rx_ns, now);
	s->rx_any = true;
	s->evidence.rx_ns = now;
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

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t ubx_session_deadline(const struct ubx_session *s)
{
	uint64_t at = UINT64_MAX;

	switch (s->phase) {
	case UBX_PROBE:
		at = s->deadline_ns;
		break;
	case UBX_SWEEP:
		at = ubx_tx_idle_ns(&s->tx);
		break;
	case UBX_DWELL:
		at = ubx_search_deadline(&s->search);
		break;
	case UBX_CONFIGURE:
		if (s->deadline_ns != UINT64_MAX) {
			at = s->deadline_ns; /* backing off: nothing else counts */
			break;
		}
		at = min_ns(s->last_frame_ns + ANSWER_MS * MS, ubx_steps_deadline(&s->steps));
		at = s->save.tries ? min_ns(at, s->save.deadline_ns) : at;
		break;
	case UBX_RUN:
		at = min_ns(s->epoch_due_ns, s->poll_ns);
		break;
	}
	return min_ns(at, pending_until(s));
}

int ubx_session_init(struct ubx_session *s, const struct ubx_session_config *config, uint64_t now)
{
	if (!ubx_profile_has_baud(config->baud) || config->rate_ms == 0 ||
	    ubx_profile_rate_ms(config->baud, config->rate_ms, UBX_EPOCH_BYTES) !=
		    config->rate_ms) {
		return -EINVAL;
	}
	memset(s, 0, sizeof(*s));
	s->config = *config;
	s->rate_ms = config->rate_ms;
	s->last_rx_ns = s->unready_ns = now;
	enter_probe(s, now);
	return 0;
}

void ubx_session_restart(struct ubx_session *s, enum ubx_restart_cause cause, uint64_t now)
{
	if (s->phase == UBX_RUN) {
		s->unready_ns = now;
	}
	s->cause = cause;
	s->counters.restarts += cause != UBX_CAUSE_START;
	if (cause == UBX_CAUSE_PORT || cause == UBX_CAUSE_START) {
		s->tx.baud_due = true; /* a new descriptor does not have the old one's baud */
		s->tx.wire_idle_ns = now;
		s->evidence = (struct ubx_evidence){ 0 };
		s->timing = (struct ubx_timing){ 0 };
		s->unready_ns = now;
		s->has_pvt = false;
	}
	enter_probe(s, now);
	if (cause == UBX_CAUSE_GARBAGE) {
		s->deadline_ns = now; /* the sender is not at this baud: a poll would be wasted */
	}
	if (s->silent_restarts >= SILENT_RESTARTS_MAX) {
		hot_restart(s);
	}
}

void ubx_session_assist(struct ubx_session *s, const struct ubx_assist *assist)
{
	s->assist = *assist;
}

enum ubx_silence ubx_session_evidence(const struct ubx_session *s, uint64_t now)
{
	bool failed = s->phase == UBX_CONFIGURE && s->deadline_ns != UINT64_MAX;

	if (s->phase == UBX_RUN) {
		return UBX_SILENCE_NONE;
	}
	if (s->phase != UBX_CONFIGURE || ubx_evidence_is_echo(&s->evidence, s->unready_ns, now)) {
		return ubx_evidence_judge(&s->evidence, s->unready_ns, now);
	}
	if (!failed) {
		return UBX_SILENCE_NONE;
	}
	return ubx_steps_is_refused(&s->steps) ? UBX_SILENCE_REFUSED : UBX_SILENCE_UNANSWERED;
}

enum ubx_silence ubx_session_silence(const struct ubx_session *s, uint64_t now)
{
	enum ubx_silence silence = ubx_session_evidence(s, now);

	return now < s->unready_ns + ubx_evidence_decided_ns(silence) ? UBX_SILENCE_NONE : silence;
}

const struct gnss_fix *ubx_session_fix(const struct ubx_session *s, uint64_t now)
{
	/* Before it is configured a receiver sends at its own rate, 1 Hz unless it was changed. */
	uint64_t rate_ms = s->phase == UBX_RUN || s->rate_ms > DEFAULT_RATE_MS ? s->rate_ms
									       : DEFAULT_RATE_MS;
	bool fresh = s->fix_ever && now < s->fix.received_ns + (2 * rate_ms + EPOCH_MARGIN_MS) * MS;

	return fresh ? &s->fix : NULL;
}
