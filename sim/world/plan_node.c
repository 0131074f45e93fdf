/* Nodes of a plan: who they are, what they live on, where they are and where they go. */
#include "sim/world/plan_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MIN (24 * 60)
#define MINUTE_US (60 * UINT64_C(1000000))

/* Days since 1970 of a day of the Gregorian calendar. Years begin in March, so that the leap day is their last. */
static unsigned days_since_1970(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month > 2 ? year : year - 1, m = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

int plan_date_parse(uint32_t *minutes, const char *text)
{
	static const unsigned char lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year, month = 1, day = 1;
	int len = 0;

	if (strspn(text, "0123456789-") != strlen(text))
		return -EINVAL;
	if (strlen(text) == 4)
		sscanf(text, "%4u%n", &year, &len);
	else
		sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &len);
	if (len == 0 || text[len] || year < 1970 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
		return -EINVAL;
	*minutes = days_since_1970(year, month, day) * DAY_MIN;
	return 0;
}

static int power_read(struct plan_reading *r, int n)
{
	static const char *const words[] = { "on", "mains", "battery", "off" };
	const struct plan_text_node *text = &r->text->nodes[n];
	struct plan_node *node = plan_node_at(r, n);
	const char *power = text->power ? text->power : "on";
	unsigned i = 0;

	while (i < 4 && strcmp(power, words[i]) != 0)
		i++;
	if (i == 4)
		return outline_complain(&r->outline, "nodes", n, "power",
			"node \"%s\": power is on (or mains), battery or off, not \"%.40s\"", node->name, power);
	if (text->battery && (link_duration_parse(&node->battery_us, text->battery) || !node->battery_us))
		return outline_complain(&r->outline, "nodes", n, "battery",
			"node \"%s\": \"%.40s\" is not how long a battery lasts; write battery: 6h", node->name,
			text->battery);
	if (i == 2 && !text->battery)
		return outline_complain(&r->outline, "nodes", n, "power",
			"node \"%s\": how long does its battery last? write battery: 6h", node->name);
	node->power = i < 3;
	/* What is off and has a battery comes without mains. */
	node->has_mains = i < 2 || (i == 3 && !text->battery);
	return 0;
}

static int place_read(struct position *p, char *const *text, unsigned count)
{
	return count == 2 && place_length_parse(&p->x_m, text[0]) == 0 && place_length_parse(&p->y_m, text[1]) == 0
		       ? 0
		       : -EINVAL;
}

static int way_complain(struct plan_reading *r, int n, unsigned i, const char *what)
{
	return outline_complain(&r->outline, "nodes", n, "mobility", "node \"%s\": way-point %u: %s",
		plan_node_at(r, n)->name, i + 1, what);
}

static int way_point_read(
	struct plan_reading *r, int n, unsigned i, const struct way_point *before, struct way_point *w)
{
	const struct plan_text_way *text = &r->text->nodes[n].mobility[i];
	double speed_mps;

	w->from = before->to;
	w->leave_us = before->arrive_us;
	if (place_read(&w->to, text->to, text->to_count))
		return way_complain(r, n, i, "where? write to: [4km, 1.5km]");
	if (text->leave && link_duration_parse(&w->leave_us, text->leave))
		return way_complain(r, n, i, "leave is a time; write leave: 60 (seconds after the start)");
	if (w->leave_us < before->arrive_us)
		return way_complain(r, n, i, "it leaves before it has come there; put them in order of time");
	if (text->leave && w->leave_us >= r->plan->duration_us)
		return way_complain(r, n, i, "it leaves when everything is over; write for: with a longer time");
	if (!text->at == !text->speed)
		return way_complain(r, n, i, "how does it go there? write either at: 300 or speed: 40km/h");
	if (text->speed && place_speed_parse(&speed_mps, text->speed))
		return way_complain(r, n, i, "that is not a speed; write speed: 40km/h or 5m/s");
	if (text->at && link_duration_parse(&w->arrive_us, text->at))
		return way_complain(r, n, i, "at is a time; write at: 300 (seconds after the start)");
	if (text->speed)
		w->arrive_us = way_arrival_us(w, speed_mps);
	if (w->arrive_us < w->leave_us)
		return way_complain(r, n, i, "it is there before it leaves; put them in order of time");
	return 0;
}

static int places_read(struct plan_reading *r, int n)
{
	const struct plan_text_node *text = &r->text->nodes[n];
	struct plan_node *node = plan_node_at(r, n);
	int error = 0;

	node->has_place = text->position_count > 0;
	if (node->has_place && place_read(&node->place, text->position, text->position_count))
		return outline_complain(&r->outline, "nodes", n, "position",
			"node \"%s\": that is not a place; write position: [4km, 1.5km] (east, north)", node->name);
	if (!text->mobility_count)
		return 0;
	if (!node->has_place)
		return outline_complain(&r->outline, "nodes", n, "mobility",
			"node \"%s\": where does it begin? write position: [0, 0]", node->name);
	node->way = calloc(text->mobility_count, sizeof(*node->way));
	if (!node->way)
		return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	struct way_point before = { .to = node->place };
	for (; node->way_count < text->mobility_count && !error; node->way_count++) {
		struct way_point w = { 0 };

		error = way_point_read(r, n, node->way_count, &before, &w);
		node->way[node->way_count] = before = w;
	}
	return error;
}

static int class_complain(struct plan_reading *r, int n, const char *what, const char *text, const char *wrong)
{
	return outline_complain(&r->outline, "nodes", n, "classes", "node \"%s\": %s \"%.80s\" %s",
		plan_node_at(r, n)->name, what, text, wrong);
}

/* As in a node's configuration. */
static int classes_read(struct plan_reading *r, int n)
{
	const struct plan_text_classes *text = r->text->nodes[n].classes;
	struct plan_node *node = plan_node_at(r, n);
	const char *wrong = NULL;

	if (!text)
		return 0;
	node->classes = calloc(1, sizeof(*node->classes));
	if (!node->classes)
		return outline_complain(&r->outline, NULL, -1, NULL, "out of memory");
	for (unsigned i = 0; i < text->rules_count; i++) {
		wrong = traffic_rule_parse(&node->classes->rules[node->classes->rule_count++], text->rules[i]);
		if (wrong)
			return class_complain(r, n, "rule", text->rules[i], wrong);
	}
	for (unsigned i = 0; i < text->limits_count; i++) {
		struct traffic_limit limit;
		unsigned class = 0;

		wrong = config_parse_limit(&class, &limit, text->limits[i]);
		if (wrong)
			return class_complain(r, n, "limit", text->limits[i], wrong);
		node->classes->limits[class] = limit;
	}
	return 0;
}

int plan_node_read(struct plan_reading *r, int n)
{
	const struct plan_text_node *text = &r->text->nodes[n];
	struct plan_node *node = plan_node_at(r, n);

	if (!plan_name_is_good(text->name, PLAN_NAME_MAX))
		return outline_complain(
			&r->outline, "nodes", n, "name", "a node needs a name of 1 to 31 letters, digits, . _ or -");
	if (plan_find_node(r->plan, text->name, strlen(text->name)) >= 0)
		return outline_complain(
			&r->outline, "nodes", n, "name", "there are two nodes \"%s\"; rename one", text->name);
	snprintf(node->name, sizeof(node->name), "%s", text->name);
	r->plan->node_count++;
	node->level = LEVEL_TOWN;
	if (text->level && level_parse(&node->level, text->level))
		return outline_complain(&r->outline, "nodes", n, "level",
			"node \"%s\": level is city, district, town or scene, not \"%.40s\"", node->name, text->level);
	if (text->expires && plan_date_parse(&node->expires_min, text->expires))
		return outline_complain(&r->outline, "nodes", n, "expires",
			"node \"%s\": \"%.40s\" is not a day; write expires: 2040-01-31", node->name, text->expires);
	node->is_plain = text->plain && strcmp(text->plain, "yes") == 0;
	if (text->plain && !node->is_plain && strcmp(text->plain, "no") != 0)
		return outline_complain(&r->outline, "nodes", n, "plain",
			"node \"%s\": plain is yes (it repeats its routes as RFC 8966 has it) or no", node->name);
	for (unsigned i = 0; i < text->prefixes_count; i++)
		if (prefix_parse(&node->prefixes[node->prefix_count++], text->prefixes[i]))
			return outline_complain(&r->outline, "nodes", n, "prefixes",
				"node \"%s\": \"%.60s\" is not a prefix; write 10.7.1.0/24 or fd01::/64", node->name,
				text->prefixes[i]);
	int error = power_read(r, n);
	if (!error)
		error = classes_read(r, n);
	return error ? error : places_read(r, n);
}

int plan_watch_read(struct plan_reading *r, int n)
{
	const struct plan_text_node *text = &r->text->nodes[n];
	struct plan_node *node = plan_node_at(r, n);

	for (unsigned i = 0; i < text->watch_count; i++) {
		int found = plan_find_node(r->plan, text->watch[i], strlen(text->watch[i]));

		if (found < 0 || &r->plan->nodes[found] == node)
			return outline_complain(&r->outline, "nodes", n, "watch",
				"node \"%s\": there is no other node \"%.40s\" to watch; name one", node->name,
				text->watch[i]);
		node->watch[node->watch_count++] = (unsigned)found;
	}
	return 0;
}

static int guest_complain(struct plan_reading *r, int n, const char *what)
{
	return outline_complain(&r->outline, "nodes", n, "guest", "node \"%s\": %s", plan_node_at(r, n)->name, what);
}

int plan_guest_read(struct plan_reading *r, int n)
{
	const struct plan_text_guest *text = r->text->nodes[n].guest;
	struct plan_node *node = plan_node_at(r, n);
	uint64_t term_us;

	if (!text)
		return 0;
	if (!text->agency || !*text->agency || strlen(text->agency) > NAME_MAX_LEN)
		return guest_complain(r, n, "whose guest is it? write agency: fire");
	if (!text->term || link_duration_parse(&term_us, text->term) || term_us < MINUTE_US)
		return guest_complain(r, n, "for how long? write for: 10min (a minute at least)");
	if (!text->to_count)
		return guest_complain(r, n, "whom may it meet? write to: [NODE]");
	snprintf(node->guest_agency, sizeof(node->guest_agency), "%s", text->agency);
	node->guest_min = (uint32_t)(term_us / MINUTE_US);
	for (unsigned i = 0; i < text->to_count; i++) {
		int found = plan_find_node(r->plan, text->to[i], strlen(text->to[i]));

		if (found < 0 || found == n)
			return guest_complain(r, n, "to names a node that is not there, or itself");
		node->guest_to[node->guest_to_count++] = (unsigned)found;
	}
	return 0;
}
