/* Runs a vector through both sides of a handshake. */
#ifndef TESTS_UNIT_CRYPTO_NOISE_RUN_H
#define TESTS_UNIT_CRYPTO_NOISE_RUN_H

#include "tests/unit/crypto_noise_vectors.h"

#include <sodium.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define INITIATOR 0
#define RESPONDER 1

struct run {
	uint8_t data[NOISE_MESSAGE_MAX];
	size_t len;
};

static inline struct run hex(const char *text)
{
	struct run r = { 0 };

	assert_int_equal(sodium_hex2bin(r.data, sizeof(r.data), text, strlen(text), NULL, &r.len, NULL), 0);
	assert_int_equal(strlen(text), 2 * r.len);
	return r;
}

static inline struct bytes run_bytes(const struct run *r)
{
	return bytes_of(r->data, r->len);
}

/* Randomness that was decided beforehand: one key. */
static inline void fixed_fill(void *user, void *out, size_t len)
{
	assert_int_equal(len, KEY_LEN);
	memcpy(out, user, len);
}

struct sides {
	struct secret_noise n[2];
	uint8_t ephemeral[2][KEY_LEN];
};

static inline void sides_init(struct sides *s, const struct vector *v)
{
	struct run statics[2] = { hex(v->initiator_static), hex(v->responder_static) };
	struct run ephemerals[2] = { hex(v->initiator_ephemeral), hex(v->responder_ephemeral) };
	struct run prologue = hex(v->prologue), psk = hex(v->psk);
	uint8_t responder[KEY_LEN];

	crypto_scalarmult_curve25519_base(responder, statics[RESPONDER].data);
	for (int side = 0; side < 2; side++) {
		struct noise_config config = {
			.pattern = v->pattern,
			.initiator = side == INITIATOR,
			.prologue = run_bytes(&prologue),
			.s_secret = statics[side].data,
			.psk = psk.data,
		};
		if (v->pattern != NOISE_XXPSK0 && side == INITIATOR)
			config.remote_static = responder;
		noise_init(&s->n[side], &config);
		memcpy(s->ephemeral[side], ephemerals[side].data, KEY_LEN);
	}
}

static inline void sides_done(struct sides *s)
{
	noise_done(&s->n[0]);
	noise_done(&s->n[1]);
}

static inline int side_write(struct sides *s, int side, struct bytes payload, struct run *message)
{
	struct random random = { fixed_fill, s->ephemeral[side] };
	struct writer out = writer_of(message->data, sizeof(message->data));
	int error = noise_write(&s->n[side], &random, payload, &out);

	message->len = writer_len(&out);
	return error;
}

static inline int side_read(struct sides *s, int side, const struct run *message, struct run *payload)
{
	struct writer out = writer_of(payload->data, sizeof(payload->data));
	int error = noise_read(&s->n[side], run_bytes(message), &out);

	payload->len = writer_len(&out);
	return error;
}

static inline void runs_equal(const struct run *a, const struct run *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

static inline unsigned handshake_messages(const struct vector *v)
{
	return v->pattern == NOISE_XXPSK0 ? 3 : v->pattern == NOISE_IKPSK2 ? 2 : 1;
}

/* Runs messages [0, until) of the vector. */
static inline void sides_run(struct sides *s, const struct vector *v, unsigned until)
{
	for (unsigned i = 0; i < until; i++) {
		struct run payload = hex(v->messages[i].payload), expected = hex(v->messages[i].sealed), sealed, opened;

		assert_false(noise_is_complete(&s->n[i % 2]));
		assert_int_equal(side_write(s, i % 2, run_bytes(&payload), &sealed), 0);
		runs_equal(&sealed, &expected);
		assert_int_equal(side_read(s, !(i % 2), &sealed, &opened), 0);
		runs_equal(&opened, &payload);
	}
}

struct keys {
	uint8_t send[KEY_LEN], receive[KEY_LEN], hash[NOISE_HASH_LEN];
};

/* Transport messages alternate, or are all the initiator's; in all cases used here it begins. */
static inline void transport_check(const struct vector *v, const struct keys keys[2])
{
	uint64_t counters[2] = { 0 };

	for (unsigned i = handshake_messages(v); v->messages[i].sealed; i++) {
		struct run payload = hex(v->messages[i].payload), expected = hex(v->messages[i].sealed), sealed;
		int side = v->pattern == NOISE_X && !v->answers ? INITIATOR : (i - handshake_messages(v)) % 2;
		uint8_t nonce[12] = { [4] = (uint8_t)counters[side]++ };
		unsigned long long len;

		crypto_aead_chacha20poly1305_ietf_encrypt(
			sealed.data, &len, payload.data, payload.len, NULL, 0, NULL, nonce, keys[side].send);
		sealed.len = len;
		runs_equal(&sealed, &expected);
		assert_memory_equal(keys[side].send, keys[!side].receive, KEY_LEN);
	}
}

/* Every message, the handshake hash if published, and the transport keys by what they seal. */
static inline void vector_holds(const struct vector *v)
{
	struct keys keys[2];
	struct sides s;

	sides_init(&s, v);
	sides_run(&s, v, handshake_messages(v));
	for (int side = 0; side < 2; side++) {
		assert_true(noise_is_complete(&s.n[side]));
		assert_int_equal(noise_split(&s.n[side], keys[side].send, keys[side].receive, keys[side].hash), 0);
		assert_memory_equal(s.n[side].rs, s.n[!side].s_public, KEY_LEN);
		assert_true(s.n[side].has_rs);
	}
	assert_memory_equal(keys[0].hash, keys[1].hash, NOISE_HASH_LEN);
	if (v->hash) {
		struct run hash = hex(v->hash);
		assert_memory_equal(keys[0].hash, hash.data, NOISE_HASH_LEN);
	}
	transport_check(v, keys);
	sides_done(&s);
}

#endif
