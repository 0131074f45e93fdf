/*
 * Who is heard on a link, and is no neighbour: members whose beacons come and who do not
 * answer, for they do not hear us, and strangers with the keys of another deployment. Nothing
 * is done about them; people ask why there is no mesh.
 *
 * Anybody can say a beacon again that he heard, and frames with other keys anyway: it is
 * what is heard, not what is so.
 */
#include "meshd/node/state.h"

#include <string.h>

#define HEARSAY_US (60 * SECOND)

void stranger_heard(struct node_link *link, uint64_t now_us, const struct endpoint *from)
{
	/* It may be a member who missed a list or several. */
	beacon_strange(link, now_us);
	link->stranger = *from;
	link->strange_frames++;
	link->strange_us = now_us;
}

/* As long as beacons may be apart where neighbours are known, and one may get lost. */
static uint64_t hearsay_lasts_us(const struct node_link *link)
{
	return link_is_thin(link) ? 2 * HEARSAY_US : HEARSAY_US;
}

static struct hearsay *hearsay_find(struct node_link *link, const uint8_t id[NODE_ID_LEN])
{
	for (unsigned i = 0; i < NODE_HEARSAY_MAX; i++)
		if (link->hearsay[i].heard_us && memcmp(link->hearsay[i].id, id, NODE_ID_LEN) == 0)
			return &link->hearsay[i];
	return NULL;
}

/* A free place, or that of who was not heard for longest. */
static struct hearsay *hearsay_place(struct node_link *link)
{
	struct hearsay *place = link->hearsay;

	for (unsigned i = 1; i < NODE_HEARSAY_MAX; i++)
		if (link->hearsay[i].heard_us < place->heard_us)
			place = &link->hearsay[i];
	return place;
}

void hearsay_note(struct node_link *link, uint64_t now_us, const uint8_t id[NODE_ID_LEN], const struct peer *p)
{
	struct hearsay *h = hearsay_find(link, id);

	/* Of a neighbour there is more than that. */
	if (p && peer_is_live(p, now_us)) {
		if (h)
			*h = (struct hearsay){ 0 };
		return;
	}
	if (!h || now_us - h->heard_us > hearsay_lasts_us(link)) {
		h = h ? h : hearsay_place(link);
		*h = (struct hearsay){ .since_us = now_us };
		memcpy(h->id, id, NODE_ID_LEN);
	}
	h->heard_us = now_us;
}

bool node_heard_only(const struct node *n, uint64_t now_us, unsigned id, unsigned i, struct node_hearsay *out)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	for (unsigned k = 0; link && k < NODE_HEARSAY_MAX; k++) {
		const struct hearsay *h = &link->hearsay[k];
		const struct peer *p = h->heard_us ? peer_find_id(link, h->id) : NULL;

		if (!h->heard_us || now_us - h->heard_us > hearsay_lasts_us(link) || (p && peer_is_live(p, now_us)))
			continue;
		const struct certificate *c = trust_by_id(n, h->id);
		/* Who is out is refused, not unheard. */
		if ((c && revoke_ends(n, c)) || i--)
			continue;
		*out = (struct node_hearsay){ .certificate = c, .since_us = h->since_us, .heard_us = h->heard_us };
		return true;
	}
	return false;
}
