/* Who has the list of who is out: how that comes round, what it costs, and what it makes of what gets lost. */
#include "tests/unit/node_world.h"

#define ALL 5

static struct {
	unsigned says; /* AWARE frames that left, of all */
	size_t bytes;
} seen;

static void look(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	(void)user;
	(void)link;
	(void)neighbour;
	if (!is_out || inner.len < 2 || inner.data[0] != KIND_CONTROL || inner.data[1] != CONTROL_AWARE)
		return;
	seen.says++;
	seen.bytes += inner.len;
}

static void looks(struct world *w)
{
	for (unsigned i = 0; i < ALL; i++)
		if (w->stations[i].node)
			w->stations[i].node->output.inner = look;
}

/* 0 ──0── 1 ──1── 2 ──2── 3, and 4 beside 3: who is to be out. */
static struct world *chain(uint64_t seed)
{
	struct world *w = world_of(seed, ALL);

	memset(&seen, 0, sizeof(seen));
	stations_join_in_a_row(w, ALL - 1);
	station_join(w, 4, 2);
	world_run(w, 20 * A_SECOND);
	looks(w);
	return w;
}

/* How many of those before `out` `i` knows to have it. */
static unsigned counted(const struct world *w, unsigned i)
{
	unsigned count = 0;

	for (unsigned k = 0; k < ALL - 1; k++)
		count += node_is_aware(w->stations[i].node, &w->stations[k].enrolment.certificate);
	return count;
}

static void all_count_all(const struct world *w)
{
	for (unsigned i = 0; i < ALL - 1; i++)
		assert_int_equal(counted(w, i), ALL - 1);
}

static void every_node_comes_to_know_who_knows_and_then_is_silent(void **state)
{
	struct world *w = chain(1);

	(void)state;
	assert_int_equal(counted(w, 0), 0); /* there is nothing to know */
	station_revoke(w, 0, 4);
	assert_int_equal(counted(w, 0), 1); /* itself */
	world_run(w, 10 * A_SECOND);
	all_count_all(w);
	assert_false(node_is_aware(w->stations[0].node, &w->stations[4].enrolment.certificate));
	unsigned says = seen.says;
	assert_true(says > 0 && says <= 30);
	world_run(w, 10 * A_MINUTE);
	assert_int_equal(seen.says, says);
	world_free(w);
}

static void who_is_apart_is_counted_when_it_is_back(void **state)
{
	struct world *w = chain(2);

	(void)state;
	w->segments[1].is_cut = true;
	world_run(w, A_MINUTE);
	station_revoke(w, 0, 4);
	world_run(w, A_MINUTE);
	assert_int_equal(counted(w, 0), 2);
	assert_int_equal(counted(w, 2), 0);
	w->segments[1].is_cut = false;
	world_run(w, A_MINUTE);
	all_count_all(w);
	world_free(w);
}

static void what_gets_lost_is_said_again(void **state)
{
	(void)state;
	for (unsigned seed = 10; seed < 20; seed++) {
		struct world *w = chain(seed);

		for (unsigned segment = 0; segment < 3; segment++)
			w->segments[segment].loss = 300;
		station_revoke(w, 0, 4);
		world_run(w, A_MINUTE);
		for (unsigned segment = 0; segment < 3; segment++)
			w->segments[segment].loss = 0;
		world_run(w, 2 * A_MINUTE);
		all_count_all(w);
		unsigned says = seen.says;
		world_run(w, 10 * A_MINUTE);
		assert_int_equal(seen.says, says);
		world_free(w);
	}
}

/* It has the list from its disk, and the rest from its neighbours. */
static void who_was_restarted_learns_it_again(void **state)
{
	struct world *w = chain(3);

	(void)state;
	station_revoke(w, 0, 4);
	world_run(w, A_MINUTE);
	station_kill(w, 1);
	station_start(w, 1);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	assert_int_equal(counted(w, 1), 1);
	world_run(w, A_MINUTE);
	all_count_all(w);
	world_free(w);
}

static void the_next_list_is_counted_anew(void **state)
{
	struct world *w = chain(4);
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	(void)state;
	assert_int_equal(list_tell(w, 0, list_against(w, &r, 4, room)), 0);
	world_run(w, A_MINUTE);
	all_count_all(w);
	w->segments[1].is_cut = true;
	world_run(w, A_MINUTE);
	assert_int_equal(list_tell(w, 0, list_against(w, &r, 4, room)), 0);
	assert_int_equal(counted(w, 0), 1);
	world_run(w, A_MINUTE);
	assert_int_equal(counted(w, 0), 2);
	assert_int_equal(counted(w, 3), ALL - 1); /* of the one that it has */
	world_free(w);
}

