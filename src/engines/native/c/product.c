/*
 * The tiles of product.h, written out for every number of rows by the preprocessor: sums are scalars of a vector type, as
 * not every compiler keeps an array of them in registers.
 */
#include "product.h"

typedef float vector __attribute__((vector_size(4 * VAE_LANES)));
typedef float unaligned __attribute__((vector_size(4 * VAE_LANES), aligned(4)));
typedef float quad __attribute__((vector_size(16)));
typedef float unaligned_quad __attribute__((vector_size(16), aligned(4)));

#define LOAD(p) (*(const unaligned *)(p))
#define STORE(p, v) (*(unaligned *)(p) = (v))
#define SPREAD(x) ((x) - (vector){0})

/* X(0) X(1) … for every row of a tile. */
#define ROWS_1(X) X(0)
#define ROWS_2(X) ROWS_1(X) X(1)
#define ROWS_3(X) ROWS_2(X) X(2)
#define ROWS_4(X) ROWS_3(X) X(3)
#define ROWS_5(X) ROWS_4(X) X(4)
#define ROWS_6(X) ROWS_5(X) X(5)
#define ROWS_7(X) ROWS_6(X) X(6)
#define ROWS_8(X) ROWS_7(X) X(7)
#define ROWS_9(X) ROWS_8(X) X(8)
#define ROWS_10(X) ROWS_9(X) X(9)
#define ROWS_11(X) ROWS_10(X) X(10)
#define ROWS_12(X) ROWS_11(X) X(11)
#define ROWS_13(X) ROWS_12(X) X(12)
#define ROWS_14(X) ROWS_13(X) X(13)

/* Y(0) Y(1) … for every vector of a row; the row comes as R. */
#if VAE_VECTORS == 2
#define VECTORS(Y, R) Y(R, 0) Y(R, 1)
#else
#define VECTORS(Y, R) Y(R, 0) Y(R, 1) Y(R, 2)
#endif

#define DECLARE_SUM(i, j) vector sum##i##_##j = {0};
#define DECLARE_SUMS(i) VECTORS(DECLARE_SUM, i)
#define LOAD_B(unused, j) const vector b##j = LOAD(b + j * VAE_LANES);
#define MULTIPLY(i, j) sum##i##_##j += value * b##j;
#define PUT(i, j) STORE(out + i * ldo + j * VAE_LANES, sum##i##_##j);
#define PUTS(i) VECTORS(PUT, i)
#define ADD(i, j) sum##i##_##j += LOAD(out + i * ldo + j * VAE_LANES);
#define ADDS(i) VECTORS(ADD, i)

#define MULTIPLY_ROW(i, a) { const vector value = SPREAD(a); VECTORS(MULTIPLY, i) }
#define MULTIPLY_STRIDED(i) MULTIPLY_ROW(i, a[i * rowStride])
#define MULTIPLY_GATHERED(i) MULTIPLY_ROW(i, row##i[k])

/* Without it, counting and addressing take a sixth of the time. */
#define UNROLLED _Pragma("GCC unroll 4")

/* What a row reads outside the image; longer pieces are read in parts. */
enum { MOST_ZEROS = 1024 };
static const float zeros[MOST_ZEROS];

#define FIND_ROW(i)                                                                                                    \
  const float *row##i = zeros;                                                                                         \
  if (offsets[i * segments + s] != VAE_OUTSIDE) row##i = a + offsets[i * segments + s] + from;

#define TILES(n)                                                                                                       \
  static void tile_##n(long inner, const float *a, long rowStride, long innerStride, const float *b, float *out,       \
                       long ldo, int add) {                                                                            \
    ROWS_##n(DECLARE_SUMS) UNROLLED for (long k = 0; k < inner; k++, a += innerStride, b += VAE_COLUMNS) {             \
      VECTORS(LOAD_B, 0) ROWS_##n(MULTIPLY_STRIDED)                                                                    \
    }                                                                                                                  \
    if (add) { ROWS_##n(ADDS) }                                                                                        \
    ROWS_##n(PUTS)                                                                                                     \
  }                                                                                                                    \
  static void gathered_##n(long segments, long length, const float *a, const int32_t *offsets, const float *b,         \
                           float *out, long ldo, int add) {                                                            \
    ROWS_##n(DECLARE_SUMS) for (long s = 0; s < segments; s++) {                                                       \
      for (long from = 0; from < length; from += MOST_ZEROS) {                                                         \
        const long values = length - from < MOST_ZEROS ? length - from : MOST_ZEROS;                                   \
        ROWS_##n(FIND_ROW) UNROLLED for (long k = 0; k < values; k++, b += VAE_COLUMNS) {                              \
          VECTORS(LOAD_B, 0) ROWS_##n(MULTIPLY_GATHERED)                                                               \
        }                                                                                                              \
      }                                                                                                                \
    }                                                                                                                  \
    if (add) { ROWS_##n(ADDS) }                                                                                        \
    ROWS_##n(PUTS)                                                                                                     \
  }

