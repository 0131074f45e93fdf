/*
 * Drawing worlds and breaking them. Each fault is one that links, people and
 * power supplies cause; they come at random times and overlap.
 */
#include "tests/property/routing_worlds/broken.h"
#include "tests/property/routing_worlds/world.h"

static enum mutant broken; /* of the world that lives */

bool broken_keeps_routes(void)
{
	return broken == MUTANT_KEEP;
}

bool broken_forgets_sources(void)
{
	return broken == MUTANT_NO_PIN;
}

static unsigned any_node(struct world *w)
{
	return (unsigned)prng_below(&w->prng, w->node_count);
}

static unsigned any_segment(struct world *w)
{
	return (unsigned)prng_below(&w->prng, w->segment_count);
}

/* --- links ----------------------------------------------------------------------------- */

/* The dearest path through all nodes stays below infinity. */
static uint16_t draw_rxcost(struct world *w, enum babel_cost_kind kind)
{
	return (uint16_t)world_between(w, 1, kind == BABEL_COST_ETX ? 600 : 1500);
}

static struct babel_link_config draw_link_config(struct world *w, const struct segment *s)
{
	static const uint16_t hellos_cs[] = { 50, 100, 100, 200 };
	struct babel_link_config c = { .name = "world", .mtu = WORLD_PACKET, .rxcost = 96 };

	c.cost = world_chance(w, 400) ? BABEL_COST_ETX : BABEL_COST_2_OUT_OF_3;
	if (c.cost == BABEL_COST_ETX)
		c.rxcost = 256;
	if (world_chance(w, 400))
		c.rxcost = draw_rxcost(w, c.cost);
	c.hello_interval_cs = hellos_cs[prng_below(&w->prng, 4)];
	/* Only owners with sessions say who has restarted. */
	if (w->sessions && world_chance(w, 500))
		c.idle_interval_cs = (uint16_t)(c.hello_interval_cs * world_between(w, 1, 5));
	c.update_interval_cs = (uint16_t)(c.hello_interval_cs * world_between(w, 3, 8) * (w->is_quiet ? 6 : 1));
	c.dead_misses = world_chance(w, 500) ? (unsigned)world_between(w, 2, 5) : 0;
	c.mtu = world_chance(w, 300) ? 512 : 1400;
	/* On a shared medium not all hear the same. */
	c.split_horizon = !s->is_shared && world_chance(w, 300);
	c.has_ipv4 = world_chance(w, 500);
	c.rtt = world_chance(w, 400);
	c.rtt_min_us = 10000;
	c.rtt_max_us = 120000;
	c.rtt_max_penalty = 150;
	c.needs_ack = world_chance(w, 500);
	/* Not drawn: worlds stay what they were. */
	c.is_thin = ((w->seed + (uint64_t)(s - w->segments)) * UINT64_C(0x9e3779b97f4a7c15) >> 60) < 6;
	c.packet_max = c.is_thin ? 320 : 0;
	c.rate_bps = world_chance(w, 200) ? 100000 : world_chance(w, 500) ? UINT64_C(100000000) : 1000000000;
	return c;
}

/* What a segment does to packets. No packet may be so late that its update
 * outlives the hold time that its sender counts on (half an interval, B). */
static void segment_draw_manner(struct world *w, struct segment *s)
{
	uint64_t interval_us = s->config.update_interval_cs * 10 * MILLISECOND;

	s->delay_us = world_chance(w, 100) ? 270 * MILLISECOND : world_between(w, 100, 50 * MILLISECOND);
	s->jitter_us = world_chance(w, 300) ? world_between(w, 0, 60 * MILLISECOND) : s->delay_us / 10;
	s->loss_permille = world_chance(w, 500) ? 0 : (unsigned)world_between(w, 0, world_chance(w, 100) ? 500 : 200);
	s->double_permille = world_chance(w, 300) ? (unsigned)world_between(w, 0, 100) : 0;
	s->late_permille = world_chance(w, 300) ? (unsigned)world_between(w, 0, 100) : 0;
	s->late_us = interval_us < 16 * A_SECOND ? interval_us / 8 : 2 * A_SECOND; /* within STRAY_US */
}

