/*
 * /metrics: the answers of the control socket in the text form of Prometheus
 * (exposition format 0.0.4). Names and units are by its conventions: seconds,
 * bytes, ratios, _total for what only grows. What is not known has no sample;
 * it is never a zero.
 */
#include "meshd/io/collect.h"
#include "meshd/io/page.h"

#include <stdlib.h>
#include <string.h>

#define FRESH_US SECOND_US

struct exposition {
	FILE *out;
	json_t *status, *links, *alarms, *outages, *mail;
};

/* --- words ---------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void family(const struct exposition *w, const char *name, const char *type, const char *help)
{
	fprintf(w->out, "# HELP meshd_%s %s\n# TYPE meshd_%s %s\n", name, help, name, type);
}

/* One label; the first has no comma before it. */
static void label(const struct exposition *w, char before, const char *name, const char *value)
{
	fprintf(w->out, "%c%s=\"", before, name);
	for (; *value; value++)
		if (*value == '\n')
			fputs("\\n", w->out);
		else
			fprintf(w->out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	fputc('"', w->out);
}

/* Integers whole, others by what a double has. */
static void value(const struct exposition *w, double number)
{
	fprintf(w->out, number == (double)(int64_t)number ? "} %.0f\n" : "} %.9g\n", number);
}

static double number_of(const json_t *member)
{
	return json_is_boolean(member) ? json_is_true(member) : json_number_value(member);
}

/* A sample of what an object has under `key`; null and nothing are left out. */
static void sample(const struct exposition *w, const char *name, const char *label1, const char *value1,
	const char *label2, const char *value2, const json_t *member, double scale)
{
	if (!json_is_number(member) && !json_is_boolean(member))
		return;
	fprintf(w->out, "meshd_%s", name);
	label(w, '{', label1, value1);
	if (label2)
		label(w, ',', label2, value2);
	value(w, number_of(member) * scale);
}

static void alone(const struct exposition *w, const char *name, const char *type, const char *help, double number)
{
	family(w, name, type, help);
	fprintf(w->out, "meshd_%s %.0f\n", name, number);
}

/* A number of each object of a list. */
struct column {
	const char *key, *name, *type, *help;
	double scale;
};

static void columns(const struct exposition *w, const json_t *list, const char *label1, const char *name_key,
	const struct column *all, size_t count)
{
	const json_t *o;
	size_t i;

	for (const struct column *c = all; c < all + count; c++) {
		family(w, c->name, c->type, c->help);
		json_array_foreach (list, i, o)
			sample(w, c->name, label1, text_of(o, name_key), NULL, NULL, json_object_get(o, c->key),
				c->scale);
	}
}

/* --- this node, levels and sites ------------------------------------------------------------------- */

static void node_write(const struct exposition *w)
{
	const json_t *traffic = json_object_get(w->status, "traffic"), *alarm;
	static const char *const directions[] = { "in", "delivered", "forwarded" };
	size_t i;

	family(w, "build_info", "gauge", "Version, and whose metrics these are.");
	fputs("meshd_build_info", w->out);
	label(w, '{', "version", text_of(w->status, "version"));
	label(w, ',', "name", text_of(w->status, "name"));
	label(w, ',', "level", text_of(w->status, "level"));
	value(w, 1);
	alone(w, "uptime_seconds", "gauge", "Since the daemon started.",
		number_of(json_object_get(w->status, "uptime_s")));
	alone(w, "healthy", "gauge", "1: neither alone nor degraded.",
		strcmp(text_of(w->status, "verdict"), "healthy") == 0);
	alone(w, "neighbours", "gauge", "Sessions that live, over all links.",
		number_of(json_object_get(w->status, "neighbours")));
	alone(w, "handshakes_total", "counter", "Handshakes completed.",
		number_of(json_object_get(traffic, "handshakes_completed")));
	family(w, "packets_total", "counter", "Packets from this host, to it, and forwarded for others.");
	for (i = 0; i < sizeof(directions) / sizeof(directions[0]); i++) {
		char key[32];

		snprintf(key, sizeof(key), "packets_%s", directions[i]);
		sample(w, "packets_total", "direction", directions[i], NULL, NULL, json_object_get(traffic, key), 1);
	}
	family(w, "alarm", "gauge", "1 for each alarm that is raised and is not under another.");
	json_array_foreach (json_object_get(w->alarms, "alarms"), i, alarm) {
		if (!json_is_null(json_object_get(alarm, "under")))
			continue;
		fputs("meshd_alarm", w->out);
		label(w, '{', "grade", text_of(alarm, "grade"));
		label(w, ',', "kind", text_of(alarm, "kind"));
		label(w, ',', "subject", text_of(alarm, "subject"));
		value(w, 1);
	}
}

/* Nothing is said of what is not there. */
static void list_write(const struct exposition *w)
{
	const json_t *list = json_object_get(w->status, "list");

	if (!json_is_object(list))
		return;
	alone(w, "revocation_list_number", "gauge", "Of the list of who is out that this node acts on.",
		number_of(json_object_get(list, "number")));
	alone(w, "revocation_reachable_members", "gauge", "Members that can be reached, this node among them.",
		number_of(json_object_get(list, "reachable")));
	alone(w, "revocation_known_members", "gauge", "Those of them that are known to act on the same list.",
		number_of(json_object_get(list, "known")));
}

/* Of each class of each: what `key` says. */
static void classes_write(const struct exposition *w, const char *name, const json_t *list, const char *label1,
	const char *name_key, const char *key)
{
	const json_t *o, *class;
	size_t i, j;

	json_array_foreach (list, i, o)
		json_array_foreach (json_object_get(o, "classes"), j, class)
			sample(w, name, label1, text_of(o, name_key), "class", text_of(class, "class"),
				json_object_get(class, key), 1);
}

/* Whether it works is told of what is known. */
static void level_works_write(const struct exposition *w, const json_t *levels)
{
	const json_t *level, *class;
	size_t i, j;

	json_array_foreach (levels, i, level)
		json_array_foreach (json_object_get(level, "classes"), j, class) {
			const char *state = text_of(class, "state");
			json_t *works = strcmp(state, "works") == 0     ? json_true()
					: strcmp(state, "cut-off") == 0 ? json_false()
									: json_null();

			sample(w, "level_works", "level", text_of(level, "level"), "class", text_of(class, "class"),
				works, 1);
		}
}

static void sites_write(const struct exposition *w)
{
	static const struct column level_columns[] = {
		{ "known", "level_members", "gauge", "Members of the level whose certificate is known.", 1 },
		{ "reachable", "level_reachable_members", "gauge", "Those of them to whom there is a route.", 1 },
	};
	static const struct column site_columns[] = {
		{ "out", "site_out", "gauge", "1: a class of a watched site is lost.", 1 },
		{ "out_s", "site_outage_seconds", "gauge", "Since when; of sites that are out.", 1 },
	};
	const json_t *levels = json_object_get(w->alarms, "levels"), *sites = json_object_get(w->outages, "sites");

	columns(w, levels, "level", "level", level_columns, 2);
	family(w, "level_works", "gauge", "1: somebody of the level answered in that class lately; 0: cut off.");
	level_works_write(w, levels);
	family(w, "level_test_age_seconds", "gauge", "Since somebody of the level answered last, by class.");
	classes_write(w, "level_test_age_seconds", levels, "level", "level", "tested_s");
	columns(w, sites, "site", "site", site_columns, 2);
	family(w, "site_works", "gauge", "1: the last probe of the class came back from the site.");
	classes_write(w, "site_works", sites, "site", "site", "works");
	family(w, "site_test_age_seconds", "gauge", "Since a probe of the class came back last.");
	classes_write(w, "site_test_age_seconds", sites, "site", "site", "worked_s");
}

/* --- links ------------------------------------------------------------------------------------------- */

static void link_states_write(const struct exposition *w, const json_t *links)
{
	const json_t *link;
	size_t i;

	family(w, "link_up", "gauge", "1: the link is open.");
	json_array_foreach (links, i, link)
		sample(w, "link_up", "link", text_of(link, "name"), "type", text_of(link, "type"),
			strcmp(text_of(link, "state"), "up") == 0 ? json_true() : json_false(), 1);
}

/* Of what a link has under `whole`, each with its name for a label: its number, or what it has under `key`. */
static void parts_write(const struct exposition *w, const char *name, const json_t *links, const char *whole,
	const char *label2, const char *key)
{
	const json_t *link;
	json_t *part;
	const char *part_name;
	size_t i;

	json_array_foreach (links, i, link)
		json_object_foreach (json_object_get(link, whole), part_name, part)
			sample(w, name, "link", text_of(link, "name"), label2, part_name,
				key ? json_object_get(part, key) : part, 1);
}

static void links_write(const struct exposition *w)
{
	static const struct column link_columns[] = {
		{ "tx_bytes", "link_transmit_bytes_total", "counter", "Bytes of frames sent.", 1 },
		{ "rx_bytes", "link_receive_bytes_total", "counter", "Bytes of frames received.", 1 },
		{ "tx_frames", "link_transmit_frames_total", "counter", "Frames sent.", 1 },
		{ "rx_frames", "link_receive_frames_total", "counter", "Frames received.", 1 },
		{ "tx_errors", "link_transmit_errors_total", "counter", "Frames that the kernel refused.", 1 },
		{ "rx_lost", "link_receive_lost_total", "counter", "Frames lost in the queue of the socket.", 1 },
		{ "control_permille", "link_control_ratio", "gauge",
			"Share of the link that nodes took for themselves in the last ten seconds.", 0.001 },
	};
	const json_t *links = json_object_get(w->links, "links");

	link_states_write(w, links);
	columns(w, links, "link", "name", link_columns, sizeof(link_columns) / sizeof(link_columns[0]));
	family(w, "link_lane_transmit_bytes_total", "counter", "Bytes sent from each lane of the queue.");
	parts_write(w, "link_lane_transmit_bytes_total", links, "lanes", "lane", "sent_bytes");
	family(w, "link_lane_waiting_packets", "gauge", "Packets that wait in each lane of the queue.");
	parts_write(w, "link_lane_waiting_packets", links, "lanes", "lane", "waiting");
	family(w, "link_dropped_packets_total", "counter", "Packets and frames dropped, by reason.");
	parts_write(w, "link_dropped_packets_total", links, "drops", "reason", NULL);
}

static void neighbours_write(const struct exposition *w)
{
	static const struct column all[] = {
		{ "up", "neighbour_up", "gauge", "1: a live session.", 1 },
		{ "heard_s", "neighbour_heard_age_seconds", "gauge", "Since its last frame.", 1 },
		{ "cost", "neighbour_cost", "gauge", "Cost of the link to it, as used.", 1 },
		{ "loss_percent", "neighbour_loss_ratio", "gauge", "Hellos missed of the last 16.", 0.01 },
		{ "rtt_ms", "neighbour_round_trip_seconds", "gauge", "Smoothed; of links that measure it.", 0.001 },
		{ "routes", "neighbour_routes", "gauge", "Learned from it.", 1 },
	};
	const json_t *link, *neighbour;
	size_t i, j;

	for (const struct column *c = all; c < all + sizeof(all) / sizeof(all[0]); c++) {
		family(w, c->name, c->type, c->help);
		json_array_foreach (json_object_get(w->links, "links"), i, link)
			json_array_foreach (json_object_get(link, "neighbours"), j, neighbour)
				sample(w, c->name, "link", text_of(link, "name"), "neighbour",
					text_of(neighbour, "name"), json_object_get(neighbour, c->key), c->scale);
	}
}

/* --- logs of others ------------------------------------------------------------------------------------ */

static void logs_write(const struct exposition *w, const struct collect *c)
{
	if (!c)
		return;
	alone(w, "log_questions_total", "counter", "Members asked for what is new in their incident logs.",
		(double)c->asked);
	alone(w, "log_runs_collected_total", "counter", "Runs of other members' logs that came and are kept.",
		(double)c->runs);
	alone(w, "log_answers_refused_total", "counter", "Answers with something that its member had not signed.",
		(double)c->refused);
	alone(w, "log_answers_given_total", "counter", "Members that were given what is new in this node's log.",
		(double)c->server.given);
}

/* --- the whole ------------------------------------------------------------------------------------------ */

static void everything_write(struct page *page, FILE *out)
{
	const struct exposition w = { .out = out,
		.status = page_ask(page->d, "status", 0),
		.links = page_ask(page->d, "links", 0),
		.alarms = page_ask(page->d, "alarms", 0),
		.outages = page_ask(page->d, "outages", 0),
		.mail = page_ask(page->d, "mail", 0) };

	node_write(&w);
	list_write(&w);
	sites_write(&w);
	links_write(&w);
	neighbours_write(&w);
	alone(&w, "messages_received", "gauge", "Messages that have come and are kept.",
		number_of(json_object_get(w.mail, "received")));
	alone(&w, "messages_waiting", "gauge", "Messages written here that are neither delivered nor expired.",
		number_of(json_object_get(w.mail, "waiting")));
	alone(&w, "messages_held", "gauge", "Messages that wait here for others.",
		number_of(json_object_get(w.mail, "held")));
	logs_write(&w, page->d->collect);
	alone(&w, "page_readers", "gauge", "Browsers that follow the page.", page->readers);
	json_decref(w.status);
	json_decref(w.links);
	json_decref(w.alarms);
	json_decref(w.outages);
	json_decref(w.mail);
}

const char *page_metrics(struct page *page, size_t *len)
{
	uint64_t now_us = io_now_us();
	char *text = NULL;

	if (!page->metrics || now_us - page->metrics_us >= FRESH_US) {
		FILE *out = open_memstream(&text, len);

		if (!out)
			return NULL;
		everything_write(page, out);
		if (fclose(out) != 0) {
			free(text);
			return NULL;
		}
		free(page->metrics);
		page->metrics = text;
		page->metrics_len = *len;
		page->metrics_us = now_us;
	}
	*len = page->metrics_len;
	return page->metrics;
}
