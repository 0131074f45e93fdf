/* Noise handshakes against published vectors and against a hostile wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/crypto_noise_run.h"

#include <errno.h>

static void published_vectors_hold__noise_rev34(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++)
		vector_holds(&vectors[i]);
}

/* The cases with payloads, one for each pattern. */
static const struct vector *vector_with_payload(enum noise_pattern pattern)
{
	for (size_t i = 0; i < COUNT(vectors); i++)
		if (vectors[i].pattern == pattern && vectors[i].messages[0].payload[0])
			return &vectors[i];
	fail();
	return NULL;
}

static void refused_then_accepted(struct sides *s, int reader, const struct run *bad, const struct run *good)
{
	struct secret_noise before = s->n[reader];
	struct run opened;

	assert_int_equal(side_read(s, reader, bad, &opened), -EBADMSG);
	assert_int_equal(opened.len, 0);
	assert_memory_equal(&s->n[reader], &before, sizeof(before));
	assert_int_equal(side_read(s, reader, good, &opened), 0);
	s->n[reader] = before;
}

/* Every byte hit by a flipped bit, every shorter length, one byte too many. */
static void forgery_changes_nothing(enum noise_pattern pattern)
{
	const struct vector *v = vector_with_payload(pattern);

	for (unsigned i = 0; i < handshake_messages(v); i++) {
		struct run payload = hex(v->messages[i].payload), sealed, bad;
		struct sides s;

		sides_init(&s, v);
		sides_run(&s, v, i);
		assert_int_equal(side_write(&s, i % 2, run_bytes(&payload), &sealed), 0);
		for (size_t bit = 0; bit < 8 * sealed.len; bit += 7) {
			bad = sealed;
			bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			refused_then_accepted(&s, !(i % 2), &bad, &sealed);
		}
		for (size_t len = 0; len < sealed.len; len++) {
			bad = sealed;
			bad.len = len;
			refused_then_accepted(&s, !(i % 2), &bad, &sealed);
		}
		bad = sealed;
		bad.data[bad.len++] = 0;
		refused_then_accepted(&s, !(i % 2), &bad, &sealed);
		sides_done(&s);
	}
}

static void forgery_changes_nothing__xxpsk0(void **state)
{
	(void)state;
	forgery_changes_nothing(NOISE_XXPSK0);
}

static void forgery_changes_nothing__ikpsk2(void **state)
{
	(void)state;
	forgery_changes_nothing(NOISE_IKPSK2);
}

static void forgery_changes_nothing__x(void **state)
{
	(void)state;
	forgery_changes_nothing(NOISE_X);
}

static void too_long_message_is_refused(void **state)
{
	static const uint8_t data[NOISE_MESSAGE_MAX + 1];
	const struct vector *v = vector_with_payload(NOISE_XXPSK0);
	struct writer nowhere = writer_of(NULL, 0);
	struct sides s;

	(void)state;
	sides_init(&s, v);
	assert_int_equal(noise_read(&s.n[RESPONDER], bytes_of(data, sizeof(data)), &nowhere), -EBADMSG);
	sides_done(&s);
}

static void wrong_psk_stops_at_its_message(void **state)
{
	static const unsigned stops_at[] = { [NOISE_XXPSK0] = 0, [NOISE_IKPSK2] = 1 };

	(void)state;
	for (enum noise_pattern pattern = NOISE_XXPSK0; pattern <= NOISE_IKPSK2; pattern++) {
		const struct vector *v = vector_with_payload(pattern);
		struct sides s;

		sides_init(&s, v);
		s.n[RESPONDER].psk[31] ^= 1;
		for (unsigned i = 0; i <= stops_at[pattern]; i++) {
			struct run payload = hex(v->messages[i].payload), sealed, opened;

			assert_int_equal(side_write(&s, i % 2, run_bytes(&payload), &sealed), 0);
			assert_int_equal(
				side_read(&s, !(i % 2), &sealed, &opened), i == stops_at[pattern] ? -EBADMSG : 0);
		}
		sides_done(&s);
	}
}

