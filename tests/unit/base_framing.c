/*
 * KISS and COBS: the published examples to the byte, and what becomes of
 * everything that is no frame.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/framing.h"

#include <string.h>

#define ROOM 300

struct example {
	size_t plain_len, line_len;
	uint8_t plain[4], line[8];
	uint8_t kiss_port;
};

/* "KISS (amateur radio protocol)", Wikipedia: TEST and Hello out of ports 0 and 5, and a frame of nothing but what
 * must be escaped. */
static const struct example kiss_examples[] = {
	{ 4, 7, { 'T', 'E', 'S', 'T' }, { 0xc0, 0x00, 'T', 'E', 'S', 'T', 0xc0 }, 0 },
	{ 4, 7, { 'H', 'e', 'l', 'l' }, { 0xc0, 0x50, 'H', 'e', 'l', 'l', 0xc0 }, 5 },
	{ 2, 7, { 0xc0, 0xdb }, { 0xc0, 0x00, 0xdb, 0xdc, 0xdb, 0xdd, 0xc0 }, 0 },
};

/* "Consistent Overhead Byte Stuffing", Wikipedia, examples 1 to 6. */
static const struct example cobs_examples[] = {
	{ 1, 3, { 0 }, { 1, 1, 0 }, 0 },
	{ 2, 4, { 0, 0 }, { 1, 1, 1, 0 }, 0 },
	{ 3, 5, { 0, 0x11, 0 }, { 1, 2, 0x11, 1, 0 }, 0 },
	{ 4, 6, { 0x11, 0x22, 0, 0x33 }, { 3, 0x11, 0x22, 2, 0x33, 0 }, 0 },
	{ 4, 6, { 0x11, 0x22, 0x33, 0x44 }, { 5, 0x11, 0x22, 0x33, 0x44, 0 }, 0 },
	{ 4, 6, { 0x11, 0, 0, 0 }, { 2, 0x11, 1, 1, 1, 0 }, 0 },
};

/* The same, examples 7 to 11: plain and line, both in runs of ascending bytes. */
struct run {
	int first, last;
};
static const struct long_example {
	struct run plain[3], line[6];
} cobs_long_examples[] = {
	{ { { 1, 254 } }, { { 255, 255 }, { 1, 254 }, { 0, 0 } } },
	{ { { 0, 0 }, { 1, 254 } }, { { 1, 1 }, { 255, 255 }, { 1, 254 }, { 0, 0 } } },
	{ { { 1, 255 } }, { { 255, 255 }, { 1, 254 }, { 2, 2 }, { 255, 255 }, { 0, 0 } } },
	{ { { 2, 255 }, { 0, 0 } }, { { 255, 255 }, { 2, 255 }, { 1, 1 }, { 1, 1 }, { 0, 0 } } },
	{ { { 3, 255 }, { 0, 0 }, { 1, 1 } }, { { 254, 254 }, { 3, 255 }, { 2, 2 }, { 1, 1 }, { 0, 0 } } },
};

static size_t runs_write(uint8_t out[ROOM], const struct run *runs, size_t count, size_t wanted)
{
	size_t len = 0;

	for (size_t i = 0; i < count && len < wanted; i++)
		for (int byte = runs[i].first; byte <= runs[i].last; byte++)
			out[len++] = (uint8_t)byte;
	return len;
}

static uint8_t room[ROOM];

static struct deframer deframer_of(enum framing framing, size_t capacity)
{
	struct deframer d;

	deframer_init(&d, framing, 0, room, capacity);
	return d;
}

/* The frames in `line`, given in pieces of `piece` bytes; the last one is in *last. */
static unsigned frames_in(struct deframer *d, const void *line, size_t len, size_t piece, struct bytes *last)
{
	const uint8_t *at = line, *end = at + len;
	unsigned count = 0;

	while (at < end) {
		struct bytes frame, in = bytes_of(at, (size_t)(end - at) < piece ? (size_t)(end - at) : piece);
		size_t taken = deframer_take(d, in, &frame);

		assert_in_range(taken, 1, in.len);
		at += taken;
		if (frame.len) {
			*last = frame;
			count++;
		}
	}
	return count;
}

