"""What every C source begins with: headers, vectors, and two functions fast enough for a loop.

``tg_expf`` and ``tg_logf`` have no branches, so that a compiler computes several at once. They are
Cephes' polynomials (S. L. Moshier, Methods and Programs for Mathematical Functions, 1989), right to
about 1 unit in the last place; infinities, NaNs and, for the logarithm, subnormal numbers included.
"""

__all__ = ["PRELUDE"]

PRELUDE = r"""
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Longer vectors than the processor's are split through memory. */
#if defined(__AVX512F__)
#define TG_VECTOR_BYTES 64
#elif defined(__AVX__)
#define TG_VECTOR_BYTES 32
#else
#define TG_VECTOR_BYTES 16
#endif

typedef void tg_gemm_float(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t,
                           const float *, int64_t, float, float *, int64_t);
typedef void tg_gemm_double(int, int, int, int64_t, int64_t, int64_t, double, const double *,
                            int64_t, const double *, int64_t, double, double *, int64_t);
tg_gemm_float *tg_sgemm;
tg_gemm_double *tg_dgemm;

typedef struct {
    void *state;
    uint64_t (*next_uint64)(void *);
    uint32_t (*next_uint32)(void *);
    double (*next_double)(void *);
    uint64_t (*next_raw)(void *);
} tg_bitgen;

static inline float tg_from_bits(int32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline int32_t tg_to_bits(float x) { int32_t bits; memcpy(&bits, &x, 4); return bits; }

static inline float tg_expf(float x) {
    const float low = x < -104.0f ? -104.0f : x;
    const float z = low > 89.0f ? 89.0f : low;
    const float n = rintf(z * 0x1.715476p+0f);
    const float r = (z - n * 0.693359375f) - n * -2.12194440e-4f;
    float y = 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    const int32_t whole = (int32_t)n, half = whole / 2;  /* twice, for results near the ends */
    y = y * tg_from_bits((half + 127) << 23) * tg_from_bits((whole - half + 127) << 23);
    return x != x ? x : y;
}

static inline float tg_logf(float x) {
    const float lift = x < 0x1p-126f ? 0x1p23f : 1.0f;  /* subnormal numbers, to normal ones */
    const int32_t bits = tg_to_bits(x * lift);
    const int32_t shifted = bits - 0x3f3504f3;  /* the root of a half */
    const float e = (float)(shifted >> 23) - (x < 0x1p-126f ? 23.0f : 0.0f);
    const float f = tg_from_bits((shifted & 0x7fffff) + 0x3f3504f3) - 1.0f;
    const float z = f * f;
    float y = 7.0376836292e-2f;
    y = y * f - 1.1514610310e-1f;
    y = y * f + 1.1676998740e-1f;
    y = y * f - 1.2420140846e-1f;
    y = y * f + 1.4249322787e-1f;
    y = y * f - 1.6668057665e-1f;
    y = y * f + 2.0000714765e-1f;
    y = y * f - 2.4999993993e-1f;
    y = y * f + 3.3333331174e-1f;
    y = y * f * z + e * -2.12194440e-4f - 0.5f * z;
    const float found = f + y + e * 0.693359375f;
    const float ended = x == 0.0f ? -INFINITY : x < 0.0f ? NAN : found;
    return x != x || x == INFINITY ? x : ended;
}

static inline double tg_exp(double x) { return exp(x); }
static inline double tg_log(double x) { return log(x); }
"""
