/* Transport sessions: frames, replay window, rekey without a gap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define SECOND 1000000ull
#define PLAIN "sixteen meshes.."
#define PLAIN_LEN (sizeof(PLAIN) - 1)
#define FRAME_LEN (PLAIN_LEN + FRAME_OVERHEAD)

/* Two ends of one handshake; `number` makes keys and indices distinct. */
struct pair {
	struct secret_session a, b;
};

static void pair_init(struct pair *p, uint8_t number, uint64_t now_us)
{
	uint8_t there[KEY_LEN], back[KEY_LEN];

	memset(there, number, sizeof(there));
	memset(back, 0x80 | number, sizeof(back));
	session_init(&p->a, 100u + number, 0xb0000000u + number, there, back, true, now_us);
	session_init(&p->b, 0xb0000000u + number, 100u + number, back, there, false, now_us);
}

static void seal(struct secret_session *s, uint8_t frame[FRAME_LEN])
{
	memcpy(frame + FRAME_HEADER, PLAIN, PLAIN_LEN);
	assert_int_equal(session_seal(s, frame, PLAIN_LEN, 0x42), FRAME_LEN);
}

static int open_copy(struct secret_session *s, const uint8_t *frame, size_t len)
{
	uint8_t copy[FRAME_LEN + 1];
	int plain_len;

	memcpy(copy, frame, len);
	plain_len = session_open(s, copy, len);
	if (plain_len == PLAIN_LEN)
		assert_memory_equal(copy + FRAME_HEADER, PLAIN, PLAIN_LEN);
	return plain_len;
}

static void frame_layout_is_fixed__protocol_4_5(void **state)
{
	static const uint8_t header[FRAME_HEADER] = { 10, 0x42, 0, 0, 0xb0, 0, 0, 1, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45,
		0x23, 0x01 };
	uint8_t frame[FRAME_LEN], expected[PLAIN_LEN + TAG_LEN];
	uint8_t nonce[12] = { [4] = 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01 };
	uint32_t index;
	struct pair p;

	(void)state;
	pair_init(&p, 1, 0);
	p.a.send_counter = UINT64_C(0x0123456789abcdef);
	seal(&p.a, frame);
	assert_memory_equal(frame, header, FRAME_HEADER);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		expected, NULL, (const uint8_t *)PLAIN, PLAIN_LEN, header, FRAME_HEADER, NULL, nonce, p.a.send_key);
	assert_memory_equal(frame + FRAME_HEADER, expected, sizeof(expected));
	assert_true(frame_receiver_index(bytes_of(frame, FRAME_LEN), &index));
	assert_int_equal(index, 0xb0000001u);
	assert_false(frame_receiver_index(bytes_of(frame, FRAME_OVERHEAD - 1), &index));
	assert_false(frame_receiver_index(bytes_of(NULL, 0), &index));
}

static void what_is_sealed_opens(void **state)
{
	uint8_t frame[FRAME_LEN];
	struct pair p;

	(void)state;
	pair_init(&p, 1, 0);
	for (int i = 0; i < 100; i++) {
		seal(&p.a, frame);
		assert_int_equal(open_copy(&p.b, frame, FRAME_LEN), PLAIN_LEN);
		assert_int_equal(open_copy(&p.b, frame, FRAME_LEN), -EALREADY);
		seal(&p.b, frame);
		assert_int_equal(open_copy(&p.a, frame, FRAME_LEN), PLAIN_LEN);
	}
	assert_true(p.b.received);
	assert_int_equal(p.a.send_counter, 100);
	/* An empty frame is a frame: keepalives. */
	assert_int_equal(session_seal(&p.a, frame, 0, 0), FRAME_OVERHEAD);
	assert_int_equal(session_open(&p.b, frame, FRAME_OVERHEAD), 0);
}

