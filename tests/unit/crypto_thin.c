/* Thin frames: eleven bytes of overhead, short tags, short counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000ull
#define PLAIN "sixteen meshes.."
#define PLAIN_LEN (sizeof(PLAIN) - 1)
#define FRAME_MAX (PLAIN_LEN + THIN_OVERHEAD_MAX)

struct pair {
	struct secret_session a, b;
};

/* `number` makes the keys distinct; the indices are as given. */
static void pair_make(struct pair *p, enum session_form form, uint8_t number, uint32_t index_a, uint32_t index_b)
{
	uint8_t there[KEY_LEN], back[KEY_LEN];

	for (unsigned i = 0; i < KEY_LEN; i++) {
		there[i] = (uint8_t)(number + i);
		back[i] = (uint8_t)(0x80 + number + i);
	}
	session_init(&p->a, index_a, index_b, there, back, true, 0);
	session_init(&p->b, index_b, index_a, back, there, false, 0);
	session_make_thin(&p->a, form);
	session_make_thin(&p->b, form);
}

static size_t seal(struct secret_session *s, uint8_t frame[FRAME_MAX])
{
	size_t header_len = thin_header_len(s->form);

	memcpy(frame + header_len, PLAIN, PLAIN_LEN);
	int len = thin_seal(s, frame, PLAIN_LEN, 0x4c);
	assert_int_equal(len, header_len + PLAIN_LEN + THIN_TAG_LEN);
	return (size_t)len;
}

static int open_copy(struct secret_session *s, const uint8_t *frame, size_t len)
{
	uint8_t copy[FRAME_MAX + 1];
	uint64_t counter;

	memcpy(copy, frame, len);
	int result = thin_open(s, copy, len, &counter);
	if (result == PLAIN_LEN)
		assert_memory_equal(copy + thin_header_len(s->form), PLAIN, PLAIN_LEN);
	if (result < 0)
		assert_memory_equal(copy, frame, len); /* another session may try it */
	return result;
}

/* Made with Python 3: hashlib.blake2b and ChaCha20 of "cryptography" 48, from the text of docs/frames.md. */
static void frames_are_as_others_make_them__protocol_4_5(void **state)
{
	static const uint8_t point[] = { 0x6c, 0xef, 0xcd, 0x45, 0x7b, 0xb6, 0xbb, 0xf9, 0x65, 0xcf, 0x66, 0xd0, 0xf8,
		0xd4, 0x4f, 0xd3, 0x43, 0xd6, 0xa5, 0xef, 0x11, 0xa0, 0x0a, 0x92, 0x9a, 0xdc, 0xc1 };
	static const uint8_t shared[] = { 0x4c, 0xb7, 0xef, 0xcd, 0x45, 0x7b, 0xb6, 0xbb, 0xf9, 0x65, 0xcf, 0x66, 0xd0,
		0xf8, 0xd4, 0x4f, 0xd3, 0x43, 0xd6, 0xa5, 0x44, 0x29, 0xdf, 0xbd, 0x3a, 0x38, 0xad, 0xd4 };
	static const uint8_t empty[] = { 0x80, 0x05, 0x00, 0xf5, 0x3d, 0x4d, 0xb7, 0xd3, 0xea, 0x11, 0xc8 };
	uint8_t frame[FRAME_MAX];
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN, 0, 1, 0x1b7);
	p.a.send_counter = UINT64_C(0x0123456789abcdef);
	assert_int_equal(seal(&p.a, frame), sizeof(point));
	assert_memory_equal(frame, point, sizeof(point));
	pair_make(&p, SESSION_THIN_SHARED, 0, 1, 0x4b7);
	p.a.send_counter = UINT64_C(0x0123456789abcdef);
	assert_int_equal(seal(&p.a, frame), sizeof(shared));
	assert_memory_equal(frame, shared, sizeof(shared));
	pair_make(&p, SESSION_THIN, 0, 1, 0x4b7);
	p.a.send_counter = 5;
	assert_int_equal(thin_seal(&p.a, frame, 0, 0x80), sizeof(empty));
	assert_memory_equal(frame, empty, sizeof(empty));
	assert_int_equal(open_copy(&p.b, empty, sizeof(empty)), 0);
}

