/* Networks that exist, as their people publish them, if their files are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/topology_import.h"

struct published {
	const char *file;
	unsigned nodes, links, parts, skipped, merged, implied;
};

static const struct published all[] = {
	{ "17-node-mesh.json", 18, 25, 2, 0, 0, 1 },
	{ "freifunk-leipzig.json", 210, 413, 1, 0, 0, 0 },
	{ "freifunk-bielefeld.json", 246, 483, 1, 0, 0, 0 },
	/* Names some nodes twice, and has links of which nothing arrives. */
	{ "freifunk-berlin.json", 761, 1105, 3, 18, 216, 1 },
	{ "zoo-Cernet.graphml", 41, 59, 1, 0, 0, 0 },
	{ "zoo-Uninett2011.graphml", 69, 98, 1, 0, 0, 0 },
};

static void path_of(char path[512], const char *name)
{
	const char *shared = getenv("MESHD_SHARED");

	snprintf(path, 512, "%s/data/%s", shared ? shared : "../shared", name);
}

static void a_published_network_is_read_whole(void **state)
{
	const struct published *p = *state;
	char path[512], error[TOPOLOGY_ERROR_MAX];

	path_of(path, p->file);
	struct topology *t = topology_load(path, error);
	assert_string_equal(error, "");
	assert_non_null(t);
	assert_int_equal(t->node_count, p->nodes);
	assert_int_equal(t->link_count, p->links);
	assert_int_equal(topology_count_parts(t), p->parts);
	assert_int_equal(t->skipped, p->skipped);
	assert_int_equal(t->merged, p->merged);
	assert_int_equal(t->implied, p->implied);
	for (unsigned i = 0; i < t->link_count; i++) {
		struct link_params params[2];

		topology_link_params(&t->links[i], params);
		assert_true(params[0].loss >= 0 && params[0].loss < 1);
		assert_in_range(params[0].delay_us, 500, 60000);
	}
	topology_free(t);
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct CMUnitTest test = { all[i].file, a_published_network_is_read_whole, NULL, NULL,
			(void *)(uintptr_t)&all[i] };
		const struct CMUnitTest tests[] = { test };
		char path[512];

		path_of(path, all[i].file);
		FILE *file = fopen(path, "re");
		if (!file) {
			printf("ok # SKIP %s is not in ../shared/data; set MESHD_SHARED to where it is\n", all[i].file);
			continue;
		}
		fclose(file);
		failed += cmocka_run_group_tests_name(all[i].file, tests, NULL, NULL);
	}
	return failed;
}
