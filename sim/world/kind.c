/* Links of a plan gathered by preset. */
#include "sim/world/kind.h"

static bool kind_is_new(const struct plan *p, unsigned link)
{
	for (unsigned i = 0; i < link; i++)
		if (p->links[i].preset == p->links[link].preset)
			return false;
	return true;
}

static void link_gather(struct kind_traffic *k, const struct segment *g)
{
	const struct segment_traffic traffic = segment_traffic(g);
	double share = segment_control_share(g);

	k->links++;
	k->frames += traffic.frames;
	k->bytes += traffic.bytes;
	k->control_bytes += traffic.bytes - traffic.data_bytes;
	k->worst_share = share > k->worst_share ? share : k->worst_share;
}

bool kind_next(const struct trial *t, unsigned *link, struct kind_traffic *k)
{
	const struct plan *p = t->plan;

	while (*link < p->link_count && !kind_is_new(p, *link))
		++*link;
	if (*link == p->link_count)
		return false;
	*k = (struct kind_traffic){ .kind = p->links[*link].preset };
	for (unsigned i = *link; i < p->link_count; i++)
		if (p->links[i].preset == k->kind)
			link_gather(k, t->world->segments[i]);
	++*link;
	return true;
}
