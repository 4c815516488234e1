// The control channel's bytes: every offset and size. Big endian. Meaning: docs/protocol.md.

/** The newest protocol version this program speaks, and the oldest. */
export const PROTOCOL_VERSION = 1;
export const OLDEST_VERSION = 1;

// Frame header, then the body
export const FRAME_LENGTH = 0; // u32: of the whole frame, header included
export const FRAME_TYPE = 4; // u8: TYPE_*
export const FRAME_VERSION = 5; // u8: version of the body's layout
// 2 bytes reserved: sent as 0, not looked at, here and below
export const FRAME_NUMBER = 8; // u32: 1 for the first frame of a connection, then + 1
export const FRAME_RECEIVED = 12; // u32: newest frame number received from the peer, 0 = none
export const FRAME_HEADER = 16;
/** 64 KiB of request bytes and 32 KiB of room. */
export const FRAME_LIMIT = 65536 + 32768;

export const TYPE_HELLO = 1;
export const TYPE_HANDOFF = 2;
export const TYPE_READY = 3;
export const TYPE_FAILED = 4;
export const TYPE_CLOSE = 5;
export const TYPE_CONFIRM = 6;
export const TYPE_UPDATE = 7;
export const TYPE_RESYNC = 8;
export const TYPE_LOAD = 9;
export const TYPE_PING = 10;
export const TYPE_SESSION = 11;
export const TYPE_RELEASE = 12;
export const TYPE_RELEASED = 13;
export const TYPE_BUSY = 14;
export const TYPE_REQUESTS = 15;
export const TYPE_IDLE = 16;
export const TYPE_ROSTER = 24;
export const TYPE_DISPATCH = 25;
export const TYPE_DISPATCHED = 26;
export const TYPE_QUERY = 28;
export const TYPE_ANSWER = 29;
export const TYPE_PASS = 30;

// Handoff id
export const ID_RUN = 0; // u32
export const ID_COUNTER = 4; // u32
export const ID_SIZE = 8;

// Tuple: addresses are 16 bytes, IPv4 in the first four, the others 0
export const TUPLE_CLIENT = 0;
export const TUPLE_VIP = 16;
export const TUPLE_CLIENT_PORT = 32; // u16
export const TUPLE_VIP_PORT = 34; // u16
export const TUPLE_FAMILY = 36; // u8: 4 or 6
// 3 bytes reserved: a tuple has 40

// Service offer in a hello
export const OFFER_VIP = 0;
export const OFFER_PORT = 16; // u16
export const OFFER_SERVER_PORT = 18; // u16
export const OFFER_FAMILY = 20; // u8
export const OFFER_SIZE = 24; // 3 bytes reserved

// Binding in a hello: both addresses are of the same family
export const BINDING_VIP = 0;
export const BINDING_HANDOFF = 16;
export const BINDING_PORT = 32; // u16
export const BINDING_HANDOFF_PORT = 34; // u16
export const BINDING_FAMILY = 36; // u8
export const BINDING_SIZE = 40; // 3 bytes reserved

// Hello, then the strings and lists: name, group, roles, capabilities, services, bindings
export const HELLO_PROTOCOL = 0; // u16: newest version the sender speaks
export const HELLO_ROLES = 2; // u8: count of roles
export const HELLO_CAPABILITIES = 3; // u8: count of capabilities
export const HELLO_RUN = 4; // u32
export const HELLO_SERVICES = 8; // u16: count of services
export const HELLO_BINDINGS = 10; // u16: count of bindings
export const HELLO_SIZE = 12;

