/* The Ethernet frame around a sealed one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/io/io.h"

#include <string.h>

static const uint8_t alice[IO_MAC_LEN] = { 2, 0, 0x5e, 0, 0, 1 }, bob[IO_MAC_LEN] = { 2, 0, 0x5e, 0, 0, 2 };

static void layout_is_as_drawn(void **state)
{
	static const uint8_t expected[ETHERNET_MIN] = { 2, 0, 0x5e, 0, 0, 2, 2, 0, 0x5e, 0, 0, 1, 0x88, 0xb5, 0, 3, 'a',
		'b', 'c' };
	uint8_t out[ETHERNET_MAX];

	(void)state;
	memset(out, 0xee, sizeof(out));
	assert_int_equal(ethernet_wrap(out, bob, alice, bytes_of("abc", 3)), ETHERNET_MIN);
	assert_memory_equal(out, expected, ETHERNET_MIN);
}

static void every_length_comes_back_and_padding_does_not(void **state)
{
	uint8_t frame[NODE_FRAME_MAX], out[ETHERNET_MAX + 64], from[IO_MAC_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7 + 1);
	for (size_t len = 1; len <= sizeof(frame); len++) {
		struct bytes back;

		memset(out, 0, sizeof(out));
		size_t total = ethernet_wrap(out, bob, alice, bytes_of(frame, len));
		assert_true(total >= ETHERNET_MIN && total <= ETHERNET_MAX);
		/* A switch, or a driver that pads to words, adds zeros of its own. */
		for (size_t extra = 0; extra <= 64; extra += 32) {
			assert_true(ethernet_unwrap(bytes_of(out, total + extra), from, &back));
			assert_memory_equal(from, alice, IO_MAC_LEN);
			assert_true(bytes_equal(back, bytes_of(frame, len)));
		}
	}
}

static void a_frame_too_long_is_not_built(void **state)
{
	static const uint8_t frame[NODE_FRAME_MAX + 1];
	uint8_t out[ETHERNET_MAX];

	(void)state;
	assert_int_equal(ethernet_wrap(out, bob, alice, bytes_of(frame, sizeof(frame))), 0);
}

static void what_was_cut_short_is_refused(void **state)
{
	static const uint8_t frame[100];
	uint8_t out[ETHERNET_MAX], from[IO_MAC_LEN];
	struct bytes back;

	(void)state;
	size_t total = ethernet_wrap(out, bob, alice, bytes_of(frame, sizeof(frame)));
	for (size_t len = 0; len < total; len++)
		assert_false(ethernet_unwrap(bytes_of(out, len), from, &back));
	assert_true(ethernet_unwrap(bytes_of(out, total), from, &back));
}

static void what_is_not_ours_or_empty_is_refused(void **state)
{
	uint8_t out[ETHERNET_MAX], from[IO_MAC_LEN];
	struct bytes back;

	(void)state;
	size_t total = ethernet_wrap(out, bob, alice, bytes_of("abc", 3));
	out[15] = 0;
	assert_false(ethernet_unwrap(bytes_of(out, total), from, &back));
	out[15] = 3;
	assert_true(ethernet_unwrap(bytes_of(out, total), from, &back));
	out[12] = 0x86, out[13] = 0xdd;
	assert_false(ethernet_unwrap(bytes_of(out, total), from, &back));
}

static void a_frame_longer_than_any_link_is_refused(void **state)
{
	static uint8_t raw[ETHERNET_MAX + 1] = {
		[12] = 0x88, [13] = 0xb5, [14] = (NODE_FRAME_MAX + 1) >> 8, [15] = (NODE_FRAME_MAX + 1) & 0xff
	};
	uint8_t from[IO_MAC_LEN];
	struct bytes back;

	(void)state;
	assert_false(ethernet_unwrap(bytes_of(raw, sizeof(raw)), from, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_is_as_drawn),
		cmocka_unit_test(every_length_comes_back_and_padding_does_not),
		cmocka_unit_test(a_frame_too_long_is_not_built),
		cmocka_unit_test(what_was_cut_short_is_refused),
		cmocka_unit_test(what_is_not_ours_or_empty_is_refused),
		cmocka_unit_test(a_frame_longer_than_any_link_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
