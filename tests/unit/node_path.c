/* The search for the largest frame that passes (meshd/node/path.h), against paths that take so much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/node/path.h"

#include "meshd/base/random.h"

#define SECOND 1000000ull
#define MAX 1452

struct run {
	struct path path;
	uint64_t now_us, heard_us;
	size_t passes; /* what is larger gets lost */
	uint64_t rtt_us;
	bool is_silent; /* nothing arrives at all */
	unsigned loss; /* percent */
	struct prng prng;
	unsigned probes;
	size_t bytes;
	uint64_t answer_us; /* 0: none is under way */
	uint16_t answer_id;
	size_t answer_size;
	bool uses_large;
};

static struct run begin(size_t passes, uint64_t cost_us)
{
	struct run r = { .now_us = 1000 * SECOND, .passes = passes, .rtt_us = SECOND / 10, .uses_large = true };

	prng_seed(&r.prng, 1);
	path_begin(&r.path, r.now_us, MAX, cost_us);
	return r;
}

/* In steps of a tenth of a second, as the neighbour says Hello. */
static void run_for(struct run *r, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 10; i++) {
		r->now_us += SECOND / 10;
		if (!r->is_silent)
			r->heard_us = r->now_us;
		if (r->answer_us && r->now_us >= r->answer_us) {
			r->answer_us = 0;
			path_confirmed(&r->path, r->now_us, r->answer_id, r->answer_size);
		}
		if (r->uses_large)
			path_used(&r->path, r->now_us, r->path.size);
		size_t size = path_next(&r->path, r->now_us, r->heard_us, (uint16_t)(i * 7 + r->probes));
		if (!size)
			continue;
		r->probes++;
		r->bytes += size;
		assert_in_range(size, PATH_MIN, MAX);
		if (size <= r->passes && !r->is_silent && !r->answer_us && prng_below(&r->prng, 100) >= r->loss) {
			r->answer_us = r->now_us + r->rtt_us;
			r->answer_id = r->path.id;
			r->answer_size = size;
		}
	}
}

static void whole_size_is_found_by_one_probe(void **state)
{
	struct run r = begin(MAX, 0);

	(void)state;
	assert_int_equal(r.path.size, PATH_BASE);
	assert_false(r.path.is_settled);
	run_for(&r, 1);
	assert_true(r.path.is_settled);
	assert_int_equal(r.path.size, MAX);
	assert_int_equal(r.probes, 1);
}

static void every_hidden_size_is_found_to_the_grain(void **state)
{
	(void)state;
	for (size_t passes = PATH_MIN; passes <= MAX; passes++) {
		struct run r = begin(passes, 0);

		run_for(&r, 60);
		assert_true(r.path.is_settled);
		assert_true(r.path.size <= passes && passes < r.path.size + 2 * PATH_GRAIN);
		assert_true(r.path.size + PATH_GRAIN > passes || passes == MAX - 1);
	}
}

/* Never more is used than passed, or than the base while nothing is known. */
static void nothing_is_used_that_was_not_confirmed(void **state)
{
	(void)state;
	for (size_t passes = PATH_BASE; passes <= MAX; passes += 9) {
		struct run r = begin(passes, 0);

		for (unsigned i = 0; i < 60; i++) {
			run_for(&r, 1);
			assert_true(r.path.size <= passes);
		}
	}
}

static void black_hole_is_found_in_seconds_and_the_rest_is_used(void **state)
{
	struct run r = begin(MAX, 0);
	unsigned seconds = 0;

	(void)state;
	run_for(&r, 30);
	r.passes = 1272;
	while (r.path.size > r.passes) {
		run_for(&r, 1);
		seconds++;
	}
	assert_in_range(seconds, 1, 12);
	assert_int_equal(r.path.size, PATH_BASE);
	assert_false(r.path.is_settled); /* who sends larger packets is not told a size that is not known */
	run_for(&r, 40);
	assert_true(r.path.is_settled);
	assert_in_range(r.path.size, 1272 - PATH_GRAIN, 1272);
}

static void larger_size_is_found_later(void **state)
{
	struct run r = begin(1272, 0);

	(void)state;
	run_for(&r, 60);
	r.passes = 1422;
	run_for(&r, 180);
	assert_in_range(r.path.size, 1422 - PATH_GRAIN, 1422);
	r.passes = MAX;
	run_for(&r, 180);
	assert_int_equal(r.path.size, MAX);
}

static void what_is_smaller_than_the_base_is_found(void **state)
{
	struct run r = begin(800, 0);

	(void)state;
	run_for(&r, 60);
	assert_in_range(r.path.size, 800 - PATH_GRAIN, 800);
	r.passes = 100; /* not even the least: there is nothing better to do */
	run_for(&r, 120);
	assert_int_equal(r.path.size, PATH_MIN);
}

