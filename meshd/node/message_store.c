/*
 * What is held of messages, and by whose doing how much of it (message.h).
 *
 * Who fills its own share is refused and keeps what it has; nobody can push out what
 * others have brought. Of what was received the oldest of the same sender gives way, so
 * that who writes a thousand texts covers only its own.
 */
#include "meshd/node/message.h"

#include <stdlib.h>
#include <string.h>

struct messages *messages_get(struct node *n)
{
	if (n->messages)
		return n->messages;
	struct messages *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->n = n;
	list_init(&all->all);
	timer_init(&all->timer, messages_due);
	map_init(&all->senders, NODE_CERTIFICATE_MAX, n->fib.secret);
	n->messages = all;
	return all;
}

/* --- room ------------------------------------------------------------------------------------ */

static bool is_of(const struct message *m, enum node_message_box box, const struct address *from)
{
	return m->info.box == box && (!from || address_equal(&m->info.from, from));
}

/* The oldest of the box, of that sender if one is given; `is_over`: only if it is. */
static struct message *oldest(struct messages *all, enum node_message_box box, const struct address *from, bool is_over)
{
	list_for_each (node, next, &all->all) {
		struct message *m = list_entry(node, struct message, on_store);

		if (is_of(m, box, from) && (!is_over || m->is_over))
			return m;
	}
	return NULL;
}

static void give_way(struct node *n, struct message *m)
{
	message_forget(n, m);
	message_free(n, m);
}

static bool out_makes_room(struct node *n)
{
	if (n->messages->count[NODE_MESSAGE_OUT] < MESSAGE_OUT_MAX)
		return true;
	struct message *m = oldest(n->messages, NODE_MESSAGE_OUT, NULL, true);

	if (m)
		give_way(n, m);
	return m;
}

static unsigned count_from(struct messages *all, const struct address *from)
{
	unsigned count = 0;

	list_for_each (node, next, &all->all)
		count += is_of(list_entry(node, struct message, on_store), NODE_MESSAGE_IN, from);
	return count;
}

/* Whoever has the most received messages here: of several the one with the oldest. */
static struct address most_from(struct messages *all)
{
	struct address most = { 0 };
	unsigned most_count = 0;

	list_for_each (node, next, &all->all) {
		const struct message *m = list_entry(node, struct message, on_store);
		unsigned count = m->info.box == NODE_MESSAGE_IN && !address_equal(&m->info.from, &most)
					 ? count_from(all, &m->info.from)
					 : 0;

		if (count > most_count) {
			most_count = count;
			most = m->info.from;
		}
	}
	return most;
}

static void in_makes_room(struct node *n, const struct address *from)
{
	struct messages *all = n->messages;

	if (count_from(all, from) >= MESSAGE_IN_SENDER_MAX)
		give_way(n, oldest(all, NODE_MESSAGE_IN, from, false));
	if (all->count[NODE_MESSAGE_IN] >= MESSAGE_IN_MAX) {
		struct address most = most_from(all);

		give_way(n, oldest(all, NODE_MESSAGE_IN, &most, false));
	}
}

static bool held_has_room(struct node *n, const struct message *model, size_t cost)
{
	static const router_id ours;
	bool is_ours = memcmp(&model->bringer, &ours, sizeof(ours)) == 0;
	size_t brought = cost, sent = cost;

	if (n->messages->bytes[NODE_MESSAGE_HELD] + cost > MESSAGE_HELD_BYTES_MAX)
		return false;
	list_for_each (node, next, &n->messages->all) {
		const struct message *m = list_entry(node, struct message, on_store);

		if (m->info.box != NODE_MESSAGE_HELD)
			continue;
		brought += memcmp(&m->bringer, &model->bringer, sizeof(m->bringer)) == 0 ? m->cost : 0;
		sent += address_equal(&m->info.from, &model->info.from) ? m->cost : 0;
	}
	return brought <= MESSAGE_BRINGER_BYTES_MAX && (is_ours || sent <= MESSAGE_SENDER_BYTES_MAX);
}

static bool room_make(struct node *n, const struct message *model, size_t cost)
{
	switch (model->info.box) {
	case NODE_MESSAGE_OUT:
		return out_makes_room(n);
	case NODE_MESSAGE_IN:
		in_makes_room(n, &model->info.from);
		return true;
	default:
		return held_has_room(n, model, cost);
	}
}

/* --- messages ---------------------------------------------------------------------------------- */

struct message *message_new(struct node *n, const struct message *model)
{
	struct messages *all = messages_get(n);
	size_t cost = sizeof(*model) + model->info.text.len + model->content.len;

