/* NetJSON and the graphs of meshes: what is read, what is refused, and for how much memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/topology_import.h"
#include "tests/unit/topology_rubbish.h"

static void netjson_is_read__networkgraph(void **state)
{
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t = topology_load("sim/examples/valley.netjson", error);

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(t);
	assert_int_equal(t->node_count, 4);
	assert_string_equal(t->nodes[0].name, "county");
	assert_int_equal(t->nodes[0].level, TOPOLOGY_DISTRICT);
	assert_int_equal(t->nodes[1].level, TOPOLOGY_TOWN);
	assert_int_equal(t->nodes[3].level, TOPOLOGY_SCENE);
	assert_false(t->nodes[3].placed);
	/* 0.05 degrees of longitude at 29.6 degrees north, 0.03 of latitude */
	assert_near(t->nodes[1].x_m - t->nodes[0].x_m, 4834, 10);
	assert_near(t->nodes[1].y_m - t->nodes[0].y_m, 3336, 10);
	assert_int_equal(t->link_count, 4);
	assert_string_equal(t->links[0].preset->name, "fibre");
	assert_in_range(t->links[0].delay_us, 525, 535); /* 5.9 km of glass */
	assert_string_equal(t->links[1].name, "ridge-mill");
	assert_string_equal(t->links[1].preset->name, "mesh-radio");
	assert_near(t->links[1].loss, .2, 1e-9); /* 1.5625 = 1 / 0.8^2 */
	assert_string_equal(t->links[2].preset->name, "narrowband");
	assert_near(t->links[2].loss, .5, 1e-9);
	topology_free(t);
}

static void a_meshs_graph_is_read_as_it_is_published(void **state)
{
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t = topology_load("sim/examples/street-mesh.json", error);

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(t);
	assert_int_equal(t->node_count, 4);
	assert_string_equal(t->nodes[0].name, "Town-hall");
	assert_string_equal(t->nodes[2].name, "School-2");
	assert_string_equal(t->nodes[3].name, "4");
	assert_int_equal(t->implied, 1); /* node 4 */
	assert_int_equal(t->skipped, 1); /* quality 0 */
	assert_int_equal(t->merged, 1); /* the way back */
	assert_int_equal(t->link_count, 3);
	assert_near(t->links[0].loss, .2, 1e-9); /* the worst of four views */
	assert_string_equal(t->links[1].preset->name, "fibre");
	assert_true(t->links[1].loss < 0);
	assert_near(t->links[2].loss, .25, 1e-9);
	topology_free(t);
}

#define TWO "{\"nodes\":[{\"id\":\"a\"},\n{\"id\":\"b\"}],\n\"links\":[\n"
#define STRICT "{\"type\":\"NetworkGraph\",\"nodes\":[{\"id\":\"a\"},\n{\"id\":\"b\"}],\n\"links\":[\n"

static void errors_name_line_and_remedy(void **state)
{
	(void)state;
	assert_refused("", "t: neither JSON nor GraphML");
	assert_refused("hello", "t:1: neither JSON nor GraphML; a topology starts with");
	assert_refused("{", "t:1: this is not JSON");
	assert_refused("{\n\"links\": [}", "t:2: this is not JSON");
	assert_refused("{\"links\": [], \"links\": []}", "duplicate object key");
	assert_refused("{}", "t:1: not a graph; write \"nodes\" and \"links\"");
	assert_refused("{\"links\": 3}", "t:1: not a graph");
	assert_refused("{\"links\": []}", "there are no nodes in it");
	assert_refused("{\"type\": \"NetworkRoutes\", \"links\": []}", "type \"NetworkRoutes\" of NetJSON");
	assert_refused("{\"nodes\":[{\"id\":\"a\"},\n{}],\"links\":[]}", "t:2: a node needs an id");
	assert_refused("{\"nodes\":[{\"id\":\"a\"},\n{\"id\":1.5}],\"links\":[]}", "t:2: a node needs an id");
	assert_refused("{\"nodes\":[{\"id\":\"a\"},\n7],\"links\":[]}", "t:2: a node needs an id");
	assert_refused("{\"nodes\":[{\"id\":\"a\",\"level\":\"village\"}],\"links\":[]}", "level \"village\"");
	assert_refused(
		TWO "{\"source\":\"a\",\"target\":\"b\"},\n\n{\"source\":\"a\"}]}", "t:6: a link needs a target");
	assert_refused(TWO "null]}", "t:4: a link needs a source");
	assert_refused(TWO "{\"source\":\"a\",\"target\":\"b\",\"quality\":1.5}]}", "t:4: a quality is a share");
	assert_refused(TWO "{\"source\":\"a\",\"target\":\"b\",\"quality\":-1}]}", "t:4: a quality is a share");
	assert_refused(TWO "{\"source\":\"a\",\"target\":\"b\",\"preset\":\"string\"}]}",
		"t:4: preset \"string\" is not known; known are switch");
	assert_refused(STRICT "{\"source\":\"a\",\"target\":\"c\"}]}", "t:4: target \"c\" is not among the nodes; add");
	assert_refused("{\"type\":\"NetworkGraph\",\"nodes\":[{\"id\":\"a\"},{\"id\":\"a\"}],\"links\":[]}",
		"there are two nodes \"a\"");
	/* Braces and the names of lists in texts do not mislead the count of lines. */
	assert_refused(
		"{\"x\":\"]},\\\"links\\\":[\",\"y\":{\"links\":[1,2]},\n\"links\":[\n{}],\"nodes\":[{\"id\":1}]}",
		"t:3: a link needs a source");
}

