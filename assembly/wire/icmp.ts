// ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443): field offsets in bytes, message types.
export const ICMP_TYPE = 0; // u8
export const ICMP_CODE = 1; // u8
export const ICMP_CHECKSUM = 2; // u16
export const ICMP_NEXT_HOP_MTU = 6; // u16: of "fragmentation needed" (RFC 1191 section 4)
export const ICMP6_MTU = 4; // u32: of "packet too big"
export const ICMP_HEADER_SIZE = 8; // of echo messages and of errors, whose quoted packet follows

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_FRAGMENTATION_NEEDED = 4; // code
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;

export const ICMP6_UNREACHABLE = 1;
export const ICMP6_PACKET_TOO_BIG = 2;
export const ICMP6_TIME_EXCEEDED = 3;
export const ICMP6_PARAMETER_PROBLEM = 4;
export const ICMP6_ECHO = 128;
export const ICMP6_ECHO_REPLY = 129;
