/* Once a configuration has taken effect, what runs is what the file says. */
#include "tests/unit/io_world.h"

#include "meshd/io/control.h"

static void tell(void *arg, const char *text, bool needs_restart)
{
	(void)needs_restart;
	fail_msg("%s: %s", (const char *)arg, text);
}

static void reloaded(struct daemon *d, struct config *new, size_t applied_count)
{
	json_t *applied = json_array(), *waiting = json_array();

	reload_apply(d, new, applied, waiting);
	assert_int_equal(json_array_size(applied), applied_count);
	assert_int_equal(json_array_size(waiting), 0);
	config_diff(&d->config, new, tell, (void *)(uintptr_t) "after a reload");
	json_decref(applied);
	json_decref(waiting);
}

/* The figures are the same, so that no neighbour is lost. */
static void another_preset_with_the_same_figures_is_not_told_for_ever(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct config *new = malloc(sizeof(*new));

	assert_non_null(new);
	*new = d->config;
	snprintf(new->links[0].preset, sizeof(new->links[0].preset), "wired");
	reloaded(d, new, 0);
	assert_string_equal(d->config.links[0].preset, "wired");
	free(new);
	world_free(w);
}

static void rules_of_a_link_are_taken_at_once(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct config *new = malloc(sizeof(*new));

	assert_non_null(new);
	*new = d->config;
	assert_null(rule_parse(&new->links[0].accept[0], "deny 10.50.0.0/16"));
	new->links[0].accept_count = 1;
	reloaded(d, new, 1);
	free(new);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_preset_with_the_same_figures_is_not_told_for_ever),
		TEST(rules_of_a_link_are_taken_at_once),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
