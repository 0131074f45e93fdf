/* NAT boxes of the simulator (sim/world/nat.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/nat.h"
#include "sim/world/world.h"

#define HERE 7 /* host of the box */

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
		struct nat_box *box = nat_new(kind, HERE);
		struct endpoint to_a = nat_out(box, 1, first, 1, &a), to_b = nat_out(box, 1, second, 0, &b);
		struct endpoint again = nat_out(box, 2, first, 1, &a);

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
		struct nat_box *box = nat_new(kind, HERE);
		struct endpoint outside = nat_out(box, 1, first, 1, &a), wrong = outside;

		wrong.bytes[5]++;
		assert_true(nat_in(box, 2, first, 1, &a, &outside));
		assert_false(nat_in(box, 2, first, 1, &a, &wrong));
		assert_false(nat_in(box, 2, first, 1, &moved, &outside));
		assert_false(nat_in(box, 2, first, 2, &a, &outside));
		assert_false(nat_in(box, 2, second, 1, &a, &outside));
		assert_false(nat_in(box, 2, second, 0, &b, &outside));
		/* One box lets b in where a is, once b was sent something; the other one has another port for it. */
		nat_out(box, 3, second, 0, &b);
		assert_int_equal(nat_in(box, 4, second, 0, &b, &outside), kind == NAT_INDEPENDENT);
		nat_free(box);
	}
}

static void what_is_silent_is_forgotten_and_ports_are_not_given_twice(void **state)
{
	struct nat_box *box = nat_new(NAT_INDEPENDENT, HERE);
	struct endpoint a = end_at(1, 6697), b = end_at(2, 6697);
	struct endpoint before = nat_out(box, 1, first, 1, &a);
	uint64_t late_us = 1 + WORLD_NAT_IDLE_US;

	(void)state;
	assert_true(nat_in(box, late_us, first, 1, &a, &before)); /* that keeps it open */
	assert_true(nat_in(box, 2 * late_us - 1, first, 1, &a, &before));
	assert_false(nat_in(box, 4 * late_us, first, 1, &a, &before));
	struct endpoint after = nat_out(box, 4 * late_us, first, 1, &a);
	assert_false(endpoint_equal(&before, &after));
	/* As long as anything is open all else has its port. */
	for (uint64_t k = 1; k <= 4; k++)
		nat_out(box, 4 * late_us + k * WORLD_NAT_IDLE_US / 2, second, 0, &b);
	struct endpoint to_a = nat_out(box, 4 * late_us + 2 * WORLD_NAT_IDLE_US, first, 1, &a);
	assert_true(endpoint_equal(&after, &to_a));
	nat_forget(box);
	struct endpoint last = nat_out(box, 4 * late_us + 2 * WORLD_NAT_IDLE_US, first, 1, &a);
	assert_false(endpoint_equal(&after, &last) || endpoint_equal(&before, &last));
	nat_free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_box_has_one_port_for_all_or_one_for_each),
		cmocka_unit_test(only_who_was_sent_something_is_let_in_from_there),
		cmocka_unit_test(what_is_silent_is_forgotten_and_ports_are_not_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
