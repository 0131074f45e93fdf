/* Paced links: how often each neighbour is told Hello, and how soon its silence is noticed. */
#include "tests/unit/routing_harness.h"

#include <errno.h>

#define FAST_CS 20
#define SLOW_CS 100
#define MISSES 6
#define FAST_US (FAST_CS * 10 * MILLISECOND)
#define SLOW_US (SLOW_CS * 10 * MILLISECOND)
#define QUIET_US (15 * A_SECOND) /* after so long a new neighbour is idle */

static struct babel_link_config paced(void)
{
	struct babel_link_config config = world_link();

	config.cost = BABEL_COST_ETX;
	config.rxcost = 256;
	config.hello_interval_cs = FAST_CS;
	config.idle_interval_cs = SLOW_CS;
	config.dead_misses = MISSES;
	return config;
}

struct friend
{
	struct world *w;
	struct address address;
	uint16_t seqno; /* of its next unicast Hello */
};

static void friend_hello(struct friend *f, uint16_t interval_cs)
{
	struct babel_tlv hello = say_hello(f->seqno++, interval_cs);

	hello.u.hello.unicast = true;
	probe_say(f->w, 1, 0, 0, hello);
}

static void friend_busy(struct friend *f)
{
	babel_neighbour_busy(f->w->nodes[0].b, f->w->now, 0, &f->address);
	node_poll(f->w, 0);
}

/* For so long, with Hellos of its own. */
static void friend_live(struct friend *f, uint64_t us, uint16_t interval_cs)
{
	for (uint64_t end = f->w->now + us; f->w->now < end;) {
		world_run(f->w, interval_cs * 10 * MILLISECOND);
		friend_hello(f, interval_cs);
		probe_say(f->w, 1, 0, 0, say_ihu(256, 6000));
	}
}

/* A speaker and a probe that it has known for `us`. */
static struct friend befriended(uint64_t seed, const struct babel_link_config *config, uint64_t us)
{
	struct friend f = { .w = world_new(seed), .address = world_address(1, 0), .seqno = 300 };

	node_start(f.w, 0);
	probe_start(f.w, 1);
	node_join_with(f.w, 0, 0, *config);
	node_join(f.w, 1, 0);
	world_run(f.w, 10 * MILLISECOND);
	babel_neighbour_hint(f.w->nodes[0].b, f.w->now, 0, &f.address);
	world_run(f.w, 100 * MILLISECOND);
	probe_ack_all(f.w, 1, 0, 0);
	friend_live(&f, us, SLOW_CS);
	probe_forget(f.w, 1);
	return f;
}

static unsigned cost_of(const struct friend *f)
{
	struct babel_neighbour_info info;

	assert_true(node_neighbour(f->w, 0, 0, 1, &info));
	return info.cost[BABEL_TEXT];
}

/* How long until the neighbour is dead, with nothing said by it. */
static uint64_t dead_after_us(struct friend *f)
{
	uint64_t since_us = f->w->now;

	while (cost_of(f) != BABEL_INFINITY) {
		assert_true(f->w->now < since_us + 20 * A_SECOND);
		world_run(f->w, MILLISECOND);
	}
	return f->w->now - since_us;
}

static bool is_hello_to_it(const struct heard *h)
{
	return h->tlv.type == TLV_HELLO && h->tlv.u.hello.unicast && !h->multicast;
}

static unsigned hellos_to_it(const struct friend *f, uint16_t interval_cs)
{
	unsigned count = 0;

	for (size_t i = 0; i < f->w->nodes[1].heard_count; i++) {
		const struct heard *h = &f->w->nodes[1].heard[i];

		count += is_hello_to_it(h) && h->tlv.u.hello.interval_cs == interval_cs;
	}
	return count;
}