	if (!all || !room_make(n, model, cost))
		return NULL;
	struct message *m = malloc(cost);
	if (!m)
		return NULL;
	*m = *model;
	m->cost = cost;
	if (model->info.text.len)
		memcpy(m->body, model->info.text.data, model->info.text.len);
	if (model->content.len)
		memcpy(m->body + model->info.text.len, model->content.data, model->content.len);
	m->info.text.data = m->body;
	m->content.data = m->body + m->info.text.len;
	list_push_back(&all->all, &m->on_store);
	all->count[m->info.box]++;
	all->bytes[m->info.box] += cost;
	return m;
}

void message_free(struct node *n, struct message *m)
{
	if (m->offered)
		m->offered->offers--;
	n->messages->count[m->info.box]--;
	n->messages->bytes[m->info.box] -= m->cost;
	list_remove(&m->on_store);
	secret_wipe(m, m->cost);
	free(m);
}

struct message *message_find(struct node *n, const uint8_t id[NODE_MESSAGE_ID_LEN])
{
	if (!n->messages)
		return NULL;
	list_for_each (node, next, &n->messages->all) {
		struct message *m = list_entry(node, struct message, on_store);

		if (memcmp(m->info.id, id, NODE_MESSAGE_ID_LEN) == 0)
			return m;
	}
	return NULL;
}

void messages_forget_peer(struct peer *p)
{
	if (!p->n->messages)
		return;
	list_for_each (node, next, &p->n->messages->all) {
		struct message *m = list_entry(node, struct message, on_store);

		if (m->giver == p)
			m->giver = NULL;
		if (m->offered != p)
			continue;
		m->offered = NULL;
		m->due_us = 0;
	}
	messages_kick(p->n);
}

/* --- who has sent what -------------------------------------------------------------------------- */

struct message_sender *message_sender_get(struct node *n, const struct address *from, bool is_made)
{
	struct messages *all = messages_get(n);
	struct bytes key = bytes_of(from->bytes + 8 + ROUTER_ID_FREE, 8 - ROUTER_ID_FREE);
	struct map_entry *e = all ? map_find(&all->senders, key) : NULL;

	if (e)
		return container_of(e, struct message_sender, by_rid);
	struct message_sender *s = all && is_made ? calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return NULL;
	memcpy(s->key, key.data, key.len);
	if (map_insert(&all->senders, &s->by_rid, bytes_of(s->key, sizeof(s->key))) == 0)
		return s;
	free(s);
	return NULL;
}

static int era_find(const struct message_sender *s, uint32_t era)
{
	for (int i = 0; i < MESSAGE_ERAS; i++)
		if (s->eras[i].is_used && s->eras[i].era == era)
			return i;
	return -1;
}

enum message_news message_news_of(const struct message_sender *s, uint32_t era, uint32_t number)
{
	int i = era_find(s, era);
	const struct replay_window *w = i < 0 ? NULL : &s->eras[i].window;

	if (!w || replay_would_accept(w, number))
		return MESSAGE_NEW;
	return w->head - number > REPLAY_WINDOW ? MESSAGE_TOO_OLD : MESSAGE_KNOWN;
}

void message_sender_note(struct message_sender *s, uint32_t era, uint32_t number)
{
	int i = era_find(s, era);

	if (i < 0) {
		memmove(s->eras + 1, s->eras, sizeof(s->eras) - sizeof(s->eras[0]));
		memset(s->eras, 0, sizeof(s->eras[0]));
		s->eras[0].is_used = true;
		s->eras[0].era = era;
		i = 0;
	}
	replay_accept(&s->eras[i].window, number);
}

/* --- all of them ---------------------------------------------------------------------------------- */

void messages_done(struct node *n)
{
	struct messages *all = n->messages;

	if (!all)
		return;
	list_for_each (node, next, &all->all)
		message_free(n, list_entry(node, struct message, on_store));
	for (struct map_entry *e = map_next(&all->senders, NULL), *next; e; e = next) {
		next = map_next(&all->senders, e);
		map_remove(&all->senders, e);
		free(container_of(e, struct message_sender, by_rid));
	}
	map_done(&all->senders);
	timer_cancel(&n->heap, &all->timer);
	free(all);
	n->messages = NULL;
}

struct node_table messages_table(const struct node *n, unsigned i)
{
	const struct messages *all = n->messages;
	const struct node_table tables[] = {
		{ "messages sent", all ? all->count[NODE_MESSAGE_OUT] : 0, MESSAGE_OUT_MAX },
		{ "messages received", all ? all->count[NODE_MESSAGE_IN] : 0, MESSAGE_IN_MAX },
		{ "bytes held for others", all ? all->bytes[NODE_MESSAGE_HELD] : 0, MESSAGE_HELD_BYTES_MAX },
	};

	return tables[i];
}

void node_dump_messages(const struct node *n, void (*each)(void *arg, const struct node_message *message), void *arg)
{
	if (!n->messages)
		return;
	list_for_each (node, next, &n->messages->all) {
		const struct message *m = list_entry(node, struct message, on_store);

		if (m->what == MESSAGE_LETTER)
			each(arg, &m->info);
	}
}
