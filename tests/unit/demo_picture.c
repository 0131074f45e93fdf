/* The photograph: always the same, of the size promised, and readable by any JPEG decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/demo/picture.h"
#include "sim/demo/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *jpeg;
static size_t jpeg_len;

static int setup(void **state)
{
	(void)state;
	return jpeg_of_picture(&jpeg, &jpeg_len);
}

static int teardown(void **state)
{
	(void)state;
	free(jpeg);
	return 0;
}

static void it_has_the_size_that_is_promised(void **state)
{
	(void)state;
	assert_in_range(jpeg_len, PICTURE_MIN, PICTURE_MAX);
	assert_memory_equal(jpeg, "\xff\xd8\xff", 3);
}

static void it_is_the_same_each_time(void **state)
{
	uint8_t *again;
	size_t len;

	(void)state;
	assert_int_equal(jpeg_of_picture(&again, &len), 0);
	assert_int_equal(len, jpeg_len);
	assert_memory_equal(again, jpeg, len);
	free(again);
}

static void it_shrinks_to_a_small_picture(void **state)
{
	uint8_t *small;
	size_t len;

	(void)state;
	assert_int_equal(jpeg_shrink(&small, &len, bytes_of(jpeg, jpeg_len), 4, 70), 0);
	assert_true(len < jpeg_len / 10);
	assert_memory_equal(small, "\xff\xd8\xff", 3);
	free(small);
}

static void half_a_picture_or_none_is_refused(void **state)
{
	uint8_t *small;
	size_t len;

	(void)state;
	assert_int_equal(jpeg_shrink(&small, &len, bytes_of(jpeg, jpeg_len / 2), 4, 70), -EBADMSG);
	assert_int_equal(jpeg_shrink(&small, &len, bytes_of("not a picture", 13), 4, 70), -EBADMSG);
	assert_int_equal(jpeg_encode(&small, &len, jpeg, 1, 1, 0), -EINVAL);
}

/* Otherwise the scanner could not tell it from noise. */
static void nearly_all_of_it_is_telling(void **state)
{
	struct scan scan;

	(void)state;
	assert_int_equal(scan_init(&scan, bytes_of(jpeg, jpeg_len)), 0);
	assert_true(scan.chunk_count > jpeg_len / SCAN_CHUNK * 95 / 100);
	scan_done(&scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_the_size_that_is_promised),
		cmocka_unit_test(it_is_the_same_each_time),
		cmocka_unit_test(it_shrinks_to_a_small_picture),
		cmocka_unit_test(half_a_picture_or_none_is_refused),
		cmocka_unit_test(nearly_all_of_it_is_telling),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
