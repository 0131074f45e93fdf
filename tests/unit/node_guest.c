/* Guests: what they see, what passes, and how each end of their time comes. */
#include "tests/unit/node_world.h"

#define GUEST 3
#define AGENCY "fire brigade"

/*
 *   0 ──0── 1 ──1── 2        3 is a guest on 1's radio, segment 2, and may meet 2 and 10.2.0.0/24 behind it
 *           └──2── 3
 */
struct term {
	uint32_t minutes;
	uint16_t until_list;
	uint8_t classes;
};

static void guest_enrol(struct world *w, unsigned i, const struct address *to, struct term term)
{
	struct station *s = &w->stations[i];
	struct certificate *c = &s->enrolment.certificate;

	station_enrol(w, i, "10.9.0.0/24", NULL);
	guest_draft(c, AGENCY, "10.2.0.0/24");
	c->guest.to[c->guest.to_count++] = prefix_of_host(*to);
	c->guest.until_list = term.until_list;
	c->guest.classes = term.classes ? term.classes : GUEST_TEXT | GUEST_COMMAND;
	c->not_before = 29000000;
	c->not_after = c->not_before + term.minutes;
	assert_int_equal(certificate_issue(c, &w->authority), 0);
}

static struct world *world_with_guest(uint64_t seed, struct term term)
{
	struct world *w = world_new(seed);

	for (unsigned i = 0; i < GUEST; i++) {
		station_enrol(w, i, i == 2 ? "10.2.0.0/24" : i == 0 ? "10.0.0.0/24" : NULL, NULL);
		station_start(w, i);
	}
	guest_enrol(w, GUEST, &w->stations[2].address, term);
	station_start(w, GUEST);
	stations_join_in_a_row(w, GUEST);
	station_join(w, 1, 2);
	station_join(w, GUEST, 2);
	struct prefix p = prefix_make("10.2.0.0/24");
	assert_int_equal(node_originate(w->stations[2].node, w->now, &p), 0);
	p = prefix_make("10.0.0.0/24");
	assert_int_equal(node_originate(w->stations[0].node, w->now, &p), 0);
	p = prefix_make("10.9.0.0/24");
	assert_int_equal(node_originate(w->stations[GUEST].node, w->now, &p), 0);
	world_run(w, 20 * A_SECOND);
	return w;
}

static const struct term a_day = { .minutes = 24 * 60 };

static bool knows_way(struct world *w, unsigned from, const char *to)
{
	struct address a;

	assert_int_equal(address_parse(&a, to), 0);
	return can_reach(w, from, &a);
}

/* One packet; does it arrive? */
static bool passes_from(struct world *w, unsigned from, const char *source, unsigned to, const char *destination)
{
	static uint32_t number = 1;
	struct address a = w->stations[from].address, b = w->stations[to].address;

	if (source)
		assert_int_equal(address_parse(&a, source), 0);
	if (destination)
		assert_int_equal(address_parse(&b, destination), 0);
	station_send_packet(w, from, &a, &b, 64, 64, ++number);
	world_run(w, A_SECOND);
	return w->stations[to].seen[number];
}

static bool passes(struct world *w, unsigned from, unsigned to)
{
	return passes_from(w, from, NULL, to, NULL);
}

static void guest_sees_only_what_it_is_admitted_for(void **state)
{
	struct world *w = world_with_guest(1, a_day);

	(void)state;
	assert_true(is_peer(w, 1, GUEST, 2));
	assert_true(reaches(w, GUEST, 2) && knows_way(w, GUEST, "10.2.0.7"));
	assert_false(reaches(w, GUEST, 0) || reaches(w, GUEST, 1) || knows_way(w, GUEST, "10.0.0.7"));
	/* Everybody knows the way back. */
	assert_true(reaches(w, 0, GUEST) && reaches(w, 2, GUEST) && knows_way(w, 0, "10.9.0.1"));
	/* Members see each other as before. */
	assert_true(reaches(w, 0, 2) && reaches(w, 2, 0));
	world_free(w);
}

static struct world *world_with_guest_on_a_narrow_line(uint64_t seed)
{
	struct world *w = world_with_guest(seed, a_day);

	for (unsigned i = 1; i <= GUEST; i += 2)
		station_leave(w, i, 2);
	w->segments[3].is_thin = w->segments[3].is_open = true;
	w->segments[3].rate_bps = 9600;
	w->segments[3].mtu = 200;
	station_join(w, 1, 3);
	station_join(w, GUEST, 3);
	world_run(w, 2 * A_MINUTE);
	return w;
}

