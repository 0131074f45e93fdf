/*
 * Messages as they lie on the disk: values under keys, which the shell keeps without
 * looking into them.
 *
 *   'm' box id   a message                       'n'       the number that comes next
 *   's' member   what was received of it
 *
 * Times are kept as ages: the clock starts anew with the process. Receipts and reports
 * are not kept; a sender who misses them sends again and gets others.
 */
#include "meshd/node/message.h"

#include <errno.h>
#include <string.h>

#define VERSION 1
#define KEY_MESSAGE 'm'
#define KEY_NUMBER 'n'
#define KEY_SENDER 's'
#define FLAG_URGENT 1
#define FLAG_OVER 2
#define FLAG_REPORTED 4
#define AGE_MAX UINT32_MAX

static bool store(struct node *n, struct bytes key, struct bytes value)
{
	return !n->output.store_message || n->output.store_message(n->user, key, value);
}

struct bytes node_message_key(
	enum node_message_box box, const uint8_t id[NODE_MESSAGE_ID_LEN], uint8_t out[NODE_KEPT_KEY_MAX])
{
	struct writer w = writer_of(out, NODE_KEPT_KEY_MAX);

	write_u8(&w, KEY_MESSAGE);
	write_u8(&w, (uint8_t)box);
	write_copy(&w, id, NODE_MESSAGE_ID_LEN);
	return writer_bytes(&w);
}

/* --- out ---------------------------------------------------------------------------------------- */

static void age_write(struct writer *w, uint64_t now_us, int64_t then_us)
{
	int64_t age_s = ((int64_t)now_us - then_us) / (int64_t)SECOND;

	write_u32(w, age_s < 0 ? 0 : age_s > AGE_MAX ? AGE_MAX : (uint32_t)age_s);
}

static void address_write(struct writer *w, const struct address *a)
{
	write_u8(w, a->family);
	write_copy(w, a->bytes, sizeof(a->bytes));
}

void message_keep(struct node *n, uint64_t now_us, struct message *m)
{
	uint8_t room[NODE_KEPT_VALUE_MAX], key[NODE_KEPT_KEY_MAX];
	struct writer w = writer_of(room, sizeof(room));
	const struct node_message *i = &m->info;

	m->is_stored = m->what != MESSAGE_LETTER;
	if (m->is_stored)
		return;
	write_u8(&w, VERSION);
	write_u8(&w, (uint8_t)((i->is_urgent ? FLAG_URGENT : 0) | (m->is_over ? FLAG_OVER : 0) |
			       (m->is_reported ? FLAG_REPORTED : 0)));
	write_u8(&w, m->hops_left);
	write_u8(&w, (uint8_t)i->state);
	write_u8(&w, i->hops);
	address_write(&w, &i->to);
	address_write(&w, &i->from);
	address_write(&w, &i->at);
	write_u32(&w, i->era);
	write_u32(&w, i->number);
	write_u32(&w, i->date);
	age_write(&w, now_us, i->made_us);
	age_write(&w, now_us, i->state_us);
	age_write(&w, (uint64_t)(i->expires_us > 0 ? i->expires_us : 0), (int64_t)now_us); /* how long it has left */
	write_copy(&w, m->proof, sizeof(m->proof));
	write_copy(&w, i->link, sizeof(i->link));
	write_copy(&w, m->bringer.bytes, sizeof(m->bringer.bytes));
	write_u16(&w, (uint16_t)i->text.len);
	write_bytes(&w, i->text);
	write_u16(&w, (uint16_t)m->content.len);
	write_bytes(&w, m->content);
	m->is_stored = store(n, node_message_key(i->box, i->id, key), writer_bytes(&w));
	secret_wipe(room, sizeof(room));
}

void message_forget(struct node *n, const struct message *m)
{
	uint8_t key[NODE_KEPT_KEY_MAX];

	if (m->what == MESSAGE_LETTER)
		store(n, node_message_key(m->info.box, m->info.id, key), (struct bytes){ 0 });
}

void message_keep_number(struct node *n)
{
	uint8_t room[16], key = KEY_NUMBER;
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, VERSION);
	write_u32(&w, n->messages->era);
	write_u32(&w, n->messages->next_number);
	n->messages->era_is_kept |= store(n, bytes_of(&key, 1), writer_bytes(&w));
}

bool message_key_is_number(struct bytes key)
{
	return key.len == 1 && key.data[0] == KEY_NUMBER;
}

static struct bytes sender_key(const uint8_t member[8 - ROUTER_ID_FREE], uint8_t out[NODE_KEPT_KEY_MAX])
{
	struct writer w = writer_of(out, NODE_KEPT_KEY_MAX);

	write_u8(&w, KEY_SENDER);
	write_copy(&w, member, 8 - ROUTER_ID_FREE);
	return writer_bytes(&w);
}

struct bytes message_sender_key(const struct address *from, uint8_t out[NODE_KEPT_KEY_MAX])
{
	return sender_key(from->bytes + 8 + ROUTER_ID_FREE, out);
}

bool message_keep_sender(struct node *n, const struct message_sender *s)
{
	uint8_t room[NODE_KEPT_VALUE_MAX], key[NODE_KEPT_KEY_MAX];
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, VERSION);
	for (unsigned i = 0; i < MESSAGE_ERAS && s->eras[i].is_used; i++) {
		write_u32(&w, s->eras[i].era);
		write_u64(&w, s->eras[i].window.head);
		for (unsigned word = 0; word < REPLAY_WINDOW / 64; word++)
			write_u64(&w, s->eras[i].window.bits[word]);
	}
	return store(n, sender_key(s->key, key), writer_bytes(&w));
}