TILES(1) TILES(2) TILES(3) TILES(4)
#if VAE_ROWS >= 6
TILES(5) TILES(6)
#endif
#if VAE_ROWS >= 8
TILES(7) TILES(8)
#endif
#if VAE_ROWS >= 14
TILES(9) TILES(10) TILES(11) TILES(12) TILES(13) TILES(14)
#endif

#if VAE_ROWS == 4
#define TABLE(kind) {kind##_1, kind##_2, kind##_3, kind##_4}
#elif VAE_ROWS == 6
#define TABLE(kind) {kind##_1, kind##_2, kind##_3, kind##_4, kind##_5, kind##_6}
#elif VAE_ROWS == 8
#define TABLE(kind) {kind##_1, kind##_2, kind##_3, kind##_4, kind##_5, kind##_6, kind##_7, kind##_8}
#else
#define TABLE(kind)                                                                                                    \
  {kind##_1, kind##_2, kind##_3,  kind##_4,  kind##_5,  kind##_6,  kind##_7,                                           \
   kind##_8, kind##_9, kind##_10, kind##_11, kind##_12, kind##_13, kind##_14}
#endif

void vae_tile(int rows, long k, const float *a, long rowStride, long innerStride, const float *panel, float *out,
              long ldo, int add) {
  static void (*const tiles[])(long, const float *, long, long, const float *, float *, long, int) = TABLE(tile);
  tiles[rows - 1](k, a, rowStride, innerStride, panel, out, ldo, add);
}

void vae_tile_gathered(int rows, long segments, long length, const float *a, const int32_t *offsets, const float *panel,
                       float *out, long ldo, int add) {
  static void (*const tiles[])(long, long, const float *, const int32_t *, const float *, float *, long, int) =
      TABLE(gathered);
  tiles[rows - 1](segments, length, a, offsets, panel, out, ldo, add);
}

/* Four values of a (0 to 3) and b (4 to 7); gcc has had clang's name for it since its version 12. */
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t places __attribute__((vector_size(16)));
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (places){__VA_ARGS__})
#endif

/* Four rows of four values, turned: r[j] of what comes out holds value j of each. */
VAE_INLINE void transpose(quad r[4]) {
  const quad low01 = SHUFFLE(r[0], r[1], 0, 4, 1, 5), high01 = SHUFFLE(r[0], r[1], 2, 6, 3, 7);
  const quad low23 = SHUFFLE(r[2], r[3], 0, 4, 1, 5), high23 = SHUFFLE(r[2], r[3], 2, 6, 3, 7);
  r[0] = SHUFFLE(low01, low23, 0, 1, 4, 5);
  r[1] = SHUFFLE(low01, low23, 2, 3, 6, 7);
  r[2] = SHUFFLE(high01, high23, 0, 1, 4, 5);
  r[3] = SHUFFLE(high01, high23, 2, 3, 6, 7);
}

/* A full panel of a matrix whose columns lie together: four values of each of four columns at a time. */
static void pack_columns(const float *b, long columnStride, long k, float *packed) {
  long row = 0;
  for (; row + 4 <= k; row += 4) {
    for (long j = 0; j < VAE_COLUMNS; j += 4) {
      quad r[4];
      for (int i = 0; i < 4; i++) r[i] = *(const unaligned_quad *)(b + row + (j + i) * columnStride);
      transpose(r);
      for (int i = 0; i < 4; i++) *(unaligned_quad *)(packed + (row + i) * VAE_COLUMNS + j) = r[i];
    }
  }
  for (; row < k; row++) {
    for (long j = 0; j < VAE_COLUMNS; j++) packed[row * VAE_COLUMNS + j] = b[row + j * columnStride];
  }
}

void vae_pack(const float *b, long rowStride, long columnStride, long k, long n, long firstPanel, long panels,
              float *packed) {
  for (long panel = firstPanel; panel < firstPanel + panels; panel++, packed += k * VAE_COLUMNS) {
    const long first = panel * VAE_COLUMNS;
    const long columns = n - first < VAE_COLUMNS ? n - first : VAE_COLUMNS;
    const float *from = b + first * columnStride;
    if (columns < VAE_COLUMNS) {
      for (long row = 0; row < k; row++) {
        for (long j = 0; j < VAE_COLUMNS; j++) {
          packed[row * VAE_COLUMNS + j] = j < columns ? from[row * rowStride + j * columnStride] : 0;
        }
      }
    } else if (rowStride == 1) {
      pack_columns(from, columnStride, k, packed);
    } else if (columnStride == 1) {
      for (long row = 0; row < k; row++) {
        for (long j = 0; j < VAE_COLUMNS; j++) packed[row * VAE_COLUMNS + j] = from[row * rowStride + j];
      }
    } else {
      for (long row = 0; row < k; row++) {
        for (long j = 0; j < VAE_COLUMNS; j++) packed[row * VAE_COLUMNS + j] = from[row * rowStride + j * columnStride];
      }
    }
  }
}

int vae_tile_rows(void) { return VAE_ROWS; }
int vae_tile_columns(void) { return VAE_COLUMNS; }
