/*
 * Ports: links of a node as its configuration has them. A carrier that comes or goes
 * is told to the node, and when a message modem takes the next one; what a port
 * sends and hears is in segment.c.
 */
#include "sim/world/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The modem has sent its message. */
static void port_ready(struct timer *timer, uint64_t now_us)
{
	struct port *p = container_of(timer, struct port, ready);

	if (!p->station->node)
		return;
	node_link_ready(p->station->node, now_us, p->number, 1);
	station_settle(p->station);
}

static void port_carrier_noticed(struct timer *timer, uint64_t now_us)
{
	struct port *p = container_of(timer, struct port, carrier);
	struct station *s = p->station;
	bool is_up = s->node && port_has_carrier(p);

	if (now_us < s->stalled_until_us) {
		station_timer_set(s, timer, s->stalled_until_us);
		return;
	}
	if (s->node && is_up != p->is_up) {
		p->is_up = is_up;
		station_note(s, 'C', p->number << 1 | is_up, bytes_of(NULL, 0));
		node_link_set_up(s->node, now_us, p->number, is_up);
		station_settle(s);
	}
}

/* As the daemon derives a node's link from its configuration. */
static struct node_link_config link_config_of(const struct config_link *c)
{
	struct node_link_config config = {
		.mtu = c->type == CONFIG_ETHERNET ? c->mtu - CONFIG_ETHERNET_OVERHEAD : c->mtu,
		.beacon = c->type == CONFIG_ETHERNET || c->discover,
		.is_thin = c->is_thin,
		.wired = c->cost == CONFIG_COST_WIRED,
		.rxcost = c->rxcost,
		.extra_cost = c->extra_cost,
		.rate_bps = c->rate_bps,
		.hello_ms = c->hello_ms,
		.idle_ms = c->idle_ms,
		.probe_ms = c->probe_ms,
		.update_s = c->update_s,
		.dead_misses = c->dead_misses,
		.keepalive_s = c->keepalive_s,
		.rtt = c->rtt,
		.probes_mtu = c->probes_mtu,
		.introduces = c->introduces,
		.is_introduced = c->is_introduced,
		.overhead = config_line_overhead(c),
		.is_shaped = c->is_shaped,
		.is_by_message = c->type == CONFIG_PIPE,
		.is_half_duplex = c->cost == CONFIG_COST_RADIO,
	};

	snprintf(config.name, sizeof(config.name), "%s", c->name);
	config.essential_count = c->essential_count;
	for (unsigned i = 0; i < c->essential_count; i++) {
		memcpy(config.essential[i].name, c->essential[i].name, sizeof(config.essential[i].name));
		config.essential[i].prefix = c->essential[i].prefix;
	}
	return config;
}

struct port *station_port_add(struct station *s, const struct config_link *config)
{
	struct port *p;

	if (s->port_count == NODE_LINK_MAX)
		return NULL;
	p = world_alloc(sizeof(*p));
	p->station = s;
	p->number = s->port_count;
	p->config = link_config_of(config);
	p->is_udp = config->type == CONFIG_UDP;
	snprintf(p->name, sizeof(p->name), "%s", config->name);
	p->self = (struct endpoint){ 6, { 10, (uint8_t)(s->index >> 16), (uint8_t)(s->index >> 8), (uint8_t)s->index,
						26, (uint8_t)s->port_count } };
	timer_init(&p->carrier, port_carrier_noticed);
	timer_init(&p->ready, port_ready);
	s->ports[s->port_count++] = p;
	return p;
}

int port_target_add(struct port *p, const struct endpoint *there)
{
	if (p->target_count == NODE_TARGET_MAX)
		return -ENOSPC;
	p->targets[p->target_count++] = *there;
	return 0;
}

void port_start(struct port *p)
{
	struct node *n = p->station->node;
	uint64_t now_us = p->station->w->now_us;

	if (node_link_add(n, now_us, p->number, &p->config))
		abort();
	p->is_up = port_has_carrier(p);
	if (p->pace_us)
		node_link_ready(n, now_us, p->number, 1);
	if (p->is_up)
		node_link_set_up(n, now_us, p->number, true);
	for (unsigned k = 0; k < p->target_count; k++)
		node_target_set(n, now_us, p->number, k, &p->targets[k]);
}

void port_stop(struct port *p)
{
	p->is_up = false;
	station_timer_set(p->station, &p->carrier, NEVER);
	station_timer_set(p->station, &p->ready, NEVER);
}

bool port_frame_is_data(const struct port *p, struct bytes frame)
{
	return node_frame_is_data(p->config.is_thin, frame);
}

size_t port_header_len(const struct port *p)
{
	if (!p->config.is_thin)
		return FRAME_HEADER;
	return thin_header_len(p->config.is_paired ? SESSION_THIN : SESSION_THIN_SHARED);
}