/* --- back ----------------------------------------------------------------------------------------- */

static int64_t age_read(struct reader *r, uint64_t now_us, uint64_t pause_us)
{
	return (int64_t)now_us - (int64_t)(read_u32(r) * SECOND) - (int64_t)pause_us;
}

static struct address address_read(struct reader *r)
{
	struct address a = { .family = read_u8(r) };

	read_copy(r, a.bytes, sizeof(a.bytes));
	return a;
}

/* A letter is as long as its text wants; what was read is text alone. */
static bool lengths_fit(enum node_message_box box, size_t text, size_t content)
{
	size_t least = LETTER_OVERHEAD + MESSAGE_PLAIN_HEAD;

	if (text > NODE_TEXT_MAX || content > MESSAGE_CONTENT_MAX)
		return false;
	if (box == NODE_MESSAGE_IN)
		return text && !content;
	return box == NODE_MESSAGE_OUT ? text && content == least + text : !text && content > least;
}

static int message_restore(struct node *n, uint64_t now_us, struct reader *key, struct reader *r, uint64_t pause_us)
{
	struct message m = { .info.box = (enum node_message_box)read_u8(key), .is_stored = true, .is_told = true };
	struct node_message *i = &m.info;

	read_copy(key, i->id, sizeof(i->id));
	uint8_t flags = read_u8(r);
	i->is_urgent = flags & FLAG_URGENT;
	m.is_over = flags & FLAG_OVER;
	m.is_reported = flags & FLAG_REPORTED;
	m.hops_left = read_u8(r);
	i->state = (enum node_message_state)read_u8(r);
	i->hops = read_u8(r);
	i->to = address_read(r);
	i->from = address_read(r);
	i->at = address_read(r);
	i->era = read_u32(r);
	i->number = read_u32(r);
	i->date = read_u32(r);
	i->made_us = age_read(r, now_us, pause_us);
	i->state_us = age_read(r, now_us, pause_us);
	uint64_t left_us = read_u32(r) * SECOND;
	left_us = left_us < NODE_MESSAGE_LIFE_US ? left_us : NODE_MESSAGE_LIFE_US;
	i->expires_us = (int64_t)(now_us + (left_us > pause_us ? left_us - pause_us : 0));
	read_copy(r, m.proof, sizeof(m.proof));
	read_copy(r, i->link, sizeof(i->link));
	read_copy(r, m.bringer.bytes, sizeof(m.bringer.bytes));
	i->text = read_bytes(r, read_u16(r));
	m.content = read_bytes(r, read_u16(r));
	i->link[sizeof(i->link) - 1] = '\0';
	if (!reader_ok(key) || reader_left(key) || !reader_ok(r) || reader_left(r) || i->box > NODE_MESSAGE_HELD ||
		i->state > NODE_MESSAGE_EXPIRED || !lengths_fit(i->box, i->text.len, m.content.len))
		return -EBADMSG;
	/* Of a node whose directory this was. */
	if ((i->box == NODE_MESSAGE_OUT && !address_equal(&i->from, &n->address)) ||
		(i->box == NODE_MESSAGE_IN && !address_equal(&i->to, &n->address)))
		return -EKEYREJECTED;
	m.since_us = now_us;
	/* What had left goes on where it is; it may have been lost with the answer that never came here. */
	m.due_us = i->box == NODE_MESSAGE_OUT && i->state != NODE_MESSAGE_QUEUED ? now_us + MESSAGE_AGAIN_US : 0;
	if (message_find(n, i->id))
		return 0;
	return message_new(n, &m) ? 0 : -ENOMEM;
}

static int number_restore(struct node *n, struct reader *r)
{
	struct messages *all = messages_get(n);
	uint32_t era = read_u32(r), next = read_u32(r);

	if (!reader_ok(r))
		return -EBADMSG;
	if (!all)
		return -ENOMEM;
	all->has_era = all->era_is_kept = true;
	all->era = era;
	all->next_number = next;
	return 0;
}

static int sender_restore(struct node *n, struct reader *key, struct reader *r)
{
	struct address from = { 0 };

	read_copy(key, from.bytes + 8 + ROUTER_ID_FREE, 8 - ROUTER_ID_FREE);
	struct message_sender *s = reader_ok(key) ? message_sender_get(n, &from, true) : NULL;

	if (!s)
		return reader_ok(key) ? -ENOMEM : -EBADMSG;
	for (unsigned i = 0; i < MESSAGE_ERAS && reader_left(r); i++) {
		s->eras[i].is_used = true;
		s->eras[i].era = read_u32(r);
		s->eras[i].window.head = read_u64(r);
		for (unsigned word = 0; word < REPLAY_WINDOW / 64; word++)
			s->eras[i].window.bits[word] = read_u64(r);
	}
	return reader_ok(r) && !reader_left(r) ? 0 : -EBADMSG;
}

int node_message_restore(struct node *n, uint64_t now_us, struct bytes key, struct bytes value, uint64_t pause_us)
{
	struct reader k = reader_of(key), r = reader_of(value);
	uint8_t kind = read_u8(&k);

	n->now_us = now_us;
	if (read_u8(&r) != VERSION)
		return -EBADMSG;
	if (kind == KEY_MESSAGE) {
		int error = message_restore(n, now_us, &k, &r, pause_us);

		messages_way_up(n);
		return error;
	}
	if (kind == KEY_NUMBER)
		return number_restore(n, &r);
	return kind == KEY_SENDER ? sender_restore(n, &k, &r) : -EBADMSG;
}
