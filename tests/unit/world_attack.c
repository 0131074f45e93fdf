/* Attacks in simulated worlds: what is read, what each does, and that what they test can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/trial.h"

#include <sodium.h>
#include <string.h>

#define PAIR                                                                                                           \
	"for: 60\nnodes:\n  - {name: a, prefixes: [\"fd99::/48\"]}\n  - {name: b}\n  - {name: c}\n"                    \
	"links:\n  - {name: l, preset: mesh-radio, loss: 0%, fade: none, ends: [a:r0, b:r0]}\n"                        \
	"  - {name: m, preset: mesh-radio, loss: 0%, fade: none, ends: [b:r1, c:r0]}\n"
#define ATTACK(text) PAIR "attacks:\n  - {" text "}\n"

static const struct {
	const char *yaml, *complaint;
} refusals[] = {
	{ ATTACK("do: delay"), "an attack needs a name" },
	{ ATTACK("name: x, do: shout"), "do is delay, replay, garble, flood, malform or announce, not \"shout\"" },
	{ ATTACK("name: x, do: delay, by: 60"), "does not say where; write do: delay, link: radio, by: 60" },
	{ ATTACK("name: x, do: malform, link: l, rate: 1"), "does not say where; write do: malform, node: relay" },
	{ ATTACK("name: x, do: delay, link: k, by: 60"), "there is no link \"k\"; name one of links:" },
	{ ATTACK("name: x, do: delay, link: l, node: k, by: 60"), "there is no node \"k\"; name one of nodes:" },
	{ ATTACK("name: x, do: flood, link: l, node: c, sources: many, rate: 1"), "node \"c\" is not on link \"l\"" },
	{ ATTACK("name: x, do: delay, link: l"), "says too much or too little; write do: delay" },
	{ ATTACK("name: x, do: delay, link: l, by: 60, rate: 1"), "says too much or too little" },
	{ ATTACK("name: x, do: replay, link: l, of: hearts, rate: 1"), "says too much or too little" },
	{ ATTACK("name: x, do: replay, link: l, of: data, rate: -1"), "says too much or too little" },
	{ ATTACK("name: x, do: announce, node: a, rate: 1, count: 65537"), "says too much or too little" },
	{ ATTACK("name: x, do: announce, node: b, rate: 1, count: 9"), "node \"b\" may announce nothing" },
	{ ATTACK("name: x, do: delay, link: l, by: 60, from: 50, until: 40"), "it must begin before it ends" },
	{ ATTACK("name: x, do: delay, link: l, by: 60, until: 61"), "it must begin before it ends" },
	{ PAIR "expect:\n  - sessions: {node: a}\n", "sessions says too much or too little; write sessions: {node" },
	{ PAIR "expect:\n  - routed: {node: a, at most: 1}\n", "there is no node \"\"; name one of nodes:" },
	{ PAIR "expect:\n  - entries: {node: a, to: b, at most: 1}\n", "entries says too much or too little" },
	{ PAIR "expect:\n  - floor: {node: a, at most: -1}\n", "floor says too much or too little" },
};

static void what_is_no_attack_is_refused(void **state)
{
	char error[PLAN_ERROR_MAX];

	(void)state;
	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const char *yaml = refusals[i].yaml;

		assert_null(plan_parse("s.yaml", bytes_of(yaml, strlen(yaml)), error));
		if (!strstr(error, refusals[i].complaint))
			fail_msg("\"%s\" does not say \"%s\"", error, refusals[i].complaint);
	}
}

/* --- what they do ------------------------------------------------------------------------- */

static struct trial *trial_of(const char *yaml)
{
	char error[PLAN_ERROR_MAX];
	struct plan *p = plan_parse("s.yaml", bytes_of(yaml, strlen(yaml)), error);

	if (!p)
		fail_msg("%s", error);
	struct trial *t = trial_new(p, 1, NULL);
	assert_non_null(t);
	trial_run(t, NULL);
	return t;
}

