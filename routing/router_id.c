/*
 * Router-ids: eight opaque bytes, two values reserved (RFC 8966, 4.1.3).
 */
#include "routing/babel.h"

bool router_id_is_reserved(const router_id *id)
{
	for (size_t i = 1; i < sizeof(id->bytes); i++) {
		if (id->bytes[i] != id->bytes[0])
			return false;
	}
	return id->bytes[0] == 0 || id->bytes[0] == 0xff;
}
