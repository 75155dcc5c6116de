/*
 * Threads that are made once and run the steps of a program together. Steps are separated by barriers; the chunks of a
 * step are claimed by whoever is free, so what a chunk computes must not depend on who computes it.
 */
#ifndef VAE_POOL_H
#define VAE_POOL_H

#include "vae.h"

struct vae_pool;

/* One thread of a pool, as a body sees it. */
struct vae_worker {
  struct vae_pool *pool;
  /* 0 to threads − 1. */
  int index;
  int threads;
};

#ifdef __cplusplus
extern "C" {
#endif

/* At least one thread; NULL where they could not be made. Denormals are zeros in each. */
VAE_EXPORT struct vae_pool *vae_pool_new(int threads);
/* Ends the threads. No run may be in progress. */
VAE_EXPORT void vae_pool_free(struct vae_pool *pool);

/*
 * All threads run `body`; returns when all have. The caller does no work, and sleeps meanwhile. Callers may be several:
 * one waits for the other.
 */
VAE_EXPORT void vae_run(struct vae_pool *pool, void (*body)(void *context, struct vae_worker *worker), void *context);

/* In a body: the next chunk of the `count` of this step, or −1 when none is left. */
VAE_EXPORT long vae_claim(struct vae_worker *worker, long count);
/* In a body: waits until all threads are here; the next step's chunks begin at 0. */
VAE_EXPORT void vae_barrier(struct vae_worker *worker);

#ifdef __cplusplus
}
#endif
#endif