/* Where members are named by short-ids, in lists. */
static void nor_does_it_see_more_on_a_narrow_line(void **state)
{
	struct world *w = world_with_guest_on_a_narrow_line(13);

	(void)state;
	assert_true(is_peer(w, 1, GUEST, 3));
	assert_true(reaches(w, GUEST, 2) && knows_way(w, GUEST, "10.2.0.7"));
	assert_false(reaches(w, GUEST, 0) || reaches(w, GUEST, 1) || knows_way(w, GUEST, "10.0.0.7"));
	assert_true(reaches(w, 0, GUEST) && knows_way(w, 0, "10.9.0.1"));
	assert_true(passes(w, GUEST, 2));
	world_free(w);
}

struct inbox {
	unsigned count;
};

static void inbox_count(void *arg, const struct node_message *m)
{
	struct inbox *all = arg;

	all->count += m->box == NODE_MESSAGE_IN;
}

static unsigned inbox_of(struct world *w, unsigned i)
{
	struct inbox all = { 0 };

	node_dump_messages(w->stations[i].node, inbox_count, &all);
	return all.count;
}

static void write_to(struct world *w, unsigned from, unsigned to)
{
	char name[24];
	uint32_t number;

	snprintf(name, sizeof(name), "station-%u", to);
	assert_int_equal(
		node_message_send(w->stations[from].node, w->now, name, bytes_of("help", 4), false, 29000200, &number),
		0);
	station_poll(&w->stations[from]);
	world_run(w, 30 * A_SECOND);
}

static void messages_go_where_packets_may(void **state)
{
	struct world *w = world_with_guest(14, a_day);

	(void)state;
	station_knows_of(w, GUEST, 2);
	station_knows_of(w, 2, GUEST);
	station_knows_of(w, 0, GUEST);
	write_to(w, GUEST, 2);
	assert_int_equal(inbox_of(w, 2), 1);
	write_to(w, 2, GUEST);
	assert_int_equal(inbox_of(w, GUEST), 1);
	/* Who may not be met may not write to it. */
	write_to(w, 0, GUEST);
	assert_int_equal(inbox_of(w, GUEST), 1);
	assert_true(counters_of(w, 1)->drops.guest_denied > 0);
	world_free(w);
}

static void packets_pass_between_it_and_what_it_may_meet(void **state)
{
	struct world *w = world_with_guest(2, a_day);

	(void)state;
	assert_true(passes(w, GUEST, 2) && passes(w, 2, GUEST));
	assert_true(passes_from(w, GUEST, "10.9.0.5", 2, "10.2.0.7"));
	assert_true(passes_from(w, 2, "10.2.0.7", GUEST, "10.9.0.5"));
	assert_false(passes(w, 0, GUEST)); /* no way back, so none there */
	assert_true(counters_of(w, 1)->drops.guest_denied >= 1);
	world_free(w);
}

/* A guest that does as it likes: it has been told of all routes. */
static void guest_that_does_as_it_likes_gets_no_further(void **state)
{
	struct world *w = world_with_guest(3, a_day);
	struct test_packet p;
	uint8_t inner[1 + 256] = { KIND_IP };

	(void)state;
	const struct {
		unsigned as, to;
	} tries[] = {
		{ GUEST, 0 }, /* whom it may not meet */
		{ GUEST, 1 }, /* its neighbour itself */
		{ 0, 2 }, /* in another's name */
	};
	for (unsigned i = 0; i < 3; i++) {
		packet_make_numbered(
			&p, &w->stations[tries[i].as].address, &w->stations[tries[i].to].address, 64, 64, 700 + i);
		memcpy(inner + 1, p.data, p.len);
		uint64_t denied = counters_of(w, 1)->drops.guest_denied;
		station_say_inner(w, GUEST, 1, 2, bytes_of(inner, 1 + p.len));
		world_run(w, A_SECOND);
		assert_false(w->stations[tries[i].to].seen[700 + i]);
		assert_int_equal(counters_of(w, 1)->drops.guest_denied, denied + 1);
	}
	/* It is told that it may not: ICMPv6 1, code 1. */
	assert_int_equal(w->stations[GUEST].icmp_type, 1);
	assert_int_equal(w->stations[GUEST].icmp_code, 1);
	world_free(w);
}

