/*
 * A log that nobody changes unseen: runs of entries, each signed together with its
 * number and the hash of the one before.
 *
 *   "meshd log 1" | deployment 4 | number 8 | before 32 | hash of the entries 32   is signed;
 *   its hash is `before` of the next
 *
 * Who holds the node's key can write another log from the start, but not a part of one
 * that somebody else has a copy of. The oldest may be forgotten: a log begins anywhere.
 */
#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define LOG_CONTEXT "meshd log 1" /* with its NUL: what is signed means nothing else */
#define STATEMENT_LEN (sizeof(LOG_CONTEXT) + 4 + 8 + 2 * LOG_HASH_LEN)

static void statement_write(const struct log_link *l, struct bytes body, uint8_t out[STATEMENT_LEN])
{
	struct writer w = writer_of(out, STATEMENT_LEN);
	uint8_t hash[LOG_HASH_LEN];

	hash_bytes(hash, sizeof(hash), body, (struct bytes){ 0 });
	write_copy(&w, (const uint8_t *)LOG_CONTEXT, sizeof(LOG_CONTEXT));
	write_u32(&w, l->deployment);
	write_u64(&w, l->number);
	write_copy(&w, l->before, LOG_HASH_LEN);
	write_copy(&w, hash, LOG_HASH_LEN);
}

void log_link_sign(struct log_link *l, struct bytes body, const struct secret_identity *id, uint8_t after[LOG_HASH_LEN])
{
	uint8_t statement[STATEMENT_LEN];

	statement_write(l, body, statement);
	crypto_sign_detached(l->signature, NULL, statement, sizeof(statement), id->sign_secret);
	hash_bytes(after, LOG_HASH_LEN, bytes_of(statement, sizeof(statement)), (struct bytes){ 0 });
}

int log_link_verify(
	const struct log_link *l, struct bytes body, const uint8_t key[SIGN_PUBLIC_LEN], uint8_t after[LOG_HASH_LEN])
{
	uint8_t statement[STATEMENT_LEN];

	statement_write(l, body, statement);
	hash_bytes(after, LOG_HASH_LEN, bytes_of(statement, sizeof(statement)), (struct bytes){ 0 });
	return crypto_sign_verify_detached(l->signature, statement, sizeof(statement), key) < 0 ? -EKEYREJECTED : 0;
}
