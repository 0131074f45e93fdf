/* Worlds in virtual time: the same again from the same seed; what links, power, NAT boxes and the oracle do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/trial.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PAIR(link) "for: 40\nnodes: [{name: a}, {name: b}]\nlinks:\n  - " link "\n"
#define RADIO PAIR("{name: l, preset: mesh-radio, ends: [a:r0, b:r0]}")
#define WIRE PAIR("{name: l, preset: fibre, ends: [a:f0, b:f0]}")
#define SATELLITE PAIR("{name: l, preset: geo-satellite, fade: none, ends: [a:s0, b:s0]}")

struct run {
	struct plan *plan;
	struct trial *trial;
	struct world *w;
	struct station *a, *b;
	struct segment *l;
};

static struct run run_begin(const char *yaml, uint64_t seed)
{
	char error[PLAN_ERROR_MAX];
	struct run r = { .plan = plan_parse("test", bytes_of(yaml, strlen(yaml)), error) };

	if (!r.plan)
		fail_msg("%s", error);
	r.trial = trial_new(r.plan, seed, NULL);
	assert_non_null(r.trial);
	r.w = r.trial->world;
	r.a = station_find(r.w, "a");
	r.b = station_find(r.w, "b");
	r.l = segment_find(r.w, "l");
	return r;
}

static void run_end(struct run *r)
{
	trial_free(r->trial);
	plan_free(r->plan);
}

static void run_until(struct run *r, double s)
{
	world_run(r->w, WORLD_START_US + (uint64_t)(s * 1e6));
}

static void digest_of(const char *yaml, uint64_t seed, uint8_t digest[WORLD_DIGEST_LEN])
{
	struct run r = run_begin(yaml, seed);

	trial_run(r.trial, NULL);
	assert_true(r.w->events > 100);
	world_digest(r.w, digest);
	run_end(&r);
}

static void the_same_seed_is_the_same_run(void **state)
{
	uint8_t first[WORLD_DIGEST_LEN], again[WORLD_DIGEST_LEN], other[WORLD_DIGEST_LEN];

	(void)state;
	digest_of(RADIO, 1, first);
	digest_of(RADIO, 1, again);
	digest_of(RADIO, 2, other);
	assert_memory_equal(first, again, sizeof(first));
	assert_memory_not_equal(first, other, sizeof(first));
}

static void a_wire_tells_of_its_cut_and_a_radio_does_not(void **state)
{
	struct run wire = run_begin(WIRE, 1), radio = run_begin(RADIO, 1);

	(void)state;
	run_until(&wire, 10);
	run_until(&radio, 10);
	assert_true(station_reaches(wire.a, wire.b) && station_reaches(radio.a, radio.b));
	segment_set_state(wire.l, LINK_CUT);
	segment_set_state(radio.l, LINK_SILENT);
	run_until(&wire, 10.11);
	run_until(&radio, 10.11);
	assert_false(station_reaches(wire.a, wire.b));
	assert_true(station_reaches(radio.a, radio.b));
	run_until(&radio, 12);
	assert_false(station_reaches(radio.a, radio.b));
	segment_set_state(wire.l, LINK_UP);
	run_until(&wire, 15);
	assert_true(station_reaches(wire.a, wire.b));
	run_end(&wire);
	run_end(&radio);
}

/* A frame takes 270 ms; what is on its way when the link falls silent is lost with it. */
static void frames_in_flight_are_lost_with_the_link(void **state)
{
	struct run r = run_begin(SATELLITE, 1);

	(void)state;
	run_until(&r, 20);
	assert_true(station_reaches(r.a, r.b));
	assert_true(r.a->arrivals.count + r.b->arrivals.count > 0);
	uint64_t lost = segment_traffic(r.l).lost_frames, frames = segment_traffic(r.l).frames;
	while (segment_traffic(r.l).frames == frames)
		run_until(&r, (double)(world_time_us(r.w) + 10000) / 1e6);
	segment_set_state(r.l, LINK_SILENT);
	segment_set_state(r.l, LINK_UP);
	uint64_t until_us = world_time_us(r.w) + 300000;
	run_until(&r, (double)until_us / 1e6);
	assert_true(segment_traffic(r.l).lost_frames > lost);
	run_end(&r);
}

static void power_off_forgets_all_but_the_disk(void **state)
{
	struct run r = run_begin(RADIO, 1);

	(void)state;
	run_until(&r, 10);
	assert_true(r.b->has_seqno);
	assert_int_equal(r.b->certificate_count, 1);
	station_power_off(r.b);
	assert_null(r.b->node);
	run_until(&r, 15);
	assert_false(station_reaches(r.a, r.b));
	station_power_on(r.b);
	run_until(&r, 25);
	assert_true(station_reaches(r.a, r.b) && station_reaches(r.b, r.a));
	station_power_off(r.b);
	station_wipe(r.b);
	assert_false(r.b->has_seqno);
	station_power_on(r.b);
	run_until(&r, 38);
	assert_true(station_reaches(r.a, r.b) && station_reaches(r.b, r.a));
	run_end(&r);
}

