/*
 * Noise handshakes XXpsk0 and IKpsk2, and the one-way X (Noise revision 34, sections
 * 5.3, 7.4 and 9; protocol.md 4.1, 4.6): a pattern is a table of tokens, and writing
 * or reading a message is a walk along one row.
 *
 *   XXpsk0                     IKpsk2                     X
 *                              <- s                       <- s
 *                              ...                        ...
 *   -> psk, e                  -> e, es, s, ss            -> e, es, s, ss
 *   <- e, ee, s, es            <- e, ee, se, psk
 *   -> s, se
 *
 * Reading works on a copy that replaces the state only when the whole message
 * authenticates. Anyone can send bytes to a node that waits for an answer; a
 * forgery must not cost the handshake under way.
 */
#include "crypto/noise_symmetric.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

enum token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_SS, TOKEN_PSK };

#define MESSAGES_MAX 3
#define TOKENS_MAX 5 /* with the end mark */
#define NEXT_DEAD UINT8_MAX /* `next` after a failed write */

struct pattern {
	const char *name;
	bool knows_responder; /* pre-message <- s */
	bool has_psk;
	uint8_t message_count;
	enum token messages[MESSAGES_MAX][TOKENS_MAX];
};

static const struct pattern patterns[] = {
	[NOISE_XXPSK0] = {
		.name = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b",
		.has_psk = true,
		.message_count = 3,
		.messages = { { TOKEN_PSK, TOKEN_E }, { TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES }, { TOKEN_S, TOKEN_SE } },
	},
	[NOISE_IKPSK2] = {
		.name = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b",
		.knows_responder = true,
		.has_psk = true,
		.message_count = 2,
		.messages = { { TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS }, { TOKEN_E, TOKEN_EE, TOKEN_SE, TOKEN_PSK } },
	},
	[NOISE_X] = {
		.name = "Noise_X_25519_ChaChaPoly_BLAKE2b",
		.knows_responder = true,
		.message_count = 1,
		.messages = { { TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS } },
	},
};

void noise_init(struct secret_noise *n, const struct noise_config *config)
{
	const struct pattern *pattern = &patterns[config->pattern];

	*n = (struct secret_noise){ .pattern = config->pattern, .initiator = config->initiator };
	memcpy(n->s_secret, config->s_secret, KEY_LEN);
	crypto_scalarmult_curve25519_base(n->s_public, n->s_secret);
	if (pattern->has_psk)
		memcpy(n->psk, config->psk, KEY_LEN);
	symmetric_init(n, pattern->name);
	symmetric_mix_hash(n, config->prologue);
	if (!pattern->knows_responder)
		return;
	if (n->initiator) {
		assert(config->remote_static);
		memcpy(n->rs, config->remote_static, KEY_LEN);
		n->has_rs = true;
	}
	symmetric_mix_hash(n, bytes_of(n->initiator ? n->rs : n->s_public, KEY_LEN));
}

void noise_done(struct secret_noise *n)
{
	secret_wipe(n, sizeof(*n));
}

static int dh_mix(struct secret_noise *n, const uint8_t secret[KEY_LEN], const uint8_t public[KEY_LEN])
{
	uint8_t shared[KEY_LEN];
	int error = 0;

	/* Fails on an all-zero result: the peer chose a point of small order. */
	if (crypto_scalarmult_curve25519(shared, secret, public))
		error = -EPROTO;
	else
		symmetric_mix_key(n, shared);
	secret_wipe(shared, sizeof(shared));
	return error;
}

/* The tokens that move no bytes; they are the same for both directions. In
 * "es" and "se" the first letter names the initiator's key. */
static int token_mix(struct secret_noise *n, enum token token)
{
	switch (token) {
	case TOKEN_EE:
		return dh_mix(n, n->e_secret, n->re);
	case TOKEN_ES:
		return n->initiator ? dh_mix(n, n->e_secret, n->rs) : dh_mix(n, n->s_secret, n->re);
	case TOKEN_SE:
		return n->initiator ? dh_mix(n, n->s_secret, n->re) : dh_mix(n, n->e_secret, n->rs);
	case TOKEN_SS:
		return dh_mix(n, n->s_secret, n->rs);
	default:
		assert(token == TOKEN_PSK);
		symmetric_mix_key_and_hash(n, n->psk);
		return 0;
	}
}

/* A public ephemeral key goes into the hash and, if the pattern has a psk, also
 * into the key: section 9.2. */
