/*
 * Whom to believe what: the certificates known, and the verdict on updates.
 *
 * An update is used only if the certificate of its origin names the prefix
 * (protocol.md 4.2). If that certificate is not known yet the update is refused,
 * the neighbour that sent it is asked for the certificate, and once it is here
 * all neighbours are asked for their tables again.
 *
 * A node that lost its sequence number announces itself with other first bytes
 * in its router-id (protocol.md 6.3), so certificates are found by the rest.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASK_DELAY_US (5 * MS) /* gathers the updates of one packet */
#define ASK_AGAIN_US (SECOND / 2) /* question or answer may be lost; where a Hello takes longer, so does an answer */
#define WANT_MAX_US (30 * SECOND) /* at least, and so many questions: what is not wanted is not believed */
#define WANT_ASKS 4
#define GIVEN_UP_US (30 * SECOND) /* then all routes are judged anew: a session announces none twice */
#define WANT_SHARE (CERTIFICATE_WANTS_MAX / 8) /* of the full table that no other neighbour takes away */
#define NEWER_AGAIN_US (60 * SECOND) /* between questions for a certificate in the place of one that is out */
#define REFILTER_DELAY_US (20 * MS)
#define REFILTER_GAP_US (500 * MS)

static struct bytes rid_key(const router_id *rid)
{
	return bytes_of(rid->bytes + ROUTER_ID_FREE, sizeof(rid->bytes) - ROUTER_ID_FREE);
}

/* --- certificates -------------------------------------------------------------------------- */

const struct known *trust_by_rid(const struct node *n, const router_id *rid)
{
	const struct map_entry *e = map_find(&n->certificates, rid_key(rid));

	return e ? container_of(e, struct known, by_rid) : NULL;
}

bool trust_is_same_member(const router_id *a, const router_id *b)
{
	return bytes_equal(rid_key(a), rid_key(b));
}

const struct certificate *trust_by_hash(const struct node *n, const uint8_t hash[CERTIFICATE_HASH_LEN])
{
	for (const struct known *k = n->first_known; k; k = k->next)
		if (memcmp(k->member->hash, hash, CERTIFICATE_HASH_LEN) == 0)
			return &k->member->certificate;
	return NULL;
}

const struct certificate *trust_by_id(const struct node *n, const uint8_t id[NODE_ID_LEN])
{
	for (const struct known *k = n->first_known; k; k = k->next)
		if (memcmp(k->member->id, id, NODE_ID_LEN) == 0)
			return &k->member->certificate;
	return NULL;
}

const char *trust_error_text(int error)
{
	switch (error) {
	case -EKEYREJECTED:
		return "this network's authority did not sign; enrol it with \"meshctl enrol\"";
	case -EKEYEXPIRED:
		return "has expired; enrol it again with \"meshctl enrol\"";
	case -ENOSPC:
		return "finds no room in the table";
	default:
		return "cannot be read";
	}
}

static struct node_member member_of(const struct certificate *c)
{
	struct node_member m = { .certificate = *c };
	uint8_t hash[32];

	certificate_hash(m.hash, c);
	identity_hash(hash, &c->key);
	memcpy(m.id, hash, NODE_ID_LEN);
	identity_router_id(m.rid.bytes, &c->key);
	m.host = prefix_of_host(identity_address(&c->key, c->deployment));
	return m;
}

/* Gives `k` what it stands for; false: out of memory. */
static bool known_set(struct node *n, struct known *k, const struct certificate *c)
{
	if (!n->output.share_member) {
		k->own[0] = member_of(c);
		k->member = k->own;
		return true;
	}
	const struct node_member *shared = n->output.shared_member(n->user, c);

	if (!shared) {
		struct node_member m = member_of(c);

		shared = n->output.share_member(n->user, &m);
	}
	if (shared)
		k->member = shared;
	return shared;
}