static void classes_that_it_has_not_are_refused(void **state)
{
	struct world *w = world_with_guest(4, a_day);
	struct test_packet p;
	uint8_t inner[1 + 256];

	(void)state;
	for (unsigned class = 0; class < PACKET_CLASSES; class ++) {
		packet_make_numbered(&p, &w->stations[GUEST].address, &w->stations[2].address, 64, 64, 800 + class);
		inner[0] = kind_of_class(KIND_IP, (enum packet_class) class);
		memcpy(inner + 1, p.data, p.len);
		station_say_inner(w, GUEST, 1, 2, bytes_of(inner, 1 + p.len));
		world_run(w, A_SECOND);
		assert_int_equal(w->stations[2].seen[800 + class], class == CLASS_TEXT || class == CLASS_COMMAND);
	}
	world_free(w);
}

/*
 * The wire from 1 to 2 is cut, and the guest has one to 2:
 *
 *   1 ──2── 3 ──3── 2      but nobody goes by a guest
 */
static void guest_is_nobodys_way(void **state)
{
	struct world *w = world_with_guest(5, a_day);

	(void)state;
	station_join(w, GUEST, 3);
	station_join(w, 2, 3);
	world_run(w, 20 * A_SECOND);
	w->segments[1].is_cut = true;
	world_run(w, 2 * A_MINUTE);
	assert_true(is_peer(w, 2, GUEST, 3) && is_peer(w, 1, GUEST, 2));
	assert_false(reaches(w, 0, 2) || reaches(w, 1, 2) || reaches(w, 2, 0));
	assert_true(passes(w, GUEST, 2));
	world_free(w);
}

static void it_ends_with_its_term_without_any_clock(void **state)
{
	const struct term half_an_hour = { .minutes = 30 };
	struct world *w = world_with_guest(6, half_an_hour);

	(void)state;
	world_run(w, 25 * A_MINUTE);
	assert_true(passes(w, GUEST, 2));
	assert_true(node_guest_left_us(w->stations[0].node, &w->stations[GUEST].enrolment.certificate) < 6 * A_MINUTE);
	world_run(w, 6 * A_MINUTE);
	for (unsigned i = 0; i < GUEST; i++) {
		assert_false(reaches(w, i, GUEST));
		assert_int_equal(w->stations[i].events[NODE_GUEST_OVER], 1);
		assert_true(node_guest_has_ended(w->stations[i].node, &w->stations[GUEST].enrolment.certificate));
	}
	assert_int_equal(w->stations[GUEST].events[NODE_GUEST_OVER], 1);
	assert_false(is_peer(w, 1, GUEST, 2));
	world_run(w, 5 * A_MINUTE);
	assert_false(is_peer(w, 1, GUEST, 2) || reaches(w, 0, GUEST));
	assert_true(reaches(w, 0, 2));
	world_free(w);
}

static struct revocation list_at(struct world *w, struct revocation r, uint32_t date, unsigned at)
{
	uint8_t room[REVOCATION_MAX_LEN];

	assert_int_equal(list_tell(w, at, list_make(w, &r, date, room)), 0);
	world_run(w, 2 * A_SECOND);
	return r;
}

static void it_ends_with_the_list_of_its_number(void **state)
{
	const struct term until_two = { .minutes = 24 * 60, .until_list = 2 };
	struct world *w = world_with_guest(7, until_two);

	(void)state;
	struct revocation r = list_at(w, (struct revocation){ 0 }, 29000010, 0);
	assert_true(reaches(w, 0, GUEST) && is_peer(w, 1, GUEST, 2));
	list_at(w, r, 29000020, 0);
	assert_false(reaches(w, 0, GUEST) || reaches(w, 2, GUEST) || is_peer(w, 1, GUEST, 2));
	world_run(w, 2 * A_MINUTE);
	assert_false(is_peer(w, 1, GUEST, 2));
	assert_true(reaches(w, 0, 2));
	world_free(w);
}

static void it_ends_with_a_date_that_the_authority_has_signed(void **state)
{
	struct world *w = world_with_guest(8, a_day);

	(void)state;
	struct revocation r = list_at(w, (struct revocation){ 0 }, 29000000 + 23 * 60, 2);
	assert_true(passes(w, GUEST, 2));
	/* An hour later by the time that has passed. */
	world_run(w, 59 * A_MINUTE);
	assert_true(is_peer(w, 1, GUEST, 2));
	world_run(w, 3 * A_MINUTE);
	assert_false(is_peer(w, 1, GUEST, 2) || reaches(w, 0, GUEST));
	list_at(w, r, 29000000 + 25 * 60, 2);
	assert_false(reaches(w, 0, GUEST));
	world_free(w);
}

