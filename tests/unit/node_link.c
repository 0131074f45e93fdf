/* Links as the shell sees them: what is refused, what is counted, what comes back. */
#include "tests/unit/node_world.h"

#include <errno.h>

static void link_config_is_checked(void **state)
{
	struct world *w = world_of(1, 1);
	struct node *n = w->stations[0].node;
	const struct node_link_config good = link_config_of(&w->segments[0]);
	struct node_link_config bad[10];
	struct endpoint there = endpoint_ip(1, 1, 1);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].mtu = NODE_FRAME_MIN - 1; /* IPv6 needs 1280 */
	bad[1].mtu = NODE_FRAME_MAX + 1;
	bad[2].rxcost = 0;
	bad[3].hello_ms = 0;
	bad[4].hello_ms = 655351; /* 16 bits of centiseconds */
	bad[5].update_s = 0;
	memset(bad[6].name, 'x', sizeof(bad[6].name)); /* no end */
	bad[7].mtu = 0;
	bad[8].hello_ms = UINT32_MAX;
	bad[9].mtu = UINT32_MAX;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(node_link_add(n, w->now, 0, &bad[i]), -EINVAL);
	assert_int_equal(node_link_add(n, w->now, NODE_LINK_MAX, &good), -EINVAL);
	assert_int_equal(node_target_set(n, w->now, 0, 0, &there), -EINVAL);
	assert_int_equal(node_link_add(n, w->now, 0, &good), 0);
	assert_int_equal(node_link_add(n, w->now, 0, &good), -EEXIST);
	assert_int_equal(node_target_set(n, w->now, 0, NODE_TARGET_MAX, &there), -EINVAL);
	assert_int_equal(node_target_set(n, w->now, NODE_LINK_MAX, 0, &there), -EINVAL);
	assert_int_equal(node_target_set(n, w->now, 0, NODE_TARGET_MAX - 1, &there), 0);
	node_link_remove(n, w->now, 5);
	node_link_remove(n, w->now, NODE_LINK_MAX);
	node_link_set_up(n, w->now, 5, true);
	node_link_set_up(n, w->now, NODE_LINK_MAX, true);
	world_free(w);
}

struct links {
	unsigned count;
	struct node_link_info infos[NODE_LINK_MAX];
};

static void link_take(void *arg, const struct node_link_info *info)
{
	struct links *l = arg;

	assert_true(l->count < NODE_LINK_MAX);
	l->infos[l->count++] = *info;
}

static struct links links_of(struct world *w, unsigned i)
{
	struct links l = { 0 };

	node_dump_links(w->stations[i].node, link_take, &l);
	return l;
}

static void links_tell_what_went_over_them(void **state)
{
	struct world *w = world_of(2, 2);
	struct links a, b;
	uint64_t frames = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		station_join(w, i, 0);
		station_join(w, i, 3);
	}
	world_run(w, 10 * A_SECOND);
	a = links_of(w, 0);
	b = links_of(w, 1);
	assert_int_equal(a.count, 2);
	assert_int_equal(a.infos[0].id, 0);
	assert_int_equal(a.infos[1].id, 3);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(a.infos[i].up);
		assert_int_equal(a.infos[i].neighbours, 1);
		frames = 0;
		for (unsigned t = 0; t < TYPES; t++)
			frames += w->segments[a.infos[i].id].frames[t];
		assert_int_equal(a.infos[i].tx_frames + b.infos[i].tx_frames, frames);
		assert_int_equal(a.infos[i].tx_bytes + b.infos[i].tx_bytes, w->segments[a.infos[i].id].bytes);
		assert_true(a.infos[i].rx_frames > 0 && a.infos[i].rx_frames <= b.infos[i].tx_frames);
		assert_true(a.infos[i].rx_bytes <= b.infos[i].tx_bytes);
	}
	w->segments[3].is_cut = true;
	world_run(w, 20 * A_SECOND);
	a = links_of(w, 0);
	assert_int_equal(a.infos[0].neighbours, 1);
	assert_int_equal(a.infos[1].neighbours, 0);
	node_link_set_up(w->stations[0].node, w->now, 3, false);
	a = links_of(w, 0);
	assert_false(a.infos[1].up);
	world_free(w);
}

