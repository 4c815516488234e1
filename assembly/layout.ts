// The shared memory: every record's size and every field's offset, for both compilers (asc and tsc).
//
// Only plain integer constants, only + - * <<. What the configuration decides (counts, bases, seeds) is
// not here: it stands in the header record at address 0, written by src/memory-map.ts before a worker
// starts. A change here changes LAYOUT_VERSION and test/golden/layout.txt. Byte order: fields marked (n)
// hold the bytes as they are on the wire, all others are host order (little endian). "ms" times are f64
// milliseconds of the host's monotonic clock, "s" are u32 seconds of it.

export const LAYOUT_VERSION = 3;
export const CACHE_LINE = 64;

// ------------------------------------------------------------------------------------------------
// Memory, in this order; the header record says where each part begins
//
//   0        header | services | leases | workers (record, rings, slots) ...
//            buckets      bucketCount x 16, a power of two
//            entries      entryCount x 128   hot: what every packet needs
//            records      entryCount x 192   cold: what the control plane needs, same index
// ------------------------------------------------------------------------------------------------

// Header record, at address 0
export const HEADER_LAYOUT_VERSION = 0; // u32
export const HEADER_ROLE = 4; // u32, ROLE_*
export const HEADER_TABLE_MODE = 8; // u32, TABLE_*
export const HEADER_BUCKET_COUNT = 12; // u32, a power of two
export const HEADER_BUCKET_BASE = 16; // u32 address
export const HEADER_ENTRY_COUNT = 20; // u32
export const HEADER_ENTRY_BASE = 24; // u32 address
export const HEADER_RECORD_BASE = 28; // u32 address
export const HEADER_WORKER_COUNT = 32; // u32
export const HEADER_WORKER_BASE = 36; // u32 address of the first worker record
export const HEADER_SERVICE_COUNT = 40; // u32
export const HEADER_SERVICE_BASE = 44; // u32 address
export const HEADER_LEASE_BASE = 48; // u32 address of LEASE_COUNT f64 deadlines (ms)
export const HEADER_DOORBELL = 52; // u32, atomic: incremented and notified when a worker queued for control
export const HEADER_STOP = 56; // u32, atomic: workers leave their loop when it is not 0
export const HEADER_NEXT_OWNER = 60; // u32, atomic: last owner id given out (1..255, then round)
export const HEADER_HASH_SEED = 64; // 2 x u64
export const HEADER_COOKIE_EPOCH = 80; // u32: the current wall-clock epoch (64 s each), mod 2^32
export const HEADER_HALF_OPEN_LIMIT = 84; // u32: most entries in GATHERING
export const HEADER_HALF_OPEN_COUNT = 88; // u32, atomic
export const HEADER_QUEUE_ORDER = 92; // u32, atomic: records ever queued for control, by all workers
export const HEADER_COOKIE_KEYS = 96; // 4 x 16 bytes: SipHash key of epoch e stands in slot e & 3
export const HEADER_SERVICE_NETWORK4 = 160; // u32 (n): the agent's prefix of service addresses
export const HEADER_SERVICE_MASK4 = 164; // u32 (n)
export const HEADER_SERVICE_NETWORK6 = 168; // 16 bytes (n)
export const HEADER_SERVICE_MASK6 = 184; // 16 bytes (n)
export const HEADER_UNPROVEN_LIMIT = 200; // u32: most entries with FLAG_UNPROVEN
export const HEADER_UNPROVEN_COUNT = 204; // u32, atomic: these, and SYNs on their way to control
export const HEADER_STRAY_BUDGET = 208; // i32, atomic: so many QUEUE_STRAY may be queued; control fills it up
export const HEADER_SPLICES = 212; // u32: 1 = the agent splices, see SPLICE_* in calls.ts
export const HEADER_LEAVING = 216; // u32: 1 = the switch is about to end, and answers no SYN
// the free list is on a line of its own: control and all workers write it
export const HEADER_FREE_LOCK = 256; // u32, atomic: 0 or the owner id
export const HEADER_FREE_HEAD = 260; // u32: entry index + 1, linked through ENTRY_NEXT
export const HEADER_FREE_COUNT = 264; // u32
export const HEADER_GATHER_TIMEOUT = 320; // f64 ms: deadline of a new entry in GATHERING
export const HEADER_SIZE = 384;

