/* Cutting and joining, of any length, by any room, in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/node/thin.h"

#include <stdlib.h>
#include <string.h>

#define SEED 20261130

struct pieces {
	unsigned count;
	struct {
		size_t len;
		uint8_t data[NODE_FRAME_MAX];
	} piece[PIECES_MAX];
};

static uint8_t whole[JOIN_MAX];

static void cut(struct pieces *p, size_t len, size_t room)
{
	struct outgoing o = { .inner = whole, .len = len, .id = 7 };

	p->count = 0;
	while (o.at < len) {
		size_t n = piece_next(&o, p->piece[p->count].data, room);

		assert_in_range(n, PIECE_HEADER + 1, room);
		p->piece[p->count++].len = n;
	}
	assert_int_equal(piece_next(&o, p->piece[0].data, room), 0);
}

static enum join_result add(struct join *j, const struct pieces *p, unsigned i)
{
	/* In a buffer of just the size: an overread is seen. */
	uint8_t *copy = malloc(p->piece[i].len);

	assert_non_null(copy);
	memcpy(copy, p->piece[i].data, p->piece[i].len);
	enum join_result result = join_add(j, bytes_of(copy, p->piece[i].len));
	free(copy);
	return result;
}

static void what_is_cut_is_joined__2000_draws(void **state)
{
	static struct pieces p;
	struct prng prng;

	(void)state;
	prng_seed(&prng, SEED);
	for (unsigned draw = 0; draw < 2000; draw++) {
		size_t room = PIECE_HEADER + PIECE_UNIT + prng_below(&prng, draw % 2 ? 40 : 500);
		size_t len = 1 + prng_below(&prng, JOIN_MAX);
		unsigned order[PIECES_MAX];
		struct join j = { 0 };

		if (!piece_takes(len, room))
			continue;
		for (size_t i = 0; i < len; i++)
			whole[i] = (uint8_t)prng_next(&prng);
		cut(&p, len, room);
		for (unsigned i = 0; i < p.count; i++) {
			unsigned at = (unsigned)prng_below(&prng, i + 1);

			order[i] = order[at];
			order[at] = i;
		}
		for (unsigned i = 0; i < p.count; i++)
			if (add(&j, &p, order[i]) != (i + 1 < p.count ? JOIN_MORE : JOIN_DONE))
				fail_msg("draw %u of seed %u: %zu bytes by %zu", draw, SEED, len, room);
		assert_int_equal(j.len, len);
		assert_memory_equal(j.room + FRAME_HEADER, whole, len);
	}
}

static void every_length_of_a_packet_can_be_cut_by_64_bytes(void **state)
{
	size_t room = NODE_THIN_FRAME_MIN - THIN_OVERHEAD_MAX;

	(void)state;
	for (size_t len = 1; len <= NODE_THIN_PACKET + 1; len++)
		assert_true(piece_takes(len, room));
	assert_false(piece_takes(JOIN_MAX + 1, NODE_FRAME_MAX));
	assert_false(piece_takes(1, PIECE_HEADER + PIECE_UNIT - 1));
	assert_true(piece_takes(PIECES_MAX * PIECE_UNIT, PIECE_HEADER + PIECE_UNIT));
	assert_false(piece_takes(PIECES_MAX * PIECE_UNIT + 1, PIECE_HEADER + PIECE_UNIT));
}

/* Every piece counts once, and none may say what another denies. */
static void pieces_that_contradict_each_other_are_found(void **state)
{
	static const struct {
		uint8_t first[2 + 33], second[2 + 33];
		size_t first_len, second_len;
	} pairs[] = {
		{ { 1, 0 }, { 1, 0 }, 18, 18 }, /* twice */
		{ { 1, 0 }, { 1, 1 }, 34, 3 }, /* it ends before what is here */
		{ { 1, 1 }, { 1, 3 }, 3, 3 }, /* two ends */
		{ { 1, 2 << 1 | 1 }, { 1, 2 << 1 }, 4, 18 }, /* behind the end */
		{ { 1, 1 << 1 }, { 1, 0 }, 18, 34 }, /* one over the other */
		{ { 1, 2 }, { 1, 0 }, 18, 17 }, /* not a multiple, not the last */
		{ { 1, 2 }, { 1, 0 }, 18, 2 }, /* empty */
		{ { 1, 2 }, { 1, 0 }, 18, 1 }, { { 1, 2 }, { 1, 127 << 1 }, 18, 34 }, /* behind all that there can be */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct join j = { 0 };

		assert_true(join_add(&j, bytes_of(pairs[i].first, pairs[i].first_len)) != JOIN_WRONG);
		assert_int_equal(join_add(&j, bytes_of(pairs[i].second, pairs[i].second_len)), JOIN_WRONG);
	}
}

/* Whatever comes: what is joined was all there. */
static void rubbish_is_joined_only_if_complete__20000_draws(void **state)
{
	struct prng prng;
	unsigned joined = 0;

	(void)state;
	prng_seed(&prng, SEED);
	for (unsigned draw = 0; draw < 20000; draw++) {
		struct join j = { 0 };
		size_t bytes = 0;

		for (unsigned i = 0; i < 8; i++) {
			uint8_t piece[2 + 48] = { 0 };
			size_t len = prng_below(&prng, 4) ? 2 + 16 * prng_below(&prng, 4) : prng_below(&prng, 51);

			piece[1] = (uint8_t)prng_below(&prng, prng_below(&prng, 4) ? 12 : 256);
			enum join_result result = join_add(&j, bytes_of(piece, len));
			bytes += len - PIECE_HEADER;
			if (result == JOIN_MORE)
				continue;
			if (result == JOIN_DONE)
				assert_int_equal(bytes, j.len);
			joined += result == JOIN_DONE;
			break;
		}
	}
	assert_true(joined > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_cut_is_joined__2000_draws),
		cmocka_unit_test(every_length_of_a_packet_can_be_cut_by_64_bytes),
		cmocka_unit_test(pieces_that_contradict_each_other_are_found),
		cmocka_unit_test(rubbish_is_joined_only_if_complete__20000_draws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
