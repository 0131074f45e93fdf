/*
 * Authentication of a plain link (RFC 8967): joins the routing ring's layer, which
 * knows no algorithm, with the keys of the crypto ring. It lives while the link is up
 * and has keys; what neighbours have proven ends with it.
 *
 *   engine ──► plain_send() ──► protect ──► shell
 *   engine ◄── node_babel_in() ◄── receive ◄── shell
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <string.h>

_Static_assert(PACKET_MAC_MAX <= BABEL_MAC_MAX, "the layer has room for every MAC");
_Static_assert(NODE_FRAME_MAX <= UINT16_MAX, "a Babel packet counts its length in 16 bits");

static size_t mac_compute(void *user, unsigned key, const struct bytes parts[2], uint8_t mac[BABEL_MAC_MAX])
{
	const struct node_link *link = user;

	return packet_mac(&link->plain->keys[key], parts, 2, mac);
}

static void mac_send(void *user, const struct address *to, struct bytes packet)
{
	plain_send_as_is(user, to, packet);
}

int plain_mac_start(struct node_link *link)
{
	struct plain *p = link->plain;
	const struct babel_mac_output output = { mac_compute, mac_send };
	const struct babel_mac_config config = {
		.self = p->self, .keys = p->key_count, .is_lenient = p->is_lenient, .random = link->n->random
	};

	if (p->key_count == 0)
		return 0;
	p->mac = babel_mac_new(&config, &output, link);
	return p->mac ? 0 : -ENOMEM;
}

void plain_mac_stop(struct node_link *link)
{
	babel_mac_free(link->plain->mac);
	link->plain->mac = NULL;
}

static bool keys_are_same(const struct plain *p, const struct secret_packet_key *keys, unsigned count)
{
	bool is_same = p->key_count == count;

	for (unsigned i = 0; i < count && is_same; i++)
		is_same = p->keys[i].algorithm == keys[i].algorithm && p->keys[i].len == keys[i].len &&
			  secret_equal(p->keys[i].bytes, keys[i].bytes, keys[i].len);
	return is_same;
}

int node_mac_set(struct node *n, unsigned id, const struct secret_packet_key *keys, unsigned count, bool is_lenient)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link || !link->config.is_plain || count > NODE_MAC_KEYS_MAX)
		return -EINVAL;
	struct plain *p = link->plain;
	if (keys_are_same(p, keys, count) && p->is_lenient == is_lenient)
		return 0;
	secret_wipe(p->keys, sizeof(p->keys));
	for (unsigned i = 0; i < count; i++)
		p->keys[i] = keys[i];
	p->key_count = count;
	p->is_lenient = is_lenient;
	if (!link->up)
		return 0;
	if (p->mac && count > 0)
		return babel_mac_keys_set(p->mac, count, is_lenient);
	plain_mac_stop(link);
	return plain_mac_start(link);
}

const struct babel_mac_counters *node_mac_counters(const struct node *n, unsigned id)
{
	const struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	return link && link->config.is_plain && link->plain->mac ? babel_mac_counters(link->plain->mac) : NULL;
}
