/* Messages: what arrives, how often, what the sender is told, and what others can do to them. */
#include "tests/unit/node_world.h"

#include "meshd/node/message.h"

#include <errno.h>

#define SLOTS 400
#define RECEIVED_MAX 700
#define A_DAY (24 * AN_HOUR)

/* What the stations have on their disks, and have read. */
struct slot {
	uint8_t key[NODE_KEPT_KEY_MAX], value[NODE_KEPT_VALUE_MAX];
	size_t key_len, value_len;
	uint64_t since; /* written */
};

struct drawer {
	struct slot slots[SLOTS];
	unsigned count;
	bool is_slow; /* nothing is stored until the test says so */
	uint8_t pending[SLOTS][NODE_KEPT_KEY_MAX];
	size_t pending_len[SLOTS];
	unsigned pending_count;
	char received[RECEIVED_MAX][NODE_TEXT_MAX + 1];
	unsigned received_count;
	struct node_message last; /* told; its text is not there any more */
};
static struct drawer drawers[STATIONS];

static bool drawer_store(struct station *s, struct bytes key, struct bytes value)
{
	struct drawer *d = &drawers[s->index];
	struct slot *at = NULL;

	for (unsigned i = 0; i < d->count && !at; i++)
		if (bytes_equal(bytes_of(d->slots[i].key, d->slots[i].key_len), key))
			at = &d->slots[i];
	if (d->is_slow) {
		assert_true(d->pending_count < SLOTS);
		memcpy(d->pending[d->pending_count], key.data, key.len);
		d->pending_len[d->pending_count++] = key.len;
	}
	if (!at && value.len) {
		assert_true(d->count < SLOTS);
		at = &d->slots[d->count++];
	}
	if (!at)
		return !d->is_slow;
	memcpy(at->key, key.data, key.len);
	at->key_len = key.len;
	if (value.len)
		memcpy(at->value, value.data, value.len);
	at->value_len = value.len;
	at->since = s->w->now;
	return !d->is_slow;
}

static void drawer_message(struct station *s, const struct node_message *m)
{
	struct drawer *d = &drawers[s->index];

	d->last = *m;
	if (m->box != NODE_MESSAGE_IN)
		return;
	assert_true(d->received_count < RECEIVED_MAX);
	memcpy(d->received[d->received_count], m->text.data, m->text.len);
	d->received[d->received_count++][m->text.len] = '\0';
}

static void drawer_open(struct station *s)
{
	struct drawer *d = &drawers[s->index];

	for (unsigned i = 0; i < d->count; i++) {
		const struct slot *k = &d->slots[i];

		if (k->value_len)
			assert_int_equal(node_message_restore(s->node, s->w->now, bytes_of(k->key, k->key_len),
						 bytes_of(k->value, k->value_len), s->w->now - k->since),
				0);
	}
}

/* The disk has come up with what it was given, or has given up. */
static void drawer_done(struct world *w, unsigned i, bool is_kept)
{
	struct drawer *d = &drawers[i];
	unsigned count = d->pending_count;

	d->pending_count = 0;
	for (unsigned k = 0; k < count; k++)
		node_message_stored(w->stations[i].node, w->now, bytes_of(d->pending[k], d->pending_len[k]), is_kept);
	station_poll(&w->stations[i]);
}

static struct world *world_writing(uint64_t seed, unsigned count)
{
	struct world *w = world_new(seed);

	memset(drawers, 0, sizeof(drawers));
	w->store_message = drawer_store;
	w->message = drawer_message;
	w->started = drawer_open;
	for (unsigned i = 0; i < count; i++) {
		station_enrol(w, i, NULL, NULL);
		station_start(w, i);
	}
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < count; k++)
			station_knows_of(w, i, k);
	return w;
}

/* 0 ──0── 1 ──1── 2 ...; the segments join `count` of them. */
static struct world *chain(uint64_t seed, unsigned count)
{
	struct world *w = world_writing(seed, count);

	stations_join_in_a_row(w, count);
	world_run(w, 20 * A_SECOND);
	all_reach(w, count);
	return w;
}

static int write_to(struct world *w, unsigned from, unsigned to, const char *text, bool is_urgent)
{
	char name[24];
	uint32_t number;

	snprintf(name, sizeof(name), "station-%u", to);
	int error = node_message_send(
		w->stations[from].node, w->now, name, bytes_of(text, strlen(text)), is_urgent, 29000200, &number);
	station_poll(&w->stations[from]);
	return error ? error : (int)number;
}

