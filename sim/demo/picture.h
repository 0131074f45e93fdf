/*
 * The photograph of the scene: drawn, because no camera is at hand, and always
 * the same, so that a run can be compared with the last one. Grain and texture
 * make it compress like a photograph and not like a drawing.
 * Private to sim/demo/.
 */
#ifndef SIM_DEMO_PICTURE_H
#define SIM_DEMO_PICTURE_H

#include "meshd/base/bytes.h"

#define PICTURE_WIDTH 1600
#define PICTURE_HEIGHT 1200
#define PICTURE_MIN (1024ul * 1024) /* bytes of JPEG: what the demonstration promises to carry */
#define PICTURE_MAX (1300ul * 1024)

/* RGB, 3 bytes a pixel, PICTURE_WIDTH * PICTURE_HEIGHT of them, for free(). NULL: memory. */
uint8_t *picture_draw(void);

/* --- jpeg.c --------------------------------------------------------------------------- */

/* *out is for free(). 0; -ENOMEM; -EINVAL: the encoder refused (size, quality 1..100). */
int jpeg_encode(uint8_t **out, size_t *len, const uint8_t *rgb, unsigned width, unsigned height, int quality);
/* The picture as JPEG of PICTURE_MIN to PICTURE_MAX bytes, by the highest quality that fits. -ERANGE: none does. */
int jpeg_of_picture(uint8_t **out, size_t *len);
/* The same photograph at 1/`denominator` (1, 2, 4, 8) of its width, for the page. -EBADMSG: not a whole JPEG. */
int jpeg_shrink(uint8_t **out, size_t *len, struct bytes jpeg, unsigned denominator, int quality);

#endif
