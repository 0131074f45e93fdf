/*
 * Two speakers with a key, and somebody between them who keeps every packet and
 * delivers any of them, changed or not, as often and as late as he likes; who makes
 * the speakers restart; and who can have bodies of his own authenticated.
 *
 * What must hold: nobody accepts a packet twice, restarts included, nor one that was
 * altered; no index comes with the same counter twice; memory stays what it was.
 */
#include "meshd/base/map.h"
#include "routing/mac.h"
#include "routing/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES_MAX 64
#define FRAME_LEN 600

struct frame {
	uint8_t bytes[FRAME_LEN];
	size_t len;
	unsigned from;
	bool multicast;
	bool is_accepted;
};

struct fuzz {
	struct babel_mac *speakers[2];
	struct frame frames[FRAMES_MAX];
	unsigned count;
	uint64_t now_us;
	struct prng prng;
};

struct side {
	struct fuzz *f;
	unsigned number;
};

static struct address address_of(unsigned number)
{
	return address_ipv6((uint8_t[16]){ 0xfe, 0x80, [15] = (uint8_t)(number + 1) });
}

static size_t side_compute(void *user, unsigned key, const struct bytes parts[2], uint8_t mac[BABEL_MAC_MAX])
{
	uint8_t room[36 + FRAME_LEN];
	struct writer w = writer_of(room, sizeof(room)), out = writer_of(mac, BABEL_MAC_MAX);
	uint64_t secret[2] = { 7 + key, 1 };

	(void)user;
	write_bytes(&w, parts[0]);
	write_bytes(&w, parts[1]);
	assert(writer_ok(&w));
	write_u64(&out, siphash24(secret, writer_bytes(&w)));
	return 8;
}

static void frame_keep(struct fuzz *f, unsigned from, bool multicast, struct bytes packet)
{
	struct frame *frame = &f->frames[f->count];

	assert(packet.len <= FRAME_LEN);
	if (f->count == FRAMES_MAX)
		return;
	*frame = (struct frame){ .len = packet.len, .from = from, .multicast = multicast };
	memcpy(frame->bytes, packet.data, packet.len);
	f->count++;
}

static void side_send(void *user, const struct address *to, struct bytes packet)
{
	struct side *s = user;

	assert(to->family == FAMILY_IPV6);
	if (to->bytes[15] == 2 - s->number)
		frame_keep(s->f, s->number, false, packet);
}

static void side_start(struct fuzz *f, struct side *s)
{
	struct babel_mac_output output = { side_compute, side_send };
	struct babel_mac_config config = { .self = address_of(s->number), .keys = 1 + s->number };

	babel_mac_free(f->speakers[s->number]);
	config.random = prng_random(&f->prng);
	f->speakers[s->number] = babel_mac_new(&config, &output, s);
	assert(f->speakers[s->number]);
}

static void step_say(struct fuzz *f, struct reader *in, unsigned from, bool multicast)
{
	uint8_t packet[4 + 64] = { BABEL_MAGIC, BABEL_VERSION }, out[FRAME_LEN];
	size_t len = read_u8(in) % 65;
	struct address to = address_of(1 - from);

	if (len > reader_left(in))
		len = reader_left(in);
	packet[3] = (uint8_t)len;
	read_copy(in, packet + 4, len);
	size_t sent = babel_mac_protect(
		f->speakers[from], multicast ? NULL : &to, bytes_of(packet, 4 + len), out, sizeof(out));
	assert(sent > 4 + len && sent <= 4 + len + BABEL_MAC_OVERHEAD);
	frame_keep(f, from, multicast, bytes_of(out, sent));
}

/* A body that no speaker would write, authenticated. */
static void step_forge(struct fuzz *f, struct reader *in, unsigned from)
{
	uint8_t packet[4 + 255 + 10] = { BABEL_MAGIC, BABEL_VERSION }, pseudo[36], mac[BABEL_MAC_MAX];
	struct writer h = writer_of(pseudo, sizeof(pseudo));
	struct address own = address_of(from), to = address_of(1 - from);
	size_t len = read_u8(in);

	if (len > reader_left(in))
		len = reader_left(in);
	packet[3] = (uint8_t)len;
	read_copy(in, packet + 4, len);
	write_copy(&h, own.bytes, 16);
	write_u16(&h, BABEL_PORT);
	write_copy(&h, to.bytes, 16);
	write_u16(&h, BABEL_PORT);
	size_t mac_len = side_compute(NULL, 0, (struct bytes[2]){ writer_bytes(&h), bytes_of(packet, 4 + len) }, mac);

	packet[4 + len] = TLV_MAC;
	packet[5 + len] = (uint8_t)mac_len;
	memcpy(packet + 6 + len, mac, mac_len);
	struct babel_sender sender = { own, BABEL_PORT, 1, false, false };
	/* It may be accepted: who has the key can do that. What was in flight for this index is his to spoil. */
	babel_mac_receive(f->speakers[1 - from], f->now_us, &sender, bytes_of(packet, 6 + len + mac_len));
}

static void step_deliver(struct fuzz *f, struct reader *in, bool is_altered)
{
	uint8_t packet[FRAME_LEN];
	uint8_t which = read_u8(in);

	if (f->count == 0)
		return;
	struct frame *frame = &f->frames[which % f->count];
	size_t len = frame->len;

	memcpy(packet, frame->bytes, len);
	if (is_altered) {
		/* The trailer may be altered beyond its first MAC without harm: keep to what is covered. */
		size_t covered = 4 + ((size_t)packet[2] << 8) + packet[3];
		packet[read_u8(in) % covered] ^= (uint8_t)(1u << which % 8);
	}
	struct babel_sender sender = { address_of(frame->from), BABEL_PORT, 1, frame->multicast, false };
	bool passes = babel_mac_receive(f->speakers[1 - frame->from], f->now_us, &sender, bytes_of(packet, len));

	assert(!passes || !is_altered);
	assert(!passes || !frame->is_accepted);
	frame->is_accepted |= passes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;
	struct side sides[2] = { { &f, 0 }, { &f, 1 } };
	struct reader in = reader_of(bytes_of(data, size));

	f = (struct fuzz){ .now_us = UINT64_C(1000000) };
	prng_seed(&f.prng, 1);
	for (unsigned i = 0; i < 2; i++)
		side_start(&f, &sides[i]);
	for (unsigned step = 0; step < 300 && reader_left(&in) > 0; step++) {
		uint8_t op = read_u8(&in);
		unsigned side = op >> 7;

		if (op % 8 < 2)
			step_say(&f, &in, side, op & 8);
		else if (op % 8 < 4)
			step_deliver(&f, &in, false);
		else if (op % 8 == 4)
			step_deliver(&f, &in, true);
		else if (op % 8 == 5 && (op & 0x70) == 0x70)
			side_start(&f, &sides[side]);
		else if (op % 8 == 5)
			step_forge(&f, &in, side);
		else
			f.now_us += (uint64_t)(op & 0x70) * (op & 0x70) * 20000;
	}
	babel_mac_free(f.speakers[0]);
	babel_mac_free(f.speakers[1]);
	return 0;
}
