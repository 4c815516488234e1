// The types that wasm2c's text of the core names; its memory is in steps.c.
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  int unused;
} wasm_rt_shared_memory_t;
typedef const char* wasm_rt_func_type_t;
enum { WASM_RT_I32, WASM_RT_I64, WASM_RT_F64 };

static inline bool wasm_rt_is_initialized(void) { return true; }

#endif
