/* Who is heard, and is no neighbour: who does not hear us, and who has other keys. */
#include "tests/unit/node_world.h"

static struct node_hearsay hearsay_of(const struct world *w, unsigned i, bool *is_there)
{
	struct node_hearsay h = { 0 };

	*is_there = node_heard_only(w->stations[i].node, w->now, 0, 0, &h);
	return h;
}

static void hear(struct world *w, unsigned i, const struct flight *f, bool is_garbled)
{
	uint8_t room[NODE_FRAME_MAX];
	struct node_frame frame = { .from = f->source, .data = room, .len = f->len };

	memcpy(room, f->data, f->len);
	room[f->len - 1] ^= is_garbled;
	node_frames_in(w->stations[i].node, w->now, 0, &frame, 1);
	station_poll(&w->stations[i]);
}

/* 1 hears the beacons of 0, or what looks like them; 0 hears nothing. */
static void beacons_pass(struct world *w, uint64_t span, bool are_garbled)
{
	for (uint64_t end = w->now + span; w->now < end;) {
		unsigned at = w->tape_count;

		world_run(w, A_SECOND);
		for (; at < w->tape_count; at++)
			if (w->tape[at].from == 0 && w->tape[at].data[0] == FRAME_BEACON && w->tape[at].len)
				hear(w, 1, &w->tape[at], are_garbled);
	}
}

static struct world *one_way(uint64_t seed)
{
	struct world *w = world_of(seed, 3);

	w->segments[0].is_parted = true;
	w->segments[0].parted[0] = 0;
	w->segments[0].parted[1] = 1;
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	w->is_recording = true;
	return w;
}

static void who_does_not_hear_us_is_named(void **state)
{
	struct world *w = one_way(1);
	bool is_there;

	(void)state;
	hearsay_of(w, 1, &is_there);
	assert_false(is_there);
	beacons_pass(w, 2 * A_MINUTE, false);
	struct node_hearsay h = hearsay_of(w, 1, &is_there);
	assert_true(is_there);
	assert_true(w->now - h.since_us > 100 * A_SECOND);
	assert_null(h.certificate); /* they never met */
	station_knows_of(w, 1, 0);
	h = hearsay_of(w, 1, &is_there);
	assert_true(is_there && h.certificate);
	assert_string_equal(h.certificate->name, w->stations[0].enrolment.certificate.name);
	hearsay_of(w, 0, &is_there);
	assert_false(is_there);
	/* Silent: it is gone. */
	world_run(w, 90 * A_SECOND);
	hearsay_of(w, 1, &is_there);
	assert_false(is_there);
	world_free(w);
}

static void who_is_a_neighbour_is_not(void **state)
{
	struct world *w = one_way(2);
	bool is_there;

	(void)state;
	beacons_pass(w, A_MINUTE, false);
	w->segments[0].is_parted = false;
	world_run(w, 30 * A_SECOND);
	assert_true(is_peer(w, 0, 1, 0));
	hearsay_of(w, 1, &is_there);
	assert_false(is_there);
	world_free(w);
}

/* It says beacons, for it knows the deployment; it is refused, which is another matter. */
static void who_is_out_is_not(void **state)
{
	struct world *w = one_way(3);
	bool is_there;

	(void)state;
	station_revoke(w, 1, 0);
	station_knows_of(w, 1, 0);
	beacons_pass(w, A_MINUTE, false);
	hearsay_of(w, 1, &is_there);
	assert_false(is_there);
	world_free(w);
}

static uint64_t strange;
static struct endpoint stranger;

static void link_look(void *arg, const struct node_link_info *info)
{
	(void)arg;
	strange = info->strange_frames;
	stranger = info->stranger;
}

static void who_has_other_keys_is_counted_with_where_he_is(void **state)
{
	struct world *w = one_way(4);
	bool is_there;

	(void)state;
	beacons_pass(w, A_MINUTE, true);
	node_dump_links(w->stations[1].node, link_look, NULL);
	assert_true(strange >= 10);
	assert_true(endpoint_equal(&stranger, &w->stations[0].ports[0].self));
	hearsay_of(w, 1, &is_there);
	assert_false(is_there);
	/* Noise of another size is no stranger. */
	struct flight noise = { .len = 40, .data = { FRAME_BEACON } };
	uint64_t before = strange;
	hear(w, 1, &noise, false);
	node_dump_links(w->stations[1].node, link_look, NULL);
	assert_int_equal(strange, before);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_does_not_hear_us_is_named),
		cmocka_unit_test(who_is_a_neighbour_is_not),
		cmocka_unit_test(who_is_out_is_not),
		cmocka_unit_test(who_has_other_keys_is_counted_with_where_he_is),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
