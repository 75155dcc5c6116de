/*
 * Tiles of matrix products: out = Σ_k A(i, k) B(k, j), with A read where it lies and B in panels of VAE_COLUMNS columns.
 *
 * A tile is VAE_ROWS × VAE_COLUMNS at most and goes to a small buffer [rows][ldo]: who calls applies what comes
 * after the product while copying it to its place. The sums of a tile are added in the order of k, whatever the tile,
 * so a number never depends on how the work is shared. Rows of the buffer lie `ldo` apart. Strides, offsets and lengths
 * count floats.
 */
#ifndef VAE_PRODUCT_H
#define VAE_PRODUCT_H

#include "vae.h"

/* A row of a table that lies outside the image: zeros are read. */
#define VAE_OUTSIDE (-1)

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Panels `firstPanel` to `firstPanel + panels` of B [k, n], which is at b + k·rowStride + j·columnStride, to
 * packed [panels][k][VAE_COLUMNS], with zeros behind column n. One of the two strides is 1 where it should be fast.
 */
VAE_EXPORT void vae_pack(const float *b, long rowStride, long columnStride, long k, long n, long firstPanel, long panels,
                         float *packed);

/*
 * out[i][j] = Σ_k a[i·rowStride + k·innerStride] panel[k][j], or added to what is there.
 * `rows` is 1 to VAE_ROWS. `panel` needs no alignment.
 */
VAE_EXPORT void vae_tile(int rows, long k, const float *a, long rowStride, long innerStride, const float *panel,
                         float *out, long ldo, int add);

/*
 * The same for windows of images: row i is `segments` pieces of `length` values, piece s at a + offsets[i·segments + s],
 * and zeros where that is VAE_OUTSIDE. The inner axis is [segments][length].
 */
VAE_EXPORT void vae_tile_gathered(int rows, long segments, long length, const float *a, const int32_t *offsets,
                                  const float *panel, float *out, long ldo, int add);

#ifdef __cplusplus
}
#endif
#endif
