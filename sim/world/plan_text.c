/* The schema of a plan for libcyaml. All values are text: what they mean is decided in plan.c. */
#include "sim/world/plan_text.h"

#include "sim/world/plan.h"

#define TEXT_FIELD(structure, key, member)                                                                             \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 0, CYAML_UNLIMITED)
#define LIST_FIELD(structure, key, member, schema, max)                                                                \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, schema, 0, max)
#define PART_FIELD(structure, key, member, fields)                                                                     \
	CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, fields)

static const cyaml_schema_value_t word_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t way_fields[] = {
	TEXT_FIELD(struct plan_text_way, "leave", leave),
	TEXT_FIELD(struct plan_text_way, "at", at),
	TEXT_FIELD(struct plan_text_way, "speed", speed),
	LIST_FIELD(struct plan_text_way, "to", to, &word_schema, 2),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t way_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_way, way_fields),
};

static const cyaml_schema_field_t classes_fields[] = {
	LIST_FIELD(struct plan_text_classes, "rules", rules, &word_schema, TRAFFIC_RULES_MAX),
	LIST_FIELD(struct plan_text_classes, "limits", limits, &word_schema, TRAFFIC_CLASSES),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t guest_fields[] = {
	TEXT_FIELD(struct plan_text_guest, "agency", agency),
	TEXT_FIELD(struct plan_text_guest, "for", term),
	LIST_FIELD(struct plan_text_guest, "to", to, &word_schema, CERTIFICATE_PREFIX_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t node_fields[] = {
	TEXT_FIELD(struct plan_text_node, "name", name),
	TEXT_FIELD(struct plan_text_node, "level", level),
	TEXT_FIELD(struct plan_text_node, "power", power),
	TEXT_FIELD(struct plan_text_node, "battery", battery),
	TEXT_FIELD(struct plan_text_node, "expires", expires),
	TEXT_FIELD(struct plan_text_node, "plain", plain),
	LIST_FIELD(struct plan_text_node, "position", position, &word_schema, 2),
	LIST_FIELD(struct plan_text_node, "mobility", mobility, &way_schema, PLAN_WAY_MAX),
	LIST_FIELD(struct plan_text_node, "prefixes", prefixes, &word_schema, CERTIFICATE_PREFIX_MAX),
	LIST_FIELD(struct plan_text_node, "watch", watch, &word_schema, PLAN_WATCH_MAX),
	PART_FIELD(struct plan_text_node, "classes", classes, classes_fields),
	PART_FIELD(struct plan_text_node, "guest", guest, guest_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t node_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_node, node_fields),
};

static const cyaml_schema_field_t link_fields[] = {
	TEXT_LINK_FIELDS(struct plan_text_link, link.),
	LIST_FIELD(struct plan_text_link, "ends", link.ends, &word_schema, LINK_ENDS_MAX),
	LIST_FIELD(struct plan_text_link, "deaf", link.deaf, &word_schema, PLAN_DEAF_MAX),
	TEXT_FIELD(struct plan_text_link, "mesh", mesh),
	TEXT_FIELD(struct plan_text_link, "cost", cost),
	TEXT_FIELD(struct plan_text_link, "nat", nat),
	TEXT_FIELD(struct plan_text_link, "box", box),
	TEXT_FIELD(struct plan_text_link, "hairpin", hairpin),
	TEXT_FIELD(struct plan_text_link, "calls", calls),
	TEXT_FIELD(struct plan_text_link, "introductions", introductions),
	TEXT_FIELD(struct plan_text_link, "range", range),
	LIST_FIELD(struct plan_text_link, "essential", essential, &word_schema, CONFIG_ESSENTIAL_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t link_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_link, link_fields),
};

static const cyaml_schema_field_t event_fields[] = {
	TEXT_FIELD(struct plan_text_event, "at", at),
	TEXT_FIELD(struct plan_text_event, "every", every),
	TEXT_FIELD(struct plan_text_event, "until", until),
	TEXT_FIELD(struct plan_text_event, "do", order),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t event_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_event, event_fields),
};

static const cyaml_schema_field_t faults_fields[] = {
	TEXT_FIELD(struct plan_text_faults, "from", from),
	TEXT_FIELD(struct plan_text_faults, "until", until),
	TEXT_FIELD(struct plan_text_faults, "every", every),
	TEXT_FIELD(struct plan_text_faults, "power", power),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t flow_fields[] = {
	TEXT_FIELD(struct plan_text_flow, "name", name),
	TEXT_FIELD(struct plan_text_flow, "class", class),
	TEXT_FIELD(struct plan_text_flow, "from", from),
	TEXT_FIELD(struct plan_text_flow, "to", to),
	TEXT_FIELD(struct plan_text_flow, "start", start),
	TEXT_FIELD(struct plan_text_flow, "end", end),
	TEXT_FIELD(struct plan_text_flow, "every", every),
	TEXT_FIELD(struct plan_text_flow, "size", size),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t flow_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_flow, flow_fields),
};

static const cyaml_schema_field_t file_fields[] = {
	TEXT_FIELD(struct plan_text_file, "name", name),
	TEXT_FIELD(struct plan_text_file, "class", class),
	TEXT_FIELD(struct plan_text_file, "from", from),
	TEXT_FIELD(struct plan_text_file, "to", to),
	TEXT_FIELD(struct plan_text_file, "start", start),
	TEXT_FIELD(struct plan_text_file, "size", size),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_file, file_fields),
};

static const cyaml_schema_field_t group_fields[] = {
	TEXT_FIELD(struct plan_text_group, "name", name),
	TEXT_FIELD(struct plan_text_group, "class", class),
	LIST_FIELD(struct plan_text_group, "members", members, &word_schema, PLAN_MEMBERS_MAX),
	TEXT_FIELD(struct plan_text_group, "rate", rate),
	TEXT_FIELD(struct plan_text_group, "frame", frame),
	TEXT_FIELD(struct plan_text_group, "budget", budget),
	TEXT_FIELD(struct plan_text_group, "talk", talk),
	TEXT_FIELD(struct plan_text_group, "pause", pause),
	TEXT_FIELD(struct plan_text_group, "start", start),
	TEXT_FIELD(struct plan_text_group, "end", end),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t group_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_group, group_fields),
};

