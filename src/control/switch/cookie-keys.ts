import { createHmac } from 'node:crypto';
import { HEADER_COOKIE_EPOCH, HEADER_COOKIE_KEYS } from '../../../assembly/layout.ts';

/** Length of an epoch of the SYN cookies. */
export const COOKIE_EPOCH_MS = 64_000;
const KEY_SIZE = 16;

/** The memory that the core works in. */
interface Memory {
  memory: { buffer: ArrayBufferLike };
}

/**
 * Writes the keys of the previous, the present and the next epoch, then the epoch itself: to be
 * called at start and whenever an epoch begins (more often does no harm). The same master key and
 * wall clock give the same keys on every switch of a group, and after a restart.
 */
export function writeCookieKeys(core: Memory, masterKey: Uint8Array, wallMs: number): void {
  const bytes = new Uint8Array(core.memory.buffer);
  const now = Math.floor(wallMs / COOKIE_EPOCH_MS);
  for (const epoch of [now - 1, now, now + 1]) {
    bytes.set(epochKey(masterKey, epoch), HEADER_COOKIE_KEYS + (epoch & 3) * KEY_SIZE);
  }
  new DataView(core.memory.buffer).setUint32(HEADER_COOKIE_EPOCH, now >>> 0, true);
}

/** First 16 bytes of HMAC-SHA-256(master key, epoch as 8 bytes in network order). */
export function epochKey(masterKey: Uint8Array, epoch: number): Uint8Array {
  const message = new Uint8Array(8);
  new DataView(message.buffer).setBigUint64(0, BigInt(epoch));
  return createHmac('sha256', masterKey).update(message).digest().subarray(0, KEY_SIZE);
}
