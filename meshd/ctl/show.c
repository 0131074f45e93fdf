/* meshctl nodes, links, routes: tables. */
#include "meshd/config/config.h"
#include "meshd/ctl/ctl.h"

#include <string.h>

/* --- nodes ---------------------------------------------------------------------------------- */

static void node_row(const json_t *node, struct table *t)
{
	char metric[WORDS_MAX], ago[WORDS_MAX];
	bool is_self = json_flag(node, "self"), reachable = json_flag(node, "reachable");

	table_cell(t, "%s", json_text(node, "name"));
	table_cell(t, "%s", json_text(node, "level"));
	table_cell(t, "%s", json_text(node, "address"));
	if (is_self)
		table_cell(t, "this node");
	else if (!reachable)
		table_cell(t, "%s", json_flag(node, "replaced") ? "replaced" : "no");
	else
		table_cell(t, "%s", json_flag(node, "direct") ? "direct" : "yes");
	table_cell(t, "%s", is_self || !reachable ? "-" : words_classes(json_object_get(node, "classes")));
	table_cell(t, "%s", is_self || !reachable ? "-" : json_text(node, "via"));
	table_cell(t, "%s", is_self || !reachable ? "-" : json_text(node, "link"));
	table_cell(t, "%s", is_self || !reachable ? "-" : words_metric(json_object_get(node, "metric"), metric));
	table_cell(t, "%s", is_self || !reachable ? "-" : words_ago(json_object_get(node, "heard_s"), ago));
}