/* Every Hello comes within the time that the one before it promised. */
static void promises_are_kept(const struct friend *f)
{
	const struct heard *last = NULL;

	for (size_t i = 0; i < f->w->nodes[1].heard_count; i++) {
		const struct heard *h = &f->w->nodes[1].heard[i];

		if (!is_hello_to_it(h))
			continue;
		if (last) {
			assert_int_equal(h->tlv.u.hello.seqno, (uint16_t)(last->tlv.u.hello.seqno + 1));
			assert_true(h->at - last->at <= last->tlv.u.hello.interval_cs * 10 * MILLISECOND);
		}
		last = h;
	}
	assert_non_null(last);
}

/* --- how often ------------------------------------------------------------------------------- */

static void idle_neighbour_is_told_hello_at_the_idle_interval__protocol_6_1(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(1, &config, QUIET_US);

	(void)state;
	friend_live(&f, 20 * A_SECOND, SLOW_CS);
	assert_in_range(hellos_to_it(&f, SLOW_CS), 20, 23);
	assert_int_equal(hellos_to_it(&f, FAST_CS), 0);
	promises_are_kept(&f);
	world_free(f.w);
}

static void busy_neighbour_is_told_hello_at_the_full_rate__protocol_6_1(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(2, &config, QUIET_US);

	(void)state;
	friend_busy(&f);
	world_run(f.w, 150 * MILLISECOND); /* the one before may have left just now */
	assert_int_equal(hellos_to_it(&f, FAST_CS), 1);
	for (unsigned second = 0; second < 20; second++) {
		friend_busy(&f);
		friend_live(&f, A_SECOND, FAST_CS);
	}
	assert_in_range(hellos_to_it(&f, FAST_CS), 100, 112);
	assert_int_equal(hellos_to_it(&f, SLOW_CS), 0);
	promises_are_kept(&f);
	world_free(f.w);
}

static void new_neighbour_is_probed_as_a_busy_one(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(3, &config, 0);

	(void)state;
	friend_live(&f, 5 * A_SECOND, SLOW_CS);
	assert_in_range(hellos_to_it(&f, FAST_CS), 25, 28);
	world_free(f.w);
}

static void slower_pace_is_said_before_it_is_kept(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(4, &config, QUIET_US);
	unsigned warnings = 0;

	(void)state;
	friend_busy(&f);
	friend_live(&f, 14 * A_SECOND, SLOW_CS);
	promises_are_kept(&f);
	for (size_t i = 1; i < f.w->nodes[1].heard_count; i++) {
		const struct heard *h = &f.w->nodes[1].heard[i];

		if (!is_hello_to_it(h) || h->tlv.u.hello.interval_cs != SLOW_CS)
			continue;
		warnings++;
		if (warnings > 1 && warnings <= MISSES + 1) {
			/* Its IHU holds for as long as the slower Hellos need. */
			const struct heard *before = &f.w->nodes[1].heard[i - 1];
			assert_true(h->at - before->at <= FAST_US);
			assert_int_equal(before->tlv.type, TLV_IHU);
			assert_int_equal(before->tlv.u.ihu.interval_cs, 3 * SLOW_CS);
		}
	}
	assert_true(warnings > MISSES + 1);
	world_free(f.w);
}

static void pace_that_changes_at_random_keeps_its_promises(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct babel_link_config config = paced();
		struct friend f = befriended(100 + seed, &config, A_SECOND);

		for (unsigned step = 0; step < 20; step++) {
			if (prng_below(&f.w->prng, 4) == 0)
				friend_busy(&f);
			friend_live(&f, A_SECOND, SLOW_CS);
		}
		promises_are_kept(&f);
		world_free(f.w);
	}
}

static void nobody_is_told_hello_more_often_than_the_full_rate(void **state)
{
	struct babel_link_config config = paced();

	(void)state;
	config.idle_interval_cs = FAST_CS - 1;
	struct world *w = world_new(5);
	struct address self = world_address(0, 0);
	node_start(w, 0);
	assert_int_equal(babel_link_add(w->nodes[0].b, w->now, 7, &self, &config), -EINVAL);
	world_free(w);
}

