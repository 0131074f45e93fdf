/* The invariants that every world is held to can fail: each is broken here on purpose, and seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/trial.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PAIR                                                                                                           \
	"for: 30\nnodes: [{name: a}, {name: b, prefixes: [\"fd09::/32\"]}]\n"                                          \
	"links:\n  - {name: l, preset: fibre, ends: [a:f0, b:f0]}\n"                                                   \
	"flows:\n  - {name: f, from: a, to: \"fd09::1\", start: 12, end: 20}\n"

struct run {
	struct plan *plan;
	struct trial *trial;
	struct world *w;
	struct station *a, *b;
	uint8_t frame[NODE_FRAME_MAX]; /* the last data frame that b was offered */
	size_t len;
	struct endpoint source;
};

static void keep_frame(void *user, const struct segment *g, unsigned from, int target, const struct endpoint *to,
	const struct endpoint *source, struct bytes frame)
{
	struct run *r = user;

	(void)target;
	(void)to;
	if (g->ends[from].port->station != r->a || frame.data[0] != FRAME_TYPE_DATA)
		return;
	memcpy(r->frame, frame.data, frame.len);
	r->len = frame.len;
	r->source = *source;
}

static struct run *settled(void)
{
	struct run *r = calloc(1, sizeof(*r));
	char error[PLAN_ERROR_MAX];

	assert_non_null(r);
	r->plan = plan_parse("test", bytes_of(PAIR, strlen(PAIR)), error);
	if (!r->plan)
		fail_msg("%s", error);
	r->trial = trial_new(r->plan, 1, NULL);
	assert_non_null(r->trial);
	r->w = r->trial->world;
	r->a = station_find(r->w, "a");
	r->b = station_find(r->w, "b");
	r->w->offered = keep_frame;
	r->w->offered_user = r;
	world_run(r->w, WORLD_START_US + 10 * SECOND_US);
	assert_null(world_breach(r->w));
	return r;
}

static void ends(struct run *r, const char *breach)
{
	char text[PLAN_ERROR_MAX];

	trial_run(r->trial, NULL);
	if (breach) {
		assert_non_null(world_breach(r->w));
		if (!strstr(world_breach(r->w), breach))
			fail_msg("%s", world_breach(r->w));
	} else {
		assert_null(world_breach(r->w));
	}
	assert_int_equal(trial_failure(r->trial, text), breach != NULL);
	assert_int_equal(trial_is_passed(r->trial), breach == NULL);
	trial_free(r->trial);
	plan_free(r->plan);
	free(r);
}

static void an_honest_world_breaches_nothing(void **state)
{
	struct run *r = settled();

	(void)state;
	ends(r, NULL);
}

static void what_is_opened_was_sealed_by_a_station__A(void **state)
{
	struct run *r = settled();
	uint8_t copy[NODE_FRAME_MAX + NODE_TAILROOM];

	(void)state;
	/* A frame that is still on its way comes by another hand: the node opens it, the world did not carry it. */
	r->len = 0;
	while (!r->len)
		world_run(r->w, r->w->now_us + 1);
	memcpy(copy, r->frame, r->len);
	node_frames_in(r->b->node, r->w->now_us, 0, &(struct node_frame){ r->source, copy, r->len }, 1);
	station_settle(r->b);
	ends(r, "that no station sealed for it");
}

static void what_went_in_is_accounted_for(void **state)
{
	struct run *r = settled();

	(void)state;
	/* A packet that is lost without a counter looks like one that never was. */
	((struct node_counters *)node_counters(r->a->node))->packets_in++;
	ends(r, "does not account for its host's packets");
	r = settled();
	((struct node_counters *)node_counters(r->b->node))->packets_delivered--;
	ends(r, "does not account for packets");
	r = settled();
	((struct node_counters *)node_counters(r->a->node))->drops.replayed++;
	ends(r, "does not account for data frames");
}

static void a_life_that_ends_is_accounted_for(void **state)
{
	struct run *r = settled();

	(void)state;
	((struct node_counters *)node_counters(r->a->node))->packets_forwarded++;
	station_power_off(r->a);
	assert_non_null(world_breach(r->w));
	ends(r, "does not account for packets");
}

static void links_account_for_each_copy(void **state)
{
	struct run *r = settled();

	(void)state;
	r->w->segments[0]->ends[0].traffic.lost_frames++;
	ends(r, "which lost frames");
}

