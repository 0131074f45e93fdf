/*
 * "reach DEST": does each class of traffic get there? With "start" questions are sent
 * (meshd/node/reach.c); what is known so far is answered at once, and asked for again
 * until nothing is pending.
 */
#include "meshd/io/control.h"

#define TEXT_MAX 512
#define FRESH_US SECOND_US /* what was answered so recently is not asked again */

static const char *rate_words(uint64_t bps, char text[32])
{
	config_format_rate(text, 32, bps);
	return text;
}

/* What is asked about. */
struct question {
	struct destination to;
	const char *name; /* for people */
	unsigned class;
};

static void slowest_say(const struct view *v, const struct node_reach *r, char *text, size_t size)
{
	char rate[32], from[VIEW_NAME], to[VIEW_NAME];

	if (r->slow_hop)
		snprintf(text, size, "; slowest: hop %u, %s to %s, %sbit/s", r->slow_hop,
			view_name(v, &r->slow_from, from), view_name(v, &r->slow_to, to),
			rate_words(r->slow_bps, rate));
	else
		snprintf(text, size, "%s", "");
}

static void works_say(const struct view *v, const struct node_reach *r, const struct question *q, char *text)
{
	char slowest[256], who[VIEW_NAME];
	const char *fell = !r->fell_there              ? r->fell_back ? "; the answer came by the way of text" : ""
			   : q->class == BABEL_COMMAND ? "; by the way of text for a part, and not before others there"
						       : "; by the way of text for a part";

	if (!r->hops) {
		snprintf(text, TEXT_MAX, "it is this node, or behind it");
		return;
	}
	slowest_say(v, r, slowest, sizeof(slowest));
	snprintf(text, TEXT_MAX, "%.1f ms there and back, %u hop%s%s%s%s%s%s", (double)r->rtt_us / 1000, r->hops,
		r->hops == 1 ? "" : "s", slowest, r->is_rate_unknown ? "; not all hops know their rate" : "", fell,
		r->end == NODE_REACH_EDGE ? "; answered by the gateway " : "",
		r->end == NODE_REACH_EDGE ? view_name(v, &r->ended_at, who) : "");
}

static void fails_say(const struct view *v, const struct node_reach *r, const struct question *q, char *text)
{
	char who[VIEW_NAME], to[VIEW_NAME], rate[32];
	const char *name = r->hops ? view_name(v, &r->ended_at, who) : "this node";

	if (r->end == NODE_REACH_NOT_ADMITTED)
		snprintf(text, TEXT_MAX, "hop %u, %s to %s, carries %sbit/s: too thin for %s (200 kbit/s)", r->hops,
			view_name(v, &r->slow_from, who), view_name(v, &r->slow_to, to), rate_words(r->slow_bps, rate),
			traffic_class_name(q->class));
	else if (r->end == NODE_REACH_TOO_FAR)
		snprintf(text, TEXT_MAX, "given up at %s after %u hops: it may be going in a circle", name, r->hops);
	else if (r->hops)
		snprintf(text, TEXT_MAX, "%s, hop %u, has no way to it; ask there: meshctl why %s %s", name, r->hops,
			q->name, traffic_class_name(q->class));
	else
		snprintf(text, TEXT_MAX, "this node has no way to it; meshctl why %s %s tells more", q->name,
			traffic_class_name(q->class));
}

static void unknown_say(const struct view *v, const struct node_reach *r, char *text)
{
	char who[VIEW_NAME];

	if (r->end == NODE_REACH_BUSY)
		snprintf(text, TEXT_MAX, "%s has no room for the question now, as routes come first; ask again",
			r->hops > 1 ? view_name(v, &r->ended_at, who) : "the link");
	else
		snprintf(text, TEXT_MAX, "a way is known, and nobody answers");
}

static const char *verdict_of(const struct node_reach *r)
{
	static const char *const verdicts[] = { [NODE_REACH_UNASKED] = "unknown",
		[NODE_REACH_WAITING] = "waiting",
		[NODE_REACH_WORKS] = "works",
		[NODE_REACH_FAILS] = "fails",
		[NODE_REACH_UNKNOWN] = "unknown" };

	return verdicts[r->state];
}

