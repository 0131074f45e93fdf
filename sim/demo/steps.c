/*
 * The steps up to the first ping:
 *
 *   fibre     city - district - town, as on any day
 *   outage    the fibre is cut, the town has no power           T0
 *   power on  vehicle and two backpacks, from cold: first ping
 */
#include "sim/demo/run.h"
#include "sim/demo/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIBRE_S 15
#define DARK_US (2 * SECOND_US)
#define PING_S 30 /* deadlines are twice the goals, so that a miss is measured and not only missed */
#define NEIGHBOURS_S 30

static json_t *time_json(uint64_t us)
{
	return json_integer((json_int_t)us);
}

static bool ping_is_over(struct run *r)
{
	return process_is_over(&r->ping);
}

static bool ping_start(struct run *r, enum who from, enum who to, unsigned within_s)
{
	char within[16];

	snprintf(within, sizeof(within), "%u", within_s);
	return run_tool(r, &r->ping, "ping", who_names[from], "ping", "--to", r->address[to], "--within", within, NULL);
}

bool step_fibre(struct run *r)
{
	static const enum who nodes[] = { CITY, DISTRICT, TOWN, WHO };

	timeline_say(&r->timeline, MARK_PHASE, now_us(), "demo", "An ordinary day: city - district - town by fibre");
	if (!ping_start(r, TOWN, CITY, FIBRE_S))
		return false;
	run_wait(r, now_us() + (FIBRE_S + 1) * SECOND_US, ping_is_over);
	json_t *answer = run_answer(r, &r->ping);
	if (!answer)
		return run_broken(r, nodes, "the town does not reach the city over fibre");
	timeline_say(&r->timeline, MARK_KEPT, now_us(), who_names[TOWN], "pings the city: %.1f ms",
		(double)json_integer_value(json_object_get(answer, "rtt_us")) / 1e3);
	json_object_set_new(r->facts, "fibre_ping", answer);
	return true;
}

bool step_outage(struct run *r)
{
	static const enum who nodes[] = { CITY, DISTRICT, WHO };

	timeline_say(&r->timeline, MARK_PHASE, now_us(), "demo", "T0: power, network and road are gone");
	r->outage_us = now_us();
	r->timeline.zero_us = r->outage_us;
	json_object_set_new(r->facts, "outage_us", time_json(r->outage_us));
	if (!run_control(r, "cut", "fibre-town", "the fibre is cut") ||
		!run_control(r, "cut", "fibre-city", "the fibre is cut") ||
		!run_control(r, "power-off", "town-post", "the power is gone: daemon killed, interfaces down") ||
		!run_tool(r, &r->ping, "ping-dark", who_names[CITY], "ping", "--to", r->address[TOWN], "--within", "2",
			NULL))
		return false;
	run_wait(r, now_us() + DARK_US + SECOND_US, ping_is_over);
	if (!process_is_over(&r->ping) || r->ping.status == 0)
		return run_broken(r, nodes, "the town still answers the city: the outage is none");
	timeline_say(&r->timeline, MARK_KEPT, now_us(), who_names[CITY], "the town does not answer any more");
	return true;
}

static bool team_has_met(struct run *r)
{
	return watch_neighbours(&r->watch, who_names[VEHICLE], "radio0") >= 1 &&
	       watch_neighbours(&r->watch, who_names[VEHICLE], "sat0") >= 1 &&
	       watch_neighbours(&r->watch, who_names[RELAY], "radio0") >= 2 &&
	       watch_neighbours(&r->watch, who_names[RELAY], "cell0") >= 1 &&
	       watch_neighbours(&r->watch, who_names[SCENE], "radio0") >= 1;
}

/* Cold means: no state of an earlier life. */
static bool team_is_cold(struct run *r)
{
	static const enum who nobody[] = { WHO };

	for (enum who w = VEHICLE; w <= SCENE; w++) {
		char path[PROCESS_PATH_MAX];
		struct stat info;

		snprintf(path, sizeof(path), "nodes/%s/state", who_names[w]);
		if (stat(path, &info) == 0)
			return run_broken(r, nobody, "%s is not cold: %s is there already", who_names[w], path);
	}
	return true;
}

