/*
 * Two live nodes, on a wire or a thin link, under a stream of operations: bytes from nowhere, damaged and
 * replayed copies of genuine frames, whatever a member may seal into its
 * session, packets from the host, messages and what a disk may give back of them, and time.
 *
 * What must hold: nothing crashes; tables stay within their bounds; a node that
 * heard only damaged frames keeps its peer.
 */
#include "meshd/node/message.h"
#include "tests/bench/node_chain.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct enrolment enrolments[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	chain_enrol(enrolments, 2, 1);
	return 0;
}

static struct peer *other_of(struct chain *c, unsigned i)
{
	struct node_link *link = c->nodes[i].node->links[0];

	return list_is_empty(&link->peers) ? NULL : list_entry(link->peers.next, struct peer, on_link);
}

/* In a buffer of just the size: an overread is seen. */
static void frame_in(struct chain *c, unsigned to, struct endpoint from, struct bytes frame)
{
	uint8_t *buffer = malloc(frame.len + NODE_TAILROOM);

	assert(buffer);
	if (frame.len)
		memcpy(buffer, frame.data, frame.len);
	node_frames_in(c->nodes[to].node, c->now_us, 0, &(struct node_frame){ from, buffer, frame.len }, 1);
	free(buffer);
}

/* A genuine frame of before, damaged at up to three places, perhaps cut. */
static void damaged(struct chain *c, struct reader *r)
{
	uint64_t kept = c->written < CHAIN_FRAMES ? c->written : CHAIN_FRAMES;

	if (kept == 0)
		return;
	struct chain_frame f = c->frames[(c->written - 1 - read_u8(r) % kept) % CHAIN_FRAMES];
	uint8_t how = read_u8(r);

	for (unsigned i = 0; i < (how & 3u); i++) {
		uint16_t at = read_u16(r);

		f.data[at % f.len] ^= read_u8(r);
	}
	if (how & 4)
		f.len = read_u16(r) % (f.len + 1);
	if (how & 8)
		f.from = chain_endpoint(how >> 4);
	frame_in(c, f.to, f.from, bytes_of(f.data, f.len));
}

static void inside(struct chain *c, unsigned from, struct reader *r)
{
	struct peer *p = other_of(c, from);
	uint8_t kind = read_u8(r);
	struct bytes body = read_bytes(r, read_u16(r) % 1400);

	if (p && reader_ok(r))
		peer_send(p, c->now_us, kind, body);
	chain_drain(c);
}

/* A Babel packet whose header is right, so that TLVs are reached. */
static void inside_babel(struct chain *c, unsigned from, struct reader *r)
{
	struct peer *p = other_of(c, from);
	struct bytes body = read_bytes(r, read_u8(r));
	uint8_t packet[4 + 255] = { 42, 2, (uint8_t)(body.len >> 8), (uint8_t)body.len };

	if (!p || !reader_ok(r))
		return;
	if (body.len)
		memcpy(packet + 4, body.data, body.len);
	peer_send(p, c->now_us, KIND_BABEL, bytes_of(packet, 4 + body.len));
	chain_drain(c);
}

static struct address someone(const struct chain *c, uint8_t who)
{
	struct address a = c->nodes[who & 1].node->address;

	a.bytes[15] ^= who & 2 ? who : 0;
	return a;
}

/* What is said of messages, between those who are there, or not. */
static void inside_message(struct chain *c, unsigned from, struct reader *r)
{
	struct peer *p = other_of(c, from);
	struct address to = someone(c, read_u8(r)), by = someone(c, read_u8(r));
	uint8_t body[MESSAGE_HEAD + 512];
	struct writer w = writer_of(body, sizeof(body));

	write_u8(&w, MESSAGE_OP_MESSAGE);
	write_u8(&w, read_u8(r) & 0x83);
	write_u8(&w, read_u8(r));
	write_u16(&w, read_u16(r));
	write_copy(&w, to.bytes + 16 - MESSAGE_SUFFIX, MESSAGE_SUFFIX);
	write_copy(&w, by.bytes + 16 - MESSAGE_SUFFIX, MESSAGE_SUFFIX);
	write_bytes(&w, read_bytes(r, read_u16(r) % 512));
	if (p && reader_ok(r))
		peer_send(p, c->now_us, KIND_MESSAGE, writer_bytes(&w));
	chain_drain(c);
}

