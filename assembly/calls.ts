// What calls of the core take and what its parsers find, for both compilers (asc and tsc): plain integer
// constants, as in layout.ts.

// The tuple of a connection as calls from TypeScript give it (40 bytes)
export const TUPLE_CLIENT_ADDRESS = 0; // 16 bytes (n); IPv4 in the first four, the others 0
export const TUPLE_LOCAL_ADDRESS = 16; // 16 bytes (n)
export const TUPLE_CLIENT_PORT = 32; // u16 (n)
export const TUPLE_LOCAL_PORT = 34; // u16 (n)
export const TUPLE_FAMILY = 36; // u8: 4 or 6
export const TUPLE_SIZE = 40;

// What update() takes from the template
export const UPDATE_STATE = 1;
export const UPDATE_SERVER = 2; // server and VIP addresses and ports, deltas, offset, scales, worker, lease
export const UPDATE_ID = 4; // handoff id
export const UPDATE_RECORD = 8; // ISNs, service, server, MSS, scale, options, sequences, timestamps, target
export const UPDATE_DEADLINE = 16;
export const UPDATE_FLAGS_SET = 32; // flags := flags | template's
export const UPDATE_FLAGS_CLEAR = 64; // flags := flags & ~template's
export const UPDATE_REQUESTS = 128; // REQUEST_NEXT, REQUESTS
export const UPDATE_RESPONSES = 256; // what is read of the server's stream

// What release() says
export const RELEASE_NONE = 0; // not this connection, or not in FORWARD
export const RELEASE_DONE = 1; // all requests are answered, all answers acknowledged; RELEASING now
export const RELEASE_LATER = 2; // not yet: FLAG_ASKED is set
export const RELEASE_NEVER = 3; // where a response ends cannot be told
export const RELEASE_UPGRADED = 4; // it speaks another protocol now
export const RELEASE_ENDING = 5; // one side has sent its FIN

// In RECORD_RESPONSE_MODE, the rest of which is parse/response.ts's: the request's method was HEAD, so that
// its response has no body, whatever it says
export const RESPONSE_TO_HEAD = 1 << 23;

// What the request-head parser finds (offsets and lengths in bytes from the head's first byte)
export const HEAD_LENGTH = 0; // u32: of the head with its empty line
export const HEAD_TARGET_HASH = 4; // u32: of the path, or what the service says
export const HEAD_METHOD_LENGTH = 8; // u16: the method begins at HEAD_METHOD_OFFSET
export const HEAD_VERSION = 10; // u16: 10 = HTTP/1.0, 11 = HTTP/1.1
export const HEAD_TARGET_OFFSET = 12; // u16: request target as sent
export const HEAD_TARGET_LENGTH = 14; // u16
export const HEAD_PATH_OFFSET = 16; // u16: path of the target, without query
export const HEAD_PATH_LENGTH = 18; // u16
export const HEAD_QUERY_OFFSET = 20; // u16: behind "?", 0 = none
export const HEAD_QUERY_LENGTH = 22; // u16
export const HEAD_HOST_OFFSET = 24; // u16: of Host or absolute-form target, without port and trailing dot
export const HEAD_HOST_LENGTH = 26; // u16
export const HEAD_FLAGS = 28; // u32: HEAD_FLAG_*
export const HEAD_CONTENT_LENGTH = 32; // f64
export const HEAD_HEADER_COUNT = 40; // u32
export const HEAD_METHOD_OFFSET = 44; // u16: 0, or 2 behind an empty line before the request line
export const HEAD_HEADERS = 48; // HEAD_HEADER_LIMIT x { u16: name offset, length, value offset, length }
export const HEAD_HEADER_SIZE = 8;
export const HEAD_HEADER_LIMIT = 96;
export const HEAD_SIZE = HEAD_HEADERS + HEAD_HEADER_LIMIT * HEAD_HEADER_SIZE;
export const HEAD_LIMIT = 16384; // bytes; a longer head is refused

export const HEAD_FLAG_CHUNKED = 1;
export const HEAD_FLAG_CONTENT_LENGTH = 2;
export const HEAD_FLAG_CLOSE = 4; // the client asked to close after the response
export const HEAD_FLAG_KEEP_ALIVE = 8;
export const HEAD_FLAG_UPGRADE = 16;
export const HEAD_FLAG_EXPECT = 32;
// the path as sent may name what another spelling names: it has "%", ";", "//" or a segment "." or ".."
export const HEAD_FLAG_PATH_SPELLING = 64;

// What the ClientHello parser finds. It moves the message's pieces together, so that ranges are whole;
// offsets count from the connection's first byte as they then lie.
export const HELLO_LENGTH = 0; // u32: of the joined message with one record header; incomplete: see parser
export const HELLO_FLAGS = 4; // u32: HELLO_FLAG_*
export const HELLO_NAME_HASH = 8; // u32: of the name in small letters, as of a target; 0 without
export const HELLO_SESSION_HASH = 12; // u32: of the session id, 0 without
export const HELLO_TICKET_HASH = 16; // u32: of the ticket, 0 without
export const HELLO_NAME_OFFSET = 20; // u16: in small letters, without trailing dot; 0 = no SNI
export const HELLO_NAME_LENGTH = 22; // u16
export const HELLO_SESSION_OFFSET = 24; // u16
export const HELLO_SESSION_LENGTH = 26; // u16: 0 to 32
export const HELLO_TICKET_OFFSET = 28; // u16: of TLS 1.2 (RFC 5077)
export const HELLO_TICKET_LENGTH = 30; // u16: 0 = none, or one is asked for
export const HELLO_PROTOCOLS_OFFSET = 32; // u16: ALPN names, each behind its length (u8)
export const HELLO_PROTOCOLS_LENGTH = 34; // u16
export const HELLO_SIZE = 40;

// extensions that were there
export const HELLO_FLAG_NAME = 1;
export const HELLO_FLAG_PROTOCOLS = 2;
export const HELLO_FLAG_TICKET = 4;
export const HELLO_FLAG_VERSIONS = 8;
export const HELLO_FLAG_PRE_SHARED_KEY = 16;
export const HELLO_FLAG_TLS13 = 32; // offered among the versions

/** Of a client's resets so many are reported until control has looked (RECORD_RESETS). */
export const RESETS_LIMIT = 4;

// Splicing agent: HEADER_SERVICE_* are addresses of its own, the client's end as the servers see it. The
// entry of index i has the address (i >> SPLICE_PORT_BITS) + 1 of them and the port behind the first
export const SPLICE_PORT_BITS = 15;
export const SPLICE_PORT_FIRST = 32768;
