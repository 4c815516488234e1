// The rival of the Wasm core: the same work over the same memory image (assembly/layout.ts), in C.
// Each packet: headers checked, keyed hash, bucket and chain walked under the version word, destination,
// TTL and checksums rewritten with the entry's precomputed deltas, verdict and counters written. What is no
// plain segment of a connection in FORWARD is left: the core does more with it, and none comes here.
// core IMAGE SLOTS STRIDE COUNT   reads lines "BATCH PASSES", answers each with ns per packet and digest (JSON)
// BATCH 0: packet by packet; above: buckets prefetched; below: buckets, then entries, in stages of -BATCH
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
  HEADER_BUCKET_COUNT = 12, HEADER_BUCKET_BASE = 16, HEADER_ENTRY_BASE = 24, HEADER_HASH_SEED = 64,
  ENTRY_NEXT = 0, ENTRY_STATE = 4, ENTRY_CLIENT_ADDRESS4 = 8, ENTRY_LOCAL_ADDRESS4 = 12,
  ENTRY_CLIENT_PORT = 16, ENTRY_SERVER_ADDRESS4 = 24, ENTRY_SERVER_PORT = 28,
  ENTRY_ADDRESS_DELTA = 48, ENTRY_PORT_DELTA = 50, ENTRY_LAST_SEEN = 56, ENTRY_SIZE_SHIFT = 7,
  BUCKET_SIZE_SHIFT = 4, STATE_FORWARD = 6, SLOT_LENGTH = 0, SLOT_VERDICT = 4, SLOT_ENTRY = 8,
  SLOT_VNET = 54, SLOT_PACKET = 64, CHAIN_LIMIT = 1024, BATCH_LIMIT = 256,
  DROP = 0, FORWARD = 1,
};

static uint8_t *memory;
static uint64_t kept, bytes, kept_bytes; /* what is forwarded is the rest */

static inline uint16_t get16(const uint8_t *at) { uint16_t v; memcpy(&v, at, 2); return v; }
static inline uint32_t get32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return v; }
static inline uint64_t get64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return v; }
static inline void put16(uint8_t *at, uint16_t v) { memcpy(at, &v, 2); }
static inline void put32(uint8_t *at, uint32_t v) { memcpy(at, &v, 4); }

static inline uint16_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* RFC 1624 (3); both halves are added with the carry between them, in the high half */
static inline void update(uint8_t *field, uint32_t change) {
  uint32_t sum = (uint32_t)(uint16_t)~get16(field) + change;
  put16(field, (uint16_t)(~(sum + (sum << 16 | sum >> 16)) >> 16));
}

static inline uint32_t hash(uint32_t address, uint32_t port) {
  uint64_t factor = get64(memory + HEADER_HASH_SEED + 8);
  uint64_t mixed = ((address | (uint64_t)port << 32) ^ get64(memory + HEADER_HASH_SEED)) * factor;
  mixed ^= mixed >> 32;
  return (uint32_t)((mixed * factor) >> 32);
}

static inline int is_forwardable(const uint8_t *packet, uint32_t length) {
  if (length < 40 || packet[0] != 0x45 || packet[9] != 6) return 0;
  if (get16(packet + 6) & 0xff3f) return 0;
  uint32_t total = (uint32_t)packet[2] << 8 | packet[3];
  uint32_t tcp_length = (uint32_t)(packet[32] >> 4) << 2;
  if (total != length || tcp_length < 20 || 20 + tcp_length > total) return 0;
  return (packet[33] & 0x17) == 0x10;
}

static inline uint8_t *bucket_of(const uint8_t *packet) {
  uint32_t mask = get32(memory + HEADER_BUCKET_COUNT) - 1;
  uint32_t index = hash(get32(packet + 12), get16(packet + 20)) & mask;
  return memory + get32(memory + HEADER_BUCKET_BASE) + ((size_t)index << BUCKET_SIZE_SHIFT);
}

