/*
 * Random lines: frames of any bytes come through both framings as they were,
 * in whatever pieces they arrive and whatever noise was before; a megabyte of
 * noise costs no frame behind it and keeps to the room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/escape.h"
#include "meshd/base/framing.h"
#include "meshd/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_MAX 600
#define LINES 2000
#define NOISE_BYTES 1000000
#define FRAMES_BEHIND 50

static struct prng prng;
static const char *const framing_names[] = { "cobs", "kiss" };

static struct {
	uint8_t room[FRAME_MAX], coded[FRAMING_ENCODED_MAX(FRAME_MAX)], frame[FRAME_MAX];
	size_t coded_len, frame_len;
} w;

/* Few values besides random ones, so that delimiters, escapes and long blocks are common. */
static void frame_draw(void)
{
	static const uint8_t special[] = { 0, 0xc0, 0xdb, 0xdc, 0xdd, 1, 255 };
	uint64_t kind = prng_below(&prng, 3);

	w.frame_len = 1 + prng_below(&prng, FRAME_MAX);
	for (size_t i = 0; i < w.frame_len; i++)
		w.frame[i] = kind == 0   ? (uint8_t)prng_next(&prng)
			     : kind == 1 ? special[prng_below(&prng, sizeof(special))]
					 : 7;
}

static void frame_code(enum framing framing)
{
	struct bytes frame = bytes_of(w.frame, w.frame_len);

	w.coded_len = framing_encode(w.coded, sizeof(w.coded), framing, 0, frame);
	assert_true(w.coded_len > w.frame_len);
}

/* Feeds the coded frame in random pieces: it must come out once, last, and as it was. */
static void frame_pass(struct deframer *d)
{
	struct bytes frame, last = { 0 };

	for (size_t at = 0; at < w.coded_len;) {
		size_t piece = 1 + prng_below(&prng, w.coded_len - at);

		at += deframer_take(d, bytes_of(w.coded + at, piece), &frame);
		if (frame.len)
			last = frame;
	}
	assert_true(bytes_equal(last, bytes_of(w.frame, w.frame_len)));
}

static void frames_come_through_as_they_were(void **state)
{
	(void)state;
	for (enum framing f = FRAMING_COBS; f <= FRAMING_KISS; f++) {
		struct deframer d;

		deframer_init(&d, f, 0, w.room, sizeof(w.room));
		for (unsigned i = 0; i < LINES; i++) {
			frame_draw();
			frame_code(f);
			frame_pass(&d);
		}
		assert_int_equal(d.frames, LINES);
		assert_int_equal(d.rubbish_bytes, 0);
	}
}

static void a_megabyte_of_noise_costs_no_frame_behind_it(void **state)
{
	(void)state;
	for (enum framing f = FRAMING_COBS; f <= FRAMING_KISS; f++) {
		struct deframer d;
		uint64_t rubbish = 0;
		const char *name;

		deframer_init(&d, f, 0, w.room, sizeof(w.room));
		for (unsigned i = 0; i < NOISE_BYTES; i++) {
			uint8_t byte = (uint8_t)prng_next(&prng);
			struct bytes frame;

			deframer_take(&d, bytes_of(&byte, 1), &frame);
			assert_in_range(d.len, 0, FRAME_MAX);
		}
		for (unsigned i = 0; deframer_rubbish_at(&d, i, &name), name; i++)
			rubbish += deframer_rubbish_at(&d, i, &name);
		assert_true(rubbish > 100);
		printf("# %s: %llu runs were no frame, %llu seemed to be one\n", framing_names[f],
			(unsigned long long)rubbish, (unsigned long long)d.frames);
		for (unsigned i = 0; i < FRAMES_BEHIND; i++) {
			frame_draw();
			frame_code(f);
			frame_pass(&d);
		}
	}
}

/* In pieces, with XON and XOFF of the other end strewn in between. */
static void what_flow_control_takes_for_itself_is_kept_out_of_the_line(void **state)
{
	static uint8_t line[2 * FRAME_MAX], got[4 * FRAME_MAX];

	(void)state;
	for (unsigned i = 0; i < LINES; i++) {
		size_t len, kept = 0;
		bool is_open = false;

		frame_draw();
		for (size_t at = 0; at < w.frame_len; at += 1 + prng_below(&prng, 8))
			w.frame[at] = (uint8_t[]){ 0x11, 0x13, 0x7d }[prng_below(&prng, 3)];
		len = escape_write(line, bytes_of(w.frame, w.frame_len));
		for (size_t at = 0; at < len;) {
			size_t piece = 1 + prng_below(&prng, len - at);

			assert_null(memchr(line + at, 0x11, piece));
			assert_null(memchr(line + at, 0x13, piece));
			memcpy(got + kept, line + at, piece);
			got[kept + piece] = prng_below(&prng, 2) ? 0x11 : 0x13;
			kept += escape_read(got + kept, piece + 1, &is_open);
			at += piece;
		}
		assert_int_equal(kept, w.frame_len);
		assert_memory_equal(got, w.frame, kept);
	}
}

/* base_framing [SEED] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_through_as_they_were),
		cmocka_unit_test(a_megabyte_of_noise_costs_no_frame_behind_it),
		cmocka_unit_test(what_flow_control_takes_for_itself_is_kept_out_of_the_line),
	};
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);

	printf("# seed %llu; replay: %s %llu\n", (unsigned long long)seed, argv[0], (unsigned long long)seed);
	prng_seed(&prng, seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
