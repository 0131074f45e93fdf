/*
 * Letters: a message that is sealed once to somebody who may read it much later, with
 * nobody there to shake hands with (Noise_X; protocol.md 4.6).
 *
 * A one-way pattern has no use for the key of the way back (Noise, 7.4), which nobody
 * can know but who sealed or who opened the letter. The proof that it was opened is
 * made of it, so that the nodes between cannot say of a letter that it has arrived.
 */
#include "crypto/crypto.h"

#include <errno.h>
#include <string.h>

#define PROOF_LABEL "mesh letter opened"

static int proof_make(const struct secret_noise *n, bool is_initiator, uint8_t proof[LETTER_PROOF_LEN])
{
	uint8_t send[KEY_LEN], receive[KEY_LEN], hash[NOISE_HASH_LEN];
	int error = noise_split(n, send, receive, hash);

	if (!error)
		hash_bytes(proof, LETTER_PROOF_LEN, bytes_of(PROOF_LABEL, sizeof(PROOF_LABEL) - 1),
			bytes_of(is_initiator ? receive : send, KEY_LEN));
	secret_wipe(send, sizeof(send));
	secret_wipe(receive, sizeof(receive));
	return error;
}

int letter_seal(struct writer *out, struct bytes plain, struct bytes about, const struct secret_identity *from,
	const uint8_t to[KEY_LEN], const struct random *random, uint8_t proof[LETTER_PROOF_LEN])
{
	const struct noise_config config = {
		.pattern = NOISE_X,
		.initiator = true,
		.prologue = about,
		.s_secret = from->dh_secret,
		.remote_static = to,
	};
	struct secret_noise n;

	noise_init(&n, &config);
	int error = noise_write(&n, random, plain, out);
	if (!error)
		error = proof_make(&n, true, proof);
	noise_done(&n);
	return error;
}

int letter_open(struct writer *plain, struct bytes sealed, struct bytes about, const struct secret_identity *to,
	uint8_t from[KEY_LEN], uint8_t proof[LETTER_PROOF_LEN])
{
	const struct noise_config config = { .pattern = NOISE_X, .prologue = about, .s_secret = to->dh_secret };
	struct secret_noise n;

	noise_init(&n, &config);
	int error = noise_read(&n, sealed, plain);
	if (!error) {
		memcpy(from, n.rs, KEY_LEN);
		error = proof_make(&n, false, proof);
	}
	noise_done(&n);
	return error == -EPROTO ? -EBADMSG : error;
}