static void cipher_and_tag_have_keys_of_their_own(void **state)
{
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN, 0, 1, 2);
	const uint8_t *keys[] = { p.a.send_key, p.a.send_tag_key, p.a.receive_key, p.a.receive_tag_key };
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(sodium_is_zero(keys[i], KEY_LEN), 0);
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(keys[i], keys[j], KEY_LEN);
	}
	assert_memory_equal(p.a.send_key, p.b.receive_key, KEY_LEN);
	assert_memory_equal(p.a.send_tag_key, p.b.receive_tag_key, KEY_LEN);
	session_done(&p.a);
	assert_int_equal(sodium_is_zero((const unsigned char *)&p.a, sizeof(p.a)), 1);
}

static void damage(enum session_form form)
{
	uint8_t frame[FRAME_MAX + 1] = { 0 }, bad[FRAME_MAX];
	struct pair p;

	pair_make(&p, form, 1, 3, 4);
	size_t len = seal(&p.a, frame);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(bad, frame, len);
		bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		int result = open_copy(&p.b, bad, len);
		/* The counter's top bit makes it one of a moment that never was. */
		assert_true(result == -EBADMSG);
	}
	for (size_t other = 0; other <= len + 1; other++)
		if (other != len)
			assert_int_equal(open_copy(&p.b, frame, other), -EBADMSG);
	assert_false(p.b.received);
	assert_int_equal(p.b.window.head, 0);
	assert_int_equal(open_copy(&p.b, frame, len), PLAIN_LEN);
	assert_int_equal(open_copy(&p.b, frame, len), -EALREADY);
	assert_true(p.b.received);
}

static void damaged_frame_changes_nothing(void **state)
{
	(void)state;
	damage(SESSION_THIN);
	damage(SESSION_THIN_SHARED);
}

static void other_directions_key_does_not_open(void **state)
{
	uint8_t frame[FRAME_MAX];
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN, 1, 3, 3);
	size_t len = seal(&p.a, frame);
	assert_int_equal(open_copy(&p.a, frame, len), -EBADMSG); /* one's own echo on a half-duplex channel */
}

static void nine_bits_of_the_index_show(void **state)
{
	uint8_t frame[FRAME_MAX];
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN_SHARED, 1, 3, 0xabcd01e5);
	size_t len = seal(&p.a, frame);
	assert_int_equal(frame[0], 0x4c | THIN_PHASE);
	assert_int_equal(frame[1], 0xe5);
	assert_true(thin_is_for(&p.b, bytes_of(frame, len)));
	p.b.local_index ^= 0x100;
	assert_false(thin_is_for(&p.b, bytes_of(frame, len)));
	p.b.local_index ^= 0x101;
	assert_false(thin_is_for(&p.b, bytes_of(frame, len)));
	p.b.local_index ^= 0xffff0001;
	assert_true(thin_is_for(&p.b, bytes_of(frame, len)));
	pair_make(&p, SESSION_THIN, 1, 3, 0xe5);
	len = seal(&p.a, frame);
	p.b.local_index = 7; /* of the byte nothing shows between two stations */
	assert_true(thin_is_for(&p.b, bytes_of(frame, len)));
	p.b.form = SESSION_NORMAL;
	assert_false(thin_is_for(&p.b, bytes_of(frame, len)));
}

/* --- the counter ------------------------------------------------------------------- */

