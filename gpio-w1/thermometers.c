// SPDX-License-Identifier: BSD-2-Clause
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "thermometers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "time/now.h"
#include "w1_error.h"
#include "w1_gpiod.h"
#include "w1_rise.h"
#include "w1_sysfs.h"
#include "w1_thread.h"

enum stage { IDLE, RUNNING, DONE, CLOSING };

struct bus {
	unsigned gpio;
	struct w1_cycle cycle;
	struct w1_gpiod *gpiod; /* NULL on another line, or while the kernel's bus is in use */
	bool ready; /* cycle has a line */
	uint32_t violations_reported, retries_reported;
	unsigned first, n; /* its samples in the result */
};

struct thermometers {
	struct thermometers_config config;
	char *chip, *sysfs;
	struct bus bus[THERMOMETERS_BUSES];
	unsigned n_buses;

	struct w1_thread thread;
	pthread_mutex_t lock; /* for stage, period and forgotten; the thread owns result while
				 RUNNING */
	pthread_cond_t wake;
	enum stage stage;
	unsigned period_ms;
	enum w1_proof proof; /* of this cycle */
	uint8_t forgotten[THERMOMETERS_MAX][W1_ROM_SIZE];
	unsigned n_forgotten;
	int event_fd;
	struct thermometers_result result;
};

/* One text behind the other, as far as there is room. */
static void add_reason(struct thermometers_result *r, const char *text)
{
	size_t used = strlen(r->reason);

	snprintf(r->reason + used, sizeof r->reason - used, "%s%s", used > 0 ? "; " : "", text);
}

/* 0, or the error with its text in why. */
static int open_bus(struct thermometers *t, struct bus *b, char *why, size_t why_size)
{
	struct w1_line line;

	if (b->ready) {
		return 0;
	}
	if (t->config.line != NULL) {
		line = t->config.line[b - t->bus];
	} else {
		int code = w1_gpiod_open(t->chip, b->gpio, &b->gpiod, why, why_size);

		if (code != 0) {
			return code;
		}
		line = w1_gpiod_line(b->gpiod);
	}
	w1_cycle_init(&b->cycle, line, &t->config.resolutions, t->config.search_every_cycles);
	b->violations_reported = b->retries_reported = 0;
	b->ready = true;
	return 0;
}

static void close_bus(struct bus *b)
{
	w1_gpiod_close(b->gpiod);
	b->gpiod = NULL;
	b->ready = false;
}

/* Strict proof where there is time for the sensors of all buses. */
static void choose_proof(struct thermometers *t)
{
	char why[100], text[sizeof why + 80];
	unsigned n = 0;

	for (unsigned i = 0; i < t->n_buses; i++) {
		n += t->bus[i].ready ? t->bus[i].cycle.n : 0;
	}
	t->proof = t->config.proof;
	if (t->proof == W1_PROOF_STRICT &&
	    !thermometers_strict_fits(n, t->period_ms, why, sizeof why)) {
		snprintf(text, sizeof text, "strict proof refused: %s: they convert in parallel",
			 why);
		add_reason(&t->result, text);
		t->proof = W1_PROOF_PARALLEL;
	}
}

static void explain(const struct bus *b, int code, char *why, size_t why_size)
{
	uint32_t rise = b->cycle.bus.slots.rise_ns, most;
	bool parasite = rise <= W1_RISE_MAX_NS;

	if (code != W1_ERISE) {
		snprintf(why, why_size, "GPIO%u: %s", b->gpio,
			 code < -1000 ? w1_error_text(code) : strerror(-code));
		return;
	}
	most = parasite ? W1_RISE_PARASITE_MAX_NS : W1_RISE_MAX_NS;
	snprintf(why, why_size,
		 "GPIO%u: the line rises in %u.%u us, at most %u.%u can be read%s: "
		 "use a stronger pull-up or a shorter cable",
		 b->gpio, rise / 1000, rise % 1000 / 100, most / 1000, most % 1000 / 100,
		 parasite ? " on parasite power" : "");
}

/* One bus: its samples go behind those that the result has. 0, or an error and why. */
static int run_bus(struct thermometers *t, struct bus *b, char *why, size_t why_size)
{
	struct thermometers_result *r = &t->result;
	uint32_t violations, retries;
	int code = open_bus(t, b, why, why_size);

	b->first = r->n;
	b->n = 0;
	if (code != 0) {
		return code;
	}
	b->cycle.proof = t->proof;
	code = w1_cycle_run(&b->cycle, &r->sample[r->n], &b->n);
	r->n += b->n;
	r->turned_away += b->cycle.turned_away;
	violations = w1_bus_violations(&b->cycle.bus);
	retries = (uint32_t)b->cycle.bus.retries;
	r->violations += violations - b->violations_reported;
	r->retries += retries - b->retries_reported;
	b->violations_reported = violations;
	b->retries_reported = retries;
	if (code >= 0) {
		return 0;
	}
	explain(b, code, why, why_size);
	if (code > -1000) {
		close_bus(b); /* the chip is gone or the request is dead: open it again next time */
	}
	return code;
}

