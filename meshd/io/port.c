/*
 * A port: a configured link and the interface beneath it, which may come late,
 * lose its carrier, or vanish and return as another device (an unplugged radio,
 * a rebooted modem). What is known of the interface is settled into a state in
 * one place, port_settle():
 *
 *                 there and up                carrier
 *     MISSING ──────────────────► (open) ◄───────────── NO_CARRIER
 *        ▲                         │  │  ──────────────►    │
 *        │ gone         refused,   │  └────► UP ─────────────┤ lost
 *   any state           broken     ▼         ▲
 *                                ERROR ──────┘ opened again, after RETRY_US
 *
 * The port of a serial link is its device file: looked for every second, MISSING without
 * it, and NO_CARRIER while it takes nothing. A pipe has nothing beneath it but its program.
 *
 * A port stays open without carrier: sockets, and the NAT's idea of their port
 * number, survive. Another index or hardware address is another device: the
 * port opens anew. The node sees a link that is up or down.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define RETRY_US (2 * SECOND_US)
#define CARRIER_US (SECOND_US / 10) /* the kernel's own news of a lost carrier may be a second late ... */
#define CARRIER_IN_USE_US 5000 /* ... and here it is felt */
#define LOOK_US (2 * SECOND_US) /* everything is asked again, in case that an event went amiss */

const char *port_state_name(enum port_state state)
{
	static const char *const names[] = {
		[PORT_MISSING] = "missing",
		[PORT_NO_CARRIER] = "no-carrier",
		[PORT_ERROR] = "error",
		[PORT_UP] = "up",
	};

	return names[state];
}

struct port *port_next(struct daemon *d, const struct port *before)
{
	for (unsigned i = before ? before->id + 1 : 0; i < d->port_count; i++)
		if (d->ports[i].config)
			return &d->ports[i];
	return NULL;
}

struct port *port_named(struct daemon *d, const char *name)
{
	struct port *p = port_next(d, NULL);

	while (p && strcmp(p->config->name, name) != 0)
		p = port_next(d, p);
	return p;
}

static bool port_has_interface(const struct port *p)
{
	return p->config->interface[0];
}

/* --- states --------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void port_enter(
	struct port *p, enum port_state state, const char *format, ...)
{
	char text[sizeof(p->error)], code[24];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (p->state == state && strcmp(p->error, text) == 0)
		return;
	p->state = state;
	memcpy(p->error, text, sizeof(text));
	snprintf(code, sizeof(code), "port-%s", port_state_name(state));
	daemon_say(p->d, code, "%s%s%s", p->config->name, *text ? ": " : "", text);
}

/* What a type of link is to its port; all take what port.h says of the backends. */
struct backend {
	const char *name;
	int (*open)(struct port *p, char error[IO_ERROR_MAX]);
	void (*close)(struct port *p);
	void (*send)(struct port *p, const struct endpoint *to, struct bytes frame);
	/* NULL: one by one. */
	void (*send_batch)(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count);
	uint32_t (*overruns)(struct port *p); /* NULL: it has none */
	unsigned overhead; /* of what lies beneath, counted by its MTU */
	void (*free)(struct port *p); /* NULL: nothing is kept while it is closed */
};

static const struct backend backends[] = {
	[CONFIG_ETHERNET] = { "ethernet", ethernet_open, ethernet_close, ethernet_send, ethernet_send_batch,
		ethernet_overruns, ETHERNET_LENGTH, NULL },
	[CONFIG_UDP] = { "udp", udp_open, udp_close, udp_send, udp_send_batch, udp_overruns, CONFIG_UDP_OVERHEAD,
		NULL },
	[CONFIG_BABEL] = { "babel", babel_open, babel_close, babel_send, NULL, udp_overruns, CONFIG_UDP_OVERHEAD,
		NULL },
	[CONFIG_SERIAL] = { "serial", serial_open, serial_close, serial_send, NULL, NULL, 0, serial_free },
	[CONFIG_PIPE] = { "pipe", pipe_open, pipe_close, pipe_send, NULL, NULL, 0, pipe_free },
};

