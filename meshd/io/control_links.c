/* "links": what each configured link is doing, what to do about it, and who is there. */
#include "meshd/io/control.h"

#include <errno.h>
#include <string.h>

struct link_find {
	unsigned id;
	bool is_found;
	struct node_link_info info;
};

static void link_take(void *arg, const struct node_link_info *info)
{
	struct link_find *find = arg;

	if (info->id != find->id)
		return;
	find->is_found = true;
	find->info = *info;
}

static json_t *neighbour_make(const struct view *v, const struct node_peer_info *peer)
{
	const struct babel_neighbour_info *n = view_neighbour(v, peer->link, &peer->rid);
	char name[VIEW_NAME], endpoint[ENDPOINT_TEXT];
	uint32_t rtt_tenths = n ? n->rtt_us / 100 : 0;
	json_t *o = json_pack("{s:s, s:o, s:s, s:b, s:o, s:o}", "name", view_name(v, &peer->rid, name), "address",
		json_address(&peer->address), "endpoint", endpoint_format(&peer->endpoint, endpoint), "up", peer->is_up,
		"up_s", json_age_s(v->now_us, peer->is_up ? peer->up_since_us : 0), "heard_s",
		json_age_s(v->now_us, peer->last_heard_us));

	json_object_set_new(o, "cost", n ? json_metric(n->cost[BABEL_TEXT]) : json_null());
	json_object_set_new(o, "cost_in", n ? json_metric(n->rxcost) : json_null());
	json_object_set_new(o, "cost_out", n ? json_metric(n->txcost) : json_null());
	json_object_set_new(o, "rtt_ms", n && n->has_rtt ? json_real((double)rtt_tenths / 10) : json_null());
	json_object_set_new(o, "loss_percent",
		n ? json_peer_loss(n->unicast_history ? n->unicast_history : n->hello_history) : json_null());
	json_object_set_new(o, "routes", json_integer(n ? (json_int_t)n->routes : 0));
	json_object_set_new(o, "mtu", json_integer((json_int_t)peer->frame_max));
	json_object_set_new(o, "probed", json_boolean(peer->is_probed));
	json_object_set_new(o, "introduced_by",
		peer->is_introduced ? json_string(view_name(v, &peer->introducer, name)) : json_null());
	return o;
}

/* --- members that are met, or not, on a neighbour's word -------------------------------- */

struct meetings {
	const struct view *v;
	unsigned link;
	json_t *all;
};

static void meeting_add(void *arg, const struct node_meeting_info *info)
{
	struct meetings *m = arg;
	char name[VIEW_NAME], endpoint[ENDPOINT_TEXT];

	if (info->link != m->link || !info->certificate)
		return;
	json_array_append_new(
		m->all, json_pack("{s:s, s:s, s:s, s:b, s:i, s:o}", "name", info->certificate->name, "introduced_by",
				view_name(m->v, &info->introducer, name), "endpoint",
				endpoint_format(&info->endpoint, endpoint), "direct", info->is_direct, "tries",
				info->tries, "called_s", json_age_s(m->v->now_us, info->called_us)));
}

static json_t *meetings_make(const struct view *v, unsigned link)
{
	struct meetings m = { .v = v, .link = link, .all = json_array() };

	node_dump_meetings(v->node, meeting_add, &m);
	return m.all;
}

/* A router that is no member: it has an address on the link, and no name. */
static json_t *plain_make(const struct view *v, const struct babel_neighbour_info *n)
{
	char address[ADDRESS_TEXT];
	uint32_t rtt_tenths = n->rtt_us / 100;
	json_t *o = json_pack("{s:s, s:o, s:s, s:b, s:b, s:n, s:o}", "name", address_format(&n->address, address),
		"address", json_address(&n->address), "endpoint", address, "plain", 1, "up",
		n->cost[BABEL_TEXT] != BABEL_INFINITY, "up_s", "heard_s", json_age_s(v->now_us, n->last_heard_us));

	json_object_set_new(o, "cost", json_metric(n->cost[BABEL_TEXT]));
	json_object_set_new(o, "cost_in", json_metric(n->rxcost));
	json_object_set_new(o, "cost_out", json_metric(n->txcost));
	json_object_set_new(o, "rtt_ms", n->has_rtt ? json_real((double)rtt_tenths / 10) : json_null());
	json_object_set_new(
		o, "loss_percent", json_peer_loss(n->hello_history ? n->hello_history : n->unicast_history));
	json_object_set_new(o, "routes", json_integer((json_int_t)n->routes));
	return o;
}

static json_t *neighbours_make(const struct view *v, unsigned link)
{
	json_t *all = json_array();

	for (size_t i = 0; i < v->neighbour_count && view_is_plain(v, link); i++)
		if (v->neighbours[i].link == link)
			json_array_append_new(all, plain_make(v, &v->neighbours[i]));

	for (size_t i = 0; i < v->peer_count; i++)
		if (v->peers[i].link == link)
			json_array_append_new(all, neighbour_make(v, &v->peers[i]));
	return all;
}

static json_t *remotes_make(const struct port *p)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < p->config->peer_count; i++) {
		const struct remote *r = &p->remotes[i];
		char endpoint[ENDPOINT_TEXT];
		json_t *o = json_pack("{s:s, s:i}", "host", p->config->peers[i].host, "port", p->config->peers[i].port);

		if (r->count)
			json_object_set_new(
				o, "endpoint", json_string(endpoint_format(&r->addresses[r->current], endpoint)));
		else
			json_object_set_new(o, "endpoint", json_null());
		json_object_set_new(o, "lookup_failed", json_boolean(r->is_failed));
		json_array_append_new(all, o);
	}
	return all;
}

