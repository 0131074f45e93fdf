/*
 * Transport frames under one pair of keys (protocol.md 4.4 and 4.5).
 *
 *    0  type 10 | flags | sealed length 0 (2)
 *    4  receiver index (4)
 *    8  counter LE64
 *   16  cipher text, tag 16           associated data: bytes 0-15
 *
 * ChaCha20-Poly1305, nonce 0^32 || LE64 counter. A counter is spent by sealing,
 * never by failing, and is never used twice.
 */
#include "crypto/aead.h"
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

/* Both ends count the same two hours. The side that answered the last handshake
 * waits this much longer, so that handshakes do not cross as a rule. */
#define RESPONDER_GRACE_US (300ull * 1000000)

/* New keys are asked for well before forged tags end the old ones: whoever sees
 * the index can forge, and must not be able to silence the session. */
#define BAD_TAGS_REKEY (SESSION_BAD_TAGS_MAX / 2)

#define NONCE_LEN AEAD_NONCE

void session_init(struct secret_session *s, uint32_t local_index, uint32_t remote_index,
	const uint8_t send_key[KEY_LEN], const uint8_t receive_key[KEY_LEN], bool initiator, uint64_t now_us)
{
	*s = (struct secret_session){
		.local_index = local_index,
		.remote_index = remote_index,
		.born_us = now_us,
		.initiator = initiator,
	};
	memcpy(s->send_key, send_key, KEY_LEN);
	memcpy(s->receive_key, receive_key, KEY_LEN);
}

void session_done(struct secret_session *s)
{
	secret_wipe(s, sizeof(*s));
}

static void nonce_make(uint8_t nonce[NONCE_LEN], uint64_t counter)
{
	struct writer w = writer_of(nonce, NONCE_LEN);

	write_zeros(&w, 4);
	write_le64(&w, counter);
}

int session_seal(struct secret_session *s, uint8_t *frame, size_t plain_len, uint8_t flags)
{
	struct writer w = writer_of(frame, FRAME_HEADER);
	uint8_t nonce[NONCE_LEN];
	uint8_t *body = frame + FRAME_HEADER;

	assert(plain_len <= INT_MAX - FRAME_OVERHEAD);
	if (s->send_counter >= SESSION_COUNTER_MAX)
		return -EKEYEXPIRED;
	write_u8(&w, FRAME_TYPE_DATA);
	write_u8(&w, flags);
	write_u16(&w, 0);
	write_u32(&w, s->remote_index);
	write_le64(&w, s->send_counter);
	nonce_make(nonce, s->send_counter++);
	aead_seal(body, plain_len, frame, FRAME_HEADER, nonce, s->send_key);
	return (int)(plain_len + FRAME_OVERHEAD);
}

/* False when the frame cannot be one of this session's, whatever its tag. */
static bool header_read(const struct secret_session *s, struct bytes frame, uint64_t *counter)
{
	struct reader r = reader_of(frame);
	uint8_t type = read_u8(&r);

	read_skip(&r, 1); /* flags are the user's */
	uint16_t sealed_len = read_u16(&r);
	uint32_t index = read_u32(&r);
	*counter = read_le64(&r);
	return reader_left(&r) >= TAG_LEN && type == FRAME_TYPE_DATA && sealed_len == 0 && index == s->local_index;
}

int session_open(struct secret_session *s, uint8_t *frame, size_t len)
{
	uint8_t nonce[NONCE_LEN];
	uint8_t *body = frame + FRAME_HEADER;
	uint64_t counter;

	if (s->bad_tags >= SESSION_BAD_TAGS_MAX)
		return -EKEYEXPIRED;
	if (len > INT_MAX || !header_read(s, bytes_of(frame, len), &counter))
		return -EBADMSG;
	/* Before the tag: a replayed flood then costs no decryption. */
	if (!replay_would_accept(&s->window, counter))
		return -EALREADY;
	nonce_make(nonce, counter);
	if (!aead_open(body, len - FRAME_OVERHEAD, frame, FRAME_HEADER, nonce, s->receive_key)) {
		s->bad_tags++;
		return -EBADMSG;
	}
	replay_accept(&s->window, counter);
	s->received = true;
	return (int)(len - FRAME_OVERHEAD);
}

bool session_wants_rekey(const struct secret_session *s, uint64_t now_us)
{
	bool is_thin = s->form != SESSION_NORMAL;
	uint64_t life_us = (is_thin ? THIN_REKEY_US : SESSION_REKEY_US) + (s->initiator ? 0 : RESPONDER_GRACE_US);
	uint64_t frames = is_thin ? THIN_REKEY_FRAMES : SESSION_REKEY_FRAMES;

	return now_us - s->born_us >= life_us || s->send_counter >= frames || s->window.head >= frames ||
	       s->bad_tags >= BAD_TAGS_REKEY;
}

bool frame_receiver_index(struct bytes frame, uint32_t *index)
{
	struct reader r = reader_of(frame);

	read_skip(&r, 4);
	*index = read_u32(&r);
	return frame.len >= FRAME_OVERHEAD;
}
