/* "classes": the rules by which packets are put into classes here, the limits, and what came of both. */
#include "meshd/io/control.h"

static const char *limit_kind(enum traffic_limit_kind kind)
{
	static const char *const names[] = {
		[TRAFFIC_LIMIT_DEFAULT] = "usual", [TRAFFIC_LIMIT_NONE] = "none", [TRAFFIC_LIMIT_STATED] = "stated"
	};

	return names[kind];
}

static json_t *rules_make(const struct view *v)
{
	const struct config_classes *c = &v->d->config.classes;
	json_t *rules = json_array();

	for (unsigned i = 0; i < c->policy.rule_count; i++)
		json_array_append_new(rules, json_pack("{s:s, s:s, s:I}", "rule", c->rules[i], "class",
						     traffic_class_name(c->policy.rules[i].class), "packets",
						     (json_int_t)node_rule_packets(v->node, i)));
	return rules;
}

/* Neighbours that sent more of the class than they may. */
static json_t *offenders_make(const struct view *v, unsigned class)
{
	json_t *offenders = json_array();
	char name[VIEW_NAME];

	for (size_t i = 0; i < v->peer_count; i++) {
		const struct node_peer_info *peer = &v->peers[i];

		if (peer->over_limit[class])
			json_array_append_new(offenders,
				json_pack("{s:s, s:s, s:I}", "name", view_name(v, &peer->rid, name), "link",
					view_link_name(v, peer->link), "packets", (json_int_t)peer->over_limit[class]));
	}
	return offenders;
}

static json_t *class_make(const struct view *v, unsigned class)
{
	const struct traffic_limit *limit = &v->d->config.classes.policy.limits[class];
	bool is_stated = limit->kind == TRAFFIC_LIMIT_STATED;
	json_t *o = json_pack("{s:s, s:s, s:I, s:o}", "class", traffic_class_name(class), "limit",
		limit_kind(limit->kind), "over_limit", (json_int_t)node_counters(v->node)->over_limit[class],
		"offenders", offenders_make(v, class));

	json_object_set_new(o, "rate_bps", is_stated ? json_integer((json_int_t)limit->rate_bps) : json_null());
	json_object_set_new(o, "burst_ms", is_stated ? json_integer(limit->burst_ms) : json_null());
	return o;
}

json_t *answer_classes(struct view *v, const json_t *request)
{
	json_t *classes = json_array();

	(void)request;
	for (unsigned class = 0; class < TRAFFIC_CLASSES; class ++)
		json_array_append_new(classes, class_make(v, class));
	return json_pack("{s:b, s:o, s:o, s:I}", "ok", 1, "rules", rules_make(v), "classes", classes, "fallen",
		(json_int_t)node_counters(v->node)->packets_fallen);
}
