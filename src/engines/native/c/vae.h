/* What all of the fixed part and every compiled program stand on: names, vectors, memory, denormals. */
#ifndef VAE_H
#define VAE_H

#include <stddef.h>
#include <stdint.h>

/* Everything else is hidden: a name of ours must never meet one of another library. */
#define VAE_EXPORT __attribute__((visibility("default")))
#define VAE_INLINE static inline __attribute__((always_inline))

/*
 * A tile of a product is as large as the registers allow: VAE_ROWS × VAE_VECTORS vectors of sums, one vector of each of
 * B's, and one value of A's spread over a vector. 32 registers hold 14 × 2 and 8 × 3, 16 hold 6 × 2 and 4 × 3.
 */
#if defined(__AVX512F__)
#define VAE_LANES 16
#define VAE_ROWS 14
#define VAE_VECTORS 2
#elif defined(__AVX__)
#define VAE_LANES 8
#define VAE_ROWS 6
#define VAE_VECTORS 2
#elif defined(__aarch64__)
#define VAE_LANES 4
#define VAE_ROWS 8
#define VAE_VECTORS 3
#else
#define VAE_LANES 4
#define VAE_ROWS 4
#define VAE_VECTORS 3
#endif
#define VAE_COLUMNS (VAE_LANES * VAE_VECTORS)

/* Bytes: a line of the cache, and the widest vector. */
#define VAE_ALIGNMENT 64

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed memory that begins at a line of the cache; NULL where there is none. */
VAE_EXPORT void *vae_alloc(size_t bytes);
VAE_EXPORT void vae_free(void *memory);

/* The tile that this library was compiled for: rows and columns. */
VAE_EXPORT int vae_tile_rows(void);
VAE_EXPORT int vae_tile_columns(void);

#ifdef __cplusplus
}
#endif
#endif
