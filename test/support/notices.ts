// What systemd has for a service of Type=notify: a socket for datagrams, in a family that Node has none in.
import { socketAddress } from '../../src/host/sd-notify.ts';
import * as libc from '../../src/packet-io/libc.ts';

const UNIX_DATAGRAMS = [1, 2 | libc.O_NONBLOCK | libc.O_CLOEXEC, 0] as const;
const LIMIT = 4096;

/** Listens at a path or `@NAME`; received() takes the datagrams that wait there. */
export function listenForNotices(name: string): { received: () => string[]; close: () => void } {
  const fd = libc.socket(...UNIX_DATAGRAMS);
  const address = socketAddress(name);
  if (libc.bind(fd, address, address.length) !== 0) {
    throw new Error(`bind to ${name}: ${libc.errnoName(libc.errno())}`);
  }
  const room = libc.bytesOfItsOwn(LIMIT);
  const received = (): string[] => {
    const found: string[] = [];
    for (;;) {
      const length = libc.read(fd, libc.addressOf(room), LIMIT);
      if (length < 0) return found;
      found.push(new TextDecoder().decode(room.slice(0, length)));
    }
  };
  return { received, close: () => libc.close(fd) };
}