static const char *reason_of(const struct node_reach *r)
{
	static const char *const reasons[NODE_REACH_ENDS] = { "arrived", "gateway", "no way", "not admitted", "too far",
		"busy", "silent" };

	return r->state == NODE_REACH_UNASKED || r->state == NODE_REACH_WAITING ? "" : reasons[r->end];
}

static void reach_say(const struct view *v, const struct node_reach *r, const struct question *q, char text[TEXT_MAX])
{
	switch (r->state) {
	case NODE_REACH_WORKS:
		works_say(v, r, q, text);
		break;
	case NODE_REACH_FAILS:
		fails_say(v, r, q, text);
		break;
	case NODE_REACH_UNKNOWN:
		unknown_say(v, r, text);
		break;
	case NODE_REACH_WAITING:
		snprintf(text, TEXT_MAX, "no answer yet");
		break;
	case NODE_REACH_UNASKED:
		snprintf(text, TEXT_MAX, "not asked");
		break;
	}
}

static json_t *slowest_make(const struct view *v, const struct node_reach *r)
{
	char from[VIEW_NAME], to[VIEW_NAME];

	if (!r->slow_hop)
		return json_null();
	return json_pack("{s:i, s:I, s:s, s:s}", "hop", (int)r->slow_hop, "rate_bps", (json_int_t)r->slow_bps, "from",
		view_name(v, &r->slow_from, from), "to", view_name(v, &r->slow_to, to));
}

static json_t *class_make(const struct view *v, const struct node_reach *r, const struct question *q)
{
	char text[TEXT_MAX], who[VIEW_NAME];
	bool is_answered = r->state == NODE_REACH_WORKS || r->state == NODE_REACH_FAILS ||
			   (r->state == NODE_REACH_UNKNOWN && r->end == NODE_REACH_BUSY);

	reach_say(v, r, q, text);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b}", "class", traffic_class_name(q->class), "verdict",
		verdict_of(r), "reason", reason_of(r), "text", text, "fell", r->fell_there);
	json_object_set_new(o, "age_s", json_age_s(v->now_us, r->at_us));
	json_object_set_new(o, "worked_s", json_age_s(v->now_us, r->worked_us));
	json_object_set_new(o, "rtt_ms", r->rtt_us ? json_real((double)(r->rtt_us / 10) / 100) : json_null());
	json_object_set_new(o, "hops", is_answered ? json_integer(r->hops) : json_null());
	json_object_set_new(o, "answered_by", is_answered ? json_string(view_name(v, &r->ended_at, who)) : json_null());
	json_object_set_new(o, "slowest", slowest_make(v, r));
	return o;
}

static void class_ask(struct view *v, const struct address *to, unsigned class)
{
	struct node_reach r = node_reach(v->node, to, class);
	bool is_fresh = (r.state == NODE_REACH_WORKS || r.state == NODE_REACH_FAILS) && v->now_us < r.at_us + FRESH_US;

	if (!is_fresh)
		node_reach_ask(v->d->node, v->now_us, to, class); /* without memory: unknown */
}

json_t *answer_reach(struct view *v, const json_t *request)
{
	bool starts = json_is_true(json_object_get(request, "start")), is_pending = false;
	char address[ADDRESS_TEXT];
	struct question q;
	unsigned only;

	json_t *error = destination_of(v, request, &q.to);
	if (!error)
		error = class_of(request, BABEL_CLASSES, &only);
	if (error)
		return error;
	address_format(&q.to.prefix.address, address);
	q.name = q.to.certificate ? q.to.certificate->name : address;
	json_t *classes = json_array();
	for (q.class = 0; q.class < BABEL_CLASSES; q.class ++) {
		if (only < BABEL_CLASSES && q.class != only)
			continue;
		if (starts)
			class_ask(v, &q.to.prefix.address, q.class);
		struct node_reach r = node_reach(v->node, &q.to.prefix.address, q.class);
		is_pending |= r.state == NODE_REACH_WAITING;
		json_array_append_new(classes, class_make(v, &r, &q));
	}
	return json_pack("{s:b, s:o, s:s, s:s, s:b, s:o}", "ok", 1, "dest", json_prefix(&q.to.prefix), "address",
		address, "name", q.to.certificate ? q.to.certificate->name : "", "pending", is_pending, "classes",
		classes);
}
