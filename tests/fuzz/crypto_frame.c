/*
 * A peer's two keyrings under a stream of operations: seal, deliver in any
 * order and as often as wished, rekey from either side, let time pass, and
 * deliver bytes that no one sealed.
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
#define FRAME_LEN (PLAIN_LEN + FRAME_OVERHEAD)

struct sent {
	uint8_t frame[FRAME_LEN], plain[PLAIN_LEN];
	bool opened;
};

struct world {
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
	keyring_initiated(&w->rings[initiator], &s, w->now_us);
	session_init(&s, b, a, back, there, false, w->now_us);
	keyring_responded(&w->rings[!initiator], &s);
}

static void world_seal(struct world *w, int sender, uint8_t text)
{
	struct sent *sent = &w->sent[sender][w->sent_count[sender] % FRAMES_MAX];
	int len;

	memset(sent->plain, text, PLAIN_LEN);
	memcpy(sent->frame + FRAME_HEADER, sent->plain, PLAIN_LEN);
	len = keyring_seal(&w->rings[sender], sent->frame, PLAIN_LEN, text);
	assert(w->rings[sender].has_current ? len == FRAME_LEN : len == -ENOTCONN);
	if (len < 0)
		return;
	sent->opened = false;
	w->sent_count[sender]++;
}

static int world_open(struct world *w, int receiver, uint8_t *frame, size_t len)
{
	struct secret_keyring *ring = &w->rings[receiver];
	bool had_pending = ring->has_pending, promoted;
	int result = keyring_open(ring, w->now_us, frame, len, &promoted);

	assert(!promoted || (result >= 0 && had_pending && ring->has_current && !ring->has_pending));
	return result;
}

static void world_deliver(struct world *w, int receiver, uint8_t which, uint8_t flip_at, uint8_t flip)
{
	unsigned count = w->sent_count[!receiver];
	uint8_t copy[FRAME_LEN];
	struct sent *sent;
	int len;

	if (count == 0)
		return;
	sent = &w->sent[!receiver][which % (count < FRAMES_MAX ? count : FRAMES_MAX)];
	memcpy(copy, sent->frame, FRAME_LEN);
	copy[flip_at % FRAME_LEN] ^= flip;
	len = world_open(w, receiver, copy, FRAME_LEN);
	if (len < 0)
		return;
	assert(flip == 0 && !sent->opened && len == PLAIN_LEN);
	assert(memcmp(copy + FRAME_HEADER, sent->plain, PLAIN_LEN) == 0);
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
