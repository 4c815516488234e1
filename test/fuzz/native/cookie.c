// SYN cookies: what is made is accepted and says what it was made of; anything else says nothing odd.
#include "target.h"

typedef struct {
  uint8_t tuple[TUPLE_SIZE];
  uint32_t isn, other;
  uint16_t mss;
  uint8_t scale, options, epoch, flips;
} Input;

static void prepare(void) { load_image("FUZZ_SWITCH", bytes); }

static void run(const uint8_t* data, size_t size) {
  Input input;
  if (size < sizeof input) return;
  memcpy(&input, data, sizeof input);
  memcpy(bytes + CONTROL_TUPLE, input.tuple, TUPLE_SIZE);
  bytes[CONTROL_TUPLE + TUPLE_FAMILY] = input.tuple[TUPLE_FAMILY] & 1 ? 6 : 4;
  uint32_t now = word(HEADER_COOKIE_EPOCH);
  uint32_t epoch = now + input.epoch % 3 - 1;
  uint32_t scale = input.scale & 15, options = input.options & 3;
  uint32_t isn = w2c_core_cookieMake(&core, CONTROL_TUPLE, input.isn, input.mss, scale, options, epoch);
  uint32_t read = w2c_core_cookieCheck(&core, CONTROL_TUPLE, input.isn, isn);
  CHECK(read >> 31 == 1);
  CHECK((read & 0xffff) <= input.mss || (read & 0xffff) == 536);
  CHECK((read >> 24 & OPTION_SACK) == (options & OPTION_SACK));
  w2c_core_steer(&core, CONTROL_TUPLE);
  w2c_core_lookup(&core, CONTROL_TUPLE);
  read = w2c_core_cookieCheck(&core, CONTROL_TUPLE, input.isn, input.other);
  if (read == 0) return;
  CHECK(read >> 31 == 1);
  read &= 0xffff;
  CHECK(read == 536 || read == 1300 || read == 1440 || read == 1460);
}