/* Only what happened: twenty zeros hide the one number that matters. */
static json_t *drops_make(const struct node_drops *drops)
{
	json_t *all = json_object();
	const char *name;

	for (unsigned i = 0;; i++) {
		uint64_t count = node_drop_at(drops, i, &name);

		if (!name)
			return all;
		if (count)
			json_object_set_new(all, name, json_integer((json_int_t)count));
	}
}

/* What became of packets under the keys of the link; null: it has none, or is down. */
static json_t *mac_make(const struct babel_mac_counters *c)
{
	json_t *all = json_object();

	if (!c) {
		json_decref(all);
		return json_null();
	}
#define MAC_COUNTER_ADD(name)                                                                                          \
	if (c->name)                                                                                                   \
		json_object_set_new(all, #name, json_integer((json_int_t)c->name));
	BABEL_MAC_COUNTERS(MAC_COUNTER_ADD)
#undef MAC_COUNTER_ADD
	return all;
}

/* What the queue of the link holds, has sent and has lost; lanes that had nothing are left out. */
static json_t *lanes_make(const struct node_link_info *info)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < NODE_LANES; i++) {
		const struct node_lane_info *l = &info->lanes[i];

		if (!l->sent_bytes && !l->packets && !l->full && !l->late && !l->gone)
			continue;
		json_object_set_new(all, node_lane_name(i),
			json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "waiting", (json_int_t)l->packets,
				"waiting_bytes", (json_int_t)l->bytes, "sent_bytes", (json_int_t)l->sent_bytes, "full",
				(json_int_t)l->full, "late", (json_int_t)l->late, "gone", (json_int_t)l->gone, "marked",
				(json_int_t)l->marked));
	}
	return all;
}

static void traffic_add(json_t *o, const struct node_link_info *info)
{
	json_object_set_new(o, "learned_bps", json_integer((json_int_t)info->learned_bps));
	json_object_set_new(o, "is_shaped", json_boolean(info->config.is_shaped));
	json_object_set_new(o, "control_permille", json_integer((json_int_t)info->control_permille));
	json_object_set_new(o, "lanes", lanes_make(info));
	json_object_set_new(o, "tx_frames", json_integer((json_int_t)info->tx_frames));
	json_object_set_new(o, "tx_bytes", json_integer((json_int_t)info->tx_bytes));
	json_object_set_new(o, "rx_frames", json_integer((json_int_t)info->rx_frames));
	json_object_set_new(o, "rx_bytes", json_integer((json_int_t)info->rx_bytes));
	json_object_set_new(o, "drops", drops_make(&info->drops));
}

/* What a serial line or a modem program did that it should not. */
static json_t *line_make(const struct port *p)
{
	const struct line_counters *l = &p->line;
	const struct {
		const char *name;
		uint64_t count;
	} counts[] = { { "rubbish_bytes", l->rubbish_bytes }, { "queue_dropped", l->queue_dropped },
		{ "stuck", l->stuck }, { "restarts", l->restarts }, { "stations_changed", l->stations_changed } };
	json_t *all = json_object();
	const char *name;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].count)
			json_object_set_new(all, counts[i].name, json_integer((json_int_t)counts[i].count));
	for (unsigned i = 0; p->config->type == CONFIG_SERIAL; i++) {
		uint64_t count = serial_rubbish_at(p, i, &name);

		if (!name)
			break;
		if (count)
			json_object_set_new(all, name, json_integer((json_int_t)count));
	}
	return all;
}

/* What the link is on: an interface, a device, a program. */
static const char *beneath(const struct port *p)
{
	const struct config_link *c = p->config;

	if (c->type == CONFIG_SERIAL)
		return c->serial.device;
	return c->type == CONFIG_PIPE ? config_pipe_word(&c->pipe, 0) : c->interface;
}

static json_t *link_make(const struct view *v, const struct port *p)
{
	const struct config_link *c = p->config;
	struct link_find find = { .id = p->id };
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:b}", "name", c->name, "type",
		port_type_name(c->type), "interface", beneath(p), "state", port_state_name(p->state), "trouble",
		p->state == PORT_UP ? "" : p->error, "mtu", p->node_mtu, "rate_bps", (json_int_t)c->rate_bps, "metered",
		c->metered);

	node_dump_links(v->node, link_take, &find);
	traffic_add(o, &find.info); /* zeros while the node does not have it */
	json_object_set_new(o, "preset", json_string(c->preset));
	json_object_set_new(o, "least_cost", json_metric(find.is_found ? find.info.config.rxcost : BABEL_INFINITY));
	json_object_set_new(o, "rx_lost", json_integer((json_int_t)p->rx_dropped));
	json_object_set_new(o, "tx_errors", json_integer((json_int_t)p->tx_errors));
	json_object_set_new(o, "tx_error", json_string(p->tx_errors ? strerror(p->tx_errno) : ""));
	json_object_set_new(o, "mac", mac_make(node_mac_counters(v->node, p->id)));
	json_object_set_new(o, "line", line_make(p));
	json_object_set_new(o, "peers", remotes_make(p));
	json_object_set_new(o, "neighbours", neighbours_make(v, p->id));
	json_object_set_new(o, "introductions", meetings_make(v, p->id));
	return o;
}

json_t *answer_links(struct view *v, const json_t *request)
{
	json_t *links = json_array();

	(void)request;
	for (struct port *p = port_next(v->d, NULL); p; p = port_next(v->d, p))
		json_array_append_new(links, link_make(v, p));
	return json_pack(
		"{s:b, s:o, s:o}", "ok", 1, "links", links, "drops", drops_make(&node_counters(v->node)->drops));
}