/* --- silence ---------------------------------------------------------------------------------- */

static void silence_of_a_busy_neighbour_is_noticed_as_ever__protocol_6_1(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(6, &config, QUIET_US);

	(void)state;
	friend_busy(&f);
	friend_live(&f, 3 * A_SECOND, FAST_CS);
	assert_int_equal(dead_after_us(&f), MISSES * FAST_US + FAST_US / 2);
	world_free(f.w);
}

static void silence_of_an_idle_neighbour_is_asked_about__protocol_6_1(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(7, &config, QUIET_US);

	(void)state;
	world_run(f.w, SLOW_US * 3 / 2 - MILLISECOND);
	assert_int_equal(probe_count(f.w, 1, TLV_ACK_REQUEST), 0);
	assert_int_equal(dead_after_us(&f), MILLISECOND + MISSES * FAST_US);
	assert_int_equal(probe_count(f.w, 1, TLV_ACK_REQUEST), MISSES);
	world_free(f.w);
}

/* A third of what goes there and back is lost: six polls in vain would be an alarm in every few minutes. */
static void lossy_neighbour_is_asked_more_often_before_it_is_dead__protocol_6_1(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(13, &config, QUIET_US);

	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		f.seqno = (uint16_t)(f.seqno + (i % 2 == 0)); /* one that was lost */
		friend_live(&f, SLOW_US, SLOW_CS);
	}
	assert_in_range(cost_of(&f), 320, 400);
	probe_forget(f.w, 1);
	dead_after_us(&f);
	assert_in_range(probe_count(f.w, 1, TLV_ACK_REQUEST), 10, 14);
	world_free(f.w);
}

static void traffic_does_not_put_off_the_question(void **state)
{
	struct babel_link_config config = paced();

	(void)state;
	for (uint64_t heard_us = 50 * MILLISECOND; heard_us < 2 * SLOW_US; heard_us += 50 * MILLISECOND) {
		struct friend f = befriended(8, &config, QUIET_US);

		world_run(f.w, heard_us);
		babel_neighbour_alive(f.w->nodes[0].b, f.w->now, 0, &f.address);
		assert_in_range(dead_after_us(&f), 0, SLOW_US * 3 / 2 + MISSES * FAST_US);
		world_free(f.w);
	}
}

static void answer_to_a_poll_is_a_sign_of_life(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(9, &config, QUIET_US);

	(void)state;
	/* All of its Hellos are lost from now on, and all polls but the last of each row. */
	for (unsigned row = 0; row < 3; row++) {
		probe_forget(f.w, 1);
		while (probe_count(f.w, 1, TLV_ACK_REQUEST) < MISSES) {
			world_run(f.w, MILLISECOND);
			assert_int_not_equal(cost_of(&f), BABEL_INFINITY);
		}
		probe_ack(f.w, 1, 0, 0);
	}
	probe_forget(f.w, 1);
	world_run(f.w, FAST_US + SLOW_US / 4);
	assert_int_equal(probe_count(f.w, 1, TLV_ACK_REQUEST), 0); /* it has answered */
	world_free(f.w);
}

static void flow_onto_a_dead_neighbour_finds_out_at_the_full_rate(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(10, &config, QUIET_US);

	(void)state;
	friend_busy(&f);
	assert_int_equal(dead_after_us(&f), MISSES * FAST_US);
	world_free(f.w);
}

/* It answers, but has not seen the packets: it says Hello slowly yet, and may die any time. */
static void needed_but_slow_neighbour_is_polled_until_it_hurries(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(11, &config, QUIET_US);

	(void)state;
	friend_busy(&f);
	for (unsigned i = 0; i < 20; i++) {
		world_run(f.w, FAST_US);
		probe_ack(f.w, 1, 0, 0);
	}
	assert_in_range(probe_count(f.w, 1, TLV_ACK_REQUEST), 10, 20);
	assert_int_not_equal(cost_of(&f), BABEL_INFINITY);
	friend_hello(&f, FAST_CS);
	probe_forget(f.w, 1);
	friend_live(&f, A_SECOND, FAST_CS);
	assert_int_equal(probe_count(f.w, 1, TLV_ACK_REQUEST), 0);
	world_free(f.w);
}

