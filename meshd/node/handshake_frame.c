/*
 * What handshake messages look like (protocol.md 4.1, 4.3).
 *
 *        on other links                            on thin links
 *    0   type | flags (1: IK) | 0 0                type | sender's visible index, low byte
 *    4   sender index 4                            receiver's (INIT: a hint at its id)
 *    8   receiver index 4, not in INIT             flags: 1 IK, 2 sender's phase, 4 receiver's
 *        Noise message                             Noise message
 *        mac1 16 | mac2 16                         mac1 8
 *
 * On a thin link the line itself limits a flood, so there are no cookies; and INIT says
 * whom it is for, as all stations of a radio may hear it: by a byte of a keyed hash over
 * the id and the ephemeral key, which tells outsiders nothing, 0 if it is for anybody.
 */
#include "meshd/node/state.h"

#include <string.h>

#define FLAG_IK 1
#define FLAG_SENDER_PHASE 2
#define FLAG_RECEIVER_PHASE 4
#define MACS_LEN (MAC_LEN + MAC_LEN) /* mac1, mac2 */
#define THIN_HEAD 4
#define HINT_AT 2

static uint32_t own_index(const struct handshake *h)
{
	struct reader r = reader_of(bytes_of(h->index.key, sizeof(h->index.key)));

	return read_u32(&r);
}

/* --- out --------------------------------------------------------------------------------- */

static void thin_header_write(const struct handshake *h, enum frame_type type, struct writer *w)
{
	uint32_t sender = own_index(h), receiver = type == FRAME_INIT ? 0 : h->remote_index;
	uint8_t flags = h->noise.pattern == NOISE_IKPSK2 ? FLAG_IK : 0;

	flags |= sender & 0x100 ? FLAG_SENDER_PHASE : 0;
	flags |= receiver & 0x100 ? FLAG_RECEIVER_PHASE : 0;
	write_u8(w, (uint8_t)type);
	write_u8(w, (uint8_t)sender);
	write_u8(w, (uint8_t)receiver); /* of INIT the hint, later */
	write_u8(w, flags);
}

/* `noise` begins with the ephemeral key, which is drawn anew for each call. */
static uint8_t hint_of(const struct node_key *key, const uint8_t id[NODE_ID_LEN], struct bytes noise)
{
	uint8_t message[NODE_ID_LEN + KEY_LEN], hash[16];
	struct reader r = reader_of(noise);

	memcpy(message, id, NODE_ID_LEN);
	read_copy(&r, message + NODE_ID_LEN, KEY_LEN);
	hash_bytes(hash, sizeof(hash), bytes_of(message, sizeof(message)), bytes_of(key->made[KEY_FOR_ALL], KEY_LEN));
	return hash[0] ? hash[0] : 1;
}

void handshake_hint_write(struct handshake *h)
{
	if (h->has_callee)
		h->message[HINT_AT] = hint_of(key_numbered(h->n, h->key_number), h->callee,
			bytes_of(h->message + THIN_HEAD, h->message_len - THIN_HEAD));
}

bool handshake_is_for_another(const struct node_link *link, const struct handshake_frame *f)
{
	const struct node *n = link->n;

	if (!f->hint || f->key)
		return f->hint && f->hint != hint_of(f->key, n->id, f->noise);
	for (unsigned i = 0; i < n->key_count; i++)
		if (f->hint == hint_of(&n->keys[i], n->id, f->noise))
			return false;
	return true;
}

void handshake_header_write(const struct handshake *h, enum frame_type type, struct writer *w)
{
	if (h->link->config.is_thin) {
		thin_header_write(h, type, w);
		return;
	}
	write_u8(w, (uint8_t)type);
	write_u8(w, h->noise.pattern == NOISE_IKPSK2 ? FLAG_IK : 0);
	write_u16(w, 0);
	write_bytes(w, bytes_of(h->index.key, sizeof(h->index.key)));
	if (type != FRAME_INIT)
		write_u32(w, h->remote_index);
}

size_t handshake_frame_len(const struct node_link *link, size_t message_len)
{
	return message_len + (link->config.is_thin ? THIN_TAG_LEN : MACS_LEN);
}

