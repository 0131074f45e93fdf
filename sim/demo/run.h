/* The demonstration in progress: what its steps share. Private to sim/demo/. */
#ifndef SIM_DEMO_RUN_H
#define SIM_DEMO_RUN_H

#include "meshd/base/address.h"
#include "sim/demo/process.h"
#include "sim/demo/timeline.h"
#include "sim/demo/watch.h"

enum who { CITY, DISTRICT, TOWN, VEHICLE, RELAY, SCENE, WHO };
extern const char *const who_names[WHO];

struct run {
	struct timeline timeline;
	struct watch watch;
	json_t *facts; /* what was measured, for the report: run.json */
	char address[WHO][ADDRESS_TEXT]; /* in the mesh */
	uint64_t outage_us, power_on_us, silence_us, dead_us; /* of the fibre, the team, the satellite, 4G */
	struct process ping, sender, receiver, flows[2];
	volatile const int *stop; /* a signal came */
};

/* Looks at logs each 20 ms until `is_done` or the deadline; false: deadline, or a signal. */
bool run_wait(struct run *r, uint64_t deadline_us, bool (*is_done)(struct run *r));
void run_pause(struct run *r, uint64_t us);
/* A step did not hold: says what, and the last words of the nodes concerned (WHO ends the list). Returns false. */
bool run_broken(struct run *r, const enum who *nodes, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Runs a short program to its end; `text` is what it printed, or why it failed. True: exit status 0. */
bool run_program(struct run *r, const char *name, const char *const *argv, char *text, size_t size);
/* meshlab ctl VERB ARGUMENT, told in the timeline; false with a line if refused. */
bool run_control(struct run *r, const char *verb, const char *argument, const char *told);
/* `meshdemo COMMAND ARGUMENTS...` inside a node; NULL ends the arguments. False with a line if it cannot start. */
bool run_tool(struct run *r, struct process *p, const char *name, const char *node, const char *command, ...);
/* The JSON line that a tool printed on success; NULL with its own words told. */
json_t *run_answer(struct run *r, struct process *p);

/* Starts to send a file: r->sender and r->receiver are over when it is there, or cannot be. */
bool run_send(struct run *r, const char *from, const char *to, const char *address, const char *source,
	const char *path, unsigned within_s);
/* What the mesh itself says of the way; for the page, not judged. */
void run_way_note(struct run *r, const char *key);

/* Steps, in order; each false when it did not hold. */
bool step_fibre(struct run *r);
bool step_outage(struct run *r);
bool step_power_on(struct run *r);
bool step_image(struct run *r);
bool step_failover(struct run *r);
bool step_narrowband(struct run *r);
bool step_clear(struct run *r);

#endif