static void own_sleep_is_not_its_silence__protocol_6_1(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(12, &config, QUIET_US);

	(void)state;
	while (probe_count(f.w, 1, TLV_ACK_REQUEST) < MISSES)
		world_run(f.w, MILLISECOND);
	f.w->now += 3 * A_SECOND; /* nobody called babel_poll(): the answer waits in the socket */
	node_poll(f.w, 0);
	assert_int_not_equal(cost_of(&f), BABEL_INFINITY);
	probe_ack(f.w, 1, 0, 0);
	world_run(f.w, A_SECOND / 2);
	assert_int_not_equal(cost_of(&f), BABEL_INFINITY);
	world_free(f.w);
}

/* --- links that are bad ---------------------------------------------------------------------------- */

/* How often a neighbour on a thin link is told Hello that says so of ours: its cost is `times` that of a good link. */
static unsigned thin_interval_cs(unsigned times, bool is_thin)
{
	struct babel_link_config config = paced();

	config.is_thin = is_thin;
	config.idle_interval_cs = FAST_CS;
	struct friend f = befriended(16, &config, 0);
	for (unsigned i = 0; i < 100; i++) {
		world_run(f.w, FAST_US);
		friend_hello(&f, FAST_CS);
		probe_say(f.w, 1, 0, 0, say_ihu((uint16_t)(256 * times), 6000));
	}
	promises_are_kept(&f);
	const struct heard *last = NULL;
	for (size_t i = 0; i < f.w->nodes[1].heard_count; i++)
		if (is_hello_to_it(&f.w->nodes[1].heard[i]))
			last = &f.w->nodes[1].heard[i];
	assert_non_null(last);
	unsigned interval_cs = last->tlv.u.hello.interval_cs;
	world_free(f.w);
	return interval_cs;
}

static void hellos_on_a_thin_link_shrink_when_it_is_bad__protocol_6_1(void **state)
{
	(void)state;
	assert_int_equal(thin_interval_cs(1, true), FAST_CS);
	assert_int_equal(thin_interval_cs(2, true), 2 * FAST_CS);
	assert_int_equal(thin_interval_cs(3, true), 3 * FAST_CS);
	assert_int_equal(thin_interval_cs(8, true), 4 * FAST_CS); /* and no more, or nobody finds out that it is good */
	assert_int_equal(thin_interval_cs(8, false), FAST_CS);
}

/* --- who is there -------------------------------------------------------------------------------- */

static void two_paced_engines_converge_within_a_second(void **state)
{
	struct babel_link_config config = paced();

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct world *w = world_new(seed);

		node_start(w, 0);
		node_start(w, 1);
		node_announce(w, 1, "fd00:1::/64");
		node_join_with(w, 0, 0, config);
		node_join_with(w, 1, 0, config);
		world_run(w, 900 * MILLISECOND);
		assert_int_not_equal(node_metric(w, 0, "fd00:1::/64"), BABEL_INFINITY);
		/* Nobody has told that Hellos were lost. */
		assert_in_range(node_metric(w, 0, "fd00:1::/64"), 256, 1024);
		world_free(w);
	}
}

static void neighbour_that_is_hinted_at_is_told_hello_until_it_is_lost(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(13, &config, QUIET_US);
	struct babel_neighbour_info info;

	(void)state;
	world_run(f.w, 60 * A_SECOND); /* silent for more than a history */
	assert_int_equal(cost_of(&f), BABEL_INFINITY);
	probe_forget(f.w, 1);
	world_run(f.w, 10 * A_SECOND);
	assert_in_range(hellos_to_it(&f, SLOW_CS), 10, 12);
	friend_hello(&f, SLOW_CS);
	probe_say(f.w, 1, 0, 0, say_ihu(256, 6000));
	assert_int_not_equal(cost_of(&f), BABEL_INFINITY); /* found again */
	babel_neighbour_lost(f.w->nodes[0].b, f.w->now, 0, &f.address);
	assert_false(node_neighbour(f.w, 0, 0, 1, &info));
	probe_forget(f.w, 1);
	world_run(f.w, 10 * A_SECOND);
	assert_int_equal(hellos_to_it(&f, SLOW_CS) + hellos_to_it(&f, FAST_CS), 0);
	world_free(f.w);
}