static void trial_over(struct trial *t)
{
	struct plan *p = (struct plan *)t->plan;

	trial_free(t);
	plan_free(p);
}

static const struct node_drops *drops_of(const struct trial *t, const char *name)
{
	return &node_counters(station_find(t->world, name)->node)->drops;
}

static void assert_passes(const struct trial *t)
{
	char failure[PLAN_ERROR_MAX];

	if (trial_failure(t, failure))
		fail_msg("%s", failure);
}

#define FLOW "flows:\n  - {name: f, from: a, to: b, start: 5, end: 55}\n"
#define CALM "expect:\n  - lost: {flow: f, at most: 0%}\n  - sessions: {node: b, after: 5, at most: 0}\n"

static void frames_that_come_again_are_dropped_as_replayed(void **state)
{
	struct trial *t = trial_of(ATTACK("name: x, do: replay, of: data, link: l, rate: 100, from: 10") FLOW CALM);

	(void)state;
	assert_passes(t);
	assert_true(t->attacks[0].frames > 4500);
	assert_true(drops_of(t, "a")->replayed > 1000);
	assert_true(drops_of(t, "b")->replayed > 1000);
	assert_int_equal(t->flows[0].repeated, 0);
	trial_over(t);
}

static void frames_with_other_bits_change_nothing(void **state)
{
	struct trial *t = trial_of(ATTACK("name: x, do: garble, link: l, rate: 50, from: 10") FLOW CALM);

	(void)state;
	assert_passes(t);
	assert_true(t->attacks[0].frames > 2000);
	/* Their counters are old but for those that are made up. */
	assert_true(drops_of(t, "a")->replayed > 100);
	assert_true(drops_of(t, "a")->not_authentic > 10);
	assert_true(drops_of(t, "b")->unknown_session > 10);
	assert_true(drops_of(t, "b")->unknown_type > 10);
	assert_true(drops_of(t, "b")->truncated > 10);
	trial_over(t);
}

/* A loss that the attacker makes good: the node may read what he kept, once. */
static void a_frame_that_was_lost_may_come_from_an_attacker_once(void **state)
{
	struct trial *t = trial_of(
		ATTACK("name: x, do: replay, link: l, of: data, rate: 200, from: 10") "events:\n  - {at: 15, every: 2, "
										      "until: 50, do: silence l}\n"
										      "  - {at: 15.5, every: 2, until: "
										      "50.5, do: restore l}\n" FLOW
										      "expect:\n  - whole: {after: 51, "
										      "within: 5}\n");

	(void)state;
	assert_passes(t);
	trial_over(t);
}

static void a_flood_costs_no_more_than_the_limiter_lets_through(void **state)
{
	struct trial *t = trial_of(ATTACK(
		"name: x, do: flood, link: l, node: b, sources: many, rate: 1000, from: 10, until: 20") FLOW CALM);

	(void)state;
	assert_passes(t);
	assert_int_equal(t->attacks[0].frames, 10000);
	/* Each had a right mac1, and nearly none a source that could answer. */
	assert_int_equal(drops_of(t, "b")->mac1_wrong, 0);
	assert_true(drops_of(t, "b")->rate_limited > 9000);
	assert_true(node_counters(station_find(t->world, "b")->node)->cookies_sent > 9000);
	trial_over(t);
}

static void a_frame_that_is_held_back_comes_later(void **state)
{
	struct trial *t = trial_of(ATTACK("name: x, do: delay, link: l, node: b, by: 500ms, from: 10, until: 20") FLOW
		"expect:\n  - gap: {flow: f, at most: 700ms}\n  - gap: {flow: f, at most: 400ms}\n");

	(void)state;
	assert_true(t->attacks[0].frames > 100);
	assert_true(t->expect[0].is_met);
	assert_false(t->expect[1].is_met);
	assert_int_equal(t->flows[0].received, t->flows[0].sent);
	trial_over(t);
}

