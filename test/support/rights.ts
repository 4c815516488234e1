// What this user may do here, for tests of what not every kernel allows to everybody.
import { Assembler } from '../../src/packet-io/bpf/assembler.ts';
import { XDP, loadProgram } from '../../src/packet-io/bpf/calls.ts';
import * as libc from '../../src/packet-io/libc.ts';
import { closeSync, openSync, readFileSync } from 'node:fs';

export const NO_TUN = '/dev/net/tun can not be opened';

export function canOpenTun(): boolean {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    return true;
  } catch {
    return false;
  }
}

export const NO_BPF = 'BPF programs can not be loaded';

export function canLoadBpf(): boolean {
  try {
    const code = new Assembler().do('move', 'r0', 0).exit().bytes();
    libc.close(loadProgram(XDP, code));
    return true;
  } catch {
    return false;
  }
}

export const ONE_USER = 'sshd needs another user, and these namespaces have one';

/** More users than the one who made the user namespace (user_namespaces(7), uid_map). */
export function hasOtherUsers(): boolean {
  const [, , count] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
  return Number(count) > 1;
}
