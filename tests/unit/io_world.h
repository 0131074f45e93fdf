/*
 * Three daemons without sockets, joined by segments in virtual time:
 *
 *        radio0              radio1
 *   car ════════ relay ─────────────── city
 *        fibre0
 *
 * Virtual time starts a minute ago, so that it is over when the answers, which
 * read the real clock, are made.
 */
#ifndef TESTS_UNIT_IO_WORLD_H
#define TESTS_UNIT_IO_WORLD_H

#include "tests/unit/io_daemon.h"

#include <jansson.h>

#define MEMBERS 3
#define SEGMENTS 3
#define FRAMES_MAX 4096
#define DELAY_US 1000

enum member_name { CAR, RELAY, CITY };
enum segment_name { RADIO0, FIBRE0, RADIO1 };

struct world;
struct member {
	struct world *w;
	unsigned index;
	struct daemon *d;
};
struct flight {
	uint64_t due_us;
	unsigned to, link, from;
	size_t len;
	uint8_t *frame;
};
struct world {
	struct place *place;
	uint64_t now_us;
	struct secret_authority authority;
	struct member members[MEMBERS];
	bool is_cut[SEGMENTS];
	struct flight flights[FRAMES_MAX];
	size_t head, tail;
	unsigned events;
};

/* Which link of which member is on a segment; -1: not on it. */
static const int world_map[SEGMENTS][MEMBERS] = {
	[RADIO0] = { 0, 0, -1 },
	[FIBRE0] = { 1, 1, -1 },
	[RADIO1] = { -1, 2, 0 },
};
static const char *const world_names[SEGMENTS] = { "radio0", "fibre0", "radio1" };

static inline void world_send(void *user, unsigned link, const struct endpoint *to, struct bytes frame)
{
	struct member *m = user;
	struct world *w = m->w;

	for (unsigned s = 0; s < SEGMENTS; s++) {
		if (world_map[s][m->index] != (int)link || w->is_cut[s])
			continue;
		for (unsigned i = 0; i < MEMBERS; i++) {
			if (i == m->index || world_map[s][i] < 0 || (to && to->bytes[0] != i + 1))
				continue;
			struct flight *f = &w->flights[w->tail++ % FRAMES_MAX];
			assert_true(w->tail - w->head < FRAMES_MAX);
			*f = (struct flight){ w->now_us + DELAY_US, i, (unsigned)world_map[s][i], m->index, frame.len,
				malloc(frame.len + NODE_TAILROOM) };
			memcpy(f->frame, frame.data, frame.len);
		}
	}
}

static inline void world_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	(void)user, (void)encoded, (void)proof;
}

static inline void world_bytes(void *user, struct bytes bytes)
{
	(void)user, (void)bytes;
}

static inline void world_route(void *user, const struct node_kernel_route *route)
{
	(void)user, (void)route;
}

static inline void world_seqno(void *user, uint32_t seqno)
{
	(void)user, (void)seqno;
}

static inline void world_event(void *user, enum node_event event, unsigned link, const char *text)
{
	(void)event, (void)link, (void)text;
	((struct member *)user)->w->events++;
}

static inline void world_run(struct world *w, uint64_t span_us)
{
	uint64_t end_us = w->now_us + span_us;

	for (;;) {
		uint64_t next_us = end_us;

		for (unsigned i = 0; i < MEMBERS; i++)
			if (w->members[i].d->node) {
				uint64_t due_us = node_poll(w->members[i].d->node, w->now_us);

				next_us = due_us < next_us ? due_us : next_us;
			}
		if (w->head < w->tail && w->flights[w->head % FRAMES_MAX].due_us < next_us)
			next_us = w->flights[w->head % FRAMES_MAX].due_us;
		w->now_us = next_us > w->now_us ? next_us : w->now_us;
		while (w->head < w->tail && w->flights[w->head % FRAMES_MAX].due_us <= w->now_us) {
			struct flight f = w->flights[w->head++ % FRAMES_MAX];
			struct endpoint from = { .len = 1, .bytes = { (uint8_t)(f.from + 1) } };

			if (w->members[f.to].d->node)
				node_frames_in(w->members[f.to].d->node, w->now_us, f.link,
					&(struct node_frame){ from, f.frame, f.len }, 1);
			free(f.frame);
		}
		if (w->now_us >= end_us)
			return;
	}
}