const char *port_type_name(enum config_link_type type)
{
	return backends[type].name;
}

static const struct backend *backend_of(const struct port *p)
{
	return &backends[p->config->type];
}

static bool port_is_plain(const struct port *p)
{
	return p->config->type == CONFIG_BABEL;
}

static void port_shut(struct port *p)
{
	p->wants_reopen = p->is_stalled = false;
	if (!p->is_open)
		return;
	backend_of(p)->close(p);
	p->is_open = false;
}

static unsigned port_overhead(const struct port *p)
{
	return backend_of(p)->overhead;
}

/* The MTU that the configuration asks of the interface. */
static unsigned configured_mtu(const struct port *p)
{
	return p->config->mtu + (p->config->type == CONFIG_ETHERNET ? 0 : port_overhead(p));
}

static unsigned port_least_mtu(const struct port *p)
{
	unsigned least = p->config->is_thin ? NODE_THIN_FRAME_MIN : NODE_FRAME_MIN;

	return port_overhead(p) + (port_is_plain(p) ? NODE_PLAIN_MIN : least);
}

/* The largest frame: as configured, and as the interface lets through. 0: too small to be a link. */
static unsigned port_mtu(const struct port *p)
{
	unsigned mtu = configured_mtu(p);

	if (port_has_interface(p) && p->link.mtu < mtu)
		mtu = p->link.mtu;
	return mtu < port_least_mtu(p) ? 0 : mtu - port_overhead(p);
}

static void port_enter_small(struct port *p)
{
	unsigned least = port_least_mtu(p);

	if (configured_mtu(p) < least)
		port_enter(p, PORT_ERROR, "mtu %u is too small; write mtu: %u or more", configured_mtu(p), least);
	else
		port_enter(p, PORT_ERROR, "%s has mtu %u, the mesh needs %u; run \"ip link set %s mtu 1500\"",
			p->config->interface, p->link.mtu, least, p->config->interface);
}

static struct node_link_config node_config_of(const struct port *p, unsigned mtu)
{
	const struct config_link *c = p->config;
	struct node_link_config config = {
		.mtu = mtu,
		.beacon = c->type == CONFIG_ETHERNET || c->discover,
		.is_thin = c->is_thin,
		.is_plain = c->type == CONFIG_BABEL,
		.split_horizon = c->split_horizon,
		.wired = c->cost == CONFIG_COST_WIRED,
		.rxcost = c->rxcost,
		.extra_cost = c->extra_cost,
		.rate_bps = c->rate_bps,
		.hello_ms = c->hello_ms,
		.idle_ms = c->idle_ms,
		.probe_ms = c->probe_ms,
		.update_s = c->update_s,
		.dead_misses = c->dead_misses,
		.keepalive_s = c->keepalive_s,
		.rtt = c->rtt,
		.probes_mtu = c->probes_mtu,
		.introduces = c->introduces,
		.is_introduced = c->is_introduced,
		.overhead = config_line_overhead(c),
		.is_shaped = c->is_shaped,
		.is_by_message = c->type == CONFIG_PIPE,
		.is_half_duplex = c->cost == CONFIG_COST_RADIO || (c->type == CONFIG_SERIAL && c->serial.half_duplex),
	};

	config.essential_count = c->essential_count;
	for (unsigned i = 0; i < c->essential_count; i++) {
		memcpy(config.essential[i].name, c->essential[i].name, sizeof(config.essential[i].name));
		config.essential[i].prefix = c->essential[i].prefix;
	}
	snprintf(config.name, sizeof(config.name), "%s", c->name);
	return config;
}

