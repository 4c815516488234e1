// The rival of the tun engine: one thread, poll + read until empty, new destination by RFC 1624, write back.
// It has no table: what is left is the cost of TUN itself. Prints packets and CPU seconds on SIGTERM.
// tun NAME NEW-DESTINATION NEW-PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { VNET_SIZE = 10, EMPTY_READS = 200 };

static volatile sig_atomic_t stopped;
static void stop(int signal) { stopped = signal; }

static uint16_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint32_t half_words(uint32_t value) { return (value & 0xffff) + (value >> 16); }

/* RFC 1624 (3): HC' = ~(~HC + ~m + m') */
static void update(uint8_t *at, uint32_t delta) {
  uint16_t sum;
  memcpy(&sum, at, 2);
  sum = (uint16_t)~fold((uint16_t)~sum + delta);
  memcpy(at, &sum, 2);
}

static void rewrite(uint8_t *vnet, uint8_t *packet, uint32_t address, uint16_t port) {
  uint8_t *tcp = packet + (packet[0] & 15) * 4;
  uint32_t old_address;
  uint16_t old_port, old_ttl, new_ttl;
  memcpy(&old_address, packet + 16, 4);
  memcpy(&old_port, tcp + 2, 2);
  memcpy(&old_ttl, packet + 8, 2);
  packet[8] = 64;
  memcpy(&new_ttl, packet + 8, 2);
  uint32_t address_delta = half_words(~old_address) + half_words(address);
  update(packet + 10, fold(address_delta + (uint16_t)~old_ttl + new_ttl));
  if (vnet[0] & 1) {
    uint16_t sum;
    memcpy(&sum, tcp + 16, 2);
    sum = fold(sum + address_delta);
    memcpy(tcp + 16, &sum, 2);
  } else {
    update(tcp + 16, fold(address_delta + (uint16_t)~old_port + port));
  }
  memcpy(packet + 16, &address, 4);
  memcpy(tcp + 2, &port, 2);
}

static int open_tun(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) return -1;
  if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) return -1;
  return fd;
}

int main(int argc, char **argv) {
  static uint8_t buffer[65536 + VNET_SIZE];
  if (argc != 4) return fprintf(stderr, "usage: tun NAME NEW-DESTINATION NEW-PORT\n"), 2;
  int fd = open_tun(argv[1]);
  if (fd < 0) return perror("tun"), 1;
  uint32_t address = inet_addr(argv[2]);
  uint16_t port = htons((uint16_t)atoi(argv[3]));
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  puts("ready");
  fflush(stdout);
  uint64_t packets = 0;
  int empty = 0;
  while (!stopped) {
    ssize_t length = read(fd, buffer, sizeof buffer);
    if (length >= VNET_SIZE + 40) {
      empty = 0;
      rewrite(buffer, buffer + VNET_SIZE, address, port);
      if (write(fd, buffer, (size_t)length) == length) packets++;
    } else if (length < 0 && errno == EAGAIN && ++empty > EMPTY_READS) {
      struct pollfd wait = {.fd = fd, .events = POLLIN};
      poll(&wait, 1, 1000);
    }
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  printf("{\"packets\": %llu, \"cpuSeconds\": %.3f}\n", (unsigned long long)packets, seconds);
  return 0;
}
