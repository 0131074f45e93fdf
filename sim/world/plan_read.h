/* The parts of the plan's reader. Each returns 0, or -EINVAL with the line in outline.error. */
#ifndef SIM_WORLD_PLAN_READ_H
#define SIM_WORLD_PLAN_READ_H

#include "sim/world/plan.h"
#include "sim/world/plan_text.h"

struct plan_reading {
	struct plan *plan;
	const struct plan_text *text;
	unsigned first_node, first_link; /* of the text that is read, in the plan */
	struct outline outline;
};

/* The node or link of the plan that is this one of the text. */
static inline struct plan_node *plan_node_at(const struct plan_reading *r, int n)
{
	return &r->plan->nodes[r->first_node + (unsigned)n];
}
static inline struct plan_link *plan_link_at(const struct plan_reading *r, int l)
{
	return &r->plan->links[r->first_link + (unsigned)l];
}

/* The number, or -1. */
int plan_find_node(const struct plan *p, const char *name, size_t len);
int plan_find_link(const struct plan *p, const char *name, size_t len);
bool plan_name_is_good(const char *name, size_t size);
/* A number from 1 to `most`; 0: it is none. NULL is none. */
unsigned plan_number_of(const char *text, unsigned most);

/* "2040-01-31", or a year alone, in minutes since 1970; -EINVAL. */
int plan_date_parse(uint32_t *minutes, const char *text);

/* plan_grow.c: the nodes and links of its tree or crowd; NULL: it has none. The caller frees it. */
int plan_grow(struct plan_reading *r, struct plan_text **grown);
int plan_node_read(struct plan_reading *r, int n); /* plan_node.c */
int plan_watch_read(struct plan_reading *r, int n); /* all nodes are there */
int plan_guest_read(struct plan_reading *r, int n); /* likewise */
int plan_link_read(struct plan_reading *r, int l); /* plan_link.c */
int plan_event_read(struct plan_reading *r, int e); /* plan_event.c */
int plan_order_read(struct plan_reading *r, int e); /* plan_order.c: event->text is there */
int plan_faults_read(struct plan_reading *r);
int plan_flow_read(struct plan_reading *r, int f); /* plan_traffic.c */
int plan_file_read(struct plan_reading *r, int f);
int plan_group_read(struct plan_reading *r, int g);
int plan_expect_read(struct plan_reading *r, int e); /* plan_expect.c */
int plan_guard_read(struct plan_reading *r, int e, const struct plan_text_guard *text); /* plan_guard.c */
int plan_attack_read(struct plan_reading *r, int a); /* plan_attack.c */

/* Of entry `i` in a section; without text the value stays. */
int plan_time_read(struct plan_reading *r, const char *section, int i, const char *text, uint64_t *us);
int plan_class_read(struct plan_reading *r, const char *section, int i, const char *text, enum plan_class *class);
int plan_node_name_read(struct plan_reading *r, const char *section, int i, const char *text, unsigned *node);

#endif
