// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "w1_sim_judge.h"

#define US 1000u

const char *w1_sim_offence_text(enum w1_sim_offence kind)
{
	static const char *const texts[] = {
#define X(id, text) [id] = text,
		W1_SIM_OFFENCES(X)
#undef X
	};

	return (unsigned)kind < W1_SIM_OFFENCE_COUNT ? texts[kind] : "unknown";
}

uint64_t w1_sim_judge_total(const struct w1_sim_judge *j)
{
	uint64_t total = 0;

	for (int i = 0; i < W1_SIM_OFFENCE_COUNT; i++) {
		total += j->offences[i];
	}
	return total;
}

void w1_sim_judge_note(struct w1_sim_judge *j, enum w1_sim_offence kind, uint64_t now_ns,
		       uint64_t width_ns, bool excused)
{
	if (excused) {
		j->excused[kind]++;
		return;
	}
	j->offences[kind]++;
	if (j->n_kept < W1_SIM_OFFENCES_KEPT) {
		j->kept[j->n_kept].kind = kind;
		j->kept[j->n_kept].time_ns = now_ns;
		j->kept[j->n_kept++].width_ns = width_ns;
	}
}

void w1_sim_judge_fall(struct w1_sim_judge *j, uint64_t now_ns, uint64_t high_ns)
{
	if (j->low) {
		return;
	}
	j->low = true;
	j->before_fall_ns = j->fall_ns;
	j->before_fall_mark = j->fall_mark;
	j->fall_ns = now_ns;
	j->fall_mark = j->release_mark;
	j->high_ns = high_ns;
	j->read_slot = false;
	j->sampled = false;
}

void w1_sim_judge_is_read(struct w1_sim_judge *j)
{
	j->read_slot = true;
}

static void judge_beginning(struct w1_sim_judge *j, uint64_t mark)
{
	uint64_t high_for = j->high_ns < j->fall_ns ? j->fall_ns - j->high_ns : 0;
	bool excused = j->reset_disturbed || mark != j->before_fall_mark;

	if (j->before_fall_ns == 0) {
		return;
	}
	if (high_for < 1 * US) {
		w1_sim_judge_note(j, W1_SIM_RECOVERY_SHORT, j->fall_ns, high_for, excused);
	}
	if (j->after_reset && j->fall_ns - j->release_ns < 480 * US) {
		w1_sim_judge_note(j, W1_SIM_RESET_HIGH_SHORT, j->fall_ns,
				  j->fall_ns - j->release_ns, excused);
	}
	if (!j->after_reset && j->fall_ns - j->before_fall_ns < 60 * US) {
		w1_sim_judge_note(j, W1_SIM_SLOT_SHORT, j->fall_ns, j->fall_ns - j->before_fall_ns,
				  excused);
	}
}

void w1_sim_judge_release(struct w1_sim_judge *j, uint64_t now_ns, bool parasite, uint64_t mark)
{
	uint64_t width = now_ns - j->fall_ns;
	bool excused = mark != j->release_mark; /* since the release before */

	if (!j->low) {
		return;
	}
	j->low = false;
	if (width < 480 * US) {
		judge_beginning(j, mark);
		j->slots++;
		j->after_reset = false;
		if (width < 1 * US) {
			w1_sim_judge_note(j, W1_SIM_LOW_SHORT, now_ns, width, excused);
		} else if (width > 15 * US && width < 60 * US) {
			w1_sim_judge_note(j, W1_SIM_LOW_AMBIGUOUS, now_ns, width, excused);
		} else if (width > 120 * US) {
			w1_sim_judge_note(j, W1_SIM_LOW_LONG, now_ns, width, excused);
		}
	} else {
		j->resets++;
		j->after_reset = true;
		j->presence_done = false;
		j->looked_ns = now_ns + 15 * US;
		if (parasite && width > 960 * US) {
			w1_sim_judge_note(j, W1_SIM_RESET_LONG, now_ns, width, excused);
		}
	}
	if (width > 120 * US) {
		/* From 300 us on some devices may take it for a reset. */
		j->reset_disturbed = excused;
	}
	j->release_ns = now_ns;
	j->release_mark = mark;
}

/* Presence lasts 60 us or more and is there from 60 to 75 us after the release. */
static void judge_presence(struct w1_sim_judge *j, uint64_t now_ns, bool level, uint64_t mark)
{
	uint64_t after = now_ns - j->release_ns;

	if (j->presence_done || after < 15 * US) {
		return;
	}
	if (now_ns - j->looked_ns > 60 * US) {
		w1_sim_judge_note(j, W1_SIM_PRESENCE_GAP, now_ns, now_ns - j->looked_ns,
				  j->reset_disturbed || mark != j->release_mark);
	}
	j->looked_ns = now_ns;
	j->presence_done = !level || after >= 60 * US;
}

void w1_sim_judge_sample(struct w1_sim_judge *j, uint64_t now_ns, bool level, uint64_t mark)
{
	uint64_t after = now_ns - j->fall_ns;

	if (j->low) {
		return;
	}
	if (j->after_reset) {
		judge_presence(j, now_ns, level, mark);
	} else if (j->read_slot && !j->sampled) {
		j->sampled = true;
		if (after > 15 * US) {
			w1_sim_judge_note(j, W1_SIM_SAMPLE_LATE, now_ns, after,
					  mark != j->fall_mark);
		}
	}
}
