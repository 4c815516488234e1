// What the fast path decided about a packet, and why it dropped one. The name of a reason is also its
// counter's name: received = forwarded + answered + to-control + all drops.

export const VERDICT_DROP = 0;
export const VERDICT_FORWARD = 1; // rewritten in place: transmit
export const VERDICT_ANSWER = 2; // the slot now holds a reply: transmit
export const VERDICT_TO_CONTROL = 3; // copied into the ring to control

export const DROP_TOO_SHORT = 1; // shorter than its headers say
export const DROP_NOT_IP = 2;
export const DROP_BAD_HEADER = 3; // header length, total length or version that cannot be
export const DROP_IP_OPTIONS = 4;
export const DROP_FRAGMENT = 5;
export const DROP_NOT_TCP = 6; // nor ICMP
export const DROP_BAD_FLAGS = 7; // SYN+FIN, SYN+RST, no flag at all
export const DROP_NOT_SERVICE = 8; // no VIP and port of ours
export const DROP_NO_ENTRY = 9; // matches no connection
export const DROP_BAD_COOKIE = 10; // an ACK that answers no SYN-ACK of ours
export const DROP_TO_CONTROL_FULL = 11;
export const DROP_FROM_CONTROL_FULL = 12;
export const DROP_TABLE_BUSY = 13; // the bucket stayed locked beyond the bound
export const DROP_LEASE_EXPIRED = 14;
export const DROP_SILENT = 15; // the connection was taken from this server
export const DROP_BAD_CHECKSUM = 16; // of a packet that begins a connection
export const DROP_TRANSMIT_FAILED = 17;
export const DROP_TABLE_FULL = 18;
export const DROP_HEADER_ONLY_RESET = 19; // RST without an entry
export const DROP_ABSORBED = 20; // the ACK that completed a handshake: its record is made, nothing else to do
export const DROP_SUPERSEDED_ACK = 21; // a later ACK of the same batch acknowledges more
export const DROP_ICMP_TYPE = 22; // an ICMP message that nobody here answers or passes on
export const DROP_ICMP_QUOTE = 23; // an error that quotes nothing of its receiver's, or an MTU that cannot be
export const DROP_ICMP_STATE = 24; // an error about a connection of which no server is sending
export const DROP_ICMP_LIMIT = 25; // too many echo requests, or errors about one connection, in a second
export const DROP_BAD_ADDRESS = 26; // a source that no client can have
export const DROP_HALF_OPEN_FULL = 27; // as ABSORBED, but without a record: too many wait for a request
export const DROP_OUT_OF_ORDER = 28; // a server's bytes behind a gap, where all must be read
export const DROP_REASON_LIMIT = 32;

// Counters, by index in a worker's COUNTERS; drop reason r counts at COUNTER_DROPS + r
export const COUNTER_RECEIVED = 0;
export const COUNTER_FORWARDED = 1;
export const COUNTER_ANSWERED = 2;
export const COUNTER_TO_CONTROL = 3;
export const COUNTER_BYTES_RECEIVED = 4;
export const COUNTER_BYTES_FORWARDED = 5;
export const COUNTER_FROM_CONTROL = 6; // packets that control made or held, transmitted by this worker
export const COUNTER_POLLS_WITH_PACKETS = 7;
export const COUNTER_EMPTY_POLLS = 8;
export const COUNTER_SLEEPS = 9;
export const COUNTER_LOOKUP_RETRIES = 10; // the version changed under a reader
export const COUNTER_LOCK_WAITS = 11;
export const COUNTER_COOKIES_SENT = 12;
export const COUNTER_COOKIES_ACCEPTED = 13;
export const COUNTER_FROM_CONTROL_DROPPED = 14; // transmit failed for a packet from control
export const COUNTER_ECHOES_ANSWERED = 15; // echo requests to a VIP
export const COUNTER_ICMP_ERRORS = 16; // translated and passed on towards a server
export const COUNTER_LATE = 17; // of those forwarded: of a connection in PASSED, which came the old way
export const COUNTER_DROPS = 32;