void port_policy(struct port *p, uint64_t now_us)
{
	const struct config_link *c = p->config;

	if (!p->node_mtu)
		return;
	if (node_policy_set(p->d->node, now_us, p->id, NODE_IN, c->accept, c->accept_count) < 0 ||
		node_policy_set(p->d->node, now_us, p->id, NODE_OUT, c->announce, c->announce_count) < 0)
		daemon_say(p->d, "out-of-memory", "%s is without its rules; free memory and restart", c->name);
	if (!port_is_plain(p))
		return;
	if (node_mac_set(p->d->node, p->id, c->mac, c->mac_count, !c->mac_required) < 0)
		daemon_say(p->d, "out-of-memory", "%s is down until it can be authenticated; free memory and restart",
			c->name);
}

/* The node's link has the port's MTU; with another MTU it is another link. */
static bool node_link_fit(struct port *p, uint64_t now_us)
{
	unsigned mtu = port_mtu(p);
	struct node_link_config config = node_config_of(p, mtu);

	if (mtu && p->node_mtu == mtu)
		return true;
	if (p->node_mtu)
		node_link_remove(p->d->node, now_us, p->id);
	p->node_mtu = 0;
	p->node_is_up = false;
	if (!mtu) {
		port_enter_small(p);
		return false;
	}
	int code = node_link_add(p->d->node, now_us, p->id, &config);
	if (code < 0) {
		port_enter(
			p, PORT_ERROR, "the node refuses the link: %s; free memory and start again", strerror(-code));
		return false;
	}
	p->node_mtu = mtu;
	port_policy(p, now_us);
	return true;
}

/* --- settling ----------------------------------------------------------------------------------- */

static bool port_open(struct port *p, uint64_t now_us)
{
	char error[IO_ERROR_MAX];

	if (p->is_open)
		return true;
	if (now_us < p->retry_us)
		return false;
	p->retry_us = now_us + RETRY_US;
	p->is_open = backend_of(p)->open(p, error) == 0;
	p->overruns = 0;
	if (!p->is_open)
		port_enter(p, PORT_ERROR, "%.150s", error);
	return p->is_open;
}

/* Where a Babel link stands. Another address is another router: the neighbours must see the old one go. */
static bool plain_ready(struct port *p, uint64_t now_us)
{
	struct node *n = p->d->node;
	struct kernel_addresses *a = &p->addresses;
	const struct address *ipv4;

	if (kernel_addresses_get(p->d, p->link.ifindex, a) == 0 && a->link_local.family == FAMILY_NONE) {
		port_enter(p, PORT_ERROR,
			"%s has no link-local IPv6 address (yet); see \"ip -6 address show %s\", and switch IPv6 on "
			"there",
			p->config->interface, p->config->interface);
		return false;
	}
	ipv4 = a->ipv4.family ? &a->ipv4 : NULL;
	if (node_plain_address(n, now_us, p->id, &a->link_local, ipv4) == -EBUSY) {
		node_link_set_up(n, now_us, p->id, false);
		p->node_is_up = false;
		node_plain_address(n, now_us, p->id, &a->link_local, ipv4);
	}
	return true;
}

static bool port_has_device(const struct port *p)
{
	return p->config->type != CONFIG_SERIAL || access(p->config->serial.device, F_OK) == 0;
}

/* Brings state and node into line with what is known of the interface; true: frames can be sent. */
static bool port_ready(struct port *p, uint64_t now_us)
{
	const char *interface = p->config->interface;

	if (port_has_interface(p) && !p->link.is_present) {
		port_shut(p);
		port_enter(p, PORT_MISSING, "%s is not there; plug it in, or see \"ip link\" for its name", interface);
		return false;
	}
	if (!port_has_device(p)) {
		port_shut(p);
		port_enter(p, PORT_MISSING,
			"%s is not there; plug in the cable of the radio, or see \"ls /dev/serial/by-id\"",
			p->config->serial.device);
		return false;
	}
	if (p->wants_reopen) {
		port_shut(p);
		port_enter(p, PORT_ERROR, "%s", p->broken);
	}
	if (port_has_interface(p) && !p->link.is_up) {
		port_enter(p, PORT_NO_CARRIER, "%s is switched off; run \"ip link set %s up\"", interface, interface);
		return false;
	}
	if (!node_link_fit(p, now_us)) {
		port_shut(p);
		return false;
	}
	if (!port_open(p, now_us))
		return false;
	if (port_has_interface(p) && !p->link.has_carrier) {
		port_enter(p, PORT_NO_CARRIER, "%s has no carrier; look at its cable and at the device behind it",
			interface);
		return false;
	}
	if (p->is_stalled) {
		port_enter(p, PORT_NO_CARRIER, "%s", p->broken);
		return false;
	}
	return !port_is_plain(p) || plain_ready(p, now_us);
}

