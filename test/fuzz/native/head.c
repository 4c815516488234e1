// The request-head parser. The head lies at the very end of the memory: a byte read behind it traps.
#include "target.h"

static void prepare(void) { load_image("FUZZ_SWITCH", bytes); }

static int32_t parse(const uint8_t* input, size_t size) {
  return (int32_t)w2c_core_parseHead(&core, place_at_end(input, size), (uint32_t)size, CONTROL_HEAD);
}

static void run(const uint8_t* input, size_t size) {
  if (size > HEAD_LIMIT + 64) size = HEAD_LIMIT + 64;
  int32_t length = parse(input, size);
  CHECK(length <= (int32_t)size);
  CHECK(length <= (int32_t)HEAD_LIMIT);
  if (length < 0) {
    CHECK(length > -64);
    return;
  }
  if (length == 0) return;
  uint32_t limit = (uint32_t)length;
  CHECK(word(CONTROL_HEAD + HEAD_LENGTH) == limit);
  within(HEAD_METHOD_OFFSET, HEAD_METHOD_LENGTH, limit);
  within(HEAD_TARGET_OFFSET, HEAD_TARGET_LENGTH, limit);
  within(HEAD_PATH_OFFSET, HEAD_PATH_LENGTH, limit);
  within(HEAD_QUERY_OFFSET, HEAD_QUERY_LENGTH, limit);
  within(HEAD_HOST_OFFSET, HEAD_HOST_LENGTH, limit);
  uint32_t count = word(CONTROL_HEAD + HEAD_HEADER_COUNT);
  CHECK(count <= HEAD_HEADER_LIMIT);
  for (uint32_t index = 0; index < count; index += 1) {
    uint32_t header = HEAD_HEADERS + index * HEAD_HEADER_SIZE;
    within(header, header + 2, limit);
    within(header + 4, header + 6, limit);
    CHECK(half(CONTROL_HEAD + header + 2) > 0);
  }
  static uint8_t found[HEAD_SIZE];
  memcpy(found, bytes + CONTROL_HEAD, HEAD_SIZE);
  /* what follows a head changes nothing in it, and no part of a good head is a head or is refused */
  CHECK(parse(input, limit) == length);
  CHECK(memcmp(found, bytes + CONTROL_HEAD, HEAD_HEADERS + count * HEAD_HEADER_SIZE) == 0);
  CHECK(parse(input, limit - 1) == 0);
  CHECK(parse(input, input[limit / 2] % limit) == 0);
}
