/*
 * Elementary functions of 32-bit floats, within 2.5 units in the last place, as plain expressions without branches: a loop
 * over one of them becomes vector instructions.
 *
 * They need -fno-math-errno and -fno-trapping-math, gain from -ffp-contract=fast, and break under -ffast-math. Results that
 * would be denormal may be 0. NaN gives NaN. Polynomials are those of Moshier's Cephes library (single precision).
 */
#ifndef VAE_FUNCTIONS_H
#define VAE_FUNCTIONS_H

#define VAE_INLINE static inline __attribute__((always_inline, unused))
#define VAE_INFINITY __builtin_inff()

VAE_INLINE float vae_from_bits(unsigned bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

VAE_INLINE unsigned vae_to_bits(float value) {
  unsigned bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

VAE_INLINE float vae_sqrt(float x) { return __builtin_sqrtf(x); }
VAE_INLINE float vae_abs(float x) { return __builtin_fabsf(x); }

/* 2ⁿ for −126 ≤ n ≤ 127, and 0 for n = −127. */
VAE_INLINE float vae_power_of_two(int n) { return vae_from_bits((unsigned)(n + 127) << 23); }

/* 1.5 · 2²³: a small number added to it is rounded to the nearest integer, which is then its lowest bits. */
#define VAE_ROUNDER 12582912.0f

/* log 2 in two parts; the first has 9 bits, so that its product with an exponent is exact. */
#define VAE_LOG2_HIGH 0.693359375f
#define VAE_LOG2_LOW -2.12194440e-4f

/* exp(r) − 1 with x = n log 2 + r, |r| ≤ ½ log 2, for |x| ≤ 104. The small part of n log 2 is taken from the sum's
   small terms: r itself is rounded. */
VAE_INLINE float vae_exp_reduced(float x, int *n) {
  const float rounded = x * 1.44269504088896341f + VAE_ROUNDER;
  const float exponent = rounded - VAE_ROUNDER;
  *n = (int)(vae_to_bits(rounded) - vae_to_bits(VAE_ROUNDER));
  const float high = x - exponent * VAE_LOG2_HIGH;
  const float r = high - exponent * VAE_LOG2_LOW;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return high + (p * (r * r) - exponent * VAE_LOG2_LOW);
}

/* exp(x) = 2ⁿ exp(r), with 2ⁿ as two factors, because n reaches beyond what one can be. */
VAE_INLINE float vae_exp(float x) {
  float within = 89.0f < x ? 89.0f : x;
  within = -104.0f > within ? -104.0f : within;
  int n;
  const float reduced = vae_exp_reduced(within, &n);
  const int half = n >> 1;
  return (1.0f + reduced) * vae_power_of_two(half) * vae_power_of_two(n - half);
}

/* exp(x) − 1 = 2ⁿ (exp(r) − 1) + (2ⁿ − 1), at half its size until the end, because 2¹²⁸ is no float. */
VAE_INLINE float vae_expm1(float x) {
  float within = 89.0f < x ? 89.0f : x;
  within = -25.0f > within ? -25.0f : within;
  int n;
  const float reduced = vae_exp_reduced(within, &n);
  const float half = vae_power_of_two(n - 1);
  return 2.0f * (reduced * half + (half - 0.5f));
}

/* log(1 + f) + e log 2 for √½ ≤ 1 + f < √2. */
VAE_INLINE float vae_log_sum(float f, float e) {
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float square = f * f;
  float tail = p * f * square;
  tail += e * VAE_LOG2_LOW;
  tail -= 0.5f * square;
  return (f + tail) + e * VAE_LOG2_HIGH;
}

/* What a logarithm of `argument` is at the ends: of 0 it is −∞, of less NaN, of ∞ ∞. */
VAE_INLINE float vae_log_ends(float argument, float value) {
  value = argument < VAE_INFINITY ? value : argument;
  value = argument == 0.0f ? -VAE_INFINITY : value;
  return argument < 0.0f ? __builtin_nanf("") : value;
}

/* The exponent e of x = m · 2ᵉ with √½ ≤ m < √2, for normal x > 0. */
VAE_INLINE int vae_exponent(float x) { return (int)(vae_to_bits(x) - 0x3f3504f3u) >> 23; }

VAE_INLINE float vae_log(float x) {
  const int denormal = x < 1.17549435e-38f;
  const float normal = x * (denormal ? 8388608.0f : 1.0f);
  const int e = vae_exponent(normal);
  const float m = vae_from_bits(vae_to_bits(normal) - ((unsigned)e << 23));
  return vae_log_ends(x, vae_log_sum(m - 1.0f, (float)e - (denormal ? 23.0f : 0.0f)));
}

/* log(1 + x), where what is lost by rounding u = 1 + x, which is x − (u − 1), is added to u's mantissa. */
VAE_INLINE float vae_log1p(float x) {
  const float u = 1.0f + x;
  const float lost = x - (u - 1.0f);
  const int e = vae_exponent(u);
  const float m = vae_from_bits(vae_to_bits(u) - ((unsigned)e << 23));
  return vae_log_ends(u, vae_log_sum((m - 1.0f) + lost * vae_power_of_two(e < 127 ? -e : -127), (float)e));
}

/* tanh|x| = 1 − 2 / (exp(2|x|) + 1), and x + x³ T(x²) near 0, where that difference has no digits left. */
VAE_INLINE float vae_tanh(float x) {
  const float size = vae_abs(x), square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  const float near = p * square * x + x;
  const float far = __builtin_copysignf(1.0f - 2.0f / (vae_exp(2.0f * size) + 1.0f), x);
  return size < 0.625f ? near : far;
}

/* 1 / (1 + exp(−x)), and exp x / (1 + exp x) for x < 0: either way the exponential is at most 1. */
VAE_INLINE float vae_sigmoid(float x) {
  const float e = vae_exp(-vae_abs(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* log(1 + exp x) = max(x, 0) + log(1 + exp(−|x|)); exp(−|x|) is at most 1, so that the logarithm needs no ends. */
VAE_INLINE float vae_softplus(float x) { return (x < 0.0f ? 0.0f : x) + vae_log1p(vae_exp(-vae_abs(x))); }

VAE_INLINE float vae_elu(float x) {
  const float negative = vae_expm1(x);
  return x > 0.0f ? x : negative;
}

/* A quarter of a turn around 0: x = quarters / 4 + r, |r| ≤ ⅛, and the angle y = 2πr. Exact but for y. */
VAE_INLINE float vae_quarter(float x, unsigned *quarters) {
  const float rounded = x * 4.0f + VAE_ROUNDER;
  *quarters = vae_to_bits(rounded);
  return x - (rounded - VAE_ROUNDER) * 0.25f;
}

/* sin 2πr = y + y³ S(y²), where y = 2πr in two parts. */
VAE_INLINE float vae_quarter_sine(float r) {
  const float y = r * 6.2831854820251465f, square = y * y;
  const float s = (-1.9515295891e-4f * square + 8.3321608736e-3f) * square - 1.6666654611e-1f;
  return r * 6.2831854820251465f + (s * square * y + r * -1.7484556000744883e-7f);
}

VAE_INLINE float vae_quarter_cosine(float r) {
  const float y = r * 6.2831854820251465f, square = y * y;
  const float c = (2.443315711809948e-5f * square - 1.388731625493765e-3f) * square + 4.166664568298827e-2f;
  return 1.0f + (c * square * square - 0.5f * square);
}

/* sin 2πx, cos 2πx for |x| ≤ 2²⁰: an angle in turns. Odd quarters exchange the two; the sign follows the half turn. */
VAE_INLINE float vae_sin_turns(float x) {
  unsigned quarters;
  const float r = vae_quarter(x, &quarters);
  const float sine = vae_quarter_sine(r), cosine = vae_quarter_cosine(r);
  const float size = quarters & 1u ? cosine : sine;
  return vae_from_bits(vae_to_bits(size) ^ (quarters & 2u) << 30);
}

VAE_INLINE float vae_cos_turns(float x) {
  unsigned quarters;
  const float r = vae_quarter(x, &quarters);
  const float sine = vae_quarter_sine(r), cosine = vae_quarter_cosine(r);
  const float size = quarters & 1u ? sine : cosine;
  return vae_from_bits(vae_to_bits(size) ^ ((quarters + 1u) & 2u) << 30);
}

#endif
