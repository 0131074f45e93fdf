/*
 * The steps that carry something:
 *
 *   image     scene -> relay -> vehicle -> satellite -> city
 *   failover  the satellite falls silent: the flow moves to 4G
 *   clear     the counter-proof for the scanner
 */
#include "sim/demo/flow.h"
#include "sim/demo/run.h"
#include "sim/demo/tools.h"

#include <stdio.h>
#include <string.h>

#define SETTLE_S 40 /* a way by radio proves itself for about twenty */
#define IMAGE_S 120
#define IMAGE_PORT "5202"
#define PICTURE "scene.jpg"
#define WARM_US (4 * SECOND_US)
#define GAP_S 20
#define AFTER_US (4 * SECOND_US)
#define LIVELY_US (SECOND_US / 2)

static json_t *time_json(uint64_t us)
{
	return json_integer((json_int_t)us);
}

static bool image_is_over(struct run *r)
{
	return process_is_over(&r->sender) && process_is_over(&r->receiver);
}

void run_way_note(struct run *r, const char *key)
{
	const char *const argv[] = { "meshctl", "why", "--socket", "nodes/backpack-relay/control.sock", who_names[CITY],
		NULL };
	char text[4096];

	if (!run_program(r, key, argv, text, sizeof(text)))
		return;
	json_object_set_new(r->facts, key, json_string(text));
	timeline_say(&r->timeline, MARK_SEEN, now_us(), who_names[RELAY], "meshctl why: %.*s", (int)strcspn(text, "\n"),
		text);
}

bool run_send(struct run *r, const char *from, const char *to, const char *address, const char *source,
	const char *path, unsigned within_s)
{
	char within[16];

	snprintf(within, sizeof(within), "%u", within_s);
	if (!run_tool(r, &r->receiver, "receive", to, "receive", "--on", address, "--port", IMAGE_PORT, "--file", path,
		    "--within", within, NULL))
		return false;
	run_pause(r, SECOND_US / 5);
	return run_tool(r, &r->sender, "send", from, "send", "--to", address, "--port", IMAGE_PORT, "--file", source,
		"--within", within, NULL);
}

/* 4G is there first: a satellite needs its round trips. The way by satellite costs less and takes over. */
static bool satellite_is_chosen(struct run *r)
{
	const struct known_route *up = watch_route(&r->watch, who_names[RELAY], who_names[CITY]);
	const struct known_route *down = watch_route(&r->watch, who_names[CITY], who_names[SCENE]);

	return up && down && strcmp(up->by, who_names[VEHICLE]) == 0 && strcmp(down->by, who_names[VEHICLE]) == 0;
}

bool step_image(struct run *r)
{
	static const enum who nodes[] = { SCENE, RELAY, VEHICLE, CITY, WHO };

	timeline_say(&r->timeline, MARK_PHASE, now_us(), "demo", "The first picture: two radio hops and the satellite");
	if (!run_wait(r, now_us() + SETTLE_S * SECOND_US, satellite_is_chosen))
		return run_broken(r, nodes, "the mesh does not choose the satellite within %d s", SETTLE_S);
	timeline_say(&r->timeline, MARK_KEPT, now_us(), "demo", "both ways lead over the satellite");
	run_way_note(r, "way_before");
	if (!run_send(r, who_names[SCENE], who_names[CITY], r->address[CITY], PICTURE, "received.jpg", IMAGE_S))
		return false;
	timeline_say(&r->timeline, MARK_ACT, now_us(), who_names[SCENE], "sends scene.jpg to the city");
	run_wait(r, now_us() + (IMAGE_S + 2) * SECOND_US, image_is_over);
	json_t *received = run_answer(r, &r->receiver), *sent = received ? run_answer(r, &r->sender) : NULL;
	if (!received || !sent) {
		json_decref(received);
		return run_broken(r, nodes, "the picture did not arrive whole within %d s", IMAGE_S);
	}
	uint64_t done = (uint64_t)json_integer_value(json_object_get(received, "done_us"));
	uint64_t start = (uint64_t)json_integer_value(json_object_get(sent, "start_us"));
	timeline_say(&r->timeline, MARK_KEPT, done, who_names[CITY],
		"has the picture: %.2f MB in %.1f s, SHA-256 is equal, %.1f s after power-on",
		(double)json_integer_value(json_object_get(received, "bytes")) / 1e6, (double)(done - start) / 1e6,
		(double)(done - r->power_on_us) / 1e6);
	json_object_set_new(r->facts, "image_received", received);
	json_object_set_new(r->facts, "image_sent", sent);
	return true;
}

static const char *const flow_paths[2] = { "flow-scene.csv", "flow-city.csv" };