// Handoff, then the bytes
export const HANDOFF_ID = 0;
export const HANDOFF_TUPLE = 8;
export const HANDOFF_SERVER_PORT = 48; // u16
export const HANDOFF_MSS = 50; // u16
export const HANDOFF_CLIENT_ISN = 52; // u32
export const HANDOFF_SWITCH_ISN = 56; // u32
export const HANDOFF_SWITCH_NEXT = 60; // u32
export const HANDOFF_CLIENT_SCALE = 64; // u8: 0 to 14, 15 = not offered
export const HANDOFF_SWITCH_SCALE = 65; // u8: 0 to 14, 15 = not offered
export const HANDOFF_FLAGS = 66; // u8: HANDOFF_FLAG_*
// 1 byte reserved
export const HANDOFF_WINDOW = 68; // u16
// 2 bytes reserved
export const HANDOFF_TIMESTAMP_RECENT = 72; // u32
export const HANDOFF_TIMESTAMP_SWITCH = 76; // u32
export const HANDOFF_BYTES = 80; // u32: count of the bytes that follow
export const HANDOFF_SIZE = 84;
export const HANDOFF_FLAG_SACK = 1;
export const HANDOFF_FLAG_TIMESTAMPS = 2;
export const HANDOFF_FLAG_BY_SYN = 4;
/** Each request is dispatched: where the next one begins (u32) stands behind all else. */
export const HANDOFF_FLAG_REQUESTS = 8;
export const HANDOFF_FLAG_SESSIONS = 16;
/** The name of a cookie (string) follows the bytes. */
export const HANDOFF_FLAG_COOKIE = 32;
/** Only with HANDOFF_FLAG_REQUESTS: the request's method is HEAD. */
export const HANDOFF_FLAG_HEAD = 64;
/** Refused where the tuple is not reserved for the giver. */
export const HANDOFF_FLAG_RESERVED = 128;
export const HANDOFF_NEXT_SIZE = 4;
/** Most request bytes in one handoff. */
export const HANDOFF_BYTES_LIMIT = 65536;
export const SCALE_LIMIT = 15;

// Ready is an id alone. Failed: then the reason (string)
export const FAILED_ID = 0;
export const FAILED_DELIVERED = 8; // u8: DELIVERED_*
export const FAILED_SIZE = 9;
export const DELIVERED_NO = 0;
export const DELIVERED_MAYBE = 1;

// Close; a switch in front gets the client's ISN (u32) behind it
export const CLOSE_ID = 0;
export const CLOSE_TUPLE = 8;
export const CLOSE_SIZE = 48;
export const CLOSE_CLIENT_ISN_SIZE = 4;

// Confirm, then the ids
export const CONFIRM_COUNT = 0; // u16
export const CONFIRM_OF = 2; // u8: type of the confirmed messages, 0 = not said
export const CONFIRM_SIZE = 4; // 1 byte reserved

// Update, then the server's name (string)
export const UPDATE_ID = 0;
export const UPDATE_TUPLE = 8;
export const UPDATE_HANDOFF = 48; // address, of the tuple's family
export const UPDATE_CLIENT_ISN = 64; // u32
export const UPDATE_HANDOFF_PORT = 68; // u16
export const UPDATE_SIZE = 72; // 2 bytes reserved

// Resync, then the entries
export const RESYNC_COUNT = 0; // u16
export const RESYNC_LAST = 2; // u8: 1 = ends the list
export const RESYNC_SIZE = 4; // 1 byte reserved
export const RESYNC_ENTRY_ID = 0;
export const RESYNC_ENTRY_TUPLE = 8;
export const RESYNC_ENTRY_CLIENT_ISN = 48; // u32
export const RESYNC_ENTRY_SIZE = 52;

// Session
export const SESSION_ID = 0;
export const SESSION_KEY = 8; // u32
export const SESSION_SIZE = 12;

// Release
export const RELEASE_ID = 0;
export const RELEASE_TUPLE = 8;
export const RELEASE_SEQUENCE = 48; // u32
export const RELEASE_ACKNOWLEDGMENT = 52; // u32
export const RELEASE_REQUESTS = 56; // u32
export const RELEASE_WAITS = 60; // u8: 0 or 1
export const RELEASE_SIZE = 64; // 3 bytes reserved

// Released
export const RELEASED_ID = 0;
export const RELEASED_TUPLE = 8;
export const RELEASED_NEXT = 48; // u32
export const RELEASED_TIMESTAMP = 52; // u32
export const RELEASED_SIZE = 56;

// Busy
export const BUSY_ID = 0;
export const BUSY_REASON = 8; // u8: index in BUSY_REASONS
export const BUSY_SIZE = 12; // 3 bytes reserved
export const BUSY_REASONS = ['later', 'never', 'upgraded', 'ending', 'unknown'] as const;

