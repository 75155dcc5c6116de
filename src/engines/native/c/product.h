/*
 * Matrix products, a tile at a time: a few rows of A against one panel of B, summed in registers.
 *
 * The caller cuts a product into tiles and panels, and does to each tile what follows before it is stored. Every sum runs
 * over the inner axis in order, in one accumulator per element: which thread computes a tile never changes its bits.
 */
#ifndef VAE_PRODUCT_H
#define VAE_PRODUCT_H

/* Lanes of a vector; vectors in a row of a tile; the most rows of a tile: as many as leave registers for B and for A. */
#if defined(__AVX512F__)
#define VAE_LANES 16
#define VAE_VECTORS 2
#define VAE_ROWS 14
#elif defined(__AVX__)
#define VAE_LANES 8
#define VAE_VECTORS 2
#define VAE_ROWS 6
#elif defined(__aarch64__)
#define VAE_LANES 4
#define VAE_VECTORS 3
#define VAE_ROWS 8
#else
#define VAE_LANES 4
#define VAE_VECTORS 2
#define VAE_ROWS 6
#endif
#define VAE_COLUMNS (VAE_LANES * VAE_VECTORS)

/* B [K, N], or its transpose by the strides, as panels [⌈N / COLUMNS⌉][K][COLUMNS] with zeros behind N: those from
   `firstPanel` on, each at its place in `packed`. */
void vae_pack(const float *b, long rowStride, long columnStride, long k, long n, long firstPanel, long panels,
              float *packed);

/* out [rows, COLUMNS] (+)= Σ_k A(i, k) · panel[k], with A(i, k) = a[i · rowStride + k · innerStride]; 1 ≤ rows ≤ ROWS. */
void vae_tile(int rows, long k, const float *a, long rowStride, long innerStride, const float *panel, float *out,
              int add);

/* The same, where a row is `segments` stretches of `length` values: stretch s of row i begins at
   a[offsets[i · segments + s]], or is all zeros where that offset is negative. Windows of images are such rows. */
void vae_tile_gathered(int rows, long segments, long length, const float *a, const int *offsets, const float *panel,
                       float *out, int add);

/* out [rows, COLUMNS] (+)= Σ_k A(i, k) · b[k · ldb], with A(i, k) = a[offsets[k · offsetStride] + segmentStart + i], or 0
   where that offset is negative: the gradient of a filter. It reads COLUMNS values of each row of b: a narrower b is
   packed first, and ldb is then COLUMNS. */
void vae_tile_gathered_t(int rows, long k, const float *a, const int *offsets, long offsetStride, long segmentStart,
                         const float *b, long ldb, float *out, int add);

#endif
