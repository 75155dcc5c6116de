/* The tiles of product.h: one function for each number of rows, all from one macro, with an accumulator a name, because
   not every compiler keeps an array of them in registers. */

#include "product.h"

typedef float Vector __attribute__((vector_size(VAE_LANES * 4)));
/* A vector in memory, at any address, that may be what other floats are. */
typedef float Unaligned __attribute__((vector_size(VAE_LANES * 4), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE Vector load(const float *from) { return *(const Unaligned *)from; }
INLINE void store(float *to, Vector value) { *(Unaligned *)to = value; }

/* M for each of the first rows. */
#define EACH_1(M) M(0)
#define EACH_2(M) EACH_1(M) M(1)
#define EACH_3(M) EACH_2(M) M(2)
#define EACH_4(M) EACH_3(M) M(3)
#define EACH_5(M) EACH_4(M) M(4)
#define EACH_6(M) EACH_5(M) M(5)
#define EACH_7(M) EACH_6(M) M(6)
#define EACH_8(M) EACH_7(M) M(7)
#define EACH_9(M) EACH_8(M) M(8)
#define EACH_10(M) EACH_9(M) M(9)
#define EACH_11(M) EACH_10(M) M(10)
#define EACH_12(M) EACH_11(M) M(11)
#define EACH_13(M) EACH_12(M) M(12)
#define EACH_14(M) EACH_13(M) M(13)

#if VAE_ROWS == 14
#define EACH_COUNT(M) \
  M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14)
#elif VAE_ROWS == 8
#define EACH_COUNT(M) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8)
#else
#define EACH_COUNT(M) M(1) M(2) M(3) M(4) M(5) M(6)
#endif

/* What is done to a third vector of a row, where a row has three. */
#if VAE_VECTORS == 3
#define THIRD(...) __VA_ARGS__
#else
#define THIRD(...)
#endif

/* Row r's accumulators, begun at 0 or at what is there. */
#define BEGIN(r)                                                                      \
  Vector sum##r##a = add ? load(out + (r)*VAE_COLUMNS) : (Vector){0};                 \
  Vector sum##r##b = add ? load(out + (r)*VAE_COLUMNS + VAE_LANES) : (Vector){0};     \
  THIRD(Vector sum##r##c = add ? load(out + (r)*VAE_COLUMNS + 2 * VAE_LANES) : (Vector){0};)

#define END(r)                                          \
  store(out + (r)*VAE_COLUMNS, sum##r##a);              \
  store(out + (r)*VAE_COLUMNS + VAE_LANES, sum##r##b);  \
  THIRD(store(out + (r)*VAE_COLUMNS + 2 * VAE_LANES, sum##r##c);)

/* One row of B, at `from`. */
#define ROW_OF_B(from)                       \
  const Vector ba = load(from);              \
  const Vector bb = load((from) + VAE_LANES); \
  THIRD(const Vector bc = load((from) + 2 * VAE_LANES);)

/* sum_r += A(r, k) · B(k), for A(r, k) at `from`. */
#define MULTIPLY(r, from)            \
  {                                  \
    const float value = (from);      \
    sum##r##a += value * ba;         \
    sum##r##b += value * bb;         \
    THIRD(sum##r##c += value * bc;)  \
  }

/* Rows by strides: three rows share one pointer, so that the pointers fit into registers. */
#define STRIDED(r) MULTIPLY(r, third##r[((r) % 3) * rowStride])
#define third0 at0
#define third1 at0
#define third2 at0
#define third3 at1
#define third4 at1
#define third5 at1
#define third6 at2
#define third7 at2
#define third8 at2
#define third9 at3
#define third10 at3
#define third11 at3
#define third12 at4
#define third13 at4

#define TILE(count)                                                                                              \
  static void tile##count(long k, const float *a, long rowStride, long innerStride, const float *panel, float *out, \
                          int add) {                                                                             \
    const float *at0 = a, *at1 = a + 3 * rowStride, *at2 = a + 6 * rowStride;                                    \
    const float *at3 = a + 9 * rowStride, *at4 = a + 12 * rowStride;                                             \
    EACH_##count(BEGIN)                                                                                          \
    for (; k > 0; k--) {                                                                                         \
      ROW_OF_B(panel)                                                                                            \
      EACH_##count(STRIDED)                                                                                      \
      at0 += innerStride, at1 += innerStride, at2 += innerStride, at3 += innerStride, at4 += innerStride;        \
      panel += VAE_COLUMNS;                                                                                      \
    }                                                                                                            \
    EACH_##count(END)                                                                                            \
  }
EACH_COUNT(TILE)

/* Where a stretch of zeros is read; a longer one is read in pieces. */
#define MOST_ZEROS 1024
static const float zeros[MOST_ZEROS];

#define POINT(r)                                              \
  const int offset##r = offsets[(r)*segments + segment];      \
  const float *row##r = offset##r < 0 ? zeros : a + offset##r + from;
#define STRETCH(r) MULTIPLY(r, row##r[at])

#define GATHERED(count)                                                                                           \
  static void gathered##count(long segments, long length, const float *a, const int *offsets, const float *panel, \
                              float *out, int add) {                                                              \
    EACH_##count(BEGIN)                                                                                           \
    for (long segment = 0; segment < segments; segment++) {                                                       \
      for (long from = 0; from < length; from += MOST_ZEROS) {                                                    \
        const long piece = length - from < MOST_ZEROS ? length - from : MOST_ZEROS;                               \
        EACH_##count(POINT)                                                                                       \
        for (long at = 0; at < piece; at++) {                                                                     \
          ROW_OF_B(panel)                                                                                         \
          EACH_##count(STRETCH)                                                                                   \
          panel += VAE_COLUMNS;                                                                                   \
        }                                                                                                         \
      }                                                                                                           \
    }                                                                                                             \
    EACH_##count(END)                                                                                             \
  }
EACH_COUNT(GATHERED)

#define CONTIGUOUS(r) MULTIPLY(r, row[r])

#define TRANSPOSED(count)                                                                                     \
  static void transposed##count(long k, const float *a, const int *offsets, long offsetStride, const float *b, \
                                long ldb, float *out, int add) {                                              \
    EACH_##count(BEGIN)                                                                                       \
    for (; k > 0; k--) {                                                                                      \
      const int offset = *offsets;                                                                            \
      if (offset >= 0) {                                                                                      \
        const float *row = a + offset;                                                                        \
        ROW_OF_B(b)                                                                                           \
        EACH_##count(CONTIGUOUS)                                                                              \
      }                                                                                                       \
      offsets += offsetStride;                                                                                \
      b += ldb;                                                                                               \
    }                                                                                                         \
    EACH_##count(END)                                                                                         \
  }
EACH_COUNT(TRANSPOSED)

#define CALL_TILE(count) \
  case count: return tile##count(k, a, rowStride, innerStride, panel, out, add);
#define CALL_GATHERED(count) \
  case count: return gathered##count(segments, length, a, offsets, panel, out, add);
#define CALL_TRANSPOSED(count) \
  case count: return transposed##count(k, a + segmentStart, offsets, offsetStride, b, ldb, out, add);

void vae_tile(int rows, long k, const float *a, long rowStride, long innerStride, const float *panel, float *out,
              int add) {
  switch (rows) { EACH_COUNT(CALL_TILE) }
}

void vae_tile_gathered(int rows, long segments, long length, const float *a, const int *offsets, const float *panel,
                       float *out, int add) {
  switch (rows) { EACH_COUNT(CALL_GATHERED) }
}

void vae_tile_gathered_t(int rows, long k, const float *a, const int *offsets, long offsetStride, long segmentStart,
                         const float *b, long ldb, float *out, int add) {
  switch (rows) { EACH_COUNT(CALL_TRANSPOSED) }
}

/* Square blocks of a transposed B, so that both sides stay in the nearest cache. */
static void packTransposed(const float *b, long columnStride, long k, long columns, float *panel) {
  for (long from = 0; from < k; from += VAE_LANES) {
    const long to = from + VAE_LANES < k ? from + VAE_LANES : k;
    for (long column = 0; column < columns; column++) {
      for (long row = from; row < to; row++) panel[row * VAE_COLUMNS + column] = b[column * columnStride + row];
    }
    for (long row = from; row < to; row++) {
      for (long column = columns; column < VAE_COLUMNS; column++) panel[row * VAE_COLUMNS + column] = 0;
    }
  }
}

void vae_pack(const float *b, long rowStride, long columnStride, long k, long n, long firstPanel, long panels,
              float *packed) {
  for (long index = firstPanel; index < firstPanel + panels; index++) {
    const long first = index * VAE_COLUMNS;
    const long columns = n - first < VAE_COLUMNS ? n - first : VAE_COLUMNS;
    const float *from = b + first * columnStride;
    float *panel = packed + index * k * VAE_COLUMNS;
    if (columnStride == 1 && columns == VAE_COLUMNS) {
      for (long row = 0; row < k; row++, from += rowStride, panel += VAE_COLUMNS) {
        for (int vector = 0; vector < VAE_VECTORS; vector++) {
          store(panel + vector * VAE_LANES, load(from + vector * VAE_LANES));
        }
      }
    } else if (rowStride == 1) {
      packTransposed(from, columnStride, k, columns, panel);
    } else {
      for (long row = 0; row < k; row++, from += rowStride, panel += VAE_COLUMNS) {
        for (long column = 0; column < columns; column++) panel[column] = from[column * columnStride];
        for (long column = columns; column < VAE_COLUMNS; column++) panel[column] = 0;
      }
    }
  }
}