static void other_prologue_or_responder_is_refused(void **state)
{
	const struct vector *v = vector_with_payload(NOISE_IKPSK2);
	struct vector other = *v;
	struct sides s, t;
	struct run sealed, opened;

	(void)state;
	other.prologue = "00";
	sides_init(&s, v);
	sides_init(&t, &other);
	assert_int_equal(side_write(&s, INITIATOR, bytes_of(NULL, 0), &sealed), 0);
	assert_int_equal(side_read(&t, RESPONDER, &sealed, &opened), -EBADMSG);
	sides_done(&t);
	other = *v;
	other.responder_static = v->initiator_static;
	sides_init(&t, &other);
	assert_int_equal(side_read(&t, RESPONDER, &sealed, &opened), -EBADMSG);
	sides_done(&t);
	sides_done(&s);
}

static void order_is_kept(void **state)
{
	(void)state;
	for (enum noise_pattern pattern = NOISE_XXPSK0; pattern <= NOISE_IKPSK2; pattern++) {
		const struct vector *v = vector_with_payload(pattern);
		struct run first, sealed, opened;
		struct secret_noise before;
		struct sides s;
		struct keys k;

		sides_init(&s, v);
		assert_int_equal(noise_split(&s.n[INITIATOR], k.send, k.receive, k.hash), -EPROTO);
		assert_int_equal(side_write(&s, INITIATOR, bytes_of(NULL, 0), &first), 0);
		before = s.n[INITIATOR];
		assert_int_equal(side_read(&s, INITIATOR, &first, &opened), -EBADMSG); /* reflected */
		assert_memory_equal(&before, &s.n[INITIATOR], sizeof(before));
		assert_int_equal(side_read(&s, RESPONDER, &first, &opened), 0);
		assert_int_equal(side_read(&s, RESPONDER, &first, &opened), -EPROTO); /* twice */
		assert_int_equal(side_write(&s, RESPONDER, bytes_of(NULL, 0), &sealed), 0);
		/* Out of turn: the state is dead, even for what would have been its turn. */
		assert_int_equal(side_write(&s, INITIATOR, bytes_of(NULL, 0), &first), -EPROTO);
		assert_int_equal(side_read(&s, INITIATOR, &sealed, &opened), -EPROTO);
		assert_false(noise_is_complete(&s.n[INITIATOR]));
		sides_done(&s);
	}
}

static void nothing_follows_the_last_message(void **state)
{
	(void)state;
	for (enum noise_pattern pattern = NOISE_XXPSK0; pattern <= NOISE_IKPSK2; pattern++) {
		const struct vector *v = vector_with_payload(pattern);
		struct run sealed, opened;
		struct sides s;

		sides_init(&s, v);
		sides_run(&s, v, handshake_messages(v));
		sealed = hex(v->messages[0].sealed);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(side_read(&s, side, &sealed, &opened), -EPROTO);
			assert_true(noise_is_complete(&s.n[side]));
			assert_int_equal(side_write(&s, side, bytes_of(NULL, 0), &sealed), -EPROTO);
			assert_false(noise_is_complete(&s.n[side]));
		}
		sides_done(&s);
	}
}

/* An all-zero result of X25519 is a peer that contributes nothing: refused. */
static void zero_dh_is_refused(void **state)
{
	const struct vector *xx = vector_with_payload(NOISE_XXPSK0), *ik = vector_with_payload(NOISE_IKPSK2);
	struct run sealed, opened;
	struct sides s;

	(void)state;
	/* Read side: the message's ephemeral is zero; the handshake goes on after it. */
	sides_init(&s, xx);
	sides_run(&s, xx, 1);
	sealed = hex(xx->messages[1].sealed);
	memset(sealed.data, 0, KEY_LEN);
	assert_int_equal(side_read(&s, INITIATOR, &sealed, &opened), -EPROTO);
	sealed = hex(xx->messages[1].sealed);
	assert_int_equal(side_read(&s, INITIATOR, &sealed, &opened), 0);
	sides_done(&s);

	/* Write side: the responder's static key that we were given is zero. */
	sides_init(&s, ik);
	memset(s.n[INITIATOR].rs, 0, KEY_LEN);
	assert_int_equal(side_write(&s, INITIATOR, bytes_of(NULL, 0), &sealed), -EPROTO);
	assert_int_equal(side_write(&s, INITIATOR, bytes_of(NULL, 0), &sealed), -EPROTO);
	sides_done(&s);
}

