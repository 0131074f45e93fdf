/* One look at the node, taken once per request, and how its values appear in JSON. */
#include "meshd/io/control.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void peer_take(void *arg, const struct node_peer_info *info)
{
	struct view *v = arg;

	if (v->peer_count < NODE_PEER_MAX)
		v->peers[v->peer_count++] = *info;
}

static void neighbour_take(void *arg, const struct babel_neighbour_info *info)
{
	struct view *v = arg;

	if (v->neighbour_count < NODE_PEER_MAX)
		v->neighbours[v->neighbour_count++] = *info;
}

/* Without memory the rest is left out: an answer is never worth the daemon. */
static void route_take(void *arg, const struct babel_route_info *info)
{
	struct view *v = arg;

	if (v->route_count == v->route_capacity) {
		size_t capacity = v->route_capacity ? v->route_capacity * 2 : 64;
		struct babel_route_info *more = realloc(v->routes, capacity * sizeof(*more));

		if (!more)
			return;
		v->routes = more;
		v->route_capacity = capacity;
	}
	v->routes[v->route_count++] = *info;
}

static int route_compare(const void *a, const void *b)
{
	const struct babel_route_info *x = a, *y = b;
	int order = prefix_compare(&x->route.prefix, &y->route.prefix);

	if (!order)
		order = (x->route.class > y->route.class) - (x->route.class < y->route.class);
	if (order)
		return order;
	if (x->selected != y->selected)
		return x->selected ? -1 : 1;
	return (x->route.metric > y->route.metric) - (x->route.metric < y->route.metric);
}

struct view *view_new(struct daemon *d)
{
	struct view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->d = d;
	v->node = d->node;
	v->now_us = io_now_us();
	node_dump_peers(d->node, peer_take, v);
	babel_dump_neighbours(node_babel(d->node), neighbour_take, v);
	return v;
}

void view_routes(struct view *v, unsigned classes)
{
	v->route_count = 0;
	for (unsigned class = 0; class < BABEL_CLASSES; class ++)
		if (classes >> class & 1)
			babel_dump_routes(node_babel(v->node), v->now_us, (enum babel_class) class, route_take, v);
	if (v->route_count)
		qsort(v->routes, v->route_count, sizeof(*v->routes), route_compare);
}

void view_free(struct view *v)
{
	free(v->routes);
	free(v->members);
	free(v);
}

const struct node_peer_info *view_peer(const struct view *v, unsigned link, const struct address *neighbour)
{
	for (size_t i = 0; i < v->peer_count; i++) {
		struct address address = node_neighbour_address(&v->peers[i].rid);

		if (v->peers[i].link == link && address_equal(&address, neighbour))
			return &v->peers[i];
	}
	return NULL;
}

const struct babel_neighbour_info *view_neighbour(const struct view *v, unsigned link, const router_id *rid)
{
	struct address address = node_neighbour_address(rid);

	for (size_t i = 0; i < v->neighbour_count; i++)
		if (v->neighbours[i].link == link && address_equal(&v->neighbours[i].address, &address))
			return &v->neighbours[i];
	return NULL;
}

bool view_is_plain(const struct view *v, unsigned link)
{
	return link < v->d->config.link_count && v->d->config.links[link].type == CONFIG_BABEL;
}

const struct babel_neighbour_info *view_plain(const struct view *v, unsigned link, const struct address *neighbour)
{
	if (!view_is_plain(v, link))
		return NULL;
	for (size_t i = 0; i < v->neighbour_count; i++)
		if (v->neighbours[i].link == link && address_equal(&v->neighbours[i].address, neighbour))
			return &v->neighbours[i];
	return NULL;
}

uint64_t view_heard_us(const struct view *v, unsigned link, const struct address *neighbour)
{
	const struct node_peer_info *peer = view_peer(v, link, neighbour);
	const struct babel_neighbour_info *plain = view_plain(v, link, neighbour);

	return peer ? peer->last_heard_us : plain ? plain->last_heard_us : 0;
}

/* By keys: a node's router-id may change with its restarts. */
bool view_is_direct(const struct view *v, const struct babel_route_info *r)
{
	const struct node_peer_info *peer = view_peer(v, r->route.link, &r->route.neighbour);
	const struct certificate *origin = node_certificate_of(v->node, &r->route.origin);

	return peer && origin && memcmp(&peer->certificate->key, &origin->key, sizeof(origin->key)) == 0;
}

static int place_compare(const struct babel_route_info *r, const struct prefix *prefix, enum babel_class class)
{
	int order = prefix_compare(&r->route.prefix, prefix);

	return order ? order : (r->route.class > class) - (r->route.class < class);
}

/* The selected entry is the first of its prefix and class. */
const struct babel_route_info *view_selected(const struct view *v, const struct prefix *prefix, enum babel_class class)
{
	size_t low = 0, high = v->route_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (place_compare(&v->routes[middle], prefix, class) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == v->route_count || place_compare(&v->routes[low], prefix, class) != 0)
		return NULL;
	return v->routes[low].selected ? &v->routes[low] : NULL;
}

json_t *view_classes(const struct view *v, const struct prefix *prefix)
{
	json_t *classes = json_array();

	for (unsigned class = 0; class < BABEL_CLASSES; class ++)
		if (view_selected(v, prefix, (enum babel_class) class))
			json_array_append_new(classes, json_string(traffic_class_name(class)));
	return classes;
}

bool view_prefix_is_own(const struct view *v, const struct prefix *prefix)
{
	struct prefix match;

	return node_lookup(v->node, &prefix->address, &match) == NODE_VERDICT_OWN && prefix_equal(&match, prefix);
}

