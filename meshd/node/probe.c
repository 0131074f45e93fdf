/*
 * Probes of how large a frame arrives at a neighbour (path.h): where a link lies over
 * somebody's network, what its interface takes may get lost under way without a word,
 * for ICMP is often dropped there and can be forged.
 *
 *   PROBE   id 2, zeros up to the size    in a frame of its own, never cut
 *   PROBED  id 2, size 2                  it arrived
 *
 * What is larger than what arrives is cut into pieces as on thin links (piece.c). While a
 * search is under way that is done with all that the link takes, so that no host is
 * told of a packet size that will be another in a moment.
 */
#include "meshd/node/state.h"

#define SILENT_US (5 * SECOND) /* then it is looked again whether it is heard */

static void probe_set_timer(struct peer *p, uint64_t now_us)
{
	timer_set(&p->n->heap, &p->probe, p->path.due_us > now_us ? p->path.due_us : now_us);
}

void probe_begin(struct peer *p, uint64_t now_us)
{
	if (!peer_is_probed(p))
		return;
	path_begin(&p->path, now_us, p->link->config.mtu, link_airtime_us(p->link, p->link->config.mtu));
	probe_set_timer(p, now_us);
}

void probe_doubt(struct peer *p, uint64_t now_us)
{
	if (!p->is_up || !peer_is_probed(p))
		return;
	path_doubt(&p->path, now_us);
	probe_set_timer(p, now_us);
}

void probe_due(struct timer *timer, uint64_t now_us)
{
	struct peer *p = container_of(timer, struct peer, probe);
	struct node_link *link = p->link;
	uint64_t again_us;

	if (!peer_answers(p, now_us)) {
		timer_set(&p->n->heap, timer, now_us + SILENT_US);
		return;
	}
	if (!budget_admits(link, now_us, BABEL_NEED_ROUTINE, link->config.mtu, &again_us)) {
		timer_set(&p->n->heap, timer, again_us);
		return;
	}
	size_t size = path_next(&p->path, now_us, p->heard_us, (uint16_t)random_u32(&p->n->random));
	if (size) {
		p->n->counters.probes_sent++;
		control_probe(p, now_us, p->path.id, size - NODE_OVERHEAD);
		budget_frame_said(link, now_us, BABEL_NEED_ROUTINE, size);
	}
	probe_set_timer(p, now_us);
}

void probe_answered(struct peer *p, uint64_t now_us, uint16_t id, size_t size)
{
	if (!p->is_up || !peer_is_probed(p))
		return;
	path_confirmed(&p->path, now_us, id, size);
	probe_set_timer(p, now_us);
}
