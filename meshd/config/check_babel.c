/*
 * A link of type babel: plain RFC 8966 to routers that are no members. No preset:
 * intervals and costs are those of the RFC (appendix B), as its neighbours have them.
 */
#include "meshd/config/check.h"

#include <errno.h>
#include <string.h>

#define MTU 1500 /* the most that is sent; the interface may have less */
#define HELLO_MS 4000
#define UPDATES_PER_HELLO 4
#define WIRED_COST 96
#define WIRELESS_COST 256
#define COST_MAX 32767 /* half of infinity: two such hops are still a route */
#define HELLO_MIN_MS 20
#define HELLO_MAX_MS 600000
#define UPDATE_MAX_S 655 /* Babel counts centiseconds in 16 bits */

static const enum link_field babel_fields[] = { LINK_KIND, LINK_HELLO, LINK_UPDATE, LINK_RTT, LINK_SPLIT_HORIZON,
	LINK_MAC, LINK_MAC_REQUIRED };
/* Of the sealed kinds only. */
static const enum link_field sealed_fields[] = { LINK_PRESET, LINK_PEERS, LINK_RATE, LINK_METERED, LINK_LISTEN,
	LINK_DISCOVER, LINK_MTU, LINK_IDLE_HELLO, LINK_PROBE, LINK_ESSENTIAL, LINK_INTRODUCTIONS };

int link_refuse_babel_fields(const struct link_check *l)
{
	for (size_t i = 0; i < sizeof(babel_fields) / sizeof(babel_fields[0]); i++)
		if (l->at->field[babel_fields[i]])
			return LINK_COMPLAIN(l, babel_fields[i],
				"%s is for links of type babel; remove it, or write type: babel",
				link_field_names[babel_fields[i]]);
	return 0;
}

static int refuse_sealed_fields(const struct link_check *l)
{
	for (size_t i = 0; i < sizeof(sealed_fields) / sizeof(sealed_fields[0]); i++)
		if (l->at->field[sealed_fields[i]])
			return LINK_COMPLAIN(l, sealed_fields[i],
				"a babel link has no %s: it is plain Babel on its interface; remove it",
				link_field_names[sealed_fields[i]]);
	return 0;
}

static int take_kind(struct config_link *link, const struct link_check *l)
{
	const char *text = l->text->kind;
	bool is_wireless = text && strcmp(text, "wireless") == 0;

	if (text && !is_wireless && strcmp(text, "wired") != 0)
		return LINK_COMPLAIN(l, LINK_KIND,
			"kind \"%.40s\" is not known; write wired (a cable, a tunnel) or wireless (a radio that loses)",
			text);
	link->cost = is_wireless ? CONFIG_COST_RADIO : CONFIG_COST_WIRED;
	/* A radio that does not hear all others must repeat what it heard (3.7.4). */
	link->split_horizon = !is_wireless;
	unsigned cost = is_wireless ? WIRELESS_COST : WIRED_COST;
	if (l->text->cost && number_read(&cost, l->text->cost, 1, COST_MAX) < 0)
		return LINK_COMPLAIN(l, LINK_COST, "cost \"%.40s\" is out of range; write 1 to %d, %d is usual here",
			l->text->cost, COST_MAX, is_wireless ? WIRELESS_COST : WIRED_COST);
	link->rxcost = (uint16_t)cost;
	return 0;
}

static int take_intervals(struct config_link *link, const struct link_check *l)
{
	unsigned update_s;

	link->hello_ms = HELLO_MS;
	if (l->text->hello &&
		(number_read(&link->hello_ms, l->text->hello, HELLO_MIN_MS, HELLO_MAX_MS) < 0 || link->hello_ms % 10))
		return LINK_COMPLAIN(l, LINK_HELLO,
			"hello \"%.40s\" is out of range; write %d to %d (milliseconds, in tens), %d is usual",
			l->text->hello, HELLO_MIN_MS, HELLO_MAX_MS, HELLO_MS);
	update_s = UPDATES_PER_HELLO * link->hello_ms / 1000;
	update_s = update_s < 1 ? 1 : update_s > UPDATE_MAX_S ? UPDATE_MAX_S : update_s;
	if (l->text->update && number_read(&update_s, l->text->update, 1, UPDATE_MAX_S) < 0)
		return LINK_COMPLAIN(l, LINK_UPDATE,
			"update \"%.40s\" is out of range; write 1 to %d (seconds), four Hellos are usual",
			l->text->update, UPDATE_MAX_S);
	link->update_s = update_s;
	return 0;
}

int check_babel(struct config_link *link, const struct link_check *l)
{
	const struct file_link *text = l->text;

	if (!text->interface)
		return LINK_COMPLAIN(
			l, LINK_INTERFACE, "no interface; add interface: with the port that the routers are on");
	link->mtu = MTU - CONFIG_UDP_OVERHEAD;
	int error = refuse_sealed_fields(l);
	if (!error)
		error = take_kind(link, l);
	if (!error)
		error = take_intervals(link, l);
	if (!error)
		error = link_take_switch(&link->rtt, text->rtt, LINK_RTT, l);
	if (!error)
		error = link_take_switch(&link->split_horizon, text->split_horizon, LINK_SPLIT_HORIZON, l);
	if (!error)
		error = check_mac(link, l);
	return error;
}
