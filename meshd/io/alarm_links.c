/* What is wrong with links, and with who is on them. */
#include "meshd/io/alarm_look.h"

#include <string.h>

#define FLAPPING_US (600 * SECOND_US) /* as many losses of neighbours on one link as are remembered, within */
#define BUDGET_PERMILLE 80 /* of 50: bursts that the budget lends for are not told */
#define FULL_PERMILLE 800
#define STRANGE_LEAST 3 /* frames a minute: one may be noise */
#define REFUSED_US (300 * SECOND_US) /* as long as the alarm lasts after the last of them */
#define ONE_WAY_HELD 8 /* hellos of the last 16, so that who does not hear us is heard well */

/* --- is it there? --------------------------------------------------------------------------- */

static void port_is_down(struct looker *l, const struct port *p)
{
	char what[PORT_ERROR_MAX];
	const char *remedy = view_port_error(p, what);

	look_see(l, ALARM_LINK, p->config->name, "", remedy, "link %s is down (%s): %s", p->config->name,
		port_state_name(p->state), what);
}

static void port_look(struct looker *l, const struct port *p)
{
	const uint64_t *lost_us = l->watch->lost_us[p->id];
	uint64_t oldest_us = lost_us[l->watch->lost_at[p->id] % ALARM_LOSSES];

	if (p->state != PORT_UP)
		port_is_down(l, p);
	else if (p->config->peer_count && !view_neighbours(l->v, p->id))
		look_see(l, ALARM_LINK, p->config->name, "",
			"check that the far end is switched on, and its address and port in both files",
			"link %s: nobody answers at %s", p->config->name, p->config->peers[0].host);
	if (oldest_us && l->v->now_us - oldest_us < FLAPPING_US)
		look_see(l, ALARM_FLAPPING, p->config->name, "", "look at antenna, plugs and power",
			"link %s comes and goes: %d neighbours lost in %u min", p->config->name, ALARM_LOSSES,
			(unsigned)(FLAPPING_US / (60 * SECOND_US)));
}

/* --- what is it used for? --------------------------------------------------------------------- */

static const char *spender_name(unsigned kind)
{
	static const char *const names[USE_KINDS] = { "what nodes say to each other", "voice and command", "text",
		"pictures and bulk", "what others send" };

	return names[kind];
}

/* On a channel where one speaks at a time others use it up as well. */
static void spent_note(struct use *spent, uint64_t now_us, const struct node_link_info *info)
{
	uint64_t counts[USE_KINDS] = { 0 };
	_Static_assert(NODE_LANES + 1 == USE_KINDS, "the lanes, and what is heard");

	for (unsigned lane = 0; lane < NODE_LANES; lane++)
		counts[lane] = info->lanes[lane].sent_bytes;
	counts[NODE_LANES] = info->config.is_half_duplex ? info->rx_bytes : 0;
	use_note(spent, now_us, counts);
}

static uint64_t rate_of(const struct node_link_info *info)
{
	uint64_t stated = info->config.rate_bps, learned = info->learned_bps;

	return learned && (!stated || learned < stated) ? learned : stated;
}

/* Thin ones: on others the sender has noticed by himself. */
static void full_look(struct looker *l, const struct node_link_info *info)
{
	struct use *spent = &l->watch->spent[info->id];
	uint64_t grown[USE_KINDS], rate_bps = rate_of(info), all = 0;
	unsigned most = 0;

	spent_note(spent, l->v->now_us, info);
	uint64_t span_us = use_over(spent, grown);
	if (!span_us || !info->up || !rate_bps || babel_rate_admits(rate_bps, BABEL_BULK))
		return;
	for (unsigned i = 0; i < USE_KINDS; i++) {
		all += grown[i];
		most = grown[i] > grown[most] ? i : most;
	}
	uint64_t permille = all * 8 * 1000 * SECOND_US / span_us / rate_bps;
	if (permille >= FULL_PERMILLE)
		look_see(l, ALARM_FULL, info->config.name, "",
			"send less there; what can wait, wait for a faster link (meshctl links shows each class)",
			"link %s is %u %% full, most of it (%u %%) %s", info->config.name, (unsigned)permille / 10,
			(unsigned)(grown[most] * 100 / all), spender_name(most));
}

static void budget_look(struct looker *l, const struct node_link_info *info)
{
	if (info->up && info->config.rate_bps && info->control_permille > BUDGET_PERMILLE)
		look_see(l, ALARM_BUDGET, info->config.name, "",
			"check the rate that is written for it, and how many nodes share the channel",
			"link %s: nodes take %u %% of it for themselves, 5 %% is meant for that", info->config.name,
			info->control_permille / 10);
}

/* --- who is on it? ------------------------------------------------------------------------------- */

static void strangers_look(struct looker *l, const struct node_link_info *info)
{
	const uint64_t counts[USE_KINDS] = { info->strange_frames };
	struct use *strange = &l->watch->strange[info->id];
	uint64_t grown[USE_KINDS];
	char from[ENDPOINT_TEXT];

	use_note(strange, l->v->now_us, counts);
	/* To whom nobody has given keys yet all others have other ones. */
	if (!l->v->d->applicant && use_over(strange, grown) && grown[0] >= STRANGE_LEAST)
		look_see(l, ALARM_FOREIGN, info->config.name, "",
			"if it is one of yours, another authority enrolled it: enrol it again; else use another "
			"channel than they do",
			"link %s: a machine there has the keys of another deployment (%s, %u frames in the last "
			"minute)",
			info->config.name, endpoint_format(&info->stranger, from), (unsigned)grown[0]);
}