/* Each flipped bit and each wrong length is refused and the true frame still opens. */
static void damaged_frame_changes_nothing(void **state)
{
	uint8_t frame[FRAME_LEN + 1] = { 0 }, bad[FRAME_LEN];
	struct pair p;

	(void)state;
	pair_init(&p, 1, 0);
	seal(&p.a, frame);
	for (size_t bit = 0; bit < 8 * FRAME_LEN; bit++) {
		memcpy(bad, frame, FRAME_LEN);
		bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		int result = open_copy(&p.b, bad, FRAME_LEN);
		/* The top bits of the counter make it one that is never sent. */
		assert_true(result == -EBADMSG || (result == -EALREADY && bit / 8 == 15));
	}
	for (size_t len = 0; len <= FRAME_LEN + 1; len++)
		if (len != FRAME_LEN)
			assert_int_equal(open_copy(&p.b, frame, len), -EBADMSG);
	assert_false(p.b.received);
	assert_int_equal(p.b.window.head, 0);
	assert_int_equal(open_copy(&p.b, frame, FRAME_LEN), PLAIN_LEN);
}

static void other_directions_key_does_not_open(void **state)
{
	uint8_t frame[FRAME_LEN];
	struct pair p;

	(void)state;
	pair_init(&p, 1, 0);
	seal(&p.a, frame);
	p.a.local_index = p.a.remote_index; /* even with the index right */
	assert_int_equal(open_copy(&p.a, frame, FRAME_LEN), -EBADMSG);
}

