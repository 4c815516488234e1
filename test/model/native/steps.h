// What the core's C text calls in place of wasm2c's runtime: each access of the memory is a step of the
// thread that runs, taken when the explorer says so.
#ifndef STEPS_H_
#define STEPS_H_

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum access { READ, WRITE, ADD, OR, EXCHANGE };

/* In pieces of at most four bytes, each a step of its own: nothing wider is taken for atomic. */
void read_bytes(uint32_t at, void* to, uint32_t size);
void write_bytes(uint32_t at, const void* from, uint32_t size);
/* One step; the word before. */
uint32_t atomic_step(enum access kind, uint32_t at, uint32_t value, uint32_t expected);

typedef int32_t v128 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));

#define DEFINE_LOAD(name, stored, result)                \
  static inline result name(void* memory, u64 at) {      \
    (void)memory;                                        \
    stored value;                                        \
    read_bytes((uint32_t)at, &value, sizeof(value));     \
    return (result)value;                                \
  }
#define DEFINE_STORE(name, stored, given)                      \
  static inline void name(void* memory, u64 at, given value) { \
    (void)memory;                                              \
    stored kept = (stored)value;                               \
    write_bytes((uint32_t)at, &kept, sizeof(kept));            \
  }

DEFINE_LOAD(i32_load_shared_default32, u32, u32)
DEFINE_LOAD(i32_load8_u_shared_default32, u8, u32)
DEFINE_LOAD(i32_load16_u_shared_default32, u16, u32)
DEFINE_LOAD(i64_load_shared_default32, u64, u64)
DEFINE_LOAD(i64_load8_u_shared_default32, u8, u64)
DEFINE_LOAD(i64_load16_u_shared_default32, u16, u64)
DEFINE_LOAD(i64_load32_u_shared_default32, u32, u64)
DEFINE_LOAD(f64_load_shared_default32, f64, f64)
DEFINE_LOAD(v128_load_shared_default32, v128, v128)
DEFINE_STORE(i32_store_shared_default32, u32, u32)
DEFINE_STORE(i32_store8_shared_default32, u8, u32)
DEFINE_STORE(i32_store16_shared_default32, u16, u32)
DEFINE_STORE(i64_store_shared_default32, u64, u64)
DEFINE_STORE(i64_store16_shared_default32, u16, u64)
DEFINE_STORE(i64_store32_shared_default32, u32, u64)
DEFINE_STORE(f64_store_shared_default32, f64, f64)
DEFINE_STORE(v128_store_shared_default32, v128, v128)

#define i32_atomic_load_shared_default32(m, at) atomic_step(READ, (uint32_t)(at), 0, 0)
#define i32_atomic_store_shared_default32(m, at, value) \
  ((void)atomic_step(WRITE, (uint32_t)(at), value, 0))
#define i32_atomic_rmw_add_shared_default32(m, at, value) atomic_step(ADD, (uint32_t)(at), value, 0)
#define i32_atomic_rmw_or_shared_default32(m, at, value) atomic_step(OR, (uint32_t)(at), value, 0)
#define i32_atomic_rmw_cmpxchg_shared_default32(m, at, expected, value) \
  atomic_step(EXCHANGE, (uint32_t)(at), value, expected)

static inline void copy_bytes(uint32_t to, uint32_t from, uint32_t size) {
  for (uint32_t done = 0; done < size; done += 4) {
    uint8_t piece[4];
    uint32_t length = size - done < 4 ? size - done : 4;
    read_bytes(from + done, piece, length);
    write_bytes(to + done, piece, length);
  }
}
#define memory_copy(to, from, at, source, size) copy_bytes((uint32_t)(at), (uint32_t)(source), size)
static inline void fill_bytes(uint32_t at, uint32_t value, uint32_t size) {
  uint8_t byte = (uint8_t)value;
  for (uint32_t done = 0; done < size; done += 1) write_bytes(at + done, &byte, 1);
}
#define memory_fill(m, at, value, size) fill_bytes((uint32_t)(at), value, size)

#define I32_ROTL(x, y) (((x) << ((y) & 31)) | ((x) >> (-(y) & 31)))
#define I32_ROTR(x, y) (((x) >> ((y) & 31)) | ((x) << (-(y) & 31)))
#define I64_ROTL(x, y) (((x) << ((y) & 63)) | ((x) >> (-(y) & 63)))
#define DIV_U(x, y) ((x) / (y))
#define REM_U(x, y) ((x) % (y))
#define FMIN(x, y) ((x) < (y) ? (x) : (y))
#define I32_TRUNC_SAT_U_F64(x) ((x) > 0 ? (x) < 4294967295.0 ? (u32)(x) : UINT32_MAX : 0)
#define I64_TRUNC_SAT_U_F64(x) ((x) > 0 ? (u64)(x) : 0)
#define UNLIKELY(x) (x)
#define FUNC_PROLOGUE
#define FUNC_EPILOGUE
#define UNREACHABLE abort()
#define FUNC_TYPE_T(x) static const char x[]

static inline v128 simde_wasm_i64x2_make(int64_t low, int64_t high) {
  int64_t both[2] = {low, high};
  v128 result;
  memcpy(&result, both, sizeof(result));
  return result;
}
#define simde_wasm_i32x4_add(a, b) ((v128)((a) + (b)))
#define simde_wasm_v128_xor(a, b) ((a) ^ (b))
#define simde_wasm_v128_or(a, b) ((a) | (b))
#define simde_wasm_v128_any_true(a) ((u32)(((a)[0] | (a)[1] | (a)[2] | (a)[3]) != 0))
#define v128_i32x4_extract_lane(vector, lane) ((u32)(vector)[lane])
static inline v128 simde_wasm_u32x4_extadd_pairwise_u16x8(v128 vector) {
  u16x8 halves = (u16x8)vector;
  v128 result;
  for (int lane = 0; lane < 4; lane += 1) result[lane] = halves[2 * lane] + halves[2 * lane + 1];
  return result;
}

#endif
