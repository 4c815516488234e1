import { TcpOptions } from '../parse/tcp-options';
import {
  TCP_HEADER_SIZE,
  TCP_OPTION_SACK,
  TCP_OPTION_TIMESTAMPS,
  TCP_OPTION_TIMESTAMPS_SIZE,
} from '../wire/tcp';
import { Checksum } from './checksum';

/** Options that hold sequence numbers or clocks of the other side. Results are checksum changes. */
export class Options {
  /** SACK blocks += delta; TSecr -= offset, but 0 means "nothing to echo" and stays. */
  @inline
  static toServer(tcp: usize, end: usize, delta: u32, offset: u32): u64 {
    const first = tcp + TCP_HEADER_SIZE;
    if (end <= first) return 0;
    if (end == first + 12 && TcpOptions.timestampsAligned(tcp, end)) {
      return Options.echo(tcp, first + 8, offset);
    }
    return Options.walkToServer(tcp, end, delta, offset);
  }

  /** TSval += offset. */
  @inline
  static toClient(tcp: usize, end: usize, offset: u32): u64 {
    const first = tcp + TCP_HEADER_SIZE;
    if (end <= first) return 0;
    if (end == first + 12 && TcpOptions.timestampsAligned(tcp, end)) {
      return Options.add(tcp, first + 4, offset);
    }
    return Options.walkToClient(tcp, end, offset);
  }

  static walkToServer(tcp: usize, end: usize, delta: u32, offset: u32): u64 {
    let change: u64 = 0;
    let option = TcpOptions.next(tcp + TCP_HEADER_SIZE, end);
    while (option != 0) {
      const kind = load<u8>(option);
      const after = TcpOptions.after(option);
      if (kind == TCP_OPTION_SACK && ((after - option) & 7) == 2) {
        for (let edge = option + 2; edge < after; edge += 4) {
          change += Options.add(tcp, edge, delta);
        }
      } else if (kind == TCP_OPTION_TIMESTAMPS && after - option == TCP_OPTION_TIMESTAMPS_SIZE) {
        change += Options.echo(tcp, option + 6, offset);
      }
      option = TcpOptions.next(after, end);
    }
    return change;
  }

  static walkToClient(tcp: usize, end: usize, offset: u32): u64 {
    let change: u64 = 0;
    let option = TcpOptions.next(tcp + TCP_HEADER_SIZE, end);
    while (option != 0) {
      const after = TcpOptions.after(option);
      const size = after - option;
      if (load<u8>(option) == TCP_OPTION_TIMESTAMPS && size == TCP_OPTION_TIMESTAMPS_SIZE) {
        change += Options.add(tcp, option + 2, offset);
      }
      option = TcpOptions.next(after, end);
    }
    return change;
  }

  /**
   * A 32-bit field at any alignment; one that begins at an odd offset counts 256 times, i.e.
   * byte-swapped.
   */
  @inline
  static add(tcp: usize, field: usize, amount: u32): u64 {
    const old = load<u32>(field);
    const fresh = bswap<u32>(bswap<u32>(old) + amount);
    store<u32>(field, fresh);
    return Checksum.change32(old, fresh) << (((field - tcp) & 1) << 3);
  }

  @inline
  static echo(tcp: usize, field: usize, offset: u32): u64 {
    return load<u32>(field) == 0 ? 0 : Options.add(tcp, field, 0 - offset);
  }
}
