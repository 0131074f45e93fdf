/*
 * Bytes from anyone reach noise_read() at every step of each handshake.
 *
 * Input: one byte that selects pattern, step and manner, then bytes that are
 * either the message itself or a difference laid over the true message. Only
 * the true message may be read; anything else leaves the state as it was, so
 * that the handshake can be finished after it.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct message {
	uint8_t data[NOISE_MESSAGE_MAX];
	size_t len;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

static void sides_init(struct secret_noise sides[2], enum noise_pattern pattern)
{
	uint8_t secrets[2][KEY_LEN], psk[KEY_LEN], responder[KEY_LEN];

	memset(secrets[0], 1, KEY_LEN);
	memset(secrets[1], 2, KEY_LEN);
	memset(psk, 3, KEY_LEN);
	crypto_scalarmult_curve25519_base(responder, secrets[1]);
	for (int side = 0; side < 2; side++) {
		struct noise_config config = {
			.pattern = pattern,
			.initiator = side == 0,
			.prologue = bytes_of("fuzz", 4),
			.s_secret = secrets[side],
			.psk = psk,
			.remote_static = side == 0 ? responder : NULL,
		};
		noise_init(&sides[side], &config);
	}
}

static void message_make(struct secret_noise *side, const struct random *random, struct message *m)
{
	struct writer out = writer_of(m->data, sizeof(m->data));

	assert(noise_write(side, random, bytes_of("payload", 7), &out) == 0);
	m->len = writer_len(&out);
}

static int message_read(struct secret_noise *side, struct bytes message)
{
	uint8_t room[NOISE_MESSAGE_MAX];
	struct writer payload = writer_of(room, sizeof(room));
	int error = noise_read(side, message, &payload);

	assert(error || bytes_equal(writer_bytes(&payload), bytes_of("payload", 7)));
	assert(!error || writer_len(&payload) == 0);
	return error;
}

static void forgery_try(struct secret_noise *side, const struct message *good, struct bytes input, bool raw)
{
	struct secret_noise before = *side;
	struct message changed = *good;
	struct bytes forged = input;
	int error;

	if (!raw) {
		for (size_t i = 0; i < input.len && i < changed.len; i++)
			changed.data[i] ^= input.data[i];
		forged = bytes_of(changed.data, changed.len);
	}
	error = message_read(side, forged);
	if (bytes_equal(forged, bytes_of(good->data, good->len))) {
		assert(!error);
		*side = before;
		return;
	}
	assert(error == -EBADMSG || error == -EPROTO);
	assert(memcmp(side, &before, sizeof(before)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct secret_noise sides[2];
	struct prng prng;
	struct random random = prng_random(&prng);
	struct message m;

	if (size == 0)
		return 0;
	prng_seed(&prng, 1);
	sides_init(sides, data[0] & 0x40 ? NOISE_X : data[0] & 1 ? NOISE_IKPSK2 : NOISE_XXPSK0);
	for (unsigned step = 0; !noise_is_complete(&sides[0]); step++) {
		message_make(&sides[step % 2], &random, &m);
		if (step == (data[0] >> 1) % 3)
			forgery_try(&sides[!(step % 2)], &m, bytes_of(data + 1, size - 1), data[0] & 0x80);
		assert(message_read(&sides[!(step % 2)], bytes_of(m.data, m.len)) == 0);
	}
	assert(noise_is_complete(&sides[1]));
	noise_done(&sides[0]);
	noise_done(&sides[1]);
	return 0;
}