static void a_host_gets_only_what_is_for_it(void **state)
{
	struct run *r = settled();

	(void)state;
	/* As if another owned what is behind b. */
	r->b->prefix_count = 0;
	ends(r, "gives its host a packet for fd09::1");
}

static void tables_know_how_many_members_there_are__M(void **state)
{
	struct run *r = settled();
	struct station *c = station_new(r->w, "c", LEVEL_TOWN);
	uint8_t encoded[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(&c->enrolment.certificate, encoded, sizeof(encoded));

	(void)state;
	assert_true(len > 0);
	assert_int_equal(node_certificate_add(r->a->node, bytes_of(encoded, (size_t)len)), 0);
	bounds_look(r->w);
	assert_null(world_breach(r->w));
	r->w->station_count--; /* c was never here */
	bounds_look(r->w);
	r->w->station_count++;
	ends(r, "keeps 3 certificates, at most 2");
}

/* Sanitizers and coverage cost a factor of five. */
#if !defined(__SANITIZE_ADDRESS__) && defined(__OPTIMIZE__)
/* Nodes that come and go, disks that are emptied, strangers and copies: round after round the same, half a minute each.
 */
#define ROUND_S 30
#define ROUNDS 120
#define TROUBLE                                                                                                        \
	"for: 3600\nnodes: [{name: a}, {name: b, prefixes: [\"2001:db8::/48\"]}, {name: c}, {name: d}]\nlinks:\n"      \
	"  - {name: r, preset: mesh-radio, ends: [a:r, b:r, c:r]}\n  - {name: s, preset: fibre, ends: [c:s, d:s]}\n"   \
	"events:\n  - {at: 10, every: 30, until: 3599, do: power-off b}\n"                                             \
	"  - {at: 11, every: 30, until: 3599, do: wipe b}\n  - {at: 12, every: 30, until: 3599, do: power-on b}\n"     \
	"  - {at: 15, every: 30, until: 3599, do: silence s}\n  - {at: 20, every: 30, until: 3599, do: restore s}\n"   \
	"attacks:\n  - {name: flood, do: flood, link: r, node: a, sources: many, rate: 50}\n"                          \
	"  - {name: echo, do: replay, of: all, link: r, rate: 20}\n  - {name: noise, do: garble, link: s, rate: 20}\n"

static size_t entries(const struct station *s)
{
	size_t sum = 0, used, limit;
	struct node_table t;

	for (unsigned i = 0; (t = node_table_at(s->node, i)).name; i++)
		sum += t.used;
	for (unsigned i = 0; babel_table_at(node_babel(s->node), i, &used, &limit); i++)
		sum += used;
	return sum;
}

static void tables_do_not_grow_round_after_round__M(void **state)
{
	char error[PLAN_ERROR_MAX];
	struct plan *plan = plan_parse("test", bytes_of(TROUBLE, strlen(TROUBLE)), error);
	size_t least[3] = { SIZE_MAX, SIZE_MAX, SIZE_MAX };

	(void)state;
	if (!plan)
		fail_msg("%s", error);
	struct trial *t = trial_new(plan, 1, NULL);
	assert_non_null(t);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		size_t *third = &least[(round - 1) * 3 / ROUNDS];
		size_t sum = 0;

		world_run(t->world, WORLD_START_US + round * ROUND_S * SECOND_US);
		bounds_look(t->world);
		for (unsigned i = 0; i < t->world->station_count; i++)
			sum += entries(t->world->stations[i]);
		*third = sum < *third ? sum : *third;
	}
	print_message("# least entries in thirds: %zu %zu %zu\n", least[0], least[1], least[2]);
	assert_true(least[0] > 0);
	/* What was forgotten by the second third is forgotten by the last. The least: a flood that waits is chance, and
	 * an entry more in each round would be a quarter more. */
	assert_true(least[2] <= least[1] + least[1] / 10);
	assert_null(world_breach(t->world));
	trial_free(t);
	plan_free(plan);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_world_breaches_nothing),
		cmocka_unit_test(what_is_opened_was_sealed_by_a_station__A),
		cmocka_unit_test(what_went_in_is_accounted_for),
		cmocka_unit_test(a_life_that_ends_is_accounted_for),
		cmocka_unit_test(links_account_for_each_copy),
		cmocka_unit_test(a_host_gets_only_what_is_for_it),
#if !defined(__SANITIZE_ADDRESS__) && defined(__OPTIMIZE__)
		cmocka_unit_test(tables_do_not_grow_round_after_round__M),
#endif
		cmocka_unit_test(tables_know_how_many_members_there_are__M),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