static void counter_is_the_nearest_one(void **state)
{
	(void)state;
	assert_int_equal(thin_counter(0, 0), 0);
	assert_int_equal(thin_counter(0, 0xffff), 0xffff); /* there is none below */
	assert_int_equal(thin_counter(0x10000, 0xffff), 0xffff);
	assert_int_equal(thin_counter(0xffff, 0), 0x10000);
	assert_int_equal(thin_counter(0x18000, 0), 0x20000);
	assert_int_equal(thin_counter(0x17fff, 0), 0x10000);
	assert_int_equal(thin_counter(UINT64_MAX, 0), UINT64_MAX - 0xffff);
}

static void counter_is_whole_again__10000_draws(void **state)
{
	const uint64_t seed = 20261130;
	struct prng prng;

	(void)state;
	prng_seed(&prng, seed);
	for (int i = 0; i < 10000; i++) {
		uint64_t next = 0x8000 + (prng_next(&prng) >> (2 + prng_below(&prng, 50)));
		uint64_t counter = next - 0x7fff + prng_below(&prng, 0x10000);

		if (thin_counter(next, (uint16_t)counter) != counter)
			fail_msg("next %llx, counter %llx, draw %d of seed %llu", (unsigned long long)next,
				(unsigned long long)counter, i, (unsigned long long)seed);
	}
}

static void long_loss_is_bridged(void **state)
{
	uint8_t frame[FRAME_MAX];
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN, 1, 3, 4);
	for (int i = 0; i < 40; i++) {
		size_t len = seal(&p.a, frame);

		assert_int_equal(open_copy(&p.b, frame, len), PLAIN_LEN);
		p.a.send_counter += 0x8000 - 1; /* lost */
	}
	/* Further away the receiver takes it for another one: it does not open, and nothing else happens. */
	p.a.send_counter += 0x8002;
	size_t len = seal(&p.a, frame);
	assert_true(open_copy(&p.b, frame, len) < 0);
}

/* --- replay ---------------------------------------------------------------------------- */

static void replay_window_is_128_wide__protocol_4_4(void **state)
{
	static uint8_t frames[400][FRAME_MAX];
	size_t len = 0;
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN_SHARED, 1, 3, 4);
	for (unsigned i = 0; i < 400; i++)
		len = seal(&p.a, frames[i]);
	assert_int_equal(open_copy(&p.b, frames[300], len), PLAIN_LEN);
	assert_int_equal(open_copy(&p.b, frames[301 - 129], len), -EALREADY);
	assert_int_equal(open_copy(&p.b, frames[301 - 128], len), PLAIN_LEN);
	for (unsigned i = 301 - 127; i < 300; i += 2)
		assert_int_equal(open_copy(&p.b, frames[i], len), PLAIN_LEN);
	for (unsigned i = 0; i < 301; i++)
		if (i <= 301 - 128 || i >= 300 || (i - (301 - 127)) % 2 == 0)
			assert_int_equal(open_copy(&p.b, frames[i], len), -EALREADY);
}

/* Loss, repetition and disorder, against a list of all that was opened. */
static void stream_check(struct prng *prng)
{
	static uint8_t frames[600][FRAME_MAX];
	static bool is_opened[600];
	uint64_t start = prng_next(prng) >> (2 + prng_below(prng, 60));
	enum session_form form = prng_below(prng, 2) ? SESSION_THIN : SESSION_THIN_SHARED;
	struct pair p;
	unsigned sent = 0, highest = 0;
	size_t len = 0;
	bool any = false;

	memset(is_opened, 0, sizeof(is_opened));
	pair_make(&p, form, (uint8_t)prng_next(prng), (uint32_t)prng_next(prng), (uint32_t)prng_next(prng));
	p.a.send_counter = start;
	p.b.window.head = start;
	while (sent < 600) {
		len = seal(&p.a, frames[sent++]);
		for (unsigned deliveries = (unsigned)prng_below(prng, 3); deliveries > 0; deliveries--) {
			unsigned back = (unsigned)prng_below(prng, prng_below(prng, 8) ? 3 : 300);
			unsigned i = sent - 1 - (back < sent ? back : sent - 1);
			bool expected = !is_opened[i] && (!any || i > highest || highest - i < THIN_REPLAY_WINDOW);

			assert_int_equal(open_copy(&p.b, frames[i], len), expected ? (int)PLAIN_LEN : -EALREADY);
			if (!expected)
				continue;
			is_opened[i] = any = true;
			highest = i > highest ? i : highest;
		}
	}
}