// Requests
export const REQUESTS_ID = 0;
export const REQUESTS_TUPLE = 8;
export const REQUESTS_COUNT = 48; // u32
export const REQUESTS_NEXT = 52; // u32
export const REQUESTS_MSS = 56; // u16: 0 = what was agreed is not said
export const REQUESTS_CLIENT_SCALE = 58; // u8
export const REQUESTS_SWITCH_SCALE = 59; // u8
export const REQUESTS_FLAGS = 60; // u8: HANDOFF_FLAG_SACK, HANDOFF_FLAG_TIMESTAMPS
export const REQUESTS_SIZE = 64; // 3 bytes reserved

// Idle, then the connections
export const IDLE_COUNT = 0; // u16
export const IDLE_SIZE = 4; // 2 bytes reserved
export const IDLE_ID = 0;
export const IDLE_TUPLE = 8;
export const IDLE_NEXT = 48; // u32
export const IDLE_TIMESTAMP = 52; // u32
export const IDLE_SEQUENCE = 56; // u32
export const IDLE_REQUESTS = 60; // u32: 0 = no longer idle
export const IDLE_CONNECTION_SIZE = 64;

// Query, then what is asked about
export const QUERY_COUNT = 0; // u16
export const QUERY_SIZE = 4; // 2 bytes reserved
export const ASKED_TUPLE = 0;
export const ASKED_ISN = 40; // u32
export const ASKED_HAS_ISN = 44; // u8: 0 or 1
export const ASKED_SIZE = 48; // 3 bytes reserved

// Answer, then the answers
export const ANSWER_COUNT = 0; // u16
export const ANSWER_SIZE = 4; // 2 bytes reserved
export const FOUND_ASKED = 0; // as in the query
export const FOUND_VERDICT = 48; // u8: index in FOUND_VERDICTS
export const FOUND_CLIENT_ISN = 52; // u32
export const FOUND_ID = 56;
export const FOUND_SIZE = 64; // then the server's name (string)
export const FOUND_VERDICTS = ['unknown', 'taken', 'mine'] as const;

// Pass, then the packet
export const PASS_VNET = 0; // 10 bytes: virtio_net_hdr
export const PASS_VNET_SIZE = 10;
export const PASS_LENGTH = 12; // u32
export const PASS_SIZE = 16;
/** Most bytes of a packet that is passed. */
export const PASS_LIMIT = 65536;

// Load report
export const LOAD_OPEN = 0; // u32
export const LOAD_SIZE = 4;

/** Most entries that one frame carries: resync 53 KiB, confirm 8 KiB. */
export const LIST_LIMIT = 1024;
/** A string is its length in bytes (u8) and UTF-8 without control characters. */
export const STRING_LIMIT = 255;

// Roster, then the pools' names (strings), then for each server its connections (u32) and name (string)
export const ROSTER_POOLS = 0; // u16: count, and ROSTER_DETAILS
export const ROSTER_DETAILS = 0x8000; // standings and members follow
export const ROSTER_SERVERS = 2; // u16: count
export const ROSTER_SIZE = 4;
export const STANDING_WEIGHT = 0; // u32: thousandths
export const STANDING_SINCE = 4; // u32: ms
export const STANDING_SLOW_START = 8; // u32: ms
export const STANDING_SIZE = 12;

// Dispatch, then requests, counts and sets
export const DISPATCH_NUMBER = 0; // u32
export const DISPATCH_REQUESTS = 4; // u16: count
export const DISPATCH_COUNTS = 6; // u16: count
export const DISPATCH_SETS = 8; // u16: count
export const DISPATCH_SET_SIZE = 10; // u16: bytes of each
export const DISPATCH_SIZE = 12;

// A request in it
export const REQUEST_TARGET = 0; // u32: what the pool's policy keys on
export const REQUEST_POOL = 4; // u16
export const REQUEST_SET = 6; // u16: which of the sets
export const REQUEST_PRESENT = 8; // u16: server that has the connection, 0xffff = it is new
export const REQUEST_SIZE = 12; // 2 bytes reserved

// A server's connections that the dispatcher cannot know of
export const COUNT_SERVER = 0; // u16
export const COUNT_TAKEN = 2; // u16: more
export const COUNT_OVER = 4; // u16: fewer
export const COUNT_SIZE = 6;

// Dispatched, then the servers (u16 each)
export const DISPATCHED_NUMBER = 0; // u32
export const DISPATCHED_COUNT = 4; // u16
export const DISPATCHED_SIZE = 8; // 2 bytes reserved
