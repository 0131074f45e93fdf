/* The scanner that stands behind "nothing was readable": it must find what is there, and only that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/random.h"
#include "sim/demo/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_LEN 65536
#define PAYLOAD 42 /* Ethernet, IPv4 and UDP before it */
#define FRAME_LEN 1400

struct world {
	uint8_t image[IMAGE_LEN];
	uint8_t frame[FRAME_LEN];
	struct prng prng;
	struct scan scan;
};

static void fill(struct world *w, uint8_t *out, size_t len)
{
	struct random random = prng_random(&w->prng);

	random_fill(&random, out, len);
}

/* A UDP packet over IPv4 with a random payload that is no Babel packet. */
static void frame_make(struct world *w)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45 };

	fill(w, w->frame, sizeof(w->frame));
	memcpy(w->frame, head, sizeof(head));
	w->frame[23] = 17;
	w->frame[PAYLOAD] = 10;
}

static struct scan_hits scanned(struct world *w, size_t len)
{
	struct scan_hits hits = { 0 };

	scan_frame(&w->scan, bytes_of(w->frame, len), &hits);
	return hits;
}

static int world_new(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct prefix prefix;

	prng_seed(&w->prng, 1);
	fill(w, w->image, sizeof(w->image));
	assert_int_equal(scan_init(&w->scan, bytes_of(w->image, sizeof(w->image))), 0);
	assert_int_equal(scan_text_add(&w->scan, SCAN_NAME, "backpack-scene"), 0);
	assert_int_equal(scan_text_add(&w->scan, SCAN_MARKER, "0123456789abcdef"), 0);
	assert_int_equal(prefix_parse(&prefix, "fd12:3456:789a::/48"), 0);
	assert_int_equal(scan_prefix_add(&w->scan, &prefix), 0);
	*state = w;
	return 0;
}

static int world_free(void **state)
{
	struct world *w = *state;

	scan_done(&w->scan);
	free(w);
	return 0;
}

static void random_frames_hold_nothing(void **state)
{
	struct world *w = *state;
	struct scan_hits hits = { 0 };

	for (unsigned i = 0; i < 2000; i++) {
		frame_make(w);
		scan_frame(&w->scan, bytes_of(w->frame, sizeof(w->frame)), &hits);
	}
	assert_int_equal(hits.frames, 2000);
	assert_int_equal(hits.bytes, 2000 * FRAME_LEN);
	assert_int_equal(scan_hits_total(&hits), 0);
}

static void image_is_found_wherever_a_segment_was_cut(void **state)
{
	struct world *w = *state;

	for (unsigned cut = 0; cut < 64; cut++) {
		frame_make(w);
		memcpy(w->frame + PAYLOAD + 32 + cut % 7, w->image + 1000 + cut, 2 * SCAN_CHUNK - 1);
		assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_IMAGE], 1);
	}
}

static void a_whole_segment_counts_each_of_its_chunks(void **state)
{
	struct world *w = *state;

	frame_make(w);
	memcpy(w->frame + PAYLOAD, w->image, 640);
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_IMAGE], 640 / SCAN_CHUNK);
}

static void one_changed_bit_is_not_the_image(void **state)
{
	struct world *w = *state;

	frame_make(w);
	memcpy(w->frame + 100, w->image + 160, SCAN_CHUNK);
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_IMAGE], 1);
	w->frame[100 + SCAN_CHUNK - 1] ^= 1;
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_IMAGE], 0);
}

static void names_and_markers_are_found_up_to_the_last_byte(void **state)
{
	struct world *w = *state;

	frame_make(w);
	memcpy(w->frame + FRAME_LEN - 14, "backpack-scene", 14);
	memcpy(w->frame + 200, "0123456789abcdef0123456789abcdef", 32);
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_NAME], 1);
	assert_int_equal(scanned(w, FRAME_LEN - 1).of[SCAN_NAME], 0);
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_MARKER], 2);
}

