/* The node's own part of the configuration, its defaults, and what must hold between links. */
#include "meshd/config/check.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_KEY "/etc/meshd/node.key"
#define DEFAULT_STATE "/var/lib/meshd"
#define DEFAULT_CONTROL "/run/meshd/control.sock"
#define DEFAULT_TUN "mesh0"
#define DEFAULT_TUN_MTU 1400
#define TABLE_MAIN 254
#define TABLE_LOCAL 255
/* Behind every route that the box has by itself (1024 is the kernel's own for
 * IPv6): a route of the mesh must not carry the mesh's own underlay. */
#define DEFAULT_METRIC 4096
#define SOCKET_PATH_MAX 107 /* what the kernel takes for a Unix socket */

void text_copy(char *out, size_t capacity, const char *text)
{
	size_t len = strlen(text);

	assert(len < capacity);
	memcpy(out, text, len + 1);
}

int number_read(unsigned *out, const char *text, unsigned low, unsigned high)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > high)
			return -EINVAL;
	}
	if (value < low)
		return -EINVAL;
	*out = (unsigned)value;
	return 0;
}

bool interface_is_valid(const char *name)
{
	if (!*name || strlen(name) >= CONFIG_INTERFACE_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name == '/' || *name == ':' || *name == '%' || (unsigned char)*name >= 0x7f)
			return false;
	return true;
}

static int path_take(char out[CONFIG_PATH_MAX], const char *text, const char *fallback, enum node_field field,
	size_t max, const struct check *c)
{
	if (!text)
		text = fallback;
	if (strlen(text) > max)
		return complain(c->complaint, c->outline->node[field],
			"node: %s path has more than %zu bytes; use a shorter one", node_field_names[field], max);
	text_copy(out, CONFIG_PATH_MAX, text);
	return 0;
}

static int interface_take(char out[CONFIG_INTERFACE_MAX], const char *text, const char *fallback, enum node_field field,
	const struct check *c)
{
	if (text && !interface_is_valid(text))
		return complain(c->complaint, c->outline->node[field],
			"node: %s \"%.40s\" is not an interface name; write up to 15 characters, such as %s",
			node_field_names[field], text, *fallback ? fallback : "eth1");
	text_copy(out, CONFIG_INTERFACE_MAX, text ? text : fallback);
	return 0;
}

/* Where in the kernel our routes are, and behind which others. */
static int check_routes(struct config *config, const struct file_node *node, const struct check *c)
{
	config->table = TABLE_MAIN;
	config->route_metric = DEFAULT_METRIC;
	if (node->table && strcmp(node->table, "main") != 0 &&
		(number_read(&config->table, node->table, 1, INT32_MAX) < 0 || config->table == TABLE_LOCAL))
		return complain(c->complaint, c->outline->node[NODE_TABLE],
			"node: table \"%.40s\" is none; write main, or the number of a routing table of your own (see "
			"\"ip rule\")",
			node->table);
	if (node->metric && number_read(&config->route_metric, node->metric, 1, INT32_MAX) < 0)
		return complain(c->complaint, c->outline->node[NODE_METRIC],
			"node: metric \"%.40s\" is out of range; write 1 to %d, %d is behind the box's own routes",
			node->metric, INT32_MAX, DEFAULT_METRIC);
	for (unsigned i = 0; i < node->redistribute_count; i++) {
		const char *wrong = kernel_rule_read(&config->redistribute[i], node->redistribute[i]);

		if (wrong)
			return complain(c->complaint, c->outline->redistribute.line[i], "node: rule \"%.80s\" %s",
				node->redistribute[i], wrong);
		config->redistribute_count = i + 1;
	}
	return 0;
}

/* Sites by their names; whether somebody has such a certificate shows when it is seen. */
static int check_watch(struct config *config, const struct file_node *node, const struct check *c)
{
	for (unsigned i = 0; i < node->watch_count; i++) {
		const char *name = node->watch[i];

		if (!*name || strlen(name) > NAME_MAX_LEN)
			return complain(c->complaint, c->outline->watch.line[i],
				"node: \"%.80s\" is no name of a node; watch takes names as meshctl nodes shows them, "
				"1 to %d "
				"bytes",
				name, NAME_MAX_LEN);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(config->watch[j], name) == 0)
				return complain(c->complaint, c->outline->watch.line[i],
					"node: \"%s\" is watched twice; write it once", name);
		text_copy(config->watch[i], sizeof(config->watch[i]), name);
		config->watch_count = i + 1;
	}
	return 0;
}

