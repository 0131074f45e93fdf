/*
 * Frames of thin links (protocol.md 4.5): what they look like, and whose they are.
 *
 *   first byte  00 handshake, beacon          ► handshake.c, beacon.c, part.c
 *               01 data       an IP packet, or a compressed one, and its class  (no kind byte)
 *               10 control    kind byte first: Babel, control, bundle (bundle.c, join.c)
 *               11 piece      id, offset, bytes                  (no kind byte)
 *
 * On a shared radio a frame shows nine bits of the receiver's index: the key phase in
 * its first byte, and a byte of its own. Who draws an index takes visible bits that
 * no session of the link has, nor a frame that was for others; where they must be
 * shared, each session that fits is tried, a hash each. There are more visible indices
 * than a node has neighbours, so that those are few.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <string.h>

#define TYPE_MASK 0xc0
#define TYPE_HANDSHAKE 0x00
#define TYPE_DATA 0x40
#define TYPE_CONTROL 0x80
#define TYPE_PIECE 0xc0
#define CLASS 0x18
#define CLASS_SHIFT 3
#define COMPRESSED 0x04
#define DRAWS 16 /* at visible bits that nobody has */

/* --- receiver indices ----------------------------------------------------------------- */

/* The bits of an index that frames of the link show. */
static uint32_t visible_mask(const struct node_link *link)
{
	return link->config.is_paired ? THIN_INDEX_MASK & ~0xffu : THIN_INDEX_MASK;
}

static unsigned visible_users(const struct node_link *link, uint32_t value)
{
	uint32_t mask = visible_mask(link), bit = value & THIN_INDEX_MASK;
	unsigned users = link->thin->overheard[bit / 32] >> bit % 32 & 1;

	list_for_each (node, next, &link->peers) {
		const struct secret_keyring *k = &list_entry(node, struct peer, on_link)->keys;

		users += k->has_current && ((k->current.local_index ^ value) & mask) == 0;
		users += k->has_pending && ((k->pending.local_index ^ value) & mask) == 0;
		users += k->has_previous && ((k->previous.local_index ^ value) & mask) == 0;
	}
	list_for_each (node, next, &link->n->handshakes) {
		const struct handshake *h = list_entry(node, struct handshake, on_node);
		struct reader r = reader_of(bytes_of(h->index.key, sizeof(h->index.key)));

		users += h->link == link && ((read_u32(&r) ^ value) & mask) == 0;
	}
	return users;
}

uint32_t thin_index_fresh(const struct node_link *link)
{
	struct node *n = link->n;
	uint32_t best = 0;
	unsigned least = 0;

	for (unsigned draw = 0; draw < DRAWS && (draw == 0 || least > 0); draw++) {
		uint32_t value;

		do
			value = random_u32(&n->random);
		while (index_find(n, value));
		unsigned users = visible_users(link, value);
		if (draw > 0 && users >= least)
			continue;
		best = value;
		least = users;
	}
	/* What was overheard long ago may be free again: it is heard anew if not. */
	memset(link->thin->overheard, 0, sizeof(link->thin->overheard));
	return best;
}

static void overheard_note(struct node_link *link, struct bytes frame)
{
	struct reader r = reader_of(frame);
	uint32_t bit = read_u8(&r) & THIN_PHASE ? 0x100 : 0;

	bit |= read_u8(&r);
	link->thin->overheard[bit / 32] |= 1u << bit % 32;
}

/* --- out ---------------------------------------------------------------------------------- */

/* Seals `len` bytes of `body` behind a first byte, in one frame. */
static bool thin_seal_send(struct peer *p, uint64_t now_us, uint8_t first, const uint8_t *body, size_t len)
{
	uint8_t frame[NODE_FRAME_MAX];
	size_t header_len = thin_header_len(link_form(p->link));

	if (header_len + len + THIN_TAG_LEN > p->link->config.mtu) {
		DROP(p->n, p->link, too_big);
		return false;
	}
	memcpy(frame + header_len, body, len);
	return peer_seal_send(p, now_us, frame, len, first);
}

