// Balances the packets of a capture file over servers, through the core as C (wasm2c of core-single.wasm).
// Each connection of the service stays on the server that its first packet was given. What leaves the core
// goes to the second file.
//
// balance IN.pcap OUT.pcap VIP PORT SERVER...        IPv4; captures of raw IP or of Ethernet
#include <arpa/inet.h>
#include <time.h>

#include "core.h"
#include "layout.h" /* the offsets of docs/embedding.md, made by npm run build */

enum { CONNECTIONS = 65536, SERVERS = 16, RING = 4096, PAGE = 65536, LINK_ETHERNET = 1, LINK_RAW = 101 };

static wasm_rt_memory_t memory;
static w2c_core core;

wasm_rt_memory_t* w2c_env_memory(struct w2c_env* environment) {
  (void)environment;
  return &memory;
}

static uint32_t word(uint32_t at) {
  uint32_t value;
  memcpy(&value, memory.data + at, 4);
  return value;
}

static void set_word(uint32_t at, uint32_t value) { memcpy(memory.data + at, &value, 4); }

static uint32_t end_of_map = SERVICES_BASE;

/* A part of the memory map, behind all others. */
static uint32_t place(uint32_t size) {
  uint32_t base = (end_of_map + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  end_of_map = base + size;
  return base;
}

static void lay_out(uint32_t vip, uint16_t port) {
  uint32_t services = place(SERVICE_SIZE), leases = place(LEASE_COUNT * LEASE_SIZE);
  uint32_t worker = place(WORKER_SIZE), to_control = place(RING), from_control = place(RING);
  uint32_t slots = place(SLOT_SIZE), buckets = place(CONNECTIONS * BUCKET_SIZE);
  uint32_t entries = (place(CONNECTIONS * ENTRY_SIZE + ENTRY_SIZE) + ENTRY_SIZE - 1) / ENTRY_SIZE * ENTRY_SIZE;
  uint32_t records = (place(CONNECTIONS * RECORD_SIZE + RECORD_SIZE) + RECORD_SIZE - 1) / RECORD_SIZE * RECORD_SIZE;
  memory.pages = memory.max_pages = (end_of_map + PAGE - 1) / PAGE;
  memory.size = memory.pages * PAGE;
  memory.data = aligned_alloc(PAGE, memory.size);
  memset(memory.data, 0, memory.size);
  set_word(HEADER_LAYOUT_VERSION, LAYOUT_VERSION);
  set_word(HEADER_ROLE, ROLE_SWITCH);
  set_word(HEADER_BUCKET_COUNT, CONNECTIONS);
  set_word(HEADER_BUCKET_BASE, buckets);
  set_word(HEADER_ENTRY_COUNT, CONNECTIONS);
  set_word(HEADER_ENTRY_BASE, entries);
  set_word(HEADER_RECORD_BASE, records);
  set_word(HEADER_WORKER_COUNT, 1);
  set_word(HEADER_WORKER_BASE, worker);
  set_word(HEADER_SERVICE_COUNT, 1);
  set_word(HEADER_SERVICE_BASE, services);
  set_word(HEADER_LEASE_BASE, leases);
  set_word(HEADER_NEXT_OWNER, 1);
  set_word(HEADER_HALF_OPEN_LIMIT, 1);
  uint64_t seed = (uint64_t)time(NULL) * 0x9e3779b97f4a7c15u; /* a server on the net takes getrandom(2) */
  memcpy(memory.data + HEADER_HASH_SEED, &seed, 8);
  seed = seed * seed | 1;
  memcpy(memory.data + HEADER_HASH_SEED + 8, &seed, 8);
  memcpy(memory.data + services + SERVICE_ADDRESS, &vip, 4);
  memcpy(memory.data + services + SERVICE_VIP, &vip, 4);
  memcpy(memory.data + services + SERVICE_PORT, &port, 2);
  memory.data[services + SERVICE_FAMILY] = 4;
  set_word(worker + WORKER_OWNER, 1);
  set_word(worker + WORKER_SLOT_BASE, slots);
  set_word(worker + WORKER_SLOT_COUNT, 1);
  set_word(worker + WORKER_SLOT_STRIDE, SLOT_SIZE);
  set_word(worker + WORKER_TO_CONTROL_BASE, to_control);
  set_word(worker + WORKER_TO_CONTROL_SIZE, RING);
  set_word(worker + WORKER_FROM_CONTROL_BASE, from_control);
  set_word(worker + WORKER_FROM_CONTROL_SIZE, RING);
}

/* The connection of a packet for the service gets an entry, unless it has one; its server, or -1. */
static int connect_packet(const uint8_t* packet, uint32_t owner, const uint32_t* servers, uint32_t count) {
  uint8_t* tuple = memory.data + CONTROL_TUPLE;
  const uint8_t* tcp = packet + (packet[0] & 15) * 4;
  memset(tuple, 0, TUPLE_SIZE);
  memcpy(tuple + TUPLE_CLIENT_ADDRESS, packet + 12, 4);
  memcpy(tuple + TUPLE_LOCAL_ADDRESS, packet + 16, 4);
  memcpy(tuple + TUPLE_CLIENT_PORT, tcp, 4); /* both ports */
  tuple[TUPLE_FAMILY] = 4;
  uint32_t server = w2c_core_steer(&core, CONTROL_TUPLE) % count;
  if (w2c_core_lookup(&core, CONTROL_TUPLE) != NO_ENTRY) return (int)server;
  uint8_t* template = memory.data + CONTROL_TEMPLATE;
  memset(template, 0, TEMPLATE_SIZE);
  set_word(CONTROL_TEMPLATE + ENTRY_STATE, STATE_FORWARD);
  memcpy(template + ENTRY_CLIENT_ADDRESS4, packet + 12, 8);
  memcpy(template + ENTRY_CLIENT_PORT, tcp, 4);
  memcpy(template + ENTRY_SERVER_ADDRESS4, &servers[server], 4);
  memcpy(template + ENTRY_SERVER_PORT, tcp + 2, 2);
  return w2c_core_insert(&core, owner, CONTROL_TEMPLATE) < CONNECTIONS ? (int)server : -1;
}

typedef struct {
  uint32_t seconds, fraction, captured, length;
} PacketHeader;

int main(int count, char** words) {
  if (count < 6) return fprintf(stderr, "balance IN.pcap OUT.pcap VIP PORT SERVER...\n"), 2;
  FILE *in = fopen(words[1], "rb"), *out = fopen(words[2], "wb");
  if (!in || !out) return perror(in ? words[2] : words[1]), 1;
  uint32_t file[6], servers[SERVERS], vip = inet_addr(words[3]), server_count = 0;
  uint16_t port = htons((uint16_t)atoi(words[4]));
  for (int at = 5; at < count && server_count < SERVERS; at += 1) servers[server_count++] = inet_addr(words[at]);
  if (fread(file, sizeof(file), 1, in) != 1) return fprintf(stderr, "%s: no capture\n", words[1]), 1;
  uint32_t skipped = file[5] == LINK_ETHERNET ? 14 : 0;
  if (file[5] != LINK_ETHERNET && file[5] != LINK_RAW) return fprintf(stderr, "link type %u\n", file[5]), 1;
  file[5] = LINK_RAW;
  fwrite(file, sizeof(file), 1, out);

  lay_out(vip, port);
  wasm2c_core_instantiate(&core, NULL);
  w2c_core_initialise(&core);
  uint32_t owner = w2c_core_nextOwner(&core), slot = word(word(HEADER_WORKER_BASE) + WORKER_SLOT_BASE);
  unsigned long sent = 0, others = 0, to_server[SERVERS] = {0};
  for (PacketHeader header; fread(&header, sizeof(header), 1, in) == 1;) {
    uint8_t frame[SLOT_PACKET_LIMIT];
    if (header.captured > sizeof(frame) || fread(frame, header.captured, 1, in) != 1) break;
    const uint8_t* packet = frame + skipped;
    uint32_t length = header.captured - skipped;
    int server = -1;
    bool is_ours = header.captured >= skipped + 40 && packet[0] >> 4 == 4 && packet[9] == 6 &&
                   memcmp(packet + 16, &vip, 4) == 0 && memcmp(packet + (packet[0] & 15) * 4 + 2, &port, 2) == 0;
    if (is_ours) server = connect_packet(packet, owner, servers, server_count);
    if (server < 0) {
      others += 1;
      continue;
    }
    memset(memory.data + slot, 0, SLOT_PACKET);
    memcpy(memory.data + slot + SLOT_PACKET, packet, length);
    set_word(slot + SLOT_LENGTH, length);
    if (w2c_core_forward(&core, 0, 1, (double)header.seconds * 1000) == 0) {
      others += 1;
      continue;
    }
    header.captured = header.length = word(slot + SLOT_LENGTH);
    fwrite(&header, sizeof(header), 1, out);
    fwrite(memory.data + slot + SLOT_PACKET, header.captured, 1, out);
    to_server[server] += 1;
    sent += 1;
  }
  if (fclose(out) != 0) return perror(words[2]), 1;
  printf("forwarded %lu, not ours or dropped %lu\n", sent, others);
  for (uint32_t at = 0; at < server_count; at += 1) printf("%s %lu\n", words[5 + at], to_server[at]);
  return 0;
}