// Working space of the control thread for its calls into the core
export const CONTROL_TUPLE = 512; // TUPLE_SIZE
export const CONTROL_TEMPLATE = 576; // TEMPLATE_SIZE
export const CONTROL_LIST = 1024; // 256 x u32
export const CONTROL_LIST_LIMIT = 256;
export const CONTROL_HEAD = 2048; // HEAD_SIZE
export const CONTROL_BUFFER = 4096; // a packet or a request head
export const CONTROL_BUFFER_SIZE = 69632;
export const SERVICES_BASE = CONTROL_BUFFER + CONTROL_BUFFER_SIZE;
export const ROLE_SWITCH = 0;
export const ROLE_AGENT = 1;
export const TABLE_KEYED = 0;
export const TABLE_PAPER = 1; // XOR of client address and port, lock taken for every packet
// Lease: deadline (f64 ms) of each peer that gives connections; an entry names its slot
export const LEASE_COUNT = 64;
export const LEASE_SIZE = 8;
// Service: one VIP and port of the switch (64 bytes)
export const SERVICE_ADDRESS = 0; // 16 bytes (n), where packets arrive; IPv4 in the first four, the others 0
export const SERVICE_PORT = 16; // u16 (n)
export const SERVICE_FAMILY = 18; // u8: 4 or 6
export const SERVICE_WINDOW_SCALE = 19; // u8: what the SYN-ACK offers
export const SERVICE_MSS = 20; // u16: most that the SYN-ACK offers
export const SERVICE_WINDOW = 22; // u16: window of the SYN-ACK (bytes, unscaled)
export const SERVICE_DISPATCH = 24; // u8: DISPATCH_*, what of the client a server is chosen by
export const SERVICE_VIP = 32; // 16 bytes (n): answers leave with it; as ADDRESS but behind another switch
export const SERVICE_SIZE = 64;
export const SERVICE_LIMIT = 64;
export const DISPATCH_REQUEST = 0; // its first data, which control reads
export const DISPATCH_ACK = 1; // the ACK that completes its handshake with the switch
export const DISPATCH_SYN = 2; // its SYN; as DISPATCH_ACK while HEADER_UNPROVEN_LIMIT is reached

// ------------------------------------------------------------------------------------------------
// Bucket (16 bytes): the version word is the lock, and it covers the whole chain.
//
//   31                              9 8            1 0
//  +---------------------------------+--------------+-+
//  | version                         | owner id     |L|   L = 1: locked by that owner
//  +---------------------------------+--------------+-+
// ------------------------------------------------------------------------------------------------
export const BUCKET_VERSION = 0; // u32, atomic
export const BUCKET_HEAD = 4; // u32: entry index + 1, 0 = empty
export const BUCKET_LOCKS = 8; // u32: how often a writer found it locked (for `paper` against `keyed`)
export const BUCKET_SIZE = 16;
export const VERSION_LOCKED = 1;
export const VERSION_OWNER_SHIFT = 1;
export const VERSION_OWNER_MASK = 0xff;
export const VERSION_STEP = 512;
export const CHAIN_LIMIT = 1024; // a walk never goes further

// ------------------------------------------------------------------------------------------------
// Entry (128 bytes, two cache lines; IPv4 needs only the first)
//
//        switch                                   agent
// local  VIP:port                                 handoff address:port   (client -> server packets come here)
// server handoff address:port                     service address:port   (new destination; source of replies)
// vip    -                                        VIP:port               (new source of replies)
//
// Both directions hash the client's address and port only, so one entry serves both at the agent.
//
//  0 next | 4 state | 8 client address | 12 local address | 16 client port, local port | 20 flags
// 24 server address | 28 server port, VIP port | 32 VIP address | 36 sequence delta | 40 timestamp offset
// 44 scales, worker, lease | 48 checksum deltas (4 x u16) | 56 last seen | 60 hash
// 64 client address | 80 local address | 96 server address | 112 VIP address   (IPv6)
// ------------------------------------------------------------------------------------------------
export const ENTRY_NEXT = 0; // u32: entry index + 1, 0 = end of chain
export const ENTRY_STATE = 4; // u32: STATE_*; RESERVED carries its owner id in bits 8..15
export const ENTRY_CLIENT_ADDRESS4 = 8; // u32 (n); 0 in an IPv6 entry
export const ENTRY_LOCAL_ADDRESS4 = 12; // u32 (n)
export const ENTRY_CLIENT_PORT = 16; // u16 (n)
export const ENTRY_LOCAL_PORT = 18; // u16 (n)
export const ENTRY_FLAGS = 20; // u32: FLAG_*
export const ENTRY_SERVER_ADDRESS4 = 24; // u32 (n)
export const ENTRY_SERVER_PORT = 28; // u16 (n)
export const ENTRY_VIP_PORT = 30; // u16 (n)
export const ENTRY_VIP_ADDRESS4 = 32; // u32 (n)
export const ENTRY_SEQUENCE_DELTA = 36; // u32: server's ISN - switch's ISN
export const ENTRY_TIMESTAMP_OFFSET = 40; // u32: added to the server's TSval, taken from the client's TSecr
export const ENTRY_SERVER_SCALE = 44; // u8: window scale the server's kernel uses (0 without scaling)
export const ENTRY_SWITCH_SCALE = 45; // u8: window scale the switch promised
export const ENTRY_WORKER = 46; // u8: the worker that sends this connection's held packets
export const ENTRY_LEASE = 47; // u8: index of the giver's lease
// RFC 1624: what to add to a one's complement sum in memory order (m' - m mod 65535), see rewrite/checksum.ts
export const ENTRY_TO_SERVER_ADDRESS_DELTA = 48; // u16: IPv4 header, pseudo header
export const ENTRY_TO_SERVER_PORT_DELTA = 50; // u16: ports
export const ENTRY_TO_CLIENT_ADDRESS_DELTA = 52; // u16
export const ENTRY_TO_CLIENT_PORT_DELTA = 54; // u16
export const ENTRY_LAST_SEEN = 56; // u32 s, written without the lock, only when the second changed
export const ENTRY_HASH = 60; // u32
export const ENTRY_CLIENT_ADDRESS6 = 64; // 16 bytes (n)
export const ENTRY_LOCAL_ADDRESS6 = 80; // 16 bytes (n)
export const ENTRY_SERVER_ADDRESS6 = 96; // 16 bytes (n)
export const ENTRY_VIP_ADDRESS6 = 112; // 16 bytes (n)
export const ENTRY_SIZE = 128;

