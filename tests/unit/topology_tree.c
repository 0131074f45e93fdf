/* The command tree: as many of everything as at full size, whole, the same for the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/scenario.h"
#include "sim/topology/topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_ROOM 32 /* links that a node can have */

static struct topology *grow(unsigned nodes, unsigned scenes, uint64_t seed)
{
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t =
		topology_grow(&(struct tree_params){ .seed = seed, .nodes = nodes, .scenes = scenes }, error);

	assert_string_equal(error, "");
	assert_non_null(t);
	return t;
}

static unsigned count_level(const struct topology *t, enum topology_level level)
{
	unsigned count = 0;

	for (unsigned i = 0; i < t->node_count; i++)
		count += t->nodes[i].level == level;
	return count;
}

static unsigned count_preset(const struct topology *t, const char *prefix, uint64_t rate_bps)
{
	unsigned count = 0;

	for (unsigned i = 0; i < t->link_count; i++)
		count += strncmp(t->links[i].preset->name, prefix, strlen(prefix)) == 0 &&
			 t->links[i].rate_bps == rate_bps;
	return count;
}

static void the_full_tree_has_1073_posts_and_2123_links(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct topology *t = grow(TREE_FULL_NODES, 0, seed);

		assert_int_equal(count_level(t, TOPOLOGY_CITY), 1);
		assert_int_equal(count_level(t, TOPOLOGY_DISTRICT), 41);
		assert_int_equal(count_level(t, TOPOLOGY_TOWN), 1031);
		assert_int_equal(t->link_count, 2123);
		assert_int_equal(count_preset(t, "fibre", 0), 27 + 34 * 2 + 10);
		assert_int_equal(count_preset(t, "mesh-radio", 0), 34 * 37 + 10 * 73);
		assert_int_equal(count_preset(t, "geo-satellite", 0), 10);
		assert_int_equal(count_preset(t, "narrowband", 0), 10); /* 9.6 kbit/s */
		assert_int_equal(count_preset(t, "narrowband", 2400), 10);
		assert_int_equal(topology_count_parts(t), 1);
		topology_free(t);
	}
}

static void a_scene_has_three_ways_out(void **state)
{
	struct topology *t = grow(TREE_FULL_NODES, 30, 3);

	(void)state;
	assert_int_equal(count_level(t, TOPOLOGY_SCENE), 30);
	assert_int_equal(t->link_count, 2123 + 3 * 30);
	unsigned *degrees = calloc(t->node_count, sizeof(*degrees));
	assert_non_null(degrees);
	topology_count_degrees(t, degrees);
	for (unsigned i = 0; i < t->node_count; i++)
		if (t->nodes[i].level == TOPOLOGY_SCENE)
			assert_int_equal(degrees[i], 3);
	assert_int_equal(topology_count_parts(t), 1);
	free(degrees);
	topology_free(t);
}

static void every_size_is_whole_and_about_two_links_a_post(void **state)
{
	static const unsigned sizes[] = { TREE_NODES_MIN, 9, 10, 11, 13, 17, 28, 40, 64, 100, 300, 1000, 1073, 1800,
		3000, 8192 };

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct topology *t = grow(sizes[i], sizes[i] / 8, seed);
			unsigned posts_links = t->link_count - 3 * (sizes[i] / 8);

			assert_int_equal(t->node_count, sizes[i] + sizes[i] / 8);
			assert_int_equal(count_level(t, TOPOLOGY_CITY), 1);
			assert_true(count_level(t, TOPOLOGY_DISTRICT) >= 2);
			assert_int_equal(topology_count_parts(t), 1);
			assert_in_range(posts_links, 3 * sizes[i] / 2, 5 * sizes[i] / 2);
			topology_free(t);
		}
	}
}

static void degrees_fit_a_node_and_valleys_hang_on_one_link(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct topology *t = grow(TREE_FULL_NODES, TREE_FULL_NODES / 8, seed);
		unsigned *degrees = calloc(t->node_count, sizeof(*degrees));
		unsigned single = 0, middle = 0;

		assert_non_null(degrees);
		topology_count_degrees(t, degrees);
		for (unsigned i = 0; i < t->node_count; i++) {
			assert_in_range(degrees[i], 1, NODE_ROOM);
			single += degrees[i] == 1;
			middle += degrees[i] >= 2 && degrees[i] <= 6;
		}
		assert_in_range(single, t->node_count / 50, t->node_count / 5);
		assert_true(middle > t->node_count * 7 / 10);
		free(degrees);
		topology_free(t);
	}
}

