/*
 * The deployment's keys that this node has: the newest, two that it had before, and that of the
 * enrolment, which all members have whatever they missed (crypto/deployment_key.c).
 *
 *   says a beacon, calls     by the newest; alone, or where nobody answers, by the enrolment's in turns
 *   hears and answers        by any: so who was cut off is met
 *
 * Which one a message was made with shows by its mac alone, so each is tried, newest first. What is made
 * of a key is made once.
 */
#include "meshd/node/state.h"

#include <string.h>

#define BEACON_LABEL "mesh beacon"

static void key_derive(struct node_key *k, const struct node *n)
{
	const uint8_t *psk = k->key.psk;

	mac1_key(k->made[KEY_FOR_ALL], psk, NULL);
	mac1_key(k->made[KEY_FOR_US], psk, n->enrolment.identity.public.dh);
	hash_bytes(k->made[KEY_FOR_BEACONS], KEY_LEN, bytes_of(BEACON_LABEL, sizeof(BEACON_LABEL) - 1),
		bytes_of(psk, KEY_LEN));
}

void keys_start(struct node *n)
{
	n->key_count = 1;
	memcpy(n->keys[0].key.psk, n->enrolment.psk, KEY_LEN);
	key_derive(&n->keys[0], n);
}

void keys_add(struct node *n, const struct secret_deployment_key *key)
{
	/* The oldest of the former ones goes, that of the enrolment stays. */
	if (n->key_count == KEYS_MAX)
		n->keys[KEYS_MAX - 2] = n->keys[KEYS_MAX - 1];
	else
		n->key_count++;
	memmove(n->keys + 1, n->keys, (n->key_count - 1) * sizeof(n->keys[0]));
	n->keys[0].key = *key;
	key_derive(&n->keys[0], n);
}

const struct node_key *key_newest(const struct node *n)
{
	return &n->keys[0];
}

const struct node_key *key_enrolled(const struct node *n)
{
	return &n->keys[n->key_count - 1];
}

const struct node_key *key_numbered(const struct node *n, uint16_t number)
{
	for (unsigned i = 0; i < n->key_count; i++)
		if (n->keys[i].key.number == number)
			return &n->keys[i];
	return key_enrolled(n);
}

const struct node_key *key_of_mac(
	const struct node *n, enum key_use use, struct bytes message, const uint8_t *mac, size_t mac_len)
{
	uint8_t right[MAC_LEN];

	for (unsigned i = 0; i < n->key_count; i++) {
		mac1_compute(right, n->keys[i].made[use], message);
		if (secret_equal(right, mac, mac_len))
			return &n->keys[i];
	}
	return NULL;
}
