/* Decimal numbers in the words of operators. */
#include "meshd/base/digits.h"

bool digits_take(const char **at, unsigned most, unsigned *out)
{
	const char *end = *at;
	unsigned value = 0;

	for (; *end >= '0' && *end <= '9'; end++) {
		unsigned digit = (unsigned)(*end - '0');

		if (digit > most || value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (end == *at)
		return false;
	*at = end;
	*out = value;
	return true;
}