struct search {
	enum node_message_box box;
	uint32_t number;
	unsigned count;
	struct node_message found;
};

static void search_each(void *arg, const struct node_message *m)
{
	struct search *s = arg;

	if (m->box != s->box || (s->number && m->number != s->number))
		return;
	s->count++;
	s->found = *m;
}

static struct node_message own(struct world *w, unsigned i, int number)
{
	struct search s = { .box = NODE_MESSAGE_OUT, .number = (uint32_t)number };

	assert_true(number > 0);
	node_dump_messages(w->stations[i].node, search_each, &s);
	assert_int_equal(s.count, 1);
	return s.found;
}

static bool is_at(struct world *w, struct node_message m, unsigned i)
{
	return address_equal(&m.at, &w->stations[i].address);
}

static unsigned held(struct world *w, unsigned i)
{
	struct search s = { .box = NODE_MESSAGE_HELD };

	node_dump_messages(w->stations[i].node, search_each, &s);
	return s.count;
}

static unsigned times_received(unsigned i, const char *text)
{
	unsigned count = 0;

	for (unsigned k = 0; k < drawers[i].received_count; k++)
		count += strcmp(drawers[i].received[k], text) == 0;
	return count;
}

static bool all_delivered(struct world *w, unsigned i, unsigned from, unsigned until)
{
	for (unsigned number = from; number < until; number++)
		if (own(w, i, (int)number).state != NODE_MESSAGE_DELIVERED)
			return false;
	return true;
}

static void links_cut(struct world *w, unsigned segment, bool is_cut)
{
	w->segments[segment].is_cut = is_cut;
}

/* --- the way there ------------------------------------------------------------------------------ */

static void text_crosses_relays_and_its_sender_knows(void **state)
{
	struct world *w = chain(1, 4);

	(void)state;
	int number = write_to(w, 0, 3, "two boats at the bridge", false);
	assert_int_equal(number, 1);
	world_run(w, 2 * A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(drawers[3].received_count, 1);
	assert_int_equal(times_received(3, "two boats at the bridge"), 1);
	assert_true(address_equal(&drawers[3].last.from, &w->stations[0].address));
	assert_int_equal(drawers[3].last.date, 29000200);
	assert_int_equal(drawers[3].last.number, 1);
	/* Relays hold nothing any more, neither letter nor receipt. */
	world_run(w, A_SECOND);
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(w->stations[i].node->messages->bytes[NODE_MESSAGE_HELD], 0);
		assert_int_equal(counters_of(w, i)->messages_passed, 1);
	}
	assert_int_equal(counters_of(w, 0)->messages_sent, 1);
	assert_int_equal(counters_of(w, 3)->messages_received, 1);
	world_free(w);
}

