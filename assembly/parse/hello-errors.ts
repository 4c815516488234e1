// Why a ClientHello is refused: ClientHello.parse returns the negative of one of these.

export const HELLO_ERROR_NOT_TLS = 1; // the first bytes begin no handshake record of TLS
export const HELLO_ERROR_TOO_LONG = 2; // more than HEAD_LIMIT bytes
export const HELLO_ERROR_RECORD = 3; // empty, too long, of another type, or goes on behind the message
export const HELLO_ERROR_MESSAGE = 4; // the first handshake message is no ClientHello
export const HELLO_ERROR_FORMAT = 5; // a length that leads out of what contains it, a count that cannot be
export const HELLO_ERROR_TWICE = 6; // an extension that is looked at, twice
export const HELLO_ERROR_NAME = 7; // not exactly one host name, or bytes that none has
