/* Ways that somebody bends: by the name of a link, for a while, and seen in status. */
#include "tests/unit/io_world.h"

/* The world goes on, and the loop with it. */
static void passes(struct world *w, struct daemon *d, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		world_run(w, SECOND_US);
		steering_tick(d, w->now_us);
	}
}

static const char *way(struct daemon *d)
{
	static char link[64];
	json_t *answer = asked(d, "{\"request\": \"why\", \"dest\": \"city-1\"}");
	const json_t *each;
	size_t i;

	*link = 0;
	json_array_foreach (json_object_get(answer, "ways"), i, each)
		if (json_is_true(json_object_get(each, "chosen")))
			snprintf(link, sizeof(link), "%s", text_of(each, "link"));
	json_decref(answer);
	return link;
}

static void asked_well(struct daemon *d, const char *request, const char *what)
{
	json_t *answer = asked(d, request);

	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s: %s", request, text_of(answer, "error"));
	assert_string_equal(text_of(answer, "what"), what);
	json_decref(answer);
}

static void refused(struct daemon *d, const char *request, const char *why)
{
	json_t *answer = asked(d, request);

	assert_false(json_is_true(json_object_get(answer, "ok")));
	says(text_of(answer, "error"), why);
	json_decref(answer);
}

/* How many are told; the others that status warns of hang on one path. */
static size_t warned(struct daemon *d, const char *first)
{
	json_t *answer = asked(d, "{\"request\": \"status\"}");
	const json_t *list = json_object_get(answer, "warnings"), *each;
	size_t count = 0, i;

	json_array_foreach (list, i, each)
		count += strncmp(text_of(each, "kind"), "steer-", 6) == 0;

	if (first)
		says(text_of(json_array_get(list, 0), "what"), first);
	json_decref(answer);
	return count;
}

static void a_link_is_avoided_by_name_and_it_ends_by_itself(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	assert_string_equal(way(d), "fibre0");
	asked_well(d, "{\"request\": \"steer\", \"how\": \"avoid\", \"link\": \"fibre0\", \"for_s\": 100}",
		"avoid fibre0");
	assert_int_equal(warned(d, "avoid fibre0: for "), 1);
	passes(w, d, 20);
	assert_string_equal(way(d), "radio0");
	assert_int_equal(said(*state, "operator "), 1);
	says(((struct place *)*state)->log, "avoid fibre0 for 100 s");
	w->now_us += 100 * SECOND_US; /* nothing is due before it is over */
	passes(w, d, 40);
	assert_string_equal(way(d), "fibre0");
	assert_int_equal(said(*state, "steering-over avoid fibre0"), 1);
	assert_int_equal(warned(d, NULL), 0);
	world_free(w);
}

static void the_others_are_avoided_where_one_is_preferred(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	passes(w, d, 20);
	asked_well(d, "{\"request\": \"steer\", \"how\": \"prefer\", \"link\": \"radio0\", \"for_s\": 600}",
		"prefer radio0");
	passes(w, d, 20);
	assert_string_equal(way(d), "radio0");
	asked_well(d, "{\"request\": \"steer\", \"how\": \"prefer\", \"link\": \"radio0\", \"for_s\": 0}",
		"prefer radio0");
	asked_well(d,
		"{\"request\": \"steer\", \"how\": \"cost\", \"link\": \"fibre0\", \"cost\": 3000, \"for_s\": 600}",
		"cost fibre0 +3000");
	passes(w, d, 20);
	assert_string_equal(way(d), "radio0");
	asked_well(d, "{\"request\": \"steer\", \"how\": \"drain\", \"for_s\": 60}", "drain");
	assert_int_equal(warned(d, NULL), 2);
	world_free(w);
}

static void what_cannot_be_is_refused(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	refused(d, "{\"request\": \"steer\"}", "is one of avoid, prefer, cost, drain");
	refused(d, "{\"request\": \"steer\", \"how\": \"avoid\", \"link\": \"sat9\", \"for_s\": 60}",
		"there is no link \"sat9\"; meshctl links names them");
	refused(d, "{\"request\": \"steer\", \"how\": \"avoid\", \"for_s\": 60}", "there is no link \"\"");
	refused(d, "{\"request\": \"steer\", \"how\": \"cost\", \"link\": \"fibre0\", \"cost\": 70000, \"for_s\": 60}",
		"a cost is from 1 to 16384");
	refused(d, "{\"request\": \"steer\", \"how\": \"drain\", \"for_s\": 90000}", "24 hours at most");
	refused(d, "{\"request\": \"steer\", \"how\": \"drain\", \"for_s\": 0}", "nothing of that kind holds now");
	assert_int_equal(said(*state, "operator "), 0);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_is_avoided_by_name_and_it_ends_by_itself),
		TEST(the_others_are_avoided_where_one_is_preferred),
		TEST(what_cannot_be_is_refused),
	};

	if (sodium_init() < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
