// The threads of an exploration, as steps.c runs them and search.c chooses among them.
#ifndef EXPLORE_H_
#define EXPLORE_H_

#include "steps.h"

#include <setjmp.h>

#define MEMORY (1u << 21)
#define STACK 65536u
#define THREADS 4
#define OPS 4
#define ARGUMENTS 7
#define SEEN 8

typedef struct {
  int call;
  uint32_t arguments[ARGUMENTS];
  uint32_t seen, seen_words; /* where the memory holds the rest of the result */
} Op;

enum status { READY, FINISHED, DEAD };

/* What is put back, with its stack, when a step of it is taken back. */
typedef struct {
  jmp_buf at;
  uint8_t* sp;
  uint64_t history; /* of all steps and what they read */
  enum status status;
  int finished; /* calls */
  bool began;   /* the present call has made a step */
  uint32_t spin_word, spin_value, wait_word, wait_value;
  uint32_t results[OPS];
  uint32_t seen[OPS][SEEN];
  uint8_t before[OPS][THREADS]; /* calls of each thread that had ended when this one began */
} Thread;

typedef struct {
  Op ops[OPS];
  int op_count;
  int after;    /* it begins when that one is dead or has finished; -1: at once */
  bool may_die; /* before any of its steps */
} Plan;

extern uint8_t bytes[MEMORY];
extern uint8_t stacks[THREADS][STACK];
extern Thread threads[THREADS];
extern Plan plans[THREADS];
extern int thread_count;
extern bool ignored[MEMORY / 4];      /* statistics that nobody reads */
extern uint32_t lock_mask[MEMORY / 4]; /* bits that say: held */
extern uint64_t memory_hash;          /* of the shared words */
extern unsigned long new_shared;      /* words that were found to be shared since this was set to 0 */

static inline uint32_t word(uint32_t at) {
  uint32_t value;
  memcpy(&value, bytes + at, 4);
  return value;
}

static inline uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t mixed = (a ^ (b + 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;
  mixed = (mixed ^ (mixed >> 29)) * 0x94d049bb133111ebull;
  return mixed ^ (mixed >> 32);
}

/* Puts a thread before its first step. */
void begin(int thread);
/* Runs it to its next step or its end. */
void resume(int thread);
size_t undo_mark(void);
void put_back(size_t mark);

#endif