static void more_time_brings_it_back(void **state)
{
	const struct term half_an_hour = { .minutes = 30 };
	struct world *w = world_with_guest(9, half_an_hour);
	struct certificate *c = &w->stations[GUEST].enrolment.certificate;

	(void)state;
	world_run(w, 40 * A_MINUTE);
	assert_false(reaches(w, 0, GUEST));
	c->not_after += 60;
	assert_int_equal(certificate_issue(c, &w->authority), 0);
	station_kill(w, GUEST);
	station_start(w, GUEST);
	station_join(w, GUEST, 2);
	/* Who knows it as one that is out does not call it: it calls. */
	world_run(w, 90 * A_SECOND);
	assert_true(passes(w, GUEST, 2) && reaches(w, 0, GUEST));
	world_run(w, 2 * AN_HOUR);
	assert_false(reaches(w, 0, GUEST));
	world_free(w);
}

/* As "meshctl guest --extend" makes it, told to station `at`. */
static void extend(struct world *w, uint32_t minutes, unsigned at)
{
	static const uint8_t ticket[TICKET_LEN];
	struct certificate c = w->stations[GUEST].enrolment.certificate;
	uint8_t room[GRANT_MAX_LEN];
	struct grant g;

	c.not_after += minutes;
	assert_int_equal(certificate_issue(&c, &w->authority), 0);
	assert_int_equal(grant_make(&g, &c, ticket, &w->authority), 0);
	int len = grant_encode(&g, room, sizeof(room));
	assert_int_equal(node_grant_add(w->stations[at].node, w->now, bytes_of(room, (size_t)len)), 0);
	station_poll(&w->stations[at]);
}

static void more_time_reaches_it_over_the_mesh(void **state)
{
	const struct term half_an_hour = { .minutes = 30 };
	struct world *w = world_with_guest(11, half_an_hour);

	(void)state;
	world_run(w, 20 * A_MINUTE);
	extend(w, 60, 0);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(w->stations[GUEST].offers, 1);
	assert_int_equal(w->stations[GUEST].granted.certificate.not_after, 29000000 + 90);
	/* Before its shell has begun anew it is no other than it was; the others know already. */
	world_run(w, 15 * A_MINUTE);
	for (unsigned i = 0; i < GUEST; i++)
		assert_false(node_guest_has_ended(w->stations[i].node, &w->stations[GUEST].granted.certificate));
	assert_true(reaches(w, 0, GUEST));
	world_free(w);
}

static void who_was_too_late_asks_for_it(void **state)
{
	const struct term half_an_hour = { .minutes = 30 };
	struct world *w = world_with_guest(12, half_an_hour);

	(void)state;
	world_run(w, 40 * A_MINUTE);
	assert_false(is_peer(w, 1, GUEST, 2));
	extend(w, 60, 0);
	world_run(w, A_MINUTE);
	assert_true(w->stations[GUEST].offers >= 1);
	assert_int_equal(w->stations[GUEST].granted.certificate.not_after, 29000000 + 90);
	world_free(w);
}

static void who_starts_without_a_clock_does_not_end_it_early(void **state)
{
	struct world *w = world_with_guest(10, a_day);

	(void)state;
	world_run(w, 5 * AN_HOUR);
	station_kill(w, 1);
	station_start(w, 1);
	for (unsigned segment = 0; segment < 3; segment++)
		station_join(w, 1, segment);
	world_run(w, 30 * A_SECOND);
	assert_true(passes(w, GUEST, 2));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_sees_only_what_it_is_admitted_for),
		cmocka_unit_test(nor_does_it_see_more_on_a_narrow_line),
		cmocka_unit_test(messages_go_where_packets_may),
		cmocka_unit_test(packets_pass_between_it_and_what_it_may_meet),
		cmocka_unit_test(guest_that_does_as_it_likes_gets_no_further),
		cmocka_unit_test(classes_that_it_has_not_are_refused),
		cmocka_unit_test(guest_is_nobodys_way),
		cmocka_unit_test(it_ends_with_its_term_without_any_clock),
		cmocka_unit_test(it_ends_with_the_list_of_its_number),
		cmocka_unit_test(it_ends_with_a_date_that_the_authority_has_signed),
		cmocka_unit_test(more_time_brings_it_back),
		cmocka_unit_test(more_time_reaches_it_over_the_mesh),
		cmocka_unit_test(who_was_too_late_asks_for_it),
		cmocka_unit_test(who_starts_without_a_clock_does_not_end_it_early),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
