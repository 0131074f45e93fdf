/*
 * Messages at both ends: written here, or read here (message.h).
 *
 * A letter says in what is sealed: era 4, number 4, date 4, text. The era is drawn when a
 * node has no number stored; by both a letter is known again however often it comes, and
 * whoever replays it. It counts as received once it and its number are on the disk: only
 * then the sender gets the receipt, and whoever brought it is free of it.
 */
#include "meshd/node/message.h"

#include <errno.h>
#include <string.h>

const char *node_message_state_name(enum node_message_state state)
{
	static const char *const names[] = { "queued", "left", "reached", "delivered", "expired" };

	return names[state];
}

bool node_message_state_ends(enum node_message_state state)
{
	return state == NODE_MESSAGE_DELIVERED || state == NODE_MESSAGE_EXPIRED;
}

const char *node_message_wait_name(enum node_message_wait wait)
{
	static const char *const names[] = { "", "store", "way", "turn", "answer", "full", "old", "out" };

	return names[wait];
}

/* --- members ------------------------------------------------------------------------------------- */

static const struct known *known_at(const struct node *n, const struct address *a)
{
	router_id rid = router_id_of_address(a);
	const struct known *k = trust_by_rid(n, &rid);

	return k && address_equal(&k->member->host.address, a) ? k : NULL;
}

const struct certificate *message_member(const struct node *n, const struct address *a)
{
	const struct known *k = known_at(n, a);

	return k && !revoke_ends(n, &k->member->certificate) ? &k->member->certificate : NULL;
}

bool message_is_out(const struct node *n, const struct address *a)
{
	const struct known *k = known_at(n, a);

	return k && revoke_ends(n, &k->member->certificate);
}

/* The one whose certificate is the newest. NULL: nobody, or all of the name are out, which *is_out tells. */
static const struct node_member *member_named(const struct node *n, const char *name, bool *is_out)
{
	const struct node_member *found = NULL;

	*is_out = false;
	for (const struct known *k = n->first_known; k; k = k->next) {
		const struct certificate *c = &k->member->certificate;

		if (strcmp(c->name, name) != 0)
			continue;
		if (revoke_ends(n, c))
			*is_out = true;
		else if (!found || c->serial > found->certificate.serial)
			found = k->member;
	}
	return found;
}

/* --- states ---------------------------------------------------------------------------------------- */

static void message_tell(struct node *n, const struct message *m)
{
	if (n->output.message)
		n->output.message(n->user, &m->info);
}

void message_state_set(struct node *n, uint64_t now_us, struct message *m, enum node_message_state state)
{
	m->info.state = state;
	m->info.state_us = (int64_t)now_us;
	m->is_over = node_message_state_ends(state);
	message_keep(n, now_us, m);
	message_tell(n, m);
}

/* --- writing ------------------------------------------------------------------------------------------ */

/* Seals the text of `m` to `to`: its address, content, proof and id follow. */
static int seal(struct node *n, struct message *m, const struct node_member *to, uint8_t content[MESSAGE_CONTENT_MAX])
{
	uint8_t plain[MESSAGE_PLAIN_HEAD + NODE_TEXT_MAX], about[MESSAGE_ABOUT_MAX];
	struct writer w = writer_of(plain, sizeof(plain)), out = writer_of(content, MESSAGE_CONTENT_MAX);

	m->info.to = to->host.address;
	write_u32(&w, m->info.era);
	write_u32(&w, m->info.number);
	write_u32(&w, m->info.date);
	write_bytes(&w, m->info.text);
	int error = letter_seal(&out, writer_bytes(&w), message_about(m, about), &n->enrolment.identity,
		to->certificate.key.dh, &n->random, m->proof);
	secret_wipe(plain, sizeof(plain));
	if (error)
		return error;
	m->content = writer_bytes(&out);
	message_id(m->info.id, m);
	return 0;
}

static void era_ensure(struct node *n)
{
	struct messages *all = n->messages;

	if (all->has_era && all->next_number < UINT32_MAX)
		return;
	all->has_era = true;
	all->era_is_kept = false;
	all->era = random_u32(&n->random);
	/* People call messages by their numbers. */
	all->next_number = all->next_number && all->next_number < UINT32_MAX ? all->next_number : 1;
}

