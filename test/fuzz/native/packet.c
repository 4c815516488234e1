// Up to four packets in a row through a switch or an agent with one connection in each state.
//
// Input: mode, seed, then packets: length (u16, little endian), bytes. Each input begins with the same
// memory. It is run twice with other bytes behind the packets: what is not of a packet must not count.
#include "target.h"

enum { AGENT = 1, CHECKSUMS = 2, VNET = 4, HELD = 8, COOKIE = 16, BATCH = 32 };
enum { MOST = 4, GUARD = 64 };

typedef struct {
  uint32_t count, leaving;
  uint32_t verdict[MOST], length[MOST];
  bool isSound[MOST];
  uint8_t packet[MOST][SLOT_PACKET_LIMIT];
} Outcome;

static uint8_t images[2][MEMORY_SIZE];
static Outcome outcomes[2];
static int present = -1;

static void prepare(void) {
  load_image("FUZZ_SWITCH", images[0]);
  load_image("FUZZ_AGENT", images[1]);
}

/* Only what calls write: the control buffer and the slots are as they were, or are written anew. */
static void restore(int role) {
  const uint8_t* image = images[role];
  if (present != role) {
    memcpy(bytes, image, MEMORY_SIZE);
    present = role;
  }
  uint32_t slots = word(word(HEADER_WORKER_BASE) + WORKER_SLOT_BASE);
  uint32_t table = word(HEADER_BUCKET_BASE);
  uint32_t end = word(HEADER_RECORD_BASE) + word(HEADER_ENTRY_COUNT) * RECORD_SIZE;
  memcpy(bytes, image, CONTROL_BUFFER);
  memcpy(bytes + SERVICES_BASE, image + SERVICES_BASE, slots - SERVICES_BASE);
  memcpy(bytes + table, image + table, end - table);
}

static uint32_t slot_of(uint32_t index) {
  uint32_t worker = word(HEADER_WORKER_BASE);
  return word(worker + WORKER_SLOT_BASE) + index * word(worker + WORKER_SLOT_STRIDE);
}

/* Turns an ACK of a packet into one that answers a SYN-ACK of ours. */
static void acknowledge_cookie(uint8_t* packet, uint32_t length) {
  bool six = length >= 60 && packet[0] >> 4 == 6;
  if (!six && (length < 40 || packet[0] != 0x45)) return;
  uint8_t* tcp = packet + (six ? 40 : 20);
  uint32_t size = six ? 16 : 4;
  uint8_t* tuple = bytes + CONTROL_TUPLE;
  memset(tuple, 0, TUPLE_SIZE);
  memcpy(tuple + TUPLE_CLIENT_ADDRESS, packet + (six ? 8 : 12), size);
  memcpy(tuple + TUPLE_LOCAL_ADDRESS, packet + (six ? 24 : 16), size);
  memcpy(tuple + TUPLE_CLIENT_PORT, tcp, 2);
  memcpy(tuple + TUPLE_LOCAL_PORT, tcp + 2, 2);
  tuple[TUPLE_FAMILY] = six ? 6 : 4;
  uint32_t sequence;
  memcpy(&sequence, tcp + 4, 4);
  uint32_t isn = __builtin_bswap32(sequence) - 1;
  uint32_t epoch = word(HEADER_COOKIE_EPOCH);
  uint32_t cookie = w2c_core_cookieMake(&core, CONTROL_TUPLE, isn, 1460, 7, OPTION_SACK, epoch);
  uint32_t ack = __builtin_bswap32(cookie + 1);
  memcpy(tcp + 8, &ack, 4);
}

static void load_packet(uint32_t slot, const uint8_t* from, uint32_t length, int mode, uint8_t fill) {
  uint8_t* packet = bytes + slot + SLOT_PACKET;
  memset(bytes + slot, 0, SLOT_PACKET);
  if (mode & VNET && length >= VNET_SIZE) {
    memcpy(bytes + slot + SLOT_VNET, from, VNET_SIZE);
    from += VNET_SIZE;
    length -= VNET_SIZE;
  }
  memcpy(packet, from, length);
  memset(packet + length, fill, 2 * GUARD);
  put_word(slot + SLOT_LENGTH, length);
  if (mode & COOKIE) acknowledge_cookie(packet, length);
  if (mode & CHECKSUMS && length >= 40) w2c_core_checksumPacket(&core, slot + SLOT_PACKET, length);
}

static void keep(Outcome* outcome, uint32_t index, uint32_t verdict) {
  uint32_t slot = slot_of(index % MOST);
  uint32_t length = word(slot + SLOT_LENGTH);
  uint32_t kind = verdict & 0xff;
  CHECK(kind <= VERDICT_TO_CONTROL);
  CHECK((kind == VERDICT_DROP) == (verdict >> 8 != 0));
  CHECK(verdict >> 8 < DROP_REASON_LIMIT);
  CHECK(length <= SLOT_PACKET_LIMIT);
  outcome->verdict[index] = verdict;
  outcome->length[index] = length;
  if (kind != VERDICT_FORWARD && kind != VERDICT_ANSWER) return;
  memcpy(outcome->packet[index], bytes + slot + SLOT_PACKET, length);
  /* a packet that came in right leaves right */
  if (outcome->isSound[index]) CHECK(w2c_core_verifyPacket(&core, slot + SLOT_PACKET, length) == 1);
}