static void decodes_to(enum framing framing, uint8_t port, const uint8_t *line, size_t line_len, struct bytes plain)
{
	for (size_t piece = 1; piece <= line_len; piece++) {
		struct deframer d;
		struct bytes frame = { 0 };

		deframer_init(&d, framing, port, room, ROOM);
		if (framing == FRAMING_COBS)
			assert_int_equal(frames_in(&d, "", 1, 1, &frame), 0);
		assert_int_equal(frames_in(&d, line, line_len, piece, &frame), 1);
		assert_true(bytes_equal(frame, plain));
		assert_int_equal(d.frames, 1);
		assert_int_equal(d.rubbish_bytes, 0);
	}
}

static void kiss_examples_are_met(void **state)
{
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(kiss_examples) / sizeof(kiss_examples[0]); i++) {
		const struct example *e = &kiss_examples[i];
		struct bytes plain = bytes_of(e->plain, e->plain_len);

		assert_int_equal(kiss_encode(out, sizeof(out), e->kiss_port, KISS_DATA, plain), e->line_len);
		assert_memory_equal(out, e->line, e->line_len);
		decodes_to(FRAMING_KISS, e->kiss_port, e->line, e->line_len, plain);
	}
}

static void cobs_examples_are_met(void **state)
{
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cobs_examples) / sizeof(cobs_examples[0]); i++) {
		const struct example *e = &cobs_examples[i];
		struct bytes plain = bytes_of(e->plain, e->plain_len);

		assert_int_equal(cobs_encode(out, sizeof(out), false, plain), e->line_len);
		assert_memory_equal(out, e->line, e->line_len);
		decodes_to(FRAMING_COBS, 0, e->line, e->line_len, plain);
	}
}

static void cobs_examples_of_long_blocks_are_met(void **state)
{
	static const size_t plain_len[] = { 254, 255, 255, 255, 255 }, line_len[] = { 256, 257, 258, 258, 257 };
	uint8_t plain[ROOM], line[ROOM], out[ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(cobs_long_examples) / sizeof(cobs_long_examples[0]); i++) {
		const struct long_example *e = &cobs_long_examples[i];

		assert_int_equal(runs_write(plain, e->plain, 3, plain_len[i]), plain_len[i]);
		assert_int_equal(runs_write(line, e->line, 6, line_len[i]), line_len[i]);
		assert_int_equal(cobs_encode(out, sizeof(out), false, bytes_of(plain, plain_len[i])), line_len[i]);
		assert_memory_equal(out, line, line_len[i]);
		decodes_to(FRAMING_COBS, 0, line, line_len[i], bytes_of(plain, plain_len[i]));
	}
}

static void a_line_that_is_too_short_is_not_written(void **state)
{
	uint8_t out[8] = { 0 };

	(void)state;
	assert_int_equal(kiss_encode(out, 7, 0, KISS_DATA, bytes_of("TEST", 4)), 7);
	assert_int_equal(kiss_encode(out, 6, 0, KISS_DATA, bytes_of("TEST", 4)), 0);
	assert_int_equal(cobs_encode(out, 7, true, bytes_of("TEST", 4)), 7);
	assert_int_equal(cobs_encode(out, 6, true, bytes_of("TEST", 4)), 0);
}

static void one_delimiter_may_stand_between_two_kiss_frames(void **state)
{
	static const uint8_t line[] = { 0xc0, 0, 'a', 0xc0, 0, 'b', 0xc0, 0xc0, 0xc0 };
	struct deframer d = deframer_of(FRAMING_KISS, ROOM);
	struct bytes frame;

	(void)state;
	assert_int_equal(frames_in(&d, line, sizeof(line), sizeof(line), &frame), 2);
	assert_true(bytes_equal(frame, bytes_of("b", 1)));
	assert_int_equal(d.rubbish_bytes, 0);
}

