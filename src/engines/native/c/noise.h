/* Philox 4x32-10 and what src/random/random.ts makes of its bits: the same numbers, a few blocks at a time. */
#ifndef VAE_NOISE_H
#define VAE_NOISE_H

#include "vae.h"

/* What is the same for all blocks of a fill: words 1 to 3 of the counter, and the key. */
struct vae_noise {
  uint32_t counter[3];
  uint32_t key[2];
};

/* How many values one block of four 32-bit numbers makes. */
enum { VAE_UNIFORMS = 4, VAE_NORMALS = 4, VAE_BERNOULLIS = 8 };

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Each fills what blocks `first` to `first + blocks` make of out[0 .. count), in which block b makes the values from
 * b · (values of a block) on; the last may be cut short by `count`.
 */
VAE_EXPORT void vae_fill_uniform(float *out, long count, long first, long blocks, const struct vae_noise *noise);
VAE_EXPORT void vae_fill_normal(float *out, long count, long first, long blocks, const struct vae_noise *noise);
/* 1 where 16 bits are below `threshold`, which is the probability · 2¹⁶, rounded; else 0. */
VAE_EXPORT void vae_fill_bernoulli(float *out, long count, long first, long blocks, const struct vae_noise *noise,
                                   uint32_t threshold);

#ifdef __cplusplus
}
#endif
#endif
