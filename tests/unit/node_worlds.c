/*
 * Random worlds of whole nodes: random segments, weather, cuts, restarts, NATs.
 * While it goes on no successor graph may have a loop (node_world.h looks after
 * every event). When all faults end, every pair that is joined must reach each
 * other, losslessly.
 *
 * NODE_WORLDS_SEED=n runs one world, NODE_WORLDS=n runs so many.
 */
#include "tests/unit/node_world.h"

#define WORLDS 6
#define FAULTS 25
#define SETTLE (150 * A_SECOND)

struct plan {
	struct world *w;
	struct prng prng; /* of the story; the world draws its weather by itself */
	unsigned stations;
	unsigned segments;
	unsigned packets; /* sent on the way */
	bool member[STATIONS][SEGMENTS];
};

static uint64_t running_seed;

static unsigned draw(struct plan *p, unsigned bound)
{
	return (unsigned)prng_below(&p->prng, bound);
}

static void plan_weather(struct plan *p, bool fair)
{
	for (unsigned g = 0; g < p->segments; g++) {
		struct segment *s = &p->w->segments[g];

		s->is_cut = false;
		s->loss = fair ? 0 : draw(p, 200);
		s->jitter = fair ? 0 : draw(p, 50) * MILLISECOND;
		s->duplication = fair ? 0 : draw(p, 100);
		s->corruption = fair ? 0 : draw(p, 20);
	}
}

static void plan_join(struct plan *p, unsigned i)
{
	for (unsigned g = 0; g < p->segments; g++) {
		if (!p->member[i][g])
			continue;
		station_join(p->w, i, g);
		for (unsigned k = 0; k < p->stations && !p->w->segments[g].is_shared; k++)
			if (k != i && p->member[k][g] && !port_of(p->w, k, g)->has_nat)
				station_target(p->w, i, k, g);
	}
}

static void plan_init(struct plan *p, uint64_t seed)
{
	prng_seed(&p->prng, seed);
	p->stations = 3 + draw(p, STATIONS - 2);
	p->segments = 3 + draw(p, SEGMENTS - 2);
	p->w = world_of(seed, p->stations);
	for (unsigned i = 0; i < p->stations; i++)
		p->w->stations[i].has_disk = draw(p, 2);
	for (unsigned g = 0; g < p->segments; g++) {
		segment_make(p->w, g, draw(p, 3) > 0);
		p->w->segments[g].is_lossy = draw(p, 2);
		p->w->segments[g].delay = (1 + draw(p, 100)) * MILLISECOND;
		for (unsigned i = 0; i < p->stations; i++) {
			p->member[i][g] = draw(p, 2);
			if (p->member[i][g] && !p->w->segments[g].is_shared && draw(p, 3) == 0)
				station_behind_nat(p->w, i, g, (uint16_t)(20000 + i));
		}
	}
	for (unsigned i = 0; i < p->stations; i++)
		plan_join(p, i);
	plan_weather(p, false);
}

/* Time goes on, and packets with it. None may circle until its hop limit ends. */
static void plan_run(struct plan *p, uint64_t us)
{
	for (uint64_t until = p->w->now + us; p->w->now < until;) {
		unsigned from = draw(p, p->stations), to = draw(p, p->stations);

		if (p->w->stations[from].node)
			station_send_packet(p->w, from, &p->w->stations[from].address, &p->w->stations[to].address, 20,
				64, SEQUENCES - 1 - p->packets++);
		world_run(p->w, draw(p, 500) * MILLISECOND);
		for (unsigned i = 0; i < p->stations; i++)
			if (p->w->stations[i].node)
				assert_int_equal(counters_of(p->w, i)->drops.hop_limit, 0);
	}
}

static void plan_restart(struct plan *p, unsigned i)
{
	struct station *s = &p->w->stations[i];

	if (s->node && draw(p, 2))
		node_shutdown(s->node, p->w->now);
	if (s->node)
		station_kill(p->w, i);
	if (draw(p, 4) == 0)
		s->has_stored_seqno = false;
	plan_run(p, draw(p, 5000) * MILLISECOND);
	station_start(p->w, i);
	plan_join(p, i);
}

static void plan_fault(struct plan *p)
{
	unsigned i = draw(p, p->stations), g = draw(p, p->segments);
	struct segment *s = &p->w->segments[g];

	switch (draw(p, 6)) {
	case 0:
	case 1:
		s->is_cut = !s->is_cut;
		break;
	case 2:
		plan_restart(p, i);
		break;
	case 3:
		if (p->member[i][g]) {
			node_link_set_up(p->w->stations[i].node, p->w->now, g, draw(p, 2));
			station_poll(&p->w->stations[i]);
		}
		break;
	case 4:
		if (p->member[i][g] && port_of(p->w, i, g)->has_nat)
			station_behind_nat(p->w, i, g, (uint16_t)(30000 + draw(p, 20000)));
		break;
	default:
		plan_weather(p, false);
	}
}

