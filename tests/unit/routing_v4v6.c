/* IPv4 routes with and without IPv4 next hops: RFC 9229. */
#include "tests/unit/routing_harness.h"

#define P "10.1.0.0/16"

static struct babel_link_config link_with_ipv4(unsigned host)
{
	struct babel_link_config config = world_link();
	uint8_t bytes[4] = { 192, 168, 0, (uint8_t)host };

	config.has_ipv4 = true;
	config.next_hop_ipv4 = address_ipv4(bytes);
	return config;
}

static struct world *world_of_two(struct babel_link_config a, struct babel_link_config b, bool a_can_v4_via_v6)
{
	struct world *w = world_new(1);

	w->nodes[0].config.kernel_has_v4_via_v6 = a_can_v4_via_v6;
	node_start(w, 0);
	node_start(w, 1);
	probe_start(w, 2);
	node_join_with(w, 0, 0, a);
	node_join_with(w, 1, 0, b);
	node_join(w, 2, 0);
	node_announce(w, 1, P);
	world_run(w, 2 * A_SECOND);
	return w;
}

static void link_without_ipv4_announces_over_an_ipv6_next_hop__rfc9229_2_1(void **state)
{
	struct world *w = world_of_two(world_link(), world_link(), true);
	struct prefix p = world_prefix(P);
	struct address there = world_address(1, 0);
	struct babel_route r;

	(void)state;
	assert_true(babel_selected(w->nodes[0].b, &p, BABEL_TEXT, &r));
	assert_int_equal(r.metric, 96);
	assert_true(address_equal(&r.next_hop, &there));
	assert_true(probe_last_update(w, 2, P)->tlv.u.update.v4_via_v6);
	world_free(w);
}

static void link_with_ipv4_announces_natively__rfc9229_2_1(void **state)
{
	struct world *w = world_of_two(link_with_ipv4(1), link_with_ipv4(2), true);
	struct prefix p = world_prefix(P);
	struct babel_route r;

	(void)state;
	assert_true(babel_selected(w->nodes[0].b, &p, BABEL_TEXT, &r));
	assert_int_equal(r.next_hop.family, FAMILY_IPV4);
	assert_int_equal(r.next_hop.bytes[3], 2);
	assert_false(probe_last_update(w, 2, P)->tlv.u.update.v4_via_v6);
	world_free(w);
}

static void kernel_that_cannot_install_does_not_select__rfc9229_2_2(void **state)
{
	struct world *w = world_of_two(world_link(), world_link(), false);
	struct babel_route_info info;

	(void)state;
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	assert_true(node_route(w, 0, P, 0, 1, &info)); /* kept, for what it tells */
	assert_false(info.selected);
	world_free(w);
}

static void kernel_that_cannot_does_not_attract__rfc9229_2_1(void **state)
{
	struct world *w = world_with_probe();

	(void)state;
	babel_free(w->nodes[0].b);
	w->nodes[0].config.kernel_has_v4_via_v6 = false;
	node_start(w, 0);
	node_join(w, 0, 0);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, 0, 0, 50);
	node_announce(w, 0, P);
	world_run(w, A_SECOND);
	assert_int_equal(probe_count_updates(w, 1, P, false), 0);
	probe_forget(w, 1);
	probe_say(w, 1, 0, 0, say_route_request(P)); /* but a question is answered */
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(probe_count_updates(w, 1, P, true), 1);
	world_free(w);
}

static void ipv4_request_is_answered_whatever_the_encoding__rfc9229_2_3(void **state)
{
	struct world *w = world_of_two(world_link(), world_link(), true);

	(void)state;
	probe_forget(w, 2);
	probe_say(w, 2, 0, 1, say_route_request(P));
	world_run(w, 200 * MILLISECOND);
	const struct heard *h = probe_last_update(w, 2, P);
	assert_non_null(h);
	assert_int_equal(h->tlv.u.update.metric, 0);
	assert_true(h->tlv.u.update.v4_via_v6);
	world_free(w);
}

static void ipv4_retraction_reaches_both_kinds__rfc9229_2_1(void **state)
{
	struct world *w = world_of_two(world_link(), world_link(), true);
	struct prefix p = world_prefix(P);

	(void)state;
	assert_int_equal(babel_withdraw(w->nodes[1].b, w->now, &p), 0);
	node_poll(w, 1);
	world_run(w, 200 * MILLISECOND);
	assert_int_equal(node_metric(w, 0, P), BABEL_INFINITY);
	world_free(w);
}

static void both_families_share_one_distance_table(void **state)
{
	struct world *w = world_of_two(world_link(), world_link(), true);
	struct prefix v6 = world_prefix("a01::/16"); /* the same leading bytes as 10.1/16 */
	struct babel_route r;

	(void)state;
	assert_false(babel_selected(w->nodes[0].b, &v6, BABEL_TEXT, &r));
	node_announce(w, 1, "a01::/16");
	world_run(w, A_SECOND);
	assert_true(babel_selected(w->nodes[0].b, &v6, BABEL_TEXT, &r));
	assert_int_equal(r.prefix.address.family, FAMILY_IPV6);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_without_ipv4_announces_over_an_ipv6_next_hop__rfc9229_2_1),
		cmocka_unit_test(link_with_ipv4_announces_natively__rfc9229_2_1),
		cmocka_unit_test(kernel_that_cannot_install_does_not_select__rfc9229_2_2),
		cmocka_unit_test(kernel_that_cannot_does_not_attract__rfc9229_2_1),
		cmocka_unit_test(ipv4_request_is_answered_whatever_the_encoding__rfc9229_2_3),
		cmocka_unit_test(ipv4_retraction_reaches_both_kinds__rfc9229_2_1),
		cmocka_unit_test(both_families_share_one_distance_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