static void what_comes_before_the_first_delimiter_is_no_frame(void **state)
{
	static const uint8_t kiss[] = { 'c', 'm', 'd', ':', 0xc0, 0, 'a', 0xc0 }, cobs[] = { 9, 9, 9, 0, 2, 'a', 0 };
	struct deframer d = deframer_of(FRAMING_KISS, ROOM);
	struct bytes frame;

	(void)state;
	assert_int_equal(frames_in(&d, kiss, sizeof(kiss), 1, &frame), 1);
	assert_int_equal(d.unframed, 1);
	assert_int_equal(d.rubbish_bytes, 4);
	d = deframer_of(FRAMING_COBS, ROOM);
	assert_int_equal(frames_in(&d, cobs, sizeof(cobs), 1, &frame), 1);
	assert_int_equal(d.unframed, 1);
	assert_int_equal(d.rubbish_bytes, 3);
}

/* Each line spoils its first frame for one reason and has a good one behind it. */
static void rubbish_is_counted_by_its_reason_and_costs_one_frame(void **state)
{
	static const struct {
		enum framing framing;
		const char *reason;
		size_t len;
		uint8_t line[16];
	} cases[] = {
		{ FRAMING_KISS, "bad_escape", 9, { 0xc0, 0, 0xdb, 'x', 'y', 0xc0, 0, 'a', 0xc0 } },
		{ FRAMING_KISS, "bad_escape", 7, { 0xc0, 0, 0xdb, 0xc0, 0, 'a', 0xc0 } },
		{ FRAMING_KISS, "other_port", 7, { 0xc0, 0x10, 'x', 0xc0, 0, 'a', 0xc0 } },
		{ FRAMING_KISS, "other_port", 7, { 0xc0, 0x01, 'x', 0xc0, 0, 'a', 0xc0 } },
		{ FRAMING_KISS, "too_long", 11, { 0xc0, 0, 1, 2, 3, 4, 5, 0xc0, 0, 'a', 0xc0 } },
		{ FRAMING_COBS, "bad_block", 7, { 0, 5, 1, 0, 2, 'a', 0 } },
		{ FRAMING_COBS, "too_long", 11, { 0, 6, 1, 2, 3, 4, 5, 0, 2, 'a', 0 } },
		{ FRAMING_COBS, "too_long", 9, { 0, 4, 1, 2, 3, 1, 1, 1, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct deframer d = deframer_of(cases[i].framing, 4);
		struct bytes frame = { 0 };
		bool is_followed = cases[i].line[cases[i].len - 2] == 'a';
		const char *name;

		assert_int_equal(frames_in(&d, cases[i].line, cases[i].len, 3, &frame), is_followed);
		assert_true(!is_followed || bytes_equal(frame, bytes_of("a", 1)));
		for (unsigned at = 0; deframer_rubbish_at(&d, at, &name), name; at++)
			assert_int_equal(deframer_rubbish_at(&d, at, &name), strcmp(name, cases[i].reason) == 0);
		assert_true(d.rubbish_bytes > 0);
	}
}

static void another_line_begins_without_a_frame(void **state)
{
	static const uint8_t half[] = { 0xc0, 0, 'x' }, rest[] = { 'y', 0xc0, 0, 'a', 0xc0 };
	struct deframer d = deframer_of(FRAMING_KISS, ROOM);
	struct bytes frame;

	(void)state;
	assert_int_equal(frames_in(&d, half, sizeof(half), 3, &frame), 0);
	deframer_reset(&d);
	assert_int_equal(frames_in(&d, rest, sizeof(rest), 5, &frame), 1);
	assert_true(bytes_equal(frame, bytes_of("a", 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kiss_examples_are_met),
		cmocka_unit_test(cobs_examples_are_met),
		cmocka_unit_test(cobs_examples_of_long_blocks_are_met),
		cmocka_unit_test(a_line_that_is_too_short_is_not_written),
		cmocka_unit_test(one_delimiter_may_stand_between_two_kiss_frames),
		cmocka_unit_test(what_comes_before_the_first_delimiter_is_no_frame),
		cmocka_unit_test(rubbish_is_counted_by_its_reason_and_costs_one_frame),
		cmocka_unit_test(another_line_begins_without_a_frame),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
