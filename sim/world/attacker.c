/*
 * Somebody at a link who is none of its nodes. He hears all, knows no session's
 * keys, and need not wait for the medium.
 *
 *   what passes ──► held back (delay) ──► the receiver, later
 *               ├─► kept (replay) ──► the receiver or the sender again, from
 *               │                     where it came or from elsewhere
 *               └─► kept (garble) ──► the same with other bits, shorter or longer
 *   made up (flood): first handshake messages with right mac1, as who has captured
 *                    a node could make them; each differs, few are computed whole
 */
#include "sim/world/trial.h"

#include <stdlib.h>
#include <string.h>

#define LOOT_MAX 4096 /* frames that are kept: the first half stays, the rest is renewed */
#define FORGED 32 /* first messages, half of each pattern */
#define FRAME_COOKIE 4
#define FLAG_IK 1
#define INIT_HEAD 8
#define MACS_LEN (MAC_LEN + MAC_LEN)

struct kept {
	uint64_t heard_us;
	unsigned from, to;
	bool is_addressed;
	struct endpoint source, destination;
	struct sealed sealed;
	size_t len;
	uint8_t data[NODE_FRAME_MAX];
};

struct loot {
	unsigned count;
	uint64_t heard;
	struct kept *frames[LOOT_MAX];
};

/* --- what he keeps ------------------------------------------------------------------------ */

static struct kept *loot_place(struct loot *l, struct prng *prng)
{
	unsigned at = l->count;

	if (l->count < LOOT_MAX)
		l->frames[l->count++] = world_alloc(sizeof(struct kept));
	else
		at = LOOT_MAX / 2 + (unsigned)prng_below(prng, LOOT_MAX / 2);
	l->heard++;
	return l->frames[at];
}

static void loot_free(struct loot *l)
{
	for (unsigned i = 0; l && i < l->count; i++)
		free(l->frames[i]);
	free(l);
}

static bool is_prey(const struct plan_attack *a, const struct port *p, struct bytes frame)
{
	bool is_handshake = frame.data[0] >= 1 && frame.data[0] <= FRAME_COOKIE;

	return a->prey == PREY_ALL || (a->prey == PREY_DATA ? port_frame_is_data(p, frame) : is_handshake);
}

static void keep(struct trial_attack *a, unsigned from, unsigned to, const struct endpoint *source,
	const struct endpoint *destination, const struct sealed *sealed, struct bytes frame, uint64_t due_us)
{
	struct kept *k = loot_place(a->loot, &a->prng);

	k->heard_us = due_us;
	k->from = from;
	k->to = to;
	k->source = *source;
	k->is_addressed = destination;
	if (destination)
		k->destination = *destination;
	k->sealed = *sealed;
	k->len = frame.len;
	memcpy(k->data, frame.data, frame.len);
}

static uint64_t hold(struct trial_attack *a, const struct segment *g, unsigned to)
{
	uint64_t now_us = world_time_us(g->w);

	if (now_us < a->conf->from_us || now_us >= a->conf->until_us ||
		(a->conf->node >= 0 && g->ends[to].port->station->index != (unsigned)a->conf->node))
		return 0;
	a->frames++;
	return a->conf->by_us;
}

static uint64_t attack_heard(void *user, const struct segment *g, unsigned from, unsigned to,
	const struct endpoint *source, const struct endpoint *destination, const struct sealed *sealed,
	struct bytes frame, uint64_t due_us)
{
	struct trial *t = user;
	uint64_t held_us = 0;

	for (unsigned i = 0; i < t->plan->attack_count; i++) {
		struct trial_attack *a = &t->attacks[i];

		if (a->conf->kind == ATTACK_DELAY && a->conf->link == g->index)
			held_us += hold(a, g, to);
		else if (a->loot && a->conf->kind != ATTACK_FLOOD && a->conf->link == g->index &&
			 is_prey(a->conf, g->ends[from].port, frame))
			keep(a, from, to, source, destination, sealed, frame, due_us);
	}
	return held_us;
}

/* --- what he sends ---------------------------------------------------------------------------- */

static struct endpoint elsewhere(struct prng *prng, bool is_new)
{
	uint64_t draw = is_new ? prng_next(prng) : 0;