/* Who is joined to whom when nothing is broken: the transitive closure of shared segments. */
static void plan_closure(const struct plan *p, bool joined[STATIONS][STATIONS])
{
	for (unsigned i = 0; i < p->stations; i++) {
		for (unsigned k = 0; k < p->stations; k++) {
			joined[i][k] = i == k;
			for (unsigned g = 0; g < p->segments; g++)
				if (p->member[i][g] && p->member[k][g] &&
					(p->w->segments[g].is_shared || !p->w->stations[i].ports[g].has_nat ||
						!p->w->stations[k].ports[g].has_nat))
					joined[i][k] = true;
		}
	}
	for (unsigned via = 0; via < p->stations; via++)
		for (unsigned i = 0; i < p->stations; i++)
			for (unsigned k = 0; k < p->stations; k++)
				joined[i][k] |= joined[i][via] && joined[via][k];
}

static void route_print(void *arg, const struct babel_route_info *info)
{
	const struct prefix *wanted = arg;
	const struct babel_route *r = &info->route;
	char text[PREFIX_TEXT], hop[ADDRESS_TEXT];

	if (prefix_equal(&r->prefix, wanted))
		print_message("  %s seqno %u refmetric %u metric %u link %u by %s%s%s%s\n",
			prefix_format(&r->prefix, text), r->seqno, info->refmetric, r->metric, r->link,
			address_format(&r->neighbour, hop), info->selected ? " selected" : "",
			info->feasible ? " feasible" : "", info->held ? " held" : "");
}

static void plan_tell(const struct plan *p, unsigned to)
{
	struct prefix wanted = prefix_of_host(p->w->stations[to].address);

	for (unsigned i = 0; i < p->stations; i++) {
		const struct babel *b = node_babel(p->w->stations[i].node);
		uint16_t seqno = 0, metric = 0;

		babel_feasibility_distance(b, &wanted, BABEL_TEXT, &p->w->stations[to].node->rid, &seqno, &metric);
		print_message("%u: own seqno %u, feasibility distance %u, %u\n", i, babel_own_seqno(b), seqno, metric);
		babel_dump_routes(b, p->w->now, BABEL_TEXT, route_print, &wanted);
	}
}

static void plan_check(struct plan *p)
{
	bool joined[STATIONS][STATIONS];

	plan_closure(p, joined);
	for (unsigned i = 0; i < p->stations; i++) {
		for (unsigned k = 0; k < p->stations; k++) {
			if (i == k)
				continue;
			if (reaches(p->w, i, k) != joined[i][k])
				plan_tell(p, k);
			if (reaches(p->w, i, k) != joined[i][k])
				fail_msg("%u %s reach %u", i, joined[i][k] ? "does not" : "should not", k);
			if (joined[i][k])
				assert_int_equal(world_flow(p->w, i, k, 100 * i, 5, 10 * MILLISECOND), 0);
		}
	}
}

static void world_of_seed(uint64_t seed)
{
	struct plan p = { 0 };

	running_seed = seed;
	plan_init(&p, seed);
	for (unsigned i = 0; i < FAULTS; i++) {
		plan_run(&p, draw(&p, 15000) * MILLISECOND);
		plan_fault(&p);
	}
	plan_weather(&p, true);
	for (unsigned i = 0; i < p.stations; i++)
		for (unsigned g = 0; g < p.segments; g++)
			if (p.member[i][g])
				node_link_set_up(p.w->stations[i].node, p.w->now, g, true);
	world_run(p.w, SETTLE);
	plan_check(&p);
	for (unsigned i = 0; i < p.stations; i++)
		assert_int_equal(p.w->stations[i].twice, 0);
	world_free(p.w);
	running_seed = 0;
}

static void every_joined_pair_works_when_faults_end__protocol_7_2_B(void **state)
{
	const char *one = getenv("NODE_WORLDS_SEED"), *count = getenv("NODE_WORLDS");
	uint64_t worlds = count ? strtoull(count, NULL, 10) : WORLDS;

	(void)state;
	if (one) {
		world_of_seed(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= worlds; seed++)
		world_of_seed(seed);
}

static int teardown(void **state)
{
	(void)state;
	if (running_seed)
		print_message("replay: NODE_WORLDS_SEED=%llu build/release/unit/node_worlds\n",
			(unsigned long long)running_seed);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_joined_pair_works_when_faults_end__protocol_7_2_B, teardown),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