static inline uint8_t *find(const uint8_t *bucket, const uint8_t *packet) {
  uint8_t *entries = memory + get32(memory + HEADER_ENTRY_BASE);
  uint32_t client = get32(packet + 12), local = get32(packet + 16), ports = get32(packet + 20);
  uint32_t next = get32(bucket + 4);
  for (int steps = CHAIN_LIMIT; next && steps; steps--) {
    uint8_t *entry = entries + ((size_t)(next - 1) << ENTRY_SIZE_SHIFT);
    if (get32(entry + ENTRY_CLIENT_ADDRESS4) == client && get32(entry + ENTRY_CLIENT_PORT) == ports &&
        get32(entry + ENTRY_LOCAL_ADDRESS4) == local)
      return entry;
    next = get32(entry + ENTRY_NEXT);
  }
  return NULL;
}

static inline uint32_t forward(uint8_t *slot, const uint8_t *bucket, uint32_t seconds) {
  uint8_t *packet = slot + SLOT_PACKET, *tcp = packet + 20, *entry;
  uint32_t version, state, address, server;
  uint16_t address_delta, port_delta, port;
  do {
    version = __atomic_load_n((const uint32_t *)bucket, __ATOMIC_ACQUIRE);
    entry = find(bucket, packet);
    if (!entry) return DROP;
    state = get32(entry + ENTRY_STATE);
    address = get32(entry + ENTRY_SERVER_ADDRESS4);
    port = get16(entry + ENTRY_SERVER_PORT);
    address_delta = get16(entry + ENTRY_ADDRESS_DELTA);
    port_delta = get16(entry + ENTRY_PORT_DELTA);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
  } while ((version & 1) || __atomic_load_n((const uint32_t *)bucket, __ATOMIC_RELAXED) != version);
  if (state != STATE_FORWARD) return DROP;
  if (get32(entry + ENTRY_LAST_SEEN) != seconds) put32(entry + ENTRY_LAST_SEEN, seconds);
  server = (uint32_t)(entry - (memory + get32(memory + HEADER_ENTRY_BASE))) >> ENTRY_SIZE_SHIFT;
  put32(slot + SLOT_ENTRY, server);
  uint16_t old_ttl = packet[8];
  packet[8] = 64;
  put32(packet + 16, address);
  update(packet + 10, (uint32_t)address_delta + (uint16_t)~old_ttl + 64);
  put16(tcp + 2, port);
  if (slot[SLOT_VNET] & 1) {
    uint16_t sum = fold((uint32_t)get16(tcp + 16) + address_delta);
    put16(tcp + 16, sum ? sum : 0xffff);
  } else {
    update(tcp + 16, (uint32_t)address_delta + port_delta);
  }
  return FORWARD;
}

static inline void count(uint8_t *slot, uint32_t verdict) {
  put32(slot + SLOT_VERDICT, verdict);
  bytes += get32(slot + SLOT_LENGTH);
  if (verdict == FORWARD) return;
  kept++;
  kept_bytes += get32(slot + SLOT_LENGTH);
}

static void pass_scalar(uint8_t *slots, size_t stride, int packets, uint32_t seconds) {
  for (int i = 0; i < packets; i++) {
    uint8_t *slot = slots + (size_t)i * stride, *packet = slot + SLOT_PACKET;
    if (!is_forwardable(packet, get32(slot + SLOT_LENGTH))) count(slot, DROP);
    else count(slot, forward(slot, bucket_of(packet), seconds));
  }
}