static void malformed_packets_of_a_member_are_counted(void **state)
{
	struct trial *t = trial_of(
		ATTACK("name: x, do: malform, node: a, rate: 50, from: 5") "flows:\n  - {name: f, from: b, to: c, "
									   "start: 5, end: 55}\nexpect:\n  - lost: "
									   "{flow: f, at most: 0%}\n");

	(void)state;
	assert_passes(t);
	assert_true(t->attacks[0].frames > 2000);
	assert_true(babel_counters(node_babel(station_find(t->world, "b")->node))->tlvs_malformed > 100);
	trial_over(t);
}

static void what_is_announced_arrives_two_hops_on(void **state)
{
	struct trial *t = trial_of(ATTACK(
		"name: x, do: announce, node: a, count: 2000, rate: 50, from: 10") "expect:\n  - entries: {node: c, at "
										   "most: 10000}\n");
	struct address first;
	struct prefix match;

	(void)state;
	assert_passes(t);
	assert_int_equal(t->attacks[0].done, 2000);
	assert_true(t->expect[0].measured > 2000);
	assert_int_equal(address_parse(&first, "fd99:0:0:7cf::1"), 0);
	assert_int_equal(node_lookup(station_find(t->world, "c")->node, &first, &match), NODE_VERDICT_ROUTE);
	trial_over(t);
}

/* --- that they can fail ---------------------------------------------------------------------- */

static void an_attack_of_which_nothing_comes_fails_the_run(void **state)
{
	char failure[PLAN_ERROR_MAX];
	struct trial *t = trial_of(PAIR "events:\n  - {at: 1, do: power-off a}\nattacks:\n"
					"  - {name: x, do: malform, node: a, rate: 50, from: 5}\n");

	(void)state;
	assert_true(trial_failure(t, failure));
	assert_string_equal(failure, "attack x: nothing came of it");
	assert_false(trial_is_passed(t));
	trial_over(t);
}

static void guards_tell_what_they_see(void **state)
{
	struct trial *t = trial_of(PAIR "events:\n  - {at: 30, do: power-off b}\n"
					"  - {at: 1, do: clock c 2040 trusted}\n  - {at: 40, do: power-off c}\n"
					"  - {at: 41, do: power-on c}\nexpect:\n"
					"  - sessions: {node: a, after: 5, at most: 0}\n"
					"  - routed: {node: a, to: b, after: 5, at most: 20}\n"
					"  - routed: {node: a, to: b, after: 5, at most: 30}\n"
					"  - entries: {node: a, at most: 2}\n  - entries: {node: a, at most: 100}\n"
					"  - floor: {node: c, at most: 0}\n  - floor: {node: a, at most: 0}\n");
	static const bool met[] = { false, false, true, false, true, false, true };

	(void)state;
	for (unsigned i = 0; i < sizeof(met) / sizeof(met[0]); i++)
		if (t->expect[i].is_met != met[i])
			fail_msg("expectation %u: %f", i, t->expect[i].measured);
	assert_true(t->expect[1].measured > 24 && t->expect[1].measured < 28);
	trial_over(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_attack_is_refused),
		cmocka_unit_test(frames_that_come_again_are_dropped_as_replayed),
		cmocka_unit_test(frames_with_other_bits_change_nothing),
		cmocka_unit_test(a_frame_that_was_lost_may_come_from_an_attacker_once),
		cmocka_unit_test(a_flood_costs_no_more_than_the_limiter_lets_through),
		cmocka_unit_test(a_frame_that_is_held_back_comes_later),
		cmocka_unit_test(malformed_packets_of_a_member_are_counted),
		cmocka_unit_test(what_is_announced_arrives_two_hops_on),
		cmocka_unit_test(an_attack_of_which_nothing_comes_fails_the_run),
		cmocka_unit_test(guards_tell_what_they_see),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
