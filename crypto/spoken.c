/*
 * Bytes as words that one person says and another one types.
 *
 * A word is two syllables of 32, so ten bits. They are syllables of pinyin that English readers
 * can say too, and few sound alike: no pair of b and p, d and t, g and k, n and l, s and sh is
 * among them. There is no list of words to carry.
 *
 *   message   length 2 | kind 1 | contents | BLAKE2b-32 of all before
 *   line      ten words of it (the last line: what is left), two check words
 *
 * The words w0, w1, ... of line L, counted from 0, are numbers of GF(2^10):
 *
 *   sum of wi = L          sum of wi * a^i = L * a^PLACE
 *
 * So one wrong word of a line is found, with the one that was meant; and a line that stands in
 * another's place is found by its number, since no line is as long as PLACE. What two wrong words
 * make of a line, the hash at the end catches.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SYLLABLES 32
#define SYLLABLE_BITS 5
#define WORD_BITS 10
#define CHECK_WORDS 2
#define DATA_WORDS (SPOKEN_LINE_WORDS - CHECK_WORDS)
#define PLACE 100
#define FIELD_ORDER 1023u /* of its multiplicative group */
#define FIELD_POLYNOMIAL 0x409u /* x^10 + x^3 + 1 */
#define HASH_LEN 4
#define HEAD_LEN 3
#define MESSAGE_MAX (HEAD_LEN + SPOKEN_MAX + HASH_LEN)
#define WORDS_MOST ((MESSAGE_MAX * 8 + WORD_BITS - 1) / WORD_BITS)
#define LINES_MOST ((WORDS_MOST + DATA_WORDS - 1) / DATA_WORDS)

static const char initials[][3] = { "b", "ch", "d", "h", "k", "l", "m", "s" };
static const char finals[][3] = { "a", "ai", "ao", "u" };

/* --- the field ------------------------------------------------------------------------------ */

static unsigned multiply(unsigned a, unsigned b)
{
	unsigned product = 0;

	for (; b; b >>= 1) {
		if (b & 1)
			product ^= a;
		a <<= 1;
		if (a & (1u << WORD_BITS))
			a ^= FIELD_POLYNOMIAL;
	}
	return product;
}

/* x^exponent; of x = 2, the generator, every element but 0. */
static unsigned power(unsigned x, unsigned exponent)
{
	unsigned result = 1;

	for (; exponent; exponent >>= 1, x = multiply(x, x))
		if (exponent & 1)
			result = multiply(result, x);
	return result;
}

static unsigned divide(unsigned a, unsigned b)
{
	return multiply(a, power(b, FIELD_ORDER - 1));
}

/* --- lines -------------------------------------------------------------------------------- */

/* What the two sums of a line are too much by. */
static void line_sums(const uint16_t *words, unsigned count, unsigned number, unsigned sums[2])
{
	unsigned at = 1;

	sums[0] = number;
	sums[1] = multiply(number, power(2, PLACE));
	for (unsigned i = 0; i < count; i++, at = multiply(at, 2)) {
		sums[0] ^= words[i];
		sums[1] ^= multiply(words[i], at);
	}
}

/* Adds the check words behind `count` words. */
static void line_close(uint16_t *words, unsigned count, unsigned number)
{
	unsigned sums[2], at = power(2, count), after = multiply(at, 2);

	line_sums(words, count, number, sums);
	words[count + 1] = (uint16_t)divide(sums[1] ^ multiply(sums[0], at), at ^ after);
	words[count] = (uint16_t)(sums[0] ^ words[count + 1]);
}

static void word_format(char text[SPOKEN_WORD_TEXT], unsigned word)
{
	unsigned first = word >> SYLLABLE_BITS, second = word & (SYLLABLES - 1);

	snprintf(text, SPOKEN_WORD_TEXT, "%s%s%s%s", initials[first >> 2], finals[first & 3], initials[second >> 2],
		finals[second & 3]);
}

static int line_fault(struct spoken_fault *f, enum spoken_fault_kind kind, unsigned number)
{
	*f = (struct spoken_fault){ .kind = kind, .line = number + 1 };
	return -EBADMSG;
}

