/* What is expected of nodes under attack, and behind NAT boxes: sessions, entries, routed, relayed, floor. */
#include "sim/world/plan_read.h"

#include <stdlib.h>
#include <string.h>

int plan_guard_read(struct plan_reading *r, int i, const struct plan_text_guard *g)
{
	struct plan_expect *e = &r->plan->expect[i];
	bool is_time = e->measure == PLAN_ROUTED || e->measure == PLAN_RELAYED, is_good = g->at_most;
	uint64_t at_most_us;
	char *end = NULL;
	int error = plan_node_name_read(r, "expect", i, g->node, &e->from);

	e->met = -1;
	if (!error && is_time)
		error = plan_node_name_read(r, "expect", i, g->to, &e->to);
	if (!error && g->met && e->measure == PLAN_ROUTED) {
		unsigned met;

		error = plan_node_name_read(r, "expect", i, g->met, &met);
		e->met = (int)met;
	}
	if (error)
		return error;
	if (is_good && is_time) {
		is_good = link_duration_parse(&at_most_us, g->at_most) == 0;
		e->at_most = is_good ? (double)at_most_us / 1e6 : 0;
	} else if (is_good) {
		e->at_most = strtod(g->at_most, &end);
		is_good = end > g->at_most && !*end && e->at_most >= 0;
	}
	if (!is_good || !g->to != !is_time || (g->met && e->met < 0) ||
		(g->after && link_duration_parse(&e->after_us, g->after)) || e->after_us >= r->plan->duration_us)
		return outline_complain(&r->outline, "expect", i, NULL,
			"%s says too much or too little; write %s: {node: NODE%s, after: 10, at most: %s}",
			plan_measure_name(e->measure), plan_measure_name(e->measure), is_time ? ", to: NODE" : "",
			is_time ? "2" : "0");
	return 0;
}