static unsigned segment_new(struct world *w, bool is_shared)
{
	struct segment *s = &w->segments[w->segment_count];

	s->is_shared = is_shared;
	s->config = draw_link_config(w, s);
	s->is_open = !w->sessions || (w->is_quick && world_chance(w, 400));
	if (s->is_open)
		s->config.idle_interval_cs = 0; /* in the clear nobody says who has restarted */
	segment_draw_manner(w, s);
	return w->segment_count++;
}

static void segment_join(struct world *w, unsigned segment, unsigned node)
{
	w->nodes[node].joined |= UINT64_C(1) << segment;
	w->nodes[node].with_carrier |= UINT64_C(1) << segment;
}

static void world_cable(struct world *w, unsigned a, unsigned b)
{
	if (a == b || w->segment_count == WORLD_SEGMENTS)
		return;
	unsigned s = segment_new(w, false);

	segment_join(w, s, a);
	segment_join(w, s, b);
}

/* A tree, so that all are connected, and cables and media on top of it. */
static void world_draw_graph(struct world *w)
{
	unsigned extra = (unsigned)world_between(w, 0, w->node_count);

	for (unsigned i = 1; i < w->node_count; i++)
		world_cable(w, i, (unsigned)prng_below(&w->prng, i));
	for (unsigned k = 0; k < extra; k++) {
		unsigned a = any_node(w);

		world_cable(w, a, any_node(w));
		if (world_chance(w, 150))
			world_cable(w, a, (a + 1) % w->node_count);
	}
	for (uint64_t k = world_between(w, 0, 2); k > 0; k--) {
		unsigned s = segment_new(w, true);

		for (uint64_t members = world_between(w, 3, 5); members > 0; members--)
			segment_join(w, s, any_node(w));
	}
}

/* --- prefixes --------------------------------------------------------------------------------- */

static void prefix_add(struct world *w, const char *prefix, const char *probe, unsigned node)
{
	unsigned p = w->prefix_count++;

	assert(p < WORLD_PREFIXES);
	assert(prefix_parse(&w->prefixes[p], prefix) == 0);
	assert(address_parse(&w->probes[p], probe) == 0);
	w->nodes[node].own |= UINT64_C(1) << p;
	/* The same prefix from two origins. */
	if (world_chance(w, 200))
		w->nodes[any_node(w)].own |= UINT64_C(1) << p;
}

static void world_draw_prefixes(struct world *w)
{
	char prefix[PREFIX_TEXT], probe[ADDRESS_TEXT];

	if (world_chance(w, 600))
		prefix_add(w, "fd00:aa::/48", "fd00:aa:0:ffff::1", any_node(w));
	if (world_chance(w, 200))
		prefix_add(w, "::/0", "2001:db8::1", any_node(w));
	if (world_chance(w, 300))
		prefix_add(w, "10.0.0.0/16", "10.0.255.1", any_node(w));
	for (unsigned i = 0; i < w->node_count; i++) {
		if (world_chance(w, 500)) {
			snprintf(prefix, sizeof(prefix), "fd00:aa:0:%x::/64", i + 1);
			snprintf(probe, sizeof(probe), "fd00:aa:0:%x::1", i + 1);
		} else {
			/* Its router-id is in the address: the R flag. */
			snprintf(probe, sizeof(probe), "fd00:bb::200:0:0:%x", i + 1);
			snprintf(prefix, sizeof(prefix), "%s/128", probe);
		}
		prefix_add(w, prefix, probe, i);
		if (!world_chance(w, 250))
			continue;
		snprintf(prefix, sizeof(prefix), "10.0.%u.0/24", i + 1);
		snprintf(probe, sizeof(probe), "10.0.%u.1", i + 1);
		prefix_add(w, prefix, probe, i);
	}
}

static void world_order_covers(struct world *w)
{
	for (unsigned probe = 0; probe < w->prefix_count; probe++)
		for (int plen = 128; plen >= 0; plen--)
			for (unsigned p = 0; p < w->prefix_count; p++)
				if (w->prefixes[p].plen == plen &&
					prefix_contains_address(&w->prefixes[p], &w->probes[probe]))
					w->covers[probe][w->cover_count[probe]++] = (uint8_t)p;
}

/* --- faults ------------------------------------------------------------------------------------- */

static void each_member(struct world *w, unsigned segment, void (*what)(struct node *n, unsigned segment), bool carrier)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		struct node *n = &w->nodes[i];

		if (n->joined >> segment & 1 && (n->with_carrier >> segment & 1) == carrier)
			what(n, segment);
	}
}