static struct endpoint seen_at(const struct station *by, const struct station *who)
{
	struct node_peer_info info;

	assert_true(node_find_peer(by->node, 0, &who->neighbour_address, &info));
	return info.endpoint;
}

/* The terminal calls; nobody can call it. After a rebinding the city hears it from elsewhere. */
static void a_nat_box_gives_new_ports_and_the_session_goes_on(void **state)
{
	struct run r = run_begin(SATELLITE, 1);

	(void)state;
	assert_non_null(r.l->ends[0].port->nat);
	assert_null(r.l->ends[1].port->nat);
	run_until(&r, 20);
	assert_true(station_has_session(r.b, 0, r.a));
	struct endpoint before = seen_at(r.b, r.a);
	run_until(&r, 30);
	struct endpoint still = seen_at(r.b, r.a);
	assert_true(endpoint_equal(&before, &still));
	segment_forget_flows(r.l, r.a);
	run_until(&r, 34);
	struct endpoint after = seen_at(r.b, r.a);
	assert_false(endpoint_equal(&before, &after));
	assert_true(station_reaches(r.a, r.b) && station_reaches(r.b, r.a));
	run_end(&r);
}

/* --- what happens to nodes -------------------------------------------------------------- */

#define EVENT(order) "events: [{at: 20, do: " order "}]\n"

/* Without a word the others find out by silence, after more than a second; told, at once. */
static void who_leaves_takes_its_routes_back(void **state)
{
	struct run off = run_begin(RADIO EVENT("power-off b"), 1), leave = run_begin(RADIO EVENT("leave b"), 1);
	struct prefix match;

	(void)state;
	run_until(&off, 20.1);
	run_until(&leave, 20.1);
	assert_null(off.b->node);
	assert_null(leave.b->node);
	assert_int_equal(node_lookup(off.a->node, &off.b->address, &match), NODE_VERDICT_ROUTE);
	assert_int_not_equal(node_lookup(leave.a->node, &leave.b->address, &match), NODE_VERDICT_ROUTE);
	run_end(&off);
	run_end(&leave);
}

static void a_replaced_device_has_the_old_name_and_prefix_and_new_keys(void **state)
{
	struct run r = run_begin("for: 60\nnodes: [{name: a}, {name: b, prefixes: [10.9.0.0/16]}]\nlinks:\n"
				 "  - {name: l, preset: mesh-radio, ends: [a:r0, b:r0]}\n" EVENT("replace b"),
		1);
	struct address host, before = r.b->address;
	struct prefix match;

	(void)state;
	assert_int_equal(address_parse(&host, "10.9.1.1"), 0);
	run_until(&r, 19);
	assert_true(station_reaches(r.a, r.b));
	run_until(&r, 50);
	assert_false(address_equal(&before, &r.b->address));
	assert_true(station_reaches(r.a, r.b));
	assert_int_equal(node_lookup(r.a->node, &host, &match), NODE_VERDICT_ROUTE);
	assert_int_not_equal(node_lookup(r.a->node, &before, &match), NODE_VERDICT_ROUTE);
	assert_string_equal(r.b->enrolment.certificate.name, "b");
	assert_int_equal(r.w->loops, 0);
	run_end(&r);
}

/* What the old device sealed is still on its way, for 270 ms, and is no breach. */
static void what_a_replaced_device_said_last_is_still_heard(void **state)
{
	struct run r = run_begin(SATELLITE "flows: [{name: f, from: b, to: a, start: 15, end: 25, every: 20ms}]\n"
					   "events: [{at: 20, do: replace b}]\n",
		1);

	(void)state;
	run_until(&r, 20);
	uint32_t received = r.trial->flows[0].received;
	run_until(&r, 20.27);
	assert_true(r.trial->flows[0].received > received);
	run_until(&r, 39);
	assert_null(world_breach(r.w));
	run_end(&r);
}

static void a_battery_drains_charges_and_takes_its_node_along(void **state)
{
	struct run r =
		run_begin("for: 200\nnodes: [{name: a, battery: 20s}, {name: b, power: battery, battery: 100s}]\n"
			  "links:\n  - {name: l, preset: mesh-radio, ends: [a:r0, b:r0]}\nevents:\n"
			  "  - {at: 10, do: mains-off a}\n  - {at: 40, do: mains-on a}\n"
			  "  - {at: 45, do: mains-off a}\n  - {at: 60, do: mains-on a}\n"
			  "  - {at: 120, do: power-on b}\n",
			1);

	(void)state;
	run_until(&r, 29.9);
	assert_non_null(r.a->node);
	run_until(&r, 30.1);
	assert_null(r.a->node);
	run_until(&r, 40.1);
	assert_non_null(r.a->node); /* it starved: it comes back with the mains */
	run_until(&r, 49.9);
	assert_non_null(r.a->node);
	run_until(&r, 50.1);
	assert_null(r.a->node); /* five seconds were charged */
	run_until(&r, 99.9);
	assert_non_null(r.a->node);
	assert_non_null(r.b->node);
	run_until(&r, 100.1);
	assert_null(r.b->node);
	run_until(&r, 199.9);
	assert_non_null(r.b->node); /* a full one was brought */
	run_end(&r);
}

