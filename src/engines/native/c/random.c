/* The fills of random.h: some blocks at a time, each word of theirs in an array of its own, so that every loop is vectors. */

#include "random.h"

#include "functions.h"

/* Blocks at a time; a block is four words. */
#define BLOCKS 64

struct words {
  unsigned word[4][BLOCKS];
};

VAE_INLINE unsigned multiplyHigh(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }

/* Blocks `first` on: block i from the counter (i, step low, stream, step high) and the key (seed low, seed high). */
static void philox(struct words *out, unsigned first, unsigned stream, const unsigned call[4]) {
  const unsigned seedLow = call[0], seedHigh = call[1], stepLow = call[2], stepHigh = call[3];
  for (unsigned i = 0; i < BLOCKS; i++) {
    unsigned c0 = first + i, c1 = stepLow, c2 = stream, c3 = stepHigh;
#pragma GCC unroll 10
    for (unsigned round = 0; round < 10; round++) {
      const unsigned high0 = multiplyHigh(0xd2511f53u, c0), low0 = 0xd2511f53u * c0;
      const unsigned high1 = multiplyHigh(0xcd9e8d57u, c2), low1 = 0xcd9e8d57u * c2;
      c0 = high1 ^ c1 ^ (seedLow + round * 0x9e3779b9u);
      c1 = low1;
      c2 = high0 ^ c3 ^ (seedHigh + round * 0xbb67ae85u);
      c3 = low0;
    }
    out->word[0][i] = c0;
    out->word[1][i] = c1;
    out->word[2][i] = c2;
    out->word[3][i] = c3;
  }
}

/* 23 bits at the centres of as many cells of (0, 1): exact. */
VAE_INLINE float toUniform(unsigned bits) { return ((float)(int)(bits >> 9) + 0.5f) * 1.1920928955078125e-7f; }

static void toUniforms(const struct words *words, float *restrict out, unsigned unused) {
  (void)unused;
  for (int i = 0; i < BLOCKS; i++) {
    out[4 * i] = toUniform(words->word[0][i]);
    out[4 * i + 1] = toUniform(words->word[1][i]);
    out[4 * i + 2] = toUniform(words->word[2][i]);
    out[4 * i + 3] = toUniform(words->word[3][i]);
  }
}

/* Box and Muller: √(−2 log u) (cos 2πv, sin 2πv) are two independent standard normals. */
static void toNormals(const struct words *words, float *restrict out, unsigned unused) {
  (void)unused;
  for (int pair = 0; pair < 2; pair++) {
    const unsigned *u = words->word[2 * pair], *v = words->word[2 * pair + 1];
    for (int i = 0; i < BLOCKS; i++) {
      const float radius = vae_sqrt(-2.0f * vae_log(toUniform(u[i]))), turns = toUniform(v[i]);
      out[4 * i + 2 * pair] = radius * vae_cos_turns(turns);
      out[4 * i + 2 * pair + 1] = radius * vae_sin_turns(turns);
    }
  }
}

/* 16 bits a decision, the lower half of a word first. */
static void toBernoullis(const struct words *words, float *restrict out, unsigned threshold) {
  for (int i = 0; i < BLOCKS; i++) {
    for (int word = 0; word < 4; word++) {
      const unsigned bits = words->word[word][i];
      out[8 * i + 2 * word] = (int)(bits & 0xffffu) < (int)threshold ? 1.0f : 0.0f;
      out[8 * i + 2 * word + 1] = (int)(bits >> 16) < (int)threshold ? 1.0f : 0.0f;
    }
  }
}

typedef void Convert(const struct words *, float *restrict, unsigned);

/* The stream's values by `convert`, which makes `perBlock` of each block. */
VAE_INLINE void fill(float *out, long first, long count, unsigned stream, const unsigned call[4], int perBlock,
                     Convert *convert, unsigned threshold) {
  struct words words;
  float rest[8 * BLOCKS];
  const long perTurn = (long)perBlock * BLOCKS;
  for (long at = 0; at < count; at += perTurn) {
    philox(&words, (unsigned)((first + at) / perBlock), stream, call);
    if (count - at >= perTurn) {
      convert(&words, out + at, threshold);
    } else {
      convert(&words, rest, threshold);
      __builtin_memcpy(out + at, rest, (unsigned long)(count - at) * sizeof *out);
    }
  }
}

void vae_fill_uniform(float *out, long first, long count, unsigned stream, const unsigned call[4]) {
  fill(out, first, count, stream, call, 4, toUniforms, 0);
}

void vae_fill_normal(float *out, long first, long count, unsigned stream, const unsigned call[4]) {
  fill(out, first, count, stream, call, 4, toNormals, 0);
}

void vae_fill_bernoulli(float *out, long first, long count, unsigned stream, const unsigned call[4],
                        unsigned threshold) {
  fill(out, first, count, stream, call, 8, toBernoullis, threshold);
}