const char *view_name(const struct view *v, const router_id *rid, char text[VIEW_NAME])
{
	const struct certificate *c = node_certificate_of(v->node, rid);

	if (c) {
		snprintf(text, VIEW_NAME, "%s", c->name);
		return text;
	}
	for (size_t i = 0; i < sizeof(rid->bytes); i++)
		snprintf(text + 2 * i, 3, "%02x", rid->bytes[i]);
	return text;
}

const char *view_neighbour_name(
	const struct view *v, unsigned link, const struct address *neighbour, char text[VIEW_NAME])
{
	const struct node_peer_info *peer = view_peer(v, link, neighbour);

	char address[ADDRESS_TEXT];

	if (peer)
		return view_name(v, &peer->rid, text);
	snprintf(text, VIEW_NAME, "%s",
		view_is_plain(v, link) ? address_format(neighbour, address) : "a lost neighbour");
	return text;
}

const char *view_link_name(const struct view *v, unsigned link)
{
	return link < v->d->config.link_count ? v->d->config.links[link].name : "?";
}

unsigned view_neighbours(const struct view *v, unsigned link)
{
	unsigned count = 0;

	for (size_t i = 0; i < v->peer_count; i++)
		count += v->peers[i].link == link && v->peers[i].is_up;
	for (size_t i = 0; i < v->neighbour_count && view_is_plain(v, link); i++)
		count += v->neighbours[i].link == link && v->neighbours[i].cost[BABEL_TEXT] != BABEL_INFINITY;
	return count;
}

unsigned view_neighbours_all(const struct view *v)
{
	unsigned count = 0;

	for (unsigned i = 0; i < v->d->port_count; i++)
		count += view_neighbours(v, i);
	return count;
}

const char *view_port_error(const struct port *p, char what[PORT_ERROR_MAX])
{
	snprintf(what, PORT_ERROR_MAX, "%s", p->error);
	char *remedy = strrchr(what, ';');
	if (remedy)
		*remedy++ = 0;
	while (remedy && *remedy == ' ')
		remedy++;
	return remedy && *remedy ? remedy : "see meshctl links";
}

static int member_compare_names(const void *a, const void *b)
{
	const struct certificate *x = ((const struct view_member *)a)->certificate;
	const struct certificate *y = ((const struct view_member *)b)->certificate;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->serial < y->serial) - (x->serial > y->serial); /* latest first */
}

static int member_compare(const void *a, const void *b)
{
	const struct certificate *x = ((const struct view_member *)a)->certificate;
	const struct certificate *y = ((const struct view_member *)b)->certificate;

	return x->level != y->level ? (x->level > y->level) - (x->level < y->level) : member_compare_names(a, b);
}

static void member_count(void *arg, const struct certificate *c)
{
	(void)c;
	((struct view *)arg)->member_count++;
}

static void member_take(void *arg, const struct certificate *c)
{
	struct view *v = arg;

	v->members[v->member_count++] = (struct view_member){ .certificate = c };
}

void view_members(struct view *v)
{
	node_dump_certificates(v->node, member_count, v);
	v->members = calloc(v->member_count + 1, sizeof(*v->members));
	v->member_count = 0;
	if (!v->members)
		return;
	node_dump_certificates(v->node, member_take, v);
	qsort(v->members, v->member_count, sizeof(*v->members), member_compare_names);
	for (size_t i = 1; i < v->member_count; i++)
		v->members[i].is_replaced =
			strcmp(v->members[i].certificate->name, v->members[i - 1].certificate->name) == 0;
	for (size_t i = 0; i < v->member_count; i++) {
		v->members[i].is_out = node_is_revoked(v->node, v->members[i].certificate);
		v->members[i].is_over = node_guest_has_ended(v->node, v->members[i].certificate);
	}
	qsort(v->members, v->member_count, sizeof(*v->members), member_compare);
}

struct address view_address_of(const struct view *v, const struct certificate *c)
{
	return identity_address(&c->key, v->d->enrolment.authority.deployment);
}

bool view_is_own(const struct view *v, const struct certificate *c)
{
	return memcmp(c->key.dh, v->d->enrolment.certificate.key.dh, KEY_LEN) == 0;
}

json_t *json_metric(uint16_t metric)
{
	return metric == BABEL_INFINITY ? json_null() : json_integer(metric);
}

json_t *json_age_s(uint64_t now_us, uint64_t then_us)
{
	/* Tenths: more is not known, and nobody reads it. */
	uint64_t tenths = (now_us > then_us ? now_us - then_us : 0) / 100000;

	return then_us ? json_real((double)tenths / 10) : json_null();
}

json_t *json_of_text(const char *text)
{
	json_t *o = json_string(text);

	return o ? o : json_string("not text");
}

json_t *json_base64(struct bytes b)
{
	char text[sodium_base64_ENCODED_LEN(REVOCATION_MAX_LEN, sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof(text), b.data, b.len, sodium_base64_VARIANT_ORIGINAL);
	return json_string(text);
}

json_t *json_address(const struct address *a)
{
	char text[ADDRESS_TEXT];

	return json_string(address_format(a, text));
}

json_t *json_prefix(const struct prefix *p)
{
	char text[PREFIX_TEXT];

	return json_string(prefix_format(p, text));
}

/* Newest in bit 15. What came before the oldest hello that is remembered is not a loss. */
json_t *json_peer_loss(uint16_t history)
{
	unsigned sent = 16, heard = 0;

	if (!history)
		return json_null();
	while (!(history >> (16 - sent) & 1))
		sent--;
	for (unsigned bits = history; bits; bits &= bits - 1)
		heard++;
	return json_integer((json_int_t)((sent - heard) * 100 / sent));
}