static void one_way_see(struct looker *l, const char *link, const char *who, unsigned s)
{
	look_see(l, ALARM_ONE_WAY, link, "",
		"look at the transmitter here: power, antenna, plug; and whether its receiver is drowned in noise",
		"link %s: %s is heard, but does not hear this node (for %u s)", link, who, s);
}

static void hearsay_look(struct looker *l, const struct node_link_info *info)
{
	struct node_hearsay h;

	/* The first will do: it is about the link. */
	if (info->up && node_heard_only(l->v->node, l->v->now_us, info->id, 0, &h))
		one_way_see(l, info->config.name, h.certificate ? h.certificate->name : "a node that is not known yet",
			(unsigned)((l->v->now_us - h.since_us) / SECOND_US));
}

static uint8_t percent_of(uint16_t least, uint16_t cost)
{
	return cost == BABEL_INFINITY || !cost ? 0 : cost <= least ? 100 : (uint8_t)(100u * least / cost);
}

static void worse_see(struct looker *l, const char *link, const char *who, const struct trend_fall *f)
{
	look_see(l, ALARM_WORSE, link, "",
		"look at antennas and power at both ends, and what was put up between them; else move a relay",
		"link %s: %s is worse than an hour ago: %u %% of it arrives here (%u %% then), %u %% of ours there "
		"(%u %% then)",
		link, who, f->now[TREND_IN], f->then[TREND_IN], f->now[TREND_OUT], f->then[TREND_OUT]);
}

static void neighbour_look(
	struct looker *l, const struct node_link_info *info, const struct node_peer_info *peer, const char *who)
{
	const struct babel_neighbour_info *n = view_neighbour(l->v, info->id, &peer->rid);
	struct trend_fall fall;

	if (!n || !peer->is_up)
		return;
	const uint8_t percent[TREND_WAYS] = { [TREND_IN] = percent_of(info->config.rxcost, n->rxcost),
		[TREND_OUT] = percent_of(info->config.rxcost, n->txcost) };
	trend_note(&l->watch->trends, l->v->now_us, info->id, &n->address, percent);
	if (trend_falls(&l->watch->trends, l->v->now_us, info->id, &n->address, &fall))
		worse_see(l, info->config.name, who, &fall);
	if (n->txcost == BABEL_INFINITY && __builtin_popcount(n->hello_history) >= ONE_WAY_HELD)
		one_way_see(l, info->config.name, who, (unsigned)((l->v->now_us - peer->up_since_us) / SECOND_US));
}

static void frames_look(struct looker *l, const char *link, const struct node_peer_info *peer, const char *who)
{
	char action[ALARM_TEXT_MAX];

	if (!peer->is_up || !peer->is_probed)
		return;
	snprintf(action, sizeof(action), "smaller ones are sent; write mtu: %zu for the link at both ends",
		peer->frame_max);
	look_see(l, ALARM_MTU, link, "", action, "link %s: no frame of more than %zu bytes arrives at %s", link,
		peer->frame_max, who);
}

static void peers_look(struct looker *l, const struct node_link_info *info)
{
	char name[VIEW_NAME];

	for (size_t i = 0; i < l->v->peer_count; i++) {
		const struct node_peer_info *peer = &l->v->peers[i];

		if (peer->link != info->id)
			continue;
		view_name(l->v, &peer->rid, name);
		neighbour_look(l, info, peer, name);
		frames_look(l, info->config.name, peer, name);
	}
}

static void link_look(void *arg, const struct node_link_info *info)
{
	struct looker *l = arg;

	full_look(l, info);
	budget_look(l, info);
	strangers_look(l, info);
	hearsay_look(l, info);
	peers_look(l, info);
}

static void refusals_look(struct looker *l, unsigned link)
{
	const struct alarm_refusals *r = &l->watch->refusals[link];
	const char *name = link < CONFIG_LINK_MAX ? view_link_name(l->v, link) : "";
	unsigned minutes = (unsigned)((r->last_us - r->first_us) / (60 * SECOND_US)) + 1;
	char often[48] = "once";

	if (!r->last_us || l->v->now_us - r->last_us >= ALARM_LOOK_US)
		return;
	if (r->count > 1)
		snprintf(often, sizeof(often), "%u times in %u min", r->count, minutes);
	look_see(l, ALARM_REFUSED, name, "",
		"if it is one of yours, enrol it again; if not, somebody is trying: tell the command post",
		"refused%s%s: %s (%s)", *name ? " on " : "", name, r->text, often);
}

void alarm_links_look(struct looker *l)
{
	struct daemon *d = l->v->d;

	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		port_look(l, p);
	node_dump_links(d->node, link_look, l);
	for (unsigned i = 0; i <= CONFIG_LINK_MAX; i++)
		refusals_look(l, i);
}

/* From within the node: only noted. */
void alarms_event(struct daemon *d, enum node_event event, unsigned link, const char *text)
{
	struct alarm_watch *w = &d->watch;
	struct alarm_refusals *r = &w->refusals[link < CONFIG_LINK_MAX ? link : CONFIG_LINK_MAX];
	uint64_t now_us = io_now_us();

	if (event == NODE_NEIGHBOUR_DOWN && link < CONFIG_LINK_MAX)
		w->lost_us[link][w->lost_at[link]++ % ALARM_LOSSES] = now_us;
	if (event != NODE_REFUSED)
		return;
	if (!r->last_us || now_us - r->last_us > REFUSED_US)
		*r = (struct alarm_refusals){ .first_us = now_us };
	r->count++;
	r->last_us = now_us;
	snprintf(r->text, sizeof(r->text), "%s", text);
}