/* The kernel's samples go behind those that the result has: 0, or an error and why. */
static int run_kernel(struct thermometers *t, char *why, size_t why_size)
{
	struct thermometers_result *r = &t->result;
	unsigned n = 0;
	int code = w1_sysfs_read(t->sysfs, &t->config.resolutions, &r->sample[r->n], &n, why,
				 why_size);

	r->n += n;
	return code;
}

static struct bus *bus_of(struct thermometers *t, unsigned sample)
{
	for (unsigned i = 0; i < t->n_buses; i++) {
		if (sample >= t->bus[i].first && sample < t->bus[i].first + t->bus[i].n) {
			return &t->bus[i];
		}
	}
	return NULL; /* the kernel's */
}

static bool has_answered(const struct thermometer_sample *s)
{
	return s->scratchpad_known && s->quality != DS18B20_CRC_FAILED &&
	       s->quality != DS18B20_BAD_SCRATCHPAD;
}

/*
 * A ROM code that two buses have: the sensor was moved, and the bus that it left forgets it; or
 * both answered, and there are two of it.
 */
static void merge(struct thermometers *t, unsigned kept, unsigned other)
{
	struct thermometer_sample *s = t->result.sample;
	struct bus *left = bus_of(t, other);

	if (has_answered(&s[kept]) && has_answered(&s[other])) {
		s[kept].temp_known = false;
		s[kept].quality = DS18B20_DUPLICATE;
		return;
	}
	if (has_answered(&s[other])) {
		left = bus_of(t, kept);
		s[kept] = s[other];
	}
	if (left != NULL && s[kept].temp_known) {
		w1_cycle_forget(&left->cycle, s[kept].rom);
	}
}

static void merge_all(struct thermometers *t)
{
	struct thermometers_result *r = &t->result;
	bool merged[sizeof r->sample / sizeof r->sample[0]] = { false };
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++) {
		for (unsigned k = i + 1; k < r->n && !merged[i]; k++) {
			if (memcmp(r->sample[i].rom, r->sample[k].rom, W1_ROM_SIZE) == 0) {
				merge(t, i, k);
				merged[k] = true;
			}
		}
	}
	for (unsigned i = 0; i < r->n; i++) {
		if (!merged[i]) {
			r->sample[n++] = r->sample[i];
		}
	}
	r->n = n;
}

/* Each cycle tries user space first, and so leaves the kernel's bus as soon as the reason is gone.
 */
static void run_userspace(struct thermometers *t)
{
	struct thermometers_result *r = &t->result;
	char why[sizeof r->reason];
	unsigned failed = 0, closed = 0, silent = 0;

	choose_proof(t);
	for (unsigned i = 0; i < t->n_buses; i++) {
		int code = run_bus(t, &t->bus[i], why, sizeof why);

		if (code < 0) {
			add_reason(r, why);
			r->error = failed == 0 ? code : r->error;
			failed++;
			closed += !t->bus[i].ready;
			silent += code == W1_ENOPRESENCE;
		}
	}
	r->error = failed < t->n_buses ? 0 : r->error;
	/* A line is not available: perhaps the kernel's driver uses it. The reason stays. */
	if (closed > 0 && t->config.line == NULL && t->config.bus == THERMOMETERS_AUTO &&
	    run_kernel(t, why, sizeof why) == 0) {
		r->error = 0;
		r->used = closed == t->n_buses ? THERMOMETERS_KERNEL : r->used;
		failed -= closed;
	}
	r->missing = failed > silent ? DS18B20_BUS_FAILED : DS18B20_ABSENT;
	if (t->n_buses > 1) {
		merge_all(t);
	}
}

static void run_cycle(struct thermometers *t)
{
	struct thermometers_result *r = &t->result;

	memset(r, 0, sizeof *r);
	r->used = THERMOMETERS_USERSPACE;
	r->missing = DS18B20_ABSENT;
	if (t->config.bus == THERMOMETERS_KERNEL && t->config.line == NULL) {
		r->used = THERMOMETERS_KERNEL;
		r->error = run_kernel(t, r->reason, sizeof r->reason);
	} else {
		run_userspace(t);
	}
	r->converted_ns = now_boot_ns();
}