/* A neighbour that is not heard loses all sizes alike. */
static void silence_says_nothing_about_sizes(void **state)
{
	struct run r = begin(MAX, 0);

	(void)state;
	run_for(&r, 10);
	r.is_silent = true;
	run_for(&r, 300);
	assert_int_equal(r.path.size, MAX);
	r.is_silent = false;
	run_for(&r, 60);
	assert_int_equal(r.path.size, MAX);
	assert_true(r.path.is_settled);
}

static void loss_of_a_fifth_is_no_black_hole_for_long(void **state)
{
	struct run r = begin(MAX, 0);
	unsigned small = 0;

	(void)state;
	r.loss = 20;
	for (unsigned i = 0; i < 3600; i++) {
		run_for(&r, 1);
		small += r.path.size < MAX;
	}
	assert_in_range(small, 0, 3600 / 8);
	assert_int_equal(r.path.size, MAX);
}

/* As over a hub with a long queue: the answer comes when the next try is under way. */
static void late_answers_are_answers(void **state)
{
	struct run r = begin(1272, 0);

	(void)state;
	r.rtt_us = 3 * SECOND;
	run_for(&r, 120);
	assert_true(r.path.is_settled);
	assert_in_range(r.path.size, 1272 - PATH_GRAIN, 1272);
	run_for(&r, 600);
	assert_in_range(r.path.size, 1272 - PATH_GRAIN, 1272);
}

static void idle_paths_are_not_probed(void **state)
{
	struct run r = begin(MAX, 0);

	(void)state;
	run_for(&r, 10);
	r.uses_large = false;
	run_for(&r, 30);
	unsigned before = r.probes;
	run_for(&r, 3600);
	assert_int_equal(r.probes, before);
}

/* Of 64 kbit/s, where a frame takes 0.18 s. */
static void slow_links_give_little_for_it(void **state)
{
	struct run r = begin(1272, 1452 * 8 * SECOND / 64000);

	(void)state;
	run_for(&r, 120);
	r.bytes = 0;
	run_for(&r, 3600);
	assert_true(r.bytes * 8 < 3600ull * 64000 / 100);
	assert_in_range(r.path.size, 1272 - PATH_GRAIN, 1272);
}

static void doubt_is_settled_at_once(void **state)
{
	struct run r = begin(MAX, 0);

	(void)state;
	run_for(&r, 10);
	r.uses_large = false;
	run_for(&r, 60);
	r.passes = 1300;
	path_doubt(&r.path, r.now_us);
	run_for(&r, 10);
	assert_true(r.path.size <= 1300);
	run_for(&r, 30);
	assert_in_range(r.path.size, 1300 - PATH_GRAIN, 1300);
}

static void answers_to_nothing_change_nothing(void **state)
{
	struct run r = begin(1272, 0);

	(void)state;
	r.loss = 100;
	run_for(&r, 1);
	struct path before = r.path;
	path_confirmed(&r.path, r.now_us, (uint16_t)(before.id + 1), before.probe);
	path_confirmed(&r.path, r.now_us, before.id, before.probe - 1);
	path_confirmed(&r.path, r.now_us, before.id, 0);
	path_confirmed(&r.path, r.now_us, before.id, SIZE_MAX);
	assert_memory_equal(&before, &r.path, sizeof(before));
}

static void random_answers_keep_all_in_bounds(void **state)
{
	struct run r = begin(MAX, 0);
	struct path *p = &r.path;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		r.now_us += prng_below(&r.prng, SECOND);
		size_t size = path_next(p, r.now_us, prng_below(&r.prng, 2) ? r.now_us : 0, (uint16_t)i);

		assert_true(size == 0 || (size >= PATH_MIN && size <= MAX));
		if (prng_below(&r.prng, 3))
			path_confirmed(
				p, r.now_us, p->id, prng_below(&r.prng, 4) ? p->probe : prng_below(&r.prng, 3000));
		if (prng_below(&r.prng, 50) == 0)
			path_doubt(p, r.now_us);
		path_used(p, r.now_us, prng_below(&r.prng, MAX + 1));
		assert_in_range(p->size, PATH_MIN, MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_size_is_found_by_one_probe),
		cmocka_unit_test(every_hidden_size_is_found_to_the_grain),
		cmocka_unit_test(nothing_is_used_that_was_not_confirmed),
		cmocka_unit_test(black_hole_is_found_in_seconds_and_the_rest_is_used),
		cmocka_unit_test(larger_size_is_found_later),
		cmocka_unit_test(what_is_smaller_than_the_base_is_found),
		cmocka_unit_test(silence_says_nothing_about_sizes),
		cmocka_unit_test(loss_of_a_fifth_is_no_black_hole_for_long),
		cmocka_unit_test(late_answers_are_answers),
		cmocka_unit_test(idle_paths_are_not_probed),
		cmocka_unit_test(slow_links_give_little_for_it),
		cmocka_unit_test(doubt_is_settled_at_once),
		cmocka_unit_test(answers_to_nothing_change_nothing),
		cmocka_unit_test(random_answers_keep_all_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
