// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* CLOCK_BOOTTIME */
#include "thermometers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "w1_error.h"
#include "w1_gpiod.h"
#include "w1_sysfs.h"
#include "w1_thread.h"

#define ALARM_MIN (-55)
#define ALARM_MAX 125

enum stage { IDLE, RUNNING, DONE, CLOSING };

struct thermometers {
	struct thermometers_config config;
	char *chip, *sysfs;
	struct w1_cycle cycle;
	struct w1_gpiod *gpiod; /* NULL on another line, or while the kernel's bus is in use */
	bool bus_ready; /* cycle has a line */
	uint32_t violations_told, retries_told;

	struct w1_thread thread;
	pthread_mutex_t lock; /* of stage; result belongs to the thread while RUNNING */
	pthread_cond_t wake;
	enum stage stage;
	int event_fd;
	struct thermometers_result result;
};

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* 0, or the error with its words in err. */
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
	w1_cycle_init(&t->cycle, line, &t->config.settings, t->config.search_every_cycles);
	t->violations_told = t->retries_told = 0;
	t->bus_ready = true;
	return 0;
}

static void close_userspace(struct thermometers *t)
{
	w1_gpiod_close(t->gpiod);
	t->gpiod = NULL;
	t->bus_ready = false;
}

static int run_userspace(struct thermometers *t, struct thermometers_result *r)
{
	uint32_t violations, retries;
	int code = open_userspace(t, r->reason, sizeof r->reason);

	if (code != 0) {
		return code;
	}
	code = w1_cycle_run(&t->cycle, r->sample, &r->n);
	violations = w1_bus_violations(&t->cycle.bus);
	retries = (uint32_t)t->cycle.bus.retries;
	r->violations = violations - t->violations_told;
	r->retries = retries - t->retries_told;
	t->violations_told = violations;
	t->retries_told = retries;
	if (code < 0) {
		snprintf(r->reason, sizeof r->reason, "GPIO%u: %s", t->config.gpio,
			 code < -1000 ? w1_error_text(code) : strerror(-code));
		if (code > -1000) {
			close_userspace(t); /* the chip is gone or the request is dead: open it anew
					       next time */
		}
	}
	return code < 0 ? code : 0;
}

static int run_kernel(struct thermometers *t, struct thermometers_result *r, char *err,
		      size_t err_size)
{
	r->used = THERMOMETERS_KERNEL;
	return w1_sysfs_read(t->sysfs, &t->config.settings, r->sample, &r->n, err, err_size);
}

/* Tried from userspace first in each cycle: so the kernel's bus is left as soon as the reason is
 * gone. */
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
	/* The line can't be had, whatever the reason: perhaps the kernel's driver has it. The
	 * reason stays in the result. */
	if (bus == THERMOMETERS_AUTO && r->error < 0 && !t->bus_ready) {
		char ignored[sizeof r->reason];

		if (run_kernel(t, r, ignored, sizeof ignored) == 0) {
			r->error = 0;
		} else {
			r->used = THERMOMETERS_USERSPACE;
		}
	}
	for (unsigned i = 0; i < r->n; i++) {
		const struct w1_setting *set = w1_setting_of(&t->config.settings, r->sample[i].rom);
		int whole = r->sample[i].raw >> 4; /* downwards, as the sensor does */

		r->sample[i].alarm = set->alarms && r->sample[i].temp_known &&
				     (whole >= set->alarm_high || whole <= set->alarm_low);
	}
	r->converted_ns = boot_ns();
}

static void *bus_thread(void *arg)
{
	struct thermometers *t = arg;
	const uint64_t one = 1;

	prctl(PR_SET_TIMERSLACK, 1ul); /* where it is no real-time thread: 50 us is the length of a
					  slot */
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

static int check(const struct w1_setting *set, char *err, size_t err_size)
{
	if (set->resolution_bits != 0 && (set->resolution_bits < 9 || set->resolution_bits > 12)) {
		snprintf(err, err_size, "resolution %u: 9 to 12 bits are possible",
			 set->resolution_bits);
		return -EINVAL;
	}
	if (set->alarms && (set->alarm_low < ALARM_MIN || set->alarm_high > ALARM_MAX ||
			    set->alarm_low >= set->alarm_high)) {
		snprintf(
			err, err_size,
			"alarm thresholds %d and %d: the upper one must be above the lower one, both from %d to %d",
			set->alarm_high, set->alarm_low, ALARM_MIN, ALARM_MAX);
		return -EINVAL;
	}
	return 0;
}

struct thermometers *thermometers_open(const struct thermometers_config *config, char *err,
				       size_t err_size)
{
	struct thermometers *t;
	int code;

	for (unsigned i = 0; i <= config->settings.n_own; i++) {
		if (check(i == 0 ? &config->settings.all : &config->settings.own[i - 1], err,
			  err_size) != 0) {
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
	w1_thread_join(&t->thread); /* a running cycle ends first */
	close_userspace(t);
	close(t->event_fd);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t->chip);
	free(t->sysfs);
	free(t);
}

const char *thermometers_lacks(const struct thermometers *t)
{
	return t->thread.lacks;
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