export const STATE_FREE = 0;
export const STATE_RESERVED = 1; // taken from the pool by an owner, in no chain
export const STATE_GATHERING = 2; // switch: handshake complete, head not yet read; packets go to control
export const STATE_HELD = 3; // switch: handoff under way; packets go to control, which holds them
export const STATE_REPLAYING = 4; // agent: the server's kernel is given the connection; packets go to control
export const STATE_DRAINING = 5; // held packets leave through ENTRY_WORKER, later ones queue behind them
export const STATE_FORWARD = 6; // rewritten by whichever worker sees the packet
export const STATE_RELEASING = 7; // agent: server -> client is dropped, sequence frozen
export const STATE_CLOSED = 8; // over; forwarded until the linger deadline; a new connection replaces it
export const STATE_UNPROVEN = 9; // switch: the server has the client's SYN; FORWARD with the client's ACK
export const STATE_REQUESTS = 10; // switch: FORWARD up to RECORD_REQUEST_NEXT, the rest goes to control
export const STATE_PASSED = 11; // distributor: the switch in front sends to the server now; late ones go on

export const FLAG_IPV6 = 1;
export const FLAG_TIMESTAMPS = 2; // both sides send them
export const FLAG_CLIENT_FIN = 4; // RECORD_CLIENT_FIN is set
export const FLAG_SERVER_FIN = 8; // RECORD_SERVER_FIN is set
export const FLAG_CLIENT_FIN_ACKED = 16;
export const FLAG_SERVER_FIN_ACKED = 32;
export const FLAG_AT_BOUNDARY = 64; // between requests: silent when the lease is over
export const FLAG_WATCHED = 1024; // agent: the server's bytes go to control, too, which learns TLS sessions
export const FLAG_HEADS = 2048; // with FLAG_WATCHED: only the beginnings of packets that begin with HTTP
export const FLAG_SILENT = 128; // agent: nothing goes to the client (a killed replay, or not yet resynced)
export const FLAG_UNPROVEN = 256; // switch: whoever sent the SYN has not shown that it gets answers
export const FLAG_REQUESTS = 512; // each request is dispatched: REQUESTS at the switch, framed at the agent
export const FLAG_ASKED = 4096; // agent: control is told when all that was asked for is answered

