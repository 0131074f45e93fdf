/*
 * The node as a whole: made, driven, ended; its own prefixes.
 *
 * Every entry notes the time of the call: the routing engine asks back without one.
 */
#include "meshd/base/fetch.h"
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STALL_US (200 * MS) /* later than asked for by so much: the process was stopped */

/* --- new and free ------------------------------------------------------------------------ */

static void identity_derive(struct node *n, const struct node_config *config)
{
	const struct enrolment *e = &n->enrolment;
	uint8_t hash[32];

	identity_hash(hash, &e->identity.public);
	memcpy(n->id, hash, NODE_ID_LEN);
	n->deployment = deployment_prefix(e->authority.deployment);
	n->address = identity_address(&e->identity.public, e->authority.deployment);
	identity_router_id(n->rid.bytes, &e->identity.public);
	/* A seqno counts for the router-id of its time. With it lost the others may hold
	 * a newer one against us: be new to them. */
	if (config->has_stored_seqno) {
		n->rid.bytes[0] = (uint8_t)(config->stored_seqno >> 24);
		n->rid.bytes[1] = (uint8_t)(config->stored_seqno >> 16);
		return;
	}
	do
		random_fill(&n->random, n->rid.bytes, ROUTER_ID_FREE);
	while (router_id_is_reserved(&n->rid));
}

static bool own_certificate_take(struct node *n)
{
	int len = certificate_encode(&n->enrolment.certificate, n->certificate_bytes, sizeof(n->certificate_bytes));
	int error;

	if (len < 0)
		return false;
	n->certificate_len = (size_t)len;
	if (certificate_verify(&n->enrolment.certificate, &n->enrolment.authority, &n->time_floor) < 0)
		return false;
	return trust_add(n, bytes_of(n->certificate_bytes, n->certificate_len), &error) != NULL;
}

struct node *node_new(const struct node_config *config, const struct node_output *output, void *user, uint64_t now_us)
{
	struct node *n = calloc(1, sizeof(*n));
	uint64_t secret[2];
	struct prefix host;

	if (!n)
		return NULL;
	n->output = *output;
	n->user = user;
	n->enrolment = *config->enrolment;
	n->time_floor = config->time_floor;
	n->floor_us = now_us;
	n->random = config->random;
	n->now_us = now_us;
	n->due_us = now_us;
	heap_init(&n->heap);
	list_init(&n->handshakes);
	n->last_known = &n->first_known;
	timer_init(&n->refilter, trust_refilter_due);
	timer_init(&n->ask, trust_ask_due);
	timer_init(&n->clock, clock_due);
	timer_init(&n->guests, guests_due);
	random_fill(&n->random, secret, sizeof(secret));
	map_init(&n->indices, NODE_PEER_MAX * 3 + HANDSHAKES_MAX + CALLINGS_MAX, secret);
	map_init(&n->certificates, NODE_CERTIFICATE_MAX, secret);
	memcpy(n->fib.secret, secret, sizeof(secret));
	n->epoch = random_u32(&n->random);
	n->is_wordless = config->is_wordless;
	n->is_applicant = config->is_applicant;
	n->capabilities = config->is_plain ? 0 : CAPABILITY_VERSIONS;
	n->capabilities |= config->is_plain ? 0
					    : CAPABILITY_PROBES | CAPABILITY_AWARE | CAPABILITY_MESSAGES |
						      CAPABILITY_GRANTS | CAPABILITY_CLOCK | CAPABILITY_KEYS;
	n->capabilities |= config->is_plain || config->is_long ? 0 : CAPABILITY_COMPACT;
	n->capabilities |= config->is_plain || config->is_classless ? 0 : CAPABILITY_CLASSES;
	keys_start(n);
	proof_key(n->proof_key, &n->enrolment.identity);
	identity_derive(n, config);
	host = prefix_of_host(n->address);
	n->limiter = rate_limiter_new(&n->random);
	if (!n->limiter || !own_certificate_take(n) || !route_engine_start(n, config) ||
		babel_originate(n->babel, now_us, &host, 0) < 0 || fib_set(&n->fib, &host, FIB_OWN, NULL) < 0) {
		node_free(n);
		return NULL;
	}
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	n->is_leaving = true; /* nothing is said any more */
	if (n->babel)
		babel_end(n->babel);
	for (unsigned id = 0; id < NODE_LINK_MAX; id++)
		node_link_remove(n, n->now_us, id);
	babel_free(n->babel);
	trust_done(n);
	short_id_done(n);
	fib_done(&n->fib);
	map_done(&n->certificates);
	map_done(&n->indices);
	admit_done(n);
	heap_done(&n->heap);
	pool_done(&n->pool);
	free(n->classes);
	meet_done(n);
	reach_done(n);
	aware_done(n);
	messages_done(n);
	revoke_done(n);
	rate_limiter_free(n->limiter);
	cookie_jar_done(&n->jar);
	enrolment_done(&n->enrolment);
	secret_wipe(n, sizeof(*n));
	free(n);
}

