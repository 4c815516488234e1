// Fetches TARGET again and again, each time on a connection of its own, from each of the places in turn.
// A line for each: place, client port, and CLOCK_REALTIME in ns: before connect(), after it, after the
// request was written, after the first byte of the reply was read.
// client COUNT PAUSE-US TARGET ADDRESS PORT [ADDRESS PORT]...
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { START, CONNECTED, SENT, FIRST, STAMPS };

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void fetch(int place, const char *target, const char *address, const char *port) {
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  if (inet_pton(AF_INET, address, &peer.sin_addr) != 1) fail(address);
  char request[512], reply[65536];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, address);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  struct timeval limit = {.tv_sec = 10};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  long long at[STAMPS];
  at[START] = now();
  if (connect(fd, (struct sockaddr *)&peer, sizeof peer) != 0) fail("connect");
  at[CONNECTED] = now();
  if (write(fd, request, length) != length) fail("write");
  at[SENT] = now();
  ssize_t got = read(fd, reply, sizeof reply);
  at[FIRST] = now();
  if (got < 12 || strncmp(reply, "HTTP/1.1 200", 12) != 0) fail("no reply");
  struct sockaddr_in own;
  socklen_t size = sizeof own;
  getsockname(fd, (struct sockaddr *)&own, &size);
  while (read(fd, reply, sizeof reply) > 0);
  close(fd);
  printf("%d %d %lld %lld %lld %lld\n", place, ntohs(own.sin_port), at[START], at[CONNECTED], at[SENT],
         at[FIRST]);
}

int main(int count, char **words) {
  if (count < 6) return 2;
  int places = (count - 4) / 2;
  for (int round = atoi(words[1]); round > 0; --round) {
    for (int place = 0; place < places; ++place) {
      fetch(place, words[3], words[4 + 2 * place], words[5 + 2 * place]);
      usleep(atoi(words[2]));
    }
  }
  return 0;
}