static void port_settle(struct port *p, uint64_t now_us)
{
	bool was_up = p->state == PORT_UP, is_up = port_ready(p, now_us);

	if (is_up)
		port_enter(p, PORT_UP, "%s", "");
	if (p->node_mtu && p->node_is_up != is_up) {
		p->node_is_up = is_up;
		node_link_set_up(p->d->node, now_us, p->id, is_up);
	}
	if (is_up && !was_up && port_is_plain(p))
		kernel_forwarding_enable(p->d); /* the switch of an interface goes with it */
	if (is_up && !was_up)
		resolver_kick(p, now_us);
}

static void port_learn(struct port *p, const struct kernel_link *link)
{
	bool is_other = link->ifindex != p->link.ifindex || memcmp(link->mac, p->link.mac, IO_MAC_LEN) != 0;

	if (is_other)
		port_shut(p);
	if (is_other || link->is_up != p->link.is_up)
		p->retry_us = 0;
	p->link = *link;
}

void ports_observe(struct daemon *d, const struct kernel_link *link)
{
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p)) {
		bool is_named = strcmp(p->config->interface, link->name) == 0;

		if (!port_has_interface(p))
			continue;
		if (is_named)
			port_learn(p, link);
		else if (p->link.is_present && p->link.ifindex == link->ifindex)
			port_learn(p, &(struct kernel_link){ 0 }); /* it goes by another name now */
		else
			continue;
		port_settle(p, io_now_us());
	}
}

void ports_addresses(struct daemon *d, int ifindex)
{
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		if (port_is_plain(p) && p->link.ifindex == ifindex)
			port_settle(p, io_now_us());
}

static void port_look(struct port *p)
{
	struct kernel_link link;

	if (kernel_link_get(p->d, p->config->interface, &link) != -EIO)
		ports_observe(p->d, &link);
}

void ports_resync(struct daemon *d)
{
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		if (port_has_interface(p))
			port_look(p);
}

/* --- the daemon's calls ------------------------------------------------------------------------------ */

void ports_carriers(struct daemon *d)
{
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p)) {
		if (!port_has_interface(p) || !carrier_count_moved(&p->carrier_count, &p->link))
			continue;
		int carrier = kernel_carrier_get(d, p->config->interface);
		if (carrier != p->carrier) {
			p->carrier = carrier;
			port_look(p);
		}
	}
}

/* Asking costs a microsecond a port; what costs is to be woken for it. */
uint64_t ports_watch(struct daemon *d, uint64_t now_us)
{
	uint64_t pause_us = CARRIER_US;

	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		if (port_has_interface(p) && p->node_is_up && node_link_is_in_use(d->node, now_us, p->id))
			pause_us = CARRIER_IN_USE_US;
	if (now_us >= d->carriers_us + pause_us) {
		d->carriers_us = now_us;
		ports_carriers(d);
	}
	return d->carriers_us + pause_us;
}

static void port_begin(struct daemon *d, unsigned id)
{
	struct port *p = &d->ports[id];

	*p = (struct port){ .d = d, .id = id, .config = &d->config.links[id], .fd = -1, .group_fd = -1 };
	if (port_has_interface(p))
		kernel_link_get(d, p->config->interface, &p->link);
	port_settle(p, io_now_us());
}

