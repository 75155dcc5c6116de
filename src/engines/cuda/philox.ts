/**
 * Noise as CUDA C: Philox 4x32-10 and what is made of its words, number for number as src/random/ do
 * it on the host.
 */

/** A normal differs from the host's, which computes in 64 bits, by rounding; the others are the same bits. */
export const philoxSource = `
struct Block { unsigned word[4]; };

__device__ static Block philox(unsigned block, unsigned stream, const unsigned* call) {
  unsigned c0 = block, c1 = call[2], c2 = stream, c3 = call[3], k0 = call[0], k1 = call[1];
  for (int round = 0; round < 10; round++) {
    const unsigned high0 = __umulhi(0xd2511f53u, c0), low0 = 0xd2511f53u * c0;
    const unsigned high1 = __umulhi(0xcd9e8d57u, c2), low1 = 0xcd9e8d57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return Block{{c0, c1, c2, c3}};
}

/* 23 bits at the centres of as many cells: exact. */
__device__ static float to_uniform(unsigned bits) { return ((float)(bits >> 9) + 0.5f) * 1.1920928955078125e-07f; }

__device__ static float draw_uniform(unsigned i, unsigned stream, const unsigned* call) {
  return to_uniform(philox(i / 4, stream, call).word[i % 4]);
}

/* Box and Muller: a pair of words gives a pair of normals. */
__device__ static float draw_normal(unsigned i, unsigned stream, const unsigned* call) {
  const Block block = philox(i / 4, stream, call);
  const unsigned first = i % 4 & ~1u;
  const float radius = sqrtf(-2.0f * logf(to_uniform(block.word[first])));
  const float turns = 2.0f * to_uniform(block.word[first + 1]);
  return radius * (i % 2 == 0 ? cospif(turns) : sinpif(turns));
}

/* 16 bits a decision. */
__device__ static float draw_bernoulli(unsigned i, unsigned stream, const unsigned* call, unsigned threshold) {
  const unsigned word = philox(i / 8, stream, call).word[i / 2 % 4];
  return (i % 2 == 0 ? word & 0xffffu : word >> 16) < threshold ? 1.0f : 0.0f;
}
`;
