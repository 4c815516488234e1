import { SCALE_NONE } from '../layout';
import {
  TCP_HEADER_SIZE,
  TCP_OPTION_END,
  TCP_OPTION_MSS,
  TCP_OPTION_MSS_SIZE,
  TCP_OPTION_NOP,
  TCP_OPTION_SACK_PERMITTED,
  TCP_OPTION_SACK_PERMITTED_SIZE,
  TCP_OPTION_TIMESTAMPS,
  TCP_OPTION_TIMESTAMPS_SIZE,
  TCP_OPTION_WINDOW_SCALE,
  TCP_OPTION_WINDOW_SCALE_SIZE,
  TCP_TIMESTAMPS_ALIGNED,
  TCP_WINDOW_SCALE_MAX,
} from '../wire/tcp';

const OPTION_LENGTH: usize = 1;
const OPTION_VALUE: usize = 2;

/**
 * TCP options between the fixed header and `end`, the end of the TCP header (RFC 9293 section 3.2).
 * The list ends at an option whose length cannot be; what stood before it counts, as in Linux.
 */
export class TcpOptions {
  /**
   * The option at or behind `option`, NOPs skipped; 0 = no further one. Its whole length is below
   * `end`.
   */
  static next(option: usize, end: usize): usize {
    while (option < end && load<u8>(option) == TCP_OPTION_NOP) option++;
    if (option + 2 > end || load<u8>(option) == TCP_OPTION_END) return 0;
    const length = <usize>load<u8>(option, OPTION_LENGTH);
    return length < 2 || option + length > end ? 0 : option;
  }

  /** Address behind an option that next() gave. */
  @inline
  static after(option: usize): usize {
    return option + <usize>load<u8>(option, OPTION_LENGTH);
  }

  /** First option of that kind and length; 0 = none. */
  static find(tcp: usize, end: usize, kind: u32, length: u32): usize {
    let option = TcpOptions.next(tcp + TCP_HEADER_SIZE, end);
    while (option != 0) {
      if (load<u8>(option) == kind && load<u8>(option, OPTION_LENGTH) == length) return option;
      option = TcpOptions.next(TcpOptions.after(option), end);
    }
    return 0;
  }

  /** True for the form that nearly every segment has: NOP NOP timestamps first. */
  @inline
  static timestampsAligned(tcp: usize, end: usize): bool {
    return (
      end >= tcp + TCP_HEADER_SIZE + 12 &&
      load<u32>(tcp + TCP_HEADER_SIZE) == TCP_TIMESTAMPS_ALIGNED
    );
  }

  /** Address of TSval, TSecr follows; 0 = none. */
  @inline
  static timestamps(tcp: usize, end: usize): usize {
    if (TcpOptions.timestampsAligned(tcp, end)) return tcp + TCP_HEADER_SIZE + 4;
    if (end <= tcp + TCP_HEADER_SIZE) return 0;
    const option = TcpOptions.find(tcp, end, TCP_OPTION_TIMESTAMPS, TCP_OPTION_TIMESTAMPS_SIZE);
    return option == 0 ? 0 : option + OPTION_VALUE;
  }

  /** Bytes; 0 = none. */
  static mss(tcp: usize, end: usize): u32 {
    const option = TcpOptions.find(tcp, end, TCP_OPTION_MSS, TCP_OPTION_MSS_SIZE);
    return option == 0 ? 0 : <u32>bswap<u16>(load<u16>(option, OPTION_VALUE));
  }

  /** Shift count, at most 14 (RFC 7323 section 2.3); SCALE_NONE = not offered. */
  static windowScale(tcp: usize, end: usize): u32 {
    const kind = TCP_OPTION_WINDOW_SCALE;
    const option = TcpOptions.find(tcp, end, kind, TCP_OPTION_WINDOW_SCALE_SIZE);
    if (option == 0) return SCALE_NONE;
    const shift = <u32>load<u8>(option, OPTION_VALUE);
    return min<u32>(shift, TCP_WINDOW_SCALE_MAX);
  }

  static sackPermitted(tcp: usize, end: usize): bool {
    const kind = TCP_OPTION_SACK_PERMITTED;
    return TcpOptions.find(tcp, end, kind, TCP_OPTION_SACK_PERMITTED_SIZE) != 0;
  }
}