static const cyaml_schema_field_t reach_fields[] = {
	TEXT_FIELD(struct plan_text_reach, "from", from),
	TEXT_FIELD(struct plan_text_reach, "to", to),
	TEXT_FIELD(struct plan_text_reach, "class", class),
	TEXT_FIELD(struct plan_text_reach, "after", after),
	TEXT_FIELD(struct plan_text_reach, "every", every),
	TEXT_FIELD(struct plan_text_reach, "within", within),
	CYAML_FIELD_END,
};

#define LIMIT_FIELDS(name, key)                                                                                        \
	static const cyaml_schema_field_t name[] = {                                                                   \
		TEXT_FIELD(struct plan_text_limit, key, what),                                                         \
		TEXT_FIELD(struct plan_text_limit, "after", after),                                                    \
		TEXT_FIELD(struct plan_text_limit, "at most", at_most),                                                \
		CYAML_FIELD_END,                                                                                       \
	}
LIMIT_FIELDS(flow_limit_fields, "flow");
LIMIT_FIELDS(node_limit_fields, "node");
LIMIT_FIELDS(group_limit_fields, "group");

static const cyaml_schema_field_t share_fields[] = {
	TEXT_FIELD(struct plan_text_share, "link", link),
	TEXT_FIELD(struct plan_text_share, "kind", kind),
	TEXT_FIELD(struct plan_text_share, "after", after),
	TEXT_FIELD(struct plan_text_share, "over", over),
	TEXT_FIELD(struct plan_text_share, "at most", at_most),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t carried_fields[] = {
	TEXT_FIELD(struct plan_text_carried, "link", link),
	TEXT_FIELD(struct plan_text_carried, "class", class),
	TEXT_FIELD(struct plan_text_carried, "at most", at_most),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t whole_fields[] = {
	TEXT_FIELD(struct plan_text_whole, "after", after),
	TEXT_FIELD(struct plan_text_whole, "within", within),
	TEXT_FIELD(struct plan_text_whole, "class", class),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t arrives_fields[] = {
	TEXT_FIELD(struct plan_text_arrives, "file", file),
	TEXT_FIELD(struct plan_text_arrives, "within", within),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t revoked_fields[] = {
	TEXT_FIELD(struct plan_text_revoked, "node", node),
	TEXT_FIELD(struct plan_text_revoked, "at", at),
	TEXT_FIELD(struct plan_text_revoked, "class", class),
	TEXT_FIELD(struct plan_text_revoked, "after", after),
	TEXT_FIELD(struct plan_text_revoked, "within", within),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t outage_fields[] = {
	TEXT_FIELD(struct plan_text_outage, "node", node),
	TEXT_FIELD(struct plan_text_outage, "site", site),
	TEXT_FIELD(struct plan_text_outage, "mark", mark),
	TEXT_FIELD(struct plan_text_outage, "after", after),
	TEXT_FIELD(struct plan_text_outage, "at least", at_least),
	TEXT_FIELD(struct plan_text_outage, "within", within),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t delivered_fields[] = {
	TEXT_FIELD(struct plan_text_delivered, "from", from),
	TEXT_FIELD(struct plan_text_delivered, "to", to),
	TEXT_FIELD(struct plan_text_delivered, "after", after),
	TEXT_FIELD(struct plan_text_delivered, "within", within),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t guard_fields[] = {
	TEXT_FIELD(struct plan_text_guard, "node", node),
	TEXT_FIELD(struct plan_text_guard, "to", to),
	TEXT_FIELD(struct plan_text_guard, "met", met),
	TEXT_FIELD(struct plan_text_guard, "after", after),
	TEXT_FIELD(struct plan_text_guard, "at most", at_most),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t expect_fields[] = {
	PART_FIELD(struct plan_text_expect, "reach", reach, reach_fields),
	PART_FIELD(struct plan_text_expect, "gap", gap, flow_limit_fields),
	PART_FIELD(struct plan_text_expect, "lost", lost, flow_limit_fields),
	PART_FIELD(struct plan_text_expect, "fallen", fallen, flow_limit_fields),
	PART_FIELD(struct plan_text_expect, "share", share, share_fields),
	PART_FIELD(struct plan_text_expect, "carried", carried, carried_fields),
	PART_FIELD(struct plan_text_expect, "moves", moves, node_limit_fields),
	PART_FIELD(struct plan_text_expect, "whole", whole, whole_fields),
	PART_FIELD(struct plan_text_expect, "arrives", arrives, arrives_fields),
	PART_FIELD(struct plan_text_expect, "delivered", delivered, delivered_fields),
	PART_FIELD(struct plan_text_expect, "usable", usable, group_limit_fields),
	PART_FIELD(struct plan_text_expect, "sessions", sessions, guard_fields),
	PART_FIELD(struct plan_text_expect, "entries", entries, guard_fields),
	PART_FIELD(struct plan_text_expect, "routed", routed, guard_fields),
	PART_FIELD(struct plan_text_expect, "relayed", relayed, guard_fields),
	PART_FIELD(struct plan_text_expect, "floor", floor, guard_fields),
	PART_FIELD(struct plan_text_expect, "revoked", revoked, revoked_fields),
	PART_FIELD(struct plan_text_expect, "known", known, revoked_fields),
	PART_FIELD(struct plan_text_expect, "outage", outage, outage_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t expect_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_expect, expect_fields),
};

static const cyaml_schema_field_t attack_fields[] = {
	TEXT_FIELD(struct plan_text_attack, "name", name),
	TEXT_FIELD(struct plan_text_attack, "do", kind),
	TEXT_FIELD(struct plan_text_attack, "link", link),
	TEXT_FIELD(struct plan_text_attack, "node", node),
	TEXT_FIELD(struct plan_text_attack, "of", of),
	TEXT_FIELD(struct plan_text_attack, "sources", sources),
	TEXT_FIELD(struct plan_text_attack, "from", from),
	TEXT_FIELD(struct plan_text_attack, "until", until),
	TEXT_FIELD(struct plan_text_attack, "by", by),
	TEXT_FIELD(struct plan_text_attack, "rate", rate),
	TEXT_FIELD(struct plan_text_attack, "count", count),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t attack_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_attack, attack_fields),
};

static const cyaml_schema_field_t tree_fields[] = {
	TEXT_FIELD(struct plan_text_tree, "nodes", nodes),
	TEXT_FIELD(struct plan_text_tree, "seed", seed),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t crowd_fields[] = {
	TEXT_FIELD(struct plan_text_crowd, "hub", hub),
	TEXT_FIELD(struct plan_text_crowd, "nodes", nodes),
	TEXT_FIELD(struct plan_text_crowd, "preset", preset),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t crowd_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_text_crowd, crowd_fields),
};

static const cyaml_schema_field_t plan_fields[] = {
	TEXT_FIELD(struct plan_text, "seed", seed),
	TEXT_FIELD(struct plan_text, "for", duration),
	TEXT_FIELD(struct plan_text, "linger", linger),
	TEXT_FIELD(struct plan_text, "acquainted", acquainted),
	TEXT_FIELD(struct plan_text, "budget", budget),
	PART_FIELD(struct plan_text, "tree", tree, tree_fields),
	LIST_FIELD(struct plan_text, "crowds", crowds, &crowd_schema, PLAN_CROWDS_MAX),
	LIST_FIELD(struct plan_text, "nodes", nodes, &node_schema, PLAN_NODES_MAX),
	LIST_FIELD(struct plan_text, "links", links, &link_schema, PLAN_LINKS_MAX),
	LIST_FIELD(struct plan_text, "events", events, &event_schema, PLAN_EVENTS_MAX),
	PART_FIELD(struct plan_text, "faults", faults, faults_fields),
	LIST_FIELD(struct plan_text, "flows", flows, &flow_schema, PLAN_FLOWS_MAX),
	LIST_FIELD(struct plan_text, "files", files, &file_schema, PLAN_FILES_MAX),
	LIST_FIELD(struct plan_text, "groups", groups, &group_schema, PLAN_GROUPS_MAX),
	LIST_FIELD(struct plan_text, "expect", expect, &expect_schema, PLAN_EXPECT_MAX),
	LIST_FIELD(struct plan_text, "attacks", attacks, &attack_schema, PLAN_ATTACKS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t plan_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct plan_text, plan_fields),
};

int plan_text_load(struct plan_text **t, struct bytes text, struct outline *o)
{
	int error = outline_load(o, text, plan_fields);

	*t = NULL;
	return error ? error : outline_values(o, text, &plan_schema, "meshsim(1)", (cyaml_data_t **)t);
}

void plan_text_free(struct plan_text *t)
{
	outline_free(t, &plan_schema);
}
