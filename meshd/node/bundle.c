/*
 * Bundles: what waits for one neighbour of a thin link, and is small, leaves in one frame.
 *
 *   { length 1 or 2, inner frame }*    kind first, of any kind but pieces and bundles
 *
 * A first byte of f0 or more is the upper part of a length of two bytes: a modem that
 * carries one message a minute carries all that waits in it, certificates too.
 * It saves a header and a tag for each, and on a half-duplex radio a turn.
 */
#include "meshd/node/state.h"

#include <string.h>

#define ITEM_MAX 0xfffu
#define LONG_FROM 0xf0u

static size_t length_size(size_t len)
{
	return len < LONG_FROM ? 1 : 2;
}

bool bundle_takes(const struct peer *p, const struct bundle *b, size_t len)
{
	return len <= ITEM_MAX && (b->len ? b->len : 1) + length_size(len) + len <= link_frame_room(p->link);
}

size_t bundle_read_length(struct reader *r)
{
	size_t first = read_u8(r);

	return first < LONG_FROM ? first : (first - LONG_FROM) << 8 | read_u8(r);
}

void bundle_add(struct peer *p, uint64_t now_us, struct bundle *b, struct outgoing *o)
{
	whole_show(p, true, o->inner, o->len);
	compress(p, now_us, o); /* never longer */
	if (b->len == 0)
		b->inner[b->len++] = KIND_BUNDLE;
	if (b->count == 0)
		b->first_at = 1 + length_size(o->len);
	if (length_size(o->len) == 2)
		b->inner[b->len++] = (uint8_t)(LONG_FROM + (o->len >> 8));
	b->inner[b->len++] = (uint8_t)o->len;
	memcpy(b->inner + b->len, o->inner, o->len);
	b->len += o->len;
	b->count++;
}

void bundle_send(struct peer *p, uint64_t now_us, struct bundle *b)
{
	size_t from = b->count == 1 ? b->first_at : 0;

	thin_send_whole(p, now_us, b->inner + from, b->len - from);
}
