/* The intrusive list: order, removal in the middle of a walk, removal twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/list.h"
#include "meshd/base/random.h"

#include <string.h>

#define COUNT 16

struct item {
	int before; /* so that the node is not at offset 0 */
	struct list node;
	int number;
};

static struct item items[COUNT];

static void items_init(void)
{
	for (int i = 0; i < COUNT; i++) {
		list_init(&items[i].node);
		items[i].number = i;
	}
}

static size_t numbers(const struct list *head, int out[COUNT])
{
	size_t count = 0;

	for (const struct list *at = head->next; at != head; at = at->next) {
		assert_ptr_equal(at->next->prev, at);
		assert_ptr_equal(at->prev->next, at);
		assert_true(count < COUNT);
		out[count++] = list_entry((struct list *)at, struct item, node)->number;
	}
	return count;
}

static void items_are_popped_from_the_front(void **state)
{
	struct list head;
	int out[COUNT];

	(void)state;
	items_init();
	list_init(&head);
	for (int i = 0; i < COUNT; i++)
		list_push_back(&head, &items[i].node);
	for (int i = 0; i < COUNT; i++) {
		struct list *first = list_pop_front(&head);

		assert_ptr_equal(first, &items[i].node);
		assert_ptr_equal(first->next, first);
		assert_ptr_equal(first->prev, first);
		assert_int_equal(numbers(&head, out), COUNT - 1 - i);
	}
	assert_true(list_is_empty(&head));
}

static void items_stand_in_the_order_in_which_they_were_pushed(void **state)
{
	static const int expected[] = { 3, 1, 0, 2 };
	struct list head;
	int out[COUNT];

	(void)state;
	items_init();
	list_init(&head);
	assert_true(list_is_empty(&head));
	list_push_front(&head, &items[0].node);
	list_push_front(&head, &items[1].node);
	list_push_back(&head, &items[2].node);
	list_push_front(&head, &items[3].node);
	assert_false(list_is_empty(&head));
	assert_int_equal(numbers(&head, out), 4);
	assert_memory_equal(out, expected, sizeof(expected));
}

static void removing_twice_is_harmless(void **state)
{
	struct list head;
	int out[COUNT];

	(void)state;
	items_init();
	list_init(&head);
	for (int i = 0; i < 3; i++)
		list_push_back(&head, &items[i].node);
	list_remove(&items[1].node);
	list_remove(&items[1].node);
	assert_ptr_equal(items[1].node.next, &items[1].node);
	assert_int_equal(numbers(&head, out), 2);
	assert_int_equal(out[1], 2);
	list_remove(&items[0].node);
	list_remove(&items[2].node);
	assert_true(list_is_empty(&head));
}

static void the_current_item_may_go_during_a_walk(void **state)
{
	struct list head;
	int out[COUNT], walked = 0;

	(void)state;
	items_init();
	list_init(&head);
	for (int i = 0; i < COUNT; i++)
		list_push_back(&head, &items[i].node);
	list_for_each (at, next, &head) {
		struct item *item = list_entry(at, struct item, node);

		assert_int_equal(item->number, walked++);
		if (item->number % 3 == 0) {
			list_remove(at);
			memset(at, 0x5a, sizeof(*at)); /* as if freed */
		}
	}
	assert_int_equal(walked, COUNT);
	assert_int_equal(numbers(&head, out), COUNT - (COUNT + 2) / 3);
	list_for_each (at, next, &head)
		list_remove(at);
	assert_true(list_is_empty(&head));
	list_for_each (at, next, &head)
		fail();
}

static void any_history_keeps_the_order__property(void **state)
{
	struct prng prng;
	struct list head;

	(void)state;
	prng_seed(&prng, 1);
	items_init();
	list_init(&head);
	int model[COUNT], out[COUNT];
	size_t count = 0;
	for (int step = 0; step < 20000; step++) {
		int number = (int)prng_below(&prng, COUNT);
		size_t place = 0;

		while (place < count && model[place] != number)
			place++;
		list_remove(&items[number].node);
		if (place < count) {
			memmove(model + place, model + place + 1, (count - place - 1) * sizeof(*model));
			count--;
		} else if (prng_below(&prng, 2)) {
			list_push_back(&head, &items[number].node);
			model[count++] = number;
		} else {
			list_push_front(&head, &items[number].node);
			memmove(model + 1, model, count++ * sizeof(*model));
			model[0] = number;
		}
		assert_int_equal(numbers(&head, out), count);
		assert_memory_equal(out, model, count * sizeof(*model));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_stand_in_the_order_in_which_they_were_pushed),
		cmocka_unit_test(items_are_popped_from_the_front),
		cmocka_unit_test(removing_twice_is_harmless),
		cmocka_unit_test(the_current_item_may_go_during_a_walk),
		cmocka_unit_test(any_history_keeps_the_order__property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