/* An interface that vanishes and comes back, with or without its carrier first. */
static void link_that_comes_back_resumes(void **state)
{
	(void)state;
	for (unsigned is_net = 0; is_net < 2; is_net++) {
		struct world *w = world_of(3 + is_net, 2);

		segment_make(w, 1, false);
		station_join(w, 0, is_net);
		station_join(w, 1, is_net);
		if (is_net)
			station_target(w, 0, 1, 1);
		for (unsigned round = 0; round < 6; round++) {
			world_run(w, 15 * A_SECOND);
			assert_true(is_peer(w, 0, 1, is_net) && is_peer(w, 1, 0, is_net));
			assert_int_equal(world_flow(w, 0, 1, 100 * round, 10, 10 * MILLISECOND), 0);
			node_link_set_up(w->stations[round % 2].node, w->now, is_net, false);
			assert_false(reaches(w, round % 2, !(round % 2)));
			if (round >= 2) {
				station_leave(w, round % 2, is_net);
				world_run(w, round * 3 * A_SECOND);
				station_join(w, round % 2, is_net);
				if (is_net && round % 2 == 0)
					station_target(w, 0, 1, 1);
			} else {
				world_run(w, round * 3 * A_SECOND);
				node_link_set_up(w->stations[round % 2].node, w->now, is_net, true);
				station_poll(&w->stations[round % 2]);
			}
		}
		world_free(w);
	}
}

static void certificates_are_taken_only_if_they_verify(void **state)
{
	struct world *w = world_of(5, 2);
	struct node *n = w->stations[0].node;
	struct certificate c = w->stations[1].enrolment.certificate;
	struct secret_authority other;
	uint8_t encoded[CERTIFICATE_MAX_LEN];
	size_t len = (size_t)certificate_encode(&c, encoded, sizeof(encoded));

	(void)state;
	assert_null(node_certificate_of(n, &w->stations[1].rid));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(node_certificate_add(n, bytes_of(encoded, cut)), -EBADMSG);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(node_certificate_add(n, bytes_of(encoded, len)) < 0);
		encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_null(node_certificate_of(n, &w->stations[1].rid));
	assert_int_equal(node_certificate_add(n, bytes_of(encoded, len)), 0);
	assert_string_equal(node_certificate_of(n, &w->stations[1].rid)->name, c.name);
	authority_make(&other, 77);
	assert_int_equal(certificate_issue(&c, &other), 0);
	len = (size_t)certificate_encode(&c, encoded, sizeof(encoded));
	assert_int_equal(node_certificate_add(n, bytes_of(encoded, len)), -EKEYREJECTED);
	authority_done(&other);
	world_free(w);
}

static void every_reason_and_event_has_a_name_of_its_own(void **state)
{
	struct node_drops drops = { 0 };
	const char *names[64], *name;
	unsigned count = 0;

	(void)state;
	drops.link_down = 7;
	for (uint64_t value = node_drop_at(&drops, 0, &name); name; value = node_drop_at(&drops, count, &name)) {
		assert_int_equal(value, strcmp(name, "link_down") == 0 ? 7 : 0);
		for (unsigned i = 0; i < count; i++)
			assert_string_not_equal(names[i], name);
		names[count++] = name;
	}
	assert_int_equal(count, sizeof(drops) / sizeof(uint64_t));
	for (enum node_event a = NODE_NEIGHBOUR_UP; a < NODE_EVENTS; a++)
		for (enum node_event b = NODE_NEIGHBOUR_UP; b < a; b++)
			assert_string_not_equal(node_event_name(a), node_event_name(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_config_is_checked),
		cmocka_unit_test(links_tell_what_went_over_them),
		cmocka_unit_test(link_that_comes_back_resumes),
		cmocka_unit_test(certificates_are_taken_only_if_they_verify),
		cmocka_unit_test(every_reason_and_event_has_a_name_of_its_own),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
