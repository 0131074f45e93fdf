/* GraphML: what is read, what is refused, and for how much memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/topology_import.h"
#include "tests/unit/topology_rubbish.h"

static void graphml_is_read_as_the_zoo_writes_it(void **state)
{
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t = topology_load("sim/examples/backbone.graphml", error);

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(t);
	assert_int_equal(t->node_count, 3);
	assert_string_equal(t->nodes[1].name, "North-Gorge"); /* "North &amp; Gorge" */
	assert_int_equal(t->nodes[0].level, TOPOLOGY_CITY);
	assert_int_equal(t->nodes[2].level, TOPOLOGY_TOWN);
	assert_near(topology_distance_m(t, 0, 1), 111195, 100); /* a degree of latitude */
	assert_true(topology_distance_m(t, 0, 2) < 0);
	assert_int_equal(t->link_count, 3); /* two between the same nodes stay two */
	assert_int_equal(t->skipped, 1);
	assert_int_equal(t->links[0].rate_bps, 155000000);
	assert_int_equal(t->links[0].delay_us, 1055);
	assert_int_equal(t->links[1].rate_bps, 0);
	assert_string_equal(t->links[1].name, "link-1");
	assert_string_equal(t->links[2].preset->name, "narrowband");
	assert_int_equal(t->links[2].delay_us, 0);
	topology_free(t);
}

#define KEYS                                                                                                           \
	"<graphml><key id='l' for='node' attr.name='level'/><key id='y' for='node' attr.name='Latitude'/>"             \
	"<key id='r' for='edge' attr.name='LinkSpeedRaw'/><key id='p' for='edge' attr.name='preset'/>\n<graph>"
#define TWO KEYS "<node id='a'/><node id='b'/>\n"
#define END "</graph></graphml>"

static void errors_name_line_and_remedy(void **state)
{
	(void)state;
	assert_refused("<", "t:1: this is not XML");
	assert_refused("<graphml>\n<graph>\n</graphml>", "t:3: this is not XML: mismatched tag");
	assert_refused("<html/>", "t:1: the file begins with <html>; GraphML begins with <graphml>");
	assert_refused(KEYS END, "t: there are no nodes in it");
	assert_refused(KEYS "<node/>" END, "t:2: a node needs an id");
	assert_refused(TWO "<node id='a'/>" END, "t:3: there are two nodes \"a\"; rename one");
	assert_refused(TWO "<edge source='a'/>" END, "t:3: an edge needs two ends");
	assert_refused(
		TWO "<edge source='a' target='c'/>" END, "t:3: edge ends at node \"c\", which is not above; add");
	assert_refused(TWO "<edge source='a' target='b'>\n<data key='r'>fast</data></edge>" END,
		"t:4: \"fast\" is not a number");
	assert_refused(TWO "<edge source='a' target='b'><data key='r'>-5</data></edge>" END, "LinkSpeedRaw is -5");
	assert_refused(
		TWO "<edge source='a' target='b'><data key='r'>nan</data></edge>" END, "\"nan\" is not a number");
	assert_refused(TWO "<edge source='a' target='b'><data key='p'>string</data></edge>" END,
		"t:3: preset \"string\" is not known; known are switch");
	assert_refused(KEYS "<node id='a'><data key='l'>village</data></node>" END, "level \"village\" is not known");
	assert_refused(KEYS "<node id='a'><data key='y'>north</data></node>" END, "\"north\" is not a number");
	assert_refused(KEYS "<node id='a'>\n<graph><node id='b'/></graph></node>" END,
		"t:3: <node> inside the element of line 2");
	assert_refused("<graphml><key id='a'/><key id='a'/></graphml>", "key \"a\" is given twice");
}

/* A billion laughs, and every other use of a DOCTYPE. */
static void entities_are_never_expanded(void **state)
{
	(void)state;
	assert_refused("<?xml version='1.0'?>\n<!DOCTYPE graphml [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>\n"
		       "<graphml><graph><node id='&b;'/></graph></graphml>",
		"t:2: a DOCTYPE could define entities without end; remove it");
	assert_refused("<!DOCTYPE graphml SYSTEM 'file:///etc/passwd'><graphml/>", "t:1: a DOCTYPE");
	assert_refused("<graphml><graph><node id='&b;'/></graph></graphml>", "t:1: this is not XML");
}

static void places_that_are_none_are_left_out(void **state)
{
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t = parse(KEYS "<node id='a'><data key='y'>91</data></node><node id='b'/>"
					"<edge source='a' target='b'/>" END,
		error);

	(void)state;
	assert_non_null(t);
	assert_false(t->nodes[0].placed);
	assert_int_equal(t->links[0].delay_us, 0);
	topology_free(t);
}

static void truncated_graphs_are_refused(void **state)
{
	(void)state;
	assert_cuts_are_bearable(TWO "<edge source='a' target='b'><data key='r'>1e6</data></edge>" END);
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

	refused("<", "rubbish", 20 << 20, "one tag or text is longer than 65536 bytes");
	refused("<graphml a='", "rubbish", 20 << 20, "one tag or text is longer than 65536 bytes");
	refused("<graphml><!--", "rubbish", 20 << 20, "one tag or text is longer than 65536 bytes");
	refused("<graphml>", "rubbish", 20 << 20, "more than 16 MB; this is not a topology");
	refused("<graphml>", "<!-- rubbish -->\n", 20 << 20, "more than 16 MB; this is not a topology");
	refused("<graphml>", "<a>", 20 << 20, "nested more than 32 deep");
	refused("<graphml>", "<a/>", 20 << 20, "more than 16 MB; this is not a topology");
	refused("<graphml>", "<key/>", 20 << 20, "is given twice");
	refused("<graphml>\n", "\x01", 20 << 20, ":2: this is not XML");
	if (MEMORY_IS_OURS)
		assert_in_range(peak_kb() - before_kb, 0, 4 << 10);
}

static void a_graph_beyond_the_limit_is_refused_with_its_name(void **state)
{
	size_t len;
	char *text = NULL, error[TOPOLOGY_ERROR_MAX];
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	fputs("<graphml>\n", out);
	for (unsigned i = 0; i <= TOPOLOGY_NODES_MAX; i++)
		fprintf(out, "<node id='%u'/>\n", i);
	fclose(out);
	assert_null(topology_parse("t", bytes_of(text, len), error));
	assert_string_equal(error, "t:16386: more than 16384 nodes; cut the graph down");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(graphml_is_read_as_the_zoo_writes_it),
		cmocka_unit_test(errors_name_line_and_remedy),
		cmocka_unit_test(entities_are_never_expanded),
		cmocka_unit_test(places_that_are_none_are_left_out),
		cmocka_unit_test(truncated_graphs_are_refused),
		cmocka_unit_test(rubbish_is_refused_in_bounded_memory),
		cmocka_unit_test(a_graph_beyond_the_limit_is_refused_with_its_name),
	};

	return cmocka_run_group_tests_name("topology_graphml", tests, NULL, NULL);
}
