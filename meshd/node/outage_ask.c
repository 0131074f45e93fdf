/* Asks about the sites of an outage clock (outage_ask.h). */
#include "meshd/node/outage_ask.h"

/* True: the question of this class is done with, and another one may be asked. */
static bool answer_take(struct outages *o, unsigned site, const struct outage_asker *a, const struct node *n,
	uint64_t now_us, uint64_t unix_s)
{
	struct node_reach r = node_reach(n, &a->address, a->class);

	if (r.state == NODE_REACH_WAITING)
		return false;
	bool is_told = r.state == NODE_REACH_WORKS || r.state == NODE_REACH_FAILS ||
		       (r.state == NODE_REACH_UNKNOWN && r.end != NODE_REACH_BUSY);
	if (is_told && r.at_us >= a->asked_us)
		outage_probed(o, now_us, unix_s, site, a->class, r.state == NODE_REACH_WORKS);
	return true;
}

static void question_ask(
	struct outages *o, unsigned site, struct outage_asker *a, struct node *n, uint64_t now_us, uint64_t unix_s)
{
	if (a->is_asked && !answer_take(o, site, a, n, now_us, unix_s))
		return;
	if (a->is_asked && ++a->class == OUTAGE_CLASSES) {
		a->class = 0;
		a->next_us = a->round_us + (o->sites[site].is_out ? OUTAGE_ASK_OUT_US : OUTAGE_ASK_GOOD_US);
	}
	a->is_asked = false;
	if (now_us < a->next_us)
		return;
	if (a->class == 0)
		a->round_us = now_us;
	a->asked_us = now_us;
	a->is_asked = node_reach_ask(n, now_us, &a->address, a->class) == 0;
}

void outage_ask(
	struct outages *o, unsigned site, struct outage_asker *a, struct node *n, uint64_t now_us, uint64_t unix_s)
{
	struct prefix host = prefix_of_host(a->address);
	enum packet_class class = CLASS_TEXT;
	struct node_way way;
	bool has_route = a->is_found && node_way(n, &host, &class, &way);

	outage_route(o, now_us, unix_s, site, has_route);
	if (has_route)
		question_ask(o, site, a, n, now_us, unix_s);
	else
		a->is_asked = false;
}
