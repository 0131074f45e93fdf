/* The examples that are installed: each loads, is what its role says, and calls where it is heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/config/config.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct example {
	const char *name;
	unsigned links, radios, ports, peers; /* ports: fixed ones, to be called at */
};

static const struct example examples[] = {
	{ "command-post", 3, 0, 3, 0 },
	{ "district", 3, 1, 2, 1 },
	{ "town", 3, 1, 1, 2 },
	{ "vehicle", 2, 1, 0, 1 },
	{ "backpack", 2, 1, 0, 1 },
	{ "gateway", 3, 1, 1, 1 },
	{ "backpack-narrowband", 3, 1, 0, 1 },
	{ "command-post-beidou", 3, 0, 2, 2 },
	{ "lab", 2, 1, 1, 0 },
};

static struct config load(const char *role)
{
	struct config config;
	char path[64], error[CONFIG_ERROR_MAX];

	snprintf(path, sizeof(path), "configs/%s.yaml", role);
	if (config_load(&config, path, error) != 0)
		fail_msg("%s", error);
	return config;
}

static void each_example_is_what_its_role_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct config c = load(examples[i].name);
		unsigned radios = 0, ports = 0, peers = 0;

		for (unsigned j = 0; j < c.link_count; j++) {
			radios += c.links[j].type == CONFIG_ETHERNET;
			ports += c.links[j].port != 0;
			peers += c.links[j].peer_count;
		}
		assert_int_equal(c.link_count, examples[i].links);
		assert_int_equal(radios, examples[i].radios);
		assert_int_equal(ports, examples[i].ports);
		assert_int_equal(peers, examples[i].peers);
	}
}

static void no_example_is_left_untested(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob("configs/*.yaml", 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, COUNT(examples));
	globfree(&found);
}

/* "city" is listened to by command-post.yaml, "district" by district.yaml. */
static const char *role_of_host(const char *host)
{
	if (strcmp(host, "city.example.org") == 0)
		return "command-post";
	return strcmp(host, "district.example.org") == 0 ? "district" : NULL;
}

static void peers_are_heard_where_they_call_by_a_link_of_their_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct config c = load(examples[i].name);

		for (unsigned j = 0; j < c.link_count; j++) {
			/* Cards have no role. */
			for (unsigned k = 0; c.links[j].type == CONFIG_UDP && k < c.links[j].peer_count; k++) {
				const struct config_peer *peer = &c.links[j].peers[k];
				const char *role = role_of_host(peer->host);

				assert_non_null(role);
				struct config there = load(role);
				const struct config_link *heard = NULL;
				for (unsigned l = 0; l < there.link_count; l++)
					if (there.links[l].type == CONFIG_UDP && there.links[l].port == peer->port)
						heard = &there.links[l];
				assert_non_null(heard);
				assert_int_equal(heard->hello_ms, c.links[j].hello_ms);
				assert_int_equal(heard->dead_misses, c.links[j].dead_misses);
				assert_int_equal(heard->rxcost, c.links[j].rxcost);
				assert_int_equal(heard->mtu, c.links[j].mtu);
			}
		}
	}
}

static const char *manual(void)
{
	static char text[64 * 1024];
	FILE *file = fopen("docs/meshd.yaml.5", "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void the_manual_has_an_entry_for_every_field(void **state)
{
	static const char *const fields[] = { "key", "state", "control", "tun", "mtu", "lan", "name", "type",
		"interface", "preset", "peers", "rate", "metered", "listen", "discover", "cost", "table", "metric",
		"kind", "hello", "update", "rtt", "accept", "announce", "device", "baud", "framing", "flow",
		"half\\-duplex", "probe", "turnaround", "kiss\\-port", "tx\\-delay", "command", "essential", "watch" };

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		char entry[32];

		snprintf(entry, sizeof(entry), "\n.TP\n.B %s\n", fields[i]);
		if (!strstr(manual(), entry))
			fail_msg("docs/meshd.yaml.5 has no entry for %s", fields[i]);
	}
}

/* Cost of a hop without loss: by ETX what both ends state, over 256. */
static unsigned hop_cost(const struct config_link *l)
{
	return l->cost == CONFIG_COST_RADIO ? l->rxcost * l->rxcost / 256u : l->rxcost;
}

static void the_manual_gives_every_preset_as_it_is(void **state)
{
	static const char *const presets[][2] = { { "mesh-radio", "mesh\\-radio" }, { "narrowband", "narrowband" },
		{ "geo-satellite", "geo\\-satellite" }, { "leo-satellite", "leo\\-satellite" },
		{ "cellular", "cellular" }, { "fibre", "fibre" }, { "wired", "wired" },
		{ "short-message", "short\\-message" } };

	(void)state;
	for (size_t i = 0; i < COUNT(presets); i++) {
		static struct config c;
		char text[96], error[CONFIG_ERROR_MAX], rate[16], probe[16] = "no", row[160];

		bool is_message = strcmp(presets[i][0], "short-message") == 0;

		snprintf(text, sizeof(text), "links: [{%s, preset: %s}]",
			is_message ? "name: a, command: [/bin/cat]" : "interface: a", presets[i][0]);
		assert_int_equal(config_parse(&c, "f", bytes_of(text, strlen(text)), error), 0);
		const struct config_link *l = c.links;
		bool is_udp = l->type == CONFIG_UDP;
		config_format_rate(rate, sizeof(rate), l->rate_bps);
		if (l->probe_ms)
			snprintf(probe, sizeof(probe), "%u ms", l->probe_ms);
		snprintf(row, sizeof(row), "\n%s\t%s\t%s\t%u\t%u\t%u ms\t%u ms\t%s\t%u\t%u s\t%s\n", presets[i][1],
			is_message ? "pipe"
			: is_udp   ? "udp"
				   : "ethernet",
			rate, l->mtu + (is_udp ? CONFIG_UDP_OVERHEAD : 0), hop_cost(l), l->hello_ms, l->idle_ms, probe,
			l->dead_misses, l->update_s, l->rtt ? "yes" : "no");
		if (!strstr(manual(), row))
			fail_msg("docs/meshd.yaml.5 lacks:%s", row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_is_what_its_role_says),
		cmocka_unit_test(no_example_is_left_untested),
		cmocka_unit_test(peers_are_heard_where_they_call_by_a_link_of_their_kind),
		cmocka_unit_test(the_manual_has_an_entry_for_every_field),
		cmocka_unit_test(the_manual_gives_every_preset_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
