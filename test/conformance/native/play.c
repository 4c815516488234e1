// Plays the vectors (../play.ts says how they are written) against the core as C, threads as pthreads.
// play VECTORS: prints what came of it as JSON.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <time.h>
#include "core.h"

enum { PAGE = 65536, MOST_TRIES = 100000, MOST_THREADS = 8, MOST_WORDS = 16, MOST_BYTES = 65536, MOST_UNSEEN = 4096 };

static wasm_rt_memory_t memory;
static w2c_core core;
static uint64_t layout;
static double ns_per_packet;

wasm_rt_memory_t* w2c_env_memory(struct w2c_env* environment) {
  (void)environment;
  return &memory;
}

/* What no digest sees: of the present section. */
static struct {
  uint32_t address, length;
} unseen[MOST_UNSEEN];
static int unseen_count;

typedef struct {
  char** lines;
  int count, times;
  uint32_t newest;
  unsigned long checked, wrong;
  char first[300];
} Player;

static uint32_t digest(void) {
  static uint8_t* seen;
  uint32_t sum = 2166136261u;
  if (!seen) seen = malloc(memory.size);
  memcpy(seen, memory.data, memory.size);
  for (int place = 0; place < unseen_count; place += 1) memset(seen + unseen[place].address, 0, unseen[place].length);
  for (uint64_t at = 0; at < memory.size; at += 4) {
    uint32_t word;
    memcpy(&word, seen + at, 4);
    sum = (sum ^ word) * 16777619u;
  }
  return sum;
}

/* Splits at blanks; the words lie in `copy`. */
static int split(const char* line, char* copy, char** words) {
  int count = 0;
  char* rest = strcpy(copy, line);
  for (char* word; count < MOST_WORDS && (word = strtok_r(rest, " ", &rest));) words[count++] = word;
  return count;
}

#define U(index) ((uint32_t)a[index])
#define IS(export) (strcmp(name, #export) == 0)

/* False: it returns nothing. */
static bool call(const char* name, const double* a, uint32_t* result) {
  w2c_core* c = &core;
  if (IS(initialise)) return w2c_core_initialise(c), false;
  if (IS(checksumPacket)) return w2c_core_checksumPacket(c, U(0), U(1)), false;
  if (IS(nextOwner)) *result = w2c_core_nextOwner(c);
  else if (IS(forward)) *result = w2c_core_forward(c, U(0), U(1), a[2]);
  else if (IS(forwardHeld)) *result = w2c_core_forwardHeld(c, U(0), U(1), U(2), a[3]);
  else if (IS(lookup)) *result = w2c_core_lookup(c, U(0));
  else if (IS(insert)) *result = w2c_core_insert(c, U(0), U(1));
  else if (IS(update)) *result = w2c_core_update(c, U(0), U(1), U(2), U(3), U(4), U(5));
  else if (IS(held)) *result = w2c_core_held(c, U(0), U(1), U(2), U(3), U(4));
  else if (IS(release)) *result = w2c_core_release(c, U(0), U(1), U(2), U(3), U(4), U(5), U(6));
  else if (IS(rest)) *result = w2c_core_rest(c, U(0), U(1), U(2), U(3), U(4), U(5));
  else if (IS(remove)) *result = w2c_core_remove(c, U(0), U(1), U(2), U(3));
  else if (IS(sweep)) *result = w2c_core_sweep(c, U(0), U(1), U(2), a[3], a[4], U(5), U(6));
  else if (IS(reclaim)) *result = w2c_core_reclaim(c, U(0), U(1), U(2), a[3]);
  else if (IS(releaseOwner)) *result = w2c_core_releaseOwner(c, U(0), U(1));
  else if (IS(parseHead)) *result = w2c_core_parseHead(c, U(0), U(1), U(2));
  else if (IS(parseHello)) *result = w2c_core_parseHello(c, U(0), U(1), U(2));
  else if (IS(hashTarget)) *result = w2c_core_hashTarget(c, U(0), U(1));
  else if (IS(verifyPacket)) *result = w2c_core_verifyPacket(c, U(0), U(1));
  else if (IS(cookieMake)) *result = w2c_core_cookieMake(c, U(0), U(1), U(2), U(3), U(4), U(5));
  else if (IS(cookieCheck)) *result = w2c_core_cookieCheck(c, U(0), U(1), U(2));
  else if (IS(steer)) *result = w2c_core_steer(c, U(0));
  else {
    fprintf(stderr, "no export %s\n", name);
    exit(1);
  }
  return true;
}