int check_node(struct config *config, const struct file_node *node, const struct check *c)
{
	static const struct file_node nothing;
	const unsigned *line = c->outline->node;

	if (!node)
		node = &nothing;
	int error = path_take(config->key_path, node->key, DEFAULT_KEY, NODE_KEY, CONFIG_PATH_MAX - 1, c);
	if (!error)
		error = path_take(config->state_dir, node->state, DEFAULT_STATE, NODE_STATE, CONFIG_PATH_MAX - 1, c);
	if (!error)
		error = path_take(
			config->control_path, node->control, DEFAULT_CONTROL, NODE_CONTROL, SOCKET_PATH_MAX, c);
	if (!error)
		error = interface_take(config->tun, node->tun, DEFAULT_TUN, NODE_TUN, c);
	if (!error)
		error = interface_take(config->lan, node->lan, "", NODE_LAN, c);
	if (error)
		return error;
	error = check_routes(config, node, c);
	if (!error)
		error = check_watch(config, node, c);
	if (error)
		return error;
	config->shares_log = true;
	if (!switch_read(&config->shares_log, node->share_log))
		return complain(c->complaint, line[NODE_SHARE_LOG],
			"node: share-log \"%.40s\" is neither yes nor no; write one of them", node->share_log);
	config->tun_mtu = DEFAULT_TUN_MTU;
	if (node->mtu && number_read(&config->tun_mtu, node->mtu, 1280, CONFIG_FRAME_MAX - CONFIG_FRAME_OVERHEAD) < 0)
		return complain(c->complaint, line[NODE_MTU],
			"node: mtu \"%.40s\" is out of range; write 1280 to %d, 1400 is usual", node->mtu,
			CONFIG_FRAME_MAX - CONFIG_FRAME_OVERHEAD);
	if (strcmp(config->lan, config->tun) == 0)
		return complain(c->complaint, line[NODE_LAN],
			"node: lan and tun are both \"%s\"; lan is the port where your own devices are", config->lan);
	return 0;
}

int check_io(struct config *config, const struct file_io *io, const struct check *c)
{
	bool has_offload = true;

	if (io && !switch_read(&has_offload, io->offload))
		return complain(c->complaint, c->outline->io[IO_OFFLOAD],
			"io: offload \"%.40s\" is neither yes nor no; write one of them", io->offload);
	config->is_unbatched = !has_offload;
	return 0;
}

static bool ports_collide(const struct config_link *a, const struct config_link *b)
{
	return a->type == CONFIG_UDP && b->type == CONFIG_UDP && a->port && a->port == b->port &&
	       (!a->interface[0] || !b->interface[0] || strcmp(a->interface, b->interface) == 0);
}

static int check_pair(const struct config_link *first, const struct outline_link *first_at,
	const struct config_link *second, const struct outline_link *at, const struct check *c)
{
	if (strcmp(first->name, second->name) == 0)
		return complain(c->complaint, at->field[LINK_NAME] ? at->field[LINK_NAME] : at->line,
			"link \"%s\": the link in line %u has this name too; give each its own name", second->name,
			first_at->line);
	if (first->type == second->type && first->type != CONFIG_UDP && first->interface[0] &&
		strcmp(first->interface, second->interface) == 0)
		return complain(c->complaint, at->field[LINK_INTERFACE],
			"link \"%s\": interface \"%s\" is used by link \"%s\" in line %u; remove one of them",
			second->name, second->interface, first->name, first_at->line);
	if (first->type == CONFIG_SERIAL && second->type == CONFIG_SERIAL &&
		strcmp(first->serial.device, second->serial.device) == 0)
		return complain(c->complaint, at->field[LINK_DEVICE],
			"link \"%s\": device \"%s\" is used by link \"%s\" in line %u; remove one of them",
			second->name, second->serial.device, first->name, first_at->line);
	if (ports_collide(first, second))
		return complain(c->complaint, at->field[LINK_LISTEN] ? at->field[LINK_LISTEN] : at->line,
			"link \"%s\": port %u is used by link \"%s\" in line %u; write listen: %u, or give both links "
			"their "
			"own interface",
			second->name, second->port, first->name, first_at->line,
			second->port == UINT16_MAX ? CONFIG_UDP_PORT : second->port + 1u);
	return 0;
}

int check_together(const struct config *config, const struct check *c)
{
	for (unsigned i = 0; i < config->link_count; i++) {
		const struct config_link *link = &config->links[i];
		const struct outline_link *at = &c->outline->link[i];
		int error;

		if (link->interface[0] && strcmp(link->interface, config->tun) == 0)
			return complain(c->complaint, at->field[LINK_INTERFACE],
				"link \"%s\": interface \"%s\" is the mesh's own (node: tun); name the port that the "
				"radio or "
				"modem is on",
				link->name, link->interface);
		for (unsigned j = 0; j < i; j++) {
			error = check_pair(&config->links[j], &c->outline->link[j], link, at, c);
			if (error)
				return error;
		}
	}
	return 0;
}
