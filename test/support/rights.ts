// What this user may do here, for tests of what not every kernel allows to everybody.
import { closeSync, openSync } from 'node:fs';

export const NO_TUN = '/dev/net/tun can not be opened';

export function canOpenTun(): boolean {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    return true;
  } catch {
    return false;
  }
}
