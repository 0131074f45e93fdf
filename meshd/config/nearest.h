/* The known word that a mistyped one was probably meant to be. Private to meshd/config/. */
#ifndef MESHD_CONFIG_NEAREST_H
#define MESHD_CONFIG_NEAREST_H

#include <stddef.h>

/* NULL: none is near. */
const char *nearest_word(const char *word, const char *const *known, size_t count);

#endif