// ------------------------------------------------------------------------------------------------
// Record (192 bytes): the cold part of a connection, same index as its entry, written under its bucket's lock
// ------------------------------------------------------------------------------------------------
export const RECORD_ID_RUN = 0; // u32: handoff id, first half: the giving host's run
export const RECORD_ID_COUNTER = 4; // u32: second half; 0/0 = no handoff yet
export const RECORD_CLIENT_ISN = 8; // u32
export const RECORD_SWITCH_ISN = 12; // u32
export const RECORD_SERVER_ISN = 16; // u32: of the server's kernel (agent)
export const RECORD_SERVICE = 20; // u16: index in the service table (switch), in the bindings (agent)
export const RECORD_SERVER = 22; // u16: index of the server (switch), of the giving peer (agent)
export const RECORD_CLIENT_MSS = 24; // u16
export const RECORD_CLIENT_SCALE = 26; // u8: window scale, SCALE_NONE = option not offered
export const RECORD_OPTIONS = 27; // u8: OPTION_*
export const RECORD_CLIENT_NEXT = 28; // u32: next sequence number expected from the client
export const RECORD_CLIENT_ACK = 32; // u32: last ack number seen from the client
export const RECORD_CLIENT_FIN = 36; // u32: sequence number after the client's FIN
export const RECORD_SERVER_FIN = 40; // u32: sequence number after the server's FIN, as the server counts
export const RECORD_TIMESTAMP_RECENT = 44; // u32: client's newest TSval
export const RECORD_TIMESTAMP_SWITCH = 48; // u32: TSecr of the client's segment = what the switch last sent
export const RECORD_TERMINAL = 52; // u32, atomic: TERMINAL_* bits to be sent until acknowledged
export const RECORD_DEADLINE = 56; // f64 ms: when the sweep reports the entry
export const RECORD_CREATED = 64; // f64 ms
export const RECORD_HELD_COUNT = 72; // u32: packets passed to control since HELD, DRAINING or REPLAYING began
export const RECORD_SENT_COUNT = 76; // u32: of those, sent or given up
export const RECORD_CLIENT_WINDOW = 80; // u16: raw window field of the client's newest segment
export const RECORD_GROUP = 84; // u32: hash of the giving group's name
export const RECORD_TARGET = 88; // u32: target hash of the request
export const RECORD_REQUEST_NEXT = 92; // u32: sequence number at which the next request begins
export const RECORD_REQUESTS = 96; // u32: requests that its server got under this id; 0 = not known
export const RECORD_RESETS = 104; // u32, atomic: reported resets of the client; above RESETS_LIMIT: more came
export const RECORD_NEXT_ISN = 108; // u32: of the newest SYN that a CLOSED entry of the switch saw, 0 = none
export const RECORD_ICMP_ERRORS = 112; // u32: second << 8 | ICMP errors passed on in that second
export const RECORD_CHALLENGED = 120; // f64 ms: last challenge ACK before the handoff, 0 = none; by control
// agent, FLAG_REQUESTS: the server's stream as far as it was read (parse/response.ts); its own numbers
export const RECORD_RESPONSE_NEXT = 128; // u32: next byte to be read
export const RECORD_RESPONSE_MODE = 132; // u32
export const RECORD_RESPONSE_LEFT = 136; // u64: bytes of the body, or chunk, still to come
export const RECORD_RESPONSES = 144; // u32: complete final responses
export const RECORD_SERVER_NEXT = 148; // u32: behind the last byte that was sent
export const RECORD_SERVER_TIMESTAMP = 152; // u32: newest TSval, as the client got it
export const RECORD_SIZE = 192;
export const SCALE_NONE = 15;
export const OPTION_SACK = 1;
export const OPTION_TIMESTAMPS = 2;
export const OPTION_BY_SYN = 4; // agent: handed over with its SYN, the kernel's SYN-ACK is the client's
export const TERMINAL_CLOSE = 1;
export const TERMINAL_READY = 2;
export const TERMINAL_FAILED = 4;
export const TERMINAL_FAILED_MAYBE = 8;
export const TERMINAL_RELEASED = 16;

