/*
 * Frames from TAP to TAP. A frame that is read is offered to its link's model;
 * for each end that shall hear it a copy waits in the lab's deadline heap and is
 * written when due.
 *
 * A cut and a silence take what is in flight with them: each frame carries the
 * epoch of its link, and is lost when the link has moved on. All that is held is
 * bounded by LAB_IN_FLIGHT_MAX.
 */
#include "sim/lab.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READ_BATCH 64 /* frames of one interface before others have their turn */

struct lab_frame {
	struct timer timer;
	struct list list; /* lab->frames */
	struct lab *lab;
	struct lab_end *to;
	uint64_t epoch;
	uint32_t len;
	uint8_t data[];
};

static void frame_count(struct lab_counter *c, uint32_t len)
{
	c->frames++;
	c->bytes += len;
}

static void frame_free(struct lab_frame *f)
{
	timer_cancel(&f->lab->heap, &f->timer);
	list_remove(&f->list);
	f->lab->in_flight -= f->len;
	free(f);
}

/* The interface takes the frame, or is down or gone. */
static enum link_verdict frame_write(const struct lab_frame *f)
{
	const struct lab_end *to = f->to;

	if (f->epoch != to->link->epoch || to->watch.fd < 0 || !to->node->powered)
		return LINK_DROP_DOWN;
	if (to->line)
		return line_write(to, f->data, f->len) ? LINK_DELIVER : LINK_DROP_QUEUE;
	return write(to->watch.fd, f->data, f->len) == (ssize_t)f->len ? LINK_DELIVER : LINK_DROP_DOWN;
}

static void frame_due(struct timer *timer, uint64_t now_us)
{
	struct lab_frame *f = container_of(timer, struct lab_frame, timer);

	(void)now_us;
	frame_count(&f->to->fates[frame_write(f)], f->len);
	frame_free(f);
}

static enum link_verdict frame_hold(
	struct lab *lab, struct lab_end *to, const uint8_t *data, uint32_t len, uint64_t due_us)
{
	struct lab_frame *f = lab->in_flight + len <= LAB_IN_FLIGHT_MAX ? malloc(sizeof(*f) + len) : NULL;

	if (!f)
		return LINK_DROP_LAB;
	timer_init(&f->timer, frame_due);
	f->lab = lab;
	f->to = to;
	f->epoch = to->link->epoch;
	f->len = len;
	memcpy(f->data, data, len);
	list_init(&f->list);
	list_push_back(&lab->frames, &f->list);
	lab->in_flight += len;
	timer_set(&lab->heap, &f->timer, due_us);
	return LINK_DELIVER;
}

void emulator_drop_frames(struct lab *lab)
{
	list_for_each (at, next, &lab->frames)
		frame_free(list_entry(at, struct lab_frame, list));
}

void emulator_offer(struct lab *lab, struct lab_end *from, const uint8_t *data, uint32_t len)
{
	struct lab_link *link = from->link;
	struct link_fate fates[LINK_ENDS_MAX];

	frame_count(&from->offered, len);
	capture_frame(link->capture, data, len);
	link_model_offer(&link->model, lab_clock_us() - lab->start_us, from->index, -1, len, fates);
	for (unsigned to = 0; to < link->end_count; to++) {
		if (to == from->index)
			continue;
		enum link_verdict verdict = fates[to].verdict;
		if (verdict == LINK_DELIVER)
			verdict = frame_hold(lab, &link->ends[to], data, len, fates[to].due_us + lab->start_us);
		if (verdict != LINK_DELIVER)
			frame_count(&link->ends[to].fates[verdict], len);
	}
}

static void end_ready(struct lab *lab, struct lab_watch *watch, uint32_t events)
{
	struct lab_end *end = container_of(watch, struct lab_end, watch);
	uint8_t data[LAB_FRAME_MAX];

	(void)events;
	for (unsigned i = 0; i < READ_BATCH; i++) {
		ssize_t len = read(watch->fd, data, sizeof(data));

		if (len > 0) {
			emulator_offer(lab, end, data, (uint32_t)len);
		} else if (len == 0 || errno == EAGAIN || errno == EINTR) {
			return;
		} else {
			/* Somebody inside removed the interface. */
			journal_write(lab, "lab", "vanished %s:%s", end->node->conf->name, end->name);
			emulator_close_end(lab, end);
			emulator_update_carriers(lab);
			return;
		}
	}
}

