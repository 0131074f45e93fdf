/*
 * Peers: neighbours with whom there are, or were, keys on a link.
 *
 *   handshake done ──► made ──first valid frame──► up ──► silent: called again ──► gone
 *                                                  ▲______________│ heard
 *
 * Who was silent is heard again only once it has answered: with a new session, or
 * with an echo of what it was just asked. Until then its packets of hosts are taken
 * and its routing is not: somebody may have held back what it said (protocol.md 7.2,
 * fault 11), and it may be gone.
 *
 * A peer is told to the routing engine when it is up. Another process behind
 * the same keys (new epoch) has forgotten what it promised: its routes go first.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIVE_US (100 * MS) /* tell the engine of life at most so often */
#define BUSY_US (1 * SECOND) /* ... and of packets */
#define GONE_US (60 * SECOND) /* silent for so long, at least: forget the keys */
#define THIN_PATIENCE 4
#define PENDING_PACES 10
#define PEACE_US (30 * SECOND) /* a session that nothing is the matter with is looked at so often */
#define PACE_BYTES 4800ull /* a handshake of 1 kB, beside others on one channel and their turnarounds */

/* --- receiver indices ------------------------------------------------------------------ */

struct index *index_find(const struct node *n, uint32_t value)
{
	uint8_t key[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };
	struct map_entry *e = map_find(&n->indices, bytes_of(key, sizeof(key)));

	return e ? container_of(e, struct index, entry) : NULL;
}

uint32_t index_fresh(const struct node_link *link)
{
	struct node *n = link->n;
	uint32_t value;

	if (link->config.is_thin)
		return thin_index_fresh(link);
	do
		value = random_u32(&n->random);
	while (index_find(n, value));
	return value;
}

void index_take(struct node *n, struct index *i, uint32_t value)
{
	i->key[0] = (uint8_t)(value >> 24);
	i->key[1] = (uint8_t)(value >> 16);
	i->key[2] = (uint8_t)(value >> 8);
	i->key[3] = (uint8_t)value;
	i->used = map_insert(&n->indices, &i->entry, bytes_of(i->key, sizeof(i->key))) == 0;
}

void index_drop(struct node *n, struct index *i)
{
	if (i->used)
		map_remove(&n->indices, &i->entry);
	i->used = false;
}

/* The index table follows the keyring. */
static void peer_index(struct peer *p)
{
	const struct secret_keyring *k = &p->keys;
	const struct secret_session *sessions[3] = {
		k->has_current ? &k->current : NULL,
		k->has_pending ? &k->pending : NULL,
		k->has_previous ? &k->previous : NULL,
	};

	for (unsigned i = 0; i < 3; i++)
		index_drop(p->n, &p->indices[i]);
	for (unsigned i = 0; i < 3; i++) {
		p->indices[i].peer = p;
		if (sessions[i] && !index_find(p->n, sessions[i]->local_index))
			index_take(p->n, &p->indices[i], sessions[i]->local_index);
	}
}

/* --- find, make, free -------------------------------------------------------------------- */

struct peer *peer_find(struct node_link *link, const uint8_t dh[KEY_LEN])
{
	list_for_each (node, next, &link->peers) {
		struct peer *p = list_entry(node, struct peer, on_link);

		if (bytes_equal(bytes_of(p->dh, KEY_LEN), bytes_of(dh, KEY_LEN)))
			return p;
	}
	return NULL;
}

struct peer *peer_find_id(struct node_link *link, const uint8_t id[NODE_ID_LEN])
{
	list_for_each (node, next, &link->peers) {
		struct peer *p = list_entry(node, struct peer, on_link);

		if (bytes_equal(bytes_of(p->id, NODE_ID_LEN), bytes_of(id, NODE_ID_LEN)))
			return p;
	}
	return NULL;
}

struct peer *peer_find_address(struct node_link *link, const struct address *link_local)
{
	list_for_each (node, next, &link->peers) {
		struct peer *p = list_entry(node, struct peer, on_link);

		if (address_equal(&p->address, link_local))
			return p;
	}
	return NULL;
}

struct peer *peer_next(const struct node *n, const struct peer *p)
{
	if (p && p->on_link.next != &p->link->peers)
		return list_entry(p->on_link.next, struct peer, on_link);
	for (unsigned id = p ? p->link->id + 1 : 0; id < NODE_LINK_MAX; id++)
		if (n->links[id] && !list_is_empty(&n->links[id]->peers))
			return list_entry(n->links[id]->peers.next, struct peer, on_link);
	return NULL;
}

