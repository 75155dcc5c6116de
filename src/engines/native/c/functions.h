/*
 * Elementary functions of 32-bit floats without branches, so that a compiler turns a simple loop over them into vector
 * instructions. Errors are below 2 ulp; what would be a denormal may be 0; infinities and NaN go the way of libm.
 *
 * They need -fno-math-errno -fno-trapping-math -ffp-contract=fast, and break under -ffast-math: rounding by a large
 * constant, and the sums of a high and a low part, must not be reordered.
 */
#ifndef VAE_FUNCTIONS_H
#define VAE_FUNCTIONS_H

#include "vae.h"

#define VAE_INFINITY __builtin_inff()
#define VAE_NAN __builtin_nanf("")
/* The smallest number that is not a denormal. */
#define VAE_SMALLEST 0x1p-126f

/* log 2 in two parts: the product of the first with a whole number below 2⁹ is exact. */
#define VAE_LOG2_HIGH 0x1.62e4p-1f
#define VAE_LOG2_LOW 0x1.7f7d1cp-20f
#define VAE_LOG2E 0x1.715476p+0f
/* 1.5 · 2²³: x + this, less this again, is x rounded to a whole number, for |x| < 2²². */
#define VAE_ROUNDER 0x1.8p+23f

VAE_INLINE float vae_from_bits(uint32_t bits) {
  union { uint32_t bits; float value; } both = {.bits = bits};
  return both.value;
}

VAE_INLINE uint32_t vae_to_bits(float value) {
  union { float value; uint32_t bits; } both = {.value = value};
  return both.bits;
}

VAE_INLINE float vae_abs(float x) { return vae_from_bits(vae_to_bits(x) & 0x7fffffff); }
VAE_INLINE float vae_with_sign(float x, float sign) {
  return vae_from_bits((vae_to_bits(x) & 0x7fffffff) | (vae_to_bits(sign) & 0x80000000));
}
/* NaN stays NaN in both: a comparison with it is false. */
VAE_INLINE float vae_at_least(float x, float least) { return x < least ? least : x; }
VAE_INLINE float vae_at_most(float x, float most) { return x > most ? most : x; }