static int line_check(const uint16_t *words, unsigned count, unsigned number, struct spoken_fault *f)
{
	unsigned sums[2];

	line_sums(words, count, number, sums);
	if (!sums[0] && !sums[1])
		return 0;
	line_fault(f, SPOKEN_LINE_WRONG, number);
	if (!sums[0] || !sums[1])
		return -EBADMSG;
	unsigned ratio = divide(sums[1], sums[0]);
	for (unsigned i = 0; i < count; i++) {
		if (ratio != power(2, i))
			continue;
		f->kind = SPOKEN_WORD_WRONG;
		f->word = i + 1;
		word_format(f->heard, words[i]);
		word_format(f->meant, words[i] ^ sums[0]);
	}
	if (ratio == power(2, PLACE)) {
		f->kind = SPOKEN_LINE_MISPLACED;
		f->other_line = (number ^ sums[0]) + 1;
	}
	return -EBADMSG;
}

/* --- words -------------------------------------------------------------------------------- */

/* The syllable that `text` begins with, moving past it; -1: none. */
static int syllable_read(const char **text)
{
	for (unsigned i = 0; i < sizeof(initials) / sizeof(initials[0]); i++) {
		size_t len = strlen(initials[i]);

		if (strncmp(*text, initials[i], len) != 0)
			continue;
		/* The longest first: "ai" and "ao" begin with "a". */
		for (int j = sizeof(finals) / sizeof(finals[0]) - 1; j >= 0; j--) {
			if (strncmp(*text + len, finals[j], strlen(finals[j])) != 0)
				continue;
			*text += len + strlen(finals[j]);
			return (int)(i << 2) | j;
		}
	}
	return -1;
}

static int word_read(const char *text)
{
	int first = syllable_read(&text), second = first < 0 ? -1 : syllable_read(&text);

	return second < 0 || *text ? -1 : first << SYLLABLE_BITS | second;
}

/* A small letter; what cannot be shown is a question mark. */
static char letter_of(uint8_t byte)
{
	static const char small[] = "abcdefghijklmnopqrstuvwxyz";

	if (byte >= 'A' && byte <= 'Z')
		return small[byte - 'A'];
	if (byte >= 0x80 || !isprint(byte))
		return '?';
	return (char)byte;
}

/* The next run of letters and digits, as small letters; false: there is none. What is too long is cut. */
static bool token_read(struct reader *r, char token[SPOKEN_HEARD_TEXT])
{
	size_t len = 0;

	while (reader_left(r) > 0) {
		uint8_t byte = *r->at;
		bool is_between = byte <= ' ' || byte == ',' || byte == '-' || byte == '.' || byte == ';';

		if (is_between && len > 0)
			break;
		read_skip(r, 1);
		if (!is_between && len < SPOKEN_HEARD_TEXT - 1)
			token[len++] = letter_of(byte);
	}
	token[len] = 0;
	return len > 0;
}

/* A line's words, as many as there are up to SPOKEN_LINE_WORDS. */
static int line_read(struct reader *r, unsigned number, uint16_t words[SPOKEN_LINE_WORDS], struct spoken_fault *f)
{
	char token[SPOKEN_HEARD_TEXT];
	unsigned count = 0;

	while (count < SPOKEN_LINE_WORDS && token_read(r, token)) {
		int word = word_read(token);

		if (word < 0) {
			line_fault(f, SPOKEN_WORD_UNKNOWN, number);
			f->word = count + 1;
			memcpy(f->heard, token, sizeof(f->heard));
			return -EBADMSG;
		}
		words[count++] = (uint16_t)word;
	}
	if (count && count <= CHECK_WORDS)
		return line_fault(f, SPOKEN_SHORT, number);
	int error = count ? line_check(words, count, number, f) : 0;
	return error ? error : (int)count;
}

int spoken_line_check(struct bytes text, unsigned line, struct spoken_fault *f)
{
	uint16_t words[SPOKEN_LINE_WORDS];
	char more[SPOKEN_HEARD_TEXT];
	struct reader r = reader_of(text);
	int count = line_read(&r, line - 1, words, f);

	if (count >= 0 && token_read(&r, more))
		return line_fault(f, SPOKEN_LONG, line - 1);
	return count;
}

/* --- messages ------------------------------------------------------------------------------ */

