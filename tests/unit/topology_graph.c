/* The graph in memory: names that a scenario can bear, limits, parts, and what a link comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/topology/topology.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void names_that_no_scenario_bears_are_refused(void **state)
{
	static const char *const bad[] = { "", "-a", ".a", "a b", "a/b", "a:b", "\xc3\xb8",
		"a-name-of-exactly-thirty-two-let" };
	struct topology *t = topology_new();

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(topology_add_node(t, bad[i], TOPOLOGY_TOWN), -EINVAL);
	assert_int_equal(topology_add_node(t, "a-name-of-exactly-thirty-one-le", TOPOLOGY_TOWN), 0);
	assert_int_equal(topology_add_node(t, "a-name-of-exactly-thirty-one-le", TOPOLOGY_CITY), -EEXIST);
	assert_int_equal(t->node_count, 1);
	topology_free(t);
}

static void labels_become_names(void **state)
{
	static const struct {
		const char *label, *name;
	} cases[] = { { "Town hall", "Town-hall" }, { "Troms\xc3\xb8 (north)", "Troms-north" },
		{ "Town hall", "Town-hall-2" }, { "\xe9\x87\x8d\xe5\xba\x86", "node" },
		{ "\xe4\xb8\x87\xe5\xb7\x9e", "node-4" }, { "../etc", "etc" },
		{ "a-label-of-far-more-than-thirty-one-letters", "a-label-of-far-more-than-thirty" },
		{ "a-label-of-far-more-than-thirty-one-bytes", "a-label-of-far-more--7" } };
	struct topology *t = topology_new();

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(topology_add_node_called(t, cases[i].label, TOPOLOGY_TOWN), i);
		assert_string_equal(t->nodes[i].name, cases[i].name);
		assert_int_equal(topology_find_node(t, cases[i].name), i);
	}
	assert_int_equal(topology_find_node(t, "nobody"), -1);
	topology_free(t);
}

static void nodes_and_links_have_a_limit(void **state)
{
	const struct link_preset *radio = link_preset_find("mesh-radio");
	struct topology *t = topology_new();
	char name[TOPOLOGY_NAME_MAX];

	(void)state;
	for (unsigned i = 0; i < TOPOLOGY_NODES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(topology_add_node(t, name, TOPOLOGY_TOWN), i);
	}
	assert_int_equal(topology_add_node(t, "more", TOPOLOGY_TOWN), -ENOSPC);
	assert_int_equal(topology_add_node_called(t, "more", TOPOLOGY_TOWN), -ENOSPC);
	for (unsigned i = 0; i < TOPOLOGY_LINKS_MAX; i++) /* parallel ones get names of their own */
		assert_int_equal(topology_add_link(t, NULL, radio, 0, 1), i);
	assert_string_equal(t->links[0].name, "n0-n1");
	assert_string_equal(t->links[1].name, "link-1");
	assert_int_equal(topology_add_link(t, NULL, radio, 0, 1), -ENOSPC);
	assert_int_equal(topology_add_link(t, "more", radio, 0, 1), -ENOSPC);
	assert_int_equal(t->link_count, TOPOLOGY_LINKS_MAX);
	topology_free(t);
}

static void parts_and_degrees_are_counted(void **state)
{
	const struct link_preset *fibre = link_preset_find("fibre");
	struct topology *t = topology_new();
	unsigned degrees[6];

	(void)state;
	assert_int_equal(topology_count_parts(t), 0);
	for (const char *name = "a\0b\0c\0d\0e\0f\0"; *name; name += 2)
		topology_add_node(t, name, TOPOLOGY_TOWN);
	assert_int_equal(topology_count_parts(t), 6);
	topology_add_link(t, NULL, fibre, 0, 1);
	topology_add_link(t, NULL, fibre, 1, 2);
	topology_add_link(t, NULL, fibre, 2, 0);
	topology_add_link(t, NULL, fibre, 4, 3);
	assert_int_equal(topology_count_parts(t), 3);
	topology_add_link(t, NULL, fibre, 3, 2);
	assert_int_equal(topology_count_parts(t), 2);
	topology_count_degrees(t, degrees);
	assert_int_equal(degrees[2], 3);
	assert_int_equal(degrees[5], 0);
	topology_free(t);
}

static void a_links_own_values_go_before_its_presets(void **state)
{
	const struct link_preset *sat = link_preset_find("geo-satellite");
	struct topology_link l = { .preset = sat, .loss = -1 };
	struct link_params params[2];

	(void)state;
	topology_link_params(&l, params);
	assert_int_equal(params[0].rate_bps, sat->params[0].rate_bps);
	assert_int_equal(params[1].rate_bps, sat->params[1].rate_bps);
	assert_true(link_fade_loss(&params[0].fade) > 0);
	l.rate_bps = 64000;
	l.delay_us = 600000;
	l.loss = .25;
	topology_link_params(&l, params);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(params[i].rate_bps, 64000);
		assert_int_equal(params[i].delay_us, 600000);
		assert_true(params[i].loss == .25);
		assert_true(link_fade_loss(&params[i].fade) == 0);
		assert_int_equal(params[i].jitter_us, sat->params[i].jitter_us);
	}
}

static void fibre_is_as_slow_as_light(void **state)
{
	struct topology *t = topology_new();

	(void)state;
	topology_add_node(t, "a", TOPOLOGY_TOWN);
	topology_add_node(t, "b", TOPOLOGY_TOWN);
	assert_int_equal(topology_fibre_delay_us(t, 0, 1), 0); /* not known */
	t->nodes[0].placed = t->nodes[1].placed = true;
	t->nodes[1].x_m = 300e3;
	t->nodes[1].y_m = 400e3;
	assert_int_equal(topology_fibre_delay_us(t, 0, 1), 500 + 2500); /* 500 km at 5 us/km */
	topology_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_no_scenario_bears_are_refused),
		cmocka_unit_test(labels_become_names),
		cmocka_unit_test(nodes_and_links_have_a_limit),
		cmocka_unit_test(parts_and_degrees_are_counted),
		cmocka_unit_test(a_links_own_values_go_before_its_presets),
		cmocka_unit_test(fibre_is_as_slow_as_light),
	};

	return cmocka_run_group_tests_name("topology_graph", tests, NULL, NULL);
}
