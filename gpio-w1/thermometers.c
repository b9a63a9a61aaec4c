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

/* A conversion, its polls and its alarm flag, for one sensor. */
#define STRICT_NS UINT64_C(770000000)

enum stage { IDLE, RUNNING, DONE, CLOSING };

struct thermometers {
	struct thermometers_config config;
	char *chip, *sysfs;
	struct w1_cycle cycle;
	struct w1_gpiod *gpiod; /* NULL on another line, or while the kernel's bus is in use */
	bool bus_ready; /* cycle has a line */
	uint32_t violations_reported, retries_reported;

	struct w1_thread thread;
	pthread_mutex_t lock; /* for stage; the thread owns result while RUNNING */
	pthread_cond_t wake;
	enum stage stage;
	int event_fd;
	struct thermometers_result result;
};

/* 0, or the error with its text in err. */
static int open_userspace(struct thermometers *t, char *err, size_t err_size)
{
	struct w1_line line;

	if (t->bus_ready) {
		return 0;
	}
	if (t->config.line != NULL) {
		line = *t->config.line;
	} else {
		int code = w1_gpiod_open(t->chip, t->config.gpio, &t->gpiod, err, err_size);

		if (code != 0) {
			return code;
		}
		line = w1_gpiod_line(t->gpiod);
	}
	w1_cycle_init(&t->cycle, line, &t->config.resolutions, t->config.search_every_cycles);
	t->violations_reported = t->retries_reported = 0;
	t->bus_ready = true;
	return 0;
}

static void close_userspace(struct thermometers *t)
{
	w1_gpiod_close(t->gpiod);
	t->gpiod = NULL;
	t->bus_ready = false;
}

/* Strict proof where there is time for it; false: refused. */
static bool choose_proof(struct thermometers *t)
{
	uint64_t takes = t->cycle.n * STRICT_NS;
	bool fits = t->config.period_ns == 0 || takes <= t->config.period_ns;

	t->cycle.proof = fits ? t->config.proof : W1_PROOF_PARALLEL;
	return fits || t->config.proof == W1_PROOF_PARALLEL;
}

static int run_userspace(struct thermometers *t, struct thermometers_result *r)
{
	uint32_t violations, retries, rise = 0, most = 0;
	bool parasite = false, strict;
	int code = open_userspace(t, r->reason, sizeof r->reason);

	if (code != 0) {
		return code;
	}
	strict = choose_proof(t);
	code = w1_cycle_run(&t->cycle, r->sample, &r->n);
	violations = w1_bus_violations(&t->cycle.bus);
	retries = (uint32_t)t->cycle.bus.retries;
	r->violations = violations - t->violations_reported;
	r->retries = retries - t->retries_reported;
	t->violations_reported = violations;
	t->retries_reported = retries;
	if (code == W1_ERISE) {
		rise = t->cycle.bus.slots.rise_ns;
		parasite = rise <= W1_RISE_MAX_NS;
		most = parasite ? W1_RISE_PARASITE_MAX_NS : W1_RISE_MAX_NS;
		snprintf(r->reason, sizeof r->reason,
			 "GPIO%u: the line rises in %u.%u us, at most %u.%u can be read%s: "
			 "use a stronger pull-up or a shorter cable",
			 t->config.gpio, rise / 1000, rise % 1000 / 100, most / 1000,
			 most % 1000 / 100, parasite ? " on parasite power" : "");
	} else if (code < 0) {
		snprintf(r->reason, sizeof r->reason, "GPIO%u: %s", t->config.gpio,
			 code < -1000 ? w1_error_text(code) : strerror(-code));
		if (code > -1000) {
			close_userspace(t); /* the chip is gone or the request is dead: open it
					       again next time */
		}
	}
	if (code >= 0 && !strict) {
		snprintf(
			r->reason, sizeof r->reason,
			"strict proof of %u sensors takes %u ms, longer than the period: they convert in parallel",
			r->n, (unsigned)(r->n * STRICT_NS / 1000000));
	}
	return code < 0 ? code : 0;
}

static int run_kernel(struct thermometers *t, struct thermometers_result *r, char *err,
		      size_t err_size)
{
	r->used = THERMOMETERS_KERNEL;
	return w1_sysfs_read(t->sysfs, &t->config.resolutions, r->sample, &r->n, err, err_size);
}

/* Each cycle tries user space first, and so leaves the kernel's bus as soon as the reason is gone.
 */
static void run_cycle(struct thermometers *t)
{
	struct thermometers_result *r = &t->result;
	enum thermometers_bus bus = t->config.line != NULL ? THERMOMETERS_USERSPACE : t->config.bus;

	memset(r, 0, sizeof *r);
	r->used = THERMOMETERS_USERSPACE;
	if (bus == THERMOMETERS_KERNEL) {
		r->error = run_kernel(t, r, r->reason, sizeof r->reason);
	} else {
		r->error = run_userspace(t, r);
	}
	/* The line is not available: perhaps the kernel's driver uses it. The reason stays in the
	 * result. */
	if (bus == THERMOMETERS_AUTO && r->error < 0 && !t->bus_ready) {
		char ignored[sizeof r->reason];

		if (run_kernel(t, r, ignored, sizeof ignored) == 0) {
			r->error = 0;
		} else {
			r->used = THERMOMETERS_USERSPACE;
		}
	}
	r->converted_ns = now_boot_ns();
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
	t->config = *config;
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
	close_userspace(t);
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

int thermometers_start(struct thermometers *t)
{
	int code = -EBUSY;

	pthread_mutex_lock(&t->lock);
	if (t->stage == IDLE) {
		t->stage = RUNNING;
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