static bool number_draw(struct node *n, struct node_message *info)
{
	struct messages *all = messages_get(n);

	if (!all)
		return false;
	era_ensure(n);
	info->era = all->era;
	info->number = all->next_number++;
	return true;
}

int node_message_send(struct node *n, uint64_t now_us, const char *name, struct bytes text, bool is_urgent,
	uint32_t date, uint32_t *number)
{
	struct message m = { .what = MESSAGE_LETTER, .hops_left = MESSAGE_HOPS, .since_us = now_us };
	uint8_t content[MESSAGE_CONTENT_MAX];
	bool is_revoked;
	const struct node_member *to = member_named(n, name, &is_revoked);

	n->now_us = now_us;
	if (!text.len || text.len > NODE_TEXT_MAX || strcmp(name, n->enrolment.certificate.name) == 0)
		return -EINVAL;
	if (!to)
		return is_revoked ? -EKEYREVOKED : -ENOENT;
	m.info = (struct node_message){
		.box = NODE_MESSAGE_OUT,
		.is_urgent = is_urgent,
		.from = n->address,
		.date = date,
		.made_us = (int64_t)now_us,
		.state_us = (int64_t)now_us,
		.expires_us = (int64_t)(now_us + NODE_MESSAGE_LIFE_US),
		.wait = NODE_MESSAGE_WAIT_STORE,
		.text = text,
	};
	if (!number_draw(n, &m.info))
		return -ENOMEM;
	int error = seal(n, &m, to, content);
	if (error)
		return error;
	struct message *kept = message_new(n, &m);
	if (!kept)
		return -ENOBUFS;
	message_keep_number(n);
	message_keep(n, now_us, kept);
	*number = kept->info.number;
	message_tell(n, kept);
	messages_kick(n);
	return 0;
}

/* In the place of what it was, to whoever it is for now; as long as before. */
static bool reseal(struct node *n, struct message *m, const struct node_member *to)
{
	uint8_t content[MESSAGE_CONTENT_MAX];
	struct message sealed = *m;

	if (seal(n, &sealed, to, content))
		return false;
	message_forget(n, m);
	memcpy((uint8_t *)m->content.data, content, m->content.len);
	memcpy(m->proof, sealed.proof, sizeof(m->proof));
	memcpy(m->info.id, sealed.info.id, sizeof(m->info.id));
	m->info.to = sealed.info.to;
	m->rounds = m->tries = 0;
	return true;
}

bool message_readdress(struct node *n, uint64_t now_us, struct message *m)
{
	bool is_revoked;
	const char *name = known_at(n, &m->info.to)->member->certificate.name;
	const struct node_member *to = member_named(n, name, &is_revoked);

	if (!to || !reseal(n, m, to))
		return false;
	message_state_set(n, now_us, m, NODE_MESSAGE_QUEUED);
	return true;
}

/* --- reading ------------------------------------------------------------------------------------------- */

static void receipt_make(struct node *n, uint64_t now_us, const struct message *letter)
{
	uint8_t content[MESSAGE_RECEIPT_LEN];
	struct message m = {
		.what = MESSAGE_RECEIPT, .hops_left = MESSAGE_HOPS, .is_stored = true, .since_us = now_us
	};

	memcpy(content, letter->info.id, NODE_MESSAGE_ID_LEN);
	memcpy(content + NODE_MESSAGE_ID_LEN, letter->proof, LETTER_PROOF_LEN);
	m.info = (struct node_message){
		.box = NODE_MESSAGE_HELD,
		.is_urgent = letter->info.is_urgent,
		.from = n->address,
		.to = letter->info.from,
		.made_us = (int64_t)now_us,
		.expires_us = (int64_t)(now_us + NODE_MESSAGE_LIFE_US),
	};
	m.content = bytes_of(content, sizeof(content));
	message_id(m.info.id, &m);
	if (message_find(n, m.info.id) || message_was_passed(n, now_us, m.info.id))
		return; /* it is on its way */
	message_new(n, &m);
	messages_kick(n);
}

/* Whoever it is for may read it; once. */
static void shown(struct node *n, struct message *m)
{
	if (!m->is_told) {
		m->is_told = true;
		n->counters.messages_received++;
		message_tell(n, m);
	}
}

