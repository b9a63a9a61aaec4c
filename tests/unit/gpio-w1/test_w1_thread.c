// SPDX-License-Identifier: BSD-2-Clause
/* What the bus thread touches is in memory before it runs. */
#define _GNU_SOURCE /* RUSAGE_THREAD, mincore() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gpio-w1/w1_thread.h"

#define DEPTH (128 * 1024)

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static void __attribute__((noinline)) use_stack(void)
{
	volatile char deep[DEPTH];

	for (size_t i = 0; i < sizeof(deep); i += 512) {
		deep[i] = 1;
	}
}

static void *count_faults(void *arg)
{
	long before;

	faults(); /* its code */
	before = faults();
	use_stack();
	*(long *)arg = faults() - before;
	return NULL;
}

static void its_stack_causes_no_page_fault(void **state)
{
	struct w1_thread t;
	long n = -1;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* their shadow of the stack faults */
#endif
	assert_int_equal(w1_thread_start(&t, true, count_faults, &n), 0);
	w1_thread_join(&t);
	assert_int_equal(n, 0);
}

static void its_data_is_in_memory_after_populate(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char resident[10];
	char *data =
		mmap(NULL, 10 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(data != MAP_FAILED);
	w1_thread_populate(data + 2 * page + 100, 5 * page);
	assert_int_equal(mincore(data, 10 * page, resident), 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(resident[i] & 1, i >= 2 && i <= 7);
	}
	munmap(data, 10 * page);
}

static void *nothing(void *arg)
{
	return arg;
}

/* The C library's is large enough not to come by itself. */
static void all_code_is_in_memory_when_it_runs(void **state)
{
	char line[512], rights[5];
	unsigned long from, to, code = (unsigned long)(uintptr_t)qsort;
	unsigned size = 0, resident = 0;
	bool ours = false;
	struct w1_thread t;
	FILE *maps;

	(void)state;
	assert_int_equal(w1_thread_start(&t, true, nothing, NULL), 0);
	w1_thread_join(&t);
	maps = fopen("/proc/self/smaps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3) {
			ours = code >= from && code < to;
		}
		if (ours) {
			sscanf(line, "Size: %u", &size);
			sscanf(line, "Rss: %u", &resident);
		}
	}
	fclose(maps);
	assert_true(size > 0);
	assert_int_equal(resident, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_stack_causes_no_page_fault),
		cmocka_unit_test(its_data_is_in_memory_after_populate),
		cmocka_unit_test(all_code_is_in_memory_when_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
