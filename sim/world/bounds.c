/*
 * What others can make a node keep is bounded. Each table has a limit of its own;
 * and in a world all members are known, so that the tables of what members alone
 * can bring about have a second one, however much comes from strangers.
 */
#include "sim/world/world.h"

#include <string.h>

/* Whom a station can meet: a neighbour for each device that was at another end of what it is attached to. */
static size_t neighbours_of(const struct station *s)
{
	size_t count = 0;

	for (unsigned i = 0; i < s->port_count; i++)
		for (unsigned k = 0; k < s->ports[i]->attachment_count; k++) {
			const struct segment *g = s->ports[i]->attachments[k].segment;

			for (unsigned end = 0; end < g->end_count; end++)
				if (g->ends[end].port->station != s)
					count += 1 + g->ends[end].port->station->replaced;
		}
	return count;
}

static size_t members_of(const struct world *w)
{
	size_t count = 0;

	for (unsigned i = 0; i < w->station_count; i++)
		count += 1 + w->stations[i]->replaced;
	return count;
}

static void bound(struct station *s, const char *table, size_t used, size_t limit, size_t members)
{
	if (used > limit || used > members)
		station_breach(
			s, "keeps %zu %s, at most %zu in this world", used, table, limit < members ? limit : members);
}

static void bounds_of(struct station *s)
{
	const char *name;
	size_t used, limit;
	struct node_table t;

	for (unsigned i = 0; (t = node_table_at(s->node, i)).name; i++)
		bound(s, t.name, t.used, t.limit,
			strcmp(t.name, "neighbours") == 0     ? neighbours_of(s)
			: strcmp(t.name, "certificates") == 0 ? members_of(s->w)
							      : t.limit);
	for (unsigned i = 0; (name = babel_table_at(node_babel(s->node), i, &used, &limit)); i++)
		bound(s, name, used, limit, strcmp(name, "routing neighbours") == 0 ? neighbours_of(s) : limit);
}

void bounds_look(struct world *w)
{
	for (unsigned i = 0; i < w->station_count; i++)
		if (w->stations[i]->node)
			bounds_of(w->stations[i]);
}