static void who_was_switched_off_stays_off_when_the_mains_return(void **state)
{
	struct run r = run_begin(RADIO "events:\n  - {at: 10, do: mains-off a}\n  - {at: 11, do: mains-off b}\n"
				       "  - {at: 12, do: power-off a}\n  - {at: 20, do: mains-on a}\n"
				       "  - {at: 20, do: mains-on b}\n",
		1);

	(void)state;
	run_until(&r, 15);
	assert_null(r.a->node);
	assert_null(r.b->node); /* has no battery */
	run_until(&r, 25);
	assert_null(r.a->node);
	assert_non_null(r.b->node);
	run_end(&r);
}

/* protocol.md 5: a clock without proof ends no certificate, whatever it says. */
static void only_a_trusted_clock_ends_a_certificate(void **state)
{
	static const struct {
		const char *order;
		bool is_reached;
	} cases[] = { { "clock a 2040-01-01", true }, { "clock a 1970-01-01", true },
		{ "clock a 2026-01-01 trusted", true }, { "clock a 2040-01-01 trusted", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char yaml[512];

		snprintf(yaml, sizeof(yaml),
			"for: 60\nnodes: [{name: a}, {name: b, expires: 2030-01-01}]\nlinks:\n"
			"  - {name: l, preset: mesh-radio, ends: [a:r0, b:r0]}\nevents:\n"
			"  - {at: 10, do: %s}\n  - {at: 20, do: power-off a}\n  - {at: 21, do: power-on a}\n",
			cases[i].order);
		struct run r = run_begin(yaml, 1);

		run_until(&r, 19);
		assert_true(station_reaches(r.a, r.b)); /* time goes on for who runs */
		run_until(&r, 50);
		assert_non_null(r.a->node);
		assert_int_equal(station_reaches(r.a, r.b), cases[i].is_reached);
		run_end(&r);
	}
}

static void who_knows_its_certificate_to_be_over_does_not_start(void **state)
{
	struct run r = run_begin("for: 60\nnodes: [{name: a}, {name: b, expires: 2030-01-01}]\nlinks:\n"
				 "  - {name: l, preset: mesh-radio, ends: [a:r0, b:r0]}\nevents:\n"
				 "  - {at: 10, do: clock b 2030-01-02 trusted}\n  - {at: 20, do: power-off b}\n"
				 "  - {at: 21, do: power-on b}\n  - {at: 30, do: wipe b}\n"
				 "  - {at: 31, do: clock b 1970}\n  - {at: 32, do: power-on b}\n",
		1);

	(void)state;
	run_until(&r, 19);
	assert_non_null(r.b->node);
	run_until(&r, 25);
	assert_null(r.b->node);
	run_until(&r, 40);
	assert_non_null(r.b->node); /* it knows nothing any more */
	run_end(&r);
}

/* --- places ----------------------------------------------------------------------------- */

#define APART(rest)                                                                                                    \
	"for: 100\nnodes:\n  - {name: a, position: [0, 0]}\n  - {name: b, position: [3km, 0]" rest "}\nlinks:\n"       \
	"  - {name: l, preset: mesh-radio, range: 4km, ends: [a:r0, b:r0]}\n"

static bool reaches_by(struct run *r, unsigned from_s, unsigned to_s)
{
	bool has_reached = false;

	for (unsigned s = from_s; s <= to_s && !has_reached; s++) {
		run_until(r, s);
		has_reached = station_reaches(r->a, r->b);
	}
	return has_reached;
}

static void a_jammer_takes_the_radios_in_its_circle_for_its_time(void **state)
{
	struct run near = run_begin(APART("") "events: [{at: 20, do: jam l for 20s at 4km 0 within 1km}]\n", 1);
	struct run far = run_begin(APART("") "events: [{at: 20, do: jam l for 20s at 5km 0 within 1km}]\n", 1);
	struct run kind = run_begin(APART("") "events: [{at: 20, do: jam mesh-radio for 20s}]\n", 1);

	(void)state;
	/* At this range they lose each other now and then anyway. */
	run_until(&near, 35);
	run_until(&kind, 35);
	assert_false(station_reaches(near.a, near.b));
	assert_true(reaches_by(&far, 30, 39));
	assert_false(station_reaches(kind.a, kind.b));
	assert_false(link_model_hears(&near.l->model, 0, 1));
	assert_true(link_model_hears(&near.l->model, 1, 0));
	assert_true(reaches_by(&near, 41, 60));
	run_end(&near);
	run_end(&far);
	run_end(&kind);
}

static void an_order_for_a_preset_is_for_all_its_links(void **state)
{
	struct run r = run_begin("for: 40\nnodes: [{name: a}, {name: b}]\nlinks:\n"
				 "  - {name: l, preset: mesh-radio, ends: [a:r0, b:r0]}\n"
				 "  - {name: m, preset: fibre, ends: [a:f0, b:f0]}\n"
				 "  - {name: n, preset: mesh-radio, ends: [a:r1, b:r1]}\nevents:\n"
				 "  - {at: 10, do: silence mesh-radio}\n  - {at: 20, do: restore mesh-radio}\n"
				 "  - {at: 30, do: set mesh-radio delay=9ms}\n",
		1);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		run_until(&r, 15 + 10 * i);
		assert_int_equal(r.w->segments[0]->model.state, i == 0 ? LINK_SILENT : LINK_UP);
		assert_int_equal(r.w->segments[1]->model.state, LINK_UP);
		assert_int_equal(r.w->segments[2]->model.state, i == 0 ? LINK_SILENT : LINK_UP);
	}
	assert_int_equal(r.w->segments[0]->params[0].delay_us, 9000);
	assert_int_equal(r.w->segments[1]->params[0].delay_us, 2000);
	assert_int_equal(r.w->segments[2]->params[1].delay_us, 9000);
	run_end(&r);
}