void nodes_print(const json_t *answer, FILE *out)
{
	static const char *const heads[] = { "NAME", "LEVEL", "ADDRESS", "REACHABLE", "FOR", "VIA", "LINK", "METRIC",
		"VIA HEARD" };
	const json_t *nodes = json_object_get(answer, "nodes"), *node;
	struct table t;
	size_t i;

	table_begin(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach (nodes, i, node)
		node_row(node, &t);
	table_print(&t, out, "");
	table_done(&t);
}

/* --- links ------------------------------------------------------------------------------------- */

static void neighbour_row(const json_t *n, struct table *t)
{
	char text[WORDS_MAX];
	const json_t *rtt = json_object_get(n, "rtt_ms"), *loss = json_object_get(n, "loss_percent");

	table_cell(t, "%s", json_text(n, "name"));
	table_cell(t, "%s", json_text(n, "endpoint"));
	table_cell(t, "%s", json_flag(n, "up") ? "in contact" : "silent");
	table_cell(t, "%s", words_ago(json_object_get(n, "heard_s"), text));
	table_cell(t, "%s", words_metric(json_object_get(n, "cost"), text));
	table_cell(t, "%s", words_metric(json_object_get(n, "cost_in"), text));
	table_cell(t, "%s", words_metric(json_object_get(n, "cost_out"), text));
	if (json_is_number(rtt))
		table_cell(t, "%.1f ms", json_number_value(rtt));
	else
		table_cell(t, "-");
	if (json_is_integer(loss))
		table_cell(t, "%lld %%", (long long)json_integer_value(loss));
	else
		table_cell(t, "-");
	table_cell(t, "%lld", (long long)json_number(n, "routes"));
}

static void neighbours_print(const json_t *neighbours, FILE *out)
{
	static const char *const heads[] = { "NEIGHBOUR", "AT", "STATE", "HEARD", "COST", "IN", "OUT", "RTT", "LOSS",
		"ROUTES" };
	const json_t *n;
	struct table t;
	size_t i;

	if (!json_array_size(neighbours)) {
		fprintf(out, "    nobody there\n");
		return;
	}
	table_begin(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach (neighbours, i, n)
		neighbour_row(n, &t);
	table_print(&t, out, "    ");
	table_done(&t);
}

/* Whom frames of full size do not reach. */
static void sizes_print(const json_t *link, FILE *out)
{
	long long mtu = json_number(link, "mtu");
	const json_t *n;
	size_t i;

	json_array_foreach (json_object_get(link, "neighbours"), i, n) {
		long long arrives = json_number(n, "mtu");

		if (arrives && arrives < mtu)
			fprintf(out, "    %s: frames of up to %lld bytes arrive, the link takes %lld\n",
				json_text(n, "name"), arrives, mtu);
	}
}

/* How a neighbour came to be one, or why a member is none. */
static void introductions_print(const json_t *introductions, FILE *out)
{
	const json_t *m;
	size_t i;

	json_array_foreach (introductions, i, m) {
		const char *name = json_text(m, "name"), *by = json_text(m, "introduced_by");
		long long tries = json_number(m, "tries");
		char ago[WORDS_MAX];

		if (json_flag(m, "direct"))
			fprintf(out, "    %s: direct (introduced by %s)\n", name, by);
		else
			fprintf(out, "    %s: through %s; called %lld time%s at %s, the last %s\n", name, by, tries,
				tries == 1 ? "" : "s", json_text(m, "endpoint"),
				words_ago(json_object_get(m, "called_s"), ago));
	}
}

static void remotes_print(const json_t *peers, FILE *out)
{
	const json_t *peer;
	size_t i;

	json_array_foreach (peers, i, peer) {
		const char *endpoint = json_text(peer, "endpoint");

		fprintf(out, "    calls %s port %lld: %s\n", json_text(peer, "host"),
			(long long)json_number(peer, "port"),
			json_flag(peer, "lookup_failed") && !*endpoint ? "the name cannot be looked up"
			: *endpoint                                    ? endpoint
								       : "the name is being looked up");
	}
}

/* Counts by reason: "title: reason 3, other 1". */
static void counts_print(json_t *counts, const char *title, FILE *out)
{
	const char *reason;
	json_t *count;
	bool is_first = true;

	json_object_foreach (counts, reason, count) {
		fprintf(out, "%s%s%s %lld", is_first ? "    " : ", ", is_first ? title : "", reason,
			(long long)json_integer_value(count));
		is_first = false;
	}
	if (!is_first)
		fputc('\n', out);
}

static void rate_print(const json_t *link, FILE *out)
{
	long long stated = json_number(link, "rate_bps"), learned = json_number(link, "learned_bps");
	long long share = json_number(link, "control_permille");
	char rate[WORDS_MAX];

	if (!stated && !learned)
		return;
	config_format_rate(rate, sizeof(rate), (uint64_t)(learned && (!stated || learned < stated) ? learned : stated));
	fprintf(out, "    %sbit/s %s, %lld.%lld %% of it for control in the last 10 s\n", rate,
		learned && (!stated || learned < stated) ? "learned" : "stated", share / 10, share % 10);
}

/* Lanes in which something waits or was lost. */
static void lanes_print(json_t *lanes, FILE *out)
{
	const char *name;
	json_t *lane;

	json_object_foreach (lanes, name, lane) {
		long long full = json_number(lane, "full"), late = json_number(lane, "late");
		long long gone = json_number(lane, "gone"), waiting = json_number(lane, "waiting");
		char bytes[WORDS_MAX];

		if (!full && !late && !gone && !waiting)
			continue;
		fprintf(out,
			"    %s: %lld packets wait (%s); dropped: %lld no room, %lld waited too long, %lld neighbour "
			"lost\n",
			name, waiting, words_bytes(json_number(lane, "waiting_bytes"), bytes), full, late, gone);
	}
}

static void link_print(const json_t *link, FILE *out)
{
	const char *interface = json_text(link, "interface"), *trouble = json_text(link, "trouble");
	char tx[WORDS_MAX], rx[WORDS_MAX];
	long long errors = json_number(link, "tx_errors"), lost = json_number(link, "rx_lost");

	fprintf(out, "%s: %s (%s%s%s%s), sent %s, received %s\n", json_text(link, "name"), json_text(link, "state"),
		json_text(link, "type"), *interface ? " on " : "", interface,
		json_flag(link, "metered") ? ", metered" : "", words_bytes(json_number(link, "tx_bytes"), tx),
		words_bytes(json_number(link, "rx_bytes"), rx));
	if (*trouble)
		fprintf(out, "    %s\n", trouble);
	rate_print(link, out);
	lanes_print(json_object_get(link, "lanes"), out);
	if (errors)
		fprintf(out, "    %lld frames could not be sent; the last: %s\n", errors, json_text(link, "tx_error"));
	if (lost)
		fprintf(out, "    %lld frames were lost because this machine was too busy to take them\n", lost);
	counts_print(json_object_get(link, "drops"), "dropped: ", out);
	counts_print(json_object_get(link, "line"), "on the line: ", out);
	remotes_print(json_object_get(link, "peers"), out);
	neighbours_print(json_object_get(link, "neighbours"), out);
	sizes_print(link, out);
	introductions_print(json_object_get(link, "introductions"), out);
}

void links_print(const json_t *answer, FILE *out)
{
	const json_t *link;
	size_t i;

	json_array_foreach (json_object_get(answer, "links"), i, link)
		link_print(link, out);
	if (!json_array_size(json_object_get(answer, "links")))
		fprintf(out, "no links are configured\n");
}

/* --- routes --------------------------------------------------------------------------------------- */

static const char *route_state(const json_t *route)
{
	if (json_flag(route, "selected"))
		return "in use";
	if (json_flag(route, "backup"))
		return "backup";
	if (json_is_null(json_object_get(route, "via")))
		return "lost, held";
	if (json_is_null(json_object_get(route, "metric")))
		return "unusable";
	return json_flag(route, "feasible") ? "spare" : "not safe";
}

static void route_row(const json_t *route, struct table *t)
{
	char text[WORDS_MAX];
	const char *via = json_text(route, "via"), *link = json_text(route, "link");

	table_cell(t, "%s", json_text(route, "prefix"));
	table_cell(t, "%s", json_text(route, "class"));
	table_cell(t, "%s", json_text(route, "origin"));
	table_cell(t, "%s", *via ? via : "-");
	table_cell(t, "%s", *link ? link : "-");
	table_cell(t, "%s", words_metric(json_object_get(route, "metric"), text));
	table_cell(t, "%s", route_state(route));
	table_cell(t, "%s", words_ago(json_object_get(route, "heard_s"), text));
}

void routes_print(const json_t *answer, FILE *out)
{
	static const char *const heads[] = { "PREFIX", "CLASS", "NODE", "VIA", "LINK", "METRIC", "STATE", "VIA HEARD" };
	const json_t *route;
	struct table t;
	size_t i;

	table_begin(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach (json_object_get(answer, "own"), i, route) {
		table_cell(&t, "%s", json_text(route, "prefix"));
		table_cell(&t, "all");
		table_cell(&t, "this node");
		for (unsigned column = 3; column < 6; column++)
			table_cell(&t, "-");
		table_cell(&t, "%s", json_flag(route, "announced") ? "announced" : "not announced");
		table_cell(&t, "-");
	}
	json_array_foreach (json_object_get(answer, "routes"), i, route)
		route_row(route, &t);
	table_print(&t, out, "");
	table_done(&t);
}

/* --- the commands ------------------------------------------------------------------------------------ */

int command_nodes(int argc, char **argv)
{
	return question_command(argc, argv, "nodes", 0, nodes_print, NULL);
}

int command_links(int argc, char **argv)
{
	return question_command(argc, argv, "links", 0, links_print, NULL);
}

int command_routes(int argc, char **argv)
{
	return question_command(argc, argv, "routes", QUESTION_CLASS, routes_print, NULL);
}
