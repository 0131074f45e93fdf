/* The simulator's scenarios: what is read, and the exact words of every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/topology/topology.h"
#include "sim/world/plan.h"
#include "sim/world/plan_read.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES "for: 60\nnodes:\n  - {name: a}\n  - {name: b, power: off, level: scene}\n"
#define LINKS NODES "links:\n  - {name: l, preset: mesh-radio, ends: [a:r0, b:r0]}\n"
#define FILES LINKS "files:\n  - {name: image, from: a, to: b, start: 10, size: 2M}\n"
#define FLOWS LINKS "flows:\n  - {name: f, from: a, to: b}\n"

static struct plan *parse(const char *text, char error[PLAN_ERROR_MAX])
{
	return plan_parse("s.yaml", bytes_of(text, strlen(text)), error);
}

static struct plan *good(const char *text)
{
	char error[PLAN_ERROR_MAX];
	struct plan *p = parse(text, error);

	if (!p)
		fail_msg("%s", error);
	return p;
}

static void links_take_their_node_side_from_the_daemons_presets(void **state)
{
	struct plan *p = good(NODES "links:\n"
				    "  - {name: r, preset: mesh-radio, ends: [a:r0, b:r0]}\n"
				    "  - {name: s, preset: geo-satellite, rate: 2M, ends: [b:s0, a:s0], cost: 900}\n");

	(void)state;
	assert_int_equal(p->duration_us, 60000000);
	assert_true(p->nodes[0].power);
	assert_false(p->nodes[1].power);
	assert_int_equal(p->nodes[1].level, LEVEL_SCENE);
	assert_int_equal(p->nodes[0].port_count, 2);
	assert_int_equal(p->nodes[0].ports[0].config.type, CONFIG_ETHERNET);
	assert_int_equal(p->nodes[0].ports[0].config.hello_ms, 200);
	assert_int_equal(p->nodes[0].ports[1].config.peer_count, 0);
	assert_int_equal(p->nodes[1].ports[1].config.peer_count, 1);
	assert_int_equal(p->nodes[1].ports[1].config.rxcost, 900);
	assert_int_equal(p->nodes[1].ports[1].config.rate_bps, 2000000);
	assert_int_equal(p->nodes[0].ports[1].config.mtu, 1400 - CONFIG_UDP_OVERHEAD);
	assert_true(p->links[0].is_lan);
	assert_false(p->links[1].is_lan);
	assert_int_equal(p->links[1].nat, NAT_INDEPENDENT);
	assert_int_equal(p->links[1].params[1].rate_bps, 2000000);
	plan_free(p);
}

/* Or the largest packets, full tables among them, would be lost again and again. */
static void a_node_is_told_what_its_link_carries(void **state)
{
	struct plan *p = good(NODES "links:\n  - {name: s, preset: geo-satellite, mtu: 1370, ends: [b:s0, a:s0]}\n");

	(void)state;
	assert_int_equal(p->nodes[0].ports[0].config.mtu + CONFIG_UDP_OVERHEAD, 1370);
	plan_free(p);
	/* Pieces are as small as they are, or smaller. */
	p = good(NODES "links:\n  - {name: s, preset: satphone, ends: [b:s0, a:s0]}\n");
	assert_int_equal(p->nodes[0].ports[0].config.mtu + CONFIG_UDP_OVERHEAD, 560);
	assert_true(p->nodes[0].ports[0].config.is_thin);
	plan_free(p);
	p = good(NODES "links:\n  - {name: s, preset: satphone, mtu: 288, ends: [b:s0, a:s0]}\n");
	assert_int_equal(p->nodes[0].ports[0].config.mtu + CONFIG_UDP_OVERHEAD, 288);
	plan_free(p);
	/* A radio on a serial port has no IP beneath, and the port's speed is not the radio's. */
	p = good(NODES "links:\n  - {name: s, preset: narrowband, ends: [b:s0, a:s0]}\n");
	assert_int_equal(p->nodes[0].ports[0].config.mtu, 240);
	assert_int_equal(config_line_overhead(&p->nodes[0].ports[0].config), CONFIG_SERIAL_OVERHEAD);
	assert_int_equal(p->nodes[0].ports[0].config.rate_bps, 9600);
	assert_true(p->nodes[0].ports[0].config.is_shaped);
	plan_free(p);
	p = good(NODES "links:\n  - {name: s, preset: narrowband, mtu: 512, ends: [b:s0, a:s0]}\n");
	assert_int_equal(p->nodes[0].ports[0].config.mtu, 512);
	plan_free(p);
}

