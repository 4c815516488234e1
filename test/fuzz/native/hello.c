// The ClientHello parser. The bytes lie at the very end of the memory: a byte read behind them traps.
#include "target.h"

static void prepare(void) { load_image("FUZZ_SWITCH", bytes); }

static int32_t parse(const uint8_t* input, size_t size) {
  return (int32_t)w2c_core_parseHello(&core, place_at_end(input, size), (uint32_t)size, CONTROL_HEAD);
}

static void run(const uint8_t* input, size_t size) {
  if (size > HEAD_LIMIT + 64) size = HEAD_LIMIT + 64;
  int32_t length = parse(input, size);
  CHECK(length <= (int32_t)size);
  if (length < 0) {
    CHECK(length > -64);
    return;
  }
  if (length == 0) return;
  uint32_t limit = word(CONTROL_HEAD + HELLO_LENGTH);
  CHECK(limit <= (uint32_t)length);
  within(HELLO_NAME_OFFSET, HELLO_NAME_LENGTH, limit);
  within(HELLO_SESSION_OFFSET, HELLO_SESSION_LENGTH, limit);
  within(HELLO_TICKET_OFFSET, HELLO_TICKET_LENGTH, limit);
  within(HELLO_PROTOCOLS_OFFSET, HELLO_PROTOCOLS_LENGTH, limit);
  static uint8_t found[HELLO_SIZE];
  memcpy(found, bytes + CONTROL_HEAD, HELLO_SIZE);
  CHECK(parse(input, (uint32_t)length) == length);
  CHECK(memcmp(found, bytes + CONTROL_HEAD, HELLO_SIZE) == 0);
  CHECK(parse(input, (uint32_t)length - 1) == 0);
}
