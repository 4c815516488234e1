// The core on threads that stop before each access of a word which another thread uses too and one of them
// writes. Accesses of all other words commute with what other threads do: they need no step of their own.
#include "explore.h"

#include <ucontext.h>

uint8_t bytes[MEMORY] __attribute__((aligned(64)));
uint8_t stacks[THREADS][STACK] __attribute__((aligned(64)));
Thread threads[THREADS];
Plan plans[THREADS];
int thread_count;
bool ignored[MEMORY / 4];
uint32_t lock_mask[MEMORY / 4];
uint64_t memory_hash;
unsigned long new_shared;

static uint8_t users[MEMORY / 4]; /* threads, a bit each */
static bool written[MEMORY / 4], shared[MEMORY / 4];
static jmp_buf scheduler;
static int running;
static w2c_core core;
static struct {
  uint32_t at, before;
} *undo;
static size_t undone, undo_room;

wasm_rt_shared_memory_t* w2c_env_memory(struct w2c_env* environment) {
  (void)environment;
  return NULL;
}

size_t undo_mark(void) { return undone; }

static void set_word(uint32_t at, uint32_t value) {
  uint32_t before = word(at);
  if (before == value) return;
  if (undone == undo_room) {
    undo_room = undo_room ? undo_room * 2 : 1 << 16;
    undo = realloc(undo, undo_room * sizeof(*undo));
  }
  undo[undone].at = at;
  undo[undone++].before = before;
  if (shared[at / 4]) memory_hash ^= mix(at, before) ^ mix(at, value);
  memcpy(bytes + at, &value, 4);
}

void put_back(size_t mark) {
  while (undone > mark) {
    uint32_t at = undo[--undone].at, before = undo[undone].before;
    if (shared[at / 4]) memory_hash ^= mix(at, word(at)) ^ mix(at, before);
    memcpy(bytes + at, &before, 4);
  }
}

/* A word that is found to be shared this late makes the whole search begin anew. */
static void note(uint32_t at, bool writes) {
  uint32_t index = at / 4;
  if (writes) written[index] = true;
  users[index] |= (uint8_t)(1 << running);
  if (shared[index] || !written[index] || (users[index] & (users[index] - 1)) == 0) return;
  shared[index] = true;
  new_shared += 1;
}

static void stop(void) {
  uint8_t here;
  threads[running].sp = &here - 1024;
  if (_setjmp(threads[running].at) == 0) _longjmp(scheduler, 1);
}

/* Before an access of a word: waits for the thread's turn. */
static void arrive(uint32_t at, bool writes) {
  if (at + 4 > MEMORY) abort();
  note(at, writes);
  if (!shared[at / 4]) return;
  Thread* me = &threads[running];
  /* a lock that was found held is looked at again: nothing comes of that until it changes */
  bool waits = !writes && me->spin_word == at;
  me->wait_word = waits ? at : 0;
  me->wait_value = waits ? me->spin_value : 0;
  stop();
  me->wait_word = 0;
  me->wait_value = 0;
  me->spin_word = 0;
  if (me->began) return;
  me->began = true;
  for (int other = 0; other < thread_count; other += 1) {
    me->before[me->finished][other] = (uint8_t)threads[other].finished;
    me->history = mix(me->history, (uint64_t)threads[other].finished);
  }
}

/* After it; what was read is all that a thread knows of the others. */
static void leave(uint32_t at, uint32_t value) {
  if (!shared[at / 4]) return;
  Thread* me = &threads[running];
  me->history = mix(me->history, value);
  if ((lock_mask[at / 4] & value) == 0) return;
  me->spin_word = at;
  me->spin_value = value;
}

static uint32_t piece(uint32_t at, uint32_t left) {
  uint32_t most = 4 - (at & 3);
  return left < most ? left : most;
}

void read_bytes(uint32_t at, void* to, uint32_t size) {
  for (uint32_t done = 0, length; done < size; done += length) {
    uint32_t start = (at + done) & ~3u;
    length = piece(at + done, size - done);
    arrive(start, false);
    uint32_t value = word(start);
    leave(start, value);
    memcpy((uint8_t*)to + done, (uint8_t*)&value + (at + done - start), length);
  }
}

void write_bytes(uint32_t at, const void* from, uint32_t size) {
  for (uint32_t done = 0, length; done < size; done += length) {
    uint32_t start = (at + done) & ~3u;
    length = piece(at + done, size - done);
    arrive(start, true);
    uint32_t value = word(start);
    memcpy((uint8_t*)&value + (at + done - start), (const uint8_t*)from + done, length);
    set_word(start, value);
    leave(start, 0);
  }
}

uint32_t atomic_step(enum access kind, uint32_t at, uint32_t value, uint32_t expected) {
  if (ignored[at / 4]) return 0;
  arrive(at, kind != READ);
  uint32_t before = word(at);
  if (kind == WRITE) set_word(at, value);
  if (kind == ADD) set_word(at, before + value);
  if (kind == OR) set_word(at, before | value);
  if (kind == EXCHANGE && before == expected) set_word(at, value);
  leave(at, kind == WRITE ? 0 : before);
  return before;
}

static uint32_t call(const Op* op) {
  const uint32_t* a = op->arguments;
  switch (op->call) {
    case 0: return w2c_core_forward(&core, a[0], a[1], (double)a[2]);
    case 1: return w2c_core_lookup(&core, a[0]);
    case 2: return w2c_core_insert(&core, a[0], a[1]);
    case 3: return w2c_core_update(&core, a[0], a[1], a[2], a[3], a[4], a[5]);
    case 4: return w2c_core_remove(&core, a[0], a[1], a[2], a[3]);
    case 5: return w2c_core_releaseOwner(&core, a[0], a[1]);
    case 6: return w2c_core_sweep(&core, a[0], a[1], a[2], (double)a[3], (double)a[4], a[5], a[6]);
    default: abort();
  }
}

static void body(void) {
  Thread* me = &threads[running];
  const Plan* plan = &plans[running];
  for (int index = 0; index < plan->op_count; index += 1) {
    const Op* op = &plan->ops[index];
    me->began = false;
    me->results[index] = call(op);
    for (uint32_t at = 0; at < op->seen_words; at += 1) {
      me->seen[index][at] = word(op->seen + at * 4);
    }
    me->finished += 1;
  }
  me->status = FINISHED;
  _longjmp(scheduler, 1);
}

void resume(int thread) {
  running = thread;
  if (_setjmp(scheduler) == 0) _longjmp(threads[thread].at, 1);
}

void begin(int thread) {
  static ucontext_t context;
  memset(&threads[thread], 0, sizeof(Thread));
  threads[thread].sp = stacks[thread] + STACK;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks[thread];
  context.uc_stack.ss_size = STACK;
  makecontext(&context, body, 0);
  running = thread;
  if (_setjmp(scheduler) == 0) setcontext(&context);
}