	return (struct endpoint){ 6, { 172, (uint8_t)(draw >> 32), (uint8_t)(draw >> 24), (uint8_t)(draw >> 16),
					     (uint8_t)(draw >> 8), (uint8_t)draw } };
}

/* Mostly as it was; now and then to its sender, from elsewhere, or as said to all. */
static void replay(struct trial_attack *a)
{
	struct segment *g = a->trial->world->segments[a->conf->link];
	const struct kept *k = a->loot->count ? a->loot->frames[prng_below(&a->prng, a->loot->count)] : NULL;
	struct endpoint stranger = elsewhere(&a->prng, true);
	uint64_t how = prng_below(&a->prng, 8);

	if (!k || g->w->now_us <= k->heard_us)
		return;
	a->frames++;
	segment_inject(g, how == 0 ? k->to : k->from, how == 0 ? k->from : k->to, how == 1 ? &stranger : &k->source,
		k->is_addressed && how != 2 ? &k->destination : NULL, &k->sealed, bytes_of(k->data, k->len));
}

/* Other bits, fewer or more of them, or none that ever were: nobody sealed that. */
static size_t bytes_spoil(struct prng *prng, uint8_t *data, size_t len)
{
	struct random random = prng_random(prng);
	size_t at = (size_t)prng_below(prng, len), more = 0;

	switch (prng_below(prng, 6)) {
	case 0:
		return at;
	case 1:
		more = 1 + (size_t)prng_below(prng, 64);
		if (len + more > NODE_FRAME_MAX)
			return at;
		random_fill(&random, data + len, more);
		return len + more;
	case 2:
		/* Another counter, index or header: what was sealed is as it was. */
		data[prng_below(prng, len < FRAME_HEADER ? len : FRAME_HEADER)] ^= (uint8_t)(1 + prng_below(prng, 255));
		return len;
	case 3:
		random_fill(&random, data + at, len - at);
		data[at] = (uint8_t)~data[at];
		return len;
	case 4:
		random_fill(&random, data, len);
		return len;
	default:
		data[at] ^= (uint8_t)(1u << prng_below(prng, 8));
		return len;
	}
}

static void garble(struct trial_attack *a)
{
	static const struct sealed nobody = { 0 };
	struct segment *g = a->trial->world->segments[a->conf->link];
	const struct kept *k = a->loot->count ? a->loot->frames[prng_below(&a->prng, a->loot->count)] : NULL;
	struct endpoint stranger = elsewhere(&a->prng, true);
	uint8_t data[NODE_FRAME_MAX];

	if (!k || !k->len)
		return;
	memcpy(data, k->data, k->len);
	size_t len = bytes_spoil(&a->prng, data, k->len);
	if (len == k->len && memcmp(data, k->data, len) == 0)
		return;
	a->frames++;
	segment_inject(g, k->from, k->to, prng_below(&a->prng, 4) == 0 ? &stranger : &k->source,
		k->is_addressed ? &k->destination : NULL, &nobody, bytes_of(data, len));
}

/* A first message without its macs, which come last. */
static void forge(struct trial_attack *a, struct kept *k, enum noise_pattern pattern)
{
	const struct station *target = a->trial->world->stations[a->conf->node];
	const struct enrolment *e = &target->enrolment;
	struct random random = prng_random(&a->prng);
	bool is_ik = pattern == NOISE_IKPSK2;
	struct writer w = writer_of(k->data, sizeof(k->data));
	struct secret_identity self;
	struct secret_noise noise;
	uint8_t prologue[8], payload[6 + CERTIFICATE_HASH_LEN];
	struct writer p = writer_of(prologue, sizeof(prologue));

	write_u8(&p, 1);
	write_u32(&p, e->authority.deployment);
	write_u8(&p, 0);
	identity_generate(&self, &random);
	random_fill(&random, payload, sizeof(payload));
	const struct noise_config config = { .pattern = pattern,
		.initiator = true,
		.prologue = writer_bytes(&p),
		.s_secret = self.dh_secret,
		.psk = e->psk,
		.remote_static = is_ik ? e->identity.public.dh : NULL };
	noise_init(&noise, &config);
	write_u8(&w, 1);
	write_u8(&w, is_ik ? FLAG_IK : 0);
	write_zeros(&w, INIT_HEAD - 2);
	if (noise_write(&noise, &random, bytes_of(payload, is_ik ? sizeof(payload) : 0), &w))
		abort();
	k->len = writer_len(&w);
	noise_done(&noise);
	identity_done(&self);
}

