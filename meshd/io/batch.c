#include "meshd/io/io.h"

static bool is_within(const void *start, size_t size, const uint8_t *at)
{
	return (uintptr_t)at - (uintptr_t)start < size;
}

/* Does it stay where it is until the call into the node returns? */
static bool stays(const struct daemon *d, struct bytes b)
{
	return is_within(d->tun.room, sizeof(d->tun.room), b.data) ||
	       is_within(d->batch.room, sizeof(d->batch.room), b.data) ||
	       is_within(d->frames, sizeof(d->frames), b.data);
}

static void hops_flush(struct batch *b)
{
	for (unsigned i = 0; i < b->hop_count; i++) {
		struct batch_hop *h = &b->hops[i];

		port_send_batch(h->port, &h->to, h->frames, h->count);
		h->count = 0;
	}
	b->hop_count = 0;
}

static struct batch_hop *hop_find(struct batch *b, struct port *port, const struct endpoint *to)
{
	for (unsigned i = b->hop_count; i-- > 0;)
		if (b->hops[i].port == port && endpoint_equal(&b->hops[i].to, to))
			return &b->hops[i];
	if (b->hop_count == BATCH_HOPS)
		hops_flush(b);
	struct batch_hop *h = &b->hops[b->hop_count++];
	h->port = port;
	h->to = *to;
	h->count = 0;
	return h;
}

bool batch_frame(struct daemon *d, struct port *port, const struct endpoint *to, struct bytes frame)
{
	struct batch *b = &d->batch;

	if (!to || !stays(d, frame)) {
		hops_flush(b);
		return false;
	}
	struct batch_hop *h = hop_find(b, port, to);
	h->frames[h->count++] = frame;
	if (h->count == BATCH_FRAMES)
		hops_flush(b);
	return true;
}

bool batch_packet(struct daemon *d, struct bytes packet)
{
	struct batch *b = &d->batch;

	if (!d->tun.has_header || !stays(d, packet)) {
		tun_flush(d);
		return false;
	}
	if (!merge_add(&b->packets, (uint8_t *)packet.data, packet.len)) {
		tun_flush(d);
		merge_add(&b->packets, (uint8_t *)packet.data, packet.len);
	}
	return true;
}

void batch_flush(struct daemon *d)
{
	hops_flush(&d->batch);
	tun_flush(d);
}