static void each_frame_opens_once__300_streams(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 20261130);
	for (int i = 0; i < 300; i++)
		stream_check(&prng);
}

/* --- limits -------------------------------------------------------------------------------- */

static void counter_is_never_used_twice(void **state)
{
	uint8_t frame[FRAME_MAX];
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN, 1, 3, 4);
	p.a.send_counter = SESSION_COUNTER_MAX - 1;
	p.b.window.head = SESSION_COUNTER_MAX - 1;
	size_t len = seal(&p.a, frame);
	assert_int_equal(open_copy(&p.b, frame, len), PLAIN_LEN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(thin_seal(&p.a, frame, PLAIN_LEN, 0), -EKEYEXPIRED);
	assert_int_equal(p.a.send_counter, SESSION_COUNTER_MAX);
}

static void too_many_bad_tags_end_the_key__protocol_4_4(void **state)
{
	uint8_t frame[FRAME_MAX], bad[FRAME_MAX];
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN, 1, 3, 4);
	size_t len = seal(&p.a, frame);
	memcpy(bad, frame, len);
	bad[len - 1] ^= 1;
	p.b.bad_tags = SESSION_BAD_TAGS_MAX / 2 - 1;
	assert_false(session_wants_rekey(&p.b, 0));
	assert_int_equal(open_copy(&p.b, bad, len), -EBADMSG);
	assert_true(session_wants_rekey(&p.b, 0));
	p.b.bad_tags = SESSION_BAD_TAGS_MAX - 1;
	assert_int_equal(open_copy(&p.b, bad, len), -EBADMSG);
	assert_int_equal(open_copy(&p.b, frame, len), -EKEYEXPIRED);
}

static void rekey_is_wanted_after_a_day_or_2_20_frames__protocol_4_4(void **state)
{
	struct pair p;

	(void)state;
	pair_make(&p, SESSION_THIN, 1, 3, 4);
	assert_false(session_wants_rekey(&p.a, 24 * 3600 * SECOND - 1));
	assert_true(session_wants_rekey(&p.a, 24 * 3600 * SECOND));
	assert_false(session_wants_rekey(&p.b, (24 * 3600 + 300) * SECOND - 1));
	assert_true(session_wants_rekey(&p.b, (24 * 3600 + 300) * SECOND));
	p.a.send_counter = (1u << 20) - 1;
	assert_false(session_wants_rekey(&p.a, 0));
	p.a.send_counter++;
	assert_true(session_wants_rekey(&p.a, 0));
	p.b.window.head = 1u << 20;
	assert_true(session_wants_rekey(&p.b, 0));
}

/* --- keyring --------------------------------------------------------------------------------- */

static int ring_open(struct secret_keyring *k, uint64_t now_us, const uint8_t *frame, size_t len, bool *promoted)
{
	uint8_t copy[FRAME_MAX];
	struct thin_place place = { 0 };

	memcpy(copy, frame, len);
	int result = keyring_open_thin(k, now_us, copy, len, promoted, &place);
	if (result >= 0)
		assert_true(place.local_index == k->current.local_index ||
			    (k->has_previous && place.local_index == k->previous.local_index));
	return result;
}

static size_t ring_seal(struct secret_keyring *k, uint8_t frame[FRAME_MAX])
{
	memcpy(frame + thin_header_len(k->current.form), PLAIN, PLAIN_LEN);
	int len = keyring_seal(k, frame, PLAIN_LEN, 0x40);
	assert_true(len > 0);
	return (size_t)len;
}