static void ephemeral_mix(struct secret_noise *n, const uint8_t public[KEY_LEN])
{
	symmetric_mix_hash(n, bytes_of(public, KEY_LEN));
	if (patterns[n->pattern].has_psk)
		symmetric_mix_key(n, public);
}

static int token_write(struct secret_noise *n, const struct random *random, enum token token, struct writer *out)
{
	switch (token) {
	case TOKEN_E:
		random_fill(random, n->e_secret, KEY_LEN);
		crypto_scalarmult_curve25519_base(n->e_public, n->e_secret);
		write_copy(out, n->e_public, KEY_LEN);
		ephemeral_mix(n, n->e_public);
		return 0;
	case TOKEN_S:
		symmetric_encrypt(n, bytes_of(n->s_public, KEY_LEN), out);
		return 0;
	default:
		return token_mix(n, token);
	}
}

static int token_read(struct secret_noise *n, enum token token, struct reader *in)
{
	struct bytes sealed;

	switch (token) {
	case TOKEN_E:
		read_copy(in, n->re, KEY_LEN);
		ephemeral_mix(n, n->re);
		return reader_ok(in) ? 0 : -EBADMSG;
	case TOKEN_S:
		sealed = read_bytes(in, KEY_LEN + TAG_LEN);
		if (!reader_ok(in) || !symmetric_decrypt(n, sealed, n->rs))
			return -EBADMSG;
		n->has_rs = true;
		return 0;
	default:
		return token_mix(n, token);
	}
}

/* The tokens of the next message if it goes in the direction asked, else NULL. */
static const enum token *tokens_next(const struct secret_noise *n, bool writing)
{
	const struct pattern *pattern = &patterns[n->pattern];
	bool from_initiator = n->next % 2 == 0;

	if (n->next >= pattern->message_count || (from_initiator == n->initiator) != writing)
		return NULL;
	return pattern->messages[n->next];
}

static int message_write(struct secret_noise *n, const struct random *random, struct bytes payload, struct writer *out)
{
	const enum token *token = tokens_next(n, true);
	int error = 0;

	if (!token)
		return -EPROTO;
	if (payload.len > NOISE_PAYLOAD_MAX)
		return -ENOSPC;
	for (; !error && *token != TOKEN_END; token++)
		error = token_write(n, random, *token, out);
	if (error)
		return error;
	symmetric_encrypt(n, payload, out);
	return writer_ok(out) ? 0 : -ENOSPC;
}

int noise_write(struct secret_noise *n, const struct random *random, struct bytes payload, struct writer *out)
{
	int error = message_write(n, random, payload, out);

	n->next = error ? NEXT_DEAD : n->next + 1;
	return error;
}

static int message_read(struct secret_noise *n, struct bytes message, struct writer *payload)
{
	const enum token *token = tokens_next(n, false);
	struct reader in = reader_of(message);
	uint8_t plain[NOISE_MESSAGE_MAX];
	struct bytes sealed;
	int error = 0;

	if (!token)
		return -EPROTO;
	if (message.len > NOISE_MESSAGE_MAX)
		return -EBADMSG;
	for (; !error && *token != TOKEN_END; token++)
		error = token_read(n, *token, &in);
	if (error)
		return error;
	sealed = read_bytes(&in, reader_left(&in));
	if (sealed.len < TAG_LEN || !symmetric_decrypt(n, sealed, plain))
		return -EBADMSG;
	write_copy(payload, plain, sealed.len - TAG_LEN);
	secret_wipe(plain, sealed.len - TAG_LEN);
	n->next++;
	return writer_ok(payload) ? 0 : -ENOSPC;
}

int noise_read(struct secret_noise *n, struct bytes message, struct writer *payload)
{
	struct secret_noise next = *n;
	int error = message_read(&next, message, payload);

	if (!error)
		*n = next;
	noise_done(&next);
	return error;
}

bool noise_is_complete(const struct secret_noise *n)
{
	return n->next == patterns[n->pattern].message_count;
}

int noise_split(const struct secret_noise *n, uint8_t send_key[KEY_LEN], uint8_t receive_key[KEY_LEN],
	uint8_t hash[NOISE_HASH_LEN])
{
	if (!noise_is_complete(n))
		return -EPROTO;
	if (n->initiator)
		symmetric_split(n, send_key, receive_key);
	else
		symmetric_split(n, receive_key, send_key);
	memcpy(hash, n->h, NOISE_HASH_LEN);
	return 0;
}