static void addresses_of_the_mesh_are_found_in_any_place(void **state)
{
	static const uint8_t address[] = { 0xfd, 0x12, 0x34, 0x56, 0x78, 0x9a };
	struct world *w = *state;

	frame_make(w);
	memcpy(w->frame + 777, address, sizeof(address));
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_ADDRESS], 1);
	w->frame[777 + 5] ^= 1;
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_ADDRESS], 0);
}

/* Header, a Hello (type 4) and an IHU (type 5) without address. */
static const uint8_t babel[] = { 42, 2, 0, 16, 4, 6, 0, 0, 0, 1, 0, 100, 5, 6, 0, 0, 1, 0, 1, 44 };

static void babel_is_found_plain_and_behind_our_header__rfc8966_4_2(void **state)
{
	static const size_t places[] = { 0, 16, 17 };
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		frame_make(w);
		memcpy(w->frame + PAYLOAD + places[i], babel, sizeof(babel));
		assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_BABEL], 1);
	}
	memset(w->frame, 0, sizeof(w->frame));
	w->frame[12] = 0x88;
	w->frame[13] = 0xb5;
	memcpy(w->frame + 14, babel, sizeof(babel));
	assert_int_equal(scanned(w, 14 + sizeof(babel)).of[SCAN_BABEL], 1);
}

static void babel_is_found_over_ipv6(void **state)
{
	struct world *w = *state;

	memset(w->frame, 0, sizeof(w->frame));
	w->frame[12] = 0x86;
	w->frame[13] = 0xdd;
	w->frame[14] = 0x60;
	w->frame[20] = 17;
	memcpy(w->frame + 62, babel, sizeof(babel));
	assert_int_equal(scanned(w, 62 + sizeof(babel)).of[SCAN_BABEL], 1);
}

static void a_body_that_its_tlvs_do_not_fill_is_not_babel(void **state)
{
	struct world *w = *state;

	frame_make(w);
	memcpy(w->frame + PAYLOAD, babel, sizeof(babel));
	w->frame[PAYLOAD + 5]++;
	assert_int_equal(scanned(w, FRAME_LEN).of[SCAN_BABEL], 0);
	memcpy(w->frame + PAYLOAD, babel, sizeof(babel));
	assert_int_equal(scanned(w, PAYLOAD + sizeof(babel) - 1).of[SCAN_BABEL], 0);
}

static void frames_of_every_length_are_read_within_their_bounds(void **state)
{
	struct world *w = *state;

	frame_make(w);
	for (size_t len = 0; len < 128; len++) {
		uint8_t *exact = malloc(len ? len : 1);
		struct scan_hits hits = { 0 };

		memcpy(exact, w->frame, len);
		scan_frame(&w->scan, bytes_of(exact, len), &hits);
		assert_int_equal(scan_hits_total(&hits), 0);
		free(exact);
	}
}

static void what_chance_would_find_is_refused(void **state)
{
	struct world *w = *state;
	uint8_t flat[4096] = { 0 };
	struct prefix prefix;
	struct scan s;

	assert_int_equal(scan_text_add(&w->scan, SCAN_NAME, "city"), -EINVAL);
	assert_int_equal(prefix_parse(&prefix, "fd00::/8"), 0);
	assert_int_equal(scan_prefix_add(&w->scan, &prefix), -EINVAL);
	assert_int_equal(scan_init(&s, bytes_of(flat, sizeof(flat))), -EINVAL);
	assert_int_equal(scan_init(&s, bytes_of(flat, 3)), -EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_new, world_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(random_frames_hold_nothing),
		T(image_is_found_wherever_a_segment_was_cut),
		T(a_whole_segment_counts_each_of_its_chunks),
		T(one_changed_bit_is_not_the_image),
		T(names_and_markers_are_found_up_to_the_last_byte),
		T(addresses_of_the_mesh_are_found_in_any_place),
		T(babel_is_found_plain_and_behind_our_header__rfc8966_4_2),
		T(babel_is_found_over_ipv6),
		T(a_body_that_its_tlvs_do_not_fill_is_not_babel),
		T(frames_of_every_length_are_read_within_their_bounds),
		T(what_chance_would_find_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
