/* A plan's file as written: values as text. Private to the reader (plan.c). */
#ifndef SIM_WORLD_PLAN_TEXT_H
#define SIM_WORLD_PLAN_TEXT_H

#include "sim/scenario.h"
#include "sim/scenario_text.h"

struct plan_text_way {
	char *leave, *at, *speed;
	char **to;
	unsigned to_count;
};

struct plan_text_classes {
	char **rules, **limits;
	unsigned rules_count, limits_count;
};

struct plan_text_guest {
	char *agency, *term;
	char **to;
	unsigned to_count;
};

struct plan_text_node {
	char *name, *level, *power, *battery, *expires, *plain;
	char **position;
	unsigned position_count;
	struct plan_text_way *mobility;
	unsigned mobility_count;
	char **prefixes, **watch;
	unsigned prefixes_count, watch_count;
	struct plan_text_classes *classes; /* NULL: not written */
	struct plan_text_guest *guest; /* likewise */
};

struct plan_text_link {
	struct text_link link; /* as the lab has it */
	char *mesh, *cost, *nat, *box, *hairpin, *calls, *introductions, *range;
	char **essential;
	unsigned essential_count;
};

struct plan_text_event {
	char *at, *every, *until, *order;
};

struct plan_text_flow {
	char *name, *class, *from, *to, *start, *end, *every, *size;
};

struct plan_text_file {
	char *name, *class, *from, *to, *start, *size;
};

struct plan_text_reach {
	char *from, *to, *class, *after, *every, *within;
};

struct plan_text_limit {
	char *what, *after, *at_most;
};

struct plan_text_group {
	char *name, *class, *rate, *frame, *budget, *talk, *pause, *start, *end;
	char **members;
	unsigned members_count;
};

struct plan_text_share {
	char *link, *kind, *after, *over, *at_most;
};

struct plan_text_carried {
	char *link, *class, *at_most;
};

struct plan_text_whole {
	char *class, *after, *within;
};

struct plan_text_revoked {
	char *node, *at, *class, *after, *within;
};

struct plan_text_outage {
	char *node, *site, *mark, *after, *at_least, *within;
};

struct plan_text_delivered {
	char *from, *to, *after, *within;
};

struct plan_text_arrives {
	char *file, *within;
};

struct plan_text_guard {
	char *node, *to, *met, *after, *at_most;
};

/* One of them is given. */
struct plan_text_expect {
	struct plan_text_reach *reach;
	struct plan_text_limit *gap, *lost, *fallen, *moves, *usable;
	struct plan_text_share *share;
	struct plan_text_carried *carried;
	struct plan_text_whole *whole;
	struct plan_text_arrives *arrives;
	struct plan_text_delivered *delivered;
	struct plan_text_revoked *revoked, *known;
	struct plan_text_outage *outage;
	struct plan_text_guard *sessions, *entries, *routed, *relayed, *floor;
};

struct plan_text_faults {
	char *from, *until, *every, *power;
};

struct plan_text_attack {
	char *name, *kind, *link, *node, *of, *sources, *from, *until, *by, *rate, *count;
};

struct plan_text_tree {
	char *nodes, *seed;
};

struct plan_text_crowd {
	char *hub, *nodes, *preset;
};

struct plan_text {
	char *seed, *duration, *linger, *acquainted, *budget;
	struct plan_text_tree *tree;
	struct plan_text_crowd *crowds;
	unsigned crowds_count;
	struct plan_text_node *nodes;
	unsigned nodes_count;
	struct plan_text_link *links;
	unsigned links_count;
	struct plan_text_event *events;
	unsigned events_count;
	struct plan_text_faults *faults;
	struct plan_text_flow *flows;
	unsigned flows_count;
	struct plan_text_file *files;
	unsigned files_count;
	struct plan_text_group *groups;
	unsigned groups_count;
	struct plan_text_expect *expect;
	unsigned expect_count;
	struct plan_text_attack *attacks;
	unsigned attacks_count;
};

/* 0, or -EINVAL with the line in outline->error. */
int plan_text_load(struct plan_text **t, struct bytes text, struct outline *o);
void plan_text_free(struct plan_text *t);

#endif
