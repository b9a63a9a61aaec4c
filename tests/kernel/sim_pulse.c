// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * geotherm-pulse: a pulse per second for tests: an edge at each second of CLOCK_REALTIME, which is
 * also the time of the simulated receiver, through the kernel's PPS core to /dev/pps0.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pps_kernel.h>
#include <linux/version.h>

static bool on = true;
module_param(on, bool, 0644);
MODULE_PARM_DESC(on, "edges come (1)");

static unsigned int late_ms;
module_param(late_ms, uint, 0644);
MODULE_PARM_DESC(late_ms, "milliseconds from the second to the edge, up to 999 (0)");

static struct pps_device *pps;
static struct hrtimer timer;

static ktime_t next_edge(void)
{
	return ktime_set(ktime_divns(ktime_get_real(), NSEC_PER_SEC) + 1,
			 min(READ_ONCE(late_ms), 999u) * NSEC_PER_MSEC);
}

static enum hrtimer_restart edge(struct hrtimer *t)
{
	struct pps_event_time at;

	pps_get_ts(&at);
	if (READ_ONCE(on)) {
		pps_event(pps, &at, PPS_CAPTUREASSERT, NULL);
	}
	hrtimer_set_expires(t, next_edge());
	return HRTIMER_RESTART;
}

static int __init pulse_init(void)
{
	static struct pps_source_info info = {
		.name = "geotherm-pulse",
		.mode = PPS_CAPTUREASSERT | PPS_CANWAIT | PPS_TSFMT_TSPEC,
		.owner = THIS_MODULE,
	};

	pps = pps_register_source(&info, PPS_CAPTUREASSERT);
	if (IS_ERR(pps)) {
		return PTR_ERR(pps);
	}
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&timer, edge, CLOCK_REALTIME, HRTIMER_MODE_ABS);
#else
	hrtimer_init(&timer, CLOCK_REALTIME, HRTIMER_MODE_ABS);
	timer.function = edge;
#endif
	hrtimer_start(&timer, next_edge(), HRTIMER_MODE_ABS);
	return 0;
}
module_init(pulse_init);

static void __exit pulse_exit(void)
{
	hrtimer_cancel(&timer);
	pps_unregister_source(pps);
}
module_exit(pulse_exit);

MODULE_DESCRIPTION("A pulse per second for tests");
MODULE_LICENSE("Dual BSD/GPL");
