#include "sim/world/nat.h"

#include "sim/world/world.h"

#include <stdlib.h>
#include <string.h>

#define NAT_NET 100 /* first byte of outer addresses */
#define NAT_PORT_MIN 20000
#define HOST_LEN 4 /* of an endpoint; then its port */

static struct endpoint outer(const struct nat_box *b, uint16_t port)
{
	return (struct endpoint){ 6, { NAT_NET, (uint8_t)(b->host >> 16), (uint8_t)(b->host >> 8), (uint8_t)b->host,
					     (uint8_t)(port >> 8), (uint8_t)port } };
}

struct nat_box *nat_new(enum nat_kind kind, bool hairpins, unsigned host)
{
	struct nat_box *b = world_alloc(sizeof(*b));

	b->kind = kind;
	b->hairpins = hairpins;
	b->users = 1;
	b->host = host;
	b->last_port = NAT_PORT_MIN - 1;
	return b;
}

struct nat_box *nat_share(struct nat_box *b)
{
	b->users++;
	return b;
}

void nat_free(struct nat_box *b)
{
	if (!b || --b->users > 0)
		return;
	free(b->flows);
	free(b);
}

void nat_forget(struct nat_box *b)
{
	b->flow_count = 0;
}

bool nat_has_address(const struct nat_box *b, const struct endpoint *e)
{
	struct endpoint any = outer(b, 0);

	return e->len == any.len && memcmp(any.bytes, e->bytes, HOST_LEN) == 0;
}

bool nat_leads_to(const struct nat_box *b, const struct port *inner, const struct endpoint *e)
{
	bool leads = b->users == 1;

	for (unsigned i = 0; i < b->flow_count && !leads; i++) {
		struct endpoint open = outer(b, b->flows[i].port);

		leads = b->flows[i].inner == inner && endpoint_equal(&open, e);
	}
	return leads && nat_has_address(b, e);
}

static void expire(struct nat_box *b, uint64_t now_us)
{
	for (unsigned i = 0; i < b->flow_count;) {
		if (now_us - b->flows[i].used_us > WORLD_NAT_IDLE_US)
			b->flows[i] = b->flows[--b->flow_count];
		else
			i++;
	}
}

static uint16_t fresh_port(struct nat_box *b)
{
	if (++b->last_port < NAT_PORT_MIN)
		b->last_port = NAT_PORT_MIN;
	return b->last_port;
}

/* An independent box has one port for an inner one as long as anything of it is open. */
static uint16_t port_for_new(struct nat_box *b, const struct port *inner)
{
	for (unsigned i = 0; i < b->flow_count; i++)
		if (b->kind == NAT_INDEPENDENT && b->flows[i].inner == inner)
			return b->flows[i].port;
	return fresh_port(b);
}

static struct nat_flow *flow_new(struct nat_box *b)
{
	if (b->flow_count == b->flow_capacity) {
		b->flow_capacity = b->flow_capacity ? 2 * b->flow_capacity : 4;
		b->flows = realloc(b->flows, b->flow_capacity * sizeof(*b->flows));
		if (!b->flows)
			abort();
	}
	return &b->flows[b->flow_count++];
}

/* What is open to that end; NULL: nothing. */
static struct nat_flow *flow_find(struct nat_box *b, uint64_t now_us, const struct port *inner,
	const struct segment *segment, unsigned end, const struct endpoint *to)
{
	expire(b, now_us);
	for (unsigned i = 0; i < b->flow_count; i++) {
		struct nat_flow *f = &b->flows[i];

		if (f->inner == inner && f->segment == segment && f->end == end && endpoint_equal(&f->to, to))
			return f;
	}
	return NULL;
}

struct endpoint nat_out(struct nat_box *b, uint64_t now_us, const struct port *inner, const struct segment *segment,
	unsigned end, const struct endpoint *to)
{
	struct nat_flow *f = flow_find(b, now_us, inner, segment, end, to);

	if (!f) {
		uint16_t port = port_for_new(b, inner);

		f = flow_new(b);
		*f = (struct nat_flow){ .inner = inner, .segment = segment, .end = end, .port = port, .to = *to };
	}
	f->used_us = now_us;
	return outer(b, f->port);
}

bool nat_in(struct nat_box *b, uint64_t now_us, const struct port *inner, const struct segment *segment, unsigned end,
	const struct endpoint *from, const struct endpoint *to)
{
	struct nat_flow *f = flow_find(b, now_us, inner, segment, end, from);
	struct endpoint open = outer(b, f ? f->port : 0);

	if (!f || !endpoint_equal(&open, to))
		return false;
	f->used_us = now_us;
	return true;
}