// Worker record (1536 bytes), then its two rings, then its packet slots
export const WORKER_OWNER = 0; // u32: owner id of this incarnation
export const WORKER_SLEEPING = 4; // u32, atomic: 1 while in poll(2): who queues for it writes its wake-up fd
export const WORKER_HEARTBEAT = 8; // u32, atomic: passes made
export const WORKER_SLOT_BASE = 12; // u32 address of its packet slots
export const WORKER_SLOT_COUNT = 16; // u32
export const WORKER_TO_CONTROL_BASE = 20; // u32 address of the ring's bytes
export const WORKER_TO_CONTROL_SIZE = 24; // u32, a power of two
export const WORKER_FROM_CONTROL_BASE = 28; // u32
export const WORKER_FROM_CONTROL_SIZE = 32; // u32, a power of two
export const WORKER_SLOT_STRIDE = 36; // u32: bytes from slot to slot: SLOT_SIZE, or less for small frames
export const WORKER_SECOND = 40; // u32 s: of the batch under way
export const WORKER_KEPT = 44; // u32: packets of the batch that were not forwarded
export const WORKER_KEPT_BYTES = 48; // u32: their bytes, and padding that was cut
export const WORKER_TOUCHED = 56; // u32: nothing; what a loop reads only to have it in the cache
export const WORKER_ANSWERED = 52; // u32: of the kept ones, those that became a reply
export const WORKER_THREAD = 60; // u32: Node's id of its thread; 0 = it has not begun to forward
export const WORKER_TO_CONTROL_TAIL = 64; // u32, atomic: bytes ever written (worker)
export const WORKER_ECHO_SECOND = 68; // u32 s: the second of WORKER_ECHOES
export const WORKER_ECHOES = 72; // u32: echo requests seen in that second
export const WORKER_TO_CONTROL_HEAD = 128; // u32, atomic: bytes ever read (control)
export const WORKER_FROM_CONTROL_TAIL = 192; // u32, atomic: bytes ever written (control)
export const WORKER_FROM_CONTROL_HEAD = 256; // u32, atomic: bytes ever read (worker)
export const WORKER_COUNTERS = 320; // COUNTER_LIMIT x u64, written by this worker alone
export const COUNTER_LIMIT = 72;
export const WORKER_SCRATCH = 1024; // 512 bytes for calls from TypeScript on that worker's thread
export const WORKER_SIZE = 1536;

// A record in a ring, whole, never across the end (a SKIP record fills the rest)
export const RING_LENGTH = 0; // u32: of the record with padding, a multiple of 8
export const RING_KIND = 4; // u32: QUEUE_*
export const RING_ENTRY = 8; // u32: entry index, NO_ENTRY without
export const RING_WORKER = 12; // u32: the worker that queued it
export const RING_ID_RUN = 16; // u32: handoff id of the entry when queued
export const RING_ID_COUNTER = 20; // u32
export const RING_PACKET_LENGTH = 24; // u32: bytes of the IP packet
export const RING_OPTIONS = 28; // u32: OPEN: what the cookie held: mss | scale << 16 | OPTION_* << 24
export const RING_ORDER = 32; // u32, to control: number of the record among those of all workers, mod 2^32
export const RING_VNET = 38; // virtio_net_hdr, VNET_SIZE bytes
export const RING_PACKET = 48;
export const NO_ENTRY = 0x7fffffff;

export const QUEUE_SKIP = 0; // this and all but two of the next: to control
export const QUEUE_OPEN = 1; // a SYN for a server; valid cookie, and data or no room for an entry
export const QUEUE_PACKET = 2; // of an entry in GATHERING, HELD, DRAINING, REPLAYING; at a boundary unasked
export const QUEUE_CLOSED = 3; // the entry was set CLOSED (both FINs acknowledged, or server RST); no packet
export const QUEUE_RESET = 4; // a client's RST was forwarded: the kernel should be probed; packet = that RST
export const QUEUE_WATCHED = 9; // a copy of a server's packet of an entry with FLAG_WATCHED
export const WATCHED_HEAD_LIMIT = 8192; // bytes of such a packet with FLAG_HEADS, from its IP header on
export const QUEUE_ANSWERED = 8; // agent: an entry with FLAG_ASKED may be released now; no packet
export const QUEUE_SYN_ACK = 7; // agent: the server's kernel sent a SYN-ACK; goes no further
export const QUEUE_STRAY = 10; // switch: an ACK of no connection and without a good cookie
export const QUEUE_TRANSMIT = 5; // from control: send as it is
export const QUEUE_REWRITE = 6; // from control: rewrite by its entry, send, count as a held packet sent

// A packet slot: the device fills LENGTH and the bytes, the core sets VERDICT
export const SLOT_LENGTH = 0; // u32: bytes of the IP packet; after the core, of the packet to send
export const SLOT_VERDICT = 4; // u32: VERDICT_* | drop reason << 8
export const SLOT_ENTRY = 8; // u32: entry index or NO_ENTRY
export const SLOT_BUCKET = 12; // u32, this and the next two: see straight.ts, nobody else reads them
export const SLOT_FOUND = 16; // u32
export const SLOT_VERSION = 20; // u32
export const SLOT_VNET = 54;
export const SLOT_PACKET = 64;
export const SLOT_PACKET_LIMIT = 65536;
export const SLOT_SIZE = 65728; // an odd number of cache lines: else all headers fall into a few sets
export const VNET_SIZE = 10;
export const TEMPLATE_RECORD = ENTRY_SIZE; // a template: an entry's image, then its record's
export const TEMPLATE_SIZE = ENTRY_SIZE + RECORD_SIZE;
