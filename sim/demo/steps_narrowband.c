/*
 * The last act: satellite and 4G are both dead, and what is left is the narrowband
 * radio between the backpack and the city, on a serial port of 9,600 baud. Text
 * goes over it; nobody would ask it for a picture.
 */
#include "sim/demo/run.h"
#include "sim/demo/tools.h"

#include <stdio.h>
#include <string.h>

#define TEXT_S 90
#define TEXT_FILE "order.txt"

static const char text[] =
	"To: city-post\nFrom: backpack-scene\nUrgent. 31 people on the roof of the school, water still rising.\n"
	"Two need insulin before night. Send boats to the east gate; the bridge is gone.\nAnswer by any way.\n";

static bool text_is_over(struct run *r)
{
	return process_is_over(&r->sender) && process_is_over(&r->receiver);
}

/* The narrowband is there all along, and costs too much while anything else lives. */
static bool narrowband_has_met(struct run *r)
{
	return watch_neighbours(&r->watch, who_names[RELAY], "vhf0") >= 1 &&
	       watch_neighbours(&r->watch, who_names[CITY], "vhf0") >= 1;
}

static bool text_send(struct run *r)
{
	static const enum who nodes[] = { SCENE, RELAY, CITY, WHO };

	timeline_say(&r->timeline, MARK_ACT, now_us(), who_names[SCENE], "sends a text of %zu bytes to the city",
		sizeof(text) - 1);
	if (!run_send(r, who_names[SCENE], who_names[CITY], r->address[CITY], TEXT_FILE, "received-order.txt", TEXT_S))
		return false;
	run_wait(r, now_us() + (TEXT_S + 2) * SECOND_US, text_is_over);
	json_t *received = run_answer(r, &r->receiver), *sent = received ? run_answer(r, &r->sender) : NULL;
	if (!received || !sent) {
		json_decref(received);
		return run_broken(r, nodes, "the text did not arrive by narrowband within %d s", TEXT_S);
	}
	uint64_t done = (uint64_t)json_integer_value(json_object_get(received, "done_us"));
	timeline_say(&r->timeline, MARK_KEPT, done, who_names[CITY],
		"has the text over the narrowband, %.1f s after 4G died, SHA-256 is equal",
		(double)(done - r->dead_us) / 1e6);
	json_object_set_new(r->facts, "text_received", received);
	json_object_set_new(r->facts, "text_sent", sent);
	return true;
}

bool step_narrowband(struct run *r)
{
	static const enum who nodes[] = { RELAY, CITY, WHO };

	timeline_say(&r->timeline, MARK_PHASE, now_us(), "demo",
		"Satellite and 4G are both dead: the narrowband still carries text");
	if (file_write(TEXT_FILE, bytes_of(text, sizeof(text) - 1)))
		return run_broken(r, nodes, "%s cannot be written; check the disk", TEXT_FILE);
	if (!run_wait(r, now_us() + TEXT_S * SECOND_US, narrowband_has_met))
		return run_broken(r, nodes, "the narrowband radios do not hear each other");
	r->dead_us = now_us();
	json_object_set_new(r->facts, "dead_us", json_integer((json_int_t)r->dead_us));
	if (!run_control(r, "silence", "cellular", "goes silent as well; nothing fast is left"))
		return false;
	if (!text_send(r))
		return false;
	run_way_note(r, "way_narrowband");
	return true;
}