unsigned link_idle_ms(const struct node_link *link)
{
	return link->config.idle_ms > link->config.hello_ms ? link->config.idle_ms : link->config.hello_ms;
}

uint64_t link_silence_us(const struct node_link *link)
{
	unsigned misses = link->config.dead_misses ? link->config.dead_misses : 6;
	unsigned slower_ms = link_idle_ms(link) - link->config.hello_ms;

	/* Half as long again until an idle neighbour is late, then it is polled. */
	uint64_t silence_us = (uint64_t)link->config.hello_ms * MS * (misses + 1) + slower_ms * MS * 3 / 2 + SECOND;
	/* Where many share a thin link they say Hello more seldom than configured. */
	return link_is_thin(link) ? THIN_PATIENCE * silence_us : silence_us;
}

uint64_t link_pace_us(const struct node_link *link)
{
	uint64_t rate_bps = link->config.rate_bps;
	uint64_t pace_us = rate_bps ? PACE_BYTES * 8 * SECOND / rate_bps : 0;

	return pace_us > SECOND ? pace_us : SECOND;
}

bool peer_is_live(const struct peer *p, uint64_t now_us)
{
	return p->is_up && now_us < p->heard_us + link_silence_us(p->link);
}

bool peer_answers(const struct peer *p, uint64_t now_us)
{
	return !p->is_silent && peer_is_live(p, now_us);
}

static void peer_due(struct timer *timer, uint64_t now_us);

static void peer_number(struct peer *p)
{
	struct peer **numbered = p->n->numbered;
	unsigned number = 1;

	while (number <= UINT8_MAX && numbered[number])
		number++;
	if (number > UINT8_MAX)
		return;
	numbered[number] = p;
	p->number = (uint8_t)number;
}

struct peer *peer_get(
	struct node_link *link, uint64_t now_us, const struct certificate *c, const struct endpoint *endpoint)
{
	struct peer *p = peer_find(link, c->key.dh);
	struct node *n = link->n;
	uint8_t hash[32];

