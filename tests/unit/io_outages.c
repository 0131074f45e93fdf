/* The outage clock of a real node in a small world: what it asks, what it finds, what it says and keeps. */
#include "tests/unit/io_world.h"

/* The world goes on, and is looked at as often as the loop does. */
static void passes(struct world *w, struct daemon *d, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		world_run(w, SECOND_US);
		outage_watch_tick(d, w->now_us);
	}
}

static struct daemon *watches(struct world *w, const char *name)
{
	struct daemon *d = w->members[CAR].d;

	d->config.watch_count = 1;
	snprintf(d->config.watch[0], sizeof(d->config.watch[0]), "%s", name);
	outage_watch_set(d, &d->config, w->now_us);
	return d;
}

static const struct outage *last(const struct daemon *d)
{
	const struct outages *o = &d->outage_watch.outages;

	assert_true(o->log_count > 0);
	return &o->log[(o->log_count - 1) % OUTAGE_LOG_MAX];
}

static void a_site_is_found_and_everything_there_is_timed(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = watches(w, "city-1");

	passes(w, d, 60);
	assert_int_equal(d->outage_watch.outages.log_count, 1);
	assert_true(last(d)->is_start);
	for (unsigned i = 0; i < OUTAGE_MARKS; i++)
		assert_true(last(d)->after_ms[i] < 30000);
	assert_int_equal(said(*state, "outage-mark city-1: first contact after "), 1);
	assert_int_equal(said(*state, "outage-mark city-1: first picture after "), 1);
	assert_int_equal(said(*state, "outage-over city-1"), 1);
	assert_true(d->state.dirty[STATE_OUTAGES]);
	json_t *answer = asked(d, "{\"request\": \"outages\"}");
	const json_t *site = json_array_get(json_object_get(answer, "sites"), 0);
	assert_false(json_is_true(json_object_get(site, "out")));
	assert_int_equal(json_array_size(json_object_get(answer, "outages")), 1);
	json_decref(answer);
	world_free(w);
}

static void a_site_that_is_cut_off_is_out_until_it_is_back(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = watches(w, "city-1");

	passes(w, d, 60);
	w->is_cut[RADIO1] = true;
	passes(w, d, 40);
	json_t *answer = asked(d, "{\"request\": \"outages\"}");
	const json_t *site = json_array_get(json_object_get(answer, "sites"), 0);
	assert_true(json_is_true(json_object_get(site, "out")));
	assert_int_equal(json_array_size(json_object_get(json_object_get(site, "outage"), "lost")), 3);
	assert_true(json_is_null(json_object_get(json_object_get(site, "outage"), "contact_s")));
	json_decref(answer);
	assert_int_equal(said(*state, "outage city-1: lost text, voice, pictures"), 1);
	w->is_cut[RADIO1] = false;
	passes(w, d, 80);
	assert_int_equal(d->outage_watch.outages.log_count, 2);
	assert_false(last(d)->is_start);
	for (unsigned i = 0; i < OUTAGE_MARKS; i++)
		assert_true(last(d)->after_ms[i] > 25000 && last(d)->after_ms[i] < 90000);
	world_free(w);
}

static void what_nobody_has_as_a_name_stays_out(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = watches(w, "nowhere");

	passes(w, d, 60);
	assert_int_equal(d->outage_watch.outages.log_count, 0);
	assert_true(d->outage_watch.outages.sites[0].is_out);
	world_free(w);
}

static void what_is_watched_may_change(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = watches(w, "city-1");

	passes(w, d, 60);
	watches(w, "relay");
	assert_int_equal(d->outage_watch.outages.site_count, 1);
	passes(w, d, 60);
	assert_int_equal(d->outage_watch.outages.log_count, 2); /* the city's stays */
	assert_string_equal(last(d)->site, "relay");
	world_free(w);
}

static void it_survives_a_restart_and_not_damage(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = watches(w, "city-1");
	char file[4096];

	passes(w, d, 60);
	assert_int_equal(state_open(d, d->error), 0);
	state_outages_changed(d);
	state_close(d);
	d->outage_watch.outages = (struct outages){ 0 };
	outage_watch_set(d, &d->config, w->now_us);
	state_outages_restore(d);
	assert_int_equal(d->outage_watch.outages.log_count, 1);
	ssize_t len = file_get(*state, "state/outages", file, sizeof(file));
	assert_true(len > 20);
	file[20] ^= 1;
	file_put(*state, "state/outages", file, (size_t)len);
	d->outage_watch.outages = (struct outages){ 0 };
	outage_watch_set(d, &d->config, w->now_us);
	state_outages_restore(d);
	assert_int_equal(d->outage_watch.outages.log_count, 0);
	assert_int_equal(said(*state, "state-damaged"), 1);
	assert_true(file_get(*state, "state/outages.bad", file, sizeof(file)) == len);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_site_is_found_and_everything_there_is_timed),
		TEST(a_site_that_is_cut_off_is_out_until_it_is_back),
		TEST(what_nobody_has_as_a_name_stays_out),
		TEST(what_is_watched_may_change),
		TEST(it_survives_a_restart_and_not_damage),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
