// virtio_net_hdr as IFF_VNET_HDR devices put it before a packet (linux/virtio_net.h): offsets in bytes.
export const VNET_FLAGS = 0; // u8
export const VNET_GSO_TYPE = 1; // u8
export const VNET_HDR_LEN = 2; // u16
export const VNET_GSO_SIZE = 4; // u16
export const VNET_CSUM_START = 6; // u16
export const VNET_CSUM_OFFSET = 8; // u16
export const VNET_NEEDS_CSUM = 1; // flag: the TCP checksum field holds the sum of the pseudo header only
export const VNET_GSO_NONE = 0;
export const VNET_GSO_TCPV4 = 1;
export const VNET_GSO_TCPV6 = 4;
