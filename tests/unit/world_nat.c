/* NAT boxes of the simulator (sim/world/nat.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/nat.h"
#include "sim/world/world.h"

#define HERE 7 /* host of the box */

static const struct port *const inner = (const struct port *)3, *const other = (const struct port *)4;
static const struct segment *const first = (const struct segment *)1, *const second = (const struct segment *)2;

static struct endpoint end_at(uint8_t host, uint16_t port)
{
	return (struct endpoint){ 6, { 10, 0, 0, host, (uint8_t)(port >> 8), (uint8_t)port } };
}

static void a_box_has_one_port_for_all_or_one_for_each(void **state)
{
	struct endpoint a = end_at(1, 6697), b = end_at(2, 6697);

	(void)state;
	for (enum nat_kind kind = NAT_INDEPENDENT; kind <= NAT_SYMMETRIC; kind++) {
		struct nat_box *box = nat_new(kind, false, HERE);
		struct endpoint to_a = nat_out(box, 1, inner, first, 1, &a),
				to_b = nat_out(box, 1, inner, second, 0, &b);
		struct endpoint again = nat_out(box, 2, inner, first, 1, &a);

		assert_true(endpoint_equal(&to_a, &again));
		assert_int_equal(endpoint_equal(&to_a, &to_b), kind == NAT_INDEPENDENT);
		assert_true(nat_has_address(box, &to_a) && nat_has_address(box, &to_b));
		assert_false(nat_has_address(box, &a));
		nat_free(box);
	}
}

static void only_who_was_sent_something_is_let_in_from_there(void **state)
{
	struct endpoint a = end_at(1, 6697), moved = end_at(1, 6698), b = end_at(2, 6697);

	(void)state;
	for (enum nat_kind kind = NAT_INDEPENDENT; kind <= NAT_SYMMETRIC; kind++) {
		struct nat_box *box = nat_new(kind, false, HERE);
		struct endpoint outside = nat_out(box, 1, inner, first, 1, &a), wrong = outside;

		wrong.bytes[5]++;
		assert_true(nat_in(box, 2, inner, first, 1, &a, &outside));
		assert_false(nat_in(box, 2, inner, first, 1, &a, &wrong));
		assert_false(nat_in(box, 2, inner, first, 1, &moved, &outside));
		assert_false(nat_in(box, 2, inner, first, 2, &a, &outside));
		assert_false(nat_in(box, 2, inner, second, 1, &a, &outside));
		assert_false(nat_in(box, 2, inner, second, 0, &b, &outside));
		/* One box lets b in where a is, once b was sent something; the other one has another port for it. */
		nat_out(box, 3, inner, second, 0, &b);
		assert_int_equal(nat_in(box, 4, inner, second, 0, &b, &outside), kind == NAT_INDEPENDENT);
		nat_free(box);
	}
}

static void what_is_silent_is_forgotten_and_ports_are_not_given_twice(void **state)
{
	struct nat_box *box = nat_new(NAT_INDEPENDENT, false, HERE);
	struct endpoint a = end_at(1, 6697), b = end_at(2, 6697);
	struct endpoint before = nat_out(box, 1, inner, first, 1, &a);
	uint64_t late_us = 1 + WORLD_NAT_IDLE_US;

	(void)state;
	assert_true(nat_in(box, late_us, inner, first, 1, &a, &before)); /* that keeps it open */
	assert_true(nat_in(box, 2 * late_us - 1, inner, first, 1, &a, &before));
	assert_false(nat_in(box, 4 * late_us, inner, first, 1, &a, &before));
	struct endpoint after = nat_out(box, 4 * late_us, inner, first, 1, &a);
	assert_false(endpoint_equal(&before, &after));
	/* As long as anything is open all else has its port. */
	for (uint64_t k = 1; k <= 4; k++)
		nat_out(box, 4 * late_us + k * WORLD_NAT_IDLE_US / 2, inner, second, 0, &b);
	struct endpoint to_a = nat_out(box, 4 * late_us + 2 * WORLD_NAT_IDLE_US, inner, first, 1, &a);
	assert_true(endpoint_equal(&after, &to_a));
	nat_forget(box);
	struct endpoint last = nat_out(box, 4 * late_us + 2 * WORLD_NAT_IDLE_US, inner, first, 1, &a);
	assert_false(endpoint_equal(&after, &last) || endpoint_equal(&before, &last));
	nat_free(box);
}

/* Each has an outer port of its own, and lets in who it sent to: from the other one's outer port where the box
 * hairpins, for a segment that leads through it. */
static void two_behind_one_box_have_ports_of_their_own(void **state)
{
	struct endpoint a = end_at(1, 6697);
	struct nat_box *box = nat_new(NAT_INDEPENDENT, true, HERE);

	(void)state;
	struct endpoint alone = nat_out(box, 1, inner, first, 1, &a), any = alone;
	any.bytes[5]++;
	assert_true(nat_leads_to(box, inner, &alone) && nat_leads_to(box, inner, &any));
	assert_ptr_equal(nat_share(box), box);
	struct endpoint its = nat_out(box, 1, other, first, 1, &a);
	assert_true(nat_has_address(box, &alone) && nat_has_address(box, &its));
	assert_false(endpoint_equal(&alone, &its));
	assert_true(nat_leads_to(box, inner, &alone) && nat_leads_to(box, other, &its));
	assert_false(nat_leads_to(box, inner, &its) || nat_leads_to(box, other, &alone));
	/* What goes to one is not let in to the other. */
	assert_true(nat_in(box, 2, other, first, 1, &a, &its));
	assert_false(nat_in(box, 2, other, first, 1, &a, &alone));
	/* Round the hairpin, once both have sent. */
	struct endpoint from = nat_out(box, 3, inner, second, 1, &its);
	assert_true(endpoint_equal(&from, &alone));
	assert_false(nat_in(box, 4, other, second, 0, &from, &its));
	nat_out(box, 5, other, second, 0, &alone);
	assert_true(nat_in(box, 6, other, second, 0, &from, &its));
	nat_free(box);
	assert_true(nat_has_address(box, &its)); /* the other one's */
	nat_free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_box_has_one_port_for_all_or_one_for_each),
		cmocka_unit_test(only_who_was_sent_something_is_let_in_from_there),
		cmocka_unit_test(what_is_silent_is_forgotten_and_ports_are_not_given_twice),
		cmocka_unit_test(two_behind_one_box_have_ports_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