/* Another sender index makes another message: only its macs are computed anew. */
static void flood(struct trial_attack *a)
{
	static const struct sealed nobody = { 0 };
	struct segment *g = a->trial->world->segments[a->conf->link];
	const struct station *target = a->trial->world->stations[a->conf->node];
	struct kept *k = a->loot->frames[prng_below(&a->prng, a->loot->count)];
	struct endpoint source = elsewhere(&a->prng, a->conf->is_spoofed);
	struct writer index = writer_of(k->data + INIT_HEAD - 4, 4);
	uint8_t key[KEY_LEN];
	unsigned to = 0;

	while (g->ends[to].port->station != target)
		to++;
	write_u32(&index, (uint32_t)prng_next(&a->prng));
	mac1_key(key, target->enrolment.psk, k->data[1] & FLAG_IK ? target->enrolment.identity.public.dh : NULL);
	mac1_compute(k->data + k->len, key, bytes_of(k->data, k->len));
	memset(k->data + k->len + MAC_LEN, 0, MAC_LEN);
	a->frames++;
	segment_inject(g, to, to, &source, NULL, &nobody, bytes_of(k->data, k->len + MACS_LEN));
}

/* --- his clock ----------------------------------------------------------------------------------- */

static void attack_due(struct timer *timer, uint64_t now_us)
{
	struct trial_attack *a = container_of(timer, struct trial_attack, timer);
	struct world *w = a->trial->world;

	switch (a->conf->kind) {
	case ATTACK_DELAY:
		break; /* when frames pass */
	case ATTACK_REPLAY:
		replay(a);
		break;
	case ATTACK_GARBLE:
		garble(a);
		break;
	case ATTACK_FLOOD:
		flood(a);
		break;
	case ATTACK_MALFORM:
	case ATTACK_ANNOUNCE:
		trial_attack_by_node(a);
		break;
	}
	if (now_us + a->conf->every_us < WORLD_START_US + a->conf->until_us)
		timer_set(&w->heap, timer, now_us + a->conf->every_us);
}

void trial_attack_init(struct trial *t)
{
	struct world *w = t->world;

	for (unsigned i = 0; i < t->plan->attack_count; i++) {
		struct trial_attack *a = &t->attacks[i];

		timer_init(&a->timer, attack_due);
		a->trial = t;
		a->conf = &t->plan->attacks[i];
		prng_seed(&a->prng, prng_next(&w->prng));
		if (a->conf->kind == ATTACK_REPLAY || a->conf->kind == ATTACK_GARBLE || a->conf->kind == ATTACK_FLOOD)
			a->loot = world_alloc(sizeof(*a->loot));
		for (unsigned k = 0; k < FORGED && a->conf->kind == ATTACK_FLOOD; k++)
			forge(a, loot_place(a->loot, &a->prng), k % 2 ? NOISE_IKPSK2 : NOISE_XXPSK0);
		if (a->conf->every_us)
			timer_set(&w->heap, &a->timer, WORLD_START_US + a->conf->from_us);
	}
	if (t->plan->attack_count) {
		w->interfere = attack_heard;
		w->interfere_user = t;
	}
}

void trial_attack_done(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->attack_count; i++)
		loot_free(t->attacks[i].loot);
	free(t->attacks);
}

void trial_attacks_print(const struct trial *t, FILE *out)
{
	if (t->plan->attack_count)
		fprintf(out, "%-20s %9s %11s\n", "attack", "frames", "by");
	for (unsigned i = 0; i < t->plan->attack_count; i++) {
		const struct trial_attack *a = &t->attacks[i];

		fprintf(out, "%-20s %9llu %11s\n", a->conf->name, (unsigned long long)a->frames,
			plan_attack_name(a->conf->kind));
	}
}
