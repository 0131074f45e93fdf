/* The hash map against a plain table; its limit; keys that collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/list.h"
#include "meshd/base/map.h"
#include "meshd/base/random.h"

#include <errno.h>

#define COUNT 300

static const uint64_t secret[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

struct item {
	struct map_entry entry;
	uint8_t key[2];
	bool is_in, is_seen;
};

static struct item items[COUNT];

static void items_init(void)
{
	for (unsigned i = 0; i < COUNT; i++)
		items[i] = (struct item){ .key = { (uint8_t)(i >> 8), (uint8_t)i } };
}

static struct bytes key_of(const struct item *item)
{
	return bytes_of(item->key, sizeof(item->key));
}

/* Aumasson and Bernstein, SipHash: a fast short-input PRF (2012), appendix A, and
 * the first of the reference vectors: messages 00 01 02 ... under key 00 .. 0f. */
static void siphash_is_siphash24(void **state)
{
	uint8_t message[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	assert_true(siphash24(secret, bytes_of(message, 15)) == UINT64_C(0xa129ca6149be45e5));
	assert_true(siphash24(secret, bytes_of(NULL, 0)) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(siphash24(secret, bytes_of(message, 1)) == UINT64_C(0x74f839c593dc67fd));
	assert_true(siphash24(secret, bytes_of(message, 8)) == UINT64_C(0x93f5f5799a932462));
}

static void map_agrees_with_items(struct map *m)
{
	size_t count = 0, walked = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		struct map_entry *found = map_find(m, key_of(&items[i]));

		assert_ptr_equal(found, items[i].is_in ? &items[i].entry : NULL);
		count += items[i].is_in;
		items[i].is_seen = false;
	}
	assert_int_equal(m->count, count);
	for (struct map_entry *e = map_next(m, NULL); e; e = map_next(m, e)) {
		struct item *item = container_of(e, struct item, entry);

		assert_true(item->is_in && !item->is_seen);
		item->is_seen = true;
		walked++;
	}
	assert_int_equal(walked, count);
}

static void any_history_agrees_with_a_table__property(void **state)
{
	struct prng prng;
	struct map m;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		prng_seed(&prng, seed);
		items_init();
		map_init(&m, COUNT, secret);
		for (int step = 0; step < 2000; step++) {
			struct item *item = &items[prng_below(&prng, COUNT)];

			if (item->is_in && prng_below(&prng, 2)) {
				map_remove(&m, &item->entry);
				item->is_in = false;
			} else {
				struct map_entry other;

				assert_int_equal(map_insert(&m, item->is_in ? &other : &item->entry, key_of(item)),
					item->is_in ? -EEXIST : 0);
				item->is_in = true;
			}
			if (step % 50 == 0)
				map_agrees_with_items(&m);
		}
		map_agrees_with_items(&m);
		map_done(&m);
		assert_int_equal(m.count, 0);
	}
}

static void the_limit_refuses_and_counts(void **state)
{
	struct map m;

	(void)state;
	items_init();
	map_init(&m, 3, secret);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(map_insert(&m, &items[i].entry, key_of(&items[i])), 0);
		items[i].is_in = true;
	}
	for (unsigned i = 3; i < 10; i++)
		assert_int_equal(map_insert(&m, &items[i].entry, key_of(&items[i])), -ENOSPC);
	assert_int_equal(m.refused, 7);
	/* What is there is not refused by the limit, and nothing was evicted. */
	assert_int_equal(map_insert(&m, &items[10].entry, key_of(&items[0])), -EEXIST);
	assert_int_equal(m.refused, 7);
	map_agrees_with_items(&m);
	map_remove(&m, &items[1].entry);
	assert_int_equal(map_insert(&m, &items[9].entry, key_of(&items[9])), 0);
	map_done(&m);
	map_init(&m, 0, secret);
	assert_int_equal(map_insert(&m, &items[0].entry, key_of(&items[0])), -ENOSPC);
	map_done(&m);
}

static void entries_in_one_bucket_are_told_apart(void **state)
{
	struct item *chain[4];
	unsigned found = 0;
	struct map m;

	(void)state;
	/* The first table has 16 buckets: among 300 keys four share the bucket of the first. */
	items_init();
	for (unsigned i = 0; i < COUNT && found < 4; i++)
		if (((siphash24(secret, key_of(&items[i])) ^ siphash24(secret, key_of(&items[0]))) & 15) == 0)
			chain[found++] = &items[i];
	assert_int_equal(found, 4);
	for (unsigned removed = 0; removed < 4; removed++) {
		map_init(&m, COUNT, secret);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(map_insert(&m, &chain[i]->entry, key_of(chain[i])), 0);
			chain[i]->is_in = true;
		}
		assert_int_equal(m.bucket_count, 16);
		map_agrees_with_items(&m);
		map_remove(&m, &chain[removed]->entry);
		chain[removed]->is_in = false;
		map_agrees_with_items(&m);
		map_remove(&m, &chain[removed]->entry); /* not there: nothing happens */
		map_agrees_with_items(&m);
		map_done(&m);
	}
}

static void keys_are_compared_by_length_and_content(void **state)
{
	static const uint8_t text[] = { 1, 2, 3 };
	struct map_entry empty, one, two;
	struct map m;

	(void)state;
	map_init(&m, 9, secret);
	assert_null(map_find(&m, bytes_of(NULL, 0)));
	assert_null(map_next(&m, NULL));
	assert_int_equal(map_insert(&m, &empty, bytes_of(NULL, 0)), 0);
	assert_int_equal(map_insert(&m, &one, bytes_of(text, 1)), 0);
	assert_int_equal(map_insert(&m, &two, bytes_of(text, 2)), 0);
	assert_ptr_equal(map_find(&m, bytes_of(text, 0)), &empty);
	assert_ptr_equal(map_find(&m, bytes_of(text, 1)), &one);
	assert_ptr_equal(map_find(&m, bytes_of(text, 2)), &two);
	assert_null(map_find(&m, bytes_of(text, 3)));
	map_done(&m);
}

static void the_secret_decides_where_keys_fall(void **state)
{
	static const uint64_t other[2] = { 1, 2 };
	unsigned same = 0;

	(void)state;
	items_init();
	for (unsigned i = 0; i < COUNT; i++)
		same += ((siphash24(secret, key_of(&items[i])) ^ siphash24(other, key_of(&items[i]))) & 15) == 0;
	/* By chance one in 16: 19 of 300. */
	assert_in_range(same, 5, 45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_is_siphash24),
		cmocka_unit_test(any_history_agrees_with_a_table__property),
		cmocka_unit_test(the_limit_refuses_and_counts),
		cmocka_unit_test(entries_in_one_bucket_are_told_apart),
		cmocka_unit_test(keys_are_compared_by_length_and_content),
		cmocka_unit_test(the_secret_decides_where_keys_fall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