static void several_links_may_end_in_one_interface(void **state)
{
	struct plan *p = good("for: 1\nnodes: [{name: a}, {name: b}, {name: c}]\nlinks:\n"
			      "  - {name: x, preset: fibre, ends: [a:f0, b:f0]}\n"
			      "  - {name: y, preset: fibre, ends: [a:f0, c:f0]}\n");

	(void)state;
	assert_int_equal(p->nodes[0].port_count, 1);
	assert_int_equal(p->links[1].ends[0].port, 0);
	plan_free(p);
}

static void limits_are_read_in_their_units(void **state)
{
	struct plan *p = good(FLOWS "expect:\n"
				    "  - gap: {flow: f, at most: 250ms}\n"
				    "  - lost: {flow: f, at most: 5 %}\n"
				    "  - share: {link: l, at most: 2.5%, after: 10}\n"
				    "  - moves: {node: b, at most: 3}\n"
				    "  - reach: {from: a, to: b, after: 5, within: 20}\n"
				    "  - whole: {after: 5, within: 55}\n");

	(void)state;
	assert_int_equal(p->expect_count, 6);
	assert_true(p->expect[0].at_most > 0.2499 && p->expect[0].at_most < 0.2501);
	assert_true(p->expect[1].at_most > 0.0499 && p->expect[1].at_most < 0.0501);
	assert_true(p->expect[2].at_most > 0.0249 && p->expect[2].at_most < 0.0251);
	assert_int_equal(p->expect[2].after_us, 10000000);
	assert_int_equal((int)p->expect[3].at_most, 3);
	assert_int_equal(p->expect[3].from, 1);
	assert_int_equal((int)p->expect[4].at_most, 20);
	assert_int_equal(p->expect[5].measure, PLAN_WHOLE);
	plan_free(p);
}

static void nodes_are_somewhere_live_on_something_and_go_somewhere(void **state)
{
	struct plan *p =
		good("for: 1000\nnodes:\n"
		     "  - {name: a, position: [0, -2km]}\n"
		     "  - {name: b, power: battery, battery: 6h, position: [100m, 0.5km], mobility: [{leave: 10, to: "
		     "[1.1km, 500], speed: 36km/h}, {to: [0, 0], at: 500}]}\n"
		     "  - {name: c, power: off, battery: 90min}\n"
		     "  - {name: d, power: mains, battery: 1h, expires: 2000-03-01}\n"
		     "links:\n  - {name: l, preset: mesh-radio, range: 8km, ends: [a:r0, b:r0]}\n"
		     "events:\n"
		     "  - {at: 1, do: move b -1km 300 by 20}\n"
		     "  - {at: 2, do: jam l 90% for 3s at 1km 2km within 500}\n"
		     "  - {at: 3, do: jam mesh-radio for 4s}\n"
		     "  - {at: 4, do: clock c 2040-02-29 trusted}\n"
		     "  - {at: 5, do: clock c 1970}\n"
		     "  - {at: 6, do: arrive a 1 2}\n");

	(void)state;
	assert_true(p->nodes[0].has_place && p->nodes[0].place.y_m == -2000);
	assert_true(p->nodes[0].has_mains && p->nodes[0].battery_us == 0);
	assert_int_equal(p->nodes[1].battery_us, 21600000000u);
	assert_true(p->nodes[1].power && !p->nodes[1].has_mains);
	assert_int_equal(p->nodes[1].way_count, 2);
	assert_int_equal(p->nodes[1].way[0].arrive_us, 110000000);
	assert_int_equal(p->nodes[1].way[1].leave_us, 110000000);
	assert_int_equal(p->nodes[1].way[1].arrive_us, 500000000);
	assert_true(!p->nodes[2].power && !p->nodes[2].has_mains && !p->nodes[2].has_place);
	assert_true(p->nodes[3].power && p->nodes[3].has_mains);
	assert_int_equal(p->nodes[3].expires_min, 951868800 / 60);
	assert_true(p->links[0].range_m == 8000);
	assert_true(p->events[0].move.to.x_m == -1000 && p->events[0].move.by_us == 20000000);
	assert_true(p->events[1].jam.is_local && p->events[1].jam.loss == .9 && p->events[1].jam.radius_m == 500);
	assert_true(p->events[2].kind && p->events[2].jam.loss == 1 && p->events[2].jam.for_us == 4000000);
	assert_true(p->events[3].clock_is_trusted && p->events[3].clock_min == 2214086400 / 60);
	assert_true(!p->events[4].clock_is_trusted && p->events[4].clock_min == 0);
	assert_true(p->events[5].has_place);
	plan_free(p);
}