/* A wire between two ends has a carrier only while both have power. */
static bool end_has_carrier(const struct lab_end *end)
{
	const struct lab_link *link = end->link;

	if (link->model.state == LINK_CUT)
		return false;
	for (unsigned i = 0; link->conf->preset->wired && link->end_count == 2 && i < 2; i++)
		if (!link->ends[i].node->powered || link->ends[i].unplugged)
			return false;
	return true;
}

void emulator_update_carriers(struct lab *lab)
{
	for (unsigned l = 0; l < lab->link_count; l++) {
		struct lab_link *link = &lab->links[l];

		for (unsigned e = 0; e < link->end_count; e++) {
			struct lab_end *end = &link->ends[e];
			int carrier = end_has_carrier(end);

			if (end->line || end->watch.fd < 0 || end->carrier == (carrier != 0))
				continue;
			if (ioctl(end->watch.fd, TUNSETCARRIER, &carrier))
				lab_complain("%s:%s: carrier: %s", end->node->conf->name, end->name, strerror(errno));
			end->carrier = carrier != 0;
		}
	}
}

void emulator_set_state(struct lab *lab, struct lab_link *link, enum link_state state)
{
	if (state != LINK_UP && link->model.state == LINK_UP)
		link->epoch++;
	link->model.state = state;
	emulator_update_carriers(lab);
}

int emulator_open_end(struct lab *lab, struct lab_end *end)
{
	if (end->link->conf->is_line)
		return line_open(lab, end);
	int fd = namespace_create_tap(lab, end);

	if (fd < 0)
		return -EIO;
	end->unplugged = false;
	return lab_watch_add(lab, &end->watch, fd, end_ready);
}

void emulator_close_end(struct lab *lab, struct lab_end *end)
{
	line_close(lab, end);
	lab_watch_close(lab, &end->watch);
	end->unplugged = true;
	end->carrier = false;
}

static void link_attach(struct lab *lab, struct lab_link *link, unsigned e)
{
	const struct scenario_end *conf = &link->conf->ends[e];
	struct lab_end *end = &link->ends[e];

	end->watch.fd = -1;
	end->link = link;
	end->index = e;
	end->node = &lab->nodes[conf->node];
	end->name = end->node->conf->interfaces[conf->interface].name;
	end->mac[0] = 0x02; /* locally administered */
	end->mac[1] = 'L';
	end->mac[3] = (uint8_t)(link - lab->links + 1);
	end->mac[5] = (uint8_t)(e + 1);
}

int emulator_open_link(struct lab *lab, struct lab_link *link, const struct scenario_link *conf, uint64_t seed)
{
	link->conf = conf;
	link->end_count = conf->end_count;
	memcpy(link->params, conf->params, sizeof(link->params));
	for (unsigned e = 0; e < link->end_count; e++)
		link_attach(lab, link, e);
	if (link_model_init(&link->model, link->end_count, conf->preset->shared, link->params, seed))
		return lab_complain("out of memory");
	for (unsigned i = 0; i < conf->deaf_count; i++)
		link_model_deafen(&link->model, conf->deaf[i].a, conf->deaf[i].b);
	link->model.state = conf->state;
	link->capture = capture_open(lab->out, conf->name);
	if (!link->capture)
		return -EIO;
	int error = 0;
	for (unsigned e = 0; e < link->end_count && !error; e++)
		error = emulator_open_end(lab, &link->ends[e]);
	return error;
}

void emulator_close_link(struct lab *lab, struct lab_link *link)
{
	for (unsigned e = 0; e < link->end_count; e++)
		emulator_close_end(lab, &link->ends[e]);
	capture_close(link->capture);
	link_model_done(&link->model);
}
