/* What a data frame carries, as Wireshark reads it: for captures of what is sealed on the wire. */
#ifndef MESHD_BASE_OPENED_H
#define MESHD_BASE_OPENED_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"

#define ETHERTYPE_MESH 0x88b5
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

/* `inner` is what was sealed, kind byte first (docs/frames.md). An IP packet is written as it is and a Babel packet as
 * UDP 6696 from one link-local address to the other, or to ff02::1:6 if all are told; the EtherType before either.
 * False: it is neither, and nothing was written. */
bool opened_write(
	struct writer *out, struct bytes inner, const struct address *source, const struct address *destination);
/* It holds other inner frames, or parts of them: a piece, a bundle, or a packet with short headers. */
bool opened_is_wrapped(struct bytes inner);
/* The same of a Babel packet alone. */
void opened_write_babel(
	struct writer *out, struct bytes packet, const struct address *source, const struct address *destination);
/* ff02::1:6 */
struct address opened_babel_group(void);
/* The ends of the IP packet that `inner` is; false: it is none. */
bool opened_ends(struct bytes inner, struct address *source, struct address *destination);

#endif
