/*
 * Group voice: who has something to say listens whether somebody speaks, presses,
 * and sends the frames of a codec to each other member until the spurt is over.
 *
 *   silent ── wish, nobody heard ──► talking ── spurt over, power lost ──► silent
 *      └───── wish, somebody heard: again in a moment
 *
 * A frame is in time if it is at the listener's ear within the group's budget from
 * the mouth: its own length until it is complete, and its way. It is counted even if
 * the listener was talking himself, which is told apart.
 */
#ifndef SIM_WORLD_VOICE_H
#define SIM_WORLD_VOICE_H

#include "sim/world/traffic.h"

/* What a member heard of another: the listener's station alone writes it. */
struct voice_ear {
	uint8_t *in_time; /* a bit for each frame */
	uint32_t capacity; /* frames that it has bits for */
};

struct voice_member {
	struct timer timer;
	struct voice *voice;
	unsigned index;
	struct station *station;
	struct prng prng;
	/* Talking. */
	bool is_talking;
	uint64_t until_us;
	uint32_t sent, capacity;
	uint64_t *sent_us; /* when each frame left */
	uint32_t spurts, waits; /* how often it pressed, and how often it found somebody speaking */
	struct timeline said; /* frames */
	/* Listening. */
	uint64_t heard_us; /* the last frame */
	uint32_t late, talked_over;
	struct voice_ear *ears; /* by member */
	struct timeline heard; /* frames in time, in the step in which they left */
};

struct voice {
	struct trial *trial;
	unsigned index;
	const struct plan_group *conf;
	struct voice_member *members;
};

struct voice_outcome {
	uint32_t wanted, in_time; /* frames */
	uint64_t gap_us; /* the most speech of one talker that was missed in one go */
};

/* What a member heard of frames that left at after_us of the world or later. The world has ended. */
struct voice_outcome voice_outcome(const struct voice *v, unsigned listener, uint64_t after_us);

#endif
