/*
 * Messages on the wire (docs/frames.md):
 *
 *   op 1: 1   what 1   hops left 1   minutes left 2   to 10   from 10   content
 *
 * what: bits 0-1 letter, receipt, report; bit 7 urgent. The addresses are without the
 * deployment's part. The id of a message is made of all that does not change on its way,
 * so nobody can give another one the same id, and it need not be sent.
 */
#include "meshd/node/message.h"

#include <string.h>

#define WHAT 0x03
#define URGENT 0x80
#define ABOUT_LABEL "mesh message"
#define MINUTE (60 * SECOND)

static uint8_t what_of(const struct message *m)
{
	return (uint8_t)(m->what | (m->info.is_urgent ? URGENT : 0));
}

static void suffix_write(struct writer *w, const struct address *a)
{
	write_copy(w, a->bytes + sizeof(a->bytes) - MESSAGE_SUFFIX, MESSAGE_SUFFIX);
}

static struct address suffix_read(const struct node *n, struct reader *r)
{
	struct address a = n->deployment.address;

	read_copy(r, a.bytes + sizeof(a.bytes) - MESSAGE_SUFFIX, MESSAGE_SUFFIX);
	return a;
}

void message_id(uint8_t id[NODE_MESSAGE_ID_LEN], const struct message *m)
{
	uint8_t room[MESSAGE_ABOUT_MAX + MESSAGE_CONTENT_MAX], about[MESSAGE_ABOUT_MAX];
	struct writer w = writer_of(room, sizeof(room));

	write_bytes(&w, message_about(m, about));
	write_bytes(&w, m->content);
	hash_bytes(id, NODE_MESSAGE_ID_LEN, writer_bytes(&w), (struct bytes){ 0 });
}

struct bytes message_about(const struct message *m, uint8_t out[MESSAGE_ABOUT_MAX])
{
	struct writer w = writer_of(out, MESSAGE_ABOUT_MAX);

	write_copy(&w, ABOUT_LABEL, sizeof(ABOUT_LABEL) - 1);
	write_u8(&w, what_of(m));
	suffix_write(&w, &m->info.to);
	suffix_write(&w, &m->info.from);
	return writer_bytes(&w);
}

static bool content_fits(enum message_what what, size_t len)
{
	switch (what) {
	case MESSAGE_LETTER:
		return len > LETTER_OVERHEAD + MESSAGE_PLAIN_HEAD && len <= MESSAGE_CONTENT_MAX;
	case MESSAGE_RECEIPT:
		return len == MESSAGE_RECEIPT_LEN;
	case MESSAGE_REPORT:
		return len == MESSAGE_REPORT_LEN;
	}
	return false;
}

bool message_read(const struct node *n, struct message *m, uint64_t now_us, struct reader *r)
{
	uint8_t what = read_u8(r);

	*m = (struct message){ .what = (enum message_what)(what & WHAT) };
	m->info.box = NODE_MESSAGE_HELD;
	m->info.is_urgent = what & URGENT;
	m->hops_left = read_u8(r);
	uint64_t left_us = read_u16(r) * MINUTE;
	m->info.to = suffix_read(n, r);
	m->info.from = suffix_read(n, r);
	m->content = read_bytes(r, reader_left(r));
	m->info.made_us = (int64_t)now_us;
	m->info.expires_us = (int64_t)(now_us + (left_us < NODE_MESSAGE_LIFE_US ? left_us : NODE_MESSAGE_LIFE_US));
	if (!reader_ok(r) || what & ~(WHAT | URGENT) || !content_fits(m->what, m->content.len))
		return false;
	m->hops_left = m->hops_left < MESSAGE_HOPS ? m->hops_left : MESSAGE_HOPS;
	message_id(m->info.id, m);
	return true;
}

size_t message_write(const struct message *m, uint64_t now_us, uint8_t *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);
	uint64_t left_us = m->info.expires_us > (int64_t)now_us ? (uint64_t)m->info.expires_us - now_us : 0;

	write_u8(&w, MESSAGE_OP_MESSAGE);
	write_u8(&w, what_of(m));
	write_u8(&w, (uint8_t)(m->hops_left - 1));
	write_u16(&w, (uint16_t)(left_us / MINUTE)); /* it does not grow older on the way than it is */
	suffix_write(&w, &m->info.to);
	suffix_write(&w, &m->info.from);
	write_bytes(&w, m->content);
	return writer_len(&w);
}
