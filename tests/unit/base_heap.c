/* The deadline heap against a list that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/heap.h"
#include "meshd/base/list.h"
#include "meshd/base/random.h"

#define COUNT 64

/* The model: who is armed for when, since which moment. */
struct item {
	struct timer timer;
	bool is_armed;
	uint64_t due_us, since;
	unsigned fired;
};

struct world {
	struct heap heap;
	struct item items[COUNT];
	uint64_t moment; /* counts arming, as ties are broken by it */
	struct item *order[COUNT * 4];
	size_t order_len;
};

static struct world world;

static void fired(struct timer *timer, uint64_t now_us)
{
	struct item *item = container_of(timer, struct item, timer);

	assert_false(timer_is_armed(timer));
	assert_true(timer->due_us == NEVER);
	assert_true(item->due_us <= now_us);
	item->fired++;
	if (world.order_len < sizeof(world.order) / sizeof(*world.order))
		world.order[world.order_len++] = item;
}

static void world_init(void)
{
	world = (struct world){ 0 };
	heap_init(&world.heap);
	for (int i = 0; i < COUNT; i++)
		timer_init(&world.items[i].timer, fired);
}

static void arm(struct item *item, uint64_t due_us)
{
	timer_set(&world.heap, &item->timer, due_us);
	item->is_armed = due_us != NEVER;
	item->due_us = due_us;
	item->since = world.moment++;
}

static struct item *model_next(void)
{
	struct item *next = NULL;

	for (int i = 0; i < COUNT; i++) {
		struct item *item = &world.items[i];

		if (item->is_armed && (!next || item->due_us < next->due_us ||
					      (item->due_us == next->due_us && item->since < next->since)))
			next = item;
	}
	return next;
}

static void heap_agrees_with_model(void)
{
	struct item *next = model_next();
	size_t armed = 0;

	assert_true(heap_next(&world.heap) == (next ? next->due_us : NEVER));
	for (int i = 0; i < COUNT; i++) {
		assert_true(timer_is_armed(&world.items[i].timer) == world.items[i].is_armed);
		armed += world.items[i].is_armed;
	}
	assert_int_equal(world.heap.count, armed);
}

static void run_and_compare(uint64_t now_us)
{
	world.order_len = 0;
	uint64_t next_us = heap_run(&world.heap, now_us);

	for (size_t i = 0; i < world.order_len; i++) {
		struct item *expected = model_next();

		assert_ptr_equal(world.order[i], expected);
		expected->is_armed = false;
	}
	assert_true(!model_next() || model_next()->due_us > now_us);
	assert_true(next_us == heap_next(&world.heap));
}

static void any_history_fires_in_order__property(void **state)
{
	struct prng prng;

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		uint64_t now_us = 0;

		prng_seed(&prng, seed);
		world_init();
		for (int step = 0; step < 1000; step++) {
			struct item *item = &world.items[prng_below(&prng, COUNT)];
			uint64_t due_us = now_us + prng_below(&prng, 40); /* few values: many ties */

			switch (prng_below(&prng, 8)) {
			case 0:
				timer_cancel(&world.heap, &item->timer);
				item->is_armed = false;
				break;
			case 1:
				arm(item, NEVER);
				break;
			case 2:
				if (!item->is_armed || due_us < item->due_us)
					arm(item, due_us);
				else
					timer_set_earlier(&world.heap, &item->timer, due_us);
				break;
			case 3:
				now_us += prng_below(&prng, 20);
				run_and_compare(now_us);
				break;
			default:
				arm(item, due_us);
				break;
			}
			heap_agrees_with_model();
		}
		heap_done(&world.heap);
	}
}

static void set_earlier_never_delays(void **state)
{
	struct item *item = &world.items[0];

	(void)state;
	world_init();
	timer_set_earlier(&world.heap, &item->timer, 100);
	assert_true(item->timer.due_us == 100);
	timer_set_earlier(&world.heap, &item->timer, 200);
	assert_true(item->timer.due_us == 100);
	timer_set_earlier(&world.heap, &item->timer, 50);
	assert_true(heap_next(&world.heap) == 50);
	timer_set_earlier(&world.heap, &item->timer, NEVER);
	assert_true(heap_next(&world.heap) == 50);
	heap_done(&world.heap);
}

static void equal_deadlines_fire_as_they_were_armed(void **state)
{
	(void)state;
	world_init();
	for (int i = 0; i < COUNT; i++)
		arm(&world.items[i * 37 % COUNT], 5);
	assert_true(heap_run(&world.heap, 4) == 5);
	assert_int_equal(world.order_len, 0);
	assert_true(heap_run(&world.heap, 5) == NEVER);
	assert_int_equal(world.order_len, COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(world.order[i], &world.items[i * 37 % COUNT]);
	heap_done(&world.heap);
}

static void done_forgets_and_leaves_timers_usable(void **state)
{
	(void)state;
	world_init();
	for (int i = 0; i < COUNT; i++)
		arm(&world.items[i], (uint64_t)i);
	heap_done(&world.heap);
	for (int i = 0; i < COUNT; i++) {
		assert_false(timer_is_armed(&world.items[i].timer));
		assert_true(world.items[i].timer.due_us == NEVER);
	}
	assert_true(heap_next(&world.heap) == NEVER);
	timer_cancel(&world.heap, &world.items[0].timer);
	arm(&world.items[0], 3);
	assert_true(heap_next(&world.heap) == 3);
	heap_done(&world.heap);
}

static uint64_t runaway_fires;

static void runaway(struct timer *timer, uint64_t now_us)
{
	runaway_fires++;
	timer_set(&world.heap, timer, now_us);
}

static void a_runaway_timer_does_not_hang_the_run(void **state)
{
	struct timer timer;

	(void)state;
	world_init();
	timer_init(&timer, runaway);
	timer_set(&world.heap, &timer, 0);
	assert_true(heap_run(&world.heap, 7) == 7);
	assert_true(runaway_fires == HEAP_RUN_LIMIT);
	heap_done(&world.heap);
}

static void cancels_its_neighbour(struct timer *timer, uint64_t now_us)
{
	(void)timer;
	(void)now_us;
	timer_cancel(&world.heap, &world.items[1].timer);
	world.items[1].is_armed = false;
}

static void what_a_callback_cancels_does_not_fire(void **state)
{
	struct timer timer;

	(void)state;
	world_init();
	timer_init(&timer, cancels_its_neighbour);
	timer_set(&world.heap, &timer, 1);
	arm(&world.items[1], 1);
	arm(&world.items[2], 1);
	heap_run(&world.heap, 1);
	assert_int_equal(world.items[1].fired, 0);
	assert_int_equal(world.items[2].fired, 1);
	heap_done(&world.heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_history_fires_in_order__property),
		cmocka_unit_test(set_earlier_never_delays),
		cmocka_unit_test(equal_deadlines_fire_as_they_were_armed),
		cmocka_unit_test(done_forgets_and_leaves_timers_usable),
		cmocka_unit_test(a_runaway_timer_does_not_hang_the_run),
		cmocka_unit_test(what_a_callback_cancels_does_not_fire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
