/* Decimal numbers in the words of operators. */
#ifndef MESHD_BASE_DIGITS_H
#define MESHD_BASE_DIGITS_H

#include <stdbool.h>

/* Digits up to *at, which is moved behind them; false, and nothing moved: there are none, or they say more than `most`.
 */
bool digits_take(const char **at, unsigned most, unsigned *out);

#endif
