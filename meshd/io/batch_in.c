#include "meshd/io/io.h"

_Static_assert(BATCH_IN_FRAMES == IO_BATCH, "each of them may have a room of its own");

void batch_in_begin(struct batch_in *in, struct port *port)
{
	in->port = port;
	in->now_us = io_now_us();
	in->count = in->all = 0;
}

static void in_flush(struct batch_in *in)
{
	struct daemon *d = in->port->d;

	if (!in->count)
		return;
	node_frames_in(d->node, in->now_us, in->port->id, in->frames, in->count);
	batch_flush(d);
	in->count = 0;
}

void batch_in_add(struct batch_in *in, const struct endpoint *from, uint8_t *data, size_t len)
{
	in->frames[in->count++] = (struct node_frame){ *from, data, len };
	in->all++;
	if (in->count == BATCH_IN_FRAMES)
		in_flush(in);
}

unsigned batch_in_end(struct batch_in *in)
{
	in_flush(in);
	return in->all;
}