/* hashed and prefetched a batch ahead, which pays when the table is larger than the caches */
static void pass_batched(uint8_t *slots, size_t stride, int packets, uint32_t seconds, int batch) {
  uint8_t *buckets[BATCH_LIMIT];
  for (int first = 0; first < packets; first += batch) {
    int many = packets - first < batch ? packets - first : batch;
    for (int i = 0; i < many; i++) {
      uint8_t *slot = slots + (size_t)(first + i) * stride;
      buckets[i] = is_forwardable(slot + SLOT_PACKET, get32(slot + SLOT_LENGTH)) ? bucket_of(slot + SLOT_PACKET) : NULL;
      if (buckets[i]) __builtin_prefetch(buckets[i]);
    }
    for (int i = 0; i < many; i++) {
      uint8_t *slot = slots + (size_t)(first + i) * stride;
      count(slot, buckets[i] ? forward(slot, buckets[i], seconds) : DROP);
    }
  }
}

/* as above, and the entries are fetched a stage of their own ahead: a miss there depends on the bucket's */
static void pass_staged(uint8_t *slots, size_t stride, int packets, uint32_t seconds, int batch) {
  uint8_t *buckets[BATCH_LIMIT], *entries = memory + get32(memory + HEADER_ENTRY_BASE);
  for (int first = 0; first < packets; first += batch) {
    int many = packets - first < batch ? packets - first : batch;
    uint8_t *slot = slots + (size_t)first * stride;
    for (int i = 0; i < many; i++, slot += stride) {
      buckets[i] = is_forwardable(slot + SLOT_PACKET, get32(slot + SLOT_LENGTH)) ? bucket_of(slot + SLOT_PACKET) : NULL;
      if (buckets[i]) __builtin_prefetch(buckets[i]);
    }
    for (int i = 0; i < many; i++) {
      uint32_t next = buckets[i] ? get32(buckets[i] + 4) : 0;
      if (next) __builtin_prefetch(entries + ((size_t)(next - 1) << ENTRY_SIZE_SHIFT));
    }
    slot = slots + (size_t)first * stride;
    for (int i = 0; i < many; i++, slot += stride)
      count(slot, buckets[i] ? forward(slot, buckets[i], seconds) : DROP);
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint32_t digest(const uint8_t *slots, size_t stride, int packets) {
  uint32_t sum = 2166136261u;
  for (int i = 0; i < packets; i++) {
    const uint8_t *packet = slots + (size_t)i * stride + SLOT_PACKET;
    for (int at = 0; at < 40; at += 4) sum = (sum ^ get32(packet + at)) * 16777619u;
  }
  return sum;
}

/* as V8 makes its memory: private pages of the ordinary size */
static uint8_t *image(const char *path) {
  int fd = open(path, O_RDONLY);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) < 0) return NULL;
  size_t size = (size_t)status.st_size;
  uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return NULL;
  for (size_t done = 0; done < size;) {
    ssize_t part = read(fd, at + done, size - done);
    if (part <= 0) return NULL;
    done += (size_t)part;
  }
  close(fd);
  return at;
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: core IMAGE SLOTS STRIDE COUNT\n"), 2;
  memory = image(argv[1]);
  if (!memory) return perror(argv[1]), 1;
  uint8_t *slots = memory + atol(argv[2]);
  size_t stride = (size_t)atol(argv[3]);
  int packets = atoi(argv[4]), batch, passes;
  size_t size = stride * (size_t)packets;
  uint8_t *fresh = malloc(size);
  memcpy(fresh, slots, size);
  while (scanf("%d %d", &batch, &passes) == 2) {
    double spent = 0;
    for (int pass = 0; pass < passes; pass++) {
      memcpy(slots, fresh, size);
      double begin = now();
      if (batch < 0) pass_staged(slots, stride, packets, 1000, -batch);
      else if (batch) pass_batched(slots, stride, packets, 1000, batch);
      else pass_scalar(slots, stride, packets, 1000);
      spent += now() - begin;
    }
    printf("{\"ns\": %.3f, \"digest\": %u, \"kept\": %llu, \"bytes\": %llu}\n", spent / passes / packets,
           digest(slots, stride, packets), (unsigned long long)kept, (unsigned long long)(bytes - kept_bytes));
    fflush(stdout);
  }
  return 0;
}