/* The sender had lost us, and counts from anew; its owner would have said it if it had restarted. */
static void lost_count_of_unicast_hellos_keeps_the_routes(void **state)
{
	struct babel_link_config config = paced();
	struct friend f = befriended(14, &config, QUIET_US);

	(void)state;
	probe_say(f.w, 1, 0, 0, say_update("fd00:1::/64", world_id(1), 5, 100));
	assert_int_equal(node_metric(f.w, 0, "fd00:1::/64"), 356);
	f.seqno += 1000;
	friend_hello(&f, SLOW_CS);
	assert_int_equal(node_metric(f.w, 0, "fd00:1::/64"), 356);
	assert_int_equal(babel_counters(f.w->nodes[0].b)->neighbours_lost, 0);
	world_free(f.w);
}

static void strangers_are_told_hello_ever_more_seldom(void **state)
{
	struct babel_link_config config = paced();
	struct world *w = world_new(15);
	unsigned count = 0;

	(void)state;
	node_start(w, 0);
	probe_start(w, 1);
	node_join_with(w, 0, 0, config);
	node_join(w, 1, 0);
	world_run(w, 100 * A_SECOND);
	for (size_t i = 0; i < w->nodes[1].heard_count; i++) {
		const struct heard *h = &w->nodes[1].heard[i];

		if (h->tlv.type != TLV_HELLO)
			continue;
		assert_true(h->multicast);
		assert_int_equal(h->tlv.u.hello.interval_cs, 0); /* nothing is promised */
		count++;
	}
	assert_in_range(count, 8, 11); /* three early, then after 1, 2, 4 ... s */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_neighbour_is_told_hello_at_the_idle_interval__protocol_6_1),
		cmocka_unit_test(busy_neighbour_is_told_hello_at_the_full_rate__protocol_6_1),
		cmocka_unit_test(new_neighbour_is_probed_as_a_busy_one),
		cmocka_unit_test(slower_pace_is_said_before_it_is_kept),
		cmocka_unit_test(pace_that_changes_at_random_keeps_its_promises),
		cmocka_unit_test(nobody_is_told_hello_more_often_than_the_full_rate),
		cmocka_unit_test(silence_of_a_busy_neighbour_is_noticed_as_ever__protocol_6_1),
		cmocka_unit_test(silence_of_an_idle_neighbour_is_asked_about__protocol_6_1),
		cmocka_unit_test(lossy_neighbour_is_asked_more_often_before_it_is_dead__protocol_6_1),
		cmocka_unit_test(traffic_does_not_put_off_the_question),
		cmocka_unit_test(answer_to_a_poll_is_a_sign_of_life),
		cmocka_unit_test(flow_onto_a_dead_neighbour_finds_out_at_the_full_rate),
		cmocka_unit_test(needed_but_slow_neighbour_is_polled_until_it_hurries),
		cmocka_unit_test(own_sleep_is_not_its_silence__protocol_6_1),
		cmocka_unit_test(hellos_on_a_thin_link_shrink_when_it_is_bad__protocol_6_1),
		cmocka_unit_test(two_paced_engines_converge_within_a_second),
		cmocka_unit_test(neighbour_that_is_hinted_at_is_told_hello_until_it_is_lost),
		cmocka_unit_test(lost_count_of_unicast_hellos_keeps_the_routes),
		cmocka_unit_test(strangers_are_told_hello_ever_more_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