/* It is on the disk, and so is its number: it is answered for. */
static void received(struct node *n, uint64_t now_us, struct message *m)
{
	m->is_stored = true;
	if (m->giver)
		message_taken_say(m->giver, now_us, m->info.id);
	m->giver = NULL;
	receipt_make(n, now_us, m);
	shown(n, m);
}

/* Whose letter it is must be a member whom we know. False: it says so to who brought it. */
static bool letter_read(
	struct node *n, uint64_t now_us, struct peer *giver, struct message *m, uint8_t plain[MESSAGE_CONTENT_MAX])
{
	const struct certificate *sender = message_member(n, &m->info.from);
	uint8_t about[MESSAGE_ABOUT_MAX], from[KEY_LEN];
	struct writer w = writer_of(plain, MESSAGE_CONTENT_MAX);

	if (!sender) {
		message_refused_say(giver, now_us, m->info.id, MESSAGE_STRANGER);
		return false;
	}
	int error = letter_open(&w, m->content, message_about(m, about), &n->enrolment.identity, from, m->proof);
	if (error || memcmp(from, sender->key.dh, KEY_LEN) != 0) {
		/* Nobody can make anything of it: it is not carried any further. */
		DROP(n, giver->link, message_refused);
		message_taken_say(giver, now_us, m->info.id);
		return false;
	}
	struct reader r = reader_of(writer_bytes(&w));
	m->info.era = read_u32(&r);
	m->info.number = read_u32(&r);
	m->info.date = read_u32(&r);
	m->info.text = read_bytes(&r, reader_left(&r));
	m->content = (struct bytes){ 0 };
	m->info.box = NODE_MESSAGE_IN;
	return reader_ok(&r);
}

static void letter_again(struct node *n, uint64_t now_us, struct peer *giver, const struct message *m)
{
	struct message *kept = message_find(n, m->info.id);

	if (kept && !kept->is_stored) {
		kept->giver = giver;
		return;
	}
	DROP(n, giver->link, message_again);
	message_taken_say(giver, now_us, m->info.id);
	receipt_make(n, now_us, m);
}

/* Another letter under a number that was used before: its sender's disk was put back to what it had been. */
static bool is_reused(struct node *n, const struct message *m)
{
	list_for_each (node, next, &n->messages->all) {
		const struct message *other = list_entry(node, struct message, on_store);

		if (other->info.box == NODE_MESSAGE_IN && address_equal(&other->info.from, &m->info.from) &&
			other->info.era == m->info.era && other->info.number == m->info.number)
			return memcmp(other->info.id, m->info.id, NODE_MESSAGE_ID_LEN) != 0;
	}
	return false;
}

static void letter_take(
	struct node *n, uint64_t now_us, struct peer *giver, struct message_sender *s, const struct message *m)
{
	struct message *kept = message_new(n, m);

	if (!kept) {
		message_refused_say(giver, now_us, m->info.id, MESSAGE_FULL);
		return;
	}
	kept->giver = giver;
	if (message_news_of(s, m->info.era, m->info.number) == MESSAGE_NEW)
		message_sender_note(s, m->info.era, m->info.number);
	message_keep(n, now_us, kept);
	bool is_stored = kept->is_stored;
	kept->is_stored = false;
	if (message_keep_sender(n, s) && is_stored)
		received(n, now_us, kept);
}

static void letter_arrived(struct node *n, uint64_t now_us, struct peer *giver, const struct message *brought)
{
	uint8_t plain[MESSAGE_CONTENT_MAX];
	struct message m = *brought;

	if (!letter_read(n, now_us, giver, &m, plain))
		return;
	struct message_sender *s = message_sender_get(n, &m.info.from, true);
	enum message_news news = s ? message_news_of(s, m.info.era, m.info.number) : MESSAGE_NEW;
	const struct message *same = message_find(n, m.info.id);

	if (!s) {
		message_refused_say(giver, now_us, m.info.id, MESSAGE_FULL);
	} else if (news == MESSAGE_TOO_OLD) {
		DROP(n, giver->link, message_again);
		message_taken_say(giver, now_us, m.info.id);
	} else if (same || (news == MESSAGE_KNOWN && !is_reused(n, &m))) {
		/* The power was cut between the one and the other. */
		if (news == MESSAGE_NEW) {
			message_sender_note(s, m.info.era, m.info.number);
			message_keep_sender(n, s);
		}
		letter_again(n, now_us, giver, &m);
	} else {
		letter_take(n, now_us, giver, s, &m);
	}
	secret_wipe(plain, sizeof(plain));
}