static bool first_ping(struct run *r)
{
	static const enum who nodes[] = { SCENE, RELAY, VEHICLE, CITY, WHO };

	run_wait(r, r->power_on_us + (PING_S + 1) * SECOND_US, ping_is_over);
	json_t *answer = run_answer(r, &r->ping);
	if (!answer)
		return run_broken(r, nodes, "no ping from the scene reached the city within %d s of power-on", PING_S);
	uint64_t answered = (uint64_t)json_integer_value(json_object_get(answer, "answered_us"));
	timeline_say(&r->timeline, MARK_KEPT, answered, who_names[SCENE],
		"first ping answered by the city, %.2f s after power-on (round trip %.0f ms)",
		(double)(answered - r->power_on_us) / 1e6,
		(double)json_integer_value(json_object_get(answer, "rtt_us")) / 1e3);
	json_object_set_new(r->facts, "first_ping", answer);
	return true;
}

/* Hardware addresses, to tell in the captures who sent what. */
static bool stations_note(struct run *r)
{
	static const struct {
		enum who who;
		const char *interface;
	} stations[] = { { VEHICLE, "radio0" }, { VEHICLE, "sat0" }, { RELAY, "radio0" }, { RELAY, "cell0" },
		{ SCENE, "radio0" } };
	static const enum who nobody[] = { WHO };
	json_t *noted = json_object();

	json_object_set_new(r->facts, "stations", noted);
	for (size_t i = 0; i < sizeof(stations) / sizeof(stations[0]); i++) {
		const char *node = who_names[stations[i].who];
		const char *const argv[] = { "meshlab", "exec", node, "ip", "-j", "link", "show", "dev",
			stations[i].interface, NULL };
		char text[1024], key[64];

		if (!run_program(r, "station", argv, text, sizeof(text)))
			return run_broken(r, nobody, "%s: %s", node, text);
		json_t *answer = json_loads(text, 0, NULL);
		const char *mac = json_string_value(json_object_get(json_array_get(answer, 0), "address"));
		snprintf(key, sizeof(key), "%s %s", node, stations[i].interface);
		if (mac)
			json_object_set_new(noted, key, json_string(mac));
		json_decref(answer);
		if (!mac)
			return run_broken(r, nobody, "%s has no hardware address", key);
	}
	return true;
}

bool step_power_on(struct run *r)
{
	static const enum who nodes[] = { SCENE, RELAY, VEHICLE, WHO };

	timeline_say(&r->timeline, MARK_PHASE, now_us(), "demo",
		"The team arrives: a vehicle and two backpacks are switched on");
	if (!team_is_cold(r))
		return false;
	r->power_on_us = now_us();
	json_object_set_new(r->facts, "power_on_us", time_json(r->power_on_us));
	if (!run_control(r, "power-on", who_names[VEHICLE], "switched on: mesh radio, satellite behind NAT") ||
		!run_control(r, "power-on", who_names[RELAY], "switched on: mesh radio, 4G behind NAT") ||
		!run_control(r, "power-on", who_names[SCENE], "switched on: mesh radio, out of the vehicle's range") ||
		!ping_start(r, SCENE, CITY, PING_S) || !first_ping(r))
		return false;
	if (!run_wait(r, r->power_on_us + NEIGHBOURS_S * SECOND_US, team_has_met))
		return run_broken(r, nodes, "not all neighbours were found within %d s of power-on", NEIGHBOURS_S);
	json_object_set_new(r->facts, "neighbours_us", time_json(now_us()));
	if (!stations_note(r))
		return false;
	if (watch_has_met(&r->watch, who_names[SCENE], "radio0", who_names[VEHICLE]))
		return run_broken(r, nodes, "the scene hears the vehicle: that is one radio hop, not two");
	timeline_say(&r->timeline, MARK_KEPT, now_us(), "demo", "radio, satellite and 4G have their neighbours");
	return true;
}
