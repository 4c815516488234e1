// IPv4 header (RFC 791 section 3.1): field offsets in bytes.
export const IPV4_VERSION_IHL = 0; // u8
export const IPV4_TOTAL_LENGTH = 2; // u16
export const IPV4_ID = 4; // u16
export const IPV4_FRAGMENT = 6; // u16: flags and offset
export const IPV4_TTL = 8; // u8
export const IPV4_PROTOCOL = 9; // u8
export const IPV4_CHECKSUM = 10; // u16
export const IPV4_SOURCE = 12; // u32
export const IPV4_DESTINATION = 16; // u32
export const IPV4_HEADER_SIZE = 20;