/* Serials as far apart as they get, over 9.6 kbit/s. */
static void a_thin_link_takes_the_largest_set_inside_its_budget(void **state)
{
	struct world *w = world_of(5, 4);

	(void)state;
	memset(&seen, 0, sizeof(seen));
	w->segments[0].is_thin = w->segments[0].is_paired = true;
	w->segments[0].mtu = 128;
	w->segments[0].rate_bps = 9600;
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 2, 1);
	station_join(w, 3, 1);
	world_run(w, A_MINUTE);
	station_revoke(w, 0, 3);
	world_run(w, A_MINUTE);
	looks(w);
	/* A member as seen from afar: whoever has the last serial there can be. */
	uint8_t far[2 + 4 + 8 + 2 + 1] = { KIND_CONTROL, CONTROL_AWARE };
	struct writer at = writer_of(far + 2, sizeof(far) - 2);
	struct certificate last = { .serial = REVOCATION_SERIAL_MAX };
	write_u32(&at, revoke_mark(w->stations[1].node));
	write_u64(&at, 0);
	write_u16(&at, REVOCATION_BITMAP_MAX - 1);
	write_u8(&at, 1);
	station_say_inner(w, 2, 1, 1, bytes_of(far, sizeof(far)));
	station_kill(w, 0);
	station_start(w, 0);
	station_join(w, 0, 0);
	world_run(w, 5 * A_MINUTE);
	assert_true(node_is_aware(w->stations[0].node, &last));
	assert_true(node_is_aware(w->stations[0].node, &w->stations[2].enrolment.certificate));
	assert_true(seen.bytes < 2000);
	world_free(w);
}

static void what_is_malformed_or_of_another_list_changes_nothing(void **state)
{
	static const uint8_t short_one[] = { KIND_CONTROL, CONTROL_AWARE, 0, 1 };
	struct world *w = chain(6);
	uint8_t other[2 + 4 + 8 + 2 + 1] = { KIND_CONTROL, CONTROL_AWARE, 0, 9, 9, 9, [16] = 0xff };
	uint8_t beyond[2 + 4 + 8 + 2 + 1] = { KIND_CONTROL, CONTROL_AWARE, [14] = 1, [15] = 0xae, [16] = 0xff };
	const struct node_drops *drops = &node_counters(w->stations[1].node)->drops;

	(void)state;
	station_say_inner(w, 0, 1, 0, bytes_of(other, sizeof(other)));
	world_run(w, A_SECOND); /* there is no list at all */
	assert_int_equal(counted(w, 1), 0);
	station_revoke(w, 0, 4);
	world_run(w, A_MINUTE);
	struct certificate nobody = { .serial = 8 };
	assert_false(node_is_aware(w->stations[1].node, &nobody));
	station_say_inner(w, 0, 1, 0, bytes_of(other, sizeof(other)));
	world_run(w, A_SECOND);
	assert_false(node_is_aware(w->stations[1].node, &nobody));
	uint64_t before = drops->control_malformed;
	station_say_inner(w, 0, 1, 0, bytes_of(short_one, sizeof(short_one)));
	station_say_inner(w, 0, 1, 0, bytes_of(beyond, sizeof(beyond)));
	world_run(w, A_SECOND);
	assert_int_equal(drops->control_malformed, before + 2);
	all_count_all(w);
	world_free(w);
}

/* 2 is of an older version: it is told nothing that it does not know, and passes nothing on. */
static void who_does_not_speak_of_it_is_not_told(void **state)
{
	struct world *w = chain(7);

	(void)state;
	station_kill(w, 2);
	station_start(w, 2);
	w->stations[2].node->capabilities &= (uint16_t)~CAPABILITY_AWARE;
	station_join(w, 2, 1);
	station_join(w, 2, 2);
	world_run(w, A_MINUTE);
	uint64_t before = node_counters(w->stations[2].node)->drops.control_malformed;
	station_revoke(w, 0, 4);
	world_run(w, A_MINUTE);
	assert_int_equal(counted(w, 0), 2);
	assert_int_equal(counted(w, 3), 1);
	assert_int_equal(node_counters(w->stations[2].node)->drops.control_malformed, before);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_node_comes_to_know_who_knows_and_then_is_silent),
		cmocka_unit_test(who_is_apart_is_counted_when_it_is_back),
		cmocka_unit_test(what_gets_lost_is_said_again),
		cmocka_unit_test(who_was_restarted_learns_it_again),
		cmocka_unit_test(the_next_list_is_counted_anew),
		cmocka_unit_test(a_thin_link_takes_the_largest_set_inside_its_budget),
		cmocka_unit_test(what_is_malformed_or_of_another_list_changes_nothing),
		cmocka_unit_test(who_does_not_speak_of_it_is_not_told),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