void thin_send_whole(struct peer *p, uint64_t now_us, const uint8_t *inner, size_t len)
{
	inner_show(p, true, inner, len);
	unsigned first = TYPE_DATA | (unsigned)class_of_kind(inner[0]) << CLASS_SHIFT;

	first |= kind_base(inner[0]) == KIND_COMPRESSED ? COMPRESSED : 0;
	if (kind_is_packet(inner[0]))
		thin_seal_send(p, now_us, (uint8_t)first, inner + 1, len - 1);
	else
		thin_seal_send(p, now_us, TYPE_CONTROL, inner, len);
}

bool thin_send_next(struct peer *p, uint64_t now_us, struct outgoing *o)
{
	size_t room = link_frame_room(p->link);
	uint8_t piece[1 + NODE_FRAME_MAX] = { KIND_PIECE };

	if (o->at == 0) {
		whole_show(p, true, o->inner, o->len);
		compress(p, now_us, o);
		if (o->len <= room + kind_is_packet(o->inner[0])) {
			o->at = o->len;
			thin_send_whole(p, now_us, o->inner, o->len);
			return false;
		}
		if (!piece_takes(o->len, room)) {
			DROP(p->n, p->link, too_big);
			return false;
		}
		o->id = p->cut_id++;
	}
	size_t len = piece_next(o, piece + 1, room);
	inner_show(p, true, piece, 1 + len);
	p->n->counters.pieces_sent++;
	return thin_seal_send(p, now_us, TYPE_PIECE, piece + 1, len) && o->at < o->len;
}

/* --- in ------------------------------------------------------------------------------------- */

static void opened(struct peer *p, uint64_t now_us, const struct endpoint *from, bool promoted,
	const struct thin_place *place, uint8_t first, struct bytes body)
{
	uint8_t room[FRAME_HEADER + 1 + NODE_FRAME_MAX + NODE_TAILROOM], *inner = room + FRAME_HEADER;
	bool has_kind = (first & TYPE_MASK) == TYPE_CONTROL;

	inner[0] = KIND_PIECE;
	if ((first & TYPE_MASK) == TYPE_DATA)
		inner[0] = kind_of_class(first & COMPRESSED ? KIND_COMPRESSED : KIND_IP,
			(enum packet_class)((first & CLASS) >> CLASS_SHIFT));
	if (body.len)
		memcpy(inner + (has_kind ? 0 : 1), body.data, body.len);
	inner_opened(
		p, now_us, from, promoted, place->local_index, place->counter, inner, body.len + (has_kind ? 0 : 1));
}

static void thin_data_in(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, uint8_t *frame, size_t len)
{
	size_t header_len = thin_header_len(link_form(link));
	struct thin_place place;
	int error = -ENOENT;
	bool promoted;

	if (len < header_len + THIN_TAG_LEN) {
		DROP(link->n, link, truncated);
		return;
	}
	list_for_each (node, next, &link->peers) {
		struct peer *p = list_entry(node, struct peer, on_link);
		int plain = keyring_open_thin(&p->keys, now_us, frame, len, &promoted, &place);

		if (plain >= 0) {
			opened(p, now_us, from, promoted, &place, frame[0],
				bytes_of(frame + header_len, (size_t)plain));
			return;
		}
		if (plain != -ENOENT)
			error = plain;
	}
	if (link_form(link) == SESSION_THIN_SHARED)
		overheard_note(link, bytes_of(frame, len));
	if ((frame[0] & TYPE_MASK) == TYPE_CONTROL)
		budget_heard(link, now_us, len + link->config.overhead); /* of others to others */
	data_refused(link, error);
}

void thin_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, uint8_t *frame, size_t len)
{
	struct bytes message = bytes_of(frame, len);

	if ((frame[0] & TYPE_MASK) != TYPE_HANDSHAKE) {
		thin_data_in(link, now_us, from, frame, len);
		return;
	}
	if (frame[0] == FRAME_PART)
		message = part_in(link, now_us, from, message);
	switch (message.len ? message.data[0] : FRAME_PART) {
	case FRAME_PART:
		break;
	case FRAME_INIT:
	case FRAME_RESP:
	case FRAME_FIN:
		handshake_in(link, now_us, from, message);
		break;
	case FRAME_BEACON:
		beacon_in(link, now_us, from, message);
		break;
	case FRAME_PLEA:
		admit_plea_in(link, now_us, from, message);
		break;
	case FRAME_ANSWER:
		admit_answer_in(link, now_us, from, message);
		break;
	default:
		DROP(link->n, link, unknown_type);
		break;
	}
}
