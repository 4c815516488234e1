// Sends whole IP packets as they are, one for each argument in hexadecimal.
// node build/programs-raw-packet.mjs HEX...
import koffi from 'koffi';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW = 3;
const IPPROTO_RAW = 255; // the IP header is in the packet
const ADDRESS_SIZE = 28; // struct sockaddr_in6

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const sendto = libc.func('long sendto(int, void*, size_t, int, void*, unsigned int)');

function send(packet: Buffer): void {
  const six = packet[0]! >> 4 === 6;
  const address = Buffer.alloc(ADDRESS_SIZE);
  address.writeUInt16LE(six ? AF_INET6 : AF_INET, 0);
  packet.copy(address, six ? 8 : 4, six ? 24 : 16, six ? 40 : 20);
  const fd = socket(six ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW) as number;
  if (fd < 0) throw new Error('raw-packet: socket refused; needs CAP_NET_RAW');
  const size = six ? ADDRESS_SIZE : 16;
  const sent = sendto(fd, packet, packet.length, 0, address, size) as number;
  if (sent !== packet.length) throw new Error(`raw-packet: sent ${sent} of ${packet.length} bytes`);
}

for (const hex of process.argv.slice(2)) send(Buffer.from(hex, 'hex'));