/* Every bucket unlocked, every chain short and of linked entries, none lost. */
static void check_table(void) {
  uint32_t buckets = word(HEADER_BUCKET_COUNT), entries = word(HEADER_ENTRY_COUNT), linked = 0;
  for (uint32_t index = 0; index < buckets; index += 1) {
    uint32_t bucket = word(HEADER_BUCKET_BASE) + index * BUCKET_SIZE;
    CHECK((word(bucket + BUCKET_VERSION) & VERSION_LOCKED) == 0);
    uint32_t next = word(bucket + BUCKET_HEAD);
    while (next != 0) {
      CHECK(next <= entries && linked < entries);
      uint32_t entry = word(HEADER_ENTRY_BASE) + (next - 1) * ENTRY_SIZE;
      CHECK((word(entry + ENTRY_STATE) & 0xff) >= STATE_GATHERING);
      CHECK((word(entry + ENTRY_STATE) & 0xff) <= STATE_CLOSED);
      linked += 1;
      next = word(entry + ENTRY_NEXT);
    }
  }
  CHECK(linked + word(HEADER_FREE_COUNT) == entries);
  CHECK(word(HEADER_FREE_LOCK) == 0);
}

static void check_counters(const Outcome* outcome) {
  uint32_t counters = word(HEADER_WORKER_BASE) + WORKER_COUNTERS, drops = 0;
  for (uint32_t reason = 0; reason < DROP_REASON_LIMIT; reason += 1) {
    drops += word(counters + (COUNTER_DROPS + reason) * 8);
  }
  CHECK(word(counters + COUNTER_RECEIVED * 8) == outcome->count);
  uint32_t leaving = word(counters + COUNTER_FORWARDED * 8) + word(counters + COUNTER_ANSWERED * 8);
  CHECK(leaving + word(counters + COUNTER_TO_CONTROL * 8) + drops == outcome->count);
  CHECK(leaving == outcome->leaving);
}

static void once(const uint8_t* input, size_t size, uint8_t fill, Outcome* outcome) {
  int mode = input[0];
  double nowMs = 1000000.0 + (input[1] >> 4) * 7000.0;
  uint32_t held = input[1] & 15;
  restore(mode & AGENT);
  size_t at = 2;
  outcome->count = 0;
  outcome->leaving = 0;
  while (outcome->count < MOST && at + 2 < size) {
    uint32_t length = input[at] | (uint32_t)input[at + 1] << 8, left = (uint32_t)(size - at - 2);
    if (length > left) length = left;
    if (length > SLOT_PACKET_LIMIT - 2 * GUARD) length = SLOT_PACKET_LIMIT - 2 * GUARD;
    uint32_t index = outcome->count++, slot = slot_of(index);
    load_packet(slot, input + at + 2, length, mode, fill);
    at += 2 + length;
    uint32_t real = word(slot + SLOT_LENGTH);
    bool sound = !(mode & VNET) && w2c_core_verifyPacket(&core, slot + SLOT_PACKET, real) == 1;
    outcome->isSound[index] = sound;
    if (mode & BATCH) continue;
    if (index > 0) memcpy(bytes + slot_of(0), bytes + slot, SLOT_PACKET + real + 2 * GUARD);
    if (mode & HELD) {
      uint32_t verdict = w2c_core_forwardHeld(&core, 0, slot_of(0), held, nowMs);
      CHECK((verdict & 0xff) <= VERDICT_TO_CONTROL);
      outcome->verdict[index] = verdict;
      outcome->length[index] = 0;
      continue;
    }
    outcome->leaving += w2c_core_forward(&core, 0, 1, nowMs + index);
    memcpy(bytes + slot, bytes + slot_of(0), SLOT_PACKET + word(slot_of(0) + SLOT_LENGTH));
    keep(outcome, index, word(slot_of(0) + SLOT_VERDICT));
  }
  if (mode & BATCH && !(mode & HELD)) {
    outcome->leaving = w2c_core_forward(&core, 0, outcome->count, nowMs);
    for (uint32_t index = 0; index < outcome->count; index += 1) {
      keep(outcome, index, word(slot_of(index) + SLOT_VERDICT));
    }
  }
  if (!(mode & HELD)) check_counters(outcome);
  check_table();
}

static void run(const uint8_t* input, size_t size) {
  if (size < 2) return;
  once(input, size, 0xa5, &outcomes[0]);
  once(input, size, 0x5a, &outcomes[1]);
  if (input[0] & HELD) return;
  CHECK(outcomes[0].leaving == outcomes[1].leaving);
  for (uint32_t index = 0; index < outcomes[0].count; index += 1) {
    uint32_t length = outcomes[0].length[index], kind = outcomes[0].verdict[index] & 0xff;
    CHECK(outcomes[0].verdict[index] == outcomes[1].verdict[index]);
    if (kind != VERDICT_FORWARD && kind != VERDICT_ANSWER) continue;
    CHECK(length == outcomes[1].length[index]);
    CHECK(memcmp(outcomes[0].packet[index], outcomes[1].packet[index], length) == 0);
  }
}