/* With the lock held, between two cycles. */
static void forget_sensors(struct thermometers *t)
{
	for (unsigned i = 0; i < t->n_forgotten * t->n_buses; i++) {
		w1_cycle_forget(&t->bus[i % t->n_buses].cycle, t->forgotten[i / t->n_buses]);
	}
	t->n_forgotten = 0;
}

static void *bus_thread(void *arg)
{
	struct thermometers *t = arg;
	const uint64_t one = 1;

	prctl(PR_SET_TIMERSLACK, 1ul); /* without real-time priority; 50 us is the length of a slot
					*/
	pthread_mutex_lock(&t->lock);
	while (t->stage != CLOSING) {
		if (t->stage != RUNNING) {
			pthread_cond_wait(&t->wake, &t->lock);
			continue;
		}
		forget_sensors(t);
		pthread_mutex_unlock(&t->lock);
		run_cycle(t);
		pthread_mutex_lock(&t->lock);
		if (t->stage == RUNNING) {
			t->stage = DONE;
			/* An eventfd takes 8 bytes whole or fails only when full, which one event
			 * can't make it. */
			(void)!write(t->event_fd, &one, sizeof one);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static bool is_resolution(unsigned bits, char *err, size_t err_size)
{
	if (bits != 0 && (bits < 9 || bits > 12)) {
		snprintf(err, err_size, "resolution %u: 9 to 12 bits are possible", bits);
		return false;
	}
	return true;
}

struct thermometers *thermometers_open(const struct thermometers_config *config, char *err,
				       size_t err_size)
{
	const struct w1_resolutions *r = &config->resolutions;
	struct thermometers *t;
	int code;

	for (unsigned i = 0; i <= r->n_own; i++) {
		if (!is_resolution(i == 0 ? r->all_bits : r->own[i - 1].bits, err, err_size)) {
			return NULL;
		}
	}
	t = calloc(1, sizeof *t);
	if (t == NULL) {
		snprintf(err, err_size, "no memory");
		return NULL;
	}
	w1_thread_populate(t, sizeof *t);
	t->config = *config;
	t->n_buses = config->n_buses > 0 ? config->n_buses : 1;
	for (unsigned i = 0; i < t->n_buses; i++) {
		t->bus[i].gpio = config->gpio[i];
	}
	t->chip = config->chip != NULL ? strdup(config->chip) : NULL;
	t->sysfs = strdup(config->sysfs != NULL ? config->sysfs : "/sys/bus/w1");
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	code = t->sysfs == NULL || (config->chip != NULL && t->chip == NULL) ? -ENOMEM
	       : t->event_fd < 0
		       ? -errno
		       : w1_thread_start(&t->thread,
					 config->line == NULL && config->bus != THERMOMETERS_KERNEL,
					 bus_thread, t);
	if (code != 0) {
		snprintf(err, err_size, "the bus thread cannot be started: %s", strerror(-code));
		if (t->event_fd >= 0) {
			close(t->event_fd);
		}
		free(t->chip);
		free(t->sysfs);
		free(t);
		return NULL;
	}
	return t;
}

void thermometers_close(struct thermometers *t)
{
	if (t == NULL) {
		return;
	}
	pthread_mutex_lock(&t->lock);
	t->stage = CLOSING;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	w1_thread_join(&t->thread); /* waits for a running cycle */
	for (unsigned i = 0; i < t->n_buses; i++) {
		close_bus(&t->bus[i]);
	}
	close(t->event_fd);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t->chip);
	free(t->sysfs);
	free(t);
}

const char *thermometers_missing_rights(const struct thermometers *t)
{
	return t->thread.missing_rights;
}

int thermometers_fd(const struct thermometers *t)
{
	return t->event_fd;
}

int thermometers_start(struct thermometers *t, unsigned period_ms)
{
	int code = -EBUSY;

	pthread_mutex_lock(&t->lock);
	if (t->stage == IDLE) {
		t->stage = RUNNING;
		t->period_ms = period_ms;
		pthread_cond_signal(&t->wake);
		code = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return code;
}

int thermometers_take(struct thermometers *t, struct thermometers_result *out)
{
	uint64_t events;
	int taken = 0;

	pthread_mutex_lock(&t->lock);
	if (t->stage == DONE) {
		(void)!read(t->event_fd, &events, sizeof events);
		*out = t->result;
		t->stage = IDLE;
		taken = 1;
	}
	pthread_mutex_unlock(&t->lock);
	return taken;
}

int thermometers_forget(struct thermometers *t, const uint8_t rom[W1_ROM_SIZE])
{
	int code = -EBUSY;

	pthread_mutex_lock(&t->lock);
	if (t->n_forgotten < THERMOMETERS_MAX) {
		memcpy(t->forgotten[t->n_forgotten++], rom, W1_ROM_SIZE);
		code = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return code;
}
