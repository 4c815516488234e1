import type { Mistake } from './mistakes.ts';

/** A mistake that the fuzzer must find, in the target that it names. */
export interface FuzzMistake extends Mistake {
  target: string;
}

function mistake(
  target: string,
  name: string,
  file: string,
  find: string,
  replace: string,
): FuzzMistake {
  return { target, name, changes: [{ file, find, replace }] };
}

/** Bounds that are wrong, and answers that are. */
export const FUZZ_MISTAKES: FuzzMistake[] = [
  mistake(
    'packet',
    'an IP length that may be more than what came',
    'assembly/parse/packet.ts',
    'if (total > length) return DROP_TOO_SHORT;\n    if (total < <u32>IPV4_HEADER_SIZE)',
    'if (total < <u32>IPV4_HEADER_SIZE)',
  ),
  mistake(
    'head',
    'a version that is read to its end before it is there',
    'assembly/parse/request-head.ts',
    'if (there == 8) return 0;',
    '',
  ),
  mistake(
    'hello',
    'an extension that may end behind its message',
    'assembly/parse/client-hello.ts',
    'if (size > end - at) return HELLO_ERROR_FORMAT;',
    'if (size > end - at + 2) return HELLO_ERROR_FORMAT;',
  ),
  mistake(
    'cookie',
    'a segment size that is more than the client offered',
    'assembly/answer/cookie.ts',
    'mss >= 1440 ? 2',
    'mss >= 1430 ? 2',
  ),
  mistake(
    'frame',
    'a field that may end behind its frame',
    'src/channel/bytes.ts',
    'if (size > this.left) return -1;',
    'if (size > this.left + 1) return -1;',
  ),
];