size_t handshake_finish(struct handshake *h, uint8_t out[HANDSHAKE_MAX + MACS_LEN])
{
	size_t len = h->message_len;

	memcpy(out, h->message, len);
	mac1_compute(h->mac1, h->mac_key, bytes_of(out, len));
	if (h->link->config.is_thin) {
		memset(h->mac1 + THIN_TAG_LEN, 0, MAC_LEN - THIN_TAG_LEN);
		memcpy(out + len, h->mac1, THIN_TAG_LEN);
		return len + THIN_TAG_LEN;
	}
	memcpy(out + len, h->mac1, MAC_LEN);
	len += MAC_LEN;
	memset(out + len, 0, MAC_LEN);
	if (h->has_cookie)
		mac2_compute(out + len, h->cookie, bytes_of(out, len));
	return len + MAC_LEN;
}

void handshake_frame_send(struct node_link *link, uint64_t now_us, enum babel_need need, const struct endpoint *to,
	uint16_t key, struct bytes frame)
{
	if (link->config.is_thin && frame.len > link->config.mtu)
		parts_send(link, now_us, to, key_numbered(link->n, key), frame);
	else
		egress_frame(link, now_us, to, frame);
	budget_frame_said(link, now_us, need, frame.len);
}

/* --- in ------------------------------------------------------------------------------------ */

static bool thin_parse(struct handshake_frame *f, struct bytes frame)
{
	struct reader r = reader_of(frame);

	f->type = read_u8(&r);
	f->sender = read_u8(&r);
	uint8_t receiver = read_u8(&r), flags = read_u8(&r);
	if (reader_left(&r) < THIN_TAG_LEN)
		return false;
	f->is_ik = flags & FLAG_IK;
	f->sender |= flags & FLAG_SENDER_PHASE ? 0x100 : 0;
	if (f->type == FRAME_INIT)
		f->hint = receiver;
	else
		f->receiver = receiver | (flags & FLAG_RECEIVER_PHASE ? 0x100 : 0);
	f->noise = read_bytes(&r, reader_left(&r) - THIN_TAG_LEN);
	read_copy(&r, f->mac1, THIN_TAG_LEN);
	f->before_mac1 = bytes_of(frame.data, frame.len - THIN_TAG_LEN);
	return reader_ok(&r) && f->noise.len <= NOISE_MESSAGE_MAX;
}

bool handshake_frame_parse(const struct node_link *link, struct handshake_frame *f, struct bytes frame)
{
	struct reader r = reader_of(frame);

	*f = (struct handshake_frame){ 0 };
	if (link->config.is_thin)
		return thin_parse(f, frame);
	f->type = read_u8(&r);
	f->is_ik = read_u8(&r) & FLAG_IK;
	read_skip(&r, 2);
	f->sender = read_u32(&r);
	f->receiver = f->type == FRAME_INIT ? 0 : read_u32(&r);
	if (!reader_ok(&r) || reader_left(&r) < MACS_LEN)
		return false;
	f->noise = read_bytes(&r, reader_left(&r) - MACS_LEN);
	read_copy(&r, f->mac1, MAC_LEN);
	read_copy(&r, f->mac2, MAC_LEN);
	f->before_mac1 = bytes_of(frame.data, frame.len - MACS_LEN);
	f->before_mac2 = bytes_of(frame.data, frame.len - MAC_LEN);
	return reader_ok(&r) && f->noise.len <= NOISE_MESSAGE_MAX;
}

const struct node_key *handshake_key_find(const struct node_link *link, const struct handshake_frame *f)
{
	return key_of_mac(link->n, f->is_ik ? KEY_FOR_US : KEY_FOR_ALL, f->before_mac1, f->mac1,
		link->config.is_thin ? THIN_TAG_LEN : MAC_LEN);
}

struct handshake *handshake_waiting(const struct node_link *link, bool initiator, uint32_t receiver)
{
	struct node *n = link->n;

	if (!link->config.is_thin) {
		struct index *i = index_find(n, receiver);
		struct handshake *h = i ? i->handshake : NULL;

		return h && h->initiator == initiator && h->link == link ? h : NULL;
	}
	list_for_each (node, next, &n->handshakes) {
		struct handshake *h = list_entry(node, struct handshake, on_node);

		if (h->link == link && h->initiator == initiator && (own_index(h) & THIN_INDEX_MASK) == receiver)
			return h;
	}
	return NULL;
}
