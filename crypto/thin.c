/*
 * Frames of thin links under one pair of keys (protocol.md 4.4 and 4.5): 11 bytes
 * beside what they carry, 12 where many stations share a channel.
 *
 *    0    first byte: type 2 | key phase 1 | the user's 5
 *    1    low byte of the receiver's index, on a shared channel only
 *    +1   counter, its low 16 bits, little-endian
 *    +3   cipher text, tag 8
 *
 * Encrypt, then authenticate: ChaCha20 (RFC 8439; block 0 on, nonce 0^32 || LE64
 * counter), then keyed BLAKE2b over header || LE64 counter || cipher text, cut to
 * eight bytes. A pseudo-random function may be cut; Poly1305 may not: its bound
 * falls with the length of what it is over. The two keys of a direction come from
 * the session's by labels, so neither primitive ever sees the other's key.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>

#define CIPHER_LABEL "mesh thin cipher"
#define TAG_LABEL "mesh thin tag"
#define DIGEST_LEN 32 /* before it is cut: libsodium makes no shorter one than 16 */
#define NONCE_LEN crypto_stream_chacha20_ietf_NONCEBYTES

static void key_derive(uint8_t out[KEY_LEN], const uint8_t key[KEY_LEN], const char *label)
{
	hash_bytes(out, KEY_LEN, bytes_of(label, strlen(label)), bytes_of(key, KEY_LEN));
}

static void direction_derive(uint8_t key[KEY_LEN], uint8_t tag_key[KEY_LEN])
{
	uint8_t cipher_key[KEY_LEN];

	key_derive(cipher_key, key, CIPHER_LABEL);
	key_derive(tag_key, key, TAG_LABEL);
	memcpy(key, cipher_key, KEY_LEN);
	secret_wipe(cipher_key, sizeof(cipher_key));
}

void session_make_thin(struct secret_session *s, enum session_form form)
{
	assert(form != SESSION_NORMAL && s->form == SESSION_NORMAL && s->send_counter == 0 && s->window.head == 0);
	s->form = form;
	direction_derive(s->send_key, s->send_tag_key);
	direction_derive(s->receive_key, s->receive_tag_key);
}

size_t thin_header_len(enum session_form form)
{
	return form == SESSION_THIN_SHARED ? THIN_HEADER_MAX : THIN_HEADER_MAX - 1;
}

uint64_t thin_counter(uint64_t next, uint16_t low)
{
	uint64_t counter = (next & ~UINT64_C(0xffff)) | low;

	if (counter > next && counter - next > 0x8000 && counter >= 0x10000)
		return counter - 0x10000;
	if (counter < next && next - counter >= 0x8000 && counter <= UINT64_MAX - 0x10000)
		return counter + 0x10000;
	return counter;
}

/* --- both ways -------------------------------------------------------------------------- */

static void nonce_make(uint8_t nonce[NONCE_LEN], uint64_t counter)
{
	struct writer w = writer_of(nonce, NONCE_LEN);

	write_zeros(&w, 4);
	write_le64(&w, counter);
}

static void tag_make(uint8_t tag[THIN_TAG_LEN], const uint8_t key[KEY_LEN], uint64_t counter, struct bytes header,
	struct bytes cipher)
{
	crypto_generichash_state state;
	uint8_t digest[DIGEST_LEN], number[8];
	struct writer w = writer_of(number, sizeof(number));

	write_le64(&w, counter);
	crypto_generichash_init(&state, key, KEY_LEN, sizeof(digest));
	crypto_generichash_update(&state, header.data, header.len);
	crypto_generichash_update(&state, number, sizeof(number));
	crypto_generichash_update(&state, cipher.data, cipher.len);
	crypto_generichash_final(&state, digest, sizeof(digest));
	memcpy(tag, digest, THIN_TAG_LEN);
	secret_wipe(&state, sizeof(state));
}

int thin_seal(struct secret_session *s, uint8_t *frame, size_t plain_len, uint8_t first)
{
	size_t header_len = thin_header_len(s->form);
	struct writer w = writer_of(frame, header_len);
	uint8_t nonce[NONCE_LEN], *body = frame + header_len;

	assert(s->form != SESSION_NORMAL && plain_len <= INT_MAX - THIN_OVERHEAD_MAX);
	if (s->send_counter >= SESSION_COUNTER_MAX)
		return -EKEYEXPIRED;
	uint64_t counter = s->send_counter++;
	write_u8(&w, (uint8_t)((first & ~THIN_PHASE) | (s->remote_index & 0x100 ? THIN_PHASE : 0)));
	if (s->form == SESSION_THIN_SHARED)
		write_u8(&w, (uint8_t)s->remote_index);
	write_le16(&w, (uint16_t)counter);
	nonce_make(nonce, counter);
	crypto_stream_chacha20_ietf_xor(body, body, plain_len, nonce, s->send_key);
	tag_make(body + plain_len, s->send_tag_key, counter, writer_bytes(&w), bytes_of(body, plain_len));
	return (int)(header_len + plain_len + THIN_TAG_LEN);
}

bool thin_is_for(const struct secret_session *s, struct bytes frame)
{
	struct reader r = reader_of(frame);
	uint32_t phase = read_u8(&r) & THIN_PHASE ? 0x100 : 0;

	if (s->form == SESSION_NORMAL || frame.len < thin_header_len(s->form) + THIN_TAG_LEN)
		return false;
	if ((s->local_index & 0x100) != phase)
		return false;
	return s->form == SESSION_THIN || read_u8(&r) == (uint8_t)s->local_index;
}

int thin_open(struct secret_session *s, uint8_t *frame, size_t len, uint64_t *counter)
{
	size_t header_len = thin_header_len(s->form);
	struct reader r = reader_of(bytes_of(frame, len));
	uint8_t nonce[NONCE_LEN], tag[THIN_TAG_LEN];

	if (s->bad_tags >= SESSION_BAD_TAGS_MAX)
		return -EKEYEXPIRED;
	if (len > INT_MAX || !thin_is_for(s, bytes_of(frame, len)))
		return -EBADMSG;
	read_skip(&r, header_len - 2);
	*counter = thin_counter(s->window.head, read_le16(&r));
	/* Before the tag: a replayed flood then costs no hash. */
	if (s->window.head > *counter && s->window.head - *counter > THIN_REPLAY_WINDOW)
		return -EALREADY;
	if (!replay_would_accept(&s->window, *counter))
		return -EALREADY;
	struct bytes header = bytes_of(frame, header_len);
	struct bytes cipher = bytes_of(frame + header_len, len - header_len - THIN_TAG_LEN);
	tag_make(tag, s->receive_tag_key, *counter, header, cipher);
	if (!secret_equal(tag, frame + len - THIN_TAG_LEN, THIN_TAG_LEN)) {
		s->bad_tags++;
		return -EBADMSG;
	}
	nonce_make(nonce, *counter);
	crypto_stream_chacha20_ietf_xor(frame + header_len, frame + header_len, cipher.len, nonce, s->receive_key);
	replay_accept(&s->window, *counter);
	s->received = true;
	return (int)cipher.len;
}