/* A cut that nobody notices, and its repair. */
static void fault_cut(struct world *w)
{
	unsigned segment = any_segment(w);

	w->segments[segment].is_cut = !w->segments[segment].is_cut;
	world_trace(w, "segment %u %s", segment, w->segments[segment].is_cut ? "cut" : "healed");
}

/* A cut that takes the carrier from all, and its repair. */
static void fault_carrier(struct world *w)
{
	unsigned segment = any_segment(w);
	struct segment *s = &w->segments[segment];

	s->is_cut = !s->is_cut;
	world_trace(w, "segment %u carrier %s", segment, s->is_cut ? "lost" : "back");
	if (s->is_cut)
		each_member(w, segment, node_link_down, true);
	else
		each_member(w, segment, node_link_up, false);
}

/* One node's interface goes away and comes back. */
static void fault_interface(struct world *w)
{
	unsigned segment = any_segment(w);
	struct node *n = &w->nodes[any_node(w)];

	if (!(n->joined >> segment & 1))
		return;
	world_trace(w, "%u: interface %u flips", n->index, segment);
	if (n->with_carrier >> segment & 1)
		node_link_down(n, segment);
	else
		node_link_up(n, segment);
}

static void fault_manner(struct world *w)
{
	segment_draw_manner(w, &w->segments[any_segment(w)]);
}

/* One direction between two nodes stops, or works again. */
static void fault_one_way(struct world *w)
{
	unsigned segment = any_segment(w), a = any_node(w), b = any_node(w);

	world_trace(w, "segment %u: %u hears %u or not", segment, a, b);
	w->segments[segment].deaf[a] ^= UINT32_C(1) << b;
}

static void fault_policy(struct world *w)
{
	struct node *n = &w->nodes[any_node(w)];
	unsigned segment = any_segment(w);

	n->extra_cost[segment] = (uint16_t)world_between(w, 0, world_chance(w, 500) ? 100 : 2000);
	if (world_chance(w, 300))
		n->refuses ^= UINT64_C(1) << segment;
	world_trace(w, "%u: %s %u, extra cost %u", n->index, n->refuses >> segment & 1 ? "refuses" : "accepts", segment,
		n->extra_cost[segment]);
	if (n->b) {
		babel_refilter(n->b, node_now(n));
		node_poll(n);
	}
}

static void fault_link_config(struct world *w)
{
	unsigned segment = any_segment(w);
	struct segment *s = &w->segments[segment];

	s->config.rxcost = draw_rxcost(w, s->config.cost);
	world_trace(w, "segment %u: rxcost %u", segment, s->config.rxcost);
	for (unsigned i = 0; i < w->node_count; i++) {
		if (!(w->nodes[i].with_carrier >> segment & 1))
			continue;
		node_link_down(&w->nodes[i], segment);
		node_link_up(&w->nodes[i], segment);
	}
}

static unsigned world_slowness(const struct world *w)
{
	unsigned slowness = 1;

	for (unsigned i = 0; i < w->node_count; i++)
		if (w->nodes[i].slowness > slowness)
			slowness = w->nodes[i].slowness;
	return slowness;
}

/* How long anybody may still follow what a node said in its last life. */
static uint64_t world_hold_us(const struct world *w)
{
	uint64_t hold_us = 0;

	for (unsigned s = 0; s < w->segment_count; s++) {
		uint64_t us = w->segments[s].config.update_interval_cs * world_slowness(w) * 10 * MILLISECOND * 4;

		if (us > hold_us)
			hold_us = us;
	}
	return hold_us;
}

static void node_restart(struct node *n)
{
	struct world *w = n->w;
	uint64_t away_us =
		world_chance(w, 500) ? world_between(w, 0, 2 * A_SECOND) : world_between(w, 0, 40 * A_SECOND);

	if (!n->b)
		return;
	node_stop(n, world_chance(w, 300));
	/* Storage lost: a fresh router-id (protocol.md 6.3). */
	if (world_chance(w, 300)) {
		n->has_stored = false;
		n->id.bytes[0] = (uint8_t)world_between(w, 1, 255);
		n->id.bytes[1] = (uint8_t)world_between(w, 0, 255);
	}
	if (!w->sessions && !w->is_quick)
		away_us += world_hold_us(w);
	timer_set(&w->heap, &n->start, w->now_us + away_us);
}

