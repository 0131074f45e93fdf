/*
 * News: what a versioned neighbour should know of a destination, and whether that differs
 * enough from what it was told to be told anew (R9).
 */
#include "routing/compact.h"

/* --- what it should know ---------------------------------------------------------------- */

/* May the neighbour be told of `d` at all, and at what cost? */
static struct babel_verdict wanted_policy(const struct session *s, const struct destination *d)
{
	if (!update_has_next_hop(s->n->link, d->prefix.address.family))
		return (struct babel_verdict){ .accept = false };
	return update_policy(d, s->n->link, &s->n->address);
}

/* What the neighbour should know of `d` now in one class, of which `claim` is so. What is reached through the
 * neighbour itself, by whatever link, is of no use to it (3.7.4). */
static struct claim wanted_of_class(const struct session *s, const struct destination *d, enum babel_class class,
	struct claim claim, uint16_t extra_cost, uint16_t steering)
{
	const struct route *selected = d->selected[class];

	if (!(s->n->classes >> class & 1) || (selected && address_equal(&selected->neighbour->address, &s->n->address)))
		return (struct claim){ .metric = BABEL_INFINITY };
	if (class != BABEL_COMMAND && extra_cost)
		claim.metric = metric_add(claim.metric, extra_cost);
	claim.metric = metric_add(claim.metric, steering);
	/* What is said in one byte is what is meant (R9). */
	if (class != BABEL_TEXT && s->n->link->config.is_thin)
		claim.metric = log_decode(log_encode(claim.metric));
	return claim;
}

void news_wanted(const struct session *s, const struct destination *d, const struct claim claims[BABEL_CLASSES],
	struct claim want[BABEL_CLASSES])
{
	struct babel_verdict policy = wanted_policy(s, d);
	uint16_t steering = update_steering(d, s->n->link);

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		want[c] = policy.accept ? wanted_of_class(s, d, c, claims[c], policy.extra_cost, steering)
					: (struct claim){ .metric = BABEL_INFINITY };
}

/* --- is it news? ---------------------------------------------------------------------- */

/* By less no route is chosen. */
static bool is_off_by_little(uint16_t told, uint16_t want)
{
	return (want > told ? want - told : told - want) < METRIC_LEAST;
}

/*
 * Would the neighbour come by us? What it announces itself is what it has, and not
 * by us; ours is nothing to it while that is a quarter better. Once it does come by
 * us it takes back what it announced, and is told how long the way is. Two in three
 * of what is said of metrics would be for those.
 */
static bool is_of_use(const struct session *s, const struct destination *d, enum babel_class class, uint16_t metric)
{
	const struct route *its = route_find(d, s->n);
	uint16_t cost = s->n->cost[class], refmetric = its ? its->variants[class].claim.metric : BABEL_INFINITY;

	if (refmetric == BABEL_INFINITY || cost == BABEL_INFINITY || s->n->is_dormant)
		return true;
	return ((uint32_t)metric + cost) * 4 < (uint32_t)refmetric * 5;
}

/* Of command a loss costs two seconds, and a few dozen Hellos tell what is lost to a factor of two: less is noise, on
 * any link, and would be the larger part of what is said in peace. On a thin link a metric that is told at every
 * quarter would keep the neighbour's table from ever being in step. */
static bool is_told_coarsely(const struct session *s, enum babel_class class)
{
	return class == BABEL_COMMAND || s->n->link->config.is_thin;
}

/* What a metric is to the neighbour: it goes by the cost of the link as well. Behind a radio by which all costs
 * thousands it chooses nothing else because ten have become five hundred. */
static uint16_t as_it_comes(const struct session *s, enum babel_class class, uint16_t metric)
{
	uint16_t cost = s->n->cost[class];

	return cost == BABEL_INFINITY ? metric : metric_add(metric, cost);
}

/* A metric that is told late does no harm (R9). */
bool news_has_moved(
	const struct session *s, const struct destination *d, enum babel_class class, uint16_t told, uint16_t want)
{
	uint16_t was = as_it_comes(s, class, told), is = as_it_comes(s, class, want);

	if (is_off_by_little(told, want) || !metric_has_moved(was, is))
		return false;
	return metric_has_doubled(was, is) ||
	       (!is_told_coarsely(s, class) && is_of_use(s, d, class, told < want ? told : want));
}

static bool metric_is_left_behind(const struct session *s, enum babel_class class, uint16_t told, uint16_t want)
{
	uint16_t was = as_it_comes(s, class, told), is = as_it_comes(s, class, want);

	if (s->n->link->config.is_thin)
		return metric_change_is_significant(was, is);
	return class == BABEL_COMMAND ? metric_has_moved(was, is) : metric_has_drifted(was, is);
}

bool news_has_drifted(
	const struct session *s, const struct destination *d, enum babel_class class, uint16_t told, uint16_t want)
{
	return metric_is_left_behind(s, class, told, want) && !is_off_by_little(told, want) &&
	       is_of_use(s, d, class, told < want ? told : want);
}

bool news_is_due(const struct session *s, const struct destination *d, enum babel_class class, const struct claim *told,
	const struct claim *want, enum commit why)
{
	bool was_finite = told && told->metric != BABEL_INFINITY;

	if (want->metric == BABEL_INFINITY)
		return was_finite || (told && why == COMMIT_FORCED);
	if (!was_finite || why == COMMIT_FORCED || !router_id_equal(&want->origin, &told->origin))
		return true;
	if (why == COMMIT_DRIFTED)
		return news_has_drifted(s, d, class, told->metric, want->metric);
	return why == COMMIT_SETTLED && news_has_moved(s, d, class, told->metric, want->metric);
}

/* What became of what the neighbour was told. Reached by another origin now, it may be through the neighbour itself,
 * which may have turned to us at the same moment: no feasibility distance of one origin tells of the other's, and
 * until one of the two hears of it packets go round between them. */
enum news news_kind(const struct claim *told, const struct claim *now)
{
	if (!told || told->metric == BABEL_INFINITY)
		return NEWS_LITTLE;
	if (now->metric == BABEL_INFINITY)
		return NEWS_LOSS;
	return router_id_equal(&now->origin, &told->origin) ? NEWS_LITTLE : NEWS_ORIGIN;
}
