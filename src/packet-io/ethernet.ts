// An Ethernet device of this machine whose frames come and go bare through a descriptor, with full checksums
// and no longer than its MTU allows: a TAP, or where none can be opened one end of a veth pair, whose other
// end a packet socket holds.
import * as libc from './libc.ts';
import { openFrames } from './packet-ring.ts';
import { openTap, tunRefusal } from './tun.ts';
import { innerEnd, mustIp, raiseEnd } from './veth.ts';

// linux/sockios.h, linux/ethtool.h
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const NAME_SIZE = 16;
const REQUEST_SIZE = 40;

/** The kernel sums and cuts before the device gets a packet: with no sums there is no segmentation. */
export function offloadNothing(device: string): void {
  const value = libc.bytesOfItsOwn(8);
  new DataView(value.buffer).setUint32(0, ETHTOOL_STXCSUM, true);
  const request = libc.bytesOfItsOwn(REQUEST_SIZE);
  request.set(new TextEncoder().encode(device));
  new DataView(request.buffer).setBigUint64(NAME_SIZE, BigInt(libc.addressOf(value)), true);
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | libc.O_CLOEXEC, 0);
  const done = libc.ioctlBuffer(fd, SIOCETHTOOL, request);
  const why = libc.errnoName(libc.errno());
  libc.close(fd);
  if (done < 0) throw new Error(`cannot turn offloads of ${device} off: ${why}`);
}

/**
 * Makes the device and opens it; returns the descriptor. A TAP lives as long as that, a veth pair until
 * this network namespace ends. Throws with the way to mend it.
 */
export function openEthernet(device: string): number {
  if (tunRefusal() === undefined) return openTap(device);
  const inner = innerEnd(device);
  mustIp(device, `link add ${device} type veth peer name ${inner}`);
  // frames are for the stations behind it, none is for this host's own stack
  raiseEnd(device, inner);
  const fd = openFrames(libc.interfaceIndex(inner));
  try {
    offloadNothing(device);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}
