// What all fuzz targets share: the core as C, its memory, and the bound on CPU time.
#ifndef TARGET_H_
#define TARGET_H_

#include <time.h>
#include "core.h"
#include "layout.h"

#define MEMORY_SIZE (1u << 20)
#define LIMIT_NS 10000000ull

static uint8_t bytes[MEMORY_SIZE];
static wasm_rt_memory_t memory = {bytes, MEMORY_SIZE / 65536, MEMORY_SIZE / 65536, MEMORY_SIZE, false};
static w2c_core core;

wasm_rt_memory_t* w2c_env_memory(struct w2c_env* env) {
  (void)env;
  return &memory;
}

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                            \
    }                                                                     \
  } while (0)

static inline uint32_t word(uint32_t at) {
  uint32_t value;
  memcpy(&value, bytes + at, 4);
  return value;
}

static inline uint32_t half(uint32_t at) {
  uint16_t value;
  memcpy(&value, bytes + at, 2);
  return value;
}

/* To the very end of the memory: a byte read behind it traps. Its address. */
static inline uint32_t place_at_end(const uint8_t* input, size_t size) {
  uint32_t at = MEMORY_SIZE - (uint32_t)size;
  memcpy(bytes + at, input, size);
  return at;
}

/* A range that a parser found at CONTROL_HEAD, by its two fields, ends within `limit`. */
static inline void within(uint32_t offset, uint32_t length, uint32_t limit) {
  CHECK(half(CONTROL_HEAD + offset) + half(CONTROL_HEAD + length) <= limit);
}

static inline void put_word(uint32_t at, uint32_t value) { memcpy(bytes + at, &value, 4); }

/* Reads the memory image that images.ts wrote; its name stands in an environment variable. */
static void load_image(const char* variable, uint8_t* to) {
  const char* name = getenv(variable);
  FILE* file = name ? fopen(name, "rb") : NULL;
  if (!file) {
    fprintf(stderr, "%s names no memory image\n", variable);
    exit(1);
  }
  size_t size = fread(to, 1, MEMORY_SIZE, file);
  fclose(file);
  if (size < HEADER_SIZE) exit(1);
}

static uint64_t cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void prepare(void);
static void run(const uint8_t* input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  static bool isPrepared = false;
  if (!isPrepared) {
    wasm2c_core_instantiate(&core, NULL);
    prepare();
    isPrepared = true;
  }
  /* a page fault or an interrupt is not the input's: only what is slow three times is */
  for (int tries = 1;; tries += 1) {
    uint64_t before = cpu_ns();
    run(input, size);
    uint64_t spent = cpu_ns() - before;
    if (spent < LIMIT_NS) break;
    fprintf(stderr, "slow: %llu ns\n", (unsigned long long)spent);
    if (tries == 3) abort();
  }
  return 0;
}

#endif
