/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * w1_sim_judge: holds the master to the data sheet. Pure; the kernel test module compiles it, too.
 *
 * The simulated line reports to it every edge and sample of the master; it compares
 * them with the standard-speed windows (DS18B20 data sheet 19-7487, AC
 * characteristics) and keeps what lies outside. An offence during which the line
 * had preempted the master is only counted as excused: no master can prevent it,
 * a good one notices. The rest is the master's own fault and should fail a test.
 *
 * A low is a write-1 or read (1 to 15 us), a write-0 (60 to 120 us) or a reset (480 us
 * and more; at most 960 us where a device lives on parasite power). A reset may
 * begin at any time, so slot and recovery are judged only once a low has ended as
 * something else.
 */
#ifndef W1_SIM_JUDGE_H
#define W1_SIM_JUDGE_H

#ifdef __KERNEL__
#include <linux/limits.h>
#include <linux/types.h>
#ifndef UINT64_MAX
#define UINT64_MAX U64_MAX
#endif
#else
#include <stdbool.h>
#include <stdint.h>
#endif

/* clang-format off */
#define W1_SIM_OFFENCES(X) \
	X(W1_SIM_LOW_SHORT, "low under 1 us") \
	X(W1_SIM_LOW_AMBIGUOUS, "low between 15 and 60 us: neither 1 nor 0") \
	X(W1_SIM_LOW_LONG, "low between 120 and 480 us: neither 0 nor reset") \
	X(W1_SIM_RESET_LONG, "reset over 960 us with parasite power") \
	X(W1_SIM_RECOVERY_SHORT, "slot less than 1 us after the wire rose (tREC)") \
	X(W1_SIM_SLOT_SHORT, "slot of less than 60 us (tSLOT)") \
	X(W1_SIM_RESET_HIGH_SHORT, "slot less than 480 us after a reset (tRSTH)") \
	X(W1_SIM_SAMPLE_LATE, "bit read over 15 us after the fall (tRDV)") \
	X(W1_SIM_PRESENCE_GAP, "presence not sampled between 60 and 75 us, nor in steps of 60") \
	X(W1_SIM_STRONG_LATE, "strong pull-up over 10 us after the command (tSPON)") \
	X(W1_SIM_STRONG_SHORT, "strong pull-up ended before the longest conversion or copy") \
	X(W1_SIM_PARASITE_TRAFFIC, "pulled low while a parasite device works")
/* clang-format on */

enum w1_sim_offence {
#define X(id, text) id,
	W1_SIM_OFFENCES(X)
#undef X
		W1_SIM_OFFENCE_COUNT
};

#define W1_SIM_OFFENCES_KEPT 16

struct w1_sim_judge {
	/* to look at */
	uint64_t slots, resets; /* lows of the master below and from 480 us */
	uint64_t offences[W1_SIM_OFFENCE_COUNT];
	uint64_t excused[W1_SIM_OFFENCE_COUNT];
	struct {
		enum w1_sim_offence kind;
		uint64_t time_ns;
		uint64_t width_ns; /* what was measured */
	} kept[W1_SIM_OFFENCES_KEPT]; /* the first offences */
	unsigned n_kept;

	/* private */
	uint64_t fall_ns, release_ns, before_fall_ns, high_ns;
	uint64_t release_mark; /* preemptions at the last release, */
	uint64_t fall_mark, before_fall_mark; /* at the one before the last fall, before that fall's
					       */
	uint64_t looked_ns;
	bool low, after_reset, read_slot, sampled, presence_done;
	bool reset_disturbed; /* preempted: perhaps a stretched slot, after which no presence is
				 expected */
};

/*
 * mark counts preemptions: it differs from an earlier mark if one came between.
 * high_ns: when the wire was last high for every device, UINT64_MAX if it is not yet.
 */
void w1_sim_judge_fall(struct w1_sim_judge *j, uint64_t now_ns, uint64_t high_ns);
/* Some device answers in the slot that just began. */
void w1_sim_judge_is_read(struct w1_sim_judge *j);
void w1_sim_judge_release(struct w1_sim_judge *j, uint64_t now_ns, bool parasite, uint64_t mark);
void w1_sim_judge_sample(struct w1_sim_judge *j, uint64_t now_ns, bool level, uint64_t mark);
/* Any other offence, detected by the line itself. */
void w1_sim_judge_note(struct w1_sim_judge *j, enum w1_sim_offence kind, uint64_t now_ns,
		       uint64_t width_ns, bool excused);

/* All offences that were not excused. */
uint64_t w1_sim_judge_total(const struct w1_sim_judge *j);
const char *w1_sim_offence_text(enum w1_sim_offence kind);

#endif