/* The rule of deployment: a backup on another node of the town is none. */
static void satellite_lies_beside_the_uplink(void **state)
{
	struct topology *t = grow(TREE_FULL_NODES, 0, 1);
	unsigned checked = 0;

	(void)state;
	for (unsigned i = 0; i < t->link_count; i++) {
		unsigned uplinks = 0;

		if (strcmp(t->links[i].preset->name, "geo-satellite") != 0)
			continue;
		for (unsigned j = 0; j < t->link_count; j++)
			uplinks += strcmp(t->links[j].preset->name, "fibre") == 0 &&
				   t->links[j].ends[0] == t->links[i].ends[0];
		assert_int_equal(uplinks, 1);
		checked++;
	}
	assert_int_equal(checked, 10);
	topology_free(t);
}

static void radio_reaches_no_farther_than_radio_does(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct topology *t = grow(TREE_FULL_NODES, 20, seed);

		for (unsigned i = 0; i < t->link_count; i++) {
			const struct topology_link *l = &t->links[i];
			double distance_m = topology_distance_m(t, l->ends[0], l->ends[1]);

			assert_true(distance_m >= 0);
			if (strcmp(l->preset->name, "mesh-radio") == 0)
				assert_true(distance_m <= 7000);
			else if (strcmp(l->preset->name, "mesh-radio-edge") == 0)
				assert_true(distance_m > 7000 && distance_m < 20000);
			else if (strcmp(l->preset->name, "fibre") == 0)
				assert_in_range(l->delay_us, 500, 5000);
		}
		topology_free(t);
	}
}

static char *written(const struct topology *t, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	assert_non_null(out);
	assert_int_equal(topology_write(t, NULL, &(struct topology_output){ .remark = "a tree" }, out), 0);
	fclose(out);
	return text;
}

static void the_seed_is_all_that_matters(void **state)
{
	struct topology *a = grow(TREE_FULL_NODES, 9, 42), *b = grow(TREE_FULL_NODES, 9, 42);
	struct topology *c = grow(TREE_FULL_NODES, 9, 43);
	size_t len_a, len_b, len_c;
	char *text_a = written(a, &len_a), *text_b = written(b, &len_b), *text_c = written(c, &len_c);

	(void)state;
	assert_string_equal(text_a, text_b);
	assert_string_not_equal(text_a, text_c);
	free(text_a);
	free(text_b);
	free(text_c);
	topology_free(a);
	topology_free(b);
	topology_free(c);
}

static void a_small_tree_is_a_scenario_of_the_lab(void **state)
{
	(void)state;
	for (unsigned nodes = TREE_NODES_MIN; nodes <= 28; nodes++) {
		struct topology *t = grow(nodes, nodes / 14, nodes);
		char error[SCENARIO_ERROR_MAX];
		size_t len;
		char *text = written(t, &len);
		struct scenario *s = scenario_parse("tree.yaml", bytes_of(text, len), error);

		assert_string_equal(error, "");
		assert_non_null(s);
		assert_int_equal(s->node_count, t->node_count);
		assert_int_equal(s->link_count, t->link_count);
		for (unsigned i = 0; i < t->link_count; i++) {
			struct link_params params[2];

			topology_link_params(&t->links[i], params);
			assert_string_equal(s->links[i].name, t->links[i].name);
			assert_int_equal(s->links[i].ends[0].node, t->links[i].ends[0]);
			assert_int_equal(s->links[i].ends[1].node, t->links[i].ends[1]);
			assert_int_equal(s->links[i].params[0].rate_bps, params[0].rate_bps);
			assert_int_equal(s->links[i].params[1].delay_us, params[1].delay_us);
		}
		scenario_free(s);
		free(text);
		topology_free(t);
	}
}

static void what_cannot_be_grown_is_refused_with_bounds(void **state)
{
	static const struct tree_params bad[] = { { .nodes = 0 }, { .nodes = TREE_NODES_MIN - 1 },
		{ .nodes = TOPOLOGY_NODES_MAX }, { .nodes = 80, .scenes = 11 } };
	char error[TOPOLOGY_ERROR_MAX];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(topology_grow(&bad[i], error));
		assert_non_null(strstr(error, "ask for 8 to 8192 posts"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_full_tree_has_1073_posts_and_2123_links),
		cmocka_unit_test(a_scene_has_three_ways_out),
		cmocka_unit_test(every_size_is_whole_and_about_two_links_a_post),
		cmocka_unit_test(degrees_fit_a_node_and_valleys_hang_on_one_link),
		cmocka_unit_test(satellite_lies_beside_the_uplink),
		cmocka_unit_test(radio_reaches_no_farther_than_radio_does),
		cmocka_unit_test(the_seed_is_all_that_matters),
		cmocka_unit_test(a_small_tree_is_a_scenario_of_the_lab),
		cmocka_unit_test(what_cannot_be_grown_is_refused_with_bounds),
	};

	return cmocka_run_group_tests_name("topology_tree", tests, NULL, NULL);
}