static void trees_and_crowds_are_grown(void **state)
{
	struct plan *p = good("for: 1\nnodes:\n  - {name: a}\n  - {name: b, plain: yes}\nbudget: no\ncrowds:\n"
			      "  - {hub: a, nodes: 201}\n  - {hub: b, nodes: 2, preset: mesh-radio}\n"
			      "links:\n  - {name: l, preset: fibre, ends: [a:f, b:f]}\n");

	(void)state;
	assert_true(p->is_unbudgeted && p->nodes[1].is_plain && !p->nodes[0].is_plain);
	assert_int_equal(p->node_count, 2 + 203);
	assert_int_equal(p->link_count, 203 + 1);
	int far = plan_find_node(p, "a-201", 5), last = plan_find_link(p, "a-201", 5), b = plan_find_link(p, "b-2", 3);
	assert_true(far >= 0 && last >= 0 && b >= 0);
	/* Around the hub there are two hundred; the next ones are around one of these. */
	assert_string_equal(p->nodes[p->links[last].ends[0].node].name, "a-201");
	assert_string_equal(p->nodes[p->links[last].ends[1].node].name, "a-1");
	assert_string_equal(p->links[b].preset->name, "mesh-radio");
	plan_free(p);
	p = good("for: 1\ntree: {nodes: 30, seed: 2}\nnodes: [{name: far}]\n"
		 "links:\n  - {name: l, preset: fibre, ends: [far:f, city:extra]}\n");
	assert_int_equal(p->node_count, 31);
	assert_string_equal(p->links[p->link_count - 1].name, "l");
	plan_free(p);
}

static void a_tree_that_was_grown_keeps_its_places(void **state)
{
	struct topology *t =
		topology_grow(&(struct tree_params){ .seed = 1, .nodes = 60, .scenes = 4 }, (char[512]){ 0 });
	char *text = NULL, error[PLAN_ERROR_MAX];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(t);
	assert_int_equal(
		topology_write(t, NULL, &(struct topology_output){ .reader = TOPOLOGY_FOR_SIMULATOR }, out), 0);
	fclose(out);
	struct plan *p = plan_parse("tree.yaml", bytes_of(text, len), error);
	if (!p)
		fail_msg("%s", error);
	assert_int_equal(p->node_count, t->node_count);
	for (unsigned i = 0; i < t->node_count; i++) {
		assert_true(t->nodes[i].placed && p->nodes[i].has_place);
		assert_true(fabs(p->nodes[i].place.x_m - t->nodes[i].x_m) < 5.01);
		assert_true(fabs(p->nodes[i].place.y_m - t->nodes[i].y_m) < 5.01);
	}
	plan_free(p);
	topology_free(t);
	free(text);
}

#define SOMEWHERE "for: 60\nnodes:\n  - {name: a, position: [0, 0]}\n  - {name: b}\n"
#define WAY(points) "for: 60\nnodes:\n  - {name: a, position: [0, 0], mobility: [" points "]}\n"