/* Our own letter that it is about; NULL: none, or it is over. */
static struct message *own_of(struct node *n, const uint8_t *id)
{
	struct message *m = message_find(n, id);

	return m && m->info.box == NODE_MESSAGE_OUT && !m->is_over ? m : NULL;
}

static void receipt_arrived(struct node *n, uint64_t now_us, struct peer *giver, const struct message *receipt)
{
	struct message *m = own_of(n, receipt->content.data);

	if (!m)
		return;
	if (!secret_equal(receipt->content.data + NODE_MESSAGE_ID_LEN, m->proof, LETTER_PROOF_LEN)) {
		DROP(n, giver->link, message_refused);
		return;
	}
	message_offer_end(m);
	m->info.wait = NODE_MESSAGE_WAIT_NONE;
	message_state_set(n, now_us, m, NODE_MESSAGE_DELIVERED);
}

static void report_arrived(struct node *n, uint64_t now_us, const struct message *report)
{
	struct message *m = own_of(n, report->content.data);
	uint8_t hops = report->content.data[NODE_MESSAGE_ID_LEN];

	if (!m || (m->info.state == NODE_MESSAGE_REACHED && hops < m->info.hops))
		return;
	m->info.at = report->info.from;
	m->info.hops = hops;
	message_state_set(n, now_us, m, NODE_MESSAGE_REACHED);
}

void message_arrived(struct node *n, uint64_t now_us, struct peer *giver, const struct message *m)
{
	if (m->what == MESSAGE_LETTER) {
		letter_arrived(n, now_us, giver, m);
		return;
	}
	message_taken_say(giver, now_us, m->info.id);
	if (m->what == MESSAGE_RECEIPT)
		receipt_arrived(n, now_us, giver, m);
	else
		report_arrived(n, now_us, m);
}

/* --- stored ---------------------------------------------------------------------------------------------- */

/* A letter for others, or of our own. */
static void letter_stored(struct node *n, uint64_t now_us, struct message *m, bool is_kept)
{
	const struct known *to = known_at(n, &m->info.to);

	/* After a restart its number would be given to another one: it goes as of an era that nobody has seen. */
	if (!is_kept && m->info.box == NODE_MESSAGE_OUT && !m->rounds && to) {
		era_ensure(n);
		if (m->info.era != n->messages->era) {
			m->info.era = n->messages->era;
			reseal(n, m, to->member);
			message_keep(n, now_us, m);
		}
	}
	m->is_stored = true;
	if (m->giver && is_kept)
		message_taken_say(m->giver, now_us, m->info.id);
	m->giver = NULL;
	m->due_us = m->info.wait == NODE_MESSAGE_WAIT_STORE ? 0 : m->due_us;
}

void node_message_stored(struct node *n, uint64_t now_us, struct bytes key, bool is_kept)
{
	struct messages *all = n->messages;
	uint8_t its_key[NODE_KEPT_KEY_MAX];

	n->now_us = now_us;
	if (!all)
		return;
	if (message_key_is_number(key)) {
		all->has_era &= is_kept || !all->era_is_kept;
		all->era_is_kept |= is_kept;
	}
	list_for_each (node, next, &all->all) {
		struct message *m = list_entry(node, struct message, on_store);

		if (m->is_stored)
			continue;
		/* Of what was received the number is stored last. */
		if (m->info.box == NODE_MESSAGE_IN && bytes_equal(key, message_sender_key(&m->info.from, its_key))) {
			if (is_kept)
				received(n, now_us, m);
			else
				shown(n, m);
		} else if (m->info.box != NODE_MESSAGE_IN &&
			   bytes_equal(key, node_message_key(m->info.box, m->info.id, its_key))) {
			letter_stored(n, now_us, m, is_kept);
		}
	}
	messages_kick(n);
}
