/*
 * Frames that others have overtaken. The replay window lets a frame in that was
 * sealed long before the one that came last: on an honest link by milliseconds, by
 * a minute if somebody held it back. What was said then is no news beside what was
 * said since.
 *
 *   counter   ──head two marks ago──────head at the last mark──────head──►  time
 *              overtaken               │ in time
 *
 * A mark is made every OVERTAKEN_US at most; so what lies before the last but one
 * was overtaken at least so long ago. A sender that has changed to a new session
 * does not go back: the same holds for what it sealed with the one before.
 */
#include "meshd/node/state.h"

#define OVERTAKEN_US (2 * SECOND)
#define CHANGED_US (300 * MS) /* the same, across a change of sessions */

bool order_is_overtaken(struct peer *p, uint64_t now_us, uint32_t index, uint64_t counter)
{
	struct order *o = &p->order;

	if (p->keys.has_previous && index == p->keys.previous.local_index)
		return p->keys.has_current && o->index == p->keys.current.local_index &&
		       now_us > o->since_us + CHANGED_US;
	if (o->index != index)
		*o = (struct order){ .index = index, .since_us = now_us, .marked_us = now_us };
	bool is_overtaken = counter < o->head_before;
	if (now_us >= o->marked_us + OVERTAKEN_US) {
		o->head_before = o->head;
		o->head = p->keys.current.window.head;
		o->marked_us = now_us;
	}
	return is_overtaken;
}

void order_begin(struct peer *p, uint64_t now_us)
{
	struct order *o = &p->order;

	if (p->keys.has_current && o->index == p->keys.current.local_index) {
		o->head_before = o->head = p->keys.current.window.head;
		o->marked_us = now_us;
	}
}
