/*
 * The noise of noise.h. A group of blocks is computed word by word, so that a vector holds the same word of as many
 * blocks, and is then turned into numbers that lie block by block.
 */
#include "noise.h"

#include <string.h>

#include "functions.h"

enum { GROUP = 64 };

/* words[w][b] is word w of block first + b. Salmon et al. (2011). */
static void philox(uint32_t words[4][GROUP], uint32_t first, const struct vae_noise *noise) {
  for (int b = 0; b < GROUP; b++) {
    uint32_t c0 = first + (uint32_t)b, c1 = noise->counter[0], c2 = noise->counter[1], c3 = noise->counter[2];
    uint32_t k0 = noise->key[0], k1 = noise->key[1];
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      const uint64_t product0 = (uint64_t)c0 * 0xd2511f53u, product1 = (uint64_t)c2 * 0xcd9e8d57u;
      c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
      c1 = (uint32_t)product1;
      c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
      c3 = (uint32_t)product0;
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    words[0][b] = c0;
    words[1][b] = c1;
    words[2][b] = c2;
    words[3][b] = c3;
  }
}

/* 23 bits at the centres of 2²³ equal cells. */
VAE_INLINE float to_uniform(uint32_t bits) { return ((float)(int32_t)(bits >> 9) + 0.5f) * 0x1p-23f; }

static void uniforms(float *restrict out, uint32_t words[restrict 4][GROUP], uint32_t unused) {
  (void)unused;
  for (int b = 0; b < GROUP; b++) {
    for (int w = 0; w < 4; w++) out[4 * b + w] = to_uniform(words[w][b]);
  }
}

/* Box and Muller: √(−2 log u) (cos 2πv, sin 2πv) are two independent standard normals. */
static void normals(float *restrict out, uint32_t words[restrict 4][GROUP], uint32_t unused) {
  (void)unused;
  float made[4][GROUP];
  for (int w = 0; w < 4; w += 2) {
    for (int b = 0; b < GROUP; b++) {
      const float radius = vae_sqrt(-2 * vae_log(to_uniform(words[w][b])));
      float sine, cosine;
      vae_sincospi(2 * to_uniform(words[w + 1][b]), &sine, &cosine);
      made[w][b] = radius * cosine;
      made[w + 1][b] = radius * sine;
    }
  }
  for (int b = 0; b < GROUP; b++) {
    for (int w = 0; w < 4; w++) out[4 * b + w] = made[w][b];
  }
}

static void bernoullis(float *restrict out, uint32_t words[restrict 4][GROUP], uint32_t threshold) {
  for (int b = 0; b < GROUP; b++) {
    for (int w = 0; w < 4; w++) {
      out[8 * b + 2 * w] = (words[w][b] & 0xffff) < threshold ? 1 : 0;
      out[8 * b + 2 * w + 1] = (words[w][b] >> 16) < threshold ? 1 : 0;
    }
  }
}

/* Whole groups in place; the last, and what `count` cuts short, by way of a buffer. */
VAE_INLINE void fill(void (*const make)(float *, uint32_t (*)[GROUP], uint32_t), int perBlock, float *out, long count,
                     long first, long blocks, const struct vae_noise *noise, uint32_t threshold) {
  uint32_t words[4][GROUP];
  float buffer[8 * GROUP];
  const long end = (first + blocks) * perBlock < count ? (first + blocks) * perBlock : count;
  for (long block = first; block * perBlock < end; block += GROUP) {
    philox(words, (uint32_t)block, noise);
    const long from = block * perBlock, values = end - from;
    if (values >= (long)GROUP * perBlock) {
      make(out + from, words, threshold);
    } else {
      make(buffer, words, threshold);
      memcpy(out + from, buffer, (size_t)values * sizeof *out);
    }
  }
}

void vae_fill_uniform(float *out, long count, long first, long blocks, const struct vae_noise *noise) {
  fill(uniforms, VAE_UNIFORMS, out, count, first, blocks, noise, 0);
}

void vae_fill_normal(float *out, long count, long first, long blocks, const struct vae_noise *noise) {
  fill(normals, VAE_NORMALS, out, count, first, blocks, noise, 0);
}

void vae_fill_bernoulli(float *out, long count, long first, long blocks, const struct vae_noise *noise,
                        uint32_t threshold) {
  fill(bernoullis, VAE_BERNOULLIS, out, count, first, blocks, noise, threshold);
}
