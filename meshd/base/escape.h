/*
 * Bytes that software flow control takes for itself (XON, XOFF), kept out of the
 * line: each is sent as an escape and its other self, as PPP does (RFC 1662, 4.2).
 */
#ifndef MESHD_BASE_ESCAPE_H
#define MESHD_BASE_ESCAPE_H

#include "meshd/base/bytes.h"

/* `out` holds 2 * in.len bytes; returns the length. */
size_t escape_write(uint8_t *out, struct bytes in);
/* In place; *is_open carries over an escape whose byte has not come. Returns the length. XON and XOFF that came
 * through are none of the frame's. */
size_t escape_read(uint8_t *data, size_t len, bool *is_open);

#endif