static size_t message_make(uint8_t message[MESSAGE_MAX], uint8_t kind, struct bytes contents)
{
	struct writer w = writer_of(message, MESSAGE_MAX);
	uint8_t hash[16];

	write_u16(&w, (uint16_t)contents.len);
	write_u8(&w, kind);
	write_bytes(&w, contents);
	hash_bytes(hash, sizeof(hash), writer_bytes(&w), (struct bytes){ 0 });
	write_copy(&w, hash, HASH_LEN);
	assert(writer_ok(&w));
	return writer_len(&w);
}

static int message_open(struct bytes message, uint8_t kind, uint8_t *out, size_t capacity, struct spoken_fault *f)
{
	struct reader r = reader_of(message);
	uint16_t len = read_u16(&r);
	uint8_t said = read_u8(&r), hash[16], right[HASH_LEN];
	struct bytes contents = read_bytes(&r, len);

	read_copy(&r, right, sizeof(right));
	if (!reader_ok(&r))
		return line_fault(f, SPOKEN_SHORT, 0);
	/* Whole words were said: what is left are bits to fill the last one up. */
	if (reader_left(&r) > 1)
		return line_fault(f, SPOKEN_LONG, 0);
	hash_bytes(hash, sizeof(hash), bytes_of(message.data, HEAD_LEN + (size_t)len), (struct bytes){ 0 });
	if (!secret_equal(hash, right, sizeof(right)))
		return line_fault(f, SPOKEN_SUM_WRONG, 0);
	if (said != kind || len > capacity)
		return line_fault(f, SPOKEN_KIND_WRONG, 0);
	if (len)
		memcpy(out, contents.data, len);
	return len;
}

/* Ten bits of the message from bit `at` on; zeros behind its end. */
static uint16_t bits_get(struct bytes message, size_t at)
{
	unsigned value = 0;

	for (size_t bit = at; bit < at + WORD_BITS; bit++) {
		unsigned byte = bit / 8 < message.len ? message.data[bit / 8] : 0;

		value = value << 1 | (byte >> (7 - bit % 8) & 1);
	}
	return (uint16_t)value;
}

static void bits_put(uint8_t *message, size_t at, uint16_t word)
{
	for (unsigned i = 0; i < WORD_BITS; i++)
		if (word >> (WORD_BITS - 1 - i) & 1)
			message[(at + i) / 8] |= (uint8_t)(0x80 >> (at + i) % 8);
}

int spoken_format(uint8_t kind, struct bytes contents, char *text, size_t capacity)
{
	uint8_t message[MESSAGE_MAX];
	struct writer w = writer_of(text, capacity);

	assert(contents.len <= SPOKEN_MAX);
	struct bytes all = bytes_of(message, message_make(message, kind, contents));
	size_t left = (all.len * 8 + WORD_BITS - 1) / WORD_BITS, at = 0;
	for (unsigned line = 0; left > 0; line++) {
		unsigned count = left < DATA_WORDS ? (unsigned)left : DATA_WORDS;
		uint16_t words[SPOKEN_LINE_WORDS];

		for (unsigned i = 0; i < count; i++, at += WORD_BITS)
			words[i] = bits_get(all, at);
		line_close(words, count, line);
		for (unsigned i = 0; i < count + CHECK_WORDS; i++) {
			char word[SPOKEN_WORD_TEXT];

			word_format(word, words[i]);
			write_copy(&w, word, strlen(word));
			write_u8(&w, i + 1 < count + CHECK_WORDS ? ' ' : '\n');
		}
		left -= count;
	}
	write_u8(&w, 0);
	return writer_ok(&w) ? (int)writer_len(&w) - 1 : -ENOSPC;
}

int spoken_parse(uint8_t kind, struct bytes text, uint8_t *out, size_t capacity, struct spoken_fault *f)
{
	uint8_t message[LINES_MOST * DATA_WORDS * WORD_BITS / 8 + 2] = { 0 };
	struct reader r = reader_of(text);
	size_t at = 0;

	for (unsigned line = 0;; line++) {
		uint16_t words[SPOKEN_LINE_WORDS];
		int count = line_read(&r, line, words, f);

		if (count < 0)
			return count;
		if (count == 0)
			break;
		if (line == LINES_MOST)
			return line_fault(f, SPOKEN_LONG, line);
		for (int i = 0; i + CHECK_WORDS < count; i++, at += WORD_BITS)
			bits_put(message, at, words[i]);
	}
	return message_open(bytes_of(message, at / 8), kind, out, capacity, f);
}