static void what_cannot_be_sent_is_told_at_once(void **state)
{
	static const char longest[NODE_TEXT_MAX + 2];
	struct world *w = chain(2, 2);
	struct node *n = w->stations[0].node;
	uint32_t number;

	(void)state;
	assert_int_equal(node_message_send(n, w->now, "nobody", bytes_of("x", 1), false, 0, &number), -ENOENT);
	assert_int_equal(node_message_send(n, w->now, "station-0", bytes_of("x", 1), false, 0, &number), -EINVAL);
	assert_int_equal(node_message_send(n, w->now, "station-1", bytes_of("x", 0), false, 0, &number), -EINVAL);
	assert_int_equal(
		node_message_send(n, w->now, "station-1", bytes_of(longest, NODE_TEXT_MAX + 1), false, 0, &number),
		-EINVAL);
	assert_int_equal(
		node_message_send(n, w->now, "station-1", bytes_of(longest, NODE_TEXT_MAX), true, 0, &number), 0);
	station_poll(&w->stations[0]);
	world_run(w, A_SECOND);
	assert_int_equal(own(w, 0, (int)number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(drawers[1].last.text.len, NODE_TEXT_MAX);
	assert_true(drawers[1].last.is_urgent);
	world_free(w);
}

static void lost_and_doubled_frames_neither_lose_nor_double_a_message(void **state)
{
	struct world *w = chain(3, 4);
	char text[24];

	(void)state;
	for (unsigned segment = 0; segment < 3; segment++) {
		w->segments[segment].loss = 150;
		w->segments[segment].duplication = 150;
		w->segments[segment].jitter = 20 * MILLISECOND;
	}
	for (unsigned i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		assert_int_equal(write_to(w, 0, 3, text, i % 5 == 0), i + 1);
		world_run(w, A_SECOND / 4);
	}
	for (unsigned minutes = 0; minutes < 60 && !all_delivered(w, 0, 1, 61); minutes++)
		world_run(w, A_MINUTE);
	assert_true(all_delivered(w, 0, 1, 61));
	for (unsigned i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		assert_int_equal(times_received(3, text), 1);
	}
	world_free(w);
}

/* --- partitions ----------------------------------------------------------------------------------- */

static void written_while_cut_off_it_leaves_when_there_is_a_way(void **state)
{
	struct world *w = chain(4, 3);

	(void)state;
	links_cut(w, 0, true);
	world_run(w, A_MINUTE);
	int number = write_to(w, 0, 2, "we are cut off", false);
	world_run(w, AN_HOUR);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_QUEUED);
	assert_int_equal(own(w, 0, number).wait, NODE_MESSAGE_WAIT_WAY);
	links_cut(w, 0, false);
	assert_true(world_until_reached(w, 0, 2, A_MINUTE) != UINT64_MAX);
	world_run(w, A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(drawers[2].received_count, 1);
	world_free(w);
}

/* The first half of the way works, later the second half alone: the relay carries it over. */
static void relay_keeps_it_while_no_way_is_whole(void **state)
{
	struct world *w = chain(5, 4);

	(void)state;
	/* Nobody has noticed yet: the relay takes what it cannot pass on. */
	links_cut(w, 2, true);
	int number = write_to(w, 0, 3, "bridge is down", false);
	world_run(w, A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_LEFT);
	assert_string_equal(own(w, 0, number).link, "test");
	assert_true(is_at(w, own(w, 0, number), 1));
	world_run(w, A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_REACHED);
	assert_true(is_at(w, own(w, 0, number), 2));
	assert_int_equal(own(w, 0, number).hops, 2);
	assert_int_equal(held(w, 2), 1);
	assert_int_equal(held(w, 1), 0);

	links_cut(w, 0, true);
	world_run(w, A_MINUTE);
	links_cut(w, 2, false);
	world_run(w, A_MINUTE);
	assert_int_equal(times_received(3, "bridge is down"), 1);
	/* Its sender cannot know, and does not say so. */
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_REACHED);
	links_cut(w, 0, false);
	world_run(w, A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	world_run(w, AN_HOUR);
	assert_int_equal(drawers[3].received_count, 1);
	world_free(w);
}

static void lost_relay_is_made_good_by_the_sender(void **state)
{
	struct world *w = chain(6, 3);

	(void)state;
	links_cut(w, 1, true);
	int number = write_to(w, 0, 2, "lost with the relay", false);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_LEFT);
	memset(&drawers[1], 0, sizeof(drawers[1])); /* it drowns; the spare knows nothing */
	station_kill(w, 1);
	station_start(w, 1);
	station_knows_of(w, 1, 0);
	station_knows_of(w, 1, 2);
	links_cut(w, 1, false);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(drawers[2].received_count, 0);
	world_run(w, 6 * A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(drawers[2].received_count, 1);
	world_free(w);
}

static void it_expires_after_a_day_and_is_gone_everywhere(void **state)
{
	struct world *w = chain(7, 3);

	(void)state;
	links_cut(w, 1, true);
	int number = write_to(w, 0, 2, "too late", false);
	world_run(w, A_MINUTE);
	assert_int_equal(held(w, 1), 1);
	world_run(w, A_DAY - 3 * A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_REACHED);
	world_run(w, 3 * A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_EXPIRED);
	assert_int_equal(held(w, 1), 0);
	links_cut(w, 1, false);
	world_run(w, AN_HOUR);
	assert_int_equal(drawers[2].received_count, 0);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_EXPIRED);
	world_free(w);
}

static void neighbour_that_knows_no_messages_is_named_as_the_obstacle(void **state)
{
	struct world *w = world_writing(8, 2);

	(void)state;
	station_kill(w, 1);
	w->stations[1].is_plain = true;
	station_start(w, 1);
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	world_run(w, 20 * A_SECOND);
	int number = write_to(w, 0, 1, "hello", false);
	world_run(w, A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_QUEUED);
	assert_int_equal(own(w, 0, number).wait, NODE_MESSAGE_WAIT_OLD);
	world_free(w);
}

/* --- thin links ------------------------------------------------------------------------------------- */

static struct world *thin_pair(uint64_t seed)
{
	struct world *w = world_writing(seed, 2);
	struct segment *s = &w->segments[0];

	s->is_thin = s->is_paired = s->is_open = true;
	s->rate_bps = 2400;
	s->mtu = 200;
	struct node_link_config config = link_config_of(s);
	config.is_shaped = true;
	config.hello_ms = 10000;
	for (unsigned i = 0; i < 2; i++)
		station_join_with(w, i, 0, &config);
	world_run(w, 5 * A_MINUTE);
	all_reach(w, 2);
	return w;
}

static void thin_link_carries_them_one_by_one_and_the_urgent_first(void **state)
{
	struct world *w = thin_pair(9);
	char text[64];

	(void)state;
	links_cut(w, 0, true);
	world_run(w, 10 * A_MINUTE);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "position %02u: nothing new at the dyke", i);
		write_to(w, 0, 1, text, false);
	}
	int urgent = write_to(w, 0, 1, "SOS", true);
	links_cut(w, 0, false);
	assert_true(world_until_reached(w, 0, 1, 10 * A_MINUTE) != UINT64_MAX);
	uint64_t before = w->segments[0].bytes, start = w->now;
	while (drawers[1].received_count < 2)
		world_run(w, A_SECOND / 10);
	assert_int_equal(times_received(1, "SOS"), 1);
	while (!all_delivered(w, 0, 1, 22) && w->now < start + 10 * A_MINUTE)
		world_run(w, A_SECOND);
	assert_true(all_delivered(w, 0, 1, 22));
	assert_int_equal(own(w, 0, urgent).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(drawers[1].received_count, 21);
	/* 21 letters of some 180 bytes and what is said about them; none was sent twice for impatience. */
	assert_in_range(w->segments[0].bytes - before, 21 * 150, 21 * 330);
	assert_true(w->now - start < 60 * A_SECOND);
	world_free(w);
}

