/*
 * Sites that have one way left (trouble.h). Where there never was more than one, that is
 * how things are, and no alarm: else every node at the edge would have one for good.
 *
 *   several, for HELD ─► one: it is missed ─► several again, or one for GONE: it is not
 */
#include "meshd/node/trouble.h"

static struct spare *spare_get(struct spares *s, uint64_t now_us, uint32_t serial)
{
	struct spare *place = NULL;

	for (unsigned i = 0; i < SPARES_MAX; i++) {
		if (s->all[i].serial == serial)
			return &s->all[i];
		if (!s->all[i].serial || now_us - s->all[i].seen_us > SPARE_GONE_US)
			place = place ? place : &s->all[i];
	}
	if (place)
		*place = (struct spare){ .serial = serial, .since_us = now_us };
	return place;
}

bool spare_note(struct spares *s, uint64_t now_us, uint32_t serial, bool has_several)
{
	struct spare *site = serial ? spare_get(s, now_us, serial) : NULL;

	if (!site)
		return false;
	site->seen_us = now_us;
	if (site->has_several != has_several) {
		site->has_several = has_several;
		site->since_us = now_us;
	}
	if (has_several)
		site->had_several |= now_us - site->since_us >= SPARE_HELD_US;
	else if (now_us - site->since_us >= SPARE_GONE_US)
		site->had_several = false;
	return !has_several && site->had_several;
}
