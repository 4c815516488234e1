/** What one simulated kernel does differently from another; times in ms as Linux has them. */
export interface KernelOptions {
  timestamps: boolean;
  sack: boolean;
  /** window scale to offer, NO_SCALE = option not sent */
  scale: number;
  mss: number;
  /** bytes that the receiving side buffers */
  receiveBuffer: number;
  delayedAckMs: number;
  minRtoMs: number;
  synRetries: number;
  synAckRetries: number;
  retries: number;
  orphanRetries: number;
  timeWaitMs: number;
  finWait2Ms: number;
}

export const NO_SCALE = -1;

export const LINUX: KernelOptions = {
  timestamps: true,
  sack: true,
  scale: 7,
  mss: 1460,
  receiveBuffer: 262144,
  delayedAckMs: 40,
  minRtoMs: 200,
  synRetries: 6,
  synAckRetries: 5,
  retries: 15,
  orphanRetries: 8,
  timeWaitMs: 60_000,
  finWait2Ms: 60_000,
};

export const INITIAL_RTO_MS = 1000; // RFC 6298 (2.1)
export const MAX_RTO_MS = 120_000;
/**
 * Linux answers invalid segments of a socket with at most one ACK in this time (RFC 5961 section
 * 10).
 */
export const INVALID_RATE_MS = 500;
