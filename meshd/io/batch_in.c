#include "meshd/io/io.h"

#include <string.h>

_Static_assert(BATCH_IN_FRAMES == IO_BATCH, "each of them may have a room of its own");

void batch_in_begin(struct batch_in *in, struct port *port)
{
	in->port = port;
	in->now_us = io_now_us();
	in->count = in->all = 0;
}

static void hand_over(struct port *port, uint64_t now_us, struct node_frame *frames, size_t count)
{
	if (port->tap.is_on)
		tap_frames_in(port, now_us, frames, count);
	else
		node_frames_in(port->d->node, now_us, port->id, frames, count);
	batch_flush(port->d);
}

static void in_flush(struct batch_in *in)
{
	if (in->count)
		hand_over(in->port, in->now_us, in->frames, in->count);
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

void batch_in_one(struct port *port, uint64_t now_us, const struct endpoint *from, struct bytes frame)
{
	uint8_t *room = port->d->frames[0];

	memcpy(room, frame.data, frame.len);
	hand_over(port, now_us, &(struct node_frame){ *from, room, frame.len }, 1);
}
