/*
 * What cryptography costs on this machine: sealing and opening of frames by
 * size, handshakes by pattern, and what a flood of them meets first. Prints one
 * line for each; asserts only that the work was done.
 */
#include "crypto/crypto.h"

#include "crypto/aead.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SPAN_NS 300000000ull /* of each measurement */
#define BATCH 64 /* between two looks at the clock */
#define FRAME_MAX 1500

struct bench {
	struct prng prng;
	struct random random;
	struct secret_identity initiator, responder;
	uint8_t psk[KEY_LEN];
	enum session_form form;
	struct secret_session here, there;
	uint8_t sealed[BATCH][FRAME_MAX];
	size_t len; /* of plain text */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sessions_init(struct bench *b)
{
	uint8_t send_key[KEY_LEN], receive_key[KEY_LEN];

	random_fill(&b->random, send_key, KEY_LEN);
	random_fill(&b->random, receive_key, KEY_LEN);
	session_init(&b->here, 1, 2, send_key, receive_key, true, 0);
	session_init(&b->there, 2, 1, receive_key, send_key, false, 0);
	if (b->form == SESSION_NORMAL)
		return;
	session_make_thin(&b->here, b->form);
	session_make_thin(&b->there, b->form);
}

/* Each returns the nanoseconds that BATCH operations took. */
static uint64_t batch_seal(struct bench *b)
{
	uint64_t start_ns = now_ns();

	for (int i = 0; i < BATCH; i++)
		session_seal(&b->here, b->sealed[i], b->len, 0);
	return now_ns() - start_ns;
}

static uint64_t batch_open(struct bench *b)
{
	batch_seal(b);
	uint64_t start_ns = now_ns();
	for (int i = 0; i < BATCH; i++) {
		int len = session_open(&b->there, b->sealed[i], b->len + FRAME_OVERHEAD);

		assert(len == (int)b->len);
		(void)len;
	}
	return now_ns() - start_ns;
}

typedef void seal_call(uint8_t *text, size_t len, const uint8_t *associated, size_t associated_len,
	const uint8_t nonce[AEAD_NONCE], const uint8_t key[AEAD_KEY]);

static uint64_t batch_of(struct bench *b, seal_call *seal)
{
	uint64_t start_ns = now_ns();

	for (int i = 0; i < BATCH; i++)
		seal(b->sealed[i] + FRAME_HEADER, b->len, b->sealed[i], FRAME_HEADER, b->psk, b->psk);
	return now_ns() - start_ns;
}

static uint64_t batch_ours(struct bench *b)
{
	return batch_of(b, aead_seal);
}

static uint64_t batch_library(struct bench *b)
{
	return batch_of(b, aead_seal_by_library);
}

static uint64_t batch_thin_seal(struct bench *b)
{
	uint64_t start_ns = now_ns();

	for (int i = 0; i < BATCH; i++)
		thin_seal(&b->here, b->sealed[i], b->len, 0x40);
	return now_ns() - start_ns;
}

static uint64_t batch_thin_open(struct bench *b)
{
	batch_thin_seal(b);
	uint64_t start_ns = now_ns();
	for (int i = 0; i < BATCH; i++) {
		uint64_t counter;
		int len = thin_open(&b->there, b->sealed[i], b->len + THIN_OVERHEAD_MAX, &counter);

		assert(len == (int)b->len);
		(void)len;
	}
	return now_ns() - start_ns;
}

static void handshake(struct bench *b, enum noise_pattern pattern)
{
	struct secret_noise n[2];
	uint8_t message[NOISE_MESSAGE_MAX], keys[2][2][KEY_LEN], hash[NOISE_HASH_LEN];
	const struct noise_config config[2] = {
		{ .pattern = pattern,
			.initiator = true,
			.s_secret = b->initiator.dh_secret,
			.psk = b->psk,
			.remote_static = pattern == NOISE_IKPSK2 ? b->responder.public.dh : NULL },
		{ .pattern = pattern, .s_secret = b->responder.dh_secret, .psk = b->psk },
	};

	noise_init(&n[0], &config[0]);
	noise_init(&n[1], &config[1]);
	for (unsigned turn = 0; !noise_is_complete(&n[0]); turn = !turn) {
		struct writer out = writer_of(message, sizeof(message)), nothing = writer_of(NULL, 0);

		noise_write(&n[turn], &b->random, bytes_of(NULL, 0), &out);
		noise_read(&n[!turn], writer_bytes(&out), &nothing);
	}
	noise_split(&n[0], keys[0][0], keys[0][1], hash);
	noise_split(&n[1], keys[1][0], keys[1][1], hash);
	assert(memcmp(keys[0][0], keys[1][1], KEY_LEN) == 0);
	noise_done(&n[0]);
	noise_done(&n[1]);
}

static uint64_t batch_xx(struct bench *b)
{
	uint64_t start_ns = now_ns();

	for (int i = 0; i < BATCH; i++)
		handshake(b, NOISE_XXPSK0);
	return now_ns() - start_ns;
}

static uint64_t batch_ik(struct bench *b)
{
	uint64_t start_ns = now_ns();

	for (int i = 0; i < BATCH; i++)
		handshake(b, NOISE_IKPSK2);
	return now_ns() - start_ns;
}

static uint64_t batch_mac1(struct bench *b)
{
	uint64_t start_ns = now_ns();
	uint8_t mac[MAC_LEN] = { 0 };
	unsigned good = 0;

	for (int i = 0; i < BATCH; i++)
		good += mac1_verify(b->psk, bytes_of(b->sealed[i], b->len), mac);
	assert(good == 0);
	(void)good;
	return now_ns() - start_ns;
}

/* Nanoseconds of one operation: the median of the batches, so that a neighbour on the machine does not count. */
static double measure(struct bench *b, uint64_t (*batch)(struct bench *b))
{
	static uint64_t took[1 << 16];
	uint64_t end_ns = now_ns() + SPAN_NS;
	size_t count = 0;

	while (count < sizeof(took) / sizeof(*took) && now_ns() < end_ns) {
		uint64_t ns = batch(b);
		size_t place = count++;

		for (; place > 0 && took[place - 1] > ns; place--)
			took[place] = took[place - 1];
		took[place] = ns;
	}
	return (double)took[count / 2] / BATCH;
}

static void bench_frames(struct bench *b, const char *what, const size_t *sizes, size_t count,
	uint64_t (*seal)(struct bench *b), uint64_t (*open)(struct bench *b))
{
	for (size_t i = 0; i < count; i++) {
		sessions_init(b);
		b->len = sizes[i];
		double seal_ns = measure(b, seal), open_ns;

		sessions_init(b);
		open_ns = measure(b, open);
		printf("%s %4zu B: seal %5.0f ns (%5.2f Gbit/s), open %5.0f ns (%5.2f Gbit/s)\n", what, b->len, seal_ns,
			(double)b->len * 8 / seal_ns, open_ns, (double)b->len * 8 / open_ns);
	}
}

int main(void)
{
	static const size_t thin_sizes[] = { 16, 100, 240 };
	static const size_t sizes[] = { 64, 128, 256, 512, 1024, 1280, 1420 };
	static struct bench b;

	if (sodium_init() < 0)
		return 1;
	prng_seed(&b.prng, 1);
	b.random = prng_random(&b.prng);
	identity_generate(&b.initiator, &b.random);
	identity_generate(&b.responder, &b.random);
	random_fill(&b.random, b.psk, KEY_LEN);
	bench_frames(&b, "frame", sizes, sizeof(sizes) / sizeof(*sizes), batch_seal, batch_open);
	b.form = SESSION_THIN_SHARED;
	bench_frames(&b, "thin frame", thin_sizes, sizeof(thin_sizes) / sizeof(*thin_sizes), batch_thin_seal,
		batch_thin_open);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		b.len = sizes[i];
		double library_ns = measure(&b, batch_library), ours_ns = measure(&b, batch_ours);

		printf("AEAD %4zu B: the library's call %5.0f ns, ours %5.0f ns: %.2f times as fast\n", b.len,
			library_ns, ours_ns, library_ns / ours_ns);
	}
	double xx_ns = measure(&b, batch_xx), ik_ns = measure(&b, batch_ik);
	printf("handshake XXpsk0, both sides: %.0f us, %.0f/s\n", xx_ns / 1000, 1e9 / xx_ns);
	printf("handshake IKpsk2, both sides: %.0f us, %.0f/s\n", ik_ns / 1000, 1e9 / ik_ns);
	b.len = 140;
	double mac1_ns = measure(&b, batch_mac1);
	printf("mac1 of a foreign 140 B message refused: %.0f ns, %.0f/s\n", mac1_ns, 1e9 / mac1_ns);
	return 0;
}
