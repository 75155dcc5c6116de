/*
 * Noise: Philox 4x32-10 and what is made of its words, number for number as src/random does it.
 *
 * Uniform and Bernoulli numbers are the same bits as there; a normal, computed there in 64 bits, is within 4 units in the
 * last place.
 */
#ifndef VAE_RANDOM_H
#define VAE_RANDOM_H

/* Values first … first + count − 1 of a stream into out[0 … count − 1]; `first` is a multiple of 8. `stream` is the hash of
   its name; `call` is seed and step, the low half of each first. */
void vae_fill_uniform(float *out, long first, long count, unsigned stream, const unsigned call[4]);
void vae_fill_normal(float *out, long first, long count, unsigned stream, const unsigned call[4]);
/* 1 with probability threshold / 2¹⁶, else 0. */
void vae_fill_bernoulli(float *out, long first, long count, unsigned stream, const unsigned call[4], unsigned threshold);

#endif