void node_shutdown(struct node *n, uint64_t now_us)
{
	if (n->is_leaving)
		return;
	n->now_us = now_us;
	babel_shutdown(n->babel, now_us);
	for (unsigned id = 0; id < NODE_LINK_MAX; id++)
		if (n->links[id])
			link_bye(n->links[id], now_us);
	n->is_leaving = true;
}

/* The process did not run for a while. What the peers said meanwhile waits in the
 * sockets and is read after the timers: their silence is ours. */
static void stall_forgive(struct node *n, uint64_t now_us)
{
	if (n->due_us >= now_us || now_us - n->due_us < STALL_US)
		return;
	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p))
		p->heard_us += now_us - (p->heard_us > n->due_us ? p->heard_us : n->due_us);
}

uint64_t node_poll(struct node *n, uint64_t now_us)
{
	if (n->is_leaving)
		return NEVER;
	stall_forgive(n, now_us);
	n->now_us = now_us;
	heap_run(&n->heap, now_us);
	uint64_t engine_us = babel_poll(n->babel, now_us);
	uint64_t own_us = heap_next(&n->heap);
	n->due_us = own_us < engine_us ? own_us : engine_us;
	return n->due_us;
}

static void link_fetch(const struct node_link *link)
{
	fetch(&link->config, 128);
	fetch(&link->up, 1);
	fetch(&link->peers, offsetof(struct node_link, lane_bytes) - offsetof(struct node_link, peers));
	fetch(&link->tx_frames, 4 * sizeof(link->tx_frames));
}

void node_fetch(const struct node *n, unsigned step)
{
	if (step == 0) {
		fetch(&n->output, sizeof(n->output));
		fetch(&n->due_us, sizeof(n->due_us));
		fetch(&n->babel, offsetof(struct node, peer_count) - offsetof(struct node, babel));
		fetch(&n->indices, sizeof(n->indices));
	} else if (step == 1) {
		for (unsigned id = 0; id < NODE_LINK_MAX; id++)
			if (n->links[id])
				link_fetch(n->links[id]);
		fetch(n->heap.slots, n->heap.count ? CACHE_LINE : 0);
		fetch(n->indices.buckets, n->indices.bucket_count * sizeof(n->indices.buckets[0]));
		babel_fetch(n->babel, 0);
	} else {
		babel_fetch(n->babel, 1);
	}
}

/* --- own prefixes ----------------------------------------------------------------------------- */

int node_originate(struct node *n, uint64_t now_us, const struct prefix *prefix)
{
	return node_redistribute(n, now_us, prefix, 0);
}

int node_redistribute(struct node *n, uint64_t now_us, const struct prefix *prefix, uint16_t metric)
{
	uint8_t rid[8];
	const struct fib_entry *before = fib_exact(&n->fib, prefix);

	n->now_us = now_us;
	identity_router_id(rid, &n->enrolment.identity.public);
	if (!certificate_authorises(&n->enrolment.certificate, prefix, rid))
		return -EACCES;
	if (before && before->kind == FIB_OWN)
		return -EEXIST;
	/* Another node announced it until now: the kernel must not send it to the mesh. */
	if (before)
		route_kernel(n, prefix, NODE_KERNEL_NONE, NODE_LINK_MAX, NULL);
	int error = fib_set(&n->fib, prefix, FIB_OWN, NULL);
	return error ? error : babel_originate(n->babel, now_us, prefix, metric);
}

int node_withdraw(struct node *n, uint64_t now_us, const struct prefix *prefix)
{
	const struct fib_entry *before = fib_exact(&n->fib, prefix);

	n->now_us = now_us;
	if (!before || before->kind != FIB_OWN)
		return -ENOENT;
	fib_remove(&n->fib, prefix);
	return babel_withdraw(n->babel, now_us, prefix);
}

int node_certificate_add(struct node *n, struct bytes encoded)
{
	int error;

	return trust_add(n, encoded, &error) ? 0 : error;
}

int node_certificate_restore(struct node *n, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	int error;

	return trust_restore(n, encoded, proof, &error) ? 0 : error;
}

unsigned node_damage(struct node *n)
{
	return babel_damage(n->babel);
}
