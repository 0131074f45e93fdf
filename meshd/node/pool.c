/*
 * What packets wait in: pieces of two sizes, kept for the next ones. An idle node
 * has none but a few that it used last.
 */
#include "meshd/node/state.h"

#include <stdlib.h>

#define KEPT_MAX 32 /* free ones of each size */

static const size_t sizes[POOL_SIZES] = { 320, NODE_HEADROOM + NODE_FRAME_MAX + NODE_TAILROOM };

struct waiting *pool_take(struct pool *pool, size_t room)
{
	unsigned size = room <= sizes[0] ? 0 : 1;
	struct waiting *w = pool->free[size];

	if (room > sizes[size] || pool->used == WAITING_PACKETS_MAX)
		return NULL;
	if (w) {
		pool->free[size] = w->next;
		pool->kept[size]--;
	} else {
		w = malloc(sizeof(*w) + sizes[size]);
		if (!w)
			return NULL;
	}
	pool->used++;
	*w = (struct waiting){ .size = size };
	return w;
}

void pool_give(struct pool *pool, struct waiting *w)
{
	pool->used--;
	if (pool->kept[w->size] == KEPT_MAX) {
		free(w);
		return;
	}
	w->next = pool->free[w->size];
	pool->free[w->size] = w;
	pool->kept[w->size]++;
}

void pool_done(struct pool *pool)
{
	for (unsigned size = 0; size < POOL_SIZES; size++) {
		for (struct waiting *w = pool->free[size], *next; w; w = next) {
			next = w->next;
			free(w);
		}
		pool->free[size] = NULL;
		pool->kept[size] = 0;
	}
}
