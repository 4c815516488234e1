// Goes through all schedules of the threads that a scenario describes (a file of words: explorer.ts writes
// it) and prints each outcome once: o, then of each thread its end and its calls, then the memory's words.
// States seen before are not looked at again; of them only a hash of 64 bits is kept.
#include "explore.h"

#define DEEPEST 20000
#define RANGES 64
#define FEW_STATES 20000

static uint64_t* seen_states;
static size_t seen_room = 1 << 20, seen_count;
static uint64_t* seen_outcomes;
static size_t outcome_room = 1 << 20, outcome_count;
static unsigned long steps, deepest, most_states = 1ul << 26;
static bool cut_off;
static char path[DEEPEST + 1];
static uint8_t* arena; /* stacks to be put back */
static size_t arena_used, arena_room = 64u << 20;
static struct {
  uint32_t at, words;
} ranges[RANGES];
static int range_count;

/* False when it is there already. */
static bool add(uint64_t** set, size_t* room, size_t* size, uint64_t key) {
  if (*size * 2 > *room) {
    uint64_t* old = *set;
    size_t before = *room;
    *room *= 2;
    *set = calloc(*room, sizeof(key));
    *size = 0;
    for (size_t index = 0; index < before; index += 1) {
      if (old[index]) add(set, room, size, old[index]);
    }
    free(old);
  }
  key += key == 0;
  size_t at = key & (*room - 1);
  for (; (*set)[at]; at = (at + 1) & (*room - 1)) {
    if ((*set)[at] == key) return false;
  }
  (*set)[at] = key;
  *size += 1;
  return true;
}

static bool can_run(int thread) {
  const Thread* me = &threads[thread];
  int after = plans[thread].after;
  if (me->status != READY || (after >= 0 && threads[after].status == READY)) return false;
  return me->wait_word == 0 || word(me->wait_word) != me->wait_value;
}

static uint64_t state(void) {
  uint64_t key = memory_hash;
  for (int thread = 0; thread < thread_count; thread += 1) {
    const Thread* me = &threads[thread];
    key = mix(key, mix(me->history, (uint64_t)me->status));
  }
  return key;
}

static void print_outcome(unsigned long depth) {
  static char line[1 << 16];
  char* end = line + sprintf(line, "o");
  for (int thread = 0; thread < thread_count; thread += 1) {
    const Thread* me = &threads[thread];
    end += sprintf(end, " %c%d", "sfd"[me->status], me->finished);
    for (int op = 0; op < me->finished + (me->status != FINISHED && me->began); op += 1) {
      end += sprintf(end, " %x", me->results[op]);
      for (int other = 0; other < thread_count; other += 1) {
        end += sprintf(end, ",%d", me->before[op][other]);
      }
      for (uint32_t at = 0; at < plans[thread].ops[op].seen_words; at += 1) {
        end += sprintf(end, ":%x", me->seen[op][at]);
      }
    }
  }
  end += sprintf(end, " m");
  for (int index = 0; index < range_count; index += 1) {
    for (uint32_t at = 0; at < ranges[index].words; at += 1) {
      end += sprintf(end, " %x", word(ranges[index].at + at * 4));
    }
  }
  uint64_t key = 1;
  for (const char* at = line; at < end; at += 1) key = mix(key, (uint64_t)*at);
  if (!add(&seen_outcomes, &outcome_room, &outcome_count, key)) return;
  path[depth] = 0;
  printf("%s\np %s\n", line, path);
}

static void look(unsigned long depth);

static void step(int thread, unsigned long depth) {
  Thread saved = threads[thread];
  size_t size = (size_t)(stacks[thread] + STACK - saved.sp), mark = undo_mark();
  if (arena_used + size > arena_room) abort();
  memcpy(arena + arena_used, saved.sp, size);
  arena_used += size;
  path[depth] = (char)('0' + thread);
  steps += 1;
  resume(thread);
  look(depth + 1);
  put_back(mark);
  arena_used -= size;
  memcpy(saved.sp, arena + arena_used, size);
  threads[thread] = saved;
}

static void look(unsigned long depth) {
  if (depth > deepest) deepest = depth;
  if (depth >= DEEPEST || seen_count >= most_states) cut_off = true;
  if (cut_off || (new_shared > 0 && seen_count > FEW_STATES)) return;
  if (!add(&seen_states, &seen_room, &seen_count, state())) return;
  bool moved = false;
  for (int thread = 0; thread < thread_count; thread += 1) {
    if (!can_run(thread)) continue;
    moved = true;
    step(thread, depth);
  }
  for (int thread = 0; thread < thread_count; thread += 1) {
    if (!plans[thread].may_die || threads[thread].status != READY) continue;
    threads[thread].status = DEAD;
    path[depth] = (char)('a' + thread);
    look(depth + 1);
    threads[thread].status = READY;
  }
  if (!moved && new_shared == 0) print_outcome(depth);
}

static void read_image(const char* name) {
  FILE* file = fopen(name, "rb");
  if (!file || fread(bytes, 1, MEMORY, file) == 0) exit(2);
  fclose(file);
}

static void read_scenario(const char* name) {
  FILE* file = fopen(name, "r");
  char what[32], image[512];
  uint32_t at, value;
  if (!file) exit(2);
  while (fscanf(file, "%31s", what) == 1) {
    Plan* plan = &plans[thread_count - 1];
    if (strcmp(what, "image") == 0 && fscanf(file, "%511s", image) == 1) read_image(image);
    else if (strcmp(what, "states") == 0) fscanf(file, "%lu", &most_states);
    else if (strcmp(what, "ignore") == 0 && fscanf(file, "%u", &at) == 1) ignored[at / 4] = true;
    else if (strcmp(what, "lock") == 0 && fscanf(file, "%u %u", &at, &value) == 2) {
      lock_mask[at / 4] = value;
    } else if (strcmp(what, "dump") == 0 && fscanf(file, "%u %u", &at, &value) == 2) {
      ranges[range_count].at = at;
      ranges[range_count++].words = value;
    } else if (strcmp(what, "thread") == 0) {
      int dies;
      plan = &plans[thread_count++];
      if (fscanf(file, "%d %d", &plan->after, &dies) != 2) exit(2);
      plan->may_die = dies != 0;
    } else if (strcmp(what, "call") == 0) {
      Op* op = &plan->ops[plan->op_count++];
      if (fscanf(file, "%d %u %u", &op->call, &op->seen, &op->seen_words) != 3) exit(2);
      for (int index = 0; index < ARGUMENTS; index += 1) {
        if (fscanf(file, "%u", &op->arguments[index]) != 1) exit(2);
      }
    } else exit(2);
  }
  fclose(file);
}

int main(int count, char** words) {
  if (count != 2) return 2;
  read_scenario(words[1]);
  arena = malloc(arena_room);
  seen_outcomes = calloc(outcome_room, sizeof(uint64_t));
  do {
    put_back(0);
    free(seen_states);
    seen_states = calloc(seen_room, sizeof(uint64_t));
    seen_count = steps = deepest = new_shared = memory_hash = 0;
    for (int thread = 0; thread < thread_count; thread += 1) begin(thread);
    look(0);
  } while (new_shared > 0);
  printf("e %zu %lu %lu %d\n", seen_count, steps, deepest, cut_off);
  return 0;
}