/* Peers keep a certificate at hand. */
static void peers_renew(struct node *n, const struct certificate *old, const struct certificate *c)
{
	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p)) {
		if (p->certificate != old)
			continue;
		p->certificate = c;
		p->is_guest = c->roles & ROLE_GUEST;
	}
}

/* The whole table is judged anew, once for all that changes at about the same time. */
static void refilter_soon(struct node *n)
{
	uint64_t due_us = n->now_us + REFILTER_DELAY_US;

	if (due_us < n->refilter_us + REFILTER_GAP_US)
		due_us = n->refilter_us + REFILTER_GAP_US;
	timer_set_earlier(&n->heap, &n->refilter, due_us);
}

/* A certificate for keys that are known: the one issued last holds. */
static bool known_renew(struct node *n, struct known *k, const struct certificate *c)
{
	const struct certificate *old = &k->member->certificate;

	if (c->serial <= old->serial || !known_set(n, k, c))
		return false;
	k->since_us = n->now_us;
	k->has_ended = false;
	guest_learned(n, c);
	n->short_ids_are_outdated = true;
	map_remove(&n->certificates, &k->by_rid);
	map_insert(&n->certificates, &k->by_rid, rid_key(&k->member->rid));
	peers_renew(n, old, &k->member->certificate);
	return true;
}

static struct known *known_new(struct node *n, const struct certificate *c)
{
	bool is_shared = n->output.share_member;
	struct known *k = calloc(1, sizeof(*k) + (is_shared ? 0 : sizeof(k->own[0])));

	if (!k)
		return NULL;
	if (!known_set(n, k, c) || map_insert(&n->certificates, &k->by_rid, rid_key(&k->member->rid)) < 0) {
		free(k);
		return NULL;
	}
	n->short_ids_are_outdated = true;
	k->since_us = n->now_us;
	guest_learned(n, c);
	*n->last_known = k;
	n->last_known = &k->next;
	return k;
}

/* Says `is_proven` if it was verified in an earlier life. */
static int certificate_check(const struct node *n, const struct certificate *c, struct bytes encoded,
	const uint8_t proof[CERTIFICATE_PROOF_LEN], bool *is_proven)
{
	const struct enrolment *e = &n->enrolment;
	int error = -EKEYREJECTED;

	if (proof)
		error = certificate_verify_proven(c, &e->authority, &n->time_floor, n->proof_key, encoded, proof);
	*is_proven = error != -EKEYREJECTED;
	return *is_proven ? error : certificate_verify(c, &e->authority, &n->time_floor);
}

static void certificate_store(struct node *n, struct bytes encoded)
{
	uint8_t proof[CERTIFICATE_PROOF_LEN];

	certificate_proof(proof, n->proof_key, &n->enrolment.authority, encoded);
	n->output.store_certificate(n->user, encoded, proof);
}

const struct certificate *trust_restore(
	struct node *n, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN], int *error)
{
	struct certificate c;
	router_id rid;
	bool is_proven;

	*error = certificate_decode(&c, encoded);
	if (*error)
		return NULL;
	identity_router_id(rid.bytes, &c.key);
	struct known *k = (struct known *)trust_by_rid(n, &rid);
	if (k && memcmp(&k->member->certificate.key, &c.key, sizeof(c.key)) == 0 &&
		memcmp(k->member->certificate.signature, c.signature, SIGNATURE_LEN) == 0)
		return &k->member->certificate; /* checked before */
	*error = certificate_check(n, &c, encoded, proof, &is_proven);
	if (*error)
		return NULL;
	if (k && memcmp(&k->member->certificate.key, &c.key, sizeof(c.key)) != 0) {
		*error = -EKEYREJECTED; /* other keys of the same router-id */
		return NULL;
	}
	if (k && !known_renew(n, k, &c))
		return &k->member->certificate;
	if (!k)
		k = known_new(n, &c);
	if (!k) {
		*error = -ENOSPC;
		return NULL;
	}
	if (!is_proven)
		certificate_store(n, encoded);
	/* What it names is no longer anybody's. */
	if (n->believes_foreigners)
		refilter_soon(n);
	return &k->member->certificate;
}

