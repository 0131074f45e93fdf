/* Which packets of a guest pass, and which to it (guest.c). */
#include "meshd/node/state.h"

static bool is_its_own(const struct peer *guest, const struct address *a)
{
	return address_equal(a, &guest->mesh_address) || certificate_has_behind(guest->certificate, a);
}

static bool class_is_its(const struct certificate *c, enum packet_class class)
{
	static const uint8_t bits[PACKET_CLASSES] = { [CLASS_TEXT] = GUEST_TEXT,
		[CLASS_COMMAND] = GUEST_COMMAND,
		[CLASS_BULK] = GUEST_BULK,
		[CLASS_FALLEN] = GUEST_BULK };

	return c->guest.classes & bits[class];
}

bool guest_may_send(const struct peer *guest, const struct packet *p)
{
	return is_its_own(guest, &p->source) && guest_may_meet(guest->certificate, &p->destination) &&
	       class_is_its(guest->certificate, p->class);
}

/* Routers on the way may say why its packets do not get through. */
bool guest_may_get(const struct peer *guest, const struct packet *p)
{
	if (!is_its_own(guest, &p->destination))
		return false;
	if (packet_is_icmp_error(p))
		return true;
	return guest_may_meet(guest->certificate, &p->source) && class_is_its(guest->certificate, p->class);
}
