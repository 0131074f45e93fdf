/*
 * What lies behind this node. A certificate names two kinds of prefixes: hosts
 * (/32, /128) are addresses of the node itself, set on the TUN and announced as
 * long as it runs; the others are networks on the interface node.lan, announced
 * while it carries.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <string.h>

bool prefix_is_host(const struct prefix *p)
{
	return p->plen == family_bits(p->address.family);
}

static void announce(struct daemon *d, unsigned i, bool is_up)
{
	const struct prefix *prefix = &d->enrolment.certificate.prefixes[i];
	char text[PREFIX_TEXT];
	int code;

	if (d->lan.announced[i] == is_up)
		return;
	code = is_up ? node_originate(d->node, io_now_us(), prefix) : node_withdraw(d->node, io_now_us(), prefix);
	if (code < 0 && code != -EEXIST && code != -ENOENT) {
		daemon_say(d, "lan-refused",
			"%s not announced: %s; see \"meshctl nodes\" for what the certificate names",
			prefix_format(prefix, text), strerror(-code));
		return;
	}
	d->lan.announced[i] = is_up;
}

static void announce_networks(struct daemon *d)
{
	const struct certificate *c = &d->enrolment.certificate;

	for (unsigned i = 0; i < c->prefix_count; i++)
		if (!prefix_is_host(&c->prefixes[i]))
			announce(d, i, d->lan.is_up);
}

static void tell_without_lan(struct daemon *d)
{
	const struct certificate *c = &d->enrolment.certificate;
	char text[PREFIX_TEXT];

	/* The networks of a gateway are others'. */
	for (unsigned i = 0; i < c->prefix_count && !(c->roles & ROLE_GATEWAY); i++)
		if (!prefix_is_host(&c->prefixes[i]))
			daemon_say(d, "lan-missing",
				"%s is in the certificate but not announced; write node: lan: with its interface",
				prefix_format(&c->prefixes[i], text));
}

void lan_open(struct daemon *d)
{
	const struct certificate *c = &d->enrolment.certificate;
	struct kernel_link link;

	d->lan = (struct lan){ 0 };
	for (unsigned i = 0; i < c->prefix_count; i++)
		if (prefix_is_host(&c->prefixes[i]))
			announce(d, i, true);
	if (!d->config.lan[0]) {
		tell_without_lan(d);
		return;
	}
	kernel_link_get(d, d->config.lan, &link);
	if (!link.has_carrier)
		daemon_say(d, "lan-down", "%s %s", d->config.lan,
			link.is_present ? "has no carrier; plug in its cable" : "is not there; see \"ip link\"");
	lan_observe(d, &link);
}

void lan_observe(struct daemon *d, const struct kernel_link *link)
{
	bool is_named = d->config.lan[0] && strcmp(link->name, d->config.lan) == 0;
	bool is_renamed = !is_named && d->lan.is_up && link->ifindex == d->lan.ifindex;
	bool is_up = is_named && link->is_present && link->has_carrier;

	if (!is_named && !is_renamed)
		return;
	d->lan.ifindex = link->ifindex;
	if (is_up == d->lan.is_up)
		return;
	d->lan.is_up = is_up;
	daemon_say(d, is_up ? "lan-up" : "lan-down", "%s", d->config.lan);
	/* The switch of an interface goes with it. */
	if (is_up)
		kernel_forwarding_enable(d);
	announce_networks(d);
}