const struct certificate *trust_add(struct node *n, struct bytes encoded, int *error)
{
	return trust_restore(n, encoded, NULL, error);
}

const struct certificate *trust_learn(struct node *n, struct bytes encoded, int *error)
{
	struct known **before = n->last_known;
	const struct certificate *c = trust_add(n, encoded, error);

	if (c && n->last_known != before)
		(*before)->learned_us = n->now_us;
	messages_way_up(n);
	return c;
}

void trust_done(struct node *n)
{
	for (struct known *k = n->first_known, *next; k; k = next) {
		next = k->next;
		map_remove(&n->certificates, &k->by_rid);
		free(k);
	}
	n->first_known = NULL;
	n->last_known = &n->first_known;
}

/* --- what is wanted ---------------------------------------------------------------------------- */

static struct want *want_find(struct node *n, const router_id *rid)
{
	for (unsigned i = 0; i < n->want_count; i++)
		if (bytes_equal(rid_key(&n->wants[i].rid), rid_key(rid)))
			return &n->wants[i];
	return NULL;
}

static void want_drop(struct node *n, struct want *w)
{
	*w = n->wants[--n->want_count];
}

static unsigned want_count_of(const struct node *n, unsigned link, const struct address *neighbour)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n->want_count; i++)
		count += n->wants[i].link == link && address_equal(&n->wants[i].neighbour, neighbour);
	return count;
}

/* A place in the table. When it is full the neighbour that holds most of it gives
 * one up to a neighbour that has few: inventing origins crowds out nobody. */
static struct want *want_place(struct node *n, unsigned link, const struct address *neighbour)
{
	struct want *most = NULL;
	unsigned most_count = WANT_SHARE;

	if (n->want_count < CERTIFICATE_WANTS_MAX)
		return &n->wants[n->want_count++];
	if (want_count_of(n, link, neighbour) >= WANT_SHARE)
		return NULL;
	for (unsigned i = 0; i < n->want_count; i++) {
		struct want *w = &n->wants[i];
		unsigned count = want_count_of(n, w->link, &w->neighbour);

		if (count > most_count) {
			most = w;
			most_count = count;
		}
	}
	return most;
}

/* By when there should be an answer. On a message modem the question waits for its message, the answer for its own,
 * and both for what is in front of them. */
static uint64_t want_answer_us(const struct node *n, const struct want *w)
{
	const struct node_link *link = n->links[w->link];
	uint64_t hello_us = link ? link->config.hello_ms * MS : 0, turns_us = link ? 4 * link_turn_us(link) : 0;
	uint64_t most_us = hello_us > turns_us ? hello_us : turns_us;

	return most_us > ASK_AGAIN_US ? most_us : ASK_AGAIN_US;
}

static bool want_is_late(const struct node *n, const struct want *w, uint64_t now_us)
{
	return now_us >= w->since_us + want_answer_us(n, w);
}

static bool want_is_over(const struct node *n, const struct want *w, uint64_t now_us)
{
	uint64_t asks_us = WANT_ASKS * want_answer_us(n, w);

	return now_us > w->first_us + (asks_us > WANT_MAX_US ? asks_us : WANT_MAX_US);
}

/* Who cannot answer now is not asked if somebody else announces the same. */
static bool can_answer(const struct node *n, unsigned id, const struct address *neighbour)
{
	struct node_link *link = n->links[id];
	const struct peer *p = link ? peer_find_address(link, neighbour) : NULL;

	return p && peer_answers(p, n->now_us);
}

static bool want_is_in_vain(const struct node *n, const struct want *w)
{
	return !can_answer(n, w->link, &w->neighbour);
}

