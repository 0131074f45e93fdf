#include "meshd/base/escape.h"

#define XON 0x11
#define XOFF 0x13
#define ESCAPE 0x7d
#define OTHER 0x20

size_t escape_write(uint8_t *out, struct bytes in)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t byte = in.data[i];

		if (byte == XON || byte == XOFF || byte == ESCAPE) {
			out[len++] = ESCAPE;
			byte ^= OTHER;
		}
		out[len++] = byte;
	}
	return len;
}

size_t escape_read(uint8_t *data, size_t len, bool *is_open)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t byte = data[i];

		if (byte == XON || byte == XOFF)
			continue;
		if (!*is_open && byte == ESCAPE) {
			*is_open = true;
			continue;
		}
		data[kept++] = *is_open ? byte ^ OTHER : byte;
		*is_open = false;
	}
	return kept;
}
