/* Round-trip times: RFC 9616. */
#include "tests/unit/routing_harness.h"

#include "routing/engine.h"

static struct babel_link_config rtt_link(void)
{
	struct babel_link_config config = world_link();

	config.rtt = true;
	config.rtt_min_us = 10000;
	config.rtt_max_us = 120000;
	config.rtt_max_penalty = 150;
	return config;
}

static struct world *world_with_rtt(uint64_t delay_us)
{
	struct world *w = world_new(1);

	w->segments[0].delay = delay_us;
	for (unsigned i = 0; i < 2; i++)
		node_start(w, i);
	node_announce(w, 1, "fd00:1::/64");
	for (unsigned i = 0; i < 2; i++)
		node_join_with(w, i, 0, rtt_link());
	return w;
}

static void delay_is_measured_and_priced__rfc9616_4_2(void **state)
{
	static const struct {
		uint64_t delay_us;
		uint16_t metric;
	} cases[] = { { 1000, 96 }, { 32500, 96 + 75 }, { 300000, 96 + 150 } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_with_rtt(cases[i].delay_us);
		struct babel_neighbour_info info;

		world_run(w, 20 * A_SECOND);
		assert_true(node_neighbour(w, 0, 0, 1, &info));
		assert_true(info.has_rtt);
		assert_int_equal(info.rtt_us, 2 * cases[i].delay_us);
		assert_int_equal(info.cost[BABEL_TEXT], cases[i].metric);
		assert_int_equal(node_metric(w, 0, "fd00:1::/64"), cases[i].metric);
		assert_true(babel_counters(w->nodes[0].b)->rtt_samples > 10);
		world_free(w);
	}
}

static void every_hello_has_a_timestamp_and_ihus_travel_with_one__rfc9616_3_2(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	node_start(w, 0);
	node_start(w, 1);
	probe_start(w, 2);
	for (unsigned i = 0; i < 3; i++)
		node_join_with(w, i, 0, rtt_link());
	world_run(w, 10 * A_SECOND);
	unsigned hello_packet = UINT32_MAX, stamped = 0;
	for (size_t i = 0; i < w->nodes[2].heard_count; i++) {
		const struct heard *h = &w->nodes[2].heard[i];

		if (h->tlv.type == TLV_HELLO) {
			assert_true(h->tlv.u.hello.has_timestamp);
			assert_int_equal(h->tlv.u.hello.t1, (uint32_t)(h->at - MILLISECOND));
			hello_packet = h->packet;
		} else if (h->tlv.type == TLV_IHU) {
			assert_int_equal(h->packet, hello_packet);
			stamped += h->tlv.u.ihu.has_timestamps;
		}
	}
	assert_true(stamped > 10);
	world_free(w);
}

static void no_timestamps_without_the_extension(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	probe_live(w, 1, 0, 0, 9, 4);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		const struct babel_tlv *t = &w->nodes[1].heard[i].tlv;

		assert_false(t->type == TLV_HELLO && t->u.hello.has_timestamp);
		assert_false(t->type == TLV_IHU && t->u.ihu.has_timestamps);
	}
	world_free(w);
}

/* One sample of a neighbour; true if it was used. */
static bool sample(struct neighbour *n, uint64_t now_us, uint32_t hello, uint32_t origin, uint32_t receive)
{
	uint64_t used = n->b->counters.rtt_samples;

	rtt_sample(n, now_us, hello, origin, receive);
	return n->b->counters.rtt_samples > used;
}

static void nonsense_is_not_used__rfc9616_3_3(void **state)
{
	struct babel b = { 0 };
	struct neighbour n = { .b = &b };
	uint32_t minutes = 60u * 1000000u;
	uint64_t now = 1000 * A_SECOND;
	uint32_t t2 = (uint32_t)now;

	(void)state;
	assert_false(sample(&n, now, 5000, t2 + 1000, 4000)); /* our Hello from the future */
	assert_false(sample(&n, now, 5000 + 4 * minutes, t2 - 4 * minutes, 5000)); /* too old */
	assert_false(sample(&n, now, 4000, t2 - 10000, 5000)); /* its clock ran backwards */
	assert_false(sample(&n, now, 5000 + 20000, t2 - 10000, 5000)); /* kept longer than it was away */
	assert_false(n.rtt.has_smoothed);
	assert_int_equal(b.counters.rtt_discarded, 4);
	assert_true(sample(&n, now, 5000 + 4000, t2 - 10000, 5000));
	assert_int_equal(n.rtt.smoothed_us, 6000);
}

static void timestamps_wrap_around__rfc9616_3_3(void **state)
{
	struct babel b = { 0 };
	struct neighbour n = { .b = &b };
	uint64_t now = (UINT64_C(1) << 32) + 3000;

	(void)state;
	assert_true(sample(&n, now, 1000, 0xfffffff0u, 0xffffff00u));
	assert_int_equal(n.rtt.smoothed_us, 3016 - (1000 + 256));
}

static void samples_are_smoothed__rfc9616_4_1(void **state)
{
	struct babel b = { 0 };
	struct neighbour n = { .b = &b };

	(void)state;
	assert_true(sample(&n, 100000, 0, 0, 0));
	assert_int_equal(n.rtt.smoothed_us, 100000);
	assert_true(sample(&n, 200000, 0, 0, 0));
	assert_int_equal(n.rtt.smoothed_us, 116400);
}

static void penalty_is_flat_at_both_ends__rfc9616_4_2(void **state)
{
	struct babel_link_config config = rtt_link();

	(void)state;
	assert_int_equal(rtt_penalty(&config, 0), 0);
	assert_int_equal(rtt_penalty(&config, 10000), 0);
	assert_int_equal(rtt_penalty(&config, 65000), 75);
	assert_int_equal(rtt_penalty(&config, 120000), 150);
	assert_int_equal(rtt_penalty(&config, 4000000), 150);
	config.rtt_max_us = config.rtt_min_us;
	assert_int_equal(rtt_penalty(&config, 10001), 150);
}

static void faster_of_two_paths_is_preferred(void **state)
{
	struct world *w = world_new(3);

	(void)state;
	w->segments[0].delay = 100 * MILLISECOND;
	w->segments[1].delay = 2 * MILLISECOND;
	for (unsigned i = 0; i < 2; i++) {
		node_start(w, i);
		for (unsigned s = 0; s < 2; s++)
			node_join_with(w, i, s, rtt_link());
	}
	node_announce(w, 1, "fd00:1::/64");
	world_run(w, 40 * A_SECOND);
	struct babel_route r;
	struct prefix p = world_prefix("fd00:1::/64");
	assert_true(babel_selected(w->nodes[0].b, &p, BABEL_TEXT, &r));
	assert_int_equal(r.link, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delay_is_measured_and_priced__rfc9616_4_2),
		cmocka_unit_test(every_hello_has_a_timestamp_and_ihus_travel_with_one__rfc9616_3_2),
		cmocka_unit_test(no_timestamps_without_the_extension),
		cmocka_unit_test(nonsense_is_not_used__rfc9616_3_3),
		cmocka_unit_test(timestamps_wrap_around__rfc9616_3_3),
		cmocka_unit_test(samples_are_smoothed__rfc9616_4_1),
		cmocka_unit_test(penalty_is_flat_at_both_ends__rfc9616_4_2),
		cmocka_unit_test(faster_of_two_paths_is_preferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