static void handshake(
	struct secret_keyring *a, struct secret_keyring *b, uint8_t number, uint32_t phase, uint64_t now_us)
{
	struct pair p;

	pair_make(&p, SESSION_THIN, number, 3 | phase, 4 | phase);
	p.a.born_us = p.b.born_us = now_us;
	keyring_initiated(a, &p.a, now_us);
	keyring_responded(b, &p.b);
}

/* Old keys open for ten minutes more, whether the phase tells them apart or not. */
static void rekey_makes_before_it_breaks__protocol_4_4(void **state)
{
	for (uint32_t phase = 0; phase <= 0x100; phase += 0x100) {
		struct secret_keyring a = { 0 }, b = { 0 };
		uint8_t old[FRAME_MAX], later[FRAME_MAX], fresh[FRAME_MAX];
		const uint64_t t = 86400 * SECOND;
		bool promoted;

		(void)state;
		handshake(&a, &b, 1, 0, 0);
		size_t len = ring_seal(&a, fresh);
		assert_int_equal(ring_open(&b, 0, fresh, len, &promoted), PLAIN_LEN);
		assert_true(promoted);
		ring_seal(&a, old);
		ring_seal(&a, later);
		handshake(&a, &b, 2, phase, t);
		assert_int_equal(ring_open(&b, t, old, len, &promoted), PLAIN_LEN);
		assert_false(promoted);
		ring_seal(&a, fresh);
		assert_int_equal(ring_open(&b, t, fresh, len, &promoted), PLAIN_LEN);
		assert_true(promoted);
		assert_int_equal(ring_open(&b, t + 600 * SECOND - 1, later, len, &promoted), PLAIN_LEN);
		ring_seal(&b, fresh);
		assert_int_equal(ring_open(&a, t + 600 * SECOND, fresh, len, &promoted), PLAIN_LEN);
		assert_true(ring_open(&b, t + 600 * SECOND, old, len, &promoted) < 0);
		assert_false(b.has_previous);
		keyring_done(&a);
		keyring_done(&b);
	}
}

static void nobodys_frame_is_tried_with_no_key(void **state)
{
	struct secret_keyring a = { 0 }, b = { 0 };
	uint8_t frame[FRAME_MAX];
	bool promoted;

	(void)state;
	handshake(&a, &b, 1, 0, 0);
	size_t len = ring_seal(&a, frame);
	frame[0] ^= THIN_PHASE;
	assert_int_equal(ring_open(&b, 0, frame, len, &promoted), -ENOENT);
	assert_int_equal(b.pending.bad_tags, 0);
	frame[0] ^= THIN_PHASE;
	assert_int_equal(ring_open(&b, 0, frame, THIN_OVERHEAD_MAX - 2, &promoted), -ENOENT);
	assert_int_equal(ring_open(&b, 0, frame, len, &promoted), PLAIN_LEN);
	keyring_done(&a);
	keyring_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_as_others_make_them__protocol_4_5),
		cmocka_unit_test(cipher_and_tag_have_keys_of_their_own),
		cmocka_unit_test(damaged_frame_changes_nothing),
		cmocka_unit_test(other_directions_key_does_not_open),
		cmocka_unit_test(nine_bits_of_the_index_show),
		cmocka_unit_test(counter_is_the_nearest_one),
		cmocka_unit_test(counter_is_whole_again__10000_draws),
		cmocka_unit_test(long_loss_is_bridged),
		cmocka_unit_test(replay_window_is_128_wide__protocol_4_4),
		cmocka_unit_test(each_frame_opens_once__300_streams),
		cmocka_unit_test(counter_is_never_used_twice),
		cmocka_unit_test(too_many_bad_tags_end_the_key__protocol_4_4),
		cmocka_unit_test(rekey_is_wanted_after_a_day_or_2_20_frames__protocol_4_4),
		cmocka_unit_test(rekey_makes_before_it_breaks__protocol_4_4),
		cmocka_unit_test(nobodys_frame_is_tried_with_no_key),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