static void want(struct node *n, const router_id *rid, unsigned link, const struct address *neighbour)
{
	struct want *w = want_find(n, rid);

	bool is_under_way = w && (!w->is_asked || !want_is_late(n, w, n->now_us)) && !want_is_in_vain(n, w);

	if (is_under_way || (w && !can_answer(n, link, neighbour)))
		return;
	bool is_new = !w;
	if (is_new)
		w = want_place(n, link, neighbour);
	if (!w) {
		timer_set_earlier(&n->heap, &n->refilter, n->now_us + GIVEN_UP_US);
		return;
	}
	*w = (struct want){ .rid = *rid,
		.link = link,
		.neighbour = *neighbour,
		.first_us = is_new ? n->now_us : w->first_us,
		.since_us = n->now_us };
	timer_set_earlier(&n->heap, &n->ask, n->now_us + ASK_DELAY_US);
}

/* One message for all that the same neighbour announced. */
static void ask_like(struct node *n, uint64_t now_us, const struct want *first)
{
	struct node_link *link = n->links[first->link];
	struct address neighbour = first->neighbour;
	unsigned id = first->link, count = 0;
	router_id rids[CERTIFICATE_WANTS_MAX];

	for (unsigned i = 0; i < n->want_count; i++) {
		struct want *w = &n->wants[i];

		if (w->is_asked || w->link != id || !address_equal(&w->neighbour, &neighbour))
			continue;
		w->is_asked = true;
		w->since_us = now_us;
		rids[count++] = w->rid;
	}
	struct peer *p = link ? peer_find_address(link, &neighbour) : NULL;
	if (p)
		control_ask(p, now_us, rids, count);
}

void trust_ask_due(struct timer *timer, uint64_t now_us)
{
	struct node *n = container_of(timer, struct node, ask);

	for (unsigned i = 0; i < n->want_count; i++) {
		struct want *w = &n->wants[i];

		if (w->is_asked && want_is_late(n, w, now_us))
			w->is_asked = false;
		if (want_is_in_vain(n, w))
			timer_set_earlier(&n->heap, &n->refilter, now_us + ASK_AGAIN_US);
		if (want_is_over(n, w, now_us)) {
			want_drop(n, w);
			timer_set_earlier(&n->heap, &n->refilter, now_us + GIVEN_UP_US);
			i--;
		}
	}
	for (unsigned i = 0; i < n->want_count; i++)
		if (!n->wants[i].is_asked)
			ask_like(n, now_us, &n->wants[i]);
	if (n->want_count)
		timer_set(&n->heap, timer, now_us + ASK_AGAIN_US);
}

bool trust_was_wanted(struct node *n, const router_id *rid)
{
	struct want *w = want_find(n, rid);

	if (!w)
		return false;
	want_drop(n, w);
	refilter_soon(n);
	return true;
}

void trust_refilter_due(struct timer *timer, uint64_t now_us)
{
	struct node *n = container_of(timer, struct node, refilter);

	n->refilter_us = now_us;
	babel_refilter(n->babel, now_us);
}

/* Not only inside of what it names. */
static bool certificate_names(const struct certificate *c, const struct prefix *prefix)
{
	for (unsigned i = 0; i < c->prefix_count; i++)
		if (prefix_equal(&c->prefixes[i], prefix))
			return true;
	return false;
}

bool trust_is_foreign(const struct node *n, const struct prefix *prefix)
{
	if (prefix_contains(&n->deployment, prefix))
		return false;
	for (const struct known *k = n->first_known; k; k = k->next) {
		const struct certificate *c = &k->member->certificate;

		/* A gateway's own addresses are its own; its networks are what it leads to. */
		for (unsigned i = 0; i < c->prefix_count; i++)
			if (prefix_contains(&c->prefixes[i], prefix) &&
				(!(c->roles & ROLE_GATEWAY) ||
					c->prefixes[i].plen == family_bits(c->prefixes[i].address.family)))
				return false;
	}
	return true;
}

