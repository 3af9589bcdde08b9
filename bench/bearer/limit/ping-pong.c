/*
 * Messages that bounce between both ends of TCP connections over loopback, each connection with one message under way.
 * Both ends are in this process and on this ring, so the figure is the cost of a whole round trip: two sends, two
 * receives. An end sends what it received from where it is, and receives into its other buffer.
 *
 * Usage: ping-pong operations=N warmUp=N connections=N bytes=N
 */
#include "measured.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

struct end {
  int socket;
  int client;
  int held; /* the buffer with the message, or the one that receives it */
  char *buffers[2];
};

enum { SEND = 1u << 31 };

static unsigned connections, bytes;
static struct end *ends; /* client and server in turns */

static void queue_send(unsigned index) {
  struct end *end = &ends[index];
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_send(sqe, end->socket, end->buffers[end->held], bytes, MSG_NOSIGNAL | MSG_WAITALL);
  io_uring_sqe_set_data64(sqe, index | SEND);
}

static void queue_receive(unsigned index) {
  struct end *end = &ends[index];
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_recv(sqe, end->socket, end->buffers[end->held], bytes, 0);
  io_uring_sqe_set_data64(sqe, index);
}

static void pass_on(unsigned index) {
  queue_send(index);
  ends[index].held ^= 1;
  queue_receive(index);
}

static uint32_t sum_of_messages(void) {
  uint32_t sum = 0;
  for (unsigned index = 0; index < connections * 2; index += 2)
    for (unsigned at = 0; at < bytes; at++) sum += (unsigned char)ends[index].buffers[ends[index].held][at];
  return sum;
}

static uint32_t ping_pong(unsigned operations, int warming_up) {
  (void)warming_up;
  unsigned left[connections], running = connections;
  for (unsigned index = 0; index < connections; index++) {
    left[index] = operations / connections;
    pass_on(index * 2);
  }
  while (running > 0) {
    submit_and_wait(1);
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      seen++;
      demand(cqe->res == (int)bytes, "a message was cut");
      if (cqe->user_data & SEND) continue;
      unsigned index = (unsigned)cqe->user_data;
      if (ends[index].client && --left[index / 2] == 0) running--;
      else pass_on(index);
    }
    io_uring_cq_advance(&ring, seen);
  }
  return sum_of_messages();
}

static void connect_ends(unsigned pair, int listener, struct sockaddr_in *address) {
  int yes = 1;
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client < 0 || connect(client, (struct sockaddr *)address, sizeof *address) < 0) die("connect", errno);
  int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (server < 0) die("accept", errno);
  int sockets[2] = {client, server};
  for (int side = 0; side < 2; side++) {
    setsockopt(sockets[side], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct end *end = &ends[pair * 2 + side];
    *end = (struct end){.socket = sockets[side], .client = side == 0};
    for (int buffer = 0; buffer < 2; buffer++) end->buffers[buffer] = calloc(1, bytes);
  }
  for (unsigned at = 0; at < bytes; at++) ends[pair * 2].buffers[0][at] = (char)(pair + at);
  queue_receive(pair * 2 + 1);
}

int main(int count, char **arguments) {
  connections = argument(count, arguments, "connections");
  bytes = argument(count, arguments, "bytes");
  open_ring(256);
  ends = calloc(connections * 2, sizeof *ends);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 128) < 0) die("listen", errno);
  getsockname(listener, (struct sockaddr *)&address, &length);
  for (unsigned pair = 0; pair < connections; pair++) connect_ends(pair, listener, &address);
  measure(count, arguments, ping_pong);
  return 0;
}
