// IPv6 header (RFC 8200 section 3): field offsets in bytes.
export const IPV6_VERSION = 0; // u32: version, traffic class, flow label
export const IPV6_PAYLOAD_LENGTH = 4; // u16
export const IPV6_NEXT_HEADER = 6; // u8
export const IPV6_HOP_LIMIT = 7; // u8
export const IPV6_SOURCE = 8; // 16 bytes
export const IPV6_DESTINATION = 24; // 16 bytes
export const IPV6_HEADER_SIZE = 40;
