/*
 * Bundles: what waits for one neighbour of a thin link, and is small, leaves in one frame.
 *
 *   { length 1, inner frame }*         kind first, of any kind but pieces and bundles
 *
 * It saves a header and a tag for each, and on a half-duplex radio a turn.
 */
#include "meshd/node/state.h"

#include <string.h>

#define ITEM_MAX UINT8_MAX

bool bundle_takes(const struct peer *p, const struct bundle *b, size_t len)
{
	return len <= ITEM_MAX && (b->len ? b->len : 1) + 1 + len <= link_frame_room(p->link);
}

void bundle_add(struct peer *p, uint64_t now_us, struct bundle *b, struct outgoing *o)
{
	whole_show(p, o);
	compress(p, now_us, o); /* never longer */
	if (b->len == 0)
		b->inner[b->len++] = KIND_BUNDLE;
	b->inner[b->len++] = (uint8_t)o->len;
	memcpy(b->inner + b->len, o->inner, o->len);
	b->len += o->len;
	b->count++;
}

void bundle_send(struct peer *p, uint64_t now_us, struct bundle *b)
{
	bool is_alone = b->count == 1;

	peer_send_in_place(p, now_us, b->inner + (is_alone ? 2 : 0), b->len - (is_alone ? 2 : 0));
}
