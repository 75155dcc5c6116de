/* Sums of rows: in a fixed order, by vectors and then by halves, so that they have the same bits every time. */
#ifndef VAE_ROWS_H
#define VAE_ROWS_H

#include <string.h>

#include "vae.h"

typedef float vae_vector __attribute__((vector_size(4 * VAE_LANES)));
typedef float vae_unaligned __attribute__((vector_size(4 * VAE_LANES), aligned(4)));
typedef float vae_quad __attribute__((vector_size(16)));

/* The sum of n neighbours. */
VAE_INLINE float vae_row_sum(const float *x, int n) {
  vae_vector even = {0}, odd = {0};
  int i = 0;
  for (; i + 2 * VAE_LANES <= n; i += 2 * VAE_LANES) {
    even += *(const vae_unaligned *)(x + i);
    odd += *(const vae_unaligned *)(x + i + VAE_LANES);
  }
  for (; i + VAE_LANES <= n; i += VAE_LANES) even += *(const vae_unaligned *)(x + i);
  even += odd;
  vae_quad quads[VAE_LANES / 4];
  memcpy(quads, &even, sizeof quads);
#if VAE_LANES == 16
  quads[0] += quads[2];
  quads[1] += quads[3];
#endif
#if VAE_LANES >= 8
  quads[0] += quads[1];
#endif
  float sum = (quads[0][0] + quads[0][2]) + (quads[0][1] + quads[0][3]);
  for (; i < n; i++) sum += x[i];
  return sum;
}

#endif