static void fault_restart(struct world *w)
{
	node_restart(&w->nodes[any_node(w)]);
}

static void fault_restart_all(struct world *w)
{
	if (!world_chance(w, 150))
		return;
	for (unsigned i = 0; i < w->node_count; i++)
		node_restart(&w->nodes[i]);
}

static void fault_origin(struct world *w)
{
	struct node *n = &w->nodes[any_node(w)];
	unsigned p = (unsigned)prng_below(&w->prng, w->prefix_count);
	bool was_own = n->own >> p & 1;

	/* Mostly those that it had; seldom somebody else's. */
	if (!was_own && !world_chance(w, 300))
		return;
	n->own ^= UINT64_C(1) << p;
	world_trace(w, "%u: %s prefix %u", n->index, was_own ? "withdraws" : "originates", p);
	if (!n->b)
		return;
	if (was_own)
		assert(babel_withdraw(n->b, node_now(n), &w->prefixes[p]) == 0);
	else
		assert(babel_originate(n->b, node_now(n), &w->prefixes[p], 0) == 0);
	oracle_changed(n, p);
	node_poll(n);
}

/* A session is lost on one side and made again. */
static void fault_session(struct world *w)
{
	struct node *n = &w->nodes[any_node(w)];
	unsigned segment = any_segment(w);
	unsigned other = any_node(w);
	struct address peer = world_address(other, segment);

	if (!n->b)
		return;
	babel_neighbour_lost(n->b, node_now(n), segment, &peer);
	node_session(n, segment, other, n->known_boot[segment][other]);
	node_poll(n);
}

static void fault_stall(struct world *w)
{
	struct node *n = &w->nodes[any_node(w)];

	n->stalled_until_us = w->now_us + world_between(w, 0, 5 * A_SECOND);
	world_trace(w, "%u: sleeps until %.3f", n->index, (double)n->stalled_until_us / 1e6);
}

