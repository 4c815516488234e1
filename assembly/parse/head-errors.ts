// Why a request head is refused: RequestHead.parse returns the negative of one of these.

export const HEAD_ERROR_TOO_LONG = 1; // more than HEAD_LIMIT bytes or HEAD_HEADER_LIMIT fields
export const HEAD_ERROR_METHOD = 2; // empty, too long, or a byte that no token has
export const HEAD_ERROR_CONNECT = 3; // CONNECT asks for a tunnel, not for a resource
export const HEAD_ERROR_TARGET = 4; // no request target, or a byte that none has
export const HEAD_ERROR_USERINFO = 5; // "user@" before the host
export const HEAD_ERROR_FRAGMENT = 6; // "#" in the request target
export const HEAD_ERROR_VERSION = 7; // not HTTP/1.0 or HTTP/1.1, or none at all
export const HEAD_ERROR_LINE_END = 8; // CR without LF, or LF without CR
export const HEAD_ERROR_FOLD = 9; // a line that begins with a blank
export const HEAD_ERROR_NAME = 10; // empty, no colon, or a byte that no token has
export const HEAD_ERROR_SPACE_BEFORE_COLON = 11; // between field name and colon
export const HEAD_ERROR_VALUE = 12; // control byte in a field value
export const HEAD_ERROR_HOST_MISSING = 13; // HTTP/1.1 without Host
export const HEAD_ERROR_HOST_TWICE = 14; // more than one Host
export const HEAD_ERROR_HOST = 15; // Host that is empty or no host with an optional port
export const HEAD_ERROR_HOST_DIFFERS = 16; // Host and the target's authority name different hosts
export const HEAD_ERROR_CONTENT_LENGTH = 17; // not a plain decimal number, or given twice
export const HEAD_ERROR_TRANSFER_ENCODING = 18; // "chunked" not once and last; HTTP/1.0
export const HEAD_ERROR_BOTH_LENGTHS = 19; // Content-Length and Transfer-Encoding
export const HEAD_ERROR_ESCAPE = 20; // a "%" in the path without two hexadecimal digits, or %00
