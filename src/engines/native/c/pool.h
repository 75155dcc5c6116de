/*
 * Threads that are made once and run the same function together, step after step.
 *
 * Who computes a chunk is not fixed; what a chunk is, and the order of every sum, must not depend on it.
 */
#ifndef VAE_POOL_H
#define VAE_POOL_H

struct vae_pool;
struct vae_worker;

/* Made threads, 1 or more; null where the system gives none. One is pinned to each core where there are as many threads as
   cores that the process may use: fewer could meet another process's on the same core. */
struct vae_pool *vae_pool_make(int threads);
void vae_pool_free(struct vae_pool *);
int vae_pool_threads(const struct vae_pool *);

/* All threads run `body`, with denormals flushed to 0; it returns when all have. The caller's own thread only waits. */
void vae_run(struct vae_pool *, void (*body)(void *context, struct vae_worker *), void *context);

/* In a body: the next chunk of this step's `count`, or −1. A thread first takes its own share, then what others have left. */
long vae_claim(struct vae_worker *, long count);
/* In a body: waits for all threads. What any wrote before it, all read after it; the next claim begins a new step. */
void vae_barrier(struct vae_worker *);
/* Which thread this is, from 0; for scratch memory, never for what is computed. */
int vae_worker_index(const struct vae_worker *);

/* Memory of zeros that begins at a multiple of 64 bytes; null where there is none. */
void *vae_alloc(unsigned long bytes);
void vae_free(void *);

#endif