/* a b + c, rounded once where the processor can do that at once. */
VAE_INLINE float vae_multiply_add(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

VAE_INLINE float vae_sqrt(float x) { return __builtin_sqrtf(x); }

/* 2ⁿ for −127 ≤ n ≤ 128; at the ends 0 and ∞. */
VAE_INLINE float vae_power_of_2(int32_t n) { return vae_from_bits((uint32_t)(n + 127) << 23); }

/* x = n log 2 + r with |r| ≤ ½ log 2; gives n as float and as integer, and e^r − 1 − r. */
VAE_INLINE float vae_exp_parts(float x, float *r, int32_t *n) {
  const float shifted = x * VAE_LOG2E + VAE_ROUNDER;
  const float whole = shifted - VAE_ROUNDER;
  *n = (int32_t)(vae_to_bits(shifted) - vae_to_bits(VAE_ROUNDER));
  const float rest = (x - whole * VAE_LOG2_HIGH) - whole * VAE_LOG2_LOW;
  *r = rest;
  /* (e^r − 1 − r) / r² = 1/2! + r/3! + … + r⁵/7!; what is left out is below 2⁻²⁷ of e^r. */
  float p = 0x1.a01a02p-13f;
  p = vae_multiply_add(p, rest, 0x1.6c16c2p-10f);
  p = vae_multiply_add(p, rest, 0x1.111112p-7f);
  p = vae_multiply_add(p, rest, 0x1.555556p-5f);
  p = vae_multiply_add(p, rest, 0x1.555556p-3f);
  p = vae_multiply_add(p, rest, 0.5f);
  return p * (rest * rest);
}

/* e^x = 2ⁿ e^r, in two factors, because 2¹²⁸ is no float while e^x may be one. */
VAE_INLINE float vae_exp(float x) {
  float r;
  int32_t n;
  const float p = vae_exp_parts(vae_at_most(vae_at_least(x, -104), 89), &r, &n);
  const int32_t half = n >> 1;
  /* What 1 + r loses is put back: the sum is rounded once. */
  const float sum = 1 + r;
  return (sum + (p + (r - (sum - 1)))) * vae_power_of_2(half) * vae_power_of_2(n - half);
}

/* e^x − 1 = 2 (2ⁿ⁻¹ (e^r − 1) + (2ⁿ⁻¹ − ½)): nothing is lost where x is small. */
VAE_INLINE float vae_expm1(float x) {
  float r;
  int32_t n;
  const float p = vae_exp_parts(vae_at_most(vae_at_least(x, -25), 89), &r, &n);
  const float scale = vae_power_of_2(n - 1);
  const float result = 2 * (scale * (p + r) + (scale - 0.5f));
  return result == 0 ? x : result;
}

/* x = 2ᵉ (1 + f) with √½ ≤ 1 + f < √2, and log(1 + f) = f − ½ f² + f³ P(f), with `low` added to f to first order. */
VAE_INLINE float vae_log_of_normal(float x, float low) {
  const uint32_t shifted = vae_to_bits(x) - 0x3f3504f3;
  const float e = (float)((int32_t)shifted >> 23);
  const float f = vae_from_bits((shifted & 0x7fffff) + 0x3f3504f3) - 1;
  const float square = f * f;
  /* Cephes' polynomial of logf. */
  float p = 7.0376836292e-2f;
  p = vae_multiply_add(p, f, -1.1514610310e-1f);
  p = vae_multiply_add(p, f, 1.1676998740e-1f);
  p = vae_multiply_add(p, f, -1.2420140846e-1f);
  p = vae_multiply_add(p, f, 1.4249322787e-1f);
  p = vae_multiply_add(p, f, -1.6668057665e-1f);
  p = vae_multiply_add(p, f, 2.0000714765e-1f);
  p = vae_multiply_add(p, f, -2.4999993993e-1f);
  p = vae_multiply_add(p, f, 3.3333331174e-1f);
  const float small = p * (f * square) + (e * VAE_LOG2_LOW + low) - 0.5f * square;
  return (small + f) + e * VAE_LOG2_HIGH;
}

/* What log is outside the positive normal numbers. */
VAE_INLINE float vae_log_edges(float x, float result) {
  result = x < VAE_INFINITY ? result : x;
  result = x < VAE_SMALLEST ? -VAE_INFINITY : result;
  return x < 0 ? VAE_NAN : result;
}

VAE_INLINE float vae_log(float x) { return vae_log_edges(x, vae_log_of_normal(x, 0)); }

/* log(1 + x): u = 1 + x is rounded, and what it lost, over u, is put back. */
VAE_INLINE float vae_log1p(float x) {
  const float u = 1 + x;
  const float lost = x < 1 ? x - (u - 1) : 1 - (u - x);
  const float result = vae_log_edges(u, vae_log_of_normal(u, lost / u));
  return u == 1 ? x : result;
}

/* tanh |x| = 1 − 2 / (e^2|x| + 1); where x is small, x + x³ P(x²) with Cephes' polynomial, as nothing may cancel. */
VAE_INLINE float vae_tanh(float x) {
  const float a = vae_abs(x), z = a * a;
  const float large = 1 - 2 / (vae_exp(2 * vae_at_most(a, 10)) + 1);
  float p = -5.70498872745e-3f;
  p = vae_multiply_add(p, z, 2.06390887954e-2f);
  p = vae_multiply_add(p, z, -5.37397155531e-2f);
  p = vae_multiply_add(p, z, 1.33314422036e-1f);
  p = vae_multiply_add(p, z, -3.33332819422e-1f);
  return vae_with_sign(a < 0.625f ? p * z * a + a : large, x);
}

/*
 * 1 / (1 + e^−x), and e^x / (1 + e^x) where x is negative: the exponent never overflows. What 1 + e loses is put back to
 * first order; it matters where e is small.
 */
VAE_INLINE float vae_sigmoid(float x) {
  const float e = vae_exp(-vae_abs(x));
  const float sum = 1 + e;
  const float quotient = (x < 0 ? e : 1) / sum;
  return quotient - quotient * (e - (sum - 1));
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^−|x|). */
VAE_INLINE float vae_softplus(float x) { return vae_at_least(x, 0) + vae_log1p(vae_exp(-vae_abs(x))); }

VAE_INLINE float vae_elu(float x) { return x > 0 ? x : vae_expm1(x); }

/*
 * sin πx and cos πx for |x| < 2²¹: x = q/2 + r, |r| ≤ ¼, where r is exact, and q mod 4 says which function of r with
 * which sign.
 */
VAE_INLINE void vae_sincospi(float x, float *sine, float *cosine) {
  const float shifted = 2 * x + VAE_ROUNDER;
  const uint32_t q = vae_to_bits(shifted);
  const float r = x - 0.5f * (shifted - VAE_ROUNDER);
  const float z = r * r;
  /* sin πr = πr + r³ S(r²), with π in two parts; cos πr = 1 + r² C(r²). */
  float s = 0x1.507834p-4f;
  s = vae_multiply_add(s, z, -0x1.32d2ccp-1f);
  s = vae_multiply_add(s, z, 0x1.466bc6p+1f);
  s = vae_multiply_add(s, z, -0x1.4abbcep+2f);
  const float sin = r * 0x1.921fb6p+1f + (r * z * s - r * 0x1.777a5cp-24f);
  float c = -0x1.a6d1f2p-6f;
  c = vae_multiply_add(c, z, 0x1.e1f506p-3f);
  c = vae_multiply_add(c, z, -0x1.55d3c8p+0f);
  c = vae_multiply_add(c, z, 0x1.03c1f0p+2f);
  c = vae_multiply_add(c, z, -0x1.3bd3ccp+2f);
  const float cos = c * z + 1;
  const float first = q & 1 ? cos : sin, second = q & 1 ? sin : cos;
  *sine = vae_from_bits(vae_to_bits(first) ^ (q & 2) << 30);
  *cosine = vae_from_bits(vae_to_bits(second) ^ ((q + 1) & 2) << 30);
}

VAE_INLINE float vae_sinpi(float x) {
  float sine, cosine;
  vae_sincospi(x, &sine, &cosine);
  return sine;
}

VAE_INLINE float vae_cospi(float x) {
  float sine, cosine;
  vae_sincospi(x, &sine, &cosine);
  return cosine;
}

#endif
