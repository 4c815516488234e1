// TLS alerts (RFC 8446 section 6, the same in TLS 1.0 to 1.2): what a client is told that no server gets.

export const ALERT_UNEXPECTED_MESSAGE = 10;
export const ALERT_RECORD_OVERFLOW = 22;
export const ALERT_ILLEGAL_PARAMETER = 47;
export const ALERT_DECODE_ERROR = 50;
export const ALERT_INTERNAL_ERROR = 80;
export const ALERT_UNRECOGNIZED_NAME = 112;

const FATAL = 2;

/** A record with one fatal alert. */
export function alertBytes(description: number): Uint8Array {
  return Uint8Array.of(21, 3, 3, 0, 2, FATAL, description);
}
