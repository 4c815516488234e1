// The part of wasm2c's runtime that the core needs, which has no tables and imports its memory. Every access
// is checked against the memory's size; a trap (the core has none) ends the process.
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WABT_BIG_ENDIAN 0
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define wasm_rt_memcpy memcpy
#define WASM_RT_USE_SEGUE 0
#define WASM_RT_SANITY_CHECKS 0
#define WASM_RT_STACK_DEPTH_COUNT 0
#define WASM_RT_MEMCHECK_GUARD_PAGES 0
#define WASM_RT_C11_AVAILABLE 1
#define WASM_RT_NO_RETURN __attribute__((noreturn))
#define WASM_RT_I32 0
#define WASM_RT_I64 1
#define WASM_RT_F64 3

typedef enum {
  WASM_RT_TRAP_NONE,
  WASM_RT_TRAP_OOB,
  WASM_RT_TRAP_INT_OVERFLOW,
  WASM_RT_TRAP_DIV_BY_ZERO,
  WASM_RT_TRAP_INVALID_CONVERSION,
  WASM_RT_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT,
  WASM_RT_TRAP_UNALIGNED,
} wasm_rt_trap_t;

typedef struct {
  uint8_t* data;
  uint64_t pages, max_pages;
  uint64_t size;
  bool is64;
} wasm_rt_memory_t;

/* The build with threads: the memory is the same, and wasm2c has no vector access to a shared one. */
typedef wasm_rt_memory_t wasm_rt_shared_memory_t;
#define v128_load_shared_default32 v128_load_default32
#define v128_store_shared_default32 v128_store_default32

typedef const char* wasm_rt_func_type_t;
typedef void (*wasm_rt_function_ptr_t)(void);
typedef struct wasm_rt_tailcallee_t {
  void (*fn)(void**, void*, struct wasm_rt_tailcallee_t*);
} wasm_rt_tailcallee_t;
typedef struct {
  wasm_rt_func_type_t func_type;
  wasm_rt_function_ptr_t func;
  wasm_rt_tailcallee_t func_tailcallee;
  void* module_instance;
} wasm_rt_funcref_t;
typedef void* wasm_rt_externref_t;
typedef struct {
  wasm_rt_funcref_t* data;
  uint32_t max_size, size;
} wasm_rt_funcref_table_t;
typedef struct {
  wasm_rt_externref_t* data;
  uint32_t max_size, size;
} wasm_rt_externref_table_t;
static const wasm_rt_funcref_t wasm_rt_funcref_null_value = {0};
static const wasm_rt_externref_t wasm_rt_externref_null_value = 0;

static inline bool wasm_rt_is_initialized(void) { return true; }

static WASM_RT_NO_RETURN inline void wasm_rt_trap(wasm_rt_trap_t trap) {
  fprintf(stderr, "trap %d\n", (int)trap);
  abort();
}

#endif