static void what_waited_for_hours_does_not_fill_the_queue_of_a_thin_link(void **state)
{
	struct world *w = thin_pair(10);
	unsigned most = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		write_to(w, 0, 1, "nothing new at the dyke, all well, next word at six", false);
	for (unsigned i = 0; i < 300; i++) {
		const struct egress *e = w->stations[0].node->links[0]->egress;
		unsigned waiting = e ? (unsigned)e->lanes[LANE_TEXT].packets : 0;

		most = waiting > most ? waiting : most;
		world_run(w, A_SECOND / 10);
	}
	assert_in_range(most, 1, 4);
	assert_true(drawers[1].received_count > 10);
	world_free(w);
}

/* --- disks --------------------------------------------------------------------------------------------- */

static void restarts_lose_nothing_and_double_nothing(void **state)
{
	struct world *w = chain(11, 3);

	(void)state;
	links_cut(w, 0, true);
	links_cut(w, 1, true);
	int number = write_to(w, 0, 2, "survives", true);
	station_kill(w, 0);
	world_run(w, AN_HOUR);
	station_start(w, 0);
	station_knows_of(w, 0, 1);
	station_knows_of(w, 0, 2);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_QUEUED);
	assert_true(own(w, 0, number).is_urgent);
	assert_in_range(own(w, 0, number).expires_us, w->now + A_DAY - AN_HOUR - A_SECOND, w->now + A_DAY - AN_HOUR);
	assert_int_equal(own(w, 0, number).text.len, strlen("survives"));
	links_cut(w, 0, false);
	station_join(w, 0, 0);
	world_run(w, A_MINUTE);
	/* The relay has it, and is switched off and on. */
	links_cut(w, 1, false);
	w->segments[1].swallow[FRAME_TYPE_DATA] = 1000;
	world_run(w, A_MINUTE);
	if (own(w, 0, number).state == NODE_MESSAGE_QUEUED)
		world_run(w, A_MINUTE);
	station_kill(w, 1);
	w->segments[1].swallow[FRAME_TYPE_DATA] = 0;
	world_run(w, A_MINUTE);
	station_start(w, 1);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	world_run(w, 20 * A_MINUTE);
	assert_int_equal(times_received(2, "survives"), 1);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	/* The next one has the next number. */
	assert_int_equal(write_to(w, 0, 2, "next", false), number + 1);
	world_free(w);
}