/* The words of a call, its name first, up to "="; returns how many words that were. */
static int call_words(Player* player, char** words, bool* returned, uint32_t* result) {
  double values[8] = {0};
  int equals = 1;
  for (; strcmp(words[equals], "=") != 0; equals += 1)
    values[equals - 1] = strcmp(words[equals], "$") == 0 ? player->newest : strtod(words[equals], NULL);
  *returned = call(words[0], values, result);
  return equals;
}

static bool call_step(Player* player, char** words, int count) {
  uint32_t result = 0;
  bool returned;
  int equals = call_words(player, words, &returned, &result);
  if (returned) player->newest = result;
  const char* wanted = words[equals + 1];
  bool is_right = strcmp(wanted, "*") == 0;
  if (wanted[0] == '-') is_right = !returned;
  else if (wanted[0] == '!') is_right = strtoul(wanted + 1, NULL, 10) != result;
  else if (!is_right) is_right = returned && strtoul(wanted, NULL, 10) == result;
  if (!is_right || count == equals + 2) return is_right;
  return strtoul(words[equals + 2], NULL, 16) == digest();
}

static bool time_step(Player* player, char** words) {
  uint8_t* at = memory.data + strtoul(words[0], NULL, 16);
  size_t length = strtoul(words[1], NULL, 16);
  unsigned long times = strtoul(words[2], NULL, 10), packets = strtoul(words[3], NULL, 10);
  uint8_t* before = malloc(length);
  memcpy(before, at, length);
  uint64_t sum = 0;
  struct timespec begin, end;
  int equals = 0;
  double values[8] = {0};
  while (strcmp(words[6 + equals], "=") != 0) values[equals] = strtod(words[6 + equals], NULL), equals += 1;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (unsigned long time = 0; time < times; time += 1) {
    uint32_t result = 0;
    call(words[5], values, &result);
    sum += result;
    memcpy(at, before, length);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  free(before);
  (void)player;
  double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
  ns_per_packet = ns / (double)times / (double)packets;
  return sum == strtoul(words[6 + equals + 1], NULL, 10) * times;
}

static bool step(Player* player, const char* line) {
  static __thread char copy[2 * MOST_BYTES + 64];
  static __thread uint8_t given[MOST_BYTES];
  char* words[MOST_WORDS];
  int count = split(line, copy, words);
  if (line[0] == 'c') return call_step(player, words + 1, count - 1);
  if (line[0] == 't') return time_step(player, words + 1);
  if (line[0] == 'p') {
    if (unseen_count == MOST_UNSEEN) return fprintf(stderr, "too many private places\n"), exit(1), false;
    unseen[unseen_count].address = (uint32_t)strtoul(words[1], NULL, 16);
    unseen[unseen_count++].length = (uint32_t)strtoul(words[2], NULL, 16);
    return true;
  }
  uint8_t* at = memory.data + strtoul(words[1], NULL, 16);
  size_t length = strlen(words[2]) / 2;
  for (size_t index = 0; index < length; index += 1) {
    unsigned byte;
    sscanf(words[2] + 2 * index, "%2x", &byte);
    given[index] = (uint8_t)byte;
  }
  if (line[0] == 'w') memcpy(at, given, length);
  return memcmp(at, given, length) == 0;
}

static void count_step(Player* player, bool is_right, const char* line) {
  player->checked += 1;
  if (is_right) return;
  if (player->wrong == 0) snprintf(player->first, sizeof(player->first), "%.250s", line);
  player->wrong += 1;
}

static void play(Player* player) {
  for (int at = 0; at < player->count; at += 1) {
    const char* line = player->lines[at];
    if (line[0] != '(') {
      bool is_right = step(player, line);
      if (line[0] != 'w' && line[0] != 'p') count_step(player, is_right, line);
      continue;
    }
    int begin = at + 1;
    bool is_right = false;
    for (int tries = 0; !is_right && tries < MOST_TRIES; tries += 1) {
      is_right = true;
      for (at = begin; player->lines[at][0] != ')'; at += 1) is_right = step(player, player->lines[at]) && is_right;
    }
    count_step(player, is_right, player->lines[begin]);
  }
}

static void* play_thread(void* argument) {
  Player* player = argument;
  for (int time = 0; time < player->times; time += 1) play(player);
  return NULL;
}

static Player all;
static int most_threads = 1;

static void add(const Player* player) {
  if (player->wrong > 0 && all.wrong == 0) memcpy(all.first, player->first, sizeof(all.first));
  all.checked += player->checked;
  all.wrong += player->wrong;
}

/* From the line behind "== NAME" on; returns where the next one is. */
static int play_section(char** lines, int count, int at) {
  static Player players[MOST_THREADS];
  Player player = {0};
  int threads = 0;
  memset(memory.data, 0, memory.size);
  unseen_count = 0;
  while (at < count && strncmp(lines[at], "== ", 3) != 0) {
    Player* into = &player;
    if (strncmp(lines[at], "-- thread", 9) == 0) {
      into = &players[threads++];
      memset(into, 0, sizeof(*into));
      sscanf(lines[at++], "-- thread %*d %d", &into->times);
    } else if (strncmp(lines[at], "-- together", 11) == 0) {
      pthread_t running[MOST_THREADS];
      for (int index = 0; index < threads; index += 1)
        pthread_create(&running[index], NULL, play_thread, &players[index]);
      for (int index = 0; index < threads; index += 1) {
        pthread_join(running[index], NULL);
        add(&players[index]);
      }
      if (threads > most_threads) most_threads = threads;
      at += 1;
    }
    into->lines = lines + at;
    for (into->count = 0; at < count && lines[at][0] != '=' && lines[at][0] != '-'; at += 1) into->count += 1;
    if (into == &player) play(&player);
  }
  add(&player);
  return at;
}

int main(int arguments, char** argument) {
  FILE* file = arguments > 1 ? fopen(argument[1], "r") : NULL;
  if (!file) return fprintf(stderr, "play VECTORS\n"), 2;
  char** lines = NULL;
  int count = 0;
  char* line = NULL;
  size_t room = 0;
  while (getline(&line, &room, file) > 0) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] == 0 || line[0] == '#') continue;
    lines = realloc(lines, sizeof(*lines) * (size_t)(count + 1));
    lines[count++] = strdup(line);
  }
  for (int at = 0; at < count;) {
    sscanf(lines[at], "layout %lu", &layout);
    if (sscanf(lines[at], "pages %lu", &memory.pages) == 1) {
      memory.size = memory.pages * PAGE;
      memory.data = aligned_alloc(PAGE, memory.size);
      wasm2c_core_instantiate(&core, NULL);
      if (*w2c_core_layoutVersion(&core) != layout) return fprintf(stderr, "another layout\n"), 1;
    }
    at = strncmp(lines[at], "== ", 3) == 0 ? play_section(lines, count, at + 1) : at + 1;
  }
  printf("{\"checked\":%lu,\"wrong\":[", all.checked);
  if (all.wrong > 0) printf("\"%lu wrong, the first: %s\"", all.wrong, all.first);
  printf("],\"nsPerPacket\":%.1f,\"threads\":%d,\"version\":\"gcc %s\"}\n", ns_per_packet, most_threads,
         __VERSION__);
  return all.wrong == 0 ? 0 : 1;
}
