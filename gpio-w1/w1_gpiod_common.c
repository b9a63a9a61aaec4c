// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* CLOCK_MONOTONIC_RAW */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "w1_error.h"
#include "w1_gpiod.h"

#define NS_PER_S UINT64_C(1000000000)
/* A longer spin sleeps first: no slot needs it. */
#define SPIN_MAX_NS UINT64_C(1000000)

/* PM QoS: the latency that is no constraint at all (PM_QOS_CPU_LATENCY_DEFAULT_VALUE). */
#define LATENCY_ANY 2000000000

const char *const w1_gpiod_header_labels[] = { W1_GPIOD_RP1, "pinctrl-bcm2711", "pinctrl-bcm2835",
					       NULL };

int w1_gpiod_explain(int error, const char *chip, unsigned gpio, const char *consumer, char *err,
		     size_t err_size)
{
	const char *name = chip != NULL ? chip : "the header's chip";

	switch (error) {
	case EBUSY:
		if (consumer != NULL && strncmp(consumer, "onewire", 7) == 0) {
			snprintf(err, err_size,
				 "GPIO%u of %s is held by the kernel's 1-Wire driver (%s): remove "
				 "dtoverlay=w1-gpio from config.txt, or run: dtoverlay -r w1-gpio",
				 gpio, name, consumer);
			return W1_EKERNEL;
		} else {
			snprintf(
				err, err_size,
				"GPIO%u of %s is held by \"%s\": stop that program, or choose another GPIO",
				gpio, name, consumer != NULL ? consumer : "?");
			if (consumer != NULL && strcmp(consumer, W1_GPIOD_CONSUMER) == 0) {
				return W1_ENODE;
			}
		}
		break;
	case EACCES:
	case EPERM:
		snprintf(
			err, err_size,
			"no right to use the GPIO chip of GPIO%u: add this user to the group gpio, or run "
			"as root",
			gpio);
		break;
	case ENODEV:
	case ENOENT:
		snprintf(
			err, err_size, "no GPIO chip labelled %s (gpiodetect lists the chips)",
			chip != NULL
				? chip
				: "pinctrl-rp1, pinctrl-bcm2711 or pinctrl-bcm2835: not a Raspberry Pi");
		break;
	case EINVAL:
		snprintf(err, err_size, "%s has no line %u", name, gpio);
		break;
	default:
		snprintf(err, err_size, "GPIO%u of %s: %s", gpio, name, strerror(error));
		break;
	}
	return -error;
}

uint64_t w1_gpiod_now_ns(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void w1_gpiod_sleep_until(void *ctx, uint64_t until_ns)
{
	uint64_t now = w1_gpiod_now_ns(ctx);

	/* CLOCK_MONOTONIC_RAW can't be slept on: sleep the difference, and again if it drifted or
	 * was interrupted. */
	while (now < until_ns) {
		struct timespec t = { (time_t)((until_ns - now) / NS_PER_S),
				      (long)((until_ns - now) % NS_PER_S) };

		nanosleep(&t, NULL);
		now = w1_gpiod_now_ns(ctx);
	}
}

void w1_gpiod_spin_until(void *ctx, uint64_t until_ns)
{
	uint64_t now = w1_gpiod_now_ns(ctx);

	if (until_ns > now + SPIN_MAX_NS) {
		w1_gpiod_sleep_until(ctx, until_ns);
	}
	while (w1_gpiod_now_ns(ctx) < until_ns) {
	}
}

int w1_gpiod_open_latency(void)
{
	return open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
}

void w1_gpiod_transaction(void *ctx, bool begin)
{
	const int fd = *(const int *)ctx;
	const int32_t latency_us = begin ? 0 : LATENCY_ANY;

	if (fd >= 0) {
		/* Optional: each slot is judged anyway. */
		(void)!write(fd, &latency_us, sizeof latency_us);
	}
}
