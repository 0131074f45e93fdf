/* The known word that a mistyped one was probably meant to be: least edit distance, up to a third of the word. */
#include "meshd/config/nearest.h"

#include <string.h>

#define WORD_MAX 24

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned above = row[j];

			row[j] = least(least(row[j - 1], above) + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *nearest_word(const char *word, const char *const *known, size_t count)
{
	const char *best = NULL;
	unsigned best_distance = (unsigned)(strlen(word) / 3 + 2);

	for (size_t i = 0; i < count; i++) {
		unsigned distance = edit_distance(word, known[i]);

		if (distance < best_distance && distance < strlen(known[i])) {
			best = known[i];
			best_distance = distance;
		}
	}
	return best;
}