static inline void world_link(struct world *w, unsigned member, unsigned segment)
{
	struct daemon *d = w->members[member].d;
	unsigned id = (unsigned)world_map[segment][member];
	struct config_link *c = &d->config.links[id];
	bool wired = segment == FIBRE0;
	struct node_link_config config = { .mtu = 1500,
		.rate_bps = c->rate_bps,
		.beacon = true,
		.wired = wired,
		.rxcost = wired ? 96 : 256,
		.hello_ms = 500,
		.update_s = 16,
		.dead_misses = 6 };

	snprintf(c->name, sizeof(c->name), "%s", world_names[segment]);
	snprintf(config.name, sizeof(config.name), "%s", world_names[segment]);
	d->ports[id] = (struct port){ .d = d, .id = id, .config = c, .state = PORT_UP, .node_mtu = 1500 };
	d->config.link_count = d->port_count = d->port_count > id + 1 ? d->port_count : id + 1;
	assert_int_equal(node_link_add(d->node, w->now_us, id, &config), 0);
	node_link_set_up(d->node, w->now_us, id, true);
}

/* A process with the member's enrolment, without links. */
static inline void member_boot_bare(struct world *w, unsigned i)
{
	static const struct node_output output = { .send = world_send,
		.deliver = world_bytes,
		.kernel_route = world_route,
		.store_seqno = world_seqno,
		.store_certificate = world_certificate,
		.event = world_event };
	struct member *m = &w->members[i];
	const struct node_config config = {
		.enrolment = &m->d->enrolment, .time_floor = m->d->state.floor, .random = kernel_random
	};

	m->d->node = node_new(&config, &output, m, w->now_us);
	assert_non_null(m->d->node);
}

static inline void member_start(struct world *w, unsigned i, const char *name, enum level level)
{
	struct member *m = &w->members[i];

	*m = (struct member){ .w = w, .index = i, .d = daemon_make(w->place) };
	m->d->state.is_writable = true;
	member_make(&m->d->enrolment, &w->authority, name, level);
	member_boot_bare(w, i);
}

static inline void member_links(struct world *w, unsigned i)
{
	for (unsigned s = 0; s < SEGMENTS; s++)
		if (world_map[s][i] >= 0)
			world_link(w, i, s);
}

static inline void member_boot(struct world *w, unsigned i)
{
	member_boot_bare(w, i);
	member_links(w, i);
}

static inline struct world *world_new(struct place *p)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->place = p;
	w->now_us = io_now_us() - 60 * SECOND_US;
	authority_generate(&w->authority, &kernel_random);
	member_start(w, CAR, "car", LEVEL_SCENE);
	member_start(w, RELAY, "relay", LEVEL_TOWN);
	member_start(w, CITY, "city-1", LEVEL_CITY);
	for (unsigned i = 0; i < MEMBERS; i++)
		member_links(w, i);
	return w;
}

static inline void member_stop(struct world *w, unsigned i)
{
	struct daemon *d = w->members[i].d;

	if (d->node)
		node_free(d->node);
	d->node = NULL;
}

static inline void world_free(struct world *w)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		member_stop(w, i);
		daemon_unmake(w->members[i].d);
	}
	while (w->head < w->tail)
		free(w->flights[w->head++ % FRAMES_MAX].frame);
	free(w);
}

/* What the daemon answers: one line of JSON. */
static inline json_t *asked(struct daemon *d, const char *request)
{
	struct asker asker = { 0 };
	char *line = control_answer(d, bytes_of(request, strlen(request)), &asker);

	assert_non_null(line);
	size_t len = strlen(line);
	assert_int_equal(line[len - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + len - 1); /* one line */
	json_t *answer = json_loads(line, 0, NULL);
	assert_non_null(answer);
	free(line);
	return answer;
}

/* "" if there is none. */
static inline const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

#endif
