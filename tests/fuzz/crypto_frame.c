/*
 * A peer's two keyrings under a stream of operations: seal, deliver in any
 * order and as often as wished, rekey from either side, let time pass, and
 * deliver bytes that no one sealed. The first byte says what the frames look like.
 *
 * What must hold: only a frame that was sealed opens, with its plain text, and
 * no frame opens twice; a pending session never sends.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES_MAX 16
#define PLAIN_LEN 8
#define FRAME_MAX (PLAIN_LEN + FRAME_OVERHEAD)

struct sent {
	uint8_t frame[FRAME_MAX], plain[PLAIN_LEN];
	bool opened;
};

struct world {
	enum session_form form;
	size_t header_len, frame_len;
	struct secret_keyring rings[2];
	struct sent sent[2][FRAMES_MAX]; /* by sender */
	unsigned sent_count[2];
	uint32_t indices; /* the last session index given out */
	uint64_t now_us;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

static void world_rekey(struct world *w, int initiator)
{
	uint32_t a = ++w->indices, b = ++w->indices;
	uint8_t there[KEY_LEN] = { (uint8_t)a, (uint8_t)(a >> 8), (uint8_t)(a >> 16) };
	uint8_t back[KEY_LEN] = { (uint8_t)b, (uint8_t)(b >> 8), (uint8_t)(b >> 16) };
	struct secret_session s;

	session_init(&s, a, b, there, back, true, w->now_us);
	if (w->form != SESSION_NORMAL)
		session_make_thin(&s, w->form);
	keyring_initiated(&w->rings[initiator], &s, w->now_us);
	session_init(&s, b, a, back, there, false, w->now_us);
	if (w->form != SESSION_NORMAL)
		session_make_thin(&s, w->form);
	keyring_responded(&w->rings[!initiator], &s);
}

static void world_seal(struct world *w, int sender, uint8_t text)
{
	struct sent *sent = &w->sent[sender][w->sent_count[sender] % FRAMES_MAX];
	int len;

	memset(sent->plain, text, PLAIN_LEN);
	memcpy(sent->frame + w->header_len, sent->plain, PLAIN_LEN);
	len = keyring_seal(&w->rings[sender], sent->frame, PLAIN_LEN, text);
	assert(w->rings[sender].has_current ? len == (int)w->frame_len : len == -ENOTCONN);
	if (len < 0)
		return;
	sent->opened = false;
	w->sent_count[sender]++;
}

static int world_open(struct world *w, int receiver, uint8_t *frame, size_t len)
{
	struct secret_keyring *ring = &w->rings[receiver];
	bool had_pending = ring->has_pending, promoted;
	struct thin_place place;
	int result = w->form == SESSION_NORMAL ? keyring_open(ring, w->now_us, frame, len, &promoted)
					       : keyring_open_thin(ring, w->now_us, frame, len, &promoted, &place);

	assert(!promoted || (result >= 0 && had_pending && ring->has_current && !ring->has_pending));
	return result;
}

static void world_deliver(struct world *w, int receiver, uint8_t which, uint8_t flip_at, uint8_t flip)
{
	unsigned count = w->sent_count[!receiver];
	uint8_t copy[FRAME_MAX];
	struct sent *sent;
	int len;

	if (count == 0)
		return;
	sent = &w->sent[!receiver][which % (count < FRAMES_MAX ? count : FRAMES_MAX)];
	memcpy(copy, sent->frame, w->frame_len);
	copy[flip_at % w->frame_len] ^= flip;
	len = world_open(w, receiver, copy, w->frame_len);
	if (len < 0)
		return;
	assert(flip == 0 && !sent->opened && len == PLAIN_LEN);
	assert(memcmp(copy + w->header_len, sent->plain, PLAIN_LEN) == 0);
	sent->opened = true;
}

static void world_inject(struct world *w, int receiver, struct bytes input)
{
	uint8_t copy[256];

	for (size_t i = 0; i < input.len; i++)
		copy[i] = input.data[i];
	assert(world_open(w, receiver, copy, input.len) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { 0 };
	struct reader r = reader_of(bytes_of(data, size));

	w.form = (enum session_form)(read_u8(&r) % 3);
	w.header_len = w.form == SESSION_NORMAL ? FRAME_HEADER : thin_header_len(w.form);
	w.frame_len = w.header_len + PLAIN_LEN + (w.form == SESSION_NORMAL ? TAG_LEN : THIN_TAG_LEN);
	while (reader_left(&r) > 0) {
		uint8_t op = read_u8(&r);
		uint8_t argument = read_u8(&r);
		int side = op & 1;

		switch (op >> 1 & 7) {
		case 0:
			world_rekey(&w, side);
			break;
		case 1:
		case 2:
			world_seal(&w, side, argument);
			break;
		case 3:
		case 4:
			world_deliver(&w, side, argument, 0, 0);
			break;
		case 5:
			world_deliver(&w, side, argument, read_u8(&r), read_u8(&r));
			break;
		case 6:
			w.now_us += argument * UINT64_C(1000000);
			keyring_expire(&w.rings[side], w.now_us);
			break;
		default:
			world_inject(&w, side, read_bytes(&r, argument));
		}
	}
	keyring_done(&w.rings[0]);
	keyring_done(&w.rings[1]);
	return 0;
}