static const struct {
	const char *yaml, *line;
} refusals[] = {
	{ "for: 60\nnodes:\n  - {name: a, power: solar}\n",
		"s.yaml:3: node \"a\": power is on (or mains), battery or off, not \"solar\"" },
	{ "for: 60\nnodes:\n  - {name: a, power: battery, battery: 0h}\n",
		"s.yaml:3: node \"a\": \"0h\" is not how long a battery lasts; write battery: 6h" },
	{ "for: 60\nnodes:\n  - {name: a, power: battery}\n",
		"s.yaml:3: node \"a\": how long does its battery last? write battery: 6h" },
	{ "for: 60\nnodes:\n  - {name: a, expires: 2027-02-30}\n",
		"s.yaml:3: node \"a\": \"2027-02-30\" is not a day; write expires: 2040-01-31" },
	{ "for: 60\nnodes:\n  - {name: a, position: [1km]}\n",
		"s.yaml:3: node \"a\": that is not a place; write position: [4km, 1.5km] (east, north)" },
	{ "for: 60\nnodes:\n  - {name: a, mobility: [{to: [1, 1], at: 3}]}\n",
		"s.yaml:3: node \"a\": where does it begin? write position: [0, 0]" },
	{ WAY("{to: [1, 1], at: 30}, {to: [2, 2], at: 20}"),
		"s.yaml:3: node \"a\": way-point 2: it is there before it leaves; put them in order of time" },
	{ WAY("{to: [1, 1], at: 30}, {to: [2, 2], leave: 20, at: 40}"),
		"s.yaml:3: node \"a\": way-point 2: it leaves before it has come there; put them in order of time" },
	{ WAY("{to: [1, 1], leave: 60, at: 70}"),
		"s.yaml:3: node \"a\": way-point 1: it leaves when everything is over; write for: with a longer time" },
	{ WAY("{to: [1, 1]}"),
		"s.yaml:3: node \"a\": way-point 1: how does it go there? write either at: 300 or speed: 40km/h" },
	{ WAY("{to: [1, 1], speed: -3km/h}"),
		"s.yaml:3: node \"a\": way-point 1: that is not a speed; write speed: 40km/h or 5m/s" },
	{ SOMEWHERE "links:\n  - {name: l, preset: mesh-radio, range: 5km, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: link \"l\": where is node \"b\"? write position: [4km, 1.5km] in its line" },
	{ SOMEWHERE "links:\n  - {name: l, preset: fibre, range: 5km, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: link \"l\": only radios have a range; remove it, or write preset: mesh-radio" },
	{ SOMEWHERE "links:\n  - {name: l, preset: mesh-radio, range: -5km, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: link \"l\": \"-5km\" is not a range; write range: 8km" },
	{ SOMEWHERE "events:\n  - {at: 10, do: move b 1km 1km}\n",
		"s.yaml:6: node \"b\" is nowhere before; give it a position: [0, 0]" },
	{ SOMEWHERE "events:\n  - {at: 10, do: move a 1km}\n", "s.yaml:6: \"1km\" is not where to; write move NODE 4km "
							       "1.5km, and behind it, if not at once, by 300 or at "
							       "40km/h" },
	{ SOMEWHERE "events:\n  - {at: 10, do: move a 1km 1km by 5}\n",
		"s.yaml:6: it cannot be there before it leaves; write by with a later time than at:" },
	{ SOMEWHERE "events:\n  - {at: 10, do: arrive a there}\n",
		"s.yaml:6: \"there\" is not a place; write arrive NODE 4km 1.5km" },
	{ SOMEWHERE "events:\n  - {at: 10, do: clock a tomorrow}\n",
		"s.yaml:6: \"tomorrow\" is not a day; write clock NODE 2040-01-31, and trusted behind it, if its clock "
		"is "
		"to be believed" },
	{ SOMEWHERE "events:\n  - {at: 10, do: leave c}\n", "s.yaml:6: there is no node \"c\"; name one of nodes:" },
	{ SOMEWHERE "events:\n  - {at: 10, do: leave a soon}\n",
		"s.yaml:6: \"soon\" is too much; an order is a verb and a name" },
	{ LINKS "events:\n  - {at: 10, do: jam l 0% for 3s}\n", "s.yaml:8: \"0% for 3s\" is not how to jam; write jam "
								"LINK 90% for 30s, and behind it, if not everywhere, "
								"at 4km 1.5km within 2km" },
	{ LINKS "events:\n  - {at: 10, do: jam l for 3s at 0 0 within 2km}\n",
		"s.yaml:8: no node on it has a position; give them position: [X, Y], or jam everywhere" },
	{ LINKS "events:\n  - {at: 10, do: jam m for 3s}\n",
		"s.yaml:8: there is no link \"m\"; name one of links:, or a preset for all of its kind" },
	{ LINKS "events:\n  - {at: 10, every: 2, until: 5, do: cut l}\n",
		"s.yaml:8: until 5 is before the first time; write a later one, or an earlier at:" },
	{ "nodes: [{name: a}]\n", "s.yaml:1: how long does it go on? write for: 60 (seconds of virtual time)" },
	{ "for: 60\nlinks: []\n", "s.yaml: there are no nodes; write nodes: and below it - {name: a}" },
	{ "for: 60\nseed: x\nnodes: [{name: a}]\n", "s.yaml:2: seed \"x\" is not a number" },
	{ "for: 60\nnodes:\n  - {name: a}\n  - {name: a}\n", "s.yaml:4: there are two nodes \"a\"; rename one" },
	{ "for: 60\nnodes:\n  - {name: a, level: county}\n",
		"s.yaml:3: node \"a\": level is city, district, town or scene, not \"county\"" },
	{ "for: 60\nnodes:\n  - {name: a, colour: red}\n", "s.yaml:3: \"colour\" is not a field; known are name level "
							   "power battery expires plain position mobility "
							   "prefixes watch classes guest" },
	{ "for: 60\nnodes:\n  - {name: a, classes: {rules: [bulk utp]}}\n",
		"s.yaml:3: node \"a\": rule \"bulk utp\" has a word that is none; write CLASS [PREFIX] [from PREFIX] "
		"[to "
		"PREFIX] [tcp|udp|icmp|NUMBER] [port 5060-5080] [dscp EF], or CLASS any" },
	{ "for: 60\nnodes:\n  - {name: a, classes: {limits: [bulk fast]}}\n",
		"s.yaml:3: node \"a\": limit \"bulk fast\" has a rate that is none; write 1k or more (bit/s), as 128k "
		"or "
		"2M, or none" },
	{ NODES "links:\n  - {name: l, preset: geo-satellite, mtu: 1280, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: a node refuses the link: link:3: link \"r0\": mtu \"1280\" is out of range; write 1361 to "
		"2096, "
		"1400 is usual" },
	{ NODES "links:\n  - {name: l, preset: mesh-radio, ends: [a:r0, x:r0]}\n",
		"s.yaml:6: link \"l\": end \"x:r0\" names no node; write NODE:INTERFACE" },
	{ NODES "links:\n  - {name: l, preset: mesh-radio, rate: -2M, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: link \"l\": rate \"-2M\" is not a rate; write 2M, 9.6k or none" },
	{ NODES "links:\n  - {name: l, preset: fibre, ends: [a:r0]}\n",
		"s.yaml:6: link \"l\" has fewer than two ends; write ends: [a:eth0, b:eth0]" },
	{ NODES "links:\n  - {name: l, preset: fibre, ends: [a:r0, b:r0]}\n"
		"  - {name: m, preset: mesh-radio, ends: [a:r0, b:r1]}\n",
		"s.yaml:7: \"a:r0\" ends a link of another kind; give it an interface of its own" },
	{ NODES "links:\n  - {name: l, preset: fibre, nat: yes, ends: [a:r0, b:r0]}\n",
		"s.yaml:6: link \"l\": nat is yes, no or symmetric, and only for satellites and cellular" },
	{ NODES "links:\n  - {name: l, preset: cellular, nat: full-cone, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": nat is yes, no or symmetric, and only for satellites and cellular" },
	{ NODES "links:\n  - {name: l, preset: fibre, box: house, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": its first end is behind no NAT box" },
	{ NODES "links:\n  - {name: l, preset: cellular, nat: no, hairpin: yes, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": its first end is behind no NAT box" },
	{ NODES "links:\n  - {name: l, preset: cellular, hairpin: yes, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": hairpin is yes or no, and only where several are behind one box; write box: "
		"NAME" },
	{ NODES "links:\n  - {name: l, preset: cellular, box: house, hairpin: perhaps, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": hairpin is yes or no, and only where several are behind one box; write box: "
		"NAME" },
	{ NODES "links:\n  - {name: l, preset: cellular, box: a house, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": the name of a box is 1 to 31 letters, digits, . _ or -" },
	{ NODES "links:\n  - {name: l, preset: cellular, box: house, hairpin: yes, ends: [a:e, b:e]}\n"
		"  - {name: m, preset: cellular, box: house, ends: [b:f, a:f]}\n",
		"s.yaml:7: link \"m\": box \"house\" is of another kind in link \"l\"; write the same nat and "
		"hairpin" },
	{ NODES "links:\n  - {name: l, preset: cellular, box: house, ends: [a:e, b:e]}\n"
		"  - {name: m, preset: cellular, ends: [a:e, b:f]}\n",
		"s.yaml:7: \"a:e\" ends a link of another kind; give it an interface of its own" },
	{ NODES "links:\n  - {name: l, preset: fibre, calls: no, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": calls is no, and only for satellites and cellular; the boxes that its ends are "
		"behind are said where they call" },
	{ NODES "links:\n  - {name: l, preset: cellular, calls: no, nat: yes, ends: [a:e, b:e]}\n",
		"s.yaml:6: link \"l\": calls is no, and only for satellites and cellular; the boxes that its ends are "
		"behind are said where they call" },
	{ NODES "links:\n  - {name: l, preset: cellular, introductions: perhaps, ends: [a:e, b:e]}\n",
		"s.yaml:6: a node refuses the link: link:3: link \"e\": introductions \"perhaps\" is neither yes nor "
		"no; "
		"write one of them" },
	{ LINKS "events:\n  - {at: 10, do: cut m}\n",
		"s.yaml:8: there is no link \"m\"; name one of links:, or a preset for all of its kind" },
	{ LINKS "events:\n  - {at: 10, do: explode a}\n",
		"s.yaml:8: \"explode\" is not an order; known are cut, silence, restore, set, jam, power-off, "
		"power-on, "
		"mains-off, mains-on, arrive, leave, move, replace, wipe, rebind, damage, stall, clock, revoke, "
		"write" },
	{ SOMEWHERE "events:\n  - {at: 10, do: revoke a at nowhere}\n",
		"s.yaml:6: \"at nowhere\" is not where; write revoke NODE, or revoke NODE at ANOTHER" },
	{ SOMEWHERE "events:\n  - {at: 10, do: write a to nowhere}\n",
		"s.yaml:6: \"to nowhere\" is not to whom; write write NODE to ANOTHER, and urgent behind it" },
	{ LINKS "events:\n  - {at: 10, do: stall a}\n", "s.yaml:8: \"\" is not how long; write stall NODE 3s" },
	{ LINKS "events:\n  - {at: -10, do: cut l}\n",
		"s.yaml:8: an event needs its time after the start; write at: 12.5 (seconds)" },
	{ LINKS "events:\n  - {at: 60, do: cut l}\n",
		"s.yaml:8: at 60 everything is over; write for: with a longer time, or an earlier event" },
	{ LINKS "flows:\n  - {name: f, from: a, to: nobody}\n",
		"s.yaml:8: flow \"f\": \"nobody\" is neither a node nor an IPv6 address; name one of nodes:, or write "
		"fd09::1" },
	{ LINKS "flows:\n  - {name: f, from: a, to: b, size: 9000}\n",
		"s.yaml:8: flow \"f\": packets have 72 to 1280 bytes; write size: 200" },
	{ FLOWS "expect:\n  - gap: {flow: g, at most: 1}\n", "s.yaml:10: gap: there is no flow \"g\"; name one" },
	{ FLOWS "expect:\n  - gap: {flow: f}\n", "s.yaml:10: gap needs its limit; write at most: 5 (seconds)" },
	{ FLOWS "expect:\n  - share: {link: l, at most: 5}\n", "s.yaml:10: share needs its limit; write at most: 5%" },
	{ FLOWS "expect:\n  - reach: {from: a, to: b, after: 50, within: 20}\n",
		"s.yaml:10: reach needs a time that ends with the plan at the latest; write within: 10" },
	{ FLOWS "expect:\n  - reach: {from: a, to: b, every: 0, within: 20}\n",
		"s.yaml:10: reach asks again and again, and not all the time; write every: 0.1, or leave it out" },
	{ FLOWS "expect:\n  - revoked: {node: a}\n",
		"s.yaml:10: revoked needs a time that ends with the plan at the latest; write within: 10" },
	{ FLOWS "expect:\n  - reach: {from: a, to: a, within: 20}\n",
		"s.yaml:10: reach is from a node to another one; name two" },
	{ FLOWS "expect:\n  - reach: {from: a, to: b, class: video, within: 20}\n",
		"s.yaml:10: there is no class \"video\"; write text, command, voice or bulk" },
	{ LINKS "linger: long\n",
		"s.yaml:7: \"long\" is not a time; write linger: 20 (seconds), or nothing to go on to the end" },
	{ FLOWS "expect:\n  - whole: {class: video, within: 20}\n",
		"s.yaml:10: there is no class \"video\"; write text, command, voice or bulk" },
	{ FLOWS "expect:\n  - share: {link: l, kind: thin, at most: 5%}\n",
		"s.yaml:10: share is of one link or of a kind; write link: NAME or kind: thin" },
	{ FLOWS "expect:\n  - share: {kind: thick, at most: 5%}\n",
		"s.yaml:10: share: there is no kind \"thick\"; write thin or one of " },
	{ FLOWS "expect:\n  - arrives: {file: image, within: 10}\n",
		"s.yaml:10: arrives: there is no file \"image\"; name one of files:" },
	{ FILES "expect:\n  - arrives: {file: image}\n",
		"s.yaml:10: arrives needs a time from the file's start that ends with the plan at the latest; write "
		"within: 600" },
	{ FILES "expect:\n  - arrives: {file: image, within: 60}\n",
		"s.yaml:10: arrives needs a time from the file's start that ends with the plan at the latest; write "
		"within: 600" },
	{ FILES "expect:\n  - arrives: {file: image, within: -3}\n",
		"s.yaml:10: \"-3\" is not a time; write 12.5 (seconds) or 100ms" },
	{ LINKS "groups:\n  - {name: g, members: [a, nobody]}\n",
		"s.yaml:8: there is no node \"nobody\"; name one of nodes:" },
	{ LINKS "groups:\n  - {name: g, members: [a]}\n",
		"s.yaml:8: group \"g\": who talks to whom? write members: [city, scene]" },
	{ LINKS "groups:\n  - {name: g, members: [a, b, a]}\n",
		"s.yaml:8: group \"g\": a is in it twice; name each member once" },
	{ LINKS "groups:\n  - {name: g, members: [a, b], budget: 50ms}\n",
		"s.yaml:8: group \"g\": a frame takes 10ms to 480ms, and the budget must be longer; write frame: 60ms, "
		"budget: 400ms" },
	{ LINKS "groups:\n  - {name: g, members: [a, b], rate: -9}\n",
		"s.yaml:8: group \"g\": a codec's rate is 300 to 512k, and a frame fits a packet; write rate: 2.4k" },
	{ LINKS "groups:\n  - {name: g, members: [a, b], start: 70}\n",
		"s.yaml:8: group \"g\": it must start before it ends, and end with the plan at the latest" },
	{ LINKS "expect:\n  - usable: {group: g, at most: 5%}\n",
		"s.yaml:8: usable: there is no group \"g\"; name one" },
	{ LINKS "files:\n  - {name: f, from: a, to: nobody, size: 2M}\n",
		"s.yaml:8: there is no node \"nobody\"; name one of nodes:" },
	{ LINKS "files:\n  - {name: f, from: a, to: a, size: 2M}\n",
		"s.yaml:8: file \"f\": it is at a already; send it to another node" },
	{ LINKS "files:\n  - {name: f, from: a, to: b, size: -2M}\n",
		"s.yaml:8: file \"f\": \"-2M\" is not a size from 1 byte to 100 MB; write size: 2M" },
	{ LINKS "files:\n  - {name: f, from: a, to: b, size: 2G}\n",
		"s.yaml:8: file \"f\": \"2G\" is not a size from 1 byte to 100 MB; write size: 2M" },
	{ LINKS "files:\n  - {name: f, from: a, to: b, size: 2M, start: 60}\n",
		"s.yaml:8: file \"f\": at its start everything is over; start it earlier" },
	{ FLOWS "expect:\n  - {}\n",
		"s.yaml:10: an expectation is one of reach, gap, lost, fallen, share, moves, whole, "
		"arrives, usable, carried, sessions, entries, routed, relayed, floor, revoked, known, outage, "
		"delivered; write "
		"each in a "
		"line of its own" },
	{ "for: 60\nnodes:\n  - {name: a, watch: [a]}\n",
		"s.yaml:3: node \"a\": there is no other node \"a\" to watch; name one" },
	{ "for: 60\nnodes:\n  - {name: a, watch: [b]}\n",
		"s.yaml:3: node \"a\": there is no other node \"b\" to watch; name one" },
	{ "for: 60\nnodes:\n  - {name: a, guest: {for: 10min, to: [a]}}\n",
		"s.yaml:3: node \"a\": whose guest is it? write agency: fire" },
	{ "for: 60\nnodes:\n  - {name: a, guest: {agency: fire, for: 1s, to: [a]}}\n",
		"s.yaml:3: node \"a\": for how long? write for: 10min (a minute at least)" },
	{ "for: 60\nnodes:\n  - {name: a, guest: {agency: fire, for: 10min}}\n",
		"s.yaml:3: node \"a\": whom may it meet? write to: [NODE]" },
	{ "for: 60\nnodes:\n  - {name: a, guest: {agency: fire, for: 10min, to: [a]}}\n",
		"s.yaml:3: node \"a\": to names a node that is not there, or itself" },
	{ FLOWS "expect:\n  - outage: {node: a, site: b, mark: text, within: 5}\n",
		"s.yaml:10: outage: \"a\" does not watch \"b\"; write watch: [b] at that node" },
	{ FLOWS "expect:\n  - outage: {node: a, site: b, mark: smell, within: 5}\n",
		"s.yaml:10: outage needs a mark and a time; write mark: start, contact, text, voice, picture or "
		"restored, and within: 30 (or never)" },
	{ FLOWS "expect:\n  - outage: {node: a, site: b, mark: text}\n",
		"s.yaml:10: outage needs a mark and a time; write mark: start, contact, text, voice, picture or "
		"restored, and within: 30 (or never)" },
	{ FLOWS "expect:\n  - share: {link: l, at most: 5%, over: 2h}\n",
		"s.yaml:10: share: a mean is of one link, over a time that ends with the plan at the latest; write "
		"link: NAME, over: 1h" },
	{ FLOWS "expect:\n  - carried: {link: l, class: bulk}\n",
		"s.yaml:10: carried is of a link and a class, in bytes; write carried: {link: NAME, class: bulk, at "
		"most: 0}" },
	{ "for: 1\nnodes: [{name: a}]\ncrowds:\n  - {hub: a}\n",
		"s.yaml:4: around whom is the crowd, and how many are they? " },
	{ "for: 1\nnodes: [{name: a}]\ncrowds:\n  - {hub: a, nodes: many}\n",
		"s.yaml:4: crowds: \"many\" is not a number from 1 to 3072" },
	{ "for: 1\ntree: {nodes: 30}\nnodes: [{name: a}]\ncrowds:\n  - {hub: a, nodes: 3}\n",
		"s.yaml:5: a plan has a tree or crowds; remove one" },
	{ "for: 1\ntree: {nodes: 2}\n", "s.yaml:2: tree: " },
	/* What has grown has no line of its own. */
	{ "for: 1\nnodes: [{name: a}]\ncrowds:\n  - {hub: a, nodes: 3, preset: nothing}\n"
	  "links:\n  - {name: l, preset: fibre, ends: [a:x, a-1:x]}\n",
		"s.yaml:4: link \"a-1\": preset \"nothing\" is not known; " },
	{ "for: 1\nnodes: [{name: b}]\ncrowds:\n  - {hub: a, nodes: 3}\n",
		"s.yaml:4: link \"a-1\": end \"a:crowd\" names no node; " },
	{ "for: 1\nnodes:\n  - {name: far}\n  - {name: city}\ntree: {nodes: 30}\n",
		"s.yaml:5: there are two nodes \"city\"; rename one" },
	{ "for: 1\nbudget: much\nnodes: [{name: a}]\n",
		"s.yaml:2: budget is yes (nodes keep to the budget of a link) or no" },
	{ "for: 1\nnodes:\n  - {name: a, plain: very}\n", "s.yaml:3: node \"a\": plain is yes " },
};

static void classes_files_and_kinds_are_read(void **state)
{
	struct plan *p = good(LINKS "flows: [{name: f, from: a, to: b, class: command}, {name: g, from: a, to: b}]\n"
				    "files: [{name: i, from: a, to: b, size: 2 MB}, {name: j, from: b, to: a, size: "
				    "1.5k, class: text}]\n"
				    "expect:\n"
				    "  - reach: {from: b, to: a, class: bulk, after: 7, within: 20}\n"
				    "  - share: {kind: thin, at most: 5%}\n"
				    "  - share: {kind: mesh-radio, at most: 5%}\n"
				    "  - arrives: {file: j, within: 9}\n");

	(void)state;
	assert_int_equal(p->flows[0].class, PLAN_COMMAND);
	assert_int_equal(p->flows[1].class, PLAN_TEXT);
	assert_int_equal(p->file_count, 3);
	assert_int_equal(p->files[0].size, 2000000);
	assert_int_equal(p->files[0].class, PLAN_BULK);
	assert_int_equal(p->files[1].size, 1500);
	/* What a reach of pictures sends comes behind those of the plan. */
	assert_int_equal(p->expect[0].file, 2);
	assert_int_equal(p->files[2].from, 1);
	assert_int_equal(p->files[2].start_us, 7000000);
	assert_true(p->expect[1].is_thin && !p->expect[1].kind);
	assert_string_equal(p->expect[2].kind->name, "mesh-radio");
	assert_int_equal(p->expect[3].from, 1);
	plan_free(p);
}

static void every_refusal_names_line_and_remedy(void **state)
{
	char error[PLAN_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_null(parse(refusals[i].yaml, error));
		/* What ends in a space goes on with a list. */
		size_t len = strlen(refusals[i].line);
		if (refusals[i].line[len - 1] == ' ')
			error[len] = '\0';
		assert_string_equal(error, refusals[i].line);
	}
}

static void a_file_that_is_not_there_is_named(void **state)
{
	char error[PLAN_ERROR_MAX];

	(void)state;
	assert_null(plan_load("/nonexistent/s.yaml", error));
	assert_string_equal(error, "/nonexistent/s.yaml: cannot be read: No such file or directory; name a scenario "
				   "that is there");
}

/* Much rubbish is refused before it is read whole. */
static void rubbish_of_any_size_is_refused(void **state)
{
	char path[] = "/tmp/world_plan_XXXXXX", error[PLAN_ERROR_MAX];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 100000000), 0);
	assert_null(plan_load(path, error));
	assert_non_null(strstr(error, "more than 4 megabytes; this is not a scenario"));
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_take_their_node_side_from_the_daemons_presets),
		cmocka_unit_test(a_node_is_told_what_its_link_carries),
		cmocka_unit_test(several_links_may_end_in_one_interface),
		cmocka_unit_test(limits_are_read_in_their_units),
		cmocka_unit_test(nodes_are_somewhere_live_on_something_and_go_somewhere),
		cmocka_unit_test(trees_and_crowds_are_grown),
		cmocka_unit_test(a_tree_that_was_grown_keeps_its_places),
		cmocka_unit_test(classes_files_and_kinds_are_read),
		cmocka_unit_test(every_refusal_names_line_and_remedy),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(rubbish_of_any_size_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