static const struct {
	void (*happen)(struct world *w);
	unsigned weight;
} faults[] = {
	{ fault_cut, 10 },
	{ fault_carrier, 8 },
	{ fault_interface, 4 },
	{ fault_manner, 6 },
	{ fault_one_way, 4 },
	{ fault_policy, 4 },
	{ fault_link_config, 2 },
	{ fault_restart, 4 },
	{ fault_restart_all, 1 },
	{ fault_origin, 4 },
	{ fault_session, 2 },
	{ fault_stall, 1 },
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static void fault_draw(struct world *w)
{
	unsigned total = 0;

	/* What is broken shows when processes follow each other. */
	bool is_of_restarts = w->mutant == MUTANT_KEEP || w->mutant == MUTANT_NO_GATE || w->mutant == MUTANT_NO_START;
	if (is_of_restarts && world_chance(w, 600)) {
		fault_restart(w);
		return;
	}

	for (size_t i = 0; i < FAULTS; i++)
		total += faults[i].weight;
	unsigned at = (unsigned)prng_below(&w->prng, total);
	size_t i = 0;

	while (at >= faults[i].weight)
		at -= faults[i++].weight;
	faults[i].happen(w);
}

static void fault_due(struct timer *timer, uint64_t now_us)
{
	struct world *w = container_of(timer, struct world, fault);

	w->events++;
	fault_draw(w);
	oracle_walk_all(w);
	uint64_t next_us = now_us + world_between(w, 0, 2 * w->fault_every_us);

	if (next_us < w->faults_end_us)
		timer_set(&w->heap, timer, next_us);
}

/* --- worlds ---------------------------------------------------------------------------------------- */

/* All, some or none. */
static void world_draw_speakers(struct world *w)
{
	unsigned share = world_chance(w, 400) || w->mutant >= MUTANT_KEEP ? 1000 : (unsigned)world_between(w, 0, 1000);

	bool has_classes = world_chance(w, 700) || w->mutant == MUTANT_NO_MARK;

	w->classes = has_classes ? BABEL_CLASSES : 1;

	for (unsigned i = 0; i < w->node_count; i++) {
		w->nodes[i].speaks_versions = world_chance(w, share);
		w->nodes[i].classes = has_classes && world_chance(w, 900) ? BABEL_CLASSES : 1;
	}
}

/* Mostly small and busy; some so quiet that whatever ages has aged (R8). */
static void world_draw_times(struct world *w)
{
	w->fault_every_us = world_between(w, 200 * MILLISECOND, 4 * A_SECOND);
	w->faults_end_us = w->now_us + world_between(w, 20, 60) * A_SECOND;
	w->is_quiet = world_chance(w, 50) || w->mutant == MUTANT_NO_PIN;
	if (!w->is_quiet)
		return;
	w->node_count = 3 + w->node_count % 4;
	w->fault_every_us = 100 * A_SECOND;
	w->faults_end_us = w->now_us + 1200 * A_SECOND;
}

struct world *world_new(uint64_t seed, enum mutant mutant, bool is_quick, bool trace)
{
	struct world *w = calloc(1, sizeof(*w));

	assert(w);
	w->seed = seed;
	w->mutant = mutant;
	w->trace = trace;
	prng_seed(&w->prng, seed);
	heap_init(&w->heap);
	w->now_us = A_SECOND;
	broken = mutant;
	w->sessions = world_chance(w, 700) || mutant >= MUTANT_KEEP;
	w->is_quick = is_quick;
	if (is_quick)
		w->sessions = seed % 2 == 0;
	w->alive = w->sessions && world_chance(w, 500);
	w->classes = 1;
	w->node_count = (unsigned)world_between(w, 3, world_between(w, 4, WORLD_NODES));
	world_draw_times(w);
	for (unsigned i = 0; i < w->node_count; i++)
		node_init(&w->nodes[i], w, i);
	world_draw_graph(w);
	world_draw_prefixes(w);
	if (w->sessions)
		world_draw_speakers(w);
	world_order_covers(w);
	for (unsigned i = 0; i < w->node_count; i++)
		timer_set(&w->heap, &w->nodes[i].start, w->now_us + world_between(w, 0, 3 * A_SECOND));
	timer_init(&w->fault, fault_due);
	timer_set(&w->heap, &w->fault, w->now_us + world_between(w, 0, 20 * A_SECOND));
	return w;
}

void world_calm(struct world *w)
{
	for (unsigned s = 0; s < w->segment_count; s++) {
		w->segments[s].jitter_us = 0;
		w->segments[s].loss_permille = 0;
		w->segments[s].double_permille = 0;
		w->segments[s].late_permille = 0;
	}
	for (unsigned i = 0; i < w->node_count; i++) {
		w->nodes[i].stalled_until_us = 0;
		node_poll(&w->nodes[i]);
	}
	world_trace(w, "calm");
	/* Those who are on their way back count as the last fault. */
	for (unsigned i = 0; i < w->node_count; i++)
		if (timer_is_armed(&w->nodes[i].start))
			world_run(w, w->nodes[i].start.due_us);
}

/* Slowest detection of a dead neighbour: sixteen Hellos, or three and a half IHUs
 * of three Hellos each (appendix B). */
static uint64_t world_detection_us(const struct world *w)
{
	uint64_t hello_us = 0;

	for (unsigned i = 0; i < w->segment_count; i++) {
		const struct babel_link_config *c = &w->segments[i].config;
		unsigned slowest_cs = c->idle_interval_cs ? c->idle_interval_cs : c->hello_interval_cs;

		if (slowest_cs * 10 * MILLISECOND > hello_us)
			hello_us = slowest_cs * 10 * MILLISECOND;
	}
	return 16 * hello_us * world_slowness(w);
}

/* Two round trips over the longest path, and the timeouts of requests on the way. */
uint64_t world_repair_us(const struct world *w)
{
	uint64_t delay_us = 0;

	for (unsigned i = 0; i < w->segment_count; i++)
		if (w->segments[i].delay_us > delay_us)
			delay_us = w->segments[i].delay_us;
	return 2 * 2 * w->node_count * delay_us + 8 * A_SECOND;
}

uint64_t world_reach_us(const struct world *w)
{
	return world_detection_us(w) + world_repair_us(w);
}

/* What is gone lives one hold time as a ghost where no retraction came, and is
 * held for another one after it. */
uint64_t world_bound_us(const struct world *w)
{
	return world_reach_us(w) + 2 * world_hold_us(w);
}