/* When the last packet came in; 0: none so far. Reads the end of the record only. */
static uint64_t flow_last_us(const char *path)
{
	char tail[2048];
	FILE *file = fopen(path, "re");
	uint64_t last = 0;

	if (!file)
		return 0;
	if (fseek(file, -(long)sizeof(tail) + 1, SEEK_END) < 0)
		rewind(file);
	tail[fread(tail, 1, sizeof(tail) - 1, file)] = '\0';
	fclose(file);
	for (char *line = strstr(tail, "\nr,"); line && strchr(line + 1, '\n'); line = strstr(line + 1, "\nr,")) {
		unsigned long long seq, sent, got;

		if (sscanf(line, "\nr,%llu,%llu,%llu", &seq, &sent, &got) == 3)
			last = got;
	}
	return last;
}

static bool flows_are_lively(struct run *r)
{
	(void)r;
	for (unsigned i = 0; i < 2; i++)
		if (now_us() > flow_last_us(flow_paths[i]) + LIVELY_US)
			return false;
	return true;
}

static bool flows_are_silent(struct run *r)
{
	(void)r;
	for (unsigned i = 0; i < 2; i++)
		if (now_us() < flow_last_us(flow_paths[i]) + 2 * LIVELY_US)
			return false;
	return true;
}

static bool flows_start(struct run *r)
{
	const char *city = r->address[CITY], *scene = r->address[SCENE];

	return run_tool(r, &r->flows[0], "flow-scene", who_names[SCENE], "flow", "--on", scene, "--to", city,
		       "--record", flow_paths[0], NULL) &&
	       run_tool(r, &r->flows[1], "flow-city", who_names[CITY], "flow", "--on", city, "--to", scene, "--record",
		       flow_paths[1], NULL);
}

static bool flows_move(struct run *r)
{
	static const enum who nodes[] = { VEHICLE, RELAY, SCENE, CITY, WHO };

	r->silence_us = now_us();
	json_object_set_new(r->facts, "silence_us", time_json(r->silence_us));
	if (!run_control(r, "silence", "satellite", "goes silent; its carrier stays up"))
		return false;
	if (!run_wait(r, now_us() + 3 * SECOND_US, flows_are_silent))
		return run_broken(r, nodes, "the flow goes on without the satellite: it was not on it");
	timeline_say(&r->timeline, MARK_SEEN, now_us(), "flow", "nothing arrives any more");
	if (!run_wait(r, r->silence_us + GAP_S * SECOND_US, flows_are_lively))
		return run_broken(r, nodes, "the flow did not come back within %d s", GAP_S);
	timeline_say(&r->timeline, MARK_KEPT, now_us(), "flow", "arrives again on both sides, %.1f s after the cut",
		(double)(now_us() - r->silence_us) / 1e6);
	return true;
}

bool step_failover(struct run *r)
{
	static const enum who nodes[] = { SCENE, CITY, WHO };

	timeline_say(&r->timeline, MARK_PHASE, now_us(), "demo", "The satellite falls silent: 4G takes over");
	json_object_set_new(r->facts, "flow_us", time_json(now_us()));
	if (!flows_start(r))
		return false;
	timeline_say(
		&r->timeline, MARK_ACT, now_us(), "flow", "100 packets a second between scene and city, both ways");
	run_pause(r, WARM_US);
	if (!run_wait(r, now_us() + 5 * SECOND_US, flows_are_lively))
		return run_broken(r, nodes, "the flow does not run on the satellite");
	if (!flows_move(r))
		return false;
	run_pause(r, AFTER_US);
	run_way_note(r, "way_after");
	json_object_set_new(r->facts, "flow_end_us", time_json(now_us()));
	process_stop(&r->flows[0]);
	process_stop(&r->flows[1]);
	return true;
}

static bool sender_is_over(struct run *r)
{
	return process_is_over(&r->sender);
}

bool step_clear(struct run *r)
{
	static const enum who nobody[] = { WHO };

	timeline_say(&r->timeline, MARK_PHASE, now_us(), "demo",
		"Counter-proof: the same picture, unsealed, on a link of its own");
	if (!run_send(r, "probe-a", "probe-b", "192.0.2.2", PICTURE, "received-clear.jpg", IMAGE_S))
		return false;
	run_wait(r, now_us() + 30 * SECOND_US, image_is_over);
	json_t *received = run_answer(r, &r->receiver);
	json_decref(received);
	if (!received || !run_tool(r, &r->sender, "clear", "probe-a", "clear", "--to", "192.0.2.2", "--name",
				 who_names[SCENE], "--address", r->address[SCENE], NULL))
		return false;
	run_wait(r, now_us() + 5 * SECOND_US, sender_is_over);
	if (!process_is_over(&r->sender) || r->sender.status != 0)
		return run_broken(r, nobody, "the unsealed packets could not be sent");
	timeline_say(&r->timeline, MARK_KEPT, now_us(), "probe", "sent in clear, for the scanner to find");
	return true;
}
