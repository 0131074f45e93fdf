/*
 * Messages in the world: what stations keep of them on their disks, who writes to whom,
 * and whether all that was written has been delivered, once each, as both ends see it.
 */
#include "sim/world/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US 100000

/* --- the disk ---------------------------------------------------------------------------------- */

struct kept {
	uint8_t key[NODE_KEPT_KEY_MAX];
	uint16_t key_len, value_len;
	uint64_t since_us;
	uint8_t value[NODE_KEPT_VALUE_MAX];
};

static struct kept *kept_find(struct station *s, struct bytes key)
{
	for (unsigned i = 0; i < s->kept_count; i++)
		if (bytes_equal(bytes_of(s->kept[i].key, s->kept[i].key_len), key))
			return &s->kept[i];
	return NULL;
}

static struct kept *kept_add(struct station *s, struct bytes key)
{
	if ((s->kept_count & (s->kept_count - 1)) == 0) { /* room for a power of two */
		s->kept = realloc(s->kept, (s->kept_count ? 2 * s->kept_count : 1) * sizeof(*s->kept));
		if (!s->kept)
			abort();
	}
	struct kept *k = &s->kept[s->kept_count++];
	memcpy(k->key, key.data, key.len);
	k->key_len = (uint16_t)key.len;
	return k;
}

bool letters_keep(void *user, struct bytes key, struct bytes value)
{
	struct station *s = user;
	struct kept *k = kept_find(s, key);

	if (!value.len && k) /* in their order, which is that of their coming */
		memmove(k, k + 1, (size_t)(&s->kept[--s->kept_count] - k) * sizeof(*k));
	if (!value.len)
		return true;
	if (!k)
		k = kept_add(s, key);
	memcpy(k->value, value.data, value.len);
	k->value_len = (uint16_t)value.len;
	k->since_us = station_now_us(s);
	return true;
}

void letters_restore(struct station *s)
{
	for (unsigned i = 0; i < s->kept_count; i++) {
		const struct kept *k = &s->kept[i];
		int error = node_message_restore(s->node, s->w->now_us, bytes_of(k->key, k->key_len),
			bytes_of(k->value, k->value_len), s->w->now_us - k->since_us);

		/* Of the device that was replaced. */
		if (error && error != -EKEYREJECTED)
			abort();
	}
}

void letters_forget(struct station *s)
{
	free(s->kept);
	s->kept = NULL;
	s->kept_count = 0;
}

/* --- who writes ---------------------------------------------------------------------------------- */

void trial_write(struct trial *t, const struct plan_event *e)
{
	struct world *w = t->world;
	struct station *s = w->stations[e->object];
	const struct station *to = w->stations[e->write_to];
	char text[64];
	uint32_t number;

	if (!s->node)
		return;
	int len = snprintf(text, sizeof(text), "from %s at %.6f", s->name, (double)world_time_us(w) / 1e6);
	int error =
		node_message_send(s->node, w->now_us, to->name, bytes_of(text, (size_t)len), e->is_urgent, 0, &number);
	if (error)
		s->unwritten++;
	station_settle(s);
}

/* --- what is expected ----------------------------------------------------------------------------- */

struct count {
	enum node_message_box box;
	const struct address *other;
	unsigned all, delivered;
};

static void count_each(void *arg, const struct node_message *m)
{
	struct count *c = arg;
	const struct address *other = c->box == NODE_MESSAGE_OUT ? &m->to : &m->from;

	if (m->box != c->box || !address_equal(other, c->other))
		return;
	c->all++;
	c->delivered += m->state == NODE_MESSAGE_DELIVERED;
}

static struct count counted(const struct station *s, enum node_message_box box, const struct station *other)
{
	struct count c = { .box = box, .other = &other->address };

	if (s->node)
		node_dump_messages(s->node, count_each, &c);
	return c;
}

void trial_delivered_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);
	const struct station *from = e->trial->world->stations[e->conf->from],
			     *to = e->trial->world->stations[e->conf->to];
	struct count sent = counted(from, NODE_MESSAGE_OUT, to), came = counted(to, NODE_MESSAGE_IN, from);
	bool is_so = sent.all && sent.delivered == sent.all && came.all == sent.all && !from->unwritten;

	if (!is_so)
		snprintf(e->detail, sizeof(e->detail), "%u written, %u said to be delivered, %u there", sent.all,
			sent.delivered, came.all);
	trial_expect_look(e, now_us, is_so);
	timer_set(&e->trial->world->heap, timer, now_us + LOOK_US);
}

/* --- what must hold in every world ------------------------------------------------------------------ */

struct search {
	const struct node_message *m; /* of the sender, or of another place in the same box */
	unsigned count;
};

static void search_each(void *arg, const struct node_message *m)
{
	struct search *s = arg;

	s->count += m->box == NODE_MESSAGE_IN && m->era == s->m->era && m->number == s->m->number &&
		    address_equal(&m->from, &s->m->from);
}

static unsigned times_there(const struct station *s, const struct node_message *m)
{
	struct search search = { .m = m };

	node_dump_messages(s->node, search_each, &search);
	return search.count;
}

static struct station *station_at(const struct world *w, const struct address *a)
{
	for (unsigned i = 0; i < w->station_count; i++)
		if (address_equal(&w->stations[i]->address, a))
			return w->stations[i];
	return NULL;
}

static void truth_look(void *arg, const struct node_message *m)
{
	struct station *s = arg;
	const struct station *to = station_at(s->w, &m->to);

	if (m->box == NODE_MESSAGE_IN && times_there(s, m) > 1)
		station_breach(s, "it has a message of number %u more than once", m->number);
	/* Of whose disk was emptied since nothing is known. */
	if (m->box != NODE_MESSAGE_OUT || m->state != NODE_MESSAGE_DELIVERED || !to || !to->node || to->wiped_us)
		return;
	if (times_there(to, m) != 1)
		station_breach(s, "message %u to %s is said to be delivered, and is not there", m->number, to->name);
}

void letters_look(struct world *w)
{
	for (unsigned i = 0; i < w->station_count; i++)
		if (w->stations[i]->node)
			node_dump_messages(w->stations[i]->node, truth_look, w->stations[i]);
}