	if (p)
		return p;
	if (n->peer_count >= NODE_PEER_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->n = n;
	p->link = link;
	memcpy(p->dh, c->key.dh, KEY_LEN);
	identity_hash(hash, &c->key);
	memcpy(p->id, hash, NODE_ID_LEN);
	identity_router_id(p->rid.bytes, &c->key);
	p->address = node_neighbour_address(&p->rid);
	p->certificate = c;
	p->is_guest = c->roles & ROLE_GUEST;
	p->mesh_address = identity_address(&c->key, c->deployment);
	p->endpoint = *endpoint;
	p->heard_us = now_us;
	list_init(&p->joins);
	timer_init(&p->timer, peer_due);
	timer_init(&p->probe, probe_due);
	detect_init(p);
	list_push_back(&link->peers, &p->on_link);
	n->peer_count++;
	peer_number(p);
	return p;
}

static void peer_down(struct peer *p, uint64_t now_us, const char *why)
{
	char text[NODE_NAME_TEXT];

	if (!p->is_up)
		return;
	p->is_up = false;
	detect_end(p);
	babel_neighbour_lost(p->n->babel, now_us, p->link->id, &p->address);
	beacon_hurry(p->link, now_us);
	event_say(p->n, NODE_NEIGHBOUR_DOWN, p->link, "%s: %s", name_of_rid(p->n, &p->rid, text), why);
}

void peer_free(struct peer *p, uint64_t now_us, const char *why)
{
	struct node *n = p->n;

	peer_down(p, now_us, why);
	/* The engine has led all of them elsewhere, prefix by prefix of what it announced. */
	if (p->ways)
		fib_forget_peer(&n->fib, p);
	if (p->number)
		n->numbered[p->number] = NULL;
	egress_forget_peer(p);
	messages_forget_peer(p);
	for (unsigned i = 0; i < NODE_TARGET_MAX; i++) {
		struct target *t = &p->link->targets[i];

		if (t->peer == p) {
			t->peer = NULL;
			target_kick(t, now_us);
		}
	}
	for (unsigned i = 0; i < 3; i++)
		index_drop(n, &p->indices[i]);
	timer_cancel(&n->heap, &p->timer);
	timer_cancel(&n->heap, &p->probe);
	detect_end(p);
	joins_done(p);
	aware_forget_peer(p);
	keyring_done(&p->keys);
	list_remove(&p->on_link);
	n->peer_count--;
	free(p);
}

/* --- sessions -------------------------------------------------------------------------------- */

/* Another process behind the same keys: what it announced is void, and it has
 * forgotten what we announced. */
static void peer_epoch(struct peer *p, uint64_t now_us, uint32_t epoch, uint16_t capabilities)
{
	if (p->has_epoch && p->epoch != epoch) {
		peer_down(p, now_us, "it was restarted");
		/* Its updates that are still on the way bind nobody any more. */
		session_done(&p->keys.previous);
		p->keys.has_previous = false;
	}
	if (!p->has_epoch || p->epoch != epoch) {
		p->key_number = 0; /* whatever it had, it may have lost */
		p->key_says = 0;
		p->key_next_us = 0;
	}
	p->epoch = epoch;
	p->capabilities = capabilities;
	p->has_epoch = true;
}

void peer_session_made(struct peer *p, uint64_t now_us, struct secret_session *s, const struct handshake_remote *remote)
{
	bool initiated = s->initiator;

	if (initiated) {
		keyring_initiated(&p->keys, s, now_us);
		peer_epoch(p, now_us, remote->epoch, remote->capabilities);
		rotate_known(p, remote->key_number);
		p->list_mark = remote->list_mark;
		p->initiated = true;
		p->session_us = now_us;
		p->silent_tries = 0;
		p->n->counters.handshakes_completed++;
	} else {
		keyring_responded(&p->keys, s);
		p->pending_epoch = remote->epoch;
		p->pending_capabilities = remote->capabilities;
		p->pending_list_mark = remote->list_mark;
		p->pending_key_number = remote->key_number;
		p->pending_us = now_us;
	}
	peer_index(p);
	p->confirm_us = now_us + link_pace_us(p->link) - SECOND; /* the timer comes within one */
	if (initiated) {
		peer_answered(p, now_us);
		control_ping(p, now_us);
	}
	timer_set_earlier(&p->n->heap, &p->timer, now_us + SECOND);
}

/* The pending session was proven by a frame. */
static void peer_promoted(struct peer *p, uint64_t now_us)
{
	peer_epoch(p, now_us, p->pending_epoch, p->pending_capabilities);
	p->list_mark = p->pending_list_mark;
	rotate_known(p, p->pending_key_number);
	p->initiated = false;
	p->session_us = now_us;
	p->answer_len = 0;
	p->n->counters.handshakes_completed++;
	peer_index(p);
	control_ping(p, now_us); /* tells the initiator that we have the keys */
}

/* There is a session: by now nothing of ours leads through a process before the one behind it. */
static void peer_tell_engine(struct peer *p, uint64_t now_us)
{
	struct node *n = p->n;

	if (peer_speaks_of(p, CAPABILITY_VERSIONS)) {
		babel_neighbour_session(n->babel, now_us, p->link->id, &p->address, p->epoch,
			peer_has_classes(p) ? (1u << BABEL_CLASSES) - 1 : 0);
		if (peer_speaks_of(p, CAPABILITY_COMPACT))
			babel_neighbour_compact(n->babel, p->link->id, &p->address);
	} else
		babel_neighbour_hint(n->babel, now_us, p->link->id, &p->address);
}

void peer_damp(struct peer *p, uint64_t now_us, uint64_t hold_us)
{
	/* Every metric that changes is a frame there. */
	if (hold_us && !link_is_thin(p->link))
		babel_neighbour_damp(p->n->babel, now_us, p->link->id, &p->address, now_us + hold_us);
}

static void peer_up(struct peer *p, uint64_t now_us)
{
	char text[NODE_NAME_TEXT], introducer[NODE_NAME_TEXT];

	p->is_up = true;
	p->up_since_us = now_us;
	p->alive_told_us = now_us;
	beacon_hurry(p->link, now_us);
	const router_id *by = meet_introducer(p);
	event_say(p->n, NODE_NEIGHBOUR_UP, p->link, "%s%s%s", name_of_rid(p->n, &p->rid, text),
		by ? ", introduced by " : "", by ? name_of_rid(p->n, by, introducer) : "");
	guest_up(p, now_us);
	peer_tell_engine(p, now_us);
	peer_damp(p, now_us, damper_hold_us(&p->link->damper, now_us));
	probe_begin(p, now_us);
	detect_begin(p, now_us);
	aware_met(p, now_us);
	admit_peer_up(p, now_us);
	clock_tell(p, now_us);
	rotate_say(p, now_us);
}

/* As often as a link bears it, or as often as the peer says Hello. */
static uint64_t echo_pause_us(const struct peer *p)
{
	uint64_t hello_us = p->link->config.hello_ms * MS, pace_us = link_pace_us(p->link);

	return hello_us > pace_us ? hello_us : pace_us;
}

static void peer_ask_echo(struct peer *p, uint64_t now_us)
{
	if (p->echo_asked_us && now_us < p->echo_asked_us + echo_pause_us(p))
		return;
	p->echo_asked_us = now_us;
	random_fill(&p->n->random, p->echo, sizeof(p->echo));
	control_ask_echo(p, now_us, p->echo);
}

void peer_echoed(struct peer *p, uint64_t now_us, const uint8_t echo[ECHO_LEN])
{
	detect_answered(p, now_us, echo);
	/* What was asked before the last time is no news. */
	if (!p->echo_asked_us || now_us > p->echo_asked_us + 2 * echo_pause_us(p) ||
		!secret_equal(echo, p->echo, ECHO_LEN))
		return;
	order_begin(p, now_us);
	peer_answered(p, now_us);
}

void peer_answered(struct peer *p, uint64_t now_us)
{
	char text[NODE_NAME_TEXT];

	p->echo_asked_us = 0;
	if (!p->is_silent)
		return;
	if (!revoke_is_settled(p)) {
		revoke_say(p, now_us);
		return;
	}
	p->is_silent = false;
	p->heard_us = now_us;
	event_say(p->n, NODE_NEIGHBOUR_UP, p->link, "%s: heard again", name_of_rid(p->n, &p->rid, text));
	probe_doubt(p, now_us);
	aware_settled(p, now_us);
	p->key_says = 0;
	rotate_say(p, now_us);
	/* It may have lost us meanwhile without being restarted; its routes are not repeated for our sake. */
	peer_tell_engine(p, now_us);
}

void peer_settled(struct peer *p, uint64_t now_us)
{
	if (p->is_silent)
		peer_ask_echo(p, now_us);
	else if (!p->is_up && p->keys.has_current && p->keys.current.received)
		peer_up(p, now_us);
	else {
		aware_settled(p, now_us);
		rotate_say(p, now_us);
	}
}

static bool peer_is_at_peace(const struct peer *p)
{
	const struct secret_keyring *k = &p->keys;

	return p->is_up && !p->is_silent && !k->has_pending && !k->has_previous && k->has_current &&
	       k->current.received && revoke_is_settled(p) && !rotate_owes(p);
}

/* Looked at each second while something is under way, else when something may be due. */
static void peer_look_next(struct peer *p, uint64_t now_us)
{
	uint64_t keepalive_us = p->link->config.keepalive_s * SECOND, next_us = now_us + SECOND;

	if (peer_is_at_peace(p)) {
		p->look_us = now_us + PEACE_US;
		if (keepalive_us && p->sent_us + keepalive_us < p->look_us)
			p->look_us = p->sent_us + keepalive_us;
		uint64_t silent_us = p->heard_us + link_silence_us(p->link);
		uint64_t due_us = silent_us < p->look_us ? silent_us : p->look_us;

		if (due_us > next_us)
			next_us = due_us;
	}
	timer_set(&p->n->heap, &p->timer, next_us);
}

/* Heard: its silence would be noticed so much later. */
static void peer_put_off(struct peer *p, uint64_t now_us)
{
	uint64_t silent_us = now_us + link_silence_us(p->link);

	if (peer_is_at_peace(p) && timer_is_armed(&p->timer) && p->timer.due_us < p->look_us)
		timer_set(&p->n->heap, &p->timer, silent_us < p->look_us ? silent_us : p->look_us);
}

void peer_heard(struct peer *p, uint64_t now_us, const struct endpoint *from, bool promoted)
{
	/* What was sealed with older keys does not say that the last message arrived. */
	if (p->keys.has_current && p->keys.current.received)
		p->fin_len = 0;
	if (!endpoint_equal(&p->endpoint, from)) {
		p->endpoint = *from; /* roaming: an authenticated frame says where the peer is */
		meet_moved(p, now_us);
		probe_doubt(p, now_us);
	}
	if (promoted) {
		peer_promoted(p, now_us);
		peer_answered(p, now_us);
		/* Whoever calls us anew may have forgotten us, and our next Hello be minutes away. */
		if (p->is_up)
			peer_tell_engine(p, now_us);
	}
	if (p->is_silent) {
		peer_ask_echo(p, now_us);
		return;
	}
	p->heard_us = now_us;
	p->silent_tries = 0;
	if (p->detector.state != DETECT_SOUND)
		detect_heard(p, now_us);
	if (!p->is_up) {
		/* Who is out comes before any route. */
		if (revoke_is_settled(p))
			peer_up(p, now_us);
		else
			revoke_say(p, now_us);
	} else if (now_us >= p->alive_told_us + ALIVE_US) {
		p->alive_told_us = now_us;
		peer_put_off(p, now_us);
		babel_neighbour_alive(p->n->babel, now_us, p->link->id, &p->address);
	}
}

void peer_busy(struct peer *p, uint64_t now_us)
{
	if (now_us < p->busy_told_us + BUSY_US && p->busy_told_us)
		return;
	p->busy_told_us = now_us;
	babel_neighbour_busy(p->n->babel, now_us, p->link->id, &p->address);
}

/* --- the peer's clock ---------------------------------------------------------------------------- */

static bool peer_call(struct peer *p, uint64_t now_us, unsigned tries)
{
	const struct call c = { .to = &p->endpoint, .remote_id = p->id, .tries = tries };

	return call_start(p->link, now_us, &c);
}

/* Calls a silent peer again where it was last heard; who started the session
 * calls first. */
static void peer_call_if_silent(struct peer *p, uint64_t now_us)
{
	uint64_t pace_us = link_pace_us(p->link);
	uint64_t silence_us = link_silence_us(p->link) + (p->initiated ? 0 : 2 * pace_us);
	unsigned doublings = p->silent_tries < 4 ? p->silent_tries : 4;

	if (now_us < p->session_us + silence_us)
		return;
	if (now_us < p->heard_us + silence_us + (pace_us << doublings) - pace_us)
		return;
	if (peer_call(p, now_us, p->silent_tries))
		p->silent_tries++;
}

static void peer_say_if_silent(struct peer *p, uint64_t now_us)
{
	char text[NODE_NAME_TEXT];

	if (!p->is_up || p->is_silent || peer_is_live(p, now_us))
		return;
	p->is_silent = true;
	p->list_says = 0;
	beacon_hurry(p->link, now_us);
	event_say(p->n, NODE_NEIGHBOUR_DOWN, p->link, "%s: nothing heard for %u s", name_of_rid(p->n, &p->rid, text),
		(unsigned)((now_us - p->heard_us) / SECOND));
}

static void peer_speak(struct peer *p, uint64_t now_us)
{
	uint64_t keepalive_us = p->link->config.keepalive_s * SECOND;
	bool is_unproven = p->keys.has_current && !p->keys.current.received;
	uint64_t again_us;

	if (is_unproven && now_us >= p->confirm_us) {
		/* Repeat what the peer may have missed: the proof is a sign of life, and asks nobody. */
		p->confirm_us = now_us + link_pace_us(p->link) - SECOND; /* the timer comes within one */
		if (p->fin_len && budget_admits(p->link, now_us, BABEL_NEED_ROUTINE, p->fin_len, &again_us))
			handshake_frame_send(p->link, now_us, BABEL_NEED_ROUTINE, &p->endpoint, p->said_key,
				bytes_of(p->fin, p->fin_len));
		control_ping(p, now_us);
	} else if (!is_unproven && keepalive_us && now_us >= p->sent_us + keepalive_us) {
		control_ping(p, now_us);
	}
	if (p->keys.has_current && session_wants_rekey(&p->keys.current, now_us))
		peer_call(p, now_us, 0);
}

static bool peer_is_gone(const struct peer *p, uint64_t now_us)
{
	uint64_t gone_us = 2 * link_silence_us(p->link); /* a slow link is silent for long */

	if (gone_us < GONE_US)
		gone_us = GONE_US;
	return now_us > p->heard_us + gone_us && now_us > p->session_us + gone_us && !p->keys.has_pending;
}

static void peer_due(struct timer *timer, uint64_t now_us)
{
	struct peer *p = container_of(timer, struct peer, timer);

	keyring_expire(&p->keys, now_us);
	joins_expire(p, now_us);
	if (p->keys.has_pending && now_us > p->pending_us + PENDING_PACES * link_pace_us(p->link)) {
		session_done(&p->keys.pending);
		p->keys.has_pending = false;
		p->answer_len = 0;
	}
	peer_index(p);
	if (peer_is_gone(p, now_us)) {
		peer_free(p, now_us, "nothing heard for long");
		return;
	}
	peer_say_if_silent(p, now_us);
	peer_speak(p, now_us);
	if (!p->is_silent) {
		revoke_say(p, now_us);
		rotate_say(p, now_us);
	}
	peer_call_if_silent(p, now_us);
	peer_look_next(p, now_us);
}