static void a_hostile_name_cannot_break_the_line(void **state)
{
	char error[TOPOLOGY_ERROR_MAX];

	(void)state;
	assert_null(parse("{\"nodes\":[{\"id\":\"a\",\"level\":\"x\\n\\u001b[31m\"}],\"links\":[]}", error));
	assert_null(strchr(error, '\n'));
	assert_null(strchr(error, '\x1b'));
}

static void etx_below_one_is_nonsense_and_other_metrics_are_no_quality(void **state)
{
	char error[TOPOLOGY_ERROR_MAX];

	(void)state;
	assert_refused("{\"type\":\"NetworkGraph\",\"metric\":\"ETX\",\"nodes\":[{\"id\":1},{\"id\":2}],\n"
		       "\"links\":[{\"source\":1,\"target\":2,\"cost\":0.5}]}",
		"t:2: a quality is a share");
	struct topology *t =
		parse("{\"type\":\"NetworkGraph\",\"metric\":\"babel\",\"nodes\":[{\"id\":1},{\"id\":2}],\n"
		      "\"links\":[{\"source\":1,\"target\":2,\"cost\":256}]}",
			error);
	assert_non_null(t);
	assert_true(t->links[0].loss < 0);
	topology_free(t);
}

static void truncated_graphs_are_read_or_refused(void **state)
{
	(void)state;
	assert_cuts_are_bearable(TWO "{\"source\":\"a\",\"target\":\"c\",\"quality\":0.5,\"type\":\"wifi\"}]}");
}

static void refused(const char *head, const char *unit, size_t size, const char *expected)
{
	char path[32], error[TOPOLOGY_ERROR_MAX];

	rubbish_write(path, head, unit, size);
	struct topology *t = topology_load(path, error);
	unlink(path);
	if (t || !strstr(error, expected))
		fail_msg("it says \"%s\", not \"%s\"", t ? "good" : error, expected);
}

static void rubbish_is_refused_in_bounded_memory(void **state)
{
	(void)state;
	long before_kb = peak_kb();

	refused("", "\xff\x01 rubbish\n", 16 << 20, "neither JSON nor GraphML");
	refused("", "\n", 16 << 20, "neither JSON nor GraphML");
	refused("{", "\"a\":1,", 16 << 20, "more than 4 MB; this is not a topology");
	refused("{\"links\":[", "1,", TOPOLOGY_JSON_MAX - 16, "more than 500000 values");
	refused("{\"links\":", "[", 300000, "this is not JSON");
	refused("{\"links\":[\"", "rubbish", TOPOLOGY_JSON_MAX - 16, "this is not JSON");
	/* As many values as there may be: the most that a file can make the library hold. */
	refused("{\"links\":[", "1,", 2 * (TOPOLOGY_JSON_VALUES_MAX - 10), "this is not JSON");
	if (MEMORY_IS_OURS)
		assert_in_range(peak_kb() - before_kb, 0, 64 << 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netjson_is_read__networkgraph),
		cmocka_unit_test(a_meshs_graph_is_read_as_it_is_published),
		cmocka_unit_test(errors_name_line_and_remedy),
		cmocka_unit_test(a_hostile_name_cannot_break_the_line),
		cmocka_unit_test(etx_below_one_is_nonsense_and_other_metrics_are_no_quality),
		cmocka_unit_test(truncated_graphs_are_read_or_refused),
		cmocka_unit_test(rubbish_is_refused_in_bounded_memory),
	};

	return cmocka_run_group_tests_name("topology_netjson", tests, NULL, NULL);
}
