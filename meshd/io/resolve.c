/*
 * The configured peers of udp links: where the node may call them. Addresses in
 * numbers are told when the port opens. Names are looked up then and ever again,
 * for the rendezvous may move:
 *
 *   FAILED_US   the look-up failed: the uplink is perhaps just coming up
 *   UNMET_US    it has an answer, but there is no session
 *   MET_US      otherwise
 *
 * Of several addresses the node gets one at a time, the next after ROTATE_US
 * without a session.
 */
#include "meshd/io/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define FAILED_US (5 * SECOND_US)
#define UNMET_US (30 * SECOND_US)
#define MET_US (300 * SECOND_US)
#define ROTATE_US (10 * SECOND_US) /* several round trips of a satellite */

struct resolver {
	struct lookups *lookups;
	ev_io io;
};

/* --- is the peer met? --------------------------------------------------------------------------- */

struct meeting {
	const struct port *port;
	const struct remote *remote;
	unsigned sessions; /* on the link */
	bool is_met; /* at one of the remote's addresses */
};

static void meeting_look(void *arg, const struct node_peer_info *info)
{
	struct meeting *m = arg;

	if (info->link != m->port->id || !info->is_up)
		return;
	m->sessions++;
	for (unsigned i = 0; i < m->remote->count; i++)
		if (endpoint_equal(&info->endpoint, &m->remote->addresses[i]))
			m->is_met = true;
}

/* Also if every configured peer of the link has a session: one may answer from another address than it has. */
static bool remote_is_met(const struct port *p, const struct remote *r)
{
	struct meeting m = { .port = p, .remote = r };

	node_dump_peers(p->d->node, meeting_look, &m);
	return m.is_met || m.sessions >= p->config->peer_count;
}

/* --- asking and answers ----------------------------------------------------------------------------- */

static void remote_tell(struct port *p, unsigned slot, uint64_t now_us)
{
	struct remote *r = &p->remotes[slot];

	if (!r->count || !p->node_mtu)
		return;
	r->rotate_us = now_us + ROTATE_US;
	node_target_set(p->d->node, now_us, p->id, slot, &r->addresses[r->current]);
}

static void remote_ask(struct port *p, unsigned slot, uint64_t now_us)
{
	const struct config_peer *peer = &p->config->peers[slot];
	struct remote *r = &p->remotes[slot];

	if (p->config->type == CONFIG_PIPE) {
		r->addresses[0] = endpoint_of_modem(bytes_of(peer->host, strlen(peer->host)));
		r->is_numeric = true;
		r->count = 1;
		remote_tell(p, slot, now_us);
		return;
	}
	if (lookup_numeric(peer->host, peer->port, (unsigned)p->link.ifindex, &r->addresses[0]) == 0) {
		r->is_numeric = true;
		r->count = 1;
		remote_tell(p, slot, now_us);
		return;
	}
	/* No thread now: the next tick tries again. */
	if (p->d->resolver && lookup_start(p->d->resolver->lookups, p->id, slot, peer->host, peer->port) == 0)
		r->is_asking = true;
}

static void remote_failed(struct port *p, unsigned slot, int error, uint64_t now_us)
{
	struct remote *r = &p->remotes[slot];

	r->resolve_us = now_us + FAILED_US;
	if (!r->is_failed)
		daemon_say(p->d, "name-failed", "%s: peer \"%s\": %s; look at the name and at the name server",
			p->config->name, p->config->peers[slot].host, gai_strerror(error));
	r->is_failed = true;
}

/* The address in use stays in use if the name still has it. */
static void remote_found(struct port *p, const struct lookup *l, uint64_t now_us)
{
	struct remote *r = &p->remotes[l->slot];
	struct endpoint before = r->count ? r->addresses[r->current] : (struct endpoint){ 0 };

	if (r->is_failed)
		daemon_say(p->d, "name-found", "%s: peer \"%s\"", p->config->name, l->host);
	r->is_failed = false;
	r->count = l->count;
	memcpy(r->addresses, l->addresses, sizeof(r->addresses));
	r->current = 0;
	for (unsigned i = 0; i < r->count; i++)
		if (endpoint_equal(&r->addresses[i], &before))
			r->current = i;
	if (!endpoint_equal(&r->addresses[r->current], &before))
		remote_tell(p, l->slot, now_us);
	r->resolve_us = now_us + (remote_is_met(p, r) ? MET_US : UNMET_US);
}

/* Who asked, unless the link is another one by now. */
static struct port *lookup_port(struct daemon *d, const struct lookup *l)
{
	struct port *p = l->link < d->port_count ? &d->ports[l->link] : NULL;

	if (!p || !p->config || l->slot >= p->config->peer_count)
		return NULL;
	return strcmp(p->config->peers[l->slot].host, l->host) == 0 ? p : NULL;
}

static void on_done(struct ev_loop *loop, ev_io *io, int events)
{
	struct daemon *d = io->data;
	uint64_t now_us = io_now_us();
	struct lookup *l;

	(void)loop;
	(void)events;
	while ((l = lookup_take(d->resolver->lookups))) {
		struct port *p = lookup_port(d, l);

		if (p) {
			p->remotes[l->slot].is_asking = false;
			if (l->error)
				remote_failed(p, l->slot, l->error, now_us);
			else
				remote_found(p, l, now_us);
		}
		free(l);
	}
}

/* --- the daemon's calls --------------------------------------------------------------------------------- */

int resolver_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (r)
		r->lookups = lookups_open(lookup_find);
	if (!r || !r->lookups) {
		free(r);
		return io_fail(error, -ENOMEM, "resolver: out of memory or descriptors; free some");
	}
	ev_io_init(&r->io, on_done, lookups_fd(r->lookups), EV_READ);
	r->io.data = d;
	ev_io_start(d->loop, &r->io);
	d->resolver = r;
	return 0;
}

void resolver_close(struct daemon *d)
{
	if (!d->resolver)
		return;
	ev_io_stop(d->loop, &d->resolver->io);
	lookups_close(d->resolver->lookups);
	free(d->resolver);
	d->resolver = NULL;
}

static void remote_tick(struct port *p, unsigned slot, uint64_t now_us)
{
	struct remote *r = &p->remotes[slot];

	if (!r->is_numeric && !r->is_asking && now_us >= r->resolve_us)
		remote_ask(p, slot, now_us);
	if (r->count < 2 || now_us < r->rotate_us)
		return;
	if (remote_is_met(p, r)) {
		r->rotate_us = now_us + ROTATE_US;
		return;
	}
	r->current = (r->current + 1) % r->count;
	remote_tell(p, slot, now_us);
}

void resolver_tick(struct daemon *d, uint64_t now_us)
{
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p)) {
		for (unsigned slot = 0; p->state == PORT_UP && slot < p->config->peer_count; slot++)
			remote_tick(p, slot, now_us);
	}
}

void resolver_kick(struct port *p, uint64_t now_us)
{
	for (unsigned slot = 0; slot < p->config->peer_count; slot++) {
		struct remote *r = &p->remotes[slot];

		/* The link may be new to the node, and a numeric address be of another interface index. */
		if (!r->is_numeric)
			remote_tell(p, slot, now_us);
		if (!r->is_asking)
			remote_ask(p, slot, now_us);
	}
}
