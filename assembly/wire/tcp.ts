// TCP header (RFC 9293 section 3.1) and options (section 3.2, RFC 7323, RFC 2018): offsets in bytes.
export const TCP_SOURCE_PORT = 0; // u16
export const TCP_DESTINATION_PORT = 2; // u16
export const TCP_SEQUENCE = 4; // u32
export const TCP_ACKNOWLEDGMENT = 8; // u32
export const TCP_DATA_OFFSET = 12; // u8: header length in words, high four bits
export const TCP_FLAGS = 13; // u8
export const TCP_WINDOW = 14; // u16
export const TCP_CHECKSUM = 16; // u16
export const TCP_URGENT = 18; // u16
export const TCP_HEADER_SIZE = 20;

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;
export const TCP_URG = 32;
export const TCP_ECE = 64;
export const TCP_CWR = 128;

export const TCP_OPTION_END = 0;
export const TCP_OPTION_NOP = 1;
export const TCP_OPTION_MSS = 2;
export const TCP_OPTION_WINDOW_SCALE = 3;
export const TCP_OPTION_SACK_PERMITTED = 4;
export const TCP_OPTION_SACK = 5;
export const TCP_OPTION_TIMESTAMPS = 8;
export const TCP_OPTION_MSS_SIZE = 4;
export const TCP_OPTION_WINDOW_SCALE_SIZE = 3;
export const TCP_OPTION_SACK_PERMITTED_SIZE = 2;
export const TCP_OPTION_TIMESTAMPS_SIZE = 10;
// The usual form, four bytes: NOP NOP TIMESTAMPS 10, as a little-endian u32
export const TCP_TIMESTAMPS_ALIGNED = 0x0a080101;
export const TCP_WINDOW_SCALE_MAX = 14; // RFC 7323 section 2.3