/* 50 m a second: at 4 km after 20 s. */
static void radios_lose_each_other_at_their_range_and_find_each_other_again(void **state)
{
	struct run r =
		run_begin(APART(", mobility: [{leave: 10, to: [5km, 0], speed: 180km/h}, {leave: 60, to: [3km, 0], "
				"speed: 180km/h}]"),
			1);

	(void)state;
	run_until(&r, 29);
	assert_true(link_model_hears(&r.l->model, 0, 1)); /* 3.95 km */
	run_until(&r, 40); /* nobody speaks: an idle neighbour is missed after 7 s */
	assert_false(link_model_hears(&r.l->model, 0, 1));
	assert_false(station_reaches(r.a, r.b));
	run_until(&r, 79);
	assert_false(link_model_hears(&r.l->model, 0, 1)); /* 4.05 km on the way back */
	run_until(&r, 81);
	assert_true(link_model_hears(&r.l->model, 0, 1));
	run_until(&r, 99);
	assert_true(station_reaches(r.a, r.b));
	run_end(&r);
}

static void who_is_moved_is_there(void **state)
{
	struct run r = run_begin(APART(", power: off") "events:\n  - {at: 10, do: move b 40km 0}\n"
						       "  - {at: 20, do: arrive b 1km 0}\n"
						       "  - {at: 30, do: move b 11km 0 by 40}\n"
						       "  - {at: 60, do: move b 1km 0 at 3600km/h}\n",
		1);
	const double at_m[][2] = { { 5, 3000 }, { 15, 40000 }, { 25, 1000 }, { 35.5, 6000 }, { 45, 11000 },
		{ 64, 7000 }, { 71, 1000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(at_m) / sizeof(at_m[0]); i++) {
		run_until(&r, at_m[i][0]);
		assert_true(r.trial->places[1].at.x_m == at_m[i][1]);
		assert_int_equal(r.b->node != NULL, at_m[i][0] > 20);
	}
	run_end(&r);
}

/* --- the oracle can fail --------------------------------------------------------------- */

static struct station *each_other(
	const struct station *s, const struct prefix *prefix, enum packet_class *class, unsigned *link)
{
	struct world *w = s->w;

	(void)prefix;
	(void)class;
	*link = 0;
	return w->stations[(s->index + 1) % w->station_count];
}

static void a_loop_is_found_and_told_in_words(void **state)
{
	char failure[PLAN_ERROR_MAX];
	struct run r = run_begin(RADIO, 1);

	(void)state;
	r.w->successor = each_other;
	run_until(&r, 10);
	assert_true(r.w->looks > 0);
	assert_int_equal(r.w->loops, r.w->looks);
	assert_non_null(strstr(r.w->loop, " goes "));
	assert_non_null(strstr(r.w->loop, "a > b > a"));
	assert_false(trial_is_passed(r.trial));
	assert_true(trial_failure(r.trial, failure));
	assert_int_equal(strncmp(failure, "no loop: at ", 12), 0);
	run_end(&r);
}

/* Each on to the other, but a packet that fell to the base, which is for the host. */
static struct station *commands_to_each_other(
	const struct station *s, const struct prefix *prefix, enum packet_class *class, unsigned *link)
{
	return *class == CLASS_COMMAND ? each_other(s, prefix, class, link) : NULL;
}

/* A command falls at b and is lifted at a. */
static struct station *lifted_again(
	const struct station *s, const struct prefix *prefix, enum packet_class *class, unsigned *link)
{
	*class = s->index ? CLASS_TEXT : CLASS_COMMAND;
	return each_other(s, prefix, class, link);
}

static void a_loop_of_one_class_is_found_and_told_with_it(void **state)
{
	struct run r = run_begin(RADIO, 1);

	(void)state;
	r.w->successor = commands_to_each_other;
	run_until(&r, 10);
	assert_true(r.w->loops > 0 && r.w->loops < r.w->looks);
	assert_non_null(strstr(r.w->loop, " goes as command "));
	run_end(&r);
}

static void what_falls_and_is_lifted_again_is_a_loop(void **state)
{
	struct run r = run_begin(RADIO, 1);

	(void)state;
	r.w->successor = lifted_again;
	run_until(&r, 10);
	assert_true(r.w->loops > 0);
	assert_non_null(strstr(r.w->loop, "b (falls) > a"));
	run_end(&r);
}

/* --- whole, by class ------------------------------------------------------------------- */

/* Bulk is not admitted in the middle; over p and q it is, but a megabit takes longer than any metric can say. */
#define CLASSES                                                                                                        \
	"for: 60\nnodes: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}]\nlinks:\n"                            \
	"  - {name: f, preset: fibre, ends: [a:f0, b:f0]}\n"                                                           \
	"  - {name: thin, preset: narrowband, fade: none, ends: [b:s0, c:s0]}\n"                                       \
	"  - {name: p, preset: mesh-radio, rate: 250k, loss: 0, fade: none, ends: [c:r0, d:r0]}\n"                     \
	"  - {name: q, preset: mesh-radio, rate: 250k, loss: 0, fade: none, ends: [d:r1, e:r1]}\n"

static void whole_asks_each_class_where_links_admit_it(void **state)
{
	struct run r = run_begin(CLASSES, 1);
	const struct station *from, *to;
	unsigned begin = 0;

	(void)state;
	run_until(&r, 1);
	assert_true(whole_pair_missing(r.w, CLASS_COMMAND, &begin, &from, &to));
	run_until(&r, 55);
	unsigned *all = whole_groups(r.w, CLASS_COMMAND), *bulk = whole_groups(r.w, CLASS_BULK);
	assert_int_equal(all[0], all[4]);
	assert_int_equal(bulk[0], bulk[1]);
	assert_int_not_equal(bulk[1], bulk[2]);
	assert_int_equal(bulk[2], bulk[4]);
	free(all);
	free(bulk);
	assert_false(whole_pair_missing(r.w, CLASS_TEXT, &begin, &from, &to));
	assert_false(whole_pair_missing(r.w, CLASS_COMMAND, &begin, &from, &to));
	assert_true(whole_pair_missing(r.w, CLASS_BULK, &begin, &from, &to));
	assert_true((from->name[0] == 'c' && to->name[0] == 'e') || (from->name[0] == 'e' && to->name[0] == 'c'));
	run_end(&r);
}

static double ends_after(const char *expect)
{
	char text[512];

	snprintf(text, sizeof(text), "linger: 5\n" RADIO "expect: [%s]\n", expect);
	struct run r = run_begin(text, 1);
	trial_run(r.trial, NULL);
	double after_s = (double)world_time_us(r.w) / 1e6;
	run_end(&r);
	return after_s;
}

static void who_lingers_ends_when_all_has_come(void **state)
{
	(void)state;
	double whole_s = ends_after("{whole: {after: 20, within: 10}}");
	assert_true(whole_s >= 25 && whole_s < 26);
	double both_s = ends_after("{whole: {after: 20, within: 10}}, {reach: {from: a, to: b, after: 25, within: 5}}");
	assert_true(both_s >= 30 && both_s < 31);
	/* What never comes, and what takes all the time. */
	assert_true(ends_after("{reach: {from: a, to: b, after: 20, within: 20us}}") == 40);
	assert_true(ends_after("{whole: {after: 20, within: 10}}, {moves: {node: a, at most: 9}}") == 40);
}

/* Bulk that is refused at the thin link is in the books; what its source is told is, too. */
static void refused_bulk_is_accounted_for(void **state)
{
	struct run r = run_begin(CLASSES "flows: [{name: f, from: a, to: c, class: bulk, start: 30, end: 40}]\n", 1);
	char failure[PLAN_ERROR_MAX];

	(void)state;
	trial_run(r.trial, NULL);
	assert_int_equal(r.trial->flows[0].received, 0);
	assert_int_equal(node_counters(r.b->node)->drops.bulk_not_admitted, r.trial->flows[0].sent);
	assert_false(trial_failure(r.trial, failure));
	run_end(&r);
}

/* The rule of the node where it enters makes bulk of what nobody marked. */
static void a_rule_decides_what_enters_a_node(void **state)
{
	struct run r =
		run_begin("for: 45\nnodes: [{name: a, classes: {rules: [bulk udp]}}, {name: b}, {name: c}]\nlinks:\n"
			  "  - {name: l, preset: fibre, ends: [a:f0, b:f0]}\n"
			  "  - {name: m, preset: fibre, rate: 64k, ends: [b:m0, c:m0]}\n"
			  "flows: [{name: f, from: a, to: c, start: 30, end: 40}, "
			  "{name: g, from: c, to: a, start: 30, end: 40}]\n",
			1);

	(void)state;
	trial_run(r.trial, NULL);
	assert_int_equal(r.trial->flows[0].received, 0);
	assert_int_equal(node_counters(r.b->node)->drops.bulk_not_admitted, r.trial->flows[0].sent);
	assert_int_equal(node_rule_packets(r.a->node, 0), r.trial->flows[0].sent);
	assert_int_equal(r.trial->flows[1].received, r.trial->flows[1].sent);
	run_end(&r);
}

/* What is beyond a limit is in the books. */
static void a_limit_holds_for_what_enters_a_node(void **state)
{
	struct run r =
		run_begin("for: 45\nnodes: [{name: a, classes: {limits: [bulk 4k burst 1s]}}, {name: b}]\nlinks:\n"
			  "  - {name: l, preset: fibre, ends: [a:f0, b:f0]}\n"
			  "flows: [{name: f, from: a, to: b, class: bulk, every: 10ms, start: 30, end: 40}]\n",
			1);
	char failure[PLAN_ERROR_MAX];

	(void)state;
	trial_run(r.trial, NULL);
	/* 72 bytes each: seven a second, and a second of them at once. */
	assert_in_range(r.trial->flows[0].received, 70, 80);
	assert_int_equal(node_counters(r.a->node)->over_limit[TRAFFIC_BULK],
		r.trial->flows[0].sent - r.trial->flows[0].received);
	assert_false(trial_failure(r.trial, failure));
	run_end(&r);
}

/* An emptied disk makes another origin of the same address (RFC 8966, 1.1). */
static void a_loop_between_two_lives_must_be_gone_in_ten_seconds(void **state)
{
	for (unsigned lasts = 0; lasts < 2; lasts++) {
		struct run r = run_begin(RADIO, 1);

		(void)state;
		r.a->wiped_us = r.b->wiped_us = r.w->now_us;
		r.w->successor = each_other;
		run_until(&r, 6);
		assert_true(r.w->shared_loops > 0);
		assert_int_equal(r.w->loops, 0);
		if (!lasts)
			r.w->successor = oracle_successor;
		run_until(&r, 17);
		assert_int_equal(r.w->loops > 0, lasts);
		run_end(&r);
	}
}

/* Where a link is silent no packet goes round: that time does not count. */
static void a_loop_over_a_silent_link_is_given_its_time(void **state)
{
	struct run r = run_begin(RADIO, 1);

	(void)state;
	r.a->wiped_us = r.b->wiped_us = r.w->now_us;
	r.w->successor = each_other;
	run_until(&r, 6);
	assert_true(r.w->shared_loops > 0);
	segment_set_state(r.w->segments[0], LINK_SILENT);
	run_until(&r, 30);
	assert_int_equal(r.w->loops, 0);
	segment_set_state(r.w->segments[0], LINK_UP);
	run_until(&r, 39);
	assert_int_equal(r.w->loops, 0);
	run_until(&r, 42);
	assert_true(r.w->loops > 0);
	run_end(&r);
}

/* There a packet that ends it may have to wait for its turn: ten seconds more at 9.6 kbit/s. */
static void a_loop_over_a_thin_link_is_given_its_time(void **state)
{
	struct run r = run_begin(PAIR("{name: l, preset: narrowband, fade: none, ends: [a:n0, b:n0]}"), 1);
	double at_s = 0;

	(void)state;
	r.a->wiped_us = r.b->wiped_us = r.w->now_us;
	r.w->successor = each_other;
	while (!r.w->shared_loops && at_s < 40)
		run_until(&r, ++at_s);
	assert_true(r.w->shared_loops > 0);
	run_until(&r, at_s + 15);
	assert_int_equal(r.w->loops, 0);
	run_until(&r, at_s + 21);
	assert_true(r.w->loops > 0);
	run_end(&r);
}

static void every_route_that_moves_is_looked_at(void **state)
{
	struct run r = run_begin(RADIO, 1);

	(void)state;
	run_until(&r, 10);
	assert_true(r.w->looks >= 2);
	assert_int_equal(r.w->loops, 0);
	run_end(&r);
}

static void a_nonce_that_is_used_again_fails_the_run(void **state)
{
	uint8_t frame[FRAME_OVERHEAD] = { FRAME_TYPE_DATA, 0, 0, 0, 9, 9, 9, 9, 7 };
	char failure[PLAN_ERROR_MAX];
	struct run r = run_begin(RADIO, 1);

	(void)state;
	for (unsigned session = 0; session < 100; session++) {
		frame[4] = (uint8_t)session;
		for (frame[8] = 1; frame[8] < 5; frame[8]++)
			nonce_check(r.a, bytes_of(frame, sizeof(frame)));
	}
	nonce_check(r.b, bytes_of(frame, sizeof(frame)));
	assert_int_equal(r.w->nonces_repeated, 0);
	frame[8] = 4;
	nonce_check(r.a, bytes_of(frame, sizeof(frame)));
	assert_int_equal(r.w->nonces_repeated, 1);
	assert_false(trial_is_passed(r.trial));
	assert_true(trial_failure(r.trial, failure));
	assert_string_equal(failure, "1 frames were sealed with a nonce that their key had seen");
	run_end(&r);
}

/* --- verdicts ------------------------------------------------------------------------------ */

static void expectations_that_are_not_met_are_named(void **state)
{
	static const char yaml[] = RADIO "events:\n  - {at: 10, do: silence l}\n"
					 "flows:\n  - {name: f, from: a, to: b, start: 5, end: 30}\n"
					 "expect:\n"
					 "  - reach: {from: a, to: b, within: 5}\n"
					 "  - reach: {from: a, to: b, after: 20, within: 5}\n"
					 "  - gap: {flow: f, at most: 19}\n"
					 "  - gap: {flow: f, at most: 21}\n"
					 "  - lost: {flow: f, at most: 70%}\n"
					 "  - lost: {flow: f, at most: 90%}\n"
					 "  - share: {link: l, at most: 0.001%}\n"
					 "  - share: {link: l, at most: 5%}\n";
	static const bool met[] = { true, false, false, true, false, true, false, true };
	struct run r = run_begin(yaml, 1);
	char failure[PLAN_ERROR_MAX];

	(void)state;
	trial_run(r.trial, NULL);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(r.trial->expect[i].is_met, met[i]);
	assert_true(trial_failure(r.trial, failure));
	assert_string_equal(failure, "reach b from a within 5 s of 20 s");
	assert_false(trial_is_passed(r.trial));
	run_end(&r);
}

/* Joined by a link that lets nothing through: they should reach each other, and do not. */
static void a_mesh_that_is_not_whole_names_the_pair(void **state)
{
	static const char yaml[] =
		RADIO "events:\n  - {at: 10, do: set l loss=100%}\n"
		      "expect:\n  - whole: {after: 5, within: 5}\n  - whole: {after: 15, within: 5}\n";
	struct run r = run_begin(yaml, 1);

	(void)state;
	trial_run(r.trial, NULL);
	assert_true(r.trial->expect[0].is_met);
	assert_false(r.trial->expect[1].is_met);
	assert_string_equal(r.trial->expect[1].detail, "b does not reach a");
	run_end(&r);
}

/* --- threads --------------------------------------------------------------------------- */

/* Two regions on radio, joined by fibre, satellite and narrowband; what happens in all ways that a world knows. */
static const char regions[] =
	"seed: 3\nfor: 60\n"
	"nodes: [{name: a0}, {name: a1}, {name: a2}, {name: a3}, {name: b0}, {name: b1}, {name: b2}, {name: b3},\n"
	"  {name: c0}, {name: c1}, {name: c2}, {name: c3}]\n"
	"links:\n"
	"  - {name: cell-a, preset: mesh-radio, ends: [a0:r, a1:r, a2:r, a3:r]}\n"
	"  - {name: cell-b, preset: mesh-radio, ends: [b0:r, b1:r, b2:r, b3:r]}\n"
	"  - {name: cell-c, preset: mesh-radio, ends: [c0:r, c1:r, c2:r, c3:r]}\n"
	"  - {name: ab, preset: fibre, ends: [a0:f0, b0:f0]}\n"
	"  - {name: bc, preset: fibre, ends: [b1:f1, c1:f1]}\n"
	"  - {name: sat, preset: geo-satellite, ends: [a3:s, c3:s]}\n"
	"  - {name: thin, preset: narrowband, ends: [a2:n, b2:n, c2:n]}\n"
	"events:\n"
	"  - {at: 20, do: cut ab}\n  - {at: 25, do: set bc delay=1ms}\n  - {at: 27, do: rebind a3}\n"
	"  - {at: 30, do: stall c0 900ms}\n  - {at: 31, do: power-off b2}\n  - {at: 40, do: power-on b2}\n"
	"  - {at: 41, do: restore ab}\n"
	"faults: {from: 44, until: 50, every: 700ms, power: yes}\n"
	"flows:\n  - {name: f, from: a1, to: c2, every: 50ms}\n  - {name: g, from: c1, to: b3, every: 30ms}\n"
	"expect:\n  - reach: {from: a1, to: c1, within: 15}\n";

struct windowed {
	unsigned lanes;
	uint8_t digest[WORLD_DIGEST_LEN];
	uint64_t events, looks, received, frames, lost;
};

static struct windowed run_windowed(unsigned threads)
{
	struct run r = run_begin(regions, 3);
	struct windowed result = { 0 };

	r.w->windows_from = 0;
	r.w->threads = threads;
	trial_run(r.trial, NULL);
	assert_null(world_breach(r.w));
	assert_int_equal(r.w->loops, 0);
	assert_true(r.trial->expect[0].is_met);
	result.lanes = r.w->lane_count;
	world_digest(r.w, result.digest);
	result.events = r.w->events;
	result.looks = r.w->looks;
	result.received = r.trial->flows[0].received + ((uint64_t)r.trial->flows[1].received << 32);
	for (unsigned i = 0; i < r.w->segment_count; i++) {
		result.frames += segment_traffic(r.w->segments[i]).frames;
		result.lost += segment_traffic(r.w->segments[i]).lost_frames;
	}
	run_end(&r);
	return result;
}

static void how_many_threads_run_it_cannot_be_seen(void **state)
{
	struct windowed one = run_windowed(1);

	(void)state;
	assert_int_equal(one.lanes, 1);
	assert_true(one.received > 0 && one.looks > 0);
	for (unsigned threads = 2; threads <= 3; threads++) {
		struct windowed more = run_windowed(threads);

		assert_int_equal(more.lanes, threads);
		assert_int_equal(more.events, one.events);
		assert_memory_equal(more.digest, one.digest, WORLD_DIGEST_LEN);
		assert_int_equal(more.looks, one.looks);
		assert_int_equal(more.received, one.received);
		assert_int_equal(more.frames, one.frames);
		assert_int_equal(more.lost, one.lost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_is_the_same_run),
		cmocka_unit_test(how_many_threads_run_it_cannot_be_seen),
		cmocka_unit_test(a_wire_tells_of_its_cut_and_a_radio_does_not),
		cmocka_unit_test(frames_in_flight_are_lost_with_the_link),
		cmocka_unit_test(power_off_forgets_all_but_the_disk),
		cmocka_unit_test(a_nat_box_gives_new_ports_and_the_session_goes_on),
		cmocka_unit_test(who_leaves_takes_its_routes_back),
		cmocka_unit_test(a_replaced_device_has_the_old_name_and_prefix_and_new_keys),
		cmocka_unit_test(what_a_replaced_device_said_last_is_still_heard),
		cmocka_unit_test(a_battery_drains_charges_and_takes_its_node_along),
		cmocka_unit_test(who_was_switched_off_stays_off_when_the_mains_return),
		cmocka_unit_test(only_a_trusted_clock_ends_a_certificate),
		cmocka_unit_test(who_knows_its_certificate_to_be_over_does_not_start),
		cmocka_unit_test(a_jammer_takes_the_radios_in_its_circle_for_its_time),
		cmocka_unit_test(radios_lose_each_other_at_their_range_and_find_each_other_again),
		cmocka_unit_test(who_is_moved_is_there),
		cmocka_unit_test(an_order_for_a_preset_is_for_all_its_links),
		cmocka_unit_test(a_loop_is_found_and_told_in_words),
		cmocka_unit_test(a_loop_of_one_class_is_found_and_told_with_it),
		cmocka_unit_test(what_falls_and_is_lifted_again_is_a_loop),
		cmocka_unit_test(whole_asks_each_class_where_links_admit_it),
		cmocka_unit_test(refused_bulk_is_accounted_for),
		cmocka_unit_test(who_lingers_ends_when_all_has_come),
		cmocka_unit_test(a_rule_decides_what_enters_a_node),
		cmocka_unit_test(a_limit_holds_for_what_enters_a_node),
		cmocka_unit_test(a_loop_between_two_lives_must_be_gone_in_ten_seconds),
		cmocka_unit_test(a_loop_over_a_silent_link_is_given_its_time),
		cmocka_unit_test(a_loop_over_a_thin_link_is_given_its_time),
		cmocka_unit_test(every_route_that_moves_is_looked_at),
		cmocka_unit_test(a_nonce_that_is_used_again_fails_the_run),
		cmocka_unit_test(expectations_that_are_not_met_are_named),
		cmocka_unit_test(a_mesh_that_is_not_whole_names_the_pair),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