/* Some gateway is trusted to speak for what lies behind it: routers that are no members. */
static bool prefix_is_behind_gateway(const struct node *n, const struct prefix *prefix)
{
	for (const struct known *k = n->first_known; k; k = k->next) {
		const struct certificate *c = &k->member->certificate;

		for (unsigned i = 0; i < c->prefix_count && (c->roles & ROLE_GATEWAY); i++)
			if (prefix_contains(&c->prefixes[i], prefix))
				return trust_is_foreign(n, prefix);
	}
	return false;
}

/* --- the verdict ---------------------------------------------------------------------------------- */

/* It speaks of itself. */
static bool neighbour_is(const struct address *neighbour, const struct known *k)
{
	router_id rid;

	identity_router_id(rid.bytes, &k->member->certificate.key);
	struct address own = node_neighbour_address(&rid);
	return address_equal(neighbour, &own);
}

/* What a certificate allows; the rules of the link may take it away, or make it dearer. */
static struct babel_verdict accept_by_policy(
	struct node_link *link, const struct address *neighbour, const struct prefix *prefix, bool is_named)
{
	struct babel_verdict verdict = policy_ask(link, NODE_IN, prefix, neighbour);
	unsigned cost = link->config.extra_cost + verdict.extra_cost;

	if (!verdict.accept)
		DROP(link->n, link, policy_denied);
	verdict.is_named = is_named;
	verdict.extra_cost = (uint16_t)(cost < BABEL_INFINITY ? cost : BABEL_INFINITY - 1);
	return verdict;
}

/* Who announces it may know that it was given another certificate. */
static void want_newer(
	struct node *n, struct known *k, const router_id *origin, unsigned link, const struct address *neighbour)
{
	if (k->newer_asked_us && n->now_us < k->newer_asked_us + NEWER_AGAIN_US)
		return;
	k->newer_asked_us = n->now_us;
	want(n, origin, link, neighbour);
}

/* A guest is nobody's way. */
static bool guest_says_its_own(struct node_link *link, const struct address *neighbour, const router_id *origin)
{
	const struct peer *p = peer_find_address(link, neighbour);

	return !p || !p->is_guest || guest_may_say(p, origin);
}

struct babel_verdict trust_accept(void *user, unsigned link, const struct address *neighbour,
	const struct prefix *prefix, const router_id *origin, uint16_t metric)
{
	struct node *n = user;
	const struct known *k = trust_by_rid(n, origin);
	char text[PREFIX_TEXT];

	(void)metric;
	if (n->links[link]->config.is_plain)
		return plain_accept(n->links[link], neighbour, prefix, origin);
	if (n->links[link]->has_guest && !guest_says_its_own(n->links[link], neighbour, origin)) {
		DROP(n, n->links[link], guest_denied);
		return (struct babel_verdict){ .accept = false };
	}
	if (!k && prefix_is_behind_gateway(n, prefix)) {
		n->believes_foreigners = true;
		return accept_by_policy(n->links[link], neighbour, prefix, false);
	}
	if (!k) {
		want(n, origin, link, neighbour);
		return (struct babel_verdict){ .accept = false };
	}
	if (revoke_ends(n, &k->member->certificate)) {
		DROP(n, n->links[link], certificate_refused);
		want_newer(n, (struct known *)k, origin, link, neighbour);
		return (struct babel_verdict){ .accept = false };
	}
	if (!essential_allows(n->links[link], prefix, origin) && !neighbour_is(neighbour, k)) {
		DROP(n, n->links[link], policy_denied);
		return (struct babel_verdict){ .accept = false };
	}
	/* Nearly every update is of a host: two hashes less for each. */
	bool is_host = prefix_equal(&k->member->host, prefix);
	if (!is_host && !certificate_authorises(&k->member->certificate, prefix, origin->bytes)) {
		DROP(n, n->links[link], certificate_refused);
		event_say(n, NODE_REFUSED, n->links[link], "%s announces %s, which its certificate does not name",
			k->member->certificate.name, prefix_format(prefix, text));
		return (struct babel_verdict){ .accept = false };
	}
	return accept_by_policy(
		n->links[link], neighbour, prefix, is_host || certificate_names(&k->member->certificate, prefix));
}