static void message_written(struct chain *c, unsigned at, struct reader *r)
{
	struct bytes text = read_bytes(r, read_u16(r) % (NODE_TEXT_MAX + 2));
	uint32_t number;

	if (reader_ok(r))
		node_message_send(
			c->nodes[at].node, c->now_us, at ? "a" : "b", text, text.len & 1, (uint32_t)text.len, &number);
	chain_drain(c);
}

static void message_kept(struct chain *c, unsigned at, struct reader *r)
{
	struct bytes key = read_bytes(r, read_u8(r) % (NODE_KEPT_KEY_MAX + 1));
	struct bytes value = read_bytes(r, read_u16(r) % NODE_KEPT_VALUE_MAX);

	if (reader_ok(r))
		node_message_restore(c->nodes[at].node, c->now_us, key, value, value.len * SECOND);
	chain_drain(c);
}

static void packet_in(struct chain *c, unsigned at, struct reader *r)
{
	struct bytes body = read_bytes(r, read_u16(r) % 1600);
	uint8_t *buffer = malloc(NODE_HEADROOM + body.len + NODE_TAILROOM);
	struct node_packet packet = { buffer + NODE_HEADROOM, body.len };

	assert(buffer);
	if (body.len)
		memcpy(packet.data, body.data, body.len);
	node_packets_in(c->nodes[at].node, c->now_us, &packet, 1);
	free(buffer);
	chain_drain(c);
}

static void check_bounds(const struct chain *c)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct node *n = c->nodes[i].node;

		assert(n->handshakes_theirs <= HANDSHAKES_MAX);
		assert(n->handshakes_own <= CALLINGS_MAX);
		assert(n->peer_count <= NODE_PEER_MAX);
		assert(n->want_count <= CERTIFICATE_WANTS_MAX);
		assert(n->join_count <= JOINS_MAX);
		assert(!n->messages || n->messages->bytes[NODE_MESSAGE_HELD] <= MESSAGE_HELD_BYTES_MAX);
		assert(!n->messages || n->messages->count[NODE_MESSAGE_OUT] <= MESSAGE_OUT_MAX);
		assert(!n->messages || n->messages->count[NODE_MESSAGE_IN] <= MESSAGE_IN_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));
	uint8_t seed = read_u8(&r);
	/* From the first beacon on, or with a session that stands; seldom with an end
	 * that takes time to see. */
	uint8_t story = read_u8(&r);
	bool honest = story % 8 < 2;
	/* Half of them over thin links. */
	struct chain *c = chain_new(
		enrolments, 2, story & 0x80 ? NODE_THIN_FRAME_MIN + 2 * (story & 0x78u) + (seed & 1) : 1500, seed);

	if (story % 2)
		chain_run(c, 2 * SECOND);
	while (reader_left(&r) > 0) {
		uint8_t op = read_u8(&r);
		unsigned side = op & 1;

		switch (op >> 1 & 7) {
		case 0:
			frame_in(c, side, chain_endpoint(op >> 4), read_bytes(&r, read_u16(&r) % 1600));
			break;
		case 1:
		case 2:
			damaged(c, &r);
			break;
		case 3:
			if (op & 0x40)
				inside_message(c, side, &r);
			else
				inside(c, side, &r);
			honest = false;
			break;
		case 4:
			inside_babel(c, side, &r);
			honest = false;
			break;
		case 5:
			if (op & 0x80)
				message_kept(c, side, &r);
			else if (op & 0x40)
				message_written(c, side, &r);
			else
				packet_in(c, side, &r);
			break;
		case 6:
			chain_run(c, read_u8(&r) * 20 * MS);
			break;
		default:
			/* One end is silent for a while. */
			c->now_us += read_u8(&r) * 100 * MS;
			chain_run(c, MS);
		}
		check_bounds(c);
	}
	if (honest) {
		chain_run(c, 60 * SECOND);
		assert(other_of(c, 0) && other_of(c, 0)->is_up);
		assert(other_of(c, 1) && other_of(c, 1)->is_up);
	}
	check_bounds(c);
	chain_free(c);
	return 0;
}