static void room_is_checked(void **state)
{
	const struct vector *v = vector_with_payload(NOISE_XXPSK0);
	static const uint8_t payload[NOISE_PAYLOAD_MAX + 1];
	struct run sealed = hex(v->messages[0].sealed), written;
	struct secret_noise before;
	uint8_t room[KEY_LEN + TAG_LEN];
	struct sides s;

	(void)state;
	for (size_t capacity = 0; capacity < sizeof(room); capacity++) {
		struct writer out = writer_of(room, capacity);

		sides_init(&s, v);
		struct random random = { fixed_fill, s.ephemeral[INITIATOR] };
		assert_int_equal(noise_write(&s.n[INITIATOR], &random, bytes_of(NULL, 0), &out), -ENOSPC);
		sides_done(&s);
	}
	sides_init(&s, v);
	assert_int_equal(side_write(&s, INITIATOR, bytes_of(payload, sizeof(payload)), &written), -ENOSPC);
	before = s.n[RESPONDER];
	struct writer out = writer_of(room, 1);
	assert_int_equal(noise_read(&s.n[RESPONDER], run_bytes(&sealed), &out), -ENOSPC);
	assert_memory_equal(&before, &s.n[RESPONDER], sizeof(before));
	sides_done(&s);
}

static void longest_payload_passes(void **state)
{
	static uint8_t payload[NOISE_PAYLOAD_MAX];
	const struct vector *v = vector_with_payload(NOISE_XXPSK0);
	struct run sealed, opened;
	struct sides s;

	(void)state;
	memset(payload, 0xa5, sizeof(payload));
	sides_init(&s, v);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(side_write(&s, i % 2, bytes_of(payload, sizeof(payload)), &sealed), 0);
		assert_int_equal(side_read(&s, !(i % 2), &sealed, &opened), 0);
		assert_int_equal(opened.len, sizeof(payload));
		assert_memory_equal(opened.data, payload, sizeof(payload));
	}
	sides_done(&s);
}

static void done_leaves_no_secret(void **state)
{
	static const struct secret_noise zero;
	const struct vector *v = vector_with_payload(NOISE_XXPSK0);
	struct sides s;

	(void)state;
	sides_init(&s, v);
	sides_run(&s, v, 3);
	sides_done(&s);
	assert_memory_equal(&s.n[0], &zero, sizeof(zero));
	assert_memory_equal(&s.n[1], &zero, sizeof(zero));
}

static void tools_hash_compare_and_wipe(void **state)
{
	uint8_t a[64], b[64] = { 0 };
	/* RFC 7693, appendix A: BLAKE2b-512 of "abc". */
	struct run abc = hex("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
			     "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");

	(void)state;
	hash_bytes(a, 64, bytes_of("abc", 3), bytes_of(NULL, 0));
	assert_memory_equal(a, abc.data, 64);
	hash_bytes(b, 64, bytes_of("abc", 3), bytes_of("key", 3));
	assert_memory_not_equal(a, b, 64);
	for (size_t len = 1; len <= 64; len++)
		hash_bytes(b, len, bytes_of("abc", 3), bytes_of(NULL, 0));
	assert_true(secret_equal(a, b, 64));
	b[63] ^= 0x80;
	assert_false(secret_equal(a, b, 64));
	assert_true(secret_equal(a, b, 63));
	secret_wipe(a, 63);
	memset(b, 0, 63);
	assert_memory_equal(a, b, 63);
	assert_int_equal(a[63], abc.data[63]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_hash_compare_and_wipe),
		cmocka_unit_test(published_vectors_hold__noise_rev34),
		cmocka_unit_test(forgery_changes_nothing__xxpsk0),
		cmocka_unit_test(forgery_changes_nothing__ikpsk2),
		cmocka_unit_test(forgery_changes_nothing__x),
		cmocka_unit_test(too_long_message_is_refused),
		cmocka_unit_test(wrong_psk_stops_at_its_message),
		cmocka_unit_test(other_prologue_or_responder_is_refused),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(nothing_follows_the_last_message),
		cmocka_unit_test(zero_dh_is_refused),
		cmocka_unit_test(room_is_checked),
		cmocka_unit_test(longest_payload_passes),
		cmocka_unit_test(done_leaves_no_secret),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