static void receipt_waits_for_the_disk(void **state)
{
	struct world *w = chain(12, 3);

	(void)state;
	drawers[2].is_slow = true;
	int number = write_to(w, 0, 2, "slow disk", false);
	world_run(w, 30 * A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_REACHED); /* the relay still has it */
	assert_true(is_at(w, own(w, 0, number), 1));
	assert_int_equal(drawers[2].received_count, 0);
	assert_int_equal(held(w, 1), 1);
	drawer_done(w, 2, true);
	world_run(w, 30 * A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(drawers[2].received_count, 1);
	assert_int_equal(held(w, 1), 0);
	world_free(w);
}

static void nothing_leaves_before_it_is_stored(void **state)
{
	struct world *w = chain(13, 2);

	(void)state;
	drawers[0].is_slow = true;
	int number = write_to(w, 0, 1, "stored first", false);
	world_run(w, 10 * A_SECOND);
	assert_int_equal(own(w, 0, number).wait, NODE_MESSAGE_WAIT_STORE);
	assert_int_equal(drawers[1].received_count, 0);
	drawer_done(w, 0, true);
	world_run(w, A_SECOND);
	assert_int_equal(drawers[1].received_count, 1);
	world_free(w);
}

/* Whoever reads it sees it, and does not say that it has it. */
static void disk_that_takes_nothing_gives_no_receipt(void **state)
{
	struct world *w = chain(24, 2);

	(void)state;
	drawers[1].is_slow = true;
	int number = write_to(w, 0, 1, "seen and not kept", false);
	world_run(w, A_SECOND);
	drawer_done(w, 1, false);
	assert_int_equal(times_received(1, "seen and not kept"), 1);
	world_run(w, 2 * A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_QUEUED);
	assert_int_equal(own(w, 0, number).wait, NODE_MESSAGE_WAIT_ANSWER);
	assert_int_equal(times_received(1, "seen and not kept"), 1);
	/* The disk takes what it was given, at last. */
	drawers[1].pending_count = 0;
	for (unsigned i = 0; i < drawers[1].count; i++)
		node_message_stored(w->stations[1].node, w->now,
			bytes_of(drawers[1].slots[i].key, drawers[1].slots[i].key_len), true);
	station_poll(&w->stations[1]);
	world_run(w, 10 * A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(times_received(1, "seen and not kept"), 1);
	world_free(w);
}

/* Station 0 is switched off, and comes back with this on its disk. */
static void come_back_with(struct world *w, const struct drawer *disk)
{
	station_kill(w, 0);
	drawers[0] = *disk;
	station_start(w, 0);
	station_knows_of(w, 0, 1);
	station_join(w, 0, 0);
	world_run(w, A_MINUTE);
}

/* What it wrote was never on the disk: after a restart its numbers are those from before. */
static void number_that_was_not_kept_is_not_taken_for_an_old_message(void **state)
{
	struct world *w = chain(25, 2);

	(void)state;
	write_to(w, 0, 1, "first", false);
	world_run(w, A_SECOND);
	struct drawer before = drawers[0];
	drawers[0].is_slow = true;
	assert_int_equal(write_to(w, 0, 1, "second, not on the disk", false), 2);
	drawer_done(w, 0, false);
	world_run(w, A_SECOND);
	assert_int_equal(times_received(1, "second, not on the disk"), 1);
	come_back_with(w, &before);
	int number = write_to(w, 0, 1, "third, with the second's number", false);
	assert_int_equal(number, 2);
	world_run(w, A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(times_received(1, "third, with the second's number"), 1);
	world_free(w);
}

/* A disk is put back to what it was, as from a copy: what it had written since is known, and another text is another
 * message. */
static void disk_from_a_copy_does_not_make_texts_vanish(void **state)
{
	struct world *w = chain(26, 2);

	(void)state;
	write_to(w, 0, 1, "first", false);
	world_run(w, A_SECOND);
	struct drawer before = drawers[0];
	write_to(w, 0, 1, "second", false);
	world_run(w, A_SECOND);
	come_back_with(w, &before);
	int number = write_to(w, 0, 1, "third", false);
	assert_int_equal(number, 2);
	world_run(w, A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(times_received(1, "third"), 1);
	assert_int_equal(drawers[1].received_count, 3);
	world_free(w);
}

static void damaged_records_are_refused(void **state)
{
	struct world *w = chain(14, 2);

	(void)state;
	links_cut(w, 0, true);
	world_run(w, A_MINUTE);
	write_to(w, 0, 1, "kept", false);
	assert_int_equal(drawers[0].count, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct slot *k = &drawers[0].slots[i];
		struct node *n = w->stations[1].node;

		for (size_t cut = 0; cut < k->value_len; cut++)
			assert_int_equal(node_message_restore(
						 n, w->now, bytes_of(k->key, k->key_len), bytes_of(k->value, cut), 0),
				-EBADMSG);
		for (size_t cut = 0; cut < k->key_len; cut++)
			assert_int_equal(node_message_restore(
						 n, w->now, bytes_of(k->key, cut), bytes_of(k->value, k->value_len), 0),
				-EBADMSG);
	}
	world_free(w);
}

/* --- members come and go ----------------------------------------------------------------------------------- */

static void whoever_takes_the_place_of_a_lost_node_gets_its_messages(void **state)
{
	struct world *w = chain(15, 3);
	struct enrolment *e = &w->stations[3].enrolment;

	(void)state;
	links_cut(w, 1, true);
	int number = write_to(w, 0, 2, "for whoever is at the dyke", false);
	world_run(w, A_MINUTE);
	assert_int_equal(held(w, 1), 1);
	station_revoke(w, 0, 2);
	world_run(w, 5 * A_SECOND);
	world_run(w, 3 * A_MINUTE);
	assert_int_equal(held(w, 1), 0); /* nobody could read it */
	assert_int_equal(own(w, 0, number).wait, NODE_MESSAGE_WAIT_OUT);
	assert_int_equal(write_to(w, 0, 2, "more", false), -EKEYREVOKED);

	station_enrol(w, 3, NULL, NULL);
	name_set(&e->certificate, "station-2");
	assert_int_equal(certificate_issue(&e->certificate, &w->authority), 0);
	station_start(w, 3);
	station_knows_of(w, 3, 0);
	station_knows_of(w, 3, 1);
	station_join(w, 3, 0);
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_DELIVERED);
	assert_int_equal(times_received(3, "for whoever is at the dyke"), 1);
	world_free(w);
}

static void nothing_is_taken_of_who_is_out(void **state)
{
	struct world *w = chain(16, 3);

	(void)state;
	links_cut(w, 1, true);
	int number = write_to(w, 2, 0, "from the thief", false);
	world_run(w, 5 * A_SECOND);
	assert_true(number > 0);
	station_revoke(w, 0, 2);
	world_run(w, 5 * A_SECOND);
	links_cut(w, 1, false);
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(drawers[0].received_count, 0);
	assert_int_equal(held(w, 1), 0);
	world_free(w);
}

/* --- what others may say ------------------------------------------------------------------------------------- */

/* Of messages, in an inner frame. */
static void say(struct world *w, unsigned from, unsigned to, unsigned segment, const uint8_t *body, size_t len)
{
	uint8_t inner[1 + NODE_THIN_BODY] = { KIND_MESSAGE };

	memcpy(inner + 1, body, len);
	station_say_inner(w, from, to, segment, bytes_of(inner, len + 1));
	world_run(w, A_SECOND / 10);
}

/* A letter of station `from` to station `to` as it is on the wire. */
static size_t letter_make(
	struct world *w, unsigned from, unsigned to, uint32_t number, const char *text, uint8_t out[NODE_THIN_BODY])
{
	struct message m = { .what = MESSAGE_LETTER, .hops_left = MESSAGE_HOPS };
	uint8_t plain[MESSAGE_PLAIN_HEAD + NODE_TEXT_MAX], sealed[MESSAGE_CONTENT_MAX], about[MESSAGE_ABOUT_MAX];
	struct writer p = writer_of(plain, sizeof(plain)), s = writer_of(sealed, sizeof(sealed));
	struct random random = prng_random(&w->prng);

	m.info.from = w->stations[from].address;
	m.info.to = w->stations[to].address;
	m.info.expires_us = (int64_t)(w->now + A_DAY);
	write_u32(&p, 77);
	write_u32(&p, number);
	write_u32(&p, 0);
	write_copy(&p, text, strlen(text));
	assert_int_equal(
		letter_seal(&s, writer_bytes(&p), message_about(&m, about), &w->stations[from].enrolment.identity,
			w->stations[to].enrolment.identity.public.dh, &random, m.proof),
		0);
	m.content = writer_bytes(&s);
	return message_write(&m, w->now, out, NODE_THIN_BODY);
}

static void replayed_letter_is_not_read_again(void **state)
{
	struct world *w = chain(17, 3);
	uint8_t body[NODE_THIN_BODY];
	size_t len = letter_make(w, 0, 2, 1, "once", body);

	(void)state;
	for (unsigned life = 0; life < 3; life++) {
		for (unsigned i = 0; i < 5; i++)
			say(w, 1, 2, 1, body, len);
		assert_int_equal(drawers[2].received_count, 1);
		station_kill(w, 2);
		world_run(w, 10 * A_MINUTE);
		station_start(w, 2);
		station_knows_of(w, 2, 0);
		station_knows_of(w, 2, 1);
		station_join(w, 2, 1);
		world_run(w, 30 * A_SECOND);
	}
	/* After the memory of messages has turned over it is too old, whoever says it. */
	size_t other = letter_make(w, 0, 2, 5000, "much later", body);
	say(w, 1, 2, 1, body, other);
	assert_int_equal(drawers[2].received_count, 2);
	len = letter_make(w, 0, 2, 2, "held back", body);
	say(w, 1, 2, 1, body, len);
	assert_int_equal(drawers[2].received_count, 2);
	assert_true(counters_of(w, 2)->drops.message_again > 0);
	world_free(w);
}

static void letter_in_anothers_name_is_not_read(void **state)
{
	struct world *w = chain(18, 3);
	uint8_t body[NODE_THIN_BODY];

	(void)state;
	/* Station 1 writes, and says that it is station 0. */
	struct enrolment honest = w->stations[0].enrolment;
	w->stations[0].enrolment.identity = w->stations[1].enrolment.identity;
	size_t len = letter_make(w, 0, 2, 1, "retreat", body);
	w->stations[0].enrolment = honest;
	say(w, 1, 2, 1, body, len);
	len = letter_make(w, 0, 2, 1, "changed", body);
	for (size_t i = MESSAGE_HEAD; i < len; i += 7) {
		body[i] ^= 4;
		say(w, 1, 2, 1, body, len);
		body[i] ^= 4;
	}
	assert_int_equal(drawers[2].received_count, 0);
	say(w, 1, 2, 1, body, len);
	assert_int_equal(drawers[2].received_count, 1);
	world_free(w);
}

static void relay_cannot_say_that_it_arrived(void **state)
{
	struct world *w = chain(19, 3);
	struct message m = { .what = MESSAGE_RECEIPT, .hops_left = MESSAGE_HOPS };
	uint8_t body[NODE_THIN_BODY], content[MESSAGE_RECEIPT_LEN] = { 0 };

	(void)state;
	links_cut(w, 1, true);
	int number = write_to(w, 0, 2, "truth", false);
	world_run(w, 5 * A_SECOND);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_LEFT);
	memcpy(content, own(w, 0, number).id, NODE_MESSAGE_ID_LEN);
	m.info.from = w->stations[2].address;
	m.info.to = w->stations[0].address;
	m.info.expires_us = (int64_t)(w->now + A_DAY);
	m.content = bytes_of(content, sizeof(content));
	size_t len = message_write(&m, w->now, body, sizeof(body));
	say(w, 1, 0, 0, body, len);
	assert_int_equal(own(w, 0, number).state, NODE_MESSAGE_LEFT);
	assert_int_equal(counters_of(w, 0)->drops.message_refused, 1);
	world_free(w);
}

static void cut_and_impossible_bodies_are_dropped(void **state)
{
	struct world *w = chain(20, 3);
	uint8_t body[NODE_THIN_BODY];
	size_t len = letter_make(w, 0, 2, 1, "x", body);

	(void)state;
	for (size_t cut = 0; cut < len; cut += cut < MESSAGE_HEAD ? 1 : 9)
		say(w, 0, 1, 0, body, cut);
	body[1] = 0x40;
	say(w, 0, 1, 0, body, len);
	body[1] = 3;
	say(w, 0, 1, 0, body, len);
	body[0] = 9;
	say(w, 0, 1, 0, body, len);
	uint8_t taken[1 + NODE_MESSAGE_ID_LEN + 1] = { MESSAGE_OP_TAKEN };
	say(w, 0, 1, 0, taken, sizeof(taken));
	assert_int_equal(counters_of(w, 1)->drops.message_malformed, MESSAGE_HEAD + (len - MESSAGE_HEAD + 8) / 9 + 4);
	/* Nobody was offered that. */
	say(w, 0, 1, 0, taken, sizeof(taken) - 1);
	assert_int_equal(counters_of(w, 1)->drops.message_refused, 1);
	assert_int_equal(held(w, 1), 0);
	world_free(w);
}

/* Whoever floods a relay fills its own share: of what others bring nothing is refused. */
static void nobody_fills_a_store_for_others(void **state)
{
	struct world *w = world_writing(21, 4);
	uint8_t body[NODE_THIN_BODY];

	(void)state;
	/* 0 and 3 are neighbours of 1; 2 is not there. */
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	station_join(w, 1, 1);
	station_join(w, 3, 1);
	world_run(w, 20 * A_SECOND);
	w->store_message = NULL; /* the drawers of the test are too small */
	char text[NODE_TEXT_MAX + 1];
	memset(text, 'x', NODE_TEXT_MAX);
	text[NODE_TEXT_MAX] = '\0';
	for (unsigned i = 0; i < 1500; i++) {
		size_t len = letter_make(w, 0, 2, i + 1, text, body);

		body[15 + i % 8] = (uint8_t)i; /* as if of many senders */
		body[16 + i % 8] = (uint8_t)(i >> 8);
		say(w, 0, 1, 0, body, len);
	}
	size_t filled = w->stations[1].node->messages->bytes[NODE_MESSAGE_HELD];
	/* With some reports to those who are said to be the senders. */
	assert_in_range(filled, MESSAGE_BRINGER_BYTES_MAX / 2, MESSAGE_BRINGER_BYTES_MAX + 64 * 512);
	assert_true(counters_of(w, 1)->drops.message_limited > 0);
	size_t len = letter_make(w, 3, 2, 1, "honest", body);
	say(w, 3, 1, 1, body, len);
	assert_true(w->stations[1].node->messages->bytes[NODE_MESSAGE_HELD] > filled);
	world_free(w);
}

/* Who writes more than its share covers its own: what others have written stays. */
static void inbox_is_not_flooded_by_one(void **state)
{
	struct world *w = chain(22, 3);
	char text[24];

	(void)state;
	w->store_message = NULL;
	write_to(w, 1, 0, "from the other", false);
	for (unsigned i = 0; i < 3 * MESSAGE_IN_SENDER_MAX; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		assert_true(write_to(w, 2, 0, text, false) > 0);
		world_run(w, A_SECOND / 5);
	}
	struct search s = { .box = NODE_MESSAGE_IN };
	node_dump_messages(w->stations[0].node, search_each, &s);
	assert_int_equal(s.count, MESSAGE_IN_SENDER_MAX + 1);
	assert_memory_equal(s.found.text.data, text, s.found.text.len);
	assert_int_equal(times_received(0, "from the other"), 1);
	world_free(w);
}

static void outbox_that_is_full_says_so(void **state)
{
	struct world *w = chain(23, 2);

	(void)state;
	w->store_message = NULL;
	links_cut(w, 0, true);
	for (unsigned i = 0; i < MESSAGE_OUT_MAX; i++)
		assert_int_equal(write_to(w, 0, 1, "x", false), i + 1);
	assert_int_equal(write_to(w, 0, 1, "x", false), -ENOBUFS);
	links_cut(w, 0, false);
	world_run(w, 5 * A_MINUTE);
	assert_int_equal(own(w, 0, 1).state, NODE_MESSAGE_DELIVERED);
	assert_true(write_to(w, 0, 1, "there is room again", false) > 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_crosses_relays_and_its_sender_knows),
		cmocka_unit_test(what_cannot_be_sent_is_told_at_once),
		cmocka_unit_test(lost_and_doubled_frames_neither_lose_nor_double_a_message),
		cmocka_unit_test(written_while_cut_off_it_leaves_when_there_is_a_way),
		cmocka_unit_test(relay_keeps_it_while_no_way_is_whole),
		cmocka_unit_test(lost_relay_is_made_good_by_the_sender),
		cmocka_unit_test(it_expires_after_a_day_and_is_gone_everywhere),
		cmocka_unit_test(neighbour_that_knows_no_messages_is_named_as_the_obstacle),
		cmocka_unit_test(thin_link_carries_them_one_by_one_and_the_urgent_first),
		cmocka_unit_test(what_waited_for_hours_does_not_fill_the_queue_of_a_thin_link),
		cmocka_unit_test(restarts_lose_nothing_and_double_nothing),
		cmocka_unit_test(receipt_waits_for_the_disk),
		cmocka_unit_test(nothing_leaves_before_it_is_stored),
		cmocka_unit_test(disk_that_takes_nothing_gives_no_receipt),
		cmocka_unit_test(number_that_was_not_kept_is_not_taken_for_an_old_message),
		cmocka_unit_test(disk_from_a_copy_does_not_make_texts_vanish),
		cmocka_unit_test(damaged_records_are_refused),
		cmocka_unit_test(whoever_takes_the_place_of_a_lost_node_gets_its_messages),
		cmocka_unit_test(nothing_is_taken_of_who_is_out),
		cmocka_unit_test(replayed_letter_is_not_read_again),
		cmocka_unit_test(letter_in_anothers_name_is_not_read),
		cmocka_unit_test(relay_cannot_say_that_it_arrived),
		cmocka_unit_test(cut_and_impossible_bodies_are_dropped),
		cmocka_unit_test(nobody_fills_a_store_for_others),
		cmocka_unit_test(inbox_is_not_flooded_by_one),
		cmocka_unit_test(outbox_that_is_full_says_so),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