static void counter_is_never_used_twice(void **state)
{
	uint8_t frame[FRAME_LEN];
	struct pair p;

	(void)state;
	pair_init(&p, 1, 0);
	p.a.send_counter = SESSION_COUNTER_MAX - 1;
	seal(&p.a, frame);
	assert_int_equal(open_copy(&p.b, frame, FRAME_LEN), PLAIN_LEN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(session_seal(&p.a, frame, PLAIN_LEN, 0), -EKEYEXPIRED);
	assert_int_equal(p.a.send_counter, SESSION_COUNTER_MAX);
}

static void too_many_bad_tags_end_the_key(void **state)
{
	uint8_t frame[FRAME_LEN], bad[FRAME_LEN];
	struct pair p;

	(void)state;
	pair_init(&p, 1, 0);
	seal(&p.a, frame);
	memcpy(bad, frame, sizeof(bad));
	bad[FRAME_LEN - 1] ^= 1;
	for (int i = 0; i < 10; i++)
		assert_int_equal(open_copy(&p.b, bad, FRAME_LEN), -EBADMSG);
	assert_int_equal(p.b.bad_tags, 10);
	/* What never reaches the tag does not count towards the limit. */
	assert_int_equal(open_copy(&p.b, bad, FRAME_OVERHEAD - 1), -EBADMSG);
	assert_int_equal(p.b.bad_tags, 10);
	p.b.bad_tags = SESSION_BAD_TAGS_MAX / 2 - 1;
	assert_false(session_wants_rekey(&p.b, 0));
	assert_int_equal(open_copy(&p.b, bad, FRAME_LEN), -EBADMSG);
	/* Half of the way is left to make new keys before the old ones stop. */
	assert_true(session_wants_rekey(&p.b, 0));
	p.b.bad_tags = SESSION_BAD_TAGS_MAX - 1;
	assert_int_equal(open_copy(&p.b, bad, FRAME_LEN), -EBADMSG);
	assert_true(session_wants_rekey(&p.b, 0));
	assert_int_equal(open_copy(&p.b, bad, FRAME_LEN), -EKEYEXPIRED);
	assert_int_equal(open_copy(&p.b, frame, FRAME_LEN), -EKEYEXPIRED);
}

static void rekey_is_wanted_by_age_and_by_count(void **state)
{
	const uint64_t born = 77 * SECOND;
	struct pair p;

	(void)state;
	pair_init(&p, 1, born);
	assert_false(session_wants_rekey(&p.a, born));
	assert_false(session_wants_rekey(&p.a, born + SESSION_REKEY_US - 1));
	assert_true(session_wants_rekey(&p.a, born + SESSION_REKEY_US));
	/* The side that answered gives the other five minutes to begin. */
	assert_false(session_wants_rekey(&p.b, born + SESSION_REKEY_US + 300 * SECOND - 1));
	assert_true(session_wants_rekey(&p.b, born + SESSION_REKEY_US + 300 * SECOND));
	p.a.send_counter = SESSION_REKEY_FRAMES - 1;
	assert_false(session_wants_rekey(&p.a, born));
	p.a.send_counter++;
	assert_true(session_wants_rekey(&p.a, born));
	replay_accept(&p.b.window, SESSION_REKEY_FRAMES - 2);
	assert_false(session_wants_rekey(&p.b, born));
	replay_accept(&p.b.window, SESSION_REKEY_FRAMES - 1);
	assert_true(session_wants_rekey(&p.b, born));
}

/* --- replay window -------------------------------------------------------------- */

#define OFFERS_MAX 400

/* What the window means, without a window: every counter ever accepted. */
struct oracle {
	bool seen[OFFERS_MAX];
	uint64_t highest;
	bool any;
};

static bool oracle_accepts(const struct oracle *o, size_t i, uint64_t counter)
{
	return !o->seen[i] && (!o->any || counter > o->highest || o->highest - counter < REPLAY_WINDOW);
}

static void permutation_check(struct prng *prng)
{
	static const uint64_t strides[] = { 1, 2, 7, 63, 64, 65, 500, 2048 };
	size_t count = 2 + prng_below(prng, OFFERS_MAX - 2), order[OFFERS_MAX];
	uint64_t base = prng_below(prng, 2) ? prng_next(prng) >> (2 + prng_below(prng, 60)) : 0;
	uint64_t stride = strides[prng_below(prng, 8)];
	struct replay_window w = { 0 };
	struct oracle o = { 0 };

	for (size_t i = 0; i < count; i++) {
		size_t j = prng_below(prng, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (size_t offer = 0; offer < 2 * count; offer++) {
		/* Everything once in the order drawn, with repetitions thrown in. */
		size_t i = offer % 2 ? order[prng_below(prng, offer / 2 + 1)] : order[offer / 2];
		uint64_t counter = base + i * stride;
		bool expected = oracle_accepts(&o, i, counter);

		assert_int_equal(replay_would_accept(&w, counter), expected);
		if (!expected)
			continue;
		replay_accept(&w, counter);
		o.seen[i] = o.any = true;
		o.highest = counter > o.highest ? counter : o.highest;
		assert_int_equal(w.head, o.highest + 1);
	}
}

static void replay_window_agrees_with_oracle__10000_permutations(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 20261124);
	for (int i = 0; i < 10000; i++)
		permutation_check(&prng);
}

static void replay_window_edges(void **state)
{
	struct replay_window w = { 0 };

	(void)state;
	replay_accept(&w, 0);
	assert_false(replay_would_accept(&w, 0));
	replay_accept(&w, REPLAY_WINDOW - 1);
	assert_false(replay_would_accept(&w, 0)); /* still remembered */
	assert_true(replay_would_accept(&w, 1));
	replay_accept(&w, REPLAY_WINDOW);
	assert_false(replay_would_accept(&w, 0)); /* too old */
	assert_true(replay_would_accept(&w, 1)); /* the oldest in the window */
	replay_accept(&w, 10 * REPLAY_WINDOW + 5);
	assert_true(replay_would_accept(&w, 9 * REPLAY_WINDOW + 6));
	assert_false(replay_would_accept(&w, 9 * REPLAY_WINDOW + 5));
	assert_false(replay_would_accept(&w, SESSION_COUNTER_MAX));
	assert_false(replay_would_accept(&w, UINT64_MAX));
	replay_accept(&w, SESSION_COUNTER_MAX - 1);
	assert_false(replay_would_accept(&w, SESSION_COUNTER_MAX - 1));
	assert_true(replay_would_accept(&w, SESSION_COUNTER_MAX - 2));
}

/* A full window, moved by `step`: all that is still inside stays refused, and
 * what was passed over is not. */
static bool window_remembers_after(struct replay_window w, uint64_t step)
{
	uint64_t head = w.head;
	bool right = true;

	replay_accept(&w, head + step - 1);
	for (uint64_t counter = w.head - REPLAY_WINDOW; counter < head; counter++)
		right &= !replay_would_accept(&w, counter);
	for (uint64_t counter = step > REPLAY_WINDOW ? w.head - REPLAY_WINDOW : head; counter < w.head - 1; counter++)
		right &= replay_would_accept(&w, counter);
	return right;
}

static void moving_the_window_forgets_nothing_inside(void **state)
{
	(void)state;
	for (uint64_t start = 0; start < 64; start++) {
		struct replay_window w = { 0 };

		for (uint64_t counter = start; counter < start + REPLAY_WINDOW; counter++)
			replay_accept(&w, counter);
		for (uint64_t step = 1; step <= 130; step++)
			assert_true(window_remembers_after(w, step));
		for (uint64_t step = REPLAY_WINDOW - 70; step <= REPLAY_WINDOW + 70; step++)
			assert_true(window_remembers_after(w, step));
	}
}

/* --- keyring ----------------------------------------------------------------------- */

static int ring_open(struct secret_keyring *k, uint64_t now_us, const uint8_t frame[FRAME_LEN], bool *promoted)
{
	uint8_t copy[FRAME_LEN];

	memcpy(copy, frame, FRAME_LEN);
	return keyring_open(k, now_us, copy, FRAME_LEN, promoted);
}

static void ring_seal(struct secret_keyring *k, uint8_t frame[FRAME_LEN])
{
	memcpy(frame + FRAME_HEADER, PLAIN, PLAIN_LEN);
	assert_int_equal(keyring_seal(k, frame, PLAIN_LEN, 0), FRAME_LEN);
}

/* Both ends take over the sessions of one handshake that `a` began. */
static void handshake(struct secret_keyring *a, struct secret_keyring *b, uint8_t number, uint64_t now_us)
{
	static const struct secret_session zero;
	struct pair p;

	pair_init(&p, number, now_us);
	keyring_initiated(a, &p.a, now_us);
	keyring_responded(b, &p.b);
	assert_memory_equal(&p.a, &zero, sizeof(zero)); /* moved, not copied */
	assert_memory_equal(&p.b, &zero, sizeof(zero));
}

static void first_session_is_proven_by_a_frame(void **state)
{
	struct secret_keyring a = { 0 }, b = { 0 };
	uint8_t frame[FRAME_LEN];
	bool promoted;

	(void)state;
	assert_int_equal(keyring_seal(&a, frame, PLAIN_LEN, 0), -ENOTCONN);
	handshake(&a, &b, 1, 0);
	assert_int_equal(keyring_seal(&b, frame, PLAIN_LEN, 0), -ENOTCONN);
	ring_seal(&a, frame);
	assert_int_equal(ring_open(&b, 0, frame, &promoted), PLAIN_LEN);
	assert_true(promoted);
	assert_true(b.has_current && !b.has_pending && !b.has_previous);
	assert_int_equal(ring_open(&b, 0, frame, &promoted), -EALREADY);
	assert_false(promoted);
	ring_seal(&b, frame);
	assert_int_equal(ring_open(&a, 0, frame, &promoted), PLAIN_LEN);
	assert_false(promoted);
	assert_int_equal(keyring_open(&a, 0, frame, FRAME_OVERHEAD - 1, &promoted), -EBADMSG);
	frame[7] ^= 0xff;
	assert_int_equal(ring_open(&a, 0, frame, &promoted), -ENOENT);
}

/* Frames under old keys are under way in both directions while keys change. */
static void rekey_makes_before_it_breaks(void **state)
{
	struct secret_keyring a = { 0 }, b = { 0 };
	uint8_t old_to_b[FRAME_LEN], later_to_b[FRAME_LEN], old_to_a[FRAME_LEN], to_a[FRAME_LEN], to_b[FRAME_LEN];
	const uint64_t t = 7200 * SECOND;
	bool promoted;

	(void)state;
	handshake(&a, &b, 1, 0);
	ring_seal(&a, to_b);
	assert_int_equal(ring_open(&b, 0, to_b, &promoted), PLAIN_LEN);
	ring_seal(&a, old_to_b);
	ring_seal(&a, later_to_b);
	handshake(&a, &b, 2, t);
	ring_seal(&b, old_to_a); /* b does not know yet that a has the keys */
	assert_int_equal(b.current.local_index, 0xb0000001u);
	assert_int_equal(ring_open(&a, t, old_to_a, &promoted), PLAIN_LEN);
	assert_int_equal(ring_open(&b, t, old_to_b, &promoted), PLAIN_LEN);
	assert_false(promoted);
	ring_seal(&a, to_b);
	assert_int_equal(ring_open(&b, t + SECOND, to_b, &promoted), PLAIN_LEN);
	assert_true(promoted);
	assert_int_equal(b.current.local_index, 0xb0000002u);
	ring_seal(&b, to_a);
	assert_int_equal(ring_open(&a, t + SECOND, to_a, &promoted), PLAIN_LEN);
	assert_int_equal(ring_open(&b, t + 61 * SECOND - 1, later_to_b, &promoted), PLAIN_LEN);
	ring_seal(&a, to_b);
	assert_int_equal(ring_open(&b, t + 61 * SECOND, to_b, &promoted), PLAIN_LEN);
	assert_int_equal(ring_open(&b, t + 61 * SECOND, later_to_b, &promoted), -ENOENT);
	assert_false(b.has_previous);
}

static void an_empty_frame_proves_as_well(void **state)
{
	struct secret_keyring k = { 0 };
	uint8_t empty[FRAME_OVERHEAD];
	struct pair p;
	bool promoted;

	(void)state;
	pair_init(&p, 1, 0);
	keyring_responded(&k, &p.b);
	assert_int_equal(session_seal(&p.a, empty, 0, 0), FRAME_OVERHEAD);
	assert_int_equal(keyring_open(&k, 0, empty, FRAME_OVERHEAD, &promoted), 0);
	assert_true(promoted && k.has_current && !k.has_pending);
}

static void pending_never_replaces_current_unproven(void **state)
{
	struct secret_keyring a = { 0 }, b = { 0 };
	uint8_t frame[FRAME_LEN], forged[FRAME_LEN];
	struct pair replayed;
	bool promoted;

	(void)state;
	handshake(&a, &b, 1, 0);
	ring_seal(&a, frame);
	assert_int_equal(ring_open(&b, 0, frame, &promoted), PLAIN_LEN);
	for (uint8_t number = 2; number < 50; number++) {
		pair_init(&replayed, number, SECOND);
		keyring_responded(&b, &replayed.b);
		seal(&replayed.a, forged);
		forged[FRAME_LEN - 1] ^= 1;
		assert_int_equal(ring_open(&b, SECOND, forged, &promoted), -EBADMSG);
		assert_false(promoted);
		assert_int_equal(b.pending.bad_tags, 1);
		assert_true(b.has_pending && b.has_current && !b.has_previous);
		assert_int_equal(b.current.local_index, 0xb0000001u);
		ring_seal(&a, frame);
		assert_int_equal(ring_open(&b, SECOND, frame, &promoted), PLAIN_LEN);
		ring_seal(&b, frame);
		assert_int_equal(ring_open(&a, SECOND, frame, &promoted), PLAIN_LEN);
	}
	/* Only the newest pending is kept. */
	assert_int_equal(b.pending.local_index, 0xb0000000u + 49);
}

/* Both called, and each heard the other's first frame after its own handshake was done: were each to take up the
 * other's session, they would speak under different ones and both be silent when the previous ones end. */
static void handshakes_that_cross_end_on_one_session(void **state)
{
	struct secret_keyring a = { 0 }, b = { 0 };
	uint8_t from_a[FRAME_LEN], from_b[FRAME_LEN];
	bool promoted;

	(void)state;
	handshake(&b, &a, 1, 0);
	ring_seal(&b, from_b);
	handshake(&a, &b, 2, 0);
	ring_seal(&a, from_a);
	assert_int_equal(ring_open(&a, 0, from_b, &promoted), PLAIN_LEN); /* what is on its way is heard */
	assert_false(promoted);
	assert_int_equal(ring_open(&b, 0, from_a, &promoted), PLAIN_LEN);
	assert_true(promoted);
	keyring_expire(&a, 100 * SECOND);
	keyring_expire(&b, 100 * SECOND);
	ring_seal(&a, from_a);
	ring_seal(&b, from_b);
	assert_int_equal(ring_open(&a, 100 * SECOND, from_b, &promoted), PLAIN_LEN);
	assert_int_equal(ring_open(&b, 100 * SECOND, from_a, &promoted), PLAIN_LEN);
	keyring_done(&a);
	keyring_done(&b);
}

static bool is_zero(const void *p, size_t len)
{
	return sodium_is_zero(p, len) == 1;
}

static void secrets_are_wiped(void **state)
{
	struct secret_keyring a = { 0 }, b = { 0 };
	uint8_t frame[FRAME_LEN];
	bool promoted;
	struct pair p;

	(void)state;
	pair_init(&p, 1, 5);
	session_done(&p.a);
	assert_true(is_zero(&p.a, sizeof(p.a)));
	handshake(&a, &b, 1, 0);
	ring_seal(&a, frame);
	assert_int_equal(ring_open(&b, 0, frame, &promoted), PLAIN_LEN);
	assert_true(is_zero(&b.pending, sizeof(b.pending))); /* moved on promotion */
	handshake(&a, &b, 2, SECOND);
	keyring_expire(&a, 61 * SECOND - 1);
	assert_true(a.has_previous);
	assert_false(is_zero(&a.previous, sizeof(a.previous)));
	keyring_expire(&a, 61 * SECOND);
	assert_false(a.has_previous);
	assert_true(is_zero(&a.previous, sizeof(a.previous)));
	assert_true(a.has_current);
	keyring_done(&a);
	keyring_done(&b);
	assert_true(is_zero(&a, sizeof(a)));
	assert_true(is_zero(&b, sizeof(b)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_layout_is_fixed__protocol_4_5),
		cmocka_unit_test(what_is_sealed_opens),
		cmocka_unit_test(damaged_frame_changes_nothing),
		cmocka_unit_test(other_directions_key_does_not_open),
		cmocka_unit_test(counter_is_never_used_twice),
		cmocka_unit_test(too_many_bad_tags_end_the_key),
		cmocka_unit_test(rekey_is_wanted_by_age_and_by_count),
		cmocka_unit_test(replay_window_agrees_with_oracle__10000_permutations),
		cmocka_unit_test(replay_window_edges),
		cmocka_unit_test(moving_the_window_forgets_nothing_inside),
		cmocka_unit_test(first_session_is_proven_by_a_frame),
		cmocka_unit_test(rekey_makes_before_it_breaks),
		cmocka_unit_test(an_empty_frame_proves_as_well),
		cmocka_unit_test(pending_never_replaces_current_unproven),
		cmocka_unit_test(handshakes_that_cross_end_on_one_session),
		cmocka_unit_test(secrets_are_wiped),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