void ports_open(struct daemon *d)
{
	d->port_count = d->config.link_count;
	for (unsigned i = 0; i < d->port_count; i++)
		port_begin(d, i);
}

struct port *port_add(struct daemon *d, const struct config_link *config)
{
	unsigned id = 0;

	while (id < d->port_count && d->ports[id].config)
		id++;
	if (id == CONFIG_LINK_MAX)
		return NULL;
	if (id == d->port_count)
		d->config.link_count = ++d->port_count;
	d->config.links[id] = *config;
	port_begin(d, id);
	return &d->ports[id];
}

static void port_free(struct port *p)
{
	port_shut(p);
	carrier_count_close(&p->carrier_count);
	if (backend_of(p)->free)
		backend_of(p)->free(p);
}

void port_remove(struct port *p, uint64_t now_us)
{
	struct daemon *d = p->d;
	unsigned id = p->id;

	if (p->node_mtu) {
		node_link_leave(d->node, now_us, id);
		node_link_remove(d->node, now_us, id);
	}
	port_free(p);
	tap_link_gone(p);
	secret_wipe(&d->config.links[id], sizeof(d->config.links[id]));
	*p = (struct port){ .d = d, .id = id };
}

void ports_close(struct daemon *d)
{
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		port_free(p);
	d->port_count = 0;
}

/* Frames that the kernel had no room for while the loop was busy. */
static void port_count_overruns(struct port *p)
{
	if (!backend_of(p)->overruns)
		return;
	uint32_t all = backend_of(p)->overruns(p);
	p->rx_dropped += all - p->overruns;
	p->overruns = all;
}

/* Lines have no events of the kernel: they are looked at. True: the port may be settled otherwise now. */
static bool line_tick(struct port *p, uint64_t now_us)
{
	if (p->config->type == CONFIG_PIPE && p->is_open && !p->wants_reopen)
		pipe_probe(p, now_us);
	if (p->config->type != CONFIG_SERIAL)
		return false;
	if (p->is_stalled && p->is_open && !p->wants_reopen)
		p->is_stalled = !serial_probe(p);
	return true;
}

void ports_tick(struct daemon *d, uint64_t now_us)
{
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p)) {
		if (p->is_open)
			port_count_overruns(p);
		if (port_has_interface(p) && now_us >= p->look_us) {
			p->look_us = now_us + LOOK_US;
			port_look(p);
		} else if (line_tick(p, now_us) || p->wants_reopen || p->state == PORT_ERROR) {
			port_settle(p, now_us);
		}
	}
}

/* Called from within outputs of the node: only notes. */
void port_broken(struct port *p, const char *format, ...)
{
	va_list args;

	if (p->wants_reopen)
		return;
	p->wants_reopen = true;
	va_start(args, format);
	vsnprintf(p->broken, sizeof(p->broken), format, args);
	va_end(args);
}

void port_stalled(struct port *p, const char *format, ...)
{
	va_list args;

	if (p->wants_reopen)
		return;
	p->is_stalled = true;
	va_start(args, format);
	vsnprintf(p->broken, sizeof(p->broken), format, args);
	va_end(args);
}

static bool port_takes(const struct port *p)
{
	return p->is_open && !p->wants_reopen;
}

void port_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	if (!port_takes(p))
		return;
	if (p->tap.is_on)
		tap_out(p, to, frame);
	if (!backend_of(p)->send_batch || p->d->config.is_unbatched || !batch_frame(p->d, p, to, frame))
		backend_of(p)->send(p, to, frame);
}

void port_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count)
{
	if (port_takes(p))
		backend_of(p)->send_batch(p, to, frames, count);
}

void port_send_failed(struct port *p, int code)
{
	p->tx_errors++;
	p->tx_errno = code;
	/* A socket does not follow an interface that comes back under its old name. */
	if (port_has_interface(p) && (code == ENODEV || code == ENXIO))
		port_broken(p, "%s: %s; look at the interface", p->config->interface, strerror(code));
}
