/*
 * A name is what people at the scene trust, on a screen and in a log: two names
 * that look alike must be alike, and none may move the cursor, turn the writing
 * direction or start a new line. Hence strict UTF-8 (RFC 3629) and no invisible
 * characters.
 */
#include "crypto/name.h"
#include "crypto/crypto.h"

#define NOT_UTF8 UINT32_MAX

/* The next code point: shortest form only, no surrogates, not above U+10FFFF. */
static uint32_t code_point_read(struct reader *r)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t lead = read_u8(r);
	unsigned more;
	uint32_t c;

	if (lead < 0x80)
		return lead;
	if ((lead & 0xe0) == 0xc0)
		more = 1, c = lead & 0x1f;
	else if ((lead & 0xf0) == 0xe0)
		more = 2, c = lead & 0x0f;
	else if ((lead & 0xf8) == 0xf0)
		more = 3, c = lead & 0x07;
	else
		return NOT_UTF8;
	for (unsigned i = 0; i < more; i++) {
		uint8_t next = read_u8(r);

		if ((next & 0xc0) != 0x80)
			return NOT_UTF8;
		c = c << 6 | (next & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return NOT_UTF8;
	return c;
}

static bool code_point_is_printable(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x0000, 0x001f }, /* C0 */
		{ 0x007f, 0x009f }, /* DEL, C1 */
		{ 0x00ad, 0x00ad }, /* soft hyphen */
		{ 0x200b, 0x200f }, /* zero width, direction marks */
		{ 0x2028, 0x202e }, /* separators, direction overrides */
		{ 0x2060, 0x206f }, /* invisible operators, isolates */
		{ 0xfeff, 0xfeff }, /* byte order mark */
		{ 0xfff9, 0xfffb }, /* interlinear annotation */
		{ 0xe0000, 0xe007f }, /* tags */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return c != NOT_UTF8 && (c & 0xfffe) != 0xfffe; /* the last two of a plane are no characters */
}

static bool code_point_is_space(uint32_t c)
{
	return c == ' ' || c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x3000;
}

bool name_is_valid(struct bytes name)
{
	struct reader r = reader_of(name);
	bool space = false;

	if (name.len < 1 || name.len > NAME_MAX_LEN)
		return false;
	while (reader_left(&r) > 0) {
		bool first = r.at == name.data;
		uint32_t c = code_point_read(&r);

		space = code_point_is_space(c);
		if (!code_point_is_printable(c) || (first && space))
			return false;
	}
	return !space;
}
