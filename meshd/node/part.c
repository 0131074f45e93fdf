/*
 * Handshake messages that are longer than a thin link's frames: two stations that
 * know nothing of each other tell their certificates once.
 *
 *   0  type 6
 *   1  id 2               of the message: counts up from a random number
 *   3  part 4 | parts - 1 4
 *   4  bytes
 *      mac 8              keyed BLAKE2b of all before, by the deployment's key with which it is made
 *
 * Without the key nobody makes us keep anything. Parts come in their order, as a line
 * keeps it; a part that is out of turn is of no use, and the message is said again. A
 * part can be replayed, and so can the message.
 */
#include "meshd/node/state.h"

#include <string.h>

#define PART_HEADER 4
#define PART_OVERHEAD (PART_HEADER + THIN_TAG_LEN)
#define STALE_PACES 10

static size_t part_room(const struct node_link *link)
{
	return link->config.mtu - PART_OVERHEAD;
}

void parts_send(struct node_link *link, uint64_t now_us, const struct endpoint *to, const struct node_key *key,
	struct bytes message)
{
	uint8_t frame[NODE_FRAME_MAX], mac[MAC_LEN], *id = link->thin->part_id;
	size_t room = part_room(link), parts = (message.len + room - 1) / room;
	struct reader r = reader_of(message);

	if (parts > PARTS_MAX) {
		DROP(link->n, link, too_big);
		return;
	}
	id[0] += ++id[1] == 0;
	for (size_t part = 0; part < parts; part++) {
		struct writer w = writer_of(frame, link->config.mtu);
		size_t left = reader_left(&r);

		write_u8(&w, FRAME_PART);
		write_copy(&w, id, 2);
		write_u8(&w, (uint8_t)(part << 4 | (parts - 1)));
		write_bytes(&w, read_bytes(&r, left < room ? left : room));
		mac1_compute(mac, key->made[KEY_FOR_ALL], writer_bytes(&w));
		write_copy(&w, mac, THIN_TAG_LEN);
		egress_frame(link, now_us, to, writer_bytes(&w));
	}
}

/* That of the message; else, for its first part, a free one or the one that did not grow for longest. */
static struct assembly *assembly_get(struct node_link *link, uint64_t now_us, const uint8_t id[2], unsigned part)
{
	struct assembly *oldest = &link->thin->assemblies[0];

	for (unsigned i = 0; i < ASSEMBLIES_MAX; i++) {
		struct assembly *a = &link->thin->assemblies[i];

		if (a->is_used && now_us > a->grown_us + STALE_PACES * link_pace_us(link))
			a->is_used = false;
		if (a->is_used && memcmp(a->id, id, 2) == 0)
			return a;
		if (oldest->is_used && (!a->is_used || a->grown_us < oldest->grown_us))
			oldest = a;
	}
	return part == 0 ? oldest : NULL;
}

struct bytes part_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame)
{
	static const struct bytes none;
	struct node *n = link->n;
	struct reader r = reader_of(frame);
	uint8_t id[2];

	(void)from; /* on a radio without addresses nobody knows */
	read_skip(&r, 1);
	read_copy(&r, id, sizeof(id));
	uint8_t place = read_u8(&r);
	unsigned part = place >> 4, last = place & 0x0f;
	if (!reader_ok(&r) || reader_left(&r) <= THIN_TAG_LEN) {
		DROP(n, link, truncated);
		return none;
	}
	struct bytes bytes = read_bytes(&r, reader_left(&r) - THIN_TAG_LEN);
	size_t before = frame.len - THIN_TAG_LEN;
	if (!key_of_mac(n, KEY_FOR_ALL, bytes_of(frame.data, before), frame.data + before, THIN_TAG_LEN)) {
		DROP(n, link, mac1_wrong);
		return none;
	}
	struct assembly *a = assembly_get(link, now_us, id, part);
	if (!a)
		return none;
	if (part == 0) {
		*a = (struct assembly){ .is_used = true };
		memcpy(a->id, id, sizeof(id));
	}
	if (part != a->next || part > last || bytes.len > sizeof(a->message) - a->len) {
		a->is_used = false;
		return none;
	}
	memcpy(a->message + a->len, bytes.data, bytes.len);
	a->len += bytes.len;
	a->grown_us = now_us;
	a->next++;
	if (part < last)
		return none;
	a->is_used = false;
	return bytes_of(a->message, a->len);
}
